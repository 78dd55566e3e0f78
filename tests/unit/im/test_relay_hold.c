/* SPDX-License-Identifier: BSD-3-Clause */
/* A relay while the adapter below it is being reset (7.7): what it holds, in what order it goes on, who gets it out. */
#include <string.h>

#include "../edge/eal.h"
#include "bed.h"
#include "im/relay/relay_inside.h"

#define MANY (HOLD_MAX + 5)

static struct im_packet *packets[MANY];

/* A reset of the nic that pends until end_reset(). */
static void begin_reset(void)
{
	assert_int_equal(im_reset(bed_top.binding), IM_STATUS_NOT_RESETTABLE); /* a relay's VNIC is not (7.9) */
	assert_int_equal(im_begin_reset(bed_nic.instance, NULL), IM_STATUS_SUCCESS);
	im_schedule_work(&bed_nic.instance->reset.work);
	im_run_work();
	assert_true(bed_relay("r0")->gate & IM_RELAY_HOLDING);
}

static void end_reset(void)
{
	im_reset_complete(bed_nic.instance, IM_STATUS_SUCCESS, false);
	im_run_work();
}

static void up(uint16_t count)
{
	bed_up(1);
	bed_make(packets, 0, count, 8);
}

static void down(uint16_t count)
{
	bed_unmake(packets, count);
	bed_down();
}

/* ---- Held, and let go ------------------------------------------------------------------------------- */

/* contract: 4.32 7.7 */
static void sends_wait_for_the_end_of_a_reset(void **state)
{
	(void)state;
	up(9);
	begin_reset();
	im_send_packets(bed_top.binding, packets, 5);
	im_send_packets(bed_top.binding, packets + 5, 4);
	assert_int_equal(bed_nic.sent.count, 0);
	assert_int_equal(bed_top.done.count, 0);
	end_reset();
	bed_expect(&bed_nic.sent, 0, packets, 9);
	bed_expect(&bed_top.done, 0, packets, 9);
	assert_int_equal(bed_relay("r0")->gate, 0); /* the short way again */
	down(9);
}

/* contract: 7.7 */
static void receives_wait_too(void **state)
{
	(void)state;
	up(6);
	bed_top.keeps = true;
	begin_reset();
	im_indicate_receive_packets(bed_nic.instance, packets, 6);
	assert_int_equal(bed_top.received.count, 0);
	assert_int_equal(bed_nic.home.count, 0);
	end_reset();
	bed_expect(&bed_top.received, 0, packets, 6);
	im_return_packets(bed_top.binding, packets, 6);
	bed_expect(&bed_nic.home, 0, packets, 6);
	down(6);
}

/* contract: 7.7 11.4 */
static void returns_go_down_during_a_reset(void **state)
{
	(void)state;
	up(3);
	bed_top.keeps = true;
	im_indicate_receive_packets(bed_nic.instance, packets, 3);
	begin_reset();
	im_return_packets(bed_top.binding, packets, 3);
	bed_expect(&bed_nic.home, 0, packets, 3);
	end_reset();
	down(3);
}

/* ---- A worker's ------------------------------------------------------------------------------------- */

static void send_first(void)
{
	im_send_packets(bed_top.binding, packets, 4);
}

/* What comes while they go goes behind them, and what comes after goes straight. */
static void send_more_then_drain(void)
{
	im_send_packets(bed_top.binding, packets + 4, 2);
	assert_int_equal(bed_nic.sent.count, 0);
	im_run_dpcs(im_this_worker);
	bed_expect(&bed_nic.sent, 0, packets, 6);
	im_send_packets(bed_top.binding, packets + 6, 1);
	bed_expect(&bed_nic.sent, 0, packets, 7);
}

/* contract: 4.20 11.5 */
static void a_worker_lets_its_own_go_in_order(void **state)
{
	(void)state;
	up(7);
	begin_reset();
	bed_as_worker(send_first);
	end_reset();
	assert_int_equal(bed_nic.sent.count, 0); /* nobody else does that for it */
	bed_as_worker(send_more_then_drain);
	assert_int_equal(bed_relay("r0")->gate, 0);
	down(7);
}

static void (*send_complete)(void *context, struct im_packet **done, uint16_t count);

/* From the completion of the first that is let go, while the others are not. */
static void send_again(void *context, struct im_packet **done, uint16_t count)
{
	if (done[0] == packets[0])
		im_send_packets(bed_top.binding, packets + 100, 1);
	send_complete(context, done, count);
}

/* contract: 4.20 11.15 */
static void a_send_from_a_completion_goes_behind_what_is_let_go(void **state)
{
	struct im_protocol_characteristics *top;

	(void)state;
	up(101);
	top = &im_find_driver("top")->wrapper->protocol->handlers;
	send_complete = top->send_complete;
	top->send_complete = send_again;
	begin_reset();
	im_send_packets(bed_top.binding, packets, 64);
	im_send_packets(bed_top.binding, packets + 64, 36);
	end_reset();
	bed_expect(&bed_nic.sent, 0, packets, 101);
	down(101);
}

static void send_last(void)
{
	im_send_packets(bed_top.binding, packets + 4, 3);
	im_run_dpcs(im_this_worker); /* of the first reset's end: it lets nothing go now */
	assert_int_equal(bed_nic.sent.count, 0);
}

static void nothing(void)
{
}

/* A second reset begins before the worker has come to what it held in the first. */
/* contract: 11.5 */
static void a_reset_after_a_reset_holds_on(void **state)
{
	(void)state;
	up(7);
	begin_reset();
	bed_as_worker(send_first);
	end_reset();
	begin_reset();
	bed_as_worker(send_last);
	end_reset();
	bed_as_worker(nothing);
	bed_expect(&bed_nic.sent, 0, packets, 7);
	assert_int_equal(bed_relay("r0")->gate, 0);
	down(7);
}

/* ---- Full ------------------------------------------------------------------------------------------- */

/* contract: 4.10 */
static void the_newest_fail_when_the_queue_is_full(void **state)
{
	(void)state;
	up(MANY);
	begin_reset();
	for (uint32_t i = 0; i < MANY; i++)
		im_send_packets(bed_top.binding, packets + i, 1);
	bed_expect(&bed_top.done, 0, packets + HOLD_MAX, MANY - HOLD_MAX);
	assert_int_equal(bed_top.done.statuses[0], IM_STATUS_RESOURCES); /* 4.10 */
	assert_int_equal(bed_dropped("r0", SLUICE_OUT, SLUICE_DROP_HOLD_FULL), MANY - HOLD_MAX);
	end_reset();
	bed_expect(&bed_nic.sent, 0, packets, HOLD_MAX);
	down(MANY);
}

/* contract: 5.17 11.4 */
static void receives_that_find_no_room_go_home(void **state)
{
	(void)state;
	up(MANY);
	begin_reset();
	for (uint32_t i = 0; i < MANY; i++)
		im_indicate_receive_packets(bed_nic.instance, packets + i, 1);
	bed_expect(&bed_nic.home, 0, packets + HOLD_MAX, MANY - HOLD_MAX);
	assert_int_equal(bed_dropped("r0", SLUICE_IN, SLUICE_DROP_HOLD_FULL), MANY - HOLD_MAX);
	end_reset();
	bed_expect(&bed_top.received, 0, packets, HOLD_MAX);
	down(MANY);
}

/* ---- Thrown back ------------------------------------------------------------------------------------ */

/* 4.33: they were on their way before what was held meanwhile, and are so again. */
/* contract: 4.33 */
static void sends_that_the_reset_throws_back_go_again_first(void **state)
{
	(void)state;
	up(6);
	bed_nic.keeps = true;
	im_send_packets(bed_top.binding, packets, 3);
	begin_reset();
	im_send_packets(bed_top.binding, packets + 3, 3);
	bed_complete(0, 3, IM_STATUS_RESET_IN_PROGRESS);
	assert_int_equal(bed_top.done.count, 0);
	end_reset();
	bed_expect(&bed_nic.sent, 3, packets, 6);
	bed_complete(3, 6, IM_STATUS_SUCCESS);
	bed_expect(&bed_top.done, 0, packets, 6); /* each exactly once */
	down(6);
}

/* contract: 4.33 */
static void sends_whose_buffers_are_gone_do_not_go_again(void **state)
{
	(void)state;
	up(2);
	bed_nic.keeps = true;
	im_send_packets(bed_top.binding, packets, 2);
	begin_reset();
	rte_pktmbuf_free(packets[0]->mbuf);
	packets[0]->mbuf = NULL;
	bed_complete(0, 1, IM_STATUS_RESET_IN_PROGRESS);
	bed_complete(1, 1, IM_STATUS_FAILURE); /* not the reset's doing */
	bed_expect(&bed_top.done, 0, packets, 2);
	end_reset();
	assert_int_equal(bed_nic.sent.count, 2);
	down(2);
}

/* ---- Got out ---------------------------------------------------------------------------------------- */

/* contract: 4.24 4.27 11.16 */
static void a_cancel_takes_out_exactly_its_own(void **state)
{
	struct im_packet *mine[3], *others[3];
	uint32_t id;

	(void)state;
	up(6);
	id = 0x01000007;
	for (uint32_t i = 0; i < 6; i++) {
		packets[i]->info.cancel_id = i % 2 ? id : id + 1;
		*(i % 2 ? &mine[i / 2] : &others[i / 2]) = packets[i];
	}
	begin_reset();
	im_send_packets(bed_top.binding, packets, 6);
	im_cancel_send_packets(bed_top.binding, id);
	bed_expect(&bed_top.done, 0, mine, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(bed_top.done.statuses[i], IM_STATUS_SEND_ABORTED);
	im_cancel_send_packets(bed_top.binding, id); /* nothing left: nothing happens (4.27) */
	im_cancel_send_packets(bed_top.binding, 0);
	end_reset();
	bed_expect(&bed_nic.sent, 0, others, 3);
	down(6);
}

/* contract: 4.25 */
static void a_cancel_goes_on_to_the_adapter_below(void **state)
{
	uint32_t id;
	char text[64];

	(void)state;
	bed_up(2);
	id = 0x01000007;
	snprintf(text, sizeof(text), "cancel:%x", id & 0xffffff);
	im_cancel_send_packets(bed_top.binding, id);
	bed_expect_said(text); /* 4.25 */
	bed_down();
}

/* 7.10: a pause, a sleep, an unbind during the reset: nothing waits for its end. */
/* contract: 5.32 7.8 */
static void a_pause_gives_back_what_is_held(void **state)
{
	(void)state;
	up(4);
	begin_reset();
	im_indicate_receive_packets(bed_nic.instance, packets, 4);
	im_pause(im_find_instance("r0"));
	bed_expect(&bed_nic.home, 0, packets, 4);
	assert_int_equal(im_restart(im_find_instance("r0")), IM_STATUS_SUCCESS);
	im_send_packets(bed_top.binding, packets, 2); /* the reset still runs */
	assert_int_equal(bed_nic.sent.count, 0);
	end_reset();
	bed_expect(&bed_nic.sent, 0, packets, 2);
	down(4);
}

/* contract: 11.1 11.4 */
static void a_pause_below_gives_back_what_is_held(void **state)
{
	(void)state;
	up(4);
	begin_reset();
	im_send_packets(bed_top.binding, packets, 2);
	im_indicate_receive_packets(bed_nic.instance, packets + 2, 2);
	im_pause(bed_nic.instance);
	bed_expect(&bed_top.done, 0, packets, 2);
	bed_expect(&bed_nic.home, 0, packets + 2, 2);
	end_reset();
	assert_int_equal(im_restart(bed_nic.instance), IM_STATUS_SUCCESS);
	im_send_packets(bed_top.binding, packets, 2);
	bed_expect(&bed_nic.sent, 0, packets, 2);
	down(4);
}

static void a_sleep_gives_back_what_is_held(void **state)
{
	(void)state;
	up(2);
	begin_reset();
	im_indicate_receive_packets(bed_nic.instance, packets, 2);
	assert_int_equal(im_set_power(im_find_instance("r0"), IM_POWER_D3), IM_STATUS_SUCCESS);
	bed_expect(&bed_nic.home, 0, packets, 2);
	end_reset();
	assert_int_equal(bed_top.received.count, 0);
	down(2);
}

/* contract: 7.10 */
static void an_unbind_during_a_reset_does_not_wait_for_its_end(void **state)
{
	(void)state;
	up(4);
	begin_reset();
	im_send_packets(bed_top.binding, packets, 2);
	im_indicate_receive_packets(bed_nic.instance, packets + 2, 2);
	im_unbind(bed_relay("r0")->below);
	bed_expect(&bed_top.done, 0, packets, 2);
	assert_int_not_equal(bed_top.done.statuses[0], IM_STATUS_SUCCESS);
	bed_expect(&bed_nic.home, 0, packets + 2, 2);
	assert_null(im_find_instance("r0"));
	end_reset();
	down(4);
}

/* The worker comes to its deferred call when the relay has gone. */
/* contract: 11.1 11.23 */
static void a_drain_that_comes_too_late_finds_nothing(void **state)
{
	(void)state;
	up(4);
	begin_reset();
	bed_as_worker(send_first);
	end_reset();
	im_unbind(bed_relay("r0")->below);
	bed_expect(&bed_top.done, 0, packets, 4);
	bed_as_worker(nothing);
	down(4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends_wait_for_the_end_of_a_reset),
		cmocka_unit_test(receives_wait_too),
		cmocka_unit_test(returns_go_down_during_a_reset),
		cmocka_unit_test(a_worker_lets_its_own_go_in_order),
		cmocka_unit_test(a_send_from_a_completion_goes_behind_what_is_let_go),
		cmocka_unit_test(a_reset_after_a_reset_holds_on),
		cmocka_unit_test(the_newest_fail_when_the_queue_is_full),
		cmocka_unit_test(receives_that_find_no_room_go_home),
		cmocka_unit_test(sends_that_the_reset_throws_back_go_again_first),
		cmocka_unit_test(sends_whose_buffers_are_gone_do_not_go_again),
		cmocka_unit_test(a_cancel_takes_out_exactly_its_own),
		cmocka_unit_test(a_cancel_goes_on_to_the_adapter_below),
		cmocka_unit_test(a_pause_gives_back_what_is_held),
		cmocka_unit_test(a_pause_below_gives_back_what_is_held),
		cmocka_unit_test(a_sleep_gives_back_what_is_held),
		cmocka_unit_test(an_unbind_during_a_reset_does_not_wait_for_its_end),
		cmocka_unit_test(a_drain_that_comes_too_late_finds_nothing),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
