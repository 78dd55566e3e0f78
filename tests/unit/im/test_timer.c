/* SPDX-License-Identifier: BSD-3-Clause */
/* Timers: when they expire, what a cancel says, and what is left of a driver's. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "im/verify/verifier.h"
#include "watched.h"

#define THREADS 3
#define ROUNDS	20000

static char order[32];

struct letter {
	struct im_timer timer;
	char letter;
	uint8_t level;
};

static void expire(struct im_timer *timer)
{
	struct letter *letter = (struct letter *)timer;
	size_t used = strlen(order);

	letter->level = im_this_worker->level;
	order[used] = letter->letter;
	order[used + 1] = '\0';
}

static struct letter make(char letter)
{
	return (struct letter){.timer = {.expired = expire, .wrapper = &watched_wrapper}, .letter = letter};
}

/* ---- Expiry ---------------------------------------------------------------------------------------- */

static void timers_expire_in_order_of_time(void **state)
{
	struct letter a = make('a'), b = make('b'), c = make('c');

	(void)state;
	im_set_timer(&a.timer, 30);
	im_set_timer(&b.timer, 10);
	im_set_timer(&c.timer, 20);
	watched_tick(9);
	assert_string_equal(order, "");
	watched_tick(1);
	assert_string_equal(order, "b");
	watched_tick(50);
	assert_string_equal(order, "bca");
	watched_tick(1000);
	assert_string_equal(order, "bca");
	assert_int_equal(a.level, IM_LEVEL_DISPATCH);
	assert_int_equal(im_this_worker->level, IM_LEVEL_PASSIVE);
}

static void timer_of_no_delay_waits_for_the_next_tick(void **state)
{
	struct letter a = make('a');

	(void)state;
	im_set_timer(&a.timer, 0);
	watched_tick(0);
	assert_string_equal(order, "");
	watched_tick(1);
	assert_string_equal(order, "a");
}

static void periodic_timer_keeps_its_beat(void **state)
{
	struct letter a = make('a');

	(void)state;
	im_set_periodic_timer(&a.timer, 10);
	watched_tick(10);
	watched_tick(10);
	assert_string_equal(order, "aa");
	watched_tick(35); /* late: once, then at the next whole period */
	assert_string_equal(order, "aaa");
	watched_tick(4);
	assert_string_equal(order, "aaa");
	watched_tick(1);
	assert_string_equal(order, "aaaa");
	assert_true(im_cancel_timer(&a.timer));
	watched_tick(100);
	assert_string_equal(order, "aaaa");
}

static void set_again(struct im_timer *timer)
{
	expire(timer);
	im_set_timer(timer, 0);
}

static void timer_may_set_itself(void **state)
{
	struct letter a = make('a');

	(void)state;
	a.timer.expired = set_again;
	im_set_timer(&a.timer, 5);
	watched_tick(5);
	assert_string_equal(order, "a"); /* once in a tick */
	watched_tick(1);
	assert_string_equal(order, "aa");
	assert_true(im_cancel_timer(&a.timer));
}

static void free_itself(struct im_timer *timer)
{
	strcat(order, "f");
	free(timer);
}

static void timer_may_free_itself(void **state)
{
	struct im_timer *timer = calloc(1, sizeof(*timer));

	(void)state;
	assert_non_null(timer);
	timer->expired = free_itself;
	timer->wrapper = &watched_wrapper;
	im_set_timer(timer, 5);
	watched_tick(5);
	assert_string_equal(order, "f");
}

/* Before the first tick nobody knows the time: the delay counts from it. */
static void timer_set_before_the_clock_runs(void **state)
{
	struct letter a = make('a'), b = make('b');

	(void)state;
	im_core.now_ns = 0;
	im_set_timer(&a.timer, 10);
	im_set_timer(&b.timer, 10);
	assert_true(im_cancel_timer(&b.timer));
	watched_tick(0);
	assert_string_equal(order, "");
	watched_tick(10);
	assert_string_equal(order, "a");
}

/* ---- Cancel ---------------------------------------------------------------------------------------- */

static void cancel_says_whether_it_was_in_time(void **state)
{
	struct letter a = make('a');

	(void)state;
	assert_false(im_cancel_timer(&a.timer)); /* it was never set */
	im_set_timer(&a.timer, 10);
	assert_true(im_cancel_timer(&a.timer));
	watched_tick(20);
	assert_string_equal(order, "");
	im_set_timer(&a.timer, 10);
	watched_tick(20);
	assert_string_equal(order, "a");
	assert_false(im_cancel_timer(&a.timer)); /* it has expired */
	watched_expect_none();
}

static void cancel_itself(struct im_timer *timer)
{
	uint8_t level = im_this_worker->level;

	im_this_worker->level = IM_LEVEL_PASSIVE; /* what it is for others that cancel it meanwhile */
	strcat(order, im_cancel_timer(timer) ? "t" : "f");
	im_this_worker->level = level;
}

/* contract: 9.28 11.33 */
static void cancel_of_a_firing_timer_is_too_late(void **state)
{
	struct letter a = make('a'), p = make('p');

	(void)state;
	a.timer.expired = cancel_itself;
	p.timer.expired = cancel_itself;
	im_set_timer(&a.timer, 10);
	im_set_periodic_timer(&p.timer, 20);
	watched_tick(10);
	watched_tick(10);
	assert_string_equal(order, "ff");
	watched_tick(100); /* the periodic one is cancelled all the same */
	assert_string_equal(order, "ff");
}

/* ---- Used wrong ------------------------------------------------------------------------------------ */

/* contract: 9.28 */
static void set_twice(void **state)
{
	struct letter a = make('a');

	(void)state;
	im_set_timer(&a.timer, 10);
	im_set_timer(&a.timer, 20);
	watched_expect("9.28", "the core", "set a timer that is set");
	watched_tick(15); /* the first stays */
	assert_string_equal(order, "a");
}

/* contract: 9.28 */
static void cancelled_twice(void **state)
{
	struct letter a = make('a');

	(void)state;
	im_set_timer(&a.timer, 10);
	assert_true(im_cancel_timer(&a.timer));
	assert_false(im_cancel_timer(&a.timer));
	watched_expect("9.28", "the core", "cancelled a timer twice");
}

static struct letter periodic;

static void cancel_periodic(void)
{
	assert_false(im_cancel_timer(&periodic.timer));
}

/* contract: 9.29 */
static void periodic_cancelled_at_dispatch(void **state)
{
	(void)state;
	periodic = make('p');
	im_set_periodic_timer(&periodic.timer, 10);
	watched_in_handler(IM_HANDLER_receive_packets, cancel_periodic);
	watched_expect("9.29", "mad", "im_cancel_timer");
	assert_true(im_cancel_timer(&periodic.timer));
}

static struct letter kept;

static void set_kept(void)
{
	im_set_timer(&kept.timer, 10);
}

static void nothing(void)
{
}

/* contract: 9.28 */
static void timer_that_outlives_halt(void **state)
{
	(void)state;
	kept = make('k');
	watched_in_handler(IM_HANDLER_initialize, set_kept);
	watched_in_handler(IM_HANDLER_halt, nothing);
	watched_expect("9.28", "mad", "halt returned with a timer that is set");
	watched_tick(20); /* it is taken away */
	assert_string_equal(order, "");
}

static void timers_left_at_unload(void **state)
{
	struct letter a = make('a'), other = make('o');

	(void)state;
	other.timer.wrapper = NULL;
	im_set_timer(&a.timer, 10);
	im_set_timer(&other.timer, 10);
	assert_int_equal(im_report_leaks(&watched_wrapper), 1);
	watched_expect("1.22", "mad", "1 of its timers still set");
	watched_tick(20);
	assert_string_equal(order, "o");
}

/* ---- Many threads ---------------------------------------------------------------------------------- */

/* Each thread sets and cancels a timer of its own; every setting ends either way, once. */
struct racer {
	struct im_timer timer;
	uint32_t expired; /* atomic */
	uint32_t set, cancelled;
	bool last; /* set by the one that expires last */
};

static uint32_t racing; /* atomic */

static void count_racer(struct im_timer *timer)
{
	__atomic_add_fetch(&((struct racer *)timer)->expired, 1, __ATOMIC_RELEASE);
}

static void *race(void *argument)
{
	struct racer *racer = argument;
	uint32_t ended = 0;

	assert_int_equal(im_thread_attach(), 0);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		im_set_timer(&racer->timer, 0);
		racer->set++;
		if (im_cancel_timer(&racer->timer))
			racer->cancelled++;
		else
			while (__atomic_load_n(&racer->expired, __ATOMIC_ACQUIRE) == ended)
				;
		ended = __atomic_load_n(&racer->expired, __ATOMIC_ACQUIRE);
	}
	im_thread_detach();
	__atomic_sub_fetch(&racing, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* contract: 9.28 11.33 */
static void timers_of_many_threads_end_once(void **state)
{
	static struct racer racers[THREADS];
	pthread_t threads[THREADS];

	(void)state;
	memset(racers, 0, sizeof(racers));
	racing = THREADS;
	for (uint32_t i = 0; i < THREADS; i++) {
		racers[i].timer = (struct im_timer){.expired = count_racer, .wrapper = &watched_wrapper};
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	while (__atomic_load_n(&racing, __ATOMIC_ACQUIRE) > 0)
		watched_tick(1);
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(racers[i].set, ROUNDS);
		assert_int_equal(racers[i].expired + racers[i].cancelled, ROUNDS);
	}
	im_flush_work(&watched_wrapper); /* no function of them is running */
}

/* ---- -------------------------------------------------------------------------------------------------- */

static int up(void **state)
{
	order[0] = '\0';
	return watched_alone(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, watched_end)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(cancel_of_a_firing_timer_is_too_late),
		TEST(cancel_says_whether_it_was_in_time),
		TEST(cancelled_twice),
		TEST(periodic_cancelled_at_dispatch),
		TEST(periodic_timer_keeps_its_beat),
		TEST(set_twice),
		TEST(timer_may_free_itself),
		TEST(timer_may_set_itself),
		TEST(timer_of_no_delay_waits_for_the_next_tick),
		TEST(timer_set_before_the_clock_runs),
		TEST(timer_that_outlives_halt),
		TEST(timers_expire_in_order_of_time),
		TEST(timers_left_at_unload),
		TEST(timers_of_many_threads_end_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
