/* SPDX-License-Identifier: BSD-3-Clause */
/* The DISPATCH function is nowhere but in the PASSIVE one that calls it, and keeps its level there. */
#include <stdlib.h>

#include "handlers.h"

static inline void *more(size_t size)
{
	return size > 10 ? malloc(size) : NULL;
}

IM_DISPATCH static inline void *take(size_t size)
{
	return more(size + 1);
}

IM_PASSIVE void *start(size_t size)
{
	free(take(1)); /* start() may; take() may not what it does */
	return take(size);
}

/* clang-format off */
/* refused:
level: take (DISPATCH, tests/level/inlined.c:12) reaches malloc (allocates from the heap):
  take  tests/level/inlined.c:12
  malloc  called at tests/level/inlined.c:9
*/
