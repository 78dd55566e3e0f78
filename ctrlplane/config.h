/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A policy in force: the config block that workers judge by, with the image it was built from and the counter slots
 * of its rules. Immutable. Whoever needs it longer than one call holds a reference (im/block.h).
 */
#ifndef CTRLPLANE_CONFIG_H
#define CTRLPLANE_CONFIG_H

#include <sys/queue.h>

#include "abi/mailbox.h"
#include "abi/status.h"
#include "counter.h"
#include "im/block.h"
#include "policy/policy.h"

struct config {
	struct im_block block;
	struct policy_image image;		      /* owned */
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
 * success only. Level: PASSIVE. NULL with @p refusal filled in: nothing has changed.
 */
struct config *config_build(struct policy_image *image, struct counter_table *counters, uint32_t rule_budget,
			    struct config_refusal *refusal);

/** The instance of the image with this name, or NULL. */
struct sluice_instance *config_find_instance(const struct config *config, const char name[SLUICE_NAME_SIZE]);

#endif
