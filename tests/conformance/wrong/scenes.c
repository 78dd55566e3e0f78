/* SPDX-License-Identifier: BSD-3-Clause */
/* Scenes that many rows of the catalogue share. Whatever the schedule, each is over when it returns. */
#include "wrong.h"

void wrong_stack(void)
{
	rig_build(1);
	host_settle();
}

static void send(struct im_packet *packet)
{
	im_send_packets(rig.top_binding->binding, &packet, 1);
	host_settle();
}

void wrong_send(void)
{
	wrong_stack();
	send(wrong_packet());
}

void wrong_send_twice(void)
{
	struct im_packet *packet = wrong_packet();

	wrong_stack();
	send(packet);
	packet->status = IM_STATUS_SUCCESS;
	send(packet);
}

void wrong_send_held(void)
{
	rig.nic->script.sends = RIG_LATER;
	wrong_send();
	rig_complete(rig.port, rig.port->held_count, IM_STATUS_SUCCESS);
	host_settle();
}

void wrong_receive(void)
{
	struct im_packet *packet = wrong_packet();

	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	wrong_stack();
	rig_indicate(rig.port, &packet, 1, IM_STATUS_SUCCESS);
	host_settle();
	rig_return(rig.top_binding, rig.top_binding->held_count);
	host_settle();
}

void wrong_receive_for_call(void)
{
	struct im_packet *packet = wrong_packet();

	wrong_stack();
	rig_indicate(rig.port, &packet, 1, IM_STATUS_RESOURCES);
	host_settle();
}

void wrong_receive_lookahead(void)
{
	static const uint8_t frame[100];

	wrong_stack();
	rig_indicate_lookahead(rig.port, frame, sizeof(frame), 20);
	im_indicate_receive_complete(rig.port->instance);
	host_settle();
}

im_status_t wrong_ask(struct rig_binding *binding)
{
	uint32_t speed = 0;
	struct im_request request = {.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &speed, .length = sizeof(speed)};

	return rig_request(binding, &request);
}

void wrong_query(void)
{
	wrong_stack();
	wrong_ask(rig.top_binding);
	host_settle();
}

void wrong_set(void)
{
	uint32_t lookahead = 100;
	struct im_request request = {.set = true,
				     .oid = SLUICE_OID_GEN_CURRENT_LOOKAHEAD,
				     .buffer = &lookahead,
				     .length = sizeof(lookahead)};

	wrong_stack();
	rig_request(rig.top_binding, &request);
	host_settle();
}
