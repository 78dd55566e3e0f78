/* SPDX-License-Identifier: BSD-3-Clause */
/* In every program here: CMOCKA_TEST_FILTER in the environment chooses tests by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>

static void __attribute__((constructor)) choose(void)
{
	const char *filter = getenv("CMOCKA_TEST_FILTER");

	if (filter != NULL)
		cmocka_set_test_filter(filter);
}
