/* SPDX-License-Identifier: BSD-3-Clause */
/* What each driver has taken, and has not given back when it goes (contract 1.22). */
#include <stdio.h>

#include "im/ledger.h"
#include "im/verify/verifier.h"
#include "inside.h"
#include "spin.h"

#define NAMED_MAX 5u /* left objects that a report names one by one */

static const char *const kinds[] = {
#define X(name, text) text,
	IM_OBJECT_TABLE(X)
#undef X
};

void im_own(struct im_wrapper *wrapper, struct im_object *object, enum im_object_kind kind, const char *tag)
{
	struct im_owned *owned = &wrapper->owned;

	object->owner = wrapper;
	object->kind = kind;
	object->tag = tag != NULL ? tag : "";
	object->since_ns = im_verify_clock();
	im_spin_lock(&owned->lock.held);
	LIST_INSERT_HEAD(&owned->objects, object, link);
	owned->count++;
	im_spin_unlock(&owned->lock.held);
}

void im_disown(struct im_object *object)
{
	struct im_owned *owned;

	if (object->owner == NULL)
		return;
	owned = &object->owner->owned;
	im_spin_lock(&owned->lock.held);
	LIST_REMOVE(object, link);
	owned->count--;
	im_spin_unlock(&owned->lock.held);
	object->owner = NULL;
}

/* ---- At unload ----------------------------------------------------------------------------------- */

static void describe(const struct im_owned *owned, char *text, size_t size)
{
	const struct im_object *object;
	uint32_t named = 0;

	LIST_FOREACH(object, &owned->objects, link)
	{
		uint64_t age_ms = (im_verify_clock() - object->since_ns) / 1000000;

		if (named++ == NAMED_MAX)
			break;
		im_append(text, size, "%s%s '%.32s', %u.%03u s old", named > 1 ? "; " : "", kinds[object->kind],
			  object->tag, (uint32_t)(age_ms / 1000), (uint32_t)(age_ms % 1000));
	}
	if (owned->count > NAMED_MAX)
		im_append(text, size, "; %u more", owned->count - NAMED_MAX);
}

/* Nothing of it may stay: the driver's code is about to go. Its other objects are embedded in what their makers free.
 */
static void reclaim(struct im_owned *owned)
{
	struct im_object *object;

	while ((object = LIST_FIRST(&owned->objects)) != NULL) {
		if (object->kind == IM_OBJECT_MEMORY)
			im_reclaim_memory(object);
		else
			im_disown(object);
	}
}

/* Without the verifier a leak harms nobody but the free memory: it is said, and the firmware goes on. */
static void report(const char *statement, const char *driver, const char *text)
{
	if (im_is_verified())
		im_violation_text(statement, driver, "not given back: %s", text);
	else
		fprintf(stderr, "leak: driver '%s' has not given back: %s\n", driver, text);
}

static uint32_t leaked; /* by all drivers; atomic */

uint32_t im_leaked(void)
{
	return __atomic_load_n(&leaked, __ATOMIC_RELAXED);
}

uint32_t im_report_leaks(struct im_wrapper *wrapper)
{
	struct im_owned *owned = &wrapper->owned;
	uint32_t timers = im_drop_timers_of(wrapper);
	uint32_t left = owned->count + timers;
	char references[1200] = "";
	uint32_t out = im_ledger_append_of(wrapper->object->name, references, sizeof(references));
	char text[1800] = "";

	if (left == 0 && out == 0)
		return 0;
	__atomic_add_fetch(&leaked, left + out, __ATOMIC_RELAXED);
	describe(owned, text, sizeof(text));
	if (timers > 0)
		im_append(text, sizeof(text), "%s%u of its timers still set", owned->count > 0 ? "; " : "", timers);
	if (out > 0)
		im_append(text, sizeof(text), "%s%u references%s", left > 0 ? "; " : "", out, references);
	report(left > 0 ? "1.22" : "12.10", wrapper->object->name, text);
	reclaim(owned);
	return left + out;
}

/* ---- Lent beyond the stack ------------------------------------------------------------------------- */

uint64_t im_report_lent(const char *driver, const char *port, const struct im_lent *lent)
{
	uint64_t out = lent->lent - lent->returned - lent->forfeited;
	char text[256] = "";

	im_append(text, sizeof(text), "port '%s' has lent %lu buffers: %lu returned, %lu forfeited, %lu outstanding",
		  port, lent->lent, lent->returned, lent->forfeited, out);
	if (im_is_verified())
		fprintf(stderr, "verifier: %s\n", text);
	if (out == 0)
		return 0;
	__atomic_add_fetch(&leaked, (uint32_t)out, __ATOMIC_RELAXED);
	report("12.16", driver, text);
	return out;
}
