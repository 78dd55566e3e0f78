/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What lives as long as somebody holds it, and the place where it is found.
 *
 *   initialize                  dispatch, open (any time)          halt
 *     im_reference_init()  = 1    r = im_anchor_get()     + 1      r = im_anchor_clear()   look-ups find nothing now
 *     im_anchor_publish()         NULL or marked dead: refuse      mark what r is in as dead
 *                                 im_reference_drop(r)    - 1      im_reference_drop(r)    - 1
 *
 * Halt does not wait, and nobody is told which dispatch is the last one (8.5, 8.6): whoever drops the last reference
 * destroys, wherever that is (8.8). A handle that is open holds one too.
 *
 * Nothing here knows DPDK.
 */
#ifndef IM_REFERENCE_H
#define IM_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "level.h"

/** The first member of whatever is counted. */
struct im_reference {
	uint32_t count; /* atomic; 0: it is being destroyed */
	/** Once, by whoever dropped the last reference, wherever that is [8.8]. Level: PASSIVE. */
	void (*destroy)(struct im_reference *reference);
};

/** Start with one reference, the creator's [8.8], which has no tag. Level: any. */
void im_reference_init(struct im_reference *reference, void (*destroy)(struct im_reference *));

/**
 * One more, unless there are none [8.9]. The memory must be sure to be there: by a reference that the caller has, an
 * anchor's lock or a grace period. False: it is going, do not touch it. Level: any.
 */
bool im_reference_hold(struct im_reference *reference);

/** The same under a tag, such as "open handle": it is to be dropped under the same one. With the verifier on, what is
 * dropped under a tag that is not out, or never, is told with who took it and where [12.10]. Level: any. */
bool im_reference_hold_as(struct im_reference *reference, const char *tag);

/** The same, for who holds it for somebody else: @p site is in that one's code [12.10]. Level: any. */
bool im_reference_hold_at(struct im_reference *reference, const char *tag, const void *site);

/** One less, the caller's; the last one destroys [8.8]. NULL is nothing. Level: PASSIVE, as that of `destroy`. */
void im_reference_drop(struct im_reference *reference);
void im_reference_drop_as(struct im_reference *reference, const char *tag);
void im_reference_drop_at(struct im_reference *reference, const char *tag, const void *site);

/**
 * Where one counted thing at a time can be looked up. All zero is an empty one.
 *
 * "Unless there are none" is not enough here: between the read of the pointer and the look at the count, the memory can
 * be gone. So look-up and increment happen under the lock under which the pointer is taken out (8.9), and as the anchor
 * has a reference of its own, the count cannot be zero there. The lock covers a load, an increment and no call out.
 * Who finds it taken gives the processor away: a holder may have lost it, as user space cannot raise its level for as
 * long as it holds a spin lock. Hence PASSIVE; a worker reads what a grace period protects (im/block.h).
 */
struct im_anchor {
	struct im_reference *reference; /* under the lock; the anchor holds it once */
	uint32_t locked;		/* atomic */
};

/** Make an empty one, before anybody can look it up: the lock with what it guards [9.18]. Level: any. */
void im_anchor_init(struct im_anchor *anchor);

/**
 * Let @p reference be found from now on: it must be complete [8.13]. The anchor takes over the caller's reference, as a
 * rule the one of its creation. Returns what was there before (or NULL), to be dropped by the caller. Level: PASSIVE.
 */
IM_PASSIVE struct im_reference *im_anchor_publish(struct im_anchor *anchor, struct im_reference *reference);

/** What can be found, held once more for the caller, who drops it; or NULL. Both in one step [8.9]. Level: PASSIVE. */
IM_PASSIVE struct im_reference *im_anchor_get(struct im_anchor *anchor);
IM_PASSIVE struct im_reference *im_anchor_get_as(struct im_anchor *anchor, const char *tag);

/**
 * The first step of halt [8.10]: from now on look-ups find nothing. Returns what was there (or NULL) with the reference
 * that the anchor had, the caller's now: mark it dead, then drop it. Level: PASSIVE.
 */
IM_PASSIVE struct im_reference *im_anchor_clear(struct im_anchor *anchor);

#endif
