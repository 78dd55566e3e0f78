/* SPDX-License-Identifier: BSD-3-Clause */
/* Power and PnP events: their order, who may refuse, and answers that come later (contract section 7D). */
#include <string.h>

#include "neighbours.h"

#define SLEEPS "t0:event(0,4) t1:event(0,4)"
#define WAKES  "t0:event(0,1) t1:event(0,1)"

static im_status_t set_power(enum im_power_state power)
{
	return im_set_power(nb_nic.instance, power);
}

/* ---- Power -------------------------------------------------------------------------------------------- */

/* contract: 7.22 */
static void protocols_stop_before_the_miniport_and_start_after_it(void **state)
{
	(void)state;
	nb_up(2, true);
	assert_int_equal(set_power(IM_POWER_D3), IM_STATUS_SUCCESS);
	nb_expect(SLEEPS " nic:set(fd010101,4)"); /* 7.22 */
	assert_int_equal(nb_nic.instance->gate, IM_GATE_LOW_POWER);
	assert_int_equal(set_power(IM_POWER_D0), IM_STATUS_SUCCESS);
	nb_expect("nic:set(fd010101,1) " WAKES); /* 7.24 */
	assert_int_equal(nb_nic.instance->gate, 0);
	nb_down();
}

static void from_one_sleep_to_another(void **state)
{
	(void)state;
	nb_up(1, true);
	assert_int_equal(set_power(IM_POWER_D1), IM_STATUS_SUCCESS);
	assert_int_equal(set_power(IM_POWER_D3), IM_STATUS_SUCCESS);
	assert_int_equal(set_power(IM_POWER_D3), IM_STATUS_SUCCESS); /* it is there */
	nb_expect("t0:event(0,2) nic:set(fd010101,2) t0:event(0,4) nic:set(fd010101,4)");
	assert_int_equal(set_power(IM_POWER_D0), IM_STATUS_SUCCESS);
	nb_down();
}

static uint32_t gate_when_told[2];

static void note_gate(struct nb_top *top, struct im_pnp_event *event)
{
	(void)top;
	gate_when_told[event->power == IM_POWER_D0] = nb_nic.instance->gate;
}

static void the_gate_is_open_while_protocols_are_told(void **state)
{
	(void)state;
	nb_up(1, true);
	nb_tops[0].in_pnp = note_gate;
	set_power(IM_POWER_D3);
	set_power(IM_POWER_D0);
	assert_int_equal(gate_when_told[0], 0); /* what they send last still goes out */
	assert_int_equal(gate_when_told[1], 0); /* what they send first does too */
	nb_down();
}

static struct im_pnp_event *pended;

static void complete_event(struct im_work *work)
{
	(void)work;
	nb_say("(drained)");
	im_complete_pnp_event(pended, IM_STATUS_SUCCESS);
}

static struct im_work completion = {.run = complete_event};

static void drain_later(struct nb_top *top, struct im_pnp_event *event)
{
	(void)top;
	pended = event;
	im_schedule_work(&completion);
}

/* 7.23: a protocol whose sends or requests are out pends the event until they are back. */
/* contract: 7.23 */
static void a_protocol_may_take_its_time_to_stop(void **state)
{
	(void)state;
	nb_up(2, true);
	nb_tops[0].pnp = IM_STATUS_PENDING;
	nb_tops[0].in_pnp = drain_later;
	assert_int_equal(set_power(IM_POWER_D3), IM_STATUS_SUCCESS);
	nb_expect("t0:event(0,4) (drained) t1:event(0,4) nic:set(fd010101,4)");
	nb_tops[0].pnp = IM_STATUS_SUCCESS;
	nb_tops[0].in_pnp = NULL;
	set_power(IM_POWER_D0);
	nb_down();
}

/* contract: 7.26 */
static void power_is_not_the_protocols_to_refuse(void **state)
{
	struct im_pnp_event event = {.code = IM_PNP_QUERY_POWER, .power = IM_POWER_D3};

	(void)state;
	nb_up(1, true);
	nb_tops[0].pnp = IM_STATUS_FAILURE;
	assert_int_equal(set_power(IM_POWER_D3), IM_STATUS_SUCCESS);
	nb_expect_violation("7.26");
	assert_int_equal(im_pnp_event(nb_nic.instance, &event), IM_STATUS_SUCCESS);
	nb_expect_violation("7.26");
	nb_tops[0].pnp = IM_STATUS_SUCCESS;
	set_power(IM_POWER_D0);
	nb_down();
}

/* A miniport that refuses stays as it was, and its protocols go on (6.28). */
/* contract: 6.28 */
static void a_miniport_that_refuses_to_sleep_stays_awake(void **state)
{
	(void)state;
	nb_up(1, true);
	nb_nic.power = IM_STATUS_NOT_ACCEPTED;
	assert_int_equal(set_power(IM_POWER_D3), IM_STATUS_NOT_ACCEPTED);
	nb_expect("t0:event(0,4) nic:set(fd010101,4) t0:event(0,1)");
	assert_int_equal(nb_nic.instance->power, IM_POWER_D0);
	assert_int_equal(nb_nic.instance->gate, 0);
	nb_nic.power = IM_STATUS_FAILURE; /* which it may not say */
	assert_int_equal(set_power(IM_POWER_D3), IM_STATUS_FAILURE);
	nb_expect_violation("6.28");
	nb_down();
}

static void a_miniport_that_does_not_wake_up_stays_asleep(void **state)
{
	(void)state;
	nb_up(1, true);
	set_power(IM_POWER_D3);
	nb_expect("t0:event(0,4) nic:set(fd010101,4)");
	nb_nic.power = IM_STATUS_NOT_ACCEPTED;
	assert_int_equal(set_power(IM_POWER_D0), IM_STATUS_NOT_ACCEPTED);
	nb_expect("nic:set(fd010101,1)");
	assert_int_equal(nb_nic.instance->power, IM_POWER_D3);
	assert_int_equal(nb_nic.instance->gate, IM_GATE_LOW_POWER);
	nb_nic.power = IM_STATUS_SUCCESS;
	assert_int_equal(set_power(IM_POWER_D0), IM_STATUS_SUCCESS);
	nb_down();
}

/* 7.25: it is kept quiet, and not halted. */
/* contract: 7.25 */
static void a_miniport_that_knows_no_power_sleeps_all_the_same(void **state)
{
	(void)state;
	nb_up(1, true);
	nb_nic.power = IM_STATUS_NOT_SUPPORTED;
	assert_int_equal(set_power(IM_POWER_D3), IM_STATUS_SUCCESS);
	assert_int_equal(nb_nic.instance->gate, IM_GATE_LOW_POWER);
	assert_int_equal(set_power(IM_POWER_D0), IM_STATUS_SUCCESS);
	nb_expect("t0:event(0,4) nic:set(fd010101,4) nic:set(fd010101,1) t0:event(0,1)");
	nb_down();
}

/* 7.21: neither follows from the other. */
/* contract: 7.21 */
static void a_vnic_and_its_adapter_sleep_on_their_own(void **state)
{
	(void)state;
	nb_up(1, true);
	nb_start_vnic();
	nb_bind("vnic");
	assert_int_equal(im_set_power(nb_vnic.instance, IM_POWER_D3), IM_STATUS_SUCCESS);
	nb_expect("t1:event(0,4) vnic:set(fd010101,4)");
	assert_int_equal(nb_nic.instance->power, IM_POWER_D0);
	assert_int_equal(set_power(IM_POWER_D3), IM_STATUS_SUCCESS);
	nb_expect("t0:event(0,4) nic:set(fd010101,4)");
	assert_int_equal(im_set_power(nb_vnic.instance, IM_POWER_D0), IM_STATUS_SUCCESS);
	nb_expect("vnic:set(fd010101,1) t1:event(0,1)");
	assert_int_equal(nb_nic.instance->power, IM_POWER_D3);
	set_power(IM_POWER_D0);
	nb_down();
}

static void power_has_four_states(void **state)
{
	(void)state;
	nb_up(1, true);
	assert_int_equal(set_power(0), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(set_power(5), IM_STATUS_INVALID_PARAMETER);
	nb_expect("");
	nb_down();
}

/* The account is what the core counts by: a send of another thread that is not complete. */
static void complete_send(struct im_work *work)
{
	(void)work;
	nb_say("(sent)");
	im_this_worker->accounts[nb_nic.instance->id].sends_done++;
}

/* contract: 4.31 */
static void power_goes_when_the_sends_are_home(void **state)
{
	static struct im_work work = {.run = complete_send};

	(void)state;
	nb_up(1, true);
	im_this_worker->accounts[nb_nic.instance->id].sends_begun++;
	im_schedule_work(&work);
	assert_int_equal(set_power(IM_POWER_D3), IM_STATUS_SUCCESS);
	nb_expect("t0:event(0,4) (sent) nic:set(fd010101,4)"); /* 4.31 */
	set_power(IM_POWER_D0);
	nb_down();
}

/* ---- Events ------------------------------------------------------------------------------------------- */

/* contract: 2.26 7.26 */
static void an_event_goes_to_all_and_then_to_the_miniport(void **state)
{
	struct im_pnp_event event = {.code = IM_PNP_RECONFIGURE, .buffer = "x", .length = 1};

	(void)state;
	nb_up(2, true);
	nb_start_vnic();
	nb_bind("vnic");
	assert_int_equal(im_pnp_event(nb_nic.instance, &event), IM_STATUS_SUCCESS);
	nb_expect("t0:event(4,0) t1:event(4,0) nic:event(4)"); /* 2.26 */
	assert_int_equal(im_pnp_event(NULL, &event), IM_STATUS_SUCCESS);
	nb_expect("t0:event(4,0) t1:event(4,0) t2:event(4,0)"); /* every binding there is */
	event.buffer = NULL;
	assert_int_equal(im_pnp_event(nb_nic.instance, &event), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_pnp_event(nb_nic.instance, NULL), IM_STATUS_INVALID_PARAMETER);
	nb_expect("");
	nb_down();
}

static void the_first_refusal_is_the_answer_and_all_are_told(void **state)
{
	struct im_pnp_event event = {.code = IM_PNP_BIND_LIST};

	(void)state;
	nb_up(3, true);
	nb_tops[0].pnp = IM_STATUS_INVALID_DATA;
	nb_tops[2].pnp = IM_STATUS_FAILURE;
	assert_int_equal(im_pnp_event(nb_nic.instance, &event), IM_STATUS_INVALID_DATA);
	nb_expect("t0:event(5,0) t1:event(5,0) t2:event(5,0)");
	nb_down();
}

/* Who had agreed learns that the adapter stays. */
/* contract: 7.26 */
static void one_that_is_busy_keeps_the_adapter(void **state)
{
	struct im_pnp_event event = {.code = IM_PNP_QUERY_REMOVE};

	(void)state;
	nb_up(3, true);
	nb_tops[1].pnp = IM_STATUS_FAILURE;
	assert_int_equal(im_pnp_event(nb_nic.instance, &event), IM_STATUS_FAILURE);
	nb_expect("t0:event(2,0) t1:event(2,0) t0:event(3,0)"); /* 7.26 */
	nb_down();
}

static void complete_inside(struct nb_top *top, struct im_pnp_event *event)
{
	(void)top;
	im_complete_pnp_event(event, IM_STATUS_INVALID_DATA);
}

static void an_answer_may_come_before_the_handler_returns(void **state)
{
	struct im_pnp_event event = {.code = IM_PNP_RECONFIGURE};

	(void)state;
	nb_up(1, true);
	nb_tops[0].pnp = IM_STATUS_PENDING;
	nb_tops[0].in_pnp = complete_inside;
	assert_int_equal(im_pnp_event(nb_nic.instance, &event), IM_STATUS_INVALID_DATA);
	nb_tops[0].pnp = IM_STATUS_SUCCESS; /* and again */
	assert_int_equal(im_pnp_event(nb_nic.instance, &event), IM_STATUS_SUCCESS);
	nb_expect_violation("3.15");
	nb_down();
}

static void an_event_is_answered_once(void **state)
{
	struct im_pnp_event event = {.code = IM_PNP_RECONFIGURE};

	(void)state;
	nb_up(1, true);
	nb_tops[0].pnp = IM_STATUS_PENDING;
	nb_tops[0].in_pnp = drain_later;
	assert_int_equal(im_pnp_event(nb_nic.instance, &event), IM_STATUS_SUCCESS);
	im_complete_pnp_event(pended, IM_STATUS_SUCCESS);
	nb_expect_violation("3.15");
	im_complete_pnp_event(pended, IM_STATUS_PENDING);
	nb_expect_violation("3.15");
	nb_down();
}

/* ---- From a driver ------------------------------------------------------------------------------------- */

static im_status_t notified;

static void notify(void)
{
	struct im_pnp_event event = {.code = IM_PNP_RECONFIGURE};

	notified = im_notify_pnp_event(nb_vnic.instance, &event);
}

static void pass_on(struct nb_top *top, struct im_pnp_event *event)
{
	(void)top;
	im_notify_pnp_event(nb_vnic.instance, event);
}

/* contract: 7.28 */
static void a_driver_passes_an_event_on(void **state)
{
	struct im_pnp_event event = {.code = IM_PNP_RECONFIGURE};

	(void)state;
	nb_up(1, true);
	nb_start_vnic();
	nb_bind("vnic");
	nb_tops[0].in_pnp = pass_on;
	nb_tops[1].pnp = IM_STATUS_FAILURE;
	assert_int_equal(im_pnp_event(nb_nic.instance, &event), IM_STATUS_SUCCESS);
	nb_expect("t0:event(4,0) t1:event(4,0) nic:event(4)");
	notify();
	assert_int_equal(notified, IM_STATUS_FAILURE); /* the refusal of one above */
	nb_expect("t1:event(4,0)");
	nb_down();
}

/* contract: 7.28 */
static void no_event_from_inside_a_request(void **state)
{
	uint32_t value;
	struct im_request request = {.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &value, .length = sizeof(value)};

	(void)state;
	nb_up(0, true);
	nb_start_vnic();
	nb_bind("vnic");
	nb_vnic.in_query = notify;
	assert_int_equal(im_request_instance(nb_vnic.instance, &request), IM_STATUS_SUCCESS);
	nb_expect_violation("7.28");
	nb_expect("vnic:query(10107)");
	assert_int_equal(notified, IM_STATUS_FAILURE);
	nb_down();
}

static void pausing_is_the_cores(void **state)
{
	struct im_pnp_event event = {.code = IM_PNP_PAUSE};

	(void)state;
	nb_up(1, true);
	assert_int_equal(im_notify_pnp_event(nb_nic.instance, &event), IM_STATUS_FAILURE);
	nb_expect_violation("12.14");
	nb_down();
}

/* ---- The card goes down -------------------------------------------------------------------------------- */

/* contract: 2.27 */
static void every_miniport_learns_that_the_card_goes_down(void **state)
{
	(void)state;
	nb_up(1, true);
	nb_start_vnic();
	im_pause(nb_vnic.instance); /* in any state from Paused on (10.22) */
	im_shutdown();
	nb_expect("nic:shutdown vnic:shutdown"); /* 7.29 */
	nb_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_driver_passes_an_event_on),
		cmocka_unit_test(a_miniport_that_does_not_wake_up_stays_asleep),
		cmocka_unit_test(a_miniport_that_knows_no_power_sleeps_all_the_same),
		cmocka_unit_test(a_miniport_that_refuses_to_sleep_stays_awake),
		cmocka_unit_test(a_protocol_may_take_its_time_to_stop),
		cmocka_unit_test(a_vnic_and_its_adapter_sleep_on_their_own),
		cmocka_unit_test(an_answer_may_come_before_the_handler_returns),
		cmocka_unit_test(an_event_goes_to_all_and_then_to_the_miniport),
		cmocka_unit_test(an_event_is_answered_once),
		cmocka_unit_test(every_miniport_learns_that_the_card_goes_down),
		cmocka_unit_test(from_one_sleep_to_another),
		cmocka_unit_test(no_event_from_inside_a_request),
		cmocka_unit_test(one_that_is_busy_keeps_the_adapter),
		cmocka_unit_test(pausing_is_the_cores),
		cmocka_unit_test(power_goes_when_the_sends_are_home),
		cmocka_unit_test(power_has_four_states),
		cmocka_unit_test(power_is_not_the_protocols_to_refuse),
		cmocka_unit_test(protocols_stop_before_the_miniport_and_start_after_it),
		cmocka_unit_test(the_first_refusal_is_the_answer_and_all_are_told),
		cmocka_unit_test(the_gate_is_open_while_protocols_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
