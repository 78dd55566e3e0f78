/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that are lent upward: who has each, and what a driver does with one that it has not. */
#include <string.h>
#include <time.h>

#include "im/verify/verifier.h"
#include "watched.h"

static void indicate_one(struct im_packet *packet, im_status_t status)
{
	packet->status = (uint16_t)status;
	im_indicate_receive_packets(watched.nic, &packet, 1);
}

static void return_one(struct im_packet *packet)
{
	im_return_packets(watched.top_binding, &packet, 1);
}

static void returned_inside_the_call(struct im_packet **packets, uint16_t count)
{
	im_return_packets(watched.top_binding, packets, count);
}

static void return_inside_receive_is_right(void **state)
{
	(void)state;
	watched.in_received = returned_inside_the_call;
	indicate_one(watched_packet(), IM_STATUS_SUCCESS);
	assert_int_equal(watched.home.count, 1);
	watched_expect_none();
}

/* ---- Receives -------------------------------------------------------------------------------------- */

/* contract: 5.8 */
static void indicated_while_out(void **state)
{
	struct im_packet *packet = watched_packet();

	(void)state;
	indicate_one(packet, IM_STATUS_SUCCESS);
	indicate_one(packet, IM_STATUS_SUCCESS);
	watched_expect("5.8", "nic", "still out");
	assert_int_equal(watched.received.count, 1);
	return_one(packet);
	assert_int_equal(watched.home.count, 1);
}

/* contract: 5.1 */
static void indicated_with_send_status(void **state)
{
	(void)state;
	indicate_one(watched_packet(), IM_STATUS_PAUSED);
	watched_expect("5.1", "nic", "indicated a packet with status");
	assert_int_equal(watched.received.count, 0);
}

/* contract: 5.3 */
static void words_written_while_lent(void **state)
{
	struct im_packet *packet = watched_packet();
	uintptr_t *words = im_packet_words(packet);

	(void)state;
	indicate_one(packet, IM_STATUS_SUCCESS);
	words[1] = 3;
	return_one(packet);
	watched_expect("5.3", "nic", "wrote to its words");
	assert_int_equal(watched.home.count, 1);
}

/* contract: 5.16 */
static void returned_twice(void **state)
{
	struct im_packet *packet = watched_packet();

	(void)state;
	indicate_one(packet, IM_STATUS_SUCCESS);
	return_one(packet);
	return_one(packet);
	watched_expect("5.16", "top", "returned a packet that it does not have");
	assert_int_equal(watched.home.count, 1);
}

/* contract: 5.16 */
static void returned_foreign_packet(void **state)
{
	(void)state;
	return_one(watched_packet());
	watched_expect("5.16", "top", "never lent");
	assert_int_equal(watched.home.count, 0);
}

static void return_while_lent_on(struct im_packet **packets, uint16_t count, uint16_t *references)
{
	references[0] = 1;
	im_indicate_receive_packets(watched.mid, packets, count);
	im_return_packets(watched.mid_binding, packets, count);
}

/* contract: 5.16 5.19 */
static void returned_while_above_has_it(void **state)
{
	struct im_packet *packet = watched_packet();

	(void)state;
	watched.in_receive = return_while_lent_on;
	indicate_one(packet, IM_STATUS_SUCCESS);
	watched_expect("5.16", "mid", "returned a packet that 'top' has");
	return_one(packet);
	assert_int_equal(watched.home.count, 1);
}

static void promise_one(struct im_packet **packets, uint16_t count, uint16_t *references)
{
	(void)packets;
	(void)count;
	references[0] = 1;
}

/* Together they have promised two returns, so the core alone would blame the other one. */
/* contract: 5.12 5.16 */
static void returned_for_another_receiver(void **state)
{
	struct im_packet *packet = watched_packet();

	(void)state;
	watched_move_top("nic");
	watched.in_receive = promise_one;
	indicate_one(packet, IM_STATUS_SUCCESS);
	return_one(packet);
	return_one(packet);
	watched_expect("5.16", "top", "more often than the 1 times it promised");
	assert_int_equal(watched.home.count, 0);
	im_return_packets(watched.mid_binding, &packet, 1);
	assert_int_equal(watched.home.count, 1);
}

/* Each promise is a reference of its receiver: the report names whose is missing, and where the others were returned.
 */
/* contract: 12.10 */
static void wait_tells_whose_return_is_missing(void **state)
{
	const struct timespec moment = {.tv_nsec = 2000000};
	struct im_packet *packet = watched_packet();
	struct im_wait wait = {0};

	(void)state;
	watched_move_top("nic");
	watched.in_receive = promise_one;
	watched.references = 2;
	indicate_one(packet, IM_STATUS_SUCCESS);
	return_one(packet);
	im_return_packets(watched.mid_binding, &packet, 1);
	im_verify_now.wait_limit_ms = 1;
	im_verify_wait_packets(&wait, "10.25", watched.nic, "nic", "nic", "paused");
	nanosleep(&moment, NULL);
	im_verify_wait_packets(&wait, "10.25", watched.nic, "nic", "nic", "paused");
	im_verify_now.wait_limit_ms = 30000;
	watched_expect("10.25", "its receivers",
		       "'top' has returned it 1 of 2 times\n    returned by 'mid', 0 ms ago, at ");
	assert_null(strstr(im_last_violation(), "'mid' has returned it"));
	return_one(packet);
	assert_int_equal(watched.home.count, 1);
}

/* What it is shown belongs to the miniport, whatever its name stands for. */
static void return_it(struct im_packet *packet)
{
	im_return_packets(watched.mid_binding, &packet, 1);
}

/* contract: 5.6 5.15 */
static void returned_what_was_for_the_call(void **state)
{
	(void)state;
	watched.in_look = return_it;
	indicate_one(watched_packet(), IM_STATUS_RESOURCES);
	watched_expect("5.15", "mid", "lent for the call alone");
	assert_int_equal(watched.home.count, 0);
}

static void lend_it_on(struct im_packet *packet)
{
	packet->status = IM_STATUS_SUCCESS; /* which it is not */
	im_indicate_receive_packets(watched.mid, &packet, 1);
}

/* contract: 5.15 */
static void lent_on_what_was_for_the_call(void **state)
{
	(void)state;
	watched.in_look = lend_it_on;
	indicate_one(watched_packet(), IM_STATUS_RESOURCES);
	watched_expect("5.15", "mid", "handed on a packet that was lent for the call alone");
	assert_int_equal(watched.received.count, 0);
}

/* To a receiver that is not only shown the packet, as the core would lend it. */
/* contract: 5.15 */
static void kept_what_was_for_the_call(void **state)
{
	struct im_packet *packet = watched_packet();

	(void)state;
	assert_true(im_edge_indicate(watched.nic, packet, true, NULL));
	packet->depth = 1;
	assert_true(im_edge_send(watched.mid_binding, packet, NULL));
	packet->depth = 0;
	im_edge_end(watched.nic, packet);
	watched_expect("5.15", "mid", "kept a packet that was lent for the call alone");
}

static void send_it_down(struct im_packet *packet)
{
	im_send_packets(watched.mid_binding, &packet, 1);
}

/* contract: 5.15 */
static void sent_what_was_for_the_call(void **state)
{
	(void)state;
	watched.in_look = send_it_down;
	indicate_one(watched_packet(), IM_STATUS_RESOURCES);
	watched_expect("5.15", "mid", "handed on a packet that was lent for the call alone");
	assert_int_equal(watched.sent.count, 0);
}

static void change_length(struct im_packet *packet)
{
	packet->length -= 4;
}

/* contract: 5.7 */
static void changed_what_was_for_the_call(void **state)
{
	(void)state;
	watched.in_look = change_length;
	indicate_one(watched_packet(), IM_STATUS_RESOURCES);
	watched_expect("5.7", "mid", "as it had got it");
}

/* contract: 5.10 */
static void indicate_on_dead_instance(void **state)
{
	struct im_instance *dead = watched.mid;
	struct im_packet *packet = watched_packet();

	(void)state;
	assert_int_equal(im_deinitialize_device_instance(dead), IM_STATUS_SUCCESS);
	im_indicate_receive_packets(dead, &packet, 1);
	watched_expect("5.10", "the core", "im_indicate_receive_packets with a handle that is gone");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WATCHED_TEST(changed_what_was_for_the_call),
		WATCHED_TEST(indicate_on_dead_instance),
		WATCHED_TEST(indicated_while_out),
		WATCHED_TEST(indicated_with_send_status),
		WATCHED_TEST(kept_what_was_for_the_call),
		WATCHED_TEST(lent_on_what_was_for_the_call),
		WATCHED_TEST(return_inside_receive_is_right),
		WATCHED_TEST(returned_for_another_receiver),
		WATCHED_TEST(returned_foreign_packet),
		WATCHED_TEST(returned_twice),
		WATCHED_TEST(returned_what_was_for_the_call),
		WATCHED_TEST(returned_while_above_has_it),
		WATCHED_TEST(sent_what_was_for_the_call),
		WATCHED_TEST(wait_tells_whose_return_is_missing),
		WATCHED_TEST(words_written_while_lent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
