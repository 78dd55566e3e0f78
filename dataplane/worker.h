/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers: one thread on each core given to the datapath, polling.
 *
 *   turn:  for each lane:  block in force -> burst from the host side, unless the wire is behind
 *                          -> block in force -> burst from the wire side
 *                          -> transmit what waits, partial bursts too
 *          quiescent state
 *
 * A lane is queue q of both ports of a stack, and belongs to one worker: everything on it keeps its order.
 */
#ifndef DATAPLANE_WORKER_H
#define DATAPLANE_WORKER_H

#include "abi/record.h"
#include "edge/port.h"

struct worker_lane {
	struct edge_port *upper;
	struct edge_port *lower;
	uint16_t queue;
};

/** Make the lanes' table and the grace-period state for @p workers workers. Level: PASSIVE. 0 or -ENOMEM. */
IM_PASSIVE int workers_create(uint32_t workers);

/** Give a lane to the worker with the fewest. Before workers_start(). Level: PASSIVE. 0 or -ENOMEM. */
IM_PASSIVE int workers_add_lane(const struct worker_lane *lane);

/** Start all workers on EAL's worker lcores. Level: PASSIVE. 0; or -errno, and none runs. */
IM_PASSIVE int workers_start(void);

/**
 * Stop: receive no more, transmit what waits for at most @p grace_ms, then end the threads. What a port still has not
 * taken is given back unsent, and counted. Level: PASSIVE.
 */
IM_PASSIVE void workers_stop(uint32_t grace_ms);

/** Free what workers_create() made. Level: PASSIVE. */
IM_PASSIVE void workers_destroy(void);

/** Begin a grace period; workers_passed(token) tells whether every worker has left what it saw before. Level: PASSIVE.
 */
IM_PASSIVE uint64_t workers_grace_begin(void);
IM_PASSIVE bool workers_grace_passed(uint64_t token);

/** Fill in a record of worker @p index (from 0). Level: PASSIVE. False: there is none. */
IM_PASSIVE bool workers_read(uint32_t index, struct sluice_worker_record *record);

#endif
