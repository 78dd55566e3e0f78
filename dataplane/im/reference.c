/* SPDX-License-Identifier: BSD-3-Clause */
#include <sched.h>
#include <stddef.h>

#include "ledger.h"
#include "reference.h"

void im_reference_init(struct im_reference *reference, void (*destroy)(struct im_reference *))
{
	reference->destroy = destroy;
	__atomic_store_n(&reference->count, 1, __ATOMIC_RELAXED);
	im_ledger_begin(reference, IM_COUNTED_REFERENCE);
	im_ledger_take(reference, NULL, __builtin_return_address(0));
}

static bool count_up(struct im_reference *reference)
{
	uint32_t count = __atomic_load_n(&reference->count, __ATOMIC_RELAXED);

	while (count != 0)
		if (__atomic_compare_exchange_n(&reference->count, &count, count + 1, true, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

bool im_reference_hold_at(struct im_reference *reference, const char *tag, const void *site)
{
	bool held = count_up(reference);

	if (held)
		im_ledger_take(reference, tag, site);
	return held;
}

bool im_reference_hold(struct im_reference *reference)
{
	return im_reference_hold_at(reference, NULL, __builtin_return_address(0));
}

bool im_reference_hold_as(struct im_reference *reference, const char *tag)
{
	return im_reference_hold_at(reference, tag, __builtin_return_address(0));
}

/* Release: what this holder did happens before the destruction. Acquire: the destruction, after what all others did. */
void im_reference_drop_at(struct im_reference *reference, const char *tag, const void *site)
{
	if (reference == NULL || !im_ledger_give(reference, tag, site))
		return;
	if (__atomic_fetch_sub(&reference->count, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	im_ledger_end(reference);
	reference->destroy(reference);
}

void im_reference_drop(struct im_reference *reference)
{
	im_reference_drop_at(reference, NULL, __builtin_return_address(0));
}

void im_reference_drop_as(struct im_reference *reference, const char *tag)
{
	im_reference_drop_at(reference, tag, __builtin_return_address(0));
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

static struct im_reference *get(struct im_anchor *anchor, const char *tag, const void *site)
{
	struct im_reference *reference;

	lock(anchor);
	reference = anchor->reference;
	if (reference != NULL && !im_reference_hold_at(reference, tag, site))
		reference = NULL;
	unlock(anchor);
	return reference;
}

struct im_reference *im_anchor_get(struct im_anchor *anchor)
{
	return get(anchor, NULL, __builtin_return_address(0));
}

struct im_reference *im_anchor_get_as(struct im_anchor *anchor, const char *tag)
{
	return get(anchor, tag, __builtin_return_address(0));
}

struct im_reference *im_anchor_clear(struct im_anchor *anchor)
{
	return im_anchor_publish(anchor, NULL);
}
