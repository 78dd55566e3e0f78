/* SPDX-License-Identifier: BSD-3-Clause */
/* Bindings: a protocol edge over an adapter (contract sections 1E and 3). */
#include <stdlib.h>

#include "core.h"

im_status_t im_bind(struct im_driver_object *driver, const struct im_bind_config *config)
{
	if (driver == NULL || driver->wrapper->protocol == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	return driver->wrapper->protocol->handlers.bind_adapter(config);
}

static bool is_alive(const struct im_binding *binding)
{
	const struct im_binding *other;

	TAILQ_FOREACH(other, &im_core.bindings, link)
	if (other == binding)
		return true;
	return false;
}

void im_unbind(struct im_binding *binding)
{
	const char *driver = binding->protocol->wrapper->object->name;

	__atomic_store_n(&binding->closing, true, __ATOMIC_RELEASE); /* from here on sends come back (1.39) ... */
	im_pause(binding->lower);				     /* ... and nothing is indicated (5.32, 10.23) */
	binding->protocol->handlers.unbind_adapter(binding->context);
	if (is_alive(binding))
		im_violation("1.37", driver, "unbind_adapter returned without closing the adapter");
}

im_status_t im_open_adapter(struct im_binding **binding, struct im_protocol *protocol, void *context,
			    const char *adapter)
{
	struct im_instance *lower;
	struct im_binding *opened;

	if (binding == NULL || protocol == NULL || adapter == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	*binding = NULL;
	lower = im_find_instance(adapter);
	if (lower == NULL)
		return IM_STATUS_ADAPTER_NOT_FOUND;
	if (lower->upper != NULL)
		return IM_STATUS_OPEN_FAILED;
	opened = calloc(1, sizeof(*opened));
	if (opened == NULL || (opened->id = im_new_account()) == UINT16_MAX) {
		free(opened);
		return IM_STATUS_RESOURCES;
	}
	opened->protocol = protocol;
	opened->context = context;
	opened->lower = lower;
	protocol->bindings++;
	TAILQ_INSERT_TAIL(&im_core.bindings, opened, link);
	*binding = opened;
	__atomic_store_n(&lower->upper, opened, __ATOMIC_RELEASE);
	return IM_STATUS_SUCCESS;
}

im_status_t im_close_adapter(struct im_binding *binding)
{
	if (binding == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	im_pause(binding->lower); /* nobody is above any more */
	if (im_outstanding(binding->lower) != 0)
		im_violation("3.21", binding->protocol->wrapper->object->name, "closed with sends or lent packets out");
	__atomic_store_n(&binding->lower->upper, NULL, __ATOMIC_RELEASE);
	TAILQ_REMOVE(&im_core.bindings, binding, link);
	binding->protocol->bindings--;
	free(binding);
	return IM_STATUS_SUCCESS;
}

uint16_t im_binding_account(const struct im_binding *binding)
{
	return binding->id;
}
