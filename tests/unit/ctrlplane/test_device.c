/* SPDX-License-Identifier: BSD-3-Clause */
/* Control devices through a mailbox: handles, calls, calls that pend, and what a client leaves behind. */
#include <string.h>

#include "../edge/eal.h"
#include "client.h"
#include "gadget.h"

#define ARGUMENT(n) (SLUICE_ERROR_IN_COMMAND | (uint32_t)(offsetof(struct sluice_command, arg) + (n)*8))

static const char device[SLUICE_NAME_SIZE] = GADGET_DEVICE;

static int up(void **state)
{
	(void)state;
	machine_up(0, 0);
	memset(&gadget, 0, sizeof(gadget));
	assert_int_equal(im_load_driver(GADGET_DRIVER, gadget_entry, "test"), IM_STATUS_SUCCESS);
	machine_bind(GADGET_DRIVER, "wire0", "g0");
	client_up();
	return 0;
}

static int down(void **state)
{
	(void)state;
	client_down();
	assert_int_equal(gadget.opened, gadget.closed);
	assert_int_equal(gadget.cleaned, gadget.closed);
	machine_down();
	return 0;
}

static uint64_t open_device(void)
{
	expect(DEVICE_OPEN, 0, device, sizeof(device), OK);
	return client.call.result;
}

static void expect_call(int line, uint64_t handle, uint64_t code, const char *input, enum sluice_status status)
{
	client_expect(line, SLUICE_OP_DEVICE_CALL, handle, code, input, (uint32_t)strlen(input), status);
}

/* ---- Handles ----------------------------------------------------------------------------------------- */

/* contract: 8.1 */
static void a_device_is_opened_called_and_closed(void **state)
{
	uint64_t handle = open_device();

	(void)state;
	expect_call(__LINE__, handle, GADGET_ECHO, "hello", SLUICE_STATUS_OK);
	assert_int_equal(client.call.reply_length, 5);
	assert_int_equal(client.call.result, IM_STATUS_SUCCESS);
	assert_memory_equal(client.reply, "hello", 5);
	expect(DEVICE_CLOSE, handle, NULL, 0, OK);
	assert_int_equal(gadget.closed, 1);
}

static void a_number_stands_for_one_open_handle_only(void **state)
{
	uint64_t first = open_device(), second = open_device(), third;

	(void)state;
	assert_int_not_equal(first, second);
	expect(DEVICE_CLOSE, first, NULL, 0, OK);
	expect(DEVICE_CLOSE, first, NULL, 0, HANDLE_INVALID);
	assert_int_equal(client.call.error_offset, ARGUMENT(0));
	third = open_device(); /* in the place of the first */
	assert_int_not_equal(third, first);
	expect_call(__LINE__, first, GADGET_ECHO, "x", SLUICE_STATUS_HANDLE_INVALID);
	expect_call(__LINE__, third, GADGET_ECHO, "x", SLUICE_STATUS_OK);
	expect_call(__LINE__, 0, GADGET_ECHO, "x", SLUICE_STATUS_HANDLE_INVALID);
	expect_call(__LINE__, UINT64_MAX, GADGET_ECHO, "x", SLUICE_STATUS_HANDLE_INVALID);
	expect_call(__LINE__, third | 1ull << 60, GADGET_ECHO, "x", SLUICE_STATUS_HANDLE_INVALID);
	expect_call(__LINE__, third, 1ull << 32 | GADGET_ECHO, "x", SLUICE_STATUS_BAD_VALUE);
	assert_int_equal(client.call.error_offset, ARGUMENT(1));
}

static void a_client_has_a_bounded_number_of_handles(void **state)
{
	uint64_t handle = 0;

	(void)state;
	for (uint32_t i = 0; i < SESSION_HANDLES; i++)
		handle = open_device();
	expect(DEVICE_OPEN, 0, device, sizeof(device), TOO_MANY_HANDLES);
	expect(DEVICE_CLOSE, handle, NULL, 0, OK);
	open_device();
}

static void a_device_that_is_not_there_cannot_be_opened(void **state)
{
	static const char nobody[SLUICE_NAME_SIZE] = "nobody", bad[SLUICE_NAME_SIZE] = "a b";

	(void)state;
	expect(DEVICE_OPEN, 0, nobody, sizeof(nobody), DEVICE_NOT_FOUND);
	assert_int_equal(client.call.result, IM_STATUS_NO_SUCH_DEVICE);
	expect(DEVICE_OPEN, 0, bad, sizeof(bad), BAD_NAME);
	assert_int_equal(client.call.error_offset, 1);
	assert_int_equal(im_unbind_over("wire0"), IM_STATUS_SUCCESS);
	expect(DEVICE_OPEN, 0, device, sizeof(device), DEVICE_NOT_FOUND);
}

static void devices_are_listed_with_their_handles(void **state)
{
	const struct sluice_list *list = (const void *)client.reply;
	const struct sluice_device_record *record = (const void *)((const uint8_t *)client.reply + sizeof(*list));

	(void)state;
	open_device();
	open_device();
	expect(DEVICE_LIST, 0, NULL, 0, OK);
	assert_int_equal(list->total, 2); /* the filter's, and ... */
	if (strcmp(record->name, GADGET_DEVICE) != 0)
		record++;
	assert_string_equal(record->name, GADGET_DEVICE);
	assert_string_equal(record->driver, GADGET_DRIVER);
	assert_int_equal(record->handles, 2);
}

/* ---- Calls ------------------------------------------------------------------------------------------- */

static void what_a_driver_refuses_comes_with_its_answer(void **state)
{
	uint64_t handle = open_device();

	(void)state;
	expect_call(__LINE__, handle, GADGET_REFUSE, "", SLUICE_STATUS_REQUEST_FAILED);
	assert_int_equal(client.call.result, IM_STATUS_INVALID_DATA);
	assert_int_equal(client.call.reply_length, 3);
	assert_memory_equal(client.reply, "no!", 3);
	expect_call(__LINE__, handle, 77, "", SLUICE_STATUS_REQUEST_FAILED);
	assert_int_equal(client.call.result, IM_STATUS_NOT_SUPPORTED);
	assert_int_equal(client.call.reply_length, 0);
}

/* A driver may complete at DISPATCH, where nobody may sleep: the mailbox hears of it from a control thread. */
static void a_call_that_pends_is_completed_later(void **state)
{
	uint64_t handle = open_device();

	(void)state;
	assert_false(client_begin(SLUICE_OP_DEVICE_CALL, handle, GADGET_PEND, "", 0));
	memcpy(gadget.pended->output, "late", 4);
	gadget.pended->output_length = 4;
	im_complete_device_call(gadget.pended, IM_STATUS_SUCCESS);
	gadget.pended = NULL;
	assert_false(client.complete);
	assert_int_equal(client_wait(), SLUICE_STATUS_OK);
	assert_int_equal(client.call.reply_length, 4);
	assert_memory_equal(client.reply, "late", 4);
}

/* contract: 8.16 */
static void the_end_of_a_client_cancels_what_pends_and_closes(void **state)
{
	uint64_t handle;
	void *session = client.session;

	(void)state;
	open_device();
	handle = open_device();
	assert_true(session_ops.session_is_slow(&machine.control, session));
	assert_false(client_begin(SLUICE_OP_DEVICE_CALL, handle, GADGET_PEND, "", 0));
	session_ops.session_close(&machine.control, session);
	assert_int_equal(client_wait(), SLUICE_STATUS_CANCELLED);
	assert_int_equal(gadget.closed, 2);
	client_up(); /* for down() */
	assert_false(session_ops.session_is_slow(&machine.control, client.session));
}

static void without_memory_nothing_is_opened_or_called(void **state)
{
	uint64_t handle = open_device();
	int64_t allocations = machine_allocations;

	(void)state;
	machine_fail_allocation = 1;
	expect(DEVICE_OPEN, 0, device, sizeof(device), NO_MEMORY);
	machine_fail_allocation = 1;
	expect_call(__LINE__, handle, GADGET_ECHO, "x", SLUICE_STATUS_NO_MEMORY);
	assert_int_equal(machine_allocations, allocations);
	expect_call(__LINE__, handle, GADGET_ECHO, "x", SLUICE_STATUS_OK);
}

int main(void)
{
#define WITH_CLIENT(test) cmocka_unit_test_setup_teardown(test, up, down)
	const struct CMUnitTest tests[] = {
		WITH_CLIENT(a_device_is_opened_called_and_closed),
		WITH_CLIENT(a_number_stands_for_one_open_handle_only),
		WITH_CLIENT(a_client_has_a_bounded_number_of_handles),
		WITH_CLIENT(a_device_that_is_not_there_cannot_be_opened),
		WITH_CLIENT(devices_are_listed_with_their_handles),
		WITH_CLIENT(what_a_driver_refuses_comes_with_its_answer),
		WITH_CLIENT(a_call_that_pends_is_completed_later),
		WITH_CLIENT(the_end_of_a_client_cancels_what_pends_and_closes),
		WITH_CLIENT(without_memory_nothing_is_opened_or_called),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
