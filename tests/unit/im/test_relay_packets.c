/* SPDX-License-Identifier: BSD-3-Clause */
/* A relay's packets: slots, gates, and frames that come by look-ahead. */
#include <string.h>

#include "../edge/eal.h"
#include "bed.h"
#include "im/relay/relay_inside.h"

/* ---- Descriptors of its own ------------------------------------------------------------------------ */

/* Three relays, and packets with slots for less: each packet comes back to its sender, over the same buffers. */
/* contract: 2.52 2.53 2.54 2.55 2.56 4.16 4.17 10.31 */
static void packets_without_a_slot_go_under_own_descriptors(void **state)
{
	struct im_packet *packets[10];
	struct rte_mbuf *mbufs[10];

	(void)state;
	for (uint16_t slots = 1; slots <= 3; slots++) {
		bed_up(3);
		bed_make(packets, 0, 10, slots);
		for (uint32_t i = 0; i < 10; i++) {
			mbufs[i] = packets[i]->mbuf;
			packets[i]->info = (struct im_packet_info){.vlan = (uint16_t)(0x2000 + i), .checksum = 3};
		}
		bed_nic.keeps = true;
		im_send_packets(bed_top.binding, packets, 10);
		assert_int_equal(bed_nic.sent.count, 10);
		for (uint32_t i = 0; i < 10; i++) {
			struct im_packet *below = bed_nic.sent.packets[i];

			assert_ptr_not_equal(below, packets[i]);
			assert_ptr_equal(below->mbuf, mbufs[i]);
			assert_int_equal(below->length, 64);
			assert_int_equal(below->info.vlan, 0x2000 + i); /* 2.52 */
			assert_int_equal(below->info.checksum, 3);
			below->mbuf = NULL; /* as a port that takes them; the odd ones it does not */
			below->mbuf = i % 2 ? mbufs[i] : NULL;
			below->status = i % 2 ? IM_STATUS_FAILURE : IM_STATUS_SUCCESS;
			below->info.segments = 7;
			if (i % 2 == 0)
				rte_pktmbuf_free(mbufs[i]);
		}
		im_send_complete(bed_nic.instance, bed_nic.sent.packets, 10);
		bed_expect(&bed_top.done, 0, packets, 10);
		for (uint32_t i = 0; i < 10; i++) {
			assert_int_equal(bed_top.done.statuses[i], i % 2 ? IM_STATUS_FAILURE : IM_STATUS_SUCCESS);
			assert_ptr_equal(packets[i]->mbuf, i % 2 ? mbufs[i] : NULL);
			assert_int_equal(packets[i]->info.segments, 7); /* 2.53 */
			assert_int_equal(packets[i]->info.vlan, 0x2000 + i);
		}
		bed_unmake(packets, 10);
		bed_down();
	}
}

/* contract: 2.54 2.55 2.56 5.19 */
static void received_packets_without_a_slot_go_up_and_come_home_the_same_way(void **state)
{
	struct im_packet *packets[6];

	(void)state;
	for (uint16_t slots = 1; slots <= 3; slots++) {
		bed_up(3);
		bed_make(packets, 0, 6, slots);
		bed_top.keeps = true;
		packets[2]->info.vlan = 0x6005;
		im_indicate_receive_packets(bed_nic.instance, packets, 6);
		assert_int_equal(bed_top.received.count, 6);
		assert_int_equal(bed_nic.home.count, 0);
		assert_ptr_not_equal(bed_top.received.packets[2], packets[2]);
		assert_ptr_equal(bed_top.received.packets[2]->mbuf, packets[2]->mbuf);
		assert_int_equal(bed_top.received.packets[2]->info.vlan, 0x6005);
		rte_pktmbuf_free(packets[3]->mbuf);
		bed_top.received.packets[3]->mbuf = NULL; /* as a port that took them */
		im_return_packets(bed_top.binding, bed_top.received.packets, 6);
		bed_expect(&bed_nic.home, 0, packets, 6);
		assert_null(packets[3]->mbuf);
		assert_non_null(packets[4]->mbuf);
		bed_unmake(packets, 6);
		bed_down();
	}
}

/* 4.10, 5.22: what finds no descriptor fails and is counted; the others go on in order. */
/* contract: 2.55 4.10 5.22 */
static void an_empty_pool_fails_the_newest(void **state)
{
	struct im_packet *sent[RELAY_DESCRIPTORS + 3], *received[RELAY_DESCRIPTORS + 3];

	(void)state;
	bed_up(1);
	bed_nic.keeps = bed_top.keeps = true;
	bed_make(sent, 0, RELAY_DESCRIPTORS + 3, 1);
	im_send_packets(bed_top.binding, sent, RELAY_DESCRIPTORS + 3);
	assert_int_equal(bed_nic.sent.count, RELAY_DESCRIPTORS);
	bed_expect(&bed_top.done, 0, sent + RELAY_DESCRIPTORS, 3);
	assert_int_equal(bed_top.done.statuses[0], IM_STATUS_RESOURCES);
	assert_int_equal(bed_dropped("r0", SLUICE_OUT, SLUICE_DROP_NO_DESCRIPTOR), 3);
	bed_make(received, 0, RELAY_DESCRIPTORS + 3, 1); /* the other way has its own (2.55) */
	for (uint32_t i = 0; i < RELAY_DESCRIPTORS + 3; i += 5)
		im_indicate_receive_packets(bed_nic.instance, received + i,
					    (uint16_t)RTE_MIN(5u, RELAY_DESCRIPTORS + 3 - i));
	assert_int_equal(bed_top.received.count, RELAY_DESCRIPTORS);
	bed_expect(&bed_nic.home, 0, received + RELAY_DESCRIPTORS, 3);
	assert_int_equal(bed_dropped("r0", SLUICE_IN, SLUICE_DROP_NO_DESCRIPTOR), 3);
	bed_complete(0, RELAY_DESCRIPTORS, IM_STATUS_SUCCESS);
	im_return_packets(bed_top.binding, bed_top.received.packets, RELAY_DESCRIPTORS);
	bed_unmake(sent, RELAY_DESCRIPTORS + 3);
	bed_unmake(received, RELAY_DESCRIPTORS + 3);
	bed_down();
}

/* Two relays over one adapter: neither may use the packet's slots, both pass it on, it goes home once (5.20). */
/* contract: 5.19 5.20 */
static void a_shared_packet_goes_up_under_a_descriptor_of_each(void **state)
{
	struct im_packet *packets[4];

	(void)state;
	bed_up(1);
	assert_int_equal(bed_bind("relay", "nic", "other"), IM_STATUS_SUCCESS);
	bed_top.keeps = true;
	bed_make(packets, 0, 4, 8);
	im_indicate_receive_packets(bed_nic.instance, packets, 4);
	assert_int_equal(bed_top.received.count, 4);
	assert_ptr_not_equal(bed_top.received.packets[0], packets[0]);
	assert_true(bed_top.received.packets[0]->flags & IM_PACKET_SHARED);
	assert_int_equal(bed_nic.home.count, 0);
	im_return_packets(bed_top.binding, bed_top.received.packets, 4);
	bed_expect(&bed_nic.home, 0, packets, 4);
	assert_non_null(packets[0]->mbuf);
	assert_false(packets[0]->flags & IM_PACKET_SHARED);
	assert_int_equal(packets[0]->slots, 8);
	bed_unmake(packets, 4);
	bed_down();
}

/* ---- Look-ahead ------------------------------------------------------------------------------------ */

static uint8_t frame[9000];

static void fill_frame(void)
{
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 7 + i / 256);
}

static void expect_frame(const struct im_packet *packet, uint32_t length)
{
	static uint8_t copy[sizeof(frame)];

	assert_int_equal(packet->length, length);
	assert_int_equal(rte_pktmbuf_pkt_len(packet->mbuf), length);
	assert_memory_equal(rte_pktmbuf_read(packet->mbuf, 0, length, copy), frame, length);
}

/* contract: 5.26 5.27 */
static void frames_by_look_ahead_become_packets(void **state)
{
	static const uint32_t lengths[] = {14, 60, 1514, 9000}, in_sight[] = {0, 46, 100, 4000};

	(void)state;
	fill_frame();
	for (size_t i = 0; i < RTE_DIM(lengths); i++) {
		bed_up(2);
		bed_top.keeps = true;
		bed_show(frame, lengths[i], in_sight[i]);
		assert_int_equal(bed_top.received.count, 1);
		expect_frame(bed_top.received.packets[0], lengths[i]);
		assert_int_equal(bed_top.received.statuses[0], IM_STATUS_SUCCESS);
		bed_expect_said("receive-complete"); /* once, through both (5.27) */
		im_return_packets(bed_top.binding, bed_top.received.packets, 1);
		assert_int_equal(bed_nic.home.count, 0); /* none of them was ever the nic's packet */
		bed_down();
	}
}

static void a_frame_that_nobody_keeps_leaves_nothing(void **state)
{
	(void)state;
	fill_frame();
	bed_up(1);
	bed_show(frame, 1000, 986);
	bed_show(frame, 1000, 100);
	assert_int_equal(bed_top.received.count, 2);
	bed_down();
}

/* 5.25: what pends comes later, by the same way. */
/* contract: 5.25 */
static void a_transfer_that_pends_delivers_when_it_is_complete(void **state)
{
	(void)state;
	fill_frame();
	bed_up(1);
	bed_top.keeps = true;
	bed_nic.transfer = IM_STATUS_PENDING;
	bed_show(frame, 3000, 100);
	assert_int_equal(bed_top.received.count, 0);
	im_transfer_data_complete(bed_nic.instance, bed_nic.transferring, IM_STATUS_SUCCESS, 3000 - 14 - 100);
	assert_int_equal(bed_top.received.count, 1);
	expect_frame(bed_top.received.packets[0], 3000);
	im_return_packets(bed_top.binding, bed_top.received.packets, 1);
	bed_down();
}

/* contract: 5.22 11.3 */
static void a_frame_whose_rest_does_not_come_is_lost_and_counted(void **state)
{
	(void)state;
	fill_frame();
	bed_up(1);
	bed_nic.transfer = IM_STATUS_FAILURE;
	bed_show(frame, 3000, 100);
	bed_nic.transfer = IM_STATUS_PENDING;
	bed_show(frame, 3000, 100);
	im_transfer_data_complete(bed_nic.instance, bed_nic.transferring, IM_STATUS_SUCCESS, 5); /* short */
	assert_int_equal(bed_top.received.count, 0);
	assert_int_equal(bed_dropped("r0", SLUICE_IN, SLUICE_DROP_NO_DESCRIPTOR), 2);
	bed_down();
}

static uint32_t judged;

static void judge(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	(void)packets;
	judged += count;
	if (!im_relay_takes(context, count))
		return;
	for (uint16_t i = 0; i < count; i++)
		references[i] = 0;
}

/* A driver's receive_packets sees every frame, whichever way it comes (5.7, 5.23). */
static void no_frame_goes_past_the_driver(void **state)
{
	struct im_packet *packets[3];

	(void)state;
	fill_frame();
	bed_up(1);
	bed_receive = judge;
	judged = 0;
	bed_make(packets, 0, 3, 8);
	bed_show(frame, 1000, 986);
	im_indicate_receive_packets(bed_nic.instance, packets, 3);
	packets[0]->status = IM_STATUS_RESOURCES;
	im_indicate_receive_packets(bed_nic.instance, packets, 3);
	assert_int_equal(judged, 7);
	assert_int_equal(bed_top.received.count, 0);
	bed_unmake(packets, 3);
	bed_down();
}

/* ---- Gates ----------------------------------------------------------------------------------------- */

/* contract: 5.10 5.32 */
static void a_vnic_that_does_not_run_receives_nothing(void **state)
{
	struct im_packet *packets[3];

	(void)state;
	fill_frame();
	bed_up(1);
	im_pause(im_find_instance("r0"));
	bed_make(packets, 0, 3, 8);
	im_indicate_receive_packets(bed_nic.instance, packets, 3);
	bed_show(frame, 100, 86);
	bed_expect(&bed_nic.home, 0, packets, 3);
	assert_int_equal(bed_dropped("r0", SLUICE_IN, SLUICE_DROP_NOT_RUNNING), 4);
	assert_int_equal(bed_top.received.count, 0);
	bed_unmake(packets, 3);
	bed_down();
}

/* 4.32: neither the adapter's sleep nor the VNIC's lets a send wait. */
/* contract: 4.32 5.10 */
static void sends_fail_at_once_while_somebody_sleeps(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	bed_up(2);
	bed_make(packets, 0, 2, 8);
	assert_int_equal(im_set_power(bed_nic.instance, IM_POWER_D3), IM_STATUS_SUCCESS);
	im_send_packets(bed_top.binding, packets, 2);
	bed_expect(&bed_top.done, 0, packets, 2);
	assert_int_equal(bed_top.done.statuses[0], IM_STATUS_LOW_POWER_STATE);
	assert_int_equal(im_set_power(bed_nic.instance, IM_POWER_D0), IM_STATUS_SUCCESS);
	im_send_packets(bed_top.binding, packets, 2);
	assert_int_equal(bed_top.done.statuses[2], IM_STATUS_SUCCESS);
	assert_int_equal(im_set_power(im_find_instance("r0"), IM_POWER_D3), IM_STATUS_SUCCESS);
	im_indicate_receive_packets(bed_nic.instance, packets, 2); /* the lower one may still deliver (7.22) */
	assert_int_equal(bed_top.received.count, 0);
	assert_int_equal(bed_dropped("r0", SLUICE_IN, SLUICE_DROP_NOT_RUNNING), 2);
	assert_int_equal(im_set_power(im_find_instance("r0"), IM_POWER_D0), IM_STATUS_SUCCESS);
	im_indicate_receive_packets(bed_nic.instance, packets, 2);
	assert_int_equal(bed_top.received.count, 2);
	bed_unmake(packets, 2);
	bed_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_without_a_slot_go_under_own_descriptors),
		cmocka_unit_test(received_packets_without_a_slot_go_up_and_come_home_the_same_way),
		cmocka_unit_test(an_empty_pool_fails_the_newest),
		cmocka_unit_test(a_shared_packet_goes_up_under_a_descriptor_of_each),
		cmocka_unit_test(frames_by_look_ahead_become_packets),
		cmocka_unit_test(a_frame_that_nobody_keeps_leaves_nothing),
		cmocka_unit_test(a_transfer_that_pends_delivers_when_it_is_complete),
		cmocka_unit_test(a_frame_whose_rest_does_not_come_is_lost_and_counted),
		cmocka_unit_test(no_frame_goes_past_the_driver),
		cmocka_unit_test(a_vnic_that_does_not_run_receives_nothing),
		cmocka_unit_test(sends_fail_at_once_while_somebody_sleeps),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
