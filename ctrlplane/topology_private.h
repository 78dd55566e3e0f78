/* SPDX-License-Identifier: BSD-3-Clause */
/* A change of a stack, planned (topology.c) and carried out (topology_run.c). */
#ifndef CTRLPLANE_TOPOLOGY_PRIVATE_H
#define CTRLPLANE_TOPOLOGY_PRIVATE_H

#include "topology.h"

/* One driver of a stack. */
struct level {
	char driver[SLUICE_NAME_SIZE];
	char name[SLUICE_NAME_SIZE];
};

/* A stack as it is, or as it shall be: host side first. */
struct levels {
	uint32_t count;
	struct level level[SLUICE_POLICY_MAX_INSTANCES];
};

struct change {
	struct control *control;
	struct topology_refusal *refusal;
	struct sluice_stack stack;
	uint32_t stack_index;
	uint32_t index;	      /* of the instance among all of the image: its place, where it is inserted */
	uint32_t place;	      /* the same among those of the stack */
	bool insert;	      /* otherwise: remove */
	struct level subject; /* that comes or goes */
	struct levels old, new;
};

/** Set the refusal's status and offset. Returns the status. */
enum sluice_status topology_refuse(struct change *change, enum sluice_status status, uint32_t offset);

/** The driver of this name if it is one for a stack: an edge is none. NULL. */
struct im_driver_object *topology_find_driver(const char *name, bool *takes_rules);

/** Pause all of the stack as it is, and restart it. */
enum sluice_status topology_run_restart(struct change *change);

/** Carry it out, or take it back. */
enum sluice_status topology_run(struct change *change);

#endif
