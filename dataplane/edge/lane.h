/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue's files to each other: lane.c is the way of packets, chores.c what others want done, prepare.c the frame. */
#ifndef EDGE_LANE_H
#define EDGE_LANE_H

#include <rte_ethdev.h>

#include "port.h"

/** The calling thread's queue of @p port; that of another one's lane where it serves none here. */
IM_DISPATCH struct edge_queue *edge_own_queue(struct edge_port *port);

/** Whether the calling thread owns @p queue. */
static inline bool edge_owns(const struct edge_queue *queue)
{
	return __atomic_load_n(&queue->owner, __ATOMIC_RELAXED) == im_this_worker->index;
}

/** Which way packets leave by @p port. */
static inline enum sluice_direction edge_transmit_direction(const struct edge_port *port)
{
	return port->edge == EDGE_LOWER ? SLUICE_OUT : SLUICE_IN;
}

/** Have the device transmit; returns how many it has taken: none while it looks for its peer. */
static inline uint16_t edge_offer(const struct edge_port *port, uint16_t q, struct rte_mbuf **mbufs, uint16_t count)
{
	if (unlikely(__atomic_load_n(&port->stopped, __ATOMIC_ACQUIRE) & EDGE_STOP_AWAY))
		return 0;
	return rte_eth_tx_burst(port->port_id, q, mbufs, count);
}

/** Put packets behind those that wait. The owner's. Level: DISPATCH. */
IM_DISPATCH void edge_queue_append(struct edge_port *port, struct edge_queue *queue, struct im_packet **packets,
				   uint16_t count);

/** The same with one that is a single frame. Level: DISPATCH. */
IM_DISPATCH void edge_append_frame(struct edge_port *port, struct edge_queue *queue, struct im_packet *packet);

/** Count packets that do not leave, and hand them back with @p status. Level: DISPATCH. */
IM_DISPATCH void edge_refuse(struct edge_port *port, struct im_packet **packets, uint16_t count, im_status_t status,
			     enum sluice_drop reason);

/** The same with packets that have waited: what was put into their frames is taken out. Level: DISPATCH. */
IM_DISPATCH void edge_refuse_waiting(struct edge_port *port, struct im_packet **packets, uint16_t count,
				     im_status_t status, enum sluice_drop reason);

/** Ask the owners to let all that waits go home. Level: any. */
void edge_want_clear(struct edge_port *port);

/** From now on some that wait are the port's own, which no neighbour gets back. Level: DISPATCH. */
IM_DISPATCH void edge_has_copies(struct edge_port *port);

/** Leave packets to who owns @p queue. Level: DISPATCH. */
IM_DISPATCH void edge_queue_leave(struct edge_port *port, struct edge_queue *queue, struct im_packet **packets,
				  uint16_t count);

/** Do what others want done. Returns the frames that left; *open: whether packets may follow them. Level: DISPATCH. */
IM_DISPATCH uint16_t edge_do_chores(struct edge_port *port, struct edge_queue *queue, uint16_t q, bool *open);

/** The port took nothing, although something waits: for too long? Then it is given up. Level: DISPATCH. */
IM_DISPATCH void edge_queue_stuck(struct edge_port *port, struct edge_queue *queue);

/** Whether @p packet asks for more than to be sent as it is. */
static inline bool edge_is_special(const struct im_packet *packet)
{
	return ((packet->flags & IM_PACKET_SHARED) | packet->info.vlan | packet->info.checksum | packet->info.mss) != 0;
}

/**
 * Make the frame of *packet what it is to be on the wire (10.9, 10.32). Where the buffers are not the port's to change,
 * a copy takes its place and *packet has gone home. False: it could not be; it has been handed back, with the reason.
 * Level: DISPATCH.
 */
IM_DISPATCH bool edge_prepare(struct edge_port *port, struct im_packet **packet);

/** What @p packet asks for: bits of TCP_TASK_OFFLOAD. Level: DISPATCH. */
IM_DISPATCH uint16_t edge_wanted_offloads(const struct im_packet *packet);

/** Whether all of that is switched on. Level: DISPATCH. */
IM_DISPATCH bool edge_is_switched_on(const struct edge_port *port, const struct im_packet *packet);

/** Do that. False: it cannot be done to this frame. Level: DISPATCH. */
IM_DISPATCH bool edge_offload(const struct edge_port *port, const struct im_packet *packet);

/** Whether the device makes frames of a large send; edge_segment() does otherwise. Level: DISPATCH. */
IM_DISPATCH bool edge_device_cuts(const struct edge_port *port, const struct im_packet *packet);

/** Longest of the frames that a large send becomes; how many goes into its info. 0: it is none. Level: DISPATCH. */
IM_DISPATCH uint32_t edge_segment_length(struct im_packet *packet);

/** Whether its length is not that of a frame (10.35). */
static inline bool edge_is_large_send(const struct edge_port *port, const struct im_packet *packet)
{
	return port->edge == EDGE_LOWER && packet->info.mss != 0;
}

/** Take out of a frame that did not leave what edge_prepare() put in (4.17). Level: DISPATCH. */
IM_DISPATCH void edge_unprepare(const struct edge_port *port, struct im_packet *packet);

/** Take what a host asks of its frames from the flags of their mbufs to beside them (10.32). Level: DISPATCH. */
IM_DISPATCH void edge_note_asked(struct im_packet **packets, uint16_t count);

/** Put the frames that a large send becomes behind those that wait; the packet goes home. Level: DISPATCH. */
IM_DISPATCH void edge_segment(struct edge_port *port, struct edge_queue *queue, struct im_packet *packet);

/** A packet of the port's own over a copy of the frame, or NULL: there are no buffers. Level: DISPATCH. */
IM_DISPATCH struct im_packet *edge_copy(struct edge_port *port, const struct im_packet *packet);

#endif
