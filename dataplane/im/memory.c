/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that drivers take (contract 12.32): each block knows whose it is, under which tag and since when.
 *
 *   [ header: owner, tag, size, mark ][ the driver's bytes, on a cache line ][ mark ]
 *
 * Where the verifier is on, a freed block is poisoned and kept for a while, so that a write to it is seen.
 */
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "im/verify/verifier.h"
#include "spin.h"

#define LINE 64u
#define KEPT 64u

enum mark {
	ALIVE = 0x5a11feed,
	FREED = 0x0deadfee,
	END = 0x3e11ceed,
};

struct block {
	struct im_object object; /* first: see im_reclaim_memory() */
	size_t size;
	const char *driver; /* of a freed one */
	uint32_t mark;	    /* enum mark */
} __attribute__((aligned(LINE)));

_Static_assert(sizeof(struct block) % LINE == 0, "the driver's bytes stand on a cache line");

/* Freed blocks, oldest at `next`. */
static struct {
	uint32_t lock;
	uint32_t next;
	struct block *blocks[KEPT];
} kept;

static uint8_t *bytes_of(struct block *block)
{
	return (uint8_t *)(block + 1);
}

/* ---- Allocate ------------------------------------------------------------------------------------ */

void *im_allocate_memory(struct im_wrapper *wrapper, size_t size, const char *tag)
{
	const uint32_t end = END;
	struct block *block = NULL;
	size_t whole = sizeof(*block) + size + sizeof(end);

	if (!im_passive_call("im_allocate_memory"))
		return NULL;
	whole = (whole + LINE - 1) / LINE * LINE;
	if (whole > size && !im_fault_allocation())
		block = aligned_alloc(LINE, whole);
	if (block == NULL)
		return NULL;
	memset(block, 0, whole);
	block->size = size;
	block->mark = ALIVE;
	memcpy(bytes_of(block) + size, &end, sizeof(end));
	im_own(wrapper, &block->object, IM_OBJECT_MEMORY, tag);
	return bytes_of(block);
}

/* ---- Free ---------------------------------------------------------------------------------------- */

/* What still points into it would be used after it is gone. */
static void check_free(struct block *block)
{
	const char *driver = block->object.owner->object->name;
	const uint32_t end = END;

	if (memcmp(bytes_of(block) + block->size, &end, sizeof(end)) != 0)
		im_violation_text("12.40", driver, "wrote past the end of memory '%s' (%zu bytes)", block->object.tag,
				  block->size);
	if (im_drop_timers_in(block, sizeof(*block) + block->size) > 0)
		im_violation_text("9.28", driver, "freed memory '%s' with a timer in it that is set",
				  block->object.tag);
	im_forget_locks(block, sizeof(*block) + block->size, driver);
}

static void check_untouched(struct block *block)
{
	const uint8_t *bytes = bytes_of(block);
	size_t at = 0;

	while (at < block->size && bytes[at] == IM_POISON_BYTE)
		at++;
	if (at < block->size)
		im_violation_text("12.30", block->driver, "wrote to byte %zu of %zu of memory that it had freed", at,
				  block->size);
}

/* The oldest makes room: from here on another thread may free this one. */
static void keep(struct block *block)
{
	struct block *oldest;

	memset(bytes_of(block), IM_POISON_BYTE, block->size);
	im_spin_lock(&kept.lock);
	oldest = kept.blocks[kept.next];
	kept.blocks[kept.next] = block;
	kept.next = (kept.next + 1) % KEPT;
	im_spin_unlock(&kept.lock);
	if (oldest == NULL)
		return;
	check_untouched(oldest);
	free(oldest);
}

static bool is_alive(const struct block *block)
{
	bool is_block = (uintptr_t)block % LINE == 0; /* else even its mark cannot be read */

	if (is_block && block->mark == ALIVE)
		return true;
	im_violation("12.30", im_running_driver(),
		     is_block && block->mark == FREED ? "freed memory twice"
						      : "freed what is not memory from im_allocate_memory()");
	return false;
}

void im_free_memory(void *memory)
{
	struct block *block;

	if (memory == NULL)
		return;
	block = (struct block *)memory - 1;
	if (!im_passive_call("im_free_memory") || !is_alive(block))
		return;
	block->mark = FREED;
	if (im_is_verified()) {
		check_free(block);
		block->driver = im_kept_name(block->object.owner);
		im_disown(&block->object);
		keep(block);
		return;
	}
	im_disown(&block->object);
	free(block);
}

void im_reclaim_memory(struct im_object *object)
{
	im_disown(object);
	free((struct block *)object);
}

void im_forget_freed(void)
{
	for (uint32_t i = 0; i < KEPT; i++) {
		struct block *block = kept.blocks[i];

		kept.blocks[i] = NULL;
		if (block == NULL)
			continue;
		check_untouched(block);
		free(block);
	}
}
