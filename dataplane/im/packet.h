/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A packet: a descriptor over a chain of buffers (mbufs), as in the seeds, not the chain itself.
 *
 * The descriptor carries what the contract needs on its way through a stack of drivers: the out-of-band
 * status, and a *packet stack* (2.54): one slot for each driver that has handed it on and waits to get it
 * back. The core keeps the way back in a slot, the driver may keep two words there. A descriptor belongs
 * to the edge that allocated it; its buffers are taken by the port that sends them, so that a completed
 * packet with mbuf == NULL has left the card and one with a mbuf has not.
 *
 *      edge ── send ──> VNIC 1 ── send ──> VNIC 2 ── send ──> port
 *              slot 0: edge's binding      slot 1: 1's binding     slot 2: 2's binding
 *
 * Descriptors are recycled last in, first out, so that the few in flight stay in the first-level cache; the
 * alternative, a private area in each mbuf, costs a cold cache line for each packet of a large pool.
 */
#ifndef IM_PACKET_H
#define IM_PACKET_H

#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "abi/drop.h"
#include "abi/im_status.h"
#include "level.h"

/** Most packets that one call of the core or of a handler gets. */
#define IM_BURST 64u

struct im_packet_slot {
	void *owner; /* core: the binding that sent, or the instance that lent the packet */
	union {
		struct {
			int32_t references; /* core: returns still to come, of a lent packet */
			uint16_t slots;	    /* core: of the packet, as they were before it was shared */
			uint16_t receiver;  /* core: account of the one that has it, and marks */
		};
		uint64_t loan; /* core: those three in one store */
	};
	uintptr_t words[2]; /* the driver's, from handing the packet on until it is back (2.57: its own only) */
};

/** Per-packet info: travels beside the frame, not in it (2.52, 10.32). A copied descriptor takes it along. */
struct im_packet_info {
	uint32_t cancel_id; /* of im_generate_cancel_id(); 0: none (4.23) */
	uint16_t vlan;	    /* 802.1Q info: priority 3 bits, CFI 0, VLAN id 12 bits; 0: none (10.10) */
	uint16_t checksum;  /* IM_CHECKSUM_*: wanted of a send, found of a receive */
	uint16_t mss;	    /* large send: bytes of payload in each segment; 0: no large send (10.35) */
	uint16_t segments;  /* set on completion: frames that a large send became (2.53) */
};

#define IM_CHECKSUM_IPV4     0x01u /* send: fill it in; receive: it is right */
#define IM_CHECKSUM_TCP	     0x02u
#define IM_CHECKSUM_UDP	     0x04u
#define IM_CHECKSUM_IPV4_BAD 0x10u /* receive: it is wrong */
#define IM_CHECKSUM_TCP_BAD  0x20u
#define IM_CHECKSUM_UDP_BAD  0x40u

#define IM_PACKET_SHARED 0x0001u /* several receivers have it: read the buffers, do not take or change them */
#define IM_PACKET_FREE	 0x8000u /* core: in its pool */

struct im_packet {
	struct rte_mbuf *mbuf; /* NULL once a port has taken the buffers */
	uint32_t length;       /* bytes of the frame, all segments */
	uint16_t status;       /* im_status_t: outcome of a send; SUCCESS or RESOURCES of an indication (5.1) */
	uint16_t depth;	       /* core: slots in use */
	uint16_t slots;	       /* core: slots that may be used; a packet with several receivers offers none (2.54) */
	uint16_t flags;	       /* core: IM_PACKET_* */
	struct im_packet_info info;
	struct im_packet_slot stack[];
};

_Static_assert(sizeof(struct im_packet) == 32, "the first slot shares a cache line with the head");

/**
 * Copy @p length bytes into @p packet's buffers, from their beginning: what transfer_data does [5.25]. Their lengths
 * say how much room they are, behind the last one there may be more; afterwards the packet and they are as long as what
 * was copied. Level: DISPATCH. Returns the bytes that there was room for.
 */
IM_DISPATCH uint32_t im_fill_packet(struct im_packet *packet, const void *from, uint32_t length);

/** Copy what a sender asks of the frame to a new descriptor that goes down in its place [2.52]. Level: any. */
static inline void im_copy_send_per_packet_info(struct im_packet *to, const struct im_packet *from)
{
	uint16_t segments = to->info.segments;

	to->info = from->info;
	to->info.segments = segments;
}

/** Copy what the completion tells back to the original [2.53]. Level: any. */
static inline void im_copy_send_complete_per_packet_info(struct im_packet *to, const struct im_packet *from)
{
	to->info.segments = from->info.segments;
}

#endif
