/* SPDX-License-Identifier: BSD-3-Clause */
/* Device instances: VNICs asked for, taken back, initialised and deinitialised (contract section 2E). The race of the
 * two: test_2_race.c. */
#include <string.h>

#include "shipped.h"

static const struct host_options later = {.workers = 1,
					  .verify = {.schedule = IM_SCHEDULE_LATER,
						     .send_limit_ms = 30000,
						     .progress_limit_ms = 22000,
						     .request_limit_ms = 12000,
						     .handler_limit_ms = 10000,
						     .wait_limit_ms = 30000}};

static im_status_t ask(const char *name, void *device_context)
{
	return im_initialize_device_instance(rig.mid->miniport_handle, name, device_context);
}

static im_status_t take_back(const char *name)
{
	return im_cancel_initialize_device_instance(rig.mid->miniport_handle, name);
}

static void load_mid(const struct host_options *options)
{
	rig_begin(options, 0);
	assert_int_equal(rig_load(rig.mid), IM_STATUS_SUCCESS);
	rig_new_vnic(rig.mid, "v");
}

static void ask_on_a_worker(void *argument)
{
	(void)argument;
	ask("v", NULL);
}

static void ask_at_dispatch(void)
{
	load_mid(&later);
	host_on(1, ask_on_a_worker, NULL);
}

static void c2_37_asking_is_for_passive(void **state)
{
	(void)state;
	host_expect_stop("9.3", ask_at_dispatch);
}

static void c2_37_c2_38_c2_40_success_means_begun_and_the_name_is_taken(void **state)
{
	(void)state;
	load_mid(&later);
	assert_int_equal(ask("v", rig_vnic("v")), IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_initialize, "v"), 0);
	assert_int_equal(ask("v", rig_vnic("v")), IM_STATUS_NOT_ACCEPTED);
	host_settle();
	assert_int_equal(rig_calls(RIG_initialize, "v"), 1);
	assert_int_equal(ask("v", rig_vnic("v")), IM_STATUS_NOT_ACCEPTED);
	assert_int_equal(host_state("v"), SLUICE_INSTANCE_PAUSED);
	assert_int_equal(host_stop("v"), IM_STATUS_SUCCESS);
	rig_end();
}

/* Inside, later, or on another thread: the relay comes to life under each, and goes from any point of it. */
static void c2_40_c2_41_the_relay_is_ready_for_each_moment(void **state)
{
	struct host_options options = later;

	(void)state;
	for (unsigned schedule = IM_SCHEDULE_INLINE; schedule <= IM_SCHEDULE_RANDOM; schedule++) {
		options.verify.schedule = (enum im_verify_schedule)schedule;
		options.verify.seed = 7;
		shipped_begin(&options);
		shipped_load_all();
		for (int i = 0; i < 8; i++) {
			assert_int_equal(rig_bind("relay", "nic", "r0"), IM_STATUS_SUCCESS);
			for (int turn = 0; turn < i; turn++) /* so far it has got this time */
				host_tick(0);
			assert_int_equal(host_unbind_over("nic"), IM_STATUS_SUCCESS);
			assert_false(host_exists("r0"));
			assert_int_equal(host_objects("relay"), 0);
		}
		rig_end();
	}
}

static void c2_41_c2_43_what_was_taken_back_is_never_initialised(void **state)
{
	(void)state;
	load_mid(&later);
	assert_int_equal(take_back("v"), IM_STATUS_FAILURE); /* nothing was asked */
	assert_int_equal(ask("v", rig_vnic("v")), IM_STATUS_SUCCESS);
	assert_int_equal(take_back("v"), IM_STATUS_SUCCESS);
	assert_int_equal(take_back("v"), IM_STATUS_FAILURE);
	assert_false(host_exists("v"));
	host_settle();
	assert_int_equal(rig_calls(RIG_initialize, "v"), 0);
	assert_int_equal(ask("v", rig_vnic("v")), IM_STATUS_SUCCESS); /* the name is free again */
	host_settle();
	assert_int_equal(rig_calls(RIG_initialize, "v"), 1);
	assert_int_equal(host_stop("v"), IM_STATUS_SUCCESS);
	rig_end();
}

static im_status_t inside;

static im_status_t take_back_inside(struct im_instance *instance, void *device_context)
{
	inside = take_back("v");
	return rig_initialize_vnic(device_context, instance,
				   IM_ATTRIBUTE_INTERMEDIATE_DRIVER | IM_ATTRIBUTE_DESERIALIZE);
}

static void c2_43_c2_45_what_is_initialised_is_deinitialised_alone(void **state)
{
	(void)state;
	load_mid(NULL);
	rig.mid->miniport.initialize = take_back_inside;
	assert_int_equal(ask("v", rig_vnic("v")), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(inside, IM_STATUS_FAILURE); /* it runs */
	assert_int_equal(take_back("v"), IM_STATUS_FAILURE);
	assert_true(host_exists("v"));
	assert_int_equal(rig_calls(RIG_halt, "v"), 0);
	assert_int_equal(im_deinitialize_device_instance(rig_vnic("v")->instance), IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_halt, "v"), 1);
	assert_int_equal(take_back("v"), IM_STATUS_FAILURE);
	rig_end();
}

/* ---- Around initialize --------------------------------------------------------------------------- */

static struct {
	im_status_t status;
	uint32_t speed;
} asked_below;

/* The last step of the relay's initialize. */
static im_status_t ask_below(struct im_relay *relay)
{
	static struct im_request request;

	request = (struct im_request){
		.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &asked_below.speed, .length = sizeof(asked_below.speed)};
	asked_below.status = im_request(relay->below, &request);
	return IM_STATUS_SUCCESS;
}

/* Sends that come the moment it runs go through, too. */
static void c2_39_the_binding_below_is_open_before_the_vnic_is_asked_for(void **state)
{
	struct im_packet *packet = rig_packet(8, 60, 0);

	(void)state;
	memset(&asked_below, 0, sizeof(asked_below));
	asked_below.status = IM_STATUS_FAILURE;
	shipped_begin(NULL);
	shipped.start = ask_below;
	shipped_build(1);
	host_settle();
	if (asked_below.status != IM_STATUS_PENDING)
		assert_int_equal(asked_below.status, IM_STATUS_SUCCESS);
	assert_int_equal(asked_below.speed, 10000);
	im_send_packets(rig.top_binding->binding, &packet, 1);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 1);
	rig_packets_free(&packet, 1);
	rig_end();
}

static void *context_seen;

static im_status_t bind_and_look(const struct im_bind_config *config)
{
	im_status_t status = rig_bind_adapter(config);
	const struct rig_binding *binding = rig_binding(config->vnic_names[0]);

	if (binding != NULL)
		context_seen = im_get_binding_context(binding->binding);
	return status;
}

static void c2_42_c2_48_the_device_context_is_seen_by_initialize_and_from_above(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.top->protocol.bind_adapter = bind_and_look;
	rig_load_all();
	rig_new_vnic(rig.mid, "v");
	rig_new_vnic(rig.mid, "w");
	assert_int_equal(ask("v", rig_vnic("v")), IM_STATUS_SUCCESS);
	assert_int_equal(ask("w", NULL), IM_STATUS_SUCCESS);
	host_settle();
	assert_ptr_equal(rig_call(RIG_initialize, "v", 0)->buffer, rig_vnic("v"));
	assert_null(rig_call(RIG_initialize, "w", 0)->buffer);
	context_seen = NULL;
	assert_int_equal(rig_bind("top", "v", "over v"), IM_STATUS_SUCCESS);
	assert_ptr_equal(context_seen, rig_vnic("v"));
	assert_int_equal(rig_bind("top", "v", "over v too"), IM_STATUS_SUCCESS); /* all see the same */
	assert_ptr_equal(context_seen, rig_vnic("v"));
	assert_int_equal(rig_bind("top", "w", "over w"), IM_STATUS_SUCCESS);
	assert_null(context_seen);
	assert_int_equal(host_stop("v"), IM_STATUS_SUCCESS);
	assert_int_equal(host_stop("w"), IM_STATUS_SUCCESS);
	rig_end();
}

static void look_on_a_worker(void *argument)
{
	im_get_binding_context(argument);
}

static void look_at_dispatch(void)
{
	rig_begin(&later, 0);
	rig_build(0);
	host_on(1, look_on_a_worker, rig.top_binding->binding);
}

static void c2_48_it_is_not_read_at_dispatch(void **state)
{
	(void)state;
	host_expect_stop("9.4", look_at_dispatch);
}

static im_status_t say_little(struct im_instance *instance, void *device_context)
{
	return rig_initialize_vnic(device_context, instance, IM_ATTRIBUTE_DESERIALIZE);
}

static im_status_t be_serialised(struct im_instance *instance, void *device_context)
{
	return rig_initialize_vnic(device_context, instance, IM_ATTRIBUTE_INTERMEDIATE_DRIVER);
}

static void initialize_as_a_nic(void)
{
	load_mid(NULL);
	rig.mid->miniport.initialize = say_little;
	ask("v", rig_vnic("v"));
	host_settle();
}

static void initialize_serialised(void)
{
	load_mid(NULL);
	rig.mid->miniport.initialize = be_serialised;
	ask("v", rig_vnic("v"));
	host_settle();
}

static void initialize_as_an_intermediate_driver_of_version_3(void)
{
	rig_begin(NULL, 0);
	rig.nic->miniport.major_version = 3;
	rig.nic->script.attributes = IM_ATTRIBUTE_INTERMEDIATE_DRIVER;
	rig_load_all();
	rig_start_nic("nic");
}

static void c2_2_c2_49_attributes_say_what_a_vnic_is(void **state)
{
	(void)state;
	host_expect_stop("2.49", initialize_as_a_nic);
	host_expect_stop("2.49", initialize_serialised);
	host_expect_stop("2.2", initialize_as_an_intermediate_driver_of_version_3);
}

/* A hang check finds a request that takes too long, and does not look at a driver that said it does its own timing. */
static void c2_49_timeouts_are_ignored_where_the_attributes_say_so(void **state)
{
	static const struct {
		uint32_t attributes;
		unsigned resets;
		const char *violated; /* by hardware that is not timed */
	} cases[] = {{0, 1, NULL}, {IM_ATTRIBUTE_IGNORE_TIMEOUTS, 0, "12.37"}};
	struct host_options counting = {.verify = im_verify_defaults};
	uint32_t speed;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct im_request request = {
			.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &speed, .length = sizeof(speed)};

		counting.verify.action = IM_VERIFY_COUNT;
		rig_begin(&counting, 0);
		rig.nic->script.attributes = cases[i].attributes;
		rig_build(0);
		host_expect_counted(cases[i].violated);
		rig.nic->script.requests = RIG_LATER;
		assert_int_equal(im_request(rig.top_binding->binding, &request), IM_STATUS_PENDING);
		for (int second = 0; second < 6; second++)
			host_tick(1000);
		assert_int_equal(rig_calls(RIG_reset, "nic") > 0, cases[i].resets);
		rig_complete_request(rig.port, IM_STATUS_SUCCESS);
		host_settle();
		rig.nic->script.requests = RIG_INLINE;
		rig_end();
	}
}

static im_status_t forget_the_context(struct im_instance *instance, void *device_context)
{
	(void)instance;
	(void)device_context;
	return IM_STATUS_SUCCESS;
}

static void initialize_without_context(void)
{
	load_mid(NULL);
	rig.mid->miniport.initialize = forget_the_context;
	ask("v", rig_vnic("v"));
	host_settle();
}

static im_status_t asked_too_early, restarted_too_early;

static im_status_t ask_inside(struct im_instance *instance, void *device_context)
{
	uint32_t value = 0, done, needed;

	asked_too_early = host_query("v", SLUICE_OID_GEN_LINK_SPEED, &value, sizeof(value), &done, &needed);
	restarted_too_early = host_restart("v");
	return rig_initialize_vnic(device_context, instance,
				   IM_ATTRIBUTE_INTERMEDIATE_DRIVER | IM_ATTRIBUTE_DESERIALIZE);
}

static void c2_50_nothing_is_delivered_before_the_context_is_set(void **state)
{
	(void)state;
	host_expect_stop("2.50", initialize_without_context);
	load_mid(NULL);
	rig.mid->miniport.initialize = ask_inside;
	assert_int_equal(ask("v", rig_vnic("v")), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(asked_too_early, IM_STATUS_NOT_READY);
	assert_int_equal(restarted_too_early, IM_STATUS_NOT_ACCEPTED);
	assert_string_equal(rig_story(RIG_ALL & ~RIG_BIT(driver_entry)), "initialize:v");
	assert_int_equal(host_stop("v"), IM_STATUS_SUCCESS);
	rig_end();
}

/* ---- Failing and going --------------------------------------------------------------------------- */

static im_status_t fail_to_start(struct im_relay *relay)
{
	(void)relay;
	return IM_STATUS_INVALID_DATA;
}

static void c2_51_an_initialize_that_fails_leaves_nothing_and_is_not_halted(void **state)
{
	(void)state;
	load_mid(NULL);
	rig.mid->script.initialize_status = IM_STATUS_INVALID_DATA;
	ask("v", rig_vnic("v")); /* INVALID_DATA, or SUCCESS where it runs later */
	host_settle();
	assert_int_equal(rig_calls(RIG_initialize, "v"), 1);
	assert_int_equal(rig_calls(RIG_halt, "v"), 0);
	assert_false(host_exists("v"));
	assert_int_equal(host_objects("mid"), 0);
	rig_end();
	shipped_begin(NULL);
	shipped.start = fail_to_start;
	shipped_load_all();
	rig_bind("relay", "nic", "r0");
	host_settle();
	assert_false(host_exists("r0"));
	assert_int_equal(host_unbind_over("nic"), IM_STATUS_SUCCESS);
	assert_int_equal(host_objects("relay"), 0);
	rig_end();
}

static im_status_t again[2];

static im_status_t deinitialize_again(void *context, void *unbind_context)
{
	again[0] = host_stop("v");
	return rig_unbind_adapter(context, unbind_context);
}

static void halt_and_deinitialize_again(void *context)
{
	struct rig_vnic *vnic = context;

	again[1] = im_deinitialize_device_instance(vnic->instance);
	rig_halt_vnic(context);
}

static void c2_46_c2_47_a_vnic_that_goes_is_not_deinitialised_again(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.mid->miniport.halt = halt_and_deinitialize_again;
	rig.top->protocol.unbind_adapter = deinitialize_again;
	rig_load_all();
	rig_new_vnic(rig.mid, "v");
	assert_int_equal(ask("v", rig_vnic("v")), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_bind("top", "v", "top"), IM_STATUS_SUCCESS);
	memset(again, 0, sizeof(again));
	rig_forget();
	assert_int_equal(im_deinitialize_device_instance(rig_vnic("v")->instance), IM_STATUS_SUCCESS);
	assert_int_equal(again[0], IM_STATUS_FAILURE);
	assert_int_equal(again[1], IM_STATUS_FAILURE);
	assert_string_equal(rig_story(RIG_LIFE), "unbind_adapter:top halt:v"); /* once */
	assert_int_equal(im_deinitialize_device_instance(NULL), IM_STATUS_FAILURE);
	rig_end();
}

static void deinitialize_on_a_worker(void *argument)
{
	im_deinitialize_device_instance(argument);
}

static void deinitialize_at_dispatch(void)
{
	rig_begin(&later, 0);
	rig_build(0);
	host_on(1, deinitialize_on_a_worker, rig.port->instance);
}

static void c2_46_deinitialising_is_for_passive(void **state)
{
	(void)state;
	host_expect_stop("9.3", deinitialize_at_dispatch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c2_37_asking_is_for_passive),
		cmocka_unit_test(c2_37_c2_38_c2_40_success_means_begun_and_the_name_is_taken),
		cmocka_unit_test(c2_40_c2_41_the_relay_is_ready_for_each_moment),
		cmocka_unit_test(c2_41_c2_43_what_was_taken_back_is_never_initialised),
		cmocka_unit_test(c2_43_c2_45_what_is_initialised_is_deinitialised_alone),
		cmocka_unit_test(c2_39_the_binding_below_is_open_before_the_vnic_is_asked_for),
		cmocka_unit_test(c2_42_c2_48_the_device_context_is_seen_by_initialize_and_from_above),
		cmocka_unit_test(c2_48_it_is_not_read_at_dispatch),
		cmocka_unit_test(c2_2_c2_49_attributes_say_what_a_vnic_is),
		cmocka_unit_test(c2_49_timeouts_are_ignored_where_the_attributes_say_so),
		cmocka_unit_test(c2_50_nothing_is_delivered_before_the_context_is_set),
		cmocka_unit_test(c2_51_an_initialize_that_fails_leaves_nothing_and_is_not_halted),
		cmocka_unit_test(c2_46_c2_47_a_vnic_that_goes_is_not_deinitialised_again),
		cmocka_unit_test(c2_46_deinitialising_is_for_passive),
	};

	return host_run_tests(tests);
}
