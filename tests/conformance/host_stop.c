/* SPDX-License-Identifier: BSD-3-Clause */
/* A breach of the contract stops the firmware: seen from outside, as it ends the process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

#define PATIENCE_S 20u

static void run_in_child(int out, void (*run)(void))
{
	dup2(out, STDERR_FILENO);
	signal(SIGABRT, SIG_DFL);
	alarm(PATIENCE_S);
	run();
	fprintf(stderr, "it went on to the end");
	_exit(0);
}

/* All that the child says, so that it is never held up; what does not fit is left out. */
static void read_all(int from, char *text, size_t size)
{
	char rest[512];
	size_t used = 0;
	ssize_t got = 1;

	while (got > 0) {
		bool full = used + 1 == size;

		got = full ? read(from, rest, sizeof(rest)) : read(from, text + used, size - 1 - used);
		if (got > 0 && !full)
			used += (size_t)got;
	}
	text[used] = '\0';
}

void host_expect_stop_at(const char *file, int line, const char *statement, const char *driver, void (*run)(void))
{
	char text[8192], expected[96];
	int pipes[2], status;
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(pipes[0]);
		run_in_child(pipes[1], run);
	}
	close(pipes[1]);
	read_all(pipes[0], text, sizeof(text));
	close(pipes[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (driver != NULL)
		snprintf(expected, sizeof(expected), "[%s] violated by driver '%s': ", statement, driver);
	else
		snprintf(expected, sizeof(expected), "[%s]", statement);
	if (strstr(text, expected) == NULL)
		fail_msg("%s:%d: expected a violation of %s, got '%s'", file, line, expected, text);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		fail_msg("%s:%d: %s was reported, but did not stop the firmware", file, line, expected);
}
