/* SPDX-License-Identifier: BSD-3-Clause */
/* What a status means for one member of a rule. */
#include "policy/policy.h"

#define AT(member)   ((uint32_t)offsetof(struct sluice_rule, member))
#define SIZE(member) ((uint32_t)sizeof(((struct sluice_rule *)0)->member))

/* X(status, member, text) */
#define REASONS(X)                                                                                                     \
	X(IMPOSSIBLE_RULE, src_port, "ports need tcp, udp or sctp")                                                    \
	X(IMPOSSIBLE_RULE, dst_port, "ports need tcp, udp or sctp")                                                    \
	X(IMPOSSIBLE_RULE, icmp_type, "an ICMP type needs ICMP (IPv4) or ICMPv6 (IPv6)")                               \
	X(IMPOSSIBLE_RULE, icmp_code, "an ICMP code needs ICMP (IPv4) or ICMPv6 (IPv6)")                               \
	X(IMPOSSIBLE_RULE, tcp_flags, "flags need tcp")                                                                \
	X(IMPOSSIBLE_RULE, tcp_flags_mask, "flags are set that the mask leaves out, so no packet can match")           \
	X(IMPOSSIBLE_RULE, ethertype, "EtherType contradicts the rule's IP match, so no packet can match")             \
	X(IMPOSSIBLE_RULE, src_mac, "MAC address has bits set that its mask leaves out, so no packet can match")       \
	X(IMPOSSIBLE_RULE, dst_mac, "MAC address has bits set that its mask leaves out, so no packet can match")       \
	X(BAD_VALUE, vlan_id, "VLAN id is above 4095")                                                                 \
	X(BAD_VALUE, ethertype, "EtherType is under 0x0600: smaller numbers are frame lengths")                        \
	X(BAD_VALUE, src_prefix, "prefix length is above 32 (IPv4) or 128 (IPv6)")                                     \
	X(BAD_VALUE, dst_prefix, "prefix length is above 32 (IPv4) or 128 (IPv6)")                                     \
	X(BAD_VALUE, fields, "an address needs an IP family")

static const struct {
	enum sluice_status status;
	uint32_t offset, size;
	const char *text;
} reasons[] = {
#define X(status, member, text) {SLUICE_STATUS_##status, AT(member), SIZE(member), text},
	REASONS(X)
#undef X
};

const char *policy_rule_reason(enum sluice_status status, uint32_t offset)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status && offset - reasons[i].offset < reasons[i].size)
			return reasons[i].text;
	return sluice_status_text((uint16_t)status);
}
