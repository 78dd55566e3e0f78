/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The upper edge: a port as the protocol over the top VNIC of a stack. It has no VNIC of its own.
 *
 *   bind      open ─> ask the adapter for all packets, and for the offloads that the host may ask for ─> bound; polled
 * as soon as the adapter runs (RESTART) unbind    stop ─> close
 *
 * Opening and closing may pend: what follows them is then run by their completion.
 */
#include <stdlib.h>
#include <string.h>

#include "im/core.h"
#include "lane.h"

#define EVERYTHING 0x2fu /* of a packet filter: what the stack lets up is for the host */

static struct im_wrapper *wrapper;
static struct im_protocol *protocol;
static const uint32_t media[] = {IM_MEDIUM_802_3};

/* ---- Packets ------------------------------------------------------------------------------------- */

/* Sent or refused, the packet is this edge's again: descriptors and what buffers are left go back to the pool. */
IM_DISPATCH static void send_complete(void *context, struct im_packet **packets, uint16_t count)
{
	struct edge_port *port = context;

	im_packet_release(port->pool, packets, count);
}

/* While it is being paused nothing waits for a slow port. */
IM_DISPATCH static void transmit(struct edge_port *port, struct im_packet **packets, uint16_t count)
{
	edge_port_transmit(port, packets, count);
	if (unlikely(__atomic_load_n(&port->stopped, __ATOMIC_RELAXED) & EDGE_STOP_PAUSED))
		edge_want_clear(port);
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
	transmit(port, packets, count);
}

/* ---- Look-ahead ---------------------------------------------------------------------------------- */

/* As good as new. */
IM_DISPATCH static void make_new(struct im_packet *packet)
{
	packet->mbuf = NULL;
	packet->length = 0;
	packet->status = IM_STATUS_SUCCESS;
	packet->depth = 0;
	packet->flags = 0;
	packet->info = (struct im_packet_info){0};
}

IM_DISPATCH static struct im_packet *allocate(void *owner)
{
	struct edge_port *port = owner;
	void *packet;

	if (rte_mempool_get(port->pool->descriptors, &packet) != 0)
		return NULL;
	make_new(packet);
	return packet;
}

IM_DISPATCH static void free_packet(void *owner, struct im_packet *packet)
{
	struct edge_port *port = owner;

	im_packet_release(port->pool, &packet, 1);
}

IM_DISPATCH static void deliver(void *owner, struct im_packet *packet)
{
	edge_has_copies(owner);
	transmit(owner, &packet, 1);
}

IM_DISPATCH static void lose(void *owner)
{
	const struct edge_port *port = owner;

	im_count_drop(port->account, SLUICE_IN, SLUICE_DROP_NO_DESCRIPTOR, 1);
}

/* A frame that has to be back at once becomes a packet of the port's own (5.7). */
IM_DISPATCH static im_status_t receive(void *context, const struct im_lookahead *lookahead)
{
	struct edge_port *port = context;

	return im_assemble(&port->assembler, port->binding, lookahead);
}

IM_DISPATCH static void transfer_data_complete(void *context, struct im_packet *packet, im_status_t status,
					       uint32_t transferred)
{
	struct edge_port *port = context;

	im_assembled(&port->assembler, packet, status, transferred);
}

/* The flush of this turn takes along what came. */
IM_DISPATCH static void receive_complete(void *context)
{
	(void)context;
}

/* ---- Bind ---------------------------------------------------------------------------------------- */

IM_PASSIVE static im_status_t close_failed(struct edge_port *port, im_status_t status)
{
	port->bind_status = status;
	if (im_close_adapter(port->binding) == IM_STATUS_PENDING)
		return IM_STATUS_PENDING; /* the completion has it, and may be through already */
	port->binding = NULL;
	port->bind = NULL;
	return status;
}

IM_PASSIVE static im_status_t ask(struct edge_port *port, bool set, uint32_t oid, uint32_t *value)
{
	im_reset_event(&port->requested);
	port->request = (struct im_request){.set = set, .oid = oid, .buffer = value, .length = sizeof(*value)};
	port->request_status = im_request(port->binding, &port->request);
	if (port->request_status == IM_STATUS_PENDING)
		im_wait_event(&port->requested, 0);
	return port->request_status;
}

/* What the stack cannot do for the host is refused, and counted, when a frame asks for it (10.32). */
IM_PASSIVE static void switch_on_offloads(struct edge_port *port)
{
	uint32_t offloads = 0;

	if (port->may_be_asked == 0 ||
	    ask(port, false, SLUICE_OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES, &offloads) != IM_STATUS_SUCCESS)
		return;
	offloads &= port->may_be_asked;
	ask(port, true, SLUICE_OID_TCP_TASK_OFFLOAD, &offloads);
}

IM_DISPATCH static void request_complete(void *context, struct im_request *request, im_status_t status)
{
	struct edge_port *port = context;

	(void)request; /* it has this one alone */
	port->request_status = status;
	im_set_event(&port->requested);
}

IM_PASSIVE static im_status_t opened(struct edge_port *port, im_status_t status)
{
	uint32_t filter = EVERYTHING;

	if (status != IM_STATUS_SUCCESS) {
		port->bind = NULL;
		return status;
	}
	port->edge = EDGE_UPPER;
	port->account = im_binding_account(port->binding);
	status = ask(port, true, SLUICE_OID_GEN_CURRENT_PACKET_FILTER, &filter);
	if (status != IM_STATUS_SUCCESS)
		return close_failed(port, status);
	switch_on_offloads(port);
	port->packet_filter = EVERYTHING;
	port->bind = NULL;
	return status;
}

/* vnic_names[0] is the host-side port that this binding serves. */
IM_PASSIVE static im_status_t bind_adapter(const struct im_bind_config *config)
{
	struct edge_port *port = config->vnic_count == 1 ? edge_port_find(config->vnic_names[0]) : NULL;
	im_status_t status;

	if (port == NULL)
		return IM_STATUS_ADAPTER_NOT_FOUND;
	if (port->bind != NULL || port->binding != NULL || port->instance != NULL)
		return IM_STATUS_NOT_ACCEPTED; /* it is at an edge already */
	port->bind = config;
	port->assembler = (struct im_assembler){
		.owner = port, .allocate = allocate, .free = free_packet, .deliver = deliver, .lose = lose};
	port->open = (struct im_open){.context = port, .media = media, .media_count = RTE_DIM(media)};
	status = im_open_adapter(&port->binding, protocol, config, &port->open);
	return status == IM_STATUS_PENDING ? status : opened(port, status);
}

IM_PASSIVE static void open_adapter_complete(void *context, im_status_t status)
{
	struct edge_port *port = context;
	const struct im_bind_config *bind = port->bind;

	status = opened(port, status);
	if (status != IM_STATUS_PENDING)
		im_complete_bind_adapter(bind, status);
}

/* ---- Unbind -------------------------------------------------------------------------------------- */

/* The core has paused the binding: nothing is out but what pends a transfer. */
IM_PASSIVE static im_status_t unbind_adapter(void *context, void *unbind_context)
{
	struct edge_port *port = context;

	__atomic_or_fetch(&port->stopped, EDGE_STOP_PAUSED, __ATOMIC_RELEASE);
	im_synchronize();
	im_assemble_wait(&port->assembler);
	port->unbind_context = unbind_context;
	if (im_close_adapter(port->binding) == IM_STATUS_PENDING)
		return IM_STATUS_PENDING;
	port->binding = NULL;
	return IM_STATUS_SUCCESS;
}

/* That of a bind that failed, or the last step of an unbind. */
IM_PASSIVE static void close_adapter_complete(void *context)
{
	struct edge_port *port = context;
	const struct im_bind_config *bind = port->bind;

	port->binding = NULL;
	port->bind = NULL;
	if (bind != NULL)
		im_complete_bind_adapter(bind, port->bind_status);
	else
		im_complete_unbind_adapter(port->unbind_context);
}

/* ---- Status and events --------------------------------------------------------------------------- */

static void stop(struct edge_port *port, uint32_t why)
{
	__atomic_or_fetch(&port->stopped, why, __ATOMIC_RELEASE);
}

static void go_on(struct edge_port *port, uint32_t why)
{
	__atomic_and_fetch(&port->stopped, ~why, __ATOMIC_RELEASE);
}

IM_DISPATCH static void status(void *context, uint32_t indication, const void *buffer, uint32_t length)
{
	struct edge_port *port = context;

	(void)buffer, (void)length;
	if (indication == IM_INDICATION_RESET_START)
		stop(port, EDGE_STOP_RESET);
	else if (indication == IM_INDICATION_RESET_END)
		go_on(port, EDGE_STOP_RESET);
	else if (indication == IM_INDICATION_CLOSING)
		im_schedule_unbind(port->binding); /* 3.19 */
}

/* There is nothing that would wait for it. */
IM_DISPATCH static void status_complete(void *context)
{
	(void)context;
}

IM_PASSIVE static bool are_sends_home(void *owner)
{
	const struct edge_wait *wait = owner;
	struct im_account sum;

	im_read_account(wait->port->account, &sum);
	return sum.sends_done == sum.sends_begun;
}

IM_PASSIVE static void complete_event(void *owner)
{
	const struct edge_wait *wait = owner;

	im_complete_pnp_event(wait->event, IM_STATUS_SUCCESS);
}

/* No worker sends any more after the grace period; what waits goes home, and its frames leave all the same. What is
 * below comes home when the miniport there is paused, which is after this answer: the core counts it (10.26). */
IM_PASSIVE static im_status_t pause(struct edge_port *port)
{
	stop(port, EDGE_STOP_PAUSED);
	im_synchronize();
	edge_port_clear(port);
	return IM_STATUS_SUCCESS;
}

IM_PASSIVE static im_status_t set_power(struct edge_port *port, struct im_pnp_event *event)
{
	struct edge_wait *wait = &port->power;

	if (event->power == IM_POWER_D0) {
		go_on(port, EDGE_STOP_BELOW_ASLEEP);
		return IM_STATUS_SUCCESS;
	}
	stop(port, EDGE_STOP_BELOW_ASLEEP);
	im_synchronize();
	wait->port = port;
	wait->event = event;
	wait->drain =
		(struct im_drain){.wrapper = wrapper, .owner = wait, .is_home = are_sends_home, .done = complete_event};
	return im_drain_begin(&wait->drain) ? IM_STATUS_SUCCESS : IM_STATUS_PENDING;
}

IM_PASSIVE static im_status_t pnp_event(void *context, struct im_pnp_event *event)
{
	struct edge_port *port = context;

	switch (event->code) {
	case IM_PNP_PAUSE:
		return pause(port);
	case IM_PNP_RESTART:
		go_on(port, EDGE_STOP_PAUSED);
		return IM_STATUS_SUCCESS;
	case IM_PNP_SET_POWER:
		return set_power(port, event);
	default: /* a port does as it is told: its adapter may sleep, and go */
		return IM_STATUS_SUCCESS;
	}
}

/* ---- Registration -------------------------------------------------------------------------------- */

IM_PASSIVE static void unload(void)
{
	im_deregister_protocol(protocol);
	im_flush_work(wrapper);
	protocol = NULL;
}

IM_INIT static im_status_t driver_entry(struct im_driver_object *object)
{
	static const struct im_protocol_characteristics characteristics = {
		.major_version = IM_MAJOR_VERSION,
		.minor_version = IM_MINOR_VERSION,
		.bind_adapter = bind_adapter,
		.unbind_adapter = unbind_adapter,
		.open_adapter_complete = open_adapter_complete,
		.close_adapter_complete = close_adapter_complete,
		.send_complete = send_complete,
		.receive_packets = receive_packets,
		.receive = receive,
		.receive_complete = receive_complete,
		.transfer_data_complete = transfer_data_complete,
		.request_complete = request_complete,
		.status = status,
		.status_complete = status_complete,
		.pnp_event = pnp_event,
	};
	im_status_t result = im_initialize_wrapper(&wrapper, object);

	if (result != IM_STATUS_SUCCESS)
		return result;
	result = im_register_protocol(wrapper, &characteristics, sizeof(characteristics), &protocol);
	if (result != IM_STATUS_SUCCESS)
		im_terminate_wrapper(wrapper);
	else
		im_register_unload_handler(wrapper, unload);
	return result;
}

IM_DRIVER(EDGE_UPPER_DRIVER, "ports as protocols over a stack")
