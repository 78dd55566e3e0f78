/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port: an ethdev with its queues, at one edge of one stack.
 *
 *   upper edge (host side)    a protocol over the top VNIC:   receive -> im_send_packets,  packets from below ->
 * transmit lower edge (wire side)    a miniport under the stack:     receive -> indicate,         packets from above ->
 * transmit
 *
 * Queue q of both ports of a stack is a lane. One worker serves a lane and owns all of it, the packets that wait for
 * transmission included. Who is not the owner and has packets for it, a control thread or another lane's worker, leaves
 * them in the queue's inbox; what the control side wants done with a queue it leaves as a chore.
 *
 * While the edge is paused, asleep, or not bound at all, its port is not polled: frames wait in the device.
 */
#ifndef EDGE_PORT_H
#define EDGE_PORT_H

#include "abi/policy.h"
#include "im/assemble.h"
#include "im/drain.h"
#include "im/im.h"
#include "im/packet_pool.h"

#define EDGE_QUEUES_MAX	   16u
#define EDGE_BURST	   32u
#define EDGE_PENDING_MAX   256u /* packets that wait for a slow port, per queue (4.10) */
#define EDGE_INBOX_MAX	   64u
#define EDGE_COLLECT_TURNS 64u /* with nothing to send, between two calls to a device that collects */
#define EDGE_STUCK_SECONDS 5u  /* that a port takes nothing, until what waits is given up (4.35) */

enum edge_kind {
	EDGE_NONE = 0,
	EDGE_UPPER = 1,
	EDGE_LOWER = 2,
};

/* Why a port is not polled: bits of edge_port.stopped. */
enum edge_stop {
	EDGE_STOP_PAUSED = 1, /* or not bound */
	EDGE_STOP_ASLEEP = 2, /* the port itself */
	EDGE_STOP_RESET = 4,  /* the adapter below is being reset */
	EDGE_STOP_BELOW_ASLEEP = 8,
	EDGE_STOP_HELD = 16, /* edge_port_hold() */
	EDGE_STOP_AWAY = 32, /* its device looks for its peer: not transmitted by either */
};

/* What others want a queue's owner to do at its next flush: bits of edge_queue.chores. */
enum edge_chore {
	EDGE_CHORE_INBOX = 1,  /* packets are in the inbox */
	EDGE_CHORE_CLEAR = 2,  /* let all packets go home; the frames stay */
	EDGE_CHORE_CANCEL = 4, /* those with cancel_id */
	EDGE_CHORE_FRAMES = 8, /* frames whose packets have gone home leave first */
};

/* Packets from who does not own the queue. */
struct edge_inbox {
	struct im_lock lock;
	uint32_t count;
	struct im_packet *packets[EDGE_INBOX_MAX];
};

/* One queue pair. Owner: the worker of its lane, and the first control thread while no worker serves it. */
struct edge_queue {
	uint64_t next_rx;    /* TSC before which nothing is received, where the port has a rate */
	uint64_t rx_packets; /* readers: control thread */
	uint64_t tx_packets;
	uint64_t rx_bytes;
	uint64_t tx_bytes;
	uint32_t owner;	      /* index of the thread; written while it is not served */
	uint32_t chores;      /* atomic: enum edge_chore */
	uint32_t idle_turns;  /* of a port that collects, since it was last called */
	bool flushing;	      /* a completion may send again: the flush that runs takes that along */
	bool held;	      /* not received from: what came before waits for the wire */
	bool given_up;	      /* what waited, as the port is stuck, and it has taken nothing since */
	uint32_t pending;     /* packets that wait, in order ... */
	uint32_t frames;      /* ... behind those frames, whose packets are home */
	uint32_t cancel_id;   /* of the chore; the newest alone: a cancel may come too late anyway (4.26) */
	uint64_t stuck_since; /* TSC; 0: it is not */
	uint64_t holds;	      /* times that it was held; readers: control thread ... */
	uint64_t held_cycles; /* ... TSC cycles of all of them, up to ... */
	uint64_t held_since;  /* ... the last look */
	struct im_packet *packets[EDGE_PENDING_MAX];
	struct rte_mbuf *mbufs[EDGE_PENDING_MAX]; /* the frames */
	struct edge_inbox inbox;
} __attribute__((aligned(64)));

/* A wait of the control side for what the edge has out. */
struct edge_wait {
	struct im_drain drain;
	struct edge_port *port;
	struct im_pnp_event *event;
};

struct edge_port {
	struct sluice_port config;
	uint16_t port_id; /* ethdev */
	uint16_t account; /* of the instance or binding that it had last */
	uint8_t edge;	  /* enum edge_kind */
	bool copies;	  /* some that wait are copies of its own; once set, it stays */
	bool reconnects;  /* its device looks for a peer that has gone when it is started, and only then */
	bool collects;	  /* its device wants to be called with nothing to send: so it takes back what was returned */
	bool started;
	uint32_t stopped; /* atomic: enum edge_stop; 0: it is polled */
	uint8_t mac[6];
	uint32_t max_frame;	/* bytes without FCS */
	uint32_t packet_filter; /* OID_GEN_CURRENT_PACKET_FILTER; writer: control thread */
	uint32_t lookahead;
	uint32_t protocol_options;
	uint32_t offloads;	/* switched on: enum sluice_offload; atomic, writer: control thread. They outlive ... */
	uint32_t encapsulation; /* ... (of frames: enum sluice_encapsulation) reset, sleep and drivers above (10.37) */
	uint32_t multicast_count;
	uint8_t multicast[32][6];
	uint64_t look_at; /* TSC: for its peer, not before. Writers of these three: peer.c, one thread at a time */
	uint32_t pause_seconds;	    /* until the next look, where one was in vain */
	bool seeking;		    /* atomic: a thread of its own is at the device */
	uint32_t may_be_asked;	    /* upper edge: what its host may ask of a frame, enum sluice_offload */
	uint64_t tx_offloads;	    /* of the ethdev, that are on: RTE_ETH_TX_OFFLOAD_* */
	uint64_t cycles_per_packet; /* of each queue; 0: no rate */
	struct im_packet_pool *pool;
	struct im_instance *instance; /* lower edge */
	struct im_binding *binding;   /* upper edge */
	struct im_drain pause;	      /* lower edge */
	struct edge_queue *queues;

	/* upper edge, control side */
	struct im_open open;
	const struct im_bind_config *bind; /* that is under way */
	im_status_t bind_status;
	void *unbind_context;
	struct im_request request;
	im_status_t request_status;
	struct im_event requested;
	struct edge_wait power;
	struct im_assembler assembler;
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

/** Do not poll the port, although its edge runs; frames wait in the device. No worker polls it any more when this
 * returns. Held around a change of its stack, nothing is lost but what the device cannot keep. Level: PASSIVE. */
IM_PASSIVE void edge_port_hold(struct edge_port *port);
IM_PASSIVE void edge_port_release(struct edge_port *port);

/** Let a device whose link is down look for its peer again, where it does not by itself: at once, after one that was in
 * vain later, and not while it may be shaking hands. Returns at once; one thread calls it. Level: PASSIVE. */
IM_PASSIVE void edge_port_reconnect(struct edge_port *port);

/** The device has been started, and found its peer if it needs one. Level: PASSIVE. */
void edge_port_met_peer(struct edge_port *port);

/** Wait until nobody looks for the peer any more, 2 s at most. False: somebody still does, and the device and @p port
 * must stay. Level: PASSIVE. */
IM_PASSIVE bool edge_port_stop_seeking(struct edge_port *port);

/** Worker @p worker (its im_worker's index) will serve queue @p queue: called before it runs. Level: PASSIVE. */
IM_PASSIVE void edge_port_serve(struct edge_port *port, uint16_t queue, uint32_t worker);

/** Whether anything waits on the queue for transmission. Level: DISPATCH, its owner. */
IM_DISPATCH bool edge_port_waits(const struct edge_port *port, uint16_t queue);

/** What edge_port_is_held_back() does where anything waits, or did. Level: DISPATCH. */
IM_DISPATCH bool edge_hold_back(struct edge_port *upper, struct edge_port *lower);

/** Whether the frames of @p upper stay in the port for now, because what was sent before them waits for @p lower: on
 * the current lane's queue. Level: DISPATCH, its owner. */
static inline bool edge_port_is_held_back(struct edge_port *upper, struct edge_port *lower, uint16_t queue)
{
	const struct edge_queue *wire = &lower->queues[queue];

	if (likely((wire->pending | wire->frames | upper->queues[queue].held) == 0))
		return false;
	return edge_hold_back(upper, lower);
}

/** Receive one burst from the current lane's queue into the stack. Returns the packets. Level: DISPATCH. */
IM_DISPATCH uint16_t edge_port_poll(struct edge_port *port);

/** Put packets behind those that wait for transmission on the current lane's queue. Level: DISPATCH. */
IM_DISPATCH void edge_port_transmit(struct edge_port *port, struct im_packet **packets, uint16_t count);

/** The same with copies, and leave the packets alone: for those that are lent for the call only. Level: DISPATCH. */
IM_DISPATCH void edge_port_transmit_copies(struct edge_port *port, struct im_packet **packets, uint16_t count);

/** Transmit what waits, partial bursts too. Returns the frames that left. Level: DISPATCH, its owner. */
IM_DISPATCH uint16_t edge_port_flush(struct edge_port *port);

/** Have what waits on all queues go home; its frames still leave, in their place. Level: PASSIVE. */
IM_PASSIVE void edge_port_clear(struct edge_port *port);

/** Abort, some time soon, what waits with @p cancel_id [4.24]. Level: DISPATCH. */
IM_DISPATCH void edge_port_cancel(struct edge_port *port, uint32_t cancel_id);

/** Give back, unsent, what still waits on queue @p queue. Level: PASSIVE, no worker runs. */
IM_PASSIVE void edge_port_abandon(struct edge_port *port, uint16_t queue);

/** Hand packets that are done with to where they came from: completed or returned. Level: DISPATCH. */
IM_DISPATCH void edge_port_finish(struct edge_port *port, struct im_packet **packets, uint16_t count);

/** OIDs of a port. Level: PASSIVE. */
IM_PASSIVE im_status_t edge_port_query(struct edge_port *port, uint32_t oid, void *buffer, uint32_t length,
				       uint32_t *written, uint32_t *needed);
IM_PASSIVE im_status_t edge_port_set(struct edge_port *port, uint32_t oid, const void *buffer, uint32_t length,
				     uint32_t *read, uint32_t *needed);

/** What any port can do to a frame for its sender: enum sluice_offload. */
#define EDGE_OFFLOADS                                                                                                  \
	(SLUICE_OFFLOAD_IPV4_CHECKSUM | SLUICE_OFFLOAD_TCP_CHECKSUM | SLUICE_OFFLOAD_UDP_CHECKSUM |                    \
	 SLUICE_OFFLOAD_LARGE_SEND)

/** Switch some of it on (10.32, 10.34). INVALID_DATA, or INVALID_PARAMETER for frames of a kind that it does not know.
 * Level: PASSIVE. */
IM_PASSIVE im_status_t edge_set_offloads(struct edge_port *port, uint32_t offloads);
IM_PASSIVE im_status_t edge_set_encapsulation(struct edge_port *port, uint32_t frames);

/** Names of the two edge drivers. */
#define EDGE_UPPER_DRIVER "host-edge"
#define EDGE_LOWER_DRIVER "wire-edge"

#endif
