/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The last events, kept for every client: raised by any thread, read by the one that serves the mailboxes.
 *
 * A reader has a cursor, the number of the last event that it saw; how many it missed follows from that.
 */
#ifndef CTRLPLANE_EVENT_LOG_H
#define CTRLPLANE_EVENT_LOG_H

#include <pthread.h>
#include <stdbool.h>

#include "abi/event.h"

struct event_log {
	pthread_mutex_t lock;
	int event_fd;	 /* readable where something was raised since event_log_clear_signal() */
	uint32_t raised; /* under the lock: number of the newest event */
	struct sluice_event events[SLUICE_EVENT_LOG]; /* by number modulo their count; their crc and phase are 0 */
};

/** 0 or -errno. */
int event_log_create(struct event_log *log);

void event_log_destroy(struct event_log *log);

/** Adds an event. @p subject may be NULL, and is cut to fit. @p log may be NULL: nobody is told. Level: PASSIVE. */
void event_log_raise(struct event_log *log, enum sluice_event_kind kind, const char *subject, uint64_t value);

/** Number of the newest event; 0 where there was none. */
uint32_t event_log_newest(struct event_log *log);

/** The cursor of a reader who shall see all that is kept. */
uint32_t event_log_start(struct event_log *log);

/** Copies the event after *@p cursor, with what was lost in between, and moves the cursor. False: there is none. */
bool event_log_next(struct event_log *log, uint32_t *cursor, struct sluice_event *event);

/** Lets event_fd wait for the next event. */
void event_log_clear_signal(struct event_log *log);

#endif
