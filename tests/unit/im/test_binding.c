/* SPDX-License-Identifier: BSD-3-Clause */
/* Bindings: opened, refused, and closed in order over a stack. */
#include <stdio.h>
#include <string.h>

#include "rig.h"

static int up(void **state)
{
	(void)state;
	rig_core_up("nic");
	return 0;
}

static int down(void **state)
{
	(void)state;
	rig_fail_calloc = 0;
	rig_down();
	return 0;
}

static uint32_t count_bindings(void)
{
	const struct im_binding *binding;
	uint32_t count = 0;

	TAILQ_FOREACH(binding, &im_core.bindings, link)
	count++;
	return count;
}

/* ---- Open -------------------------------------------------------------------------------------------- */

/* contract: 3.20 */
static void an_unknown_adapter_is_not_found(void **state)
{
	(void)state;
	assert_int_equal(rig_bind("top", "nowhere", "top"), IM_STATUS_ADAPTER_NOT_FOUND); /* 3.20 */
	assert_int_equal(count_bindings(), 0);
}

/* contract: 11.36 */
static void several_protocols_may_open_an_adapter(void **state)
{
	(void)state;
	assert_int_equal(rig_bind("top", "nic", "top"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("relay", "nic", "r"), IM_STATUS_SUCCESS);
	assert_int_equal(im_restart(rig_nic.instance), IM_STATUS_SUCCESS);
	assert_null(rig_nic.instance->upper);
	assert_non_null(rig_nic.instance->fan);
	assert_int_equal(rig_nic.instance->fan->count, 2);
	im_unbind(rig_top.binding);
	assert_null(rig_nic.instance->fan);
	assert_string_equal(im_driver_over(rig_nic.instance->upper), "relay");
}

static void null_arguments_are_invalid_parameters(void **state)
{
	struct im_protocol *protocol = im_find_driver("top")->wrapper->protocol;
	struct im_bind_config config = {.adapter = "nic"};
	struct im_open open = {0};
	struct im_binding *binding;

	(void)state;
	assert_int_equal(im_open_adapter(NULL, protocol, &config, &open), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_open_adapter(&binding, NULL, &config, &open), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_open_adapter(&binding, protocol, NULL, &open), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_open_adapter(&binding, protocol, &config, NULL), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_close_adapter(NULL), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_bind(NULL, &config), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(rig_bind("nic", "nic", "r"), IM_STATUS_INVALID_PARAMETER); /* it has no protocol edge */
}

static void no_memory_for_a_binding_is_resources(void **state)
{
	(void)state;
	rig_fail_calloc = 1;
	assert_int_equal(rig_bind("top", "nic", "top"), IM_STATUS_RESOURCES);
	assert_true(TAILQ_EMPTY(&rig_nic.instance->uppers));
	assert_int_equal(count_bindings(), 0);
}

/* ---- A bind that fails -------------------------------------------------------------------------------- */

/* contract: 1.36 */
static void a_failing_bind_closes_the_adapter(void **state)
{
	struct im_protocol *protocol = im_find_driver("relay")->wrapper->protocol;

	(void)state;
	assert_int_equal(rig_bind("relay", "nic", "r"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("relay", "nic", "r"), IM_STATUS_NOT_ACCEPTED); /* the VNIC's name is in use */
	assert_int_equal(count_bindings(), 1);					 /* 1.36 */
	assert_int_equal(protocol->bindings, 1);
	assert_int_equal(protocol->binds, 0);
	assert_int_equal(rig_bind("relay", "nic", "r2"), IM_STATUS_SUCCESS);
}

/* Memory runs out at the first, second, ... allocation of a bind until it goes through. */
/* contract: 1.36 11.10 */
static void a_bind_that_runs_out_of_memory_at_any_step_leaves_nothing(void **state)
{
	uint32_t step = 0;
	im_status_t status;

	(void)state;
	for (;;) {
		rig_fail_calloc = ++step;
		status = rig_bind("relay", "nic", "r");
		if (status == IM_STATUS_SUCCESS)
			break;
		assert_int_equal(status, IM_STATUS_RESOURCES);
		assert_int_equal(rig_fail_calloc, 0);
		assert_true(TAILQ_EMPTY(&rig_nic.instance->uppers));
		assert_null(im_find_instance("r"));
		assert_int_equal(count_bindings(), 0);
	}
	assert_true(step > 3); /* the graph, the binding and the VNIC at the least */
	rig_fail_calloc = 0;
}

static void a_relay_presents_exactly_one_vnic(void **state)
{
	static const char *const names[] = {"a", "b"};
	struct im_bind_config config = {.adapter = "nic", .vnic_count = 2, .vnic_names = names};

	(void)state;
	assert_int_equal(im_bind(im_find_driver("relay"), &config), IM_STATUS_INVALID_PARAMETER);
	config.vnic_count = 0;
	assert_int_equal(im_bind(im_find_driver("relay"), &config), IM_STATUS_INVALID_PARAMETER);
	assert_true(TAILQ_EMPTY(&rig_nic.instance->uppers));
}

/* ---- Cycles -------------------------------------------------------------------------------------------- */

/* r1 over nic, r0 over r1: binding something that presents nic's, r1's or r0's names over r0 would close a ring (10.4).
 */
/* contract: 10.4 12.7 */
static void a_bind_that_closes_a_cycle_is_refused(void **state)
{
	(void)state;
	assert_int_equal(rig_bind("relay", "nic", "r1"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("relay", "r1", "r0"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("relay", "r0", "r1"), IM_STATUS_CYCLE);
	assert_int_equal(rig_bind("relay", "r0", "nic"), IM_STATUS_CYCLE);
	assert_int_equal(rig_bind("relay", "r0", "r0"), IM_STATUS_CYCLE);
	assert_int_equal(count_bindings(), 2);
	assert_int_equal(rig_bind("relay", "r0", "r2"), IM_STATUS_SUCCESS);
}

/* ---- Close -------------------------------------------------------------------------------------------- */

static im_status_t (*relay_unbind)(void *context, void *unbind_context);

static im_status_t note_unbind(void *context, void *unbind_context)
{
	struct im_relay *relay = context;
	im_status_t status;
	char name[SLUICE_NAME_SIZE];

	snprintf(name, sizeof(name), "%s", im_instance_name(relay->instance));
	rig_event("begin", name);
	status = relay_unbind(context, unbind_context);
	rig_event("end", name);
	return status;
}

/* Unbinding the lowest relay takes down all above it first: VNIC, then binding, then memory (1.38, 10.3). */
/* contract: 10.3 */
static void an_unbind_goes_through_the_stack_from_the_top(void **state)
{
	struct im_protocol *protocol;

	(void)state;
	assert_int_equal(rig_bind("relay", "nic", "r1"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("relay", "r1", "r0"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("top", "r0", "top"), IM_STATUS_SUCCESS);
	protocol = im_find_driver("relay")->wrapper->protocol;
	relay_unbind = protocol->handlers.unbind_adapter;
	protocol->handlers.unbind_adapter = note_unbind;
	im_unbind(TAILQ_FIRST(&rig_nic.instance->uppers));
	assert_string_equal(rig_events, "begin:r1 begin:r0 unbind:top end:r0 end:r1");
	assert_int_equal(rig_top.unbound, 1);
	assert_int_equal(count_bindings(), 0);
	assert_null(im_find_instance("r0"));
	assert_null(im_find_instance("r1"));
}

static uint32_t gate_in_unbind;

static im_status_t look_and_unbind(void *context, void *unbind_context)
{
	struct rig_top *top = context;

	(void)unbind_context;
	gate_in_unbind = top->binding->gate;
	assert_null(top->binding->lower->upper);
	im_close_adapter(top->binding);
	top->binding = NULL;
	return IM_STATUS_SUCCESS;
}

/* contract: 10.23 */
static void a_binding_is_paused_before_it_is_unbound(void **state)
{
	(void)state;
	assert_int_equal(rig_bind("top", "nic", "top"), IM_STATUS_SUCCESS);
	im_restart(rig_nic.instance);
	rig_top.binding->protocol->handlers.unbind_adapter = look_and_unbind;
	im_unbind(rig_top.binding);
	assert_int_equal(gate_in_unbind, IM_GATE_STOPPED | IM_GATE_CLOSING); /* 10.23 */
	assert_int_equal(rig_nic.instance->state, SLUICE_INSTANCE_RUNNING);  /* others may go on over it */
}

static void a_closed_adapter_can_be_opened_again(void **state)
{
	(void)state;
	for (int i = 0; i < 16; i++) {
		assert_int_equal(rig_bind("relay", "nic", "r"), IM_STATUS_SUCCESS);
		im_unbind(TAILQ_FIRST(&rig_nic.instance->uppers));
		assert_int_equal(count_bindings(), 0);
	}
}

/* ---- What aborts -------------------------------------------------------------------------------------- */

static im_status_t keep_it_open(void *context, void *unbind_context)
{
	(void)context, (void)unbind_context;
	return IM_STATUS_SUCCESS;
}

static void unbind_without_closing(void)
{
	rig_bind("top", "nic", "top");
	rig_top.binding->protocol->handlers.unbind_adapter = keep_it_open;
	im_unbind(rig_top.binding);
}

/* contract: 1.37 */
static void an_unbind_that_does_not_close_aborts(void **state)
{
	(void)state;
	rig_expect_violation("1.37", unbind_without_closing);
}

int main(void)
{
#define WITH_CORE(test) cmocka_unit_test_setup_teardown(test, up, down)
	const struct CMUnitTest tests[] = {
		WITH_CORE(an_unknown_adapter_is_not_found),
		WITH_CORE(several_protocols_may_open_an_adapter),
		WITH_CORE(null_arguments_are_invalid_parameters),
		WITH_CORE(no_memory_for_a_binding_is_resources),
		WITH_CORE(a_failing_bind_closes_the_adapter),
		WITH_CORE(a_bind_that_runs_out_of_memory_at_any_step_leaves_nothing),
		WITH_CORE(a_relay_presents_exactly_one_vnic),
		WITH_CORE(a_bind_that_closes_a_cycle_is_refused),
		WITH_CORE(an_unbind_goes_through_the_stack_from_the_top),
		WITH_CORE(a_binding_is_paused_before_it_is_unbound),
		WITH_CORE(a_closed_adapter_can_be_opened_again),
		WITH_CORE(an_unbind_that_does_not_close_aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
