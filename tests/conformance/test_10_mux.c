/* SPDX-License-Identifier: BSD-3-Clause */
/* Several VNICs over one adapter: who gets which frame, and how it looks (contract 10B). */
#include <string.h>

#include "mux.h"

/* ---- Addresses ----------------------------------------------------------------------------------- */

static void c10_6_each_vnic_has_an_address_of_its_own(void **state)
{
	static const uint8_t configured[] = {0x02, 0, 0, 0, 0, 0x99};
	uint8_t permanent[6];
	uint32_t written, needed;

	(void)state;
	mux_build_deaf(mux_parameters);
	assert_memory_equal(mux_addresses[2], configured, 6);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(mux_addresses[i][0] & 3, 2); /* locally administered, one station's */
		assert_memory_equal(mux_addresses[i] + 1,
				    rig_value(rig.port, SLUICE_OID_802_3_CURRENT_ADDRESS)->bytes + 1, 5);
		assert_memory_not_equal(mux_addresses[i], rig_value(rig.port, SLUICE_OID_802_3_CURRENT_ADDRESS)->bytes,
					6);
	}
	assert_memory_not_equal(mux_addresses[0], mux_addresses[1], 6);
	assert_int_equal(host_query("v2", SLUICE_OID_802_3_PERMANENT_ADDRESS, permanent, 6, &written, &needed),
			 IM_STATUS_SUCCESS);
	assert_memory_equal(permanent, configured, 6);
	rig_end();
}

static void a_bind_says_what_its_vnics_are_or_is_refused(void **state)
{
	static const char *const wrong[] = {"vlan=0",
					    "vlan=4095",
					    "vlan=1x",
					    "vlan=",
					    "vlan=+5",
					    "vlan=5,vlan=6",
					    "mac=01:00:00:00:00:01",
					    "mac=02:00:00:00:00",
					    "speed=1",
					    "mac=02:00:00:00:00:0g",
					    "mac=00:00:00:00:00:00",
					    "vlan=1,"};

	(void)state;
	mux_load();
	for (size_t i = 0; i < RTE_DIM(wrong); i++) {
		const char *const texts[] = {"vlan=7", wrong[i], NULL};

		assert_int_equal(host_bind_with("mux", "nic", mux_names, texts), IM_STATUS_INVALID_PARAMETER);
		host_settle();
		assert_int_equal(host_objects("mux"), 0);
	}
	assert_int_equal(host_bind_with("mux", "nic", mux_names, mux_parameters), IM_STATUS_SUCCESS);
	rig_end();
}

/* ---- Who gets what ------------------------------------------------------------------------------- */

static void c10_7_a_frame_goes_to_each_vnic_whose_filter_and_address_match(void **state)
{
	static const struct {
		uint32_t filter;
		uint32_t own, other, broadcast, listed, multicast; /* receivers of such a mux_frame */
	} rows[] = {
		{0x00, 0, 0, 0, 0, 0}, {0x01, 2, 0, 0, 0, 0}, {0x02, 0, 0, 0, 2, 0},
		{0x04, 0, 0, 0, 2, 2}, {0x08, 0, 0, 2, 0, 0}, {0x20, 2, 2, 2, 2, 2},
	};
	static const uint8_t unlisted[] = {0x01, 0, 0x5e, 0, 0, 8};
	uint32_t read, needed;

	(void)state;
	mux_build_deaf(mux_parameters);
	assert_int_equal(host_set("v1", SLUICE_OID_802_3_MULTICAST_LIST, mux_group, 6, &read, &needed),
			 IM_STATUS_SUCCESS);
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		assert_int_equal(mux_set_filter(1, rows[i].filter), IM_STATUS_SUCCESS);
		assert_int_equal(mux_directed_receivers(mux_addresses[1]), rows[i].own);
		assert_int_equal(mux_directed_receivers(mux_addresses[0]), rows[i].other);
		assert_int_equal(mux_directed_receivers(mux_everybody), rows[i].broadcast);
		assert_int_equal(mux_directed_receivers(mux_group), rows[i].listed);
		assert_int_equal(mux_directed_receivers(unlisted), rows[i].multicast);
	}
	for (uint32_t i = 0; i < MUX_VNICS; i++)
		assert_int_equal(mux_set_filter(i, DIRECTED), IM_STATUS_SUCCESS);
	for (uint32_t i = 0; i < MUX_VNICS; i++)
		assert_int_equal(mux_directed_receivers(mux_addresses[i]), 1u << i);
	assert_int_equal(mux_directed_receivers(mux_stranger), 0);
	rig_end();
}

static void c5_20_c10_7_the_packet_below_is_returned_once_after_the_last_of_those_above(void **state)
{
	struct im_packet *packets[4];

	(void)state;
	mux_build(ALL);
	for (uint32_t i = 0; i < 4; i++)
		packets[i] = mux_frame(mux_everybody, i % 2 == 0 ? UNTAGGED : 100);
	mux_indicate(packets, 4);
	assert_int_equal(mux_uppers[0]->held_count, 4);
	assert_int_equal(mux_uppers[1]->held_count, 4);
	assert_int_equal(mux_uppers[2]->held_count, 2); /* it is in another VLAN */
	for (uint32_t i = 0; i < 4; i++) {
		assert_ptr_not_equal(mux_uppers[0]->held[i], mux_uppers[1]->held[i]);
		mux_expect_frame(mux_uppers[0]->held[i], mux_everybody, UNTAGGED);
		mux_expect_frame(mux_uppers[1]->held[i], mux_everybody, UNTAGGED);
		assert_true(mux_uppers[0]->held[i]->flags & IM_PACKET_SHARED);
	}
	assert_int_equal(rig_calls(RIG_return_packets, "nic"), 0);
	rig_return(mux_uppers[0], 4);
	rig_return(mux_uppers[2], 2);
	host_settle();
	assert_int_equal(rig_calls(RIG_return_packets, "nic"), 0);
	assert_int_equal(host_outstanding("nic"), 4);
	rig_return(mux_uppers[1], 3);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 3);
	rig_return(mux_uppers[1], 1);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 4);
	assert_int_equal(host_outstanding("nic"), 0);
	rig_packets_free(packets, 4);
	rig_end();
}

static void c5_20_what_nobody_wants_is_home_at_once(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	mux_build(DIRECTED);
	packets[0] = mux_frame(mux_stranger, UNTAGGED);
	packets[1] = mux_frame(mux_addresses[0], 300);
	mux_indicate(packets, 2);
	rig_expect_packets(RIG_return_packets, "nic", packets, 2);
	assert_int_equal(rig_calls(RIG_receive_packets, NULL), 0);
	mux_expect_frame(packets[1], mux_addresses[0], 300);
	rig_packets_free(packets, 2);
	rig_end();
}

/* Of one that sleeps, or is paused, the others hear nothing. */
static void c5_10_c10_7_a_vnic_that_does_not_run_gets_nothing_and_the_others_do(void **state)
{
	(void)state;
	mux_build(ALL);
	host_pause("v1");
	assert_int_equal(mux_directed_receivers(mux_everybody), 5);
	assert_int_equal(host_restart("v1"), IM_STATUS_SUCCESS);
	assert_int_equal(host_set_power("v0", IM_POWER_D3), IM_STATUS_SUCCESS);
	assert_int_equal(mux_directed_receivers(mux_everybody), 6);
	assert_int_equal(host_set_power("v0", IM_POWER_D0), IM_STATUS_SUCCESS);
	assert_int_equal(mux_directed_receivers(mux_everybody), 7);
	rig_end();
}

/* ---- VLANs --------------------------------------------------------------------------------------- */

static void c10_8_frames_out_get_the_tag_of_the_vnic_and_come_back_without(void **state)
{
	static const struct {
		uint32_t vnic;
		uint16_t info;
		int tci; /* seen below */
	} rows[] = {{0, 0, 100}, {0, 0xa000, 0xa064}, {0, 0x6007, 0x6064}, {2, 0, 200}};

	(void)state;
	mux_build(ALL);
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct im_packet *packet = mux_frame(mux_stranger, UNTAGGED);

		packet->info.vlan = rows[i].info;
		mux_send(rows[i].vnic, &packet, 1);
		assert_int_equal(rig.port->held_count, 1);
		mux_expect_frame(rig.port->held[0], mux_stranger, rows[i].tci);
		assert_int_equal(rig.port->held[0]->info.vlan, 0); /* it stands in the mux_frame */
		rig_complete(rig.port, 1, i % 2 == 0 ? IM_STATUS_SUCCESS : IM_STATUS_FAILURE);
		host_settle();
		mux_expect_frame(packet, mux_stranger, UNTAGGED);
		assert_int_equal(packet->info.vlan, rows[i].info);
		assert_int_equal(packet->status, i % 2 == 0 ? IM_STATUS_SUCCESS : IM_STATUS_FAILURE);
		rig_packets_free(&packet, 1);
	}
	rig_end();
}

static void c10_8_c10_10_frames_of_another_vlan_stay_out_and_tags_become_info(void **state)
{
	(void)state;
	mux_build(ALL);
	assert_int_equal(mux_vlan_receivers(UNTAGGED, 0), 7);
	assert_int_equal(mux_vlan_receivers(100, 100), 3); /* v1 is in no VLAN, and gets all */
	assert_int_equal(mux_vlan_receivers(200, 200), 6);
	assert_int_equal(mux_vlan_receivers(300, 300), 2);
	assert_int_equal(mux_vlan_receivers(0xe000 | 100, 0xe000 | 100), 3);
	assert_int_equal(mux_vlan_receivers(0x5000 | 200, 0x4000 | 200), 6); /* no CFI goes up */
	assert_int_equal(mux_vlan_receivers(0x6000, 0x6000), 7);	     /* a priority and no VLAN */
	rig_end();
}

/* The adapter has taken the tag out, and the mux_frame may have another one inside, which is not ours. */
static void c10_10_a_tag_that_the_adapter_took_out_counts(void **state)
{
	struct im_packet *packet;

	(void)state;
	mux_build(ALL);
	packet = mux_frame(mux_everybody, 300);
	packet->info.vlan = 0x2000 | 200;
	mux_indicate(&packet, 1);
	assert_int_equal(mux_uppers[0]->held_count, 0);
	for (uint32_t i = 1; i < MUX_VNICS; i++) {
		assert_int_equal(mux_uppers[i]->held_count, 1);
		mux_expect_frame(mux_uppers[i]->held[0], mux_everybody, 300);
		assert_int_equal(mux_uppers[i]->held[0]->info.vlan, 0x2000 | 200);
		rig_return(mux_uppers[i], 1);
	}
	host_settle();
	rig_packets_free(&packet, 1);
	rig_end();
}

static void c10_9_in_no_vlan_the_packets_own_info_makes_the_tag(void **state)
{
	static const struct {
		uint16_t info;
		int tci;
	} rows[] = {{0, UNTAGGED}, {0xc000, 0xc000}, {0x2000 | 300, 0x2000 | 300}};

	(void)state;
	mux_build(ALL);
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct im_packet *packet = mux_frame(mux_stranger, UNTAGGED);

		packet->info.vlan = rows[i].info;
		mux_send(1, &packet, 1);
		mux_expect_frame(rig.port->held[0], mux_stranger, rows[i].tci);
		rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
		host_settle();
		mux_expect_frame(packet, mux_stranger, UNTAGGED);
		rig_packets_free(&packet, 1);
	}
	rig_end();
}

/* 17 bytes begin like a tagged mux_frame of VLAN 300, which would keep v0 and v2 out; 5 have not even an address. */
static void c10_11_a_frame_too_short_for_a_tag_is_delivered_as_it_is(void **state)
{
	static const uint32_t lengths[] = {17, 14, 6, 5, 1};
	uint8_t bytes[MUX_FRAME + MUX_TAG], seen[MUX_FRAME];

	(void)state;
	mux_build(ALL);
	mux_fill(bytes, mux_everybody, 300);
	for (size_t i = 0; i < RTE_DIM(lengths); i++) {
		struct im_packet *packet = rig_packet_of(bytes, lengths[i]);

		mux_indicate(&packet, 1);
		for (uint32_t k = 0; k < MUX_VNICS; k++) {
			assert_int_equal(mux_uppers[k]->held_count, 1);
			assert_int_equal(mux_uppers[k]->held[0]->length, lengths[i]);
			assert_int_equal(rig_packet_read(mux_uppers[k]->held[0], seen, sizeof(seen)), lengths[i]);
			assert_memory_equal(seen, bytes, lengths[i]);
			rig_return(mux_uppers[k], 1);
		}
		host_settle();
		rig_packets_free(&packet, 1);
	}
	rig_end();
}

/* It must not get out in no VLAN. */
static void c10_8_a_frame_that_cannot_be_tagged_does_not_go_out(void **state)
{
	struct im_packet *packet = NULL;
	uint8_t bytes[MUX_FRAME] = {0};

	(void)state;
	mux_build(ALL);
	packet = rig_packet_of(bytes, 13);
	mux_send(0, &packet, 1);
	assert_int_equal(rig_calls(RIG_send_packets, "nic"), 0);
	assert_int_equal(rig_packets_with(RIG_send_complete, "t0", IM_STATUS_FAILURE), 1);
	rig_packets_free(&packet, 1);
	rig_end();
}

/* ---- Frames that cannot be edited in place ------------------------------------------------------- */

static void tag_in_pieces(uint32_t size)
{
	struct im_packet *packet;
	struct rte_mbuf *mbuf;
	uint8_t bytes[MUX_FRAME], before[MUX_FRAME];

	mux_build(ALL);
	packet = rig_packet(4, MUX_FRAME, size);
	mbuf = packet->mbuf;
	rig_packet_read(packet, before, sizeof(before));
	mux_send(0, &packet, 1);
	assert_int_equal(rig.port->held[0]->length, MUX_FRAME + MUX_TAG);
	assert_int_equal(rte_pktmbuf_pkt_len(rig.port->held[0]->mbuf), MUX_FRAME + MUX_TAG);
	assert_int_equal(rte_pktmbuf_mtod_offset(rig.port->held[0]->mbuf, uint8_t *, 12)[0], 0x81);
	rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
	host_settle();
	assert_ptr_equal(packet->mbuf, mbuf);
	assert_int_equal(rig_packet_read(packet, bytes, sizeof(bytes)), MUX_FRAME);
	assert_memory_equal(bytes, before, MUX_FRAME);
	rig_packets_free(&packet, 1);
	rig_end();
}

/* contract: 11.18 */
static void c4_17_a_frame_in_small_pieces_is_tagged_as_a_copy(void **state)
{
	(void)state;
	tag_in_pieces(3);
	tag_in_pieces(1); /* each ends where nobody may read on */
}

/* Another protocol over the adapter reads the same buffers: it goes on seeing the tag. */
static void c10_8_a_frame_that_others_read_keeps_its_tag_for_them(void **state)
{
	struct rig_binding *beside;
	struct im_packet *packet;

	(void)state;
	mux_build(ALL);
	assert_int_equal(rig_bind("top", "nic", "beside"), IM_STATUS_SUCCESS);
	beside = rig_binding("beside");
	packet = mux_frame(mux_everybody, 100);
	mux_indicate(&packet, 1);
	assert_int_equal(beside->held_count, 1);
	mux_expect_frame(beside->held[0], mux_everybody, 100);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(mux_uppers[i]->held_count, 1);
		mux_expect_frame(mux_uppers[i]->held[0], mux_everybody, UNTAGGED);
		rig_return(mux_uppers[i], 1);
	}
	rig_return(beside, 1);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 1);
	rig_packets_free(&packet, 1);
	rig_end();
}

static void indicate_lookahead(const uint8_t *to, int tci)
{
	uint8_t bytes[MUX_FRAME + MUX_TAG];
	uint32_t length = mux_fill(bytes, to, tci);

	rig_indicate_lookahead(rig.port, bytes, length, 2);
	im_indicate_receive_complete(rig.port->instance);
	host_settle();
}

static void c5_20_c10_8_frames_by_lookahead_go_the_same_way(void **state)
{
	(void)state;
	mux_build(ALL);
	indicate_lookahead(mux_everybody, 100);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(mux_uppers[i]->held_count, 1);
		mux_expect_frame(mux_uppers[i]->held[0], mux_everybody, UNTAGGED);
		assert_int_equal(mux_uppers[i]->held[0]->info.vlan, 100);
		rig_return(mux_uppers[i], 1);
	}
	assert_int_equal(mux_uppers[2]->held_count, 0);
	assert_int_equal(rig_calls(RIG_receive_complete, "t0"), 1); /* 5.27: on those that it touched */
	assert_int_equal(rig_calls(RIG_receive_complete, "t2"), 0);
	for (uint32_t i = 0; i < MUX_VNICS; i++)
		assert_int_equal(mux_set_filter(i, DIRECTED), IM_STATUS_SUCCESS);
	indicate_lookahead(mux_stranger, UNTAGGED);
	indicate_lookahead(mux_addresses[2], 200);
	assert_int_equal(mux_uppers[0]->held_count + mux_uppers[1]->held_count, 0);
	mux_expect_frame(mux_uppers[2]->held[0], mux_addresses[2], UNTAGGED);
	rig_return(mux_uppers[2], 1);
	host_settle();
	rig_end(); /* where all buffers are back */
}

/* ---- Between VNICs ------------------------------------------------------------------------------- */

static void c10_12_vnics_of_one_mux_do_not_hear_each_other(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	mux_build(ALL);
	packets[0] = mux_frame(mux_addresses[1], UNTAGGED);
	packets[1] = mux_frame(mux_everybody, UNTAGGED);
	mux_send(1, packets, 2);
	mux_send(0, packets, 0);
	assert_int_equal(rig_packets_seen(RIG_send_packets, "nic"), 2);
	assert_int_equal(rig_calls(RIG_receive_packets, NULL), 0);
	rig_complete(rig.port, 2, IM_STATUS_SUCCESS);
	host_settle();
	rig_packets_free(packets, 2);
	rig_end();
}

/* The adapter completes a burst of all three at once, and the last first. */
static void c4_18_c4_6_each_vnic_gets_its_own_completions_once(void **state)
{
	struct im_packet *packets[6], *reversed[6];

	(void)state;
	mux_build(ALL);
	for (uint32_t i = 0; i < 6; i++) {
		packets[i] = mux_frame(mux_stranger, UNTAGGED);
		mux_send(i % MUX_VNICS, &packets[i], 1);
	}
	for (uint32_t i = 0; i < 6; i++) {
		reversed[i] = rig.port->held[5 - i];
		reversed[i]->status = IM_STATUS_SUCCESS;
	}
	rig.port->held_count = 0;
	im_send_complete(rig.port->instance, reversed, 6);
	host_settle();
	for (uint32_t i = 0; i < MUX_VNICS; i++) {
		assert_int_equal(rig_packets_seen(RIG_send_complete, mux_tops[i]), 2);
		assert_int_equal(rig_packets_with(RIG_send_complete, mux_tops[i], IM_STATUS_SUCCESS), 2);
	}
	rig_packets_free(packets, 6);
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c10_6_each_vnic_has_an_address_of_its_own),
		cmocka_unit_test(a_bind_says_what_its_vnics_are_or_is_refused),
		cmocka_unit_test(c10_7_a_frame_goes_to_each_vnic_whose_filter_and_address_match),
		cmocka_unit_test(c5_20_c10_7_the_packet_below_is_returned_once_after_the_last_of_those_above),
		cmocka_unit_test(c5_20_what_nobody_wants_is_home_at_once),
		cmocka_unit_test(c5_10_c10_7_a_vnic_that_does_not_run_gets_nothing_and_the_others_do),
		cmocka_unit_test(c10_8_frames_out_get_the_tag_of_the_vnic_and_come_back_without),
		cmocka_unit_test(c10_8_c10_10_frames_of_another_vlan_stay_out_and_tags_become_info),
		cmocka_unit_test(c10_10_a_tag_that_the_adapter_took_out_counts),
		cmocka_unit_test(c10_9_in_no_vlan_the_packets_own_info_makes_the_tag),
		cmocka_unit_test(c10_11_a_frame_too_short_for_a_tag_is_delivered_as_it_is),
		cmocka_unit_test(c10_8_a_frame_that_cannot_be_tagged_does_not_go_out),
		cmocka_unit_test(c4_17_a_frame_in_small_pieces_is_tagged_as_a_copy),
		cmocka_unit_test(c10_8_a_frame_that_others_read_keeps_its_tag_for_them),
		cmocka_unit_test(c5_20_c10_8_frames_by_lookahead_go_the_same_way),
		cmocka_unit_test(c10_12_vnics_of_one_mux_do_not_hear_each_other),
		cmocka_unit_test(c4_18_c4_6_each_vnic_gets_its_own_completions_once),
	};

	return host_run_tests(tests);
}
