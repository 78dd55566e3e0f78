/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Power (contract section 7D). The order, top down and bottom up:
 *
 *   down   the protocols above are told and stop (SET_POWER, may pend) ─> the gate closes, sends come home ─> the
 * miniport up     the miniport ─> the gate opens ─> the protocols above are told ─> the link's state, if it changed
 *
 * A VNIC and the adapter below it have states of their own: neither follows from the other (7.21). A miniport that
 * knows no power states is kept quiet all the same; it is not halted (7.25).
 */
#include "im/inside.h"

/* ---- The miniport -------------------------------------------------------------------------------- */

/* SUCCESS and NOT_ACCEPTED are legal (6.28); NOT_SUPPORTED is what one says that knows no such OID (6.10). */
IM_PASSIVE static im_status_t set_miniport(struct im_instance *instance, enum im_power_state power)
{
	uint32_t value = power;
	struct im_request request = {
		.set = true, .oid = SLUICE_OID_PNP_SET_POWER, .buffer = &value, .length = sizeof(value)};
	im_status_t status = im_core_request_wait(instance, &request);

	if (status == IM_STATUS_SUCCESS || status == IM_STATUS_NOT_SUPPORTED || status == IM_STATUS_INVALID_OID)
		return IM_STATUS_SUCCESS;
	if (status != IM_STATUS_NOT_ACCEPTED && status != IM_STATUS_CLOSING) /* the core's own, at a halt */
		im_violation("6.28", im_driver_of(instance), "set-power ended with a status that it cannot have");
	return status;
}

IM_PASSIVE static void wait_for_sends(struct im_instance *instance)
{
	struct im_account sum;
	struct im_wait wait = {0};

	pthread_mutex_lock(&im_core.lock);
	for (im_read_account(instance->id, &sum); sum.sends_done != sum.sends_begun;
	     im_read_account(instance->id, &sum)) {
		im_verify_wait(&wait, "7.23", im_driver_of(instance), instance->name,
			       "sends are out, and its power goes");
		im_core_wait();
	}
	pthread_mutex_unlock(&im_core.lock);
}

/* ---- The protocols above ------------------------------------------------------------------------- */

IM_PASSIVE static void tell_protocols(struct im_instance *instance, enum im_power_state power)
{
	struct im_pnp_event event = {.code = IM_PNP_SET_POWER, .power = power};

	im_tell_pnp_event(instance, &event);
}

/* ---- Down and up --------------------------------------------------------------------------------- */

static void set(struct im_instance *instance, enum im_power_state power)
{
	pthread_mutex_lock(&im_core.lock);
	__atomic_store_n(&instance->power, (uint8_t)power, __ATOMIC_SEQ_CST);
	im_core_changed();
	pthread_mutex_unlock(&im_core.lock);
}

IM_PASSIVE static void wake_up(struct im_instance *instance)
{
	set(instance, IM_POWER_D0);
	im_open_gate(&instance->gate, IM_GATE_LOW_POWER);
	tell_protocols(instance, IM_POWER_D0);
	im_tell_slept_indication(instance);
}

IM_PASSIVE static im_status_t go_down(struct im_instance *instance, enum im_power_state power)
{
	enum im_power_state before = instance->power;
	im_status_t status;

	tell_protocols(instance, power);
	im_close_gate(&instance->gate, IM_GATE_LOW_POWER);
	set(instance, power);
	im_synchronize();
	im_serial_refuse(instance, NULL, IM_STATUS_LOW_POWER_STATE);
	wait_for_sends(instance);
	status = set_miniport(instance, power);
	if (status == IM_STATUS_SUCCESS)
		return status;
	if (before == IM_POWER_D0)
		wake_up(instance); /* it stays as it was, and they go on */
	else
		set(instance, before);
	return status;
}

IM_PASSIVE static im_status_t go_up(struct im_instance *instance)
{
	im_status_t status = set_miniport(instance, IM_POWER_D0);

	if (status == IM_STATUS_SUCCESS)
		wake_up(instance);
	return status;
}

/* Why its power cannot change now, or SUCCESS. Under the lock. */
static im_status_t readiness(const struct im_instance *instance)
{
	if (instance->going)
		return IM_STATUS_CLOSING;
	return instance->state < SLUICE_INSTANCE_PAUSED ? IM_STATUS_NOT_READY : IM_STATUS_SUCCESS;
}

im_status_t im_set_power(struct im_instance *instance, enum im_power_state power)
{
	im_status_t status;

	if (!im_passive_call("im_set_power"))
		return IM_STATUS_FAILURE;
	if (power < IM_POWER_D0 || power > IM_POWER_D3)
		return IM_STATUS_INVALID_PARAMETER;
	pthread_mutex_lock(&im_core.lock);
	im_begin_change(instance);
	status = readiness(instance);
	pthread_mutex_unlock(&im_core.lock);
	if (status == IM_STATUS_SUCCESS && power != instance->power)
		status = power == IM_POWER_D0 ? go_up(instance) : go_down(instance, power);
	pthread_mutex_lock(&im_core.lock);
	im_end_change(instance);
	pthread_mutex_unlock(&im_core.lock);
	return status;
}

/* ---- The card goes down -------------------------------------------------------------------------- */

/* Under the lock, which is released meanwhile. */
static void shut_down(struct im_instance *instance)
{
	void (*handler)(void *) = instance->miniport->handlers.adapter_shutdown;
	struct im_frame frame;

	im_keep_instance(instance, "shutdown");
	pthread_mutex_unlock(&im_core.lock);
	im_enter(&frame, IM_HANDLER_adapter_shutdown, im_wrapper_of(instance), instance);
	handler(instance->context);
	im_leave(&frame);
	pthread_mutex_lock(&im_core.lock);
	im_let_go_instance(instance, "shutdown");
	im_core_changed();
}

/* In the states of 10.22 that have it; one that halts is on its way to the same end. */
void im_shutdown(void)
{
	struct im_instance *instance;

	pthread_mutex_lock(&im_core.lock);
	FOREACH_INSTANCE (instance)
		if (instance->state >= SLUICE_INSTANCE_PAUSED && !instance->going &&
		    instance->miniport->handlers.adapter_shutdown != NULL)
			shut_down(instance);
	pthread_mutex_unlock(&im_core.lock);
}
