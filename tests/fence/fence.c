/* SPDX-License-Identifier: BSD-3-Clause */
#include "fence.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct fence {
	struct rte_mbuf mbuf;
	struct rte_mbuf_ext_shared_info shared;
	uint8_t *pages; /* one, and one that nobody may touch */
};

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static struct rte_mbuf *segment(uint8_t byte)
{
	size_t size = page_size();
	struct fence *fence = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(sizeof(*fence), RTE_CACHE_LINE_SIZE));
	uint8_t *pages = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (fence == NULL || pages == MAP_FAILED || mprotect(pages + size, size, PROT_NONE) != 0)
		abort();
	memset(fence, 0, sizeof(*fence));
	fence->pages = pages;
	fence->mbuf.nb_segs = 1;
	rte_mbuf_refcnt_set(&fence->mbuf, 1);
	rte_mbuf_ext_refcnt_set(&fence->shared, 1);
	rte_pktmbuf_attach_extbuf(&fence->mbuf, pages + size - 1, 0, 1, &fence->shared);
	pages[size - 1] = byte;
	fence->mbuf.data_len = fence->mbuf.pkt_len = 1;
	return &fence->mbuf;
}

struct rte_mbuf *fence_frame(const void *bytes, uint32_t length)
{
	struct rte_mbuf *first = NULL, **link = &first;

	for (uint32_t i = 0; i < length; i++) {
		*link = segment(((const uint8_t *)bytes)[i]);
		link = &(*link)->next;
	}
	first->nb_segs = (uint16_t)length;
	first->pkt_len = length;
	return first;
}

void fence_free(struct rte_mbuf *mbuf)
{
	while (mbuf != NULL) {
		struct fence *fence = (struct fence *)mbuf;

		mbuf = mbuf->next;
		munmap(fence->pages, 2 * page_size());
		free(fence);
	}
}
