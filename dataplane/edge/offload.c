/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Offloads (contract section 10E): what a port can do to a frame for its sender, what is switched on, and doing it. The
 * device sums where it can, this file otherwise; a large send is cut by a device that can do it, or is not offered.
 * What is not switched on nobody may ask for: such a packet is refused.
 */
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_net.h>

#include "lane.h"

#define ANY_L4	    (IM_CHECKSUM_TCP | IM_CHECKSUM_UDP)
#define ANY_SUM	    (IM_CHECKSUM_IPV4 | ANY_L4)
#define ANY_FRAME   (SLUICE_ENCAPSULATION_PLAIN | SLUICE_ENCAPSULATION_TAGGED)
#define LARGE_SENDS (RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM)

_Static_assert(ANY_SUM == (SLUICE_OFFLOAD_IPV4_CHECKSUM | SLUICE_OFFLOAD_TCP_CHECKSUM | SLUICE_OFFLOAD_UDP_CHECKSUM),
	       "what is asked of a packet and what is switched on are the same bits");

/* ---- What there is, and what is switched on ------------------------------------------------------ */

uint32_t edge_offloads(const struct edge_port *port)
{
	return ANY_SUM | ((port->tx_offloads & LARGE_SENDS) == LARGE_SENDS ? SLUICE_OFFLOAD_LARGE_SEND : 0);
}

im_status_t edge_set_offloads(struct edge_port *port, uint32_t offloads)
{
	if ((offloads & ~edge_offloads(port)) != 0)
		return IM_STATUS_INVALID_DATA;
	__atomic_store_n(&port->offloads, offloads, __ATOMIC_RELAXED);
	return IM_STATUS_SUCCESS;
}

im_status_t edge_set_encapsulation(struct edge_port *port, uint32_t frames)
{
	if (frames == 0 || (frames & ~ANY_FRAME) != 0)
		return IM_STATUS_INVALID_PARAMETER;
	__atomic_store_n(&port->encapsulation, frames, __ATOMIC_RELAXED);
	return IM_STATUS_SUCCESS;
}

/* ---- Headers ------------------------------------------------------------------------------------- */

/* Where the headers of a frame are, and what they are. */
struct headers {
	uint32_t l3, l4; /* offsets */
	uint32_t l4_header;
	uint32_t l4_bytes;
	uint32_t frame; /* enum sluice_encapsulation */
	bool ipv6;
	uint16_t l4_kind; /* IM_CHECKSUM_TCP, IM_CHECKSUM_UDP or 0 */
};

IM_DISPATCH static void *at(struct rte_mbuf *mbuf, uint32_t offset)
{
	return rte_pktmbuf_mtod_offset(mbuf, void *, offset);
}

/* Bytes behind the header at `l3`, as that says; 0: it lies. */
IM_DISPATCH static uint32_t payload_of(struct rte_mbuf *mbuf, const struct headers *headers)
{
	const struct rte_ipv6_hdr *ipv6 = at(mbuf, headers->l3);
	const struct rte_ipv4_hdr *ipv4 = at(mbuf, headers->l3);
	uint32_t end = headers->ipv6 ? headers->l3 + sizeof(*ipv6) + rte_be_to_cpu_16(ipv6->payload_len)
				     : headers->l3 + rte_be_to_cpu_16(ipv4->total_length);

	return end > headers->l4 && end <= rte_pktmbuf_pkt_len(mbuf) ? end - headers->l4 : 0;
}

/* All headers stand in the first buffer, or this is not for us. Others may look at the frame meanwhile. */
IM_DISPATCH static bool find_headers(struct rte_mbuf *mbuf, struct headers *headers)
{
	struct rte_net_hdr_lens lengths = {0};
	uint32_t type = rte_net_get_ptype(mbuf, &lengths, RTE_PTYPE_ALL_MASK);
	uint32_t l4 = type & RTE_PTYPE_L4_MASK;

	headers->l3 = lengths.l2_len;
	headers->l4 = headers->l3 + lengths.l3_len;
	headers->l4_header = lengths.l4_len;
	headers->frame = (type & RTE_PTYPE_L2_MASK) == RTE_PTYPE_L2_ETHER ? SLUICE_ENCAPSULATION_PLAIN
									  : SLUICE_ENCAPSULATION_TAGGED;
	headers->ipv6 = RTE_ETH_IS_IPV6_HDR(type);
	headers->l4_kind = l4 == RTE_PTYPE_L4_TCP ? IM_CHECKSUM_TCP : l4 == RTE_PTYPE_L4_UDP ? IM_CHECKSUM_UDP : 0;
	if (!RTE_ETH_IS_IPV4_HDR(type) && !headers->ipv6)
		return false;
	if (headers->l4 + lengths.l4_len > rte_pktmbuf_data_len(mbuf))
		return false;
	headers->l4_bytes = payload_of(mbuf, headers);
	return headers->l4_bytes >= lengths.l4_len && headers->l4_bytes > 0;
}

/* ---- Checksums ----------------------------------------------------------------------------------- */

IM_DISPATCH static void put_l4(struct rte_mbuf *mbuf, const struct headers *headers, uint16_t sum)
{
	if (headers->l4_kind == IM_CHECKSUM_TCP)
		((struct rte_tcp_hdr *)at(mbuf, headers->l4))->cksum = sum;
	else
		((struct rte_udp_hdr *)at(mbuf, headers->l4))->dgram_cksum = sum;
}

IM_DISPATCH static bool fill_l4(struct rte_mbuf *mbuf, const struct headers *headers)
{
	uint32_t sum;
	uint16_t raw;

	put_l4(mbuf, headers, 0);
	if (rte_raw_cksum_mbuf(mbuf, headers->l4, headers->l4_bytes, &raw) != 0)
		return false;
	sum = raw;
	sum += headers->ipv6 ? rte_ipv6_phdr_cksum(at(mbuf, headers->l3), 0)
			     : rte_ipv4_phdr_cksum(at(mbuf, headers->l3), 0);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
	if (sum == 0 && headers->l4_kind == IM_CHECKSUM_UDP)
		sum = 0xffff; /* 0 says that there is none */
	put_l4(mbuf, headers, (uint16_t)sum);
	return true;
}

/* The device does the rest, over headers that stand here. */
IM_DISPATCH static bool leave_to_device(struct rte_mbuf *mbuf, const struct headers *headers, uint64_t flags)
{
	mbuf->l2_len = headers->l3;
	mbuf->l3_len = headers->l4 - headers->l3;
	mbuf->l4_len = headers->l4_header;
	mbuf->ol_flags |= flags | (headers->ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
	return rte_net_intel_cksum_prepare(mbuf) == 0;
}

IM_DISPATCH static uint64_t flags_of(const struct headers *headers, uint16_t wanted)
{
	uint64_t flags = (wanted & IM_CHECKSUM_IPV4) && !headers->ipv6 ? RTE_MBUF_F_TX_IP_CKSUM : 0;

	if (wanted & headers->l4_kind)
		flags |= headers->l4_kind == IM_CHECKSUM_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
	return flags;
}

static bool device_sums(const struct edge_port *port, const struct headers *headers, uint16_t wanted)
{
	uint64_t needed = 0;

	if ((wanted & IM_CHECKSUM_IPV4) && !headers->ipv6)
		needed |= RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
	if (wanted & headers->l4_kind)
		needed |= headers->l4_kind == IM_CHECKSUM_TCP ? RTE_ETH_TX_OFFLOAD_TCP_CKSUM
							      : RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	return (port->tx_offloads & needed) == needed;
}

/* A sum over a part of a datagram is none: nobody can ask for it. */
IM_DISPATCH static bool fill_checksums(const struct edge_port *port, struct rte_mbuf *mbuf,
				       const struct headers *headers, uint16_t wanted)
{
	struct rte_ipv4_hdr *ipv4 = at(mbuf, headers->l3);

	if ((wanted & ANY_L4) && headers->l4_kind == 0)
		return false;
	if (device_sums(port, headers, wanted))
		return leave_to_device(mbuf, headers, flags_of(headers, wanted));
	if ((wanted & IM_CHECKSUM_IPV4) && !headers->ipv6) {
		ipv4->hdr_checksum = 0;
		ipv4->hdr_checksum = rte_ipv4_cksum(ipv4);
	}
	return (wanted & headers->l4_kind) == 0 || fill_l4(mbuf, headers);
}

/* ---- Large sends --------------------------------------------------------------------------------- */

uint32_t edge_segment_length(struct im_packet *packet)
{
	struct headers headers;
	uint32_t payload;

	if (!find_headers(packet->mbuf, &headers) || headers.l4_kind != IM_CHECKSUM_TCP)
		return 0; /* it will be refused for that */
	payload = headers.l4_bytes - headers.l4_header;
	packet->info.segments = (uint16_t)RTE_MAX(1u, (payload + packet->info.mss - 1) / packet->info.mss);
	return headers.l4 + headers.l4_header + RTE_MIN(payload, (uint32_t)packet->info.mss);
}

/* Each segment has checksums of its own, which are the device's to fill in as well. */
IM_DISPATCH static bool segment(const struct edge_port *port, const struct im_packet *packet,
				const struct headers *headers)
{
	if (headers->l4_kind != IM_CHECKSUM_TCP || (port->tx_offloads & LARGE_SENDS) != LARGE_SENDS)
		return false;
	packet->mbuf->tso_segsz = packet->info.mss;
	return leave_to_device(packet->mbuf, headers, flags_of(headers, ANY_SUM) | RTE_MBUF_F_TX_TCP_SEG);
}

/* ---- A frame ------------------------------------------------------------------------------------- */

uint16_t edge_wanted_offloads(const struct im_packet *packet)
{
	return (uint16_t)((packet->info.checksum & ANY_SUM) | (packet->info.mss != 0 ? SLUICE_OFFLOAD_LARGE_SEND : 0));
}

bool edge_is_switched_on(const struct edge_port *port, const struct im_packet *packet)
{
	return (edge_wanted_offloads(packet) & ~__atomic_load_n(&port->offloads, __ATOMIC_RELAXED)) == 0;
}

bool edge_offload(const struct edge_port *port, const struct im_packet *packet)
{
	uint16_t wanted = edge_wanted_offloads(packet);
	struct headers headers;

	if (!find_headers(packet->mbuf, &headers) ||
	    (headers.frame & __atomic_load_n(&port->encapsulation, __ATOMIC_RELAXED)) == 0)
		return false;
	return wanted & SLUICE_OFFLOAD_LARGE_SEND ? segment(port, packet, &headers)
						  : fill_checksums(port, packet->mbuf, &headers, wanted);
}
