/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of drivers' own pools: allocated, freed, made new (contract 5.21). */
#include "im/core.h"
#include "verify_edge.h"

void im_verify_allocated(struct im_packet *packet, const struct im_wrapper *owner)
{
	IM_NO_FINDING(finding);
	struct im_shard *shard = im_shard_lock(packet);
	struct im_track *track = im_track_find(shard, packet, true);

	if (track != NULL) {
		track->pool = owner;
		track->owner = im_kept_name(owner);
		track->freed = false;
		im_track_note(track, IM_EDGE_ALLOCATED, track->owner, NULL);
	}
	im_finish(shard, track, &finding);
}

/* The pool has made sure that it is one of its own, and not out. */
void im_verify_freed(struct im_packet *packet, const struct im_wrapper *owner)
{
	IM_NO_FINDING(finding);
	struct im_shard *shard = im_shard_lock(packet);
	struct im_track *track = im_track_find(shard, packet, false);

	if (track != NULL) {
		track->freed = true;
		im_track_note(track, IM_EDGE_FREED, im_kept_name(owner), NULL);
		for (uint16_t slot = 0; slot < packet->slots; slot++)
			im_leave_slot(track, packet, slot, im_kept_name(owner));
	}
	im_finish(shard, track, &finding);
}
