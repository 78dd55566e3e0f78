/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a frame to what rules can ask about it.
 *
 *   mbuf ── parse_packet ──> struct packet_key ── classify_burst ──> rank of a rule
 *                 └──────> SLUICE_DROP_* of a malformed frame
 *
 * docs/policy.md, "What a packet is", says which frames are malformed and in which order that is judged.
 * Level DISPATCH: no heap, no system call, no lock, no log.
 */
#ifndef CLASSIFY_PARSE_H
#define CLASSIFY_PARSE_H

#include "abi/base.h"
#include "abi/drop.h"

struct rte_mbuf;

/* struct packet_key.flags: which members say something about the packet. */
enum packet_key_flag {
	PACKET_KEY_IP = 1u << 0,	/* family, protocol, src, dst */
	PACKET_KEY_TAGGED = 1u << 1,	/* vlan_id */
	PACKET_KEY_PORTS = 1u << 2,	/* src_port, dst_port */
	PACKET_KEY_ICMP = 1u << 3,	/* icmp_type, icmp_code */
	PACKET_KEY_TCP_FLAGS = 1u << 4, /* tcp_flags */
};

/**
 * All that a rule can ask about a packet, in one cache line. A member that the packet does not have is zero,
 * and so are the reserved bytes: two packets with equal keys are judged alike.
 *
 * Numbers are in host order, addresses in network order. `words` is the same line for whoever compares or
 * hashes it under a mask; the members are grouped so that IPv4 rules need words 0, 2 and 6 only.
 */
struct packet_key {
	union {
		struct {
			uint8_t src[16]; /* IPv4 in the first 4 bytes, the rest zero */
			uint8_t dst[16];
			uint8_t dst_mac[6]; /* the two MACs as they stand in the frame */
			uint8_t src_mac[6];
			uint16_t vlan_id;   /* of the outermost tag, 12 bits */
			uint16_t ethertype; /* after all tags; 0 where the frame has a length instead (under 0x0600) */
			uint16_t src_port;
			uint16_t dst_port;
			uint8_t protocol; /* of IPv6: after the extension headers */
			uint8_t family;	  /* 4, 6, or 0 for what is not IP */
			uint8_t flags;	  /* enum packet_key_flag */
			uint8_t tcp_flags;
			uint8_t icmp_type;
			uint8_t icmp_code;
			uint8_t reserved[6];
		};
		uint64_t words[8];
	};
} __attribute__((aligned(64)));
SLUICE_ASSERT_SIZE(struct packet_key, 64);
SLUICE_ASSERT_OFFSET(struct packet_key, dst_mac, 32);
SLUICE_ASSERT_OFFSET(struct packet_key, src_port, 48);
SLUICE_ASSERT_OFFSET(struct packet_key, icmp_type, 56);

/**
 * Parse @p mbuf, a frame that begins with its Ethernet header in any number of segments of any size.
 *
 * @return 0, and @p key is filled; or the reason why the frame is malformed (enum sluice_drop), and the
 *         contents of @p key are unspecified. Never reads beyond the frame.
 */
uint32_t parse_packet(const struct rte_mbuf *mbuf, struct packet_key *key);

#endif
