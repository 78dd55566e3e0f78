/* SPDX-License-Identifier: BSD-3-Clause */
/* Values that documents and one-line rules write in the same way. */
#ifndef SLUICE_POLICY_VALUE_H
#define SLUICE_POLICY_VALUE_H

#include "abi/policy.h"

#include <stdbool.h>

#define VALUE_PREFIX_SIZE 64u /* "ffff:...:ffff/128" */
#define VALUE_MAC_SIZE	  18u
#define VALUE_FLAGS_SIZE  40u

/**
 * Reads `10.0.0.0/8`. Bits beyond the prefix are left for policy_check_rule to find.
 *
 * @param family 4 or 6; addr of family 4 is in the first 4 bytes
 * @param prefix 32 or 128 where the text has no length
 * @return NULL, or what is wrong with the text, in words that go on after it
 */
const char *value_read_prefix(const char *text, uint8_t family, uint8_t addr[16], uint8_t *prefix);
void value_write_prefix(const uint8_t addr[16], uint8_t family, uint8_t prefix, char out[VALUE_PREFIX_SIZE]);

/** Reads `02:00:00:00:00:01`. */
bool value_read_mac(const char *text, uint8_t mac[6]);
void value_write_mac(const uint8_t mac[6], char out[VALUE_MAC_SIZE]);

/** Reads TCP flags such as `syn,ack`, with @p separator between them; no flags are the empty text. */
bool value_read_flags(const char *text, char separator, uint8_t *flags);
void value_write_flags(uint8_t flags, char separator, char out[VALUE_FLAGS_SIZE]);

/** Reads a decimal number of at most @p most, nothing else around it. */
bool value_read_number(const char *text, uint32_t most, uint32_t *number);

/** Reads `0x86dd`, up to 4 digits. */
bool value_read_hex(const char *text, uint16_t *number);

/** Reads a name as it is stored, NUL padded; false where it is not a valid one. */
bool value_read_name(const char *text, char name[SLUICE_NAME_SIZE]);

/** How far apart two words are: how many characters must be inserted, deleted or exchanged. */
unsigned value_distance(const char *a, const char *b);

/** Whether @p distance is small enough for @p word to be a slip of the keyboard. */
bool value_is_near(unsigned distance, const char *word);

/** Replaces what could confuse a terminal by `?`: what people did not write themselves is shown to them. */
void value_make_printable(char *text);

#endif
