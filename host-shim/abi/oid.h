/* SPDX-License-Identifier: BSD-3-Clause */
/* Object identifiers: what can be asked of a port or an instance, and set. Numbers are NDIS's. */
#ifndef SLUICE_ABI_OID_H
#define SLUICE_ABI_OID_H

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
	X(802_3_PERMANENT_ADDRESS, 0x01010101, MAC, 0, "address burnt in")                                             \
	X(802_3_CURRENT_ADDRESS, 0x01010102, MAC, 0, "address in use")                                                 \
	X(802_3_MULTICAST_LIST, 0x01010103, MAC_LIST, 1, "multicast addresses received")                               \
	X(802_3_MAXIMUM_LIST_SIZE, 0x01010104, U32, 0, "most multicast addresses")

enum sluice_oid {
#define X(name, number, type, settable, text) SLUICE_OID_##name = number,
	SLUICE_OID_TABLE(X)
#undef X
};

#endif
