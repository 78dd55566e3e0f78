/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes as people type and read them. */
#ifndef SLUICE_CLI_BYTES_H
#define SLUICE_CLI_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/**
 * Reads hexadecimal digits, two for each byte, or with a @ before it the file of that name (@- is the standard input).
 *
 * @param most  room at @p out; a word or a file that holds more is refused
 * @param error gets what is wrong, in one line
 * @return 0, or -errno with @p error filled in
 */
int bytes_read(const char *word, uint8_t *out, size_t most, uint32_t *length, char *error, size_t error_size);

/** Two digits for each byte, for free(); NULL when out of memory. */
char *bytes_to_hex(const uint8_t *bytes, size_t length);

/** Prints 16 bytes a line: offset, digits, and what of it is text. */
void bytes_dump(const uint8_t *bytes, size_t length, FILE *out);

#endif
