/* SPDX-License-Identifier: BSD-3-Clause */
/* A PASSIVE function in a handler that is DISPATCH: by a table, and by an assignment. */
#include "handlers.h"

extern int count;

IM_PASSIVE static void work(void *context)
{
	count += *(int *)context;
}

IM_PASSIVE static void other_work(void *context)
{
	count -= *(int *)context;
}

struct handlers handlers[2] = {[1] = {.work = work}};

IM_PASSIVE void start(struct handlers *mine)
{
	mine->work = mine->work != NULL ? mine->work : other_work;
}

/* clang-format off */
/* refused:
level: work (PASSIVE, tests/level/stands_passive.c:7) stands in handlers.work, which is DISPATCH (tests/level/handlers.h:15)
level: other_work (PASSIVE, tests/level/stands_passive.c:12) stands in handlers.work, which is DISPATCH (tests/level/handlers.h:15)
*/
