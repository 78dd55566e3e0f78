/* SPDX-License-Identifier: BSD-3-Clause */
/* The receive and the return ring: who has which buffer, whatever the host says. */
#include "host.h"

#define ENTRIES	  64u
#define LOW_WATER (ENTRIES / 8)

struct bed {
	struct host host;
	struct ring_out out;   /* of queue 1 */
	struct ring_out other; /* of queue 0 */
};

static int up(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	struct ring_place place;

	assert_non_null(bed);
	host_up(&bed->host, 2, ENTRIES);
	place = host_place(&bed->host, 1);
	assert_int_equal(ring_out_create(&bed->out, &place), 0);
	place = host_place(&bed->host, 0);
	assert_int_equal(ring_out_create(&bed->other, &place), 0);
	*state = bed;
	return 0;
}

static int down(void **state)
{
	struct bed *bed = *state;

	ring_out_destroy(&bed->out);
	ring_out_destroy(&bed->other);
	host_down(&bed->host);
	free(bed);
	return 0;
}

/* One frame of one buffer, as a burst of its own. False: there was no room. */
static bool give(struct ring_out *out, uint8_t byte)
{
	bool room;

	assert_true(ring_out_begin(out));
	room = ring_out_has_room(out, 1);
	if (room)
		memset(ring_out_add(out, 60, ring_out_terms(out, 1)), byte, 60);
	ring_out_publish(out);
	return room;
}

static struct sluice_desc expect_received(struct bed *bed, uint8_t byte)
{
	struct sluice_desc desc = {0};

	assert_true(host_receive(&bed->host, 1, &desc));
	assert_int_equal(desc.length, 60);
	assert_int_equal(desc.reserved, 0);
	assert_in_range(desc.offset, sluice_receive_buffer_at(2, ENTRIES, 1, desc.id),
			sluice_receive_buffer_at(2, ENTRIES, 1, desc.id + 1) - desc.length);
	assert_int_equal(bed->host.card[desc.offset], byte);
	return desc;
}

static void frames_come_and_buffers_go_back(void **state)
{
	struct bed *bed = *state;

	for (uint32_t i = 0; i < 10 * ENTRIES; i++) {
		assert_true(give(&bed->out, (uint8_t)i));
		assert_int_equal(ring_out_held(&bed->out), 1);
		host_return(&bed->host, 1, expect_received(bed, (uint8_t)i).id);
		assert_true(ring_out_begin(&bed->out));
		assert_int_equal(ring_out_held(&bed->out), 0);
	}
	ring_out_publish(&bed->out);
	assert_int_equal(card_line(&bed->host, 1)->return_head, 10 * ENTRIES);
	assert_int_equal(card_line(&bed->host, 1)->receive_short, 0);
}

static void indices_wrap_at_2_to_the_32(void **state)
{
	struct bed *bed = *state;
	struct sluice_host_line *line = host_line(&bed->host, 1);

	bed->out.tail = bed->out.head = bed->out.published = bed->out.return_head = UINT32_MAX - 20;
	line->receive_head = line->return_tail = UINT32_MAX - 20;
	for (uint32_t i = 0; i < ENTRIES; i++) {
		assert_true(give(&bed->out, (uint8_t)i));
		host_return(&bed->host, 1, expect_received(bed, (uint8_t)i).id);
	}
	assert_true(ring_out_begin(&bed->out));
	assert_int_equal(ring_out_held(&bed->out), 0);
	assert_int_equal(card_line(&bed->host, 1)->receive_tail, ENTRIES - 21);
}

/* Nothing is published before the burst is over. */
static void a_burst_is_published_at_once(void **state)
{
	struct bed *bed = *state;
	struct sluice_desc desc;

	assert_true(ring_out_begin(&bed->out));
	for (int i = 0; i < 3; i++)
		memset(ring_out_add(&bed->out, 60, 0), i, 60);
	assert_false(host_receive(&bed->host, 1, &desc));
	ring_out_publish(&bed->out);
	for (uint8_t i = 0; i < 3; i++)
		expect_received(bed, i);
	assert_false(host_receive(&bed->host, 1, &desc));
}

/* Whatever its length, it lies within its buffer; short ones of neighbours begin at different lines of a cache. */
static void bytes_lie_within_their_buffer(void **state)
{
	static const uint16_t lengths[] = {1, 60, 1023, 1024, 1025, 2047, 2048};
	struct bed *bed = *state;
	struct sluice_desc desc;
	uint32_t lines = 0;

	for (uint32_t i = 0; i < 16 * 7; i++) {
		uint16_t length = lengths[i % 7];
		uint64_t at;

		assert_true(ring_out_begin(&bed->out));
		memset(ring_out_add(&bed->out, length, 0), 1, length);
		ring_out_publish(&bed->out);
		assert_true(host_receive(&bed->host, 1, &desc));
		at = desc.offset - sluice_receive_buffer_at(2, ENTRIES, 1, desc.id);
		assert_true(at + length <= SLUICE_DATA_BUFFER);
		assert_int_equal(at % 64, 0);
		lines |= length == 60 ? 1u << at / 64 : 0;
		if (i % 2 == 0) /* the others stay away, so that all numbers have their turn */
			host_return(&bed->host, 1, desc.id);
	}
	assert_true((lines & (lines - 1)) != 0);
}

static void below_the_low_water_mark_the_host_copies(void **state)
{
	struct bed *bed = *state;
	uint32_t lent = 0;

	for (uint32_t i = 0; i < ENTRIES; i++) {
		assert_true(give(&bed->out, (uint8_t)i));
		lent += expect_received(bed, (uint8_t)i).flags == SLUICE_DESC_RESOURCES;
	}
	assert_int_equal(lent, LOW_WATER);
	assert_true(ring_out_begin(&bed->out));
	assert_int_equal(ring_out_held(&bed->out), ENTRIES - LOW_WATER); /* the others are back without a word */
	for (uint32_t i = 0; i < 5 * ENTRIES; i++) {			 /* with those alone it goes on */
		assert_true(give(&bed->out, (uint8_t)i));
		assert_int_equal(expect_received(bed, (uint8_t)i).flags, SLUICE_DESC_RESOURCES);
	}
}

/* The host has passed nothing: what was lent is out, too. */
static void without_a_buffer_a_frame_is_counted(void **state)
{
	struct bed *bed = *state;

	for (uint32_t i = 0; i < ENTRIES; i++)
		assert_true(give(&bed->out, (uint8_t)i));
	for (uint32_t i = 0; i < 5; i++)
		assert_false(give(&bed->out, 0));
	assert_int_equal(card_line(&bed->host, 1)->receive_short, 5);
	expect_received(bed, 0);
	assert_false(give(&bed->out, 0)); /* passed, not returned */
	host_return(&bed->host, 1, bed->out.numbers[0]);
	assert_true(give(&bed->out, 64));
	assert_int_equal(card_line(&bed->host, 1)->receive_short, 6);
}

static void a_frame_finds_room_for_all_of_it_or_none(void **state)
{
	struct bed *bed = *state;

	for (uint32_t i = 0; i < ENTRIES - 3; i++)
		assert_true(give(&bed->out, 0));
	assert_true(ring_out_has_room(&bed->out, 3));
	assert_false(ring_out_has_room(&bed->out, 4));
}

/* Buffers are back, the places are not: a descriptor that the host has not read is not written over. */
static void a_ring_is_full_although_buffers_are_there(void **state)
{
	struct bed *bed = *state;

	for (uint32_t i = 0; i < ENTRIES / 2; i++) {
		assert_true(give(&bed->out, (uint8_t)i));
		host_return(&bed->host, 1, bed->out.numbers[i]);
	}
	for (uint32_t i = 0; i < ENTRIES / 2; i++)
		assert_true(give(&bed->out, (uint8_t)i));
	assert_false(give(&bed->out, 0));
	assert_true(bed->out.free_count > 0);
}

/* The same buffer at two places of the ring, the first one returned before it was passed, the second one lent. */
static void a_buffer_at_two_places_comes_back_once(void **state)
{
	struct bed *bed = *state;
	struct sluice_desc desc;

	assert_true(give(&bed->out, 1));
	host_return(&bed->host, 1, bed->out.numbers[0]);
	assert_true(ring_out_begin(&bed->out));
	memset(ring_out_add(&bed->out, 60, SLUICE_DESC_RESOURCES), 2, 60);
	ring_out_publish(&bed->out);
	assert_true(host_receive(&bed->host, 1, &desc)); /* passes the first place only */
	assert_true(ring_out_begin(&bed->out));
	assert_int_equal(ring_out_held(&bed->out), 1);
	assert_true(host_receive(&bed->host, 1, &desc));
	assert_true(ring_out_begin(&bed->out));
	assert_int_equal(ring_out_held(&bed->out), 0);
}

/* ---- Events ----------------------------------------------------------------------------------------- */

static bool give_and_wake(struct bed *bed)
{
	assert_true(ring_out_begin(&bed->out));
	ring_out_add(&bed->out, 60, 0);
	return ring_out_publish(&bed->out);
}

static void a_host_that_sleeps_is_woken_once(void **state)
{
	struct bed *bed = *state;
	struct sluice_host_line *line = host_line(&bed->host, 1);
	struct sluice_desc desc;

	assert_false(give_and_wake(bed)); /* it polls */
	line->want_event = SLUICE_WANT_SEND;
	assert_false(give_and_wake(bed));
	line->want_event = SLUICE_WANT_RECEIVE;
	assert_true(give_and_wake(bed));
	assert_false(give_and_wake(bed)); /* it is on its way */
	assert_true(ring_out_begin(&bed->out));
	assert_false(ring_out_publish(&bed->out)); /* nothing moved */
	while (host_receive(&bed->host, 1, &desc))
		;
	assert_true(give_and_wake(bed)); /* it sleeps again */
}

/* It has come to where it was woken for, and fallen asleep, between the beginning of the burst and its end. */
static void a_host_that_falls_asleep_during_a_burst_is_woken(void **state)
{
	struct bed *bed = *state;
	struct sluice_desc desc;

	host_line(&bed->host, 1)->want_event = SLUICE_WANT_RECEIVE;
	assert_true(give_and_wake(bed));
	assert_true(ring_out_begin(&bed->out));
	assert_true(host_receive(&bed->host, 1, &desc));
	ring_out_add(&bed->out, 60, 0);
	assert_true(ring_out_publish(&bed->out));
}

/* 2^31 descriptors later the place where it was woken last seems to lie ahead. */
static void a_host_is_woken_however_long_ago_it_was_woken_last(void **state)
{
	struct bed *bed = *state;
	struct sluice_host_line *line = host_line(&bed->host, 1);
	struct sluice_desc desc;

	line->want_event = SLUICE_WANT_RECEIVE;
	assert_true(give_and_wake(bed));
	assert_true(host_receive(&bed->host, 1, &desc));
	line->want_event = 0;
	assert_false(give_and_wake(bed));
	assert_true(host_receive(&bed->host, 1, &desc));
	bed->out.tail = bed->out.head = bed->out.published = line->receive_head = (1u << 31) + 5;
	line->want_event = SLUICE_WANT_RECEIVE;
	assert_true(give_and_wake(bed));
}

/* ---- A broken ring ---------------------------------------------------------------------------------- */

static void expect_broken(struct bed *bed, enum ring_fault fault)
{
	assert_false(ring_out_begin(&bed->out));
	assert_int_equal(bed->out.fault, fault);
	assert_false(ring_out_begin(&bed->out)); /* for good */
	assert_true(give(&bed->other, 1));	 /* the neighbour goes on */
}

static int again(void **state)
{
	down(state);
	return up(state);
}

static void a_head_that_cannot_be(void **state)
{
	static const uint32_t heads[] = {4, 65535, 65536, 65537, 1u << 31, UINT32_MAX, UINT32_MAX - 1, 1};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct bed *bed = *state;

		for (int n = 0; n < 3; n++)
			give(&bed->out, 0);
		host_line(&bed->host, 1)->receive_head = 2;
		assert_true(ring_out_begin(&bed->out));
		host_line(&bed->host, 1)->receive_head = heads[i];
		expect_broken(bed, RING_FAULT_RECEIVE_HEAD);
		again(state);
	}
}

static void a_return_tail_that_cannot_be(void **state)
{
	static const uint32_t tails[] = {ENTRIES + 1, 65535, 65536, 65537, 1u << 31, UINT32_MAX};

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		struct bed *bed = *state;

		host_line(&bed->host, 1)->return_tail = tails[i];
		expect_broken(bed, RING_FAULT_RETURN_TAIL);
		again(state);
	}
}

static void a_return_tail_that_runs_backwards(void **state)
{
	struct bed *bed = *state;

	for (int i = 0; i < 3; i++)
		give(&bed->out, 0);
	host_return(&bed->host, 1, bed->out.numbers[0]);
	host_return(&bed->host, 1, bed->out.numbers[1]);
	assert_true(ring_out_begin(&bed->out));
	host_line(&bed->host, 1)->return_tail--;
	expect_broken(bed, RING_FAULT_RETURN_TAIL);
}

static void a_return_of_what_the_host_does_not_have(void **state)
{
	struct bed *bed = *state;
	const uint32_t held = bed->out.free[ENTRIES - 1];
	const uint32_t ids[] = {held + 1, ENTRIES, 65535, 65536 + held, (1u << 31) + held, UINT32_MAX};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		bed = *state;
		give(&bed->out, 0);
		host_return(&bed->host, 1, ids[i]);
		expect_broken(bed, RING_FAULT_RETURN_ID);
		assert_int_equal(ring_out_held(&bed->out), 1);
		again(state);
	}
}

static void a_buffer_that_is_returned_twice(void **state)
{
	struct bed *bed = *state;

	give(&bed->out, 0);
	host_return(&bed->host, 1, bed->out.numbers[0]);
	host_return(&bed->host, 1, bed->out.numbers[0]);
	expect_broken(bed, RING_FAULT_RETURN_ID);
	assert_int_equal(ring_out_held(&bed->out), 0);
}

static void a_buffer_that_was_lent_is_not_returned(void **state)
{
	struct bed *bed = *state;
	struct sluice_desc desc;

	assert_true(ring_out_begin(&bed->out));
	ring_out_add(&bed->out, 60, SLUICE_DESC_RESOURCES);
	ring_out_publish(&bed->out);
	assert_true(host_receive(&bed->host, 1, &desc));
	host_return(&bed->host, 1, desc.id);
	expect_broken(bed, RING_FAULT_RETURN_ID);
}

static void a_return_that_says_more_than_a_number(void **state)
{
	for (uint32_t i = 0; i < 4; i++) {
		struct bed *bed = *state;
		struct sluice_desc desc = {.offset = i == 0, .length = i == 1, .flags = i == 2, .reserved = i == 3};

		give(&bed->out, 0);
		desc.id = bed->out.numbers[0];
		host_return_desc(&bed->host, 1, desc);
		expect_broken(bed, RING_FAULT_RETURN_FIELDS);
		again(state);
	}
}

static void every_fault_has_a_text(void **state)
{
	(void)state;
	for (enum ring_fault fault = RING_FAULT_NONE; fault < RING_FAULTS; fault++)
		assert_true(strlen(ring_fault_text(fault)) > 3);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(frames_come_and_buffers_go_back),
		CASE(indices_wrap_at_2_to_the_32),
		CASE(a_burst_is_published_at_once),
		CASE(bytes_lie_within_their_buffer),
		CASE(below_the_low_water_mark_the_host_copies),
		CASE(without_a_buffer_a_frame_is_counted),
		CASE(a_frame_finds_room_for_all_of_it_or_none),
		CASE(a_ring_is_full_although_buffers_are_there),
		CASE(a_buffer_at_two_places_comes_back_once),
		CASE(a_host_that_sleeps_is_woken_once),
		CASE(a_host_that_falls_asleep_during_a_burst_is_woken),
		CASE(a_host_is_woken_however_long_ago_it_was_woken_last),
		CASE(a_head_that_cannot_be),
		CASE(a_return_tail_that_cannot_be),
		CASE(a_return_tail_that_runs_backwards),
		CASE(a_return_of_what_the_host_does_not_have),
		CASE(a_buffer_that_is_returned_twice),
		CASE(a_buffer_that_was_lent_is_not_returned),
		CASE(a_return_that_says_more_than_a_number),
		cmocka_unit_test(every_fault_has_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
