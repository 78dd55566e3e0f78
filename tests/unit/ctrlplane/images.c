/* SPDX-License-Identifier: BSD-3-Clause */
#include "images.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void image_name(char name[SLUICE_NAME_SIZE], const char *text)
{
	memset(name, 0, SLUICE_NAME_SIZE);
	snprintf(name, SLUICE_NAME_SIZE, "%s", text);
}

struct sluice_rule image_rule(const char *name, uint16_t port)
{
	struct sluice_rule rule = {
		.priority = 1000,
		.fields = SLUICE_MATCH_PROTOCOL | SLUICE_MATCH_DST_PORT,
		.direction = SLUICE_IN,
		.action = SLUICE_DENY,
		.protocol = IPPROTO_UDP,
		.dst_port = {port, port},
	};

	image_name(rule.name, name);
	return rule;
}

static struct policy_image allocate(uint32_t ports, uint32_t stacks, uint32_t instances, uint32_t rules)
{
	struct policy_image image;

	image.length = sizeof(struct sluice_policy_header) + ports * sizeof(struct sluice_port) +
		       stacks * sizeof(struct sluice_stack) + instances * sizeof(struct sluice_instance) +
		       rules * sizeof(struct sluice_rule);
	image.header = calloc(1, image.length);
	if (image.header == NULL)
		abort();
	*image.header = (struct sluice_policy_header){
		.magic = SLUICE_POLICY_MAGIC,
		.version = SLUICE_POLICY_VERSION,
		.length = (uint32_t)image.length,
		.ports = ports,
		.stacks = stacks,
		.instances = instances,
		.rules = rules,
	};
	return image;
}

static void fill_ports(struct policy_image *image)
{
	static const char *const names[] = {"host0", "wire0"};
	static const char *const devices[] = {"net_null0", "net_null1"};

	for (uint32_t i = 0; i < 2; i++) {
		struct sluice_port *port = &policy_ports(image)[i];

		image_name(port->name, names[i]);
		strcpy(port->devargs, devices[i]);
		port->queues = 1;
		port->mtu = 1500;
	}
	image_name(policy_stacks(image)->name, "main");
	image_name(policy_stacks(image)->upper_port, "host0");
	image_name(policy_stacks(image)->lower_port, "wire0");
}

static void fill_instances(struct policy_image *image, const struct image_instance *from, uint32_t count)
{
	bool rules_only = image->header->stacks == 0;
	uint32_t next = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct sluice_instance *instance = &policy_instances(image)[i];

		image_name(instance->name, from[i].name);
		if (!rules_only)
			image_name(instance->driver, from[i].driver);
		instance->stack = rules_only ? SLUICE_NO_STACK : 0;
		instance->takes_rules = rules_only || from[i].takes_rules || from[i].rules > 0;
		instance->default_action[SLUICE_IN] = from[i].default_in;
		instance->first_rule = next;
		instance->rules = from[i].rules;
		for (uint32_t k = 0; k < from[i].rules; k++, next++) {
			char name[16];

			snprintf(name, sizeof(name), "%c%u", (char)('a' + i), k);
			policy_rules(image)[next] = image_rule(name, (uint16_t)(1000 * i + k + 1));
		}
	}
}

static uint32_t sum_rules(const struct image_instance *instances, uint32_t count)
{
	uint32_t rules = 0;

	for (uint32_t i = 0; i < count; i++)
		rules += instances[i].rules;
	return rules;
}

struct policy_image image_full(const struct image_instance *instances, uint32_t count)
{
	struct policy_image image = allocate(2, 1, count, sum_rules(instances, count));

	fill_ports(&image);
	fill_instances(&image, instances, count);
	return image;
}

struct policy_image image_rules_only(const struct image_instance *instances, uint32_t count)
{
	struct policy_image image = allocate(0, 0, count, sum_rules(instances, count));

	fill_instances(&image, instances, count);
	return image;
}

struct policy_image image_usual(uint32_t fw_rules, uint32_t fw2_rules)
{
	const struct image_instance instances[] = {
		{"fw", "filter", fw_rules, true, SLUICE_ALLOW},
		{"fw2", "filter", fw2_rules, true, SLUICE_DENY},
		{"tap", "passthru", 0, false, SLUICE_ALLOW},
	};

	return image_full(instances, 3);
}

struct policy_image image_copy(const struct policy_image *image)
{
	struct policy_image copy = {malloc(image->length), image->length};

	if (copy.header == NULL)
		abort();
	memcpy(copy.header, image->header, image->length);
	return copy;
}

bool image_is_good(const struct policy_image *image)
{
	enum sluice_status status;
	uint32_t offset;

	return policy_check(image->header, image->length, &offset, &status) == 0;
}

const char *image_rule_names(const struct policy_image *image, uint32_t index)
{
	static char text[1024];
	const struct sluice_instance *instance = &policy_instances(image)[index];

	text[0] = '\0';
	for (uint32_t i = 0; i < instance->rules; i++) {
		if (i > 0)
			strcat(text, " ");
		strcat(text, policy_rules(image)[instance->first_rule + i].name);
	}
	return text;
}
