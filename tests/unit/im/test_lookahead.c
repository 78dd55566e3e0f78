/* SPDX-License-Identifier: BSD-3-Clause */
/* Receives by look-ahead, and the rest of a frame by transfer_data (contract section 5C). */
#include <string.h>

#include "rig.h"

#define HEADER 14u

/* What a top does in its receive handler, and what came of it. */
static struct im_packet *rest;
static uint32_t ask_offset, ask_length;
static im_status_t answer;
static uint32_t answered;

static im_status_t pull(struct rig_top *top, const struct im_lookahead *lookahead)
{
	answer = im_transfer_data(top->binding, lookahead->receive_context, ask_offset, ask_length, rest, &answered);
	return IM_STATUS_SUCCESS;
}

static im_status_t decline(struct rig_top *top, const struct im_lookahead *lookahead)
{
	(void)top, (void)lookahead;
	return IM_STATUS_NOT_ACCEPTED; /* 5.28 */
}

/* The nic's frame: a header of 14 bytes, then @p length bytes of which @p seen are shown. */
static uint8_t frame[HEADER + 1000];

static void show(uint32_t seen, uint32_t length)
{
	struct im_lookahead lookahead = {
		.receive_context = &rig_nic,
		.header = frame,
		.data = frame + HEADER,
		.header_length = HEADER,
		.data_length = seen,
		.packet_length = length,
	};

	for (uint32_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 7);
	rig_nic.frame = frame + HEADER;
	rig_nic.frame_length = length;
	im_indicate_receive(rig_nic.instance, &lookahead);
}

static void nic_up(uint32_t room)
{
	rig_up("nic", 0);
	rest = rig_packet(4, room);
	ask_offset = ask_length = answered = 0;
	answer = IM_STATUS_FAILURE;
}

static void nic_down(void)
{
	rig_packets_free(&rest, 1);
	rig_down();
}

/* ---- What is shown ------------------------------------------------------------------------------------ */

/* contract: 5.23 */
static void a_frame_is_shown_with_header_data_and_full_length(void **state)
{
	(void)state;
	nic_up(10);
	show(40, 600);
	assert_int_equal(rig_top.looked.calls, 1);
	assert_int_equal(rig_top.looked.header_length, HEADER); /* 5.23 */
	assert_int_equal(rig_top.looked.data_length, 40);
	assert_int_equal(rig_top.looked.packet_length, 600);
	assert_memory_equal(rig_top.looked.bytes, frame, HEADER + 40);
	assert_int_equal(rig_account("nic").indicated, 1);
	assert_int_equal(rig_binding_account(&rig_top).handled[SLUICE_IN].bytes, HEADER + 600);
	nic_down();
}

/* contract: 5.28 */
static void every_receiver_is_shown_it(void **state)
{
	(void)state;
	nic_up(10);
	assert_int_equal(rig_bind("top2", "nic", "top2"), IM_STATUS_SUCCESS);
	rig_top.in_receive = decline; /* and one that does not want it is in nobody's way (5.28) */
	show(40, 40);
	assert_int_equal(rig_top.looked.calls, 1);
	assert_int_equal(rig_top2.looked.calls, 1);
	assert_int_equal(rig_account("nic").indicated, 1);
	nic_down();
}

/* contract: 5.27 */
static void complete_is_said_once_for_any_number_of_frames(void **state)
{
	(void)state;
	nic_up(10);
	assert_int_equal(rig_bind("top2", "nic", "top2"), IM_STATUS_SUCCESS);
	for (int i = 0; i < 3; i++)
		show(40, 40);
	assert_int_equal(rig_top.complete, 0);
	im_indicate_receive_complete(rig_nic.instance);
	assert_int_equal(rig_top.complete, 1); /* 5.27 */
	assert_int_equal(rig_top2.complete, 1);
	nic_down();
}

/* contract: 5.9 5.10 */
static void each_gate_turns_frames_away(void **state)
{
	static const struct {
		uint32_t gate;
		uint32_t drop;
	} gates[] = {
		{IM_GATE_STOPPED, SLUICE_DROP_NOT_RUNNING},
		{IM_GATE_LOW_POWER, SLUICE_DROP_NOT_RUNNING},
		{IM_GATE_NO_FILTER, SLUICE_DROP_PACKET_FILTER},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(gates); i++) {
		nic_up(10);
		im_close_gate(&rig_nic.instance->gate, gates[i].gate);
		show(40, 40);
		im_open_gate(&rig_nic.instance->gate, gates[i].gate);
		assert_int_equal(rig_top.looked.calls, 0); /* 5.9, 5.10 */
		assert_int_equal(rig_account("nic").drops[SLUICE_IN][gates[i].drop], 1);
		nic_down();
	}
}

static void without_a_protocol_above_a_frame_is_counted(void **state)
{
	(void)state;
	rig_core_up("nic");
	im_restart(rig_nic.instance);
	rig_want_packets("nic");
	show(40, 40);
	im_indicate_receive_complete(rig_nic.instance);
	assert_int_equal(rig_account("nic").drops[SLUICE_IN][SLUICE_DROP_NOT_RUNNING], 1);
	rig_down();
}

/* ---- The rest ----------------------------------------------------------------------------------------- */

/* contract: 5.24 5.25 */
static void the_rest_comes_from_the_miniport(void **state)
{
	(void)state;
	nic_up(560);
	rig_top.in_receive = pull;
	ask_offset = 40;
	ask_length = 560;
	show(40, 600);
	assert_int_equal(answer, IM_STATUS_SUCCESS);
	assert_int_equal(answered, 560);
	assert_int_equal(rest->length, 560);
	for (uint32_t i = 0; i < 560; i++)
		assert_int_equal(*rig_byte(rest, i), frame[HEADER + 40 + i]);
	assert_int_equal(rig_top.transfers, 0); /* not PENDING: no completion (3.17) */
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	nic_down();
}

/* contract: 5.25 */
static void a_transfer_that_pends_completes_once(void **state)
{
	(void)state;
	nic_up(600);
	rig_top.in_receive = pull;
	rig_nic.when = RIG_LATER;
	ask_length = 600;
	show(40, 600);
	assert_int_equal(answer, IM_STATUS_PENDING); /* 5.25 */
	assert_int_equal(rest->depth, 1);
	assert_int_equal(im_outstanding(rig_nic.instance), 1); /* halt and close wait for it */
	assert_int_equal(im_binding_outstanding(rig_top.binding), 1);
	im_transfer_data_complete(rig_nic.instance, rest, IM_STATUS_SUCCESS, 600);
	assert_int_equal(rig_top.transfers, 1);
	assert_ptr_equal(rig_top.transfer, rest);
	assert_int_equal(rig_top.transfer_status, IM_STATUS_SUCCESS);
	assert_int_equal(rig_top.transferred, 600);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	assert_int_equal(im_binding_outstanding(rig_top.binding), 0);
	nic_down();
}

/* The completion may come before the call has said PENDING (3.18). */
static im_status_t complete_then_pend(struct im_packet *packet, uint32_t *transferred, void *context,
				      void *receive_context, uint32_t offset, uint32_t length)
{
	(void)transferred, (void)context, (void)receive_context, (void)offset;
	im_transfer_data_complete(rig_nic.instance, packet, IM_STATUS_SUCCESS, length);
	return IM_STATUS_PENDING;
}

/* contract: 5.25 */
static void a_transfer_may_complete_before_it_pends(void **state)
{
	(void)state;
	nic_up(10);
	rig_nic.instance->miniport->handlers.transfer_data = complete_then_pend;
	rig_top.in_receive = pull;
	ask_length = 10;
	show(0, 10);
	assert_int_equal(answer, IM_STATUS_PENDING);
	assert_int_equal(rig_top.transfers, 1);
	assert_int_equal(rest->depth, 0);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	nic_down();
}

/* contract: 5.25 */
static void a_transfer_may_fail(void **state)
{
	(void)state;
	nic_up(10);
	rig_nic.status = IM_STATUS_FAILURE;
	rig_top.in_receive = pull;
	show(0, 10);
	assert_int_equal(answer, IM_STATUS_FAILURE);
	assert_int_equal(rest->depth, 0);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	nic_down();
}

/* The relay makes a packet of it: there is no card's buffer here, so it is lost, and counted, and nothing is leaked. */
/* contract: 5.22 */
static void a_driver_without_buffers_counts_the_frame(void **state)
{
	(void)state;
	rig_up("nic", 1);
	show(40, 600);
	im_indicate_receive_complete(rig_nic.instance);
	assert_int_equal(rig_top.looked.calls + rig_top.received.count, 0);
	assert_int_equal(rig_account("r0").drops[SLUICE_IN][SLUICE_DROP_NO_DESCRIPTOR], 1);
	rig_down();
}

/* ---- Through an intermediate driver that shows what it is shown ----------------------------------------- */

static struct im_instance *middle;
static struct im_binding *below_middle;

static im_status_t show_on(void *context, const struct im_lookahead *lookahead)
{
	below_middle = ((struct im_relay *)context)->below;
	im_indicate_receive(middle, lookahead);
	return IM_STATUS_SUCCESS;
}

static void complete_on(void *context)
{
	(void)context;
	im_indicate_receive_complete(middle);
}

static im_status_t transfer_on(struct im_packet *packet, uint32_t *transferred, void *context, void *receive_context,
			       uint32_t offset, uint32_t length)
{
	(void)context;
	return im_transfer_data(below_middle, receive_context, offset, length, packet, transferred);
}

static void transfer_completed_on(void *context, struct im_packet *packet, im_status_t status, uint32_t transferred)
{
	(void)context;
	im_transfer_data_complete(middle, packet, status, transferred);
}

static void middle_up(void)
{
	struct im_protocol_characteristics *protocol;

	rig_up("nic", 1);
	middle = im_find_instance("r0");
	protocol = &im_find_driver("relay")->wrapper->protocol->handlers;
	protocol->receive = show_on;
	protocol->receive_complete = complete_on;
	protocol->transfer_data_complete = transfer_completed_on;
	middle->miniport->handlers.transfer_data = transfer_on;
	rest = rig_packet(4, 560);
	rig_top.in_receive = pull;
	ask_offset = 40;
	ask_length = 560;
}

/* The innermost frame of a thread is the one shown last; a transfer for the outer one finds it behind that (5.26). */
/* contract: 5.26 */
static void a_driver_between_passes_frame_and_transfer_on(void **state)
{
	(void)state;
	middle_up();
	show(40, 600);
	im_indicate_receive_complete(rig_nic.instance);
	assert_int_equal(rig_top.looked.calls, 1);
	assert_int_equal(rig_top.complete, 1);
	assert_int_equal(answer, IM_STATUS_SUCCESS);
	assert_int_equal(answered, 560);
	for (uint32_t i = 0; i < 560; i++)
		assert_int_equal(*rig_byte(rest, i), frame[HEADER + 40 + i]);
	nic_down();
}

/* contract: 5.26 */
static void a_transfer_that_pends_comes_back_through_the_driver_between(void **state)
{
	(void)state;
	middle_up();
	rig_nic.when = RIG_LATER;
	show(40, 600);
	assert_int_equal(answer, IM_STATUS_PENDING);
	assert_int_equal(rest->depth, 2);
	im_transfer_data_complete(rig_nic.instance, rest, IM_STATUS_SUCCESS, 560);
	assert_int_equal(rig_top.transfers, 1);
	assert_int_equal(rig_top.transferred, 560);
	assert_int_equal(rest->depth, 0);
	assert_int_equal(im_outstanding(middle), 0);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	nic_down();
}

/* ---- Packets that are for the call only ----------------------------------------------------------------- */

static struct im_packet *whole;

static void borrow(uint32_t length, uint32_t size)
{
	whole = rig_packet_in(4, length, size);
	whole->status = IM_STATUS_RESOURCES;
	im_indicate_receive_packets(rig_nic.instance, &whole, 1);
}

/* contract: 5.7 5.23 11.18 */
static void a_packet_is_shown_by_its_first_buffer(void **state)
{
	static const struct {
		uint32_t length, size, header, data;
	} cases[] = {
		{60, 60, 14, 46},		  /* one buffer: all of it */
		{600, 100, 14, 86},		  /* six: what the first one holds */
		{60, 14, 14, 0},		  /* the header alone */
		{60, 5, 14, 0},			  /* not even that: it is put together */
		{14, 14, 14, 0},    {9, 9, 9, 0}, /* shorter than a header */
		{0, 1, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		nic_up(10);
		borrow(cases[i].length, cases[i].size);
		assert_int_equal(rig_top.looked.calls, 1);
		assert_int_equal(rig_top.looked.header_length, cases[i].header);
		assert_int_equal(rig_top.looked.data_length, cases[i].data);
		assert_int_equal(rig_top.looked.packet_length, cases[i].length - cases[i].header);
		for (uint32_t k = 0; k < cases[i].header + cases[i].data; k++)
			assert_int_equal(rig_top.looked.bytes[k], (uint8_t)k);
		assert_int_equal(rig_top.complete, 1);
		rig_packets_free(&whole, 1);
		nic_down();
	}
}

/* Short at the end of the frame, nothing beyond it (5.25), into whatever buffers the receiver has. */
/* contract: 5.25 */
static void the_rest_of_a_packet_is_copied_by_the_core(void **state)
{
	static const struct {
		uint32_t offset, length, transferred, room, size;
	} cases[] = {
		{0, 586, 586, 586, 586},  {86, 500, 500, 500, 500},
		{86, 500, 500, 500, 77},  {300, 100, 100, 200, 200},
		{500, 500, 86, 500, 500}, {585, 9, 1, 9, 9},
		{586, 9, 0, 9, 9},	  {4000, 9, 0, 9, 9},
		{0, 0, 0, 9, 9},	  {0, UINT32_MAX, 586, 586, 600},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		nic_up(1);
		rig_packets_free(&rest, 1);
		rest = rig_packet_in(4, cases[i].room, cases[i].size);
		rig_top.in_receive = pull;
		ask_offset = cases[i].offset;
		ask_length = cases[i].length;
		borrow(600, 100);
		assert_int_equal(answer, IM_STATUS_SUCCESS);
		assert_int_equal(answered, cases[i].transferred);
		assert_int_equal(rest->length, cases[i].transferred);
		assert_int_equal(rest->mbuf->pkt_len, cases[i].transferred);
		for (uint32_t k = 0; k < answered; k++)
			assert_int_equal(*rig_byte(rest, k), (uint8_t)(HEADER + ask_offset + k));
		rig_packets_free(&whole, 1);
		nic_down();
	}
}

static void a_packet_too_small_for_the_rest_is_told_so(void **state)
{
	(void)state;
	nic_up(100);
	rig_top.in_receive = pull;
	ask_length = 500;
	borrow(600, 600);
	assert_int_equal(answer, IM_STATUS_RESOURCES);
	assert_int_equal(answered, 100);
	rig_packets_free(&whole, 1);
	nic_down();
}

/* ---- What aborts --------------------------------------------------------------------------------------- */

static void *kept_context;

static im_status_t keep_context(struct rig_top *top, const struct im_lookahead *lookahead)
{
	(void)top;
	kept_context = lookahead->receive_context;
	return IM_STATUS_SUCCESS;
}

static void transfer_after_the_call(void)
{
	nic_up(10);
	rig_top.in_receive = keep_context;
	show(10, 20);
	im_transfer_data(rig_top.binding, kept_context, 0, 10, rest, &answered);
}

static void transfer_of_a_borrowed_packet_after_the_call(void)
{
	nic_up(10);
	rig_top.in_receive = keep_context;
	borrow(60, 60);
	im_transfer_data(rig_top.binding, kept_context, 0, 10, rest, &answered);
}

static im_status_t pull_with_another_context(struct rig_top *top, const struct im_lookahead *lookahead)
{
	(void)lookahead;
	im_transfer_data(top->binding, &answered, 0, 10, rest, &answered);
	return IM_STATUS_SUCCESS;
}

static void transfer_of_another_frame(void)
{
	nic_up(10);
	rig_top.in_receive = pull_with_another_context;
	show(10, 20);
}

static im_status_t pull_for_the_other(struct rig_top *top, const struct im_lookahead *lookahead)
{
	(void)top;
	im_transfer_data(rig_top2.binding, lookahead->receive_context, 0, 10, rest, &answered);
	return IM_STATUS_SUCCESS;
}

static void transfer_by_who_does_not_look(void)
{
	nic_up(10);
	assert_int_equal(rig_bind("top2", "nic", "top2"), IM_STATUS_SUCCESS);
	rig_top.in_receive = pull_for_the_other;
	show(10, 20);
}

static void lookahead_without_transfer_handler(void)
{
	nic_up(10);
	rig_nic.instance->miniport->handlers.transfer_data = NULL;
	show(10, 20);
}

static void lookahead_longer_than_the_frame(void)
{
	nic_up(10);
	show(30, 20);
}

static void transfer_without_completion_handler(void)
{
	nic_up(10);
	rig_top.binding->protocol->handlers.transfer_data_complete = NULL;
	rig_top.in_receive = pull;
	show(10, 20);
}

static void transfer_into_a_packet_without_slots(void)
{
	nic_up(10);
	rest->slots = 0;
	rig_top.in_receive = pull;
	show(10, 20);
}

static void complete_a_transfer_that_does_not_pend(void)
{
	nic_up(10);
	im_transfer_data_complete(rig_nic.instance, rest, IM_STATUS_SUCCESS, 0);
}

static void complete_a_send_as_a_transfer(void)
{
	nic_up(10);
	rig_nic.when = RIG_LATER;
	im_send_packets(rig_top.binding, &rest, 1);
	im_transfer_data_complete(rig_nic.instance, rest, IM_STATUS_SUCCESS, 0);
}

static void complete_a_transfer_twice(void)
{
	nic_up(10);
	rig_top.in_receive = pull;
	rig_nic.when = RIG_LATER;
	show(10, 20);
	im_transfer_data_complete(rig_nic.instance, rest, IM_STATUS_SUCCESS, 0);
	im_transfer_data_complete(rig_nic.instance, rest, IM_STATUS_SUCCESS, 0);
}

static void complete_a_transfer_as_pending(void)
{
	nic_up(10);
	rig_top.in_receive = pull;
	rig_nic.when = RIG_LATER;
	show(10, 20);
	im_transfer_data_complete(rig_nic.instance, rest, IM_STATUS_PENDING, 0);
}

/* contract: 2.16 2.30 3.10 5.23 5.24 5.25 */
static void breaches_abort_with_their_statement(void **state)
{
	(void)state;
	rig_expect_violation("5.24", transfer_after_the_call);
	rig_expect_violation("5.24", transfer_of_a_borrowed_packet_after_the_call);
	rig_expect_violation("5.24", transfer_of_another_frame);
	rig_expect_violation("5.24", transfer_by_who_does_not_look);
	rig_expect_violation("2.30", lookahead_without_transfer_handler);
	rig_expect_violation("5.23", lookahead_longer_than_the_frame);
	rig_expect_violation("3.10", transfer_without_completion_handler);
	rig_expect_violation("2.54", transfer_into_a_packet_without_slots);
	rig_expect_violation("5.25", complete_a_transfer_that_does_not_pend);
	rig_expect_violation("5.25", complete_a_send_as_a_transfer);
	rig_expect_violation("5.25", complete_a_transfer_twice);
	rig_expect_violation("5.25", complete_a_transfer_as_pending);
}

/* Where a violation is only counted, the transfer has failed and nothing was copied. */
/* contract: 5.24 */
static void a_transfer_outside_of_the_call_fails(void **state)
{
	(void)state;
	rig_count_violations(true);
	nic_up(10);
	rig_top.in_receive = keep_context;
	show(10, 20);
	answered = 99;
	assert_int_equal(im_transfer_data(rig_top.binding, kept_context, 0, 10, rest, &answered), IM_STATUS_FAILURE);
	assert_int_equal(answered, 0);
	assert_int_equal(rig_nic.transfers, 0);
	assert_int_equal(im_violations(), 1);
	nic_down();
	rig_count_violations(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_is_shown_with_header_data_and_full_length),
		cmocka_unit_test(every_receiver_is_shown_it),
		cmocka_unit_test(complete_is_said_once_for_any_number_of_frames),
		cmocka_unit_test(each_gate_turns_frames_away),
		cmocka_unit_test(without_a_protocol_above_a_frame_is_counted),
		cmocka_unit_test(the_rest_comes_from_the_miniport),
		cmocka_unit_test(a_transfer_that_pends_completes_once),
		cmocka_unit_test(a_transfer_may_complete_before_it_pends),
		cmocka_unit_test(a_transfer_may_fail),
		cmocka_unit_test(a_driver_without_buffers_counts_the_frame),
		cmocka_unit_test(a_driver_between_passes_frame_and_transfer_on),
		cmocka_unit_test(a_transfer_that_pends_comes_back_through_the_driver_between),
		cmocka_unit_test(a_packet_is_shown_by_its_first_buffer),
		cmocka_unit_test(the_rest_of_a_packet_is_copied_by_the_core),
		cmocka_unit_test(a_packet_too_small_for_the_rest_is_told_so),
		cmocka_unit_test(breaches_abort_with_their_statement),
		cmocka_unit_test(a_transfer_outside_of_the_call_fails),
	};

	return rig_run(tests);
}
