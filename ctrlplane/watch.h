/* SPDX-License-Identifier: BSD-3-Clause */
/* Looks from time to time at what nobody tells of itself, and raises events of what has changed. */
#ifndef CTRLPLANE_WATCH_H
#define CTRLPLANE_WATCH_H

#include "control.h"

/** Between two looks. */
#define WATCH_PERIOD_MS 200u

/** All zero at first, but for control. */
struct watch {
	struct control *control;
	uint64_t next_ms;
	uint64_t violations;
	bool looked; /* at least once: there is something to compare with */
	bool link_up[SLUICE_POLICY_MAX_PORTS];
};

/** Looks, where it is time to; @p now_ms never goes back. Level: PASSIVE, one thread. */
void watch_tick(struct watch *watch, uint64_t now_ms);

#endif
