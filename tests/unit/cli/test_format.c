/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmocka_all.h"

#include "format.h"

#include <math.h>

static void rates_have_four_digits(void **state)
{
	static const struct {
		double rate;
		const char *expected;
	} cases[] = {
		{0.0, "0"},	      {-1.0, "0"},	  {NAN, "0"},
		{INFINITY, "0"},      {1e-7, "0"},	  {0.00123456, "0.001235"},
		{0.5, "0.5000"},      {1.0, "1.000"},	  {9.8765, "9.877"},
		{14.8809, "14.88"},   {148.809, "148.8"}, {1488.09, "1488"},
		{123456.7, "123457"},
	};
	char text[FORMAT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		format_rate(cases[i].rate, text);
		assert_string_equal(text, cases[i].expected);
	}
}

static void rates_fit_their_buffer(void **state)
{
	char text[FORMAT_SIZE];

	(void)state;
	format_rate(1.7e308, text);
	assert_string_equal(text, "1.700e+308");
}

static void durations(void **state)
{
	char text[FORMAT_SIZE];

	(void)state;
	format_duration(4.54, text);
	assert_string_equal(text, "4.5s");
	format_duration(3725.9, text);
	assert_string_equal(text, "01:02:05");
	format_duration(2 * 86400.0 + 3 * 3600 + 4 * 60 + 5, text);
	assert_string_equal(text, "2d 03:04:05");
	format_duration(-1.0, text);
	assert_string_equal(text, "0.0s");
}

static void growth(void **state)
{
	(void)state;
	assert_true(format_per_second(100, 300, 2.0) == 100.0);
	assert_true(format_per_second(300, 100, 2.0) == 0.0);
	assert_true(format_per_second(100, 300, 0.0) == 0.0);
}

static void shares(void **state)
{
	(void)state;
	assert_true(format_share(1, 3) == 25.0);
	assert_true(format_share(0, 0) == 0.0);
	assert_true(format_share(UINT64_MAX, UINT64_MAX) == 50.0); /* the sum is beyond 64 bits */
	assert_true(format_each(30, 4) == 7.5);
	assert_true(format_each(30, 0) == 0.0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_have_four_digits),
		cmocka_unit_test(rates_fit_their_buffer),
		cmocka_unit_test(durations),
		cmocka_unit_test(growth),
		cmocka_unit_test(shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
