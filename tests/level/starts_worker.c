/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker is started with is DISPATCH, mark or not. */
#include <sched.h>

#include "handlers.h"

extern int rte_eal_remote_launch(int (*function)(void *), void *argument, unsigned worker);

static int run(void *argument)
{
	while (*(volatile int *)argument == 0)
		sched_yield();
	return 0;
}

IM_PASSIVE int start(int *stop)
{
	return rte_eal_remote_launch(run, stop, 1);
}

/* clang-format off */
/* refused:
level: run (DISPATCH, tests/level/starts_worker.c:9) reaches sched_yield (sleeps):
  run  tests/level/starts_worker.c:9
  sched_yield  called at tests/level/starts_worker.c:12
*/
