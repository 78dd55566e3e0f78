/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Offloads (contract section 10E): what a port can do to a frame for its sender, what is switched on, and doing it. The
 * device sums and cuts where it can; this file sums and segment.c cuts otherwise, so every port offers all. What is not
 * switched on nobody may ask for: such a packet is refused.
 */
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_net.h>

#include "headers.h"

#define ANY_L4	    (IM_CHECKSUM_TCP | IM_CHECKSUM_UDP)
#define ANY_SUM	    (IM_CHECKSUM_IPV4 | ANY_L4)
#define ANY_FRAME   (SLUICE_ENCAPSULATION_PLAIN | SLUICE_ENCAPSULATION_TAGGED)
#define LARGE_SENDS (RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM)

_Static_assert(ANY_SUM == (SLUICE_OFFLOAD_IPV4_CHECKSUM | SLUICE_OFFLOAD_TCP_CHECKSUM | SLUICE_OFFLOAD_UDP_CHECKSUM),
	       "what is asked of a packet and what is switched on are the same bits");

/* ---- What there is, and what is switched on ------------------------------------------------------ */

im_status_t edge_set_offloads(struct edge_port *port, uint32_t offloads)
{
	if ((offloads & ~EDGE_OFFLOADS) != 0)
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

/* ---- Checksums ----------------------------------------------------------------------------------- */

IM_DISPATCH static void put_l4(struct rte_mbuf *mbuf, const struct edge_headers *headers, uint16_t sum)
{
	if (headers->l4_kind == IM_CHECKSUM_TCP)
		((struct rte_tcp_hdr *)edge_header_at(mbuf, headers->l4))->cksum = sum;
	else
		((struct rte_udp_hdr *)edge_header_at(mbuf, headers->l4))->dgram_cksum = sum;
}

IM_DISPATCH static bool fill_l4(struct rte_mbuf *mbuf, const struct edge_headers *headers)
{
	uint32_t sum;
	uint16_t raw;

	put_l4(mbuf, headers, 0);
	if (rte_raw_cksum_mbuf(mbuf, headers->l4, headers->l4_bytes, &raw) != 0)
		return false;
	sum = raw;
	sum += headers->ipv6 ? rte_ipv6_phdr_cksum(edge_header_at(mbuf, headers->l3), 0)
			     : rte_ipv4_phdr_cksum(edge_header_at(mbuf, headers->l3), 0);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
	if (sum == 0 && headers->l4_kind == IM_CHECKSUM_UDP)
		sum = 0xffff; /* 0 says that there is none */
	put_l4(mbuf, headers, (uint16_t)sum);
	return true;
}

/* The device does the rest, over headers that stand here. */
IM_DISPATCH static bool leave_to_device(struct rte_mbuf *mbuf, const struct edge_headers *headers, uint64_t flags)
{
	mbuf->l2_len = headers->l3;
	mbuf->l3_len = headers->l4 - headers->l3;
	mbuf->l4_len = headers->l4_header;
	mbuf->ol_flags |= flags | (headers->ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
	return rte_net_intel_cksum_prepare(mbuf) == 0;
}

IM_DISPATCH static uint64_t flags_of(const struct edge_headers *headers, uint16_t wanted)
{
	uint64_t flags = (wanted & IM_CHECKSUM_IPV4) && !headers->ipv6 ? RTE_MBUF_F_TX_IP_CKSUM : 0;

	if (wanted & headers->l4_kind)
		flags |= headers->l4_kind == IM_CHECKSUM_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
	return flags;
}

static bool device_sums(const struct edge_port *port, const struct edge_headers *headers, uint16_t wanted)
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
				       const struct edge_headers *headers, uint16_t wanted)
{
	struct rte_ipv4_hdr *ipv4 = edge_header_at(mbuf, headers->l3);

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
	struct edge_headers headers;
	uint32_t payload;

	if (!edge_find_headers(packet->mbuf, &headers) || headers.l4_kind != IM_CHECKSUM_TCP)
		return 0; /* it will be refused for that */
	payload = headers.l4_bytes - headers.l4_header;
	packet->info.segments = (uint16_t)RTE_MAX(1u, (payload + packet->info.mss - 1) / packet->info.mss);
	return headers.l4 + headers.l4_header + RTE_MIN(payload, (uint32_t)packet->info.mss);
}

bool edge_device_cuts(const struct edge_port *port, const struct im_packet *packet)
{
	struct edge_headers headers;

	return (port->tx_offloads & LARGE_SENDS) == LARGE_SENDS && edge_find_headers(packet->mbuf, &headers) &&
	       headers.l4_kind == IM_CHECKSUM_TCP;
}

/* Each segment has checksums of its own, which are the device's to fill in as well. */
IM_DISPATCH static bool leave_segments_to_device(const struct im_packet *packet, const struct edge_headers *headers)
{
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
	if (packet->depth == 0) /* one that this port made of another, which was asked about */
		return true;
	return (edge_wanted_offloads(packet) & ~__atomic_load_n(&port->offloads, __ATOMIC_RELAXED)) == 0;
}

bool edge_offload(const struct edge_port *port, const struct im_packet *packet)
{
	uint16_t wanted = edge_wanted_offloads(packet);
	struct edge_headers headers;

	if (!edge_find_asked_headers(port, packet->mbuf, &headers))
		return false;
	return wanted & SLUICE_OFFLOAD_LARGE_SEND ? leave_segments_to_device(packet, &headers)
						  : fill_checksums(port, packet->mbuf, &headers, wanted);
}
