/* SPDX-License-Identifier: BSD-3-Clause */
/* What the neighbours were given, call after call. */
#include <stdio.h>
#include <string.h>

#include "rig.h"

/* A test may look while handlers run on other threads: a call is there once it has its name, its packets once it has
 * their count, both atomic. What is not there yet is zero. */
static struct rig_call calls[RIG_CALLS_MAX];
static uint32_t call_count; /* atomic: calls that have begun to write themselves down */
void (*rig_at_call)(enum rig_handler handler, const char *name);

void rig_broken(const char *what)
{
	fprintf(stderr, "rig: %s\n", what);
	abort();
}

void *rig_allocate(size_t size)
{
	void *memory = calloc(1, size);

	if (memory == NULL)
		rig_broken("no memory");
	return memory;
}

struct rig_call *rig_note(enum rig_handler handler, const char *name)
{
	uint32_t at = __atomic_fetch_add(&call_count, 1, __ATOMIC_ACQ_REL);
	struct rig_call *call;

	if (at >= RIG_CALLS_MAX)
		rig_broken("the log is full");
	call = &calls[at];
	call->handler = handler;
	call->thread = im_this_worker->index;
	call->level = im_this_worker->level;
	__atomic_store_n(&call->name, name, __ATOMIC_RELEASE);
	if (rig_at_call != NULL)
		rig_at_call(handler, name);
	return call;
}

void rig_note_packets(struct rig_call *call, struct im_packet **packets, uint16_t count)
{
	if (count > RIG_CALL_PACKETS)
		rig_broken("more than IM_BURST packets in one call");
	for (uint16_t i = 0; i < count; i++) {
		call->packets[i] = packets[i];
		call->statuses[i] = packets[i]->status;
	}
	__atomic_store_n(&call->count, count, __ATOMIC_RELEASE);
}

im_status_t rig_noted(struct rig_call *call, im_status_t result)
{
	call->result = result;
	__atomic_store_n(&call->returned, true, __ATOMIC_RELEASE);
	return result;
}

void rig_forget(void)
{
	uint32_t end = __atomic_exchange_n(&call_count, 0, __ATOMIC_ACQ_REL);

	memset(calls, 0, RTE_MIN(end, RIG_CALLS_MAX) * sizeof(calls[0]));
}

static const char *const texts[] = {
#define X(name) [RIG_##name] = #name,
	RIG_HANDLER_TABLE(X)
#undef X
};

const char *rig_handler_text(enum rig_handler handler)
{
	return texts[handler];
}

/* ---- Looking at it ------------------------------------------------------------------------------- */

/* The next call from *at on, which is moved behind it. */
static const struct rig_call *next(uint32_t *at, enum rig_handler handler, const char *name)
{
	uint32_t end = __atomic_load_n(&call_count, __ATOMIC_ACQUIRE);

	while (*at < end) {
		const struct rig_call *call = &calls[(*at)++];
		const char *whose = __atomic_load_n(&call->name, __ATOMIC_ACQUIRE);

		if (whose != NULL && call->handler == handler && (name == NULL || strcmp(whose, name) == 0))
			return call;
	}
	return NULL;
}

static uint16_t packets_of(const struct rig_call *call)
{
	return __atomic_load_n(&call->count, __ATOMIC_ACQUIRE);
}

const struct rig_call *rig_call(enum rig_handler handler, const char *name, unsigned nth)
{
	const struct rig_call *call;
	uint32_t at = 0;

	while ((call = next(&at, handler, name)) != NULL && nth > 0)
		nth--;
	return call;
}

unsigned rig_calls(enum rig_handler handler, const char *name)
{
	unsigned found = 0;
	uint32_t at = 0;

	while (next(&at, handler, name) != NULL)
		found++;
	return found;
}

unsigned rig_packets_seen(enum rig_handler handler, const char *name)
{
	const struct rig_call *call;
	unsigned found = 0;
	uint32_t at = 0;

	while ((call = next(&at, handler, name)) != NULL)
		found += packets_of(call);
	return found;
}

unsigned rig_packets_with(enum rig_handler handler, const char *name, im_status_t status)
{
	const struct rig_call *call;
	unsigned found = 0;
	uint32_t at = 0;

	while ((call = next(&at, handler, name)) != NULL)
		for (uint16_t i = 0; i < packets_of(call); i++)
			found += call->statuses[i] == status;
	return found;
}

void rig_expect_packets_at(const char *file, int line, enum rig_handler handler, const char *name,
			   struct im_packet *const *packets, unsigned count)
{
	unsigned seen = rig_packets_seen(handler, name), k = 0;
	const struct rig_call *call;
	uint32_t at = 0;

	if (seen != count)
		fail_msg("%s:%d: %s of %s got %u packets, expected %u", file, line, rig_handler_text(handler), name,
			 seen, count);
	while ((call = next(&at, handler, name)) != NULL)
		for (uint16_t i = 0; i < call->count; i++, k++)
			if (call->packets[i] != packets[k])
				fail_msg("%s:%d: %s of %s: packet %u is not the one expected there", file, line,
					 rig_handler_text(handler), name, k);
}

const char *rig_story(uint64_t handlers)
{
	uint32_t end = __atomic_load_n(&call_count, __ATOMIC_ACQUIRE);
	static char story[8192];
	size_t used = 0;

	story[0] = '\0';
	for (uint32_t i = 0; i < end; i++) {
		if ((handlers >> calls[i].handler & 1) == 0)
			continue;
		used += (size_t)snprintf(story + used, sizeof(story) - used, "%s%s:%s", used > 0 ? " " : "",
					 rig_handler_text(calls[i].handler), calls[i].name);
		if (used >= sizeof(story))
			rig_broken("the story is too long");
	}
	return story;
}
