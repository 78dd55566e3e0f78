/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends: down through the stack, and their completions back up (contract section 4). */
#include "core.h"

static void mark(struct im_packet **packets, uint16_t count, im_status_t status)
{
	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = (uint16_t)status;
}

/* One packet at a time, for a driver that gave `send` alone (2.32, 4.11). */
IM_DISPATCH static void send_singly(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		struct im_packet *packet = packets[i];
		im_status_t status = instance->miniport->handlers.send(instance->context, packet, 0);

		if (status == IM_STATUS_PENDING)
			continue; /* it may be complete already: no touch */
		packet->status = (uint16_t)status;
		im_send_complete(instance, &packet, 1);
	}
}

/* Put the way back into each packet's next slot. Returns the bytes. */
IM_DISPATCH static uint64_t push(struct im_binding *binding, struct im_packet **packets, uint16_t count)
{
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < count; i++) {
		struct im_packet *packet = packets[i];

		if (unlikely(packet->depth >= packet->slots))
			im_violation("2.54", binding->protocol->wrapper->object->name, "no packet-stack slot is left");
		if (unlikely(packet->depth > 0 && packet->stack[packet->depth - 1].owner == binding))
			im_violation("4.14", binding->protocol->wrapper->object->name,
				     "sent a packet that is still out");
		packet->stack[packet->depth++].owner = binding;
		bytes += packet->length;
	}
	return bytes;
}

static bool is_closing(const struct im_binding *binding)
{
	return __atomic_load_n(&binding->closing, __ATOMIC_ACQUIRE);
}

/* A binding that closes or an adapter that does not run takes nothing: the packets come straight back (4.32). */
IM_DISPATCH static void refuse(struct im_binding *binding, struct im_packet **packets, uint16_t count)
{
	mark(packets, count, is_closing(binding) ? IM_STATUS_CLOSING : IM_STATUS_PAUSED);
	im_count_drop(binding->lower->id, SLUICE_OUT, SLUICE_DROP_NOT_RUNNING, count);
	binding->protocol->handlers.send_complete(binding->context, packets, count);
}

void im_send_packets(struct im_binding *binding, struct im_packet **packets, uint16_t count)
{
	struct im_instance *lower = binding->lower;
	struct im_worker *worker = im_this_worker;
	struct im_account *copy = &worker->accounts[lower->id];
	uint64_t *caller;

	if (unlikely(count == 0))
		return;
	if (unlikely(is_closing(binding) ||
		     __atomic_load_n(&lower->state, __ATOMIC_ACQUIRE) != SLUICE_INSTANCE_RUNNING)) {
		refuse(binding, packets, count);
		return;
	}
	im_add(&copy->sends_begun, count); /* before handing down (4.31) */
	im_count_handled(worker, copy, SLUICE_OUT, count, push(binding, packets, count));
	caller = im_charge(worker, &copy->cycles);
	if (likely(lower->miniport->handlers.send_packets != NULL))
		lower->miniport->handlers.send_packets(lower->context, packets, count);
	else
		send_singly(lower, packets, count);
	im_charge(worker, caller);
}

/* Whose binding the packet came down by; the slot is the sender's again. */
IM_DISPATCH static struct im_binding *pop(struct im_instance *instance, struct im_packet *packet)
{
	struct im_binding *binding;

	if (unlikely(packet->status == IM_STATUS_PENDING))
		im_violation("4.13", im_wrapper_of(instance)->object->name, "send completed with status PENDING");
	if (unlikely(packet->depth == 0))
		im_violation("4.12", im_wrapper_of(instance)->object->name, "completed a packet that was never sent");
	binding = packet->stack[packet->depth - 1].owner;
	if (unlikely(binding != instance->upper))
		im_violation("4.12", im_wrapper_of(instance)->object->name, "completed a packet that it does not own");
	packet->depth--;
	return binding;
}

void im_send_complete(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	struct im_worker *worker = im_this_worker;
	struct im_account *copy = &worker->accounts[instance->id];
	struct im_binding *binding = NULL;
	uint16_t good = 0;
	uint64_t *caller;

	if (count == 0)
		return;
	for (uint16_t i = 0; i < count; i++) {
		good += packets[i]->status == IM_STATUS_SUCCESS;
		binding = pop(instance, packets[i]);
	}
	im_add(&copy->sends_good, good);
	caller = im_charge(worker, &worker->accounts[binding->id].cycles);
	binding->protocol->handlers.send_complete(binding->context, packets, count);
	im_charge(worker, caller);
	im_add(&copy->sends_done, count); /* not before the completion is through (4.31) */
}
