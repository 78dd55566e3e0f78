/* SPDX-License-Identifier: BSD-3-Clause */
/* Per thread: its level, and the handlers that it is in (contract 9.1-9.12, 12.24, 12.60). */
#include <stdio.h>
#include <string.h>

#include "im/inside.h"
#include "im/spin.h"
#include "verifier.h"

struct handler {
	const char *name;
	const char *statement; /* of its level */
	enum im_level level;
	enum im_subject_kind subject;
};

static const struct handler handlers[] = {
#define X(name, level, statement, subject) {#name, statement, IM_LEVEL_##level, IM_SUBJECT_##subject},
	IM_HANDLER_TABLE(X)
#undef X
};

const char *im_handler_name(uint16_t handler)
{
	return handlers[handler].name;
}

enum im_subject_kind im_handler_subject(uint16_t handler)
{
	return handlers[handler].subject;
}

/* ---- Names --------------------------------------------------------------------------------------- */

#define NAMES_MAX 256u

static struct {
	uint32_t lock;
	uint32_t count;
	char names[NAMES_MAX][SLUICE_NAME_SIZE];
} kept;

static const char *keep(const char *name)
{
	const char *found = "(one of many)";
	uint32_t at = 0;

	im_spin_lock(&kept.lock);
	while (at < kept.count && strcmp(kept.names[at], name) != 0)
		at++;
	if (at == kept.count && at < NAMES_MAX)
		memcpy(kept.names[kept.count++], name, strnlen(name, SLUICE_NAME_SIZE - 1));
	if (at < NAMES_MAX)
		found = kept.names[at];
	im_spin_unlock(&kept.lock);
	return found;
}

const char *im_kept_name(const struct im_wrapper *wrapper)
{
	const char *name;

	if (wrapper == NULL)
		return "the core";
	name = __atomic_load_n(&wrapper->owned.name, __ATOMIC_ACQUIRE);
	if (name != NULL)
		return name;
	name = keep(wrapper->object->name);
	__atomic_store_n(&((struct im_wrapper *)(uintptr_t)wrapper)->owned.name, name, __ATOMIC_RELEASE);
	return name;
}

/* While its entry runs a driver may not have a wrapper yet: the frame names the driver object. */
static const char *driver_of(const struct im_frame *frame)
{
	const struct im_driver_object *object = frame->object;

	if (frame->wrapper == NULL && frame->handler == IM_HANDLER_driver_entry)
		return object->name;
	return im_kept_name(frame->wrapper);
}

const char *im_running_driver(void)
{
	const struct im_worker *worker = im_this_worker;

	return worker != NULL && worker->frame != NULL ? driver_of(worker->frame) : "the core";
}

const void *im_running_object(void)
{
	const struct im_worker *worker = im_this_worker;

	return worker != NULL && worker->frame != NULL ? worker->frame->object : NULL;
}

/* ---- Handlers ------------------------------------------------------------------------------------ */

void im_enter_slow(struct im_frame *frame, enum im_handler handler, const struct im_wrapper *wrapper,
		   const void *object)
{
	struct im_worker *worker = im_this_worker;

	*frame = (struct im_frame){
		.outer = worker->frame,
		.wrapper = wrapper,
		.object = object,
		.begun_ns = im_verify_clock(),
		.handler = (uint16_t)handler,
		.locks = worker->locks,
		.level = worker->own_level,
		.entered = true,
	};
	if (handlers[handler].level == IM_LEVEL_PASSIVE && worker->level != IM_LEVEL_PASSIVE)
		im_violation_text(handlers[handler].statement, "the core", "called %s of driver '%s' at DISPATCH",
				  handlers[handler].name, driver_of(frame));
	worker->frame = frame;
	if (handlers[handler].level == IM_LEVEL_DISPATCH)
		worker->own_level = worker->level = IM_LEVEL_DISPATCH;
	im_watch_enter(handler, driver_of(frame), object);
}

/* Its timers must not outlive what they were set for (9.28). */
static void check_timers(const struct im_frame *frame)
{
	if (frame->handler != IM_HANDLER_halt && frame->handler != IM_HANDLER_unbind_adapter)
		return;
	if (im_drop_timers_for(frame->object) > 0)
		im_violation_text("9.28", driver_of(frame), "%s returned with a timer that is set",
				  handlers[frame->handler].name);
}

void im_verify_initialize_failed(const struct im_instance *instance)
{
	if (im_is_verified() && im_drop_timers_for(instance) > 0)
		im_violation("9.28", im_driver_of(instance), "initialize failed with a timer that is set");
}

static void check_locks(const struct im_frame *frame)
{
	const struct im_worker *worker = im_this_worker;

	if (worker->locks > frame->locks)
		im_violation_at("9.24", driver_of(frame), "left a handler with a spin lock held, which it acquired at",
				im_held_site());
	else if (worker->locks < frame->locks)
		im_violation_text("9.24", driver_of(frame), "released a spin lock in %s that it had not acquired there",
				  handlers[frame->handler].name);
	if (worker->locks != frame->locks)
		im_restore_locks(frame->locks);
}

void im_leave_slow(struct im_frame *frame)
{
	struct im_worker *worker = im_this_worker;

	im_watch_leave();
	check_locks(frame);
	check_timers(frame);
	worker->frame = frame->outer;
	worker->own_level = frame->level;
	worker->level = worker->locks > 0 ? IM_LEVEL_DISPATCH : frame->level;
}

/* ---- Core calls ---------------------------------------------------------------------------------- */

/* Calls whose level has a statement of its own; of the others it is 9.3. */
static const struct {
	const char *call;
	const char *statement;
} passive_calls[] = {
	{"im_get_binding_context", "9.4"}, {"im_wait_event", "9.12"},	    {"im_flush_work", "9.12"},
	{"im_cancel_timer", "9.29"},	   {"im_allocate_memory", "12.24"}, {"im_free_memory", "12.24"},
	{"im_request", "12.24"},	   {"im_register_device", "8.19"},  {"im_deregister_device", "8.19"},
};

static const char *statement_of(const char *call)
{
	for (uint32_t i = 0; i < RTE_DIM(passive_calls); i++)
		if (strcmp(passive_calls[i].call, call) == 0)
			return passive_calls[i].statement;
	return "9.3";
}

/* What whoever called the handler holds is not the driver's fault. */
static bool holds_a_lock(const struct im_worker *worker)
{
	return worker->locks > (worker->frame != NULL ? worker->frame->locks : 0);
}

/* The card goes down: the core may be gone next (7.29). */
static bool shuts_down(const struct im_worker *worker, const char *call)
{
	if (worker->frame == NULL || worker->frame->handler != IM_HANDLER_adapter_shutdown)
		return false;
	im_violation_text("7.29", im_running_driver(), "called %s from its shutdown handler", call);
	return true;
}

/* With a lock held a thread is at DISPATCH: then the lock is what to name, except where the call would wait (9.12). */
bool im_passive_call(const char *call)
{
	const struct im_worker *worker = im_this_worker;
	const char *statement;

	if (likely(worker == NULL || worker->level == IM_LEVEL_PASSIVE))
		return true;
	if (shuts_down(worker, call))
		return false;
	statement = statement_of(call);
	if (holds_a_lock(worker))
		im_violation_text(strcmp(statement, "9.12") == 0 ? statement : "9.22", im_running_driver(),
				  "called %s with a spin lock held", call);
	else
		im_violation_text(statement, im_running_driver(), "called %s, which is for PASSIVE, at DISPATCH", call);
	return false;
}

void im_unlocked_call(const char *call)
{
	const struct im_worker *worker = im_this_worker;

	if (likely(worker == NULL || !im_is_watched(worker)))
		return;
	if (shuts_down(worker, call) || !holds_a_lock(worker))
		return;
	im_violation_text("9.22", im_running_driver(), "called %s with a spin lock held", call);
}
