/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes a rule as people type it: what policy_parse_rule reads back as the same rule. */
#include "policy/policy.h"
#include "policy/value.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>

struct text {
	char *at;
	size_t left; /* 0: it did not fit */
};

static void __attribute__((format(printf, 2, 3))) add(struct text *text, const char *format, ...)
{
	va_list arguments;
	size_t length;

	va_start(arguments, format);
	length = (size_t)vsnprintf(text->at, text->left, format, arguments);
	va_end(arguments);
	if (length >= text->left) {
		text->left = 0;
	} else {
		text->at += length;
		text->left -= length;
	}
}

static bool has(const struct sluice_rule *rule, uint32_t fields)
{
	return (rule->fields & fields) != 0;
}

static void add_mac(struct text *text, const char *side, const uint8_t mac[6], const uint8_t mask[6])
{
	static const uint8_t ones[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	char address[VALUE_MAC_SIZE], bits[VALUE_MAC_SIZE];

	value_write_mac(mac, address);
	value_write_mac(mask, bits);
	if (memcmp(mask, ones, sizeof(ones)) == 0)
		add(text, " mac %s %s", side, address);
	else
		add(text, " mac %s %s/%s", side, address, bits);
}

static void add_ethernet(struct text *text, const struct sluice_rule *rule)
{
	if (has(rule, SLUICE_MATCH_VLAN_ID))
		add(text, " vlan %u", rule->vlan_id);
	if (has(rule, SLUICE_MATCH_SRC_MAC))
		add_mac(text, "from", rule->src_mac, rule->src_mac_mask);
	if (has(rule, SLUICE_MATCH_DST_MAC))
		add_mac(text, "to", rule->dst_mac, rule->dst_mac_mask);
	if (has(rule, SLUICE_MATCH_ETHERTYPE))
		add(text, " ethertype 0x%04x", rule->ethertype);
}

/* The word for a protocol; NULL where it is written by its number. The ICMP words name the family too. */
static const char *protocol_word(const struct sluice_rule *rule)
{
	switch (rule->protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_ICMP:
		return rule->family == 4 ? "icmp" : NULL;
	case IPPROTO_ICMPV6:
		return rule->family == 6 ? "icmpv6" : NULL;
	default:
		return NULL;
	}
}

static bool is_family_implied(const struct sluice_rule *rule)
{
	const char *word = protocol_word(rule);

	return has(rule, SLUICE_MATCH_SRC_ADDR | SLUICE_MATCH_DST_ADDR) ||
	       (has(rule, SLUICE_MATCH_PROTOCOL) && word != NULL && strncmp(word, "icmp", 4) == 0);
}

static void add_protocol(struct text *text, const struct sluice_rule *rule)
{
	if (has(rule, SLUICE_MATCH_FAMILY) && !is_family_implied(rule))
		add(text, " %s", rule->family == 4 ? "ip" : "ipv6");
	if (!has(rule, SLUICE_MATCH_PROTOCOL))
		return;
	if (protocol_word(rule) != NULL)
		add(text, " %s", protocol_word(rule));
	else
		add(text, " proto %u", rule->protocol);
}

static void add_icmp(struct text *text, const struct sluice_rule *rule)
{
	if (has(rule, SLUICE_MATCH_ICMP_TYPE))
		add(text, " type %u", rule->icmp_type);
	if (has(rule, SLUICE_MATCH_ICMP_CODE))
		add(text, " code %u", rule->icmp_code);
}

static void flag_words(uint8_t flags, char out[VALUE_FLAGS_SIZE])
{
	value_write_flags(flags, ',', out);
	if (flags == 0)
		strcpy(out, "none");
}

static void add_flags(struct text *text, const struct sluice_rule *rule)
{
	char flags[VALUE_FLAGS_SIZE], mask[VALUE_FLAGS_SIZE];

	if (!has(rule, SLUICE_MATCH_TCP_FLAGS))
		return;
	flag_words(rule->tcp_flags, flags);
	flag_words(rule->tcp_flags_mask, mask);
	if (rule->tcp_flags == rule->tcp_flags_mask)
		add(text, " flags %s", flags);
	else
		add(text, " flags %s/%s", flags, mask);
}

struct end {
	const char *word;
	uint32_t addr_field, port_field;
	const uint8_t *addr;
	uint8_t prefix;
	const uint16_t *port;
};

static void add_end(struct text *text, const struct sluice_rule *rule, const struct end *end)
{
	char prefix[VALUE_PREFIX_SIZE] = "any";

	if (!has(rule, end->addr_field | end->port_field))
		return;
	if (has(rule, end->addr_field))
		value_write_prefix(end->addr, rule->family, end->prefix, prefix);
	add(text, " %s %s", end->word, prefix);
	if (!has(rule, end->port_field))
		return;
	add(text, " port %u", end->port[0]);
	if (end->port[0] != end->port[1])
		add(text, "-%u", end->port[1]);
}

static const char *action_word(uint8_t action)
{
	static const char *const words[SLUICE_ACTIONS] = {
		[SLUICE_ALLOW] = "allow",
		[SLUICE_DENY] = "deny",
		[SLUICE_COUNT] = "count",
	};

	return action < SLUICE_ACTIONS ? words[action] : "?";
}

int policy_format_rule(const struct sluice_rule *rule, char *out, size_t size)
{
	struct text text = {.at = out, .left = size};
	struct end from = {"from",	   SLUICE_MATCH_SRC_ADDR, SLUICE_MATCH_SRC_PORT,
			   rule->src_addr, rule->src_prefix,	  rule->src_port};
	struct end to = {"to",		 SLUICE_MATCH_DST_ADDR, SLUICE_MATCH_DST_PORT,
			 rule->dst_addr, rule->dst_prefix,	rule->dst_port};

	add(&text, "%s priority %u", rule->direction == SLUICE_IN ? "in" : "out", rule->priority);
	add_ethernet(&text, rule);
	add_protocol(&text, rule);
	add_icmp(&text, rule);
	add_flags(&text, rule);
	add_end(&text, rule, &from);
	add_end(&text, rule, &to);
	add(&text, " %s", action_word(rule->action));
	return text.left > 0 ? 0 : -ENOSPC;
}
