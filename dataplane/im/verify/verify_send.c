/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends and their completions: which are legal (contract 4.12-4.17). */
#include "im/inside.h"
#include "verify_edge.h"

bool im_edge_send(const struct im_binding *binding, struct im_packet *packet, const void *site)
{
	const struct im_instance *lower = binding->lower;
	const struct im_handover next = {
		.object = binding,
		.lower = lower,
		.giver = im_kept_name(binding->protocol->wrapper),
		.holder = im_kept_name(im_wrapper_of(lower)),
		.kind = IM_EDGE_SENT,
	};

	if (!im_hand_on(packet, &next, site))
		return false;
	packet->status = IM_POISON_STATUS;
	return true;
}

/* The final statuses of a send (4.13). */
static bool is_final(uint16_t status)
{
	static const uint16_t final[] = {
		IM_STATUS_SUCCESS,	   IM_STATUS_INVALID_LENGTH,	IM_STATUS_RESOURCES, IM_STATUS_FAILURE,
		IM_STATUS_REQUEST_ABORTED, IM_STATUS_SEND_ABORTED,	IM_STATUS_PAUSED,    IM_STATUS_CLOSING,
		IM_STATUS_LOW_POWER_STATE, IM_STATUS_RESET_IN_PROGRESS,
	};

	for (uint32_t i = 0; i < RTE_DIM(final); i++)
		if (final[i] == status)
			return true;
	return false;
}

/* A completion with a status that is none is passed on as a failure: left out, the packet would be lost. */
static void check_status(struct im_packet *packet, const char *driver, struct im_finding *finding)
{
	if (is_final(packet->status))
		return;
	if (packet->status == IM_POISON_STATUS)
		im_find(finding, "4.13", driver, "completed a send without a status");
	else
		im_find(finding, "4.13", driver, "completed a send with status %u (%s)", packet->status,
			im_status_text(packet->status));
	packet->status = IM_STATUS_FAILURE;
}

/* What a driver changes on the way down it puts back on the way up (4.17). */
static void check_restored(const struct im_handover *top, const struct im_packet *packet, struct im_finding *finding)
{
	const struct im_packet_info *was = &top->info, *is = &packet->info;

	if (was->cancel_id != is->cancel_id || was->vlan != is->vlan || was->checksum != is->checksum ||
	    was->mss != is->mss)
		im_find(finding, "4.17", top->holder, "completed a send with other per-packet info than it got");
	if (packet->mbuf != NULL && packet->mbuf == top->mbuf && packet->length != top->length)
		im_find(finding, "4.17", top->holder, "completed a send with %u bytes that it got with %u",
			packet->length, top->length);
}

static bool may_complete(struct im_track *track, const struct im_packet *packet, const struct im_instance *instance,
			 const char *driver, struct im_finding *finding)
{
	const struct im_handover *top = track != NULL ? im_top_of(track) : NULL;

	if (track == NULL ? im_tracks_are_short() : im_is_beyond(track, packet->depth))
		return true;
	if (track == NULL)
		return im_find(finding, "4.12", driver, "completed a packet that was never sent");
	if (top == NULL)
		return im_find(finding, "4.12", driver, "completed a packet that it does not have");
	if (top->kind != IM_EDGE_SENT || top->lower != instance)
		return im_find(finding, "4.12", driver, "completed a packet that '%s' has", top->holder);
	return true;
}

bool im_edge_complete(const struct im_instance *instance, struct im_packet *packet, const void *site)
{
	const char *driver = im_kept_name(im_wrapper_of(instance));
	struct im_shard *shard = im_shard_lock(packet);
	struct im_track *track = im_track_find(shard, packet, false);
	IM_NO_FINDING(finding);
	bool legal = may_complete(track, packet, instance, driver, &finding);

	if (legal && track != NULL && !im_is_beyond(track, packet->depth)) {
		check_status(packet, driver, &finding);
		check_restored(im_top_of(track), packet, &finding);
		im_take_back(track, packet, "4.14", &finding);
		im_leave_slot(track, packet, packet->depth, driver);
		im_track_note(track, IM_EDGE_COMPLETED, driver, site);
	}
	im_finish(shard, track, &finding);
	return legal;
}

/* It went back without a call of im_send_complete(): refused at a gate, or complete by what the miniport's handler set.
 */
static void give_back(const struct im_binding *binding, struct im_packet *packet)
{
	struct im_shard *shard = im_shard_lock(packet);
	struct im_track *track = im_track_find(shard, packet, false);
	struct im_handover *top = track != NULL ? im_top_of(track) : NULL;
	IM_NO_FINDING(finding);

	if (top != NULL && top->object == binding && !im_is_beyond(track, packet->depth + 1u)) {
		check_status(packet, top->holder, &finding);
		im_leave_slot(track, packet, (uint16_t)(top->slot + 1), top->holder);
		im_take_back(track, packet, "4.14", &finding);
		im_track_note(track, IM_EDGE_COMPLETED, im_kept_name(NULL), NULL);
	}
	im_finish(shard, track, &finding);
}

void im_verify_back(const struct im_binding *binding, struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		give_back(binding, packets[i]);
}

/* The core hands it on in place of a quarantined driver. */
void im_verify_relayed_send(const struct im_binding *binding, struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		im_edge_send(binding, packets[i], NULL);
}
