/* SPDX-License-Identifier: BSD-3-Clause */
#include "host.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_US 200

uint64_t host_random(uint64_t *state)
{
	uint64_t value = *state += 0x9e3779b97f4a7c15ull;

	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
	value = (value ^ value >> 27) * 0x94d049bb133111ebull;
	return value ^ value >> 31;
}

uint64_t host_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void host_fail(const char *what, ...)
{
	va_list arguments;

	va_start(arguments, what);
	vfprintf(stderr, what, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	_exit(1); /* other threads may be anywhere */
}

/* ---- Coming and going ------------------------------------------------------------------------------ */

static uint16_t wanted_queues = 1;

void host_want_queues(uint16_t queues)
{
	wanted_queues = queues;
}

static void find_rings(struct host *host)
{
	uint16_t queues = host->peer.welcome.queues, entries = host->peer.welcome.entries;

	host->entries = entries;
	host->queue = queues - 1;
	host->line = (void *)(host->peer.host_data + sluice_host_line_at(host->queue));
	host->card = (const void *)(host->peer.card_data + sluice_card_line_at(host->queue));
	host->send_ring = (void *)(host->peer.host_data + sluice_send_ring_at(queues, entries, host->queue));
	host->return_ring = (void *)(host->peer.host_data + sluice_return_ring_at(queues, entries, host->queue));
	host->receive_ring =
		(const void *)(host->peer.card_data + sluice_receive_ring_at(queues, entries, host->queue));
}

enum host_answer host_open(struct host *host, const char *dir, const char *port, uint16_t entries)
{
	struct sluice_hello hello = peer_hello();
	struct pollfd answer;

	if (port != NULL) {
		snprintf(hello.port, sizeof(hello.port), "%s", port);
		hello.queues = wanted_queues;
		hello.entries = entries;
	}
	*host = (struct host){.peer = {.socket = peer_connect(dir)}};
	if (host->peer.socket < 0)
		return HOST_GONE;
	answer = (struct pollfd){.fd = host->peer.socket, .events = POLLIN};
	if (peer_send(host->peer.socket, &hello, sizeof(hello), -1, 0) != sizeof(hello) ||
	    poll(&answer, 1, HOST_WAIT_MS) != 1 || peer_receive(&host->peer) != (ssize_t)sizeof(host->peer.welcome)) {
		peer_close(&host->peer);
		return HOST_GONE;
	}
	if (host->peer.welcome.status != SLUICE_STATUS_OK) {
		peer_close(&host->peer);
		return HOST_REFUSED;
	}
	if (port != NULL)
		find_rings(host);
	return HOST_WELCOME;
}

/* The last one's port is free when the card has seen that it went; its place, when its last command has ended. */
static bool is_passing(uint16_t status)
{
	return status == SLUICE_STATUS_PORT_TAKEN || status == SLUICE_STATUS_TOO_MANY_CLIENTS;
}

void host_open_now(struct host *host, const char *dir, const char *port, uint16_t entries)
{
	uint64_t limit = host_now_ms() + HOST_WAIT_MS;
	enum host_answer answer;

	while ((answer = host_open(host, dir, port, entries)) != HOST_WELCOME) {
		if (answer == HOST_REFUSED && !is_passing(host->peer.welcome.status))
			host_fail("refused: %s", sluice_status_text(host->peer.welcome.status));
		if (host_now_ms() > limit)
			host_fail("no welcome within %u ms", HOST_WAIT_MS);
		usleep(PAUSE_US);
	}
}

void host_close(struct host *host)
{
	peer_close(&host->peer);
	*host = (struct host){.peer = {.socket = -1}};
}

/* ---- Mailbox --------------------------------------------------------------------------------------- */

bool host_wait(struct host *host, struct sluice_completion *completion)
{
	uint64_t limit = host_now_ms() + HOST_WAIT_MS;
	struct pollfd sources[] = {{.fd = host->peer.fd[SLUICE_FD_NOTIFY], .events = POLLIN},
				   {.fd = host->peer.socket, .events = POLLIN}};
	uint64_t signal;

	while (!ring_take(&host->peer.ring, completion)) {
		if (host_now_ms() > limit || peer_is_hung_up(host->peer.socket))
			return false;
		if (poll(sources, 2, 100) > 0 && (sources[0].revents & POLLIN))
			(void)!read(sources[0].fd, &signal, sizeof(signal));
	}
	__atomic_store_n(&host->peer.ring.doorbell->cq_head, host->peer.ring.consumed, __ATOMIC_RELEASE);
	return true;
}

bool host_call(struct host *host, struct sluice_command command, struct sluice_completion *completion)
{
	command.command_id = ++host->next_id;
	ring_submit(&host->peer.ring, command);
	peer_kick(&host->peer);
	return host_wait(host, completion);
}

uint64_t host_ask(struct host *host, uint16_t opcode, uint64_t argument)
{
	struct sluice_completion completion;
	const struct sluice_command command = {.opcode = opcode, .arg = {argument}, .out_length = SLUICE_STAGE_SIZE};

	if (!host_call(host, command, &completion))
		host_fail("command 0x%x: no completion", opcode);
	if (completion.status != SLUICE_STATUS_OK)
		host_fail("command 0x%x: %s", opcode, sluice_status_text(completion.status));
	return completion.result;
}

/* ---- Data ------------------------------------------------------------------------------------------ */

uint8_t *host_send_buffer(struct host *host, uint32_t place)
{
	return host->peer.host_data +
	       sluice_send_buffer_at(host->peer.welcome.queues, host->entries, host->queue, place % host->entries);
}

uint64_t host_send_begin(const struct host *host)
{
	return sluice_send_buffer_at(host->peer.welcome.queues, host->entries, host->queue, 0);
}

uint64_t host_send_end(const struct host *host)
{
	return host_send_begin(host) + (uint64_t)host->entries * SLUICE_DATA_BUFFER;
}

bool host_others_are_up(const struct host *host)
{
	for (uint16_t queue = 0; queue < host->queue; queue++) {
		const struct sluice_card_line *card = (const void *)(host->peer.card_data + sluice_card_line_at(queue));

		if (__atomic_load_n(&card->status, __ATOMIC_ACQUIRE) != SLUICE_QUEUE_UP)
			return false;
	}
	return true;
}

uint32_t host_send_room(const struct host *host)
{
	return host->entries - (host->send_tail - __atomic_load_n(&host->card->send_head, __ATOMIC_ACQUIRE));
}

struct sluice_desc *host_put(struct host *host, uint32_t length, uint16_t flags)
{
	struct sluice_desc *desc = &host->send_ring[host->send_tail % host->entries];
	uint64_t offset = (uint64_t)(host_send_buffer(host, host->send_tail) - host->peer.host_data);

	*desc = (struct sluice_desc){.offset = (uint32_t)offset, .length = (uint16_t)length, .flags = flags};
	host->send_tail++;
	return desc;
}

void host_publish(struct host *host)
{
	__atomic_store_n(&host->line->send_tail, host->send_tail, __ATOMIC_RELEASE);
}

bool host_sent(const struct host *host)
{
	uint64_t limit = host_now_ms() + HOST_WAIT_MS;

	while (__atomic_load_n(&host->card->send_head, __ATOMIC_ACQUIRE) != host->send_tail) {
		if (host_now_ms() > limit || host_status(host) == SLUICE_QUEUE_BROKEN)
			return false;
		usleep(PAUSE_US);
	}
	return true;
}

bool host_send(struct host *host, const void *frame, uint32_t length)
{
	if (host_send_room(host) == 0)
		return false;
	memcpy(host_send_buffer(host, host->send_tail), frame, length);
	host_put(host, length, 0);
	host_publish(host);
	return true;
}

void host_give_back(struct host *host, uint32_t number)
{
	host->return_ring[host->return_tail % host->entries] = (struct sluice_desc){.id = number};
	host->return_tail++;
	__atomic_store_n(&host->line->return_tail, host->return_tail, __ATOMIC_RELEASE);
}

uint32_t host_receive_and_keep(struct host *host, void *frame, uint32_t room, uint32_t *kept, uint32_t *count)
{
	uint32_t tail = __atomic_load_n(&host->card->receive_tail, __ATOMIC_ACQUIRE), length = 0;
	struct sluice_desc desc = {.flags = SLUICE_DESC_MORE};

	while (host->receive_head != tail && (desc.flags & SLUICE_DESC_MORE)) {
		uint32_t skip;

		desc = host->receive_ring[host->receive_head++ % host->entries];
		skip = desc.flags & SLUICE_DESC_META ? (uint32_t)sizeof(struct sluice_frame_meta) : 0;
		if (desc.length < skip || length + desc.length - skip > room)
			host_fail("the card gave a frame of more than %u bytes", room);
		memcpy((uint8_t *)frame + length, host->peer.card_data + desc.offset + skip, desc.length - skip);
		length += desc.length - skip;
		__atomic_store_n(&host->line->receive_head, host->receive_head, __ATOMIC_RELEASE);
		if (!(desc.flags & SLUICE_DESC_RESOURCES))
			kept[(*count)++] = desc.id;
	}
	return length;
}

uint32_t host_receive(struct host *host, void *frame, uint32_t room)
{
	uint32_t kept[SLUICE_DATA_ENTRIES_MAX], count = 0;
	uint32_t length = host_receive_and_keep(host, frame, room, kept, &count);

	while (count > 0)
		host_give_back(host, kept[--count]);
	return length;
}

bool host_is_quarantined(const struct host *host)
{
	uint64_t limit = host_now_ms() + HOST_WAIT_MS;

	while (host_status(host) != SLUICE_QUEUE_BROKEN) {
		if (host_now_ms() > limit)
			return false;
		usleep(PAUSE_US);
	}
	return true;
}
