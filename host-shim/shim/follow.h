/* SPDX-License-Identifier: BSD-3-Clause */
/* The device's address, MTU and filters go to the card as OIDs: at best effort, with a line where the card refuses. */
#ifndef SLUICE_SHIM_FOLLOW_H
#define SLUICE_SHIM_FOLLOW_H

#include "miniport/miniport.h"
#include "tap.h"
#include "watch.h"

#define FILTER_DIRECTED	     0x01u
#define FILTER_MULTICAST     0x02u
#define FILTER_ALL_MULTICAST 0x04u
#define FILTER_BROADCAST     0x08u
#define FILTER_PROMISCUOUS   0x20u

/* What the card was told last; zero it. */
struct follow {
	bool told;
	uint32_t port_mtu; /* as it was at the last look; 0: there was none */
	uint32_t filter;
	unsigned multicast_count;
	uint8_t multicast[WATCH_MULTICAST_MAX][6];
	bool list_refused;    /* the list was: all multicast is wanted instead */
	uint8_t asked_mac[6]; /* that the card was asked to take */
	bool filter_said;     /* that the card refuses the filter */
	uint32_t mtu_wanted;  /* by the user, before it was set back ... */
	uint32_t mtu_given;   /* ... to this; 0: it was not */
};

/** The packet filter for a device. @p other_mac: the card's address is another one. Nobody wants the packets of a
 * device that is down: 0. */
uint32_t follow_filter(const struct device_state *state, bool other_mac, bool list_fits);

/** After the card was lost: it may be another policy now, and a card that was dying may have refused what it would
 * take. */
void follow_anew(struct follow *follow);

/** Tells the card what has changed since the last time. Level: PASSIVE. */
void follow_device(struct follow *follow, struct sluice_miniport *miniport, const struct tap *tap,
		   const struct device_state *state);

#endif
