/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Work items and deferred calls: how one level hands something to the other.
 *
 *   any level ── push ──> stack, one for PASSIVE and one for each worker ── taken whole, turned round ──> in order
 *
 * Pushing takes no lock, so that a worker may. Control threads move what was pushed into one list behind a mutex and
 * take from there one at a time: an item that waits for a later one must not have it in its own pocket.
 */
#include <pthread.h>

#include "inside.h"

static struct im_work *pushed; /* newest first */

static struct {
	pthread_mutex_t lock;
	struct im_work *first, *last; /* oldest first */
	uint32_t count;
} ready = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- Whose it is --------------------------------------------------------------------------------- */

/* Counted from the moment it is queued until its function has returned (1.23). */
static void begin(struct im_wrapper *wrapper, bool core)
{
	if (wrapper == NULL)
		return;
	__atomic_add_fetch(&wrapper->owned.lent, core, __ATOMIC_RELAXED);
	__atomic_add_fetch(&wrapper->owned.deferred, 1, __ATOMIC_RELAXED);
}

static void end(struct im_wrapper *wrapper, bool core)
{
	if (wrapper == NULL)
		return;
	__atomic_sub_fetch(&wrapper->owned.lent, core, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&wrapper->owned.deferred, 1, __ATOMIC_RELEASE);
}

/* ---- Work items ---------------------------------------------------------------------------------- */

bool im_schedule_work(struct im_work *work)
{
	if (__atomic_exchange_n(&work->queued, 1, __ATOMIC_ACQ_REL) != 0)
		return false;
	begin(work->wrapper, work->core);
	work->next = __atomic_load_n(&pushed, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&pushed, &work->next, work, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	return true;
}

/* Under the lock of `ready`. */
static void gather(void)
{
	struct im_work *newest = __atomic_exchange_n(&pushed, NULL, __ATOMIC_ACQUIRE);
	struct im_work *oldest = NULL, *last = newest;

	while (newest != NULL) {
		struct im_work *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
		ready.count++;
	}
	if (oldest == NULL)
		return;
	if (ready.last != NULL)
		ready.last->next = oldest;
	else
		ready.first = oldest;
	ready.last = last;
}

static struct im_work *take(void)
{
	struct im_work *work;

	pthread_mutex_lock(&ready.lock);
	gather();
	work = ready.first;
	if (work != NULL) {
		ready.first = work->next;
		ready.count--;
		if (ready.first == NULL)
			ready.last = NULL;
	}
	pthread_mutex_unlock(&ready.lock);
	return work;
}

static uint32_t count(void)
{
	uint32_t waiting;

	pthread_mutex_lock(&ready.lock);
	gather();
	waiting = ready.count;
	pthread_mutex_unlock(&ready.lock);
	return waiting;
}

/* It may queue itself again, or free itself: not a look at it after the call. */
static void run(struct im_work *work)
{
	struct im_wrapper *wrapper = work->wrapper;
	bool core = work->core;
	struct im_frame frame;

	__atomic_store_n(&work->queued, 0, __ATOMIC_RELEASE);
	im_enter(&frame, IM_HANDLER_work, wrapper, work);
	work->run(work);
	im_leave(&frame);
	end(wrapper, core);
}

/* ---- Deferred calls ------------------------------------------------------------------------------ */

bool im_queue_dpc(struct im_dpc *dpc, uint32_t index)
{
	struct im_worker *worker;

	if (index == 0 || index > im_worker_count()) {
		im_violation("9.27", im_running_driver(), "queued a deferred call for a worker that there is not");
		return false;
	}
	if (__atomic_exchange_n(&dpc->queued, 1, __ATOMIC_ACQ_REL) != 0)
		return false;
	begin(dpc->wrapper, false);
	worker = &im_core.workers[index];
	dpc->next = __atomic_load_n(&worker->dpcs, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&worker->dpcs, &dpc->next, dpc, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	return true;
}

IM_DISPATCH static void run_dpc(struct im_dpc *dpc)
{
	struct im_wrapper *wrapper = dpc->wrapper;
	struct im_frame frame;

	__atomic_store_n(&dpc->queued, 0, __ATOMIC_RELEASE);
	im_enter(&frame, IM_HANDLER_dpc, wrapper, dpc);
	dpc->run(dpc);
	im_leave(&frame);
	end(wrapper, false);
}

void im_run_dpcs(struct im_worker *worker)
{
	struct im_dpc *newest, *oldest = NULL;

	if (likely(__atomic_load_n(&worker->dpcs, __ATOMIC_RELAXED) == NULL))
		return;
	newest = __atomic_exchange_n(&worker->dpcs, NULL, __ATOMIC_ACQUIRE);
	while (newest != NULL) {
		struct im_dpc *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	while (oldest != NULL) {
		struct im_dpc *next = oldest->next; /* it may be queued again, or freed, by its function */

		run_dpc(oldest);
		oldest = next;
	}
}

uint32_t im_worker_count(void)
{
	return im_core.worker_count > 0 ? im_core.worker_count - 1 : 0;
}

/* ---- What a control thread does with it ----------------------------------------------------------- */

/* Workers that do not run any more leave their calls to the control threads. */
static void run_orphans(void)
{
	for (uint32_t i = 1; i <= im_worker_count(); i++) {
		uint8_t level;

		if (__atomic_load_n(&im_core.workers[i].dpcs, __ATOMIC_RELAXED) == NULL ||
		    __atomic_load_n(&im_core.workers[i].attached, __ATOMIC_ACQUIRE))
			continue;
		level = im_raise(im_this_worker);
		im_run_dpcs(&im_core.workers[i]);
		im_lower(im_this_worker, level);
	}
}

/* No more than there were: what queues itself again waits for the next time. */
void im_run_work(void)
{
	struct im_work *work;

	for (uint32_t left = count(); left > 0 && (work = take()) != NULL; left--)
		run(work);
	run_orphans();
}

/* ---- Before a driver goes ------------------------------------------------------------------------ */

static bool is_busy(const struct im_wrapper *wrapper)
{
	return __atomic_load_n(&wrapper->owned.deferred, __ATOMIC_ACQUIRE) != 0;
}

void im_flush_work(struct im_wrapper *wrapper)
{
	struct im_wait wait = {0};

	if (wrapper == NULL || !im_passive_call("im_flush_work"))
		return;
	pthread_mutex_lock(&im_core.lock);
	while (is_busy(wrapper)) {
		im_verify_wait(&wait, "1.23", wrapper->object->name, wrapper->object->name,
			       "a work item or deferred call does not end");
		im_core_wait();
	}
	pthread_mutex_unlock(&im_core.lock);
}

void im_drain_work(struct im_wrapper *wrapper)
{
	uint32_t lent = __atomic_load_n(&wrapper->owned.lent, __ATOMIC_ACQUIRE);

	if (im_is_verified() && __atomic_load_n(&wrapper->owned.deferred, __ATOMIC_ACQUIRE) > lent)
		im_violation("1.23", wrapper->object->name,
			     "goes with a work item, deferred call or timer function queued or running");
	im_flush_work(wrapper);
}
