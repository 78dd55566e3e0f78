/* SPDX-License-Identifier: BSD-3-Clause */
/* Large sends: one packet, several frames. */
#include <rte_ethdev.h>

#include "eal.h"
#include "large.h"

static const struct large_kind kinds[] = {
	{false, IPPROTO_TCP}, {true, IPPROTO_TCP}, {false, IPPROTO_UDP}, {true, IPPROTO_UDP}};
static const struct large_kind tcp4 = {false, IPPROTO_TCP};

static struct wires wires;
static uint16_t status;	  /* of the last completion */
static uint16_t segments; /* of it */
static void (*send_complete)(void *context, struct im_packet **packets, uint16_t count);

static void spy(void *context, struct im_packet **packets, uint16_t count)
{
	status = packets[0]->status;
	segments = packets[0]->info.segments;
	send_complete(context, packets, count);
}

static void up(uint32_t to_wire)
{
	struct im_protocol *edge;

	wires_up(&wires, &(struct wires_config){.levels = 1, .to_wire = to_wire});
	edge = im_find_driver(EDGE_UPPER_DRIVER)->wrapper->protocol;
	send_complete = edge->handlers.send_complete;
	edge->handlers.send_complete = spy;
	assert_int_equal(edge_set_offloads(wires.wire, SLUICE_OFFLOAD_LARGE_SEND), IM_STATUS_SUCCESS);
	status = IM_STATUS_PENDING;
}

static void send_with(struct rte_mbuf *mbuf, struct im_packet_info info)
{
	struct im_packet *packet;

	assert_int_equal(im_packet_wrap(&wires.pool, &mbuf, &packet, 1), 0);
	packet->info = info;
	im_send_packets(wires.host->binding, &packet, 1);
	edge_port_flush(wires.wire);
}

static void expect_refused(struct rte_mbuf *mbuf, uint16_t mss, im_status_t expected, enum sluice_drop reason)
{
	send_with(mbuf, (struct im_packet_info){.mss = mss});
	assert_int_equal(status, expected);
	assert_int_equal(rte_ring_count(wires.to_wire), 0);
	assert_int_equal(wires_dropped(wires.wire, SLUICE_OUT, reason), 1);
}

static void a_large_send_becomes_frames(void **state)
{
	static const uint32_t payloads[] = {1, 999, 1000, 1001, 3000, 9999, 60000};

	(void)state;
	for (size_t i = 0; i < 4 * RTE_DIM(payloads); i++) {
		struct large_kind kind = kinds[i % 4];
		uint32_t payload = payloads[i / 4];

		up(0);
		send_with(large_make(&wires, kind, payload), (struct im_packet_info){.mss = 1000});
		assert_int_equal(status, IM_STATUS_SUCCESS);
		assert_int_equal(segments, (payload + 999) / 1000);
		large_expect_all(&wires, kind, payload, 1000);
		wires_down(&wires);
	}
}

/* Devices cut TCP: UDP is cut here all the same. */
static void what_the_device_does_not_cut_is_cut(void **state)
{
	struct rte_mbuf *mbuf = NULL;

	(void)state;
	up(0);
	wires.wire->tx_offloads |=
		RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
	send_with(large_make(&wires, kinds[2], 5000), (struct im_packet_info){.mss = 1000});
	large_expect_all(&wires, kinds[2], 5000, 1000);
	send_with(large_make(&wires, tcp4, 5000), (struct im_packet_info){.mss = 1000});
	assert_int_equal(rte_ring_dequeue(wires.to_wire, (void **)&mbuf), 0);
	assert_int_equal(rte_pktmbuf_pkt_len(mbuf), large_headers(tcp4) + 5000);
	rte_pktmbuf_free(mbuf);
	wires_down(&wires);
}

/* Refused as a whole, before it is cut: behind that nobody asks any more. */
static void it_must_be_switched_on(void **state)
{
	(void)state;
	up(0);
	assert_int_equal(edge_set_offloads(wires.wire, EDGE_OFFLOADS & ~SLUICE_OFFLOAD_LARGE_SEND), IM_STATUS_SUCCESS);
	expect_refused(large_make(&wires, tcp4, 2000), 1000, IM_STATUS_FAILURE, SLUICE_DROP_OFFLOAD);
	assert_int_equal(edge_set_offloads(wires.wire, EDGE_OFFLOADS), IM_STATUS_SUCCESS);
	assert_int_equal(edge_set_encapsulation(wires.wire, SLUICE_ENCAPSULATION_TAGGED), IM_STATUS_SUCCESS);
	send_with(large_make(&wires, tcp4, 2000), (struct im_packet_info){.mss = 1000});
	assert_int_equal(rte_ring_count(wires.to_wire), 0);
	assert_int_equal(wires_dropped(wires.wire, SLUICE_OUT, SLUICE_DROP_OFFLOAD), 2);
	wires_down(&wires);
}

static void each_frame_has_the_tag(void **state)
{
	struct rte_mbuf *mbuf = NULL;

	(void)state;
	up(0);
	send_with(large_make(&wires, tcp4, 2000), (struct im_packet_info){.mss = 1000, .vlan = 0x2005});
	for (uint32_t i = 0; i < 2; i++) {
		const uint8_t tag[] = {0x81, 0x00, 0x20, 0x05};

		assert_int_equal(rte_ring_dequeue(wires.to_wire, (void **)&mbuf), 0);
		assert_memory_equal(rte_pktmbuf_mtod(mbuf, uint8_t *) + 12, tag, sizeof(tag));
		assert_int_equal(rte_vlan_strip(mbuf), 0);
		large_expect(mbuf, tcp4, i, i * 1000, 1000, i == 1);
		rte_pktmbuf_free(mbuf);
	}
	wires_down(&wires);
}

/* What stands behind the datagram in its frame belongs to nobody. */
static void padding_is_not_sent(void **state)
{
	struct rte_mbuf *mbuf;

	(void)state;
	up(0);
	mbuf = large_make(&wires, tcp4, 1500);
	assert_non_null(rte_pktmbuf_append(mbuf, 9));
	send_with(mbuf, (struct im_packet_info){.mss = 1000});
	large_expect_all(&wires, tcp4, 1500, 1000);
	wires_down(&wires);
}

static void what_cannot_be_cut_is_refused(void **state)
{
	const struct large_kind icmp = {false, IPPROTO_ICMP};
	struct rte_mbuf *mbuf;

	(void)state;
	up(0);
	expect_refused(large_make(&wires, icmp, 2000), 1000, IM_STATUS_FAILURE, SLUICE_DROP_OFFLOAD);
	wires_down(&wires);
	up(0);
	mbuf = large_make(&wires, tcp4, 100);
	rte_pktmbuf_trim(mbuf, 1); /* the header promises more */
	expect_refused(mbuf, 1000, IM_STATUS_FAILURE, SLUICE_DROP_OFFLOAD);
	wires_down(&wires);
	up(0);
	expect_refused(large_make(&wires, tcp4, 0), 1000, IM_STATUS_FAILURE, SLUICE_DROP_OFFLOAD);
	wires_down(&wires);
	up(0);
	expect_refused(large_make(&wires, tcp4, 4000), 31, IM_STATUS_FAILURE, SLUICE_DROP_OFFLOAD); /* too many */
	wires_down(&wires);
	up(0);
	expect_refused(large_make(&wires, tcp4, 4000), 1600, IM_STATUS_INVALID_LENGTH, SLUICE_DROP_FRAME_TOO_LONG);
	wires_down(&wires);
}

/* All frames or none. */
static void without_buffers_it_is_refused(void **state)
{
	struct rte_mbuf *all[4096], *mbuf;
	uint32_t count;

	(void)state;
	up(0);
	mbuf = large_make(&wires, tcp4, 5000);
	count = rte_mempool_avail_count(wires.pool.buffers) - 3;
	assert_int_equal(rte_pktmbuf_alloc_bulk(wires.pool.buffers, all, count), 0);
	expect_refused(mbuf, 1000, IM_STATUS_RESOURCES, SLUICE_DROP_NO_DESCRIPTOR);
	rte_pktmbuf_free_bulk(all, count);
	wires_down(&wires);
}

/* A wire that takes nothing: what finds no room is refused as a whole. */
static void without_room_it_is_refused(void **state)
{
	(void)state;
	up(1);
	for (int i = 0; i < 2; i++)
		send_with(large_make(&wires, tcp4, 12000), (struct im_packet_info){.mss = 100});
	assert_int_equal(wires.wire->queues[0].pending, 239);
	status = IM_STATUS_PENDING;
	send_with(large_make(&wires, tcp4, 12000), (struct im_packet_info){.mss = 100});
	assert_int_equal(status, IM_STATUS_RESOURCES);
	assert_int_equal(wires.wire->queues[0].pending, 239);
	assert_int_equal(wires_dropped(wires.wire, SLUICE_OUT, SLUICE_DROP_TX_QUEUE_FULL), 1);
	wires_down(&wires);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_device_does_not_cut_is_cut),
		cmocka_unit_test(it_must_be_switched_on),
		cmocka_unit_test(a_large_send_becomes_frames),
		cmocka_unit_test(each_frame_has_the_tag),
		cmocka_unit_test(padding_is_not_sent),
		cmocka_unit_test(what_cannot_be_cut_is_refused),
		cmocka_unit_test(without_buffers_it_is_refused),
		cmocka_unit_test(without_room_it_is_refused),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
