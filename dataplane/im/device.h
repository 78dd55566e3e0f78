/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control devices: how the host talks to a driver, past its miniports (im-contract section 8).
 *
 *   host client ── DEVICE_OPEN, DEVICE_CALL, DEVICE_CLOSE ──> control threads ──> open, call, cleanup, close
 *
 * Nothing here is synchronised with halt, initialize or deregistration: a call may start, or be running, after halt has
 * returned, and there is no notice of a last one (8.5, 8.6). What the calls share with the miniport is therefore a
 * referenced block behind an anchor (reference.h): initialize publishes it, halt takes it out, marks it dead and drops
 * its reference; each call takes its own; the last holder frees it (8.8-8.11).
 */
#ifndef IM_DEVICE_H
#define IM_DEVICE_H

#include <stdint.h>

#include "abi/im_status.h"
#include "level.h"

struct im_device;
struct im_wrapper;

/** One call from the host. All pointers are to private copies, good until the call is complete. */
struct im_device_call {
	uint32_t code;
	uint32_t input_length;
	const void *input;
	void *output; /* output_room bytes, zeroed */
	uint32_t output_room;
	uint32_t output_length; /* set by the driver, never more than the room [8.18] */
	struct {		/* the core's */
		void (*completed)(struct im_device_call *call, im_status_t status); /* Level: DISPATCH. */
		void *owner;
		struct im_device_call *next;
		uint32_t state;
	} core;
};

/** Zero it, fill it in, register it; it is copied. All run on control threads, several at once. */
struct im_device_operations {
	/** Somebody opens the device. *handle_context is what the others get: the driver's, until `close`.
	 * NO_SUCH_DEVICE where what it would stand for is going [8.13], RESOURCES: nothing else is called then.
	 * PENDING is not legal. Level: PASSIVE. */
	im_status_t (*open)(struct im_device *device, void **handle_context);

	/** One call. PENDING: im_complete_device_call() follows once. DEVICE_REMOVED, NOT_READY where what the handle
	 * stands for is gone or not there yet [8.11]. Level: PASSIVE. */
	im_status_t (*call)(void *handle_context, struct im_device_call *call);

	/** Optional: the handle is going; complete its pended calls with CANCELLED [8.16]. Level: PASSIVE. */
	void (*cleanup)(void *handle_context);

	/** The handle is gone; no call of it is running. Cannot fail [8.11]. Level: PASSIVE. */
	void (*close)(void *handle_context);
};

/**
 * Register a control device under @p name, one for a driver, when its first VNIC initialises, never in its entry [1.10,
 * 8.1-8.3].
 * NOT_ACCEPTED: the name is in use; INVALID_PARAMETER; RESOURCES. Its failure need not fail the VNIC [8.2]. Level:
 * PASSIVE.
 */
IM_PASSIVE im_status_t im_register_device(struct im_wrapper *wrapper, const char *name,
					  const struct im_device_operations *operations, struct im_device **device);

/**
 * Take the name away: no new open finds it. Handles stay open and their calls go on; the device itself goes with the
 * last of them, and unload waits for that [8.15, 1.30]. NULL is a no-op. Level: PASSIVE [8.19].
 */
IM_PASSIVE void im_deregister_device(struct im_device *device);

/** Complete a call that returned PENDING, once, with a final status: from `cleanup` CANCELLED, at halt DEVICE_REMOVED
 * [8.16]. It is the core's again. Level: any. */
void im_complete_device_call(struct im_device_call *call, im_status_t status);

/** The name that a device was registered under [8.1]; good for as long as the device is. Level: any. */
const char *im_device_name(const struct im_device *device);

#endif
