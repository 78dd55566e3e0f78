/* SPDX-License-Identifier: BSD-3-Clause */
/* The address of init code stands in a table, in a handler, and in what resident code hands on. */
#include "handlers.h"

extern int value;
extern void keep(int (*function)(void *, int));

IM_INIT static int ask(void *context, int question)
{
	return value + question + (context != NULL);
}

IM_INIT static void hook(char *text)
{
	value += *text;
}

struct handlers handlers = {.ask = ask};
void (*callbacks[])(char *) = {NULL, hook};

IM_PASSIVE void start(void)
{
	keep(ask);
}

/* clang-format off */
/* refused:
level: ask (INIT, tests/level/resident_keeps_init.c:8) is gone after boot, but start (PASSIVE, tests/level/resident_keeps_init.c:21) keeps its address
level: ask (INIT, tests/level/resident_keeps_init.c:8) is gone after boot, but its address stands in handlers.ask of resident_keeps_init.o
level: hook (INIT, tests/level/resident_keeps_init.c:13) is gone after boot, but its address stands in a table.callbacks of resident_keeps_init.o
level: ask (INIT, tests/level/resident_keeps_init.c:8) is gone after boot, but its address is kept: given to keep, by tests/level/resident_keeps_init.c
*/
