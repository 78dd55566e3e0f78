/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the virtual miniport share.
 *
 * A *life* is one attachment to the card: the regions, and a *lane* for each queue pair in them. A queue outlives its
 * lanes: sends wait in it, threads sleep on it. A life is freed when the miniport has left it and its last packet is
 * back; the miniport is freed after its last life.
 *
 * Who may touch what:
 *   control   mutex: all that is said to be PASSIVE, the mailbox
 *   polling   flag of a queue: who has it may call protocols for this queue, and moves receive_head
 *   sends     lock of a queue: its lists of sends, the lane's send side
 *   returns   lock of a lane: the return ring
 * They are taken in this order. No lock is held while a handler runs, but for control, and the flag.
 */
#ifndef SLUICE_MINIPORT_INSIDE_H
#define SLUICE_MINIPORT_INSIDE_H

#include <pthread.h>

#include "miniport.h"

struct sluice_miniport;
struct life;

struct protocol_list {
	struct sluice_protocol *at[SLUICE_PROTOCOLS_MAX];
	unsigned count;
};

struct sluice_protocol {
	struct sluice_miniport *miniport;
	struct sluice_protocol_handlers handlers;
	void *context;
	uint32_t sends_out; /* atomic */
};

/* What the library itself holds of a packet while it hands it out: more than all protocols together. */
#define DISPATCH_REFERENCE 0x10000u

/* A received packet, with what the way back needs. */
struct packet {
	struct sluice_packet public; /* first: the two are cast to each other */
	struct lane *lane;
	uint32_t references; /* 0: not out. Atomic */
	uint32_t buffers;
	uint64_t lent; /* bit i: buffer i is to be returned */
	uint16_t ids[SLUICE_DATA_CHAIN_MAX];
};
_Static_assert(SLUICE_DATA_CHAIN_MAX <= 64, "a bit for each buffer");

struct lane {
	struct life *life;
	struct queue_counters *counters; /* of a queue, or NULL once the miniport has left. Under returns */
	uint16_t entries;
	const struct sluice_card_line *card;
	struct sluice_host_line *host;
	const uint8_t *card_base;
	const struct sluice_desc *receive_ring;
	uint64_t receive_at; /* where the receive buffers of this queue begin */
	struct sluice_desc *send_ring;
	uint8_t *send_buffers;
	uint64_t send_at; /* where they are in HOST_DATA */
	struct sluice_desc *return_ring;
	uint32_t receive_head; /* polling */
	uint32_t send_head;    /* sends: as last seen */
	uint32_t send_tail;    /* sends */
	uint32_t return_tail;  /* returns */
	uint32_t broken;       /* atomic: nothing is read or written any more */
	pthread_mutex_t returns;
	struct packet *packets; /* by the number of its first buffer */
	uint8_t *lent;		/* by number: the host has it. Atomic */
};

struct life {
	struct sluice_data *data;
	uint32_t *count;     /* of the miniport: lives that are not freed. Atomic */
	uint32_t references; /* the miniport's, and one for each packet that is out. Atomic */
	uint16_t queues;
	struct lane lanes[];
};

struct send_list {
	struct sluice_send *first;
	struct sluice_send *last;
};

struct queue_counters {
#define X(member, text) uint64_t member; /* atomic */
	SLUICE_COUNTER_TABLE(X)
#undef X
};

struct queue {
	uint32_t polling; /* atomic flag */
	pthread_mutex_t sends;
	struct send_list pending; /* no room yet */
	struct send_list sent;	  /* published */
	struct send_list done;	  /* their status is set: the next poll completes them */
	struct lane *lane;	  /* NULL: not attached. Changed with control, polling and sends */
	bool broken_told;	  /* polling */
	uint32_t wanted;	  /* polling: events that were asked for while there was no lane */
	uint32_t sends_out;	  /* atomic */
	int signal;		  /* what the owner sleeps on */
	int idle;		  /* eventfd that stands in for the card's signal */
	struct queue_counters counters;
};

/* Sets that are made again. X(OID) */
#define REMEMBERED_TABLE(X)                                                                                            \
	X(GEN_CURRENT_PACKET_FILTER)                                                                                   \
	X(802_3_MULTICAST_LIST)                                                                                        \
	X(GEN_CURRENT_LOOKAHEAD)                                                                                       \
	X(GEN_PROTOCOL_OPTIONS)                                                                                        \
	X(TCP_TASK_OFFLOAD)                                                                                            \
	X(GEN_VLAN_ID)

enum remembered {
#define X(name) REMEMBERED_##name,
	REMEMBERED_TABLE(X)
#undef X
		REMEMBERED_COUNT
};

struct setting {
	bool is_set;
	uint32_t length;
	uint8_t value[SLUICE_OID_VALUE_MAX];
};

struct heartbeat {
	uint64_t seen;
	uint64_t since_ms; /* when it moved last */
};

struct sluice_miniport {
	char port[SLUICE_NAME_SIZE];
	char *runtime_dir;
	struct sluice_port_wish wish;
	uint32_t timeout_ms;
	pthread_mutex_t control;
	struct sluice_client *client; /* NULL: not attached */
	struct life *life;	      /* likewise */
	uint32_t lives;		      /* that one, and those whose packets are not all back. Atomic */
	struct sluice_miniport_traits traits;
	bool mailbox_lost;
	uint32_t state;	     /* enum sluice_instance_state. Atomic */
	uint32_t link_up;    /* atomic */
	uint32_t mtu;	     /* as in traits. Atomic */
	bool large_receives; /* granted. Changed while no queue has a lane */
	bool watched;	     /* the heartbeats have been seen once */
	struct heartbeat control_heartbeat;
	struct heartbeat worker_heartbeat;
	struct protocol_list protocols; /* changed with control and every polling flag */
	struct setting settings[REMEMBERED_COUNT];
	unsigned queue_count;
	struct queue queues[SLUICE_DATA_QUEUES_MAX];
};

#define TAG_BYTES 4u /* of VLAN: beyond the MTU */

/* In bytes, of one that is neither cut nor joined. */
static inline uint32_t longest_frame(const struct sluice_miniport *miniport, uint32_t tags)
{
	uint32_t mtu = __atomic_load_n(&miniport->mtu, __ATOMIC_RELAXED);

	return mtu < SLUICE_DATA_FRAME_MAX ? mtu + SLUICE_FRAME_MIN + tags * TAG_BYTES : SLUICE_DATA_FRAME_MAX;
}

static inline void count(uint64_t *counter, uint64_t by)
{
	__atomic_fetch_add(counter, by, __ATOMIC_RELAXED);
}

/* handler.c: calling protocols */
bool inside_handler(void);
void call_receive(struct sluice_protocol *protocol, struct sluice_packet **packets, unsigned count, bool *keep);
void call_send_complete(struct sluice_protocol *protocol, struct sluice_send **sends, unsigned count);
void indicate(struct sluice_miniport *miniport, uint32_t indication, unsigned queue);

/* life.c */
/* takes data; NULL: no memory, and data is freed. *count is one more until it is freed */
struct life *life_create(struct sluice_data *data, uint32_t *count);
void life_leave(struct life *life, uint32_t references);

/* queue.c */
int queues_create(struct sluice_miniport *miniport, unsigned count);
void queues_destroy(struct sluice_miniport *miniport);
bool queue_try(struct queue *queue);
void queue_take(struct queue *queue);
void queue_release(struct queue *queue);
void queues_take_all(struct sluice_miniport *miniport);
void queues_release_all(struct sluice_miniport *miniport);
void queue_enter_lane(struct queue *queue, struct lane *lane, int *signal);
void queue_leave_lane(struct queue *queue);

/* send.c */
void send_append(struct send_list *list, struct sluice_send *send);
void send_publish(struct queue *queue);
unsigned send_complete(struct queue *queue);
void send_abort(struct queue *queue, struct sluice_protocol *only, im_status_t status, bool published_too);
struct lane *send_leave_lane(struct queue *queue); /* with polling: what is out is done with; the lane that it had */
void send_finish(struct queue *queue);
void send_finish_all(struct queue *queue);

/* receive.c */
unsigned receive(struct sluice_miniport *miniport, struct queue *queue, unsigned budget);

/* return.c */
void packets_drop(struct packet **packets, unsigned count);
void packets_end_dispatch(struct packet **packets, unsigned count);

/* lane.c */
void lane_break(struct lane *lane, struct queue *queue);
bool lane_is_broken(const struct lane *lane);

/* request.c */
im_status_t request_query(struct sluice_miniport *miniport, uint32_t oid, void *buffer, uint32_t length,
			  uint32_t *written, uint32_t *needed);
void request_restore(struct sluice_miniport *miniport);

/* control.c: with control */
int attach(struct sluice_miniport *miniport, struct sluice_fault *fault);
void leave(struct sluice_miniport *miniport);

/* check.c: with control */
void set_link(struct sluice_miniport *miniport, bool up);
bool look_at_link(struct sluice_miniport *miniport);

#endif
