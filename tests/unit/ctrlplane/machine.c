/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "machine.h"
#include "worker.h"

struct machine machine;
bool machine_grace_blocked;

/* ---- The neighbours of the stack ------------------------------------------------------------------- */

static im_status_t initialize(struct im_instance *instance, void *device_context)
{
	machine.wire = instance;
	im_set_attributes(instance, device_context, IM_ATTRIBUTE_DESERIALIZE);
	return IM_STATUS_SUCCESS;
}

static void halt(void *context)
{
	(void)context;
	machine.wire = NULL;
}

/* It knows one OID that can be read, and two that can be set. */
static im_status_t query(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			 uint32_t *needed)
{
	static const uint32_t supported[] = {SLUICE_OID_GEN_SUPPORTED_LIST, SLUICE_OID_GEN_LINK_SPEED};
	uint32_t speed = 250000;

	(void)context;
	if (oid == SLUICE_OID_GEN_SUPPORTED_LIST)
		return im_answer(supported, sizeof(supported), buffer, length, written, needed);
	if (oid == SLUICE_OID_GEN_LINK_SPEED)
		return im_answer(&speed, sizeof(speed), buffer, length, written, needed);
	return IM_STATUS_NOT_SUPPORTED;
}

static im_status_t set(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
		       uint32_t *needed)
{
	(void)context, (void)buffer, (void)needed;
	if (oid != SLUICE_OID_GEN_CURRENT_LOOKAHEAD && oid != SLUICE_OID_GEN_CURRENT_PACKET_FILTER)
		return IM_STATUS_NOT_SUPPORTED;
	*read = length;
	return IM_STATUS_SUCCESS;
}

static im_status_t reset(bool *addressing_reset, void *context)
{
	(void)addressing_reset, (void)context;
	return IM_STATUS_NOT_RESETTABLE;
}

static void send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context;
	for (uint16_t i = 0; i < count; i++) {
		packets[i]->status = IM_STATUS_SUCCESS;
		machine.on_wire[machine.sent++] = packets[i];
	}
	im_send_complete(machine.wire, packets, count);
}

static void return_packets(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context, (void)packets;
	machine.returned += count;
}

static im_status_t wire_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport = {
		.major_version = IM_MAJOR_VERSION,
		.initialize = initialize,
		.halt = halt,
		.query_information = query,
		.set_information = set,
		.reset = reset,
		.send_packets = send_packets,
		.return_packets = return_packets,
	};
	struct im_wrapper *wrapper;

	assert_int_equal(im_initialize_wrapper(&wrapper, object), IM_STATUS_SUCCESS);
	return im_register_miniport(wrapper, &miniport, sizeof(miniport));
}

static struct im_protocol *protocol;

static im_status_t open_filter(void)
{
	uint32_t everything = 0x2f;
	struct im_request request = {
		.set = true,
		.oid = SLUICE_OID_GEN_CURRENT_PACKET_FILTER,
		.buffer = &everything,
		.length = sizeof(everything),
	};

	return im_request(machine.top, &request);
}

static im_status_t bind_adapter(const struct im_bind_config *config)
{
	static const uint32_t media[] = {IM_MEDIUM_802_3};
	struct im_open open = {.context = &machine, .media = media, .media_count = 1};
	im_status_t status = im_open_adapter(&machine.top, protocol, config, &open);

	return status == IM_STATUS_SUCCESS ? open_filter() : status;
}

static im_status_t unbind_adapter(void *context, void *unbind_context)
{
	(void)context, (void)unbind_context;
	im_close_adapter(machine.top);
	machine.top = NULL;
	return IM_STATUS_SUCCESS;
}

static void open_complete(void *context, im_status_t status)
{
	(void)context, (void)status;
	fail_msg("nothing pends here");
}

static void close_complete(void *context)
{
	(void)context;
	fail_msg("nothing pends here");
}

static void send_complete(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context;
	for (uint16_t i = 0; i < count; i++)
		machine.statuses[machine.completed++] = packets[i]->status;
}

static void receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	(void)context, (void)references;
	for (uint16_t i = 0; i < count; i++)
		machine.at_top[machine.received++] = packets[i];
}

static im_status_t receive(void *context, const struct im_lookahead *lookahead)
{
	(void)context, (void)lookahead;
	return IM_STATUS_NOT_ACCEPTED;
}

static void nothing(void *context)
{
	(void)context;
}

static void request_complete(void *context, struct im_request *request, im_status_t status)
{
	(void)context, (void)request, (void)status;
	fail_msg("nothing pends here");
}

static void status_indicated(void *context, uint32_t indication, const void *buffer, uint32_t length)
{
	(void)context, (void)indication, (void)buffer, (void)length;
}

static void unload(void)
{
	im_deregister_protocol(protocol);
}

static im_status_t top_entry(struct im_driver_object *object)
{
	static const struct im_protocol_characteristics characteristics = {
		.major_version = IM_MAJOR_VERSION,
		.bind_adapter = bind_adapter,
		.unbind_adapter = unbind_adapter,
		.open_adapter_complete = open_complete,
		.close_adapter_complete = close_complete,
		.send_complete = send_complete,
		.receive_packets = receive_packets,
		.receive = receive,
		.receive_complete = nothing,
		.request_complete = request_complete,
		.status = status_indicated,
		.status_complete = nothing,
	};
	struct im_wrapper *wrapper;
	im_status_t status;

	assert_int_equal(im_initialize_wrapper(&wrapper, object), IM_STATUS_SUCCESS);
	status = im_register_protocol(wrapper, &characteristics, sizeof(characteristics), &protocol);
	im_register_unload_handler(wrapper, unload);
	return status;
}

/* ---- Up and down ------------------------------------------------------------------------------------ */

void machine_bind(const char *driver, const char *adapter, const char *presents)
{
	struct im_bind_config config = {.adapter = adapter, .vnic_count = 1, .vnic_names = &presents};

	assert_int_equal(im_bind(im_find_driver(driver), &config), IM_STATUS_SUCCESS);
	im_restart(im_find_instance(adapter));
}

static void stack_up(void)
{
	const char *failed = "";

	assert_int_equal(im_load_builtin_drivers(&failed), IM_STATUS_SUCCESS);
	assert_int_equal(im_load_driver("wire", wire_entry, "test"), IM_STATUS_SUCCESS);
	assert_int_equal(im_load_driver("top", top_entry, "test"), IM_STATUS_SUCCESS);
	assert_int_equal(im_start_plain_instance(im_find_driver("wire"), "wire0", &machine), IM_STATUS_SUCCESS);
	machine_bind("passthru", "wire0", "tap");
	machine_bind("filter", "tap", "fw2");
	machine_bind("filter", "fw2", "fw");
	machine_bind("top", "fw", "top");
}

void machine_up(uint32_t fw_rules, uint32_t fw2_rules)
{
	memset(&machine, 0, sizeof(machine));
	machine_grace_blocked = false;
	machine_fail_allocation = 0;
	assert_int_equal(im_packet_pool_create(&machine.pool, 1023, 6, 1023), 0);
	assert_int_equal(im_core_create(1, counter_slots(MACHINE_BUDGET)), 0);
	im_core.buffers = machine.pool.buffers;
	assert_int_equal(workers_create(1), 0); /* never started */
	stack_up();
	assert_int_equal(control_create(&machine.control, MACHINE_BUDGET, &machine.pool), 0);
	rules_serve(&machine.control);
	machine_commit(image_usual(fw_rules, fw2_rules), SLUICE_STATUS_OK);
}

void machine_down(void)
{
	machine_grace_blocked = false;
	machine_fail_allocation = 0;
	im_this_worker->block = NULL;
	rules_stop();
	control_destroy(&machine.control);
	assert_int_equal(im_deinitialize_device_instance(machine.wire), IM_STATUS_SUCCESS);
	im_unload_drivers();
	workers_destroy();
	assert_int_equal(im_core_destroy(), 0);
	assert_true(im_packet_pool_full(&machine.pool));
	im_packet_pool_destroy(&machine.pool);
}

uint32_t machine_commit(struct policy_image image, enum sluice_status expected)
{
	uint32_t offset = 12345;
	enum sluice_status status = control_commit(&machine.control, &image, 0, &offset);

	policy_image_clear(&image);
	if (status != expected)
		fail_msg("commit: got %s, expected %s", sluice_status_name((uint16_t)status),
			 sluice_status_name((uint16_t)expected));
	return offset;
}

void machine_judge(void)
{
	im_this_worker->block = im_block_current(&im_core.block);
}

/* ---- Grace periods ---------------------------------------------------------------------------------- */

bool __real_workers_grace_passed(uint64_t token);
bool __wrap_workers_grace_passed(uint64_t token);

bool __wrap_workers_grace_passed(uint64_t token)
{
	return !machine_grace_blocked && __real_workers_grace_passed(token);
}

/* ---- Allocations ------------------------------------------------------------------------------------ */

uint32_t machine_fail_allocation;
int64_t machine_allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *memory);

static bool fails(void)
{
	if (machine_fail_allocation > 0 && --machine_fail_allocation == 0)
		return true;
	machine_allocations++;
	return false;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

void __wrap_free(void *memory)
{
	machine_allocations -= memory != NULL;
	__real_free(memory);
}
