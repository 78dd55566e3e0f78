/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes behind a frame that nobody may write to (contract 12.40): who did, where several have the buffers in turn. */
#include <string.h>

#include "im/verify/verifier.h"
#include "watched.h"

#define FRAME 60u

/* A buffer of the card's, with room behind the frame. */
static uint8_t memory[256];
static struct rte_mbuf buffer;
static struct im_packet *own; /* of mid, for the buffers of others */

static struct rte_mbuf *make_buffer(void)
{
	memset(memory, 7, sizeof(memory));
	buffer = (struct rte_mbuf){.buf_addr = memory,
				   .buf_len = sizeof(memory),
				   .data_off = 32,
				   .data_len = FRAME,
				   .pkt_len = FRAME,
				   .nb_segs = 1,
				   .refcnt = 1};
	return &buffer;
}

static void write_behind(void)
{
	*rte_pktmbuf_mtod_offset(&buffer, uint8_t *, FRAME) = 1;
}

static bool is_as_it_was(void)
{
	for (uint32_t i = buffer.data_off + FRAME; i < sizeof(memory); i++)
		if (memory[i] != 7)
			return false;
	return true;
}

static struct im_packet *packet_over(struct rte_mbuf *mbuf)
{
	struct im_packet *packet = watched_packet();

	packet->mbuf = mbuf;
	return packet;
}

static void send_one(struct im_packet *packet)
{
	im_send_packets(watched.top_binding, &packet, 1);
}

static void complete_at_nic(struct im_packet *packet)
{
	packet->status = IM_STATUS_SUCCESS;
	im_send_complete(watched.nic, &packet, 1);
}

static void indicate_one(struct im_packet *packet)
{
	packet->status = IM_STATUS_SUCCESS;
	watched.references = 1;
	im_indicate_receive_packets(watched.nic, &packet, 1);
}

static void return_one(struct im_packet *packet)
{
	im_return_packets(watched.top_binding, &packet, 1);
}

/* ---- By another descriptor --------------------------------------------------------------------------- */

static struct im_packet *original;

static void send_under_own(struct im_packet **packets, uint16_t count)
{
	assert_int_equal(count, 1);
	original = packets[0];
	own->mbuf = original->mbuf;
	im_send_packets(watched.mid_binding, &own, 1);
}

static void complete_original(struct im_packet **packets, uint16_t count)
{
	assert_int_equal(count, 1);
	assert_ptr_equal(packets[0], own);
	original->status = IM_STATUS_SUCCESS;
	im_send_complete(watched.mid, &original, 1);
}

static void receive_under_own(struct im_packet **packets, uint16_t count, uint16_t *references)
{
	assert_int_equal(count, 1);
	original = packets[0];
	references[0] = 1;
	own->mbuf = original->mbuf;
	own->status = IM_STATUS_SUCCESS;
	im_indicate_receive_packets(watched.mid, &own, 1);
}

static void return_original(struct im_packet **packets, uint16_t count)
{
	assert_int_equal(count, 1);
	assert_ptr_equal(packets[0], own);
	im_return_packets(watched.mid_binding, &original, 1);
}

static void use_own_descriptor(void)
{
	own = watched_packet();
	watched.in_send = send_under_own;
	watched.in_complete = complete_original;
	watched.in_receive = receive_under_own;
	watched.in_return = return_original;
}

/* contract: 12.40 */
static void sent_under_another_descriptor(void **state)
{
	(void)state;
	use_own_descriptor();
	for (int round = 0; round < 3; round++) {
		send_one(packet_over(make_buffer()));
		if (round == 1)
			write_behind();
		complete_at_nic(own);
		if (round == 1)
			watched_expect("12.40", "nic", "wrote past the end of a frame");
		watched_expect_none();
		assert_true(is_as_it_was());
	}
	assert_int_equal(watched.done.count, 3);
}

/* contract: 12.40 */
static void received_under_another_descriptor(void **state)
{
	(void)state;
	use_own_descriptor();
	for (int round = 0; round < 3; round++) {
		indicate_one(packet_over(make_buffer()));
		if (round == 1)
			write_behind();
		return_one(own);
		if (round == 1)
			watched_expect("12.40", "top", "wrote past the end of a frame");
		watched_expect_none();
		assert_true(is_as_it_was());
	}
	assert_int_equal(watched.home.count, 3);
}

static void write_and_complete(struct im_packet **packets, uint16_t count)
{
	write_behind();
	complete_original(packets, count);
}

/* Not of who had it below, when it was in order there. */
/* contract: 12.40 */
static void who_sends_under_its_own_is_to_blame_for_itself(void **state)
{
	(void)state;
	use_own_descriptor();
	watched.in_complete = write_and_complete;
	send_one(packet_over(make_buffer()));
	complete_at_nic(own);
	watched_expect("12.40", "mid", "wrote past the end of a frame");
}

/* Like a mux's, for two VNICs: those over one frame go up at the same time, and come back in any order. */
static void receive_twice(struct im_packet **packets, uint16_t count, uint16_t *references)
{
	receive_under_own(packets, count, references);
	own = watched_packet();
	own->flags = IM_PACKET_SHARED;
	receive_under_own(packets, count, references);
}

static struct im_packet *first_of_two(void)
{
	own = watched_packet();
	own->flags = IM_PACKET_SHARED;
	return own;
}

static void keep(struct im_packet **packets, uint16_t count)
{
	(void)packets, (void)count;
}

/* contract: 12.40 */
static void several_over_the_same_buffers(void **state)
{
	(void)state;
	watched.in_receive = receive_twice;
	watched.in_return = keep;
	for (int round = 0; round < 3; round++) {
		struct im_packet *first = first_of_two();

		indicate_one(packet_over(make_buffer()));
		return_one(first);
		if (round == 1)
			write_behind();
		return_one(own);
		if (round == 1)
			watched_expect("12.40", "top", "wrote past the end of a frame");
		im_return_packets(watched.mid_binding, &original, 1);
		watched_expect_none();
	}
	assert_int_equal(watched.home.count, 3);
}

/* ---- Used again -------------------------------------------------------------------------------------- */

/* The port has taken the buffer, and what stood behind the frame still does when it comes with another one. */
static void send_for_good(void)
{
	struct im_packet *packet = packet_over(make_buffer());

	send_one(packet);
	packet->mbuf = NULL;
	complete_at_nic(packet);
	watched_expect_none();
}

/* contract: 12.40 */
static void a_buffer_that_was_sent_is_guarded_again(void **state)
{
	struct im_packet *packet;

	(void)state;
	send_for_good();
	packet = packet_over(&buffer);
	indicate_one(packet);
	write_behind();
	return_one(packet);
	watched_expect("12.40", "top", "wrote past the end of a frame");
	packet = packet_over(&buffer);
	indicate_one(packet);
	return_one(packet);
	watched_expect_none();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WATCHED_TEST(sent_under_another_descriptor),
		WATCHED_TEST(received_under_another_descriptor),
		WATCHED_TEST(who_sends_under_its_own_is_to_blame_for_itself),
		WATCHED_TEST(several_over_the_same_buffers),
		WATCHED_TEST(a_buffer_that_was_sent_is_guarded_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
