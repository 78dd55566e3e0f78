/* SPDX-License-Identifier: BSD-3-Clause */
/* Each kind of match by itself, precedence, counts, and what is refused. */
#include "classify/classify.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { RULES_MAX = 8 };

#define COUNT_OF(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

static struct sluice_rule rules[RULES_MAX];
static const struct sluice_rule *pointers[RULES_MAX];

static struct classifier *build(uint32_t count)
{
	struct classifier *classifier = NULL;

	for (uint32_t i = 0; i < count; i++)
		pointers[i] = &rules[i];
	assert_int_equal(classify_build(pointers, count, &classifier), 0);
	assert_non_null(classifier);
	return classifier;
}

static uint32_t judge(const struct classifier *classifier, const struct packet_key *key)
{
	uint32_t verdict = 12345;

	classify_burst(classifier, key, 1, &verdict);
	return verdict;
}

static struct packet_key tcp4(void)
{
	return (struct packet_key){
		.src = {10, 1, 2, 3},
		.dst = {192, 168, 4, 5},
		.src_mac = {2, 0, 0, 0, 0, 1},
		.dst_mac = {2, 0, 0, 0, 0, 2},
		.vlan_id = 100,
		.ethertype = 0x0800,
		.src_port = 1024,
		.dst_port = 22,
		.protocol = 6,
		.family = 4,
		.tcp_flags = 0x12,
		.flags = PACKET_KEY_IP | PACKET_KEY_TAGGED | PACKET_KEY_PORTS | PACKET_KEY_TCP_FLAGS,
	};
}

static struct packet_key icmp6(void)
{
	return (struct packet_key){
		.src = {0x20, 1, 0x0d, 0xb8, 1},
		.dst = {0x20, 1, 0x0d, 0xb8, 2},
		.ethertype = 0x86dd,
		.protocol = 58,
		.family = 6,
		.icmp_type = 128,
		.icmp_code = 0,
		.flags = PACKET_KEY_IP | PACKET_KEY_ICMP,
	};
}

static struct packet_key later_fragment(uint8_t protocol)
{
	return (struct packet_key){
		.src = {10}, .ethertype = 0x0800, .protocol = protocol, .family = 4, .flags = PACKET_KEY_IP};
}

static struct packet_key arp(void)
{
	return (struct packet_key){.src_mac = {2, 0, 0, 0, 0, 1}, .ethertype = 0x0806};
}

/* ---- each kind of match ---- */

/* Which of five packets a rule matches: T TCP over IPv4, I ICMPv6, F and Z later fragments of TCP and protocol 0, A
 * ARP. */
static const struct {
	const char *matched;
	struct sluice_rule rule;
} matches[] = {
	{"TIFZA", {.fields = 0}},
	{"TFZ", {.fields = SLUICE_MATCH_FAMILY, .family = 4}},
	{"I", {.fields = SLUICE_MATCH_FAMILY, .family = 6}},
	{"TF", {.fields = SLUICE_MATCH_PROTOCOL, .protocol = 6}},
	{"I", {.fields = SLUICE_MATCH_PROTOCOL, .protocol = 58}},
	{"Z", {.fields = SLUICE_MATCH_PROTOCOL, .protocol = 0}},
	{"TF", {.fields = SLUICE_MATCH_FAMILY | SLUICE_MATCH_PROTOCOL, .family = 4, .protocol = 6}},
	{"", {.fields = SLUICE_MATCH_FAMILY | SLUICE_MATCH_PROTOCOL, .family = 4, .protocol = 58}},
	{"TFZ", {.fields = SLUICE_MATCH_FAMILY | SLUICE_MATCH_SRC_ADDR, .family = 4, .src_prefix = 0}},
	{"I", {.fields = SLUICE_MATCH_FAMILY | SLUICE_MATCH_DST_ADDR, .family = 6, .dst_prefix = 0}},
	{"TFZ",
	 {.fields = SLUICE_MATCH_FAMILY | SLUICE_MATCH_SRC_ADDR, .family = 4, .src_prefix = 8, .src_addr = {10}}},
	{"T",
	 {.fields = SLUICE_MATCH_FAMILY | SLUICE_MATCH_SRC_ADDR,
	  .family = 4,
	  .src_prefix = 32,
	  .src_addr = {10, 1, 2, 3}}},
	{"",
	 {.fields = SLUICE_MATCH_FAMILY | SLUICE_MATCH_SRC_ADDR,
	  .family = 4,
	  .src_prefix = 32,
	  .src_addr = {10, 1, 2, 2}}},
	{"T",
	 {.fields = SLUICE_MATCH_FAMILY | SLUICE_MATCH_DST_ADDR,
	  .family = 4,
	  .dst_prefix = 30,
	  .dst_addr = {192, 168, 4, 4}}},
	{"",
	 {.fields = SLUICE_MATCH_FAMILY | SLUICE_MATCH_DST_ADDR,
	  .family = 4,
	  .dst_prefix = 31,
	  .dst_addr = {192, 168, 4, 6}}},
	/* bits beyond the prefix are refused long before; here they must not matter */
	{"T",
	 {.fields = SLUICE_MATCH_FAMILY | SLUICE_MATCH_SRC_ADDR,
	  .family = 4,
	  .src_prefix = 24,
	  .src_addr = {10, 1, 2, 99}}},
	{"I",
	 {.fields = SLUICE_MATCH_FAMILY | SLUICE_MATCH_SRC_ADDR,
	  .family = 6,
	  .src_prefix = 33,
	  .src_addr = {0x20, 1, 0x0d, 0xb8}}},
	{"",
	 {.fields = SLUICE_MATCH_FAMILY | SLUICE_MATCH_DST_ADDR,
	  .family = 6,
	  .dst_prefix = 128,
	  .dst_addr = {0x20, 1, 0x0d, 0xb8, 2, [15] = 1}}},
	{"T", {.fields = SLUICE_MATCH_SRC_PORT, .src_port = {0, 65535}}},
	{"T", {.fields = SLUICE_MATCH_SRC_PORT, .src_port = {1024, 1024}}},
	{"T", {.fields = SLUICE_MATCH_SRC_PORT, .src_port = {1, 1024}}},
	{"", {.fields = SLUICE_MATCH_SRC_PORT, .src_port = {1, 1023}}},
	{"", {.fields = SLUICE_MATCH_SRC_PORT, .src_port = {1025, 65535}}},
	{"T", {.fields = SLUICE_MATCH_DST_PORT, .dst_port = {22, 23}}},
	{"", {.fields = SLUICE_MATCH_DST_PORT, .dst_port = {0, 0}}},
	{"", {.fields = SLUICE_MATCH_DST_PORT, .dst_port = {0, 21}}},
	{"I", {.fields = SLUICE_MATCH_ICMP_TYPE, .icmp_type = 128}},
	{"", {.fields = SLUICE_MATCH_ICMP_TYPE, .icmp_type = 0}},
	{"I", {.fields = SLUICE_MATCH_ICMP_CODE, .icmp_code = 0}},
	{"", {.fields = SLUICE_MATCH_ICMP_CODE, .icmp_code = 1}},
	{"T", {.fields = SLUICE_MATCH_TCP_FLAGS, .tcp_flags = 0x12, .tcp_flags_mask = 0x12}},
	{"T", {.fields = SLUICE_MATCH_TCP_FLAGS, .tcp_flags = 0x02, .tcp_flags_mask = 0x06}},
	{"", {.fields = SLUICE_MATCH_TCP_FLAGS, .tcp_flags = 0x02, .tcp_flags_mask = 0x12}},
	{"T", {.fields = SLUICE_MATCH_TCP_FLAGS, .tcp_flags = 0, .tcp_flags_mask = 0}},
	{"T", {.fields = SLUICE_MATCH_VLAN_ID, .vlan_id = 100}},
	{"", {.fields = SLUICE_MATCH_VLAN_ID, .vlan_id = 0}},
	{"A", {.fields = SLUICE_MATCH_ETHERTYPE, .ethertype = 0x0806}},
	{"TFZ", {.fields = SLUICE_MATCH_ETHERTYPE, .ethertype = 0x0800}},
	{"TA",
	 {.fields = SLUICE_MATCH_SRC_MAC,
	  .src_mac = {2, 0, 0, 0, 0, 1},
	  .src_mac_mask = {255, 255, 255, 255, 255, 255}}},
	{"TA", {.fields = SLUICE_MATCH_SRC_MAC, .src_mac = {2}, .src_mac_mask = {0xfe, 0, 0xff}}},
	{"T",
	 {.fields = SLUICE_MATCH_DST_MAC,
	  .dst_mac = {2, 0, 0, 0, 0, 2},
	  .dst_mac_mask = {255, 255, 255, 255, 255, 255}}},
	{"", {.fields = SLUICE_MATCH_DST_MAC, .dst_mac = {1}, .dst_mac_mask = {1}}},
};

static void test_each_match_alone(void **state)
{
	const char *names = "TIFZA";
	struct packet_key keys[] = {tcp4(), icmp6(), later_fragment(6), later_fragment(0), arp()};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(matches); i++) {
		struct classifier *classifier;

		rules[0] = matches[i].rule;
		classifier = build(1);
		for (uint32_t k = 0; k < COUNT_OF(keys); k++) {
			bool wanted = strchr(matches[i].matched, names[k]) != NULL;

			if (classify_rule_matches(&rules[0], &keys[k]) != wanted)
				fail_msg("matches[%u] on %c: expected %d of the rule", i, names[k], wanted);
			if (judge(classifier, &keys[k]) != (wanted ? 0 : CLASSIFY_NO_MATCH))
				fail_msg("matches[%u] on %c: expected %d of the classifier", i, names[k], wanted);
		}
		classify_free(classifier);
	}
}

static void test_all_matches_must_hold(void **state)
{
	struct packet_key key = tcp4();
	struct classifier *classifier;

	(void)state;
	rules[0] = (struct sluice_rule){
		.fields = SLUICE_MATCH_PROTOCOL | SLUICE_MATCH_DST_PORT | SLUICE_MATCH_VLAN_ID,
		.protocol = 6,
		.dst_port = {22, 22},
		.vlan_id = 100,
	};
	classifier = build(1);
	assert_int_equal(judge(classifier, &key), 0);
	key.vlan_id = 101;
	assert_int_equal(judge(classifier, &key), CLASSIFY_NO_MATCH);
	key = tcp4();
	key.dst_port = 23;
	assert_int_equal(judge(classifier, &key), CLASSIFY_NO_MATCH);
	key = tcp4();
	key.protocol = 17;
	assert_int_equal(judge(classifier, &key), CLASSIFY_NO_MATCH);
	classify_free(classifier);
}

/* ---- the order of rules ---- */

static void test_first_match_wins_however_broad(void **state)
{
	struct sluice_rule exact = {.fields = SLUICE_MATCH_FAMILY | SLUICE_MATCH_SRC_ADDR | SLUICE_MATCH_DST_PORT,
				    .family = 4,
				    .src_prefix = 32,
				    .src_addr = {10, 1, 2, 3},
				    .dst_port = {22, 22},
				    .action = SLUICE_DENY};
	struct packet_key key = tcp4();
	struct classifier *classifier;

	(void)state;
	rules[0] = exact;
	rules[1] = (struct sluice_rule){.action = SLUICE_ALLOW};
	classifier = build(2);
	assert_int_equal(judge(classifier, &key), 0);
	classify_free(classifier);
	rules[0] = rules[1];
	rules[1] = exact;
	classifier = build(2);
	assert_int_equal(judge(classifier, &key), 0);
	classify_free(classifier);
}

static void test_counts_do_not_judge(void **state)
{
	static const uint8_t actions[] = {SLUICE_COUNT, SLUICE_COUNT, SLUICE_DENY, SLUICE_COUNT, SLUICE_ALLOW};
	struct packet_key key = tcp4(), other = arp();
	struct classifier *classifier;

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(actions); i++)
		rules[i] = (struct sluice_rule){.action = actions[i]};
	rules[1] = (struct sluice_rule){.action = SLUICE_COUNT, .fields = SLUICE_MATCH_PROTOCOL, .protocol = 6};
	classifier = build(COUNT_OF(actions));
	assert_true(classify_has_counts(classifier));
	assert_int_equal(judge(classifier, &key), 2);
	assert_int_equal(classify_next_count(classifier, &key, 0, 5), 0);
	assert_int_equal(classify_next_count(classifier, &key, 1, 5), 1);
	assert_int_equal(classify_next_count(classifier, &key, 2, 5), 3);
	assert_int_equal(classify_next_count(classifier, &key, 4, 5), CLASSIFY_NO_MATCH);
	assert_int_equal(classify_next_count(classifier, &key, 2, 3), CLASSIFY_NO_MATCH);
	assert_int_equal(classify_next_count(classifier, &key, 3, CLASSIFY_NO_MATCH), 3);
	assert_int_equal(classify_next_count(classifier, &key, 3, 3), CLASSIFY_NO_MATCH);
	assert_int_equal(classify_next_count(classifier, &other, 1, 5), 3);
	classify_free(classifier);
}

static void test_no_rules(void **state)
{
	struct packet_key key = tcp4();
	struct classifier *classifier = build(0);

	(void)state;
	assert_int_equal(judge(classifier, &key), CLASSIFY_NO_MATCH);
	assert_false(classify_has_counts(classifier));
	assert_int_equal(classify_next_count(classifier, &key, 0, CLASSIFY_NO_MATCH), CLASSIFY_NO_MATCH);
	classify_free(classifier);
	classify_free(NULL);
}

/* ---- what is refused ---- */

static const struct sluice_rule bad_rules[] = {
	{.fields = SLUICE_MATCH_ALL + 1},
	{.action = SLUICE_ACTIONS},
	{.fields = SLUICE_MATCH_FAMILY, .family = 0},
	{.fields = SLUICE_MATCH_FAMILY, .family = 5},
	{.fields = SLUICE_MATCH_SRC_ADDR},
	{.fields = SLUICE_MATCH_DST_ADDR, .family = 4},
	{.fields = SLUICE_MATCH_FAMILY | SLUICE_MATCH_SRC_ADDR, .family = 4, .src_prefix = 33},
	{.fields = SLUICE_MATCH_FAMILY | SLUICE_MATCH_DST_ADDR, .family = 4, .dst_prefix = 33},
	{.fields = SLUICE_MATCH_FAMILY | SLUICE_MATCH_SRC_ADDR, .family = 6, .src_prefix = 129},
	{.fields = SLUICE_MATCH_FAMILY | SLUICE_MATCH_DST_ADDR, .family = 6, .dst_prefix = 255},
	{.fields = SLUICE_MATCH_SRC_PORT, .src_port = {2, 1}},
	{.fields = SLUICE_MATCH_DST_PORT, .dst_port = {65535, 0}},
};

static void test_what_is_no_rule_is_refused(void **state)
{
	struct classifier *const before = (struct classifier *)&rules[0];

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(bad_rules); i++) {
		for (uint32_t counting = 0; counting < 2; counting++) {
			struct classifier *classifier = before;
			struct sluice_rule bad = bad_rules[i], good = {.action = SLUICE_DENY};
			const struct sluice_rule *list[] = {&good, &bad};

			if (counting && bad.action == SLUICE_ALLOW)
				bad.action = SLUICE_COUNT;
			if (classify_build(list, 2, &classifier) != -EINVAL)
				fail_msg("bad_rules[%u]: not refused", i);
			assert_ptr_equal(classifier, before);
		}
	}
}

static void test_empty_burst(void **state)
{
	uint32_t verdict = 12345;
	struct classifier *classifier;

	(void)state;
	rules[0] = (struct sluice_rule){0};
	classifier = build(1);
	classify_burst(classifier, NULL, 0, &verdict);
	assert_int_equal(verdict, 12345);
	classify_free(classifier);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_match_alone),
		cmocka_unit_test(test_all_matches_must_hold),
		cmocka_unit_test(test_first_match_wins_however_broad),
		cmocka_unit_test(test_counts_do_not_judge),
		cmocka_unit_test(test_no_rules),
		cmocka_unit_test(test_what_is_no_rule_is_refused),
		cmocka_unit_test(test_empty_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
