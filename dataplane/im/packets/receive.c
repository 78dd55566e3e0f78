/* SPDX-License-Identifier: BSD-3-Clause */
/* Receives: packets lent upward (contract section 5). */
#include "path.h"

/* ---- Lending ------------------------------------------------------------------------------------- */

IM_DISPATCH static inline void call_receive(struct im_binding *receiver, struct im_instance *instance,
					    struct im_packet **packets, uint16_t count, uint16_t *references)
{
	struct im_frame frame;

	if (unlikely(im_gate_of(&receiver->gate) & IM_GATE_QUARANTINE)) {
		im_bypass_receive(receiver, packets, count, references);
		return;
	}
	if (unlikely(receiver->protocol->handlers.receive_packets == NULL)) {
		im_show_packets(receiver, instance, packets, count);
		return;
	}
	im_enter(&frame, IM_HANDLER_receive_packets, receiver->protocol->wrapper, receiver);
	receiver->protocol->handlers.receive_packets(receiver->context, packets, count, references);
	im_leave(&frame);
}

/* Kept packets come through return_packets (5.5): said while the hold is still on, so before that can happen. */
IM_DISPATCH static void mark_pending(struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = IM_STATUS_PENDING;
}

/* Add what the receiver promised, take the hold away; what is at zero then goes home. */
IM_DISPATCH static inline uint16_t settle(const struct im_binding *upper, struct im_packet **packets, uint16_t count,
					  struct im_packet_slot *const *slots, const uint16_t *references,
					  struct im_packet **home)
{
	struct im_account *copy = &im_this_worker->accounts[upper->id];
	uint16_t ready = 0;
	uint32_t promised = 0;

	for (uint16_t i = 0; i < count; i++) {
		int32_t change = (int32_t)references[i] - IM_HOLD;
		int32_t left = __atomic_add_fetch(&slots[i]->references, change, __ATOMIC_ACQ_REL);

		promised += references[i];
		if (left > 0)
			continue;
		if (unlikely(left < 0)) {
			im_violation("5.16", im_driver_over(upper), "returned a packet too often");
			promised += (uint32_t)-left; /* as it has counted them as returns */
		}
		packets[i]->depth--;
		home[ready++] = packets[i];
	}
	im_add(&copy->lent, promised);
	return ready;
}

/* At most a burst, to the one receiver that there is. Returns how many went. */
IM_DISPATCH static inline uint16_t lend_to_one(struct im_instance *instance, struct im_binding *upper,
					       struct im_packet **packets, uint16_t count, uint16_t marks,
					       enum im_refusal *refusal)
{
	struct im_worker *worker = im_this_worker;
	struct im_account *copy = &worker->accounts[upper->id];
	struct im_packet_slot *slots[IM_BURST];
	struct im_packet *home[IM_BURST];
	uint16_t references[IM_BURST] = {0};
	uint64_t *caller;
	uint64_t bytes;

	count = im_lend(instance, packets, RTE_MIN(count, (uint16_t)IM_BURST), upper->id | marks, slots, &bytes,
			refusal);
	if (unlikely(count == 0))
		return 0;
	im_count_handled(worker, copy, SLUICE_IN, count, bytes);
	im_add(&worker->accounts[instance->id].indicated, count);
	im_add(&worker->accounts[instance->id].lent, count);
	caller = im_charge(worker, &copy->cycles);
	call_receive(upper, instance, packets, count, references);
	im_charge(worker, caller);
	if (unlikely(!instance->deserialized))
		mark_pending(packets, count);
	im_bring_home(instance, home, settle(upper, packets, count, slots, references, home));
	return count;
}

/* ---- Several receivers --------------------------------------------------------------------------- */

/* What one receiver promised, on top of the others (5.13). Below the hold, it has returned more than that. */
IM_DISPATCH static void promise(const struct im_binding *receiver, struct im_packet **packets,
				struct im_packet_slot *const *slots, uint16_t count, const uint16_t *references)
{
	uint32_t promised = 0;

	for (uint16_t i = 0; i < count; i++) {
		int32_t left = __atomic_add_fetch(&slots[i]->references, references[i], __ATOMIC_ACQ_REL);

		promised += references[i];
		if (likely(left >= IM_HOLD))
			continue;
		im_violation("5.16", im_driver_over(receiver), "returned a packet too often");
		promised += (uint32_t)(IM_HOLD - left); /* as it has counted them as returns */
		__atomic_add_fetch(&slots[i]->references, IM_HOLD - left, __ATOMIC_ACQ_REL);
	}
	im_add(&im_this_worker->accounts[receiver->id].lent, promised);
	if (unlikely(im_is_watched(im_this_worker)))
		im_verify_promised(receiver, packets, references, count);
}

IM_DISPATCH static void give_to(struct im_binding *receiver, struct im_instance *instance, struct im_packet **packets,
				uint16_t count, struct im_packet_slot *const *slots, uint64_t bytes)
{
	struct im_worker *worker = im_this_worker;
	struct im_account *copy = &worker->accounts[receiver->id];
	uint16_t references[IM_BURST] = {0};
	uint64_t *caller;

	im_count_handled(worker, copy, SLUICE_IN, count, bytes);
	caller = im_charge(worker, &copy->cycles);
	call_receive(receiver, instance, packets, count, references);
	im_charge(worker, caller);
	promise(receiver, packets, slots, count, references);
}

IM_DISPATCH static uint16_t take_hold_away(struct im_packet **packets, uint16_t count,
					   struct im_packet_slot *const *slots, struct im_packet **home)
{
	uint16_t ready = 0;

	for (uint16_t i = 0; i < count; i++) {
		if (__atomic_sub_fetch(&slots[i]->references, IM_HOLD, __ATOMIC_ACQ_REL) > 0)
			continue;
		im_unshare(packets[i], slots[i]);
		packets[i]->depth--;
		home[ready++] = packets[i];
	}
	return ready;
}

/* At most a burst, to each receiver in turn (5.11). Returns how many went. */
IM_DISPATCH static uint16_t lend_to_several(struct im_instance *instance, struct im_binding *const *receivers,
					    uint32_t receiver_count, struct im_packet **packets, uint16_t count,
					    uint16_t marks, enum im_refusal *refusal)
{
	struct im_account *own = &im_this_worker->accounts[instance->id];
	struct im_packet_slot *slots[IM_BURST];
	struct im_packet *home[IM_BURST];
	uint64_t bytes;

	count = im_lend(instance, packets, RTE_MIN(count, (uint16_t)IM_BURST), marks, slots, &bytes, refusal);
	for (uint16_t i = 0; i < count; i++)
		im_share(packets[i], slots[i]);
	im_add(&own->indicated, count);
	im_add(&own->lent, count);
	for (uint32_t r = 0; r < receiver_count && count > 0; r++)
		give_to(receivers[r], instance, packets, count, slots, bytes);
	if (!instance->deserialized)
		mark_pending(packets, count);
	im_bring_home(instance, home, take_hold_away(packets, count, slots, home));
	return count;
}

/* ---- Nobody -------------------------------------------------------------------------------------- */

IM_DISPATCH static bool may_receive(const struct im_binding *binding)
{
	uint32_t gates = im_gate_of(&binding->gate) & IM_GATES_OF_RECEIVES;

	return gates == 0 ||
	       (gates == IM_GATE_QUARANTINE && __atomic_load_n(&binding->above, __ATOMIC_ACQUIRE) != NULL);
}

uint32_t im_receivers_of(const struct im_instance *instance, struct im_binding **receivers)
{
	struct im_binding *upper = __atomic_load_n(&instance->upper, __ATOMIC_ACQUIRE);
	const struct im_fan *fan = __atomic_load_n(&instance->fan, __ATOMIC_ACQUIRE);
	uint32_t count = 0;

	if (upper != NULL) {
		receivers[0] = upper;
		return may_receive(upper);
	}
	for (uint32_t i = 0; fan != NULL && i < fan->count; i++)
		if (may_receive(fan->bindings[i]))
			receivers[count++] = fan->bindings[i];
	return count;
}

void im_count_declined(const struct im_instance *instance, uint16_t count)
{
	uint32_t gates = im_gate_of(&instance->gate) & IM_GATES_OF_RECEIVES;
	const struct im_binding *upper = __atomic_load_n(&instance->upper, __ATOMIC_ACQUIRE);
	enum sluice_drop reason = SLUICE_DROP_NOT_RUNNING;

	if (upper != NULL)
		gates |= im_gate_of(&upper->gate) & IM_GATE_QUARANTINE;
	if ((gates & ~(uint32_t)IM_GATE_QUARANTINE) == IM_GATE_NO_FILTER)
		reason = SLUICE_DROP_PACKET_FILTER;
	else if (gates == IM_GATE_QUARANTINE)
		reason = SLUICE_DROP_QUARANTINE;
	im_count_drop(instance->id, SLUICE_IN, reason, count);
}

/* At once, unprocessed (5.9, 5.10, 5.32). */
IM_DISPATCH static void decline(struct im_instance *instance, struct im_packet **packets, uint16_t count,
				struct im_binding *below)
{
	im_count_declined(instance, count);
	if (below != NULL) {
		im_plain_return(below, packets, count);
		return;
	}
	im_add(&im_this_worker->accounts[instance->id].lent, count);
	for (uint32_t done = 0; done < count; done += IM_BURST)
		im_bring_home(instance, packets + done, (uint16_t)RTE_MIN(count - done, IM_BURST));
}

/* ---- Indicating ---------------------------------------------------------------------------------- */

/* What came of a packet that could not be lent; the others go on without it. */
IM_DISPATCH static void leave_out(struct im_instance *instance, struct im_packet *packet, enum im_refusal refusal)
{
	if (refusal == IM_REFUSED_OUT) {
		im_violation("5.8", im_driver_of(instance), "indicated a packet that is still out");
		return;
	}
	im_violation("2.54", im_driver_of(instance), "no packet-stack slot is left");
	im_count_drop(instance->id, SLUICE_IN, SLUICE_DROP_NO_DESCRIPTOR, 1);
	im_add(&im_this_worker->accounts[instance->id].lent, 1);
	im_bring_home(instance, &packet, 1);
}

/* The receivers may change from one burst to the next. @p below: the core relays from there, in place of a driver. */
IM_DISPATCH static void lend_slowly(struct im_instance *instance, struct im_packet **packets, uint16_t count,
				    struct im_binding *below)
{
	uint16_t marks = below != NULL ? IM_SLOT_RELAYED : 0;
	struct im_binding *receivers[IM_RECEIVERS_MAX];

	while (count > 0) {
		uint32_t receiver_count = im_receivers_of(instance, receivers);
		enum im_refusal refusal = IM_REFUSED_NOT;
		uint16_t taken;

		if (receiver_count == 0) {
			decline(instance, packets, count, below);
			return;
		}
		if (receiver_count == 1)
			taken = lend_to_one(instance, receivers[0], packets, count, marks, &refusal);
		else
			taken = lend_to_several(instance, receivers, receiver_count, packets, count, marks, &refusal);
		if (refusal != IM_REFUSED_NOT)
			leave_out(instance, packets[taken++], refusal);
		packets += taken;
		count -= taken;
	}
}

IM_DISPATCH static inline void lend(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	struct im_binding *upper = __atomic_load_n(&instance->upper, __ATOMIC_ACQUIRE);
	enum im_refusal refusal = IM_REFUSED_NOT;
	uint16_t taken;

	if (unlikely(upper == NULL || im_gate_of(&upper->gate) != 0)) {
		lend_slowly(instance, packets, count, NULL);
		return;
	}
	taken = lend_to_one(instance, upper, packets, count, 0, &refusal);
	if (likely(taken == count))
		return;
	if (refusal != IM_REFUSED_NOT)
		leave_out(instance, packets[taken++], refusal);
	lend_slowly(instance, packets + taken, count - taken, NULL);
}

/* How many at the front may be kept: RESOURCES applies to its packet and to all that follow (5.2). */
IM_DISPATCH static inline uint16_t count_lent(struct im_packet **packets, uint16_t count)
{
	uint16_t lent = 0;

	while (lent < count && packets[lent]->status == IM_STATUS_SUCCESS)
		lent++;
	return lent;
}

/* Say so in each of them: a receiver may part the burst and pass on a packet that stood behind the first (5.2). */
IM_DISPATCH static void mark_for_call_only(struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = IM_STATUS_RESOURCES;
}

/* A gate is closed, or not all packets are lent. */
IM_DISPATCH static void indicate_slowly(struct im_instance *instance, struct im_packet **packets, uint16_t count,
					uint16_t lent)
{
	bool closed = im_gate_of(&instance->gate) & IM_GATES_OF_RECEIVES;

	if (lent > 0 && instance->miniport->handlers.return_packets == NULL) {
		im_violation("2.30", im_driver_of(instance), "lent packets without a return_packets handler");
		lent = 0;
	}
	if (lent > 0 && closed)
		decline(instance, packets, lent, NULL);
	else if (lent > 0)
		lend(instance, packets, lent);
	if (lent == count)
		return;
	if (closed) {
		im_count_declined(instance, (uint16_t)(count - lent));
		return;
	}
	mark_for_call_only(packets + lent, (uint16_t)(count - lent));
	im_indicate_borrowed(instance, packets + lent, (uint16_t)(count - lent));
}

IM_DISPATCH static __rte_always_inline void indicate_plain(struct im_instance *instance, struct im_packet **packets,
							   uint16_t count)
{
	uint16_t lent = count_lent(packets, count);

	if (likely((im_gate_of(&instance->gate) & IM_GATES_OF_RECEIVES) == 0 && lent == count &&
		   instance->miniport->handlers.return_packets != NULL))
		lend(instance, packets, count);
	else
		indicate_slowly(instance, packets, count, lent);
}

void im_plain_indicate(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	indicate_plain(instance, packets, count);
}

void im_indicate_receive_packets(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	if (unlikely(count == 0))
		return;
	if (unlikely(im_this_worker->careful))
		im_careful_indicate(instance, packets, count, __builtin_return_address(0));
	else
		indicate_plain(instance, packets, count);
}

void im_indicate_relayed(struct im_binding *binding, struct im_instance *above, struct im_packet **packets,
			 uint16_t count)
{
	if (im_gate_of(&above->gate) & IM_GATES_OF_RECEIVES & ~(uint32_t)IM_GATE_QUARANTINE)
		decline(above, packets, count, binding);
	else
		lend_slowly(above, packets, count, binding);
}
