/* SPDX-License-Identifier: BSD-3-Clause */
/* States of instances and bindings: what may happen in which, pause and restart (contract section 10D). */
#include <string.h>
#include <unistd.h>

#include "shipped.h"

#define LOOK_AGAIN_US 200
#define GO_WRONG_US   3000 /* for what must not happen */

static const struct host_options counting = {
	.verify = {.action = IM_VERIFY_COUNT, .wait_limit_ms = 30000, .handler_limit_ms = 10000}};

static struct im_packet *packets[8];

static void send(uint16_t first, uint16_t count)
{
	im_send_packets(rig.top_binding->binding, packets + first, count);
	host_settle();
}

/* ---- Legal events -------------------------------------------------------------------------------- */

#define STATE(name) (1u << SLUICE_INSTANCE_##name)
#define AT_WORK	    (STATE(RUNNING) | STATE(PAUSING))
#define ALIVE	    (STATE(PAUSED) | STATE(RESTARTING) | AT_WORK)

/* In which states of an instance a handler of its miniport may be called; those that are not here do not matter. */
static const uint32_t legal[RIG_HANDLERS] = {
	[RIG_initialize] = STATE(INITIALIZING), [RIG_halt] = STATE(PAUSED),
	[RIG_restart] = STATE(RESTARTING),	[RIG_pause] = STATE(PAUSING),
	[RIG_send_packets] = AT_WORK,		[RIG_cancel_send_packets] = AT_WORK,
	[RIG_return_packets] = AT_WORK,		[RIG_query_information] = ALIVE,
	[RIG_set_information] = ALIVE,		[RIG_reset] = ALIVE,
	[RIG_check_for_hang] = ALIVE,		[RIG_pnp_event_notify] = ALIVE,
	[RIG_adapter_shutdown] = ALIVE,
};

static uint64_t seen; /* handlers; atomic */

static void check_state(enum rig_handler handler, const char *name)
{
	if (legal[handler] == 0)
		return;
	__atomic_or_fetch(&seen, UINT64_C(1) << handler, __ATOMIC_RELAXED);
	if ((legal[handler] & 1u << host_state(name)) == 0)
		rig_broken("a handler is called in a state that does not have it");
}

static void reset_and_ask(void)
{
	uint32_t speed, written, needed;
	struct im_pnp_event event = {.code = IM_PNP_RECONFIGURE};

	assert_int_equal(host_reset("nic"), IM_STATUS_SUCCESS);
	assert_int_equal(host_query("m0", SLUICE_OID_GEN_LINK_SPEED, &speed, sizeof(speed), &written, &needed),
			 IM_STATUS_SUCCESS);
	assert_int_equal(host_pnp_event("nic", &event), IM_STATUS_SUCCESS);
	host_tick(2500);
	host_settle();
}

static void live(void)
{
	send(0, 8);
	im_cancel_send_packets(rig.top_binding->binding, 1);
	rig_indicate(rig.port, packets, 8, IM_STATUS_SUCCESS);
	host_settle();
	rig_return(rig.top_binding, 8);
	host_settle();
	reset_and_ask();
}

static void c10_21_c10_22_each_handler_is_called_in_its_states(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	seen = 0;
	rig_at_call = check_state;
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	rig_build(2);
	rig_packets(packets, 8);
	live();
	host_pause("nic");
	host_pause("m0");
	reset_and_ask();
	assert_int_equal(host_restart("m0"), IM_STATUS_SUCCESS);
	assert_int_equal(host_restart("nic"), IM_STATUS_SUCCESS);
	live();
	host_shutdown();
	rig_packets_free(packets, 8);
	rig_end();
	for (enum rig_handler handler = 0; handler < RIG_HANDLERS; handler++)
		if (legal[handler] != 0 && (seen >> handler & 1) == 0)
			fail_msg("%s was not called", rig_handler_text(handler));
}

/* What the control side asks for in the wrong state is refused, or is nothing; no handler hears of it. */
static void c10_22_what_comes_in_another_state_reaches_nobody(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig_build(1);
	rig_packets(packets, 8);
	rig_forget();
	assert_int_equal(host_restart("m0"), IM_STATUS_NOT_ACCEPTED); /* it runs */
	host_pause("m0");
	assert_int_equal(rig_calls(RIG_pause, "m0"), 1);
	rig_forget();
	host_pause("m0");
	send(0, 8);
	rig_indicate(rig.port, packets, 8, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_calls(RIG_pause, NULL) + rig_calls(RIG_restart, NULL), 0);
	assert_int_equal(rig_calls(RIG_send_packets, NULL) + rig_calls(RIG_receive_packets, "top"), 0);
	rig_packets_free(packets, 8);
	rig_end();
}

static void c10_21_an_initialize_that_fails_ends_halted_a_restart_paused(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig_load_all();
	rig.nic->script.initialize_status = IM_STATUS_FAILURE;
	assert_int_equal(host_start("nic", "nic", rig_new_vnic(rig.nic, "nic")), IM_STATUS_FAILURE);
	assert_false(host_exists("nic"));
	rig.nic->script.initialize_status = IM_STATUS_SUCCESS;
	rig_start_nic("nic");
	assert_int_equal(host_state("nic"), SLUICE_INSTANCE_PAUSED);
	rig.nic->script.restart_status = IM_STATUS_HARD_ERRORS;
	assert_int_equal(host_restart("nic"), IM_STATUS_HARD_ERRORS);
	assert_int_equal(host_state("nic"), SLUICE_INSTANCE_PAUSED);
	assert_int_equal(rig_bind("top", "nic", "top"), IM_STATUS_SUCCESS);
	rig.top_binding = rig_binding("top");
	rig_packets(packets, 8);
	send(0, 8);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_PAUSED), 8);
	rig.nic->script.restart_status = IM_STATUS_SUCCESS;
	assert_int_equal(host_restart("nic"), IM_STATUS_SUCCESS);
	send(0, 8);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 8);
	rig_packets_free(packets, 8);
	rig_end();
}

/* ---- Pause --------------------------------------------------------------------------------------- */

static im_status_t fail_to_pause(void *context)
{
	(void)context;
	return IM_STATUS_FAILURE;
}

static void complete_what_does_not_pend(void)
{
	rig_begin(NULL, 0);
	rig_build(0);
	im_pause_complete(rig.port->instance);
}

static void pause_nic(void *unused)
{
	(void)unused;
	host_pause("nic");
}

static void complete_twice(void)
{
	rig_begin(NULL, 0);
	rig.nic->script.pauses = RIG_LATER;
	rig_build(0);
	host_begin(HOST_IDLE, pause_nic, NULL);
	while (rig_calls(RIG_pause, "nic") == 0)
		usleep(LOOK_AGAIN_US);
	im_pause_complete(rig.port->instance);
	im_pause_complete(rig.port->instance);
}

static void c10_21_c10_25_a_pause_cannot_fail_and_ends_once(void **state)
{
	(void)state;
	rig_begin(&counting, 0);
	rig.nic->miniport.pause = fail_to_pause;
	rig_build(0);
	host_pause("nic");
	host_expect_counted("10.25");
	assert_int_equal(host_state("nic"), SLUICE_INSTANCE_PAUSED);
	rig_end();
	host_expect_stop("10.25", complete_what_does_not_pend);
	host_expect_stop("10.25", complete_twice);
}

static bool is_paused(void)
{
	usleep(GO_WRONG_US);
	return host_state("nic") == SLUICE_INSTANCE_PAUSED;
}

/* While sends are out, packets are lent and the handler pends: one after the other is brought home. */
static void c10_25_c10_26_c10_29_a_pause_waits_for_all_that_is_out(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.nic->script.sends = RIG_LATER;
	rig.nic->script.pauses = RIG_LATER;
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	rig_build(0);
	rig_packets(packets, 8);
	send(0, 2);
	rig_indicate(rig.port, packets + 2, 2, IM_STATUS_SUCCESS);
	host_settle();
	rig_forget();
	host_begin(HOST_IDLE, pause_nic, NULL);
	while (rig_calls(RIG_pnp_event, "top") == 0)
		usleep(LOOK_AGAIN_US);
	assert_int_equal(rig_call(RIG_pnp_event, "top", 0)->value, IM_PNP_PAUSE);
	assert_false(is_paused());
	rig_complete(rig.port, 2, IM_STATUS_SUCCESS);
	assert_false(is_paused());
	assert_int_equal(rig_calls(RIG_pause, "nic"), 0); /* the binding above is not paused yet */
	rig_return(rig.top_binding, 2);
	while (rig_calls(RIG_pause, "nic") == 0)
		usleep(LOOK_AGAIN_US);
	assert_false(is_paused());
	im_send_packets(rig.top_binding->binding, packets + 4, 2); /* nothing new begins */
	rig_indicate(rig.port, packets + 6, 2, IM_STATUS_SUCCESS); /* and what comes goes home at once */
	im_pause_complete(rig.port->instance);
	host_join();
	host_settle();
	assert_true(is_paused());
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_PAUSED), 2);
	assert_int_equal(rig_calls(RIG_send_packets, "nic") + rig_calls(RIG_receive_packets, "top"), 0);
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 4);
	rig_packets_free(packets, 8);
	rig.nic->script.pauses = RIG_INLINE;
	rig_end();
}

/* Over another adapter the protocol goes on; its own packets elsewhere are nothing that a pause waits for. */
static void c10_26_a_binding_is_paused_alone(void **state)
{
	struct rig_binding *other;

	(void)state;
	rig_begin(NULL, 0);
	rig.nic->script.sends = RIG_LATER;
	rig_build(0);
	rig_start_nic("other");
	assert_int_equal(host_restart("other"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("top", "other", "top2"), IM_STATUS_SUCCESS);
	other = rig_binding("top2");
	rig_packets(packets, 8);
	im_send_packets(other->binding, packets, 4);
	host_settle();
	host_pause("nic");
	im_send_packets(other->binding, packets + 4, 4);
	host_settle();
	assert_int_equal(rig_vnic("other")->held_count, 8);
	rig_complete(rig_vnic("other"), 8, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top2", IM_STATUS_SUCCESS), 8);
	rig_packets_free(packets, 8);
	rig_end();
}

/* ---- Order --------------------------------------------------------------------------------------- */

#define CHANGES (RIG_BIT(pause) | RIG_BIT(restart) | RIG_BIT(pnp_event))

static void c10_27_a_pause_goes_down_and_a_restart_up(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig_build(2);
	rig_forget();
	host_pause("m1");
	assert_string_equal(rig_story(CHANGES), "pnp_event:m0 pause:m1");
	rig_forget();
	assert_int_equal(host_restart("m1"), IM_STATUS_SUCCESS);
	assert_string_equal(rig_story(CHANGES), "restart:m1 pnp_event:m0");
	assert_int_equal(rig_call(RIG_pnp_event, "m0", 0)->value, IM_PNP_RESTART);
	rig_end();
}

/* A stack is bound before its data flows, and unbound after that has stopped. */
static void c10_23_c10_27_bound_before_the_restart_and_unbound_after_the_pause(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig_load_all();
	rig_start_nic("nic");
	assert_int_equal(rig_bind("top", "nic", "top"), IM_STATUS_SUCCESS);
	rig_forget();
	assert_int_equal(host_restart("nic"), IM_STATUS_SUCCESS);
	assert_string_equal(rig_story(CHANGES | RIG_LIFE), "restart:nic pnp_event:top");
	rig_forget();
	assert_int_equal(host_stop("nic"), IM_STATUS_SUCCESS);
	assert_string_equal(rig_story(CHANGES | RIG_LIFE), "pnp_event:top unbind_adapter:top pause:nic halt:nic");
	assert_int_equal(rig_call(RIG_pnp_event, "top", 0)->value, IM_PNP_PAUSE);
	rig_end();
}

/* ---- Capabilities -------------------------------------------------------------------------------- */

static uint32_t speed_at_restart;

static im_status_t ask_on_restart(void *context, struct im_pnp_event *event)
{
	struct im_request request = {
		.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &speed_at_restart, .length = sizeof(speed_at_restart)};

	if (event->code == IM_PNP_RESTART && rig_request(context, &request) != IM_STATUS_SUCCESS)
		rig_broken("the link's speed cannot be asked for on a restart");
	return IM_STATUS_SUCCESS;
}

/* A protocol over a relay asks when it is told of the restart, and hears what is so now. */
static void c10_28_a_protocol_asks_again_on_a_restart(void **state)
{
	static const uint32_t speed = 100000;

	(void)state;
	shipped_begin(NULL);
	rig.top->protocol.pnp_event = ask_on_restart;
	shipped_build(1);
	host_pause("r0");
	host_pause("nic");
	memcpy(rig_value(rig.port, SLUICE_OID_GEN_LINK_SPEED)->bytes, &speed, sizeof(speed));
	speed_at_restart = 0;
	assert_int_equal(host_restart("nic"), IM_STATUS_SUCCESS);
	assert_int_equal(host_restart("r0"), IM_STATUS_SUCCESS);
	assert_int_equal(speed_at_restart, 100000);
	rig_end();
}

static unsigned looped(const uint8_t *address)
{
	uint8_t frame[60] = {0};
	struct im_packet *packet;
	unsigned before = rig_packets_seen(RIG_receive_packets, "top") + rig_calls(RIG_receive, "top");

	memcpy(frame, address, 6);
	packet = rig_packet_of(frame, sizeof(frame));
	im_send_packets(rig.top_binding->binding, &packet, 1);
	host_settle();
	rig_packets_free(&packet, 1);
	return rig_packets_seen(RIG_receive_packets, "top") + rig_calls(RIG_receive, "top") - before;
}

/* So does the core, for what it does itself: frames to the own address come back, whichever that is now. */
static void c10_28_the_core_asks_again_on_a_restart(void **state)
{
	static const uint8_t before[6] = {0x02, 0, 0, 0, 0, 0x01}, after[6] = {0x02, 0, 0, 0, 0, 0x77};

	(void)state;
	rig_begin(NULL, 0);
	rig.nic->script.attributes = IM_ATTRIBUTE_NO_LOOPBACK;
	rig_build(0);
	assert_int_equal(looped(before), 1);
	assert_int_equal(looped(after), 0);
	host_pause("nic");
	memcpy(rig_value(rig.port, SLUICE_OID_802_3_CURRENT_ADDRESS)->bytes, after, sizeof(after));
	assert_int_equal(host_restart("nic"), IM_STATUS_SUCCESS);
	assert_int_equal(looped(before), 0);
	assert_int_equal(looped(after), 1);
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c10_21_c10_22_each_handler_is_called_in_its_states),
		cmocka_unit_test(c10_22_what_comes_in_another_state_reaches_nobody),
		cmocka_unit_test(c10_21_an_initialize_that_fails_ends_halted_a_restart_paused),
		cmocka_unit_test(c10_21_c10_25_a_pause_cannot_fail_and_ends_once),
		cmocka_unit_test(c10_25_c10_26_c10_29_a_pause_waits_for_all_that_is_out),
		cmocka_unit_test(c10_26_a_binding_is_paused_alone),
		cmocka_unit_test(c10_27_a_pause_goes_down_and_a_restart_up),
		cmocka_unit_test(c10_23_c10_27_bound_before_the_restart_and_unbound_after_the_pause),
		cmocka_unit_test(c10_28_a_protocol_asks_again_on_a_restart),
		cmocka_unit_test(c10_28_the_core_asks_again_on_a_restart),
	};

	return host_run_tests(tests);
}
