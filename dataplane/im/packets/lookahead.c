/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receives by look-ahead: a protocol sees the beginning of a frame, and may have the rest copied while it looks
 * (contract section 5C).
 *
 * Which frames a thread is being shown is a list on its stack, the innermost first: an intermediate driver that shows a
 * frame upward is being shown one itself, and passes transfers down to that one.
 */
#include "path.h"

#define HEADER 14u /* bytes, of Ethernet */

/* A frame that a thread is being shown. */
struct im_shown {
	struct im_shown *outer;
	struct im_binding *binding;   /* that looks */
	struct im_instance *instance; /* whose transfer_data has the rest, or ... */
	struct im_packet *packet;     /* ... the packet with all of it, or NULL */
	const struct im_lookahead *lookahead;
};

/* ---- Showing ------------------------------------------------------------------------------------- */

IM_DISPATCH static void call_receive(struct im_binding *binding, struct im_shown *shown)
{
	struct im_worker *worker = im_this_worker;
	struct im_frame frame;

	if (binding->protocol->handlers.receive == NULL)
		return;
	shown->binding = binding;
	shown->outer = worker->shown;
	worker->shown = shown;
	im_enter(&frame, IM_HANDLER_receive, binding->protocol->wrapper, binding);
	binding->protocol->handlers.receive(binding->context, shown->lookahead);
	im_leave(&frame);
	worker->shown = shown->outer;
}

IM_DISPATCH static uint32_t receivers_above(const struct im_binding *binding, struct im_binding **receivers)
{
	const struct im_instance *above = __atomic_load_n(&binding->above, __ATOMIC_ACQUIRE);

	return above != NULL ? im_receivers_of(above, receivers) : 0;
}

IM_DISPATCH static void count_shown(const struct im_binding *binding, const struct im_lookahead *lookahead)
{
	struct im_worker *worker = im_this_worker;

	im_count_handled(worker, &worker->accounts[binding->id], SLUICE_IN, 1,
			 (uint64_t)lookahead->header_length + lookahead->packet_length);
}

/* In place of a quarantined driver the core shows what it is shown. */
IM_DISPATCH static void show(struct im_binding *binding, struct im_shown *shown)
{
	struct im_binding *receivers[IM_RECEIVERS_MAX];
	uint32_t count;

	if ((im_gate_of(&binding->gate) & IM_GATE_QUARANTINE) == 0) {
		call_receive(binding, shown);
		return;
	}
	count = receivers_above(binding, receivers);
	for (uint32_t i = 0; i < count; i++) {
		count_shown(receivers[i], shown->lookahead);
		show(receivers[i], shown);
	}
}

IM_DISPATCH static void say_complete(struct im_binding *binding)
{
	struct im_binding *receivers[IM_RECEIVERS_MAX];
	struct im_frame frame;
	uint32_t count;

	if (im_gate_of(&binding->gate) & IM_GATE_QUARANTINE) {
		count = receivers_above(binding, receivers);
		for (uint32_t i = 0; i < count; i++)
			say_complete(receivers[i]);
		return;
	}
	if (binding->protocol->handlers.receive_complete == NULL)
		return;
	im_enter(&frame, IM_HANDLER_receive_complete, binding->protocol->wrapper, binding);
	binding->protocol->handlers.receive_complete(binding->context);
	im_leave(&frame);
}

/* ---- A packet, by its beginning ------------------------------------------------------------------- */

/* The header, which need not lie in one piece, and what of the first buffer is behind it. */
IM_DISPATCH static void describe(struct im_packet *packet, struct im_lookahead *lookahead, uint8_t *header)
{
	const struct rte_mbuf *mbuf = packet->mbuf;
	uint32_t length = mbuf != NULL ? rte_pktmbuf_pkt_len(mbuf) : 0;
	uint32_t first = mbuf != NULL ? rte_pktmbuf_data_len(mbuf) : 0;

	lookahead->receive_context = packet;
	lookahead->header_length = RTE_MIN(length, HEADER);
	lookahead->packet_length = length - lookahead->header_length;
	lookahead->header = length > 0 ? rte_pktmbuf_read(mbuf, 0, lookahead->header_length, header) : header;
	lookahead->data = (const uint8_t *)lookahead->header + lookahead->header_length;
	lookahead->data_length = first > lookahead->header_length ? first - lookahead->header_length : 0;
}

void im_show_packets(struct im_binding *binding, struct im_instance *instance, struct im_packet **packets,
		     uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		struct im_lookahead lookahead;
		uint8_t header[HEADER];
		struct im_shown shown = {.instance = instance, .packet = packets[i], .lookahead = &lookahead};

		describe(packets[i], &lookahead, header);
		show(binding, &shown);
	}
	say_complete(binding);
}

/* ---- A miniport that indicates by look-ahead ------------------------------------------------------- */

IM_DISPATCH static bool is_legal(const struct im_instance *instance, const struct im_lookahead *lookahead)
{
	if (instance->miniport->handlers.transfer_data == NULL) {
		im_violation("2.30", im_driver_of(instance), "indicated by look-ahead without a transfer_data handler");
		return false;
	}
	if (lookahead->data_length > lookahead->packet_length) {
		im_violation("5.23", im_driver_of(instance), "indicated a look-ahead that is longer than its frame");
		return false;
	}
	return true;
}

void im_indicate_receive(struct im_instance *instance, const struct im_lookahead *lookahead)
{
	struct im_shown shown = {.instance = instance, .lookahead = lookahead};
	struct im_worker *worker = im_this_worker;
	struct im_binding *receivers[IM_RECEIVERS_MAX];
	uint32_t count = 0;
	uint8_t before;

	if (!im_usable_handle(instance, "im_indicate_receive", "5.10"))
		return;
	before = im_begin_call("im_indicate_receive");
	if ((im_gate_of(&instance->gate) & IM_GATES_OF_RECEIVES) == 0)
		count = im_receivers_of(instance, receivers);
	if (!is_legal(instance, lookahead)) {
		im_end_call(before);
		return;
	}
	if (count == 0)
		im_count_declined(instance, 1);
	else
		im_add(&worker->accounts[instance->id].indicated, 1);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t *caller = im_charge(worker, &worker->accounts[receivers[i]->id].cycles);

		count_shown(receivers[i], lookahead);
		show(receivers[i], &shown);
		im_charge(worker, caller);
	}
	im_end_call(before);
}

void im_indicate_receive_complete(struct im_instance *instance)
{
	struct im_binding *receivers[IM_RECEIVERS_MAX];
	uint32_t count;
	uint8_t before;

	if (!im_usable_handle(instance, "im_indicate_receive_complete", "5.10"))
		return;
	before = im_begin_call("im_indicate_receive_complete");
	count = im_receivers_of(instance, receivers);
	for (uint32_t i = 0; i < count; i++)
		say_complete(receivers[i]);
	im_end_call(before);
}

/* ---- The rest of a frame -------------------------------------------------------------------------- */

/* Only who is being shown the frame, by this thread and now, may ask for it (5.24). */
IM_DISPATCH static const struct im_shown *find_shown(const struct im_binding *binding, const void *receive_context)
{
	const struct im_shown *shown = im_this_worker->shown;

	while (shown != NULL && (shown->binding != binding || shown->lookahead->receive_context != receive_context))
		shown = shown->outer;
	return shown;
}

/* Out of the packet itself. Shorter at the end of the frame, nothing beyond it (5.25). */
IM_DISPATCH static im_status_t copy_rest(const struct im_shown *shown, uint32_t offset, uint32_t length,
					 struct im_packet *packet, uint32_t *transferred)
{
	uint32_t whole = shown->lookahead->packet_length;
	uint32_t from = RTE_MIN(offset, whole) + shown->lookahead->header_length;
	uint32_t left = RTE_MIN(length, whole - RTE_MIN(offset, whole));
	struct im_filling filling = {.packet = packet, .mbuf = packet->mbuf};

	*transferred = left;
	for (struct rte_mbuf *mbuf = shown->packet->mbuf; mbuf != NULL && left > 0; mbuf = mbuf->next) {
		uint32_t here = rte_pktmbuf_data_len(mbuf);
		uint32_t part = from < here ? RTE_MIN(left, here - from) : 0;

		if (part > 0)
			im_fill_more(&filling, rte_pktmbuf_mtod_offset(mbuf, char *, from), part);
		left -= part;
		from -= RTE_MIN(from, here);
	}
	im_fill_end(&filling);
	if (filling.length == *transferred)
		return IM_STATUS_SUCCESS;
	*transferred = filling.length; /* the packet is too small for it */
	return IM_STATUS_RESOURCES;
}

/* From before the call until it is complete the packet is out, like one that is lent. */
IM_DISPATCH static void begin_transfer(struct im_binding *binding, struct im_packet *packet)
{
	struct im_packet_slot *slot = &packet->stack[packet->depth++];
	struct im_account *accounts = im_this_worker->accounts;

	slot->owner = binding;
	slot->receiver = IM_SLOT_TRANSFER;
	im_add(&accounts[binding->id].lent, 1);
	im_add(&accounts[binding->lower->id].lent, 1);
}

IM_DISPATCH static void end_transfer(struct im_packet *packet)
{
	packet->depth--;
	im_popped_slot(packet)->receiver = 0;
}

IM_DISPATCH static void count_transferred(uint16_t binding, uint16_t lower)
{
	struct im_account *accounts = im_this_worker->accounts;

	im_add(&accounts[binding].returned, 1);
	im_add(&accounts[lower].returned, 1);
}

IM_DISPATCH static im_status_t ask_miniport(const struct im_shown *shown, uint32_t offset, uint32_t length,
					    struct im_packet *packet, uint32_t *transferred)
{
	struct im_instance *instance = shown->instance;
	struct im_binding *binding = shown->binding;
	struct im_frame frame;
	im_status_t status;

	if (packet->depth >= packet->slots) {
		im_violation("2.54", im_driver_over(binding), "no packet-stack slot is left");
		return IM_STATUS_FAILURE;
	}
	begin_transfer(binding, packet); /* it may complete before the handler says that it pends (3.18) */
	im_enter(&frame, IM_HANDLER_transfer_data, instance->miniport->wrapper, instance);
	status = instance->miniport->handlers.transfer_data(packet, transferred, instance->context,
							    shown->lookahead->receive_context, offset, length);
	im_leave(&frame);
	if (status == IM_STATUS_PENDING)
		return status;
	end_transfer(packet);
	count_transferred(binding->id, binding->lower->id);
	return status;
}

IM_DISPATCH static im_status_t transfer(struct im_binding *binding, void *receive_context, uint32_t offset,
					uint32_t length, struct im_packet *packet, uint32_t *transferred)
{
	const struct im_shown *shown = find_shown(binding, receive_context);

	if (shown == NULL) {
		im_violation("5.24", im_driver_over(binding), "asked for the rest of a frame that it is not shown now");
		return IM_STATUS_FAILURE;
	}
	if (binding->protocol->handlers.transfer_data_complete == NULL) {
		im_violation("3.10", im_driver_over(binding),
			     "transferred data without a transfer_data_complete handler");
		return IM_STATUS_FAILURE;
	}
	if (shown->packet != NULL)
		return copy_rest(shown, offset, length, packet, transferred);
	return ask_miniport(shown, offset, length, packet, transferred);
}

im_status_t im_transfer_data(struct im_binding *binding, void *receive_context, uint32_t offset, uint32_t length,
			     struct im_packet *packet, uint32_t *transferred)
{
	im_status_t status;
	uint8_t before;

	*transferred = 0;
	if (!im_usable_handle(binding, "im_transfer_data", "3.22"))
		return IM_STATUS_FAILURE;
	before = im_begin_call("im_transfer_data");
	status = im_fault_call() ? IM_STATUS_FAILURE
				 : transfer(binding, receive_context, offset, length, packet, transferred);
	im_end_call(before);
	return status;
}

/* The packet that is being filled through a binding over @p instance, or over a bypass that ends there. */
IM_DISPATCH static struct im_binding *who_waits(const struct im_instance *instance, struct im_packet *packet)
{
	struct im_binding *binding = packet->depth > 0 ? im_top_slot(packet)->owner : NULL;

	if (binding == NULL || binding->lower == NULL || (im_top_slot(packet)->receiver & IM_SLOT_TRANSFER) == 0)
		return NULL;
	return im_is_below(instance, binding) ? binding : NULL;
}

IM_DISPATCH static void complete_transfer(struct im_binding *binding, struct im_packet *packet, im_status_t status,
					  uint32_t transferred)
{
	struct im_worker *worker = im_this_worker;
	uint16_t account = binding->id, lower = binding->lower->id;
	uint64_t *caller = im_charge(worker, &worker->accounts[account].cycles);
	struct im_frame frame;

	end_transfer(packet);
	im_enter(&frame, IM_HANDLER_transfer_data_complete, binding->protocol->wrapper, binding);
	binding->protocol->handlers.transfer_data_complete(binding->context, packet, status, transferred);
	im_leave(&frame);
	im_charge(worker, caller);
	count_transferred(account, lower);
}

void im_transfer_data_complete(struct im_instance *instance, struct im_packet *packet, im_status_t status,
			       uint32_t transferred)
{
	struct im_binding *binding;
	uint8_t before;

	if (!im_usable_handle(instance, "im_transfer_data_complete", "5.25"))
		return;
	before = im_begin_call("im_transfer_data_complete");
	binding = who_waits(instance, packet);
	if (status == IM_STATUS_PENDING) {
		im_violation("5.25", im_driver_of(instance), "transfer completed with status PENDING");
		status = IM_STATUS_FAILURE;
	}
	if (binding == NULL)
		im_violation("5.25", im_driver_of(instance), "completed a transfer that does not pend");
	else
		complete_transfer(binding, packet, status, transferred);
	im_end_call(before);
}
