/* SPDX-License-Identifier: BSD-3-Clause */
/* One frame, made header by header, and parsed in all segmentations: the answers must be the same. */
#ifndef TEST_FRAMES_H
#define TEST_FRAMES_H

#include "classify/parse.h"

#include "mbufs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { FRAME_MAX = 65600, CUT_MAX = 200 };

struct frame {
	uint32_t length;
	uint8_t bytes[FRAME_MAX];
};

static struct frame frame;

static const char *reason_name(uint32_t reason)
{
	return reason == 0 ? "sound" : sluice_drop_name(reason);
}

/* ---- parsing in all segmentations ---- */

static uint32_t parse_segments(const uint16_t *sizes, uint32_t count, struct packet_key *key)
{
	struct rte_mbuf *mbufs = mbufs_make(frame.bytes, sizes, count);
	uint32_t reason;

	memset(key, 0xa5, sizeof(*key));
	reason = parse_packet(mbufs, key);
	mbufs_free(mbufs);
	return reason;
}

static void assert_same(const char *how, uint32_t at, const uint16_t *sizes, uint32_t count, uint32_t reason,
			const struct packet_key *key)
{
	struct packet_key other;
	uint32_t found = parse_segments(sizes, count, &other);

	if (found != reason)
		fail_msg("%s %u: %s, but the whole frame of %u bytes: %s", how, at, reason_name(found), frame.length,
			 reason_name(reason));
	if (reason == 0 && memcmp(&other, key, sizeof(*key)) != 0)
		fail_msg("%s %u: key differs from that of the whole frame", how, at);
}

static uint32_t parse(struct packet_key *key)
{
	static uint16_t single[FRAME_MAX];
	uint16_t whole = (uint16_t)frame.length;
	uint32_t ones = frame.length < CUT_MAX ? frame.length : CUT_MAX;
	uint32_t reason = parse_segments(&whole, 1, key);

	for (uint32_t cut = 0; cut <= ones; cut++) {
		uint16_t parts[3] = {(uint16_t)cut, 0, (uint16_t)(frame.length - cut)};

		assert_same("cut at", cut, parts, 3, reason, key);
	}
	for (uint32_t i = 0; i < ones; i++)
		single[i] = 1;
	single[ones] = (uint16_t)(frame.length - ones);
	assert_same("single bytes up to", ones, single, ones + 1, reason, key);
	return reason;
}

static void expect(uint32_t wanted, const char *what)
{
	struct packet_key key;
	uint32_t reason = parse(&key);

	if (reason != wanted)
		fail_msg("%s: %s, expected %s", what, reason_name(reason), reason_name(wanted));
}

/* Cut to @p length bytes the frame is @p wanted; with one byte less it is @p shorter. */
static void expect_at(uint32_t length, uint32_t wanted, uint32_t shorter, const char *what)
{
	uint32_t whole = frame.length;

	frame.length = length;
	expect(wanted, what);
	frame.length = length - 1;
	expect(shorter, what);
	frame.length = whole;
}

static struct packet_key expect_key(const char *what)
{
	struct packet_key key;
	uint32_t reason = parse(&key);

	if (reason != 0)
		fail_msg("%s: %s, expected a sound frame", what, reason_name(reason));
	for (uint32_t i = 0; i < sizeof(key.reserved); i++)
		assert_int_equal(key.reserved[i], 0);
	return key;
}

/* ---- making frames ---- */

static void set16(uint32_t offset, uint32_t value)
{
	frame.bytes[offset] = (uint8_t)(value >> 8);
	frame.bytes[offset + 1] = (uint8_t)value;
}

/* Append @p count bytes: the given ones, or where there are none, zeros. @return where they begin */
static uint32_t append(const void *bytes, uint32_t count)
{
	uint32_t offset = frame.length;

	if (bytes != NULL)
		memcpy(frame.bytes + offset, bytes, count);
	else
		memset(frame.bytes + offset, 0, count);
	frame.length += count;
	return offset;
}

static void ethernet(uint16_t type)
{
	static const uint8_t macs[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};

	frame.length = 0;
	append(macs, sizeof(macs));
	set16(append(NULL, 2), type);
}

static void tag(uint16_t information, uint16_t type)
{
	uint32_t at = append(NULL, 4);

	set16(at, information);
	set16(at + 2, type);
}

/* @p fragment is the third word: flags and offset. */
static uint32_t ipv4(uint8_t protocol, uint32_t options, uint32_t payload, uint16_t fragment)
{
	static const uint8_t addresses[] = {10, 1, 2, 3, 192, 168, 4, 5};
	uint32_t at = append(NULL, 12);

	append(addresses, sizeof(addresses));
	append(NULL, options);
	frame.bytes[at] = (uint8_t)(0x45 + options / 4);
	set16(at + 2, 20 + options + payload);
	set16(at + 6, fragment);
	frame.bytes[at + 9] = protocol;
	return at;
}

static uint32_t ipv6(uint8_t next, uint32_t payload)
{
	uint32_t at = append(NULL, 8);

	frame.bytes[at] = 0x60;
	set16(at + 4, payload);
	frame.bytes[at + 6] = next;
	for (uint32_t i = 0; i < 32; i++)
		append(&(uint8_t){(uint8_t)(i + 1)}, 1);
	return at;
}

/* An extension header of @p length bytes with the length field @p field. */
static uint32_t extension(uint8_t next, uint8_t field, uint32_t length)
{
	uint32_t at = append(NULL, length);

	frame.bytes[at] = next;
	frame.bytes[at + 1] = field;
	return at;
}

static uint32_t fragment_header(uint8_t next, uint16_t offset, bool more)
{
	uint32_t at = extension(next, 0xff, 8);

	set16(at + 2, (uint32_t)offset << 3 | more);
	return at;
}

static uint32_t tcp(uint32_t header_length)
{
	uint32_t at = append(NULL, 20);

	set16(at, 1234);
	set16(at + 2, 80);
	frame.bytes[at + 12] = (uint8_t)(header_length / 4 << 4);
	frame.bytes[at + 13] = 0x12;
	return at;
}

static uint32_t udp(uint16_t length)
{
	uint32_t at = append(NULL, 8);

	set16(at, 53);
	set16(at + 2, 5353);
	set16(at + 4, length);
	return at;
}

#endif
