/* SPDX-License-Identifier: BSD-3-Clause */
/* Control devices: names, handles, calls, and the end of them (contract section 8). */
#include <string.h>

#include "neighbours.h"

/* A driver's device. Handles carry what the open was told to give them. */
static struct im_device *device;
static struct im_device_call *pended;
static im_status_t open_status, call_status;
static uint32_t answer_length;
static void (*in_open)(void), (*in_call)(struct im_device_call *call), (*in_cleanup)(void);

static im_status_t device_open(struct im_device *opened, void **handle_context)
{
	nb_say("open(%s)", im_device_name(opened));
	*handle_context = &device;
	if (in_open != NULL)
		in_open();
	return open_status;
}

static im_status_t device_call(void *handle_context, struct im_device_call *call)
{
	assert_ptr_equal(handle_context, &device);
	nb_say("call(%u)", call->code);
	pended = call;
	if (call_status == IM_STATUS_SUCCESS && call->output_room > 0)
		memset(call->output, 'y', call->output_room);
	call->output_length = answer_length;
	if (in_call != NULL)
		in_call(call);
	return call_status;
}

static void device_cleanup(void *handle_context)
{
	assert_ptr_equal(handle_context, &device);
	nb_say("cleanup");
	if (in_cleanup != NULL)
		in_cleanup();
}

static void device_close(void *handle_context)
{
	assert_ptr_equal(handle_context, &device);
	nb_say("close");
}

static const struct im_device_operations operations = {
	.open = device_open, .call = device_call, .cleanup = device_cleanup, .close = device_close};

static void register_device(void)
{
	assert_int_equal(im_register_device(nb_wrapper, "filter", &operations, &device), IM_STATUS_SUCCESS);
}

static int up(void **state)
{
	(void)state;
	nb_up(0, true);
	open_status = IM_STATUS_SUCCESS;
	call_status = IM_STATUS_SUCCESS;
	answer_length = 0;
	in_open = NULL;
	in_call = NULL;
	in_cleanup = NULL;
	register_device();
	return 0;
}

static int down(void **state)
{
	(void)state;
	if (device != NULL)
		im_deregister_device(device);
	device = NULL;
	if (nb_wrapper != NULL)
		assert_int_equal(nb_wrapper->devices, 0);
	nb_down();
	return 0;
}

static struct im_handle *open_handle(void)
{
	struct im_handle *handle;

	assert_int_equal(im_open_device("filter", &handle), IM_STATUS_SUCCESS);
	nb_expect("open(filter)");
	return handle;
}

static uint32_t completions;
static im_status_t completed_with;

static void completed(struct im_device_call *call, im_status_t status)
{
	nb_say("done(%u,%d)", call->code, (int)status);
	completions++;
	completed_with = status;
}

static struct im_device_call a_call(uint32_t code)
{
	return (struct im_device_call){.code = code, .core.completed = completed};
}

static void deregister(void)
{
	im_deregister_device(device);
	device = NULL;
}

/* ---- Names --------------------------------------------------------------------------------------------- */

/* contract: 8.1 */
static void a_name_is_found_while_it_is_registered(void **state)
{
	struct im_handle *handle;

	(void)state;
	assert_int_equal(im_open_device("filte", &handle), IM_STATUS_NO_SUCH_DEVICE);
	assert_null(handle);
	assert_int_equal(im_open_device("filter", &handle), IM_STATUS_SUCCESS);
	im_close_handle(handle);
	deregister();
	assert_int_equal(im_open_device("filter", &handle), IM_STATUS_NO_SUCH_DEVICE);
	nb_expect("open(filter) cleanup close");
}

/* contract: 8.1 */
static void a_name_is_one_devices(void **state)
{
	struct im_device *second = (void *)&second;

	(void)state;
	assert_int_equal(im_register_device(nb_wrapper, "filter", &operations, &second), IM_STATUS_NOT_ACCEPTED);
	assert_null(second);
	assert_int_equal(im_register_device(nb_wrapper, "other", &operations, &second), IM_STATUS_SUCCESS);
	im_deregister_device(second);
}

/* contract: 8.1 */
static void what_is_incomplete_is_refused(void **state)
{
	struct im_device_operations without = operations;
	struct im_device *none;

	(void)state;
	without.close = NULL;
	assert_int_equal(im_register_device(nb_wrapper, "x", &without, &none), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_register_device(nb_wrapper, "", &operations, &none), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_register_device(nb_wrapper, NULL, &operations, &none), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_register_device(NULL, "x", &operations, &none), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_register_device(nb_wrapper, "x", &operations, NULL), IM_STATUS_INVALID_PARAMETER);
	assert_int_equal(im_register_device(nb_wrapper, "a-name-of-32-characters-is-1-too-", &operations, &none),
			 IM_STATUS_INVALID_PARAMETER);
	im_deregister_device(NULL);
	nb_expect_violation(NULL);
}

static void no_memory_is_a_refusal(void **state)
{
	struct im_device *none;
	struct im_handle *handle;

	(void)state;
	im_verify_fail(0, 1);
	assert_int_equal(im_register_device(nb_wrapper, "x", &operations, &none), IM_STATUS_RESOURCES);
	im_verify_fail(1, 0);
	assert_int_equal(im_register_device(nb_wrapper, "x", &operations, &none), IM_STATUS_RESOURCES);
	im_verify_fail(0, 1);
	assert_int_equal(im_open_device("filter", &handle), IM_STATUS_RESOURCES);
	im_verify_fail(0, 0);
	nb_expect("");
}

static void count_device(void *context, const struct im_device *listed, uint32_t handles)
{
	(void)context;
	nb_say("%s:%u", im_device_name(listed), handles);
}

static void devices_are_listed_with_their_handles(void **state)
{
	struct im_device *second;
	struct im_handle *handle;

	(void)state;
	assert_int_equal(im_register_device(nb_wrapper, "other", &operations, &second), IM_STATUS_SUCCESS);
	handle = open_handle();
	im_list_devices(count_device, NULL);
	nb_expect("filter:1 other:0");
	im_close_handle(handle);
	im_deregister_device(second);
	nb_expect("cleanup close");
	im_list_devices(count_device, NULL);
	nb_expect("filter:0");
}

static void deregister_here(void)
{
	im_deregister_device(device);
}

/* contract: 8.19 */
static void a_device_goes_at_passive_alone(void **state)
{
	(void)state;
	nb_dispatch(deregister_here);
	nb_expect_violation("8.19");
	im_list_devices(count_device, NULL);
	nb_expect("filter:0"); /* it is still there */
}

static void a_device_is_deregistered_once(void **state)
{
	struct im_device *gone = device;

	(void)state;
	deregister();
	im_deregister_device(gone);
	nb_expect_violation("8.15");
}

/* ---- Handles ------------------------------------------------------------------------------------------- */

static void an_open_that_fails_leaves_nothing(void **state)
{
	struct im_handle *handle = (void *)&handle;

	(void)state;
	open_status = IM_STATUS_NOT_READY;
	assert_int_equal(im_open_device("filter", &handle), IM_STATUS_NOT_READY);
	assert_null(handle);
	nb_expect("open(filter)"); /* no cleanup, no close */
	im_list_devices(count_device, NULL);
	nb_expect("filter:0");
	open_status = IM_STATUS_PENDING;
	assert_int_equal(im_open_device("filter", &handle), IM_STATUS_FAILURE);
	nb_expect_violation("8.13");
}

/* C6, 8.15: the name at once, the device with its last handle. */
/* contract: 8.5 8.6 8.15 */
static void a_handle_outlives_its_devices_name(void **state)
{
	struct im_handle *first, *second;
	struct im_device_call call = a_call(1);

	(void)state;
	first = open_handle();
	second = open_handle();
	deregister();
	nb_expect_violation(NULL); /* a warning */
	assert_int_equal(im_call_device(first, &call), IM_STATUS_SUCCESS);
	im_close_handle(first);
	assert_int_equal(nb_wrapper->devices, 1); /* what unload waits for (1.30) */
	assert_int_equal(im_call_device(second, &call), IM_STATUS_SUCCESS);
	im_close_handle(second);
	assert_int_equal(nb_wrapper->devices, 0);
	nb_expect("call(1) cleanup close call(1) cleanup close");
}

static void a_name_can_be_used_again_while_old_handles_are_open(void **state)
{
	struct im_handle *old, *young;

	(void)state;
	old = open_handle();
	deregister();
	register_device();
	young = open_handle();
	im_close_handle(old);
	im_close_handle(young);
	nb_expect("cleanup close cleanup close");
}

/* 8.13: an open that has begun wins, whatever happens to the name meanwhile. */
/* contract: 8.5 8.13 */
static void an_open_wins_over_a_deregistration(void **state)
{
	struct im_handle *handle;

	(void)state;
	in_open = deregister;
	assert_int_equal(im_open_device("filter", &handle), IM_STATUS_SUCCESS);
	assert_int_equal(nb_wrapper->devices, 1);
	im_close_handle(handle);
	nb_expect("open(filter) cleanup close");
	register_device();
	in_open = deregister;
	open_status = IM_STATUS_DEVICE_REMOVED;
	assert_int_equal(im_open_device("filter", &handle), IM_STATUS_DEVICE_REMOVED);
	assert_int_equal(nb_wrapper->devices, 0);
}

static void cleanup_is_optional(void **state)
{
	struct im_device_operations without = operations;
	struct im_device *second;
	struct im_handle *handle;

	(void)state;
	without.cleanup = NULL;
	assert_int_equal(im_register_device(nb_wrapper, "bare", &without, &second), IM_STATUS_SUCCESS);
	assert_int_equal(im_open_device("bare", &handle), IM_STATUS_SUCCESS);
	im_close_handle(handle);
	im_deregister_device(second);
	nb_expect("open(bare) close");
}

static void *close_soon(void *context)
{
	assert_int_equal(im_thread_attach(), 0);
	nb_say("(closing)");
	im_close_handle(context);
	im_thread_detach();
	return NULL;
}

/* 1.30, through the loader: the unload handler runs after the last close. */
/* contract: 1.30 8.15 */
static void unload_waits_for_the_last_close(void **state)
{
	struct im_handle *handle = open_handle();
	im_status_t status;
	pthread_t closer;

	(void)state;
	deregister();
	assert_int_equal(pthread_create(&closer, NULL, close_soon, handle), 0);
	status = im_unload_driver("vnic", true);
	nb_say("(unloaded)");
	nb_wrapper = NULL; /* gone with its driver */
	pthread_join(closer, NULL);
	assert_int_equal(status, IM_STATUS_SUCCESS);
	nb_expect("(closing) cleanup close (unloaded)");
}

/* ---- Calls --------------------------------------------------------------------------------------------- */

/* contract: 8.18 */
static void a_call_is_answered_in_the_room_there_is(void **state)
{
	struct im_handle *handle = open_handle();
	struct im_device_call call = a_call(7);
	char output[8] = "nnnnnnn";

	(void)state;
	call.output = output;
	call.output_room = 4;
	call.output_length = 99;
	answer_length = 3;
	assert_int_equal(im_call_device(handle, &call), IM_STATUS_SUCCESS);
	assert_int_equal(call.output_length, 3);
	answer_length = 5; /* more than there is room for (8.18) */
	assert_int_equal(im_call_device(handle, &call), IM_STATUS_SUCCESS);
	nb_expect_violation("8.18");
	assert_int_equal(call.output_length, 4);
	assert_memory_equal(output, "yyyynnn", 8);
	call_status = IM_STATUS_PENDING;
	assert_int_equal(im_call_device(handle, &call), IM_STATUS_PENDING);
	im_complete_device_call(&call, IM_STATUS_SUCCESS);
	nb_expect_violation("8.18");
	assert_int_equal(call.output_length, 4);
	im_close_handle(handle);
}

static void a_pended_call_is_completed_at_any_level(void **state)
{
	struct im_handle *handle = open_handle();
	struct im_device_call call = a_call(7);
	uint8_t level;

	(void)state;
	call_status = IM_STATUS_PENDING;
	assert_int_equal(im_call_device(handle, &call), IM_STATUS_PENDING);
	nb_expect("call(7)");
	level = im_raise(im_this_worker);
	im_complete_device_call(&call, IM_STATUS_NOT_READY);
	im_lower(im_this_worker, level);
	nb_expect("done(7,25)");
	im_close_handle(handle);
}

static void complete_now(struct im_device_call *call)
{
	im_complete_device_call(call, IM_STATUS_SUCCESS);
}

static void a_call_is_completed_once(void **state)
{
	struct im_handle *handle = open_handle();
	struct im_device_call call = a_call(7), never = a_call(8);

	(void)state;
	call_status = IM_STATUS_PENDING;
	in_call = complete_now; /* before the handler returns */
	assert_int_equal(im_call_device(handle, &call), IM_STATUS_PENDING);
	nb_expect("call(7) done(7,0)");
	im_complete_device_call(&call, IM_STATUS_SUCCESS);
	nb_expect_violation("8.16");
	im_complete_device_call(&never, IM_STATUS_SUCCESS);
	nb_expect_violation("8.16");
	in_call = NULL;
	im_call_device(handle, &call);
	im_complete_device_call(&call, IM_STATUS_PENDING);
	nb_expect_violation("8.16");
	nb_expect("call(7)");
	im_complete_device_call(&call, IM_STATUS_SUCCESS);
	call_status = IM_STATUS_SUCCESS;
	in_call = complete_now; /* and returns a final status too */
	assert_int_equal(im_call_device(handle, &call), IM_STATUS_PENDING);
	nb_expect_violation("8.16");
	nb_expect("done(7,0) call(7) done(7,0)");
	im_close_handle(handle);
}

static void cancel_pended(void)
{
	im_complete_device_call(pended, IM_STATUS_CANCELLED);
}

/* contract: 8.16 */
static void cleanup_brings_pended_calls_to_their_end(void **state)
{
	struct im_handle *handle = open_handle();
	struct im_device_call call = a_call(7);

	(void)state;
	call_status = IM_STATUS_PENDING;
	in_cleanup = cancel_pended;
	assert_int_equal(im_call_device(handle, &call), IM_STATUS_PENDING);
	im_close_handle(handle);
	nb_expect("call(7) cleanup done(7,28) close"); /* 8.16 */
}

static void complete_by_work(struct im_work *work)
{
	(void)work;
	nb_say("(later)");
	im_complete_device_call(pended, IM_STATUS_DEVICE_REMOVED);
}

/* contract: 8.16 */
static void close_waits_for_the_last_call(void **state)
{
	static struct im_work work = {.run = complete_by_work};
	struct im_handle *handle = open_handle();
	struct im_device_call call = a_call(7);

	(void)state;
	call_status = IM_STATUS_PENDING;
	assert_int_equal(im_call_device(handle, &call), IM_STATUS_PENDING);
	im_schedule_work(&work);
	im_close_handle(handle);
	nb_expect("call(7) cleanup (later) done(7,26) close");
}

static struct im_handle *shared;

static void call_while_closing(void)
{
	struct im_device_call call = a_call(9);

	nb_say("late:%d", (int)im_call_device(shared, &call));
}

static void no_call_begins_on_a_handle_that_closes(void **state)
{
	(void)state;
	shared = open_handle();
	in_cleanup = call_while_closing;
	im_close_handle(shared);
	nb_expect("cleanup late:28 close");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
		TEST(a_call_is_answered_in_the_room_there_is),
		TEST(a_call_is_completed_once),
		TEST(a_device_goes_at_passive_alone),
		TEST(a_device_is_deregistered_once),
		TEST(a_handle_outlives_its_devices_name),
		TEST(a_name_can_be_used_again_while_old_handles_are_open),
		TEST(a_name_is_found_while_it_is_registered),
		TEST(a_name_is_one_devices),
		TEST(a_pended_call_is_completed_at_any_level),
		TEST(an_open_that_fails_leaves_nothing),
		TEST(an_open_wins_over_a_deregistration),
		TEST(cleanup_brings_pended_calls_to_their_end),
		TEST(cleanup_is_optional),
		TEST(close_waits_for_the_last_call),
		TEST(devices_are_listed_with_their_handles),
		TEST(no_call_begins_on_a_handle_that_closes),
		TEST(no_memory_is_a_refusal),
		TEST(unload_waits_for_the_last_close),
		TEST(what_is_incomplete_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
