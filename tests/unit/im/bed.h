/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bed for relays: they lie between a miniport and a protocol that do as they are told and say what they are given.
 *
 *      top ── r0 ── r1 ... ── nic
 *
 * The verifier watches all of it; a violation that a test does not expect fails it. One worker is there in name: a test
 * can do something in its place.
 */
#ifndef TEST_IM_BED_H
#define TEST_IM_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>

#include "im/inside.h"
#include "im/relay.h"

#define BED_LOG_MAX 2048u

/* Packets that a handler was given, in order. */
struct bed_log {
	uint32_t count;
	struct im_packet *packets[BED_LOG_MAX];
	uint16_t statuses[BED_LOG_MAX];
};

struct bed_nic {
	struct im_instance *instance;
	bool keeps;	     /* sends: the test completes them */
	im_status_t status;  /* of sends that it completes itself */
	im_status_t request; /* what it answers; PENDING: the test completes it */
	im_status_t reset;
	im_status_t transfer;
	uint32_t oids[64]; /* that it knows; none: all */
	uint32_t oid_count;
	uint32_t value;
	uint32_t *done; /* of the request that pends */
	struct bed_log sent, home;
	const uint8_t *frame; /* of the look-ahead that is on */
	struct im_packet *transferring;
};

struct bed_top {
	struct im_binding *binding;
	bool keeps; /* what it receives: the test returns it */
	struct bed_log done, received;
	im_status_t pnp;
};

extern struct bed_nic bed_nic;
extern struct bed_top bed_top;
extern struct im_packet_pool bed_pool;

/** What the relays' driver does with packets on their way up, instead of the usual. */
extern void (*bed_receive)(void *context, struct im_packet **packets, uint16_t count, uint16_t *references);

/** Hooks of the relays' driver. */
extern im_status_t (*bed_start)(struct im_relay *relay);
extern void (*bed_stop)(struct im_relay *relay);

/** Core and drivers, and the nic, which runs. @p schedule: when completions arrive. */
void bed_core_up(enum im_verify_schedule schedule);

/** The same, with @p levels relays and the top, all of which run. */
void bed_up(uint32_t levels);
void bed_up_as(uint32_t levels, enum im_verify_schedule schedule);

/** Bind a relay, or "top", over @p adapter, and restart what it presents. */
im_status_t bed_bind(const char *driver, const char *adapter, const char *vnic);

/** Take all down, expect no leak, no violation, and every buffer back. */
void bed_down(void);

/** The relay that presents @p vnic. */
struct im_relay *bed_relay(const char *vnic);

/** Do something as the worker. */
void bed_as_worker(void (*run)(void));

/** Packets of @p slots slots, each over a frame of 64 bytes that begins with @p first and counts up. */
void bed_make(struct im_packet **packets, uint32_t first, uint16_t count, uint16_t slots);

/** Free them, with the buffers they still have. */
void bed_unmake(struct im_packet **packets, uint16_t count);

/** Expect exactly @p count packets of @p packets in @p log, from @p from of it on, in order. */
#define bed_expect(log, from, packets, count) bed_expect_at(__LINE__, log, from, packets, count)
void bed_expect_at(int line, const struct bed_log *log, uint32_t from, struct im_packet *const *packets,
		   uint32_t count);

/** Complete @p count packets that the nic keeps, from the @p from-th that it was sent. */
void bed_complete(uint32_t from, uint16_t count, im_status_t status);

/** Show the nic's @p frame of @p length bytes, header included, by its first @p in_sight behind the header. */
void bed_show(const uint8_t *frame, uint32_t length, uint32_t in_sight);

/** Add to the log of events; compare it with @p text and empty it. */
void bed_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define bed_expect_said(text) bed_expect_said_at(__LINE__, text)
void bed_expect_said_at(int line, const char *text);

/** Ask the VNIC, or set it, as the top does; waits for the answer. */
im_status_t bed_query(const char *vnic, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
		      uint32_t *needed);
im_status_t bed_set(const char *vnic, uint32_t oid, void *buffer, uint32_t length);

/** What an account has dropped of sends, or receives. */
uint64_t bed_dropped(const char *instance, enum sluice_direction direction, enum sluice_drop reason);

#endif
