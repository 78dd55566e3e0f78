/* SPDX-License-Identifier: BSD-3-Clause */
/* One line on the standard error output, in the user's words. */
#ifndef SLUICE_SHIM_LOG_H
#define SLUICE_SHIM_LOG_H

#include <stdio.h>

#define say(...)                                                                                                       \
	do {                                                                                                           \
		fprintf(stderr, "sluice-shim: " __VA_ARGS__);                                                          \
		fputc('\n', stderr);                                                                                   \
	} while (0)

#endif
