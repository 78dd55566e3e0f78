/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a thread in the datapath owns: the block it judges by, and its own copy of every counter.
 *
 * Each worker writes its own copies with plain stores; the control thread adds them up with relaxed loads.
 * Nothing is shared for writing and nobody locks. Thread 0 is the control thread, which runs the same code
 * while the stacks are brought up and taken down.
 */
#ifndef IM_WORKER_H
#define IM_WORKER_H

#include <stdint.h>

#include <rte_cycles.h>

#include "abi/drop.h"
#include "abi/policy.h"
#include "block.h"

#define IM_WORKERS_MAX	17u /* the first control thread and 16 workers */
#define IM_ACCOUNTS_MAX 640u
#define IM_TIMED_TURNS	16u

struct im_traffic {
	uint64_t packets;
	uint64_t bytes;
};

/* The counters of one account: an instance or a binding. Writer: the worker that owns the copy. */
struct im_account {
	struct im_traffic handled[SLUICE_DIRECTIONS]; /* handed to the handlers */
	uint64_t cycles;	/* in the driver's own code, of the turns that are timed, and ... */
	uint64_t timed_packets; /* ... the packets of those turns */
	uint64_t sends_begun;	/* sends handed in, and ... */
	uint64_t sends_done;	/* ... sends completed: equal over all workers when none is out */
	uint64_t sends_good;	/* of those, with SUCCESS */
	uint64_t indicated;	/* packets handed to the overlying protocol */
	uint64_t lent;		/* packets lent upward, and ... */
	uint64_t returned;	/* ... packets back */
	uint64_t drops[SLUICE_DIRECTIONS][SLUICE_DROP_LIMIT];
	uint64_t drop_generation[SLUICE_DIRECTIONS][SLUICE_DROP_LIMIT]; /* of the last one */
};

/* Why the calls of the packet path take the longer way: bits of im_worker.careful. */
#define IM_CAREFUL_VERIFY  0x01u /* the verifier is on */
#define IM_CAREFUL_PASSIVE 0x02u /* a control thread */

enum im_level {
	IM_LEVEL_PASSIVE,
	IM_LEVEL_DISPATCH,
};

struct im_dpc;
struct im_frame;
struct im_shown;

/* A thread that calls the core: a worker, or a control thread. */
struct im_worker {
	struct im_block *block; /* of this burst */
	uint32_t index;
	uint16_t queue;		     /* of the lane that is being served */
	bool timed;		     /* cycles are charged in this turn */
	uint8_t careful;	     /* IM_CAREFUL_* */
	uint8_t level;		     /* enum im_level */
	uint8_t own_level;	     /* where it stands when no lock is held and no call raised it */
	uint16_t locks;		     /* spin locks held */
	uint32_t reading;	     /* of a control thread: depth of calls that made it a reader */
	bool attached;		     /* a thread has it */
	struct im_dpc *dpcs;	     /* to run at the next turn; pushed by anybody */
	struct im_frame *frame;	     /* innermost handler it is in */
	struct im_shown *shown;	     /* innermost frame that a receive handler looks at (lookahead.c) */
	uint8_t looping;	     /* depth of frames that are being looped back (loopback.c) */
	uint64_t mark;		     /* TSC when `running` was last charged */
	uint64_t *running;	     /* the cycle counter to charge */
	uint64_t other_cycles;	     /* charged while no driver runs */
	struct im_traffic *traffic;  /* rule counters, by slot */
	struct im_account *accounts; /* by account id */
};

/** The calling thread's. Set once when the thread starts. */
extern __thread struct im_worker *im_this_worker __attribute__((tls_model("initial-exec"))); /* no call to find it */

/** Add to a counter that the calling thread alone writes and others read: nobody locks [9.27]. Level: DISPATCH. */
static inline void im_add(uint64_t *counter, uint64_t value)
{
	__atomic_store_n(counter, *counter + value, __ATOMIC_RELAXED);
}

/** Count @p packets that are dropped here and now, with the generation that decided it: whoever drops says why [4.10,
 * 5.22]. The @p account is im_instance_account() or im_binding_account(). Level: DISPATCH. */
static inline void im_count_drop(uint16_t account, enum sluice_direction direction, enum sluice_drop reason,
				 uint32_t packets)
{
	struct im_worker *worker = im_this_worker;
	struct im_account *copy = &worker->accounts[account];

	im_add(&copy->drops[direction][reason], packets);
	__atomic_store_n(&copy->drop_generation[direction][reason],
			 worker->block != NULL ? worker->block->generation : 0, __ATOMIC_RELAXED);
}

/** Count @p packets with @p bytes for the rule whose counter slot is @p slot, in the thread's own copy [9.27]. Level:
 * DISPATCH. */
static inline void im_count_rule(uint32_t slot, uint64_t packets, uint64_t bytes)
{
	struct im_traffic *traffic = &im_this_worker->traffic[slot];

	im_add(&traffic->packets, packets);
	im_add(&traffic->bytes, bytes);
}

#endif
