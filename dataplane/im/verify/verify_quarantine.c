/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Quarantine: a driver that broke the contract is kept out of the packet path, and the others go on.
 *
 * A violation can be seen by a worker, which does not walk lists: it leaves the name here, and a control thread closes
 * the gates. What the driver initialises or opens later finds its gate closed from the start.
 */
#include <string.h>

#include "im/inside.h"
#include "im/spin.h"
#include "verifier.h"

#define DRIVERS_MAX 32u

static struct {
	uint32_t lock;	/* of the names */
	uint32_t count; /* atomic: without the lock one can see that there are none */
	char names[DRIVERS_MAX][SLUICE_NAME_SIZE];
} bad;

static void close_gates(struct im_work *work);

static struct im_work work = {.run = close_gates};

/* Under the lock. */
static bool has(const char *driver)
{
	for (uint32_t i = 0; i < bad.count; i++)
		if (strcmp(bad.names[i], driver) == 0)
			return true;
	return false;
}

bool im_is_quarantined(const char *driver)
{
	bool quarantined;

	if (likely(__atomic_load_n(&bad.count, __ATOMIC_ACQUIRE) == 0))
		return false;
	im_spin_lock(&bad.lock);
	quarantined = has(driver);
	im_spin_unlock(&bad.lock);
	return quarantined;
}

static bool is_bad(const struct im_wrapper *wrapper)
{
	return im_is_quarantined(wrapper->object->name);
}

/* The way past it is found when the object is in the lists: by the work item. */
uint32_t im_quarantine_gate(const struct im_wrapper *wrapper)
{
	if (!is_bad(wrapper))
		return 0;
	im_schedule_work(&work);
	return IM_GATE_QUARANTINE;
}

void im_quarantine(const char *driver)
{
	bool added = false;

	im_spin_lock(&bad.lock);
	if (!has(driver) && bad.count < DRIVERS_MAX) {
		strncpy(bad.names[bad.count], driver, SLUICE_NAME_SIZE - 1);
		__atomic_store_n(&bad.count, bad.count + 1, __ATOMIC_RELEASE);
		added = true;
	}
	im_spin_unlock(&bad.lock);
	if (added)
		im_schedule_work(&work);
}

void im_unquarantine(const char *driver)
{
	im_spin_lock(&bad.lock);
	for (uint32_t i = 0; i < bad.count; i++) {
		if (strcmp(bad.names[i], driver) != 0)
			continue;
		memmove(bad.names[i], bad.names[i + 1], (bad.count - i - 1) * sizeof(bad.names[0]));
		__atomic_store_n(&bad.count, bad.count - 1, __ATOMIC_RELEASE);
		memset(bad.names[bad.count], 0, sizeof(bad.names[0]));
	}
	im_spin_unlock(&bad.lock);
}

void im_quarantine_reset(void)
{
	im_spin_lock(&bad.lock);
	__atomic_store_n(&bad.count, 0, __ATOMIC_RELEASE);
	memset(bad.names, 0, sizeof(bad.names));
	im_spin_unlock(&bad.lock);
}

/* Where packets shall go past it, the way is there before the gate closes (bypass.c). */
static void quarantine_instance(struct im_instance *instance)
{
	if (im_verify_now.action == IM_VERIFY_FAIL_OPEN && instance->below == NULL)
		im_find_bypass(instance);
	im_close_gate(&instance->gate, IM_GATE_QUARANTINE);
}

static void close_gates(struct im_work *unused)
{
	struct im_instance *instance;
	struct im_binding *binding;

	(void)unused;
	pthread_mutex_lock(&im_core.lock);
	FOREACH_INSTANCE (instance)
		if (is_bad(im_wrapper_of(instance)))
			quarantine_instance(instance);
	TAILQ_FOREACH(binding, &im_core.bindings, link)
	{
		if (is_bad(binding->protocol->wrapper))
			im_close_gate(&binding->gate, IM_GATE_QUARANTINE);
	}
	pthread_mutex_unlock(&im_core.lock);
}
