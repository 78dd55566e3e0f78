/* SPDX-License-Identifier: BSD-3-Clause */
/* The verifier's switch: what a violation brings about, quarantine, faults, and that off is off. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "im/verify/verifier.h"
#include "watched.h"

/* Run in a child: its standard error output in @p text, and the signal that ended it, or 0. */
static int run_in_child(void (*run)(void), char *text, size_t size)
{
	int ends[2], status;
	ssize_t length;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGABRT, SIG_DFL); /* cmocka has a handler */
		dup2(ends[1], STDERR_FILENO);
		run();
		_exit(0);
	}
	close(ends[1]);
	length = read(ends[0], text, size - 1);
	text[length > 0 ? length : 0] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void violate(void)
{
	im_violation("4.12", "mad", "did it");
}

static void stop_and_violate(void)
{
	im_verify_now.action = IM_VERIFY_STOP;
	violate();
}

static void off_and_violate(void)
{
	im_verify_end();
	violate();
}

/* ---- Actions --------------------------------------------------------------------------------------- */

/* contract: 12.41 */
static void stop_aborts(void **state)
{
	char text[256];

	(void)state;
	assert_int_equal(run_in_child(stop_and_violate, text, sizeof(text)), SIGABRT);
	assert_string_equal(text, "im-contract [4.12] violated by driver 'mad': did it\n");
}

/* Without the verifier whoever finds a breach has found that memory is about to be used twice. */
static void off_aborts(void **state)
{
	char text[256];

	(void)state;
	assert_int_equal(run_in_child(off_and_violate, text, sizeof(text)), SIGABRT);
	assert_string_equal(text, "im-contract [4.12] violated by driver 'mad': did it\n");
}

/* contract: 12.41 */
static void count_counts(void **state)
{
	(void)state;
	assert_int_equal(im_violations(), 0);
	assert_string_equal(im_last_violation(), "");
	violate();
	watched_expect("4.12", "mad", "did it");
	assert_int_equal(watched.nic->gate, 0);
}

static void violate_by_mid(void)
{
	im_violation("4.12", "mid", "did it");
	watched_expect("4.12", "mid", "did it");
}

static void send_one(struct im_packet *packet)
{
	im_send_packets(watched.top_binding, &packet, 1);
}

/* Nothing goes in or out through it any more; what is inside it goes home. */
/* contract: 12.41 */
static void fail_closed_closes_the_driver(void **state)
{
	struct im_packet *inside = watched_packet(), *packet = watched_packet();

	(void)state;
	im_verify_now.action = IM_VERIFY_FAIL_CLOSED;
	send_one(inside);
	violate_by_mid();
	violate_by_mid(); /* it is quarantined once */
	im_run_work();
	assert_true(watched.mid->gate & IM_GATE_QUARANTINE);
	assert_true(watched.mid_binding->gate & IM_GATE_QUARANTINE);
	assert_int_equal(watched.nic->gate, 0);
	assert_int_equal(watched.top_binding->gate, 0);
	send_one(packet);
	assert_int_equal(watched.sent.count, 1);
	assert_int_equal(watched.done.count, 1);
	assert_int_equal(watched.done.statuses[0], IM_STATUS_FAILURE);
	packet->status = IM_STATUS_SUCCESS;
	im_indicate_receive_packets(watched.nic, &packet, 1);
	assert_int_equal(watched.received.count, 0);
	assert_int_equal(watched.home.count, 1);
	inside->status = IM_STATUS_SUCCESS;
	im_send_complete(watched.nic, &inside, 1);
	watched_expect_none();
	if (watched.done.count == 1) { /* the driver is told nothing: its packet is its debt */
		inside->status = IM_STATUS_FAILURE;
		im_send_complete(watched.mid, &inside, 1);
	}
	assert_int_equal(watched.done.count, 2);
}

static void mid_would_keep_it(struct im_packet **packets, uint16_t count)
{
	(void)packets;
	(void)count;
	fail_msg("a quarantined driver was called");
}

static void mid_would_not_promise(struct im_packet **packets, uint16_t count, uint16_t *references)
{
	(void)references;
	mid_would_keep_it(packets, count);
}

/* contract: 12.41 */
static void fail_open_goes_past_the_driver(void **state)
{
	struct im_packet *down = watched_packet(), *up = watched_packet();

	(void)state;
	im_verify_now.action = IM_VERIFY_FAIL_OPEN;
	violate_by_mid();
	im_run_work();
	watched.in_send = mid_would_keep_it;
	watched.in_complete = mid_would_keep_it;
	watched.in_receive = mid_would_not_promise;
	watched.in_return = mid_would_keep_it;
	send_one(down);
	assert_int_equal(watched.sent.count, 1);
	down->status = IM_STATUS_SUCCESS;
	im_send_complete(watched.nic, &down, 1);
	assert_int_equal(watched.done.count, 1);
	im_indicate_receive_packets(watched.nic, &up, 1);
	assert_int_equal(watched.received.count, 1);
	im_return_packets(watched.top_binding, &up, 1);
	assert_int_equal(watched.home.count, 1);
	watched_expect_none(); /* the verifier knows the way past, too */
}

static void quarantine_ends_with_the_driver(void **state)
{
	struct im_driver_object *mid = im_find_driver("mid");

	(void)state;
	im_verify_now.action = IM_VERIFY_FAIL_CLOSED;
	assert_int_equal(im_quarantine_gate(mid->wrapper), 0);
	violate_by_mid();
	assert_int_equal(im_quarantine_gate(mid->wrapper), IM_GATE_QUARANTINE);
	im_unquarantine("mid");
	assert_int_equal(im_quarantine_gate(mid->wrapper), 0);
	im_run_work();
	assert_int_equal(watched.mid->gate, 0);
}

/* ---- Faults ---------------------------------------------------------------------------------------- */

static void nth_call_fails_once(void **state)
{
	(void)state;
	im_verify_fail(3, 0);
	for (uint32_t i = 1; i <= 10; i++) {
		assert_false(im_fault_allocation());
		assert_int_equal(im_fault_call(), i == 3);
	}
	assert_int_equal(im_verify_failed(), 1);
	im_verify_fail(0, 1);
	assert_int_equal(im_verify_failed(), 0);
	assert_false(im_fault_call());
	assert_true(im_fault_allocation());
	assert_false(im_fault_allocation());
}

/* ---- Off ------------------------------------------------------------------------------------------- */

static void off_is_off(void **state)
{
	struct im_packet *packet = watched_packet();
	uintptr_t *words = im_packet_words(packet);

	(void)state;
	im_verify_end();
	assert_false(im_is_verified());
	for (uint32_t i = 0; i < im_core.thread_count; i++)
		assert_false(im_core.workers[i].careful & IM_CAREFUL_VERIFY);
	words[0] = 7;
	send_one(packet);
	assert_int_equal(words[0], 7);
	assert_int_equal(packet->status, IM_STATUS_SUCCESS);
	im_send_complete(watched.nic, &packet, 1);
	assert_int_equal(watched.done.count, 1);
}

/* A control thread is a reader of the grace period while it is in the packet path, and only then. */
static void look_at_reading(struct im_packet **packets, uint16_t count)
{
	(void)packets;
	(void)count;
	assert_int_equal(im_this_worker->reading, 3); /* the calls of top, mid, and mid again */
	assert_int_equal(im_this_worker->level, IM_LEVEL_DISPATCH);
}

static void control_thread_reads_inside_packet_calls(void **state)
{
	struct im_packet *packet = watched_packet();

	(void)state;
	im_verify_end();
	watched.in_done = look_at_reading;
	im_pause(watched.nic); /* so that the send comes straight back */
	send_one(packet);
	assert_int_equal(watched.done.count, 1);
	assert_int_equal(im_this_worker->reading, 0);
	assert_int_equal(im_this_worker->level, IM_LEVEL_PASSIVE);
	assert_true(im_grace_passed(im_core.grace, im_grace_begin(im_core.grace)));
}

/* ---- -------------------------------------------------------------------------------------------------- */

static int up(void **state)
{
	(void)state;
	watched_up(NULL);
	return 0;
}

static int down(void **state)
{
	(void)state;
	im_verify_now.action = IM_VERIFY_COUNT;
	watched_down();
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(control_thread_reads_inside_packet_calls),
		TEST(count_counts),
		TEST(fail_closed_closes_the_driver),
		TEST(fail_open_goes_past_the_driver),
		TEST(nth_call_fails_once),
		TEST(off_aborts),
		TEST(off_is_off),
		TEST(quarantine_ends_with_the_driver),
		TEST(stop_aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
