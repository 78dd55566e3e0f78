/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends: down through the stack (contract section 4). */
#include "path.h"

/* ---- Gates --------------------------------------------------------------------------------------- */

/* What sends get while a gate is closed, first match first (4.32). */
static const struct {
	uint32_t gate;
	im_status_t status;
	enum sluice_drop reason;
} refusals[] = {
	{IM_GATE_CLOSING, IM_STATUS_CLOSING, SLUICE_DROP_NOT_RUNNING},
	{IM_GATE_QUARANTINE, IM_STATUS_FAILURE, SLUICE_DROP_QUARANTINE},
	{IM_GATE_LOW_POWER, IM_STATUS_LOW_POWER_STATE, SLUICE_DROP_NOT_RUNNING},
	{IM_GATE_RESETTING, IM_STATUS_RESET_IN_PROGRESS, SLUICE_DROP_NOT_RUNNING},
	{IM_GATE_STOPPED, IM_STATUS_PAUSED, SLUICE_DROP_NOT_RUNNING},
};

im_status_t im_status_of_gates(uint32_t gates)
{
	for (size_t i = 0; i < RTE_DIM(refusals); i++)
		if (gates & refusals[i].gate)
			return refusals[i].status;
	return IM_STATUS_SUCCESS;
}

static enum sluice_drop reason_of(im_status_t status)
{
	for (size_t i = 0; i < RTE_DIM(refusals); i++)
		if (status == refusals[i].status)
			return refusals[i].reason;
	return SLUICE_DROP_NOT_RUNNING;
}

/* A driver in quarantine is in nobody's way where the core relays past it. */
static uint32_t gates_below(const struct im_instance *lower)
{
	uint32_t gates = im_gate_of(&lower->gate);

	return im_below(lower) != NULL ? gates & ~(uint32_t)IM_GATE_QUARANTINE : gates;
}

im_status_t im_status_of_sends(const struct im_binding *binding)
{
	uint32_t own = im_gate_of(&binding->gate) & ~(uint32_t)IM_GATE_QUARANTINE;

	return im_status_of_gates(own | gates_below(binding->lower));
}

/* ---- Down ---------------------------------------------------------------------------------------- */

/* One packet at a time, for a driver that gave `send` alone (2.32, 4.11). */
IM_DISPATCH static void send_singly(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		struct im_packet *packet = packets[i];
		struct im_frame frame;
		im_status_t status;

		im_enter(&frame, IM_HANDLER_send, instance->miniport->wrapper, instance);
		status = instance->miniport->handlers.send(instance->context, packet, 0);
		im_leave(&frame);
		if (status == IM_STATUS_PENDING)
			continue; /* it may be complete already: no touch */
		packet->status = (uint16_t)status;
		im_send_complete(instance, &packet, 1);
	}
}

IM_DISPATCH static inline void call_send(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	struct im_frame frame;

	if (unlikely(instance->miniport->handlers.send_packets == NULL)) {
		send_singly(instance, packets, count);
		return;
	}
	im_enter(&frame, IM_HANDLER_send_packets, instance->miniport->wrapper, instance);
	instance->miniport->handlers.send_packets(instance->context, packets, count);
	im_leave(&frame);
}

void im_deliver(struct im_instance *lower, struct im_packet **packets, uint16_t count)
{
	if (im_gate_of(&lower->gate) & IM_GATE_QUARANTINE)
		im_bypass_send(lower, packets, count);
	else if (lower->serial != NULL)
		im_serial_send(lower, packets, count);
	else
		call_send(lower, packets, count);
}

/* Put the way back into each packet's next slot, as far as that is legal. Returns how many got it. */
IM_DISPATCH static inline uint16_t push(struct im_binding *binding, struct im_packet **packets, uint16_t count,
					uint64_t *bytes, enum im_refusal *refusal)
{
	uint64_t sum = 0;
	uint16_t i;

	for (i = 0; i < count; i++) {
		struct im_packet *packet = packets[i];

		if (unlikely(packet->depth >= packet->slots)) {
			*refusal = IM_REFUSED_SLOT;
			break;
		}
		if (unlikely(packet->depth > 0 && im_top_slot(packet)->owner == binding)) {
			*refusal = IM_REFUSED_OUT;
			break;
		}
		packet->stack[packet->depth++].owner = binding;
		sum += packet->length;
	}
	*bytes = sum;
	return i;
}

/* At most a burst. Counted before it is handed down (4.31), on both sides of the binding. Returns how many went. */
IM_DISPATCH static inline uint16_t hand_down(struct im_binding *binding, struct im_packet **packets, uint16_t count,
					     bool straight, enum im_refusal *refusal)
{
	struct im_instance *lower = binding->lower;
	struct im_worker *worker = im_this_worker;
	struct im_account *copy = &worker->accounts[lower->id];
	struct im_account *own = &worker->accounts[binding->id];
	uint64_t *caller;
	uint64_t bytes;

	count = push(binding, packets, RTE_MIN(count, (uint16_t)IM_BURST), &bytes, refusal);
	if (unlikely(count == 0))
		return 0;
	im_add(&copy->sends_begun, count);
	im_add(&own->sends_begun, count);
	im_count_handled(worker, copy, SLUICE_OUT, count, bytes);
	caller = im_charge(worker, &copy->cycles);
	if (likely(straight))
		call_send(lower, packets, count);
	else if (im_gate_of(&lower->gate) & IM_GATE_LOOPBACK)
		im_loop_back(lower, packets, count);
	else
		im_deliver(lower, packets, count);
	im_charge(worker, caller);
	return count;
}

/* Straight back, at most a burst at a time. They count as sends, and failed ones (4.36). */
IM_DISPATCH static void refuse(struct im_binding *binding, struct im_packet **packets, uint16_t count,
			       im_status_t status)
{
	struct im_worker *worker = im_this_worker;
	struct im_account *copy = &worker->accounts[binding->lower->id];
	struct im_account *own = &worker->accounts[binding->id];

	for (uint32_t done = 0; done < count; done += IM_BURST) {
		uint16_t burst = (uint16_t)RTE_MIN(count - done, IM_BURST);

		for (uint16_t i = 0; i < burst; i++)
			packets[done + i]->status = (uint16_t)status;
		im_add(&copy->sends_begun, burst);
		im_add(&own->sends_begun, burst);
		if (unlikely(im_is_watched(worker)))
			im_verify_back(binding, packets + done, burst);
		im_call_send_complete(binding, packets + done, burst);
		im_add(&copy->sends_done, burst);
		im_add(&own->sends_done, burst);
	}
}

/* What came of a packet that could not be sent; the others go on without it. */
IM_DISPATCH static void leave_out(struct im_binding *binding, struct im_packet *packet, enum im_refusal refusal)
{
	if (refusal == IM_REFUSED_OUT) {
		im_violation("4.14", im_driver_over(binding), "sent a packet that is still out");
		return;
	}
	im_violation("2.54", im_driver_over(binding), "no packet-stack slot is left");
	im_count_drop(binding->lower->id, SLUICE_OUT, SLUICE_DROP_NO_DESCRIPTOR, 1);
	refuse(binding, &packet, 1, IM_STATUS_RESOURCES);
}

IM_DISPATCH static inline void send_all(struct im_binding *binding, struct im_packet **packets, uint16_t count,
					bool straight)
{
	for (;;) {
		enum im_refusal refusal = IM_REFUSED_NOT;
		uint16_t taken = hand_down(binding, packets, count, straight, &refusal);

		if (likely(taken == count))
			return;
		if (refusal != IM_REFUSED_NOT)
			leave_out(binding, packets[taken++], refusal);
		packets += taken;
		count -= taken;
	}
}

void im_send_past_gate(struct im_binding *binding, struct im_packet **packets, uint16_t count)
{
	send_all(binding, packets, count, false);
}

/* A gate is closed, or the way is not the straight one. */
IM_DISPATCH static void send_gated(struct im_binding *binding, struct im_packet **packets, uint16_t count)
{
	im_status_t status = im_status_of_gates(im_gate_of(&binding->gate) | gates_below(binding->lower));

	if (status == IM_STATUS_SUCCESS) {
		send_all(binding, packets, count, false);
		return;
	}
	im_count_drop(binding->lower->id, SLUICE_OUT, reason_of(status), count);
	refuse(binding, packets, count, status);
}

IM_DISPATCH static __rte_always_inline void send_plain(struct im_binding *binding, struct im_packet **packets,
						       uint16_t count)
{
	if (likely((im_gate_of(&binding->gate) | im_gate_of(&binding->lower->gate)) == 0))
		send_all(binding, packets, count, true);
	else
		send_gated(binding, packets, count);
}

void im_plain_send(struct im_binding *binding, struct im_packet **packets, uint16_t count)
{
	send_plain(binding, packets, count);
}

void im_send_packets(struct im_binding *binding, struct im_packet **packets, uint16_t count)
{
	if (unlikely(count == 0))
		return;
	if (unlikely(im_this_worker->careful))
		im_careful_send(binding, packets, count, __builtin_return_address(0));
	else
		send_plain(binding, packets, count);
}

void im_send(struct im_binding *binding, struct im_packet *packet)
{
	if (unlikely(im_this_worker->careful))
		im_careful_send(binding, &packet, 1, __builtin_return_address(0));
	else
		im_plain_send(binding, &packet, 1);
}
