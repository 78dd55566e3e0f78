/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looks from time to time at what nobody tells of itself: raises events of what has changed, keeps the heartbeat of the
 * workers and the health in the INFO region.
 */
#ifndef CTRLPLANE_WATCH_H
#define CTRLPLANE_WATCH_H

#include "abi/mailbox.h"
#include "control.h"
#include "health.h"

/** Between two looks. */
#define WATCH_PERIOD_MS 200u

/** A thread that has not turned for so long has failed: far more than the machine may keep it from its processor. */
#define WATCH_STALL_MS 3000u

struct watch {
	pthread_mutex_t lock; /* of info */
	struct control *control;
	struct sluice_info_region *info; /* NULL: do not look any more */
	uint64_t next_ms;
	uint64_t violations;
	bool looked; /* at least once: there is something to compare with */
	bool link_up[SLUICE_POLICY_MAX_PORTS];
	struct health health;
	struct health_pulse mailbox;
	struct health_pulse workers[IM_WORKERS_MAX];
	uint64_t beat[IM_WORKERS_MAX]; /* turns at the last beat of all workers */
};

/** What watch_tick() looks at, and where it shows that. */
void watch_start(struct watch *watch, struct control *control, struct sluice_info_region *info);

/** Looks, where it is time to; @p now_ms never goes back. Level: PASSIVE, one thread. */
void watch_tick(struct watch *watch, uint64_t now_ms);

/** From here on INFO is left alone. Level: PASSIVE, any thread. */
void watch_stop(struct watch *watch);

#endif
