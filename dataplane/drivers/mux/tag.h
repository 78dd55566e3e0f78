/* SPDX-License-Identifier: BSD-3-Clause */
/* The 802.1Q tag of a frame: looked at, put in, taken out. */
#ifndef MUX_TAG_H
#define MUX_TAG_H

#include "im/im.h"

#define TAG_SIZE     4u
#define TAG_ID	     0x0fffu
#define TAG_PRIORITY 0xe000u
#define ETHERNET     14u /* bytes of a header without one */

/** What stands at the beginning of a frame. */
struct tag_header {
	uint8_t bytes[ETHERNET + TAG_SIZE]; /* as far as the frame goes; its first six are the destination */
	bool tagged;
	uint16_t tci; /* as in the frame: priority, CFI, id */
};

/** Look at it: a frame too short for a tag has none [10.11]. Level: DISPATCH. */
IM_DISPATCH void tag_look(const struct im_packet *packet, struct tag_header *header);

/** Whether the buffers may be edited in place: they are this packet's alone, and its addresses stand in one piece.
 * Level: DISPATCH. */
IM_DISPATCH bool tag_may_edit(const struct im_packet *packet);

/** Put a tag into buffers that may be edited. False: there is no room before the frame. Level: DISPATCH. */
IM_DISPATCH bool tag_insert(struct rte_mbuf *mbuf, uint16_t tci);

/** Take it out again. Level: DISPATCH. */
IM_DISPATCH void tag_remove(struct rte_mbuf *mbuf);

/** The same bytes in buffers of one's own, which may be edited; NULL: there are none. Level: DISPATCH. */
IM_DISPATCH struct rte_mbuf *tag_copy(const struct rte_mbuf *mbuf);

#endif
