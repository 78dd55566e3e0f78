/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_lcore.h>

#include "packet.h"

#define CACHE 256

static void init_descriptor(struct rte_mempool *mempool, void *slots, void *object, unsigned index)
{
	struct im_packet *packet = object;

	(void)mempool;
	(void)index;
	memset(packet, 0, sizeof(*packet));
	packet->slots = *(uint16_t *)slots;
}

int im_packet_pool_create(struct im_packet_pool *pool, uint32_t count, uint16_t slots, uint32_t buffers)
{
	size_t size = sizeof(struct im_packet) + slots * sizeof(struct im_packet_slot);

	pool->descriptors = rte_mempool_create("im_packets", count, RTE_ALIGN_CEIL(size, RTE_CACHE_LINE_SIZE), CACHE, 0,
					       NULL, NULL, init_descriptor, &slots, (int)rte_socket_id(), 0);
	pool->buffers = rte_pktmbuf_pool_create("im_buffers", buffers, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
						(int)rte_socket_id());
	if (pool->descriptors != NULL && pool->buffers != NULL)
		return 0;
	im_packet_pool_destroy(pool);
	return -ENOMEM;
}

bool im_packet_pool_full(const struct im_packet_pool *pool)
{
	return rte_mempool_full(pool->descriptors) && rte_mempool_full(pool->buffers);
}

void im_packet_pool_destroy(struct im_packet_pool *pool)
{
	rte_mempool_free(pool->descriptors);
	rte_mempool_free(pool->buffers);
	pool->descriptors = NULL;
	pool->buffers = NULL;
}
