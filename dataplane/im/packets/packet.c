/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_lcore.h>

#include "path.h"

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

/* ---- Filling ------------------------------------------------------------------------------------- */

static uint32_t room_in(const struct rte_mbuf *mbuf)
{
	return rte_pktmbuf_data_len(mbuf) + (mbuf->next == NULL ? (uint32_t)rte_pktmbuf_tailroom(mbuf) : 0);
}

uint32_t im_fill_more(struct im_filling *filling, const void *from, uint32_t length)
{
	uint32_t before = filling->length;

	while (filling->mbuf != NULL && length > 0) {
		uint32_t part = RTE_MIN(length, room_in(filling->mbuf) - filling->offset);

		memcpy(rte_pktmbuf_mtod_offset(filling->mbuf, char *, filling->offset), from, part);
		from = (const char *)from + part;
		length -= part;
		filling->length += part;
		filling->offset += part;
		if (length == 0)
			break;
		filling->mbuf = filling->mbuf->next;
		filling->offset = 0;
	}
	return filling->length - before;
}

void im_fill_end(struct im_filling *filling)
{
	uint32_t left = filling->length;

	filling->packet->length = left;
	if (filling->packet->mbuf != NULL)
		filling->packet->mbuf->pkt_len = left;
	for (struct rte_mbuf *mbuf = filling->packet->mbuf; mbuf != NULL; mbuf = mbuf->next) {
		mbuf->data_len = (uint16_t)RTE_MIN(left, room_in(mbuf));
		left -= mbuf->data_len;
	}
}

uint32_t im_fill_packet(struct im_packet *packet, const void *from, uint32_t length)
{
	struct im_filling filling = {.packet = packet, .mbuf = packet->mbuf};
	uint32_t filled = im_fill_more(&filling, from, length);

	im_fill_end(&filling);
	return filled;
}
