/* SPDX-License-Identifier: BSD-3-Clause */
#include "classify/parse.h"

#include <rte_byteorder.h>
#include <rte_mbuf.h>
#include <stdbool.h>

enum {
	ETHERNET_HEADER = 14,
	VLAN_TAG = 4,
	VLAN_TAGS_MAX = 4,
	IPV4_HEADER_MIN = 20,
	IPV6_HEADER = 40,
	IPV6_EXTENSION_MIN = 8,
	IPV6_EXTENSIONS_MAX = 8,
	IP_DATAGRAM_MAX = 65535,
	TCP_HEADER_MIN = 20,
	UDP_HEADER = 8,
	SCTP_HEADER = 12,
	ICMP_HEADER_MIN = 4,
	SCRATCH = IPV6_HEADER, /* the longest that is read at once */
};

enum {
	ETHERTYPE_MIN = 0x0600,
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_SERVICE_VLAN = 0x88a8,
	ETHERTYPE_OLD_SERVICE_VLAN = 0x9100,
};

enum {
	PROTOCOL_HOP_BY_HOP = 0,
	PROTOCOL_ICMP = 1,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_ROUTING = 43,
	PROTOCOL_FRAGMENT = 44,
	PROTOCOL_AUTHENTICATION = 51,
	PROTOCOL_ICMPV6 = 58,
	PROTOCOL_DESTINATION_OPTIONS = 60,
	PROTOCOL_SCTP = 132,
};

/* How far parsing has come. Whoever looks at bytes has compared with `left` first: look() does not. */
struct cursor {
	const struct rte_mbuf *mbuf;
	uint32_t offset;	  /* from the start of the frame */
	uint32_t left;		  /* bytes from here to the end of the frame, and later of the IP payload */
	uint32_t fragment_offset; /* in units of 8 bytes; not 0: a later fragment */
	bool first_fragment;	  /* offset 0 and more to come */
};

static inline uint16_t load16(const uint8_t *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return rte_be_to_cpu_16(value);
}

/* The same bytes as they stand, for the key and for comparison with a constant. */
static inline uint32_t load32_raw(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* @p length bytes from the cursor on, in the frame or gathered in @p scratch. */
static inline const uint8_t *look(const struct cursor *cursor, uint32_t length, uint8_t scratch[static SCRATCH])
{
	return rte_pktmbuf_read(cursor->mbuf, cursor->offset, length, scratch);
}

static inline void skip(struct cursor *cursor, uint32_t length)
{
	cursor->offset += length;
	cursor->left -= length;
}

static inline void set_ports(struct packet_key *key, const uint8_t *header)
{
	key->src_port = load16(header);
	key->dst_port = load16(header + 2);
	key->flags |= PACKET_KEY_PORTS;
}

static uint32_t parse_tcp(const struct cursor *cursor, struct packet_key *key)
{
	uint8_t scratch[SCRATCH];
	const uint8_t *header;
	uint32_t length;

	if (cursor->left < TCP_HEADER_MIN)
		return SLUICE_DROP_L4_TRUNCATED;
	header = look(cursor, TCP_HEADER_MIN, scratch);
	length = (header[12] >> 4) * 4u;
	if (length < TCP_HEADER_MIN)
		return SLUICE_DROP_TCP_BAD_OFFSET;
	if (length > cursor->left)
		return SLUICE_DROP_L4_TRUNCATED;
	set_ports(key, header);
	key->tcp_flags = header[13];
	key->flags |= PACKET_KEY_TCP_FLAGS;
	return 0;
}

static uint32_t parse_udp(const struct cursor *cursor, struct packet_key *key)
{
	uint8_t scratch[SCRATCH];
	const uint8_t *header;
	uint32_t length;

	if (cursor->left < UDP_HEADER)
		return SLUICE_DROP_L4_TRUNCATED;
	header = look(cursor, UDP_HEADER, scratch);
	length = load16(header + 4);
	if (length < UDP_HEADER || (length > cursor->left && !cursor->first_fragment))
		return SLUICE_DROP_UDP_BAD_LENGTH;
	set_ports(key, header);
	return 0;
}

static uint32_t parse_sctp(const struct cursor *cursor, struct packet_key *key)
{
	uint8_t scratch[SCRATCH];

	if (cursor->left < SCTP_HEADER)
		return SLUICE_DROP_L4_TRUNCATED;
	set_ports(key, look(cursor, SCTP_HEADER, scratch));
	return 0;
}

static uint32_t parse_icmp(const struct cursor *cursor, struct packet_key *key)
{
	uint8_t scratch[SCRATCH];
	const uint8_t *header;

	if (cursor->left < ICMP_HEADER_MIN)
		return SLUICE_DROP_L4_TRUNCATED;
	header = look(cursor, ICMP_HEADER_MIN, scratch);
	key->icmp_type = header[0];
	key->icmp_code = header[1];
	key->flags |= PACKET_KEY_ICMP;
	return 0;
}

static uint32_t parse_layer4(const struct cursor *cursor, struct packet_key *key)
{
	if (cursor->fragment_offset != 0)
		return key->protocol == PROTOCOL_TCP && cursor->fragment_offset == 1 ? SLUICE_DROP_TINY_FRAGMENT : 0;
	switch (key->protocol) {
	case PROTOCOL_TCP:
		return parse_tcp(cursor, key);
	case PROTOCOL_UDP:
		return parse_udp(cursor, key);
	case PROTOCOL_SCTP:
		return parse_sctp(cursor, key);
	case PROTOCOL_ICMP:
		return key->family == 4 ? parse_icmp(cursor, key) : 0;
	case PROTOCOL_ICMPV6:
		return key->family == 6 ? parse_icmp(cursor, key) : 0;
	default:
		return 0;
	}
}

static uint32_t parse_ipv4(struct cursor *cursor, struct packet_key *key)
{
	uint8_t scratch[SCRATCH];
	const uint8_t *header;
	uint32_t length, total, fragment;

	if (cursor->left < IPV4_HEADER_MIN)
		return SLUICE_DROP_IPV4_TRUNCATED;
	header = look(cursor, IPV4_HEADER_MIN, scratch);
	length = (header[0] & 0x0fu) * 4;
	total = load16(header + 2);
	fragment = load16(header + 6);
	if (header[0] >> 4 != 4)
		return SLUICE_DROP_IPV4_BAD_VERSION;
	if (length < IPV4_HEADER_MIN)
		return SLUICE_DROP_IPV4_BAD_IHL;
	if (cursor->left < length)
		return SLUICE_DROP_IPV4_TRUNCATED;
	if (total < length)
		return SLUICE_DROP_IPV4_BAD_LENGTH;
	if (cursor->left < total)
		return SLUICE_DROP_IPV4_TRUNCATED;
	if ((fragment & 0x1fff) * 8 + total - length > IP_DATAGRAM_MAX)
		return SLUICE_DROP_IPV4_BAD_FRAGMENT;
	key->family = 4;
	key->flags |= PACKET_KEY_IP;
	key->protocol = header[9];
	memcpy(key->src, header + 12, 4);
	memcpy(key->dst, header + 16, 4);
	cursor->fragment_offset = fragment & 0x1fff;
	cursor->first_fragment = (fragment & 0x3fff) == 0x2000;
	cursor->left = total;
	skip(cursor, length);
	return parse_layer4(cursor, key);
}

static bool is_extension(uint8_t next)
{
	return next == PROTOCOL_HOP_BY_HOP || next == PROTOCOL_ROUTING || next == PROTOCOL_FRAGMENT ||
	       next == PROTOCOL_AUTHENTICATION || next == PROTOCOL_DESTINATION_OPTIONS;
}

/* Own length of the extension header of type @p type whose length field is @p field. */
static uint32_t extension_length(uint8_t type, uint8_t field)
{
	if (type == PROTOCOL_FRAGMENT)
		return IPV6_EXTENSION_MIN;
	if (type == PROTOCOL_AUTHENTICATION)
		return (field + 2u) * 4; /* the least, field 0, is IPV6_EXTENSION_MIN */
	return (field + 1u) * 8;
}

/* The cursor stands behind the fragment header. */
static uint32_t parse_ipv6_fragment(struct cursor *cursor, uint16_t fragment)
{
	cursor->fragment_offset = fragment >> 3;
	if (cursor->fragment_offset * 8 + cursor->left > IP_DATAGRAM_MAX)
		return SLUICE_DROP_IPV6_BAD_FRAGMENT;
	/* Of several fragment headers with offset 0, one with more to come is enough to leave the packet incomplete. */
	cursor->first_fragment |= cursor->fragment_offset == 0 && (fragment & 1);
	return 0;
}

/* Step over the extension header of type key->protocol, and put the next header's type there. */
static uint32_t parse_ipv6_extension(struct cursor *cursor, struct packet_key *key)
{
	uint8_t scratch[SCRATCH], type = key->protocol;
	const uint8_t *header;
	uint32_t length;
	uint16_t fragment;

	if (cursor->left < IPV6_EXTENSION_MIN)
		return SLUICE_DROP_IPV6_BAD_EXTENSION;
	header = look(cursor, IPV6_EXTENSION_MIN, scratch);
	length = extension_length(type, header[1]);
	fragment = load16(header + 2);
	if (cursor->left < length)
		return SLUICE_DROP_IPV6_BAD_EXTENSION;
	key->protocol = header[0];
	skip(cursor, length);
	return type == PROTOCOL_FRAGMENT ? parse_ipv6_fragment(cursor, fragment) : 0;
}

/* Walk from the first next header, key->protocol, to the one that says what the payload is. */
static uint32_t parse_ipv6_extensions(struct cursor *cursor, struct packet_key *key)
{
	for (uint32_t seen = 0; is_extension(key->protocol) && cursor->fragment_offset == 0; seen++) {
		uint32_t reason;

		if (seen == IPV6_EXTENSIONS_MAX)
			return SLUICE_DROP_IPV6_TOO_MANY_EXTENSIONS;
		if (key->protocol == PROTOCOL_HOP_BY_HOP && seen > 0)
			return SLUICE_DROP_IPV6_BAD_EXTENSION;
		reason = parse_ipv6_extension(cursor, key);
		if (reason != 0)
			return reason;
	}
	return 0;
}

static uint32_t parse_ipv6(struct cursor *cursor, struct packet_key *key)
{
	uint8_t scratch[SCRATCH];
	const uint8_t *header;
	uint32_t payload, reason;

	if (cursor->left < IPV6_HEADER)
		return SLUICE_DROP_IPV6_TRUNCATED;
	header = look(cursor, IPV6_HEADER, scratch);
	payload = load16(header + 4);
	if (header[0] >> 4 != 6)
		return SLUICE_DROP_IPV6_BAD_VERSION;
	skip(cursor, IPV6_HEADER);
	if (cursor->left < payload)
		return SLUICE_DROP_IPV6_TRUNCATED;
	cursor->left = payload;
	key->family = 6;
	key->flags |= PACKET_KEY_IP;
	key->protocol = header[6];
	memcpy(key->src, header + 8, 16);
	memcpy(key->dst, header + 24, 16);
	reason = parse_ipv6_extensions(cursor, key);
	return reason != 0 ? reason : parse_layer4(cursor, key);
}

static bool is_vlan(uint16_t type)
{
	return type == ETHERTYPE_VLAN || type == ETHERTYPE_SERVICE_VLAN || type == ETHERTYPE_OLD_SERVICE_VLAN;
}

/* Step over the tags; @p type is the type before them, and then the one behind. */
static uint32_t parse_vlans(struct cursor *cursor, struct packet_key *key, uint16_t *type)
{
	for (uint32_t tags = 0; is_vlan(*type); tags++) {
		uint8_t scratch[SCRATCH];
		const uint8_t *tag;

		if (tags == VLAN_TAGS_MAX)
			return SLUICE_DROP_VLAN_TOO_DEEP;
		if (cursor->left < VLAN_TAG)
			return SLUICE_DROP_VLAN_TRUNCATED;
		tag = look(cursor, VLAN_TAG, scratch);
		if (tags == 0)
			key->vlan_id = load16(tag) & 0x0fff;
		key->flags |= PACKET_KEY_TAGGED;
		*type = load16(tag + 2);
		skip(cursor, VLAN_TAG);
	}
	return 0;
}

/* Any frame, in any segmentation. */
static __rte_noinline uint32_t parse_any(const struct rte_mbuf *mbuf, struct packet_key *key)
{
	struct cursor cursor = {.mbuf = mbuf, .left = mbuf->pkt_len};
	uint8_t scratch[SCRATCH];
	const uint8_t *header;
	uint16_t type;
	uint32_t reason;

	if (cursor.left < ETHERNET_HEADER)
		return SLUICE_DROP_ETH_TRUNCATED;
	memset(key, 0, sizeof(*key));
	header = look(&cursor, ETHERNET_HEADER, scratch);
	memcpy(key->dst_mac, header, 6);
	memcpy(key->src_mac, header + 6, 6);
	type = load16(header + 12);
	skip(&cursor, ETHERNET_HEADER);
	reason = parse_vlans(&cursor, key, &type);
	if (reason != 0)
		return reason;
	key->ethertype = type >= ETHERTYPE_MIN ? type : 0;
	if (type == ETHERTYPE_IPV4)
		return parse_ipv4(&cursor, key);
	return type == ETHERTYPE_IPV6 ? parse_ipv6(&cursor, key) : 0;
}

/*
 * The common frame, sound and wholly in sight: untagged IPv4 without options, not a fragment, TCP or UDP, its headers
 * in the first segment. Everything else, whatever is malformed included, is left to parse_any(), which would give
 * the same key.
 */
static inline bool parse_common(const struct rte_mbuf *mbuf, struct packet_key *key)
{
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	const uint8_t *ip = frame + ETHERNET_HEADER, *layer4 = ip + IPV4_HEADER_MIN;
	uint32_t left, length;

	if (mbuf->data_len < ETHERNET_HEADER + IPV4_HEADER_MIN + TCP_HEADER_MIN)
		return false;
	/* EtherType, version and header length at once; then no fragment offset, and no more to come */
	if ((load32_raw(frame + 12) & rte_cpu_to_be_32(0xffffff00)) != rte_cpu_to_be_32(0x08004500) ||
	    (load16(ip + 6) & 0x3fff) != 0)
		return false;
	left = load16(ip + 2) - (uint32_t)IPV4_HEADER_MIN; /* of a bad total length: huge, so beyond the frame */
	if (left > mbuf->pkt_len - ETHERNET_HEADER - IPV4_HEADER_MIN)
		return false;
	if (ip[9] == PROTOCOL_TCP) {
		length = (layer4[12] >> 4) * 4u;
		if (length < TCP_HEADER_MIN || length > left)
			return false;
		key->words[6] = (uint64_t)layer4[13] << 56 | (uint64_t)PACKET_KEY_TCP_FLAGS << 48;
	} else if (ip[9] == PROTOCOL_UDP) {
		length = load16(layer4 + 4);
		if (length < UDP_HEADER || length > left)
			return false;
		key->words[6] = 0;
	} else {
		return false;
	}
	key->words[0] = load32_raw(ip + 12);
	key->words[1] = 0;
	key->words[2] = load32_raw(ip + 16);
	key->words[3] = 0;
	memcpy(key->words + 4, frame, 12); /* both MACs */
	key->vlan_id = 0;
	key->ethertype = ETHERTYPE_IPV4;
	key->words[6] |= load16(layer4) | (uint64_t)load16(layer4 + 2) << 16 | (uint64_t)ip[9] << 32 |
			 (uint64_t)4 << 40 | (uint64_t)(PACKET_KEY_IP | PACKET_KEY_PORTS) << 48;
	key->words[7] = 0;
	return true;
}

uint32_t parse_packet(const struct rte_mbuf *mbuf, struct packet_key *key)
{
	return parse_common(mbuf, key) ? 0 : parse_any(mbuf, key);
}
