/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An intermediate driver that passes everything on: sends of all its VNICs go down their binding, what comes from below
 * goes to the first VNIC (look-ahead: to all), requests go down as requests of its own. It uses the packet's own slot.
 */
#include <string.h>

#include "rig.h"

static struct rig_vnic *first_vnic(const struct rig_binding *binding)
{
	for (uint32_t i = 0; i < binding->vnic_count; i++)
		if (binding->vnics[i]->instance != NULL)
			return binding->vnics[i];
	return NULL;
}

/* ---- Packets ------------------------------------------------------------------------------------- */

/* Which VNIC it came by stands in the packet until it is back (2.54). */
static void mid_send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_vnic *vnic = context;

	for (uint16_t i = 0; i < count; i++) {
		uintptr_t *words = im_packet_words(packets[i]);

		if (words != NULL) /* without one, the core says so */
			words[0] = (uintptr_t)vnic;
	}
	im_send_packets(vnic->below->binding, packets, count);
}

static struct rig_vnic *sender_of(struct im_packet *packet)
{
	return (struct rig_vnic *)im_packet_words(packet)[0];
}

static void mid_send_complete(void *context, struct im_packet **packets, uint16_t count)
{
	uint16_t end;

	(void)context;
	for (uint16_t at = 0; at < count; at = end) { /* a batch may mix several VNICs' (4.19) */
		struct rig_vnic *vnic = sender_of(packets[at]);

		for (end = (uint16_t)(at + 1); end < count && sender_of(packets[end]) == vnic;)
			end++;
		im_send_complete(vnic->instance, packets + at, (uint16_t)(end - at));
	}
}

static void mid_cancel_send_packets(void *context, uint32_t cancel_id)
{
	struct rig_vnic *vnic = context;

	im_cancel_send_packets(vnic->below->binding, cancel_id); /* nothing is queued here (4.25) */
}

static void mid_receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	struct rig_vnic *vnic = first_vnic(context);
	bool lent = packets[0]->status == IM_STATUS_SUCCESS; /* not to be read after the call (5.3) */

	if (vnic == NULL)
		return;
	for (uint16_t i = 0; i < count; i++)
		references[i] = lent;
	im_indicate_receive_packets(vnic->instance, packets, count);
}

static void mid_return_packets(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_vnic *vnic = context;

	im_return_packets(vnic->below->binding, packets, count);
}

/* ---- Look-ahead ---------------------------------------------------------------------------------- */

static im_status_t mid_receive(void *context, const struct im_lookahead *lookahead)
{
	struct rig_binding *binding = context;

	if (first_vnic(binding) == NULL)
		return IM_STATUS_NOT_ACCEPTED;
	for (uint32_t i = 0; i < binding->vnic_count; i++)
		if (binding->vnics[i]->instance != NULL)
			im_indicate_receive(binding->vnics[i]->instance, lookahead);
	return IM_STATUS_SUCCESS;
}

static void mid_receive_complete(void *context)
{
	struct rig_binding *binding = context;

	for (uint32_t i = 0; i < binding->vnic_count; i++)
		if (binding->vnics[i]->instance != NULL)
			im_indicate_receive_complete(binding->vnics[i]->instance);
}

static im_status_t mid_transfer_data(struct im_packet *packet, uint32_t *transferred, void *context,
				     void *receive_context, uint32_t offset, uint32_t length)
{
	struct rig_vnic *vnic = context;
	uintptr_t *words = im_packet_words(packet);

	if (words != NULL)
		words[0] = (uintptr_t)vnic;
	return im_transfer_data(vnic->below->binding, receive_context, offset, length, packet, transferred);
}

static void mid_transfer_data_complete(void *context, struct im_packet *packet, im_status_t status,
				       uint32_t transferred)
{
	struct rig_binding *binding = context;
	uintptr_t *words = im_packet_words(packet);
	struct rig_vnic *vnic = words != NULL ? sender_of(packet) : first_vnic(binding);

	im_transfer_data_complete(vnic->instance, packet, status, transferred);
}

/* ---- Requests ------------------------------------------------------------------------------------ */

static struct rig_vnic *vnic_of(const struct rig_binding *binding, const struct im_request *request)
{
	for (uint32_t i = 0; i < binding->vnic_count; i++)
		if (&binding->vnics[i]->forwarded == request)
			return binding->vnics[i];
	return NULL;
}

/* One way for what completes at once and what does later (6.21). */
static void copy_back(const struct rig_vnic *vnic)
{
	*vnic->request.done = vnic->forwarded.done;
	*vnic->request.needed = vnic->forwarded.needed;
}

/* What the handlers got is in vnic->request before the call, as the completion may come before it returns (3.18). */
static im_status_t forward(struct rig_vnic *vnic, bool set, uint32_t oid, void *buffer, uint32_t length)
{
	im_status_t status;

	vnic->request.set = set;
	vnic->forwarded = (struct im_request){.set = set, .oid = oid, .buffer = buffer, .length = length};
	status = im_request(vnic->below->binding, &vnic->forwarded);
	if (status != IM_STATUS_PENDING)
		copy_back(vnic);
	return status;
}

static im_status_t mid_query_information(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
					 uint32_t *needed)
{
	struct rig_vnic *vnic = context;

	if (oid == SLUICE_OID_PNP_QUERY_POWER)
		return IM_STATUS_SUCCESS; /* 6.27 */
	vnic->request.done = written;
	vnic->request.needed = needed;
	return forward(vnic, false, oid, buffer, length);
}

static im_status_t mid_set_information(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
				       uint32_t *needed)
{
	struct rig_vnic *vnic = context;
	uint32_t state;

	if (oid == SLUICE_OID_PNP_SET_POWER)
		return im_take(&state, sizeof(state), buffer, length, read, needed); /* 6.28 */
	vnic->request.done = read;
	vnic->request.needed = needed;
	return forward(vnic, true, oid, (void *)(uintptr_t)buffer, length);
}

static void mid_cancel_request(void *context)
{
	struct rig_vnic *vnic = context;

	im_cancel_request(vnic->below->binding, &vnic->forwarded); /* the original completes with the clone (6.23) */
}

static void mid_request_complete(void *context, struct im_request *request, im_status_t status)
{
	struct rig_binding *binding = context;
	struct rig_vnic *vnic = vnic_of(binding, request);

	if (vnic == NULL) { /* its own, for which it waits */
		binding->waited_status = status;
		im_set_event(&binding->answered);
		return;
	}
	copy_back(vnic);
	if (vnic->request.set)
		im_set_information_complete(vnic->instance, status);
	else
		im_query_information_complete(vnic->instance, status);
}

/* ---- Status, events, life ------------------------------------------------------------------------ */

static bool is_link(uint32_t indication)
{
	return indication == IM_INDICATION_MEDIA_CONNECT || indication == IM_INDICATION_MEDIA_DISCONNECT ||
	       indication == IM_INDICATION_LINK_SPEED_CHANGE;
}

/* Only what changes the VNIC (7.14). */
static void mid_status(void *context, uint32_t indication, const void *buffer, uint32_t length)
{
	struct rig_binding *binding = context;

	binding->forward_status = is_link(indication);
	for (uint32_t i = 0; binding->forward_status && i < binding->vnic_count; i++)
		if (binding->vnics[i]->instance != NULL)
			im_indicate_status(binding->vnics[i]->instance, indication, buffer, length);
}

static void mid_status_complete(void *context)
{
	struct rig_binding *binding = context;

	for (uint32_t i = 0; binding->forward_status && i < binding->vnic_count; i++)
		if (binding->vnics[i]->instance != NULL)
			im_indicate_status_complete(binding->vnics[i]->instance);
	binding->forward_status = false;
}

static im_status_t mid_initialize(struct im_instance *instance, void *device_context)
{
	struct rig_vnic *vnic = rig_vnic(im_instance_name(instance));

	vnic->device_context = device_context;
	return rig_initialize_vnic(vnic, instance,
				   IM_ATTRIBUTE_INTERMEDIATE_DRIVER | IM_ATTRIBUTE_DESERIALIZE |
					   IM_ATTRIBUTE_NO_HALT_ON_SUSPEND | IM_ATTRIBUTE_IGNORE_TIMEOUTS);
}

static im_status_t mid_pause(void *context)
{
	(void)context; /* it holds nothing */
	return IM_STATUS_SUCCESS;
}

static im_status_t mid_restart(void *context)
{
	struct rig_vnic *vnic = context;

	return vnic->driver->script.restart_status;
}

/* Asked for nothing, it gets nothing (1.38). */
static im_status_t mid_unbind_adapter(void *context, void *unbind_context)
{
	struct rig_binding *binding = context;

	binding->clears_filter = true;
	return rig_unbind_adapter(context, unbind_context);
}

static const struct im_miniport_characteristics mid_handlers = {
	.initialize = mid_initialize,
	.halt = rig_halt_vnic,
	.query_information = mid_query_information,
	.set_information = mid_set_information,
	.cancel_request = mid_cancel_request,
	.send_packets = mid_send_packets,
	.cancel_send_packets = mid_cancel_send_packets,
	.transfer_data = mid_transfer_data,
	.return_packets = mid_return_packets,
	.pause = mid_pause,
	.restart = mid_restart,
};

/* The rest of a protocol edge is a top's. */
void rig_mid_defaults(struct rig_driver *driver)
{
	rig_top_defaults(driver);
	driver->miniport = mid_handlers;
	driver->miniport.major_version = IM_MAJOR_VERSION;
	driver->protocol.unbind_adapter = mid_unbind_adapter;
	driver->protocol.send_complete = mid_send_complete;
	driver->protocol.receive_packets = mid_receive_packets;
	driver->protocol.receive = mid_receive;
	driver->protocol.receive_complete = mid_receive_complete;
	driver->protocol.transfer_data_complete = mid_transfer_data_complete;
	driver->protocol.request_complete = mid_request_complete;
	driver->protocol.status = mid_status;
	driver->protocol.status_complete = mid_status_complete;
}
