/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue: who may poll it, and which lane it leads to. */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "inside.h"

/* What a PASSIVE call sleeps between two looks at a queue that another thread polls. */
#define LOOK_AGAIN_NS 20000

static int queue_create(struct queue *queue)
{
	pthread_mutex_init(&queue->sends, NULL);
	queue->idle = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	queue->signal = queue->idle >= 0 ? dup(queue->idle) : -1;
	return queue->signal >= 0 ? 0 : -errno;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

int queues_create(struct sluice_miniport *miniport, unsigned number)
{
	int error = 0;

	for (unsigned i = 0; i < number && error == 0; i++) {
		error = queue_create(&miniport->queues[i]);
		miniport->queue_count = i + 1;
	}
	return error;
}

void queues_destroy(struct sluice_miniport *miniport)
{
	for (unsigned i = 0; i < miniport->queue_count; i++) {
		struct queue *queue = &miniport->queues[i];

		close_if_open(queue->signal);
		close_if_open(queue->idle);
		pthread_mutex_destroy(&queue->sends);
	}
}

bool queue_try(struct queue *queue)
{
	return __atomic_exchange_n(&queue->polling, 1, __ATOMIC_ACQUIRE) == 0;
}

void queue_take(struct queue *queue)
{
	const struct timespec pause = {.tv_nsec = LOOK_AGAIN_NS};

	while (!queue_try(queue))
		nanosleep(&pause, NULL);
}

void queue_release(struct queue *queue)
{
	__atomic_store_n(&queue->polling, 0, __ATOMIC_RELEASE);
}

void queues_take_all(struct sluice_miniport *miniport)
{
	for (unsigned i = 0; i < miniport->queue_count; i++)
		queue_take(&miniport->queues[i]);
}

void queues_release_all(struct sluice_miniport *miniport)
{
	for (unsigned i = 0; i < miniport->queue_count; i++)
		queue_release(&miniport->queues[i]);
}

/* Whoever sleeps on the old descriptor is woken: by this event, or because the card's end of it is closed. */
static void wake_sleeper(struct queue *queue)
{
	const uint64_t one = 1;

	if (write(queue->idle, &one, sizeof(one)) < 0)
		return; /* EAGAIN: it is awake already */
}

void queue_enter_lane(struct queue *queue, struct lane *lane, int *signal)
{
	wake_sleeper(queue);
	/* who has armed the queue while it had no lane may go to sleep on this signal only now */
	__atomic_store_n(&lane->host->want_event, queue->wanted, __ATOMIC_SEQ_CST);
	dup3(*signal, queue->signal, O_CLOEXEC);
	close(*signal);
	*signal = -1;
	pthread_mutex_lock(&lane->returns);
	lane->counters = &queue->counters;
	pthread_mutex_unlock(&lane->returns);
	pthread_mutex_lock(&queue->sends);
	queue->lane = lane;
	pthread_mutex_unlock(&queue->sends);
	queue->broken_told = false;
}

void queue_leave_lane(struct queue *queue)
{
	struct lane *lane = send_leave_lane(queue);
	uint64_t events;

	if (lane == NULL)
		return;
	pthread_mutex_lock(&lane->returns);
	lane->counters = NULL;
	pthread_mutex_unlock(&lane->returns);
	while (read(queue->idle, &events, sizeof(events)) > 0)
		;
	dup3(queue->idle, queue->signal, O_CLOEXEC);
}
