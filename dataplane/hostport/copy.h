/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames between the rings and mbufs: copied, so that neither side has the other's memory in its packets. */
#ifndef HOSTPORT_COPY_H
#define HOSTPORT_COPY_H

#include <rte_mbuf.h>

#include "ring.h"

enum copy_result {
	COPY_DONE,
	COPY_REFUSED,	 /* the frame is malformed, too long, or asks for what cannot be done */
	COPY_NO_BUFFERS, /* there are none now: the frame stays where it is */
};

/** Empty buffers: the next frame's first one, those of frames behind it, and where more come from. */
struct copy_buffers {
	struct rte_mbuf **mbufs;
	uint16_t count; /* at least 1 */
	struct rte_mempool *pool;
};

/** Copy the next frame from the host, and take it; there must be a descriptor. Done: it is in the first of @p empty,
 * which is as empty as it was otherwise; behind it there may be fewer, however it ends. @p most: bytes that it may
 * have, unless it is to be cut. */
IM_DISPATCH enum copy_result copy_from_host(struct ring_in *in, uint32_t most, struct copy_buffers *empty);

/** Copy a frame to the host, which is not told yet. @p frame stays the caller's. */
IM_DISPATCH enum copy_result copy_to_host(struct ring_out *out, const struct rte_mbuf *frame);

#endif
