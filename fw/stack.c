/* SPDX-License-Identifier: BSD-3-Clause */
/* Stacks: built bottom up, taken down top down. */
#include <stdio.h>

#include "boot.h"
#include "edge/port.h"
#include "topology.h"

#define EXIT_BAD_POLICY 3

/* The instances of a stack: host side first. */
static const struct sluice_instance *levels(const struct policy_image *image, uint32_t stack, uint32_t *count)
{
	const struct sluice_instance *instances = policy_instances(image);
	const struct sluice_instance *first = NULL;

	*count = 0;
	for (uint32_t i = 0; i < image->header->instances; i++) {
		if (instances[i].stack != stack)
			continue;
		if (first == NULL)
			first = &instances[i];
		(*count)++;
	}
	return first;
}

IM_INIT static int blame(const struct document *document, enum sluice_status status, const void *at)
{
	document_blame(document, status, (uint32_t)((const char *)at - (const char *)document->image.header));
	return EXIT_BAD_POLICY;
}

/* An edge's name is no driver for a stack. */
static struct im_driver_object *find_driver(const char *name)
{
	struct im_driver_object *driver = im_find_driver(name);

	return driver != NULL && driver->wrapper->miniport != NULL && driver->wrapper->miniport->layered ? driver
													 : NULL;
}

IM_INIT static int unknown_driver(const struct document *document, const struct sluice_instance *instance)
{
	const struct im_driver_object *driver;
	int result = blame(document, SLUICE_STATUS_UNKNOWN_DRIVER, instance->driver);

	fputs("  drivers there are:", stderr);
	TAILQ_FOREACH(driver, &im_core.drivers, link)
	if (find_driver(driver->name) != NULL)
		fprintf(stderr, " %s", driver->name);
	fputc('\n', stderr);
	return result;
}

IM_INIT static int bind(const char *driver, const char *adapter, const char *presents)
{
	im_status_t status = topology_bind(driver, adapter, presents);

	if (status == IM_STATUS_SUCCESS)
		return 0;
	fprintf(stderr, "sluice-fw: cannot bind '%s' (driver '%s') over '%s': %s\n", presents, driver, adapter,
		im_status_text(status));
	return 1;
}

IM_INIT static int stack_up(const struct document *document, uint32_t index)
{
	const struct policy_image *image = &document->image;
	const struct sluice_stack *stack = &policy_stacks(image)[index];
	struct edge_port *lower = edge_port_find(stack->lower_port);
	const char *adapter = stack->lower_port;
	const struct sluice_instance *level;
	im_status_t status;
	uint32_t count;

	status = im_start_plain_instance(im_find_driver(EDGE_LOWER_DRIVER), adapter, lower);
	if (status != IM_STATUS_SUCCESS) {
		fprintf(stderr, "sluice-fw: cannot start port '%s': %s\n", adapter, im_status_text(status));
		return 1;
	}
	level = levels(image, index, &count);
	while (count-- > 0) {
		if (find_driver(level[count].driver) == NULL)
			return unknown_driver(document, &level[count]);
		if (bind(level[count].driver, adapter, level[count].name) != 0)
			return 1;
		adapter = level[count].name;
	}
	return bind(EDGE_UPPER_DRIVER, adapter, stack->upper_port);
}

IM_INIT static int check_queues(const struct sluice_stack *stack)
{
	const struct edge_port *upper = edge_port_find(stack->upper_port);
	const struct edge_port *lower = edge_port_find(stack->lower_port);

	if (upper->config.queues == lower->config.queues)
		return 0;
	fprintf(stderr,
		"sluice-fw: stack '%s': port '%s' has %u queues and '%s' has %u; give both the same number, such as \"queues\": 1\n",
		stack->name, stack->upper_port, upper->config.queues, stack->lower_port, lower->config.queues);
	return EXIT_BAD_POLICY;
}

int stacks_up(const struct document *document)
{
	for (uint32_t i = 0; i < document->image.header->stacks; i++) {
		int result = check_queues(&policy_stacks(&document->image)[i]);

		if (result == 0)
			result = stack_up(document, i);
		if (result != 0)
			return result;
	}
	return 0;
}

void stacks_restart(const struct policy_image *image)
{
	for (uint32_t i = 0; i < image->header->stacks; i++) {
		uint32_t count;
		const struct sluice_instance *level = levels(image, i, &count);

		im_restart(im_find_instance(policy_stacks(image)[i].lower_port));
		while (count-- > 0)
			im_restart(im_find_instance(level[count].name));
	}
}

/* The host-side edge is over the first driver, each driver over the next, the last over the wire-side port. */
void stacks_down(const struct policy_image *image)
{
	for (uint32_t i = 0; i < image->header->stacks; i++) {
		const struct sluice_stack *stack = &policy_stacks(image)[i];
		uint32_t count;
		const struct sluice_instance *level = levels(image, i, &count);

		for (uint32_t k = 0; k < count; k++)
			im_unbind_over(level[k].name);
		im_unbind_over(stack->lower_port);
		im_deinitialize_device_instance(im_find_instance(stack->lower_port));
	}
}
