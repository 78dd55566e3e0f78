/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A relay: the intermediate driver that presents one VNIC over one adapter and passes everything on. Drivers of
 * that shape (firewall, meter, mirror ...) start from it and put their own handlers where they differ.
 *
 *      static struct im_relay_driver driver;
 *      static im_status_t bind_adapter(const struct im_bind_config *config)
 *      { return im_relay_bind(&driver, config); }
 */
#ifndef IM_RELAY_H
#define IM_RELAY_H

#include "im.h"

/** A driver's registrations: one static variable in its file. */
struct im_relay_driver {
	struct im_wrapper *wrapper;
	struct im_miniport *miniport;
	struct im_protocol *protocol;
	const char *description; /* answers OID_GEN_VENDOR_DESCRIPTION */
};

/** The context of its VNIC and of its binding, from the first to the last handler. */
struct im_relay {
	struct im_relay_driver *driver;
	struct im_instance *instance; /* VNIC above */
	struct im_binding *below;
};

/**
 * Register miniport, protocol, association and unload handler, in this order; on a failure everything is undone in the
 * reverse order [1.2, 1.12]. Handlers that are NULL in the characteristics are the relay's. Level: PASSIVE (init).
 */
IM_INIT im_status_t im_relay_register(struct im_relay_driver *driver, struct im_driver_object *object,
				      const struct im_miniport_characteristics *miniport,
				      const struct im_protocol_characteristics *protocol, void (*unload)(void));

/** Deregister protocol, then miniport [1.19]. Level: PASSIVE. */
IM_PASSIVE void im_relay_unload(struct im_relay_driver *driver);

/** bind_adapter: open, then bring the one VNIC to life; on a failure close again [1.33, 1.36]. Level: PASSIVE. */
IM_PASSIVE im_status_t im_relay_bind(struct im_relay_driver *driver, const struct im_bind_config *config);

#endif
