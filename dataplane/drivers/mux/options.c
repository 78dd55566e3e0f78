/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCAL	 0x02u
#define VLAN_MAX 4094u

/* ---- Values -------------------------------------------------------------------------------------- */

static bool read_vlan(const char *text, struct mux_options *options)
{
	char *end;
	unsigned long value;

	if (!isdigit((unsigned char)text[0]) || options->vlan != 0)
		return false;
	value = strtoul(text, &end, 10);
	if (*end != '\0' || value == 0 || value > VLAN_MAX)
		return false;
	options->vlan = (uint16_t)value;
	return true;
}

static bool read_byte(const char *text, uint8_t *byte)
{
	if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]))
		return false;
	*byte = (uint8_t)strtoul((const char[]){text[0], text[1], '\0'}, NULL, 16);
	return true;
}

/* Of one station: neither a group's nor nobody's. */
static bool read_address(const char *text, struct mux_options *options)
{
	static const uint8_t nobody[IM_ADDRESS_SIZE];

	if (options->has_address || strlen(text) != 3 * IM_ADDRESS_SIZE - 1)
		return false;
	for (uint32_t i = 0; i < IM_ADDRESS_SIZE; i++)
		if (!read_byte(text + 3 * i, &options->address[i]) ||
		    (i + 1 < IM_ADDRESS_SIZE && text[3 * i + 2] != ':'))
			return false;
	options->has_address = true;
	return (options->address[0] & 1) == 0 && memcmp(options->address, nobody, sizeof(nobody)) != 0;
}

/* ---- The text ------------------------------------------------------------------------------------ */

static const struct {
	const char *key;
	bool (*read)(const char *text, struct mux_options *options);
} keys[] = {
	{"vlan=", read_vlan},
	{"mac=", read_address},
};

static bool read_one(const char *word, struct mux_options *options)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t length = strlen(keys[i].key);

		if (strncmp(word, keys[i].key, length) == 0)
			return keys[i].read(word + length, options);
	}
	return false;
}

bool mux_options_read(const char *text, struct mux_options *options)
{
	char word[32];

	memset(options, 0, sizeof(*options));
	if (text == NULL || text[0] == '\0')
		return true;
	for (;;) {
		size_t length = strcspn(text, ",");

		if (length >= sizeof(word))
			return false;
		memcpy(word, text, length);
		word[length] = '\0';
		if (!read_one(word, options))
			return false;
		if (text[length] == '\0')
			return true;
		text += length + 1;
	}
}

/* The number stands in the bits of the first byte that say nothing else; one more, so that it changes them. */
void mux_make_address(const uint8_t *below, uint32_t number, uint8_t *address)
{
	memcpy(address, below, IM_ADDRESS_SIZE);
	address[0] = (uint8_t)((address[0] ^ (number + 1) << 2) | LOCAL);
}
