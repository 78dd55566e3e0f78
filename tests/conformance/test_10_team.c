/* SPDX-License-Identifier: BSD-3-Clause */
/* One VNIC over several adapters (contract 10C): who carries it, and what is seen of that above. */
#include <string.h>
#include <unistd.h>

#include "rig.h"

#define NICS	    3u
#define FRAME	    60u
#define PATIENCE_MS 250u
#define A_WHILE_US  5000 /* for another thread to begin */
#define ALL	    0x20u
#define DIRECTED    0x01u
#define FILTER	    SLUICE_OID_GEN_CURRENT_PACKET_FILTER
#define OFFLOAD	    SLUICE_OID_TCP_TASK_OFFLOAD
#define SIZE	    SLUICE_OID_GEN_MAXIMUM_FRAME_SIZE
#define ADDRESS	    SLUICE_OID_802_3_CURRENT_ADDRESS

static const struct host_options with_buffers = {.buffers = 1023};
static const char *const names[] = {"nic0", "nic1", "nic2"};
static const char *const drivers[] = {"alpha", "beta", "gamma"}; /* each adapter is another driver's (10.18) */

static struct rig_vnic *nics[NICS];
static struct im_packet *packets[16];

/* ---- Building ------------------------------------------------------------------------------------ */

static void set_value(struct rig_vnic *nic, uint32_t oid, uint32_t number, bool settable)
{
	struct rig_value *value = rig_value(nic, oid);

	value->length = sizeof(number);
	value->settable = settable;
	memcpy(value->bytes, &number, sizeof(number));
}

static uint32_t value_of(struct rig_vnic *nic, uint32_t oid)
{
	uint32_t number;

	memcpy(&number, rig_value(nic, oid)->bytes, sizeof(number));
	return number;
}

static void start_nic(uint32_t i)
{
	struct rig_driver *driver = rig_driver(drivers[i], RIG_NIC, 0);

	assert_int_equal(rig_load(driver), IM_STATUS_SUCCESS);
	nics[i] = rig_start_nic_of(driver, names[i]);
	driver->script.sends = RIG_LATER;
	rig_value(nics[i], ADDRESS)->bytes[5] = (uint8_t)(0x10 + i);
	set_value(nics[i], OFFLOAD, 0x07, true);
	assert_int_equal(host_restart(names[i]), IM_STATUS_SUCCESS);
}

static im_status_t join(uint32_t i, const char *text)
{
	const char *const vnics[] = {"t0", NULL}, *const texts[] = {text};
	im_status_t status = host_bind_with("team", names[i], vnics, texts);

	host_settle(); /* where the core initialises later */
	return status;
}

static void load(uint32_t count)
{
	rig_begin(&with_buffers, 0);
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	assert_int_equal(host_load_builtin("team"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_load(rig.top), IM_STATUS_SUCCESS);
	for (uint32_t i = 0; i < count; i++)
		start_nic(i);
}

static im_status_t set(uint32_t oid, uint32_t value)
{
	struct im_request request = {.set = true, .oid = oid, .buffer = &value, .length = sizeof(value)};
	im_status_t status = rig_request(rig.top_binding, &request);

	assert_int_equal(request.done, status == IM_STATUS_SUCCESS ? sizeof(value) : 0);
	return status;
}

static void bind_top(uint32_t filter)
{
	assert_int_equal(host_restart("t0"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("top", "t0", "top"), IM_STATUS_SUCCESS);
	rig.top_binding = rig_binding("top");
	assert_int_equal(set(FILTER, filter), IM_STATUS_SUCCESS);
	host_settle();
	rig_forget();
}

/* A team of this many members, of which the first one is active. */
static void build(uint32_t count)
{
	load(count);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(join(i, NULL), IM_STATUS_SUCCESS);
	bind_top(ALL);
	rig_packets(packets, 16);
}

static void down(void)
{
	host_settle();
	rig_packets_free(packets, 16);
	rig_end();
}

static void send(uint32_t first, uint16_t count)
{
	im_send_packets(rig.top_binding->binding, packets + first, count);
	host_settle();
}

static void tell(struct rig_vnic *nic, uint32_t indication)
{
	im_indicate_status(nic->instance, indication, NULL, 0);
	im_indicate_status_complete(nic->instance);
	host_settle();
}

static void lose_link(uint32_t i)
{
	tell(nics[i], IM_INDICATION_MEDIA_DISCONNECT);
}

static void get_link(uint32_t i)
{
	tell(nics[i], IM_INDICATION_MEDIA_CONNECT);
}

static void complete_all(uint32_t i)
{
	rig_complete(nics[i], nics[i]->held_count, IM_STATUS_SUCCESS);
	host_settle();
}

static uint32_t ask(uint32_t oid)
{
	uint32_t value = 0, written, needed;

	assert_int_equal(host_query("t0", oid, &value, sizeof(value), &written, &needed), IM_STATUS_SUCCESS);
	return value;
}

/* Who carries the traffic now. */
static void expect_carrier(uint32_t i)
{
	send(15, 1);
	assert_int_equal(nics[i]->held_count, 1);
	complete_all(i);
}

static unsigned completions_of(const struct im_packet *packet)
{
	unsigned found = 0;

	for (unsigned i = 0; i < rig_calls(RIG_send_complete, "top"); i++)
		for (uint16_t k = 0; k < rig_call(RIG_send_complete, "top", i)->count; k++)
			found += rig_call(RIG_send_complete, "top", i)->packets[k] == packet;
	return found;
}

static void expect_once_each(uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++)
		assert_int_equal(completions_of(packets[i]), 1);
}

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
	build(3);
	expect_address(first);
	expect_carrier(0);
	lose_link(0);
	expect_carrier(1);
	expect_address(first);
	assert_int_equal(host_unbind_over("nic0"), IM_STATUS_SUCCESS);
	expect_address(first);
	assert_int_equal(host_unbind_over("nic1"), IM_STATUS_SUCCESS);
	expect_carrier(2);
	expect_address(first);
	down();
}

static void the_address_can_be_configured(void **state)
{
	static const uint8_t configured[] = {2, 0, 0, 0, 0, 9};
	static const char *const wrong[] = {
		"mac=",	 "mac=02:00:00:00:00", "mac=03:00:00:00:00:09", "mac=2:0:0:0:0:9", "mac=02:00:00:00:00:09,",
		"vlan=1"};

	(void)state;
	load(1);
	for (size_t i = 0; i < RTE_DIM(wrong); i++) {
		assert_int_equal(join(0, wrong[i]), IM_STATUS_INVALID_PARAMETER);
		assert_int_equal(host_objects("team"), 0);
	}
	assert_int_equal(join(0, "mac=02:00:00:00:00:09"), IM_STATUS_SUCCESS);
	expect_address(configured);
	rig_end();
}

/* ---- Fail-over ----------------------------------------------------------------------------------- */

static void c10_20_a_fail_over_completes_each_send_once_and_keeps_the_order(void **state)
{
	(void)state;
	build(2);
	send(0, 4);
	assert_int_equal(nics[0]->held_count, 4);
	lose_link(0);
	send(4, 4);
	assert_int_equal(nics[0]->held_count, 4);
	assert_int_equal(nics[1]->held_count, 0); /* the flow must not overtake itself */
	rig_complete(nics[0], 3, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(nics[1]->held_count, 0);
	rig_complete(nics[0], 1, IM_STATUS_FAILURE);
	host_settle();
	send(8, 2);
	rig_expect_packets(RIG_send_packets, "nic1", packets + 4, 6);
	complete_all(1);
	assert_int_equal(rig_packets_seen(RIG_send_packets, "nic0"), 4);
	expect_once_each(0, 10);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 9);
	down();
}

/* What it keeps is its to complete, whenever that is. */
static void c10_20_a_dead_adapter_that_keeps_its_sends_is_not_waited_for_long(void **state)
{
	(void)state;
	build(2);
	send(0, 4);
	lose_link(0);
	send(4, 4);
	host_tick(PATIENCE_MS / 4);
	host_settle();
	assert_int_equal(nics[1]->held_count, 0);
	host_tick(PATIENCE_MS);
	host_settle();
	rig_expect_packets(RIG_send_packets, "nic1", packets + 4, 4);
	complete_all(1);
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), 4);
	complete_all(0);
	expect_once_each(0, 8);
	assert_int_equal(host_outstanding("t0"), 0);
	down();
}

static void c10_20_the_first_one_back_does_not_take_over_from_one_as_good(void **state)
{
	(void)state;
	build(2);
	lose_link(0);
	expect_carrier(1);
	get_link(0);
	expect_carrier(1);
	lose_link(1);
	expect_carrier(0);
	down();
}

static void c10_20_the_link_is_that_of_any_member(void **state)
{
	(void)state;
	build(2);
	assert_int_equal(ask(SLUICE_OID_GEN_MEDIA_CONNECT_STATUS), 0);
	lose_link(0);
	assert_int_equal(rig_calls(RIG_status, "top"), 0); /* 7.14: nothing has changed for the VNIC */
	assert_int_equal(ask(SLUICE_OID_GEN_MEDIA_CONNECT_STATUS), 0);
	lose_link(1);
	assert_int_equal(rig_calls(RIG_status, "top"), 1);
	assert_int_equal(rig_call(RIG_status, "top", 0)->value, IM_INDICATION_MEDIA_DISCONNECT);
	assert_int_equal(rig_calls(RIG_status_complete, "top"), 1);
	assert_int_equal(ask(SLUICE_OID_GEN_MEDIA_CONNECT_STATUS), 1);
	get_link(0);
	assert_int_equal(rig_calls(RIG_status, "top"), 2);
	assert_int_equal(rig_call(RIG_status, "top", 1)->value, IM_INDICATION_MEDIA_CONNECT);
	get_link(1);
	assert_int_equal(rig_calls(RIG_status, "top"), 2);
	down();
}

/* ---- Members that sleep, go and come ------------------------------------------------------------- */

static void c10_19_the_vnic_lives_on_when_a_member_sleeps(void **state)
{
	(void)state;
	build(2);
	expect_carrier(0);
	assert_int_equal(host_set_power("nic0", IM_POWER_D3), IM_STATUS_SUCCESS);
	expect_carrier(1);
	assert_int_equal(host_set_power("nic1", IM_POWER_D3), IM_STATUS_SUCCESS);
	send(0, 1);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_LOW_POWER_STATE), 1);
	assert_int_equal(host_state("t0"), SLUICE_INSTANCE_RUNNING);
	assert_int_equal(host_set_power("nic0", IM_POWER_D0), IM_STATUS_SUCCESS);
	host_settle();
	expect_carrier(0);
	down();
}

static void unbind_first(void *unused)
{
	(void)unused;
	host_unbind_over("nic0");
}

/* The active one goes while it has sends: the unbind waits for them, what comes meanwhile goes the other way. */
static void c10_19_the_vnic_lives_on_when_a_member_is_unbound(void **state)
{
	(void)state;
	build(2);
	send(0, 4);
	host_begin(HOST_IDLE, unbind_first, NULL);
	usleep(A_WHILE_US);
	im_send_packets(rig.top_binding->binding, packets + 4, 4);
	assert_int_equal(nics[0]->held_count, 4);
	rig_complete(nics[0], 4, IM_STATUS_SUCCESS);
	host_join();
	host_settle();
	rig_expect_packets(RIG_send_packets, "nic1", packets + 4, 4);
	complete_all(1);
	expect_once_each(0, 8);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 8);
	assert_int_equal(host_state("t0"), SLUICE_INSTANCE_RUNNING);
	assert_int_equal(value_of(nics[0], FILTER), 0); /* 1.38 */
	assert_int_equal(join(0, NULL), IM_STATUS_SUCCESS);
	assert_int_equal(value_of(nics[0], FILTER), ALL);
	lose_link(1);
	expect_carrier(0);
	down();
}

static void c1_38_the_last_member_takes_the_vnic_along(void **state)
{
	(void)state;
	build(2);
	assert_int_equal(host_unbind_over("nic1"), IM_STATUS_SUCCESS);
	assert_true(host_exists("t0"));
	assert_int_equal(host_unbind_over("nic0"), IM_STATUS_SUCCESS);
	assert_false(host_exists("t0"));
	assert_int_equal(host_objects("team"), 0);
	assert_int_equal(value_of(nics[0], FILTER), 0);
	assert_int_equal(join(1, NULL), IM_STATUS_SUCCESS);
	assert_true(host_exists("t0"));
	down();
}

static void pause_member(uint32_t i, bool paused)
{
	if (paused)
		host_pause(names[i]);
	else
		assert_int_equal(host_restart(names[i]), IM_STATUS_SUCCESS);
	host_settle();
}

static void c10_20_another_member_carries_while_one_is_paused(void **state)
{
	(void)state;
	build(2);
	pause_member(0, true);
	expect_carrier(1);
	pause_member(1, true);
	send(0, 1);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_PAUSED), 1);
	pause_member(0, false);
	expect_carrier(0);
	down();
}

/* ---- Resets -------------------------------------------------------------------------------------- */

static void reset_first(void *status)
{
	*(im_status_t *)status = host_reset("nic0");
}

static void begin_reset(im_status_t *status)
{
	nics[0]->driver->script.resets = RIG_LATER;
	host_begin(HOST_IDLE, reset_first, status);
	while (rig_calls(RIG_reset, "nic0") == 0)
		;
}

static void end_reset(const im_status_t *status)
{
	im_reset_complete(nics[0]->instance, IM_STATUS_SUCCESS, false);
	host_settle();
	assert_int_equal(*status, IM_STATUS_SUCCESS);
}

static void c7_7_a_team_of_one_holds_while_that_is_reset(void **state)
{
	im_status_t reset = IM_STATUS_PENDING;

	(void)state;
	build(1);
	begin_reset(&reset);
	im_send_packets(rig.top_binding->binding, packets, 4); /* the thread that resets is not through */
	assert_int_equal(nics[0]->held_count, 0);
	assert_int_equal(rig_calls(RIG_send_complete, "top"), 0);
	end_reset(&reset);
	rig_expect_packets(RIG_send_packets, "nic0", packets, 4);
	complete_all(0);
	expect_once_each(0, 4);
	down();
}

/* ---- Receives ------------------------------------------------------------------------------------ */

static void indicate(uint32_t i, uint32_t first, uint16_t count)
{
	rig_indicate(nics[i], packets + first, count, IM_STATUS_SUCCESS);
	host_settle();
}

static void c10_20_receives_are_those_of_the_active_member(void **state)
{
	(void)state;
	build(2);
	indicate(0, 0, 4);
	indicate(1, 4, 4);
	rig_expect_packets(RIG_receive_packets, "top", packets, 4);
	rig_expect_packets(RIG_return_packets, "nic1", packets + 4, 4);
	lose_link(0);
	indicate(1, 8, 4);
	assert_int_equal(rig.top_binding->held_count, 8);
	rig_return(rig.top_binding, 8); /* 5.18: each goes to its own */
	host_settle();
	rig_expect_packets(RIG_return_packets, "nic0", packets, 4);
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic1"), 8);
	down();
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
	build(2);
	assert_int_equal(set(FILTER, DIRECTED), IM_STATUS_SUCCESS);
	assert_int_equal(value_of(nics[0], FILTER), DIRECTED);
	assert_int_equal(value_of(nics[1], FILTER), DIRECTED | 0x20);
	lose_link(0);
	frames[0] = frame_to(of_the_member);
	frames[1] = frame_to(own);
	rig_indicate(nics[1], frames, 2, IM_STATUS_SUCCESS);
	host_settle();
	rig_expect_packets(RIG_receive_packets, "top", frames + 1, 1);
	rig_return(rig.top_binding, 1);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic1"), 2);
	rig_packets_free(frames, 2);
	down();
}

static void frames_by_lookahead_come_up_as_packets(void **state)
{
	uint8_t bytes[FRAME], seen[FRAME];

	(void)state;
	build(2);
	for (uint32_t i = 0; i < FRAME; i++)
		bytes[i] = (uint8_t)i;
	rig_indicate_lookahead(nics[1], bytes, FRAME, 10);
	rig_indicate_lookahead(nics[0], bytes, FRAME, 10);
	host_settle();
	assert_int_equal(rig.top_binding->held_count, 1);
	assert_int_equal(rig_packet_read(rig.top_binding->held[0], seen, FRAME), FRAME);
	assert_memory_equal(seen, bytes, FRAME);
	rig_return(rig.top_binding, 1);
	down(); /* where all buffers are back */
}

/* ---- What all members are told, and can ---------------------------------------------------------- */

static void c6_36_c6_37_a_set_is_answered_when_all_members_have_it(void **state)
{
	uint32_t value = DIRECTED;
	struct im_request request = {.set = true, .oid = FILTER, .buffer = &value, .length = sizeof(value)};

	(void)state;
	build(2);
	for (uint32_t i = 0; i < 2; i++)
		nics[i]->driver->script.requests = RIG_LATER;
	assert_int_equal(im_request(rig.top_binding->binding, &request), IM_STATUS_PENDING);
	host_settle();
	rig_complete_request(nics[1], IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_calls(RIG_request_complete, "top"), 0);
	rig_complete_request(nics[0], IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_calls(RIG_request_complete, "top"), 1);
	assert_int_equal(rig_call(RIG_request_complete, "top", 0)->value, IM_STATUS_SUCCESS);
	assert_int_equal(request.done, 4);
	for (uint32_t i = 0; i < 2; i++)
		nics[i]->driver->script.requests = RIG_INLINE;
	down();
}

static void c6_7_what_one_member_refuses_the_others_take_back(void **state)
{
	uint32_t value = DIRECTED;
	struct im_request request = {.set = true, .oid = FILTER, .buffer = &value, .length = sizeof(value)};

	(void)state;
	build(2);
	nics[1]->driver->script.requests = RIG_LATER;
	assert_int_equal(im_request(rig.top_binding->binding, &request), IM_STATUS_PENDING);
	host_settle();
	assert_int_equal(value_of(nics[0], FILTER), DIRECTED);
	nics[1]->driver->script.requests = RIG_INLINE;
	rig_complete_request(nics[1], IM_STATUS_INVALID_DATA);
	host_settle();
	assert_int_equal(rig_call(RIG_request_complete, "top", 0)->value, IM_STATUS_INVALID_DATA);
	assert_int_equal(request.done, 0);
	assert_int_equal(value_of(nics[0], FILTER), ALL);
	assert_int_equal(ask(FILTER), ALL);
	down();
}

/* One that sleeps is not waited for, and is told when it wakes up (6.24). */
static void c6_24_a_member_that_slept_gets_what_was_set_meanwhile(void **state)
{
	(void)state;
	build(2);
	assert_int_equal(host_set_power("nic1", IM_POWER_D3), IM_STATUS_SUCCESS);
	assert_int_equal(set(FILTER, DIRECTED), IM_STATUS_SUCCESS);
	assert_int_equal(value_of(nics[1], FILTER), ALL);
	assert_int_equal(host_set_power("nic1", IM_POWER_D0), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(value_of(nics[1], FILTER), DIRECTED | 0x20);
	down();
}

static unsigned announcements(void)
{
	unsigned found = 0;

	for (unsigned i = 0; i < rig_calls(RIG_pnp_event, "top"); i++)
		found += rig_call(RIG_pnp_event, "top", i)->value == IM_PNP_RECONFIGURE;
	return found;
}

static void c10_36_a_team_can_what_all_its_members_can_and_says_when_that_changes(void **state)
{
	(void)state;
	load(3);
	set_value(nics[0], OFFLOAD, 0x07, true);
	set_value(nics[1], OFFLOAD, 0x05, true);
	set_value(nics[2], OFFLOAD, 0x0c, true);
	set_value(nics[0], SIZE, 1500, false);
	set_value(nics[1], SIZE, 9000, false);
	set_value(nics[2], SIZE, 1400, false);
	assert_int_equal(join(0, NULL), IM_STATUS_SUCCESS);
	bind_top(ALL);
	assert_int_equal(ask(OFFLOAD), 0x07);
	assert_int_equal(ask(SIZE), 1500);
	assert_int_equal(join(1, NULL), IM_STATUS_SUCCESS);
	assert_int_equal(ask(OFFLOAD), 0x05);
	assert_int_equal(ask(SIZE), 1500);
	assert_int_equal(announcements(), 1);
	assert_int_equal(join(2, NULL), IM_STATUS_SUCCESS);
	assert_int_equal(ask(OFFLOAD), 0x04);
	assert_int_equal(ask(SIZE), 1400);
	assert_int_equal(announcements(), 2);
	assert_int_equal(host_unbind_over("nic2"), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(ask(OFFLOAD), 0x05);
	assert_int_equal(announcements(), 3);
	assert_int_equal(host_unbind_over("nic0"), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(ask(OFFLOAD), 0x05);
	assert_int_equal(ask(SIZE), 9000);
	assert_int_equal(announcements(), 4);
	rig_end();
}

/* 10.37: whoever takes over, or joins, has what was set. */
static void c10_36_c10_37_offloads_are_set_for_all_and_for_who_joins(void **state)
{
	(void)state;
	build(1);
	assert_int_equal(set(OFFLOAD, 0x03), IM_STATUS_SUCCESS);
	start_nic(1);
	assert_int_equal(join(1, NULL), IM_STATUS_SUCCESS);
	assert_int_equal(value_of(nics[1], OFFLOAD), 0x03);
	assert_int_equal(ask(OFFLOAD), 0x03);
	assert_int_equal(announcements(), 0);
	assert_int_equal(set(OFFLOAD, 0x01), IM_STATUS_SUCCESS);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(value_of(nics[i], OFFLOAD), 0x01);
	assert_int_equal(ask(OFFLOAD), 0x01);
	assert_int_equal(announcements(), 0); /* who set it knows */
	down();
}

static void c4_25_a_cancel_reaches_every_member_that_may_have_the_send(void **state)
{
	(void)state;
	build(2);
	packets[0]->info.cancel_id = 0x11000001;
	packets[5]->info.cancel_id = 0x11000001;
	send(0, 4);
	lose_link(0);
	send(4, 4);
	host_tick(2 * PATIENCE_MS);
	host_settle();
	assert_int_equal(nics[1]->held_count, 4);
	im_cancel_send_packets(rig.top_binding->binding, 0x11000001);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SEND_ABORTED), 2);
	complete_all(0);
	complete_all(1);
	expect_once_each(0, 8);
	down();
}

/* ---- Faults -------------------------------------------------------------------------------------- */

/* Each call and each allocation of the second member's bind fails once: the team stays as it was. */
static void fail_each(bool allocations)
{
	im_status_t status = IM_STATUS_FAILURE;

	for (uint32_t n = 1; status != IM_STATUS_SUCCESS; n++) {
		assert_true(n < 100);
		build(1);
		start_nic(1);
		host_fail(allocations ? 0 : n, allocations ? n : 0);
		status = join(1, NULL);
		host_fail(0, 0);
		host_settle();
		expect_carrier(0);
		if (status != IM_STATUS_SUCCESS)
			assert_int_equal(value_of(nics[1], FILTER), 0);
		down();
	}
}

static void c1_36_a_member_that_cannot_join_leaves_the_team_as_it_was(void **state)
{
	(void)state;
	fail_each(false);
	fail_each(true);
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
		cmocka_unit_test(c6_36_c6_37_a_set_is_answered_when_all_members_have_it),
		cmocka_unit_test(c6_7_what_one_member_refuses_the_others_take_back),
		cmocka_unit_test(c6_24_a_member_that_slept_gets_what_was_set_meanwhile),
		cmocka_unit_test(c10_36_a_team_can_what_all_its_members_can_and_says_when_that_changes),
		cmocka_unit_test(c10_36_c10_37_offloads_are_set_for_all_and_for_who_joins),
		cmocka_unit_test(c4_25_a_cancel_reaches_every_member_that_may_have_the_send),
		cmocka_unit_test(c1_36_a_member_that_cannot_join_leaves_the_team_as_it_was),
	};

	return host_run_tests(tests);
}
