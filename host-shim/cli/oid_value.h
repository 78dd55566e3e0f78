/* SPDX-License-Identifier: BSD-3-Clause */
/* OIDs by name or number, and their values as text: what one function writes the other reads. */
#ifndef SLUICE_CLI_OID_VALUE_H
#define SLUICE_CLI_OID_VALUE_H

#include "abi/oid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oid_spec {
	uint32_t oid;
	const char *name; /* GEN_LINK_SPEED */
	enum sluice_oid_type type;
	bool settable;
	const char *text;
};

/** All OIDs of abi/oid.h; @p count gets how many. */
const struct oid_spec *oid_table(size_t *count);

/** The OID that @p word names: with or without OID_, in either case, `-` for `_`, or by its number. NULL for none. */
const struct oid_spec *oid_find(const char *word);

/** The same by number. */
const struct oid_spec *oid_find_number(uint32_t oid);

/** Word for a type, such as "number". */
const char *oid_type_word(enum sluice_oid_type type);

/** A value of @p type that oid_value_parse() takes. */
const char *oid_value_example(enum sluice_oid_type type);

/** Whether the value is one number: then it is in @p number. */
bool oid_value_number(enum sluice_oid_type type, const uint8_t *value, size_t length, uint64_t *number);

/**
 * The value as text: numbers and addresses separated by commas, an empty list as "none", text as it is,
 * and what does not have the length of its type as hexadecimal bytes.
 *
 * @return text for free(); NULL when out of memory
 */
char *oid_value_text(enum sluice_oid_type type, const uint8_t *value, size_t length);

/** The value as hexadecimal bytes: of an OID whose type is not known. @return as oid_value_text(). */
char *oid_value_hex(const uint8_t *value, size_t length);

/**
 * Reads a value as people type it. An empty list is "" or "none".
 *
 * @param[out] value  *length bytes of at most @p capacity
 * @param error       which part is wrong
 * @return 0, -EINVAL or -ENOMEM with @p error filled in
 */
int oid_value_parse(enum sluice_oid_type type, const char *text, uint8_t *value, size_t capacity, size_t *length,
		    char *error, size_t error_size);

#endif
