/* SPDX-License-Identifier: BSD-3-Clause */
/* Loading a driver, and an entry that fails (contract sections 1A, 1B). Each step that fails: test_12_faults.c. */
#include <string.h>

#include "shipped.h"

static const char *const one_vnic[] = {"v0", NULL};

/* ---- The entry ----------------------------------------------------------------------------------- */

static void c1_1_only_the_entry_is_known_the_rest_comes_in_tables(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	assert_int_equal(rig_load(rig.mid), IM_STATUS_SUCCESS);
	assert_string_equal(rig_story(RIG_ALL), "driver_entry:mid");
	assert_int_equal(host_unload("mid", false), IM_STATUS_SUCCESS);
	rig_forget();
	rig.mid->protocol.uninstall = NULL; /* in no table now: nobody can find it */
	assert_int_equal(rig_load(rig.mid), IM_STATUS_SUCCESS);
	assert_int_equal(host_unload("mid", true), IM_STATUS_SUCCESS);
	assert_string_equal(rig_story(RIG_ALL), "driver_entry:mid unload:mid");
	rig_end();
}

static im_status_t entry_with_edges(struct rig_driver *driver, struct im_driver_object *object,
				    im_status_t (*edges)(struct rig_driver *, struct im_miniport_characteristics *,
							 struct im_protocol_characteristics *))
{
	struct im_miniport_characteristics miniport;
	struct im_protocol_characteristics protocol;

	rig_fill(driver, &miniport, &protocol);
	if (im_initialize_wrapper(&driver->wrapper, object) != IM_STATUS_SUCCESS)
		rig_broken("no wrapper");
	return edges(driver, &miniport, &protocol);
}

static im_status_t without_association(struct rig_driver *driver, struct im_miniport_characteristics *miniport,
				       struct im_protocol_characteristics *protocol)
{
	im_register_layered_miniport(driver->wrapper, miniport, sizeof(*miniport), &driver->miniport_handle);
	rig_register_unload(driver);
	return im_register_protocol(driver->wrapper, protocol, sizeof(*protocol), &driver->protocol_handle);
}

static im_status_t entry_without_association(struct rig_driver *driver, struct im_driver_object *object)
{
	return entry_with_edges(driver, object, without_association);
}

static void load_without_association(void)
{
	rig_begin(NULL, 0);
	rig.mid->entry = entry_without_association;
	rig_load(rig.mid);
}

static void c1_2_edges_that_are_not_associated_are_a_violation(void **state)
{
	(void)state;
	host_expect_stop("1.2", load_without_association);
}

static im_status_t entry_with_a_second_wrapper(struct rig_driver *driver, struct im_driver_object *object)
{
	struct im_wrapper *second = (void *)driver; /* something that is not NULL */
	struct im_protocol *protocol = (void *)driver;
	struct im_protocol_characteristics characteristics;
	struct im_miniport_characteristics miniport;

	rig_fill(driver, &miniport, &characteristics);
	assert_int_equal(im_register_protocol(NULL, &characteristics, sizeof(characteristics), &protocol),
			 IM_STATUS_INVALID_PARAMETER);
	assert_null(protocol);
	assert_int_equal(im_initialize_wrapper(&driver->wrapper, object), IM_STATUS_SUCCESS);
	assert_int_equal(im_initialize_wrapper(&second, object), IM_STATUS_INVALID_PARAMETER); /* it has one */
	assert_null(second);
	im_terminate_wrapper(driver->wrapper);
	return IM_STATUS_OPEN_FAILED;
}

static void c1_3_a_wrapper_comes_first_and_is_given_back(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.mid->entry = entry_with_a_second_wrapper;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rig_load(rig.mid), IM_STATUS_OPEN_FAILED);
		assert_false(host_is_loaded("mid"));
	}
	rig.mid->entry = rig_default_entry;
	assert_int_equal(rig_load(rig.mid), IM_STATUS_SUCCESS);
	rig_end();
}

static im_status_t entry_that_keeps_its_wrapper(struct rig_driver *driver, struct im_driver_object *object)
{
	im_initialize_wrapper(&driver->wrapper, object);
	return IM_STATUS_FAILURE;
}

static void load_and_keep_the_wrapper(void)
{
	rig_begin(NULL, 0);
	rig.mid->entry = entry_that_keeps_its_wrapper;
	rig_load(rig.mid);
}

static void c1_3_c1_12_a_failed_entry_that_keeps_its_wrapper_is_a_violation(void **state)
{
	(void)state;
	host_expect_stop("1.12", load_and_keep_the_wrapper);
}

static im_status_t entry_that_pends(struct rig_driver *driver, struct im_driver_object *object)
{
	rig_default_entry(driver, object);
	return IM_STATUS_PENDING;
}

static void c1_7_an_entry_that_pends_is_a_violation_and_is_not_loaded(void **state)
{
	static const struct host_options counting = {
		.verify = {.action = IM_VERIFY_COUNT, .wait_limit_ms = 30000, .handler_limit_ms = 10000}};

	(void)state;
	rig_begin(&counting, 0);
	rig.mid->entry = entry_that_pends;
	assert_int_equal(rig_load(rig.mid), IM_STATUS_FAILURE);
	host_expect_counted("1.7");
	assert_false(host_is_loaded("mid"));
	assert_int_equal(rig_calls(RIG_unload, NULL), 0); /* 1.13 */
	rig_end();
}

static im_status_t entry_without_unload(struct rig_driver *driver, struct im_driver_object *object)
{
	im_status_t status = rig_default_entry(driver, object);

	im_register_unload_handler(driver->wrapper, NULL);
	return status;
}

static void load_without_unload(void)
{
	rig_begin(NULL, 0);
	rig.mid->entry = entry_without_unload;
	rig_load(rig.mid);
}

static im_status_t entry_with_unload_first(struct rig_driver *driver, struct im_driver_object *object)
{
	im_initialize_wrapper(&driver->wrapper, object);
	rig_register_unload(driver);
	return IM_STATUS_FAILURE;
}

static void load_with_unload_first(void)
{
	rig_begin(NULL, 0);
	rig.mid->entry = entry_with_unload_first;
	rig_load(rig.mid);
}

static void c1_8_an_unload_handler_is_there_and_comes_after_the_miniport(void **state)
{
	(void)state;
	host_expect_stop("1.8", load_without_unload);
	host_expect_stop("1.8", load_with_unload_first);
}

/* ---- A control device ----------------------------------------------------------------------------- */

/* The filter's: it does not hold up the unloading of a driver without VNICs, and comes and goes with them. */
static void c1_10_a_control_device_comes_with_the_first_vnic(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	assert_int_equal(rig_load(rig.nic), IM_STATUS_SUCCESS);
	rig_start_nic("nic");
	assert_int_equal(host_load_builtin("filter"), IM_STATUS_SUCCESS);
	assert_false(host_has_device("filter"));
	assert_int_equal(host_unload("filter", false), IM_STATUS_SUCCESS);
	assert_int_equal(host_load_builtin("filter"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("filter", "nic", "f"), IM_STATUS_SUCCESS);
	host_settle();
	assert_true(host_has_device("filter"));
	assert_int_equal(host_stop("f"), IM_STATUS_SUCCESS);
	assert_false(host_has_device("filter"));
	rig_end();
}

static im_status_t open_device(struct im_device *opened, void **handle_context)
{
	*handle_context = opened;
	return IM_STATUS_SUCCESS;
}

static im_status_t call_device(void *handle_context, struct im_device_call *call)
{
	(void)handle_context;
	(void)call;
	return IM_STATUS_NOT_SUPPORTED;
}

static void close_device(void *handle_context)
{
	(void)handle_context;
}

static struct im_device *early;
static im_status_t early_status;

static void register_device(const struct rig_driver *driver)
{
	static const struct im_device_operations operations = {
		.open = open_device, .call = call_device, .close = close_device};

	early_status = im_register_device(driver->wrapper, "early", &operations, &early);
}

static im_status_t enter_with_a_device(struct rig_driver *driver, struct im_driver_object *object)
{
	im_status_t status = rig_default_entry(driver, object);

	if (status == IM_STATUS_SUCCESS)
		register_device(driver);
	return status;
}

static void load_with_a_device(void)
{
	rig_begin(NULL, 0);
	rig.mid->entry = enter_with_a_device;
	rig_load(rig.mid);
}

/* A VNIC that initialises inside the entry (1.4) has its device all the same. */
static void c1_10_a_vnic_inside_the_entry_has_its_device(void **state)
{
	static const char *const one_vnic[] = {"f", NULL};

	(void)state;
	rig_begin(NULL, 0);
	assert_int_equal(rig_load(rig.nic), IM_STATUS_SUCCESS);
	rig_start_nic("nic");
	host_bind_when_registered("filter", "nic", one_vnic);
	assert_int_equal(host_load_builtin("filter"), IM_STATUS_SUCCESS);
	assert_int_equal(host_waiting_bind(), IM_STATUS_SUCCESS);
	host_settle();
	assert_true(host_has_device("filter"));
	rig_end();
}

/* Where it only counts, the driver goes on without one, and can be unloaded. */
static void c1_10_a_control_device_of_an_entry_is_reported(void **state)
{
	static const struct host_options counting = {
		.verify = {.action = IM_VERIFY_COUNT, .wait_limit_ms = 1000, .handler_limit_ms = 1000}};

	(void)state;
	host_expect_stop("1.10", load_with_a_device);
	rig_begin(&counting, 0);
	rig.mid->entry = enter_with_a_device;
	assert_int_equal(rig_load(rig.mid), IM_STATUS_SUCCESS);
	host_expect_counted("1.10");
	assert_int_equal(early_status, IM_STATUS_FAILURE);
	assert_null(early);
	assert_false(host_has_device("early"));
	assert_int_equal(host_unload("mid", false), IM_STATUS_SUCCESS);
	rig_end();
}

/* ---- A bind inside the registration -------------------------------------------------------------- */

static struct {
	bool has_miniport, has_protocol, entry_was_running;
} seen_in_bind;

static im_status_t look_and_bind(const struct im_bind_config *config)
{
	const struct rig_driver *driver = rig_current();

	seen_in_bind.has_miniport = driver->miniport_handle != NULL;
	seen_in_bind.has_protocol = driver->protocol_handle != NULL;
	seen_in_bind.entry_was_running = !rig_call(RIG_driver_entry, "mid", 0)->returned;
	return rig_bind_adapter(config);
}

static void c1_4_c1_5_a_bind_comes_inside_the_registration_of_the_protocol(void **state)
{
	(void)state;
	memset(&seen_in_bind, 0, sizeof(seen_in_bind));
	rig_begin(NULL, 0);
	assert_int_equal(rig_load(rig.nic), IM_STATUS_SUCCESS);
	rig_start_nic("nic");
	host_bind_when_registered("mid", "nic", one_vnic);
	rig.mid->protocol.bind_adapter = look_and_bind;
	assert_int_equal(rig_load(rig.mid), IM_STATUS_SUCCESS);
	assert_int_equal(host_waiting_bind(), IM_STATUS_SUCCESS);
	assert_true(seen_in_bind.entry_was_running);
	assert_true(seen_in_bind.has_miniport);
	assert_true(seen_in_bind.has_protocol);
	host_settle();
	assert_string_equal(rig_story(RIG_LIFE), "driver_entry:nic initialize:nic driver_entry:mid bind_adapter:v0 "
						 "initialize:v0");
	rig_end();
}

/* Miniport, protocol, associate: another order would find the relay without what it needs for its VNIC. Packets flow:
 * its hooks, its receive handler and its lists are ready too. */
static void c1_2_c1_4_c1_6_the_relay_is_ready_for_a_bind_inside_its_registration(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	shipped_begin(NULL);
	assert_int_equal(rig_load(rig.nic), IM_STATUS_SUCCESS);
	assert_int_equal(rig_load(rig.top), IM_STATUS_SUCCESS);
	rig_start_nic("nic");
	assert_int_equal(host_restart("nic"), IM_STATUS_SUCCESS);
	host_bind_when_registered("relay", "nic", one_vnic);
	assert_int_equal(shipped_load(), IM_STATUS_SUCCESS);
	assert_int_equal(host_waiting_bind(), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(host_restart("v0"), IM_STATUS_SUCCESS);
	shipped_bind_top("v0");
	rig_packets(packets, 2);
	rig_indicate(rig_vnic("nic"), packets, 2, IM_STATUS_SUCCESS);
	host_settle();
	rig_expect_packets(RIG_receive_packets, "top", packets, 2);
	rig_packets_free(packets, 2);
	rig_end();
}

/* ---- An entry that fails ------------------------------------------------------------------------- */

/*
 * Fail each call of the core in turn until the load fails although a binding and a VNIC are there already: that is the
 * association. Where the bind alone fails the driver is loaded all the same.
 */
static void fail_the_association(const char *driver, im_status_t (*load)(void))
{
	for (uint32_t call = 1;; call++) {
		im_status_t status, bound;

		host_bind_when_registered(driver, "nic", one_vnic);
		rig_forget();
		shipped_unloads = 0;
		host_fail(call, 0);
		status = load();
		assert_int_equal(im_verify_failed(), 1); /* else the association never fails */
		host_fail(0, 0);
		bound = host_waiting_bind();
		host_forget_waiting_bind();
		if (status == IM_STATUS_SUCCESS)
			assert_int_equal(host_unload(driver, true), IM_STATUS_SUCCESS);
		else if (bound == IM_STATUS_SUCCESS)
			return;
	}
}

static im_status_t load_mid(void)
{
	return rig_load(rig.mid);
}

static void c1_13_c1_14_c1_16_a_late_failure_unbinds_then_deregisters(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	assert_int_equal(rig_load(rig.nic), IM_STATUS_SUCCESS);
	rig_start_nic("nic");
	fail_the_association("mid", load_mid);
	host_settle();
	assert_false(host_is_loaded("mid"));
	assert_false(host_exists("v0"));
	assert_int_equal(rig_calls(RIG_unbind_adapter, "v0"), 1);
	assert_int_equal(rig_calls(RIG_halt, "v0"), rig_calls(RIG_initialize, "v0"));
	assert_int_equal(rig_calls(RIG_unload, NULL), 0);
	assert_int_equal(host_objects("nic"), 1); /* itself: nobody is bound over it */
	assert_int_equal(rig_load(rig.mid), IM_STATUS_SUCCESS);
	rig_end();
}

static void c1_13_c1_16_so_does_the_relay(void **state)
{
	(void)state;
	shipped_begin(NULL);
	assert_int_equal(rig_load(rig.nic), IM_STATUS_SUCCESS);
	rig_start_nic("nic");
	fail_the_association("relay", shipped_load);
	host_settle();
	assert_false(host_is_loaded("relay"));
	assert_false(host_exists("v0"));
	assert_int_equal(shipped_unloads, 0);
	assert_int_equal(shipped_load(), IM_STATUS_SUCCESS);
	rig_end();
}

static im_status_t entry_that_terminates_too_early(struct rig_driver *driver, struct im_driver_object *object)
{
	rig_default_entry(driver, object);
	im_deregister_protocol(driver->protocol_handle);
	im_terminate_wrapper(driver->wrapper);
	return IM_STATUS_FAILURE;
}

static void load_and_terminate_too_early(void)
{
	rig_begin(NULL, 0);
	rig.mid->entry = entry_that_terminates_too_early;
	rig_load(rig.mid);
}

static void c1_14_c1_15_a_wrapper_given_back_before_its_miniport_is_a_violation(void **state)
{
	(void)state;
	host_expect_stop("1.15", load_and_terminate_too_early);
}

/* What all its VNICs share: a lock and a counter. */
struct globals {
	struct im_lock lock;
	uint32_t count;
};

static struct globals *globals;

static im_status_t entry_that_fails_with_globals(struct rig_driver *driver, struct im_driver_object *object)
{
	im_initialize_wrapper(&driver->wrapper, object);
	globals = im_allocate_memory(driver->wrapper, sizeof(*globals), "globals");
	im_acquire_spin_lock(&globals->lock);
	globals->count++;
	im_release_spin_lock(&globals->lock);
	im_terminate_wrapper(driver->wrapper);
	return IM_STATUS_FAILURE;
}

static void load_and_keep_globals(void)
{
	rig_begin(NULL, 0);
	rig.mid->entry = entry_that_fails_with_globals;
	rig_load(rig.mid);
}

static void c1_17_globals_with_their_locks_that_a_failed_entry_keeps_are_a_violation(void **state)
{
	(void)state;
	host_expect_stop("1.22", load_and_keep_globals);
}

static unsigned works;

static void count_work(struct im_work *work)
{
	(void)work;
	works++;
}

/* Its code is about to go: what it has queued runs before, or never. */
static im_status_t entry_that_leaves_work(struct rig_driver *driver, struct im_driver_object *object)
{
	static struct im_work work;
	struct im_wrapper *wrapper;

	(void)driver;
	assert_int_equal(im_initialize_wrapper(&wrapper, object), IM_STATUS_SUCCESS);
	work = (struct im_work){.run = count_work, .wrapper = wrapper};
	assert_true(im_schedule_work(&work));
	im_terminate_wrapper(wrapper);
	return IM_STATUS_RESOURCES;
}

static void c1_14_c1_23_work_of_a_failed_entry_does_not_outlive_it(void **state)
{
	static const struct host_options kinds[] = {
		{.unverified = true},
		{.verify = {.action = IM_VERIFY_COUNT, .wait_limit_ms = 30000, .handler_limit_ms = 10000}}};
	unsigned before;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(kinds); i++) {
		rig_begin(&kinds[i], 0);
		rig.mid->entry = entry_that_leaves_work;
		works = 0;
		assert_int_equal(rig_load(rig.mid), IM_STATUS_RESOURCES);
		before = works;
		host_settle();
		assert_int_equal(works, before);
		host_expect_counted(kinds[i].unverified ? NULL : "1.23");
		rig_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c1_1_only_the_entry_is_known_the_rest_comes_in_tables),
		cmocka_unit_test(c1_2_edges_that_are_not_associated_are_a_violation),
		cmocka_unit_test(c1_3_a_wrapper_comes_first_and_is_given_back),
		cmocka_unit_test(c1_3_c1_12_a_failed_entry_that_keeps_its_wrapper_is_a_violation),
		cmocka_unit_test(c1_7_an_entry_that_pends_is_a_violation_and_is_not_loaded),
		cmocka_unit_test(c1_8_an_unload_handler_is_there_and_comes_after_the_miniport),
		cmocka_unit_test(c1_10_a_control_device_comes_with_the_first_vnic),
		cmocka_unit_test(c1_10_a_control_device_of_an_entry_is_reported),
		cmocka_unit_test(c1_10_a_vnic_inside_the_entry_has_its_device),
		cmocka_unit_test(c1_4_c1_5_a_bind_comes_inside_the_registration_of_the_protocol),
		cmocka_unit_test(c1_2_c1_4_c1_6_the_relay_is_ready_for_a_bind_inside_its_registration),
		cmocka_unit_test(c1_13_c1_14_c1_16_a_late_failure_unbinds_then_deregisters),
		cmocka_unit_test(c1_13_c1_16_so_does_the_relay),
		cmocka_unit_test(c1_14_c1_15_a_wrapper_given_back_before_its_miniport_is_a_violation),
		cmocka_unit_test(c1_14_c1_23_work_of_a_failed_entry_does_not_outlive_it),
		cmocka_unit_test(c1_17_globals_with_their_locks_that_a_failed_entry_keeps_are_a_violation),
	};

	return host_run_tests(tests);
}
