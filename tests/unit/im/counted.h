/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reference-counted blocks that tell what happened to them, for tests of lifetimes.
 *
 * A block that is freed is poisoned and stays for a while: who comes too late finds poison even where the heap would
 * have put a new block into the place, and who wrote into the poison is found when the block leaves for the heap.
 * Threads keep their freed blocks apart, so that in TSan's eyes nothing here orders one thread after another.
 *
 * And a device that has such a block, as the contract tells drivers to do it (8.8-8.10).
 */
#ifndef COUNTED_H
#define COUNTED_H

#include "im/reference.h"

#define COUNTED_WORDS 8u

struct counted {
	struct im_reference reference;
	uint32_t canary;
	uint32_t dead;	     /* atomic: its device was halted */
	uint64_t generation; /* from 1 */
	uint64_t words[COUNTED_WORDS];
};

/** Over all threads; atomic. */
extern struct counted_tally {
	uint64_t allocations;
	uint64_t frees;
	uint64_t wrong_frees; /* refused: of what was not alive, or still held */
	uint64_t scribbled;   /* blocks written to after they were freed */
} counted_tally;

/** All tallies to 0. */
void counted_reset(void);

/** A whole block with one reference. */
struct counted *counted_new(void);

/** What its last holder calls. */
void counted_destroy(struct im_reference *reference);

/** The block is alive and says @p generation everywhere. */
bool counted_whole(const struct counted *block, uint64_t generation);

/** How many blocks the calling thread freed. */
uint64_t counted_freed_here(void);

/** Give the heap what the calling thread freed: each thread at its end, and before tallies are judged. */
void counted_release(void);

/** Let the device of this anchor be found, with a new block. Its old one must be halted. */
void counted_initialize(struct im_anchor *anchor);

/** Unpublish, mark dead, drop (8.10). @p pause, or NULL, is called before the second and the third step. */
void counted_halt(struct im_anchor *anchor, void (*pause)(void));

enum counted_outcome {
	COUNTED_REFUSED,  /* no such device */
	COUNTED_SERVED,	  /* from a device that was there all the time */
	COUNTED_OUTLIVED, /* it was halted meanwhile, its block was not gone */
	COUNTED_STALE,	  /* what was found is no block: must not be */
	COUNTED_OUTCOMES
};

typedef struct im_reference *counted_look_up_t(struct im_anchor *anchor);

/**
 * Look up with im_anchor_get(), or with what is shown to be wrong; check the block, twice, and drop it. @p pause, or
 * NULL, is called between the checks.
 */
enum counted_outcome counted_dispatch(struct im_anchor *anchor, counted_look_up_t *look_up, void (*pause)(void));

#endif
