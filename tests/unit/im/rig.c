/* SPDX-License-Identifier: BSD-3-Clause */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

struct rig_nic rig_nic;
struct rig_top rig_top;
char rig_events[1024];

void rig_event(const char *what, const char *name)
{
	size_t used = strlen(rig_events);

	snprintf(rig_events + used, sizeof(rig_events) - used, "%s%s:%s", used > 0 ? " " : "", what, name);
}

static void note(struct rig_log *log, struct im_packet **packets, uint16_t count)
{
	log->calls++;
	for (uint16_t i = 0; i < count; i++) {
		assert_true(log->count < RIG_LOG_MAX);
		log->packets[log->count] = packets[i];
		log->statuses[log->count++] = packets[i]->status;
	}
}

/* ---- nic: a plain miniport ------------------------------------------------------------------------ */

static im_status_t nic_initialize(struct im_instance *instance, void *device_context)
{
	struct rig_nic *nic = device_context;

	nic->instance = instance;
	im_set_attributes(instance, nic, IM_ATTRIBUTE_DESERIALIZE);
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
	uint32_t speed = 10000;

	(void)context;
	if (oid == SLUICE_OID_GEN_LINK_SPEED)
		return im_answer(&speed, sizeof(speed), buffer, length, written, needed);
	return IM_STATUS_NOT_SUPPORTED;
}

static im_status_t nic_set(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
			   uint32_t *needed)
{
	(void)context;
	(void)buffer;
	if (oid != SLUICE_OID_GEN_CURRENT_LOOKAHEAD)
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

static void nic_send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_nic *nic = context;

	note(&nic->sent, packets, count);
	if (nic->when == RIG_LATER)
		return;
	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = (uint16_t)nic->status;
	im_send_complete(nic->instance, packets, count);
}

static im_status_t nic_send(void *context, struct im_packet *packet, uint32_t flags)
{
	struct rig_nic *nic = context;

	(void)flags;
	note(&nic->sent, &packet, 1);
	return nic->when == RIG_LATER ? IM_STATUS_PENDING : nic->status;
}

static void nic_return_packets(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_nic *nic = context;

	note(&nic->home, packets, count);
	nic->outstanding = im_outstanding(nic->instance);
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
	};
	struct im_wrapper *wrapper;

	if (strcmp(object->name, "nic1") == 0)
		miniport.send = nic_send;
	else
		miniport.send_packets = nic_send_packets;
	assert_int_equal(im_initialize_wrapper(&wrapper, object), IM_STATUS_SUCCESS);
	assert_int_equal(im_register_miniport(wrapper, &miniport, sizeof(miniport)), IM_STATUS_SUCCESS);
	return IM_STATUS_SUCCESS;
}

/* ---- top: a protocol ------------------------------------------------------------------------------ */

static struct im_protocol *top_protocol;

static im_status_t top_bind(const struct im_bind_config *config)
{
	return im_open_adapter(&rig_top.binding, top_protocol, &rig_top, config->adapter);
}

static void top_unbind(void *context)
{
	struct rig_top *top = context;
	struct im_binding *binding = top->binding;

	rig_event("unbind", "top");
	top->unbound++;
	top->binding = NULL;
	im_close_adapter(binding);
}

static void top_send_complete(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_top *top = context;

	note(&top->done, packets, count);
	top->outstanding = im_outstanding(top->binding->lower);
}

static void top_receive(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	struct rig_top *top = context;

	note(&top->received, packets, count);
	for (uint16_t i = 0; i < count; i++) {
		assert_int_equal(references[i], 0);
		references[i] = top->references;
	}
	for (uint16_t k = 0; top->when == RIG_INLINE && k < top->references; k++)
		im_return_packets(top->binding, packets, count);
}

static void top_unload(void)
{
	rig_event("unload", "top");
	im_deregister_protocol(top_protocol);
	top_protocol = NULL;
}

static im_status_t top_entry(struct im_driver_object *object)
{
	static const struct im_protocol_characteristics protocol = {
		.major_version = 3,
		.bind_adapter = top_bind,
		.unbind_adapter = top_unbind,
		.send_complete = top_send_complete,
		.receive_packets = top_receive,
	};
	struct im_wrapper *wrapper;

	assert_int_equal(im_initialize_wrapper(&wrapper, object), IM_STATUS_SUCCESS);
	assert_int_equal(im_register_protocol(wrapper, &protocol, sizeof(protocol), &top_protocol), IM_STATUS_SUCCESS);
	im_register_unload_handler(wrapper, top_unload);
	return IM_STATUS_SUCCESS;
}

/* ---- relays --------------------------------------------------------------------------------------- */

static struct im_relay_driver relay = {.description = "relay"};
static struct im_relay_driver picky = {.description = "picky"};

static im_status_t relay_bind(const struct im_bind_config *config)
{
	return im_relay_bind(&relay, config);
}

static void relay_unload(void)
{
	rig_event("unload", "relay");
	im_relay_unload(&relay);
}

static im_status_t relay_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport;
	static const struct im_protocol_characteristics protocol = {.bind_adapter = relay_bind};

	return im_relay_register(&relay, object, &miniport, &protocol, relay_unload);
}

static im_status_t picky_bind(const struct im_bind_config *config)
{
	return im_relay_bind(&picky, config);
}

static void picky_unload(void)
{
	im_relay_unload(&picky);
}

static uint16_t part(struct im_packet **packets, uint16_t count, struct im_packet **odd, struct im_packet **even)
{
	uint16_t odds = 0;

	for (uint16_t i = 0; i < count; i++) {
		if (packets[i]->length % 2 == 1)
			odd[odds++] = packets[i];
		else
			even[i - odds] = packets[i];
	}
	return odds;
}

static void picky_send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	struct im_packet *odd[IM_BURST], *even[IM_BURST];
	uint16_t odds = part(packets, count, odd, even);
	struct im_relay *level = context;

	for (uint16_t i = 0; i < count - odds; i++)
		even[i]->status = IM_STATUS_FAILURE;
	im_send_complete(level->instance, even, (uint16_t)(count - odds));
	im_send_packets(level->below, odd, odds);
}

/* As a filter does: what it declines stays behind, and the first packet of what passes is another than the first it
 * got. */
static void picky_receive_packets(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	struct im_packet *odd[IM_BURST], *even[IM_BURST];
	bool lent = packets[0]->status == IM_STATUS_SUCCESS;
	uint16_t odds = part(packets, count, odd, even);
	struct im_relay *level = context;

	for (uint16_t i = 0; i < count; i++)
		references[i] = lent && packets[i]->length % 2 == 1;
	im_indicate_receive_packets(level->instance, odd, odds);
}

static im_status_t picky_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport = {.send_packets = picky_send_packets};
	static const struct im_protocol_characteristics protocol = {.bind_adapter = picky_bind,
								    .receive_packets = picky_receive_packets};

	return im_relay_register(&picky, object, &miniport, &protocol, picky_unload);
}

/* ---- Stacks --------------------------------------------------------------------------------------- */

void rig_core_up(const char *nic_driver)
{
	memset(&rig_nic, 0, sizeof(rig_nic));
	memset(&rig_top, 0, sizeof(rig_top));
	rig_events[0] = '\0';
	assert_int_equal(im_core_create(0, 4), 0);
	assert_int_equal(im_load_driver("nic", nic_entry, "plain miniport"), IM_STATUS_SUCCESS);
	assert_int_equal(im_load_driver("nic1", nic_entry, "plain miniport, one packet at a time"), IM_STATUS_SUCCESS);
	assert_int_equal(im_load_driver("relay", relay_entry, "relay"), IM_STATUS_SUCCESS);
	assert_int_equal(im_load_driver(RIG_PICKY, picky_entry, "picky"), IM_STATUS_SUCCESS);
	assert_int_equal(im_load_driver("top", top_entry, "protocol"), IM_STATUS_SUCCESS);
	assert_int_equal(im_start_plain_instance(im_find_driver(nic_driver), "nic", &rig_nic), IM_STATUS_SUCCESS);
}

im_status_t rig_bind(const char *driver, const char *adapter, const char *vnic)
{
	struct im_bind_config config = {.adapter = adapter, .vnic_count = 1, .vnic_names = &vnic};

	return im_bind(im_find_driver(driver), &config);
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

void rig_down(void)
{
	if (rig_nic.instance != NULL)
		assert_int_equal(im_deinitialize_device_instance(rig_nic.instance), IM_STATUS_SUCCESS);
	im_unload_drivers();
	assert_int_equal(im_core_destroy(), 0); /* leaks */
}

/* ---- Packets -------------------------------------------------------------------------------------- */

struct im_packet *rig_packet(uint8_t slots, uint32_t length)
{
	struct im_packet *packet = calloc(1, sizeof(*packet) + slots * sizeof(packet->stack[0]));

	assert_non_null(packet);
	packet->slots = slots;
	packet->length = length;
	packet->status = IM_STATUS_SUCCESS;
	return packet;
}

void rig_packets(struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		packets[i] = rig_packet(RIG_LEVELS_MAX + 2, 60u + i);
}

void rig_packets_free(struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		assert_int_equal(packets[i]->depth, 0); /* nobody on its way has it any more */
		free(packets[i]);
	}
}

void rig_expect_at(int line, const char *name, const struct rig_log *log, struct im_packet *const *packets,
		   uint32_t count)
{
	if (log->count != count)
		fail_msg("line %d: %s holds %u packets, expected %u", line, name, log->count, count);
	for (uint32_t i = 0; i < count; i++)
		if (log->packets[i] != packets[i])
			fail_msg("line %d: %s: packet %u is not the one expected there", line, name, i);
}

/* ---- Violations ----------------------------------------------------------------------------------- */

static void run_in_child(int out, void (*run)(void))
{
	dup2(out, STDERR_FILENO);
	run();
	_exit(0);
}

void rig_expect_violation_at(int line, const char *statement, void (*run)(void))
{
	char text[1024] = "", expected[64];
	ssize_t length;
	int pipes[2], status;
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		run_in_child(pipes[1], run);
	close(pipes[1]);
	length = read(pipes[0], text, sizeof(text) - 1);
	close(pipes[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	snprintf(expected, sizeof(expected), "im-contract [%s] violated", statement);
	if (length <= 0 || strstr(text, expected) == NULL)
		fail_msg("line %d: expected '%s', got '%s'", line, expected, text);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		fail_msg("line %d: [%s] was reported but did not abort", line, statement);
}

/* ---- Allocation ----------------------------------------------------------------------------------- */

uint32_t rig_fail_calloc;
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	if (rig_fail_calloc > 0 && --rig_fail_calloc == 0)
		return NULL;
	return __real_calloc(count, size);
}
