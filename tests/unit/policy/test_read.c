/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmocka_all.h"
#include "failing_alloc.h"
#include "sample.h"

#include <errno.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#define PORTS                                                                                                          \
	"\"sluice:ports\": { \"port\": [ { \"name\": \"host0\", \"devargs\": \"net_null0\" },"                         \
	" { \"name\": \"wire0\", \"devargs\": \"net_null1\" } ] }"
#define STACKS(driver)                                                                                                  \
	"\"sluice:stacks\": { \"stack\": [ { \"name\": \"main\", \"upper-port\": \"host0\", \"lower-port\": \"wire0\"," \
	" \"driver\": [ " driver " ] } ] }"
#define ACLS(acl) "\"ietf-access-control-list:acls\": { \"acl\": [ " acl " ] }"

/* The ace's members begin on line 2, in column 1; matches on line 3. */
#define ACE(members)                                                                                                   \
	"{ " ACLS("{ \"name\": \"fw\", \"aces\": { \"ace\": [ {\n" members ", \"name\": \"r\", \"sluice:direction\": " \
		  "\"in\", \"actions\": { \"forwarding\": \"drop\" } } ] } }") " }"
#define MATCHES(members) ACE("\"matches\": {\n" members "\n}")
#define ACE_PATH	 "/ietf-access-control-list:acls/acl[0]/aces/ace[0]"
#define TCP(members)	 MATCHES("\"tcp\": { " members " }")

static struct policy_image read_good(const char *text)
{
	struct policy_image image;
	struct policy_error error = {0};

	if (policy_read_text(text, strlen(text), &image, &error) != 0) {
		policy_error_print(&error, "text", stdout);
		fail_msg("refused: %s", text);
	}
	return image;
}

static struct sluice_rule read_rule(const char *text)
{
	struct policy_image image = read_good(text);
	struct sluice_rule rule = policy_rules(&image)[0];

	assert_int_equal(image.header->rules, 1);
	policy_image_clear(&image);
	return rule;
}

static void reads_ports_with_their_defaults(void **state)
{
	struct policy_image image = read_good(
		"{ \"sluice:ports\": { \"port\": [ { \"name\": \"host0\", \"devargs\": \"net_null0\" },"
		" { \"name\": \"wire0\", \"devargs\": \"a\\\"b\", \"queues\": 2, \"mtu\": 9000, \"rx-pps\": 5 } ] }, " STACKS(
			"{ \"type\": \"passthru\" }") " }");
	const struct sluice_port *ports = policy_ports(&image);

	(void)state;
	assert_int_equal(image.header->ports, 2);
	assert_string_equal(ports[0].name, "host0");
	assert_int_equal(ports[0].queues, 1);
	assert_int_equal(ports[0].mtu, 1500);
	assert_int_equal(ports[0].rx_pps, 0);
	assert_string_equal(ports[1].devargs, "a\"b");
	assert_int_equal(ports[1].queues, 2);
	assert_int_equal(ports[1].mtu, 9000);
	assert_int_equal(ports[1].rx_pps, 5);
	policy_image_clear(&image);
}

static void reads_drivers_with_their_defaults(void **state)
{
	struct policy_image image = read_good("{ " ACLS("{ \"name\": \"tap\" }") ", " PORTS ", " STACKS(
		"{ \"type\": \"filter\", \"name\": \"fw\", \"default-action\": { \"in\": \"drop\" } },"
		" { \"type\": \"passthru\" }, { \"type\": \"passthru\", \"name\": \"tap\" }") " }");
	const struct sluice_instance *instance = policy_instances(&image);

	(void)state;
	assert_int_equal(image.header->instances, 3);
	assert_string_equal(instance[0].name, "fw");
	assert_string_equal(instance[0].driver, "filter");
	assert_int_equal(instance[0].default_action[SLUICE_IN], SLUICE_DENY);
	assert_int_equal(instance[0].default_action[SLUICE_OUT], SLUICE_ALLOW);
	assert_int_equal(instance[0].takes_rules, 1);
	assert_string_equal(instance[1].name, "passthru");
	assert_int_equal(instance[1].takes_rules, 0); /* no default action and no acl */
	assert_int_equal(instance[2].takes_rules, 1); /* has an acl */
	policy_image_clear(&image);
}

/* The acls stand the other way round than the drivers; each gets its own rules. */
static void gives_each_driver_its_rules(void **state)
{
#define RULE(name)                                                                                                     \
	"{ \"name\": \"" name "\", \"sluice:direction\": \"out\", \"actions\": { \"forwarding\": \"accept\" } }"
	struct policy_image image = read_good(
		"{ " PORTS
		", " STACKS("{ \"type\": \"f\", \"name\": \"a\" }, { \"type\": \"f\", \"name\": \"b\" }") ", " ACLS(
			"{ \"name\": \"b\", \"aces\": { \"ace\": [ " RULE("b0") ", " RULE(
				"b1") " ] } },"
				      " { \"name\": \"a\", \"aces\": { \"ace\": [ " RULE("a0") " ] } }") " }");

	(void)state;
	assert_int_equal(policy_instances(&image)[0].rules, 1);
	assert_int_equal(policy_instances(&image)[1].first_rule, 1);
	assert_int_equal(policy_instances(&image)[1].rules, 2);
	assert_string_equal(policy_rules(&image)[0].name, "a0");
	assert_string_equal(policy_rules(&image)[1].name, "b0");
	assert_string_equal(policy_rules(&image)[2].name, "b1");
	assert_int_equal(policy_rules(&image)[2].direction, SLUICE_OUT);
	policy_image_clear(&image);
}

static void reads_acls_alone(void **state)
{
	struct policy_image image =
		read_good("{ " ACLS("{ \"name\": \"fw\" }, { \"name\": \"fw2\", \"aces\": {} }") " }");

	(void)state;
	assert_int_equal(image.header->ports, 0);
	assert_int_equal(image.header->instances, 2);
	assert_int_equal(policy_instances(&image)[0].stack, SLUICE_NO_STACK);
	assert_string_equal(policy_instances(&image)[1].name, "fw2");
	assert_string_equal(policy_instances(&image)[1].driver, "");
	policy_image_clear(&image);
}

/* Each ace is read as the rule that the one-line text on its right makes: two ways to one meaning. */
static void reads_matches(void **state)
{
	static const char *const pairs[][2] = {
		{MATCHES(""), "in deny"},
		{MATCHES("\"ipv4\": {}"), "in ip deny"},
		{MATCHES("\"ipv6\": {}"), "in ipv6 deny"},
		{MATCHES("\"ipv4\": { \"protocol\": 47 }"), "in ip proto 47 deny"},
		{MATCHES("\"sluice:protocol\": 47"), "in proto 47 deny"},
		{MATCHES("\"ipv4\": { \"source-ipv4-network\": \"10.0.0.0/8\", \"protocol\": 6 }, \"tcp\": {}"),
		 "in tcp from 10.0.0.0/8 deny"},
		{MATCHES("\"ipv6\": { \"destination-ipv6-network\": \"2001:db8::/32\" }"), "in to 2001:db8::/32 deny"},
		{MATCHES("\"udp\": { \"source-port\": { \"operator\": \"lte\", \"port\": 9 } }"),
		 "in udp from any port 0-9 deny"},
		{MATCHES("\"sluice:sctp\": { \"destination-port\": { \"operator\": \"gte\", \"port\": 9 } }"),
		 "in sctp to any port 9-65535 deny"},
		{TCP("\"destination-port\": { \"operator\": \"eq\", \"port\": 22 }"), "in tcp to any port 22 deny"},
		{TCP("\"destination-port\": { \"lower-port\": 1, \"upper-port\": 1023 }"),
		 "in tcp to any port 1-1023 deny"},
		{TCP("\"flags\": \"syn\""), "in tcp flags syn deny"},
		{TCP("\"sluice:flags-mask\": \"syn ack\", \"flags\": \"syn\""), "in tcp flags syn/syn,ack deny"},
		{MATCHES("\"icmp\": { \"type\": 8, \"code\": 0 }"), "in icmp type 8 code 0 deny"},
		{MATCHES("\"icmp\": {}, \"ipv6\": {}"), "in icmpv6 deny"},
		{MATCHES("\"sluice:vlan-id\": 0"), "in vlan 0 deny"},
		{MATCHES("\"eth\": { \"ethertype\": \"0x86dd\" }"), "in ethertype ipv6 deny"},
		{MATCHES("\"eth\": { \"ethertype\": 2054 }"), "in ethertype arp deny"},
		{MATCHES("\"eth\": { \"source-mac-address\": \"02:00:00:00:00:0A\" }"),
		 "in mac from 02:00:00:00:00:0a deny"},
		{MATCHES("\"eth\": { \"destination-mac-address-mask\": \"ff:00:00:00:00:00\","
			 " \"destination-mac-address\": \"02:00:00:00:00:00\" }"),
		 "in mac to 02:00:00:00:00:00/ff:00:00:00:00:00 deny"},
		{ACE("\"sluice:priority\": 4294967295"), "in priority 4294967295 deny"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct sluice_rule rule = read_rule(pairs[i][0]);
		char line[256], error[512] = "", *words[] = {line};
		struct sluice_rule_command expected;

		snprintf(line, sizeof(line), "name r %s", pairs[i][1]);
		assert_int_equal(policy_parse_rule(1, words, &expected, error, sizeof(error)), 0);
		if (memcmp(&rule, &expected.rule, sizeof(rule)) != 0)
			fail_msg("%s is not %s", pairs[i][0], pairs[i][1]);
	}
}

static void reads_actions_with_and_without_their_module(void **state)
{
	static const struct {
		const char *word;
		enum sluice_action action;
	} words[] = {
		{"accept", SLUICE_ALLOW}, {"ietf-access-control-list:accept", SLUICE_ALLOW},
		{"drop", SLUICE_DENY},	  {"ietf-access-control-list:drop", SLUICE_DENY},
		{"count", SLUICE_COUNT},  {"sluice:count", SLUICE_COUNT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		char text[512];

		snprintf(
			text, sizeof(text),
			"{ \"ietf-access-control-list:acls\": { \"acl\": [ { \"name\": \"fw\", \"aces\": { \"ace\": [ { \"name\": "
			"\"r\", \"sluice:direction\": \"in\", \"actions\": { \"forwarding\": \"%s\" } } ] } } ] } }",
			words[i].word);
		assert_int_equal(read_rule(text).action, words[i].action);
	}
}

struct bad {
	const char *text;
	unsigned line, column;
	const char *path, *message, *example;
};

/* Whether it is refused as it should be; shows the difference where it is not. */
static bool is_refused(const struct bad *bad)
{
	struct policy_image image;
	struct policy_error error;
	int rc;

	memset(&error, 'x', sizeof(error));
	rc = policy_read_text(bad->text, strlen(bad->text), &image, &error);
	if (rc == -EINVAL && image.header == NULL && error.line == bad->line && error.column == bad->column &&
	    strcmp(error.path, bad->path) == 0 && strstr(error.message, bad->message) != NULL &&
	    strstr(error.example, bad->example) != NULL && error.example[0] != '\0')
		return true;
	printf("%s\nreturned %d\n", bad->text, rc);
	policy_error_print(&error, "got     ", stdout);
	printf("expected:%u:%u: %s: %s\n  example: %s\n", bad->line, bad->column, bad->path, bad->message,
	       bad->example);
	return false;
}

static void expect_all_refused(const struct bad *table, size_t count)
{
	size_t wrong = 0;

	for (size_t i = 0; i < count; i++)
		wrong += !is_refused(&table[i]);
	assert_int_equal(wrong, 0);
}

#define EXPECT_ALL_REFUSED(table) expect_all_refused(table, sizeof(table) / sizeof((table)[0]))

static void refuses_bad_syntax(void **state)
{
	static const struct bad table[] = {
		{"", 1, 1, "", "document is empty", "acls"},
		{" \n\t", 1, 1, "", "document is empty", "acls"},
		{"\xef\xbb\xbf{}", 1, 1, "", "byte order mark", "acls"},
		{"{\n  // hello\n}", 2, 3, "", "JSON has no comments", "{"},
		{"{\n# hello\n}", 2, 1, "", "JSON has no comments", "{"},
		{"{ \"a\": 1,\n\"a\": 2 }", 2, 3, "", "duplicate", "{"},
		{"{ \"a\": 1, }", 1, 11, "", "a comma stands between members, not after the last", "{"},
		{"{ \"a\": [1\n", 2, 1, "", "not closed", "{"},
		{"{} {}", 1, 4, "", "one document only", "{"},
		{"hello", 1, 5, "", "expected", "{"},
		{"{ \"a\": 99999999999999999999 }", 1, 27, "", "too big integer", "{"},
		{"{ \"\xff\": 1 }", 1, 3, "", "", "{"},
	};

	(void)state;
	EXPECT_ALL_REFUSED(table);
}

static void refuses_bad_documents(void **state)
{
	static const struct bad table[] = {
		{"[]", 1, 1, "", "expected an object, found a list", "{"},
		{"{}", 1, 1, "", "member \"ietf-access-control-list:acls\" is missing", "acls"},
		{"{ " PORTS " }", 1, 1, "", "member \"sluice:stacks\" is missing", "\"sluice:stacks\": {"},
		{"{ " STACKS("{ \"type\": \"f\" }") " }", 1, 1, "", "member \"sluice:ports\" is missing",
		 "\"sluice:ports\": {"},
		{"{\n\n  \"acls\": {} }", 3, 3, "/acls",
		 "unknown member \"acls\"; did you mean \"ietf-access-control-list:acls\"?",
		 "\"ietf-access-control-list:acls\""},
		{"{ \"zzzzzzzzz\": 1 }", 1, 3, "/zzzzzzzzz",
		 "known here: sluice:ports, sluice:stacks, ietf-access-control-list:acls", "\"sluice:ports\""},
		{"{ \"a\\u001b[31m\": 1 }", 1, 3, "/a?[31m", "unknown member \"a?[31m\"", "\"sluice:ports\""},
		{"{ \"sluice:ports\": 7 }", 1, 19, "/sluice:ports", "expected an object, found a number",
		 "\"port\": ["},
		{"{ \"sluice:ports\": {} }", 1, 19, "/sluice:ports", "member \"port\" is missing", "\"port\": ["},
		{"{ \"sluice:ports\": { \"port\": {} } }", 1, 29, "/sluice:ports/port",
		 "expected a list, found an object", "\"port\": ["},
	};

	(void)state;
	EXPECT_ALL_REFUSED(table);
}

#define PORT(members) "{ \"sluice:ports\": { \"port\": [\n{},\n{ " members " } ] } }"
#define NAMED(members)                                                                                                 \
	"{ \"sluice:ports\": { \"port\": [\n{ \"name\": \"host0\", \"devargs\": \"x\", " members " } ] } }"
#define PORT_PATH "/sluice:ports/port[0]"

static void refuses_bad_ports(void **state)
{
	static const struct bad table[] = {
		{PORT(""), 2, 1, PORT_PATH, "member \"name\" is missing", "\"name\": \""},
		{"{ \"sluice:ports\": { \"port\": [ { \"name\": \"p\" } ] } }", 1, 31, PORT_PATH,
		 "member \"devargs\" is missing", "\"devargs\": \"net_"},
		{"{ \"sluice:ports\": { \"port\": [ { \"name\": \"p!\" } ] } }", 1, 41, PORT_PATH "/name",
		 "\"p!\" is not a name: 1 to 31 of", "\"name\": "},
		{NAMED("\"mtu\": 67"), 2, 43, PORT_PATH "/mtu", "67 is not a number from 68 to 65521", "\"mtu\": 1500"},
		{NAMED("\"mtu\": 1500.5"), 2, 43, PORT_PATH "/mtu", "found a number with a fraction", "\"mtu\": 1500"},
		{NAMED("\"queues\": \"2\""), 2, 46, PORT_PATH "/queues",
		 "expected a number from 1 to 16, found a string", "\"queues\": 1"},
		{NAMED("\"queues\": 17"), 2, 46, PORT_PATH "/queues", "17 is not a number from 1 to 16",
		 "\"queues\": 1"},
		{NAMED("\"rx-pps\": -1"), 2, 46, PORT_PATH "/rx-pps", "-1 is not a number", "\"rx-pps\": 5000"},
		{NAMED("\"rx_pps\": 1"), 2, 36, PORT_PATH "/rx_pps", "did you mean \"rx-pps\"?", "\"rx-pps\": 5000"},
		{"{ \"sluice:ports\": { \"port\": [ { \"name\": \"p\", \"devargs\": \"\" } ] } }", 1, 57,
		 PORT_PATH "/devargs", "1 to 511 characters", "\"devargs\": \"net_"},
		{"{ \"sluice:ports\": { \"port\": [ { \"name\": \"p\", \"devargs\": \"\\n\" } ] } }", 1, 57,
		 PORT_PATH "/devargs", "printable ASCII", "\"devargs\": \"net_"},
		{"{ \"sluice:ports\": { \"port\": [ { \"name\": null } ] } }", 1, 41, PORT_PATH "/name",
		 "expected a string, found null", "\"name\": "},
	};

	(void)state;
	EXPECT_ALL_REFUSED(table);
}

#define STACK(members) "{ " PORTS ", \"sluice:stacks\": { \"stack\": [\n{ \"name\": \"s\", " members " } ] } }"
#define DRIVER(members)                                                                                                \
	STACK("\"upper-port\": \"host0\", \"lower-port\": \"wire0\", \"driver\": [\n{ \"type\": \"f\", " members " } ]")
#define STACK_PATH  "/sluice:stacks/stack[0]"
#define DRIVER_PATH STACK_PATH "/driver[0]"

static void refuses_bad_stacks(void **state)
{
	static const struct bad table[] = {
		{"{ \"sluice:ports\": { \"port\": [] }, \"sluice:stacks\": { \"stack\": [] } }", 1, 29,
		 "/sluice:ports/port", "at least one port is needed here", "\"port\": ["},
		{"{ " PORTS ", \"sluice:stacks\":\n{ \"stack\": [] }, " ACLS("{ \"name\": \"fw\" }") " }", 2, 12,
		 "/sluice:stacks/stack", "at least one stack is needed here", "\"stack\": ["},
		{STACK("\"driver\": []"), 2, 1, STACK_PATH, "member \"upper-port\" is missing",
		 "\"upper-port\": \"host0\""},
		{STACK("\"upper-port\": \"host0\", \"lower-port\": \"wire0\""), 2, 1, STACK_PATH,
		 "member \"driver\" is missing", "\"driver\": ["},
		{STACK("\"upper-port\": \"host0\", \"lower-port\": \"wire0\", \"driver\": []"), 2, 72,
		 STACK_PATH "/driver", "at least one driver is needed here", "\"driver\": ["},
		{STACK("\"upper-port\": \"nope\", \"lower-port\": \"wire0\", \"driver\": [ { \"type\": \"f\" } ]"), 2,
		 30, STACK_PATH "/upper-port", "unknown port: \"nope\"", "\"upper-port\": \"host0\""},
		{STACK("\"upper-port\": \"host0\", \"lower-port\": \"host0\", \"driver\": [ { \"type\": \"f\" } ]"), 2,
		 53, STACK_PATH "/lower-port", "port is used by two edges: \"host0\"", "\"lower-port\": \"wire0\""},
		{DRIVER("\"name\": \"wire0\""), 3, 24, DRIVER_PATH "/name", "name is used twice: \"wire0\"",
		 "\"name\": "},
		{STACK("\"upper-port\": \"host0\", \"lower-port\": \"wire0\", \"driver\": [ { \"type\": \"host0\" } ]"),
		 2, 84, DRIVER_PATH "/type", "name is used twice: \"host0\"", "\"type\": \"filter\""},
		{DRIVER("\"default-action\": { \"in\": \"count\" }"), 3, 42, DRIVER_PATH "/default-action/in",
		 "\"count\" is not accept or drop", "\"in\": \"drop\""},
		{DRIVER("\"default-action\": \"drop\""), 3, 34, DRIVER_PATH "/default-action", "expected an object",
		 "\"default-action\": {"},
	};

	(void)state;
	EXPECT_ALL_REFUSED(table);
}

#define ACL(members) "{ " PORTS ", " STACKS("{ \"type\": \"fw\" }") ",\n" ACLS("{ " members " }") " }"
#define ACL_PATH(n)  "/ietf-access-control-list:acls/acl[" #n "]"

static void refuses_bad_acls(void **state)
{
	static const struct bad table[] = {
		{ACL("\"aces\": {}"), 2, 45, ACL_PATH(0), "member \"name\" is missing", "\"name\": "},
		{ACL("\"name\": \"nope\""), 2, 55, ACL_PATH(0) "/name",
		 "no driver in a stack of this document has the name \"nope\"", "\"name\": "},
		{ACL("\"name\": \"fw\" }, { \"name\": \"fw\""), 2, 73, ACL_PATH(1) "/name",
		 "driver \"fw\" has an acl already", "\"name\": "},
		{ACL("\"name\": \"fw\", \"aces\": 1"), 2, 69, ACL_PATH(0) "/aces", "expected an object", "\"aces\": {"},
		{ACL("\"name\": \"fw\", \"aces\": { \"ace\": {} }"), 2, 78, ACL_PATH(0) "/aces/ace", "expected a list",
		 "\"ace\": ["},
		{ACL("\"name\": \"fw\", \"type\": \"ipv4-acl-type\""), 2, 61, ACL_PATH(0) "/type",
		 "unknown member \"type\"", "\"name\": "},
		{"{ " ACLS("{ \"name\": \"fw\" }, { \"name\": \"fw\" }") " }", 1, 75, ACL_PATH(1) "/name",
		 "has an acl already", "\"name\": "},
	};

	(void)state;
	EXPECT_ALL_REFUSED(table);
}

static void refuses_bad_aces(void **state)
{
	static const struct bad table[] = {
		{ACE("\"priority\": 1"), 2, 1, ACE_PATH "/priority", "did you mean \"sluice:priority\"?",
		 "\"sluice:priority\": 100"},
		{ACE("\"sluice:priority\": 4294967296"), 2, 20, ACE_PATH "/sluice:priority",
		 "4294967296 is not a number", "\"sluice:priority\": 100"},
		{"{ " ACLS("{ \"name\": \"fw\", \"aces\": { \"ace\": [\n {} ] } }") " }", 2, 2, ACE_PATH,
		 "member \"name\" is missing", "\"name\": "},
		{"{ " ACLS(
			 "{ \"name\": \"fw\", \"aces\": { \"ace\": [\n { \"name\": \"a\", \"sluice:direction\": \"up\" } ] } }") " }",
		 2, 37, ACE_PATH "/sluice:direction", "\"up\" is not in (from the wire to the host) or out",
		 "\"sluice:direction\": \"in\""},
		{"{ " ACLS(
			 "{ \"name\": \"fw\", \"aces\": { \"ace\": [\n { \"name\": \"a\", \"sluice:direction\": \"in\", "
			 "\"actions\": { \"forwarding\": \"reject\" } } ] } }") " }",
		 2, 70, ACE_PATH "/actions/forwarding", "\"reject\" is not accept, drop or sluice:count",
		 "\"forwarding\": \"drop\""},
	};

	(void)state;
	EXPECT_ALL_REFUSED(table);
}

#define AT(path) ACE_PATH "/matches/" path

static void refuses_bad_matches(void **state)
{
	static const struct bad table[] = {
		{MATCHES("\"ipv4\": { \"source-ipv4-network\": \"10.0.0.1/8\" }"), 3, 34,
		 AT("ipv4/source-ipv4-network"), "address has bits set beyond its prefix length",
		 "\"source-ipv4-network\": \"10.0.0.0/8\""},
		{MATCHES("\"ipv6\": { \"destination-ipv6-network\": \"::1/64\" }"), 3, 39,
		 AT("ipv6/destination-ipv6-network"), "address has bits set beyond its prefix length",
		 "\"destination-ipv6-network\": \"2001:db8::/32\""},
		{MATCHES("\"ipv4\": { \"source-ipv4-network\": \"10.0.0.1\" }"), 3, 34, AT("ipv4/source-ipv4-network"),
		 "\"10.0.0.1\" has no prefix length, such as /32", "10.0.0.0/8"},
		{MATCHES("\"ipv4\": { \"source-ipv4-network\": \"10.0.0.0/33\" }"), 3, 34,
		 AT("ipv4/source-ipv4-network"), "prefix length that is not a number from 0 to 32", "10.0.0.0/8"},
		{MATCHES("\"ipv4\": { \"source-ipv4-network\": \"::/0\" }"), 3, 34, AT("ipv4/source-ipv4-network"),
		 "is not an IPv4 address", "10.0.0.0/8"},
		{MATCHES("\"ipv4\": { \"source-ipv6-network\": \"::/0\" }"), 3, 11, AT("ipv4/source-ipv6-network"),
		 "did you mean \"source-ipv4-network\"?", "10.0.0.0/8"},
		{MATCHES("\"ipv4\": {}, \"ipv6\": {}"), 3, 21, AT("ipv6"), "IPv4 and IPv6 in one rule", "\"ipv6\": {"},
		{MATCHES("\"ipv4\": { \"protocol\": 17 }, \"tcp\": {}"), 3, 36, AT("tcp"),
		 "protocols 17 and 6 in one rule", "\"tcp\": {"},
		{MATCHES("\"tcp\": {}, \"udp\": {}"), 3, 19, AT("udp"), "protocols 6 and 17 in one rule", "\"udp\": {"},
		{MATCHES("\"ipv6\": { \"protocol\": 1 }, \"icmp\": {}"), 3, 36, AT("icmp"),
		 "protocols 1 and 58 in one rule", "\"icmp\": {"},
		{MATCHES("\"ipv4\": { \"protocol\": 256 }"), 3, 23, AT("ipv4/protocol"),
		 "256 is not a number from 0 to 255", "\"protocol\": 47"},
		{TCP("\"source-port\": { \"operator\": \"neq\", \"port\": 1 }"), 3, 39, AT("tcp/source-port/operator"),
		 "operator \"neq\" is not eq, lte or gte", "\"operator\": \"eq\""},
		{TCP("\"source-port\": { \"operator\": \"eq\" }"), 3, 25, AT("tcp/source-port"), "a port has either",
		 "\"source-port\": {"},
		{TCP("\"source-port\": { \"port\": 1, \"upper-port\": 2 }"), 3, 25, AT("tcp/source-port"),
		 "a port has either", "\"source-port\": {"},
		{TCP("\"source-port\": { \"lower-port\": 1 }"), 3, 25, AT("tcp/source-port"), "a port has either",
		 "\"source-port\": {"},
		{TCP("\"source-port\": { \"operator\": \"eq\", \"port\": 65536 }"), 3, 53, AT("tcp/source-port/port"),
		 "65536 is not a number from 0 to 65535", "\"port\": 22"},
		{TCP("\"destination-port\": { \"lower-port\": 2, \"upper-port\": 1 }"), 3, 30,
		 AT("tcp/destination-port"), "lower end of the range is above its upper end",
		 "\"destination-port\": {"},
		{MATCHES("\"udp\": { \"flags\": \"syn\" }"), 3, 10, AT("udp/flags"), "unknown member \"flags\"",
		 "\"source-port\": {"},
		{TCP("\"flags\": \"syn,ack\""), 3, 19, AT("tcp/flags"), "\"syn,ack\" is not a list of flags",
		 "\"flags\": \"syn\""},
		{TCP("\"sluice:flags-mask\": \"syn\""), 3, 31, AT("tcp/sluice:flags-mask"), "needs \"flags\" beside it",
		 "\"sluice:flags-mask\": "},
		{TCP("\"flags\": \"syn\", \"sluice:flags-mask\": \"ack\""), 3, 47, AT("tcp/sluice:flags-mask"),
		 "flags are set that the mask leaves out", "\"sluice:flags-mask\": "},
		{MATCHES("\"icmp\": { \"type\": 256 }"), 3, 19, AT("icmp/type"), "256 is not a number", "\"type\": 8"},
		{MATCHES("\"vlan-id\": 1"), 3, 1, AT("vlan-id"), "did you mean \"sluice:vlan-id\"?",
		 "\"sluice:vlan-id\": 100"},
		{MATCHES("\"sluice:vlan-id\": 4096"), 3, 19, AT("sluice:vlan-id"),
		 "4096 is not a number from 0 to 4095", "\"sluice:vlan-id\": 100"},
		{MATCHES("\"eth\": { \"ethertype\": 1535 }"), 3, 23, AT("eth/ethertype"),
		 "not a number from 1536 to 65535", "\"ethertype\": \"0x0806\""},
		{MATCHES("\"eth\": { \"ethertype\": \"0x5ff\" }"), 3, 23, AT("eth/ethertype"),
		 "EtherType is under 0x0600", "\"ethertype\": \"0x0806\""},
		{MATCHES("\"eth\": { \"ethertype\": \"arp\" }"), 3, 23, AT("eth/ethertype"),
		 "\"arp\" is not an EtherType", "\"ethertype\": \"0x0806\""},
		{MATCHES("\"eth\": { \"ethertype\": \"0x0806\" }, \"ipv4\": {}"), 3, 23, AT("eth/ethertype"),
		 "EtherType contradicts the rule's IP match", "\"ethertype\": "},
		{MATCHES("\"eth\": { \"source-mac-address\": \"02-00-00-00-00-01\" }"), 3, 32,
		 AT("eth/source-mac-address"), "is not six pairs of hex digits",
		 "\"source-mac-address\": \"02:00:00:00:00:01\""},
		{MATCHES("\"eth\": { \"source-mac-address-mask\": \"ff:ff:ff:ff:ff:ff\" }"), 3, 37,
		 AT("eth/source-mac-address-mask"), "needs \"source-mac-address\" beside it",
		 "\"source-mac-address-mask\": "},
		{MATCHES("\"eth\": { \"destination-mac-address\": \"02:00:00:00:00:01\","
			 " \"destination-mac-address-mask\": \"ff:00:00:00:00:00\" }"),
		 3, 37, AT("eth/destination-mac-address"), "MAC address has bits set that its mask leaves out",
		 "\"destination-mac-address\": "},
	};

	(void)state;
	EXPECT_ALL_REFUSED(table);
}

/* The place is found behind escaped names, nested lists, strings with brackets in them and wide characters. */
static void finds_places_in_difficult_text(void **state)
{
	static const struct bad table[] = {
		{"{ \"sluice:port\\u0073\": { \"port\": [ { \"name\": \"a\", \"devargs\": \"]}\\\"{[\" },\n"
		 "  { \"devargs\": \"\\\\\", \"\\u006eame\" : 1 } ] } }",
		 2, 36, "/sluice:ports/port[1]/name", "expected a string", "\"name\": "},
		{"{ \"\xc3\xa4\xe2\x82\xac\": 1, \"sluice:ports\": 1 }", 1, 3, "/?????", "unknown member",
		 "\"sluice:ports\""},
		{"{ \"sluice:ports\": { \"port\": [ { \"name\": \"\xe2\x82\xac\", \"mtu\": 1 } ] } }", 1, 41,
		 PORT_PATH "/name", "is not a name", "\"name\": "},
		{"{ \"sluice:ports\": { \"port\": [ { \"devargs\": \"\xe2\x82\xac\", \"name\": 1 } ] } }", 1, 57,
		 PORT_PATH "/name", "expected a string", "\"name\": "},
	};

	(void)state;
	EXPECT_ALL_REFUSED(table);
}

static void refuses_too_many(void **state)
{
	struct policy_image image;
	struct policy_error error;
	char text[8192] = "{ \"sluice:ports\": { \"port\": [ 0";

	(void)state;
	for (unsigned i = 0; i < SLUICE_POLICY_MAX_PORTS; i++)
		strcat(text, ", 0");
	strcat(text, " ] } }");
	assert_int_equal(policy_read_text(text, strlen(text), &image, &error), -EINVAL);
	assert_string_equal(error.message, "65 ports; at most 64");
	assert_string_equal(error.path, "/sluice:ports");
}

static const char good_document[] = "{ " PORTS ",\n" STACKS("{ \"name\": \"fw\", \"type\": \"filter\" }") ",\n" ACLS(
	"{ \"name\": \"fw\", \"aces\": { \"ace\": [\n{ \"name\": \"r\", \"sluice:direction\": \"in\","
	" \"actions\": { \"forwarding\": \"drop\" } } ] } }") " }";

static void reads_files(void **state)
{
	char path[] = "/tmp/sluice-policy-XXXXXX";
	int fd = mkstemp(path);
	struct policy_image image;
	struct policy_error error;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, good_document, strlen(good_document)), strlen(good_document));
	close(fd);
	assert_int_equal(policy_read_file(path, &image, &error), 0);
	assert_int_equal(image.header->rules, 1);
	policy_image_clear(&image);
	unlink(path);
	assert_int_equal(policy_read_file(path, &image, &error), -ENOENT);
	assert_string_equal(error.message, "cannot be read: No such file or directory");
	assert_int_equal(policy_read_file("/tmp", &image, &error), -EISDIR);
	assert_string_equal(error.message, "cannot be read: Is a directory");
	assert_int_equal(error.line, 0);
}

static void *json_malloc(size_t size)
{
	return malloc(size);
}

/* Whichever allocation fails, the document is refused and nothing leaks. */
static void refuses_when_out_of_memory(void **state)
{
	struct policy_image image;
	struct policy_error error;
	unsigned failed = 0;
	int rc;

	(void)state;
	json_set_alloc_funcs(json_malloc, free);
	do {
		allocations_left = ++failed;
		rc = policy_read_text(good_document, strlen(good_document), &image, &error);
		if (rc != 0) {
			if (rc != -ENOMEM)
				policy_error_print(&error, "allocation", stdout);
			assert_int_equal(rc, -ENOMEM);
			assert_string_equal(error.message, "out of memory");
			assert_null(image.header);
		}
	} while (rc != 0 && failed < 10000);
	allocations_left = 0;
	json_set_alloc_funcs(malloc, free);
	assert_int_equal(rc, 0);
	assert_true(failed > 20); /* the first so many did fail */
	policy_image_clear(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_ports_with_their_defaults),
		cmocka_unit_test(reads_drivers_with_their_defaults),
		cmocka_unit_test(gives_each_driver_its_rules),
		cmocka_unit_test(reads_acls_alone),
		cmocka_unit_test(reads_matches),
		cmocka_unit_test(reads_actions_with_and_without_their_module),
		cmocka_unit_test(refuses_bad_syntax),
		cmocka_unit_test(refuses_bad_documents),
		cmocka_unit_test(refuses_bad_ports),
		cmocka_unit_test(refuses_bad_stacks),
		cmocka_unit_test(refuses_bad_acls),
		cmocka_unit_test(refuses_bad_aces),
		cmocka_unit_test(refuses_bad_matches),
		cmocka_unit_test(finds_places_in_difficult_text),
		cmocka_unit_test(refuses_too_many),
		cmocka_unit_test(reads_files),
		cmocka_unit_test(refuses_when_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
