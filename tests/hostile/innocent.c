/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * usage: innocent RUNTIME_DIR PORT PORT
 *
 * The two ends of a stack that nobody attacks. Numbered frames go both ways, at most WINDOW of them under way, until
 * SIGTERM. Exits 0 where each came, once, in order, byte by byte, and none took longer than LATE_MS.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "host.h"

#define ENTRIES	 256
#define WINDOW	 32u
#define LATE_MS	 10000u /* a stall; a noisy machine is not one */
#define PAUSE_US 500

struct way {
	struct host *from, *to;
	uint64_t sent, received;
	uint64_t progress_ms; /* when the last one came, or the first one of a window went */
	uint64_t worst_ms;
};

static volatile sig_atomic_t ended;

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

static uint32_t make(uint8_t *frame, uint64_t number)
{
	uint32_t length = HOST_FRAME_LEAST + (uint32_t)(number * 37 % (HOST_FRAME_MAX - HOST_FRAME_LEAST + 1));

	memset(frame, (int)number, length);
	memcpy(frame, "\xff\xff\xff\xff\xff\xff\x02\0\0\0\x51\1\x88\xb5", 14);
	memcpy(frame + 14, &number, sizeof(number));
	return length;
}

static void fill_window(struct way *way, uint64_t now)
{
	uint8_t frame[HOST_FRAME_MAX];

	if (way->sent == way->received)
		way->progress_ms = now;
	while (!ended && way->sent - way->received < WINDOW) {
		uint32_t length = make(frame, way->sent);

		if (!host_send(way->from, frame, length))
			return;
		way->sent++;
	}
}

static void take_all(struct way *way, uint64_t now)
{
	uint8_t frame[4096], expected[HOST_FRAME_MAX];
	uint32_t length;

	while ((length = host_receive(way->to, frame, sizeof(frame))) > 0) {
		if (length != make(expected, way->received) || memcmp(frame, expected, length) != 0)
			host_fail("innocent: frame %llu is another one", (unsigned long long)way->received);
		if (now - way->progress_ms > way->worst_ms)
			way->worst_ms = now - way->progress_ms;
		way->progress_ms = now;
		way->received++;
	}
	if (way->sent != way->received && now - way->progress_ms > LATE_MS)
		host_fail("innocent: frame %llu did not come within %u ms", (unsigned long long)way->received, LATE_MS);
}

int main(int argc, char **argv)
{
	struct host ends[2];
	struct way ways[2] = {{&ends[0], &ends[1], .sent = 0}, {&ends[1], &ends[0], .sent = 0}};
	bool told = false;

	if (argc != 4)
		host_fail("usage: innocent RUNTIME_DIR PORT PORT");
	signal(SIGTERM, end);
	for (int i = 0; i < 2; i++)
		host_open_now(&ends[i], argv[1], argv[2 + i], ENTRIES);
	while (!ended || ways[0].sent != ways[0].received || ways[1].sent != ways[1].received) {
		uint64_t now = host_now_ms();

		for (int i = 0; i < 2; i++) {
			fill_window(&ways[i], now);
			take_all(&ways[i], now);
		}
		if (!told && ways[0].received > 0 && ways[1].received > 0)
			told = puts("innocent: frames go both ways") >= 0 && fflush(stdout) == 0;
		usleep(PAUSE_US);
	}
	printf("innocent: %llu and %llu frames, 0 lost, at most %llu ms late\n", (unsigned long long)ways[0].received,
	       (unsigned long long)ways[1].received,
	       (unsigned long long)(ways[0].worst_ms > ways[1].worst_ms ? ways[0].worst_ms : ways[1].worst_ms));
	for (int i = 0; i < 2; i++)
		host_close(&ends[i]);
	return told ? 0 : 1;
}
