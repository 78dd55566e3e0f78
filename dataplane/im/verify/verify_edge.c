/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which handing over of a packet is legal (contract 4.12-4.17, 5.3-5.21), told from what is known of the packet.
 *
 * The verifier keeps a stack of its own for each packet, one level for each driver that has handed it on. While it is
 * out, the giver's words are poison (2.57): whoever looks at them sees it, and whoever writes there is seen when the
 * packet comes back. The same goes for the words of a driver that has given a packet back, until the next one is there.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "im/core.h"
#include "verify_edge.h"

bool im_find(struct im_finding *finding, const char *statement, const char *driver, const char *format, ...)
{
	va_list arguments;

	if (finding->statement != NULL)
		return false;
	finding->statement = statement;
	finding->driver = driver;
	va_start(arguments, format);
	vsnprintf(finding->text, sizeof(finding->text), format, arguments);
	va_end(arguments);
	return false;
}

void im_finish(struct im_shard *shard, struct im_track *track, struct im_finding *finding)
{
	if (finding->statement != NULL && track != NULL)
		im_track_append(track, finding->text, sizeof(finding->text));
	if (track != NULL && track->level_count == 0)
		im_track_rest(shard, track);
	im_shard_unlock(shard);
	if (finding->statement != NULL)
		im_violation(finding->statement, finding->driver, finding->text);
}

struct im_handover *im_top_of(struct im_track *track)
{
	return track->level_count > 0 ? &track->levels[track->level_count - 1] : NULL;
}

/* ---- Poison -------------------------------------------------------------------------------------- */

static bool is_poison(const uintptr_t *words)
{
	return words[0] == IM_POISON_WORD && words[1] == IM_POISON_WORD;
}

static void poison(uintptr_t *words)
{
	words[0] = IM_POISON_WORD;
	words[1] = IM_POISON_WORD;
}

void im_leave_slot(struct im_track *track, struct im_packet *packet, uint16_t slot, const char *driver)
{
	if (slot >= packet->slots || slot >= IM_TRACK_LEVELS)
		return;
	poison(packet->stack[slot].words);
	track->left[slot] = driver;
}

/* Words that are all zero are a new descriptor in the memory of an old one. */
static void enter_slot(struct im_track *track, const struct im_packet *packet, uint16_t slot,
		       struct im_finding *finding)
{
	const uintptr_t *words;

	if (slot >= packet->slots || slot >= IM_TRACK_LEVELS || track->left[slot] == NULL)
		return;
	words = packet->stack[slot].words;
	if (!is_poison(words) && (words[0] != 0 || words[1] != 0))
		im_find(finding, "4.15", track->left[slot], "wrote to its words of a packet that it had given back");
	track->left[slot] = NULL;
}

/* ---- Levels -------------------------------------------------------------------------------------- */

static void push(struct im_track *track, struct im_packet *packet, const struct im_handover *level)
{
	struct im_handover *top = &track->levels[track->level_count++];
	uintptr_t *words = packet->stack[packet->depth].words;

	*top = *level;
	top->since_ns = im_verify_clock();
	top->mbuf = packet->mbuf;
	top->length = packet->length;
	top->info = packet->info;
	top->slot = packet->depth;
	track->debt_count = 0;
	memcpy(top->words, words, sizeof(top->words));
	poison(words);
	im_guard_frame(&top->guard, packet);
	im_guard_words(track, packet, top->slot + 1u);
}

void im_take_back(struct im_track *track, struct im_packet *packet, const char *statement, struct im_finding *finding)
{
	struct im_handover *top = im_top_of(track);
	uintptr_t *words = packet->stack[top->slot].words;

	if (!im_unguard_words(track, packet, top->slot + 1u))
		im_find(finding, "12.40", top->holder, "wrote past the end of its words of a packet");
	if (!im_unguard_frame(&top->guard, packet))
		im_find(finding, "12.40", top->holder, "wrote past the end of a frame");
	if (!is_poison(words))
		im_find(finding, statement, top->giver, "wrote to its words of a packet that it had handed on");
	memcpy(words, top->words, sizeof(top->words));
	im_guard_words(track, packet, top->slot);
	track->level_count--;
}

/* ---- Whose it is --------------------------------------------------------------------------------- */

/* The track of a packet that @p giver is about to hand on, with room for it; NULL: there is none. */
static struct im_track *begin(struct im_shard *shard, struct im_packet *packet, const char *giver)
{
	struct im_track *track = im_track_find(shard, packet, true);

	if (track == NULL)
		return NULL;
	if (track->freed &&
	    !(packet->flags & IM_PACKET_FREE)) { /* another packet, in the memory of a pool that is gone */
		track->freed = false;
		track->pool = NULL;
	}
	if (track->owner == NULL || (track->level_count == 0 && track->pool == NULL))
		track->owner = giver;
	return track;
}

/* A driver that stands at several places of a stack has one name: then the binding, or the instance, tells. */
static bool is_out(const struct im_track *track, const struct im_handover *next)
{
	const struct im_handover *top = track->level_count > 0 ? &track->levels[track->level_count - 1] : NULL;

	for (uint16_t i = 0; i < track->level_count; i++)
		if (track->levels[i].object == next->object)
			return true;
	return top != NULL && top->kind == IM_EDGE_SENT && top->holder != next->giver;
}

/* What one has for the call one lends for the call; and what one was only shown not at all: there is no way back. */
static bool is_for_less(const struct im_handover *top, const struct im_packet *packet, const struct im_handover *next)
{
	if (top == NULL || !top->for_call)
		return false;
	return packet->depth == top->slot || (next->kind == IM_EDGE_INDICATED && !next->for_call);
}

static bool may_hand_on(struct im_track *track, const struct im_packet *packet, const struct im_handover *next,
			struct im_finding *finding)
{
	const char *statement = next->kind == IM_EDGE_SENT ? "4.14" : "5.8";
	const struct im_handover *top = im_top_of(track);

	if (track->freed && (packet->flags & IM_PACKET_FREE))
		return im_find(finding, "5.21", next->giver, "handed on a packet that it has freed");
	if (top == NULL && track->owner != next->giver)
		return im_find(finding, statement, next->giver, "handed on a packet of '%s'", track->owner);
	if (is_for_less(top, packet, next))
		return im_find(finding, "5.15", next->giver, "handed on a packet that was lent for the call alone");
	if (is_out(track, next))
		return im_find(finding, statement, next->giver, "handed on a packet that is still out");
	if (top != NULL && packet->depth != top->slot + 1)
		return im_find(finding, "2.57", next->giver, "changed the depth of a packet from %u to %u",
			       top->slot + 1u, packet->depth);
	return true;
}

bool im_is_beyond(const struct im_track *track, uint32_t depth)
{
	return track->level_count == IM_TRACK_LEVELS && depth > track->levels[IM_TRACK_LEVELS - 1].slot + 1u;
}

bool im_hand_on(struct im_packet *packet, const struct im_handover *next, const void *site)
{
	struct im_shard *shard = im_shard_lock(packet);
	struct im_track *track;
	IM_NO_FINDING(finding);
	bool legal = true;

	if (packet->depth >= packet->slots) {
		im_shard_unlock(shard); /* the plain call says so, and gives it back (2.54) */
		return true;
	}
	track = begin(shard, packet, next->giver);
	if (track != NULL && !im_is_beyond(track, packet->depth + 1u)) {
		legal = may_hand_on(track, packet, next, &finding);
		if (legal) {
			if (!im_unguard_words(track, packet, packet->depth))
				im_find(&finding, "12.40", next->giver, "wrote past the end of its words of a packet");
			enter_slot(track, packet, (uint16_t)(packet->depth + 1), &finding);
			im_track_wake(shard, track);
			push(track, packet, next);
			im_track_note(track, next->kind, next->giver, site);
		}
	}
	im_finish(shard, track, &finding);
	return legal;
}
