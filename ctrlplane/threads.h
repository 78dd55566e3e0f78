/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control threads: where commands wait for drivers, so that the thread that serves the mailboxes never does.
 *
 *   broker ── threads_post() ──> queue ──> a free thread ──> job->run()
 *
 * A job names its line: of one line at most so many are under way, and the others let later jobs of other lines pass.
 * So a driver that hangs keeps as many threads as its line may have, and no more. Within a line jobs start in order.
 *
 * One more thread ticks: work items, timers and watchdogs must run while all others wait.
 *
 * Nothing here knows DPDK or the core: the hooks make a thread one of the core's.
 */
#ifndef CTRLPLANE_THREADS_H
#define CTRLPLANE_THREADS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define THREADS_MAX	8u
#define THREADS_TICK_MS 1u

struct threads;

/** What belongs together. All zero: nothing in particular, without a limit. */
struct threads_line {
	char name[55];
	uint8_t most; /* jobs under way at the same time; 0: any number */
};

/** Embedded in what it is about. Whoever posts it frees it, not before run() has been entered. */
struct threads_job {
	void (*run)(struct threads_job *job);
	struct threads_line line;
	TAILQ_ENTRY(threads_job) link; /* the queue's */
};

struct threads_hooks {
	/** Before a thread's first job or tick. 0 or -errno. May be NULL. */
	int (*begin)(void *context);
	/** After its last. May be NULL. */
	void (*end)(void *context);
	/** Every THREADS_TICK_MS. May be NULL. */
	void (*tick)(void *context);
	void *context;
};

/**
 * Starts @p count threads (at most THREADS_MAX), and one that ticks where there is something to tick.
 *
 * @return threads for threads_destroy(), or NULL with *@p error set to -errno
 */
struct threads *threads_create(const struct threads_hooks *hooks, unsigned count, int *error);

/** Has @p job run by one of them. Any thread may post, a job that runs also. */
void threads_post(struct threads *threads, struct threads_job *job);

/** Takes @p job, which was posted, out of the queue. False: it is there no more, as it runs or has run. */
bool threads_withdraw(struct threads *threads, struct threads_job *job);

/** Runs what is queued, then ends the threads. NULL does nothing. */
void threads_destroy(struct threads *threads);

#endif
