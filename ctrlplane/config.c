/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "im/core.h"

/* ---- Going --------------------------------------------------------------------------------------- */

static void destroy_parts(struct config *config)
{
	struct im_instance *instance;

	FOREACH_INSTANCE (instance)
		if (instance->id < config->block.part_count && config->block.parts[instance->id] != NULL)
			instance->miniport->config->destroy(config->block.parts[instance->id]);
	free(config->block.parts);
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

static void destroy(struct im_block *block)
{
	struct config *config = (struct config *)block; /* its first member */

	if (config->block.parts != NULL)
		destroy_parts(config);
	release_counters(config);
	if (config->destroyed != NULL)
		(*config->destroyed)++;
	policy_image_clear(&config->image);
	free(config);
}

/* ---- Coming -------------------------------------------------------------------------------------- */

struct builder {
	struct config *config;
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

static bool build_part(struct builder *builder, const struct sluice_instance *instance, uint32_t index,
		       struct im_instance *vnic)
{
	struct config *config = builder->config;
	const struct sluice_rule *first = policy_rules(&config->image);
	struct im_config_source source = {
		.rules = builder->order,
		.counters = builder->order_slots,
		.count = instance->rules,
	};
	im_status_t status;

	if (!take_counters(builder, instance, index))
		return false;
	for (uint32_t i = 0; i < instance->rules; i++)
		builder->order[i] = first + instance->first_rule + i;
	qsort(builder->order, instance->rules, sizeof(*builder->order), by_precedence);
	for (uint32_t i = 0; i < instance->rules; i++)
		builder->order_slots[i] = config->slots[builder->order[i] - first];
	memcpy(source.default_action, instance->default_action, sizeof(source.default_action));
	memcpy(source.default_counter, config->default_slots[index], sizeof(source.default_counter));
	status = vnic->miniport->config->build(&source, &config->block.parts[vnic->id]);
	if (status == IM_STATUS_SUCCESS)
		return true;
	return refuse(builder, status == IM_STATUS_RESOURCES ? SLUICE_STATUS_NO_MEMORY : SLUICE_STATUS_INTERNAL, NULL);
}

static bool build_instance(struct builder *builder, uint32_t index)
{
	struct sluice_instance *instance = &policy_instances(&builder->config->image)[index];
	struct im_instance *vnic = im_find_instance(instance->name);

	if (vnic == NULL)
		return refuse(builder, SLUICE_STATUS_NOT_FOUND, instance->name);
	if (vnic->miniport->config != NULL)
		return build_part(builder, instance, index, vnic);
	if (instance->takes_rules || instance->rules > 0)
		return refuse(builder, SLUICE_STATUS_NO_RULES_HERE, &instance->takes_rules);
	return true;
}

static bool build_all(struct builder *builder, uint32_t rule_budget)
{
	struct sluice_policy_header *header = builder->config->image.header;

	if (header->rules > rule_budget)
		return refuse(builder, SLUICE_STATUS_OVER_BUDGET, &header->rules);
	for (uint32_t i = 0; i < header->instances; i++)
		if (!build_instance(builder, i))
			return false;
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

	config->block.part_count = im_core.accounts;
	config->block.parts = calloc(im_core.accounts + 1u, sizeof(*config->block.parts));
	config->slots = unset_slots(header->rules + 1u);
	config->default_slots = unset_slots((header->instances + 1u) * SLUICE_DIRECTIONS);
	builder->order = malloc((header->rules + 1u) * sizeof(*builder->order));
	builder->order_slots = malloc((header->rules + 1u) * sizeof(*builder->order_slots));
	if (config->block.parts == NULL || config->slots == NULL || config->default_slots == NULL ||
	    builder->order == NULL || builder->order_slots == NULL)
		return refuse(builder, SLUICE_STATUS_NO_MEMORY, NULL);
	return true;
}

struct config *config_build(struct policy_image *image, struct counter_table *counters, uint32_t rule_budget,
			    struct config_refusal *refusal)
{
	struct config *config = calloc(1, sizeof(*config));
	struct builder builder = {.config = config, .refusal = refusal};
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
	release_counters(config);
	config->slots = NULL;
	config->default_slots = NULL;
	config->image = (struct policy_image){0}; /* it stays the caller's */
	im_block_drop(&config->block);
	return NULL;
}

struct sluice_instance *config_find_instance(const struct config *config, const char name[SLUICE_NAME_SIZE])
{
	struct sluice_instance *instances = policy_instances(&config->image);

	for (uint32_t i = 0; i < config->image.header->instances; i++)
		if (memcmp(instances[i].name, name, SLUICE_NAME_SIZE) == 0)
			return &instances[i];
	return NULL;
}
