/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules, changed by the driver whose they are: what a control device does with a call that brings one.
 *
 * A driver does not keep its rules: they belong to the policy in force, of which it gets its part through
 * im_config_handlers.build. So it asks for a new policy, and whoever keeps the policy makes it, checks it, and puts it
 * in force as a whole. The core knows the way there, and nothing of policies.
 */
#ifndef IM_RULES_H
#define IM_RULES_H

#include <stdint.h>

#include "abi/im_status.h"
#include "abi/record.h"
#include "abi/status.h"
#include "level.h"

struct im_wrapper;

enum im_rule_change_kind {
	IM_RULE_ADD,	 /* behind all others of its priority; an empty name asks for one */
	IM_RULE_DELETE,	 /* the one of this name */
	IM_RULE_REPLACE, /* the one of this name, in its place */
	IM_RULE_FLUSH,	 /* all */
	IM_RULE_NONE,	 /* say whether the instance's rules could be changed */
};

struct im_rule_change {
	enum im_rule_change_kind kind;
	struct sluice_rule_command command; /* no instance: the driver's only one; of FLUSH, each of them */
	/* out */
	enum sluice_status status;	/* why it was refused */
	uint32_t error_offset;		/* in `command`, or SLUICE_NO_OFFSET */
	uint64_t generation;		/* of the policy in force after the call */
	struct sluice_rule_record rule; /* as it is now; as it was when it was deleted */
};

/**
 * Change rules of instances of the driver of @p wrapper. What a client sent is checked, whole, before any of it is
 * used [8.18]; @p change stays the caller's. SUCCESS: in force for all workers [9.27]; INVALID_DATA: change->status
 * says why not; NOT_READY: there is no policy; INVALID_PARAMETER: a NULL. Level: PASSIVE.
 */
IM_PASSIVE im_status_t im_change_rules(struct im_wrapper *wrapper, struct im_rule_change *change);

#endif
