/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames between the rings and mbufs, with what is said of them. */
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "hostport/copy.h"
#include "hostport/meta.h"

#include "../edge/eal.h"
#include "host.h"

#define ENTRIES 128u
#define MBUFS	127u
#define MOST	1522u

static struct rte_mempool *pool;

struct bed {
	struct host host;
	struct ring_in in;
	struct ring_out out;
};

static int group_up(void **state)
{
	if (eal_up(state) != 0)
		return -1;
	pool = rte_pktmbuf_pool_create("pool", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	return pool != NULL ? 0 : -1;
}

static int group_down(void **state)
{
	rte_mempool_free(pool);
	return eal_down(state);
}

static int up(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	struct ring_place place;

	assert_non_null(bed);
	host_up(&bed->host, 1, ENTRIES);
	place = host_place(&bed->host, 0);
	ring_in_create(&bed->in, &place);
	assert_int_equal(ring_out_create(&bed->out, &place), 0);
	*state = bed;
	return 0;
}

static int down(void **state)
{
	struct bed *bed = *state;

	ring_out_destroy(&bed->out);
	host_down(&bed->host);
	free(bed);
	assert_int_equal(rte_mempool_avail_count(pool), MBUFS);
	return 0;
}

/* ---- From the host ---------------------------------------------------------------------------------- */

static void assert_empty(const struct rte_mbuf *mbuf)
{
	assert_int_equal(rte_pktmbuf_pkt_len(mbuf), 0);
	assert_int_equal(rte_pktmbuf_data_len(mbuf), 0);
	assert_int_equal(rte_pktmbuf_headroom(mbuf), RTE_PKTMBUF_HEADROOM);
	assert_int_equal(mbuf->nb_segs, 1);
	assert_null(mbuf->next);
	assert_int_equal(mbuf->ol_flags, 0);
	assert_int_equal(mbuf->tx_offload, 0);
}

/* Into buffers that are there, of which there are *count, and those that the pool has. */
static enum copy_result take_into(struct bed *bed, uint32_t most, struct rte_mbuf **mbufs, uint16_t *count)
{
	struct copy_buffers empty = {.mbufs = mbufs, .count = *count, .pool = pool};
	enum copy_result result;

	assert_true(ring_in_begin(&bed->in));
	assert_true(ring_in_ahead(&bed->in) > 0);
	result = copy_from_host(&bed->in, most, &empty);
	*count = empty.count;
	return result;
}

static enum copy_result take(struct bed *bed, struct rte_mbuf **mbuf)
{
	struct rte_mbuf *first = rte_pktmbuf_alloc(pool);
	uint16_t count = 1;
	enum copy_result result;

	assert_non_null(first);
	result = take_into(bed, MOST, &first, &count);
	if (result == COPY_DONE) {
		*mbuf = first;
	} else {
		assert_empty(first);
		rte_pktmbuf_free(first);
	}
	return result;
}

/* Meta and frame in one buffer. */
static void say(struct bed *bed, const struct sluice_frame_meta *meta, const void *bytes, uint16_t length)
{
	uint32_t at = host_send_buffer(&bed->host, 0, host_line(&bed->host, 0)->send_tail % ENTRIES);

	memcpy(bed->host.host + at, meta, sizeof(*meta));
	memcpy(bed->host.host + at + sizeof(*meta), bytes, length);
	host_send_desc(&bed->host, 0,
		       (struct sluice_desc){
			       .offset = at, .length = (uint16_t)(length + sizeof(*meta)), .flags = SLUICE_DESC_META});
}

static void a_frame_is_the_bytes_of_all_its_pieces(void **state)
{
	struct bed *bed = *state;
	struct rte_mbuf *mbuf;

	host_send(&bed->host, 0, 1, SLUICE_DESC_MORE, 1);
	host_send(&bed->host, 0, 700, SLUICE_DESC_MORE, 2);
	host_send(&bed->host, 0, 800, 0, 3);
	assert_int_equal(take(bed, &mbuf), COPY_DONE);
	assert_int_equal(rte_pktmbuf_pkt_len(mbuf), 1501);
	assert_int_equal(mbuf->nb_segs, 1);
	assert_int_equal(rte_pktmbuf_mtod(mbuf, uint8_t *)[0], 1);
	assert_int_equal(rte_pktmbuf_mtod(mbuf, uint8_t *)[1], 2);
	assert_int_equal(rte_pktmbuf_mtod(mbuf, uint8_t *)[700], 2);
	assert_int_equal(rte_pktmbuf_mtod(mbuf, uint8_t *)[701], 3);
	assert_int_equal(rte_pktmbuf_mtod(mbuf, uint8_t *)[1500], 3);
	rte_pktmbuf_free(mbuf);
}

static void a_frame_is_neither_too_short_nor_too_long(void **state)
{
	static const struct {
		uint16_t length;
		enum copy_result result;
	} cases[] = {
		{1, COPY_REFUSED}, {13, COPY_REFUSED}, {14, COPY_DONE}, {MOST, COPY_DONE}, {MOST + 1, COPY_REFUSED}};
	struct bed *bed = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rte_mbuf *mbuf = NULL;

		host_send(&bed->host, 0, cases[i].length, 0, 7);
		assert_int_equal(take(bed, &mbuf), cases[i].result);
		if (cases[i].result == COPY_DONE)
			rte_pktmbuf_free(mbuf);
	}
}

static void send_three_buffers(struct bed *bed)
{
	host_send(&bed->host, 0, 2000, SLUICE_DESC_MORE, 1);
	host_send(&bed->host, 0, 2000, SLUICE_DESC_MORE, 2);
	host_send(&bed->host, 0, 2000, 0, 3);
}

static void without_mbufs_a_frame_stays(void **state)
{
	struct bed *bed = *state;
	struct rte_mbuf *all[MBUFS];
	uint16_t count = 2;

	send_three_buffers(bed);
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, all, MBUFS), 0);
	assert_int_equal(take_into(bed, 9000, all, &count), COPY_NO_BUFFERS);
	assert_empty(all[0]);
	assert_int_equal(ring_in_ahead(&bed->in), 3);
	rte_pktmbuf_free_bulk(&all[2], MBUFS - 2);
	assert_int_equal(take_into(bed, 9000, all, &count), COPY_DONE);
	assert_int_equal(rte_pktmbuf_pkt_len(all[0]), 6000);
	assert_int_equal(all[0]->nb_segs, 3);
	assert_int_equal(rte_pktmbuf_mtod(all[0]->next->next, uint8_t *)[6000 - 2 * rte_pktmbuf_data_len(all[0]) - 1],
			 3);
	rte_pktmbuf_free(all[0]);
}

/* Else a frame of many would wait for ever beside short ones, which have more than they need. */
static void buffers_of_frames_behind_are_used_where_the_pool_has_none(void **state)
{
	struct bed *bed = *state;
	struct rte_mbuf *all[MBUFS];
	uint16_t count = 4;

	send_three_buffers(bed);
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, all, MBUFS), 0);
	assert_int_equal(take_into(bed, 9000, all, &count), COPY_DONE);
	assert_int_equal(count, 2);
	assert_int_equal(all[0]->nb_segs, 3);
	rte_pktmbuf_free(all[0]);
	assert_empty(all[1]);
	rte_pktmbuf_free(all[1]);
	rte_pktmbuf_free_bulk(&all[4], MBUFS - 4);
}

/* The host may put a piece anywhere in its buffers, longer than any of them: it does not fit into one of the card's. */
static void a_piece_longer_than_a_buffer(void **state)
{
	static const uint16_t lengths[] = {2048, 2049, 9000};
	struct bed *bed = *state;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct rte_mbuf *mbufs[2];
		const char *reason;
		uint16_t count = 2;

		assert_int_equal(rte_pktmbuf_alloc_bulk(pool, mbufs, 2), 0);
		host_send(&bed->host, 0, lengths[i], 0, 5);
		assert_int_equal(take_into(bed, 9000, mbufs, &count), COPY_DONE);
		assert_int_equal(rte_pktmbuf_pkt_len(mbufs[0]), lengths[i]);
		assert_int_equal(mbufs[0]->nb_segs, (lengths[i] + 2047) / 2048);
		assert_int_equal(rte_mbuf_check(mbufs[0], 1, &reason), 0);
		assert_int_equal(count, 2); /* the pool had what it took besides */
		rte_pktmbuf_free_bulk(mbufs, 2);
	}
}

/* ---- Meta ------------------------------------------------------------------------------------------- */

struct tcp_frame {
	struct rte_ether_hdr ether;
	struct rte_ipv4_hdr ip;
	struct rte_tcp_hdr tcp;
	uint8_t payload[1000];
};

#define TCP_AT	offsetof(struct tcp_frame, tcp)
#define CKSUM	offsetof(struct rte_tcp_hdr, cksum)
#define FRAME	((uint16_t)sizeof(struct tcp_frame))
#define PARTIAL .flags = META_NEEDS_CSUM, .csum_start = TCP_AT, .csum_offset = CKSUM

static struct tcp_frame make_tcp(uint8_t protocol)
{
	struct tcp_frame frame = {
		.ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4),
		.ip = {.version_ihl = 0x45, .next_proto_id = protocol, .time_to_live = 64},
		.tcp.data_off = 5 << 4,
	};

	frame.ip.total_length = rte_cpu_to_be_16(sizeof(frame) - sizeof(frame.ether));
	for (size_t i = 0; i < sizeof(frame.payload); i++)
		frame.payload[i] = (uint8_t)(i * 7);
	return frame;
}

static void a_checksum_is_asked_for_by_flags(void **state)
{
	struct bed *bed = *state;
	const struct sluice_frame_meta meta = {PARTIAL};
	const struct tcp_frame frame = make_tcp(IPPROTO_TCP);
	struct rte_mbuf *mbuf;

	say(bed, &meta, &frame, FRAME);
	assert_int_equal(take(bed, &mbuf), COPY_DONE);
	assert_int_equal(rte_pktmbuf_pkt_len(mbuf), FRAME);
	assert_int_equal(mbuf->ol_flags, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM);
	assert_int_equal(mbuf->l2_len, 14);
	assert_int_equal(mbuf->l3_len, 20);
	assert_memory_equal(rte_pktmbuf_mtod(mbuf, void *), &frame, FRAME);
	rte_pktmbuf_free(mbuf);
}

/* Of a protocol that no device is asked about: the sum over it is right as it stands, with the field in it. */
static void another_checksum_is_made_at_once(void **state)
{
	struct bed *bed = *state;
	const struct sluice_frame_meta meta = {PARTIAL};
	const struct tcp_frame frame = make_tcp(IPPROTO_GRE);
	struct rte_mbuf *mbuf;

	say(bed, &meta, &frame, FRAME);
	assert_int_equal(take(bed, &mbuf), COPY_DONE);
	assert_int_equal(mbuf->ol_flags, 0);
	assert_int_equal(rte_raw_cksum(rte_pktmbuf_mtod_offset(mbuf, void *, TCP_AT), FRAME - TCP_AT), 0xffff);
	rte_pktmbuf_free(mbuf);
}

static void a_large_send_is_asked_for_by_flags(void **state)
{
	struct bed *bed = *state;
	const struct sluice_frame_meta meta = {PARTIAL, .gso_type = META_GSO_TCPV4, .gso_size = 500};
	const struct tcp_frame frame = make_tcp(IPPROTO_TCP);
	struct rte_mbuf *mbuf;

	say(bed, &meta, &frame, FRAME);
	assert_int_equal(take(bed, &mbuf), COPY_DONE);
	assert_int_equal(mbuf->ol_flags,
			 RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_TCP_SEG);
	assert_int_equal(mbuf->tso_segsz, 500);
	assert_int_equal(mbuf->l4_len, 20);
	rte_pktmbuf_free(mbuf);
}

/* Whoever judges frames sees it, and checksums are found behind it. */
static void a_tag_is_put_into_the_frame(void **state)
{
	struct bed *bed = *state;
	const struct sluice_frame_meta meta = {PARTIAL, .vlan = 0x6123};
	const struct tcp_frame frame = make_tcp(IPPROTO_TCP);
	const uint8_t tag[] = {0x81, 0x00, 0x61, 0x23, 0x08, 0x00};
	struct rte_mbuf *mbuf;

	say(bed, &meta, &frame, FRAME);
	assert_int_equal(take(bed, &mbuf), COPY_DONE);
	assert_int_equal(rte_pktmbuf_pkt_len(mbuf), FRAME + 4);
	assert_memory_equal(rte_pktmbuf_mtod(mbuf, uint8_t *) + 12, tag, sizeof(tag));
	assert_int_equal(mbuf->ol_flags, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM);
	assert_int_equal(mbuf->l2_len, 18);
	rte_pktmbuf_free(mbuf);
}

static void a_meta_that_lies_costs_the_frame(void **state)
{
	static const struct sluice_frame_meta bad[] = {
		{.flags = 4},
		{.flags = 0x80},
		{.reserved = {1}},
		{.reserved = {0, 0, 0, 1}},
		{.csum_start = 1},
		{.csum_offset = 1},
		{.gso_type = 2, PARTIAL, .gso_size = 500},
		{.gso_type = 3, PARTIAL, .gso_size = 500},
		{.gso_type = META_GSO_ECN, PARTIAL, .gso_size = 500},
		{.gso_type = META_GSO_UDP_L4 | META_GSO_ECN, PARTIAL, .gso_size = 500},
		{.gso_type = META_GSO_TCPV4, .gso_size = 500},
		{.gso_type = META_GSO_TCPV4, PARTIAL, .gso_size = 0},
		{.gso_type = META_GSO_TCPV6, PARTIAL, .gso_size = 500},
		{.gso_type = META_GSO_UDP_L4, PARTIAL, .gso_size = 500},
		{.gso_size = 500},
		{.flags = META_NEEDS_CSUM, .csum_start = 0, .csum_offset = 0},
		{.flags = META_NEEDS_CSUM, .csum_start = 13, .csum_offset = 16},
		{.flags = META_NEEDS_CSUM, .csum_start = FRAME - 1, .csum_offset = 0},
		{.flags = META_NEEDS_CSUM, .csum_start = FRAME - 17, .csum_offset = 16},
		{.flags = META_NEEDS_CSUM, .csum_start = 65535, .csum_offset = 0},
		{.flags = META_NEEDS_CSUM, .csum_start = 65535, .csum_offset = 65535},
		{.flags = META_NEEDS_CSUM, .csum_start = TCP_AT, .csum_offset = 65535},
	};
	const struct tcp_frame frame = make_tcp(IPPROTO_TCP);
	struct bed *bed = *state;
	struct rte_mbuf *mbuf;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		say(bed, &bad[i], &frame, FRAME);
		if (take(bed, &mbuf) != COPY_REFUSED)
			fail_msg("meta %zu was taken", i);
	}
	assert_int_equal(bed->in.refused, sizeof(bad) / sizeof(bad[0]));
}

/* ---- To the host ------------------------------------------------------------------------------------ */

static struct rte_mbuf *make_mbuf(uint32_t length, uint32_t segments)
{
	struct rte_mbuf *frame = NULL;
	uint8_t byte = 0;

	for (uint32_t i = 0; i < segments; i++) {
		uint32_t part = i + 1 < segments ? length / segments : length - (segments - 1) * (length / segments);
		struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
		uint8_t *bytes;

		assert_non_null(mbuf);
		bytes = (uint8_t *)rte_pktmbuf_append(mbuf, (uint16_t)part);
		for (uint32_t n = 0; n < part; n++)
			bytes[n] = byte++;
		if (frame == NULL)
			frame = mbuf;
		else
			assert_int_equal(rte_pktmbuf_chain(frame, mbuf), 0);
	}
	return frame;
}

static void give(struct bed *bed, struct rte_mbuf *mbuf, enum copy_result expected)
{
	assert_true(ring_out_begin(&bed->out));
	assert_int_equal(copy_to_host(&bed->out, mbuf), expected);
	ring_out_publish(&bed->out);
	rte_pktmbuf_free(mbuf);
}

/* Expect one frame of @p length bytes that count up, behind @p before bytes. Returns how many buffers it had. */
static uint32_t expect_frame(struct bed *bed, uint32_t length, uint32_t before)
{
	struct sluice_desc desc = {.flags = SLUICE_DESC_MORE};
	uint32_t got = 0, count = 0;

	while (desc.flags & SLUICE_DESC_MORE) {
		uint32_t skip = count++ == 0 ? before : 0;

		assert_true(host_receive(&bed->host, 0, &desc));
		for (uint32_t i = skip; i < desc.length; i++)
			assert_int_equal(bed->host.card[desc.offset + i], (uint8_t)got++);
	}
	assert_int_equal(got, length);
	return count;
}

static void a_frame_comes_in_as_many_buffers_as_it_takes(void **state)
{
	struct bed *bed = *state;

	give(bed, make_mbuf(60, 1), COPY_DONE);
	assert_int_equal(expect_frame(bed, 60, 0), 1);
	give(bed, make_mbuf(2048, 2), COPY_DONE);
	assert_int_equal(expect_frame(bed, 2048, 0), 1);
	give(bed, make_mbuf(2049, 3), COPY_DONE);
	assert_int_equal(expect_frame(bed, 2049, 0), 2);
	give(bed, make_mbuf(9000, 7), COPY_DONE);
	assert_int_equal(expect_frame(bed, 9000, 0), 5);
	give(bed, make_mbuf(65535, 40), COPY_DONE);
	assert_int_equal(expect_frame(bed, 65535, 0), 32);
	give(bed, make_mbuf(65536, 40), COPY_REFUSED);
}

static void a_frame_that_finds_no_room_is_not_begun(void **state)
{
	struct bed *bed = *state;
	struct sluice_desc desc;

	for (int i = 0; i < 3; i++)
		give(bed, make_mbuf(65535, 40), COPY_DONE); /* 96 of 128 */
	give(bed, make_mbuf(65535, 40), COPY_DONE);
	give(bed, make_mbuf(60, 1), COPY_NO_BUFFERS);
	for (int i = 0; i < 4; i++)
		expect_frame(bed, 65535, 0);
	assert_false(host_receive(&bed->host, 0, &desc));
	assert_int_equal(card_line(&bed->host, 0)->receive_short, 1);
}

static struct sluice_frame_meta expect_meta(struct bed *bed, uint32_t length)
{
	const struct sluice_desc *ring = (void *)(bed->host.card + sluice_receive_ring_at(1, ENTRIES, 0));
	const struct sluice_desc *desc = &ring[host_line(&bed->host, 0)->receive_head % ENTRIES];
	struct sluice_frame_meta meta;

	assert_true(desc->flags & SLUICE_DESC_META);
	memcpy(&meta, bed->host.card + desc->offset, sizeof(meta));
	expect_frame(bed, length, sizeof(meta));
	return meta;
}

static void what_is_known_of_a_frame_is_said(void **state)
{
	struct bed *bed = *state;
	struct rte_mbuf *mbuf = make_mbuf(2048, 1);
	struct sluice_frame_meta meta;

	mbuf->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	mbuf->vlan_tci = 0x2005;
	give(bed, mbuf, COPY_DONE);
	meta = expect_meta(bed, 2048); /* in two buffers */
	assert_int_equal(meta.flags, META_DATA_VALID);
	assert_int_equal(meta.vlan, 0x2005);
	assert_int_equal(meta.csum_start | meta.csum_offset | meta.gso_type | meta.gso_size, 0);

	mbuf = make_mbuf(100, 1);
	mbuf->ol_flags = RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV6;
	mbuf->l2_len = 14;
	mbuf->l3_len = 40;
	give(bed, mbuf, COPY_DONE);
	meta = expect_meta(bed, 100);
	assert_int_equal(meta.flags, META_NEEDS_CSUM);
	assert_int_equal(meta.csum_start, 54);
	assert_int_equal(meta.csum_offset, offsetof(struct rte_udp_hdr, dgram_cksum));
}

static void where_nothing_is_to_be_said_nothing_is(void **state)
{
	struct bed *bed = *state;
	struct rte_mbuf *mbuf = make_mbuf(100, 1);

	mbuf->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_BAD | RTE_MBUF_F_RX_RSS_HASH;
	give(bed, mbuf, COPY_DONE);
	expect_frame(bed, 100, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_frame_is_the_bytes_of_all_its_pieces),
		CASE(a_frame_is_neither_too_short_nor_too_long),
		CASE(without_mbufs_a_frame_stays),
		CASE(buffers_of_frames_behind_are_used_where_the_pool_has_none),
		CASE(a_piece_longer_than_a_buffer),
		CASE(a_checksum_is_asked_for_by_flags),
		CASE(another_checksum_is_made_at_once),
		CASE(a_large_send_is_asked_for_by_flags),
		CASE(a_tag_is_put_into_the_frame),
		CASE(a_meta_that_lies_costs_the_frame),
		CASE(a_frame_comes_in_as_many_buffers_as_it_takes),
		CASE(a_frame_that_finds_no_room_is_not_begun),
		CASE(what_is_known_of_a_frame_is_said),
		CASE(where_nothing_is_to_be_said_nothing_is),
	};

	return cmocka_run_group_tests(tests, group_up, group_down);
}
