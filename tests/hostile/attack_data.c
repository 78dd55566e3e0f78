/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attacks by the data rings. The attacker is at both ends of its stack: its send buffers hold nothing but MARK, all
 * else of its memory something else, so that a byte from anywhere else is seen in what arrives.
 */
#include <stdio.h>
#include <unistd.h>

#include "attack.h"

#define MARK 0x5a /* a meta of these is refused: unknown flags */

static void attach_both(const struct attack *attack, struct host *upper, struct host *lower)
{
	host_open_now(upper, attack->dir, attack->upper, ATTACK_ENTRIES);
	host_open_now(lower, attack->dir, attack->lower, ATTACK_ENTRIES);
	memset(host_send_buffer(upper, 0), MARK, (size_t)upper->entries * SLUICE_DATA_BUFFER);
}

/* Frames that have come, each of them MARK alone. */
static uint32_t expect_marks(struct host *lower)
{
	uint8_t frame[1 << 16];
	uint32_t length, count = 0;

	for (; (length = host_receive(lower, frame, sizeof(frame))) > 0; count++)
		for (uint32_t i = 0; i < length; i++)
			if (frame[i] != MARK)
				host_fail("byte %u of %u on the wire is %02x: not the sender's", i, length, frame[i]);
	return count;
}

/* ---- Single fetch ---------------------------------------------------------------------------------- */

/* Fresh ones each time: flips add up. */
static void send_ring_of_marks(struct attack *attack, struct host *upper)
{
	for (uint32_t room = host_send_room(upper); room > 0; room--)
		host_put(upper, 14 + (uint32_t)(host_random(&attack->random) % 1400), 0);
	host_publish(upper);
}

void attack_flip_descriptors(struct attack *attack)
{
	uint64_t limit = host_now_ms() + ATTACK_LIMIT_MS, came = 0;
	struct attack_flipper flipper;
	struct host upper, lower;

	attach_both(attack, &upper, &lower);
	attack_flip(&flipper, upper.send_ring, upper.entries * sizeof(struct sluice_desc), 0, attack->random);
	while (attack_goes_on(attack) || came == 0 || host_refused(&upper) == 0) {
		if (host_now_ms() > limit)
			host_fail("%llu came and %llu were refused: the race was never on", (unsigned long long)came,
				  (unsigned long long)host_refused(&upper));
		send_ring_of_marks(attack, &upper);
		if (!host_sent(&upper))
			host_fail("the card stopped taking frames: status %u", host_status(&upper));
		came += expect_marks(&lower);
	}
	attack_stop_flipping(&flipper);
	printf("%llu frames came, %llu were refused\n", (unsigned long long)came,
	       (unsigned long long)host_refused(&upper));
	host_close(&upper);
	host_close(&lower);
}

/* Frames down to up, whose buffers go back over descriptors that change. */
void attack_flip_returns(struct attack *attack)
{
	uint64_t limit = host_now_ms() + ATTACK_LIMIT_MS;
	uint8_t frame[HOST_FRAME_MAX], got[1 << 16];
	uint32_t broken = 0, came = 0;
	struct host upper, lower;

	memset(frame, MARK, sizeof(frame));
	while (attack_goes_on(attack) || broken == 0 || came == 0) {
		struct attack_flipper flipper;

		if (host_now_ms() > limit)
			host_fail("%u came, %u times broken: the race was never on", came, broken);
		attach_both(attack, &upper, &lower);
		attack_flip(&flipper, upper.return_ring, upper.entries * sizeof(struct sluice_desc), 0,
			    host_random(&attack->random));
		for (int i = 0; i < 1000 && host_status(&upper) != SLUICE_QUEUE_BROKEN; i++) {
			host_send(&lower, frame, sizeof(frame));
			while (host_receive(&upper, got, sizeof(got)) > 0)
				came++;
			usleep(50);
		}
		broken += host_status(&upper) == SLUICE_QUEUE_BROKEN;
		if (host_status(&lower) != SLUICE_QUEUE_UP)
			host_fail("the other end suffers too: status %u", host_status(&lower));
		attack_stop_flipping(&flipper);
		host_close(&upper);
		host_close(&lower);
	}
	printf("%u frames came, the queue was given up %u times\n", came, broken);
}

/* ---- Bounds ---------------------------------------------------------------------------------------- */

static bool is_within(const struct host *host, uint64_t offset, uint64_t length)
{
	return offset >= host_send_begin(host) && offset + length <= host_send_end(host);
}

/* One frame; whether it must be refused is the same sum, in the plainest form. */
static void expect_verdict(struct host *upper, uint32_t offset, uint16_t length, uint16_t flags)
{
	bool good = flags == 0 && length >= 14 && length <= HOST_FRAME_MAX && is_within(upper, offset, length);
	uint64_t refused = host_refused(upper);
	struct sluice_desc *desc = host_put(upper, length, flags);

	desc->offset = offset;
	host_publish(upper);
	if (!host_sent(upper))
		host_fail("offset %u, length %u: the card stopped", offset, length);
	if ((host_refused(upper) == refused) != good)
		host_fail("offset %u, length %u, flags %x: %s", offset, length, flags,
			  good ? "refused, and is the host's own" : "taken");
}

void attack_descriptor_bounds(struct attack *attack)
{
	static const uint16_t lengths[] = {0, 1, 13, 14, 15, 60, 1514, 2047, 2048, 2049, 32767, 32768, 65534, 65535};
	static const uint64_t places[] = {0, 1, 4096, 65535, 65536, 65537, 0x7fffffff, 0x80000000, 0xffffffff};
	struct host upper, lower;

	attach_both(attack, &upper, &lower);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint64_t first = host_send_begin(&upper), end = host_send_end(&upper);

		for (size_t j = 0; j < sizeof(places) / sizeof(places[0]); j++) {
			expect_verdict(&upper, (uint32_t)places[j], lengths[i], 0);
			expect_verdict(&upper, (uint32_t)(0 - places[j]), lengths[i], 0);
			expect_verdict(&upper, (uint32_t)(0x100000000 - lengths[i] + places[j]), lengths[i], 0);
		}
		for (int shift = -1; shift <= 1; shift++) {
			expect_verdict(&upper, (uint32_t)(first + (uint64_t)shift), lengths[i], 0);
			expect_verdict(&upper, (uint32_t)(first + (uint64_t)shift - lengths[i]), lengths[i], 0);
			expect_verdict(&upper, (uint32_t)(end + (uint64_t)shift), lengths[i], 0);
			expect_verdict(&upper, (uint32_t)(end + (uint64_t)shift - lengths[i]), lengths[i], 0);
		}
		for (uint32_t bit = 2; bit < 16; bit++)
			expect_verdict(&upper, (uint32_t)first, lengths[i], (uint16_t)(1u << bit));
		expect_marks(&lower);
	}
	host_close(&upper);
	host_close(&lower);
}

/* ---- Indices --------------------------------------------------------------------------------------- */

static const uint32_t far_ahead[] = {ATTACK_ENTRIES + 1, 0xffff,     0x10000,	 0x10001,   0x7fffffff,
				     0x80000000,	 0x80000001, 0xfffffffe, 0xffffffff};

/* The queue is quarantined for each; the other end, and the next host, are not. */
static void expect_quarantine(const struct attack *attack, size_t member, uint32_t index, const char *name)
{
	uint8_t frame[HOST_FRAME_LEAST];
	struct host upper, lower;

	memset(frame, MARK, sizeof(frame));
	attach_both(attack, &upper, &lower);
	__atomic_store_n((uint32_t *)(void *)((uint8_t *)upper.line + member), index, __ATOMIC_RELEASE);
	host_send(&lower, frame, sizeof(frame)); /* the receive side is looked at when there is something to give */
	if (!host_is_quarantined(&upper))
		host_fail("%s = %u ahead: the queue has status %u", name, index, host_status(&upper));
	if (!host_others_are_up(&upper))
		host_fail("%s = %u ahead: other pairs of the host went with it", name, index);
	if (host_status(&lower) != SLUICE_QUEUE_UP || !host_sent(&lower))
		host_fail("%s = %u ahead: the other end has status %u", name, index, host_status(&lower));
	host_close(&upper);
	host_close(&lower);
}

void attack_indices(struct attack *attack)
{
	for (size_t i = 0; i < sizeof(far_ahead) / sizeof(far_ahead[0]); i++) {
		expect_quarantine(attack, offsetof(struct sluice_host_line, send_tail), far_ahead[i], "send_tail");
		expect_quarantine(attack, offsetof(struct sluice_host_line, receive_head), far_ahead[i],
				  "receive_head");
		expect_quarantine(attack, offsetof(struct sluice_host_line, return_tail), far_ahead[i], "return_tail");
	}
}

struct runner {
	struct host *host;
	uint32_t stop;
};

/* The tail is always as far ahead as it may be. */
static void *move_tail(void *argument)
{
	struct runner *runner = argument;
	struct host *host = runner->host;

	while (!__atomic_load_n(&runner->stop, __ATOMIC_RELAXED)) {
		host->send_tail = __atomic_load_n(&host->card->send_head, __ATOMIC_ACQUIRE) + host->entries;
		host_publish(host);
	}
	return NULL;
}

/* Of frames that are refused one by one, or of one that does not end. */
static void run_ahead(const struct attack *attack, uint16_t flags, uint64_t ms)
{
	uint64_t begin_ms = host_now_ms();
	struct host upper, lower;
	struct runner runner = {.host = &upper};
	pthread_t thread;

	attach_both(attack, &upper, &lower);
	for (uint32_t i = 0; i < upper.entries; i++)
		upper.send_ring[i] = (struct sluice_desc){.flags = flags};
	if (pthread_create(&thread, NULL, move_tail, &runner) != 0)
		host_fail("no thread");
	while (host_now_ms() < begin_ms + ms || host_refused(&upper) == 0) {
		attack_expect_service(attack);
		if (host_now_ms() > begin_ms + ATTACK_LIMIT_MS)
			host_fail("nothing was refused: status %u", host_status(&upper));
	}
	__atomic_store_n(&runner.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	printf("%llu frames were refused\n", (unsigned long long)host_refused(&upper));
	host_close(&upper);
	host_close(&lower);
}

void attack_run_ahead(struct attack *attack)
{
	uint64_t half_ms = (attack->end_ms - host_now_ms()) / 2;

	run_ahead(attack, 0, half_ms);
	run_ahead(attack, SLUICE_DESC_MORE, half_ms);
}
