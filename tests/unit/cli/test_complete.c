/* SPDX-License-Identifier: BSD-3-Clause */
/* Completion without a firmware: what the tables know. */
#include "capture.h"
#include "cmocka_all.h"
#include "complete.h"

#include "policy/policy.h"

#include <string.h>

/* Completes the last of these words. Expects exactly these lines. */
static void expect(const char *const *line, int result, const char *expected)
{
	struct capture capture;
	char *words[16];
	int count = 0;

	for (; line[count]; count++)
		words[count] = (char *)(uintptr_t)line[count];
	capture_start(&capture);
	assert_int_equal(complete(&capture.session, count, words), result);
	capture_read(&capture);
	assert_string_equal(capture.out, expected);
	assert_string_equal(capture.err, ""); /* the user is typing: no errors */
	capture_end(&capture);
}

#define EXPECT(result, expected, ...) expect((const char *const[]){__VA_ARGS__, NULL}, result, expected)

static void commands(void **state)
{
	(void)state;
	EXPECT(0, "stack\nstats\n", "sta");
	EXPECT(0, "list\nstats\n", "port", "");
	EXPECT(0, "delete\n", "rule", "d");
	EXPECT(0, "delete\n", "--json", "rule", "d");
	EXPECT(0, "", "nonsense", "");
	EXPECT(0, "", "info", "");
	EXPECT(0, "list\nget\nset\n", "help", "oid", "");
	EXPECT(0, "load\n", "driver", "lo");
	EXPECT(0, "show\ninsert\nremove\n", "stack", "");
	EXPECT(0, "list\nopen\ncall\n", "device", "");
}

static void options(void **state)
{
	(void)state;
	EXPECT(0, "--json\n", "--j");
	EXPECT(0, "--dry-run\n", "apply", "--dr");
	EXPECT(0, "--device\n", "info", "--d");
	EXPECT(0, "--watch\n", "stats", "--w");
	EXPECT(0, "--uninstall\n", "driver", "unload", "--u");
	EXPECT(0, "--bottom\n--below\n--background\n", "stack", "insert", "--b");
	EXPECT(0, "--background\n", "reset", "--b");
}

static void files(void **state)
{
	(void)state;
	EXPECT(COMPLETE_FILES, "", "apply", "");
	EXPECT(COMPLETE_FILES, "", "driver", "load", "./m");
	EXPECT(COMPLETE_FILES, "", "device", "call", "filter", "1", "");
	EXPECT(0, "", "device", "call", "filter", "");
	EXPECT(COMPLETE_FILES, "", "apply", "--dry-run", "pol");
	EXPECT(COMPLETE_FILES, "", "--runtime-dir", "");
	EXPECT(COMPLETE_FILES, "", "--runtime-dir", "=", "/r");
	EXPECT(COMPLETE_FILES, "", "--runtime-dir", "=");
	EXPECT(COMPLETE_FILES, "", "--runtime-dir=/r");
}

static void arguments_of_options_are_no_words(void **state)
{
	(void)state;
	EXPECT(0, "list\nstats\n", "--runtime-dir", "rule", "port", "");
	EXPECT(0, "list\nstats\n", "--timeout", "=", "5", "port", "");
	EXPECT(0, "", "--timeout", "");
}

static void rules(void **state)
{
	(void)state;
	EXPECT(0, "tcp\nto\ntype\n", "rule", "add", "in", "t");
	EXPECT(0, "any\n", "rule", "add", "in", "from", "");
	EXPECT(0, "from\nto\n", "rule", "add", "in", "mac", "");
	EXPECT(0, "", "rule", "add", "in", "mac", "from", "");
	EXPECT(0, "deny\n", "rule", "add", "in", "mac", "from", "02:00:00:00:00:01", "de");
	EXPECT(0, "arp\nip\nipv6\n", "rule", "replace", "in", "ethertype", "");
	EXPECT(0, "", "rule", "add", "in", "priority", "");
	EXPECT(0, "", "rule", "add", "on", ""); /* the firmware would know */
	EXPECT(0, "on\n", "rule", "delete", "");
}

static void oids(void **state)
{
	(void)state;
	EXPECT(0, "gen-link-speed\n", "oid", "get", "wire0", "gen-l");
	EXPECT(0, "802-3-multicast-list\n", "oid", "set", "wire0", "8");
	EXPECT(0, "", "oid", "set", "wire0", "gen-link-speed", "");
}

static void nothing_at_all(void **state)
{
	struct capture capture;

	(void)state;
	capture_start(&capture);
	assert_int_equal(complete(&capture.session, 0, NULL), 0);
	capture_read(&capture);
	assert_non_null(strstr(capture.out, "rule\n"));
	capture_end(&capture);
}

/* What is proposed as a word of a rule must be one: its example uses it, and parses. */
static void proposed_keywords_parse(void **state)
{
	int count = 0;

	(void)state;
	for (const struct policy_keyword *keyword = policy_rule_keywords(); keyword->word; keyword++, count++) {
		char *words[] = {(char *)(uintptr_t)keyword->example};
		struct sluice_rule_command command;
		char error[512] = "";

		assert_non_null(strstr(keyword->example, keyword->word));
		if (policy_parse_rule(1, words, &command, error, sizeof(error)))
			fail_msg("%s: %s", keyword->word, error);
	}
	assert_true(count > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands),	  cmocka_unit_test(options),
		cmocka_unit_test(files),	  cmocka_unit_test(arguments_of_options_are_no_words),
		cmocka_unit_test(rules),	  cmocka_unit_test(oids),
		cmocka_unit_test(nothing_at_all), cmocka_unit_test(proposed_keywords_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
