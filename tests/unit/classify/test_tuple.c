/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random rule sets and keys, held against a linear scan with classify_rule_matches(), and building without memory.
 * SLUICE_TEST_SEED repeats a run.
 */
#include "classify/classify.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { RULES_MAX = 5000, BURST_MAX = 300 };

#define COUNT_OF(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

static struct sluice_rule rules[RULES_MAX];
static const struct sluice_rule *pointers[RULES_MAX];

/* ---- memory that runs out ---- */

static int allocations_left = -1; /* below 0: as many as wanted */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	if (allocations_left == 0)
		return NULL;
	if (allocations_left > 0)
		allocations_left--;
	return __real_calloc(count, size);
}

static struct classifier *build(uint32_t count)
{
	struct classifier *classifier = NULL;

	for (uint32_t i = 0; i < count; i++)
		pointers[i] = &rules[i];
	assert_int_equal(classify_build(pointers, count, &classifier), 0);
	assert_non_null(classifier);
	return classifier;
}

/* Rank of the first rule with from <= rank < before that matches, and counts or does not. */
static uint32_t scan(const struct packet_key *key, bool counting, uint32_t from, uint32_t before)
{
	for (uint32_t rank = from; rank < before; rank++) {
		if ((rules[rank].action == SLUICE_COUNT) == counting && classify_rule_matches(&rules[rank], key))
			return rank;
	}
	return CLASSIFY_NO_MATCH;
}

/* ---- random sets against a linear scan ---- */

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 33) % limit;
}

static bool chance(uint32_t percent)
{
	return random_below(100) < percent;
}

static void seed_random(void)
{
	const char *seed = getenv("SLUICE_TEST_SEED");

	random_state = seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) * 2654435761u + 1;
	printf("SLUICE_TEST_SEED=%llu\n", (unsigned long long)random_state);
}

static void fill_random(uint8_t *bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)random_below(256);
}

static void keep_bits(uint8_t *address, uint32_t length)
{
	for (uint32_t bit = length; bit < 128; bit++)
		address[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

/* Few networks, so that rules overlap; lengths as access lists have them. */
static void random_prefix(uint8_t family, uint8_t *address, uint8_t *prefix)
{
	static const uint8_t ipv4[] = {0, 8, 15, 16, 17, 20, 24, 24, 26, 28, 30, 32, 32, 32, 32, 32};
	static const uint8_t ipv6[] = {0, 16, 32, 32, 40, 48, 48, 56, 63, 64, 64, 64, 96, 127, 128, 128};

	*prefix = family == 4 ? ipv4[random_below(16)] : ipv6[random_below(16)];
	for (uint32_t i = 0; i < (family == 4 ? 4u : 16u); i++)
		address[i] = (uint8_t)random_below(i == 3 ? 64 : 3);
	keep_bits(address, *prefix);
}

static void random_range(uint16_t range[2])
{
	static const uint16_t known[] = {22, 53, 80, 443, 8080};
	uint32_t low = random_below(65536);

	if (chance(75))
		range[0] = range[1] = known[random_below(5)];
	else if (chance(30))
		range[0] = 1024, range[1] = 65535;
	else
		range[0] = (uint16_t)low, range[1] = (uint16_t)(low + random_below(65536 - low));
}

static void random_ip(struct sluice_rule *rule)
{
	static const uint8_t protocols[] = {6, 6, 6, 17, 17, 132, 1, 47};

	if (chance(95)) {
		rule->fields |= SLUICE_MATCH_FAMILY;
		rule->family = chance(70) ? 4 : 6;
	}
	if (chance(70)) {
		rule->fields |= SLUICE_MATCH_PROTOCOL;
		rule->protocol = protocols[random_below(8)];
	}
	if (rule->family != 0 && chance(80)) {
		rule->fields |= SLUICE_MATCH_SRC_ADDR;
		random_prefix(rule->family, rule->src_addr, &rule->src_prefix);
	}
	if (rule->family != 0 && chance(80)) {
		rule->fields |= SLUICE_MATCH_DST_ADDR;
		random_prefix(rule->family, rule->dst_addr, &rule->dst_prefix);
	}
}

static void random_layer4(struct sluice_rule *rule)
{
	if (rule->protocol == 1) {
		rule->fields |= SLUICE_MATCH_ICMP_TYPE;
		rule->icmp_type = (uint8_t)random_below(16);
		if (chance(50)) {
			rule->fields |= SLUICE_MATCH_ICMP_CODE;
			rule->icmp_code = (uint8_t)random_below(4);
		}
		return;
	}
	if (rule->protocol == 47 || rule->protocol == 0)
		return;
	if (chance(20)) {
		rule->fields |= SLUICE_MATCH_SRC_PORT;
		random_range(rule->src_port);
	}
	if (chance(75)) {
		rule->fields |= SLUICE_MATCH_DST_PORT;
		random_range(rule->dst_port);
	}
	if (rule->protocol == 6 && chance(10)) {
		rule->fields |= SLUICE_MATCH_TCP_FLAGS;
		rule->tcp_flags_mask = (uint8_t)random_below(64);
		rule->tcp_flags = (uint8_t)(random_below(64) & rule->tcp_flags_mask);
	}
}

static void random_mac(uint8_t mac[6], uint8_t mask[6])
{
	memset(mask, 0xff, 6);
	if (chance(30))
		fill_random(mask, 6);
	for (uint32_t i = 0; i < 6; i++)
		mac[i] = (uint8_t)random_below(4) & mask[i];
}

static void random_layer2(struct sluice_rule *rule)
{
	if (chance(30)) {
		rule->fields |= SLUICE_MATCH_VLAN_ID;
		rule->vlan_id = (uint16_t)random_below(8);
	}
	if (rule->fields == 0 && chance(30)) {
		rule->fields |= SLUICE_MATCH_ETHERTYPE;
		rule->ethertype = (uint16_t)(0x0800 + random_below(8));
	}
	if (chance(30)) {
		rule->fields |= SLUICE_MATCH_SRC_MAC;
		random_mac(rule->src_mac, rule->src_mac_mask);
	}
	if (chance(30)) {
		rule->fields |= SLUICE_MATCH_DST_MAC;
		random_mac(rule->dst_mac, rule->dst_mac_mask);
	}
}

static uint8_t random_action(uint32_t counts_percent)
{
	return (uint8_t)(chance(counts_percent) ? SLUICE_COUNT : random_below(2));
}

/* A shape makes rule @p rank of a set. */
typedef void (*shape)(struct sluice_rule *rule, uint32_t rank);

static void shape_acl(struct sluice_rule *rule, uint32_t rank)
{
	(void)rank;
	rule->action = random_action(10);
	random_ip(rule);
	random_layer4(rule);
}

static void shape_mixed(struct sluice_rule *rule, uint32_t rank)
{
	(void)rank;
	rule->action = random_action(30);
	if (chance(70)) {
		random_ip(rule);
		random_layer4(rule);
	}
	if (chance(50))
		random_layer2(rule);
}

/* As many tuples as there can be: all pairs of prefix lengths, and protocol, VLAN and MACs now and then. */
static void shape_many_tuples(struct sluice_rule *rule, uint32_t rank)
{
	rule->action = random_action(2);
	rule->fields = SLUICE_MATCH_FAMILY | SLUICE_MATCH_SRC_ADDR | SLUICE_MATCH_DST_ADDR;
	rule->family = rank % 3 == 0 ? 6 : 4;
	rule->src_prefix = (uint8_t)random_below(rule->family == 4 ? 33 : 129);
	rule->dst_prefix = (uint8_t)random_below(rule->family == 4 ? 33 : 129);
	fill_random(rule->src_addr, rule->family == 4 ? 4 : 16);
	fill_random(rule->dst_addr, rule->family == 4 ? 4 : 16);
	keep_bits(rule->src_addr, rule->src_prefix);
	keep_bits(rule->dst_addr, rule->dst_prefix);
	if (chance(50)) {
		rule->fields |= SLUICE_MATCH_PROTOCOL;
		rule->protocol = chance(50) ? 6 : 17;
		random_layer4(rule);
	}
	random_layer2(rule);
}

/* Nothing to hash: port ranges for all addresses. */
static void shape_one_bucket(struct sluice_rule *rule, uint32_t rank)
{
	rule->action = (uint8_t)(rank % 2);
	rule->fields = SLUICE_MATCH_PROTOCOL | SLUICE_MATCH_SRC_PORT | SLUICE_MATCH_DST_PORT;
	rule->protocol = 17;
	rule->src_port[0] = (uint16_t)(rank * 13);
	rule->src_port[1] = (uint16_t)(rule->src_port[0] + 20 > 65535 ? 65535 : rule->src_port[0] + 20);
	rule->dst_port[0] = 1;
	rule->dst_port[1] = (uint16_t)(2 + random_below(60000));
}

static void copy_prefix(uint8_t *address, const uint8_t *prefix, uint32_t length)
{
	for (uint32_t bit = 0; bit < length; bit++) {
		uint8_t one = (uint8_t)(0x80u >> bit % 8);

		address[bit / 8] = (uint8_t)((address[bit / 8] & ~one) | (prefix[bit / 8] & one));
	}
}

static uint16_t port_in(bool asked, const uint16_t range[2])
{
	if (!asked)
		return (uint16_t)random_below(65536);
	return (uint16_t)(range[0] + random_below((uint32_t)range[1] - range[0] + 1));
}

static void copy_mac(uint8_t *mac, const uint8_t *wanted, const uint8_t *mask)
{
	for (uint32_t i = 0; i < 6; i++)
		mac[i] = (uint8_t)((random_below(4) & ~mask[i]) | wanted[i]);
}

/* The members of layer 4 that @p rule asks for, and those which its protocol has. */
static void key_layer4(const struct sluice_rule *rule, struct packet_key *key)
{
	uint32_t ports = SLUICE_MATCH_SRC_PORT | SLUICE_MATCH_DST_PORT;

	if ((rule->fields & ports) || key->protocol == 6 || key->protocol == 17) {
		key->flags |= PACKET_KEY_PORTS;
		key->src_port = port_in(rule->fields & SLUICE_MATCH_SRC_PORT, rule->src_port);
		key->dst_port = port_in(rule->fields & SLUICE_MATCH_DST_PORT, rule->dst_port);
	}
	if ((rule->fields & SLUICE_MATCH_TCP_FLAGS) || key->protocol == 6) {
		key->flags |= PACKET_KEY_TCP_FLAGS;
		key->tcp_flags = (uint8_t)((random_below(64) & ~rule->tcp_flags_mask) | rule->tcp_flags);
	}
	if ((rule->fields & (SLUICE_MATCH_ICMP_TYPE | SLUICE_MATCH_ICMP_CODE)) || key->protocol == 1) {
		key->flags |= PACKET_KEY_ICMP;
		key->icmp_type = rule->icmp_type;
		key->icmp_code = rule->icmp_code;
	}
}

static void key_ip(const struct sluice_rule *rule, struct packet_key *key)
{
	uint32_t width;

	key->family = rule->family != 0 ? rule->family : chance(50) ? 4 : 6;
	key->flags |= PACKET_KEY_IP;
	key->ethertype = key->family == 4 ? 0x0800 : 0x86dd;
	key->protocol = (rule->fields & SLUICE_MATCH_PROTOCOL) ? rule->protocol : (uint8_t)random_below(20);
	width = key->family == 4 ? 4 : 16;
	for (uint32_t i = 0; i < width; i++) {
		key->src[i] = (uint8_t)random_below(i == 3 ? 64 : 3);
		key->dst[i] = (uint8_t)random_below(i == 3 ? 64 : 3);
	}
	copy_prefix(key->src, rule->src_addr, rule->src_prefix);
	copy_prefix(key->dst, rule->dst_addr, rule->dst_prefix);
	key_layer4(rule, key);
}

/* A packet that @p rule matches. */
static struct packet_key key_for(const struct sluice_rule *rule)
{
	struct packet_key key = {0};

	if ((rule->fields & SLUICE_MATCH_ETHERTYPE) || (rule->fields == 0 && chance(20)))
		key.ethertype = rule->ethertype;
	else
		key_ip(rule, &key);
	if ((rule->fields & SLUICE_MATCH_VLAN_ID) || chance(20)) {
		key.flags |= PACKET_KEY_TAGGED;
		key.vlan_id = rule->vlan_id;
	}
	copy_mac(key.src_mac, rule->src_mac, rule->src_mac_mask);
	copy_mac(key.dst_mac, rule->dst_mac, rule->dst_mac_mask);
	return key;
}

/* Change something, so that another rule is met, or none. */
static void disturb(struct packet_key *key)
{
	switch (random_below(6)) {
	case 0:
		key->src[random_below(4)] ^= (uint8_t)(1u << random_below(8));
		break;
	case 1:
		key->dst[random_below(4)] ^= (uint8_t)(1u << random_below(8));
		break;
	case 2:
		key->dst_port ^= (uint16_t)(1u << random_below(16));
		break;
	case 3: /* as a later fragment */
		key->flags &= (uint8_t) ~(PACKET_KEY_PORTS | PACKET_KEY_ICMP | PACKET_KEY_TCP_FLAGS);
		key->src_port = key->dst_port = 0;
		key->tcp_flags = key->icmp_type = key->icmp_code = 0;
		break;
	case 4:
		key->protocol ^= (uint8_t)(1u << random_below(8));
		break;
	default:
		key->words[random_below(8)] ^= (uint64_t)1 << random_below(48);
	}
}

static void compare_counts(const struct classifier *classifier, const struct packet_key *key, uint32_t before)
{
	uint32_t from = 0;

	for (;;) {
		uint32_t wanted = scan(key, true, from, before);
		uint32_t found = classify_next_count(classifier, key, from, before);

		if (found != wanted)
			fail_msg("next count from %u before %u: %u, expected %u", from, before, found, wanted);
		if (wanted == CLASSIFY_NO_MATCH)
			return;
		from = wanted + 1;
	}
}

/* @return how many of the keys met a rule */
static uint32_t compare_burst(const struct classifier *classifier, uint32_t count, uint32_t burst)
{
	static struct packet_key keys[BURST_MAX];
	static uint32_t verdicts[BURST_MAX + 1];
	uint32_t hits = 0;

	for (uint32_t i = 0; i < burst; i++) {
		keys[i] = key_for(&rules[random_below(count)]);
		if (chance(25))
			disturb(&keys[i]);
	}
	verdicts[burst] = 0xabcdef;
	classify_burst(classifier, keys, (uint16_t)burst, verdicts);
	assert_int_equal(verdicts[burst], 0xabcdef);
	for (uint32_t i = 0; i < burst; i++) {
		uint32_t wanted = scan(&keys[i], false, 0, count);

		if (verdicts[i] != wanted)
			fail_msg("%u rules, key %u of %u: rank %u, expected %u", count, i, burst, verdicts[i], wanted);
		compare_counts(classifier, &keys[i], wanted < count ? wanted : count);
		hits += wanted != CLASSIFY_NO_MATCH || scan(&keys[i], true, 0, count) != CLASSIFY_NO_MATCH;
	}
	return hits;
}

static void compare_set(const char *name, shape make, uint32_t count, uint32_t bursts)
{
	static const uint32_t sizes[] = {32, 1, 31, 33, BURST_MAX};
	uint32_t keys = 0, hits = 0;
	struct classifier *classifier;

	memset(rules, 0, count * sizeof(rules[0]));
	for (uint32_t i = 0; i < count; i++)
		make(&rules[i], i);
	classifier = build(count);
	for (uint32_t i = 0; i < bursts; i++) {
		uint32_t burst = sizes[i % COUNT_OF(sizes)];

		hits += compare_burst(classifier, count, burst);
		keys += burst;
	}
	if (hits * 2 < keys)
		fail_msg("%s, %u rules: only %u of %u keys met a rule", name, count, hits, keys);
	if (count >= 1000 && classify_memory(classifier) > count * 200)
		fail_msg("%s, %u rules: %zu bytes", name, count, classify_memory(classifier));
	classify_free(classifier);
}

static void test_random_sets(void **state)
{
	static const struct {
		const char *name;
		shape make;
	} shapes[] = {
		{"acl", shape_acl},
		{"mixed", shape_mixed},
		{"many tuples", shape_many_tuples},
		{"one bucket", shape_one_bucket},
	};
	static const struct {
		uint32_t rules, sets;
	} sizes[] = {{1, 40}, {2, 40}, {10, 40}, {100, 10}, {1000, 2}, {RULES_MAX, 1}};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(shapes); i++) {
		for (uint32_t s = 0; s < COUNT_OF(sizes); s++) {
			for (uint32_t set = 0; set < sizes[s].sets; set++)
				compare_set(shapes[i].name, shapes[i].make, sizes[s].rules, 5);
		}
	}
}

/* ---- out of memory ---- */

static void test_out_of_memory_is_refused(void **state)
{
	struct classifier *classifier = NULL;
	int refusals = 0, result = -ENOMEM;

	(void)state;
	memset(rules, 0, sizeof(rules));
	for (uint32_t i = 0; i < 500; i++) {
		shape_mixed(&rules[i], i);
		pointers[i] = &rules[i];
	}
	while (result != 0) {
		allocations_left = refusals;
		result = classify_build(pointers, 500, &classifier);
		allocations_left = -1;
		if (result == 0)
			break;
		assert_int_equal(result, -ENOMEM);
		assert_null(classifier);
		refusals++;
	}
	if (refusals < 20)
		fail_msg("only %d allocations could fail", refusals);
	classify_free(classifier);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_sets),
		cmocka_unit_test(test_out_of_memory_is_refused),
	};

	seed_random();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
