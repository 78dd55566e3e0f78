/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbours for the core: a plain miniport below ("nic"), a protocol above ("top"), relays between, and packets made
 * of malloc. All of them write down what they are given. Nothing here needs an EAL.
 *
 *      top ── r0 ── r1 ... ── nic
 */
#ifndef TEST_IM_RIG_H
#define TEST_IM_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>

#include "im/core.h"
#include "im/relay.h"

#define RIG_LOG_MAX    1024u
#define RIG_LEVELS_MAX 8u

/* What a handler was given, call after call. */
struct rig_log {
	uint32_t calls;
	uint32_t count;
	struct im_packet *packets[RIG_LOG_MAX];
	uint16_t statuses[RIG_LOG_MAX];
};

enum rig_when {
	RIG_INLINE, /* completes, or returns, what it gets before its handler returns */
	RIG_LATER,  /* the test does */
};

/* The instance of a plain miniport. */
struct rig_nic {
	struct im_instance *instance;
	enum rig_when when;
	im_status_t status; /* of inline completions; what `send` returns */
	struct rig_log sent;
	struct rig_log home;
	uint32_t halted;
	uint64_t outstanding; /* sends and loans that the core counts while return_packets runs */
};

/* A protocol and its one binding. */
struct rig_top {
	struct im_binding *binding;
	enum rig_when when;
	uint16_t references; /* for each packet received */
	struct rig_log done;
	struct rig_log received;
	uint32_t unbound;
	uint64_t outstanding; /* sends and loans that the core counts while send_complete runs */
};

extern struct rig_nic rig_nic;
extern struct rig_top rig_top;

/** The order in which things happened: one letter and a name each, such as "unbind:top". */
extern char rig_events[1024];
void rig_event(const char *what, const char *name);

/** Core, drivers, `nic`, @p levels relays "r0" (top) ... and `top` over them, restarted. @p nic_driver: "nic" or
 * "nic1". */
void rig_up(const char *nic_driver, uint32_t levels);

/** Take down what rig_up() made and check that nothing is left. */
void rig_down(void);

/** Core and drivers alone ("nic", "nic1", "top", "relay", "picky"), and `nic` as an instance of the driver. */
void rig_core_up(const char *nic_driver);

/** Bind @p driver over @p adapter; @p vnic: the name of what it presents. */
im_status_t rig_bind(const char *driver, const char *adapter, const char *vnic);

/** A driver that passes on only packets with an odd length, and completes or declines the others itself. */
#define RIG_PICKY "picky"

/** A packet of @p length bytes without a frame behind them; the caller frees it. */
struct im_packet *rig_packet(uint8_t slots, uint32_t length);
void rig_packets(struct im_packet **packets, uint16_t count);
void rig_packets_free(struct im_packet **packets, uint16_t count);

/** Expect that @p log holds exactly @p count packets of @p packets in this order. */
#define rig_expect(log, packets, count) rig_expect_at(__LINE__, #log, log, packets, count)
void rig_expect_at(int line, const char *name, const struct rig_log *log, struct im_packet *const *packets,
		   uint32_t count);

/** Expect that @p run, in a child, breaks the contract: it aborts and names @p statement. */
#define rig_expect_violation(statement, run) rig_expect_violation_at(__LINE__, statement, run)
void rig_expect_violation_at(int line, const char *statement, void (*run)(void));

/** Make the @p n-th allocation by calloc from now on fail (1: the next); 0: none. Needs --wrap=calloc. */
extern uint32_t rig_fail_calloc;

#endif
