/* SPDX-License-Identifier: BSD-3-Clause */
/* Whatever stands in a table is in the help and in the man page. */
#include "capture.h"
#include "cmocka_all.h"
#include "help.h"

#include "policy/policy.h"

#include <string.h>

static void overview_has_all(void **state)
{
	struct capture capture;
	size_t count;
	const struct command *command = command_table(&count);

	(void)state;
	capture_start(&capture);
	assert_int_equal(help_overview(&capture.session), 0);
	capture_read(&capture);
	for (size_t i = 0; i < count; i++)
		assert_non_null(strstr(capture.out, command[i].summary));
#define X(name, number, word, text) assert_non_null(strstr(capture.out, "  " #number "  " text "\n"));
	EXIT_CODE_TABLE(X)
#undef X
	capture_end(&capture);
}

static void help_of_a_command_has_all(void **state)
{
	size_t count;
	const struct command *command = command_table(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		struct capture capture;

		capture_start(&capture);
		assert_int_equal(help_command(&capture.session, &command[i]), 0);
		capture_read(&capture);
		assert_non_null(strstr(capture.out, command[i].words));
		assert_non_null(strstr(capture.out, command[i].arguments));
		assert_non_null(strstr(capture.out, command[i].example));
		for (size_t j = 0; j < OPTION_COUNT_OF_ALL; j++)
			if (command[i].options & options_bit(&option_specs[j]))
				assert_non_null(strstr(capture.out, option_specs[j].help));
		capture_end(&capture);
	}
}

static void man_has_all(void **state)
{
	struct capture capture;
	size_t count;
	const struct command *command = command_table(&count);
	char line[128];

	(void)state;
	capture_start(&capture);
	assert_int_equal(help_man(&capture.session), 0);
	capture_read(&capture);
	for (size_t i = 0; i < count; i++) {
		snprintf(line, sizeof(line), "\n.It Ic %s", command[i].words);
		assert_non_null(strstr(capture.out, line));
	}
	for (size_t i = 0; i < OPTION_COUNT_OF_ALL; i++) {
		snprintf(line, sizeof(line), "Fl \\-%s", option_specs[i].name);
		assert_non_null(strstr(capture.out, line));
	}
	for (const struct policy_keyword *keyword = policy_rule_keywords(); keyword->word; keyword++) {
		snprintf(line, sizeof(line), "\n.It Ic %s No", keyword->word);
		assert_non_null(strstr(capture.out, line));
	}
	capture_end(&capture);
}

static void lines_of_the_man_page_are_short(void **state)
{
	struct capture capture;

	(void)state;
	capture_start(&capture);
	help_man(&capture.session);
	capture_read(&capture);
	for (const char *line = capture.out; *line; line += strcspn(line, "\n") + 1)
		if (*line != '.' && strcspn(line, "\n") > 80)
			fail_msg("%.*s", (int)strcspn(line, "\n"), line);
	capture_end(&capture);
}

static void expect_usage_error(const char *first, const char *second, const char *part)
{
	char *words[] = {(char *)(uintptr_t)first, (char *)(uintptr_t)second};
	struct capture capture;

	capture_start(&capture);
	capture.session.words = words;
	capture.session.word_count = second ? 2 : (first ? 1 : 0);
	assert_int_equal(help_unknown_command(&capture.session), EXIT_USAGE);
	capture_read(&capture);
	if (!strstr(capture.err, part))
		fail_msg("\"%s\" does not say \"%s\"", capture.err, part);
	capture_end(&capture);
}

static void unknown_commands_get_advice(void **state)
{
	(void)state;
	expect_usage_error(NULL, NULL, "sluicectl help");
	expect_usage_error("rule", NULL, "add, delete, list, replace, flush");
	expect_usage_error("rule", "lits", "did you mean \"rule list\"?");
	expect_usage_error("rule", "elephant", "rule needs one of: add, delete");
	expect_usage_error("elephant", NULL, "unknown command \"elephant\"");
	expect_usage_error("infoo", NULL, "did you mean \"info\"?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overview_has_all),
		cmocka_unit_test(help_of_a_command_has_all),
		cmocka_unit_test(man_has_all),
		cmocka_unit_test(lines_of_the_man_page_are_short),
		cmocka_unit_test(unknown_commands_get_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
