/* SPDX-License-Identifier: BSD-3-Clause */
/* The wire edge: a port as a miniport to bind to. A plain miniport, whose instances the core starts by itself (2.34).
 */
#include "port.h"

IM_PASSIVE static im_status_t initialize(struct im_instance *instance, void *device_context)
{
	struct edge_port *port = device_context;

	port->instance = instance;
	port->edge = EDGE_LOWER;
	im_set_attributes(instance, port, IM_ATTRIBUTE_DESERIALIZE);
	return IM_STATUS_SUCCESS;
}

IM_PASSIVE static void halt(void *context)
{
	struct edge_port *port = context;

	port->instance = NULL;
	port->edge = EDGE_NONE;
}

IM_PASSIVE static im_status_t query_information(void *context, uint32_t oid, void *buffer, uint32_t length,
						uint32_t *written, uint32_t *needed)
{
	return edge_port_query(context, oid, buffer, length, written, needed);
}

IM_PASSIVE static im_status_t set_information(void *context, uint32_t oid, const void *buffer, uint32_t length,
					      uint32_t *read, uint32_t *needed)
{
	return edge_port_set(context, oid, buffer, length, read, needed);
}

/* An ethdev cannot be reset under traffic that other queues' workers have in flight: restart the firmware (7.1). */
IM_PASSIVE static im_status_t reset(bool *addressing_reset, void *context)
{
	(void)context;
	*addressing_reset = false;
	return IM_STATUS_NOT_RESETTABLE;
}

IM_DISPATCH static void send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	edge_port_transmit(context, packets, count);
}

/* Lent packets are home: descriptors and what buffers are left go back to the pool. */
IM_DISPATCH static void return_packets(void *context, struct im_packet **packets, uint16_t count)
{
	struct edge_port *port = context;

	im_packet_release(port->pool, packets, count);
}

IM_INIT static im_status_t driver_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport = {
		.major_version = IM_MAJOR_VERSION,
		.initialize = initialize,
		.halt = halt,
		.query_information = query_information,
		.set_information = set_information,
		.reset = reset,
		.send_packets = send_packets,
		.return_packets = return_packets,
	};
	struct im_wrapper *wrapper;
	im_status_t status = im_initialize_wrapper(&wrapper, object);

	if (status != IM_STATUS_SUCCESS)
		return status;
	status = im_register_miniport(wrapper, &miniport, sizeof(miniport));
	if (status != IM_STATUS_SUCCESS)
		im_terminate_wrapper(wrapper);
	return status;
}

IM_DRIVER(EDGE_LOWER_DRIVER, "ports as adapters below a stack")
