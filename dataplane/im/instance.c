/* SPDX-License-Identifier: BSD-3-Clause */
/* Instances: the miniport side of a driver brought to life, and its states (contract sections 2E and 10D). */
#include <stdlib.h>
#include <string.h>

#include "core.h"

static void set_state(struct im_instance *instance, enum sluice_instance_state state)
{
	__atomic_store_n(&instance->state, state, __ATOMIC_RELEASE);
}

static void forget(struct im_instance *instance)
{
	TAILQ_REMOVE(&im_core.instances, instance, link);
	instance->miniport->instances--;
	free(instance);
}

static struct im_instance *create(struct im_miniport *miniport, const char *name)
{
	struct im_instance *instance = calloc(1, sizeof(*instance));
	uint16_t id = instance != NULL ? im_new_account() : UINT16_MAX;

	if (id == UINT16_MAX) {
		free(instance);
		return NULL;
	}
	strncpy(instance->name, name, sizeof(instance->name) - 1);
	instance->miniport = miniport;
	instance->id = id;
	miniport->instances++;
	TAILQ_INSERT_TAIL(&im_core.instances, instance, link);
	return instance;
}

static im_status_t initialize(struct im_miniport *miniport, const char *name, void *device_context)
{
	struct im_instance *instance;
	im_status_t status;

	if (strlen(name) >= sizeof(instance->name))
		return IM_STATUS_INVALID_PARAMETER;
	if (im_find_instance(name) != NULL)
		return IM_STATUS_NOT_ACCEPTED;
	instance = create(miniport, name);
	if (instance == NULL)
		return IM_STATUS_RESOURCES;
	set_state(instance, SLUICE_INSTANCE_INITIALIZING);
	status = miniport->handlers.initialize(instance, device_context);
	if (status != IM_STATUS_SUCCESS) {
		forget(instance); /* back to halted; halt is not called (2.51) */
		return status;
	}
	if (instance->context == NULL)
		im_violation("2.50", im_wrapper_of(instance)->object->name, "initialize set no context");
	set_state(instance, SLUICE_INSTANCE_PAUSED);
	return IM_STATUS_SUCCESS;
}

im_status_t im_initialize_device_instance(struct im_miniport *miniport, const char *name, void *device_context)
{
	if (miniport == NULL || !miniport->layered || name == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	return initialize(miniport, name, device_context);
}

im_status_t im_start_plain_instance(struct im_driver_object *driver, const char *name, void *device_context)
{
	if (driver == NULL || driver->wrapper->miniport == NULL || driver->wrapper->miniport->layered)
		return IM_STATUS_INVALID_PARAMETER;
	return initialize(driver->wrapper->miniport, name, device_context);
}

static bool is_alive(const struct im_instance *instance)
{
	const struct im_instance *other;

	FOREACH_INSTANCE (other)
		if (other == instance)
			return true;
	return false;
}

/* Overlying protocols go first, then the packets come home, then halt (2.46, 4.34, 5.29). */
im_status_t im_deinitialize_device_instance(struct im_instance *instance)
{
	if (!is_alive(instance))
		return IM_STATUS_FAILURE;
	if (instance->upper != NULL)
		im_unbind(instance->upper);
	im_pause(instance);
	if (im_outstanding(instance) != 0)
		im_violation("4.34", im_wrapper_of(instance)->object->name, "halted with packets outstanding");
	instance->miniport->handlers.halt(instance->context);
	forget(instance);
	return IM_STATUS_SUCCESS;
}

void im_set_attributes(struct im_instance *instance, void *context, uint32_t attributes)
{
	if ((attributes & IM_ATTRIBUTE_INTERMEDIATE_DRIVER) &&
	    instance->miniport->handlers.major_version != IM_MAJOR_VERSION)
		im_violation("2.2", im_wrapper_of(instance)->object->name,
			     "intermediate driver registered with version 3");
	instance->context = context;
	instance->attributes = attributes;
}

void im_restart(struct im_instance *instance)
{
	if (instance->state != SLUICE_INSTANCE_PAUSED)
		im_violation("10.22", im_wrapper_of(instance)->object->name,
			     "restart of an instance that is not paused");
	set_state(instance, SLUICE_INSTANCE_RESTARTING);
	set_state(instance, SLUICE_INSTANCE_RUNNING);
}

void im_pause(struct im_instance *instance)
{
	if (instance->state != SLUICE_INSTANCE_RUNNING)
		return;
	set_state(instance, SLUICE_INSTANCE_PAUSING);
	set_state(instance, SLUICE_INSTANCE_PAUSED);
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
