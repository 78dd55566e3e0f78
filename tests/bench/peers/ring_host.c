/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host that sends, receives, or does both, as fast as the data rings of a port (abi/data.h) allow.
 *
 *     ring_host send|receive|both SECONDS RUNTIME-DIR PORT [ENTRIES]   the rings of a firmware
 *     ring_host send|receive|both SECONDS @CARD HOST [ENTRIES]         of ring_card: descriptors of two regions
 *
 * What it sends is copied from private memory, what it receives into private memory. Prints how many frames the card
 * took, how many it received, and in how many seconds: {"sent": ..., "received": ..., "seconds": ...}
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "hostport/ring.h"
#include "mailbox/client.h"

#define FRAME	  64u
#define FRAMES	  256u /* different ones */
#define BURST	  32u
#define WARM_UP_S 0.5

struct side {
	const struct sluice_card_line *card;
	struct sluice_host_line *host;
	const uint8_t *card_base;
	uint8_t *host_base;
	struct sluice_desc *send_ring, *return_ring;
	const struct sluice_desc *receive_ring;
	uint64_t send_at, card_size;
	uint32_t mask;
	uint32_t send_head, send_tail, receive_head, return_tail;
	uint64_t received;
	uint8_t out[FRAMES][FRAME];
	uint8_t in[FRAMES][SLUICE_DATA_BUFFER];
};

static void fail(const char *what)
{
	fprintf(stderr, "ring_host: %s\n", what);
	exit(1);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- One burst ------------------------------------------------------------------------------------- */

/* Short frames begin at different lines of their buffers: else all of them would fall into few sets of the caches. */
static uint32_t stagger(uint32_t place)
{
	return place % (SLUICE_DATA_BUFFER / FRAME) * FRAME;
}

static void send_burst(struct side *side)
{
	uint32_t room = side->mask + 1 - (side->send_tail - side->send_head);

	if (room < BURST) {
		side->send_head = __atomic_load_n(&side->card->send_head, __ATOMIC_ACQUIRE);
		room = side->mask + 1 - (side->send_tail - side->send_head);
	}
	if (room < BURST)
		return;
	for (uint32_t i = 0; i < BURST; i++) {
		uint32_t place = side->send_tail++ & side->mask;
		uint64_t offset = side->send_at + (uint64_t)place * SLUICE_DATA_BUFFER + stagger(place);

		memcpy(side->host_base + offset, side->out[place % FRAMES], FRAME);
		side->send_ring[place] = (struct sluice_desc){.offset = (uint32_t)offset, .length = FRAME, .id = place};
	}
	__atomic_store_n(&side->host->send_tail, side->send_tail, __ATOMIC_RELEASE);
}

/* Frames here are of one buffer, without a meta; whatever is said of them is checked. */
static void receive_one(struct side *side)
{
	const struct sluice_desc *shared = &side->receive_ring[side->receive_head & side->mask];
	uint8_t *to = side->in[side->receive_head % FRAMES];
	const struct sluice_desc desc = ring_fetch(shared);

	if (desc.length > SLUICE_DATA_BUFFER || desc.offset > side->card_size - desc.length)
		fail("the card broke the rules of the ring");
	memcpy(to, side->card_base + desc.offset, desc.length);
	if (!(desc.flags & SLUICE_DESC_RESOURCES))
		side->return_ring[side->return_tail++ & side->mask] = (struct sluice_desc){.id = desc.id};
	side->received += !(desc.flags & SLUICE_DESC_MORE);
	side->receive_head++;
}

/* Their bytes are in the card's cache: asked for all at once. A hint, wherever the card lets it point. */
static void expect(const struct side *side, uint32_t index)
{
	__builtin_prefetch(side->card_base + side->receive_ring[index & side->mask].offset);
}

static void receive_burst(struct side *side)
{
	uint32_t tail = __atomic_load_n(&side->card->receive_tail, __ATOMIC_ACQUIRE);
	uint32_t ahead = tail - side->receive_head;
	uint32_t count = ahead < BURST ? ahead : BURST;

	if (count == 0)
		return;
	for (uint32_t i = 0; i < count; i++)
		expect(side, side->receive_head + i);
	for (uint32_t i = 0; i < count; i += RING_DESCS_OF_LINE)
		ring_fetch_to_write(&side->return_ring[(side->return_tail + i) & side->mask]);
	for (uint32_t i = 0; i < count; i++)
		receive_one(side);
	__atomic_store_n(&side->host->return_tail, side->return_tail, __ATOMIC_RELEASE);
	__atomic_store_n(&side->host->receive_head, side->receive_head, __ATOMIC_RELEASE);
}

/* ---- A run ----------------------------------------------------------------------------------------- */

static uint64_t taken(const struct side *side)
{
	return __atomic_load_n(&side->card->send_frames, __ATOMIC_RELAXED);
}

static void run_for(struct side *side, bool send, bool receive, double seconds)
{
	double end = now_s() + seconds;

	do {
		for (unsigned i = 0; i < 256; i++) {
			if (send)
				send_burst(side);
			if (receive)
				receive_burst(side);
		}
	} while (now_s() < end);
}

static void measure(struct side *side, const char *way, double seconds)
{
	bool send = strcmp(way, "receive") != 0, receive = strcmp(way, "send") != 0;
	uint64_t sent, received, refused;
	double begun;

	run_for(side, send, receive, WARM_UP_S);
	sent = taken(side);
	received = side->received;
	begun = now_s();
	run_for(side, send, receive, seconds);
	seconds = now_s() - begun;
	sent = taken(side) - sent;
	received = side->received - received;
	refused = __atomic_load_n(&side->card->send_refused, __ATOMIC_RELAXED);
	if (refused != 0 || __atomic_load_n(&side->card->status, __ATOMIC_RELAXED) != SLUICE_QUEUE_UP)
		fail("the card refused frames, or stopped the queue");
	printf("{\"sent\": %llu, \"received\": %llu, \"seconds\": %.6f}\n", (unsigned long long)sent,
	       (unsigned long long)received, seconds);
}

/* ---- The rings ------------------------------------------------------------------------------------- */

static struct sluice_data *map(const char *card_fd, const char *host_fd, uint16_t entries)
{
	struct sluice_data *data = calloc(1, sizeof(*data));

	if (data == NULL)
		fail("out of memory");
	data->queues = 1;
	data->entries = entries;
	data->card_size = sluice_card_data_size(1, entries);
	data->host_size = sluice_host_data_size(1, entries);
	data->card = mmap(NULL, data->card_size, PROT_READ, MAP_SHARED, atoi(card_fd), 0);
	data->host = mmap(NULL, data->host_size, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(host_fd), 0);
	if (data->card == MAP_FAILED || data->host == MAP_FAILED)
		fail("cannot map the regions");
	return data;
}

static struct sluice_data *attach(const char *runtime_dir, const char *port, uint16_t entries)
{
	const struct sluice_port_wish wish = {.port = port, .queues = 1, .entries = entries};
	struct sluice_fault fault;
	struct sluice_client *client = sluice_open_port(runtime_dir, &wish, 10000, &fault);

	if (client == NULL)
		fail(fault.text);
	return sluice_take_data(client); /* the client stays connected to the end */
}

static struct side *open_side(const struct sluice_data *data)
{
	struct side *side = calloc(1, sizeof(*side));
	uint16_t entries = data->entries;

	if (side == NULL)
		fail("out of memory");
	side->card = (const void *)data->card;
	side->host = (void *)data->host;
	side->card_base = data->card;
	side->host_base = data->host;
	side->card_size = data->card_size;
	side->send_ring = (void *)(data->host + sluice_send_ring_at(1, entries, 0));
	side->return_ring = (void *)(data->host + sluice_return_ring_at(1, entries, 0));
	side->receive_ring = (const void *)(data->card + sluice_receive_ring_at(1, entries, 0));
	side->send_at = sluice_send_buffer_at(1, entries, 0, 0);
	side->mask = entries - 1u;
	for (unsigned i = 0; i < FRAMES; i++) {
		memset(side->out[i], (int)i, FRAME);
		memcpy(side->out[i], "\2\0\0\0\0\2\2\0\0\0\0\1\x88\xb5", 14);
	}
	return side;
}

int main(int argc, char **argv)
{
	uint16_t entries = argc > 5 ? (uint16_t)atoi(argv[5]) : 1024;

	if (argc < 5 ||
	    (strcmp(argv[1], "send") != 0 && strcmp(argv[1], "receive") != 0 && strcmp(argv[1], "both") != 0)) {
		fputs("usage: ring_host send|receive|both SECONDS RUNTIME-DIR|@CARD PORT|HOST [ENTRIES]; "
		      "example: ring_host both 2 /run/sluice host0\n",
		      stderr);
		return 2;
	}
	measure(open_side(argv[3][0] == '@' ? map(argv[3] + 1, argv[4], entries) : attach(argv[3], argv[4], entries)),
		argv[1], atof(argv[2]));
	return 0;
}
