/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests: who may ask, who waits, and how they are cancelled and held back (contract section 6). */
#include <string.h>

#include "request_queue.h"

/* ---- Asking -------------------------------------------------------------------------------------- */

/* Counted before the state is looked at, both under the core's lock: a close that comes later waits for it (6.22). */
IM_PASSIVE static im_status_t admit(struct im_binding *binding)
{
	im_status_t status = IM_STATUS_SUCCESS;

	pthread_mutex_lock(&im_core.lock);
	if (binding->closed)
		status = IM_STATUS_CLOSING;
	else if (binding->lower->power != IM_POWER_D0)
		status = IM_STATUS_LOW_POWER_STATE;
	else
		__atomic_add_fetch(&binding->requests, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&im_core.lock);
	return status;
}

static bool sets_power(const struct im_request *request)
{
	return request->set && request->oid == SLUICE_OID_PNP_SET_POWER;
}

/* Whether the core still has it: then it may not be handed in again (6.13). */
static bool is_out(const struct im_request *request)
{
	return request->core.state == IM_REQUEST_QUEUED || request->core.state == IM_REQUEST_ACTIVE;
}

im_status_t im_request(struct im_binding *binding, struct im_request *request)
{
	im_status_t status;

	if (request == NULL || (request->buffer == NULL && request->length > 0))
		return IM_STATUS_INVALID_PARAMETER;
	if (binding == NULL)
		return IM_STATUS_CLOSING;
	if (!im_passive_call("im_request"))
		return IM_STATUS_FAILURE;
	if (!im_usable_handle(binding, "im_request", "3.22"))
		return IM_STATUS_CLOSING;
	if (is_out(request)) {
		im_violation("6.13", im_driver_over(binding), "asked again with a request that is not complete");
		return IM_STATUS_FAILURE;
	}
	request->done = 0;
	request->needed = 0;
	if (im_fault_call())
		return IM_STATUS_RESOURCES;
	if (sets_power(request))
		return IM_STATUS_NOT_ACCEPTED; /* it comes from the core (6.19): im_set_power() */
	status = admit(binding);
	if (status != IM_STATUS_SUCCESS)
		return status;
	request->core.binding = binding;
	request->core.urgent = false;
	status = im_submit_request(binding->lower, request);
	if (status != IM_STATUS_PENDING)
		__atomic_sub_fetch(&binding->requests, 1, __ATOMIC_RELEASE);
	return status;
}

im_status_t im_core_request(struct im_instance *instance, struct im_request *request)
{
	request->core.binding = NULL;
	request->core.urgent = true;
	return im_submit_request(instance, request);
}

static void wake(struct im_request *request, im_status_t status)
{
	__atomic_store_n(&request->core.state, IM_REQUEST_ANSWERED | status, __ATOMIC_RELEASE);
}

IM_PASSIVE static im_status_t submit_and_wait(struct im_instance *instance, struct im_request *request, bool urgent)
{
	im_status_t status;
	struct im_wait wait = {0};
	uint32_t state;

	request->core.binding = NULL;
	request->core.urgent = urgent;
	request->core.completed = wake;
	status = im_submit_request(instance, request);
	if (status != IM_STATUS_PENDING)
		return status;
	pthread_mutex_lock(&im_core.lock);
	while (!((state = __atomic_load_n(&request->core.state, __ATOMIC_ACQUIRE)) & IM_REQUEST_ANSWERED)) {
		im_verify_wait(&wait, "6.18", im_driver_of(instance), instance->name, "a request is not completed");
		im_core_wait();
	}
	pthread_mutex_unlock(&im_core.lock);
	return (im_status_t)(state & ~(uint32_t)IM_REQUEST_ANSWERED);
}

im_status_t im_core_request_wait(struct im_instance *instance, struct im_request *request)
{
	return submit_and_wait(instance, request, true);
}

/* Why an instance takes no request now, or SUCCESS (6.19, 6.26). */
IM_PASSIVE static im_status_t readiness(struct im_instance *instance)
{
	im_status_t status = IM_STATUS_SUCCESS;

	pthread_mutex_lock(&im_core.lock);
	if (instance->state < SLUICE_INSTANCE_PAUSED)
		status = IM_STATUS_NOT_READY;
	else if (instance->power != IM_POWER_D0)
		status = IM_STATUS_LOW_POWER_STATE;
	pthread_mutex_unlock(&im_core.lock);
	return status;
}

/* An operator's set-power goes the way of all of them (7.22); one that makes no sense is the driver's to refuse. */
IM_PASSIVE static bool is_power_change(const struct im_request *request, uint32_t *power)
{
	if (!sets_power(request) || request->length != sizeof(*power))
		return false;
	memcpy(power, request->buffer, sizeof(*power));
	return *power >= IM_POWER_D0 && *power <= IM_POWER_D3;
}

im_status_t im_request_instance(struct im_instance *instance, struct im_request *request)
{
	im_status_t status;
	uint32_t power;

	request->done = 0;
	request->needed = 0;
	if (!im_passive_call("im_request_instance"))
		return IM_STATUS_FAILURE;
	if (is_power_change(request, &power)) {
		status = im_set_power(instance, power);
		request->done = status == IM_STATUS_SUCCESS ? request->length : 0;
		return status;
	}
	status = readiness(instance);
	return status == IM_STATUS_SUCCESS ? submit_and_wait(instance, request, false) : status;
}

/* ---- Cancelling ---------------------------------------------------------------------------------- */

/* The next request is not started before the handler has returned, which would otherwise cancel that. The active one
 * may be complete by the time that the handler runs: only the driver can tell, under its own lock. */
static void cancel_active(struct im_instance *instance)
{
	struct im_request_queue *queue = &instance->requests;
	void (*handler)(void *) = instance->miniport->handlers.cancel_request;
	struct im_frame frame;
	bool kicked;

	if (handler != NULL) {
		im_enter(&frame, IM_HANDLER_cancel_request, im_wrapper_of(instance), instance);
		handler(instance->context);
		im_leave(&frame);
	}
	im_spin_lock(&queue->lock.held);
	queue->cancelling--;
	kicked = im_kick_requests(instance);
	im_spin_unlock(&queue->lock.held);
	if (kicked)
		im_schedule_work(&queue->work);
}

void im_cancel_request(struct im_binding *binding, struct im_request *request)
{
	struct im_request_queue *queue;
	struct im_request *queued;
	bool active;

	if (binding == NULL || request == NULL)
		return;
	im_unlocked_call("im_cancel_request");
	queue = &binding->lower->requests;
	im_spin_lock(&queue->lock.held);
	queued = im_take_request(queue, request, NULL);
	active = queued == NULL && queue->active == request;
	queue->cancelling += active;
	im_spin_unlock(&queue->lock.held);
	if (queued != NULL)
		im_deliver_request(queued, IM_STATUS_REQUEST_ABORTED);
	else if (active)
		cancel_active(binding->lower);
}

/* Complete what is queued of @p binding (NULL: all), and cancel what the miniport has. */
static void abort_queued(struct im_instance *instance, const struct im_binding *binding, im_status_t status)
{
	struct im_request_queue *queue = &instance->requests;
	struct im_request *request;
	bool active;

	im_spin_lock(&queue->lock.held);
	while ((request = im_take_request(queue, binding == NULL ? queue->first : NULL, binding)) != NULL) {
		im_spin_unlock(&queue->lock.held);
		im_deliver_request(request, status);
		im_spin_lock(&queue->lock.held);
	}
	active = queue->active != NULL && (binding == NULL || queue->active->core.binding == binding);
	queue->cancelling += active;
	im_spin_unlock(&queue->lock.held);
	if (active)
		cancel_active(instance);
}

void im_abort_requests(struct im_binding *binding)
{
	abort_queued(binding->lower, binding, IM_STATUS_REQUEST_ABORTED);
	im_abort_reset(binding);
}

void im_abort_active_request(struct im_instance *instance, im_status_t status)
{
	struct im_request_queue *queue = &instance->requests;
	struct im_request *request;

	im_spin_lock(&queue->lock.held);
	request = queue->calling ? NULL : queue->active;
	if (request != NULL)
		im_settle_request(instance, status);
	im_spin_unlock(&queue->lock.held);
	if (request == NULL)
		return;
	im_verify_request_done(request, status);
	im_deliver_request(request, status);
}

/* ---- Holding ------------------------------------------------------------------------------------- */

/* A handler that another thread is inside of returns soon (6.17). */
void im_hold_requests(struct im_instance *instance)
{
	struct im_request_queue *queue = &instance->requests;

	pthread_mutex_lock(&im_core.lock);
	im_spin_lock(&queue->lock.held);
	queue->held = true;
	while (queue->calling && queue->runner != im_this_worker) {
		im_spin_unlock(&queue->lock.held);
		im_core_wait();
		im_spin_lock(&queue->lock.held);
	}
	im_spin_unlock(&queue->lock.held);
	pthread_mutex_unlock(&im_core.lock);
}

void im_resume_requests(struct im_instance *instance)
{
	struct im_request_queue *queue = &instance->requests;

	im_spin_lock(&queue->lock.held);
	queue->held = false;
	im_run_requests(instance, NULL);
	im_spin_unlock(&queue->lock.held);
}

static bool is_idle(struct im_request_queue *queue)
{
	bool idle;

	im_spin_lock(&queue->lock.held);
	idle = queue->active == NULL && queue->runner == NULL && !queue->kicked && queue->cancelling == 0;
	im_spin_unlock(&queue->lock.held);
	return idle;
}

void im_close_requests(struct im_instance *instance, im_status_t status)
{
	struct im_request_queue *queue = &instance->requests;

	im_spin_lock(&queue->lock.held);
	queue->closed = true;
	im_spin_unlock(&queue->lock.held);
	abort_queued(instance, NULL, status);
}

/* A reset may still free a miniport that has hung with a request; only then there are no more of them. */
void im_stop_requests(struct im_instance *instance)
{
	struct im_wait wait = {0};

	pthread_mutex_lock(&im_core.lock);
	while (!is_idle(&instance->requests)) {
		im_verify_wait(&wait, "6.25", im_driver_of(instance), instance->name,
			       "a request is not completed, and it halts");
		im_core_wait();
	}
	pthread_mutex_unlock(&im_core.lock);
	im_stop_resets(instance);
}

uint64_t im_request_begun(struct im_instance *instance)
{
	struct im_request_queue *queue = &instance->requests;
	uint64_t begun;

	im_spin_lock(&queue->lock.held);
	begun = queue->active != NULL ? queue->active->core.begun_ns : UINT64_MAX;
	im_spin_unlock(&queue->lock.held);
	return begun;
}
