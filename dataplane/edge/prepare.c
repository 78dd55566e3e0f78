/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a sender asks of a frame beside it (10.9, 10.32): a VLAN tag, checksums. The device does it where it can, this
 * file otherwise; what neither can do is refused and counted. What a frame that came from below was found to be is
 * nothing that is asked.
 */
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_net.h>

#include "lane.h"

#define ANY_L4	    (IM_CHECKSUM_TCP | IM_CHECKSUM_UDP)
#define ANY_SUM	    (IM_CHECKSUM_IPV4 | ANY_L4)
#define HEADERS_MAX 128u /* bytes of all headers that are looked for */

/* ---- Copies -------------------------------------------------------------------------------------- */

void edge_has_copies(struct edge_port *port)
{
	if (!__atomic_load_n(&port->copies, __ATOMIC_RELAXED))
		__atomic_store_n(&port->copies, true, __ATOMIC_RELAXED);
}

struct im_packet *edge_copy(struct edge_port *port, const struct im_packet *packet)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_copy(packet->mbuf, port->pool->buffers, 0, UINT32_MAX);
	struct im_packet *copy;

	if (mbuf == NULL)
		return NULL;
	if (im_packet_wrap(port->pool, &mbuf, &copy, 1) != 0) {
		rte_pktmbuf_free(mbuf);
		return NULL;
	}
	copy->info = packet->info;
	edge_has_copies(port);
	return copy;
}

/* The copy goes in the packet's place, which goes home as if it had left. */
IM_DISPATCH static bool replace_by_copy(struct edge_port *port, struct im_packet **packet)
{
	struct im_packet *original = *packet;

	*packet = edge_copy(port, original);
	if (*packet == NULL) {
		edge_refuse(port, &original, 1, IM_STATUS_RESOURCES, SLUICE_DROP_NO_DESCRIPTOR);
		return false;
	}
	original->status = IM_STATUS_SUCCESS;
	edge_port_finish(port, &original, 1);
	return true;
}

/* ---- VLAN ---------------------------------------------------------------------------------------- */

static bool device_tags(const struct edge_port *port)
{
	return port->tx_offloads & RTE_ETH_TX_OFFLOAD_VLAN_INSERT;
}

IM_DISPATCH static bool insert_tag(const struct edge_port *port, struct im_packet *packet)
{
	packet->mbuf->vlan_tci = packet->info.vlan;
	if (device_tags(port)) {
		packet->mbuf->ol_flags |= RTE_MBUF_F_TX_VLAN;
		return true;
	}
	return rte_vlan_insert(&packet->mbuf) == 0;
}

void edge_unprepare(const struct edge_port *port, struct im_packet *packet)
{
	struct rte_mbuf *mbuf = packet->mbuf;

	if (port->edge != EDGE_LOWER || packet->info.vlan == 0)
		return;
	if (!device_tags(port) && rte_vlan_strip(mbuf) == 0)
		mbuf->l2_len -= sizeof(struct rte_vlan_hdr);
	mbuf->ol_flags &= ~(RTE_MBUF_F_TX_VLAN | RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED);
}

/* ---- Checksums ----------------------------------------------------------------------------------- */

/* Where the headers of a frame are, and what they are. */
struct headers {
	uint32_t l3, l4; /* offsets */
	uint32_t l4_bytes;
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

/* All headers stand in the first buffer, or this is not for us. */
IM_DISPATCH static bool find_headers(struct rte_mbuf *mbuf, struct headers *headers)
{
	struct rte_net_hdr_lens lengths = {0};
	uint32_t type = rte_net_get_ptype(mbuf, &lengths, RTE_PTYPE_ALL_MASK);
	uint32_t l4 = type & RTE_PTYPE_L4_MASK;

	mbuf->l2_len = lengths.l2_len;
	mbuf->l3_len = lengths.l3_len;
	mbuf->l4_len = lengths.l4_len;
	headers->l3 = lengths.l2_len;
	headers->l4 = headers->l3 + lengths.l3_len;
	headers->ipv6 = RTE_ETH_IS_IPV6_HDR(type);
	headers->l4_kind = l4 == RTE_PTYPE_L4_TCP ? IM_CHECKSUM_TCP : l4 == RTE_PTYPE_L4_UDP ? IM_CHECKSUM_UDP : 0;
	if (!RTE_ETH_IS_IPV4_HDR(type) && !headers->ipv6)
		return false;
	if (headers->l4 + lengths.l4_len > rte_pktmbuf_data_len(mbuf))
		return false;
	headers->l4_bytes = payload_of(mbuf, headers);
	return headers->l4_bytes > 0;
}

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

/* The device sums up the rest. */
IM_DISPATCH static bool leave_to_device(struct rte_mbuf *mbuf, const struct headers *headers, uint16_t wanted)
{
	mbuf->ol_flags |= headers->ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4;
	if ((wanted & IM_CHECKSUM_IPV4) && !headers->ipv6)
		mbuf->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
	if (wanted & headers->l4_kind)
		mbuf->ol_flags |=
			headers->l4_kind == IM_CHECKSUM_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
	return rte_net_intel_cksum_prepare(mbuf) == 0;
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
IM_DISPATCH static bool fill_checksums(const struct edge_port *port, struct rte_mbuf *mbuf, uint16_t wanted)
{
	struct headers headers;
	struct rte_ipv4_hdr *ipv4;

	if (!find_headers(mbuf, &headers) || ((wanted & ANY_L4) && headers.l4_kind == 0))
		return false;
	if (device_sums(port, &headers, wanted))
		return leave_to_device(mbuf, &headers, wanted);
	ipv4 = at(mbuf, headers.l3);
	if ((wanted & IM_CHECKSUM_IPV4) && !headers.ipv6) {
		ipv4->hdr_checksum = 0;
		ipv4->hdr_checksum = rte_ipv4_cksum(ipv4);
	}
	return (wanted & headers.l4_kind) == 0 || fill_l4(mbuf, &headers);
}

/* ---- A frame ------------------------------------------------------------------------------------- */

/* Others may look at the buffers, or they have no room in front; what is to be changed must stand in the first. */
IM_DISPATCH static bool may_change(const struct im_packet *packet)
{
	const struct rte_mbuf *mbuf = packet->mbuf;

	return RTE_MBUF_DIRECT(mbuf) && rte_mbuf_refcnt_read(mbuf) == 1 &&
	       (mbuf->nb_segs == 1 || rte_pktmbuf_data_len(mbuf) >= HEADERS_MAX) &&
	       rte_pktmbuf_headroom(mbuf) >= sizeof(struct rte_vlan_hdr);
}

IM_DISPATCH static bool is_asked(const struct edge_port *port, const struct im_packet *packet)
{
	return port->edge == EDGE_LOWER &&
	       (packet->info.vlan | (packet->info.checksum & ANY_SUM) | packet->info.mss) != 0;
}

/* The tag last: before, the device and this file find the headers where they are. */
IM_DISPATCH static bool change(const struct edge_port *port, struct im_packet *packet)
{
	uint16_t wanted = packet->info.checksum & ANY_SUM;

	if (packet->info.mss != 0)
		return false; /* no large sends */
	if (wanted != 0 && !fill_checksums(port, packet->mbuf, wanted))
		return false;
	return packet->info.vlan == 0 || insert_tag(port, packet);
}

bool edge_prepare(struct edge_port *port, struct im_packet **packet)
{
	bool asked = is_asked(port, *packet);

	if (asked && (*packet)->info.vlan != 0 && (*packet)->length + sizeof(struct rte_vlan_hdr) > port->max_frame) {
		edge_refuse(port, packet, 1, IM_STATUS_INVALID_LENGTH, SLUICE_DROP_FRAME_TOO_LONG);
		return false;
	}
	if ((((*packet)->flags & IM_PACKET_SHARED) || (asked && !may_change(*packet))) &&
	    !replace_by_copy(port, packet))
		return false;
	if (!asked || change(port, *packet))
		return true;
	edge_refuse(port, packet, 1, IM_STATUS_FAILURE, SLUICE_DROP_OFFLOAD);
	return false;
}
