/* SPDX-License-Identifier: BSD-3-Clause */
/* What ends the process, and allocations that fail. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

static void run_in_child(int out, void (*run)(void))
{
	dup2(out, STDERR_FILENO);
	run();
	_exit(0);
}

void rig_expect_violation_at(int line, const char *statement, void (*run)(void))
{
	char text[1024] = "", expected[64];
	ssize_t length;
	int pipes[2], status;
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		run_in_child(pipes[1], run);
	close(pipes[1]);
	length = read(pipes[0], text, sizeof(text) - 1);
	close(pipes[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	snprintf(expected, sizeof(expected), "im-contract [%s] violated", statement);
	if (length <= 0 || strstr(text, expected) == NULL)
		fail_msg("line %d: expected '%s', got '%s'", line, expected, text);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		fail_msg("line %d: [%s] was reported but did not abort", line, statement);
}

uint32_t rig_fail_calloc;
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	if (rig_fail_calloc > 0 && --rig_fail_calloc == 0)
		return NULL;
	return __real_calloc(count, size);
}
