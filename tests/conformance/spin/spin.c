/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * usage: spin [--seconds N] [--seed N]
 *
 * Exits 0 where nothing broke, nothing is left, and every operation succeeded often enough.
 */
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "spin.h"

#define STUCK_S 60 /* on a machine that does something else besides */

enum phase { SPIN_RUNNING, SPIN_ENDING, SPIN_ENDED };

static _Atomic uint32_t phase;
static uint64_t seed;
static const char *doing[SPIN_CONTROL]; /* for the watchdog to print */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Sends and lends while it runs; then goes on taking back, until all control threads are done. */
static void *worker_main(void *argument)
{
	uint32_t worker = (uint32_t)(uintptr_t)argument;
	uint64_t random = seed * 77 + worker;

	im_this_worker = &im_core.workers[worker];
	im_grace_online(im_core.grace, worker);
	while (atomic_load(&phase) != SPIN_ENDED)
		spin_turn(worker, &random);
	spin_settle(worker);
	im_grace_offline(im_core.grace, worker);
	return NULL;
}

static void *control_main(void *argument)
{
	uint32_t index = (uint32_t)(uintptr_t)argument;
	uint64_t random = seed * 1000003 + index + 1;

	if (im_thread_attach() != 0)
		abort();
	while (atomic_load(&phase) == SPIN_RUNNING)
		spin_operate(&random, &doing[index]);
	spin_close_handles();
	im_thread_detach();
	return NULL;
}

/* The first control thread: work, timers, watchdogs; and whether the others get anywhere. */
static void tick_until(uint64_t end_ns)
{
	uint64_t last = 0, last_change = now_ns();

	while (now_ns() < end_ns) {
		uint64_t operations = spin_operations();

		im_tick(now_ns());
		usleep(500);
		if (operations != last) {
			last = operations;
			last_change = now_ns();
		}
		if (now_ns() - last_change < STUCK_S * UINT64_C(1000000000))
			continue;
		fprintf(stderr, "spin: no operation ended for %u s; seed %llu; threads are in:", STUCK_S,
			(unsigned long long)seed);
		for (uint32_t i = 0; i < SPIN_CONTROL; i++)
			fprintf(stderr, " %s", __atomic_load_n(&doing[i], __ATOMIC_RELAXED));
		fputc('\n', stderr);
		abort();
	}
}

static int parse(int argc, char **argv, uint32_t *seconds)
{
	static const struct option options[] = {
		{"seconds", required_argument, NULL, 's'}, {"seed", required_argument, NULL, 'r'}, {0}};
	int option;

	*seconds = 5;
	seed = now_ns() | 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			*seconds = (uint32_t)strtoul(optarg, NULL, 10);
		else if (option == 'r')
			seed = strtoull(optarg, NULL, 10);
		else
			return 2;
	}
	return 0;
}

static void *tick_to_the_end(void *unused)
{
	(void)unused;
	if (im_thread_attach() != 0)
		abort();
	while (atomic_load(&phase) == SPIN_ENDING) {
		im_tick(now_ns());
		usleep(500);
	}
	im_thread_detach();
	return NULL;
}

/* Whoever is in the middle of an operation may need the clock, and the workers, to get out of it. */
static void end(pthread_t *control, pthread_t *workers)
{
	pthread_t clock;

	atomic_store(&phase, SPIN_ENDING);
	pthread_create(&clock, NULL, tick_to_the_end, NULL);
	for (uint32_t i = 0; i < SPIN_CONTROL; i++)
		pthread_join(control[i], NULL);
	spin_unbuild();
	atomic_store(&phase, SPIN_ENDED);
	pthread_join(clock, NULL);
	for (uint32_t i = 0; i < SPIN_WORKERS; i++)
		pthread_join(workers[i], NULL);
}

int main(int argc, char **argv)
{
	struct im_verify_options options = im_verify_defaults;
	pthread_t workers[SPIN_WORKERS], control[SPIN_CONTROL];
	uint32_t seconds;
	unsigned lost, leaked;
	bool enough;

	if (parse(argc, argv, &seconds) != 0)
		return 2;
	printf("spin: seed %llu, %u s\n", (unsigned long long)seed, seconds);
	fflush(stdout);
	options.action = IM_VERIFY_STOP;
	options.wait_limit_ms = options.handler_limit_ms = STUCK_S * 1000;
	if (im_core_create(SPIN_WORKERS, 4) != 0 || im_verify(&options) != 0)
		return 1;
	spin_make_packets();
	for (uintptr_t i = 0; i < SPIN_WORKERS; i++)
		pthread_create(&workers[i], NULL, worker_main, (void *)(i + 1));
	spin_build();
	for (uintptr_t i = 0; i < SPIN_CONTROL; i++)
		pthread_create(&control[i], NULL, control_main, (void *)i);
	tick_until(now_ns() + seconds * UINT64_C(1000000000));
	end(control, workers);
	lost = spin_free_packets();
	leaked = im_core_destroy();
	enough = spin_report();
	printf("%llu packets sent, %llu received, %u lost, %u objects leaked\n", (unsigned long long)spin_sent,
	       (unsigned long long)spin_received, lost, leaked);
	return lost == 0 && leaked == 0 && enough && spin_sent > 0 && spin_received > 0 ? 0 : 1;
}
