/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbours for what is not packets: requests, resets, status, power, hang checks, control devices.
 *
 *      top0  top1 ...      protocols over "nic" or "vnic"
 *        |    |
 *       nic   vnic         a plain miniport; an intermediate driver's
 *
 * They answer as they are told, and write down what they are given, all in one log, so that a test can compare the
 * order of everything: near() at the end of a test's line says what it saw. Nothing here needs an EAL.
 */
#ifndef TEST_IM_NEIGHBOURS_H
#define TEST_IM_NEIGHBOURS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>

#include "im/inside.h"

#define NB_TOPS 4u

/* How the nic, or the vnic, behaves. */
struct nb_miniport {
	struct im_instance *instance;
	const char *name;
	uint32_t attributes;
	im_status_t query; /* PENDING: the test completes it */
	im_status_t set;
	im_status_t power; /* what it answers to set-power */
	im_status_t reset;
	bool addressing_reset;
	bool hangs;
	uint32_t value;		  /* what it answers, and what was set last */
	uint32_t multicast_count; /* addresses set last */
	uint32_t written;	  /* bytes it says it wrote, if not 0 */
	uint32_t *pended_written; /* of a query that it has */
	void (*in_initialize)(struct im_instance *instance);
	void (*in_halt)(void);
	void (*in_query)(void);
	void (*in_set)(void);
	void (*in_cancel)(void);
	void (*in_reset)(void);
	void (*in_hang)(void);
};

struct nb_top {
	uint32_t index;
	struct im_binding *binding;
	im_status_t pnp; /* what it answers; PENDING: the test completes it */
	struct im_pnp_event *event;
	struct im_request *completed; /* the last one */
	uint32_t completions;
	void (*in_pnp)(struct nb_top *top, struct im_pnp_event *event);
	void (*in_complete)(struct nb_top *top);
	void (*in_status)(uint32_t indication);
	void (*in_unbind)(struct nb_top *top);
};

extern struct nb_miniport nb_nic, nb_vnic;
extern struct nb_top nb_tops[NB_TOPS];
extern struct im_wrapper *nb_wrapper; /* of the vnic's driver */

/** Core, drivers and the nic, which runs; @p tops protocols over it. With @p verified the verifier is on and counts. */
void nb_up(uint32_t tops, bool verified);

/** Take everything down and expect no leak and no violation that the test has not taken note of. */
void nb_down(void);

/** Initialise the vnic, which runs then; halt it. */
void nb_start_vnic(void);
void nb_halt_vnic(void);

/** Bind one more protocol over @p adapter. */
struct nb_top *nb_bind(const char *adapter);

/** Stop the nic's instance: halt it. */
void nb_halt_nic(void);

/** Add to the log. Any thread. */
void nb_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Compare the log with @p text, and empty it. */
#define nb_expect(text) nb_expect_at(__LINE__, text)
void nb_expect_at(int line, const char *text);

/** Empty the log. */
void nb_forget(void);

/** Expect that the one violation since the last call was of @p statement; NULL: that there was none. */
#define nb_expect_violation(statement) nb_expect_violation_at(__LINE__, statement)
void nb_expect_violation_at(int line, const char *statement);

/** One turn of the control thread, at this time. */
void nb_tick_at(uint64_t seconds);

/** Run the work that is queued. */
void nb_turn(void);

/** Run @p run at DISPATCH, as a worker would. */
void nb_dispatch(void (*run)(void));

#endif
