/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hang checks (contract section 7B): every two seconds, or as often as the driver has asked for, a miniport is asked
 * whether it hangs; and one that has had a request for two periods does, unless it does its own timing (6.18). Time is
 * a parameter. An intermediate driver has neither handler (7.13), and is not reset.
 */
#include "im/inside.h"

#define NS_A_SECOND 1000000000ull

/* Under the lock. Not before initialize is done (7.12), nor asleep. On its way out it may: a reset brings home the
 * packets and the requests that a halt waits for. */
static bool may_hang(const struct im_instance *instance)
{
	return instance->state >= SLUICE_INSTANCE_PAUSED && instance->power == IM_POWER_D0 &&
	       !__atomic_load_n(&instance->reset.refused, __ATOMIC_RELAXED) &&
	       instance->miniport->handlers.reset != NULL &&
	       !__atomic_load_n(&instance->reset.running, __ATOMIC_RELAXED);
}

/* The first period begins when it is first seen here. */
static bool is_due(struct im_instance *instance, uint64_t now_ns)
{
	uint64_t due_ns = instance->next_hang_check_ns;

	if (due_ns != 0 && now_ns < due_ns)
		return false;
	instance->next_hang_check_ns = now_ns + instance->hang_period_s * NS_A_SECOND;
	return due_ns != 0;
}

static bool is_overdue(struct im_instance *instance, uint64_t now_ns)
{
	uint64_t begun_ns = im_request_begun(instance);

	if ((instance->attributes & IM_ATTRIBUTE_IGNORE_TIMEOUTS) || begun_ns > now_ns)
		return false;
	return now_ns - begun_ns >= 2 * instance->hang_period_s * NS_A_SECOND;
}

static bool says_so(struct im_instance *instance)
{
	struct im_frame frame;
	bool hangs;

	if (instance->miniport->handlers.check_for_hang == NULL)
		return false;
	im_enter(&frame, IM_HANDLER_check_for_hang, im_wrapper_of(instance), instance);
	hangs = instance->miniport->handlers.check_for_hang(instance->context);
	im_leave(&frame);
	return hangs;
}

/* Under the lock, which is released meanwhile; the hold keeps the instance. */
static void check(struct im_instance *instance, uint64_t now_ns)
{
	im_keep_instance(instance, "hang check");
	pthread_mutex_unlock(&im_core.lock);
	if ((says_so(instance) || is_overdue(instance, now_ns)) && im_begin_reset(instance, NULL) == IM_STATUS_SUCCESS)
		im_run_reset(&instance->reset.work);
	pthread_mutex_lock(&im_core.lock);
	im_let_go_instance(instance, "hang check");
	im_core_changed();
}

void im_check_for_hang(uint64_t now_ns)
{
	struct im_instance *instance;

	pthread_mutex_lock(&im_core.lock);
	FOREACH_INSTANCE (instance)
		if (may_hang(instance) && is_due(instance, now_ns))
			check(instance, now_ns);
	pthread_mutex_unlock(&im_core.lock);
}
