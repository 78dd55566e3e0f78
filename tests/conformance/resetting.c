/* SPDX-License-Identifier: BSD-3-Clause */
#include "resetting.h"

struct resetting resetting;

/* One period and no more: after two a request that is out counts too. */
void resetting_begin(void)
{
	unsigned resets = rig_calls(RIG_reset, "nic");

	rig.nic->script.resets = RIG_LATER;
	rig.nic->script.hung = true;
	host_tick(0); /* its period begins, unless it has */
	host_tick(2000);
	rig.nic->script.hung = false;
	host_settle();
	assert_int_equal(rig_calls(RIG_reset, "nic"), resets + 1);
}

void resetting_complete(void)
{
	im_reset_complete(rig.port->instance, IM_STATUS_SUCCESS, false);
}

void resetting_end(void)
{
	resetting_complete();
	host_settle();
}

void resetting_send(uint16_t first, uint16_t count)
{
	im_send_packets(rig.top_binding->binding, resetting.packets + first, count);
	host_settle();
}

im_status_t resetting_ask(void)
{
	resetting.query = (struct im_request){
		.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &resetting.speed, .length = sizeof(resetting.speed)};
	resetting.speed = 0;
	return im_request(rig.top_binding->binding, &resetting.query);
}

void resetting_down(void)
{
	host_settle();
	rig_packets_free(resetting.packets, RESETTING_PACKETS);
	rig_end();
}
