/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why a packet was dropped: every drop has one of these. Families are kept apart because they mean
 * different things to whoever reads them: policy said no, the packet is malformed, or the card was short.
 */
#ifndef SLUICE_ABI_DROP_H
#define SLUICE_ABI_DROP_H

#include <stdint.h>

/* X(name, number, family, metric name, text) */
#define SLUICE_DROP_TABLE(X)                                                                                           \
	X(RULE, 1, POLICY, "rule", "denied by a rule")                                                                 \
	X(DEFAULT, 2, POLICY, "default", "denied by the default action")                                               \
	X(ETH_TRUNCATED, 10, MALFORMED, "eth-truncated", "shorter than an Ethernet header")                            \
	X(VLAN_TRUNCATED, 11, MALFORMED, "vlan-truncated", "ends inside a VLAN tag")                                   \
	X(VLAN_TOO_DEEP, 12, MALFORMED, "vlan-too-deep", "more than 4 VLAN tags")                                      \
	X(IPV4_TRUNCATED, 13, MALFORMED, "ipv4-truncated", "ends before its IPv4 header or total length")              \
	X(IPV4_BAD_VERSION, 14, MALFORMED, "ipv4-bad-version", "EtherType IPv4 but version is not 4")                  \
	X(IPV4_BAD_IHL, 15, MALFORMED, "ipv4-bad-ihl", "IPv4 header length under 20 bytes")                            \
	X(IPV4_BAD_LENGTH, 16, MALFORMED, "ipv4-bad-length", "IPv4 total length under its header length")              \
	X(IPV4_BAD_FRAGMENT, 17, MALFORMED, "ipv4-bad-fragment", "IPv4 fragment ends beyond 65535 bytes")              \
	X(IPV6_TRUNCATED, 18, MALFORMED, "ipv6-truncated", "ends before its IPv6 header or payload length")            \
	X(IPV6_BAD_VERSION, 19, MALFORMED, "ipv6-bad-version", "EtherType IPv6 but version is not 6")                  \
	X(IPV6_BAD_EXTENSION, 20, MALFORMED, "ipv6-bad-extension", "IPv6 extension header truncated or out of order")  \
	X(IPV6_TOO_MANY_EXTENSIONS, 21, MALFORMED, "ipv6-too-many-extensions", "more than 8 IPv6 extension headers")   \
	X(IPV6_BAD_FRAGMENT, 22, MALFORMED, "ipv6-bad-fragment", "IPv6 fragment ends beyond 65535 bytes")              \
	X(L4_TRUNCATED, 23, MALFORMED, "l4-truncated", "ends inside its TCP, UDP, SCTP or ICMP header")                \
	X(TCP_BAD_OFFSET, 24, MALFORMED, "tcp-bad-offset", "TCP header length under 20 bytes")                         \
	X(UDP_BAD_LENGTH, 25, MALFORMED, "udp-bad-length", "UDP length under 8 or beyond the IP payload")              \
	X(TINY_FRAGMENT, 26, MALFORMED, "tiny-fragment", "TCP fragment at offset 8 (RFC 1858)")                        \
	X(HOST_MALFORMED, 27, MALFORMED, "host-malformed",                                                             \
	  "the host's descriptor or what it says of the frame is wrong")                                               \
	X(HOST_ABSENT, 37, RESOURCE, "host-absent", "no host is attached to the port, or its ring is broken")          \
	X(HOST_SHORT, 38, RESOURCE, "host-short", "the host has given no buffer back for it")                          \
	X(OFFLOAD, 39, RESOURCE, "offload", "asks for work on the frame that the port cannot do")                      \
	X(FRAME_TOO_LONG, 40, RESOURCE, "frame-too-long", "longer than the port's MTU allows")                         \
	X(NO_DESCRIPTOR, 41, RESOURCE, "no-descriptor", "no packet descriptor was free")                               \
	X(TX_QUEUE_FULL, 42, RESOURCE, "tx-queue-full", "the port did not keep up and its queue is full")              \
	X(NOT_RUNNING, 43, RESOURCE, "not-running", "the instance below or above is not running")                      \
	X(TX_REFUSED, 44, RESOURCE, "tx-refused", "still queued when the port was stopped")                            \
	X(PACKET_FILTER, 45, POLICY, "packet-filter", "the port's packet filter is 0: nobody wants its packets")       \
	X(QUARANTINE, 46, RESOURCE, "quarantine", "its driver broke the contract and is kept out")                     \
	X(HOLD_FULL, 47, RESOURCE, "hold-full", "more came during a reset of the adapter below than can be held")

enum sluice_drop {
#define X(name, number, family, metric, text) SLUICE_DROP_##name = number,
	SLUICE_DROP_TABLE(X)
#undef X
		SLUICE_DROP_LIMIT = 48, /* numbers are below this */
};

enum sluice_drop_family {
	SLUICE_DROP_FAMILY_POLICY,
	SLUICE_DROP_FAMILY_MALFORMED,
	SLUICE_DROP_FAMILY_RESOURCE,
};

/** Metric name of @p reason, or "unknown". */
static inline const char *sluice_drop_name(uint32_t reason)
{
	switch (reason) {
#define X(name, number, family, metric, text)                                                                          \
	case number:                                                                                                   \
		return metric;
		SLUICE_DROP_TABLE(X)
#undef X
	default:
		return "unknown";
	}
}

/** Text of @p reason for people. */
static inline const char *sluice_drop_text(uint32_t reason)
{
	switch (reason) {
#define X(name, number, family, metric, text)                                                                          \
	case number:                                                                                                   \
		return text;
		SLUICE_DROP_TABLE(X)
#undef X
	default:
		return "unknown reason";
	}
}

/** Family of @p reason as a word. */
static inline const char *sluice_drop_family_name(uint32_t reason)
{
	static const char *const words[] = {"policy", "malformed", "resource"};

	switch (reason) {
#define X(name, number, family, metric, text)                                                                          \
	case number:                                                                                                   \
		return words[SLUICE_DROP_FAMILY_##family];
		SLUICE_DROP_TABLE(X)
#undef X
	default:
		return "unknown";
	}
}

#endif
