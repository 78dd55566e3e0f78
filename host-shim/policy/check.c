/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks an untrusted policy image completely: header, records, names, references, rules. */
#include "policy/limits.h"
#include "policy/name_set.h"
#include "policy/policy.h"

#include <errno.h>
#include <string.h>

struct check {
	const uint8_t *image;
	const struct sluice_policy_header *header;
	const struct sluice_port *ports;
	const struct sluice_stack *stacks;
	const struct sluice_instance *instances;
	const struct sluice_rule *rules;
	struct name_set names;
	bool port_used[SLUICE_POLICY_MAX_PORTS];
	uint32_t error_offset;
	enum sluice_status status;
};

static int refuse(struct check *c, const void *where, enum sluice_status status)
{
	c->error_offset = (uint32_t)((const uint8_t *)where - c->image);
	c->status = status;
	return -EINVAL;
}

static int check_zero(struct check *c, const void *bytes, size_t size, enum sluice_status status)
{
	const uint8_t *byte = bytes;

	for (size_t i = 0; i < size; i++)
		if (byte[i] != 0)
			return refuse(c, byte + i, status);
	return 0;
}

static int check_reserved(struct check *c, const void *bytes, size_t size)
{
	return check_zero(c, bytes, size, SLUICE_STATUS_BAD_RESERVED);
}

static int check_name(struct check *c, const char *name)
{
	uint32_t bad = 0;

	return policy_name_is_valid(name, &bad) ? 0 : refuse(c, name + bad, SLUICE_STATUS_BAD_NAME);
}

static int check_counts(struct check *c)
{
	const struct sluice_policy_header *h = c->header;
	bool rules_only = h->ports == 0 && h->stacks == 0;

	if (h->ports > SLUICE_POLICY_MAX_PORTS)
		return refuse(c, &h->ports, SLUICE_STATUS_BAD_VALUE);
	if (h->stacks > SLUICE_POLICY_MAX_STACKS)
		return refuse(c, &h->stacks, SLUICE_STATUS_BAD_VALUE);
	if (h->instances > SLUICE_POLICY_MAX_INSTANCES)
		return refuse(c, &h->instances, SLUICE_STATUS_BAD_VALUE);
	if (h->rules > SLUICE_POLICY_MAX_RULES)
		return refuse(c, &h->rules, SLUICE_STATUS_OVER_BUDGET);
	if (!rules_only && h->ports == 0)
		return refuse(c, &h->ports, SLUICE_STATUS_BAD_VALUE);
	if (!rules_only && h->stacks == 0)
		return refuse(c, &h->stacks, SLUICE_STATUS_BAD_VALUE);
	return 0;
}

static int check_header(struct check *c, size_t length)
{
	const struct sluice_policy_header *h = c->header;
	uint64_t expected;

	if (length < sizeof(*h))
		return refuse(c, c->image, SLUICE_STATUS_BAD_LENGTH);
	if (h->magic != SLUICE_POLICY_MAGIC)
		return refuse(c, &h->magic, SLUICE_STATUS_BAD_MAGIC);
	if (h->version != SLUICE_POLICY_VERSION)
		return refuse(c, &h->version, SLUICE_STATUS_BAD_VERSION);
	if (h->reserved0 != 0)
		return refuse(c, &h->reserved0, SLUICE_STATUS_BAD_RESERVED);
	if (h->reserved1 != 0)
		return refuse(c, &h->reserved1, SLUICE_STATUS_BAD_RESERVED);
	if (check_counts(c) != 0)
		return -EINVAL;
	/* The counts are within their limits, so that this cannot overflow 64 bits. */
	expected = sizeof(*h) + (uint64_t)h->ports * sizeof(struct sluice_port) +
		   (uint64_t)h->stacks * sizeof(struct sluice_stack) +
		   (uint64_t)h->instances * sizeof(struct sluice_instance) +
		   (uint64_t)h->rules * sizeof(struct sluice_rule);
	if (h->length != expected || length != expected)
		return refuse(c, &h->length, SLUICE_STATUS_BAD_LENGTH);
	return 0;
}

static void find_records(struct check *c)
{
	c->ports = (const void *)(c->header + 1);
	c->stacks = (const void *)(c->ports + c->header->ports);
	c->instances = (const void *)(c->stacks + c->header->stacks);
	c->rules = (const void *)(c->instances + c->header->instances);
}

/* Documents carry it as text: 1 to 511 printable ASCII characters and nothing behind them. */
static int check_devargs(struct check *c, const char *devargs)
{
	size_t used = 0;

	while (used < SLUICE_DEVARGS_SIZE - 1 && devargs[used] >= ' ' && devargs[used] <= '~')
		used++;
	if (used == 0)
		return refuse(c, devargs, SLUICE_STATUS_BAD_VALUE);
	return check_zero(c, devargs + used, SLUICE_DEVARGS_SIZE - used, SLUICE_STATUS_BAD_VALUE);
}

static int check_port(struct check *c, const struct sluice_port *port)
{
	if (check_name(c, port->name) != 0)
		return -EINVAL;
	if (!name_set_add(&c->names, port->name))
		return refuse(c, port->name, SLUICE_STATUS_DUPLICATE_NAME);
	if (check_devargs(c, port->devargs) != 0)
		return -EINVAL;
	if (port->queues == 0 || port->queues > QUEUES_MOST)
		return refuse(c, &port->queues, SLUICE_STATUS_BAD_VALUE);
	if (port->mtu < MTU_LEAST || port->mtu > MTU_MOST)
		return refuse(c, &port->mtu, SLUICE_STATUS_BAD_VALUE);
	return check_reserved(c, port->reserved, sizeof(port->reserved));
}

/* A port belongs to one edge of one stack. */
static int take_port(struct check *c, const char *name)
{
	uint32_t port = 0;

	if (check_name(c, name) != 0)
		return -EINVAL;
	while (port < c->header->ports && memcmp(c->ports[port].name, name, SLUICE_NAME_SIZE) != 0)
		port++;
	if (port == c->header->ports)
		return refuse(c, name, SLUICE_STATUS_UNKNOWN_PORT);
	if (c->port_used[port])
		return refuse(c, name, SLUICE_STATUS_PORT_IN_USE);
	c->port_used[port] = true;
	return 0;
}

static int check_stack(struct check *c, const struct sluice_stack *stack)
{
	if (check_name(c, stack->name) != 0)
		return -EINVAL;
	for (const struct sluice_stack *other = c->stacks; other < stack; other++)
		if (memcmp(other->name, stack->name, SLUICE_NAME_SIZE) == 0)
			return refuse(c, stack->name, SLUICE_STATUS_DUPLICATE_NAME);
	if (take_port(c, stack->upper_port) != 0 || take_port(c, stack->lower_port) != 0)
		return -EINVAL;
	return check_reserved(c, stack->reserved, sizeof(stack->reserved));
}

/* What an instance says about rules. Defaults and rules belong to those that take rules. */
static int check_rule_settings(struct check *c, const struct sluice_instance *instance)
{
	if (instance->takes_rules > 1)
		return refuse(c, &instance->takes_rules, SLUICE_STATUS_BAD_VALUE);
	for (int direction = 0; direction < SLUICE_DIRECTIONS; direction++) {
		uint8_t action = instance->default_action[direction];

		if (action != SLUICE_ALLOW && (action != SLUICE_DENY || !instance->takes_rules))
			return refuse(c, &instance->default_action[direction], SLUICE_STATUS_BAD_VALUE);
	}
	if (instance->reserved0 != 0)
		return refuse(c, &instance->reserved0, SLUICE_STATUS_BAD_RESERVED);
	if (instance->rules > 0 && !instance->takes_rules)
		return refuse(c, &instance->rules, SLUICE_STATUS_NO_RULES_HERE);
	return 0;
}

static int check_rules_only_instance(struct check *c, const struct sluice_instance *instance)
{
	if (instance->stack != SLUICE_NO_STACK)
		return refuse(c, &instance->stack, SLUICE_STATUS_BAD_VALUE);
	if (instance->takes_rules != 1)
		return refuse(c, &instance->takes_rules, SLUICE_STATUS_BAD_VALUE);
	if (check_zero(c, instance->driver, sizeof(instance->driver), SLUICE_STATUS_BAD_VALUE) != 0)
		return -EINVAL;
	return check_zero(c, instance->default_action, sizeof(instance->default_action), SLUICE_STATUS_BAD_VALUE);
}

/* Instances stand in the order of their stacks, and each stack has at least one. */
static int check_place(struct check *c, const struct sluice_instance *instance)
{
	uint32_t before = instance == c->instances ? 0 : instance[-1].stack;
	bool next = instance != c->instances && instance->stack == before + 1 && instance->stack < c->header->stacks;

	if (instance->stack != before && !next)
		return refuse(c, &instance->stack, SLUICE_STATUS_BAD_VALUE);
	return check_name(c, instance->driver);
}

static int check_instance(struct check *c, const struct sluice_instance *instance)
{
	if (check_name(c, instance->name) != 0)
		return -EINVAL;
	if (!name_set_add(&c->names, instance->name))
		return refuse(c, instance->name, SLUICE_STATUS_DUPLICATE_NAME);
	if (c->header->stacks == 0 ? check_rules_only_instance(c, instance) != 0 : check_place(c, instance) != 0)
		return -EINVAL;
	return check_rule_settings(c, instance);
}

static int check_topology(struct check *c)
{
	const struct sluice_policy_header *h = c->header;
	uint32_t reached = 0;

	name_set_begin(&c->names, h->ports + h->instances);
	for (uint32_t i = 0; i < h->ports; i++)
		if (check_port(c, &c->ports[i]) != 0)
			return -EINVAL;
	for (uint32_t i = 0; i < h->stacks; i++)
		if (check_stack(c, &c->stacks[i]) != 0)
			return -EINVAL;
	for (uint32_t i = 0; i < h->instances; i++)
		if (check_instance(c, &c->instances[i]) != 0)
			return -EINVAL;
	if (h->stacks > 0 && h->instances > 0)
		reached = c->instances[h->instances - 1].stack + 1;
	return reached == h->stacks ? 0 : refuse(c, &c->stacks[reached], SLUICE_STATUS_BAD_VALUE);
}

static int check_one_rule(struct check *c, const struct sluice_rule *rule)
{
	uint32_t offset = 0;
	enum sluice_status status = policy_check_rule(rule, true, &offset);

	if (status != SLUICE_STATUS_OK)
		return refuse(c, (const uint8_t *)rule + offset, status);
	if (!name_set_add(&c->names, rule->name))
		return refuse(c, rule->name, SLUICE_STATUS_DUPLICATE_NAME);
	return 0;
}

/* Rules stand in the order of their instances, without gaps: each belongs to exactly one. */
static int check_rules(struct check *c)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < c->header->instances; i++) {
		const struct sluice_instance *instance = &c->instances[i];

		if (instance->first_rule != next)
			return refuse(c, &instance->first_rule, SLUICE_STATUS_BAD_VALUE);
		if (instance->rules > c->header->rules - next)
			return refuse(c, &instance->rules, SLUICE_STATUS_BAD_VALUE);
		name_set_begin(&c->names, instance->rules);
		for (uint32_t end = next + instance->rules; next < end; next++)
			if (check_one_rule(c, &c->rules[next]) != 0)
				return -EINVAL;
	}
	return next == c->header->rules ? 0 : refuse(c, &c->header->rules, SLUICE_STATUS_BAD_VALUE);
}

static int check_records(struct check *c)
{
	const struct sluice_policy_header *h = c->header;
	uint32_t names = h->ports + h->instances;
	int rc;

	if (name_set_init(&c->names, c->image, h->rules > names ? h->rules : names) != 0) {
		c->status = SLUICE_STATUS_NO_MEMORY;
		return -ENOMEM;
	}
	rc = check_topology(c);
	if (rc == 0)
		rc = check_rules(c);
	name_set_clear(&c->names);
	return rc;
}

int policy_check(const void *image, size_t length, uint32_t *error_offset, enum sluice_status *status)
{
	struct check c = {.image = image, .header = image, .status = SLUICE_STATUS_OK};
	int rc = check_header(&c, length);

	if (rc == 0) {
		find_records(&c);
		rc = check_records(&c);
	}
	*error_offset = c.error_offset;
	*status = c.status;
	return rc;
}
