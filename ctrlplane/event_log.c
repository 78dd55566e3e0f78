/* SPDX-License-Identifier: BSD-3-Clause */
#include "event_log.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

int event_log_create(struct event_log *log)
{
	*log = (struct event_log){.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	if (log->event_fd < 0)
		return -errno;
	pthread_mutex_init(&log->lock, NULL);
	return 0;
}

void event_log_destroy(struct event_log *log)
{
	pthread_mutex_destroy(&log->lock);
	close(log->event_fd);
	*log = (struct event_log){.event_fd = -1};
}

static uint64_t wall_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void event_log_raise(struct event_log *log, enum sluice_event_kind kind, const char *subject, uint64_t value)
{
	struct sluice_event event = {.kind = (uint16_t)kind, .time_ms = wall_clock_ms(), .value = value};
	const uint64_t one = 1;

	if (log == NULL)
		return;
	if (subject != NULL)
		memcpy(event.subject, subject, strnlen(subject, sizeof(event.subject) - 1));
	pthread_mutex_lock(&log->lock);
	event.number = ++log->raised;
	log->events[event.number % SLUICE_EVENT_LOG] = event;
	pthread_mutex_unlock(&log->lock);
	if (write(log->event_fd, &one, sizeof(one)) < 0) {
		/* it is full, and so it is readable: that is all that is asked of it */
	}
}

uint32_t event_log_newest(struct event_log *log)
{
	uint32_t newest;

	pthread_mutex_lock(&log->lock);
	newest = log->raised;
	pthread_mutex_unlock(&log->lock);
	return newest;
}

uint32_t event_log_start(struct event_log *log)
{
	uint32_t newest = event_log_newest(log);

	return newest > SLUICE_EVENT_LOG ? newest - SLUICE_EVENT_LOG : 0;
}

/* Those between the cursor and the oldest that is kept were lost. */
bool event_log_next(struct event_log *log, uint32_t *cursor, struct sluice_event *event)
{
	uint32_t behind, lost;

	pthread_mutex_lock(&log->lock);
	behind = log->raised - *cursor;
	lost = behind > SLUICE_EVENT_LOG ? behind - SLUICE_EVENT_LOG : 0;
	if (behind > 0) {
		*cursor += lost + 1;
		*event = log->events[*cursor % SLUICE_EVENT_LOG];
		event->lost = lost < UINT16_MAX ? (uint16_t)lost : UINT16_MAX;
	}
	pthread_mutex_unlock(&log->lock);
	return behind > 0;
}

void event_log_clear_signal(struct event_log *log)
{
	uint64_t signals;

	if (read(log->event_fd, &signals, sizeof(signals)) < 0) {
		/* nothing was raised meanwhile */
	}
}
