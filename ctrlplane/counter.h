/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters belong to a rule's identity, its driver's and its own name, not to its place in a block. An identity
 * has a slot in every worker's table, and keeps it from one policy in force to the next, so that its numbers survive
 * each change that keeps the name. A change without the name takes it from the slot: whoever still holds an older block
 * reads the numbers there, while a rule that comes under the same name begins a slot of its own. The slot is free when
 * the last block that knows it is gone.
 *
 * Level: PASSIVE, any control thread: a mutex guards the table.
 */
#ifndef CTRLPLANE_COUNTER_H
#define CTRLPLANE_COUNTER_H

#include <stdint.h>

#include "abi/policy.h"

#define COUNTER_NONE UINT32_MAX

struct counter_table;

/** How many slots a budget of @p rules needs: the old and the new ones of a whole replacement, and the defaults'. */
uint32_t counter_slots(uint32_t rules);

/** NULL when out of memory. */
struct counter_table *counter_table_create(uint32_t slots);

void counter_table_destroy(struct counter_table *table);

/** The slot of @p rule of @p instance, one use more. COUNTER_NONE where all are in use. */
uint32_t counter_take(struct counter_table *table, const char *instance, const char *rule);

/** The slot of the default action of @p instance for @p direction, likewise. */
uint32_t counter_take_default(struct counter_table *table, const char *instance, uint32_t direction);

/** One use less. */
void counter_release(struct counter_table *table, uint32_t slot);

/** A policy with this slot comes into force, or goes: with the last one the slot's name is free for another slot. The
 * next one comes before the one that it replaces goes. */
void counter_enter(struct counter_table *table, uint32_t slot);
void counter_leave(struct counter_table *table, uint32_t slot);

#endif
