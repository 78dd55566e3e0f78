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
	/** A descriptor, or NULL. Level: DISPATCH. */
	struct im_packet *(*allocate)(void *owner);
	/** Its buffers are gone. Level: DISPATCH. */
	void (*free)(void *owner, struct im_packet *packet);
	/** A frame is whole: packet and buffers are the owner's. Level: DISPATCH. */
	void (*deliver)(void *owner, struct im_packet *packet);
	/** A frame was lost: there were no buffers, or the rest did not come. Level: DISPATCH. */
	void (*lose)(void *owner);
	uint32_t transfers; /* that pend; atomic: the binding is not closed before there are none */
};

/** For `receive`: SUCCESS where the frame is delivered, or will be; NOT_ACCEPTED. Level: DISPATCH. */
IM_DISPATCH im_status_t im_assemble(struct im_assembler *assembler, struct im_binding *binding,
				    const struct im_lookahead *lookahead);

/** For `transfer_data_complete`. Level: DISPATCH. */
IM_DISPATCH void im_assembled(struct im_assembler *assembler, struct im_packet *packet, im_status_t status,
			      uint32_t transferred);

/** Wait until no transfer pends. Level: PASSIVE. */
IM_PASSIVE void im_assemble_wait(const struct im_assembler *assembler);

#endif
