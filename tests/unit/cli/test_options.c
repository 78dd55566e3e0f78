/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmocka_all.h"

#include "abi/base.h"
#include "number.h"
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MOST 12

/* A command line that ends with NULL, and what became of it. */
struct run {
	struct options options;
	char *words[WORDS_MOST];
	int count;
	int result;
	char error[256];
};

static struct run parse(const char *const *line)
{
	struct run run = {0};
	int argc = 0;

	options_init(&run.options);
	for (; line[argc]; argc++)
		run.words[argc] = (char *)(uintptr_t)line[argc];
	run.result = options_parse(&run.options, argc, run.words, &run.count, run.error, sizeof(run.error));
	return run;
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static void options_stand_anywhere(void **state)
{
	struct run run = PARSE("--json", "rule", "--timeout", "2.5", "list", "--runtime-dir=/x", "fw");

	(void)state;
	assert_int_equal(run.result, 0);
	assert_true(run.options.json);
	assert_int_equal(run.options.timeout_ms, 2500);
	assert_string_equal(run.options.runtime_dir, "/x");
	assert_int_equal(run.count, 3);
	assert_string_equal(run.words[0], "rule");
	assert_string_equal(run.words[1], "list");
	assert_string_equal(run.words[2], "fw");
}

static void dashes_end_options(void **state)
{
	struct run run = PARSE("rule", "delete", "--", "--json", "-");

	(void)state;
	assert_int_equal(run.result, 0);
	assert_false(run.options.json);
	assert_int_equal(run.count, 4);
	assert_string_equal(run.words[2], "--json");
	assert_string_equal(run.words[3], "-");
}

static void watch_takes_a_number_only(void **state)
{
	struct run with = PARSE("stats", "--watch", "2");
	struct run without = PARSE("--watch", "stats");
	struct run equals = PARSE("stats", "--watch=0.5", "--count", "3");

	(void)state;
	assert_int_equal(with.count, 1);
	assert_true(with.options.watch && with.options.watch_s == 2.0);
	assert_int_equal(without.count, 1);
	assert_true(without.options.watch && without.options.watch_s == 1.0);
	assert_true(equals.options.watch_s == 0.5);
	assert_int_equal(equals.options.count, 3);
}

static void expect_refused(struct run run, const char *part)
{
	assert_int_equal(run.result, -EINVAL);
	if (!strstr(run.error, part))
		fail_msg("the error \"%s\" does not say \"%s\"", run.error, part);
}

static void wrong_options_are_named(void **state)
{
	(void)state;
	expect_refused(PARSE("info", "--jsn"), "unknown option --jsn");
	expect_refused(PARSE("-x"), "unknown option -x");
	expect_refused(PARSE("--json=yes"), "--json takes no argument");
	expect_refused(PARSE("--timeout"), "--timeout needs SECONDS");
	expect_refused(PARSE("--timeout", "0"), "\"0\"");
	expect_refused(PARSE("--timeout", "1e9"), "\"1e9\"");
	expect_refused(PARSE("--timeout", "nan"), "\"nan\"");
	expect_refused(PARSE("--timeout", "-1"), "\"-1\"");
	expect_refused(PARSE("--timeout", "100000"), "\"100000\"");
	expect_refused(PARSE("--watch=x"), "\"x\"");
	expect_refused(PARSE("--count", "0"), "\"0\"");
	expect_refused(PARSE("--expect-generation", "0"), "\"0\"");
	expect_refused(PARSE("--expect-generation", "18446744073709551616"), "18446744073709551616");
	expect_refused(PARSE("--runtime-dir", ""), "--runtime-dir");
}

static void the_environment_names_the_directory(void **state)
{
	struct options options;

	(void)state;
	setenv("SLUICE_RUNTIME_DIR", "/elsewhere", 1);
	options_init(&options);
	assert_string_equal(options.runtime_dir, "/elsewhere");
	setenv("SLUICE_RUNTIME_DIR", "", 1);
	options_init(&options);
	assert_string_equal(options.runtime_dir, SLUICE_RUNTIME_DIR);
	unsetenv("SLUICE_RUNTIME_DIR");
	options_init(&options);
	assert_string_equal(options.runtime_dir, SLUICE_RUNTIME_DIR);
}

static void the_table_is_complete(void **state)
{
	char usage[64];

	(void)state;
	for (size_t i = 0; i < OPTION_COUNT_OF_ALL; i++) {
		const struct option_spec *spec = &option_specs[i];
		struct options options;

		assert_non_null(spec->name);
		assert_non_null(spec->set);
		assert_true(strlen(spec->help) > 10);
		assert_true(spec->help[strlen(spec->help) - 1] != '.');
		options_usage(spec, usage, sizeof(usage));
		assert_non_null(strstr(usage, spec->name));
		if (!spec->argument)
			continue;
		assert_non_null(spec->example);
		options_init(&options);
		assert_true(spec->set(&options, spec->example));
	}
}

static void json_is_seen_before_the_options_are_right(void **state)
{
	char *wrong[] = {"--nonsense", "--json"};
	char *word[] = {"--", "--json"};

	(void)state;
	assert_true(options_want_json(2, wrong));
	assert_false(options_want_json(2, word));
}

static void numbers(void **state)
{
	static const char *const refused[] = {"", "+1", "-1", " 1", "1 ", "0x", "0x0x1", "x1", "1.0", "0xg", "256"};
	uint64_t number = 0;

	(void)state;
	assert_true(number_parse("255", 255, &number) && number == 255);
	assert_true(number_parse("0xfF", 255, &number) && number == 255);
	assert_true(number_parse("010", 255, &number) && number == 10);
	assert_true(number_parse("18446744073709551615", UINT64_MAX, &number) && number == UINT64_MAX);
	assert_false(number_parse("18446744073709551616", UINT64_MAX, &number));
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_false(number_parse(refused[i], 255, &number));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_anywhere),
		cmocka_unit_test(dashes_end_options),
		cmocka_unit_test(watch_takes_a_number_only),
		cmocka_unit_test(wrong_options_are_named),
		cmocka_unit_test(the_environment_names_the_directory),
		cmocka_unit_test(the_table_is_complete),
		cmocka_unit_test(json_is_seen_before_the_options_are_right),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
