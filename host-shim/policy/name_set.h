/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A set of names in an image, to find those that are used twice. The names are chosen by whoever sends the
 * image, so the hash has random keys: nobody can choose a million names that fall into one slot.
 */
#ifndef SLUICE_POLICY_NAME_SET_H
#define SLUICE_POLICY_NAME_SET_H

#include "abi/base.h"

#include <stdbool.h>

struct name_set {
	const uint8_t *image;
	uint32_t *slots; /* offset of a name in the image; 0: free */
	uint32_t mask;	 /* slots in use for this round, less one */
	uint64_t keys[SLUICE_NAME_SIZE / sizeof(uint32_t)];
};

/** Makes room for rounds of up to @p most names each. @return 0 or -ENOMEM */
int name_set_init(struct name_set *set, const void *image, uint32_t most);
void name_set_clear(struct name_set *set);

/** Forgets all names; up to @p count will be added. */
void name_set_begin(struct name_set *set, uint32_t count);

/** Adds the name at @p name in the image. @return false where it is there already */
bool name_set_add(struct name_set *set, const char *name);

#endif
