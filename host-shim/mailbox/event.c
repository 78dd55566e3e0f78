/* SPDX-License-Identifier: BSD-3-Clause */
/* The host's end of the event ring. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "abi/crc32c.h"
#include "client_private.h"

/* The firmware hears of room for more before the ring is full again, and not with each event. */
#define KICK_EVERY (SLUICE_RING_ENTRIES / 2)

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Copies the next event, once; 0 where none is published yet. */
static int take(struct sluice_client *client, struct sluice_event *event)
{
	const char *ring = (const char *)client->regions[SLUICE_FD_COMPLETION] + SLUICE_EVENT_OFFSET;
	const struct sluice_event *entry =
		&((const struct sluice_event *)(const void *)ring)[client->events % SLUICE_RING_ENTRIES];
	struct sluice_doorbell *doorbell = client->regions[SLUICE_FD_DOORBELL];
	uint64_t word = __atomic_load_n((const uint64_t *)&entry->crc, __ATOMIC_ACQUIRE);

	if ((word >> 32 & 1) != client_phase(client->events))
		return 0;
	memcpy(event, entry, offsetof(struct sluice_event, crc));
	event->crc = (uint32_t)word;
	event->phase = (uint32_t)(word >> 32);
	if (sluice_crc32c(0, event, offsetof(struct sluice_event, crc)) != event->crc)
		return client_fail(client, -EPROTO, SLUICE_FAULT_PROTOCOL,
				   "an event of the firmware is damaged: its checksum does not match");
	client->events++;
	__atomic_store_n(&doorbell->event_head, client->events, __ATOMIC_RELEASE);
	if (client->events % KICK_EVERY == 0 && client->source->kick(client) != 0)
		return -EPROTO;
	return 1;
}

/* 1 where it is worth looking again, 0 when the time is up, or the fault. */
static int wait_for_signal(struct sluice_client *client, int timeout_ms)
{
	struct pollfd sources[] = {{.fd = client->notify, .events = POLLIN}, {.fd = client->socket, .events = POLLIN}};
	int count = poll(sources, 2, timeout_ms);

	if (count < 0)
		return errno == EINTR ? 1
				      : client_fail(client, -EPROTO, SLUICE_FAULT_SYSTEM,
						    "cannot wait for the firmware: %s", strerror(errno));
	if (count == 0)
		return 0;
	if (sources[1].revents != 0 || (sources[0].revents & ~POLLIN) != 0 || !client->source->is_connected(client))
		return client_fail(client, -ECONNRESET, SLUICE_FAULT_GONE, "the firmware went away");
	client_drain(client);
	return 1;
}

static int time_left(int timeout_ms, uint64_t start)
{
	uint64_t passed = now_ms() - start;

	if (timeout_ms < 0)
		return -1;
	return passed < (uint64_t)timeout_ms ? timeout_ms - (int)passed : 0;
}

/* Looks once more after a wait that failed: the firmware may have told something and then gone. */
int sluice_next_event(struct sluice_client *client, int timeout_ms, struct sluice_event *event)
{
	uint64_t start = now_ms();
	int waited = 1;

	if (client->lost != 0)
		return client->lost;
	for (;;) {
		int taken = take(client, event);

		if (taken < 0)
			client->lost = taken;
		if (taken != 0)
			return taken;
		if (waited < 0)
			client->lost = waited;
		if (waited <= 0)
			return waited;
		waited = wait_for_signal(client, time_left(timeout_ms, start));
	}
}
