/* SPDX-License-Identifier: BSD-3-Clause */
/* Offloads through a stack: asked for, switched on, marked on a packet, done (contract section 10E). */
#include <netinet/in.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <string.h>

#include "eal.h"
#include "wires.h"

#define L2	sizeof(struct rte_ether_hdr)
#define HEADERS (L2 + sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_tcp_hdr))
#define SUMS	(SLUICE_OFFLOAD_IPV4_CHECKSUM | SLUICE_OFFLOAD_TCP_CHECKSUM | SLUICE_OFFLOAD_UDP_CHECKSUM)
#define ALL	(SUMS | SLUICE_OFFLOAD_LARGE_SEND)

static struct wires wires;
static uint16_t status, segments; /* of the last completion */
static void (*send_complete)(void *context, struct im_packet **packets, uint16_t count);

static void spy(void *context, struct im_packet **packets, uint16_t count)
{
	status = packets[0]->status;
	segments = packets[0]->info.segments;
	send_complete(context, packets, count);
}

static int up(void **state)
{
	struct im_protocol *edge;

	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 2});
	edge = im_find_driver(EDGE_UPPER_DRIVER)->wrapper->protocol;
	send_complete = edge->handlers.send_complete;
	edge->handlers.send_complete = spy;
	return 0;
}

static int down(void **state)
{
	(void)state;
	wires_down(&wires);
	return 0;
}

/* ---- Asked of the uppermost VNIC ----------------------------------------------------------------- */

static uint32_t query(uint32_t oid)
{
	uint32_t value = UINT32_MAX;
	struct im_request request = {.oid = oid, .buffer = &value, .length = sizeof(value)};

	assert_int_equal(im_request_instance(im_find_instance("p0"), &request), IM_STATUS_SUCCESS);
	return value;
}

static im_status_t set(uint32_t oid, uint32_t value)
{
	struct im_request request = {.set = true, .oid = oid, .buffer = &value, .length = sizeof(value)};

	return im_request_instance(im_find_instance("p0"), &request);
}

static void switch_on(uint32_t offloads)
{
	assert_int_equal(set(SLUICE_OID_TCP_TASK_OFFLOAD, offloads), IM_STATUS_SUCCESS);
	assert_int_equal(query(SLUICE_OID_TCP_TASK_OFFLOAD), offloads);
}

/* ---- Packets ------------------------------------------------------------------------------------- */

/* TCP over IPv4 with @p payload bytes, in buffers of at most 1600; the checksums are wrong. @p tag: behind one. */
static struct rte_mbuf *make_frame(uint32_t payload, bool tag)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(wires.pool.buffers);
	uint8_t *bytes = (uint8_t *)rte_pktmbuf_append(frame, HEADERS);
	struct rte_ipv4_hdr *ip = (void *)(bytes + L2);

	memset(bytes, 0, HEADERS);
	bytes[12] = 0x08;
	ip->version_ihl = 0x45;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(HEADERS - L2 + payload));
	ip->next_proto_id = IPPROTO_TCP;
	ip->hdr_checksum = 0x1111;
	((struct rte_tcp_hdr *)(void *)(ip + 1))->data_off = 5 << 4;
	((struct rte_tcp_hdr *)(void *)(ip + 1))->cksum = 0x2222;
	memset(rte_pktmbuf_append(frame, (uint16_t)RTE_MIN(payload, 1000u)), 7, RTE_MIN(payload, 1000u));
	for (uint32_t left = payload - RTE_MIN(payload, 1000u); left > 0;) {
		struct rte_mbuf *more = rte_pktmbuf_alloc(wires.pool.buffers);
		uint16_t part = (uint16_t)RTE_MIN(left, 1600u);

		memset(rte_pktmbuf_append(more, part), 7, part);
		assert_int_equal(rte_pktmbuf_chain(frame, more), 0);
		left -= part;
	}
	if (tag) {
		frame->vlan_tci = 5;
		assert_int_equal(rte_vlan_insert(&frame), 0);
	}
	return frame;
}

static struct rte_mbuf *send_with(struct rte_mbuf *frame, struct im_packet_info info)
{
	struct im_packet *packet;
	void *left = NULL;

	assert_int_equal(im_packet_wrap(&wires.pool, &frame, &packet, 1), 0);
	packet->info = info;
	status = IM_STATUS_PENDING;
	im_send_packets(wires.host->binding, &packet, 1);
	edge_port_flush(wires.wire);
	return rte_ring_dequeue(wires.to_wire, &left) == 0 ? left : NULL;
}

static void expect_refused(struct rte_mbuf *frame, struct im_packet_info info, im_status_t wanted)
{
	assert_null(send_with(frame, info));
	assert_int_equal(status, wanted);
}

/* A packet that asks for this leaves with what it asked for. */
static void expect_summed(uint16_t checksum)
{
	struct rte_mbuf *sent = send_with(make_frame(10, false), (struct im_packet_info){.checksum = checksum});
	struct rte_ipv4_hdr *ip;

	assert_non_null(sent);
	assert_int_equal(status, IM_STATUS_SUCCESS);
	ip = rte_pktmbuf_mtod_offset(sent, struct rte_ipv4_hdr *, L2);
	assert_int_equal(ip->hdr_checksum != 0x1111, (checksum & IM_CHECKSUM_IPV4) != 0);
	assert_int_equal(((struct rte_tcp_hdr *)(void *)(ip + 1))->cksum != 0x2222, (checksum & IM_CHECKSUM_TCP) != 0);
	rte_pktmbuf_free(sent);
}

/* contract: 10.32 */
static void what_is_switched_on_is_done_and_nothing_else(void **state)
{
	const struct im_packet_info ipv4 = {.checksum = IM_CHECKSUM_IPV4}, tcp = {.checksum = IM_CHECKSUM_TCP};

	(void)state;
	assert_int_equal(query(SLUICE_OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES), ALL);
	assert_int_equal(query(SLUICE_OID_TCP_TASK_OFFLOAD), 0);
	expect_refused(make_frame(10, false), tcp, IM_STATUS_FAILURE); /* nothing is switched on yet */
	assert_int_equal(set(SLUICE_OID_TCP_TASK_OFFLOAD, ALL + 1), IM_STATUS_INVALID_DATA);
	switch_on(SLUICE_OFFLOAD_TCP_CHECKSUM);
	expect_summed(IM_CHECKSUM_TCP);
	expect_summed(0);
	expect_refused(make_frame(10, false), ipv4, IM_STATUS_FAILURE);
	switch_on(SUMS);
	expect_summed(IM_CHECKSUM_TCP | IM_CHECKSUM_IPV4);
	switch_on(0); /* all off */
	expect_refused(make_frame(10, false), tcp, IM_STATUS_FAILURE);
	expect_summed(0);
	assert_int_equal(wires_dropped(wires.wire, SLUICE_OUT, SLUICE_DROP_OFFLOAD), 3);
}

/* In buffers that have to be copied before they are changed: its sender is told all the same. */
static void a_frame_in_pieces_is_refused_too(void **state)
{
	struct rte_mbuf *frame = make_frame(1400, false), *head = rte_pktmbuf_alloc(wires.pool.buffers);

	(void)state;
	memcpy(rte_pktmbuf_append(head, L2), rte_pktmbuf_mtod(frame, void *), L2);
	rte_pktmbuf_adj(frame, L2);
	assert_int_equal(rte_pktmbuf_chain(head, frame), 0);
	expect_refused(head, (struct im_packet_info){.checksum = IM_CHECKSUM_TCP}, IM_STATUS_FAILURE);
}

/* contract: 10.34 */
static void frames_of_an_unknown_kind_cannot_be_switched_on(void **state)
{
	const struct im_packet_info tcp = {.checksum = IM_CHECKSUM_TCP};
	struct rte_mbuf *sent;

	(void)state;
	switch_on(SUMS);
	assert_int_equal(query(SLUICE_OID_OFFLOAD_ENCAPSULATION),
			 SLUICE_ENCAPSULATION_PLAIN | SLUICE_ENCAPSULATION_TAGGED);
	assert_int_equal(set(SLUICE_OID_OFFLOAD_ENCAPSULATION, 8), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(set(SLUICE_OID_OFFLOAD_ENCAPSULATION, SLUICE_ENCAPSULATION_PLAIN | 1),
			 IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(set(SLUICE_OID_OFFLOAD_ENCAPSULATION, 0), IM_STATUS_INVALID_PARAMETER);
	sent = send_with(make_frame(10, true), tcp); /* as it was */
	assert_non_null(sent);
	rte_pktmbuf_free(sent);
	assert_int_equal(set(SLUICE_OID_OFFLOAD_ENCAPSULATION, SLUICE_ENCAPSULATION_PLAIN), IM_STATUS_SUCCESS);
	expect_refused(make_frame(10, true), tcp, IM_STATUS_FAILURE);
	expect_summed(IM_CHECKSUM_TCP);
}

/* ---- Large sends --------------------------------------------------------------------------------- */

/* contract: 10.35 */
static void a_device_that_can_cut_does_it(void **state)
{
	const struct im_packet_info large = {.mss = 1460}, too_large = {.mss = 1500};
	struct rte_mbuf *sent;

	(void)state;
	wires.wire->tx_offloads |=
		RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
	switch_on(ALL);
	sent = send_with(make_frame(8000, false), large); /* of 1500 bytes and the link's headers each */
	assert_non_null(sent);
	assert_int_equal(status, IM_STATUS_SUCCESS);
	assert_int_equal(segments, 6); /* 2.53 */
	assert_int_equal(rte_pktmbuf_pkt_len(sent), HEADERS + 8000);
	assert_int_equal(sent->tso_segsz, 1460);
	assert_int_equal(sent->l2_len + sent->l3_len + sent->l4_len, HEADERS);
	assert_true(sent->ol_flags & RTE_MBUF_F_TX_TCP_SEG);
	rte_pktmbuf_free(sent);
	expect_refused(make_frame(8000, false), too_large, IM_STATUS_INVALID_LENGTH); /* each of them is too long */
	expect_refused(make_frame(8000, false), (struct im_packet_info){0}, IM_STATUS_INVALID_LENGTH);
	assert_int_equal(wires_dropped(wires.wire, SLUICE_OUT, SLUICE_DROP_FRAME_TOO_LONG), 2);
}

static void a_large_send_must_be_switched_on_too(void **state)
{
	(void)state;
	switch_on(SUMS);
	expect_refused(make_frame(8000, false), (struct im_packet_info){.mss = 1460}, IM_STATUS_FAILURE);
	assert_int_equal(wires_dropped(wires.wire, SLUICE_OUT, SLUICE_DROP_OFFLOAD), 1);
}

/* ---- For how long -------------------------------------------------------------------------------- */

static void bind_over(const char *driver, const char *adapter, const char *vnic)
{
	struct im_bind_config config = {.adapter = adapter, .vnic_count = 1, .vnic_names = &vnic};

	assert_int_equal(im_bind(im_find_driver(driver), &config), IM_STATUS_SUCCESS);
}

static void reload_what_stands_over_the_port(void)
{
	assert_int_equal(im_unbind_over("wire0"), IM_STATUS_SUCCESS);
	assert_int_equal(im_unload_driver("passthru", true), IM_STATUS_SUCCESS);
	assert_int_equal(im_load_builtin_driver("passthru"), IM_STATUS_SUCCESS);
	bind_over("passthru", "wire0", "p1");
	bind_over("passthru", "p1", "p0");
	bind_over(EDGE_UPPER_DRIVER, "p0", "host0");
	assert_int_equal(im_restart(im_find_instance("p1")), IM_STATUS_SUCCESS);
	assert_int_equal(im_restart(im_find_instance("p0")), IM_STATUS_SUCCESS);
}

static void expect_settings(void)
{
	assert_int_equal(query(SLUICE_OID_TCP_TASK_OFFLOAD), SLUICE_OFFLOAD_TCP_CHECKSUM);
	assert_int_equal(query(SLUICE_OID_OFFLOAD_ENCAPSULATION), SLUICE_ENCAPSULATION_PLAIN);
	expect_summed(IM_CHECKSUM_TCP);
}

/* contract: 10.37 */
static void settings_outlive_reset_sleep_and_reload(void **state)
{
	struct im_instance *wire = im_find_instance("wire0");

	(void)state;
	switch_on(SLUICE_OFFLOAD_TCP_CHECKSUM);
	assert_int_equal(set(SLUICE_OID_OFFLOAD_ENCAPSULATION, SLUICE_ENCAPSULATION_PLAIN), IM_STATUS_SUCCESS);
	im_reset_instance(wire);
	expect_settings();
	assert_int_equal(im_set_power(wire, IM_POWER_D3), IM_STATUS_SUCCESS);
	assert_int_equal(im_set_power(wire, IM_POWER_D0), IM_STATUS_SUCCESS);
	expect_settings();
	im_pause(wire);
	assert_int_equal(im_restart(wire), IM_STATUS_SUCCESS);
	expect_settings();
	reload_what_stands_over_the_port();
	expect_settings();
}

int main(void)
{
#define WITH_WIRES(test) cmocka_unit_test_setup_teardown(test, up, down)
	const struct CMUnitTest tests[] = {
		WITH_WIRES(what_is_switched_on_is_done_and_nothing_else),
		WITH_WIRES(a_frame_in_pieces_is_refused_too),
		WITH_WIRES(frames_of_an_unknown_kind_cannot_be_switched_on),
		WITH_WIRES(a_device_that_can_cut_does_it),
		WITH_WIRES(a_large_send_must_be_switched_on_too),
		WITH_WIRES(settings_outlive_reset_sleep_and_reload),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
