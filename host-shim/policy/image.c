/* SPDX-License-Identifier: BSD-3-Clause */
/* The records of an image. */
#include "policy/policy.h"

#include <stdlib.h>

struct sluice_port *policy_ports(const struct policy_image *image)
{
	return (struct sluice_port *)(image->header + 1);
}

struct sluice_stack *policy_stacks(const struct policy_image *image)
{
	return (struct sluice_stack *)(policy_ports(image) + image->header->ports);
}

struct sluice_instance *policy_instances(const struct policy_image *image)
{
	return (struct sluice_instance *)(policy_stacks(image) + image->header->stacks);
}

struct sluice_rule *policy_rules(const struct policy_image *image)
{
	return (struct sluice_rule *)(policy_instances(image) + image->header->instances);
}

void policy_image_clear(struct policy_image *image)
{
	free(image->header);
	*image = (struct policy_image){0};
}
