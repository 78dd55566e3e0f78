/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests: byte counts of queries and sets, answered here or by the adapter below. */
#include <string.h>

#include "rig.h"

#define UNKNOWN_OID 0x00fffff0u

static struct im_request ask(struct im_instance *instance, uint32_t oid, void *buffer, uint32_t length,
			     im_status_t expected)
{
	struct im_request request = {.oid = oid, .buffer = buffer, .length = length, .done = 77, .needed = 77};

	assert_int_equal(im_request_instance(instance, &request), expected);
	return request;
}

static struct im_request tell(struct im_instance *instance, uint32_t oid, void *buffer, uint32_t length,
			      im_status_t expected)
{
	struct im_request request = {
		.set = true, .oid = oid, .buffer = buffer, .length = length, .done = 77, .needed = 77};

	assert_int_equal(im_request_instance(instance, &request), expected);
	return request;
}

/* ---- im_answer --------------------------------------------------------------------------------------- */

static void an_answer_is_stored_whole_or_not_at_all(void **state)
{
	uint8_t buffer[8] = {9, 9, 9, 9, 9, 9, 9, 9};
	static const uint8_t value[] = {1, 2, 3, 4, 5};
	uint32_t written = 77, needed = 77;

	(void)state;
	for (uint32_t length = 0; length < sizeof(value); length++) {
		assert_int_equal(im_answer(value, sizeof(value), buffer, length, &written, &needed),
				 IM_STATUS_BUFFER_TOO_SHORT);
		assert_int_equal(written, 0);
		assert_int_equal(needed, sizeof(value)); /* the total, not what is missing (C2) */
		assert_int_equal(buffer[0], 9);
	}
	for (uint32_t length = sizeof(value); length <= sizeof(buffer); length++) {
		assert_int_equal(im_answer(value, sizeof(value), buffer, length, &written, &needed), IM_STATUS_SUCCESS);
		assert_int_equal(written, sizeof(value));
		assert_int_equal(needed, 0);
		assert_memory_equal(buffer, value, sizeof(value));
		assert_int_equal(buffer[5], 9); /* nothing beyond */
	}
}

static void an_empty_answer_needs_no_buffer(void **state)
{
	uint32_t written = 77, needed = 77;

	(void)state;
	assert_int_equal(im_answer("", 0, NULL, 0, &written, &needed), IM_STATUS_SUCCESS);
	assert_int_equal(written, 0);
	assert_int_equal(needed, 0);
}

static void a_counter_has_eight_bytes_or_four(void **state)
{
	const uint64_t value = 0x1122334455667788ull;
	uint64_t buffer;
	uint32_t written, needed;

	(void)state;
	for (uint32_t length = 0; length <= sizeof(buffer); length++) {
		im_status_t status;

		buffer = 0;
		status = im_answer_counter(value, &buffer, length, &written, &needed);
		if (length < 4) {
			assert_int_equal(status, IM_STATUS_BUFFER_TOO_SHORT);
			assert_int_equal(written, 0);
			assert_int_equal(needed, 8); /* a probe learns the whole size (6.5) */
			assert_int_equal(buffer, 0);
		} else if (length < 8) {
			assert_int_equal(status, IM_STATUS_SUCCESS);
			assert_int_equal(written, 4);
			assert_int_equal(needed, 8); /* 6.6 */
			assert_int_equal(buffer, 0x55667788);
		} else {
			assert_int_equal(status, IM_STATUS_SUCCESS);
			assert_int_equal(written, 8);
			assert_int_equal(needed, 0);
			assert_int_equal(buffer, value);
		}
	}
}

/* ---- Through the core and relays ---------------------------------------------------------------------- */

static void a_relay_answers_what_is_its_own(void **state)
{
	char text[16];
	uint32_t version = 0;
	struct im_request request;

	(void)state;
	rig_up("nic", 1);
	request = ask(im_find_instance("r0"), SLUICE_OID_GEN_VENDOR_DESCRIPTION, text, sizeof(text), IM_STATUS_SUCCESS);
	assert_int_equal(request.done, 5);
	assert_memory_equal(text, "relay", 5);
	request = ask(im_find_instance("r0"), SLUICE_OID_GEN_VENDOR_DESCRIPTION, text, 4, IM_STATUS_BUFFER_TOO_SHORT);
	assert_int_equal(request.done, 0);
	assert_int_equal(request.needed, 5);
	request = ask(im_find_instance("r0"), SLUICE_OID_GEN_VENDOR_DRIVER_VERSION, &version, 4, IM_STATUS_SUCCESS);
	assert_int_equal(version, 0x10000);
	rig_down();
}

static void a_relay_forwards_the_rest_with_its_byte_counts(void **state)
{
	uint32_t value = 0;
	struct im_request request;

	(void)state;
	rig_up("nic", 3);
	request = ask(im_find_instance("r0"), SLUICE_OID_GEN_LINK_SPEED, &value, sizeof(value), IM_STATUS_SUCCESS);
	assert_int_equal(request.done, 4);
	assert_int_equal(request.needed, 0);
	assert_int_equal(value, 10000);
	request = ask(im_find_instance("r0"), SLUICE_OID_GEN_LINK_SPEED, &value, 3, IM_STATUS_BUFFER_TOO_SHORT);
	assert_int_equal(request.done, 0);
	assert_int_equal(request.needed, 4);
	request = ask(im_find_instance("r0"), SLUICE_OID_GEN_LINK_SPEED, NULL, 0, IM_STATUS_BUFFER_TOO_SHORT);
	assert_int_equal(request.needed, 4); /* a size probe (6.5) */
	request = tell(im_find_instance("r0"), SLUICE_OID_GEN_CURRENT_LOOKAHEAD, &value, 4, IM_STATUS_SUCCESS);
	assert_int_equal(request.done, 4); /* 6.9 */
	request = tell(im_find_instance("r0"), SLUICE_OID_GEN_CURRENT_LOOKAHEAD, &value, 2, IM_STATUS_INVALID_LENGTH);
	assert_int_equal(request.done, 0);
	assert_int_equal(request.needed, 4); /* 6.7 */
	rig_down();
}

static void what_nobody_knows_is_not_supported(void **state)
{
	uint8_t buffer[8];
	struct im_request request;

	(void)state;
	rig_up("nic", 2);
	request = ask(im_find_instance("r0"), UNKNOWN_OID, buffer, sizeof(buffer), IM_STATUS_NOT_SUPPORTED);
	assert_int_equal(request.done, 0); /* the counts are zeroed at entry (6.2, 6.10) */
	assert_int_equal(request.needed, 0);
	request = tell(im_find_instance("r0"), UNKNOWN_OID, buffer, sizeof(buffer), IM_STATUS_NOT_SUPPORTED);
	assert_int_equal(request.done, 0);
	rig_down();
}

static uint64_t counter(const char *instance, uint32_t oid)
{
	uint64_t value = 0;

	ask(im_find_instance(instance), oid, &value, sizeof(value), IM_STATUS_SUCCESS);
	return value;
}

/* Sent frames are counted as they were completed, received ones as they were handed on (4.36). */
static void counters_of_a_vnic_follow_the_completions(void **state)
{
	struct im_packet *packets[10];

	(void)state;
	rig_core_up("nic");
	assert_int_equal(rig_bind(RIG_PICKY, "nic", "p"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("top", "p", "top"), IM_STATUS_SUCCESS);
	im_restart(im_find_instance("nic"));
	im_restart(im_find_instance("p"));
	rig_packets(packets, 10); /* five of them odd: the driver passes these and fails the others */
	im_send_packets(rig_top.binding, packets, 10);
	assert_int_equal(counter("p", SLUICE_OID_GEN_XMIT_OK), 5);
	assert_int_equal(counter("p", SLUICE_OID_GEN_XMIT_ERROR), 5);
	im_indicate_receive_packets(rig_nic.instance, packets, 4);
	assert_int_equal(rig_top.received.count, 2);
	assert_int_equal(counter("p", SLUICE_OID_GEN_RCV_OK), 2);
	rig_packets_free(packets, 10);
	rig_down();
}

static im_status_t closing_status;

static void ask_while_closing(void *context)
{
	struct rig_top *top = context;
	uint32_t value;
	struct im_request request = {.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &value, .length = sizeof(value)};

	closing_status = im_request(top->binding, &request);
	im_close_adapter(top->binding);
	top->binding = NULL;
}

static void a_closing_binding_asks_nothing(void **state)
{
	(void)state;
	rig_up("nic", 0);
	rig_top.binding->protocol->handlers.unbind_adapter = ask_while_closing;
	im_unbind(rig_top.binding);
	assert_int_equal(closing_status, IM_STATUS_CLOSING);
	rig_down();
}

/* ---- What aborts -------------------------------------------------------------------------------------- */

static im_status_t overrun(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			   uint32_t *needed)
{
	(void)context, (void)oid, (void)buffer, (void)needed;
	*written = length + 1;
	return IM_STATUS_SUCCESS;
}

static im_status_t overread(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
			    uint32_t *needed)
{
	(void)context, (void)oid, (void)buffer, (void)needed;
	*read = length + 1;
	return IM_STATUS_SUCCESS;
}

static im_status_t pend(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written, uint32_t *needed)
{
	(void)context, (void)oid, (void)buffer, (void)length, (void)written, (void)needed;
	return IM_STATUS_PENDING;
}

static void query_overruns(void)
{
	uint8_t byte;
	struct im_request request = {.oid = 1, .buffer = &byte, .length = 1};

	rig_core_up("nic");
	rig_nic.instance->miniport->handlers.query_information = overrun;
	im_request_instance(rig_nic.instance, &request);
}

static void set_overreads(void)
{
	uint8_t byte = 0;
	struct im_request request = {.set = true, .oid = 1, .buffer = &byte, .length = 1};

	rig_core_up("nic");
	rig_nic.instance->miniport->handlers.set_information = overread;
	im_request_instance(rig_nic.instance, &request);
}

static void query_pends(void)
{
	uint8_t byte;
	struct im_request request = {.oid = 1, .buffer = &byte, .length = 1};

	rig_core_up("nic");
	rig_nic.instance->miniport->handlers.query_information = pend;
	im_request_instance(rig_nic.instance, &request);
}

static void breaches_abort_with_their_statement(void **state)
{
	(void)state;
	rig_expect_violation("6.3", query_overruns);
	rig_expect_violation("6.3", set_overreads);
	rig_expect_violation("6.11", query_pends);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_stored_whole_or_not_at_all),
		cmocka_unit_test(an_empty_answer_needs_no_buffer),
		cmocka_unit_test(a_counter_has_eight_bytes_or_four),
		cmocka_unit_test(a_relay_answers_what_is_its_own),
		cmocka_unit_test(a_relay_forwards_the_rest_with_its_byte_counts),
		cmocka_unit_test(what_nobody_knows_is_not_supported),
		cmocka_unit_test(counters_of_a_vnic_follow_the_completions),
		cmocka_unit_test(a_closing_binding_asks_nothing),
		cmocka_unit_test(breaches_abort_with_their_statement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
