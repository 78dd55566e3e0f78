/* SPDX-License-Identifier: BSD-3-Clause */
/* Receives that the miniport needs back when its call returns: nobody keeps them (contract 5.6, 5.7, 5.15). */
#include <string.h>

#include "path.h"

#define COPY_SLOTS 16u /* of a descriptor that lives for one call */

/* For a protocol that has no receive handler. At most a burst. Returns how many went. */
IM_DISPATCH static uint16_t lend_for_the_call(struct im_instance *instance, struct im_binding *receiver,
					      struct im_packet **packets, uint16_t count, enum im_refusal *refusal)
{
	struct im_packet_slot *slots[IM_BURST];
	uint16_t references[IM_BURST] = {0};
	struct im_frame frame;
	uint64_t bytes;

	count = im_lend(instance, packets, count, receiver->id, slots, &bytes, refusal);
	if (count == 0)
		return 0;
	im_enter(&frame, IM_HANDLER_receive_packets, receiver->protocol->wrapper, receiver);
	receiver->protocol->handlers.receive_packets(receiver->context, packets, count, references);
	im_leave(&frame);
	for (uint16_t i = 0; i < count; i++) {
		if (references[i] != 0 || __atomic_load_n(&slots[i]->references, __ATOMIC_ACQUIRE) != IM_HOLD)
			im_violation("5.15", im_driver_over(receiver), "kept a packet with status RESOURCES");
		packets[i]->depth = (uint16_t)(slots[i] - packets[i]->stack);
	}
	return count;
}

IM_DISPATCH static void lend_all_for_the_call(struct im_instance *instance, struct im_binding *receiver,
					      struct im_packet **packets, uint16_t count)
{
	while (count > 0) {
		enum im_refusal refusal = IM_REFUSED_NOT;
		uint16_t taken = lend_for_the_call(instance, receiver, packets, count, &refusal);

		if (refusal != IM_REFUSED_NOT) {
			im_violation("2.54", im_driver_of(instance), "no packet-stack slot is left");
			taken++;
		}
		packets += taken;
		count -= taken;
	}
}

/* A protocol that has a receive handler gets the beginning of each: whoever wants it has to copy (5.7). */
IM_DISPATCH static void give_to(struct im_binding *receiver, struct im_instance *instance, struct im_packet **packets,
				uint16_t count)
{
	struct im_worker *worker = im_this_worker;
	struct im_account *copy = &worker->accounts[receiver->id];
	uint16_t references[IM_BURST] = {0};
	uint64_t *caller;
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < count; i++)
		bytes += packets[i]->length;
	im_count_handled(worker, copy, SLUICE_IN, count, bytes);
	caller = im_charge(worker, &copy->cycles);
	if (im_gate_of(&receiver->gate) & IM_GATE_QUARANTINE)
		im_bypass_receive(receiver, packets, count, references);
	else if (receiver->protocol->handlers.receive != NULL)
		im_show_packets(receiver, instance, packets, count);
	else
		lend_all_for_the_call(instance, receiver, packets, count);
	im_charge(worker, caller);
}

IM_DISPATCH static void give_to_all(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	struct im_binding *receivers[IM_RECEIVERS_MAX];
	uint32_t receiver_count = im_receivers_of(instance, receivers);

	if (receiver_count == 0) {
		im_count_declined(instance, count);
		return;
	}
	im_add(&im_this_worker->accounts[instance->id].indicated, count);
	for (uint32_t r = 0; r < receiver_count; r++)
		give_to(receivers[r], instance, packets, count);
}

/* How many at the front are not out with somebody, at most a burst. */
IM_DISPATCH static uint16_t count_free(const struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	bool layered = instance->miniport->layered;
	uint16_t number = 0;

	while (number < count && number < IM_BURST && !im_is_out(instance, layered, packets[number]))
		number++;
	return number;
}

void im_indicate_borrowed(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	if (im_gate_of(&instance->gate) & IM_GATES_OF_RECEIVES & ~(uint32_t)IM_GATE_QUARANTINE) {
		im_count_declined(instance, count);
		return;
	}
	while (count > 0) {
		uint16_t burst = count_free(instance, packets, count);

		if (burst > 0)
			give_to_all(instance, packets, burst);
		if (burst < count && burst < IM_BURST) {
			im_violation("5.8", im_driver_of(instance), "indicated a packet that is still out");
			burst++;
		}
		packets += burst;
		count -= burst;
	}
}

void im_indicate_copy(struct im_instance *instance, const struct im_packet *packet)
{
	union {
		struct im_packet packet;
		uint8_t room[sizeof(struct im_packet) + COPY_SLOTS * sizeof(struct im_packet_slot)];
	} copy;
	struct im_packet *borrowed = &copy.packet;

	memset(&copy, 0, sizeof(copy));
	copy.packet.mbuf = packet->mbuf;
	copy.packet.length = packet->length;
	copy.packet.status = IM_STATUS_RESOURCES;
	copy.packet.slots = COPY_SLOTS;
	copy.packet.flags = IM_PACKET_SHARED; /* the buffers are somebody else's */
	copy.packet.info = packet->info;
	im_indicate_borrowed(instance, &borrowed, 1);
}
