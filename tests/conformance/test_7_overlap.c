/* SPDX-License-Identifier: BSD-3-Clause */
/* Resets with a pause and an unbind in the middle, and the hang checks that lead to them (contract sections 7A and 7B).
 */
#include <unistd.h>

#include "resetting.h"

/* ---- With a pause, and an unbind ------------------------------------------------------------------- */

static void pause_nic(void *argument)
{
	host_pause("nic");
	__atomic_store_n((bool *)argument, true, __ATOMIC_RELEASE);
}

/* A pause that lasts until it is completed. */
static void begin_pause(bool *paused)
{
	*paused = false;
	rig.nic->script.pauses = RIG_LATER;
	host_begin(HOST_IDLE, pause_nic, paused);
	while (rig_calls(RIG_pause, "nic") == 0)
		usleep(100);
}

static void end_pause(bool *paused)
{
	im_pause_complete(rig.port->instance);
	host_join();
	host_settle();
	assert_true(__atomic_load_n(paused, __ATOMIC_ACQUIRE));
	assert_int_equal(host_state("nic"), SLUICE_INSTANCE_PAUSED);
}

/* As host_settle(), which would wait for the thread that pauses. */
static void turn(void)
{
	for (int i = 0; i < 24; i++)
		host_tick(0);
}

static unsigned ends(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < rig_calls(RIG_status, "top"); i++)
		count += rig_call(RIG_status, "top", i)->value == IM_INDICATION_RESET_END;
	return count;
}

enum part { BEGIN_RESET, BEGIN_PAUSE, END_RESET, END_PAUSE };

static void run_in_order(const enum part *order)
{
	bool paused = false;

	rig_begin(NULL, 0);
	rig_build(0);
	rig.nic->script.resets = RIG_LATER;
	for (unsigned i = 0; i < 4; i++) {
		switch (order[i]) {
		case BEGIN_RESET:
			assert_int_equal(im_reset(rig.top_binding->binding), IM_STATUS_PENDING);
			turn();
			assert_int_equal(rig_calls(RIG_reset, "nic"), 1);
			break;
		case BEGIN_PAUSE:
			begin_pause(&paused);
			break;
		case END_RESET:
			resetting_complete();
			turn();
			assert_int_equal(ends(), 1);
			assert_int_equal(rig_calls(RIG_reset_complete, "top"), 1);
			break;
		case END_PAUSE:
			end_pause(&paused);
			break;
		}
		assert_int_equal(ends(), rig_calls(RIG_reset_complete, "top"));
	}
	rig.nic->script.pauses = RIG_INLINE;
	assert_int_equal(host_restart("nic"), IM_STATUS_SUCCESS);
	rig_end();
}

static void c7_8_reset_and_pause_overlap_in_any_order(void **state)
{
	static const enum part orders[][4] = {
		{BEGIN_RESET, BEGIN_PAUSE, END_RESET, END_PAUSE},
		{BEGIN_RESET, BEGIN_PAUSE, END_PAUSE, END_RESET},
		{BEGIN_PAUSE, BEGIN_RESET, END_RESET, END_PAUSE},
		{BEGIN_PAUSE, BEGIN_RESET, END_PAUSE, END_RESET},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(orders); i++)
		run_in_order(orders[i]);
}

/* Of two relays the lower one goes with what it holds, and the upper one and the top above it. */
static void c7_10_an_unbind_does_not_wait_for_the_end(void **state)
{
	(void)state;
	shipped_begin(NULL);
	rig.top->script.references = 1;
	shipped_build(2);
	rig_packets(resetting.packets, 8);
	resetting_begin();
	rig_forget();
	resetting_send(0, 4);
	rig_indicate(rig.port, resetting.packets + 4, 4, IM_STATUS_SUCCESS);
	assert_int_equal(resetting_ask(), IM_STATUS_PENDING);
	host_settle();
	assert_int_equal(rig_calls(RIG_send_complete, "top"), 0);
	assert_int_equal(host_unbind_over("nic"), IM_STATUS_SUCCESS); /* returns, with the reset under way */
	host_settle();
	assert_false(host_exists("r0"));
	assert_false(host_exists("r1"));
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), 4);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 0);
	rig_expect_packets(RIG_return_packets, "nic", resetting.packets + 4, 4);
	assert_int_equal(rig_calls(RIG_receive_packets, "top"), 0);
	assert_int_equal(rig_calls(RIG_request_complete, "top"), 1);
	assert_int_not_equal(rig_call(RIG_request_complete, "top", 0)->value, IM_STATUS_SUCCESS);
	resetting_end();
	assert_int_equal(rig_calls(RIG_send_packets, "nic"), 0);
	resetting_down();
}

/* ---- Hang checks ----------------------------------------------------------------------------------- */

static void c7_11_a_miniport_that_hangs_is_reset(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig_build(0);
	host_tick(2000); /* its period has begun */
	rig_forget();
	host_tick(1000);
	assert_int_equal(rig_calls(RIG_check_for_hang, "nic"), 0);
	host_tick(1000);
	assert_int_equal(rig_calls(RIG_check_for_hang, "nic"), 1);
	assert_int_equal(rig_calls(RIG_reset, "nic"), 0);
	rig.nic->script.hung = true;
	host_tick(2000);
	host_settle();
	assert_int_equal(rig_calls(RIG_check_for_hang, "nic"), 2);
	assert_int_equal(rig_calls(RIG_reset, "nic"), 1);
	rig.nic->script.hung = false;
	rig_end();
}

/* The request is late for the relays as well, which do without a reset. The nic does its own timing, which the verifier
 * would not have (12.37). */
static void c7_13_a_relay_is_not_asked_and_its_timeouts_are_nothing(void **state)
{
	(void)state;
	assert_null(im_relay_miniport.check_for_hang);
	assert_null(im_relay_miniport.reset);
	shipped_begin(&(struct host_options){.unverified = true});
	rig.nic->script.attributes = IM_ATTRIBUTE_IGNORE_TIMEOUTS;
	shipped_build(2);
	rig.nic->script.requests = RIG_LATER;
	host_tick(0);
	rig_forget();
	assert_int_equal(resetting_ask(), IM_STATUS_PENDING);
	for (int i = 0; i < 5; i++) {
		host_tick(2000);
		host_settle();
	}
	assert_int_equal(rig_calls(RIG_query_information, "nic"), 1);
	assert_int_equal(rig_calls(RIG_reset, NULL), 0);
	assert_int_equal(rig_calls(RIG_status, "top"), 0);
	rig_complete_request(rig.port, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(resetting.speed, 10000);
	rig.nic->script.requests = RIG_INLINE;
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c7_8_reset_and_pause_overlap_in_any_order),
		cmocka_unit_test(c7_10_an_unbind_does_not_wait_for_the_end),
		cmocka_unit_test(c7_11_a_miniport_that_hangs_is_reset),
		cmocka_unit_test(c7_13_a_relay_is_not_asked_and_its_timeouts_are_nothing),
	};

	return host_run_tests(tests);
}
