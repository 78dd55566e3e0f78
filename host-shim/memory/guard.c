/* SPDX-License-Identifier: BSD-3-Clause */
#include "memory/guard.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct mapping {
	uintptr_t base; /* 0: a free place */
	size_t size;
	int protection;
	bool replaced;
};

/* Under the lock, which the handler takes too: nobody who holds it touches memory that is guarded. */
static struct mapping mappings[GUARD_MAPPINGS];
static uint32_t held;

static struct sigaction before; /* who had the signal */

static void lock(void)
{
	while (__atomic_exchange_n(&held, 1, __ATOMIC_ACQUIRE) != 0)
		sched_yield();
}

static void unlock(void)
{
	__atomic_store_n(&held, 0, __ATOMIC_RELEASE);
}

/* ---- The fault ------------------------------------------------------------------------------------- */

static struct mapping *mapping_of(uintptr_t address)
{
	for (unsigned i = 0; i < GUARD_MAPPINGS; i++) {
		if (mappings[i].base != 0 && address - mappings[i].base < mappings[i].size)
			return &mappings[i];
	}
	return NULL;
}

/* The system call itself: what a library does around it is not made for a signal's handler. */
static bool put_zeros(const struct mapping *mapping)
{
	return syscall(SYS_mmap, mapping->base, mapping->size, (long)mapping->protection,
		       (long)(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), -1L, 0L) == (long)mapping->base;
}

/* Once: of two threads that fault together the second finds the first one's pages. */
static bool replace(uintptr_t address)
{
	struct mapping *mapping;
	bool there = false;

	lock();
	mapping = mapping_of(address);
	if (mapping != NULL && !mapping->replaced)
		mapping->replaced = put_zeros(mapping);
	if (mapping != NULL)
		there = mapping->replaced;
	unlock();
	return there;
}

/* Called from here, so that the guard stays. Where there is nobody to call, it comes again when we return, and ends the
 * program; what somebody sent has to be sent again. */
static void pass_on(int number, siginfo_t *info, void *context)
{
	bool sent = info->si_code <= 0;

	if ((before.sa_flags & SA_SIGINFO) != 0) {
		before.sa_sigaction(number, info, context);
	} else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
		before.sa_handler(number);
	} else if (before.sa_handler == SIG_DFL || !sent) {
		sigaction(number, &before, NULL);
		if (sent)
			raise(number);
	}
}

static void fault(int number, siginfo_t *info, void *context)
{
	int error = errno;

	if (info->si_code != BUS_ADRERR || !replace((uintptr_t)info->si_addr))
		pass_on(number, info, context);
	errno = error;
}

/* Again and again, since the signal is the program's, which may have given it to somebody else. */
static void arm(void)
{
	struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO}, now;

	if (sigaction(SIGBUS, NULL, &now) != 0 || ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == fault))
		return;
	before = now;
	sigaction(SIGBUS, &action, NULL);
}

/* ---- What is guarded ------------------------------------------------------------------------------- */

/* The place of a mapping; of base 0: a free one. */
static struct mapping *find(uintptr_t base)
{
	for (unsigned i = 0; i < GUARD_MAPPINGS; i++) {
		if (mappings[i].base == base)
			return &mappings[i];
	}
	return NULL;
}

int guard_add(void *base, size_t size, int protection)
{
	struct mapping *place;

	lock();
	arm();
	place = find(0);
	if (place != NULL)
		*place = (struct mapping){.base = (uintptr_t)base, .size = size, .protection = protection};
	unlock();
	return place != NULL ? 0 : -ENOSPC;
}

void guard_remove(const void *base)
{
	struct mapping *place;

	lock();
	place = base != NULL ? find((uintptr_t)base) : NULL;
	if (place != NULL)
		*place = (struct mapping){0};
	unlock();
}
