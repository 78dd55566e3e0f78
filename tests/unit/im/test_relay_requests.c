/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests to a relay: who answers (6.27-6.46), and those that pend, are parked, or are cancelled (6.20-6.24). */
#include <string.h>

#include "../edge/eal.h"
#include "bed.h"

static uint32_t written, needed;
static uint32_t value;

/* ---- Who answers ------------------------------------------------------------------------------------- */

/* 6.46: exactly what the list names is answered, over an adapter that knows a few. */
/* contract: 6.31 6.46 12.42 */
static void what_is_listed_is_answered_and_nothing_else(void **state)
{
#define X(name, number, type, settable, text) number,
	static const uint32_t all[] = {SLUICE_OID_TABLE(X)};
#undef X
	static const uint32_t known[] = {SLUICE_OID_GEN_SUPPORTED_LIST,	       SLUICE_OID_GEN_LINK_SPEED,
					 SLUICE_OID_GEN_CURRENT_PACKET_FILTER, SLUICE_OID_PNP_ENABLE_WAKE_UP,
					 SLUICE_OID_PNP_ADD_WAKE_UP_PATTERN,   SLUICE_OID_PNP_CAPABILITIES};
	uint32_t list[128], count;

	(void)state;
	bed_up(2);
	memcpy(bed_nic.oids, known, sizeof(known));
	bed_nic.oid_count = RTE_DIM(known);
	assert_int_equal(bed_query("r0", SLUICE_OID_GEN_SUPPORTED_LIST, list, sizeof(list), &written, &needed),
			 IM_STATUS_SUCCESS);
	count = written / 4;
	for (size_t i = 0; i < RTE_DIM(all); i++) {
		uint8_t buffer[256] = {1};
		bool listed = false, answered;

		for (uint32_t k = 0; k < count; k++)
			listed |= list[k] == all[i];
		answered =
			bed_query("r0", all[i], buffer, sizeof(buffer), &written, &needed) != IM_STATUS_NOT_SUPPORTED ||
			(bed_set("r0", all[i], buffer, 4) != IM_STATUS_NOT_SUPPORTED &&
			 all[i] != SLUICE_OID_PNP_SET_POWER);
		if (answered != listed && all[i] != SLUICE_OID_PNP_SET_POWER)
			fail_msg("OID %08x: listed %d, answered %d", all[i], listed, answered);
	}
	bed_down();
}

/* contract: 6.4 6.31 */
static void a_list_that_does_not_fit_says_how_long_it_is(void **state)
{
	uint32_t list[128], size;

	(void)state;
	bed_up(1);
	assert_int_equal(bed_query("r0", SLUICE_OID_GEN_SUPPORTED_LIST, list, 4, &written, &needed),
			 IM_STATUS_BUFFER_TOO_SHORT);
	assert_int_equal(written, 0);
	size = needed;
	assert_int_equal(bed_query("r0", SLUICE_OID_GEN_SUPPORTED_LIST, list, size, &written, &needed),
			 IM_STATUS_SUCCESS);
	assert_int_equal(written, size);
	bed_down();
}

static void what_is_the_adapters_is_asked_of_it(void **state)
{
	(void)state;
	bed_up(2);
	bed_nic.value = 4711;
	assert_int_equal(bed_query("r0", SLUICE_OID_GEN_LINK_SPEED, &value, 4, &written, &needed), IM_STATUS_SUCCESS);
	assert_int_equal(value, 4711);
	assert_int_equal(written, 4);
	assert_int_equal(bed_query("r0", SLUICE_OID_GEN_LINK_SPEED, &value, 2, &written, &needed),
			 IM_STATUS_BUFFER_TOO_SHORT);
	assert_int_equal(needed, 4);
	value = 0x2f;
	assert_int_equal(bed_set("r0", SLUICE_OID_GEN_CURRENT_PACKET_FILTER, &value, 4), IM_STATUS_SUCCESS);
	assert_int_equal(bed_nic.value, 0x2f);
	bed_expect_said("query:00010107 query:00010107 set:0001010e/4");
	bed_down();
}

/* 6.27, 6.28, 6.32: not a word of these goes down. */
/* contract: 6.27 6.28 6.32 */
static void power_and_guids_are_never_forwarded(void **state)
{
	uint32_t d3 = IM_POWER_D3, none = 9;
	struct im_request query = {.oid = SLUICE_OID_PNP_QUERY_POWER, .buffer = &d3, .length = 4};
	struct im_request shorter = {.set = true, .oid = SLUICE_OID_PNP_SET_POWER, .buffer = &d3, .length = 2};
	struct im_request wrong = {.set = true, .oid = SLUICE_OID_PNP_SET_POWER, .buffer = &none, .length = 4};

	(void)state;
	bed_up(1);
	assert_int_equal(im_request_instance(im_find_instance("r0"), &query), IM_STATUS_SUCCESS);
	assert_int_equal(im_request_instance(im_find_instance("r0"), &shorter), IM_STATUS_INVALID_LENGTH);
	assert_int_equal(shorter.needed, 4);
	assert_int_equal(im_request_instance(im_find_instance("r0"), &wrong), IM_STATUS_NOT_ACCEPTED);
	assert_int_equal(bed_query("r0", SLUICE_OID_GEN_SUPPORTED_GUIDS, &value, 4, &written, &needed),
			 IM_STATUS_NOT_SUPPORTED);
	bed_expect_said("");
	bed_down();
}

/* 6.29: it reports what the adapter does, but wakes nobody itself. */
/* contract: 6.29 11.39 */
static void wake_up_members_are_unspecified(void **state)
{
	uint32_t capabilities[3] = {9, 9, 9};

	(void)state;
	bed_up(1);
	assert_int_equal(bed_query("r0", SLUICE_OID_PNP_CAPABILITIES, capabilities, 12, &written, &needed),
			 IM_STATUS_SUCCESS);
	assert_int_equal(written, 12);
	assert_int_equal(capabilities[0] | capabilities[1] | capabilities[2], 0);
	bed_expect_said("query:fd010100");
	bed_nic.oids[0] = SLUICE_OID_GEN_LINK_SPEED;
	bed_nic.oid_count = 1; /* an adapter that knows no power (11.39) */
	assert_int_equal(bed_query("r0", SLUICE_OID_PNP_CAPABILITIES, capabilities, 12, &written, &needed),
			 IM_STATUS_NOT_SUPPORTED);
	bed_down();
}

/* 4.36, 6.40: as the sends were completed, and what was indicated; each original once. */
/* contract: 6.6 6.40 */
static void statistics_are_its_own(void **state)
{
	struct im_packet *packets[5];
	uint64_t counter = 0;

	(void)state;
	bed_up(1);
	bed_make(packets, 0, 5, 1);
	bed_nic.keeps = true;
	im_send_packets(bed_top.binding, packets, 5);
	bed_complete(0, 3, IM_STATUS_SUCCESS);
	bed_complete(3, 2, IM_STATUS_FAILURE);
	for (uint32_t i = 0; i < 4; i++)
		packets[i]->status = IM_STATUS_SUCCESS;
	im_indicate_receive_packets(bed_nic.instance, packets, 4);
	assert_int_equal(bed_query("r0", SLUICE_OID_GEN_XMIT_OK, &counter, 8, &written, &needed), IM_STATUS_SUCCESS);
	assert_int_equal(counter, 3);
	assert_int_equal(bed_query("r0", SLUICE_OID_GEN_XMIT_ERROR, &counter, 8, &written, &needed), IM_STATUS_SUCCESS);
	assert_int_equal(counter, 2);
	assert_int_equal(bed_query("r0", SLUICE_OID_GEN_RCV_OK, &counter, 4, &written, &needed), IM_STATUS_SUCCESS);
	assert_int_equal(written, 4);
	assert_int_equal(needed, 8); /* 6.6 */
	assert_int_equal((uint32_t)counter, 4);
	bed_expect_said("");
	bed_unmake(packets, 5);
	bed_down();
}

/* ---- Pended ------------------------------------------------------------------------------------------ */

static struct im_request asked;

static void ask(uint32_t oid, bool set)
{
	asked = (struct im_request){.oid = oid, .set = set, .buffer = &value, .length = 4};
	assert_int_equal(im_request(bed_top.binding, &asked), IM_STATUS_PENDING);
}

static im_status_t answer_of_asked;

static void note_completion(void *context, struct im_request *request, im_status_t status)
{
	(void)context;
	assert_ptr_equal(request, &asked);
	answer_of_asked = status;
	bed_say("completed:%u", status);
}

static void up_and_watch(uint32_t levels)
{
	bed_up(levels);
	im_find_driver("top")->wrapper->protocol->handlers.request_complete = note_completion;
	bed_nic.request = IM_STATUS_PENDING;
}

static void down(void)
{
	bed_nic.request = IM_STATUS_SUCCESS;
	bed_down();
}

static void a_request_that_pends_below_completes_once(void **state)
{
	(void)state;
	up_and_watch(2);
	ask(SLUICE_OID_GEN_LINK_SPEED, false);
	bed_expect_said("query:00010107");
	*bed_nic.done = 4;
	im_query_information_complete(bed_nic.instance, IM_STATUS_SUCCESS);
	im_run_work();
	bed_expect_said("completed:0");
	assert_int_equal(asked.done, 4);
	ask(SLUICE_OID_GEN_CURRENT_LOOKAHEAD, true);
	*bed_nic.done = 4;
	im_set_information_complete(bed_nic.instance, IM_STATUS_SUCCESS);
	bed_expect_said("set:0001010f/4 completed:0");
	down();
}

/* contract: 6.23 */
static void a_request_that_is_cancelled_completes_once(void **state)
{
	char text[64];

	(void)state;
	up_and_watch(2);
	ask(SLUICE_OID_GEN_LINK_SPEED, false);
	im_cancel_request(bed_top.binding, &asked);
	bed_expect_said("query:00010107 cancel-request"); /* passed down (6.23) */
	im_query_information_complete(bed_nic.instance, IM_STATUS_REQUEST_ABORTED);
	im_run_work();
	snprintf(text, sizeof(text), "completed:%u", IM_STATUS_REQUEST_ABORTED);
	bed_expect_said(text);
	im_cancel_request(bed_top.binding, &asked); /* too late */
	bed_expect_said("");
	down();
}

/* ---- Parked ------------------------------------------------------------------------------------------ */

/* contract: 6.24 7.23 7.24 */
static void a_request_to_a_sleeping_adapter_waits_for_it(void **state)
{
	(void)state;
	up_and_watch(2);
	bed_nic.request = IM_STATUS_SUCCESS;
	bed_nic.value = 99;
	assert_int_equal(im_set_power(bed_nic.instance, IM_POWER_D3), IM_STATUS_SUCCESS);
	ask(SLUICE_OID_GEN_LINK_SPEED, false);
	bed_expect_said("");
	assert_int_equal(im_set_power(bed_nic.instance, IM_POWER_D0), IM_STATUS_SUCCESS);
	bed_expect_said("query:00010107 completed:0"); /* 7.24 */
	assert_int_equal(value, 99);
	down();
}

/* contract: 6.23 6.24 */
static void a_parked_request_can_be_cancelled(void **state)
{
	char text[64];

	(void)state;
	up_and_watch(1);
	assert_int_equal(im_set_power(bed_nic.instance, IM_POWER_D3), IM_STATUS_SUCCESS);
	ask(SLUICE_OID_GEN_LINK_SPEED, false);
	im_cancel_request(bed_top.binding, &asked);
	snprintf(text, sizeof(text), "completed:%u", IM_STATUS_REQUEST_ABORTED);
	bed_expect_said(text);
	bed_nic.request = IM_STATUS_SUCCESS;
	assert_int_equal(im_set_power(bed_nic.instance, IM_POWER_D0), IM_STATUS_SUCCESS);
	bed_expect_said(""); /* it does not go down after all */
	down();
}

/* 6.24, 11.26: the unbind does not wait for power. */
/* contract: 6.24 11.26 */
static void an_unbind_fails_the_parked_request(void **state)
{
	(void)state;
	up_and_watch(1);
	assert_int_equal(im_set_power(bed_nic.instance, IM_POWER_D3), IM_STATUS_SUCCESS);
	ask(SLUICE_OID_GEN_LINK_SPEED, false);
	im_unbind(bed_relay("r0")->below);
	assert_null(im_find_instance("r0"));
	assert_int_not_equal(answer_of_asked, IM_STATUS_SUCCESS);
	assert_int_equal(im_set_power(bed_nic.instance, IM_POWER_D0), IM_STATUS_SUCCESS);
	down();
}

/* contract: 6.24 6.25 */
static void halting_the_vnic_fails_the_parked_request(void **state)
{
	(void)state;
	up_and_watch(1);
	answer_of_asked = IM_STATUS_SUCCESS;
	assert_int_equal(im_set_power(bed_nic.instance, IM_POWER_D3), IM_STATUS_SUCCESS);
	ask(SLUICE_OID_GEN_LINK_SPEED, false);
	assert_int_equal(im_deinitialize_device_instance(im_find_instance("r0")), IM_STATUS_SUCCESS);
	assert_int_not_equal(answer_of_asked, IM_STATUS_SUCCESS);
	assert_int_equal(im_set_power(bed_nic.instance, IM_POWER_D0), IM_STATUS_SUCCESS);
	down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_listed_is_answered_and_nothing_else),
		cmocka_unit_test(a_list_that_does_not_fit_says_how_long_it_is),
		cmocka_unit_test(what_is_the_adapters_is_asked_of_it),
		cmocka_unit_test(power_and_guids_are_never_forwarded),
		cmocka_unit_test(wake_up_members_are_unspecified),
		cmocka_unit_test(statistics_are_its_own),
		cmocka_unit_test(a_request_that_pends_below_completes_once),
		cmocka_unit_test(a_request_that_is_cancelled_completes_once),
		cmocka_unit_test(a_request_to_a_sleeping_adapter_waits_for_it),
		cmocka_unit_test(a_parked_request_can_be_cancelled),
		cmocka_unit_test(an_unbind_fails_the_parked_request),
		cmocka_unit_test(halting_the_vnic_fails_the_parked_request),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
