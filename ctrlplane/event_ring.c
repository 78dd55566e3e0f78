/* SPDX-License-Identifier: BSD-3-Clause */
#include "event_ring.h"

#include <string.h>

#include "abi/crc32c.h"

static uint32_t lap_phase(uint32_t index)
{
	return (index / SLUICE_RING_ENTRIES & 1) ^ 1;
}

/* As with the completion ring: a head that lies elsewhere than between the last one and what we posted is the host's
 * choice of how far we run, and so it is no room. */
static uint32_t count_room(struct event_ring *ring, uint64_t *bad_doorbells)
{
	uint32_t head = __atomic_load_n(&ring->doorbell->event_head, __ATOMIC_ACQUIRE);

	if (head - ring->head > ring->posted - ring->head) {
		(*bad_doorbells)++;
		return 0;
	}
	ring->head = head;
	return SLUICE_RING_ENTRIES - (ring->posted - head);
}

static void post(struct event_ring *ring, const struct sluice_event *event)
{
	struct sluice_event *entry = &ring->entries[ring->posted % SLUICE_RING_ENTRIES];
	uint64_t word = sluice_crc32c(0, event, offsetof(struct sluice_event, crc));

	word |= (uint64_t)lap_phase(ring->posted) << 32;
	memcpy(entry, event, offsetof(struct sluice_event, crc));
	__atomic_store_n((uint64_t *)&entry->crc, word, __ATOMIC_RELEASE);
	ring->posted++;
}

unsigned event_ring_fill(struct event_ring *ring, struct event_log *log, uint64_t *bad_doorbells)
{
	uint32_t room = ring->entries != NULL ? count_room(ring, bad_doorbells) : 0;
	struct sluice_event event;
	unsigned posted = 0;

	for (; posted < room && event_log_next(log, &ring->cursor, &event); posted++)
		post(ring, &event);
	return posted;
}
