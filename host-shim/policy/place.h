/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Places in a document: the way from its root to a member, how people read it, and where in the text it is.
 * A JSON library forgets where its values came from, so the text is searched again, when there is an error to report.
 */
#ifndef SLUICE_POLICY_PLACE_H
#define SLUICE_POLICY_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#define PLACE_DEPTH_MOST 16u

struct place_step {
	const char *member; /* its name; NULL: an item of a list */
	size_t item;
};

struct place {
	struct place_step steps[PLACE_DEPTH_MOST];
	unsigned depth;
};

/* What of a member to point at: its name where that is wrong. */
enum place_part { PLACE_VALUE, PLACE_NAME };

void place_enter_member(struct place *place, const char *member);
void place_enter_item(struct place *place, size_t item);
void place_leave(struct place *place);

/** Writes `/member/list[3]/member`, cut at @p size. */
void place_print(const struct place *place, char *out, size_t size);

/**
 * Finds @p place in @p text, which is valid JSON.
 *
 * @param line, column counted from 1; the column in characters
 * @return false where the document has no such member
 */
bool place_find(const struct place *place, enum place_part part, const char *text, size_t length, unsigned *line,
		unsigned *column);

/** An example of a right member at @p place; NULL where there is none. */
const char *place_example(const struct place *place);

#endif
