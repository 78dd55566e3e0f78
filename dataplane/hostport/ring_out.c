/* SPDX-License-Identifier: BSD-3-Clause */
/* The receive and the return ring: what the host gets, and gives back. */
#include "ring.h"

#include <errno.h>
#include <stdlib.h>

int ring_out_create(struct ring_out *out, const struct ring_place *place)
{
	uint16_t entries = place->entries;

	*out = (struct ring_out){
		.host = (const void *)(place->host + sluice_host_line_at(place->queue)),
		.returns = (const void *)(place->host + sluice_return_ring_at(place->queues, entries, place->queue)),
		.ring = (void *)(place->card + sluice_receive_ring_at(place->queues, entries, place->queue)),
		.base = place->card,
		.buffers = sluice_receive_buffer_at(place->queues, entries, place->queue, 0),
		.card = (void *)(place->card + sluice_card_line_at(place->queue)),
		.mask = entries - 1u,
		.low_water = entries / 8u,
		.free_count = entries,
		.free = calloc(entries, sizeof(*out->free)),
		.numbers = calloc(entries, sizeof(*out->numbers)),
		.holders = calloc(entries, sizeof(*out->holders)),
	};
	if (out->free == NULL || out->numbers == NULL || out->holders == NULL) {
		ring_out_destroy(out);
		return -ENOMEM;
	}
	for (uint16_t i = 0; i < entries; i++)
		out->free[i] = (uint16_t)(entries - 1 - i);
	return 0;
}

void ring_out_destroy(struct ring_out *out)
{
	free(out->free);
	free(out->numbers);
	free(out->holders);
	*out = (struct ring_out){0};
}

IM_DISPATCH static void take_back(struct ring_out *out, uint16_t number)
{
	out->holders[number] = RING_CARD;
	out->free[out->free_count++] = number;
	ring_count_one(&out->returned);
}

/* What was lent for as long as the host took to pass it comes back by that. */
IM_DISPATCH static enum ring_fault follow_head(struct ring_out *out)
{
	uint32_t head = __atomic_load_n(&out->host->receive_head, __ATOMIC_ACQUIRE);

	if (head - out->head > out->published - out->head)
		return RING_FAULT_RECEIVE_HEAD;
	for (; out->head != head; out->head++) {
		uint16_t place = out->numbers[out->head & out->mask];

		if (place & RING_PLACE_LENT)
			take_back(out, place & (RING_PLACE_LENT - 1));
	}
	if (out->woken && (int32_t)(head - out->woken_at) >= 0)
		out->woken = false;
	return RING_FAULT_NONE;
}

IM_DISPATCH static enum ring_fault take_return(struct ring_out *out, const struct sluice_desc *desc)
{
	if (desc->offset != 0 || desc->length != 0 || desc->flags != 0 || desc->reserved != 0)
		return RING_FAULT_RETURN_FIELDS;
	if (desc->id > out->mask || out->holders[desc->id] != RING_HOST)
		return RING_FAULT_RETURN_ID;
	take_back(out, (uint16_t)desc->id);
	return RING_FAULT_NONE;
}

/* All of them each time: so a tail that runs backwards is one that is more than the ring ahead. */
IM_DISPATCH static enum ring_fault take_returns(struct ring_out *out)
{
	uint32_t tail = __atomic_load_n(&out->host->return_tail, __ATOMIC_ACQUIRE);
	enum ring_fault fault = RING_FAULT_NONE;

	if (tail - out->return_head > out->mask + 1)
		return RING_FAULT_RETURN_TAIL;
	while (out->return_head != tail && fault == RING_FAULT_NONE) {
		const struct sluice_desc desc = ring_fetch(&out->returns[out->return_head & out->mask]);

		fault = take_return(out, &desc);
		out->return_head++;
	}
	return fault;
}

bool ring_out_begin(struct ring_out *out)
{
	if (out->fault == RING_FAULT_NONE)
		out->fault = follow_head(out);
	if (out->fault == RING_FAULT_NONE)
		out->fault = take_returns(out);
	return out->fault == RING_FAULT_NONE;
}

/*
 * A host that was woken and has not come to where it was woken for is still on its way: it is not woken twice. How far
 * it has come is read anew, in one order with all that is told: it may have come there, and sleep again, since the
 * burst began.
 */
IM_DISPATCH static bool is_to_be_woken(struct ring_out *out)
{
	uint32_t head;

	if (!(__atomic_load_n(&out->host->want_event, __ATOMIC_SEQ_CST) & SLUICE_WANT_RECEIVE))
		return false;
	head = __atomic_load_n(&out->host->receive_head, __ATOMIC_SEQ_CST);
	if (out->woken && (int32_t)(head - out->woken_at) < 0)
		return false;
	out->woken = true;
	out->woken_at = out->tail;
	return true;
}

bool ring_out_publish(struct ring_out *out)
{
	__atomic_store_n(&out->card->receive_short, out->short_frames, __ATOMIC_RELAXED);
	__atomic_store_n(&out->card->return_head, out->return_head, __ATOMIC_RELEASE);
	if (out->published == out->tail)
		return false;
	out->published = out->tail;
	__atomic_store_n(&out->card->receive_tail, out->tail, __ATOMIC_SEQ_CST);
	return is_to_be_woken(out);
}
