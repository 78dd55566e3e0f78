/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port: an ethdev with its queues, at one edge of one stack.
 *
 *   upper edge (host side)    a protocol over the top VNIC:   receive -> im_send_packets,  packets from below ->
 * transmit lower edge (wire side)    a miniport under the stack:     receive -> indicate,         packets from above ->
 * transmit
 *
 * Queue q of both ports of a stack is a lane. One worker serves a lane and owns all of it, the packets that wait
 * for transmission included: nothing here is locked.
 */
#ifndef EDGE_PORT_H
#define EDGE_PORT_H

#include "abi/policy.h"
#include "im/im.h"

#define EDGE_QUEUES_MAX	 16u
#define EDGE_BURST	 32u
#define EDGE_PENDING_MAX 256u /* packets that wait for a slow port, per queue (4.10) */

enum edge_kind {
	EDGE_NONE = 0,
	EDGE_UPPER = 1,
	EDGE_LOWER = 2,
};

/* One queue pair. Owner: the worker of its lane. */
struct edge_queue {
	uint64_t next_rx;    /* TSC before which nothing is received, where the port has a rate */
	uint64_t rx_packets; /* readers: control thread */
	uint64_t tx_packets;
	uint64_t rx_bytes;
	uint64_t tx_bytes;
	bool flushing;	  /* a completion may send again: the flush that runs takes that along */
	uint32_t pending; /* packets that wait, in order */
	struct im_packet *packets[EDGE_PENDING_MAX];
} __attribute__((aligned(64)));

struct edge_port {
	struct sluice_port config;
	uint16_t port_id; /* ethdev */
	uint8_t edge;	  /* enum edge_kind */
	bool started;
	uint8_t mac[6];
	uint32_t max_frame;	/* bytes without FCS */
	uint32_t packet_filter; /* OID_GEN_CURRENT_PACKET_FILTER; writer: control thread */
	uint32_t lookahead;
	uint32_t protocol_options;
	uint32_t multicast_count;
	uint8_t multicast[32][6];
	uint64_t cycles_per_packet; /* of each queue; 0: no rate */
	struct im_packet_pool *pool;
	struct im_instance *instance; /* lower edge */
	struct im_binding *binding;   /* upper edge */
	struct edge_queue *queues;
};

/** Create and configure the ethdev that @p config describes. Level: PASSIVE. 0, or -errno with words in @p error. */
IM_PASSIVE int edge_port_create(const struct sluice_port *config, struct im_packet_pool *pool, struct edge_port **port,
				char *error, size_t size);

/** Start the ethdev: from here on packets come in. Level: PASSIVE. */
IM_PASSIVE int edge_port_start(struct edge_port *port, char *error, size_t size);

/** Stop, close and free. Nothing waits any more: edge_port_abandon() came before. NULL is a no-op. Level: PASSIVE. */
IM_PASSIVE void edge_port_destroy(struct edge_port *port);

/** Find a created port by name, or NULL. Level: PASSIVE. */
IM_PASSIVE struct edge_port *edge_port_find(const char *name);

/** Account for the edge: its instance's or its binding's. */
uint16_t edge_port_account(const struct edge_port *port);

/** Receive one burst from the current lane's queue into the stack. Returns the packets. Level: DISPATCH. */
IM_DISPATCH uint16_t edge_port_poll(struct edge_port *port);

/** Put packets behind those that wait for transmission on the current lane's queue. Level: DISPATCH. */
IM_DISPATCH void edge_port_transmit(struct edge_port *port, struct im_packet **packets, uint16_t count);

/** Transmit copies, behind what waits, and leave the packets alone: for those that are lent for the call only. Level:
 * DISPATCH. */
IM_DISPATCH void edge_port_transmit_copies(struct edge_port *port, struct im_packet **packets, uint16_t count);

/** Transmit what waits, partial bursts too. Returns the packets that left. Level: DISPATCH. */
IM_DISPATCH uint16_t edge_port_flush(struct edge_port *port);

/** Give back, unsent, what still waits on queue @p queue. Level: PASSIVE, no worker runs. */
IM_PASSIVE void edge_port_abandon(struct edge_port *port, uint16_t queue);

/** Hand packets that are done with to where they came from: completed or returned. Level: DISPATCH. */
IM_DISPATCH void edge_port_finish(struct edge_port *port, struct im_packet **packets, uint16_t count);

/** OIDs of a port. Level: PASSIVE. */
IM_PASSIVE im_status_t edge_port_query(struct edge_port *port, uint32_t oid, void *buffer, uint32_t length,
				       uint32_t *written, uint32_t *needed);
IM_PASSIVE im_status_t edge_port_set(struct edge_port *port, uint32_t oid, const void *buffer, uint32_t length,
				     uint32_t *read, uint32_t *needed);

/** Names of the two edge drivers. */
#define EDGE_UPPER_DRIVER "host-edge"
#define EDGE_LOWER_DRIVER "wire-edge"

#endif
