/* SPDX-License-Identifier: BSD-3-Clause */
/* passthru: everything passes, unchanged and in order. What a stack costs, and where a new driver starts. */
#include "im/relay.h"

static struct im_relay_driver driver = {.description = "Sluice passthru"};

IM_PASSIVE static im_status_t bind_adapter(const struct im_bind_config *config)
{
	return im_relay_bind(&driver, config);
}

IM_PASSIVE static void unload(void)
{
	im_relay_unload(&driver);
}

IM_INIT static im_status_t driver_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport; /* the relay's handlers */
	static const struct im_protocol_characteristics protocol = {.bind_adapter = bind_adapter};

	return im_relay_register(&driver, object, &miniport, &protocol, unload);
}

IM_DRIVER("passthru", "passes every packet on")
