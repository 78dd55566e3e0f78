/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Images into documents. The text is written straight away, one record after the other, so that a policy
 * of a million rules needs no more memory than its text. Every setting is written, defaults too.
 */
#include "policy/policy.h"
#include "policy/value.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct writer {
	FILE *out;
	unsigned depth;
	bool is_first; /* in its object or list */
};

static void begin_line(struct writer *w)
{
	fprintf(w->out, "%s\n%*s", w->is_first ? "" : ",", (int)(2 * w->depth), "");
	w->is_first = false;
}

static void begin_member(struct writer *w, const char *name)
{
	begin_line(w);
	if (name != NULL)
		fprintf(w->out, "\"%s\": ", name);
}

/* @p name is NULL for an item of a list. */
static void open_value(struct writer *w, const char *name, char bracket)
{
	if (w->depth > 0)
		begin_member(w, name);
	putc(bracket, w->out);
	w->depth++;
	w->is_first = true;
}

static void close_value(struct writer *w, char bracket)
{
	w->depth--;
	if (!w->is_first)
		fprintf(w->out, "\n%*s", (int)(2 * w->depth), "");
	putc(bracket, w->out);
	w->is_first = false;
}

/* What policy_check lets pass is printable ASCII: nothing else needs an escape. */
static void write_string(struct writer *w, const char *name, const char *value)
{
	begin_member(w, name);
	putc('"', w->out);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			putc('\\', w->out);
		putc(*value, w->out);
	}
	putc('"', w->out);
}

static void write_number(struct writer *w, const char *name, uint32_t value)
{
	begin_member(w, name);
	fprintf(w->out, "%u", value);
}

static void write_port(struct writer *w, const struct sluice_port *port)
{
	open_value(w, NULL, '{');
	write_string(w, "name", port->name);
	write_string(w, "devargs", port->devargs);
	write_number(w, "queues", port->queues);
	write_number(w, "mtu", port->mtu);
	write_number(w, "rx-pps", port->rx_pps);
	close_value(w, '}');
}

static void write_ports(struct writer *w, const struct policy_image *img)
{
	open_value(w, "sluice:ports", '{');
	open_value(w, "port", '[');
	for (uint32_t i = 0; i < img->header->ports; i++)
		write_port(w, &policy_ports(img)[i]);
	close_value(w, ']');
	close_value(w, '}');
}

static const char *action_word(uint8_t action)
{
	static const char *const words[SLUICE_ACTIONS] = {
		[SLUICE_ALLOW] = "accept",
		[SLUICE_DENY] = "drop",
		[SLUICE_COUNT] = "sluice:count",
	};

	return words[action];
}

static void write_driver(struct writer *w, const struct sluice_instance *instance)
{
	open_value(w, NULL, '{');
	write_string(w, "name", instance->name);
	write_string(w, "type", instance->driver);
	if (instance->takes_rules) {
		open_value(w, "default-action", '{');
		write_string(w, "in", action_word(instance->default_action[SLUICE_IN]));
		write_string(w, "out", action_word(instance->default_action[SLUICE_OUT]));
		close_value(w, '}');
	}
	close_value(w, '}');
}

static void write_stack(struct writer *w, const struct policy_image *img, uint32_t index)
{
	const struct sluice_stack *stack = &policy_stacks(img)[index];

	open_value(w, NULL, '{');
	write_string(w, "name", stack->name);
	write_string(w, "upper-port", stack->upper_port);
	write_string(w, "lower-port", stack->lower_port);
	open_value(w, "driver", '[');
	for (uint32_t i = 0; i < img->header->instances; i++)
		if (policy_instances(img)[i].stack == index)
			write_driver(w, &policy_instances(img)[i]);
	close_value(w, ']');
	close_value(w, '}');
}

static void write_stacks(struct writer *w, const struct policy_image *img)
{
	open_value(w, "sluice:stacks", '{');
	open_value(w, "stack", '[');
	for (uint32_t i = 0; i < img->header->stacks; i++)
		write_stack(w, img, i);
	close_value(w, ']');
	close_value(w, '}');
}

static bool has(const struct sluice_rule *rule, uint32_t fields)
{
	return (rule->fields & fields) != 0;
}

static void write_mac(struct writer *w, const char *name, const uint8_t mac[6])
{
	char text[VALUE_MAC_SIZE];

	value_write_mac(mac, text);
	write_string(w, name, text);
}

static bool is_all_ones(const uint8_t mask[6])
{
	return memcmp(mask, "\xff\xff\xff\xff\xff\xff", 6) == 0;
}

static void write_eth(struct writer *w, const struct sluice_rule *rule)
{
	char ethertype[8];

	if (!has(rule, SLUICE_MATCH_ETHERTYPE | SLUICE_MATCH_SRC_MAC | SLUICE_MATCH_DST_MAC))
		return;
	open_value(w, "eth", '{');
	if (has(rule, SLUICE_MATCH_SRC_MAC))
		write_mac(w, "source-mac-address", rule->src_mac);
	if (has(rule, SLUICE_MATCH_SRC_MAC) && !is_all_ones(rule->src_mac_mask))
		write_mac(w, "source-mac-address-mask", rule->src_mac_mask);
	if (has(rule, SLUICE_MATCH_DST_MAC))
		write_mac(w, "destination-mac-address", rule->dst_mac);
	if (has(rule, SLUICE_MATCH_DST_MAC) && !is_all_ones(rule->dst_mac_mask))
		write_mac(w, "destination-mac-address-mask", rule->dst_mac_mask);
	if (has(rule, SLUICE_MATCH_ETHERTYPE)) {
		snprintf(ethertype, sizeof(ethertype), "0x%04x", rule->ethertype);
		write_string(w, "ethertype", ethertype);
	}
	close_value(w, '}');
}

/* The object that stands for a rule's protocol; NULL where the protocol is written as a number. */
static const char *protocol_object(const struct sluice_rule *rule)
{
	switch (rule->protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_SCTP:
		return "sluice:sctp";
	case IPPROTO_ICMP:
		return rule->family == 4 ? "icmp" : NULL;
	case IPPROTO_ICMPV6:
		return rule->family == 6 ? "icmp" : NULL;
	default:
		return NULL;
	}
}

static void write_prefix(struct writer *w, const char *name, uint8_t family, const uint8_t addr[16], uint8_t prefix)
{
	char text[VALUE_PREFIX_SIZE];

	value_write_prefix(addr, family, prefix, text);
	write_string(w, name, text);
}

static void write_family(struct writer *w, const struct sluice_rule *rule)
{
	bool is_v4 = rule->family == 4;

	open_value(w, is_v4 ? "ipv4" : "ipv6", '{');
	if (has(rule, SLUICE_MATCH_PROTOCOL) && protocol_object(rule) == NULL)
		write_number(w, "protocol", rule->protocol);
	if (has(rule, SLUICE_MATCH_SRC_ADDR))
		write_prefix(w, is_v4 ? "source-ipv4-network" : "source-ipv6-network", rule->family, rule->src_addr,
			     rule->src_prefix);
	if (has(rule, SLUICE_MATCH_DST_ADDR))
		write_prefix(w, is_v4 ? "destination-ipv4-network" : "destination-ipv6-network", rule->family,
			     rule->dst_addr, rule->dst_prefix);
	close_value(w, '}');
}

static void write_range(struct writer *w, const char *name, const uint16_t ends[2])
{
	open_value(w, name, '{');
	if (ends[0] == ends[1]) {
		write_string(w, "operator", "eq");
		write_number(w, "port", ends[0]);
	} else {
		write_number(w, "lower-port", ends[0]);
		write_number(w, "upper-port", ends[1]);
	}
	close_value(w, '}');
}

static void write_flags(struct writer *w, const char *name, uint8_t flags)
{
	char text[VALUE_FLAGS_SIZE];

	value_write_flags(flags, ' ', text);
	write_string(w, name, text);
}

static void write_protocol(struct writer *w, const struct sluice_rule *rule, const char *object)
{
	open_value(w, object, '{');
	if (has(rule, SLUICE_MATCH_SRC_PORT))
		write_range(w, "source-port", rule->src_port);
	if (has(rule, SLUICE_MATCH_DST_PORT))
		write_range(w, "destination-port", rule->dst_port);
	if (has(rule, SLUICE_MATCH_ICMP_TYPE))
		write_number(w, "type", rule->icmp_type);
	if (has(rule, SLUICE_MATCH_ICMP_CODE))
		write_number(w, "code", rule->icmp_code);
	if (has(rule, SLUICE_MATCH_TCP_FLAGS))
		write_flags(w, "flags", rule->tcp_flags);
	if (has(rule, SLUICE_MATCH_TCP_FLAGS) && rule->tcp_flags_mask != rule->tcp_flags)
		write_flags(w, "sluice:flags-mask", rule->tcp_flags_mask);
	close_value(w, '}');
}

static void write_matches(struct writer *w, const struct sluice_rule *rule)
{
	const char *object = has(rule, SLUICE_MATCH_PROTOCOL) ? protocol_object(rule) : NULL;

	open_value(w, "matches", '{');
	write_eth(w, rule);
	if (has(rule, SLUICE_MATCH_VLAN_ID))
		write_number(w, "sluice:vlan-id", rule->vlan_id);
	if (has(rule, SLUICE_MATCH_FAMILY))
		write_family(w, rule);
	else if (has(rule, SLUICE_MATCH_PROTOCOL) && object == NULL)
		write_number(w, "sluice:protocol", rule->protocol);
	if (object != NULL)
		write_protocol(w, rule, object);
	close_value(w, '}');
}

static void write_ace(struct writer *w, const struct sluice_rule *rule)
{
	open_value(w, NULL, '{');
	write_string(w, "name", rule->name);
	write_number(w, "sluice:priority", rule->priority);
	write_string(w, "sluice:direction", rule->direction == SLUICE_IN ? "in" : "out");
	write_matches(w, rule);
	open_value(w, "actions", '{');
	write_string(w, "forwarding", action_word(rule->action));
	close_value(w, '}');
	close_value(w, '}');
}

static void write_acl(struct writer *w, const struct policy_image *img, const struct sluice_instance *instance)
{
	open_value(w, NULL, '{');
	write_string(w, "name", instance->name);
	open_value(w, "aces", '{');
	open_value(w, "ace", '[');
	for (uint32_t i = 0; i < instance->rules; i++)
		write_ace(w, &policy_rules(img)[instance->first_rule + i]);
	close_value(w, ']');
	close_value(w, '}');
	close_value(w, '}');
}

static void write_acls(struct writer *w, const struct policy_image *img)
{
	open_value(w, "ietf-access-control-list:acls", '{');
	open_value(w, "acl", '[');
	for (uint32_t i = 0; i < img->header->instances; i++)
		if (policy_instances(img)[i].takes_rules)
			write_acl(w, img, &policy_instances(img)[i]);
	close_value(w, ']');
	close_value(w, '}');
}

char *policy_write(const struct policy_image *img)
{
	struct writer w = {0};
	char *text = NULL;
	size_t size = 0;
	bool failed;

	w.out = open_memstream(&text, &size);
	if (w.out == NULL)
		return NULL;
	open_value(&w, NULL, '{');
	if (img->header->stacks > 0) {
		write_ports(&w, img);
		write_stacks(&w, img);
	}
	write_acls(&w, img);
	close_value(&w, '}');
	putc('\n', w.out);
	failed = ferror(w.out) != 0;
	if (fclose(w.out) == 0 && !failed)
		return text;
	free(text);
	return NULL;
}
