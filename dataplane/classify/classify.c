/* SPDX-License-Identifier: BSD-3-Clause */
#include "classify/classify.h"

#include "classify/tuple.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static_assert(CLASSIFY_NO_MATCH == TUPLE_NONE, "ranks are handed on as they are");

/* Rules that end the judging and rules that only count are asked differently, and kept apart. */
struct classifier {
	struct tuple_set *verdicts;
	struct tuple_set *counts;
};

/* Compile the rules that count, or those that do not, to @p matches. @return how many, or -EINVAL. */
static int64_t compile(const struct sluice_rule *const *rules, uint32_t count, bool counting, struct match *matches)
{
	uint32_t compiled = 0;

	for (uint32_t rank = 0; rank < count; rank++) {
		if ((rules[rank]->action == SLUICE_COUNT) != counting)
			continue;
		if (match_compile(rules[rank], &matches[compiled]) != 0)
			return -EINVAL;
		matches[compiled++].rank = rank;
	}
	return compiled;
}

/* @p matches is room for as many as there are rules. */
static int build_set(const struct sluice_rule *const *rules, uint32_t count, bool counting, struct match *matches,
		     struct tuple_set **set)
{
	int64_t compiled = compile(rules, count, counting, matches);

	if (compiled < 0)
		return (int)compiled;
	*set = tuple_set_build(matches, (uint32_t)compiled, CLASSIFY_MAX_TUPLES);
	return *set != NULL ? 0 : -ENOMEM;
}

static int build_sets(struct classifier *classifier, const struct sluice_rule *const *rules, uint32_t count)
{
	struct match *matches = calloc((size_t)count + 1, sizeof(*matches));
	int result;

	if (matches == NULL)
		return -ENOMEM;
	result = build_set(rules, count, false, matches, &classifier->verdicts);
	if (result == 0)
		result = build_set(rules, count, true, matches, &classifier->counts);
	free(matches);
	return result;
}

int classify_build(const struct sluice_rule *const *rules, uint32_t count, struct classifier **out)
{
	struct classifier *classifier = calloc(1, sizeof(*classifier));
	int result;

	if (classifier == NULL)
		return -ENOMEM;
	result = build_sets(classifier, rules, count);
	if (result == 0)
		*out = classifier;
	else
		classify_free(classifier);
	return result;
}

void classify_free(struct classifier *classifier)
{
	if (classifier == NULL)
		return;
	tuple_set_free(classifier->verdicts);
	tuple_set_free(classifier->counts);
	free(classifier);
}

void classify_burst(const struct classifier *classifier, const struct packet_key *keys, uint16_t count,
		    uint32_t *verdicts)
{
	tuple_set_burst(classifier->verdicts, keys, count, verdicts);
}

bool classify_has_counts(const struct classifier *classifier)
{
	return classifier->counts->match_count > 0;
}

uint32_t classify_next_count(const struct classifier *classifier, const struct packet_key *key, uint32_t from,
			     uint32_t before)
{
	return tuple_set_next(classifier->counts, key, from, before);
}

size_t classify_memory(const struct classifier *classifier)
{
	return sizeof(*classifier) + classifier->verdicts->bytes + classifier->counts->bytes;
}
