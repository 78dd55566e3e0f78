/* SPDX-License-Identifier: BSD-3-Clause */
/* Loading and unloading drivers, and their registrations (contract sections 1 to 3). */
#include <stdlib.h>
#include <string.h>

#include "core.h"

static struct im_builtin_driver *builtins; /* sorted by name; written before main */

void im_add_builtin_driver(struct im_builtin_driver *driver)
{
	struct im_builtin_driver **at = &builtins;

	while (*at != NULL && strcmp((*at)->name, driver->name) < 0)
		at = &(*at)->next;
	driver->next = *at;
	*at = driver;
}

/* ---- Registration -------------------------------------------------------------------------------- */

im_status_t im_initialize_wrapper(struct im_wrapper **wrapper, struct im_driver_object *object)
{
	if (wrapper == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	*wrapper = NULL;
	if (object == NULL || object->wrapper != NULL)
		return IM_STATUS_INVALID_PARAMETER;
	object->wrapper = calloc(1, sizeof(*object->wrapper));
	if (object->wrapper == NULL)
		return IM_STATUS_RESOURCES;
	object->wrapper->object = object;
	*wrapper = object->wrapper;
	return IM_STATUS_SUCCESS;
}

void im_terminate_wrapper(struct im_wrapper *wrapper)
{
	if (wrapper == NULL)
		return;
	if (wrapper->miniport != NULL && !wrapper->miniport->layered)
		im_deregister_layered_miniport(wrapper->miniport); /* a plain one has no call of its own (2.33) */
	if (wrapper->miniport != NULL || wrapper->protocol != NULL)
		im_violation("1.15", wrapper->object->name, "wrapper terminated with an edge still registered");
	wrapper->object->wrapper = NULL;
	free(wrapper);
}

static bool supplies_forbidden(const struct im_miniport_characteristics *c)
{
	return c->isr != NULL || c->handle_interrupt != NULL || c->enable_interrupt != NULL ||
	       c->disable_interrupt != NULL || c->allocate_complete != NULL || c->reconfigure != NULL ||
	       c->co_create_vc != NULL || c->co_delete_vc != NULL || c->co_activate_vc != NULL ||
	       c->co_deactivate_vc != NULL || c->co_send_packets != NULL || c->co_request != NULL;
}

static bool lacks_mandatory(const struct im_miniport_characteristics *c, bool intermediate)
{
	return c->initialize == NULL || c->halt == NULL || c->query_information == NULL || c->set_information == NULL ||
	       (!intermediate && c->reset == NULL) || (c->send_packets == NULL && c->send == NULL);
}

/* In the order of 2.8, so that each breach has one answer. */
static im_status_t check_miniport(const struct im_miniport_characteristics *c, uint32_t length, bool intermediate)
{
	bool current = c->major_version == IM_MAJOR_VERSION && c->minor_version == IM_MINOR_VERSION;

	if (!current && (intermediate || c->major_version != 3)) /* 3.x is for others alone (2.2) */
		return IM_STATUS_BAD_VERSION;
	if (length < sizeof(*c) || c->reserved != 0)
		return IM_STATUS_BAD_CHARACTERISTICS;
	if (intermediate && supplies_forbidden(c))
		return IM_STATUS_BAD_CHARACTERISTICS;
	if (lacks_mandatory(c, intermediate))
		return IM_STATUS_BAD_CHARACTERISTICS;
	return IM_STATUS_SUCCESS;
}

static im_status_t register_miniport(struct im_wrapper *wrapper, const struct im_miniport_characteristics *c,
				     uint32_t length, bool layered)
{
	im_status_t status;

	if (wrapper == NULL || c == NULL || wrapper->miniport != NULL)
		return IM_STATUS_INVALID_PARAMETER;
	status = check_miniport(c, length, layered);
	if (status != IM_STATUS_SUCCESS)
		return status;
	wrapper->miniport = calloc(1, sizeof(*wrapper->miniport));
	if (wrapper->miniport == NULL)
		return IM_STATUS_RESOURCES;
	wrapper->miniport->wrapper = wrapper;
	wrapper->miniport->handlers = *c;
	wrapper->miniport->layered = layered;
	return IM_STATUS_SUCCESS;
}

im_status_t im_register_layered_miniport(struct im_wrapper *wrapper, const struct im_miniport_characteristics *c,
					 uint32_t length, struct im_miniport **handle)
{
	im_status_t status;

	if (handle == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	*handle = NULL;
	status = register_miniport(wrapper, c, length, true);
	if (status == IM_STATUS_SUCCESS)
		*handle = wrapper->miniport;
	return status;
}

im_status_t im_register_miniport(struct im_wrapper *wrapper, const struct im_miniport_characteristics *c,
				 uint32_t length)
{
	return register_miniport(wrapper, c, length, false);
}

void im_deregister_layered_miniport(struct im_miniport *handle)
{
	if (handle == NULL)
		return;
	if (handle->instances != 0)
		im_violation("1.20", handle->wrapper->object->name, "miniport deregistered with instances alive");
	handle->wrapper->miniport = NULL;
	free(handle);
}

im_status_t im_register_protocol(struct im_wrapper *wrapper, const struct im_protocol_characteristics *c,
				 uint32_t length, struct im_protocol **handle)
{
	if (handle == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	*handle = NULL;
	if (wrapper == NULL || c == NULL || wrapper->protocol != NULL)
		return IM_STATUS_INVALID_PARAMETER;
	if ((c->major_version != 3 && c->major_version != IM_MAJOR_VERSION) || c->minor_version != IM_MINOR_VERSION)
		return IM_STATUS_BAD_VERSION;
	if (length < sizeof(*c) || c->reserved != 0 || c->bind_adapter == NULL || c->unbind_adapter == NULL ||
	    c->send_complete == NULL || c->receive_packets == NULL)
		return IM_STATUS_BAD_CHARACTERISTICS;
	wrapper->protocol = calloc(1, sizeof(*wrapper->protocol));
	if (wrapper->protocol == NULL)
		return IM_STATUS_RESOURCES;
	wrapper->protocol->wrapper = wrapper;
	wrapper->protocol->handlers = *c;
	*handle = wrapper->protocol;
	return IM_STATUS_SUCCESS;
}

/* Unbinding inside the call, once for each open binding (1.24). */
void im_deregister_protocol(struct im_protocol *handle)
{
	struct im_binding *binding, *next;

	if (handle == NULL)
		return;
	for (binding = TAILQ_FIRST(&im_core.bindings); binding != NULL; binding = next) {
		next = TAILQ_NEXT(binding, link);
		if (binding->protocol == handle) {
			im_unbind(binding);
			next = TAILQ_FIRST(&im_core.bindings); /* unbinding cascades: start again */
		}
	}
	handle->wrapper->protocol = NULL;
	free(handle);
}

im_status_t im_associate_miniport(struct im_miniport *miniport, struct im_protocol *protocol)
{
	if (miniport == NULL || protocol == NULL || miniport->wrapper != protocol->wrapper)
		return IM_STATUS_INVALID_PARAMETER;
	protocol->associated = true;
	return IM_STATUS_SUCCESS;
}

void im_register_unload_handler(struct im_wrapper *wrapper, void (*unload)(void))
{
	wrapper->unload = unload;
}

void im_register_config_handlers(struct im_miniport *miniport, const struct im_config_handlers *handlers)
{
	miniport->config = handlers;
}

/* ---- Loading ------------------------------------------------------------------------------------- */

static void discard(struct im_driver_object *object)
{
	TAILQ_REMOVE(&im_core.drivers, object, link);
	free(object);
}

/*
 * The edges of an intermediate driver are associated (1.2); one that is layered over something else than an adapter
 * has no protocol edge. Whoever has an edge with handles of its own has an unload handler to deregister it (1.8).
 */
static im_status_t check_loaded(const struct im_driver_object *object)
{
	const struct im_wrapper *wrapper = object->wrapper;
	bool layered;

	if (wrapper == NULL || (wrapper->miniport == NULL && wrapper->protocol == NULL))
		im_violation("1.2", object->name, "loaded without registering anything");
	layered = wrapper->miniport != NULL && wrapper->miniport->layered;
	if ((layered || wrapper->protocol != NULL) && wrapper->unload == NULL)
		im_violation("1.8", object->name, "loaded without an unload handler");
	if (layered && wrapper->protocol != NULL && !wrapper->protocol->associated)
		im_violation("1.2", object->name, "miniport and protocol are not associated");
	return IM_STATUS_SUCCESS;
}

im_status_t im_load_driver(const char *name, im_driver_entry_t entry, const char *description)
{
	struct im_driver_object *object;
	im_status_t status;

	if (strlen(name) >= sizeof(object->name))
		return IM_STATUS_INVALID_PARAMETER;
	if (im_find_driver(name) != NULL)
		return IM_STATUS_NOT_ACCEPTED;
	object = calloc(1, sizeof(*object));
	if (object == NULL)
		return IM_STATUS_RESOURCES;
	strncpy(object->name, name, sizeof(object->name) - 1);
	object->description = description;
	TAILQ_INSERT_TAIL(&im_core.drivers, object, link);
	status = entry(object);
	if (status == IM_STATUS_SUCCESS)
		return check_loaded(object);
	if (status == IM_STATUS_PENDING)
		im_violation("1.7", object->name, "driver_entry returned PENDING");
	if (object->wrapper != NULL)
		im_violation("1.12", object->name, "failed driver_entry left its registrations behind");
	discard(object);
	return status;
}

im_status_t im_load_builtin_drivers(const char **failed)
{
	for (struct im_builtin_driver *driver = builtins; driver != NULL; driver = driver->next) {
		im_status_t status = im_load_driver(driver->name, driver->entry, driver->description);

		*failed = driver->name;
		if (status != IM_STATUS_SUCCESS)
			return status;
	}
	return IM_STATUS_SUCCESS;
}

void im_unload_drivers(void)
{
	struct im_driver_object *object;

	while ((object = TAILQ_LAST(&im_core.drivers, im_driver_list)) != NULL) {
		if (object->wrapper->unload != NULL)
			object->wrapper->unload();
		im_terminate_wrapper(object->wrapper);
		discard(object);
	}
}

struct im_driver_object *im_find_driver(const char *name)
{
	struct im_driver_object *object;

	TAILQ_FOREACH(object, &im_core.drivers, link)
	if (strcmp(object->name, name) == 0)
		return object;
	return NULL;
}
