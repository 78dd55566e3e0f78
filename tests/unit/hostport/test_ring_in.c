/* SPDX-License-Identifier: BSD-3-Clause */
/* The send ring, with a host that is right, wrong, or changes its mind while the card looks. */
#include <pthread.h>

#include "host.h"

#define ENTRIES 64u
#define MORE	SLUICE_DESC_MORE
#define META	SLUICE_DESC_META

struct bed {
	struct host host;
	struct ring_in in;    /* of queue 1 */
	struct ring_in other; /* of queue 0 */
};

static int up(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	struct ring_place place;

	assert_non_null(bed);
	host_up(&bed->host, 3, ENTRIES);
	place = host_place(&bed->host, 1);
	ring_in_create(&bed->in, &place);
	place = host_place(&bed->host, 0);
	ring_in_create(&bed->other, &place);
	*state = bed;
	return 0;
}

static int down(void **state)
{
	struct bed *bed = *state;

	host_down(&bed->host);
	free(bed);
	return 0;
}

static void send(struct bed *bed, uint16_t length, uint16_t flags)
{
	host_send(&bed->host, 1, length, flags, (uint8_t)length);
}

static struct ring_frame expect_frame(struct ring_in *in, uint32_t length, uint16_t count)
{
	struct ring_frame frame;
	uint16_t plain_length;
	const uint8_t *plain;

	assert_int_equal(ring_in_look(in, &frame), RING_FRAME);
	assert_int_equal(frame.length, length);
	assert_int_equal(frame.count, count);
	plain = ring_in_plain(in, &plain_length);
	assert_ptr_equal(plain, count == 1 && !frame.has_meta ? in->base + frame.pieces[0].offset : NULL);
	if (plain != NULL)
		assert_int_equal(plain_length, length);
	ring_in_take(in, &frame, false);
	return frame;
}

static void expect_empty(const struct ring_in *in)
{
	struct ring_frame frame;

	assert_int_equal(ring_in_look(in, &frame), RING_EMPTY);
}

static void expect_bytes(const uint8_t *bytes, uint32_t count, uint8_t value)
{
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(bytes[i], value);
}

/* ---- As it should be -------------------------------------------------------------------------------- */

static void frames_of_one_and_of_many_buffers(void **state)
{
	struct bed *bed = *state;
	struct ring_cursor cursor = {0};
	struct ring_frame frame;
	uint8_t bytes[300];

	send(bed, 60, 0);
	send(bed, 100, MORE | META);
	send(bed, 200, 0);
	assert_true(ring_in_begin(&bed->in));
	expect_frame(&bed->in, 60, 1);
	frame = expect_frame(&bed->in, 300, 2);
	assert_true(frame.has_meta);
	ring_in_copy(&bed->in, &frame, &cursor, bytes, 16);
	ring_in_copy(&bed->in, &frame, &cursor, bytes + 16, 284);
	expect_bytes(bytes, 100, 100);
	expect_bytes(bytes + 100, 200, 200);
	expect_empty(&bed->in);
	assert_int_equal(card_line(&bed->host, 1)->send_head, 0);
	assert_false(ring_in_publish(&bed->in)); /* nobody sleeps */
	assert_int_equal(card_line(&bed->host, 1)->send_head, 3);
	assert_int_equal(card_line(&bed->host, 1)->send_frames, 2);
	assert_int_equal(card_line(&bed->host, 1)->send_refused, 0);
}

static void what_comes_after_the_look_at_the_tail_waits_for_the_next(void **state)
{
	struct bed *bed = *state;

	send(bed, 60, 0);
	assert_true(ring_in_begin(&bed->in));
	send(bed, 61, 0);
	expect_frame(&bed->in, 60, 1);
	expect_empty(&bed->in);
	assert_true(ring_in_begin(&bed->in));
	expect_frame(&bed->in, 61, 1);
}

static void the_longest_chain(void **state)
{
	struct bed *bed = *state;

	for (uint32_t i = 1; i < SLUICE_DATA_CHAIN_MAX; i++)
		send(bed, 10, MORE);
	send(bed, 10, 0);
	assert_true(ring_in_begin(&bed->in));
	expect_frame(&bed->in, 10 * SLUICE_DATA_CHAIN_MAX, SLUICE_DATA_CHAIN_MAX);
}

static void set_indices(struct bed *bed, uint32_t index)
{
	bed->in.head = bed->in.tail = bed->in.published = index;
	host_line(&bed->host, 1)->send_tail = index;
}

static void indices_wrap_at_2_to_the_32(void **state)
{
	struct bed *bed = *state;

	set_indices(bed, UINT32_MAX - 2);
	for (uint32_t i = 0; i < ENTRIES; i += 2) {
		send(bed, 100, MORE);
		send(bed, (uint16_t)(i + 1), 0);
	}
	assert_true(ring_in_begin(&bed->in)); /* full, and more is not possible */
	for (uint32_t i = 0; i < ENTRIES; i += 2)
		expect_frame(&bed->in, 101 + i, 2);
	expect_empty(&bed->in);
	ring_in_publish(&bed->in);
	assert_int_equal(card_line(&bed->host, 1)->send_head, ENTRIES - 3);
	assert_true(ring_in_begin(&bed->in));
}

static void a_host_that_sleeps_is_woken_when_the_head_moves(void **state)
{
	struct bed *bed = *state;

	host_line(&bed->host, 1)->want_event = SLUICE_WANT_SEND;
	assert_true(ring_in_begin(&bed->in));
	assert_false(ring_in_publish(&bed->in)); /* nothing moved */
	send(bed, 60, 0);
	assert_true(ring_in_begin(&bed->in));
	expect_frame(&bed->in, 60, 1);
	assert_true(ring_in_publish(&bed->in));
	assert_false(ring_in_publish(&bed->in));
	host_line(&bed->host, 1)->want_event = SLUICE_WANT_RECEIVE;
	send(bed, 60, 0);
	assert_true(ring_in_begin(&bed->in));
	expect_frame(&bed->in, 60, 1);
	assert_false(ring_in_publish(&bed->in));
}

/* ---- Malformed frames ------------------------------------------------------------------------------- */

/* The frame is skipped, the one behind it is good. */
static void expect_bad(struct bed *bed)
{
	struct ring_frame frame;
	uint64_t refused = bed->in.refused;
	uint16_t length;

	send(bed, 77, 0);
	assert_true(ring_in_begin(&bed->in));
	assert_null(ring_in_plain(&bed->in, &length));
	assert_int_equal(ring_in_look(&bed->in, &frame), RING_BAD);
	ring_in_take(&bed->in, &frame, true);
	assert_int_equal(bed->in.refused, refused + 1);
	expect_frame(&bed->in, 77, 1);
	expect_empty(&bed->in);
	ring_in_publish(&bed->in);
	assert_int_equal(card_line(&bed->host, 1)->send_refused, refused + 1);
}

static void send_at(struct bed *bed, uint64_t offset, uint64_t length)
{
	host_send_desc(&bed->host, 1, (struct sluice_desc){.offset = (uint32_t)offset, .length = (uint16_t)length});
}

static void offsets_and_lengths_outside_the_queue(void **state)
{
	struct bed *bed = *state;
	uint64_t begin = host_send_buffer(&bed->host, 1, 0), end = host_send_buffer(&bed->host, 2, 0);
	const uint64_t bad[][2] = {
		{begin - 1, 1},
		{begin - 1, 100},
		{begin - 100, 60},
		{0, 60},
		{end, 1},
		{end - 1, 2},
		{end - 59, 60},
		{end - 2047, 2048},
		{end + 1, 60},
		{UINT32_MAX, 1},
		{UINT32_MAX, 65535},
		{UINT32_MAX - 59, 60},
		{1u << 31, 60},
		{end - 65534, 65535},
		{begin, 0},
		{(1u << 16) - 1, 60},
		{(1u << 16) + 1, 60},
		{1u << 16, 60},
		{host_send_buffer(&bed->host, 0, 0), 60},
		{host_send_buffer(&bed->host, 2, 5), 60},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		send_at(bed, bad[i][0], bad[i][1]);
		expect_bad(bed);
	}
}

static void the_edges_of_the_queue_are_its_own(void **state)
{
	struct bed *bed = *state;
	uint32_t begin = host_send_buffer(&bed->host, 1, 0), end = host_send_buffer(&bed->host, 2, 0);

	send_at(bed, begin, 65535);
	send_at(bed, begin + 1, 60);
	send_at(bed, end - 60, 60);
	send_at(bed, end - 65535, 65535);
	send_at(bed, end - 1, 1);
	assert_true(ring_in_begin(&bed->in));
	expect_frame(&bed->in, 65535, 1);
	expect_frame(&bed->in, 60, 1);
	expect_frame(&bed->in, 60, 1);
	expect_frame(&bed->in, 65535, 1);
	expect_frame(&bed->in, 1, 1);
}

static void unknown_flags_and_reserved_fields(void **state)
{
	struct bed *bed = *state;
	uint32_t at = host_send_buffer(&bed->host, 1, 0);

	for (uint32_t bit = SLUICE_DESC_RESOURCES; bit < 1u << 16; bit <<= 1) {
		host_send_desc(&bed->host, 1, (struct sluice_desc){.offset = at, .length = 60, .flags = (uint16_t)bit});
		expect_bad(bed);
	}
	for (uint32_t bit = 1; bit != 0; bit <<= 1) {
		host_send_desc(&bed->host, 1, (struct sluice_desc){.offset = at, .length = 60, .reserved = bit});
		expect_bad(bed);
	}
}

static void a_meta_stands_at_the_beginning_and_is_whole(void **state)
{
	struct bed *bed = *state;

	send(bed, 15, META);
	expect_bad(bed);
	send(bed, 60, MORE);
	send(bed, 60, META);
	expect_bad(bed);
	send(bed, 15, META | MORE);
	send(bed, 60, 0);
	expect_bad(bed);
	send(bed, 16, META | MORE);
	send(bed, 60, 0);
	assert_true(ring_in_begin(&bed->in));
	assert_true(expect_frame(&bed->in, 76, 2).has_meta);
}

static void a_chain_that_is_too_long_is_skipped_to_its_end(void **state)
{
	struct bed *bed = *state;

	for (uint32_t i = 0; i < SLUICE_DATA_CHAIN_MAX; i++)
		send(bed, 10, MORE);
	send(bed, 10, 0);
	expect_bad(bed);
}

static void one_bad_piece_spoils_its_frame(void **state)
{
	struct bed *bed = *state;

	send(bed, 60, MORE);
	host_send_desc(&bed->host, 1, (struct sluice_desc){.offset = 0, .length = 60, .flags = MORE});
	send(bed, 60, 0);
	expect_bad(bed);
}

/* A whole ring of it: no loop without an end, and nothing beyond the tail is looked at. */
static void more_without_an_end(void **state)
{
	struct bed *bed = *state;
	struct ring_frame frame;

	for (uint32_t i = 0; i < ENTRIES; i++)
		send(bed, 10, MORE);
	assert_true(ring_in_begin(&bed->in));
	assert_int_equal(ring_in_look(&bed->in, &frame), RING_BAD);
	assert_int_equal(frame.next, ENTRIES);
	ring_in_take(&bed->in, &frame, true);
	expect_empty(&bed->in);
	for (uint32_t i = 0; i < 3; i++)
		send(bed, 10, MORE);
	assert_true(ring_in_begin(&bed->in));
	assert_int_equal(ring_in_look(&bed->in, &frame), RING_BAD); /* a frame is published as a whole */
	assert_int_equal(frame.next, ENTRIES + 3);
}

/* ---- A broken ring ---------------------------------------------------------------------------------- */

/* For good, whatever the host says later; the neighbour goes on. */
static void expect_broken(struct bed *bed)
{
	assert_false(ring_in_begin(&bed->in));
	assert_int_equal(bed->in.fault, RING_FAULT_SEND_TAIL);
	host_line(&bed->host, 1)->send_tail = bed->in.tail;
	assert_false(ring_in_begin(&bed->in));
	host_send(&bed->host, 0, 60, 0, 1);
	assert_true(ring_in_begin(&bed->other));
	expect_frame(&bed->other, 60, 1);
}

static void a_tail_beyond_the_ring(void **state)
{
	static const uint32_t ahead[] = {ENTRIES + 1, 65535, 65536, 65537, 1u << 31, UINT32_MAX - 1, UINT32_MAX};

	for (size_t i = 0; i < sizeof(ahead) / sizeof(ahead[0]); i++) {
		struct bed *bed = *state;

		set_indices(bed, 1000 * (uint32_t)i);
		host_line(&bed->host, 1)->send_tail += ahead[i];
		expect_broken(bed);
		bed->in.fault = RING_FAULT_NONE;
	}
}

static void a_tail_that_runs_backwards(void **state)
{
	struct bed *bed = *state;

	send(bed, 60, 0);
	send(bed, 60, 0);
	send(bed, 60, 0);
	assert_true(ring_in_begin(&bed->in));
	expect_frame(&bed->in, 60, 1);
	host_line(&bed->host, 1)->send_tail = 2; /* still ahead of the head */
	expect_broken(bed);
}

/* ---- A host that changes its mind -------------------------------------------------------------------- */

struct flipper {
	struct host *host;
	bool stop;
};

/* Descriptors that are good, bad and worse, at places that the card looks at. */
static void *flip(void *argument)
{
	struct flipper *flipper = argument;
	struct sluice_desc *ring =
		(void *)(flipper->host->host + sluice_send_ring_at(flipper->host->queues, ENTRIES, 1));
	uint32_t random = 1;

	while (!__atomic_load_n(&flipper->stop, __ATOMIC_RELAXED)) {
		uint32_t good = host_send_buffer(flipper->host, 1, random >> 16 & 63);
		uint64_t word[2] = {good | (uint64_t)60 << 32, 0};

		random = random * 1103515245 + 12345;
		word[0] ^= (uint64_t)(random & 7) << (random >> 20 & 63);
		word[1] ^= random >> 28 == 0 ? random : 0;
		__atomic_store_n((uint64_t *)(void *)&ring[random >> 8 & 63], word[0], __ATOMIC_RELAXED);
		__atomic_store_n((uint64_t *)(void *)&ring[random >> 8 & 63] + 1, word[1], __ATOMIC_RELAXED);
	}
	return NULL;
}

/* What was found good is good: a second look at the host's memory would reach beyond its buffers, into the redzone. */
static void expect_within(const struct bed *bed, const struct ring_frame *frame)
{
	uint64_t begin = host_send_buffer(&bed->host, 1, 0), end = host_send_buffer(&bed->host, 2, 0);

	assert_in_range(frame->count, 1, SLUICE_DATA_CHAIN_MAX);
	for (uint16_t i = 0; i < frame->count; i++) {
		assert_true(frame->pieces[i].offset >= begin);
		assert_true(frame->pieces[i].offset + (uint64_t)frame->pieces[i].length <= end);
	}
}

static void expect_plain_within(const struct bed *bed)
{
	const uint8_t *host = bed->host.host;
	uint16_t length;
	const uint8_t *plain = ring_in_plain(&bed->in, &length);

	if (plain == NULL)
		return;
	assert_true(plain >= host + host_send_buffer(&bed->host, 1, 0));
	assert_true(length > 0 && plain + length <= host + host_send_buffer(&bed->host, 2, 0));
}

static void bytes_that_flip_while_they_are_looked_at(void **state)
{
	static uint8_t bytes[SLUICE_DATA_CHAIN_MAX * 65536];
	struct bed *bed = *state;
	struct flipper flipper = {&bed->host, false};
	uint32_t good = 0, bad = 0;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, flip, &flipper), 0);
	for (uint32_t round = 0; (round < 2000 || good == 0 || bad == 0) && round < 2000000; round++) {
		struct ring_frame frame;
		enum ring_look look;

		host_line(&bed->host, 1)->send_tail = bed->in.head + ENTRIES;
		assert_true(ring_in_begin(&bed->in));
		while (expect_plain_within(bed), (look = ring_in_look(&bed->in, &frame)) != RING_EMPTY) {
			struct ring_cursor cursor = {0};

			good += look == RING_FRAME;
			bad += look == RING_BAD;
			if (look == RING_FRAME) {
				expect_within(bed, &frame);
				ring_in_copy(&bed->in, &frame, &cursor, bytes, frame.length);
			}
			ring_in_take(&bed->in, &frame, look == RING_BAD);
		}
	}
	__atomic_store_n(&flipper.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_true(good > 0);
	assert_true(bad > 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(frames_of_one_and_of_many_buffers),
		CASE(what_comes_after_the_look_at_the_tail_waits_for_the_next),
		CASE(the_longest_chain),
		CASE(indices_wrap_at_2_to_the_32),
		CASE(a_host_that_sleeps_is_woken_when_the_head_moves),
		CASE(offsets_and_lengths_outside_the_queue),
		CASE(the_edges_of_the_queue_are_its_own),
		CASE(unknown_flags_and_reserved_fields),
		CASE(a_meta_stands_at_the_beginning_and_is_whole),
		CASE(a_chain_that_is_too_long_is_skipped_to_its_end),
		CASE(one_bad_piece_spoils_its_frame),
		CASE(more_without_an_end),
		CASE(a_tail_beyond_the_ring),
		CASE(a_tail_that_runs_backwards),
		CASE(bytes_that_flip_while_they_are_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
