/* SPDX-License-Identifier: BSD-3-Clause */
/* What the inlined DISPATCH function calls is DISPATCH too, whoever else may call it. */
#include <stdlib.h>

#include "handlers.h"

extern void *kept;

static __attribute__((noinline)) void keep(size_t size)
{
	kept = malloc(size);
}

IM_DISPATCH static inline void take(size_t size)
{
	keep(size + 1);
}

IM_PASSIVE void start(size_t size)
{
	take(size);
}

/* clang-format off */
/* refused:
level: take (DISPATCH, tests/level/inlined_calls.c:14) reaches malloc (allocates from the heap):
  take  tests/level/inlined_calls.c:14
  keep  called at tests/level/inlined_calls.c:16
  malloc  called at tests/level/inlined_calls.c:11
*/
