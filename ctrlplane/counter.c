/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <stdbool.h>
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
} __attribute__((aligned(8))); /* it is hashed by words */

struct slot {
	struct identity identity;
	uint32_t uses;
	uint32_t in_force; /* of those, by policies in force: two while one replaces the other */
	bool named;	   /* it is found by its identity */
};

struct counter_table {
	pthread_mutex_t lock;
	struct rte_hash *names; /* identity -> slot */
	struct slot *slots;
	uint32_t *free; /* the numbers of those that are not in use */
	uint32_t free_count;
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
	table->slots = calloc(slots, sizeof(*table->slots));
	table->free = calloc(slots, sizeof(*table->free));
	table->names = rte_hash_create(&parameters);
	if (table->slots == NULL || table->free == NULL || table->names == NULL) {
		counter_table_destroy(table);
		return NULL;
	}
	while (table->free_count < slots) {
		table->free[table->free_count] = slots - 1 - table->free_count;
		table->free_count++;
	}
	return table;
}

void counter_table_destroy(struct counter_table *table)
{
	if (table == NULL)
		return;
	rte_hash_free(table->names);
	pthread_mutex_destroy(&table->lock);
	free(table->slots);
	free(table->free);
	free(table);
}

/* ---- With the lock ------------------------------------------------------------------------------- */

static uint32_t find(const struct counter_table *table, const struct identity *identity)
{
	void *slot;

	return rte_hash_lookup_data(table->names, identity, &slot) >= 0 ? (uint32_t)(uintptr_t)slot : COUNTER_NONE;
}

static uint32_t begin_slot(struct counter_table *table, const struct identity *identity)
{
	uint32_t slot;

	if (table->free_count == 0)
		return COUNTER_NONE;
	slot = table->free[table->free_count - 1];
	if (rte_hash_add_key_data(table->names, identity, (void *)(uintptr_t)slot) != 0)
		return COUNTER_NONE;
	table->free_count--;
	table->slots[slot] = (struct slot){.identity = *identity, .named = true};
	im_clear_rule(slot);
	return slot;
}

static void forget_name(struct counter_table *table, struct slot *slot)
{
	if (slot->named)
		rte_hash_del_key(table->names, &slot->identity);
	slot->named = false;
}

/* ---- Taking and releasing ------------------------------------------------------------------------ */

static uint32_t take(struct counter_table *table, const struct identity *identity)
{
	uint32_t slot;

	pthread_mutex_lock(&table->lock);
	slot = find(table, identity);
	if (slot == COUNTER_NONE)
		slot = begin_slot(table, identity);
	if (slot != COUNTER_NONE)
		table->slots[slot].uses++;
	pthread_mutex_unlock(&table->lock);
	return slot;
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
	if (slot == COUNTER_NONE)
		return;
	pthread_mutex_lock(&table->lock);
	if (--table->slots[slot].uses == 0) {
		forget_name(table, &table->slots[slot]);
		table->free[table->free_count++] = slot;
	}
	pthread_mutex_unlock(&table->lock);
}

void counter_enter(struct counter_table *table, uint32_t slot)
{
	pthread_mutex_lock(&table->lock);
	table->slots[slot].in_force++;
	pthread_mutex_unlock(&table->lock);
}

void counter_leave(struct counter_table *table, uint32_t slot)
{
	pthread_mutex_lock(&table->lock);
	if (--table->slots[slot].in_force == 0)
		forget_name(table, &table->slots[slot]);
	pthread_mutex_unlock(&table->lock);
}
