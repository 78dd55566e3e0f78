/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames in segments of one byte, each the last one before a page that nobody may touch: whoever reads or writes one
 * byte past the end of a segment is stopped there, in any build (contract 11.18). Nothing here needs an EAL.
 */
#ifndef TEST_FENCE_H
#define TEST_FENCE_H

#include <rte_mbuf.h>

/** The @p length bytes, at least one. The buffers are external ones. Aborts where there is no memory. */
struct rte_mbuf *fence_frame(const void *bytes, uint32_t length);

/** Free all segments. */
void fence_free(struct rte_mbuf *mbuf);

#endif
