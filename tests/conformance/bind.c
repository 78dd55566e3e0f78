/* SPDX-License-Identifier: BSD-3-Clause */
/* Bindings of tops and mids, and the VNICs of mids: how they come and go (contract section 1E). */
#include <stdio.h>
#include <string.h>

#include "rig.h"

static struct rig_vnic vnics[RIG_OBJECTS_MAX];
static struct rig_binding bindings[RIG_OBJECTS_MAX];
static uint32_t vnic_count, binding_count;

void rig_objects_reset(void)
{
	memset(vnics, 0, sizeof(vnics));
	memset(bindings, 0, sizeof(bindings));
	vnic_count = binding_count = 0;
}

struct rig_vnic *rig_vnic(const char *name)
{
	for (uint32_t i = 0; i < vnic_count; i++)
		if (strcmp(vnics[i].name, name) == 0)
			return &vnics[i];
	return NULL;
}

struct rig_binding *rig_binding(const char *name)
{
	for (uint32_t i = 0; i < binding_count; i++)
		if (strcmp(bindings[i].name, name) == 0 && bindings[i].binding != NULL)
			return &bindings[i];
	return NULL;
}

struct rig_binding *rig_newest_binding(void)
{
	return binding_count > 0 ? &bindings[binding_count - 1] : NULL;
}

/* A VNIC that comes again is the same object, begun anew. */
struct rig_vnic *rig_new_vnic(struct rig_driver *driver, const char *name)
{
	struct rig_vnic *vnic = rig_vnic(name);

	if (vnic == NULL) {
		if (vnic_count == RIG_OBJECTS_MAX)
			rig_broken("too many VNICs");
		vnic = &vnics[vnic_count++];
	}
	memset(vnic, 0, sizeof(*vnic));
	snprintf(vnic->name, sizeof(vnic->name), "%s", name);
	vnic->driver = driver;
	return vnic;
}

/* One that is bound again is a new object: the old one may still be closing. */
struct rig_binding *rig_new_binding(struct rig_driver *driver, const struct im_bind_config *config)
{
	struct rig_binding *binding = &bindings[binding_count];

	if (binding_count++ == RIG_OBJECTS_MAX)
		rig_broken("too many bindings");
	snprintf(binding->name, sizeof(binding->name), "%s",
		 config->vnic_count > 0 ? config->vnic_names[0] : config->adapter);
	snprintf(binding->adapter, sizeof(binding->adapter), "%s", config->adapter);
	binding->driver = driver;
	binding->config = config;
	for (uint32_t i = 0; driver->kind == RIG_MID && i < config->vnic_count; i++) {
		binding->vnics[i] = rig_new_vnic(driver, config->vnic_names[i]);
		binding->vnics[i]->below = binding;
		binding->vnic_count++;
	}
	return binding;
}

void rig_stop_nics(void)
{
	for (uint32_t i = 0; i < vnic_count; i++)
		if (vnics[i].driver->kind == RIG_NIC && vnics[i].instance != NULL)
			host_stop(vnics[i].name);
}

/* ---- VNICs --------------------------------------------------------------------------------------- */

im_status_t rig_initialize_vnic(struct rig_vnic *vnic, struct im_instance *instance, uint32_t attributes)
{
	im_status_t status = vnic->driver->script.initialize_status;

	im_set_attributes(instance, vnic, attributes | vnic->driver->script.attributes);
	vnic->instance = status == IM_STATUS_SUCCESS ? instance : NULL;
	im_set_event(&vnic->initialized);
	return status;
}

void rig_halt_vnic(void *context)
{
	struct rig_vnic *vnic = context;

	vnic->instance = NULL;
	vnic->asked = false;
}

/* What it needs is written before the call, which may run initialize inside, beside it or later (2.40). */
static im_status_t start_vnic(struct rig_vnic *vnic)
{
	im_status_t status;

	vnic->asked = true;
	im_reset_event(&vnic->initialized);
	status = im_initialize_device_instance(vnic->driver->miniport_handle, vnic->name, vnic);
	if (status != IM_STATUS_SUCCESS)
		vnic->asked = false;
	return status;
}

/* Cancelled, or initialised and then halted (2.43). One that was halted by itself is not asked for any more (1.41). */
static void stop_vnic(struct rig_vnic *vnic)
{
	if (!vnic->asked)
		return;
	if (im_cancel_initialize_device_instance(vnic->driver->miniport_handle, vnic->name) == IM_STATUS_SUCCESS) {
		vnic->asked = false;
		return;
	}
	im_wait_event(&vnic->initialized, 0);
	if (vnic->instance != NULL)
		im_deinitialize_device_instance(vnic->instance);
}

static im_status_t close_binding(struct rig_binding *binding)
{
	struct im_binding *handle = binding->binding;

	binding->binding = NULL; /* invalid from the call on (3.22) */
	return im_close_adapter(handle);
}

/* ---- Binding ------------------------------------------------------------------------------------- */

static im_status_t opened(struct rig_binding *binding, im_status_t status)
{
	if (status != IM_STATUS_SUCCESS) {
		binding->binding = NULL;
		return status;
	}
	for (uint32_t i = 0; i < binding->vnic_count && status == IM_STATUS_SUCCESS; i++)
		status = start_vnic(binding->vnics[i]);
	if (status == IM_STATUS_SUCCESS)
		return status;
	for (uint32_t i = 0; i < binding->vnic_count; i++)
		stop_vnic(binding->vnics[i]);
	if (close_binding(binding) == IM_STATUS_PENDING)
		im_wait_event(&binding->closed, 0); /* 1.36 */
	return status;
}

static im_status_t open_now(struct rig_binding *binding)
{
	static const uint32_t ethernet = IM_MEDIUM_802_3;
	im_status_t status;

	binding->open = (struct im_open){.context = binding, .media = &ethernet, .media_count = 1};
	status = im_open_adapter(&binding->binding, binding->driver->protocol_handle, binding->config, &binding->open);
	return status == IM_STATUS_PENDING ? status : opened(binding, status);
}

static void finish_bind(struct rig_binding *binding, im_status_t status)
{
	const struct im_bind_config *config = binding->config;

	binding->config = NULL; /* no longer good */
	im_complete_bind_adapter(config, status);
}

static void bind_now(void *argument)
{
	struct rig_binding *binding = argument;
	im_status_t status = open_now(binding);

	if (status != IM_STATUS_PENDING)
		finish_bind(binding, status);
}

static struct rig_binding *binding_of(const struct im_bind_config *config)
{
	for (uint32_t i = binding_count; i-- > 0;)
		if (bindings[i].config == config)
			return &bindings[i];
	rig_broken("bind_adapter without a binding");
}

im_status_t rig_bind_adapter(const struct im_bind_config *config)
{
	struct rig_binding *binding = binding_of(config);
	enum rig_when when = binding->driver->script.binds;
	im_status_t status;

	if (when != RIG_INLINE) {
		rig_do(when, true, bind_now, binding);
		return IM_STATUS_PENDING;
	}
	status = open_now(binding);
	if (status != IM_STATUS_PENDING)
		binding->config = NULL;
	return status;
}

void rig_open_complete(void *context, im_status_t status)
{
	finish_bind(context, opened(context, status));
}

void rig_complete_bind(struct rig_binding *binding, im_status_t status)
{
	if (status == IM_STATUS_SUCCESS)
		bind_now(binding);
	else
		finish_bind(binding, status);
}

/* ---- Unbinding ----------------------------------------------------------------------------------- */

static void clear_filter(struct rig_binding *binding)
{
	uint32_t nothing = 0;
	struct im_request request = {.set = true,
				     .oid = SLUICE_OID_GEN_CURRENT_PACKET_FILTER,
				     .buffer = &nothing,
				     .length = sizeof(nothing)};

	rig_request(binding, &request); /* an adapter that refuses is of no interest any more */
}

static im_status_t unbind_now(struct rig_binding *binding)
{
	for (uint32_t i = 0; i < binding->vnic_count; i++)
		stop_vnic(binding->vnics[i]);
	if (binding->clears_filter)
		clear_filter(binding);
	return close_binding(binding);
}

static void unbind_later(void *argument)
{
	struct rig_binding *binding = argument;

	if (unbind_now(binding) != IM_STATUS_PENDING)
		im_complete_unbind_adapter(binding->unbind_context);
}

im_status_t rig_unbind_adapter(void *context, void *unbind_context)
{
	struct rig_binding *binding = context;
	enum rig_when when = binding->driver->script.unbinds;

	binding->unbind_context = unbind_context;
	if (when == RIG_INLINE)
		return unbind_now(binding);
	rig_do(when, true, unbind_later, binding);
	return IM_STATUS_PENDING;
}

/* A close that pended ends an unbind, or a bind that failed. */
void rig_close_complete(void *context)
{
	struct rig_binding *binding = context;

	if (binding->unbind_context != NULL)
		im_complete_unbind_adapter(binding->unbind_context);
	else
		im_set_event(&binding->closed);
}

void rig_complete_unbind(struct rig_binding *binding)
{
	unbind_later(binding);
}
