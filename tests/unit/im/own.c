/* SPDX-License-Identifier: BSD-3-Clause */
#include "own.h"

static im_status_t initialize(struct im_instance *instance, void *device_context)
{
	im_set_attributes(instance, device_context, IM_ATTRIBUTE_INTERMEDIATE_DRIVER | IM_ATTRIBUTE_DESERIALIZE);
	return IM_STATUS_SUCCESS;
}

static void halt(void *context)
{
	(void)context;
	rig_event("halt", "own");
}

static im_status_t query(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			 uint32_t *needed)
{
	(void)context, (void)oid, (void)buffer, (void)length, (void)written, (void)needed;
	return IM_STATUS_NOT_SUPPORTED;
}

static im_status_t set(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
		       uint32_t *needed)
{
	(void)context, (void)oid, (void)buffer, (void)length, (void)read, (void)needed;
	return IM_STATUS_NOT_SUPPORTED;
}

static void send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context, (void)packets, (void)count;
}

static im_status_t bind_adapter(const struct im_bind_config *config)
{
	(void)config;
	return IM_STATUS_SUCCESS;
}

static im_status_t unbind_adapter(void *context, void *unbind_context)
{
	(void)context, (void)unbind_context;
	return IM_STATUS_SUCCESS;
}

static void open_adapter_complete(void *context, im_status_t status)
{
	(void)context, (void)status;
}

static void nothing(void *context)
{
	(void)context;
}

static im_status_t receive(void *context, const struct im_lookahead *lookahead)
{
	(void)context, (void)lookahead;
	return IM_STATUS_NOT_ACCEPTED;
}

static void request_complete(void *context, struct im_request *request, im_status_t status)
{
	(void)context, (void)request, (void)status;
}

static void status(void *context, uint32_t indication, const void *buffer, uint32_t length)
{
	(void)context, (void)indication, (void)buffer, (void)length;
}

static im_status_t pnp_event(void *context, struct im_pnp_event *event)
{
	(void)context, (void)event;
	return IM_STATUS_SUCCESS;
}

static void send_complete(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context, (void)packets, (void)count;
}

static void receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	(void)context, (void)packets, (void)count, (void)references;
}

struct im_miniport_characteristics own_miniport(void)
{
	return (struct im_miniport_characteristics){
		.major_version = 4,
		.initialize = initialize,
		.halt = halt,
		.query_information = query,
		.set_information = set,
		.send_packets = send_packets,
	};
}

struct im_protocol_characteristics own_protocol(void)
{
	return (struct im_protocol_characteristics){
		.major_version = 4,
		.bind_adapter = bind_adapter,
		.unbind_adapter = unbind_adapter,
		.open_adapter_complete = open_adapter_complete,
		.close_adapter_complete = nothing,
		.send_complete = send_complete,
		.receive_packets = receive_packets,
		.receive = receive,
		.receive_complete = nothing,
		.request_complete = request_complete,
		.reset_complete = open_adapter_complete,
		.status = status,
		.status_complete = nothing,
		.pnp_event = pnp_event,
	};
}
