/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames that come by look-ahead, made into packets with buffers of the card, for protocols that want whole ones
 * (5.23-5.25).
 *
 *   [ header ][ data in sight ]   copied at once
 *   [ rest ]                      into buffers behind them, by im_transfer_data(), which may pend
 */
#ifndef IM_ASSEMBLE_H
#define IM_ASSEMBLE_H

#include "level.h"
#include "miniport.h"

/** Embedded in what a binding belongs to; all but the last is set up before the first frame comes. */
struct im_assembler {
	void *owner;
	/** A descriptor of the owner's own pool [2.55] with a slot free, or NULL [5.22]. Level: DISPATCH. */
	struct im_packet *(*allocate)(void *owner);
	/** Take one back; its buffers are off it [5.21]. Level: DISPATCH. */
	void (*free)(void *owner, struct im_packet *packet);
	/** A frame is whole [5.25]: packet and buffers are the owner's. Level: DISPATCH. */
	void (*deliver)(void *owner, struct im_packet *packet);
	/** A frame was lost, to be counted [5.22]: there were no buffers, or the rest did not come. Level: DISPATCH. */
	void (*lose)(void *owner);
	uint32_t transfers; /* that pend; atomic: the binding is not closed before there are none */
};

/** For `receive`: copy what is in sight, and have the rest copied [5.23, 5.24]. SUCCESS where the frame is delivered,
 * or will be; NOT_ACCEPTED where it was lost [5.28]. Level: DISPATCH. */
IM_DISPATCH im_status_t im_assemble(struct im_assembler *assembler, struct im_binding *binding,
				    const struct im_lookahead *lookahead);

/** For `transfer_data_complete` [3.10]: the packet is delivered, or lost where not all of the rest came [5.25]. Level:
 * DISPATCH. */
IM_DISPATCH void im_assembled(struct im_assembler *assembler, struct im_packet *packet, im_status_t status,
			      uint32_t transferred);

/** Wait until no transfer pends: before the binding is closed [3.21]. Level: PASSIVE. */
IM_PASSIVE void im_assemble_wait(const struct im_assembler *assembler);

#endif
