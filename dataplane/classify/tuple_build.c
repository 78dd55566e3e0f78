/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Spreads matches over tuples. They come in order of rank, and each goes to the first tuple that takes it: one whose
 * mask it covers, and where its bucket is not full. If none does, it gets a new tuple: a coarse one, which later
 * matches can share, or where that exists already, and was full, a fine one. Tuples made early hold the best ranks, so
 * that they stand in the right order for the search.
 */
#include "classify/tuple.h"

#include <stdlib.h>
#include <string.h>

enum {
	BUCKET_LIMIT = 8,  /* from 4 to 32 no difference was measured; a short one is kind to a cold cache */
	FIRST_BUCKETS = 8, /* of a new tuple */
};

/* A bucket while it grows: a list through builder.next. */
struct bucket {
	uint32_t tag;
	uint32_t count; /* 0: an empty slot */
	uint32_t head;
	uint32_t tail;
};

struct draft {
	struct tuple tuple;
	struct bucket *buckets; /* open addressing, at most half full */
	uint32_t capacity;
	uint32_t used;
};

struct builder {
	struct tuple_set *set;
	const struct match *matches;
	uint32_t *next; /* by index of a match */
	struct draft *drafts;
	uint32_t count;
	uint32_t max;
};

static bool is_narrow(const uint64_t *mask)
{
	return ((mask[0] | mask[2]) >> 32 | mask[1] | mask[3] | mask[4] | mask[5] | mask[7]) == 0;
}

/* The empty slot for @p tag, or the one that has it. */
static struct bucket *find_slot(const struct draft *draft, uint32_t tag)
{
	uint32_t slot = tag & (draft->capacity - 1);

	while (draft->buckets[slot].count != 0 && draft->buckets[slot].tag != tag)
		slot = (slot + 1) & (draft->capacity - 1);
	return &draft->buckets[slot];
}

static bool grow(struct draft *draft)
{
	struct draft bigger = *draft;

	bigger.capacity = draft->capacity * 2;
	bigger.buckets = calloc(bigger.capacity, sizeof(*bigger.buckets));
	if (bigger.buckets == NULL)
		return false;
	for (uint32_t i = 0; i < draft->capacity; i++) {
		if (draft->buckets[i].count != 0)
			*find_slot(&bigger, draft->buckets[i].tag) = draft->buckets[i];
	}
	free(draft->buckets);
	*draft = bigger;
	return true;
}

static bool append(struct builder *builder, struct draft *draft, uint32_t index)
{
	uint32_t tag = tuple_tag(builder->set, &draft->tuple, builder->matches[index].value);
	struct bucket *bucket = find_slot(draft, tag);

	if (bucket->count == 0) {
		if (draft->used * 2 >= draft->capacity) {
			if (!grow(draft))
				return false;
			bucket = find_slot(draft, tag);
		}
		draft->used++;
		*bucket = (struct bucket){.tag = tag, .head = index};
	} else {
		builder->next[bucket->tail] = index;
	}
	bucket->tail = index;
	bucket->count++;
	return true;
}

static bool covers(const uint64_t *tuple, const uint64_t *match)
{
	uint64_t missing = 0;

	for (uint32_t i = 0; i < MATCH_WORDS; i++)
		missing |= tuple[i] & ~match[i];
	return missing == 0;
}

/* Of the tuples that can hold match @p index the first with room in its bucket, else the one with the shortest. */
static struct draft *choose(const struct builder *builder, uint32_t index, uint32_t *length)
{
	const struct match *match = &builder->matches[index];
	struct draft *chosen = NULL;

	*length = UINT32_MAX;
	for (uint32_t i = 0; i < builder->count && *length >= BUCKET_LIMIT; i++) {
		struct draft *draft = &builder->drafts[i];
		uint32_t found;

		if (!covers(draft->tuple.mask, match->mask))
			continue;
		found = find_slot(draft, tuple_tag(builder->set, &draft->tuple, match->value))->count;
		if (found < *length) {
			*length = found;
			chosen = draft;
		}
	}
	return chosen;
}

/* Prefixes are rounded down to a few lengths; `coarse` says to how many of them the coarse tuples keep. */
static uint32_t round_prefix(const uint64_t *mask, uint8_t family, bool coarse)
{
	static const uint8_t ipv4[] = {32, 24, 16, 8, 0}, ipv6[] = {128, 64, 48, 32, 0};
	uint32_t length = (uint32_t)(__builtin_popcountll(mask[0]) + __builtin_popcountll(mask[1]));
	const uint8_t *step = (family == 4 ? ipv4 : ipv6) + (coarse ? 1 : 0);

	while (*step > length)
		step++;
	return *step;
}

static bool is_whole(const uint8_t mac_mask[6])
{
	return memcmp(mac_mask, "\xff\xff\xff\xff\xff\xff", 6) == 0;
}

/*
 * What a tuple made for @p match hashes. A fine one takes all but what comes in too many shapes (TCP flags, partial
 * MAC masks) or says nothing more (the presence flags). A coarse one takes the addresses alone, or where the rule
 * has none, all the same.
 */
static void tuple_mask(const struct match *match, bool coarse, uint64_t *out)
{
	struct packet_key mask, value;
	uint32_t src, dst;

	memcpy(mask.words, match->mask, sizeof(mask.words));
	memcpy(value.words, match->value, sizeof(value.words));
	src = round_prefix(mask.words, value.family, coarse);
	dst = round_prefix(mask.words + 2, value.family, coarse);
	match_prefix_mask(mask.src, src);
	match_prefix_mask(mask.dst, dst);
	mask.flags = 0;
	mask.tcp_flags = 0;
	if (!is_whole(mask.src_mac))
		memset(mask.src_mac, 0, sizeof(mask.src_mac));
	if (!is_whole(mask.dst_mac))
		memset(mask.dst_mac, 0, sizeof(mask.dst_mac));
	if (coarse && src + dst > 0) {
		mask.words[6] = 0;
		mask.words[7] = 0;
		mask.family = UINT8_MAX;
	}
	memcpy(out, mask.words, sizeof(mask.words));
}

static bool exists(const struct builder *builder, const uint64_t *mask)
{
	for (uint32_t i = 0; i < builder->count; i++) {
		if (memcmp(builder->drafts[i].tuple.mask, mask, sizeof(builder->drafts[i].tuple.mask)) == 0)
			return true;
	}
	return false;
}

static struct draft *add_draft(struct builder *builder, const uint64_t *mask, uint32_t rank)
{
	struct draft *draft = &builder->drafts[builder->count];

	*draft = (struct draft){.capacity = FIRST_BUCKETS};
	memcpy(draft->tuple.mask, mask, sizeof(draft->tuple.mask));
	draft->tuple.best_rank = rank;
	draft->tuple.narrow = is_narrow(mask);
	draft->buckets = calloc(draft->capacity, sizeof(*draft->buckets));
	if (draft->buckets == NULL)
		return NULL;
	builder->count++;
	return draft;
}

/* The mask of a new tuple for @p match; false if there is none to add. The last place is kept for one that takes all.
 */
static bool choose_mask(const struct builder *builder, const struct match *match, bool homeless, uint64_t *mask)
{
	if (builder->count + 1 < builder->max) {
		tuple_mask(match, true, mask);
		if (!exists(builder, mask))
			return true;
		tuple_mask(match, false, mask);
		return !exists(builder, mask);
	}
	memset(mask, 0, sizeof(match->mask));
	return homeless;
}

static bool place(struct builder *builder, uint32_t index)
{
	const struct match *match = &builder->matches[index];
	uint64_t mask[MATCH_WORDS];
	uint32_t length;
	struct draft *draft = choose(builder, index, &length);

	if (length >= BUCKET_LIMIT && choose_mask(builder, match, draft == NULL, mask)) {
		draft = add_draft(builder, mask, match->rank);
		if (draft == NULL)
			return false;
	}
	return append(builder, draft, index);
}

static uint32_t slots_for(uint32_t buckets)
{
	uint32_t slots = 2;

	while (slots < buckets * 2)
		slots *= 2;
	return slots;
}

/* Copy a bucket's list to @p out, side by side. */
static void copy_bucket(const struct builder *builder, const struct bucket *bucket, struct match *out)
{
	uint32_t index = bucket->head;

	for (uint32_t left = bucket->count; left > 0; left--) {
		*out = builder->matches[index];
		out->following = left - 1;
		out++;
		index = builder->next[index];
	}
}

/* Lay @p draft out behind what was laid out before: its slots from @p slots on, its matches from set->match_count on.
 */
static void freeze(const struct builder *builder, const struct draft *draft, struct tuple *tuple)
{
	struct tuple_set *set = builder->set;

	for (uint32_t i = 0; i <= tuple->slot_mask; i++)
		tuple->slots[i] = (struct tuple_slot){.first = TUPLE_NONE};
	for (uint32_t i = 0; i < draft->capacity; i++) {
		const struct bucket *bucket = &draft->buckets[i];
		uint32_t slot = bucket->tag & tuple->slot_mask;

		if (bucket->count == 0)
			continue;
		while (tuple->slots[slot].first != TUPLE_NONE)
			slot = (slot + 1) & tuple->slot_mask;
		tuple->slots[slot] = (struct tuple_slot){.tag = bucket->tag, .first = set->match_count};
		copy_bucket(builder, bucket, &set->matches[set->match_count]);
		set->match_count += bucket->count;
	}
}

static bool freeze_all(struct builder *builder, uint32_t matches)
{
	struct tuple_set *set = builder->set;
	size_t slots = 0;

	for (uint32_t i = 0; i < builder->count; i++)
		slots += slots_for(builder->drafts[i].used);
	set->tuples = calloc(builder->count + 1, sizeof(*set->tuples));
	set->slots = calloc(slots + 1, sizeof(*set->slots));
	set->matches = calloc((size_t)matches + 1, sizeof(*set->matches));
	if (set->tuples == NULL || set->slots == NULL || set->matches == NULL)
		return false;
	set->bytes = sizeof(*set) + builder->count * sizeof(*set->tuples) + slots * sizeof(*set->slots) +
		     matches * sizeof(*set->matches);
	slots = 0;
	for (; set->tuple_count < builder->count; set->tuple_count++) {
		const struct draft *draft = &builder->drafts[set->tuple_count];
		struct tuple *tuple = &set->tuples[set->tuple_count];

		*tuple = draft->tuple;
		tuple->slots = set->slots + slots;
		tuple->slot_mask = slots_for(draft->used) - 1;
		slots += tuple->slot_mask + 1;
		freeze(builder, draft, tuple);
	}
	return true;
}

static bool build(struct builder *builder, uint32_t count)
{
	if (builder->set == NULL || builder->next == NULL || builder->drafts == NULL)
		return false;
	arc4random_buf(builder->set->seed, sizeof(builder->set->seed));
	for (uint32_t i = 0; i < count; i++) {
		if (!place(builder, i))
			return false;
	}
	return freeze_all(builder, count);
}

static void discard(struct builder *builder)
{
	for (uint32_t i = 0; i < builder->count; i++)
		free(builder->drafts[i].buckets);
	free(builder->drafts);
	free(builder->next);
}

struct tuple_set *tuple_set_build(const struct match *matches, uint32_t count, uint32_t max_tuples)
{
	struct builder builder = {
		.set = calloc(1, sizeof(struct tuple_set)),
		.matches = matches,
		.next = calloc((size_t)count + 1, sizeof(uint32_t)),
		.drafts = calloc(max_tuples, sizeof(struct draft)),
		.max = max_tuples,
	};
	bool built = build(&builder, count);

	discard(&builder);
	if (built)
		return builder.set;
	tuple_set_free(builder.set);
	return NULL;
}
