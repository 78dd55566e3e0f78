/* SPDX-License-Identifier: BSD-3-Clause */
/* Sleeping and waking: no event where none was asked for, and none that is lost. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "rig.h"

static uint8_t wire[2048];
static struct sluice_frame_meta wire_meta;

static void give(struct rig *rig, uint8_t first)
{
	uint8_t frame[60];

	frame_make(frame, sizeof(frame), first);
	assert_true(card_give(&rig->card, 0, frame, sizeof(frame), NULL, 0));
}

static void send_one(struct note *note, struct sluice_send *send)
{
	sluice_miniport_send(note->protocol, 0, &send, 1);
}

static bool is_ready(int fd)
{
	struct pollfd source = {.fd = fd, .events = POLLIN};

	return poll(&source, 1, 0) == 1;
}

static void test_a_busy_host_is_not_woken(void **state)
{
	struct rig *rig = *state;
	int signal;

	rig_start(rig);
	signal = sluice_miniport_signal(rig->miniport, 0);
	give(rig, 1);
	assert_false(is_ready(signal));
	assert_false(sluice_miniport_arm(rig->miniport, 0, SLUICE_WANT_RECEIVE)); /* there is something already */
	assert_int_equal(card_host_line(&rig->card, 0)->want_event, 0);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1);
}

static void test_sends_wake_where_they_are_asked_for(void **state)
{
	struct rig *rig = *state;
	struct sluice_send *send = send_make(60, 1);
	int signal;

	rig_start(rig);
	signal = sluice_miniport_signal(rig->miniport, 0);
	send_one(&rig->a, send);
	assert_true(sluice_miniport_arm(rig->miniport, 0, SLUICE_WANT_RECEIVE));
	card_take(&rig->card, 0, wire, &wire_meta);
	assert_false(is_ready(signal));
	assert_false(sluice_miniport_arm(rig->miniport, 0, SLUICE_WANT_SEND));
	sluice_miniport_poll(rig->miniport, 0, 64);
	send_one(&rig->a, send);
	assert_true(sluice_miniport_arm(rig->miniport, 0, SLUICE_WANT_SEND));
	card_take(&rig->card, 0, wire, &wire_meta);
	assert_true(is_ready(signal));
	sluice_miniport_disarm(rig->miniport, 0);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1);
	send_free(send);
}

/* Its end wakes, and so does its return; in between there is nothing to wake for. */
static void test_the_firmware_wakes(void **state)
{
	struct rig *rig = *state;
	int signal, connection, asleep;

	rig_start(rig);
	signal = sluice_miniport_signal(rig->miniport, 0);
	connection = sluice_miniport_connection(rig->miniport);
	assert_true(sluice_miniport_arm(rig->miniport, 0, SLUICE_WANT_RECEIVE));
	card_stop(&rig->card);
	assert_true(is_ready(signal) && is_ready(connection));
	assert_int_equal(sluice_miniport_check(rig->miniport), -ENOTCONN);
	sluice_miniport_disarm(rig->miniport, 0);
	assert_true(sluice_miniport_arm(rig->miniport, 0, SLUICE_WANT_RECEIVE));
	assert_false(is_ready(signal));
	asleep = dup(signal); /* what a thread that is in poll() still sleeps on */
	card_start(&rig->card);
	assert_int_equal(sluice_miniport_reattach(rig->miniport, NULL), 0);
	assert_int_equal(sluice_miniport_signal(rig->miniport, 0), signal);
	assert_true(is_ready(asleep));
	close(asleep);
	assert_true(sluice_miniport_arm(rig->miniport, 0, SLUICE_WANT_RECEIVE));
	give(rig, 3);
	assert_true(is_ready(signal));
}

/* Armed while there is no card, asleep only when there is one again: its frames wake all the same. */
static void test_who_falls_asleep_while_the_firmware_returns(void **state)
{
	struct rig *rig = *state;
	int signal;

	rig_start(rig);
	signal = sluice_miniport_signal(rig->miniport, 0);
	card_stop(&rig->card);
	assert_int_equal(sluice_miniport_check(rig->miniport), -ENOTCONN);
	assert_true(sluice_miniport_arm(rig->miniport, 0, SLUICE_WANT_RECEIVE));
	card_start(&rig->card);
	assert_int_equal(sluice_miniport_reattach(rig->miniport, NULL), 0);
	assert_int_equal(card_host_line(&rig->card, 0)->want_event, SLUICE_WANT_RECEIVE);
	assert_false(is_ready(signal));
	give(rig, 1);
	assert_true(is_ready(signal));
	sluice_miniport_disarm(rig->miniport, 0);
	assert_int_equal(card_host_line(&rig->card, 0)->want_event, 0);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1);
}

/* A card that never saw the host awake still sees that it has passed what it was woken for. */
static void test_it_sleeps_and_wakes_again_and_again(void **state)
{
	struct rig *rig = *state;
	int signal;

	rig_start(rig);
	signal = sluice_miniport_signal(rig->miniport, 0);
	for (uint8_t i = 0; i < 10; i++) {
		assert_true(sluice_miniport_arm(rig->miniport, 0, SLUICE_WANT_RECEIVE));
		assert_int_equal(card_host_line(&rig->card, 0)->want_event, SLUICE_WANT_RECEIVE);
		give(rig, i);
		assert_true(is_ready(signal));
		sluice_miniport_disarm(rig->miniport, 0);
		assert_int_equal(card_host_line(&rig->card, 0)->want_event, 0);
		give(rig, i); /* nobody asked */
		assert_false(is_ready(signal));
		assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 2);
	}
}

static void test_sends_that_wait_for_room_wake(void **state)
{
	struct rig *rig = *state;
	struct sluice_send *sends[65];
	int signal;

	rig_start(rig);
	signal = sluice_miniport_signal(rig->miniport, 0);
	for (unsigned i = 0; i < 65; i++)
		send_one(&rig->a, sends[i] = send_make(60, 1));
	assert_true(sluice_miniport_arm(rig->miniport, 0, SLUICE_WANT_RECEIVE));
	assert_int_equal(card_take(&rig->card, 0, wire, &wire_meta), 60);
	assert_true(is_ready(signal));
	sluice_miniport_disarm(rig->miniport, 0);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(card_take(&rig->card, 0, wire, &wire_meta), 60);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 64);
	for (unsigned i = 0; i < 65; i++)
		send_free(sends[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_busy_host_is_not_woken),
		CASE(sends_wake_where_they_are_asked_for),
		CASE(the_firmware_wakes),
		CASE(who_falls_asleep_while_the_firmware_returns),
		CASE(it_sleeps_and_wakes_again_and_again),
		CASE(sends_that_wait_for_room_wake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
