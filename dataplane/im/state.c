/* SPDX-License-Identifier: BSD-3-Clause */
/* Pause and restart of an instance and of the bindings over it (contract section 10D). */
#include "inside.h"

/* ---- One change at a time ------------------------------------------------------------------------ */

/* Under the lock, which is released meanwhile. */
void im_begin_change(struct im_instance *instance)
{
	struct im_wait wait = {0};

	while (instance->changing) {
		im_verify_wait(&wait, "10.22", im_driver_of(instance), instance->name,
			       "another change of state does not end");
		im_core_wait();
	}
	instance->changing = true;
}

void im_end_change(struct im_instance *instance)
{
	instance->changing = false;
	im_core_changed();
}

void im_wait_for_packets(struct im_instance *instance, const char *statement, const char *what)
{
	struct im_wait wait = {0};

	pthread_mutex_lock(&im_core.lock);
	while (im_outstanding(instance) != 0) {
		im_verify_wait_packets(&wait, statement, instance, im_driver_of(instance), instance->name, what);
		im_core_wait();
	}
	pthread_mutex_unlock(&im_core.lock);
}

/* ---- Instances ----------------------------------------------------------------------------------- */

static void pause_uppers(struct im_instance *instance)
{
	struct im_binding *binding;

	TAILQ_FOREACH(binding, &instance->uppers, upper)
	{
		im_keep_binding(binding, "pause below");
		im_pause_binding(binding);
		im_let_go_binding(binding,
				  "pause below"); /* the list may have changed, but not behind an entry that was held */
	}
}

static im_status_t call_pause(struct im_instance *instance)
{
	struct im_frame frame;
	im_status_t status;

	if (instance->miniport->handlers.pause == NULL)
		return IM_STATUS_SUCCESS;
	im_enter(&frame, IM_HANDLER_pause, im_wrapper_of(instance), instance);
	status = instance->miniport->handlers.pause(instance->context);
	im_leave(&frame);
	if (status != IM_STATUS_SUCCESS && status != IM_STATUS_PENDING) {
		im_violation("10.25", im_driver_of(instance), "pause returned something else than SUCCESS or PENDING");
		return IM_STATUS_SUCCESS;
	}
	return status;
}

/* From a worker too, which takes no mutex: who waits looks again soon (im_core_wait()). */
void im_pause_complete(struct im_instance *instance)
{
	uint32_t pended = IM_PAUSE_PENDED;

	im_unlocked_call("im_pause_complete");
	if (!im_usable_handle(instance, "im_pause_complete", "10.25"))
		return;
	if (!__atomic_compare_exchange_n(&instance->pause, &pended, IM_PAUSE_COMPLETE, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED))
		im_violation("10.25", im_driver_of(instance), "pause completed that does not pend");
}

/* The completion may come before the handler has returned PENDING (3.18): it pends from before the call. */
static void run_pause(struct im_instance *instance)
{
	struct im_wait wait = {0};
	im_status_t status;

	__atomic_store_n(&instance->pause, IM_PAUSE_PENDED, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&im_core.lock);
	im_synchronize(); /* no indication, and no send, is under way that began before the gate closed */
	im_serial_refuse(instance, NULL, IM_STATUS_PAUSED);
	status = call_pause(instance);
	pthread_mutex_lock(&im_core.lock);
	while (status == IM_STATUS_PENDING &&
	       __atomic_load_n(&instance->pause, __ATOMIC_ACQUIRE) != IM_PAUSE_COMPLETE) {
		im_verify_wait(&wait, "10.25", im_driver_of(instance), instance->name,
			       "a pause that pended is not completed");
		im_core_wait();
	}
	__atomic_store_n(&instance->pause, IM_PAUSE_NONE, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&im_core.lock);
	im_synchronize(); /* whoever saw what the handler has changed meanwhile is through */
	im_wait_for_packets(instance, "10.25", "paused, but packets are not home");
	pthread_mutex_lock(&im_core.lock);
}

/* Top down: the protocols above stop first (10.27). */
void im_pause(struct im_instance *instance)
{
	if (!im_passive_call("im_pause"))
		return;
	pthread_mutex_lock(&im_core.lock);
	im_begin_change(instance);
	if (instance->state == SLUICE_INSTANCE_RUNNING) {
		pause_uppers(instance);
		im_set_instance_state(instance, SLUICE_INSTANCE_PAUSING);
		im_close_gate(&instance->gate, IM_GATE_STOPPED);
		run_pause(instance);
		im_set_instance_state(instance, SLUICE_INSTANCE_PAUSED);
	}
	im_end_change(instance);
	pthread_mutex_unlock(&im_core.lock);
}

static im_status_t call_restart(struct im_instance *instance)
{
	struct im_frame frame;
	im_status_t status;

	if (instance->miniport->handlers.restart == NULL)
		return IM_STATUS_SUCCESS;
	im_enter(&frame, IM_HANDLER_restart, im_wrapper_of(instance), instance);
	status = instance->miniport->handlers.restart(instance->context);
	im_leave(&frame);
	return status;
}

static im_status_t restart(struct im_instance *instance)
{
	struct im_binding *binding;
	im_status_t status;

	im_set_instance_state(instance, SLUICE_INSTANCE_RESTARTING);
	pthread_mutex_unlock(&im_core.lock);
	im_restart_loopback(instance);
	status = call_restart(instance);
	pthread_mutex_lock(&im_core.lock);
	if (status != IM_STATUS_SUCCESS) {
		im_set_instance_state(instance, SLUICE_INSTANCE_PAUSED);
		return status;
	}
	im_set_instance_state(instance, SLUICE_INSTANCE_RUNNING);
	im_open_gate(&instance->gate, IM_GATE_STOPPED);
	TAILQ_FOREACH(binding, &instance->uppers, upper)
	{
		im_keep_binding(binding, "restart below");
		im_restart_binding(binding);
		im_let_go_binding(binding, "restart below");
	}
	return IM_STATUS_SUCCESS;
}

im_status_t im_restart(struct im_instance *instance)
{
	im_status_t status = IM_STATUS_NOT_ACCEPTED;

	if (!im_passive_call("im_restart"))
		return IM_STATUS_FAILURE;
	pthread_mutex_lock(&im_core.lock);
	im_begin_change(instance);
	if (instance->state == SLUICE_INSTANCE_PAUSED && !instance->going)
		status = restart(instance);
	im_end_change(instance);
	pthread_mutex_unlock(&im_core.lock);
	return status;
}

/* ---- Bindings ------------------------------------------------------------------------------------ */

void im_set_binding_state(struct im_binding *binding, enum im_binding_state state)
{
	bool opened = binding->state == IM_BINDING_OPENING;

	im_verify_binding_state(binding, (uint8_t)binding->state, (uint8_t)state);
	binding->state = state;
	if (opened)
		im_publish_audience(binding->lower);
	im_core_changed();
}

/* Tell the protocol, without the lock. One that takes no events is told nothing. */
static void tell(struct im_binding *binding, enum im_pnp_event_code code)
{
	struct im_pnp_event event = {.code = code};

	pthread_mutex_unlock(&im_core.lock);
	im_pnp_event_to(binding, &event);
	pthread_mutex_lock(&im_core.lock);
}

static void wait_for_binding(struct im_binding *binding)
{
	struct im_wait wait = {0};

	while (im_binding_outstanding(binding) != 0) {
		pthread_mutex_unlock(&im_core.lock);
		im_serial_refuse(binding->lower, binding, IM_STATUS_PAUSED); /* what waits there may wait for ever */
		pthread_mutex_lock(&im_core.lock);
		im_verify_wait_packets(&wait, "10.26", binding, im_driver_over(binding), binding->adapter,
				       "a binding is paused, but its packets are not home");
		im_core_wait();
	}
}

/* It is told first, so that it stops by itself; then the gate closes, and what is out comes home (10.26). */
void im_pause_binding(struct im_binding *binding)
{
	if (!im_begin_binding_change(binding, IM_BINDING_RUNNING))
		return;
	im_set_binding_state(binding, IM_BINDING_PAUSING);
	tell(binding, IM_PNP_PAUSE);
	im_close_gate(&binding->gate, IM_GATE_STOPPED);
	im_publish_receivers(binding->lower);
	pthread_mutex_unlock(&im_core.lock);
	im_synchronize();
	pthread_mutex_lock(&im_core.lock);
	wait_for_binding(binding);
	im_set_binding_state(binding, IM_BINDING_PAUSED);
	im_end_binding_change(binding);
}

void im_restart_binding(struct im_binding *binding)
{
	if (binding->bind != NULL || binding->unbinding || !im_begin_binding_change(binding, IM_BINDING_PAUSED))
		return; /* its bind is not through yet, and will see to it; or it goes */
	im_set_binding_state(binding, IM_BINDING_RESTARTING);
	im_open_gate(&binding->gate, IM_GATE_STOPPED);
	im_set_binding_state(binding, IM_BINDING_RUNNING);
	im_publish_receivers(binding->lower);
	tell(binding, IM_PNP_RESTART);
	im_end_binding_change(binding);
}
