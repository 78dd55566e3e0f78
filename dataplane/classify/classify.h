/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which rule of an ordered list does a packet meet first? An immutable classifier over the rules of one direction.
 *
 * The rules are spread over a few hash tables (tuples). All rules of a tuple fix at least the same bits of the
 * packet key, the tuple's mask; what hashes alike under that mask stands in one bucket, in order of rank, and is
 * compared in full. Tuples are ordered by the best rank in them, so that a hit ends the search as soon as no later
 * tuple can hold a better one.
 *
 *   key ─┬─ tuple 0: hash(key & mask) ─> bucket: rank 0, 7, 9
 *        ├─ tuple 1: hash(key & mask) ─> bucket: rank 2
 *        └─ ...      until the best rank so far is below the next tuple's
 *
 * Bounds. There are at most CLASSIFY_MAX_TUPLES tuples per kind of rule. A bucket is kept to a handful of rules by
 * spreading them over further tuples; rules which differ in nothing that can be hashed (overlapping port ranges,
 * TCP flags, partial MAC masks on the same addresses) share a bucket whatever its length. So the worst case for one
 * packet is one probe per tuple and one comparison (2 to 3 ns) per rule of the longest buckets: linear in the rules,
 * and only as bad as the rules make it. Packets cannot lengthen a bucket, and the hash is seeded anew for each build.
 *
 * Building costs about a microsecond and less than 200 bytes a rule. Building and freeing are PASSIVE; all else is
 * DISPATCH.
 */
#ifndef CLASSIFY_CLASSIFY_H
#define CLASSIFY_CLASSIFY_H

#include "abi/policy.h"
#include "classify/parse.h"
#include "im/level.h"

#include <stdbool.h>

/** Rank that stands for "no rule". */
#define CLASSIFY_NO_MATCH UINT32_MAX

/** Most tuples that allow and deny rules, or count rules, are spread over. */
#define CLASSIFY_MAX_TUPLES 128u

struct classifier;

/**
 * Build a classifier of @p count rules, all of one direction, in order of precedence: a rule's rank is its index.
 * The rules are copied; the caller may free them. @p count may be 0.
 *
 * @return 0, and *@p out is to be given to classify_free(); -ENOMEM; -EINVAL if a rule is none (an unknown match or
 *         action, an address without a family or a prefix too long for it). After an error *@p out is unchanged.
 */
IM_PASSIVE int classify_build(const struct sluice_rule *const *rules, uint32_t count, struct classifier **out);

/** Free @p classifier, which no worker uses any more; NULL is allowed. */
IM_PASSIVE void classify_free(struct classifier *classifier);

/**
 * Judge a burst: @p verdicts[i] becomes the rank of the first allow or deny rule that matches @p keys[i], or
 * CLASSIFY_NO_MATCH.
 */
void classify_burst(const struct classifier *classifier, const struct packet_key *keys, uint16_t count,
		    uint32_t *verdicts);

/** Whether there is any count rule; if not, classify_next_count() need not be asked. */
bool classify_has_counts(const struct classifier *classifier);

/**
 * Rank of the first matching count rule with @p from <= rank < @p before, or CLASSIFY_NO_MATCH. All that count a
 * packet are found by going on from the last one's rank + 1, up to the packet's verdict.
 */
uint32_t classify_next_count(const struct classifier *classifier, const struct packet_key *key, uint32_t from,
			     uint32_t before);

/** Bytes of memory that @p classifier holds. */
size_t classify_memory(const struct classifier *classifier);

/**
 * Whether @p key meets all matches of @p rule, one that classify_build() takes: the plain meaning of a rule, which the
 * classifier must agree with.
 */
bool classify_rule_matches(const struct sluice_rule *rule, const struct packet_key *key);

#endif
