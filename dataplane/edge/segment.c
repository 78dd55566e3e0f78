/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Large sends that the device does not cut (10.35): one packet of TCP or UDP over IPv4 or IPv6 becomes several frames,
 * none longer than the port can send. librte_gso cuts TCP over IPv4 only, and makes fragments of UDP; this is the same
 * work for all four, with copies, as a frame here is a packet of its own. Checksums are left to edge_prepare(), for
 * each segment like for any frame.
 */
#include <string.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "abi/data.h"
#include "headers.h"

#define SEGMENTS_MAX (EDGE_PENDING_MAX / 2)
_Static_assert(SEGMENTS_MAX == SLUICE_DATA_SEGS_MAX, "hosts are told");

struct large {
	struct edge_headers headers;
	uint32_t header_bytes;
	uint32_t payload;
	uint32_t mss;
	uint16_t segments;
};

/* Whether it can be cut, and into how many; every header must be in the first buffer. */
IM_DISPATCH static bool measure(const struct edge_port *port, const struct im_packet *packet, struct large *large)
{
	struct edge_headers *headers = &large->headers;

	if (!edge_find_asked_headers(port, packet->mbuf, headers) || headers->l4_kind == 0 ||
	    headers->l4_bytes <= headers->l4_header)
		return false;
	large->header_bytes = headers->l4 + headers->l4_header;
	large->payload = headers->l4_bytes - headers->l4_header;
	large->mss = packet->info.mss;
	if (large->header_bytes > RTE_PKTMBUF_HEADROOM || large->payload > (uint32_t)SEGMENTS_MAX * large->mss)
		return false;
	large->segments = (uint16_t)((large->payload + large->mss - 1) / large->mss);
	return true;
}

/* ---- One segment ----------------------------------------------------------------------------------- */

IM_DISPATCH static void number_tcp(struct rte_tcp_hdr *tcp, uint32_t offset, bool first, bool last)
{
	tcp->sent_seq = rte_cpu_to_be_32(rte_be_to_cpu_32(tcp->sent_seq) + offset);
	if (!last)
		tcp->tcp_flags &= (uint8_t) ~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
	if (!first)
		tcp->tcp_flags &= (uint8_t)~RTE_TCP_CWR_FLAG; /* said once */
}

/* The headers, as if this had been sent by itself. @p bytes: behind the header of IP, as far as that counts. */
IM_DISPATCH static void adapt(uint8_t *frame, const struct large *large, uint16_t number, uint32_t bytes)
{
	const struct edge_headers *headers = &large->headers;
	struct rte_ipv4_hdr *ipv4 = (void *)(frame + headers->l3);
	struct rte_ipv6_hdr *ipv6 = (void *)(frame + headers->l3);
	uint32_t with_l3 = bytes + headers->l4 - headers->l3;

	if (headers->ipv6) {
		ipv6->payload_len = rte_cpu_to_be_16((uint16_t)(with_l3 - sizeof(*ipv6)));
	} else {
		ipv4->total_length = rte_cpu_to_be_16((uint16_t)with_l3);
		ipv4->packet_id = rte_cpu_to_be_16((uint16_t)(rte_be_to_cpu_16(ipv4->packet_id) + number));
	}
	if (headers->l4_kind == IM_CHECKSUM_TCP)
		number_tcp((void *)(frame + headers->l4), number * large->mss, number == 0,
			   number + 1 == large->segments);
	else
		((struct rte_udp_hdr *)(void *)(frame + headers->l4))->dgram_len = rte_cpu_to_be_16((uint16_t)bytes);
}

IM_DISPATCH static struct rte_mbuf *cut(const struct edge_port *port, const struct rte_mbuf *whole,
					const struct large *large, uint16_t number)
{
	uint32_t offset = number * large->mss;
	uint32_t part = RTE_MIN(large->mss, large->payload - offset);
	struct rte_mbuf *mbuf = rte_pktmbuf_copy(whole, port->pool->buffers, large->header_bytes + offset, part);
	uint8_t *frame;

	if (mbuf == NULL)
		return NULL;
	frame = (uint8_t *)rte_pktmbuf_prepend(mbuf, (uint16_t)large->header_bytes);
	if (frame == NULL) {
		rte_pktmbuf_free(mbuf);
		return NULL;
	}
	memcpy(frame, rte_pktmbuf_mtod(whole, const void *), large->header_bytes);
	adapt(frame, large, number, large->header_bytes - large->headers.l4 + part);
	return mbuf;
}

/* ---- All of them ----------------------------------------------------------------------------------- */

/* All or none. */
IM_DISPATCH static bool cut_all(struct edge_port *port, const struct im_packet *packet, const struct large *large,
				struct im_packet **segments)
{
	struct rte_mbuf *mbufs[SEGMENTS_MAX];
	uint16_t count = 0;

	while (count < large->segments && (mbufs[count] = cut(port, packet->mbuf, large, count)) != NULL)
		count++;
	if (count < large->segments || im_packet_wrap(port->pool, mbufs, segments, count) != 0) {
		rte_pktmbuf_free_bulk(mbufs, count);
		return false;
	}
	for (uint16_t i = 0; i < count; i++) {
		segments[i]->info.vlan = packet->info.vlan;
		segments[i]->info.checksum =
			(uint16_t)(large->headers.l4_kind | (large->headers.ipv6 ? 0 : IM_CHECKSUM_IPV4));
	}
	edge_has_copies(port);
	return true;
}

IM_DISPATCH static bool has_room(struct edge_port *port, const struct edge_queue *queue, uint16_t count)
{
	if (queue->pending + count > EDGE_PENDING_MAX)
		edge_port_flush(port);
	return queue->pending + count <= EDGE_PENDING_MAX;
}

void edge_segment(struct edge_port *port, struct edge_queue *queue, struct im_packet *packet)
{
	struct im_packet *segments[SEGMENTS_MAX];
	struct large large;

	if (!edge_is_switched_on(port, packet) || !measure(port, packet, &large)) {
		edge_refuse(port, &packet, 1, IM_STATUS_FAILURE, SLUICE_DROP_OFFLOAD);
	} else if (large.header_bytes + RTE_MIN(large.mss, large.payload) > port->max_frame) {
		edge_refuse(port, &packet, 1, IM_STATUS_INVALID_LENGTH, SLUICE_DROP_FRAME_TOO_LONG);
	} else if (!has_room(port, queue, large.segments)) {
		edge_refuse(port, &packet, 1, IM_STATUS_RESOURCES, SLUICE_DROP_TX_QUEUE_FULL);
	} else if (!cut_all(port, packet, &large, segments)) {
		edge_refuse(port, &packet, 1, IM_STATUS_RESOURCES, SLUICE_DROP_NO_DESCRIPTOR);
	} else {
		for (uint16_t i = 0; i < large.segments; i++)
			edge_append_frame(port, queue, segments[i]);
		packet->info.segments = large.segments;
		packet->status = IM_STATUS_SUCCESS;
		edge_port_finish(port, &packet, 1);
	}
}
