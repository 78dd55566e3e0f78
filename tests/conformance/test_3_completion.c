/* SPDX-License-Identifier: BSD-3-Clause */
/* What reaches a protocol: completions, frames, status and events (contract section 3). */
#include <string.h>

#include "shipped.h"

static const struct host_options with_workers = {.workers = 2};

/* ---- Completions --------------------------------------------------------------------------------- */

static uint32_t speed;

static im_status_t ask(struct im_request *request)
{
	*request = (struct im_request){.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &speed, .length = sizeof(speed)};
	speed = 0;
	return im_request(rig.top_binding->binding, request);
}

/* The byte count is there in the completion; the rig writes it down. */
static void expect_one_answer(im_status_t begun, const struct im_request *request)
{
	const struct rig_call *call = rig_call(RIG_request_complete, "top", 0);

	assert_int_equal(rig_calls(RIG_request_complete, "top"), begun == IM_STATUS_PENDING);
	if (begun == IM_STATUS_PENDING) {
		assert_ptr_equal(call->buffer, request);
		assert_int_equal(call->value, IM_STATUS_SUCCESS);
		assert_int_equal(call->length, 4);
	} else {
		assert_int_equal(begun, IM_STATUS_SUCCESS);
	}
	assert_int_equal(request->done, 4);
	assert_int_equal(speed, 10000);
}

/* Inside the call, before it returns, after, through the relay, or not. */
static void c3_8_c3_17_c3_18_a_request_completes_once_and_only_where_it_pended(void **state)
{
	struct im_request request;
	im_status_t begun;

	(void)state;
	for (unsigned levels = 0; levels <= 2; levels++)
		for (enum rig_when when = RIG_INLINE; when < RIG_LATER; when++) {
			shipped_begin(NULL);
			shipped_build(levels);
			rig.nic->script.requests = when;
			rig_forget();
			begun = ask(&request);
			host_settle();
			expect_one_answer(begun, &request);
			rig_end();
		}
}

/* contract: 7.1 7.9 */
static void c3_7_c3_17_c3_18_a_reset_completes_once_and_only_where_it_pended(void **state)
{
	im_status_t begun;

	(void)state;
	for (enum rig_when when = RIG_INLINE; when < RIG_LATER; when++) {
		rig_begin(NULL, 0);
		rig.nic->script.resets = when;
		rig.nic->script.reset_status = IM_STATUS_SOFT_ERRORS;
		rig_build(0);
		rig_forget();
		begun = im_reset(rig.top_binding->binding);
		host_settle();
		assert_int_equal(begun, IM_STATUS_PENDING);
		assert_int_equal(rig_calls(RIG_reset_complete, "top"), 1);
		assert_int_equal(rig_call(RIG_reset_complete, "top", 0)->value, IM_STATUS_SOFT_ERRORS);
		assert_int_equal(rig_calls(RIG_reset, "nic"), 1);
		rig_end();
	}
	rig_begin(NULL, 0);
	rig_build(1); /* over an intermediate driver, which has no reset */
	assert_int_equal(im_reset(rig.top_binding->binding), IM_STATUS_NOT_RESETTABLE);
	host_settle();
	assert_int_equal(rig_calls(RIG_reset_complete, NULL), 0);
	rig_end();
}

static void c3_9_c3_18_each_send_completes_once_whenever_that_is(void **state)
{
	struct im_packet *packets[8];

	(void)state;
	for (enum rig_when when = RIG_INLINE; when < RIG_LATER; when++) {
		shipped_begin(&with_workers);
		rig.nic->script.sends = when;
		shipped_build(2);
		rig_packets(packets, 8);
		im_send_packets(rig.top_binding->binding, packets, 8);
		host_settle();
		assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 8);
		rig_packets_free(packets, 8); /* owned again: they can be freed, and sent again */
		rig_packets(packets, 8);
		im_send_packets(rig.top_binding->binding, packets, 8);
		host_settle();
		assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), 16);
		rig_packets_free(packets, 8);
		rig_end();
	}
}

/* ---- Transfers ----------------------------------------------------------------------------------- */

static struct {
	struct im_packet *packet;
	im_status_t status;
	uint32_t transferred; /* by the call itself */
} transfer;

static im_status_t pull_the_rest(void *context, const struct im_lookahead *lookahead)
{
	struct rig_binding *binding = context;

	transfer.status = im_transfer_data(binding->binding, lookahead->receive_context, lookahead->data_length,
					   lookahead->packet_length, transfer.packet, &transfer.transferred);
	return IM_STATUS_SUCCESS;
}

static void c3_10_c3_17_c3_18_a_transfer_completes_once_and_only_where_it_pended(void **state)
{
	uint8_t frame[100], copy[100];

	(void)state;
	for (uint32_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 3);
	for (enum rig_when when = RIG_INLINE; when < RIG_LATER; when++) {
		rig_begin(&with_workers, 0);
		rig.nic->script.transfers = when;
		rig.top->protocol.receive = pull_the_rest;
		rig_build(1);
		transfer.packet = rig_packet(4, 100, 0);
		rig_indicate_lookahead(rig.port, frame, sizeof(frame), 20);
		host_settle();
		if (transfer.status == IM_STATUS_PENDING) {
			const struct rig_call *call = rig_call(RIG_transfer_data_complete, "top", 0);

			assert_int_equal(rig_calls(RIG_transfer_data_complete, "top"), 1);
			assert_ptr_equal(call->packets[0], transfer.packet);
			assert_int_equal(call->value, IM_STATUS_SUCCESS);
			assert_int_equal(call->length, 66);
		} else {
			assert_int_equal(when, RIG_INLINE);
			assert_int_equal(transfer.status, IM_STATUS_SUCCESS);
			assert_int_equal(transfer.transferred, 66);
			assert_int_equal(rig_calls(RIG_transfer_data_complete, NULL), 0);
		}
		assert_int_equal(rig_packet_read(transfer.packet, copy, sizeof(copy)), 66);
		assert_memory_equal(copy, frame + 14 + 20, 66);
		rig_packets_free(&transfer.packet, 1);
		rig_end();
	}
}

static void transfer_without_a_handler(void)
{
	uint8_t frame[100] = {0};

	rig_begin(NULL, 0);
	rig.top->protocol.receive = pull_the_rest;
	rig.top->protocol.transfer_data_complete = NULL;
	rig_build(0);
	transfer.packet = rig_packet(4, 100, 0);
	rig_indicate_lookahead(rig.port, frame, sizeof(frame), 20);
}

static void c3_10_who_transfers_has_the_handler(void **state)
{
	(void)state;
	host_expect_stop("3.10", transfer_without_a_handler);
}

/* ---- Frames -------------------------------------------------------------------------------------- */

static im_status_t take_nothing(void *context, const struct im_lookahead *lookahead)
{
	(void)context;
	(void)lookahead;
	return IM_STATUS_NOT_ACCEPTED;
}

static void c3_11_c3_13_a_look_ahead_is_followed_by_its_end_taken_or_not(void **state)
{
	uint8_t frame[60] = {0};

	(void)state;
	for (int takes = 0; takes < 2; takes++) {
		rig_begin(NULL, 0);
		if (!takes)
			rig.top->protocol.receive = take_nothing;
		rig_build(1);
		for (int i = 0; i < 3; i++)
			rig_indicate_lookahead(rig.port, frame, sizeof(frame), 20);
		im_indicate_receive_complete(rig.port->instance);
		assert_int_equal(rig_calls(RIG_receive, "top"), 3);
		assert_int_equal(rig_call(RIG_receive, "top", 0)->length, 46);
		assert_int_equal(rig_calls(RIG_receive_complete, "top"), 1);
		rig_end();
	}
}

static void c3_12_full_packets_are_answered_with_references(void **state)
{
	struct im_packet *packets[3];

	(void)state;
	for (uint16_t references = 0; references < 3; references++) {
		rig_begin(NULL, 0);
		rig.top->script.references = references;
		rig.top->script.returns = RIG_LATER;
		rig_build(1);
		rig_packets(packets, 3);
		rig_indicate(rig.port, packets, 3, IM_STATUS_SUCCESS);
		host_settle();
		rig_expect_packets(RIG_receive_packets, "top", packets, 3);
		assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), references == 0 ? 3 : 0);
		rig_return(rig.top_binding, 3u * references);
		host_settle();
		assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 3);
		rig_packets_free(packets, 3);
		rig_end();
	}
}

/* One worker is inside receive until the other one has been in receive_complete. */
static struct im_event was_in_complete;

static im_status_t wait_in_receive(void *context, const struct im_lookahead *lookahead)
{
	(void)context;
	(void)lookahead;
	while (__atomic_load_n(&was_in_complete.set, __ATOMIC_ACQUIRE) == 0)
		im_stall_execution(10);
	return IM_STATUS_SUCCESS;
}

static void say_that_it_was_there(void *context)
{
	(void)context;
	im_set_event(&was_in_complete);
}

static void show_a_frame(void *argument)
{
	static const uint8_t frame[60];

	rig_indicate_lookahead(argument, frame, sizeof(frame), 20);
}

static void end_the_batch(void *argument)
{
	struct rig_vnic *port = argument;

	im_indicate_receive_complete(port->instance);
}

static void c3_13_receive_complete_runs_beside_receive(void **state)
{
	(void)state;
	im_reset_event(&was_in_complete);
	rig_begin(&with_workers, 0);
	rig.top->protocol.receive = wait_in_receive;
	rig.top->protocol.receive_complete = say_that_it_was_there;
	rig_build(0);
	host_begin(1, show_a_frame, rig.port);
	while (rig_calls(RIG_receive, "top") == 0)
		host_tick(0);
	host_begin(2, end_the_batch, rig.port);
	host_join(); /* would never end if one had to wait for the other */
	assert_int_equal(rig_calls(RIG_receive_complete, "top"), 1);
	rig_end();
}

/* ---- Status and events --------------------------------------------------------------------------- */

static void c3_14_status_and_its_end_and_resets_come_through_both(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig_build(0);
	rig_forget();
	im_indicate_status(rig.port->instance, IM_INDICATION_MEDIA_DISCONNECT, NULL, 0);
	im_indicate_status_complete(rig.port->instance);
	assert_int_equal(rig_call(RIG_status, "top", 0)->value, IM_INDICATION_MEDIA_DISCONNECT);
	assert_string_equal(rig_story(RIG_ALL), "status:top status_complete:top");
	rig_forget();
	assert_int_equal(host_reset("nic"), IM_STATUS_SUCCESS);
	host_settle();
	assert_string_equal(rig_story(RIG_BIT(status) | RIG_BIT(status_complete) | RIG_BIT(reset)),
			    "status:top status_complete:top reset:nic status:top status_complete:top");
	assert_int_equal(rig_call(RIG_status, "top", 0)->value, IM_INDICATION_RESET_START);
	assert_int_equal(rig_call(RIG_status, "top", 1)->value, IM_INDICATION_RESET_END);
	rig_end();
}

static void c3_15_events_come_with_what_they_say_and_may_pend(void **state)
{
	static const uint8_t list[] = "a b c";

	(void)state;
	for (enum rig_when when = RIG_INLINE; when < RIG_LATER; when++) {
		struct im_pnp_event event = {.code = IM_PNP_BIND_LIST, .buffer = list, .length = sizeof(list)};

		rig_begin(NULL, 0);
		rig.top->script.events = when;
		rig_build(0);
		rig_forget();
		assert_int_equal(host_pnp_event("nic", &event), IM_STATUS_SUCCESS);
		assert_int_equal(rig_calls(RIG_pnp_event, "top"), 1);
		assert_int_equal(rig_call(RIG_pnp_event, "top", 0)->value, IM_PNP_BIND_LIST);
		assert_int_equal(rig_call(RIG_pnp_event, "top", 0)->length, sizeof(list));
		assert_ptr_equal(rig_call(RIG_pnp_event, "top", 0)->buffer, list);
		rig_forget();
		assert_int_equal(host_set_power("nic", IM_POWER_D3), IM_STATUS_SUCCESS);
		assert_int_equal(rig_call(RIG_pnp_event, "top", 0)->value, IM_PNP_SET_POWER);
		assert_int_equal(rig_call(RIG_pnp_event, "top", 0)->power, IM_POWER_D3);
		assert_int_equal(host_set_power("nic", IM_POWER_D0), IM_STATUS_SUCCESS);
		rig_end();
	}
}

static void c3_16_a_protocol_does_without_uninstall(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.top->protocol.uninstall = NULL;
	rig_build(1);
	assert_int_equal(host_unload("top", true), IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_unbind_adapter, "top"), 1);
	assert_int_equal(rig_calls(RIG_unload, "top"), 1);
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c3_8_c3_17_c3_18_a_request_completes_once_and_only_where_it_pended),
		cmocka_unit_test(c3_7_c3_17_c3_18_a_reset_completes_once_and_only_where_it_pended),
		cmocka_unit_test(c3_9_c3_18_each_send_completes_once_whenever_that_is),
		cmocka_unit_test(c3_10_c3_17_c3_18_a_transfer_completes_once_and_only_where_it_pended),
		cmocka_unit_test(c3_10_who_transfers_has_the_handler),
		cmocka_unit_test(c3_11_c3_13_a_look_ahead_is_followed_by_its_end_taken_or_not),
		cmocka_unit_test(c3_12_full_packets_are_answered_with_references),
		cmocka_unit_test(c3_13_receive_complete_runs_beside_receive),
		cmocka_unit_test(c3_14_status_and_its_end_and_resets_come_through_both),
		cmocka_unit_test(c3_15_events_come_with_what_they_say_and_may_pend),
		cmocka_unit_test(c3_16_a_protocol_does_without_uninstall),
	};

	return host_run_tests(tests);
}
