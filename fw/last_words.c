/* SPDX-License-Identifier: BSD-3-Clause */
#include "last_words.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "abi/health.h"
#include "im/verify.h"

/* Signals that end a program for its own fault. X(name, text) */
#define FATAL_SIGNALS(X)                                                                                               \
	X(SIGSEGV, "SIGSEGV: memory that is not there")                                                                \
	X(SIGBUS, "SIGBUS: memory that could not be read")                                                             \
	X(SIGFPE, "SIGFPE: an impossible calculation")                                                                 \
	X(SIGILL, "SIGILL: an impossible instruction")                                                                 \
	X(SIGABRT, "SIGABRT: something could not go on")

static struct sluice_info_region *shared; /* NULL: not armed */
static char path[PATH_MAX];
static uint32_t said;

/* Who was there before, and gets the signal after us: a sanitizer, or the system. */
static struct sigaction before[NSIG];

/* Only what may be called in a signal handler. */
static void write_file(const char *words)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0)
		return;
	if (write(fd, words, strlen(words)) < 0 || write(fd, "\n", 1) < 0) {
		/* the region has them as well */
	}
	close(fd);
}

/* The syndrome comes last: who sees it sees the words. */
void last_words_say(enum sluice_syndrome syndrome, const char *words)
{
	struct sluice_info_region *info = __atomic_load_n(&shared, __ATOMIC_ACQUIRE);

	if (info == NULL || __atomic_exchange_n(&said, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	for (size_t i = 0; i + 1 < sizeof(info->last_words) && words[i] != '\0'; i++)
		info->last_words[i] = words[i];
	info->device_status = SLUICE_DEVICE_DEAD;
	__atomic_store_n(&info->syndrome, syndrome, __ATOMIC_RELEASE);
	write_file(info->last_words);
}

static const char *name_signal(int number)
{
	switch (number) {
#define X(name, text)                                                                                                  \
	case name:                                                                                                     \
		return text;
		FATAL_SIGNALS(X)
#undef X
	default:
		return "a signal";
	}
}

/* A fault comes again when we return, for who was there before; what somebody sent has to be sent again. */
static void fatal(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (number == SIGABRT && im_violations() > 0)
		last_words_say(SLUICE_SYNDROME_VIOLATION, im_last_violation());
	else
		last_words_say(SLUICE_SYNDROME_CRASH, name_signal(number));
	sigaction(number, &before[number], NULL);
	if (info->si_code <= 0)
		raise(number);
}

/* ---- Before ---------------------------------------------------------------------------------------- */

IM_INIT static void read_predecessor(struct sluice_info_region *info)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char words[SLUICE_WORDS_SIZE] = "";

	if (fd < 0)
		return;
	if (read(fd, words, sizeof(words) - 1) > 0) {
		words[strcspn(words, "\n")] = '\0';
		memcpy(info->previous_words, words, sizeof(words));
	}
	close(fd);
	unlink(path);
}

IM_INIT static void catch_fatal(int number)
{
	struct sigaction action = {.sa_sigaction = fatal, .sa_flags = SA_SIGINFO};

	sigaction(number, &action, &before[number]);
}

void last_words_arm(struct sluice_info_region *info, const char *runtime_dir)
{
	snprintf(path, sizeof(path), "%s/" SLUICE_WORDS_FILE, runtime_dir);
	read_predecessor(info);
	__atomic_store_n(&shared, info, __ATOMIC_RELEASE);
#define X(name, text) catch_fatal(name);
	FATAL_SIGNALS(X)
#undef X
}

void last_words_disarm(void)
{
	__atomic_store_n(&shared, NULL, __ATOMIC_RELEASE);
}
