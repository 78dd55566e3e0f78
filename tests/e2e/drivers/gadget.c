/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A driver for tests, built as a shared object: it passes every packet on, and has a control device that does what a
 * test needs.
 *
 *   1 ECHO    answers what it was given
 *   2 PEND    is completed when the handle is cleaned up (CANCELLED) or the last instance halts (DEVICE_REMOVED)
 *   3 SLEEP   takes as many milliseconds as its 4 bytes say, and answers nothing
 *   4 COUNTS  answers five numbers of 4 bytes: handles opened, handles closed, calls pended, of those cancelled,
 * removed
 *
 * With ENTRY_WAITS_FOR it is loaded when the file of that name is there, and with ENTRY_CRASHES never, as it writes
 * where nothing is. With BUILD_WAITS_WHILE it takes rules, and builds nothing of them while the file of that name is
 * there.
 */
#include <string.h>
#include <unistd.h>

#include "im/relay.h"

enum { ECHO = 1, PEND = 2, SLEEP = 3, COUNTS = 4 };

/* An open handle, and the call that it pends. */
struct handle {
	struct im_device_call *pended; /* under the lock */
	struct handle *next;	       /* likewise */
};

static struct {
	uint32_t opened, closed, pended, cancelled, removed;
} counts;

static struct im_lock lock;
static struct handle *handles; /* under the lock */
static struct im_device *device;
static uint32_t instances;
static struct im_relay_driver driver = {.description = "a gadget for tests"};

static struct im_device_call *take_pended(struct handle *handle)
{
	struct im_device_call *call;

	im_acquire_spin_lock(&lock);
	call = handle->pended;
	handle->pended = NULL;
	im_release_spin_lock(&lock);
	return call;
}

static im_status_t open_device(struct im_device *opened, void **handle_context)
{
	struct handle *handle = im_allocate_memory(driver.wrapper, sizeof(*handle), "handle");

	(void)opened;
	if (handle == NULL)
		return IM_STATUS_RESOURCES;
	im_acquire_spin_lock(&lock);
	handle->next = handles;
	handles = handle;
	counts.opened++;
	im_release_spin_lock(&lock);
	*handle_context = handle;
	return IM_STATUS_SUCCESS;
}

static im_status_t pend(struct handle *handle, struct im_device_call *call)
{
	im_acquire_spin_lock(&lock);
	handle->pended = call;
	counts.pended++;
	im_release_spin_lock(&lock);
	return IM_STATUS_PENDING;
}

static im_status_t sleep_for(const struct im_device_call *call)
{
	struct im_event never = {0};
	uint32_t milliseconds;

	if (call->input_length != sizeof(milliseconds))
		return IM_STATUS_INVALID_LENGTH;
	memcpy(&milliseconds, call->input, sizeof(milliseconds));
	im_wait_event(&never, milliseconds);
	return IM_STATUS_SUCCESS;
}

static im_status_t answer(struct im_device_call *call, const void *bytes, uint32_t length)
{
	if (length > call->output_room)
		return IM_STATUS_BUFFER_TOO_SHORT;
	memcpy(call->output, bytes, length);
	call->output_length = length;
	return IM_STATUS_SUCCESS;
}

static im_status_t call_device(void *handle_context, struct im_device_call *call)
{
	switch (call->code) {
	case ECHO:
		return answer(call, call->input, call->input_length);
	case PEND:
		return pend(handle_context, call);
	case SLEEP:
		return sleep_for(call);
	case COUNTS:
		return answer(call, &counts, sizeof(counts));
	default:
		return IM_STATUS_NOT_SUPPORTED;
	}
}

static void clean_up(void *handle_context)
{
	struct im_device_call *call = take_pended(handle_context);

	if (call == NULL)
		return;
	__atomic_add_fetch(&counts.cancelled, 1, __ATOMIC_RELAXED);
	im_complete_device_call(call, IM_STATUS_CANCELLED);
}

static void close_device(void *handle_context)
{
	struct handle **at = &handles;

	im_acquire_spin_lock(&lock);
	while (*at != handle_context)
		at = &(*at)->next;
	*at = (*at)->next;
	counts.closed++;
	im_release_spin_lock(&lock);
	im_free_memory(handle_context);
}

static im_status_t start(struct im_relay *relay)
{
	static const struct im_device_operations operations = {
		.open = open_device, .call = call_device, .cleanup = clean_up, .close = close_device};

	if (instances++ > 0)
		return IM_STATUS_SUCCESS;
	return im_register_device(relay->driver->wrapper, "gadget", &operations, &device);
}

/* The next call that pends on any handle, taken, or NULL. */
static struct im_device_call *take_any(void)
{
	struct im_device_call *call = NULL;

	im_acquire_spin_lock(&lock);
	for (struct handle *handle = handles; handle != NULL && call == NULL; handle = handle->next) {
		call = handle->pended;
		handle->pended = NULL;
	}
	counts.removed += call != NULL;
	im_release_spin_lock(&lock);
	return call;
}

static void stop(struct im_relay *relay)
{
	struct im_device_call *call;

	(void)relay;
	if (--instances > 0)
		return;
	im_deregister_device(device);
	while ((call = take_any()) != NULL)
		im_complete_device_call(call, IM_STATUS_DEVICE_REMOVED);
}

static im_status_t bind_adapter(const struct im_bind_config *config)
{
	return im_relay_bind(&driver, config);
}

static void unload(void)
{
	im_relay_unload(&driver);
}

/* In place of the relay's own, which does the work: a driver may stand in between. */
static void return_packets(void *context, struct im_packet **packets, uint16_t count)
{
	im_relay_miniport.return_packets(context, packets, count);
}

#ifdef BUILD_WAITS_WHILE
static im_status_t build(const struct im_config_source *source, void **config)
{
	(void)source;
	while (access(BUILD_WAITS_WHILE, F_OK) == 0)
		usleep(10000);
	*config = &counts; /* any but NULL: there is nothing to judge by */
	return IM_STATUS_SUCCESS;
}

static void destroy(void *config)
{
	(void)config;
}

static const struct im_config_handlers config = {.build = build, .destroy = destroy};
#endif

static im_status_t driver_entry(struct im_driver_object *object)
{
	im_status_t status;
	static const struct im_miniport_characteristics miniport = {.return_packets = return_packets};
	static const struct im_protocol_characteristics protocol = {.bind_adapter = bind_adapter};

#ifdef ENTRY_WAITS_FOR
	while (access(ENTRY_WAITS_FOR, F_OK) != 0)
		usleep(10000);
#endif
#ifdef ENTRY_CRASHES
	*(volatile uint32_t *)(uintptr_t)instances = 1;
#endif
	driver.start = start;
	driver.stop = stop;
	status = im_relay_register(&driver, object, &miniport, &protocol, unload);
#ifdef BUILD_WAITS_WHILE
	if (status == IM_STATUS_SUCCESS)
		im_register_config_handlers(driver.miniport, &config);
#endif
	return status;
}

#ifndef NAME
#define NAME "gadget"
#endif
IM_DRIVER(NAME, "a gadget for tests")
