/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends: each packet is completed once, in order, with its status, to whoever sent it. */
#include <stdio.h>
#include <string.h>

#include "rig.h"

static const uint32_t heights[] = {1, 3, 8};

/* ---- Once, in order, with its status ---------------------------------------------------------------- */

/* contract: 4.6 */
static void inline_completions_come_back_once_with_their_status(void **state)
{
	struct im_packet *packets[16];

	(void)state;
	for (size_t h = 0; h < RTE_DIM(heights); h++) {
		rig_up("nic", heights[h]);
		rig_nic.when = RIG_INLINE;
		rig_nic.status = IM_STATUS_INVALID_LENGTH;
		rig_packets(packets, 16);
		im_send_packets(rig_top.binding, packets, 16);
		rig_expect(&rig_nic.sent, packets, 16);
		assert_int_equal(rig_nic.sent.calls, 1); /* one batch all the way down */
		rig_expect(&rig_top.done, packets, 16);
		for (int i = 0; i < 16; i++)
			assert_int_equal(rig_top.done.statuses[i], IM_STATUS_INVALID_LENGTH);
		rig_packets_free(packets, 16);
		rig_down();
	}
}

/* contract: 4.1 4.2 4.6 4.19 4.20 */
static void later_completions_come_back_once_in_any_batches(void **state)
{
	struct im_packet *packets[24];

	(void)state;
	for (size_t h = 0; h < RTE_DIM(heights); h++) {
		rig_up("nic", heights[h]);
		rig_nic.when = RIG_LATER;
		rig_packets(packets, 24);
		im_send_packets(rig_top.binding, packets, 5);
		im_send_packets(rig_top.binding, packets + 5, 1);
		im_send_packets(rig_top.binding, packets + 6, 18);
		rig_expect(&rig_nic.sent, packets, 24); /* order of the calls and in the calls (4.2) */
		assert_int_equal(rig_top.done.count, 0);
		assert_int_equal(im_outstanding(im_find_instance("nic")), 24);
		assert_int_equal(im_outstanding(im_find_instance("r0")), 24);
		rig_complete(0, 3, IM_STATUS_SUCCESS);	/* a part of the first call */
		rig_complete(3, 10, IM_STATUS_FAILURE); /* of three calls (4.19) */
		rig_complete(13, 11, IM_STATUS_SUCCESS);
		rig_expect(&rig_top.done, packets, 24);
		assert_int_equal(rig_top.done.calls, 3);
		assert_int_equal(rig_top.done.statuses[2], IM_STATUS_SUCCESS);
		assert_int_equal(rig_top.done.statuses[3], IM_STATUS_FAILURE);
		assert_int_equal(rig_top.done.statuses[12], IM_STATUS_FAILURE);
		assert_int_equal(rig_top.done.statuses[23], IM_STATUS_SUCCESS);
		assert_int_equal(im_outstanding(im_find_instance("nic")), 0);
		assert_int_equal(im_outstanding(im_find_instance("r0")), 0);
		rig_packets_free(packets, 24);
		rig_down();
	}
}

/* contract: 4.21 */
static void completions_in_reverse_reach_the_sender(void **state)
{
	struct im_packet *packets[8];

	(void)state;
	rig_up("nic", 3);
	rig_nic.when = RIG_LATER;
	rig_packets(packets, 8);
	im_send_packets(rig_top.binding, packets, 8);
	for (uint32_t i = 8; i-- > 0;)
		rig_complete(i, 1, IM_STATUS_SUCCESS); /* completion order is free (4.21) */
	for (uint32_t i = 0; i < 8; i++)
		assert_ptr_equal(rig_top.done.packets[i], packets[7 - i]);
	assert_int_equal(rig_top.done.count, 8);
	rig_packets_free(packets, 8);
	rig_down();
}

/* A sender may hand over as much as it likes, and a miniport complete as much; nobody gets more than a burst at once.
 */
/* contract: 4.2 4.3 4.20 */
static void more_than_a_burst_goes_in_bursts_and_in_order(void **state)
{
	struct im_packet *packets[3 * IM_BURST + 5];

	(void)state;
	for (size_t h = 0; h < RTE_DIM(heights); h++) {
		rig_up("nic", heights[h]);
		rig_nic.when = RIG_LATER;
		rig_packets(packets, RTE_DIM(packets));
		im_send_packets(rig_top.binding, packets, RTE_DIM(packets));
		rig_expect(&rig_nic.sent, packets, RTE_DIM(packets)); /* 4.2, 4.3 */
		assert_int_equal(rig_nic.sent.largest, IM_BURST);
		rig_complete(0, RTE_DIM(packets), IM_STATUS_SUCCESS);
		rig_expect(&rig_top.done, packets, RTE_DIM(packets));
		assert_int_equal(rig_top.done.largest, IM_BURST);
		rig_packets_free(packets, RTE_DIM(packets));
		rig_down();
	}
}

/* The array is the caller's again when the call returns, and dead for everybody else (4.4). */
/* contract: 4.4 */
static void the_array_is_the_senders_to_overwrite(void **state)
{
	struct im_packet *packets[4], *array[4];

	(void)state;
	rig_up("nic", 3);
	rig_nic.when = RIG_LATER;
	rig_packets(packets, 4);
	memcpy(array, packets, sizeof(array));
	im_send_packets(rig_top.binding, array, 4);
	assert_memory_equal(array, packets, sizeof(array)); /* and the core has left it alone */
	memset(array, 0xaa, sizeof(array));
	rig_complete(0, 4, IM_STATUS_SUCCESS);
	rig_expect(&rig_top.done, packets, 4);
	rig_packets_free(packets, 4);
	rig_down();
}

/* ---- Several senders --------------------------------------------------------------------------------- */

/* contract: 4.18 4.19 */
static void each_sender_gets_its_own_back(void **state)
{
	struct im_packet *packets[6], *mixed[6];

	(void)state;
	rig_up("nic", 0);
	assert_int_equal(rig_bind("top2", "nic", "top2"), IM_STATUS_SUCCESS);
	rig_nic.when = RIG_LATER;
	rig_packets(packets, 6);
	im_send_packets(rig_top.binding, packets, 3);
	im_send_packets(rig_top2.binding, packets + 3, 3);
	for (uint32_t i = 0; i < 6; i++) {
		mixed[i] = packets[(i % 2) * 3 + i / 2]; /* one of this, one of that */
		mixed[i]->status = i == 2 ? IM_STATUS_FAILURE : IM_STATUS_SUCCESS;
	}
	im_send_complete(rig_nic.instance, mixed, 6);
	rig_expect(&rig_top.done, packets, 3); /* to the binding that sent it, and no other (4.18, 4.19) */
	rig_expect(&rig_top2.done, packets + 3, 3);
	assert_int_equal(rig_top.done.statuses[1], IM_STATUS_FAILURE);
	assert_int_equal(rig_account("nic").sends_good, 5);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	assert_int_equal(im_binding_outstanding(rig_top.binding), 0);
	assert_int_equal(im_binding_outstanding(rig_top2.binding), 0);
	rig_packets_free(packets, 6);
	rig_down();
}

static void runs_of_one_sender_are_one_call(void **state)
{
	struct im_packet *packets[8];

	(void)state;
	rig_up("nic", 0);
	assert_int_equal(rig_bind("top2", "nic", "top2"), IM_STATUS_SUCCESS);
	rig_nic.when = RIG_LATER;
	rig_packets(packets, 8);
	im_send_packets(rig_top.binding, packets, 4);
	im_send_packets(rig_top2.binding, packets + 4, 4);
	rig_complete(0, 8, IM_STATUS_SUCCESS);
	assert_int_equal(rig_top.done.calls, 1);
	assert_int_equal(rig_top2.done.calls, 1);
	rig_packets_free(packets, 8);
	rig_down();
}

/* A driver that splits a burst completes its part, and what it passes on keeps its order. */
/* contract: 4.2 4.6 */
static void what_a_driver_denies_is_completed_by_it_alone(void **state)
{
	struct im_packet *packets[10];

	(void)state;
	rig_core_up("nic");
	assert_int_equal(rig_bind(RIG_PICKY, "nic", "p"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("top", "p", "top"), IM_STATUS_SUCCESS);
	im_restart(im_find_instance("nic"));
	im_restart(im_find_instance("p"));
	rig_nic.when = RIG_LATER;
	rig_packets(packets, 10); /* lengths 60, 61, ...: odd ones pass */
	im_send_packets(rig_top.binding, packets, 10);
	assert_int_equal(rig_nic.sent.count, 5);
	assert_int_equal(rig_top.done.count, 5);
	for (uint32_t i = 0; i < 5; i++) {
		assert_ptr_equal(rig_nic.sent.packets[i], packets[2 * i + 1]);
		assert_ptr_equal(rig_top.done.packets[i], packets[2 * i]);
		assert_int_equal(rig_top.done.statuses[i], IM_STATUS_FAILURE);
	}
	rig_complete(0, 5, IM_STATUS_SUCCESS);
	assert_int_equal(rig_top.done.count, 10);
	rig_packets_free(packets, 10);
	rig_down();
}

/* contract: 4.1 */
static void no_packets_are_no_call(void **state)
{
	(void)state;
	rig_up("nic", 1);
	im_send_packets(rig_top.binding, NULL, 0);
	im_send_complete(rig_nic.instance, NULL, 0);
	assert_int_equal(rig_nic.sent.calls, 0); /* n is 1 or more (4.1) */
	assert_int_equal(rig_top.done.calls, 0);
	rig_down();
}

/* contract: 2.32 */
static void a_single_packet_goes_as_a_batch_of_one(void **state)
{
	struct im_packet *packet;

	(void)state;
	for (size_t h = 0; h < RTE_DIM(heights); h++) {
		rig_up("nic", heights[h]);
		rig_nic.when = RIG_INLINE;
		packet = rig_packet(RIG_LEVELS_MAX + 2, 60);
		im_send(rig_top.binding, packet);
		rig_expect(&rig_nic.sent, &packet, 1); /* 2.32 */
		rig_expect(&rig_top.done, &packet, 1);
		rig_packets_free(&packet, 1);
		rig_down();
	}
}

/* ---- A miniport with `send` alone -------------------------------------------------------------------- */

/* contract: 2.32 4.3 4.9 4.11 */
static void send_alone_gets_single_packets(void **state)
{
	struct im_packet *packets[7];

	(void)state;
	rig_up("nic1", 1);
	rig_nic.when = RIG_INLINE;
	rig_nic.status = IM_STATUS_RESOURCES;
	rig_packets(packets, 7);
	im_send_packets(rig_top.binding, packets, 7);
	rig_expect(&rig_nic.sent, packets, 7);
	assert_int_equal(rig_nic.sent.calls, 7); /* one each (2.32) */
	rig_expect(&rig_top.done, packets, 7);
	for (int i = 0; i < 7; i++)
		assert_int_equal(rig_top.done.statuses[i], IM_STATUS_RESOURCES);
	rig_packets_free(packets, 7);
	rig_down();
}

/* contract: 4.11 */
static void send_that_pends_is_completed_later_and_once(void **state)
{
	struct im_packet *packets[4];

	(void)state;
	rig_up("nic1", 1);
	rig_nic.when = RIG_LATER;
	rig_packets(packets, 4);
	im_send_packets(rig_top.binding, packets, 4);
	rig_expect(&rig_nic.sent, packets, 4);
	assert_int_equal(rig_top.done.count, 0);
	rig_complete(0, 4, IM_STATUS_SUCCESS);
	rig_expect(&rig_top.done, packets, 4);
	rig_packets_free(packets, 4);
	rig_down();
}

/* A miniport that gave both handlers. */
static uint32_t singles, batches;

static im_status_t count_single(void *context, struct im_packet *packet, uint32_t flags)
{
	(void)context, (void)packet, (void)flags;
	singles++;
	return IM_STATUS_SUCCESS;
}

static void count_batch(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_nic *nic = context;

	batches++;
	packets[0]->status = IM_STATUS_SUCCESS;
	im_send_complete(nic->instance, packets, count);
}

/* contract: 2.15 2.31 */
static void send_packets_wins_over_send_for_one_packet_too(void **state)
{
	struct im_packet *packet;
	struct im_miniport *nic;

	(void)state;
	rig_up("nic", 0);
	nic = rig_nic.instance->miniport;
	nic->handlers.send = count_single;
	nic->handlers.send_packets = count_batch;
	singles = batches = 0;
	packet = rig_packet(1, 60);
	im_send_packets(rig_top.binding, &packet, 1);
	assert_int_equal(batches, 1); /* 2.31 */
	assert_int_equal(singles, 0);
	assert_int_equal(rig_top.done.count, 1);
	free(packet);
	rig_down();
}

/* ---- Bookkeeping ------------------------------------------------------------------------------------- */

/* contract: 4.31 */
static void a_send_is_outstanding_until_its_completion_is_through(void **state)
{
	struct im_packet *packet;

	(void)state;
	rig_up("nic", 1);
	rig_nic.when = RIG_LATER;
	packet = rig_packet(3, 60);
	im_send_packets(rig_top.binding, &packet, 1);
	rig_complete(0, 1, IM_STATUS_SUCCESS);
	assert_int_equal(rig_top.outstanding, 1); /* inside send_complete (4.31) */
	assert_int_equal(im_outstanding(im_find_instance("r0")), 0);
	free(packet);
	rig_down();
}

static void a_binding_knows_what_it_has_out(void **state)
{
	struct im_packet *packets[5];

	(void)state;
	rig_up("nic", 1);
	rig_nic.when = RIG_LATER;
	rig_packets(packets, 5);
	im_send_packets(rig_top.binding, packets, 5);
	assert_int_equal(im_binding_outstanding(rig_top.binding), 5);
	rig_complete(0, 2, IM_STATUS_SUCCESS);
	assert_int_equal(im_binding_outstanding(rig_top.binding), 3);
	rig_complete(2, 3, IM_STATUS_SUCCESS);
	assert_int_equal(im_binding_outstanding(rig_top.binding), 0);
	rig_packets_free(packets, 5);
	rig_down();
}

/* 4.36: good and failed follow the completion's status, and each packet counts once. */
/* contract: 4.36 */
static void good_and_failed_sends_are_counted_by_their_completion(void **state)
{
	struct im_packet *packets[7];
	struct im_account sum;

	(void)state;
	rig_up("nic", 0);
	rig_nic.when = RIG_LATER;
	rig_packets(packets, 7);
	im_send_packets(rig_top.binding, packets, 5);
	rig_complete(0, 3, IM_STATUS_SUCCESS);
	rig_complete(3, 2, IM_STATUS_SEND_ABORTED);
	im_close_gate(&rig_nic.instance->gate, IM_GATE_LOW_POWER);
	im_send_packets(rig_top.binding, packets + 5, 2); /* refused is failed */
	im_open_gate(&rig_nic.instance->gate, IM_GATE_LOW_POWER);
	sum = rig_account("nic");
	assert_int_equal(sum.sends_done, 7);
	assert_int_equal(sum.sends_good, 3);
	assert_int_equal(sum.sends_begun, 7);
	rig_packets_free(packets, 7);
	rig_down();
}

static void packets_and_bytes_are_counted_where_they_go_through(void **state)
{
	struct im_packet *packets[5];

	(void)state;
	rig_up("nic", 3);
	rig_nic.when = RIG_INLINE;
	rig_packets(packets, 5);
	im_send_packets(rig_top.binding, packets, 5);
	for (int level = 0; level < 3; level++) {
		char name[16];
		struct im_account sum;

		snprintf(name, sizeof(name), "r%d", level);
		sum = rig_account(name);
		assert_int_equal(sum.handled[SLUICE_OUT].packets, 5);
		assert_int_equal(sum.handled[SLUICE_OUT].bytes, 60 + 61 + 62 + 63 + 64);
		assert_int_equal(sum.sends_good, 5);
	}
	rig_packets_free(packets, 5);
	rig_down();
}

/* ---- Cancel ------------------------------------------------------------------------------------------ */

/* contract: 4.25 */
static void a_cancel_reaches_the_miniport_through_every_level(void **state)
{
	(void)state;
	rig_up("nic", 3);
	im_cancel_send_packets(rig_top.binding, 0x05000001);
	assert_int_equal(rig_nic.cancels, 1); /* 4.24, 4.25 */
	assert_int_equal(rig_nic.cancelled, 0x05000001);
	rig_down();
}

/* contract: 2.25 4.27 */
static void a_cancel_without_id_or_handler_is_a_no_op(void **state)
{
	(void)state;
	rig_up("nic", 0);
	im_cancel_send_packets(rig_top.binding, 0); /* every packet without an id has this one */
	assert_int_equal(rig_nic.cancels, 0);
	rig_nic.instance->miniport->handlers.cancel_send_packets = NULL;
	im_cancel_send_packets(rig_top.binding, 7); /* 4.27 */
	rig_down();
}

/* ---- Words ------------------------------------------------------------------------------------------- */

/* Each level writes its own words before it hands on, and finds them when the packet is back (2.54, 2.57). */
/* contract: 2.57 */
static void words_of_each_level_are_kept_apart(void **state)
{
	struct im_packet *packet;
	struct im_binding *bindings[3];

	(void)state;
	rig_unverified(); /* it writes what only a driver may */
	rig_up("nic", 2);
	rig_nic.when = RIG_LATER;
	packet = rig_packet(4, 60);
	bindings[0] = rig_top.binding;
	im_packet_words(packet)[0] = 0x1111;
	im_packet_words(packet)[1] = 0x2222;
	im_send_packets(bindings[0], &packet, 1);
	/* r0 and r1 have handed on; the nic's own slot is the fourth */
	assert_int_equal(packet->depth, 3);
	im_packet_words(packet)[0] = 0x7777;
	for (int level = 1; level < 3; level++)
		packet->stack[level].words[0] = 0x1000u * (unsigned)level;
	rig_complete(0, 1, IM_STATUS_SUCCESS);
	assert_int_equal(packet->depth, 0);
	assert_int_equal(im_packet_words(packet)[0], 0x1111);
	assert_int_equal(im_packet_words(packet)[1], 0x2222);
	free(packet);
	rig_down();
}

/* Three drivers and two slots: the last one puts a descriptor of its own in the packet's place (2.55, 2.56). */
/* contract: 4.17 */
static void a_stack_higher_than_the_slots_gives_the_same_packet_back(void **state)
{
	struct im_packet *packet;

	(void)state;
	rig_up("nic", 3);
	rig_nic.when = RIG_LATER;
	packet = rig_packet(2, 60);
	im_send_packets(rig_top.binding, &packet, 1);
	assert_int_equal(rig_nic.sent.count, 1);
	assert_ptr_not_equal(rig_nic.sent.packets[0], packet);
	assert_ptr_equal(rig_nic.sent.packets[0]->mbuf, packet->mbuf);
	rig_complete(0, 1, IM_STATUS_SUCCESS);
	rig_expect(&rig_top.done, &packet, 1);
	rig_packets_free(&packet, 1);
	rig_down();
}

/* contract: 2.54 */
static void there_are_no_words_beyond_the_last_slot(void **state)
{
	struct im_packet *packet = rig_packet(0, 60);

	(void)state;
	assert_null(im_packet_words(packet)); /* none left: the driver needs a descriptor of its own (2.54) */
	free(packet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inline_completions_come_back_once_with_their_status),
		cmocka_unit_test(later_completions_come_back_once_in_any_batches),
		cmocka_unit_test(completions_in_reverse_reach_the_sender),
		cmocka_unit_test(more_than_a_burst_goes_in_bursts_and_in_order),
		cmocka_unit_test(the_array_is_the_senders_to_overwrite),
		cmocka_unit_test(each_sender_gets_its_own_back),
		cmocka_unit_test(runs_of_one_sender_are_one_call),
		cmocka_unit_test(what_a_driver_denies_is_completed_by_it_alone),
		cmocka_unit_test(no_packets_are_no_call),
		cmocka_unit_test(a_single_packet_goes_as_a_batch_of_one),
		cmocka_unit_test(send_alone_gets_single_packets),
		cmocka_unit_test(send_that_pends_is_completed_later_and_once),
		cmocka_unit_test(send_packets_wins_over_send_for_one_packet_too),
		cmocka_unit_test(a_send_is_outstanding_until_its_completion_is_through),
		cmocka_unit_test(a_binding_knows_what_it_has_out),
		cmocka_unit_test(good_and_failed_sends_are_counted_by_their_completion),
		cmocka_unit_test(packets_and_bytes_are_counted_where_they_go_through),
		cmocka_unit_test(a_cancel_reaches_the_miniport_through_every_level),
		cmocka_unit_test(a_cancel_without_id_or_handler_is_a_no_op),
		cmocka_unit_test(words_of_each_level_are_kept_apart),
		cmocka_unit_test(a_stack_higher_than_the_slots_gives_the_same_packet_back),
		cmocka_unit_test(there_are_no_words_beyond_the_last_slot),
	};

	return rig_run(tests);
}
