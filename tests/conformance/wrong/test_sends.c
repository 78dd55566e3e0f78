/* SPDX-License-Identifier: BSD-3-Clause */
/* Drivers that are wrong with packets that are sent (contract 4, 5.21, 5.31). */
#include "wrong.h"

/* ---- Completions --------------------------------------------------------------------------------- */

static void complete_with(struct rig_vnic *vnic, struct im_packet **packets, uint16_t count, im_status_t status)
{
	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = (uint16_t)status;
	im_send_complete(vnic->instance, packets, count);
}

static void complete_twice(void *context, struct im_packet **packets, uint16_t count)
{
	complete_with(context, packets, count, IM_STATUS_FAILURE);
	if (wrong)
		complete_with(context, packets, count, IM_STATUS_FAILURE);
}

static void complete_what_went_down(void *context, struct im_packet **packets, uint16_t count)
{
	right.miniport.send_packets(context, packets, count);
	if (wrong)
		complete_with(context, packets, count, IM_STATUS_SUCCESS);
}

static void complete_a_stranger(void *context, struct im_packet **packets, uint16_t count)
{
	struct im_packet *stranger = wrong_packet();

	complete_with(context, packets, count, IM_STATUS_FAILURE);
	if (wrong)
		complete_with(context, &stranger, 1, IM_STATUS_FAILURE);
}

/* It stands in the batch two times, once instead of another one that is in order. */
static void complete_one_for_another(void *context, struct im_packet **packets, uint16_t count)
{
	struct im_packet *same[] = {packets[0], packets[0]};

	packets[0]->status = IM_STATUS_FAILURE;
	im_send_complete(((struct rig_vnic *)context)->instance, same, wrong ? 2 : 1);
	if (count > 1)
		complete_with(context, packets + 1, (uint16_t)(count - 1), IM_STATUS_FAILURE);
}

/* A serialised miniport: what it refuses is the core's, until it comes again. */
static void refuse_the_first(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_vnic *vnic = context;

	if (vnic->taken++ > 0) {
		right.miniport.send_packets(context, packets, count);
		return;
	}
	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = IM_STATUS_RESOURCES;
}

static void complete_what_was_refused(void)
{
	struct im_packet *packet = wrong_packet();

	wrong_stack();
	im_send_packets(rig.top_binding->binding, &packet, 1);
	if (wrong)
		complete_with(rig.port, &packet, 1, IM_STATUS_FAILURE);
	im_send_resources_available(rig.port->instance);
	host_settle();
}

/* contract: 4.12 12.38 12.58 */
static void c4_12_completions_of_what_is_not_there(void **state)
{
	static const struct wrong rows[] = {
		{"completes a send twice", "4.12", "mid", .miniport = {.send_packets = complete_twice},
		 .scene = wrong_send},
		{"completes a send that the one below has", "4.12", "mid",
		 .miniport = {.send_packets = complete_what_went_down}, .scene = wrong_send_held},
		{"completes a packet that was never sent", "4.12", "mid",
		 .miniport = {.send_packets = complete_a_stranger}, .scene = wrong_send},
		{"has a packet two times in one completion", "4.12", "nic",
		 .miniport = {.send_packets = complete_one_for_another}, .scene = wrong_send},
		{"completes a packet that it refuses", "4.12", "nic", .miniport = {.send_packets = refuse_the_first},
		 .scene = complete_what_was_refused, .nic_variant = RIG_SERIALISED},
	};

	(void)state;
	wrong_try(rows);
}

static void complete_with_pending(void *context, struct im_packet **packets, uint16_t count)
{
	complete_with(context, packets, count, wrong ? IM_STATUS_PENDING : IM_STATUS_FAILURE);
}

static void complete_with_another_call_s(void *context, struct im_packet **packets, uint16_t count)
{
	complete_with(context, packets, count, wrong ? IM_STATUS_INVALID_OID : IM_STATUS_FAILURE);
}

static void complete_without(void *context, struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count && !wrong; i++)
		packets[i]->status = IM_STATUS_SUCCESS;
	im_send_complete(((struct rig_vnic *)context)->instance, packets, count);
}

static void c4_13_statuses_that_a_send_cannot_have(void **state)
{
	static const struct wrong rows[] = {
		{"completes a send with PENDING", "4.13", "mid", .miniport = {.send_packets = complete_with_pending},
		 .scene = wrong_send},
		{"completes a send with a status of requests", "4.13", "mid",
		 .miniport = {.send_packets = complete_with_another_call_s}, .scene = wrong_send},
		{"completes a send without a status", "4.13", "nic", .miniport = {.send_packets = complete_without},
		 .scene = wrong_send},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Touching ------------------------------------------------------------------------------------ */

static void send_twice(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_vnic *vnic = context;

	right.miniport.send_packets(context, packets, count);
	if (wrong)
		im_send_packets(vnic->below->binding, packets, count);
}

static void write_while_it_is_down(void *context, struct im_packet **packets, uint16_t count)
{
	uintptr_t *words = im_packet_words(packets[0]);

	right.miniport.send_packets(context, packets, count);
	if (wrong)
		words[1] = 1;
}

static void write_after_completion(void *context, struct im_packet **packets, uint16_t count)
{
	uintptr_t *words = im_packet_words(packets[0]);

	complete_with(context, packets, count, IM_STATUS_FAILURE);
	if (wrong)
		words[1] = 1;
}

static void change_the_info(void *context, struct im_packet **packets, uint16_t count)
{
	uint16_t vlan = packets[0]->info.vlan;

	packets[0]->info.vlan = 5;
	if (!wrong)
		packets[0]->info.vlan = vlan;
	complete_with(context, packets, count, IM_STATUS_FAILURE);
}

static void shorten(void *context, struct im_packet **packets, uint16_t count)
{
	packets[0]->length -= 4;
	if (!wrong)
		packets[0]->length += 4;
	complete_with(context, packets, count, IM_STATUS_FAILURE);
}

static void take_a_slot_by_hand(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_vnic *vnic = context;

	if (!wrong) {
		right.miniport.send_packets(context, packets, count);
		return;
	}
	packets[0]->depth++;
	im_send_packets(vnic->below->binding, packets, count);
	packets[0]->depth--;
	complete_with(context, packets, count, IM_STATUS_FAILURE);
}

/* contract: 12.38 12.58 */
static void c4_14_c4_15_c4_17_c2_57_packets_touched_after_they_were_given_away(void **state)
{
	static const struct wrong rows[] = {
		{"sends a packet that is out", "4.14", "mid", .miniport = {.send_packets = send_twice},
		 .scene = wrong_send_held},
		{"writes to its words of a packet that is out", "4.14", "mid",
		 .miniport = {.send_packets = write_while_it_is_down}, .scene = wrong_send_held},
		{"writes to its words of a packet that it has completed", "4.15", "mid",
		 .miniport = {.send_packets = write_after_completion}, .scene = wrong_send_twice},
		{"completes a packet with other per-packet info", "4.17", "mid",
		 .miniport = {.send_packets = change_the_info}, .scene = wrong_send},
		{"completes a packet with another length", "4.17", "mid", .miniport = {.send_packets = shorten},
		 .scene = wrong_send},
		{"takes a slot by hand", "2.57", "mid", .miniport = {.send_packets = take_a_slot_by_hand},
		 .scene = wrong_send},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Losing -------------------------------------------------------------------------------------- */

static struct im_packet *kept;

static void keep_the_first(void *context, struct im_packet **packets, uint16_t count)
{
	if (!wrong || kept != NULL) {
		right.miniport.send_packets(context, packets, count);
		return;
	}
	kept = packets[0];
	if (count > 1)
		right.miniport.send_packets(context, packets + 1, (uint16_t)(count - 1));
}

/* It turns up again, so that all can come to an end. */
static void find(void)
{
	if (kept != NULL)
		complete_with(rig.port, &kept, 1, IM_STATUS_FAILURE);
	kept = NULL;
	host_settle();
}

static void send_for_some_time(void)
{
	struct im_packet *packet = wrong_packet();

	wrong_send();
	for (uint32_t second = 0; second < 35; second++) {
		packet->status = IM_STATUS_SUCCESS;
		im_send_packets(rig.top_binding->binding, &packet, 1);
		host_settle();
		host_tick(1000);
	}
	find();
}

static void send_nothing_more(void)
{
	wrong_send();
	host_tick(1000);
	host_tick(22500);
	find();
}

/* What it queues it must complete in time without being asked: those above wait for it, before it hears of a pause. */
static void queue_for_ever(void *context, struct im_packet **packets, uint16_t count)
{
	if (!wrong)
		complete_with(context, packets, count, IM_STATUS_FAILURE);
}

static void send_and_pause(void)
{
	wrong_send();
	host_pause("m0");
	host_settle();
}

/* contract: 4.12 11.1 11.25 12.16 12.18 12.19 12.21 12.38 */
static void c4_35_c10_26_sends_that_do_not_come_back(void **state)
{
	static const struct wrong rows[] = {
		{"loses one of many sends", "12.18", "nic", .miniport = {.send_packets = keep_the_first},
		 .scene = send_for_some_time},
		{"completes no send any more", "12.19", "nic", .miniport = {.send_packets = keep_the_first},
		 .scene = send_nothing_more},
		{"has sends in its queue when it is paused", "10.26", "mid",
		 .miniport = {.send_packets = queue_for_ever}, .scene = send_and_pause, .stops = true},
		{"lets a send lie when all goes down", "10.26", "nic", .miniport = {.send_packets = keep_the_first},
		 .scene = wrong_send, .stops = true},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Handles ------------------------------------------------------------------------------------- */

static im_status_t send_after_close(void *context, void *unbind_context)
{
	struct rig_binding *binding = context;
	struct im_binding *handle = binding->binding;
	im_status_t status = right.protocol.unbind_adapter(context, unbind_context);
	struct im_packet *packet = wrong_packet();

	if (wrong)
		im_send_packets(handle, &packet, 1);
	return status;
}

static void unbind(void)
{
	wrong_stack();
	host_unbind_over("m0");
}

static void c3_22_sends_over_a_handle_that_is_gone(void **state)
{
	static const struct wrong rows[] = {
		{"sends over a binding that it has closed", "3.22", "top",
		 .protocol = {.unbind_adapter = send_after_close}, .scene = unbind},
	};

	(void)state;
	wrong_try(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c4_12_completions_of_what_is_not_there),
		cmocka_unit_test(c4_13_statuses_that_a_send_cannot_have),
		cmocka_unit_test(c4_14_c4_15_c4_17_c2_57_packets_touched_after_they_were_given_away),
		cmocka_unit_test(c4_35_c10_26_sends_that_do_not_come_back),
		cmocka_unit_test(c3_22_sends_over_a_handle_that_is_gone),
	};

	return host_run_tests(tests);
}
