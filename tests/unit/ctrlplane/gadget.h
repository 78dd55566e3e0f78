/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A driver in the tests' hands: a relay with a control device, whose binds and restarts fail when they are told to.
 */
#ifndef TEST_GADGET_H
#define TEST_GADGET_H

#include "im/relay.h"

/* Codes of its device. */
enum gadget_code {
	GADGET_ECHO = 1,
	GADGET_PEND = 2,   /* until the test or the handle's cleanup completes it */
	GADGET_REFUSE = 3, /* INVALID_DATA, and an answer of 3 bytes */
};

struct gadget {
	bool fail_bind, fail_restart;
	uint32_t binds, opened, closed, cleaned, unloaded;
	struct im_device_call *pended;
};

extern struct gadget gadget;

#define GADGET_DRIVER "gadget"
#define GADGET_DEVICE "gadget-control"

im_status_t gadget_entry(struct im_driver_object *object);

#endif
