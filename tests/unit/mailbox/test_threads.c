/* SPDX-License-Identifier: BSD-3-Clause */
/* Control threads: every job once, lines that are full, and threads that begin, tick and end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory/guard.h"
#include "threads.h"

#define THREADS 4u
#define MANY	1000u

static struct {
	uint32_t begun, ended, ticks, ran;
	uint32_t refuse_at; /* the n-th begin() fails; 0: none */
} seen;

static uint32_t count(uint32_t *counter)
{
	return __atomic_add_fetch(counter, 1, __ATOMIC_ACQ_REL);
}

static uint32_t look(const uint32_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static int begin(void *context)
{
	assert_ptr_equal(context, &seen);
	return count(&seen.begun) == seen.refuse_at ? -EAGAIN : 0;
}

static void end(void *context)
{
	(void)context;
	count(&seen.ended);
}

static void tick(void *context)
{
	(void)context;
	count(&seen.ticks);
}

static const struct threads_hooks hooks = {.begin = begin, .end = end, .tick = tick, .context = &seen};

static int clear(void **state)
{
	(void)state;
	seen.begun = seen.ended = seen.ticks = seen.ran = seen.refuse_at = 0;
	alarm(60);
	return 0;
}

static struct threads *create(void)
{
	int error = 1;
	struct threads *threads = threads_create(&hooks, THREADS, &error);

	assert_non_null(threads);
	assert_int_equal(error, 0);
	return threads;
}

/* ---- Jobs ------------------------------------------------------------------------------------------ */

/* A job that says when it runs, and waits until it may go on. */
struct job {
	struct threads_job work;
	uint32_t runs;
	uint32_t place; /* among all that have run */
	sem_t *entered; /* NULL: it waits for nobody */
	sem_t *go;
};

static void run(struct threads_job *work)
{
	struct job *job = (struct job *)work;

	job->place = count(&seen.ran);
	count(&job->runs);
	if (job->entered == NULL)
		return;
	sem_post(job->entered);
	sem_wait(job->go);
}

static void post(struct threads *threads, struct job *job, const char *line, uint8_t most)
{
	job->work.run = run;
	snprintf(job->work.line.name, sizeof(job->work.line.name), "%s", line);
	job->work.line.most = most;
	threads_post(threads, &job->work);
}

static void each_job_runs_once_and_all_before_the_end(void **state)
{
	static struct job jobs[MANY];
	struct threads *threads = create();

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		jobs[i] = (struct job){0};
		post(threads, &jobs[i], i % 3 == 0 ? "three" : "", i % 3 == 0 ? 2 : 0);
	}
	threads_destroy(threads);
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(jobs[i].runs, 1);
	assert_int_equal(seen.ran, MANY);
}

static void a_full_line_waits_and_lets_others_pass(void **state)
{
	struct threads *threads = create();
	sem_t entered, go;
	struct job slow[3] = {
		{.entered = &entered, .go = &go}, {.entered = &entered, .go = &go}, {.entered = &entered, .go = &go}};
	struct job other = {.entered = &entered, .go = &go};

	(void)state;
	sem_init(&entered, 0, 0);
	sem_init(&go, 0, 0);
	for (unsigned i = 0; i < 3; i++)
		post(threads, &slow[i], "one at a time", 1);
	post(threads, &other, "another", 1);
	sem_wait(&entered);
	sem_wait(&entered); /* two are under way: the first of the line, and the other one, though it came last */
	assert_int_equal(look(&slow[0].runs), 1);
	assert_int_equal(look(&other.runs), 1);
	assert_int_equal(look(&slow[1].runs) + look(&slow[2].runs), 0);
	for (unsigned i = 0; i < 4; i++)
		sem_post(&go);
	threads_destroy(threads);
	assert_true(slow[0].place < slow[1].place && slow[1].place < slow[2].place);
	sem_destroy(&entered);
	sem_destroy(&go);
}

static void as_many_of_a_line_run_as_it_may_have(void **state)
{
	struct threads *threads = create();
	sem_t entered, go;
	struct job jobs[3];

	(void)state;
	sem_init(&entered, 0, 0);
	sem_init(&go, 0, 0);
	for (unsigned i = 0; i < 3; i++) {
		jobs[i] = (struct job){.entered = &entered, .go = &go};
		post(threads, &jobs[i], "two", 2);
	}
	sem_wait(&entered);
	sem_wait(&entered);
	assert_int_equal(look(&jobs[2].runs), 0);
	sem_post(&go); /* one of them goes: the third comes in while the other still waits */
	sem_wait(&entered);
	assert_int_equal(look(&jobs[2].runs), 1);
	sem_post(&go);
	sem_post(&go);
	threads_destroy(threads);
	sem_destroy(&entered);
	sem_destroy(&go);
}

/* ---- Threads --------------------------------------------------------------------------------------- */

static void each_thread_begins_and_ends(void **state)
{
	struct threads *threads = create();

	(void)state;
	assert_int_equal(seen.begun, THREADS + 1); /* and the one that ticks */
	threads_destroy(threads);
	assert_int_equal(seen.ended, THREADS + 1);
}

static void a_thread_that_cannot_begin_is_told(void **state)
{
	for (seen.refuse_at = 1; seen.refuse_at <= THREADS + 1;) {
		uint32_t at = seen.refuse_at;
		int error = 0;

		assert_null(threads_create(&hooks, THREADS, &error));
		assert_int_equal(error, -EAGAIN);
		assert_int_equal(seen.begun, THREADS + 1);
		assert_int_equal(seen.ended, THREADS); /* those that could */
		clear(state);
		seen.refuse_at = at + 1;
	}
}

static void it_ticks_while_every_thread_waits(void **state)
{
	struct threads *threads = create();
	struct job jobs[THREADS];
	sem_t entered, go;
	uint32_t before;

	(void)state;
	sem_init(&entered, 0, 0);
	sem_init(&go, 0, 0);
	for (unsigned i = 0; i < THREADS; i++) {
		jobs[i] = (struct job){.entered = &entered, .go = &go};
		post(threads, &jobs[i], "", 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		sem_wait(&entered);
	before = look(&seen.ticks);
	while (look(&seen.ticks) < before + 3) /* the alarm ends a test that waits in vain */
		usleep(1000);
	for (unsigned i = 0; i < THREADS; i++)
		sem_post(&go);
	threads_destroy(threads);
	sem_destroy(&entered);
	sem_destroy(&go);
}

/* ---- Signals --------------------------------------------------------------------------------------- */

#define CUT_SIZE 4096u

/* A job that reads a mapping whose file was cut, and looks which signals reach its thread. */
struct faulty {
	struct threads_job work;
	const uint8_t *mapping;
	uint8_t read;
	sigset_t blocked;
};

static void read_cut(struct threads_job *work)
{
	struct faulty *faulty = (struct faulty *)work;

	faulty->read = *(const volatile uint8_t *)faulty->mapping;
	pthread_sigmask(SIG_SETMASK, NULL, &faulty->blocked);
}

/* Where it were blocked the system would end this program. */
static void a_fault_is_for_the_thread_that_makes_it(void **state)
{
	static const int open[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
	static const int closed[] = {SIGTERM, SIGINT, SIGHUP, SIGALRM, SIGPIPE};
	struct faulty job = {.work.run = read_cut, .read = 1};
	struct threads *threads = create();
	int fd = memfd_create("cut", MFD_CLOEXEC);
	uint8_t *mapping;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, CUT_SIZE), 0);
	mapping = mmap(NULL, CUT_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(mapping != MAP_FAILED);
	assert_int_equal(guard_add(mapping, CUT_SIZE, PROT_READ), 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	job.mapping = mapping;
	threads_post(threads, &job.work);
	threads_destroy(threads);
	assert_int_equal(job.read, 0);
	for (unsigned i = 0; i < sizeof(open) / sizeof(open[0]); i++)
		assert_false(sigismember(&job.blocked, open[i]));
	for (unsigned i = 0; i < sizeof(closed) / sizeof(closed[0]); i++)
		assert_true(sigismember(&job.blocked, closed[i]));
	guard_remove(mapping);
	munmap(mapping, CUT_SIZE);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_job_runs_once_and_all_before_the_end, clear),
		cmocka_unit_test_setup(a_full_line_waits_and_lets_others_pass, clear),
		cmocka_unit_test_setup(as_many_of_a_line_run_as_it_may_have, clear),
		cmocka_unit_test_setup(each_thread_begins_and_ends, clear),
		cmocka_unit_test_setup(a_thread_that_cannot_begin_is_told, clear),
		cmocka_unit_test_setup(it_ticks_while_every_thread_waits, clear),
		cmocka_unit_test_setup(a_fault_is_for_the_thread_that_makes_it, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
