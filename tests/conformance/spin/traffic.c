/* SPDX-License-Identifier: BSD-3-Clause */
/* The neighbours at both ends, and the workers' packets. */
#include <stdlib.h>
#include <string.h>

#include "spin.h"

struct spin_port spin_ports[SPIN_PORTS];
_Atomic uint64_t spin_sent, spin_received;

static struct im_wrapper *top_wrapper;
static struct im_protocol *top_protocol;

/* A control thread may have to take packets back: lane 0 is theirs, and guarded, the others are the workers'. */
static struct im_lock control_lock;

static struct spin_lane *lane_of(struct spin_lane *lanes)
{
	uint32_t thread = im_this_worker->index;

	return &lanes[thread <= SPIN_WORKERS ? thread : 0];
}

static void come_home(struct spin_lane *lane, struct im_packet **packets, uint16_t count)
{
	bool guarded = im_this_worker->index == 0 || im_this_worker->index > SPIN_WORKERS;

	if (guarded)
		im_acquire_spin_lock(&control_lock);
	for (uint16_t i = 0; i < count; i++)
		lane->idle[lane->idle_count++] = packets[i];
	if (guarded)
		im_release_spin_lock(&control_lock);
}

/* For the next turn. False: there is no room, do it now. */
static bool keep(struct spin_lane *lane, struct im_packet *packet, struct im_binding *by)
{
	if (lane->late_count == RTE_DIM(lane->late))
		return false;
	lane->late[lane->late_count] = packet;
	lane->by[lane->late_count++] = by;
	return true;
}

/* ---- nic ----------------------------------------------------------------------------------------- */

static im_status_t nic_initialize(struct im_instance *instance, void *device_context)
{
	struct spin_port *port = device_context;

	im_set_attributes(instance, port, IM_ATTRIBUTE_DESERIALIZE);
	port->known = instance;
	return IM_STATUS_SUCCESS;
}

/* Workers indicate only between these two; what they hold they complete at any time. */
static im_status_t nic_restart(void *context)
{
	struct spin_port *port = context;

	atomic_store(&port->instance, port->known);
	return IM_STATUS_SUCCESS;
}

static im_status_t nic_pause(void *context)
{
	struct spin_port *port = context;

	atomic_store(&port->instance, NULL);
	return IM_STATUS_SUCCESS;
}

static void nic_halt(void *context)
{
	struct spin_port *port = context;

	port->known = NULL;
}

static im_status_t nic_query(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			     uint32_t *needed)
{
	(void)context;
	return im_answer(&oid, sizeof(oid), buffer, length, written, needed);
}

static im_status_t nic_set(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
			   uint32_t *needed)
{
	uint32_t value;

	(void)context;
	if (oid == SLUICE_OID_802_3_MULTICAST_LIST) {
		*read = length;
		return IM_STATUS_SUCCESS;
	}
	return im_take(&value, sizeof(value), buffer, length, read, needed);
}

static im_status_t nic_reset(bool *addressing_reset, void *context)
{
	struct spin_port *port = context;

	*addressing_reset = true;
	atomic_store(&port->reset_pends, true);
	return IM_STATUS_PENDING;
}

static void complete(struct spin_port *port, struct im_packet **packets, uint16_t count)
{
	struct im_instance *instance = port->known; /* it cannot go while it has packets */

	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = IM_STATUS_SUCCESS;
	im_send_complete(instance, packets, count);
}

/* Every other burst waits for the next turn. */
static void nic_send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	struct spin_port *port = context;
	struct spin_lane *lane = lane_of(port->sends);

	if (lane == &port->sends[0] || lane->late_count > 0 || count > RTE_DIM(lane->late)) {
		complete(port, packets, count);
		return;
	}
	for (uint16_t i = 0; i < count; i++)
		keep(lane, packets[i], NULL);
}

static void nic_return_packets(void *context, struct im_packet **packets, uint16_t count)
{
	struct spin_port *port = context;

	come_home(lane_of(port->receives), packets, count);
}

static void nic_adapter_shutdown(void *context)
{
	(void)context;
}

im_status_t spin_nic_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport = {
		.major_version = IM_MAJOR_VERSION,
		.initialize = nic_initialize,
		.halt = nic_halt,
		.query_information = nic_query,
		.set_information = nic_set,
		.reset = nic_reset,
		.send_packets = nic_send_packets,
		.return_packets = nic_return_packets,
		.adapter_shutdown = nic_adapter_shutdown,
		.pause = nic_pause,
		.restart = nic_restart,
	};
	struct im_wrapper *wrapper;
	im_status_t status = im_initialize_wrapper(&wrapper, object);

	return status == IM_STATUS_SUCCESS ? im_register_miniport(wrapper, &miniport, sizeof(miniport)) : status;
}

/* ---- top ----------------------------------------------------------------------------------------- */

/* What a protocol asks for before it gets anything (5.9). */
struct filter_request {
	struct im_request request;
	uint32_t filter;
};

struct top {
	struct spin_port *port;
	struct im_binding *binding;
	struct im_event opened, closed, answered;
	struct filter_request filter;
};

static struct spin_port *port_of(const char *name)
{
	return &spin_ports[name[0] - '0']; /* what a top presents is called after its port */
}

static void forget(struct top *top)
{
	if (im_close_adapter(top->binding) == IM_STATUS_PENDING)
		im_wait_event(&top->closed, 0);
	im_free_memory(top);
}

static void ask_for_packets(struct top *top)
{
	top->filter.filter = 0x2f;
	top->filter.request = (struct im_request){
		.set = true,
		.oid = SLUICE_OID_GEN_CURRENT_PACKET_FILTER,
		.buffer = &top->filter.filter,
		.length = sizeof(top->filter.filter),
	};
	im_reset_event(&top->answered);
	if (im_request(top->binding, &top->filter.request) == IM_STATUS_PENDING)
		im_wait_event(&top->answered, 0);
}

static im_status_t top_bind(const struct im_bind_config *config)
{
	static const uint32_t media[] = {IM_MEDIUM_802_3};
	struct top *top = im_allocate_memory(top_wrapper, sizeof(*top), "top");
	struct im_open open = {.context = top, .media = media, .media_count = 1};
	im_status_t status;

	if (top == NULL)
		return IM_STATUS_RESOURCES;
	top->port = port_of(config->vnic_names[0]);
	status = im_open_adapter(&top->binding, top_protocol, config, &open);
	if (status == IM_STATUS_PENDING)
		im_wait_event(&top->opened, 0);
	else if (status != IM_STATUS_SUCCESS) {
		im_free_memory(top);
		return status;
	}
	ask_for_packets(top);
	return IM_STATUS_SUCCESS;
}

static im_status_t top_unbind(void *context, void *unbind_context)
{
	(void)unbind_context;
	forget(context);
	return IM_STATUS_SUCCESS;
}

static void top_opened(void *context, im_status_t status)
{
	struct top *top = context;

	(void)status;
	im_set_event(&top->opened);
}

static void top_closed(void *context)
{
	struct top *top = context;

	im_set_event(&top->closed);
}

static void top_request_complete(void *context, struct im_request *request, im_status_t status)
{
	struct top *top = context;

	(void)request, (void)status;
	im_set_event(&top->answered);
}

static void top_send_complete(void *context, struct im_packet **packets, uint16_t count)
{
	struct top *top = context;

	come_home(lane_of(top->port->sends), packets, count);
}

/* Half of them are kept until the next turn. */
static void top_receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	struct top *top = context;
	struct spin_lane *lane = lane_of(top->port->receives);

	atomic_fetch_add(&spin_received, count);
	if (lane == &top->port->receives[0])
		return;
	if (packets[0]->status != IM_STATUS_SUCCESS)
		return;
	for (uint16_t i = 0; i < count; i += 2)
		references[i] = keep(lane, packets[i], top->binding);
}

static im_status_t top_receive(void *context, const struct im_lookahead *lookahead)
{
	(void)context, (void)lookahead;
	return IM_STATUS_NOT_ACCEPTED;
}

static void top_nothing(void *context)
{
	(void)context;
}

static void top_status(void *context, uint32_t indication, const void *buffer, uint32_t length)
{
	(void)context, (void)indication, (void)buffer, (void)length;
}

/* The workers may send by the binding as long as it runs. */
static im_status_t top_event(void *context, struct im_pnp_event *event)
{
	struct top *top = context;

	if (event->code == IM_PNP_RESTART)
		atomic_store(&top->port->binding, top->binding);
	else if (event->code == IM_PNP_PAUSE)
		atomic_store(&top->port->binding, NULL);
	return IM_STATUS_SUCCESS;
}

static void top_unload(void)
{
	im_deregister_protocol(top_protocol);
}

im_status_t spin_top_entry(struct im_driver_object *object)
{
	static const struct im_protocol_characteristics protocol = {
		.major_version = IM_MAJOR_VERSION,
		.bind_adapter = top_bind,
		.unbind_adapter = top_unbind,
		.open_adapter_complete = top_opened,
		.close_adapter_complete = top_closed,
		.send_complete = top_send_complete,
		.receive_packets = top_receive_packets,
		.receive = top_receive,
		.receive_complete = top_nothing,
		.request_complete = top_request_complete,
		.status = top_status,
		.status_complete = top_nothing,
		.pnp_event = top_event,
	};
	im_status_t status = im_initialize_wrapper(&top_wrapper, object);

	if (status == IM_STATUS_SUCCESS)
		status = im_register_protocol(top_wrapper, &protocol, sizeof(protocol), &top_protocol);
	if (status == IM_STATUS_SUCCESS)
		im_register_unload_handler(top_wrapper, top_unload);
	return status;
}

/* ---- Workers ------------------------------------------------------------------------------------- */

static struct im_packet *make_packet(void)
{
	const uint16_t slots = 6;
	struct im_packet *packet = calloc(1, sizeof(*packet) + slots * sizeof(packet->stack[0]));

	if (packet == NULL)
		abort();
	packet->slots = slots;
	packet->length = 60;
	return packet;
}

void spin_make_packets(void)
{
	for (uint32_t p = 0; p < SPIN_PORTS; p++)
		for (uint32_t w = 1; w <= SPIN_WORKERS; w++)
			for (uint32_t i = 0; i < SPIN_PACKETS; i++) {
				struct spin_lane *sends = &spin_ports[p].sends[w],
						 *receives = &spin_ports[p].receives[w];

				sends->idle[sends->idle_count++] = make_packet();
				receives->idle[receives->idle_count++] = make_packet();
			}
}

static unsigned free_lane(struct spin_lane *lane)
{
	for (uint32_t i = 0; i < lane->idle_count; i++)
		free(lane->idle[i]);
	return lane->idle_count;
}

unsigned spin_free_packets(void)
{
	unsigned freed = 0;

	for (uint32_t p = 0; p < SPIN_PORTS; p++)
		for (uint32_t w = 0; w <= SPIN_WORKERS; w++)
			freed += free_lane(&spin_ports[p].sends[w]) + free_lane(&spin_ports[p].receives[w]);
	return 2 * SPIN_PORTS * SPIN_WORKERS * SPIN_PACKETS - freed;
}

static void settle(struct spin_port *port, uint32_t worker)
{
	struct spin_lane *sends = &port->sends[worker], *receives = &port->receives[worker];
	struct im_packet *packets[2 * SPIN_PACKETS];
	uint16_t count = (uint16_t)sends->late_count;

	memcpy(packets, sends->late, count * sizeof(*packets));
	sends->late_count = 0;
	if (count > 0)
		complete(port, packets, count);
	while (receives->late_count > 0) {
		receives->late_count--;
		im_return_packets(receives->by[receives->late_count], &receives->late[receives->late_count], 1);
	}
	if (atomic_exchange(&port->reset_pends, false))
		im_reset_complete(port->known, IM_STATUS_SUCCESS, true);
}

void spin_settle(uint32_t worker)
{
	for (uint32_t p = 0; p < SPIN_PORTS; p++)
		settle(&spin_ports[p], worker);
}

static uint16_t take_idle(struct spin_lane *lane, struct im_packet **packets, uint64_t *random)
{
	uint16_t count = (uint16_t)RTE_MIN(lane->idle_count, 1 + spin_random(random) % SPIN_BURST);

	for (uint16_t i = 0; i < count; i++) {
		packets[i] = lane->idle[--lane->idle_count];
		packets[i]->status = IM_STATUS_SUCCESS;
	}
	return count;
}

/* What control threads had to take back goes to a worker again. */
static void adopt(struct spin_lane *lanes, uint32_t worker)
{
	im_acquire_spin_lock(&control_lock);
	while (lanes[0].idle_count > 0 && lanes[worker].idle_count < 2 * SPIN_PACKETS)
		lanes[worker].idle[lanes[worker].idle_count++] = lanes[0].idle[--lanes[0].idle_count];
	im_release_spin_lock(&control_lock);
}

static void pump(struct spin_port *port, uint32_t worker, uint64_t *random)
{
	struct im_packet *packets[SPIN_BURST];
	struct im_binding *binding = atomic_load(&port->binding);
	struct im_instance *instance = atomic_load(&port->instance);
	uint16_t count;

	if (binding != NULL && (count = take_idle(&port->sends[worker], packets, random)) > 0) {
		atomic_fetch_add(&spin_sent, count);
		im_send_packets(binding, packets, count);
	}
	if (instance != NULL && (count = take_idle(&port->receives[worker], packets, random)) > 0)
		im_indicate_receive_packets(instance, packets, count);
	if (spin_random(random) % 64 == 0) {
		adopt(port->sends, worker);
		adopt(port->receives, worker);
	}
}

void spin_turn(uint32_t worker, uint64_t *random)
{
	for (uint32_t p = 0; p < SPIN_PORTS; p++) {
		settle(&spin_ports[p], worker);
		pump(&spin_ports[p], worker, random);
	}
	if (__atomic_load_n(&im_this_worker->dpcs, __ATOMIC_RELAXED) != NULL)
		im_run_dpcs(im_this_worker);
	im_grace_quiescent(im_core.grace, im_this_worker->index);
}
