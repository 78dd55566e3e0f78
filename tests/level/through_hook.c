/* SPDX-License-Identifier: BSD-3-Clause */
/* Through a pointer in a structure, by a macro, to a function that was put there by code. */
#include <stdio.h>

#include "handlers.h"

#define CALL(object, member, ...) ((object)->member(__VA_ARGS__))

/* Here nothing tells a level. */
struct hooks {
	void (*hook)(char *text);
};

extern struct hooks *hooks;

static void show(char *text)
{
	puts(text);
}

IM_PASSIVE void start(void)
{
	hooks->hook = show;
}

IM_DISPATCH void work(char *text)
{
	CALL(hooks, hook, text);
}

/* clang-format off */
/* refused:
level: work (DISPATCH, tests/level/through_hook.c:26) reaches puts (prints):
  work  tests/level/through_hook.c:26
  show  called at tests/level/through_hook.c:28
  puts  called at tests/level/through_hook.c:18
*/
