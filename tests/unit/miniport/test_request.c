/* SPDX-License-Identifier: BSD-3-Clause */
/* OIDs: whom they go to, and what comes back of them. */
#include "rig.h"

struct asked {
	im_status_t status;
	uint32_t done;
	uint32_t needed;
};

static struct asked query(struct rig *rig, uint32_t oid, void *buffer, uint32_t length)
{
	struct asked asked = {.done = 99, .needed = 99};

	asked.status = sluice_miniport_query(rig->miniport, oid, buffer, length, &asked.done, &asked.needed);
	return asked;
}

static struct asked set(struct rig *rig, uint32_t oid, const void *buffer, uint32_t length)
{
	struct asked asked = {.done = 99, .needed = 99};

	asked.status = sluice_miniport_set(rig->miniport, oid, buffer, length, &asked.done, &asked.needed);
	return asked;
}

static void expect(struct asked asked, im_status_t status, uint32_t done, uint32_t needed)
{
	assert_int_equal(asked.status, status);
	assert_int_equal(asked.done, done);
	assert_int_equal(asked.needed, needed);
}

static void test_queries_and_their_room(void **state)
{
	const uint32_t speed = 100000;
	const uint64_t frames = 0x1122334455667788;
	struct rig *rig = *state;
	uint8_t buffer[8];

	rig_start(rig);
	card_set_oid(&rig->card, SLUICE_OID_GEN_LINK_SPEED, &speed, sizeof(speed));
	card_set_oid(&rig->card, SLUICE_OID_GEN_XMIT_OK, &frames, sizeof(frames));
	expect(query(rig, SLUICE_OID_GEN_LINK_SPEED, buffer, 8), IM_STATUS_SUCCESS, 4, 0);
	assert_memory_equal(buffer, &speed, 4);
	memset(buffer, 0xee, sizeof(buffer));
	expect(query(rig, SLUICE_OID_GEN_LINK_SPEED, buffer, 3), IM_STATUS_BUFFER_TOO_SHORT, 0, 4);
	assert_int_equal(buffer[0], 0xee); /* nothing is stored */
	expect(query(rig, SLUICE_OID_GEN_LINK_SPEED, NULL, 0), IM_STATUS_BUFFER_TOO_SHORT, 0, 4);
	expect(query(rig, SLUICE_OID_GEN_XMIT_OK, buffer, 8), IM_STATUS_SUCCESS, 8, 0);
	assert_memory_equal(buffer, &frames, 8);
	memset(buffer, 0xee, sizeof(buffer));
	expect(query(rig, SLUICE_OID_GEN_XMIT_OK, buffer, 5), IM_STATUS_SUCCESS, 4, 8);
	assert_memory_equal(buffer, &frames, 4);
	assert_int_equal(buffer[4], 0xee);
	expect(query(rig, SLUICE_OID_GEN_XMIT_OK, buffer, 3), IM_STATUS_BUFFER_TOO_SHORT, 0, 8);
	expect(query(rig, SLUICE_OID_GEN_SUPPORTED_GUIDS, buffer, 8), IM_STATUS_NOT_SUPPORTED, 0, 0);
}

static void test_statistics(void **state)
{
	const struct sluice_oid_statistics sent = {.valid = 3, .in_octets = 1234, .in_unicast = 7};
	struct rig *rig = *state;
	struct sluice_oid_statistics statistics;

	rig_start(rig);
	card_set_oid(&rig->card, SLUICE_OID_GEN_STATISTICS, &sent, sizeof(sent));
	expect(query(rig, SLUICE_OID_GEN_STATISTICS, &statistics, sizeof(statistics)), IM_STATUS_SUCCESS, sizeof(sent),
	       0);
	assert_memory_equal(&statistics, &sent, sizeof(sent));
	expect(query(rig, SLUICE_OID_GEN_STATISTICS, &statistics, 8), IM_STATUS_BUFFER_TOO_SHORT, 0, sizeof(sent));
}

static void test_whom_they_go_to(void **state)
{
	struct rig *rig = *state;
	uint32_t value = 0;

	rig_start(rig);
	query(rig, SLUICE_OID_GEN_MEDIA_CONNECT_STATUS, &value, 4);
	assert_string_equal(rig->card.asked, "top");
	pthread_mutex_lock(&rig->card.lock);
	rig->card.has_stack = false; /* stacks change while we are there */
	pthread_mutex_unlock(&rig->card.lock);
	query(rig, SLUICE_OID_GEN_MEDIA_CONNECT_STATUS, &value, 4);
	assert_string_equal(rig->card.asked, "host0");
}

static void test_sets(void **state)
{
	const uint32_t filter = 0x0d;
	const uint8_t list[13] = {1, 0, 0x5e, 0, 0, 1, 1, 0, 0x5e, 0, 0, 2, 9};
	struct rig *rig = *state;
	uint8_t huge[SLUICE_OID_VALUE_MAX + 1] = {0};

	rig_start(rig);
	expect(set(rig, SLUICE_OID_GEN_CURRENT_PACKET_FILTER, &filter, 4), IM_STATUS_SUCCESS, 4, 0);
	assert_memory_equal(card_find_oid(&rig->card, SLUICE_OID_GEN_CURRENT_PACKET_FILTER)->value, &filter, 4);
	expect(set(rig, SLUICE_OID_GEN_CURRENT_PACKET_FILTER, &filter, 2), IM_STATUS_INVALID_LENGTH, 0, 4);
	expect(set(rig, SLUICE_OID_802_3_MULTICAST_LIST, list, 12), IM_STATUS_SUCCESS, 12, 0);
	expect(set(rig, SLUICE_OID_802_3_MULTICAST_LIST, NULL, 0), IM_STATUS_SUCCESS, 0, 0);
	assert_int_equal(card_find_oid(&rig->card, SLUICE_OID_802_3_MULTICAST_LIST)->length, 0);
	expect(set(rig, SLUICE_OID_802_3_MULTICAST_LIST, huge, sizeof(huge)), IM_STATUS_INVALID_LENGTH, 0, 4092);
}

static void test_sets_that_are_refused_are_not_repeated(void **state)
{
	const uint32_t filter = 0x0d, other = 1;
	struct rig *rig = *state;

	rig_start(rig);
	expect(set(rig, SLUICE_OID_GEN_CURRENT_PACKET_FILTER, &filter, 4), IM_STATUS_SUCCESS, 4, 0);
	rig->card.role_fail = SLUICE_STATUS_NOT_PERMITTED;
	expect(set(rig, SLUICE_OID_GEN_CURRENT_PACKET_FILTER, &other, 4), IM_STATUS_NOT_ACCEPTED, 0, 0);
	rig->card.role_fail = SLUICE_STATUS_INTERNAL;
	expect(set(rig, SLUICE_OID_GEN_VLAN_ID, &other, 4), IM_STATUS_FAILURE, 0, 0);
	rig->card.role_fail = 0;
	assert_int_equal(sluice_miniport_reset(rig->miniport), IM_STATUS_SUCCESS);
	assert_memory_equal(card_find_oid(&rig->card, SLUICE_OID_GEN_CURRENT_PACKET_FILTER)->value, &filter, 4);
	assert_null(card_find_oid(&rig->card, SLUICE_OID_GEN_VLAN_ID));
}

static im_status_t inside;

static void ask_inside(struct note *note, struct sluice_packet *packet)
{
	struct rig *rig = (struct rig *)((char *)note - offsetof(struct rig, a));
	uint32_t value, written, needed;

	(void)packet;
	inside = sluice_miniport_query(rig->miniport, SLUICE_OID_GEN_LINK_SPEED, &value, 4, &written, &needed);
	assert_int_equal(sluice_miniport_set(rig->miniport, SLUICE_OID_GEN_VLAN_ID, &value, 4, &written, &needed),
			 IM_STATUS_NOT_ACCEPTED);
	assert_int_equal(sluice_miniport_pause(rig->miniport), IM_STATUS_NOT_ACCEPTED);
	assert_int_equal(sluice_miniport_reset(rig->miniport), IM_STATUS_NOT_ACCEPTED);
	assert_true(sluice_miniport_halt(rig->miniport) < 0);
	assert_true(sluice_miniport_check(rig->miniport) < 0);
	assert_true(sluice_miniport_reattach(rig->miniport, NULL) < 0);
}

static void test_no_request_in_a_handler(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[60] = {0};

	rig_start(rig);
	rig->a.on_receive = ask_inside;
	card_give(&rig->card, 0, frame, sizeof(frame), NULL, 0);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1);
	assert_int_equal(rig->a.received, 1);
	assert_int_equal(inside, IM_STATUS_NOT_ACCEPTED);
}

static void test_no_firmware(void **state)
{
	struct rig *rig = *state;
	uint32_t value;

	rig_start(rig);
	card_stop(&rig->card);
	expect(query(rig, SLUICE_OID_GEN_LINK_SPEED, &value, 4), IM_STATUS_NOT_READY, 0, 0);
	sluice_miniport_check(rig->miniport);
	expect(query(rig, SLUICE_OID_GEN_LINK_SPEED, &value, 4), IM_STATUS_NOT_READY, 0, 0);
	expect(set(rig, SLUICE_OID_GEN_VLAN_ID, &value, 4), IM_STATUS_NOT_READY, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(queries_and_their_room),
		CASE(statistics),
		CASE(whom_they_go_to),
		CASE(sets),
		CASE(sets_that_are_refused_are_not_repeated),
		CASE(no_request_in_a_handler),
		CASE(no_firmware),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
