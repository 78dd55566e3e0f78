/* SPDX-License-Identifier: BSD-3-Clause */
/* How far a mistyped word is from the right one. */
#ifndef SLUICE_CLI_NEAREST_H
#define SLUICE_CLI_NEAREST_H

#include <stddef.h>

/** A word at a greater distance is another word. */
#define NEAREST_LIMIT 2u

/**
 * Characters to insert, delete, change or swap with their neighbour to make @p right of @p typed. Words of
 * more than 31 characters are far from everything.
 */
size_t nearest_distance(const char *typed, const char *right);

#endif
