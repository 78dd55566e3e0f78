/* SPDX-License-Identifier: BSD-3-Clause */
#include "hold.h"

#include "im/worker.h"

struct fifo {
	uint32_t first;
	uint32_t count;
	struct im_packet *packets[HOLD_MAX];
};

/* What one worker brought, or all control threads. Under its lock. */
struct queue {
	struct im_lock lock;
	bool draining; /* somebody lets packets go: newcomers go behind them */
	struct fifo fifos[HOLD_KINDS];
	struct im_dpc dpc;
	struct hold *hold;
};

struct hold {
	struct im_lock lock; /* taken before a queue's */
	bool closed;	     /* between begin and end; written under the lock, read under a queue's: see hold_put() */
	uint32_t drains;     /* queues that are being emptied; under the lock */
	uint32_t users;	     /* the owner, and each of those; atomic */
	uint32_t *gate;
	uint32_t holding, bars;
	hold_release_t release;
	void *owner; /* NULL: it has gone; under the lock */
	struct im_work free_work;
	uint32_t count;
	struct queue queues[];
};

#define OF(member_, name_, type_) ((type_ *)(void *)((char *)(member_)-offsetof(type_, name_)))

/* ---- Coming and going ---------------------------------------------------------------------------- */

static void free_later(struct im_work *work)
{
	im_free_memory(OF(work, free_work, struct hold));
}

static void run_dpc(struct im_dpc *dpc);

struct hold *hold_create(struct im_wrapper *wrapper, uint32_t *gate, uint32_t holding, uint32_t bars,
			 hold_release_t release, void *owner)
{
	uint32_t count = im_worker_count() + 1;
	struct hold *hold = im_allocate_memory(wrapper, sizeof(*hold) + count * sizeof(hold->queues[0]), "hold");

	if (hold == NULL)
		return NULL;
	hold->users = 1;
	hold->gate = gate;
	hold->holding = holding;
	hold->bars = bars;
	hold->release = release;
	hold->owner = owner;
	hold->count = count;
	hold->free_work = (struct im_work){.run = free_later, .wrapper = wrapper};
	for (uint32_t i = 0; i < count; i++) {
		hold->queues[i].hold = hold;
		hold->queues[i].dpc = (struct im_dpc){.run = run_dpc, .wrapper = wrapper};
	}
	return hold;
}

void hold_destroy(struct hold *hold)
{
	if (hold == NULL)
		return;
	im_acquire_spin_lock(&hold->lock);
	hold->owner = NULL;
	im_release_spin_lock(&hold->lock);
	if (__atomic_sub_fetch(&hold->users, 1, __ATOMIC_ACQ_REL) == 0)
		im_free_memory(hold);
}

/* ---- One queue ----------------------------------------------------------------------------------- */

static bool is_closed(const struct hold *hold)
{
	return __atomic_load_n(&hold->closed, __ATOMIC_ACQUIRE);
}

IM_DISPATCH static struct queue *own_queue(struct hold *hold)
{
	uint32_t index = im_this_worker->index;

	return &hold->queues[index < hold->count ? index : 0];
}

IM_DISPATCH static uint16_t push(struct fifo *fifo, struct im_packet **packets, uint16_t count)
{
	uint16_t taken = 0;

	for (; taken < count && fifo->count < HOLD_MAX; taken++)
		fifo->packets[(fifo->first + fifo->count++) % HOLD_MAX] = packets[taken];
	return taken;
}

IM_DISPATCH static uint16_t pull(struct fifo *fifo, struct im_packet **packets, uint16_t most)
{
	uint16_t taken = 0;

	for (; taken < most && fifo->count > 0; taken++, fifo->count--) {
		packets[taken] = fifo->packets[fifo->first];
		fifo->first = (fifo->first + 1) % HOLD_MAX;
	}
	return taken;
}

IM_DISPATCH static bool is_empty(const struct queue *queue)
{
	return queue->fifos[HOLD_AGAIN].count + queue->fifos[HOLD_SENDS].count + queue->fifos[HOLD_RECEIVES].count == 0;
}

/*
 * Who closes the gate, or opens it, does that first and takes this lock afterwards: so a packet is either put before
 * that, and found, or it is not put. Between the two nobody drains the queue yet: what comes then may not pass what is
 * in it (4.20).
 */
bool hold_put(struct hold *hold, enum hold_kind kind, struct im_packet **packets, uint16_t count, uint16_t *taken)
{
	struct queue *queue = own_queue(hold);
	bool held;

	*taken = 0;
	im_acquire_spin_lock(&queue->lock);
	held = is_closed(hold) || queue->draining || !is_empty(queue);
	if (held && (__atomic_load_n(hold->gate, __ATOMIC_ACQUIRE) & hold->bars) == 0)
		*taken = push(&queue->fifos[kind], packets, count);
	im_release_spin_lock(&queue->lock);
	return held;
}

/* ---- Taking out ---------------------------------------------------------------------------------- */

uint16_t hold_take(struct hold *hold, enum hold_kind kind, struct im_packet **packets, uint16_t most)
{
	uint16_t taken = 0;

	for (uint32_t i = 0; i < hold->count && taken == 0; i++) {
		struct queue *queue = &hold->queues[i];

		im_acquire_spin_lock(&queue->lock);
		taken = pull(&queue->fifos[kind], packets, most);
		im_release_spin_lock(&queue->lock);
	}
	return taken;
}

/* What stays keeps its order. */
IM_DISPATCH static uint16_t pull_cancelled(struct fifo *fifo, uint32_t cancel_id, struct im_packet **packets,
					   uint16_t most)
{
	uint32_t count = fifo->count;
	uint16_t taken = 0;

	fifo->count = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct im_packet *packet = fifo->packets[(fifo->first + i) % HOLD_MAX];

		if (taken < most && packet->info.cancel_id == cancel_id)
			packets[taken++] = packet;
		else
			fifo->packets[(fifo->first + fifo->count++) % HOLD_MAX] = packet;
	}
	return taken;
}

uint16_t hold_take_cancelled(struct hold *hold, uint32_t cancel_id, struct im_packet **packets, uint16_t most)
{
	uint16_t taken = 0;

	for (uint32_t i = 0; i < hold->count && taken == 0; i++) {
		struct queue *queue = &hold->queues[i];

		im_acquire_spin_lock(&queue->lock);
		taken = pull_cancelled(&queue->fifos[HOLD_AGAIN], cancel_id, packets, most);
		taken +=
			pull_cancelled(&queue->fifos[HOLD_SENDS], cancel_id, packets + taken, (uint16_t)(most - taken));
		im_release_spin_lock(&queue->lock);
	}
	return taken;
}

/* ---- Letting go ---------------------------------------------------------------------------------- */

/* The oldest burst of one kind, or nothing: then the queue is done with, or another reset has begun. */
IM_DISPATCH static uint16_t next_burst(struct queue *queue, enum hold_kind *kind, struct im_packet **packets)
{
	uint16_t count = 0;

	im_acquire_spin_lock(&queue->lock);
	for (*kind = HOLD_AGAIN; !is_closed(queue->hold) && *kind < HOLD_KINDS; (*kind)++) {
		count = pull(&queue->fifos[*kind], packets, IM_BURST);
		if (count > 0)
			break;
	}
	queue->draining = count > 0;
	im_release_spin_lock(&queue->lock);
	return count;
}

/* Under the lock: the way is open when nothing is left of what was held. */
IM_DISPATCH static void open_gate(struct hold *hold)
{
	if (hold->drains == 0 && !hold->closed && hold->owner != NULL)
		__atomic_and_fetch(hold->gate, ~hold->holding, __ATOMIC_RELEASE);
}

IM_DISPATCH static void drain(struct queue *queue)
{
	struct hold *hold = queue->hold;
	struct im_packet *packets[IM_BURST];
	enum hold_kind kind;
	uint16_t count;

	while ((count = next_burst(queue, &kind, packets)) > 0)
		hold->release(hold->owner, kind, packets, count);
	im_acquire_spin_lock(&hold->lock);
	hold->drains--;
	open_gate(hold);
	im_release_spin_lock(&hold->lock);
	if (__atomic_sub_fetch(&hold->users, 1, __ATOMIC_ACQ_REL) == 0)
		im_schedule_work(&hold->free_work); /* the owner has gone */
}

IM_DISPATCH static void run_dpc(struct im_dpc *dpc)
{
	drain(OF(dpc, dpc, struct queue));
}

void hold_begin(struct hold *hold)
{
	im_acquire_spin_lock(&hold->lock);
	__atomic_or_fetch(hold->gate, hold->holding, __ATOMIC_RELEASE);
	__atomic_store_n(&hold->closed, true, __ATOMIC_RELEASE);
	im_release_spin_lock(&hold->lock);
}

/* Whether the queue is to be emptied, by whom nobody is at it yet. Under the hold's lock. */
IM_DISPATCH static bool arm(struct hold *hold, struct queue *queue)
{
	bool armed;

	im_acquire_spin_lock(&queue->lock);
	armed = !queue->draining && !is_empty(queue);
	queue->draining |= armed;
	im_release_spin_lock(&queue->lock);
	if (!armed)
		return false;
	hold->drains++;
	__atomic_add_fetch(&hold->users, 1, __ATOMIC_RELAXED);
	return true;
}

/* The control threads' sends that came back go first: they were on their way before all others. */
void hold_end(struct hold *hold)
{
	uint32_t armed = 0; /* bits: workers whose queue is not empty */
	bool own;

	im_acquire_spin_lock(&hold->lock);
	__atomic_store_n(&hold->closed, false, __ATOMIC_RELEASE);
	own = arm(hold, &hold->queues[0]);
	for (uint32_t i = 1; i < hold->count; i++)
		armed |= (uint32_t)arm(hold, &hold->queues[i]) << i;
	open_gate(hold);
	im_release_spin_lock(&hold->lock);
	if (own)
		drain(&hold->queues[0]);
	for (uint32_t i = 1; i < hold->count; i++)
		if (armed & 1u << i)
			im_queue_dpc(&hold->queues[i].dpc, i);
}
