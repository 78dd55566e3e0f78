/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of the verifier need: a core with the verifier on that counts, and a stack of three drivers that do
 * what the test tells them, right or wrong. Nothing here needs an EAL.
 *
 *      top ── mid ── nic        driver names; "mid" and "nic" are instances too
 */
#ifndef TEST_IM_WATCHED_H
#define TEST_IM_WATCHED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>

#include "im/inside.h"

#define WATCHED_MAX 256u

/* Packets that a handler was given, in order. */
struct watched_log {
	uint32_t count;
	struct im_packet *packets[WATCHED_MAX];
	uint16_t statuses[WATCHED_MAX];
};

/* What each driver does in its handlers, by default: top nothing (it promises one return of what it is lent), mid hands
 * on whatever it gets, nic keeps what it is sent. */
struct watched_stack {
	struct im_instance *nic, *mid;
	struct im_binding *mid_binding, *top_binding;
	struct watched_log sent; /* that the nic got */
	struct watched_log home; /* that the nic got back */
	struct watched_log done; /* that the top got back */
	struct watched_log received;
	uint16_t references;					     /* that the top promises */
	void (*in_send)(struct im_packet **packets, uint16_t count); /* mid, in place of handing on */
	void (*in_complete)(struct im_packet **packets, uint16_t count);
	void (*in_receive)(struct im_packet **packets, uint16_t count, uint16_t *references);
	void (*in_return)(struct im_packet **packets, uint16_t count);
	void (*in_done)(struct im_packet **packets, uint16_t count); /* top */
	void (*in_received)(struct im_packet **packets, uint16_t count);
	uint32_t shown;				    /* times that the top was shown a frame */
	void (*in_look)(struct im_packet *packet);  /* mid is shown a frame, which it does not accept */
	void (*in_shown)(struct im_packet *packet); /* top is */
	void (*in_halt)(void);			    /* mid */
	uint32_t requests_done;			    /* completions that a protocol got, and the last status */
	im_status_t request_status;
	uint32_t timeouts; /* attributes of the nic, besides DESERIALIZE */
};

extern struct watched_stack watched;

/* A driver without edges, for what is not about packets. */
extern struct im_driver_object watched_driver;
extern struct im_wrapper watched_wrapper;

/** A core with @p workers workers that no thread runs, and the verifier with these options, but counting. */
void watched_core_up(uint32_t workers, const struct im_verify_options *options);

/** Expect no violation that was not taken note of. */
void watched_core_down(void);

/* The same as setup and teardown of a test: no workers, the verifier as it is by default. */
int watched_alone(void **state);
int watched_end(void **state);

/** The core with two workers that no thread runs, and the stack, running. */
void watched_up(const struct im_verify_options *options);
void watched_down(void);

/** A test between the two, with the verifier's defaults. */
int watched_setup(void **state);
int watched_teardown(void **state);
#define WATCHED_TEST(name) cmocka_unit_test_setup_teardown(name, watched_setup, watched_teardown)

/** Bind the top over another adapter: over "nic" it is its second receiver. */
void watched_move_top(const char *adapter);

/** Expect exactly one violation since the last one that was expected: of this statement, by this driver. */
#define watched_expect(statement, driver, text) watched_expect_at(__LINE__, statement, driver, text)
void watched_expect_at(int line, const char *statement, const char *driver, const char *text);

/** Expect none. */
#define watched_expect_none() watched_expect_none_at(__LINE__)
void watched_expect_none_at(int line);

/** Whatever there was has been looked at. */
void watched_forget(void);

/** What a handler of the watched driver is called for: the driver, its instance "mad0", its binding over "mad1", a bind
 * over "mad2" that is under way, or what runs one of these. Not a handle. */
extern struct im_instance watched_instance;
const void *watched_subject(enum im_handler handler);
void watched_work(struct im_work *work);
void watched_expired(struct im_timer *timer);
void watched_deferred(struct im_dpc *dpc);

/** Do something in a handler of the watched driver, as the core would call it. */
void watched_in_handler(enum im_handler handler, void (*run)(void));

/** A packet of one's own, with room for six drivers. Freed by watched_down(). */
struct im_packet *watched_packet(void);

/** Take time to @p ms after the last call, or the start: one tick of a control thread. */
void watched_tick(uint32_t ms);

#endif
