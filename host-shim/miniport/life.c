/* SPDX-License-Identifier: BSD-3-Clause */
/* One attachment to the card: its regions, and where the rings of each queue pair are in them. */
#include <stdlib.h>

#include "inside.h"

static int lane_create(struct life *life, unsigned queue)
{
	const struct sluice_data *data = life->data;
	const uint32_t queues = data->queues, entries = data->entries;
	struct lane *lane = &life->lanes[queue];

	lane->life = life;
	lane->entries = data->entries;
	lane->card_base = data->card;
	lane->card = (const void *)(data->card + sluice_card_line_at(queue));
	lane->host = (void *)(data->host + sluice_host_line_at(queue));
	lane->receive_ring = (const void *)(data->card + sluice_receive_ring_at(queues, entries, queue));
	lane->receive_at = sluice_receive_buffer_at(queues, entries, queue, 0);
	lane->send_ring = (void *)(data->host + sluice_send_ring_at(queues, entries, queue));
	lane->return_ring = (void *)(data->host + sluice_return_ring_at(queues, entries, queue));
	lane->send_at = sluice_send_buffer_at(queues, entries, queue, 0);
	lane->send_buffers = data->host + lane->send_at;
	pthread_mutex_init(&lane->returns, NULL);
	lane->packets = calloc(entries, sizeof(*lane->packets));
	lane->lent = calloc(entries, sizeof(*lane->lent));
	return lane->packets != NULL && lane->lent != NULL ? 0 : -1;
}

static void life_free(struct life *life)
{
	uint32_t *count = life->count;

	for (unsigned i = 0; i < life->queues; i++) {
		pthread_mutex_destroy(&life->lanes[i].returns);
		free(life->lanes[i].packets);
		free(life->lanes[i].lent);
	}
	sluice_free_data(life->data);
	free(life);
	__atomic_fetch_sub(count, 1, __ATOMIC_RELEASE); /* with the last one the miniport may go */
}

struct life *life_create(struct sluice_data *data, uint32_t *count)
{
	struct life *life = calloc(1, sizeof(*life) + data->queues * sizeof(life->lanes[0]));
	int error = 0;

	if (life == NULL) {
		sluice_free_data(data);
		return NULL;
	}
	life->data = data;
	life->count = count;
	__atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
	life->queues = data->queues;
	life->references = 1;
	for (unsigned i = 0; i < life->queues; i++)
		error |= lane_create(life, i);
	if (error == 0)
		return life;
	life_free(life);
	return NULL;
}

void life_leave(struct life *life, uint32_t references)
{
	if (references > 0 && __atomic_sub_fetch(&life->references, references, __ATOMIC_ACQ_REL) == 0)
		life_free(life);
}
