/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is known of packets (contract 12.58): a table beside them, by address, in shards with a lock each.
 *
 * A packet that nobody has "rests": its history is kept, to tell what a second completion is, until its place is
 * needed. The table is of a fixed size, got when the verifier is switched on; what does not fit is not watched.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "im/core.h"
#include "im/spin.h"
#include "verifier.h"

#define SHARDS	64u
#define BUCKETS 256u
#define A_SHARD 512u /* tracks */

struct im_shard {
	uint32_t lock;
	uint32_t used; /* of `tracks` */
	struct im_track *buckets[BUCKETS];
	TAILQ_HEAD(, im_track) resting;
	struct im_track *tracks;
} __attribute__((aligned(64)));

static struct im_shard shards[SHARDS];
static uint64_t untracked; /* atomic */

/* ---- The table ----------------------------------------------------------------------------------- */

int im_packets_watch(void)
{
	for (uint32_t i = 0; i < SHARDS; i++) {
		memset(&shards[i], 0, sizeof(shards[i]));
		TAILQ_INIT(&shards[i].resting);
	}
	untracked = 0;
	for (uint32_t i = 0; i < SHARDS; i++) {
		shards[i].tracks = calloc(A_SHARD, sizeof(struct im_track));
		if (shards[i].tracks == NULL) {
			im_packets_unwatch();
			return -ENOMEM;
		}
	}
	return 0;
}

void im_packets_unwatch(void)
{
	for (uint32_t i = 0; i < SHARDS; i++) {
		free(shards[i].tracks);
		shards[i].tracks = NULL;
	}
}

static uint64_t hash_of(const struct im_packet *packet)
{
	return ((uintptr_t)packet >> 4) * 0x9e3779b97f4a7c15u;
}

struct im_shard *im_shard_lock(const struct im_packet *packet)
{
	struct im_shard *shard = &shards[hash_of(packet) >> 58];

	im_spin_lock(&shard->lock);
	return shard;
}

void im_shard_unlock(struct im_shard *shard)
{
	im_spin_unlock(&shard->lock);
}

static struct im_track **bucket_of(struct im_shard *shard, const struct im_packet *packet)
{
	return &shard->buckets[(hash_of(packet) >> 48) % BUCKETS];
}

static void drop(struct im_shard *shard, struct im_track *track)
{
	struct im_track **at = bucket_of(shard, track->packet);

	while (*at != track)
		at = &(*at)->next;
	*at = track->next;
	im_track_wake(shard, track);
}

/* A fresh one, or the one that has rested for longest. */
static struct im_track *take(struct im_shard *shard)
{
	struct im_track *track;

	if (shard->used < A_SHARD)
		return &shard->tracks[shard->used++];
	track = TAILQ_FIRST(&shard->resting);
	if (track != NULL)
		drop(shard, track);
	return track;
}

struct im_track *im_track_find(struct im_shard *shard, const struct im_packet *packet, bool make)
{
	struct im_track **bucket = bucket_of(shard, packet);
	struct im_track *track = *bucket;

	while (track != NULL && track->packet != packet)
		track = track->next;
	if (track != NULL || !make)
		return track;
	track = take(shard);
	if (track == NULL) {
		__atomic_add_fetch(&untracked, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	memset(track, 0, sizeof(*track));
	track->packet = packet;
	track->next = *bucket;
	*bucket = track;
	return track;
}

void im_track_rest(struct im_shard *shard, struct im_track *track)
{
	if (track->rests)
		return;
	track->rests = true;
	TAILQ_INSERT_TAIL(&shard->resting, track, resting);
}

void im_track_wake(struct im_shard *shard, struct im_track *track)
{
	if (!track->rests)
		return;
	track->rests = false;
	TAILQ_REMOVE(&shard->resting, track, resting);
}

bool im_tracks_are_short(void)
{
	return __atomic_load_n(&untracked, __ATOMIC_RELAXED) != 0;
}

uint64_t im_verify_untracked(void)
{
	return __atomic_load_n(&untracked, __ATOMIC_RELAXED);
}

void im_tracks_each(void (*each)(struct im_track *track, void *context), void *context)
{
	for (uint32_t i = 0; i < SHARDS; i++) {
		im_spin_lock(&shards[i].lock);
		for (uint32_t k = 0; k < shards[i].used; k++)
			if (!shards[i].tracks[k].rests)
				each(&shards[i].tracks[k], context);
		im_spin_unlock(&shards[i].lock);
	}
}

/* ---- History ------------------------------------------------------------------------------------- */

static const char *const edges[] = {
#define X(name, text) text,
	IM_EDGE_TABLE(X)
#undef X
};

void im_track_note(struct im_track *track, enum im_edge_kind kind, const char *driver, const void *site)
{
	track->past[track->past_count++ % IM_TRACK_EDGES] = (struct im_past){driver, site, im_verify_clock(), kind};
}

static void append_holder(const struct im_track *track, char *text, size_t size)
{
	const struct im_handover *top;

	if (track->level_count == 0) {
		im_append(text, size, track->freed ? "in its pool" : "with '%s', who began with it", track->owner);
		return;
	}
	top = &track->levels[track->level_count - 1];
	im_append(text, size, "%s by '%s' to '%s', slot %u", edges[top->kind], top->giver, top->holder, top->slot);
}

/* Whose returns are missing of a packet that several have. */
static void append_debts(const struct im_track *track, char *text, size_t size)
{
	for (uint32_t i = 0; i < track->debt_count; i++) {
		const struct im_debt *debt = &track->debts[i];

		if (debt->said && debt->returned < debt->promised)
			im_append(text, size, "\n    '%s' has returned it %u of %u times", debt->driver, debt->returned,
				  debt->promised);
	}
}

void im_track_append(const struct im_track *track, char *text, size_t size)
{
	uint32_t kept = RTE_MIN(track->past_count, IM_TRACK_EDGES);
	uint64_t now_ns = im_verify_clock();

	im_append(text, size, "\n  packet %p: ", (const void *)track->packet);
	append_holder(track, text, size);
	append_debts(track, text, size);
	for (uint32_t i = 0; i < kept; i++) {
		const struct im_past *past = &track->past[(track->past_count - 1 - i) % IM_TRACK_EDGES];

		im_append(text, size, "\n    %s by '%s', %lu ms ago, at ", edges[past->kind], past->driver,
			  (now_ns - past->at_ns) / 1000000);
		im_append_site(text, size, past->site);
	}
}
