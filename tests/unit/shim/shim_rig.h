/* SPDX-License-Identifier: BSD-3-Clause */
/* A running sluice-shim between a card of the test's and the kernel, in the test's own network namespace. */
#ifndef TESTS_SHIM_RIG_H
#define TESTS_SHIM_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <net/if.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "card.h"

#define NAME	"sluice0"
#define WAIT_MS 20000

extern const char *rig_program; /* sluice-shim */

struct fixture {
	struct card card;
	pid_t shim;
	int errors; /* what it says */
	char said[16384];
	int packets; /* AF_PACKET on the device */
	int manager; /* NOTIFY_SOCKET */
};

#define WAIT_UNTIL(condition)                                                                                          \
	do {                                                                                                           \
		uint64_t limit_ms = now_ms() + WAIT_MS;                                                                \
		bool met;                                                                                              \
		while (!(met = (condition)) && now_ms() < limit_ms)                                                    \
			pause_a_little();                                                                              \
		if (!met)                                                                                              \
			fail_msg("never came: " #condition);                                                           \
	} while (0)

/* fixture: a card that is not started, with one queue and a link */
int set_up(void **state);
int tear_down(void **state); /* the shim, where it still runs, must end in order */

/* the program; start() also starts the card, and waits until frames can flow */
void start(struct fixture *fixture, const char *options);
void start_shim(struct fixture *fixture, const char *options);
int end_of_shim(struct fixture *fixture, int signal); /* sends it (0: none), waits; the status as of waitpid() */
bool has_said(struct fixture *fixture, const char *text);

/* frames */
void make_frame(uint8_t *frame, uint32_t length, uint8_t mark);
ssize_t hear_ours(struct fixture *fixture, uint8_t *frame, size_t size); /* as the kernel got it */
void expect_both_ways(struct fixture *fixture, uint8_t mark);

/* the device, as the kernel sees it */
int control(unsigned long what, struct ifreq *request);
void change_flags(short set, short clear);
bool has_carrier(void);
int mtu_of_device(void);
int open_packets(void);

uint64_t now_ms(void);
void pause_a_little(void);

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

#endif
