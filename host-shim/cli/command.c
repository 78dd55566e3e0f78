/* SPDX-License-Identifier: BSD-3-Clause */
#include "command.h"

#include "handlers.h"
#include "nearest.h"
#include "options.h"

#include <stdbool.h>
#include <string.h>

#define RULE_DETAILS                                                                                                   \
	"DRIVER is a driver instance that takes rules; it may be left out where there is only one. "                   \
	"In is from the wire to the host, out from the host to the wire. "

static const struct command commands[] = {
	{
		.words = "info",
		.arguments = "",
		.summary = "Show the firmware, its policy's generation and its budgets",
		.details =
			"Versions, uptime, the role that this user has, the generation of the policy in force, and how "
			"much of the rule budget and of the packet pools is used. A policy's generation grows by one "
			"with each change.",
		.example = "sluicectl info",
		.run = run_info,
	},
	{
		.words = "dev info",
		.arguments = "",
		.summary = "Show which firmware runs, under the names of devlink dev info",
		.details =
			"Fw is its version, fw.bundle_id the build ID of its program, which file and readelf -n show as well, and "
			"fw.mgmt.api the version of the mailbox. The boot ID differs with each start.",
		.example = "sluicectl dev info",
		.run = run_dev_info,
	},
	{
		.words = "port list",
		.arguments = "",
		.summary = "List the ports, their devices and links",
		.details = "A port at the upper end of a stack is its host edge, one at the lower end its wire edge. A "
			   "rx-pps of 0 is no limit, a speed-mbps of 0 a speed that is not known.",
		.example = "sluicectl port list",
		.run = run_port_list,
	},
	{
		.words = "port stats",
		.arguments = "",
		.summary = "Show what the ports have received, sent and lost",
		.details =
			"Bytes are those of the frames, without preamble and checksum. Packets that the firmware itself "
			"drops are shown by drops. Of a port of a host, rx-held-back tells how often the host's frames "
			"were left in it because those before them waited for the wire, and rx-held-back-us for how many "
			"microseconds.",
		.example = "sluicectl port stats",
		.run = run_port_stats,
	},
	{
		.words = "driver list",
		.arguments = "",
		.summary = "List the drivers that are loaded",
		.details = "Stacks are made of intermediate drivers; edges bind them to ports.",
		.example = "sluicectl driver list",
		.run = run_driver_list,
	},
	{
		.words = "driver load",
		.arguments = "PATH|NAME",
		.summary = "Load a driver from a shared object, or one that is built in and was unloaded",
		.details =
			"What holds a slash is a path. The file and its directory must belong to root, "
			"or to the firmware's user, and nobody else may be able to write them. A driver that cannot start "
			"leaves nothing behind.",
		.example = "sluicectl driver load /usr/lib/sluice/drivers/mirror.so",
		.least = 1,
		.most = 1,
		.options = OPTION_BIT(BACKGROUND),
		.kinds = {ARGUMENT_FILE},
		.run = run_driver_load,
	},
	{
		.words = "driver unload",
		.arguments = "NAME",
		.summary = "Unload a driver",
		.details =
			"A driver whose instances stand in stacks is refused, unless --uninstall takes them out first, each as "
			"stack remove does. It is unloaded when nobody has its control device open any more: until then the "
			"command waits, and where --timeout ends the wait, the driver goes later.",
		.example = "sluicectl driver unload --uninstall mirror",
		.least = 1,
		.most = 1,
		.options = OPTION_BIT(UNINSTALL) | OPTION_BIT(BACKGROUND),
		.kinds = {ARGUMENT_DRIVER},
		.run = run_driver_unload,
	},
	{
		.words = "stack show",
		.arguments = "",
		.summary = "Show the stacks: their driver instances from host to wire",
		.details =
			"Packets are those handed to the instance, from the wire (in) and from the host (out), and those "
			"that it dropped.",
		.example = "sluicectl stack show",
		.run = run_stack_show,
	},
	{
		.words = "stack insert",
		.arguments = "STACK DRIVER NAME",
		.summary = "Put an instance of a driver into a stack that runs",
		.details =
			"The stack is paused from the host down, the instance NAME is bound between its neighbours, and the stack "
			"restarts from the wire up. Packets wait in the ports meanwhile; other stacks go on. A driver that takes "
			"rules has none at first, and allows everything. On a failure the stack is put together again as it was.",
		.example = "sluicectl stack insert --below fw main passthru tap",
		.least = 3,
		.most = 3,
		.options = OPTION_BIT(TOP) | OPTION_BIT(BOTTOM) | OPTION_BIT(ABOVE) | OPTION_BIT(BELOW) |
			   OPTION_BIT(BACKGROUND),
		.kinds = {ARGUMENT_STACK, ARGUMENT_DRIVER},
		.run = run_stack_insert,
	},
	{
		.words = "stack remove",
		.arguments = "STACK NAME",
		.summary = "Take an instance out of a stack that runs",
		.details = "Its rules and their counters go with it. The last instance of a stack stays.",
		.example = "sluicectl stack remove main tap",
		.least = 2,
		.most = 2,
		.options = OPTION_BIT(BACKGROUND),
		.kinds = {ARGUMENT_STACK, ARGUMENT_INSTANCE},
		.run = run_stack_remove,
	},
	{
		.words = "device list",
		.arguments = "",
		.summary = "List the control devices of drivers",
		.details =
			"A driver has its device for as long as it has an instance. Handles are those that clients have open.",
		.example = "sluicectl device list",
		.run = run_device_list,
	},
	{
		.words = "device open",
		.arguments = "NAME",
		.summary = "Check that a control device can be opened",
		.details = "It is opened, and closed again.",
		.example = "sluicectl device open filter",
		.least = 1,
		.most = 1,
		.kinds = {ARGUMENT_DEVICE},
		.run = run_device_open,
	},
	{
		.words = "device call",
		.arguments = "NAME CODE [HEX|@FILE]",
		.summary = "Call a control device, and print what it answers",
		.details =
			"What CODE and the bytes that go with it mean is the driver's business; docs/abi.md tells those of filter. "
			"The bytes are hexadecimal digits, two for each, or those of FILE; @- is the standard input. The device is "
			"opened before the call and closed after it.",
		.example = "sluicectl device call mirror 0x10 00ff",
		.least = 2,
		.most = 3,
		.kinds = {ARGUMENT_DEVICE, ARGUMENT_NONE, ARGUMENT_FILE},
		.run = run_device_call,
	},
	{
		.words = "worker list",
		.arguments = "",
		.summary = "List the workers, their processors and their load",
		.details =
			"Cycles are busy when their turn of the loop moved a packet. Generation is that of the policy "
			"that the worker used in its last turn.",
		.example = "sluicectl worker list",
		.run = run_worker_list,
	},
	{
		.words = "rule add",
		.arguments = "[on DRIVER] [name NAME] in|out [priority N] [MATCH ...] allow|deny|count",
		.summary = "Add a rule",
		.details = RULE_DETAILS
		"The rule is in force when the command returns. Without a name the firmware picks "
		"one and tells it. Rules are judged from the lowest priority number to the highest, "
		"equal ones in the order in which they were added; allow and deny end the judging, "
		"count goes on with the next rule.",
		.example = "sluicectl rule add in priority 100 tcp from 10.0.0.0/8 to any port 22 deny",
		.least = 1,
		.most = COMMAND_ANY,
		.kinds = {ARGUMENT_RULE},
		.run = run_rule_add,
	},
	{
		.words = "rule delete",
		.arguments = "[on DRIVER] NAME",
		.summary = "Delete a rule and its counters",
		.details = "DRIVER may be left out where only one driver instance takes rules.",
		.example = "sluicectl rule delete on fw no-ssh",
		.least = 1,
		.most = 3,
		.kinds = {ARGUMENT_RULE_TARGET},
		.run = run_rule_delete,
	},
	{
		.words = "rule list",
		.arguments = "[DRIVER]",
		.summary = "List rules, default actions and what they matched",
		.details =
			"Rules stand in the order in which they were entered. After the rules of a driver instance "
			"comes its default action for each direction, under the name default and without a priority, "
			"with the packets that no rule decided. The column rule is what rule add takes.",
		.example = "sluicectl rule list fw",
		.most = 1,
		.kinds = {ARGUMENT_RULED},
		.run = run_rule_list,
	},
	{
		.words = "rule replace",
		.arguments = "[on DRIVER] name NAME in|out [priority N] [MATCH ...] allow|deny|count",
		.summary = "Change a rule, and keep its name, place and counters",
		.details = RULE_DETAILS "No packet is judged without the rule: it is the old one or the new one.",
		.example = "sluicectl rule replace name no-ssh in tcp from any to any port 22 count",
		.least = 1,
		.most = COMMAND_ANY,
		.kinds = {ARGUMENT_OLD_RULE},
		.run = run_rule_replace,
	},
	{
		.words = "rule flush",
		.arguments = "[DRIVER]",
		.summary = "Delete all rules of one driver instance or of every one",
		.details = "Default actions stay as they are.",
		.example = "sluicectl rule flush fw",
		.most = 1,
		.kinds = {ARGUMENT_RULED},
		.run = run_rule_flush,
	},
	{
		.words = "apply",
		.arguments = "FILE",
		.summary = "Replace the running policy by the one in FILE, as a whole or not at all",
		.details =
			"FILE is a policy document in JSON; - is the standard input. A document with acls alone replaces "
			"the rules and keeps the running ports and stacks; one with ports and stacks must have the "
			"running ones. What is refused, here or by the firmware, is told with its place in FILE. "
			"Counters of rules that keep their names go on.",
		.example = "sluicectl apply --dry-run policy.json",
		.least = 1,
		.most = 1,
		.options = OPTION_BIT(DRY_RUN) | OPTION_BIT(EXPECT_GENERATION) | OPTION_BIT(BACKGROUND),
		.kinds = {ARGUMENT_FILE},
		.run = run_apply,
	},
	{
		.words = "show config",
		.arguments = "",
		.summary = "Print the running policy as a document that apply takes",
		.details = "The document is JSON, with or without --json.",
		.example = "sluicectl show config > policy.json",
		.run = run_show_config,
	},
	{
		.words = "stats",
		.arguments = "",
		.summary = "Show packets and load of workers, driver instances and ports",
		.details =
			"Without --watch: totals since the start. With it, also rates between two samples, in million "
			"packets and gigabits a second; load and cycles per packet are then those of the interval. On a "
			"terminal the screen is cleared for each sample. With --json each sample is one object on "
			"one line.",
		.example = "sluicectl stats --watch 2 --count 5",
		.options = OPTION_BIT(WATCH) | OPTION_BIT(COUNT),
		.run = run_stats,
	},
	{
		.words = "drops",
		.arguments = "",
		.summary = "Show where and why packets were dropped",
		.details =
			"Only reasons that have happened are shown. The family tells whose decision it was: policy (a rule "
			"or a default), malformed (the packet), resource (the card was short). Generation is that of the "
			"policy that decided the last of them.",
		.example = "sluicectl drops",
		.run = run_drops,
	},
	{
		.words = "events",
		.arguments = "",
		.summary = "Show what happened on the card",
		.details =
			"The firmware keeps its last 256 events: links that go up or down, drivers that come or go, policies "
			"that come into force, violations of the contract, hosts that attach to a port, leave it, or lose a ring "
			"pair that they broke, uploads that nobody came to finish, operations that go on or end. The value is the event's own; where it is not a plain number, the text says what it "
			"means. Those before one that could not be kept are counted as lost. With --follow what happens next is told as well, when it happens: each event is a line of its own, "
			"and with --json an object.",
		.example = "sluicectl events --follow",
		.options = OPTION_BIT(FOLLOW),
		.run = run_events,
	},
	{
		.words = "health",
		.arguments = "",
		.summary = "Show how the card is, and fail where something is not well",
		.details =
			"What reports: the firmware (violations of the contract), its mailbox and its workers (a thread that stands "
			"still for 3 seconds has failed), each port (the wire's link, the rings of a host) and each driver "
			"(quarantine). What is not well stands first. The exit code is 0 where all is well, and otherwise 7. Where "
			"the firmware has ended before its time its last words are told.",
		.example = "sluicectl health",
		.run = run_health,
	},
	{
		.words = "operation list",
		.arguments = "",
		.summary = "List what was begun and goes on without its client, and how the last of it ended",
		.details =
			"Changes of drivers, stacks and the policy, and resets of the datapath, are carried out as operations: they "
			"go on when the program that began them has gone, which may be sluicectl, with --background or interrupted "
			"while it waited, or one of your own (sluice_begin() of libsluice). An operator sees those of all users, others "
			"their own. Of each user the last 8 are kept.",
		.example = "sluicectl operation list",
		.run = run_operation_list,
	},
	{
		.words = "operation show",
		.arguments = "ID",
		.summary = "Show how far one of them has come, or how it ended",
		.details =
			"Status, result and text are those of its command, and absent while it runs. The exit code says "
			"whether the operation was found, not how it ended.",
		.example = "sluicectl operation show 1234",
		.least = 1,
		.most = 1,
		.kinds = {ARGUMENT_OPERATION},
		.run = run_operation_show,
	},
	{
		.words = "operation wait",
		.arguments = "ID",
		.summary = "Wait until one of them has ended",
		.details =
			"Whoever began it. A terminal shows meanwhile how far it has come. The exit code is that of its command; an "
			"interrupt ends the wait alone.",
		.example = "sluicectl operation wait 1234",
		.least = 1,
		.most = 1,
		.kinds = {ARGUMENT_OPERATION},
		.run = run_operation_wait,
	},
	{
		.words = "operation cancel",
		.arguments = "ID",
		.summary = "End one of them before it changes anything",
		.details =
			"That is possible while it waits for others to end, and of an apply until the policy is in force. Then it "
			"ends with status CANCELLED; later the firmware refuses, and the operation goes on.",
		.example = "sluicectl operation cancel 1234",
		.least = 1,
		.most = 1,
		.kinds = {ARGUMENT_OPERATION},
		.run = run_operation_cancel,
	},
	{
		.words = "reset",
		.arguments = "",
		.summary = "Reset the datapath, or the whole firmware",
		.details =
			"Level datapath pauses and restarts every stack, one after the other: what drivers hold goes home, frames "
			"wait in the ports, and rules and counters stay. Level device has the firmware go down in order and start "
			"anew, with the policy that it is configured with: changes since its start are lost, and so are its clients. "
			"The generation of resets grows by one, and the reason stands in the event and in the INFO region.",
		.example = "sluicectl reset --level device --reason stuck-queue",
		.options = OPTION_BIT(LEVEL) | OPTION_BIT(REASON) | OPTION_BIT(BACKGROUND),
		.run = run_reset,
	},
	{
		.words = "oid list",
		.arguments = "NAME",
		.summary = "List the object identifiers that a driver instance or port answers, with their values",
		.details = "An OID without a value is one that the driver lists but refuses to answer.",
		.example = "sluicectl oid list wire0",
		.least = 1,
		.most = 1,
		.kinds = {ARGUMENT_OBJECT},
		.run = run_oid_list,
	},
	{
		.words = "oid get",
		.arguments = "NAME OID",
		.summary = "Show one object of a driver instance or port",
		.details = "OID is a name, in upper or lower case and with - or _, or a number such as 0x00010107.",
		.example = "sluicectl oid get wire0 gen-link-speed",
		.least = 2,
		.most = 2,
		.kinds = {ARGUMENT_OBJECT, ARGUMENT_OID},
		.run = run_oid_get,
	},
	{
		.words = "oid set",
		.arguments = "NAME OID VALUE",
		.summary = "Set one object of a driver instance or port",
		.details =
			"Numbers are decimal, or hexadecimal after 0x. Lists have commas between their elements; none is "
			"the empty list.",
		.example = "sluicectl oid set wire0 gen-current-packet-filter 0x2b",
		.least = 3,
		.most = 3,
		.kinds = {ARGUMENT_OBJECT, ARGUMENT_SET_OID},
		.run = run_oid_set,
	},
	{
		.words = "help",
		.arguments = "[COMMAND]",
		.summary = "Explain a command, or list all commands",
		.details = "COMMAND is the words of a command, or the first of them.",
		.example = "sluicectl help rule add",
		.most = 2,
		.options = OPTION_BIT(MAN),
		.kinds = {ARGUMENT_COMMAND},
		.run = run_help,
	},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

const struct command *command_table(size_t *count)
{
	*count = COMMAND_COUNT;
	return commands;
}

int command_word_count(const struct command *command)
{
	int count = 1;

	for (const char *at = command->words; *at; at++)
		count += *at == ' ';
	return count;
}

void command_word(const struct command *command, int index, char out[COMMAND_WORD_SIZE])
{
	const char *at = command->words;
	size_t length;

	out[0] = '\0';
	for (; index > 0 && at; index--)
		at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL;
	if (!at)
		return;
	length = strcspn(at, " ");
	if (length >= COMMAND_WORD_SIZE)
		return;
	memcpy(out, at, length);
	out[length] = '\0';
}

bool command_begins_with(const struct command *command, int word_count, char *const *words)
{
	char word[COMMAND_WORD_SIZE];

	if (word_count > command_word_count(command))
		return false;
	for (int i = 0; i < word_count; i++) {
		command_word(command, i, word);
		if (strcmp(word, words[i]) != 0)
			return false;
	}
	return true;
}

const struct command *command_find(int word_count, char *const *words, int *used)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		*used = command_word_count(&commands[i]);
		if (word_count >= *used && command_begins_with(&commands[i], *used, words))
			return &commands[i];
	}
	*used = 0;
	return NULL;
}

/* Typing errors in each word on its own: "rul lst" is near "rule list". SIZE_MAX where one is too far off. */
static size_t distance_to(const struct command *command, int word_count, char *const *words)
{
	char word[COMMAND_WORD_SIZE];
	size_t sum = 0;

	for (int i = 0; i < command_word_count(command); i++) {
		size_t distance;

		command_word(command, i, word);
		distance = i < word_count ? nearest_distance(words[i], word) : strlen(word);
		if (i < word_count && distance > NEAREST_LIMIT)
			return SIZE_MAX;
		sum += distance;
	}
	return sum;
}

const struct command *command_nearest(int word_count, char *const *words)
{
	const struct command *nearest = NULL;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		size_t distance = distance_to(&commands[i], word_count, words);

		if (distance < least) {
			least = distance;
			nearest = &commands[i];
		}
	}
	return nearest;
}
