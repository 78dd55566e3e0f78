/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy/reader.h"

#include "policy/value.h"

#include <errno.h>
#include <string.h>

int reader_refuse(struct reader *r, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	policy_error_set_v(r->err, format, arguments);
	va_end(arguments);
	policy_error_locate(r->err, &r->place, PLACE_VALUE, r->text, r->length);
	return -EINVAL;
}

int reader_refuse_missing(struct reader *r, const char *member)
{
	struct place missing = r->place;

	reader_refuse(r, "member \"%s\" is missing", member);
	place_enter_member(&missing, member);
	policy_error_set_example(r->err, place_example(&missing));
	return -EINVAL;
}

static const char *type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "a number";
	case JSON_REAL:
		return "a number with a fraction";
	case JSON_NULL:
		return "null";
	default:
		return "true or false";
	}
}

static const struct member *find_member(struct members members, const char *name)
{
	for (size_t i = 0; i < members.count; i++)
		if (strcmp(members.list[i].name, name) == 0)
			return &members.list[i];
	return NULL;
}

/* Forgetting the module's name is the commonest slip of all, so it is no distance. */
static unsigned distance(const char *known, const char *name)
{
	const char *colon = strchr(known, ':');
	unsigned whole = value_distance(known, name);
	unsigned bare = colon == NULL ? whole : value_distance(colon + 1, name);

	return bare < whole ? bare : whole;
}

static const char *nearest(struct members members, const char *name)
{
	const char *best = NULL;
	unsigned least = ~0u;

	for (size_t i = 0; i < members.count; i++) {
		unsigned apart = distance(members.list[i].name, name);

		if (apart < least && value_is_near(apart, name)) {
			least = apart;
			best = members.list[i].name;
		}
	}
	return best;
}

static void list_members(struct members members, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < members.count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "", members.list[i].name);
}

static int refuse_unknown(struct reader *r, struct members members, const char *name)
{
	const char *meant = nearest(members, name);
	char known[300];

	list_members(members, known, sizeof(known));
	if (meant != NULL)
		policy_error_set(r->err, "unknown member \"%.64s\"; did you mean \"%s\"?", name, meant);
	else
		policy_error_set(r->err, "unknown member \"%.64s\"; known here: %s", name, known);
	place_enter_member(&r->place, name);
	policy_error_locate(r->err, &r->place, PLACE_NAME, r->text, r->length);
	place_leave(&r->place);

	place_enter_member(&r->place, meant != NULL ? meant : members.list[0].name);
	policy_error_set_example(r->err, place_example(&r->place));
	place_leave(&r->place);
	return -EINVAL;
}

static int read_member(struct reader *r, const json_t *object, const struct member *member, void *record)
{
	const json_t *value = json_object_get(object, member->name);
	int rc;

	if (value == NULL)
		return member->required ? reader_refuse_missing(r, member->name) : 0;
	place_enter_member(&r->place, member->name);
	rc = member->read(r, value, record);
	place_leave(&r->place);
	return rc;
}

int reader_object(struct reader *r, const json_t *value, struct members members, void *record)
{
	const char *name;
	json_t *unused;

	if (!json_is_object(value))
		return reader_refuse(r, "expected an object, found %s", type_name(value));
	json_object_foreach ((json_t *)value, name, unused) {
		if (find_member(members, name) == NULL)
			return refuse_unknown(r, members, name);
	}
	for (size_t i = 0; i < members.count; i++)
		if (read_member(r, value, &members.list[i], record) != 0)
			return -EINVAL;
	return 0;
}

int reader_list(struct reader *r, const json_t *value, read_fn *read_item, void *record)
{
	int rc = 0;

	if (!json_is_array(value))
		return reader_refuse(r, "expected a list, found %s", type_name(value));
	for (size_t i = 0; i < json_array_size(value) && rc == 0; i++) {
		place_enter_item(&r->place, i);
		rc = read_item(r, json_array_get(value, i), record);
		place_leave(&r->place);
	}
	return rc;
}

size_t reader_item(const struct reader *r)
{
	unsigned depth = r->place.depth;

	while (depth > 0 && r->place.steps[depth - 1].member != NULL)
		depth--;
	return depth > 0 ? r->place.steps[depth - 1].item : 0;
}

int reader_number(struct reader *r, const json_t *value, uint32_t least, uint32_t most, uint32_t *number)
{
	json_int_t integer = json_integer_value(value);

	if (!json_is_integer(value))
		return reader_refuse(r, "expected a number from %u to %u, found %s", least, most, type_name(value));
	if (integer < least || integer > most)
		return reader_refuse(r, "%" JSON_INTEGER_FORMAT " is not a number from %u to %u", integer, least, most);
	*number = (uint32_t)integer;
	return 0;
}

int reader_string(struct reader *r, const json_t *value, const char **string)
{
	if (!json_is_string(value))
		return reader_refuse(r, "expected a string, found %s", type_name(value));
	*string = json_string_value(value);
	return 0;
}

int reader_name(struct reader *r, const json_t *value, char *name)
{
	const char *string = "";

	if (reader_string(r, value, &string) != 0)
		return -EINVAL;
	if (!value_read_name(string, name))
		return reader_refuse(r, "\"%.64s\" is not a name: 1 to 31 of A-Z a-z 0-9 _ . -", string);
	return 0;
}

int reader_skip(struct reader *r, const json_t *value, void *record)
{
	(void)r;
	(void)value;
	(void)record;
	return 0;
}
