/* SPDX-License-Identifier: BSD-3-Clause */
/* Several VNICs over one adapter (contract 10B), and what a mux answers for them (6C, right column). */
#include <string.h>

#include "rig.h"

#define VNICS	 3u
#define FRAME	 64u /* bytes without a tag */
#define TAG	 4u
#define FILTER	 SLUICE_OID_GEN_CURRENT_PACKET_FILTER
#define DIRECTED 0x01u
#define LISTED	 0x02u
#define ALL	 0x20u
#define UNTAGGED (-1)

static const struct host_options with_buffers = {.buffers = 1023};
static const char *const names[] = {"v0", "v1", "v2", NULL};
static const char *const tops[] = {"t0", "t1", "t2"};
static const char *const parameters[] = {"vlan=100", NULL, "mac=02:00:00:00:00:99,vlan=200"};
static const uint8_t everybody[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, group[] = {0x01, 0, 0x5e, 0, 0, 7},
		     stranger[] = {0x02, 0x55, 0, 0, 0, 1};

static uint8_t addresses[VNICS][6];
static struct rig_binding *uppers[VNICS];

/* ---- Building ------------------------------------------------------------------------------------ */

static im_status_t set_filter(uint32_t vnic, uint32_t filter)
{
	struct im_request request = {.set = true, .oid = FILTER, .buffer = &filter, .length = sizeof(filter)};

	return rig_request(uppers[vnic], &request);
}

static void restart(const char *const *vnics)
{
	uint32_t written, needed;

	host_settle(); /* where the core initialises later */
	for (uint32_t i = 0; i < VNICS && vnics[i] != NULL; i++) {
		assert_int_equal(host_restart(vnics[i]), IM_STATUS_SUCCESS);
		assert_int_equal(
			host_query(vnics[i], SLUICE_OID_802_3_CURRENT_ADDRESS, addresses[i], 6, &written, &needed),
			IM_STATUS_SUCCESS);
		assert_int_equal(rig_bind("top", vnics[i], tops[i]), IM_STATUS_SUCCESS);
		uppers[i] = rig_binding(tops[i]);
	}
}

static void load(void)
{
	rig_begin(&with_buffers, 0);
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	rig.nic->script.sends = RIG_LATER;
	assert_int_equal(rig_load(rig.nic), IM_STATUS_SUCCESS);
	assert_int_equal(host_load_builtin("mux"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_load(rig.top), IM_STATUS_SUCCESS);
	rig_start_nic("nic");
	assert_int_equal(host_restart("nic"), IM_STATUS_SUCCESS);
	rig.port = rig_vnic("nic");
}

/* A mux with v0 in VLAN 100, v1 in none, v2 in VLAN 200 with an address of its own; nobody takes anything yet. */
static void build_deaf(const char *const *texts)
{
	load();
	assert_int_equal(host_bind_with("mux", "nic", names, texts), IM_STATUS_SUCCESS);
	restart(names);
}

static void build(uint32_t filter)
{
	build_deaf(parameters);
	for (uint32_t i = 0; i < VNICS; i++)
		assert_int_equal(set_filter(i, filter), IM_STATUS_SUCCESS);
	host_settle();
	rig_forget();
}

/* ---- Frames -------------------------------------------------------------------------------------- */

static uint32_t fill(uint8_t *bytes, const uint8_t *to, int tci)
{
	uint32_t at = 12;

	memcpy(bytes, to, 6);
	memset(bytes + 6, 0xaa, 6);
	if (tci != UNTAGGED) {
		bytes[at++] = 0x81;
		bytes[at++] = 0x00;
		bytes[at++] = (uint8_t)(tci >> 8);
		bytes[at++] = (uint8_t)tci;
	}
	bytes[at++] = 0x88;
	bytes[at++] = 0xb5;
	for (uint32_t i = 14; i < FRAME; i++)
		bytes[at++] = (uint8_t)i;
	return at;
}

static struct im_packet *frame(const uint8_t *to, int tci)
{
	uint8_t bytes[FRAME + TAG];

	return rig_packet_of(bytes, fill(bytes, to, tci));
}

static void expect_frame_at(int line, const struct im_packet *packet, const uint8_t *to, int tci)
{
	uint8_t expected[FRAME + TAG], bytes[2 * FRAME];
	uint32_t length = fill(expected, to, tci);

	if (packet->length != length || rig_packet_read(packet, bytes, sizeof(bytes)) != length ||
	    memcmp(bytes, expected, length) != 0)
		fail_msg("line %d: %u bytes are another frame than the %u expected", line, packet->length, length);
}
#define expect_frame(packet, to, tci) expect_frame_at(__LINE__, packet, to, tci)

static void indicate(struct im_packet **packets, uint16_t count)
{
	rig_indicate(rig.port, packets, count, IM_STATUS_SUCCESS);
	host_settle();
}

/* Which VNICs have got the frame, as bits; each is looked at, and given back. */
static uint32_t receivers_of(const uint8_t *to, int tci, int seen_tci, uint16_t info)
{
	struct im_packet *packet = frame(to, tci);
	uint32_t bits = 0;

	indicate(&packet, 1);
	for (uint32_t i = 0; i < VNICS; i++) {
		if (uppers[i]->held_count == 0)
			continue;
		bits |= 1u << i;
		assert_int_equal(uppers[i]->held_count, 1);
		expect_frame(uppers[i]->held[0], to, seen_tci);
		assert_int_equal(uppers[i]->held[0]->info.vlan, info);
		rig_return(uppers[i], 1);
	}
	host_settle();
	rig_packets_free(&packet, 1);
	return bits;
}

static uint32_t vlan_receivers(int tci, uint16_t info)
{
	return receivers_of(everybody, tci, UNTAGGED, info);
}

static uint32_t directed_receivers(const uint8_t *to)
{
	return receivers_of(to, UNTAGGED, UNTAGGED, 0);
}

static void send(uint32_t vnic, struct im_packet **packets, uint16_t count)
{
	im_send_packets(uppers[vnic]->binding, packets, count);
	host_settle();
}

/* ---- Addresses ----------------------------------------------------------------------------------- */

static void c10_6_each_vnic_has_an_address_of_its_own(void **state)
{
	static const uint8_t configured[] = {0x02, 0, 0, 0, 0, 0x99};
	uint8_t permanent[6];
	uint32_t written, needed;

	(void)state;
	build_deaf(parameters);
	assert_memory_equal(addresses[2], configured, 6);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(addresses[i][0] & 3, 2); /* locally administered, one station's */
		assert_memory_equal(addresses[i] + 1, rig_value(rig.port, SLUICE_OID_802_3_CURRENT_ADDRESS)->bytes + 1,
				    5);
		assert_memory_not_equal(addresses[i], rig_value(rig.port, SLUICE_OID_802_3_CURRENT_ADDRESS)->bytes, 6);
	}
	assert_memory_not_equal(addresses[0], addresses[1], 6);
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
	load();
	for (size_t i = 0; i < RTE_DIM(wrong); i++) {
		const char *const texts[] = {"vlan=7", wrong[i], NULL};

		assert_int_equal(host_bind_with("mux", "nic", names, texts), IM_STATUS_INVALID_PARAMETER);
		host_settle();
		assert_int_equal(host_objects("mux"), 0);
	}
	assert_int_equal(host_bind_with("mux", "nic", names, parameters), IM_STATUS_SUCCESS);
	rig_end();
}

/* ---- Who gets what ------------------------------------------------------------------------------- */

static void c10_7_a_frame_goes_to_each_vnic_whose_filter_and_address_match(void **state)
{
	static const struct {
		uint32_t filter;
		uint32_t own, other, broadcast, listed, multicast; /* receivers of such a frame */
	} rows[] = {
		{0x00, 0, 0, 0, 0, 0}, {0x01, 2, 0, 0, 0, 0}, {0x02, 0, 0, 0, 2, 0},
		{0x04, 0, 0, 0, 2, 2}, {0x08, 0, 0, 2, 0, 0}, {0x20, 2, 2, 2, 2, 2},
	};
	static const uint8_t unlisted[] = {0x01, 0, 0x5e, 0, 0, 8};
	uint32_t read, needed;

	(void)state;
	build_deaf(parameters);
	assert_int_equal(host_set("v1", SLUICE_OID_802_3_MULTICAST_LIST, group, 6, &read, &needed), IM_STATUS_SUCCESS);
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		assert_int_equal(set_filter(1, rows[i].filter), IM_STATUS_SUCCESS);
		assert_int_equal(directed_receivers(addresses[1]), rows[i].own);
		assert_int_equal(directed_receivers(addresses[0]), rows[i].other);
		assert_int_equal(directed_receivers(everybody), rows[i].broadcast);
		assert_int_equal(directed_receivers(group), rows[i].listed);
		assert_int_equal(directed_receivers(unlisted), rows[i].multicast);
	}
	for (uint32_t i = 0; i < VNICS; i++)
		assert_int_equal(set_filter(i, DIRECTED), IM_STATUS_SUCCESS);
	for (uint32_t i = 0; i < VNICS; i++)
		assert_int_equal(directed_receivers(addresses[i]), 1u << i);
	assert_int_equal(directed_receivers(stranger), 0);
	rig_end();
}

static void c5_20_c10_7_the_packet_below_is_returned_once_after_the_last_of_those_above(void **state)
{
	struct im_packet *packets[4];

	(void)state;
	build(ALL);
	for (uint32_t i = 0; i < 4; i++)
		packets[i] = frame(everybody, i % 2 == 0 ? UNTAGGED : 100);
	indicate(packets, 4);
	assert_int_equal(uppers[0]->held_count, 4);
	assert_int_equal(uppers[1]->held_count, 4);
	assert_int_equal(uppers[2]->held_count, 2); /* it is in another VLAN */
	for (uint32_t i = 0; i < 4; i++) {
		assert_ptr_not_equal(uppers[0]->held[i], uppers[1]->held[i]);
		expect_frame(uppers[0]->held[i], everybody, UNTAGGED);
		expect_frame(uppers[1]->held[i], everybody, UNTAGGED);
		assert_true(uppers[0]->held[i]->flags & IM_PACKET_SHARED);
	}
	assert_int_equal(rig_calls(RIG_return_packets, "nic"), 0);
	rig_return(uppers[0], 4);
	rig_return(uppers[2], 2);
	host_settle();
	assert_int_equal(rig_calls(RIG_return_packets, "nic"), 0);
	assert_int_equal(host_outstanding("nic"), 4);
	rig_return(uppers[1], 3);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 3);
	rig_return(uppers[1], 1);
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
	build(DIRECTED);
	packets[0] = frame(stranger, UNTAGGED);
	packets[1] = frame(addresses[0], 300);
	indicate(packets, 2);
	rig_expect_packets(RIG_return_packets, "nic", packets, 2);
	assert_int_equal(rig_calls(RIG_receive_packets, NULL), 0);
	expect_frame(packets[1], addresses[0], 300);
	rig_packets_free(packets, 2);
	rig_end();
}

/* Of one that sleeps, or is paused, the others hear nothing. */
static void c5_10_c10_7_a_vnic_that_does_not_run_gets_nothing_and_the_others_do(void **state)
{
	(void)state;
	build(ALL);
	host_pause("v1");
	assert_int_equal(directed_receivers(everybody), 5);
	assert_int_equal(host_restart("v1"), IM_STATUS_SUCCESS);
	assert_int_equal(host_set_power("v0", IM_POWER_D3), IM_STATUS_SUCCESS);
	assert_int_equal(directed_receivers(everybody), 6);
	assert_int_equal(host_set_power("v0", IM_POWER_D0), IM_STATUS_SUCCESS);
	assert_int_equal(directed_receivers(everybody), 7);
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
	build(ALL);
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct im_packet *packet = frame(stranger, UNTAGGED);

		packet->info.vlan = rows[i].info;
		send(rows[i].vnic, &packet, 1);
		assert_int_equal(rig.port->held_count, 1);
		expect_frame(rig.port->held[0], stranger, rows[i].tci);
		assert_int_equal(rig.port->held[0]->info.vlan, 0); /* it stands in the frame */
		rig_complete(rig.port, 1, i % 2 == 0 ? IM_STATUS_SUCCESS : IM_STATUS_FAILURE);
		host_settle();
		expect_frame(packet, stranger, UNTAGGED);
		assert_int_equal(packet->info.vlan, rows[i].info);
		assert_int_equal(packet->status, i % 2 == 0 ? IM_STATUS_SUCCESS : IM_STATUS_FAILURE);
		rig_packets_free(&packet, 1);
	}
	rig_end();
}

static void c10_8_c10_10_frames_of_another_vlan_stay_out_and_tags_become_info(void **state)
{
	(void)state;
	build(ALL);
	assert_int_equal(vlan_receivers(UNTAGGED, 0), 7);
	assert_int_equal(vlan_receivers(100, 100), 3); /* v1 is in no VLAN, and gets all */
	assert_int_equal(vlan_receivers(200, 200), 6);
	assert_int_equal(vlan_receivers(300, 300), 2);
	assert_int_equal(vlan_receivers(0xe000 | 100, 0xe000 | 100), 3);
	assert_int_equal(vlan_receivers(0x5000 | 200, 0x4000 | 200), 6); /* no CFI goes up */
	assert_int_equal(vlan_receivers(0x6000, 0x6000), 7);		 /* a priority and no VLAN */
	rig_end();
}

/* The adapter has taken the tag out, and the frame may have another one inside, which is not ours. */
static void c10_10_a_tag_that_the_adapter_took_out_counts(void **state)
{
	struct im_packet *packet;

	(void)state;
	build(ALL);
	packet = frame(everybody, 300);
	packet->info.vlan = 0x2000 | 200;
	indicate(&packet, 1);
	assert_int_equal(uppers[0]->held_count, 0);
	for (uint32_t i = 1; i < VNICS; i++) {
		assert_int_equal(uppers[i]->held_count, 1);
		expect_frame(uppers[i]->held[0], everybody, 300);
		assert_int_equal(uppers[i]->held[0]->info.vlan, 0x2000 | 200);
		rig_return(uppers[i], 1);
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
	build(ALL);
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct im_packet *packet = frame(stranger, UNTAGGED);

		packet->info.vlan = rows[i].info;
		send(1, &packet, 1);
		expect_frame(rig.port->held[0], stranger, rows[i].tci);
		rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
		host_settle();
		expect_frame(packet, stranger, UNTAGGED);
		rig_packets_free(&packet, 1);
	}
	rig_end();
}

/* 17 bytes begin like a tagged frame of VLAN 300, which would keep v0 and v2 out; 5 have not even an address. */
static void c10_11_a_frame_too_short_for_a_tag_is_delivered_as_it_is(void **state)
{
	static const uint32_t lengths[] = {17, 14, 6, 5, 1};
	uint8_t bytes[FRAME + TAG], seen[FRAME];

	(void)state;
	build(ALL);
	fill(bytes, everybody, 300);
	for (size_t i = 0; i < RTE_DIM(lengths); i++) {
		struct im_packet *packet = rig_packet_of(bytes, lengths[i]);

		indicate(&packet, 1);
		for (uint32_t k = 0; k < VNICS; k++) {
			assert_int_equal(uppers[k]->held_count, 1);
			assert_int_equal(uppers[k]->held[0]->length, lengths[i]);
			assert_int_equal(rig_packet_read(uppers[k]->held[0], seen, sizeof(seen)), lengths[i]);
			assert_memory_equal(seen, bytes, lengths[i]);
			rig_return(uppers[k], 1);
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
	uint8_t bytes[FRAME] = {0};

	(void)state;
	build(ALL);
	packet = rig_packet_of(bytes, 13);
	send(0, &packet, 1);
	assert_int_equal(rig_calls(RIG_send_packets, "nic"), 0);
	assert_int_equal(rig_packets_with(RIG_send_complete, "t0", IM_STATUS_FAILURE), 1);
	rig_packets_free(&packet, 1);
	rig_end();
}

/* ---- Frames that cannot be edited in place ------------------------------------------------------- */

static void c4_17_a_frame_in_small_pieces_is_tagged_as_a_copy(void **state)
{
	struct im_packet *packet;
	struct rte_mbuf *mbuf;
	uint8_t bytes[FRAME], before[FRAME];

	(void)state;
	build(ALL);
	packet = rig_packet(4, FRAME, 3);
	mbuf = packet->mbuf;
	rig_packet_read(packet, before, sizeof(before));
	send(0, &packet, 1);
	assert_int_equal(rig.port->held[0]->length, FRAME + TAG);
	assert_int_equal(rte_pktmbuf_pkt_len(rig.port->held[0]->mbuf), FRAME + TAG);
	assert_int_equal(rte_pktmbuf_mtod_offset(rig.port->held[0]->mbuf, uint8_t *, 12)[0], 0x81);
	rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
	host_settle();
	assert_ptr_equal(packet->mbuf, mbuf);
	assert_int_equal(rig_packet_read(packet, bytes, sizeof(bytes)), FRAME);
	assert_memory_equal(bytes, before, FRAME);
	rig_packets_free(&packet, 1);
	rig_end();
}

/* Another protocol over the adapter reads the same buffers: it goes on seeing the tag. */
static void c10_8_a_frame_that_others_read_keeps_its_tag_for_them(void **state)
{
	struct rig_binding *beside;
	struct im_packet *packet;

	(void)state;
	build(ALL);
	assert_int_equal(rig_bind("top", "nic", "beside"), IM_STATUS_SUCCESS);
	beside = rig_binding("beside");
	packet = frame(everybody, 100);
	indicate(&packet, 1);
	assert_int_equal(beside->held_count, 1);
	expect_frame(beside->held[0], everybody, 100);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(uppers[i]->held_count, 1);
		expect_frame(uppers[i]->held[0], everybody, UNTAGGED);
		rig_return(uppers[i], 1);
	}
	rig_return(beside, 1);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 1);
	rig_packets_free(&packet, 1);
	rig_end();
}

static void indicate_lookahead(const uint8_t *to, int tci)
{
	uint8_t bytes[FRAME + TAG];
	uint32_t length = fill(bytes, to, tci);

	rig_indicate_lookahead(rig.port, bytes, length, 2);
	im_indicate_receive_complete(rig.port->instance);
	host_settle();
}

static void c5_20_c10_8_frames_by_lookahead_go_the_same_way(void **state)
{
	(void)state;
	build(ALL);
	indicate_lookahead(everybody, 100);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(uppers[i]->held_count, 1);
		expect_frame(uppers[i]->held[0], everybody, UNTAGGED);
		assert_int_equal(uppers[i]->held[0]->info.vlan, 100);
		rig_return(uppers[i], 1);
	}
	assert_int_equal(uppers[2]->held_count, 0);
	assert_int_equal(rig_calls(RIG_receive_complete, "t0"), 1); /* 5.27: on those that it touched */
	assert_int_equal(rig_calls(RIG_receive_complete, "t2"), 0);
	for (uint32_t i = 0; i < VNICS; i++)
		assert_int_equal(set_filter(i, DIRECTED), IM_STATUS_SUCCESS);
	indicate_lookahead(stranger, UNTAGGED);
	indicate_lookahead(addresses[2], 200);
	assert_int_equal(uppers[0]->held_count + uppers[1]->held_count, 0);
	expect_frame(uppers[2]->held[0], addresses[2], UNTAGGED);
	rig_return(uppers[2], 1);
	host_settle();
	rig_end(); /* where all buffers are back */
}

/* ---- Between VNICs ------------------------------------------------------------------------------- */

static void c10_12_vnics_of_one_mux_do_not_hear_each_other(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	build(ALL);
	packets[0] = frame(addresses[1], UNTAGGED);
	packets[1] = frame(everybody, UNTAGGED);
	send(1, packets, 2);
	send(0, packets, 0);
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
	build(ALL);
	for (uint32_t i = 0; i < 6; i++) {
		packets[i] = frame(stranger, UNTAGGED);
		send(i % VNICS, &packets[i], 1);
	}
	for (uint32_t i = 0; i < 6; i++) {
		reversed[i] = rig.port->held[5 - i];
		reversed[i]->status = IM_STATUS_SUCCESS;
	}
	rig.port->held_count = 0;
	im_send_complete(rig.port->instance, reversed, 6);
	host_settle();
	for (uint32_t i = 0; i < VNICS; i++) {
		assert_int_equal(rig_packets_seen(RIG_send_complete, tops[i]), 2);
		assert_int_equal(rig_packets_with(RIG_send_complete, tops[i], IM_STATUS_SUCCESS), 2);
	}
	rig_packets_free(packets, 6);
	rig_end();
}

/* ---- What goes down ------------------------------------------------------------------------------ */

static uint32_t filter_below(void)
{
	uint32_t filter;

	memcpy(&filter, rig_value(rig.port, FILTER)->bytes, sizeof(filter));
	return filter;
}

static unsigned filters_sent(void)
{
	unsigned sent = 0;

	for (unsigned i = 0; i < rig_calls(RIG_set_information, "nic"); i++)
		sent += rig_call(RIG_set_information, "nic", i)->value == FILTER;
	return sent;
}

static void c6_36_the_adapter_gets_what_all_vnics_want_together_where_that_changes(void **state)
{
	static const struct {
		uint32_t vnic, filter, below;
		unsigned sent; /* so far */
	} rows[] = {
		{0, 0x01, 0x21, 1}, {1, 0x01, 0x21, 1}, {2, 0x08, 0x29, 2}, {0, 0x08, 0x29, 2},
		{1, 0x00, 0x28, 3}, {0, 0x00, 0x28, 3}, {2, 0x00, 0x00, 4}, {2, 0x00, 0x00, 4},
	};

	(void)state;
	build_deaf(parameters);
	rig_forget();
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		assert_int_equal(set_filter(rows[i].vnic, rows[i].filter), IM_STATUS_SUCCESS);
		assert_int_equal(filter_below(), rows[i].below);
		assert_int_equal(filters_sent(), rows[i].sent);
	}
	rig_end();
}

/* Its only VNIC has the adapter's own address: nothing else need pass. */
static void c6_36_c6_37_without_another_address_the_adapter_is_not_promiscuous(void **state)
{
	static const char *const one[] = {"v0", NULL}, *const same[] = {"mac=02:00:00:00:00:01"};

	(void)state;
	load();
	assert_int_equal(host_bind_with("mux", "nic", one, same), IM_STATUS_SUCCESS);
	restart(one);
	assert_int_equal(set_filter(0, DIRECTED), IM_STATUS_SUCCESS);
	assert_int_equal(filter_below(), DIRECTED);
	assert_int_equal(set_filter(0, DIRECTED | LISTED), IM_STATUS_SUCCESS);
	assert_int_equal(filter_below(), DIRECTED | LISTED | 0x04); /* the list is up here */
	rig_end();
}

static void c10_13_halting_one_vnic_takes_its_wants_away_and_leaves_its_siblings_alone(void **state)
{
	struct im_packet *packet;

	(void)state;
	build_deaf(parameters);
	assert_int_equal(set_filter(0, 0x01), IM_STATUS_SUCCESS);
	assert_int_equal(set_filter(1, 0x08), IM_STATUS_SUCCESS);
	assert_int_equal(filter_below(), 0x29);
	packet = frame(stranger, UNTAGGED);
	send(1, &packet, 1);
	rig_forget();
	assert_int_equal(host_stop("v0"), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(filter_below(), 0x28);
	assert_false(host_exists("v0"));
	assert_int_equal(host_state("v1"), SLUICE_INSTANCE_RUNNING);
	assert_int_equal(rig_calls(RIG_pnp_event, "t1") + rig_calls(RIG_status, "t1"), 0);
	rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "t1", IM_STATUS_SUCCESS), 1);
	uppers[0]->held_count = 0;
	assert_int_equal(directed_receivers(everybody), 2);
	rig_packets_free(&packet, 1);
	rig_end();
}

/* The adapter answers late: two sets wait, the second one for a request that goes when the first is back. */
static void c6_36_c6_15_sets_of_several_vnics_wait_for_one_request_at_a_time(void **state)
{
	uint32_t values[] = {0x01, 0x08};
	struct im_request requests[2];

	(void)state;
	build_deaf(parameters);
	rig.nic->script.requests = RIG_LATER;
	rig_forget();
	for (uint32_t i = 0; i < 2; i++) {
		requests[i] = (struct im_request){.set = true, .oid = FILTER, .buffer = &values[i], .length = 4};
		assert_int_equal(im_request(uppers[i]->binding, &requests[i]), IM_STATUS_PENDING);
		host_settle(); /* the first one first */
	}
	assert_int_equal(filters_sent(), 1);
	assert_int_equal(rig_calls(RIG_request_complete, NULL), 0);
	rig_complete_request(rig.port, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_calls(RIG_request_complete, "t0"), 1);
	assert_int_equal(rig_calls(RIG_request_complete, "t1"), 0);
	assert_int_equal(filters_sent(), 2);
	rig_complete_request(rig.port, IM_STATUS_FAILURE);
	host_settle();
	assert_int_equal(rig_calls(RIG_request_complete, "t1"), 1);
	assert_int_equal(rig_call(RIG_request_complete, "t1", 0)->value, IM_STATUS_FAILURE);
	assert_int_equal(requests[1].done, 0);
	assert_int_equal(filter_below(), 0x21);
	rig.nic->script.requests = RIG_INLINE;
	assert_int_equal(directed_receivers(everybody), 0); /* 6.7: what failed has changed nothing */
	assert_int_equal(directed_receivers(addresses[0]), 1);
	rig_end();
}

/* ---- What a VNIC answers ------------------------------------------------------------------------- */

static uint32_t ask(const char *vnic, uint32_t oid)
{
	uint32_t value = 0, written, needed;

	assert_int_equal(host_query(vnic, oid, &value, sizeof(value), &written, &needed), IM_STATUS_SUCCESS);
	assert_int_equal(written, sizeof(value));
	return value;
}

static im_status_t tell(const char *vnic, uint32_t oid, uint32_t value)
{
	uint32_t read, needed;
	im_status_t status = host_set(vnic, oid, &value, sizeof(value), &read, &needed);

	assert_int_equal(read, status == IM_STATUS_SUCCESS ? 4 : 0);
	return status;
}

static void c6_43_a_vlan_id_has_twelve_bits(void **state)
{
	(void)state;
	build(ALL);
	assert_int_equal(ask("v0", SLUICE_OID_GEN_VLAN_ID), 100);
	assert_int_equal(tell("v0", SLUICE_OID_GEN_VLAN_ID, 0x1064), IM_STATUS_INVALID_DATA);
	assert_int_equal(ask("v0", SLUICE_OID_GEN_VLAN_ID), 100);
	assert_int_equal(tell("v0", SLUICE_OID_GEN_VLAN_ID, 300), IM_STATUS_SUCCESS);
	assert_int_equal(vlan_receivers(300, 300), 3);
	assert_int_equal(vlan_receivers(100, 100), 2);
	rig_end();
}

static void c6_35_c6_39_there_is_room_for_a_tag_below(void **state)
{
	static const uint32_t sizes[] = {SLUICE_OID_GEN_MAXIMUM_FRAME_SIZE, SLUICE_OID_GEN_MAXIMUM_TOTAL_SIZE};
	const uint32_t size = 1514;

	(void)state;
	build(ALL);
	for (size_t i = 0; i < RTE_DIM(sizes); i++) {
		struct rig_value *value = rig_value(rig.port, sizes[i]);

		value->length = sizeof(size);
		memcpy(value->bytes, &size, sizeof(size));
		assert_int_equal(ask("v1", sizes[i]), 1510);
	}
	assert_int_equal(tell("v1", SLUICE_OID_GEN_CURRENT_LOOKAHEAD, 128), IM_STATUS_SUCCESS);
	assert_int_equal(ask("v1", SLUICE_OID_GEN_CURRENT_LOOKAHEAD), 128);
	assert_int_equal(rig_value(rig.port, SLUICE_OID_GEN_CURRENT_LOOKAHEAD)->bytes[0], 132);
	rig_end();
}

static void c6_37_a_multicast_list_is_the_vnics_own_and_of_whole_addresses(void **state)
{
	uint8_t list[33 * 6] = {0}, back[12];
	uint32_t done, needed;

	(void)state;
	build(LISTED);
	for (uint32_t i = 0; i < 33; i++)
		memcpy(list + 6 * i, (const uint8_t[]){1, 0, 0x5e, 0, 1, (uint8_t)i}, 6);
	rig_forget();
	assert_int_equal(host_set("v0", SLUICE_OID_802_3_MULTICAST_LIST, list, 12, &done, &needed), IM_STATUS_SUCCESS);
	assert_int_equal(done, 12);
	assert_int_equal(host_set("v0", SLUICE_OID_802_3_MULTICAST_LIST, list, 13, &done, &needed),
			 IM_STATUS_INVALID_LENGTH);
	assert_int_equal(needed, 12);
	assert_int_equal(host_set("v0", SLUICE_OID_802_3_MULTICAST_LIST, list, sizeof(list), &done, &needed),
			 IM_STATUS_INVALID_LENGTH);
	assert_int_equal(needed, ask("v0", SLUICE_OID_802_3_MAXIMUM_LIST_SIZE) * 6);
	assert_int_equal(host_query("v0", SLUICE_OID_802_3_MULTICAST_LIST, back, sizeof(back), &done, &needed),
			 IM_STATUS_SUCCESS);
	assert_int_equal(done, 12);
	assert_memory_equal(back, list, 12);
	assert_int_equal(rig_calls(RIG_set_information, "nic"), 0); /* filtered in software */
	assert_int_equal(directed_receivers(list + 6), 1);
	assert_int_equal(directed_receivers(list + 12), 0);
	rig_end();
}

static bool is_listed(const uint32_t *list, uint32_t count, uint32_t oid)
{
	for (uint32_t i = 0; i < count; i++)
		if (list[i] == oid)
			return true;
	return false;
}

/* Each once; each of those that can be queried is answered, and what is not listed is not. */
static void c6_46_what_is_listed_is_answered_and_the_other_way_round(void **state)
{
	static const uint32_t oids[] = {
#define X(name, number, type, settable, text) number,
		SLUICE_OID_TABLE(X)
#undef X
	};
	static const uint32_t below[] = {SLUICE_OID_GEN_SUPPORTED_LIST, SLUICE_OID_GEN_LINK_SPEED,
					 SLUICE_OID_GEN_CURRENT_PACKET_FILTER, SLUICE_OID_802_3_CURRENT_ADDRESS};
	uint32_t list[128], value[64], count, done, needed;
	struct rig_value *of_the_nic;

	(void)state;
	build(ALL);
	of_the_nic = rig_value(rig.port, SLUICE_OID_GEN_SUPPORTED_LIST);
	of_the_nic->length = sizeof(below);
	memcpy(of_the_nic->bytes, below, sizeof(below));
	assert_int_equal(host_query("v0", SLUICE_OID_GEN_SUPPORTED_LIST, list, sizeof(list), &done, &needed),
			 IM_STATUS_SUCCESS);
	count = done / sizeof(list[0]);
	for (size_t i = 0; i < RTE_DIM(oids); i++) {
		im_status_t query = host_query("v0", oids[i], value, sizeof(value), &done, &needed);
		im_status_t set = host_set("v0", oids[i], value, 0, &done, &needed);
		bool answered = query == IM_STATUS_SUCCESS || set != IM_STATUS_NOT_SUPPORTED;

		assert_int_equal(is_listed(list, count, oids[i]), answered);
		for (uint32_t k = 0, seen = 0; k < count; k++)
			assert_true((seen += list[k] == oids[i]) <= 1);
	}
	assert_false(is_listed(list, count, SLUICE_OID_TCP_TASK_OFFLOAD)); /* 10.33: a tag shifts the headers */
	assert_true(is_listed(list, count, SLUICE_OID_GEN_VLAN_ID));
	rig_end();
}

/* ---- Events -------------------------------------------------------------------------------------- */

static void indicate_link(uint32_t indication)
{
	im_indicate_status(rig.port->instance, indication, NULL, 0);
	im_indicate_status_complete(rig.port->instance);
	host_settle();
}

static void c7_15_the_link_is_told_to_each_vnic_that_is_awake(void **state)
{
	(void)state;
	build(ALL);
	assert_int_equal(host_set_power("v1", IM_POWER_D3), IM_STATUS_SUCCESS);
	assert_int_equal(host_stop("v2"), IM_STATUS_SUCCESS);
	rig_forget();
	indicate_link(IM_INDICATION_MEDIA_DISCONNECT);
	assert_int_equal(rig_calls(RIG_status, "t0"), 1);
	assert_int_equal(rig_calls(RIG_status_complete, "t0"), 1);
	assert_int_equal(rig_call(RIG_status, "t0", 0)->value, IM_INDICATION_MEDIA_DISCONNECT);
	assert_int_equal(rig_calls(RIG_status, NULL), 1);
	assert_int_equal(host_set_power("v1", IM_POWER_D0), IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_status, "t1"), 1); /* 7.16: when it wakes up */
	rig_forget();
	im_indicate_status(rig.port->instance, 77, NULL, 0); /* nothing else */
	host_settle();
	assert_int_equal(rig_calls(RIG_status, NULL), 0);
	rig_end();
}

/* The event is answered when the sends of every VNIC are back. */
static void c7_23_power_below_goes_when_the_sends_of_all_vnics_are_home(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	build(ALL);
	for (uint32_t i = 0; i < 2; i++)
		packets[i] = frame(stranger, UNTAGGED);
	send(0, &packets[0], 1);
	rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(host_set_power("nic", IM_POWER_D3), IM_STATUS_SUCCESS);
	send(0, &packets[0], 1);
	send(1, &packets[1], 1);
	assert_int_equal(rig_packets_with(RIG_send_complete, NULL, IM_STATUS_LOW_POWER_STATE), 2);
	assert_int_equal(host_set_power("nic", IM_POWER_D0), IM_STATUS_SUCCESS);
	send(1, &packets[1], 1);
	rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "t1", IM_STATUS_SUCCESS), 1);
	rig_packets_free(packets, 2);
	rig_end();
}

/* 6.24: what was set while it slept goes down when it is awake. */
static void c6_24_a_set_waits_for_the_adapter_to_wake_up(void **state)
{
	uint32_t value = 0x08;
	struct im_request request = {.set = true, .oid = FILTER, .buffer = &value, .length = sizeof(value)};

	(void)state;
	build_deaf(parameters);
	assert_int_equal(host_set_power("nic", IM_POWER_D3), IM_STATUS_SUCCESS);
	assert_int_equal(im_request(uppers[0]->binding, &request), IM_STATUS_PENDING);
	host_settle();
	assert_int_equal(rig_calls(RIG_request_complete, "t0"), 0);
	assert_int_equal(host_set_power("nic", IM_POWER_D0), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_calls(RIG_request_complete, "t0"), 1);
	assert_int_equal(filter_below(), 0x28);
	rig_end();
}

/* One of them is tagged and held, with its tag, until the end. */
static void c7_7_a_reset_below_holds_the_sends_of_all_vnics(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	build(ALL);
	rig.nic->script.resets = RIG_BEFORE;
	for (uint32_t i = 0; i < 2; i++)
		packets[i] = frame(stranger, UNTAGGED);
	send(0, &packets[0], 1);
	send(1, &packets[1], 1);
	rig_complete(rig.port, 2, IM_STATUS_FAILURE);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_send_complete, NULL), 2);
	assert_int_equal(host_reset("nic"), IM_STATUS_SUCCESS);
	send(0, packets, 1);
	assert_int_equal(rig.port->held_count, 1);
	expect_frame(rig.port->held[0], stranger, 100);
	rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
	host_settle();
	expect_frame(packets[0], stranger, UNTAGGED);
	rig_packets_free(packets, 2);
	rig_end();
}

/* ---- Going --------------------------------------------------------------------------------------- */

static void unbind(void *unused)
{
	(void)unused;
	host_unbind_over("nic");
}

/* VNICs go, then the filter, then the binding. */
static void c1_38_unbinding_halts_all_vnics_and_leaves_no_filter(void **state)
{
	(void)state;
	build(ALL);
	assert_int_equal(filter_below(), ALL);
	host_begin(HOST_IDLE, unbind, NULL);
	host_join();
	for (uint32_t i = 0; i < VNICS; i++)
		assert_false(host_exists(names[i]));
	assert_int_equal(filter_below(), 0);
	assert_int_equal(host_objects("mux"), 0);
	rig_end();
}

/* Each call that the bind makes fails once, and each allocation: nothing of it stays (1.36). */
static void fail_each(bool allocations)
{
	im_status_t status = IM_STATUS_FAILURE;

	for (uint32_t n = 1; status != IM_STATUS_SUCCESS; n++) {
		assert_true(n < 200);
		load();
		host_fail(allocations ? 0 : n, allocations ? n : 0);
		status = host_bind_with("mux", "nic", names, parameters);
		host_fail(0, 0);
		host_settle();
		if (status != IM_STATUS_SUCCESS)
			assert_int_equal(host_objects("mux"), 0);
		rig_end();
	}
}

static void c1_36_a_bind_that_fails_anywhere_leaves_nothing(void **state)
{
	(void)state;
	fail_each(false);
	fail_each(true);
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
		cmocka_unit_test(c6_36_the_adapter_gets_what_all_vnics_want_together_where_that_changes),
		cmocka_unit_test(c6_36_c6_37_without_another_address_the_adapter_is_not_promiscuous),
		cmocka_unit_test(c10_13_halting_one_vnic_takes_its_wants_away_and_leaves_its_siblings_alone),
		cmocka_unit_test(c6_36_c6_15_sets_of_several_vnics_wait_for_one_request_at_a_time),
		cmocka_unit_test(c6_43_a_vlan_id_has_twelve_bits),
		cmocka_unit_test(c6_35_c6_39_there_is_room_for_a_tag_below),
		cmocka_unit_test(c6_37_a_multicast_list_is_the_vnics_own_and_of_whole_addresses),
		cmocka_unit_test(c6_46_what_is_listed_is_answered_and_the_other_way_round),
		cmocka_unit_test(c7_15_the_link_is_told_to_each_vnic_that_is_awake),
		cmocka_unit_test(c7_23_power_below_goes_when_the_sends_of_all_vnics_are_home),
		cmocka_unit_test(c6_24_a_set_waits_for_the_adapter_to_wake_up),
		cmocka_unit_test(c7_7_a_reset_below_holds_the_sends_of_all_vnics),
		cmocka_unit_test(c1_38_unbinding_halts_all_vnics_and_leaves_no_filter),
		cmocka_unit_test(c1_36_a_bind_that_fails_anywhere_leaves_nothing),
	};

	return host_run_tests(tests);
}
