/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations: what was begun and goes on without its client. */
#include "command.h"
#include "follow.h"
#include "format.h"
#include "handlers.h"
#include "number.h"

#include <stdlib.h>

#define ABOUT_SIZE 64

static const char *opcode_word(uint16_t opcode)
{
	switch (opcode) {
#define X(name, builds)                                                                                                \
	case SLUICE_OP_##name:                                                                                         \
		return #name;
		SLUICE_OPERATION_TABLE(X)
#undef X
	default:
		return NULL;
	}
}

SLUICE_WORD_FUNCTION(state_word, SLUICE_OPERATION_STATE_TABLE)

/* const struct sluice_operation_record *r; begun, ended: texts; is_done */
#define OPERATION_TABLE(X)                                                                                             \
	X("id", NUMBER, table_number(t, r->id))                                                                        \
	X("command", TEXT, table_text(t, opcode_word(r->opcode)))                                                      \
	X("state", TEXT, table_text(t, state_word(r->state)))                                                          \
	X("percent", NUMBER, r->percent <= 100 ? table_number(t, r->percent) : table_none(t))                          \
	X("step", TEXT, table_name(t, r->step, sizeof(r->step)))                                                       \
	X("status", TEXT, table_text(t, is_done ? sluice_status_name(r->status) : NULL))                               \
	X("result", NUMBER, is_done ? table_number(t, r->result) : table_none(t))                                      \
	X("user", NUMBER, table_number(t, r->user))                                                                    \
	X("begun", TEXT, table_text(t, begun))                                                                         \
	X("ended", TEXT, table_text(t, is_done ? ended : NULL))                                                        \
	X("name", TEXT, table_name(t, r->answer.name, sizeof(r->answer.name)))                                         \
	X("text", TEXT, table_name(t, r->answer.text, sizeof(r->answer.text)))

static const struct table_column operation_columns[] = {OPERATION_TABLE(TABLE_AS_COLUMN)};

static void add_row(struct table *t, const struct sluice_operation_record *r)
{
	char begun[FORMAT_TIME_SIZE], ended[FORMAT_TIME_SIZE];
	bool is_done = r->state == SLUICE_OPERATION_DONE;

	format_time(r->begun_ms, begun);
	format_time(r->ended_ms, ended);
	table_row(t);
	OPERATION_TABLE(TABLE_AS_CELL)
}

int run_operation_list(struct session *session)
{
	const struct sluice_operation_record *r;
	struct records records;
	int code = session_list(session, SLUICE_OP_OPERATION_LIST, SESSION_NO_NAME, sizeof(*r), &records);
	struct table *t;

	if (code)
		return code;
	t = table_new("operations", TABLE_COLUMNS(operation_columns));
	r = records.data;
	for (uint32_t i = 0; i < records.count; i++, r++)
		add_row(t, r);
	free(records.data);
	return session_print(session, t);
}

/* The id in the command's first word, with the connection to ask about it. */
static int take_id(struct session *session, uint64_t *id, char about[static ABOUT_SIZE])
{
	if (!number_parse(session->words[0], UINT64_MAX, id))
		return session_fail(session, EXIT_INPUT, session->command->example,
				    "\"%.40s\" is not the id of an operation", session->words[0]);
	snprintf(about, ABOUT_SIZE, "operation %llu", (unsigned long long)*id);
	return session_connect(session);
}

static struct table *record_table(const struct sluice_operation_record *record)
{
	struct table *t = table_new_record("operation", TABLE_COLUMNS(operation_columns));

	add_row(t, record);
	return t;
}

int run_operation_show(struct session *session)
{
	struct sluice_operation_record record;
	struct sluice_fault fault = {0};
	char about[ABOUT_SIZE];
	uint64_t id = 0;
	int code = take_id(session, &id, about);

	if (code)
		return code;
	if (sluice_operation_status(session->client, id, &record, &fault) != 0)
		return session_fault(session, &fault, about, "sluicectl operation list");
	return session_print(session, record_table(&record));
}

/* It is not known any more, or it ended badly: then the firmware's words say more than its status. */
static int refuse(struct session *session, const struct follow *follow, const char *about)
{
	const char *words = follow->answer.text;
	char message[400];

	if (follow->fault.kind != SLUICE_FAULT_COMMAND || words[0] == '\0')
		return session_fault(session, &follow->fault, about, "sluicectl operation list");
	snprintf(message, sizeof(message), "%s: %s: %.*s", about, sluice_status_text(follow->fault.status),
		 (int)sizeof(follow->answer.text), words);
	return session_complain(session, &(struct complaint){.code = session_fault_code(&follow->fault),
							     .status = sluice_status_name(follow->fault.status),
							     .message = message,
							     .example = "sluicectl operation list"});
}

int run_operation_wait(struct session *session)
{
	struct sluice_operation_record record;
	struct follow follow;
	char about[ABOUT_SIZE];
	uint64_t id = 0;
	int code = take_id(session, &id, about);

	if (code)
		return code;
	switch (follow_operation(session, id, &record, &follow)) {
	case FOLLOW_DONE:
		return session_print(session, record_table(&record));
	case FOLLOW_FAILED:
		return refuse(session, &follow, about);
	case FOLLOW_LEFT:
		break;
	}
	return follow.code;
}

/* It ends at once, or where the firmware looks next. */
int run_operation_cancel(struct session *session)
{
	struct request request = {.opcode = SLUICE_OP_OPERATION_CANCEL};
	struct sluice_operation_record record;
	struct follow follow;
	struct sluice_reply reply;
	char about[ABOUT_SIZE];
	enum follow_end end;
	int code = take_id(session, &request.arg0, about);

	if (code)
		return code;
	if (session_call(session, &request, &reply, &follow.fault))
		return session_fault(session, &follow.fault, about, "sluicectl operation list");
	end = follow_operation(session, request.arg0, &record, &follow);
	if (end == FOLLOW_LEFT)
		return follow.code;
	if (end == FOLLOW_FAILED && follow.fault.status != SLUICE_STATUS_CANCELLED)
		return refuse(session, &follow, about);
	return session_done(session, record_table(&record), "cancelled %s", about);
}
