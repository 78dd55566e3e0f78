/* SPDX-License-Identifier: BSD-3-Clause */
/* Nobody stands in the handler, here: but whoever will is PASSIVE. */
#include "handlers.h"

extern struct handlers *handlers;

IM_DISPATCH int work(void)
{
	return handlers->ask(NULL, 1);
}

/* clang-format off */
/* refused:
level: work (DISPATCH, tests/level/passive_handler.c:7) reaches ask (a handler that is PASSIVE):
  work  tests/level/passive_handler.c:7
  ask  called at tests/level/passive_handler.c:9
*/
