/* SPDX-License-Identifier: BSD-3-Clause */
#include "complete.h"

#include "command.h"
#include "oid_value.h"

#include "policy/policy.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whoever waits for a TAB does not wait longer: for one answer, and for all of it. */
#define TIMEOUT_MS 1000u
#define LIMIT_S	   3u
#define WORDS_MOST 256

/* The command line up to the word under the cursor. */
struct line {
	struct session *session;
	const char *current;		   /* what stands of the word that is completed */
	const struct option_spec *pending; /* the option whose argument it is; NULL for none */
	char *words[WORDS_MOST];	   /* those before it that are not options */
	int word_count;
	const struct command *command; /* NULL while its words are not complete */
	int argument;		       /* index of the current word behind those of the command */
};

static void propose(const struct line *line, const char *candidate)
{
	if (strncmp(candidate, line->current, strlen(line->current)) == 0)
		fprintf(line->session->out, "%s\n", candidate);
}

/* ---- What the firmware knows; nothing where it does not run ------------------------------------------ */

static void propose_name(const struct line *line, const char *name)
{
	char text[SLUICE_NAME_SIZE + 1];

	snprintf(text, sizeof(text), "%.*s", (int)SLUICE_NAME_SIZE, name);
	propose(line, text);
}

static void propose_instances(const struct line *line, bool only_ruled)
{
	const struct sluice_stack_record *record;
	struct records records;

	if (session_list(line->session, SLUICE_OP_STACK_LIST, SESSION_NO_NAME, sizeof(*record), &records))
		return;
	record = records.data;
	for (uint32_t i = 0; i < records.count; i++)
		if (record[i].takes_rules || !only_ruled)
			propose_name(line, record[i].instance);
	free(records.data);
}

/* Each once: the instances of a stack stand next to each other. */
static void propose_stacks(const struct line *line)
{
	const struct sluice_stack_record *record;
	struct records records;

	if (session_list(line->session, SLUICE_OP_STACK_LIST, SESSION_NO_NAME, sizeof(*record), &records))
		return;
	record = records.data;
	for (uint32_t i = 0; i < records.count; i++)
		if (i == 0 || memcmp(record[i].stack, record[i - 1].stack, sizeof(record[i].stack)) != 0)
			propose_name(line, record[i].stack);
	free(records.data);
}

static void propose_drivers(const struct line *line)
{
	const struct sluice_driver_record *record;
	struct records records;

	if (session_list(line->session, SLUICE_OP_DRIVER_LIST, SESSION_NO_NAME, sizeof(*record), &records))
		return;
	record = records.data;
	for (uint32_t i = 0; i < records.count; i++)
		if (!record[i].kind) /* edges stay where they are */
			propose_name(line, record[i].name);
	free(records.data);
}

static void propose_devices(const struct line *line)
{
	const struct sluice_device_record *record;
	struct records records;

	if (session_list(line->session, SLUICE_OP_DEVICE_LIST, SESSION_NO_NAME, sizeof(*record), &records))
		return;
	record = records.data;
	for (uint32_t i = 0; i < records.count; i++)
		propose_name(line, record[i].name);
	free(records.data);
}

static void propose_ports(const struct line *line)
{
	const struct sluice_port_record *record;
	struct records records;

	if (session_list(line->session, SLUICE_OP_PORT_LIST, SESSION_NO_NAME, sizeof(*record), &records))
		return;
	record = records.data;
	for (uint32_t i = 0; i < records.count; i++)
		propose_name(line, record[i].port.name);
	free(records.data);
}

static void propose_operations(const struct line *line)
{
	const struct sluice_operation_record *record;
	struct records records;
	char id[24];

	if (session_list(line->session, SLUICE_OP_OPERATION_LIST, SESSION_NO_NAME, sizeof(*record), &records))
		return;
	record = records.data;
	for (uint32_t i = 0; i < records.count; i++) {
		snprintf(id, sizeof(id), "%llu", (unsigned long long)record[i].id);
		propose(line, id);
	}
	free(records.data);
}

/* The instance after "on", where there is one. */
static const char *instance_of_rule(const struct line *line)
{
	for (int i = 0; i + 1 < line->word_count; i++)
		if (strcmp(line->words[i], "on") == 0)
			return line->words[i + 1];
	return NULL;
}

static void propose_rules(const struct line *line)
{
	const struct sluice_rule_record *record;
	struct records records;

	if (session_list(line->session, SLUICE_OP_RULE_LIST, instance_of_rule(line), sizeof(*record), &records))
		return;
	record = records.data;
	for (uint32_t i = 0; i < records.count; i++)
		propose_name(line, record[i].rule.name);
	free(records.data);
}

/* ---- What the tables know ---------------------------------------------------------------------------- */

static void propose_oids(const struct line *line, bool only_settable)
{
	size_t count;
	const struct oid_spec *spec = oid_table(&count);
	char name[64];

	for (size_t i = 0; i < count; i++) {
		if (only_settable && !spec[i].settable)
			continue;
		for (size_t at = 0; at <= strlen(spec[i].name) && at < sizeof(name); at++)
			name[at] = spec[i].name[at] == '_' ? '-' : (char)tolower((unsigned char)spec[i].name[at]);
		propose(line, name);
	}
}

/* The next word of the commands that begin with @p words; each once, they stand next to each other. */
static void propose_commands(const struct line *line, int word_count, char *const *words)
{
	size_t count;
	const struct command *command = command_table(&count);
	char before[COMMAND_WORD_SIZE] = "";
	char word[COMMAND_WORD_SIZE];

	for (size_t i = 0; i < count; i++) {
		if (!command_begins_with(&command[i], word_count, words))
			continue;
		command_word(&command[i], word_count, word);
		if (word[0] && strcmp(word, before) != 0)
			propose(line, word);
		memcpy(before, word, sizeof(before));
	}
}

static void propose_options(const struct line *line)
{
	uint32_t own = line->command ? line->command->options : 0;
	char text[64];

	for (size_t i = 0; i < OPTION_COUNT_OF_ALL; i++) {
		if (!option_specs[i].is_global && !(own & options_bit(&option_specs[i])))
			continue;
		snprintf(text, sizeof(text), "--%s", option_specs[i].name);
		propose(line, text);
	}
}

static const struct policy_keyword *find_keyword(const char *word)
{
	for (const struct policy_keyword *keyword = policy_rule_keywords(); keyword->word; keyword++)
		if (strcmp(keyword->word, word) == 0)
			return keyword;
	return NULL;
}

/* The words that stand for themselves in an argument such as "any|ADDRESS": those in small letters. */
static void propose_alternatives(const struct line *line, const char *argument)
{
	char word[COMMAND_WORD_SIZE];
	const char *end = argument + strcspn(argument, " [");

	while (argument < end) {
		size_t length = strcspn(argument, "| [");

		if (islower((unsigned char)argument[0]) && length < sizeof(word)) {
			memcpy(word, argument, length);
			word[length] = '\0';
			propose(line, word);
		}
		argument += length + (argument[length] == '|');
	}
}

static void propose_keywords(const struct line *line)
{
	for (const struct policy_keyword *keyword = policy_rule_keywords(); keyword->word; keyword++)
		propose(line, keyword->word);
}

/* Behind "mac from" and "mac to" comes an address; else a keyword's argument, or another keyword. */
static void propose_rule(const struct line *line, bool old)
{
	const char *before = line->words[line->word_count - 1];
	const char *earlier = line->words[line->word_count - 2]; /* commands of rules have two words */
	const struct policy_keyword *keyword = line->argument > 0 ? find_keyword(before) : NULL;

	if (line->argument > 1 && strcmp(earlier, "mac") == 0)
		return;
	if (!keyword || keyword->argument[0] == '\0')
		propose_keywords(line);
	else if (strcmp(before, "on") == 0)
		propose_instances(line, true);
	else if (strcmp(before, "name") == 0 && old)
		propose_rules(line);
	else
		propose_alternatives(line, keyword->argument);
}

static void propose_rule_target(const struct line *line)
{
	if (line->argument == 1 && strcmp(line->words[line->word_count - 1], "on") == 0) {
		propose_instances(line, true);
		return;
	}
	if (line->argument == 0)
		propose(line, "on");
	if (line->argument == 0 || line->argument == 2)
		propose_rules(line);
}

/* ---- The line ---------------------------------------------------------------------------------------- */

static enum argument_kind kind_of(const struct line *line)
{
	enum argument_kind first = line->command->kinds[0];

	if (first >= ARGUMENT_COMMAND)
		return first;
	return line->argument < COMMAND_ARGUMENT_KINDS ? line->command->kinds[line->argument] : ARGUMENT_NONE;
}

static int propose_argument(const struct line *line)
{
	switch (kind_of(line)) {
	case ARGUMENT_NONE:
		break;
	case ARGUMENT_RULED:
		propose_instances(line, true);
		break;
	case ARGUMENT_OBJECT:
		propose_instances(line, false);
		propose_ports(line);
		break;
	case ARGUMENT_OID:
	case ARGUMENT_SET_OID:
		propose_oids(line, kind_of(line) == ARGUMENT_SET_OID);
		break;
	case ARGUMENT_DEVICE:
		propose_devices(line);
		break;
	case ARGUMENT_DRIVER:
		propose_drivers(line);
		break;
	case ARGUMENT_STACK:
		propose_stacks(line);
		break;
	case ARGUMENT_INSTANCE:
		propose_instances(line, false);
		break;
	case ARGUMENT_OPERATION:
		propose_operations(line);
		break;
	case ARGUMENT_FILE:
		return COMPLETE_FILES;
	case ARGUMENT_COMMAND:
		propose_commands(line, line->word_count - 1, line->words + 1);
		break;
	case ARGUMENT_RULE:
	case ARGUMENT_OLD_RULE:
		propose_rule(line, kind_of(line) == ARGUMENT_OLD_RULE);
		break;
	case ARGUMENT_RULE_TARGET:
		propose_rule_target(line);
		break;
	}
	return 0;
}

/* An option that stands before the current word. It is obeyed where it is right: completion asks that firmware. */
static void take_option(struct line *line, const char *word)
{
	const struct option_spec *spec = options_find(word);
	const char *equals = strchr(word, '=');

	if (!spec)
		return;
	if (!spec->argument)
		spec->set(&line->session->options, NULL);
	else if (equals)
		spec->set(&line->session->options, equals + 1);
	else if (!spec->argument_optional)
		line->pending = spec;
}

/* The shell makes three words of --option=value: the middle one says nothing. */
static void take_word(struct line *line, char *word)
{
	if (strcmp(word, "=") == 0)
		return;
	if (line->pending) {
		line->pending->set(&line->session->options, word);
		line->pending = NULL;
	} else if (options_is_option(word)) {
		take_option(line, word);
	} else if (line->word_count < WORDS_MOST) {
		line->words[line->word_count++] = word;
	}
}

static int propose_option_argument(const struct line *line)
{
	const struct option_spec *pending = line->pending;

	if (pending == &option_specs[OPTION_ABOVE] || pending == &option_specs[OPTION_BELOW])
		propose_instances(line, false);
	return pending == &option_specs[OPTION_RUNTIME_DIR] ? COMPLETE_FILES : 0;
}

static int propose_all(struct line *line)
{
	int used = 0;

	line->command = command_find(line->word_count, line->words, &used);
	line->argument = line->word_count - used;
	if (line->pending)
		return propose_option_argument(line);
	if (line->current[0] == '-' && strncmp(line->current, "--runtime-dir=", 14) == 0)
		return COMPLETE_FILES;
	if (line->current[0] == '-')
		propose_options(line);
	else if (line->command)
		return propose_argument(line);
	else
		propose_commands(line, line->word_count, line->words);
	return 0;
}

int complete(struct session *session, int word_count, char *const *words)
{
	struct line line = {.session = session, .current = ""};
	const char *last = word_count > 0 ? words[word_count - 1] : "";
	int code;

	session->quiet = true;
	/* Connecting to a firmware that hangs has no time limit of ours: the signal ends this program. */
	alarm(LIMIT_S);
	for (int i = 0; i < word_count - 1; i++)
		take_word(&line, words[i]);
	if (strcmp(last, "=") != 0)
		line.current = last;
	/* Whatever --timeout said. */
	session->options.timeout_ms = TIMEOUT_MS;
	code = propose_all(&line);
	alarm(0);
	return code;
}
