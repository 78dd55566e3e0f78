/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet path: its files to each other. The rest of the core includes core.h alone.
 *
 *   send.c       down                      serial.c     miniports that refuse for now
 *   complete.c   and back up               loopback.c   frames to the own address
 *   receive.c    up, lent                  borrow.c     up, for the call only
 *   return.c     and back down             lookahead.c  up, by the beginning of a frame
 *                                          bypass.c     past a driver in quarantine
 */
#ifndef IM_PATH_H
#define IM_PATH_H

#include <rte_cycles.h>

#include "im/inside.h"

/* Marks in `receiver` of a packet's slot, clear unless that is so. */
#define IM_SLOT_RELAYED	 0x8000u /* the core handed it on, in place of a quarantined driver */
#define IM_SLOT_TRANSFER 0x4000u /* transfer_data fills it */
#define IM_SLOT_MARKS	 0xc000u

/* What stops indications. A reset stops sends alone (7.4). */
#define IM_GATES_OF_RECEIVES                                                                                           \
	(IM_GATE_STOPPED | IM_GATE_LOW_POWER | IM_GATE_CLOSING | IM_GATE_QUARANTINE | IM_GATE_NO_FILTER)

/* Why a packet is left out of what a driver hands over. */
enum im_refusal {
	IM_REFUSED_NOT,
	IM_REFUSED_OUT,	 /* it is still out, and comes back once, from there */
	IM_REFUSED_SLOT, /* there is no slot for the way back: it goes straight back */
};

static inline uint32_t im_gate_of(const uint32_t *gate)
{
	return __atomic_load_n(gate, __ATOMIC_ACQUIRE);
}

static inline struct im_binding *im_below(const struct im_instance *instance)
{
	return __atomic_load_n(&instance->below, __ATOMIC_ACQUIRE);
}

/** The slot on top, and the one that was on top before the last was taken off. */
static inline struct im_packet_slot *im_top_slot(struct im_packet *packet)
{
	return &packet->stack[packet->depth - 1];
}

static inline struct im_packet_slot *im_popped_slot(struct im_packet *packet)
{
	return &packet->stack[packet->depth];
}

/** Around a call of the packet path that has no careful twin: a control thread becomes a reader for its length. */
static inline uint8_t im_begin_call(const char *call)
{
	if (likely(im_this_worker->careful == 0))
		return 0;
	im_unlocked_call(call);
	return im_raise(im_this_worker);
}

static inline void im_end_call(uint8_t before)
{
	if (unlikely(im_this_worker->careful != 0))
		im_lower(im_this_worker, before);
}

/* ---- Charging and counting -------------------------------------------------------------------------- */

/**
 * Charge what has passed to whoever ran, and go on with @p counter. Returns the counter that was charged. Reading the
 * clock at each border costs a tenth of what passthru can do, so only one turn in IM_TIMED_TURNS is timed. Level:
 * DISPATCH.
 */
static inline uint64_t *im_charge(struct im_worker *worker, uint64_t *counter)
{
	uint64_t *charged = worker->running;
	uint64_t now;

	if (likely(!worker->timed))
		return charged;
	now = rte_rdtsc();
	im_add(charged, now - worker->mark);
	worker->mark = now;
	worker->running = counter;
	return charged;
}

/** Count packets that are handed to a driver. Level: DISPATCH. */
static inline void im_count_handled(const struct im_worker *worker, struct im_account *copy,
				    enum sluice_direction direction, uint64_t packets, uint64_t bytes)
{
	im_add(&copy->handled[direction].packets, packets);
	im_add(&copy->handled[direction].bytes, bytes);
	if (unlikely(worker->timed))
		im_add(&copy->timed_packets, packets);
}

/* ---- packet.c ------------------------------------------------------------------------------------ */

/* Where the next bytes go of a packet that is being filled. Begins with its first buffer. */
struct im_filling {
	struct im_packet *packet;
	struct rte_mbuf *mbuf;
	uint32_t offset;
	uint32_t length; /* so far */
};

/** Returns the bytes that there was room for. */
IM_DISPATCH uint32_t im_fill_more(struct im_filling *filling, const void *from, uint32_t length);
IM_DISPATCH void im_fill_end(struct im_filling *filling);

/* ---- send.c -------------------------------------------------------------------------------------- */

/** What sends get while these bits of a gate are set [4.32]; SUCCESS: they may go. */
im_status_t im_status_of_gates(uint32_t gates);

/** What sends on @p binding get, other than that the driver over it is in quarantine. */
im_status_t im_status_of_sends(const struct im_binding *binding);

/** Send on @p binding whatever its gate says. */
IM_DISPATCH void im_send_past_gate(struct im_binding *binding, struct im_packet **packets, uint16_t count);

/** Hand packets that are counted and know their way back to the miniport, or to what stands in for it. */
IM_DISPATCH void im_deliver(struct im_instance *lower, struct im_packet **packets, uint16_t count);

/* ---- complete.c ---------------------------------------------------------------------------------- */

/** Complete sends without waking the queue of a serialised miniport. */
IM_DISPATCH void im_complete_sends(struct im_instance *instance, struct im_packet **packets, uint16_t count);
IM_DISPATCH void im_complete_with(struct im_instance *instance, struct im_packet **packets, uint16_t count,
				  im_status_t status);

/** The driver's handler. */
static inline void im_call_send_complete(struct im_binding *binding, struct im_packet **packets, uint16_t count)
{
	struct im_frame frame;

	im_enter(&frame, IM_HANDLER_send_complete, binding->protocol->wrapper, binding);
	binding->protocol->handlers.send_complete(binding->context, packets, count);
	im_leave(&frame);
}

/* ---- receive.c, return.c, borrow.c --------------------------------------------------------------- */

/*
 * While the receivers of a packet are being called, its count is held up by this much, so that a return from
 * inside receive_packets cannot bring it to zero before all have said how often they will return it (5.14). More than
 * all receivers together can promise.
 */
#define IM_HOLD (1 << 20)

_Static_assert((IM_RECEIVERS_MAX) * (UINT16_MAX) < IM_HOLD, "the hold is above every promise");

/* A plain miniport is where its packets begin; whoever relays a packet has it back before it lends it again (5.8). */
static inline bool im_is_out(const struct im_instance *instance, bool layered, struct im_packet *packet)
{
	if (packet->depth == 0)
		return false;
	return !layered || im_top_slot(packet)->owner == instance;
}

/* Put the way home into each packet's next slot, as far as that is legal. Returns how many got it. */
static inline uint16_t im_lend(struct im_instance *instance, struct im_packet **packets, uint16_t count,
			       uint16_t receiver, struct im_packet_slot **slots, uint64_t *bytes,
			       enum im_refusal *refusal)
{
	const struct im_packet_slot held = {.references = IM_HOLD, .receiver = receiver};
	bool layered = instance->miniport->layered;
	uint64_t sum = 0;
	uint16_t i;

	for (i = 0; i < count; i++) {
		struct im_packet *packet = packets[i];

		if (unlikely(im_is_out(instance, layered, packet))) {
			*refusal = IM_REFUSED_OUT;
			break;
		}
		if (unlikely(packet->depth >= packet->slots)) {
			*refusal = IM_REFUSED_SLOT;
			break;
		}
		slots[i] = &packet->stack[packet->depth++];
		slots[i]->owner = instance;
		slots[i]->loan = held.loan;
		sum += packet->length;
	}
	*bytes = sum;
	return i;
}

#define IM_SLOTS_SHARED 0x8000u /* in `slots` of a slot: its buffers were shared before, by a driver below */

/** Several receivers have the packet. None of them may push a slot of its own: another would push the same one (2.54).
 */
static inline void im_share(struct im_packet *packet, struct im_packet_slot *slot)
{
	slot->slots = (uint16_t)(packet->slots | (packet->flags & IM_PACKET_SHARED ? IM_SLOTS_SHARED : 0));
	packet->slots = packet->depth;
	packet->flags |= IM_PACKET_SHARED;
}

static inline bool im_is_shared(const struct im_packet_slot *slot)
{
	return slot->slots != 0;
}

static inline void im_unshare(struct im_packet *packet, const struct im_packet_slot *slot)
{
	packet->slots = (uint16_t)(slot->slots & ~IM_SLOTS_SHARED);
	if ((slot->slots & IM_SLOTS_SHARED) == 0)
		packet->flags &= (uint16_t)~IM_PACKET_SHARED;
}

/** Who may be given what @p instance receives now. Returns how many. */
IM_DISPATCH uint32_t im_receivers_of(const struct im_instance *instance, struct im_binding **receivers);

/** Count packets of @p instance that nobody is given, and why. */
IM_DISPATCH void im_count_declined(const struct im_instance *instance, uint16_t count);

/** Packets are at home again: tell the miniport that lent them. At most a burst. */
IM_DISPATCH void im_bring_home(struct im_instance *owner, struct im_packet **packets, uint16_t count);

/** Lend upward what came to @p binding, in place of the quarantined driver between it and @p above. */
IM_DISPATCH void im_indicate_relayed(struct im_binding *binding, struct im_instance *above, struct im_packet **packets,
				     uint16_t count);

/** Indicate packets for the call only. A quarantine of the instance is in nobody's way. */
IM_DISPATCH void im_indicate_borrowed(struct im_instance *instance, struct im_packet **packets, uint16_t count);

/** The same with one that has no slot left, or is somebody else's, by a descriptor that is gone after the call. */
IM_DISPATCH void im_indicate_copy(struct im_instance *instance, const struct im_packet *packet);

/** The driver's handler. */
static inline void im_call_return_packets(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	struct im_frame frame;

	im_enter(&frame, IM_HANDLER_return_packets, instance->miniport->wrapper, instance);
	instance->miniport->handlers.return_packets(instance->context, packets, count);
	im_leave(&frame);
}

/* ---- lookahead.c --------------------------------------------------------------------------------- */

/** Show @p binding the beginnings of packets of @p instance that it cannot keep, then say that this was all. */
IM_DISPATCH void im_show_packets(struct im_binding *binding, struct im_instance *instance, struct im_packet **packets,
				 uint16_t count);

/* ---- serial.c ------------------------------------------------------------------------------------ */

/** A serialised miniport completes packets, at most a burst. Returns how many of them it has not completed before, by
 * the answer of its send handler. */
IM_DISPATCH uint16_t im_serial_completing(struct im_instance *instance, struct im_packet **packets, uint16_t count,
					  struct im_packet **completed);

/* ---- loopback.c ---------------------------------------------------------------------------------- */

/** Loop back the frames that are addressed to @p instance itself, deliver the others. */
IM_DISPATCH void im_loop_back(struct im_instance *instance, struct im_packet **packets, uint16_t count);

/* ---- bypass.c ------------------------------------------------------------------------------------ */

/** What the core does in place of a quarantined driver's handler of that name. */
IM_DISPATCH void im_bypass_send(struct im_instance *instance, struct im_packet **packets, uint16_t count);
IM_DISPATCH void im_bypass_complete(struct im_binding *binding, struct im_packet **packets, uint16_t count);
IM_DISPATCH void im_bypass_receive(struct im_binding *binding, struct im_packet **packets, uint16_t count,
				   uint16_t *references);
IM_DISPATCH void im_bypass_return(struct im_instance *instance, struct im_packet **packets, uint16_t count);

/** Whether @p instance is below @p binding, or is what the core relays to from there. */
IM_DISPATCH bool im_is_below(const struct im_instance *instance, const struct im_binding *binding);

#endif
