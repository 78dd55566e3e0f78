/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card's own packets: the descriptors and buffers of all its ports, which the firmware makes once. Drivers do not
 * see them: they have pools of their own (2.55), and buffers by im_allocate_buffer().
 */
#ifndef IM_PACKET_POOL_H
#define IM_PACKET_POOL_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "packet.h"

struct im_packet_pool {
	struct rte_mempool *descriptors;
	struct rte_mempool *buffers;
};

/**
 * Create a pool of @p count descriptors with @p slots packet-stack slots each, and of @p buffers mbufs.
 * Level: PASSIVE. Returns 0, or -ENOMEM with nothing left behind.
 */
int im_packet_pool_create(struct im_packet_pool *pool, uint32_t count, uint16_t slots, uint32_t buffers);

/** Whether every descriptor and every buffer is back [1.22]. Level: PASSIVE. */
bool im_packet_pool_full(const struct im_packet_pool *pool);

/** Free what im_packet_pool_create() made, where it is full; after a failure there is nothing to free. Level: PASSIVE.
 */
void im_packet_pool_destroy(struct im_packet_pool *pool);

/**
 * Give descriptors to @p count mbufs. Level: DISPATCH.
 * Returns 0, or -ENOMEM (a state, to be counted) with the mbufs still the caller's.
 */
static inline int im_packet_wrap(const struct im_packet_pool *pool, struct rte_mbuf **mbufs, struct im_packet **packets,
				 uint16_t count)
{
	if (unlikely(rte_mempool_get_bulk(pool->descriptors, (void **)packets, count) != 0))
		return -ENOMEM;
	for (uint16_t i = 0; i < count; i++) {
		packets[i]->mbuf = mbufs[i];
		packets[i]->length = rte_pktmbuf_pkt_len(mbufs[i]);
		packets[i]->status = IM_STATUS_SUCCESS;
		packets[i]->depth = 0;
		packets[i]->flags = 0;
		packets[i]->info = (struct im_packet_info){0};
	}
	return 0;
}

/** Free @p count packets of the caller's pool, with the buffers that no port has taken. Level: DISPATCH. */
static inline void im_packet_release(const struct im_packet_pool *pool, struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		rte_pktmbuf_free(packets[i]->mbuf); /* NULL is fine */
	rte_mempool_put_bulk(pool->descriptors, (void **)packets, count);
}

#endif
