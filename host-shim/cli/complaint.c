/* SPDX-License-Identifier: BSD-3-Clause */
/* How errors are told: one line and an example for people, one object for programs. */
#include "session.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *code_word(enum exit_code code)
{
	switch (code) {
#define X(name, number, word, text)                                                                                    \
	case number:                                                                                                   \
		return word;
		EXIT_CODE_TABLE(X)
#undef X
	}
	return "unknown";
}

static void tell_people(const struct complaint *complaint, FILE *err)
{
	fputs("sluicectl: ", err);
	if (complaint->file)
		fprintf(err, "%s:", complaint->file);
	if (complaint->line > 0)
		fprintf(err, "%u:%u:", complaint->line, complaint->column);
	if (complaint->file)
		fputc(' ', err);
	if (complaint->path && complaint->path[0])
		fprintf(err, "%s: ", complaint->path);
	fprintf(err, "%s\n", complaint->message);
	if (complaint->example && complaint->example[0])
		fprintf(err, "  example: %s\n", complaint->example);
}

static void set_text(json_t *object, const char *key, const char *text)
{
	json_t *value;

	if (!text || !text[0])
		return;
	value = json_string(text);
	json_object_set_new(object, key, value ? value : json_string("(not UTF-8)"));
}

static void set_number(json_t *object, const char *key, unsigned number)
{
	if (number > 0)
		json_object_set_new(object, key, json_integer(number));
}

static void tell_programs(const struct complaint *complaint, FILE *err)
{
	json_t *error = json_object();
	json_t *outer = json_pack("{s:O}", "error", error);

	set_text(error, "reason", code_word(complaint->code));
	set_number(error, "exit-code", complaint->code);
	set_text(error, "status", complaint->status);
	set_text(error, "message", complaint->message);
	set_text(error, "file", complaint->file);
	set_number(error, "line", complaint->line);
	set_number(error, "column", complaint->column);
	set_text(error, "path", complaint->path);
	set_text(error, "example", complaint->example);
	if (complaint->operation > 0)
		json_object_set_new(error, "operation", json_integer((json_int_t)complaint->operation));
	if (outer)
		json_dumpf(outer, err, 0);
	fputc('\n', err);
	json_decref(outer);
	json_decref(error);
}

int session_complain(struct session *session, const struct complaint *complaint)
{
	if (session->quiet)
		return complaint->code;
	fflush(session->out);
	if (session->options.json)
		tell_programs(complaint, session->err);
	else
		tell_people(complaint, session->err);
	return complaint->code;
}

int session_fail(struct session *session, enum exit_code code, const char *example, const char *format, ...)
{
	struct complaint complaint = {.code = code, .example = example};
	char *message = NULL;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vasprintf(&message, format, arguments);
	va_end(arguments);
	if (length < 0)
		return session_no_memory(session);
	complaint.message = message;
	session_complain(session, &complaint);
	free(message);
	return code;
}

int session_no_memory(struct session *session)
{
	const struct complaint complaint = {.code = EXIT_REFUSED, .message = "out of memory"};

	return session_complain(session, &complaint);
}
