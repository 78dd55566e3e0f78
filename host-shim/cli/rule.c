/* SPDX-License-Identifier: BSD-3-Clause */
/* Changing single rules. */
#include "command.h"
#include "device.h"
#include "handlers.h"
#include "words.h"

#include "abi/filter.h"
#include "policy/policy.h"

#include <string.h>
#include <unistd.h>

/* How often, and after how long, a rule is offered again to a filter that is away. */
#define PATIENCE 50
#define PAUSE_US 20000

#define RULE_OFFSET ((uint32_t)offsetof(struct sluice_rule_command, rule))

/* What is done to a rule, in the words of its answer. */
struct change {
	enum sluice_filter_code code;
	const char *sentence; /* "added rule %s to %s" */
	const char *example;
};

static const struct change add = {
	.code = SLUICE_FILTER_ADD,
	.sentence = "added rule %.31s to %.31s, generation %llu",
	.example = "sluicectl rule add in priority 100 tcp from any to any port 22 deny",
};

static const struct change replace = {
	.code = SLUICE_FILTER_REPLACE,
	.sentence = "replaced rule %.31s of %.31s, generation %llu",
	.example = "sluicectl rule replace name web in tcp from any to any port 443 allow",
};

static const struct change delete = {
	.code = SLUICE_FILTER_DELETE,
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

/* While its stack is being changed an instance is away for a moment; of such a call nothing was done. */
static bool is_away(const struct sluice_fault *fault)
{
	return fault->kind == SLUICE_FAULT_COMMAND &&
	       (fault->status == SLUICE_STATUS_DEVICE_REMOVED || fault->status == SLUICE_STATUS_DEVICE_NOT_READY);
}

static int give_patiently(struct session *session, const struct device_call *call, struct sluice_reply *reply,
			  struct sluice_fault *fault)
{
	int error = device_give(session, call, reply, fault);

	for (int i = 0; i < PATIENCE && error && is_away(fault); i++) {
		usleep(PAUSE_US);
		error = device_give(session, call, reply, fault);
	}
	return error;
}

/*
 * One call of the filter's control device. Where the driver refused, its answer tells why and where, as if the rule
 * were the command.
 */
static int call_filter(struct session *session, enum sluice_filter_code code, const struct sluice_rule_command *command,
		       struct sluice_filter_answer *answer, struct sluice_fault *fault)
{
	const struct device_call call = {
		.device = SLUICE_FILTER_DEVICE,
		.code = code,
		.in = command,
		.in_length = sizeof(*command),
		.out = answer,
		.out_capacity = sizeof(*answer),
	};
	struct sluice_reply reply;

	memset(answer, 0, sizeof(*answer));
	if (give_patiently(session, &call, &reply, fault) == 0)
		return 0;
	if (fault->kind != SLUICE_FAULT_COMMAND)
		return -1;
	if (fault->status == SLUICE_STATUS_REQUEST_FAILED && reply.out_length == sizeof(*answer)) {
		fault->status = answer->status;
		fault->error_offset = answer->error_offset;
	} else if (fault->status == SLUICE_STATUS_DEVICE_NOT_FOUND) {
		fault->status = SLUICE_STATUS_NOT_FOUND; /* where no instance is, no device is either */
		fault->error_offset = 0;
	}
	return -1;
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
	struct sluice_filter_answer answer;
	struct sluice_fault fault;

	if (call_filter(session, change->code, command, &answer, &fault))
		return refuse_change(session, change, &fault, command);
	return tell_change(session, change, &answer.rule, answer.generation);
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
	X("generation", NUMBER, table_number(t, answer.generation))

static const struct table_column flush_columns[] = {FLUSH_TABLE(TABLE_AS_COLUMN)};

int run_rule_flush(struct session *session)
{
	struct sluice_rule_command command = {0};
	const char *instance = session->word_count > 0 ? session->words[0] : NULL;
	struct sluice_filter_answer answer;
	struct sluice_fault fault;
	struct table *t;

	if (instance && session_name(session, "driver instance", instance, command.instance))
		return EXIT_INPUT;
	if (call_filter(session, SLUICE_FILTER_FLUSH, &command, &answer, &fault))
		return fault.error_offset < RULE_OFFSET ? refuse_instance(session, &fault, command.instance)
							: session_fault(session, &fault, instance, NULL);
	t = table_new_record("flush", TABLE_COLUMNS(flush_columns));
	table_row(t);
	FLUSH_TABLE(TABLE_AS_CELL)
	return session_done(session, t, "deleted all rules of %s, generation %llu",
			    instance ? instance : "every driver instance", (unsigned long long)answer.generation);
}
