/* SPDX-License-Identifier: BSD-3-Clause */
/* A small valid image, as one struct: a test changes a member of it and expects that member's offset. */
#ifndef TEST_SAMPLE_H
#define TEST_SAMPLE_H

#include "policy/policy.h"

#include <string.h>

struct sample {
	struct sluice_policy_header header;
	struct sluice_port port[4];
	struct sluice_stack stack[2];
	struct sluice_instance instance[4];
	struct sluice_rule rule[4];
};

static inline void sample_rule(struct sluice_rule *rule, const char *name)
{
	strcpy(rule->name, name);
	rule->priority = 1000;
	rule->action = SLUICE_DENY;
}

static inline void sample_instance(struct sluice_instance *instance, const char *name, uint32_t stack,
				   uint32_t first_rule, uint32_t rules)
{
	strcpy(instance->name, name);
	strcpy(instance->driver, "filter");
	instance->stack = stack;
	instance->takes_rules = 1;
	instance->first_rule = first_rule;
	instance->rules = rules;
}

/* Stack s0: fw0 with 2 rules, tap without; stack s1: fw1 with 1 rule, fw2 with 1 rule. */
static inline void sample_make(struct sample *s)
{
	static const char *const ports[] = {"p0", "p1", "p2", "p3"}, *const rules[] = {"a", "b", "a", "a"};

	memset(s, 0, sizeof(*s));
	s->header = (struct sluice_policy_header){.magic = SLUICE_POLICY_MAGIC,
						  .version = SLUICE_POLICY_VERSION,
						  .length = sizeof(*s),
						  .ports = 4,
						  .stacks = 2,
						  .instances = 4,
						  .rules = 4};
	for (int i = 0; i < 4; i++) {
		strcpy(s->port[i].name, ports[i]);
		strcpy(s->port[i].devargs, "net_null0");
		s->port[i].queues = 1;
		s->port[i].mtu = 1500;
		sample_rule(&s->rule[i], rules[i]);
	}
	for (int i = 0; i < 2; i++) {
		strcpy(s->stack[i].name, i == 0 ? "s0" : "s1");
		strcpy(s->stack[i].upper_port, ports[2 * i]);
		strcpy(s->stack[i].lower_port, ports[2 * i + 1]);
	}
	sample_instance(&s->instance[0], "fw0", 0, 0, 2);
	sample_instance(&s->instance[1], "tap", 0, 2, 0);
	sample_instance(&s->instance[2], "fw1", 1, 2, 1);
	sample_instance(&s->instance[3], "fw2", 1, 3, 1);
	s->instance[1].takes_rules = 0;
}

/* The same rules without ports and stacks. */
struct rules_sample {
	struct sluice_policy_header header;
	struct sluice_instance instance[2];
	struct sluice_rule rule[2];
};

static inline void rules_sample_make(struct rules_sample *s)
{
	memset(s, 0, sizeof(*s));
	s->header = (struct sluice_policy_header){.magic = SLUICE_POLICY_MAGIC,
						  .version = SLUICE_POLICY_VERSION,
						  .length = sizeof(*s),
						  .instances = 2,
						  .rules = 2};
	sample_instance(&s->instance[0], "fw0", SLUICE_NO_STACK, 0, 2);
	sample_instance(&s->instance[1], "fw1", SLUICE_NO_STACK, 2, 0);
	memset(s->instance[0].driver, 0, SLUICE_NAME_SIZE);
	memset(s->instance[1].driver, 0, SLUICE_NAME_SIZE);
	sample_rule(&s->rule[0], "a");
	sample_rule(&s->rule[1], "b");
}

#endif
