/* SPDX-License-Identifier: BSD-3-Clause */
/* A relay from inside: between relay.c and its files. */
#ifndef IM_RELAY_INSIDE_H
#define IM_RELAY_INSIDE_H

#include "hold.h"
#include "im/assemble.h"
#include "im/drain.h"
#include "im/relay.h"

#define RELAY_DESCRIPTORS 512u /* of its own, each way (2.55) */
#define RELAY_BELOW_OIDS  192u /* that the adapter below may list */
#define RELAY_THREADS	  32u  /* that may call the core; a power of two */

/* Why packets are not sent, or not indicated; the first that holds names the status. */
#define RELAY_NO_SENDS                                                                                                 \
	(IM_RELAY_STOPPED | IM_RELAY_ASLEEP | IM_RELAY_BELOW_ASLEEP | IM_RELAY_BELOW_PAUSED | IM_RELAY_CLOSING)
#define RELAY_NO_RECEIVES (IM_RELAY_STOPPED | IM_RELAY_ASLEEP)

/* Of `back`: some packets that come back are descriptors of the relay's own. Once set, they stay. */
#define RELAY_OWN_SENDS	   1u
#define RELAY_OWN_RECEIVES 2u

enum relay_vnic {
	RELAY_VNIC_NONE,   /* not asked for; halted; its initialize failed */
	RELAY_VNIC_WANTED, /* asked for: initialize runs now, later or never (2.40) */
	RELAY_VNIC_ALIVE,
};

/* A request from above on its way below: the relay's own object (6.20). There is one at a time (6.14). */
struct relay_forward {
	struct im_request request;
	struct im_binding *below; /* that it was asked of */
	uint32_t *done, *needed;  /* of the original */
	void *buffer;
	uint32_t length;
	/* under the lock */
	uint32_t holders; /* the forwarding, and who is cancelling it: the last one completes the original (6.23) */
	bool parked;	  /* it waits for the adapter below to wake up (6.24) */
	bool cancelled;
	im_status_t status;
};

/* An event that pends until the sends below are home. */
struct relay_event {
	struct im_drain drain;
	struct im_pnp_event *event;
	struct relay *relay;
};

/* The link as the protocols above know it (7.16). Under the lock. */
struct relay_link {
	uint32_t told;	 /* MEDIA_CONNECT or MEDIA_DISCONNECT; 0: neither yet */
	uint32_t missed; /* the newest while the VNIC slept, or had not been restarted yet */
	bool speed_missed;
	bool open; /* it has been restarted: initialize is through (7.18) */
};

struct relay {
	struct im_relay face; /* first: the context of all handlers */
	struct hold *hold;
	struct im_pool *send_pool, *receive_pool;
	struct im_assembler assembler;
	struct im_lock lock;
	uint16_t account; /* atomic: where it counts what is lost here: its VNIC's, and before there is one its
			     binding's */

	/* life: relay_life.c */
	char vnic_name[SLUICE_NAME_SIZE];
	enum relay_vnic vnic; /* under the lock */
	bool deinitializing;  /* under the lock */
	uint32_t users;	      /* threads in an upward call that nothing else protects; atomic */
	struct im_open open;
	const struct im_bind_config *config; /* of the bind that is under way, or NULL */
	im_status_t bind_status;
	void *unbind_context;

	/* requests: relay_requests.c */
	struct relay_forward forward;
	struct im_request own[2]; /* the relay's own to the adapter below, when it goes */
	uint32_t own_value;
	struct im_event own_done;
	uint32_t below_oids[RELAY_BELOW_OIDS];

	/* events: relay_events.c */
	struct im_drain pause;
	struct relay_event power_event;
	struct relay_link link;
	bool status_told; /* a status went up: status_complete follows; atomic */

	uint64_t indicated[RELAY_THREADS]; /* by thread: what the VNIC had indicated at the last receive_complete */
};

static inline struct relay *relay_of(void *context)
{
	return context;
}

/** The gate's bits. Level: any. */
static inline uint32_t relay_gate(const struct relay *relay)
{
	return __atomic_load_n(&relay->face.gate, __ATOMIC_ACQUIRE);
}

/** Where what is lost here counts. Level: any. */
static inline uint16_t relay_account(const struct relay *relay)
{
	return __atomic_load_n(&relay->account, __ATOMIC_RELAXED);
}

void relay_close_gate(struct relay *relay, uint32_t bits);
void relay_open_gate(struct relay *relay, uint32_t bits);

/** The VNIC, for a call upward from a thread that nothing else keeps out of its halt; or NULL, and then no more is to
 * do. Level: any. */
struct im_instance *relay_use_vnic(struct relay *relay);
void relay_leave_vnic(struct relay *relay);

/** Ask for the VNIC, if it is neither there nor asked for. Level: PASSIVE. */
IM_PASSIVE im_status_t relay_start_vnic(struct relay *relay);

/** From now on some of what comes back is the relay's own. Level: DISPATCH. */
IM_DISPATCH void relay_mark_back(struct relay *relay, uint32_t mark);

/** Complete what is held on its way down, and return what is held on its way up (7.10, 10.25). Level: DISPATCH. */
IM_DISPATCH void relay_abort_sends(struct relay *relay, im_status_t status);
IM_DISPATCH void relay_abort_receives(struct relay *relay);

/* ---- Requests: relay_oids.c says who answers, relay_requests.c forwards --------------------------- */

enum relay_answer {
	RELAY_NONE,    /* not supported, and never forwarded */
	RELAY_OWN,     /* answered by the relay itself */
	RELAY_FORWARD, /* asked of the adapter below */
	RELAY_CHANGED, /* the same, and changed on its way back */
	RELAY_OFFLOAD, /* asked of it, where the driver leaves frames as they are (6.44) */
};

/** Who answers @p oid; RELAY_OFFLOAD is resolved. Level: any. */
enum relay_answer relay_who_answers(const struct relay *relay, uint32_t oid, bool set);

/** The relay's own answers. Level: PASSIVE. */
IM_PASSIVE im_status_t relay_query_own(const struct relay *relay, uint32_t oid, void *buffer, uint32_t length,
				       uint32_t *written, uint32_t *needed);
IM_PASSIVE im_status_t relay_set_own(struct relay *relay, const void *buffer, uint32_t length, uint32_t *read,
				     uint32_t *needed);

/** What comes of the request above, of which the one below ended with @p status. Level: any. */
im_status_t relay_translate(struct relay *relay, im_status_t status);

/** Fail the request that is parked [6.24]. Level: any. */
void relay_fail_parked(struct relay *relay);

/** Send it, now that the adapter below is awake. Level: PASSIVE. */
IM_PASSIVE void relay_send_parked(struct relay *relay);

/** Whether a request is at the adapter below. Level: any. */
bool relay_has_request_below(struct relay *relay);

/** Multicast list and packet filter of the adapter below: none (1.38). Level: PASSIVE. */
IM_PASSIVE void relay_clear_below(struct relay *relay);

/* The handlers, by file. */
IM_PASSIVE im_status_t relay_initialize(struct im_instance *instance, void *device_context);
IM_PASSIVE void relay_halt(void *context);
IM_PASSIVE im_status_t relay_unbind_adapter(void *context, void *unbind_context);
IM_PASSIVE void relay_open_adapter_complete(void *context, im_status_t status);
IM_PASSIVE void relay_close_adapter_complete(void *context);

IM_DISPATCH void relay_send_packets(void *context, struct im_packet **packets, uint16_t count);
IM_DISPATCH void relay_send_complete(void *context, struct im_packet **packets, uint16_t count);
IM_DISPATCH void relay_cancel_send_packets(void *context, uint32_t cancel_id);
IM_DISPATCH void relay_receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references);
IM_DISPATCH void relay_return_packets(void *context, struct im_packet **packets, uint16_t count);
IM_DISPATCH void relay_release(void *owner, enum hold_kind kind, struct im_packet **packets, uint16_t count);

void relay_assembler_init(struct relay *relay);
IM_DISPATCH im_status_t relay_receive(void *context, const struct im_lookahead *lookahead);
IM_DISPATCH void relay_receive_complete(void *context);
IM_DISPATCH void relay_transfer_data_complete(void *context, struct im_packet *packet, im_status_t status,
					      uint32_t transferred);

IM_PASSIVE im_status_t relay_query_information(void *context, uint32_t oid, void *buffer, uint32_t length,
					       uint32_t *written, uint32_t *needed);
IM_PASSIVE im_status_t relay_set_information(void *context, uint32_t oid, const void *buffer, uint32_t length,
					     uint32_t *read, uint32_t *needed);
IM_DISPATCH void relay_cancel_request(void *context);
IM_DISPATCH void relay_request_complete(void *context, struct im_request *request, im_status_t status);

IM_PASSIVE im_status_t relay_pause(void *context);
IM_PASSIVE im_status_t relay_restart(void *context);
IM_DISPATCH void relay_adapter_shutdown(void *context);
IM_DISPATCH void relay_status(void *context, uint32_t indication, const void *buffer, uint32_t length);
IM_DISPATCH void relay_status_complete(void *context);
IM_PASSIVE im_status_t relay_pnp_event(void *context, struct im_pnp_event *event);

/** The VNIC's own power state is set: PNP_SET_POWER (6.28). Level: PASSIVE. */
IM_PASSIVE void relay_set_vnic_power(struct relay *relay, enum im_power_state power);

#endif
