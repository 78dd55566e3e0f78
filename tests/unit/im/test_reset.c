/* SPDX-License-Identifier: BSD-3-Clause */
/* Resets: what is told, held, given back and restored around them (contract section 7A). */
#include <string.h>

#include "neighbours.h"

#define SPEED	  SLUICE_OID_GEN_LINK_SPEED	       /* 10107 */
#define FILTER	  SLUICE_OID_GEN_CURRENT_PACKET_FILTER /* 1010e */
#define MULTICAST SLUICE_OID_802_3_MULTICAST_LIST      /* 1010103 */

#define OFFLOADS       SLUICE_OID_TCP_TASK_OFFLOAD	     /* fc010201 */
#define ADD_PATTERN    SLUICE_OID_PNP_ADD_WAKE_UP_PATTERN    /* fd010103 */
#define REMOVE_PATTERN SLUICE_OID_PNP_REMOVE_WAKE_UP_PATTERN /* fd010104 */
#define ENABLE_WAKE_UP SLUICE_OID_PNP_ENABLE_WAKE_UP	     /* fd010106 */

/* RESET_START is status 1, RESET_END is 2; each has its end (7.6). */
#define START "t0:status(1) t1:status(1) t0:end t1:end"
#define END   "t0:status(2) t1:status(2) t0:end t1:end"

static struct im_request asked[4];
static uint32_t values[4];

static struct im_request *query(uint32_t i)
{
	asked[i] = (struct im_request){.oid = SPEED, .buffer = &values[i], .length = sizeof(values[i])};
	return &asked[i];
}

static void complete_query(void)
{
	im_query_information_complete(nb_nic.instance, IM_STATUS_SUCCESS);
}

static void complete_reset(void)
{
	im_reset_complete(nb_nic.instance, IM_STATUS_SUCCESS, false);
}

static void set_filter(uint32_t filter)
{
	struct im_request request = {.set = true, .oid = FILTER, .buffer = &filter, .length = sizeof(filter)};

	assert_int_equal(im_request(nb_tops[0].binding, &request), IM_STATUS_SUCCESS);
}

static void set_multicast(void)
{
	uint8_t list[12] = {1, 0, 0x5e, 0, 0, 1, 1, 0, 0x5e, 0, 0, 2};
	struct im_request request = {.set = true, .oid = MULTICAST, .buffer = list, .length = sizeof(list)};

	assert_int_equal(im_request(nb_tops[0].binding, &request), IM_STATUS_SUCCESS);
}

/* ---- The order of things ------------------------------------------------------------------------------ */

/* contract: 7.6 */
static void every_protocol_is_told_the_begin_and_the_end(void **state)
{
	(void)state;
	nb_up(2, true);
	assert_int_equal(im_reset_instance(nb_nic.instance), IM_STATUS_SUCCESS);
	nb_expect(START " nic:reset " END);
	nb_down();
}

static uint32_t gate_at_start, gate_in_reset, gate_at_end;

static void note_gate(uint32_t indication)
{
	if (indication == IM_INDICATION_RESET_START)
		gate_at_start = nb_nic.instance->gate;
	else
		gate_at_end = nb_nic.instance->gate;
}

static void note_gate_in_reset(void)
{
	gate_in_reset = nb_nic.instance->gate;
}

static void no_sends_go_down_meanwhile(void **state)
{
	(void)state;
	nb_up(1, true);
	nb_tops[0].in_status = note_gate;
	nb_nic.in_reset = note_gate_in_reset;
	im_reset_instance(nb_nic.instance);
	assert_int_equal(gate_at_start, 0);
	assert_int_equal(gate_in_reset, IM_GATE_RESETTING); /* 7.4 */
	assert_int_equal(gate_at_end, 0);		    /* who resumes when it is told finds it open (7.7) */
	nb_down();
}

/* contract: 7.1 7.6 12.46 */
static void a_protocol_that_asks_is_told_the_outcome(void **state)
{
	(void)state;
	nb_up(2, true);
	nb_nic.reset = IM_STATUS_SOFT_ERRORS;
	assert_int_equal(im_reset(nb_tops[1].binding), IM_STATUS_PENDING);
	assert_int_equal(im_reset(nb_tops[0].binding), IM_STATUS_RESET_IN_PROGRESS);
	nb_expect(""); /* on a control thread, whatever the level that asks */
	nb_turn();
	nb_expect(START " nic:reset " END " t1:reset(22)"); /* 3.7 */
	nb_turn();
	nb_expect("");
	nb_down();
}

static void ask_reset(void)
{
	assert_int_equal(im_reset(nb_tops[0].binding), IM_STATUS_PENDING);
}

/* contract: 9.6 */
static void a_reset_may_be_asked_for_at_any_level(void **state)
{
	(void)state;
	nb_up(1, true);
	nb_dispatch(ask_reset);
	nb_turn();
	nb_expect("t0:status(1) t0:end nic:reset t0:status(2) t0:end t0:reset(0)");
	nb_down();
}

/* contract: 7.9 */
static void an_intermediate_drivers_vnic_is_not_reset(void **state)
{
	struct nb_top *above;

	(void)state;
	nb_up(0, true);
	nb_start_vnic();
	above = nb_bind("vnic");
	assert_int_equal(im_reset(above->binding), IM_STATUS_NOT_RESETTABLE); /* 7.9 */
	assert_int_equal(im_reset_instance(nb_vnic.instance), IM_STATUS_NOT_RESETTABLE);
	nb_turn();
	nb_expect("");
	nb_down();
}

static void an_adapter_asleep_is_not_reset(void **state)
{
	(void)state;
	nb_up(1, true);
	im_set_power(nb_nic.instance, IM_POWER_D3);
	nb_expect("t0:event(0,4) nic:set(fd010101,4)");
	assert_int_equal(im_reset(nb_tops[0].binding), IM_STATUS_LOW_POWER_STATE);
	assert_int_equal(im_reset_instance(nb_nic.instance), IM_STATUS_LOW_POWER_STATE);
	nb_turn();
	nb_expect("");
	nb_down();
}

/* ---- Pending ------------------------------------------------------------------------------------------- */

/* contract: 7.1 9.6 */
static void a_reset_that_pends_is_completed_at_any_level(void **state)
{
	(void)state;
	nb_up(2, true);
	nb_nic.reset = IM_STATUS_PENDING;
	assert_int_equal(im_reset(nb_tops[0].binding), IM_STATUS_PENDING);
	nb_turn();
	nb_turn();
	nb_expect(START " nic:reset");
	assert_int_equal(nb_nic.instance->gate, IM_GATE_RESETTING);
	nb_dispatch(complete_reset);
	nb_expect("");
	nb_turn();
	nb_expect(END " t0:reset(0)");
	assert_int_equal(nb_nic.instance->gate, 0);
	nb_down();
}

static void a_completion_may_come_before_the_handler_returns(void **state)
{
	(void)state;
	nb_up(1, true);
	nb_nic.reset = IM_STATUS_PENDING;
	nb_nic.in_reset = complete_reset;
	assert_int_equal(im_reset_instance(nb_nic.instance), IM_STATUS_SUCCESS);
	nb_expect("t0:status(1) t0:end nic:reset t0:status(2) t0:end");
	nb_down();
}

static void complete_by_work(struct im_work *work)
{
	(void)work;
	complete_reset();
}

static struct im_work completion = {.run = complete_by_work};

static void schedule_completion(void)
{
	im_schedule_work(&completion);
}

static void who_waits_for_a_reset_does_the_work_for_it(void **state)
{
	(void)state;
	nb_up(0, true);
	nb_nic.reset = IM_STATUS_PENDING;
	nb_nic.in_reset = schedule_completion;
	assert_int_equal(im_reset_instance(nb_nic.instance), IM_STATUS_SUCCESS);
	nb_expect("nic:reset");
	nb_down();
}

/* contract: 7.3 */
static void only_a_pending_reset_is_completed_and_once(void **state)
{
	(void)state;
	nb_up(0, true);
	complete_reset();
	nb_expect_violation("7.3");
	nb_nic.in_reset = complete_reset; /* and returns SUCCESS too */
	assert_int_equal(im_reset_instance(nb_nic.instance), IM_STATUS_SUCCESS);
	nb_expect_violation("7.3");
	nb_nic.in_reset = NULL;
	nb_nic.reset = IM_STATUS_PENDING;
	nb_nic.in_reset = schedule_completion;
	assert_int_equal(im_reset_instance(nb_nic.instance), IM_STATUS_SUCCESS);
	complete_reset();
	nb_expect_violation("7.3");
	nb_expect("nic:reset nic:reset");
	nb_down();
}

/* contract: 7.1 */
static void a_reset_has_its_own_statuses(void **state)
{
	static const im_status_t legal[] = {IM_STATUS_SUCCESS, IM_STATUS_NOT_RESETTABLE, IM_STATUS_RESET_IN_PROGRESS,
					    IM_STATUS_SOFT_ERRORS, IM_STATUS_HARD_ERRORS};

	(void)state;
	nb_up(0, true);
	for (uint32_t i = 0; i < RTE_DIM(legal); i++) {
		nb_nic.reset = legal[i];
		assert_int_equal(im_reset_instance(nb_nic.instance), legal[i]);
		nb_expect_violation(NULL);
	}
	nb_nic.reset = IM_STATUS_RESOURCES;
	assert_int_equal(im_reset_instance(nb_nic.instance), IM_STATUS_HARD_ERRORS);
	nb_expect_violation("7.1");
	nb_down();
}

/* ---- Requests ------------------------------------------------------------------------------------------ */

/* contract: 7.4 */
static void requests_wait_for_the_end(void **state)
{
	(void)state;
	nb_up(2, true);
	nb_nic.reset = IM_STATUS_PENDING;
	im_reset(nb_tops[0].binding);
	nb_turn();
	nb_expect(START " nic:reset");
	assert_int_equal(im_request(nb_tops[1].binding, query(0)), IM_STATUS_PENDING);
	nb_turn();
	nb_expect(""); /* 7.4 */
	complete_reset();
	nb_turn();
	nb_expect(END " nic:query(10107) t1:complete(10107,0) t0:reset(0)");
	nb_down();
}

/* 7.5: a serialised miniport has forgotten its request; a deserialised one completes its own. */
/* contract: 7.5 */
static void the_core_completes_what_a_serialised_miniport_had(void **state)
{
	(void)state;
	nb_up(2, true);
	nb_nic.query = IM_STATUS_PENDING;
	im_request(nb_tops[0].binding, query(0));
	assert_int_equal(im_reset_instance(nb_nic.instance), IM_STATUS_SUCCESS);
	nb_expect("nic:query(10107) " START " nic:reset " END);
	complete_query();
	nb_expect("t0:complete(10107,0)");

	nb_nic.instance->deserialized = false;
	im_request(nb_tops[0].binding, query(0));
	assert_int_equal(im_reset_instance(nb_nic.instance), IM_STATUS_SUCCESS);
	nb_expect("nic:query(10107) " START " nic:reset t0:complete(10107,17) " END);
	complete_query(); /* it may not any more */
	nb_expect_violation("6.11");
	nb_nic.instance->deserialized = true;
	nb_down();
}

/* ---- Addressing ---------------------------------------------------------------------------------------- */

/* contract: 7.2 */
static void what_the_miniport_lost_is_restored(void **state)
{
	(void)state;
	nb_up(1, true);
	set_filter(0x0b);
	set_multicast();
	nb_expect("nic:set(1010e,b) nic:set(1010103,2 addresses)");
	nb_nic.addressing_reset = true;
	assert_int_equal(im_reset_instance(nb_nic.instance), IM_STATUS_SUCCESS);
	nb_expect("t0:status(1) t0:end nic:reset nic:set(1010e,b) nic:set(1010103,2 addresses) t0:status(2) t0:end");
	nb_nic.addressing_reset = false; /* it has done so itself (7.2) */
	assert_int_equal(im_reset_instance(nb_nic.instance), IM_STATUS_SUCCESS);
	nb_expect("t0:status(1) t0:end nic:reset t0:status(2) t0:end");
	nb_nic.addressing_reset = true; /* it does not work: nothing to restore */
	nb_nic.reset = IM_STATUS_HARD_ERRORS;
	assert_int_equal(im_reset_instance(nb_nic.instance), IM_STATUS_HARD_ERRORS);
	nb_expect("t0:status(1) t0:end nic:reset t0:status(2) t0:end");
	nb_down();
}

static im_status_t set_bytes(uint32_t oid, const void *bytes, uint32_t length)
{
	struct im_request request = {.set = true, .oid = oid, .buffer = (void *)(uintptr_t)bytes, .length = length};

	return im_request(nb_tops[0].binding, &request);
}

/* contract: 7.2 */
static void offloads_and_wake_up_patterns_are_restored(void **state)
{
	static const uint8_t first[5] = {1}, second[6] = {2}, third[7] = {3};
	static const uint32_t offloads = 3, events = 2;

	(void)state;
	nb_up(1, false);
	set_bytes(ADD_PATTERN, first, sizeof(first));
	set_bytes(ADD_PATTERN, second, sizeof(second));
	set_bytes(ADD_PATTERN, third, sizeof(third));
	set_bytes(ADD_PATTERN, third, sizeof(third)); /* once */
	set_bytes(REMOVE_PATTERN, second, sizeof(second));
	set_bytes(REMOVE_PATTERN, second, sizeof(second)); /* not there */
	set_bytes(OFFLOADS, &offloads, sizeof(offloads));
	set_bytes(ENABLE_WAKE_UP, &events, sizeof(events));
	nb_nic.set = IM_STATUS_INVALID_DATA; /* what it refuses it has not */
	set_bytes(ADD_PATTERN, second, sizeof(second));
	nb_nic.set = IM_STATUS_SUCCESS;
	nb_nic.addressing_reset = true;
	nb_forget();
	assert_int_equal(im_reset_instance(nb_nic.instance), IM_STATUS_SUCCESS);
	nb_expect("t0:status(1) t0:end nic:reset nic:set(1010e,20) nic:set(1010103,0 addresses) nic:set(fc010201,3) "
		  "nic:set(fd010103,5 bytes) nic:set(fd010103,7 bytes) nic:set(fd010106,2) t0:status(2) t0:end");
	nb_down();
}

static void a_pattern_that_could_not_be_restored_is_refused(void **state)
{
	uint8_t pattern[257] = {0};

	(void)state;
	nb_up(1, false);
	assert_int_equal(set_bytes(ADD_PATTERN, pattern, sizeof(pattern)), IM_STATUS_RESOURCES);
	nb_expect("");
	for (pattern[0] = 0; pattern[0] < 16; pattern[0]++)
		assert_int_equal(set_bytes(ADD_PATTERN, pattern, 256), IM_STATUS_SUCCESS);
	nb_forget();
	assert_int_equal(set_bytes(ADD_PATTERN, pattern, 256), IM_STATUS_RESOURCES);
	nb_expect("");
	pattern[0] = 3;
	assert_int_equal(set_bytes(REMOVE_PATTERN, pattern, 256), IM_STATUS_SUCCESS);
	pattern[0] = 16; /* there is room again */
	assert_int_equal(set_bytes(ADD_PATTERN, pattern, 256), IM_STATUS_SUCCESS);
	nb_forget();
	nb_down();
}

static void complete_set(void)
{
	im_set_information_complete(nb_nic.instance, IM_STATUS_SUCCESS);
}

/* The core's own requests come before those that wait, and the end comes after them. */
/* contract: 7.2 */
static void restoring_may_pend(void **state)
{
	(void)state;
	nb_up(2, false);
	set_filter(0x0b);
	nb_expect("nic:set(1010e,b)");
	nb_nic.addressing_reset = true;
	nb_nic.set = IM_STATUS_PENDING;
	im_reset(nb_tops[0].binding);
	nb_turn();
	nb_expect(START " nic:reset nic:set(1010e,b)");
	assert_int_equal(im_request(nb_tops[1].binding, query(0)), IM_STATUS_PENDING);
	nb_turn();
	nb_expect("");
	nb_dispatch(complete_set);
	nb_turn();
	nb_expect("nic:set(1010103,0 addresses)");
	nb_dispatch(complete_set);
	nb_turn();
	nb_expect(END " nic:query(10107) t1:complete(10107,0) t0:reset(0)");
	nb_down();
}

/* ---- With other things --------------------------------------------------------------------------------- */

static void pause_in_reset(void)
{
	im_pause(nb_nic.instance);
	nb_say("(paused)");
}

/* contract: 7.8 */
static void a_pause_and_a_reset_end_in_any_order(void **state)
{
	(void)state;
	nb_up(1, true);
	nb_nic.reset = IM_STATUS_PENDING;
	im_reset(nb_tops[0].binding);
	nb_turn();
	pause_in_reset(); /* begins and ends inside the reset (7.8) */
	assert_int_equal(nb_nic.instance->state, SLUICE_INSTANCE_PAUSED);
	complete_reset();
	nb_turn();
	nb_expect("t0:status(1) t0:end nic:reset (paused) t0:status(2) t0:end t0:reset(0)");
	assert_int_equal(nb_nic.instance->gate, IM_GATE_STOPPED);
	assert_int_equal(im_restart(nb_nic.instance), IM_STATUS_SUCCESS);
	nb_down();
}

/* contract: 7.10 */
static void unbind_does_not_wait_for_a_reset(void **state)
{
	(void)state;
	nb_up(2, true);
	nb_nic.reset = IM_STATUS_PENDING;
	im_reset(nb_tops[0].binding);
	nb_turn();
	im_request(nb_tops[0].binding, query(0));
	nb_expect(START " nic:reset");
	im_unbind(nb_tops[0].binding); /* 7.10: its request and its reset are given up */
	nb_expect("t0:unbind t0:complete(10107,17) t0:reset(17)");
	complete_reset();
	nb_turn();
	nb_expect("t1:status(2) t1:end");
	nb_down();
}

static void complete_later(struct im_work *work)
{
	(void)work;
	nb_say("(later)");
	complete_reset();
}

static void a_halt_waits_for_a_reset(void **state)
{
	static struct im_work work = {.run = complete_later};

	(void)state;
	nb_up(1, true);
	nb_nic.reset = IM_STATUS_PENDING;
	im_reset(nb_tops[0].binding);
	nb_turn();
	nb_expect("t0:status(1) t0:end nic:reset");
	im_schedule_work(&work);
	nb_halt_nic();
	nb_expect("t0:unbind t0:reset(17) (later) nic:halt");
	nb_down();
}

static void ask_again(uint32_t indication)
{
	if (indication == IM_INDICATION_RESET_END)
		assert_int_equal(im_reset(nb_tops[0].binding), IM_STATUS_RESET_IN_PROGRESS);
}

static void one_reset_at_a_time(void **state)
{
	(void)state;
	nb_up(1, true);
	nb_tops[0].in_status = ask_again;
	im_reset_instance(nb_nic.instance);
	nb_tops[0].in_status = NULL;
	assert_int_equal(im_reset_instance(nb_nic.instance), IM_STATUS_SUCCESS);
	nb_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_completion_may_come_before_the_handler_returns),
		cmocka_unit_test(a_halt_waits_for_a_reset),
		cmocka_unit_test(a_pause_and_a_reset_end_in_any_order),
		cmocka_unit_test(a_protocol_that_asks_is_told_the_outcome),
		cmocka_unit_test(a_reset_has_its_own_statuses),
		cmocka_unit_test(a_reset_may_be_asked_for_at_any_level),
		cmocka_unit_test(a_reset_that_pends_is_completed_at_any_level),
		cmocka_unit_test(a_pattern_that_could_not_be_restored_is_refused),
		cmocka_unit_test(an_adapter_asleep_is_not_reset),
		cmocka_unit_test(an_intermediate_drivers_vnic_is_not_reset),
		cmocka_unit_test(every_protocol_is_told_the_begin_and_the_end),
		cmocka_unit_test(no_sends_go_down_meanwhile),
		cmocka_unit_test(offloads_and_wake_up_patterns_are_restored),
		cmocka_unit_test(one_reset_at_a_time),
		cmocka_unit_test(only_a_pending_reset_is_completed_and_once),
		cmocka_unit_test(requests_wait_for_the_end),
		cmocka_unit_test(restoring_may_pend),
		cmocka_unit_test(the_core_completes_what_a_serialised_miniport_had),
		cmocka_unit_test(unbind_does_not_wait_for_a_reset),
		cmocka_unit_test(what_the_miniport_lost_is_restored),
		cmocka_unit_test(who_waits_for_a_reset_does_the_work_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
