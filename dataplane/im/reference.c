/* SPDX-License-Identifier: BSD-3-Clause */
#include <sched.h>
#include <stddef.h>

#include "reference.h"

void im_reference_init(struct im_reference *reference, void (*destroy)(struct im_reference *))
{
	reference->destroy = destroy;
	__atomic_store_n(&reference->count, 1, __ATOMIC_RELAXED);
}

bool im_reference_hold(struct im_reference *reference)
{
	uint32_t count = __atomic_load_n(&reference->count, __ATOMIC_RELAXED);

	while (count != 0)
		if (__atomic_compare_exchange_n(&reference->count, &count, count + 1, true, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

/* Release: what this holder did happens before the destruction. Acquire: the destruction, after what all others did. */
void im_reference_drop(struct im_reference *reference)
{
	if (reference == NULL)
		return;
	if (__atomic_fetch_sub(&reference->count, 1, __ATOMIC_ACQ_REL) == 1)
		reference->destroy(reference);
}

/* ---- The place where it is found ---------------------------------------------------------------------- */

static void lock(struct im_anchor *anchor)
{
	while (__atomic_exchange_n(&anchor->locked, 1, __ATOMIC_ACQUIRE) != 0)
		sched_yield();
}

static void unlock(struct im_anchor *anchor)
{
	__atomic_store_n(&anchor->locked, 0, __ATOMIC_RELEASE);
}

void im_anchor_init(struct im_anchor *anchor)
{
	anchor->reference = NULL;
	__atomic_store_n(&anchor->locked, 0, __ATOMIC_RELAXED);
}

struct im_reference *im_anchor_publish(struct im_anchor *anchor, struct im_reference *reference)
{
	struct im_reference *before;

	lock(anchor);
	before = anchor->reference;
	anchor->reference = reference;
	unlock(anchor);
	return before;
}

struct im_reference *im_anchor_get(struct im_anchor *anchor)
{
	struct im_reference *reference;

	lock(anchor);
	reference = anchor->reference;
	if (reference != NULL && !im_reference_hold(reference))
		reference = NULL;
	unlock(anchor);
	return reference;
}

struct im_reference *im_anchor_clear(struct im_anchor *anchor)
{
	return im_anchor_publish(anchor, NULL);
}
