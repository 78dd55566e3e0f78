/* SPDX-License-Identifier: BSD-3-Clause */
/* Loopback: frames to the own address, where the miniport leaves them to the core (contract section 4F). */
#include <string.h>

#include "rig.h"

static const uint8_t own_address[6] = {0x02, 0, 0, 0, 0, 0x11};

/* The nic asks for loopback, and has an address. */
static void loopback_up(uint32_t levels)
{
	rig_nic.attributes = IM_ATTRIBUTE_NO_LOOPBACK;
	rig_up("nic", levels);
	im_pause(rig_nic.instance);
	memcpy(rig_nic.address, own_address, sizeof(own_address));
	im_restart(rig_nic.instance); /* it is asked now */
}

static struct im_packet *frame_to(const uint8_t *address, uint32_t length)
{
	struct im_packet *packet = rig_packet(4, length);

	memcpy(rig_byte(packet, 0), address, RTE_MIN(length, 6u));
	return packet;
}

static void send(struct im_packet **packets, uint16_t count)
{
	im_send_packets(rig_top.binding, packets, count);
}

/* contract: 4.29 */
static void a_frame_to_the_own_address_comes_back_once(void **state)
{
	struct im_packet *packet;

	(void)state;
	loopback_up(0);
	assert_int_equal(rig_bind("top2", "nic", "top2"), IM_STATUS_SUCCESS);
	packet = frame_to(own_address, 60);
	send(&packet, 1);
	assert_int_equal(rig_top.looked.calls, 1); /* every protocol over it has seen it, once (4.29) */
	assert_int_equal(rig_top2.looked.calls, 1);
	assert_memory_equal(rig_top.looked.bytes, own_address, 6);
	assert_int_equal(rig_top.looked.bytes[59], 59);
	rig_expect(&rig_top.done, &packet, 1); /* and the sender has it back */
	rig_expect_status(&rig_top.done, IM_STATUS_SUCCESS, 1);
	assert_int_equal(rig_nic.sent.count, 0); /* it goes no further down */
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	assert_non_null(packet->mbuf);
	rig_packets_free(&packet, 1);
	rig_down();
}

/* contract: 4.2 4.29 */
static void other_frames_go_down_in_order(void **state)
{
	static const uint8_t other[6] = {0x02, 0, 0, 0, 0, 0x12};
	struct im_packet *packets[6];

	(void)state;
	loopback_up(0);
	for (uint32_t i = 0; i < 6; i++)
		packets[i] = frame_to(i == 1 || i == 2 || i == 5 ? own_address : other, 60 + i);
	send(packets, 6);
	rig_expect(&rig_nic.sent, ((struct im_packet *[]){packets[0], packets[3], packets[4]}), 3);
	assert_int_equal(rig_top.looked.calls, 3);
	assert_int_equal(rig_top.looked.lengths[0], 61);
	assert_int_equal(rig_top.looked.lengths[1], 62);
	assert_int_equal(rig_top.looked.lengths[2], 65);
	assert_int_equal(rig_top.done.count, 6);
	rig_packets_free(packets, 6);
	rig_down();
}

/* contract: 4.29 */
static void without_the_attribute_nothing_is_looped(void **state)
{
	struct im_packet *packet;

	(void)state;
	rig_up("nic", 0);
	memcpy(rig_nic.address, own_address, sizeof(own_address));
	im_pause(rig_nic.instance);
	im_restart(rig_nic.instance);
	assert_int_equal(rig_nic.instance->gate, 0);
	packet = frame_to(own_address, 60);
	send(&packet, 1);
	rig_expect(&rig_nic.sent, &packet, 1);
	assert_int_equal(rig_top.looked.calls, 0);
	rig_packets_free(&packet, 1);
	rig_down();
}

static void what_is_too_short_for_an_address_is_looped_for_nobody(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	loopback_up(0);
	packets[0] = frame_to(own_address, 5);
	packets[1] = frame_to(own_address, 60);
	packets[1]->mbuf = NULL; /* nor what has no buffers */
	send(packets, 2);
	rig_expect(&rig_nic.sent, packets, 2);
	assert_int_equal(rig_top.looked.calls, 0);
	rig_packets_free(packets, 2);
	rig_down();
}

/* Of two levels with one address the upper one loops: the receiver gets one copy (4.30). */
/* contract: 4.30 */
static void a_looped_frame_is_not_looped_again_by_the_level_below(void **state)
{
	struct im_instance *upper;
	struct im_packet *packet;

	(void)state;
	loopback_up(1);
	upper = im_find_instance("r0");
	memcpy(upper->address, own_address, sizeof(own_address));
	im_close_gate(&upper->gate, IM_GATE_LOOPBACK);
	packet = frame_to(own_address, 60);
	send(&packet, 1);
	assert_int_equal(rig_top.looked.calls + rig_top.received.count, 1);
	assert_int_equal(rig_nic.sent.count, 0);
	rig_expect(&rig_top.done, &packet, 1);
	rig_packets_free(&packet, 1);
	rig_down();
}

/* A protocol that answers itself for ever is stopped, and its stack is not eaten up. */
static struct im_packet *answers[8];
static uint32_t answer_count;

static im_status_t answer_oneself(struct rig_top *top, const struct im_lookahead *lookahead)
{
	(void)lookahead;
	if (answer_count < RTE_DIM(answers))
		im_send_packets(top->binding, &answers[answer_count++], 1);
	return IM_STATUS_SUCCESS;
}

static void answers_to_oneself_end(void **state)
{
	struct im_packet *packet;
	uint32_t refused = 0;

	(void)state;
	loopback_up(0);
	rig_top.in_receive = answer_oneself;
	answer_count = 0;
	packet = frame_to(own_address, 60);
	for (uint32_t i = 0; i < RTE_DIM(answers); i++)
		answers[i] = frame_to(own_address, 60);
	send(&packet, 1);
	assert_int_equal(answer_count, 4);
	assert_int_equal(rig_top.done.count, 5);
	for (uint32_t i = 0; i < 5; i++)
		refused += rig_top.done.statuses[i] == IM_STATUS_RESOURCES;
	assert_int_equal(refused, 1);
	assert_int_equal(rig_account("nic").drops[SLUICE_OUT][SLUICE_DROP_NO_DESCRIPTOR], 1);
	rig_packets_free(&packet, 1);
	rig_packets_free(answers, RTE_DIM(answers));
	rig_down();
}

/* The receiver may have all of the frame, though it cannot keep it. */
static struct im_packet *copy;

static im_status_t copy_it(struct rig_top *top, const struct im_lookahead *lookahead)
{
	uint32_t copied;

	return im_transfer_data(top->binding, lookahead->receive_context, 0, lookahead->packet_length, copy, &copied);
}

static void a_receiver_may_copy_the_frame(void **state)
{
	struct im_packet *packet;

	(void)state;
	loopback_up(0);
	rig_top.in_receive = copy_it;
	copy = rig_packet(4, 46);
	packet = frame_to(own_address, 60);
	send(&packet, 1);
	for (uint32_t i = 0; i < 46; i++)
		assert_int_equal(*rig_byte(copy, i), 14 + i);
	rig_packets_free(&packet, 1);
	rig_packets_free(&copy, 1);
	rig_down();
}

static void a_serialised_miniport_gets_the_others_through_its_queue(void **state)
{
	static const uint8_t other[6] = {0x02, 0, 0, 0, 0, 0x12};
	struct im_packet *packets[3];

	(void)state;
	rig_nic.attributes = IM_ATTRIBUTE_NO_LOOPBACK;
	rig_up("serial", 0);
	im_pause(rig_nic.instance);
	memcpy(rig_nic.address, own_address, sizeof(own_address));
	im_restart(rig_nic.instance);
	rig_nic.room = 0;
	for (uint32_t i = 0; i < 3; i++)
		packets[i] = frame_to(i == 1 ? own_address : other, 60);
	send(packets, 3);
	rig_expect(&rig_top.done, &packets[1], 1);
	rig_nic.room = 2;
	im_send_resources_available(rig_nic.instance);
	assert_int_equal(rig_top.done.count, 3);
	rig_packets_free(packets, 3);
	rig_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_to_the_own_address_comes_back_once),
		cmocka_unit_test(other_frames_go_down_in_order),
		cmocka_unit_test(without_the_attribute_nothing_is_looped),
		cmocka_unit_test(what_is_too_short_for_an_address_is_looped_for_nobody),
		cmocka_unit_test(a_looped_frame_is_not_looped_again_by_the_level_below),
		cmocka_unit_test(answers_to_oneself_end),
		cmocka_unit_test(a_receiver_may_copy_the_frame),
		cmocka_unit_test(a_serialised_miniport_gets_the_others_through_its_queue),
	};

	return rig_run(tests);
}
