/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The acls of a document. They stand in any order, but rules stand in the image in the order of their
 * instances: a first pass finds each acl's instance and counts its rules, a second one reads them.
 */
#include "policy/reader.h"
#include "policy/value.h"

#include <errno.h>
#include <string.h>

static struct sluice_instance *find_instance(struct reader *r, const char *name)
{
	struct sluice_instance *instance = policy_instances(&r->image);

	for (uint32_t i = 0; i < r->instances_read; i++, instance++)
		if (strncmp(instance->name, name, SLUICE_NAME_SIZE) == 0)
			return instance;
	return NULL;
}

/* In a document without stacks each acl makes the instance that it names. */
static struct sluice_instance *add_instance(struct reader *r, const char *name)
{
	struct sluice_instance *instance = &policy_instances(&r->image)[r->instances_read++];

	memcpy(instance->name, name, SLUICE_NAME_SIZE);
	instance->stack = SLUICE_NO_STACK;
	return instance;
}

struct acls {
	uint64_t seen[(SLUICE_POLICY_MAX_INSTANCES + 63) / 64]; /* bitmap of instances that have their acl */
	struct sluice_instance *of_acl[SLUICE_POLICY_MAX_INSTANCES];
	struct sluice_rule *next_rule;
};

static int claim_instance(struct reader *r, const json_t *value, void *record)
{
	struct acls *acls = record;
	struct sluice_instance *instance;
	char name[SLUICE_NAME_SIZE];
	size_t index;

	if (reader_name(r, value, name) != 0)
		return -EINVAL;
	instance = find_instance(r, name);
	if (instance == NULL && r->has_stacks)
		return reader_refuse(r, "no driver in a stack of this document has the name \"%s\"", name);
	if (instance == NULL)
		instance = add_instance(r, name);
	index = (size_t)(instance - policy_instances(&r->image));
	if ((acls->seen[index / 64] >> index % 64 & 1) != 0)
		return reader_refuse(r, "driver \"%s\" has an acl already", name);
	acls->seen[index / 64] |= UINT64_C(1) << index % 64;
	acls->of_acl[reader_item(r)] = instance;
	return 0;
}

static int claim(struct reader *r, const json_t *value, void *record)
{
	static const struct member members[] = {{"name", claim_instance, true}, {"aces", reader_skip, false}};
	struct acls *acls = record;
	struct sluice_instance *instance;

	if (reader_object(r, value, MEMBERS(members), record) != 0)
		return -EINVAL;
	instance = acls->of_acl[reader_item(r)];
	instance->takes_rules = 1;
	instance->rules = (uint32_t)json_array_size(json_object_get(json_object_get(value, "aces"), "ace"));
	return 0;
}

static void place_rules(struct reader *r)
{
	struct sluice_instance *instance = policy_instances(&r->image);
	uint32_t next = 0;

	for (uint32_t i = 0; i < r->image.header->instances; i++, instance++) {
		instance->first_rule = next;
		next += instance->rules;
	}
}

static int read_ace(struct reader *r, const json_t *value, void *record)
{
	struct acls *acls = record;

	return reader_rule(r, value, acls->next_rule++);
}

static int read_ace_list(struct reader *r, const json_t *value, void *record)
{
	return reader_list(r, value, read_ace, record);
}

static int read_aces(struct reader *r, const json_t *value, void *record)
{
	static const struct member members[] = {{"ace", read_ace_list, false}};

	return reader_object(r, value, MEMBERS(members), record);
}

static int read_acl(struct reader *r, const json_t *value, void *record)
{
	static const struct member members[] = {{"name", reader_skip, true}, {"aces", read_aces, false}};
	struct acls *acls = record;

	acls->next_rule = policy_rules(&r->image) + acls->of_acl[reader_item(r)]->first_rule;
	return reader_object(r, value, MEMBERS(members), record);
}

static int read_acl_list(struct reader *r, const json_t *value, void *unused)
{
	struct acls acls = {0};

	(void)unused;
	if (json_array_size(value) > SLUICE_POLICY_MAX_INSTANCES)
		return reader_refuse(r, "%zu acls; at most %u", json_array_size(value), SLUICE_POLICY_MAX_INSTANCES);
	if (reader_list(r, value, claim, &acls) != 0)
		return -EINVAL;
	place_rules(r);
	return reader_list(r, value, read_acl, &acls);
}

int reader_acls(struct reader *r, const json_t *value, void *unused)
{
	static const struct member members[] = {{"acl", read_acl_list, true}};

	return reader_object(r, value, MEMBERS(members), unused);
}
