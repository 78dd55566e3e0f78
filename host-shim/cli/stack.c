/* SPDX-License-Identifier: BSD-3-Clause */
/* Stacks: the driver instances between host and wire, and what was dropped in them. */
#include "handlers.h"
#include "words.h"

#include "abi/drop.h"

#include <stdlib.h>

/* struct sluice_stack_record *r */
#define STACK_TABLE(X)                                                                                                 \
	X("stack", TEXT, table_name(t, r->stack, sizeof(r->stack)))                                                    \
	X("position", NUMBER, table_number(t, r->position))                                                            \
	X("instance", TEXT, table_name(t, r->instance, sizeof(r->instance)))                                           \
	X("driver", TEXT, table_name(t, r->driver, sizeof(r->driver)))                                                 \
	X("state", TEXT, table_text(t, state_word(r->state)))                                                          \
	X("rules", NUMBER, rule_count(t, r))                                                                           \
	X("default-in", TEXT, table_text(t, default_word(r, SLUICE_IN)))                                               \
	X("default-out", TEXT, table_text(t, default_word(r, SLUICE_OUT)))                                             \
	X("in-packets", NUMBER, table_number(t, r->handled[SLUICE_IN].packets))                                        \
	X("out-packets", NUMBER, table_number(t, r->handled[SLUICE_OUT].packets))                                      \
	X("dropped-in", NUMBER, table_number(t, r->dropped[SLUICE_IN]))                                                \
	X("dropped-out", NUMBER, table_number(t, r->dropped[SLUICE_OUT]))                                              \
	X("host-port", TEXT, table_name(t, r->upper_port, sizeof(r->upper_port)))                                      \
	X("wire-port", TEXT, table_name(t, r->lower_port, sizeof(r->lower_port)))

static const struct table_column stack_columns[] = {STACK_TABLE(TABLE_AS_COLUMN)};

static void rule_count(struct table *t, const struct sluice_stack_record *r)
{
	if (r->takes_rules)
		table_number(t, r->rules);
	else
		table_none(t);
}

static const char *default_word(const struct sluice_stack_record *r, enum sluice_direction direction)
{
	return r->takes_rules ? action_word(r->default_action[direction]) : NULL;
}

int run_stack_show(struct session *session)
{
	const struct sluice_stack_record *r;
	struct records records;
	int code = session_list(session, SLUICE_OP_STACK_LIST, SESSION_NO_NAME, sizeof(*r), &records);
	struct table *t;

	if (code)
		return code;
	t = table_new("driver instances", TABLE_COLUMNS(stack_columns));
	r = records.data;
	for (uint32_t i = 0; i < records.count; i++, r++) {
		table_row(t);
		STACK_TABLE(TABLE_AS_CELL)
	}
	free(records.data);
	return session_print(session, t);
}

/* struct sluice_drop_record *r */
#define DROP_TABLE(X)                                                                                                  \
	X("where", TEXT, table_name(t, r->where, sizeof(r->where)))                                                    \
	X("direction", TEXT, table_text(t, direction_word(r->direction)))                                              \
	X("family", TEXT, table_text(t, sluice_drop_family_name(r->reason)))                                           \
	X("reason", TEXT, table_text(t, sluice_drop_name(r->reason)))                                                  \
	X("text", TEXT, table_text(t, sluice_drop_text(r->reason)))                                                    \
	X("packets", NUMBER, table_number(t, r->packets))                                                              \
	X("generation", NUMBER, table_number(t, r->generation))

static const struct table_column drop_columns[] = {DROP_TABLE(TABLE_AS_COLUMN)};

int run_drops(struct session *session)
{
	const struct sluice_drop_record *r;
	struct records records;
	int code = session_list(session, SLUICE_OP_DROP_LIST, SESSION_NO_NAME, sizeof(*r), &records);
	struct table *t;

	if (code)
		return code;
	t = table_new("drops", TABLE_COLUMNS(drop_columns));
	r = records.data;
	for (uint32_t i = 0; i < records.count; i++, r++) {
		table_row(t);
		DROP_TABLE(TABLE_AS_CELL)
	}
	free(records.data);
	return session_print(session, t);
}
