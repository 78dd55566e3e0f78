/* SPDX-License-Identifier: BSD-3-Clause */
/* Health from the INFO region, with or without a mailbox that answers. */
#include <errno.h>

#include "client_private.h"

/* A writer who died in the middle leaves an odd number for ever. */
#define TRIES 1000

int sluice_read_health(const struct sluice_client *client, struct sluice_health *health)
{
	const struct sluice_health *shared = &sluice_info(client)->health;

	for (int i = 0; i < TRIES; i++) {
		uint32_t sequence = __atomic_load_n(&shared->sequence, __ATOMIC_ACQUIRE);

		if (sequence == 0 || sequence % 2 != 0)
			continue;
		sluice_health_read(health, shared);
		if (__atomic_load_n(&shared->sequence, __ATOMIC_RELAXED) != sequence)
			continue;
		if (health->count > SLUICE_REPORTERS)
			health->count = SLUICE_REPORTERS;
		return 0;
	}
	return -EAGAIN;
}
