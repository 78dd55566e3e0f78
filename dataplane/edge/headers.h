/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the headers of a frame are, and what they are, as far as an offload goes by them. */
#ifndef EDGE_HEADERS_H
#define EDGE_HEADERS_H

#include "lane.h"

struct edge_headers {
	uint32_t l3, l4; /* offsets */
	uint32_t l4_header;
	uint32_t l4_bytes; /* with that header */
	uint32_t frame;	   /* enum sluice_encapsulation */
	bool ipv6;
	uint16_t l4_kind; /* IM_CHECKSUM_TCP, IM_CHECKSUM_UDP or 0 */
};

/** All of them stand in the first buffer, or this is false; so it is for what is not IP, or lies. Level: DISPATCH. */
IM_DISPATCH bool edge_find_headers(struct rte_mbuf *mbuf, struct edge_headers *headers);

/** The same, and the frame is of a kind that offloads are switched on for (10.34). Level: DISPATCH. */
IM_DISPATCH bool edge_find_asked_headers(const struct edge_port *port, struct rte_mbuf *mbuf,
					 struct edge_headers *headers);

static inline void *edge_header_at(struct rte_mbuf *mbuf, uint32_t offset)
{
	return rte_pktmbuf_mtod_offset(mbuf, void *, offset);
}

#endif
