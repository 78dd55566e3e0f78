/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that are cut while they are mapped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory/guard.h"

#define TEST_LIMIT_S 120
#define PAGE	     4096u
#define PAGES	     16u
#define SIZE	     (PAGES * PAGE)
#define READERS	     4u
#define ROUNDS	     50u

static sigjmp_buf before;

static void was_there_before(int number)
{
	(void)number;
	siglongjmp(before, 1);
}

static void was_there_and_asks(int number, siginfo_t *info, void *context)
{
	(void)context;
	was_there_before(info->si_signo == number ? number : 0);
}

struct file {
	int fd;
	uint8_t *base;
};

static struct file map(int protection)
{
	struct file file = {.fd = memfd_create("guarded", MFD_CLOEXEC)};

	assert_true(file.fd >= 0);
	assert_int_equal(ftruncate(file.fd, SIZE), 0);
	file.base = mmap(NULL, SIZE, protection, MAP_SHARED, file.fd, 0);
	assert_true(file.base != MAP_FAILED);
	return file;
}

static void unmap(struct file file)
{
	guard_remove(file.base);
	munmap(file.base, SIZE);
	close(file.fd);
}

static uint8_t look(const uint8_t *byte)
{
	return *(const volatile uint8_t *)byte;
}

/* ---- Cut ------------------------------------------------------------------------------------------- */

/* All of it, also what was left: no part of it is the other's any more. */
static void a_mapping_that_is_cut_turns_into_zeros(void **state)
{
	struct file file = map(PROT_READ | PROT_WRITE), whole = map(PROT_READ | PROT_WRITE);

	(void)state;
	assert_int_equal(guard_add(file.base, SIZE, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(guard_add(whole.base, SIZE, PROT_READ | PROT_WRITE), 0);
	memset(file.base, 0x5a, SIZE);
	memset(whole.base, 0x5a, SIZE);
	assert_int_equal(ftruncate(file.fd, PAGE), 0);
	assert_int_equal(look(file.base), 0x5a);
	assert_int_equal(look(file.base + SIZE - 1), 0);
	assert_int_equal(look(file.base), 0);
	memset(file.base, 0xa5, SIZE);
	assert_int_equal(look(file.base + SIZE - 1), 0xa5);
	assert_int_equal(look(whole.base), 0x5a);
	assert_int_equal(ftruncate(file.fd, SIZE), 0);
	assert_int_equal(look(file.base), 0xa5); /* it does not come back */
	unmap(file);
	unmap(whole);
}

static void what_is_written_first_is_kept(void **state)
{
	struct file file = map(PROT_READ | PROT_WRITE);

	(void)state;
	assert_int_equal(guard_add(file.base, SIZE, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(ftruncate(file.fd, 0), 0);
	*(volatile uint8_t *)(file.base + PAGE) = 7;
	assert_int_equal(look(file.base + PAGE), 7);
	unmap(file);
}

static void what_is_read_only_stays_so(void **state)
{
	struct file file = map(PROT_READ);
	int ends[2];

	(void)state;
	assert_int_equal(guard_add(file.base, SIZE, PROT_READ), 0);
	assert_int_equal(ftruncate(file.fd, 0), 0);
	assert_int_equal(look(file.base), 0);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(read(ends[0], file.base, 1), -1); /* where a store would be SIGSEGV */
	assert_int_equal(errno, EFAULT);
	close(ends[0]);
	close(ends[1]);
	unmap(file);
}

/* ---- Many ------------------------------------------------------------------------------------------ */

static void places_are_used_again(void **state)
{
	static uint8_t bytes[GUARD_MAPPINGS + 1];

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < GUARD_MAPPINGS; i++)
			assert_int_equal(guard_add(&bytes[i], 1, PROT_READ), 0);
		assert_int_equal(guard_add(&bytes[GUARD_MAPPINGS], 1, PROT_READ), -ENOSPC);
		guard_remove(&bytes[GUARD_MAPPINGS]);
		guard_remove(NULL);
		assert_int_equal(guard_add(&bytes[GUARD_MAPPINGS], 1, PROT_READ), -ENOSPC);
		for (unsigned i = 0; i < GUARD_MAPPINGS; i++)
			guard_remove(&bytes[i]);
	}
}

struct race {
	const uint8_t *base;
	pthread_barrier_t start;
};

static void *read_all(void *argument)
{
	struct race *race = argument;
	uintptr_t sum = 0;

	pthread_barrier_wait(&race->start);
	for (unsigned i = 0; i < PAGES; i++)
		sum += look(race->base + i * PAGE);
	return (void *)sum;
}

/* Several threads fault at once, and others come and go meanwhile. */
static void threads_that_fault_together(void **state)
{
	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct file file = map(PROT_READ), other = map(PROT_READ);
		struct race race = {.base = file.base};
		pthread_t threads[READERS];
		void *sum;

		assert_int_equal(guard_add(file.base, SIZE, PROT_READ), 0);
		assert_int_equal(pthread_barrier_init(&race.start, NULL, READERS + 1), 0);
		for (unsigned i = 0; i < READERS; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, read_all, &race), 0);
		assert_int_equal(ftruncate(file.fd, 0), 0);
		pthread_barrier_wait(&race.start);
		assert_int_equal(guard_add(other.base, SIZE, PROT_READ), 0);
		for (unsigned i = 0; i < READERS; i++) {
			assert_int_equal(pthread_join(threads[i], &sum), 0);
			assert_ptr_equal(sum, NULL);
		}
		pthread_barrier_destroy(&race.start);
		unmap(file);
		unmap(other);
	}
}

/* ---- What is not guarded --------------------------------------------------------------------------- */

static void expect_told(void (*touch)(const void *), const void *base)
{
	if (sigsetjmp(before, 1) == 0) {
		touch(base);
		fail_msg("nobody was told");
	}
}

static void look_at_it(const void *base)
{
	look(base);
}

static void send_it(const void *base)
{
	(void)base;
	raise(SIGBUS);
}

/* A mapping whose guard was taken away is as one that never had any. Who was there before lives on, and so does the
 * guard: what is cut after that turns into zeros still. */
static void another_fault_goes_to_who_was_there_before(void **state)
{
	const struct sigaction actions[] = {
		{.sa_handler = was_there_before},
		{.sa_sigaction = was_there_and_asks, .sa_flags = SA_SIGINFO},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		struct file file = map(PROT_READ), guarded = map(PROT_READ);

		assert_int_equal(sigaction(SIGBUS, &actions[i], NULL), 0);
		assert_int_equal(guard_add(file.base, SIZE, PROT_READ), 0);
		assert_int_equal(guard_add(guarded.base, SIZE, PROT_READ), 0);
		guard_remove(file.base);
		assert_int_equal(ftruncate(file.fd, 0), 0);
		for (unsigned round = 0; round < 2; round++) {
			expect_told(look_at_it, file.base);
			expect_told(send_it, NULL);
		}
		assert_int_equal(ftruncate(guarded.fd, 0), 0);
		assert_int_equal(look(guarded.base), 0);
		unmap(file);
		unmap(guarded);
	}
}

/* What is ignored stays so, and the guard stays where it is. */
static void one_that_is_sent_is_ignored_where_it_was(void **state)
{
	const struct sigaction action = {.sa_handler = SIG_IGN};
	struct file file = map(PROT_READ);

	(void)state;
	assert_int_equal(sigaction(SIGBUS, &action, NULL), 0);
	assert_int_equal(guard_add(file.base, SIZE, PROT_READ), 0);
	raise(SIGBUS);
	assert_int_equal(ftruncate(file.fd, 0), 0);
	assert_int_equal(look(file.base), 0);
	unmap(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mapping_that_is_cut_turns_into_zeros),
		cmocka_unit_test(what_is_written_first_is_kept),
		cmocka_unit_test(what_is_read_only_stays_so),
		cmocka_unit_test(places_are_used_again),
		cmocka_unit_test(threads_that_fault_together),
		cmocka_unit_test(another_fault_goes_to_who_was_there_before),
		cmocka_unit_test(one_that_is_sent_is_ignored_where_it_was),
	};

	alarm(TEST_LIMIT_S);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
