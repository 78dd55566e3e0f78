/* SPDX-License-Identifier: BSD-3-Clause */
/* Init code: it runs before, faults while it is gone, and runs again when it is mapped. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "discard.h"
#include "im/level.h"

#define ANSWER 4711
#define ROUNDS 200

static volatile int input = ANSWER;

/* What stands for the firmware's boot. */
IM_INIT static int boot(void)
{
	return input;
}

/* Returns the signal that ended a child which called init code, 0 where the call gave its answer, or -1. */
static int call_in_child(void)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		signal(SIGSEGV, SIG_DFL); /* a sanitizer would make a report and an exit of it */
		_exit(boot() == ANSWER ? 0 : 1);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	return WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* The field of /proc/self/smaps for the mapping that holds init code, in KiB; -1 where there is none. */
static long mapping(const char *field)
{
	uintptr_t at = (uintptr_t)boot;
	FILE *maps = fopen("/proc/self/smaps", "r");
	char line[512];
	bool here = false;
	long value = -1;

	while (maps != NULL && value < 0 && fgets(line, sizeof(line), maps) != NULL) {
		unsigned long begin, end;

		if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
			here = at >= begin && at < end;
		else if (here && strncmp(line, field, strlen(field)) == 0)
			sscanf(line + strlen(field), ": %ld", &value);
	}
	if (maps != NULL)
		fclose(maps);
	return value;
}

/* Every test begins with init code in use once, as the firmware does. */
static int use(void **state)
{
	(void)state;
	return init_map();
}

static int leave(void **state)
{
	(void)state;
	while (init_discard() == 0)
		;
	return 0;
}

static void test_init_code_is_whole_pages(void **state)
{
	(void)state;
	assert_true(init_size() > 0);
	assert_int_equal(init_size() % (size_t)sysconf(_SC_PAGESIZE), 0);
}

static void test_runs_before_discard(void **state)
{
	(void)state;
	assert_int_equal(call_in_child(), 0);
	assert_int_equal(boot(), ANSWER);
	assert_true(mapping("Rss") > 0);
}

static void test_faults_after_discard(void **state)
{
	(void)state;
	assert_int_equal(init_discard(), 0);
	assert_int_equal(call_in_child(), SIGSEGV);
}

static void test_memory_is_given_back(void **state)
{
	(void)state;
	assert_int_equal(boot(), ANSWER); /* its page is in memory */
	assert_int_equal(init_discard(), 0);
	assert_int_equal(mapping("Rss"), 0);
	assert_int_equal(mapping("Size") * 1024 >= (long)init_size(), 1); /* the place is kept */
}

static void test_runs_again_when_mapped(void **state)
{
	(void)state;
	assert_int_equal(init_discard(), 0);
	assert_int_equal(init_map(), 0);
	assert_int_equal(boot(), ANSWER);
	assert_int_equal(init_discard(), 0);
	assert_int_equal(call_in_child(), SIGSEGV);
}

static void test_stays_for_the_last_user(void **state)
{
	(void)state;
	assert_int_equal(init_map(), 0);
	assert_int_equal(init_discard(), 0);
	assert_int_equal(boot(), ANSWER);
	assert_int_equal(init_discard(), 0);
	assert_int_equal(call_in_child(), SIGSEGV);
}

static void test_discard_without_a_user_is_refused(void **state)
{
	(void)state;
	assert_int_equal(init_discard(), 0);
	assert_int_equal(init_discard(), -EALREADY);
	assert_int_equal(init_map(), 0); /* the refusal has not been counted */
	assert_int_equal(boot(), ANSWER);
}

/* No descriptor is left to read the file with: refused, and everything is as it was. */
static void test_map_without_descriptors_is_refused(void **state)
{
	struct rlimit before, none;

	(void)state;
	assert_int_equal(init_discard(), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(init_map(), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(call_in_child(), SIGSEGV);
	assert_int_equal(init_map(), 0);
	assert_int_equal(boot(), ANSWER);
}

static void *load_drivers(void *wrong)
{
	for (int i = 0; i < ROUNDS; i++) {
		*(int *)wrong += init_map() != 0;
		*(int *)wrong += boot() != ANSWER;
		*(int *)wrong += init_discard() != 0;
	}
	return NULL;
}

/* While one maps and another gives back, each finds the code in place. */
static void test_threads_share_it(void **state)
{
	pthread_t threads[4];
	int wrong[4] = {0};

	(void)state;
	assert_int_equal(init_discard(), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, load_drivers, &wrong[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(wrong[i], 0);
	}
	assert_int_equal(call_in_child(), SIGSEGV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_discard_without_a_user_is_refused, use, leave),
		cmocka_unit_test_setup_teardown(test_faults_after_discard, use, leave),
		cmocka_unit_test_setup_teardown(test_init_code_is_whole_pages, use, leave),
		cmocka_unit_test_setup_teardown(test_map_without_descriptors_is_refused, use, leave),
		cmocka_unit_test_setup_teardown(test_memory_is_given_back, use, leave),
		cmocka_unit_test_setup_teardown(test_runs_again_when_mapped, use, leave),
		cmocka_unit_test_setup_teardown(test_runs_before_discard, use, leave),
		cmocka_unit_test_setup_teardown(test_stays_for_the_last_user, use, leave),
		cmocka_unit_test_setup_teardown(test_threads_share_it, use, leave),
	};

	init_discard(); /* the boot's own use: what a test counts on, it takes itself */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
