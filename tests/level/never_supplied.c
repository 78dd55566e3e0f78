/* SPDX-License-Identifier: BSD-3-Clause */
/* A handler that stands in the table to be refused. */
#include "handlers.h"

extern int count;

static void interrupt(void)
{
	count++;
}

struct handlers handlers = {.interrupt = interrupt};

/* clang-format off */
/* refused:
level: interrupt (no mark, tests/level/never_supplied.c:7) stands in handlers.interrupt, which is never supplied (tests/level/handlers.h:23)
*/
