/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Accounts: where instances and bindings count. An account belongs to a name, not to an object: an instance that is
 * taken down and built up again goes on counting where it was. When all are given out, the one that has been without an
 * object for longest gets a new name, and begins at zero.
 */
#include <string.h>

#include "inside.h"

struct entry {
	char name[2 * SLUICE_NAME_SIZE];
	uint64_t given; /* back, as a count of such moments; 0: never used */
	bool taken;
};

static struct entry entries[IM_ACCOUNTS_MAX];
static uint64_t moments;

void im_accounts_reset(void)
{
	memset(entries, 0, sizeof(entries));
	moments = 0;
}

static void clear(uint16_t account)
{
	for (uint32_t i = 0; i < im_core.thread_count; i++)
		memset(&im_core.workers[i].accounts[account], 0, sizeof(struct im_account));
}

static uint16_t find(const char *name)
{
	uint16_t oldest = UINT16_MAX;

	for (uint16_t i = 0; i < IM_ACCOUNTS_MAX; i++) {
		if (entries[i].taken)
			continue;
		if (strcmp(entries[i].name, name) == 0)
			return i;
		if (oldest == UINT16_MAX || entries[i].given < entries[oldest].given)
			oldest = i;
	}
	return oldest;
}

uint16_t im_take_account(const char *name)
{
	uint16_t account = find(name);
	struct entry *entry;

	if (account == UINT16_MAX)
		return UINT16_MAX;
	entry = &entries[account];
	if (strcmp(entry->name, name) != 0) {
		clear(account);
		strncpy(entry->name, name, sizeof(entry->name) - 1);
		entry->name[sizeof(entry->name) - 1] = '\0';
	}
	entry->taken = true;
	return account;
}

void im_give_account(uint16_t account)
{
	entries[account].taken = false;
	entries[account].given = ++moments;
}

void im_read_account(uint16_t account, struct im_account *sum)
{
	uint64_t *total = (uint64_t *)sum;

	memset(sum, 0, sizeof(*sum));
	for (uint32_t i = 0; i < im_core.thread_count; i++) {
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

	for (uint32_t i = 0; i < im_core.thread_count; i++) {
		sum.packets += __atomic_load_n(&im_core.workers[i].traffic[slot].packets, __ATOMIC_RELAXED);
		sum.bytes += __atomic_load_n(&im_core.workers[i].traffic[slot].bytes, __ATOMIC_RELAXED);
	}
	return sum;
}

void im_clear_rule(uint32_t slot)
{
	for (uint32_t i = 0; i < im_core.thread_count; i++) {
		__atomic_store_n(&im_core.workers[i].traffic[slot].packets, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&im_core.workers[i].traffic[slot].bytes, 0, __ATOMIC_RELAXED);
	}
}

/* What is done is read before what was begun, so that a sum taken while packets move is never too small. */
static uint64_t outstanding(uint16_t account)
{
	uint64_t done = 0, begun = 0;

	for (uint32_t i = 0; i < im_core.thread_count; i++) {
		const struct im_account *copy = &im_core.workers[i].accounts[account];

		done += __atomic_load_n(&copy->sends_done, __ATOMIC_ACQUIRE);
		done += __atomic_load_n(&copy->returned, __ATOMIC_ACQUIRE);
	}
	for (uint32_t i = 0; i < im_core.thread_count; i++) {
		const struct im_account *copy = &im_core.workers[i].accounts[account];

		begun += __atomic_load_n(&copy->sends_begun, __ATOMIC_RELAXED);
		begun += __atomic_load_n(&copy->lent, __ATOMIC_RELAXED);
	}
	return begun - done;
}

uint64_t im_outstanding(const struct im_instance *instance)
{
	return outstanding(instance->id);
}

uint64_t im_binding_outstanding(const struct im_binding *binding)
{
	return outstanding(binding->id);
}
