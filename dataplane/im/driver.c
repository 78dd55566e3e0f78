/* SPDX-License-Identifier: BSD-3-Clause */
/* Loading and unloading drivers (contract sections 1A to 1D). */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <rte_version.h>

#include "inside.h"

static struct im_module *builtins; /* sorted by name; written before main */

void im_add_builtin_driver(struct im_module *module)
{
	struct im_module **at = &builtins;

	while (*at != NULL && strcmp((*at)->name, module->name) < 0)
		at = &(*at)->next;
	module->next = *at;
	*at = module;
}

struct im_driver_object *im_lookup_driver(const char *name)
{
	struct im_driver_object *object;

	TAILQ_FOREACH(object, &im_core.drivers, link)
	if (strcmp(object->name, name) == 0)
		return object;
	return NULL;
}

struct im_driver_object *im_find_driver(const char *name)
{
	struct im_driver_object *object;

	pthread_mutex_lock(&im_core.lock);
	object = im_lookup_driver(name);
	pthread_mutex_unlock(&im_core.lock);
	return object;
}

/* ---- Loading ------------------------------------------------------------------------------------- */

static void discard(struct im_driver_object *object)
{
	im_unquarantine(object->name);
	pthread_mutex_lock(&im_core.lock);
	TAILQ_REMOVE(&im_core.drivers, object, link);
	im_core_changed();
	pthread_mutex_unlock(&im_core.lock);
	free(object);
}

/*
 * The edges of an intermediate driver are associated (1.2); one that is layered over something else than an adapter
 * has no protocol edge. Whoever has an edge with handles of its own has an unload handler to deregister it (1.8).
 */
static im_status_t check_loaded(struct im_driver_object *object)
{
	const struct im_wrapper *wrapper = object->wrapper;
	bool layered;

	if (wrapper == NULL || (wrapper->miniport == NULL && wrapper->protocol == NULL)) {
		im_violation("1.2", object->name, "loaded without registering anything");
		return IM_STATUS_FAILURE;
	}
	layered = wrapper->miniport != NULL && wrapper->miniport->layered;
	if ((layered || wrapper->protocol != NULL) && wrapper->unload == NULL) {
		im_violation("1.8", object->name, "loaded without an unload handler");
		return IM_STATUS_FAILURE;
	}
	if (layered && wrapper->protocol != NULL && !wrapper->protocol->associated) {
		im_violation("1.2", object->name, "miniport and protocol are not associated");
		return IM_STATUS_FAILURE;
	}
	return IM_STATUS_SUCCESS;
}

/* What an entry left that failed, or that did not do its part: taken back, and its unload handler is never called. */
static void clear_up(struct im_driver_object *object)
{
	if (object->wrapper != NULL) {
		im_deregister_protocol(object->wrapper->protocol);
		im_deregister_layered_miniport(object->wrapper->miniport);
		im_terminate_wrapper(object->wrapper);
	}
	discard(object);
	im_synchronize(); /* a worker may be on its way out of a deferred call */
}

static im_status_t run_entry(struct im_driver_object *object, im_driver_entry_t entry)
{
	struct im_frame frame;
	im_status_t status;

	if (im_core.load_begins != NULL && im_core.load_begins() != 0)
		return IM_STATUS_RESOURCES;
	im_enter(&frame, IM_HANDLER_driver_entry, NULL, object);
	status = entry(object);
	im_leave(&frame);
	if (im_core.load_ends != NULL)
		im_core.load_ends();
	if (status == IM_STATUS_SUCCESS)
		return check_loaded(object);
	if (status == IM_STATUS_PENDING) {
		im_violation("1.7", object->name, "driver_entry returned PENDING");
		return IM_STATUS_FAILURE;
	}
	if (object->wrapper != NULL)
		im_violation("1.12", object->name, "failed driver_entry left its registrations behind");
	return status;
}

/* As abi/base.h has them. */
bool im_is_driver_name(const char *name)
{
	static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t length = name != NULL ? strlen(name) : 0;

	return length > 0 && length < SLUICE_NAME_SIZE && strspn(name, legal) == length;
}

static im_status_t load(const char *name, im_driver_entry_t entry, const char *description, void *library)
{
	struct im_driver_object *object;
	im_status_t status;

	if (!im_is_driver_name(name) || entry == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	object = im_fault_allocation() ? NULL : calloc(1, sizeof(*object));
	if (object == NULL)
		return IM_STATUS_RESOURCES;
	strncpy(object->name, name, sizeof(object->name) - 1);
	strncpy(object->description, description, sizeof(object->description) - 1);
	object->library = library;
	pthread_mutex_lock(&im_core.lock);
	if (im_lookup_driver(name) != NULL) {
		pthread_mutex_unlock(&im_core.lock);
		free(object);
		return IM_STATUS_NOT_ACCEPTED;
	}
	TAILQ_INSERT_TAIL(&im_core.drivers, object, link);
	pthread_mutex_unlock(&im_core.lock);
	status = run_entry(object, entry);
	if (status != IM_STATUS_SUCCESS) {
		clear_up(object);
		return status;
	}
	pthread_mutex_lock(&im_core.lock);
	object->state = IM_DRIVER_LOADED;
	im_core_changed();
	pthread_mutex_unlock(&im_core.lock);
	return IM_STATUS_SUCCESS;
}

im_status_t im_load_driver(const char *name, im_driver_entry_t entry, const char *description)
{
	return load(name, entry, description, NULL);
}

/* Its mbufs must look like ours: the year and the month of the DPDK release stand for that. */
im_status_t im_load_module(const struct im_module *module, void *library)
{
	if (module->interface != IM_INTERFACE || module->dpdk >> 16 != RTE_VERSION >> 16)
		return IM_STATUS_BAD_VERSION;
	return load(module->name, module->entry, module->description != NULL ? module->description : "", library);
}

im_status_t im_load_builtin_driver(const char *name)
{
	for (const struct im_module *module = builtins; module != NULL; module = module->next)
		if (strcmp(module->name, name) == 0)
			return im_load_module(module, NULL);
	return IM_STATUS_FAILURE;
}

im_status_t im_load_builtin_drivers(const char **failed)
{
	for (const struct im_module *module = builtins; module != NULL; module = module->next) {
		im_status_t status = im_load_module(module, NULL);

		*failed = module->name;
		if (status != IM_STATUS_SUCCESS)
			return status;
	}
	return IM_STATUS_SUCCESS;
}

/* ---- Unloading ----------------------------------------------------------------------------------- */

static bool is_in_use(const struct im_driver_object *object)
{
	const struct im_wrapper *wrapper = object->wrapper;

	return (wrapper->miniport != NULL && wrapper->miniport->instances > 0) ||
	       (wrapper->protocol != NULL && (wrapper->protocol->bindings > 0 || wrapper->protocol->binds > 0));
}

/* The driver with this name, from now on unloading; or NULL with the reason. */
static struct im_driver_object *begin_unload(const char *name, bool uninstall, im_status_t *refusal)
{
	struct im_driver_object *object;

	pthread_mutex_lock(&im_core.lock);
	object = im_lookup_driver(name);
	*refusal = IM_STATUS_SUCCESS;
	if (object == NULL)
		*refusal = IM_STATUS_FAILURE;
	else if (object->state != IM_DRIVER_LOADED || (!uninstall && is_in_use(object)))
		*refusal = IM_STATUS_NOT_ACCEPTED;
	else
		object->state = IM_DRIVER_UNLOADING;
	pthread_mutex_unlock(&im_core.lock);
	return *refusal == IM_STATUS_SUCCESS ? object : NULL;
}

/* Unbind once for each binding, then uninstall once (1.28). */
static void run_uninstall(struct im_driver_object *object)
{
	struct im_protocol *protocol = object->wrapper->protocol;
	struct im_frame frame;

	if (protocol == NULL)
		return;
	pthread_mutex_lock(&im_core.lock);
	im_unbind_all(protocol);
	pthread_mutex_unlock(&im_core.lock);
	if (protocol->handlers.uninstall == NULL)
		return;
	im_enter(&frame, IM_HANDLER_uninstall, object->wrapper, object);
	protocol->handlers.uninstall();
	im_leave(&frame);
}

/* It has no control device, nor is one still open (1.10, 1.30). */
static void wait_for_devices(struct im_driver_object *object)
{
	struct im_wait wait = {0};

	pthread_mutex_lock(&im_core.lock);
	while (__atomic_load_n(&object->wrapper->devices, __ATOMIC_ACQUIRE) > 0) {
		im_verify_wait(&wait, "1.30", object->name, object->name,
			       "its control device is registered, or open, and keeps it from being unloaded");
		im_core_wait();
	}
	pthread_mutex_unlock(&im_core.lock);
}

static void run_unload(struct im_driver_object *object)
{
	struct im_wrapper *wrapper = object->wrapper;
	struct im_frame frame;

	if (wrapper->unload != NULL) {
		im_enter(&frame, IM_HANDLER_unload, wrapper, object);
		wrapper->unload();
		im_leave(&frame);
	}
	im_drain_work(wrapper);
	if (wrapper->protocol == NULL && (wrapper->miniport == NULL || !wrapper->miniport->layered))
		return;
	im_violation("1.19", object->name, "unload returned with an edge still registered");
	im_deregister_protocol(wrapper->protocol);
	im_deregister_layered_miniport(wrapper->miniport);
}

im_status_t im_unload_driver(const char *name, bool uninstall)
{
	struct im_driver_object *object;
	im_status_t refusal;
	void *library;

	if (!im_passive_call("im_unload_driver"))
		return IM_STATUS_FAILURE;
	object = begin_unload(name, uninstall, &refusal);
	if (object == NULL)
		return refusal;
	if (uninstall)
		run_uninstall(object);
	wait_for_devices(object);
	run_unload(object);
	im_terminate_wrapper(object->wrapper);
	library = object->library;
	discard(object);
	im_synchronize(); /* a worker may be on its way out of the last handler */
	if (library != NULL)
		dlclose(library);
	return IM_STATUS_SUCCESS;
}

void im_unload_drivers(void)
{
	struct im_driver_object *object;

	while ((object = TAILQ_LAST(&im_core.drivers, im_driver_list)) != NULL)
		im_unload_driver(object->name, true);
}
