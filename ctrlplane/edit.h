/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changes to a policy, as new images: the running one is never touched. Every change of rules is one splice: so many
 * rules of an instance go, so many come. Level: PASSIVE. Nothing here knows a worker or a mailbox.
 */
#ifndef CTRLPLANE_EDIT_H
#define CTRLPLANE_EDIT_H

#include "policy/policy.h"

/**
 * Copy @p image with @p removed rules of instance @p instance (index) gone from its rule @p at on, and @p added ones of
 * @p rules in their place. 0 with @p out filled in, or -ENOMEM.
 */
int edit_splice(const struct policy_image *image, uint32_t instance, uint32_t at, uint32_t removed,
		const struct sluice_rule *rules, uint32_t added, struct policy_image *out);

/** Index of the rule named @p name in @p instance, counted from its first rule, or -1. */
int64_t edit_find_rule(const struct policy_image *image, const struct sluice_instance *instance,
		       const char name[SLUICE_NAME_SIZE]);

/** Give @p rule a name that no rule of @p instance has: "rule-<n>". */
void edit_pick_name(const struct policy_image *image, const struct sluice_instance *instance, struct sluice_rule *rule);

/** Copy @p image with @p instance, which has no rules, at place @p at among its instances. 0 or -ENOMEM. */
int edit_insert_instance(const struct policy_image *image, uint32_t at, const struct sluice_instance *instance,
			 struct policy_image *out);

/** Copy @p image without its instance @p index and the rules of that. 0 or -ENOMEM. */
int edit_remove_instance(const struct policy_image *image, uint32_t index, struct policy_image *out);

/** Copy @p image. 0 or -ENOMEM. */
int edit_copy(const struct policy_image *image, struct policy_image *out);

/**
 * What applying @p wanted to a machine that runs @p running gives. A rules-only image replaces all rules and keeps the
 * rest; another must have the running ports and stacks. OK with @p out filled in; or why not, with the offset in
 * @p wanted of the first thing that is different or unknown.
 */
enum sluice_status edit_apply(const struct policy_image *running, const struct policy_image *wanted,
			      struct policy_image *out, uint32_t *offset);

#endif
