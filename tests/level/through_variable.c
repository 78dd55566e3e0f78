/* SPDX-License-Identifier: BSD-3-Clause */
/* The pointer is taken out of its structure first: it is still known where it came from. */
#include <stdio.h>

#include "handlers.h"

struct hooks {
	void (*shown)(char *text);
	void (*hidden)(char *text);
};

extern struct hooks *hooks;

static void show(char *text)
{
	puts(text);
}

static void hide(char *text)
{
	*text = '\0';
}

const struct hooks initial = {.shown = show, .hidden = hide};

IM_DISPATCH void hide_all(char *text)
{
	void (*hook)(char *) = hooks->hidden;

	if (hook != NULL)
		hook(text);
}

IM_DISPATCH void work(char *text)
{
	void (*hook)(char *) = NULL;

	if (*text != '\0')
		hook = hooks[1].shown;
	hook(text);
}

/* clang-format off */
/* refused:
level: work (DISPATCH, tests/level/through_variable.c:34) reaches puts (prints):
  work  tests/level/through_variable.c:34
  show  called at tests/level/through_variable.c:40
  puts  called at tests/level/through_variable.c:16
*/
