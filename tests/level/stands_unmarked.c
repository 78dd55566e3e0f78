/* SPDX-License-Identifier: BSD-3-Clause */
/* Without a mark, but it stands in a handler that is DISPATCH. */
#include <unistd.h>

#include "handlers.h"

static void work(void *context)
{
	usleep(*(unsigned *)context);
}

struct handlers handlers = {.work = work};

/* clang-format off */
/* refused:
level: work (DISPATCH, tests/level/stands_unmarked.c:7) reaches usleep (sleeps):
  work  tests/level/stands_unmarked.c:7
  usleep  called at tests/level/stands_unmarked.c:9
*/
