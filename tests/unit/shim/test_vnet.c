/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <linux/virtio_net.h>
#include <string.h>

#include "vnet.h"

struct header {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
};

static enum vnet_fault parse(struct header header, size_t frame, struct sluice_frame_meta *meta)
{
	static uint8_t bytes[VNET_HEADER + 70000];

	memcpy(bytes, &header, sizeof(header));
	return vnet_parse(bytes, VNET_HEADER + frame, meta);
}

static void test_what_the_kernel_asks_for(void **state)
{
	static const struct {
		struct header header;
		size_t frame;
		enum vnet_fault fault;
	} cases[] = {
		{{0}, 14, VNET_FAULT_NONE},
		{{0}, 13, VNET_FAULT_LENGTH},
		{{0}, 65535, VNET_FAULT_NONE},
		{{0}, 65536, VNET_FAULT_LENGTH},
		{{.flags = 1, .csum_start = 34, .csum_offset = 24}, 60, VNET_FAULT_NONE},
		{{.flags = 1, .csum_start = 34, .csum_offset = 25}, 60, VNET_FAULT_CHECKSUM},
		{{.flags = 1, .csum_start = 13, .csum_offset = 0}, 60, VNET_FAULT_CHECKSUM},
		{{.flags = 1, .csum_start = 65535, .csum_offset = 65535}, 60, VNET_FAULT_CHECKSUM},
		{{.flags = 2}, 60, VNET_FAULT_NONE},
		{{.flags = 4}, 60, VNET_FAULT_FLAGS},
		{{.flags = 0x80}, 60, VNET_FAULT_FLAGS},
		{{1, VIRTIO_NET_HDR_GSO_TCPV4, 54, 1448, 34, 16}, 3000, VNET_FAULT_NONE},
		{{1, VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN, 74, 1428, 54, 16}, 3000, VNET_FAULT_NONE},
		{{1, 5, 42, 1400, 34, 6}, 3000, VNET_FAULT_NONE},
		{{1, 5 | VIRTIO_NET_HDR_GSO_ECN, 42, 1400, 34, 6}, 3000, VNET_FAULT_SEGMENTS},
		{{1, VIRTIO_NET_HDR_GSO_UDP, 42, 1400, 34, 6}, 3000, VNET_FAULT_SEGMENTS},
		{{1, VIRTIO_NET_HDR_GSO_ECN, 54, 1448, 34, 16}, 3000, VNET_FAULT_SEGMENTS},
		{{1, VIRTIO_NET_HDR_GSO_TCPV4, 54, 0, 34, 16}, 3000, VNET_FAULT_SEGMENTS},
		{{0, VIRTIO_NET_HDR_GSO_TCPV4, 54, 1448, 0, 0}, 3000, VNET_FAULT_SEGMENTS},
		{{1, VIRTIO_NET_HDR_GSO_TCPV4, 3001, 1448, 34, 16}, 3000, VNET_FAULT_HEADERS},
	};
	struct sluice_frame_meta meta;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].header, cases[i].frame, &meta), cases[i].fault);
		assert_string_not_equal(vnet_fault_text(cases[i].fault), "");
	}
	assert_int_equal(vnet_parse((const uint8_t *)"", 0, &meta), VNET_FAULT_TRUNCATED);
	assert_int_equal(vnet_parse((const uint8_t[9]){0}, 9, &meta), VNET_FAULT_TRUNCATED);
}

static void test_wishes_that_are_none_are_zero(void **state)
{
	const struct sluice_frame_meta none = {0};
	struct sluice_frame_meta meta;

	(void)state;
	assert_int_equal(
		parse((struct header){.hdr_len = 54, .gso_size = 9, .csum_start = 3, .csum_offset = 4}, 60, &meta),
		VNET_FAULT_NONE);
	assert_memory_equal(&meta, &none, sizeof(none));
}

static void test_what_the_card_says(void **state)
{
	const struct sluice_frame_meta meta = {
		.flags = 1, .gso_type = 1, .hdr_len = 54, .gso_size = 1448, .csum_start = 34, .csum_offset = 16};
	struct sluice_frame_meta tagged = meta, wrong = meta;
	uint8_t header[VNET_HEADER], tag[VNET_TAG];
	struct header made;

	(void)state;
	assert_int_equal(vnet_make(&meta, 3000, header, tag), VNET_FAULT_NONE);
	assert_memory_equal(header, &meta, VNET_HEADER); /* they are laid out alike */
	tagged.vlan = 0x6123;
	assert_int_equal(vnet_make(&tagged, 3000, header, tag), VNET_FAULT_NONE);
	memcpy(&made, header, sizeof(made));
	assert_int_equal(made.csum_start, 38);
	assert_int_equal(made.csum_offset, 16);
	assert_int_equal(made.hdr_len, 58);
	assert_memory_equal(tag, "\x81\x00\x61\x23", VNET_TAG);
	assert_int_equal(vnet_make(&tagged, 65531, header, tag), VNET_FAULT_NONE);
	assert_int_equal(vnet_make(&tagged, 65532, header, tag), VNET_FAULT_LENGTH);
	wrong.csum_offset = 3000;
	assert_int_equal(vnet_make(&wrong, 3000, header, tag), VNET_FAULT_CHECKSUM);
	assert_int_equal(vnet_make(&meta, 53, header, tag), VNET_FAULT_HEADERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_the_kernel_asks_for),
		cmocka_unit_test(test_wishes_that_are_none_are_zero),
		cmocka_unit_test(test_what_the_card_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
