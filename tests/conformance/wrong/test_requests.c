/* SPDX-License-Identifier: BSD-3-Clause */
/* Drivers that are wrong with requests (contract 6, 7.28). */
#include <string.h>

#include "wrong.h"

/* ---- Answers ------------------------------------------------------------------------------------- */

static im_status_t claim_too_many(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
				  uint32_t *needed)
{
	im_status_t status = right.miniport.query_information(context, oid, buffer, length, written, needed);

	if (wrong)
		*written = length + 1;
	return status;
}

static im_status_t write_past_the_end(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
				      uint32_t *needed)
{
	if (wrong)
		memset((uint8_t *)buffer + length, 0, 8);
	return right.miniport.query_information(context, oid, buffer, length, written, needed);
}

static im_status_t write_some(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			      uint32_t *needed)
{
	(void)context;
	(void)oid;
	(void)buffer;
	*written = wrong ? length : 0;
	*needed = length * 2;
	return IM_STATUS_BUFFER_TOO_SHORT;
}

static im_status_t say_short_alone(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
				   uint32_t *needed)
{
	(void)context;
	(void)oid;
	(void)buffer;
	*written = 0;
	*needed = wrong ? 0 : length * 2;
	return IM_STATUS_INVALID_LENGTH;
}

static im_status_t answer_as_a_send(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
				    uint32_t *needed)
{
	(void)context;
	(void)oid;
	(void)buffer;
	(void)length;
	*written = *needed = 0;
	return wrong ? IM_STATUS_SEND_ABORTED : IM_STATUS_NOT_SUPPORTED;
}

static im_status_t take_none(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
			     uint32_t *needed)
{
	im_status_t status = right.miniport.set_information(context, oid, buffer, length, read, needed);

	if (wrong && oid == SLUICE_OID_GEN_CURRENT_LOOKAHEAD)
		*read = 0;
	return status;
}

/* contract: 11.43 12.9 12.23 */
static void c6_1_c6_3_c6_4_c6_9_answers(void **state)
{
	static const struct wrong rows[] = {
		{"says that it wrote more bytes than the buffer has", "6.3", "nic",
		 .miniport = {.query_information = claim_too_many}, .scene = wrong_query},
		{"writes more bytes than the buffer has", "6.3", "nic",
		 .miniport = {.query_information = write_past_the_end}, .scene = wrong_query},
		{"writes bytes though the buffer is too small", "6.4", "nic",
		 .miniport = {.query_information = write_some}, .scene = wrong_query},
		{"says that the buffer is too small, but not by how much", "6.4", "mid",
		 .miniport = {.query_information = say_short_alone}, .scene = wrong_query},
		{"answers with a status of sends", "6.1", "mid", .miniport = {.query_information = answer_as_a_send},
		 .scene = wrong_query},
		{"takes a set, but none of its bytes", "6.9", "nic", .miniport = {.set_information = take_none},
		 .scene = wrong_set},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Completions --------------------------------------------------------------------------------- */

static im_status_t complete_and_return(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
				       uint32_t *needed)
{
	im_status_t status = right.miniport.query_information(context, oid, buffer, length, written, needed);

	if (wrong)
		im_query_information_complete(((struct rig_vnic *)context)->instance, status);
	return status;
}

/* The request pends at the nic until here. */
static void ask(struct im_request *request)
{
	static uint32_t speed;

	*request = (struct im_request){.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &speed, .length = sizeof(speed)};
	wrong_stack();
	rig.nic->script.requests = RIG_LATER;
	assert_int_equal(im_request(rig.top_binding->binding, request), IM_STATUS_PENDING);
	host_settle();
}

static void answer(void)
{
	rig_complete_request(rig.port, IM_STATUS_SUCCESS);
	rig.nic->script.requests = RIG_INLINE;
	host_settle();
}

static void complete_twice(void)
{
	struct im_request request;

	ask(&request);
	answer();
	if (wrong)
		rig_complete_request(rig.port, IM_STATUS_FAILURE);
}

static void complete_with_pending(void)
{
	struct im_request request;

	ask(&request);
	if (wrong)
		rig_complete_request(rig.port, IM_STATUS_PENDING);
	answer();
}

static void complete_the_other_kind(void)
{
	struct im_request request;

	ask(&request);
	if (wrong)
		im_set_information_complete(rig.port->instance, IM_STATUS_SUCCESS);
	answer();
}

static void complete_none(void)
{
	wrong_query();
	if (wrong)
		im_query_information_complete(rig.port->instance, IM_STATUS_SUCCESS);
}

/* contract: 12.15 12.23 */
static void c6_11_completions(void **state)
{
	static const struct wrong rows[] = {
		{"completes a request and returns its status too", "6.11", "nic",
		 .miniport = {.query_information = complete_and_return}, .scene = wrong_query},
		{"completes a request twice", "6.11", "nic", .scene = complete_twice},
		{"completes a request with PENDING", "6.11", "nic", .scene = complete_with_pending},
		{"completes a query as a set", "6.11", "nic", .scene = complete_the_other_kind},
		{"completes a request that nobody asked", "6.11", "nic", .scene = complete_none},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Time ---------------------------------------------------------------------------------------- */

static void answer_late(void)
{
	struct im_request request;

	ask(&request);
	host_tick(wrong ? 13000 : 11000);
	host_tick(1);
	answer();
}

static void forget_the_operator(void *context)
{
	(void)context;
}

static void ask_as_operator(void)
{
	uint32_t speed, written, needed;

	wrong_stack();
	rig.nic->script.requests = wrong ? RIG_LATER : RIG_INLINE;
	host_query("nic", SLUICE_OID_GEN_LINK_SPEED, &speed, sizeof(speed), &written, &needed);
}

/* contract: 12.20 */
static void c6_18_requests_that_last(void **state)
{
	static const struct wrong rows[] = {
		{"takes more than 12 s for a request", "12.20", "nic", .scene = answer_late},
		{"never answers the operator", "6.18", "nic", .miniport = {.cancel_request = forget_the_operator},
		 .scene = ask_as_operator, .stops = true},
	};

	(void)state;
	wrong_try(rows);
}

/* ---- Asking -------------------------------------------------------------------------------------- */

static void ask_twice(void)
{
	struct im_request request;

	ask(&request);
	if (wrong)
		im_request(rig.top_binding->binding, &request);
	answer();
}

static im_status_t tell_from_inside(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
				    uint32_t *needed)
{
	struct im_pnp_event event = {.code = IM_PNP_RECONFIGURE};

	if (wrong)
		im_notify_pnp_event(((struct rig_vnic *)context)->instance, &event);
	return right.miniport.query_information(context, oid, buffer, length, written, needed);
}

static im_status_t refuse_power(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
				uint32_t *needed)
{
	if (wrong && oid == SLUICE_OID_PNP_SET_POWER)
		return IM_STATUS_FAILURE;
	return right.miniport.set_information(context, oid, buffer, length, read, needed);
}

static void sleep_and_wake(void)
{
	wrong_stack();
	host_set_power("m0", IM_POWER_D3);
	host_settle();
	if (!wrong)
		host_set_power("m0", IM_POWER_D0);
	host_settle();
}

/* contract: 12.28 12.8 */
static void c6_13_c6_28_c7_28_who_asks_and_what_must_succeed(void **state)
{
	static const struct wrong rows[] = {
		{"asks again with a request that is out", "6.13", "top", .scene = ask_twice},
		{"tells an event from inside a request", "7.28", "mid",
		 .miniport = {.query_information = tell_from_inside}, .scene = wrong_query},
		{"fails to change its power", "6.28", "mid", .miniport = {.set_information = refuse_power},
		 .scene = sleep_and_wake},
	};

	(void)state;
	wrong_try(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c6_1_c6_3_c6_4_c6_9_answers),
		cmocka_unit_test(c6_11_completions),
		cmocka_unit_test(c6_18_requests_that_last),
		cmocka_unit_test(c6_13_c6_28_c7_28_who_asks_and_what_must_succeed),
	};

	return host_run_tests(tests);
}
