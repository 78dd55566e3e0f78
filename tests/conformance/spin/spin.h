/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The spin test: everything that can happen to a stack happens at random, from several threads at once, under traffic.
 *
 *      port 0           port 1     ...
 *      top              top            a protocol: sends, keeps what it receives for a turn      traffic.c
 *       |                |
 *      relays           relays         the shipped skeleton, in two drivers that come and go     operations.c
 *       |                |
 *      nic0             nic1           a plain miniport: completes at once or a turn later       traffic.c
 *
 * Workers pump packets; control threads do operations. The verifier is on and stops at the first breach; at the end
 * every packet is home, nothing is left, and each operation has succeeded often enough for the test to mean something.
 */
#ifndef CONFORMANCE_SPIN_H
#define CONFORMANCE_SPIN_H

#include <stdatomic.h>

#include "im/core.h"
#include "im/relay.h"

#define SPIN_PORTS   3u
#define SPIN_WORKERS 2u
#define SPIN_CONTROL 4u
#define SPIN_BURST   8u
#define SPIN_PACKETS 64u /* of each worker, in each direction and port */

/* One worker's packets at one port. Owner: the worker. */
struct spin_lane {
	struct im_packet *idle[2 * SPIN_PACKETS]; /* at home: the top's to send, the nic's to lend */
	struct im_packet *late[2 * SPIN_PACKETS]; /* to be completed, or returned, at the next turn ... */
	struct im_binding *by[2 * SPIN_PACKETS];  /* ... on this binding */
	uint32_t idle_count;
	uint32_t late_count;
};

struct spin_port {
	char name[16];
	struct im_instance *known;		/* of the nic, while it lives */
	_Atomic(struct im_instance *) instance; /* the same while it runs: workers read it once a turn */
	_Atomic(struct im_binding *) binding;	/* of the top, likewise */
	struct spin_lane sends[SPIN_WORKERS + 1];
	struct spin_lane receives[SPIN_WORKERS + 1];
	atomic_bool reset_pends; /* a worker completes it */
};

extern struct spin_port spin_ports[SPIN_PORTS];
extern _Atomic uint64_t spin_sent, spin_received;

/** xorshift: @p state must not be 0. */
static inline uint32_t spin_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32);
}

/* traffic.c */
im_status_t spin_nic_entry(struct im_driver_object *object);
im_status_t spin_top_entry(struct im_driver_object *object);
void spin_make_packets(void);
unsigned spin_free_packets(void); /* returns how many were not at home */
void spin_turn(uint32_t worker, uint64_t *random);
void spin_settle(uint32_t worker); /* completes and returns what is late */

/* operations.c */
void spin_build(void); /* all stacks, to begin with */
void spin_close_handles(void);
void spin_operate(uint64_t *random, const char **doing);
void spin_unbuild(void);
bool spin_report(void); /* prints; false: an operation succeeded too seldom */
uint64_t spin_operations(void);

#endif
