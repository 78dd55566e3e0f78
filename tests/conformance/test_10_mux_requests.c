/* SPDX-License-Identifier: BSD-3-Clause */
/* Several VNICs over one adapter: requests, events, and their end (contract 6C, right column, and 10B). */
#include <string.h>

#include "mux.h"

/* ---- What goes down ------------------------------------------------------------------------------ */

static uint32_t filter_below(void)
{
	uint32_t filter;

	memcpy(&filter, rig_value(rig.port, FILTER)->bytes, sizeof(filter));
	return filter;
}

static unsigned filters_sent(void)
{
	unsigned sent = 0;

	for (unsigned i = 0; i < rig_calls(RIG_set_information, "nic"); i++)
		sent += rig_call(RIG_set_information, "nic", i)->value == FILTER;
	return sent;
}

static void c6_36_the_adapter_gets_what_all_vnics_want_together_where_that_changes(void **state)
{
	static const struct {
		uint32_t vnic, filter, below;
		unsigned sent; /* so far */
	} rows[] = {
		{0, 0x01, 0x21, 1}, {1, 0x01, 0x21, 1}, {2, 0x08, 0x29, 2}, {0, 0x08, 0x29, 2},
		{1, 0x00, 0x28, 3}, {0, 0x00, 0x28, 3}, {2, 0x00, 0x00, 4}, {2, 0x00, 0x00, 4},
	};

	(void)state;
	mux_build_deaf(mux_parameters);
	rig_forget();
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		assert_int_equal(mux_set_filter(rows[i].vnic, rows[i].filter), IM_STATUS_SUCCESS);
		assert_int_equal(filter_below(), rows[i].below);
		assert_int_equal(filters_sent(), rows[i].sent);
	}
	rig_end();
}

/* Its only VNIC has the adapter's own address: nothing else need pass. */
static void c6_36_c6_37_without_another_address_the_adapter_is_not_promiscuous(void **state)
{
	static const char *const one[] = {"v0", NULL}, *const same[] = {"mac=02:00:00:00:00:01"};

	(void)state;
	mux_load();
	assert_int_equal(host_bind_with("mux", "nic", one, same), IM_STATUS_SUCCESS);
	mux_restart(one);
	assert_int_equal(mux_set_filter(0, DIRECTED), IM_STATUS_SUCCESS);
	assert_int_equal(filter_below(), DIRECTED);
	assert_int_equal(mux_set_filter(0, DIRECTED | LISTED), IM_STATUS_SUCCESS);
	assert_int_equal(filter_below(), DIRECTED | LISTED | 0x04); /* the list is up here */
	rig_end();
}

static void c10_13_halting_one_vnic_takes_its_wants_away_and_leaves_its_siblings_alone(void **state)
{
	struct im_packet *packet;

	(void)state;
	mux_build_deaf(mux_parameters);
	assert_int_equal(mux_set_filter(0, 0x01), IM_STATUS_SUCCESS);
	assert_int_equal(mux_set_filter(1, 0x08), IM_STATUS_SUCCESS);
	assert_int_equal(filter_below(), 0x29);
	packet = mux_frame(mux_stranger, UNTAGGED);
	mux_send(1, &packet, 1);
	rig_forget();
	assert_int_equal(host_stop("v0"), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(filter_below(), 0x28);
	assert_false(host_exists("v0"));
	assert_int_equal(host_state("v1"), SLUICE_INSTANCE_RUNNING);
	assert_int_equal(rig_calls(RIG_pnp_event, "t1") + rig_calls(RIG_status, "t1"), 0);
	rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "t1", IM_STATUS_SUCCESS), 1);
	mux_uppers[0]->held_count = 0;
	assert_int_equal(mux_directed_receivers(mux_everybody), 2);
	rig_packets_free(&packet, 1);
	rig_end();
}

/* The adapter answers late: two sets wait, the second one for a request that goes when the first is back. */
static void c6_36_c6_15_sets_of_several_vnics_wait_for_one_request_at_a_time(void **state)
{
	uint32_t values[] = {0x01, 0x08};
	struct im_request requests[2];

	(void)state;
	mux_build_deaf(mux_parameters);
	rig.nic->script.requests = RIG_LATER;
	rig_forget();
	for (uint32_t i = 0; i < 2; i++) {
		requests[i] = (struct im_request){.set = true, .oid = FILTER, .buffer = &values[i], .length = 4};
		assert_int_equal(im_request(mux_uppers[i]->binding, &requests[i]), IM_STATUS_PENDING);
		host_settle(); /* the first one first */
	}
	assert_int_equal(filters_sent(), 1);
	assert_int_equal(rig_calls(RIG_request_complete, NULL), 0);
	rig_complete_request(rig.port, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_calls(RIG_request_complete, "t0"), 1);
	assert_int_equal(rig_calls(RIG_request_complete, "t1"), 0);
	assert_int_equal(filters_sent(), 2);
	rig_complete_request(rig.port, IM_STATUS_FAILURE);
	host_settle();
	assert_int_equal(rig_calls(RIG_request_complete, "t1"), 1);
	assert_int_equal(rig_call(RIG_request_complete, "t1", 0)->value, IM_STATUS_FAILURE);
	assert_int_equal(requests[1].done, 0);
	assert_int_equal(filter_below(), 0x21);
	rig.nic->script.requests = RIG_INLINE;
	assert_int_equal(mux_directed_receivers(mux_everybody), 0); /* 6.7: what failed has changed nothing */
	assert_int_equal(mux_directed_receivers(mux_addresses[0]), 1);
	rig_end();
}

/* ---- What a VNIC answers ------------------------------------------------------------------------- */

static uint32_t ask(const char *vnic, uint32_t oid)
{
	uint32_t value = 0, written, needed;

	assert_int_equal(host_query(vnic, oid, &value, sizeof(value), &written, &needed), IM_STATUS_SUCCESS);
	assert_int_equal(written, sizeof(value));
	return value;
}

static im_status_t tell(const char *vnic, uint32_t oid, uint32_t value)
{
	uint32_t read, needed;
	im_status_t status = host_set(vnic, oid, &value, sizeof(value), &read, &needed);

	assert_int_equal(read, status == IM_STATUS_SUCCESS ? 4 : 0);
	return status;
}

static void c6_43_a_vlan_id_has_twelve_bits(void **state)
{
	(void)state;
	mux_build(ALL);
	assert_int_equal(ask("v0", SLUICE_OID_GEN_VLAN_ID), 100);
	assert_int_equal(tell("v0", SLUICE_OID_GEN_VLAN_ID, 0x1064), IM_STATUS_INVALID_DATA);
	assert_int_equal(ask("v0", SLUICE_OID_GEN_VLAN_ID), 100);
	assert_int_equal(tell("v0", SLUICE_OID_GEN_VLAN_ID, 300), IM_STATUS_SUCCESS);
	assert_int_equal(mux_vlan_receivers(300, 300), 3);
	assert_int_equal(mux_vlan_receivers(100, 100), 2);
	rig_end();
}

static void c6_35_c6_39_there_is_room_for_a_tag_below(void **state)
{
	static const uint32_t sizes[] = {SLUICE_OID_GEN_MAXIMUM_FRAME_SIZE, SLUICE_OID_GEN_MAXIMUM_TOTAL_SIZE};
	const uint32_t size = 1514;

	(void)state;
	mux_build(ALL);
	for (size_t i = 0; i < RTE_DIM(sizes); i++) {
		struct rig_value *value = rig_value(rig.port, sizes[i]);

		value->length = sizeof(size);
		memcpy(value->bytes, &size, sizeof(size));
		assert_int_equal(ask("v1", sizes[i]), 1510);
	}
	assert_int_equal(tell("v1", SLUICE_OID_GEN_CURRENT_LOOKAHEAD, 128), IM_STATUS_SUCCESS);
	assert_int_equal(ask("v1", SLUICE_OID_GEN_CURRENT_LOOKAHEAD), 128);
	assert_int_equal(rig_value(rig.port, SLUICE_OID_GEN_CURRENT_LOOKAHEAD)->bytes[0], 132);
	rig_end();
}

static void c6_37_a_multicast_list_is_the_vnics_own_and_of_whole_addresses(void **state)
{
	uint8_t list[33 * 6] = {0}, back[12];
	uint32_t done, needed;

	(void)state;
	mux_build(LISTED);
	for (uint32_t i = 0; i < 33; i++)
		memcpy(list + 6 * i, (const uint8_t[]){1, 0, 0x5e, 0, 1, (uint8_t)i}, 6);
	rig_forget();
	assert_int_equal(host_set("v0", SLUICE_OID_802_3_MULTICAST_LIST, list, 12, &done, &needed), IM_STATUS_SUCCESS);
	assert_int_equal(done, 12);
	assert_int_equal(host_set("v0", SLUICE_OID_802_3_MULTICAST_LIST, list, 13, &done, &needed),
			 IM_STATUS_INVALID_LENGTH);
	assert_int_equal(needed, 12);
	assert_int_equal(host_set("v0", SLUICE_OID_802_3_MULTICAST_LIST, list, sizeof(list), &done, &needed),
			 IM_STATUS_INVALID_LENGTH);
	assert_int_equal(needed, ask("v0", SLUICE_OID_802_3_MAXIMUM_LIST_SIZE) * 6);
	assert_int_equal(host_query("v0", SLUICE_OID_802_3_MULTICAST_LIST, back, sizeof(back), &done, &needed),
			 IM_STATUS_SUCCESS);
	assert_int_equal(done, 12);
	assert_memory_equal(back, list, 12);
	assert_int_equal(rig_calls(RIG_set_information, "nic"), 0); /* filtered in software */
	assert_int_equal(mux_directed_receivers(list + 6), 1);
	assert_int_equal(mux_directed_receivers(list + 12), 0);
	rig_end();
}

static bool is_listed(const uint32_t *list, uint32_t count, uint32_t oid)
{
	for (uint32_t i = 0; i < count; i++)
		if (list[i] == oid)
			return true;
	return false;
}

/* Each once; each of those that can be queried is answered, and what is not listed is not. */
static void c6_46_c10_33_what_is_listed_is_answered_and_the_other_way_round(void **state)
{
	static const uint32_t oids[] = {
#define X(name, number, type, settable, text) number,
		SLUICE_OID_TABLE(X)
#undef X
	};
	static const uint32_t below[] = {SLUICE_OID_GEN_SUPPORTED_LIST, SLUICE_OID_GEN_LINK_SPEED,
					 SLUICE_OID_GEN_CURRENT_PACKET_FILTER, SLUICE_OID_802_3_CURRENT_ADDRESS,
					 SLUICE_OID_TCP_TASK_OFFLOAD};
	uint32_t list[128], value[64], count, done, needed;
	struct rig_value *of_the_nic;

	(void)state;
	mux_build(ALL);
	of_the_nic = rig_value(rig.port, SLUICE_OID_GEN_SUPPORTED_LIST);
	of_the_nic->length = sizeof(below);
	memcpy(of_the_nic->bytes, below, sizeof(below));
	of_the_nic = rig_value(rig.port, SLUICE_OID_TCP_TASK_OFFLOAD);
	of_the_nic->length = 4;
	of_the_nic->settable = true;
	assert_int_equal(host_query("v0", SLUICE_OID_GEN_SUPPORTED_LIST, list, sizeof(list), &done, &needed),
			 IM_STATUS_SUCCESS);
	count = done / sizeof(list[0]);
	for (size_t i = 0; i < RTE_DIM(oids); i++) {
		im_status_t query = host_query("v0", oids[i], value, sizeof(value), &done, &needed);
		im_status_t set = host_set("v0", oids[i], value, 0, &done, &needed);
		bool answered = query == IM_STATUS_SUCCESS || set != IM_STATUS_NOT_SUPPORTED;

		assert_int_equal(is_listed(list, count, oids[i]), answered);
		for (uint32_t k = 0, seen = 0; k < count; k++)
			assert_true((seen += list[k] == oids[i]) <= 1);
	}
	assert_false(is_listed(list, count, SLUICE_OID_TCP_TASK_OFFLOAD)); /* a tag shifts the headers */
	assert_true(is_listed(list, count, SLUICE_OID_GEN_VLAN_ID));
	rig_end();
}

/* ---- Events -------------------------------------------------------------------------------------- */

static void indicate_link(uint32_t indication)
{
	im_indicate_status(rig.port->instance, indication, NULL, 0);
	im_indicate_status_complete(rig.port->instance);
	host_settle();
}

static void c7_15_the_link_is_told_to_each_vnic_that_is_awake(void **state)
{
	(void)state;
	mux_build(ALL);
	assert_int_equal(host_set_power("v1", IM_POWER_D3), IM_STATUS_SUCCESS);
	assert_int_equal(host_stop("v2"), IM_STATUS_SUCCESS);
	rig_forget();
	indicate_link(IM_INDICATION_MEDIA_DISCONNECT);
	assert_int_equal(rig_calls(RIG_status, "t0"), 1);
	assert_int_equal(rig_calls(RIG_status_complete, "t0"), 1);
	assert_int_equal(rig_call(RIG_status, "t0", 0)->value, IM_INDICATION_MEDIA_DISCONNECT);
	assert_int_equal(rig_calls(RIG_status, NULL), 1);
	assert_int_equal(host_set_power("v1", IM_POWER_D0), IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_status, "t1"), 1); /* 7.16: when it wakes up */
	rig_forget();
	im_indicate_status(rig.port->instance, 77, NULL, 0); /* nothing else */
	host_settle();
	assert_int_equal(rig_calls(RIG_status, NULL), 0);
	rig_end();
}

/* The event is answered when the sends of every VNIC are back. */
static void c7_23_power_below_goes_when_the_sends_of_all_vnics_are_home(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	mux_build(ALL);
	for (uint32_t i = 0; i < 2; i++)
		packets[i] = mux_frame(mux_stranger, UNTAGGED);
	mux_send(0, &packets[0], 1);
	rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(host_set_power("nic", IM_POWER_D3), IM_STATUS_SUCCESS);
	mux_send(0, &packets[0], 1);
	mux_send(1, &packets[1], 1);
	assert_int_equal(rig_packets_with(RIG_send_complete, NULL, IM_STATUS_LOW_POWER_STATE), 2);
	assert_int_equal(host_set_power("nic", IM_POWER_D0), IM_STATUS_SUCCESS);
	mux_send(1, &packets[1], 1);
	rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "t1", IM_STATUS_SUCCESS), 1);
	rig_packets_free(packets, 2);
	rig_end();
}

/* 6.24: what was set while it slept goes down when it is awake. */
static void c6_24_a_set_waits_for_the_adapter_to_wake_up(void **state)
{
	uint32_t value = 0x08;
	struct im_request request = {.set = true, .oid = FILTER, .buffer = &value, .length = sizeof(value)};

	(void)state;
	mux_build_deaf(mux_parameters);
	assert_int_equal(host_set_power("nic", IM_POWER_D3), IM_STATUS_SUCCESS);
	assert_int_equal(im_request(mux_uppers[0]->binding, &request), IM_STATUS_PENDING);
	host_settle();
	assert_int_equal(rig_calls(RIG_request_complete, "t0"), 0);
	assert_int_equal(host_set_power("nic", IM_POWER_D0), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_calls(RIG_request_complete, "t0"), 1);
	assert_int_equal(filter_below(), 0x28);
	rig_end();
}

static void stop_first(void *unused)
{
	(void)unused;
	host_stop("v0");
}

/* Of a VNIC that goes meanwhile, it ends; the adapter, awake again, hears what the others want. */
static void c6_25_a_set_that_waits_ends_with_its_vnic(void **state)
{
	uint32_t value = 0x08;
	struct im_request request = {.set = true, .oid = FILTER, .buffer = &value, .length = sizeof(value)};

	(void)state;
	mux_build_deaf(mux_parameters);
	assert_int_equal(mux_set_filter(1, DIRECTED), IM_STATUS_SUCCESS);
	assert_int_equal(host_set_power("nic", IM_POWER_D3), IM_STATUS_SUCCESS);
	assert_int_equal(im_request(mux_uppers[0]->binding, &request), IM_STATUS_PENDING);
	host_settle();
	host_begin(HOST_IDLE, stop_first, NULL);
	host_join();
	assert_int_equal(rig_calls(RIG_request_complete, "t0"), 1);
	assert_int_not_equal(rig_call(RIG_request_complete, "t0", 0)->value, IM_STATUS_SUCCESS);
	assert_int_equal(host_set_power("nic", IM_POWER_D0), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(filter_below(), DIRECTED | ALL);
	rig_end();
}

/* One of them is tagged and held, with its tag, until the end. */
static void c7_7_a_reset_below_holds_the_sends_of_all_vnics(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	mux_build(ALL);
	rig.nic->script.resets = RIG_BEFORE;
	for (uint32_t i = 0; i < 2; i++)
		packets[i] = mux_frame(mux_stranger, UNTAGGED);
	mux_send(0, &packets[0], 1);
	mux_send(1, &packets[1], 1);
	rig_complete(rig.port, 2, IM_STATUS_FAILURE);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_send_complete, NULL), 2);
	assert_int_equal(host_reset("nic"), IM_STATUS_SUCCESS);
	mux_send(0, packets, 1);
	assert_int_equal(rig.port->held_count, 1);
	mux_expect_frame(rig.port->held[0], mux_stranger, 100);
	rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
	host_settle();
	mux_expect_frame(packets[0], mux_stranger, UNTAGGED);
	rig_packets_free(packets, 2);
	rig_end();
}

/* ---- Going --------------------------------------------------------------------------------------- */

static void unbind(void *unused)
{
	(void)unused;
	host_unbind_over("nic");
}

/* VNICs go, then the filter, then the binding. */
static void c1_38_unbinding_halts_all_vnics_and_leaves_no_filter(void **state)
{
	(void)state;
	mux_build(ALL);
	assert_int_equal(filter_below(), ALL);
	host_begin(HOST_IDLE, unbind, NULL);
	host_join();
	for (uint32_t i = 0; i < MUX_VNICS; i++)
		assert_false(host_exists(mux_names[i]));
	assert_int_equal(filter_below(), 0);
	assert_int_equal(host_objects("mux"), 0);
	rig_end();
}

/* Each call that the bind makes fails once, and each allocation: nothing of it stays (1.36). */
static void fail_each(bool allocations)
{
	im_status_t status = IM_STATUS_FAILURE;

	for (uint32_t n = 1; status != IM_STATUS_SUCCESS; n++) {
		assert_true(n < 200);
		mux_load();
		host_fail(allocations ? 0 : n, allocations ? n : 0);
		status = host_bind_with("mux", "nic", mux_names, mux_parameters);
		host_fail(0, 0);
		host_settle();
		if (status != IM_STATUS_SUCCESS)
			assert_int_equal(host_objects("mux"), 0);
		rig_end();
	}
}

static void c1_36_a_bind_that_fails_anywhere_leaves_nothing(void **state)
{
	(void)state;
	fail_each(false);
	fail_each(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c6_36_the_adapter_gets_what_all_vnics_want_together_where_that_changes),
		cmocka_unit_test(c6_36_c6_37_without_another_address_the_adapter_is_not_promiscuous),
		cmocka_unit_test(c10_13_halting_one_vnic_takes_its_wants_away_and_leaves_its_siblings_alone),
		cmocka_unit_test(c6_36_c6_15_sets_of_several_vnics_wait_for_one_request_at_a_time),
		cmocka_unit_test(c6_43_a_vlan_id_has_twelve_bits),
		cmocka_unit_test(c6_35_c6_39_there_is_room_for_a_tag_below),
		cmocka_unit_test(c6_37_a_multicast_list_is_the_vnics_own_and_of_whole_addresses),
		cmocka_unit_test(c6_46_c10_33_what_is_listed_is_answered_and_the_other_way_round),
		cmocka_unit_test(c7_15_the_link_is_told_to_each_vnic_that_is_awake),
		cmocka_unit_test(c7_23_power_below_goes_when_the_sends_of_all_vnics_are_home),
		cmocka_unit_test(c6_24_a_set_waits_for_the_adapter_to_wake_up),
		cmocka_unit_test(c6_25_a_set_that_waits_ends_with_its_vnic),
		cmocka_unit_test(c7_7_a_reset_below_holds_the_sends_of_all_vnics),
		cmocka_unit_test(c1_38_unbinding_halts_all_vnics_and_leaves_no_filter),
		cmocka_unit_test(c1_36_a_bind_that_fails_anywhere_leaves_nothing),
	};

	return host_run_tests(tests);
}
