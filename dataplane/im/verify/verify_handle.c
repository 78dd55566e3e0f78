/* SPDX-License-Identifier: BSD-3-Clause */
/* Handles that are dead: the last instances and bindings that are gone (contract 3.22). A name, not looked behind. */
#include "im/core.h"
#include "im/spin.h"
#include "verifier.h"

#define GONE_MAX 256u

static struct {
	uint32_t lock; /* of writers */
	uint32_t next;
	const void *handles[GONE_MAX]; /* atomic; NULL: none */
} gone;

void im_handle_gone(const void *handle)
{
	im_spin_lock(&gone.lock);
	__atomic_store_n(&gone.handles[gone.next], handle, __ATOMIC_RELEASE);
	gone.next = (gone.next + 1) % GONE_MAX;
	im_spin_unlock(&gone.lock);
}

void im_handle_made(const void *handle)
{
	im_spin_lock(&gone.lock);
	for (uint32_t i = 0; i < GONE_MAX; i++)
		if (gone.handles[i] == handle)
			__atomic_store_n(&gone.handles[i], NULL, __ATOMIC_RELEASE);
	im_spin_unlock(&gone.lock);
}

bool im_handle_is_gone(const void *handle)
{
	for (uint32_t i = 0; i < GONE_MAX; i++)
		if (__atomic_load_n(&gone.handles[i], __ATOMIC_ACQUIRE) == handle)
			return handle != NULL;
	return false;
}

bool im_usable_handle(const void *handle, const char *call, const char *statement)
{
	const struct im_worker *worker = im_this_worker;

	if (likely(worker == NULL || !(worker->careful & IM_CAREFUL_VERIFY) || !im_handle_is_gone(handle)))
		return true;
	im_violation_text(statement, im_running_driver(), "called %s with a handle that is gone", call);
	return false;
}

void im_handles_reset(void)
{
	for (uint32_t i = 0; i < GONE_MAX; i++)
		im_handle_made(gone.handles[i]);
}
