/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

struct im_core im_core;
__thread struct im_worker *im_this_worker;

static void worker_free(struct im_worker *worker)
{
	free(worker->traffic);
	free(worker->accounts);
}

static int worker_init(struct im_worker *worker, uint32_t index, uint32_t counters)
{
	worker->index = index;
	worker->running = &worker->other_cycles;
	worker->mark = rte_rdtsc();
	worker->traffic = calloc(counters, sizeof(*worker->traffic));
	worker->accounts = calloc(IM_ACCOUNTS_MAX, sizeof(*worker->accounts));
	if (worker->traffic != NULL && worker->accounts != NULL)
		return 0;
	worker_free(worker);
	return -ENOMEM;
}

int im_core_create(uint32_t workers, uint32_t counters)
{
	memset(&im_core, 0, sizeof(im_core));
	TAILQ_INIT(&im_core.drivers);
	TAILQ_INIT(&im_core.instances);
	TAILQ_INIT(&im_core.bindings);
	im_core.workers = aligned_alloc(64, RTE_ALIGN_CEIL((workers + 1) * sizeof(*im_core.workers), 64));
	if (im_core.workers == NULL)
		return -ENOMEM;
	memset(im_core.workers, 0, (workers + 1) * sizeof(*im_core.workers));
	for (; im_core.worker_count <= workers; im_core.worker_count++) {
		if (worker_init(&im_core.workers[im_core.worker_count], im_core.worker_count, counters) != 0) {
			im_core_destroy();
			return -ENOMEM;
		}
	}
	im_this_worker = &im_core.workers[0];
	return 0;
}

unsigned im_core_destroy(void)
{
	struct im_driver_object *driver;
	struct im_instance *instance;
	struct im_binding *binding;
	unsigned leaked = 0;

	TAILQ_FOREACH(binding, &im_core.bindings, link)
	leaked += fprintf(stderr, "leak: binding to '%s'\n", binding->lower->name) > 0;
	FOREACH_INSTANCE (instance)
		leaked += fprintf(stderr, "leak: instance '%s'\n", instance->name) > 0;
	TAILQ_FOREACH(driver, &im_core.drivers, link)
	leaked += fprintf(stderr, "leak: driver '%s'\n", driver->name) > 0;
	for (uint32_t i = 0; i < im_core.worker_count; i++)
		worker_free(&im_core.workers[i]);
	free(im_core.workers);
	im_core.workers = NULL;
	im_core.worker_count = 0;
	im_this_worker = NULL;
	return leaked;
}

uint16_t im_new_account(void)
{
	return im_core.accounts < IM_ACCOUNTS_MAX ? im_core.accounts++ : UINT16_MAX;
}

struct im_instance *im_find_instance(const char *name)
{
	struct im_instance *instance;

	FOREACH_INSTANCE (instance)
		if (strcmp(instance->name, name) == 0)
			return instance;
	return NULL;
}

struct im_wrapper *im_wrapper_of(const struct im_instance *instance)
{
	return instance->miniport->wrapper;
}

void im_read_account(uint16_t account, struct im_account *sum)
{
	uint64_t *total = (uint64_t *)sum;

	memset(sum, 0, sizeof(*sum));
	for (uint32_t i = 0; i < im_core.worker_count; i++) {
		const uint64_t *copy = (const uint64_t *)&im_core.workers[i].accounts[account];

		for (size_t k = 0; k < offsetof(struct im_account, drop_generation) / sizeof(*copy); k++)
			total[k] += __atomic_load_n(&copy[k], __ATOMIC_RELAXED);
		for (size_t k = offsetof(struct im_account, drop_generation) / sizeof(*copy);
		     k < sizeof(struct im_account) / sizeof(*copy); k++)
			total[k] = RTE_MAX(total[k], __atomic_load_n(&copy[k], __ATOMIC_RELAXED));
	}
}

struct im_traffic im_read_rule(uint32_t slot)
{
	struct im_traffic sum = {0};

	for (uint32_t i = 0; i < im_core.worker_count; i++) {
		sum.packets += __atomic_load_n(&im_core.workers[i].traffic[slot].packets, __ATOMIC_RELAXED);
		sum.bytes += __atomic_load_n(&im_core.workers[i].traffic[slot].bytes, __ATOMIC_RELAXED);
	}
	return sum;
}

void im_clear_rule(uint32_t slot)
{
	for (uint32_t i = 0; i < im_core.worker_count; i++) {
		__atomic_store_n(&im_core.workers[i].traffic[slot].packets, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&im_core.workers[i].traffic[slot].bytes, 0, __ATOMIC_RELAXED);
	}
}

uint64_t im_outstanding(const struct im_instance *instance)
{
	uint64_t out = 0;

	for (uint32_t i = 0; i < im_core.worker_count; i++) {
		const struct im_account *copy = &im_core.workers[i].accounts[instance->id];

		out += __atomic_load_n(&copy->sends_begun, __ATOMIC_RELAXED) -
		       __atomic_load_n(&copy->sends_done, __ATOMIC_RELAXED) +
		       __atomic_load_n(&copy->lent, __ATOMIC_RELAXED) -
		       __atomic_load_n(&copy->returned, __ATOMIC_RELAXED);
	}
	return out;
}

void im_violation(const char *statement, const char *driver, const char *what)
{
	fprintf(stderr, "im-contract [%s] violated by driver '%s': %s\n", statement, driver, what);
	abort();
}
