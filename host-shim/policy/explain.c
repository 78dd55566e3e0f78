/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Explains why an image was refused: its offset tells the record and the record's member, and tables tell by
 * which members of the document that one is written.
 */
#include "policy/explain.h"

#include "policy/error.h"

#include <errno.h>
#include <string.h>

#define ACLS "ietf-access-control-list:acls"

/* A member of a record, and the ways to it from the record's object; the first that the document has is meant. */
struct part {
	uint32_t offset, size;
	const char *ways[4]; /* members with '/' between; "" is the object itself */
};

/* The kinds of records, and where in the document they are. */
struct record {
	struct part const *parts;
	size_t part_count;
	uint32_t offset;    /* of the record, in the image */
	struct place place; /* of its object */
};

#define PART(type, member, ...)                                                                                        \
	{                                                                                                              \
		offsetof(struct type, member), sizeof(((struct type *)0)->member),                                     \
		{                                                                                                      \
			__VA_ARGS__                                                                                    \
		}                                                                                                      \
	}

static const struct part header_parts[] = {
	PART(sluice_policy_header, ports, "sluice:ports/port", "sluice:stacks"),
	PART(sluice_policy_header, stacks, "sluice:stacks/stack", "sluice:ports"),
	PART(sluice_policy_header, instances, "sluice:stacks/stack", ACLS "/acl"),
	PART(sluice_policy_header, rules, ACLS "/acl"),
};

static const struct part port_parts[] = {
	PART(sluice_port, name, "name"), PART(sluice_port, devargs, "devargs"), PART(sluice_port, queues, "queues"),
	PART(sluice_port, mtu, "mtu"),	 PART(sluice_port, rx_pps, "rx-pps"),
};

static const struct part stack_parts[] = {
	PART(sluice_stack, name, "name"),
	PART(sluice_stack, upper_port, "upper-port"),
	PART(sluice_stack, lower_port, "lower-port"),
};

static const struct part instance_parts[] = {
	PART(sluice_instance, name, "name", "type"),
	PART(sluice_instance, driver, "type", "name"),
	PART(sluice_instance, default_action[SLUICE_IN], "default-action/in", "default-action"),
	PART(sluice_instance, default_action[SLUICE_OUT], "default-action/out", "default-action"),
	PART(sluice_instance, takes_rules, "default-action", "name", "type"),
	PART(sluice_instance, first_rule, "name", "type"),
	PART(sluice_instance, rules, "name", "type"),
};

static const struct part rule_parts[] = {
	PART(sluice_rule, name, "name"),
	PART(sluice_rule, priority, "sluice:priority"),
	PART(sluice_rule, fields, "matches"),
	PART(sluice_rule, direction, "sluice:direction"),
	PART(sluice_rule, action, "actions/forwarding"),
	PART(sluice_rule, family, "matches/ipv4", "matches/ipv6", "matches/icmp"),
	PART(sluice_rule, protocol, "matches/ipv4/protocol", "matches/ipv6/protocol", "matches/sluice:protocol",
	     "matches"),
	PART(sluice_rule, src_prefix, "matches/ipv4/source-ipv4-network", "matches/ipv6/source-ipv6-network"),
	PART(sluice_rule, dst_prefix, "matches/ipv4/destination-ipv4-network", "matches/ipv6/destination-ipv6-network"),
	PART(sluice_rule, icmp_type, "matches/icmp/type"),
	PART(sluice_rule, icmp_code, "matches/icmp/code"),
	PART(sluice_rule, src_addr, "matches/ipv4/source-ipv4-network", "matches/ipv6/source-ipv6-network"),
	PART(sluice_rule, dst_addr, "matches/ipv4/destination-ipv4-network", "matches/ipv6/destination-ipv6-network"),
	PART(sluice_rule, src_port, "matches/tcp/source-port", "matches/udp/source-port",
	     "matches/sluice:sctp/source-port"),
	PART(sluice_rule, dst_port, "matches/tcp/destination-port", "matches/udp/destination-port",
	     "matches/sluice:sctp/destination-port"),
	PART(sluice_rule, tcp_flags, "matches/tcp/flags"),
	PART(sluice_rule, tcp_flags_mask, "matches/tcp/sluice:flags-mask", "matches/tcp/flags"),
	PART(sluice_rule, vlan_id, "matches/sluice:vlan-id"),
	PART(sluice_rule, ethertype, "matches/eth/ethertype"),
	PART(sluice_rule, src_mac, "matches/eth/source-mac-address"),
	PART(sluice_rule, src_mac_mask, "matches/eth/source-mac-address-mask"),
	PART(sluice_rule, dst_mac, "matches/eth/destination-mac-address"),
	PART(sluice_rule, dst_mac_mask, "matches/eth/destination-mac-address-mask"),
};

#define PARTS(array) .parts = (array), .part_count = sizeof(array) / sizeof((array)[0])

static bool enter_acl(struct place *place, const json_t *document, const char *instance)
{
	const json_t *list = json_object_get(json_object_get(document, ACLS), "acl");
	size_t i;
	json_t *acl;

	place_enter_member(place, ACLS);
	place_enter_member(place, "acl");
	json_array_foreach (list, i, acl) {
		const char *name = json_string_value(json_object_get(acl, "name"));

		if (name != NULL && strncmp(name, instance, SLUICE_NAME_SIZE) == 0) {
			place_enter_item(place, i);
			return true;
		}
	}
	return false;
}

static void locate_port(struct record *record, uint32_t index)
{
	*record = (struct record){PARTS(port_parts)};
	place_enter_member(&record->place, "sluice:ports");
	place_enter_member(&record->place, "port");
	place_enter_item(&record->place, index);
}

static void enter_stack(struct place *place, uint32_t index)
{
	place_enter_member(place, "sluice:stacks");
	place_enter_member(place, "stack");
	place_enter_item(place, index);
}

static void locate_stack(struct record *record, uint32_t index)
{
	*record = (struct record){PARTS(stack_parts)};
	enter_stack(&record->place, index);
}

static void locate_instance(struct record *record, const json_t *document, const struct policy_image *img,
			    uint32_t index)
{
	const struct sluice_instance *instances = policy_instances(img);
	uint32_t first = index;

	*record = (struct record){PARTS(instance_parts)};
	if (instances[index].stack == SLUICE_NO_STACK) {
		enter_acl(&record->place, document, instances[index].name);
		return;
	}
	while (first > 0 && instances[first - 1].stack == instances[index].stack)
		first--;
	enter_stack(&record->place, instances[index].stack);
	place_enter_member(&record->place, "driver");
	place_enter_item(&record->place, index - first);
}

static void locate_rule(struct record *record, const json_t *document, const struct policy_image *img, uint32_t index)
{
	const struct sluice_instance *instance = policy_instances(img);
	const struct sluice_instance *end = instance + img->header->instances;

	*record = (struct record){PARTS(rule_parts)};
	while (instance < end && index - instance->first_rule >= instance->rules)
		instance++;
	if (instance == end || !enter_acl(&record->place, document, instance->name))
		return;
	place_enter_member(&record->place, "aces");
	place_enter_member(&record->place, "ace");
	place_enter_item(&record->place, index - instance->first_rule);
}

/* Whether @p offset is in an array of @p count records of @p size at *begin; else moves *begin behind it. */
static bool is_in(uint32_t offset, uint64_t *begin, uint32_t count, size_t size, uint32_t *index)
{
	uint64_t end = *begin + (uint64_t)count * size;

	if (offset >= end) {
		*begin = end;
		return false;
	}
	*index = (uint32_t)((offset - *begin) / size);
	*begin += *index * size;
	return true;
}

static bool locate(struct record *record, const json_t *document, const struct policy_image *img, uint32_t offset)
{
	const struct sluice_policy_header *h = img->header;
	uint64_t begin = sizeof(*h);
	uint32_t index;

	if (offset < sizeof(*h)) {
		*record = (struct record){PARTS(header_parts)};
		return true;
	}
	if (is_in(offset, &begin, h->ports, sizeof(struct sluice_port), &index))
		locate_port(record, index);
	else if (is_in(offset, &begin, h->stacks, sizeof(struct sluice_stack), &index))
		locate_stack(record, index);
	else if (is_in(offset, &begin, h->instances, sizeof(struct sluice_instance), &index))
		locate_instance(record, document, img, index);
	else if (is_in(offset, &begin, h->rules, sizeof(struct sluice_rule), &index))
		locate_rule(record, document, img, index);
	else
		return false;
	record->offset = (uint32_t)begin;
	return true;
}

static const struct part *find_part(const struct record *record, uint32_t offset)
{
	for (size_t i = 0; i < record->part_count; i++)
		if (offset - record->parts[i].offset < record->parts[i].size)
			return &record->parts[i];
	return NULL;
}

/* Goes from the record's object to the member, by way of @p names, a copy that may be cut in pieces. */
static void follow(struct place *place, char *names)
{
	char *rest = NULL;

	for (char *name = strtok_r(names, "/", &rest); name != NULL; name = strtok_r(NULL, "/", &rest))
		place_enter_member(place, name);
}

static bool locate_part(const struct record *record, const struct part *part, const char *text, size_t length,
			struct policy_error *err)
{
	for (size_t i = 0; i < sizeof(part->ways) / sizeof(part->ways[0]) && part->ways[i] != NULL; i++) {
		struct place place = record->place;
		char names[128];
		unsigned line, column;

		snprintf(names, sizeof(names), "%s", part->ways[i]);
		follow(&place, names);
		if (place_find(&place, PLACE_VALUE, text, length, &line, &column)) {
			policy_error_locate(err, &place, PLACE_VALUE, text, length);
			return true;
		}
	}
	return false;
}

static bool is_about_a_name(enum sluice_status status)
{
	return status == SLUICE_STATUS_DUPLICATE_NAME || status == SLUICE_STATUS_UNKNOWN_PORT ||
	       status == SLUICE_STATUS_PORT_IN_USE || status == SLUICE_STATUS_UNKNOWN_DRIVER ||
	       status == SLUICE_STATUS_NOT_FOUND;
}

static void set_message(struct policy_error *err, const struct record *record, const struct part *part,
			const struct policy_image *img, uint32_t offset, enum sluice_status status)
{
	const char *text = sluice_status_text((uint16_t)status);

	if (record->parts == rule_parts)
		text = policy_rule_reason(status, offset - record->offset);
	if (part != NULL && part->size == SLUICE_NAME_SIZE && is_about_a_name(status))
		policy_error_set(err, "%s: \"%.31s\"", text, (const char *)img->header + record->offset + part->offset);
	else
		policy_error_set(err, "%s", text);
}

/* Where a driver that takes no rules is given some, its acl is to blame rather than the driver. */
static void blame_acl(struct record *record, const json_t *document, const struct policy_image *img, uint32_t offset)
{
	const struct sluice_instance *instance = (const void *)((const char *)img->header + record->offset);
	struct place acl = {0};

	if (record->parts == instance_parts && offset - record->offset < sizeof(*instance) &&
	    enter_acl(&acl, document, instance->name))
		record->place = acl;
}

int policy_explain_parsed(const char *text, size_t length, const json_t *document, const struct policy_image *img,
			  uint32_t error_offset, enum sluice_status status, struct policy_error *err)
{
	struct record record;
	const struct part *part;

	if (!locate(&record, document, img, error_offset)) {
		policy_error_set(err, "%s", sluice_status_text((uint16_t)status));
		return -EINVAL;
	}
	if (status == SLUICE_STATUS_NO_RULES_HERE)
		blame_acl(&record, document, img, error_offset);
	part = find_part(&record, error_offset - record.offset);
	set_message(err, &record, part, img, error_offset, status);
	if (part != NULL && locate_part(&record, part, text, length, err))
		return 0;
	policy_error_locate(err, &record.place, PLACE_VALUE, text, length);
	return part != NULL ? 0 : -EINVAL;
}

int policy_explain(const char *text, size_t length, const struct policy_image *img, uint32_t error_offset,
		   enum sluice_status status, struct policy_error *err)
{
	json_t *document = json_loadb(text, length, 0, NULL);
	int rc;

	if (document == NULL) { /* out of memory, or not the document that was read */
		policy_error_set(err, "%s", sluice_status_text((uint16_t)status));
		return -EINVAL;
	}
	rc = policy_explain_parsed(text, length, document, img, error_offset, status, err);
	json_decref(document);
	return rc;
}
