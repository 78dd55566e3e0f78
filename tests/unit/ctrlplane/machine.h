/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A card without ports: the real drivers in a stack over a miniport that keeps what it gets, and the control plane
 * over them. Grace periods pass at once unless the test holds them up; allocations can be made to fail.
 *
 *     top ── fw (filter) ── fw2 (filter) ── tap (passthru) ── wire0
 */
#ifndef TEST_MACHINE_H
#define TEST_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>

#include "control.h"
#include "images.h"
#include "rule.h"

#define MACHINE_BUDGET 16u

struct machine {
	struct control control;
	struct im_packet_pool pool;
	struct im_instance *wire;
	struct im_binding *top;
	uint32_t sent; /* packets that reached the wire */
	struct im_packet *on_wire[64];
	uint32_t received; /* packets that reached the top */
	struct im_packet *at_top[64];
	uint32_t completed; /* packets that came back to the top */
	uint16_t statuses[64];
	uint32_t returned; /* packets that came back to the wire */
};

extern struct machine machine;

/** With image_usual(@p fw_rules, @p fw2_rules) in force as generation 1; the stack runs. */
void machine_up(uint32_t fw_rules, uint32_t fw2_rules);

/** Everything down; expects no leak. */
void machine_down(void);

/** Bind @p driver over @p adapter, which restarts; expect that it succeeds. */
void machine_bind(const char *driver, const char *adapter, const char *presents);

/** Commit; expect @p expected. The image is freed whatever happens. Returns the offset. */
uint32_t machine_commit(struct policy_image image, enum sluice_status expected);

/** Let the thread judge by the policy in force, as a worker does at the start of a burst. */
void machine_judge(void);

/** While true no grace period passes. */
extern bool machine_grace_blocked;

/** Make the n-th allocation from now on fail (1: the next); 0: none. */
extern uint32_t machine_fail_allocation;

/** Allocations that are not freed yet, of the code under test and of the test. */
extern int64_t machine_allocations;

#endif
