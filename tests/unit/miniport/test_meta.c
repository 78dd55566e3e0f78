/* SPDX-License-Identifier: BSD-3-Clause */
/* What the card says of a frame, and whether a protocol gets such a one. */
#include <linux/virtio_net.h>

#include "rig.h"

static uint8_t frame[SLUICE_DATA_FRAME_MAX];

static uint64_t malformed(struct rig *rig)
{
	struct sluice_miniport_counters counters;

	sluice_miniport_get_counters(rig->miniport, 0, &counters);
	return counters.malformed;
}

/* Who has not asked for it, or was not granted it, is not given what it would take for a frame of the wire. */
static void test_a_joined_frame(void **state)
{
	static const struct {
		bool asked;
		uint32_t features;
		unsigned received;
	} cases[] = {{false, SLUICE_FEATURE_LARGE_RECEIVES, 0}, {true, 0, 0}, {true, SLUICE_FEATURE_LARGE_RECEIVES, 1}};
	const struct sluice_frame_meta meta = {
		.flags = 1, .gso_type = 1, .gso_size = 1448, .hdr_len = 66, .csum_start = 34, .csum_offset = 16};
	struct rig *rig = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rig->large_receives = cases[i].asked;
		rig->card.features = cases[i].features;
		rig_start(rig);
		assert_int_equal(rig->card.hello.features, cases[i].asked ? SLUICE_FEATURE_LARGE_RECEIVES : 0);
		frame_make(frame, SLUICE_DATA_FRAME_MAX, 5);
		assert_true(card_give(&rig->card, 0, frame, SLUICE_DATA_FRAME_MAX, &meta, 0));
		assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1);
		assert_int_equal(rig->a.received, cases[i].received);
		assert_int_equal(malformed(rig), 1 - cases[i].received);
		assert_int_equal(card_collect(&rig->card, 0), 64);
		if (i + 1 < sizeof(cases) / sizeof(cases[0])) {
			rig_halt(rig);
			card_stop(&rig->card);
		}
	}
	assert_int_equal(rig->a.packet_length[0], SLUICE_DATA_FRAME_MAX);
}

/* Whether the protocol got it: a frame of @p length bytes that the card says this of. */
static bool comes(struct rig *rig, uint32_t length, const struct sluice_frame_meta *meta)
{
	uint64_t before = malformed(rig);
	unsigned received = rig->a.received;

	frame_make(frame, length, 5);
	assert_true(card_give(&rig->card, 0, frame, length, meta, 0));
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1);
	assert_int_equal(card_collect(&rig->card, 0), 64);
	received = rig->a.received - received;
	assert_int_equal(malformed(rig) - before, 1 - received);
	return received == 1;
}

struct said {
	struct sluice_frame_meta meta;
	uint32_t length;
	bool comes;
};

enum {
	NEEDS = VIRTIO_NET_HDR_F_NEEDS_CSUM,
	VALID = VIRTIO_NET_HDR_F_DATA_VALID,
	TCPV4 = VIRTIO_NET_HDR_GSO_TCPV4,
	TCPV6 = VIRTIO_NET_HDR_GSO_TCPV6,
	UDP = VIRTIO_NET_HDR_GSO_UDP,
	ECN = VIRTIO_NET_HDR_GSO_ECN,
};

static void expect_all(struct rig *rig, const struct said *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (comes(rig, cases[i].length, &cases[i].meta) != cases[i].comes)
			fail_msg("case %zu: it should%s have come", i, cases[i].comes ? "" : " not");
	}
}

/* Each member in its turn is what it must not be. In order: flags, gso_type, hdr_len, gso_size, csum_start,
 * csum_offset. */
static void test_a_joined_frame_that_cannot_be(void **state)
{
	static const struct said cases[] = {
		{{NEEDS, TCPV4, 66, 1448, 34, 16, 0, {0}}, 4000, true},
		{{0, TCPV4, 66, 1448, 34, 16, 0, {0}}, 4000, false},
		{{VALID, TCPV4, 66, 1448, 34, 16, 0, {0}}, 4000, false},
		{{NEEDS, TCPV4 | ECN, 66, 1448, 34, 16, 0, {0}}, 4000, false},
		{{NEEDS, TCPV6, 66, 1448, 34, 16, 0, {0}}, 4000, false},
		{{NEEDS, UDP, 66, 1448, 34, 16, 0, {0}}, 4000, false},
		{{NEEDS, 0xff, 66, 1448, 34, 16, 0, {0}}, 4000, false},
		{{NEEDS, 0, 66, 1448, 34, 16, 0, {0}}, 4000, false}, /* not joined, and longer than the MTU */
		{{NEEDS, TCPV4, 4000, 1448, 34, 16, 0, {0}}, 4000, false},
		{{NEEDS, TCPV4, 3999, 1448, 34, 16, 0, {0}}, 4000, true},
		{{NEEDS, TCPV4, UINT16_MAX, 1448, 34, 16, 0, {0}}, 4000, false},
		{{NEEDS, TCPV4, 53, 1448, 34, 16, 0, {0}}, 4000, false}, /* TCP's ends at 54 */
		{{NEEDS, TCPV4, 54, 1448, 34, 16, 0, {0}}, 4000, true},
		{{NEEDS, TCPV4, 0, 1448, 34, 16, 0, {0}}, 4000, false},
		{{NEEDS, TCPV4, 66, 0, 34, 16, 0, {0}}, 4000, false},
		{{NEEDS, TCPV4, 66, 1448, 33, 16, 0, {0}}, 4000, false}, /* within IPv4's header */
		{{NEEDS, TCPV4, 66, 1448, 47, 16, 0, {0}}, 4000, false}, /* TCP's would end behind hdr_len */
		{{NEEDS, TCPV4, 66, 1448, 3990, 16, 0, {0}}, 4000, false},
		{{NEEDS, TCPV4, 66, 1448, UINT16_MAX, 16, 0, {0}}, 4000, false},
		{{NEEDS, TCPV4, 66, 1448, 34, 6, 0, {0}}, 4000, false}, /* UDP's */
		{{NEEDS, TCPV4, 66, 1448, 34, UINT16_MAX, 0, {0}}, 4000, false},
	};
	struct rig *rig = *state;

	rig->large_receives = true;
	rig->card.features = SLUICE_FEATURE_LARGE_RECEIVES;
	rig_start(rig);
	expect_all(rig, cases, sizeof(cases) / sizeof(cases[0]));
}

/* A sum that is begun has its place in the frame, and what was not joined is no longer than the MTU allows with two
 * tags: of who asked for large receives, and of who did not. */
static void test_a_frame_that_was_not_joined(void **state)
{
	static const struct said cases[] = {
		{{NEEDS, 0, 0, 0, 34, 6, 0, {0}}, 60, true},
		{{NEEDS, 0, 0, 0, 52, 6, 0, {0}}, 60, true},
		{{NEEDS, 0, 0, 0, 53, 6, 0, {0}}, 60, false},
		{{NEEDS, 0, 0, 0, 34, 25, 0, {0}}, 60, false},
		{{NEEDS, 0, 0, 0, 13, 6, 0, {0}}, 60, false}, /* in the Ethernet header */
		{{NEEDS, 0, 0, 0, UINT16_MAX, UINT16_MAX, 0, {0}}, 60, false},
		{{VALID, 0, 0, 0, UINT16_MAX, 0, 0, {0}}, 60, true}, /* nothing is begun */
		{{VALID, 0, 0, 0, 0, 0, 0, {0}}, 1522, true},
		{{VALID, 0, 0, 0, 0, 0, 0, {0}}, 1523, false},
		{{0}, SLUICE_DATA_FRAME_MAX, false},
	};
	struct rig *rig = *state;

	for (unsigned asked = 0; asked < 2; asked++) {
		rig->large_receives = asked != 0;
		rig->card.features = SLUICE_FEATURE_LARGE_RECEIVES;
		rig_start(rig);
		expect_all(rig, cases, sizeof(cases) / sizeof(cases[0]));
		if (asked == 0) {
			rig_halt(rig);
			card_stop(&rig->card);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_joined_frame),
		CASE(a_joined_frame_that_cannot_be),
		CASE(a_frame_that_was_not_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
