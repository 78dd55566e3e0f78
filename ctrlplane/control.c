/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "abi/mailbox.h"
#include "control.h"
#include "worker.h"

static void init_locks(struct control *control)
{
	pthread_mutexattr_t recursive;

	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&control->change, &recursive);
	pthread_mutexattr_destroy(&recursive);
	pthread_mutex_init(&control->lock, NULL);
	pthread_mutex_init(&control->topology, NULL);
}

int control_create(struct control *control, uint32_t rule_budget, struct im_packet_pool *pool)
{
	memset(control, 0, sizeof(*control));
	STAILQ_INIT(&control->waiting);
	LIST_INIT(&control->pins);
	control->rule_budget = rule_budget;
	control->pool = pool;
	control->boot_tsc = rte_rdtsc();
	if (getrandom(&control->boot_id, sizeof(control->boot_id), 0) != sizeof(control->boot_id))
		control->boot_id = control->boot_tsc;
	control->counters = counter_table_create(counter_slots(rule_budget));
	if (control->counters == NULL)
		return -ENOMEM;
	init_locks(control);
	uploads_create(&control->uploads, (control->boot_id & 0x1fffff) << 32 | 1); /* 53 bits: JSON knows no more */
	operations_create(&control->operations, (control->boot_id & 0x1fffff) << 32 | 1, NULL);
	return 0;
}

/* ---- What is in force ------------------------------------------------------------------------------ */

void control_begin(struct control *control)
{
	pthread_mutex_lock(&control->change);
}

void control_end(struct control *control)
{
	pthread_mutex_unlock(&control->change);
}

/* What is current holds itself: it can be held under the lock under which it is replaced (8.9). */
struct config *control_hold(struct control *control)
{
	struct config *config;

	pthread_mutex_lock(&control->lock);
	config = control->current;
	im_block_hold(&config->block);
	pthread_mutex_unlock(&control->lock);
	return config;
}

uint64_t control_generation(const struct control *control)
{
	return __atomic_load_n(&control->generation, __ATOMIC_RELAXED);
}

uint32_t control_waiting(struct control *control)
{
	uint32_t count;

	pthread_mutex_lock(&control->lock);
	count = control->waiting_count;
	pthread_mutex_unlock(&control->lock);
	return count;
}

struct control_statistics control_statistics(struct control *control)
{
	struct control_statistics statistics;

	pthread_mutex_lock(&control->lock);
	statistics = control->statistics;
	statistics.retired = __atomic_load_n(&control->statistics.retired, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&control->lock);
	return statistics;
}

void control_count_rejected(struct control *control)
{
	pthread_mutex_lock(&control->lock);
	control->statistics.rejected++;
	pthread_mutex_unlock(&control->lock);
}

/* ---- What clients read ----------------------------------------------------------------------------- */

/* Under the lock. What comes back is to be dropped outside of it: it may be the last reference. */
static struct config *take_pinned(struct control_pin *pin)
{
	struct config *config = pin->config;

	if (config != NULL)
		LIST_REMOVE(pin, link);
	pin->config = NULL;
	return config;
}

static void drop(struct config *config)
{
	if (config != NULL)
		im_block_drop(&config->block);
}

struct config *control_pin(struct control *control, struct control_pin *pin)
{
	struct config *old, *config;

	pthread_mutex_lock(&control->lock);
	old = take_pinned(pin);
	config = pin->config = control->current;
	pin->revoked = false;
	im_block_hold(&config->block); /* for the pin ... */
	im_block_hold(&config->block); /* ... and for the caller */
	LIST_INSERT_HEAD(&control->pins, pin, link);
	pthread_mutex_unlock(&control->lock);
	drop(old);
	return config;
}

bool control_hold_pinned(struct control *control, struct control_pin *pin, struct config **config)
{
	bool revoked;

	pthread_mutex_lock(&control->lock);
	*config = pin->config;
	revoked = pin->revoked;
	if (*config != NULL)
		im_block_hold(&(*config)->block);
	pthread_mutex_unlock(&control->lock);
	return !revoked;
}

void control_unpin(struct control *control, struct control_pin *pin)
{
	struct config *old;

	pthread_mutex_lock(&control->lock);
	old = take_pinned(pin);
	pin->revoked = false;
	pthread_mutex_unlock(&control->lock);
	drop(old);
}

/* One that was replaced, of those that clients read. */
static struct config *revoke_one(struct control *control)
{
	struct config *config = NULL;
	struct control_pin *pin;

	pthread_mutex_lock(&control->lock);
	LIST_FOREACH(pin, &control->pins, link)
	{
		if (pin->config == control->current)
			continue;
		config = take_pinned(pin);
		pin->revoked = true;
		break;
	}
	pthread_mutex_unlock(&control->lock);
	return config;
}

/* False: there was nothing that clients kept. */
static bool revoke(struct control *control)
{
	struct config *config;
	bool any = false;

	while ((config = revoke_one(control)) != NULL) {
		drop(config);
		any = true;
	}
	return any;
}

/* ---- Changes --------------------------------------------------------------------------------------- */

static struct config *build(struct control *control, struct policy_image *image, struct config_refusal *refusal)
{
	if (policy_check(image->header, image->length, &refusal->offset, &refusal->status) != 0)
		return NULL;
	return config_build(image, control->current, control->counters, control->rule_budget, refusal);
}

/* The rules that a client reads hold counters, and memory: a reader that does not go on, which any tenant may be, must
 * not keep the operator from a change. */
static struct config *build_and_revoke(struct control *control, struct policy_image *image,
				       struct config_refusal *refusal)
{
	struct config *config = build(control, image, refusal);
	bool full = refusal->status == SLUICE_STATUS_BUSY || refusal->status == SLUICE_STATUS_NO_MEMORY;

	if (config != NULL || !full || !revoke(control))
		return config;
	*refusal = (struct config_refusal){SLUICE_STATUS_OK, SLUICE_NO_OFFSET};
	return build(control, image, refusal);
}

static void publish(struct control *control, struct config *config)
{
	struct config *old;

	config->destroyed = &control->statistics.retired;
	config_replace(control->current, config); /* nobody else changes `current` meanwhile, nor drops it */
	pthread_mutex_lock(&control->lock);
	old = control->current;
	config->block.generation = control->generation + 1;
	__atomic_store_n(&control->generation, config->block.generation, __ATOMIC_RELAXED);
	control->current = config;
	control->statistics.applied++;
	im_block_publish(&im_core.block, &config->block);
	if (old != NULL) {
		old->grace = workers_grace_begin();
		STAILQ_INSERT_TAIL(&control->waiting, old, link);
		control->waiting_count++;
	}
	pthread_mutex_unlock(&control->lock);
	event_log_raise(control->events, SLUICE_EVENT_POLICY, NULL, config->block.generation);
}

static enum sluice_status commit(struct control *control, struct policy_image *image, uint64_t expected,
				 uint32_t *offset)
{
	struct config_refusal refusal = {SLUICE_STATUS_OK, SLUICE_NO_OFFSET};
	struct config *config;

	if (expected != 0 && expected != control->generation)
		return SLUICE_STATUS_GENERATION_MISMATCH;
	control_tick(control);
	if (control_waiting(control) >= CONTROL_WAITING_MAX)
		return SLUICE_STATUS_BUSY;
	config = build_and_revoke(control, image, &refusal);
	if (config == NULL) {
		*offset = refusal.offset;
		return refusal.status;
	}
	if (!operation_fix()) {
		im_block_drop(&config->block);
		return SLUICE_STATUS_CANCELLED;
	}
	publish(control, config);
	return SLUICE_STATUS_OK;
}

enum sluice_status control_commit(struct control *control, struct policy_image *image, uint64_t expected,
				  uint32_t *offset)
{
	enum sluice_status status;

	*offset = SLUICE_NO_OFFSET;
	control_begin(control);
	status = commit(control, image, expected, offset);
	control_end(control);
	if (status != SLUICE_STATUS_OK && status != SLUICE_STATUS_CANCELLED)
		control_count_rejected(control);
	return status;
}

enum sluice_status control_validate(struct control *control, struct policy_image *image, uint32_t *offset)
{
	struct config_refusal refusal = {SLUICE_STATUS_OK, SLUICE_NO_OFFSET};
	struct config *config;

	control_begin(control);
	config = build_and_revoke(control, image, &refusal);
	control_end(control);
	*offset = refusal.offset;
	if (config != NULL)
		im_block_drop(&config->block);
	return refusal.status;
}

/* ---- What has been replaced ------------------------------------------------------------------------ */

static struct config *take_replaced(struct control *control)
{
	struct config *config;

	pthread_mutex_lock(&control->lock);
	config = STAILQ_FIRST(&control->waiting);
	if (config != NULL && workers_grace_passed(config->grace)) {
		STAILQ_REMOVE_HEAD(&control->waiting, link);
		control->waiting_count--;
	} else {
		config = NULL;
	}
	pthread_mutex_unlock(&control->lock);
	return config;
}

/* No worker judges by it any more, though a dump may still read it. */
static void retire(struct config *config)
{
	config_release_parts(config);
	im_block_drop(&config->block);
}

void control_tick(struct control *control)
{
	struct config *config;

	while ((config = take_replaced(control)) != NULL)
		retire(config);
}

void control_destroy(struct control *control)
{
	struct config *config;

	im_block_publish(&im_core.block, NULL);
	while ((config = STAILQ_FIRST(&control->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&control->waiting, link);
		retire(config);
	}
	if (control->current != NULL)
		retire(control->current);
	control->current = NULL;
	uploads_destroy(&control->uploads);
	operations_destroy(&control->operations);
	counter_table_destroy(control->counters);
	pthread_mutex_destroy(&control->topology);
	pthread_mutex_destroy(&control->lock);
	pthread_mutex_destroy(&control->change);
}
