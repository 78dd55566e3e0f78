/* SPDX-License-Identifier: BSD-3-Clause */
/* A library's function that no table knows. */
#include "handlers.h"

extern int frobnicate(int value);

IM_DISPATCH int work(int value)
{
	return frobnicate(value) + 1;
}

/* clang-format off */
/* refused:
level: work (DISPATCH, tests/level/unknown_function.c:7) reaches frobnicate (a foreign function that fw/check/rules.py does not know: is it FORBIDDEN or HARMLESS?):
  work  tests/level/unknown_function.c:7
  frobnicate  called at tests/level/unknown_function.c:9
*/
