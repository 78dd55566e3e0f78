/* SPDX-License-Identifier: BSD-3-Clause */
#include "tag.h"

#include <string.h>

#include <rte_byteorder.h>

#define ADDRESSES 12u /* bytes before the tag */
#define TPID	  0x8100u

void tag_look(const struct im_packet *packet, struct tag_header *header)
{
	uint32_t length = RTE_MIN(packet->length, (uint32_t)sizeof(header->bytes));
	const void *bytes = rte_pktmbuf_read(packet->mbuf, 0, length, header->bytes);

	header->tagged = false;
	header->tci = 0;
	if (bytes != NULL && bytes != header->bytes)
		memcpy(header->bytes, bytes, length);
	if (bytes == NULL || length < sizeof(header->bytes))
		return;
	if ((uint32_t)header->bytes[ADDRESSES] << 8 != (TPID & 0xff00) || header->bytes[ADDRESSES + 1] != (TPID & 0xff))
		return;
	header->tagged = true;
	header->tci = (uint16_t)(header->bytes[ADDRESSES + 2] << 8 | header->bytes[ADDRESSES + 3]);
}

bool tag_may_edit(const struct im_packet *packet)
{
	const struct rte_mbuf *mbuf = packet->mbuf;

	return (packet->flags & IM_PACKET_SHARED) == 0 && RTE_MBUF_DIRECT(mbuf) && rte_mbuf_refcnt_read(mbuf) == 1 &&
	       rte_pktmbuf_data_len(mbuf) >= ADDRESSES + TAG_SIZE;
}

bool tag_insert(struct rte_mbuf *mbuf, uint16_t tci)
{
	const uint16_t tag[] = {rte_cpu_to_be_16(TPID), rte_cpu_to_be_16(tci)};
	char *start = rte_pktmbuf_prepend(mbuf, TAG_SIZE);

	if (start == NULL)
		return false;
	memmove(start, start + TAG_SIZE, ADDRESSES);
	memcpy(start + ADDRESSES, tag, sizeof(tag));
	return true;
}

void tag_remove(struct rte_mbuf *mbuf)
{
	char *start = rte_pktmbuf_mtod(mbuf, char *);

	memmove(start + TAG_SIZE, start, ADDRESSES);
	rte_pktmbuf_adj(mbuf, TAG_SIZE);
}

/* ---- Copies -------------------------------------------------------------------------------------- */

/* Append to the last buffer of @p to, and to new ones behind it. */
IM_DISPATCH static bool append(struct rte_mbuf *to, const char *bytes, uint32_t length)
{
	while (length > 0) {
		struct rte_mbuf *last = rte_pktmbuf_lastseg(to);
		uint16_t part = (uint16_t)RTE_MIN(length, (uint32_t)rte_pktmbuf_tailroom(last));

		if (part == 0) {
			struct rte_mbuf *more = im_allocate_buffer();

			if (more == NULL || rte_pktmbuf_tailroom(more) == 0 || rte_pktmbuf_chain(to, more) != 0) {
				rte_pktmbuf_free(more);
				return false;
			}
			continue;
		}
		memcpy(rte_pktmbuf_append(to, part), bytes, part);
		bytes += part;
		length -= part;
	}
	return true;
}

struct rte_mbuf *tag_copy(const struct rte_mbuf *mbuf)
{
	struct rte_mbuf *copy = im_allocate_buffer();

	for (; copy != NULL && mbuf != NULL; mbuf = mbuf->next) {
		if (append(copy, rte_pktmbuf_mtod(mbuf, const char *), rte_pktmbuf_data_len(mbuf)))
			continue;
		rte_pktmbuf_free(copy);
		copy = NULL;
	}
	return copy;
}
