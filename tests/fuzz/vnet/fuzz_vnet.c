/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Headers beside frames, both ways. The first byte says which: from the kernel (even), where the rest is header and
 * frame, or from the card (odd), where 16 bytes of meta, and 4 of a length, follow.
 */
#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "vnet.h"

static void must(bool condition)
{
	if (!condition)
		abort();
}

/* Whatever was let through can be done to a frame of this length. */
static void expect_fits(uint8_t flags, uint8_t gso_type, uint32_t hdr_len, uint32_t gso_size, uint32_t csum_start,
			uint32_t csum_offset, uint32_t length)
{
	must(length >= 14 && length <= 65535);
	must((flags & ~(VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID)) == 0);
	if (flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		must(csum_start >= 14 && csum_start + csum_offset + 2 <= length);
	else
		must(csum_start == 0 && csum_offset == 0);
	must(hdr_len <= length);
	if (gso_type == VIRTIO_NET_HDR_GSO_NONE)
		must(gso_size == 0 && hdr_len == 0);
	else
		must(gso_size > 0 && (flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0);
}

static void from_kernel(const uint8_t *data, size_t size)
{
	uint8_t *exact = calloc(size > 0 ? size : 1, 1); /* so that a byte too far is seen */
	struct sluice_frame_meta meta;
	uint8_t header[VNET_HEADER], tag[VNET_TAG];

	must(exact != NULL);
	if (size > 0)
		memcpy(exact, data, size);
	if (vnet_parse(exact, size, &meta) == VNET_FAULT_NONE) {
		uint32_t length = (uint32_t)size - VNET_HEADER;

		expect_fits(meta.flags, meta.gso_type, meta.hdr_len, meta.gso_size, meta.csum_start, meta.csum_offset,
			    length);
		must(vnet_make(&meta, length, header, tag) == VNET_FAULT_NONE); /* and back again */
		must(memcmp(header, &meta, VNET_HEADER) == 0);
	}
	free(exact);
}

static void from_card(const uint8_t *data, size_t size)
{
	struct sluice_frame_meta meta;
	struct virtio_net_hdr made;
	uint8_t header[VNET_HEADER], tag[VNET_TAG];
	uint32_t length;

	if (size < sizeof(meta) + sizeof(length))
		return;
	memcpy(&meta, data, sizeof(meta));
	memcpy(&length, data + sizeof(meta), sizeof(length));
	if (vnet_make(&meta, length, header, tag) != VNET_FAULT_NONE)
		return;
	memcpy(&made, header, sizeof(made));
	expect_fits(made.flags, made.gso_type, made.hdr_len, made.gso_size, made.csum_start, made.csum_offset,
		    length + (meta.vlan != 0 ? VNET_TAG : 0));
	must(tag[0] == 0x81 && tag[1] == 0 && (tag[2] << 8 | tag[3]) == meta.vlan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if ((data[0] & 1) == 0)
		from_kernel(data + 1, size - 1);
	else
		from_card(data + 1, size - 1);
	return 0;
}
