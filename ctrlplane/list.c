/* SPDX-License-Identifier: BSD-3-Clause */
/* Pages of lists, and the lists of the firmware itself: info, workers, ports, rules. */
#include "list.h"

#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_version.h>

#include "broker.h"
#include "build_id.h"
#include "edge/port.h"
#include "worker.h"

/* ---- Pages --------------------------------------------------------------------------------------- */

enum sluice_status list_reply_page(struct list *list, struct mailbox_call *call)
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

/* Of what is in force now: it is held for the length of the answer. */
enum sluice_status list_reply_current(struct list *list, struct mailbox_call *call)
{
	struct config *config = control_hold(list->control);
	enum sluice_status status;

	list->config = config;
	status = list_reply_page(list, call);
	im_block_drop(&config->block);
	return status;
}

/* The first page pins the config that all pages show; the last one lets it go. */
enum sluice_status list_reply_pinned(struct list *list, struct mailbox_call *call)
{
	struct session *session = call->session;
	enum sluice_status status = list_reply_page(list, call);

	if (status != SLUICE_STATUS_OK || ((const struct sluice_list *)(const void *)call->reply)->next == 0)
		control_unpin(list->control, &session->listed);
	im_block_drop(&list->config->block);
	return status;
}

struct config *list_pinned(struct control *control, struct mailbox_call *call)
{
	struct control_pin *pin = &((struct session *)call->session)->listed;
	struct config *config;

	if (call->command->arg[0] == 0)
		return control_pin(control, pin);
	if (!control_hold_pinned(control, pin, &config) || config != NULL)
		return config;
	return control_pin(control, pin);
}

/* ---- Firmware ------------------------------------------------------------------------------------ */

static void tell_mailboxes(const struct control *control, struct sluice_info *info)
{
	if (control->broker == NULL)
		return;
	info->clients = broker_clients(control->broker);
	info->commands = broker_counters(control->broker)->commands;
	info->bad_commands = broker_counters(control->broker)->bad_commands;
}

static void tell_policy(struct control *control, struct sluice_info *info)
{
	struct control_statistics statistics = control_statistics(control);
	struct config *config = control_hold(control);

	info->policy_generation = config->block.generation;
	info->rules = config->image.header->rules;
	im_block_drop(&config->block);
	info->rule_budget = control->rule_budget;
	info->changes_applied = statistics.applied;
	info->changes_rejected = statistics.rejected;
	info->blocks_retired = statistics.retired;
	info->blocks_waiting = control_waiting(control);
}

enum sluice_status list_info(void *context, struct mailbox_call *call)
{
	struct control *control = context;
	struct sluice_info info = {
		.boot_id = control->boot_id,
		.uptime_ms = (rte_rdtsc() - control->boot_tsc) / (rte_get_tsc_hz() / 1000),
		.tsc_hz = rte_get_tsc_hz(),
		.pid = (uint32_t)getpid(),
		.workers = im_core.worker_count - 1,
		.mbufs = control->pool->buffers->size,
		.mbufs_free = rte_mempool_avail_count(control->pool->buffers),
		.packets = control->pool->descriptors->size,
		.packets_free = rte_mempool_avail_count(control->pool->descriptors),
		.hugepages = control->hugepages,
	};

	strncpy(info.version, SLUICE_VERSION, sizeof(info.version) - 1);
	strncpy(info.dpdk_version, rte_version(), sizeof(info.dpdk_version) - 1);
	build_id_read(info.build_id);
	tell_policy(control, &info);
	tell_mailboxes(control, &info);
	uploads_count(&control->uploads, &info);
	operations_count(&control->operations, &info);
	if (call->reply_room < SLUICE_INFO_LEAST)
		return SLUICE_STATUS_BAD_LENGTH;
	call->reply_length = RTE_MIN((uint32_t)sizeof(info), call->reply_room);
	memcpy(call->reply, &info, call->reply_length);
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
		.record_size = sizeof(struct sluice_worker_record),
		.total = im_core.worker_count - 1,
		.fill = fill_worker,
	};

	return list_reply_current(&list, call);
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
	uint64_t held_cycles = 0;

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
		record->rx_held_back += __atomic_load_n(&port->queues[q].holds, __ATOMIC_RELAXED);
		held_cycles += __atomic_load_n(&port->queues[q].held_cycles, __ATOMIC_RELAXED);
	}
	record->rx_held_back_us = (uint64_t)((double)held_cycles * 1e6 / (double)rte_get_tsc_hz());
}

static void read_host(struct sluice_port_record *record)
{
	struct data_port_account account;

	if (!data_port_account(record->port.name, &account))
		return;
	record->host_held = account.held;
	record->host_lent = account.lent;
	record->host_returned = account.returned;
	record->host_forfeited = account.forfeited;
	record->host_joined = data_port_joined(record->port.name);
}

static void fill_port(struct list *list, uint32_t index, void *out)
{
	struct sluice_port_record record = {.port = policy_ports(&list->config->image)[index]};
	const struct edge_port *port = edge_port_find(record.port.name);

	find_edge(&list->config->image, &record);
	if (port != NULL)
		read_ethdev(port, &record);
	read_host(&record);
	memcpy(out, &record, list->record_size);
}

enum sluice_status list_ports(void *context, struct mailbox_call *call)
{
	struct control *control = context;
	struct config *config = control_hold(control);
	struct list list = {
		.control = control,
		.config = config,
		.record_size =
			sluice_record_size(SLUICE_OP_PORT_LIST, sizeof(struct sluice_port_record), call->abi_minor),
		.total = config->image.header->ports,
		.fill = fill_port,
	};
	enum sluice_status status = list_reply_page(&list, call);

	im_block_drop(&config->block);
	return status;
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
		.config = list_pinned(context, call),
		.record_size = sizeof(struct sluice_rule_record),
		.fill = fill_rule,
	};

	if (list.config == NULL)
		return SLUICE_STATUS_GENERATION_MISMATCH;
	list.total = list.config->image.header->rules;
	if (name[0] != '\0') {
		struct sluice_instance *instance = config_find_instance(list.config, name);

		if (instance == NULL) {
			call->error_offset = 0;
			im_block_drop(&list.config->block);
			return SLUICE_STATUS_NOT_FOUND;
		}
		list.extra = instance;
		list.total = instance->rules;
	}
	return list_reply_pinned(&list, call);
}
