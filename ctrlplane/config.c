/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "im/core.h"
#include "operation.h"

/* ---- Going --------------------------------------------------------------------------------------- */

static void release_part(struct config_part *part)
{
	if (part->config == NULL)
		return;
	part->handlers->destroy(part->config);
	part->config = NULL;
	__atomic_sub_fetch(&part->miniport->parts, 1, __ATOMIC_RELEASE); /* not a look at it from here on */
}

void config_release_parts(struct config *config)
{
	for (uint32_t i = 0; config->parts != NULL && i < config->image.header->instances; i++)
		release_part(&config->parts[i]);
}

static void release_counters(struct config *config)
{
	for (uint32_t i = 0; config->slots != NULL && i < config->image.header->rules; i++)
		counter_release(config->counters, config->slots[i]);
	for (uint32_t i = 0; config->default_slots != NULL && i < config->image.header->instances; i++)
		for (uint32_t direction = 0; direction < SLUICE_DIRECTIONS; direction++)
			counter_release(config->counters, config->default_slots[i][direction]);
	free(config->slots);
	free(config->default_slots);
}

static void for_each_slot(const struct config *config, void (*call)(struct counter_table *table, uint32_t slot))
{
	for (uint32_t i = 0; i < config->image.header->rules; i++)
		call(config->counters, config->slots[i]);
	for (uint32_t i = 0; i < config->image.header->instances; i++)
		for (uint32_t direction = 0; direction < SLUICE_DIRECTIONS; direction++)
			call(config->counters, config->default_slots[i][direction]);
}

void config_replace(const struct config *old, const struct config *config)
{
	for_each_slot(config, counter_enter);
	if (old != NULL)
		for_each_slot(old, counter_leave);
}

static void destroy(struct im_block *block)
{
	struct config *config = (struct config *)block; /* its first member */

	config_release_parts(config);
	free(config->parts);
	free(config->block.parts);
	release_counters(config);
	if (config->destroyed != NULL)
		__atomic_add_fetch(config->destroyed, 1, __ATOMIC_RELAXED);
	policy_image_clear(&config->image);
	free(config);
}

/* ---- Coming -------------------------------------------------------------------------------------- */

struct builder {
	struct config *config;
	const struct config *known;
	struct config_refusal *refusal;
	const struct sluice_rule **order; /* of one instance at a time */
	uint32_t *order_slots;
};

static bool refuse(struct builder *builder, enum sluice_status status, const void *at)
{
	const char *image = (const char *)builder->config->image.header;

	builder->refusal->status = status;
	builder->refusal->offset = at != NULL ? (uint32_t)((const char *)at - image) : SLUICE_NO_OFFSET;
	return false;
}

/* Judged by priority; equal ones in order of entry, which is their order in the image. */
static int by_precedence(const void *left, const void *right)
{
	const struct sluice_rule *a = *(const struct sluice_rule *const *)left;
	const struct sluice_rule *b = *(const struct sluice_rule *const *)right;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return a < b ? -1 : a > b;
}

static bool take_counters(struct builder *builder, const struct sluice_instance *instance, uint32_t index)
{
	struct config *config = builder->config;
	struct sluice_rule *rules = policy_rules(&config->image);

	for (uint32_t direction = 0; direction < SLUICE_DIRECTIONS; direction++) {
		uint32_t slot = counter_take_default(config->counters, instance->name, direction);

		config->default_slots[index][direction] = slot;
		if (slot == COUNTER_NONE)
			return refuse(builder, SLUICE_STATUS_BUSY, NULL);
	}
	for (uint32_t i = instance->first_rule; i < instance->first_rule + instance->rules; i++) {
		config->slots[i] = counter_take(config->counters, instance->name, rules[i].name);
		if (config->slots[i] == COUNTER_NONE)
			return refuse(builder, SLUICE_STATUS_BUSY, NULL);
	}
	return true;
}

static enum sluice_status status_of_build(im_status_t status)
{
	return status == IM_STATUS_RESOURCES ? SLUICE_STATUS_NO_MEMORY : SLUICE_STATUS_INTERNAL;
}

/* Counted before it is built: from here on the driver stays. */
static bool run_build(struct builder *builder, const struct im_config_source *source, struct config_part *part)
{
	im_status_t status;

	__atomic_add_fetch(&part->miniport->parts, 1, __ATOMIC_ACQUIRE);
	status = part->handlers->build(source, &part->config);
	if (status == IM_STATUS_SUCCESS)
		return true;
	part->config = NULL;
	__atomic_sub_fetch(&part->miniport->parts, 1, __ATOMIC_RELEASE);
	return refuse(builder, status_of_build(status), NULL);
}

static bool build_part(struct builder *builder, const struct sluice_instance *instance, uint32_t index)
{
	struct config *config = builder->config;
	const struct sluice_rule *first = policy_rules(&config->image);
	struct im_config_source source = {
		.rules = builder->order,
		.counters = builder->order_slots,
		.count = instance->rules,
	};

	for (uint32_t i = 0; i < instance->rules; i++)
		builder->order[i] = first + instance->first_rule + i;
	qsort(builder->order, instance->rules, sizeof(*builder->order), by_precedence);
	for (uint32_t i = 0; i < instance->rules; i++)
		builder->order_slots[i] = config->slots[builder->order[i] - first];
	memcpy(source.default_action, instance->default_action, sizeof(source.default_action));
	memcpy(source.default_counter, config->default_slots[index], sizeof(source.default_counter));
	return run_build(builder, &source, &config->parts[index]);
}

/* The instance is held meanwhile, so that neither it nor its driver can go. */
static bool build_for(struct builder *builder, struct sluice_instance *instance, uint32_t index,
		      const struct im_instance *vnic)
{
	struct config *config = builder->config;
	struct config_part *part = &config->parts[index];

	*part = (struct config_part){
		.handlers = vnic->miniport->config,
		.miniport = vnic->miniport,
		.id = vnic->id,
		.there = true,
		.takes_rules = vnic->miniport->config != NULL,
	};
	if (!part->takes_rules && (instance->takes_rules || instance->rules > 0))
		return refuse(builder, SLUICE_STATUS_NO_RULES_HERE, &instance->takes_rules);
	if (!part->takes_rules)
		return true;
	if (!build_part(builder, instance, index))
		return false;
	config->block.parts[part->id] = part->config;
	return true;
}

static bool build_instance(struct builder *builder, uint32_t index)
{
	struct sluice_instance *instance = &policy_instances(&builder->config->image)[index];
	struct im_instance *vnic;
	bool built;

	if (!take_counters(builder, instance, index))
		return false;
	vnic = im_hold_instance(instance->name);
	if (vnic == NULL && (builder->known == NULL || config_find_instance(builder->known, instance->name) == NULL))
		return refuse(builder, SLUICE_STATUS_NOT_FOUND, instance->name);
	if (vnic == NULL) {
		builder->config->parts[index] = (struct config_part){.takes_rules = instance->takes_rules};
		return true;
	}
	built = build_for(builder, instance, index, vnic);
	im_release_instance(vnic);
	return built;
}

static bool build_all(struct builder *builder, uint32_t rule_budget)
{
	struct sluice_policy_header *header = builder->config->image.header;
	uint64_t built = 0;

	if (header->rules > rule_budget)
		return refuse(builder, SLUICE_STATUS_OVER_BUDGET, &header->rules);
	for (uint32_t i = 0; i < header->instances; i++) {
		operation_tell("building rules", header->rules > 0 ? (uint32_t)(built * 100 / header->rules) : 0);
		if (operation_is_cancelled())
			return refuse(builder, SLUICE_STATUS_CANCELLED, NULL);
		built += policy_instances(&builder->config->image)[i].rules;
		if (!build_instance(builder, i))
			return false;
	}
	return true;
}

/* Slots are COUNTER_NONE until they are taken, so that a half-built config is destroyed like any other. */
static void *unset_slots(size_t count)
{
	uint32_t *slots = malloc(count * sizeof(*slots));

	if (slots != NULL)
		memset(slots, 0xff, count * sizeof(*slots));
	return slots;
}

static bool allocate(struct builder *builder, const struct sluice_policy_header *header)
{
	struct config *config = builder->config;

	config->block.part_count = IM_ACCOUNTS_MAX;
	config->block.parts = calloc(IM_ACCOUNTS_MAX, sizeof(*config->block.parts));
	config->parts = calloc(header->instances + 1u, sizeof(*config->parts));
	config->slots = unset_slots(header->rules + 1u);
	config->default_slots = unset_slots((header->instances + 1u) * SLUICE_DIRECTIONS);
	builder->order = malloc((header->rules + 1u) * sizeof(*builder->order));
	builder->order_slots = malloc((header->rules + 1u) * sizeof(*builder->order_slots));
	if (config->block.parts == NULL || config->parts == NULL || config->slots == NULL ||
	    config->default_slots == NULL || builder->order == NULL || builder->order_slots == NULL)
		return refuse(builder, SLUICE_STATUS_NO_MEMORY, NULL);
	return true;
}

struct config *config_build(struct policy_image *image, const struct config *known, struct counter_table *counters,
			    uint32_t rule_budget, struct config_refusal *refusal)
{
	struct config *config = calloc(1, sizeof(*config));
	struct builder builder = {.config = config, .known = known, .refusal = refusal};
	bool built;

	if (config == NULL) {
		*refusal = (struct config_refusal){SLUICE_STATUS_NO_MEMORY, SLUICE_NO_OFFSET};
		return NULL;
	}
	im_block_init(&config->block, destroy);
	config->counters = counters;
	config->image = *image;
	built = allocate(&builder, image->header) && build_all(&builder, rule_budget);
	free(builder.order);
	free(builder.order_slots);
	if (built) {
		*image = (struct policy_image){0};
		return config;
	}
	config_release_parts(config);
	free(config->parts);
	config->parts = NULL;
	release_counters(config);
	config->slots = NULL;
	config->default_slots = NULL;
	config->image = (struct policy_image){0}; /* it stays the caller's */
	im_block_drop(&config->block);
	return NULL;
}

static bool is_in_place(const struct config_part *part, const struct im_instance *vnic)
{
	return part->there && part->id == vnic->id && part->miniport == vnic->miniport;
}

bool config_is_whole(const struct config *config)
{
	const struct sluice_instance *instances = policy_instances(&config->image);
	bool whole = true;

	for (uint32_t i = 0; whole && i < config->image.header->instances; i++) {
		struct im_instance *vnic = im_hold_instance(instances[i].name);

		if (vnic == NULL)
			continue;
		whole = is_in_place(&config->parts[i], vnic);
		im_release_instance(vnic);
	}
	return whole;
}

struct sluice_instance *config_find_instance(const struct config *config, const char name[SLUICE_NAME_SIZE])
{
	struct sluice_instance *instances = policy_instances(&config->image);

	for (uint32_t i = 0; i < config->image.header->instances; i++)
		if (memcmp(instances[i].name, name, SLUICE_NAME_SIZE) == 0)
			return &instances[i];
	return NULL;
}
