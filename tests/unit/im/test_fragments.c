/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core's walks through a frame, over segments of one byte that end where nobody may read on (contract 11.18): the
 * look-ahead of a packet, the copy of its rest, into such segments too, and the parser of the filter.
 */
#include <string.h>

#include "classify/parse.h"
#include "fence.h"
#include "rig.h"

#define HEADER	       14u
#define LENGTH	       90u
#define ETHERNET       0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb
#define IPV4(protocol) 0x45, 0, 0, 60, 0, 0, 0, 0, 64, (protocol), 0, 0, 10, 0, 0, 1, 10, 0, 0, 2

static struct im_packet *fenced(const void *bytes, uint32_t length)
{
	struct im_packet *packet = calloc(1, sizeof(*packet) + 4 * sizeof(packet->stack[0]));

	assert_non_null(packet);
	packet->mbuf = fence_frame(bytes, length);
	packet->slots = 4;
	packet->length = length;
	packet->status = IM_STATUS_SUCCESS;
	return packet;
}

static void free_fenced(struct im_packet *packet)
{
	fence_free(packet->mbuf);
	free(packet);
}

/* ---- Look-ahead -------------------------------------------------------------------------------------- */

static uint32_t ask_offset, ask_length, answered;
static struct im_packet *rest;

static im_status_t pull(struct rig_top *top, const struct im_lookahead *lookahead)
{
	assert_int_equal(
		im_transfer_data(top->binding, lookahead->receive_context, ask_offset, ask_length, rest, &answered),
		IM_STATUS_SUCCESS);
	return IM_STATUS_SUCCESS;
}

static void indicate(const uint8_t *bytes, uint32_t length)
{
	struct im_packet *packet = fenced(bytes, length);

	packet->status = IM_STATUS_RESOURCES;
	im_indicate_receive_packets(rig_nic.instance, &packet, 1);
	free_fenced(packet);
}

/* contract: 5.23 11.18 */
static void a_frame_is_shown(void **state)
{
	uint8_t bytes[LENGTH];

	(void)state;
	for (uint32_t i = 0; i < LENGTH; i++)
		bytes[i] = (uint8_t)(i + 1);
	for (uint32_t length = 1; length <= LENGTH; length++) {
		rig_up("nic", 0);
		indicate(bytes, length);
		assert_int_equal(rig_top.looked.header_length, RTE_MIN(length, HEADER));
		assert_int_equal(rig_top.looked.data_length, 0);
		assert_int_equal(rig_top.looked.packet_length, length - RTE_MIN(length, HEADER));
		assert_memory_equal(rig_top.looked.bytes, bytes, RTE_MIN(length, HEADER));
		rig_down();
	}
}

/* contract: 5.25 11.18 */
static void its_rest_is_copied(void **state)
{
	static const struct {
		uint32_t offset, length, answered;
	} cases[] = {{0, LENGTH, LENGTH - HEADER},
		     {0, LENGTH - HEADER, LENGTH - HEADER},
		     {20, 30, 30},
		     {LENGTH - HEADER - 1, 9, 1},
		     {LENGTH - HEADER, 9, 0},
		     {0, 1, 1}};
	uint8_t bytes[LENGTH];

	(void)state;
	for (uint32_t i = 0; i < LENGTH; i++)
		bytes[i] = (uint8_t)(i + 1);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		uint8_t nothing[LENGTH] = {0};
		uint8_t copy[LENGTH];

		rig_up("nic", 0);
		rest = fenced(nothing, RTE_MAX(cases[i].answered, 1u)); /* no byte more than it takes */
		rig_top.in_receive = pull;
		ask_offset = cases[i].offset;
		ask_length = cases[i].length;
		indicate(bytes, LENGTH);
		assert_int_equal(answered, cases[i].answered);
		assert_int_equal(rest->length, cases[i].answered);
		if (answered > 0)
			assert_memory_equal(rte_pktmbuf_read(rest->mbuf, 0, answered, copy),
					    bytes + HEADER + ask_offset, answered);
		free_fenced(rest);
		rig_down();
	}
}

/* ---- The filter's parser ------------------------------------------------------------------------------- */

static const struct {
	uint32_t length;
	uint8_t bytes[LENGTH];
} frames[] = {
	{74, {ETHERNET, 0x08, 0x00, IPV4(6), 0, 80, 1, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x02}},
	{74, {ETHERNET, 0x08, 0x00, IPV4(17), 0, 53, 2, 0, 0, 40}},
	{78, {ETHERNET, 0x81, 0x00, 0, 7, 0x08, 0x00, IPV4(1), 8, 0}},
	{64, {ETHERNET, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 10, 0, 64, [38] = 0xfe, [54] = 17, 0, [56] = 0, 53, 1, 0, 0, 10}},
	{60, {ETHERNET, 0x08, 0x06}},
};

/* In one piece, in memory that ends with it. */
static uint32_t parse_whole(const uint8_t *bytes, uint32_t length, struct packet_key *key)
{
	struct rte_mbuf mbuf = {.nb_segs = 1, .data_len = (uint16_t)length, .pkt_len = length, .refcnt = 1};
	uint32_t reason;

	mbuf.buf_addr = malloc(length);
	mbuf.buf_len = (uint16_t)length;
	assert_non_null(mbuf.buf_addr);
	memcpy(mbuf.buf_addr, bytes, length);
	reason = parse_packet(&mbuf, key);
	free(mbuf.buf_addr);
	return reason;
}

/* contract: 11.18 */
static void frames_are_parsed(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(frames); i++)
		for (uint32_t length = 1; length <= frames[i].length; length++) {
			struct rte_mbuf *mbuf = fence_frame(frames[i].bytes, length);
			struct packet_key whole = {0}, key = {0};
			uint32_t reason = parse_whole(frames[i].bytes, length, &whole);

			assert_int_equal(parse_packet(mbuf, &key), reason);
			if (reason == 0)
				assert_memory_equal(&key, &whole, sizeof(key));
			fence_free(mbuf);
		}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_is_shown),
		cmocka_unit_test(frames_are_parsed),
		cmocka_unit_test(its_rest_is_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
