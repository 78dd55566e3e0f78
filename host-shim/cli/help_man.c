/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sections of the man page that are made from the tables, in mdoc. docs/man/sluicectl.1 holds them
 * between the same marks, and a test compares the two.
 */
#include "help.h"

#include "policy/policy.h"

#include <ctype.h>
#include <string.h>

#define BEGIN(name) ".\\\" begin " name " (sluicectl help --man)\n"
#define LINE_WIDTH  78u
#define END(name)   ".\\\" end " name "\n"

/* A hyphen that belongs to an option or stands alone must stay one that can be typed. */
static bool is_typed_hyphen(const char *start, const char *at)
{
	return at == start || at[-1] == ' ' || at[-1] == '-' || at[1] == '-';
}

static void put_escaped(const char *start, const char *end, FILE *out)
{
	if (*start == '.' || *start == '\'')
		fputs("\\&", out);
	for (const char *at = start; at < end; at++) {
		if (*at == '\\')
			fputs("\\e", out);
		else if (*at == '-' && is_typed_hyphen(start, at))
			fputs("\\-", out);
		else
			fputc(*at, out);
	}
}

/* The length of the sentence that @p text begins with. */
static size_t sentence_length(const char *text)
{
	const char *end = text;

	while (*end && !((*end == '.' || *end == ':') && end[1] == ' ' && isupper((unsigned char)end[2])))
		end++;
	return (size_t)(end - text) + (*end != '\0');
}

/* As much of @p length characters as a line holds, broken before a word. */
static size_t line_length(const char *text, size_t length)
{
	size_t at = LINE_WIDTH;

	if (length <= LINE_WIDTH)
		return length;
	while (at > 0 && text[at] != ' ')
		at--;
	return at > 0 ? at : length;
}

static void put_lines(const char *text, size_t left, FILE *out)
{
	while (left > 0) {
		size_t length = line_length(text, left);

		put_escaped(text, text + length, out);
		left -= length;
		text += length;
		if (left > 0) {
			fputc('\n', out);
			left--; /* the blank that was there */
			text++;
		}
	}
}

/* Running text, given a full stop where it has none. Each sentence begins a line, as mdoc wants it. */
static void put_sentences(const char *text, FILE *out)
{
	while (*text) {
		size_t length = sentence_length(text);
		bool is_last = text[length] == '\0';

		put_lines(text, length, out);
		fputs(is_last && text[length - 1] != '.' ? ".\n" : "\n", out);
		text += length + !is_last;
	}
}

/* Placeholders, which are in capitals, in italics; the rest is typed as it is, in bold. */
static void put_arguments(const char *text, FILE *out)
{
	char font = 'R';

	for (const char *at = text; *at; at++) {
		char wanted = isupper((unsigned char)*at) ? 'I' : (isalnum((unsigned char)*at) ? 'B' : 'R');

		if (font == 'I' && (isdigit((unsigned char)*at)))
			wanted = 'I';
		if (wanted != font)
			fprintf(out, "\\f%c", wanted);
		font = wanted;
		put_escaped(at, at + 1, out);
	}
	if (font != 'R')
		fputs("\\fR", out);
}

static void put_option(const struct option_spec *spec, FILE *out)
{
	fprintf(out, ".It ");
	if (spec->letter)
		fprintf(out, "Fl %c , ", spec->letter);
	fprintf(out, "Fl \\-%s", spec->name);
	if (spec->argument)
		fprintf(out, "%s Ar %s", spec->argument_optional ? " Op" : "", spec->argument);
	fputc('\n', out);
	put_sentences(spec->help, out);
}

static void put_options(bool global, uint32_t only, FILE *out)
{
	fputs(".Bl -tag -width Ds\n", out);
	for (size_t i = 0; i < OPTION_COUNT_OF_ALL; i++) {
		const struct option_spec *spec = &option_specs[i];

		if (spec->is_global == global && (global || (only & options_bit(spec))))
			put_option(spec, out);
	}
	fputs(".El\n", out);
}

static void put_keywords(FILE *out)
{
	fputs("The words of a rule:\n.Pp\n", out);
	fputs(".Bl -tag -width Ds -compact\n", out);
	for (const struct policy_keyword *keyword = policy_rule_keywords(); keyword->word; keyword++) {
		fprintf(out, ".It Ic %s No \\&", keyword->word);
		put_arguments(keyword->argument, out);
		fputc('\n', out);
		put_sentences(keyword->help, out);
	}
	fputs(".El\n", out);
}

static void put_command(const struct command *command, FILE *out)
{
	fprintf(out, ".It Ic %s", command->words);
	if (command->options)
		fputs(" No [OPTION ...]", out);
	if (command->arguments[0])
		fputs(" No \\&", out);
	put_arguments(command->arguments, out);
	fputc('\n', out);
	put_sentences(command->summary, out);
	put_sentences(command->details, out);
	if (command->kinds[0] == ARGUMENT_RULE)
		put_keywords(out);
	if (command->options)
		put_options(false, command->options, out);
	fputs(".Pp\n.Dl ", out);
	put_escaped(command->example, command->example + strlen(command->example), out);
	fputc('\n', out);
}

static void put_commands(FILE *out)
{
	size_t count;
	const struct command *command = command_table(&count);

	fputs(BEGIN("commands") ".Bl -tag -width Ds\n", out);
	for (size_t i = 0; i < count; i++)
		put_command(&command[i], out);
	fputs(".El\n" END("commands"), out);
}

static void put_exit_codes(FILE *out)
{
	fputs(BEGIN("exit codes") ".Bl -tag -width Ds\n", out);
#define X(name, number, word, text)                                                                                    \
	fprintf(out, ".It %d\n", number);                                                                              \
	put_sentences(text, out);
	EXIT_CODE_TABLE(X)
#undef X
	fputs(".El\n" END("exit codes"), out);
}

int help_man(struct session *session)
{
	fputs(BEGIN("options"), session->out);
	put_options(true, 0, session->out);
	fputs(END("options"), session->out);
	put_commands(session->out);
	put_exit_codes(session->out);
	return 0;
}
