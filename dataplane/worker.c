/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include "im/core.h"
#include "worker.h"

#define LANES_MAX (SLUICE_POLICY_MAX_STACKS * EDGE_QUEUES_MAX)

enum phase {
	FORWARDING,
	DRAINING, /* receive no more, transmit what waits */
	STOPPED,
};

/* Owner: the worker. Readers of the counters: control thread. */
struct worker {
	struct im_worker *im;
	struct worker_lane *lanes; /* set up before the start */
	uint32_t lane_count;
	uint32_t lcore;
	uint32_t drained; /* 1: nothing waits for transmission; writer: the worker */
	uint64_t polls;
	uint64_t busy_cycles;
	uint64_t idle_cycles;
	uint64_t bursts;
	uint64_t generation_seen;
} __attribute__((aligned(64)));

static struct worker *workers;
static uint32_t worker_count;
static uint32_t phase; /* enum phase; writer: control thread */

/* ---- The loop ------------------------------------------------------------------------------------ */

/* One snapshot judges the whole burst. */
IM_DISPATCH static uint16_t poll_port(struct worker *worker, struct edge_port *port)
{
	uint16_t count;

	worker->im->block = im_block_current(&im_core.block);
	count = edge_port_poll(port);
	im_add(&worker->bursts, count > 0);
	return count;
}

/* What a host sends stays in its port while the wire is behind. */
IM_DISPATCH static uint16_t poll_host(struct worker *worker, const struct worker_lane *lane)
{
	if (unlikely(edge_port_is_held_back(lane->upper, lane->lower, lane->queue)))
		return 0;
	return poll_port(worker, lane->upper);
}

IM_DISPATCH static uint32_t serve(struct worker *worker, const struct worker_lane *lane, bool receive)
{
	uint32_t moved = 0;

	worker->im->queue = lane->queue;
	if (receive) {
		moved += poll_host(worker, lane);
		moved += poll_port(worker, lane->lower);
	}
	moved += edge_port_flush(lane->lower);
	moved += edge_port_flush(lane->upper);
	return moved;
}

IM_DISPATCH static bool is_drained(const struct worker *worker)
{
	for (uint32_t i = 0; i < worker->lane_count; i++) {
		const struct worker_lane *lane = &worker->lanes[i];

		if (edge_port_waits(lane->upper, lane->queue) || edge_port_waits(lane->lower, lane->queue))
			return false;
	}
	return true;
}

IM_DISPATCH static void turn(struct worker *worker, bool receive)
{
	uint64_t begin = worker->im->mark = rte_rdtsc();
	uint32_t moved = 0;

	worker->im->timed = worker->polls % IM_TIMED_TURNS == 0;
	for (uint32_t i = 0; i < worker->lane_count; i++)
		moved += serve(worker, &worker->lanes[i], receive);
	if (worker->im->block != NULL)
		__atomic_store_n(&worker->generation_seen, worker->im->block->generation, __ATOMIC_RELAXED);
	if (unlikely(__atomic_load_n(&worker->im->dpcs, __ATOMIC_RELAXED) != NULL)) {
		worker->im->block = im_block_current(&im_core.block);
		im_run_dpcs(worker->im);
	}
	worker->im->block = NULL;
	im_grace_quiescent(im_core.grace, worker->im->index);
	im_add(&worker->polls, 1);
	im_add(moved > 0 ? &worker->busy_cycles : &worker->idle_cycles, rte_rdtsc() - begin);
}

static int run(void *argument)
{
	struct worker *worker = argument;
	enum phase now;

	im_this_worker = worker->im;
	im_grace_online(im_core.grace, worker->im->index);
	while ((now = __atomic_load_n(&phase, __ATOMIC_ACQUIRE)) != STOPPED) {
		turn(worker, now == FORWARDING);
		if (now == DRAINING)
			__atomic_store_n(&worker->drained, is_drained(worker), __ATOMIC_RELEASE);
	}
	im_grace_offline(im_core.grace, worker->im->index);
	return 0;
}

/* ---- Control ------------------------------------------------------------------------------------- */

int workers_create(uint32_t count)
{
	worker_count = 0;
	phase = FORWARDING;
	workers = aligned_alloc(64, count * sizeof(*workers));
	if (workers == NULL)
		goto fail;
	memset(workers, 0, count * sizeof(*workers));
	for (; worker_count < count; worker_count++) {
		struct worker *worker = &workers[worker_count];

		worker->im = &im_core.workers[worker_count + 1];
		worker->lanes = calloc(LANES_MAX, sizeof(*worker->lanes));
		if (worker->lanes == NULL)
			goto fail;
	}
	return 0;
fail:
	workers_destroy();
	return -ENOMEM;
}

int workers_add_lane(const struct worker_lane *lane)
{
	struct worker *least = &workers[0];

	for (uint32_t i = 1; i < worker_count; i++)
		if (workers[i].lane_count < least->lane_count)
			least = &workers[i];
	if (least->lane_count == LANES_MAX)
		return -ENOMEM;
	least->lanes[least->lane_count++] = *lane;
	edge_port_serve(lane->upper, lane->queue, least->im->index);
	edge_port_serve(lane->lower, lane->queue, least->im->index);
	return 0;
}

static int launch(void)
{
	uint32_t at = 0;
	unsigned lcore;

	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		int result;

		if (at == worker_count)
			break;
		workers[at].lcore = lcore;
		__atomic_store_n(&workers[at].im->attached, true, __ATOMIC_RELEASE);
		result = rte_eal_remote_launch(run, &workers[at], lcore);
		if (result != 0)
			return result;
		at++;
	}
	return at == worker_count ? 0 : -EINVAL;
}

/* From now on a control thread runs the deferred calls that are left to them. */
static void detach_all(void)
{
	for (uint32_t i = 0; i < worker_count; i++)
		__atomic_store_n(&workers[i].im->attached, false, __ATOMIC_RELEASE);
}

int workers_start(void)
{
	int result = launch();

	if (result != 0) { /* those that run must not outlive what the caller takes down now */
		__atomic_store_n(&phase, STOPPED, __ATOMIC_RELEASE);
		rte_eal_mp_wait_lcore();
		detach_all();
	}
	return result;
}

static bool all_drained(void)
{
	for (uint32_t i = 0; i < worker_count; i++)
		if (!__atomic_load_n(&workers[i].drained, __ATOMIC_ACQUIRE))
			return false;
	return true;
}

/* No worker runs any more: the control thread gives back what is left. */
static void abandon(const struct worker *worker)
{
	for (uint32_t i = 0; i < worker->lane_count; i++) {
		const struct worker_lane *lane = &worker->lanes[i];

		edge_port_abandon(lane->upper, lane->queue);
		edge_port_abandon(lane->lower, lane->queue);
	}
}

void workers_stop(uint32_t grace_ms)
{
	uint64_t deadline = rte_get_timer_cycles() + rte_get_timer_hz() / 1000 * grace_ms;

	__atomic_store_n(&phase, DRAINING, __ATOMIC_RELEASE);
	while (!all_drained() && rte_get_timer_cycles() < deadline)
		rte_delay_us_sleep(1000);
	__atomic_store_n(&phase, STOPPED, __ATOMIC_RELEASE);
	rte_eal_mp_wait_lcore();
	detach_all();
	for (uint32_t i = 0; i < worker_count; i++)
		abandon(&workers[i]);
}

void workers_destroy(void)
{
	for (uint32_t i = 0; i < worker_count; i++)
		free(workers[i].lanes);
	free(workers);
	workers = NULL;
	worker_count = 0;
}

uint64_t workers_grace_begin(void)
{
	return im_grace_begin(im_core.grace);
}

bool workers_grace_passed(uint64_t token)
{
	return im_grace_passed(im_core.grace, token);
}

static void read_traffic(const struct worker *worker, struct sluice_worker_record *record)
{
	for (uint32_t i = 0; i < worker->lane_count; i++) {
		const struct worker_lane *lane = &worker->lanes[i];
		const struct edge_queue *upper = &lane->upper->queues[lane->queue];
		const struct edge_queue *lower = &lane->lower->queues[lane->queue];

		record->rx_packets += __atomic_load_n(&upper->rx_packets, __ATOMIC_RELAXED);
		record->rx_packets += __atomic_load_n(&lower->rx_packets, __ATOMIC_RELAXED);
		record->tx_packets += __atomic_load_n(&upper->tx_packets, __ATOMIC_RELAXED);
		record->tx_packets += __atomic_load_n(&lower->tx_packets, __ATOMIC_RELAXED);
	}
}

bool workers_read(uint32_t index, struct sluice_worker_record *record)
{
	const struct worker *worker;

	if (index >= worker_count)
		return false;
	worker = &workers[index];
	memset(record, 0, sizeof(*record));
	record->worker = index;
	record->lcore = worker->lcore;
	record->cpu = (uint32_t)rte_lcore_to_cpu_id((int)worker->lcore);
	record->lanes = worker->lane_count;
	record->polls = __atomic_load_n(&worker->polls, __ATOMIC_RELAXED);
	record->busy_cycles = __atomic_load_n(&worker->busy_cycles, __ATOMIC_RELAXED);
	record->idle_cycles = __atomic_load_n(&worker->idle_cycles, __ATOMIC_RELAXED);
	record->bursts = __atomic_load_n(&worker->bursts, __ATOMIC_RELAXED);
	record->generation_seen = __atomic_load_n(&worker->generation_seen, __ATOMIC_RELAXED);
	read_traffic(worker, record);
	return true;
}
