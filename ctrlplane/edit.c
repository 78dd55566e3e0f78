/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/mailbox.h"
#include "edit.h"

static int image_alloc(const struct policy_image *like, uint64_t rules, struct policy_image *out)
{
	uint64_t length = like->length + rules * sizeof(struct sluice_rule) -
			  (uint64_t)like->header->rules * sizeof(struct sluice_rule);

	if (rules > SLUICE_POLICY_MAX_RULES)
		return -ENOMEM;
	out->header = malloc(length);
	if (out->header == NULL)
		return -ENOMEM;
	out->length = length;
	memcpy(out->header, like->header, like->length - like->header->rules * sizeof(struct sluice_rule));
	out->header->length = (uint32_t)length;
	out->header->rules = (uint32_t)rules;
	return 0;
}

int edit_splice(const struct policy_image *image, uint32_t index, uint32_t at, uint32_t removed,
		const struct sluice_rule *rules, uint32_t added, struct policy_image *out)
{
	const struct sluice_rule *from = policy_rules(image);
	uint64_t total = (uint64_t)image->header->rules - removed + added;
	struct sluice_instance *instances;
	struct sluice_rule *to;
	uint32_t first;

	if (image_alloc(image, total, out) != 0)
		return -ENOMEM;
	instances = policy_instances(out);
	to = policy_rules(out);
	first = instances[index].first_rule + at;
	memcpy(to, from, first * sizeof(*to));
	if (added > 0)
		memcpy(to + first, rules, added * sizeof(*to));
	memcpy(to + first + added, from + first + removed, (image->header->rules - first - removed) * sizeof(*to));
	instances[index].rules += added - removed;
	instances[index].takes_rules = 1;
	for (uint32_t i = index + 1; i < image->header->instances; i++)
		instances[i].first_rule += added - removed;
	return 0;
}

/* ---- Instances ----------------------------------------------------------------------------------- */

/* Bytes before the instances: header, ports, stacks. */
static size_t head_length(const struct policy_image *image)
{
	return (size_t)((const char *)policy_instances(image) - (const char *)image->header);
}

static size_t rules_length(const struct policy_image *image)
{
	return image->header->rules * sizeof(struct sluice_rule);
}

/* Header, ports and stacks of @p image, with room for @p instances and for the rules of @p image. */
static int image_begin(const struct policy_image *image, uint32_t instances, struct policy_image *out)
{
	out->length = head_length(image) + instances * sizeof(struct sluice_instance) + rules_length(image);
	out->header = malloc(out->length);
	if (out->header == NULL)
		return -ENOMEM;
	memcpy(out->header, image->header, head_length(image));
	out->header->length = (uint32_t)out->length;
	out->header->instances = instances;
	return 0;
}

int edit_copy(const struct policy_image *image, struct policy_image *out)
{
	out->header = malloc(image->length);
	if (out->header == NULL)
		return -ENOMEM;
	out->length = image->length;
	memcpy(out->header, image->header, image->length);
	return 0;
}

int edit_insert_instance(const struct policy_image *image, uint32_t at, const struct sluice_instance *instance,
			 struct policy_image *out)
{
	const struct sluice_instance *from = policy_instances(image);
	uint32_t count = image->header->instances;
	struct sluice_instance *to;

	if (image_begin(image, count + 1, out) != 0)
		return -ENOMEM;
	to = policy_instances(out);
	memcpy(to, from, at * sizeof(*to));
	to[at] = *instance;
	to[at].first_rule = at < count ? from[at].first_rule : image->header->rules;
	to[at].rules = 0;
	memcpy(to + at + 1, from + at, (count - at) * sizeof(*to));
	memcpy(policy_rules(out), policy_rules(image), rules_length(image));
	return 0;
}

static int remove_empty(const struct policy_image *image, uint32_t index, struct policy_image *out)
{
	const struct sluice_instance *from = policy_instances(image);
	uint32_t count = image->header->instances;
	struct sluice_instance *to;

	if (image_begin(image, count - 1, out) != 0)
		return -ENOMEM;
	to = policy_instances(out);
	memcpy(to, from, index * sizeof(*to));
	memcpy(to + index, from + index + 1, (count - index - 1) * sizeof(*to));
	memcpy(policy_rules(out), policy_rules(image), rules_length(image));
	return 0;
}

int edit_remove_instance(const struct policy_image *image, uint32_t index, struct policy_image *out)
{
	struct policy_image empty = {0};
	int result = edit_splice(image, index, 0, policy_instances(image)[index].rules, NULL, 0, &empty);

	if (result == 0)
		result = remove_empty(&empty, index, out);
	policy_image_clear(&empty);
	return result;
}

/* ---- Rules --------------------------------------------------------------------------------------- */

int64_t edit_find_rule(const struct policy_image *image, const struct sluice_instance *instance,
		       const char name[SLUICE_NAME_SIZE])
{
	const struct sluice_rule *rules = policy_rules(image) + instance->first_rule;

	for (uint32_t i = 0; i < instance->rules; i++)
		if (memcmp(rules[i].name, name, SLUICE_NAME_SIZE) == 0)
			return i;
	return -1;
}

void edit_pick_name(const struct policy_image *image, const struct sluice_instance *instance, struct sluice_rule *rule)
{
	uint32_t number = instance->rules;

	do {
		char name[SLUICE_NAME_SIZE] = {0};

		snprintf(name, sizeof(name), "rule-%u", ++number);
		memcpy(rule->name, name, sizeof(name));
	} while (edit_find_rule(image, instance, rule->name) >= 0);
}

/* ---- Applying ------------------------------------------------------------------------------------ */

static const struct sluice_instance *find(const struct policy_image *image, const char name[SLUICE_NAME_SIZE])
{
	const struct sluice_instance *instances = policy_instances(image);

	for (uint32_t i = 0; i < image->header->instances; i++)
		if (memcmp(instances[i].name, name, SLUICE_NAME_SIZE) == 0)
			return &instances[i];
	return NULL;
}

static uint32_t offset_of(const struct policy_image *image, const void *at)
{
	return (uint32_t)((const char *)at - (const char *)image->header);
}

/* The rules of all instances named in @p wanted, in the order of the running ones. */
static enum sluice_status apply_rules(const struct policy_image *running, const struct policy_image *wanted,
				      struct policy_image *out, uint32_t *offset)
{
	const struct sluice_instance *named = policy_instances(wanted);
	struct sluice_instance *instances;
	uint32_t first = 0;

	for (uint32_t i = 0; i < wanted->header->instances; i++)
		if (find(running, named[i].name) == NULL) {
			*offset = offset_of(wanted, named[i].name);
			return SLUICE_STATUS_NOT_FOUND;
		}
	if (image_alloc(running, wanted->header->rules, out) != 0)
		return SLUICE_STATUS_NO_MEMORY;
	instances = policy_instances(out);
	for (uint32_t i = 0; i < out->header->instances; i++) {
		const struct sluice_instance *source = find(wanted, instances[i].name);

		instances[i].first_rule = first;
		instances[i].rules = source != NULL ? source->rules : 0;
		instances[i].takes_rules |= source != NULL;
		if (source != NULL)
			memcpy(policy_rules(out) + first, policy_rules(wanted) + source->first_rule,
			       source->rules * sizeof(struct sluice_rule));
		first += instances[i].rules;
	}
	return SLUICE_STATUS_OK;
}

/* Whether @p size bytes at two places differ; if so, where in the wanted image the first difference is. */
static bool differs(const struct policy_image *wanted, const void *here, const void *there, size_t size,
		    uint32_t *offset)
{
	const uint8_t *a = here, *b = there;

	for (size_t i = 0; i < size; i++) {
		if (a[i] == b[i])
			continue;
		*offset = offset_of(wanted, &a[i]);
		return true;
	}
	return false;
}

/* Everything but rules and default actions has to be as it runs. */
static enum sluice_status check_topology(const struct policy_image *running, const struct policy_image *wanted,
					 uint32_t *offset)
{
	const struct sluice_policy_header *header = wanted->header;
	const struct sluice_instance *instances = policy_instances(wanted);
	bool other =
		differs(wanted, &header->ports, &running->header->ports, sizeof(header->ports), offset) ||
		differs(wanted, &header->stacks, &running->header->stacks, sizeof(header->stacks), offset) ||
		differs(wanted, &header->instances, &running->header->instances, sizeof(header->instances), offset) ||
		differs(wanted, policy_ports(wanted), policy_ports(running), header->ports * sizeof(struct sluice_port),
			offset) ||
		differs(wanted, policy_stacks(wanted), policy_stacks(running),
			header->stacks * sizeof(struct sluice_stack), offset);

	for (uint32_t i = 0; !other && i < header->instances; i++)
		other = differs(wanted, &instances[i], &policy_instances(running)[i],
				offsetof(struct sluice_instance, default_action), offset);
	return other ? SLUICE_STATUS_TOPOLOGY_CHANGE : SLUICE_STATUS_OK;
}

enum sluice_status edit_apply(const struct policy_image *running, const struct policy_image *wanted,
			      struct policy_image *out, uint32_t *offset)
{
	enum sluice_status status;

	*offset = SLUICE_NO_OFFSET;
	if (wanted->header->ports == 0 && wanted->header->stacks == 0)
		return apply_rules(running, wanted, out, offset);
	status = check_topology(running, wanted, offset);
	if (status != SLUICE_STATUS_OK)
		return status;
	if (image_alloc(wanted, wanted->header->rules, out) != 0)
		return SLUICE_STATUS_NO_MEMORY;
	memcpy(policy_rules(out), policy_rules(wanted), wanted->header->rules * sizeof(struct sluice_rule));
	return SLUICE_STATUS_OK;
}
