/* SPDX-License-Identifier: BSD-3-Clause */
/* Control devices by one that a test registers: what its dispatch routines may do and must not, and what the core sees
 * to around them (contract section 8). */
#include <string.h>

#include "rig.h"

enum { ECHO = 1, PEND, TOO_LONG, ASK, OPEN, WAIT_LOCKED, ASK_LOCKED, OPEN_LOCKED };

/* An open handle, which is the driver's: nothing of it hangs at the device (8.7). */
struct client {
	struct im_device_call *pended;
	bool closed;
};

static struct client clients[4];
static unsigned client_count;
static struct im_device *device;
static struct im_lock table; /* of the handles, as drivers have one */

static im_status_t open_client(struct im_device *opened, void **handle_context)
{
	assert_string_equal(im_device_name(opened), "test");
	*handle_context = &clients[client_count++];
	return IM_STATUS_SUCCESS;
}

static im_status_t echo(struct im_device_call *call)
{
	call->output_length = RTE_MIN(call->input_length, call->output_room);
	if (call->output_length > 0)
		memcpy(call->output, call->input, call->output_length);
	return IM_STATUS_SUCCESS;
}

static im_status_t ask_the_adapter(void)
{
	uint32_t speed;
	struct im_request request = {.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &speed, .length = sizeof(speed)};

	return rig_request(rig.top_binding, &request);
}

static im_status_t open_another(void)
{
	struct im_handle *handle;
	im_status_t status = host_open("test", &handle);

	if (status == IM_STATUS_SUCCESS)
		host_close(handle);
	return status;
}

static im_status_t wait_a_moment(void)
{
	struct im_event never = {0};

	im_wait_event(&never, 1);
	return IM_STATUS_SUCCESS;
}

static im_status_t with_the_table_locked(im_status_t (*what)(void))
{
	im_status_t status;

	im_acquire_spin_lock(&table);
	status = what();
	im_release_spin_lock(&table);
	return status;
}

static im_status_t call_client(void *handle_context, struct im_device_call *call)
{
	struct client *client = handle_context;

	switch (call->code) {
	case ECHO:
		return echo(call);
	case PEND:
		client->pended = call;
		return IM_STATUS_PENDING;
	case TOO_LONG:
		call->output_length = call->output_room + 1;
		return IM_STATUS_SUCCESS;
	case ASK:
		return ask_the_adapter();
	case OPEN:
		return open_another();
	case WAIT_LOCKED:
		return with_the_table_locked(wait_a_moment);
	case ASK_LOCKED:
		return with_the_table_locked(ask_the_adapter);
	case OPEN_LOCKED:
		return with_the_table_locked(open_another);
	default:
		return IM_STATUS_NOT_SUPPORTED;
	}
}

static void cancel_pended(void *handle_context)
{
	struct client *client = handle_context;

	if (client->pended != NULL)
		im_complete_device_call(client->pended, IM_STATUS_CANCELLED);
	client->pended = NULL;
}

static void close_client(void *handle_context)
{
	struct client *client = handle_context;

	client->closed = true;
}

static const struct im_device_operations operations = {
	.open = open_client, .call = call_client, .cleanup = cancel_pended, .close = close_client};

static void begin(const struct host_options *options)
{
	memset(clients, 0, sizeof(clients));
	client_count = 0;
	rig_begin(options, 0);
	rig_build(1);
	assert_int_equal(im_register_device(rig.mid->wrapper, "test", &operations, &device), IM_STATUS_SUCCESS);
}

static struct im_handle *open_test(void)
{
	struct im_handle *handle;

	assert_int_equal(host_open("test", &handle), IM_STATUS_SUCCESS);
	return handle;
}

static unsigned completions;
static im_status_t completed_with;

static void note(struct im_device_call *call, im_status_t status)
{
	(void)call;
	completions++;
	completed_with = status;
}

static im_status_t call_code(struct im_handle *handle, uint32_t code)
{
	struct im_device_call call = {.code = code};

	return host_call(handle, &call);
}

/* ---- A name and its routines -------------------------------------------------------------------------- */

static void c8_1_clients_open_a_name_and_reach_the_routines(void **state)
{
	uint8_t input[] = {1, 2, 3}, output[8] = {0};
	struct im_device_call call = {.code = ECHO,
				      .input = input,
				      .input_length = sizeof(input),
				      .output = output,
				      .output_room = sizeof(output)};
	struct im_handle *first, *second, *none;

	(void)state;
	begin(NULL);
	assert_int_equal(host_open("tes", &none), IM_STATUS_NO_SUCH_DEVICE);
	first = open_test();
	second = open_test();
	assert_int_equal(host_call(second, &call), IM_STATUS_SUCCESS);
	assert_int_equal(call.output_length, sizeof(input));
	assert_memory_equal(output, input, sizeof(input));
	host_close(second);
	assert_false(clients[0].closed);
	assert_true(clients[1].closed);
	host_close(first);
	im_deregister_device(device);
	assert_int_equal(host_open("test", &none), IM_STATUS_NO_SUCH_DEVICE);
	rig_end();
}

/* The device goes with its name and its handles, and all that it had; what a handle stood for is there after it. */
static void c8_7_c8_15_the_driver_s_state_is_not_the_device_s(void **state)
{
	struct im_handle *handle;
	unsigned objects;

	(void)state;
	begin(NULL);
	objects = host_objects("mid");
	handle = open_test();
	im_deregister_device(device);
	assert_int_equal(host_objects("mid"), objects); /* C6: the name alone */
	assert_int_equal(call_code(handle, ECHO), IM_STATUS_SUCCESS);
	assert_int_equal(im_register_device(rig.mid->wrapper, "test", &operations, &device), IM_STATUS_SUCCESS);
	host_close(open_test());
	assert_false(clients[0].closed);
	assert_true(clients[1].closed);
	host_close(handle); /* the device of the first name goes here */
	assert_true(clients[0].closed);
	assert_int_equal(host_objects("mid"), objects);
	im_deregister_device(device);
	assert_true(host_objects("mid") < objects);
	rig_end();
}

/* ---- What pends ------------------------------------------------------------------------------------------ */

static void c8_16_a_cleanup_cancels_and_nothing_else_does(void **state)
{
	struct im_device_call call = {.code = PEND, .core.completed = note};
	struct im_handle *handle, *other;

	(void)state;
	begin(NULL);
	handle = open_test();
	other = open_test();
	completions = 0;
	assert_int_equal(host_call(handle, &call), IM_STATUS_PENDING);
	host_close(other);
	assert_int_equal(completions, 0);
	host_close(handle);
	assert_int_equal(completions, 1);
	assert_int_equal(completed_with, IM_STATUS_CANCELLED);
	im_deregister_device(device);
	rig_end();
}

/* ---- Under the lock of the table ---------------------------------------------------------------------------- */

/* The core holds none of its own either, or these would never come back. */
static void c8_17_a_call_may_wait_ask_and_open_without_a_lock(void **state)
{
	struct im_handle *handle;

	(void)state;
	begin(NULL);
	handle = open_test();
	rig.nic->script.requests = RIG_AFTER;
	assert_int_equal(call_code(handle, ASK), IM_STATUS_SUCCESS);
	rig.nic->script.requests = RIG_INLINE;
	assert_int_equal(call_code(handle, OPEN), IM_STATUS_SUCCESS);
	assert_int_equal(client_count, 2);
	host_close(handle);
	im_deregister_device(device);
	rig_end();
}

static void wait_with_the_table_locked(void)
{
	begin(NULL);
	call_code(open_test(), WAIT_LOCKED);
}

static void ask_with_the_table_locked(void)
{
	begin(NULL);
	call_code(open_test(), ASK_LOCKED);
}

static void open_with_the_table_locked(void)
{
	begin(NULL);
	call_code(open_test(), OPEN_LOCKED);
}

static void c8_17_with_it_each_of_them_stops_the_firmware(void **state)
{
	(void)state;
	host_expect_stop("9.12", wait_with_the_table_locked);
	host_expect_stop("9.22", ask_with_the_table_locked);
	host_expect_stop("9.22", open_with_the_table_locked);
}

/* ---- What is answered ------------------------------------------------------------------------------------------ */

static void answer_too_long(void)
{
	begin(NULL);
	call_code(open_test(), TOO_LONG);
}

static void c8_18_an_answer_that_is_too_long_stops_the_firmware(void **state)
{
	(void)state;
	host_expect_stop("8.18", answer_too_long);
}

/* Without the verifier's stop the client gets no byte more than it has room for. */
static void c8_18_an_answer_is_cut_to_the_room_there_is(void **state)
{
	static const struct host_options counting = {
		.verify = {.action = IM_VERIFY_COUNT, .wait_limit_ms = 30000, .handler_limit_ms = 30000}};
	uint8_t output[4];
	struct im_device_call call = {.code = TOO_LONG, .output = output, .output_room = sizeof(output)};
	struct im_handle *handle;

	(void)state;
	begin(&counting);
	handle = open_test();
	assert_int_equal(host_call(handle, &call), IM_STATUS_SUCCESS);
	host_expect_counted("8.18");
	assert_int_equal(call.output_length, sizeof(output));
	host_close(handle);
	im_deregister_device(device);
	rig_end();
}

/* ---- Going -------------------------------------------------------------------------------------------------- */

static void deregister_in_a_status(void *context, uint32_t indication, const void *buffer, uint32_t length)
{
	(void)context;
	(void)indication;
	(void)buffer;
	(void)length;
	im_deregister_device(device);
}

static void deregister_at_dispatch(void)
{
	begin(NULL);
	rig.mid->protocol.status = deregister_in_a_status;
	im_indicate_status(rig.port->instance, IM_INDICATION_MEDIA_CONNECT, NULL, 0);
}

static void c8_19_a_device_goes_at_passive(void **state)
{
	(void)state;
	host_expect_stop("8.19", deregister_at_dispatch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c8_1_clients_open_a_name_and_reach_the_routines),
		cmocka_unit_test(c8_7_c8_15_the_driver_s_state_is_not_the_device_s),
		cmocka_unit_test(c8_16_a_cleanup_cancels_and_nothing_else_does),
		cmocka_unit_test(c8_17_a_call_may_wait_ask_and_open_without_a_lock),
		cmocka_unit_test(c8_17_with_it_each_of_them_stops_the_firmware),
		cmocka_unit_test(c8_18_an_answer_that_is_too_long_stops_the_firmware),
		cmocka_unit_test(c8_18_an_answer_is_cut_to_the_room_there_is),
		cmocka_unit_test(c8_19_a_device_goes_at_passive),
	};

	return host_run_tests(tests);
}
