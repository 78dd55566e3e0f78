/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of the CLI for the numbers of the wire format. */
#ifndef SLUICE_CLI_WORDS_H
#define SLUICE_CLI_WORDS_H

#include "abi/policy.h"
#include "abi/record.h"

#include <stddef.h>

/** "in" or "out"; NULL for what is not a direction. */
static inline const char *direction_word(uint8_t direction)
{
	static const char *const words[SLUICE_DIRECTIONS] = {[SLUICE_IN] = "in", [SLUICE_OUT] = "out"};

	return direction < SLUICE_DIRECTIONS ? words[direction] : NULL;
}

/** "allow", "deny" or "count"; NULL for what is not an action. */
static inline const char *action_word(uint8_t action)
{
	static const char *const words[SLUICE_ACTIONS] = {
		[SLUICE_ALLOW] = "allow", [SLUICE_DENY] = "deny", [SLUICE_COUNT] = "count"};

	return action < SLUICE_ACTIONS ? words[action] : NULL;
}

/** Text of an enum sluice_instance_state; NULL for what is none. */
static inline const char *state_word(uint8_t state)
{
	switch (state) {
#define X(name, number, text)                                                                                          \
	case number:                                                                                                   \
		return text;
		SLUICE_INSTANCE_STATE_TABLE(X)
#undef X
	default:
		return NULL;
	}
}

#endif
