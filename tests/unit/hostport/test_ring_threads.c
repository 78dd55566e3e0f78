/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Card and host at the same time, as they are: a worker that polls, and a host that sleeps whenever it has nothing to
 * do. Every frame comes once and in order, and nobody sleeps for ever: a wake-up that is lost ends the test by its
 * alarm.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host.h"

#define ENTRIES 64u
#define FRAMES	20000u
#define PIECES	3u /* buffers of the longest frame */
#define LIMIT_S 60

struct bed {
	struct host host;
	struct ring_in in;
	struct ring_out out;
	int signal[2]; /* the card's end, the host's */
	uint32_t slept;
	uint32_t given; /* frames for the host that found room */
};

/* ---- The card --------------------------------------------------------------------------------------- */

static void wake(struct bed *bed)
{
	const uint64_t one = 1;

	send(bed->signal[0], &one, sizeof(one), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The next frame's number, in front of its bytes: by the short way and the long one in turn. */
static bool card_takes_one(struct ring_in *in, uint32_t turn, uint32_t *number)
{
	struct ring_cursor cursor = {0};
	struct ring_frame frame;
	uint16_t length;

	if (ring_in_ahead(in) == 0)
		return false;
	if (turn % 2 == 0) {
		memcpy(number, ring_in_plain(in, &length), sizeof(*number));
		ring_copied();
		ring_in_take_plain(in);
		return true;
	}
	assert_int_equal(ring_in_look(in, &frame), RING_FRAME);
	ring_in_copy(in, &frame, &cursor, number, sizeof(*number));
	ring_in_take(in, &frame, false);
	return true;
}

/* Returns the frames taken. */
static uint32_t card_takes(struct bed *bed, uint32_t expected)
{
	uint32_t taken = 0, number;

	assert_true(ring_in_begin(&bed->in));
	ring_in_expect(&bed->in);
	for (; card_takes_one(&bed->in, taken, &number); taken++)
		assert_int_equal(number, expected + taken);
	if (ring_in_publish(&bed->in))
		wake(bed);
	return taken;
}

static bool card_gives(struct bed *bed, uint32_t number)
{
	uint32_t count = number % PIECES + 1;
	bool room;

	assert_true(ring_out_begin(&bed->out));
	room = ring_out_has_room(&bed->out, count);
	if (room) {
		uint16_t terms = ring_out_terms(&bed->out, count);

		for (uint32_t i = 0; i < count; i++)
			memcpy(ring_out_add(&bed->out, 60, terms | (i + 1 < count ? SLUICE_DESC_MORE : 0)), &number,
			       sizeof(number));
	}
	if (ring_out_publish(&bed->out))
		wake(bed);
	return room;
}

static void *run_card(void *argument)
{
	struct bed *bed = argument;
	uint32_t taken = 0, given = 0;

	while (taken < FRAMES || given < FRAMES) {
		uint32_t before = taken + given;

		taken += card_takes(bed, taken);
		given += given < FRAMES && card_gives(bed, given);
		if (taken + given == before)
			sched_yield();
	}
	bed->given = given;
	return NULL;
}

/* ---- The host --------------------------------------------------------------------------------------- */

struct progress {
	uint32_t sent, received;
};

static bool host_sends(struct bed *bed, struct progress *progress)
{
	struct sluice_host_line *line = host_line(&bed->host, 0);
	struct sluice_desc *ring = (void *)(bed->host.host + sluice_send_ring_at(1, ENTRIES, 0));
	uint32_t head = __atomic_load_n(&card_line(&bed->host, 0)->send_head, __ATOMIC_ACQUIRE);
	uint32_t place = line->send_tail % ENTRIES, at = host_send_buffer(&bed->host, 0, place);

	if (progress->sent == FRAMES || line->send_tail - head == ENTRIES)
		return false;
	memcpy(bed->host.host + at, &progress->sent, sizeof(progress->sent));
	ring[place] = (struct sluice_desc){.offset = at, .length = 60};
	__atomic_store_n(&line->send_tail, line->send_tail + 1, __ATOMIC_RELEASE);
	progress->sent++;
	return true;
}

/* What is lent is looked at before it is passed, the other buffers are returned. */
static bool host_receives(struct bed *bed, struct progress *progress)
{
	struct sluice_host_line *line = host_line(&bed->host, 0);
	const struct sluice_desc *ring = (void *)(bed->host.card + sluice_receive_ring_at(1, ENTRIES, 0));
	struct sluice_desc desc;
	uint32_t number;

	if (line->receive_head == __atomic_load_n(&card_line(&bed->host, 0)->receive_tail, __ATOMIC_ACQUIRE))
		return false;
	desc = ring[line->receive_head % ENTRIES];
	memcpy(&number, bed->host.card + desc.offset, sizeof(number));
	assert_int_equal(number, progress->received);
	progress->received += !(desc.flags & SLUICE_DESC_MORE);
	__atomic_store_n(&line->receive_head, line->receive_head + 1, __ATOMIC_RELEASE);
	if (!(desc.flags & SLUICE_DESC_RESOURCES))
		host_return(&bed->host, 0, desc.id);
	return true;
}

static bool host_works(struct bed *bed, struct progress *progress)
{
	bool sent = host_sends(bed, progress);

	return host_receives(bed, progress) || sent;
}

/* In one order with what it has said: the card has heard that, or it has told something that is seen here. */
static bool has_nothing_to_do(const struct bed *bed, const struct progress *progress)
{
	const struct sluice_host_line *line = host_line(&bed->host, 0);
	uint32_t tail = __atomic_load_n(&card_line(&bed->host, 0)->receive_tail, __ATOMIC_SEQ_CST);
	uint32_t head = __atomic_load_n(&card_line(&bed->host, 0)->send_head, __ATOMIC_SEQ_CST);

	return tail == line->receive_head && (progress->sent == FRAMES || line->send_tail - head == ENTRIES);
}

/* Say so, look once more, and only then sleep. */
static void host_sleeps(struct bed *bed, struct progress *progress)
{
	struct sluice_host_line *line = host_line(&bed->host, 0);
	struct pollfd source = {.fd = bed->signal[1], .events = POLLIN};
	uint64_t event;

	__atomic_store_n(&line->want_event, SLUICE_WANT_RECEIVE | (progress->sent < FRAMES ? SLUICE_WANT_SEND : 0),
			 __ATOMIC_SEQ_CST);
	if (has_nothing_to_do(bed, progress)) {
		bed->slept++;
		assert_int_equal(poll(&source, 1, -1), 1);
	}
	while (read(bed->signal[1], &event, sizeof(event)) == sizeof(event))
		;
	__atomic_store_n(&line->want_event, 0, __ATOMIC_RELAXED);
}

static void frames_go_both_ways_and_nobody_sleeps_for_ever(void **state)
{
	struct bed bed = {0};
	struct progress progress = {0};
	struct ring_place place;
	pthread_t card;

	(void)state;
	alarm(LIMIT_S);
	host_up(&bed.host, 1, ENTRIES);
	place = host_place(&bed.host, 0);
	ring_in_create(&bed.in, &place);
	assert_int_equal(ring_out_create(&bed.out, &place), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, bed.signal), 0);
	assert_int_equal(pthread_create(&card, NULL, run_card, &bed), 0);
	while (progress.sent < FRAMES || progress.received < FRAMES)
		if (!host_works(&bed, &progress))
			host_sleeps(&bed, &progress);
	pthread_join(card, NULL);
	assert_int_equal(bed.given, FRAMES);
	assert_true(bed.slept > 0);
	assert_true(ring_out_begin(&bed.out));
	assert_int_equal(ring_out_held(&bed.out), 0); /* all are back */
	ring_out_destroy(&bed.out);
	host_down(&bed.host);
	close(bed.signal[0]);
	close(bed.signal[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_go_both_ways_and_nobody_sleeps_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
