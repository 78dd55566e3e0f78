/* SPDX-License-Identifier: BSD-3-Clause */
/* Init code is called by code that stays. */
#include "handlers.h"

extern int value;

IM_INIT static int read_options(int count)
{
	return value + count;
}

IM_PASSIVE int reload(int count)
{
	return read_options(count) + 1;
}

/* clang-format off */
/* refused:
level: read_options (INIT, tests/level/resident_calls_init.c:7) is gone after boot, but reload (PASSIVE, tests/level/resident_calls_init.c:12) calls it at tests/level/resident_calls_init.c:14
*/
