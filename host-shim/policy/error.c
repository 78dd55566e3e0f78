/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy/error.h"

#include "policy/value.h"

#include <string.h>

void policy_error_print(const struct policy_error *error, const char *file, FILE *out)
{
	fprintf(out, "%s:", file);
	if (error->line > 0)
		fprintf(out, "%u:%u:", error->line, error->column);
	if (error->path[0] != '\0')
		fprintf(out, " %s:", error->path);
	fprintf(out, " %s\n", error->message);
	if (error->example[0] != '\0')
		fprintf(out, "  example: %s\n", error->example);
}

void policy_error_set_v(struct policy_error *err, const char *format, va_list arguments)
{
	memset(err, 0, sizeof(*err));
	vsnprintf(err->message, sizeof(err->message), format, arguments);
	value_make_printable(err->message);
}

void policy_error_set(struct policy_error *err, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	policy_error_set_v(err, format, arguments);
	va_end(arguments);
}

void policy_error_set_example(struct policy_error *err, const char *example)
{
	if (example != NULL)
		snprintf(err->example, sizeof(err->example), "%s", example);
}

void policy_error_locate(struct policy_error *err, const struct place *place, enum place_part part, const char *text,
			 size_t length)
{
	place_print(place, err->path, sizeof(err->path));
	value_make_printable(err->path);
	if (!place_find(place, part, text, length, &err->line, &err->column))
		err->line = err->column = 0;
	policy_error_set_example(err, place_example(place));
}
