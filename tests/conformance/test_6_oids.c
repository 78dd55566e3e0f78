/* SPDX-License-Identifier: BSD-3-Clause */
/* Who answers what (contract section 6C): two relays over a nic that answers whatever it is asked. */
#include <string.h>

#include "mandatory.h"
#include "shipped.h"

/* ---- The nic ------------------------------------------------------------------------------------- */

#define TELLS(oid) ((oid) ^ 0x5a5a5a5au) /* of an answer, what was asked */

/* It leaves the list to those above, which then name all that they would forward. */
static im_status_t answer_any(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			      uint32_t *needed)
{
	const uint32_t answer = TELLS(oid);

	(void)context;
	if (oid == SLUICE_OID_GEN_SUPPORTED_LIST)
		return IM_STATUS_NOT_SUPPORTED;
	return im_answer(&answer, sizeof(answer), buffer, length, written, needed);
}

static uint8_t taken[16];

static im_status_t take_any(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
			    uint32_t *needed)
{
	(void)context, (void)oid;
	return im_take(taken, length, buffer, RTE_MIN(length, (uint32_t)sizeof(taken)), read, needed);
}

static void up(void)
{
	shipped_begin(NULL);
	rig.nic->miniport.query_information = answer_any;
	rig.nic->miniport.set_information = take_any;
	shipped_build(2);
	rig_forget();
}

/* ---- Asking -------------------------------------------------------------------------------------- */

static struct im_request last;

static im_status_t query(uint32_t oid, void *buffer, uint32_t length)
{
	last = (struct im_request){.oid = oid, .buffer = buffer, .length = length};
	rig_forget();
	return rig_request(rig.top_binding, &last);
}

static im_status_t set(uint32_t oid, void *buffer, uint32_t length)
{
	last = (struct im_request){.set = true, .oid = oid, .buffer = buffer, .length = length};
	rig_forget();
	return rig_request(rig.top_binding, &last);
}

static unsigned asked_below(void)
{
	return rig_calls(RIG_query_information, "nic") + rig_calls(RIG_set_information, "nic");
}

/* Exactly one request came to the nic, for this. */
static void expect_forwarded(enum rig_handler handler, uint32_t oid, uint32_t length)
{
	const struct rig_call *call = rig_call(handler, "nic", 0);

	assert_int_equal(asked_below(), 1);
	assert_non_null(call);
	assert_int_equal(call->value, oid);
	assert_int_equal(call->length, length);
}

/* ---- Forwarded ----------------------------------------------------------------------------------- */

/* A relay adds nothing to a frame: sizes are the adapter's, to the byte. */
static const uint32_t asked_of_the_adapter[] = {
	SLUICE_OID_GEN_MEDIA_CONNECT_STATUS,
	SLUICE_OID_GEN_LINK_SPEED,
	SLUICE_OID_GEN_HARDWARE_STATUS,
	SLUICE_OID_GEN_MEDIA_SUPPORTED,
	SLUICE_OID_GEN_MEDIA_IN_USE,
	SLUICE_OID_GEN_VENDOR_ID,
	SLUICE_OID_GEN_MAC_OPTIONS,
	SLUICE_OID_GEN_MAXIMUM_SEND_PACKETS,
	SLUICE_OID_GEN_TRANSMIT_BUFFER_SPACE,
	SLUICE_OID_GEN_RECEIVE_BUFFER_SPACE,
	SLUICE_OID_GEN_MAXIMUM_FRAME_SIZE,
	SLUICE_OID_GEN_MAXIMUM_TOTAL_SIZE,
	SLUICE_OID_GEN_TRANSMIT_BLOCK_SIZE,
	SLUICE_OID_GEN_RECEIVE_BLOCK_SIZE,
	SLUICE_OID_GEN_MAXIMUM_LOOKAHEAD,
	SLUICE_OID_GEN_CURRENT_LOOKAHEAD,
	SLUICE_OID_GEN_CURRENT_PACKET_FILTER,
	SLUICE_OID_GEN_RCV_ERROR,
	SLUICE_OID_GEN_VLAN_ID,
	SLUICE_OID_802_3_MULTICAST_LIST,
	SLUICE_OID_802_3_PERMANENT_ADDRESS,
	SLUICE_OID_802_3_CURRENT_ADDRESS,
	SLUICE_OID_802_3_RCV_ERROR_ALIGNMENT,
	SLUICE_OID_802_3_XMIT_ONE_COLLISION,
	SLUICE_OID_802_3_XMIT_MORE_COLLISIONS,
	SLUICE_OID_PNP_WAKE_UP_PATTERN_LIST,
	SLUICE_OID_PNP_ENABLE_WAKE_UP,
};

static void c6_30_c6_33_c6_34_c6_35_c6_38_c6_42_c6_43_what_the_adapter_answers_comes_up_as_it_is(void **state)
{
	uint32_t value;

	(void)state;
	up();
	for (size_t i = 0; i < RTE_DIM(asked_of_the_adapter); i++) {
		uint32_t oid = asked_of_the_adapter[i];

		value = 0;
		assert_int_equal(query(oid, &value, sizeof(value)), IM_STATUS_SUCCESS);
		assert_int_equal(value, TELLS(oid));
		assert_int_equal(last.done, sizeof(value));
		expect_forwarded(RIG_query_information, oid, sizeof(value));
	}
	rig_end();
}

/* The last ones free something: such a set goes down like any other, and nothing on the way refuses it. */
static const struct {
	uint32_t oid;
	uint32_t length;
} set_at_the_adapter[] = {
	{SLUICE_OID_GEN_CURRENT_LOOKAHEAD, 4},
	{SLUICE_OID_GEN_PROTOCOL_OPTIONS, 4},
	{SLUICE_OID_GEN_VLAN_ID, 4},
	{SLUICE_OID_802_3_MULTICAST_LIST, 12},
	{SLUICE_OID_PNP_ENABLE_WAKE_UP, 4},
	{SLUICE_OID_PNP_ADD_WAKE_UP_PATTERN, 16},
	{SLUICE_OID_PNP_REMOVE_WAKE_UP_PATTERN, 16},
	{SLUICE_OID_802_3_MULTICAST_LIST, 0},
};

static void c6_30_c6_37_c6_39_c6_43_c6_48_what_is_set_goes_down_as_it_is(void **state)
{
	(void)state;
	up();
	for (size_t i = 0; i < RTE_DIM(set_at_the_adapter); i++) {
		uint32_t oid = set_at_the_adapter[i].oid, length = set_at_the_adapter[i].length;
		uint8_t value[16];

		memset(value, (int)i + 1, sizeof(value));
		memset(taken, 0, sizeof(taken));
		assert_int_equal(set(oid, value, length), IM_STATUS_SUCCESS);
		expect_forwarded(RIG_set_information, oid, length);
		assert_memory_equal(taken, value, length);
		assert_int_equal(last.done, length);
	}
	rig_end();
}

/* The rig's own nic knows nothing of these. */
static void c6_30_without_power_below_there_is_no_wake_up(void **state)
{
	uint32_t value = 0;

	(void)state;
	shipped_begin(NULL);
	shipped_build(1);
	assert_int_equal(query(SLUICE_OID_PNP_ENABLE_WAKE_UP, &value, 4), IM_STATUS_NOT_SUPPORTED);
	assert_int_equal(set(SLUICE_OID_PNP_ENABLE_WAKE_UP, &value, 4), IM_STATUS_NOT_SUPPORTED);
	assert_int_equal(set(SLUICE_OID_PNP_ADD_WAKE_UP_PATTERN, &value, 4), IM_STATUS_NOT_SUPPORTED);
	assert_int_equal(set(SLUICE_OID_PNP_REMOVE_WAKE_UP_PATTERN, &value, 4), IM_STATUS_NOT_SUPPORTED);
	assert_int_equal(query(SLUICE_OID_PNP_WAKE_UP_PATTERN_LIST, &value, 4), IM_STATUS_NOT_SUPPORTED);
	rig_end();
}

static void c6_37_a_list_that_is_no_list_changes_nothing(void **state)
{
	uint8_t list[90] = {1, 0, 0x5e, 0, 0, 1, 1, 0, 0x5e, 0, 0, 2}, back[12] = {0};

	(void)state;
	shipped_begin(NULL);
	shipped_build(1);
	assert_int_equal(set(SLUICE_OID_802_3_MULTICAST_LIST, list, 12), IM_STATUS_SUCCESS);
	assert_int_equal(set(SLUICE_OID_802_3_MULTICAST_LIST, list, 11), IM_STATUS_INVALID_LENGTH);
	assert_int_equal(last.needed, 6);
	assert_int_equal(last.done, 0);
	assert_int_equal(set(SLUICE_OID_802_3_MULTICAST_LIST, list, 90), IM_STATUS_INVALID_LENGTH);
	assert_int_equal(last.needed, 60); /* what the nic has room for */
	assert_int_equal(query(SLUICE_OID_802_3_MULTICAST_LIST, back, 12), IM_STATUS_SUCCESS);
	assert_memory_equal(back, list, 12);
	rig_end();
}

/* ---- Its own ------------------------------------------------------------------------------------- */

static void c6_34_c6_40_the_driver_and_its_counters_are_its_own(void **state)
{
	static const uint32_t counters[] = {SLUICE_OID_GEN_XMIT_OK, SLUICE_OID_GEN_RCV_OK, SLUICE_OID_GEN_XMIT_ERROR,
					    SLUICE_OID_GEN_RCV_NO_BUFFER};
	char text[16] = "";
	uint32_t version = 0;
	uint64_t counter;

	(void)state;
	up();
	assert_int_equal(query(SLUICE_OID_GEN_VENDOR_DESCRIPTION, text, sizeof(text)), IM_STATUS_SUCCESS);
	assert_int_equal(last.done, 5);
	assert_string_equal(text, "relay");
	assert_int_equal(query(SLUICE_OID_GEN_DRIVER_VERSION, &version, sizeof(version)), IM_STATUS_SUCCESS);
	assert_int_equal(last.done, 2);
	assert_int_equal(version, IM_MAJOR_VERSION << 8 | IM_MINOR_VERSION);
	for (size_t i = 0; i < RTE_DIM(counters); i++) {
		counter = 99;
		assert_int_equal(query(counters[i], &counter, sizeof(counter)), IM_STATUS_SUCCESS);
		assert_int_equal(counter, 0);
		assert_int_equal(asked_below(), 0);
	}
	rig_end();
}

/* What a relay knows is counted, and marked as known; the rest is 0. */
static void c6_41_statistics_say_what_they_know(void **state)
{
	const uint64_t known = 1u << SLUICE_STATISTIC_in_octets | 1u << SLUICE_STATISTIC_in_discards |
			       1u << SLUICE_STATISTIC_out_octets | 1u << SLUICE_STATISTIC_out_errors;
	struct sluice_oid_statistics statistics;
	struct im_packet *packets[8];

	(void)state;
	shipped_begin(NULL);
	rig.nic->script.sends = RIG_LATER;
	shipped_build(1);
	rig_packets(packets, 8); /* of 60, 61 ... bytes */
	im_send_packets(rig.top_binding->binding, packets, 5);
	host_settle();
	rig_complete(rig.port, 3, IM_STATUS_SUCCESS);
	rig_complete(rig.port, 2, IM_STATUS_FAILURE);
	host_settle();
	rig_indicate(rig.port, packets, 4, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(query(SLUICE_OID_GEN_STATISTICS, &statistics, sizeof(statistics) - 1),
			 IM_STATUS_BUFFER_TOO_SHORT);
	assert_int_equal(last.needed, sizeof(statistics));
	assert_int_equal(query(SLUICE_OID_GEN_STATISTICS, &statistics, sizeof(statistics)), IM_STATUS_SUCCESS);
	assert_int_equal(asked_below(), 0);
	assert_int_equal(statistics.valid, known);
	assert_int_equal(statistics.out_octets, 60 + 61 + 62 + 63 + 64);
	assert_int_equal(statistics.out_errors, 2);
	assert_int_equal(statistics.in_octets, 60 + 61 + 62 + 63);
	assert_int_equal(statistics.in_discards, 0);
	assert_int_equal(statistics.in_unicast | statistics.in_errors | statistics.out_discards, 0);
	rig_packets_free(packets, 8);
	rig_end();
}

/* ---- Nobody's ------------------------------------------------------------------------------------ */

#define RECEIVE_SCALE_CAPABILITIES 0x00010203u
#define RECEIVE_SCALE_PARAMETERS   0x00010204u
#define NO_SUCH_OID		   0x00ff0000u

static void c6_10_c6_32_c6_45_what_nobody_knows_is_said_to_be_unsupported(void **state)
{
	static const uint32_t unknown[] = {RECEIVE_SCALE_CAPABILITIES, RECEIVE_SCALE_PARAMETERS, NO_SUCH_OID,
					   SLUICE_OID_GEN_SUPPORTED_GUIDS};
	uint8_t value[16] = {0};

	(void)state;
	up();
	for (size_t i = 0; i < RTE_DIM(unknown); i++) {
		assert_int_equal(query(unknown[i], value, sizeof(value)), IM_STATUS_NOT_SUPPORTED);
		assert_int_equal(last.done, 0);
		assert_int_equal(asked_below(), 0);
		assert_int_equal(set(unknown[i], value, sizeof(value)), IM_STATUS_NOT_SUPPORTED);
		assert_int_equal(last.done, 0);
		assert_int_equal(asked_below(), 0);
	}
	rig_end();
}

static void c6_44_who_edits_frames_offers_no_offload(void **state)
{
	uint32_t value = 0;

	(void)state;
	up();
	assert_int_equal(query(SLUICE_OID_TCP_TASK_OFFLOAD, &value, 4), IM_STATUS_SUCCESS);
	assert_int_equal(value, TELLS(SLUICE_OID_TCP_TASK_OFFLOAD));
	assert_int_equal(set(SLUICE_OID_TCP_TASK_OFFLOAD, &value, 4), IM_STATUS_SUCCESS);
	expect_forwarded(RIG_set_information, SLUICE_OID_TCP_TASK_OFFLOAD, 4);
	shipped.edits_frames = true;
	assert_int_equal(query(SLUICE_OID_TCP_TASK_OFFLOAD, &value, 4), IM_STATUS_NOT_SUPPORTED);
	assert_int_equal(asked_below(), 0);
	assert_int_equal(set(SLUICE_OID_TCP_TASK_OFFLOAD, &value, 4), IM_STATUS_NOT_SUPPORTED);
	assert_int_equal(asked_below(), 0);
	rig_end();
}

/* ---- The list ------------------------------------------------------------------------------------ */

static uint32_t list[128];
static uint32_t listed;

static void read_list(void)
{
	assert_int_equal(query(SLUICE_OID_GEN_SUPPORTED_LIST, list, sizeof(list)), IM_STATUS_SUCCESS);
	listed = last.done / sizeof(list[0]);
}

static bool is_listed(uint32_t oid)
{
	for (uint32_t i = 0; i < listed; i++)
		if (list[i] == oid)
			return true;
	return false;
}

static bool is_set_only(uint32_t oid)
{
	return oid == SLUICE_OID_PNP_SET_POWER || oid == SLUICE_OID_PNP_ADD_WAKE_UP_PATTERN ||
	       oid == SLUICE_OID_PNP_REMOVE_WAKE_UP_PATTERN;
}

/* What is listed has a size, which a query without room tells, and which is enough. */
static void c6_4_c6_5_c6_31_a_query_without_room_tells_the_size_of_each_that_is_listed(void **state)
{
	uint8_t value[512];

	(void)state;
	up();
	read_list();
	assert_true(listed > 30);
	for (uint32_t i = 0; i < listed; i++) {
		uint32_t size;

		if (is_set_only(list[i]) || list[i] == SLUICE_OID_PNP_QUERY_POWER) /* always a success (6.27) */
			continue;
		assert_int_equal(query(list[i], NULL, 0), IM_STATUS_BUFFER_TOO_SHORT);
		assert_int_equal(last.done, 0);
		size = last.needed;
		assert_in_range(size, 1, sizeof(value));
		memset(value, 0xee, sizeof(value));
		assert_int_equal(query(list[i], value, size), IM_STATUS_SUCCESS);
		assert_int_equal(last.done, size);
		assert_int_equal(value[size], 0xee); /* nothing behind it */
	}
	rig_end();
}

static void c6_46_c6_47_what_every_miniport_has_stands_in_the_list(void **state)
{
	uint8_t value[512] = {0};
	uint32_t zero = 0;

	(void)state;
	up();
	read_list();
	for (size_t i = 0; i < RTE_DIM(mandatory); i++) {
		if (!is_listed(mandatory[i]))
			fail_msg("OID %08x is not in the list", mandatory[i]);
		assert_int_equal(query(mandatory[i], value, sizeof(value)), IM_STATUS_SUCCESS);
	}
	assert_int_equal(set(SLUICE_OID_GEN_CURRENT_PACKET_FILTER, &zero, 4), IM_STATUS_SUCCESS);
	assert_int_equal(set(SLUICE_OID_GEN_CURRENT_LOOKAHEAD, &zero, 4), IM_STATUS_SUCCESS);
	assert_int_equal(set(SLUICE_OID_GEN_PROTOCOL_OPTIONS, &zero, 4), IM_STATUS_SUCCESS);
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c6_30_c6_33_c6_34_c6_35_c6_38_c6_42_c6_43_what_the_adapter_answers_comes_up_as_it_is),
		cmocka_unit_test(c6_30_c6_37_c6_39_c6_43_c6_48_what_is_set_goes_down_as_it_is),
		cmocka_unit_test(c6_30_without_power_below_there_is_no_wake_up),
		cmocka_unit_test(c6_37_a_list_that_is_no_list_changes_nothing),
		cmocka_unit_test(c6_34_c6_40_the_driver_and_its_counters_are_its_own),
		cmocka_unit_test(c6_41_statistics_say_what_they_know),
		cmocka_unit_test(c6_10_c6_32_c6_45_what_nobody_knows_is_said_to_be_unsupported),
		cmocka_unit_test(c6_44_who_edits_frames_offers_no_offload),
		cmocka_unit_test(c6_4_c6_5_c6_31_a_query_without_room_tells_the_size_of_each_that_is_listed),
		cmocka_unit_test(c6_46_c6_47_what_every_miniport_has_stands_in_the_list),
	};

	return host_run_tests(tests);
}
