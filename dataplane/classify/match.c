/* SPDX-License-Identifier: BSD-3-Clause */
#include "classify/match.h"

#include <errno.h>
#include <string.h>

static const struct match_range any_port = {0, UINT16_MAX};

static bool is_address(uint8_t family, uint8_t prefix)
{
	return (family == 4 && prefix <= 32) || (family == 6 && prefix <= 128);
}

/* Whether the match @p field is one, or is not asked for. */
static bool is_sound(const struct sluice_rule *rule, enum sluice_match field)
{
	if ((rule->fields & field) == 0)
		return true;
	switch (field) {
	case SLUICE_MATCH_FAMILY:
		return rule->family == 4 || rule->family == 6;
	case SLUICE_MATCH_SRC_ADDR:
		return (rule->fields & SLUICE_MATCH_FAMILY) && is_address(rule->family, rule->src_prefix);
	case SLUICE_MATCH_DST_ADDR:
		return (rule->fields & SLUICE_MATCH_FAMILY) && is_address(rule->family, rule->dst_prefix);
	case SLUICE_MATCH_SRC_PORT:
		return rule->src_port[0] <= rule->src_port[1];
	case SLUICE_MATCH_DST_PORT:
		return rule->dst_port[0] <= rule->dst_port[1];
	default:
		return true;
	}
}

static bool is_rule(const struct sluice_rule *rule)
{
	if ((rule->fields & ~(uint32_t)SLUICE_MATCH_ALL) != 0 || rule->action >= SLUICE_ACTIONS)
		return false;
	for (uint32_t bit = 0; bit < SLUICE_MATCH_COUNT; bit++) {
		if (!is_sound(rule, (enum sluice_match)(1u << bit)))
			return false;
	}
	return true;
}

void match_prefix_mask(uint8_t mask[16], uint32_t length)
{
	memset(mask, 0, 16);
	memset(mask, 0xff, length / 8);
	if (length % 8 != 0)
		mask[length / 8] = (uint8_t)(0xff00u >> length % 8);
}

/* Ask for the presence of what @p flag stands for: zero in a key also means "not there". */
static void require(struct packet_key *mask, struct packet_key *value, uint8_t flag)
{
	mask->flags |= flag;
	value->flags |= flag;
}

static void compile_address(const uint8_t *address, uint32_t prefix, uint8_t *mask, uint8_t *value)
{
	match_prefix_mask(mask, prefix);
	for (uint32_t i = 0; i < 16; i++)
		value[i] = address[i] & mask[i];
}

static void compile_ip(const struct sluice_rule *rule, struct packet_key *mask, struct packet_key *value)
{
	if (rule->fields & SLUICE_MATCH_FAMILY) {
		mask->family = UINT8_MAX;
		value->family = rule->family;
	}
	if (rule->fields & SLUICE_MATCH_PROTOCOL) {
		require(mask, value, PACKET_KEY_IP);
		mask->protocol = UINT8_MAX;
		value->protocol = rule->protocol;
	}
	if (rule->fields & SLUICE_MATCH_SRC_ADDR)
		compile_address(rule->src_addr, rule->src_prefix, mask->src, value->src);
	if (rule->fields & SLUICE_MATCH_DST_ADDR)
		compile_address(rule->dst_addr, rule->dst_prefix, mask->dst, value->dst);
}

static struct match_range compile_port(const uint16_t port[2], uint16_t *mask, uint16_t *value)
{
	if (port[0] != port[1])
		return (struct match_range){port[0], port[1] - port[0]};
	*mask = UINT16_MAX;
	*value = port[0];
	return any_port;
}

static void compile_ports(const struct sluice_rule *rule, struct match *match, struct packet_key *mask,
			  struct packet_key *value)
{
	if (rule->fields & (SLUICE_MATCH_SRC_PORT | SLUICE_MATCH_DST_PORT))
		require(mask, value, PACKET_KEY_PORTS);
	if (rule->fields & SLUICE_MATCH_SRC_PORT)
		match->src_port = compile_port(rule->src_port, &mask->src_port, &value->src_port);
	if (rule->fields & SLUICE_MATCH_DST_PORT)
		match->dst_port = compile_port(rule->dst_port, &mask->dst_port, &value->dst_port);
}

static void compile_icmp_and_flags(const struct sluice_rule *rule, struct packet_key *mask, struct packet_key *value)
{
	if (rule->fields & (SLUICE_MATCH_ICMP_TYPE | SLUICE_MATCH_ICMP_CODE))
		require(mask, value, PACKET_KEY_ICMP);
	if (rule->fields & SLUICE_MATCH_ICMP_TYPE) {
		mask->icmp_type = UINT8_MAX;
		value->icmp_type = rule->icmp_type;
	}
	if (rule->fields & SLUICE_MATCH_ICMP_CODE) {
		mask->icmp_code = UINT8_MAX;
		value->icmp_code = rule->icmp_code;
	}
	if (rule->fields & SLUICE_MATCH_TCP_FLAGS) {
		require(mask, value, PACKET_KEY_TCP_FLAGS);
		mask->tcp_flags = rule->tcp_flags_mask;
		value->tcp_flags = rule->tcp_flags;
	}
}

static void compile_layer2(const struct sluice_rule *rule, struct packet_key *mask, struct packet_key *value)
{
	if (rule->fields & SLUICE_MATCH_VLAN_ID) {
		require(mask, value, PACKET_KEY_TAGGED);
		mask->vlan_id = UINT16_MAX;
		value->vlan_id = rule->vlan_id;
	}
	if (rule->fields & SLUICE_MATCH_ETHERTYPE) {
		mask->ethertype = UINT16_MAX;
		value->ethertype = rule->ethertype;
	}
	if (rule->fields & SLUICE_MATCH_SRC_MAC) {
		memcpy(mask->src_mac, rule->src_mac_mask, sizeof(mask->src_mac));
		memcpy(value->src_mac, rule->src_mac, sizeof(value->src_mac));
	}
	if (rule->fields & SLUICE_MATCH_DST_MAC) {
		memcpy(mask->dst_mac, rule->dst_mac_mask, sizeof(mask->dst_mac));
		memcpy(value->dst_mac, rule->dst_mac, sizeof(value->dst_mac));
	}
}

int match_compile(const struct sluice_rule *rule, struct match *match)
{
	struct packet_key mask = {0}, value = {0};

	if (!is_rule(rule))
		return -EINVAL;
	*match = (struct match){.src_port = any_port, .dst_port = any_port};
	compile_ip(rule, &mask, &value);
	compile_ports(rule, match, &mask, &value);
	compile_icmp_and_flags(rule, &mask, &value);
	compile_layer2(rule, &mask, &value);
	memcpy(match->mask, mask.words, sizeof(match->mask));
	memcpy(match->value, value.words, sizeof(match->value));
	return 0;
}
