/* SPDX-License-Identifier: BSD-3-Clause */
/* Each round through a handler costs a frame of 5 KiB and more, and there can be three drivers: down and up. */
#include "handlers.h"

extern struct handlers *below;

IM_DISPATCH static void work(void *context)
{
	volatile char frame[5120];

	frame[*(int *)context] = 1;
	below->work(context);
	frame[0] = frame[1];
}

struct handlers handlers = {.work = work};

/* clang-format off */
/* refused:
level: the deepest stack of DISPATCH code is 41088 bytes, of 34816 that it may be:
  begin 5136 bytes: work 5136
  6 rounds through drivers, each 5136 bytes: work 5136
  the last 5136 bytes: work 5136
*/
