/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "abi/mailbox.h"
#include "control.h"
#include "worker.h"

int control_create(struct control *control, uint32_t rule_budget, struct im_packet_pool *pool)
{
	memset(control, 0, sizeof(*control));
	STAILQ_INIT(&control->waiting);
	control->rule_budget = rule_budget;
	control->pool = pool;
	control->boot_tsc = rte_rdtsc();
	if (getrandom(&control->boot_id, sizeof(control->boot_id), 0) != sizeof(control->boot_id))
		control->boot_id = control->boot_tsc;
	control->counters = counter_table_create(counter_slots(rule_budget));
	return control->counters != NULL ? 0 : -ENOMEM;
}

static struct config *build(struct control *control, struct policy_image *image, struct config_refusal *refusal)
{
	if (policy_check(image->header, image->length, &refusal->offset, &refusal->status) != 0)
		return NULL;
	return config_build(image, control->counters, control->rule_budget, refusal);
}

static void retire(struct control *control, struct config *config)
{
	config->grace = workers_grace_begin();
	STAILQ_INSERT_TAIL(&control->waiting, config, link);
	control->waiting_count++;
}

static void publish(struct control *control, struct config *config)
{
	struct config *old = control->current;

	config->destroyed = &control->statistics.retired;
	config->block.generation = ++control->generation;
	control->current = config;
	control->statistics.applied++;
	im_block_publish(&im_core.block, &config->block);
	if (old != NULL)
		retire(control, old);
}

static enum sluice_status rejected(struct control *control, enum sluice_status status)
{
	control->statistics.rejected++;
	return status;
}

enum sluice_status control_commit(struct control *control, struct policy_image *image, uint64_t expected,
				  uint32_t *offset)
{
	struct config_refusal refusal = {SLUICE_STATUS_OK, SLUICE_NO_OFFSET};
	struct config *config;

	*offset = SLUICE_NO_OFFSET;
	if (expected != 0 && expected != control->generation)
		return rejected(control, SLUICE_STATUS_GENERATION_MISMATCH);
	control_tick(control);
	if (control->waiting_count >= CONTROL_WAITING_MAX)
		return rejected(control, SLUICE_STATUS_BUSY);
	config = build(control, image, &refusal);
	if (config == NULL) {
		*offset = refusal.offset;
		return rejected(control, refusal.status);
	}
	publish(control, config);
	return SLUICE_STATUS_OK;
}

enum sluice_status control_validate(struct control *control, struct policy_image *image, uint32_t *offset)
{
	struct config_refusal refusal = {SLUICE_STATUS_OK, SLUICE_NO_OFFSET};
	struct config *config = build(control, image, &refusal);

	*offset = refusal.offset;
	if (config != NULL)
		im_block_drop(&config->block);
	return refusal.status;
}

void control_tick(struct control *control)
{
	struct config *config;

	while ((config = STAILQ_FIRST(&control->waiting)) != NULL && workers_grace_passed(config->grace)) {
		STAILQ_REMOVE_HEAD(&control->waiting, link);
		control->waiting_count--;
		im_block_drop(&config->block); /* goes now, unless a dump holds it */
	}
}

void control_destroy(struct control *control)
{
	struct config *config;

	im_block_publish(&im_core.block, NULL);
	while ((config = STAILQ_FIRST(&control->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&control->waiting, link);
		im_block_drop(&config->block);
	}
	if (control->current != NULL)
		im_block_drop(&control->current->block);
	control->current = NULL;
	counter_table_destroy(control->counters);
}
