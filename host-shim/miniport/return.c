/* SPDX-License-Identifier: BSD-3-Clause */
/* The way back of received packets, and copies of them. */
#include <string.h>

#include "inside.h"

/*
 * With the lock of returns. What is returned to a life that the miniport has left is forgotten. A packet is known by
 * the number of its first buffer: once that one is not lent any more, a card may give it again, and the packet is no
 * longer ours. So it goes last; and it is this flag, not the card, that orders us before whoever gets the packet next.
 */
static void give_back(struct lane *lane, const struct packet *packet)
{
	uint64_t lent = packet->lent;
	uint32_t number = 0;

	for (uint32_t i = packet->buffers; i-- > 0;) {
		uint32_t id = packet->ids[i];

		if ((lent & 1ull << i) != 0)
			lane->return_ring[(lane->return_tail + number++) & (lane->entries - 1u)] =
				(struct sluice_desc){.id = id};
		__atomic_store_n(&lane->lent[id], 0, __ATOMIC_RELEASE);
	}
	lane->return_tail += number;
	if (lane->counters != NULL)
		count(&lane->counters->returned, number);
}

/* As many buffers as there are places in the ring: a card that lends one before it has seen it return, and only such a
 * card, could make this overflow; then the card is told nothing more. */
static bool has_room(const struct lane *lane, const struct packet *packet)
{
	uint32_t head = __atomic_load_n(&lane->card->return_head, __ATOMIC_ACQUIRE);

	return lane->return_tail - head + packet->buffers <= lane->entries;
}

/* Packets of one lane whose last reference is gone. */
static void return_run(struct lane *lane, struct packet **packets, unsigned number)
{
	pthread_mutex_lock(&lane->returns);
	for (unsigned i = 0; i < number; i++) {
		if (has_room(lane, packets[i]))
			give_back(lane, packets[i]);
		else if (__atomic_exchange_n(&lane->broken, 1, __ATOMIC_RELAXED) == 0 && lane->counters != NULL)
			count(&lane->counters->faults, 1);
	}
	__atomic_store_n(&lane->host->return_tail, lane->return_tail, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&lane->returns);
	life_leave(lane->life, number);
}

static void blame(struct packet *packet)
{
	struct lane *lane = packet->lane;

	if (lane == NULL)
		return;
	pthread_mutex_lock(&lane->returns);
	if (lane->counters != NULL)
		count(&lane->counters->violations, 1);
	pthread_mutex_unlock(&lane->returns);
}

/* True where it was the last reference. One too many is counted, and undone [5.16]: while the packet is being handed
 * out, that is one more than its receivers have. */
static bool put_reference(struct packet *packet)
{
	uint32_t references = __atomic_load_n(&packet->references, __ATOMIC_RELAXED);

	do {
		if (references == 0 || references == DISPATCH_REFERENCE) {
			blame(packet);
			return false;
		}
	} while (!__atomic_compare_exchange_n(&packet->references, &references, references - 1, true, __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
	return references == 1;
}

static bool put_dispatch_reference(struct packet *packet)
{
	return __atomic_sub_fetch(&packet->references, DISPATCH_REFERENCE, __ATOMIC_ACQ_REL) == 0;
}

static void drop(struct packet **packets, unsigned number, bool (*put)(struct packet *packet))
{
	struct packet *run[SLUICE_BATCH];
	unsigned length = 0;

	for (unsigned i = 0; i < number; i++) {
		if (length > 0 && (run[0]->lane != packets[i]->lane || length == SLUICE_BATCH)) {
			return_run(run[0]->lane, run, length);
			length = 0;
		}
		if (put(packets[i]))
			run[length++] = packets[i];
	}
	if (length > 0)
		return_run(run[0]->lane, run, length);
}

void packets_drop(struct packet **packets, unsigned number)
{
	drop(packets, number, put_reference);
}

void packets_end_dispatch(struct packet **packets, unsigned number)
{
	drop(packets, number, put_dispatch_reference);
}

void sluice_miniport_return(struct sluice_packet **packets, unsigned number)
{
	packets_drop((struct packet **)(void *)packets, number);
}

uint32_t sluice_miniport_transfer_data(const struct sluice_packet *packet, uint32_t offset, void *to, uint32_t length)
{
	uint32_t done = 0;

	for (uint32_t i = 0; i < packet->piece_count && done < length; i++) {
		const struct iovec *piece = &packet->pieces[i];
		size_t part;

		if (offset >= piece->iov_len) {
			offset -= (uint32_t)piece->iov_len;
			continue;
		}
		part = piece->iov_len - offset;
		if (part > length - done)
			part = length - done;
		memcpy((uint8_t *)to + done, (const uint8_t *)piece->iov_base + offset, part);
		done += (uint32_t)part;
		offset = 0;
	}
	return done;
}
