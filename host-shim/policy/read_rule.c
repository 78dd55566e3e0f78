/* SPDX-License-Identifier: BSD-3-Clause */
/* One ace of a document. Whether its matches fit each other is for policy_check_rule to say. */
#include "policy/limits.h"
#include "policy/reader.h"
#include "policy/value.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

/* What a port's operator and numbers say, until all of them are known. */
struct range {
	const char *operator;
	bool has_port, has_lower, has_upper;
	uint32_t port, lower, upper;
};

int reader_action(struct reader *r, const json_t *value, bool in_rule, uint8_t *action)
{
	static const struct {
		const char *word;
		enum sluice_action action;
	} words[] = {
		{"accept", SLUICE_ALLOW},	{"ietf-access-control-list:accept", SLUICE_ALLOW},
		{"drop", SLUICE_DENY},		{"ietf-access-control-list:drop", SLUICE_DENY},
		{"sluice:count", SLUICE_COUNT}, {"count", SLUICE_COUNT},
	};
	const char *word;

	if (reader_string(r, value, &word) != 0)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		*action = (uint8_t)words[i].action;
		if (strcmp(words[i].word, word) == 0 && (in_rule || *action != SLUICE_COUNT))
			return 0;
	}
	return reader_refuse(r, "\"%.64s\" is not %s", word,
			     in_rule ? "accept, drop or sluice:count" : "accept or drop");
}

static int set_family(struct reader *r, struct sluice_rule *rule, uint8_t family)
{
	if ((rule->fields & SLUICE_MATCH_FAMILY) != 0 && rule->family != family)
		return reader_refuse(r, "IPv4 and IPv6 in one rule: no packet can match");
	rule->fields |= SLUICE_MATCH_FAMILY;
	rule->family = family;
	return 0;
}

static int set_protocol(struct reader *r, struct sluice_rule *rule, uint8_t protocol)
{
	if ((rule->fields & SLUICE_MATCH_PROTOCOL) != 0 && rule->protocol != protocol)
		return reader_refuse(r, "protocols %u and %u in one rule: no packet can match", rule->protocol,
				     protocol);
	rule->fields |= SLUICE_MATCH_PROTOCOL;
	rule->protocol = protocol;
	return 0;
}

static int read_protocol(struct reader *r, const json_t *value, void *record)
{
	uint32_t protocol;

	if (reader_number(r, value, 0, UINT8_MAX, &protocol) != 0)
		return -EINVAL;
	return set_protocol(r, record, (uint8_t)protocol);
}

static int read_prefix(struct reader *r, const json_t *value, uint8_t family, uint8_t addr[16], uint8_t *prefix)
{
	const char *text, *problem;

	if (reader_string(r, value, &text) != 0)
		return -EINVAL;
	problem = value_read_prefix(text, family, addr, prefix);
	if (problem == NULL && strchr(text, '/') == NULL)
		problem = family == 4 ? "has no prefix length, such as /32" : "has no prefix length, such as /128";
	return problem == NULL ? 0 : reader_refuse(r, "\"%.64s\" %s", text, problem);
}

static int read_source(struct reader *r, const json_t *value, void *record)
{
	struct sluice_rule *rule = record;

	rule->fields |= SLUICE_MATCH_SRC_ADDR;
	return read_prefix(r, value, rule->family, rule->src_addr, &rule->src_prefix);
}

static int read_destination(struct reader *r, const json_t *value, void *record)
{
	struct sluice_rule *rule = record;

	rule->fields |= SLUICE_MATCH_DST_ADDR;
	return read_prefix(r, value, rule->family, rule->dst_addr, &rule->dst_prefix);
}

static int read_ipv4(struct reader *r, const json_t *value, void *record)
{
	static const struct member members[] = {
		{"protocol", read_protocol, false},
		{"source-ipv4-network", read_source, false},
		{"destination-ipv4-network", read_destination, false},
	};

	if (set_family(r, record, 4) != 0)
		return -EINVAL;
	return reader_object(r, value, MEMBERS(members), record);
}

static int read_ipv6(struct reader *r, const json_t *value, void *record)
{
	static const struct member members[] = {
		{"protocol", read_protocol, false},
		{"source-ipv6-network", read_source, false},
		{"destination-ipv6-network", read_destination, false},
	};

	if (set_family(r, record, 6) != 0)
		return -EINVAL;
	return reader_object(r, value, MEMBERS(members), record);
}

static int read_operator(struct reader *r, const json_t *value, void *record)
{
	struct range *range = record;

	if (reader_string(r, value, &range->operator) != 0)
		return -EINVAL;
	if (strcmp(range->operator, "eq") != 0 && strcmp(range->operator, "lte") != 0 &&
	    strcmp(range->operator, "gte") != 0)
		return reader_refuse(r, "operator \"%.64s\" is not eq, lte or gte", range->operator);
	return 0;
}

static int read_port_number(struct reader *r, const json_t *value, void *record)
{
	struct range *range = record;

	range->has_port = true;
	return reader_number(r, value, 0, UINT16_MAX, &range->port);
}

static int read_lower(struct reader *r, const json_t *value, void *record)
{
	struct range *range = record;

	range->has_lower = true;
	return reader_number(r, value, 0, UINT16_MAX, &range->lower);
}

static int read_upper(struct reader *r, const json_t *value, void *record)
{
	struct range *range = record;

	range->has_upper = true;
	return reader_number(r, value, 0, UINT16_MAX, &range->upper);
}

static bool range_is_complete(const struct range *range)
{
	if (range->operator!= NULL || range->has_port)
		return range->operator!= NULL && range->has_port && !range->has_lower && !range->has_upper;
	return range->has_lower && range->has_upper;
}

static int read_range(struct reader *r, const json_t *value, uint16_t ends[2])
{
	static const struct member members[] = {
		{"operator", read_operator, false},
		{"port", read_port_number, false},
		{"lower-port", read_lower, false},
		{"upper-port", read_upper, false},
	};
	struct range range = {0};

	if (reader_object(r, value, MEMBERS(members), &range) != 0)
		return -EINVAL;
	if (!range_is_complete(&range))
		return reader_refuse(
			r, "a port has either \"operator\" and \"port\", or \"lower-port\" and \"upper-port\"");
	if (range.operator!= NULL) {
		range.lower = range.operator[0] == 'l' ? 0 : range.port;
		range.upper = range.operator[0] == 'g' ? UINT16_MAX : range.port;
	}
	ends[0] = (uint16_t)range.lower;
	ends[1] = (uint16_t)range.upper;
	return 0;
}

static int read_source_port(struct reader *r, const json_t *value, void *record)
{
	struct sluice_rule *rule = record;

	rule->fields |= SLUICE_MATCH_SRC_PORT;
	return read_range(r, value, rule->src_port);
}

static int read_destination_port(struct reader *r, const json_t *value, void *record)
{
	struct sluice_rule *rule = record;

	rule->fields |= SLUICE_MATCH_DST_PORT;
	return read_range(r, value, rule->dst_port);
}

static int read_flag_names(struct reader *r, const json_t *value, uint8_t *flags)
{
	const char *text;

	if (reader_string(r, value, &text) != 0)
		return -EINVAL;
	if (!value_read_flags(text, ' ', flags))
		return reader_refuse(
			r, "\"%.64s\" is not a list of flags: cwr ece urg ack psh rst syn fin, with a space between",
			text);
	return 0;
}

/* The mask is the flags themselves unless it is given, which is read after them. */
static int read_flags(struct reader *r, const json_t *value, void *record)
{
	struct sluice_rule *rule = record;

	if (read_flag_names(r, value, &rule->tcp_flags) != 0)
		return -EINVAL;
	rule->fields |= SLUICE_MATCH_TCP_FLAGS;
	rule->tcp_flags_mask = rule->tcp_flags;
	return 0;
}

static int read_flags_mask(struct reader *r, const json_t *value, void *record)
{
	struct sluice_rule *rule = record;

	if ((rule->fields & SLUICE_MATCH_TCP_FLAGS) == 0)
		return reader_refuse(r, "a mask needs \"flags\" beside it");
	return read_flag_names(r, value, &rule->tcp_flags_mask);
}

static int read_tcp(struct reader *r, const json_t *value, void *record)
{
	static const struct member members[] = {
		{"source-port", read_source_port, false},
		{"destination-port", read_destination_port, false},
		{"flags", read_flags, false},
		{"sluice:flags-mask", read_flags_mask, false},
	};

	if (set_protocol(r, record, IPPROTO_TCP) != 0)
		return -EINVAL;
	return reader_object(r, value, MEMBERS(members), record);
}

static int read_ports_only(struct reader *r, const json_t *value, struct sluice_rule *rule, uint8_t protocol)
{
	static const struct member members[] = {
		{"source-port", read_source_port, false},
		{"destination-port", read_destination_port, false},
	};

	if (set_protocol(r, rule, protocol) != 0)
		return -EINVAL;
	return reader_object(r, value, MEMBERS(members), rule);
}

static int read_udp(struct reader *r, const json_t *value, void *record)
{
	return read_ports_only(r, value, record, IPPROTO_UDP);
}

static int read_sctp(struct reader *r, const json_t *value, void *record)
{
	return read_ports_only(r, value, record, IPPROTO_SCTP);
}

static int read_u8(struct reader *r, const json_t *value, uint8_t *out)
{
	uint32_t number;

	if (reader_number(r, value, 0, UINT8_MAX, &number) != 0)
		return -EINVAL;
	*out = (uint8_t)number;
	return 0;
}

static int read_icmp_type(struct reader *r, const json_t *value, void *record)
{
	struct sluice_rule *rule = record;

	rule->fields |= SLUICE_MATCH_ICMP_TYPE;
	return read_u8(r, value, &rule->icmp_type);
}

static int read_icmp_code(struct reader *r, const json_t *value, void *record)
{
	struct sluice_rule *rule = record;

	rule->fields |= SLUICE_MATCH_ICMP_CODE;
	return read_u8(r, value, &rule->icmp_code);
}

/* ICMP of the family that the ace names, IPv4 where it names none: families are read before it. */
static int read_icmp(struct reader *r, const json_t *value, void *record)
{
	static const struct member members[] = {{"type", read_icmp_type, false}, {"code", read_icmp_code, false}};
	struct sluice_rule *rule = record;
	bool is_v6 = rule->family == 6;

	if (set_family(r, rule, is_v6 ? 6 : 4) != 0 ||
	    set_protocol(r, rule, is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) != 0)
		return -EINVAL;
	return reader_object(r, value, MEMBERS(members), record);
}

static int read_vlan_id(struct reader *r, const json_t *value, void *record)
{
	struct sluice_rule *rule = record;
	uint32_t id;

	if (reader_number(r, value, 0, VLAN_ID_MOST, &id) != 0)
		return -EINVAL;
	rule->fields |= SLUICE_MATCH_VLAN_ID;
	rule->vlan_id = (uint16_t)id;
	return 0;
}

static int read_matches(struct reader *r, const json_t *value, void *record)
{
	static const struct member members[] = {
		{"eth", reader_eth, false}, {"sluice:vlan-id", read_vlan_id, false},   {"ipv4", read_ipv4, false},
		{"ipv6", read_ipv6, false}, {"sluice:protocol", read_protocol, false}, {"tcp", read_tcp, false},
		{"udp", read_udp, false},   {"sluice:sctp", read_sctp, false},	       {"icmp", read_icmp, false},
	};

	return reader_object(r, value, MEMBERS(members), record);
}

static int read_rule_name(struct reader *r, const json_t *value, void *record)
{
	return reader_name(r, value, ((struct sluice_rule *)record)->name);
}

static int read_priority(struct reader *r, const json_t *value, void *record)
{
	return reader_number(r, value, 0, UINT32_MAX, &((struct sluice_rule *)record)->priority);
}

static int read_direction(struct reader *r, const json_t *value, void *record)
{
	struct sluice_rule *rule = record;
	const char *word;

	if (reader_string(r, value, &word) != 0)
		return -EINVAL;
	if (strcmp(word, "in") != 0 && strcmp(word, "out") != 0)
		return reader_refuse(
			r, "\"%.64s\" is not in (from the wire to the host) or out (from the host to the wire)", word);
	rule->direction = word[0] == 'i' ? SLUICE_IN : SLUICE_OUT;
	return 0;
}

static int read_forwarding(struct reader *r, const json_t *value, void *record)
{
	return reader_action(r, value, true, &((struct sluice_rule *)record)->action);
}

static int read_actions(struct reader *r, const json_t *value, void *record)
{
	static const struct member members[] = {{"forwarding", read_forwarding, true}};

	return reader_object(r, value, MEMBERS(members), record);
}

int reader_rule(struct reader *r, const json_t *value, struct sluice_rule *rule)
{
	static const struct member members[] = {
		{"name", read_rule_name, true},
		{"sluice:priority", read_priority, false},
		{"sluice:direction", read_direction, true},
		{"matches", read_matches, false},
		{"actions", read_actions, true},
	};

	rule->priority = POLICY_DEFAULT_PRIORITY;
	return reader_object(r, value, MEMBERS(members), rule);
}
