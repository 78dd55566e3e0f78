/* SPDX-License-Identifier: BSD-3-Clause */
/* Bindings: a protocol edge over an adapter, opened and closed (contract sections 1E and 3). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"

#define OF(work_, member_, type_) ((type_ *)(void *)((char *)(work_)-offsetof(type_, member_)))

/* ---- One change at a time ------------------------------------------------------------------------ */

bool im_begin_binding_change(struct im_binding *binding, enum im_binding_state wanted)
{
	struct im_wait wait = {0};

	while (binding->changing) {
		im_verify_wait(&wait, "10.23", im_driver_over(binding), binding->adapter,
			       "another change of a binding does not end");
		im_core_wait();
	}
	if (binding->state != wanted)
		return false;
	binding->changing = true;
	return true;
}

void im_keep_binding(struct im_binding *binding, const char *tag)
{
	binding->holds++;
	im_ledger_take(binding, tag, __builtin_return_address(0));
}

void im_let_go_binding(struct im_binding *binding, const char *tag)
{
	if (im_ledger_give(binding, tag, __builtin_return_address(0)))
		binding->holds--;
}

void im_end_binding_change(struct im_binding *binding)
{
	binding->changing = false;
	im_core_changed();
}

/* ---- Receivers ----------------------------------------------------------------------------------- */

static void wait_for_readers(const struct im_instance *instance)
{
	while (!im_grace_passed(im_core.grace, instance->fan_token))
		im_stall_execution(10);
}

/*
 * Workers read `upper` where there is one receiver, `fan` where there are several. There are two fans, so that
 * publishing needs no memory; the one that is written now was taken out of sight at the last change, a grace period
 * ago.
 */
void im_publish_receivers(struct im_instance *instance)
{
	struct im_fan *fan = &instance->fans[instance->fan == &instance->fans[0]];
	struct im_binding *binding;

	wait_for_readers(instance);
	fan->count = 0;
	TAILQ_FOREACH(binding, &instance->uppers, upper)
	if (binding->state == IM_BINDING_RUNNING && (binding->gate & ~IM_GATE_QUARANTINE) == 0)
		fan->bindings[fan->count++] = binding;
	if (fan->count > 1) /* before the one goes: there is no moment with no receiver */
		__atomic_store_n(&instance->fan, fan, __ATOMIC_RELEASE);
	__atomic_store_n(&instance->upper, fan->count == 1 ? fan->bindings[0] : NULL, __ATOMIC_RELEASE);
	if (fan->count <= 1)
		__atomic_store_n(&instance->fan, NULL, __ATOMIC_RELEASE);
	instance->fan_token = im_grace_begin(im_core.grace);
}

/* ---- Opening ------------------------------------------------------------------------------------- */

static bool knows_ethernet(struct im_open *open)
{
	for (uint32_t i = 0; i < open->media_count; i++) {
		if (open->media[i] != IM_MEDIUM_802_3)
			continue;
		open->selected = i;
		return true;
	}
	return false;
}

static uint32_t count_uppers(const struct im_instance *instance)
{
	const struct im_binding *binding;
	uint32_t count = 0;

	TAILQ_FOREACH(binding, &instance->uppers, upper)
	count++;
	return count;
}

/* Under the lock. */
static im_status_t attach(struct im_binding *binding, const char *adapter)
{
	char name[2 * SLUICE_NAME_SIZE];
	struct im_instance *lower = im_lookup_instance(adapter);

	if (lower == NULL || lower->initialization != IM_INITIALIZATION_DONE || lower->going)
		return IM_STATUS_ADAPTER_NOT_FOUND;
	if (count_uppers(lower) == IM_RECEIVERS_MAX)
		return IM_STATUS_RESOURCES;
	snprintf(name, sizeof(name), "%s/%s", adapter, im_driver_over(binding));
	binding->id = im_take_account(name);
	if (binding->id == UINT16_MAX)
		return IM_STATUS_RESOURCES;
	binding->lower = lower;
	memcpy(binding->adapter, lower->name, sizeof(binding->adapter));
	binding->protocol->bindings++;
	TAILQ_INSERT_TAIL(&im_core.bindings, binding, link);
	TAILQ_INSERT_TAIL(&lower->uppers, binding, upper);
	__atomic_store_n(&im_core.by_account[binding->id], binding, __ATOMIC_RELEASE);
	return IM_STATUS_SUCCESS;
}

static void tell_opened(struct im_work *work)
{
	struct im_binding *binding = OF(work, open_work, struct im_binding);
	struct im_frame frame;

	pthread_mutex_lock(&im_core.lock);
	im_set_binding_state(binding, IM_BINDING_PAUSED);
	pthread_mutex_unlock(&im_core.lock);
	im_enter(&frame, IM_HANDLER_open_adapter_complete, binding->protocol->wrapper, binding);
	binding->protocol->handlers.open_adapter_complete(binding->context, IM_STATUS_SUCCESS);
	im_leave(&frame);
}

static void unbind_later(struct im_work *work);
static void close_later(struct im_work *work);

static struct im_binding *make(struct im_bind *bind, struct im_protocol *protocol, void *context)
{
	struct im_binding *binding = im_fault_allocation() ? NULL : calloc(1, sizeof(*binding));

	if (binding == NULL)
		return NULL;
	im_ledger_begin(binding, IM_COUNTED_BINDING);
	binding->protocol = protocol;
	binding->context = context;
	binding->gate = IM_GATE_STOPPED | im_quarantine_gate(protocol->wrapper);
	binding->bind = bind;
	binding->open_work = (struct im_work){.run = tell_opened, .wrapper = protocol->wrapper, .core = true};
	binding->unbind_work = (struct im_work){.run = unbind_later, .wrapper = protocol->wrapper, .core = true};
	binding->close_work = (struct im_work){.run = close_later, .wrapper = protocol->wrapper, .core = true};
	return binding;
}

im_status_t im_open_adapter(struct im_binding **out, struct im_protocol *protocol, const struct im_bind_config *config,
			    struct im_open *open)
{
	struct im_binding *binding;
	struct im_bind *bind;
	im_status_t status;

	if (out == NULL || protocol == NULL || config == NULL || open == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	*out = NULL;
	if (!im_passive_call("im_open_adapter"))
		return IM_STATUS_FAILURE;
	bind = config->core;
	if (bind == NULL || bind->protocol != protocol || bind->complete || bind->opened != NULL) {
		im_violation("1.34", protocol->wrapper->object->name, "adapter opened outside of its bind");
		return IM_STATUS_FAILURE;
	}
	if (!knows_ethernet(open))
		return IM_STATUS_UNSUPPORTED_MEDIA;
	binding = im_fault_call() ? NULL : make(bind, protocol, open->context);
	if (binding == NULL)
		return IM_STATUS_RESOURCES;
	pthread_mutex_lock(&im_core.lock);
	status = attach(binding, config->adapter);
	if (status == IM_STATUS_SUCCESS) {
		bind->opened = binding;
		*out = binding;
		if (!im_verify_later())
			im_set_binding_state(binding, IM_BINDING_PAUSED);
		else if (im_schedule_work(&binding->open_work))
			status = IM_STATUS_PENDING;
	}
	pthread_mutex_unlock(&im_core.lock);
	if (status != IM_STATUS_SUCCESS && status != IM_STATUS_PENDING) {
		im_ledger_end(binding);
		free(binding);
	}
	return status;
}

/* ---- Closing ------------------------------------------------------------------------------------- */

/* Its memory stays until drop_waiter(), under the same tag. */
static void take_waiter(struct im_binding *binding, const char *tag)
{
	__atomic_add_fetch(&binding->waiters, 1, __ATOMIC_ACQ_REL);
	im_ledger_take(binding, tag, __builtin_return_address(0));
}

static void drop_waiter(struct im_binding *binding, const char *tag)
{
	if (!im_ledger_give(binding, tag, __builtin_return_address(0)))
		return;
	if (__atomic_sub_fetch(&binding->waiters, 1, __ATOMIC_ACQ_REL) != 0 || binding->state != IM_BINDING_GONE)
		return;
	im_ledger_end(binding);
	free(binding);
}

/* Under the lock, which is released while somebody else is still at it. */
static void finish_close(struct im_binding *binding)
{
	struct im_bind *bind = binding->bind;
	struct im_wait wait = {0};

	while (binding->holds > 0) {
		im_verify_wait_holds(&wait, "3.6", binding, im_driver_over(binding), binding->adapter,
				     "something else runs on a binding that closes");
		im_core_wait();
	}
	im_forget_edges(binding);
	im_forget_bypass(binding->above, binding);
	__atomic_store_n(&im_core.by_account[binding->id], NULL, __ATOMIC_RELEASE);
	TAILQ_REMOVE(&im_core.bindings, binding, link);
	TAILQ_REMOVE(&binding->lower->uppers, binding, upper);
	binding->protocol->bindings--;
	im_give_account(binding->id);
	if (bind != NULL && !binding->close_pended)
		bind->opened = NULL;
	binding->bind = NULL; /* who waits for the end of the bind finds it gone */
	take_waiter(binding, "last look");
	im_set_binding_state(binding, IM_BINDING_GONE);
	pthread_mutex_unlock(&im_core.lock);
	im_synchronize(); /* no worker knows it any more */
	pthread_mutex_lock(&im_core.lock);
	drop_waiter(binding, "last look");
}

static bool has_requests(struct im_binding *binding)
{
	return __atomic_load_n(&binding->requests, __ATOMIC_ACQUIRE) > 0;
}

/* The protocol cannot be deregistered before it has been told: `binds` holds it. */
static void tell_closed(struct im_binding *binding, struct im_bind *bind)
{
	struct im_protocol *protocol = binding->protocol;
	struct im_frame frame;

	protocol->binds++;
	finish_close(binding);
	pthread_mutex_unlock(&im_core.lock);
	im_enter(&frame, IM_HANDLER_close_adapter_complete, protocol->wrapper, binding);
	protocol->handlers.close_adapter_complete(binding->context);
	im_leave(&frame);
	pthread_mutex_lock(&im_core.lock);
	protocol->binds--;
	if (bind != NULL)
		bind->opened = NULL;
}

/* Only after every request that pends on it is complete (3.6). */
static void close_later(struct im_work *work)
{
	struct im_binding *binding = OF(work, close_work, struct im_binding);

	if (has_requests(binding)) {
		im_schedule_work(work);
		return;
	}
	pthread_mutex_lock(&im_core.lock);
	take_waiter(binding, "pended close");
	tell_closed(binding, binding->bind);
	binding->close_pended = false;
	im_core_changed();
	drop_waiter(binding, "pended close");
	pthread_mutex_unlock(&im_core.lock);
}

/* The handle as the driver gave it may be dead already: it is looked up, not looked at. */
static bool is_open(const struct im_binding *binding)
{
	const struct im_binding *other;

	TAILQ_FOREACH(other, &im_core.bindings, link)
	if (other == binding)
		return !other->closed;
	return false;
}

static void stop_binding(struct im_binding *binding)
{
	binding->closed = true;
	im_close_gate(&binding->gate, IM_GATE_CLOSING | IM_GATE_STOPPED);
	im_publish_receivers(binding->lower);
	im_publish_audience(binding->lower);
	pthread_mutex_unlock(&im_core.lock);
	im_synchronize();
	im_abort_requests(binding);
	pthread_mutex_lock(&im_core.lock);
	if (im_binding_outstanding(binding) != 0)
		im_violation("3.21", im_driver_over(binding), "closed with sends or lent packets out");
}

im_status_t im_close_adapter(struct im_binding *binding)
{
	im_status_t status = IM_STATUS_SUCCESS;

	if (binding == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	if (!im_passive_call("im_close_adapter"))
		return IM_STATUS_FAILURE;
	pthread_mutex_lock(&im_core.lock);
	if (!is_open(binding)) {
		pthread_mutex_unlock(&im_core.lock);
		im_violation("3.22", im_running_driver(), "closed a binding that is not open");
		return IM_STATUS_FAILURE;
	}
	if (!binding->unbinding && binding->bind == NULL)
		im_violation("1.34", im_driver_over(binding), "adapter closed outside of bind and unbind");
	stop_binding(binding);
	if (has_requests(binding) || im_verify_later()) {
		binding->close_pended = true;
		im_schedule_work(&binding->close_work);
		status = IM_STATUS_PENDING;
	} else {
		finish_close(binding);
	}
	pthread_mutex_unlock(&im_core.lock);
	return status;
}

/* ---- Unbinding ----------------------------------------------------------------------------------- */

/* Whether the handler said that it has unbound. */
static bool call_unbind(struct im_binding *binding)
{
	struct im_frame frame;
	im_status_t status;
	struct im_wait wait = {0};

	pthread_mutex_unlock(&im_core.lock);
	im_enter(&frame, IM_HANDLER_unbind_adapter, binding->protocol->wrapper, binding);
	status = binding->protocol->handlers.unbind_adapter(binding->context, binding);
	im_leave(&frame);
	pthread_mutex_lock(&im_core.lock);
	if (status != IM_STATUS_SUCCESS && status != IM_STATUS_PENDING) {
		im_violation("1.37", im_driver_over(binding), "unbind_adapter failed");
		return false;
	}
	while (status == IM_STATUS_PENDING && !binding->unbind_complete) {
		im_verify_wait(&wait, "3.4", im_driver_over(binding), binding->adapter,
			       "an unbind that pended is not completed");
		im_core_wait();
	}
	return true;
}

static void wait_until_gone(struct im_binding *binding)
{
	struct im_wait wait = {0};

	while (binding->state != IM_BINDING_GONE || binding->close_pended) {
		im_verify_wait(&wait, "3.6", im_driver_over(binding), binding->adapter,
			       "a binding that closes does not go");
		im_core_wait();
	}
}

static void wait_for_bind(struct im_binding *binding)
{
	struct im_wait wait = {0};

	while (binding->bind != NULL) {
		im_verify_wait(&wait, "3.3", im_driver_over(binding), binding->adapter, "a bind does not end");
		im_core_wait();
	}
}

/* From CLOSING on sends come back (1.39), from PAUSED on nothing of it is out (10.23). */
static void unbind(struct im_binding *binding)
{
	struct im_protocol *protocol = binding->protocol;
	bool unbound;

	protocol->binds++; /* the handler goes on after the close, which another thread that unloads may wait for */
	binding->unbinding = true;
	im_close_gate(&binding->gate, IM_GATE_CLOSING);
	im_pause_binding(binding);
	im_set_binding_state(binding, IM_BINDING_CLOSING);
	unbound = call_unbind(binding);
	if (!binding->closed) {
		if (unbound)
			im_violation("1.37", im_driver_over(binding),
				     "unbind_adapter returned without closing the adapter");
		stop_binding(binding);
		finish_close(binding);
	}
	protocol->binds--;
	im_core_changed();
}

void im_unbind_locked(struct im_binding *binding)
{
	take_waiter(binding, "unbind");
	wait_for_bind(binding);
	if (!binding->unbinding && binding->state != IM_BINDING_GONE)
		unbind(binding);
	wait_until_gone(binding);
	drop_waiter(binding, "unbind");
}

void im_unbind(struct im_binding *binding)
{
	if (!im_passive_call("im_unbind"))
		return;
	pthread_mutex_lock(&im_core.lock);
	im_unbind_locked(binding);
	pthread_mutex_unlock(&im_core.lock);
}

im_status_t im_unbind_over(const char *adapter)
{
	struct im_instance *instance;
	struct im_binding *binding;

	pthread_mutex_lock(&im_core.lock);
	instance = im_lookup_instance(adapter);
	while (instance != NULL && (binding = TAILQ_FIRST(&instance->uppers)) != NULL) {
		im_unbind_locked(binding);
		instance = im_lookup_instance(adapter);
	}
	pthread_mutex_unlock(&im_core.lock);
	return instance != NULL ? IM_STATUS_SUCCESS : IM_STATUS_FAILURE;
}

/* The work item counts as a waiter, so that the binding's memory is there when it runs. */
static void unbind_later(struct im_work *work)
{
	struct im_binding *binding = OF(work, unbind_work, struct im_binding);

	pthread_mutex_lock(&im_core.lock);
	if (!binding->unbinding && binding->state != IM_BINDING_GONE)
		im_unbind_locked(binding);
	drop_waiter(binding, "scheduled unbind");
	pthread_mutex_unlock(&im_core.lock);
}

void im_schedule_unbind(struct im_binding *binding)
{
	if (!im_usable_handle(binding, "im_schedule_unbind", "3.22"))
		return;
	im_close_gate(&binding->gate, IM_GATE_CLOSING);
	take_waiter(binding, "scheduled unbind");
	if (!im_schedule_work(&binding->unbind_work) &&
	    im_ledger_give(binding, "scheduled unbind", __builtin_return_address(0)))
		__atomic_sub_fetch(&binding->waiters, 1, __ATOMIC_ACQ_REL);
}

void im_complete_unbind_adapter(void *unbind_context)
{
	struct im_binding *binding = unbind_context;

	if (!im_passive_call("im_complete_unbind_adapter"))
		return;
	pthread_mutex_lock(&im_core.lock);
	binding->unbind_complete = true;
	im_core_changed();
	pthread_mutex_unlock(&im_core.lock);
}

/* ---- What it is ---------------------------------------------------------------------------------- */

void *im_get_binding_context(const struct im_binding *binding)
{
	if (!im_passive_call("im_get_binding_context"))
		return NULL;
	return binding->lower->device_context;
}

uint16_t im_binding_account(const struct im_binding *binding)
{
	return binding->id;
}
