/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of a test: descriptors and buffers from malloc, so that a sanitizer sees each touch too much. */
#include <string.h>

#include "fence.h"
#include "rig.h"

#define ROOM 128u /* before the data of each segment, for headers */

static struct rte_mbuf *segment(const uint8_t *bytes, uint32_t length)
{
	struct rte_mbuf *mbuf = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(sizeof(*mbuf), RTE_CACHE_LINE_SIZE));
	uint8_t *data = malloc(ROOM + length);

	if (mbuf == NULL || data == NULL)
		rig_broken("no memory");
	memset(mbuf, 0, sizeof(*mbuf));
	memcpy(data + ROOM, bytes, length);
	mbuf->buf_addr = data;
	mbuf->buf_len = (uint16_t)(ROOM + length);
	mbuf->data_off = ROOM;
	mbuf->data_len = (uint16_t)length;
	mbuf->refcnt = 1;
	mbuf->nb_segs = 1;
	return mbuf;
}

static struct rte_mbuf *chain(const uint8_t *bytes, uint32_t length, uint32_t size)
{
	struct rte_mbuf *first = NULL, **link = &first;
	uint16_t segments = 0;

	for (uint32_t at = 0; at < length || first == NULL; at += size) {
		*link = segment(bytes + at, RTE_MIN(size, length - at));
		link = &(*link)->next;
		segments++;
	}
	first->nb_segs = segments;
	first->pkt_len = length;
	return first;
}

static struct im_packet *make(uint16_t slots, const uint8_t *bytes, uint32_t length, uint32_t size)
{
	struct im_packet *packet = rig_allocate(sizeof(*packet) + slots * sizeof(packet->stack[0]));

	packet->slots = slots;
	packet->length = length;
	packet->status = IM_STATUS_SUCCESS;
	packet->mbuf = size == 1 ? fence_frame(bytes, length) : chain(bytes, length, size);
	return packet;
}

struct im_packet *rig_packet(uint16_t slots, uint32_t length, uint32_t size)
{
	uint8_t *bytes = rig_allocate(length + 1);
	struct im_packet *packet;

	for (uint32_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)i;
	packet = make(slots, bytes, length, size > 0 ? size : length + 1);
	free(bytes);
	return packet;
}

struct im_packet *rig_packet_of(const void *frame, uint32_t length)
{
	return make(RIG_LEVELS_MAX + 2, frame, length, length + 1);
}

void rig_packets(struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		packets[i] = rig_packet(RIG_LEVELS_MAX + 2, 60u + i, 0);
}

void rig_packets_free(struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *mbuf = packets[i]->mbuf;

		assert_int_equal(packets[i]->depth, 0); /* nobody on its way has it any more */
		if (mbuf != NULL && RTE_MBUF_HAS_EXTBUF(mbuf)) {
			fence_free(mbuf);
			mbuf = NULL;
		}
		while (mbuf != NULL) {
			struct rte_mbuf *rest = mbuf->next;

			free(mbuf->buf_addr);
			free(mbuf);
			mbuf = rest;
		}
		free(packets[i]);
	}
}

uint32_t rig_packet_read(const struct im_packet *packet, void *bytes, uint32_t room)
{
	uint32_t used = 0;

	for (const struct rte_mbuf *mbuf = packet->mbuf; mbuf != NULL; mbuf = mbuf->next) {
		uint32_t part = RTE_MIN(room - used, (uint32_t)mbuf->data_len);

		memcpy((uint8_t *)bytes + used, (const uint8_t *)mbuf->buf_addr + mbuf->data_off, part);
		used += part;
	}
	return used;
}
