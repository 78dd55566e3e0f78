/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests: one at a time at each miniport, the others wait in order (6.14).
 *
 *   submit ──> queue ──> active ──> handler ──> a final status: deliver
 *                                      └──────> PENDING ... the driver completes: deliver
 *
 * One thread at a time, the `runner`, starts requests: it goes on in a loop while there are some, so that a miniport
 * that completes inside its handler is not called deeper and deeper. A completion that comes while nobody runs has the
 * queue's work item go on, at PASSIVE. Who is complete is decided under the queue's lock, once; handlers run without
 * it.
 */
#include "request_queue.h"

/* Who waits for it looks without the lock. */
static void set_state(struct im_request *request, enum im_request_state state)
{
	__atomic_store_n(&request->core.state, state, __ATOMIC_RELAXED);
}

/* ---- The queue ----------------------------------------------------------------------------------- */

static void push(struct im_request_queue *queue, struct im_request *request)
{
	set_state(request, IM_REQUEST_QUEUED);
	if (request->core.urgent || queue->first == NULL) {
		request->core.next = queue->first;
		queue->first = request;
		if (request->core.next == NULL)
			queue->last = request;
		return;
	}
	request->core.next = NULL;
	queue->last->core.next = request;
	queue->last = request;
}

/* Take out the first that is @p wanted, or else one of @p binding. What the caller names may be gone already: it is
 * looked for, not looked at. */
struct im_request *im_take_request(struct im_request_queue *queue, const struct im_request *wanted,
				   const struct im_binding *binding)
{
	struct im_request *before = NULL, *request = queue->first;

	while (request != NULL && request != wanted && (binding == NULL || request->core.binding != binding)) {
		before = request;
		request = request->core.next;
	}
	if (request == NULL)
		return NULL;
	if (before != NULL)
		before->core.next = request->core.next;
	else
		queue->first = request->core.next;
	if (queue->last == request)
		queue->last = before;
	set_state(request, IM_REQUEST_SETTLED);
	return request;
}

static bool may_start(const struct im_request_queue *queue)
{
	return queue->first != NULL && queue->active == NULL && queue->cancelling == 0 &&
	       (!queue->held || queue->first->core.urgent);
}

static void run_later(struct im_work *work);

/* Under the queue's lock: whether the caller has to schedule the work item once it has released it. Until that has run
 * the instance stays (im_stop_requests). */
bool im_kick_requests(struct im_instance *instance)
{
	struct im_request_queue *queue = &instance->requests;

	if (queue->runner != NULL || queue->kicked || !may_start(queue))
		return false;
	queue->kicked = true;
	queue->work.run = run_later;
	queue->work.wrapper = im_wrapper_of(instance);
	queue->work.core = true;
	return true;
}

/* ---- At the miniport ----------------------------------------------------------------------------- */

static im_status_t query(struct im_instance *instance, struct im_request *request)
{
	void *buffer = im_verify_lend_buffer(&instance->requests, request);
	struct im_frame frame;
	im_status_t status;

	im_enter(&frame, IM_HANDLER_query_information, im_wrapper_of(instance), instance);
	status = instance->miniport->handlers.query_information(instance->context, request->oid, buffer,
								request->length, &request->done, &request->needed);
	im_leave(&frame);
	return status;
}

static im_status_t set(struct im_instance *instance, struct im_request *request, const void *buffer, uint32_t length)
{
	struct im_frame frame;
	im_status_t status;

	im_enter(&frame, IM_HANDLER_set_information, im_wrapper_of(instance), instance);
	status = instance->miniport->handlers.set_information(instance->context, request->oid, buffer, length,
							      &request->done, &request->needed);
	im_leave(&frame);
	return status;
}

static im_status_t set_merged(struct im_instance *instance, struct im_request *request)
{
	struct im_addressing *merged = &instance->requests.merged;
	im_status_t status = im_merge_addressing(instance, request, merged);

	if (status != IM_STATUS_SUCCESS)
		return status;
	instance->requests.merging = true;
	if (request->oid == SLUICE_OID_GEN_CURRENT_PACKET_FILTER)
		return set(instance, request, &merged->packet_filter, sizeof(merged->packet_filter));
	return set(instance, request, merged->multicast, merged->multicast_length);
}

/* Nothing of the request is touched once the handler has returned. */
static im_status_t call(struct im_instance *instance, struct im_request *request)
{
	im_verify_request_begun(request);
	if (!request->set)
		return query(instance, request);
	if (request->core.binding != NULL && im_is_addressing(request))
		return set_merged(instance, request);
	if (!im_has_room_for_setting(instance, request))
		return IM_STATUS_RESOURCES;
	return set(instance, request, request->buffer, request->length);
}

/* ---- Coming to an end ---------------------------------------------------------------------------- */

/* What is wrong with the byte counts, or NULL. @p given: bytes that the handler had. */
static const struct im_request_fault *fault_of_counts(const struct im_request *request, uint32_t given,
						      im_status_t status)
{
	static const struct im_request_fault too_many = {"6.3", "more bytes reported than the buffer holds"};
	static const struct im_request_fault none_read = {"6.9", "a set succeeded with no byte read"};
	static const struct im_request_fault some = {"6.4", "bytes reported though the buffer has the wrong size"};
	bool short_one = status == IM_STATUS_BUFFER_TOO_SHORT || status == IM_STATUS_INVALID_LENGTH;

	if (request->done > given)
		return &too_many;
	if (!im_is_watched(im_this_worker))
		return NULL; /* the others do no harm */
	if (short_one && request->done != 0)
		return &some;
	return status == IM_STATUS_SUCCESS && request->set && given > 0 && request->done == 0 ? &none_read : NULL;
}

/* Under the queue's lock: the active request ends with @p status. Returns what is wrong with it, which has been put
 * right. */
const struct im_request_fault *im_settle_request(struct im_instance *instance, im_status_t status)
{
	struct im_request_queue *queue = &instance->requests;
	static const struct im_request_fault past_end = {"6.3", "bytes written past the end of a request's buffer"};
	struct im_request *request = queue->active;
	uint32_t given = request->length;
	const struct im_request_fault *fault;
	bool intact = im_verify_take_buffer(queue, request);

	if (queue->merging)
		given = request->oid == SLUICE_OID_GEN_CURRENT_PACKET_FILTER ? sizeof(queue->merged.packet_filter)
									     : queue->merged.multicast_length;
	fault = intact ? fault_of_counts(request, given, status) : &past_end;
	if (fault != NULL || queue->merging)
		request->done = status == IM_STATUS_SUCCESS ? request->length : 0;
	if (status == IM_STATUS_SUCCESS && im_is_addressing(request))
		im_remember_addressing(instance, request, queue->merging ? &queue->merged : NULL);
	else if (status == IM_STATUS_SUCCESS && request->set)
		im_remember_setting(instance, request);
	set_state(request, IM_REQUEST_SETTLED);
	queue->active = NULL;
	return fault;
}

static void judge(const struct im_instance *instance, const struct im_request *request, im_status_t status,
		  const struct im_request_fault *fault)
{
	if (fault != NULL)
		im_violation(fault->statement, im_driver_of(instance), fault->what);
	im_verify_request_done(request, status);
}

/* The last thing that is done with the request, and with its binding. */
void im_deliver_request(struct im_request *request, im_status_t status)
{
	if (request->core.binding == NULL)
		request->core.completed(request, status);
	else if (unlikely(im_is_watched(im_this_worker)))
		im_verify_deliver_request(request, status);
	else
		im_plain_deliver_request(request, status);
}

void im_plain_deliver_request(struct im_request *request, im_status_t status)
{
	struct im_binding *binding = request->core.binding;
	struct im_frame frame;

	im_enter(&frame, IM_HANDLER_request_complete, binding->protocol->wrapper, binding);
	binding->protocol->handlers.request_complete(binding->context, request, status);
	im_leave(&frame);
	__atomic_sub_fetch(&binding->requests, 1, __ATOMIC_RELEASE);
}

/* The handler has returned @p status. Whether that is how the request ends; otherwise it is still out, or was completed
 * meanwhile. */
static bool is_final(struct im_instance *instance, struct im_request *request, im_status_t status)
{
	struct im_request_queue *queue = &instance->requests;
	const struct im_request_fault *fault = NULL;
	bool complete;

	im_spin_lock(&queue->lock.held);
	queue->calling = false;
	complete = queue->active == NULL;
	if (!complete && status != IM_STATUS_PENDING)
		fault = im_settle_request(instance, status);
	im_spin_unlock(&queue->lock.held);
	if (status == IM_STATUS_PENDING)
		return false;
	if (complete) {
		im_violation("6.11", im_driver_of(instance), "completed a request whose handler did not pend it");
		return false;
	}
	judge(instance, request, status, fault);
	return true;
}

/* Why the completion is wrong, or NULL. Under the queue's lock. */
static const char *fault_of_completion(const struct im_request *active, bool of_set, im_status_t status)
{
	if (active == NULL)
		return "completed a request, but none is pending";
	if (active->set != of_set)
		return "completed a query as a set, or a set as a query";
	if (status == IM_STATUS_PENDING)
		return "completed a request with status PENDING";
	return NULL;
}

static void complete(struct im_instance *instance, bool of_set, im_status_t status)
{
	struct im_request_queue *queue = &instance->requests;
	const struct im_request_fault *fault = NULL;
	struct im_request *request;
	bool kicked = false;
	const char *wrong;

	im_spin_lock(&queue->lock.held);
	request = queue->active;
	wrong = fault_of_completion(request, of_set, status);
	if (wrong == NULL) {
		fault = im_settle_request(instance, status);
		kicked = im_kick_requests(instance);
	}
	im_spin_unlock(&queue->lock.held);
	if (wrong != NULL) {
		im_violation("6.11", im_driver_of(instance), wrong);
		return;
	}
	judge(instance, request, status, fault);
	if (kicked)
		im_schedule_work(&queue->work);
	im_deliver_request(request, status);
}

void im_query_information_complete(struct im_instance *instance, im_status_t status)
{
	im_unlocked_call("im_query_information_complete");
	if (im_usable_handle(instance, "im_query_information_complete", "6.11"))
		complete(instance, false, status);
}

void im_set_information_complete(struct im_instance *instance, im_status_t status)
{
	im_unlocked_call("im_set_information_complete");
	if (im_usable_handle(instance, "im_set_information_complete", "6.11"))
		complete(instance, true, status);
}

/* ---- Running ------------------------------------------------------------------------------------- */

static struct im_request *start(struct im_request_queue *queue)
{
	struct im_request *request;

	if (!may_start(queue))
		return NULL;
	request = im_take_request(queue, queue->first, NULL);
	set_state(request, IM_REQUEST_ACTIVE);
	request->core.begun_ns = __atomic_load_n(&im_core.now_ns, __ATOMIC_RELAXED);
	request->core.reported_ns = 0;
	queue->active = request;
	queue->calling = true;
	queue->merging = false;
	return request;
}

/*
 * Start what may start, under the queue's lock, which is released meanwhile. Returns the status of @p mine where it
 * came to its end in here, otherwise PENDING. Once that has pended its memory may be another request's.
 */
im_status_t im_run_requests(struct im_instance *instance, const struct im_request *mine)
{
	struct im_request_queue *queue = &instance->requests;
	im_status_t answer = IM_STATUS_PENDING, status;
	struct im_request *request;

	if (queue->runner != NULL)
		return answer; /* it goes on with ours */
	queue->runner = im_this_worker;
	while ((request = start(queue)) != NULL) {
		im_spin_unlock(&queue->lock.held);
		status = call(instance, request);
		if (is_final(instance, request, status)) {
			if (request == mine)
				answer = status;
			else
				im_deliver_request(request, status);
		}
		mine = request == mine ? NULL : mine;
		im_spin_lock(&queue->lock.held);
	}
	queue->runner = NULL;
	return answer;
}

IM_PASSIVE static void run_later(struct im_work *work)
{
	struct im_instance *instance = (void *)((char *)work - offsetof(struct im_instance, requests.work));
	struct im_request_queue *queue = &instance->requests;

	im_spin_lock(&queue->lock.held);
	queue->kicked = false;
	im_run_requests(instance, NULL);
	im_spin_unlock(&queue->lock.held);
}

/* With the verifier on a protocol's request may take the longer way: who asks must stand that (12.61). */
im_status_t im_submit_request(struct im_instance *instance, struct im_request *request)
{
	bool later = request->core.binding != NULL && im_verify_later(), kicked = false;
	struct im_request_queue *queue = &instance->requests;
	im_status_t status = IM_STATUS_CLOSING;

	request->core.instance = instance;
	im_spin_lock(&queue->lock.held);
	if (!queue->closed) {
		push(queue, request);
		kicked = later && im_kick_requests(instance);
		status = kicked ? IM_STATUS_PENDING : im_run_requests(instance, request);
	}
	im_spin_unlock(&queue->lock.held);
	if (kicked)
		im_schedule_work(&queue->work);
	return status;
}
