/* SPDX-License-Identifier: BSD-3-Clause */
/* A miniport on a card of the test's, and protocols that write down what they are told. */
#ifndef TESTS_MINIPORT_RIG_H
#define TESTS_MINIPORT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <string.h>

#include "card.h"
#include "miniport/miniport.h"

#define RIG_LOG	     8192u
#define TEST_LIMIT_S 120

/* A protocol that writes down. */
struct note {
	struct sluice_protocol *protocol;
	bool keep; /* every packet that may be kept */
	void (*on_receive)(struct note *note, struct sluice_packet *packet);
	void (*on_complete)(struct note *note, struct sluice_send *send);
	struct sluice_packet *packets[RIG_LOG]; /* in order; good where kept */
	uint16_t packet_status[RIG_LOG];
	uint32_t packet_length[RIG_LOG];
	uint8_t first_byte[RIG_LOG];
	unsigned batch[RIG_LOG]; /* the call in which it came */
	unsigned batches;
	unsigned received;
	struct sluice_send *completed[RIG_LOG];
	unsigned completions;
	uint32_t indications[64];
	unsigned indicated;
};

struct rig {
	struct card card;
	bool large_receives; /* asked for by rig_start() */
	struct sluice_miniport *miniport;
	struct note a;
	struct note b;
};

int rig_set_up(void **state);	 /* card with two queues, a stack, link up; not started */
int rig_tear_down(void **state); /* halts what runs, and sees that nothing is open that was not before */

void rig_start(struct rig *rig); /* card, miniport, protocol a */
void rig_attach(struct rig *rig, struct note *note);
void rig_halt(struct rig *rig);

/** A send of @p length bytes that begin with @p first; free with send_free(). */
struct sluice_send *send_make(uint32_t length, uint8_t first);
void send_free(struct sluice_send *send);

/** Byte @p i of each frame that the tests make. */
uint8_t frame_byte(uint8_t first, uint32_t i);
void frame_make(uint8_t *frame, uint32_t length, uint8_t first);

unsigned rig_open_fds(void);
unsigned rig_maps(void); /* mappings of the card's regions in this process */

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, rig_set_up, rig_tear_down)

#endif
