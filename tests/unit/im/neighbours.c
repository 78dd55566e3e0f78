/* SPDX-License-Identifier: BSD-3-Clause */
#include "neighbours.h"

#include <stdio.h>
#include <string.h>

#include "im/verify.h"

struct nb_miniport nb_nic, nb_vnic;
struct nb_top nb_tops[NB_TOPS];
struct im_wrapper *nb_wrapper;

static struct im_wrapper *wrappers[3];
static struct im_miniport *layered;
static struct im_protocol *protocol;
static uint32_t bound;
static uint64_t noted; /* violations that a test has seen */

/* DPDK reads a token that only grows, and that another thread may raise at that moment, without saying so. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "race:rte_rcu_qsbr_check\n";
}

/* ---- The log ------------------------------------------------------------------------------------- */

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_text[8192];

void nb_say(const char *format, ...)
{
	size_t length;
	va_list list;

	pthread_mutex_lock(&log_lock);
	length = strlen(log_text);
	if (length > 0 && length < sizeof(log_text) - 1)
		log_text[length++] = ' ';
	va_start(list, format);
	vsnprintf(log_text + length, sizeof(log_text) - length, format, list);
	va_end(list);
	pthread_mutex_unlock(&log_lock);
}

void nb_expect_at(int line, const char *text)
{
	if (strcmp(log_text, text) != 0)
		fail_msg("line %d: expected \"%s\", saw \"%s\"", line, text, log_text);
	log_text[0] = '\0';
}

void nb_forget(void)
{
	log_text[0] = '\0';
}

void nb_expect_violation_at(int line, const char *statement)
{
	uint64_t seen = im_violations();
	char wanted[32];

	snprintf(wanted, sizeof(wanted), "[%s]", statement != NULL ? statement : "");
	if (statement == NULL && seen != noted)
		fail_msg("line %d: unexpected: %s", line, im_last_violation());
	if (statement != NULL && seen != noted + 1)
		fail_msg("line %d: expected one violation of %s, saw %d; the last is: %s", line, wanted,
			 (int)(seen - noted), im_last_violation());
	if (statement != NULL && strstr(im_last_violation(), wanted) == NULL)
		fail_msg("line %d: expected %s, saw: %s", line, wanted, im_last_violation());
	noted = seen;
}

/* ---- Miniports ----------------------------------------------------------------------------------- */

static void call(void (*hook)(void))
{
	if (hook != NULL)
		hook();
}

static im_status_t initialize(struct im_instance *instance, void *device_context)
{
	struct nb_miniport *self = device_context;

	self->instance = instance;
	im_set_attributes(instance, self, self->attributes);
	if (self->in_initialize != NULL)
		self->in_initialize(instance);
	return IM_STATUS_SUCCESS;
}

static void halt(void *context)
{
	struct nb_miniport *self = context;

	nb_say("%s:halt", self->name);
	call(self->in_halt);
	self->instance = NULL;
}

static im_status_t query(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			 uint32_t *needed)
{
	struct nb_miniport *self = context;
	im_status_t status = self->query;

	nb_say("%s:query(%x)", self->name, oid);
	self->pended_written = written;
	call(self->in_query);
	if (status == IM_STATUS_SUCCESS)
		status = im_answer(&self->value, sizeof(self->value), buffer, length, written, needed);
	if (status == IM_STATUS_BUFFER_TOO_SHORT)
		*needed = length + 1;
	if (self->written != 0)
		*written = self->written;
	return status;
}

static im_status_t set(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
		       uint32_t *needed)
{
	struct nb_miniport *self = context;
	im_status_t status = oid == SLUICE_OID_PNP_SET_POWER ? self->power : self->set;
	uint32_t value = 0;

	if (oid == SLUICE_OID_802_3_MULTICAST_LIST) {
		nb_say("%s:set(%x,%u addresses)", self->name, oid, length / 6);
		self->multicast_count = length / 6;
		*read = status == IM_STATUS_SUCCESS ? length : 0;
		call(self->in_set);
		return status;
	}
	if (oid == SLUICE_OID_PNP_ADD_WAKE_UP_PATTERN || oid == SLUICE_OID_PNP_REMOVE_WAKE_UP_PATTERN) {
		nb_say("%s:set(%x,%u bytes)", self->name, oid, length);
		*read = status == IM_STATUS_SUCCESS ? length : 0;
		return status;
	}
	if (im_take(&value, sizeof(value), buffer, length, read, needed) != IM_STATUS_SUCCESS) {
		nb_say("%s:set(%x,%u bytes)", self->name, oid, length);
		return IM_STATUS_INVALID_LENGTH;
	}
	nb_say("%s:set(%x,%x)", self->name, oid, value);
	if (status == IM_STATUS_SUCCESS)
		self->value = value;
	else
		*read = 0;
	if (self->written != 0)
		*read = self->written;
	call(self->in_set);
	return status;
}

static void cancel(void *context)
{
	struct nb_miniport *self = context;

	nb_say("%s:cancel", self->name);
	call(self->in_cancel);
}

static im_status_t reset(bool *addressing_reset, void *context)
{
	struct nb_miniport *self = context;

	nb_say("%s:reset", self->name);
	*addressing_reset = self->addressing_reset;
	call(self->in_reset);
	return self->reset;
}

static bool check_for_hang(void *context)
{
	struct nb_miniport *self = context;

	nb_say("%s:hang?", self->name);
	call(self->in_hang);
	return self->hangs;
}

static void notify(void *context, const struct im_pnp_event *event)
{
	struct nb_miniport *self = context;

	nb_say("%s:event(%d)", self->name, (int)event->code);
}

static void shut_down(void *context)
{
	struct nb_miniport *self = context;

	nb_say("%s:shutdown", self->name);
}

static void send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	struct nb_miniport *self = context;

	for (uint16_t i = 0; i < count; i++)
		packets[i]->status = IM_STATUS_SUCCESS;
	im_send_complete(self->instance, packets, count);
}

static void return_packets(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context, (void)packets, (void)count;
}

static struct im_miniport_characteristics miniport_characteristics(void)
{
	return (struct im_miniport_characteristics){
		.major_version = IM_MAJOR_VERSION,
		.minor_version = IM_MINOR_VERSION,
		.initialize = initialize,
		.halt = halt,
		.query_information = query,
		.set_information = set,
		.cancel_request = cancel,
		.send_packets = send_packets,
		.return_packets = return_packets,
		.pnp_event_notify = notify,
		.adapter_shutdown = shut_down,
	};
}

static im_status_t nic_entry(struct im_driver_object *object)
{
	struct im_miniport_characteristics c = miniport_characteristics();
	im_status_t status = im_initialize_wrapper(&wrappers[0], object);

	if (status != IM_STATUS_SUCCESS)
		return status;
	c.reset = reset;
	c.check_for_hang = check_for_hang;
	return im_register_miniport(wrappers[0], &c, sizeof(c));
}

static void vnic_unload(void)
{
	im_deregister_layered_miniport(layered);
}

static im_status_t vnic_entry(struct im_driver_object *object)
{
	struct im_miniport_characteristics c = miniport_characteristics();
	im_status_t status = im_initialize_wrapper(&wrappers[1], object);

	if (status != IM_STATUS_SUCCESS)
		return status;
	nb_wrapper = wrappers[1];
	status = im_register_layered_miniport(wrappers[1], &c, sizeof(c), &layered);
	if (status == IM_STATUS_SUCCESS)
		im_register_unload_handler(wrappers[1], vnic_unload);
	return status;
}

/* ---- Protocols ----------------------------------------------------------------------------------- */

static im_status_t bind_adapter(const struct im_bind_config *config)
{
	static const uint32_t media[] = {IM_MEDIUM_802_3};
	struct nb_top *top = &nb_tops[bound];
	struct im_open open = {.context = top, .media = media, .media_count = 1};
	im_status_t status;

	top->index = bound++;
	status = im_open_adapter(&top->binding, protocol, config, &open);
	assert_int_not_equal(status, IM_STATUS_PENDING); /* the schedule is INLINE here */
	return status;
}

static im_status_t unbind_adapter(void *context, void *unbind_context)
{
	struct nb_top *top = context;
	im_status_t status;

	if (top->in_unbind != NULL)
		top->in_unbind(top);
	nb_say("t%u:unbind", top->index);
	status = im_close_adapter(top->binding);
	top->binding = NULL;
	if (status == IM_STATUS_PENDING)
		im_complete_unbind_adapter(unbind_context);
	return status;
}

static void open_complete(void *context, im_status_t status)
{
	(void)context, (void)status;
}

static void close_complete(void *context)
{
	struct nb_top *top = context;

	nb_say("t%u:closed", top->index);
}

static void send_complete(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context, (void)packets, (void)count;
}

static im_status_t receive(void *context, const struct im_lookahead *lookahead)
{
	(void)context, (void)lookahead;
	return IM_STATUS_NOT_ACCEPTED;
}

static void receive_complete(void *context)
{
	(void)context;
}

static void request_complete(void *context, struct im_request *request, im_status_t status)
{
	struct nb_top *top = context;

	nb_say("t%u:complete(%x,%d)", top->index, request->oid, (int)status);
	__atomic_store_n(&top->completed, request, __ATOMIC_RELAXED);
	__atomic_add_fetch(&top->completions, 1, __ATOMIC_RELEASE);
	if (top->in_complete != NULL)
		top->in_complete(top);
}

static void reset_complete(void *context, im_status_t status)
{
	struct nb_top *top = context;

	nb_say("t%u:reset(%d)", top->index, (int)status);
}

static void status_indication(void *context, uint32_t indication, const void *buffer, uint32_t length)
{
	struct nb_top *top = context;
	uint32_t value = 0;

	if (length == sizeof(value))
		memcpy(&value, buffer, sizeof(value));
	if (length > 0)
		nb_say("t%u:status(%u,%u bytes,%u)", top->index, indication, length, value);
	else
		nb_say("t%u:status(%u)", top->index, indication);
	if (top->in_status != NULL)
		top->in_status(indication);
}

static void status_complete(void *context)
{
	struct nb_top *top = context;

	nb_say("t%u:end", top->index);
}

static im_status_t pnp_event(void *context, struct im_pnp_event *event)
{
	struct nb_top *top = context;

	if (event->code == IM_PNP_PAUSE || event->code == IM_PNP_RESTART)
		return IM_STATUS_SUCCESS;
	nb_say("t%u:event(%d,%d)", top->index, (int)event->code, (int)event->power);
	top->event = event;
	if (top->in_pnp != NULL)
		top->in_pnp(top, event);
	return top->pnp;
}

static void top_unload(void)
{
	im_deregister_protocol(protocol);
}

static im_status_t top_entry(struct im_driver_object *object)
{
	static const struct im_protocol_characteristics c = {
		.major_version = 4,
		.bind_adapter = bind_adapter,
		.unbind_adapter = unbind_adapter,
		.open_adapter_complete = open_complete,
		.close_adapter_complete = close_complete,
		.send_complete = send_complete,
		.receive = receive,
		.receive_complete = receive_complete,
		.request_complete = request_complete,
		.reset_complete = reset_complete,
		.status = status_indication,
		.status_complete = status_complete,
		.pnp_event = pnp_event,
	};
	im_status_t status = im_initialize_wrapper(&wrappers[2], object);

	if (status != IM_STATUS_SUCCESS)
		return status;
	status = im_register_protocol(wrappers[2], &c, sizeof(c), &protocol);
	if (status == IM_STATUS_SUCCESS)
		im_register_unload_handler(wrappers[2], top_unload);
	return status;
}

/* ---- Up and down --------------------------------------------------------------------------------- */

struct nb_top *nb_bind(const char *adapter)
{
	struct im_bind_config config = {.adapter = adapter};
	struct nb_top *top = &nb_tops[bound];

	assert_int_equal(im_bind(im_find_driver("top"), &config), IM_STATUS_SUCCESS);
	return top;
}

void nb_start_vnic(void)
{
	nb_vnic.name = "vnic";
	nb_vnic.attributes |= IM_ATTRIBUTE_INTERMEDIATE_DRIVER | IM_ATTRIBUTE_DESERIALIZE |
			      IM_ATTRIBUTE_NO_HALT_ON_SUSPEND | IM_ATTRIBUTE_IGNORE_TIMEOUTS;
	assert_int_equal(im_initialize_device_instance(layered, "vnic", &nb_vnic), IM_STATUS_SUCCESS);
	assert_int_equal(im_restart(nb_vnic.instance), IM_STATUS_SUCCESS);
}

void nb_halt_vnic(void)
{
	assert_int_equal(im_deinitialize_device_instance(im_find_instance("vnic")), IM_STATUS_SUCCESS);
}

/* Before a packet filter is set the gate is not open (5.9). */
static void want_packets(void)
{
	uint32_t filter = 0x20;
	struct im_request request = {
		.set = true, .oid = SLUICE_OID_GEN_CURRENT_PACKET_FILTER, .buffer = &filter, .length = sizeof(filter)};

	assert_int_equal(im_request_instance(nb_nic.instance, &request), IM_STATUS_SUCCESS);
	nb_expect("nic:set(1010e,20)");
	nb_nic.value = 0;
}

void nb_up(uint32_t tops, bool verified)
{
	struct im_verify_options options = im_verify_defaults;

	memset(&nb_nic, 0, sizeof(nb_nic));
	memset(&nb_vnic, 0, sizeof(nb_vnic));
	memset(nb_tops, 0, sizeof(nb_tops));
	bound = 0;
	log_text[0] = '\0';
	assert_int_equal(im_core_create(0, 4), 0);
	options.action = IM_VERIFY_COUNT;
	if (verified)
		assert_int_equal(im_verify(&options), 0);
	noted = im_violations();
	assert_int_equal(im_load_driver("nic", nic_entry, "plain miniport"), IM_STATUS_SUCCESS);
	assert_int_equal(im_load_driver("vnic", vnic_entry, "layered miniport"), IM_STATUS_SUCCESS);
	assert_int_equal(im_load_driver("top", top_entry, "protocol"), IM_STATUS_SUCCESS);
	nb_nic.name = "nic";
	nb_nic.attributes = IM_ATTRIBUTE_DESERIALIZE;
	assert_int_equal(im_start_plain_instance(im_find_driver("nic"), "nic", &nb_nic), IM_STATUS_SUCCESS);
	assert_int_equal(im_restart(nb_nic.instance), IM_STATUS_SUCCESS);
	want_packets();
	for (uint32_t i = 0; i < tops; i++)
		nb_bind("nic");
	nb_expect("");
}

void nb_halt_nic(void)
{
	assert_int_equal(im_deinitialize_device_instance(im_find_instance("nic")), IM_STATUS_SUCCESS);
}

void nb_down(void)
{
	if (nb_vnic.instance != NULL)
		nb_halt_vnic();
	if (nb_nic.instance != NULL)
		nb_halt_nic();
	nb_expect_violation(NULL);
	im_unload_drivers();
	assert_int_equal(im_core_destroy(), 0);
}

void nb_tick_at(uint64_t seconds)
{
	im_tick(seconds * 1000000000ull);
}

void nb_turn(void)
{
	im_run_work();
}

void nb_dispatch(void (*run)(void))
{
	uint8_t level = im_raise(im_this_worker);

	run();
	im_lower(im_this_worker, level);
}
