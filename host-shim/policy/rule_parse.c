/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads a rule as people type it. A rule is a row of keywords, some with arguments, in any order up to the
 * action, which ends it. One table of keywords makes the parser, the completion and the help.
 */
#include "policy/limits.h"
#include "policy/policy.h"
#include "policy/rule_words.h"
#include "policy/value.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define AT(member)   ((uint32_t)offsetof(struct sluice_rule, member))
#define SIZE(member) ((uint32_t)sizeof(((struct sluice_rule *)0)->member))

#define GENERAL_EXAMPLE "in priority 100 tcp from 10.0.0.0/8 to any port 22 deny"

/*
 * X(word, argument, help, example, handler, the handler's value)
 * The words stand in the order in which help lists them.
 */
#define KEYWORDS(X)                                                                                                    \
	X("on", "DRIVER", "the driver that gets the rule; may be left out where only one takes rules",                 \
	  "on fw in icmp type 8 count", take_instance, 0)                                                              \
	X("name", "NAME", "name of the rule; the card picks one where it is left out", "name web in tcp deny",         \
	  take_name, 0)                                                                                                \
	X("in", "", "packets from the wire to the host", "in icmp deny", take_direction, SLUICE_IN)                    \
	X("out", "", "packets from the host to the wire", "out icmp deny", take_direction, SLUICE_OUT)                 \
	X("priority", "N", "0 to 4294967295, the lowest is judged first; default 1000", "in priority 100 tcp deny",    \
	  take_priority, 0)                                                                                            \
	X("ip", "", "IPv4", "in ip deny", take_family, 4)                                                              \
	X("ipv4", "", "the same as ip", "in ipv4 deny", take_family, 4)                                                \
	X("ipv6", "", "IPv6", "in ipv6 deny", take_family, 6)                                                          \
	X("tcp", "", "TCP over IPv4 and IPv6", "in tcp from any to any port 22 deny", take_protocol, IPPROTO_TCP)      \
	X("udp", "", "UDP over IPv4 and IPv6", "in udp from any to any port 53 allow", take_protocol, IPPROTO_UDP)     \
	X("sctp", "", "SCTP over IPv4 and IPv6", "in sctp from any to any port 3868 allow", take_protocol,             \
	  IPPROTO_SCTP)                                                                                                \
	X("icmp", "", "ICMP over IPv4", "in icmp type 8 count", take_icmp, IPPROTO_ICMP)                               \
	X("icmpv6", "", "ICMPv6 over IPv6", "in icmpv6 type 128 allow", take_icmp, IPPROTO_ICMPV6)                     \
	X("proto", "N", "an IP protocol by its number, 0 to 255", "in proto 47 allow", take_protocol_number, 0)        \
	X("from", "any|ADDRESS[/LENGTH] [port N|N-M]", "source address and port",                                      \
	  "in tcp from 10.0.0.0/8 port 1024-65535 deny", take_from, 0)                                                 \
	X("to", "any|ADDRESS[/LENGTH] [port N|N-M]", "destination address and port",                                   \
	  "in tcp from any to 2001:db8::/32 port 22 deny", take_to, 0)                                                 \
	X("port", "N|N-M", "port or range of ports, after from or to", "in tcp from any to any port 8000-8999 allow",  \
	  take_stray_port, 0)                                                                                          \
	X("type", "N", "ICMP type, 0 to 255", "in icmp type 8 count", take_icmp_type, 0)                               \
	X("code", "N", "ICMP code, 0 to 255", "in icmp type 3 code 4 allow", take_icmp_code, 0)                        \
	X("flags", "FLAGS[/MASK]",                                                                                     \
	  "TCP flags with commas between, or none: the flags under the mask are exactly these",                        \
	  "in tcp flags syn/syn,ack deny", take_flags, 0)                                                              \
	X("vlan", "N", "id of the outermost VLAN tag, 0 to 4095", "in vlan 100 deny", take_vlan, 0)                    \
	X("mac", "from|to MAC[/MASK]", "source or destination MAC address",                                            \
	  "in mac from 02:00:00:00:00:00/ff:00:00:00:00:00 deny", take_mac, 0)                                         \
	X("ethertype", "0xNNNN|arp|ip|ipv6", "type of the frame, after all VLAN tags", "out ethertype arp allow",      \
	  take_ethertype, 0)                                                                                           \
	X("allow", "", "let the packet on to the next driver", "in tcp allow", take_action, SLUICE_ALLOW)              \
	X("deny", "", "drop the packet", "in tcp deny", take_action, SLUICE_DENY)                                      \
	X("count", "", "count the packet and go on with the next rule", "in tcp count", take_action, SLUICE_COUNT)

struct parse {
	struct rule_words words;
	struct sluice_rule_command *out;
	bool has_direction, has_priority, has_action, has_from, has_to;
	const struct policy_keyword *keyword; /* whose handler runs */
	unsigned at;			      /* its word */
	/* The keyword's word for each byte of the rule that was set, to name the word that a check refuses. */
	uint8_t word_of[sizeof(struct sluice_rule)];
};

#define refuse(p, index, ...) rule_words_refuse(&(p)->words, index, (p)->keyword->example, __VA_ARGS__)

static void note(struct parse *p, uint32_t offset, uint32_t size)
{
	memset(p->word_of + offset, (int)(p->at + 1), size);
}

static struct sluice_rule *rule_of(struct parse *p)
{
	return &p->out->rule;
}

static int refuse_twice(struct parse *p)
{
	return refuse(p, p->at, "is given twice");
}

/* Marks a match as set; twice is once too often. */
static int set_field(struct parse *p, uint32_t field)
{
	if ((rule_of(p)->fields & field) != 0)
		return refuse_twice(p);
	rule_of(p)->fields |= field;
	return 0;
}

/* The keyword's argument; NULL with the error filled in where the rule ends. */
static const char *take_argument(struct parse *p)
{
	const char *word = rule_words_take(&p->words);

	if (word == NULL)
		refuse(p, p->at, "expected %s after it", p->keyword->argument);
	return word;
}

static int take_number(struct parse *p, uint32_t most, uint32_t *number)
{
	const char *word = take_argument(p);

	if (word == NULL)
		return -EINVAL;
	if (!value_read_number(word, most, number))
		return refuse(p, p->words.next - 1, "expected a number from 0 to %u after \"%s\"", most,
			      p->keyword->word);
	return 0;
}

static int take_u8(struct parse *p, uint8_t *out)
{
	uint32_t number;

	if (take_number(p, UINT8_MAX, &number) != 0)
		return -EINVAL;
	*out = (uint8_t)number;
	return 0;
}

static int take_any_name(struct parse *p, char name[SLUICE_NAME_SIZE])
{
	const char *word;

	if (name[0] != '\0')
		return refuse_twice(p);
	word = take_argument(p);
	if (word == NULL)
		return -EINVAL;
	if (!value_read_name(word, name)) {
		memset(name, 0, SLUICE_NAME_SIZE);
		return refuse(p, p->words.next - 1, "a name is 1 to 31 of A-Z a-z 0-9 _ . -");
	}
	return 0;
}

static int take_instance(struct parse *p, uint32_t unused)
{
	(void)unused;
	return take_any_name(p, p->out->instance);
}

static int take_name(struct parse *p, uint32_t unused)
{
	(void)unused;
	return take_any_name(p, rule_of(p)->name);
}

static int take_direction(struct parse *p, uint32_t direction)
{
	if (p->has_direction)
		return refuse(p, p->at, "a rule has one direction, in or out");
	p->has_direction = true;
	rule_of(p)->direction = (uint8_t)direction;
	return 0;
}

static int take_priority(struct parse *p, uint32_t unused)
{
	(void)unused;
	if (p->has_priority)
		return refuse_twice(p);
	p->has_priority = true;
	return take_number(p, UINT32_MAX, &rule_of(p)->priority);
}

static int take_action(struct parse *p, uint32_t action)
{
	p->has_action = true;
	rule_of(p)->action = (uint8_t)action;
	if (rule_words_peek(&p->words) != NULL)
		return refuse(p, p->words.next, "the rule ends with its action, \"%s\"", p->keyword->word);
	return 0;
}

static int set_family(struct parse *p, uint8_t family, unsigned index)
{
	struct sluice_rule *rule = rule_of(p);

	if ((rule->fields & SLUICE_MATCH_FAMILY) != 0 && rule->family != family)
		return refuse(p, index, "IPv4 and IPv6 in one rule: no packet can match");
	rule->fields |= SLUICE_MATCH_FAMILY;
	rule->family = family;
	note(p, AT(family), SIZE(family));
	return 0;
}

static int take_family(struct parse *p, uint32_t family)
{
	return set_family(p, (uint8_t)family, p->at);
}

static int take_protocol(struct parse *p, uint32_t protocol)
{
	if ((rule_of(p)->fields & SLUICE_MATCH_PROTOCOL) != 0)
		return refuse(p, p->at, "a rule has one protocol");
	rule_of(p)->fields |= SLUICE_MATCH_PROTOCOL;
	rule_of(p)->protocol = (uint8_t)protocol;
	note(p, AT(protocol), SIZE(protocol));
	return 0;
}

static int take_icmp(struct parse *p, uint32_t protocol)
{
	if (set_family(p, protocol == IPPROTO_ICMP ? 4 : 6, p->at) != 0)
		return -EINVAL;
	return take_protocol(p, protocol);
}

static int take_protocol_number(struct parse *p, uint32_t unused)
{
	uint8_t protocol;

	(void)unused;
	if (take_u8(p, &protocol) != 0)
		return -EINVAL;
	return take_protocol(p, protocol);
}

/* N or N-M */
static bool read_range(const char *word, uint16_t ends[2])
{
	char lowest[12];
	const char *dash = strchrnul(word, '-');
	uint32_t low, high;

	if ((size_t)(dash - word) >= sizeof(lowest))
		return false;
	memcpy(lowest, word, (size_t)(dash - word));
	lowest[dash - word] = '\0';
	if (!value_read_number(lowest, UINT16_MAX, &low))
		return false;
	high = low;
	if (*dash != '\0' && !value_read_number(dash + 1, UINT16_MAX, &high))
		return false;
	ends[0] = (uint16_t)low;
	ends[1] = (uint16_t)high;
	return true;
}

/* What may follow an address. */
static int take_port(struct parse *p, uint32_t field, uint16_t ends[2], uint32_t offset)
{
	const char *word = rule_words_peek(&p->words);

	if (word == NULL || strcmp(word, "port") != 0)
		return 0;
	p->at = p->words.next++;
	rule_of(p)->fields |= field;
	note(p, offset, 2 * sizeof(ends[0]));
	word = rule_words_take(&p->words);
	if (word == NULL)
		return refuse(p, p->at, "expected N or N-M after it");
	return read_range(word, ends) ? 0
				      : refuse(p, p->words.next - 1, "expected a port from 0 to 65535, or two as N-M");
}

/* @p prefix_offset tells where in the rule it is, and so which of the two addresses. */
static int take_address(struct parse *p, uint32_t field, uint8_t addr[16], uint8_t *prefix)
{
	const char *word = take_argument(p), *problem;
	unsigned index = p->words.next - 1;
	uint8_t family;

	if (word == NULL)
		return -EINVAL;
	if (strcmp(word, "any") == 0)
		return 0;
	family = strchr(word, ':') != NULL ? 6 : 4;
	problem = value_read_prefix(word, family, addr, prefix);
	if (problem != NULL)
		return refuse(p, index, "%s%s", problem, strchr(word, '/') == NULL ? "; expected that or \"any\"" : "");
	p->at = index;
	rule_of(p)->fields |= field;
	return set_family(p, family, index);
}

static int take_from(struct parse *p, uint32_t unused)
{
	struct sluice_rule *rule = rule_of(p);

	(void)unused;
	if (p->has_from)
		return refuse_twice(p);
	p->has_from = true;
	if (take_address(p, SLUICE_MATCH_SRC_ADDR, rule->src_addr, &rule->src_prefix) != 0)
		return -EINVAL;
	note(p, AT(src_addr), SIZE(src_addr));
	return take_port(p, SLUICE_MATCH_SRC_PORT, rule->src_port, AT(src_port));
}

static int take_to(struct parse *p, uint32_t unused)
{
	struct sluice_rule *rule = rule_of(p);

	(void)unused;
	if (p->has_to)
		return refuse_twice(p);
	p->has_to = true;
	if (take_address(p, SLUICE_MATCH_DST_ADDR, rule->dst_addr, &rule->dst_prefix) != 0)
		return -EINVAL;
	note(p, AT(dst_addr), SIZE(dst_addr));
	return take_port(p, SLUICE_MATCH_DST_PORT, rule->dst_port, AT(dst_port));
}

static int take_stray_port(struct parse *p, uint32_t unused)
{
	(void)unused;
	return refuse(p, p->at, "stands after \"from ADDRESS\" or \"to ADDRESS\"; the address may be any");
}

static int take_icmp_type(struct parse *p, uint32_t unused)
{
	(void)unused;
	note(p, AT(icmp_type), SIZE(icmp_type));
	return set_field(p, SLUICE_MATCH_ICMP_TYPE) != 0 ? -EINVAL : take_u8(p, &rule_of(p)->icmp_type);
}

static int take_icmp_code(struct parse *p, uint32_t unused)
{
	(void)unused;
	note(p, AT(icmp_code), SIZE(icmp_code));
	return set_field(p, SLUICE_MATCH_ICMP_CODE) != 0 ? -EINVAL : take_u8(p, &rule_of(p)->icmp_code);
}

static bool read_flags(const char *word, uint8_t *flags)
{
	if (strcmp(word, "none") == 0) {
		*flags = 0;
		return true;
	}
	return word[0] != '\0' && value_read_flags(word, ',', flags);
}

/* FLAGS or FLAGS/MASK; the mask is the flags where it is left out */
static bool read_flags_and_mask(const char *word, uint8_t *flags, uint8_t *mask)
{
	char first[VALUE_FLAGS_SIZE];
	const char *slash = strchrnul(word, '/');

	if ((size_t)(slash - word) >= sizeof(first))
		return false;
	memcpy(first, word, (size_t)(slash - word));
	first[slash - word] = '\0';
	if (!read_flags(first, flags))
		return false;
	*mask = *flags;
	return *slash == '\0' || read_flags(slash + 1, mask);
}

static int take_flags(struct parse *p, uint32_t unused)
{
	const char *word;

	(void)unused;
	note(p, AT(tcp_flags), SIZE(tcp_flags));
	note(p, AT(tcp_flags_mask), SIZE(tcp_flags_mask));
	if (set_field(p, SLUICE_MATCH_TCP_FLAGS) != 0)
		return -EINVAL;
	word = take_argument(p);
	if (word == NULL)
		return -EINVAL;
	if (!read_flags_and_mask(word, &rule_of(p)->tcp_flags, &rule_of(p)->tcp_flags_mask))
		return refuse(p, p->words.next - 1,
			      "expected FLAGS or FLAGS/MASK, each of cwr,ece,urg,ack,psh,rst,syn,fin or none");
	return 0;
}

static int take_vlan(struct parse *p, uint32_t unused)
{
	uint32_t id;

	(void)unused;
	if (set_field(p, SLUICE_MATCH_VLAN_ID) != 0 || take_number(p, VLAN_ID_MOST, &id) != 0)
		return -EINVAL;
	rule_of(p)->vlan_id = (uint16_t)id;
	return 0;
}

/* MAC or MAC/MASK */
static bool read_mac_and_mask(const char *word, uint8_t mac[6], uint8_t mask[6])
{
	char address[VALUE_MAC_SIZE];
	const char *slash = strchrnul(word, '/');

	if ((size_t)(slash - word) != sizeof(address) - 1)
		return false;
	memcpy(address, word, sizeof(address) - 1);
	address[sizeof(address) - 1] = '\0';
	memset(mask, 0xff, 6);
	return value_read_mac(address, mac) && (*slash == '\0' || value_read_mac(slash + 1, mask));
}

static int take_mac_address(struct parse *p, uint32_t field, uint8_t mac[6], uint8_t mask[6])
{
	const char *word;

	if (set_field(p, field) != 0)
		return -EINVAL;
	word = take_argument(p);
	if (word == NULL)
		return -EINVAL;
	if (!read_mac_and_mask(word, mac, mask))
		return refuse(p, p->words.next - 1,
			      "expected a MAC address such as 02:00:00:00:00:01, or address/mask");
	return 0;
}

static int take_mac(struct parse *p, uint32_t unused)
{
	struct sluice_rule *rule = rule_of(p);
	const char *side = take_argument(p);

	(void)unused;
	if (side == NULL)
		return -EINVAL;
	if (strcmp(side, "from") == 0) {
		note(p, AT(src_mac), SIZE(src_mac));
		return take_mac_address(p, SLUICE_MATCH_SRC_MAC, rule->src_mac, rule->src_mac_mask);
	}
	if (strcmp(side, "to") == 0) {
		note(p, AT(dst_mac), SIZE(dst_mac));
		return take_mac_address(p, SLUICE_MATCH_DST_MAC, rule->dst_mac, rule->dst_mac_mask);
	}
	return refuse(p, p->words.next - 1, "expected \"from\" or \"to\" after \"mac\"");
}

static bool read_ethertype(const char *word, uint16_t *ethertype)
{
	static const struct {
		const char *word;
		uint16_t ethertype;
	} names[] = {{"arp", 0x0806}, {"ip", 0x0800}, {"ipv6", 0x86dd}};
	uint32_t number;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		*ethertype = names[i].ethertype;
		if (strcmp(names[i].word, word) == 0)
			return true;
	}
	if (value_read_hex(word, ethertype))
		return true;
	if (!value_read_number(word, UINT16_MAX, &number))
		return false;
	*ethertype = (uint16_t)number;
	return true;
}

static int take_ethertype(struct parse *p, uint32_t unused)
{
	const char *word;

	(void)unused;
	note(p, AT(ethertype), SIZE(ethertype));
	if (set_field(p, SLUICE_MATCH_ETHERTYPE) != 0)
		return -EINVAL;
	word = take_argument(p);
	if (word == NULL)
		return -EINVAL;
	if (!read_ethertype(word, &rule_of(p)->ethertype))
		return refuse(p, p->words.next - 1, "expected arp, ip, ipv6 or a number such as 0x0806");
	return 0;
}

static const struct policy_keyword texts[] = {
#define X(word, argument, help, example, take, value) {word, argument, help, example},
	KEYWORDS(X)
#undef X
		{NULL, NULL, NULL, NULL},
};

static const struct {
	int (*take)(struct parse *p, uint32_t value);
	uint32_t value;
} handlers[] = {
#define X(word, argument, help, example, take, value) {take, value},
	KEYWORDS(X)
#undef X
};

const struct policy_keyword *policy_rule_keywords(void)
{
	return texts;
}

static int refuse_unknown(struct parse *p, unsigned index, const char *word)
{
	const struct policy_keyword *best = NULL;
	unsigned least = ~0u;

	for (const struct policy_keyword *text = texts; text->word != NULL; text++) {
		unsigned apart = value_distance(text->word, word);

		if (apart < least && value_is_near(apart, word)) {
			least = apart;
			best = text;
		}
	}
	if (best != NULL)
		return rule_words_refuse(&p->words, index, best->example, "unknown; did you mean \"%s\"?", best->word);
	return rule_words_refuse(&p->words, index, GENERAL_EXAMPLE,
				 "expected in, out, priority, a match such as tcp or from, or allow, deny or count");
}

static int take_keyword(struct parse *p, const char *word)
{
	p->at = p->words.next - 1;
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		p->keyword = &texts[i];
		if (strcmp(texts[i].word, word) == 0)
			return handlers[i].take(p, handlers[i].value);
	}
	return refuse_unknown(p, p->at, word);
}

static int refuse_incomplete(struct parse *p, const char *missing)
{
	return rule_words_refuse(&p->words, p->words.count, GENERAL_EXAMPLE, "expected %s before the rule ends",
				 missing);
}

/* What the words say one by one may still not fit together. */
static int check(struct parse *p)
{
	uint32_t offset;
	enum sluice_status status = policy_check_rule(rule_of(p), false, &offset);
	unsigned index;

	if (status == SLUICE_STATUS_OK)
		return 0;
	index = p->word_of[offset] > 0 ? p->word_of[offset] - 1u : p->words.count;
	return rule_words_refuse(&p->words, index, GENERAL_EXAMPLE, "%s", policy_rule_reason(status, offset));
}

int policy_parse_rule(int argc, char *const *argv, struct sluice_rule_command *out, char *error, size_t error_size)
{
	struct parse p = {.out = out};
	const char *word;

	memset(out, 0, sizeof(*out));
	out->rule.priority = POLICY_DEFAULT_PRIORITY;
	if (rule_words_init(&p.words, argc, argv, error, error_size) != 0)
		return -EINVAL;
	while ((word = rule_words_take(&p.words)) != NULL)
		if (take_keyword(&p, word) != 0)
			return -EINVAL;
	if (!p.has_direction)
		return refuse_incomplete(&p, "in or out");
	if (!p.has_action)
		return refuse_incomplete(&p, "an action (allow, deny or count)");
	return check(&p);
}
