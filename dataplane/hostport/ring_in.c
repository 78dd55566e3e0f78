/* SPDX-License-Identifier: BSD-3-Clause */
/* The send ring: what the host wants sent. */
#include "ring.h"

#include <string.h>

void ring_in_create(struct ring_in *in, const struct ring_place *place)
{
	*in = (struct ring_in){
		.host = (const void *)(place->host + sluice_host_line_at(place->queue)),
		.ring = (const void *)(place->host + sluice_send_ring_at(place->queues, place->entries, place->queue)),
		.base = place->host,
		.buffers = sluice_send_buffer_at(place->queues, place->entries, place->queue, 0),
		.buffers_size = (uint64_t)place->entries * SLUICE_DATA_BUFFER,
		.card = (void *)(place->card + sluice_card_line_at(place->queue)),
		.mask = place->entries - 1u,
	};
}

/* What is ahead never gets less but by what was taken, and that is taken off head and tail alike. */
bool ring_in_begin(struct ring_in *in)
{
	uint32_t tail, ahead;

	if (in->fault != RING_FAULT_NONE)
		return false;
	tail = __atomic_load_n(&in->host->send_tail, __ATOMIC_ACQUIRE);
	ahead = tail - in->head;
	if (ahead > in->mask + 1 || ahead < in->tail - in->head) {
		in->fault = RING_FAULT_SEND_TAIL;
		return false;
	}
	in->tail = tail;
	return true;
}

IM_DISPATCH static bool is_sound(const struct ring_in *in, const struct sluice_desc *desc, bool first)
{
	if ((desc->flags & ~(SLUICE_DESC_MORE | SLUICE_DESC_META)) != 0 || desc->reserved != 0)
		return false;
	if ((desc->flags & SLUICE_DESC_META) && (!first || desc->length < sizeof(struct sluice_frame_meta)))
		return false;
	return desc->length > 0 && ring_in_is_within(in, desc);
}

/* A frame that is too long goes on to its end all the same, or to the tail: what follows is another frame. */
enum ring_look ring_in_look(const struct ring_in *in, struct ring_frame *frame)
{
	struct sluice_desc desc = {.flags = SLUICE_DESC_MORE};
	bool sound = true;

	frame->next = in->head;
	frame->length = 0;
	frame->count = 0;
	frame->has_meta = false;
	if (in->head == in->tail)
		return RING_EMPTY;
	while ((desc.flags & SLUICE_DESC_MORE) && frame->next != in->tail) {
		desc = ring_fetch(&in->ring[frame->next & in->mask]);
		sound = sound && frame->count < SLUICE_DATA_CHAIN_MAX && is_sound(in, &desc, frame->count == 0);
		frame->next++;
		if (!sound)
			continue;
		frame->has_meta |= (desc.flags & SLUICE_DESC_META) != 0;
		frame->pieces[frame->count++] = (struct ring_piece){desc.offset, desc.length};
		frame->length += desc.length;
	}
	return sound && !(desc.flags & SLUICE_DESC_MORE) ? RING_FRAME : RING_BAD;
}

void ring_in_copy(const struct ring_in *in, const struct ring_frame *frame, struct ring_cursor *cursor, void *to,
		  uint32_t bytes)
{
	uint8_t *at = to;

	while (bytes > 0) {
		const struct ring_piece *piece = &frame->pieces[cursor->piece];
		uint32_t left = (uint32_t)piece->length - cursor->offset;
		uint32_t part = bytes < left ? bytes : left;

		memcpy(at, in->base + piece->offset + cursor->offset, part);
		at += part;
		bytes -= part;
		cursor->offset += (uint16_t)part;
		if (part == left)
			*cursor = (struct ring_cursor){.piece = (uint16_t)(cursor->piece + 1)};
	}
	ring_copied();
}

void ring_in_take(struct ring_in *in, const struct ring_frame *frame, bool refused)
{
	in->head = frame->next;
	in->frames++;
	in->refused += refused;
}

/* The host says that it sleeps, then looks at the index once more; so the index comes before the look here. */
bool ring_in_publish(struct ring_in *in)
{
	if (in->published == in->head)
		return false;
	in->published = in->head;
	__atomic_store_n(&in->card->send_frames, in->frames, __ATOMIC_RELAXED);
	__atomic_store_n(&in->card->send_refused, in->refused, __ATOMIC_RELAXED);
	__atomic_store_n(&in->card->send_head, in->head, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&in->host->want_event, __ATOMIC_SEQ_CST) & SLUICE_WANT_SEND;
}
