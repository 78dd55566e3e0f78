/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy/name_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* At most half of the slots are taken, so that a search ends soon. */
static uint32_t slots_for(uint32_t count)
{
	uint32_t slots = 2;

	while (slots < 2 * count)
		slots *= 2;
	return slots;
}

static void choose_keys(struct name_set *set)
{
	/* Where a sandbox denies randomness these still spread honest names well. */
	static const uint64_t fallback[] = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb,
					    0xd6e8feb86659fd93, 0xa0761d6478bd642f, 0xe7037ed1a0b428db,
					    0x8ebc6af09c88c6e3, 0x589965cc75374cc3};

	static_assert(sizeof(fallback) == sizeof(set->keys), "one key for each word of a name");
	if (getentropy(set->keys, sizeof(set->keys)) != 0)
		memcpy(set->keys, fallback, sizeof(set->keys));
}

int name_set_init(struct name_set *set, const void *image, uint32_t most)
{
	set->image = image;
	set->mask = 0;
	set->slots = malloc(slots_for(most) * sizeof(*set->slots));
	if (set->slots == NULL)
		return -ENOMEM;
	choose_keys(set);
	return 0;
}

void name_set_clear(struct name_set *set)
{
	free(set->slots);
	set->slots = NULL;
}

void name_set_begin(struct name_set *set, uint32_t count)
{
	uint32_t slots = slots_for(count);

	memset(set->slots, 0, slots * sizeof(*set->slots));
	set->mask = slots - 1;
}

/* Multilinear hashing: the top half of a sum of products is universal for random keys. */
static uint32_t hash(const struct name_set *set, const char *name)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof(set->keys) / sizeof(set->keys[0]); i++) {
		uint32_t word;

		memcpy(&word, name + i * sizeof(word), sizeof(word));
		sum += set->keys[i] * word;
	}
	return (uint32_t)(sum >> 32);
}

bool name_set_add(struct name_set *set, const char *name)
{
	uint32_t slot = hash(set, name) & set->mask;

	while (set->slots[slot] != 0) {
		if (memcmp(set->image + set->slots[slot], name, SLUICE_NAME_SIZE) == 0)
			return false;
		slot = (slot + 1) & set->mask;
	}
	set->slots[slot] = (uint32_t)((const uint8_t *)name - set->image);
	return true;
}
