/* SPDX-License-Identifier: BSD-3-Clause */
/* The rig itself: what the other tests here take for granted of their neighbours. */
#include <string.h>

#include "rig.h"

static const struct host_options with_workers = {.workers = 2};

static void a_stack_comes_and_goes_in_order(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig_build(2);
	assert_string_equal(rig_story(RIG_LIFE), "driver_entry:nic driver_entry:mid driver_entry:top initialize:nic "
						 "bind_adapter:m1 initialize:m1 bind_adapter:m0 initialize:m0 "
						 "bind_adapter:top");
	rig_forget();
	rig_end();
	assert_string_equal(rig_story(RIG_LIFE), "unbind_adapter:m1 unbind_adapter:m0 unbind_adapter:top halt:m0 "
						 "halt:m1 halt:nic uninstall:top unload:top uninstall:mid unload:mid "
						 "unload:nic");
}

/* Each way to complete, through a stack of three. */
static void sends_complete_whenever_the_script_says(void **state)
{
	struct im_packet *packets[8];

	(void)state;
	for (enum rig_when when = RIG_INLINE; when < RIG_WHENS; when++) {
		rig_begin(&with_workers, 0);
		rig.nic->script.sends = when;
		rig.nic->script.send_status = IM_STATUS_FAILURE;
		rig_build(3);
		rig_packets(packets, 8);
		im_send_packets(rig.top_binding->binding, packets, 8);
		host_settle();
		rig_expect_packets(RIG_send_packets, "nic", packets, 8);
		if (when == RIG_LATER) {
			assert_int_equal(rig_calls(RIG_send_complete, "top"), 0);
			rig_complete_one(rig.port, packets[7], IM_STATUS_FAILURE);
			host_settle();
			assert_ptr_equal(rig_call(RIG_send_complete, "top", 0)->packets[0], packets[7]);
			rig_complete(rig.port, 7, IM_STATUS_FAILURE);
		}
		host_settle();
		assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_FAILURE), 8);
		rig_packets_free(packets, 8);
		rig_end();
	}
}

static void a_single_send_nic_gets_one_packet_a_call(void **state)
{
	struct im_packet *packets[4];

	(void)state;
	rig_begin(NULL, RIG_SINGLE);
	rig_build(1);
	rig_packets(packets, 4);
	im_send_packets(rig.top_binding->binding, packets, 4);
	host_settle();
	assert_int_equal(rig_calls(RIG_send, "nic"), 4);
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), 4); /* in any order (4.21) */
	rig_packets_free(packets, 4);
	rig_end();
}

static void a_serialised_nic_refuses_what_it_has_no_room_for(void **state)
{
	struct im_packet *packets[4];

	(void)state;
	rig_begin(NULL, RIG_SERIALISED);
	rig.nic->script.room = 3;
	rig.nic->script.sends = RIG_LATER;
	rig_build(0);
	rig_packets(packets, 4);
	im_send_packets(rig.top_binding->binding, packets, 4);
	host_settle();
	assert_int_equal(rig.port->held_count, 3);
	rig_complete(rig.port, 3, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig.port->held_count, 1); /* the core gave it again */
	rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), 4); /* in any order (4.21) */
	rig_packets_free(packets, 4);
	rig_end();
}

static void received_packets_are_held_and_returned(void **state)
{
	struct im_packet *packets[8];

	(void)state;
	for (enum rig_when when = RIG_AFTER; when < RIG_WHENS; when++) {
		rig_begin(&with_workers, 0);
		rig.top->script.references = 2;
		rig.top->script.returns = when;
		rig_build(2);
		rig_packets(packets, 8);
		rig_indicate(rig.port, packets, 8, IM_STATUS_SUCCESS);
		host_settle();
		rig_expect_packets(RIG_receive_packets, "top", packets, 8);
		if (when == RIG_LATER) {
			assert_int_equal(rig_calls(RIG_return_packets, "nic"), 0);
			rig_return(rig.top_binding, 16);
		}
		host_settle();
		assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 8);
		rig_packets_free(packets, 8);
		rig_end();
	}
}

static struct im_packet *pulled;
static uint32_t pulled_bytes;

static im_status_t pull_the_rest(void *context, const struct im_lookahead *lookahead)
{
	struct rig_binding *binding = context;

	return im_transfer_data(binding->binding, lookahead->receive_context, lookahead->data_length,
				lookahead->packet_length, pulled, &pulled_bytes);
}

static void lookahead_is_transferred_from_the_frame(void **state)
{
	uint8_t frame[100], copy[100];

	(void)state;
	for (uint32_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 3);
	rig_begin(NULL, 0);
	rig.top->protocol.receive = pull_the_rest;
	rig_build(1);
	pulled = rig_packet(4, 100, 0);
	rig_indicate_lookahead(rig.port, frame, sizeof(frame), 20);
	im_indicate_receive_complete(rig.port->instance);
	assert_int_equal(rig_call(RIG_receive, "top", 0)->length, 86);
	assert_int_equal(rig_call(RIG_receive, "top", 0)->value, 20);
	assert_int_equal(rig_calls(RIG_receive_complete, "top"), 1);
	assert_int_equal(pulled_bytes, 66);
	assert_int_equal(rig_packet_read(pulled, copy, sizeof(copy)), 66);
	assert_memory_equal(copy, frame + 14 + 20, 66);
	rig_packets_free(&pulled, 1);
	rig_end();
}

static void packets_have_segments_as_asked_for(void **state)
{
	struct im_packet *packet = rig_packet(4, 100, 7);
	uint8_t copy[100];

	(void)state;
	assert_int_equal(packet->mbuf->nb_segs, 15);
	assert_int_equal(rig_packet_read(packet, copy, sizeof(copy)), 100);
	for (uint32_t i = 0; i < sizeof(copy); i++)
		assert_int_equal(copy[i], i);
	rig_packets_free(&packet, 1);
}

/* Through a mid, which forwards with a request of its own. */
static void requests_are_answered_whenever_the_script_says(void **state)
{
	(void)state;
	for (enum rig_when when = RIG_INLINE; when < RIG_LATER; when++) {
		uint32_t speed = 0;
		struct im_request request = {
			.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &speed, .length = sizeof(speed)};

		rig_begin(NULL, 0);
		rig.nic->script.requests = when;
		rig_build(2);
		assert_int_equal(rig_request(rig.top_binding, &request), IM_STATUS_SUCCESS);
		assert_int_equal(speed, 10000);
		assert_int_equal(request.done, 4);
		rig_end();
	}
}

static void a_request_waits_for_the_test(void **state)
{
	uint32_t speed = 0;
	struct im_request request = {.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &speed, .length = sizeof(speed)};

	(void)state;
	rig_begin(NULL, 0);
	rig_build(1);
	rig_forget();
	rig.nic->script.requests = RIG_LATER;
	assert_int_equal(im_request(rig.top_binding->binding, &request), IM_STATUS_PENDING);
	host_settle();
	assert_int_equal(rig_calls(RIG_request_complete, "top"), 0);
	rig_complete_request(rig.port, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_calls(RIG_request_complete, "top"), 1);
	assert_int_equal(rig_call(RIG_request_complete, "top", 0)->value, IM_STATUS_SUCCESS);
	assert_int_equal(speed, 10000);
	rig.nic->script.requests = RIG_INLINE;
	rig_end();
}

static void binds_and_unbinds_pend(void **state)
{
	(void)state;
	for (enum rig_when when = RIG_INLINE; when < RIG_LATER; when++) {
		rig_begin(NULL, 0);
		rig.mid->script.binds = rig.top->script.binds = when;
		rig.mid->script.unbinds = rig.top->script.unbinds = when;
		rig_build(2);
		rig_forget();
		rig_end();
		assert_string_equal(rig_story(RIG_BIT(halt)), "halt:m0 halt:m1 halt:nic");
	}
}

static im_status_t refuse(void *context, struct im_pnp_event *event)
{
	(void)context;
	return event->code == IM_PNP_QUERY_REMOVE ? IM_STATUS_FAILURE : IM_STATUS_SUCCESS;
}

static void a_test_replaces_a_handler_while_it_is_loaded(void **state)
{
	struct im_pnp_event event = {.code = IM_PNP_QUERY_REMOVE};

	(void)state;
	rig_begin(NULL, 0);
	rig_build(0);
	assert_int_equal(host_pnp_event("nic", &event), IM_STATUS_SUCCESS);
	rig.top->protocol.pnp_event = refuse;
	assert_int_equal(host_pnp_event("nic", &event), IM_STATUS_FAILURE);
	assert_int_equal(rig_call(RIG_pnp_event, "top", rig_calls(RIG_pnp_event, "top") - 1)->value,
			 IM_PNP_QUERY_REMOVE);
	rig_end();
}

static void a_load_that_is_refused_is_taken_back(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.mid->miniport.halt = NULL;
	assert_int_equal(rig_load(rig.mid), IM_STATUS_BAD_CHARACTERISTICS);
	assert_false(host_is_loaded("mid"));
	assert_string_equal(rig_story(RIG_LIFE), "driver_entry:mid");
	rig_end();
}

static void complete_twice(void)
{
	struct im_packet *packet = rig_packet(4, 60, 0);

	rig_begin(NULL, 0);
	rig_build(0);
	im_send_packets(rig.top_binding->binding, &packet, 1);
	im_send_complete(rig.port->instance, &packet, 1);
}

static void a_breach_stops_the_child_with_its_number(void **state)
{
	(void)state;
	host_expect_stop("4.12", complete_twice);
}

static uint32_t ran_on[RIG_WHENS];

static void remember_the_thread(void *argument)
{
	ran_on[*(enum rig_when *)argument] = im_this_worker->index + 1;
}

static void what_a_script_puts_off_runs_on_another_thread(void **state)
{
	(void)state;
	rig_begin(&with_workers, 0);
	for (uint32_t passive = 0; passive < 2; passive++) {
		memset(ran_on, 0, sizeof(ran_on));
		for (enum rig_when when = RIG_INLINE; when < RIG_WHENS; when++) {
			rig_do(when, passive, remember_the_thread, &when);
			host_join(); /* for RIG_AFTER */
		}
		assert_int_equal(ran_on[RIG_INLINE], 1); /* the control thread that a test is */
		assert_int_equal(ran_on[RIG_LATER], 0);
		assert_in_range(ran_on[RIG_BEFORE], passive ? 4 : 3, passive ? 32 : 3);
		assert_in_range(ran_on[RIG_AFTER], passive ? 4 : 3, passive ? 32 : 3);
	}
	rig_end();
}

static void threads_are_the_core_s(void **state)
{
	(void)state;
	rig_begin(&with_workers, 0);
	assert_int_equal(im_worker_count(), 2);
	assert_int_equal(host_other(true), HOST_IDLE);
	assert_int_equal(host_other(false), 2);
	host_settle();
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stack_comes_and_goes_in_order),
		cmocka_unit_test(sends_complete_whenever_the_script_says),
		cmocka_unit_test(a_single_send_nic_gets_one_packet_a_call),
		cmocka_unit_test(a_serialised_nic_refuses_what_it_has_no_room_for),
		cmocka_unit_test(received_packets_are_held_and_returned),
		cmocka_unit_test(lookahead_is_transferred_from_the_frame),
		cmocka_unit_test(packets_have_segments_as_asked_for),
		cmocka_unit_test(requests_are_answered_whenever_the_script_says),
		cmocka_unit_test(a_request_waits_for_the_test),
		cmocka_unit_test(binds_and_unbinds_pend),
		cmocka_unit_test(a_test_replaces_a_handler_while_it_is_loaded),
		cmocka_unit_test(a_load_that_is_refused_is_taken_back),
		cmocka_unit_test(a_breach_stops_the_child_with_its_number),
		cmocka_unit_test(what_a_script_puts_off_runs_on_another_thread),
		cmocka_unit_test(threads_are_the_core_s),
	};

	return host_run_tests(tests);
}
