/* SPDX-License-Identifier: BSD-3-Clause */
/* Random policies that are valid by construction. The seed is printed; SLUICE_TEST_SEED=N repeats a run. */
#ifndef TEST_RANDOM_POLICY_H
#define TEST_RANDOM_POLICY_H

#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t random_state;

static inline void random_start(void)
{
	const char *given = getenv("SLUICE_TEST_SEED");

	random_state = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	printf("SLUICE_TEST_SEED=%llu\n", (unsigned long long)random_state);
	random_state = random_state * 2 + 1; /* xorshift must not start with zero */
}

/* 0 to below - 1 */
static inline uint32_t random_below(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 16) % below);
}

static inline bool random_bool(void)
{
	return random_below(2) == 1;
}

static inline void random_bytes(uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)random_below(256);
}

static inline void random_prefix(uint8_t family, uint8_t addr[16], uint8_t *prefix)
{
	*prefix = (uint8_t)random_below(family == 4 ? 33 : 129);
	random_bytes(addr, 16);
	for (unsigned bit = *prefix; bit < 128; bit++)
		addr[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

static inline void random_range(uint16_t ends[2])
{
	uint16_t a = (uint16_t)random_below(65536), b = random_bool() ? a : (uint16_t)random_below(65536);

	ends[0] = a < b ? a : b;
	ends[1] = a < b ? b : a;
}

static inline void random_mac(uint8_t mac[6], uint8_t mask[6])
{
	memset(mask, 0xff, 6);
	if (random_bool())
		random_bytes(mask, 6);
	random_bytes(mac, 6);
	for (int i = 0; i < 6; i++)
		mac[i] &= mask[i];
}

static inline void random_layer4(struct sluice_rule *rule)
{
	static const uint8_t protocols[] = {1, 6, 6, 17, 58, 132, 47, 0, 255};

	rule->fields |= SLUICE_MATCH_PROTOCOL;
	rule->protocol = protocols[random_below(sizeof(protocols))];
	if (rule->protocol == 6 || rule->protocol == 17 || rule->protocol == 132) {
		if (random_bool()) {
			rule->fields |= SLUICE_MATCH_SRC_PORT;
			random_range(rule->src_port);
		}
		if (random_bool()) {
			rule->fields |= SLUICE_MATCH_DST_PORT;
			random_range(rule->dst_port);
		}
	}
	if (rule->protocol == 6 && random_bool()) {
		rule->fields |= SLUICE_MATCH_TCP_FLAGS;
		rule->tcp_flags_mask = (uint8_t)random_below(256);
		rule->tcp_flags = rule->tcp_flags_mask & (uint8_t)(random_bool() ? 255u : random_below(256));
	}
	if ((rule->family == 4 && rule->protocol == 1) || (rule->family == 6 && rule->protocol == 58)) {
		if (random_bool()) {
			rule->fields |= SLUICE_MATCH_ICMP_TYPE;
			rule->icmp_type = (uint8_t)random_below(256);
		}
		if (random_bool()) {
			rule->fields |= SLUICE_MATCH_ICMP_CODE;
			rule->icmp_code = (uint8_t)random_below(256);
		}
	}
}

static inline void random_ip(struct sluice_rule *rule)
{
	if (random_below(4) > 0) {
		rule->fields |= SLUICE_MATCH_FAMILY;
		rule->family = random_bool() ? 4 : 6;
		if (random_bool()) {
			rule->fields |= SLUICE_MATCH_SRC_ADDR;
			random_prefix(rule->family, rule->src_addr, &rule->src_prefix);
		}
		if (random_bool()) {
			rule->fields |= SLUICE_MATCH_DST_ADDR;
			random_prefix(rule->family, rule->dst_addr, &rule->dst_prefix);
		}
	}
	if (random_below(4) > 0)
		random_layer4(rule);
}

static inline void random_ethernet(struct sluice_rule *rule)
{
	if (random_bool()) {
		rule->fields |= SLUICE_MATCH_VLAN_ID;
		rule->vlan_id = (uint16_t)random_below(4096);
	}
	if (random_bool()) {
		rule->fields |= SLUICE_MATCH_SRC_MAC;
		random_mac(rule->src_mac, rule->src_mac_mask);
	}
	if (random_bool()) {
		rule->fields |= SLUICE_MATCH_DST_MAC;
		random_mac(rule->dst_mac, rule->dst_mac_mask);
	}
	if (random_bool()) {
		rule->fields |= SLUICE_MATCH_ETHERTYPE;
		rule->ethertype = rule->family == 4 ? 0x0800 : 0x86dd;
		if ((rule->fields & (SLUICE_MATCH_FAMILY | SLUICE_MATCH_PROTOCOL)) == 0)
			rule->ethertype = (uint16_t)(0x600 + random_below(0x10000 - 0x600));
	}
}

/* A valid rule without a name. */
static inline void random_rule(struct sluice_rule *rule)
{
	memset(rule, 0, sizeof(*rule));
	rule->priority = random_bool() ? 1000 : random_below(UINT32_MAX);
	rule->direction = (uint8_t)random_below(SLUICE_DIRECTIONS);
	rule->action = (uint8_t)random_below(SLUICE_ACTIONS);
	random_ip(rule);
	random_ethernet(rule);
}

#endif
