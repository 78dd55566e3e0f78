/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core's packet path alone, between the neighbours of the unit tests: cycles for a packet that goes down through
 * some relays and completes, or comes up and is returned at once.
 *
 *     path_bench RELAYS send|receive [ROUNDS]
 *
 * Cycles are the best of five parts of the rounds. For figures that do not move, count instructions: callgrind of two
 * numbers of rounds, the difference by the packets between them.
 */
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>

#include "im/core.h"
#include "rig.h"

#define BURST 32u
#define PARTS 5u

static void return_at_once(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	struct rig_top *top = context;

	for (uint16_t i = 0; i < count; i++)
		references[i] = 1;
	im_return_packets(top->binding, packets, count);
}

static void complete_at_once(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_nic *nic = context;

	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = IM_STATUS_SUCCESS;
	im_send_complete(nic->instance, packets, count);
}

static void forget(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context, (void)packets, (void)count;
}

static uint64_t run(bool send, struct im_packet **packets, unsigned long rounds)
{
	uint64_t begun = rte_rdtsc();

	for (unsigned long i = 0; i < rounds; i++)
		if (send)
			im_send_packets(rig_top.binding, packets, BURST);
		else
			im_indicate_receive_packets(rig_nic.instance, packets, BURST);
	return rte_rdtsc() - begun;
}

static void build(unsigned long relays)
{
	rig_as(RIG_WORKER);
	rig_up("nic", (uint32_t)relays);
	rig_nic.instance->miniport->handlers.send_packets = complete_at_once;
	rig_nic.instance->miniport->handlers.return_packets = forget;
	rig_top.binding->protocol->handlers.receive_packets = return_at_once;
	rig_top.binding->protocol->handlers.send_complete = forget;
}

int main(int argc, char **argv)
{
	struct im_packet *packets[BURST];
	unsigned long relays = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long rounds = argc > 3 ? strtoul(argv[3], NULL, 10) : 100000;
	bool send = argc > 2 && strcmp(argv[2], "send") == 0;
	uint64_t best = UINT64_MAX;

	if (argc < 3 || relays > 8 || (!send && strcmp(argv[2], "receive") != 0)) {
		fputs("usage: path_bench RELAYS send|receive [ROUNDS]; example: path_bench 3 receive\n", stderr);
		return 2;
	}
	build(relays);
	rig_packets(packets, BURST);
	for (unsigned i = 0; i < PARTS; i++)
		best = RTE_MIN(best, run(send, packets, rounds / PARTS));
	printf("%lu relays, %s: %.2f cycles a packet\n", relays, argv[2], (double)best * PARTS / (rounds * BURST));
	rig_packets_free(packets, BURST);
	rig_down();
	return 0;
}
