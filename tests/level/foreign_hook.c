/* SPDX-License-Identifier: BSD-3-Clause */
/* The functions that stand there are foreign: the C library's, and one that no table knows. */
#include <stdlib.h>

#include "handlers.h"

struct owner {
	void (*release)(void *memory);
	void (*refresh)(void *memory);
};

extern struct owner owner;
extern void frobnicate(void *memory);

IM_PASSIVE void start(void)
{
	owner.release = free;
	owner.refresh = frobnicate;
}

IM_DISPATCH void work(void *memory)
{
	owner.refresh(memory);
	owner.release(memory);
}

/* clang-format off */
/* refused:
level: work (DISPATCH, tests/level/foreign_hook.c:21) reaches frobnicate (a foreign function that fw/check/rules.py does not know: is it FORBIDDEN or HARMLESS?):
  work  tests/level/foreign_hook.c:21
  frobnicate  called at tests/level/foreign_hook.c:23
level: work (DISPATCH, tests/level/foreign_hook.c:21) reaches free (gives back to the heap, under its lock):
  work  tests/level/foreign_hook.c:21
  free  called at tests/level/foreign_hook.c:24
*/
