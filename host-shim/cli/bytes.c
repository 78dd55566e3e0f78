/* SPDX-License-Identifier: BSD-3-Clause */
#include "bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PER_LINE 16u

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int read_digits(const char *word, uint8_t *out, size_t most, uint32_t *length, char *error, size_t error_size)
{
	size_t digits = strlen(word);

	for (size_t i = 0; i < digits; i++) {
		if (digit(word[i]) >= 0)
			continue;
		snprintf(error, error_size, "\"%.64s\": character %zu is not a hexadecimal digit", word, i + 1);
		return -EINVAL;
	}
	if (digits % 2 != 0 || digits / 2 > most) {
		snprintf(error, error_size,
			 digits % 2 != 0 ? "\"%.64s\": a byte is two hexadecimal digits, and one is left over"
					 : "%.16s...: more bytes than a call takes",
			 word);
		return -EINVAL;
	}
	for (size_t i = 0; i < digits; i += 2)
		out[i / 2] = (uint8_t)(digit(word[i]) << 4 | digit(word[i + 1]));
	*length = (uint32_t)(digits / 2);
	return 0;
}

static int read_stream(FILE *file, const char *name, uint8_t *out, size_t most, uint32_t *length, char *error,
		       size_t error_size)
{
	size_t taken = fread(out, 1, most, file);

	*length = (uint32_t)taken;
	if (ferror(file)) {
		snprintf(error, error_size, "%.128s: %s", name, strerror(errno));
		return -EIO;
	}
	if (taken < most || fgetc(file) == EOF)
		return 0;
	snprintf(error, error_size, "%.128s: more than the %zu bytes that a call takes", name, most);
	return -EFBIG;
}

int bytes_read(const char *word, uint8_t *out, size_t most, uint32_t *length, char *error, size_t error_size)
{
	FILE *file;
	int code;

	if (word[0] != '@')
		return read_digits(word, out, most, length, error, error_size);
	if (strcmp(word, "@-") == 0)
		return read_stream(stdin, "<stdin>", out, most, length, error, error_size);
	file = fopen(word + 1, "rb");
	if (!file) {
		code = -errno;
		snprintf(error, error_size, "%.128s: %s", word + 1, strerror(errno));
		return code;
	}
	code = read_stream(file, word + 1, out, most, length, error, error_size);
	fclose(file);
	return code;
}

char *bytes_to_hex(const uint8_t *bytes, size_t length)
{
	char *text = malloc(2 * length + 1);

	for (size_t i = 0; text && i < length; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	if (text)
		text[2 * length] = '\0';
	return text;
}

static void dump_line(const uint8_t *bytes, size_t at, size_t count, FILE *out)
{
	fprintf(out, "%06zx ", at);
	for (size_t i = 0; i < PER_LINE; i++) {
		if (i < count)
			fprintf(out, " %02x", bytes[at + i]);
		else
			fputs("   ", out);
	}
	fputs("  ", out);
	for (size_t i = 0; i < count; i++)
		fputc(bytes[at + i] >= ' ' && bytes[at + i] <= '~' ? bytes[at + i] : '.', out);
	fputc('\n', out);
}

void bytes_dump(const uint8_t *bytes, size_t length, FILE *out)
{
	for (size_t at = 0; at < length; at += PER_LINE)
		dump_line(bytes, at, length - at < PER_LINE ? length - at : PER_LINE, out);
}
