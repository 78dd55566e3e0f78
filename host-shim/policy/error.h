/* SPDX-License-Identifier: BSD-3-Clause */
/* Filling in a struct policy_error. */
#ifndef SLUICE_POLICY_ERROR_H
#define SLUICE_POLICY_ERROR_H

#include "policy/place.h"
#include "policy/policy.h"

#include <stdarg.h>

/** An error of the document or file as a whole: empties @p err and sets its message. */
void policy_error_set(struct policy_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
void policy_error_set_v(struct policy_error *err, const char *format, va_list arguments);

/** Adds line, column, path and example of @p place to an error that has its message. */
void policy_error_locate(struct policy_error *err, const struct place *place, enum place_part part, const char *text,
			 size_t length);

/** Sets the example, unless @p example is NULL. */
void policy_error_set_example(struct policy_error *err, const char *example);

#endif
