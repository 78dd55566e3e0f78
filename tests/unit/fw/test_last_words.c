/* SPDX-License-Identifier: BSD-3-Clause */
/* What a firmware leaves behind that ends before its time: each test is the end of a child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "im/im.h"
#include "im/verify.h"
#include "last_words.h"

static char dir[] = "/tmp/test_words.XXXXXX";
static char file[64];
static struct sluice_info_region *info; /* outlives the child */

static int set_up(void **state)
{
	(void)state;
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/" SLUICE_WORDS_FILE, dir);
	info = mmap(NULL, sizeof(*info), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(info, MAP_FAILED);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(file);
	assert_int_equal(rmdir(dir), 0);
	munmap(info, sizeof(*info));
	return 0;
}

static void read_file(char words[SLUICE_WORDS_SIZE])
{
	FILE *opened = fopen(file, "r");

	memset(words, 0, SLUICE_WORDS_SIZE);
	assert_non_null(opened);
	assert_non_null(fgets(words, SLUICE_WORDS_SIZE, opened));
	fclose(opened);
}

/* Runs @p end in a child to the child's end. Returns the signal that ended it, or 0. */
static int end_by(void (*end)(void))
{
	const struct rlimit no_core = {0};
	int status;
	pid_t child = fork();

	if (child == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		for (int number = 1; number < NSIG; number++)
			signal(number, SIG_DFL); /* cmocka's handlers would go on with the next test */
		alarm(20);
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(1);
		last_words_arm(info, dir);
		end();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void break_the_contract(void)
{
	im_violation("4.8", "bad", "it sent a packet twice");
}

static void test_violation(void **state)
{
	char words[SLUICE_WORDS_SIZE];

	(void)state;
	assert_int_equal(end_by(break_the_contract), SIGABRT);
	assert_int_equal(info->syndrome, SLUICE_SYNDROME_VIOLATION);
	assert_int_equal(info->device_status, SLUICE_DEVICE_DEAD);
	assert_string_equal(info->last_words, "im-contract [4.8] violated by driver 'bad': it sent a packet twice");
	read_file(words);
	assert_string_equal(words, "im-contract [4.8] violated by driver 'bad': it sent a packet twice\n");
}

static void send_fault(void)
{
	raise(SIGBUS);
}

static void test_signal(void **state)
{
	(void)state;
	end_by(send_fault); /* by the signal, or by a sanitizer that sees it behind us */
	assert_int_equal(info->syndrome, SLUICE_SYNDROME_CRASH);
	assert_string_equal(info->last_words, "SIGBUS: memory that could not be read");
}

static void say_twice_and_too_much(void)
{
	char words[1000];

	memset(words, 'w', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	last_words_say(SLUICE_SYNDROME_MAILBOX, words);
	last_words_say(SLUICE_SYNDROME_CRASH, "more");
}

static void test_first_words_stay_and_are_cut(void **state)
{
	(void)state;
	assert_int_equal(end_by(say_twice_and_too_much), 0);
	assert_int_equal(info->syndrome, SLUICE_SYNDROME_MAILBOX);
	assert_int_equal(strlen(info->last_words), SLUICE_WORDS_SIZE - 1);
	assert_null(strchr(info->last_words, 'm'));
}

static void say_nothing(void)
{
}

static void disarmed(void)
{
	last_words_disarm();
	last_words_say(SLUICE_SYNDROME_CRASH, "nobody hears it");
}

static void test_predecessor(void **state)
{
	(void)state;
	end_by(break_the_contract);
	memset(info, 0, sizeof(*info));
	assert_int_equal(end_by(say_nothing), 0);
	assert_string_equal(info->previous_words, "im-contract [4.8] violated by driver 'bad': it sent a packet twice");
	assert_int_equal(access(file, F_OK), -1); /* it is told once */
	memset(info, 0, sizeof(*info));
	assert_int_equal(end_by(disarmed), 0);
	assert_string_equal(info->previous_words, "");
	assert_int_equal(info->syndrome, SLUICE_SYNDROME_NONE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {CASE(violation), CASE(signal), CASE(first_words_stay_and_are_cut),
					   CASE(predecessor)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
