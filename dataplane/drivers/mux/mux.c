/* SPDX-License-Identifier: BSD-3-Clause */
/* How a mux comes and goes, and what it hears from its adapter. The order of both is in mux.h. */
#include "mux.h"

#include <stdio.h>
#include <string.h>

static const uint32_t media[] = {IM_MEDIUM_802_3};

/* ---- Memory -------------------------------------------------------------------------------------- */

IM_PASSIVE static void destroy(struct mux *mux)
{
	for (uint32_t i = 0; i < mux->count; i++)
		im_relay_destroy(mux->vnics[i]);
	im_free_packet_pool(mux->pool);
	im_free_memory(mux);
}

IM_PASSIVE static im_status_t create(const struct im_bind_config *config, struct mux **out)
{
	struct mux *mux = im_allocate_memory(mux_driver.wrapper, sizeof(*mux), "mux");

	if (mux == NULL)
		return IM_STATUS_RESOURCES;
	mux->config = config;
	mux->open = (struct im_open){.context = mux, .media = media, .media_count = RTE_DIM(media)};
	mux_assembler_init(mux);
	*out = mux;
	return IM_STATUS_SUCCESS;
}

/* ---- VNICs --------------------------------------------------------------------------------------- */

static bool read_options(const struct im_bind_config *config, uint32_t number, struct mux_options *options)
{
	const char *text = config->vnic_parameters != NULL ? config->vnic_parameters[number] : NULL;

	if (mux_options_read(text, options))
		return true;
	fprintf(stderr, "mux: VNIC '%s': '%s' is not understood; example: vlan=100,mac=02:00:00:00:00:09\n",
		config->vnic_names[number], text);
	return false;
}

/* Everything of it is there before it is asked for (2.39). */
IM_PASSIVE static im_status_t add_vnic(struct mux *mux, uint32_t number)
{
	struct mux_options options;
	struct mux_vnic *vnic;
	im_status_t status;

	if (!read_options(mux->config, number, &options))
		return IM_STATUS_INVALID_PARAMETER;
	status = im_relay_create(&mux_driver, mux->below, mux->config->vnic_names[number], &mux->vnics[number]);
	if (status != IM_STATUS_SUCCESS)
		return status;
	vnic = mux_vnic(mux->vnics[number]);
	vnic->mux = mux;
	vnic->vlan = options.vlan;
	if (options.has_address)
		memcpy(vnic->station.address, options.address, IM_ADDRESS_SIZE);
	else
		mux_make_address(mux->address, number, vnic->station.address);
	mux->count++;
	return IM_STATUS_SUCCESS;
}

IM_PASSIVE static im_status_t add_vnics(struct mux *mux)
{
	im_status_t status;

	status = im_ask(&mux->question, mux->below, SLUICE_OID_802_3_CURRENT_ADDRESS, mux->address,
			sizeof(mux->address));
	for (uint32_t i = 0; i < mux->config->vnic_count && status == IM_STATUS_SUCCESS; i++)
		status = add_vnic(mux, i);
	if (status == IM_STATUS_SUCCESS)
		status = im_allocate_packet_pool(mux_driver.wrapper, MUX_DESCRIPTORS, &mux->pool);
	for (uint32_t i = 0; i < mux->count && status == IM_STATUS_SUCCESS; i++)
		status = im_relay_start(mux->vnics[i]);
	return status;
}

/* A halt tells the adapter what the others want (10.13): what it is left with is what nobody wants (1.38). */
IM_PASSIVE static void stop_vnics(struct mux *mux)
{
	im_acquire_spin_lock(&mux->lock);
	mux->closing = true;
	im_release_spin_lock(&mux->lock);
	for (uint32_t i = 0; i < mux->count; i++)
		mux_fail_wish(mux->vnics[i], IM_STATUS_CLOSING);
	for (uint32_t i = 0; i < mux->count; i++)
		im_relay_stop(mux->vnics[i]);
	for (uint32_t i = 0; i < MUX_SETTINGS; i++)
		im_setting_stop(&mux->settings[i]);
	im_assemble_wait(&mux->assembler);
}

/* ---- Bind and unbind ----------------------------------------------------------------------------- */

/* Returns PENDING where the completion of the close goes on. */
IM_PASSIVE static im_status_t close_below(struct mux *mux)
{
	stop_vnics(mux);
	if (im_close_adapter(mux->below) == IM_STATUS_PENDING)
		return IM_STATUS_PENDING;
	destroy(mux);
	return IM_STATUS_SUCCESS;
}

IM_PASSIVE static im_status_t opened(struct mux *mux, im_status_t status)
{
	if (status != IM_STATUS_SUCCESS) {
		destroy(mux);
		return status;
	}
	mux_settings_init(mux);
	status = add_vnics(mux);
	if (status != IM_STATUS_SUCCESS) {
		mux->bind_status = status;
		return close_below(mux) == IM_STATUS_PENDING ? IM_STATUS_PENDING : status;
	}
	mux->config = NULL; /* an unbind may follow as soon as the bind is complete */
	return status;
}

IM_PASSIVE static im_status_t bind_adapter(const struct im_bind_config *config)
{
	struct mux *mux;
	im_status_t status;

	if (config->vnic_count > MUX_VNICS_MAX)
		return IM_STATUS_INVALID_PARAMETER;
	status = create(config, &mux);
	if (status != IM_STATUS_SUCCESS)
		return status;
	status = im_open_adapter(&mux->below, mux_driver.protocol, config, &mux->open);
	return status == IM_STATUS_PENDING ? status : opened(mux, status);
}

IM_PASSIVE static void open_adapter_complete(void *context, im_status_t status)
{
	struct mux *mux = context;
	const struct im_bind_config *config = mux->config;

	status = opened(mux, status);
	if (status != IM_STATUS_PENDING)
		im_complete_bind_adapter(config, status);
}

IM_PASSIVE static im_status_t unbind_adapter(void *context, void *unbind_context)
{
	struct mux *mux = context;

	mux->unbind_context = unbind_context;
	return close_below(mux);
}

IM_PASSIVE static void close_adapter_complete(void *context)
{
	struct mux *mux = context;
	const struct im_bind_config *config = mux->config;
	void *unbind_context = mux->unbind_context;
	im_status_t status = mux->bind_status;

	destroy(mux);
	if (config != NULL)
		im_complete_bind_adapter(config, status);
	else
		im_complete_unbind_adapter(unbind_context);
}

/* ---- Events -------------------------------------------------------------------------------------- */

static void status(void *context, uint32_t indication, const void *buffer, uint32_t length)
{
	struct mux *mux = context;

	if (indication == IM_INDICATION_CLOSING) {
		im_schedule_unbind(mux->below); /* 3.19 */
		return;
	}
	for (uint32_t i = 0; i < mux->count; i++)
		im_relay_protocol.status(mux->vnics[i], indication, buffer, length);
}

static void status_complete(void *context)
{
	struct mux *mux = context;

	for (uint32_t i = 0; i < mux->count; i++)
		im_relay_protocol.status_complete(mux->vnics[i]);
}

IM_PASSIVE static bool is_home(void *owner)
{
	struct mux *mux = owner;
	bool busy = false;

	for (uint32_t i = 0; i < mux->count; i++)
		busy |= im_relay_has_request(mux->vnics[i]);
	for (uint32_t i = 0; i < MUX_SETTINGS; i++)
		busy |= im_setting_is_busy(&mux->settings[i]);
	return !busy && im_sends_are_home(mux->below);
}

IM_PASSIVE static void slept(void *owner)
{
	struct mux *mux = owner;

	im_complete_pnp_event(mux->event, IM_STATUS_SUCCESS);
}

/* The event is answered when the sends and requests of all VNICs are back (7.23). */
IM_PASSIVE static im_status_t go_to_sleep(struct mux *mux, struct im_pnp_event *event)
{
	for (uint32_t i = 0; i < mux->count; i++)
		im_relay_sleep_below(mux->vnics[i]);
	for (uint32_t i = 0; i < MUX_SETTINGS; i++)
		im_setting_bar(&mux->settings[i], true);
	mux->event = event;
	mux->drain = (struct im_drain){.wrapper = mux_driver.wrapper, .owner = mux, .is_home = is_home, .done = slept};
	return im_drain_begin(&mux->drain) ? IM_STATUS_SUCCESS : IM_STATUS_PENDING;
}

/* The others end inside the call, and the first refusal counts. */
IM_PASSIVE static im_status_t tell_all(struct mux *mux, struct im_pnp_event *event)
{
	im_status_t status = IM_STATUS_SUCCESS;

	for (uint32_t i = 0; i < mux->count && status == IM_STATUS_SUCCESS; i++)
		status = im_relay_protocol.pnp_event(mux->vnics[i], event);
	return status;
}

IM_PASSIVE static im_status_t pnp_event(void *context, struct im_pnp_event *event)
{
	struct mux *mux = context;
	im_status_t status;

	if (event->code == IM_PNP_SET_POWER && event->power != IM_POWER_D0)
		return go_to_sleep(mux, event);
	status = tell_all(mux, event);
	for (uint32_t i = 0; i < MUX_SETTINGS && event->code == IM_PNP_SET_POWER; i++)
		im_setting_bar(&mux->settings[i], false); /* 7.24 */
	return status;
}

/* ---- The driver ---------------------------------------------------------------------------------- */

struct im_relay_driver mux_driver = {
	.description = "Sluice mux: several VNICs over one adapter",
	.own_size = sizeof(struct mux_vnic),
	.oids = mux_oids,
	.edits_frames = true, /* a tag shifts what an offload below would look at (10.33) */
	.stop = mux_forget_wants,
	.sent = mux_sent,
	.returned = mux_returned,
	.answered = mux_answered,
};

IM_PASSIVE static void unload(void)
{
	im_relay_unload(&mux_driver);
}

IM_INIT static im_status_t driver_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport = {
		.query_information = mux_query_information,
		.set_information = mux_set_information,
		.cancel_request = mux_cancel_request,
		.send_packets = mux_send_packets,
	};
	static const struct im_protocol_characteristics protocol = {
		.bind_adapter = bind_adapter,
		.unbind_adapter = unbind_adapter,
		.open_adapter_complete = open_adapter_complete,
		.close_adapter_complete = close_adapter_complete,
		.send_complete = mux_send_complete,
		.receive_packets = mux_receive_packets,
		.receive = mux_receive,
		.receive_complete = mux_receive_complete,
		.transfer_data_complete = mux_transfer_data_complete,
		.request_complete = mux_request_complete,
		.status = status,
		.status_complete = status_complete,
		.pnp_event = pnp_event,
	};

	mux_driver.oid_count = mux_oid_count;
	return im_relay_register(&mux_driver, object, &miniport, &protocol, unload);
}

IM_DRIVER("mux", "several VNICs over one adapter, each with an address and, if wanted, a VLAN of its own")
