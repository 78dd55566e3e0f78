/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of a plain miniport: a few values, answered inside the handler or later. */
#include <string.h>

#include "rig.h"

static const struct rig_value first_values[] = {
	{.oid = SLUICE_OID_GEN_LINK_SPEED, .length = 4, .bytes = {0x10, 0x27}},
	{.oid = SLUICE_OID_GEN_XMIT_OK, .length = 8, .bytes = {1, 2, 3, 4, 5, 6, 7, 8}},
	{.oid = SLUICE_OID_802_3_CURRENT_ADDRESS, .length = 6, .bytes = {0x02, 0, 0, 0, 0, 0x01}},
	{.oid = SLUICE_OID_GEN_CURRENT_PACKET_FILTER, .length = 4, .settable = true},
	{.oid = SLUICE_OID_GEN_CURRENT_LOOKAHEAD, .length = 4, .settable = true, .bytes = {64}},
	{.oid = SLUICE_OID_802_3_MULTICAST_LIST, .length = 0, .settable = true},
};

struct rig_value *rig_value(struct rig_vnic *vnic, uint32_t oid)
{
	for (uint32_t i = 0; i < RTE_DIM(vnic->values); i++) {
		struct rig_value *value = &vnic->values[i];

		if (value->oid == 0)
			value->oid = oid;
		if (value->oid == oid)
			return value;
	}
	rig_broken("too many values");
}

static const struct rig_value *known(const struct rig_vnic *vnic, uint32_t oid)
{
	for (uint32_t i = 0; i < RTE_DIM(vnic->values); i++)
		if (vnic->values[i].oid == oid)
			return &vnic->values[i];
	return NULL;
}

static im_status_t set_list(struct rig_value *value, const void *buffer, uint32_t length, uint32_t *read,
			    uint32_t *needed)
{
	if (length % 6 != 0 || length > sizeof(value->bytes)) {
		*needed = length % 6 != 0 ? length - length % 6 : sizeof(value->bytes) / 6 * 6;
		return IM_STATUS_INVALID_LENGTH;
	}
	memcpy(value->bytes, buffer, length);
	value->length = *read = length;
	return IM_STATUS_SUCCESS;
}

/* The request that is out: its answer, without completing it. */
static im_status_t answer(struct rig_vnic *vnic)
{
	uint32_t oid = vnic->request.oid;

	if (known(vnic, oid) == NULL || (vnic->request.set && !known(vnic, oid)->settable))
		return IM_STATUS_NOT_SUPPORTED;
	if (vnic->request.set && oid == SLUICE_OID_802_3_MULTICAST_LIST)
		return set_list(rig_value(vnic, oid), vnic->request.buffer, vnic->request.length, vnic->request.done,
				vnic->request.needed);
	if (vnic->request.set)
		return im_take(rig_value(vnic, oid)->bytes, known(vnic, oid)->length, vnic->request.buffer,
			       vnic->request.length, vnic->request.done, vnic->request.needed);
	return im_answer(known(vnic, oid)->bytes, known(vnic, oid)->length, vnic->request.buffer, vnic->request.length,
			 vnic->request.done, vnic->request.needed);
}

static void complete_request(struct rig_vnic *vnic, im_status_t status)
{
	if (vnic->request.set)
		im_set_information_complete(vnic->instance, status);
	else
		im_query_information_complete(vnic->instance, status);
}

static void answer_elsewhere(void *argument)
{
	complete_request(argument, answer(argument));
}

void rig_complete_request(struct rig_vnic *vnic, im_status_t status)
{
	complete_request(vnic, status == IM_STATUS_SUCCESS ? answer(vnic) : status);
}

static im_status_t begin_request(struct rig_vnic *vnic)
{
	enum rig_when when = vnic->driver->script.requests;

	if (when == RIG_INLINE)
		return answer(vnic);
	rig_do(when, true, answer_elsewhere, vnic);
	return IM_STATUS_PENDING;
}

im_status_t rig_nic_query(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			  uint32_t *needed)
{
	struct rig_vnic *vnic = context;

	vnic->request.set = false;
	vnic->request.oid = oid;
	vnic->request.buffer = buffer;
	vnic->request.length = length;
	vnic->request.done = written;
	vnic->request.needed = needed;
	return begin_request(vnic);
}

im_status_t rig_nic_set(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
			uint32_t *needed)
{
	struct rig_vnic *vnic = context;

	vnic->request.set = true;
	vnic->request.oid = oid;
	vnic->request.buffer = (void *)(uintptr_t)buffer;
	vnic->request.length = length;
	vnic->request.done = read;
	vnic->request.needed = needed;
	return begin_request(vnic);
}

void rig_nic_cancel_request(void *context)
{
	struct rig_vnic *vnic = context;

	if (vnic->driver->script.requests == RIG_LATER)
		complete_request(vnic, IM_STATUS_REQUEST_ABORTED);
}

void rig_nic_values(struct rig_vnic *vnic)
{
	memcpy(vnic->values, first_values, sizeof(first_values));
}
