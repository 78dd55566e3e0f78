/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>

#include "block.h"
#include "ledger.h"

static void destroy(struct im_reference *reference)
{
	struct im_block *block = (struct im_block *)reference; /* its first member */

	block->destroy(block);
}

void im_block_init(struct im_block *block, void (*destroy_block)(struct im_block *))
{
	block->destroy = destroy_block;
	im_reference_init(&block->reference, destroy);
	im_ledger_begin(&block->reference, IM_COUNTED_BLOCK);
	im_ledger_take(&block->reference, NULL, __builtin_return_address(0));
}

bool im_block_hold(struct im_block *block)
{
	return im_reference_hold_at(&block->reference, NULL, __builtin_return_address(0));
}

void im_block_drop(struct im_block *block)
{
	if (block != NULL)
		im_reference_drop_at(&block->reference, NULL, __builtin_return_address(0));
}

struct im_block *im_block_publish(struct im_block_slot *slot, struct im_block *block)
{
	return __atomic_exchange_n(&slot->current, block, __ATOMIC_ACQ_REL);
}
