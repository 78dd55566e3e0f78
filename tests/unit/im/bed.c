/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "bed.h"

#define MBUFS 2047u

struct bed_nic bed_nic;
struct bed_top bed_top;
struct im_packet_pool bed_pool;
void (*bed_receive)(void *context, struct im_packet **packets, uint16_t count, uint16_t *references);
im_status_t (*bed_start)(struct im_relay *relay);
void (*bed_stop)(struct im_relay *relay);

static uint64_t violations;

/* ---- What was said -------------------------------------------------------------------------------- */

static char said[4096];

void bed_say(const char *format, ...)
{
	size_t used = strlen(said);
	va_list arguments;

	if (used > 0 && used < sizeof(said) - 1)
		said[used++] = ' ';
	va_start(arguments, format);
	vsnprintf(said + used, sizeof(said) - used, format, arguments);
	va_end(arguments);
}

void bed_expect_said_at(int line, const char *text)
{
	if (strcmp(said, text) != 0)
		fail_msg("line %d: expected '%s', got '%s'", line, text, said);
	said[0] = '\0';
}

static void note(struct bed_log *log, struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		assert_true(log->count < BED_LOG_MAX);
		log->packets[log->count] = packets[i];
		log->statuses[log->count++] = packets[i]->status;
	}
}

void bed_expect_at(int line, const struct bed_log *log, uint32_t from, struct im_packet *const *packets, uint32_t count)
{
	if (log->count != from + count)
		fail_msg("line %d: %u packets came, expected %u", line, log->count - from, count);
	for (uint32_t i = 0; i < count; i++)
		if (log->packets[from + i] != packets[i])
			fail_msg("line %d: packet %u is not the one expected there", line, i);
}

/* ---- The nic -------------------------------------------------------------------------------------- */

static im_status_t nic_initialize(struct im_instance *instance, void *device_context)
{
	bed_nic.instance = instance;
	im_set_attributes(instance, device_context, IM_ATTRIBUTE_DESERIALIZE);
	return IM_STATUS_SUCCESS;
}

static void nic_halt(void *context)
{
	(void)context;
	bed_nic.instance = NULL;
}

static bool nic_knows(uint32_t oid)
{
	for (uint32_t i = 0; i < bed_nic.oid_count; i++)
		if (bed_nic.oids[i] == oid)
			return true;
	return bed_nic.oid_count == 0;
}

static im_status_t nic_query(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			     uint32_t *needed)
{
	const uint32_t capabilities[3] = {3, 2, 4};

	(void)context;
	bed_say("query:%08x", oid);
	if (oid == SLUICE_OID_GEN_SUPPORTED_LIST && bed_nic.oid_count > 0)
		return im_answer(bed_nic.oids, bed_nic.oid_count * 4, buffer, length, written, needed);
	if (!nic_knows(oid) || oid == SLUICE_OID_GEN_SUPPORTED_LIST)
		return IM_STATUS_NOT_SUPPORTED;
	if (oid == SLUICE_OID_PNP_CAPABILITIES)
		return im_answer(capabilities, sizeof(capabilities), buffer, length, written, needed);
	bed_nic.done = written;
	if (bed_nic.request != IM_STATUS_SUCCESS)
		return bed_nic.request;
	return im_answer(&bed_nic.value, sizeof(bed_nic.value), buffer, length, written, needed);
}

static im_status_t nic_set(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
			   uint32_t *needed)
{
	(void)context;
	if (oid == SLUICE_OID_PNP_SET_POWER)
		return im_take(&(uint32_t){0}, 4, buffer, length, read, needed);
	bed_say("set:%08x/%u", oid, length);
	if (!nic_knows(oid))
		return IM_STATUS_NOT_SUPPORTED;
	bed_nic.done = read;
	if (bed_nic.request != IM_STATUS_SUCCESS)
		return bed_nic.request;
	if (length >= sizeof(bed_nic.value))
		memcpy(&bed_nic.value, buffer, sizeof(bed_nic.value));
	*read = length;
	return IM_STATUS_SUCCESS;
}

static void nic_cancel_request(void *context)
{
	(void)context;
	bed_say("cancel-request");
}

static im_status_t nic_reset(bool *addressing_reset, void *context)
{
	(void)context;
	*addressing_reset = false;
	return bed_nic.reset;
}

static void nic_send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context;
	note(&bed_nic.sent, packets, count);
	if (bed_nic.keeps)
		return;
	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = (uint16_t)bed_nic.status;
	im_send_complete(bed_nic.instance, packets, count);
}

void bed_complete(uint32_t from, uint16_t count, im_status_t status)
{
	struct im_packet **packets = &bed_nic.sent.packets[from];

	assert_true(from + count <= bed_nic.sent.count);
	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = (uint16_t)status;
	im_send_complete(bed_nic.instance, packets, count);
}

static void nic_cancel_send_packets(void *context, uint32_t cancel_id)
{
	(void)context;
	bed_say("cancel:%x", cancel_id & 0xffffff);
}

static void nic_return_packets(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context;
	note(&bed_nic.home, packets, count);
}

static im_status_t nic_transfer_data(struct im_packet *packet, uint32_t *transferred, void *context,
				     void *receive_context, uint32_t offset, uint32_t length)
{
	(void)context, (void)receive_context;
	if (bed_nic.transfer == IM_STATUS_PENDING)
		bed_nic.transferring = packet;
	if (bed_nic.transfer == IM_STATUS_FAILURE)
		return bed_nic.transfer;
	*transferred = im_fill_packet(packet, bed_nic.frame + 14 + offset, length);
	return bed_nic.transfer;
}

static void nic_adapter_shutdown(void *context)
{
	(void)context;
}

static im_status_t nic_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport = {
		.major_version = 4,
		.initialize = nic_initialize,
		.halt = nic_halt,
		.query_information = nic_query,
		.set_information = nic_set,
		.cancel_request = nic_cancel_request,
		.reset = nic_reset,
		.send_packets = nic_send_packets,
		.cancel_send_packets = nic_cancel_send_packets,
		.return_packets = nic_return_packets,
		.adapter_shutdown = nic_adapter_shutdown,
		.transfer_data = nic_transfer_data,
	};
	struct im_wrapper *wrapper;

	assert_int_equal(im_initialize_wrapper(&wrapper, object), IM_STATUS_SUCCESS);
	return im_register_miniport(wrapper, &miniport, sizeof(miniport));
}

void bed_show(const uint8_t *frame, uint32_t length, uint32_t in_sight)
{
	struct im_lookahead lookahead = {
		.receive_context = &bed_nic,
		.header = frame,
		.header_length = 14,
		.data = frame + 14,
		.data_length = in_sight,
		.packet_length = length - 14,
	};

	bed_nic.frame = frame;
	im_indicate_receive(bed_nic.instance, &lookahead);
	im_indicate_receive_complete(bed_nic.instance);
}

/* ---- The top -------------------------------------------------------------------------------------- */

static struct im_protocol *top_protocol;
static struct im_open top_open;
static const struct im_bind_config *top_bind_config;
static struct im_event top_answered;
static im_status_t top_answer;

static im_status_t top_bind(const struct im_bind_config *config)
{
	static const uint32_t media[] = {IM_MEDIUM_802_3};

	top_open = (struct im_open){.context = &bed_top, .media = media, .media_count = 1};
	top_bind_config = config;
	return im_open_adapter(&bed_top.binding, top_protocol, config, &top_open);
}

static void top_open_complete(void *context, im_status_t status)
{
	(void)context;
	im_complete_bind_adapter(top_bind_config, status);
}

static void *top_unbind_context;

static im_status_t top_unbind(void *context, void *unbind_context)
{
	struct im_binding *binding = bed_top.binding;

	(void)context;
	bed_say("unbind-top");
	top_unbind_context = unbind_context;
	bed_top.binding = NULL;
	return im_close_adapter(binding);
}

static void top_close_complete(void *context)
{
	(void)context;
	im_complete_unbind_adapter(top_unbind_context);
}

static void top_send_complete(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context;
	note(&bed_top.done, packets, count);
}

static void top_receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	(void)context;
	note(&bed_top.received, packets, count);
	for (uint16_t i = 0; i < count; i++)
		references[i] = bed_top.keeps;
}

static im_status_t top_receive(void *context, const struct im_lookahead *lookahead)
{
	(void)context;
	bed_say("look:%u", lookahead->packet_length);
	return IM_STATUS_NOT_ACCEPTED;
}

static void top_receive_complete(void *context)
{
	(void)context;
	bed_say("receive-complete");
}

static void top_request_complete(void *context, struct im_request *request, im_status_t status)
{
	(void)context, (void)request;
	top_answer = status;
	im_set_event(&top_answered);
}

static void top_status(void *context, uint32_t indication, const void *buffer, uint32_t length)
{
	(void)context, (void)buffer;
	bed_say("status:%u/%u", indication, length);
}

static void top_status_complete(void *context)
{
	(void)context;
	bed_say("status-complete");
}

static im_status_t top_pnp_event(void *context, struct im_pnp_event *event)
{
	(void)context;
	if (event->code != IM_PNP_PAUSE && event->code != IM_PNP_RESTART)
		bed_say("pnp:%u", event->code);
	return event->code == IM_PNP_QUERY_REMOVE ? bed_top.pnp : IM_STATUS_SUCCESS;
}

static void top_unload(void)
{
	im_deregister_protocol(top_protocol);
}

static im_status_t top_entry(struct im_driver_object *object)
{
	static const struct im_protocol_characteristics protocol = {
		.major_version = 4,
		.bind_adapter = top_bind,
		.unbind_adapter = top_unbind,
		.open_adapter_complete = top_open_complete,
		.close_adapter_complete = top_close_complete,
		.send_complete = top_send_complete,
		.receive_packets = top_receive_packets,
		.receive = top_receive,
		.receive_complete = top_receive_complete,
		.request_complete = top_request_complete,
		.status = top_status,
		.status_complete = top_status_complete,
		.pnp_event = top_pnp_event,
	};
	struct im_wrapper *wrapper;

	assert_int_equal(im_initialize_wrapper(&wrapper, object), IM_STATUS_SUCCESS);
	assert_int_equal(im_register_protocol(wrapper, &protocol, sizeof(protocol), &top_protocol), IM_STATUS_SUCCESS);
	im_register_unload_handler(wrapper, top_unload);
	return IM_STATUS_SUCCESS;
}

/* ---- Relays --------------------------------------------------------------------------------------- */

static im_status_t relay_start(struct im_relay *relay)
{
	return bed_start != NULL ? bed_start(relay) : IM_STATUS_SUCCESS;
}

static void relay_stop(struct im_relay *relay)
{
	if (bed_stop != NULL)
		bed_stop(relay);
}

static struct im_relay_driver relay_driver = {
	.description = "a relay", .own_size = 16, .start = relay_start, .stop = relay_stop};

static im_status_t relay_bind(const struct im_bind_config *config)
{
	return im_relay_bind(&relay_driver, config);
}

static void relay_receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	(bed_receive != NULL ? bed_receive : im_relay_protocol.receive_packets)(context, packets, count, references);
}

static void relay_unload(void)
{
	im_relay_unload(&relay_driver);
}

static im_status_t relay_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport;
	static const struct im_protocol_characteristics protocol = {.bind_adapter = relay_bind,
								    .receive_packets = relay_receive_packets};

	return im_relay_register(&relay_driver, object, &miniport, &protocol, relay_unload);
}

struct im_relay *bed_relay(const char *vnic)
{
	return im_find_instance(vnic)->context;
}

/* ---- Up and down ---------------------------------------------------------------------------------- */

void bed_core_up(enum im_verify_schedule schedule)
{
	struct im_verify_options options = im_verify_defaults;

	memset(&bed_nic, 0, sizeof(bed_nic));
	memset(&bed_top, 0, sizeof(bed_top));
	bed_receive = NULL;
	bed_start = NULL;
	bed_stop = NULL;
	said[0] = '\0';
	bed_nic.reset = IM_STATUS_PENDING;
	im_packet_pool_destroy(&bed_pool); /* of a test that failed */
	assert_int_equal(im_packet_pool_create(&bed_pool, 1023, 4, MBUFS), 0);
	assert_int_equal(im_core_create(1, 4), 0);
	im_core.buffers = bed_pool.buffers;
	im_core.workers[1].attached = true;
	options.action = IM_VERIFY_COUNT;
	options.schedule = schedule;
	assert_int_equal(im_verify(&options), 0);
	violations = im_violations();
	assert_int_equal(im_load_driver("nic", nic_entry, "a miniport"), IM_STATUS_SUCCESS);
	assert_int_equal(im_load_driver("relay", relay_entry, "a relay"), IM_STATUS_SUCCESS);
	assert_int_equal(im_load_driver("top", top_entry, "a protocol"), IM_STATUS_SUCCESS);
	assert_int_equal(im_start_plain_instance(im_find_driver("nic"), "nic", &bed_nic), IM_STATUS_SUCCESS);
	assert_int_equal(im_restart(bed_nic.instance), IM_STATUS_SUCCESS);
}

/* With a schedule other than inline the VNIC is there some time after the bind. */
static void restart(const char *vnic)
{
	for (int turn = 0; turn < 1000 && im_restart(im_find_instance(vnic)) != IM_STATUS_SUCCESS; turn++)
		im_run_work();
	assert_int_equal(im_find_instance(vnic)->state, SLUICE_INSTANCE_RUNNING);
}

im_status_t bed_bind(const char *driver, const char *adapter, const char *vnic)
{
	struct im_bind_config config = {.adapter = adapter, .vnic_count = 1, .vnic_names = &vnic};
	im_status_t status = im_bind(im_find_driver(driver), &config);

	if (status == IM_STATUS_SUCCESS && strcmp(driver, "top") != 0)
		restart(vnic);
	return status;
}

/* Before a packet filter is set nothing is indicated (5.9). */
static void want_packets(const char *vnic)
{
	uint32_t filter = 1;

	assert_int_equal(bed_set(vnic, SLUICE_OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)),
			 IM_STATUS_SUCCESS);
	bed_nic.value = 0;
	said[0] = '\0';
}

void bed_up_as(uint32_t levels, enum im_verify_schedule schedule)
{
	char adapter[16] = "nic", vnic[16];

	bed_core_up(schedule);
	for (uint32_t level = levels; level-- > 0;) {
		snprintf(vnic, sizeof(vnic), "r%u", level);
		assert_int_equal(bed_bind("relay", adapter, vnic), IM_STATUS_SUCCESS);
		memcpy(adapter, vnic, sizeof(adapter));
	}
	assert_int_equal(bed_bind("top", adapter, "top"), IM_STATUS_SUCCESS);
	want_packets(adapter);
}

void bed_up(uint32_t levels)
{
	bed_up_as(levels, IM_SCHEDULE_INLINE);
}

void bed_down(void)
{
	im_core.workers[1].attached = false; /* its deferred calls are left to whoever waits for them */
	if (bed_nic.instance != NULL)
		assert_int_equal(im_deinitialize_device_instance(bed_nic.instance), IM_STATUS_SUCCESS);
	im_unload_drivers();
	if (im_violations() != violations)
		fail_msg("violation: %s", im_last_violation());
	assert_int_equal(im_core_destroy(), 0);
	assert_true(im_packet_pool_full(&bed_pool));
	im_packet_pool_destroy(&bed_pool);
}

void bed_as_worker(void (*run)(void))
{
	struct im_worker *self = im_this_worker;

	im_this_worker = &im_core.workers[1];
	im_grace_online(im_core.grace, 1);
	run();
	im_run_dpcs(im_this_worker);
	im_grace_quiescent(im_core.grace, 1);
	im_grace_offline(im_core.grace, 1);
	im_this_worker = self;
}

/* ---- Packets and requests ------------------------------------------------------------------------- */

void bed_make(struct im_packet **packets, uint32_t first, uint16_t count, uint16_t slots)
{
	for (uint16_t i = 0; i < count; i++) {
		struct im_packet *packet = calloc(1, sizeof(*packet) + slots * sizeof(packet->stack[0]));
		uint32_t number = first + i;

		assert_non_null(packet);
		packet->mbuf = rte_pktmbuf_alloc(bed_pool.buffers);
		assert_non_null(packet->mbuf);
		memset(rte_pktmbuf_append(packet->mbuf, 64), 0, 64);
		memcpy(rte_pktmbuf_mtod(packet->mbuf, void *), &number, sizeof(number));
		packet->slots = slots;
		packet->length = 64;
		packets[i] = packet;
	}
}

void bed_unmake(struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		assert_int_equal(packets[i]->depth, 0);
		rte_pktmbuf_free(packets[i]->mbuf);
		free(packets[i]);
	}
}

static im_status_t ask(struct im_request *request)
{
	im_status_t status;

	im_reset_event(&top_answered);
	status = im_request(bed_top.binding, request);
	if (status != IM_STATUS_PENDING)
		return status;
	assert_true(im_wait_event(&top_answered, 5000));
	return top_answer;
}

im_status_t bed_query(const char *vnic, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
		      uint32_t *needed)
{
	struct im_request request = {.oid = oid, .buffer = buffer, .length = length};
	im_status_t status = ask(&request);

	assert_ptr_equal(bed_top.binding->lower, im_find_instance(vnic));
	*written = request.done;
	*needed = request.needed;
	return status;
}

im_status_t bed_set(const char *vnic, uint32_t oid, void *buffer, uint32_t length)
{
	struct im_request request = {.set = true, .oid = oid, .buffer = buffer, .length = length};

	assert_ptr_equal(bed_top.binding->lower, im_find_instance(vnic));
	return ask(&request);
}

uint64_t bed_dropped(const char *instance, enum sluice_direction direction, enum sluice_drop reason)
{
	struct im_account sum;

	im_read_account(im_instance_account(im_find_instance(instance)), &sum);
	return sum.drops[direction][reason];
}
