/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists: what the card answers to "what is there, and what has it done". Each list is a count and a way to fill in one
 * record. */
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_version.h>

#include "broker.h"
#include "edge/port.h"
#include "session.h"
#include "worker.h"

/* ---- Pages --------------------------------------------------------------------------------------- */

struct list {
	struct control *control;
	const struct config *config; /* that is shown */
	const struct mailbox_call *call;
	uint32_t record_size;
	uint32_t total;
	void (*fill)(struct list *list, uint32_t index, void *record);
	void *extra;
};

static enum sluice_status reply_page(struct list *list, struct mailbox_call *call)
{
	struct sluice_list header = {
		.record_size = list->record_size,
		.total = list->total,
		.generation = list->config->block.generation,
	};
	uint64_t from = call->command->arg[0];
	uint32_t room;

	if (call->reply_room < sizeof(header) + list->record_size)
		return SLUICE_STATUS_BAD_LENGTH;
	if (from > list->total) {
		call->error_offset = SLUICE_ERROR_IN_COMMAND | (uint32_t)offsetof(struct sluice_command, arg);
		return SLUICE_STATUS_BAD_VALUE;
	}
	room = (call->reply_room - (uint32_t)sizeof(header)) / list->record_size;
	header.count = RTE_MIN(list->total - (uint32_t)from, room);
	header.next = from + header.count < list->total ? (uint32_t)from + header.count : 0;
	memcpy(call->reply, &header, sizeof(header));
	for (uint32_t i = 0; i < header.count; i++)
		list->fill(list, (uint32_t)from + i, call->reply + sizeof(header) + i * list->record_size);
	call->reply_length = (uint32_t)sizeof(header) + header.count * list->record_size;
	return SLUICE_STATUS_OK;
}

/* The first page pins the config that all pages show; the last one lets it go. */
static enum sluice_status reply_pinned(struct list *list, struct mailbox_call *call)
{
	struct session *session = call->session;
	enum sluice_status status = reply_page(list, call);

	if (status != SLUICE_STATUS_OK || ((const struct sluice_list *)(const void *)call->reply)->next == 0)
		session_pin(&session->listed, NULL);
	return status;
}

static const struct config *pinned(struct control *control, struct mailbox_call *call)
{
	struct session *session = call->session;

	if (call->command->arg[0] == 0 || session->listed == NULL)
		session_pin(&session->listed, control->current);
	return session->listed;
}

/* ---- Firmware ------------------------------------------------------------------------------------ */

enum sluice_status list_info(void *context, struct mailbox_call *call)
{
	struct control *control = context;
	struct sluice_info info = {
		.policy_generation = control->generation,
		.boot_id = control->boot_id,
		.uptime_ms = (rte_rdtsc() - control->boot_tsc) / (rte_get_tsc_hz() / 1000),
		.tsc_hz = rte_get_tsc_hz(),
		.changes_applied = control->statistics.applied,
		.changes_rejected = control->statistics.rejected,
		.blocks_retired = control->statistics.retired,
		.blocks_waiting = control->waiting_count,
		.pid = (uint32_t)getpid(),
		.workers = im_core.worker_count - 1,
		.rules = control->current->image.header->rules,
		.rule_budget = control->rule_budget,
		.mbufs = control->pool->buffers->size,
		.mbufs_free = rte_mempool_avail_count(control->pool->buffers),
		.packets = control->pool->descriptors->size,
		.packets_free = rte_mempool_avail_count(control->pool->descriptors),
		.hugepages = control->hugepages,
	};

	strncpy(info.version, SLUICE_VERSION, sizeof(info.version) - 1);
	strncpy(info.dpdk_version, rte_version(), sizeof(info.dpdk_version) - 1);
	if (control->broker != NULL) {
		info.clients = broker_clients(control->broker);
		info.commands = broker_counters(control->broker)->commands;
		info.bad_commands = broker_counters(control->broker)->bad_commands;
	}
	if (call->reply_room < sizeof(info))
		return SLUICE_STATUS_BAD_LENGTH;
	memcpy(call->reply, &info, sizeof(info));
	call->reply_length = sizeof(info);
	return SLUICE_STATUS_OK;
}

static void fill_worker(struct list *list, uint32_t index, void *record)
{
	(void)list;
	workers_read(index, record);
}

enum sluice_status list_workers(void *context, struct mailbox_call *call)
{
	struct list list = {
		.control = context,
		.config = ((struct control *)context)->current,
		.record_size = sizeof(struct sluice_worker_record),
		.total = im_core.worker_count - 1,
		.fill = fill_worker,
	};

	return reply_page(&list, call);
}

/* ---- Drivers ------------------------------------------------------------------------------------- */

static void fill_driver(struct list *list, uint32_t index, void *out)
{
	const struct im_driver_object *driver = TAILQ_FIRST(&im_core.drivers);
	struct sluice_driver_record record = {0};

	(void)list;
	while (index-- > 0)
		driver = TAILQ_NEXT(driver, link);
	memcpy(record.name, driver->name, sizeof(record.name));
	strncpy(record.description, driver->description, sizeof(record.description) - 1);
	record.kind = driver->wrapper->miniport == NULL || !driver->wrapper->miniport->layered;
	record.instances = driver->wrapper->miniport != NULL ? driver->wrapper->miniport->instances
							     : driver->wrapper->protocol->bindings;
	record.takes_rules = driver->wrapper->miniport != NULL && driver->wrapper->miniport->config != NULL;
	memcpy(out, &record, sizeof(record));
}

enum sluice_status list_drivers(void *context, struct mailbox_call *call)
{
	const struct im_driver_object *driver;
	struct list list = {
		.control = context,
		.config = ((struct control *)context)->current,
		.record_size = sizeof(struct sluice_driver_record),
		.fill = fill_driver,
	};

	TAILQ_FOREACH(driver, &im_core.drivers, link)
	list.total++;
	return reply_page(&list, call);
}

/* ---- Ports --------------------------------------------------------------------------------------- */

static void find_edge(const struct policy_image *image, struct sluice_port_record *record)
{
	const struct sluice_stack *stacks = policy_stacks(image);

	for (uint32_t i = 0; i < image->header->stacks; i++) {
		bool upper = memcmp(stacks[i].upper_port, record->port.name, SLUICE_NAME_SIZE) == 0;
		bool lower = memcmp(stacks[i].lower_port, record->port.name, SLUICE_NAME_SIZE) == 0;

		if (!upper && !lower)
			continue;
		memcpy(record->stack, stacks[i].name, sizeof(record->stack));
		record->edge = upper ? EDGE_UPPER : EDGE_LOWER;
	}
}

static void read_ethdev(const struct edge_port *port, struct sluice_port_record *record)
{
	struct rte_eth_stats stats = {0};
	struct rte_eth_link link = {0};

	rte_eth_stats_get(port->port_id, &stats);
	rte_eth_link_get_nowait(port->port_id, &link);
	memcpy(record->mac, port->mac, sizeof(record->mac));
	record->link_up = link.link_status == RTE_ETH_LINK_UP;
	record->link_mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
	record->rx_missed = stats.imissed;
	record->rx_errors = stats.ierrors;
	record->tx_errors = stats.oerrors;
	record->rx_no_mbuf = stats.rx_nombuf;
	for (uint32_t q = 0; q < port->config.queues; q++) {
		record->rx_packets += __atomic_load_n(&port->queues[q].rx_packets, __ATOMIC_RELAXED);
		record->rx_bytes += __atomic_load_n(&port->queues[q].rx_bytes, __ATOMIC_RELAXED);
		record->tx_packets += __atomic_load_n(&port->queues[q].tx_packets, __ATOMIC_RELAXED);
		record->tx_bytes += __atomic_load_n(&port->queues[q].tx_bytes, __ATOMIC_RELAXED);
	}
}

static void fill_port(struct list *list, uint32_t index, void *out)
{
	struct sluice_port_record record = {.port = policy_ports(&list->config->image)[index]};
	const struct edge_port *port = edge_port_find(record.port.name);

	find_edge(&list->config->image, &record);
	if (port != NULL)
		read_ethdev(port, &record);
	memcpy(out, &record, sizeof(record));
}

enum sluice_status list_ports(void *context, struct mailbox_call *call)
{
	struct control *control = context;
	struct list list = {
		.control = control,
		.config = control->current,
		.record_size = sizeof(struct sluice_port_record),
		.total = control->current->image.header->ports,
		.fill = fill_port,
	};

	return reply_page(&list, call);
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

/* What the core counted for a level: its VNIC, and the binding by which it is bound to what lies below. */
static void read_level(struct sluice_stack_record *record, const struct im_instance *vnic, const char *below)
{
	const struct im_instance *lower = im_find_instance(below);
	struct im_account up, down = {0};

	im_read_account(vnic->id, &up);
	if (lower != NULL && lower->upper != NULL)
		im_read_account(lower->upper->id, &down);
	record->state = vnic->state;
	record->cycles = extrapolate(&up, &down);
	record->handled[SLUICE_OUT] =
		(struct sluice_traffic){up.handled[SLUICE_OUT].packets, up.handled[SLUICE_OUT].bytes};
	record->handled[SLUICE_IN] =
		(struct sluice_traffic){down.handled[SLUICE_IN].packets, down.handled[SLUICE_IN].bytes};
	for (uint32_t direction = 0; direction < SLUICE_DIRECTIONS; direction++)
		for (uint32_t reason = 0; reason < SLUICE_DROP_LIMIT; reason++)
			record->dropped[direction] += up.drops[direction][reason];
}

static void read_rules(const struct config *config, uint32_t index, const struct im_instance *vnic,
		       struct sluice_stack_record *record)
{
	const struct sluice_instance *instance = &policy_instances(&config->image)[index];

	record->rules = instance->rules;
	record->takes_rules = vnic->miniport->config != NULL;
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
	const struct im_instance *vnic = im_find_instance(instance->name);
	bool last = index + 1 == image->header->instances || instances[index + 1].stack != instance->stack;
	struct sluice_stack_record record = {0};

	memcpy(record.stack, stack->name, sizeof(record.stack));
	memcpy(record.upper_port, stack->upper_port, sizeof(record.upper_port));
	memcpy(record.lower_port, stack->lower_port, sizeof(record.lower_port));
	memcpy(record.instance, instance->name, sizeof(record.instance));
	memcpy(record.driver, instance->driver, sizeof(record.driver));
	for (uint32_t i = index; i > 0 && instances[i - 1].stack == instance->stack; i--)
		record.position++;
	read_level(&record, vnic, last ? stack->lower_port : instances[index + 1].name);
	read_rules(list->config, index, vnic, &record);
	memcpy(out, &record, sizeof(record));
}

enum sluice_status list_stacks(void *context, struct mailbox_call *call)
{
	struct list list = {
		.control = context,
		.config = pinned(context, call),
		.record_size = sizeof(struct sluice_stack_record),
		.fill = fill_stack,
	};

	list.total = list.config->image.header->instances;
	return reply_pinned(&list, call);
}

/* ---- Rules --------------------------------------------------------------------------------------- */

static void fill_rule(struct list *list, uint32_t index, void *out)
{
	const struct policy_image *image = &list->config->image;
	const struct sluice_instance *only = list->extra;
	const struct sluice_instance *instance = only != NULL ? only : policy_instances(image);
	struct sluice_rule_record record = {0};
	struct im_traffic hits;

	if (only != NULL)
		index += only->first_rule;
	while (index >= instance->first_rule + instance->rules)
		instance++;
	memcpy(record.instance, instance->name, sizeof(record.instance));
	record.rule = policy_rules(image)[index];
	hits = im_read_rule(list->config->slots[index]);
	record.hits = (struct sluice_traffic){hits.packets, hits.bytes};
	memcpy(out, &record, sizeof(record));
}

enum sluice_status list_rules(void *context, struct mailbox_call *call)
{
	const char *name = (const char *)call->payload;
	struct list list = {
		.control = context,
		.config = pinned(context, call),
		.record_size = sizeof(struct sluice_rule_record),
		.fill = fill_rule,
	};

	list.total = list.config->image.header->rules;
	if (name[0] != '\0') {
		struct sluice_instance *instance = config_find_instance(list.config, name);

		if (instance == NULL) {
			call->error_offset = 0;
			return SLUICE_STATUS_NOT_FOUND;
		}
		list.extra = instance;
		list.total = instance->rules;
	}
	return reply_pinned(&list, call);
}

/* ---- Drops --------------------------------------------------------------------------------------- */

#define DROPS_MAX 4096u

struct drops {
	uint32_t count;
	struct sluice_drop_record records[DROPS_MAX];
};

static void collect(struct drops *drops, const char *where, uint16_t account)
{
	struct im_account sum;

	im_read_account(account, &sum);
	for (uint8_t direction = 0; direction < SLUICE_DIRECTIONS; direction++) {
		for (uint32_t reason = 0; reason < SLUICE_DROP_LIMIT && drops->count < DROPS_MAX; reason++) {
			struct sluice_drop_record *record = &drops->records[drops->count];

			if (sum.drops[direction][reason] == 0)
				continue;
			memset(record, 0, sizeof(*record));
			strncpy(record->where, where, sizeof(record->where) - 1);
			record->reason = reason;
			record->direction = direction;
			record->packets = sum.drops[direction][reason];
			record->generation = sum.drop_generation[direction][reason];
			drops->count++;
		}
	}
}

static void fill_drop(struct list *list, uint32_t index, void *record)
{
	memcpy(record, &((const struct drops *)list->extra)->records[index], sizeof(struct sluice_drop_record));
}

/* Every instance, wire-side ports among them, and every host-side port's binding. */
enum sluice_status list_drops(void *context, struct mailbox_call *call)
{
	static struct drops drops; /* too large for the stack; the control thread is one */
	struct control *control = context;
	const struct policy_image *image = &control->current->image;
	const struct im_instance *instance;
	struct list list = {
		.control = control,
		.config = control->current,
		.record_size = sizeof(struct sluice_drop_record),
		.fill = fill_drop,
		.extra = &drops,
	};

	drops.count = 0;
	FOREACH_INSTANCE (instance)
		collect(&drops, instance->name, instance->id);
	for (uint32_t i = 0; i < image->header->stacks; i++) {
		const struct edge_port *port = edge_port_find(policy_stacks(image)[i].upper_port);

		if (port != NULL && port->binding != NULL)
			collect(&drops, port->config.name, edge_port_account(port));
	}
	list.total = drops.count;
	return reply_page(&list, call);
}
