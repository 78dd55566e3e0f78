/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a host asks of a frame that it sends, in the flags of the mbuf that its port made of it: checksums, a large
 * send. A port that knows its host by virtio says it as of a frame received, as one that was put together of many: to
 * be cut again. From here on it travels beside the frame (10.32), and the flags are gone: the device that the frame
 * leaves by would take them as asked of itself.
 */
#include "lane.h"

#define ASKED (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)
#define GONE  (ASKED | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_RX_LRO)

IM_DISPATCH static void note(struct im_packet *packet)
{
	struct rte_mbuf *mbuf = packet->mbuf;
	uint64_t flags = mbuf->ol_flags, sum = flags & RTE_MBUF_F_TX_L4_MASK;

	if (flags & RTE_MBUF_F_TX_IP_CKSUM)
		packet->info.checksum |= IM_CHECKSUM_IPV4;
	if (sum == RTE_MBUF_F_TX_TCP_CKSUM)
		packet->info.checksum |= IM_CHECKSUM_TCP;
	else if (sum == RTE_MBUF_F_TX_UDP_CKSUM)
		packet->info.checksum |= IM_CHECKSUM_UDP;
	if (flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG))
		packet->info.mss = mbuf->tso_segsz;
	/* Each segment of TCP gets a sum of its own; a datagram would have to become fragments: it is too long. */
	if ((flags & RTE_MBUF_F_RX_LRO) && (mbuf->packet_type & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_TCP) {
		packet->info.checksum |= IM_CHECKSUM_TCP;
		packet->info.mss = mbuf->tso_segsz;
	}
	mbuf->ol_flags &= ~GONE;
}

void edge_note_asked(struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		if (unlikely(packets[i]->mbuf->ol_flags & (ASKED | RTE_MBUF_F_RX_LRO)))
			note(packets[i]);
}
