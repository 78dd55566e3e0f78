/* SPDX-License-Identifier: BSD-3-Clause */
/* Resets, with a reason that others can read. */
#include "change.h"
#include "command.h"
#include "handlers.h"

#include <string.h>

static const struct {
	const char *word;
	uint16_t opcode;
	const char *done;
} levels[] = {
	{"datapath", SLUICE_OP_RESET_DATAPATH, "reset the datapath"},
	{"device", SLUICE_OP_RESET_DEVICE, "the firmware resets itself"},
};

#define LEVELS (sizeof(levels) / sizeof(levels[0]))

#define RESET_TABLE(X)                                                                                                 \
	X("level", TEXT, table_text(t, levels[level].word))                                                            \
	X("generation", NUMBER, table_number(t, change.reply.result))

static const struct table_column reset_columns[] = {RESET_TABLE(TABLE_AS_COLUMN)};

static int give(struct session *session, size_t level, const struct sluice_reset_command *command)
{
	const struct request request = {.opcode = levels[level].opcode, .in = command, .in_length = sizeof(*command)};
	struct change change = {.request = &request, .about = levels[level].word, .example = session->command->example};
	int code = change_give(session, &change);
	struct table *t;

	if (code || change.left)
		return code;
	t = table_new_record("reset", TABLE_COLUMNS(reset_columns));
	table_row(t);
	RESET_TABLE(TABLE_AS_CELL)
	return session_done(session, t, "%s: generation %llu", levels[level].done,
			    (unsigned long long)change.reply.result);
}

int run_reset(struct session *session)
{
	const char *word = session->options.level != NULL ? session->options.level : levels[0].word;
	const char *reason = session->options.reason;
	struct sluice_reset_command command = {0};
	size_t level = 0;

	while (level < LEVELS && strcmp(levels[level].word, word) != 0)
		level++;
	if (level == LEVELS)
		return session_fail(session, EXIT_USAGE, session->command->example,
				    "there is no level \"%.40s\": it is datapath or device", word);
	if (session->options.background && levels[level].opcode == SLUICE_OP_RESET_DEVICE)
		return session_fail(
			session, EXIT_USAGE, session->command->example,
			"--background goes with level datapath: the firmware does not outlive a reset of the device");
	if (reason == NULL || reason[0] == '\0')
		return session_fail(session, EXIT_USAGE, session->command->example, "reset needs --reason TEXT");
	if (strlen(reason) >= sizeof(command.reason))
		return session_fail(session, EXIT_INPUT, session->command->example,
				    "the reason is longer than %zu bytes", sizeof(command.reason) - 1);
	memcpy(command.reason, reason, strlen(reason));
	return give(session, level, &command);
}
