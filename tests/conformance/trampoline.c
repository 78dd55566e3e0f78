/* SPDX-License-Identifier: BSD-3-Clause */
/* What the core calls: each writes the call down, then does what the driver's table says. */
#include "rig.h"

/* ---- Miniport edge ------------------------------------------------------------------------------- */

static im_status_t on_initialize(struct im_instance *instance, void *device_context)
{
	struct rig_vnic *vnic = rig_vnic(im_instance_name(instance));
	struct rig_call *call = rig_note(RIG_initialize, vnic->name);

	call->buffer = device_context;
	return rig_noted(call, vnic->driver->miniport.initialize(instance, device_context));
}

static void on_halt(void *context)
{
	struct rig_vnic *vnic = context;
	struct rig_call *call = rig_note(RIG_halt, vnic->name);

	vnic->driver->miniport.halt(context);
	rig_noted(call, IM_STATUS_SUCCESS);
}

static struct rig_call *note_request(enum rig_handler handler, const struct rig_vnic *vnic, uint32_t oid,
				     const void *buffer, uint32_t length)
{
	struct rig_call *call = rig_note(handler, vnic->name);

	call->value = oid;
	call->buffer = buffer;
	call->length = length;
	return call;
}

static im_status_t on_query_information(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
					uint32_t *needed)
{
	struct rig_vnic *vnic = context;
	struct rig_call *call = note_request(RIG_query_information, vnic, oid, buffer, length);

	return rig_noted(call, vnic->driver->miniport.query_information(context, oid, buffer, length, written, needed));
}

static im_status_t on_set_information(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
				      uint32_t *needed)
{
	struct rig_vnic *vnic = context;
	struct rig_call *call = note_request(RIG_set_information, vnic, oid, buffer, length);

	return rig_noted(call, vnic->driver->miniport.set_information(context, oid, buffer, length, read, needed));
}

static void on_cancel_request(void *context)
{
	struct rig_vnic *vnic = context;
	struct rig_call *call = rig_note(RIG_cancel_request, vnic->name);

	vnic->driver->miniport.cancel_request(context);
	rig_noted(call, IM_STATUS_SUCCESS);
}

static im_status_t on_reset(bool *addressing_reset, void *context)
{
	struct rig_vnic *vnic = context;

	return rig_noted(rig_note(RIG_reset, vnic->name), vnic->driver->miniport.reset(addressing_reset, context));
}

static void on_send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_vnic *vnic = context;
	struct rig_call *call = rig_note(RIG_send_packets, vnic->name);

	rig_note_packets(call, packets, count);
	vnic->driver->miniport.send_packets(context, packets, count);
	rig_noted(call, IM_STATUS_SUCCESS);
}

static im_status_t on_send(void *context, struct im_packet *packet, uint32_t flags)
{
	struct rig_vnic *vnic = context;
	struct rig_call *call = rig_note(RIG_send, vnic->name);

	rig_note_packets(call, &packet, 1);
	call->value = flags;
	return rig_noted(call, vnic->driver->miniport.send(context, packet, flags));
}

static void on_cancel_send_packets(void *context, uint32_t cancel_id)
{
	struct rig_vnic *vnic = context;
	struct rig_call *call = rig_note(RIG_cancel_send_packets, vnic->name);

	call->value = cancel_id;
	vnic->driver->miniport.cancel_send_packets(context, cancel_id);
	rig_noted(call, IM_STATUS_SUCCESS);
}

static im_status_t on_transfer_data(struct im_packet *packet, uint32_t *transferred, void *context,
				    void *receive_context, uint32_t offset, uint32_t length)
{
	struct rig_vnic *vnic = context;
	struct rig_call *call = rig_note(RIG_transfer_data, vnic->name);

	rig_note_packets(call, &packet, 1);
	call->buffer = receive_context;
	call->value = offset;
	call->length = length;
	return rig_noted(call, vnic->driver->miniport.transfer_data(packet, transferred, context, receive_context,
								    offset, length));
}

static void on_return_packets(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_vnic *vnic = context;
	struct rig_call *call = rig_note(RIG_return_packets, vnic->name);

	rig_note_packets(call, packets, count);
	vnic->driver->miniport.return_packets(context, packets, count);
	rig_noted(call, IM_STATUS_SUCCESS);
}

static bool on_check_for_hang(void *context)
{
	struct rig_vnic *vnic = context;
	struct rig_call *call = rig_note(RIG_check_for_hang, vnic->name);
	bool hung = vnic->driver->miniport.check_for_hang(context);

	call->value = hung;
	rig_noted(call, IM_STATUS_SUCCESS);
	return hung;
}

static im_status_t on_pause(void *context)
{
	struct rig_vnic *vnic = context;

	return rig_noted(rig_note(RIG_pause, vnic->name), vnic->driver->miniport.pause(context));
}

static im_status_t on_restart(void *context)
{
	struct rig_vnic *vnic = context;

	return rig_noted(rig_note(RIG_restart, vnic->name), vnic->driver->miniport.restart(context));
}

static struct rig_call *note_event(enum rig_handler handler, const char *name, const struct im_pnp_event *event)
{
	struct rig_call *call = rig_note(handler, name);

	call->value = event->code;
	call->power = event->power;
	call->buffer = event->buffer;
	call->length = event->length;
	return call;
}

static void on_pnp_event_notify(void *context, const struct im_pnp_event *event)
{
	struct rig_vnic *vnic = context;
	struct rig_call *call = note_event(RIG_pnp_event_notify, vnic->name, event);

	vnic->driver->miniport.pnp_event_notify(context, event);
	rig_noted(call, IM_STATUS_SUCCESS);
}

static void on_adapter_shutdown(void *context)
{
	struct rig_vnic *vnic = context;
	struct rig_call *call = rig_note(RIG_adapter_shutdown, vnic->name);

	vnic->driver->miniport.adapter_shutdown(context);
	rig_noted(call, IM_STATUS_SUCCESS);
}

/* ---- Protocol edge ------------------------------------------------------------------------------- */

static im_status_t on_unbind_adapter(void *context, void *unbind_context)
{
	struct rig_binding *binding = context;
	struct rig_call *call = rig_note(RIG_unbind_adapter, binding->name);

	return rig_noted(call, binding->driver->protocol.unbind_adapter(context, unbind_context));
}

static void on_open_adapter_complete(void *context, im_status_t status)
{
	struct rig_binding *binding = context;
	struct rig_call *call = rig_note(RIG_open_adapter_complete, binding->name);

	call->value = status;
	binding->driver->protocol.open_adapter_complete(context, status);
	rig_noted(call, IM_STATUS_SUCCESS);
}

static void on_close_adapter_complete(void *context)
{
	struct rig_binding *binding = context;
	struct rig_call *call = rig_note(RIG_close_adapter_complete, binding->name);

	binding->driver->protocol.close_adapter_complete(context);
	rig_noted(call, IM_STATUS_SUCCESS);
}

static void on_send_complete(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_binding *binding = context;
	struct rig_call *call = rig_note(RIG_send_complete, binding->name);

	rig_note_packets(call, packets, count);
	binding->driver->protocol.send_complete(context, packets, count);
	rig_noted(call, IM_STATUS_SUCCESS);
}

static void on_receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	struct rig_binding *binding = context;
	struct rig_call *call = rig_note(RIG_receive_packets, binding->name);

	rig_note_packets(call, packets, count);
	for (uint16_t i = 0; i < count; i++)
		if (references[i] != 0)
			rig_broken("references are not 0 on entry");
	binding->driver->protocol.receive_packets(context, packets, count, references);
	rig_noted(call, IM_STATUS_SUCCESS);
}

static im_status_t on_receive(void *context, const struct im_lookahead *lookahead)
{
	struct rig_binding *binding = context;
	struct rig_call *call = rig_note(RIG_receive, binding->name);

	call->buffer = lookahead->receive_context;
	call->length = lookahead->packet_length;
	call->value = lookahead->data_length;
	return rig_noted(call, binding->driver->protocol.receive(context, lookahead));
}

static void on_receive_complete(void *context)
{
	struct rig_binding *binding = context;
	struct rig_call *call = rig_note(RIG_receive_complete, binding->name);

	binding->driver->protocol.receive_complete(context);
	rig_noted(call, IM_STATUS_SUCCESS);
}

static void on_transfer_data_complete(void *context, struct im_packet *packet, im_status_t status, uint32_t transferred)
{
	struct rig_binding *binding = context;
	struct rig_call *call = rig_note(RIG_transfer_data_complete, binding->name);

	rig_note_packets(call, &packet, 1);
	call->value = status;
	call->length = transferred;
	binding->driver->protocol.transfer_data_complete(context, packet, status, transferred);
	rig_noted(call, IM_STATUS_SUCCESS);
}

static void on_request_complete(void *context, struct im_request *request, im_status_t status)
{
	struct rig_binding *binding = context;
	struct rig_call *call = rig_note(RIG_request_complete, binding->name);

	call->buffer = request;
	call->length = request->done;
	call->value = status;
	binding->driver->protocol.request_complete(context, request, status);
	rig_noted(call, IM_STATUS_SUCCESS);
}

static void on_reset_complete(void *context, im_status_t status)
{
	struct rig_binding *binding = context;
	struct rig_call *call = rig_note(RIG_reset_complete, binding->name);

	call->value = status;
	binding->driver->protocol.reset_complete(context, status);
	rig_noted(call, IM_STATUS_SUCCESS);
}

static void on_status(void *context, uint32_t indication, const void *buffer, uint32_t length)
{
	struct rig_binding *binding = context;
	struct rig_call *call = rig_note(RIG_status, binding->name);

	call->value = indication;
	call->buffer = buffer;
	call->length = length;
	binding->driver->protocol.status(context, indication, buffer, length);
	rig_noted(call, IM_STATUS_SUCCESS);
}

static void on_status_complete(void *context)
{
	struct rig_binding *binding = context;
	struct rig_call *call = rig_note(RIG_status_complete, binding->name);

	binding->driver->protocol.status_complete(context);
	rig_noted(call, IM_STATUS_SUCCESS);
}

static im_status_t on_pnp_event(void *context, struct im_pnp_event *event)
{
	struct rig_binding *binding = context;
	struct rig_call *call = note_event(RIG_pnp_event, binding->name, event);

	return rig_noted(call, binding->driver->protocol.pnp_event(context, event));
}

/* ---- Tables -------------------------------------------------------------------------------------- */

void rig_fill_tables(const struct rig_driver *driver, struct im_miniport_characteristics *miniport,
		     struct im_protocol_characteristics *protocol)
{
	*miniport = driver->miniport; /* the version, and what is never supplied, as the test has it */
	*protocol = driver->protocol;
#define X(name) miniport->name = miniport->name != NULL ? on_##name : NULL;
	RIG_MINIPORT_TABLE(X)
#undef X
#define X(name) protocol->name = protocol->name != NULL ? on_##name : NULL;
	RIG_PROTOCOL_TABLE(X)
#undef X
}
