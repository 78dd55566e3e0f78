/* SPDX-License-Identifier: BSD-3-Clause */
/* Control devices by the filter's, which ships: one for all its VNICs, and what its clients see of their coming and
 * going (contract section 8). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/filter.h"
#include "shipped.h"

/* Two adapters, as a filter has one VNIC over each: "f0" over "nic", "f1" over "nic1". */
static void begin(void)
{
	rig_begin(NULL, 0);
	assert_int_equal(rig_load(rig.nic), IM_STATUS_SUCCESS);
	rig_start_nic("nic");
	rig_start_nic("nic1");
	assert_int_equal(host_load_builtin("filter"), IM_STATUS_SUCCESS);
}

static void add(const char *adapter, const char *vnic)
{
	assert_int_equal(rig_bind("filter", adapter, vnic), IM_STATUS_SUCCESS);
	host_settle(); /* where the core initialises later */
	assert_true(host_exists(vnic));
}

static void take_away(const char *adapter)
{
	assert_int_equal(host_unbind_over(adapter), IM_STATUS_SUCCESS);
}

static struct im_handle *open_filter(void)
{
	struct im_handle *handle;

	assert_int_equal(host_open("filter", &handle), IM_STATUS_SUCCESS);
	return handle;
}

/* A client's call: a change for @p instance ("": whichever there is). */
static im_status_t call_filter(struct im_handle *handle, const char *instance)
{
	struct sluice_rule_command command = {0};
	struct sluice_filter_answer answer;
	struct im_device_call call = {.code = SLUICE_FILTER_FLUSH,
				      .input = &command,
				      .input_length = sizeof(command),
				      .output = &answer,
				      .output_room = sizeof(answer)};

	strncpy(command.instance, instance, sizeof(command.instance) - 1);
	return host_call(handle, &call);
}

static unsigned changes; /* asked for; atomic */

static void agree(const char *driver, struct im_rule_change *change)
{
	(void)driver;
	__atomic_add_fetch(&changes, change->kind != IM_RULE_NONE, __ATOMIC_RELAXED);
	change->status = SLUICE_STATUS_OK;
}

/* ---- First and last ---------------------------------------------------------------------------------- */

static void c8_1_c8_3_one_device_from_the_first_vnic_to_the_last(void **state)
{
	struct im_handle *handle;

	(void)state;
	begin();
	host_serve_rules(agree);
	changes = 0;
	assert_int_equal(host_open("filter", &handle), IM_STATUS_NO_SUCH_DEVICE);
	add("nic", "f0");
	handle = open_filter();
	add("nic1", "f1");
	assert_int_equal(call_filter(handle, "f1"), IM_STATUS_SUCCESS); /* the same one for both */
	take_away("nic");
	assert_true(host_has_device("filter"));
	assert_int_equal(call_filter(handle, "f1"), IM_STATUS_SUCCESS);
	assert_int_equal(changes, 2);
	host_close(handle);
	take_away("nic1");
	assert_false(host_has_device("filter"));
	assert_int_equal(host_open("filter", &handle), IM_STATUS_NO_SUCH_DEVICE);
	assert_int_equal(host_objects("filter"), 0);
	rig_end();
}

static im_status_t refuse(struct im_device *device, void **handle_context)
{
	(void)device;
	(void)handle_context;
	return IM_STATUS_NOT_ACCEPTED;
}

static im_status_t answer_nothing(void *handle_context, struct im_device_call *call)
{
	(void)handle_context;
	(void)call;
	return IM_STATUS_NOT_SUPPORTED;
}

static void close_nothing(void *handle_context)
{
	(void)handle_context;
}

/* Another driver has the name. The VNIC runs without a device until the next one tries again, and it counts for the
 * last: the device stays for it. */
static void c8_2_c8_4_a_vnic_does_without_and_the_next_one_tries_again(void **state)
{
	static const struct im_device_operations operations = {
		.open = refuse, .call = answer_nothing, .close = close_nothing};
	struct im_device *taken;
	struct im_handle *handle;

	(void)state;
	begin();
	assert_int_equal(rig_load(rig.mid), IM_STATUS_SUCCESS);
	assert_int_equal(im_register_device(rig.mid->wrapper, "filter", &operations, &taken), IM_STATUS_SUCCESS);
	add("nic", "f0");
	assert_int_equal(host_open("filter", &handle), IM_STATUS_NOT_ACCEPTED); /* still the other one's */
	im_deregister_device(taken);
	assert_false(host_has_device("filter"));
	add("nic1", "f1");
	assert_true(host_has_device("filter"));
	take_away("nic1");
	host_close(open_filter());
	take_away("nic");
	assert_false(host_has_device("filter"));
	rig_end();
}

/* ---- Handles that outlive their VNICs ------------------------------------------------------------------ */

/* What was opened for the first registration stays with that, whatever has the name now. */
static void c8_7_c8_10_c8_11_c8_12_a_handle_outlives_two_halts(void **state)
{
	struct im_handle *old, *young, *none;

	(void)state;
	begin();
	host_serve_rules(agree);
	add("nic", "f0");
	old = open_filter();
	assert_int_equal(call_filter(old, "f0"), IM_STATUS_SUCCESS);
	take_away("nic"); /* returns, though it is open */
	assert_false(host_exists("f0"));
	assert_int_equal(call_filter(old, ""), IM_STATUS_DEVICE_REMOVED);
	assert_int_equal(host_open("filter", &none), IM_STATUS_NO_SUCH_DEVICE);
	add("nic", "f0");
	young = open_filter();
	changes = 0;
	assert_int_equal(call_filter(old, "f0"), IM_STATUS_DEVICE_REMOVED);
	assert_int_equal(changes, 0);
	assert_int_equal(call_filter(young, "f0"), IM_STATUS_SUCCESS);
	take_away("nic");
	assert_int_equal(call_filter(young, "f0"), IM_STATUS_DEVICE_REMOVED);
	host_close(old);
	assert_true(host_objects("filter") > 0); /* what the other handle stands for */
	host_close(young);
	assert_int_equal(host_objects("filter"), 0);
	rig_end();
}

/* The other VNIC keeps the device; what is asked of the one that has gone is not done. */
static void c8_9_c8_11_a_vnic_that_has_gone_is_not_found(void **state)
{
	struct im_handle *handle;

	(void)state;
	begin();
	host_serve_rules(agree);
	add("nic", "f0");
	add("nic1", "f1");
	handle = open_filter();
	take_away("nic");
	changes = 0;
	assert_int_equal(call_filter(handle, "f0"), IM_STATUS_NOT_READY);
	assert_int_equal(changes, 0);
	assert_int_equal(call_filter(handle, "f1"), IM_STATUS_SUCCESS);
	assert_int_equal(changes, 1);
	host_close(handle);
	rig_end();
}

/* ---- Calls that run beside a halt ------------------------------------------------------------------------ */

static struct im_event in_change, may_go_on;

static void wait_in_change(const char *driver, struct im_rule_change *change)
{
	(void)driver;
	change->status = SLUICE_STATUS_OK;
	if (change->kind == IM_RULE_NONE)
		return;
	im_set_event(&in_change);
	im_wait_event(&may_go_on, 0);
}

static struct im_handle *shared;
static im_status_t shared_status;

static void call_shared(void *argument)
{
	shared_status = call_filter(shared, argument);
}

/*
 * A call is inside of the driver, with what it holds of VNIC and registration, and stays there until the VNIC has
 * halted and the device is deregistered. Meanwhile others open, call and close: no lock is held.
 */
static void c8_5_c8_6_c8_8_c8_17_a_call_outlasts_halt_and_deregistration(void **state)
{
	static char vnic[] = "f0";
	struct im_handle *other;

	(void)state;
	begin();
	host_serve_rules(wait_in_change);
	add("nic", "f0");
	shared = open_filter();
	im_reset_event(&in_change);
	im_reset_event(&may_go_on);
	host_begin(HOST_CONTROL, call_shared, vnic);
	im_wait_event(&in_change, 0);
	other = open_filter();
	assert_int_equal(call_filter(other, "nobody's name"), IM_STATUS_NOT_READY);
	take_away("nic");
	assert_false(host_exists("f0"));
	assert_false(host_has_device("filter"));
	assert_int_equal(call_filter(other, "f0"), IM_STATUS_DEVICE_REMOVED); /* it begins after all that */
	host_close(other);
	im_set_event(&may_go_on);
	host_join();
	assert_int_equal(shared_status, IM_STATUS_SUCCESS);
	assert_true(host_objects("filter") > 0);
	host_close(shared);
	assert_int_equal(host_objects("filter"), 0);
	rig_end();
}

/* ---- All at once ------------------------------------------------------------------------------------------- */

#define CYCLES 300u

struct churn {
	const char *adapter, *vnic;
	bool ends_there;
};

static bool churns_over;
static unsigned wrong; /* atomic */

/* As long as this VNIC is there, whatever the other one does. */
static bool lacks_its_device(const struct churn *churn)
{
	return host_exists(churn->vnic) && host_state(churn->vnic) >= SLUICE_INSTANCE_PAUSED &&
	       !host_has_device("filter");
}

static void come_and_go(void *argument)
{
	const struct churn *churn = argument;

	for (unsigned i = 0; i < CYCLES; i++) {
		if (rig_bind("filter", churn->adapter, churn->vnic) != IM_STATUS_SUCCESS || lacks_its_device(churn))
			__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
		if (i + 1 < CYCLES || !churn->ends_there)
			host_unbind_over(churn->adapter);
	}
}

/* Each open gets all or nothing, and each call an answer that says why. */
static void call_all_the_time(void *argument)
{
	struct im_handle *handle;
	im_status_t status;

	(void)argument;
	while (!__atomic_load_n(&churns_over, __ATOMIC_ACQUIRE)) {
		status = host_open("filter", &handle);
		if (status == IM_STATUS_SUCCESS) {
			status = call_filter(handle, "f0");
			if (status != IM_STATUS_SUCCESS && status != IM_STATUS_NOT_READY &&
			    status != IM_STATUS_DEVICE_REMOVED)
				__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
			host_close(handle);
		} else if (status != IM_STATUS_NO_SUCH_DEVICE) {
			__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
		}
		usleep(50);
	}
}

static void churn(bool first_stays, bool second_stays)
{
	struct churn first = {.adapter = "nic", .vnic = "f0", .ends_there = first_stays};
	struct churn second = {.adapter = "nic1", .vnic = "f1", .ends_there = second_stays};

	begin();
	host_serve_rules(agree);
	wrong = 0;
	churns_over = false;
	host_begin(HOST_CONTROL + 2, call_all_the_time, NULL);
	host_begin(HOST_CONTROL + 1, come_and_go, &second);
	host_on(HOST_CONTROL, come_and_go, &first);
	host_on(HOST_CONTROL + 1, close_nothing, NULL); /* behind the other one */
	__atomic_store_n(&churns_over, true, __ATOMIC_RELEASE);
	host_join();
	host_settle();
	assert_int_equal(wrong, 0);
	assert_int_equal(host_exists("f0"), first_stays);
	assert_int_equal(host_exists("f1"), second_stays);
	assert_int_equal(host_has_device("filter"), first_stays || second_stays);
	rig_end();
}

static void c8_13_c8_14_in_the_end_the_device_is_there_iff_a_vnic_is(void **state)
{
	(void)state;
	churn(false, false);
	churn(true, false);
	churn(false, true);
	churn(true, true);
}

/* ---- What clients send ------------------------------------------------------------------------------------- */

/* Buffers of exactly these sizes, on the heap: a byte more is not there. */
static im_status_t call_with(struct im_handle *handle, uint32_t code, uint32_t length, uint32_t room,
			     uint32_t *answered)
{
	uint8_t *input = calloc(1, RTE_MAX(length, 1u)), *output = malloc(RTE_MAX(room, 1u));
	struct im_device_call call = {
		.code = code, .input = input, .input_length = length, .output = output, .output_room = room};
	im_status_t status;

	assert_non_null(input);
	assert_non_null(output);
	memset(output, 0xee, room);
	status = host_call(handle, &call);
	*answered = call.output_length;
	if (call.output_length == 0)
		for (uint32_t i = 0; i < room; i++)
			assert_int_equal(output[i], 0xee);
	free(input);
	free(output);
	return status;
}

static void c8_18_what_clients_send_is_measured_first(void **state)
{
	const uint32_t size = sizeof(struct sluice_rule_command), room = sizeof(struct sluice_filter_answer);
	struct im_handle *handle;
	uint32_t answered;

	(void)state;
	begin();
	host_serve_rules(agree);
	changes = 0;
	add("nic", "f0");
	handle = open_filter();
	for (uint32_t length = 0; length <= size + 8; length++)
		if (length != size)
			assert_int_equal(call_with(handle, SLUICE_FILTER_FLUSH, length, room, &answered),
					 IM_STATUS_INVALID_LENGTH);
	for (uint32_t less = 0; less < room; less++)
		assert_int_equal(call_with(handle, SLUICE_FILTER_FLUSH, size, less, &answered),
				 IM_STATUS_INVALID_LENGTH);
	assert_int_equal(call_with(handle, 0, size, room, &answered), IM_STATUS_NOT_SUPPORTED);
	assert_int_equal(call_with(handle, SLUICE_FILTER_FLUSH + 1, size, room, &answered), IM_STATUS_NOT_SUPPORTED);
	assert_int_equal(call_with(handle, UINT32_MAX, size, room, &answered), IM_STATUS_NOT_SUPPORTED);
	assert_int_equal(changes, 0);
	assert_int_equal(call_with(handle, SLUICE_FILTER_FLUSH, size, room, &answered), IM_STATUS_SUCCESS);
	assert_int_equal(answered, room);
	assert_int_equal(changes, 1);
	host_close(handle);
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c8_1_c8_3_one_device_from_the_first_vnic_to_the_last),
		cmocka_unit_test(c8_2_c8_4_a_vnic_does_without_and_the_next_one_tries_again),
		cmocka_unit_test(c8_7_c8_10_c8_11_c8_12_a_handle_outlives_two_halts),
		cmocka_unit_test(c8_9_c8_11_a_vnic_that_has_gone_is_not_found),
		cmocka_unit_test(c8_5_c8_6_c8_8_c8_17_a_call_outlasts_halt_and_deregistration),
		cmocka_unit_test(c8_13_c8_14_in_the_end_the_device_is_there_iff_a_vnic_is),
		cmocka_unit_test(c8_18_what_clients_send_is_measured_first),
	};

	return host_run_tests(tests);
}
