/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmocka_all.h"
#include "random_policy.h"

#include <errno.h>

static int parse(const char *text, struct sluice_rule_command *out, char *error)
{
	char copy[4096], *words[] = {copy};

	snprintf(copy, sizeof(copy), "%s", text);
	error[0] = '\0';
	return policy_parse_rule(1, words, out, error, 512);
}

static void expect_rule(const char *text, const struct sluice_rule *expected)
{
	struct sluice_rule_command out;
	char error[512];
	int rc = parse(text, &out, error);

	if (rc != 0 || memcmp(&out.rule, expected, sizeof(*expected)) != 0)
		printf("rule: %s\n%s\n", text, error);
	assert_int_equal(rc, 0);
	assert_memory_equal(&out.rule, expected, sizeof(*expected));
}

static void random_rules_survive_their_text(void **state)
{
	char text[POLICY_RULE_TEXT_SIZE];
	struct sluice_rule rule;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		random_rule(&rule);
		assert_int_equal(policy_format_rule(&rule, text, sizeof(text)), 0);
		expect_rule(text, &rule);
	}
}

static void reads_words_and_splits_quoted_ones(void **state)
{
	char *words[] = {"on", "fw", "name web", " in\tpriority 7", "tcp", "allow"};
	struct sluice_rule_command out;
	char error[512] = "";

	(void)state;
	assert_int_equal(policy_parse_rule(6, words, &out, error, sizeof(error)), 0);
	assert_string_equal(out.instance, "fw");
	assert_string_equal(out.rule.name, "web");
	assert_int_equal(out.rule.priority, 7);
	assert_int_equal(out.rule.protocol, 6);
	assert_int_equal(out.rule.action, SLUICE_ALLOW);
}

/* The right column is the canonical text of the left one. */
static void writes_canonical_text(void **state)
{
	static const char *const pairs[][2] = {
		{"in priority 100 tcp from 10.0.0.0/8 to any port 22 deny",
		 "in priority 100 tcp from 10.0.0.0/8 to any port 22 deny"},
		{"out name web tcp from any to 2001:db8::/32 port 8000-8999 allow",
		 "out priority 1000 tcp to 2001:db8::/32 port 8000-8999 allow"},
		{"in icmp type 8 count", "in priority 1000 icmp type 8 count"},
		{"in ip icmp deny", "in priority 1000 icmp deny"},
		{"in ip proto 1 code 0 deny", "in priority 1000 icmp code 0 deny"},
		{"in icmpv6 type 128 deny", "in priority 1000 icmpv6 type 128 deny"},
		{"in vlan 100 mac from 02:00:00:00:00:00/ff:00:00:00:00:00 deny",
		 "in priority 1000 vlan 100 mac from 02:00:00:00:00:00/ff:00:00:00:00:00 deny"},
		{"in mac to 01:00:5e:00:00:01 deny", "in priority 1000 mac to 01:00:5e:00:00:01 deny"},
		{"in tcp flags syn/syn,ack from any port 1-1023 deny",
		 "in priority 1000 tcp flags syn/ack,syn from any port 1-1023 deny"},
		{"in tcp flags none/syn deny", "in priority 1000 tcp flags none/syn deny"},
		{"out ethertype arp allow", "out priority 1000 ethertype 0x0806 allow"},
		{"out ethertype 2054 allow", "out priority 1000 ethertype 0x0806 allow"},
		{"out proto 47 allow", "out priority 1000 proto 47 allow"},
		{"out ipv4 proto 47 allow", "out priority 1000 ip proto 47 allow"},
		{"in from 10.1.2.3 allow", "in priority 1000 from 10.1.2.3/32 allow"},
		{"in from any to any allow", "in priority 1000 allow"},
	};
	char text[POLICY_RULE_TEXT_SIZE], error[512];
	struct sluice_rule_command out;

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		assert_int_equal(parse(pairs[i][0], &out, error), 0);
		assert_int_equal(policy_format_rule(&out.rule, text, sizeof(text)), 0);
		assert_string_equal(text, pairs[i][1]);
	}
}

static void refuses_a_buffer_that_is_too_small(void **state)
{
	struct sluice_rule rule = {.priority = 1};
	char text[POLICY_RULE_TEXT_SIZE];
	size_t needed;

	(void)state;
	assert_int_equal(policy_format_rule(&rule, text, sizeof(text)), 0);
	needed = strlen(text) + 1;
	assert_int_equal(policy_format_rule(&rule, text, needed), 0);
	for (size_t size = 0; size < needed; size++)
		assert_int_equal(policy_format_rule(&rule, text, size), -ENOSPC);
}

static void every_keyword_is_complete_and_its_example_works(void **state)
{
	struct sluice_rule_command out;
	char error[512];

	(void)state;
	for (const struct policy_keyword *keyword = policy_rule_keywords(); keyword->word != NULL; keyword++) {
		assert_true(keyword->help[0] != '\0');
		assert_non_null(strstr(keyword->example, keyword->word));
		if (parse(keyword->example, &out, error) != 0)
			fail_msg("%s: %s", keyword->example, error);
	}
}

/* Each error says which word is wrong and why, and its example is a rule that works. */
static void errors_name_the_word_and_give_an_example(void **state)
{
	static const char *const errors[][2] = {
		{"", "expected in or out before the rule ends"},
		{"in tcp", "expected an action (allow, deny or count) before the rule ends"},
		{"tcp deny", "expected in or out before the rule ends"},
		{"in prot 6 deny", "word 2, \"prot\": unknown; did you mean \"proto\"?"},
		{"in xyzzy deny", "word 2, \"xyzzy\": expected in, out, priority, a match"},
		{"in out deny", "word 2, \"out\": a rule has one direction"},
		{"in allow deny", "word 3, \"deny\": the rule ends with its action, \"allow\""},
		{"in priority", "word 2, \"priority\": expected N after it"},
		{"in priority 4294967296 deny", "word 3, \"4294967296\": expected a number from 0 to 4294967295"},
		{"in priority -1 deny", "word 3, \"-1\": expected a number"},
		{"in priority 1 priority 2 deny", "word 4, \"priority\": is given twice"},
		{"in name a/b deny", "word 3, \"a/b\": a name is 1 to 31 of"},
		{"in name a name b deny", "word 4, \"name\": is given twice"},
		{"on in", "expected in or out"},
		{"in tcp udp deny", "word 3, \"udp\": a rule has one protocol"},
		{"in icmp proto 6 deny", "a rule has one protocol"},
		{"in proto 256 deny", "word 3, \"256\": expected a number from 0 to 255"},
		{"in ip ipv6 deny", "word 3, \"ipv6\": IPv4 and IPv6 in one rule"},
		{"in icmp ipv6 deny", "word 3, \"ipv6\": IPv4 and IPv6 in one rule"},
		{"in from 10.0.0.0/8 to 2001:db8::/32 deny", "word 5, \"2001:db8::/32\": IPv4 and IPv6 in one rule"},
		{"in from 10.0.0.1/8 deny", "word 3, \"10.0.0.1/8\": address has bits set beyond its prefix length"},
		{"in to 2001:db8::1/32 deny",
		 "word 3, \"2001:db8::1/32\": address has bits set beyond its prefix length"},
		{"in from 10.0.0.0/33 deny",
		 "word 3, \"10.0.0.0/33\": has a prefix length that is not a number from 0 to 32"},
		{"in from 10.0.0/8 deny", "word 3, \"10.0.0/8\": is not an IPv4 address or prefix"},
		{"in from host deny", "word 3, \"host\": is not an IPv4 address or prefix; expected that or \"any\""},
		{"in from ::g deny", "word 3, \"::g\": is not an IPv6 address"},
		{"in from", "word 2, \"from\": expected any|ADDRESS[/LENGTH] [port N|N-M] after it"},
		{"in from any from any deny", "word 4, \"from\": is given twice"},
		{"in to any to any deny", "word 4, \"to\": is given twice"},
		{"in tcp port 22 deny", "word 3, \"port\": stands after \"from ADDRESS\" or \"to ADDRESS\""},
		{"in tcp to any port", "word 5, \"port\": expected N or N-M after it"},
		{"in tcp to any port 65536 deny", "word 6, \"65536\": expected a port from 0 to 65535"},
		{"in tcp to any port 1- deny", "word 6, \"1-\": expected a port from 0 to 65535"},
		{"in tcp to any port 9-1 deny", "word 5, \"port\": lower end of the range is above its upper end"},
		{"in from any port 22 deny", "word 4, \"port\": ports need tcp, udp or sctp"},
		{"in type 8 deny", "word 2, \"type\": an ICMP type needs ICMP"},
		{"in tcp code 0 deny", "word 3, \"code\": an ICMP code needs ICMP"},
		{"in icmp type 256 deny", "word 4, \"256\": expected a number from 0 to 255"},
		{"in icmp type 1 type 2 deny", "word 5, \"type\": is given twice"},
		{"in udp flags syn deny", "word 3, \"flags\": flags need tcp"},
		{"in tcp flags deny", "word 4, \"deny\": expected FLAGS or FLAGS/MASK"},
		{"in tcp flags syn/ack deny", "word 3, \"flags\": flags are set that the mask leaves out"},
		{"in tcp flags syn,syn deny", "word 4, \"syn,syn\": expected FLAGS"},
		{"in tcp flags syn/ deny", "word 4, \"syn/\": expected FLAGS"},
		{"in vlan 4096 deny", "word 3, \"4096\": expected a number from 0 to 4095 after \"vlan\""},
		{"in mac 02:00:00:00:00:01 deny",
		 "word 3, \"02:00:00:00:00:01\": expected \"from\" or \"to\" after \"mac\""},
		{"in mac from 02:00 deny", "word 4, \"02:00\": expected a MAC address"},
		{"in mac from", "word 2, \"mac\": expected from|to MAC[/MASK] after it"},
		{"in mac from 02:00:00:00:00:01/ff:00:00:00:00:00 deny",
		 "MAC address has bits set that its mask leaves out"},
		{"in ethertype xyz deny", "word 3, \"xyz\": expected arp, ip, ipv6 or a number"},
		{"in ethertype 0x05ff deny", "word 2, \"ethertype\": EtherType is under 0x0600"},
		{"in ethertype arp tcp deny", "word 2, \"ethertype\": EtherType contradicts the rule's IP match"},
		{"in \033[31m deny", "word 2, \"?[31m\""},
	};
	struct sluice_rule_command out;
	char error[512], *example;

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		assert_int_equal(parse(errors[i][0], &out, error), -EINVAL);
		if (strstr(error, errors[i][1]) == NULL)
			fail_msg("%s: expected \"%s\", got \"%s\"", errors[i][0], errors[i][1], error);
		example = strstr(error, "\n  example: ");
		assert_non_null(example);
		assert_int_equal(parse(strchr(example, ':') + 1, &out, error), 0);
	}
}

static void refuses_too_much_text(void **state)
{
	struct sluice_rule_command out;
	char text[3000], error[512];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(parse(text, &out, error), -EINVAL);
	assert_non_null(strstr(error, "rule is too long"));
	for (int i = 0; i < 65; i++)
		memcpy(text + 3 * i, "in ", 4);
	assert_int_equal(parse(text, &out, error), -EINVAL);
	assert_non_null(strstr(error, "rule is too long"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_rules_survive_their_text),
		cmocka_unit_test(reads_words_and_splits_quoted_ones),
		cmocka_unit_test(writes_canonical_text),
		cmocka_unit_test(refuses_a_buffer_that_is_too_small),
		cmocka_unit_test(every_keyword_is_complete_and_its_example_works),
		cmocka_unit_test(errors_name_the_word_and_give_an_example),
		cmocka_unit_test(refuses_too_much_text),
	};

	random_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
