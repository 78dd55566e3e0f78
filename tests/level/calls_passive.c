/* SPDX-License-Identifier: BSD-3-Clause */
/* A PASSIVE function, of which the compiler makes a copy for the one argument that it gets. */
#include "handlers.h"

extern int value;

IM_PASSIVE static int change(int by, int step)
{
	for (int i = 0; i < by; i++)
		value = value * step + i;
	return value;
}

IM_DISPATCH void work(int by)
{
	change(by, 7);
}

/* clang-format off */
/* refused:
level: work (DISPATCH, tests/level/calls_passive.c:14) reaches change (PASSIVE):
  work  tests/level/calls_passive.c:14
  change  called at tests/level/calls_passive.c:16
*/
