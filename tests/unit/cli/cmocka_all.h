/* SPDX-License-Identifier: BSD-3-Clause */
/* cmocka wants these before it. */
#ifndef TEST_CLI_CMOCKA_ALL_H
#define TEST_CLI_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
