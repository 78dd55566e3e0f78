/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Drivers, stacks, devices and drops: what the core has. It may change at any moment, so each is looked at under the
 * core's lock, and copied.
 */
#include "data_port.h"
#include "list.h"

#include <string.h>

#include "edge/port.h"

/* ---- Drivers ------------------------------------------------------------------------------------- */

#define DRIVERS_MAX 256u

struct drivers {
	uint32_t count;
	struct sluice_driver_record records[DRIVERS_MAX];
};

static void fill_driver(struct list *list, uint32_t index, void *record)
{
	const struct drivers *drivers = list->extra;

	memcpy(record, &drivers->records[index], sizeof(drivers->records[index]));
}

static void describe(const struct im_driver_object *driver, struct sluice_driver_record *record)
{
	const struct im_miniport *miniport = driver->wrapper->miniport;

	memcpy(record->name, driver->name, sizeof(record->name));
	memcpy(record->description, driver->description, strnlen(driver->description, sizeof(record->description) - 1));
	record->kind = miniport == NULL || !miniport->layered;
	record->instances = miniport != NULL ? miniport->instances : driver->wrapper->protocol->bindings;
	record->takes_rules = miniport != NULL && miniport->config != NULL;
	record->shared = driver->library != NULL;
}

/* One that is being loaded or unloaded has no edges that could be looked at. */
static void collect_drivers(struct drivers *drivers)
{
	const struct im_driver_object *driver;

	pthread_mutex_lock(&im_core.lock);
	TAILQ_FOREACH(driver, &im_core.drivers, link)
	{
		if (driver->state == IM_DRIVER_LOADED && drivers->count < DRIVERS_MAX)
			describe(driver, &drivers->records[drivers->count++]);
	}
	pthread_mutex_unlock(&im_core.lock);
}

enum sluice_status list_drivers(void *context, struct mailbox_call *call)
{
	static struct drivers drivers; /* too large for the stack; one thread serves the mailboxes */
	struct list list = {
		.control = context,
		.record_size = sizeof(struct sluice_driver_record),
		.fill = fill_driver,
		.extra = &drivers,
	};

	memset(&drivers, 0, sizeof(drivers));
	collect_drivers(&drivers);
	list.total = drivers.count;
	return list_reply_current(&list, call);
}

/* ---- Stacks -------------------------------------------------------------------------------------- */

/*
 * Cycles are measured in some turns only; the packets of those turns tell for how many of all they stand. A level's
 * sends are counted at its VNIC and completed at its binding, its receives the other way round: they are taken
 * together.
 */
static uint64_t extrapolate(const struct im_account *up, const struct im_account *down)
{
	uint64_t packets = up->handled[SLUICE_OUT].packets + down->handled[SLUICE_IN].packets;
	uint64_t timed = up->timed_packets + down->timed_packets;

	return timed > 0 ? (uint64_t)((double)(up->cycles + down->cycles) * packets / timed) : 0;
}

/* Under the core's lock. */
static const struct im_instance *find_instance(const char *name)
{
	const struct im_instance *instance;

	FOREACH_INSTANCE (instance)
		if (strncmp(instance->name, name, sizeof(instance->name)) == 0)
			return instance;
	return NULL;
}

/* The binding of @p driver over an adapter, under the core's lock. */
static const struct im_binding *find_binding(const char *adapter, const char *driver)
{
	const struct im_instance *lower = find_instance(adapter);
	const struct im_binding *binding;

	if (lower == NULL)
		return NULL;
	TAILQ_FOREACH(binding, &lower->uppers, upper)
	{
		if (strncmp(im_driver_over(binding), driver, SLUICE_NAME_SIZE) == 0)
			return binding;
	}
	return NULL;
}

/* What the core counted for a level: its VNIC, and the binding by which it is bound to what lies below. */
static void read_level(struct sluice_stack_record *record, const char *below)
{
	const struct im_instance *vnic;
	const struct im_binding *binding;
	struct im_account up = {0}, down = {0};

	pthread_mutex_lock(&im_core.lock);
	vnic = find_instance(record->instance);
	binding = find_binding(below, record->driver);
	record->state = vnic != NULL ? vnic->state : SLUICE_INSTANCE_HALTED;
	if (vnic != NULL)
		im_read_account(vnic->id, &up);
	if (binding != NULL)
		im_read_account(binding->id, &down);
	pthread_mutex_unlock(&im_core.lock);
	record->cycles = extrapolate(&up, &down);
	record->handled[SLUICE_OUT] =
		(struct sluice_traffic){up.handled[SLUICE_OUT].packets, up.handled[SLUICE_OUT].bytes};
	record->handled[SLUICE_IN] =
		(struct sluice_traffic){down.handled[SLUICE_IN].packets, down.handled[SLUICE_IN].bytes};
	for (uint32_t direction = 0; direction < SLUICE_DIRECTIONS; direction++)
		for (uint32_t reason = 0; reason < SLUICE_DROP_LIMIT; reason++)
			record->dropped[direction] += up.drops[direction][reason];
}

static void read_rules(const struct config *config, uint32_t index, struct sluice_stack_record *record)
{
	const struct sluice_instance *instance = &policy_instances(&config->image)[index];

	record->rules = instance->rules;
	record->takes_rules = config->parts[index].takes_rules;
	memcpy(record->default_action, instance->default_action, sizeof(record->default_action));
	for (uint32_t direction = 0; record->takes_rules && direction < SLUICE_DIRECTIONS; direction++) {
		struct im_traffic traffic = im_read_rule(config->default_slots[index][direction]);

		record->defaulted[direction] = (struct sluice_traffic){traffic.packets, traffic.bytes};
	}
}

static void fill_stack(struct list *list, uint32_t index, void *out)
{
	const struct policy_image *image = &list->config->image;
	const struct sluice_instance *instances = policy_instances(image);
	const struct sluice_instance *instance = &instances[index];
	const struct sluice_stack *stack = &policy_stacks(image)[instance->stack];
	bool last = index + 1 == image->header->instances || instances[index + 1].stack != instance->stack;
	struct sluice_stack_record record = {0};

	memcpy(record.stack, stack->name, sizeof(record.stack));
	memcpy(record.upper_port, stack->upper_port, sizeof(record.upper_port));
	memcpy(record.lower_port, stack->lower_port, sizeof(record.lower_port));
	memcpy(record.instance, instance->name, sizeof(record.instance));
	memcpy(record.driver, instance->driver, sizeof(record.driver));
	for (uint32_t i = index; i > 0 && instances[i - 1].stack == instance->stack; i--)
		record.position++;
	read_level(&record, last ? stack->lower_port : instances[index + 1].name);
	read_rules(list->config, index, &record);
	memcpy(out, &record, sizeof(record));
}

enum sluice_status list_stacks(void *context, struct mailbox_call *call)
{
	struct list list = {
		.control = context,
		.config = list_pinned(context, call),
		.record_size = sizeof(struct sluice_stack_record),
		.fill = fill_stack,
	};

	if (list.config == NULL)
		return SLUICE_STATUS_GENERATION_MISMATCH;
	list.total = list.config->image.header->instances;
	return list_reply_pinned(&list, call);
}

/* ---- Devices ------------------------------------------------------------------------------------- */

#define DEVICES_MAX 256u

struct devices {
	uint32_t count;
	struct sluice_device_record records[DEVICES_MAX];
};

static void collect_device(void *context, const struct im_device *device, uint32_t handles)
{
	struct devices *devices = context;
	struct sluice_device_record *record = &devices->records[devices->count];

	if (devices->count == DEVICES_MAX)
		return;
	devices->count++;
	strncpy(record->name, im_device_name(device), sizeof(record->name) - 1);
	strncpy(record->driver, im_device_driver(device), sizeof(record->driver) - 1);
	record->handles = handles;
}

static void fill_device(struct list *list, uint32_t index, void *record)
{
	const struct devices *devices = list->extra;

	memcpy(record, &devices->records[index], sizeof(devices->records[index]));
}

enum sluice_status list_devices(void *context, struct mailbox_call *call)
{
	static struct devices devices; /* as above */
	struct list list = {
		.control = context,
		.record_size = sizeof(struct sluice_device_record),
		.fill = fill_device,
		.extra = &devices,
	};

	memset(&devices, 0, sizeof(devices));
	im_list_devices(collect_device, &devices);
	list.total = devices.count;
	return list_reply_current(&list, call);
}

/* ---- Drops --------------------------------------------------------------------------------------- */

#define DROPS_MAX 4096u

struct drops {
	uint32_t count;
	struct sluice_drop_record records[DROPS_MAX];
};

static void collect_sum(struct drops *drops, const char *where, const struct im_account *sum)
{
	for (uint8_t direction = 0; direction < SLUICE_DIRECTIONS; direction++) {
		for (uint32_t reason = 0; reason < SLUICE_DROP_LIMIT && drops->count < DROPS_MAX; reason++) {
			struct sluice_drop_record *record = &drops->records[drops->count];

			if (sum->drops[direction][reason] == 0)
				continue;
			memset(record, 0, sizeof(*record));
			strncpy(record->where, where, sizeof(record->where) - 1);
			record->reason = reason;
			record->direction = direction;
			record->packets = sum->drops[direction][reason];
			record->generation = sum->drop_generation[direction][reason];
			drops->count++;
		}
	}
}

static void collect(struct drops *drops, const char *where, uint16_t account)
{
	struct im_account sum;

	im_read_account(account, &sum);
	collect_sum(drops, where, &sum);
}

/* A host-side port has no instance: it counts at its binding over the first one of its stack. */
static void collect_upper_port(struct drops *drops, const struct sluice_stack *stack,
			       const struct sluice_instance *first)
{
	const struct im_binding *binding = find_binding(first->name, EDGE_UPPER_DRIVER);

	if (binding != NULL)
		collect(drops, stack->upper_port, binding->id);
}

/* What a host's port drops, its device counts: the edge has handed it over by then, or not got it yet. */
static void collect_hosts(struct drops *drops, const struct policy_image *image)
{
	for (uint32_t i = 0; i < image->header->ports; i++) {
		const char *name = policy_ports(image)[i].name;
		struct im_account sum = {0};

		data_port_drops(name, sum.drops);
		collect_sum(drops, name, &sum);
	}
}

/* Every instance, wire-side ports among them, and every host-side port's binding. */
static void collect_drops(struct drops *drops, const struct policy_image *image)
{
	const struct sluice_instance *instances = policy_instances(image);
	const struct im_instance *instance;

	pthread_mutex_lock(&im_core.lock);
	FOREACH_INSTANCE (instance)
		collect(drops, instance->name, instance->id);
	for (uint32_t i = 0; i < image->header->instances; i++)
		if (i == 0 || instances[i - 1].stack != instances[i].stack)
			collect_upper_port(drops, &policy_stacks(image)[instances[i].stack], &instances[i]);
	pthread_mutex_unlock(&im_core.lock);
	collect_hosts(drops, image);
}

static void fill_drop(struct list *list, uint32_t index, void *record)
{
	const struct drops *drops = list->extra;

	memcpy(record, &drops->records[index], sizeof(drops->records[index]));
}

enum sluice_status list_drops(void *context, struct mailbox_call *call)
{
	static struct drops drops; /* as above */
	struct control *control = context;
	struct config *config = control_hold(control);
	struct list list = {
		.control = control,
		.config = config,
		.record_size = sizeof(struct sluice_drop_record),
		.fill = fill_drop,
		.extra = &drops,
	};
	enum sluice_status status;

	drops.count = 0;
	collect_drops(&drops, &config->image);
	list.total = drops.count;
	status = list_reply_page(&list, call);
	im_block_drop(&config->block);
	return status;
}
