/* SPDX-License-Identifier: BSD-3-Clause */
/* The core comes and goes; threads that call it; how a control thread waits. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "inside.h"

struct im_core im_core;
__thread struct im_worker *im_this_worker;

/* ---- Threads ------------------------------------------------------------------------------------- */

static void worker_free(struct im_worker *worker)
{
	free(worker->traffic);
	free(worker->accounts);
}

static int worker_init(struct im_worker *worker, uint32_t index, uint32_t counters, bool control)
{
	worker->index = index;
	worker->level = worker->own_level = control ? IM_LEVEL_PASSIVE : IM_LEVEL_DISPATCH;
	worker->careful = control ? IM_CAREFUL_PASSIVE : 0;
	worker->running = &worker->other_cycles;
	worker->mark = rte_rdtsc();
	worker->traffic = calloc(counters, sizeof(*worker->traffic));
	worker->accounts = calloc(IM_ACCOUNTS_MAX, sizeof(*worker->accounts));
	if (worker->traffic != NULL && worker->accounts != NULL)
		return 0;
	worker_free(worker);
	return -ENOMEM;
}

int im_thread_attach(void)
{
	struct im_worker *free_one = NULL;

	pthread_mutex_lock(&im_core.lock);
	for (uint32_t i = im_core.worker_count; i < im_core.thread_count && free_one == NULL; i++)
		if (!im_core.workers[i].attached)
			free_one = &im_core.workers[i];
	if (free_one != NULL)
		free_one->attached = true;
	pthread_mutex_unlock(&im_core.lock);
	if (free_one == NULL)
		return -EAGAIN;
	im_this_worker = free_one;
	return 0;
}

void im_thread_detach(void)
{
	pthread_mutex_lock(&im_core.lock);
	im_this_worker->attached = false;
	pthread_mutex_unlock(&im_core.lock);
	im_this_worker = NULL;
}

uint32_t im_thread_count(void)
{
	return im_core.thread_count;
}

/* ---- Coming and going ---------------------------------------------------------------------------- */

static int make_threads(uint32_t workers, uint32_t counters)
{
	uint32_t threads = workers + IM_CONTROL_THREADS_MAX;
	size_t size = RTE_ALIGN_CEIL(threads * sizeof(*im_core.workers), 64);

	im_core.workers = aligned_alloc(64, size);
	if (im_core.workers == NULL)
		return -ENOMEM;
	memset(im_core.workers, 0, size);
	im_core.worker_count = workers + 1;
	for (; im_core.thread_count < threads; im_core.thread_count++) {
		uint32_t index = im_core.thread_count;
		bool control = index == 0 || index > workers;

		if (worker_init(&im_core.workers[index], index, counters, control) != 0)
			return -ENOMEM;
	}
	im_core.workers[0].attached = true;
	im_this_worker = &im_core.workers[0];
	return 0;
}

int im_core_create(uint32_t workers, uint32_t counters)
{
	memset(&im_core, 0, sizeof(im_core));
	pthread_mutex_init(&im_core.lock, NULL);
	pthread_cond_init(&im_core.changed, NULL);
	TAILQ_INIT(&im_core.drivers);
	TAILQ_INIT(&im_core.instances);
	TAILQ_INIT(&im_core.bindings);
	LIST_INIT(&im_core.edges);
	im_core.packet_slots = IM_PACKET_SLOTS;
	im_accounts_reset();
	if (make_threads(workers, counters) == 0 && im_grace_create(&im_core.grace, im_core.thread_count) == 0)
		return 0;
	im_core_destroy();
	return -ENOMEM;
}

static unsigned count_leaks(void)
{
	struct im_driver_object *driver;
	struct im_instance *instance;
	struct im_binding *binding;
	unsigned leaked = 0;

	TAILQ_FOREACH(binding, &im_core.bindings, link)
	leaked += fprintf(stderr, "leak: binding to '%s'\n", binding->lower->name) > 0;
	FOREACH_INSTANCE (instance)
		leaked += fprintf(stderr, "leak: instance '%s'\n", instance->name) > 0;
	TAILQ_FOREACH(driver, &im_core.drivers, link)
	leaked += fprintf(stderr, "leak: driver '%s'\n", driver->name) > 0;
	return leaked;
}

unsigned im_core_destroy(void)
{
	unsigned leaked = count_leaks();

	im_verify_end();
	for (uint32_t i = 0; i < im_core.thread_count; i++)
		worker_free(&im_core.workers[i]);
	free(im_core.workers);
	im_grace_destroy(im_core.grace);
	pthread_cond_destroy(&im_core.changed);
	pthread_mutex_destroy(&im_core.lock);
	im_core.workers = NULL;
	im_core.grace = NULL;
	im_core.worker_count = 0;
	im_core.thread_count = 0;
	im_this_worker = NULL;
	return leaked;
}

void im_tick(uint64_t now_ns)
{
	__atomic_store_n(&im_core.now_ns, now_ns, __ATOMIC_RELAXED);
	im_run_work();
	im_run_timers(now_ns);
	im_check_for_hang(now_ns);
	im_verify_tick(now_ns);
}

/* ---- Waiting ------------------------------------------------------------------------------------- */

/*
 * What is waited for comes from other threads, from workers that may not signal, or from work that this very thread
 * has to run when it is the only control thread: so it runs the queued work, then sleeps for a moment at most.
 */
void im_core_wait(void)
{
	struct timespec until;

	pthread_mutex_unlock(&im_core.lock);
	im_run_work();
	pthread_mutex_lock(&im_core.lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_cond_timedwait(&im_core.changed, &im_core.lock, &until);
}

void im_core_changed(void)
{
	pthread_cond_broadcast(&im_core.changed);
}

/*
 * A control thread that is inside a call of the packet path is itself a reader: it must not wait for its own end. Such
 * a call is at DISPATCH, where nobody waits (9.12).
 */
void im_synchronize(void)
{
	uint64_t token = im_grace_begin(im_core.grace);

	while (!im_grace_passed(im_core.grace, token))
		usleep(50);
}

void im_open_gate(uint32_t *gate, uint32_t bits)
{
	__atomic_and_fetch(gate, ~bits, __ATOMIC_RELEASE);
}

void im_close_gate(uint32_t *gate, uint32_t bits)
{
	__atomic_or_fetch(gate, bits, __ATOMIC_RELEASE);
}

/* ---- Names --------------------------------------------------------------------------------------- */

struct im_wrapper *im_wrapper_of(const struct im_instance *instance)
{
	return instance->miniport->wrapper;
}

const char *im_driver_of(const struct im_instance *instance)
{
	return instance->miniport->wrapper->object->name;
}

const char *im_driver_over(const struct im_binding *binding)
{
	return binding->protocol->wrapper->object->name;
}
