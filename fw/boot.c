/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_lcore.h>

#include "boot.h"
#include "discard.h"
#include "eal.h"
#include "last_words.h"
#include "reset.h"
#include "session.h"
#include "worker.h"

#define EXIT_BAD_POLICY 3
#define DRAIN_MS	2000

/* ---- Sizes --------------------------------------------------------------------------------------- */

IM_INIT static uint32_t count_lanes(const struct policy_image *image)
{
	uint32_t lanes = 0;

	for (uint32_t i = 0; i < image->header->ports; i++)
		lanes += policy_ports(image)[i].queues;
	return lanes;
}

IM_INIT static uint32_t choose_workers(const struct firmware *firmware)
{
	const struct policy_image *image = &firmware->document.image;
	uint32_t lanes = RTE_MAX(count_lanes(image) / 2, 1u);
	uint32_t cores;
	cpu_set_t set;

	if (firmware->options.workers != 0)
		return firmware->options.workers;
	CPU_ZERO(&set);
	cores = sched_getaffinity(0, sizeof(set), &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 1;
	return RTE_MIN(RTE_MIN(lanes, RTE_MAX(cores, 2u) - 1), IM_WORKERS_MAX - 1);
}

/* A slot for each driver that can hold a packet at the same time, and for both edges. */
IM_INIT static uint16_t count_slots(const struct policy_image *image)
{
	uint32_t drivers[SLUICE_POLICY_MAX_STACKS] = {0};
	uint32_t deepest = 0;

	for (uint32_t i = 0; i < image->header->instances; i++)
		deepest = RTE_MAX(deepest, ++drivers[policy_instances(image)[i].stack]);
	return (uint16_t)(deepest + 2); /* at most SLUICE_POLICY_MAX_INSTANCES drivers */
}

/* ---- Up ------------------------------------------------------------------------------------------ */

IM_INIT static int make_pools(struct firmware *firmware)
{
	const struct policy_image *image = &firmware->document.image;
	uint32_t caches = (firmware->workers + 1) * 512;
	uint32_t descriptors = count_lanes(image) * (EDGE_PENDING_MAX + IM_BURST) + caches + 1024;

	if (im_packet_pool_create(&firmware->pool, descriptors, count_slots(image), firmware->options.mbufs) == 0)
		return 0;
	if (!firmware->hugepages) {
		fprintf(stderr,
			"sluice-fw: no memory for %u mbufs: raise -m behind -- (or leave it away), or ask for fewer (--mbufs 8192)\n",
			firmware->options.mbufs);
		return 1;
	}
	fprintf(stderr,
		"sluice-fw: no memory for %u mbufs: reserve more hugepages (echo 1024 > /proc/sys/vm/nr_hugepages) or ask for "
		"fewer (--mbufs 8192)\n",
		firmware->options.mbufs);
	return 1;
}

IM_INIT static int make_core(struct firmware *firmware)
{
	const char *failed = "";
	im_status_t status;
	int result;

	if (im_core_create(firmware->workers, counter_slots(firmware->options.max_rules)) != 0) {
		fputs("sluice-fw: no memory for the rule counters: lower --max-rules\n", stderr);
		return 1;
	}
	im_core.buffers = firmware->pool.buffers; /* for what drivers make themselves */
	firmware->core = true;
	im_core.load_begins = init_map;
	im_core.load_ends = init_discard;
	result = firmware->options.verifier ? im_verify(&firmware->options.verify) : 0;
	if (result != 0) {
		fprintf(stderr, "sluice-fw: %s the verifier: leave out --verifier\n",
			result == -ENOTSUP ? "this build is without" : "no memory for");
		return 1;
	}
	if (workers_create(firmware->workers) != 0) {
		fputs("sluice-fw: no memory for the workers\n", stderr);
		return 1;
	}
	firmware->drivers = true;
	status = im_load_builtin_drivers(&failed);
	if (status != IM_STATUS_SUCCESS)
		fprintf(stderr, "sluice-fw: driver '%s' does not load: %s\n", failed, im_status_text(status));
	return status != IM_STATUS_SUCCESS;
}

IM_INIT static int make_ports(struct firmware *firmware)
{
	const struct policy_image *image = &firmware->document.image;
	char error[1024] = "";

	for (uint32_t i = 0; i < image->header->ports; i++) {
		struct edge_port *port;

		if (edge_port_create(&policy_ports(image)[i], &firmware->pool, &port, error, sizeof(error)) != 0) {
			fprintf(stderr, "sluice-fw: %s\n", error);
			return 1;
		}
	}
	return 0;
}

IM_INIT static int make_control(struct firmware *firmware)
{
	struct control *control = &firmware->control;
	struct policy_image image = {malloc(firmware->document.image.length), firmware->document.image.length};
	enum sluice_status status = SLUICE_STATUS_NO_MEMORY;
	uint32_t offset = SLUICE_NO_OFFSET;

	if (image.header == NULL || control_create(control, firmware->options.max_rules, &firmware->pool) != 0) {
		free(image.header);
		fputs("sluice-fw: no memory for the policy: lower --max-rules\n", stderr);
		return 1;
	}
	firmware->controlled = true;
	control->hugepages = firmware->hugepages;
	control->broker = firmware->broker;
	control->events = &firmware->events;
	control->operations.events = &firmware->events;
	reset_inherit(control, broker_info(firmware->broker));
	memcpy(image.header, firmware->document.image.header, image.length); /* the document keeps its own to blame */
	status = control_commit(control, &image, 0, &offset);
	policy_image_clear(&image);
	if (status == SLUICE_STATUS_OK)
		return 0;
	document_blame(&firmware->document, status, offset);
	if (status == SLUICE_STATUS_OVER_BUDGET)
		fprintf(stderr, "  the policy has %u rules, the budget is %u: raise it with --max-rules %u\n",
			firmware->document.image.header->rules, firmware->options.max_rules,
			firmware->document.image.header->rules);
	return EXIT_BAD_POLICY;
}

IM_INIT static int make_lanes(const struct policy_image *image)
{
	for (uint32_t i = 0; i < image->header->stacks; i++) {
		struct worker_lane lane = {
			.upper = edge_port_find(policy_stacks(image)[i].upper_port),
			.lower = edge_port_find(policy_stacks(image)[i].lower_port),
		};

		for (; lane.queue < lane.upper->config.queues; lane.queue++)
			if (workers_add_lane(&lane) != 0)
				return 1;
	}
	return 0;
}

IM_INIT static int start(struct firmware *firmware)
{
	const struct policy_image *image = &firmware->document.image;
	char error[1024] = "";

	stacks_restart(image);
	for (uint32_t i = 0; i < image->header->ports; i++) {
		struct edge_port *port = edge_port_find(policy_ports(image)[i].name);

		if (port->edge == EDGE_NONE)
			fprintf(stderr, "sluice-fw: warning: port '%s' is in no stack: nothing is received on it\n",
				port->config.name);
		if (edge_port_start(port, error, sizeof(error)) != 0) {
			fprintf(stderr, "sluice-fw: %s\n", error);
			return 1;
		}
	}
	if (make_lanes(image) != 0 || workers_start() != 0) {
		fprintf(stderr,
			"sluice-fw: cannot start %u workers: the EAL has %u worker lcores; give it more, such as: -- --lcores 0@0,1@1\n",
			firmware->workers, rte_lcore_count() - 1);
		return 1;
	}
	firmware->started = true;
	return 0;
}

IM_INIT static int make_broker(struct firmware *firmware)
{
	char error[1024] = "";
	int result;

	firmware->broker =
		broker_create(firmware->options.runtime_dir, &session_ops, &firmware->control, error, sizeof(error));
	if (firmware->broker == NULL) {
		fprintf(stderr, "sluice-fw: %s\n", error);
		return 1;
	}
	result = broker_use_groups(firmware->broker, &firmware->options.groups);
	if (result != 0) {
		fprintf(stderr, "sluice-fw: cannot open the socket to groups: %s\n", strerror(-result));
		return 1;
	}
	/* whoever catches a signal last sees it first: that a BAR was cut is nobody's last words */
	last_words_arm(broker_info(firmware->broker), firmware->options.runtime_dir);
	if (firmware->options.bar != NULL &&
	    broker_use_bar(firmware->broker, firmware->options.bar, error, sizeof(error)) != 0) {
		fprintf(stderr, "sluice-fw: %s\n", error);
		return 1;
	}
	return 0;
}

IM_INIT static int make_events(struct firmware *firmware)
{
	int result = event_log_create(&firmware->events);

	firmware->logging = result == 0;
	if (result == 0)
		result = broker_use_events(firmware->broker, &firmware->events);
	if (result != 0)
		fprintf(stderr, "sluice-fw: cannot keep events: %s\n", strerror(-result));
	return result != 0;
}

/* The runtime directory comes first: a second firmware must not disturb the first one's ports before it is turned away.
 */
int firmware_up(struct firmware *firmware)
{
	const struct policy_image *image = &firmware->document.image;
	int result = document_read(&firmware->document, firmware->options.config);

	if (result == 0 && image->header->stacks == 0) {
		fprintf(stderr,
			"sluice-fw: %s: no stacks; a policy to boot with has \"sluice:ports\" and \"sluice:stacks\" (see docs/policy.md)\n",
			firmware->options.config);
		result = EXIT_BAD_POLICY;
	}
	if (result == 0)
		result = make_broker(firmware);
	if (result == 0)
		result = make_events(firmware);
	if (result != 0)
		return result;
	firmware->workers = choose_workers(firmware);
	if (eal_start(&firmware->options, firmware->workers, &firmware->hugepages) != 0)
		return 1;
	firmware->eal = true;
	result = make_pools(firmware);
	if (result == 0)
		result = make_core(firmware);
	if (result == 0)
		result = make_ports(firmware);
	if (result == 0)
		result = stacks_up(&firmware->document);
	if (result == 0)
		result = make_control(firmware);
	if (result == 0)
		result = start(firmware);
	if (result == 0)
		result = control_threads_up(firmware);
	return result;
}

/* ---- Down ---------------------------------------------------------------------------------------- */

static void destroy_ports(const struct policy_image *image)
{
	for (uint32_t i = 0; i < image->header->ports; i++)
		edge_port_destroy(edge_port_find(policy_ports(image)[i].name));
}

static void check_pools(struct firmware *firmware)
{
	struct im_packet_pool *pool = &firmware->pool;

	if (pool->buffers == NULL)
		return;
	if (!im_packet_pool_full(pool)) {
		fprintf(stderr, "sluice-fw: leak: %u of %u mbufs and %u of %u descriptors are back\n",
			rte_mempool_avail_count(pool->buffers), pool->buffers->size,
			rte_mempool_avail_count(pool->descriptors), pool->descriptors->size);
		firmware->leaked++;
	} else if (firmware->started) {
		printf("sluice-fw: stopped; all %u mbufs and %u descriptors are back\n", pool->buffers->size,
		       pool->descriptors->size);
	}
	im_packet_pool_destroy(pool);
}

static void unload(struct firmware *firmware)
{
	control_threads_down(firmware);
	if (firmware->controlled)
		control_destroy(&firmware->control);
	stacks_down(&firmware->document.image);
	destroy_ports(&firmware->document.image);
	if (firmware->drivers)
		im_unload_drivers();
	workers_destroy();
	firmware->leaked += im_leaked() + im_core_destroy();
	if (im_violations() > 0) {
		fprintf(stderr, "sluice-fw: the contract was violated %lu times\n", im_violations());
		firmware->leaked++;
	}
}

/* The commands that run come to their end first: those that change a stack need its workers. */
int firmware_down(struct firmware *firmware)
{
	if (firmware->threads != NULL)
		watch_stop(&firmware->watch);
	last_words_disarm();
	broker_destroy(firmware->broker);
	if (firmware->started)
		workers_stop(DRAIN_MS);
	if (firmware->core)
		unload(firmware);
	check_pools(firmware);
	if (firmware->eal)
		rte_eal_cleanup();
	if (firmware->logging)
		event_log_destroy(&firmware->events);
	policy_image_clear(&firmware->document.image);
	free(firmware->document.text);
	return firmware->leaked > 0;
}
