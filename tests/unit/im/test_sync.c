/* SPDX-License-Identifier: BSD-3-Clause */
/* Spin locks, events and stalls: what they do, and what the verifier says of those who use them wrong. */
#include <pthread.h>

#include "watched.h"

#define THREADS 4
#define ROUNDS	20000

static struct im_lock first, second;
static struct im_event event;

/* ---- Locks ----------------------------------------------------------------------------------------- */

static uint64_t counter; /* under `first` */

static void *add(void *unused)
{
	(void)unused;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		im_acquire_spin_lock(&first);
		counter++;
		im_release_spin_lock(&first);
	}
	return NULL;
}

static void lock_excludes_threads(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	counter = 0;
	for (uint32_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add, NULL), 0);
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(counter, THREADS * ROUNDS);
}

static void lock_raises_to_dispatch(void **state)
{
	(void)state;
	assert_int_equal(im_this_worker->level, IM_LEVEL_PASSIVE);
	im_acquire_spin_lock(&first);
	im_acquire_spin_lock(&second);
	assert_int_equal(im_this_worker->locks, 2);
	im_release_spin_lock(&second);
	assert_int_equal(im_this_worker->level, IM_LEVEL_DISPATCH);
	im_release_spin_lock(&first);
	assert_int_equal(im_this_worker->level, IM_LEVEL_PASSIVE);
	assert_int_equal(im_this_worker->locks, 0);
}

static void lock_keeps_a_raised_thread_raised(void **state)
{
	uint8_t before = im_raise(im_this_worker);

	(void)state;
	im_acquire_spin_lock(&first);
	im_release_spin_lock(&first);
	assert_int_equal(im_this_worker->level, IM_LEVEL_DISPATCH);
	im_lower(im_this_worker, before);
	assert_int_equal(im_this_worker->level, IM_LEVEL_PASSIVE);
}

/* ---- Locks, used wrong ------------------------------------------------------------------------------ */

static void take_twice(void)
{
	im_acquire_spin_lock(&first);
	im_acquire_spin_lock(&first); /* left out: it would wait for itself */
	im_release_spin_lock(&first);
}

/* contract: 9.24 */
static void lock_taken_twice(void **state)
{
	(void)state;
	watched_in_handler(IM_HANDLER_send_packets, take_twice);
	watched_expect("9.24", "mad", "acquired a spin lock that it holds already");
}

static void release_unheld(void)
{
	im_release_spin_lock(&first);
}

/* contract: 9.24 */
static void lock_released_that_is_not_held(void **state)
{
	(void)state;
	watched_in_handler(IM_HANDLER_send_packets, release_unheld);
	watched_expect("9.24", "mad", "released a spin lock that it does not hold");
	assert_int_equal(im_this_worker->locks, 0);
}

static void take(void)
{
	im_acquire_spin_lock(&first);
}

/* contract: 9.24 */
static void lock_held_at_the_end(void **state)
{
	(void)state;
	watched_in_handler(IM_HANDLER_send_packets, take);
	watched_expect("9.24", "mad", "left a handler with a spin lock held, which it acquired at test_im_sync+0x");
	assert_int_equal(first.held, 0); /* so that the others can go on */
	assert_int_equal(im_this_worker->level, IM_LEVEL_PASSIVE);
}

static void release_in_order_of_taking(void)
{
	im_acquire_spin_lock(&first);
	im_acquire_spin_lock(&second);
	im_release_spin_lock(&first);
	im_release_spin_lock(&second);
}

/* contract: 9.23 */
static void locks_released_in_the_wrong_order(void **state)
{
	(void)state;
	watched_in_handler(IM_HANDLER_send_packets, release_in_order_of_taking);
	watched_expect("9.23", "mad", "released a spin lock before one that it acquired after it");
	assert_int_equal(first.held + second.held, 0);
}

static void first_then_second(void)
{
	im_acquire_spin_lock(&first);
	im_acquire_spin_lock(&second);
	im_release_spin_lock(&second);
	im_release_spin_lock(&first);
}

static void second_then_first(void)
{
	im_acquire_spin_lock(&second);
	im_acquire_spin_lock(&first);
	im_release_spin_lock(&first);
	im_release_spin_lock(&second);
}

/* contract: 9.23 */
static void locks_taken_in_both_orders(void **state)
{
	(void)state;
	watched_in_handler(IM_HANDLER_send_packets, first_then_second);
	watched_expect_none();
	watched_in_handler(IM_HANDLER_receive_packets, second_then_first);
	watched_expect("9.23", "mad", "in the other order than before");
}

/* ---- Stalls ---------------------------------------------------------------------------------------- */

static void stall(void)
{
	im_stall_execution(50);
	watched_expect_none();
	im_stall_execution(51);
}

/* contract: 9.30 */
static void stall_is_short(void **state)
{
	(void)state;
	watched_in_handler(IM_HANDLER_send_packets, stall);
	watched_expect("9.30", "mad", "50 microseconds");
}

/* ---- Events ---------------------------------------------------------------------------------------- */

static void *set_later(void *unused)
{
	(void)unused;
	im_set_event(&event);
	return NULL;
}

static void event_of_another_thread(void **state)
{
	pthread_t thread;

	(void)state;
	im_reset_event(&event);
	assert_int_equal(pthread_create(&thread, NULL, set_later, NULL), 0);
	assert_true(im_wait_event(&event, 0));
	pthread_join(thread, NULL);
	assert_true(im_wait_event(&event, 1)); /* it stays set ... */
	im_reset_event(&event);
	assert_false(im_wait_event(&event, 1)); /* ... until it is reset */
}

static void set_by_work(struct im_work *work)
{
	(void)work;
	im_set_event(&event);
}

/* With one control thread the work that sets it can only run while that thread waits. */
static void event_of_ones_own_work(void **state)
{
	struct im_work work = {.run = set_by_work};

	(void)state;
	im_reset_event(&event);
	assert_true(im_schedule_work(&work));
	assert_true(im_wait_event(&event, 0));
}

static void wait_in_handler(void)
{
	assert_false(im_wait_event(&event, 1000));
}

/* contract: 9.12 */
static void wait_at_dispatch(void **state)
{
	(void)state;
	im_reset_event(&event);
	watched_in_handler(IM_HANDLER_receive_packets, wait_in_handler);
	watched_expect("9.12", "mad", "called im_wait_event, which is for PASSIVE, at DISPATCH");
}

static void wait_under_lock(void)
{
	im_acquire_spin_lock(&first);
	assert_false(im_wait_event(&event, 1000));
	im_release_spin_lock(&first);
}

/* contract: 9.12 */
static void wait_with_a_lock_held(void **state)
{
	(void)state;
	im_reset_event(&event);
	watched_in_handler(IM_HANDLER_initialize, wait_under_lock);
	watched_expect("9.12", "mad", "called im_wait_event with a spin lock held");
}

/* ---- -------------------------------------------------------------------------------------------------- */

#define TEST(name) cmocka_unit_test_setup_teardown(name, watched_alone, watched_end)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(event_of_another_thread),
		TEST(event_of_ones_own_work),
		TEST(lock_excludes_threads),
		TEST(lock_held_at_the_end),
		TEST(lock_keeps_a_raised_thread_raised),
		TEST(lock_raises_to_dispatch),
		TEST(lock_released_that_is_not_held),
		TEST(lock_taken_twice),
		TEST(locks_released_in_the_wrong_order),
		TEST(locks_taken_in_both_orders),
		TEST(stall_is_short),
		TEST(wait_at_dispatch),
		TEST(wait_with_a_lock_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
