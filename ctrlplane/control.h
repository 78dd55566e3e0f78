/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control plane: the policy in force, and the one way to change it.
 *
 *   candidate image ── policy_check ── config_build ── publish (one pointer store) ── the old one waits
 *                           |               |                                         for its grace period
 *                           +-- refused: the policy in force is untouched
 *
 * What is replaced goes to a batch that control_tick() works through; nobody waits for a worker.
 *
 * Level: PASSIVE, any control thread. Three locks, taken in this order:
 *   topology  one change of drivers or stacks at a time (topology.h). Held while drivers bind and pause.
 *   change    one change of the policy at a time, from the look at what is in force to what follows it. Held while
 *             drivers build their parts.
 *   lock      the members that both sides look at; held for moments.
 * The thread that serves the mailboxes takes the last one only.
 */
#ifndef CTRLPLANE_CONTROL_H
#define CTRLPLANE_CONTROL_H

#include <pthread.h>

#include "abi/mailbox.h"
#include "config.h"
#include "event_log.h"
#include "im/core.h"
#include "operation.h"
#include "upload_store.h"

/** Most configs that may wait for their grace period before further changes are asked to wait. */
#define CONTROL_WAITING_MAX 1024u

struct control_statistics {
	uint64_t applied;
	uint64_t rejected;
	uint64_t retired; /* configs that are gone */
};

/** What a client reads over several commands. It keeps nobody from a change: where that wants the room, it is revoked.
 */
struct control_pin {
	struct config *config; /* held; NULL: nothing, or revoked */
	bool revoked;
	LIST_ENTRY(control_pin) link;
};

/** Drivers that can be on their way out at the same time. */
#define CONTROL_UNLOADING_MAX 4u

struct control {
	pthread_mutex_t topology;
	char unloading[CONTROL_UNLOADING_MAX][SLUICE_NAME_SIZE]; /* drivers that come into no stack; under `topology` */
	pthread_mutex_t change; /* recursive: a commit is part of a larger change, or one of its own */
	pthread_mutex_t lock;
	/* under `lock` */
	struct config *current; /* in force; the workers' pointer is im_core.block. Stays while `change` is held */
	uint32_t waiting_count;
	STAILQ_HEAD(, config) waiting; /* oldest first */
	LIST_HEAD(, control_pin) pins; /* with a config */
	struct control_statistics statistics;
	uint64_t generation; /* of `current`; written under both locks, read by anybody */
	uint32_t resets;     /* generation of the last one; with its reason under `lock` */
	char reset_reason[SLUICE_REASON_SIZE];
	bool reset_wanted; /* atomic: of the device */
	/* set at the start */
	struct counter_table *counters;
	struct im_packet_pool *pool;
	uint32_t rule_budget;
	uint64_t boot_id;
	uint64_t boot_tsc;
	bool hugepages;
	struct event_log *events;     /* NULL: nobody is told */
	struct uploads uploads;	      /* has a lock of its own */
	struct operations operations; /* likewise */
	struct broker *broker;	      /* for its statistics; NULL before it is there */
};

/** 0 or -ENOMEM. The rule counters of the workers must have counter_slots(@p rule_budget) slots. */
int control_create(struct control *control, uint32_t rule_budget, struct im_packet_pool *pool);

/** Begin and end a change of the policy: meanwhile nobody else makes one. May be nested. */
void control_begin(struct control *control);
void control_end(struct control *control);

/** What is in force, held once for the caller, who drops it. */
struct config *control_hold(struct control *control);

/** Pin what is in force, in place of what was pinned there. It is held once more for the caller, who drops it. */
struct config *control_pin(struct control *control, struct control_pin *pin);

/** What is pinned there, held likewise; NULL: nothing is. False: it was revoked. */
bool control_hold_pinned(struct control *control, struct control_pin *pin, struct config **config);

/** Let go what is pinned there, if anything is. */
void control_unpin(struct control *control, struct control_pin *pin);

/** Of what is in force. */
uint64_t control_generation(const struct control *control);

/** Configs that wait for their grace period, or for a holder. */
uint32_t control_waiting(struct control *control);

/** Since the start. */
struct control_statistics control_statistics(struct control *control);

/** Count a change that was refused before it came to control_commit(). */
void control_count_rejected(struct control *control);

/**
 * Put @p image in force. It is checked in full, taken over on success, and left alone on failure.
 * @p expected: the generation that must be in force, 0 for any.
 */
enum sluice_status control_commit(struct control *control, struct policy_image *image, uint64_t expected,
				  uint32_t *offset);

/** Build all that a commit of @p image would publish, and throw it away. */
enum sluice_status control_validate(struct control *control, struct policy_image *image, uint32_t *offset);

/** Free what no worker and no holder can see any more. Never waits for a worker. */
void control_tick(struct control *control);

/** After the workers have ended: frees everything. */
void control_destroy(struct control *control);

#endif
