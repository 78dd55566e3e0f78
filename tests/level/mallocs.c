/* SPDX-License-Identifier: BSD-3-Clause */
/* From the heap, two calls down. */
#include <stdlib.h>

#include "handlers.h"

extern void *kept;

static __attribute__((noinline)) void grow(size_t size)
{
	kept = malloc(size);
}

static __attribute__((noinline)) void judge(size_t size)
{
	if (size > 100)
		grow(size + 1);
}

IM_DISPATCH void send_packets(size_t *sizes);

void send_packets(size_t *sizes)
{
	judge(sizes[0]);
	judge(sizes[1]);
}

/* clang-format off */
/* refused:
level: send_packets (DISPATCH, tests/level/mallocs.c:22) reaches malloc (allocates from the heap):
  send_packets  tests/level/mallocs.c:22
  judge  called at tests/level/mallocs.c:24
  grow  called at tests/level/mallocs.c:17
  malloc  called at tests/level/mallocs.c:11
*/
