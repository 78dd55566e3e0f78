/* SPDX-License-Identifier: BSD-3-Clause */
/* A lane that is of no use any more: the card broke the rules of the ring, or says that we did. */
#include "inside.h"

void lane_break(struct lane *lane, struct queue *queue)
{
	if (__atomic_exchange_n(&lane->broken, 1, __ATOMIC_RELAXED) == 0)
		count(&queue->counters.faults, 1);
}

bool lane_is_broken(const struct lane *lane)
{
	return __atomic_load_n(&lane->broken, __ATOMIC_RELAXED) != 0 ||
	       __atomic_load_n(&lane->card->status, __ATOMIC_RELAXED) == SLUICE_QUEUE_BROKEN;
}
