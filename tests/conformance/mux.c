/* SPDX-License-Identifier: BSD-3-Clause */
#include "mux.h"

#include <string.h>

static const struct host_options with_buffers = {.buffers = 1023};
const char *const mux_names[] = {"v0", "v1", "v2", NULL};
const char *const mux_tops[] = {"t0", "t1", "t2"};
const char *const mux_parameters[] = {"vlan=100", NULL, "mac=02:00:00:00:00:99,vlan=200"};
const uint8_t mux_everybody[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, mux_group[] = {0x01, 0, 0x5e, 0, 0, 7},
	      mux_stranger[] = {0x02, 0x55, 0, 0, 0, 1};

uint8_t mux_addresses[MUX_VNICS][6];
struct rig_binding *mux_uppers[MUX_VNICS];

/* ---- Building ------------------------------------------------------------------------------------ */

im_status_t mux_set_filter(uint32_t vnic, uint32_t filter)
{
	struct im_request request = {.set = true, .oid = FILTER, .buffer = &filter, .length = sizeof(filter)};

	return rig_request(mux_uppers[vnic], &request);
}

void mux_restart(const char *const *vnics)
{
	uint32_t written, needed;

	host_settle(); /* where the core initialises later */
	for (uint32_t i = 0; i < MUX_VNICS && vnics[i] != NULL; i++) {
		assert_int_equal(host_restart(vnics[i]), IM_STATUS_SUCCESS);
		assert_int_equal(
			host_query(vnics[i], SLUICE_OID_802_3_CURRENT_ADDRESS, mux_addresses[i], 6, &written, &needed),
			IM_STATUS_SUCCESS);
		assert_int_equal(rig_bind("top", vnics[i], mux_tops[i]), IM_STATUS_SUCCESS);
		mux_uppers[i] = rig_binding(mux_tops[i]);
	}
}

void mux_load(void)
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
void mux_build_deaf(const char *const *texts)
{
	mux_load();
	assert_int_equal(host_bind_with("mux", "nic", mux_names, texts), IM_STATUS_SUCCESS);
	mux_restart(mux_names);
}

void mux_build(uint32_t filter)
{
	mux_build_deaf(mux_parameters);
	for (uint32_t i = 0; i < MUX_VNICS; i++)
		assert_int_equal(mux_set_filter(i, filter), IM_STATUS_SUCCESS);
	host_settle();
	rig_forget();
}

/* ---- Frames -------------------------------------------------------------------------------------- */

uint32_t mux_fill(uint8_t *bytes, const uint8_t *to, int tci)
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
	for (uint32_t i = 14; i < MUX_FRAME; i++)
		bytes[at++] = (uint8_t)i;
	return at;
}

struct im_packet *mux_frame(const uint8_t *to, int tci)
{
	uint8_t bytes[MUX_FRAME + MUX_TAG];

	return rig_packet_of(bytes, mux_fill(bytes, to, tci));
}

void mux_expect_frame_at(const char *file, int line, const struct im_packet *packet, const uint8_t *to, int tci)
{
	uint8_t expected[MUX_FRAME + MUX_TAG], bytes[2 * MUX_FRAME];
	uint32_t length = mux_fill(expected, to, tci);

	if (packet->length != length || rig_packet_read(packet, bytes, sizeof(bytes)) != length ||
	    memcmp(bytes, expected, length) != 0)
		fail_msg("%s:%d: %u bytes are another mux_frame than the %u expected", file, line, packet->length,
			 length);
}

void mux_indicate(struct im_packet **packets, uint16_t count)
{
	rig_indicate(rig.port, packets, count, IM_STATUS_SUCCESS);
	host_settle();
}

/* Which VNICs have got the mux_frame, as bits; each is looked at, and given back. */
uint32_t mux_receivers_of(const uint8_t *to, int tci, int seen_tci, uint16_t info)
{
	struct im_packet *packet = mux_frame(to, tci);
	uint32_t bits = 0;

	mux_indicate(&packet, 1);
	for (uint32_t i = 0; i < MUX_VNICS; i++) {
		if (mux_uppers[i]->held_count == 0)
			continue;
		bits |= 1u << i;
		assert_int_equal(mux_uppers[i]->held_count, 1);
		mux_expect_frame(mux_uppers[i]->held[0], to, seen_tci);
		assert_int_equal(mux_uppers[i]->held[0]->info.vlan, info);
		rig_return(mux_uppers[i], 1);
	}
	host_settle();
	rig_packets_free(&packet, 1);
	return bits;
}

uint32_t mux_vlan_receivers(int tci, uint16_t info)
{
	return mux_receivers_of(mux_everybody, tci, UNTAGGED, info);
}

uint32_t mux_directed_receivers(const uint8_t *to)
{
	return mux_receivers_of(to, UNTAGGED, UNTAGGED, 0);
}

void mux_send(uint32_t vnic, struct im_packet **packets, uint16_t count)
{
	im_send_packets(mux_uppers[vnic]->binding, packets, count);
	host_settle();
}
