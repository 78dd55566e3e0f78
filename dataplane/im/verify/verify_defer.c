/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Another schedule (contract 12.61): completions and returns reach the other side later, or on another thread. Whoever
 * handed the packets over has lost them at once; whoever gets them cannot tell by when or where they come.
 */
#include <string.h>

#include "im/core.h"
#include "im/spin.h"
#include "verifier.h"

#define NODES 256u /* when all are taken, things happen at once */

/* The instance or binding stays: what is on its way is counted as out until this has run. */
struct task {
	enum im_defer_kind kind;
	im_status_t status; /* of a request */
	void *object;
	uint16_t count; /* of packets */
};

struct node {
	struct im_work work;
	struct im_dpc dpc;
	struct node *next;
	struct task task;
	struct im_packet *packets[IM_BURST];
};

static struct {
	uint32_t lock;
	uint32_t used;
	struct node *free;
	struct node nodes[NODES];
} pool;

static struct node *get(void)
{
	struct node *node;

	im_spin_lock(&pool.lock);
	node = pool.free;
	if (node != NULL)
		pool.free = node->next;
	else if (pool.used < NODES)
		node = &pool.nodes[pool.used++];
	im_spin_unlock(&pool.lock);
	return node;
}

static void put(struct node *node)
{
	im_spin_lock(&pool.lock);
	node->next = pool.free;
	pool.free = node;
	im_spin_unlock(&pool.lock);
}

/* ---- Now ----------------------------------------------------------------------------------------- */

IM_DISPATCH static void do_now(const struct task *task, struct im_packet **packets)
{
	switch (task->kind) {
	case IM_DEFER_COMPLETE:
		im_plain_send_complete(task->object, packets, task->count);
		return;
	case IM_DEFER_RETURN:
		im_plain_return(task->object, packets, task->count);
		return;
	case IM_DEFER_REQUEST:
		im_plain_deliver_request(task->object, task->status);
		return;
	}
}

/* The node is free again before anything is called that may want one. */
IM_DISPATCH static void run(struct node *node)
{
	struct im_packet *packets[IM_BURST];
	struct task task = node->task;
	uint8_t level = im_raise(im_this_worker);

	memcpy(packets, node->packets, task.count * sizeof(packets[0]));
	put(node);
	do_now(&task, packets);
	im_lower(im_this_worker, level);
}

static void run_work(struct im_work *work)
{
	run((struct node *)((char *)work - offsetof(struct node, work)));
}

static void run_dpc(struct im_dpc *dpc)
{
	run((struct node *)((char *)dpc - offsetof(struct node, dpc)));
}

/* ---- Later --------------------------------------------------------------------------------------- */

static bool is_worker(uint32_t index)
{
	return index >= 1 && index <= im_worker_count() &&
	       __atomic_load_n(&im_core.workers[index].attached, __ATOMIC_ACQUIRE);
}

/* The worker to do it: the calling one, or the next one; 0: a control thread. */
static uint32_t choose_worker(enum im_verify_schedule schedule)
{
	uint32_t workers = im_worker_count(), self = im_this_worker->index;

	if (schedule == IM_SCHEDULE_LATER)
		return is_worker(self) ? self : 0;
	for (uint32_t i = 1; i <= workers; i++) {
		uint32_t other = (self + i - 1) % workers + 1;

		if (other != self && is_worker(other))
			return other;
	}
	return 0;
}

IM_DISPATCH static void defer(const struct task *task, struct im_packet **packets)
{
	enum im_verify_schedule schedule = im_verify_choose();
	struct node *node = schedule != IM_SCHEDULE_INLINE ? get() : NULL;
	uint32_t worker;

	if (node == NULL) {
		do_now(task, packets);
		return;
	}
	node->work = (struct im_work){.run = run_work};
	node->dpc = (struct im_dpc){.run = run_dpc};
	node->task = *task;
	if (task->count > 0)
		memcpy(node->packets, packets, task->count * sizeof(packets[0]));
	worker = choose_worker(schedule);
	if (worker != 0)
		im_queue_dpc(&node->dpc, worker);
	else
		im_schedule_work(&node->work);
}

void im_defer_packets(enum im_defer_kind kind, void *object, struct im_packet **packets, uint16_t count)
{
	const struct task task = {.kind = kind, .object = object, .count = count};

	defer(&task, packets);
}

void im_verify_deliver_request(struct im_request *request, im_status_t status)
{
	const struct task task = {.kind = IM_DEFER_REQUEST, .object = request, .status = status};

	defer(&task, NULL);
}
