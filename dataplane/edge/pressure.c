/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Back-pressure from the wire to the host. While frames wait for the wire, the host's next ones stay in its own port:
 * its ring fills up, and who fills it slows down. Taken, they would find no room in the end and be lost (4.10).
 *
 * What counts is the lower queue of the same lane, whatever drivers fork or join between: a stack has one port at each
 * end. What waits there is offered to the device first: a driver may have sent it since the last flush.
 *
 * The end of it: a device that takes nothing at all is found stuck (4.35), and from then on holds nobody back until it
 * takes a frame again. What finds no room then is refused and counted, as from any sender that cannot wait.
 */
#include <rte_cycles.h>

#include "lane.h"

bool edge_hold_back(struct edge_port *upper, struct edge_port *lower)
{
	struct edge_queue *host = &upper->queues[im_this_worker->queue];
	const struct edge_queue *wire = &lower->queues[im_this_worker->queue];
	uint64_t now;
	bool hold;

	edge_port_flush(lower);
	hold = wire->pending + wire->frames > 0 && !wire->given_up;
	now = rte_rdtsc();
	if (host->held)
		im_add(&host->held_cycles, now - host->held_since);
	else if (hold)
		im_add(&host->holds, 1);
	host->held = hold;
	host->held_since = now;
	return hold;
}
