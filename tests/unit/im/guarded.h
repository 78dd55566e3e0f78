/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A driver's device as device.h describes it: what its calls share with the miniport is a counted block behind an
 * anchor. initialize publishes it and registers the device, halt takes both away; handles hold the block they were
 * opened on.
 */
#ifndef TEST_IM_GUARDED_H
#define TEST_IM_GUARDED_H

#include "im/im.h"

/* Calls. READ: four bytes, the number of the block. WAIT: pends until the handle is cleaned up, or the block dies. */
enum { GUARDED_READ = 1, GUARDED_WAIT = 2 };

/** Blocks that are not freed yet; stale looks at one that was. */
extern uint32_t guarded_alive, guarded_stale;

/** In initialize, and in halt. False: there was no memory, or no name. */
bool guarded_initialize(struct im_wrapper *wrapper);
void guarded_halt(void);

#endif
