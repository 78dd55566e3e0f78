/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch.h"

#include <stdio.h>
#include <string.h>

#include <rte_ethdev.h>

#include "data_port.h"
#include "edge/port.h"
#include "hostport/hostport.h"
#include "im/verify.h"
#include "worker.h"

#define TEXT_SIZE 96 /* the reporter cuts it */

/* ---- Ports ----------------------------------------------------------------------------------------- */

static bool is_up(const struct edge_port *port)
{
	struct rte_eth_link link = {0};

	return rte_eth_link_get_nowait(port->port_id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

/* Whether the host that is attached has made a pair of its rings unusable for itself: @p text says which, and how. */
static bool has_broken_rings(const struct edge_port *port, char text[TEXT_SIZE])
{
	char device[RTE_ETH_NAME_MAX_LEN] = "";
	struct hostport_counters counters;

	if (rte_eth_dev_get_name_by_port(port->port_id, device) != 0)
		return false;
	for (uint16_t q = 0; q < port->config.queues; q++) {
		if (!hostport_read(device, q, &counters) || counters.fault == RING_FAULT_NONE)
			continue;
		snprintf(text, TEXT_SIZE, "the host broke ring pair %u: %s", q, sluice_ring_fault_word(counters.fault));
		return true;
	}
	return false;
}

/* A host that is not attached is no fault of the port: only the wire's link is one. */
static void report_port(struct watch *watch, const struct edge_port *port, bool up)
{
	char text[TEXT_SIZE] = "";
	bool broken = has_broken_rings(port, text);

	if (!broken && !up && port->edge == EDGE_LOWER)
		snprintf(text, sizeof(text), "its link is down");
	health_report(&watch->health, SLUICE_REPORTER_PORT, port->config.name,
		      broken		? SLUICE_HEALTH_FAILED
		      : text[0] != '\0' ? SLUICE_HEALTH_DEGRADED
					: SLUICE_HEALTH_WELL,
		      text);
}

/* The policy is held no longer than that: as long as it is, what it counts by keeps its place. */
static uint32_t list_ports_of_policy(struct watch *watch, char names[SLUICE_POLICY_MAX_PORTS][SLUICE_NAME_SIZE])
{
	struct config *config = control_hold(watch->control);
	uint32_t ports = config->image.header->ports;

	for (uint32_t i = 0; i < ports; i++)
		memcpy(names[i], policy_ports(&config->image)[i].name, SLUICE_NAME_SIZE);
	im_block_drop(&config->block);
	return ports;
}

/* The ports of a policy are those that the firmware booted with, in their order. */
static void look_at_ports(struct watch *watch)
{
	char names[SLUICE_POLICY_MAX_PORTS][SLUICE_NAME_SIZE];
	uint32_t ports = list_ports_of_policy(watch, names);

	for (uint32_t i = 0; i < ports; i++) {
		struct edge_port *port = edge_port_find(names[i]);
		bool up = port != NULL && is_up(port);

		if (watch->looked && up != watch->link_up[i])
			event_log_raise(watch->control->events, SLUICE_EVENT_LINK, names[i], up);
		watch->link_up[i] = up;
		if (port != NULL && !up)
			edge_port_reconnect(port);
		data_port_tell_faults(watch->control->events, names[i]);
		if (port != NULL)
			report_port(watch, port, up);
	}
}

/* ---- Drivers --------------------------------------------------------------------------------------- */

static void look_at_violations(struct watch *watch)
{
	uint64_t violations = im_violations();
	char text[TEXT_SIZE] = "";

	if (violations != watch->violations)
		event_log_raise(watch->control->events, SLUICE_EVENT_VIOLATION, NULL, violations);
	watch->violations = violations;
	if (violations > 0)
		snprintf(text, sizeof(text), "the contract was violated %lu times", violations);
	health_report(&watch->health, SLUICE_REPORTER_FIRMWARE, NULL,
		      violations > 0 ? SLUICE_HEALTH_DEGRADED : SLUICE_HEALTH_WELL, text);
}

/* Edges are drivers as well, and can be in quarantine. */
static void look_at_drivers(struct watch *watch)
{
	const struct im_driver_object *driver;

	pthread_mutex_lock(&im_core.lock);
	TAILQ_FOREACH(driver, &im_core.drivers, link)
	{
		bool bad = im_is_quarantined(driver->name);

		health_report(&watch->health, SLUICE_REPORTER_DRIVER, driver->name,
			      bad ? SLUICE_HEALTH_FAILED : SLUICE_HEALTH_WELL, bad ? "in quarantine" : "");
	}
	pthread_mutex_unlock(&im_core.lock);
}

/* ---- Threads --------------------------------------------------------------------------------------- */

static uint64_t turns_of(uint32_t worker)
{
	struct sluice_worker_record record = {0};

	return workers_read(worker, &record) ? record.polls : 0;
}

/* The heart beats when each worker has turned: it stands still as soon as one of them does. */
static void beat(struct watch *watch, uint32_t workers)
{
	uint32_t turned = 0;

	for (uint32_t i = 0; i < workers; i++)
		turned += turns_of(i) != watch->beat[i];
	if (turned < workers)
		return;
	for (uint32_t i = 0; i < workers; i++)
		watch->beat[i] = turns_of(i);
	__atomic_store_n(&watch->info->worker_heartbeat, watch->info->worker_heartbeat + 1, __ATOMIC_RELAXED);
}

static void look_at_workers(struct watch *watch, uint64_t now_ms)
{
	uint32_t workers = im_core.worker_count - 1;
	char text[TEXT_SIZE] = "";

	for (uint32_t i = 0; i < workers; i++) {
		uint64_t age = health_pulse_age(&watch->workers[i], turns_of(i), now_ms);

		if (age >= WATCH_STALL_MS)
			snprintf(text, sizeof(text), "worker %u stands still for %lu s", i, age / 1000);
	}
	beat(watch, workers);
	health_report(&watch->health, SLUICE_REPORTER_WORKERS, NULL,
		      text[0] != '\0' ? SLUICE_HEALTH_FAILED : SLUICE_HEALTH_WELL, text);
}

static void look_at_mailbox(struct watch *watch, uint64_t now_ms)
{
	uint64_t turns = __atomic_load_n(&watch->info->control_heartbeat, __ATOMIC_RELAXED);
	uint64_t age = health_pulse_age(&watch->mailbox, turns, now_ms);
	char text[TEXT_SIZE] = "";

	if (age >= WATCH_STALL_MS)
		snprintf(text, sizeof(text), "its thread stands still for %lu s", age / 1000);
	health_report(&watch->health, SLUICE_REPORTER_MAILBOX, NULL,
		      text[0] != '\0' ? SLUICE_HEALTH_FAILED : SLUICE_HEALTH_WELL, text);
}

/* ---- Looks ----------------------------------------------------------------------------------------- */

static void look(struct watch *watch, uint64_t now_ms)
{
	look_at_violations(watch);
	look_at_mailbox(watch, now_ms);
	look_at_workers(watch, now_ms);
	look_at_ports(watch);
	look_at_drivers(watch);
	health_publish(&watch->health, &watch->info->health);
	watch->looked = true;
}

void watch_start(struct watch *watch, struct control *control, struct sluice_info_region *info)
{
	*watch = (struct watch){.control = control, .info = info, .health.events = control->events};
	pthread_mutex_init(&watch->lock, NULL);
}

void watch_tick(struct watch *watch, uint64_t now_ms)
{
	if (now_ms < watch->next_ms)
		return;
	watch->next_ms = now_ms + WATCH_PERIOD_MS;
	pthread_mutex_lock(&watch->lock);
	if (watch->info != NULL)
		look(watch, now_ms);
	pthread_mutex_unlock(&watch->lock);
}

void watch_stop(struct watch *watch)
{
	pthread_mutex_lock(&watch->lock);
	watch->info = NULL;
	pthread_mutex_unlock(&watch->lock);
}
