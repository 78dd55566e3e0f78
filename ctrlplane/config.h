/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A policy in force: the config block that workers judge by, with the image it was built from and the counter slots
 * of its rules. Immutable. Whoever needs it longer than one call holds a reference (im/block.h).
 */
#ifndef CTRLPLANE_CONFIG_H
#define CTRLPLANE_CONFIG_H

#include <stdbool.h>
#include <sys/queue.h>

#include "abi/mailbox.h"
#include "abi/status.h"
#include "counter.h"
#include "im/block.h"
#include "im/core.h"
#include "policy/policy.h"

/* What an instance's driver built. It remembers whose it is: the instance may be gone when it is destroyed. */
struct config_part {
	void *config; /* NULL: nothing */
	const struct im_config_handlers *handlers;
	struct im_miniport *miniport; /* whose `parts` counts it: the driver stays until it is destroyed */
	uint16_t id;		      /* of the instance then: its place in the block */
	bool there;		      /* false: the instance was not, its stack is down or being changed */
	bool takes_rules;
};

struct config {
	struct im_block block;
	struct policy_image image;		      /* owned */
	struct config_part *parts;		      /* by instance of the image */
	uint32_t *slots;			      /* by rule of the image */
	uint32_t (*default_slots)[SLUICE_DIRECTIONS]; /* by instance of the image */
	struct counter_table *counters;
	uint64_t *destroyed;	   /* statistics: counts configs that are gone */
	uint64_t grace;		   /* once retired: the token of its grace period */
	STAILQ_ENTRY(config) link; /* once retired */
};

/** Why a policy was refused. */
struct config_refusal {
	enum sluice_status status;
	uint32_t offset; /* in the image, or SLUICE_NO_OFFSET */
};

/**
 * Build the configuration of every driver from a checked @p image, with one reference. The image is taken over on
 * success only. An instance that is not there but that @p known has (NULL: none) gets nothing: its stack is down, or
 * being changed. Level: PASSIVE. NULL with @p refusal filled in: nothing has changed.
 */
struct config *config_build(struct policy_image *image, const struct config *known, struct counter_table *counters,
			    uint32_t rule_budget, struct config_refusal *refusal);

/** What is counted goes over from @p old (NULL: none) to the @p config that comes into force. Only the names that both
 * have go on counting. Before @p old can be dropped. */
void config_replace(const struct config *old, const struct config *config);

/** Whether every instance that is there now has what was built for it, in its place. */
bool config_is_whole(const struct config *config);

/**
 * Give back what drivers built: no worker sees it any more. Who still holds the config reads its image and its
 * counters, and does not keep a driver from being unloaded. Before the last reference is dropped.
 */
void config_release_parts(struct config *config);

/** The instance of the image with this name, or NULL. */
struct sluice_instance *config_find_instance(const struct config *config, const char name[SLUICE_NAME_SIZE]);

#endif
