/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control devices (contract section 8): names, the handles that are open, and the calls that are not complete.
 *
 *   registered ──> im_open_device() finds the name ──> handle ──> calls ... ──> im_close_handle()
 *       └ im_deregister_device(): the name goes at once, the device with its last handle (C6)
 *
 * The table, the handles and their counts are under the core's lock, which is never held while a driver is called
 * (8.17): who calls has counted itself before. Calls that are out stand in a list of their own, under a spin lock,
 * because they may be completed at any level; a call is looked for there and not looked at, as it may be complete, and
 * gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "im/inside.h"
#include "im/spin.h"

struct im_device {
	struct im_object owned;
	struct im_wrapper *wrapper;
	struct im_device_operations operations;
	char name[SLUICE_NAME_SIZE];
	bool registered;  /* its name can be found */
	uint32_t handles; /* open, or being opened */
	TAILQ_ENTRY(im_device) link;
};

struct im_handle {
	struct im_device *device;
	void *context;	/* the driver's */
	bool closing;	/* no call begins any more */
	uint32_t calls; /* that are not complete, and handlers that have not returned; atomic */
};

static TAILQ_HEAD(, im_device) devices = TAILQ_HEAD_INITIALIZER(devices);
static struct im_device_call *open_calls;
static uint32_t open_lock;

/* ---- Names --------------------------------------------------------------------------------------- */

static struct im_device *find(const char *name)
{
	struct im_device *device;

	TAILQ_FOREACH(device, &devices, link)
	{
		if (device->registered && strcmp(device->name, name) == 0)
			return device;
	}
	return NULL;
}

static struct im_device *make(struct im_wrapper *wrapper, const char *name,
			      const struct im_device_operations *operations)
{
	struct im_device *device = im_fault_allocation() ? NULL : calloc(1, sizeof(*device));

	if (device == NULL)
		return NULL;
	device->wrapper = wrapper;
	device->operations = *operations;
	device->registered = true;
	strncpy(device->name, name, sizeof(device->name) - 1);
	return device;
}

static bool is_complete(const char *name, const struct im_device_operations *operations)
{
	return name != NULL && name[0] != '\0' && strlen(name) < SLUICE_NAME_SIZE && operations != NULL &&
	       operations->open != NULL && operations->call != NULL && operations->close != NULL;
}

/* An initialize may run inside of the entry (1.4): then it is the innermost. Known where the verifier is on. */
static bool is_in_entry(const struct im_wrapper *wrapper)
{
	const struct im_frame *frame = im_this_worker->frame;

	return frame != NULL && frame->handler == IM_HANDLER_driver_entry && frame->object == wrapper->object;
}

/* Whether the driver may have one now. From its entry it would keep the driver from being unloaded, with or without a
 * VNIC. */
static bool is_time(const struct im_wrapper *wrapper)
{
	if (!im_passive_call("im_register_device"))
		return false;
	if (!is_in_entry(wrapper))
		return true;
	im_violation("1.10", wrapper->object->name,
		     "registered a control device in driver_entry, before it has a VNIC");
	return false;
}

im_status_t im_register_device(struct im_wrapper *wrapper, const char *name,
			       const struct im_device_operations *operations, struct im_device **out)
{
	struct im_device *device;
	bool taken;

	if (out == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	*out = NULL;
	if (wrapper == NULL || !is_complete(name, operations))
		return IM_STATUS_INVALID_PARAMETER;
	if (!is_time(wrapper))
		return IM_STATUS_FAILURE;
	device = im_fault_call() ? NULL : make(wrapper, name, operations);
	if (device == NULL)
		return IM_STATUS_RESOURCES;
	pthread_mutex_lock(&im_core.lock);
	taken = find(name) != NULL;
	if (!taken) {
		*out = device; /* before it can be opened (8.13) */
		im_own(wrapper, &device->owned, IM_OBJECT_DEVICE, device->name);
		__atomic_add_fetch(&wrapper->devices, 1, __ATOMIC_RELAXED);
		TAILQ_INSERT_TAIL(&devices, device, link);
	}
	pthread_mutex_unlock(&im_core.lock);
	if (taken)
		free(device);
	return taken ? IM_STATUS_NOT_ACCEPTED : IM_STATUS_SUCCESS;
}

/* Under the lock. The last thing that unload waits for (1.30). */
static void destroy_if_unused(struct im_device *device)
{
	if (device->registered || device->handles > 0)
		return;
	TAILQ_REMOVE(&devices, device, link);
	im_disown(&device->owned);
	__atomic_sub_fetch(&device->wrapper->devices, 1, __ATOMIC_RELEASE);
	im_core_changed();
	free(device);
}

/* As the driver gave it: it may be gone. */
static bool is_registered(const struct im_device *wanted)
{
	const struct im_device *device;

	TAILQ_FOREACH(device, &devices, link)
	{
		if (device == wanted)
			return device->registered;
	}
	return false;
}

void im_deregister_device(struct im_device *device)
{
	bool registered;

	if (device == NULL || !im_passive_call("im_deregister_device"))
		return;
	pthread_mutex_lock(&im_core.lock);
	registered = is_registered(device);
	if (registered) {
		device->registered = false;
		if (device->handles > 0 && im_is_verified())
			fprintf(stderr, "sluice-fw: driver '%s' deregisters its device '%s' with %u handles open\n",
				device->wrapper->object->name, device->name, device->handles);
		destroy_if_unused(device);
	}
	pthread_mutex_unlock(&im_core.lock);
	if (!registered)
		im_violation("8.15", im_running_driver(), "deregistered a device that is not registered");
}

const char *im_device_name(const struct im_device *device)
{
	return device->name;
}

const char *im_device_driver(const struct im_device *device)
{
	return device->wrapper->object->name;
}

void im_list_devices(void (*each)(void *context, const struct im_device *device, uint32_t handles), void *context)
{
	const struct im_device *device;

	pthread_mutex_lock(&im_core.lock);
	TAILQ_FOREACH(device, &devices, link)
	{
		if (device->registered)
			each(context, device, device->handles);
	}
	pthread_mutex_unlock(&im_core.lock);
}

/* ---- Handles ------------------------------------------------------------------------------------- */

/* Counted before the driver hears of it: deregistration meanwhile leaves it the device (8.13). */
static struct im_device *take_handle(const char *name)
{
	struct im_device *device;

	pthread_mutex_lock(&im_core.lock);
	device = find(name);
	if (device != NULL)
		device->handles++;
	pthread_mutex_unlock(&im_core.lock);
	return device;
}

static void give_handle(struct im_device *device)
{
	pthread_mutex_lock(&im_core.lock);
	device->handles--;
	destroy_if_unused(device);
	pthread_mutex_unlock(&im_core.lock);
}

const char *im_handle_name(const struct im_handle *handle)
{
	return handle->device->name;
}

static im_status_t call_open(struct im_handle *handle)
{
	struct im_device *device = handle->device;
	struct im_frame frame;
	im_status_t status;

	im_enter(&frame, IM_HANDLER_device_open, device->wrapper, handle);
	status = device->operations.open(device, &handle->context);
	im_leave(&frame);
	if (status != IM_STATUS_PENDING)
		return status;
	im_violation("8.13", device->wrapper->object->name, "an open of a device returned PENDING");
	return IM_STATUS_FAILURE;
}

im_status_t im_open_device(const char *name, struct im_handle **out)
{
	struct im_handle *handle;
	struct im_device *device;
	im_status_t status;

	if (name == NULL || out == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	*out = NULL;
	if (!im_passive_call("im_open_device"))
		return IM_STATUS_FAILURE;
	device = take_handle(name);
	if (device == NULL)
		return IM_STATUS_NO_SUCH_DEVICE;
	handle = im_fault_allocation() ? NULL : calloc(1, sizeof(*handle));
	status = IM_STATUS_RESOURCES;
	if (handle != NULL) {
		handle->device = device;
		status = call_open(handle);
	}
	if (status != IM_STATUS_SUCCESS) {
		free(handle);
		give_handle(device);
		return status;
	}
	*out = handle;
	return IM_STATUS_SUCCESS;
}

/* Cleanup comes while calls may still run: it is what brings them to their end (8.16). */
void im_close_handle(struct im_handle *handle)
{
	struct im_device *device = handle->device;
	struct im_frame frame;
	struct im_wait wait = {0};

	if (!im_passive_call("im_close_handle"))
		return;
	pthread_mutex_lock(&im_core.lock);
	handle->closing = true;
	pthread_mutex_unlock(&im_core.lock);
	if (device->operations.cleanup != NULL) {
		im_enter(&frame, IM_HANDLER_device_cleanup, device->wrapper, handle);
		device->operations.cleanup(handle->context);
		im_leave(&frame);
	}
	pthread_mutex_lock(&im_core.lock);
	while (__atomic_load_n(&handle->calls, __ATOMIC_ACQUIRE) > 0) {
		im_verify_wait(&wait, "8.16", device->wrapper->object->name, device->name,
			       "a call is not complete, and its handle was cleaned up");
		im_core_wait();
	}
	pthread_mutex_unlock(&im_core.lock);
	im_enter(&frame, IM_HANDLER_device_close, device->wrapper, handle);
	device->operations.close(handle->context);
	im_leave(&frame);
	free(handle);
	give_handle(device);
}

/* ---- Calls --------------------------------------------------------------------------------------- */

static void put(struct im_device_call *call)
{
	static uint32_t tickets;

	im_spin_lock(&open_lock);
	call->core.state = ++tickets;
	call->core.next = open_calls;
	open_calls = call;
	im_spin_unlock(&open_lock);
}

/* Take @p wanted out, where it is still the one with @p ticket (0: any). Whoever does completes it: nobody else can. */
static bool take(const struct im_device_call *wanted, uint32_t ticket)
{
	struct im_device_call **at = &open_calls;
	bool taken;

	im_spin_lock(&open_lock);
	while (*at != NULL && *at != wanted)
		at = &(*at)->core.next;
	taken = *at != NULL && (ticket == 0 || (*at)->core.state == ticket);
	if (taken)
		*at = (*at)->core.next;
	im_spin_unlock(&open_lock);
	return taken;
}

/* It is the host's memory that the driver has filled: no byte beyond what there is room for is handed on. */
static void clip(struct im_device_call *call, const struct im_device *device)
{
	if (call->output_length <= call->output_room)
		return;
	call->output_length = call->output_room;
	im_violation("8.18", device->wrapper->object->name, "a call answered more bytes than there is room for");
}

static bool begin_call(struct im_handle *handle, struct im_device_call *call)
{
	bool closing;

	pthread_mutex_lock(&im_core.lock);
	closing = handle->closing;
	if (!closing)
		__atomic_add_fetch(&handle->calls, 2, __ATOMIC_RELAXED); /* it, and its handler */
	pthread_mutex_unlock(&im_core.lock);
	call->output_length = 0;
	call->core.owner = handle;
	return !closing;
}

static void end_call(struct im_handle *handle, uint32_t count)
{
	__atomic_sub_fetch(&handle->calls, count, __ATOMIC_RELEASE);
}

/* Once the driver has it the call may be complete, and gone, before its handler returns. */
static im_status_t run_call(struct im_handle *handle, struct im_device_call *call)
{
	struct im_device *device = handle->device;
	struct im_frame frame;
	im_status_t status;

	im_enter(&frame, IM_HANDLER_device_call, device->wrapper, handle);
	status = device->operations.call(handle->context, call);
	im_leave(&frame);
	return status;
}

im_status_t im_call_device(struct im_handle *handle, struct im_device_call *call)
{
	im_status_t status;
	uint32_t ticket;

	if (!im_passive_call("im_call_device"))
		return IM_STATUS_FAILURE;
	if (!begin_call(handle, call))
		return IM_STATUS_CANCELLED;
	put(call);
	ticket = call->core.state;
	status = run_call(handle, call);
	if (status != IM_STATUS_PENDING && !take(call, ticket)) {
		im_violation("8.16", handle->device->wrapper->object->name,
			     "completed a call that its handler did not pend");
		status = IM_STATUS_PENDING; /* who waits has been told */
	}
	if (status != IM_STATUS_PENDING)
		clip(call, handle->device);
	end_call(handle, status == IM_STATUS_PENDING ? 1 : 2);
	return status;
}

void im_complete_device_call(struct im_device_call *call, im_status_t status)
{
	struct im_handle *handle;

	im_unlocked_call("im_complete_device_call");
	if (status == IM_STATUS_PENDING) {
		im_violation("8.16", im_running_driver(), "completed a call with status PENDING");
		return;
	}
	if (!take(call, 0)) {
		im_violation("8.16", im_running_driver(), "completed a call that is not pending");
		return;
	}
	handle = call->core.owner;
	clip(call, handle->device);
	call->core.completed(call, status);
	end_call(handle, 1);
}
