/* SPDX-License-Identifier: BSD-3-Clause */
/* Init code itself may run, but not leave its address behind. */
#include "handlers.h"

extern int value;

IM_INIT static int ask(void *context, int question)
{
	return value + question + (context != NULL);
}

IM_INIT void start(struct handlers *handlers)
{
	handlers->ask = ask;
}

/* clang-format off */
/* refused:
level: ask (INIT, tests/level/init_stores_init.c:7) is gone after boot, but its address is kept: in ask, by tests/level/init_stores_init.c
*/
