/* SPDX-License-Identifier: BSD-3-Clause */
#include "guarded.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define MAGIC 0x600db10cu

struct block {
	struct im_reference reference; /* first */
	uint32_t magic;
	uint32_t number;
	bool dead; /* under the lock */
};

struct handle {
	struct block *block;
	struct im_device_call *waiting; /* under the lock */
	bool closing;
	LIST_ENTRY(handle) link;
};

uint32_t guarded_alive, guarded_stale;

static struct im_anchor anchor;
static struct im_device *device;
static uint32_t numbers;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, handle) handles = LIST_HEAD_INITIALIZER(handles);

static void destroy(struct im_reference *reference)
{
	struct block *block = (struct block *)reference;

	block->magic = 0;
	free(block);
	__atomic_sub_fetch(&guarded_alive, 1, __ATOMIC_RELAXED);
}

/* ---- What the host calls ------------------------------------------------------------------------------ */

static im_status_t device_open(struct im_device *opened, void **handle_context)
{
	struct block *block = (struct block *)im_anchor_get(&anchor);
	struct handle *handle;

	(void)opened;
	if (block == NULL)
		return IM_STATUS_NO_SUCH_DEVICE; /* the last one is halting (8.13) */
	handle = calloc(1, sizeof(*handle));
	if (handle == NULL) {
		im_reference_drop(&block->reference);
		return IM_STATUS_RESOURCES;
	}
	handle->block = block;
	pthread_mutex_lock(&lock);
	LIST_INSERT_HEAD(&handles, handle, link);
	pthread_mutex_unlock(&lock);
	*handle_context = handle;
	return IM_STATUS_SUCCESS;
}

/* Under the lock. */
static im_status_t state_of(const struct handle *handle)
{
	if (handle->block->magic != MAGIC)
		__atomic_add_fetch(&guarded_stale, 1, __ATOMIC_RELAXED);
	if (handle->closing)
		return IM_STATUS_CANCELLED;
	return handle->block->dead ? IM_STATUS_DEVICE_REMOVED : IM_STATUS_SUCCESS;
}

static im_status_t device_call(void *context, struct im_device_call *call)
{
	struct handle *handle = context;
	im_status_t status;

	pthread_mutex_lock(&lock);
	status = state_of(handle);
	if (status == IM_STATUS_SUCCESS && call->code == GUARDED_WAIT && handle->waiting == NULL) {
		handle->waiting = call;
		status = IM_STATUS_PENDING;
	}
	pthread_mutex_unlock(&lock);
	if (status == IM_STATUS_SUCCESS && call->output_room >= sizeof(handle->block->number)) {
		memcpy(call->output, &handle->block->number, sizeof(handle->block->number));
		call->output_length = sizeof(handle->block->number);
	}
	return status;
}

/* Whoever takes the call that waits completes it, without the lock. */
static struct im_device_call *take_waiting(struct handle *handle)
{
	struct im_device_call *call = handle->waiting;

	handle->waiting = NULL;
	return call;
}

static void device_cleanup(void *context)
{
	struct handle *handle = context;
	struct im_device_call *call;

	pthread_mutex_lock(&lock);
	handle->closing = true;
	call = take_waiting(handle);
	pthread_mutex_unlock(&lock);
	if (call != NULL)
		im_complete_device_call(call, IM_STATUS_CANCELLED);
}

static void device_close(void *context)
{
	struct handle *handle = context;

	pthread_mutex_lock(&lock);
	LIST_REMOVE(handle, link);
	pthread_mutex_unlock(&lock);
	im_reference_drop(&handle->block->reference);
	free(handle);
}

static const struct im_device_operations operations = {
	.open = device_open, .call = device_call, .cleanup = device_cleanup, .close = device_close};

/* ---- With the miniport -------------------------------------------------------------------------------- */

bool guarded_initialize(struct im_wrapper *wrapper)
{
	struct block *block = calloc(1, sizeof(*block));

	if (block == NULL)
		return false;
	im_reference_init(&block->reference, destroy);
	block->magic = MAGIC;
	block->number = ++numbers;
	__atomic_add_fetch(&guarded_alive, 1, __ATOMIC_RELAXED);
	im_reference_drop(im_anchor_publish(&anchor, &block->reference));
	return im_register_device(wrapper, "guarded", &operations, &device) == IM_STATUS_SUCCESS;
}

static struct im_device_call *next_waiting(const struct block *block)
{
	struct im_device_call *call = NULL;
	struct handle *handle;

	pthread_mutex_lock(&lock);
	LIST_FOREACH(handle, &handles, link)
	if (handle->block == block && (call = take_waiting(handle)) != NULL)
		break;
	pthread_mutex_unlock(&lock);
	return call;
}

/* Unpublish, mark dead, drop; handles that are open are not waited for (8.10). */
void guarded_halt(void)
{
	struct block *block = (struct block *)im_anchor_clear(&anchor);
	struct im_device_call *call;

	pthread_mutex_lock(&lock);
	block->dead = true;
	pthread_mutex_unlock(&lock);
	while ((call = next_waiting(block)) != NULL)
		im_complete_device_call(call, IM_STATUS_DEVICE_REMOVED);
	im_deregister_device(device);
	im_reference_drop(&block->reference);
}
