/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbours for the core: a plain miniport below ("nic"), protocols above ("top", "top2"), relays between, and packets
 * made of malloc. All of them write down what they are given. Nothing here needs an EAL.
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

#include "im/inside.h"
#include "im/relay.h"

#define RIG_LOG_MAX    2048u
#define RIG_LEVELS_MAX 8u
#define RIG_FRAME_MAX  256u /* bytes of a frame by look-ahead that are kept */

/* What a handler was given, call after call. */
struct rig_log {
	uint32_t calls;
	uint32_t count;
	struct im_packet *packets[RIG_LOG_MAX];
	uint16_t statuses[RIG_LOG_MAX];
	uint16_t largest; /* packets of one call */
};

enum rig_when {
	RIG_INLINE, /* completes, or returns, what it gets before its handler returns */
	RIG_LATER,  /* the test does */
};

/* The instance of a plain miniport. */
struct rig_nic {
	struct im_instance *instance;
	enum rig_when when;
	im_status_t status;  /* of inline completions; what `send` returns */
	uint32_t attributes; /* beside those of its driver */
	uint32_t room;	     /* of a serialised one: packets that it takes before it refuses; it takes all by default */
	uint32_t inside;     /* calls of its send handler that run now */
	void (*in_send)(struct rig_nic *nic, struct im_packet **packets, uint16_t count); /* before all else */
	struct rig_log sent;
	struct rig_log home;
	uint32_t halted;
	uint64_t outstanding; /* sends and loans that the core counts while return_packets runs */
	uint32_t cancelled;   /* id of the last cancel */
	uint32_t cancels;
	uint8_t address[6]; /* of OID_802_3_CURRENT_ADDRESS */
	/* of transfer_data: the frame behind the header, and what it was asked for */
	const uint8_t *frame;
	uint32_t frame_length;
	uint32_t transfers;
	struct im_packet *transferring;
};

/* A frame that came by look-ahead, as it was during the call. */
struct rig_look {
	uint32_t calls;
	uint32_t header_length;
	uint32_t data_length;
	uint32_t packet_length;
	uint8_t bytes[RIG_FRAME_MAX];  /* header and data */
	uint32_t lengths[RIG_LOG_MAX]; /* header_length + packet_length, call after call */
};

/* A protocol's binding. */
struct rig_top {
	struct im_binding *binding;
	enum rig_when when;
	uint16_t references; /* for each packet received */
	struct rig_log done;
	struct rig_log received;
	struct rig_look looked;
	im_status_t (*in_receive)(struct rig_top *top, const struct im_lookahead *lookahead); /* its answer */
	void (*in_received)(struct rig_top *top, struct im_packet **packets, uint16_t count);
	void (*in_done)(struct rig_top *top, struct im_packet **packets, uint16_t count);
	uint32_t complete;  /* calls of receive_complete */
	uint32_t transfers; /* calls of transfer_data_complete, the last with ... */
	im_status_t transfer_status;
	uint32_t transferred;
	struct im_packet *transfer;
	uint32_t unbound;
	uint64_t outstanding; /* sends and loans that the core counts while send_complete runs */
};

extern struct rig_nic rig_nic, rig_nic2;
extern struct rig_top rig_top, rig_top2, rig_top3; /* in the order in which they were bound */

/** The order in which things happened: one letter and a name each, such as "unbind:top". */
extern char rig_events[1024];
void rig_event(const char *what, const char *name);

/**
 * Core, drivers, `nic`, @p levels relays "r0" (top) ... and `top` over them, restarted. @p nic_driver: "nic"; "nic1",
 * which has `send` alone; "serial" and "serial1", the same, serialised.
 */
void rig_up(const char *nic_driver, uint32_t levels);

/** Take down what rig_up() made and check that nothing is left. */
void rig_down(void);

/** Core and drivers alone (those, "top", "top2", "relay", "picky"), and `nic` as an instance of the driver. */
void rig_core_up(const char *nic_driver);

/** A second instance of @p nic_driver, "nic2", restarted. */
void rig_second_nic(const char *nic_driver);

/** Set a packet filter, before which nothing is indicated (5.9). */
void rig_want_packets(const char *adapter);

/** Bind @p driver over @p adapter; @p vnic: the name of what it presents. A "top" wants packets. */
im_status_t rig_bind(const char *driver, const char *adapter, const char *vnic);

/** A driver that passes on only packets with an odd length, and completes or declines the others itself. */
#define RIG_PICKY "picky"

im_status_t rig_relay_entry(struct im_driver_object *object);
im_status_t rig_picky_entry(struct im_driver_object *object);

/** No protocol has a receive handler any more: what is for the call only comes through receive_packets. */
void rig_without_lookahead(void);

/**
 * Run the tests of a group as a control thread, then as a worker, whose packet path has no careful part, then with the
 * verifier on, which finds nothing where a test breaks nothing. Returns how many failed. A statement for each: the
 * operands of an operator come in any order, and all three ran with the verifier on.
 */
#define rig_run(tests)                                                                                                 \
	({                                                                                                             \
		int rig_failed;                                                                                        \
                                                                                                                       \
		rig_as(RIG_CONTROL);                                                                                   \
		rig_failed = cmocka_run_group_tests_name("control thread", tests, NULL, NULL);                         \
		rig_as(RIG_WORKER);                                                                                    \
		rig_failed += cmocka_run_group_tests_name("worker", tests, NULL, NULL);                                \
		rig_as(RIG_VERIFIED);                                                                                  \
		rig_failed + cmocka_run_group_tests_name("verified", tests, NULL, NULL);                               \
	})

enum rig_mode {
	RIG_CONTROL,
	RIG_WORKER,
	RIG_VERIFIED,
};

void rig_as(enum rig_mode mode);

/** The calling test does what a driver may not: it cannot run with the verifier on. */
void rig_unverified(void);

/** The next cores have the verifier on, and violations are counted; what is illegal is left out. */
void rig_count_violations(bool count);

/** A packet of @p length bytes, 0, 1, 2 ..., in one buffer; the caller frees it, and the buffer with it. */
struct im_packet *rig_packet(uint8_t slots, uint32_t length);
/** The same in buffers of @p size bytes each. */
struct im_packet *rig_packet_in(uint8_t slots, uint32_t length, uint32_t size);
void rig_packets(struct im_packet **packets, uint16_t count);
void rig_packets_free(struct im_packet **packets, uint16_t count);

/** Byte @p at of the frame. */
uint8_t *rig_byte(const struct im_packet *packet, uint32_t at);

/** What came to the nic goes back: packets from..from+count of its log, with a status each. */
void rig_complete(uint32_t from, uint32_t count, im_status_t status);

/** Counters of an instance, or of a top's binding. */
struct im_account rig_account(const char *instance);
struct im_account rig_binding_account(const struct rig_top *top);

/** Expect that @p log holds exactly @p count packets of @p packets in this order. */
#define rig_expect(log, packets, count) rig_expect_at(__LINE__, #log, log, packets, count)
void rig_expect_at(int line, const char *name, const struct rig_log *log, struct im_packet *const *packets,
		   uint32_t count);

/** Expect that @p log holds the status @p status @p count times, and nothing else. */
#define rig_expect_status(log, status, count) rig_expect_status_at(__LINE__, #log, log, status, count)
void rig_expect_status_at(int line, const char *name, const struct rig_log *log, im_status_t status, uint32_t count);

/** Expect that @p run, in a child, breaks the contract: it aborts and names @p statement. */
#define rig_expect_violation(statement, run) rig_expect_violation_at(__LINE__, statement, run)
void rig_expect_violation_at(int line, const char *statement, void (*run)(void));

/** Make the @p n-th allocation by calloc from now on fail (1: the next); 0: none. Needs --wrap=calloc. */
extern uint32_t rig_fail_calloc;

#endif
