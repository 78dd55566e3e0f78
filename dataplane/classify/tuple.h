/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A set of tuples: hash tables over the matches that fix the same bits of the key. classify.h explains the idea;
 * tuple_build.c spreads the matches over the tuples, tuple.c searches them.
 */
#ifndef CLASSIFY_TUPLE_H
#define CLASSIFY_TUPLE_H

#include "classify/match.h"
#include "im/level.h"

/* Stands for "no match in this bucket", and marks an empty slot. */
#define TUPLE_NONE UINT32_MAX

/* Of a hash table with open addressing, at most half full. */
struct tuple_slot {
	uint32_t tag;	/* what a key must hash to */
	uint32_t first; /* index of the bucket's first match, or TUPLE_NONE */
};

struct tuple {
	uint64_t mask[MATCH_WORDS];
	struct tuple_slot *slots;
	uint32_t slot_mask; /* number of slots, a power of two, - 1 */
	uint32_t best_rank;
	bool narrow; /* the mask has bits only where IPv4 rules have them */
};

/* Immutable once built. */
struct tuple_set {
	uint64_t seed[MATCH_WORDS];
	struct tuple *tuples; /* by ascending best_rank */
	uint32_t tuple_count;
	uint32_t match_count;
	struct match *matches; /* those of a bucket side by side, by ascending rank */
	struct tuple_slot *slots;
	size_t bytes; /* of all this */
};

/**
 * Build a set of @p matches, which stand in order of rank, in at most @p max_tuples (2 or more) tuples.
 * @return NULL when out of memory. Level PASSIVE.
 */
IM_PASSIVE struct tuple_set *tuple_set_build(const struct match *matches, uint32_t count, uint32_t max_tuples);

/** Free @p set; NULL is allowed. Level PASSIVE. */
IM_PASSIVE void tuple_set_free(struct tuple_set *set);

/** Lowest rank of a match that holds, with @p from <= rank < @p before, or UINT32_MAX. Level DISPATCH. */
uint32_t tuple_set_next(const struct tuple_set *set, const struct packet_key *key, uint32_t from, uint32_t before);

/** The same, from 0 without a limit, for @p count keys at once. Level DISPATCH. */
void tuple_set_burst(const struct tuple_set *set, const struct packet_key *keys, uint32_t count, uint32_t *ranks);

/*
 * A folded 64 x 64 bit product. CRC32C would do without the multiplication, but a seed does not help it: it is linear,
 * so whatever collides under one seed collides under all.
 */
static inline uint64_t tuple_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint32_t tuple_tag_narrow(const struct tuple_set *set, const struct tuple *tuple, const uint64_t *words)
{
	uint64_t addresses = (words[0] & tuple->mask[0]) | (words[2] & tuple->mask[2]) << 32;

	return (uint32_t)tuple_mix(addresses ^ set->seed[0], (words[6] & tuple->mask[6]) ^ set->seed[1]);
}

static inline uint32_t tuple_tag_wide(const struct tuple_set *set, const struct tuple *tuple, const uint64_t *words)
{
	uint64_t hash = 0;

	for (uint32_t i = 0; i < MATCH_WORDS; i += 2)
		hash += tuple_mix((words[i] & tuple->mask[i]) ^ set->seed[i],
				  (words[i + 1] & tuple->mask[i + 1]) ^ set->seed[i + 1]);
	return (uint32_t)(hash ^ hash >> 32);
}

/** What the words of a key (or of a match's value) hash to in @p tuple. */
static inline uint32_t tuple_tag(const struct tuple_set *set, const struct tuple *tuple, const uint64_t *words)
{
	return tuple->narrow ? tuple_tag_narrow(set, tuple, words) : tuple_tag_wide(set, tuple, words);
}

#endif
