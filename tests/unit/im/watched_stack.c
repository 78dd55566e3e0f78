/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "watched.h"

struct watched_stack watched;

static struct im_packet *packets_made[WATCHED_MAX];
static uint32_t packet_count;

/* ---- nic: a plain miniport ------------------------------------------------------------------------ */

static void note(struct watched_log *log, struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		assert_true(log->count < WATCHED_MAX);
		log->packets[log->count] = packets[i];
		log->statuses[log->count++] = packets[i]->status;
	}
}

static im_status_t initialize_nic(struct im_instance *instance, void *device_context)
{
	(void)device_context;
	watched.nic = instance;
	im_set_attributes(instance, &watched, IM_ATTRIBUTE_DESERIALIZE | watched.timeouts);
	return IM_STATUS_SUCCESS;
}

static void halt_nic(void *context)
{
	(void)context;
	watched.nic = NULL;
}

static im_status_t query(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			 uint32_t *needed)
{
	(void)context;
	(void)oid;
	(void)buffer;
	(void)length;
	(void)written;
	(void)needed;
	return IM_STATUS_NOT_SUPPORTED;
}

static im_status_t set(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
		       uint32_t *needed)
{
	(void)context;
	(void)oid;
	(void)buffer;
	(void)needed;
	*read = length;
	return IM_STATUS_SUCCESS;
}

static im_status_t reset(bool *addressing_reset, void *context)
{
	(void)context;
	*addressing_reset = false;
	return IM_STATUS_NOT_RESETTABLE;
}

static void send_to_nic(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context;
	note(&watched.sent, packets, count);
}

static void return_to_nic(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context;
	note(&watched.home, packets, count);
}

static void shut_down_nic(void *context)
{
	(void)context;
}

static im_status_t nic_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport = {
		.major_version = 4,
		.initialize = initialize_nic,
		.halt = halt_nic,
		.query_information = query,
		.set_information = set,
		.reset = reset,
		.send_packets = send_to_nic,
		.return_packets = return_to_nic,
		.adapter_shutdown = shut_down_nic,
	};
	struct im_wrapper *wrapper;

	assert_int_equal(im_initialize_wrapper(&wrapper, object), IM_STATUS_SUCCESS);
	return im_register_miniport(wrapper, &miniport, sizeof(miniport));
}

/* ---- mid: an intermediate driver -------------------------------------------------------------------- */

static struct im_miniport *mid_miniport;
static struct im_protocol *mid_protocol, *top_protocol;

static im_status_t initialize_mid(struct im_instance *instance, void *device_context)
{
	(void)device_context;
	watched.mid = instance;
	im_set_attributes(instance, &watched, IM_ATTRIBUTE_INTERMEDIATE_DRIVER | IM_ATTRIBUTE_DESERIALIZE);
	return IM_STATUS_SUCCESS;
}

static void halt_mid(void *context)
{
	(void)context;
	if (watched.in_halt != NULL)
		watched.in_halt();
	watched.mid = NULL;
}

static void send_to_mid(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context;
	if (watched.in_send != NULL)
		watched.in_send(packets, count);
	else
		im_send_packets(watched.mid_binding, packets, count);
}

static void return_to_mid(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context;
	if (watched.in_return != NULL)
		watched.in_return(packets, count);
	else
		im_return_packets(watched.mid_binding, packets, count);
}

static void complete_to_mid(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context;
	if (watched.in_complete != NULL)
		watched.in_complete(packets, count);
	else
		im_send_complete(watched.mid, packets, count);
}

static void receive_at_mid(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	(void)context;
	if (watched.in_receive != NULL) {
		watched.in_receive(packets, count, references);
		return;
	}
	for (uint16_t i = 0; i < count; i++)
		references[i] = 1;
	im_indicate_receive_packets(watched.mid, packets, count);
}

static im_status_t look_at_mid(void *context, const struct im_lookahead *lookahead)
{
	(void)context;
	if (watched.in_look != NULL)
		watched.in_look(lookahead->receive_context);
	return IM_STATUS_NOT_ACCEPTED;
}

static im_status_t open_over(struct im_binding **binding, struct im_protocol *protocol,
			     const struct im_bind_config *config)
{
	static const uint32_t medium = IM_MEDIUM_802_3;
	struct im_open open = {.context = &watched, .media = &medium, .media_count = 1};

	return im_open_adapter(binding, protocol, config, &open);
}

static im_status_t bind_mid(const struct im_bind_config *config)
{
	im_status_t status = open_over(&watched.mid_binding, mid_protocol, config);

	if (status != IM_STATUS_SUCCESS)
		return status;
	return im_initialize_device_instance(mid_miniport, "mid", NULL);
}

static im_status_t unbind_mid(void *context, void *unbind_context)
{
	(void)context;
	(void)unbind_context;
	if (watched.mid != NULL)
		im_deinitialize_device_instance(watched.mid);
	im_close_adapter(watched.mid_binding);
	watched.mid_binding = NULL;
	return IM_STATUS_SUCCESS;
}

static void ignore_status(void *context, uint32_t indication, const void *buffer, uint32_t length)
{
	(void)context;
	(void)indication;
	(void)buffer;
	(void)length;
}

static void ignore(void *context)
{
	(void)context;
}

static void ignore_outcome(void *context, im_status_t status)
{
	(void)context;
	(void)status;
}

static void note_request(void *context, struct im_request *request, im_status_t status)
{
	(void)context;
	(void)request;
	watched.requests_done++;
	watched.request_status = status;
}

static im_status_t accept_event(void *context, struct im_pnp_event *event)
{
	(void)context;
	(void)event;
	return IM_STATUS_SUCCESS;
}

static void mid_unload(void)
{
	im_deregister_protocol(mid_protocol);
	im_deregister_layered_miniport(mid_miniport);
}

static const struct im_protocol_characteristics common = {
	.major_version = 4,
	.open_adapter_complete = ignore_outcome,
	.close_adapter_complete = ignore,
	.receive_complete = ignore,
	.request_complete = note_request,
	.reset_complete = ignore_outcome,
	.status = ignore_status,
	.status_complete = ignore,
	.pnp_event = accept_event,
};

static im_status_t mid_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport = {
		.major_version = 4,
		.initialize = initialize_mid,
		.halt = halt_mid,
		.query_information = query,
		.set_information = set,
		.send_packets = send_to_mid,
		.return_packets = return_to_mid,
	};
	struct im_protocol_characteristics protocol = common;
	struct im_wrapper *wrapper;

	protocol.bind_adapter = bind_mid;
	protocol.unbind_adapter = unbind_mid;
	protocol.send_complete = complete_to_mid;
	protocol.receive_packets = receive_at_mid;
	protocol.receive = look_at_mid;
	assert_int_equal(im_initialize_wrapper(&wrapper, object), IM_STATUS_SUCCESS);
	assert_int_equal(im_register_layered_miniport(wrapper, &miniport, sizeof(miniport), &mid_miniport),
			 IM_STATUS_SUCCESS);
	im_register_unload_handler(wrapper, mid_unload);
	assert_int_equal(im_register_protocol(wrapper, &protocol, sizeof(protocol), &mid_protocol), IM_STATUS_SUCCESS);
	return im_associate_miniport(mid_miniport, mid_protocol);
}

/* ---- top: a protocol ------------------------------------------------------------------------------ */

static void complete_to_top(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context;
	note(&watched.done, packets, count);
	if (watched.in_done != NULL)
		watched.in_done(packets, count);
}

static void receive_at_top(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	(void)context;
	note(&watched.received, packets, count);
	for (uint16_t i = 0; i < count; i++)
		references[i] = watched.references;
	if (watched.in_received != NULL)
		watched.in_received(packets, count);
}

static im_status_t look_at_top(void *context, const struct im_lookahead *lookahead)
{
	(void)context;
	watched.shown++;
	if (watched.in_shown != NULL)
		watched.in_shown(lookahead->receive_context);
	return IM_STATUS_SUCCESS;
}

static im_status_t bind_top(const struct im_bind_config *config)
{
	return open_over(&watched.top_binding, top_protocol, config);
}

static im_status_t unbind_top(void *context, void *unbind_context)
{
	(void)context;
	(void)unbind_context;
	im_close_adapter(watched.top_binding);
	watched.top_binding = NULL;
	return IM_STATUS_SUCCESS;
}

static void top_unload(void)
{
	im_deregister_protocol(top_protocol);
}

static im_status_t top_entry(struct im_driver_object *object)
{
	struct im_protocol_characteristics protocol = common;
	struct im_wrapper *wrapper;

	protocol.bind_adapter = bind_top;
	protocol.unbind_adapter = unbind_top;
	protocol.send_complete = complete_to_top;
	protocol.receive_packets = receive_at_top;
	protocol.receive = look_at_top;
	assert_int_equal(im_initialize_wrapper(&wrapper, object), IM_STATUS_SUCCESS);
	assert_int_equal(im_register_protocol(wrapper, &protocol, sizeof(protocol), &top_protocol), IM_STATUS_SUCCESS);
	im_register_unload_handler(wrapper, top_unload);
	return IM_STATUS_SUCCESS;
}

/* ---- The stack ------------------------------------------------------------------------------------ */

static void bind_over(const char *driver, const char *adapter, const char *vnic)
{
	struct im_bind_config config = {.adapter = adapter, .vnic_count = vnic != NULL, .vnic_names = &vnic};

	assert_int_equal(im_bind(im_find_driver(driver), &config), IM_STATUS_SUCCESS);
}

void watched_move_top(const char *adapter)
{
	im_unbind(watched.top_binding);
	bind_over("top", adapter, NULL);
}

/* Before a packet filter is set nothing is indicated (5.9). */
static void want_packets(struct im_instance *instance)
{
	uint32_t filter = 1;
	struct im_request request = {
		.set = true, .oid = SLUICE_OID_GEN_CURRENT_PACKET_FILTER, .buffer = &filter, .length = sizeof(filter)};

	assert_int_equal(im_request_instance(instance, &request), IM_STATUS_SUCCESS);
}

void watched_up(const struct im_verify_options *options)
{
	uint32_t timeouts = watched.timeouts;

	memset(&watched, 0, sizeof(watched));
	watched.timeouts = timeouts;
	watched.references = 1;
	packet_count = 0;
	watched_core_up(2, options);
	assert_int_equal(im_load_driver("nic", nic_entry, "plain miniport"), IM_STATUS_SUCCESS);
	assert_int_equal(im_load_driver("mid", mid_entry, "intermediate driver"), IM_STATUS_SUCCESS);
	assert_int_equal(im_load_driver("top", top_entry, "protocol"), IM_STATUS_SUCCESS);
	assert_int_equal(im_start_plain_instance(im_find_driver("nic"), "nic", NULL), IM_STATUS_SUCCESS);
	bind_over("mid", "nic", "mid");
	bind_over("top", "mid", NULL);
	assert_int_equal(im_restart(watched.nic), IM_STATUS_SUCCESS);
	assert_int_equal(im_restart(watched.mid), IM_STATUS_SUCCESS);
	want_packets(watched.nic);
	want_packets(watched.mid);
}

void watched_down(void)
{
	watched_expect_none();
	if (watched.nic != NULL)
		assert_int_equal(im_deinitialize_device_instance(watched.nic), IM_STATUS_SUCCESS);
	im_unload_drivers();
	watched_core_down();
	for (uint32_t i = 0; i < packet_count; i++)
		free(packets_made[i]);
	packet_count = 0;
	watched.timeouts = 0;
}

struct im_packet *watched_packet(void)
{
	struct im_packet *packet = calloc(1, sizeof(*packet) + 6 * sizeof(packet->stack[0]));

	assert_non_null(packet);
	assert_true(packet_count < WATCHED_MAX);
	packet->slots = 6;
	packet->length = 60;
	packet->status = IM_STATUS_SUCCESS;
	packets_made[packet_count++] = packet;
	return packet;
}

int watched_setup(void **state)
{
	(void)state;
	watched_up(NULL);
	return 0;
}

int watched_teardown(void **state)
{
	(void)state;
	watched_down();
	return 0;
}
