/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a sender asks of a frame beside it (10.9, 10.32): a VLAN tag, and offloads. The device does it where it can,
 * this file and offload.c otherwise; what neither can do is refused and counted. What a frame that came from below was
 * found to be is nothing that is asked.
 */
#include <rte_ethdev.h>
#include <rte_ether.h>

#include "lane.h"

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

IM_DISPATCH static bool is_asked(const struct edge_port *port, const struct im_packet *packet)
{
	return port->edge == EDGE_LOWER && (packet->info.vlan | edge_wanted_offloads(packet)) != 0;
}

void edge_unprepare(const struct edge_port *port, struct im_packet *packet)
{
	struct rte_mbuf *mbuf = packet->mbuf;

	if (!is_asked(port, packet))
		return;
	if (packet->info.vlan != 0 && !device_tags(port) && rte_vlan_strip(mbuf) == 0)
		mbuf->l2_len -= sizeof(struct rte_vlan_hdr);
	mbuf->ol_flags &= ~(RTE_MBUF_F_TX_OFFLOAD_MASK | RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED);
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

/* Of a large send it is the frames that it becomes (10.35). */
IM_DISPATCH static bool fits(const struct edge_port *port, struct im_packet *packet)
{
	uint32_t length = packet->info.mss != 0 ? edge_segment_length(packet) : packet->length;

	return length + (packet->info.vlan != 0 ? sizeof(struct rte_vlan_hdr) : 0) <= port->max_frame;
}

/* The tag last: before, the device and offload.c find the headers where they are. */
IM_DISPATCH static bool change(const struct edge_port *port, struct im_packet *packet)
{
	if (edge_wanted_offloads(packet) != 0 && !edge_offload(port, packet))
		return false;
	return packet->info.vlan == 0 || insert_tag(port, packet);
}

bool edge_prepare(struct edge_port *port, struct im_packet **packet)
{
	bool asked = is_asked(port, *packet);

	if (asked && !edge_is_switched_on(port, *packet)) { /* before a copy: its sender is told */
		edge_refuse(port, packet, 1, IM_STATUS_FAILURE, SLUICE_DROP_OFFLOAD);
		return false;
	}
	if (asked && !fits(port, *packet)) {
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
