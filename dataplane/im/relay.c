/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "relay.h"

/* ---- Binding and VNIC ---------------------------------------------------------------------------- */

im_status_t im_relay_bind(struct im_relay_driver *driver, const struct im_bind_config *config)
{
	struct im_relay *relay;
	im_status_t status;

	if (config->vnic_count != 1)
		return IM_STATUS_INVALID_PARAMETER;
	relay = calloc(1, sizeof(*relay));
	if (relay == NULL)
		return IM_STATUS_RESOURCES;
	relay->driver = driver;
	status = im_open_adapter(&relay->below, driver->protocol, relay, config->adapter);
	if (status != IM_STATUS_SUCCESS) {
		free(relay);
		return status;
	}
	status = im_initialize_device_instance(driver->miniport, config->vnic_names[0], relay);
	if (status != IM_STATUS_SUCCESS) {
		im_close_adapter(relay->below);
		free(relay);
	}
	return status;
}

/* VNIC first, then the binding, then the memory (1.38). */
IM_PASSIVE static void unbind_adapter(void *context)
{
	struct im_relay *relay = context;

	im_deinitialize_device_instance(relay->instance);
	im_close_adapter(relay->below);
	free(relay);
}

IM_PASSIVE static im_status_t initialize(struct im_instance *instance, void *device_context)
{
	struct im_relay *relay = device_context;

	relay->instance = instance;
	im_set_attributes(instance, relay,
			  IM_ATTRIBUTE_INTERMEDIATE_DRIVER | IM_ATTRIBUTE_DESERIALIZE |
				  IM_ATTRIBUTE_NO_HALT_ON_SUSPEND | IM_ATTRIBUTE_IGNORE_TIMEOUTS);
	return IM_STATUS_SUCCESS;
}

IM_PASSIVE static void halt(void *context)
{
	struct im_relay *relay = context;

	relay->instance = NULL; /* the memory is the binding's */
}

/* ---- Packets ------------------------------------------------------------------------------------- */

IM_DISPATCH static void send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	struct im_relay *relay = context;

	im_send_packets(relay->below, packets, count);
}

IM_DISPATCH static void send_complete(void *context, struct im_packet **packets, uint16_t count)
{
	struct im_relay *relay = context;

	im_send_complete(relay->instance, packets, count);
}

IM_DISPATCH static void receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	struct im_relay *relay = context;

	if (packets[0]->status == IM_STATUS_SUCCESS) /* else lent for the call only: the count stays 0 (5.15) */
		for (uint16_t i = 0; i < count; i++)
			references[i] = 1;
	im_indicate_receive_packets(relay->instance, packets, count);
}

IM_DISPATCH static void return_packets(void *context, struct im_packet **packets, uint16_t count)
{
	struct im_relay *relay = context;

	im_return_packets(relay->below, packets, count);
}

/* ---- Requests ------------------------------------------------------------------------------------ */

/* What the VNIC answers itself; the rest is the adapter's below (6.27-6.45, first column). */
IM_PASSIVE static im_status_t query_own(struct im_relay *relay, uint32_t oid, void *buffer, uint32_t length,
					uint32_t *written, uint32_t *needed)
{
	struct im_account sum;
	uint32_t version = 1u << 16;

	im_read_account(im_instance_account(relay->instance), &sum);
	switch (oid) {
	case SLUICE_OID_GEN_VENDOR_DESCRIPTION:
		return im_answer(relay->driver->description, (uint32_t)strlen(relay->driver->description), buffer,
				 length, written, needed);
	case SLUICE_OID_GEN_VENDOR_DRIVER_VERSION:
		return im_answer(&version, sizeof(version), buffer, length, written, needed);
	case SLUICE_OID_GEN_XMIT_OK: /* as they were completed (4.36) */
		return im_answer_counter(sum.sends_good, buffer, length, written, needed);
	case SLUICE_OID_GEN_XMIT_ERROR:
		return im_answer_counter(sum.sends_done - sum.sends_good, buffer, length, written, needed);
	case SLUICE_OID_GEN_RCV_OK:
		return im_answer_counter(sum.indicated, buffer, length, written, needed);
	default:
		return IM_STATUS_NOT_SUPPORTED;
	}
}

IM_PASSIVE static im_status_t query_information(void *context, uint32_t oid, void *buffer, uint32_t length,
						uint32_t *written, uint32_t *needed)
{
	struct im_relay *relay = context;
	struct im_request below = {.oid = oid, .buffer = buffer, .length = length};
	im_status_t status = query_own(relay, oid, buffer, length, written, needed);

	if (status != IM_STATUS_NOT_SUPPORTED)
		return status;
	status = im_request(relay->below, &below);
	*written = below.done;
	*needed = below.needed;
	return status;
}

IM_PASSIVE static im_status_t set_information(void *context, uint32_t oid, const void *buffer, uint32_t length,
					      uint32_t *read, uint32_t *needed)
{
	struct im_relay *relay = context;
	struct im_request below = {.set = true, .oid = oid, .buffer = (void *)(uintptr_t)buffer, .length = length};
	im_status_t status = im_request(relay->below, &below);

	*read = below.done;
	*needed = below.needed;
	return status;
}

/* ---- Registration -------------------------------------------------------------------------------- */

#define OR_RELAYS(member, own) ((member) != NULL ? (member) : (own))

IM_INIT static void complete_miniport(struct im_miniport_characteristics *c)
{
	c->major_version = IM_MAJOR_VERSION;
	c->minor_version = IM_MINOR_VERSION;
	c->initialize = OR_RELAYS(c->initialize, initialize);
	c->halt = OR_RELAYS(c->halt, halt);
	c->query_information = OR_RELAYS(c->query_information, query_information);
	c->set_information = OR_RELAYS(c->set_information, set_information);
	c->send_packets = OR_RELAYS(c->send_packets, send_packets);
	c->return_packets = OR_RELAYS(c->return_packets, return_packets);
}

IM_INIT static void complete_protocol(struct im_protocol_characteristics *c)
{
	c->major_version = IM_MAJOR_VERSION;
	c->minor_version = IM_MINOR_VERSION;
	c->unbind_adapter = OR_RELAYS(c->unbind_adapter, unbind_adapter);
	c->send_complete = OR_RELAYS(c->send_complete, send_complete);
	c->receive_packets = OR_RELAYS(c->receive_packets, receive_packets);
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
	im_terminate_wrapper(driver->wrapper);
	return status;
}

void im_relay_unload(struct im_relay_driver *driver)
{
	im_deregister_protocol(driver->protocol);
	im_deregister_layered_miniport(driver->miniport);
	driver->protocol = NULL;
	driver->miniport = NULL;
}
