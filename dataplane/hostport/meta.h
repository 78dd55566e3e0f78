/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is said of a frame beside it: struct sluice_frame_meta on the host's side, ol_flags and lengths of the mbuf
 * here.
 *
 * A tag that the host has left out of the frame is put in, so that whoever judges frames sees it. Checksums are left to
 * who sends the frame on the wire, with the flags that ask a device for them.
 */
#ifndef HOSTPORT_META_H
#define HOSTPORT_META_H

#include <stdbool.h>

#include <rte_mbuf.h>

#include "abi/data.h"
#include "im/level.h"

#define META_NEEDS_CSUM 1u /* VIRTIO 1.2, 5.1.6 */
#define META_DATA_VALID 2u

/* Of an mbuf's flags: what a host is told of. */
#define META_TOLD                                                                                                      \
	(RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK | RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_TX_VLAN)

enum meta_gso {
	META_GSO_NONE = 0,
	META_GSO_TCPV4 = 1,
	META_GSO_TCPV6 = 4,
	META_GSO_UDP_L4 = 5,
	META_GSO_ECN = 0x80,
};

/**
 * Do to @p frame, whose bytes are the card's by now, what the host says of it. False: it is malformed, or asks for what
 * cannot be done; the frame is to be dropped.
 */
IM_DISPATCH bool meta_from_host(const struct sluice_frame_meta *meta, struct rte_mbuf *frame);

/** Write what is to be said of @p frame to the host. False: nothing. */
IM_DISPATCH bool meta_for_host(const struct rte_mbuf *frame, struct sluice_frame_meta *meta);

#endif
