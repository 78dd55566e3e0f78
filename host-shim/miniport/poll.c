/* SPDX-License-Identifier: BSD-3-Clause */
/* The turn of a queue pair, and its sleep. */
#include <unistd.h>

#include "inside.h"

/* Events that one wake-up takes off the signal: there is one for each time that it was asked for. */
#define EVENTS_PER_TURN 8

static void tell_if_broken(struct sluice_miniport *miniport, struct queue *queue)
{
	if (queue->broken_told)
		return;
	queue->broken_told = true;
	indicate(miniport, SLUICE_INDICATION_QUEUE_BROKEN, (unsigned)(queue - miniport->queues));
}

unsigned sluice_miniport_poll(struct sluice_miniport *miniport, unsigned at, unsigned budget)
{
	struct queue *queue = &miniport->queues[at];
	unsigned work;

	if (!queue_try(queue))
		return 0;
	work = send_complete(queue);
	if (queue->lane != NULL && !lane_is_broken(queue->lane))
		work += receive(miniport, queue, budget);
	if (queue->lane != NULL && lane_is_broken(queue->lane))
		tell_if_broken(miniport, queue);
	queue_release(queue);
	return work;
}

/* Sends that the ring has no room for are published by a turn: so somebody must wake up for it. */
static bool has_pending(struct queue *queue)
{
	bool pending;

	pthread_mutex_lock(&queue->sends);
	pending = queue->pending.first != NULL;
	pthread_mutex_unlock(&queue->sends);
	return pending;
}

/* With the polling flag: whether a turn would find something. The order of these loads behind the store of the wish is
 * what keeps an event from being lost: the card stores its index, then loads the wish. */
static bool has_work(struct queue *queue, uint32_t want)
{
	struct lane *lane = queue->lane;
	bool work;

	pthread_mutex_lock(&queue->sends);
	work = queue->done.first != NULL;
	if (lane != NULL && lane_is_broken(lane))
		work |= queue->sent.first != NULL || !queue->broken_told;
	else if (lane != NULL && (want & SLUICE_WANT_SEND) != 0)
		work |= __atomic_load_n(&lane->card->send_head, __ATOMIC_SEQ_CST) != lane->send_head;
	pthread_mutex_unlock(&queue->sends);
	if (lane != NULL && !lane_is_broken(lane) && (want & SLUICE_WANT_RECEIVE) != 0)
		work |= __atomic_load_n(&lane->card->receive_tail, __ATOMIC_SEQ_CST) != lane->receive_head;
	return work;
}

/* Ask, then look once more: what came before the card saw the wish makes no event. */
bool sluice_miniport_arm(struct sluice_miniport *miniport, unsigned at, uint32_t want)
{
	struct queue *queue = &miniport->queues[at];
	bool work;

	if (!queue_try(queue))
		return false;
	if (has_pending(queue))
		want |= SLUICE_WANT_SEND;
	if (queue->lane != NULL)
		__atomic_store_n(&queue->lane->host->want_event, want, __ATOMIC_SEQ_CST);
	work = has_work(queue, want);
	if (work && queue->lane != NULL)
		__atomic_store_n(&queue->lane->host->want_event, 0, __ATOMIC_RELAXED);
	queue->wanted = queue->lane == NULL && !work ? want : 0;
	queue_release(queue);
	return !work;
}

void sluice_miniport_disarm(struct sluice_miniport *miniport, unsigned at)
{
	struct queue *queue = &miniport->queues[at];
	uint64_t event;

	if (queue_try(queue)) {
		queue->wanted = 0;
		if (queue->lane != NULL)
			__atomic_store_n(&queue->lane->host->want_event, 0, __ATOMIC_RELAXED);
		queue_release(queue);
	}
	for (int i = 0; i < EVENTS_PER_TURN && read(queue->signal, &event, sizeof(event)) > 0; i++)
		;
}

int sluice_miniport_signal(const struct sluice_miniport *miniport, unsigned queue)
{
	return miniport->queues[queue].signal;
}
