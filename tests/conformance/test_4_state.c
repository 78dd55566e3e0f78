/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends and the states of what they go through: what is refused, what waits for what is out (contract section 4G). */
#include <string.h>
#include <unistd.h>

#include "shipped.h"

static struct im_packet *packets[8];

static void send(uint16_t first, uint16_t count)
{
	im_send_packets(rig.top_binding->binding, packets + first, count);
	host_settle();
}

/* What came of the last packet that the top has back. */
static uint16_t last_status(void)
{
	unsigned calls = rig_calls(RIG_send_complete, "top");
	const struct rig_call *call = rig_call(RIG_send_complete, "top", calls - 1);

	assert_true(calls > 0);
	return call->statuses[call->count - 1];
}

static void expect_status(im_status_t status)
{
	unsigned before = rig_packets_seen(RIG_send_complete, "top");

	send(0, 1);
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), before + 1);
	assert_int_equal(last_status(), status);
}

/* ---- The gate table ------------------------------------------------------------------------------ */

static void reset_nic(void *argument)
{
	*(im_status_t *)argument = host_reset("nic");
}

/* A reset of the nic that lasts until end_reset(). */
static void begin_reset(im_status_t *status)
{
	rig.nic->script.resets = RIG_LATER;
	host_begin(HOST_IDLE, reset_nic, status);
	while (rig_calls(RIG_reset, "nic") == 0)
		usleep(100);
}

static void end_reset(const im_status_t *status)
{
	im_reset_complete(rig.port->instance, IM_STATUS_SUCCESS, false);
	host_settle();
	assert_int_equal(*status, IM_STATUS_SUCCESS);
}

static void c4_32_a_protocol_over_an_adapter_gets_the_status_of_its_state(void **state)
{
	im_status_t reset = IM_STATUS_PENDING;

	(void)state;
	rig_begin(NULL, 0);
	rig_build(0);
	rig_packets(packets, 8);
	expect_status(IM_STATUS_SUCCESS);
	rig_forget();
	host_pause("nic");
	expect_status(IM_STATUS_PAUSED);
	assert_int_equal(host_restart("nic"), IM_STATUS_SUCCESS);
	assert_int_equal(host_set_power("nic", IM_POWER_D3), IM_STATUS_SUCCESS);
	expect_status(IM_STATUS_LOW_POWER_STATE);
	assert_int_equal(host_set_power("nic", IM_POWER_D0), IM_STATUS_SUCCESS);
	begin_reset(&reset);
	im_send_packets(rig.top_binding->binding, packets, 1); /* the thread that resets is not through */
	assert_int_equal(rig_calls(RIG_send_packets, "nic"), 0);
	end_reset(&reset);
	assert_int_equal(last_status(), IM_STATUS_RESET_IN_PROGRESS);
	expect_status(IM_STATUS_SUCCESS);
	im_schedule_unbind(rig.top_binding->binding);
	im_send_packets(rig.top_binding->binding, packets, 1);
	assert_int_equal(last_status(), IM_STATUS_CLOSING);
	assert_int_equal(rig_packets_seen(RIG_send_packets, "nic"), 1); /* the one that was not refused */
	host_settle();
	rig_packets_free(packets, 8);
	rig_end();
}

/* Of two relays, of which the lower one has the adapter below it. Asleep is at once; a reset is waited for. */
static void c4_32_a_relay_refuses_or_holds_by_its_own_state_and_the_one_below(void **state)
{
	static const char *const sleepers[] = {"r0", "r1", "nic"};
	im_status_t reset = IM_STATUS_PENDING;

	(void)state;
	shipped_begin(NULL);
	shipped_build(2);
	rig_packets(packets, 8);
	rig_forget();
	for (size_t i = 0; i < RTE_DIM(sleepers); i++) {
		assert_int_equal(host_set_power(sleepers[i], IM_POWER_D3), IM_STATUS_SUCCESS);
		expect_status(IM_STATUS_LOW_POWER_STATE);
		assert_int_equal(host_set_power(sleepers[i], IM_POWER_D0), IM_STATUS_SUCCESS);
	}
	for (size_t i = 0; i < RTE_DIM(sleepers); i++) {
		host_pause(sleepers[i]);
		expect_status(IM_STATUS_PAUSED);
		assert_int_equal(host_restart(sleepers[i]), IM_STATUS_SUCCESS);
	}
	assert_int_equal(rig_calls(RIG_send_packets, "nic"), 0);
	rig_forget();
	begin_reset(&reset);
	im_send_packets(rig.top_binding->binding, packets, 4);
	assert_int_equal(rig_calls(RIG_send_packets, "nic"), 0);
	assert_int_equal(rig_calls(RIG_send_complete, "top"), 0);
	end_reset(&reset);
	rig_expect_packets(RIG_send_packets, "nic", packets, 4);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 4);
	rig_packets_free(packets, 8);
	rig_end();
}

/* ---- What waits ---------------------------------------------------------------------------------- */

static void stop_now(void *argument)
{
	host_stop(argument);
}

static void sleep_now(void *argument)
{
	host_set_power(argument, IM_POWER_D3);
}

static void pause_now(void *argument)
{
	host_pause(argument);
}

static char adapter[] = "nic";

/* Begin it on another thread, wait until the protocol hears of it, give it time to go wrong. */
static void begin(void (*what)(void *))
{
	host_begin(HOST_IDLE, what, adapter);
	while (rig_calls(RIG_pnp_event, "m0") == 0)
		usleep(100);
	usleep(3000);
}

static void up_with_sends_out(void)
{
	rig_begin(NULL, 0);
	rig.nic->script.sends = RIG_LATER;
	rig_build(1);
	rig_packets(packets, 8);
	send(0, 8);
	rig_forget();
}

static void down(void)
{
	host_settle();
	rig_packets_free(packets, 8);
	rig_end();
}

static void c4_31_c4_34_a_halt_waits_for_the_sends(void **state)
{
	(void)state;
	up_with_sends_out();
	begin(stop_now);
	assert_int_equal(rig_calls(RIG_halt, NULL), 0);
	rig_complete(rig.port, 7, IM_STATUS_SUCCESS);
	usleep(3000);
	assert_int_equal(rig_calls(RIG_halt, NULL), 0); /* not even one may be out */
	rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
	host_join();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 8);
	assert_int_equal(rig_calls(RIG_halt, "nic"), 1);
	assert_int_equal(rig_calls(RIG_halt, "m0"), 1);
	down();
}

/* contract: 11.47 */
static void c4_31_a_power_down_waits_for_the_sends(void **state)
{
	(void)state;
	up_with_sends_out();
	begin(sleep_now);
	assert_int_equal(rig_calls(RIG_set_information, "nic"), 0);
	rig_complete(rig.port, 8, IM_STATUS_SUCCESS);
	host_join();
	host_settle();
	assert_int_equal(rig_calls(RIG_set_information, "nic"), 1);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 8);
	down();
}

static bool was_paused_too_soon;

static im_status_t look_and_pause(void *context)
{
	struct rig_vnic *vnic = context;

	was_paused_too_soon |= vnic->held_count > 0;
	return IM_STATUS_SUCCESS;
}

/* Each packet is complete once, though the pause and its completion come at the same time. */
static void c11_1_a_pause_is_not_done_while_sends_are_out(void **state)
{
	(void)state;
	up_with_sends_out();
	was_paused_too_soon = false;
	rig.nic->miniport.pause = look_and_pause;
	begin(pause_now);
	assert_int_not_equal(host_state("nic"), SLUICE_INSTANCE_PAUSED);
	rig_complete(rig.port, 8, IM_STATUS_FAILURE);
	host_join();
	host_settle();
	assert_false(was_paused_too_soon);
	assert_int_equal(host_state("nic"), SLUICE_INSTANCE_PAUSED);
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), 8);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_FAILURE), 8);
	down();
}

static void ask(void *argument)
{
	uint32_t speed, written, needed;

	*(im_status_t *)argument =
		host_query("nic", SLUICE_OID_GEN_LINK_SPEED, &speed, sizeof(speed), &written, &needed);
}

/* An operator's, which is no protocol's to wait for; the miniport knows no cancel. */
static void c4_34_a_halt_waits_for_the_request_that_is_out(void **state)
{
	im_status_t status = IM_STATUS_PENDING;

	(void)state;
	rig_begin(NULL, 0);
	rig.nic->miniport.cancel_request = NULL;
	rig_load_all();
	rig_start_nic("nic");
	assert_int_equal(host_restart("nic"), IM_STATUS_SUCCESS);
	rig.nic->script.requests = RIG_LATER;
	host_begin(HOST_CONTROL, ask, &status);
	while (rig_calls(RIG_query_information, "nic") == 0)
		usleep(100);
	host_begin(HOST_CONTROL + 1, stop_now, adapter);
	while (rig_calls(RIG_pause, "nic") == 0)
		usleep(100);
	usleep(3000);
	assert_int_equal(rig_calls(RIG_halt, "nic"), 0);
	rig_complete_request(rig_vnic("nic"), IM_STATUS_SUCCESS);
	host_join();
	assert_int_not_equal(status, IM_STATUS_PENDING);
	assert_int_equal(rig_calls(RIG_halt, "nic"), 1);
	rig_end();
}

/* ---- Thrown back --------------------------------------------------------------------------------- */

static void c4_33_what_a_reset_throws_back_goes_again_and_completes_once(void **state)
{
	im_status_t reset = IM_STATUS_PENDING;

	(void)state;
	shipped_begin(NULL);
	rig.nic->script.sends = RIG_LATER;
	shipped_build(1);
	rig_packets(packets, 8);
	send(0, 4);
	begin_reset(&reset);
	rig_complete(rig.port, 4, IM_STATUS_REQUEST_ABORTED); /* as a miniport does that forgets all */
	usleep(1000);
	assert_int_equal(rig_calls(RIG_send_complete, "top"), 0);
	end_reset(&reset);
	assert_int_equal(rig.port->held_count, 4);
	rig_complete(rig.port, 4, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_send_packets, "nic"), 8);
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), 4);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 4);
	assert_int_equal(host_account("r0").sends_done, 4);
	down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c4_32_a_protocol_over_an_adapter_gets_the_status_of_its_state),
		cmocka_unit_test(c4_32_a_relay_refuses_or_holds_by_its_own_state_and_the_one_below),
		cmocka_unit_test(c4_31_c4_34_a_halt_waits_for_the_sends),
		cmocka_unit_test(c4_31_a_power_down_waits_for_the_sends),
		cmocka_unit_test(c11_1_a_pause_is_not_done_while_sends_are_out),
		cmocka_unit_test(c4_34_a_halt_waits_for_the_request_that_is_out),
		cmocka_unit_test(c4_33_what_a_reset_throws_back_goes_again_and_completes_once),
	};

	return host_run_tests(tests);
}
