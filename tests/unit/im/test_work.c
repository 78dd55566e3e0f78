/* SPDX-License-Identifier: BSD-3-Clause */
/* Work items and deferred calls: once for each time that they are queued, in order, by whoever is to run them. */
#include <pthread.h>

#include "watched.h"

#define THREADS 3
#define ITEMS	64
#define ROUNDS	2000

static char order[16];
static uint32_t ran;

struct letter {
	struct im_work work;
	struct im_dpc dpc;
	char letter;
	uint8_t level; /* of the thread that ran it */
};

static void write_letter(struct letter *letter)
{
	letter->level = im_this_worker->level;
	order[ran++] = letter->letter;
	order[ran] = '\0';
}

static void work_writes(struct im_work *work)
{
	write_letter((struct letter *)((char *)work - offsetof(struct letter, work)));
}

static void dpc_writes(struct im_dpc *dpc)
{
	write_letter((struct letter *)((char *)dpc - offsetof(struct letter, dpc)));
}

static struct letter make(char letter)
{
	return (struct letter){.work = {.run = work_writes, .wrapper = &watched_wrapper},
			       .dpc = {.run = dpc_writes, .wrapper = &watched_wrapper},
			       .letter = letter};
}

/* ---- Work items ------------------------------------------------------------------------------------ */

static void work_runs_in_order(void **state)
{
	struct letter a = make('a'), b = make('b'), c = make('c');

	(void)state;
	assert_true(im_schedule_work(&b.work));
	assert_true(im_schedule_work(&a.work));
	assert_true(im_schedule_work(&c.work));
	assert_int_equal(ran, 0);
	im_run_work();
	assert_string_equal(order, "bac");
	assert_int_equal(a.level, IM_LEVEL_PASSIVE);
}

static void work_is_queued_once(void **state)
{
	struct letter a = make('a');

	(void)state;
	assert_true(im_schedule_work(&a.work));
	assert_false(im_schedule_work(&a.work));
	im_run_work();
	assert_true(im_schedule_work(&a.work));
	im_run_work();
	assert_string_equal(order, "aa");
}

static void again(struct im_work *work)
{
	work_writes(work);
	im_schedule_work(work);
}

static void work_that_queues_itself_waits_for_the_next_time(void **state)
{
	struct letter a = make('a');

	(void)state;
	a.work.run = again;
	im_schedule_work(&a.work);
	im_run_work();
	im_run_work();
	assert_string_equal(order, "aa");
	a.work.run = work_writes;
	im_run_work();
}

static struct im_event event;
static struct letter late;

static void wait_for_the_other(struct im_work *work)
{
	assert_true(im_wait_event(&event, 0));
	work_writes(work);
}

static void release_the_other(struct im_work *work)
{
	work_writes(work);
	im_set_event(&event);
}

/* Both are taken in one go, and the first waits for the second. */
static void work_may_wait_for_later_work(void **state)
{
	struct letter a = make('a');

	(void)state;
	im_reset_event(&event);
	late = make('b');
	a.work.run = wait_for_the_other;
	late.work.run = release_the_other;
	im_schedule_work(&a.work);
	im_schedule_work(&late.work);
	im_run_work();
	assert_string_equal(order, "ba");
}

static void free_itself(struct im_work *work)
{
	ran++;
	free(work);
}

static void work_may_free_itself(void **state)
{
	struct im_work *work = calloc(1, sizeof(*work));

	(void)state;
	assert_non_null(work);
	work->run = free_itself;
	im_schedule_work(work);
	im_run_work();
	assert_int_equal(ran, 1);
}

/* ---- Before a driver goes -------------------------------------------------------------------------- */

/* contract: 1.23 */
static void flush_waits_for_all(void **state)
{
	struct letter a = make('a'), b = make('b');

	(void)state;
	im_schedule_work(&a.work);
	im_queue_dpc(&b.dpc, 1);
	im_flush_work(&watched_wrapper);
	assert_int_equal(ran, 2);
	watched_expect_none();
}

/* contract: 1.23 */
static void drain_finds_what_unload_left(void **state)
{
	struct letter a = make('a');

	(void)state;
	im_schedule_work(&a.work);
	im_drain_work(&watched_wrapper);
	watched_expect("1.23", "mad", "queued or running");
	assert_string_equal(order, "a"); /* it runs all the same, before the driver's code goes */
	im_drain_work(&watched_wrapper);
	watched_expect_none();
}

static void drain_forgives_the_cores_own(void **state)
{
	struct letter a = make('a');

	(void)state;
	a.work.core = true;
	im_schedule_work(&a.work);
	im_drain_work(&watched_wrapper);
	assert_string_equal(order, "a");
	watched_expect_none();
}

/* ---- Deferred calls -------------------------------------------------------------------------------- */

static void dpcs_run_on_their_worker(void **state)
{
	struct letter a = make('a'), b = make('b'), c = make('c');
	uint8_t level = im_raise(im_this_worker);

	(void)state;
	assert_int_equal(im_worker_count(), 2);
	assert_true(im_queue_dpc(&a.dpc, 1));
	assert_true(im_queue_dpc(&c.dpc, 2));
	assert_true(im_queue_dpc(&b.dpc, 1));
	assert_false(im_queue_dpc(&b.dpc, 1));
	im_run_dpcs(&im_core.workers[1]);
	assert_string_equal(order, "ab");
	assert_int_equal(a.level, IM_LEVEL_DISPATCH);
	im_run_dpcs(&im_core.workers[2]);
	assert_string_equal(order, "abc");
	im_lower(im_this_worker, level);
}

static void dpcs_of_no_worker_are_refused(void **state)
{
	struct letter a = make('a');

	(void)state;
	assert_false(im_queue_dpc(&a.dpc, 0));
	watched_expect("9.27", "the core", "a worker that there is not");
	assert_false(im_queue_dpc(&a.dpc, 3));
	watched_expect("9.27", "the core", "a worker that there is not");
}

static void dpcs_of_stopped_workers_are_run_by_control_threads(void **state)
{
	struct letter a = make('a'), b = make('b');

	(void)state;
	im_core.workers[2].attached = true;
	im_queue_dpc(&a.dpc, 1);
	im_queue_dpc(&b.dpc, 2);
	im_run_work();
	assert_string_equal(order, "a");
	assert_int_equal(a.level, IM_LEVEL_DISPATCH);
	im_core.workers[2].attached = false;
	im_run_work();
	assert_string_equal(order, "ab");
}

/* ---- Many threads ---------------------------------------------------------------------------------- */

static struct item {
	struct im_work work;
	uint32_t wanted; /* atomic: times that it was queued */
	uint32_t ran;	 /* atomic */
} items[ITEMS];

static uint32_t pushers; /* atomic: that are not through */

static void count_item(struct im_work *work)
{
	struct item *item = (struct item *)work;

	__atomic_add_fetch(&item->ran, 1, __ATOMIC_RELAXED);
}

static void *push_many(void *seed)
{
	uint32_t at = *(const uint32_t *)seed;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct item *item = &items[at++ % ITEMS];

		if (im_schedule_work(&item->work))
			__atomic_add_fetch(&item->wanted, 1, __ATOMIC_RELAXED);
	}
	__atomic_sub_fetch(&pushers, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void *run_many(void *unused)
{
	(void)unused;
	assert_int_equal(im_thread_attach(), 0);
	while (__atomic_load_n(&pushers, __ATOMIC_ACQUIRE) > 0)
		im_run_work();
	im_thread_detach();
	return NULL;
}

static void work_of_many_threads_runs_as_often_as_it_was_queued(void **state)
{
	static uint32_t seeds[THREADS] = {0, 17, 40};
	pthread_t threads[THREADS + 1];

	(void)state;
	pushers = THREADS;
	for (uint32_t i = 0; i < ITEMS; i++)
		items[i] = (struct item){.work = {.run = count_item, .wrapper = &watched_wrapper}};
	for (uint32_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, push_many, &seeds[i]), 0);
	assert_int_equal(pthread_create(&threads[THREADS], NULL, run_many, NULL), 0);
	while (__atomic_load_n(&pushers, __ATOMIC_ACQUIRE) > 0)
		im_run_work();
	for (uint32_t i = 0; i <= THREADS; i++)
		pthread_join(threads[i], NULL);
	im_flush_work(&watched_wrapper);
	for (uint32_t i = 0; i < ITEMS; i++)
		assert_int_equal(items[i].ran, items[i].wanted);
}

/* ---- -------------------------------------------------------------------------------------------------- */

static int up(void **state)
{
	(void)state;
	watched_core_up(2, NULL);
	ran = 0;
	order[0] = '\0';
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, watched_end)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(dpcs_of_no_worker_are_refused),
		TEST(dpcs_of_stopped_workers_are_run_by_control_threads),
		TEST(dpcs_run_on_their_worker),
		TEST(drain_finds_what_unload_left),
		TEST(drain_forgives_the_cores_own),
		TEST(flush_waits_for_all),
		TEST(work_is_queued_once),
		TEST(work_may_free_itself),
		TEST(work_may_wait_for_later_work),
		TEST(work_of_many_threads_runs_as_often_as_it_was_queued),
		TEST(work_runs_in_order),
		TEST(work_that_queues_itself_waits_for_the_next_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
