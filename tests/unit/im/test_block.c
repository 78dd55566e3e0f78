/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Config blocks: references, publication, and both at once. No DPDK: the grace period of the threaded test is a
 * simple one, in which each reader shows the epoch that it has seen and the publisher frees what is older.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include "im/block.h"

static uint32_t destroyed;

static void count_destroy(struct im_block *block)
{
	(void)block;
	destroyed++;
}

/* ---- References -------------------------------------------------------------------------------------- */

static void the_last_holder_destroys_once(void **state)
{
	struct im_block block = {0};

	(void)state;
	destroyed = 0;
	im_block_init(&block, count_destroy);
	assert_true(im_block_hold(&block));
	assert_true(im_block_hold(&block));
	im_block_drop(&block);
	im_block_drop(&block);
	assert_int_equal(destroyed, 0);
	im_block_drop(&block);
	assert_int_equal(destroyed, 1);
}

/* contract: 8.9 */
static void a_block_that_goes_cannot_be_held(void **state)
{
	struct im_block block = {0};

	(void)state;
	destroyed = 0;
	im_block_init(&block, count_destroy);
	im_block_drop(&block);
	assert_int_equal(destroyed, 1);
	assert_false(im_block_hold(&block)); /* increment unless zero (8.9) */
	assert_int_equal(block.reference.count, 0);
	assert_int_equal(destroyed, 1);
}

static void dropping_nothing_is_nothing(void **state)
{
	(void)state;
	im_block_drop(NULL);
}

static void publishing_swaps_and_gives_back_the_old_one(void **state)
{
	struct im_block_slot slot = {0};
	struct im_block first = {.generation = 1}, second = {.generation = 2};

	(void)state;
	assert_null(im_block_current(&slot));
	assert_null(im_block_publish(&slot, &first));
	assert_ptr_equal(im_block_current(&slot), &first);
	assert_ptr_equal(im_block_publish(&slot, &second), &first);
	assert_ptr_equal(im_block_current(&slot), &second);
	assert_ptr_equal(im_block_publish(&slot, NULL), &second);
	assert_null(im_block_current(&slot));
}

/* ---- All at once ------------------------------------------------------------------------------------- */

#define READERS	 3
#define SWAPS	 100000u
#define WORDS	 8u
#define HELD_MAX 4u

/* Every word says the generation; a block that is gone says 0 everywhere. */
struct page {
	struct im_block block;
	uint64_t words[WORDS];
	uint64_t epoch; /* when it was retired */
	struct page *next;
};

static struct im_block_slot slot;
static uint64_t epoch;	       /* writer: the publisher */
static uint64_t seen[READERS]; /* writer: that reader; 0: gone */
static uint64_t live;	       /* pages that are not destroyed */
static uint32_t over, torn, refused;

static void destroy_page(struct im_block *block)
{
	struct page *page = (struct page *)block;

	for (uint32_t i = 0; i < WORDS; i++)
		page->words[i] = 0;
	__atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
	free(page);
}

static struct page *new_page(uint64_t generation)
{
	struct page *page = calloc(1, sizeof(*page));

	if (page == NULL)
		abort();
	im_block_init(&page->block, destroy_page);
	page->block.generation = generation;
	for (uint32_t i = 0; i < WORDS; i++)
		page->words[i] = generation;
	__atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
	return page;
}

static void use(const struct im_block *block)
{
	const struct page *page = (const struct page *)block;

	for (uint32_t i = 0; i < WORDS; i++)
		if (page->words[i] != block->generation || block->generation == 0)
			__atomic_add_fetch(&torn, 1, __ATOMIC_RELAXED);
}

/* A datapath thread that reads without holding, and now and then keeps a block across quiescent states. */
static void *read_and_hold(void *argument)
{
	uint32_t self = (uint32_t)(uintptr_t)argument;
	struct im_block *held[HELD_MAX] = {NULL};
	uint32_t turn = self;

	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		struct im_block *block = im_block_current(&slot);
		struct im_block **keep = &held[turn % HELD_MAX];

		use(block);
		if (turn++ % 3 == 0) {
			if (*keep != NULL) {
				use(*keep);
				im_block_drop(*keep);
			}
			*keep = im_block_hold(block) ? block : NULL;
			if (*keep == NULL)
				__atomic_add_fetch(&refused, 1, __ATOMIC_RELAXED);
		}
		/* quiescent: `block` is not used any more */
		__atomic_store_n(&seen[self], __atomic_load_n(&epoch, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
		if (turn % 64 == 0)
			sched_yield();
	}
	for (uint32_t i = 0; i < HELD_MAX; i++)
		im_block_drop(held[i]);
	__atomic_store_n(&seen[self], UINT64_MAX, __ATOMIC_RELEASE);
	return NULL;
}

static uint64_t oldest_seen(void)
{
	uint64_t oldest = UINT64_MAX;

	for (uint32_t i = 0; i < READERS; i++) {
		uint64_t one = __atomic_load_n(&seen[i], __ATOMIC_ACQUIRE);

		oldest = one < oldest ? one : oldest;
	}
	return oldest;
}

struct waiting {
	struct page *first;
	struct page **last;
	uint32_t count;
};

static void retire(struct waiting *waiting, struct im_block *old)
{
	struct page *page = (struct page *)old;

	page->epoch = __atomic_add_fetch(&epoch, 1, __ATOMIC_ACQ_REL);
	page->next = NULL;
	*waiting->last = page;
	waiting->last = &page->next;
	waiting->count++;
}

static void collect(struct waiting *waiting)
{
	uint64_t oldest = oldest_seen();

	while (waiting->first != NULL && waiting->first->epoch <= oldest) {
		struct page *page = waiting->first;

		waiting->first = page->next;
		if (waiting->first == NULL)
			waiting->last = &waiting->first;
		waiting->count--;
		im_block_drop(&page->block);
	}
}

static void publish_all(struct waiting *waiting)
{
	for (uint64_t generation = 2; generation <= SWAPS; generation++) {
		retire(waiting, im_block_publish(&slot, &new_page(generation)->block));
		collect(waiting);
		while (waiting->count > 256) { /* readers share the processors with the publisher */
			sched_yield();
			collect(waiting);
		}
	}
}

static void readers_never_see_a_block_that_is_gone(void **state)
{
	struct waiting waiting = {.first = NULL};
	pthread_t readers[READERS];

	(void)state;
	waiting.last = &waiting.first;
	im_block_publish(&slot, &new_page(1)->block);
	for (uint32_t i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_and_hold, (void *)(uintptr_t)i), 0);
	publish_all(&waiting);
	__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	collect(&waiting);
	assert_int_equal(waiting.count, 0);
	assert_int_equal(torn, 0);
	assert_int_equal(refused, 0); /* a block that a reader may still see has its publication reference */
	assert_int_equal(live, 1);
	im_block_drop(im_block_publish(&slot, NULL));
	assert_int_equal(live, 0); /* each destroyed, and once: a second time would be a double free */
}

/* A control handle holds without a grace period to protect it: the count alone decides who wins the last moment. */
static struct im_block contested;
static uint32_t winners, destroys;

static void note_destroy(struct im_block *block)
{
	(void)block;
	__atomic_add_fetch(&destroys, 1, __ATOMIC_RELAXED);
}

static void *hold_and_drop(void *argument)
{
	(void)argument;
	if (im_block_hold(&contested)) {
		__atomic_add_fetch(&winners, 1, __ATOMIC_RELAXED);
		if (__atomic_load_n(&destroys, __ATOMIC_RELAXED) != 0)
			__atomic_add_fetch(&torn, 1, __ATOMIC_RELAXED);
		im_block_drop(&contested);
	}
	return NULL;
}

/* contract: 8.8 8.9 */
static void hold_against_the_last_drop_destroys_once(void **state)
{
	(void)state;
	torn = 0;
	for (int round = 0; round < 2000; round++) {
		pthread_t thread;

		destroys = 0;
		im_block_init(&contested, note_destroy);
		assert_int_equal(pthread_create(&thread, NULL, hold_and_drop, NULL), 0);
		if (round % 2 == 0)
			sched_yield();
		im_block_drop(&contested);
		pthread_join(thread, NULL);
		assert_int_equal(destroys, 1);
	}
	assert_int_equal(torn, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_holder_destroys_once),
		cmocka_unit_test(a_block_that_goes_cannot_be_held),
		cmocka_unit_test(dropping_nothing_is_nothing),
		cmocka_unit_test(publishing_swaps_and_gives_back_the_old_one),
		cmocka_unit_test(readers_never_see_a_block_that_is_gone),
		cmocka_unit_test(hold_against_the_last_drop_destroys_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
