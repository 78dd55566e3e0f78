/* SPDX-License-Identifier: BSD-3-Clause */
/* Unloading and uninstalling a driver (contract sections 1C, 1D). */
#include <stdio.h>
#include <string.h>

#include "shipped.h"

/* ---- What goes when ------------------------------------------------------------------------------ */

/* Two VNICs of one driver, side by side. Halting one takes nothing of the other, nor of the driver. */
static void c1_18_a_halt_is_of_one_vnic_and_unload_of_the_driver(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	shipped_begin(NULL);
	shipped_load_all();
	rig_start_nic("other");
	assert_int_equal(host_restart("other"), IM_STATUS_SUCCESS);
	shipped_bind("other", "r9");
	shipped_bind("nic", "r0");
	shipped_bind_top("r0");
	assert_int_equal(host_stop("r9"), IM_STATUS_SUCCESS);
	assert_int_equal(host_unbind_over("other"), IM_STATUS_SUCCESS);
	rig_packets(packets, 2);
	im_send_packets(rig.top_binding->binding, packets, 2);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 2);
	assert_int_equal(shipped_unloads, 0);
	assert_int_equal(host_stop("r0"), IM_STATUS_SUCCESS);
	assert_int_equal(host_unbind_over("nic"), IM_STATUS_SUCCESS);
	assert_int_equal(host_objects("relay"), 0); /* what halts and unbinds left is the driver's own: nothing */
	assert_int_equal(host_unload("relay", false), IM_STATUS_SUCCESS);
	assert_int_equal(shipped_unloads, 1);
	rig_packets_free(packets, 2);
	rig_end();
}

static void free_twice(struct rig_driver *driver)
{
	static void *memory;

	if (driver == NULL) {
		memory = im_allocate_memory(rig.mid->wrapper, 64, "of the driver");
		return;
	}
	im_free_memory(memory);
	im_free_memory(memory); /* as a halt that had freed it, too */
	rig_default_unload(driver);
}

static void unload_and_free_twice(void)
{
	rig_begin(NULL, 0);
	rig.mid->unload = free_twice;
	rig_load(rig.mid);
	free_twice(NULL);
	host_unload("mid", true);
}

static void c1_18_what_is_freed_by_both_is_a_violation(void **state)
{
	(void)state;
	host_expect_stop("12.30", unload_and_free_twice);
}

static void do_nothing(struct rig_driver *driver)
{
	(void)driver;
}

static void unload_without_deregistering(void)
{
	rig_begin(NULL, 0);
	rig.mid->unload = do_nothing;
	rig_load(rig.mid);
	host_unload("mid", false);
}

/* Bindings that there still are when unload begins, as in a failing start (1.16), need the miniport to the end. */
static im_status_t entry_that_takes_the_miniport_first(struct rig_driver *driver, struct im_driver_object *object)
{
	rig_default_entry(driver, object);
	im_deregister_layered_miniport(driver->miniport_handle);
	im_deregister_protocol(driver->protocol_handle);
	im_terminate_wrapper(driver->wrapper);
	return IM_STATUS_FAILURE;
}

static void deregister_the_miniport_first(void)
{
	static const char *const names[] = {"m0", NULL};

	rig_begin(NULL, 0);
	rig_load(rig.nic);
	rig_start_nic("nic");
	host_bind_when_registered("mid", "nic", names);
	rig.mid->entry = entry_that_takes_the_miniport_first;
	rig_load(rig.mid);
}

static void c1_19_edges_go_and_the_protocol_goes_first(void **state)
{
	(void)state;
	host_expect_stop("1.19", unload_without_deregistering);
	host_expect_stop("1.20", deregister_the_miniport_first);
}

static void c1_20_a_driver_in_use_is_not_unloaded_and_halts_come_first(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig_build(2);
	assert_int_equal(host_unload("mid", false), IM_STATUS_NOT_ACCEPTED);
	assert_int_equal(host_unload("nic", false), IM_STATUS_NOT_ACCEPTED);
	assert_int_equal(host_unload("nobody", true), IM_STATUS_FAILURE);
	assert_int_equal(rig_calls(RIG_unload, NULL), 0);
	rig_forget();
	assert_int_equal(host_unload("mid", true), IM_STATUS_SUCCESS);
	assert_string_equal(rig_story(RIG_BIT(halt) | RIG_BIT(unload)), "halt:m0 halt:m1 unload:mid");
	assert_false(host_exists("m0"));
	rig_end();
}

static void unload_mid(void *argument)
{
	(void)argument;
	host_unload("mid", true);
}

static void unload_on_a_worker(void)
{
	static const struct host_options with_worker = {.workers = 1};

	rig_begin(&with_worker, 0);
	rig_load(rig.mid);
	host_on(1, unload_mid, NULL);
}

static void c1_21_unload_runs_at_passive(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig_build(1);
	assert_int_equal(host_unload("mid", true), IM_STATUS_SUCCESS);
	assert_int_equal(rig_call(RIG_unload, "mid", 0)->level, IM_LEVEL_PASSIVE);
	assert_int_equal(rig_call(RIG_uninstall, "mid", 0)->level, IM_LEVEL_PASSIVE);
	rig_end();
	host_expect_stop("9.3", unload_on_a_worker);
}

/* ---- What is left -------------------------------------------------------------------------------- */

static void expire(struct im_timer *timer)
{
	(void)timer;
}

static void run_never(struct im_work *work)
{
	(void)work;
}

static void leave_memory(struct im_wrapper *wrapper)
{
	im_allocate_memory(wrapper, 10, "left");
}

static void leave_pool(struct im_wrapper *wrapper)
{
	struct im_pool *pool;

	im_allocate_packet_pool(wrapper, 4, &pool);
}

static struct im_timer timer;

static void leave_timer(struct im_wrapper *wrapper)
{
	timer = (struct im_timer){.expired = expire, .wrapper = wrapper};
	im_set_timer(&timer, 100000);
}

static struct im_work work;

static void leave_work(struct im_wrapper *wrapper)
{
	work = (struct im_work){.run = run_never, .wrapper = wrapper};
	im_schedule_work(&work);
}

static void leave_packet(struct im_wrapper *wrapper)
{
	struct im_pool *pool;

	im_allocate_packet_pool(wrapper, 4, &pool);
	im_allocate_packet(pool);
	im_free_packet_pool(pool);
}

/* What an unload leaves, and what that breaks. */
static const struct {
	void (*leave)(struct im_wrapper *wrapper);
	const char *statement;
} leftovers[] = {
	{leave_memory, "1.22"}, {leave_pool, "1.22"},	{leave_timer, "1.22"},
	{leave_work, "1.23"},	{leave_packet, "5.31"},
};

static size_t leftover;

static void unload_and_leave(struct rig_driver *driver)
{
	rig_default_unload(driver);
	leftovers[leftover].leave(driver->wrapper);
}

static void unload_with_a_leftover(void)
{
	rig_begin(NULL, 0);
	rig.mid->unload = unload_and_leave;
	rig_load(rig.mid);
	host_unload("mid", false);
}

/* contract: 11.46 */
static void c1_22_c1_23_whatever_unload_leaves_is_reported(void **state)
{
	(void)state;
	for (leftover = 0; leftover < RTE_DIM(leftovers); leftover++)
		host_expect_stop(leftovers[leftover].statement, unload_with_a_leftover);
}

static bool ran;

static void run_last(struct im_work *item)
{
	(void)item;
	ran = true;
}

/* It drains what is queued: the item has run when the driver is gone, and nobody complains. */
static void unload_and_drain(struct rig_driver *driver)
{
	work = (struct im_work){.run = run_last, .wrapper = driver->wrapper};
	im_schedule_work(&work);
	rig_default_unload(driver);
	im_flush_work(driver->wrapper);
	assert_true(ran);
}

static void c1_23_unload_drains_its_work(void **state)
{
	(void)state;
	ran = false;
	rig_begin(NULL, 0);
	rig.mid->unload = unload_and_drain;
	assert_int_equal(rig_load(rig.mid), IM_STATUS_SUCCESS);
	assert_int_equal(host_unload("mid", false), IM_STATUS_SUCCESS);
	assert_true(ran);
	rig_end();
}

/* ---- Deregistering the protocol ------------------------------------------------------------------ */

static void deregister_in_uninstall(void)
{
	struct rig_driver *driver = rig_current();

	im_deregister_protocol(driver->protocol_handle);
	driver->protocol_handle = NULL;
}

static void c1_24_c1_26_deregistering_unbinds_each_binding_and_does_it_once(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.mid->protocol.uninstall = deregister_in_uninstall; /* and unload again, by its handle, which is NULL then */
	rig_build(3);
	rig_forget();
	assert_int_equal(host_unload("mid", true), IM_STATUS_SUCCESS);
	for (char name[] = "m0"; name[1] < '3'; name[1]++) {
		assert_int_equal(rig_calls(RIG_unbind_adapter, name), 1);
		assert_int_equal(rig_calls(RIG_halt, name), 1);
	}
	assert_int_equal(rig_calls(RIG_uninstall, "mid"), 1);
	assert_int_equal(rig_calls(RIG_unload, "mid"), 1);
	rig_end();
}

/* Inside a failing entry, where nobody has unbound before: the call itself does, and returns when all are closed. */
static im_status_t entry_that_deregisters(struct rig_driver *driver, struct im_driver_object *object)
{
	im_status_t status = rig_default_entry(driver, object);

	assert_int_equal(status, IM_STATUS_SUCCESS);
	assert_true(host_exists("m1") || rig_calls(RIG_initialize, "m1") == 0); /* asked for */
	im_deregister_protocol(driver->protocol_handle);
	assert_false(host_exists("m1"));
	assert_int_equal(rig_calls(RIG_unbind_adapter, "m0"), 1);
	driver->protocol_handle = NULL;
	rig_default_unload(driver);
	im_terminate_wrapper(driver->wrapper);
	return IM_STATUS_FAILURE;
}

static void c1_24_the_call_returns_when_all_are_closed(void **state)
{
	static const char *const names[] = {"m0", "m1", NULL};

	(void)state;
	for (enum rig_when when = RIG_INLINE; when < RIG_LATER; when++) {
		rig_begin(NULL, 0);
		assert_int_equal(rig_load(rig.nic), IM_STATUS_SUCCESS);
		rig_start_nic("nic");
		host_bind_when_registered("mid", "nic", names);
		rig.mid->script.unbinds = when;
		rig.mid->entry = entry_that_deregisters;
		assert_int_equal(rig_load(rig.mid), IM_STATUS_FAILURE);
		assert_int_equal(host_waiting_bind(), IM_STATUS_SUCCESS);
		assert_int_equal(rig_calls(RIG_unbind_adapter, "m0"), 1);
		assert_int_equal(rig_calls(RIG_halt, NULL),
				 rig_calls(RIG_initialize, NULL) - 1); /* all but the nic's */
		assert_false(host_exists("m0"));
		assert_false(host_exists("m1"));
		rig_end();
	}
}

static void halt_and_deregister(void *context)
{
	(void)context;
	im_deregister_protocol(rig.mid->protocol_handle);
}

static void deregister_inside_halt(void)
{
	rig_begin(NULL, 0);
	rig.mid->miniport.halt = halt_and_deregister;
	rig_build(1);
	host_stop("m0");
}

static im_status_t deregister_and_answer(void *context, struct im_pnp_event *event)
{
	(void)context;
	(void)event;
	im_deregister_protocol(rig.mid->protocol_handle);
	return IM_STATUS_SUCCESS;
}

static void deregister_inside_an_event(void)
{
	struct im_pnp_event event = {.code = IM_PNP_RECONFIGURE};

	rig_begin(NULL, 0);
	rig_build(1);
	rig.mid->protocol.pnp_event = deregister_and_answer;
	host_pnp_event("nic", &event);
}

static void c1_25_deregistering_inside_another_handler_is_a_violation(void **state)
{
	(void)state;
	host_expect_stop("1.25", deregister_inside_halt);
	host_expect_stop("1.25", deregister_inside_an_event);
}

/* ---- Uninstall ----------------------------------------------------------------------------------- */

static void c1_27_an_uninstall_handler_is_optional(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.mid->protocol.uninstall = NULL;
	rig_build(1);
	rig_forget();
	assert_int_equal(host_unload("mid", true), IM_STATUS_SUCCESS);
	assert_string_equal(rig_story(RIG_LIFE & ~RIG_BIT(halt)), "unbind_adapter:m0 unbind_adapter:top unload:mid");
	rig_end();
}

static void c1_28_uninstall_unbinds_each_once_then_uninstalls_then_unloads(void **state)
{
	(void)state;
	for (enum rig_when when = RIG_INLINE; when < RIG_LATER; when++) {
		rig_begin(NULL, 0);
		rig.mid->script.unbinds = rig.top->script.unbinds = when;
		rig_build(2);
		rig_start_nic("other");
		assert_int_equal(rig_bind("mid", "other", "m9"), IM_STATUS_SUCCESS); /* beside the stack */
		host_settle();
		rig_forget();
		assert_int_equal(host_unload("mid", true), IM_STATUS_SUCCESS);
		assert_int_equal(rig_calls(RIG_unbind_adapter, "m0"), 1);
		assert_int_equal(rig_calls(RIG_unbind_adapter, "m1"), 1);
		assert_int_equal(rig_calls(RIG_unbind_adapter, "m9"), 1);
		assert_string_equal(rig_story(RIG_BIT(halt) | RIG_BIT(uninstall) | RIG_BIT(unload)),
				    "halt:m0 halt:m1 halt:m9 uninstall:mid unload:mid");
		rig_end();
	}
}

static void c1_31_uninstall_without_bindings_is_legal(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	assert_int_equal(rig_load(rig.mid), IM_STATUS_SUCCESS);
	rig_forget();
	assert_int_equal(host_unload("mid", true), IM_STATUS_SUCCESS);
	assert_string_equal(rig_story(RIG_ALL), "uninstall:mid unload:mid");
	rig_end();
}

/* ---- Control devices ----------------------------------------------------------------------------- */

static struct im_device *device;
static struct im_event asked_to_close;

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

static const struct im_device_operations operations = {.open = open_device, .call = call_device, .close = close_device};

/* What keeps the driver loaded is released there: no new client finds the device, and those there are asked to go. */
static void release_the_device(void)
{
	im_deregister_device(device);
	im_set_event(&asked_to_close);
}

static void c1_29_c1_30_unload_waits_for_the_last_handle_and_uninstall_does_not(void **state)
{
	struct im_handle *handle;

	(void)state;
	rig_begin(NULL, 0);
	rig.mid->protocol.uninstall = release_the_device;
	rig_build(1);
	im_reset_event(&asked_to_close);
	assert_int_equal(im_register_device(rig.mid->wrapper, "mid", &operations, &device), IM_STATUS_SUCCESS);
	assert_int_equal(host_open("mid", &handle), IM_STATUS_SUCCESS);
	rig_forget();
	host_begin(HOST_IDLE, unload_mid, NULL);
	im_wait_event(&asked_to_close, 0); /* without it there would be no end */
	assert_false(host_has_device("mid"));
	for (int i = 0; i < 10; i++)
		host_tick(0);
	assert_int_equal(rig_calls(RIG_unload, "mid"), 0);
	assert_true(host_is_loaded("mid"));
	host_close(handle);
	host_join();
	assert_string_equal(rig_story(RIG_BIT(uninstall) | RIG_BIT(unload)), "uninstall:mid unload:mid");
	assert_false(host_is_loaded("mid"));
	rig_end();
}

/* The adapter is closed, and the driver still is in its handler: it can be seen to go neither here nor after. */
static im_status_t unbind_while_it_unloads(void *context, void *unbind_context)
{
	im_status_t status = rig_unbind_adapter(context, unbind_context);

	host_begin(HOST_IDLE, unload_mid, NULL);
	for (int i = 0; i < 10; i++) {
		im_wait_event(&(struct im_event){0}, 1);
		assert_int_equal(rig_calls(RIG_uninstall, "mid"), 0);
		assert_int_equal(rig_calls(RIG_unload, "mid"), 0);
	}
	return status;
}

static void c1_24_c1_28_a_driver_stays_while_another_thread_is_in_its_unbind(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.mid->protocol.unbind_adapter = unbind_while_it_unloads;
	rig_build(1);
	rig_forget();
	assert_int_equal(host_unbind_over("nic"), IM_STATUS_SUCCESS);
	host_join();
	assert_int_equal(rig_calls(RIG_unbind_adapter, "m0"), 1);
	assert_string_equal(rig_story(RIG_BIT(uninstall) | RIG_BIT(unload)), "uninstall:mid unload:mid");
	assert_false(host_is_loaded("mid"));
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c1_18_a_halt_is_of_one_vnic_and_unload_of_the_driver),
		cmocka_unit_test(c1_18_what_is_freed_by_both_is_a_violation),
		cmocka_unit_test(c1_19_edges_go_and_the_protocol_goes_first),
		cmocka_unit_test(c1_20_a_driver_in_use_is_not_unloaded_and_halts_come_first),
		cmocka_unit_test(c1_21_unload_runs_at_passive),
		cmocka_unit_test(c1_22_c1_23_whatever_unload_leaves_is_reported),
		cmocka_unit_test(c1_23_unload_drains_its_work),
		cmocka_unit_test(c1_24_c1_26_deregistering_unbinds_each_binding_and_does_it_once),
		cmocka_unit_test(c1_24_the_call_returns_when_all_are_closed),
		cmocka_unit_test(c1_24_c1_28_a_driver_stays_while_another_thread_is_in_its_unbind),
		cmocka_unit_test(c1_25_deregistering_inside_another_handler_is_a_violation),
		cmocka_unit_test(c1_27_an_uninstall_handler_is_optional),
		cmocka_unit_test(c1_28_uninstall_unbinds_each_once_then_uninstalls_then_unloads),
		cmocka_unit_test(c1_31_uninstall_without_bindings_is_legal),
		cmocka_unit_test(c1_29_c1_30_unload_waits_for_the_last_handle_and_uninstall_does_not),
	};

	return host_run_tests(tests);
}
