/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes as people type and read them. */
#include "bytes.h"
#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOM 4u

static uint8_t out[ROOM];
static uint32_t length;
static char error[256];

static int take(const char *word)
{
	memset(out, 0xee, sizeof(out));
	length = 99;
	error[0] = '\0';
	return bytes_read(word, out, ROOM, &length, error, sizeof(error));
}

static void digits_are_bytes(void **state)
{
	(void)state;
	assert_int_equal(take("00Ff7a"), 0);
	assert_int_equal(length, 3);
	assert_memory_equal(out, "\x00\xff\x7a", 3);
	assert_int_equal(take(""), 0);
	assert_int_equal(length, 0);
	assert_int_equal(take("01020304"), 0);
	assert_int_equal(length, ROOM);
}

static void bad_digits_are_told_by_their_place(void **state)
{
	(void)state;
	assert_int_equal(take("0x01"), -EINVAL);
	assert_non_null(strstr(error, "character 2 is not"));
	assert_int_equal(take("012"), -EINVAL);
	assert_non_null(strstr(error, "left over"));
	assert_int_equal(take("0102030405"), -EINVAL);
	assert_non_null(strstr(error, "more bytes"));
}

/* A word that names a file of @p size bytes, each of them its place. */
static const char *file_of(size_t size)
{
	static char word[64];
	int fd;

	strcpy(word, "@/tmp/test_bytes.XXXXXX");
	fd = mkstemp(word + 1);
	assert_true(fd >= 0);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(write(fd, &(uint8_t){(uint8_t)i}, 1), 1);
	close(fd);
	return word;
}

static void a_file_is_taken_whole_or_not_at_all(void **state)
{
	const char *word = file_of(ROOM);

	(void)state;
	assert_int_equal(take(word), 0);
	assert_int_equal(length, ROOM);
	assert_memory_equal(out, "\0\1\2\3", ROOM);
	unlink(word + 1);
	assert_int_equal(take(word), -ENOENT);
	assert_non_null(strstr(error, word + 1));
	word = file_of(ROOM + 1);
	assert_int_equal(take(word), -EFBIG);
	assert_non_null(strstr(error, "more than the 4 bytes"));
	unlink(word + 1);
	assert_int_equal(take("@/"), -EIO);
}

static void what_is_printed_can_be_typed(void **state)
{
	char *hex = bytes_to_hex((const uint8_t *)"\x00\xff\x10", 3);

	(void)state;
	assert_string_equal(hex, "00ff10");
	assert_int_equal(take(hex), 0);
	assert_memory_equal(out, "\x00\xff\x10", 3);
	free(hex);
	hex = bytes_to_hex(NULL, 0);
	assert_string_equal(hex, "");
	free(hex);
}

static void a_dump_shows_digits_and_text(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	(void)state;
	bytes_dump((const uint8_t *)"0123456789abcdef\x01z", 18, file);
	fclose(file);
	assert_string_equal(text, "000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef\n"
				  "000010  01 7a                                            .z\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_are_bytes),
		cmocka_unit_test(bad_digits_are_told_by_their_place),
		cmocka_unit_test(a_file_is_taken_whole_or_not_at_all),
		cmocka_unit_test(what_is_printed_can_be_typed),
		cmocka_unit_test(a_dump_shows_digits_and_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
