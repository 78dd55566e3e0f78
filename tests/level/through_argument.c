/* SPDX-License-Identifier: BSD-3-Clause */
/* The function goes through an argument and another member: it is found by its type. */
#include <stdlib.h>

#include "handlers.h"

struct queue {
	void (*release)(struct queue *queue);
};

extern struct queue *queues;

static void destroy(struct queue *queue)
{
	free(queue);
}

static void destroy_nothing(struct queue *queue, int unused)
{
	(void)queue;
	(void)unused;
}

extern void keep(void (*other)(struct queue *, int));

static __attribute__((noinline)) void init(struct queue *queue, void (*release)(struct queue *))
{
	queue->release = release;
}

IM_PASSIVE void start(void)
{
	init(queues, destroy);
	keep(destroy_nothing);
}

IM_DISPATCH void work(void)
{
	(*queues[1].release)(&queues[1]);
}

/* clang-format off */
/* refused:
level: work (DISPATCH, tests/level/through_argument.c:37) reaches free (gives back to the heap, under its lock):
  work  tests/level/through_argument.c:37
  destroy  called at tests/level/through_argument.c:39
  free  called at tests/level/through_argument.c:15
*/
