/* SPDX-License-Identifier: BSD-3-Clause */
/* Lets the n-th allocation of the code under test fail; linked with --wrap for malloc, calloc and realloc. */
#ifndef TEST_FAILING_ALLOC_H
#define TEST_FAILING_ALLOC_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

static unsigned allocations_left; /* until one fails; 0: none will */

static inline bool allocation_fails(void)
{
	if (allocations_left == 0 || --allocations_left > 0)
		return false;
	errno = ENOMEM;
	return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *__wrap_malloc(size_t size)
{
	return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return allocation_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
	return allocation_fails() ? NULL : __real_realloc(block, size);
}

#endif
