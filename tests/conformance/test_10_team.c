/* SPDX-License-Identifier: BSD-3-Clause */
/* One VNIC over several adapters: who carries it, and what is seen of that above (contract 10C). */
#include <string.h>
#include <unistd.h>

#include "team.h"

#define FRAME	   60u
#define A_WHILE_US 1000 /* for another thread to begin */

/* ---- The VNIC ------------------------------------------------------------------------------------ */

static void expect_address(const uint8_t *expected)
{
	uint8_t address[6];
	uint32_t written, needed;

	assert_int_equal(host_query("t0", ADDRESS, address, sizeof(address), &written, &needed), IM_STATUS_SUCCESS);
	assert_memory_equal(address, expected, sizeof(address));
}

static void c10_18_c10_20_instances_of_several_drivers_are_one_vnic_with_one_address(void **state)
{
	static const uint8_t first[] = {2, 0, 0, 0, 0, 0x10};

	(void)state;
	team_build(3);
	expect_address(first);
	team_expect_carrier(0);
	team_lose_link(0);
	team_expect_carrier(1);
	expect_address(first);
	assert_int_equal(host_unbind_over("nic0"), IM_STATUS_SUCCESS);
	expect_address(first);
	assert_int_equal(host_unbind_over("nic1"), IM_STATUS_SUCCESS);
	team_expect_carrier(2);
	expect_address(first);
	team_down();
}

static void the_address_can_be_configured(void **state)
{
	static const uint8_t configured[] = {2, 0, 0, 0, 0, 9};
	static const char *const wrong[] = {
		"mac=",	 "mac=02:00:00:00:00", "mac=03:00:00:00:00:09", "mac=2:0:0:0:0:9", "mac=02:00:00:00:00:09,",
		"vlan=1"};

	(void)state;
	team_load(1, 0);
	for (size_t i = 0; i < RTE_DIM(wrong); i++) {
		assert_int_equal(team_bind(0, wrong[i]), IM_STATUS_INVALID_PARAMETER);
		assert_int_equal(host_objects("team"), 0);
	}
	assert_int_equal(team_bind(0, "mac=02:00:00:00:00:09"), IM_STATUS_SUCCESS);
	expect_address(configured);
	rig_end();
}

/* ---- Fail-over ----------------------------------------------------------------------------------- */

static void c10_20_a_fail_over_completes_each_send_once_and_keeps_the_order(void **state)
{
	(void)state;
	team_build(2);
	team_send(0, 4);
	assert_int_equal(team_nics[0]->held_count, 4);
	team_lose_link(0);
	team_send(4, 4);
	assert_int_equal(team_nics[0]->held_count, 4);
	assert_int_equal(team_nics[1]->held_count, 0); /* the flow must not overtake itself */
	rig_complete(team_nics[0], 3, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(team_nics[1]->held_count, 0);
	rig_complete(team_nics[0], 1, IM_STATUS_FAILURE);
	host_settle();
	team_send(8, 2);
	rig_expect_packets(RIG_send_packets, "nic1", team_packets + 4, 6);
	team_complete_all(1);
	assert_int_equal(rig_packets_seen(RIG_send_packets, "nic0"), 4);
	team_expect_once_each(0, 10);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 9);
	team_down();
}

/* What it keeps is its to complete, whenever that is. */
static void c10_20_a_dead_adapter_that_keeps_its_sends_is_not_waited_for_long(void **state)
{
	(void)state;
	team_build(2);
	team_send(0, 4);
	team_lose_link(0);
	team_send(4, 4);
	host_tick(PATIENCE_MS / 4);
	host_settle();
	assert_int_equal(team_nics[1]->held_count, 0);
	host_tick(PATIENCE_MS);
	host_settle();
	rig_expect_packets(RIG_send_packets, "nic1", team_packets + 4, 4);
	team_complete_all(1);
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), 4);
	team_complete_all(0);
	team_expect_once_each(0, 8);
	assert_int_equal(host_outstanding("t0"), 0);
	team_down();
}

static void c10_20_the_first_one_back_does_not_take_over_from_one_as_good(void **state)
{
	(void)state;
	team_build(2);
	team_lose_link(0);
	team_expect_carrier(1);
	team_get_link(0);
	team_expect_carrier(1);
	team_lose_link(1);
	team_expect_carrier(0);
	team_down();
}

static void c10_20_the_link_is_that_of_any_member(void **state)
{
	(void)state;
	team_build(2);
	assert_int_equal(team_ask(SLUICE_OID_GEN_MEDIA_CONNECT_STATUS), 0);
	team_lose_link(0);
	assert_int_equal(rig_calls(RIG_status, "top"), 0); /* 7.14: nothing has changed for the VNIC */
	assert_int_equal(team_ask(SLUICE_OID_GEN_MEDIA_CONNECT_STATUS), 0);
	team_lose_link(1);
	assert_int_equal(rig_calls(RIG_status, "top"), 1);
	assert_int_equal(rig_call(RIG_status, "top", 0)->value, IM_INDICATION_MEDIA_DISCONNECT);
	assert_int_equal(rig_calls(RIG_status_complete, "top"), 1);
	assert_int_equal(team_ask(SLUICE_OID_GEN_MEDIA_CONNECT_STATUS), 1);
	team_get_link(0);
	assert_int_equal(rig_calls(RIG_status, "top"), 2);
	assert_int_equal(rig_call(RIG_status, "top", 1)->value, IM_INDICATION_MEDIA_CONNECT);
	team_get_link(1);
	assert_int_equal(rig_calls(RIG_status, "top"), 2);
	team_lose_link(0);
	assert_int_equal(host_unbind_over("nic1"), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_calls(RIG_status, "top"), 3);
	assert_int_equal(rig_call(RIG_status, "top", 2)->value, IM_INDICATION_MEDIA_DISCONNECT);
	assert_int_equal(team_bind(1, NULL), IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_status, "top"), 4);
	assert_int_equal(rig_call(RIG_status, "top", 3)->value, IM_INDICATION_MEDIA_CONNECT);
	team_down();
}

/* ---- Members that sleep, go and come ------------------------------------------------------------- */

static void c10_19_the_vnic_lives_on_when_a_member_sleeps(void **state)
{
	(void)state;
	team_build(2);
	team_expect_carrier(0);
	assert_int_equal(host_set_power("nic0", IM_POWER_D3), IM_STATUS_SUCCESS);
	team_expect_carrier(1);
	assert_int_equal(host_set_power("nic1", IM_POWER_D3), IM_STATUS_SUCCESS);
	team_send(0, 1);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_LOW_POWER_STATE), 1);
	assert_int_equal(host_state("t0"), SLUICE_INSTANCE_RUNNING);
	assert_int_equal(host_set_power("nic0", IM_POWER_D0), IM_STATUS_SUCCESS);
	host_settle();
	team_expect_carrier(0);
	team_down();
}

static void unbind_first(void *unused)
{
	(void)unused;
	host_unbind_over("nic0");
}

#define PROBES 200u

/* Send one after the other until the adapter does not get the last one any more: the unbind has begun. */
static uint32_t send_until_held(struct im_packet **probes)
{
	uint32_t held, sent = 0;

	do {
		assert_true(sent < PROBES);
		held = team_nics[0]->held_count;
		im_send_packets(rig.top_binding->binding, &probes[sent++], 1);
		usleep(A_WHILE_US);
	} while (team_nics[0]->held_count > held);
	return sent;
}

/* The active one goes while it has sends: the unbind waits for them, what comes meanwhile goes the other way. */
static void c10_19_the_vnic_lives_on_when_a_member_is_unbound(void **state)
{
	struct im_packet *probes[PROBES];
	uint32_t sent;

	(void)state;
	team_build(2);
	rig_packets(probes, PROBES);
	team_send(0, 1);
	host_begin(HOST_IDLE, unbind_first, NULL);
	sent = send_until_held(probes);
	im_send_packets(rig.top_binding->binding, team_packets + 1, 4);
	assert_int_equal(team_nics[0]->held_count, sent); /* and not the last probe, but the first packet */
	assert_int_equal(rig_calls(RIG_send_complete, "top"), 0);
	rig_complete(team_nics[0], sent, IM_STATUS_SUCCESS);
	host_join();
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_send_packets, "nic1"), 5);
	assert_ptr_equal(team_nics[1]->held[0], probes[sent - 1]);
	for (uint32_t i = 1; i < 5; i++)
		assert_ptr_equal(team_nics[1]->held[i], team_packets[i]);
	team_complete_all(1);
	team_expect_once_each(0, 5);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), sent + 5);
	rig_packets_free(probes, PROBES);
	assert_int_equal(host_state("t0"), SLUICE_INSTANCE_RUNNING);
	assert_int_equal(team_value_of(team_nics[0], FILTER), 0); /* 1.38 */
	assert_int_equal(team_bind(0, NULL), IM_STATUS_SUCCESS);
	assert_int_equal(team_value_of(team_nics[0], FILTER), ALL);
	team_lose_link(1);
	team_expect_carrier(0);
	team_down();
}

static void c1_38_the_last_member_takes_the_vnic_along(void **state)
{
	(void)state;
	team_build(2);
	assert_int_equal(host_unbind_over("nic1"), IM_STATUS_SUCCESS);
	assert_true(host_exists("t0"));
	assert_int_equal(host_unbind_over("nic0"), IM_STATUS_SUCCESS);
	assert_false(host_exists("t0"));
	assert_int_equal(host_objects("team"), 0);
	assert_int_equal(team_value_of(team_nics[0], FILTER), 0);
	assert_int_equal(team_bind(1, NULL), IM_STATUS_SUCCESS);
	assert_true(host_exists("t0"));
	team_down();
}

static void pause_member(uint32_t i, bool paused)
{
	if (paused)
		host_pause(team_names[i]);
	else
		assert_int_equal(host_restart(team_names[i]), IM_STATUS_SUCCESS);
	host_settle();
}

static void c10_20_another_member_carries_while_one_is_paused(void **state)
{
	(void)state;
	team_build(2);
	pause_member(0, true);
	team_expect_carrier(1);
	pause_member(1, true);
	team_send(0, 1);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_PAUSED), 1);
	pause_member(0, false);
	team_expect_carrier(0);
	team_down();
}

/* ---- Resets -------------------------------------------------------------------------------------- */

static void reset_first(void *status)
{
	*(im_status_t *)status = host_reset("nic0");
}

static void begin_reset(im_status_t *status)
{
	team_nics[0]->driver->script.resets = RIG_LATER;
	host_begin(HOST_IDLE, reset_first, status);
	while (rig_calls(RIG_reset, "nic0") == 0)
		;
}

static void end_reset(const im_status_t *status)
{
	im_reset_complete(team_nics[0]->instance, IM_STATUS_SUCCESS, false);
	host_settle();
	assert_int_equal(*status, IM_STATUS_SUCCESS);
}

static void c7_7_a_team_of_one_holds_while_that_is_reset(void **state)
{
	im_status_t reset = IM_STATUS_PENDING;

	(void)state;
	team_build(1);
	begin_reset(&reset);
	im_send_packets(rig.top_binding->binding, team_packets, 4); /* the thread that resets is not through */
	assert_int_equal(team_nics[0]->held_count, 0);
	assert_int_equal(rig_calls(RIG_send_complete, "top"), 0);
	end_reset(&reset);
	rig_expect_packets(RIG_send_packets, "nic0", team_packets, 4);
	team_complete_all(0);
	team_expect_once_each(0, 4);
	team_down();
}

/* ---- Receives ------------------------------------------------------------------------------------ */

static void indicate(uint32_t i, uint32_t first, uint16_t count)
{
	rig_indicate(team_nics[i], team_packets + first, count, IM_STATUS_SUCCESS);
	host_settle();
}

static void c10_20_receives_are_those_of_the_active_member(void **state)
{
	(void)state;
	team_build(2);
	indicate(0, 0, 4);
	indicate(1, 4, 4);
	rig_expect_packets(RIG_receive_packets, "top", team_packets, 4);
	rig_expect_packets(RIG_return_packets, "nic1", team_packets + 4, 4);
	team_lose_link(0);
	indicate(1, 8, 4);
	assert_int_equal(rig.top_binding->held_count, 8);
	rig_return(rig.top_binding, 8); /* 5.18: each goes to its own */
	host_settle();
	rig_expect_packets(RIG_return_packets, "nic0", team_packets, 4);
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic1"), 8);
	team_down();
}

static struct im_packet *frame_to(const uint8_t *to)
{
	uint8_t bytes[FRAME] = {0};

	memcpy(bytes, to, 6);
	return rig_packet_of(bytes, sizeof(bytes));
}

/* The members are promiscuous below, as they carry an address that is not theirs. */
static void c6_36_the_filter_of_the_vnic_is_kept_in_software(void **state)
{
	static const uint8_t own[] = {2, 0, 0, 0, 0, 0x10}, of_the_member[] = {2, 0, 0, 0, 0, 0x11};
	struct im_packet *frames[2];

	(void)state;
	team_build(2);
	assert_int_equal(team_set(FILTER, DIRECTED), IM_STATUS_SUCCESS);
	assert_int_equal(team_value_of(team_nics[0], FILTER), DIRECTED);
	assert_int_equal(team_value_of(team_nics[1], FILTER), DIRECTED | 0x20);
	team_lose_link(0);
	frames[0] = frame_to(of_the_member);
	frames[1] = frame_to(own);
	rig_indicate(team_nics[1], frames, 2, IM_STATUS_SUCCESS);
	host_settle();
	rig_expect_packets(RIG_receive_packets, "top", frames + 1, 1);
	rig_return(rig.top_binding, 1);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic1"), 2);
	rig_packets_free(frames, 2);
	team_down();
}

static void frames_by_lookahead_come_up_as_packets(void **state)
{
	uint8_t bytes[FRAME], seen[FRAME];

	(void)state;
	team_build(2);
	for (uint32_t i = 0; i < FRAME; i++)
		bytes[i] = (uint8_t)i;
	rig_indicate_lookahead(team_nics[1], bytes, FRAME, 10);
	rig_indicate_lookahead(team_nics[0], bytes, FRAME, 10);
	host_settle();
	assert_int_equal(rig.top_binding->held_count, 1);
	assert_int_equal(rig_packet_read(rig.top_binding->held[0], seen, FRAME), FRAME);
	assert_memory_equal(seen, bytes, FRAME);
	rig_return(rig.top_binding, 1);
	team_down(); /* where all buffers are back */
}

static void c4_25_a_cancel_reaches_every_member_that_may_have_the_send(void **state)
{
	(void)state;
	team_build(2);
	team_packets[0]->info.cancel_id = 0x11000001;
	team_packets[5]->info.cancel_id = 0x11000001;
	team_send(0, 4);
	team_lose_link(0);
	team_send(4, 4);
	host_tick(2 * PATIENCE_MS);
	host_settle();
	assert_int_equal(team_nics[1]->held_count, 4);
	im_cancel_send_packets(rig.top_binding->binding, 0x11000001);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SEND_ABORTED), 2);
	team_complete_all(0);
	team_complete_all(1);
	team_expect_once_each(0, 8);
	team_down();
}

/* ---- Under traffic ------------------------------------------------------------------------------- */

#define FLOWS  2u
#define ROUNDS 24u
#define BURST  8u

static struct im_packet *flows[FLOWS][ROUNDS * BURST];

struct burst {
	uint32_t flow, first;
};

static void send_burst(void *argument)
{
	const struct burst *burst = argument;

	for (uint32_t i = 0; i < BURST; i++)
		im_send_packets(rig.top_binding->binding, &flows[burst->flow][burst->first + i], 1);
}

static void set_link(uint32_t i, bool up)
{
	im_indicate_status(team_nics[i]->instance, up ? IM_INDICATION_MEDIA_CONNECT : IM_INDICATION_MEDIA_DISCONNECT,
			   NULL, 0);
	im_indicate_status_complete(team_nics[i]->instance);
}

/* Of all sends that the adapters have seen, those of one flow are in its order, and each is there once. */
static void expect_in_order(uint32_t flow)
{
	uint32_t next = 0;

	for (unsigned n = 0; n < rig_calls(RIG_send_packets, NULL); n++) {
		const struct rig_call *call = rig_call(RIG_send_packets, NULL, n);

		for (uint16_t k = 0; k < call->count; k++)
			for (uint32_t i = 0; i < ROUNDS * BURST; i++)
				if (call->packets[k] == flows[flow][i])
					assert_int_equal(i, next++);
	}
	assert_int_equal(next, ROUNDS * BURST);
}

/* Two workers team_send, a flow each, while the link goes from one adapter to the other and back. */
static void c4_22_c10_20_flows_keep_their_order_while_the_link_moves(void **state)
{
	(void)state;
	team_load(2, FLOWS);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(team_bind(i, NULL), IM_STATUS_SUCCESS);
		team_nics[i]->driver->script.sends = RIG_INLINE;
	}
	team_bind_top(ALL);
	for (uint32_t flow = 0; flow < FLOWS; flow++)
		rig_packets(flows[flow], ROUNDS * BURST);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct burst bursts[FLOWS];

		for (uint32_t flow = 0; flow < FLOWS; flow++) {
			bursts[flow] = (struct burst){flow, round * BURST};
			host_begin(1 + flow, send_burst, &bursts[flow]);
		}
		set_link(round % 2, false);
		set_link(1 - round % 2, true);
		host_tick(0);
		host_join();
		host_tick(0);
	}
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), FLOWS * ROUNDS * BURST);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), FLOWS * ROUNDS * BURST);
	assert_true(rig_calls(RIG_send_packets, "nic0") > 0);
	assert_true(rig_calls(RIG_send_packets, "nic1") > 0);
	for (uint32_t flow = 0; flow < FLOWS; flow++) {
		expect_in_order(flow);
		rig_packets_free(flows[flow], ROUNDS * BURST);
	}
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c10_18_c10_20_instances_of_several_drivers_are_one_vnic_with_one_address),
		cmocka_unit_test(the_address_can_be_configured),
		cmocka_unit_test(c10_20_a_fail_over_completes_each_send_once_and_keeps_the_order),
		cmocka_unit_test(c10_20_a_dead_adapter_that_keeps_its_sends_is_not_waited_for_long),
		cmocka_unit_test(c10_20_the_first_one_back_does_not_take_over_from_one_as_good),
		cmocka_unit_test(c10_20_the_link_is_that_of_any_member),
		cmocka_unit_test(c10_19_the_vnic_lives_on_when_a_member_sleeps),
		cmocka_unit_test(c10_19_the_vnic_lives_on_when_a_member_is_unbound),
		cmocka_unit_test(c1_38_the_last_member_takes_the_vnic_along),
		cmocka_unit_test(c10_20_another_member_carries_while_one_is_paused),
		cmocka_unit_test(c7_7_a_team_of_one_holds_while_that_is_reset),
		cmocka_unit_test(c10_20_receives_are_those_of_the_active_member),
		cmocka_unit_test(c6_36_the_filter_of_the_vnic_is_kept_in_software),
		cmocka_unit_test(frames_by_lookahead_come_up_as_packets),
		cmocka_unit_test(c4_25_a_cancel_reaches_every_member_that_may_have_the_send),
		cmocka_unit_test(c4_22_c10_20_flows_keep_their_order_while_the_link_moves),
	};

	return host_run_tests(tests);
}
