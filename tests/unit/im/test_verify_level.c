/* SPDX-License-Identifier: BSD-3-Clause */
/* Levels, locks and handlers of each thread. */
#include <stdio.h>

#include "im/verify/verifier.h"
#include "watched.h"

static struct im_lock lock;
static const char *call; /* for passive_call() and unlocked_call() */
static bool allowed;

static void passive_call(void)
{
	allowed = im_passive_call(call);
}

static void locked_passive_call(void)
{
	im_acquire_spin_lock(&lock);
	allowed = im_passive_call(call);
	im_release_spin_lock(&lock);
}

static void unlocked_call(void)
{
	im_acquire_spin_lock(&lock);
	im_unlocked_call(call);
	im_release_spin_lock(&lock);
}

/* ---- Handlers -------------------------------------------------------------------------------------- */

static void note_level(void)
{
	assert_int_equal(im_this_worker->level, IM_LEVEL_DISPATCH);
	assert_string_equal(im_running_driver(), "mad");
	assert_ptr_equal(im_running_object(), &watched_instance);
}

static void nested(void)
{
	watched_in_handler(IM_HANDLER_send_packets, note_level);
	assert_int_equal(im_this_worker->level, IM_LEVEL_PASSIVE); /* as the outer one has it */
	assert_string_equal(im_running_driver(), "mad");
}

static void handlers_have_their_level(void **state)
{
	(void)state;
	watched_in_handler(IM_HANDLER_initialize, nested);
	assert_string_equal(im_running_driver(), "the core");
	assert_null(im_running_object());
	watched_expect_none();
}

static void nothing(void)
{
}

static void initialize_inside(void)
{
	watched_in_handler(IM_HANDLER_initialize, nothing);
}

/* contract: 9.2 */
static void passive_handler_at_dispatch(void **state)
{
	(void)state;
	watched_in_handler(IM_HANDLER_receive_packets, initialize_inside);
	watched_expect("9.2", "the core", "called initialize of driver 'mad' at DISPATCH");
}

static void entry_is_known_by_its_driver_object(void **state)
{
	struct im_frame frame;

	(void)state;
	im_enter(&frame, IM_HANDLER_driver_entry, NULL, &watched_driver);
	assert_string_equal(im_running_driver(), "mad");
	im_leave(&frame);
}

static void names_stay_when_drivers_go(void **state)
{
	struct im_driver_object object = {.name = "transient"};
	struct im_wrapper wrapper = {.object = &object};
	const char *name = im_kept_name(&wrapper);

	(void)state;
	snprintf(object.name, sizeof(object.name), "overwritten");
	assert_string_equal(name, "transient");
	assert_string_equal(im_kept_name(NULL), "the core");
}

/* ---- Calls ----------------------------------------------------------------------------------------- */

/* contract: 9.4 9.12 9.29 */
static void calls_have_their_statement(void **state)
{
	static const struct {
		const char *call;
		const char *statement;
	} calls[] = {
		{"im_register_protocol", "9.3"},   {"im_initialize_device_instance", "9.3"},
		{"im_get_binding_context", "9.4"}, {"im_wait_event", "9.12"},
		{"im_cancel_timer", "9.29"},	   {"im_allocate_memory", "12.24"},
		{"im_deregister_device", "8.19"},
	};

	(void)state;
	for (uint32_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		call = calls[i].call;
		watched_in_handler(IM_HANDLER_initialize, passive_call);
		assert_true(allowed);
		watched_expect_none();
		watched_in_handler(IM_HANDLER_status, passive_call);
		assert_false(allowed);
		watched_expect(calls[i].statement, "mad", "which is for PASSIVE, at DISPATCH");
	}
}

/* contract: 9.22 */
static void passive_call_with_a_lock(void **state)
{
	(void)state;
	call = "im_request";
	watched_in_handler(IM_HANDLER_initialize, locked_passive_call);
	assert_false(allowed);
	watched_expect("9.22", "mad", "called im_request with a spin lock held");
}

/* contract: 9.22 */
static void any_call_with_a_lock(void **state)
{
	(void)state;
	call = "im_indicate_status";
	watched_in_handler(IM_HANDLER_send_packets, unlocked_call);
	watched_expect("9.22", "mad", "called im_indicate_status with a spin lock held");
}

/* contract: 9.22 */
static void packet_calls_with_a_lock(void **state)
{
	struct im_packet *packet = watched_packet();

	(void)state;
	im_acquire_spin_lock(&lock);
	im_send_packets(watched.top_binding, &packet, 1);
	watched_expect("9.22", "the core", "called im_send_packets with a spin lock held");
	im_release_spin_lock(&lock);
	packet->status = IM_STATUS_SUCCESS;
	im_send_complete(watched.nic, &packet, 1); /* it went all the same */
	assert_int_equal(watched.done.count, 1);
}

static void deinitialize_at_dispatch(struct im_packet **packets, uint16_t count)
{
	(void)packets;
	(void)count;
	assert_int_equal(im_deinitialize_device_instance(watched.mid), IM_STATUS_FAILURE);
}

/* The driver is named whose handler is innermost. */
/* contract: 9.3 */
static void wrong_level_in_a_stack(void **state)
{
	struct im_packet *packet = watched_packet();

	(void)state;
	watched.in_done = deinitialize_at_dispatch;
	im_send_packets(watched.top_binding, &packet, 1);
	packet->status = IM_STATUS_SUCCESS;
	im_send_complete(watched.nic, &packet, 1);
	watched_expect("9.3", "top", "called im_deinitialize_device_instance");
	assert_non_null(watched.mid);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WATCHED_TEST(any_call_with_a_lock),
		WATCHED_TEST(calls_have_their_statement),
		WATCHED_TEST(entry_is_known_by_its_driver_object),
		WATCHED_TEST(handlers_have_their_level),
		WATCHED_TEST(names_stay_when_drivers_go),
		WATCHED_TEST(packet_calls_with_a_lock),
		WATCHED_TEST(passive_call_with_a_lock),
		WATCHED_TEST(passive_handler_at_dispatch),
		WATCHED_TEST(wrong_level_in_a_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
