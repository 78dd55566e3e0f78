/* SPDX-License-Identifier: BSD-3-Clause */
/* The level of each call of the core, and what becomes of one at the wrong level (contract sections 9A to 9C). */
#include "shipped.h"

static const struct host_options counting = {
	.workers = 2, .verify = {.action = IM_VERIFY_COUNT, .wait_limit_ms = 30000, .handler_limit_ms = 10000}};

static struct im_packet *packets[8];

/* ---- Calls --------------------------------------------------------------------------------------- */

static struct im_wrapper *wrapper;
static struct im_miniport *miniport;
static struct im_protocol *protocol;
static struct im_binding *binding;
static struct im_instance *instance;

static void do_register_miniport(void)
{
	static const struct im_miniport_characteristics characteristics;

	assert_int_equal(im_register_miniport(rig.top->wrapper, &characteristics, sizeof(characteristics)),
			 IM_STATUS_FAILURE);
}

static void do_register_layered_miniport(void)
{
	static const struct im_miniport_characteristics characteristics;
	struct im_miniport *handle;

	assert_int_equal(
		im_register_layered_miniport(rig.top->wrapper, &characteristics, sizeof(characteristics), &handle),
		IM_STATUS_FAILURE);
}

static void do_register_protocol(void)
{
	static const struct im_protocol_characteristics characteristics;
	struct im_protocol *handle;

	assert_int_equal(im_register_protocol(rig.nic->wrapper, &characteristics, sizeof(characteristics), &handle),
			 IM_STATUS_FAILURE);
}

static void do_deregister_miniport(void)
{
	im_deregister_layered_miniport(miniport);
}

static void do_deregister_protocol(void)
{
	im_deregister_protocol(protocol);
}

static void do_associate(void)
{
	assert_int_equal(im_associate_miniport(miniport, protocol), IM_STATUS_FAILURE);
}

static void do_initialize(void)
{
	assert_int_equal(im_initialize_device_instance(miniport, "other", NULL), IM_STATUS_FAILURE);
}

static void do_cancel_initialize(void)
{
	assert_int_equal(im_cancel_initialize_device_instance(miniport, "other"), IM_STATUS_FAILURE);
}

static void do_deinitialize(void)
{
	assert_int_equal(im_deinitialize_device_instance(instance), IM_STATUS_FAILURE);
}

static void do_close(void)
{
	assert_int_equal(im_close_adapter(binding), IM_STATUS_FAILURE);
}

static void do_complete_unbind(void)
{
	im_complete_unbind_adapter(binding);
}

static void do_terminate_wrapper(void)
{
	im_terminate_wrapper(wrapper);
}

static im_status_t open_device(struct im_device *device, void **handle_context)
{
	(void)device, (void)handle_context;
	return IM_STATUS_FAILURE;
}

static im_status_t call_device(void *handle_context, struct im_device_call *call)
{
	(void)handle_context, (void)call;
	return IM_STATUS_FAILURE;
}

static void close_device(void *handle_context)
{
	(void)handle_context;
}

static void do_register_device(void)
{
	static const struct im_device_operations operations = {
		.open = open_device, .call = call_device, .close = close_device};
	struct im_device *device;

	assert_int_equal(im_register_device(wrapper, "device", &operations, &device), IM_STATUS_FAILURE);
}

static void do_get_binding_context(void)
{
	assert_null(im_get_binding_context(binding));
}

static void do_wait(void)
{
	struct im_event never = {0};

	assert_false(im_wait_event(&never, 60000));
}

static void do_flush_work(void)
{
	im_flush_work(wrapper);
}

static void do_request(void)
{
	uint32_t speed;
	struct im_request request = {.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &speed, .length = sizeof(speed)};

	assert_int_equal(im_request(binding, &request), IM_STATUS_FAILURE);
}

static const struct wrong {
	void (*call)(void);
	const char *statement;	      /* that it breaks at DISPATCH ... */
	const char *statement_locked; /* ... and with a lock held */
} wrong_calls[] = {
	{do_register_miniport, "9.3", "9.22"},	 {do_register_layered_miniport, "9.3", "9.22"},
	{do_register_protocol, "9.3", "9.22"},	 {do_deregister_miniport, "9.3", "9.22"},
	{do_deregister_protocol, "9.3", "9.22"}, {do_associate, "9.3", "9.22"},
	{do_initialize, "9.3", "9.22"},		 {do_cancel_initialize, "9.3", "9.22"},
	{do_deinitialize, "9.3", "9.22"},	 {do_close, "9.3", "9.22"},
	{do_complete_unbind, "9.3", "9.22"},	 {do_terminate_wrapper, "9.3", "9.22"},
	{do_register_device, "8.19", "9.22"},	 {do_get_binding_context, "9.4", "9.22"},
	{do_request, "12.24", "9.22"},		 {do_wait, "9.12", "9.12"},
	{do_flush_work, "9.12", "9.12"},
};

static const struct wrong *wrong; /* that is done now */
static bool with_a_lock;

/* A handler is at DISPATCH; a lock raises whoever takes it. */
static void do_wrong(void *context, struct im_packet **sent, uint16_t count)
{
	static struct im_lock lock;

	(void)context, (void)sent, (void)count;
	if (with_a_lock)
		im_acquire_spin_lock(&lock);
	wrong->call();
	if (with_a_lock)
		im_release_spin_lock(&lock);
}

static void up_to_do_wrong(void)
{
	rig_begin(&counting, 0);
	rig.top->protocol.send_complete = do_wrong;
	rig_build(1);
	wrapper = rig.mid->wrapper;
	miniport = rig.mid->miniport_handle;
	protocol = rig.mid->protocol_handle;
	instance = rig_vnic("m0")->instance;
	binding = rig_binding("top")->binding;
}

/* Each is refused, and nothing has come of it. */
static void c9_3_c9_4_c9_12_c9_22_what_is_for_passive_is_refused_at_dispatch(void **state)
{
	unsigned objects;

	(void)state;
	up_to_do_wrong();
	rig_packets(packets, 1);
	objects = host_objects("mid") + host_objects("top");
	for (size_t i = 0; i < 2 * RTE_DIM(wrong_calls); i++) {
		wrong = &wrong_calls[i / 2];
		with_a_lock = i % 2;
		im_send_packets(rig.top_binding->binding, packets, 1);
		host_settle();
		host_expect_counted(with_a_lock ? wrong->statement_locked : wrong->statement);
		assert_int_equal(host_objects("mid") + host_objects("top"), objects);
	}
	rig.top->protocol.send_complete = NULL;
	rig_packets_free(packets, 1);
	rig_end();
}

/* ---- Any level ----------------------------------------------------------------------------------- */

static void copy_info(void *unused)
{
	struct im_packet from = {.info = {.cancel_id = 1, .vlan = 2, .checksum = 3, .mss = 4, .segments = 5}}, to = {0};

	(void)unused;
	im_copy_send_per_packet_info(&to, &from);
	if (to.info.cancel_id != 1 || to.info.vlan != 2 || to.info.checksum != 3 || to.info.mss != 4)
		rig_broken("what is asked of the frame was not copied");
	im_copy_send_complete_per_packet_info(&to, &from);
	if (to.info.segments != 5)
		rig_broken("what the completion tells was not copied");
}

static void copy_info_in_a_handler(void *context, struct im_packet **done, uint16_t count)
{
	(void)context, (void)done, (void)count;
	copy_info(NULL);
}

static void c9_10_info_is_copied_at_any_level(void **state)
{
	struct im_lock lock = {0};

	(void)state;
	rig_begin(&counting, 0);
	rig.top->protocol.send_complete = copy_info_in_a_handler;
	rig_build(0);
	rig_packets(packets, 1);
	copy_info(NULL);
	host_on(1, copy_info, NULL);
	im_send_packets(rig.top_binding->binding, packets, 1);
	host_settle();
	assert_int_equal(rig_calls(RIG_send_complete, "top"), 1);
	im_acquire_spin_lock(&lock);
	copy_info(NULL);
	im_release_spin_lock(&lock);
	host_expect_counted(NULL);
	rig_packets_free(packets, 1);
	rig_end();
}

/* ---- From PASSIVE to DISPATCH and back ----------------------------------------------------------- */

static bool slept;

/* At PASSIVE; what it calls is for DISPATCH: the core raises the thread, and lowers it again. */
static im_status_t send_on_restart(void *context, struct im_pnp_event *event)
{
	struct rig_binding *top = context;
	struct im_event never = {0};

	if (event->code != IM_PNP_RESTART)
		return IM_STATUS_SUCCESS;
	im_send_packets(top->binding, packets, 8);
	if (im_this_worker->level != IM_LEVEL_PASSIVE)
		rig_broken("a PASSIVE handler is at DISPATCH after a send");
	slept = !im_wait_event(&never, 1);
	return IM_STATUS_SUCCESS;
}

static void c9_16_a_passive_handler_is_raised_for_what_needs_dispatch(void **state)
{
	static const struct host_options kinds[] = {{.workers = 1}, {.workers = 1, .unverified = true}};

	(void)state;
	for (size_t kind = 0; kind < RTE_DIM(kinds); kind++) {
		rig_begin(&kinds[kind], 0);
		rig_build(1);
		rig_packets(packets, 8);
		host_pause("m0");
		rig_forget();
		slept = false;
		rig.top->protocol.pnp_event = send_on_restart;
		assert_int_equal(host_restart("m0"), IM_STATUS_SUCCESS);
		host_settle();
		assert_true(slept);
		rig_expect_packets(RIG_send_packets, "nic", packets, 8);
		assert_int_equal(rig_call(RIG_send_packets, "nic", 0)->level, IM_LEVEL_DISPATCH);
		assert_int_equal(rig_call(RIG_send_complete, "top", 0)->level, IM_LEVEL_DISPATCH);
		rig_packets_free(packets, 8);
		rig_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c9_3_c9_4_c9_12_c9_22_what_is_for_passive_is_refused_at_dispatch),
		cmocka_unit_test(c9_10_info_is_copied_at_any_level),
		cmocka_unit_test(c9_16_a_passive_handler_is_raised_for_what_needs_dispatch),
	};

	return host_run_tests(tests);
}
