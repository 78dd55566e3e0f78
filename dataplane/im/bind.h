/* SPDX-License-Identifier: BSD-3-Clause */
/* A bind that is under way, and the graph that binds have made. Between bind.c and binding.c. */
#ifndef IM_BIND_H
#define IM_BIND_H

#include "inside.h"

/* One call of bind_adapter, until it is complete. Owner: the thread in im_bind(). */
struct im_bind {
	struct im_bind_config config; /* what the driver sees; its `core` is this */
	struct im_protocol *protocol;
	struct im_binding *opened; /* by the driver, for this bind */
	bool complete;
	im_status_t status;
};

/** Forget which VNICs stand over @p binding. Under the lock. */
void im_forget_edges(struct im_binding *binding);

#endif
