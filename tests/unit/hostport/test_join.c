/* SPDX-License-Identifier: BSD-3-Clause */
/* Large receives: what is joined, and what is not. Nothing else is lost or changed by it. */
#include "join_rig.h"

/* As of a host at the wire's end that leaves a large send to the card. */
#define TO_CUT (RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_SEG)

/* ---- Tests -------------------------------------------------------------------------------------------- */

static void segments_become_one_frame(void **state)
{
	add_many(*state, 32);
	expect(*state, 1, 1);
}

static void a_host_that_has_not_asked_gets_each(void **state)
{
	attach_anew(*state, ENTRIES, false);
	add_many(*state, 32);
	expect(*state, 32, 0);
}

static void what_was_to_be_cut_is_not_told_as_joined(void **state)
{
	struct bed *bed = *state;

	attach_anew(bed, ENTRIES, false);
	add(bed, &(struct spec){.ol_flags = TO_CUT});
	bed->mbufs[0]->tso_segsz = 1;
	expect(bed, 1, 0);
}

/* Each in place of the middle one of five; how many frames there are then, and how many are joined. */
static void what_is_not_alike_is_not_joined(void **state)
{
	static const struct {
		const char *what;
		struct spec spec;
		uint32_t told, joined;
	} cases[] = {
		{"as it should be", {0}, 1, 1},
		{"the end of a write", {.flags = RTE_TCP_PSH_FLAG}, 2, 2},
		{"the end of a write, short", {.flags = RTE_TCP_PSH_FLAG, .payload = 10}, 2, 2},
		{"FIN", {.flags = RTE_TCP_FIN_FLAG}, 3, 2},
		{"SYN", {.flags = RTE_TCP_SYN_FLAG}, 3, 2},
		{"RST", {.flags = RTE_TCP_RST_FLAG}, 3, 2},
		{"URG", {.flags = RTE_TCP_URG_FLAG}, 3, 2},
		{"ECE", {.flags = RTE_TCP_ECE_FLAG}, 3, 2},
		{"CWR", {.flags = RTE_TCP_CWR_FLAG}, 3, 2},
		{"no payload", {.empty = true}, 3, 2},
		{"a short one is the last", {.payload = MSS - 1}, 2, 2},
		{"a longer one is a first", {.payload = MSS + 1}, 3, 2},
		{"a hole", {.skip = 1}, 2, 2},
		{"sent again", {.skip = -(int32_t)MSS}, 2, 2},
		{"congestion on its way", {.tos = 3}, 3, 2},
		{"another time to live", {.ttl = 1}, 3, 2},
		{"another window", {.window = 1}, 3, 2},
		{"acknowledges more", {.ack = 1}, 3, 2},
		{"a time stamp", {.stamp = 9}, 3, 2},
		{"a reserved bit", {.reserved = 1}, 3, 2},
		{"where urgent bytes would end", {.urgent = 1}, 3, 2},
		{"may be fragmented", {.no_df = true}, 3, 2},
		{"another station", {.mac = 1}, 3, 2},
		{"options of IPv4", {.ip_options = true}, 3, 2},
		{"options of IPv4 without payload", {.ip_options = true, .empty = true}, 3, 2},
		{"a fragment", {.no_df = true, .fragment = RTE_IPV4_HDR_MF_FLAG}, 3, 2},
		{"a wrong sum", {.bad = 1}, 3, 2},
		{"a wrong sum of IPv4", {.bad = 2}, 3, 2},
		{"said to be wrong", {.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_BAD}, 3, 2},
		{"padding", {.padding = 3}, 3, 2},
		{"the card's own to sum", {.ol_flags = RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4}, 1, 1},
		{"the card's own to cut", {.ol_flags = TO_CUT}, 3, 2},
		{"joined by a device", {.ol_flags = RTE_MBUF_F_RX_LRO}, 3, 2},
	};

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct bed *bed;

		if (i > 0) {
			assert_int_equal(down(state), 0);
			assert_int_equal(up(state), 0);
		}
		bed = *state;
		add_many(bed, 2);
		add(bed, &cases[i].spec);
		add_many(bed, 2);
		print_message("%s\n", cases[i].what);
		expect(bed, cases[i].told, cases[i].joined);
	}
}

/* It is of another device of the host's, and the ones around it do not continue each other. */
static void a_tagged_frame_goes_alone(void **state)
{
	struct bed *bed = *state;

	add_many(bed, 3);
	bed->mbufs[1]->ol_flags = RTE_MBUF_F_RX_VLAN_STRIPPED;
	bed->mbufs[1]->vlan_tci = 5;
	expect(bed, 3, 0);
}

static void time_stamps_that_are_alike(void **state)
{
	for (int i = 0; i < 8; i++)
		add(*state, &(struct spec){.stamp = i < 5 ? 1111 : 1112});
	expect(*state, 2, 2);
}

static void ends_of_writes(void **state)
{
	static const struct spec specs[] = {{0}, {.flags = RTE_TCP_PSH_FLAG}, {.flags = RTE_TCP_PSH_FLAG}, {0},
					    {0}, {.flags = RTE_TCP_PSH_FLAG}};

	add_all(*state, specs, RTE_DIM(specs));
	expect(*state, 3, 2);
}

/* Numbers of IPv4 go on where fragments are possible, or the library does not join: PSH is where it was. */
static void what_the_library_refuses_is_as_it_was(void **state)
{
	static const struct spec specs[] = {{.no_df = true},
					    {.no_df = true},
					    {.no_df = true, .id = 9},
					    {.no_df = true, .id = 9},
					    {.no_df = true, .id = 50, .flags = RTE_TCP_PSH_FLAG}};

	add_all(*state, specs, RTE_DIM(specs));
	expect(*state, 3, 2);
}

static void a_sum_that_was_found_good_is_believed(void **state)
{
	struct bed *bed = *state;
	struct headers *headers;

	for (int i = 0; i < 3; i++)
		add(bed, &(struct spec){.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD});
	headers = rte_pktmbuf_mtod(bed->mbufs[1], struct headers *);
	headers->tcp.cksum ^= 0x1234;
	expect(bed, 1, 1);
}

/* Also where it comes first, when nobody has looked yet. */
static void a_wrong_sum_stays_wrong(void **state)
{
	static const struct spec specs[] = {{.bad = 1}, {0}, {0}, {.bad = 1}, {.bad = 1}};

	add_all(*state, specs, RTE_DIM(specs));
	expect(*state, 4, 1);
}

/* A flow's PSH, or what else is alone, ends only its own run. */
static void flows_beside_each_other(void **state)
{
	for (uint16_t i = 0; i < 24; i++)
		add(*state, &(struct spec){.flow = i % 3});
	add(*state, &(struct spec){.flow = 1, .flags = RTE_TCP_FIN_FLAG});
	add(*state, &(struct spec){.flow = 0});
	add(*state, &(struct spec){.flow = 2});
	expect(*state, 4, 3);
}

/* More than are told apart: nothing is lost, and those that follow each other are joined. */
static void many_flows(void **state)
{
	for (uint16_t i = 0; i < 60; i++)
		add(*state, &(struct spec){.flow = i / 3});
	expect(*state, 20, 20);
}

static void many_flows_in_turn(void **state)
{
	for (uint16_t i = 0; i < 60; i++)
		add(*state, &(struct spec){.flow = i % 20});
	expect(*state, 60, 0);
}

/* 64 KiB are not passed. */
static void no_longer_than_a_frame(void **state)
{
	for (int i = 0; i < 60; i++)
		add(*state, &(struct spec){.payload = 1448});
	expect(*state, 2, 2);
}

static void a_long_burst(void **state)
{
	add_many(*state, 90);
	expect(*state, 2, 2);
}

static void jumbo_frames(void **state)
{
	for (int i = 0; i < 6; i++)
		add(*state, &(struct spec){.payload = 8900});
	expect(*state, 1, 1);
}

/* Someone else may look at it later, and must find it as it was. */
static void a_shared_buffer_is_not_touched(void **state)
{
	struct bed *bed = *state;
	struct rte_mbuf *shared, *whole;

	add_many(bed, 6);
	shared = bed->mbufs[2];
	rte_mbuf_refcnt_update(shared, 1);
	whole = bed->mbufs[4];
	bed->mbufs[4] = rte_pktmbuf_clone(whole, pool);
	assert_non_null(bed->mbufs[4]);
	expect(bed, 5, 1);
	assert_memory_equal(rte_pktmbuf_mtod(shared, void *), bed->sent[2].bytes, bed->sent[2].length);
	assert_memory_equal(rte_pktmbuf_mtod(whole, void *), bed->sent[4].bytes, bed->sent[4].length);
	rte_pktmbuf_free(shared);
	rte_pktmbuf_free(whole);
}

/* A host that gives no buffer back until @p left are. */
static void leave_buffers(struct bed *bed, uint16_t left)
{
	attach_anew(bed, SLUICE_DATA_ENTRIES_MIN, true);
	for (uint16_t i = left; i < SLUICE_DATA_ENTRIES_MIN; i++) {
		struct rte_mbuf *mbuf = mbuf_of(&(struct frame){.length = 60}, 0);
		struct sluice_desc desc;

		assert_int_equal(rte_eth_tx_burst(bed->port, 0, &mbuf, 1), 1);
		assert_true(host_receive(&bed->host, 0, &desc));
		assert_int_equal(desc.flags & SLUICE_DESC_RESOURCES, 0);
	}
}

/* The first ones, in @p told frames; the others are counted. */
static void expect_first(struct bed *bed, uint32_t arrive, uint32_t told)
{
	transmit(bed);
	receive(bed);
	expect_all(bed, arrive);
	assert_int_equal(bed->told, told);
	assert_int_equal(counters().receive_short, bed->count - arrive);
	assert_int_equal(card_line(&bed->host, 0)->receive_short, bed->count - arrive);
}

/* 16 bytes and two segments of 1000 with 54 bytes of headers are more than a buffer. */
static void short_of_buffers(void **state)
{
	leave_buffers(*state, 10);
	add_many(*state, 32);
	expect_first(*state, 20, 1);
}

static void a_joined_frame_is_told_at_once_where_buffers_are_few(void **state)
{
	leave_buffers(*state, 8);
	add_many(*state, 5);
	expect_first(*state, 5, 1);
}

/* The last of the eight in between finds no place, and gives none. */
static void others_have_the_buffers(void **state)
{
	leave_buffers(*state, 8);
	add_many(*state, 1);
	for (int i = 0; i < 8; i++)
		add(*state, &(struct spec){.flow = 1, .empty = true});
	add_many(*state, 19);
	expect_first(*state, 8, 8);
}

static void fragments_are_not_joined(void **state)
{
	add_many(*state, 2);
	for (int i = 0; i < 3; i++)
		add(*state, &(struct spec){.no_df = true, .fragment = RTE_IPV4_HDR_MF_FLAG});
	expect(*state, 4, 1);
}

/* Whatever stands between the segments, more arrives than there are buffers, and what does not is counted. */
static void other_frames_for_the_same_buffers(void **state)
{
	struct bed *bed = *state;

	attach_anew(bed, SLUICE_DATA_ENTRIES_MIN, true);
	for (uint16_t i = 0; i < 90; i++)
		add(bed,
		    i % 3 == 2 ? &(struct spec){.flow = (uint16_t)(1 + i / 3 % 2), .empty = true} : &(struct spec){0});
	transmit(bed);
	receive(bed);
	assert_true(bed->got_count > SLUICE_DATA_ENTRIES_MIN);
	assert_int_equal(bed->got_count + counters().receive_short, 90);
	assert_int_equal(counters().receive_frames, bed->got_count);
	assert_int_equal(card_line(&bed->host, 0)->receive_short, counters().receive_short);
}

/* ---- Whatever comes ----------------------------------------------------------------------------------- */

static uint32_t seed;

static uint32_t one_of(uint32_t count)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % count;
}

/* Mostly as it should be: what is not ends runs. */
static struct spec any_spec(void)
{
	struct spec spec = {.flow = (uint16_t)one_of(3), .payload = (uint16_t)(one_of(4) > 0 ? 700 : 1 + one_of(1400))};

	switch (one_of(24)) {
	case 0:
		spec.flags = (uint8_t)one_of(256);
		break;
	case 1:
	case 2:
		spec.flags = RTE_TCP_PSH_FLAG;
		break;
	case 3:
		spec.empty = true;
		break;
	case 4:
		spec.skip = (int32_t)one_of(2000) - 1000;
		break;
	case 5:
		spec.bad = (uint8_t)(1 + one_of(2));
		break;
	case 6:
		spec.no_df = true;
		spec.id = (uint16_t)one_of(2);
		break;
	case 7:
		spec.tos = (uint8_t)one_of(4);
		break;
	case 8:
		spec.stamp = 1 + one_of(2);
		break;
	case 9:
		spec.ol_flags = RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4;
		break;
	case 10:
		spec.padding = (uint8_t)one_of(7);
		break;
	default:
		break;
	}
	return spec;
}

/* A bit of the headers, but of the identification of IPv4: that of a joined frame is its first segment's. */
static void damage_it(struct bed *bed)
{
	uint32_t at = one_of(sizeof(struct headers));

	if (at != offsetof(struct headers, ipv4.packet_id) && at != offsetof(struct headers, ipv4.packet_id) + 1)
		damage(bed, at, (uint8_t)(1u << one_of(8)), one_of(4) > 0);
}

static void any_burst(void **state)
{
	struct bed *bed = *state;
	uint32_t joined = 0;

	for (seed = 1; seed < 500; seed++) {
		uint32_t round = seed;

		bed->count = 0;
		bed->got_count = bed->long_told = 0;
		for (uint32_t i = 1 + one_of(FRAMES - 1); i > 0; i--) {
			const struct spec spec = any_spec();

			add(bed, &spec);
			if (spec.ol_flags == 0 && one_of(10) == 0)
				damage_it(bed);
		}
		transmit(bed);
		receive(bed);
		expect_all(bed, bed->count);
		joined += bed->long_told;
		seed = round;
	}
	assert_true(joined > 1000);
}

#define ENTRY(test) cmocka_unit_test_setup_teardown(test, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENTRY(segments_become_one_frame),
		ENTRY(a_host_that_has_not_asked_gets_each),
		ENTRY(what_was_to_be_cut_is_not_told_as_joined),
		ENTRY(what_is_not_alike_is_not_joined),
		ENTRY(a_tagged_frame_goes_alone),
		ENTRY(time_stamps_that_are_alike),
		ENTRY(ends_of_writes),
		ENTRY(what_the_library_refuses_is_as_it_was),
		ENTRY(a_sum_that_was_found_good_is_believed),
		ENTRY(a_wrong_sum_stays_wrong),
		ENTRY(flows_beside_each_other),
		ENTRY(many_flows),
		ENTRY(many_flows_in_turn),
		ENTRY(no_longer_than_a_frame),
		ENTRY(a_long_burst),
		ENTRY(jumbo_frames),
		ENTRY(a_shared_buffer_is_not_touched),
		ENTRY(short_of_buffers),
		ENTRY(a_joined_frame_is_told_at_once_where_buffers_are_few),
		ENTRY(others_have_the_buffers),
		ENTRY(fragments_are_not_joined),
		ENTRY(other_frames_for_the_same_buffers),
		ENTRY(any_burst),
	};

	return cmocka_run_group_tests_name("large receives", tests, group_up, group_down);
}
