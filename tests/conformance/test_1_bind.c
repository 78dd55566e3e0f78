/* SPDX-License-Identifier: BSD-3-Clause */
/* Bindings, and the VNICs that come and go with them (contract section 1E). */
#include <stdio.h>
#include <string.h>

#include "shipped.h"

/* ---- Coming -------------------------------------------------------------------------------------- */

static im_status_t too_early;

static im_status_t bind_inside_initialize(struct im_instance *instance, void *device_context)
{
	struct rig_vnic *vnic = device_context;

	too_early = rig_bind("top", "nic", "top");
	return rig_initialize_vnic(vnic, instance, IM_ATTRIBUTE_DESERIALIZE);
}

static void c1_32_an_adapter_is_bound_over_once_it_is_initialised(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.nic->miniport.initialize = bind_inside_initialize;
	rig_load_all();
	assert_int_equal(rig_bind("top", "nic", "top"), IM_STATUS_ADAPTER_NOT_FOUND);
	too_early = IM_STATUS_SUCCESS;
	rig_start_nic("nic");
	assert_int_equal(too_early, IM_STATUS_ADAPTER_NOT_FOUND);
	assert_int_equal(rig_bind("top", "nic", "top"), IM_STATUS_SUCCESS);
	rig_end();
}

static void expect_each_once(enum rig_handler handler, const char *const *names)
{
	unsigned count = 0;

	for (; names[count] != NULL; count++)
		assert_int_equal(rig_calls(handler, names[count]), 1);
	assert_int_equal(rig_calls(handler, NULL), count);
}

/* 0, 1 and several VNICs over one binding, whether its open and the bind itself pend or not. */
static void c1_33_c1_35_a_bind_opens_then_asks_for_each_of_its_vnics(void **state)
{
	static const char *const none[] = {NULL}, *const one[] = {"a", NULL}, *const three[] = {"a", "b", "c", NULL};
	static const char *const *const cases[] = {none, one, three};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++)
		for (enum rig_when when = RIG_INLINE; when < RIG_LATER; when++) {
			rig_begin(NULL, 0);
			rig.mid->script.binds = when;
			rig_load_all();
			rig_start_nic("nic");
			rig_forget();
			assert_int_equal(host_bind("mid", "nic", cases[i]), IM_STATUS_SUCCESS);
			host_settle();
			expect_each_once(RIG_initialize, cases[i]);
			assert_int_equal(rig_calls(RIG_bind_adapter, NULL), 1);
			assert_int_equal(host_unbind_over("nic"), IM_STATUS_SUCCESS);
			expect_each_once(RIG_halt, cases[i]);
			assert_int_equal(rig_calls(RIG_unbind_adapter, NULL), 1);
			rig_end();
		}
}

static im_status_t open_nothing(const struct im_bind_config *config)
{
	(void)config;
	return IM_STATUS_SUCCESS;
}

static void bind_without_opening(void)
{
	rig_begin(NULL, 0);
	rig.top->protocol.bind_adapter = open_nothing;
	rig_load_all();
	rig_start_nic("nic");
	rig_bind("top", "nic", "top");
}

static void c1_33_a_bind_that_opens_nothing_is_a_violation(void **state)
{
	(void)state;
	host_expect_stop("1.33", bind_without_opening);
}

/* ---- At another moment --------------------------------------------------------------------------- */

static struct im_bind_config old_config;

static im_status_t keep_the_config(const struct im_bind_config *config)
{
	old_config = *config;
	return IM_STATUS_FAILURE;
}

static void open_after_the_bind(void)
{
	static const uint32_t ethernet = IM_MEDIUM_802_3;
	struct im_open open = {.context = &open, .media = &ethernet, .media_count = 1};
	struct im_bind_config config = {.adapter = "nic"};
	struct im_binding *binding;

	rig_begin(NULL, 0);
	rig.top->protocol.bind_adapter = keep_the_config;
	rig_load_all();
	rig_start_nic("nic");
	rig_bind("top", "nic", "top");
	im_open_adapter(&binding, rig.top->protocol_handle, &config, &open);
}

static void close_at_any_time(void)
{
	rig_begin(NULL, 0);
	rig_build(0);
	im_close_adapter(rig.top_binding->binding);
}

static void c1_34_opening_and_closing_at_another_moment_is_a_violation(void **state)
{
	(void)state;
	host_expect_stop("1.34", open_after_the_bind);
	host_expect_stop("1.34", close_at_any_time);
}

/* From the call on the binding takes no sends, and the core unbinds it soon, once. */
static void c1_34_the_core_unbinds_what_a_driver_wants_to_be_rid_of(void **state)
{
	struct im_packet *packet = rig_packet(8, 60, 0);

	(void)state;
	rig_begin(NULL, 0);
	rig_build(1);
	im_schedule_unbind(rig.top_binding->binding);
	im_schedule_unbind(rig.top_binding->binding);
	assert_int_equal(rig_calls(RIG_unbind_adapter, "top"), 0); /* not inside the call */
	im_send_packets(rig.top_binding->binding, &packet, 1);
	assert_int_equal(rig_call(RIG_send_complete, "top", 0)->statuses[0], IM_STATUS_CLOSING);
	host_settle();
	assert_int_equal(rig_calls(RIG_unbind_adapter, "top"), 1);
	assert_int_equal(rig_calls(RIG_send_packets, "m0"), 0);
	assert_null(rig.top_binding->binding);
	assert_int_equal(rig_bind("top", "m0", "top"), IM_STATUS_SUCCESS); /* there is room for the next */
	rig_packets_free(&packet, 1);
	rig_end();
}

/* ---- A bind that fails --------------------------------------------------------------------------- */

/* A name that is in use. The rig has one object for each name, which the mid's will be, so this one is without it. */
static im_status_t initialize_other(struct im_instance *instance, void *device_context)
{
	im_set_attributes(instance, device_context, IM_ATTRIBUTE_DESERIALIZE);
	return IM_STATUS_SUCCESS;
}

static void start_other(void)
{
	static struct rig_vnic other;

	other = (struct rig_vnic){.name = "other", .driver = rig.nic};
	rig_new_vnic(rig.nic, "other");
	rig.nic->miniport.initialize = initialize_other;
	assert_int_equal(host_start("nic", "other", &other), IM_STATUS_SUCCESS);
}

/* The last of three VNICs has a name that is in use: those before go again, the adapter is closed, nothing comes after.
 */
static void c1_36_a_bind_that_fails_takes_back_all_and_hears_no_more(void **state)
{
	static const char *const names[] = {"a", "b", "other", NULL};

	(void)state;
	for (enum rig_when when = RIG_INLINE; when < RIG_LATER; when++) {
		rig_begin(NULL, 0);
		rig.mid->script.binds = when;
		rig_load_all();
		rig_start_nic("nic");
		start_other();
		assert_int_equal(host_bind("mid", "nic", names), IM_STATUS_NOT_ACCEPTED);
		host_settle();
		assert_false(host_exists("a"));
		assert_false(host_exists("b"));
		assert_int_equal(host_objects("mid"), 0);
		assert_int_equal(rig_calls(RIG_halt, NULL), rig_calls(RIG_initialize, NULL) - 2); /* nics */
		assert_int_equal(rig_calls(RIG_unbind_adapter, NULL), 0);
		rig_forget();
		assert_int_equal(host_restart("nic"), IM_STATUS_SUCCESS);
		host_pause("nic");
		assert_int_equal(host_unbind_over("nic"), IM_STATUS_SUCCESS); /* there is nothing */
		assert_string_equal(rig_story(RIG_ALL & ~(RIG_BIT(pause) | RIG_BIT(restart))), "");
		assert_int_equal(host_stop("other"), IM_STATUS_SUCCESS);
		rig_end();
	}
}

static void c1_36_so_does_the_relay(void **state)
{
	(void)state;
	shipped_begin(NULL);
	shipped_load_all();
	rig_start_nic("other");
	assert_int_equal(rig_bind("relay", "nic", "other"), IM_STATUS_NOT_ACCEPTED);
	host_settle();
	assert_int_equal(host_objects("relay"), 0);
	assert_int_equal(rig_bind("relay", "nowhere", "r0"), IM_STATUS_ADAPTER_NOT_FOUND);
	assert_int_equal(host_objects("relay"), 0);
	assert_false(host_exists("r0"));
	rig_end();
}

static const struct im_bind_config *failing;

static im_status_t open_and_fail(const struct im_bind_config *config)
{
	im_status_t status = rig_bind_adapter(config);

	failing = config;
	return status == IM_STATUS_SUCCESS ? IM_STATUS_FAILURE : status;
}

static void opened_and_fail(void *context, im_status_t status)
{
	(void)context;
	(void)status;
	im_complete_bind_adapter(failing, IM_STATUS_FAILURE);
}

static void bind_and_leave_it_open(void)
{
	rig_begin(NULL, 0);
	rig.top->protocol.bind_adapter = open_and_fail;
	rig.top->protocol.open_adapter_complete = opened_and_fail;
	rig_load_all();
	rig_start_nic("nic");
	rig_bind("top", "nic", "top");
}

static void c1_36_a_failed_bind_that_leaves_the_adapter_open_is_a_violation(void **state)
{
	(void)state;
	host_expect_stop("1.36", bind_and_leave_it_open);
}

/* ---- Going --------------------------------------------------------------------------------------- */

static im_status_t refuse_to_unbind(void *context, void *unbind_context)
{
	(void)context;
	(void)unbind_context;
	return IM_STATUS_RESOURCES;
}

static void unbind_and_fail(void)
{
	rig_begin(NULL, 0);
	rig_build(0);
	rig.top->protocol.unbind_adapter = refuse_to_unbind;
	host_unbind(rig.top_binding->binding);
}

static void c1_37_an_unbind_that_fails_is_a_violation(void **state)
{
	(void)state;
	host_expect_stop("1.37", unbind_and_fail);
}

/* Where the verifier only counts, the binding goes all the same. */
static void c1_37_it_goes_although_its_driver_refuses(void **state)
{
	static const struct host_options counting = {
		.verify = {.action = IM_VERIFY_COUNT, .wait_limit_ms = 30000, .handler_limit_ms = 10000}};

	(void)state;
	rig_begin(&counting, 0);
	rig_build(0);
	rig.top->protocol.unbind_adapter = refuse_to_unbind;
	host_unbind(rig.top_binding->binding);
	rig.top_binding->binding = NULL;
	host_expect_counted("1.37"); /* once, though it is still open */
	assert_int_equal(host_objects("top"), 0);
	rig_end();
}

/* A request parked in the relay fails; the protocols above go, then the VNIC, then the filters below, then the binding.
 */
static void c1_38_an_unbind_goes_in_order(void **state)
{
	uint32_t speed = 0;
	struct im_request request = {.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &speed, .length = sizeof(speed)};

	(void)state;
	shipped_begin(NULL);
	shipped_build(1);
	assert_int_equal(rig_value(rig.port, SLUICE_OID_GEN_CURRENT_PACKET_FILTER)->bytes[0], 0x2f);
	assert_int_equal(host_set_power("nic", IM_POWER_D3), IM_STATUS_SUCCESS);
	rig_forget();
	assert_int_equal(im_request(rig.top_binding->binding, &request), IM_STATUS_PENDING);
	host_settle();
	assert_int_equal(rig_calls(RIG_request_complete, "top"), 0);
	assert_int_equal(host_unbind_over("nic"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_request_complete, "top"), 1);
	assert_int_equal(rig_call(RIG_request_complete, "top", 0)->value, IM_STATUS_FAILURE); /* by the relay itself */
	assert_int_equal(rig_calls(RIG_unbind_adapter, "top"), 1);
	assert_false(host_exists("r0"));
	assert_int_equal(host_objects("relay"), 0);
	rig_end();
}

static void c1_38_the_filters_below_are_cleared_after_the_halt(void **state)
{
	const struct rig_call *set;
	unsigned count;

	(void)state;
	rig_begin(NULL, 0);
	rig_build(1);
	rig_forget();
	assert_int_equal(host_unbind_over("nic"), IM_STATUS_SUCCESS);
	assert_string_equal(rig_story(RIG_LIFE), "unbind_adapter:m0 unbind_adapter:top halt:m0");
	count = rig_calls(RIG_set_information, "nic");
	assert_true(count > 0);
	set = rig_call(RIG_set_information, "nic", count - 1);
	assert_int_equal(set->value, SLUICE_OID_GEN_CURRENT_PACKET_FILTER);
	assert_true(set > rig_call(RIG_halt, "m0", 0)); /* the log is in order */
	assert_int_equal(rig_value(rig.port, SLUICE_OID_GEN_CURRENT_PACKET_FILTER)->bytes[0], 0);
	rig_end();
}

/* Nothing that the relay had asked of the adapter for those above is left there. */
static void c1_38_the_relay_clears_what_was_set_below(void **state)
{
	static uint8_t group[6] = {0x01, 0x00, 0x5e, 1, 2, 3};
	struct im_request request = {
		.set = true, .oid = SLUICE_OID_802_3_MULTICAST_LIST, .buffer = group, .length = sizeof(group)};

	(void)state;
	shipped_begin(NULL);
	shipped_build(1);
	assert_int_equal(rig_request(rig.top_binding, &request), IM_STATUS_SUCCESS);
	assert_int_equal(rig_value(rig.port, SLUICE_OID_802_3_MULTICAST_LIST)->length, sizeof(group));
	assert_int_equal(host_stop("r0"), IM_STATUS_SUCCESS); /* the top is gone, the relay's binding is not */
	rig_forget();
	assert_int_equal(host_unbind_over("nic"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_value(rig.port, SLUICE_OID_802_3_MULTICAST_LIST)->length, 0);
	assert_int_equal(rig_value(rig.port, SLUICE_OID_GEN_CURRENT_PACKET_FILTER)->bytes[0], 0);
	rig_end();
}

/* A close that pends, as a request is out: the handle's memory is there, and a send still goes nowhere. */
static void leave_it_pending(void *context)
{
	(void)context;
}

static void unbind_top(void *argument)
{
	(void)argument;
	host_unbind(rig.top_binding->binding);
}

static struct im_binding *closing;
static struct im_event close_begun;

static im_status_t note_and_unbind(void *context, void *unbind_context)
{
	struct rig_binding *binding = context;
	im_status_t status;

	closing = binding->binding;
	status = rig_unbind_adapter(context, unbind_context);
	im_set_event(&close_begun);
	return status;
}

/* The top's close pends, as the nic keeps its request: what there is meanwhile. */
static void begin_a_close(const struct host_options *options, struct im_request *request)
{
	rig_begin(options, 0);
	rig_build(0);
	rig.nic->script.requests = RIG_LATER;
	rig.nic->miniport.cancel_request = leave_it_pending;
	rig.top->protocol.unbind_adapter = note_and_unbind;
	rig_forget();
	assert_int_equal(im_request(rig.top_binding->binding, request), IM_STATUS_PENDING);
	im_reset_event(&close_begun);
	host_begin(HOST_IDLE, unbind_top, NULL);
	im_wait_event(&close_begun, 0);
}

static void c1_39_a_send_after_close_fails_and_goes_nowhere(void **state)
{
	static const struct host_options unverified = {.unverified = true};
	uint32_t speed;
	struct im_request request = {.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &speed, .length = sizeof(speed)};
	struct im_packet *packet = rig_packet(8, 60, 0);

	(void)state;
	begin_a_close(&unverified, &request);
	im_send_packets(closing, &packet, 1);
	assert_int_equal(rig_calls(RIG_send_packets, "nic"), 0);
	assert_int_equal(rig_call(RIG_send_complete, "top", 0)->statuses[0], IM_STATUS_CLOSING);
	rig_complete_request(rig.port, IM_STATUS_SUCCESS);
	host_join();
	rig.nic->script.requests = RIG_INLINE;
	rig_packets_free(&packet, 1);
	rig_end();
}

/* Until the close is complete the context is alive, and hears of what it had begun; then nothing more. */
static void c1_40_a_binding_lives_until_its_close_is_complete(void **state)
{
	uint32_t speed;
	struct im_request request = {.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &speed, .length = sizeof(speed)};

	(void)state;
	begin_a_close(NULL, &request);
	for (int i = 0; i < 10; i++)
		host_tick(0);
	assert_int_equal(rig_calls(RIG_close_adapter_complete, "top"), 0);
	assert_int_equal(host_objects("top"), 1);
	rig_complete_request(rig.port, IM_STATUS_SUCCESS);
	host_join();
	assert_string_equal(
		rig_story(RIG_BIT(request_complete) | RIG_BIT(close_adapter_complete) | RIG_BIT(unbind_adapter)),
		"unbind_adapter:top request_complete:top close_adapter_complete:top");
	assert_int_equal(host_objects("top"), 0);
	rig.nic->script.requests = RIG_INLINE;
	rig_end();
}

/* Where the relay's memory goes: under each schedule, the sanitizer looks on. */
static void c1_40_c1_41_a_vnic_halted_alone_is_not_halted_again(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig_build(1);
	assert_int_equal(host_stop("m0"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_halt, "m0"), 1);
	assert_int_equal(host_unbind_over("nic"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_halt, "m0"), 1);
	rig_end();
	shipped_begin(NULL);
	shipped_build(2);
	assert_int_equal(host_stop("r1"), IM_STATUS_SUCCESS);
	assert_false(host_exists("r0")); /* it stood over it */
	assert_int_equal(host_unbind_over("nic"), IM_STATUS_SUCCESS);
	assert_int_equal(host_objects("relay"), 0);
	rig_end();
}

static void send_one_through(void)
{
	struct im_packet *packet = rig_packet(8, 60, 0);

	rig_forget();
	im_send_packets(rig.top_binding->binding, &packet, 1);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 1);
	rig_packets_free(&packet, 1);
}

/* The VNIC's own power and that of the adapter below, in each order; in the end all is as before. */
static void c1_42_events_of_the_two_edges_come_in_any_order(void **state)
{
	static const char *const orders[][4] = {{"nic", "r0", "r0", "nic"},
						{"nic", "r0", "nic", "r0"},
						{"r0", "nic", "r0", "nic"},
						{"r0", "nic", "nic", "r0"}};

	(void)state;
	shipped_begin(NULL);
	shipped_build(1);
	for (size_t i = 0; i < RTE_DIM(orders); i++) {
		for (int step = 0; step < 4; step++) {
			assert_int_equal(host_set_power(orders[i][step], step < 2 ? IM_POWER_D3 : IM_POWER_D0),
					 IM_STATUS_SUCCESS);
			host_settle();
		}
		send_one_through();
	}
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c1_32_an_adapter_is_bound_over_once_it_is_initialised),
		cmocka_unit_test(c1_33_c1_35_a_bind_opens_then_asks_for_each_of_its_vnics),
		cmocka_unit_test(c1_33_a_bind_that_opens_nothing_is_a_violation),
		cmocka_unit_test(c1_34_opening_and_closing_at_another_moment_is_a_violation),
		cmocka_unit_test(c1_34_the_core_unbinds_what_a_driver_wants_to_be_rid_of),
		cmocka_unit_test(c1_36_a_bind_that_fails_takes_back_all_and_hears_no_more),
		cmocka_unit_test(c1_36_so_does_the_relay),
		cmocka_unit_test(c1_36_a_failed_bind_that_leaves_the_adapter_open_is_a_violation),
		cmocka_unit_test(c1_37_an_unbind_that_fails_is_a_violation),
		cmocka_unit_test(c1_37_it_goes_although_its_driver_refuses),
		cmocka_unit_test(c1_38_an_unbind_goes_in_order),
		cmocka_unit_test(c1_38_the_filters_below_are_cleared_after_the_halt),
		cmocka_unit_test(c1_38_the_relay_clears_what_was_set_below),
		cmocka_unit_test(c1_39_a_send_after_close_fails_and_goes_nowhere),
		cmocka_unit_test(c1_40_a_binding_lives_until_its_close_is_complete),
		cmocka_unit_test(c1_40_c1_41_a_vnic_halted_alone_is_not_halted_again),
		cmocka_unit_test(c1_42_events_of_the_two_edges_come_in_any_order),
	};

	return host_run_tests(tests);
}
