/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether a rule is well-formed, and whether any packet can match it: docs/policy.md, "Refused as impossible". */
#include "policy/limits.h"
#include "policy/policy.h"

#include <netinet/in.h>
#include <string.h>

#define AT(member)   ((uint32_t)offsetof(struct sluice_rule, member))
#define SIZE(member) ((uint32_t)sizeof(((struct sluice_rule *)0)->member))

#define ETHERTYPE_IPV4 0x0800u
#define ETHERTYPE_IPV6 0x86ddu

/* Which members belong to which match. */
static const struct {
	uint32_t field, offset, size;
} members[] = {
#define M(field, member)                                                                                               \
	{                                                                                                              \
		SLUICE_MATCH_##field, AT(member), SIZE(member)                                                         \
	}
	M(FAMILY, family),	 M(PROTOCOL, protocol),	   M(SRC_ADDR, src_prefix), M(DST_ADDR, dst_prefix),
	M(ICMP_TYPE, icmp_type), M(ICMP_CODE, icmp_code),  M(SRC_ADDR, src_addr),   M(DST_ADDR, dst_addr),
	M(SRC_PORT, src_port),	 M(DST_PORT, dst_port),	   M(TCP_FLAGS, tcp_flags), M(TCP_FLAGS, tcp_flags_mask),
	M(VLAN_ID, vlan_id),	 M(ETHERTYPE, ethertype),  M(SRC_MAC, src_mac),	    M(SRC_MAC, src_mac_mask),
	M(DST_MAC, dst_mac),	 M(DST_MAC, dst_mac_mask),
#undef M
};

typedef enum sluice_status check_fn(const struct sluice_rule *rule, uint32_t *offset);

static enum sluice_status refuse(uint32_t *offset, uint32_t at, enum sluice_status status)
{
	*offset = at;
	return status;
}

static bool has(const struct sluice_rule *rule, uint32_t fields)
{
	return (rule->fields & fields) != 0;
}

/* Index of the first byte that is not zero; size where all are. */
static uint32_t first_set(const void *bytes, uint32_t size)
{
	const uint8_t *byte = bytes;
	uint32_t i = 0;

	while (i < size && byte[i] == 0)
		i++;
	return i;
}

static bool is_name_character(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
	       c == '-';
}

bool policy_name_is_valid(const char name[SLUICE_NAME_SIZE], uint32_t *bad)
{
	uint32_t used = 0, at;

	while (used < SLUICE_NAME_SIZE - 1 && is_name_character(name[used]))
		used++;
	at = used + first_set(name + used, SLUICE_NAME_SIZE - used);
	if (used > 0 && at == SLUICE_NAME_SIZE)
		return true;
	if (bad != NULL)
		*bad = used == 0 ? 0 : at;
	return false;
}

static enum sluice_status check_values(const struct sluice_rule *rule, uint32_t *offset)
{
	if (rule->direction >= SLUICE_DIRECTIONS)
		return refuse(offset, AT(direction), SLUICE_STATUS_BAD_VALUE);
	if (rule->action >= SLUICE_ACTIONS)
		return refuse(offset, AT(action), SLUICE_STATUS_BAD_VALUE);
	if ((rule->fields & ~(uint32_t)SLUICE_MATCH_ALL) != 0)
		return refuse(offset, AT(fields), SLUICE_STATUS_BAD_VALUE);
	if (has(rule, SLUICE_MATCH_FAMILY) && rule->family != 4 && rule->family != 6)
		return refuse(offset, AT(family), SLUICE_STATUS_BAD_VALUE);
	if (has(rule, SLUICE_MATCH_VLAN_ID) && rule->vlan_id > VLAN_ID_MOST)
		return refuse(offset, AT(vlan_id), SLUICE_STATUS_BAD_VALUE);
	if (has(rule, SLUICE_MATCH_ETHERTYPE) && rule->ethertype < ETHERTYPE_LEAST)
		return refuse(offset, AT(ethertype), SLUICE_STATUS_BAD_VALUE);
	return SLUICE_STATUS_OK;
}

/* Two rules that mean the same are the same bytes, and what is unused stays usable later. */
static enum sluice_status check_unused(const struct sluice_rule *rule, uint32_t *offset)
{
	const uint8_t *bytes = (const uint8_t *)rule;
	uint32_t set;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (has(rule, members[i].field))
			continue;
		set = first_set(bytes + members[i].offset, members[i].size);
		if (set < members[i].size)
			return refuse(offset, members[i].offset + set, SLUICE_STATUS_BAD_VALUE);
	}
	set = first_set(rule->reserved, SIZE(reserved));
	if (set < SIZE(reserved))
		return refuse(offset, AT(reserved) + set, SLUICE_STATUS_BAD_RESERVED);
	return SLUICE_STATUS_OK;
}

static bool has_host_bits(const uint8_t addr[16], uint8_t prefix)
{
	uint32_t whole = prefix / 8, rest = prefix % 8;

	if (rest != 0 && (addr[whole++] & (0xff >> rest)) != 0)
		return true;
	return first_set(addr + whole, 16 - whole) < 16 - whole;
}

static enum sluice_status check_addresses(const struct sluice_rule *rule, uint32_t *offset)
{
	uint8_t most = rule->family == 4 ? 32 : 128;

	if (has(rule, SLUICE_MATCH_SRC_ADDR | SLUICE_MATCH_DST_ADDR) && !has(rule, SLUICE_MATCH_FAMILY))
		return refuse(offset, AT(fields), SLUICE_STATUS_BAD_VALUE);
	if (rule->src_prefix > most)
		return refuse(offset, AT(src_prefix), SLUICE_STATUS_BAD_VALUE);
	if (rule->dst_prefix > most)
		return refuse(offset, AT(dst_prefix), SLUICE_STATUS_BAD_VALUE);
	if (has_host_bits(rule->src_addr, rule->src_prefix))
		return refuse(offset, AT(src_addr), SLUICE_STATUS_HOST_BITS);
	if (has_host_bits(rule->dst_addr, rule->dst_prefix))
		return refuse(offset, AT(dst_addr), SLUICE_STATUS_HOST_BITS);
	return SLUICE_STATUS_OK;
}

static bool has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

static enum sluice_status check_ports(const struct sluice_rule *rule, uint32_t *offset)
{
	if (has(rule, SLUICE_MATCH_SRC_PORT) && !has_ports(rule->protocol))
		return refuse(offset, AT(src_port), SLUICE_STATUS_IMPOSSIBLE_RULE);
	if (has(rule, SLUICE_MATCH_DST_PORT) && !has_ports(rule->protocol))
		return refuse(offset, AT(dst_port), SLUICE_STATUS_IMPOSSIBLE_RULE);
	if (rule->src_port[0] > rule->src_port[1])
		return refuse(offset, AT(src_port), SLUICE_STATUS_BAD_RANGE);
	if (rule->dst_port[0] > rule->dst_port[1])
		return refuse(offset, AT(dst_port), SLUICE_STATUS_BAD_RANGE);
	return SLUICE_STATUS_OK;
}

static bool is_icmp(const struct sluice_rule *rule)
{
	return (rule->family == 4 && rule->protocol == IPPROTO_ICMP) ||
	       (rule->family == 6 && rule->protocol == IPPROTO_ICMPV6);
}

static enum sluice_status check_icmp(const struct sluice_rule *rule, uint32_t *offset)
{
	if (has(rule, SLUICE_MATCH_ICMP_TYPE) && !is_icmp(rule))
		return refuse(offset, AT(icmp_type), SLUICE_STATUS_IMPOSSIBLE_RULE);
	if (has(rule, SLUICE_MATCH_ICMP_CODE) && !is_icmp(rule))
		return refuse(offset, AT(icmp_code), SLUICE_STATUS_IMPOSSIBLE_RULE);
	return SLUICE_STATUS_OK;
}

static enum sluice_status check_flags(const struct sluice_rule *rule, uint32_t *offset)
{
	if (has(rule, SLUICE_MATCH_TCP_FLAGS) && rule->protocol != IPPROTO_TCP)
		return refuse(offset, AT(tcp_flags), SLUICE_STATUS_IMPOSSIBLE_RULE);
	if ((rule->tcp_flags & ~rule->tcp_flags_mask) != 0)
		return refuse(offset, AT(tcp_flags_mask), SLUICE_STATUS_IMPOSSIBLE_RULE);
	return SLUICE_STATUS_OK;
}

static enum sluice_status check_ethertype(const struct sluice_rule *rule, uint32_t *offset)
{
	bool possible;

	if (!has(rule, SLUICE_MATCH_ETHERTYPE))
		return SLUICE_STATUS_OK;
	if (rule->ethertype == ETHERTYPE_IPV4)
		possible = rule->family != 6;
	else if (rule->ethertype == ETHERTYPE_IPV6)
		possible = rule->family != 4;
	else
		possible = !has(rule, SLUICE_MATCH_FAMILY | SLUICE_MATCH_PROTOCOL);
	return possible ? SLUICE_STATUS_OK : refuse(offset, AT(ethertype), SLUICE_STATUS_IMPOSSIBLE_RULE);
}

static enum sluice_status check_macs(const struct sluice_rule *rule, uint32_t *offset)
{
	for (uint32_t i = 0; i < SIZE(src_mac); i++) {
		if ((rule->src_mac[i] & ~rule->src_mac_mask[i]) != 0)
			return refuse(offset, AT(src_mac) + i, SLUICE_STATUS_IMPOSSIBLE_RULE);
		if ((rule->dst_mac[i] & ~rule->dst_mac_mask[i]) != 0)
			return refuse(offset, AT(dst_mac) + i, SLUICE_STATUS_IMPOSSIBLE_RULE);
	}
	return SLUICE_STATUS_OK;
}

enum sluice_status policy_check_rule(const struct sluice_rule *rule, bool name_required, uint32_t *offset_in_rule)
{
	static check_fn *const checks[] = {
		check_values, check_unused, check_addresses, check_ports,
		check_icmp,   check_flags,  check_ethertype, check_macs,
	};
	bool unnamed = first_set(rule->name, SLUICE_NAME_SIZE) == SLUICE_NAME_SIZE;

	*offset_in_rule = AT(name);
	if ((name_required || !unnamed) && !policy_name_is_valid(rule->name, offset_in_rule))
		return SLUICE_STATUS_BAD_NAME;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		enum sluice_status status = checks[i](rule, offset_in_rule);

		if (status != SLUICE_STATUS_OK)
			return status;
	}
	return SLUICE_STATUS_OK;
}
