/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy/place.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

void place_enter_member(struct place *place, const char *member)
{
	assert(place->depth < PLACE_DEPTH_MOST); /* documents are read by tables of members: their depth is known */
	place->steps[place->depth++] = (struct place_step){.member = member};
}

void place_enter_item(struct place *place, size_t item)
{
	assert(place->depth < PLACE_DEPTH_MOST);
	place->steps[place->depth++] = (struct place_step){.item = item};
}

void place_leave(struct place *place)
{
	place->depth--;
}

void place_print(const struct place *place, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < place->depth && used < size; i++) {
		const struct place_step *step = &place->steps[i];

		if (step->member != NULL)
			used += (size_t)snprintf(out + used, size - used, "/%s", step->member);
		else
			used += (size_t)snprintf(out + used, size - used, "[%zu]", step->item);
	}
}

struct scan {
	const char *at, *end;
};

static char peek(const struct scan *s)
{
	return s->at < s->end ? *s->at : '\0';
}

static void skip_blanks(struct scan *s)
{
	while (s->at < s->end && strchr(" \t\r\n", *s->at) != NULL)
		s->at++;
}

static void skip_string(struct scan *s)
{
	for (s->at++; s->at < s->end && *s->at != '"'; s->at++)
		if (*s->at == '\\')
			s->at++;
	if (s->at < s->end)
		s->at++;
	else
		s->at = s->end;
}

static void skip_value(struct scan *s)
{
	unsigned depth = 0;

	do {
		char c = peek(s);

		if (c == '"') {
			skip_string(s);
		} else {
			if (c == '{' || c == '[')
				depth++;
			else if (c == '}' || c == ']')
				depth--;
			s->at++;
		}
		/* A number, true, false or null ends where something else begins. */
	} while (s->at < s->end && (depth > 0 || strchr(",]} \t\r\n", *s->at) == NULL));
}

/* Names may be written with escapes, which the JSON library decodes. */
static bool is_string(const char *begin, const char *end, const char *string)
{
	json_t *value = json_loadb(begin, (size_t)(end - begin), JSON_DECODE_ANY, NULL);
	bool equal = json_is_string(value) && strcmp(json_string_value(value), string) == 0;

	json_decref(value);
	return equal;
}

/* Goes on to the next member or item; false at the end. */
static bool skip_comma(struct scan *s)
{
	skip_blanks(s);
	if (peek(s) != ',')
		return false;
	s->at++;
	skip_blanks(s);
	return true;
}

static bool find_member(struct scan *s, const char *member, const char **name)
{
	if (peek(s) != '{')
		return false;
	s->at++;
	skip_blanks(s);
	if (peek(s) != '"')
		return false;
	do {
		const char *end;

		*name = s->at;
		skip_string(s);
		end = s->at;
		skip_blanks(s);
		s->at++; /* the colon */
		skip_blanks(s);
		if (is_string(*name, end, member))
			return true;
		skip_value(s);
	} while (skip_comma(s));
	return false;
}

static bool find_item(struct scan *s, size_t item)
{
	if (peek(s) != '[')
		return false;
	s->at++;
	skip_blanks(s);
	if (peek(s) == ']')
		return false;
	for (; item > 0; item--) {
		skip_value(s);
		if (!skip_comma(s))
			return false;
	}
	return true;
}

static void count_lines(const char *text, const char *to, unsigned *line, unsigned *column)
{
	*line = 1;
	*column = 1;
	for (; text < to; text++) {
		if (*text == '\n') {
			(*line)++;
			*column = 1;
		} else if (((unsigned char)*text & 0xc0) != 0x80) { /* not inside of a character */
			(*column)++;
		}
	}
}

bool place_find(const struct place *place, enum place_part part, const char *text, size_t length, unsigned *line,
		unsigned *column)
{
	struct scan s = {.at = text, .end = text + length};
	const char *name = text;

	skip_blanks(&s);
	for (unsigned i = 0; i < place->depth; i++) {
		const struct place_step *step = &place->steps[i];

		if (step->member != NULL ? !find_member(&s, step->member, &name) : !find_item(&s, step->item))
			return false;
	}
	count_lines(text, part == PLACE_NAME ? name : s.at, line, column);
	return true;
}
