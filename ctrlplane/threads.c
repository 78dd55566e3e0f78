/* SPDX-License-Identifier: BSD-3-Clause */
#include "threads.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct thread {
	struct threads *all;
	pthread_t id;
	struct threads_line line; /* of the job that runs; under the lock */
	bool busy;		  /* under the lock */
};

struct threads {
	struct threads_hooks hooks;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* anything below */
	TAILQ_HEAD(, threads_job) queue;
	bool ending;	/* of the workers, when the queue is empty */
	bool ticking;	/* until the last job has ended: it may wait for what a tick does */
	int error;	/* of begin() */
	unsigned begun; /* threads that are through begin(), well or not */
	unsigned count; /* of workers that were started */
	struct thread workers[THREADS_MAX];
	struct thread ticker;
	bool ticks; /* there is a ticker */
};

/* ---- Jobs ------------------------------------------------------------------------------------------ */

static bool same_line(const struct threads_line *a, const struct threads_line *b)
{
	return strncmp(a->name, b->name, sizeof(a->name)) == 0;
}

static bool may_run(const struct threads *threads, const struct threads_job *job)
{
	unsigned under_way = 0;

	if (job->line.most == 0)
		return true;
	for (unsigned i = 0; i < threads->count; i++)
		under_way += threads->workers[i].busy && same_line(&threads->workers[i].line, &job->line);
	return under_way < job->line.most;
}

/* The first job whose line is not full. Those before it in the queue are of other lines, so that each keeps its order.
 */
static struct threads_job *take(struct threads *threads)
{
	struct threads_job *job;

	TAILQ_FOREACH(job, &threads->queue, link)
	{
		if (!may_run(threads, job))
			continue;
		TAILQ_REMOVE(&threads->queue, job, link);
		return job;
	}
	return NULL;
}

/* With the lock held at the call and at the return; the job may be gone when run() returns. */
static void run(struct threads *threads, struct thread *self, struct threads_job *job)
{
	self->line = job->line;
	self->busy = true;
	pthread_mutex_unlock(&threads->lock);
	job->run(job);
	pthread_mutex_lock(&threads->lock);
	self->busy = false;
	pthread_cond_broadcast(&threads->changed); /* its line has room */
}

static void work(struct threads *threads, struct thread *self)
{
	pthread_mutex_lock(&threads->lock);
	while (!threads->ending || !TAILQ_EMPTY(&threads->queue)) {
		struct threads_job *job = take(threads);

		if (job != NULL)
			run(threads, self, job);
		else
			pthread_cond_wait(&threads->changed, &threads->lock);
	}
	pthread_mutex_unlock(&threads->lock);
}

void threads_post(struct threads *threads, struct threads_job *job)
{
	pthread_mutex_lock(&threads->lock);
	TAILQ_INSERT_TAIL(&threads->queue, job, link);
	pthread_cond_broadcast(&threads->changed);
	pthread_mutex_unlock(&threads->lock);
}

bool threads_withdraw(struct threads *threads, struct threads_job *job)
{
	struct threads_job *queued;

	pthread_mutex_lock(&threads->lock);
	TAILQ_FOREACH(queued, &threads->queue, link)
	{
		if (queued == job)
			break;
	}
	if (queued != NULL)
		TAILQ_REMOVE(&threads->queue, queued, link);
	pthread_mutex_unlock(&threads->lock);
	return queued != NULL;
}

/* ---- Ticks ----------------------------------------------------------------------------------------- */

static bool is_ticking(struct threads *threads)
{
	bool ticking;

	pthread_mutex_lock(&threads->lock);
	ticking = threads->ticking;
	pthread_mutex_unlock(&threads->lock);
	return ticking;
}

static void tick(struct threads *threads)
{
	const struct timespec pause = {.tv_nsec = THREADS_TICK_MS * 1000000};

	while (is_ticking(threads)) {
		threads->hooks.tick(threads->hooks.context);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
}

/* ---- Threads --------------------------------------------------------------------------------------- */

static int begin(struct threads *threads)
{
	int error = threads->hooks.begin != NULL ? threads->hooks.begin(threads->hooks.context) : 0;

	pthread_mutex_lock(&threads->lock);
	threads->begun++;
	if (error != 0)
		threads->error = error;
	pthread_cond_broadcast(&threads->changed);
	pthread_mutex_unlock(&threads->lock);
	return error;
}

static void *live(void *argument)
{
	struct thread *self = argument;
	struct threads *threads = self->all;

	if (begin(threads) != 0)
		return NULL;
	if (self == &threads->ticker)
		tick(threads);
	else
		work(threads, self);
	if (threads->hooks.end != NULL)
		threads->hooks.end(threads->hooks.context);
	return NULL;
}

/* Of faults: they are for the thread that makes them. The system ends a program at once whose fault is blocked, so that
 * nobody could mend it, nor write last words. */
static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};

/* All others are for the thread that can be woken by them. */
static void block_signals(sigset_t *before)
{
	sigset_t blocked;

	sigfillset(&blocked);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&blocked, faults[i]);
	pthread_sigmask(SIG_SETMASK, &blocked, before);
}

static int start(struct threads *threads, struct thread *thread)
{
	sigset_t before;
	int error;

	thread->all = threads;
	block_signals(&before);
	error = pthread_create(&thread->id, NULL, live, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

/* What begin() said on all of them. */
static int wait_begun(struct threads *threads, unsigned started)
{
	int error;

	pthread_mutex_lock(&threads->lock);
	while (threads->begun < started)
		pthread_cond_wait(&threads->changed, &threads->lock);
	error = threads->error;
	pthread_mutex_unlock(&threads->lock);
	return error;
}

static int start_all(struct threads *threads, unsigned count)
{
	int error = 0, said;

	while (error == 0 && threads->count < count && threads->count < THREADS_MAX) {
		error = start(threads, &threads->workers[threads->count]);
		pthread_mutex_lock(&threads->lock);
		threads->count += error == 0;
		pthread_mutex_unlock(&threads->lock);
	}
	if (error == 0 && threads->hooks.tick != NULL) {
		error = start(threads, &threads->ticker);
		threads->ticks = error == 0;
	}
	said = wait_begun(threads, threads->count + threads->ticks);
	return error != 0 ? error : said;
}

struct threads *threads_create(const struct threads_hooks *hooks, unsigned count, int *error)
{
	struct threads *threads = calloc(1, sizeof(*threads));

	*error = -ENOMEM;
	if (threads == NULL)
		return NULL;
	threads->hooks = *hooks;
	threads->ticking = true;
	TAILQ_INIT(&threads->queue);
	pthread_mutex_init(&threads->lock, NULL);
	pthread_cond_init(&threads->changed, NULL);
	*error = start_all(threads, count);
	if (*error == 0)
		return threads;
	threads_destroy(threads);
	return NULL;
}

static void say(struct threads *threads, bool *flag, bool value)
{
	pthread_mutex_lock(&threads->lock);
	*flag = value;
	pthread_cond_broadcast(&threads->changed);
	pthread_mutex_unlock(&threads->lock);
}

void threads_destroy(struct threads *threads)
{
	if (threads == NULL)
		return;
	say(threads, &threads->ending, true);
	for (unsigned i = 0; i < threads->count; i++)
		pthread_join(threads->workers[i].id, NULL);
	say(threads, &threads->ticking, false);
	if (threads->ticks)
		pthread_join(threads->ticker.id, NULL);
	pthread_cond_destroy(&threads->changed);
	pthread_mutex_destroy(&threads->lock);
	free(threads);
}
