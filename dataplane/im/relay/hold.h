/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a relay holds while the adapter below it is being reset (7.7): packets on their way down and up, in queues of
 * their own for each worker, so that what one worker brought keeps its order.
 *
 *   RESET_START   hold_begin()   the gate's HOLDING bit is set: packets are put
 *   RESET_END     hold_end()     each worker lets its own go, oldest first, in a deferred call; what comes meanwhile
 *                                goes behind them
 *                                when all are gone, the bit is cleared
 *
 * Queue 0 is that of the control threads. Its packets are let go by whoever tells the end.
 *
 * A lock for each queue, although a worker alone fills and empties its own: cancel, pause and power take packets out
 * from other threads (4.24, 7.10). Nobody takes one except while a reset runs.
 */
#ifndef IM_HOLD_H
#define IM_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "im/level.h"
#include "im/packet.h"
#include "im/sync.h"

#define HOLD_MAX 256u /* packets of a kind in one queue (4.10) */

/* In the order in which they are let go. */
enum hold_kind {
	HOLD_AGAIN,    /* sends that came back because of the reset (4.33) */
	HOLD_SENDS,    /* not sent yet */
	HOLD_RECEIVES, /* to be indicated */
	HOLD_KINDS,
};

struct hold;

/** Let packets go on their way. Level: DISPATCH. */
typedef void (*hold_release_t)(void *owner, enum hold_kind kind, struct im_packet **packets, uint16_t count);

/**
 * Make queues for all workers. @p gate: the word whose bit @p holding tells that packets must be put here; while one of
 * @p bars is set in it, nothing is taken. NULL: no memory. Level: PASSIVE.
 */
IM_PASSIVE struct hold *hold_create(struct im_wrapper *wrapper, uint32_t *gate, uint32_t holding, uint32_t bars,
				    hold_release_t release, void *owner);

/** All is taken out, and nobody puts any more. A deferred call that is still to run finds nothing. NULL is a no-op.
 * Level: PASSIVE. */
IM_PASSIVE void hold_destroy(struct hold *hold);

/** Level: DISPATCH. */
IM_DISPATCH void hold_begin(struct hold *hold);
IM_DISPATCH void hold_end(struct hold *hold);

/**
 * Put packets behind what the calling thread's queue holds. False: nothing is held here any more, let them go on. True:
 * the first *taken are held, the others, the newest, are the caller's again [4.10]. Level: DISPATCH.
 */
IM_DISPATCH bool hold_put(struct hold *hold, enum hold_kind kind, struct im_packet **packets, uint16_t count,
			  uint16_t *taken);

/** Take out at most @p most packets of a kind, of all threads, oldest first; call until it returns 0. Level: DISPATCH.
 */
IM_DISPATCH uint16_t hold_take(struct hold *hold, enum hold_kind kind, struct im_packet **packets, uint16_t most);

/** The same for sends of either kind with @p cancel_id. Level: DISPATCH. */
IM_DISPATCH uint16_t hold_take_cancelled(struct hold *hold, uint32_t cancel_id, struct im_packet **packets,
					 uint16_t most);

#endif
