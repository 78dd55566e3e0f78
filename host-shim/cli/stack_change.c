/* SPDX-License-Identifier: BSD-3-Clause */
/* Putting driver instances into stacks that run, and taking them out. */
#include "change.h"
#include "command.h"
#include "handlers.h"

/* Which option says which place. */
static const struct {
	enum option_id option;
	enum sluice_place place;
} places[] = {
	{OPTION_TOP, SLUICE_PLACE_TOP},
	{OPTION_BOTTOM, SLUICE_PLACE_BOTTOM},
	{OPTION_ABOVE, SLUICE_PLACE_ABOVE},
	{OPTION_BELOW, SLUICE_PLACE_BELOW},
};

/* struct sluice_stack_command *r */
#define CHANGE_TABLE(X)                                                                                                \
	X("stack", TEXT, table_name(t, r->stack, sizeof(r->stack)))                                                    \
	X("instance", TEXT, table_name(t, r->instance, sizeof(r->instance)))                                           \
	X("driver", TEXT, table_name(t, r->driver, sizeof(r->driver)))                                                 \
	X("generation", NUMBER, table_number(t, generation))

static const struct table_column change_columns[] = {CHANGE_TABLE(TABLE_AS_OPTIONAL_COLUMN)};

static struct table *change_table(const struct sluice_stack_command *r, uint64_t generation)
{
	struct table *t = table_new_record("change", TABLE_COLUMNS(change_columns));

	table_row(t);
	CHANGE_TABLE(TABLE_AS_CELL)
	return t;
}

/* At most one of the options that say where. */
static int take_place(struct session *session, struct sluice_stack_command *command)
{
	const char *neighbour = session->options.neighbour;
	int given = 0;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (!(session->options.given & 1u << places[i].option))
			continue;
		command->place = places[i].place;
		given++;
	}
	if (given > 1)
		return session_fail(
			session, EXIT_USAGE, session->command->example,
			"stack insert: there is one place only: give one of --top, --bottom, --above and --below");
	return neighbour ? session_name(session, "driver instance", neighbour, command->neighbour) : 0;
}

/* X(member, what it is) */
#define PLACE_TABLE(X)                                                                                                 \
	X(stack, "stack")                                                                                              \
	X(instance, "driver instance")                                                                                 \
	X(driver, "driver")                                                                                            \
	X(neighbour, "driver instance")

static const char *blame(const struct change *change, uint32_t offset, char *out, size_t size)
{
	const struct sluice_stack_command *command = change->request->in;

#define X(member, what)                                                                                                \
	if (offset - offsetof(struct sluice_stack_command, member) < sizeof(command->member)) {                        \
		snprintf(out, size, what " \"%.31s\"", command->member);                                               \
		return out;                                                                                            \
	}
	PLACE_TABLE(X)
#undef X
	return change->about;
}

static int give(struct session *session, uint16_t opcode, const struct sluice_stack_command *command,
		const char *sentence)
{
	const struct request request = {.opcode = opcode, .in = command, .in_length = sizeof(*command)};
	char about[3 * SLUICE_NAME_SIZE];
	struct change change = {
		.request = &request, .about = about, .blame = blame, .example = session->command->example};
	int code;

	snprintf(about, sizeof(about), "%.31s of stack %.31s", command->instance, command->stack);
	code = change_give(session, &change);
	if (code || change.left)
		return code;
	return session_done(session, change_table(command, change.reply.result), "%s %.31s, generation %llu", sentence,
			    about, (unsigned long long)change.reply.result);
}

int run_stack_insert(struct session *session)
{
	struct sluice_stack_command command = {0};
	char *const *words = session->words;
	int code = session_name(session, "stack", words[0], command.stack);

	if (code == 0)
		code = session_name(session, "driver", words[1], command.driver);
	if (code == 0)
		code = session_name(session, "driver instance", words[2], command.instance);
	if (code == 0)
		code = take_place(session, &command);
	return code ? code : give(session, SLUICE_OP_STACK_INSERT, &command, "inserted");
}

int run_stack_remove(struct session *session)
{
	struct sluice_stack_command command = {0};
	int code = session_name(session, "stack", session->words[0], command.stack);

	if (code == 0)
		code = session_name(session, "driver instance", session->words[1], command.instance);
	return code ? code : give(session, SLUICE_OP_STACK_REMOVE, &command, "removed");
}
