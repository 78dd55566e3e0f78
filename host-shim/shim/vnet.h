/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stands beside a frame: the kernel's virtio-net header, the card's struct sluice_frame_meta. Neither side is
 * believed: whatever a header says must fit its frame before it goes to the other side.
 */
#ifndef SLUICE_SHIM_VNET_H
#define SLUICE_SHIM_VNET_H

#include <stddef.h>
#include <stdint.h>

#include "abi/data.h"

#define VNET_HEADER	  10u /* bytes: struct virtio_net_hdr */
#define VNET_TAG	  4u  /* bytes of an 802.1Q tag */
#define VNET_ADDRESSES	  12u /* bytes ahead of it */
#define SLUICE_GSO_UDP_L4 5u  /* VIRTIO_NET_HDR_GSO_UDP_L4, which older kernel headers lack */

/* X(name, text) */
#define VNET_FAULT_TABLE(X)                                                                                            \
	X(NONE, "as it should be")                                                                                     \
	X(TRUNCATED, "shorter than its header")                                                                        \
	X(LENGTH, "no Ethernet frame of 14 to 65535 bytes")                                                            \
	X(FLAGS, "unknown flags")                                                                                      \
	X(CHECKSUM, "the checksum is beyond the frame")                                                                \
	X(SEGMENTS, "a segmentation that cannot be")                                                                   \
	X(HEADERS, "headers longer than the frame")

enum vnet_fault {
#define X(name, text) VNET_FAULT_##name,
	VNET_FAULT_TABLE(X)
#undef X
};

const char *vnet_fault_text(enum vnet_fault fault);

/**
 * From the kernel: @p bytes holds header and frame. *@p meta is all zero where the header asks for nothing. The frame
 * begins at VNET_HEADER.
 */
enum vnet_fault vnet_parse(const uint8_t *bytes, size_t length, struct sluice_frame_meta *meta);

/**
 * To the kernel: @p header for a frame of @p length bytes that came with @p meta. Where meta has a VLAN, the caller
 * puts @p tag behind the first VNET_ADDRESSES bytes; the header speaks of the frame with it.
 */
enum vnet_fault vnet_make(const struct sluice_frame_meta *meta, uint32_t length, uint8_t header[VNET_HEADER],
			  uint8_t tag[VNET_TAG]);

#endif
