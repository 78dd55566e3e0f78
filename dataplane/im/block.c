/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>

#include "block.h"

static void destroy(struct im_reference *reference)
{
	struct im_block *block = (struct im_block *)reference; /* its first member */

	block->destroy(block);
}

void im_block_init(struct im_block *block, void (*destroy_block)(struct im_block *))
{
	block->destroy = destroy_block;
	im_reference_init(&block->reference, destroy);
}

bool im_block_hold(struct im_block *block)
{
	return im_reference_hold(&block->reference);
}

void im_block_drop(struct im_block *block)
{
	if (block != NULL)
		im_reference_drop(&block->reference);
}

struct im_block *im_block_publish(struct im_block_slot *slot, struct im_block *block)
{
	return __atomic_exchange_n(&slot->current, block, __ATOMIC_ACQ_REL);
}
