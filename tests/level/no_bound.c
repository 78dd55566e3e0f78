/* SPDX-License-Identifier: BSD-3-Clause */
/* A frame as large as its argument says. */
#include "handlers.h"

extern void fill(char *bytes);

IM_DISPATCH char work(int count)
{
	char bytes[count];

	for (int i = 0; i < count; i++)
		bytes[i] = (char)i;
	return ((volatile char *)bytes)[count / 2];
}

/* clang-format off */
/* refused:
level: work (tests/level/no_bound.c:7) is DISPATCH, and its frame has no bound: no alloca, no array whose length is a variable
*/
