/* SPDX-License-Identifier: BSD-3-Clause */
/* Object identifiers: what can be asked of a port or an instance, and set. Numbers are NDIS's. */
#ifndef SLUICE_ABI_OID_H
#define SLUICE_ABI_OID_H

#include "base.h"

#include <stdint.h>

/* How a value is stored: little-endian numbers; MAC as 6 bytes; text without a NUL; lists back to back. */
enum sluice_oid_type {
	SLUICE_OID_U16,
	SLUICE_OID_U32,
	SLUICE_OID_COUNTER, /* 8 bytes, or 4 where the buffer is shorter (6.6) */
	SLUICE_OID_MAC,
	SLUICE_OID_MAC_LIST,
	SLUICE_OID_U32_LIST,
	SLUICE_OID_TEXT,
	SLUICE_OID_STATISTICS, /* struct sluice_oid_statistics */
};

/* X(name, number, type, settable, text) */
#define SLUICE_OID_TABLE(X)                                                                                            \
	X(GEN_SUPPORTED_LIST, 0x00010101, U32_LIST, 0, "OIDs that are answered")                                       \
	X(GEN_HARDWARE_STATUS, 0x00010102, U32, 0, "0 ready, 1 initializing, 4 not ready")                             \
	X(GEN_MEDIA_SUPPORTED, 0x00010103, U32_LIST, 0, "media: 0 is 802.3")                                           \
	X(GEN_MEDIA_IN_USE, 0x00010104, U32_LIST, 0, "medium in use")                                                  \
	X(GEN_MAXIMUM_LOOKAHEAD, 0x00010105, U32, 0, "largest look-ahead, bytes")                                      \
	X(GEN_MAXIMUM_FRAME_SIZE, 0x00010106, U32, 0, "largest payload without link header, bytes (MTU)")              \
	X(GEN_LINK_SPEED, 0x00010107, U32, 0, "link speed, units of 100 bit/s")                                        \
	X(GEN_TRANSMIT_BUFFER_SPACE, 0x00010108, U32, 0, "memory for sends, bytes")                                    \
	X(GEN_RECEIVE_BUFFER_SPACE, 0x00010109, U32, 0, "memory for receives, bytes")                                  \
	X(GEN_TRANSMIT_BLOCK_SIZE, 0x0001010a, U32, 0, "send buffers are taken in units of, bytes")                    \
	X(GEN_RECEIVE_BLOCK_SIZE, 0x0001010b, U32, 0, "receive buffers are taken in units of, bytes")                  \
	X(GEN_VENDOR_ID, 0x0001010c, U32, 0, "IEEE vendor code and NIC number")                                        \
	X(GEN_VENDOR_DESCRIPTION, 0x0001010d, TEXT, 0, "driver in words")                                              \
	X(GEN_CURRENT_PACKET_FILTER, 0x0001010e, U32, 1,                                                               \
	  "1 directed, 2 multicast, 4 all multicast, 8 broadcast, 32 promiscuous")                                     \
	X(GEN_CURRENT_LOOKAHEAD, 0x0001010f, U32, 1, "look-ahead in use, bytes")                                       \
	X(GEN_DRIVER_VERSION, 0x00010110, U16, 0, "version of the driver interface, major in the high byte")           \
	X(GEN_MAXIMUM_TOTAL_SIZE, 0x00010111, U32, 0, "largest frame with link header, bytes")                         \
	X(GEN_PROTOCOL_OPTIONS, 0x00010112, U32, 1, "options of the overlying protocol")                               \
	X(GEN_MAC_OPTIONS, 0x00010113, U32, 0, "properties of the miniport")                                           \
	X(GEN_MEDIA_CONNECT_STATUS, 0x00010114, U32, 0, "0 connected, 1 disconnected")                                 \
	X(GEN_MAXIMUM_SEND_PACKETS, 0x00010115, U32, 0, "packets taken in one send")                                   \
	X(GEN_VENDOR_DRIVER_VERSION, 0x00010116, U32, 0, "version of the driver, major in the high 16 bits")           \
	X(GEN_XMIT_OK, 0x00020101, COUNTER, 0, "frames sent without error")                                            \
	X(GEN_RCV_OK, 0x00020102, COUNTER, 0, "frames received without error")                                         \
	X(GEN_XMIT_ERROR, 0x00020103, COUNTER, 0, "frames that could not be sent")                                     \
	X(GEN_RCV_ERROR, 0x00020104, COUNTER, 0, "frames received with an error")                                      \
	X(GEN_RCV_NO_BUFFER, 0x00020105, COUNTER, 0, "frames lost for want of a buffer")                               \
	X(GEN_STATISTICS, 0x00020106, STATISTICS, 0, "all counters of the instance at once")                           \
	X(802_3_PERMANENT_ADDRESS, 0x01010101, MAC, 0, "address burnt in")                                             \
	X(802_3_CURRENT_ADDRESS, 0x01010102, MAC, 0, "address in use")                                                 \
	X(802_3_MULTICAST_LIST, 0x01010103, MAC_LIST, 1, "multicast addresses received")                               \
	X(802_3_MAXIMUM_LIST_SIZE, 0x01010104, U32, 0, "most multicast addresses")                                     \
	X(GEN_SUPPORTED_GUIDS, 0x00010117, U32_LIST, 0, "not supported by any instance (6.32)")                        \
	X(GEN_VLAN_ID, 0x0001021c, U32, 1, "VLAN of the instance, 0 is none")                                          \
	X(802_3_RCV_ERROR_ALIGNMENT, 0x01020101, COUNTER, 0, "frames with an alignment error")                         \
	X(802_3_XMIT_ONE_COLLISION, 0x01020102, COUNTER, 0, "frames sent after one collision")                         \
	X(802_3_XMIT_MORE_COLLISIONS, 0x01020103, COUNTER, 0, "frames sent after several collisions")                  \
	X(OFFLOAD_ENCAPSULATION, 0x0101010a, U32, 1, "frames that offloads work on: 2 plain, 4 with a VLAN tag")       \
	X(TCP_TASK_OFFLOAD, 0xfc010201, U32, 1, "offloads in use: 1 IPv4, 2 TCP, 4 UDP checksum, 8 large send")        \
	X(TCP_OFFLOAD_HARDWARE_CAPABILITIES, 0xfc01020f, U32, 0, "offloads that can be used")                          \
	X(PNP_CAPABILITIES, 0xfd010100, U32_LIST, 0, "wake-up: magic packet, pattern, link change; 0 is unspecified")  \
	X(PNP_SET_POWER, 0xfd010101, U32, 1, "power state: 1 is D0, 4 is D3")                                          \
	X(PNP_QUERY_POWER, 0xfd010102, U32, 0, "may the power state be left")                                          \
	X(PNP_ADD_WAKE_UP_PATTERN, 0xfd010103, U32_LIST, 1, "wake-up pattern to add")                                  \
	X(PNP_REMOVE_WAKE_UP_PATTERN, 0xfd010104, U32_LIST, 1, "wake-up pattern to remove")                            \
	X(PNP_WAKE_UP_PATTERN_LIST, 0xfd010105, U32_LIST, 0, "wake-up patterns")                                       \
	X(PNP_ENABLE_WAKE_UP, 0xfd010106, U32, 1, "wake-up events that are enabled")

/* Bits of TCP_TASK_OFFLOAD and TCP_OFFLOAD_HARDWARE_CAPABILITIES. */
enum sluice_offload {
	SLUICE_OFFLOAD_IPV4_CHECKSUM = 1,
	SLUICE_OFFLOAD_TCP_CHECKSUM = 2,
	SLUICE_OFFLOAD_UDP_CHECKSUM = 4,
	SLUICE_OFFLOAD_LARGE_SEND = 8,
};

/* Bits of OFFLOAD_ENCAPSULATION; NDIS's numbers. */
enum sluice_encapsulation {
	SLUICE_ENCAPSULATION_PLAIN = 2,
	SLUICE_ENCAPSULATION_TAGGED = 4,
};

/*
 * The value of GEN_STATISTICS (6.41): octets count the Ethernet header and no FCS. X(member, word, text)
 * What is not known is 0 and its bit in `valid`, in the order of this table, is 0.
 */
#define SLUICE_STATISTICS_TABLE(X)                                                                                     \
	X(in_octets, "in-octets", "bytes received")                                                                    \
	X(in_unicast, "in-unicast", "frames received to a unicast address")                                            \
	X(in_multicast, "in-multicast", "frames received to a multicast address")                                      \
	X(in_broadcast, "in-broadcast", "frames received to the broadcast address")                                    \
	X(in_errors, "in-errors", "frames received with an error")                                                     \
	X(in_discards, "in-discards", "good frames received and dropped")                                              \
	X(out_octets, "out-octets", "bytes sent")                                                                      \
	X(out_unicast, "out-unicast", "frames sent to a unicast address")                                              \
	X(out_multicast, "out-multicast", "frames sent to a multicast address")                                        \
	X(out_broadcast, "out-broadcast", "frames sent to the broadcast address")                                      \
	X(out_errors, "out-errors", "frames that could not be sent for an error")                                      \
	X(out_discards, "out-discards", "good frames that were dropped instead of sent")

/* Which bit of `valid` stands for which member. */
enum sluice_statistic {
#define X(member, word, text) SLUICE_STATISTIC_##member,
	SLUICE_STATISTICS_TABLE(X)
#undef X
};

struct sluice_oid_statistics {
	uint64_t valid; /* 1 << SLUICE_STATISTIC_member, for each that is known */
#define X(member, word, text) uint64_t member;
	SLUICE_STATISTICS_TABLE(X)
#undef X
};
SLUICE_ASSERT_SIZE(struct sluice_oid_statistics, 8 + 8 * 12);

enum sluice_oid {
#define X(name, number, type, settable, text) SLUICE_OID_##name = number,
	SLUICE_OID_TABLE(X)
#undef X
};

#endif
