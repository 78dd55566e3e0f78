/* SPDX-License-Identifier: BSD-3-Clause */
/* A control device of a driver, from the CLI's side: opened for one call. */
#ifndef SLUICE_CLI_DEVICE_H
#define SLUICE_CLI_DEVICE_H

#include "session.h"

struct device_call {
	const char *device; /* a name that fits */
	uint32_t code;
	const void *in;
	uint32_t in_length;
	void *out;
	uint32_t out_capacity;
};

/**
 * Opens the device, calls it, closes it.
 *
 * @return as session_call(); where the driver refuses, reply->result is its IM status and `out` what it answered
 */
int device_give(struct session *session, const struct device_call *call, struct sluice_reply *reply,
		struct sluice_fault *fault);

/** Tells @p fault of a call in words; @p reply as device_give() left it. @return its exit code. */
int device_fault(struct session *session, const struct device_call *call, const struct sluice_reply *reply,
		 const struct sluice_fault *fault);

#endif
