/* SPDX-License-Identifier: BSD-3-Clause */
/* The ports and stacks of a document. */
#include "policy/limits.h"
#include "policy/reader.h"
#include "policy/value.h"

#include <errno.h>
#include <string.h>

#define MTU_DEFAULT 1500u

static int read_port_name(struct reader *r, const json_t *value, void *record)
{
	return reader_name(r, value, ((struct sluice_port *)record)->name);
}

static int read_devargs(struct reader *r, const json_t *value, void *record)
{
	struct sluice_port *port = record;
	const char *devargs;

	if (reader_string(r, value, &devargs) != 0)
		return -EINVAL;
	if (devargs[0] == '\0' || strlen(devargs) >= SLUICE_DEVARGS_SIZE)
		return reader_refuse(r, "devargs must have 1 to %u characters", SLUICE_DEVARGS_SIZE - 1);
	for (const char *c = devargs; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			return reader_refuse(r, "devargs must be printable ASCII characters");
	memcpy(port->devargs, devargs, strlen(devargs));
	return 0;
}

static int read_u16(struct reader *r, const json_t *value, uint32_t least, uint32_t most, uint16_t *out)
{
	uint32_t number;

	if (reader_number(r, value, least, most, &number) != 0)
		return -EINVAL;
	*out = (uint16_t)number;
	return 0;
}

static int read_queues(struct reader *r, const json_t *value, void *record)
{
	return read_u16(r, value, 1, QUEUES_MOST, &((struct sluice_port *)record)->queues);
}

static int read_mtu(struct reader *r, const json_t *value, void *record)
{
	return read_u16(r, value, MTU_LEAST, MTU_MOST, &((struct sluice_port *)record)->mtu);
}

static int read_rx_pps(struct reader *r, const json_t *value, void *record)
{
	return reader_number(r, value, 0, UINT32_MAX, &((struct sluice_port *)record)->rx_pps);
}

static int read_port(struct reader *r, const json_t *value, void *unused)
{
	static const struct member members[] = {
		{"name", read_port_name, true}, {"devargs", read_devargs, true}, {"queues", read_queues, false},
		{"mtu", read_mtu, false},	{"rx-pps", read_rx_pps, false},
	};
	struct sluice_port *port = policy_ports(&r->image) + reader_item(r);

	(void)unused;
	port->queues = 1;
	port->mtu = MTU_DEFAULT;
	return reader_object(r, value, MEMBERS(members), port);
}

static int read_filled_list(struct reader *r, const json_t *value, read_fn *read_item, const char *item)
{
	if (json_is_array(value) && json_array_size(value) == 0)
		return reader_refuse(r, "at least one %s is needed here", item);
	return reader_list(r, value, read_item, NULL);
}

static int read_port_list(struct reader *r, const json_t *value, void *unused)
{
	(void)unused;
	return read_filled_list(r, value, read_port, "port");
}

int reader_ports(struct reader *r, const json_t *value, void *unused)
{
	static const struct member members[] = {{"port", read_port_list, true}};

	return reader_object(r, value, MEMBERS(members), unused);
}

static int read_default_in(struct reader *r, const json_t *value, void *record)
{
	return reader_action(r, value, false, &((struct sluice_instance *)record)->default_action[SLUICE_IN]);
}

static int read_default_out(struct reader *r, const json_t *value, void *record)
{
	return reader_action(r, value, false, &((struct sluice_instance *)record)->default_action[SLUICE_OUT]);
}

static int read_default_action(struct reader *r, const json_t *value, void *record)
{
	static const struct member members[] = {{"in", read_default_in, false}, {"out", read_default_out, false}};

	((struct sluice_instance *)record)->takes_rules = 1;
	return reader_object(r, value, MEMBERS(members), record);
}

static int read_type(struct reader *r, const json_t *value, void *record)
{
	struct sluice_instance *instance = record;

	if (reader_name(r, value, instance->driver) != 0)
		return -EINVAL;
	memcpy(instance->name, instance->driver, SLUICE_NAME_SIZE); /* the default; "name" is read after it */
	return 0;
}

static int read_instance_name(struct reader *r, const json_t *value, void *record)
{
	return reader_name(r, value, ((struct sluice_instance *)record)->name);
}

static int read_driver(struct reader *r, const json_t *value, void *unused)
{
	static const struct member members[] = {
		{"type", read_type, true},
		{"name", read_instance_name, false},
		{"default-action", read_default_action, false},
	};
	struct sluice_instance *instance = &policy_instances(&r->image)[r->instances_read++];

	(void)unused;
	instance->stack = r->stack;
	return reader_object(r, value, MEMBERS(members), instance);
}

static int read_driver_list(struct reader *r, const json_t *value, void *unused)
{
	(void)unused;
	return read_filled_list(r, value, read_driver, "driver");
}

static int read_stack_name(struct reader *r, const json_t *value, void *record)
{
	return reader_name(r, value, ((struct sluice_stack *)record)->name);
}

static int read_upper_port(struct reader *r, const json_t *value, void *record)
{
	return reader_name(r, value, ((struct sluice_stack *)record)->upper_port);
}

static int read_lower_port(struct reader *r, const json_t *value, void *record)
{
	return reader_name(r, value, ((struct sluice_stack *)record)->lower_port);
}

static int read_stack(struct reader *r, const json_t *value, void *unused)
{
	static const struct member members[] = {
		{"name", read_stack_name, true},
		{"upper-port", read_upper_port, true},
		{"lower-port", read_lower_port, true},
		{"driver", read_driver_list, true},
	};

	(void)unused;
	r->stack = (uint32_t)reader_item(r);
	return reader_object(r, value, MEMBERS(members), &policy_stacks(&r->image)[r->stack]);
}

static int read_stack_list(struct reader *r, const json_t *value, void *unused)
{
	(void)unused;
	return read_filled_list(r, value, read_stack, "stack");
}

int reader_stacks(struct reader *r, const json_t *value, void *unused)
{
	static const struct member members[] = {{"stack", read_stack_list, true}};

	return reader_object(r, value, MEMBERS(members), unused);
}
