/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "counted.h"

/* ---- Blocks --------------------------------------------------------------------------------------------- */

#define ALIVE  0x600db10cu
#define POISON 0xdd
#define KEPT   64u

struct counted_tally counted_tally;

static __thread struct {
	struct counted *blocks[KEPT];
	uint64_t count; /* of all that ever came here */
} freed;

static uint64_t one_more(uint64_t *tally)
{
	return __atomic_add_fetch(tally, 1, __ATOMIC_RELAXED);
}

void counted_reset(void)
{
	counted_tally = (struct counted_tally){0};
	freed.count = 0;
}

struct counted *counted_new(void)
{
	struct counted *block = calloc(1, sizeof(*block));

	if (block == NULL)
		abort();
	im_reference_init(&block->reference, counted_destroy);
	block->canary = ALIVE;
	block->generation = one_more(&counted_tally.allocations);
	for (uint32_t i = 0; i < COUNTED_WORDS; i++)
		block->words[i] = block->generation;
	return block;
}

bool counted_whole(const struct counted *block, uint64_t generation)
{
	bool same = block->canary == ALIVE && block->generation == generation && generation != 0;

	for (uint32_t i = 0; i < COUNTED_WORDS; i++)
		same &= block->words[i] == generation;
	return same;
}

static void leave(struct counted **place)
{
	const uint8_t *bytes = (const uint8_t *)*place;
	bool untouched = true;

	for (size_t i = 0; bytes != NULL && i < sizeof(**place); i++)
		untouched &= bytes[i] == POISON;
	if (!untouched)
		one_more(&counted_tally.scribbled);
	free(*place);
	*place = NULL;
}

void counted_destroy(struct im_reference *reference)
{
	struct counted *block = (struct counted *)reference;
	struct counted **place;

	if (reference->count != 0 || block->canary != ALIVE) {
		one_more(&counted_tally.wrong_frees);
		return;
	}
	memset(block, POISON, sizeof(*block));
	place = &freed.blocks[freed.count++ % KEPT];
	leave(place);
	*place = block;
	one_more(&counted_tally.frees);
}

uint64_t counted_freed_here(void)
{
	return freed.count;
}

void counted_release(void)
{
	for (uint32_t i = 0; i < KEPT; i++)
		leave(&freed.blocks[i]);
}

/* ---- A device ------------------------------------------------------------------------------------------- */

static void pause_at(void (*pause)(void))
{
	if (pause != NULL)
		pause();
}

void counted_initialize(struct im_anchor *anchor)
{
	im_reference_drop(im_anchor_publish(anchor, &counted_new()->reference)); /* of none, if halt did its work */
}

void counted_halt(struct im_anchor *anchor, void (*pause)(void))
{
	struct counted *block = (struct counted *)im_anchor_clear(anchor);

	if (block == NULL)
		return;
	pause_at(pause);
	__atomic_store_n(&block->dead, 1, __ATOMIC_RELAXED);
	pause_at(pause);
	im_reference_drop(&block->reference);
}

enum counted_outcome counted_dispatch(struct im_anchor *anchor, counted_look_up_t *look_up, void (*pause)(void))
{
	struct counted *block = (struct counted *)look_up(anchor);
	uint64_t generation;
	bool dead, whole;

	if (block == NULL)
		return COUNTED_REFUSED;
	generation = block->generation;
	whole = counted_whole(block, generation);
	pause_at(pause);
	whole = whole && counted_whole(block, generation);
	if (!whole)
		return COUNTED_STALE; /* and touch it no more */
	dead = __atomic_load_n(&block->dead, __ATOMIC_RELAXED);
	im_reference_drop(&block->reference);
	return dead ? COUNTED_OUTLIVED : COUNTED_SERVED;
}
