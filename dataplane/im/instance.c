/* SPDX-License-Identifier: BSD-3-Clause */
/* Instances: the miniport side of a driver brought to life and taken down (contract section 2E). */
#include <stdlib.h>
#include <string.h>

#include "inside.h"

struct im_instance *im_lookup_instance(const char *name)
{
	struct im_instance *instance;

	FOREACH_INSTANCE (instance)
		if (strcmp(instance->name, name) == 0)
			return instance;
	return NULL;
}

struct im_instance *im_find_instance(const char *name)
{
	struct im_instance *instance;

	pthread_mutex_lock(&im_core.lock);
	instance = im_lookup_instance(name);
	pthread_mutex_unlock(&im_core.lock);
	return instance;
}

void im_keep_instance(struct im_instance *instance, const char *tag)
{
	instance->holds++;
	im_ledger_take(instance, tag, __builtin_return_address(0));
}

void im_let_go_instance(struct im_instance *instance, const char *tag)
{
	if (im_ledger_give(instance, tag, __builtin_return_address(0)))
		instance->holds--;
}

/* Whoever found it: where it was held is what tells them apart. */
static void hold(struct im_instance *instance, const void *site)
{
	instance->holds++;
	im_ledger_take(instance, "found by name", site);
}

struct im_instance *im_hold_instance(const char *name)
{
	struct im_instance *instance;

	pthread_mutex_lock(&im_core.lock);
	instance = im_lookup_instance(name);
	if (instance != NULL && instance->initialization == IM_INITIALIZATION_DONE && !instance->going)
		hold(instance, __builtin_return_address(0));
	else
		instance = NULL;
	pthread_mutex_unlock(&im_core.lock);
	return instance;
}

void im_release_instance(struct im_instance *instance)
{
	pthread_mutex_lock(&im_core.lock);
	if (im_ledger_give(instance, "found by name", __builtin_return_address(0)))
		instance->holds--;
	im_core_changed();
	pthread_mutex_unlock(&im_core.lock);
}

void im_set_instance_state(struct im_instance *instance, enum sluice_instance_state state)
{
	im_verify_instance_state(instance, instance->state, (uint8_t)state);
	__atomic_store_n(&instance->state, (uint8_t)state, __ATOMIC_RELEASE);
	im_core_changed();
}

/* ---- Coming -------------------------------------------------------------------------------------- */

/* Under the lock. */
static void forget(struct im_instance *instance)
{
	im_forget_bypass(instance, instance->below);
	TAILQ_REMOVE(&im_core.instances, instance, link);
	instance->miniport->instances--;
	im_give_account(instance->id);
	im_core_changed();
}

static void destroy(struct im_instance *instance)
{
	im_ledger_end(instance);
	im_serial_destroy(instance->serial);
	free(instance->requests.guarded);
	free(instance);
}

static void initialize_later(struct im_work *work);

static struct im_instance *make(struct im_miniport *miniport, const char *name, void *device_context)
{
	struct im_instance *instance = im_fault_allocation() ? NULL : calloc(1, sizeof(*instance));

	if (instance == NULL)
		return NULL;
	strncpy(instance->name, name, sizeof(instance->name) - 1);
	instance->miniport = miniport;
	instance->device_context = device_context;
	instance->gate = IM_GATE_STOPPED | IM_GATE_NO_FILTER | im_quarantine_gate(miniport->wrapper);
	instance->power = IM_POWER_D0;
	instance->hang_period_s = 2;
	instance->initialize_work.run = initialize_later;
	instance->initialize_work.wrapper = miniport->wrapper;
	instance->initialize_work.core = true;
	TAILQ_INIT(&instance->uppers);
	im_ledger_begin(instance, IM_COUNTED_INSTANCE);
	return instance;
}

/* The name is taken from here on, whether or not initialize has run (2.38). */
static im_status_t enter(struct im_miniport *miniport, const char *name, void *device_context,
			 struct im_instance **entered)
{
	struct im_instance *instance;
	im_status_t status = IM_STATUS_RESOURCES;

	if (name[0] == '\0' || strlen(name) >= sizeof(instance->name))
		return IM_STATUS_INVALID_PARAMETER;
	instance = make(miniport, name, device_context);
	if (instance == NULL)
		return IM_STATUS_RESOURCES;
	pthread_mutex_lock(&im_core.lock);
	if (im_lookup_instance(name) != NULL)
		status = IM_STATUS_NOT_ACCEPTED;
	else if ((instance->id = im_take_account(name)) != UINT16_MAX)
		status = IM_STATUS_SUCCESS;
	if (status == IM_STATUS_SUCCESS) {
		miniport->instances++;
		TAILQ_INSERT_TAIL(&im_core.instances, instance, link);
	}
	pthread_mutex_unlock(&im_core.lock);
	*entered = instance;
	if (status != IM_STATUS_SUCCESS)
		destroy(instance);
	return status;
}

static im_status_t call_initialize(struct im_instance *instance)
{
	struct im_frame frame;
	im_status_t status;

	im_enter(&frame, IM_HANDLER_initialize, im_wrapper_of(instance), instance);
	status = instance->miniport->handlers.initialize(instance, instance->device_context);
	im_leave(&frame);
	if (status != IM_STATUS_SUCCESS)
		im_verify_initialize_failed(instance);
	else if (!instance->miniport->layered)
		im_verify_hardware(instance);
	if (status == IM_STATUS_SUCCESS && instance->context == NULL) {
		im_violation("2.50", im_driver_of(instance), "initialize set no context");
		return IM_STATUS_FAILURE;
	}
	if (status == IM_STATUS_SUCCESS && !instance->deserialized && instance->serial == NULL)
		return IM_STATUS_RESOURCES; /* set_attributes() could not have its queue */
	return status;
}

/* Exactly one of "cancelled" and "initialized" happens (2.44): whoever takes WANTED away, under the lock. */
static bool take_wanted(struct im_instance *instance)
{
	bool wanted;

	pthread_mutex_lock(&im_core.lock);
	wanted = instance->initialization == IM_INITIALIZATION_WANTED;
	if (wanted) {
		instance->initialization = IM_INITIALIZATION_RUNNING;
		im_set_instance_state(instance, SLUICE_INSTANCE_INITIALIZING);
	}
	pthread_mutex_unlock(&im_core.lock);
	return wanted;
}

static im_status_t run_initialize(struct im_instance *instance)
{
	im_status_t status = call_initialize(instance);

	pthread_mutex_lock(&im_core.lock);
	if (status == IM_STATUS_SUCCESS) {
		instance->initialization = IM_INITIALIZATION_DONE;
		im_set_instance_state(instance, SLUICE_INSTANCE_PAUSED);
	} else {
		im_set_instance_state(instance, SLUICE_INSTANCE_HALTED); /* halt is not called (2.51) */
		forget(instance);
	}
	pthread_mutex_unlock(&im_core.lock);
	if (status != IM_STATUS_SUCCESS)
		destroy(instance);
	return status;
}

#define OF(work_, member_, type_) ((type_ *)(void *)((char *)(work_)-offsetof(type_, member_)))

/* A request that was cancelled leaves its memory to the work item that is still queued for it. */
static void initialize_later(struct im_work *work)
{
	struct im_instance *instance = OF(work, initialize_work, struct im_instance);

	if (take_wanted(instance))
		run_initialize(instance);
	else
		destroy(instance);
}

static im_status_t initialize(struct im_miniport *miniport, const char *name, void *device_context, bool later)
{
	struct im_instance *instance;
	im_status_t status = enter(miniport, name, device_context, &instance);

	if (status != IM_STATUS_SUCCESS)
		return status;
	if (later) {
		im_schedule_work(&instance->initialize_work);
		return IM_STATUS_SUCCESS;
	}
	take_wanted(instance);
	return run_initialize(instance);
}

im_status_t im_initialize_device_instance(struct im_miniport *miniport, const char *name, void *device_context)
{
	if (miniport == NULL || !miniport->layered || name == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	if (!im_passive_call("im_initialize_device_instance"))
		return IM_STATUS_FAILURE;
	if (im_fault_call())
		return IM_STATUS_RESOURCES;
	return initialize(miniport, name, device_context, im_verify_later());
}

im_status_t im_start_plain_instance(struct im_driver_object *driver, const char *name, void *device_context)
{
	if (driver == NULL || driver->wrapper->miniport == NULL || driver->wrapper->miniport->layered || name == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	return initialize(driver->wrapper->miniport, name, device_context, false);
}

im_status_t im_cancel_initialize_device_instance(struct im_miniport *miniport, const char *name)
{
	struct im_instance *instance;
	bool cancelled;

	if (miniport == NULL || name == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	if (!im_passive_call("im_cancel_initialize_device_instance"))
		return IM_STATUS_FAILURE;
	pthread_mutex_lock(&im_core.lock);
	instance = im_lookup_instance(name);
	cancelled = instance != NULL && instance->miniport == miniport &&
		    instance->initialization == IM_INITIALIZATION_WANTED;
	if (cancelled) {
		instance->initialization =
			IM_INITIALIZATION_DONE; /* the work item finds nothing wanted, and frees it */
		forget(instance);
	}
	pthread_mutex_unlock(&im_core.lock);
	return cancelled ? IM_STATUS_SUCCESS : IM_STATUS_FAILURE;
}

/* ---- Going --------------------------------------------------------------------------------------- */

static bool is_alive(const struct im_instance *instance)
{
	const struct im_instance *other;

	FOREACH_INSTANCE (other)
		if (other == instance)
			return true;
	return false;
}

/* Under the lock. From here on nothing new begins on it. */
static bool begin_going(struct im_instance *instance)
{
	if (!is_alive(instance) || instance->going || instance->initialization != IM_INITIALIZATION_DONE)
		return false;
	instance->going = true;
	return true;
}

/* Overlying protocols go first (2.46). */
static void unbind_uppers(struct im_instance *instance)
{
	struct im_binding *binding;

	while ((binding = TAILQ_FIRST(&instance->uppers)) != NULL)
		im_unbind_locked(binding);
}

static void wait_for_holds(struct im_instance *instance)
{
	struct im_wait wait = {0};

	while (instance->holds > 0 || instance->changing || instance->reset.running) {
		im_verify_wait_holds(&wait, "2.46", instance, im_driver_of(instance), instance->name,
				     "something else runs on an instance that halts");
		im_core_wait();
	}
}

/* Overlying protocols, then packets and requests, then halt (2.46, 4.34, 5.29, 6.25). */
im_status_t im_deinitialize_device_instance(struct im_instance *instance)
{
	struct im_frame frame;

	if (!im_passive_call("im_deinitialize_device_instance"))
		return IM_STATUS_FAILURE;
	pthread_mutex_lock(&im_core.lock);
	if (!begin_going(instance)) {
		pthread_mutex_unlock(&im_core.lock);
		return IM_STATUS_FAILURE;
	}
	unbind_uppers(instance);
	pthread_mutex_unlock(&im_core.lock);
	im_close_requests(instance, IM_STATUS_CLOSING); /* what the operator asked, whom the next line waits for */
	pthread_mutex_lock(&im_core.lock);
	wait_for_holds(instance);
	pthread_mutex_unlock(&im_core.lock);
	im_pause(instance);
	im_stop_requests(instance);
	im_wait_for_packets(instance, "4.34", "halted with packets outstanding");
	im_enter(&frame, IM_HANDLER_halt, im_wrapper_of(instance), instance);
	instance->miniport->handlers.halt(instance->context);
	im_leave(&frame);
	pthread_mutex_lock(&im_core.lock);
	im_set_instance_state(instance, SLUICE_INSTANCE_HALTED);
	forget(instance);
	pthread_mutex_unlock(&im_core.lock);
	im_synchronize();
	destroy(instance);
	return IM_STATUS_SUCCESS;
}

/* ---- What it is ---------------------------------------------------------------------------------- */

void im_set_attributes(struct im_instance *instance, void *context, uint32_t attributes)
{
	bool layered = instance->miniport->layered;

	if (!im_passive_call("im_set_attributes"))
		return;
	if (layered && (attributes & (IM_ATTRIBUTE_INTERMEDIATE_DRIVER | IM_ATTRIBUTE_DESERIALIZE)) !=
			       (IM_ATTRIBUTE_INTERMEDIATE_DRIVER | IM_ATTRIBUTE_DESERIALIZE))
		im_violation("2.49", im_driver_of(instance),
			     "an intermediate driver's instance is neither announced as such nor deserialised");
	if ((attributes & IM_ATTRIBUTE_INTERMEDIATE_DRIVER) &&
	    instance->miniport->handlers.major_version != IM_MAJOR_VERSION)
		im_violation("2.2", im_driver_of(instance), "intermediate driver registered with version 3");
	instance->context = context;
	pthread_mutex_lock(&im_core.lock); /* the watchdogs look through all instances */
	instance->attributes = attributes;
	pthread_mutex_unlock(&im_core.lock);
	instance->deserialized = layered || (attributes & IM_ATTRIBUTE_DESERIALIZE) != 0;
	if (!instance->deserialized && instance->serial == NULL)
		instance->serial = im_serial_create();
	if (instance->serial != NULL)
		im_close_gate(&instance->gate, IM_GATE_SERIALIZED);
}

void im_set_check_for_hang_time(struct im_instance *instance, uint32_t seconds)
{
	instance->hang_period_s = seconds > 0 ? seconds : 2;
}

const char *im_instance_name(const struct im_instance *instance)
{
	return instance->name;
}

uint16_t im_instance_account(const struct im_instance *instance)
{
	return instance->id;
}

const void *im_config(const struct im_instance *instance)
{
	const struct im_block *block = im_this_worker->block;

	return block != NULL && instance->id < block->part_count ? block->parts[instance->id] : NULL;
}
