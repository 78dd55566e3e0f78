/* SPDX-License-Identifier: BSD-3-Clause */
/* Spin locks, events and short waits (contract section 9C). */
#include <time.h>

#include <rte_cycles.h>

#include "inside.h"
#include "spin.h"

#define STALL_MAX_US 50u

/* ---- Spin locks ---------------------------------------------------------------------------------- */

static bool is_verified(const struct im_worker *worker)
{
	return worker != NULL && im_is_watched(worker);
}

void im_acquire_spin_lock(struct im_lock *lock)
{
	struct im_worker *worker = im_this_worker;

	if (unlikely(is_verified(worker)) && !im_verify_acquire(lock, __builtin_return_address(0)))
		return;
	im_spin_lock(&lock->held);
	if (worker == NULL)
		return;
	worker->locks++;
	worker->level = IM_LEVEL_DISPATCH;
}

void im_release_spin_lock(struct im_lock *lock)
{
	struct im_worker *worker = im_this_worker;

	if (unlikely(is_verified(worker)) && !im_verify_release(lock))
		return;
	im_spin_unlock(&lock->held);
	if (worker != NULL && --worker->locks == 0)
		worker->level = worker->own_level;
}

void im_stall_execution(uint32_t microseconds)
{
	if (unlikely(microseconds > STALL_MAX_US && is_verified(im_this_worker))) {
		im_violation("9.30", im_running_driver(), "stalled for more than 50 microseconds");
		microseconds = STALL_MAX_US;
	}
	rte_delay_us_block(microseconds);
}

/* ---- Events -------------------------------------------------------------------------------------- */

void im_set_event(struct im_event *event)
{
	__atomic_store_n(&event->set, 1, __ATOMIC_RELEASE);
}

void im_reset_event(struct im_event *event)
{
	__atomic_store_n(&event->set, 0, __ATOMIC_RELAXED);
}

static bool is_set(const struct im_event *event)
{
	return __atomic_load_n(&event->set, __ATOMIC_ACQUIRE) != 0;
}

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/*
 * Whoever sets it may be at DISPATCH, where nobody makes the system call that would wake a sleeper: so the waiter looks
 * again each time its own wait is over, after a millisecond at most, and meanwhile does the work that is queued.
 */
bool im_wait_event(struct im_event *event, uint32_t timeout_ms)
{
	uint64_t begun = clock_ms();

	if (!im_passive_call("im_wait_event"))
		return false;
	if (is_set(event))
		return true;
	pthread_mutex_lock(&im_core.lock);
	while (!is_set(event) && (timeout_ms == 0 || clock_ms() - begun < timeout_ms))
		im_core_wait();
	pthread_mutex_unlock(&im_core.lock);
	return is_set(event);
}
