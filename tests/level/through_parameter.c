/* SPDX-License-Identifier: BSD-3-Clause */
/* Nothing tells what a parameter holds: any function of its type whose address is taken, wherever it stands. */
#include <stdio.h>

#include "handlers.h"

static void show(char *text)
{
	puts(text);
}

static void show_number(int number)
{
	printf("%d", number);
}

void (*const shown[])(char *) = {show};
void (*const numbers[])(int) = {show_number};

IM_DISPATCH void each(char **texts, void (*use)(char *text))
{
	while (*texts != NULL)
		use(*texts++);
}

/* clang-format off */
/* refused:
level: each (DISPATCH, tests/level/through_parameter.c:20) reaches puts (prints):
  each  tests/level/through_parameter.c:20
  show  called at tests/level/through_parameter.c:23
  puts  called at tests/level/through_parameter.c:9
*/
