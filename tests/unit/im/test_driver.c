/* SPDX-License-Identifier: BSD-3-Clause */
/* Loading and unloading: core.h as the firmware uses it. */
#include <stdio.h>

#include "own.h"

static int core_up(void **state)
{
	(void)state;
	rig_events[0] = '\0';
	rig_fail_calloc = 0;
	return im_core_create(0, 4);
}

static int core_down(void **state)
{
	(void)state;
	rig_fail_calloc = 0;
	return im_core_destroy() == 0 ? 0 : -1;
}

/* ---- Loading --------------------------------------------------------------------------------------- */

static struct im_relay_driver relay;
static uint32_t unloaded;

static im_status_t relay_bind(const struct im_bind_config *config)
{
	return im_relay_bind(&relay, config);
}

static void relay_unload(void)
{
	unloaded++;
	im_relay_unload(&relay);
}

static im_status_t relay_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport;
	static const struct im_protocol_characteristics protocol = {.bind_adapter = relay_bind};

	return im_relay_register(&relay, object, &miniport, &protocol, relay_unload);
}

/* Memory runs out at the first, second, ... allocation of a load until it goes through (1.12-1.15). */
/* contract: 1.12 1.13 1.14 1.15 */
static void a_load_that_fails_at_any_step_leaves_nothing(void **state)
{
	uint32_t step = 0;
	im_status_t status;

	(void)state;
	unloaded = 0;
	do {
		rig_fail_calloc = ++step;
		status = im_load_driver("relay", relay_entry, "relay");
		if (status == IM_STATUS_SUCCESS)
			break;
		assert_int_equal(status, IM_STATUS_RESOURCES);
		assert_null(im_find_driver("relay"));
		assert_int_equal(unloaded, 0); /* never, where driver_entry failed (1.13) */
	} while (step < 20);
	assert_int_equal(step, 5); /* driver object, wrapper, miniport and protocol could not be had */
	rig_fail_calloc = 0;
	im_unload_drivers();
	assert_int_equal(unloaded, 1);
	assert_true(TAILQ_EMPTY(&im_core.drivers));
}

static struct im_miniport *other_miniport;

static im_status_t unassociable_entry(struct im_driver_object *object)
{
	struct im_protocol_characteristics p = own_protocol();
	struct im_protocol *protocol;
	struct im_wrapper *wrapper;
	im_status_t status;

	assert_int_equal(im_initialize_wrapper(&wrapper, object), IM_STATUS_SUCCESS);
	assert_int_equal(im_register_protocol(wrapper, &p, sizeof(p), &protocol), IM_STATUS_SUCCESS);
	im_register_unload_handler(wrapper, relay_unload);
	status = im_associate_miniport(other_miniport, protocol);
	im_deregister_protocol(protocol);
	im_terminate_wrapper(wrapper);
	return status;
}

/* contract: 1.2 */
static void edges_of_two_drivers_are_not_associated(void **state)
{
	(void)state;
	unloaded = 0;
	assert_int_equal(im_load_driver("relay", relay_entry, "relay"), IM_STATUS_SUCCESS);
	other_miniport = relay.miniport;
	assert_int_equal(im_load_driver("other", unassociable_entry, "test"), IM_STATUS_INVALID_PARAMETER);
	assert_null(im_find_driver("other"));
	assert_int_equal(unloaded, 0); /* the failed one's handler */
	im_unload_drivers();
}

static void a_name_is_loaded_once(void **state)
{
	struct im_driver_object *first;

	(void)state;
	assert_int_equal(im_load_driver("relay", relay_entry, "relay"), IM_STATUS_SUCCESS);
	first = im_find_driver("relay");
	assert_int_equal(im_load_driver("relay", relay_entry, "relay"), IM_STATUS_NOT_ACCEPTED);
	assert_ptr_equal(im_find_driver("relay"), first);
	im_unload_drivers();
}

static void a_name_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	assert_int_equal(im_load_driver("a-name-of-thirty-two-characters.", relay_entry, "relay"),
			 IM_STATUS_INVALID_PARAMETER);
	assert_true(TAILQ_EMPTY(&im_core.drivers));
}

static im_status_t order_entry(struct im_driver_object *object)
{
	struct im_miniport_characteristics c = own_miniport();
	struct im_wrapper *wrapper;
	struct im_miniport *miniport;

	assert_int_equal(im_initialize_wrapper(&wrapper, object), IM_STATUS_SUCCESS);
	return im_register_layered_miniport(wrapper, &c, sizeof(c), &miniport);
}

static void unload_own(void)
{
	rig_event("unload", "own");
	im_deregister_layered_miniport(im_find_driver("own")->wrapper->miniport);
}

static im_status_t layered_alone_entry(struct im_driver_object *object)
{
	im_status_t status = order_entry(object);

	im_register_unload_handler(object->wrapper, unload_own);
	return status;
}

/* Layered over something that is no adapter: there is nothing to bind to, hence no protocol (1.2, seed 3). */
static void a_layered_driver_may_have_no_protocol(void **state)
{
	(void)state;
	assert_int_equal(im_load_driver("own", layered_alone_entry, "test"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("own", "nic", "v"), IM_STATUS_INVALID_PARAMETER);
	im_unload_drivers();
	assert_string_equal(rig_events, "unload:own");
}

/* ---- What aborts ------------------------------------------------------------------------------------ */

static im_status_t registers_nothing(struct im_driver_object *object)
{
	(void)object;
	return IM_STATUS_SUCCESS;
}

static void load_registers_nothing(void)
{
	im_load_driver("own", registers_nothing, "test");
}

static void load_without_unload_handler(void)
{
	im_load_driver("own", order_entry, "test");
}

static im_status_t unassociated_entry(struct im_driver_object *object)
{
	struct im_protocol_characteristics p = own_protocol();
	struct im_protocol *protocol;
	im_status_t status = order_entry(object);

	im_register_unload_handler(object->wrapper, unload_own);
	if (status == IM_STATUS_SUCCESS)
		status = im_register_protocol(object->wrapper, &p, sizeof(p), &protocol);
	return status;
}

static void load_unassociated(void)
{
	im_load_driver("own", unassociated_entry, "test");
}

static im_status_t leaves_edges(struct im_driver_object *object)
{
	order_entry(object);
	return IM_STATUS_FAILURE;
}

static void load_leaves_edges(void)
{
	im_load_driver("own", leaves_edges, "test");
}

static im_status_t pends(struct im_driver_object *object)
{
	(void)object;
	return IM_STATUS_PENDING;
}

static void load_pends(void)
{
	im_load_driver("own", pends, "test");
}

static im_status_t terminates_early(struct im_driver_object *object)
{
	order_entry(object);
	im_terminate_wrapper(object->wrapper);
	return IM_STATUS_FAILURE;
}

static void load_terminates_early(void)
{
	im_load_driver("own", terminates_early, "test");
}

static void unload_with_an_instance(void)
{
	im_load_driver("own", layered_alone_entry, "test");
	im_initialize_device_instance(im_find_driver("own")->wrapper->miniport, "v", &other_miniport);
	im_unload_drivers();
}

/* contract: 1.2 1.7 1.8 1.12 1.15 1.20 */
static void a_driver_that_breaks_the_rules_of_loading_is_stopped(void **state)
{
	(void)state;
	rig_expect_violation("1.2", load_registers_nothing);
	rig_expect_violation("1.8", load_without_unload_handler);
	rig_expect_violation("1.2", load_unassociated);
	rig_expect_violation("1.12", load_leaves_edges);
	rig_expect_violation("1.7", load_pends);
	rig_expect_violation("1.15", load_terminates_early);
	rig_expect_violation("1.20", unload_with_an_instance);
}

/* ---- Built-in drivers ------------------------------------------------------------------------------- */

static im_status_t driver_entry(struct im_driver_object *object)
{
	return relay_entry(object);
}

IM_DRIVER("aa-good", "loads")

static im_status_t second_builtin(struct im_driver_object *object)
{
	(void)object;
	return IM_STATUS_RESOURCES;
}

/* contract: 1.1 */
static void builtin_drivers_load_by_name_until_one_fails(void **state)
{
	static struct im_module bad = {
		.interface = IM_INTERFACE,
		.dpdk = RTE_VERSION,
		.name = "bb-bad",
		.description = "refuses",
		.entry = second_builtin,
	};
	const char *failed = NULL;

	(void)state;
	assert_int_equal(im_load_builtin_drivers(&failed), IM_STATUS_SUCCESS);
	assert_string_equal(im_find_driver("aa-good")->description, "loads");
	im_unload_drivers();
	im_add_builtin_driver(&bad);
	assert_int_equal(im_load_builtin_drivers(&failed), IM_STATUS_RESOURCES);
	assert_string_equal(failed, "bb-bad");
	assert_non_null(im_find_driver("aa-good"));
	assert_null(im_find_driver("bb-bad"));
	im_unload_drivers();
}

/* ---- Unloading -------------------------------------------------------------------------------------- */

/* Latest first; the protocol is deregistered, and so unbound, before anything else of the driver goes (1.19, 1.24). */
static void drivers_unload_latest_first_and_unbind_inside(void **state)
{
	(void)state;
	rig_up("nic", 2);
	assert_int_equal(im_deinitialize_device_instance(rig_nic.instance), IM_STATUS_SUCCESS);
	assert_string_equal(rig_events, "unbind:top halt:nic");
	assert_int_equal(rig_top.unbound, 1);
	assert_true(TAILQ_EMPTY(&im_core.bindings));
	rig_events[0] = '\0';
	im_unload_drivers();
	assert_string_equal(rig_events, "unload:top unload:relay");
	assert_int_equal(im_core_destroy(), 0);
}

/* contract: 1.24 11.38 */
static void deregistering_a_protocol_unbinds_each_binding_once(void **state)
{
	struct im_protocol *protocol;

	(void)state;
	rig_up("nic", 3);
	protocol = im_find_driver("relay")->wrapper->protocol;
	assert_int_equal(protocol->bindings, 3);
	im_find_driver("relay")->wrapper->unload(); /* deregisters the protocol, then the miniport */
	assert_true(TAILQ_EMPTY(&im_core.bindings));
	assert_int_equal(rig_top.unbound, 1);
	assert_null(im_find_instance("r0"));
	assert_null(im_find_instance("r1"));
	assert_null(im_find_instance("r2"));
	assert_non_null(im_find_instance("nic")); /* the port stays */
	rig_down();
}

/* Two bindings, two instances, the rig's drivers; a copy is asked, so that the real core can be taken down properly. */
static void what_is_left_is_reported_as_a_leak(void **state)
{
	const struct im_driver_object *driver;
	unsigned drivers = 0;
	struct im_core running;

	(void)state;
	rig_up("nic", 1);
	TAILQ_FOREACH(driver, &im_core.drivers, link)
	drivers++;
	running = im_core;
	im_core.workers = NULL;
	im_core.worker_count = im_core.thread_count = 0;
	im_core.grace = NULL;
	assert_int_equal(im_core_destroy(), 2 + 2 + drivers);
	im_core = running;
	im_this_worker = &im_core.workers[0];
	rig_down();
}

int main(void)
{
#define WITH_CORE(test) cmocka_unit_test_setup_teardown(test, core_up, core_down)
	const struct CMUnitTest tests[] = {
		WITH_CORE(a_load_that_fails_at_any_step_leaves_nothing),
		WITH_CORE(edges_of_two_drivers_are_not_associated),
		WITH_CORE(a_name_is_loaded_once),
		WITH_CORE(a_name_that_does_not_fit_is_refused),
		WITH_CORE(a_layered_driver_may_have_no_protocol),
		WITH_CORE(a_driver_that_breaks_the_rules_of_loading_is_stopped),
		WITH_CORE(builtin_drivers_load_by_name_until_one_fails),
		cmocka_unit_test(drivers_unload_latest_first_and_unbind_inside),
		cmocka_unit_test(deregistering_a_protocol_unbinds_each_binding_once),
		cmocka_unit_test(what_is_left_is_reported_as_a_leak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
