/* SPDX-License-Identifier: BSD-3-Clause */
/* Schedules: completions and returns come now, later or on another thread, and always once. */
#include <string.h>

#include "im/verify/verifier.h"
#include "watched.h"

#define PACKETS 40

static void send_all(struct im_packet **packets, uint16_t count)
{
	im_send_packets(watched.top_binding, packets, count);
}

static void complete_all(struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = IM_STATUS_SUCCESS;
	im_send_complete(watched.nic, packets, count);
}

static void make(struct im_packet **packets)
{
	for (uint32_t i = 0; i < PACKETS; i++)
		packets[i] = watched_packet();
}

static void up_with(enum im_verify_schedule schedule, uint64_t seed)
{
	struct im_verify_options options = im_verify_defaults;

	watched_up(&options);
	im_verify_now.schedule = schedule; /* from here on: the stack is up */
	im_verify_now.seed = seed;
}

/* ---- Sends ----------------------------------------------------------------------------------------- */

/* contract: 12.61 */
static void completions_come_inline(void **state)
{
	struct im_packet *packets[PACKETS];

	(void)state;
	up_with(IM_SCHEDULE_INLINE, 0);
	make(packets);
	send_all(packets, 3);
	complete_all(packets, 3);
	assert_int_equal(watched.done.count, 3);
	watched_down();
}

/* contract: 12.61 */
static void completions_come_later(void **state)
{
	struct im_packet *packets[PACKETS];

	(void)state;
	up_with(IM_SCHEDULE_LATER, 0);
	make(packets);
	send_all(packets, 3);
	complete_all(packets, 3);
	assert_int_equal(watched.done.count, 0);
	assert_int_equal(im_outstanding(watched.nic), 3); /* until they are through */
	im_run_work();					  /* to mid */
	im_run_work();					  /* to top */
	assert_int_equal(watched.done.count, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_ptr_equal(watched.done.packets[i], packets[i]);
	assert_int_equal(im_outstanding(watched.nic), 0);
	watched_down();
}

/* Whoever completed them has lost them at once, though nobody has them yet. */
static void completed_is_completed(void **state)
{
	struct im_packet *packets[PACKETS];

	(void)state;
	up_with(IM_SCHEDULE_LATER, 0);
	make(packets);
	send_all(packets, 1);
	complete_all(packets, 1);
	complete_all(packets, 1);
	watched_expect("4.12", "nic", "completed a packet that '");
	im_run_work();
	im_run_work();
	assert_int_equal(watched.done.count, 1);
	watched_down();
}

static void run_as_worker(uint32_t index)
{
	struct im_worker *self = im_this_worker;

	im_this_worker = &im_core.workers[index];
	im_run_dpcs(im_this_worker);
	im_this_worker = self;
}

/* contract: 12.61 */
static void completions_come_on_another_worker(void **state)
{
	struct im_packet *packets[PACKETS];

	(void)state;
	up_with(IM_SCHEDULE_OTHER, 0);
	im_core.workers[1].attached = im_core.workers[2].attached = true;
	make(packets);
	send_all(packets, 1);
	im_this_worker = &im_core.workers[2];
	complete_all(packets, 1);
	im_this_worker = &im_core.workers[0];
	run_as_worker(2);
	assert_int_equal(watched.done.count, 0);
	run_as_worker(1); /* to mid, whose completion goes to the second again */
	assert_int_equal(watched.done.count, 0);
	run_as_worker(2);
	assert_int_equal(watched.done.count, 1);
	im_core.workers[1].attached = im_core.workers[2].attached = false;
	watched_down();
}

/* ---- Receives -------------------------------------------------------------------------------------- */

static void returns_come_later(void **state)
{
	struct im_packet *packets[PACKETS];

	(void)state;
	up_with(IM_SCHEDULE_LATER, 0);
	make(packets);
	im_indicate_receive_packets(watched.nic, packets, 2);
	assert_int_equal(watched.received.count, 2);
	im_return_packets(watched.top_binding, packets, 2);
	assert_int_equal(watched.home.count, 0);
	im_run_work();
	im_run_work();
	assert_int_equal(watched.home.count, 2);
	watched_down();
}

/* contract: 4.31 */
static void pause_waits_for_what_comes_later(void **state)
{
	struct im_packet *packets[PACKETS];

	(void)state;
	up_with(IM_SCHEDULE_LATER, 0);
	make(packets);
	send_all(packets, PACKETS);
	complete_all(packets, PACKETS);
	im_pause(watched.mid);
	assert_int_equal(watched.done.count, PACKETS);
	watched_down();
}

/* ---- Requests -------------------------------------------------------------------------------------- */

static void request_completions_come_later(void **state)
{
	struct im_request request = {0};

	(void)state;
	up_with(IM_SCHEDULE_LATER, 0);
	request.core.binding = watched.top_binding;
	__atomic_add_fetch(&watched.top_binding->requests, 1, __ATOMIC_RELAXED); /* as im_request() counts it */
	im_verify_deliver_request(&request, IM_STATUS_INVALID_DATA);
	assert_int_equal(watched.requests_done, 0);
	assert_int_equal(watched.top_binding->requests, 1); /* so that its close waits */
	im_run_work();
	assert_int_equal(watched.requests_done, 1);
	assert_int_equal(watched.request_status, IM_STATUS_INVALID_DATA);
	assert_int_equal(watched.top_binding->requests, 0);
	watched_down();
}

/* ---- Random ---------------------------------------------------------------------------------------- */

/* Which completions came at once, of one packet after the other. */
static uint64_t pattern_of(uint64_t seed)
{
	struct im_packet *packets[PACKETS];
	uint64_t pattern = 0;

	up_with(IM_SCHEDULE_RANDOM, seed);
	make(packets);
	for (uint32_t i = 0; i < PACKETS; i++) {
		uint32_t before = watched.done.count;

		send_all(&packets[i], 1);
		complete_all(&packets[i], 1);
		pattern |= (uint64_t)(watched.done.count > before) << i;
		while (im_outstanding(watched.mid) > 0)
			im_run_work();
		assert_int_equal(watched.done.count, i + 1);
	}
	watched_down();
	return pattern;
}

/* contract: 12.61 */
static void random_is_the_same_for_the_same_seed(void **state)
{
	uint64_t first = pattern_of(1), other = pattern_of(2);

	(void)state;
	assert_int_equal(pattern_of(1), first);
	assert_int_not_equal(first, other);
	assert_int_not_equal(first, 0); /* both ways are taken */
	assert_int_not_equal(first, (1ull << PACKETS) - 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(completed_is_completed),
		cmocka_unit_test(completions_come_inline),
		cmocka_unit_test(completions_come_later),
		cmocka_unit_test(completions_come_on_another_worker),
		cmocka_unit_test(pause_waits_for_what_comes_later),
		cmocka_unit_test(random_is_the_same_for_the_same_seed),
		cmocka_unit_test(request_completions_come_later),
		cmocka_unit_test(returns_come_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
