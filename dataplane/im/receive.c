/* SPDX-License-Identifier: BSD-3-Clause */
/* Receives: packets lent upward, and their way home (contract section 5). */
#include <string.h>

#include "core.h"

/*
 * While the receivers of a packet are being called, its count is held up by this much, so that a return from
 * inside receive_packets cannot bring it to zero before all have said how often they will return it (5.14).
 */
#define DISPATCH_HOLD (1 << 20)

/* Packets whose last return has been made go home, a batch at a time. */
IM_DISPATCH static void go_home(struct im_instance *owner, struct im_packet **packets, uint16_t count)
{
	struct im_worker *worker = im_this_worker;
	struct im_account *copy = &worker->accounts[owner->id];
	uint64_t *caller;

	if (count == 0)
		return;
	caller = im_charge(worker, &copy->cycles);
	owner->miniport->handlers.return_packets(owner->context, packets, count);
	im_charge(worker, caller);
	im_add(&copy->returned, count); /* not before the return is through (5.29) */
}

/* A plain miniport is where its packets begin; whoever relays a packet has it back before it lends it again (5.8). */
IM_DISPATCH static bool is_out(const struct im_instance *instance, const struct im_packet *packet)
{
	if (packet->depth == 0)
		return false;
	return !instance->miniport->layered || packet->stack[packet->depth - 1].owner == instance;
}

IM_DISPATCH static uint64_t lend(struct im_instance *instance, struct im_packet **packets, uint16_t count,
				 struct im_packet_slot **slots)
{
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < count; i++) {
		struct im_packet *packet = packets[i];

		if (unlikely(is_out(instance, packet)))
			im_violation("5.8", im_wrapper_of(instance)->object->name,
				     "indicated a packet that is still out");
		if (unlikely(packet->depth >= packet->slots))
			im_violation("2.54", im_wrapper_of(instance)->object->name, "no packet-stack slot is left");
		slots[i] = &packet->stack[packet->depth++];
		slots[i]->owner = instance;
		__atomic_store_n(&slots[i]->references, DISPATCH_HOLD, __ATOMIC_RELAXED);
		bytes += packet->length;
	}
	return bytes;
}

/* Add what the receiver promised, take the hold away; what is at zero then goes home. */
IM_DISPATCH static uint16_t settle(const struct im_binding *upper, struct im_packet **packets, uint16_t count,
				   struct im_packet_slot *const *slots, const uint16_t *references,
				   struct im_packet **home)
{
	uint16_t ready = 0;

	for (uint16_t i = 0; i < count; i++) {
		int32_t change = (int32_t)references[i] - DISPATCH_HOLD;
		int32_t left = __atomic_add_fetch(&slots[i]->references, change, __ATOMIC_ACQ_REL);

		if (unlikely(left < 0))
			im_violation("5.16", upper->protocol->wrapper->object->name, "returned a packet too often");
		if (left != 0)
			continue;
		packets[i]->depth--;
		home[ready++] = packets[i];
	}
	return ready;
}

/* How many at the front may be kept: RESOURCES applies to its packet and to all that follow (5.2). */
static uint16_t count_lent(struct im_packet **packets, uint16_t count)
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

IM_DISPATCH static void indicate(struct im_instance *instance, struct im_binding *upper, struct im_packet **packets,
				 uint16_t count, bool lent)
{
	struct im_worker *worker = im_this_worker;
	struct im_account *copy = &worker->accounts[upper->id];
	struct im_packet_slot *slots[IM_BURST];
	struct im_packet *home[IM_BURST];
	uint16_t references[IM_BURST] = {0};
	uint16_t ready;
	uint64_t *caller;

	im_count_handled(worker, copy, SLUICE_IN, count, lend(instance, packets, count, slots));
	im_add(&worker->accounts[instance->id].indicated, count);
	if (lent)
		im_add(&worker->accounts[instance->id].lent, count);
	caller = im_charge(worker, &copy->cycles);
	upper->protocol->handlers.receive_packets(upper->context, packets, count, references);
	im_charge(worker, caller);
	ready = settle(upper, packets, count, slots, references, home);
	if (lent)
		go_home(instance, home, ready);
	else if (unlikely(ready != count))
		im_violation("5.15", upper->protocol->wrapper->object->name, "kept a packet with status RESOURCES");
}

void im_indicate_receive_packets(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	struct im_binding *upper = __atomic_load_n(&instance->upper, __ATOMIC_ACQUIRE);
	uint16_t lent = count_lent(packets, count);

	if (unlikely(count > IM_BURST))
		im_violation("5.1", im_wrapper_of(instance)->object->name,
			     "indicated more than IM_BURST packets at once");
	if (unlikely(lent > 0 && instance->miniport->handlers.return_packets == NULL))
		im_violation("2.30", im_wrapper_of(instance)->object->name,
			     "lent packets without a return_packets handler");
	if (unlikely(upper == NULL || __atomic_load_n(&instance->state, __ATOMIC_ACQUIRE) != SLUICE_INSTANCE_RUNNING)) {
		im_count_drop(instance->id, SLUICE_IN, SLUICE_DROP_NOT_RUNNING, count);
		im_add(&im_this_worker->accounts[instance->id].lent, lent);
		go_home(instance, packets, lent); /* at once, unprocessed (5.10, 5.32) */
		return;
	}
	if (likely(lent > 0))
		indicate(instance, upper, packets, lent, true);
	if (unlikely(lent < count)) {
		mark_for_call_only(packets + lent, (uint16_t)(count - lent));
		indicate(instance, upper, packets + lent, (uint16_t)(count - lent), false);
	}
}

void im_return_packets(struct im_binding *binding, struct im_packet **packets, uint16_t count)
{
	struct im_instance *owner = binding->lower;
	struct im_packet *home[IM_BURST];
	uint16_t ready = 0;

	for (uint16_t i = 0; i < count; i++) {
		struct im_packet *packet = packets[i];
		struct im_packet_slot *slot;
		int32_t left;

		if (unlikely(packet->depth == 0 || packet->stack[packet->depth - 1].owner != owner))
			im_violation("5.16", binding->protocol->wrapper->object->name,
				     "returned a packet that it was not lent");
		slot = &packet->stack[packet->depth - 1];
		left = __atomic_sub_fetch(&slot->references, 1, __ATOMIC_ACQ_REL);
		if (unlikely(left < 0))
			im_violation("5.16", binding->protocol->wrapper->object->name, "returned a packet too often");
		if (left != 0)
			continue;
		packet->depth--;
		home[ready++] = packet;
		if (ready == IM_BURST) {
			go_home(owner, home, ready);
			ready = 0;
		}
	}
	go_home(owner, home, ready);
}
