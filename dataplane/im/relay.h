/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A relay: the intermediate driver that presents one VNIC over one adapter and passes everything on. Drivers of
 * that shape (firewall, meter, mirror ...) start from it and put their own handlers where they differ.
 *
 *      static struct im_relay_driver driver = {.description = "what it is"};
 *      static im_status_t bind_adapter(const struct im_bind_config *config)
 *      { return im_relay_bind(&driver, config); }
 *
 * A handler that differs does its work and ends in the relay's:
 *
 *      send_packets      judge ... what passes: im_relay_send(); what does not: im_send_complete()
 *      receive_packets   im_relay_takes() ... what passes: im_relay_indicate(); what does not: references stay 0
 *      return_packets    ... im_relay_return(): some of what comes back is the relay's own
 *      any other         ... im_relay_miniport.<handler>() or im_relay_protocol.<handler>()
 *
 * What the relay sees to, so that such a driver need not: adapters that sleep, pause or are reset below it, packets
 * without a slot left in their stack, frames that come by look-ahead (they reach receive_packets as packets), requests
 * forwarded, parked and cancelled, status and power events, and the order of going.
 */
#ifndef IM_RELAY_H
#define IM_RELAY_H

#include "im.h"

struct im_relay;

/** A driver's registrations, and what it says of itself: one static variable in its file. */
struct im_relay_driver {
	struct im_wrapper *wrapper;
	struct im_miniport *miniport;
	struct im_protocol *protocol;
	const char *description; /* answers OID_GEN_VENDOR_DESCRIPTION */
	uint32_t version;	 /* of the driver, major in the high 16 bits; 0: 1.0 */
	uint32_t own_size;	 /* bytes that each relay carries for the driver: relay->own */
	const uint32_t *oids;	 /* that the driver answers, beyond the relay's or in their place [6.46] ... */
	uint32_t oid_count;	 /* ... at most 64 */
	bool edits_frames; /* so that an offload below would see other frames than above: none is forwarded [6.44] */

	/** Optional: the last step of initialize; relay->instance is there. On an error, such as RESOURCES, take all
	 * back: `stop` is not called then [2.51]. Level: PASSIVE. */
	im_status_t (*start)(struct im_relay *relay);

	/** Optional: the first step of halt [1.18]. Level: PASSIVE. */
	void (*stop)(struct im_relay *relay);

	/** Optional: @p own went down in the place of @p original and is back; edits of its buffers are undone here,
	 * what it has then is the original's [4.17]. Level: DISPATCH. */
	void (*sent)(struct im_relay *relay, struct im_packet *own, struct im_packet *original);

	/** Optional: @p own went up in the place of @p original and is back. Returns what the adapter below gets back
	 * now [5.19], or NULL: nothing yet [5.20]; buffers that @p own then still has are freed. Level: DISPATCH. */
	struct im_packet *(*returned)(struct im_relay *relay, struct im_packet *own, struct im_packet *original);

	/** Optional: change what the adapter below answered to a query that was forwarded, in place, before it goes up
	 * [6.20, 6.35]. Level: DISPATCH. */
	void (*answered)(struct im_relay *relay, uint32_t oid, void *value, uint32_t length);

	/** The relay's: the driver's handler, where frames go too that came by look-ahead [3.11, 3.12]. Level:
	 * DISPATCH. */
	void (*receive_packets)(void *context, struct im_packet **packets, uint16_t count, uint16_t *references);
};

/* Why packets take the longer way, or none: bits of im_relay.gate. */
enum im_relay_gate {
	IM_RELAY_STOPPED = 1,	   /* the VNIC is paused, or is not there yet, or not any more */
	IM_RELAY_ASLEEP = 2,	   /* the VNIC is not in D0 */
	IM_RELAY_BELOW_ASLEEP = 4, /* the adapter below is not */
	IM_RELAY_BELOW_PAUSED = 8, /* it takes no more sends */
	IM_RELAY_CLOSING = 16,	   /* the binding is going */
	IM_RELAY_HOLDING = 32,	   /* the adapter below is being reset, or what was held meanwhile is on its way */
};

/** The context of its VNIC and of its binding, from the first to the last handler. */
struct im_relay {
	uint32_t gate;		  /* the relay's: enum im_relay_gate; 0: packets take the short way */
	uint32_t back;		  /* the relay's: the same for packets on their way back */
	struct im_binding *below; /* to the adapter; where there are several, the driver moves it: im_relay_move() */
	struct im_instance *instance; /* the VNIC above: good while packets come, and between `start` and `stop` */
	struct im_relay_driver *driver;
	void *own; /* own_size bytes, zero at the beginning of the binding */
};

/* ---- Registration and life ----------------------------------------------------------------------- */

/**
 * Register miniport, unload handler, protocol, association, in this order; on a failure everything is undone in the
 * reverse order [1.2, 1.8, 1.12]. Handlers that are NULL in the characteristics, which are copied, are the relay's.
 * RESOURCES, INVALID_PARAMETER, BAD_CHARACTERISTICS. Level: PASSIVE.
 */
IM_PASSIVE im_status_t im_relay_register(struct im_relay_driver *driver, struct im_driver_object *object,
					 const struct im_miniport_characteristics *miniport,
					 const struct im_protocol_characteristics *protocol, void (*unload)(void));

/** Deregister protocol, then miniport; what was deferred is done [1.19, 1.23]. Level: PASSIVE. */
IM_PASSIVE void im_relay_unload(struct im_relay_driver *driver);

/** bind_adapter: open, then bring the one VNIC to life; on a failure close again [1.33, 1.36]. INVALID_PARAMETER: not
 * one VNIC, or too long a name; RESOURCES; what the open, or initialize, returned; PENDING. Level: PASSIVE. */
IM_PASSIVE im_status_t im_relay_bind(struct im_relay_driver *driver, const struct im_bind_config *config);

/** The relay's own handlers, for those of a driver that do something and then the usual. */
extern const struct im_miniport_characteristics im_relay_miniport;
extern const struct im_protocol_characteristics im_relay_protocol;

/* ---- Drivers of other shapes --------------------------------------------------------------------- */

/*
 * A driver with several VNICs over one adapter, or with one over several, opens and closes its bindings itself, with a
 * context of its own, and makes a relay for each VNIC. The handlers of the miniport edge get the relay, those of the
 * protocol edge the driver's context; it calls im_relay_protocol.<handler>() of each relay that they concern.
 */

/** Make a relay over @p below, with pools of its own [2.55], ready before the VNIC @p vnic is asked for [2.39]. The
 * caller's until im_relay_destroy(). RESOURCES; INVALID_PARAMETER: too long a name. Level: PASSIVE. */
IM_PASSIVE im_status_t im_relay_create(struct im_relay_driver *driver, struct im_binding *below, const char *vnic,
				       struct im_relay **relay);

/** Ask for its VNIC, unless it is there or asked for already [7.27]. NOT_ACCEPTED: the name is in use [2.38];
 * RESOURCES; what initialize returned. Level: PASSIVE. */
IM_PASSIVE im_status_t im_relay_start(struct im_relay *relay);

/** Take its VNIC back, for good: it is halted, and nothing of it is held any more, when this returns [1.38]. Level:
 * PASSIVE. */
IM_PASSIVE void im_relay_stop(struct im_relay *relay);

/** Free what im_relay_create() made: it is stopped, and the adapters below are closed [1.40]. NULL is a no-op. Level:
 * PASSIVE. */
IM_PASSIVE void im_relay_destroy(struct im_relay *relay);

/** From now on what goes down goes to @p below, which of several is the driver's business [10.2, 10.20]; who is on the
 * way there gets through: the core's grace period, which follows when @p below's predecessor pauses, waits for it.
 * Level: any.
 */
static inline void im_relay_move(struct im_relay *relay, struct im_binding *below)
{
	__atomic_store_n(&relay->below, below, __ATOMIC_RELEASE);
}

/** Where what goes down goes now [10.2]: a binding of the driver's, good until the burst ends [9.27]. Level: any. */
static inline struct im_binding *im_relay_below(const struct im_relay *relay)
{
	return __atomic_load_n(&relay->below, __ATOMIC_RELAXED);
}

/** The adapter below goes to sleep: no more sends or requests, and what is held ends [7.23]. The event is the driver's
 * to answer. Level: PASSIVE. */
IM_PASSIVE void im_relay_sleep_below(struct im_relay *relay);

/** Whether a request that was forwarded is at the adapter below, whose going to sleep waits for it [7.23]. Level: any.
 */
bool im_relay_has_request(struct im_relay *relay);

/** For request_complete [3.8]: completes the request from above that was forwarded [6.20, 6.21]. False where @p request
 * is not one of this relay's. Level: DISPATCH. */
IM_DISPATCH bool im_relay_request_complete(struct im_relay *relay, struct im_request *request, im_status_t status);

/** The VNIC, for a call upward from an event; NULL: it is not there. Its halt waits for im_relay_leave_vnic(), so that
 * no status comes after it [7.18]. Level: any. */
struct im_instance *im_relay_use_vnic(struct im_relay *relay);
void im_relay_leave_vnic(struct im_relay *relay);

/**
 * A descriptor of the relay's own over the buffers of @p packet, to be sent, or indicated, in its place [2.54-2.56];
 * NULL: there is none, which the caller counts [4.10, 5.22]. Its second word is the relay. It goes on by
 * im_relay_send() or im_relay_indicate(), and comes back through them; one that was not indicated is given back by
 * im_relay_return(). Level: DISPATCH.
 */
IM_DISPATCH struct im_packet *im_relay_stand_in_send(struct im_relay *relay, struct im_packet *packet);
IM_DISPATCH struct im_packet *im_relay_stand_in_receive(struct im_relay *relay, struct im_packet *packet);

/* ---- Packets ------------------------------------------------------------------------------------- */

/** Pass sends on, in order; those that cannot go are completed with the reason [4.10, 4.32]. Level: DISPATCH. */
IM_DISPATCH void im_relay_send(struct im_relay *relay, struct im_packet **packets, uint16_t count);

/** Count packets that the VNIC does not take now [5.10, 5.32]. Always false. Level: DISPATCH. */
IM_DISPATCH bool im_relay_decline(const struct im_relay *relay, uint16_t count);

/** The first thing in a driver's receive_packets: whether there is a VNIC that takes packets now. If not they are
 * counted, and stay behind with references of 0 [5.10]. Level: DISPATCH. */
static inline bool im_relay_takes(const struct im_relay *relay, uint16_t count)
{
	if (likely((__atomic_load_n(&relay->gate, __ATOMIC_ACQUIRE) & (IM_RELAY_STOPPED | IM_RELAY_ASLEEP)) == 0))
		return true;
	return im_relay_decline(relay, count);
}

/** Pass received packets on, in order. Sets references[i] of each: 1 if it will come back through return_packets, or 0
 * if it stays behind: there was no room for it, which is counted [5.22]. Level: DISPATCH. */
IM_DISPATCH void im_relay_indicate(struct im_relay *relay, struct im_packet **packets, uint16_t count,
				   uint16_t *references);

/** Give back packets that came through receive_packets and were kept, or that have come back from above: the lower one
 * for each of the relay's own [5.16, 5.19]. Level: DISPATCH. */
IM_DISPATCH void im_relay_return(struct im_relay *relay, struct im_packet **packets, uint16_t count);

#endif
