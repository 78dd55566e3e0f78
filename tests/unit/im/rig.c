/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "rig.h"

struct rig_nic rig_nic, rig_nic2;
struct rig_top rig_top, rig_top2, rig_top3;
static struct rig_top *const tops[] = {&rig_top, &rig_top2, &rig_top3};
char rig_events[1024];

void rig_event(const char *what, const char *name)
{
	size_t used = strlen(rig_events);

	snprintf(rig_events + used, sizeof(rig_events) - used, "%s%s:%s", used > 0 ? " " : "", what, name);
}

static void note(struct rig_log *log, struct im_packet **packets, uint16_t count)
{
	log->calls++;
	log->largest = RTE_MAX(log->largest, count);
	for (uint16_t i = 0; i < count; i++) {
		assert_true(log->count < RIG_LOG_MAX);
		log->packets[log->count] = packets[i];
		log->statuses[log->count++] = packets[i]->status;
	}
}

/* ---- nic: a plain miniport ------------------------------------------------------------------------ */

static bool is_serialised(const char *driver)
{
	return strncmp(driver, "serial", 6) == 0;
}

static im_status_t nic_initialize(struct im_instance *instance, void *device_context)
{
	struct rig_nic *nic = device_context;
	const char *driver = instance->miniport->wrapper->object->name;

	nic->instance = instance;
	im_set_attributes(instance, nic, nic->attributes | (is_serialised(driver) ? 0 : IM_ATTRIBUTE_DESERIALIZE));
	return IM_STATUS_SUCCESS;
}

static void nic_halt(void *context)
{
	struct rig_nic *nic = context;

	nic->halted++;
	nic->instance = NULL;
	rig_event("halt", "nic");
}

static im_status_t nic_query(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			     uint32_t *needed)
{
	struct rig_nic *nic = context;
	uint32_t speed = 10000;

	if (oid == SLUICE_OID_GEN_LINK_SPEED)
		return im_answer(&speed, sizeof(speed), buffer, length, written, needed);
	if (oid == SLUICE_OID_802_3_CURRENT_ADDRESS)
		return im_answer(nic->address, sizeof(nic->address), buffer, length, written, needed);
	return IM_STATUS_NOT_SUPPORTED;
}

static im_status_t nic_set(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
			   uint32_t *needed)
{
	(void)context;
	(void)buffer;
	if (oid != SLUICE_OID_GEN_CURRENT_LOOKAHEAD && oid != SLUICE_OID_GEN_CURRENT_PACKET_FILTER)
		return IM_STATUS_NOT_SUPPORTED;
	if (length != 4) {
		*needed = 4;
		return IM_STATUS_INVALID_LENGTH;
	}
	*read = 4;
	return IM_STATUS_SUCCESS;
}

static im_status_t nic_reset(bool *addressing_reset, void *context)
{
	(void)context;
	*addressing_reset = false;
	return IM_STATUS_NOT_RESETTABLE;
}

static void begin_send(struct rig_nic *nic, struct im_packet **packets, uint16_t count)
{
	note(&nic->sent, packets, count);
	nic->inside++;
	if (nic->in_send != NULL)
		nic->in_send(nic, packets, count);
}

static void nic_send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_nic *nic = context;

	begin_send(nic, packets, count);
	for (uint16_t i = 0; nic->when == RIG_INLINE && i < count; i++)
		packets[i]->status = (uint16_t)nic->status;
	if (nic->when == RIG_INLINE)
		im_send_complete(nic->instance, packets, count);
	nic->inside--;
}

static im_status_t nic_send(void *context, struct im_packet *packet, uint32_t flags)
{
	struct rig_nic *nic = context;

	assert_int_equal(flags, 0);
	begin_send(nic, &packet, 1);
	nic->inside--;
	return nic->when == RIG_LATER ? IM_STATUS_PENDING : nic->status;
}

/* What a serialised one answers for a packet: it takes as many as it has room for (4.5, 4.7). */
static im_status_t answer(struct rig_nic *nic)
{
	if (nic->room == 0)
		return IM_STATUS_RESOURCES;
	nic->room--;
	return nic->when == RIG_LATER ? IM_STATUS_PENDING : nic->status;
}

static void serial_send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_nic *nic = context;

	begin_send(nic, packets, count);
	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = (uint16_t)answer(nic);
	nic->inside--;
}

static im_status_t serial_send(void *context, struct im_packet *packet, uint32_t flags)
{
	struct rig_nic *nic = context;
	im_status_t status;

	assert_int_equal(flags, 0);
	begin_send(nic, &packet, 1);
	status = answer(nic);
	nic->inside--;
	return status;
}

static void nic_return_packets(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_nic *nic = context;

	note(&nic->home, packets, count);
	nic->outstanding = im_outstanding(nic->instance);
}

static void nic_cancel(void *context, uint32_t cancel_id)
{
	struct rig_nic *nic = context;

	nic->cancels++;
	nic->cancelled = cancel_id;
}

static im_status_t nic_transfer(struct im_packet *packet, uint32_t *transferred, void *context, void *receive_context,
				uint32_t offset, uint32_t length)
{
	struct rig_nic *nic = context;

	assert_ptr_equal(receive_context, nic);
	nic->transfers++;
	nic->transferring = packet;
	offset = RTE_MIN(offset, nic->frame_length);
	*transferred = im_fill_packet(packet, nic->frame + offset, RTE_MIN(length, nic->frame_length - offset));
	return nic->when == RIG_LATER ? IM_STATUS_PENDING : nic->status;
}

static void nic_adapter_shutdown(void *context)
{
	(void)context;
}

static im_status_t nic_entry(struct im_driver_object *object)
{
	struct im_miniport_characteristics miniport = {
		.major_version = 3,
		.initialize = nic_initialize,
		.halt = nic_halt,
		.query_information = nic_query,
		.set_information = nic_set,
		.reset = nic_reset,
		.return_packets = nic_return_packets,
		.adapter_shutdown = nic_adapter_shutdown,
		.cancel_send_packets = nic_cancel,
		.transfer_data = nic_transfer,
	};
	bool single = object->name[strlen(object->name) - 1] == '1';
	struct im_wrapper *wrapper;

	if (single)
		miniport.send = is_serialised(object->name) ? serial_send : nic_send;
	else
		miniport.send_packets = is_serialised(object->name) ? serial_send_packets : nic_send_packets;
	assert_int_equal(im_initialize_wrapper(&wrapper, object), IM_STATUS_SUCCESS);
	assert_int_equal(im_register_miniport(wrapper, &miniport, sizeof(miniport)), IM_STATUS_SUCCESS);
	return IM_STATUS_SUCCESS;
}

/* ---- top and top2: protocols ----------------------------------------------------------------------- */

static struct im_protocol *top_protocol, *top2_protocol;

static im_status_t bind_top(struct im_protocol *protocol, const struct im_bind_config *config)
{
	const uint32_t media[] = {IM_MEDIUM_802_3};
	uint32_t free_one = 0;
	struct im_open open = {.media = media, .media_count = 1};

	while (tops[free_one]->binding != NULL)
		assert_true(++free_one < RTE_DIM(tops));
	open.context = tops[free_one];
	return im_open_adapter(&tops[free_one]->binding, protocol, config, &open);
}

static im_status_t top_bind(const struct im_bind_config *config)
{
	return bind_top(top_protocol, config);
}

static im_status_t top2_bind(const struct im_bind_config *config)
{
	return bind_top(top2_protocol, config);
}

static im_status_t top_unbind(void *context, void *unbind_context)
{
	struct rig_top *top = context;
	struct im_binding *binding = top->binding;

	(void)unbind_context;
	rig_event("unbind", "top");
	top->unbound++;
	top->binding = NULL;
	im_close_adapter(binding);
	return IM_STATUS_SUCCESS;
}

static void top_send_complete(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_top *top = context;

	note(&top->done, packets, count);
	top->outstanding = im_outstanding(top->binding->lower);
	if (top->in_done != NULL)
		top->in_done(top, packets, count);
}

static void top_receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	struct rig_top *top = context;

	note(&top->received, packets, count);
	if (top->in_received != NULL)
		top->in_received(top, packets, count);
	for (uint16_t i = 0; i < count; i++) {
		assert_int_equal(references[i], 0);
		references[i] = top->references;
	}
	for (uint16_t k = 0; top->when == RIG_INLINE && k < top->references; k++)
		im_return_packets(top->binding, packets, count);
}

static im_status_t top_receive(void *context, const struct im_lookahead *lookahead)
{
	struct rig_top *top = context;
	struct rig_look *looked = &top->looked;
	uint32_t data = RTE_MIN(lookahead->data_length, RIG_FRAME_MAX - lookahead->header_length);

	looked->header_length = lookahead->header_length;
	looked->data_length = lookahead->data_length;
	looked->packet_length = lookahead->packet_length;
	memcpy(looked->bytes, lookahead->header, lookahead->header_length);
	memcpy(looked->bytes + lookahead->header_length, lookahead->data, data);
	assert_true(looked->calls < RIG_LOG_MAX);
	looked->lengths[looked->calls++] = lookahead->header_length + lookahead->packet_length;
	return top->in_receive != NULL ? top->in_receive(top, lookahead) : IM_STATUS_SUCCESS;
}

static void top_receive_complete(void *context)
{
	struct rig_top *top = context;

	top->complete++;
}

static void top_transfer_complete(void *context, struct im_packet *packet, im_status_t status, uint32_t transferred)
{
	struct rig_top *top = context;

	top->transfers++;
	top->transfer = packet;
	top->transfer_status = status;
	top->transferred = transferred;
}

static void top_opened(void *context, im_status_t status)
{
	(void)context, (void)status;
}

static void top_closed(void *context)
{
	(void)context;
}

static void top_request_complete(void *context, struct im_request *request, im_status_t status)
{
	(void)context, (void)request, (void)status;
}

static void top_reset_complete(void *context, im_status_t status)
{
	(void)context, (void)status;
}

static void top_status(void *context, uint32_t indication, const void *buffer, uint32_t length)
{
	(void)context, (void)indication, (void)buffer, (void)length;
}

static void top_status_complete(void *context)
{
	(void)context;
}

static im_status_t top_pnp_event(void *context, struct im_pnp_event *event)
{
	(void)context, (void)event;
	return IM_STATUS_SUCCESS;
}

static void top_unload(void)
{
	rig_event("unload", "top");
	im_deregister_protocol(top_protocol);
	top_protocol = NULL;
}

static void top2_unload(void)
{
	im_deregister_protocol(top2_protocol);
	top2_protocol = NULL;
}

static im_status_t top_entry(struct im_driver_object *object)
{
	bool second = strcmp(object->name, "top2") == 0;
	const struct im_protocol_characteristics protocol = {
		.major_version = 3,
		.bind_adapter = second ? top2_bind : top_bind,
		.unbind_adapter = top_unbind,
		.open_adapter_complete = top_opened,
		.close_adapter_complete = top_closed,
		.send_complete = top_send_complete,
		.receive_packets = top_receive_packets,
		.receive = top_receive,
		.receive_complete = top_receive_complete,
		.transfer_data_complete = top_transfer_complete,
		.request_complete = top_request_complete,
		.reset_complete = top_reset_complete,
		.status = top_status,
		.status_complete = top_status_complete,
		.pnp_event = top_pnp_event,
	};
	struct im_wrapper *wrapper;

	assert_int_equal(im_initialize_wrapper(&wrapper, object), IM_STATUS_SUCCESS);
	assert_int_equal(
		im_register_protocol(wrapper, &protocol, sizeof(protocol), second ? &top2_protocol : &top_protocol),
		IM_STATUS_SUCCESS);
	im_register_unload_handler(wrapper, second ? top2_unload : top_unload);
	return IM_STATUS_SUCCESS;
}

/* ---- Stacks --------------------------------------------------------------------------------------- */

static void load(const char *name, im_driver_entry_t entry)
{
	assert_int_equal(im_load_driver(name, entry, "of the rig"), IM_STATUS_SUCCESS);
}

static enum rig_mode mode;
static bool counting;

void rig_as(enum rig_mode wanted)
{
	mode = wanted;
}

void rig_unverified(void)
{
	if (mode == RIG_VERIFIED)
		skip();
}

void rig_count_violations(bool count)
{
	counting = count;
}

/* Before a driver is loaded. */
static void set_mode(void)
{
	struct im_verify_options options = im_verify_defaults;

	if (mode == RIG_WORKER)
		im_this_worker->careful = 0;
	options.action = counting ? IM_VERIFY_COUNT : IM_VERIFY_STOP;
	if (counting || mode == RIG_VERIFIED)
		assert_int_equal(im_verify(&options), 0);
}

static void reset_neighbours(void)
{
	memset(&rig_nic, 0, sizeof(rig_nic));
	memset(&rig_nic2, 0, sizeof(rig_nic2));
	for (size_t i = 0; i < RTE_DIM(tops); i++)
		memset(tops[i], 0, sizeof(*tops[i]));
	rig_nic.room = rig_nic2.room = UINT32_MAX;
	rig_events[0] = '\0';
}

void rig_core_up(const char *nic_driver)
{
	uint32_t attributes = rig_nic.attributes;

	reset_neighbours();
	rig_nic.attributes = attributes;
	assert_int_equal(im_core_create(0, 4), 0);
	set_mode();
	load("nic", nic_entry);
	load("nic1", nic_entry);
	load("serial", nic_entry);
	load("serial1", nic_entry);
	load("relay", rig_relay_entry);
	load(RIG_PICKY, rig_picky_entry);
	load("top", top_entry);
	load("top2", top_entry);
	assert_int_equal(im_start_plain_instance(im_find_driver(nic_driver), "nic", &rig_nic), IM_STATUS_SUCCESS);
}

void rig_second_nic(const char *nic_driver)
{
	assert_int_equal(im_start_plain_instance(im_find_driver(nic_driver), "nic2", &rig_nic2), IM_STATUS_SUCCESS);
	assert_int_equal(im_restart(rig_nic2.instance), IM_STATUS_SUCCESS);
}

void rig_want_packets(const char *adapter)
{
	uint32_t filter = 1;
	struct im_request request = {
		.set = true, .oid = SLUICE_OID_GEN_CURRENT_PACKET_FILTER, .buffer = &filter, .length = sizeof(filter)};

	im_request_instance(im_find_instance(adapter), &request); /* one that knows no filter lets nothing up */
}

im_status_t rig_bind(const char *driver, const char *adapter, const char *vnic)
{
	struct im_bind_config config = {.adapter = adapter, .vnic_count = 1, .vnic_names = &vnic};

	im_status_t status = im_bind(im_find_driver(driver), &config);

	if (status == IM_STATUS_SUCCESS && strncmp(driver, "top", 3) == 0)
		rig_want_packets(adapter);
	return status;
}

void rig_up(const char *nic_driver, uint32_t levels)
{
	char adapter[16] = "nic", vnic[16];

	rig_core_up(nic_driver);
	im_restart(rig_nic.instance);
	for (uint32_t level = levels; level-- > 0;) {
		snprintf(vnic, sizeof(vnic), "r%u", level);
		assert_int_equal(rig_bind("relay", adapter, vnic), IM_STATUS_SUCCESS);
		im_restart(im_find_instance(vnic));
		memcpy(adapter, vnic, sizeof(adapter));
	}
	assert_int_equal(rig_bind("top", adapter, "top"), IM_STATUS_SUCCESS);
}

void rig_without_lookahead(void)
{
	static const char *const names[] = {"relay", RIG_PICKY, "top", "top2"};

	for (size_t i = 0; i < RTE_DIM(names); i++)
		im_find_driver(names[i])->wrapper->protocol->handlers.receive = NULL;
}

static void take_down(struct rig_nic *nic)
{
	nic->room = UINT32_MAX;
	if (nic->instance != NULL)
		assert_int_equal(im_deinitialize_device_instance(nic->instance), IM_STATUS_SUCCESS);
}

void rig_down(void)
{
	take_down(&rig_nic);
	take_down(&rig_nic2);
	rig_nic.attributes = 0;
	im_unload_drivers();
	assert_int_equal(im_core_destroy(), 0); /* leaks */
}
