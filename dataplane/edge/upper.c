/* SPDX-License-Identifier: BSD-3-Clause */
/* The upper edge: a port as the protocol over the top VNIC of a stack. It has no VNIC of its own. */
#include <stdlib.h>
#include <string.h>

#include "port.h"

static struct im_wrapper *wrapper;
static struct im_protocol *protocol;

/* Everything that the stack lets up is for the host: ask the adapter for all of it. */
IM_PASSIVE static im_status_t open_filter(struct im_binding *binding)
{
	uint32_t everything = 0x2f;
	struct im_request request = {
		.set = true,
		.oid = SLUICE_OID_GEN_CURRENT_PACKET_FILTER,
		.buffer = &everything,
		.length = sizeof(everything),
	};

	return im_request(binding, &request);
}

/* vnic_names[0] is the host-side port that this binding serves. */
IM_PASSIVE static im_status_t bind_adapter(const struct im_bind_config *config)
{
	struct edge_port *port = edge_port_find(config->vnic_names[0]);
	im_status_t status;

	if (port == NULL)
		return IM_STATUS_ADAPTER_NOT_FOUND;
	status = im_open_adapter(&port->binding, protocol, port, config->adapter);
	if (status != IM_STATUS_SUCCESS)
		return status;
	status = open_filter(port->binding);
	if (status != IM_STATUS_SUCCESS) {
		im_close_adapter(port->binding);
		port->binding = NULL;
		return status;
	}
	port->edge = EDGE_UPPER;
	port->packet_filter = 0x2f;
	return IM_STATUS_SUCCESS;
}

IM_PASSIVE static void unbind_adapter(void *context)
{
	struct edge_port *port = context;
	struct im_binding *binding = port->binding;

	port->binding = NULL;
	port->edge = EDGE_NONE;
	im_close_adapter(binding);
}

/* Sent or refused, the packet is this edge's again: descriptors and what buffers are left go back to the pool. */
IM_DISPATCH static void send_complete(void *context, struct im_packet **packets, uint16_t count)
{
	struct edge_port *port = context;

	im_packet_release(port->pool, packets, count);
}

/* Kept until the host-side port has taken them; what has to be back when this returns is copied (5.7). */
IM_DISPATCH static void receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	struct edge_port *port = context;

	if (unlikely(packets[0]->status != IM_STATUS_SUCCESS)) {
		edge_port_transmit_copies(port, packets, count);
		return;
	}
	for (uint16_t i = 0; i < count; i++)
		references[i] = 1;
	edge_port_transmit(port, packets, count);
}

IM_PASSIVE static void unload(void)
{
	im_deregister_protocol(protocol);
	protocol = NULL;
}

IM_INIT static im_status_t driver_entry(struct im_driver_object *object)
{
	static const struct im_protocol_characteristics characteristics = {
		.major_version = IM_MAJOR_VERSION,
		.bind_adapter = bind_adapter,
		.unbind_adapter = unbind_adapter,
		.send_complete = send_complete,
		.receive_packets = receive_packets,
	};
	im_status_t status = im_initialize_wrapper(&wrapper, object);

	if (status != IM_STATUS_SUCCESS)
		return status;
	status = im_register_protocol(wrapper, &characteristics, sizeof(characteristics), &protocol);
	if (status != IM_STATUS_SUCCESS)
		im_terminate_wrapper(wrapper);
	else
		im_register_unload_handler(wrapper, unload);
	return status;
}

IM_DRIVER(EDGE_UPPER_DRIVER, "ports as protocols over a stack")
