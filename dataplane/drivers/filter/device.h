/* SPDX-License-Identifier: BSD-3-Clause */
/* The control device of the filter (abi/filter.h): there from its first VNIC to its last one. */
#ifndef FILTER_DEVICE_H
#define FILTER_DEVICE_H

#include "im/relay.h"

struct filter_vnic;

/** What a relay of the filter carries for it: relay->own. Zero at first. */
struct filter_own {
	struct filter_vnic *vnic; /* as the control device knows it */
};

/** A VNIC initialises: the device's calls can be for it from now on. RESOURCES. Level: PASSIVE. */
IM_PASSIVE im_status_t filter_device_add(struct im_relay *relay);

/** A VNIC halts: calls find it no more. It does not wait for those that run. Level: PASSIVE. */
IM_PASSIVE void filter_device_remove(struct im_relay *relay);

#endif
