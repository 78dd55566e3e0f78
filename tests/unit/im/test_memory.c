/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of drivers: whose it is, what is done wrong with it, and what is left at unload. */
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "watched.h"

static void memory_is_zeroed_and_aligned(void **state)
{
	uint8_t *memory = im_allocate_memory(&watched_wrapper, 100, "rules");

	(void)state;
	assert_non_null(memory);
	assert_int_equal((uintptr_t)memory % 64, 0);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(memory[i], 0);
	memset(memory, 1, 100);
	im_free_memory(memory);
	im_free_memory(NULL);
	assert_int_equal(im_report_leaks(&watched_wrapper), 0);
	watched_expect_none();
}

static void memory_that_there_is_not(void **state)
{
	(void)state;
	assert_null(im_allocate_memory(&watched_wrapper, SIZE_MAX, "all"));
	assert_null(im_allocate_memory(&watched_wrapper, SIZE_MAX - 64, "all"));
	assert_int_equal(im_report_leaks(&watched_wrapper), 0);
}

static void allocation_that_is_made_to_fail(void **state)
{
	void *first;

	(void)state;
	im_verify_fail(0, 2);
	first = im_allocate_memory(&watched_wrapper, 1, "first");
	assert_non_null(first);
	assert_int_equal(im_verify_failed(), 0);
	assert_null(im_allocate_memory(&watched_wrapper, 1, "second"));
	assert_int_equal(im_verify_failed(), 1);
	im_free_memory(first);
	im_free_memory(im_allocate_memory(&watched_wrapper, 1, "third"));
	assert_int_equal(im_report_leaks(&watched_wrapper), 0);
}

#define GIVERS 3u
#define TIMES  20000u

static void *take_and_give(void *context)
{
	if (im_thread_attach() != 0)
		return context;
	for (uint32_t i = 0; i < TIMES; i++)
		im_free_memory(im_allocate_memory(&watched_wrapper, 8, "a little"));
	im_thread_detach();
	return NULL;
}

/* What one has freed is kept for a while, and another one's makes it go: it is on no list then. */
static void memory_is_freed_by_several_threads(void **state)
{
	pthread_t threads[GIVERS];
	void *failed;

	for (uint32_t i = 0; i < GIVERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, state), 0);
	for (uint32_t i = 0; i < GIVERS; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(im_report_leaks(&watched_wrapper), 0);
	watched_expect_none();
}

/* ---- Used wrong ------------------------------------------------------------------------------------ */

static void allocate(void)
{
	assert_null(im_allocate_memory(&watched_wrapper, 1, "packet"));
}

static void allocated_at_dispatch(void **state)
{
	(void)state;
	watched_in_handler(IM_HANDLER_send_packets, allocate);
	watched_expect("12.24", "mad", "im_allocate_memory");
}

static void freed_twice(void **state)
{
	void *memory = im_allocate_memory(&watched_wrapper, 16, "rules");

	(void)state;
	im_free_memory(memory);
	im_free_memory(memory);
	watched_expect("12.30", "the core", "freed memory twice");
}

static void freed_foreign_memory(void **state)
{
	static uint64_t foreign[64] __attribute__((aligned(64)));

	(void)state;
	for (size_t at = 32; at < 34; at++) { /* as one that is, and nowhere near */
		im_free_memory(&foreign[at]);
		watched_expect("12.30", "the core", "not memory from im_allocate_memory()");
	}
}

static void written_past_the_end(void **state)
{
	uint8_t *memory = im_allocate_memory(&watched_wrapper, 16, "rules");

	(void)state;
	memory[16] = 0;
	im_free_memory(memory);
	watched_expect("12.40", "mad", "past the end of memory 'rules' (16 bytes)");
}

/* What was freed is kept for a while; sixty-four later ones bring its end. */
static void written_after_free(void **state)
{
	uint8_t *memory = im_allocate_memory(&watched_wrapper, 16, "rules");

	(void)state;
	im_free_memory(memory);
	memory[5] = 0;
	for (uint32_t i = 0; i < 63; i++)
		im_free_memory(im_allocate_memory(&watched_wrapper, 1, "later"));
	watched_expect_none();
	im_free_memory(im_allocate_memory(&watched_wrapper, 1, "last"));
	watched_expect("12.30", "mad", "wrote to byte 5 of 16 of memory that it had freed");
}

static void ignore(struct im_timer *timer)
{
	(void)timer;
}

/* contract: 9.28 */
static void freed_with_a_timer_set(void **state)
{
	struct im_timer *timer = im_allocate_memory(&watched_wrapper, sizeof(*timer), "context");

	(void)state;
	timer->expired = ignore;
	im_set_timer(timer, 10);
	im_free_memory(timer);
	watched_expect("9.28", "mad", "freed memory 'context' with a timer in it that is set");
	watched_tick(20);
}

/* Another lock in the same memory is another lock. */
/* contract: 9.18 */
static void freed_locks_have_no_order(void **state)
{
	struct im_lock other = {0};

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		struct im_lock *lock = im_allocate_memory(&watched_wrapper, sizeof(*lock), "context");

		im_acquire_spin_lock(i == 0 ? lock : &other);
		im_acquire_spin_lock(i == 0 ? &other : lock);
		im_release_spin_lock(i == 0 ? &other : lock);
		im_release_spin_lock(i == 0 ? lock : &other);
		im_free_memory(lock);
		for (uint32_t k = 0; k < 64; k++) /* until the first one's memory can come again */
			im_free_memory(im_allocate_memory(&watched_wrapper, sizeof(*lock), "context"));
	}
	watched_expect_none();
}

/* ---- Left behind ----------------------------------------------------------------------------------- */

/* contract: 1.22 12.32 */
static void memory_left_at_unload(void **state)
{
	(void)state;
	assert_non_null(im_allocate_memory(&watched_wrapper, 16, "rules"));
	watched_tick(2500);
	assert_non_null(im_allocate_memory(&watched_wrapper, 16, "queue"));
	assert_int_equal(im_report_leaks(&watched_wrapper), 2);
	watched_expect("1.22", "mad", "memory 'queue', 0.000 s old; memory 'rules', 2.500 s old");
	assert_int_equal(im_report_leaks(&watched_wrapper), 0); /* it has been taken back */
}

static void many_left_at_unload(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 9; i++)
		assert_non_null(im_allocate_memory(&watched_wrapper, 1, "one of nine"));
	assert_int_equal(im_report_leaks(&watched_wrapper), 9);
	watched_expect("1.22", "mad", "; 4 more");
}

/* ---- -------------------------------------------------------------------------------------------------- */

#define TEST(name) cmocka_unit_test_setup_teardown(name, watched_alone, watched_end)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(allocated_at_dispatch),
		TEST(allocation_that_is_made_to_fail),
		TEST(freed_foreign_memory),
		TEST(freed_locks_have_no_order),
		TEST(freed_twice),
		TEST(freed_with_a_timer_set),
		TEST(many_left_at_unload),
		TEST(memory_is_freed_by_several_threads),
		TEST(memory_is_zeroed_and_aligned),
		TEST(memory_left_at_unload),
		TEST(memory_that_there_is_not),
		TEST(written_after_free),
		TEST(written_past_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
