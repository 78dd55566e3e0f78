/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the reporters of the INFO region say (abi/health.h), collected in rounds: each thing that there is reports, then
 * the round is published, and what has not reported in it is gone. A change of state raises an event.
 *
 * Level: PASSIVE, one thread.
 */
#ifndef CTRLPLANE_HEALTH_H
#define CTRLPLANE_HEALTH_H

#include "abi/health.h"
#include "event_log.h"

#define HEALTH_REPORTERS_MAX 128u

struct health_entry {
	struct sluice_reporter reporter;
	bool reported; /* in this round */
};

/** All zero at first, but for events. */
struct health {
	struct event_log *events; /* NULL: nobody is told */
	uint32_t count;
	uint32_t omitted; /* in this round, for want of a place */
	struct health_entry entries[HEALTH_REPORTERS_MAX];
};

/** Says how one thing is; @p name may be NULL, for the kind's word. @p text is what is wrong, cut to fit, or "". */
void health_report(struct health *health, enum sluice_reporter_kind kind, const char *name,
		   enum sluice_health_state state, const char *text);

/** Ends the round: forgets what has not reported, and shows the others in @p shared. */
void health_publish(struct health *health, struct sluice_health *shared);

/* A count that has to go on, and since when it has not. */
struct health_pulse {
	uint64_t count;
	uint64_t since_ms;
};

/** Milliseconds since @p count last went on; 0 where it did. */
uint64_t health_pulse_age(struct health_pulse *pulse, uint64_t count, uint64_t now_ms);

#endif
