/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control plane: the policy in force, and the one way to change it.
 *
 *   candidate image ── policy_check ── config_build ── publish (one pointer store) ── the old one waits
 *                           |               |                                         for its grace period
 *                           +-- refused: the policy in force is untouched
 *
 * What is replaced goes to a batch that control_tick() works through; nobody waits for a worker.
 * Everything here belongs to the control thread (PASSIVE).
 */
#ifndef CTRLPLANE_CONTROL_H
#define CTRLPLANE_CONTROL_H

#include "config.h"
#include "im/core.h"

/** Most configs that may wait for their grace period before further changes are asked to wait. */
#define CONTROL_WAITING_MAX 1024u

struct control_statistics {
	uint64_t applied;
	uint64_t rejected;
	uint64_t retired; /* configs that are gone */
};

struct control {
	struct config *current; /* in force; the workers' pointer is im_core.block */
	uint64_t generation;	/* of `current` */
	struct counter_table *counters;
	struct im_packet_pool *pool;
	uint32_t rule_budget;
	uint32_t waiting_count;
	STAILQ_HEAD(, config) waiting; /* oldest first */
	struct control_statistics statistics;
	uint64_t boot_id;
	uint64_t boot_tsc;
	bool hugepages;
	struct broker *broker; /* for its statistics; NULL before it is there */
};

/** 0 or -ENOMEM. The rule counters of the workers must have counter_slots(@p rule_budget) slots. */
int control_create(struct control *control, uint32_t rule_budget, struct im_packet_pool *pool);

/**
 * Put @p image in force. It is checked in full, taken over on success, and left alone on failure.
 * @p expected: the generation that must be in force, 0 for any.
 */
enum sluice_status control_commit(struct control *control, struct policy_image *image, uint64_t expected,
				  uint32_t *offset);

/** Build all that a commit of @p image would publish, and throw it away. */
enum sluice_status control_validate(struct control *control, struct policy_image *image, uint32_t *offset);

/** Free what no worker and no holder can see any more. Never waits. */
void control_tick(struct control *control);

/** After the workers have ended: frees everything. */
void control_destroy(struct control *control);

#endif
