/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>

#include "block.h"

bool im_block_hold(struct im_block *block)
{
	uint32_t references = __atomic_load_n(&block->references, __ATOMIC_RELAXED);

	while (references != 0)
		if (__atomic_compare_exchange_n(&block->references, &references, references + 1, true, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

void im_block_drop(struct im_block *block)
{
	if (block == NULL)
		return;
	if (__atomic_fetch_sub(&block->references, 1, __ATOMIC_ACQ_REL) == 1)
		block->destroy(block);
}

struct im_block *im_block_publish(struct im_block_slot *slot, struct im_block *block)
{
	return __atomic_exchange_n(&slot->current, block, __ATOMIC_ACQ_REL);
}
