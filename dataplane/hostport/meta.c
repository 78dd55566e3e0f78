/* SPDX-License-Identifier: BSD-3-Clause */
#include "meta.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_net.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "join.h"

/* ---- From the host --------------------------------------------------------------------------------- */

/* What a frame is, as far as a checksum or a segmentation may be asked for. */
struct layers {
	uint64_t family; /* RTE_MBUF_F_TX_IPV4 or _IPV6; 0: neither */
	uint32_t l4;	 /* RTE_PTYPE_L4_TCP, RTE_PTYPE_L4_UDP or 0 */
	uint32_t start;	 /* of that, in bytes */
	uint32_t end;	 /* of all headers */
};

IM_DISPATCH static bool is_sound(const struct sluice_frame_meta *meta)
{
	uint8_t gso = meta->gso_type & (uint8_t)~META_GSO_ECN;

	if ((meta->flags & ~(META_NEEDS_CSUM | META_DATA_VALID)) != 0)
		return false;
	if ((meta->reserved[0] | meta->reserved[1] | meta->reserved[2] | meta->reserved[3]) != 0)
		return false;
	if (!(meta->flags & META_NEEDS_CSUM) && (meta->csum_start | meta->csum_offset) != 0)
		return false;
	if (meta->gso_type == META_GSO_NONE)
		return meta->gso_size == 0;
	if (gso != META_GSO_TCPV4 && gso != META_GSO_TCPV6 && meta->gso_type != META_GSO_UDP_L4)
		return false;
	return meta->gso_size > 0 && (meta->flags & META_NEEDS_CSUM);
}

/* Both lengths are the frame's own, not what the host says of it. */
IM_DISPATCH static struct layers find_layers(struct rte_mbuf *frame)
{
	struct rte_net_hdr_lens lengths = {0};
	uint32_t type = rte_net_get_ptype(frame, &lengths, RTE_PTYPE_ALL_MASK);
	uint32_t l4 = type & RTE_PTYPE_L4_MASK;
	struct layers layers = {0};

	frame->l2_len = lengths.l2_len;
	frame->l3_len = lengths.l3_len;
	frame->l4_len = lengths.l4_len;
	if (RTE_ETH_IS_IPV4_HDR(type))
		layers.family = RTE_MBUF_F_TX_IPV4;
	else if (RTE_ETH_IS_IPV6_HDR(type))
		layers.family = RTE_MBUF_F_TX_IPV6;
	if (layers.family != 0 && (l4 == RTE_PTYPE_L4_TCP || l4 == RTE_PTYPE_L4_UDP))
		layers.l4 = l4;
	layers.start = lengths.l2_len + lengths.l3_len;
	layers.end = layers.start + lengths.l4_len;
	return layers;
}

/* Any other sum, such as one within a tunnel: made here and now, as no device is asked for it. */
IM_DISPATCH static bool sum_up(struct rte_mbuf *frame, uint32_t start, uint32_t at)
{
	uint16_t sum, *field = rte_pktmbuf_mtod_offset(frame, uint16_t *, at);

	if (at + sizeof(sum) > rte_pktmbuf_data_len(frame) ||
	    rte_raw_cksum_mbuf(frame, start, rte_pktmbuf_pkt_len(frame) - start, &sum) != 0)
		return false;
	sum = (uint16_t)~sum;
	memcpy(field, &sum, sizeof(sum));
	return true;
}

IM_DISPATCH static bool ask_for_sum(struct rte_mbuf *frame, uint32_t start, uint32_t offset,
				    const struct layers *layers)
{
	if (layers->l4 == RTE_PTYPE_L4_TCP && start == layers->start && offset == offsetof(struct rte_tcp_hdr, cksum)) {
		frame->ol_flags |= layers->family | RTE_MBUF_F_TX_TCP_CKSUM;
		return true;
	}
	if (layers->l4 == RTE_PTYPE_L4_UDP && start == layers->start &&
	    offset == offsetof(struct rte_udp_hdr, dgram_cksum)) {
		frame->ol_flags |= layers->family | RTE_MBUF_F_TX_UDP_CKSUM;
		return true;
	}
	return sum_up(frame, start, start + offset);
}

/* What is to be cut must be what the host calls it, and longer than its headers. */
IM_DISPATCH static bool ask_for_segments(struct rte_mbuf *frame, const struct sluice_frame_meta *meta,
					 const struct layers *layers)
{
	uint8_t gso = meta->gso_type & (uint8_t)~META_GSO_ECN;
	uint64_t family = gso == META_GSO_TCPV4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
	bool udp = gso == META_GSO_UDP_L4;

	if (layers->l4 != (udp ? RTE_PTYPE_L4_UDP : RTE_PTYPE_L4_TCP) || (!udp && layers->family != family))
		return false;
	if (layers->end >= rte_pktmbuf_pkt_len(frame))
		return false;
	frame->tso_segsz = meta->gso_size;
	frame->ol_flags |= udp ? RTE_MBUF_F_TX_UDP_SEG : RTE_MBUF_F_TX_TCP_SEG;
	if (layers->family == RTE_MBUF_F_TX_IPV4)
		frame->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM; /* each segment has another one */
	return true;
}

bool meta_from_host(const struct sluice_frame_meta *meta, struct rte_mbuf *frame)
{
	uint32_t start = meta->csum_start, offset = meta->csum_offset;
	struct layers layers;

	if (!is_sound(meta))
		return false;
	if (meta->vlan != 0) {
		frame->vlan_tci = meta->vlan;
		if (rte_vlan_insert(&frame) != 0)
			return false;
		start += sizeof(struct rte_vlan_hdr);
	}
	if (!(meta->flags & META_NEEDS_CSUM))
		return true;
	if (start < sizeof(struct rte_ether_hdr) || start + offset + sizeof(uint16_t) > rte_pktmbuf_pkt_len(frame))
		return false;
	layers = find_layers(frame);
	if (meta->gso_type != META_GSO_NONE && !ask_for_segments(frame, meta, &layers))
		return false;
	return ask_for_sum(frame, start, offset, &layers);
}

/* ---- For the host ---------------------------------------------------------------------------------- */

/* A frame from another host's stack, or one that a device would have had to finish. */
IM_DISPATCH static void say_sum(const struct rte_mbuf *frame, struct sluice_frame_meta *meta)
{
	uint64_t sum = frame->ol_flags & RTE_MBUF_F_TX_L4_MASK;

	if (sum == RTE_MBUF_F_TX_TCP_CKSUM || sum == RTE_MBUF_F_TX_UDP_CKSUM) {
		meta->flags = META_NEEDS_CSUM;
		meta->csum_start = (uint16_t)(frame->l2_len + frame->l3_len);
		meta->csum_offset = sum == RTE_MBUF_F_TX_TCP_CKSUM ? offsetof(struct rte_tcp_hdr, cksum)
								   : offsetof(struct rte_udp_hdr, dgram_cksum);
	} else if ((frame->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD) {
		meta->flags = META_DATA_VALID;
	}
}

/* The kernel of a host takes it as one that is to be cut, and need not do it. */
IM_DISPATCH static void say_segments(const struct rte_mbuf *frame, struct sluice_frame_meta *meta)
{
	meta->gso_type = META_GSO_TCPV4;
	meta->gso_size = frame->tso_segsz;
	meta->hdr_len = (uint16_t)join_header_bytes(frame);
}

bool meta_for_host(const struct rte_mbuf *frame, struct sluice_frame_meta *meta)
{
	*meta = (struct sluice_frame_meta){0};
	say_sum(frame, meta);
	if (join_is_made(frame))
		say_segments(frame, meta);
	if (frame->ol_flags & (RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_TX_VLAN))
		meta->vlan = frame->vlan_tci;
	return meta->flags != 0 || meta->vlan != 0;
}
