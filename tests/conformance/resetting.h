/* SPDX-License-Identifier: BSD-3-Clause */
/* A nic that resets for as long as the test wants, below a stack with eight packets of the top's. */
#ifndef CONFORMANCE_RESETTING_H
#define CONFORMANCE_RESETTING_H

#include "shipped.h"

#define RESETTING_PACKETS 8u

struct resetting {
	struct im_packet *packets[RESETTING_PACKETS];
	struct im_request query;
	uint32_t speed; /* its answer */
};

extern struct resetting resetting;

/** The core resets the nic, which says that it hangs; it lasts until resetting_end(). */
void resetting_begin(void);
void resetting_complete(void);
void resetting_end(void);

/** Send some of the packets from the top. */
void resetting_send(uint16_t first, uint16_t count);

/** Ask the nic for its speed, from the top. */
im_status_t resetting_ask(void);

/** Free the packets, and rig_end(). */
void resetting_down(void);

#endif
