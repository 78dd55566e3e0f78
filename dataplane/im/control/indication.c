/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Status indications (contract section 7C): to every binding over an instance, whether or not data flows to it.
 *
 * They may come at any level, so the bindings are found as workers find their receivers: in an array that is not
 * changed while a reader may be at it. A control thread is a reader for as long as the handlers run.
 *
 * An instance that is not in D0 tells nothing (7.22). What its driver has to say of the link meanwhile is kept by the
 * core, the newest alone, and told once it is back, if it is not what was told last (7.16); of its speed, that it is
 * another one. So a driver may do the same, and tell it while it is being woken up, or leave it to the core; nothing is
 * told twice.
 */
#include "im/inside.h"
#include "im/verify/verifier.h"

/* ---- Who is told --------------------------------------------------------------------------------- */

static bool hears(const struct im_binding *binding)
{
	return binding->state != IM_BINDING_OPENING && binding->state != IM_BINDING_GONE && !binding->closed;
}

/* The array that is written now was taken out of sight at the last change, a grace period ago. */
void im_publish_audience(struct im_instance *instance)
{
	struct im_fan *next = &instance->audiences[instance->audience == &instance->audiences[0]];
	struct im_binding *binding;

	while (instance->audience != NULL && !im_grace_passed(im_core.grace, instance->audience_token))
		im_stall_execution(10);
	next->count = 0;
	TAILQ_FOREACH(binding, &instance->uppers, upper)
	{
		if (hears(binding))
			next->bindings[next->count++] = binding;
	}
	__atomic_store_n(&instance->audience, next, __ATOMIC_RELEASE);
	instance->audience_token = im_grace_begin(im_core.grace);
}

static void tell(struct im_binding *binding, uint32_t indication, const void *buffer, uint32_t length)
{
	struct im_frame frame;

	im_enter(&frame, IM_HANDLER_status, binding->protocol->wrapper, binding);
	binding->protocol->handlers.status(binding->context, indication, buffer, length);
	im_leave(&frame);
}

static void tell_complete(struct im_binding *binding)
{
	struct im_frame frame;

	im_enter(&frame, IM_HANDLER_status_complete, binding->protocol->wrapper, binding);
	binding->protocol->handlers.status_complete(binding->context);
	im_leave(&frame);
}

/* To all of them, or with @p indication 0 the end of the last one. */
static void tell_all(struct im_instance *instance, uint32_t indication, const void *buffer, uint32_t length)
{
	uint8_t level = im_raise(im_this_worker);
	const struct im_fan *audience = __atomic_load_n(&instance->audience, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; audience != NULL && i < audience->count; i++) {
		if (indication != 0)
			tell(audience->bindings[i], indication, buffer, length);
		else
			tell_complete(audience->bindings[i]);
	}
	im_lower(im_this_worker, level);
}

void im_tell_status(struct im_instance *instance, uint32_t indication, const void *buffer, uint32_t length)
{
	tell_all(instance, indication, buffer, length);
	tell_all(instance, 0, NULL, 0);
}

/* ---- What a driver tells ------------------------------------------------------------------------- */

/* What is wrong with it, or NULL; and the statement. */
static const char *fault_of(const struct im_instance *instance, uint32_t indication, const void *buffer,
			    uint32_t length, const char **statement)
{
	*statement = "7.6";
	if (indication == IM_INDICATION_RESET_START || indication == IM_INDICATION_RESET_END)
		return "indicated the begin or the end of a reset, which is the core's";
	*statement = "7.18";
	if (__atomic_load_n(&instance->state, __ATOMIC_ACQUIRE) < SLUICE_INSTANCE_PAUSED)
		return "indicated a status before initialize succeeded, or after halt";
	*statement = "7.20";
	if (indication == 0)
		return "indicated a status without a code";
	return buffer == NULL && length > 0 ? "indicated a status with a length and no buffer" : NULL;
}

static bool is_link(uint32_t indication)
{
	return indication == IM_INDICATION_MEDIA_CONNECT || indication == IM_INDICATION_MEDIA_DISCONNECT;
}

static bool sleeps(const struct im_instance *instance)
{
	return __atomic_load_n(&instance->power, __ATOMIC_SEQ_CST) != IM_POWER_D0;
}

/* The link's state that was told last, in the low byte, and how many were told: two that say the same differ. */
static uint32_t link_after(uint32_t before, uint32_t indication)
{
	return (((before >> 8) + 1) << 8) | indication;
}

static uint32_t link_of(uint32_t link)
{
	return link & 0xff;
}

static void note_link(struct im_instance *instance, uint32_t indication)
{
	uint32_t before = __atomic_load_n(&instance->carrier, __ATOMIC_RELAXED);

	while (!__atomic_compare_exchange_n(&instance->carrier, &before, link_after(before, indication), true,
					    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		;
}

/* It may wake up just now: whoever of the two comes second finds what the other one left. */
static void keep(struct im_instance *instance, uint32_t indication)
{
	if (is_link(indication))
		__atomic_store_n(&instance->slept_indication, indication, __ATOMIC_SEQ_CST);
	else if (indication == IM_INDICATION_LINK_SPEED_CHANGE)
		__atomic_store_n(&instance->slept_speed, true, __ATOMIC_SEQ_CST);
	if (!sleeps(instance))
		im_tell_slept_indication(instance);
}

void im_indicate_status(struct im_instance *instance, uint32_t indication, const void *buffer, uint32_t length)
{
	const char *statement, *fault;
	bool asleep;

	im_unlocked_call("im_indicate_status");
	if (!im_usable_handle(instance, "im_indicate_status", "7.18"))
		return;
	fault = fault_of(instance, indication, buffer, length, &statement);
	if (fault != NULL) {
		im_violation(statement, im_driver_of(instance), fault);
		return;
	}
	asleep = sleeps(instance);
	__atomic_store_n(&instance->indicated, !asleep, __ATOMIC_RELAXED);
	if (asleep) {
		keep(instance, indication);
		return;
	}
	if (is_link(indication))
		note_link(instance, indication);
	tell_all(instance, indication, buffer, length);
}

void im_indicate_status_complete(struct im_instance *instance)
{
	im_unlocked_call("im_indicate_status_complete");
	if (!im_usable_handle(instance, "im_indicate_status_complete", "7.18"))
		return;
	if (__atomic_load_n(&instance->indicated, __ATOMIC_RELAXED)) /* else the status itself did not go up (7.17) */
		tell_all(instance, 0, NULL, 0);
}

/* The driver, awake again, may have more news while this is told: then the news is told last. */
static void tell_slept_link(struct im_instance *instance)
{
	uint32_t before = __atomic_load_n(&instance->carrier, __ATOMIC_ACQUIRE);
	uint32_t newest = __atomic_exchange_n(&instance->slept_indication, 0, __ATOMIC_SEQ_CST);
	uint32_t told = link_after(before, newest), now;

	if (newest == 0 || newest == link_of(before))
		return;
	if (!__atomic_compare_exchange_n(&instance->carrier, &before, told, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	im_tell_status(instance, newest, NULL, 0);
	now = __atomic_load_n(&instance->carrier, __ATOMIC_ACQUIRE);
	if (now != told)
		im_tell_status(instance, link_of(now), NULL, 0);
}

void im_tell_slept_indication(struct im_instance *instance)
{
	tell_slept_link(instance);
	if (__atomic_exchange_n(&instance->slept_speed, false, __ATOMIC_SEQ_CST))
		im_tell_status(instance, IM_INDICATION_LINK_SPEED_CHANGE, NULL, 0);
}
