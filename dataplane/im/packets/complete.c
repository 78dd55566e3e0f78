/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends that are complete: back up to who sent them; and sends that shall not be sent any more (contract section 4). */
#include "path.h"

/* ---- Completions --------------------------------------------------------------------------------- */

/* Who sent the packet that @p instance has, or NULL: it has not. What lent a packet has no `lower`. */
IM_DISPATCH static inline struct im_binding *sender_of(const struct im_instance *instance, struct im_packet *packet)
{
	struct im_binding *binding;

	if (unlikely(packet->depth == 0))
		return NULL;
	binding = im_top_slot(packet)->owner;
	return likely(binding->lower == instance) ? binding : NULL;
}

IM_DISPATCH static void correct_status(const struct im_instance *instance, struct im_packet *packet)
{
	im_violation("4.13", im_driver_of(instance), "send completed with status PENDING");
	packet->status = IM_STATUS_FAILURE;
}

/* Each packet's slot is its sender's again, as long as it is the same sender. Returns how many. */
IM_DISPATCH static inline uint16_t pop(const struct im_instance *instance, const struct im_binding *binding,
				       struct im_packet **packets, uint16_t count, uint16_t *good)
{
	uint16_t sum = 0;
	uint16_t i;

	for (i = 0; i < count; i++) {
		struct im_packet *packet = packets[i];

		if (unlikely(packet->depth == 0 || im_top_slot(packet)->owner != binding))
			break;
		if (unlikely(packet->status == IM_STATUS_PENDING))
			correct_status(instance, packet);
		sum += packet->status == IM_STATUS_SUCCESS;
		packet->depth--;
	}
	*good = sum;
	return i;
}

/* Done is counted when the completion is through, not before (4.31). */
IM_DISPATCH static inline void hand_back(struct im_instance *instance, struct im_binding *binding,
					 struct im_packet **packets, uint16_t count, uint16_t good)
{
	struct im_worker *worker = im_this_worker;
	struct im_account *copy = &worker->accounts[instance->id];
	struct im_account *own = &worker->accounts[binding->id];
	uint64_t *caller;

	im_add(&copy->sends_good, good);
	if (unlikely(im_is_watched(worker)))
		im_verify_back(binding, packets, count);
	caller = im_charge(worker, &own->cycles);
	if (likely((im_gate_of(&binding->gate) & IM_GATE_QUARANTINE) == 0))
		im_call_send_complete(binding, packets, count);
	else
		im_bypass_complete(binding, packets, count);
	im_charge(worker, caller);
	im_add(&copy->sends_done, count);
	im_add(&own->sends_done, count);
}

/* Of several senders, or not all the instance's: every slot is taken off before the first sender is called. */
IM_DISPATCH static void complete_mixed(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	struct im_packet *taken[IM_BURST];
	struct im_binding *senders[IM_BURST];
	uint16_t good[IM_BURST];
	uint16_t total = 0;
	uint16_t run;

	for (uint16_t i = 0; i < count; i++) {
		senders[total] = sender_of(instance, packets[i]);
		if (senders[total] == NULL) {
			im_violation("4.12", im_driver_of(instance), "completed a packet that it does not own");
			continue;
		}
		taken[total] = packets[i];
		pop(instance, senders[total], &taken[total], 1, &good[total]);
		total++;
	}
	for (uint16_t from = 0; from < total; from += run) {
		uint16_t sum = good[from];

		for (run = 1; from + run < total && senders[from + run] == senders[from]; run++)
			sum += good[from + run];
		hand_back(instance, senders[from], taken + from, run, sum);
	}
}

/* At most a burst. */
IM_DISPATCH static inline void complete_burst(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	struct im_binding *binding = sender_of(instance, packets[0]);
	uint16_t good = 0;
	uint16_t popped = 0;

	if (likely(binding != NULL))
		popped = pop(instance, binding, packets, count, &good);
	if (likely(popped == count)) {
		hand_back(instance, binding, packets, count, good);
		return;
	}
	while (popped > 0)
		packets[--popped]->depth++; /* nobody has seen it: the slot is as it was */
	complete_mixed(instance, packets, count);
}

IM_DISPATCH static inline void complete_all(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	while (unlikely(count > IM_BURST)) {
		complete_burst(instance, packets, IM_BURST);
		packets += IM_BURST;
		count -= IM_BURST;
	}
	complete_burst(instance, packets, count);
}

void im_complete_sends(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	if (count > 0)
		complete_all(instance, packets, count);
}

void im_complete_with(struct im_instance *instance, struct im_packet **packets, uint16_t count, im_status_t status)
{
	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = (uint16_t)status;
	im_complete_sends(instance, packets, count);
}

IM_DISPATCH static void complete_serialized(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	struct im_packet *completed[IM_BURST];

	for (uint32_t done = 0; done < count; done += IM_BURST) {
		uint16_t burst = (uint16_t)RTE_MIN(count - done, IM_BURST);

		im_complete_sends(instance, completed,
				  im_serial_completing(instance, packets + done, burst, completed));
	}
	im_serial_completed(instance);
}

IM_DISPATCH static __rte_always_inline void complete_plain(struct im_instance *instance, struct im_packet **packets,
							   uint16_t count)
{
	if (likely((im_gate_of(&instance->gate) & IM_GATE_SERIALIZED) == 0))
		complete_all(instance, packets, count);
	else
		complete_serialized(instance, packets, count);
}

void im_plain_send_complete(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	complete_plain(instance, packets, count);
}

IM_DISPATCH static __rte_always_inline void complete(struct im_instance *instance, struct im_packet **packets,
						     uint16_t count, const void *site)
{
	if (unlikely(count == 0))
		return;
	if (unlikely(im_this_worker->careful))
		im_careful_send_complete(instance, packets, count, site);
	else
		complete_plain(instance, packets, count);
}

void im_send_complete(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	complete(instance, packets, count, __builtin_return_address(0));
}

void im_send_complete_status(struct im_instance *instance, struct im_packet **packets, uint16_t count,
			     im_status_t status)
{
	if (instance->serial != NULL)
		im_serial_answer(instance, packets, count, status);
	else
		for (uint16_t i = 0; i < count; i++)
			packets[i]->status = (uint16_t)status;
	complete(instance, packets, count, __builtin_return_address(0));
}

void im_send_resources_available(struct im_instance *instance)
{
	uint8_t before;

	if (!im_usable_handle(instance, "im_send_resources_available", "4.8"))
		return;
	before = im_begin_call("im_send_resources_available");
	if (instance->serial != NULL)
		im_serial_completed(instance);
	im_end_call(before);
}

/* ---- Cancel -------------------------------------------------------------------------------------- */

/* The core's own queue, then the driver's; where neither is, there is nothing to do (4.27). */
IM_DISPATCH static void cancel(struct im_instance *lower, uint32_t cancel_id)
{
	struct im_frame frame;

	while ((im_gate_of(&lower->gate) & IM_GATE_QUARANTINE) && im_below(lower) != NULL)
		lower = im_below(lower)->lower;
	if (lower->serial != NULL)
		im_serial_cancel(lower, cancel_id);
	if (lower->miniport->handlers.cancel_send_packets == NULL)
		return;
	im_enter(&frame, IM_HANDLER_cancel_send_packets, lower->miniport->wrapper, lower);
	lower->miniport->handlers.cancel_send_packets(lower->context, cancel_id);
	im_leave(&frame);
}

void im_cancel_send_packets(struct im_binding *binding, uint32_t cancel_id)
{
	uint8_t before;

	if (!im_usable_handle(binding, "im_cancel_send_packets", "3.22"))
		return;
	before = im_begin_call("im_cancel_send_packets");
	if (cancel_id != 0) /* packets without an id have 0: they are not meant (4.23) */
		cancel(binding->lower, cancel_id);
	im_end_call(before);
}
