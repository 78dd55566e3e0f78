/* SPDX-License-Identifier: BSD-3-Clause */
/* Resets: what the core keeps away, gives back and tells around them, and what a relay does meanwhile (contract section
 * 7A). */
#include <string.h>

#include "resetting.h"

/* ---- Its end ------------------------------------------------------------------------------------- */

static void complete_what_nobody_began(void)
{
	rig_begin(NULL, 0);
	rig_build(0);
	resetting_complete();
}

static void complete_twice(void)
{
	rig_begin(NULL, 0);
	rig_build(0);
	resetting_begin();
	resetting_end();
	resetting_complete();
}

static im_status_t complete_and_return(bool *addressing_reset, void *context)
{
	(void)addressing_reset;
	(void)context;
	resetting_complete();
	return IM_STATUS_SUCCESS;
}

static void complete_what_did_not_pend(void)
{
	rig_begin(NULL, 0);
	rig.nic->miniport.reset = complete_and_return;
	rig_build(0);
	host_reset("nic");
}

static void c7_1_c7_3_a_completion_without_a_reset_that_pends_stops_the_firmware(void **state)
{
	(void)state;
	host_expect_stop("7.3", complete_what_nobody_began);
	host_expect_stop("7.3", complete_twice);
	host_expect_stop("7.3", complete_what_did_not_pend);
}

static void reset_with_a_status_of_sends(void)
{
	rig_begin(NULL, 0);
	rig.nic->script.reset_status = IM_STATUS_RESOURCES;
	rig_build(0);
	host_reset("nic");
}

static void c7_1_a_reset_ends_with_one_of_its_statuses(void **state)
{
	static const im_status_t ends[] = {IM_STATUS_SUCCESS, IM_STATUS_NOT_RESETTABLE, IM_STATUS_RESET_IN_PROGRESS,
					   IM_STATUS_SOFT_ERRORS, IM_STATUS_HARD_ERRORS};

	(void)state;
	for (enum rig_when when = RIG_INLINE; when < RIG_LATER; when++)
		for (size_t i = 0; i < RTE_DIM(ends); i++) {
			rig_begin(NULL, 0);
			rig.nic->script.resets = when;
			rig.nic->script.reset_status = ends[i];
			rig_build(0);
			assert_int_equal(im_reset(rig.top_binding->binding), IM_STATUS_PENDING);
			host_settle();
			assert_int_equal(rig_calls(RIG_reset_complete, "top"), 1);
			assert_int_equal(rig_call(RIG_reset_complete, "top", 0)->value, ends[i]);
			rig_end();
		}
	host_expect_stop("7.1", reset_with_a_status_of_sends);
}

/* ---- What is set again --------------------------------------------------------------------------- */

static im_status_t set(uint32_t oid, const void *bytes, uint32_t length)
{
	struct im_request request = {.set = true, .oid = oid, .buffer = (void *)(uintptr_t)bytes, .length = length};

	return rig_request(rig.top_binding, &request);
}

static const uint8_t patterns[2][8] = {{1}, {2, 3, 4}}, address[6] = {1, 0, 0x5e, 0, 0, 9};
static const uint32_t offloads = 7, filter = 0x0b;

/* What the top has set, through the relay. */
static void set_all(void)
{
	*rig_value(rig.port, SLUICE_OID_TCP_TASK_OFFLOAD) =
		(struct rig_value){.oid = SLUICE_OID_TCP_TASK_OFFLOAD, .length = 4, .settable = true};
	*rig_value(rig.port, SLUICE_OID_PNP_ADD_WAKE_UP_PATTERN) = (struct rig_value){
		.oid = SLUICE_OID_PNP_ADD_WAKE_UP_PATTERN, .length = sizeof(patterns[0]), .settable = true};
	assert_int_equal(set(SLUICE_OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)), IM_STATUS_SUCCESS);
	assert_int_equal(set(SLUICE_OID_802_3_MULTICAST_LIST, address, sizeof(address)), IM_STATUS_SUCCESS);
	assert_int_equal(set(SLUICE_OID_TCP_TASK_OFFLOAD, &offloads, sizeof(offloads)), IM_STATUS_SUCCESS);
	for (size_t i = 0; i < RTE_DIM(patterns); i++)
		assert_int_equal(set(SLUICE_OID_PNP_ADD_WAKE_UP_PATTERN, patterns[i], sizeof(patterns[i])),
				 IM_STATUS_SUCCESS);
}

static void lose(uint32_t oid)
{
	memset(rig_value(rig.port, oid)->bytes, 0, sizeof(rig_value(rig.port, oid)->bytes));
}

static void expect_bytes(uint32_t oid, const void *bytes, uint32_t length)
{
	assert_memory_equal(rig_value(rig.port, oid)->bytes, bytes, length);
}

static const uint32_t lost[] = {SLUICE_OID_GEN_CURRENT_PACKET_FILTER, SLUICE_OID_802_3_MULTICAST_LIST,
				SLUICE_OID_TCP_TASK_OFFLOAD, SLUICE_OID_PNP_ADD_WAKE_UP_PATTERN};

static void reset_and_expect_all(void)
{
	for (size_t i = 0; i < RTE_DIM(lost); i++)
		lose(lost[i]);
	rig_forget();
	assert_int_equal(host_reset("nic"), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_calls(RIG_set_information, "nic"), RTE_DIM(lost) + 1);
	expect_bytes(SLUICE_OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter));
	expect_bytes(SLUICE_OID_802_3_MULTICAST_LIST, address, sizeof(address));
	expect_bytes(SLUICE_OID_TCP_TASK_OFFLOAD, &offloads, sizeof(offloads));
	expect_bytes(SLUICE_OID_PNP_ADD_WAKE_UP_PATTERN, patterns[1], sizeof(patterns[1])); /* the last one */
}

static void c7_2_what_the_miniport_has_lost_is_set_again(void **state)
{
	(void)state;
	for (enum rig_when when = RIG_INLINE; when < RIG_LATER; when++) {
		shipped_begin(NULL);
		shipped_build(1);
		set_all();
		rig.nic->script.requests = when;
		rig.nic->script.addressing_reset = true;
		reset_and_expect_all();
		reset_and_expect_all();
		rig.nic->script.requests = RIG_INLINE;
		rig.nic->script.addressing_reset = false; /* it has seen to that itself */
		rig_forget();
		assert_int_equal(host_reset("nic"), IM_STATUS_SUCCESS);
		host_settle();
		assert_int_equal(rig_calls(RIG_set_information, "nic"), 0);
		rig_end();
	}
}

/* ---- What stays away ----------------------------------------------------------------------------- */

static void c7_4_a_miniport_in_reset_gets_no_sends_and_no_requests(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig_build(0);
	rig_packets(resetting.packets, 8);
	resetting_begin();
	rig_forget();
	resetting_send(0, 4);
	assert_int_equal(resetting_ask(), IM_STATUS_PENDING);
	host_settle();
	assert_int_equal(rig_calls(RIG_send_packets, "nic"), 0);
	assert_int_equal(rig_calls(RIG_query_information, "nic"), 0);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_RESET_IN_PROGRESS), 4);
	assert_int_equal(rig_calls(RIG_request_complete, "top"), 0);
	resetting_end();
	assert_int_equal(rig_calls(RIG_query_information, "nic"), 1);
	assert_int_equal(rig_calls(RIG_request_complete, "top"), 1);
	assert_int_equal(resetting.speed, 10000);
	resetting_send(4, 4);
	rig_expect_packets(RIG_send_packets, "nic", resetting.packets + 4, 4);
	resetting_down();
}

/* ---- What was out -------------------------------------------------------------------------------- */

/* Three at the nic, three that it has refused, and its request. It forgets all, and is given no more meanwhile. */
static void reset_a_serialised_nic(unsigned variant)
{
	rig_begin(NULL, RIG_SERIALISED | variant);
	rig.nic->script.sends = RIG_LATER;
	rig.nic->script.room = variant == 0 ? 3 : 0;
	rig_build(0);
	rig_forget();
	rig_packets(resetting.packets, 8);
	resetting_send(0, 6);
	rig.nic->script.requests = RIG_LATER;
	assert_int_equal(resetting_ask(), IM_STATUS_PENDING);
	host_settle();
	resetting_begin();
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), 0); /* it may still complete its own */
	rig.port->taken = 0;
	im_send_resources_available(rig.port->instance);
	host_settle();
	assert_int_equal(rig.port->held_count, variant == 0 ? 3 : 6);
}

/* What the nic had; what it has not seen the core may have failed before. */
static void expect_failed(unsigned had, unsigned refused)
{
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_REQUEST_ABORTED), had);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_RESET_IN_PROGRESS), refused);
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), 6);
}

static void expect_sends_again(void)
{
	assert_int_equal(rig_calls(RIG_request_complete, "top"), 1);
	assert_int_equal(rig_call(RIG_request_complete, "top", 0)->value, IM_STATUS_REQUEST_ABORTED);
	assert_int_equal(host_outstanding("nic"), 0);
	rig.port->held_count = 0; /* the nic's memory of them */
	rig.nic->script.room = 0;
	rig.nic->script.sends = RIG_INLINE;
	rig.nic->script.requests = RIG_INLINE;
	rig_forget();
	resetting_send(0, 6);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 6);
}

static void c7_5_the_core_fails_what_a_serialised_miniport_had(void **state)
{
	static const unsigned variants[] = {0, RIG_SINGLE};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(variants); i++) {
		reset_a_serialised_nic(variants[i]);
		resetting_end();
		expect_failed(variants[i] == 0 ? 3 : 6, variants[i] == 0 ? 3 : 0);
		expect_sends_again();
		resetting_down();
	}
}

static void c7_5_what_a_serialised_miniport_completes_itself_is_not_failed(void **state)
{
	(void)state;
	reset_a_serialised_nic(0);
	rig_complete(rig.port, 2, IM_STATUS_SUCCESS);
	host_settle();
	rig.port->held_count = 0;
	resetting_end();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 2);
	expect_failed(1, 3);
	rig.nic->script.requests = RIG_INLINE;
	resetting_down();
}

static void complete_a_send_after_a_reset(void)
{
	reset_a_serialised_nic(0);
	resetting_end();
	rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
}

static void c7_5_a_serialised_miniport_has_nothing_left_to_complete(void **state)
{
	(void)state;
	host_expect_stop("4.12", complete_a_send_after_a_reset);
}

/* Over a mid, which has no part in it; the nic aborts two, and keeps two. */
static void c7_5_a_deserialised_miniport_completes_its_own(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.nic->script.sends = RIG_LATER;
	rig_build(1);
	rig_forget();
	rig_packets(resetting.packets, 8);
	resetting_send(0, 4);
	rig.nic->script.requests = RIG_LATER;
	assert_int_equal(resetting_ask(), IM_STATUS_PENDING);
	host_settle();
	resetting_begin();
	rig_complete(rig.port, 2, IM_STATUS_REQUEST_ABORTED);
	resetting_end();
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), 2);
	assert_int_equal(rig_calls(RIG_request_complete, "top"), 0);
	rig_complete(rig.port, 2, IM_STATUS_SUCCESS);
	rig_complete_request(rig.port, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_REQUEST_ABORTED), 2);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 2);
	assert_int_equal(resetting.speed, 10000);
	rig.nic->script.requests = RIG_INLINE;
	resetting_down();
}

/* ---- What is told -------------------------------------------------------------------------------- */

#define TOLD (RIG_BIT(status) | RIG_BIT(status_complete) | RIG_BIT(reset))

static void c7_6_every_protocol_is_told_the_begin_and_the_end(void **state)
{
	struct rig_driver *other;

	(void)state;
	rig_begin(NULL, 0);
	rig_build(0);
	other = rig_driver("other", RIG_TOP, 0);
	assert_int_equal(rig_load(other), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("other", "nic", "other"), IM_STATUS_SUCCESS);
	rig_forget();
	resetting_begin();
	assert_string_equal(rig_story(TOLD), "status:top status:other status_complete:top status_complete:other "
					     "reset:nic");
	assert_int_equal(rig_call(RIG_status, "top", 0)->value, IM_INDICATION_RESET_START);
	assert_int_equal(rig_call(RIG_status, "other", 0)->value, IM_INDICATION_RESET_START);
	rig_forget();
	resetting_end();
	assert_string_equal(rig_story(TOLD), "status:top status:other status_complete:top status_complete:other");
	assert_int_equal(rig_call(RIG_status, "top", 0)->value, IM_INDICATION_RESET_END);
	assert_int_equal(rig_call(RIG_status, "other", 0)->value, IM_INDICATION_RESET_END);
	rig_end();
}

static void fake_a_reset(void)
{
	rig_begin(NULL, 0);
	rig_build(0);
	im_indicate_status(rig.port->instance, IM_INDICATION_RESET_START, NULL, 0);
}

/* As a driver would that passes on whatever it is told. */
static void pass_on(void *context, uint32_t indication, const void *buffer, uint32_t length)
{
	struct rig_binding *binding = context;

	im_indicate_status(binding->vnics[0]->instance, indication, buffer, length);
}

static void pass_on_a_reset(void)
{
	rig_begin(NULL, 0);
	rig.mid->protocol.status = pass_on;
	rig_build(1);
	host_reset("nic");
}

static void c7_6_no_driver_tells_of_a_reset(void **state)
{
	(void)state;
	host_expect_stop("7.6", fake_a_reset);
	host_expect_stop("7.6", pass_on_a_reset);
}

/* ---- A relay meanwhile ---------------------------------------------------------------------------- */

static void c7_7_a_relay_holds_all_but_returns_and_then_goes_on(void **state)
{
	(void)state;
	shipped_begin(NULL);
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	shipped_build(2);
	rig_packets(resetting.packets, 8);
	rig_indicate(rig.port, resetting.packets, 2, IM_STATUS_SUCCESS);
	host_settle();
	resetting_begin();
	rig_forget();
	rig_return(rig.top_binding, 2);
	resetting_send(2, 3);
	rig_indicate(rig.port, resetting.packets + 5, 3, IM_STATUS_SUCCESS);
	assert_int_equal(resetting_ask(), IM_STATUS_PENDING);
	host_settle();
	rig_expect_packets(RIG_return_packets, "nic", resetting.packets, 2);
	assert_string_equal(rig_story(RIG_ALL & ~RIG_BIT(check_for_hang)), "return_packets:nic");
	resetting_end();
	rig_expect_packets(RIG_send_packets, "nic", resetting.packets + 2, 3);
	rig_expect_packets(RIG_receive_packets, "top", resetting.packets + 5, 3);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 3);
	assert_int_equal(resetting.speed, 10000);
	rig_return(rig.top_binding, 3);
	resetting_down();
}

/* The second one may throw back what it has not sent, which goes again: nothing is lost or doubled by either. */
static void c7_7_one_reset_after_another(void **state)
{
	(void)state;
	shipped_begin(NULL);
	shipped_build(1);
	rig_packets(resetting.packets, 8);
	resetting_begin();
	rig_forget();
	resetting_send(0, 4);
	resetting_end();
	resetting_begin();
	resetting_send(4, 4);
	rig_expect_packets(RIG_send_packets, "nic", resetting.packets, 4);
	resetting_end();
	rig_expect_packets(RIG_send_packets, "nic", resetting.packets, 8);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 8);
	resetting_down();
}

/* It knows of no begin: what it sends meanwhile the core refuses, and the end is nothing to it. */
static void c7_7_a_relay_that_is_bound_in_the_middle(void **state)
{
	(void)state;
	shipped_begin(NULL);
	shipped_load_all();
	resetting_begin();
	shipped_bind("nic", "r0");
	assert_int_equal(rig_bind("top", "r0", "top"), IM_STATUS_SUCCESS);
	rig.top_binding = rig_binding("top");
	rig_packets(resetting.packets, 8);
	rig_forget();
	resetting_send(0, 4);
	assert_int_equal(rig_calls(RIG_send_packets, "nic"), 0);
	resetting_end();
	resetting_send(4, 4);
	rig_expect_packets(RIG_send_packets, "nic", resetting.packets + 4, 4);
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), 8);
	resetting_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c7_1_c7_3_a_completion_without_a_reset_that_pends_stops_the_firmware),
		cmocka_unit_test(c7_1_a_reset_ends_with_one_of_its_statuses),
		cmocka_unit_test(c7_2_what_the_miniport_has_lost_is_set_again),
		cmocka_unit_test(c7_4_a_miniport_in_reset_gets_no_sends_and_no_requests),
		cmocka_unit_test(c7_5_the_core_fails_what_a_serialised_miniport_had),
		cmocka_unit_test(c7_5_what_a_serialised_miniport_completes_itself_is_not_failed),
		cmocka_unit_test(c7_5_a_serialised_miniport_has_nothing_left_to_complete),
		cmocka_unit_test(c7_5_a_deserialised_miniport_completes_its_own),
		cmocka_unit_test(c7_6_every_protocol_is_told_the_begin_and_the_end),
		cmocka_unit_test(c7_6_no_driver_tells_of_a_reset),
		cmocka_unit_test(c7_7_a_relay_holds_all_but_returns_and_then_goes_on),
		cmocka_unit_test(c7_7_one_reset_after_another),
		cmocka_unit_test(c7_7_a_relay_that_is_bound_in_the_middle),
	};

	return host_run_tests(tests);
}
