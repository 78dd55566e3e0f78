/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules as they are judged, and what they counted. */
#include "handlers.h"
#include "words.h"

#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>

/* struct sluice_rule_record *r, its rule as text in `text` */
#define RULE_TABLE(X)                                                                                                  \
	X("instance", TEXT, table_name(t, r->instance, sizeof(r->instance)))                                           \
	X("name", TEXT, table_name(t, r->rule.name, sizeof(r->rule.name)))                                             \
	X("direction", TEXT, table_text(t, direction_word(r->rule.direction)))                                         \
	X("priority", NUMBER, table_number(t, r->rule.priority))                                                       \
	X("action", TEXT, table_text(t, action_word(r->rule.action)))                                                  \
	X("rule", TEXT, table_text(t, text))                                                                           \
	X("packets", NUMBER, table_number(t, r->hits.packets))                                                         \
	X("bytes", BYTES, table_number(t, r->hits.bytes))

static const struct table_column rule_columns[] = {RULE_TABLE(TABLE_AS_COLUMN)};

static void rule_row(struct table *t, const struct sluice_rule_record *r)
{
	char text[POLICY_RULE_TEXT_SIZE];

	if (policy_format_rule(&r->rule, text, sizeof(text)))
		snprintf(text, sizeof(text), "(not a rule)");
	table_row(t);
	RULE_TABLE(TABLE_AS_CELL)
}

/* What no rule decided. Without a priority and a rule, it is told from a rule that is named so. */
static void default_row(struct table *t, const struct sluice_stack_record *r, uint8_t direction)
{
	table_row(t);
	table_name(t, r->instance, sizeof(r->instance));
	table_text(t, "default");
	table_text(t, direction_word(direction));
	table_none(t);
	table_text(t, action_word(r->default_action[direction]));
	table_none(t);
	table_number(t, r->defaulted[direction].packets);
	table_number(t, r->defaulted[direction].bytes);
}

static bool same_instance(const struct sluice_rule_record *rule, const struct sluice_stack_record *instance)
{
	return strncmp(rule->instance, instance->instance, SLUICE_NAME_SIZE) == 0;
}

/*
 * The rules of one instance follow each other, and so do instances, in the order of the stacks: where the
 * search starts at the end of the instance before, it looks at each rule once.
 */
static uint32_t instance_rows(struct table *t, const struct sluice_stack_record *instance, const struct records *rules,
			      uint32_t start)
{
	const struct sluice_rule_record *rule = rules->data;
	uint32_t at = start;

	while (at < rules->count && !same_instance(&rule[at], instance))
		at++;
	if (at == rules->count) {
		for (at = 0; at < start && !same_instance(&rule[at], instance); at++)
			;
		if (at == start)
			return start;
	}
	for (; at < rules->count && same_instance(&rule[at], instance); at++)
		rule_row(t, &rule[at]);
	return at;
}

static struct table *rule_table(const struct records *rules, const struct records *stacks, const char *only)
{
	const struct sluice_stack_record *instance = stacks->data;
	struct table *t = table_new("rules", TABLE_COLUMNS(rule_columns));
	uint32_t at = 0;

	for (uint32_t i = 0; i < stacks->count; i++, instance++) {
		if (!instance->takes_rules ||
		    (only && strncmp(instance->instance, only, sizeof(instance->instance)) != 0))
			continue;
		at = instance_rows(t, instance, rules, at);
		for (uint8_t direction = 0; direction < SLUICE_DIRECTIONS; direction++)
			default_row(t, instance, direction);
	}
	return t;
}

int run_rule_list(struct session *session)
{
	const char *only = session->word_count > 0 ? session->words[0] : NULL;
	struct records rules, stacks;
	struct table *table;
	int code = session_list(session, SLUICE_OP_RULE_LIST, only, sizeof(struct sluice_rule_record), &rules);

	if (code)
		return code;
	code = session_list(session, SLUICE_OP_STACK_LIST, SESSION_NO_NAME, sizeof(struct sluice_stack_record),
			    &stacks);
	if (code) {
		free(rules.data);
		return code;
	}
	table = rule_table(&rules, &stacks, only);
	free(rules.data);
	free(stacks.data);
	return session_print(session, table);
}
