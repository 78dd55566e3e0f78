/* SPDX-License-Identifier: BSD-3-Clause */
#include "im/assemble.h"

#include <string.h>

#include "im/sync.h"

/* The words of a packet that is being filled. Of one that is delivered they are zero. */
enum word {
	WORD_FRAME,  /* so far */
	WORD_WANTED, /* bytes that are asked for */
};

/* ---- Buffers ------------------------------------------------------------------------------------- */

IM_DISPATCH static struct rte_mbuf *make_buffer(uint32_t length)
{
	struct rte_mbuf *buffer = im_allocate_buffer();

	if (buffer != NULL)
		rte_pktmbuf_append(buffer, (uint16_t)RTE_MIN(length, (uint32_t)rte_pktmbuf_tailroom(buffer)));
	return buffer;
}

/* Buffers for exactly @p length bytes, of unspecified content. */
IM_DISPATCH static struct rte_mbuf *make_room(uint32_t length)
{
	struct rte_mbuf *room = make_buffer(length);

	while (room != NULL && rte_pktmbuf_pkt_len(room) < length) {
		struct rte_mbuf *more = make_buffer(length - rte_pktmbuf_pkt_len(room));

		if (more != NULL && rte_pktmbuf_chain(room, more) == 0)
			continue;
		rte_pktmbuf_free(more);
		rte_pktmbuf_free(room);
		room = NULL;
	}
	return room;
}

/* Returns the buffer in which it goes on, at *offset. */
IM_DISPATCH static struct rte_mbuf *copy_in(struct rte_mbuf *to, uint32_t *offset, const void *from, uint32_t length)
{
	const uint8_t *bytes = from;

	while (length > 0) {
		uint32_t part;

		if (*offset == rte_pktmbuf_data_len(to)) {
			to = to->next;
			*offset = 0;
		}
		part = RTE_MIN(length, rte_pktmbuf_data_len(to) - *offset);
		memcpy(rte_pktmbuf_mtod_offset(to, uint8_t *, *offset), bytes, part);
		bytes += part;
		length -= part;
		*offset += part;
	}
	return to;
}

IM_DISPATCH static struct rte_mbuf *copy_in_sight(const struct im_lookahead *lookahead, uint32_t in_sight)
{
	struct rte_mbuf *frame = make_room(lookahead->header_length + in_sight);
	uint32_t offset = 0;

	if (frame == NULL)
		return NULL;
	copy_in(copy_in(frame, &offset, lookahead->header, lookahead->header_length), &offset, lookahead->data,
		in_sight);
	return frame;
}

/* ---- Frames -------------------------------------------------------------------------------------- */

IM_DISPATCH static im_status_t lose(struct im_assembler *assembler, struct im_packet *packet)
{
	if (packet != NULL) {
		rte_pktmbuf_free(packet->mbuf);
		packet->mbuf = NULL;
		assembler->free(assembler->owner, packet);
	}
	assembler->lose(assembler->owner);
	return IM_STATUS_NOT_ACCEPTED;
}

IM_DISPATCH static im_status_t deliver(struct im_assembler *assembler, struct im_packet *packet)
{
	memset(im_packet_words(packet), 0, sizeof(packet->stack[0].words));
	packet->length = rte_pktmbuf_pkt_len(packet->mbuf);
	packet->status = IM_STATUS_SUCCESS;
	assembler->deliver(assembler->owner, packet);
	return IM_STATUS_SUCCESS;
}

/* The packet's buffers are the rest of the frame, if they are full. */
IM_DISPATCH static im_status_t join(struct im_assembler *assembler, struct im_packet *packet, im_status_t status,
				    uint32_t transferred)
{
	const uintptr_t *words = im_packet_words(packet);
	struct rte_mbuf *frame = (struct rte_mbuf *)words[WORD_FRAME];

	if (status != IM_STATUS_SUCCESS || transferred != words[WORD_WANTED] ||
	    rte_pktmbuf_chain(frame, packet->mbuf) != 0) {
		rte_pktmbuf_free(frame);
		return lose(assembler, packet);
	}
	packet->mbuf = frame;
	return deliver(assembler, packet);
}

/* All that the completion looks at is there before the call (3.18). */
IM_DISPATCH static im_status_t fetch(struct im_assembler *assembler, struct im_binding *binding,
				     const struct im_lookahead *lookahead, struct im_packet *packet, uint32_t offset)
{
	uint32_t length = lookahead->packet_length - offset, transferred = 0;
	im_status_t status;

	im_packet_words(packet)[WORD_FRAME] = (uintptr_t)packet->mbuf;
	im_packet_words(packet)[WORD_WANTED] = length;
	packet->mbuf = make_room(length);
	if (packet->mbuf == NULL)
		return join(assembler, packet, IM_STATUS_RESOURCES, 0);
	packet->length = length;
	__atomic_add_fetch(&assembler->transfers, 1, __ATOMIC_RELAXED);
	status = im_transfer_data(binding, lookahead->receive_context, offset, length, packet, &transferred);
	if (status == IM_STATUS_PENDING)
		return IM_STATUS_SUCCESS;
	__atomic_sub_fetch(&assembler->transfers, 1, __ATOMIC_RELEASE);
	return join(assembler, packet, status, transferred);
}

void im_assembled(struct im_assembler *assembler, struct im_packet *packet, im_status_t status, uint32_t transferred)
{
	join(assembler, packet, status, transferred);
	__atomic_sub_fetch(&assembler->transfers, 1, __ATOMIC_RELEASE);
}

im_status_t im_assemble(struct im_assembler *assembler, struct im_binding *binding,
			const struct im_lookahead *lookahead)
{
	uint32_t in_sight = RTE_MIN(lookahead->data_length, lookahead->packet_length);
	struct im_packet *packet = assembler->allocate(assembler->owner);

	if (packet == NULL)
		return lose(assembler, NULL);
	packet->mbuf = copy_in_sight(lookahead, in_sight);
	if (packet->mbuf == NULL)
		return lose(assembler, packet);
	if (in_sight < lookahead->packet_length)
		return fetch(assembler, binding, lookahead, packet, in_sight);
	return deliver(assembler, packet);
}

void im_assemble_wait(const struct im_assembler *assembler)
{
	struct im_event never = {0};

	while (__atomic_load_n(&assembler->transfers, __ATOMIC_ACQUIRE) > 0)
		im_wait_event(&never, 1);
}
