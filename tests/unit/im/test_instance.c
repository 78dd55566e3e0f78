/* SPDX-License-Identifier: BSD-3-Clause */
/* Instances: brought to life, restarted, paused, and halted. */
#include <stdio.h>
#include <string.h>

#include "rig.h"

/* A layered driver whose initialize does what the test says. */
static struct im_miniport *own;
static im_status_t (*own_initialize)(struct im_instance *instance, void *device_context);
static uint32_t halts;

static im_status_t initialize(struct im_instance *instance, void *device_context)
{
	return own_initialize(instance, device_context);
}

static void halt(void *context)
{
	halts++;
	rig_event("halt", context);
}

static im_status_t query(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			 uint32_t *needed)
{
	(void)context, (void)oid, (void)buffer, (void)length, (void)written, (void)needed;
	return IM_STATUS_NOT_SUPPORTED;
}

static im_status_t set(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
		       uint32_t *needed)
{
	(void)context, (void)oid, (void)buffer, (void)length, (void)read, (void)needed;
	return IM_STATUS_NOT_SUPPORTED;
}

static void send_packets(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context, (void)packets, (void)count;
}

static void unload(void)
{
	im_deregister_layered_miniport(own);
}

static im_status_t own_entry(struct im_driver_object *object)
{
	static const struct im_miniport_characteristics miniport = {
		.major_version = 4,
		.initialize = initialize,
		.halt = halt,
		.query_information = query,
		.set_information = set,
		.send_packets = send_packets,
	};
	struct im_wrapper *wrapper;
	im_status_t status;

	assert_int_equal(im_initialize_wrapper(&wrapper, object), IM_STATUS_SUCCESS);
	status = im_register_layered_miniport(wrapper, &miniport, sizeof(miniport), &own);
	im_register_unload_handler(wrapper, unload);
	return status;
}

static im_status_t succeed(struct im_instance *instance, void *device_context)
{
	assert_int_equal(instance->state, SLUICE_INSTANCE_INITIALIZING);
	im_set_attributes(instance, device_context, IM_ATTRIBUTE_INTERMEDIATE_DRIVER | IM_ATTRIBUTE_DESERIALIZE);
	return IM_STATUS_SUCCESS;
}

static im_status_t refuse(struct im_instance *instance, void *device_context)
{
	im_set_attributes(instance, device_context, IM_ATTRIBUTE_INTERMEDIATE_DRIVER | IM_ATTRIBUTE_DESERIALIZE);
	return IM_STATUS_INVALID_DATA;
}

static im_status_t forget_the_context(struct im_instance *instance, void *device_context)
{
	(void)instance, (void)device_context;
	return IM_STATUS_SUCCESS;
}

static int up(void **state)
{
	(void)state;
	rig_core_up("nic");
	halts = 0;
	own_initialize = succeed;
	return im_load_driver("own", own_entry, "test") == IM_STATUS_SUCCESS ? 0 : -1;
}

static int down(void **state)
{
	(void)state;
	rig_fail_calloc = 0;
	rig_down();
	return 0;
}

static im_status_t start(const char *name)
{
	return im_initialize_device_instance(own, name, (void *)(uintptr_t) "own");
}

/* ---- To life ----------------------------------------------------------------------------------------- */

/* contract: 2.42 2.50 */
static void an_instance_starts_paused(void **state)
{
	struct im_instance *instance;

	(void)state;
	assert_int_equal(start("v"), IM_STATUS_SUCCESS);
	instance = im_find_instance("v");
	assert_non_null(instance);
	assert_int_equal(instance->state, SLUICE_INSTANCE_PAUSED); /* 10.21 */
	assert_string_equal(im_instance_name(instance), "v");
	assert_string_equal(instance->context, "own"); /* 2.42, 2.50 */
	assert_int_equal(own->instances, 1);
	assert_int_equal(im_deinitialize_device_instance(instance), IM_STATUS_SUCCESS);
	assert_int_equal(halts, 1);
	assert_int_equal(own->instances, 0);
	assert_null(im_find_instance("v"));
}

/* contract: 2.38 */
static void a_name_in_use_is_not_accepted(void **state)
{
	struct im_instance *first;

	(void)state;
	assert_int_equal(start("v"), IM_STATUS_SUCCESS);
	first = im_find_instance("v");
	assert_int_equal(start("v"), IM_STATUS_NOT_ACCEPTED);	/* 2.38 */
	assert_int_equal(start("nic"), IM_STATUS_NOT_ACCEPTED); /* of another driver */
	assert_ptr_equal(im_find_instance("v"), first);
	assert_int_equal(im_deinitialize_device_instance(first), IM_STATUS_SUCCESS);
	assert_int_equal(start("v"), IM_STATUS_SUCCESS); /* free again */
	assert_int_equal(im_deinitialize_device_instance(im_find_instance("v")), IM_STATUS_SUCCESS);
}

static void a_name_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	assert_int_equal(start("a-name-of-thirty-two-characters."), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(own->instances, 0);
	assert_int_equal(start("a-name-of-thirty-one-characters"), IM_STATUS_SUCCESS);
	assert_int_equal(start("a-name-of-thirty-one-characters"), IM_STATUS_NOT_ACCEPTED);
	im_deinitialize_device_instance(im_find_instance("a-name-of-thirty-one-characters"));
}

/* contract: 2.33 2.34 */
static void only_a_layered_miniport_asks_for_instances(void **state)
{
	(void)state;
	assert_int_equal(im_initialize_device_instance(NULL, "v", own), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_initialize_device_instance(own, NULL, own), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_initialize_device_instance(rig_nic.instance->miniport, "v", own),
			 IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_start_plain_instance(im_find_driver("own"), "v", own), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_start_plain_instance(im_find_driver("top"), "v", own), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_start_plain_instance(NULL, "v", own), IM_STATUS_INVALID_PARAMETER);
}

/* contract: 2.51 */
static void an_initialize_that_fails_leaves_nothing_and_is_not_halted(void **state)
{
	(void)state;
	own_initialize = refuse;
	assert_int_equal(start("v"), IM_STATUS_INVALID_DATA);
	assert_null(im_find_instance("v"));
	assert_int_equal(own->instances, 0);
	assert_int_equal(halts, 0); /* 2.51 */
	own_initialize = succeed;
	assert_int_equal(start("v"), IM_STATUS_SUCCESS); /* the name was not kept */
	im_deinitialize_device_instance(im_find_instance("v"));
}

/* contract: 2.5 */
static void no_memory_for_an_instance_is_resources(void **state)
{
	(void)state;
	rig_fail_calloc = 1;
	assert_int_equal(start("v"), IM_STATUS_RESOURCES);
	assert_null(im_find_instance("v"));
	assert_int_equal(own->instances, 0);
}

/* Accounts belong to names, and go on counting under the same one; when all are in use nothing new can begin. */
static void accounts_that_run_out_are_resources(void **state)
{
	uint16_t taken[IM_ACCOUNTS_MAX];
	uint32_t count = 0;
	char name[32];

	(void)state;
	do {
		snprintf(name, sizeof(name), "account-%u", count);
		taken[count] = im_take_account(name);
	} while (taken[count] != UINT16_MAX && ++count < IM_ACCOUNTS_MAX);
	assert_int_equal(start("v"), IM_STATUS_RESOURCES);
	assert_null(im_find_instance("v"));
	assert_int_equal(own->instances, 0);
	assert_int_equal(rig_bind("top", "nic", "top"), IM_STATUS_RESOURCES);
	assert_null(rig_nic.instance->upper);
	while (count-- > 0)
		im_give_account(taken[count]);
	assert_int_equal(start("v"), IM_STATUS_SUCCESS);
	im_deinitialize_device_instance(im_find_instance("v"));
}

static void an_account_goes_on_under_the_same_name(void **state)
{
	struct im_account sum;
	uint16_t id;

	(void)state;
	assert_int_equal(start("v"), IM_STATUS_SUCCESS);
	id = im_instance_account(im_find_instance("v"));
	im_count_drop(id, SLUICE_OUT, SLUICE_DROP_RULE, 7);
	im_deinitialize_device_instance(im_find_instance("v"));
	assert_int_equal(start("w"), IM_STATUS_SUCCESS);
	assert_int_equal(start("v"), IM_STATUS_SUCCESS);
	assert_int_equal(im_instance_account(im_find_instance("v")), id);
	im_read_account(id, &sum);
	assert_int_equal(sum.drops[SLUICE_OUT][SLUICE_DROP_RULE], 7);
	im_read_account(im_instance_account(im_find_instance("w")), &sum);
	assert_int_equal(sum.drops[SLUICE_OUT][SLUICE_DROP_RULE], 0);
	im_deinitialize_device_instance(im_find_instance("v"));
	im_deinitialize_device_instance(im_find_instance("w"));
}

/* ---- States ------------------------------------------------------------------------------------------ */

/* contract: 10.21 10.22 */
static void restart_and_pause_change_the_state(void **state)
{
	struct im_instance *nic = rig_nic.instance;

	(void)state;
	assert_int_equal(im_restart(nic), IM_STATUS_SUCCESS);
	assert_int_equal(nic->state, SLUICE_INSTANCE_RUNNING);
	assert_int_equal(im_restart(nic), IM_STATUS_NOT_ACCEPTED); /* it is not paused (10.22) */
	im_pause(nic);
	assert_int_equal(nic->state, SLUICE_INSTANCE_PAUSED);
	im_pause(nic); /* cannot fail (10.21) */
	assert_int_equal(nic->state, SLUICE_INSTANCE_PAUSED);
}

/* ---- Away -------------------------------------------------------------------------------------------- */

/* contract: 2.46 */
static void overlying_protocols_unbind_before_the_halt(void **state)
{
	(void)state;
	assert_int_equal(start("v"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("top", "v", "top"), IM_STATUS_SUCCESS);
	im_restart(im_find_instance("v"));
	assert_int_equal(im_deinitialize_device_instance(im_find_instance("v")), IM_STATUS_SUCCESS);
	assert_string_equal(rig_events, "unbind:top halt:own"); /* 2.46 */
	assert_int_equal(rig_top.unbound, 1);
}

/* contract: 2.46 2.47 */
static void an_instance_that_is_gone_cannot_go_again(void **state)
{
	struct im_instance *instance;

	(void)state;
	assert_int_equal(start("v"), IM_STATUS_SUCCESS);
	instance = im_find_instance("v");
	assert_int_equal(im_deinitialize_device_instance(instance), IM_STATUS_SUCCESS);
	assert_int_equal(im_deinitialize_device_instance(instance), IM_STATUS_FAILURE); /* 2.46 */
	assert_int_equal(im_deinitialize_device_instance(NULL), IM_STATUS_FAILURE);
	assert_int_equal(halts, 1);
}

/* A VNIC that an operator halted alone is not deinitialised again by the unbind that follows (1.41). */
/* contract: 1.41 */
static void a_vnic_halted_alone_is_skipped_by_the_unbind(void **state)
{
	(void)state;
	assert_int_equal(rig_bind("relay", "nic", "r"), IM_STATUS_SUCCESS);
	assert_int_equal(im_deinitialize_device_instance(im_find_instance("r")), IM_STATUS_SUCCESS);
	im_unbind(TAILQ_FIRST(&rig_nic.instance->uppers));
	assert_null(rig_nic.instance->upper);
	assert_true(TAILQ_EMPTY(&im_core.bindings));
}

/* ---- What aborts ------------------------------------------------------------------------------------- */

static void start_without_context(void)
{
	own_initialize = forget_the_context;
	start("v");
}

static im_status_t intermediate_nic(struct im_instance *instance, void *device_context)
{
	im_set_attributes(instance, device_context, IM_ATTRIBUTE_INTERMEDIATE_DRIVER | IM_ATTRIBUTE_DESERIALIZE);
	return IM_STATUS_SUCCESS;
}

/* The nic is registered with version 3, which an intermediate driver may not have however it registers (2.2). */
static void start_an_intermediate_driver_of_version_3(void)
{
	im_find_driver("nic")->wrapper->miniport->handlers.initialize = intermediate_nic;
	im_start_plain_instance(im_find_driver("nic"), "second", &halts);
}

/* contract: 2.2 2.50 */
static void breaches_abort_with_their_statement(void **state)
{
	(void)state;
	rig_expect_violation("2.50", start_without_context);
	rig_expect_violation("2.2", start_an_intermediate_driver_of_version_3);
}

int main(void)
{
#define WITH_CORE(test) cmocka_unit_test_setup_teardown(test, up, down)
	const struct CMUnitTest tests[] = {
		WITH_CORE(an_instance_starts_paused),
		WITH_CORE(a_name_in_use_is_not_accepted),
		WITH_CORE(a_name_that_does_not_fit_is_refused),
		WITH_CORE(only_a_layered_miniport_asks_for_instances),
		WITH_CORE(an_initialize_that_fails_leaves_nothing_and_is_not_halted),
		WITH_CORE(no_memory_for_an_instance_is_resources),
		WITH_CORE(accounts_that_run_out_are_resources),
		WITH_CORE(an_account_goes_on_under_the_same_name),
		WITH_CORE(restart_and_pause_change_the_state),
		WITH_CORE(overlying_protocols_unbind_before_the_halt),
		WITH_CORE(an_instance_that_is_gone_cannot_go_again),
		WITH_CORE(a_vnic_halted_alone_is_skipped_by_the_unbind),
		WITH_CORE(breaches_abort_with_their_statement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
