/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that are sent: who has each, and what a driver does with one that it has not. */
#include <string.h>

#include "im/verify/verifier.h"
#include "watched.h"

static void send_one(struct im_packet *packet)
{
	im_send_packets(watched.top_binding, &packet, 1);
}

static void complete_at_nic(struct im_packet *packet)
{
	packet->status = IM_STATUS_SUCCESS;
	im_send_complete(watched.nic, &packet, 1);
}

static void indicate_one(struct im_packet *packet, im_status_t status)
{
	packet->status = (uint16_t)status;
	im_indicate_receive_packets(watched.nic, &packet, 1);
}

static void return_one(struct im_packet *packet)
{
	im_return_packets(watched.top_binding, &packet, 1);
}

/* ---- What is right --------------------------------------------------------------------------------- */

static void all_right(void **state)
{
	struct im_packet *packets[] = {watched_packet(), watched_packet(), watched_packet()};

	(void)state;
	for (uint32_t round = 0; round < 3; round++) {
		im_send_packets(watched.top_binding, packets, 3);
		for (uint32_t i = 0; i < 3; i++)
			complete_at_nic(packets[2 - i]);
		for (uint32_t i = 0; i < 3; i++)
			indicate_one(packets[i], i == 1 ? IM_STATUS_RESOURCES : IM_STATUS_SUCCESS);
		return_one(packets[0]);
		return_one(packets[2]);
	}
	assert_int_equal(watched.done.count, 9);
	assert_int_equal(watched.received.count, 6);
	assert_int_equal(watched.home.count, 6);
	watched_expect_none();
}

/* ---- Sends ----------------------------------------------------------------------------------------- */

/* contract: 4.12 */
static void completed_twice(void **state)
{
	struct im_packet *packet = watched_packet();

	(void)state;
	send_one(packet);
	complete_at_nic(packet);
	complete_at_nic(packet);
	watched_expect("4.12", "nic", "completed a packet that it does not have");
	assert_int_equal(watched.done.count, 1);
}

static void history_tells_who_had_it(void **state)
{
	struct im_packet *packet = watched_packet();
	const char *text = im_last_violation();

	(void)state;
	send_one(packet);
	complete_at_nic(packet);
	complete_at_nic(packet);
	watched_expect("4.12", "nic", "with 'top', who began with it");
	assert_non_null(strstr(text, "sent by 'top'"));
	assert_non_null(strstr(text, "sent by 'mid'"));
	assert_non_null(strstr(text, "completed by 'nic'"));
	assert_non_null(strstr(text, "test_im_verify_send+0x"));
	assert_true(strstr(text, "completed by 'mid'") < strstr(text, "sent by 'mid'")); /* latest first */
}

/* contract: 4.12 */
static void completed_never_sent(void **state)
{
	(void)state;
	complete_at_nic(watched_packet());
	watched_expect("4.12", "nic", "never sent");
	assert_int_equal(watched.done.count, 0);
}

static void complete_what_was_handed_on(struct im_packet **packets, uint16_t count)
{
	im_send_packets(watched.mid_binding, packets, count);
	im_send_complete(watched.mid, packets, count);
}

/* contract: 4.12 11.12 */
static void completed_while_below(void **state)
{
	struct im_packet *packet = watched_packet();

	(void)state;
	watched.in_send = complete_what_was_handed_on;
	send_one(packet);
	watched_expect("4.12", "mid", "completed a packet that 'nic' has");
	assert_int_equal(watched.done.count, 0);
	complete_at_nic(packet);
	assert_int_equal(watched.done.count, 1);
}

/* contract: 4.13 */
static void completed_with_pending(void **state)
{
	struct im_packet *packet = watched_packet();

	(void)state;
	send_one(packet);
	packet->status = IM_STATUS_PENDING;
	im_send_complete(watched.nic, &packet, 1);
	watched_expect("4.13", "nic", "status 1 (completes later)");
	assert_int_equal(watched.done.statuses[0], IM_STATUS_FAILURE);
}

/* contract: 4.13 */
static void completed_without_status(void **state)
{
	struct im_packet *packet = watched_packet();

	(void)state;
	send_one(packet);
	im_send_complete(watched.nic, &packet, 1);
	watched_expect("4.13", "nic", "without a status");
	assert_int_equal(watched.done.statuses[0], IM_STATUS_FAILURE);
}

/* contract: 4.13 */
static void completed_with_status_of_requests(void **state)
{
	struct im_packet *packet = watched_packet();

	(void)state;
	send_one(packet);
	packet->status = IM_STATUS_INVALID_OID;
	im_send_complete(watched.nic, &packet, 1);
	watched_expect("4.13", "nic", "invalid OID");
}

/* contract: 4.14 */
static void sent_while_out(void **state)
{
	struct im_packet *packet = watched_packet();

	(void)state;
	send_one(packet);
	send_one(packet);
	watched_expect("4.14", "top", "still out");
	assert_int_equal(watched.sent.count, 1);
	complete_at_nic(packet);
	assert_int_equal(watched.done.count, 1);
}

/* contract: 4.14 */
static void words_written_while_out(void **state)
{
	struct im_packet *packet = watched_packet();
	uintptr_t *words = im_packet_words(packet);

	(void)state;
	words[0] = 7;
	send_one(packet);
	words[0] = 8;
	complete_at_nic(packet);
	watched_expect("4.14", "top", "wrote to its words");
	assert_int_equal(words[0], 7); /* as it had left them */
}

/* contract: 2.57 4.14 */
static void words_are_poison_while_out(void **state)
{
	struct im_packet *packet = watched_packet();
	uintptr_t *words = im_packet_words(packet);

	(void)state;
	words[0] = 7;
	words[1] = 9;
	send_one(packet);
	assert_int_not_equal(words[0], 7);
	assert_int_not_equal(words[1], 9);
	assert_int_not_equal(packet->status, IM_STATUS_SUCCESS);
	complete_at_nic(packet);
	assert_int_equal(words[0], 7);
	assert_int_equal(words[1], 9);
}

/* contract: 2.57 */
static void words_of_the_next_one_are_poison(void **state)
{
	struct im_packet *packet = watched_packet();

	(void)state;
	send_one(packet);
	im_packet_words(packet)[0] = 5; /* the nic's own */
	complete_at_nic(packet);
	assert_int_not_equal(packet->stack[2].words[0], 5);
	watched_expect_none();
}

/* contract: 4.15 */
static void words_written_after_completion(void **state)
{
	struct im_packet *packet = watched_packet();
	uintptr_t *words;

	(void)state;
	send_one(packet);
	words = im_packet_words(packet);
	complete_at_nic(packet);
	words[1] = 6;
	send_one(packet);
	watched_expect("4.15", "nic", "given back");
	complete_at_nic(packet);
}

static void info_not_restored(struct im_packet **packets, uint16_t count)
{
	packets[0]->info.vlan = 5;
	packets[0]->status = IM_STATUS_SUCCESS;
	im_send_complete(watched.mid, packets, count);
}

/* contract: 4.17 */
static void completed_with_other_info(void **state)
{
	(void)state;
	watched.in_send = info_not_restored;
	send_one(watched_packet());
	watched_expect("4.17", "mid", "per-packet info");
	assert_int_equal(watched.done.count, 1);
}

static void depth_written(struct im_packet **packets, uint16_t count)
{
	packets[0]->depth++;
	im_send_packets(watched.mid_binding, packets, count);
	packets[0]->depth--;
	packets[0]->status = IM_STATUS_FAILURE;
	im_send_complete(watched.mid, packets, count);
}

/* contract: 2.57 */
static void handed_on_with_other_depth(void **state)
{
	(void)state;
	watched.in_send = depth_written;
	send_one(watched_packet());
	watched_expect("2.57", "mid", "changed the depth");
	assert_int_equal(watched.sent.count, 0);
	assert_int_equal(watched.done.count, 1);
}

/* A stack with more drivers than the verifier follows: what is above and what is below both stay right. */
static void deeper_than_is_followed(void **state)
{
	static struct im_binding bindings[IM_TRACK_LEVELS + 3];
	struct im_packet *packet = calloc(1, sizeof(*packet) + 32 * sizeof(packet->stack[0]));
	const uint16_t levels = IM_TRACK_LEVELS + 3;

	(void)state;
	assert_non_null(packet);
	packet->slots = 32;
	for (uint32_t round = 0; round < 2; round++) {
		for (uint16_t i = 0; i < levels; i++, packet->depth++) {
			bindings[i].protocol = i == 0 ? watched.top_binding->protocol : watched.mid_binding->protocol;
			bindings[i].lower = watched.mid;
			assert_true(im_edge_send(&bindings[i], packet, NULL));
		}
		for (uint16_t i = 0; i < levels; i++, packet->depth--) {
			packet->status = IM_STATUS_SUCCESS;
			assert_true(im_edge_complete(watched.mid, packet, NULL));
		}
		watched_expect_none();
		assert_false(im_edge_complete(watched.mid, packet, NULL));
		watched_expect("4.12", "mid", "does not have");
	}
	free(packet);
}

static void refused_send_is_the_senders_again(void **state)
{
	struct im_packet *packet = watched_packet();

	(void)state;
	im_pause(watched.mid);
	send_one(packet);
	assert_int_equal(watched.done.statuses[0], IM_STATUS_PAUSED);
	assert_int_equal(im_restart(watched.mid), IM_STATUS_SUCCESS);
	send_one(packet); /* it was not out */
	complete_at_nic(packet);
	assert_int_equal(watched.done.count, 2);
	watched_expect_none();
}

/* ---- Handles --------------------------------------------------------------------------------------- */

/* contract: 3.22 */
static void send_over_dead_binding(void **state)
{
	struct im_binding *dead = watched.top_binding;
	struct im_packet *packet = watched_packet();

	(void)state;
	im_unbind(dead);
	im_send_packets(dead, &packet, 1);
	watched_expect("3.22", "the core", "im_send_packets with a handle that is gone");
}

/* ---- Pools ----------------------------------------------------------------------------------------- */

/* contract: 5.21 */
static void sent_after_free(void **state)
{
	struct im_wrapper *wrapper = im_find_driver("top")->wrapper;
	struct im_packet *packet;
	struct im_pool *pool;

	(void)state;
	assert_int_equal(im_allocate_packet_pool(wrapper, 2, &pool), IM_STATUS_SUCCESS);
	packet = im_allocate_packet(pool);
	im_free_packet(pool, packet);
	send_one(packet);
	watched_expect("5.21", "top", "handed on a packet that it has freed");
	im_free_packet_pool(pool);
}

/* contract: 4.14 */
static void sent_packet_of_another(void **state)
{
	struct im_wrapper *wrapper = im_find_driver("nic")->wrapper;
	struct im_packet *packet;
	struct im_pool *pool;

	(void)state;
	assert_int_equal(im_allocate_packet_pool(wrapper, 2, &pool), IM_STATUS_SUCCESS);
	packet = im_allocate_packet(pool);
	send_one(packet);
	watched_expect("4.14", "top", "a packet of 'nic'");
	im_free_packet(pool, packet);
	im_free_packet_pool(pool);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WATCHED_TEST(all_right),
		WATCHED_TEST(completed_never_sent),
		WATCHED_TEST(completed_twice),
		WATCHED_TEST(completed_while_below),
		WATCHED_TEST(completed_with_other_info),
		WATCHED_TEST(completed_with_pending),
		WATCHED_TEST(completed_with_status_of_requests),
		WATCHED_TEST(completed_without_status),
		WATCHED_TEST(deeper_than_is_followed),
		WATCHED_TEST(handed_on_with_other_depth),
		WATCHED_TEST(history_tells_who_had_it),
		WATCHED_TEST(refused_send_is_the_senders_again),
		WATCHED_TEST(send_over_dead_binding),
		WATCHED_TEST(sent_after_free),
		WATCHED_TEST(sent_packet_of_another),
		WATCHED_TEST(sent_while_out),
		WATCHED_TEST(words_are_poison_while_out),
		WATCHED_TEST(words_of_the_next_one_are_poison),
		WATCHED_TEST(words_written_after_completion),
		WATCHED_TEST(words_written_while_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
