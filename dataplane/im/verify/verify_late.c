/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that do not come back (contract 4.35, 12.18). */
#include <string.h>

#include "im/core.h"
#include "verifier.h"

#define SCANS 8u /* in the time that a send may take */

struct search {
	uint64_t now_ns;
	bool found;
	const char *driver;
	char text[1500];
};

static uint64_t limit_ns(void)
{
	return (uint64_t)im_verify_now.send_limit_ms * 1000000;
}

static bool is_late(const struct im_handover *top, uint64_t now_ns)
{
	return top->kind == IM_EDGE_SENT && !top->reported && now_ns > top->since_ns &&
	       now_ns - top->since_ns > limit_ns();
}

static void look(struct im_track *track, void *context)
{
	struct search *search = context;
	struct im_handover *top;

	if (search->found || track->level_count == 0)
		return;
	top = &track->levels[track->level_count - 1];
	if (top->since_ns == 0)
		top->since_ns = search->now_ns; /* sent before the first tick */
	if (!is_late(top, search->now_ns))
		return;
	top->reported = true;
	search->found = true;
	search->driver = top->holder;
	im_append(search->text, sizeof(search->text), "has not completed a send for more than %u ms",
		  im_verify_now.send_limit_ms);
	im_track_append(track, search->text, sizeof(search->text));
}

/* One at a time: a violation is not said inside a locked shard. */
static bool report_one(uint64_t now_ns)
{
	struct search search = {.now_ns = now_ns};

	im_tracks_each(look, &search);
	if (search.found)
		im_violation("12.18", search.driver, search.text);
	return search.found;
}

void im_packets_check(uint64_t now_ns)
{
	static uint64_t last_ns;

	if (limit_ns() == 0 || (now_ns >= last_ns && now_ns - last_ns < limit_ns() / SCANS))
		return;
	last_ns = now_ns;
	for (uint32_t i = 0; i < SCANS && report_one(now_ns); i++)
		;
}

/* ---- For who waits --------------------------------------------------------------------------------- */

struct holder_search {
	const void *object;
	const char *holder;
};

static void look_for_holder(struct im_track *track, void *context)
{
	struct holder_search *search = context;

	for (uint16_t i = 0; i < track->level_count; i++)
		if (track->levels[i].object == search->object || track->levels[i].lower == search->object)
			search->holder = track->levels[track->level_count - 1].holder;
}

const char *im_packets_holder(const void *object)
{
	struct holder_search search = {.object = object};

	im_tracks_each(look_for_holder, &search);
	return search.holder;
}

struct owned_search {
	const char *driver;
	char *text;
	size_t size;
	bool found;
};

static void look_for_owned(struct im_track *track, void *context)
{
	struct owned_search *search = context;

	for (uint16_t i = 0; i < track->level_count && !search->found; i++) {
		const struct im_handover *level = &track->levels[i];

		if (strcmp(level->giver, search->driver) != 0 && strcmp(level->holder, search->driver) != 0)
			continue;
		im_track_append(track, search->text, search->size);
		search->found = true;
	}
}

void im_packets_append_one(const char *driver, char *text, size_t size)
{
	struct owned_search search = {.driver = driver, .text = text, .size = size};

	im_tracks_each(look_for_owned, &search);
}
