/* SPDX-License-Identifier: BSD-3-Clause */
#include "no_level.h"

struct no_level table;

/* clang-format off */
/* refused:
level: tests/level/no_level.h:11: handler second of no_level has no level; end its docstring with "Level: PASSIVE." or "Level: DISPATCH."
level: tests/level/no_level.h: IM_HANDLER_TABLE has first as PASSIVE; its docstring says DISPATCH in no_level
*/
