/* SPDX-License-Identifier: BSD-3-Clause */
/* The verifier among threads: packets that go their ways, handlers that come and go, ticks and violations meanwhile. */
#include <pthread.h>
#include <string.h>

#include "im/verify/verifier.h"
#include "watched.h"

#define THREADS	 3
#define PACKETS	 16
#define ROUNDS	 400
#define BREACHES 30

static union {
	struct im_packet packet;
	uint8_t room[sizeof(struct im_packet) + 3 * sizeof(struct im_packet_slot)];
} packets[THREADS][PACKETS];

static struct im_lock lock;
static uint32_t running; /* atomic */

static void go_round(struct im_packet *packet, uint64_t word)
{
	uintptr_t *words = im_packet_words(packet);

	words[0] = word;
	assert_true(im_edge_send(watched.top_binding, packet, NULL));
	packet->depth++;
	assert_true(im_edge_send(watched.mid_binding, packet, NULL));
	packet->depth++;
	packet->status = IM_STATUS_SUCCESS;
	assert_true(im_edge_complete(watched.nic, packet, NULL));
	packet->depth--;
	assert_true(im_edge_complete(watched.mid, packet, NULL));
	packet->depth--;
	assert_int_equal(words[0], word);
	assert_true(im_edge_indicate(watched.nic, packet, false, NULL));
	assert_true(im_edge_return(watched.mid_binding, packet, NULL));
	im_verify_home(watched.nic, &packet, 1);
	assert_int_equal(words[0], word);
}

static void *play(void *argument)
{
	uint32_t index = *(const uint32_t *)argument;

	assert_int_equal(im_thread_attach(), 0);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct im_frame frame;

		im_enter(&frame, IM_HANDLER_send_packets, &watched_wrapper, &watched_instance);
		im_acquire_spin_lock(&lock);
		im_release_spin_lock(&lock);
		for (uint32_t k = 0; k < PACKETS; k++)
			go_round(&packets[index][k].packet, i + k + 1);
		im_leave(&frame);
	}
	im_thread_detach();
	__atomic_sub_fetch(&running, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void packets_of_many_threads(void **state)
{
	static uint32_t indexes[THREADS] = {0, 1, 2};
	pthread_t threads[THREADS];

	(void)state;
	running = THREADS;
	memset(packets, 0, sizeof(packets));
	for (uint32_t i = 0; i < THREADS; i++)
		for (uint32_t k = 0; k < PACKETS; k++)
			packets[i][k].packet.slots = 3;
	for (uint32_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, play, &indexes[i]), 0);
	while (__atomic_load_n(&running, __ATOMIC_ACQUIRE) > 0)
		watched_tick(1);
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	watched_expect_none();
}

/* ---- Violations ------------------------------------------------------------------------------------- */

static void *break_it(void *argument)
{
	uint32_t index = *(const uint32_t *)argument;
	struct im_packet *packet = &packets[index][0].packet;

	assert_int_equal(im_thread_attach(), 0);
	for (uint32_t i = 0; i < BREACHES; i++)
		assert_false(im_edge_complete(watched.nic, packet, NULL));
	im_thread_detach();
	return NULL;
}

static void violations_of_many_threads_are_all_counted(void **state)
{
	static uint32_t indexes[THREADS] = {0, 1, 2};
	pthread_t threads[THREADS];

	(void)state;
	im_verify_now.action = IM_VERIFY_FAIL_CLOSED;
	for (uint32_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, break_it, &indexes[i]), 0);
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(im_violations(), THREADS * BREACHES);
	im_run_work();
	assert_true(watched.nic->gate & IM_GATE_QUARANTINE);
	watched_forget();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WATCHED_TEST(packets_of_many_threads),
		WATCHED_TEST(violations_of_many_threads_are_all_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
