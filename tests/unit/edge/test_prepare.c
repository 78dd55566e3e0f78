/* SPDX-License-Identifier: BSD-3-Clause */
/* What a sender asks of a frame beside it: tags, checksums, and buffers that are not the port's to change. */
#include <netinet/in.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <string.h>

#include "eal.h"
#include "wires.h"

#define L2 sizeof(struct rte_ether_hdr)

static struct wires wires;
static uint16_t status;	      /* of the last completion */
static struct rte_mbuf *back; /* its buffers, kept for the test */
static void (*send_complete)(void *context, struct im_packet **packets, uint16_t count);

static void spy(void *context, struct im_packet **packets, uint16_t count)
{
	status = packets[0]->status;
	back = packets[0]->mbuf;
	packets[0]->mbuf = NULL;
	send_complete(context, packets, count);
}

static void up(uint32_t to_wire)
{
	struct im_protocol *edge;

	wires_up(&wires, &(struct wires_config){.levels = 1, .to_wire = to_wire});
	edge = im_find_driver(EDGE_UPPER_DRIVER)->wrapper->protocol;
	send_complete = edge->handlers.send_complete;
	edge->handlers.send_complete = spy;
	assert_int_equal(edge_set_offloads(wires.wire, EDGE_OFFLOADS), IM_STATUS_SUCCESS);
	status = IM_STATUS_PENDING;
	back = NULL;
}

static void down(void)
{
	rte_pktmbuf_free(back);
	wires_down(&wires);
}

/* An IPv4 or IPv6 datagram of @p kind with @p payload bytes that count up; the checksums are wrong. */
static struct rte_mbuf *datagram(bool ipv6, uint8_t kind, uint16_t payload)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(wires.pool.buffers);
	uint16_t l4 = kind == IPPROTO_TCP ? sizeof(struct rte_tcp_hdr) : sizeof(struct rte_udp_hdr);
	uint16_t l3 = ipv6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	uint8_t *bytes = (uint8_t *)rte_pktmbuf_append(mbuf, (uint16_t)(L2 + l3 + l4 + payload));

	for (uint16_t i = 0; i < L2 + l3 + l4 + payload; i++)
		bytes[i] = (uint8_t)(i * 3);
	*(uint16_t *)(void *)(bytes + 12) = rte_cpu_to_be_16(ipv6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	if (ipv6) {
		struct rte_ipv6_hdr *ip = (void *)(bytes + L2);

		ip->vtc_flow = rte_cpu_to_be_32(6u << 28);
		ip->payload_len = rte_cpu_to_be_16((uint16_t)(l4 + payload));
		ip->proto = kind;
	} else {
		struct rte_ipv4_hdr *ip = (void *)(bytes + L2);

		ip->version_ihl = 0x45;
		ip->total_length = rte_cpu_to_be_16((uint16_t)(l3 + l4 + payload));
		ip->fragment_offset = 0;
		ip->next_proto_id = kind;
	}
	if (kind == IPPROTO_TCP)
		((struct rte_tcp_hdr *)(void *)(bytes + L2 + l3))->data_off = 5 << 4;
	else
		((struct rte_udp_hdr *)(void *)(bytes + L2 + l3))->dgram_len =
			rte_cpu_to_be_16((uint16_t)(l4 + payload));
	return mbuf;
}

static void send_with(struct rte_mbuf *mbuf, struct im_packet_info info)
{
	struct im_packet *packet;

	assert_int_equal(im_packet_wrap(&wires.pool, &mbuf, &packet, 1), 0);
	packet->info = info;
	im_send_packets(wires.host->binding, &packet, 1);
	edge_port_flush(wires.wire);
}

/* The frame that left, or NULL. */
static struct rte_mbuf *left(void)
{
	struct rte_mbuf *mbuf = NULL;

	return rte_ring_dequeue(wires.to_wire, (void **)&mbuf) == 0 ? mbuf : NULL;
}

/* ---- VLAN ------------------------------------------------------------------------------------------ */

/* 10.9: priority 5, VLAN 291, between the addresses and the type. */
static void expect_tagged(struct rte_mbuf *mbuf, const uint8_t *plain, uint32_t length)
{
	const uint8_t *bytes = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	const uint8_t tag[4] = {0x81, 0x00, 0xa1, 0x23};

	assert_int_equal(rte_pktmbuf_pkt_len(mbuf), length + 4);
	assert_memory_equal(bytes, plain, 12);
	assert_memory_equal(bytes + 12, tag, 4);
	assert_memory_equal(bytes + 16, plain + 12, length - 12);
}

/* contract: 12.49 */
static void a_tag_is_inserted(void **state)
{
	uint8_t plain[100];
	struct rte_mbuf *mbuf;

	(void)state;
	up(0);
	mbuf = datagram(false, IPPROTO_UDP, 20);
	memcpy(plain, rte_pktmbuf_mtod(mbuf, void *), 62);
	send_with(mbuf, (struct im_packet_info){.vlan = 0xa123});
	mbuf = left();
	expect_tagged(mbuf, plain, 62);
	assert_int_equal(status, IM_STATUS_SUCCESS);
	rte_pktmbuf_free(mbuf);
	down();
}

static void a_device_that_inserts_tags_is_told(void **state)
{
	struct rte_mbuf *mbuf;

	(void)state;
	up(0);
	wires.wire->tx_offloads |= RTE_ETH_TX_OFFLOAD_VLAN_INSERT;
	send_with(datagram(false, IPPROTO_UDP, 20), (struct im_packet_info){.vlan = 0xa123});
	mbuf = left();
	assert_int_equal(rte_pktmbuf_pkt_len(mbuf), 62);
	assert_true(mbuf->ol_flags & RTE_MBUF_F_TX_VLAN);
	assert_int_equal(mbuf->vlan_tci, 0xa123);
	rte_pktmbuf_free(mbuf);
	down();
}

/* Somebody else holds the buffers: they stay as they are, and a copy leaves. */
static void buffers_of_others_are_not_changed(void **state)
{
	uint8_t plain[62];
	struct rte_mbuf *mbuf, *sent;

	(void)state;
	up(0);
	mbuf = datagram(false, IPPROTO_UDP, 20);
	memcpy(plain, rte_pktmbuf_mtod(mbuf, void *), 62);
	rte_mbuf_refcnt_update(mbuf, 1);
	send_with(mbuf, (struct im_packet_info){.vlan = 0xa123});
	sent = left();
	assert_ptr_not_equal(sent, mbuf);
	expect_tagged(sent, plain, 62);
	assert_int_equal(status, IM_STATUS_SUCCESS);
	assert_memory_equal(rte_pktmbuf_mtod(mbuf, void *), plain, 62);
	assert_ptr_equal(back, mbuf);
	rte_pktmbuf_free(mbuf);
	rte_pktmbuf_free(sent);
	down();
}

/* A frame in short pieces, one with no room in front, a clone: all of them get their tag (11.18). */
/* contract: 11.7 11.18 */
static void any_frame_gets_its_tag(void **state)
{
	uint8_t plain[62];

	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		struct rte_mbuf *mbuf, *sent;

		up(0);
		mbuf = datagram(false, IPPROTO_UDP, 20);
		memcpy(plain, rte_pktmbuf_mtod(mbuf, void *), 62);
		if (kind == 0) {
			struct rte_mbuf *rest = rte_pktmbuf_alloc(wires.pool.buffers);

			memcpy(rte_pktmbuf_append(rest, 61), plain + 1, 61);
			rte_pktmbuf_trim(mbuf, 61);
			assert_int_equal(rte_pktmbuf_chain(mbuf, rest), 0);
		} else if (kind == 1) {
			uint16_t room = rte_pktmbuf_headroom(mbuf);

			memmove(rte_pktmbuf_prepend(mbuf, room), plain, 62);
			rte_pktmbuf_trim(mbuf, room);
		} else {
			struct rte_mbuf *clone = rte_pktmbuf_clone(mbuf, wires.pool.buffers);

			rte_pktmbuf_free(mbuf);
			mbuf = clone;
		}
		send_with(mbuf, (struct im_packet_info){.vlan = 0xa123});
		sent = left();
		expect_tagged(sent, plain, 62);
		rte_pktmbuf_free(sent);
		down();
	}
}

/* 4.17: what comes back unsent is what was sent. */
/* contract: 4.17 */
static void a_frame_that_does_not_leave_comes_back_without_its_tag(void **state)
{
	uint8_t plain[62];
	struct rte_mbuf *mbuf;

	(void)state;
	up(1);
	wires_put(&wires, wires.from_host, 0, 1, 64, 1); /* takes the port's only place */
	wires_poll(wires.host);
	edge_port_flush(wires.wire);
	mbuf = datagram(false, IPPROTO_UDP, 20);
	memcpy(plain, rte_pktmbuf_mtod(mbuf, void *), 62);
	send_with(mbuf, (struct im_packet_info){.vlan = 0xa123});
	edge_port_abandon(wires.wire, 0);
	assert_int_equal(status, IM_STATUS_SEND_ABORTED);
	assert_ptr_equal(back, mbuf);
	assert_int_equal(rte_pktmbuf_pkt_len(mbuf), 62);
	assert_memory_equal(rte_pktmbuf_mtod(mbuf, void *), plain, 62);
	down();
}

static void a_tag_that_makes_the_frame_too_long_is_refused(void **state)
{
	struct rte_mbuf *mbuf;

	(void)state;
	up(0);
	mbuf = rte_pktmbuf_alloc(wires.pool.buffers);
	memset(rte_pktmbuf_append(mbuf, 1522), 0, 1522); /* as long as the port's frames may be */
	send_with(mbuf, (struct im_packet_info){.vlan = 1});
	assert_int_equal(status, IM_STATUS_INVALID_LENGTH);
	assert_null(left());
	assert_int_equal(wires_dropped(wires.wire, SLUICE_OUT, SLUICE_DROP_FRAME_TOO_LONG), 1);
	down();
}

static void a_runt_cannot_be_tagged(void **state)
{
	struct rte_mbuf *mbuf;

	(void)state;
	up(0);
	mbuf = rte_pktmbuf_alloc(wires.pool.buffers);
	memset(rte_pktmbuf_append(mbuf, 11), 0, 11); /* not even two addresses */
	send_with(mbuf, (struct im_packet_info){.vlan = 1});
	assert_int_equal(status, IM_STATUS_FAILURE);
	assert_null(left());
	assert_int_equal(wires_dropped(wires.wire, SLUICE_OUT, SLUICE_DROP_OFFLOAD), 1);
	down();
}

/* ---- Checksums ------------------------------------------------------------------------------------- */

/* RFC 1071, a pair of bytes at a time. */
static uint32_t add_up(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum += (uint32_t)bytes[i] << (i % 2 ? 0 : 8);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Over addresses, protocol, length and all of the datagram it is all ones. */
static void expect_right_sums(struct rte_mbuf *mbuf, bool ipv6)
{
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(mbuf, const uint8_t *, L2);
	size_t header = ipv6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	size_t length = rte_pktmbuf_pkt_len(mbuf) - L2 - header;
	uint32_t sum;

	assert_int_equal(mbuf->nb_segs, 1);
	if (!ipv6)
		assert_int_equal(add_up(0, l3, header), 0xffff);
	sum = add_up((uint32_t)length + l3[ipv6 ? 6 : 9], l3 + (ipv6 ? 8 : 12), ipv6 ? 32 : 8);
	assert_int_equal(add_up(sum, l3 + header, length), 0xffff);
}

/* contract: 12.49 */
static void checksums_are_filled_in(void **state)
{
	const struct im_packet_info all = {.checksum = IM_CHECKSUM_IPV4 | IM_CHECKSUM_TCP | IM_CHECKSUM_UDP};

	(void)state;
	up(0);
	for (uint16_t payload = 0; payload < 1400; payload += 139) {
		for (int kind = 0; kind < 4; kind++) {
			bool ipv6 = kind & 1;
			struct rte_mbuf *sent;

			send_with(datagram(ipv6, kind & 2 ? IPPROTO_TCP : IPPROTO_UDP, payload), all);
			sent = left();
			assert_non_null(sent);
			expect_right_sums(sent, ipv6);
			rte_pktmbuf_free(sent);
		}
	}
	down();
}

/* Ethernet fills a short frame up: what is behind the datagram is none of it. */
static void padding_is_not_summed(void **state)
{
	struct rte_mbuf *mbuf, *sent;

	(void)state;
	up(0);
	mbuf = datagram(false, IPPROTO_UDP, 1);
	memset(rte_pktmbuf_append(mbuf, 17), 0xee, 17);
	send_with(mbuf, (struct im_packet_info){.checksum = IM_CHECKSUM_IPV4 | IM_CHECKSUM_UDP});
	sent = left();
	rte_pktmbuf_trim(sent, 17);
	expect_right_sums(sent, false);
	rte_pktmbuf_free(sent);
	down();
}

static void a_tag_and_checksums_go_together(void **state)
{
	struct rte_mbuf *sent;

	(void)state;
	up(0);
	send_with(datagram(false, IPPROTO_TCP, 100),
		  (struct im_packet_info){.vlan = 0xa123, .checksum = IM_CHECKSUM_IPV4 | IM_CHECKSUM_TCP});
	sent = left();
	assert_int_equal(rte_vlan_strip(sent), 0);
	expect_right_sums(sent, false);
	rte_pktmbuf_free(sent);
	down();
}

static void a_device_that_sums_is_told_where_the_headers_are(void **state)
{
	struct rte_mbuf *sent;

	(void)state;
	up(0);
	wires.wire->tx_offloads |= RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	send_with(datagram(false, IPPROTO_UDP, 100),
		  (struct im_packet_info){.checksum = IM_CHECKSUM_IPV4 | IM_CHECKSUM_UDP});
	sent = left();
	assert_int_equal(sent->ol_flags & (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK),
			 RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM);
	assert_int_equal(sent->l2_len, L2);
	assert_int_equal(sent->l3_len, sizeof(struct rte_ipv4_hdr));
	rte_pktmbuf_free(sent);
	down();
}

/* Nothing is silently left out: what cannot be done is refused and counted. */
/* contract: 12.49 */
static void what_cannot_be_summed_is_refused(void **state)
{
	struct rte_mbuf *mbuf;

	(void)state;
	up(0);
	mbuf = datagram(false, IPPROTO_UDP, 100);
	rte_pktmbuf_trim(mbuf, 30); /* the header promises more */
	send_with(mbuf, (struct im_packet_info){.checksum = IM_CHECKSUM_UDP});
	assert_int_equal(status, IM_STATUS_FAILURE);
	rte_pktmbuf_free(back);
	mbuf = datagram(false, IPPROTO_ICMP, 100);
	send_with(mbuf, (struct im_packet_info){.checksum = IM_CHECKSUM_TCP});
	assert_int_equal(status, IM_STATUS_FAILURE);
	assert_null(left());
	assert_int_equal(wires_dropped(wires.wire, SLUICE_OUT, SLUICE_DROP_OFFLOAD), 2);
	down();
}

/* ---- Shared ---------------------------------------------------------------------------------------- */

/* Two ports over one VNIC: both get every frame, and the lender its packets back with their buffers (5.13). */
/* contract: 5.13 5.17 */
static void two_receivers_get_a_frame_each(void **state)
{
	struct rte_ring *receive = rte_ring_create("r2", 64, (int)rte_socket_id(), 0);
	struct rte_ring *transmit = rte_ring_create("t2", 64, (int)rte_socket_id(), 0);
	struct sluice_port config = {.queues = 1, .mtu = 1500, .name = "second0", .devargs = "net_ring_second"};
	const char *presents = "second0";
	struct im_bind_config bind = {.adapter = "p0", .vnic_count = 1, .vnic_names = &presents};
	struct edge_port *second;
	char error[256] = "";

	(void)state;
	up(0);
	assert_true(rte_eth_from_rings("second", &receive, 1, &transmit, 1, rte_socket_id()) >= 0);
	assert_int_equal(edge_port_create(&config, &wires.pool, &second, error, sizeof(error)), 0);
	assert_int_equal(edge_port_start(second, error, sizeof(error)), 0);
	assert_int_equal(im_bind(im_find_driver(EDGE_UPPER_DRIVER), &bind), IM_STATUS_SUCCESS);
	wires_put(&wires, wires.from_wire, 0, 20, 64, 1);
	wires_poll(wires.wire);
	assert_int_equal(im_outstanding(im_find_instance("wire0")), 0); /* copies wait, packets are home */
	edge_port_flush(wires.host);
	edge_port_flush(second);
	wires_expect(wires.to_host, 0, 20);
	wires_expect(transmit, 0, 20);
	assert_int_equal(im_unbind_over("p0"), IM_STATUS_SUCCESS);
	edge_port_destroy(second);
	down();
	rte_ring_free(receive);
	rte_ring_free(transmit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tag_is_inserted),
		cmocka_unit_test(a_device_that_inserts_tags_is_told),
		cmocka_unit_test(buffers_of_others_are_not_changed),
		cmocka_unit_test(any_frame_gets_its_tag),
		cmocka_unit_test(a_frame_that_does_not_leave_comes_back_without_its_tag),
		cmocka_unit_test(a_tag_that_makes_the_frame_too_long_is_refused),
		cmocka_unit_test(a_runt_cannot_be_tagged),
		cmocka_unit_test(checksums_are_filled_in),
		cmocka_unit_test(padding_is_not_summed),
		cmocka_unit_test(a_tag_and_checksums_go_together),
		cmocka_unit_test(a_device_that_sums_is_told_where_the_headers_are),
		cmocka_unit_test(what_cannot_be_summed_is_refused),
		cmocka_unit_test(two_receivers_get_a_frame_each),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
