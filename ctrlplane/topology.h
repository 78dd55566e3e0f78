/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stacks that change while they run.
 *
 *   stop polling its ports ── pause it, top down ── unbind what stands above the place, top down
 *        ── bind the new driver over the lower neighbour ── bind what stood above again, bottom up
 *        ── put the policy with the instance (or without it) in force ── restart, bottom up ── poll again
 *
 * Packets wait in the ports meanwhile; other stacks go on. Where a step fails, all that was done is taken back, in the
 * reverse order; where even that fails the stack stays down: its instances are not running, and every later change of
 * it tries to bring all of it up.
 *
 * Level: PASSIVE; one change at a time, between topology_begin() and topology_end().
 */
#ifndef CTRLPLANE_TOPOLOGY_H
#define CTRLPLANE_TOPOLOGY_H

#include "control.h"

/**
 * Bind @p driver over @p adapter, presenting @p presents, and wait until that VNIC is there: it may be initialised
 * after the bind is complete [2.40]. What the bind said, or FAILURE: it could not be initialised.
 */
im_status_t topology_bind(const char *driver, const char *adapter, const char *presents);

/** How a change ended, where it did not go well. */
struct topology_refusal {
	enum sluice_status status;
	uint32_t offset;       /* of the bad member of struct sluice_stack_command, or SLUICE_NO_OFFSET */
	im_status_t im_status; /* what the core or a driver said; SUCCESS where nothing did */
	char text[224];	       /* in words; "" where the status says all */
};

/** Begin and end changes of drivers or stacks: meanwhile nobody else makes one. */
void topology_begin(struct control *control);
void topology_end(struct control *control);

/**
 * From now on, or no more, @p driver is on its way out: no instance of it is inserted anywhere. False: too many drivers
 * are. Inside a change.
 */
bool topology_retire_driver(struct control *control, const char driver[SLUICE_NAME_SIZE]);
void topology_forget_driver(struct control *control, const char driver[SLUICE_NAME_SIZE]);

/** Insert an instance as @p command says. OK, or a status with @p refusal filled in. */
enum sluice_status topology_insert(struct control *control, const struct sluice_stack_command *command,
				   struct topology_refusal *refusal);

/**
 * Pause and restart stack number @p stack: packets that drivers hold go home, frames wait in the ports meanwhile. OK,
 * or STACK_DOWN, STACK_ASLEEP with @p refusal filled in.
 */
enum sluice_status topology_restart(struct control *control, uint32_t stack, struct topology_refusal *refusal);

/** Remove one. */
enum sluice_status topology_remove(struct control *control, const struct sluice_stack_command *command,
				   struct topology_refusal *refusal);

#endif
