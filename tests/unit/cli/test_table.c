/* SPDX-License-Identifier: BSD-3-Clause */
/* The same rows as text and as JSON. */
#include "cmocka_all.h"

#include "table.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct table_column columns[] = {
	{"name", TABLE_TEXT, false},	    {"rx-packets", TABLE_NUMBER, false},
	{"rx-mpps", TABLE_RATE, true},	    {"busy-percent", TABLE_PERCENT, false},
	{"takes-rules", TABLE_BOOL, false},
};

struct output {
	char *text;
	size_t size;
	int result;
};

static struct output print_text(const struct table *table)
{
	struct output output = {0};
	FILE *out = open_memstream(&output.text, &output.size);

	output.result = table_print_text(table, out);
	fclose(out);
	return output;
}

static struct output print_json(const struct table *table)
{
	struct output output = {0};
	FILE *out = open_memstream(&output.text, &output.size);

	output.result = table_print_json(table, out, "\n ");
	fclose(out);
	return output;
}

static void expect_text(const struct table *table, const char *expected)
{
	struct output output = print_text(table);

	assert_int_equal(output.result, 0);
	assert_string_equal(output.text, expected);
	free(output.text);
}

static json_t *parse_json(const struct table *table)
{
	struct output output = print_json(table);
	json_t *json = json_loads(output.text, 0, NULL);

	assert_int_equal(output.result, 0);
	assert_non_null(json);
	free(output.text);
	return json;
}

static struct table *two_rows(void)
{
	struct table *table = table_new("ports", TABLE_COLUMNS(columns));

	table_row(table);
	table_text(table, "wire0");
	table_number(table, 12345678901ull);
	table_none(table);
	table_real(table, 99.96);
	table_bool(table, true);
	table_row(table);
	table_none(table);
	table_number(table, 7);
	table_none(table);
	table_real(table, 0.0);
	table_bool(table, false);
	return table;
}

static void text_is_aligned(void **state)
{
	struct table *table = two_rows();

	(void)state;
	expect_text(table, "name    rx-packets  busy-percent  takes-rules\n"
			   "wire0  12345678901         100.0  yes\n"
			   "-                7           0.0  no\n");
	table_free(table);
}

static void json_has_the_same_cells(void **state)
{
	struct table *table = two_rows();
	json_t *json = parse_json(table);
	json_t *expected =
		json_pack("[{s:s, s:I, s:n, s:f, s:b}, {s:n, s:i, s:n, s:f, s:b}]", "name", "wire0", "rx-packets",
			  (json_int_t)12345678901, "rx-mpps", "busy-percent", 99.96, "takes-rules", 1, "name",
			  "rx-packets", 7, "rx-mpps", "busy-percent", 0.0, "takes-rules", 0);

	(void)state;
	assert_non_null(expected);
	assert_true(json_equal(json, expected));
	json_decref(expected);
	json_decref(json);
	table_free(table);
}

static void optional_column_is_shown_when_filled(void **state)
{
	static const struct table_column optional[] = {{"a", TABLE_NUMBER, false}, {"b", TABLE_RATE, true}};
	struct table *table = table_new("things", TABLE_COLUMNS(optional));

	(void)state;
	table_row(table);
	table_number(table, 1);
	table_real(table, 1.25);
	expect_text(table, "a      b\n1  1.250\n");
	table_free(table);
}

static void empty_table_says_so(void **state)
{
	struct table *table = table_new("drops", TABLE_COLUMNS(columns));
	struct output output = print_json(table);

	(void)state;
	expect_text(table, "no drops\n");
	assert_string_equal(output.text, "[]");
	free(output.text);
	table_free(table);
}

static void record_is_vertical(void **state)
{
	static const struct table_column own[] = {{"version", TABLE_TEXT, false}, {"pid", TABLE_NUMBER, false}};
	struct table *table = table_new_record("info", TABLE_COLUMNS(own));
	struct output output;

	(void)state;
	table_row(table);
	table_text(table, "1.2");
	table_number(table, 42);
	expect_text(table, "version  1.2\npid      42\n");
	output = print_json(table);
	assert_string_equal(output.text, "{\"version\": \"1.2\", \"pid\": 42}");
	free(output.text);
	table_free(table);
}

static void strings_are_escaped(void **state)
{
	static const char nasty[] = "a\"b\\c\n\033[2Jd";
	static const struct table_column own[] = {{"text", TABLE_TEXT, false}};
	struct table *table = table_new_record("x", TABLE_COLUMNS(own));
	json_t *json;

	(void)state;
	table_row(table);
	table_text(table, nasty);
	expect_text(table, "text  a\"b\\c??[2Jd\n"); /* the terminal must not obey */
	json = parse_json(table);
	assert_string_equal(json_string_value(json_object_get(json, "text")), nasty);
	json_decref(json);
	table_free(table);
}

static void foreign_bytes_stay_printable(void **state)
{
	static const struct table_column own[] = {{"t", TABLE_TEXT, false}, {"u", TABLE_TEXT, false}};
	struct table *table = table_new("x", TABLE_COLUMNS(own));
	json_t *json;

	(void)state;
	table_row(table);
	table_text(table, "\xff\xfez");
	table_name(table, "abcdef", 3); /* no NUL within the member */
	table_row(table);
	table_text(table, "\xc3\xa4\xc3\xb6"); /* two characters in four bytes */
	table_name(table, "", 8);
	expect_text(table, "t    u\n??z  abc\n\xc3\xa4\xc3\xb6   -\n");
	json = parse_json(table);
	assert_string_equal(json_string_value(json_object_get(json_array_get(json, 0), "t")), "??z");
	assert_true(json_is_null(json_object_get(json_array_get(json, 1), "u")));
	json_decref(json);
	table_free(table);
}

static void numbers_beyond_63_bits_stay_numbers(void **state)
{
	static const struct table_column own[] = {{"n", TABLE_NUMBER, false}};
	struct table *table = table_new_record("x", TABLE_COLUMNS(own));
	json_t *json;

	(void)state;
	table_row(table);
	table_number(table, UINT64_MAX);
	expect_text(table, "n  18446744073709551615\n");
	json = parse_json(table);
	assert_true(json_number_value(json_object_get(json, "n")) > 1.8e19);
	json_decref(json);
	table_free(table);
}

static void wrong_cells_are_refused(void **state)
{
	struct table *table = table_new("ports", TABLE_COLUMNS(columns));

	(void)state;
	table_row(table);
	table_number(table, 1); /* the column is text */
	table_text(table, "freed, not leaked");
	assert_int_equal(table_error(table), -EINVAL);
	table_free(table);
}

static void incomplete_and_surplus_cells_are_refused(void **state)
{
	static const struct table_column own[] = {{"a", TABLE_NUMBER, false}, {"b", TABLE_NUMBER, false}};
	struct table *incomplete = table_new("x", TABLE_COLUMNS(own));
	struct table *surplus = table_new("x", TABLE_COLUMNS(own));
	struct output output;

	(void)state;
	table_row(incomplete);
	table_number(incomplete, 1);
	output = print_text(incomplete);
	assert_int_equal(output.result, -EINVAL);
	assert_string_equal(output.text, "");
	free(output.text);
	table_row(surplus);
	table_number(surplus, 1);
	table_number(surplus, 2);
	table_number(surplus, 3);
	assert_int_equal(table_error(surplus), -EINVAL);
	table_free(incomplete);
	table_free(surplus);
}

static void no_memory_needs_no_checks(void **state)
{
	(void)state;
	table_row(NULL);
	table_text(NULL, "x");
	table_number(NULL, 1);
	table_none(NULL);
	assert_int_equal(table_error(NULL), -ENOMEM);
	table_free(NULL);
}

static void grows(void **state)
{
	static const struct table_column own[] = {{"n", TABLE_NUMBER, false}};
	struct table *table = table_new("numbers", TABLE_COLUMNS(own));
	json_t *json;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		table_row(table);
		table_number(table, i);
	}
	assert_int_equal(table_rows(table), 1000);
	json = parse_json(table);
	assert_int_equal(json_array_size(json), 1000);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(json, 999), "n")), 999);
	json_decref(json);
	table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_aligned),
		cmocka_unit_test(json_has_the_same_cells),
		cmocka_unit_test(optional_column_is_shown_when_filled),
		cmocka_unit_test(empty_table_says_so),
		cmocka_unit_test(record_is_vertical),
		cmocka_unit_test(strings_are_escaped),
		cmocka_unit_test(foreign_bytes_stay_printable),
		cmocka_unit_test(numbers_beyond_63_bits_stay_numbers),
		cmocka_unit_test(wrong_cells_are_refused),
		cmocka_unit_test(incomplete_and_surplus_cells_are_refused),
		cmocka_unit_test(no_memory_needs_no_checks),
		cmocka_unit_test(grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
