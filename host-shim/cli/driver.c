/* SPDX-License-Identifier: BSD-3-Clause */
/* Drivers: those there are, loading and unloading. */
#include "change.h"
#include "command.h"
#include "handlers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* struct sluice_driver_record *r */
#define DRIVER_TABLE(X)                                                                                                \
	X("name", TEXT, table_name(t, r->name, sizeof(r->name)))                                                       \
	X("kind", TEXT, table_text(t, r->kind ? "edge" : "intermediate"))                                              \
	X("source", TEXT, table_text(t, r->shared ? "shared-object" : "built-in"))                                     \
	X("description", TEXT, table_name(t, r->description, sizeof(r->description)))                                  \
	X("rules", BOOL, table_bool(t, r->takes_rules))                                                                \
	X("instances", NUMBER, table_number(t, r->instances))

static const struct table_column driver_columns[] = {DRIVER_TABLE(TABLE_AS_COLUMN)};

int run_driver_list(struct session *session)
{
	const struct sluice_driver_record *r;
	struct records records;
	int code = session_list(session, SLUICE_OP_DRIVER_LIST, SESSION_NO_NAME, sizeof(*r), &records);
	struct table *t;

	if (code)
		return code;
	t = table_new("drivers", TABLE_COLUMNS(driver_columns));
	r = records.data;
	for (uint32_t i = 0; i < records.count; i++, r++) {
		table_row(t);
		DRIVER_TABLE(TABLE_AS_CELL)
	}
	free(records.data);
	return session_print(session, t);
}

/* ---- Loading and unloading ----------------------------------------------------------------------------- */

/* struct sluice_change_answer *r */
#define CHANGE_TABLE(X) X("driver", TEXT, table_name(t, r->name, sizeof(r->name)))

static const struct table_column change_columns[] = {CHANGE_TABLE(TABLE_AS_COLUMN)};

static struct table *change_table(const struct sluice_change_answer *r)
{
	struct table *t = table_new_record("driver", TABLE_COLUMNS(change_columns));

	table_row(t);
	CHANGE_TABLE(TABLE_AS_CELL)
	return t;
}

static int give_load(struct session *session, const char *what)
{
	const struct request request = {
		.opcode = SLUICE_OP_DRIVER_LOAD, .in = what, .in_length = (uint32_t)strlen(what)};
	struct change change = {.request = &request, .about = what, .example = session->command->example};
	int code = change_give(session, &change);

	if (code || change.left)
		return code;
	return session_done(session, change_table(&change.answer), "loaded driver %.31s", change.answer.name);
}

/* The firmware has another working directory, and perhaps another idea of what a link leads to. */
static int load_file(struct session *session, const char *word)
{
	char *path = realpath(word, NULL);
	int code;

	if (!path)
		return session_fail(session, EXIT_INPUT, session->command->example, "%s: %s", word, strerror(errno));
	if (strlen(path) > SLUICE_PATH_MAX)
		code = session_fail(session, EXIT_INPUT, session->command->example, "%s: the path is too long", word);
	else
		code = give_load(session, path);
	free(path);
	return code;
}

int run_driver_load(struct session *session)
{
	const char *word = session->words[0];
	char name[SLUICE_NAME_SIZE];

	if (strchr(word, '/'))
		return load_file(session, word);
	return session_name(session, "driver (a path holds a slash, as in ./mirror.so)", word, name)
		       ? EXIT_INPUT
		       : give_load(session, word);
}

int run_driver_unload(struct session *session)
{
	char name[SLUICE_NAME_SIZE];
	const struct request request = {
		.opcode = SLUICE_OP_DRIVER_UNLOAD,
		.arg0 = session->options.uninstall ? SLUICE_UNLOAD_UNINSTALL : 0,
		.in = name,
		.in_length = sizeof(name),
	};
	struct change change = {.request = &request, .about = session->words[0], .example = session->command->example};
	int code = session_name(session, "driver", session->words[0], name);

	if (code == 0)
		code = change_give(session, &change);
	if (code || change.left)
		return code;
	return session_done(session, change_table(&change.answer), "unloaded driver %.31s", name);
}
