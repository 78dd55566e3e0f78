/* SPDX-License-Identifier: BSD-3-Clause */
/* Changing single rules. */
#include "command.h"
#include "handlers.h"
#include "words.h"

#include "policy/policy.h"

#include <string.h>

#define RULE_OFFSET ((uint32_t)offsetof(struct sluice_rule_command, rule))

/* What is done to a rule, in the words of its answer. */
struct change {
	uint16_t opcode;
	const char *sentence; /* "added rule %s to %s" */
	const char *example;
};

static const struct change add = {
	.opcode = SLUICE_OP_RULE_ADD,
	.sentence = "added rule %.31s to %.31s, generation %llu",
	.example = "sluicectl rule add in priority 100 tcp from any to any port 22 deny",
};

static const struct change replace = {
	.opcode = SLUICE_OP_RULE_REPLACE,
	.sentence = "replaced rule %.31s of %.31s, generation %llu",
	.example = "sluicectl rule replace name web in tcp from any to any port 443 allow",
};

static const struct change delete = {
	.opcode = SLUICE_OP_RULE_DELETE,
	.sentence = "deleted rule %.31s of %.31s, generation %llu",
	.example = "sluicectl rule delete on fw web",
};

/* struct sluice_rule_record *r: the rule that was changed */
#define CHANGE_TABLE(X)                                                                                                \
	X("rule", TEXT, table_name(t, r->rule.name, sizeof(r->rule.name)))                                             \
	X("instance", TEXT, table_name(t, r->instance, sizeof(r->instance)))                                           \
	X("generation", NUMBER, table_number(t, generation))

static const struct table_column change_columns[] = {CHANGE_TABLE(TABLE_AS_COLUMN)};

static int tell_change(struct session *session, const struct change *change, const struct sluice_rule_record *r,
		       uint64_t generation)
{
	struct table *t = table_new_record("rule", TABLE_COLUMNS(change_columns));

	table_row(t);
	CHANGE_TABLE(TABLE_AS_CELL)
	/* The sentences above have two names and a number: the compiler cannot see that through a table. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return session_done(session, t, change->sentence, r->rule.name, r->instance, (unsigned long long)generation);
#pragma GCC diagnostic pop
}

/* The instance is to blame. */
static int refuse_instance(struct session *session, const struct sluice_fault *fault, const char *instance)
{
	char about[SLUICE_NAME_SIZE + 32] = "no driver takes rules";

	if (instance[0])
		snprintf(about, sizeof(about), "driver instance \"%.31s\"", instance);
	else if (fault->status == SLUICE_STATUS_AMBIGUOUS)
		return session_fault(session, fault, "which driver", "sluicectl rule add on fw in icmp type 8 count");
	return session_fault(session, fault, about, "sluicectl stack show");
}

/* The name is to blame. */
static int refuse_name(struct session *session, const struct sluice_fault *fault,
		       const struct sluice_rule_command *command)
{
	bool missing = fault->status == SLUICE_STATUS_NOT_FOUND;
	char message[SLUICE_NAME_SIZE + 32];

	snprintf(message, sizeof(message), missing ? "there is no rule \"%.31s\"" : "rule \"%.31s\" exists already",
		 command->rule.name);
	return session_complain(session, &(struct complaint){
						 .code = session_fault_code(fault),
						 .status = sluice_status_name(fault->status),
						 .message = message,
						 .example = missing ? "sluicectl rule list" : replace.example,
					 });
}

/* Says in the words of rules what the firmware said in offsets. */
static int refuse_change(struct session *session, const struct change *change, const struct sluice_fault *fault,
			 const struct sluice_rule_command *command)
{
	uint32_t offset = fault->error_offset;

	if (fault->kind != SLUICE_FAULT_COMMAND || offset >= sizeof(*command))
		return session_fault(session, fault, "rule", NULL);
	if (offset < RULE_OFFSET)
		return refuse_instance(session, fault, command->instance);
	if (fault->status == SLUICE_STATUS_NOT_FOUND || fault->status == SLUICE_STATUS_DUPLICATE_NAME)
		return refuse_name(session, fault, command);
	return session_complain(session, &(struct complaint){
						 .code = session_fault_code(fault),
						 .status = sluice_status_name(fault->status),
						 .message = policy_rule_reason(fault->status, offset - RULE_OFFSET),
						 .example = change->example,
					 });
}

static int give_change(struct session *session, const struct change *change, const struct sluice_rule_command *command)
{
	struct sluice_rule_record record = {0};
	const struct request request = {
		.opcode = change->opcode,
		.in = command,
		.in_length = sizeof(*command),
		.out = &record,
		.out_capacity = sizeof(record),
	};
	struct sluice_reply reply;
	struct sluice_fault fault;

	if (session_call(session, &request, &reply, &fault))
		return refuse_change(session, change, &fault, command);
	if (reply.out_length != sizeof(record)) {
		/* Done, but the firmware does not say to what: tell what was asked for. */
		record.rule = command->rule;
		memcpy(record.instance, command->instance, sizeof(record.instance));
	}
	return tell_change(session, change, &record, reply.result);
}

/* The rule on the command line. The parser's errors carry their example on a second line. */
static int parse_rule(struct session *session, struct sluice_rule_command *command)
{
	static const char separator[] = "\n  example: ";
	bool adds = session->command->run == run_rule_add;
	char error[512] = "";
	char example[512] = "";
	char *line;

	if (policy_parse_rule(session->word_count, session->words, command, error, sizeof(error)) == 0)
		return 0;
	line = strstr(error, separator);
	if (line) {
		*line = '\0';
		snprintf(example, sizeof(example), "%s%s", adds ? "sluicectl rule add " : "", line + strlen(separator));
	}
	return session_fail(session, EXIT_INPUT, example, "%s", error);
}

int run_rule_add(struct session *session)
{
	struct sluice_rule_command command;
	int code = parse_rule(session, &command);

	return code ? code : give_change(session, &add, &command);
}

int run_rule_replace(struct session *session)
{
	struct sluice_rule_command command;
	int code = parse_rule(session, &command);

	if (code)
		return code;
	if (command.rule.name[0] == '\0')
		return session_fail(session, EXIT_INPUT, replace.example,
				    "the rule to replace is not named: put \"name NAME\" before its direction");
	return give_change(session, &replace, &command);
}

/* [on INSTANCE] NAME */
int run_rule_delete(struct session *session)
{
	struct sluice_rule_command command = {0};
	char *const *words = session->words;
	bool on = session->word_count == 3 && strcmp(words[0], "on") == 0;
	int code = 0;

	if (!on && session->word_count != 1)
		return session_fail(session, EXIT_USAGE, delete.example, "rule delete needs [on DRIVER] NAME");
	if (on)
		code = session_name(session, "driver instance", words[1], command.instance);
	if (code == 0)
		code = session_name(session, "rule", words[session->word_count - 1], command.rule.name);
	return code ? code : give_change(session, &delete, &command);
}

#define FLUSH_TABLE(X)                                                                                                 \
	X("instance", TEXT, table_text(t, instance))                                                                   \
	X("generation", NUMBER, table_number(t, reply.result))

static const struct table_column flush_columns[] = {FLUSH_TABLE(TABLE_AS_COLUMN)};

int run_rule_flush(struct session *session)
{
	char name[SLUICE_NAME_SIZE] = {0};
	const struct request request = {.opcode = SLUICE_OP_RULE_FLUSH, .in = name, .in_length = sizeof(name)};
	const char *instance = session->word_count > 0 ? session->words[0] : NULL;
	struct sluice_reply reply;
	struct sluice_fault fault;
	struct table *t;

	if (instance && session_name(session, "driver instance", instance, name))
		return EXIT_INPUT;
	if (session_call(session, &request, &reply, &fault))
		return fault.error_offset < sizeof(name) ? refuse_instance(session, &fault, name)
							 : session_fault(session, &fault, instance, NULL);
	t = table_new_record("flush", TABLE_COLUMNS(flush_columns));
	table_row(t);
	FLUSH_TABLE(TABLE_AS_CELL)
	return session_done(session, t, "deleted all rules of %s, generation %llu",
			    instance ? instance : "every driver instance", (unsigned long long)reply.result);
}
