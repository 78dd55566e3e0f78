/* SPDX-License-Identifier: BSD-3-Clause */
/* A rule, compiled to what a packet key is compared with: without branches, whatever the rule asks. */
#ifndef CLASSIFY_MATCH_H
#define CLASSIFY_MATCH_H

#include "abi/policy.h"
#include "classify/parse.h"
#include "im/level.h"

#include <stdbool.h>

enum { MATCH_WORDS = sizeof(struct packet_key) / sizeof(uint64_t) };

/* Ports from low to low + span. Any port is 0 and 65535; a single one is in the mask, so that it can be hashed. */
struct match_range {
	uint16_t low;
	uint16_t span;
};

struct match {
	uint64_t mask[MATCH_WORDS]; /* of struct packet_key */
	uint64_t value[MATCH_WORDS];
	struct match_range src_port;
	struct match_range dst_port;
	uint32_t rank;
	uint32_t following; /* matches of the same bucket that stand behind this one */
};
SLUICE_ASSERT_SIZE(struct match, 144);

/** Compile @p rule; rank and following are 0. @return 0, or -EINVAL if it is no rule. */
IM_PASSIVE int match_compile(const struct sluice_rule *rule, struct match *match);

/** Set the first @p length bits of @p mask, and clear the others. */
void match_prefix_mask(uint8_t mask[16], uint32_t length);

static inline bool match_in_range(struct match_range range, uint16_t port)
{
	return (uint16_t)(port - range.low) <= range.span;
}

/** Whether @p key is what the rule asks for. */
static inline bool match_holds(const struct match *match, const struct packet_key *key)
{
	uint64_t difference = 0;

	for (uint32_t i = 0; i < MATCH_WORDS; i++)
		difference |= (key->words[i] & match->mask[i]) ^ match->value[i];
	return difference == 0 && match_in_range(match->src_port, key->src_port) &&
	       match_in_range(match->dst_port, key->dst_port);
}

#endif
