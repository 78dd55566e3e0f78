/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What docs/policy.md, "What a packet is", says. Each frame is parsed whole, cut in two at every byte, and in segments
 * of one byte.
 */
#include "frames.h"

/* ---- Ethernet ---- */

static void test_ethernet_is_14_bytes(void **state)
{
	struct packet_key key;

	(void)state;
	ethernet(0x88b5);
	expect_at(14, 0, SLUICE_DROP_ETH_TRUNCATED, "14 bytes");
	frame.length = 0;
	expect(SLUICE_DROP_ETH_TRUNCATED, "empty frame");
	ethernet(0x88b5);
	key = expect_key("unknown type");
	assert_int_equal(key.ethertype, 0x88b5);
	assert_int_equal(key.flags, 0);
	assert_int_equal(key.family, 0);
	assert_memory_equal(key.dst_mac, "\x02\0\0\0\0\x01", 6);
	assert_memory_equal(key.src_mac, "\x02\0\0\0\0\x02", 6);
}

static void test_a_length_is_no_ethertype(void **state)
{
	(void)state;
	ethernet(0x05ff);
	assert_int_equal(expect_key("802.3 length").ethertype, 0);
	ethernet(0x0600);
	assert_int_equal(expect_key("least type").ethertype, 0x0600);
	ethernet(0x8100);
	tag(5, 0x0100);
	assert_int_equal(expect_key("802.3 length behind a tag").ethertype, 0);
}

static void test_vlan_tags(void **state)
{
	static const uint16_t types[] = {0x8100, 0x88a8, 0x9100};
	struct packet_key key;

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		ethernet(types[i]);
		tag(0xf123, 0x0806);
		key = expect_key("one tag");
		assert_int_equal(key.vlan_id, 0x123);
		assert_int_equal(key.flags, PACKET_KEY_TAGGED);
		assert_int_equal(key.ethertype, 0x0806);
		expect_at(18, 0, SLUICE_DROP_VLAN_TRUNCATED, "one tag");
		expect_at(15, SLUICE_DROP_VLAN_TRUNCATED, SLUICE_DROP_VLAN_TRUNCATED, "start of a tag");
	}
	ethernet(0x8100);
	tag(0xe000, 0x0806);
	key = expect_key("priority tag");
	assert_int_equal(key.vlan_id, 0);
	assert_int_equal(key.flags, PACKET_KEY_TAGGED);
}

static void test_vlan_stacks(void **state)
{
	struct packet_key key;

	(void)state;
	ethernet(0x88a8);
	tag(100, 0x8100);
	tag(200, 0x9100);
	tag(300, 0x8100);
	tag(400, 0x0800);
	ipv4(17, 0, 8, 0);
	udp(8);
	key = expect_key("four tags");
	assert_int_equal(key.vlan_id, 100);
	assert_int_equal(key.ethertype, 0x0800);
	assert_int_equal(key.dst_port, 5353);
	assert_int_equal(key.flags, PACKET_KEY_TAGGED | PACKET_KEY_IP | PACKET_KEY_PORTS);
	expect_at(30, SLUICE_DROP_IPV4_TRUNCATED, SLUICE_DROP_VLAN_TRUNCATED, "four tags");
	set16(28, 0x8100);
	expect(SLUICE_DROP_VLAN_TOO_DEEP, "fifth tag");
	frame.length = 30;
	expect(SLUICE_DROP_VLAN_TOO_DEEP, "fifth tag of which nothing is there");
}

/* ---- IPv4 ---- */

static void test_ipv4_header(void **state)
{
	uint32_t at;

	(void)state;
	ethernet(0x0800);
	at = ipv4(47, 0, 4, 0);
	append(NULL, 4);
	expect_at(38, 0, SLUICE_DROP_IPV4_TRUNCATED, "total length");
	expect_at(34, SLUICE_DROP_IPV4_TRUNCATED, SLUICE_DROP_IPV4_TRUNCATED, "header without payload");
	frame.bytes[at] = 0x65;
	expect_at(34, SLUICE_DROP_IPV4_BAD_VERSION, SLUICE_DROP_IPV4_TRUNCATED, "version 6");
	frame.bytes[at] = 0x44;
	expect(SLUICE_DROP_IPV4_BAD_IHL, "header of 16 bytes");
	frame.bytes[at] = 0x54;
	expect(SLUICE_DROP_IPV4_BAD_VERSION, "version before header length");
	frame.bytes[at] = 0x47;
	expect(SLUICE_DROP_IPV4_TRUNCATED, "header length beyond the frame, before total length");
}

static void test_ipv4_total_length(void **state)
{
	uint32_t at;

	(void)state;
	ethernet(0x0800);
	at = ipv4(47, 8, 0, 0);
	expect(0, "total length is the header's");
	expect_at(42, 0, SLUICE_DROP_IPV4_TRUNCATED, "options");
	set16(at + 2, 27);
	expect(SLUICE_DROP_IPV4_BAD_LENGTH, "one under the header's");
	append(NULL, 100);
	set16(at + 2, 128);
	expect(0, "total length is the frame's");
	set16(at + 2, 129);
	expect(SLUICE_DROP_IPV4_TRUNCATED, "one beyond the frame");
	set16(at + 2, 0);
	expect(SLUICE_DROP_IPV4_BAD_LENGTH, "total length 0");
}

static void test_ipv4_key(void **state)
{
	for (uint32_t options = 0; options <= 40; options += 4) {
		struct packet_key key;

		(void)state;
		ethernet(0x0800);
		ipv4(6, options, 20, 0x4000);
		tcp(20);
		key = expect_key("TCP");
		assert_int_equal(key.family, 4);
		assert_int_equal(key.protocol, 6);
		assert_memory_equal(key.src, "\x0a\x01\x02\x03\0\0\0\0\0\0\0\0\0\0\0\0", 16);
		assert_memory_equal(key.dst, "\xc0\xa8\x04\x05\0\0\0\0\0\0\0\0\0\0\0\0", 16);
		assert_int_equal(key.src_port, 1234);
		assert_int_equal(key.dst_port, 80);
		assert_int_equal(key.tcp_flags, 0x12);
		assert_int_equal(key.flags, PACKET_KEY_IP | PACKET_KEY_PORTS | PACKET_KEY_TCP_FLAGS);
		assert_int_equal(key.icmp_type | key.icmp_code | key.vlan_id, 0);
		assert_memory_equal(key.dst_mac, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02", 12);
		assert_int_equal(key.ethertype, 0x0800);
	}
}

static void test_ipv4_padding_is_not_read(void **state)
{
	(void)state;
	ethernet(0x0800);
	ipv4(17, 0, 7, 0);
	udp(8);
	append(NULL, 30);
	expect(SLUICE_DROP_L4_TRUNCATED, "the eighth byte is padding");
	ethernet(0x0800);
	ipv4(6, 0, 19, 0);
	tcp(20);
	append(NULL, 30);
	expect(SLUICE_DROP_L4_TRUNCATED, "the twentieth byte is padding");
	ethernet(0x0800);
	ipv4(17, 0, 8, 0);
	udp(9);
	append(NULL, 30);
	expect(SLUICE_DROP_UDP_BAD_LENGTH, "the ninth byte is padding");
}

static void test_ipv4_fragments(void **state)
{
	struct packet_key key;
	uint32_t at;

	(void)state;
	ethernet(0x0800);
	at = ipv4(17, 0, 8, 0x2000);
	udp(1000);
	key = expect_key("first fragment, UDP length beyond it");
	assert_int_equal(key.dst_port, 5353);
	set16(at + 6, 0x2001);
	key = expect_key("later fragment");
	assert_int_equal(key.flags, PACKET_KEY_IP);
	assert_int_equal(key.protocol, 17);
	assert_int_equal(key.src_port | key.dst_port, 0);
	set16(at + 6, 0x0001);
	assert_int_equal(expect_key("last fragment").flags, PACKET_KEY_IP);
	set16(at + 6, 0x8000);
	expect(SLUICE_DROP_UDP_BAD_LENGTH, "reserved bit is no fragment");
	set16(at + 6, 0x4000);
	expect(SLUICE_DROP_UDP_BAD_LENGTH, "don't fragment is no fragment");
}

static void test_ipv4_fragment_end(void **state)
{
	uint32_t at;

	(void)state;
	ethernet(0x0800);
	at = ipv4(17, 0, 7, 0x1fff);
	append(NULL, 8);
	expect(0, "ends at 65535");
	set16(at + 2, 28);
	expect(SLUICE_DROP_IPV4_BAD_FRAGMENT, "ends at 65536");
	set16(at + 6, 0x3fff);
	expect(SLUICE_DROP_IPV4_BAD_FRAGMENT, "ends at 65536, more to come");
	set16(at + 2, 29);
	expect(SLUICE_DROP_IPV4_TRUNCATED, "total length before the fragment's end");
}

static void test_tiny_fragments(void **state)
{
	uint32_t at;

	(void)state;
	ethernet(0x0800);
	at = ipv4(6, 0, 20, 0x2001);
	tcp(20);
	expect(SLUICE_DROP_TINY_FRAGMENT, "TCP at offset 8");
	set16(at + 6, 0x0001);
	expect(SLUICE_DROP_TINY_FRAGMENT, "last TCP fragment at offset 8");
	set16(at + 6, 0x0002);
	assert_int_equal(expect_key("TCP at offset 16").flags, PACKET_KEY_IP);
	set16(at + 6, 0x2001);
	frame.bytes[at + 9] = 17;
	expect(0, "UDP at offset 8");
}

/* ---- layer 4, over both families ---- */

/* The headers up to layer 4, which is to hold @p payload bytes. @return the length up to there */
static uint32_t ip_of_family(uint32_t family, uint8_t protocol, uint32_t payload)
{
	ethernet(family == 4 ? 0x0800 : 0x86dd);
	if (family == 4)
		ipv4(protocol, 0, payload, 0);
	else
		ipv6(protocol, payload);
	return frame.length;
}

static void test_tcp(void **state)
{
	(void)state;
	for (uint32_t family = 4; family <= 6; family += 2) {
		ip_of_family(family, 6, 19);
		tcp(20);
		expect(SLUICE_DROP_L4_TRUNCATED, "19 bytes");
		ip_of_family(family, 6, 20);
		tcp(20);
		assert_int_equal(expect_key("20 bytes").tcp_flags, 0x12);
		ip_of_family(family, 6, 20);
		tcp(16);
		expect(SLUICE_DROP_TCP_BAD_OFFSET, "header of 16 bytes");
		ip_of_family(family, 6, 20);
		tcp(0);
		expect(SLUICE_DROP_TCP_BAD_OFFSET, "header of 0 bytes");
		ip_of_family(family, 6, 19);
		tcp(16);
		expect(SLUICE_DROP_L4_TRUNCATED, "truncated before bad offset");
		ip_of_family(family, 6, 40);
		tcp(16);
		append(NULL, 20);
		expect(SLUICE_DROP_TCP_BAD_OFFSET, "header of 16 bytes in a longer frame");
		ip_of_family(family, 6, 59);
		tcp(60);
		append(NULL, 40);
		expect(SLUICE_DROP_L4_TRUNCATED, "header of 60 bytes in 59");
		ip_of_family(family, 6, 60);
		tcp(60);
		append(NULL, 40);
		assert_int_equal(expect_key("header of 60 bytes").dst_port, 80);
	}
}

static void test_udp(void **state)
{
	(void)state;
	for (uint32_t family = 4; family <= 6; family += 2) {
		ip_of_family(family, 17, 7);
		udp(7);
		expect(SLUICE_DROP_L4_TRUNCATED, "7 bytes");
		ip_of_family(family, 17, 8);
		udp(8);
		assert_int_equal(expect_key("8 bytes").src_port, 53);
		ip_of_family(family, 17, 8);
		udp(7);
		expect(SLUICE_DROP_UDP_BAD_LENGTH, "UDP length 7");
		ip_of_family(family, 17, 8);
		udp(0);
		expect(SLUICE_DROP_UDP_BAD_LENGTH, "UDP length 0");
		for (uint16_t length = 0; length < 8; length++) {
			ip_of_family(family, 17, 40);
			udp(length);
			append(NULL, 32);
			expect(SLUICE_DROP_UDP_BAD_LENGTH, "UDP length under 8 in a longer frame");
		}
		ip_of_family(family, 17, 40);
		udp(41);
		append(NULL, 32);
		expect(SLUICE_DROP_UDP_BAD_LENGTH, "one beyond the payload");
		ip_of_family(family, 17, 40);
		udp(40);
		append(NULL, 32);
		assert_int_equal(expect_key("the payload's").flags, PACKET_KEY_IP | PACKET_KEY_PORTS);
		ip_of_family(family, 17, 40);
		udp(39);
		append(NULL, 32);
		expect(0, "less than the payload's");
	}
}

static void test_sctp(void **state)
{
	(void)state;
	for (uint32_t family = 4; family <= 6; family += 2) {
		struct packet_key key;

		ip_of_family(family, 132, 11);
		append("\x00\x01\x00\x02\0\0\0\0\0\0\0\0", 12);
		expect(SLUICE_DROP_L4_TRUNCATED, "11 bytes");
		ip_of_family(family, 132, 12);
		append("\x00\x01\x00\x02\0\0\0\0\0\0\0\0", 12);
		key = expect_key("12 bytes");
		assert_int_equal(key.src_port, 1);
		assert_int_equal(key.dst_port, 2);
		assert_int_equal(key.flags, PACKET_KEY_IP | PACKET_KEY_PORTS);
	}
}

static void test_icmp(void **state)
{
	static const struct {
		uint8_t family, protocol;
		bool known;
	} cases[] = {{4, 1, true}, {6, 58, true}, {4, 58, false}, {6, 1, false}};

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		struct packet_key key;

		ip_of_family(cases[i].family, cases[i].protocol, 4);
		append("\x08\x07\0\0", 4);
		key = expect_key("4 bytes");
		assert_int_equal(key.flags, PACKET_KEY_IP | (cases[i].known ? PACKET_KEY_ICMP : 0));
		assert_int_equal(key.icmp_type, cases[i].known ? 8 : 0);
		assert_int_equal(key.icmp_code, cases[i].known ? 7 : 0);
		ip_of_family(cases[i].family, cases[i].protocol, 3);
		append("\x08\x07\0\0", 4);
		expect(cases[i].known ? SLUICE_DROP_L4_TRUNCATED : 0, "3 bytes");
	}
}

static void test_every_protocol_without_payload(void **state)
{
	(void)state;
	for (uint32_t protocol = 0; protocol < 256; protocol++) {
		bool icmp4 = protocol == 1, icmp6 = protocol == 58;
		bool both = protocol == 6 || protocol == 17 || protocol == 132;
		bool extension = protocol == 0 || protocol == 43 || protocol == 44 || protocol == 51 || protocol == 60;

		ip_of_family(4, (uint8_t)protocol, 0);
		expect(both || icmp4 ? SLUICE_DROP_L4_TRUNCATED : 0, "IPv4");
		ip_of_family(6, (uint8_t)protocol, 0);
		expect(extension       ? SLUICE_DROP_IPV6_BAD_EXTENSION
		       : both || icmp6 ? SLUICE_DROP_L4_TRUNCATED
				       : 0,
		       "IPv6");
	}
}

/* ---- IPv6 ---- */

static void test_ipv6_header(void **state)
{
	struct packet_key key;
	uint32_t at;

	(void)state;
	ethernet(0x86dd);
	at = ipv6(59, 4);
	append(NULL, 4);
	expect_at(58, 0, SLUICE_DROP_IPV6_TRUNCATED, "payload length");
	expect_at(54, SLUICE_DROP_IPV6_TRUNCATED, SLUICE_DROP_IPV6_TRUNCATED, "header without payload");
	key = expect_key("no next header");
	assert_int_equal(key.family, 6);
	assert_int_equal(key.protocol, 59);
	assert_int_equal(key.flags, PACKET_KEY_IP);
	assert_int_equal(key.src[0], 1);
	assert_int_equal(key.src[15], 16);
	assert_int_equal(key.dst[0], 17);
	assert_int_equal(key.dst[15], 32);
	frame.bytes[at] = 0x45;
	expect_at(54, SLUICE_DROP_IPV6_BAD_VERSION, SLUICE_DROP_IPV6_TRUNCATED, "version 4");
	frame.bytes[at] = 0x60;
	append(NULL, 10);
	set16(at + 4, 0);
	frame.bytes[at + 6] = 17;
	expect(SLUICE_DROP_L4_TRUNCATED, "a jumbogram is empty");
}

static void test_ipv6_extension_lengths(void **state)
{
	static const struct {
		uint8_t type, field;
		uint32_t length;
	} cases[] = {{0, 0, 8},	  {0, 3, 32}, {43, 0, 8},  {43, 255, 2048}, {60, 0, 8},
		     {60, 1, 16}, {51, 0, 8}, {51, 1, 12}, {51, 4, 24},	    {51, 255, 1028}};

	(void)state;
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t length = cases[i].length;
		uint32_t at;

		ethernet(0x86dd);
		at = ipv6(cases[i].type, length + 8);
		extension(17, cases[i].field, length);
		udp(8);
		assert_int_equal(expect_key("one extension header").dst_port, 5353);
		set16(at + 4, length);
		expect(SLUICE_DROP_L4_TRUNCATED, "nothing behind the extension header");
		set16(at + 4, length - 1);
		expect(SLUICE_DROP_IPV6_BAD_EXTENSION, "one byte less");
		set16(at + 4, 7);
		expect(SLUICE_DROP_IPV6_BAD_EXTENSION, "7 bytes");
	}
}

static void test_ipv6_extension_order(void **state)
{
	(void)state;
	ethernet(0x86dd);
	ipv6(60, 24);
	extension(0, 0, 8);
	extension(17, 0, 8);
	udp(8);
	expect(SLUICE_DROP_IPV6_BAD_EXTENSION, "hop-by-hop is second");
	frame.bytes[14 + 40] = 43;
	expect(0, "routing is second");
	ethernet(0x86dd);
	ipv6(0, 16);
	extension(0, 0, 8);
	udp(8);
	expect(SLUICE_DROP_IPV6_BAD_EXTENSION, "hop-by-hop twice");
}

static void test_ipv6_extension_count(void **state)
{
	(void)state;
	for (uint32_t count = 8; count <= 9; count++) {
		ethernet(0x86dd);
		ipv6(60, count * 8 + 8);
		for (uint32_t i = 1; i < count; i++)
			extension(i % 2 == 0 ? 60 : 43, 0, 8);
		extension(17, 0, 8);
		udp(8);
		expect(count == 8 ? 0 : SLUICE_DROP_IPV6_TOO_MANY_EXTENSIONS, "extension headers");
	}
	set16(14 + 4, 64);
	expect(SLUICE_DROP_IPV6_TOO_MANY_EXTENSIONS, "a ninth one of which nothing is there");
	frame.bytes[14 + 40 + 56] = 0;
	expect(SLUICE_DROP_IPV6_TOO_MANY_EXTENSIONS, "a ninth one that is hop-by-hop");
}

static void test_ipv6_fragments(void **state)
{
	struct packet_key key;
	uint32_t at;

	(void)state;
	ethernet(0x86dd);
	ipv6(44, 16);
	at = fragment_header(17, 0, false);
	udp(9);
	expect(SLUICE_DROP_UDP_BAD_LENGTH, "unfragmented in spite of its fragment header");
	set16(at + 2, 1);
	assert_int_equal(expect_key("first fragment").flags, PACKET_KEY_IP | PACKET_KEY_PORTS);
	set16(at + 2, 6);
	expect(SLUICE_DROP_UDP_BAD_LENGTH, "reserved bits are no fragment");
	set16(at + 2, 1 << 3);
	key = expect_key("later fragment");
	assert_int_equal(key.flags, PACKET_KEY_IP);
	assert_int_equal(key.protocol, 17);
	frame.bytes[at] = 6;
	expect(SLUICE_DROP_TINY_FRAGMENT, "TCP at offset 8");
	set16(at + 2, 2 << 3);
	expect(0, "TCP at offset 16");
	frame.bytes[at] = 60;
	assert_int_equal(expect_key("the walk ends at a later fragment").protocol, 60);
	frame.bytes[at] = 0;
	assert_int_equal(expect_key("hop-by-hop in a later fragment is its protocol").protocol, 0);
}

static void test_ipv6_extensions_behind_first_fragment(void **state)
{
	(void)state;
	ethernet(0x86dd);
	ipv6(44, 24);
	fragment_header(60, 0, true);
	extension(17, 0, 8);
	udp(1000);
	assert_int_equal(expect_key("first fragment with options").src_port, 53);
	ethernet(0x86dd);
	ipv6(44, 24);
	fragment_header(44, 0, true);
	fragment_header(17, 0, false);
	udp(1000);
	assert_int_equal(expect_key("one of two fragment headers says more").src_port, 53);
}

static void test_ipv6_fragment_end(void **state)
{
	uint32_t at;

	(void)state;
	ethernet(0x86dd);
	at = ipv6(44, 15);
	fragment_header(17, 0x1fff, false);
	append(NULL, 8);
	expect(0, "ends at 65535");
	set16(at + 4, 16);
	expect(SLUICE_DROP_IPV6_BAD_FRAGMENT, "ends at 65536");
	frame.bytes[14 + 40] = 6;
	expect(SLUICE_DROP_IPV6_BAD_FRAGMENT, "whatever its protocol");
}

static void test_largest_frame(void **state)
{
	(void)state;
	ethernet(0x86dd);
	ipv6(17, 65535 - 54);
	udp(65535 - 54);
	append(NULL, 65535 - 54 - 8);
	assert_int_equal(expect_key("65535 bytes").dst_port, 5353);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ethernet_is_14_bytes),
		cmocka_unit_test(test_a_length_is_no_ethertype),
		cmocka_unit_test(test_vlan_tags),
		cmocka_unit_test(test_vlan_stacks),
		cmocka_unit_test(test_ipv4_header),
		cmocka_unit_test(test_ipv4_total_length),
		cmocka_unit_test(test_ipv4_key),
		cmocka_unit_test(test_ipv4_padding_is_not_read),
		cmocka_unit_test(test_ipv4_fragments),
		cmocka_unit_test(test_ipv4_fragment_end),
		cmocka_unit_test(test_tiny_fragments),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_sctp),
		cmocka_unit_test(test_icmp),
		cmocka_unit_test(test_every_protocol_without_payload),
		cmocka_unit_test(test_ipv6_header),
		cmocka_unit_test(test_ipv6_extension_lengths),
		cmocka_unit_test(test_ipv6_extension_order),
		cmocka_unit_test(test_ipv6_extension_count),
		cmocka_unit_test(test_ipv6_fragments),
		cmocka_unit_test(test_ipv6_extensions_behind_first_fragment),
		cmocka_unit_test(test_ipv6_fragment_end),
		cmocka_unit_test(test_largest_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
