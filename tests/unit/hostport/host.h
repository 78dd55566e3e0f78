/* SPDX-License-Identifier: BSD-3-Clause */
/* A host by hand: the two regions of a port as plain memory, and what a host writes there, right or wrong. */
#ifndef TESTS_HOSTPORT_HOST_H
#define TESTS_HOSTPORT_HOST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <string.h>

#include "hostport/ring.h"

struct host {
	uint16_t queues, entries;
	uint8_t *card, *host;
};

static inline void host_up(struct host *host, uint16_t queues, uint16_t entries)
{
	*host = (struct host){
		.queues = queues,
		.entries = entries,
		.card = calloc(1, sluice_card_data_size(queues, entries)),
		.host = calloc(1, sluice_host_data_size(queues, entries)),
	};
	assert_non_null(host->card);
	assert_non_null(host->host);
}

static inline void host_down(struct host *host)
{
	free(host->card);
	free(host->host);
}

static inline struct ring_place host_place(const struct host *host, uint16_t queue)
{
	return (struct ring_place){host->card, host->host, host->queues, host->entries, queue};
}

static inline struct sluice_host_line *host_line(const struct host *host, uint16_t queue)
{
	return (void *)(host->host + sluice_host_line_at(queue));
}

static inline const struct sluice_card_line *card_line(const struct host *host, uint16_t queue)
{
	return (void *)(host->card + sluice_card_line_at(queue));
}

/* ---- Send ------------------------------------------------------------------------------------------ */

static inline uint32_t host_send_buffer(const struct host *host, uint16_t queue, uint32_t id)
{
	return (uint32_t)sluice_send_buffer_at(host->queues, host->entries, queue, id);
}

/** Put @p desc behind the others, and publish it. */
static inline void host_send_desc(const struct host *host, uint16_t queue, struct sluice_desc desc)
{
	struct sluice_host_line *line = host_line(host, queue);
	struct sluice_desc *ring = (void *)(host->host + sluice_send_ring_at(host->queues, host->entries, queue));

	ring[line->send_tail % host->entries] = desc;
	__atomic_store_n(&line->send_tail, line->send_tail + 1, __ATOMIC_RELEASE);
}

/** One piece in the buffer of its place, filled with @p byte. */
static inline void host_send(const struct host *host, uint16_t queue, uint16_t length, uint16_t flags, uint8_t byte)
{
	uint32_t offset = host_send_buffer(host, queue, host_line(host, queue)->send_tail % host->entries);

	memset(host->host + offset, byte, length);
	host_send_desc(host, queue, (struct sluice_desc){.offset = offset, .length = length, .flags = flags});
}

/* ---- Receive --------------------------------------------------------------------------------------- */

/** The next descriptor that came, which is passed; false: none. */
static inline bool host_receive(const struct host *host, uint16_t queue, struct sluice_desc *desc)
{
	struct sluice_host_line *line = host_line(host, queue);
	const struct sluice_desc *ring =
		(void *)(host->card + sluice_receive_ring_at(host->queues, host->entries, queue));

	*desc = (struct sluice_desc){0};
	if (line->receive_head == __atomic_load_n(&card_line(host, queue)->receive_tail, __ATOMIC_ACQUIRE))
		return false;
	*desc = ring[line->receive_head % host->entries];
	__atomic_store_n(&line->receive_head, line->receive_head + 1, __ATOMIC_RELEASE);
	return true;
}

static inline void host_return_desc(const struct host *host, uint16_t queue, struct sluice_desc desc)
{
	struct sluice_host_line *line = host_line(host, queue);
	struct sluice_desc *ring = (void *)(host->host + sluice_return_ring_at(host->queues, host->entries, queue));

	ring[line->return_tail % host->entries] = desc;
	__atomic_store_n(&line->return_tail, line->return_tail + 1, __ATOMIC_RELEASE);
}

static inline void host_return(const struct host *host, uint16_t queue, uint32_t id)
{
	host_return_desc(host, queue, (struct sluice_desc){.id = id});
}

#endif
