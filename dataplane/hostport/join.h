/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Large receives: TCP segments of one burst that continue each other go to the host as one frame, which says how it was
 * cut. librte_gro joins them; what it would join wrongly it does not get.
 *
 *   burst ── look: TCP over IPv4, as it should be? ── run: the segments of a flow that follow each other, alike in all
 *            but sequence, IPv4 identification and sums ── checksums ── librte_gro ── each frame in its first
 *            segment's place
 *
 * Nothing is held back for another burst. A flow's order stays: what of it cannot be joined ends its run. The host
 * could cut a joined frame into the very segments again: all but the last are of one length.
 */
#ifndef HOSTPORT_JOIN_H
#define HOSTPORT_JOIN_H

#include <stdbool.h>

#include <rte_mbuf.h>

#include "im/level.h"

#define JOIN_BURST 64u /* frames that are looked at together */

/**
 * Join what of @p frames can be; their buffers are the caller's alone. @p count: at most JOIN_BURST. @p room: buffers
 * that the host's ring has left: no segment is lost for having been joined. Returns how many frames there are now, in
 * order; of those that were joined join_is_made() is true, and they are to be freed by their first buffers.
 */
IM_DISPATCH uint16_t join_frames(struct rte_mbuf **frames, uint16_t count, uint32_t room);

/* A host at the wire's end may have asked for its own to be cut, and a device may have received one that was joined:
 * the two together are of join_frames() alone. */
#define JOIN_MADE (RTE_MBUF_F_RX_LRO | RTE_MBUF_F_TX_TCP_SEG)

static inline bool join_is_made(const struct rte_mbuf *frame)
{
	return (frame->ol_flags & JOIN_MADE) == JOIN_MADE;
}

static inline uint32_t join_header_bytes(const struct rte_mbuf *made)
{
	return (uint32_t)(made->l2_len + made->l3_len + made->l4_len);
}

/** Of how many frames it was made. */
static inline uint32_t join_segments(const struct rte_mbuf *made)
{
	return (rte_pktmbuf_pkt_len(made) - join_header_bytes(made) + made->tso_segsz - 1u) / made->tso_segsz;
}

#endif
