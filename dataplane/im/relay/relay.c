/* SPDX-License-Identifier: BSD-3-Clause */
/* A relay's registration. Its files: relay_life.c, relay_packets.c, relay_lookahead.c, relay_requests.c,
 * relay_events.c. */
#include "relay_inside.h"

/* What a relay does itself for as long as it lives, and a driver never needs: it asks for no reset. */
IM_DISPATCH static void reset_complete(void *context, im_status_t status)
{
	(void)context;
	(void)status;
}

/* The handlers that a driver may leave to the relay. X(name) */
#define MINIPORT_HANDLERS(X)                                                                                           \
	X(initialize)                                                                                                  \
	X(halt)                                                                                                        \
	X(query_information)                                                                                           \
	X(set_information)                                                                                             \
	X(cancel_request)                                                                                              \
	X(send_packets)                                                                                                \
	X(cancel_send_packets)                                                                                         \
	X(return_packets)                                                                                              \
	X(pause)                                                                                                       \
	X(restart)                                                                                                     \
	X(adapter_shutdown)

#define PROTOCOL_HANDLERS(X)                                                                                           \
	X(unbind_adapter)                                                                                              \
	X(open_adapter_complete)                                                                                       \
	X(close_adapter_complete)                                                                                      \
	X(send_complete)                                                                                               \
	X(receive_packets)                                                                                             \
	X(receive)                                                                                                     \
	X(receive_complete)                                                                                            \
	X(transfer_data_complete)                                                                                      \
	X(request_complete)                                                                                            \
	X(status)                                                                                                      \
	X(status_complete)                                                                                             \
	X(pnp_event)

IM_PASSIVE static void complete_miniport(struct im_miniport_characteristics *c)
{
	c->major_version = IM_MAJOR_VERSION;
	c->minor_version = IM_MINOR_VERSION;
#define X(name) c->name = c->name != NULL ? c->name : im_relay_miniport.name;
	MINIPORT_HANDLERS(X)
#undef X
}

IM_PASSIVE static void complete_protocol(struct im_protocol_characteristics *c)
{
	c->major_version = IM_MAJOR_VERSION;
	c->minor_version = IM_MINOR_VERSION;
#define X(name) c->name = c->name != NULL ? c->name : im_relay_protocol.name;
	PROTOCOL_HANDLERS(X)
	X(reset_complete)
#undef X
}

im_status_t im_relay_register(struct im_relay_driver *driver, struct im_driver_object *object,
			      const struct im_miniport_characteristics *own_miniport,
			      const struct im_protocol_characteristics *own_protocol, void (*unload)(void))
{
	struct im_miniport_characteristics miniport = *own_miniport;
	struct im_protocol_characteristics protocol = *own_protocol;
	im_status_t status;

	complete_miniport(&miniport);
	complete_protocol(&protocol);
	driver->receive_packets = protocol.receive_packets; /* a bind may come inside the registration (1.4) */
	status = im_initialize_wrapper(&driver->wrapper, object);
	if (status != IM_STATUS_SUCCESS)
		return status;
	status = im_register_layered_miniport(driver->wrapper, &miniport, sizeof(miniport), &driver->miniport);
	if (status != IM_STATUS_SUCCESS)
		goto terminate;
	im_register_unload_handler(driver->wrapper, unload);
	status = im_register_protocol(driver->wrapper, &protocol, sizeof(protocol), &driver->protocol);
	if (status != IM_STATUS_SUCCESS)
		goto deregister_miniport;
	status = im_associate_miniport(driver->miniport, driver->protocol);
	if (status == IM_STATUS_SUCCESS)
		return status;
	im_deregister_protocol(driver->protocol);
deregister_miniport:
	im_deregister_layered_miniport(driver->miniport);
terminate:
	im_flush_work(driver->wrapper);
	im_terminate_wrapper(driver->wrapper);
	driver->protocol = NULL;
	driver->miniport = NULL;
	driver->wrapper = NULL;
	return status;
}

void im_relay_unload(struct im_relay_driver *driver)
{
	im_deregister_protocol(driver->protocol);
	im_deregister_layered_miniport(driver->miniport);
	im_flush_work(driver->wrapper);
	driver->protocol = NULL;
	driver->miniport = NULL;
}

const struct im_miniport_characteristics im_relay_miniport = {.major_version = IM_MAJOR_VERSION,
							      .minor_version = IM_MINOR_VERSION,
#define X(handler) .handler = relay_##handler,
							      MINIPORT_HANDLERS(X)
#undef X
};

const struct im_protocol_characteristics im_relay_protocol = {
	.major_version = IM_MAJOR_VERSION,
	.minor_version = IM_MINOR_VERSION,
#define X(handler) .handler = relay_##handler,
	PROTOCOL_HANDLERS(X)
#undef X
		.reset_complete = reset_complete,
};
