/* SPDX-License-Identifier: BSD-3-Clause */
/* What serial.c keeps for a serialised miniport. All is under the lock, which the caller takes. */
#ifndef IM_SERIAL_QUEUE_H
#define IM_SERIAL_QUEUE_H

#include "path.h"

#define PACKETS_MAX 1024u /* in the queue and at the miniport; the newest is refused for good (4.10) */

struct im_serial {
	uint32_t lock; /* over all below */
	uint32_t first;
	uint32_t queued;
	uint32_t held;
	uint32_t wakes;		  /* completions, and times that there were resources again */
	uint16_t calling;	  /* packets of the call that runs */
	bool running;		  /* somebody is at it */
	bool stalled;		  /* nothing is tried before the next wake-up */
	struct im_packet **burst; /* of the call that runs; NULL where one was completed meanwhile */
	struct im_packet *queue[PACKETS_MAX];
	struct im_packet *at_miniport[PACKETS_MAX]; /* each knows its place: `receiver` of its slot */
};

_Static_assert((PACKETS_MAX & IM_SLOT_MARKS) == 0, "a place leaves the marks of a slot alone");

/* Whose packets are to leave: those with an id, those of a sender, or all. */
struct leavers {
	uint32_t cancel_id;
	const struct im_binding *sender;
};

/* ---- The queue ----------------------------------------------------------------------------------- */

/** Put packets at the end. Returns how many there was room for. */
uint16_t serial_append(struct im_serial *serial, struct im_packet **packets, uint16_t count);

/** Put one back in front. There is room: it was taken from there. */
void serial_put_back(struct im_serial *serial, struct im_packet *packet);

/** Take up to a burst from the front. */
uint16_t serial_take(struct im_serial *serial, struct im_packet **packets);

/** Take up to a burst of those that leave; the others close up. */
uint16_t serial_take_leavers(struct im_serial *serial, const struct leavers *leavers, struct im_packet **packets);

bool serial_is_queued(const struct im_serial *serial, const struct im_packet *packet);

/* ---- What the miniport has ------------------------------------------------------------------------ */

void serial_hold(struct im_serial *serial, struct im_packet *packet);

/** False: it does not have this one. */
bool serial_let_go(struct im_serial *serial, struct im_packet *packet);

/** Up to a burst of all that it has. */
uint16_t serial_take_held(struct im_serial *serial, struct im_packet **packets);

#endif
