/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors for people and for programs, and the exit codes that stand for faults. */
#include "capture.h"
#include "cmocka_all.h"

#include <jansson.h>
#include <string.h>

static const struct complaint bad_file = {
	.code = EXIT_INPUT,
	.file = "p.json",
	.line = 3,
	.column = 14,
	.path = "/a/b",
	.message = "\"drap\" is not an action",
	.example = "\"drop\"",
};

static void people_see_place_and_example(void **state)
{
	struct capture capture;

	(void)state;
	capture_start(&capture);
	assert_int_equal(session_complain(&capture.session, &bad_file), EXIT_INPUT);
	capture_read(&capture);
	assert_string_equal(capture.err, "sluicectl: p.json:3:14: /a/b: \"drap\" is not an action\n"
					 "  example: \"drop\"\n");
	assert_string_equal(capture.out, "");
	capture_end(&capture);
}

static void programs_see_the_same(void **state)
{
	json_t *expected = json_pack("{s:{s:s, s:i, s:s, s:s, s:i, s:i, s:s, s:s}}", "error", "reason", "input",
				     "exit-code", 3, "message", bad_file.message, "file", "p.json", "line", 3, "column",
				     14, "path", "/a/b", "example", "\"drop\"");
	struct capture capture;
	json_t *json;

	(void)state;
	capture_start(&capture);
	capture.session.options.json = true;
	assert_int_equal(session_complain(&capture.session, &bad_file), EXIT_INPUT);
	capture_read(&capture);
	json = json_loads(capture.err, 0, NULL);
	assert_true(json_equal(json, expected));
	json_decref(json);
	json_decref(expected);
	capture_end(&capture);
}

static void parts_that_are_missing_leave_no_trace(void **state)
{
	struct capture capture;

	(void)state;
	capture_start(&capture);
	assert_int_equal(session_fail(&capture.session, EXIT_USAGE, NULL, "%d commands", 2), EXIT_USAGE);
	capture_read(&capture);
	assert_string_equal(capture.err, "sluicectl: 2 commands\n");
	capture_end(&capture);
}

static void quiet_sessions_say_nothing(void **state)
{
	struct capture capture;

	(void)state;
	capture_start(&capture);
	capture.session.quiet = true;
	assert_int_equal(session_complain(&capture.session, &bad_file), EXIT_INPUT);
	capture_read(&capture);
	assert_string_equal(capture.err, "");
	capture_end(&capture);
}

static void faults_have_exit_codes(void **state)
{
	static const struct {
		enum sluice_fault_kind kind;
		uint16_t status;
		enum exit_code code;
	} cases[] = {
		{SLUICE_FAULT_NOT_RUNNING, 0, EXIT_GONE},
		{SLUICE_FAULT_GONE, 0, EXIT_GONE},
		{SLUICE_FAULT_PERMISSION, 0, EXIT_DENIED},
		{SLUICE_FAULT_TIMEOUT, 0, EXIT_RETRY},
		{SLUICE_FAULT_VERSION, 0, EXIT_REFUSED},
		{SLUICE_FAULT_PROTOCOL, 0, EXIT_REFUSED},
		{SLUICE_FAULT_REFUSED, SLUICE_STATUS_TOO_MANY_CLIENTS, EXIT_REFUSED},
		{SLUICE_FAULT_COMMAND, SLUICE_STATUS_NOT_PERMITTED, EXIT_DENIED},
		{SLUICE_FAULT_COMMAND, SLUICE_STATUS_BUSY, EXIT_RETRY},
		{SLUICE_FAULT_COMMAND, SLUICE_STATUS_BAD_CRC, EXIT_RETRY},
		{SLUICE_FAULT_COMMAND, SLUICE_STATUS_NOT_FOUND, EXIT_INPUT},
		{SLUICE_FAULT_COMMAND, SLUICE_STATUS_GENERATION_MISMATCH, EXIT_REFUSED},
		{SLUICE_FAULT_COMMAND, SLUICE_STATUS_SHUTTING_DOWN, EXIT_GONE},
		{SLUICE_FAULT_COMMAND, 999, EXIT_REFUSED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct sluice_fault fault = {.kind = cases[i].kind, .status = cases[i].status};

		assert_int_equal(session_fault_code(&fault), cases[i].code);
	}
}

static void a_firmware_that_does_not_run_can_be_started(void **state)
{
	struct capture capture;

	(void)state;
	capture_start(&capture);
	assert_int_equal(session_connect(&capture.session), EXIT_GONE);
	capture_read(&capture);
	assert_non_null(strstr(capture.err, "not running"));
	assert_non_null(strstr(capture.err, "sluice-fw --config sluice.json --runtime-dir /nonexistent\n"));
	capture_end(&capture);
}

static void names_are_checked_before_they_are_sent(void **state)
{
	static const char *const bad[] = {"", "a b", "a/b", "\xc3\xa4", "abcdefghijklmnopqrstuvwxyz012345"};
	char name[SLUICE_NAME_SIZE];
	struct capture capture;

	(void)state;
	capture_start(&capture);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(session_name(&capture.session, "rule", bad[i], name), EXIT_INPUT);
	assert_int_equal(session_name(&capture.session, "rule", "abcdefghijklmnopqrstuvwxyz01234", name), 0);
	assert_string_equal(name, "abcdefghijklmnopqrstuvwxyz01234");
	capture_end(&capture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_see_place_and_example),
		cmocka_unit_test(programs_see_the_same),
		cmocka_unit_test(parts_that_are_missing_leave_no_trace),
		cmocka_unit_test(quiet_sessions_say_nothing),
		cmocka_unit_test(faults_have_exit_codes),
		cmocka_unit_test(a_firmware_that_does_not_run_can_be_started),
		cmocka_unit_test(names_are_checked_before_they_are_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
