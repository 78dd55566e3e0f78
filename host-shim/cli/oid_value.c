/* SPDX-License-Identifier: BSD-3-Clause */
#include "oid_value.h"

#include "mac.h"
#include "number.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAC_SIZE   6u
#define EMPTY_LIST "none"

static const struct oid_spec specs[] = {
#define X(name, number, type, settable, text) {number, #name, SLUICE_OID_##type, settable, text},
	SLUICE_OID_TABLE(X)
#undef X
};

#define SPEC_COUNT (sizeof(specs) / sizeof(specs[0]))

/* What each type is made of. X(type, word, bytes of an element, list, example) */
#define TYPE_TABLE(X)                                                                                                  \
	X(U16, "number", 2, false, "256")                                                                              \
	X(U32, "number", 4, false, "0x2b")                                                                             \
	X(COUNTER, "counter", 8, false, "1000")                                                                        \
	X(MAC, "mac", MAC_SIZE, false, "02:00:00:00:00:01")                                                            \
	X(MAC_LIST, "mac-list", MAC_SIZE, true, "01:00:5e:00:00:01,33:33:00:00:00:01")                                 \
	X(U32_LIST, "number-list", 4, true, "1,2,3")                                                                   \
	X(TEXT, "text", 1, true, "words")                                                                              \
	X(STATISTICS, "statistics", sizeof(struct sluice_oid_statistics), false, "")

static const struct {
	const char *word;
	size_t size;
	bool list;
	const char *example;
} types[] = {
#define X(type, word, size, list, example) [SLUICE_OID_##type] = {word, size, list, example},
	TYPE_TABLE(X)
#undef X
};

const struct oid_spec *oid_table(size_t *count)
{
	*count = SPEC_COUNT;
	return specs;
}

const struct oid_spec *oid_find_number(uint32_t oid)
{
	for (size_t i = 0; i < SPEC_COUNT; i++)
		if (specs[i].oid == oid)
			return &specs[i];
	return NULL;
}

static char fold(char c)
{
	return c == '-' ? '_' : (char)toupper((unsigned char)c);
}

static bool same_name(const char *name, const char *word)
{
	while (*name && *name == fold(*word)) {
		name++;
		word++;
	}
	return *name == '\0' && *word == '\0';
}

const struct oid_spec *oid_find(const char *word)
{
	bool prefixed = strncasecmp(word, "OID_", 4) == 0 || strncasecmp(word, "OID-", 4) == 0;
	uint64_t number;

	/* Names first: some, such as 802_3_CURRENT_ADDRESS, begin like numbers. */
	for (size_t i = 0; i < SPEC_COUNT; i++)
		if (same_name(specs[i].name, prefixed ? word + 4 : word))
			return &specs[i];
	return number_parse(word, UINT32_MAX, &number) ? oid_find_number((uint32_t)number) : NULL;
}

const char *oid_type_word(enum sluice_oid_type type)
{
	return types[type].word;
}

const char *oid_value_example(enum sluice_oid_type type)
{
	return types[type].example;
}

static uint64_t read_number(const uint8_t *bytes, size_t size)
{
	uint64_t number = 0;

	memcpy(&number, bytes, size); /* little-endian, as this machine is */
	return number;
}

bool oid_value_number(enum sluice_oid_type type, const uint8_t *value, size_t length, uint64_t *number)
{
	bool short_counter = type == SLUICE_OID_COUNTER && length == 4;

	if (type != SLUICE_OID_U16 && type != SLUICE_OID_U32 && type != SLUICE_OID_COUNTER)
		return false;
	if (length != types[type].size && !short_counter)
		return false;
	*number = read_number(value, length);
	return true;
}

static bool is_mac(enum sluice_oid_type type)
{
	return type == SLUICE_OID_MAC || type == SLUICE_OID_MAC_LIST;
}

static bool has_right_length(enum sluice_oid_type type, size_t length)
{
	if (type == SLUICE_OID_COUNTER && length == 4)
		return true;
	return types[type].list ? length % types[type].size == 0 : length == types[type].size;
}

static void write_hex(const uint8_t *value, size_t length, FILE *out)
{
	for (size_t i = 0; i < length; i++)
		fprintf(out, "%s%02x", i ? " " : "", value[i]);
}

static void write_elements(enum sluice_oid_type type, const uint8_t *value, size_t length, FILE *out)
{
	size_t size = type == SLUICE_OID_COUNTER ? length : types[type].size;
	char mac[MAC_TEXT_SIZE];

	for (size_t at = 0; at < length; at += size) {
		if (at > 0)
			fputc(',', out);
		if (is_mac(type))
			fputs(mac_format(value + at, mac), out);
		else if (type == SLUICE_OID_U32_LIST)
			fprintf(out, "0x%08x", (unsigned)read_number(value + at, size));
		else
			fprintf(out, "%llu", (unsigned long long)read_number(value + at, size));
	}
}

/* All in one line, so that it fits a cell; what the driver does not know is "-". */
static void write_statistics(const uint8_t *value, FILE *out)
{
	struct sluice_oid_statistics s;
	const char *space = "";

	memcpy(&s, value, sizeof(s));
#define X(member, word, text)                                                                                          \
	if (s.valid & 1ull << SLUICE_STATISTIC_##member)                                                               \
		fprintf(out, "%s%s=%llu", space, word, (unsigned long long)s.member);                                  \
	else                                                                                                           \
		fprintf(out, "%s%s=-", space, word);                                                                   \
	space = " ";
	SLUICE_STATISTICS_TABLE(X)
#undef X
}

static void write_value(enum sluice_oid_type type, const uint8_t *value, size_t length, FILE *out)
{
	if (type == SLUICE_OID_TEXT)
		fwrite(value, 1, strnlen((const char *)value, length), out);
	else if (types[type].list && length == 0)
		fputs(EMPTY_LIST, out);
	else if (type == SLUICE_OID_STATISTICS && has_right_length(type, length))
		write_statistics(value, out);
	else if (has_right_length(type, length))
		write_elements(type, value, length, out);
	else
		write_hex(value, length, out);
}

/* Closes what open_memstream made. @return the text, or NULL when out of memory. */
static char *finish(FILE *out, char **text)
{
	bool failed = ferror(out);

	if (fclose(out) == 0 && !failed)
		return *text;
	free(*text);
	return NULL;
}

char *oid_value_text(enum sluice_oid_type type, const uint8_t *value, size_t length)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	write_value(type, value, length, out);
	return finish(out, &text);
}

char *oid_value_hex(const uint8_t *value, size_t length)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	write_hex(value, length, out);
	return finish(out, &text);
}

static bool parse_mac(const char *text, uint8_t mac[MAC_SIZE])
{
	for (size_t i = 0; i < MAC_SIZE; i++, text += 3) {
		char digits[3] = {text[0], text[0] ? text[1] : '\0', '\0'};

		if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1]))
			return false;
		if (text[2] != (i + 1 < MAC_SIZE ? ':' : '\0'))
			return false;
		mac[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return true;
}

static bool parse_element(enum sluice_oid_type type, const char *text, uint8_t *out)
{
	size_t size = types[type].size;
	uint64_t number;

	if (is_mac(type))
		return parse_mac(text, out);
	if (!number_parse(text, size == 8 ? UINT64_MAX : (1ull << (8 * size)) - 1, &number))
		return false;
	memcpy(out, &number, size);
	return true;
}

static int refuse(char *error, size_t error_size, const char *part, enum sluice_oid_type type)
{
	const char *what = is_mac(type) ? "MAC address" : "number";

	snprintf(error, error_size, "\"%.80s\" is not a %s%s", part, what,
		 is_mac(type) ? "" : (type == SLUICE_OID_U16 ? " of 0 to 65535" : " that fits"));
	return -EINVAL;
}

static int too_long(char *error, size_t error_size, size_t capacity)
{
	snprintf(error, error_size, "the value is longer than %zu bytes", capacity);
	return -EINVAL;
}

/* @p list is cut at its commas. */
static int parse_list(enum sluice_oid_type type, char *list, uint8_t *value, size_t capacity, size_t *length,
		      char *error, size_t error_size)
{
	char *part;

	for (*length = 0; (part = strsep(&list, ",")); *length += types[type].size) {
		if (capacity - *length < types[type].size)
			return too_long(error, error_size, capacity);
		if (!parse_element(type, part, value + *length))
			return refuse(error, error_size, part, type);
	}
	return 0;
}

static int parse_text(const char *text, uint8_t *value, size_t capacity, size_t *length, char *error, size_t error_size)
{
	*length = strlen(text);
	if (*length > capacity)
		return too_long(error, error_size, capacity);
	memcpy(value, text, *length);
	return 0;
}

int oid_value_parse(enum sluice_oid_type type, const char *text, uint8_t *value, size_t capacity, size_t *length,
		    char *error, size_t error_size)
{
	char *copy;
	int result;

	*length = 0;
	if (type == SLUICE_OID_STATISTICS) {
		snprintf(error, error_size, "statistics are read, and not set");
		return -EINVAL;
	}
	if (type == SLUICE_OID_TEXT)
		return parse_text(text, value, capacity, length, error, error_size);
	if (types[type].list && (text[0] == '\0' || strcmp(text, EMPTY_LIST) == 0))
		return 0;
	copy = strdup(text);
	if (!copy) {
		snprintf(error, error_size, "out of memory");
		return -ENOMEM;
	}
	if (types[type].list)
		result = parse_list(type, copy, value, capacity, length, error, error_size);
	else if (capacity < types[type].size)
		result = too_long(error, error_size, capacity);
	else
		result = parse_element(type, copy, value) ? 0 : refuse(error, error_size, copy, type);
	if (result == 0 && !types[type].list)
		*length = types[type].size;
	free(copy);
	return result;
}
