/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's end of the rings, written a second time and as plainly as possible, so that a test can do what
 * libsluice never would: any entry, any payload, any doorbell.
 */
#ifndef TESTS_MAILBOX_RING_H
#define TESTS_MAILBOX_RING_H

#include <stdbool.h>
#include <string.h>

#include "abi/crc32c.h"
#include "abi/mailbox.h"

struct ring {
	struct sluice_doorbell *doorbell;
	struct sluice_command *submission;
	const struct sluice_completion *completion;
	uint8_t *stage_in;
	const uint8_t *stage_out;
	uint32_t submitted;
	uint32_t consumed;
};

static inline uint32_t ring_phase(uint32_t index)
{
	return index / SLUICE_RING_ENTRIES % 2 == 0 ? 1 : 0;
}

static inline uint32_t ring_crc(const struct ring *ring, const struct sluice_command *command)
{
	uint32_t crc = sluice_crc32c(0, command, 56);

	return sluice_crc32c(crc, ring->stage_in + command->in_offset, command->in_length);
}

/** Publishes @p command as it stands, checksum and phase included. */
static inline void ring_publish(struct ring *ring, const struct sluice_command *command)
{
	struct sluice_command *entry = &ring->submission[ring->submitted++ % SLUICE_RING_ENTRIES];

	memcpy(entry, command, 56);
	__atomic_store_n((uint64_t *)&entry->crc, command->crc | (uint64_t)command->phase << 32, __ATOMIC_RELEASE);
}

/** Publishes @p command with the right phase and, over a payload that lies in the stage, the right checksum. */
static inline void ring_submit(struct ring *ring, struct sluice_command command)
{
	command.phase = ring_phase(ring->submitted);
	if ((uint64_t)command.in_offset + command.in_length <= SLUICE_STAGE_SIZE)
		command.crc = ring_crc(ring, &command);
	ring_publish(ring, &command);
}

/** The next completion, if there is one; the doorbell is left alone. */
static inline bool ring_take(struct ring *ring, struct sluice_completion *completion)
{
	const struct sluice_completion *entry = &ring->completion[ring->consumed % SLUICE_RING_ENTRIES];
	uint64_t word = __atomic_load_n((const uint64_t *)&entry->crc, __ATOMIC_ACQUIRE);

	if (word >> 32 != ring_phase(ring->consumed))
		return false;
	memcpy(completion, entry, 24);
	completion->crc = (uint32_t)word;
	completion->phase = (uint32_t)(word >> 32);
	ring->consumed++;
	return true;
}

#endif
