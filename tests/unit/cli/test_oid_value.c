/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmocka_all.h"

#include "oid_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void names_and_numbers_find_the_same_oid(void **state)
{
	static const char *const words[] = {
		"GEN_LINK_SPEED",     "gen-link-speed", "Gen_Link-Speed", "OID_GEN_LINK_SPEED",
		"oid-gen-link-speed", "0x00010107",	"65799"};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const struct oid_spec *spec = oid_find(words[i]);

		assert_non_null(spec);
		assert_int_equal(spec->oid, SLUICE_OID_GEN_LINK_SPEED);
	}
	assert_int_equal(oid_find("802-3-current-address")->oid, SLUICE_OID_802_3_CURRENT_ADDRESS);
}

static void other_words_find_nothing(void **state)
{
	static const char *const words[] = {"", "gen", "GEN_LINK_SPEEDS", "OID_", "0x99", "-1", "4295032839", "65799x"};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_null(oid_find(words[i]));
}

/* Parses @p text, expects these bytes, and expects them to be written as @p text again. */
static void round_trip(enum sluice_oid_type type, const char *text, const char *bytes, size_t length)
{
	uint8_t value[64];
	char error[160] = "";
	size_t parsed;
	char *again;

	assert_int_equal(oid_value_parse(type, text, value, sizeof(value), &parsed, error, sizeof(error)), 0);
	assert_int_equal(parsed, length);
	assert_memory_equal(value, bytes, length);
	again = oid_value_text(type, value, length);
	assert_string_equal(again, text);
	free(again);
}

static void values_survive_a_round_trip(void **state)
{
	(void)state;
	round_trip(SLUICE_OID_U16, "513", "\x01\x02", 2);
	round_trip(SLUICE_OID_U16, "65535", "\xff\xff", 2);
	round_trip(SLUICE_OID_U32, "4294967295", "\xff\xff\xff\xff", 4);
	round_trip(SLUICE_OID_COUNTER, "18446744073709551615", "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	round_trip(SLUICE_OID_MAC, "02:00:00:00:00:0a", "\x02\0\0\0\0\x0a", 6);
	round_trip(SLUICE_OID_MAC_LIST, "01:00:5e:00:00:01,33:33:00:00:00:01", "\x01\0\x5e\0\0\x01\x33\x33\0\0\0\x01",
		   12);
	round_trip(SLUICE_OID_MAC_LIST, "none", "", 0);
	round_trip(SLUICE_OID_U32_LIST, "0x00000001,0xffffffff", "\1\0\0\0\xff\xff\xff\xff", 8);
	round_trip(SLUICE_OID_TEXT, "two words", "two words", 9);
}

static void expect_refused(enum sluice_oid_type type, const char *text, const char *part)
{
	uint8_t value[12];
	char error[160] = "";
	size_t length;

	assert_int_equal(oid_value_parse(type, text, value, sizeof(value), &length, error, sizeof(error)), -EINVAL);
	if (!strstr(error, part))
		fail_msg("\"%s\": the error \"%s\" does not say \"%s\"", text, error, part);
}

static void bad_values_are_named(void **state)
{
	(void)state;
	expect_refused(SLUICE_OID_U16, "65536", "\"65536\"");
	expect_refused(SLUICE_OID_U32, "4294967296", "\"4294967296\"");
	expect_refused(SLUICE_OID_U32, "", "\"\"");
	expect_refused(SLUICE_OID_U32, "-1", "\"-1\"");
	expect_refused(SLUICE_OID_U32, " 1", "\" 1\"");
	expect_refused(SLUICE_OID_U32, "1x", "number");
	expect_refused(SLUICE_OID_U32, "0x", "number");
	expect_refused(SLUICE_OID_COUNTER, "18446744073709551616", "number");
	expect_refused(SLUICE_OID_MAC, "02:00:00:00:00", "MAC address");
	expect_refused(SLUICE_OID_MAC, "02:00:00:00:00:01:02", "MAC address");
	expect_refused(SLUICE_OID_MAC, "2:0:0:0:0:1", "MAC address");
	expect_refused(SLUICE_OID_MAC_LIST, "02:00:00:00:00:01,zz", "\"zz\"");
	expect_refused(SLUICE_OID_MAC_LIST, "02:00:00:00:00:01,", "\"\"");
	expect_refused(SLUICE_OID_U32_LIST, "1,2,3,4", "12 bytes");
	expect_refused(SLUICE_OID_TEXT, "thirteen byte", "12 bytes");
	expect_refused(SLUICE_OID_STATISTICS, "in-octets=1", "not set");
}

static void examples_are_right(void **state)
{
	(void)state;
	for (enum sluice_oid_type type = SLUICE_OID_U16; type <= SLUICE_OID_TEXT; type++) {
		uint8_t value[64];
		char error[160] = "";
		size_t length;

		assert_int_equal(oid_value_parse(type, oid_value_example(type), value, sizeof(value), &length, error,
						 sizeof(error)),
				 0);
		assert_true(oid_type_word(type)[0]);
	}
}

static void counters_may_be_short(void **state)
{
	uint64_t number;

	(void)state;
	assert_true(oid_value_number(SLUICE_OID_COUNTER, (const uint8_t *)"\1\2\0\0", 4, &number));
	assert_int_equal(number, 0x201);
	assert_true(oid_value_number(SLUICE_OID_COUNTER, (const uint8_t *)"\1\0\0\0\0\0\0\1", 8, &number));
	assert_true(number == 0x0100000000000001ull);
	assert_false(oid_value_number(SLUICE_OID_COUNTER, (const uint8_t *)"\1\0\0", 3, &number));
	assert_false(oid_value_number(SLUICE_OID_TEXT, (const uint8_t *)"\1\0\0\0", 4, &number));
}

static void expect_text(enum sluice_oid_type type, const char *bytes, size_t length, const char *expected)
{
	char *text = oid_value_text(type, (const uint8_t *)bytes, length);

	assert_string_equal(text, expected);
	free(text);
}

static void wrong_lengths_are_shown_as_bytes(void **state)
{
	char *text;

	(void)state;
	expect_text(SLUICE_OID_U32, "\1\2\3", 3, "01 02 03");
	expect_text(SLUICE_OID_MAC, "\1", 1, "01");
	expect_text(SLUICE_OID_MAC_LIST, "\1\2\3\4\5\6\7", 7, "01 02 03 04 05 06 07");
	expect_text(SLUICE_OID_U32, "", 0, "");
	expect_text(SLUICE_OID_TEXT, "ab\0cd", 5, "ab");
	text = oid_value_hex((const uint8_t *)"\xde\xad", 2);
	assert_string_equal(text, "de ad");
	free(text);
}

static void statistics_are_named_and_what_is_unknown_is_a_dash(void **state)
{
	const struct sluice_oid_statistics s = {
		.valid = 1ull << SLUICE_STATISTIC_in_octets | 1ull << SLUICE_STATISTIC_out_discards,
		.in_octets = 1ull << 40,
		.in_unicast = 77, /* not valid */
		.out_discards = 3,
	};

	(void)state;
	assert_int_equal(oid_find("gen-statistics")->type, SLUICE_OID_STATISTICS);
	expect_text(SLUICE_OID_STATISTICS, (const char *)&s, sizeof(s),
		    "in-octets=1099511627776 in-unicast=- in-multicast=- in-broadcast=- in-errors=- in-discards=- "
		    "out-octets=- out-unicast=- out-multicast=- out-broadcast=- out-errors=- out-discards=3");
	expect_text(SLUICE_OID_STATISTICS, "\1\2", 2, "01 02");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_numbers_find_the_same_oid),
		cmocka_unit_test(other_words_find_nothing),
		cmocka_unit_test(values_survive_a_round_trip),
		cmocka_unit_test(bad_values_are_named),
		cmocka_unit_test(examples_are_right),
		cmocka_unit_test(counters_may_be_short),
		cmocka_unit_test(wrong_lengths_are_shown_as_bytes),
		cmocka_unit_test(statistics_are_named_and_what_is_unknown_is_a_dash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
