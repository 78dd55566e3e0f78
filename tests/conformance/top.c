/* SPDX-License-Identifier: BSD-3-Clause */
/* A protocol: what its handlers do where a test has not replaced them. */
#include <string.h>

#include "rig.h"

/* ---- Packets ------------------------------------------------------------------------------------- */

static void top_send_complete(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context; /* they are the test's own again */
	(void)packets;
	(void)count;
}

static void hold(struct rig_binding *binding, struct im_packet **packets, uint16_t count, uint16_t times)
{
	for (uint16_t k = 0; k < times; k++) {
		uint32_t at = __atomic_fetch_add(&binding->held_count, count, __ATOMIC_ACQ_REL);

		if (at + count > RIG_HELD_MAX)
			rig_broken("too many received packets are held");
		memcpy(binding->held + at, packets, count * sizeof(*packets));
	}
}

struct batch {
	struct rig_binding *binding;
	uint16_t count, times;
	struct im_packet *packets[IM_BURST];
};

static void return_batch(void *argument)
{
	struct batch *batch = argument;

	for (uint16_t k = 0; k < batch->times; k++)
		im_return_packets(batch->binding->binding, batch->packets, batch->count);
	free(batch);
}

/*
 * Nothing of a packet that is not lent is kept (5.15). RIG_INLINE and RIG_BEFORE return before this handler has, which
 * a driver must not do (5.14): for tests of just that.
 */
static void top_receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	struct rig_binding *binding = context;
	const struct rig_script *script = &binding->driver->script;
	struct batch *batch;

	if (script->references == 0 || packets[0]->status != IM_STATUS_SUCCESS)
		return;
	for (uint16_t i = 0; i < count; i++)
		references[i] = script->references;
	if (script->returns == RIG_LATER) {
		hold(binding, packets, count, script->references);
		return;
	}
	batch = rig_allocate(sizeof(*batch));
	*batch = (struct batch){.binding = binding, .count = count, .times = script->references};
	memcpy(batch->packets, packets, count * sizeof(*packets));
	rig_do(script->returns, false, return_batch, batch);
}

void rig_return(struct rig_binding *binding, uint32_t count)
{
	if (count > binding->held_count)
		rig_broken("fewer packets are held than are to be returned");
	for (uint32_t at = 0; at < count; at += IM_BURST)
		im_return_packets(binding->binding, binding->held + at, (uint16_t)RTE_MIN(count - at, IM_BURST));
	binding->held_count -= count;
	memmove(binding->held, binding->held + count, binding->held_count * sizeof(*binding->held));
}

static im_status_t top_receive(void *context, const struct im_lookahead *lookahead)
{
	(void)context;
	(void)lookahead;
	return IM_STATUS_SUCCESS;
}

static void top_receive_complete(void *context)
{
	(void)context;
}

static void top_transfer_data_complete(void *context, struct im_packet *packet, im_status_t status,
				       uint32_t transferred)
{
	(void)context;
	(void)packet;
	(void)status;
	(void)transferred;
}

/* ---- Requests, status, events -------------------------------------------------------------------- */

static void top_request_complete(void *context, struct im_request *request, im_status_t status)
{
	struct rig_binding *binding = context;

	if (request != binding->waited)
		return;
	binding->waited_status = status;
	im_set_event(&binding->answered);
}

im_status_t rig_request(struct rig_binding *binding, struct im_request *request)
{
	im_status_t status;

	im_reset_event(&binding->answered);
	binding->waited = request;
	status = im_request(binding->binding, request);
	if (status == IM_STATUS_PENDING) {
		im_wait_event(&binding->answered, 0);
		status = binding->waited_status;
	}
	binding->waited = NULL;
	return status;
}

static void top_reset_complete(void *context, im_status_t status)
{
	(void)context;
	(void)status;
}

static void top_status(void *context, uint32_t indication, const void *buffer, uint32_t length)
{
	(void)context;
	(void)indication;
	(void)buffer;
	(void)length;
}

static void top_status_complete(void *context)
{
	(void)context;
}

static void complete_event(void *argument)
{
	struct rig_binding *binding = argument;

	rig_complete_event(binding, binding->driver->script.event_status);
}

static im_status_t top_pnp_event(void *context, struct im_pnp_event *event)
{
	struct rig_binding *binding = context;
	const struct rig_script *script = &binding->driver->script;

	if (script->events == RIG_INLINE)
		return script->event_status;
	binding->event = event;
	rig_do(script->events, true, complete_event, binding);
	return IM_STATUS_PENDING;
}

void rig_complete_event(struct rig_binding *binding, im_status_t status)
{
	struct im_pnp_event *event = binding->event;

	binding->event = NULL;
	im_complete_pnp_event(event, status);
}

static void top_uninstall(void)
{
}

static const struct im_protocol_characteristics top_handlers = {
	.bind_adapter = rig_bind_adapter,
	.unbind_adapter = rig_unbind_adapter,
	.open_adapter_complete = rig_open_complete,
	.close_adapter_complete = rig_close_complete,
	.send_complete = top_send_complete,
	.receive_packets = top_receive_packets,
	.receive = top_receive,
	.receive_complete = top_receive_complete,
	.transfer_data_complete = top_transfer_data_complete,
	.request_complete = top_request_complete,
	.reset_complete = top_reset_complete,
	.status = top_status,
	.status_complete = top_status_complete,
	.pnp_event = top_pnp_event,
	.uninstall = top_uninstall,
};

void rig_top_defaults(struct rig_driver *driver)
{
	driver->protocol = top_handlers;
	driver->protocol.major_version = IM_MAJOR_VERSION;
}
