/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests to a relay's VNIC (contract section 6C, left column): answered here, or asked of the adapter below with a
 * request of the relay's own.
 *
 *   query, set ──> forward ──> im_request ──> a final status ──────────────────┐
 *                    └─ parked while the adapter sleeps   request_complete ──> settle ──> finish ──> the answer
 *                                                         cancel_request ──────┘
 *
 * Whoever lets go of the request last finishes it: its completion, or the thread that was cancelling it (6.23).
 */
#include "relay_inside.h"

/* ---- Forwarding ---------------------------------------------------------------------------------- */

/* Nobody else has it any more. @p pended: the handler has returned PENDING, or will. */
static im_status_t finish(struct relay *relay, bool pended)
{
	struct relay_forward *forward = &relay->forward;
	bool set = forward->request.set;
	im_status_t status = relay_translate(relay, forward->status);

	if (!pended)
		return status;
	if (set) /* from here on it may be the next request's */
		im_set_information_complete(relay->face.instance, status);
	else
		im_query_information_complete(relay->face.instance, status);
	return IM_STATUS_PENDING;
}

/* The request below is over, in whatever way: one path for all (6.21). */
static im_status_t settle(struct relay *relay, im_status_t status, bool pended)
{
	struct relay_forward *forward = &relay->forward;
	bool last;

	im_acquire_spin_lock(&relay->lock);
	forward->status = status;
	last = --forward->holders == 0;
	im_release_spin_lock(&relay->lock);
	return last ? finish(relay, pended) : IM_STATUS_PENDING;
}

IM_PASSIVE static im_status_t send_down(struct relay *relay, bool pended)
{
	struct relay_forward *forward = &relay->forward;
	im_status_t status;
	bool cancelled;

	im_acquire_spin_lock(&relay->lock);
	cancelled = forward->cancelled;
	forward->below = im_relay_below(&relay->face);
	im_release_spin_lock(&relay->lock);
	status = cancelled ? IM_STATUS_REQUEST_ABORTED : im_request(forward->below, &forward->request);
	return status == IM_STATUS_PENDING ? status : settle(relay, status, pended);
}

/* Counted first, then looked whether the relay goes (6.22). Returns whether it is to be sent down now. */
static im_status_t take_hold(struct relay *relay)
{
	struct relay_forward *forward = &relay->forward;
	im_status_t status = IM_STATUS_SUCCESS;

	im_acquire_spin_lock(&relay->lock);
	forward->holders = 1;
	forward->cancelled = false;
	if (relay->deinitializing) {
		forward->holders = 0;
		status = IM_STATUS_CLOSING;
	} else if (relay_gate(relay) & IM_RELAY_BELOW_ASLEEP) {
		forward->parked = true;
		status = IM_STATUS_PENDING;
	}
	im_release_spin_lock(&relay->lock);
	return status;
}

IM_PASSIVE static im_status_t forward_request(struct relay *relay, bool set, uint32_t oid, void *buffer,
					      uint32_t length, uint32_t *done, uint32_t *needed)
{
	struct relay_forward *forward = &relay->forward;
	im_status_t status;

	if (relay_gate(relay) & IM_RELAY_ASLEEP)
		return IM_STATUS_LOW_POWER_STATE;
	forward->request = (struct im_request){.set = set, .oid = oid, .buffer = buffer, .length = length};
	if (oid == SLUICE_OID_GEN_SUPPORTED_LIST) {
		forward->request.buffer = relay->below_oids;
		forward->request.length = sizeof(relay->below_oids);
	}
	forward->buffer = buffer;
	forward->length = length;
	forward->done = done;
	forward->needed = needed;
	status = take_hold(relay);
	return status == IM_STATUS_SUCCESS ? send_down(relay, false) : status;
}

/* ---- Handlers ------------------------------------------------------------------------------------ */

im_status_t relay_query_information(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
				    uint32_t *needed)
{
	struct relay *relay = context;

	*written = 0;
	*needed = 0;
	switch (relay_who_answers(relay, oid, false)) {
	case RELAY_OWN:
		return relay_query_own(relay, oid, buffer, length, written, needed);
	case RELAY_FORWARD:
	case RELAY_CHANGED:
		return forward_request(relay, false, oid, buffer, length, written, needed);
	default:
		return IM_STATUS_NOT_SUPPORTED;
	}
}

im_status_t relay_set_information(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
				  uint32_t *needed)
{
	struct relay *relay = context;

	*read = 0;
	*needed = 0;
	switch (relay_who_answers(relay, oid, true)) {
	case RELAY_OWN:
		return relay_set_own(relay, buffer, length, read, needed);
	case RELAY_FORWARD:
		return forward_request(relay, true, oid, (void *)(uintptr_t)buffer, length, read, needed);
	default:
		return IM_STATUS_NOT_SUPPORTED;
	}
}

/* Parked, it ends here; below, the adapter is asked to end it, and its completion and this thread agree on who tells.
 */
void relay_cancel_request(void *context)
{
	struct relay *relay = context;
	struct relay_forward *forward = &relay->forward;
	struct im_binding *below;
	bool parked, last;

	im_acquire_spin_lock(&relay->lock);
	if (forward->holders == 0) {
		im_release_spin_lock(&relay->lock);
		return;
	}
	parked = forward->parked;
	forward->parked = false;
	forward->cancelled = true;
	if (!parked)
		forward->holders++;
	below = forward->below;
	im_release_spin_lock(&relay->lock);
	if (parked) {
		settle(relay, IM_STATUS_REQUEST_ABORTED, true);
		return;
	}
	im_cancel_request(below, &forward->request);
	im_acquire_spin_lock(&relay->lock);
	last = --forward->holders == 0;
	im_release_spin_lock(&relay->lock);
	if (last)
		finish(relay, true);
}

bool im_relay_request_complete(struct im_relay *face, struct im_request *request, im_status_t status)
{
	struct relay *relay = relay_of(face);

	if (request != &relay->forward.request)
		return false;
	settle(relay, status, true);
	return true;
}

void relay_request_complete(void *context, struct im_request *request, im_status_t status)
{
	struct relay *relay = context;

	if (!im_relay_request_complete(&relay->face, request, status))
		im_set_event(&relay->own_done); /* 1.38 asks for it, whether or not it helps */
}

/* ---- Asleep below -------------------------------------------------------------------------------- */

/* Whether there is one, which is the caller's now. */
static bool unpark(struct relay *relay)
{
	bool parked;

	im_acquire_spin_lock(&relay->lock);
	parked = relay->forward.parked;
	relay->forward.parked = false;
	im_release_spin_lock(&relay->lock);
	return parked;
}

void relay_fail_parked(struct relay *relay)
{
	if (unpark(relay))
		settle(relay, IM_STATUS_FAILURE, true);
}

void relay_send_parked(struct relay *relay)
{
	if (unpark(relay))
		send_down(relay, true);
}

bool im_relay_has_request(struct im_relay *face)
{
	return relay_has_request_below(relay_of(face));
}

bool relay_has_request_below(struct relay *relay)
{
	bool below;

	im_acquire_spin_lock(&relay->lock);
	below = relay->forward.holders > 0 && !relay->forward.parked;
	im_release_spin_lock(&relay->lock);
	return below;
}

/* ---- The relay's own ----------------------------------------------------------------------------- */

#define CLEAR_LIMIT_MS 1000u

/* Whatever comes of it: an adapter that sleeps, or goes itself, has no use for it. One that does not answer is not
 * waited for here but by the close, which needs all requests back. */
IM_PASSIVE static void set_below(struct relay *relay, struct im_request *request, uint32_t oid, uint32_t length)
{
	im_reset_event(&relay->own_done);
	*request = (struct im_request){.set = true, .oid = oid, .buffer = &relay->own_value, .length = length};
	if (im_request(relay->face.below, request) == IM_STATUS_PENDING)
		im_wait_event(&relay->own_done, CLEAR_LIMIT_MS);
}

void relay_clear_below(struct relay *relay)
{
	relay->own_value = 0;
	set_below(relay, &relay->own[0], SLUICE_OID_802_3_MULTICAST_LIST, 0);
	set_below(relay, &relay->own[1], SLUICE_OID_GEN_CURRENT_PACKET_FILTER, sizeof(relay->own_value));
}
