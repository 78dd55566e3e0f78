/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Resets (contract section 7A): a row of steps, run as work. A step that waits for the miniport leaves, and what it
 * waits for queues the work again for the next one: nobody sleeps over a miniport that may never answer.
 *
 *   announce ──> call ──> give_back ──> restore_filter ──> restore_multicast ──> ... ──> finish
 *                  └ PENDING ... im_reset_complete()  └ PENDING ... the request is complete
 *
 * A pause may run at the same time: neither waits for the other's end (7.8).
 */
#include "im/inside.h"
#include "im/spin.h"

#define INSTANCE(work_) ((struct im_instance *)(void *)((char *)(work_)-offsetof(struct im_instance, reset.work)))

/* ---- Beginning ----------------------------------------------------------------------------------- */

im_status_t im_begin_reset(struct im_instance *instance, struct im_binding *asked_by)
{
	struct im_reset_state *reset = &instance->reset;
	im_status_t status = IM_STATUS_SUCCESS;

	if (instance->miniport->handlers.reset == NULL)
		return IM_STATUS_NOT_RESETTABLE; /* an intermediate driver's (7.9) */
	im_spin_lock(&instance->requests.lock.held);
	if (reset->refused) {
		status = IM_STATUS_CLOSING;
	} else if (reset->running) {
		status = IM_STATUS_RESET_IN_PROGRESS;
	} else {
		__atomic_store_n(&reset->running, true, __ATOMIC_RELAXED);
		reset->asked_by = asked_by;
		reset->step = 0;
		reset->pattern = 0;
		reset->pended = false;
		reset->returned = false;
		reset->addressing_reset = false;
		reset->work.run = im_run_reset;
		reset->work.wrapper = im_wrapper_of(instance);
		reset->work.core = true;
	}
	im_spin_unlock(&instance->requests.lock.held);
	return status;
}

/* ---- Steps: each says whether the next one may follow at once ------------------------------------ */

/* The protocols are told first, so that they stop by themselves; then nothing goes down any more (7.4, 7.6). */
IM_PASSIVE static bool announce(struct im_instance *instance)
{
	im_tell_status(instance, IM_INDICATION_RESET_START, NULL, 0);
	im_close_gate(&instance->gate, IM_GATE_RESETTING);
	im_hold_requests(instance);
	im_synchronize();
	return true;
}

/* It pends from before the call: the completion may come before the handler has returned (3.18). */
IM_PASSIVE static bool call(struct im_instance *instance)
{
	struct im_reset_state *reset = &instance->reset;
	bool addressing_reset = false, completed;
	struct im_frame frame;
	im_status_t status;

	reset->pended = true;
	im_enter(&frame, IM_HANDLER_reset, im_wrapper_of(instance), instance);
	status = instance->miniport->handlers.reset(&addressing_reset, instance->context);
	im_leave(&frame);
	im_spin_lock(&instance->requests.lock.held);
	completed = !reset->pended;
	reset->returned = true;
	if (!completed && status != IM_STATUS_PENDING) {
		reset->pended = false;
		reset->status = status;
		reset->addressing_reset = addressing_reset;
	}
	im_spin_unlock(&instance->requests.lock.held);
	if (status == IM_STATUS_PENDING)
		return completed;
	if (completed)
		im_violation("7.3", im_driver_of(instance), "completed a reset whose handler did not pend it");
	return true;
}

void im_reset_complete(struct im_instance *instance, im_status_t status, bool addressing_reset)
{
	struct im_reset_state *reset = &instance->reset;
	bool pended, returned;

	im_unlocked_call("im_reset_complete");
	if (!im_usable_handle(instance, "im_reset_complete", "7.3"))
		return;
	im_spin_lock(&instance->requests.lock.held);
	pended = reset->running && reset->pended;
	returned = reset->returned;
	if (pended) {
		reset->pended = false;
		reset->status = status;
		reset->addressing_reset = addressing_reset;
	}
	im_spin_unlock(&instance->requests.lock.held);
	if (!pended)
		im_violation("7.3", im_driver_of(instance), "completed a reset, but none is pending");
	else if (returned)
		im_schedule_work(&reset->work);
}

static bool is_legal(im_status_t status)
{
	return status == IM_STATUS_SUCCESS || status == IM_STATUS_NOT_RESETTABLE ||
	       status == IM_STATUS_RESET_IN_PROGRESS || status == IM_STATUS_SOFT_ERRORS ||
	       status == IM_STATUS_HARD_ERRORS;
}

/* A serialised miniport has forgotten what it had: the core completes it. Others complete their own (7.5). */
IM_PASSIVE static bool give_back(struct im_instance *instance)
{
	struct im_reset_state *reset = &instance->reset;
	uint8_t level;

	if (!is_legal(reset->status)) {
		im_violation("7.1", im_driver_of(instance), "a reset ended with a status that it cannot have");
		reset->status = IM_STATUS_HARD_ERRORS;
	}
	if (instance->deserialized)
		return true;
	level = im_raise(im_this_worker);
	im_serial_abort(instance, IM_STATUS_REQUEST_ABORTED);
	im_lower(im_this_worker, level);
	im_abort_active_request(instance, IM_STATUS_REQUEST_ABORTED);
	return true;
}

static void restored(struct im_request *request, im_status_t status)
{
	(void)status; /* what it was, it cannot be helped here; the driver's own answer to a query tells */
	im_schedule_work(&request->core.instance->reset.work);
}

/* Whether the miniport has lost what @p oid stands for, and works again (7.2). */
IM_PASSIVE static bool restore(struct im_instance *instance, uint32_t oid, void *value, uint32_t length)
{
	struct im_reset_state *reset = &instance->reset;
	bool works = reset->status == IM_STATUS_SUCCESS || reset->status == IM_STATUS_SOFT_ERRORS;

	if (!reset->addressing_reset || !works)
		return true;
	reset->restore = (struct im_request){
		.set = true, .oid = oid, .buffer = value, .length = length, .core.completed = restored};
	return im_core_request(instance, &reset->restore) != IM_STATUS_PENDING;
}

IM_PASSIVE static bool restore_filter(struct im_instance *instance)
{
	struct im_addressing *has = &instance->addressing;

	return restore(instance, SLUICE_OID_GEN_CURRENT_PACKET_FILTER, &has->packet_filter, sizeof(has->packet_filter));
}

IM_PASSIVE static bool restore_multicast(struct im_instance *instance)
{
	struct im_addressing *has = &instance->addressing;

	return restore(instance, SLUICE_OID_802_3_MULTICAST_LIST, has->multicast, has->multicast_length);
}

IM_PASSIVE static bool restore_number(struct im_instance *instance, uint32_t oid, struct im_setting *setting)
{
	return !setting->is_set || restore(instance, oid, &setting->value, sizeof(setting->value));
}

IM_PASSIVE static bool restore_offloads(struct im_instance *instance)
{
	return restore_number(instance, SLUICE_OID_TCP_TASK_OFFLOAD, &instance->settings.offloads);
}

/* One at a time: the same step comes again. That is settled first, as it may come while this one is on its way back. */
IM_PASSIVE static bool restore_patterns(struct im_instance *instance)
{
	struct im_reset_state *reset = &instance->reset;
	struct im_wake_pattern *pattern;

	if (reset->pattern == instance->settings.pattern_count)
		return true;
	pattern = &instance->settings.patterns[reset->pattern++];
	reset->step--;
	return restore(instance, SLUICE_OID_PNP_ADD_WAKE_UP_PATTERN, pattern->bytes, pattern->length);
}

IM_PASSIVE static bool restore_wake_up(struct im_instance *instance)
{
	return restore_number(instance, SLUICE_OID_PNP_ENABLE_WAKE_UP, &instance->settings.wake_up);
}

/* The protocol that asked keeps the instance alive until it is told. */
static void tell_asker(struct im_binding *binding, im_status_t status)
{
	const struct im_protocol_characteristics *handlers = &binding->protocol->handlers;
	struct im_frame frame;

	if (handlers->reset_complete != NULL) { /* only an intermediate driver must have one (3.7) */
		im_enter(&frame, IM_HANDLER_reset_complete, binding->protocol->wrapper, binding);
		handlers->reset_complete(binding->context, status);
		im_leave(&frame);
	}
	__atomic_sub_fetch(&binding->requests, 1, __ATOMIC_RELEASE);
}

/* Another reset may begin, and the instance may go, from the moment that this one is not running any more. */
IM_PASSIVE static bool finish(struct im_instance *instance)
{
	struct im_reset_state *reset = &instance->reset;
	im_status_t status = reset->status;
	struct im_binding *asked_by;

	im_open_gate(&instance->gate, IM_GATE_RESETTING);
	im_tell_status(instance, IM_INDICATION_RESET_END, NULL, 0);
	im_resume_requests(instance);
	pthread_mutex_lock(&im_core.lock);
	im_spin_lock(&instance->requests.lock.held);
	asked_by = reset->asked_by;
	reset->asked_by = NULL;
	reset->ended++;
	__atomic_store_n(&reset->running, false, __ATOMIC_RELAXED);
	im_spin_unlock(&instance->requests.lock.held);
	im_core_changed();
	pthread_mutex_unlock(&im_core.lock);
	if (asked_by != NULL)
		tell_asker(asked_by, status);
	return false;
}

static bool (*const steps[])(struct im_instance *) = {
	announce,	 call,	 give_back, restore_filter, restore_multicast, restore_offloads, restore_patterns,
	restore_wake_up, finish,
};

/* After a step that leaves, another thread may be at the next one already. */
void im_run_reset(struct im_work *work)
{
	struct im_instance *instance = INSTANCE(work);

	while (steps[instance->reset.step++](instance))
		;
}

/* ---- Asking -------------------------------------------------------------------------------------- */

/* Counted as a request of the binding: its close waits (3.6). */
im_status_t im_reset(struct im_binding *binding)
{
	struct im_instance *lower;
	im_status_t status;

	if (binding == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	im_unlocked_call("im_reset");
	if (!im_usable_handle(binding, "im_reset", "3.22"))
		return IM_STATUS_CLOSING;
	if (im_fault_call())
		return IM_STATUS_NOT_RESETTABLE;
	lower = binding->lower;
	__atomic_add_fetch(&binding->requests, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&binding->closed, __ATOMIC_SEQ_CST))
		status = IM_STATUS_CLOSING;
	else if (__atomic_load_n(&lower->power, __ATOMIC_RELAXED) != IM_POWER_D0)
		status = IM_STATUS_LOW_POWER_STATE;
	else
		status = im_begin_reset(lower, binding);
	if (status != IM_STATUS_SUCCESS) {
		__atomic_sub_fetch(&binding->requests, 1, __ATOMIC_RELEASE);
		return status;
	}
	im_schedule_work(&lower->reset.work);
	return IM_STATUS_PENDING;
}

im_status_t im_reset_instance(struct im_instance *instance)
{
	uint32_t ended;
	struct im_wait wait = {0};
	im_status_t status;

	if (!im_passive_call("im_reset_instance"))
		return IM_STATUS_FAILURE;
	pthread_mutex_lock(&im_core.lock);
	ended = instance->reset.ended;
	status = instance->state < SLUICE_INSTANCE_PAUSED ? IM_STATUS_NOT_READY
		 : instance->power != IM_POWER_D0	  ? IM_STATUS_LOW_POWER_STATE
							  : IM_STATUS_SUCCESS;
	pthread_mutex_unlock(&im_core.lock);
	if (status == IM_STATUS_SUCCESS)
		status = im_begin_reset(instance, NULL);
	if (status != IM_STATUS_SUCCESS)
		return status;
	im_run_reset(&instance->reset.work);
	pthread_mutex_lock(&im_core.lock);
	while (instance->reset.ended == ended) {
		im_verify_wait(&wait, "7.1", im_driver_of(instance), instance->name,
			       "a reset that pended is not completed");
		im_core_wait();
	}
	status = instance->reset.status;
	pthread_mutex_unlock(&im_core.lock);
	return status;
}

/* ---- Going --------------------------------------------------------------------------------------- */

/* It is told now and not at the end, which may be far away (7.10). */
void im_abort_reset(struct im_binding *binding)
{
	struct im_instance *lower = binding->lower;
	bool waits;

	im_spin_lock(&lower->requests.lock.held);
	waits = lower->reset.asked_by == binding;
	if (waits)
		lower->reset.asked_by = NULL;
	im_spin_unlock(&lower->requests.lock.held);
	if (waits)
		tell_asker(binding, IM_STATUS_REQUEST_ABORTED);
}

void im_stop_resets(struct im_instance *instance)
{
	struct im_wait wait = {0};

	im_spin_lock(&instance->requests.lock.held);
	__atomic_store_n(&instance->reset.refused, true, __ATOMIC_RELAXED);
	im_spin_unlock(&instance->requests.lock.held);
	pthread_mutex_lock(&im_core.lock);
	while (__atomic_load_n(&instance->reset.running, __ATOMIC_RELAXED) || instance->holds > 0) {
		im_verify_wait_holds(&wait, "7.1", instance, im_driver_of(instance), instance->name,
				     "a reset does not end, and the instance halts");
		im_core_wait();
	}
	pthread_mutex_unlock(&im_core.lock);
}
