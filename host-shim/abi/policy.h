/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The policy image: what a policy document becomes on its way to the card, and what `show config` reads
 * back. One codec for both directions.
 *
 *   struct sluice_policy_header
 *   struct sluice_port     x ports
 *   struct sluice_stack    x stacks
 *   struct sluice_instance x instances   those of one stack follow each other, host side first
 *   struct sluice_rule     x rules       those of one instance follow each other, in order of entry
 *
 * An image with rules only (no ports, no stacks) applies to the running topology: its instances have a
 * name and rules, and stack == SLUICE_NO_STACK.
 */
#ifndef SLUICE_ABI_POLICY_H
#define SLUICE_ABI_POLICY_H

#include "base.h"

#define SLUICE_POLICY_MAGIC	    0x594c4f50u /* "POLY" */
#define SLUICE_POLICY_VERSION	    1u
#define SLUICE_DEVARGS_SIZE	    512u
#define SLUICE_NO_STACK		    0xffffffffu
#define SLUICE_POLICY_MAX_PORTS	    64u
#define SLUICE_POLICY_MAX_STACKS    32u
#define SLUICE_POLICY_MAX_INSTANCES 256u
#define SLUICE_POLICY_MAX_RULES	    (1u << 20)

struct sluice_policy_header {
	uint32_t magic;
	uint16_t version;
	uint16_t reserved0;
	uint32_t length; /* of the whole image */
	uint32_t ports;
	uint32_t stacks;
	uint32_t instances;
	uint32_t rules;
	uint32_t reserved1;
};
SLUICE_ASSERT_SIZE(struct sluice_policy_header, 32);

struct sluice_port {
	char name[SLUICE_NAME_SIZE];
	char devargs[SLUICE_DEVARGS_SIZE]; /* a DPDK device, such as net_null0 or net_pcap0,rx_pcap=in.pcap */
	uint16_t queues;		   /* receive and send queues each, 1 to 16 */
	uint16_t mtu;	 /* bytes of layer 3 payload, 68 to 65521; frames over mtu + 22 are not sent */
	uint32_t rx_pps; /* receive at most so many packets a second; 0 for no limit */
	uint8_t reserved[24];
};
SLUICE_ASSERT_SIZE(struct sluice_port, 576);

struct sluice_stack {
	char name[SLUICE_NAME_SIZE];
	char upper_port[SLUICE_NAME_SIZE]; /* host side */
	char lower_port[SLUICE_NAME_SIZE]; /* wire side */
	uint32_t reserved[2];
};
SLUICE_ASSERT_SIZE(struct sluice_stack, 104);

enum sluice_direction {
	SLUICE_IN = 0,	/* from the wire to the host: receive */
	SLUICE_OUT = 1, /* from the host to the wire: send */
	SLUICE_DIRECTIONS = 2,
};

enum sluice_action {
	SLUICE_ALLOW = 0,
	SLUICE_DENY = 1,
	SLUICE_COUNT = 2, /* counts and goes on to the next rule; not for a default */
	SLUICE_ACTIONS = 3,
};

struct sluice_instance {
	char name[SLUICE_NAME_SIZE];
	char driver[SLUICE_NAME_SIZE]; /* empty where stack is SLUICE_NO_STACK */
	uint32_t stack;		       /* index, or SLUICE_NO_STACK */
	uint8_t default_action[SLUICE_DIRECTIONS];
	uint8_t takes_rules; /* 1: defaults and rules are given, also when there are no rules */
	uint8_t reserved0;
	uint32_t first_rule; /* index */
	uint32_t rules;
};
SLUICE_ASSERT_SIZE(struct sluice_instance, 80);

/* Which of a rule's match members count. X(name, bit, words for people) */
#define SLUICE_MATCH_TABLE(X)                                                                                          \
	X(FAMILY, 0, "address family")                                                                                 \
	X(PROTOCOL, 1, "protocol")                                                                                     \
	X(SRC_ADDR, 2, "source address")                                                                               \
	X(DST_ADDR, 3, "destination address")                                                                          \
	X(SRC_PORT, 4, "source port")                                                                                  \
	X(DST_PORT, 5, "destination port")                                                                             \
	X(ICMP_TYPE, 6, "ICMP type")                                                                                   \
	X(ICMP_CODE, 7, "ICMP code")                                                                                   \
	X(TCP_FLAGS, 8, "TCP flags")                                                                                   \
	X(VLAN_ID, 9, "VLAN id")                                                                                       \
	X(ETHERTYPE, 10, "EtherType")                                                                                  \
	X(SRC_MAC, 11, "source MAC")                                                                                   \
	X(DST_MAC, 12, "destination MAC")

enum sluice_match {
#define X(name, bit, text) SLUICE_MATCH_##name = 1u << (bit),
	SLUICE_MATCH_TABLE(X)
#undef X
#define X(name, bit, text) +1
		SLUICE_MATCH_COUNT = 0 SLUICE_MATCH_TABLE(X),
#undef X
	SLUICE_MATCH_ALL = (1u << SLUICE_MATCH_COUNT) - 1,
};

/*
 * A rule. Its name is its identity in its instance: counters belong to it. Members whose bit is not in
 * `fields` are zero. Addresses and MACs are in network order; all numbers little-endian.
 */
struct sluice_rule {
	char name[SLUICE_NAME_SIZE]; /* where one is added: empty, the card picks "rule-<n>" */
	uint32_t priority;	     /* lower is judged first; equal ones in order of entry */
	uint32_t fields;	     /* enum sluice_match */
	uint8_t direction;	     /* enum sluice_direction */
	uint8_t action;		     /* enum sluice_action */
	uint8_t family;		     /* 4 or 6 */
	uint8_t protocol;	     /* IP protocol; with family unset it matches in both families */
	uint8_t src_prefix;	     /* prefix lengths, 0 to 32 or 128 */
	uint8_t dst_prefix;
	uint8_t icmp_type;
	uint8_t icmp_code;
	uint8_t src_addr[16]; /* IPv4 in the first 4 bytes */
	uint8_t dst_addr[16];
	uint16_t src_port[2]; /* lowest, highest */
	uint16_t dst_port[2];
	uint8_t tcp_flags; /* (packet & tcp_flags_mask) == tcp_flags */
	uint8_t tcp_flags_mask;
	uint16_t vlan_id;   /* of the outermost tag */
	uint16_t ethertype; /* after all tags */
	uint8_t src_mac[6];
	uint8_t src_mac_mask[6];
	uint8_t dst_mac[6];
	uint8_t dst_mac_mask[6];
	uint8_t reserved[10];
};
SLUICE_ASSERT_SIZE(struct sluice_rule, 128);
SLUICE_ASSERT_OFFSET(struct sluice_rule, src_addr, 48);

#endif
