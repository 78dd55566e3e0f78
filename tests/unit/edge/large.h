/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams that are longer than a port sends, and what must be true of the frames that they become. */
#ifndef TEST_EDGE_LARGE_H
#define TEST_EDGE_LARGE_H

#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <string.h>

#include "wires.h"

#define LARGE_SEQUENCE	0xfffffe00u /* wraps on the way */
#define LARGE_PACKET_ID 0xfffe
#define LARGE_PIECE	1500u /* bytes of payload in each further buffer */

struct large_kind {
	bool ipv6;
	uint8_t l4;
};

static inline uint16_t large_l3(struct large_kind kind)
{
	return kind.ipv6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
}

static inline uint16_t large_l4(struct large_kind kind)
{
	return kind.l4 == IPPROTO_TCP ? sizeof(struct rte_tcp_hdr) : sizeof(struct rte_udp_hdr);
}

static inline uint16_t large_headers(struct large_kind kind)
{
	return (uint16_t)(sizeof(struct rte_ether_hdr) + large_l3(kind) + large_l4(kind));
}

static inline uint8_t large_byte(uint32_t at)
{
	return (uint8_t)(at * 7 + at / 251);
}

static inline void large_fill_headers(uint8_t *bytes, struct large_kind kind, uint32_t payload)
{
	uint8_t *l3 = bytes + sizeof(struct rte_ether_hdr), *l4 = l3 + large_l3(kind);
	uint16_t length = (uint16_t)(large_l4(kind) + payload);

	memset(bytes, 0, large_headers(kind));
	((struct rte_ether_hdr *)(void *)bytes)->ether_type =
		rte_cpu_to_be_16(kind.ipv6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	if (kind.ipv6)
		*(struct rte_ipv6_hdr *)(void *)l3 = (struct rte_ipv6_hdr){.vtc_flow = rte_cpu_to_be_32(6u << 28),
									   .payload_len = rte_cpu_to_be_16(length),
									   .proto = kind.l4};
	else
		*(struct rte_ipv4_hdr *)(void *)l3 =
			(struct rte_ipv4_hdr){.version_ihl = 0x45,
					      .total_length = rte_cpu_to_be_16((uint16_t)(length + large_l3(kind))),
					      .packet_id = rte_cpu_to_be_16(LARGE_PACKET_ID),
					      .next_proto_id = kind.l4};
	if (kind.l4 == IPPROTO_TCP)
		*(struct rte_tcp_hdr *)(void *)l4 = (struct rte_tcp_hdr){
			.sent_seq = rte_cpu_to_be_32(LARGE_SEQUENCE),
			.data_off = 5 << 4,
			.tcp_flags = RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG | RTE_TCP_FIN_FLAG | RTE_TCP_CWR_FLAG};
	else
		((struct rte_udp_hdr *)(void *)l4)->dgram_len = rte_cpu_to_be_16(length);
}

/** Headers and some payload in the first buffer, the rest in others. */
static inline struct rte_mbuf *large_make(struct wires *wires, struct large_kind kind, uint32_t payload)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(wires->pool.buffers), *mbuf = frame;
	uint32_t at = 0, part = RTE_MIN(payload, 100u);
	uint8_t *bytes;

	assert_non_null(frame);
	large_fill_headers((uint8_t *)rte_pktmbuf_append(frame, large_headers(kind)), kind, payload);
	for (;;) {
		bytes = (uint8_t *)rte_pktmbuf_append(mbuf, (uint16_t)part);
		for (uint32_t i = 0; i < part; i++)
			bytes[i] = large_byte(at++);
		if (mbuf != frame)
			assert_int_equal(rte_pktmbuf_chain(frame, mbuf), 0);
		if (at == payload)
			return frame;
		mbuf = rte_pktmbuf_alloc(wires->pool.buffers);
		assert_non_null(mbuf);
		part = RTE_MIN(payload - at, LARGE_PIECE);
	}
}

static inline void large_expect_sums(const uint8_t *l3, struct large_kind kind)
{
	const struct rte_ipv6_hdr *ipv6 = (const void *)l3;
	const struct rte_ipv4_hdr *ipv4 = (const void *)l3;
	uint16_t length = kind.ipv6 ? rte_be_to_cpu_16(ipv6->payload_len)
				    : (uint16_t)(rte_be_to_cpu_16(ipv4->total_length) - sizeof(*ipv4));
	uint32_t sum = rte_raw_cksum(l3 + large_l3(kind), length);

	sum += kind.ipv6 ? rte_ipv6_phdr_cksum(ipv6, 0) : rte_ipv4_phdr_cksum(ipv4, 0);
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
	if (!kind.ipv6)
		assert_int_equal(rte_raw_cksum(l3, sizeof(*ipv4)), 0xffff);
}

/** @p bytes of payload from @p offset on, of @p payload in all, as a good frame of its own: segment @p number. */
static inline void large_expect(const struct rte_mbuf *mbuf, struct large_kind kind, uint32_t number, uint32_t offset,
				uint32_t bytes, bool last)
{
	static uint8_t copy[65536];
	const uint8_t *frame = rte_pktmbuf_read(mbuf, 0, rte_pktmbuf_pkt_len(mbuf), copy);
	const uint8_t *l3 = frame + sizeof(struct rte_ether_hdr), *l4 = l3 + large_l3(kind);
	uint16_t length = (uint16_t)(large_l4(kind) + bytes);

	assert_int_equal(rte_pktmbuf_pkt_len(mbuf), large_headers(kind) + bytes);
	for (uint32_t i = 0; i < bytes; i++)
		assert_int_equal(frame[large_headers(kind) + i], large_byte(offset + i));
	if (kind.ipv6) {
		assert_int_equal(((const struct rte_ipv6_hdr *)(const void *)l3)->payload_len,
				 rte_cpu_to_be_16(length));
	} else {
		const struct rte_ipv4_hdr *ip = (const void *)l3;

		assert_int_equal(ip->total_length, rte_cpu_to_be_16((uint16_t)(length + large_l3(kind))));
		assert_int_equal(ip->packet_id, rte_cpu_to_be_16((uint16_t)(LARGE_PACKET_ID + number)));
	}
	if (kind.l4 == IPPROTO_TCP) {
		const struct rte_tcp_hdr *tcp = (const void *)l4;

		assert_int_equal(tcp->sent_seq, rte_cpu_to_be_32(LARGE_SEQUENCE + offset));
		assert_int_equal(tcp->tcp_flags, RTE_TCP_ACK_FLAG | (number == 0 ? RTE_TCP_CWR_FLAG : 0) |
							 (last ? RTE_TCP_PSH_FLAG | RTE_TCP_FIN_FLAG : 0));
	} else {
		assert_int_equal(((const struct rte_udp_hdr *)(const void *)l4)->dgram_len, rte_cpu_to_be_16(length));
	}
	large_expect_sums(l3, kind);
}

/** Expect exactly the frames that @p payload bytes become, and free them. */
static inline void large_expect_all(struct wires *wires, struct large_kind kind, uint32_t payload, uint32_t mss)
{
	struct rte_mbuf *mbuf = NULL;
	uint32_t number = 0;

	for (uint32_t offset = 0; offset < payload; offset += mss) {
		uint32_t bytes = RTE_MIN(mss, payload - offset);

		assert_int_equal(rte_ring_dequeue(wires->to_wire, (void **)&mbuf), 0);
		large_expect(mbuf, kind, number++, offset, bytes, offset + bytes == payload);
		assert_int_equal(mbuf->ol_flags & (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_IP_CKSUM |
						   RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG),
				 0);
		rte_pktmbuf_free(mbuf);
	}
	assert_int_equal(rte_ring_count(wires->to_wire), 0);
}

#endif
