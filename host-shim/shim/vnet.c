/* SPDX-License-Identifier: BSD-3-Clause */
#include "vnet.h"

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <string.h>

#define ETHERNET_HEADER 14u
#define VLAN_ETHERTYPE	0x8100u

_Static_assert(sizeof(struct virtio_net_hdr) == VNET_HEADER, "what TUNSETIFF with IFF_VNET_HDR speaks");

const char *vnet_fault_text(enum vnet_fault fault)
{
	static const char *const texts[] = {
#define X(name, text) [VNET_FAULT_##name] = text,
		VNET_FAULT_TABLE(X)
#undef X
	};

	return texts[fault];
}

static bool is_segmentation(uint8_t gso_type)
{
	switch (gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return true;
	case SLUICE_GSO_UDP_L4:
		return (gso_type & VIRTIO_NET_HDR_GSO_ECN) == 0;
	default:
		return false;
	}
}

/* Segments have checksums of their own, so that whoever cuts must also sum. */
static bool is_right_segmentation(const struct sluice_frame_meta *meta)
{
	return is_segmentation(meta->gso_type) && meta->gso_size > 0 &&
	       (meta->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0;
}

static enum vnet_fault check(const struct sluice_frame_meta *meta, size_t length)
{
	if (length < ETHERNET_HEADER || length > SLUICE_DATA_FRAME_MAX)
		return VNET_FAULT_LENGTH;
	if ((meta->flags & ~(VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID)) != 0)
		return VNET_FAULT_FLAGS;
	if ((meta->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0 &&
	    (meta->csum_start < ETHERNET_HEADER ||
	     (size_t)meta->csum_start + meta->csum_offset + sizeof(uint16_t) > length))
		return VNET_FAULT_CHECKSUM;
	if (meta->gso_type != VIRTIO_NET_HDR_GSO_NONE && !is_right_segmentation(meta))
		return VNET_FAULT_SEGMENTS;
	return meta->hdr_len <= length ? VNET_FAULT_NONE : VNET_FAULT_HEADERS;
}

/* What nothing was asked about is zero, so that a frame without wishes goes without meta. */
static void tidy(struct sluice_frame_meta *meta)
{
	if ((meta->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0)
		meta->csum_start = meta->csum_offset = 0;
	if (meta->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		meta->hdr_len = meta->gso_size = 0;
}

enum vnet_fault vnet_parse(const uint8_t *bytes, size_t length, struct sluice_frame_meta *meta)
{
	struct virtio_net_hdr header;
	enum vnet_fault fault;

	*meta = (struct sluice_frame_meta){0};
	if (length < VNET_HEADER)
		return VNET_FAULT_TRUNCATED;
	memcpy(&header, bytes, sizeof(header));
	meta->flags = header.flags;
	meta->gso_type = header.gso_type;
	meta->hdr_len = header.hdr_len;
	meta->gso_size = header.gso_size;
	meta->csum_start = header.csum_start;
	meta->csum_offset = header.csum_offset;
	fault = check(meta, length - VNET_HEADER);
	if (fault == VNET_FAULT_NONE)
		tidy(meta);
	return fault;
}

static void make_tag(uint16_t vlan, uint8_t tag[VNET_TAG])
{
	tag[0] = VLAN_ETHERTYPE >> 8;
	tag[1] = VLAN_ETHERTYPE & 0xff;
	tag[2] = (uint8_t)(vlan >> 8);
	tag[3] = (uint8_t)vlan;
}

enum vnet_fault vnet_make(const struct sluice_frame_meta *meta, uint32_t length, uint8_t header[VNET_HEADER],
			  uint8_t tag[VNET_TAG])
{
	struct sluice_frame_meta own = *meta;
	uint16_t shift = own.vlan != 0 ? VNET_TAG : 0;
	enum vnet_fault fault = check(&own, length);
	struct virtio_net_hdr made;

	if (fault == VNET_FAULT_NONE && length + shift > SLUICE_DATA_FRAME_MAX)
		fault = VNET_FAULT_LENGTH;
	if (fault != VNET_FAULT_NONE)
		return fault;
	tidy(&own);
	made = (struct virtio_net_hdr){
		.flags = own.flags,
		.gso_type = own.gso_type,
		.hdr_len = (uint16_t)(own.hdr_len != 0 ? own.hdr_len + shift : 0),
		.gso_size = own.gso_size,
		.csum_start = (uint16_t)(own.csum_start != 0 ? own.csum_start + shift : 0),
		.csum_offset = own.csum_offset,
	};
	memcpy(header, &made, sizeof(made));
	make_tag(own.vlan, tag);
	return VNET_FAULT_NONE;
}
