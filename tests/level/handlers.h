/* SPDX-License-Identifier: BSD-3-Clause */
/* What the programs beside this are made of. Each of them breaks one rule of fw/check, and ends with what it hears. */
#ifndef LEVEL_HANDLERS_H
#define LEVEL_HANDLERS_H

#include <stddef.h>
#include <stdint.h>

#include "im/level.h"

typedef void (*im_never_supplied_t)(void);

struct handlers {
	/** Packets are here. Level: DISPATCH. */
	void (*work)(void *context);

	/** The answer may wait for somebody; the line goes on for so long that the level stands in the next. Level:
	 * PASSIVE. */
	int (*ask)(void *context, int question);

	void (*finish)(void *context); /* Level: PASSIVE. */

	im_never_supplied_t interrupt;
};

#endif
