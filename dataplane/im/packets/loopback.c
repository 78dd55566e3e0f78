/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loopback (contract section 4F): a miniport that says so leaves it to the core to give frames to its own address to
 * the protocols over it. Such a frame goes no further down, so that no level below loops it once more (4.30); it is
 * lent upward for the call, and complete when everybody has seen it.
 */
#include <string.h>

#include "path.h"

#define ADDRESS	  6u
#define DEPTH_MAX 4u /* of an answer to an answer ... to oneself, all on one stack */

static void ask_address(struct im_instance *instance)
{
	struct im_request request = {
		.oid = SLUICE_OID_802_3_CURRENT_ADDRESS,
		.buffer = instance->address,
		.length = sizeof(instance->address),
	};

	if (im_request_instance(instance, &request) == IM_STATUS_SUCCESS && request.done == ADDRESS)
		im_close_gate(&instance->gate, IM_GATE_LOOPBACK);
}

void im_restart_loopback(struct im_instance *instance)
{
	im_open_gate(&instance->gate, IM_GATE_LOOPBACK);
	if (instance->attributes & IM_ATTRIBUTE_NO_LOOPBACK)
		ask_address(instance);
}

IM_DISPATCH static bool is_to_itself(const struct im_instance *instance, const struct im_packet *packet)
{
	const struct rte_mbuf *mbuf = packet->mbuf;

	return mbuf != NULL && rte_pktmbuf_data_len(mbuf) >= ADDRESS &&
	       memcmp(rte_pktmbuf_mtod(mbuf, const void *), instance->address, ADDRESS) == 0;
}

IM_DISPATCH static void loop(struct im_instance *instance, struct im_packet *packet)
{
	struct im_worker *worker = im_this_worker;

	if (worker->looping == DEPTH_MAX) {
		im_count_drop(instance->id, SLUICE_OUT, SLUICE_DROP_NO_DESCRIPTOR, 1);
		im_complete_with(instance, &packet, 1, IM_STATUS_RESOURCES);
		return;
	}
	worker->looping++;
	im_indicate_copy(instance, packet);
	worker->looping--;
	im_complete_with(instance, &packet, 1, IM_STATUS_SUCCESS);
}

void im_loop_back(struct im_instance *instance, struct im_packet **packets, uint16_t count)
{
	uint16_t begun = 0;

	for (uint16_t i = 0; i < count; i++) {
		if (!is_to_itself(instance, packets[i]))
			continue;
		if (i > begun)
			im_deliver(instance, packets + begun, (uint16_t)(i - begun));
		loop(instance, packets[i]);
		begun = (uint16_t)(i + 1);
	}
	if (begun < count)
		im_deliver(instance, packets + begun, (uint16_t)(count - begun));
}
