/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets without an EAL: mbufs made by hand, each segment allocated to the byte so that an over-read is seen. */
#ifndef TEST_MBUFS_H
#define TEST_MBUFS_H

#include <rte_mbuf.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* The bytes as a chain of @p count (1 or more) segments of @p sizes bytes; a size may be 0. */
static inline struct rte_mbuf *mbufs_make(const uint8_t *bytes, const uint16_t *sizes, uint32_t count)
{
	struct rte_mbuf *mbufs = aligned_alloc(alignof(struct rte_mbuf), count * sizeof(*mbufs));

	if (mbufs == NULL)
		abort();
	memset(mbufs, 0, count * sizeof(*mbufs));
	mbufs[0].nb_segs = (uint16_t)count;
	for (uint32_t i = 0; i < count; i++) {
		mbufs[i].buf_addr = malloc(sizes[i]);
		if (mbufs[i].buf_addr == NULL)
			abort();
		memcpy(mbufs[i].buf_addr, bytes, sizes[i]);
		mbufs[i].data_len = sizes[i];
		mbufs[i].next = i + 1 < count ? &mbufs[i + 1] : NULL;
		mbufs[0].pkt_len += sizes[i];
		bytes += sizes[i];
	}
	return mbufs;
}

static inline void mbufs_free(struct rte_mbuf *mbufs)
{
	for (struct rte_mbuf *mbuf = mbufs; mbuf != NULL; mbuf = mbuf->next)
		free(mbuf->buf_addr);
	free(mbufs);
}

#endif
