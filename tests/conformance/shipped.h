/* SPDX-License-Identifier: BSD-3-Clause */
/* The relay that ships (im/relay.h) as a driver under test: "relay", between the nic and the top. */
#ifndef CONFORMANCE_SHIPPED_H
#define CONFORMANCE_SHIPPED_H

#include "im/relay.h"
#include "rig.h"

/** Its driver: what it registered, once it is loaded. `start` and `stop` may be replaced before. */
extern struct im_relay_driver shipped;

/** How often its unload handler ran since shipped_begin(). */
extern unsigned shipped_unloads;

/** rig_begin() with a plain nic; the relay's hooks are as new. */
void shipped_begin(const struct host_options *options);

/** Its entry: registers with im_relay_register(), no handlers of its own. */
im_status_t shipped_entry(struct im_driver_object *object);
im_status_t shipped_load(void);

/** As rig_build(), with relays "r0" (uppermost), "r1" ... in place of mids. */
void shipped_build(unsigned levels);

/** The parts: all but the relays; one more relay; the top, which sets a packet filter. */
void shipped_load_all(void);
void shipped_bind(const char *adapter, const char *vnic);
void shipped_bind_top(const char *adapter);

#endif
