/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <getopt.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

#define WORDS_MAX 8

static char errors[2048];

/* Parses the words of @p line; what is said goes to errors. */
static int parse(struct options *options, const char *line)
{
	static char words[512]; /* options point into it */
	char *argv[WORDS_MAX + 2] = {(char *)"sluice-shim"};
	int argc = 1, saved = dup(2), status;
	FILE *file = tmpfile();

	strcpy(words, line);
	for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " "))
		argv[argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
	assert_non_null(file);
	dup2(fileno(file), 2);
	optind = 0;
	status = options_parse(options, argc, argv);
	fflush(stderr);
	dup2(saved, 2);
	close(saved);
	rewind(file);
	errors[fread(errors, 1, sizeof(errors) - 1, file)] = '\0';
	fclose(file);
	return status;
}

static void test_defaults(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse(&options, "--port host0"), -1);
	assert_string_equal(errors, "");
	assert_string_equal(options.port, "host0");
	assert_string_equal(options.runtime_dir, "/run/sluice");
	assert_string_equal(options.name, "sluice0");
	assert_int_equal(options.queues, 1);
	assert_int_equal(options.entries, 1024);
	assert_int_equal(options.offloads, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN);
	assert_true(options.large_receives);
	assert_false(options.persist);
}

static void test_all_of_them(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse(&options, "--port p --runtime-dir /x --name n1 --queues 16"), -1);
	assert_string_equal(options.runtime_dir, "/x");
	assert_string_equal(options.name, "n1");
	assert_int_equal(options.queues, 16);
	assert_int_equal(parse(&options, "--port p --entries 64 --persist --offloads tso4,csum,tso6,ecn"), -1);
	assert_int_equal(options.entries, 64);
	assert_true(options.persist);
	assert_int_equal(options.offloads, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN);
	assert_false(options.large_receives);
	assert_int_equal(parse(&options, "--port p --offloads gro"), -1);
	assert_int_equal(options.offloads, 0);
	assert_true(options.large_receives);
	assert_int_equal(parse(&options, "--port p --offloads gro,csum"), -1);
	assert_int_equal(options.offloads, TUN_F_CSUM);
	assert_true(options.large_receives);
	assert_int_equal(parse(&options, "--port p --offloads none"), -1);
	assert_int_equal(options.offloads, 0);
	assert_false(options.large_receives);
}

/* Each line that is wrong says what was expected, and shows a right one. */
static void test_wrong_lines(void **state)
{
	static const struct {
		const char *line;
		const char *text;
	} cases[] = {
		{"", "which port? --port is missing"},
		{"--port ''", "expected a name of 1 to 31 characters, such as: --port host0"},
		{"--port a-name-of-exactly-32-characters-", "expected a name of 1 to 31 characters"},
		{"--port p extra", "unexpected argument 'extra'"},
		{"--port p --queues 0", "--queues '0': expected a number from 1 to 16, such as: --queues 1"},
		{"--port p --queues 17", "expected a number from 1 to 16"},
		{"--port p --queues 1x", "expected a number from 1 to 16"},
		{"--port p --queues -1", "expected a number from 1 to 16"},
		{"--port p --entries 100", "--entries '100': expected a power of two, such as: --entries 1024"},
		{"--port p --entries 8192", "expected a number from 64 to 4096"},
		{"--port p --name ''", "expected 1 to 15 characters"},
		{"--port p --name sixteen-letters-", "expected 1 to 15 characters"},
		{"--port p --name a/b", "expected 1 to 15 characters"},
		{"--port p --name ..", "such as: --name sluice0"},
		{"--port p --name tap%d", "expected 1 to 15 characters"},
		{"--port p --offloads csum,", "expected none, or words out of csum,tso4,tso6,ecn,gro"},
		{"--port p --offloads CSUM", "such as: --offloads csum,tso4"},
		{"--port p --offloads tso4", "segments need csum"},
		{"--port p --offloads gro,tso4", "segments need csum"},
		{"--port p --offloads csum,ecn", "ecn needs tso4 or tso6"},
		{"--port p --bogus", "bogus"},
		{"--port", "requires an argument"},
	};
	struct options options;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(&options, cases[i].line), 2);
		if (strstr(errors, cases[i].text) == NULL)
			assert_string_equal(errors, cases[i].text);
		assert_non_null(strstr(errors, "example: sluice-shim --port host0 --name sluice0;"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all_of_them),
		cmocka_unit_test(test_wrong_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
