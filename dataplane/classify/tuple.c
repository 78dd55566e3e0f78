/* SPDX-License-Identifier: BSD-3-Clause */
#include "classify/tuple.h"

#include <stdlib.h>

enum {
	CHUNK = 32, /* keys that go through the stages together: enough to hide a miss, and their state stays in L1 */
	CACHE_LINE = 64,
};

/* Keys whose rank a later tuple can still better, and how far the search in the tuple at hand has come for each. */
struct chunk {
	uint32_t count;
	uint8_t key[CHUNK];
	uint32_t tag[CHUNK];
	uint32_t found_count; /* of those that have a bucket in this tuple */
	uint8_t found[CHUNK];
	uint32_t first[CHUNK];
};

static inline uint32_t find_bucket(const struct tuple *tuple, uint32_t tag)
{
	uint32_t slot = tag & tuple->slot_mask;

	while (tuple->slots[slot].tag != tag && tuple->slots[slot].first != TUPLE_NONE)
		slot = (slot + 1) & tuple->slot_mask;
	return tuple->slots[slot].first;
}

/* Lowest rank of a match of the bucket that holds, with from <= rank < before; otherwise before. */
static inline uint32_t search_bucket(const struct match *match, const struct packet_key *key, uint32_t from,
				     uint32_t before)
{
	for (const struct match *end = match + match->following; match <= end && match->rank < before; match++) {
		if (match_holds(match, key) && match->rank >= from)
			return match->rank;
	}
	return before;
}

uint32_t tuple_set_next(const struct tuple_set *set, const struct packet_key *key, uint32_t from, uint32_t before)
{
	uint32_t best = before;

	for (uint32_t i = 0; i < set->tuple_count && set->tuples[i].best_rank < best; i++) {
		const struct tuple *tuple = &set->tuples[i];
		uint32_t first = find_bucket(tuple, tuple_tag(set, tuple, key->words));

		if (first != TUPLE_NONE)
			best = search_bucket(&set->matches[first], key, from, best);
	}
	return best < before ? best : TUPLE_NONE;
}

/* Forget the keys that have a better rank than @p best_rank already. */
static inline void drop_decided(struct chunk *chunk, const uint32_t *ranks, uint32_t best_rank)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < chunk->count; i++) {
		chunk->key[kept] = chunk->key[i];
		kept += ranks[chunk->key[i]] > best_rank;
	}
	chunk->count = kept;
}

static inline void hash_keys(struct chunk *chunk, const struct tuple_set *set, const struct tuple *tuple,
			     const struct packet_key *keys)
{
	if (tuple->narrow)
		for (uint32_t i = 0; i < chunk->count; i++)
			chunk->tag[i] = tuple_tag_narrow(set, tuple, keys[chunk->key[i]].words);
	else
		for (uint32_t i = 0; i < chunk->count; i++)
			chunk->tag[i] = tuple_tag_wide(set, tuple, keys[chunk->key[i]].words);
	for (uint32_t i = 0; i < chunk->count; i++)
		__builtin_prefetch(&tuple->slots[chunk->tag[i] & tuple->slot_mask]);
}

/* Find the buckets; `found` says which keys have one. Whether a key has one is not branched on: it is a coin toss. */
static inline void find_buckets(struct chunk *chunk, const struct tuple *tuple)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < chunk->count; i++) {
		uint32_t first = find_bucket(tuple, chunk->tag[i]);

		chunk->found[found] = chunk->key[i];
		chunk->first[found] = first;
		found += first != TUPLE_NONE;
	}
	chunk->found_count = found;
}

static inline void prefetch_buckets(const struct chunk *chunk, const struct tuple_set *set)
{
	for (uint32_t i = 0; i < chunk->found_count; i++) {
		const char *match = (const char *)&set->matches[chunk->first[i]];

		__builtin_prefetch(match);
		__builtin_prefetch(match + CACHE_LINE);
		__builtin_prefetch(match + sizeof(struct match) - 1);
	}
}

static inline void search_buckets(const struct chunk *chunk, const struct tuple_set *set, const struct packet_key *keys,
				  uint32_t *ranks)
{
	for (uint32_t i = 0; i < chunk->found_count; i++) {
		uint32_t key = chunk->found[i];

		ranks[key] = search_bucket(&set->matches[chunk->first[i]], &keys[key], 0, ranks[key]);
	}
}

static void search_chunk(const struct tuple_set *set, const struct packet_key *keys, uint32_t count, uint32_t *ranks)
{
	struct chunk chunk;

	chunk.count = count;
	for (uint32_t i = 0; i < count; i++) {
		chunk.key[i] = (uint8_t)i;
		ranks[i] = TUPLE_NONE;
	}
	for (uint32_t i = 0; i < set->tuple_count; i++) {
		const struct tuple *tuple = &set->tuples[i];

		drop_decided(&chunk, ranks, tuple->best_rank);
		if (chunk.count == 0)
			break;
		hash_keys(&chunk, set, tuple, keys);
		find_buckets(&chunk, tuple);
		prefetch_buckets(&chunk, set);
		search_buckets(&chunk, set, keys, ranks);
	}
}

void tuple_set_burst(const struct tuple_set *set, const struct packet_key *keys, uint32_t count, uint32_t *ranks)
{
	for (uint32_t done = 0; done < count; done += CHUNK)
		search_chunk(set, keys + done, count - done < CHUNK ? count - done : CHUNK, ranks + done);
}

void tuple_set_free(struct tuple_set *set)
{
	if (set == NULL)
		return;
	free(set->tuples);
	free(set->matches);
	free(set->slots);
	free(set);
}
