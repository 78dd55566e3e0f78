/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>

#include "grace.h"

int im_grace_create(struct im_grace **out, uint32_t threads)
{
	struct im_grace *grace = calloc(1, sizeof(*grace));
	size_t size = RTE_ALIGN_CEIL(rte_rcu_qsbr_get_memsize(threads), RTE_CACHE_LINE_SIZE);

	if (grace == NULL)
		return -ENOMEM;
	grace->readers = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
	if (grace->readers == NULL || rte_rcu_qsbr_init(grace->readers, threads) != 0) {
		im_grace_destroy(grace);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < threads; i++)
		rte_rcu_qsbr_thread_register(grace->readers, i);
	*out = grace;
	return 0;
}

void im_grace_destroy(struct im_grace *grace)
{
	if (grace == NULL)
		return;
	free(grace->readers);
	free(grace);
}
