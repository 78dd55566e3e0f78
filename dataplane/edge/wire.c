/* SPDX-License-Identifier: BSD-3-Clause */
/* The wire edge: a port as a miniport to bind to. A plain miniport, whose instances the core starts by itself (2.34).
 */
#include "im/core.h"
#include "port.h"

static struct im_wrapper *wrapper;

IM_PASSIVE static im_status_t initialize(struct im_instance *instance, void *device_context)
{
	struct edge_port *port = device_context;

	if (port->binding != NULL || port->bind != NULL)
		return IM_STATUS_NOT_ACCEPTED; /* it is at the other edge */
	port->instance = instance;
	port->account = im_instance_account(instance);
	port->edge = EDGE_LOWER;
	im_set_attributes(instance, port, IM_ATTRIBUTE_DESERIALIZE);
	return IM_STATUS_SUCCESS;
}

IM_PASSIVE static void halt(void *context)
{
	struct edge_port *port = context;

	port->instance = NULL;
}

/* ---- Pause --------------------------------------------------------------------------------------- */

IM_PASSIVE static bool is_home(void *owner)
{
	const struct edge_port *port = owner;

	return im_outstanding(port->instance) == 0;
}

IM_PASSIVE static void paused(void *owner)
{
	struct edge_port *port = owner;

	im_pause_complete(port->instance);
}

/* What waits for the port is completed, and its frames leave all the same (10.25). */
IM_PASSIVE static im_status_t pause(void *context)
{
	struct edge_port *port = context;

	__atomic_or_fetch(&port->stopped, EDGE_STOP_PAUSED, __ATOMIC_RELEASE);
	edge_port_clear(port);
	port->pause = (struct im_drain){.wrapper = wrapper, .owner = port, .is_home = is_home, .done = paused};
	return im_drain_begin(&port->pause) ? IM_STATUS_SUCCESS : IM_STATUS_PENDING;
}

IM_PASSIVE static im_status_t restart(void *context)
{
	struct edge_port *port = context;

	__atomic_and_fetch(&port->stopped, ~(uint32_t)EDGE_STOP_PAUSED, __ATOMIC_RELEASE);
	return IM_STATUS_SUCCESS;
}

/* Quiet, and nothing else (7.29). */
IM_DISPATCH static void adapter_shutdown(void *context)
{
	struct edge_port *port = context;

	__atomic_or_fetch(&port->stopped, EDGE_STOP_PAUSED, __ATOMIC_RELEASE);
}

/* ---- Requests ------------------------------------------------------------------------------------ */

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

/* ---- Packets ------------------------------------------------------------------------------------- */

IM_DISPATCH static void send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	edge_port_transmit(context, packets, count);
}

IM_DISPATCH static void cancel_send_packets(void *context, uint32_t cancel_id)
{
	edge_port_cancel(context, cancel_id);
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
		.minor_version = IM_MINOR_VERSION,
		.initialize = initialize,
		.halt = halt,
		.query_information = query_information,
		.set_information = set_information,
		.reset = reset,
		.send_packets = send_packets,
		.cancel_send_packets = cancel_send_packets,
		.return_packets = return_packets,
		.pause = pause,
		.restart = restart,
		.adapter_shutdown = adapter_shutdown,
	};
	im_status_t status = im_initialize_wrapper(&wrapper, object);

	if (status != IM_STATUS_SUCCESS)
		return status;
	status = im_register_miniport(wrapper, &miniport, sizeof(miniport));
	if (status != IM_STATUS_SUCCESS)
		im_terminate_wrapper(wrapper);
	return status;
}

IM_DRIVER(EDGE_LOWER_DRIVER, "ports as adapters below a stack")
