/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waiting, without a thread that waits, until what a driver has out is home: it asks again each time the control
 * threads do their queued work. For handlers that pend until then (7.23, 10.25, 10.26).
 */
#ifndef IM_DRAIN_H
#define IM_DRAIN_H

#include <stdbool.h>

#include "level.h"
#include "sync.h"

/** One wait; embedded in what it is about. Set up the first four; one at a time. */
struct im_drain {
	struct im_wrapper *wrapper;
	void *owner;
	/** Whether nothing is out any more [7.23, 10.25]. Level: PASSIVE. */
	bool (*is_home)(void *owner);
	/** Now it is: complete what pends, once [7.23, 10.25]. The drain is not touched any more, and may be freed.
	 * Level: PASSIVE. */
	void (*done)(void *owner);
	struct im_work work; /* the drain's */
};

struct im_binding;

/** Whether every send over @p binding, which is open, is complete [3.21, 10.26]: for is_home. Level: PASSIVE. */
IM_PASSIVE bool im_sends_are_home(const struct im_binding *binding);

/** True: nothing is out, and done() is not called. False: done() is called when that is so, without a thread that
 * waits; until then the drain stays where it is [7.23, 10.25]. Level: PASSIVE. */
IM_PASSIVE bool im_drain_begin(struct im_drain *drain);

#endif
