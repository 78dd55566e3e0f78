/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control device of the driver `filter`: its rules. One call is one change of the policy, in force in all its parts
 * or not at all.
 *
 *   DEVICE_OPEN   "filter"                                    -> handle
 *   DEVICE_CALL   handle, code, struct sluice_rule_command    -> struct sluice_filter_answer
 */
#ifndef SLUICE_ABI_FILTER_H
#define SLUICE_ABI_FILTER_H

#include "base.h"
#include "policy.h"
#include "record.h"

#define SLUICE_FILTER_DEVICE "filter"

/*
 * X(name, code, text). All take struct sluice_rule_command (record.h); of its rule, DELETE looks at the name alone and
 * FLUSH at nothing.
 */
#define SLUICE_FILTER_TABLE(X)                                                                                         \
	X(ADD, 1, "add the rule behind all others of its priority")                                                    \
	X(DELETE, 2, "delete the rule of this name")                                                                   \
	X(REPLACE, 3, "put this rule in the place of the one of its name; its counters stay")                          \
	X(FLUSH, 4, "delete all rules")

enum sluice_filter_code {
#define X(name, number, text) SLUICE_FILTER_##name = number,
	SLUICE_FILTER_TABLE(X)
#undef X
};

struct sluice_filter_answer {
	uint16_t status; /* enum sluice_status: why it was refused */
	uint16_t reserved[3];
	uint32_t error_offset; /* of what is wrong, in struct sluice_rule_command, or SLUICE_NO_OFFSET */
	uint32_t reserved1;
	uint64_t generation;		/* of the policy in force after it */
	struct sluice_rule_record rule; /* as it is now, or as it was when it was deleted; with its hits */
};
SLUICE_ASSERT_SIZE(struct sluice_filter_answer, 200);

#endif
