/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy/value.h"

#include "policy/policy.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MOST 64u /* longer words are near to nothing */

/* In the order in which RFC 8519 lists the bits. X(name, bit) */
#define TCP_FLAGS(X)                                                                                                   \
	X("cwr", 0x80)                                                                                                 \
	X("ece", 0x40)                                                                                                 \
	X("urg", 0x20)                                                                                                 \
	X("ack", 0x10)                                                                                                 \
	X("psh", 0x08)                                                                                                 \
	X("rst", 0x04)                                                                                                 \
	X("syn", 0x02)                                                                                                 \
	X("fin", 0x01)

static const struct {
	const char *name;
	uint8_t bit;
} tcp_flags[] = {
#define X(name, bit) {name, bit},
	TCP_FLAGS(X)
#undef X
};

bool value_read_number(const char *text, uint32_t most, uint32_t *number)
{
	uint64_t value = 0;

	if (*text == '\0' || strlen(text) > 10)
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (uint64_t)(*text - '0');
	}
	*number = (uint32_t)value;
	return value <= most;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool value_read_hex(const char *text, uint16_t *number)
{
	uint32_t value = 0;

	if (text[0] != '0' || (text[1] != 'x' && text[1] != 'X') || text[2] == '\0' || strlen(text) > 6)
		return false;
	for (text += 2; *text != '\0'; text++) {
		if (hex_digit(*text) < 0)
			return false;
		value = value * 16 + (uint32_t)hex_digit(*text);
	}
	*number = (uint16_t)value;
	return true;
}

const char *value_read_prefix(const char *text, uint8_t family, uint8_t addr[16], uint8_t *prefix)
{
	char host[VALUE_PREFIX_SIZE];
	const char *slash = strchrnul(text, '/');
	uint32_t most = family == 4 ? 32 : 128, length = most;

	if ((size_t)(slash - text) >= sizeof(host))
		return "is too long for an address";
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	memset(addr, 0, 16);
	if (inet_pton(family == 4 ? AF_INET : AF_INET6, host, addr) != 1)
		return family == 4 ? "is not an IPv4 address or prefix" : "is not an IPv6 address or prefix";
	if (*slash == '/' && !value_read_number(slash + 1, most, &length))
		return family == 4 ? "has a prefix length that is not a number from 0 to 32"
				   : "has a prefix length that is not a number from 0 to 128";
	*prefix = (uint8_t)length;
	return NULL;
}

void value_write_prefix(const uint8_t addr[16], uint8_t family, uint8_t prefix, char out[VALUE_PREFIX_SIZE])
{
	char host[INET6_ADDRSTRLEN];

	inet_ntop(family == 4 ? AF_INET : AF_INET6, addr, host, sizeof(host));
	snprintf(out, VALUE_PREFIX_SIZE, "%s/%u", host, prefix);
}

bool value_read_mac(const char *text, uint8_t mac[6])
{
	if (strlen(text) != VALUE_MAC_SIZE - 1)
		return false;
	for (unsigned i = 0; i < 6; i++, text += 3) {
		int high = hex_digit(text[0]), low = hex_digit(text[1]);

		if (high < 0 || low < 0 || text[2] != (i < 5 ? ':' : '\0'))
			return false;
		mac[i] = (uint8_t)(high * 16 + low);
	}
	return true;
}

void value_write_mac(const uint8_t mac[6], char out[VALUE_MAC_SIZE])
{
	snprintf(out, VALUE_MAC_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static uint8_t flag_of(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(tcp_flags) / sizeof(tcp_flags[0]); i++)
		if (strlen(tcp_flags[i].name) == length && strncmp(tcp_flags[i].name, name, length) == 0)
			return tcp_flags[i].bit;
	return 0;
}

bool value_read_flags(const char *text, char separator, uint8_t *flags)
{
	*flags = 0;
	if (*text == '\0')
		return true;
	for (;;) {
		const char *end = strchrnul(text, separator);
		uint8_t flag = flag_of(text, (size_t)(end - text));

		if (flag == 0 || (*flags & flag) != 0)
			return false;
		*flags |= flag;
		if (*end == '\0')
			return true;
		text = end + 1;
	}
}

void value_write_flags(uint8_t flags, char separator, char out[VALUE_FLAGS_SIZE])
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(tcp_flags) / sizeof(tcp_flags[0]); i++) {
		if ((flags & tcp_flags[i].bit) == 0)
			continue;
		if (used > 0)
			out[used++] = separator;
		strcpy(out + used, tcp_flags[i].name);
		used += strlen(tcp_flags[i].name);
	}
}

bool value_read_name(const char *text, char name[SLUICE_NAME_SIZE])
{
	size_t length = strlen(text);

	if (length >= SLUICE_NAME_SIZE)
		return false;
	memset(name, 0, SLUICE_NAME_SIZE);
	memcpy(name, text, length);
	return policy_name_is_valid(name, NULL);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Levenshtein's distance, with one row of his table at a time. */
unsigned value_distance(const char *a, const char *b)
{
	unsigned row[WORD_MOST + 1];
	size_t width = strlen(b);

	if (strlen(a) > WORD_MOST || width > WORD_MOST)
		return WORD_MOST;
	for (unsigned i = 0; i <= width; i++)
		row[i] = i;
	for (unsigned line = 1; *a != '\0'; a++, line++) {
		unsigned diagonal = row[0];

		row[0] = line;
		for (size_t i = 1; i <= width; i++) {
			unsigned exchanged = diagonal + (*a != b[i - 1]);

			diagonal = row[i];
			row[i] = least(exchanged, least(row[i], row[i - 1]) + 1);
		}
	}
	return row[width];
}

bool value_is_near(unsigned distance, const char *word)
{
	size_t length = strlen(word);

	return distance <= (length < 4 ? 1 : length < 9 ? 2 : 3);
}

void value_make_printable(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}
