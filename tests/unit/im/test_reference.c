/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * References and anchors: first one step after the other, then dispatch against halt from many threads. Both dispatch
 * to the device of counted.h, which checks what it finds; the wrong ways to look up are shown to fail that check.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>

#include "counted.h"

static struct im_anchor anchor;

static int start(void **state)
{
	(void)state;
	counted_reset();
	im_anchor_init(&anchor);
	return 0;
}

/* Nothing is left, each block was freed once, and nothing was touched that was gone. */
static int finish(void **state)
{
	const struct counted_tally *tally = &counted_tally;
	bool good;

	(void)state;
	counted_halt(&anchor, NULL);
	counted_release();
	good = tally->wrong_frees == 0 && tally->scribbled == 0 && tally->frees == tally->allocations;
	if (!good)
		print_error("%" PRIu64 " allocations, %" PRIu64 " frees, %" PRIu64 " wrong frees, %" PRIu64
			    " blocks written to after they were freed\n",
			    tally->allocations, tally->frees, tally->wrong_frees, tally->scribbled);
	return good ? 0 : -1;
}

/* ---- The count ---------------------------------------------------------------------------------------- */

static void the_creator_holds_the_first_reference(void **state)
{
	struct counted *block = counted_new();

	(void)state;
	assert_int_equal(block->reference.count, 1);
	im_reference_drop(&block->reference);
	assert_int_equal(counted_tally.frees, 1);
}

static void the_last_holder_destroys_once(void **state)
{
	struct counted *block = counted_new();

	(void)state;
	assert_true(im_reference_hold(&block->reference));
	assert_true(im_reference_hold(&block->reference));
	im_reference_drop(&block->reference);
	im_reference_drop(&block->reference);
	assert_int_equal(counted_tally.frees, 0);
	im_reference_drop(&block->reference);
	assert_int_equal(counted_tally.frees, 1);
}

static uint32_t destroyed;

static void only_count(struct im_reference *reference)
{
	(void)reference;
	destroyed++;
}

/* contract: 8.9 */
static void what_is_going_cannot_be_held(void **state)
{
	struct im_reference reference;

	(void)state;
	im_reference_init(&reference, only_count);
	im_reference_drop(&reference);
	assert_false(im_reference_hold(&reference)); /* 8.9 */
	assert_int_equal(reference.count, 0);
	assert_int_equal(destroyed, 1);
}

static void dropping_nothing_is_nothing(void **state)
{
	(void)state;
	im_reference_drop(NULL);
}

/* ---- The anchor --------------------------------------------------------------------------------------- */

static void an_empty_anchor_gives_nothing(void **state)
{
	struct im_anchor zero = {0};

	(void)state;
	assert_null(im_anchor_get(&anchor));
	assert_null(im_anchor_clear(&anchor));
	assert_null(im_anchor_get(&zero));
}

static void publishing_takes_over_the_reference(void **state)
{
	struct counted *block = counted_new();

	(void)state;
	assert_null(im_anchor_publish(&anchor, &block->reference));
	assert_int_equal(block->reference.count, 1);
	assert_ptr_equal(im_anchor_get(&anchor), block);
	assert_int_equal(block->reference.count, 2);
	im_reference_drop(&block->reference);
}

static void publishing_over_another_gives_that_one_back(void **state)
{
	struct counted *first = counted_new(), *second = counted_new();

	(void)state;
	assert_null(im_anchor_publish(&anchor, &first->reference));
	assert_ptr_equal(im_anchor_publish(&anchor, &second->reference), first);
	assert_int_equal(first->reference.count, 1); /* now ours */
	im_reference_drop(&first->reference);
	assert_int_equal(counted_tally.frees, 1);
}

/* contract: 8.8 8.10 */
static void clearing_hides_at_once_and_frees_later(void **state)
{
	struct im_reference *held, *cleared;

	(void)state;
	counted_initialize(&anchor);
	held = im_anchor_get(&anchor);
	cleared = im_anchor_clear(&anchor);
	assert_ptr_equal(cleared, held);
	assert_null(im_anchor_get(&anchor)); /* 8.10 */
	assert_int_equal(cleared->count, 2);
	im_reference_drop(cleared);
	assert_int_equal(counted_tally.frees, 0);
	im_reference_drop(held);
	assert_int_equal(counted_tally.frees, 1);
}

/* 8.12: open, halt, initialize again, halt again, close. */
/* contract: 8.8 8.12 */
static void a_handle_outlives_two_halts(void **state)
{
	struct counted *handle;

	(void)state;
	counted_initialize(&anchor);
	handle = (struct counted *)im_anchor_get(&anchor);
	assert_int_equal(counted_dispatch(&anchor, im_anchor_get, NULL), COUNTED_SERVED);
	counted_halt(&anchor, NULL);
	assert_int_equal(counted_dispatch(&anchor, im_anchor_get, NULL), COUNTED_REFUSED);
	counted_initialize(&anchor);
	assert_int_equal(counted_dispatch(&anchor, im_anchor_get, NULL), COUNTED_SERVED); /* by the new device */
	counted_halt(&anchor, NULL);
	assert_int_equal(counted_tally.frees, 1); /* the new one's block */
	assert_true(counted_whole(handle, 1));
	assert_int_equal(handle->dead, 1);
	im_reference_drop(&handle->reference);
	assert_int_equal(counted_tally.frees, 2);
}

/* ---- Wrong ways, with a halt at the worst moment ------------------------------------------------------- */

static void halt_and_initialize(void)
{
	counted_halt(&anchor, NULL);
	counted_initialize(&anchor);
}

static struct im_reference *read_then_increment(struct im_anchor *from)
{
	struct im_reference *reference = from->reference;

	halt_and_initialize();
	__atomic_add_fetch(&reference->count, 1, __ATOMIC_ACQUIRE);
	return reference;
}

static struct im_reference *read_then_increment_unless_zero(struct im_anchor *from)
{
	struct im_reference *reference = from->reference;

	halt_and_initialize();
	return im_reference_hold(reference) ? reference : NULL;
}

static void expect_stale(counted_look_up_t *look_up)
{
	counted_initialize(&anchor);
	assert_int_equal(counted_dispatch(&anchor, look_up, NULL), COUNTED_STALE);
	assert_int_equal(counted_tally.scribbled, 0); /* found once the block leaves for the heap */
	counted_release();
	assert_int_equal(counted_tally.scribbled, 1);
	counted_tally.scribbled = 0;
}

/* contract: 11.13 */
static void a_bare_increment_is_caught(void **state)
{
	(void)state;
	expect_stale(read_then_increment);
}

/* Where the memory may be gone, what is read there as the count means nothing. */
static void an_increment_unless_zero_without_the_lock_is_caught(void **state)
{
	(void)state;
	expect_stale(read_then_increment_unless_zero);
}

static struct im_reference *get_then_halt(struct im_anchor *from)
{
	struct im_reference *reference = im_anchor_get(from);

	halt_and_initialize();
	return reference;
}

static struct im_reference *halt_then_get(struct im_anchor *from)
{
	halt_and_initialize();
	return im_anchor_get(from);
}

/* contract: 8.9 */
static void the_right_way_stands_the_same_halts(void **state)
{
	(void)state;
	counted_initialize(&anchor);
	assert_int_equal(counted_dispatch(&anchor, get_then_halt, NULL), COUNTED_OUTLIVED);
	assert_int_equal(counted_dispatch(&anchor, halt_then_get, NULL), COUNTED_SERVED);
}

static void a_second_free_is_caught(void **state)
{
	struct counted *block = counted_new();

	(void)state;
	im_reference_drop(&block->reference);
	counted_destroy(&block->reference);
	assert_int_equal(counted_tally.wrong_frees, 1);
	counted_tally.wrong_frees = 0;
}

/* ---- Dispatch against halt ------------------------------------------------------------------------------ */

#define DISPATCHERS   4u
#define INTERLEAVINGS 1000000u
#define OF_EACH_KIND  1000u /* a run that hardly gets into one of the cases does not end */

/*
 * An interleaving: a dispatch that got a block, and a halt (from before its clear to after its drop) that was going on
 * for some of the time between the entry of the dispatch (before its look-up) and its exit (after its drop). Dispatches
 * that are refused do not count. A dispatch counts for one halt at most, and a halt for one dispatch of each thread at
 * most, so that no thread which spins beside a halt that lost its processor makes the number. Halts are numbered
 * from 1. The numbers are written and read relaxed, to order nothing that the code under test does not; where that
 * moves them, it moves them into the section that they enclose, and less is counted.
 *
 * The threads give way in the middle of what they do, so that one processor is enough, and in rhythms that do not meet:
 * seven and eight.
 */
static uint64_t halts_begun, halts_done; /* writer: the halting thread */
static uint32_t over;

struct dispatcher {
	pthread_t thread;
	uint64_t outcomes[COUNTED_OUTCOMES]; /* atomic, as what follows; writer: the thread */
	uint64_t interleavings;
	uint64_t last_holder; /* blocks that it freed */
};

static uint64_t get(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void set(uint64_t *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

static void give_way(void)
{
	sched_yield();
}

static void *dispatch_all_the_time(void *argument)
{
	struct dispatcher *self = argument;
	uint64_t counted = 0; /* the last halt that is */

	for (uint64_t turn = 0; !__atomic_load_n(&over, __ATOMIC_RELAXED); turn++) {
		uint64_t done = get(&halts_done);
		enum counted_outcome outcome =
			counted_dispatch(&anchor, im_anchor_get, turn % 7 != 0 ? give_way : NULL);
		uint64_t begun = get(&halts_begun);

		set(&self->outcomes[outcome], self->outcomes[outcome] + 1);
		set(&self->last_holder, counted_freed_here());
		if (outcome != COUNTED_REFUSED && begun > done && begun > counted) {
			set(&self->interleavings, self->interleavings + 1);
			counted = begun;
		}
		if (outcome == COUNTED_REFUSED)
			give_way();
	}
	counted_release();
	return NULL;
}

static struct dispatcher sum(const struct dispatcher *dispatchers)
{
	struct dispatcher all = {.interleavings = 0};

	for (uint32_t i = 0; i < DISPATCHERS; i++) {
		for (uint32_t kind = 0; kind < COUNTED_OUTCOMES; kind++)
			all.outcomes[kind] += get(&dispatchers[i].outcomes[kind]);
		all.interleavings += get(&dispatchers[i].interleavings);
		all.last_holder += get(&dispatchers[i].last_holder);
	}
	return all;
}

static bool enough(const struct dispatcher *all)
{
	return all->interleavings >= INTERLEAVINGS && all->outcomes[COUNTED_REFUSED] >= OF_EACH_KIND &&
	       all->outcomes[COUNTED_SERVED] >= OF_EACH_KIND && all->outcomes[COUNTED_OUTLIVED] >= OF_EACH_KIND &&
	       all->last_holder >= OF_EACH_KIND && counted_freed_here() >= OF_EACH_KIND;
}

static bool failed(const struct dispatcher *all)
{
	return all->outcomes[COUNTED_STALE] != 0 || get(&counted_tally.wrong_frees) != 0 ||
	       get(&counted_tally.scribbled) != 0;
}

/* Most halts come when the dispatchers have got their blocks; some let them in halfway, some rush through. */
static void halt_until_enough(const struct dispatcher *dispatchers)
{
	struct dispatcher all;

	do {
		for (uint32_t i = 0; i < 256; i++) {
			uint64_t number = halts_begun + 1;

			counted_initialize(&anchor);
			if (number % 8 > 1)
				give_way();
			set(&halts_begun, number);
			counted_halt(&anchor, number % 8 == 1 ? give_way : NULL);
			set(&halts_done, number);
		}
		all = sum(dispatchers);
	} while (!enough(&all) && !failed(&all));
}

static void report(const struct dispatcher *all)
{
	print_message("%" PRIu64 " interleavings; %" PRIu64 " halts, %" PRIu64 " dispatches served, %" PRIu64
		      " outlived their device, %" PRIu64 " refused; freed by dispatch %" PRIu64 ", by halt %" PRIu64
		      "\n",
		      all->interleavings, halts_done, all->outcomes[COUNTED_SERVED], all->outcomes[COUNTED_OUTLIVED],
		      all->outcomes[COUNTED_REFUSED], all->last_holder, counted_freed_here());
}

/* contract: 8.8 8.9 */
static void dispatch_against_halt_meets_no_stale_block(void **state)
{
	struct dispatcher dispatchers[DISPATCHERS] = {{.interleavings = 0}}, all;

	(void)state;
	for (uint32_t i = 0; i < DISPATCHERS; i++)
		assert_int_equal(pthread_create(&dispatchers[i].thread, NULL, dispatch_all_the_time, &dispatchers[i]),
				 0);
	halt_until_enough(dispatchers);
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < DISPATCHERS; i++)
		pthread_join(dispatchers[i].thread, NULL);
	all = sum(dispatchers);
	report(&all);
	assert_int_equal(all.outcomes[COUNTED_STALE], 0);
	assert_int_equal(counted_tally.wrong_frees, 0);
	assert_int_equal(counted_tally.allocations, halts_done);
	assert_int_equal(counted_tally.frees, halts_done); /* and none twice, which would be a wrong free */
	assert_int_equal(all.last_holder + counted_freed_here(), halts_done);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_creator_holds_the_first_reference),
		TEST(the_last_holder_destroys_once),
		TEST(what_is_going_cannot_be_held),
		TEST(dropping_nothing_is_nothing),
		TEST(an_empty_anchor_gives_nothing),
		TEST(publishing_takes_over_the_reference),
		TEST(publishing_over_another_gives_that_one_back),
		TEST(clearing_hides_at_once_and_frees_later),
		TEST(a_handle_outlives_two_halts),
		TEST(a_bare_increment_is_caught),
		TEST(an_increment_unless_zero_without_the_lock_is_caught),
		TEST(the_right_way_stands_the_same_halts),
		TEST(a_second_free_is_caught),
		TEST(dispatch_against_halt_meets_no_stale_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
