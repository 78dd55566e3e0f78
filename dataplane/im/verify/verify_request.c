/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests at a miniport: when one may be given to it, and how it may end (contract 6.1, 6.11, 10.22). */
#include <stdlib.h>
#include <string.h>

#include "im/inside.h"
#include "verifier.h"

#define GUARD	   64u /* bytes behind a buffer */
#define GUARD_BYTE 0xc7u

/* Outcomes of a query or a set (6.1, 12.23). */
static const im_status_t final[] = {
	IM_STATUS_SUCCESS,	    IM_STATUS_FAILURE,		 IM_STATUS_INVALID_OID,	    IM_STATUS_INVALID_LENGTH,
	IM_STATUS_BUFFER_TOO_SHORT, IM_STATUS_NOT_SUPPORTED,	 IM_STATUS_NOT_ACCEPTED,    IM_STATUS_RESOURCES,
	IM_STATUS_INVALID_DATA,	    IM_STATUS_INVALID_PARAMETER, IM_STATUS_REQUEST_ABORTED, IM_STATUS_CLOSING,
	IM_STATUS_LOW_POWER_STATE,  IM_STATUS_RESET_IN_PROGRESS, IM_STATUS_NOT_READY,	    IM_STATUS_PAUSED,
};

/* States in which a miniport gets requests (10.22). */
static const uint8_t ready[] = {
	SLUICE_INSTANCE_PAUSED,
	SLUICE_INSTANCE_RESTARTING,
	SLUICE_INSTANCE_RUNNING,
	SLUICE_INSTANCE_PAUSING,
};

static bool is_final(im_status_t status)
{
	for (uint32_t i = 0; i < RTE_DIM(final); i++)
		if (final[i] == status)
			return true;
	return false;
}

static bool is_ready(uint8_t state)
{
	for (uint32_t i = 0; i < RTE_DIM(ready); i++)
		if (ready[i] == state)
			return true;
	return false;
}

/* ---- The buffer ---------------------------------------------------------------------------------- */

static bool make_room(struct im_request_queue *queue, uint32_t length)
{
	uint8_t *bytes;

	if (queue->guarded_room >= length)
		return true;
	bytes = realloc(queue->guarded, length);
	if (bytes == NULL)
		return false;
	queue->guarded = bytes;
	queue->guarded_room = length;
	return true;
}

void *im_verify_lend_buffer(struct im_request_queue *queue, struct im_request *request)
{
	if (!im_is_watched(im_this_worker) || request->length == 0 || request->length > UINT32_MAX - GUARD ||
	    !make_room(queue, request->length + GUARD))
		return request->buffer;
	memcpy(queue->guarded, request->buffer, request->length);
	memset(queue->guarded + request->length, GUARD_BYTE, GUARD);
	queue->guarding = true;
	return queue->guarded;
}

bool im_verify_take_buffer(struct im_request_queue *queue, struct im_request *request)
{
	bool intact = true;

	if (!queue->guarding)
		return true;
	queue->guarding = false;
	for (uint32_t i = 0; i < GUARD; i++)
		intact &= queue->guarded[request->length + i] == GUARD_BYTE;
	memcpy(request->buffer, queue->guarded, request->length);
	return intact;
}

/* ---- The states ---------------------------------------------------------------------------------- */

void im_verify_request_begun(const struct im_request *request)
{
	const struct im_instance *instance = request->core.instance;
	uint8_t state;

	if (!im_is_verified())
		return;
	state = __atomic_load_n(&instance->state, __ATOMIC_ACQUIRE);
	if (!is_ready(state))
		im_violation_text("10.22", im_kept_name(NULL), "gave '%s' a request in state %u", instance->name,
				  state);
}

void im_verify_request_done(const struct im_request *request, im_status_t status)
{
	const struct im_instance *instance = request->core.instance;

	if (!im_is_verified())
		return;
	if (!is_final(status))
		im_violation_text("6.1", im_driver_of(instance), "answered OID 0x%08x with status %u (%s)",
				  request->oid, status, im_status_text(status));
	else if ((status == IM_STATUS_BUFFER_TOO_SHORT || status == IM_STATUS_INVALID_LENGTH) && request->needed == 0)
		im_violation_text("6.4", im_driver_of(instance),
				  "answered OID 0x%08x with '%s' and does not say how many bytes it takes",
				  request->oid, im_status_text(status));
}
