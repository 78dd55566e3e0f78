/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_hash.h>
#include <rte_hash_crc.h>

#include "counter.h"
#include "im/core.h"

struct identity {
	char instance[SLUICE_NAME_SIZE];
	char rule[SLUICE_NAME_SIZE];
};

struct counter_table {
	pthread_mutex_t lock;
	struct rte_hash *slots; /* identity -> position, which is the slot */
	uint32_t *uses;		/* by slot */
};

uint32_t counter_slots(uint32_t rules)
{
	return 2 * (rules + SLUICE_DIRECTIONS * SLUICE_POLICY_MAX_INSTANCES);
}

struct counter_table *counter_table_create(uint32_t slots)
{
	struct rte_hash_parameters parameters = {
		.name = "rule_counters",
		.entries = slots,
		.key_len = sizeof(struct identity),
		.hash_func = rte_hash_crc,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE, /* every slot can be used, whatever the names hash to */
	};
	struct counter_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	pthread_mutex_init(&table->lock, NULL);
	table->uses = calloc(slots, sizeof(*table->uses));
	table->slots = rte_hash_create(&parameters);
	if (table->uses != NULL && table->slots != NULL)
		return table;
	counter_table_destroy(table);
	return NULL;
}

void counter_table_destroy(struct counter_table *table)
{
	if (table == NULL)
		return;
	rte_hash_free(table->slots);
	pthread_mutex_destroy(&table->lock);
	free(table->uses);
	free(table);
}

static uint32_t take(struct counter_table *table, const struct identity *identity)
{
	int32_t slot;

	pthread_mutex_lock(&table->lock);
	slot = rte_hash_add_key(table->slots, identity); /* finds it where it is there already */
	if (slot >= 0 && table->uses[slot]++ == 0)
		im_clear_rule((uint32_t)slot);
	pthread_mutex_unlock(&table->lock);
	return slot >= 0 ? (uint32_t)slot : COUNTER_NONE;
}

uint32_t counter_take(struct counter_table *table, const char *instance, const char *rule)
{
	struct identity identity = {0};

	memcpy(identity.instance, instance, sizeof(identity.instance));
	memcpy(identity.rule, rule, sizeof(identity.rule));
	return take(table, &identity);
}

uint32_t counter_take_default(struct counter_table *table, const char *instance, uint32_t direction)
{
	struct identity identity = {0};

	memcpy(identity.instance, instance, sizeof(identity.instance));
	snprintf(identity.rule, sizeof(identity.rule), "default/%u", direction); /* no rule's name holds a slash */
	return take(table, &identity);
}

void counter_release(struct counter_table *table, uint32_t slot)
{
	void *identity;

	if (slot == COUNTER_NONE)
		return;
	pthread_mutex_lock(&table->lock);
	if (--table->uses[slot] == 0 && rte_hash_get_key_with_position(table->slots, (int32_t)slot, &identity) == 0)
		rte_hash_del_key(table->slots, identity);
	pthread_mutex_unlock(&table->lock);
}
