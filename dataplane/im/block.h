/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Config blocks: immutable once published.
 *
 *   control thread                                worker
 *     build, validate                               block = im_block_current()   once a burst
 *     im_block_publish()  ── one pointer store ──>  use it until the burst ends
 *     retire the old one after a grace period
 *
 * Who keeps a block beyond a burst holds a reference (im/reference.h), taken race-proof: one more unless there are
 * none (8.9). Whoever drops the last one destroys the block, wherever that is (8.8). The published block itself
 * holds one reference, which is dropped when no worker can still see it.
 *
 * Nothing here knows DPDK: the grace period is the caller's.
 */
#ifndef IM_BLOCK_H
#define IM_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "im/reference.h"

struct im_block {
	struct im_reference reference;
	uint64_t generation; /* counts publications; 0 is never published */
	uint32_t part_count;
	/** Called by the last holder, wherever that is [8.8]. Level: PASSIVE. */
	void (*destroy)(struct im_block *block);
	void **parts; /* by instance id: the driver's configuration, or NULL */
};

/** Where one block at a time is in force. Writer: the control thread. Readers: anybody. */
struct im_block_slot {
	struct im_block *current;
};

/** Start the life of @p block with one reference, the caller's [8.8]. Level: any. */
void im_block_init(struct im_block *block, void (*destroy)(struct im_block *));

/**
 * The block in force, or NULL, read without a lock inside the reader's grace-period section [9.27]. The pointer is good
 * until the reader's next quiescent state; im_block_hold() keeps it longer. Level: DISPATCH.
 */
static inline struct im_block *im_block_current(const struct im_block_slot *slot)
{
	return __atomic_load_n(&slot->current, __ATOMIC_ACQUIRE);
}

/** Take a reference unless the count is zero already [8.9]. False: the block is going, do not touch it. Level: any. */
bool im_block_hold(struct im_block *block);

/** Drop a reference, the caller's; the last one destroys the block [8.8]. NULL is nothing. Level: PASSIVE. */
void im_block_drop(struct im_block *block);

/**
 * Put @p block in force with one store, and with it the caller's reference. Returns the block that was in force (or
 * NULL), whose reference is the caller's now, to be dropped when no worker is inside any more: after a grace period
 * [9.27]. Level: PASSIVE.
 */
struct im_block *im_block_publish(struct im_block_slot *slot, struct im_block *block);

#endif
