/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long a line of the cache takes from one CPU to another and back: whether they share a cache, now.
 *
 *     core_trip CPU CPU
 *
 * A hypervisor may move the two at any time. Prints nanoseconds.
 */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WARM_UP 2000u
#define TRIPS	20000u

static uint32_t line __attribute__((aligned(128))); /* atomic; odd: on its way there */

static void fail(const char *what)
{
	fprintf(stderr, "core_trip: %s\n", what);
	exit(1);
}

static void run_on(const char *cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(atoi(cpu), &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0)
		fail("cannot run on that CPU");
}

static void wait_for(uint32_t value)
{
	while (__atomic_load_n(&line, __ATOMIC_ACQUIRE) != value)
		;
}

static void *answer(void *cpu)
{
	run_on(cpu);
	for (uint32_t trip = 0; trip < WARM_UP + TRIPS; trip++) {
		wait_for(2 * trip + 1);
		__atomic_store_n(&line, 2 * trip + 2, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void ask(uint32_t from, uint32_t to)
{
	for (uint32_t trip = from; trip < to; trip++) {
		__atomic_store_n(&line, 2 * trip + 1, __ATOMIC_RELEASE);
		wait_for(2 * trip + 2);
	}
}

int main(int argc, char **argv)
{
	struct timespec begun, ended;
	pthread_t thread;

	if (argc != 3) {
		fputs("usage: core_trip CPU CPU; example: core_trip 0 1\n", stderr);
		return 2;
	}
	run_on(argv[1]);
	if (pthread_create(&thread, NULL, answer, argv[2]) != 0)
		fail("cannot start a thread");
	ask(0, WARM_UP);
	clock_gettime(CLOCK_MONOTONIC, &begun);
	ask(WARM_UP, WARM_UP + TRIPS);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	pthread_join(thread, NULL);
	printf("%.1f\n",
	       ((double)(ended.tv_sec - begun.tv_sec) * 1e9 + (double)(ended.tv_nsec - begun.tv_nsec)) / TRIPS);
	return 0;
}
