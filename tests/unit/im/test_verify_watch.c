/* SPDX-License-Identifier: BSD-3-Clause */
/* Watchdogs: what lasts too long is said once, of whoever has it. No test waits: the ticks bring the time. */
#include <stdio.h>
#include <string.h>
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
	watched_expect("12.20", "nic", "OID 0x00010107 for 12000 ms: it began at 1.000000 s");
	watched_tick(11000);
	watched_expect_none();
	watched_tick(2000); /* said again, of the same request */
	watched_expect("12.20", "nic", "it began at 1.000000 s");
	assert_int_equal(im_request_begun(watched.nic), 1000000000); /* a hang check counts from there (6.18) */
	watched.nic->requests.active = NULL;
}

/* ---- Handlers -------------------------------------------------------------------------------------- */

/* One row for each handler that there is: what its report must say that it was called for. */
struct handler {
	const char *name;
	enum im_handler handler;
	enum im_subject_kind subject;
};

static const struct handler handlers[] = {
#define X(name, level, statement, subject) {#name, IM_HANDLER_##name, IM_SUBJECT_##subject},
	IM_HANDLER_TABLE(X)
#undef X
};

/* What they are called for, by kind: a name, or a function. */
static const struct {
	const char *name;
	const void *code;
} subjects[] = {
	[IM_SUBJECT_DRIVER] = {.name = "mad"},
	[IM_SUBJECT_INSTANCE] = {.name = "mad0"},
	[IM_SUBJECT_BINDING] = {.name = "mad1"},
	[IM_SUBJECT_BIND] = {.name = "mad2"},
	[IM_SUBJECT_HANDLE] = {.name = "gadget"},
	[IM_SUBJECT_WORK] = {.code = (const void *)watched_work},
	[IM_SUBJECT_TIMER] = {.code = (const void *)watched_expired},
	[IM_SUBJECT_DPC] = {.code = (const void *)watched_deferred},
};

static void append_subject(char *text, size_t size, enum im_subject_kind kind)
{
	if (subjects[kind].code != NULL)
		im_append_site(text, size, subjects[kind].code);
	else
		im_append(text, size, "'%s'", subjects[kind].name);
}

/* Said once, with what was called for what, since when, on which thread, and the limit: of a handler that began now. */
static void expect_late(const struct handler *handler, const char *driver, const char *thread)
{
	uint64_t begun_ns = im_core.now_ns;
	char text[256];

	watched_tick(10000);
	watched_expect_none();
	watched_tick(1);
	snprintf(text, sizeof(text), "its handler %s, called for ", handler->name);
	append_subject(text, sizeof(text), handler->subject);
	im_append(text, sizeof(text), " at %lu.%06lu s on %s, has not returned for more than 10000 ms",
		  begun_ns / 1000000000, begun_ns % 1000000000 / 1000, thread);
	watched_expect("12.17", driver, text);
	watched_tick(60000);
	watched_expect_none();
}

static const struct handler *late; /* the handler that takes long */

static void take_long(void)
{
	expect_late(late, "mad", "control thread 0");
}

/* contract: 12.17 */
static void each_handler_is_watched(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < RTE_DIM(handlers); i++) {
		late = &handlers[i];
		if (late->subject == IM_SUBJECT_HANDLE)
			continue; /* below */
		watched_in_handler(late->handler, take_long);
		watched_tick(60000);
		watched_expect_none();
	}
}

static im_status_t open_slowly(struct im_device *device, void **handle_context)
{
	(void)device;
	*handle_context = NULL;
	expect_late(&handlers[IM_HANDLER_device_open], "mad", "control thread 0");
	return IM_STATUS_SUCCESS;
}

static im_status_t answer_slowly(void *handle_context, struct im_device_call *call)
{
	(void)handle_context;
	(void)call;
	expect_late(&handlers[IM_HANDLER_device_call], "mad", "control thread 0");
	return IM_STATUS_SUCCESS;
}

static void clean_up_slowly(void *handle_context)
{
	(void)handle_context;
	expect_late(&handlers[IM_HANDLER_device_cleanup], "mad", "control thread 0");
}

static void close_slowly(void *handle_context)
{
	(void)handle_context;
	expect_late(&handlers[IM_HANDLER_device_close], "mad", "control thread 0");
}

/* contract: 12.17 */
static void handlers_of_a_device_are_watched(void **state)
{
	static const struct im_device_operations slow = {
		.open = open_slowly, .call = answer_slowly, .cleanup = clean_up_slowly, .close = close_slowly};
	struct im_device_call call = {0};
	struct im_device *device;
	struct im_handle *handle;

	(void)state;
	assert_int_equal(im_register_device(&watched_wrapper, "gadget", &slow, &device), IM_STATUS_SUCCESS);
	assert_int_equal(im_open_device("gadget", &handle), IM_STATUS_SUCCESS);
	assert_int_equal(im_call_device(handle, &call), IM_STATUS_SUCCESS);
	im_close_handle(handle);
	im_deregister_device(device);
}

/* The index is the thread's own, whoever ticks. */
static void thread_of_a_handler_is_named(void **state)
{
	struct im_worker *control = im_this_worker;
	struct im_frame frame;

	(void)state;
	im_this_worker = &im_core.workers[2];
	im_enter(&frame, IM_HANDLER_send_packets, &watched_wrapper, &watched_instance);
	im_this_worker = control;
	expect_late(&handlers[IM_HANDLER_send_packets], "mad", "worker 2");
	im_this_worker = &im_core.workers[2];
	im_leave(&frame);
	im_this_worker = control;
}

/* The start is that of the call; the limit counts from when the core last waited in it. */
static void wait_then_take_long(void)
{
	struct im_wait wait = {0};

	watched_tick(9000);
	im_verify_wait(&wait, "5.29", "top", "mid", "a packet is out");
	watched_tick(10000);
	watched_expect_none();
	watched_tick(1);
	watched_expect("12.17", "mad", "its handler halt, called for 'mad0' at 1.000000 s on control thread 0");
}

static void start_is_told_though_the_core_waited(void **state)
{
	(void)state;
	watched_in_handler(IM_HANDLER_halt, wait_then_take_long);
}

static void call_out(void)
{
	watched_in_handler(late->handler, take_long);
}

/* Of two, one in the other, it is the inner one that does not end. */
static void innermost_handler_is_to_blame(void **state)
{
	(void)state;
	late = &handlers[IM_HANDLER_query_information];
	watched_in_handler(IM_HANDLER_work, call_out);
}

static void wait_for_others(void)
{
	struct im_wait wait = {0};

	for (uint32_t i = 0; i < 10; i++) {
		watched_tick(9000);
		im_verify_wait(&wait, "5.29", "top", "mid", "a packet is out");
		wait = (struct im_wait){0};
	}
}

/* Where the core waits inside of it for somebody else, its handler is not to blame. */
static void handler_that_waits_in_the_core(void **state)
{
	(void)state;
	watched_in_handler(IM_HANDLER_halt, wait_for_others);
	watched_expect_none();
}

/* The time that is told is its own clock's. */
static void expect_wait(const struct im_wait *wait, const char *statement, const char *driver, const char *beginning)
{
	char text[256];

	snprintf(text, sizeof(text), "%s (for more than 1 ms: for 'mid' control thread 0 has waited since %lu.%06lu s)",
		 beginning, wait->begun_ns / 1000000000, wait->begun_ns % 1000000000 / 1000);
	watched_expect(statement, driver, text);
}

/* contract: 12.17 */
static void wait_that_does_not_end(void **state)
{
	const struct timespec moment = {.tv_nsec = 2000000};
	struct im_wait wait = {0};
	uint64_t begun_ns;

	(void)state;
	im_verify_wait(&wait, "5.29", "mid", "mid", "halt waits for packets");
	watched_expect_none();
	begun_ns = wait.begun_ns;
	for (uint32_t i = 0; i < 2; i++) { /* the start stays what it was */
		nanosleep(&moment, NULL);
		im_verify_wait(&wait, "5.29", "mid", "mid", "halt waits for packets");
		expect_wait(&wait, "5.29", "mid", "halt waits for packets");
		assert_int_equal(wait.begun_ns, begun_ns);
	}
}

static void wait_tells_of_a_packet(void **state)
{
	const struct timespec moment = {.tv_nsec = 2000000};
	struct im_packet *packet = watched_packet();
	struct im_wait wait = {0};

	(void)state;
	send_one(packet);
	im_verify_wait(&wait, "4.34", "nic", "nic", "halt waits for packets");
	nanosleep(&moment, NULL);
	im_verify_wait(&wait, "4.34", "nic", "nic", "halt waits for packets");
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
		TEST(each_handler_is_watched),
		TEST(handler_that_waits_in_the_core),
		TEST(handlers_of_a_device_are_watched),
		TEST(innermost_handler_is_to_blame),
		TEST(lost_packet),
		TEST(lost_packet_of_an_intermediate_driver),
		TEST(no_progress),
		TEST(slow_request),
		TEST(start_is_told_though_the_core_waited),
		TEST(thread_of_a_handler_is_named),
		TEST(wait_tells_of_a_packet),
		TEST(wait_that_does_not_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
