/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmocka_all.h"
#include "random_policy.h"
#include "sample.h"

#define FIELDS(names) r->fields |= (names)
#define TCP	      (FIELDS(SLUICE_MATCH_PROTOCOL), r->protocol = 6)
#define IPV4	      (FIELDS(SLUICE_MATCH_FAMILY), r->family = 4)
#define IPV6	      (FIELDS(SLUICE_MATCH_FAMILY), r->family = 6)

/* X(test, how the rule is made from one without matches, status, member) */
#define BAD_RULES(X)                                                                                                   \
	X(name_character, r->name[0] = ' ', BAD_NAME, name)                                                            \
	X(name_padding, r->name[31] = 'x', BAD_NAME, name[31])                                                         \
	X(direction, r->direction = 2, BAD_VALUE, direction)                                                           \
	X(action, r->action = 3, BAD_VALUE, action)                                                                    \
	X(unknown_field, FIELDS(1u << SLUICE_MATCH_COUNT), BAD_VALUE, fields)                                          \
	X(reserved, r->reserved[4] = 1, BAD_RESERVED, reserved[4])                                                     \
	X(unused_family, r->family = 4, BAD_VALUE, family)                                                             \
	X(unused_protocol, r->protocol = 6, BAD_VALUE, protocol)                                                       \
	X(unused_src_prefix, r->src_prefix = 1, BAD_VALUE, src_prefix)                                                 \
	X(unused_dst_prefix, r->dst_prefix = 1, BAD_VALUE, dst_prefix)                                                 \
	X(unused_src_addr, r->src_addr[15] = 1, BAD_VALUE, src_addr[15])                                               \
	X(unused_dst_addr, r->dst_addr[3] = 1, BAD_VALUE, dst_addr[3])                                                 \
	X(unused_src_port, r->src_port[1] = 1, BAD_VALUE, src_port[1])                                                 \
	X(unused_dst_port, r->dst_port[0] = 1, BAD_VALUE, dst_port[0])                                                 \
	X(unused_icmp_type, r->icmp_type = 1, BAD_VALUE, icmp_type)                                                    \
	X(unused_icmp_code, r->icmp_code = 1, BAD_VALUE, icmp_code)                                                    \
	X(unused_tcp_flags, r->tcp_flags = 1, BAD_VALUE, tcp_flags)                                                    \
	X(unused_tcp_flags_mask, r->tcp_flags_mask = 1, BAD_VALUE, tcp_flags_mask)                                     \
	X(unused_vlan_id, r->vlan_id = 1, BAD_VALUE, vlan_id)                                                          \
	X(unused_ethertype, r->ethertype = 1, BAD_VALUE, ethertype)                                                    \
	X(unused_src_mac, r->src_mac[5] = 1, BAD_VALUE, src_mac[5])                                                    \
	X(unused_src_mac_mask, r->src_mac_mask[0] = 1, BAD_VALUE, src_mac_mask[0])                                     \
	X(unused_dst_mac, r->dst_mac[2] = 1, BAD_VALUE, dst_mac[2])                                                    \
	X(unused_dst_mac_mask, r->dst_mac_mask[2] = 1, BAD_VALUE, dst_mac_mask[2])                                     \
	X(family, (FIELDS(SLUICE_MATCH_FAMILY), r->family = 5), BAD_VALUE, family)                                     \
	X(family_zero, FIELDS(SLUICE_MATCH_FAMILY), BAD_VALUE, family)                                                 \
	X(vlan_id, (FIELDS(SLUICE_MATCH_VLAN_ID), r->vlan_id = 4096), BAD_VALUE, vlan_id)                              \
	X(ethertype, (FIELDS(SLUICE_MATCH_ETHERTYPE), r->ethertype = 0x5ff), BAD_VALUE, ethertype)                     \
	X(address_without_family, FIELDS(SLUICE_MATCH_SRC_ADDR), BAD_VALUE, fields)                                    \
	X(src_prefix_v4, (IPV4, FIELDS(SLUICE_MATCH_SRC_ADDR), r->src_prefix = 33), BAD_VALUE, src_prefix)             \
	X(dst_prefix_v4, (IPV4, FIELDS(SLUICE_MATCH_DST_ADDR), r->dst_prefix = 33), BAD_VALUE, dst_prefix)             \
	X(dst_prefix_v6, (IPV6, FIELDS(SLUICE_MATCH_DST_ADDR), r->dst_prefix = 129), BAD_VALUE, dst_prefix)            \
	X(src_host_bits, (IPV4, FIELDS(SLUICE_MATCH_SRC_ADDR), r->src_prefix = 9, r->src_addr[1] = 0x40), HOST_BITS,   \
	  src_addr)                                                                                                    \
	X(src_host_bytes, (IPV4, FIELDS(SLUICE_MATCH_SRC_ADDR), r->src_prefix = 8, r->src_addr[1] = 0x80), HOST_BITS,  \
	  src_addr)                                                                                                    \
	X(v4_beyond_4_bytes, (IPV4, FIELDS(SLUICE_MATCH_SRC_ADDR), r->src_prefix = 32, r->src_addr[4] = 1), HOST_BITS, \
	  src_addr)                                                                                                    \
	X(dst_host_bits, (IPV6, FIELDS(SLUICE_MATCH_DST_ADDR), r->dst_prefix = 127, r->dst_addr[15] = 1), HOST_BITS,   \
	  dst_addr)                                                                                                    \
	X(src_port_without_protocol, FIELDS(SLUICE_MATCH_SRC_PORT), IMPOSSIBLE_RULE, src_port)                         \
	X(dst_port_without_protocol, FIELDS(SLUICE_MATCH_DST_PORT), IMPOSSIBLE_RULE, dst_port)                         \
	X(port_of_gre, (TCP, r->protocol = 47, FIELDS(SLUICE_MATCH_DST_PORT)), IMPOSSIBLE_RULE, dst_port)              \
	X(src_port_range, (TCP, FIELDS(SLUICE_MATCH_SRC_PORT), r->src_port[0] = 1), BAD_RANGE, src_port)               \
	X(dst_port_range, (TCP, FIELDS(SLUICE_MATCH_DST_PORT), r->dst_port[0] = 1), BAD_RANGE, dst_port)               \
	X(icmp_type_alone, FIELDS(SLUICE_MATCH_ICMP_TYPE), IMPOSSIBLE_RULE, icmp_type)                                 \
	X(icmp_type_of_tcp, (IPV4, TCP, FIELDS(SLUICE_MATCH_ICMP_TYPE)), IMPOSSIBLE_RULE, icmp_type)                   \
	X(icmp_in_ipv6, (IPV6, TCP, r->protocol = 1, FIELDS(SLUICE_MATCH_ICMP_CODE)), IMPOSSIBLE_RULE, icmp_code)      \
	X(icmpv6_in_ipv4, (IPV4, TCP, r->protocol = 58, FIELDS(SLUICE_MATCH_ICMP_TYPE)), IMPOSSIBLE_RULE, icmp_type)   \
	X(icmp_without_family, (TCP, r->protocol = 1, FIELDS(SLUICE_MATCH_ICMP_TYPE)), IMPOSSIBLE_RULE, icmp_type)     \
	X(flags_without_tcp, FIELDS(SLUICE_MATCH_TCP_FLAGS), IMPOSSIBLE_RULE, tcp_flags)                               \
	X(flags_of_udp, (TCP, r->protocol = 17, FIELDS(SLUICE_MATCH_TCP_FLAGS)), IMPOSSIBLE_RULE, tcp_flags)           \
	X(flags_outside_mask, (TCP, FIELDS(SLUICE_MATCH_TCP_FLAGS), r->tcp_flags = 3, r->tcp_flags_mask = 2),          \
	  IMPOSSIBLE_RULE, tcp_flags_mask)                                                                             \
	X(ethertype_ip_with_ipv6, (IPV6, FIELDS(SLUICE_MATCH_ETHERTYPE), r->ethertype = 0x0800), IMPOSSIBLE_RULE,      \
	  ethertype)                                                                                                   \
	X(ethertype_ipv6_with_ip, (IPV4, FIELDS(SLUICE_MATCH_ETHERTYPE), r->ethertype = 0x86dd), IMPOSSIBLE_RULE,      \
	  ethertype)                                                                                                   \
	X(ethertype_arp_with_ip, (IPV4, FIELDS(SLUICE_MATCH_ETHERTYPE), r->ethertype = 0x0806), IMPOSSIBLE_RULE,       \
	  ethertype)                                                                                                   \
	X(ethertype_arp_with_tcp, (TCP, FIELDS(SLUICE_MATCH_ETHERTYPE), r->ethertype = 0x0806), IMPOSSIBLE_RULE,       \
	  ethertype)                                                                                                   \
	X(src_mac_outside_mask, (FIELDS(SLUICE_MATCH_SRC_MAC), r->src_mac[3] = 1, r->src_mac_mask[3] = 2),             \
	  IMPOSSIBLE_RULE, src_mac[3])                                                                                 \
	X(dst_mac_outside_mask, (FIELDS(SLUICE_MATCH_DST_MAC), r->dst_mac[5] = 1), IMPOSSIBLE_RULE, dst_mac[5])

static void expect(const struct sluice_rule *rule, bool name_required, enum sluice_status status, size_t offset)
{
	uint32_t got_offset = 0;
	enum sluice_status got = policy_check_rule(rule, name_required, &got_offset);

	assert_string_equal(sluice_status_name((uint16_t)got), sluice_status_name((uint16_t)status));
	if (status != SLUICE_STATUS_OK)
		assert_int_equal(got_offset, offset);
}

#define X(test, change, status, member)                                                                                \
	static void refuses_##test(void **state)                                                                       \
	{                                                                                                              \
		struct sluice_rule rule = {0}, *r = &rule;                                                             \
                                                                                                                       \
		(void)state;                                                                                           \
		sample_rule(r, "name");                                                                                \
		change;                                                                                                \
		expect(r, true, SLUICE_STATUS_##status, offsetof(struct sluice_rule, member));                         \
		assert_true(policy_rule_reason(SLUICE_STATUS_##status, offsetof(struct sluice_rule, member))[0]);      \
	}
BAD_RULES(X)
#undef X

static void needs_a_name_only_where_required(void **state)
{
	struct sluice_rule rule = {0};

	(void)state;
	expect(&rule, true, SLUICE_STATUS_BAD_NAME, 0);
	expect(&rule, false, SLUICE_STATUS_OK, 0);
	rule.name[31] = 'x';
	expect(&rule, false, SLUICE_STATUS_BAD_NAME, 0);
}

/* What stands next to the refused combinations and is possible. */
#define GOOD_RULES(X)                                                                                                  \
	X(ethertype_ip_with_tcp, (TCP, FIELDS(SLUICE_MATCH_ETHERTYPE), r->ethertype = 0x0800))                         \
	X(ethertype_0x0600, (FIELDS(SLUICE_MATCH_ETHERTYPE), r->ethertype = 0x0600))                                   \
	X(vlan_4095, (FIELDS(SLUICE_MATCH_VLAN_ID), r->vlan_id = 4095))                                                \
	X(icmp_protocol_in_ipv6, (IPV6, TCP, r->protocol = 1))                                                         \
	X(flags_all_clear, (TCP, FIELDS(SLUICE_MATCH_TCP_FLAGS), r->tcp_flags_mask = 0x12))                            \
	X(port_zero, (TCP, FIELDS(SLUICE_MATCH_DST_PORT)))                                                             \
	X(whole_address_space, (IPV4, FIELDS(SLUICE_MATCH_SRC_ADDR)))                                                  \
	X(one_ipv6_host, (IPV6, FIELDS(SLUICE_MATCH_SRC_ADDR), r->src_prefix = 128, r->src_addr[15] = 1))

#define X(test, change)                                                                                                \
	static void accepts_##test(void **state)                                                                       \
	{                                                                                                              \
		struct sluice_rule rule = {0}, *r = &rule;                                                             \
                                                                                                                       \
		(void)state;                                                                                           \
		change;                                                                                                \
		expect(r, false, SLUICE_STATUS_OK, 0);                                                                 \
	}
GOOD_RULES(X)
#undef X

static void accepts_random_valid_rules(void **state)
{
	struct sluice_rule rule;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		random_rule(&rule);
		expect(&rule, false, SLUICE_STATUS_OK, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(needs_a_name_only_where_required),
					   cmocka_unit_test(accepts_random_valid_rules),
#define X(test, change) cmocka_unit_test(accepts_##test),
					   GOOD_RULES(X)
#undef X
#define X(test, change, status, member) cmocka_unit_test(refuses_##test),
						   BAD_RULES(X)
#undef X
	};

	random_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
