/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_ip.h>
#include <rte_net.h>

#include "headers.h"

/* Bytes behind the header at `l3`, as that says; 0: it lies. */
IM_DISPATCH static uint32_t payload_of(struct rte_mbuf *mbuf, const struct edge_headers *headers)
{
	const struct rte_ipv6_hdr *ipv6 = edge_header_at(mbuf, headers->l3);
	const struct rte_ipv4_hdr *ipv4 = edge_header_at(mbuf, headers->l3);
	uint32_t end = headers->ipv6 ? headers->l3 + sizeof(*ipv6) + rte_be_to_cpu_16(ipv6->payload_len)
				     : headers->l3 + rte_be_to_cpu_16(ipv4->total_length);

	return end > headers->l4 && end <= rte_pktmbuf_pkt_len(mbuf) ? end - headers->l4 : 0;
}

/* The mbuf stays as it is: others may look at the frame meanwhile. */
bool edge_find_headers(struct rte_mbuf *mbuf, struct edge_headers *headers)
{
	struct rte_net_hdr_lens lengths = {0};
	uint32_t type = rte_net_get_ptype(mbuf, &lengths, RTE_PTYPE_ALL_MASK);
	uint32_t l4 = type & RTE_PTYPE_L4_MASK;

	headers->l3 = lengths.l2_len;
	headers->l4 = headers->l3 + lengths.l3_len;
	headers->l4_header = lengths.l4_len;
	headers->frame = (type & RTE_PTYPE_L2_MASK) == RTE_PTYPE_L2_ETHER ? SLUICE_ENCAPSULATION_PLAIN
									  : SLUICE_ENCAPSULATION_TAGGED;
	headers->ipv6 = RTE_ETH_IS_IPV6_HDR(type);
	headers->l4_kind = l4 == RTE_PTYPE_L4_TCP ? IM_CHECKSUM_TCP : l4 == RTE_PTYPE_L4_UDP ? IM_CHECKSUM_UDP : 0;
	if (!RTE_ETH_IS_IPV4_HDR(type) && !headers->ipv6)
		return false;
	if (headers->l4 + lengths.l4_len > rte_pktmbuf_data_len(mbuf))
		return false;
	headers->l4_bytes = payload_of(mbuf, headers);
	return headers->l4_bytes >= lengths.l4_len && headers->l4_bytes > 0;
}

bool edge_find_asked_headers(const struct edge_port *port, struct rte_mbuf *mbuf, struct edge_headers *headers)
{
	return edge_find_headers(mbuf, headers) &&
	       (headers->frame & __atomic_load_n(&port->encapsulation, __ATOMIC_RELAXED)) != 0;
}
