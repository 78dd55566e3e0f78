/* SPDX-License-Identifier: BSD-3-Clause */
#include "gadget.h"

#include <string.h>

struct gadget gadget;

static struct im_device *device;
static uint32_t instances;

static im_status_t open_device(struct im_device *opened, void **handle_context)
{
	(void)opened;
	gadget.opened++;
	*handle_context = &gadget;
	return IM_STATUS_SUCCESS;
}

static im_status_t call_device(void *handle_context, struct im_device_call *call)
{
	(void)handle_context;
	switch (call->code) {
	case GADGET_ECHO:
		call->output_length = RTE_MIN(call->input_length, call->output_room);
		memcpy(call->output, call->input, call->output_length);
		return IM_STATUS_SUCCESS;
	case GADGET_PEND:
		gadget.pended = call;
		return IM_STATUS_PENDING;
	case GADGET_REFUSE:
		memcpy(call->output, "no!", 3);
		call->output_length = 3;
		return IM_STATUS_INVALID_DATA;
	default:
		return IM_STATUS_NOT_SUPPORTED;
	}
}

static void clean_up(void *handle_context)
{
	struct im_device_call *call = gadget.pended;

	(void)handle_context;
	gadget.cleaned++;
	gadget.pended = NULL;
	if (call != NULL)
		im_complete_device_call(call, IM_STATUS_CANCELLED);
}

static void close_device(void *handle_context)
{
	(void)handle_context;
	gadget.closed++;
}

static im_status_t start(struct im_relay *relay)
{
	static const struct im_device_operations operations = {
		.open = open_device, .call = call_device, .cleanup = clean_up, .close = close_device};

	if (instances++ > 0)
		return IM_STATUS_SUCCESS;
	return im_register_device(relay->driver->wrapper, GADGET_DEVICE, &operations, &device);
}

static void stop(struct im_relay *relay)
{
	(void)relay;
	if (--instances == 0)
		im_deregister_device(device);
}

static struct im_relay_driver driver = {.description = "a gadget", .start = start, .stop = stop};

static im_status_t bind_adapter(const struct im_bind_config *config)
{
	gadget.binds++;
	return gadget.fail_bind ? IM_STATUS_OPEN_FAILED : im_relay_bind(&driver, config);
}

static im_status_t restart(void *context)
{
	return gadget.fail_restart ? IM_STATUS_FAILURE : im_relay_miniport.restart(context);
}

static void unload(void)
{
	gadget.unloaded++;
	im_relay_unload(&driver);
}

im_status_t gadget_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport = {.restart = restart};
	static const struct im_protocol_characteristics protocol = {.bind_adapter = bind_adapter};

	return im_relay_register(&driver, object, &miniport, &protocol, unload);
}
