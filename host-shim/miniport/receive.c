/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receives: from the ring to the protocols. Nothing that the card wrote is used before it is checked, and nothing of a
 * descriptor is read twice.
 */
#include <linux/virtio_net.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>

#include "inside.h"

#define WIRE_TAGS   2u /* that the card lets a frame have */
#define KNOWN_FLAGS (SLUICE_DESC_MORE | SLUICE_DESC_META | SLUICE_DESC_RESOURCES)

enum taken { TAKEN, INCOMPLETE, FAULT };

static struct sluice_desc read_once(const struct sluice_desc *entry)
{
	const uint64_t *word = (const uint64_t *)(const void *)entry;
	uint64_t copy[2] = {__atomic_load_n(&word[0], __ATOMIC_RELAXED), __atomic_load_n(&word[1], __ATOMIC_RELAXED)};
	struct sluice_desc desc;

	memcpy(&desc, copy, sizeof(desc));
	return desc;
}

/* The bytes lie in the buffer that is named, and the host does not have that buffer already. */
static bool is_right(const struct lane *lane, const struct sluice_desc *desc, bool first)
{
	uint64_t start, least = (desc->flags & SLUICE_DESC_META) != 0 ? sizeof(struct sluice_frame_meta) : 1;

	if ((desc->flags & ~KNOWN_FLAGS) != 0 || desc->reserved != 0 || desc->id >= lane->entries)
		return false;
	if (((desc->flags & SLUICE_DESC_META) != 0 && !first) || desc->length < least)
		return false;
	start = lane->receive_at + (uint64_t)desc->id * SLUICE_DATA_BUFFER;
	return desc->offset >= start && desc->length <= SLUICE_DATA_BUFFER &&
	       desc->offset - start <= SLUICE_DATA_BUFFER - desc->length &&
	       __atomic_load_n(&lane->lent[desc->id], __ATOMIC_ACQUIRE) == 0;
}

static void add_piece(struct lane *lane, struct packet *packet, const struct sluice_desc *desc)
{
	const uint8_t *bytes = lane->card_base + desc->offset;
	uint32_t length = desc->length;

	if ((desc->flags & SLUICE_DESC_META) != 0) {
		memcpy(&packet->public.meta, bytes, sizeof(packet->public.meta));
		bytes += sizeof(packet->public.meta);
		length -= (uint32_t)sizeof(packet->public.meta);
	}
	if (length > 0)
		packet->public.pieces[packet->public.piece_count++] =
			(struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
	packet->public.length += length;
}

static void add_buffer(struct lane *lane, struct packet *packet, const struct sluice_desc *desc)
{
	add_piece(lane, packet, desc);
	packet->ids[packet->buffers] = (uint16_t)desc->id;
	__atomic_store_n(&lane->lent[desc->id], 1, __ATOMIC_RELAXED);
	if ((desc->flags & SLUICE_DESC_RESOURCES) != 0)
		packet->public.status = IM_STATUS_RESOURCES;
	else
		packet->lent |= 1ull << packet->buffers;
	packet->buffers++;
}

static struct packet *begin(struct lane *lane, uint32_t id, unsigned queue)
{
	struct packet *packet = &lane->packets[id];

	packet->public.length = 0;
	packet->public.queue = (uint16_t)queue;
	packet->public.status = IM_STATUS_SUCCESS;
	packet->public.meta = (struct sluice_frame_meta){0};
	packet->public.piece_count = 0;
	packet->lane = lane;
	packet->buffers = 0;
	packet->lent = 0;
	return packet;
}

/* The next frame, from *@p at on. */
static enum taken take_frame(struct lane *lane, unsigned queue, uint32_t *at, uint32_t tail, struct packet **packet)
{
	uint32_t index = *at;
	struct sluice_desc chain[SLUICE_DATA_CHAIN_MAX];
	unsigned number = 0;

	do {
		if (number == SLUICE_DATA_CHAIN_MAX)
			return FAULT;
		if (index == tail)
			return INCOMPLETE;
		chain[number] = read_once(&lane->receive_ring[index++ & (lane->entries - 1u)]);
		if (!is_right(lane, &chain[number], number == 0))
			return FAULT;
	} while ((chain[number++].flags & SLUICE_DESC_MORE) != 0);
	*packet = begin(lane, chain[0].id, queue);
	for (unsigned i = 0; i < number; i++) {
		if (__atomic_load_n(&lane->lent[chain[i].id], __ATOMIC_RELAXED) != 0)
			return FAULT; /* twice in one chain */
		add_buffer(lane, *packet, &chain[i]);
	}
	*at = index;
	return TAKEN;
}

/* ---- To the protocols ---------------------------------------------------------------------------- */

/* It has no tag in it, and its IPv4 may have options. */
static bool is_joined_right(const struct sluice_frame_meta *meta, uint32_t length)
{
	return meta->gso_type == VIRTIO_NET_HDR_GSO_TCPV4 && (meta->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0 &&
	       meta->gso_size > 0 && meta->hdr_len < length &&
	       meta->csum_start >= SLUICE_FRAME_MIN + sizeof(struct iphdr) &&
	       meta->csum_start + sizeof(struct tcphdr) <= meta->hdr_len &&
	       meta->csum_offset == offsetof(struct tcphdr, check);
}

static bool is_sum_inside(const struct sluice_frame_meta *meta, uint32_t length)
{
	return (meta->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0 ||
	       (meta->csum_start >= SLUICE_FRAME_MIN &&
		(uint32_t)meta->csum_start + meta->csum_offset + sizeof(uint16_t) <= length);
}

/* Who has not asked for joined frames knows nothing of them; longer than the MTU are only those. */
static bool is_frame(const struct sluice_miniport *miniport, const struct packet *packet)
{
	const struct sluice_frame_meta *meta = &packet->public.meta;
	uint32_t length = packet->public.length;

	if (length < SLUICE_FRAME_MIN || length > SLUICE_DATA_FRAME_MAX)
		return false;
	if (meta->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return miniport->large_receives && is_joined_right(meta, length);
	return length <= longest_frame(miniport, WIRE_TAGS) && is_sum_inside(meta, length);
}

/* Each receiver's reference is taken before it is called: it may return the packet before its handler is over [5.14].
 * What it does not keep is dropped for it. */
static void give(struct queue *queue, struct sluice_protocol *protocol, struct packet **packets, unsigned number)
{
	struct sluice_packet *public[SLUICE_BATCH];
	struct packet *dropped[SLUICE_BATCH];
	bool keep[SLUICE_BATCH] = {false};
	unsigned drops = 0;

	for (unsigned i = 0; i < number; i++) {
		__atomic_fetch_add(&packets[i]->references, 1, __ATOMIC_RELAXED);
		public[i] = &packets[i]->public;
	}
	call_receive(protocol, public, number, keep);
	for (unsigned i = 0; i < number; i++) {
		bool lendable = packets[i]->public.status != IM_STATUS_RESOURCES;

		if (keep[i] && !lendable)
			count(&queue->counters.violations, 1);
		if (!keep[i] || !lendable)
			dropped[drops++] = packets[i];
	}
	packets_drop(dropped, drops);
}

static void hand_out(struct sluice_miniport *miniport, struct queue *queue, struct packet **packets, unsigned number)
{
	bool running = __atomic_load_n(&miniport->state, __ATOMIC_RELAXED) == SLUICE_INSTANCE_RUNNING;
	unsigned receivers = 0;

	for (unsigned i = 0; i < number; i++)
		__atomic_store_n(&packets[i]->references, DISPATCH_REFERENCE, __ATOMIC_RELAXED);
	__atomic_fetch_add(&queue->lane->life->references, number, __ATOMIC_RELAXED);
	for (unsigned i = 0; running && i < miniport->protocols.count; i++) {
		if (miniport->protocols.at[i]->handlers.receive == NULL)
			continue;
		give(queue, miniport->protocols.at[i], packets, number);
		receivers++;
	}
	count(receivers > 0 ? &queue->counters.received : &queue->counters.unwanted, number);
	packets_end_dispatch(packets, number);
}

/* The packets of one call: RESOURCES holds for all behind it, so a packet that may be kept begins another call. */
struct batch {
	struct packet *packets[SLUICE_BATCH];
	unsigned number;
};

static void flush(struct sluice_miniport *miniport, struct queue *queue, struct batch *batch)
{
	if (batch->number > 0)
		hand_out(miniport, queue, batch->packets, batch->number);
	batch->number = 0;
}

static void add(struct sluice_miniport *miniport, struct queue *queue, struct batch *batch, struct packet *packet)
{
	bool short_before =
		batch->number > 0 && batch->packets[batch->number - 1]->public.status == IM_STATUS_RESOURCES;

	if (batch->number == SLUICE_BATCH || (short_before && packet->public.status != IM_STATUS_RESOURCES))
		flush(miniport, queue, batch);
	count(&queue->counters.resources, packet->public.status == IM_STATUS_RESOURCES);
	batch->packets[batch->number++] = packet;
}

static void drop_malformed(struct queue *queue, struct packet *packet)
{
	count(&queue->counters.malformed, 1);
	__atomic_store_n(&packet->references, DISPATCH_REFERENCE, __ATOMIC_RELAXED);
	__atomic_fetch_add(&packet->lane->life->references, 1, __ATOMIC_RELAXED);
	packets_end_dispatch(&packet, 1);
}

/* With the polling flag. The head moves last: until then, buffers with RESOURCES stay as they are. */
unsigned receive(struct sluice_miniport *miniport, struct queue *queue, unsigned budget)
{
	struct lane *lane = queue->lane;
	struct batch batch = {.number = 0};
	uint32_t tail = __atomic_load_n(&lane->card->receive_tail, __ATOMIC_ACQUIRE);
	uint32_t at = lane->receive_head;
	unsigned total = 0;
	enum taken taken = tail - at <= lane->entries ? TAKEN : FAULT;

	while (taken == TAKEN && at != tail && total < budget) {
		struct packet *packet;

		taken = take_frame(lane, (unsigned)(queue - miniport->queues), &at, tail, &packet);
		if (taken != TAKEN)
			break;
		total++;
		if (is_frame(miniport, packet))
			add(miniport, queue, &batch, packet);
		else
			drop_malformed(queue, packet);
	}
	flush(miniport, queue, &batch);
	if (taken == FAULT)
		lane_break(lane, queue);
	lane->receive_head = at;
	__atomic_store_n(&lane->host->receive_head, at, __ATOMIC_RELEASE);
	return total;
}
