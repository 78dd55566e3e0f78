/* SPDX-License-Identifier: BSD-3-Clause */
/* The orderly end of ports that have hosts: wait for the receive buffers that these have, but not for ever. */
#ifndef FW_HOSTS_H
#define FW_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

struct hosts {
	const struct policy_image *image;
	uint64_t begun_ms;
	uint32_t limit_ms;
	bool said; /* that it waits */
};

/** Nothing goes to hosts any more; the workers go on, and the other ports with them. Level: PASSIVE. */
void hosts_drain(struct hosts *hosts, const struct policy_image *image, uint32_t limit_ms);

/** Whether there is something to wait for; to be asked again and again. Says what, and how it came out. Level: PASSIVE.
 */
bool hosts_wait(struct hosts *hosts);

#endif
