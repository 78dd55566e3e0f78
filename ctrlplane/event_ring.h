/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card's end of one client's event ring: takes events from the log for as long as the ring has room.
 *
 * Level: PASSIVE (the thread that serves the mailboxes), which owns every member here.
 */
#ifndef CTRLPLANE_EVENT_RING_H
#define CTRLPLANE_EVENT_RING_H

#include "abi/mailbox.h"
#include "event_log.h"

/** All zero: the client gets no events. */
struct event_ring {
	struct sluice_event *entries; /* SLUICE_RING_ENTRIES of them */
	const volatile struct sluice_doorbell *doorbell;
	uint32_t cursor; /* in the log */
	uint32_t posted; /* modulo 2^32 */
	uint32_t head;	 /* the last possible one that the doorbell showed */
};

/**
 * Posts what there is and has room.
 *
 * @param bad_doorbells counts a look at an event_head that cannot be: that is no room
 * @return events posted; where it is not 0, the client is to be signalled
 */
unsigned event_ring_fill(struct event_ring *ring, struct event_log *log, uint64_t *bad_doorbells);

#endif
