/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of commands against the parsers that it drives. */
#include "cmocka_all.h"

#include "command.h"
#include "options.h"

#include "policy/policy.h"

#include <string.h>

#define WORDS_MOST 32

struct line {
	char text[512];
	char *words[WORDS_MOST];
	int count;
};

/* Cuts a command line at its blanks, up to a redirection. */
static void cut(struct line *line, const char *text)
{
	char *rest = line->text;
	char *word;

	snprintf(line->text, sizeof(line->text), "%s", text);
	line->count = 0;
	while ((word = strsep(&rest, " ")) && strcmp(word, ">") != 0)
		line->words[line->count++] = word;
}

static void every_command_is_explained(void **state)
{
	size_t count;
	const struct command *command = command_table(&count);

	(void)state;
	assert_true(count >= 19);
	for (size_t i = 0; i < count; i++) {
		assert_non_null(command[i].arguments);
		assert_non_null(command[i].run);
		assert_true(strlen(command[i].summary) >= 10);
		assert_true(command[i].summary[strlen(command[i].summary) - 1] != '.');
		assert_true(strlen(command[i].details) > 10);
		assert_int_equal(command[i].details[strlen(command[i].details) - 1], '.');
		assert_true(command[i].least <= command[i].most);
		assert_int_equal(command[i].most > 0, command[i].arguments[0] != '\0');
	}
}

/* An example must be one that the command takes. */
static void every_example_parses(void **state)
{
	size_t count;
	const struct command *command = command_table(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		struct options options;
		struct line line;
		char error[256];
		int words, used;

		cut(&line, command[i].example);
		assert_string_equal(line.words[0], "sluicectl");
		options_init(&options);
		assert_int_equal(options_parse(&options, line.count - 1, line.words + 1, &words, error, sizeof(error)),
				 0);
		assert_ptr_equal(command_find(words, line.words + 1, &used), &command[i]);
		assert_in_range(words - used, command[i].least, command[i].most);
		for (size_t j = 0; j < OPTION_COUNT_OF_ALL; j++)
			if (options.given & options_bit(&option_specs[j]) && !option_specs[j].is_global)
				assert_true(command[i].options & options_bit(&option_specs[j]));
	}
}

static void every_rule_example_is_a_rule(void **state)
{
	size_t count;
	const struct command *command = command_table(&count);
	int rules = 0;

	(void)state;
	for (size_t i = 0; i < count; i++) {
		struct sluice_rule_command rule;
		struct line line;
		char error[512];

		if (command[i].kinds[0] != ARGUMENT_RULE && command[i].kinds[0] != ARGUMENT_OLD_RULE)
			continue;
		cut(&line, command[i].example);
		assert_int_equal(policy_parse_rule(line.count - 3, line.words + 3, &rule, error, sizeof(error)), 0);
		assert_true(command[i].kinds[0] == ARGUMENT_RULE || rule.rule.name[0]);
		rules++;
	}
	assert_int_equal(rules, 2);
}

static void every_option_belongs_to_a_command(void **state)
{
	size_t count;
	const struct command *command = command_table(&count);

	(void)state;
	for (size_t j = 0; j < OPTION_COUNT_OF_ALL; j++) {
		bool used = option_specs[j].is_global;

		for (size_t i = 0; i < count; i++)
			used = used || (command[i].options & options_bit(&option_specs[j]));
		assert_true(used);
	}
}

static void words_are_unique(void **state)
{
	size_t count;
	const struct command *command = command_table(&count);

	(void)state;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(command[i].words, command[j].words);
}

static const char *nearest(const char *text)
{
	const struct command *command;
	struct line line;

	cut(&line, text);
	command = command_nearest(line.count, line.words);
	return command ? command->words : "";
}

static void mistyped_commands_find_the_right_one(void **state)
{
	(void)state;
	assert_string_equal(nearest("inof"), "info");
	assert_string_equal(nearest("rul lst"), "rule list");
	assert_string_equal(nearest("rule remove"), "");
	assert_string_equal(nearest("rule dlete web"), "rule delete");
	assert_string_equal(nearest("aply file"), "apply");
	assert_string_equal(nearest("elephant"), "");
}

static void a_command_needs_all_its_words(void **state)
{
	char *words[] = {"rule", "list", "fw"};
	int used;

	(void)state;
	assert_null(command_find(1, words, &used));
	assert_null(command_find(0, words, &used));
	assert_non_null(command_find(3, words, &used));
	assert_int_equal(used, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_is_explained),
		cmocka_unit_test(every_example_parses),
		cmocka_unit_test(every_rule_example_is_a_rule),
		cmocka_unit_test(every_option_belongs_to_a_command),
		cmocka_unit_test(words_are_unique),
		cmocka_unit_test(mistyped_commands_find_the_right_one),
		cmocka_unit_test(a_command_needs_all_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
