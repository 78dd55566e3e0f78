/* SPDX-License-Identifier: BSD-3-Clause */
/* What a bind says of a VNIC: "vlan=100,mac=02:00:00:00:00:09", each at most once, or nothing. */
#ifndef MUX_OPTIONS_H
#define MUX_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "im/station.h"

#define MUX_VNICS_MAX 63u /* numbers that fit into an address that is made */

struct mux_options {
	uint16_t vlan; /* 0: none */
	bool has_address;
	uint8_t address[IM_ADDRESS_SIZE];
};

/** Read @p text (NULL: nothing). False: it is none of that, or says what cannot be. Level: PASSIVE. */
IM_PASSIVE bool mux_options_read(const char *text, struct mux_options *options);

/** The address of VNIC @p number over an adapter with @p below: locally administered, unlike the adapter's and unlike
 * those of all other numbers [10.6]. Level: any. */
void mux_make_address(const uint8_t *below, uint32_t number, uint8_t *address);

#endif
