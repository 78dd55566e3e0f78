/* SPDX-License-Identifier: BSD-3-Clause */
/* Watchdogs: what lasts too long is said once, of whoever has it. No test waits: the ticks bring the time. */
#include <time.h>

#include "im/verify/verifier.h"
#include "watched.h"

static const struct im_verify_options limits = {
	.send_limit_ms = 30000,
	.progress_limit_ms = 22000,
	.request_limit_ms = 12000,
	.handler_limit_ms = 10000,
	.wait_limit_ms = 1,
};

static void send_one(struct im_packet *packet)
{
	im_send_packets(watched.top_binding, &packet, 1);
}

static void complete_at_nic(struct im_packet *packet)
{
	packet->status = IM_STATUS_SUCCESS;
	im_send_complete(watched.nic, &packet, 1);
}

/* ---- Sends ----------------------------------------------------------------------------------------- */

/* Others come and go meanwhile, so that there is progress. */
static void pass_time(uint32_t seconds)
{
	struct im_packet *other = watched_packet();

	for (uint32_t i = 0; i < seconds; i++) {
		send_one(other);
		complete_at_nic(other);
		watched_tick(1000);
	}
}

/* contract: 4.35 */
static void lost_packet(void **state)
{
	struct im_packet *packet = watched_packet();

	(void)state;
	send_one(packet);
	pass_time(30);
	watched_expect_none();
	pass_time(5);
	watched_expect("12.18", "nic", "has not completed a send for more than 30000 ms");
	pass_time(60); /* said once */
	watched_expect_none();
	complete_at_nic(packet);
}

static void keep(struct im_packet **packets, uint16_t count)
{
	(void)packets;
	(void)count;
}

/* contract: 4.35 */
static void lost_packet_of_an_intermediate_driver(void **state)
{
	struct im_packet *packet = watched_packet();

	(void)state;
	watched.in_send = keep;
	send_one(packet);
	watched.in_send = NULL;
	pass_time(40);
	watched_expect("12.18", "mid", "sent by 'top' to 'mid', slot 0");
	packet->status = IM_STATUS_FAILURE;
	im_send_complete(watched.mid, &packet, 1);
}

/* contract: 4.35 */
static void no_progress(void **state)
{
	struct im_packet *packet = watched_packet();

	(void)state;
	send_one(packet);
	watched_tick(1000);
	watched_tick(22000);
	watched_expect_none();
	watched_tick(1);
	watched_expect("12.19", "nic", "'nic' has 1 sends and has completed none for 22000 ms"); /* not mid */
	complete_at_nic(packet);
	watched_tick(60000);
	watched_expect_none();
}

/* A relay is such a driver: it parks a request while the adapter sleeps, but never loses a packet. */
static void driver_that_does_its_own_timing(void **state)
{
	struct im_request request = {.oid = SLUICE_OID_GEN_LINK_SPEED};
	struct im_packet *packet = watched_packet();

	(void)state;
	watched_expect("12.37", "nic", "does not want to be timed");
	request.core.begun_ns = im_core.now_ns;
	watched.nic->requests.active = &request;
	watched_tick(60000);
	watched_tick(60000);
	watched_expect_none();
	watched.nic->requests.active = NULL;
	send_one(packet);
	watched_tick(1000);
	watched_tick(22001);
	watched_expect("12.19", "nic", "has completed none for 22000 ms");
	complete_at_nic(packet);
}

/* ---- Requests -------------------------------------------------------------------------------------- */

/* contract: 6.18 */
static void slow_request(void **state)
{
	struct im_request request = {.oid = SLUICE_OID_GEN_LINK_SPEED};

	(void)state;
	request.core.begun_ns = im_core.now_ns;
	watched.nic->requests.active = &request;
	watched_tick(12000);
	watched_expect_none();
	watched_tick(1);
	watched_expect("12.20", "nic", "OID 0x00010107 for 12000 ms");
	watched_tick(11000);
	watched_expect_none();
	watched.nic->requests.active = NULL;
}

/* ---- Handlers -------------------------------------------------------------------------------------- */

static void take_long(void)
{
	watched_tick(10000);
	watched_expect_none();
	watched_tick(1);
	watched_expect("12.17", "mad", "its handler halt has not returned for more than 10000 ms");
	watched_tick(60000);
	watched_expect_none();
}

static void slow_handler(void **state)
{
	(void)state;
	watched_in_handler(IM_HANDLER_halt, take_long);
	watched_tick(60000);
	watched_expect_none();
}

static void wait_for_others(void)
{
	uint64_t since = 0;

	for (uint32_t i = 0; i < 10; i++) {
		watched_tick(9000);
		im_verify_wait(&since, "5.29", "top", "a packet is out");
		since = 0;
	}
}

/* Where the core waits inside of it for somebody else, its handler is not to blame. */
static void handler_that_waits_in_the_core(void **state)
{
	(void)state;
	watched_in_handler(IM_HANDLER_halt, wait_for_others);
	watched_expect_none();
}

static void wait_that_does_not_end(void **state)
{
	const struct timespec moment = {.tv_nsec = 2000000};
	uint64_t since = 0;

	(void)state;
	im_verify_wait(&since, "5.29", "mid", "halt waits for packets");
	watched_expect_none();
	nanosleep(&moment, NULL);
	im_verify_wait(&since, "5.29", "mid", "halt waits for packets");
	watched_expect("5.29", "mid", "halt waits for packets (for more than 1 ms)");
}

static void wait_tells_of_a_packet(void **state)
{
	const struct timespec moment = {.tv_nsec = 2000000};
	struct im_packet *packet = watched_packet();
	uint64_t since = 0;

	(void)state;
	send_one(packet);
	im_verify_wait(&since, "4.34", "nic", "halt waits for packets");
	nanosleep(&moment, NULL);
	im_verify_wait(&since, "4.34", "nic", "halt waits for packets");
	watched_expect("4.34", "nic", "sent by 'mid' to 'nic', slot 1");
	complete_at_nic(packet);
}

/* ---- -------------------------------------------------------------------------------------------------- */

static int up(void **state)
{
	(void)state;
	watched_up(&limits);
	return 0;
}

static int up_without_timeouts(void **state)
{
	watched.timeouts = IM_ATTRIBUTE_IGNORE_TIMEOUTS;
	return up(state);
}

static int down(void **state)
{
	(void)state;
	im_verify_now.wait_limit_ms = 30000; /* what it takes to go down is not the matter here */
	watched_down();
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(driver_that_does_its_own_timing, up_without_timeouts, down),
		TEST(handler_that_waits_in_the_core),
		TEST(lost_packet),
		TEST(lost_packet_of_an_intermediate_driver),
		TEST(no_progress),
		TEST(slow_handler),
		TEST(slow_request),
		TEST(wait_tells_of_a_packet),
		TEST(wait_that_does_not_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
