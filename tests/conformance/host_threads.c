/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers and further control threads: each takes jobs from a queue of its own. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#include "host.h"
#include "host_threads.h"
#include "im/core.h"

#define THREADS_MAX (IM_WORKERS_MAX + HOST_CONTROLS_MAX) /* workers from 1 on, then the control threads */
#define PATIENCE_MS 2000u

struct job {
	void (*run)(void *argument);
	void *argument;
	bool *done; /* set under the lock, or NULL */
	STAILQ_ENTRY(job) link;
};

struct thread {
	pthread_t id;
	uint32_t index; /* of the core's worker; 0: a control thread */
	bool running;
	bool busy; /* with a job */
	uint64_t turns;
	STAILQ_HEAD(, job) jobs;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct thread threads[THREADS_MAX];
static uint32_t worker_count;
static uint32_t open_jobs; /* queued or running */
static bool stopping;

/* A test's asserts jump back to the test: on another thread there is no way but out. */
_Noreturn static void give_up(const char *what)
{
	fprintf(stderr, "host: %s\n", what);
	abort();
}

static bool turn(struct thread *thread)
{
	struct job *job;

	pthread_mutex_lock(&lock);
	thread->turns++;
	job = STAILQ_FIRST(&thread->jobs);
	if (job != NULL)
		STAILQ_REMOVE_HEAD(&thread->jobs, link);
	thread->busy = job != NULL;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	if (job == NULL)
		return false;
	job->run(job->argument);
	pthread_mutex_lock(&lock);
	thread->busy = false;
	open_jobs--;
	if (job->done != NULL)
		*job->done = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	free(job);
	return true;
}

static bool is_stopping(void)
{
	bool answer;

	pthread_mutex_lock(&lock);
	answer = stopping;
	pthread_mutex_unlock(&lock);
	return answer;
}

/* As the firmware's poll loop: jobs instead of bursts, then deferred calls, then a quiescent state. */
static void *work(void *argument)
{
	struct thread *thread = argument;

	im_this_worker = &im_core.workers[thread->index];
	im_grace_online(im_core.grace, thread->index);
	while (!is_stopping()) {
		bool busy = turn(thread);

		im_run_dpcs(im_this_worker);
		im_grace_quiescent(im_core.grace, thread->index);
		if (!busy)
			usleep(20);
	}
	im_grace_offline(im_core.grace, thread->index);
	return NULL;
}

static void *control(void *argument)
{
	struct thread *thread = argument;

	if (im_thread_attach() != 0)
		give_up("a control thread cannot be attached");
	while (!is_stopping())
		if (!turn(thread))
			usleep(20);
	im_thread_detach();
	return NULL;
}

/* Under the lock, or before there are threads. */
static void start(struct thread *thread, uint32_t index)
{
	thread->index = index;
	thread->turns = 0;
	thread->busy = false;
	STAILQ_INIT(&thread->jobs);
	if (pthread_create(&thread->id, NULL, index > 0 ? work : control, thread) != 0)
		give_up("no thread can be made");
	thread->running = true;
}

void host_threads_start(uint32_t workers)
{
	stopping = false;
	worker_count = workers;
	for (uint32_t i = 1; i <= workers; i++)
		start(&threads[i], i);
}

static void end_all(void)
{
	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_mutex_unlock(&lock);
	for (uint32_t i = 0; i < THREADS_MAX; i++) {
		if (threads[i].running)
			pthread_join(threads[i].id, NULL);
		threads[i].running = false;
	}
	worker_count = 0;
}

void host_threads_stop(void)
{
	host_join();
	end_all();
}

void host_threads_abandon(void)
{
	for (uint32_t waited_ms = 0; __atomic_load_n(&open_jobs, __ATOMIC_RELAXED) > 0; waited_ms++) {
		if (waited_ms == PATIENCE_MS)
			give_up("a test failed, and what it had asked of a thread does not end");
		usleep(1000);
	}
	end_all();
}

static bool is_idle(const struct thread *thread)
{
	return !thread->running || (!thread->busy && STAILQ_EMPTY(&thread->jobs));
}

/* Under the lock. Whoever waits for a job inside another one does not wait for itself: hence an idle one. */
static struct thread *choose(uint32_t index)
{
	struct thread *controls = &threads[IM_WORKERS_MAX];

	if (index >= 1 && index <= worker_count)
		return &threads[index];
	if (index >= HOST_CONTROL && index < HOST_CONTROL + HOST_CONTROLS_MAX)
		return &controls[index - HOST_CONTROL];
	for (uint32_t i = 0; index == HOST_IDLE && i < HOST_CONTROLS_MAX; i++)
		if (is_idle(&controls[i]))
			return &controls[i];
	give_up("a job for a thread that there is not");
}

static void queue(uint32_t index, void (*run)(void *), void *argument, bool *done)
{
	struct job *job = calloc(1, sizeof(*job));
	struct thread *thread;

	if (job == NULL)
		give_up("no memory");
	*job = (struct job){.run = run, .argument = argument, .done = done};
	pthread_mutex_lock(&lock);
	thread = choose(index);
	if (!thread->running)
		start(thread, 0);
	open_jobs++;
	STAILQ_INSERT_TAIL(&thread->jobs, job, link);
	pthread_mutex_unlock(&lock);
}

void host_begin(uint32_t thread, void (*run)(void *), void *argument)
{
	queue(thread, run, argument, NULL);
}

void host_on(uint32_t thread, void (*run)(void *), void *argument)
{
	bool done = false;

	queue(thread, run, argument, &done);
	pthread_mutex_lock(&lock);
	while (!done)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

void host_join(void)
{
	pthread_mutex_lock(&lock);
	while (open_jobs > 0)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

void host_threads_turn(void)
{
	host_join();
	pthread_mutex_lock(&lock);
	for (uint32_t i = 0; i < THREADS_MAX; i++) {
		uint64_t wanted = threads[i].turns + 2; /* the one that runs now may be past its deferred calls */

		while (threads[i].running && threads[i].turns < wanted)
			pthread_cond_wait(&changed, &lock);
	}
	pthread_mutex_unlock(&lock);
}

uint32_t host_other(bool passive)
{
	if (passive || worker_count == 0)
		return HOST_IDLE;
	if (im_this_worker->index != worker_count)
		return worker_count;
	return worker_count > 1 ? 1 : HOST_IDLE;
}
