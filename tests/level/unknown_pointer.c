/* SPDX-License-Identifier: BSD-3-Clause */
/* A number that is called: nothing tells what it is. */
#include "handlers.h"

extern uintptr_t words[];

IM_DISPATCH void work(void)
{
	((void (*)(int))words[1])(1);
}

/* clang-format off */
/* refused:
level: work (DISPATCH, tests/level/unknown_pointer.c:7) reaches words (a function pointer that nothing tells about; call through a member of a structure, by its name):
  work  tests/level/unknown_pointer.c:7
  words  called at tests/level/unknown_pointer.c:9
*/
