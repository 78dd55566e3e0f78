/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PnP events (contract section 7D): to one protocol after the other, each answers before the next is told. One that
 * pends is waited for; its answer may come at any level, once.
 */
#include "im/inside.h"
#include "im/spin.h"

/* An event that a protocol has and has not answered: on the stack of the thread that waits, and in a list, as what a
 * driver answers late, or twice, may be gone. */
struct asked {
	struct im_pnp_event event;
	bool answered;
	im_status_t status;
	LIST_ENTRY(asked) link;
};

static LIST_HEAD(, asked) open_events = LIST_HEAD_INITIALIZER(open_events);
static uint32_t open_lock;

/* ---- One protocol -------------------------------------------------------------------------------- */

static void begin(struct asked *asked, const struct im_pnp_event *event)
{
	asked->event = *event;
	asked->event.core = asked;
	asked->answered = false;
	im_spin_lock(&open_lock);
	LIST_INSERT_HEAD(&open_events, asked, link);
	im_spin_unlock(&open_lock);
}

/* Whether the answer was @p status: false where one was given before. */
static bool answer(const struct im_pnp_event *event, im_status_t status)
{
	struct asked *asked;

	im_spin_lock(&open_lock);
	LIST_FOREACH(asked, &open_events, link)
	{
		if (&asked->event == event)
			break;
	}
	if (asked != NULL) {
		LIST_REMOVE(asked, link);
		asked->status = status;
		__atomic_store_n(&asked->answered, true, __ATOMIC_RELEASE); /* the waiter's stack may be gone now */
	}
	im_spin_unlock(&open_lock);
	return asked != NULL;
}

void im_complete_pnp_event(struct im_pnp_event *event, im_status_t status)
{
	im_unlocked_call("im_complete_pnp_event");
	if (status == IM_STATUS_PENDING)
		im_violation("3.15", im_running_driver(), "completed an event with status PENDING");
	else if (!answer(event, status))
		im_violation("3.15", im_running_driver(), "completed an event that does not pend");
}

IM_PASSIVE static im_status_t call(struct im_binding *binding, struct im_pnp_event *event)
{
	struct im_frame frame;
	im_status_t status;

	im_enter(&frame, IM_HANDLER_pnp_event, binding->protocol->wrapper, binding);
	status = binding->protocol->handlers.pnp_event(binding->context, event);
	im_leave(&frame);
	return status;
}

IM_PASSIVE static im_status_t wait_for(const struct asked *asked, struct im_binding *binding)
{
	struct im_wait wait = {0};

	pthread_mutex_lock(&im_core.lock);
	while (!__atomic_load_n(&asked->answered, __ATOMIC_ACQUIRE)) {
		im_verify_wait(&wait, "3.15", im_driver_over(binding), binding->adapter,
			       "an event that pended is not completed");
		im_core_wait();
	}
	pthread_mutex_unlock(&im_core.lock);
	return asked->status;
}

/* Events that cannot be refused, and the statement. X(event, statement) */
#define MUST_SUCCEED_TABLE(X)                                                                                          \
	X(SET_POWER, "7.26")                                                                                           \
	X(QUERY_POWER, "7.26")                                                                                         \
	X(CANCEL_REMOVE, "7.26")                                                                                       \
	X(PAUSE, "10.26")

static const char *must_succeed(enum im_pnp_event_code code)
{
	switch (code) {
#define X(event, statement)                                                                                            \
	case IM_PNP_##event:                                                                                           \
		return statement;
		MUST_SUCCEED_TABLE(X)
#undef X
	default:
		return NULL;
	}
}

im_status_t im_pnp_event_to(struct im_binding *binding, struct im_pnp_event *event)
{
	const char *statement = must_succeed(event->code);
	struct asked asked;
	im_status_t status;

	if (binding->protocol->handlers.pnp_event == NULL)
		return IM_STATUS_SUCCESS; /* only an intermediate driver must have one (3.15) */
	begin(&asked, event);
	status = call(binding, &asked.event);
	if (status == IM_STATUS_PENDING)
		status = wait_for(&asked, binding);
	else if (!answer(&asked.event, status))
		im_violation("3.15", im_driver_over(binding), "completed an event that its handler did not pend");
	if (status == IM_STATUS_SUCCESS || statement == NULL)
		return status;
	im_violation(statement, im_driver_over(binding), "refused an event that cannot be refused");
	return IM_STATUS_SUCCESS;
}

/* ---- All of them --------------------------------------------------------------------------------- */

static bool hears(const struct im_binding *binding)
{
	return binding->state != IM_BINDING_OPENING && binding->state != IM_BINDING_GONE && !binding->closed;
}

/* Under the lock, which is released meanwhile; the hold keeps the binding in its list. */
static im_status_t tell(struct im_binding *binding, struct im_pnp_event *event)
{
	im_status_t status;

	if (!hears(binding))
		return IM_STATUS_SUCCESS;
	im_keep_binding(binding, "event");
	pthread_mutex_unlock(&im_core.lock);
	status = im_pnp_event_to(binding, event);
	pthread_mutex_lock(&im_core.lock);
	im_let_go_binding(binding, "event");
	im_core_changed();
	return status;
}

/* Who was asked whether the adapter may go learns that it stays. */
static void take_back(struct im_instance *instance, const struct im_binding *refuser)
{
	struct im_pnp_event event = {.code = IM_PNP_CANCEL_REMOVE};
	struct im_binding *binding;

	TAILQ_FOREACH(binding, &im_core.bindings, link)
	{
		if (binding == refuser)
			return;
		if (instance == NULL || binding->lower == instance)
			tell(binding, &event);
	}
}

/* All are told, even where one refuses, except whether the adapter may go: one who refuses that settles it. */
im_status_t im_tell_pnp_event(struct im_instance *instance, struct im_pnp_event *event)
{
	im_status_t status, first = IM_STATUS_SUCCESS;
	struct im_binding *binding;

	pthread_mutex_lock(&im_core.lock);
	TAILQ_FOREACH(binding, &im_core.bindings, link)
	{
		if (instance != NULL && binding->lower != instance)
			continue;
		im_keep_binding(binding, "event for all");
		status = tell(binding, event);
		if (status != IM_STATUS_SUCCESS && event->code == IM_PNP_QUERY_REMOVE)
			take_back(instance, binding);
		im_let_go_binding(binding, "event for all");
		im_core_changed();
		first = first == IM_STATUS_SUCCESS ? status : first;
		if (status != IM_STATUS_SUCCESS && event->code == IM_PNP_QUERY_REMOVE)
			break;
	}
	pthread_mutex_unlock(&im_core.lock);
	return first;
}

/* ---- From the core, and from a driver ------------------------------------------------------------ */

/* The miniport learns after the protocols above it (2.26). */
IM_PASSIVE static void notify_miniport(struct im_instance *instance, const struct im_pnp_event *event)
{
	struct im_frame frame;

	if (instance->miniport->handlers.pnp_event_notify == NULL)
		return;
	im_enter(&frame, IM_HANDLER_pnp_event_notify, im_wrapper_of(instance), instance);
	instance->miniport->handlers.pnp_event_notify(instance->context, event);
	im_leave(&frame);
}

/* Buffers of RECONFIGURE and BIND_LIST are looked at by who gets them; here it is only seen to that there is one. */
static bool has_its_buffer(const struct im_pnp_event *event)
{
	return event->buffer != NULL || event->length == 0;
}

im_status_t im_pnp_event(struct im_instance *instance, struct im_pnp_event *event)
{
	im_status_t status;

	if (event == NULL || !has_its_buffer(event))
		return IM_STATUS_INVALID_PARAMETER;
	if (!im_passive_call("im_pnp_event"))
		return IM_STATUS_FAILURE;
	status = im_tell_pnp_event(instance, event);
	if (instance != NULL && status == IM_STATUS_SUCCESS)
		notify_miniport(instance, event);
	return status;
}

/* Where the verifier is on the handlers that this thread is in are known. A work item that runs while another one waits
 * is not inside of what that one is in. */
static bool is_in_request(const struct im_wrapper *wrapper)
{
	const struct im_frame *frame = im_this_worker->frame;

	for (; frame != NULL && frame->handler != IM_HANDLER_work; frame = frame->outer)
		if (frame->wrapper == wrapper &&
		    (frame->handler == IM_HANDLER_query_information || frame->handler == IM_HANDLER_set_information))
			return true;
	return false;
}

im_status_t im_notify_pnp_event(struct im_instance *instance, struct im_pnp_event *event)
{
	if (instance == NULL || event == NULL || !has_its_buffer(event))
		return IM_STATUS_INVALID_PARAMETER;
	if (!im_passive_call("im_notify_pnp_event"))
		return IM_STATUS_FAILURE;
	if (is_in_request(im_wrapper_of(instance))) {
		im_violation("7.28", im_driver_of(instance), "passed an event on from inside a request handler");
		return IM_STATUS_FAILURE;
	}
	if (event->code == IM_PNP_PAUSE || event->code == IM_PNP_RESTART) {
		im_violation("12.14", im_driver_of(instance), "passed on an event that is the core's to send");
		return IM_STATUS_FAILURE;
	}
	return im_tell_pnp_event(instance, event);
}
