/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plain meaning of a rule, written to be read beside docs/policy.md. It shares nothing with match.c, which must
 * mean the same: the tests hold one against the other.
 */
#include "classify/classify.h"

#include <string.h>

static bool in_prefix(const uint8_t *address, const uint8_t *prefix, uint32_t length)
{
	uint32_t bits = length % 8;

	if (memcmp(address, prefix, length / 8) != 0)
		return false;
	return bits == 0 || (address[length / 8] ^ prefix[length / 8]) >> (8 - bits) == 0;
}

static bool mac_matches(const uint8_t *mac, const uint8_t *wanted, const uint8_t *mask)
{
	for (uint32_t i = 0; i < 6; i++) {
		if ((mac[i] & mask[i]) != wanted[i])
			return false;
	}
	return true;
}

static bool port_matches(const struct packet_key *key, uint16_t port, const uint16_t range[2])
{
	return (key->flags & PACKET_KEY_PORTS) && port >= range[0] && port <= range[1];
}

/* Whether the one match @p field of @p rule holds. */
static bool field_matches(const struct sluice_rule *rule, const struct packet_key *key, enum sluice_match field)
{
	switch (field) {
	case SLUICE_MATCH_FAMILY:
		return key->family == rule->family;
	case SLUICE_MATCH_PROTOCOL:
		return (key->flags & PACKET_KEY_IP) && key->protocol == rule->protocol;
	case SLUICE_MATCH_SRC_ADDR:
		return key->family == rule->family && in_prefix(key->src, rule->src_addr, rule->src_prefix);
	case SLUICE_MATCH_DST_ADDR:
		return key->family == rule->family && in_prefix(key->dst, rule->dst_addr, rule->dst_prefix);
	case SLUICE_MATCH_SRC_PORT:
		return port_matches(key, key->src_port, rule->src_port);
	case SLUICE_MATCH_DST_PORT:
		return port_matches(key, key->dst_port, rule->dst_port);
	case SLUICE_MATCH_ICMP_TYPE:
		return (key->flags & PACKET_KEY_ICMP) && key->icmp_type == rule->icmp_type;
	case SLUICE_MATCH_ICMP_CODE:
		return (key->flags & PACKET_KEY_ICMP) && key->icmp_code == rule->icmp_code;
	case SLUICE_MATCH_TCP_FLAGS:
		return (key->flags & PACKET_KEY_TCP_FLAGS) &&
		       (key->tcp_flags & rule->tcp_flags_mask) == rule->tcp_flags;
	case SLUICE_MATCH_VLAN_ID:
		return (key->flags & PACKET_KEY_TAGGED) && key->vlan_id == rule->vlan_id;
	case SLUICE_MATCH_ETHERTYPE:
		return key->ethertype == rule->ethertype;
	case SLUICE_MATCH_SRC_MAC:
		return mac_matches(key->src_mac, rule->src_mac, rule->src_mac_mask);
	case SLUICE_MATCH_DST_MAC:
		return mac_matches(key->dst_mac, rule->dst_mac, rule->dst_mac_mask);
	case SLUICE_MATCH_COUNT:
	case SLUICE_MATCH_ALL:
		break;
	}
	return false; /* an unknown match is one that nothing meets */
}

bool classify_rule_matches(const struct sluice_rule *rule, const struct packet_key *key)
{
	for (uint32_t left = rule->fields; left != 0; left &= left - 1) {
		if (!field_matches(rule, key, (enum sluice_match)(left & -left)))
			return false;
	}
	return true;
}
