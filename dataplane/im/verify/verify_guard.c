/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guards against overruns (contract 12.40): bytes that nobody may write to, put behind what is handed on and looked at
 * when it comes back. They lie behind the frame, in the room that its last buffer has left, behind the two words of
 * whoever has the packet, where the next slot begins, and behind each descriptor of a pool (pool.c).
 *
 * Guard pages would find a read too, at the price of a page for each packet; within a buffer that the card has made
 * there is no place for one.
 */
#include <string.h>

#include "im/core.h"
#include "verify_edge.h"

#define GUARD_BYTE 0xa5

/* ---- Behind the frame ------------------------------------------------------------------------------ */

/* Buffers that others have a part of, or that are somebody else's memory, may have other data right behind. */
static bool is_exclusive(const struct rte_mbuf *mbuf)
{
	return mbuf->buf_addr != NULL && RTE_MBUF_DIRECT(mbuf) && rte_mbuf_refcnt_read(mbuf) <= 1;
}

static uint8_t *end_of(const struct rte_mbuf *mbuf)
{
	return rte_pktmbuf_mtod_offset(mbuf, uint8_t *, mbuf->data_len);
}

/* A guard that stands there already, of somebody further up or left behind by a buffer's last use, is as good as other
 * bytes: it is put back when this one goes, so that each is looked at for itself. Where several descriptors are over
 * the same buffers at a time, they come back in any order: then it stays, for those that are still out. */
void im_guard_frame(struct im_guard *guard, const struct im_packet *packet)
{
	struct rte_mbuf *last = packet->mbuf;

	guard->length = 0;
	while (last != NULL && last->next != NULL)
		last = last->next;
	if (last == NULL || !is_exclusive(last))
		return;
	guard->last = last;
	guard->at = end_of(last);
	guard->length = (uint8_t)RTE_MIN(rte_pktmbuf_tailroom(last), sizeof(guard->before));
	memcpy(guard->before, guard->at, guard->length);
	memset(guard->at, GUARD_BYTE, guard->length);
	if (packet->flags & IM_PACKET_SHARED)
		memset(guard->before, GUARD_BYTE, guard->length);
}

/* Whoever has taken the buffers, or made the frame longer, as one may that has a frame to send, has moved its end. */
static bool is_where_it_was(const struct im_guard *guard, const struct im_packet *packet)
{
	const struct rte_mbuf *mbuf = packet->mbuf;

	while (mbuf != NULL && mbuf != guard->last)
		mbuf = mbuf->next;
	return mbuf != NULL && mbuf->next == NULL && end_of(mbuf) == guard->at;
}

bool im_unguard_frame(struct im_guard *guard, const struct im_packet *packet)
{
	bool intact;

	if (guard->length == 0 || !is_where_it_was(guard, packet))
		return true;
	intact = im_is_guarded(guard->at, guard->length);
	memcpy(guard->at, guard->before, guard->length);
	return intact;
}

/* ---- Behind the words ------------------------------------------------------------------------------ */

_Static_assert(offsetof(struct im_packet_slot, words) + 2 * sizeof(uintptr_t) == sizeof(struct im_packet_slot),
	       "behind the words the next slot begins");
_Static_assert(offsetof(struct im_packet_slot, owner) == 0, "with its owner");

/* One slot at a time is guarded: the one behind that whose words are somebody's now. With the last level gone, the
 * packet may be handed on unseen, and then the next slot has an owner. */
void im_guard_words(struct im_track *track, struct im_packet *packet, uint32_t slot)
{
	track->guarded_slot = 0;
	if (slot + 1 >= packet->slots || track->level_count == IM_TRACK_LEVELS)
		return;
	track->guarded_slot = slot + 1;
	packet->stack[slot + 1].owner = (void *)IM_POISON_WORD;
}

/* An owner that is zero is a new descriptor in the memory of an old one. */
bool im_unguard_words(struct im_track *track, const struct im_packet *packet, uint32_t slot)
{
	bool guarded = track->guarded_slot != 0 && track->guarded_slot == slot + 1 && slot + 1 < packet->slots;
	uintptr_t found = guarded ? (uintptr_t)packet->stack[slot + 1].owner : 0;

	track->guarded_slot = 0;
	return found == 0 || found == IM_POISON_WORD;
}

/* ---- Behind a descriptor --------------------------------------------------------------------------- */

void im_guard_memory(void *behind, size_t size)
{
	memset(behind, GUARD_BYTE, size);
}

bool im_is_guarded(const void *behind, size_t size)
{
	const uint8_t *bytes = behind;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != GUARD_BYTE)
			return false;
	return true;
}
