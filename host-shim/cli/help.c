/* SPDX-License-Identifier: BSD-3-Clause */
#include "help.h"

#include "handlers.h"

#include "policy/policy.h"

#include <string.h>

#define WIDTH	     90 /* of the lines of running text */
#define OPTION_WIDTH 26
#define WORD_WIDTH   14

/* Running text, broken between words. */
static void put_text(const char *text, int indent, FILE *out)
{
	int column = 0;

	while (*text) {
		int length = (int)strcspn(text, " ");

		if (column > 0 && column + 1 + length > WIDTH - indent) {
			fputc('\n', out);
			column = 0;
		}
		column += column > 0 ? fprintf(out, " %.*s", length, text)
				     : fprintf(out, "%*s%.*s", indent, "", length, text) - indent;
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static void put_options(FILE *out, bool global, uint32_t only)
{
	char usage[64];

	for (size_t i = 0; i < OPTION_COUNT_OF_ALL; i++) {
		const struct option_spec *spec = &option_specs[i];

		if (spec->is_global != global || (!global && !(only & options_bit(spec))))
			continue;
		options_usage(spec, usage, sizeof(usage));
		fprintf(out, "  %-*s %s\n", OPTION_WIDTH, usage, spec->help);
	}
}

static void put_commands(FILE *out, int word_count, char *const *words)
{
	size_t count;
	const struct command *command = command_table(&count);

	for (size_t i = 0; i < count; i++)
		if (command_begins_with(&command[i], word_count, words))
			fprintf(out, "  %-14s %s\n", command[i].words, command[i].summary);
}

static void put_exit_codes(FILE *out)
{
#define X(name, number, word, text) fprintf(out, "  %d  %s\n", number, text);
	EXIT_CODE_TABLE(X)
#undef X
}

int help_overview(struct session *session)
{
	FILE *out = session->out;

	fputs("usage: sluicectl [OPTION ...] COMMAND\n\n", out);
	fputs("Looks at the running Sluice firmware, and changes its policy.\n\ncommands:\n", out);
	put_commands(out, 0, NULL);
	fputs("\noptions:\n", out);
	put_options(out, true, 0);
	fputs("\nexit codes:\n", out);
	put_exit_codes(out);
	fputs("\n\"sluicectl help COMMAND\" explains a command.\n", out);
	return 0;
}

#define VERSION_TABLE(X) X("version", TEXT, table_text(t, SLUICE_VERSION))

static const struct table_column version_columns[] = {VERSION_TABLE(TABLE_AS_COLUMN)};

int help_version(struct session *session)
{
	struct table *t = table_new_record("version", TABLE_COLUMNS(version_columns));

	table_row(t);
	VERSION_TABLE(TABLE_AS_CELL)
	return session_done(session, t, "sluicectl %s", SLUICE_VERSION);
}

static bool takes_rule(const struct command *command)
{
	return command->kinds[0] == ARGUMENT_RULE || command->kinds[0] == ARGUMENT_OLD_RULE;
}

/* What a word is for stands behind it, or below where the word's argument needs the room. */
static void put_keywords(FILE *out)
{
	fputs("\nwords of a rule:\n", out);
	for (const struct policy_keyword *keyword = policy_rule_keywords(); keyword->word; keyword++) {
		bool argument = keyword->argument[0] != '\0';
		int used = fprintf(out, "  %s%s%s", keyword->word, argument ? " " : "", keyword->argument);

		if (used > WORD_WIDTH)
			fprintf(out, "\n%*s%s\n", WORD_WIDTH + 2, "", keyword->help);
		else
			fprintf(out, "%*s%s\n", WORD_WIDTH + 2 - used, "", keyword->help);
	}
}

int help_command(struct session *session, const struct command *command)
{
	FILE *out = session->out;

	fprintf(out, "usage: sluicectl %s%s%s%s\n\n", command->words, command->options ? " [OPTION ...]" : "",
		command->arguments[0] ? " " : "", command->arguments);
	fprintf(out, "%s.\n\n", command->summary);
	put_text(command->details, 0, out);
	if (takes_rule(command))
		put_keywords(out);
	if (command->options) {
		fputs("\noptions:\n", out);
		put_options(out, false, command->options);
	}
	fprintf(out, "\nexample: %s\n", command->example);
	return 0;
}

/* The words that may follow: "add, delete, list" after "rule". */
static void list_next_words(int word_count, char *const *words, char *out, size_t size)
{
	char word[COMMAND_WORD_SIZE];
	size_t used = 0;
	size_t count;
	const struct command *command = command_table(&count);

	out[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		if (!command_begins_with(&command[i], word_count, words))
			continue;
		command_word(&command[i], word_count, word);
		if (word[0] && used < size)
			used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", word);
	}
}

int help_unknown_command(struct session *session)
{
	const struct command *near = command_nearest(session->word_count, session->words);
	const char *first = session->word_count > 0 ? session->words[0] : "";
	const char *second = session->word_count > 1 ? session->words[1] : "";
	char next[256];

	if (session->word_count == 0)
		return session_fail(session, EXIT_USAGE, "sluicectl help", "no command is given");
	list_next_words(1, session->words, next, sizeof(next));
	if (next[0] && session->word_count == 1)
		return session_fail(session, EXIT_USAGE, near ? near->example : NULL, "%s needs one of: %s", first,
				    next);
	if (near && session->word_count > 1)
		return session_fail(session, EXIT_USAGE, near->example,
				    "unknown command \"%.100s %.100s\"; did you mean \"%s\"?", first, second,
				    near->words);
	if (near)
		return session_fail(session, EXIT_USAGE, near->example,
				    "unknown command \"%.100s\"; did you mean \"%s\"?", first, near->words);
	if (next[0])
		return session_fail(session, EXIT_USAGE, NULL, "unknown command \"%.100s %.100s\": %s needs one of: %s",
				    first, second, first, next);
	return session_fail(session, EXIT_USAGE, "sluicectl help", "unknown command \"%.100s\"", first);
}

int run_help(struct session *session)
{
	int used;
	const struct command *command;
	char next[256];

	if (session->options.man)
		return help_man(session);
	if (session->word_count == 0)
		return help_overview(session);
	command = command_find(session->word_count, session->words, &used);
	if (command)
		return help_command(session, command);
	list_next_words(1, session->words, next, sizeof(next));
	if (session->word_count > 1 || !next[0])
		return help_unknown_command(session);
	put_commands(session->out, 1, session->words);
	return 0;
}
