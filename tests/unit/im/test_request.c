/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests: answers and their byte counts, one at a time, pending, cancelled, refused (contract section 6). */
#include <sched.h>
#include <string.h>

#include "im/verifier.h"
#include "neighbours.h"

#define SPEED	  SLUICE_OID_GEN_LINK_SPEED	       /* 10107 */
#define LOOKAHEAD SLUICE_OID_GEN_CURRENT_LOOKAHEAD     /* 1010f */
#define FILTER	  SLUICE_OID_GEN_CURRENT_PACKET_FILTER /* 1010e */
#define MULTICAST SLUICE_OID_802_3_MULTICAST_LIST      /* 1010103 */

/* A request with room for its value. */
struct asked {
	struct im_request request;
	uint32_t value;
};

static struct im_request *query(struct asked *asked)
{
	asked->request = (struct im_request){
		.oid = SPEED, .buffer = &asked->value, .length = sizeof(asked->value), .done = 77, .needed = 77};
	return &asked->request;
}

static struct im_request *set(struct asked *asked, uint32_t oid, uint32_t value)
{
	asked->value = value;
	asked->request = (struct im_request){
		.set = true, .oid = oid, .buffer = &asked->value, .length = sizeof(asked->value), .done = 77};
	return &asked->request;
}

static void complete_query(void)
{
	im_query_information_complete(nb_nic.instance, IM_STATUS_SUCCESS);
}

static void abort_query(void)
{
	im_query_information_complete(nb_nic.instance, IM_STATUS_REQUEST_ABORTED);
}

/* ---- What a driver answers with ---------------------------------------------------------------------- */

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
		uint32_t size = length < 4 ? 0 : length < 8 ? 4 : 8;

		buffer = 0;
		assert_int_equal(im_answer_counter(value, &buffer, length, &written, &needed),
				 size > 0 ? IM_STATUS_SUCCESS : IM_STATUS_BUFFER_TOO_SHORT);
		assert_int_equal(written, size);
		assert_int_equal(needed, size < 8 ? 8 : 0); /* 6.6; a probe learns the whole size (6.5) */
		assert_int_equal(buffer, size == 8 ? value : size == 4 ? 0x55667788 : 0);
	}
}

static void a_value_is_taken_at_its_right_size_alone(void **state)
{
	const uint64_t given = 0x1122334455667788ull;
	uint32_t value, read, needed;

	(void)state;
	for (uint32_t length = 0; length <= sizeof(given); length++) {
		value = 7;
		assert_int_equal(im_take(&value, sizeof(value), &given, length, &read, &needed),
				 length == 4 ? IM_STATUS_SUCCESS : IM_STATUS_INVALID_LENGTH);
		assert_int_equal(read, length == 4 ? 4 : 0); /* 6.9, 6.7 */
		assert_int_equal(needed, length == 4 ? 0 : 4);
		assert_int_equal(value, length == 4 ? 0x55667788 : 7); /* no state has changed */
	}
}

/* ---- Answered at once -------------------------------------------------------------------------------- */

static void a_final_answer_completes_nothing_later(void **state)
{
	struct asked asked;

	(void)state;
	nb_up(1, true);
	nb_nic.value = 10000;
	assert_int_equal(im_request(nb_tops[0].binding, query(&asked)), IM_STATUS_SUCCESS);
	assert_int_equal(asked.request.done, 4);
	assert_int_equal(asked.request.needed, 0);
	assert_int_equal(asked.value, 10000);
	nb_turn();
	nb_expect("nic:query(10107)"); /* no request_complete (3.17, 6.11) */
	nb_down();
}

static void byte_counts_are_zero_when_the_handler_begins(void **state)
{
	struct asked asked;

	(void)state;
	nb_up(1, true);
	nb_nic.query = IM_STATUS_NOT_SUPPORTED; /* the handler leaves them alone (6.2, 6.10) */
	assert_int_equal(im_request(nb_tops[0].binding, query(&asked)), IM_STATUS_NOT_SUPPORTED);
	assert_int_equal(asked.request.done, 0);
	assert_int_equal(asked.request.needed, 0);
	assert_int_equal(im_request(NULL, query(&asked)), IM_STATUS_CLOSING);
	nb_expect("nic:query(10107)");
	nb_down();
}

static void a_set_says_what_it_has_read(void **state)
{
	struct asked asked;

	(void)state;
	nb_up(1, true);
	assert_int_equal(im_request(nb_tops[0].binding, set(&asked, LOOKAHEAD, 128)), IM_STATUS_SUCCESS);
	assert_int_equal(asked.request.done, 4); /* 6.9 */
	set(&asked, LOOKAHEAD, 256)->length = 2;
	assert_int_equal(im_request(nb_tops[0].binding, &asked.request), IM_STATUS_INVALID_LENGTH);
	assert_int_equal(asked.request.done, 0);
	assert_int_equal(asked.request.needed, 4); /* 6.7 */
	assert_int_equal(nb_nic.value, 128);
	nb_down();
}

/* ---- Pending ------------------------------------------------------------------------------------------ */

static void a_pended_request_completes_once_with_its_counts(void **state)
{
	struct asked asked;

	(void)state;
	nb_up(1, true);
	nb_nic.query = IM_STATUS_PENDING;
	assert_int_equal(im_request(nb_tops[0].binding, query(&asked)), IM_STATUS_PENDING);
	nb_turn();
	nb_expect("nic:query(10107)");
	*nb_nic.pended_written = 3; /* good until it completes (6.12) */
	nb_dispatch(complete_query);
	nb_expect("t0:complete(10107,0)");
	assert_ptr_equal(nb_tops[0].completed, &asked.request);
	assert_int_equal(asked.request.done, 3); /* 3.8 */
	nb_turn();
	nb_expect("");
	nb_down();
}

static void a_completion_may_come_before_the_handler_returns(void **state)
{
	struct asked asked;

	(void)state;
	nb_up(1, true);
	nb_nic.query = IM_STATUS_PENDING;
	nb_nic.in_query = complete_query;
	assert_int_equal(im_request(nb_tops[0].binding, query(&asked)), IM_STATUS_PENDING);
	nb_expect("nic:query(10107) t0:complete(10107,0)");
	nb_down();
}

static void complete_set(void)
{
	im_set_information_complete(nb_nic.instance, IM_STATUS_SUCCESS);
}

static void complete_pending(void)
{
	im_query_information_complete(nb_nic.instance, IM_STATUS_PENDING);
}

/* 6.11: what is wrong is named, left out, and the request still completes once. */
static void only_what_pends_is_completed_and_once(void **state)
{
	struct asked asked;

	(void)state;
	nb_up(1, true);
	complete_query();
	nb_expect_violation("6.11");
	nb_nic.query = IM_STATUS_PENDING;
	assert_int_equal(im_request(nb_tops[0].binding, query(&asked)), IM_STATUS_PENDING);
	complete_set();
	nb_expect_violation("6.11");
	complete_pending();
	nb_expect_violation("6.11");
	nb_expect("nic:query(10107)");
	complete_query();
	nb_expect("t0:complete(10107,0)");
	complete_query();
	nb_expect_violation("6.11");
	nb_expect("");
	nb_nic.query = IM_STATUS_SUCCESS;
	nb_nic.in_query = complete_query; /* completes, and returns a final status too */
	assert_int_equal(im_request(nb_tops[0].binding, query(&asked)), IM_STATUS_PENDING);
	nb_expect_violation("6.11");
	nb_expect("nic:query(10107) t0:complete(10107,0)");
	nb_down();
}

static void a_request_that_is_out_is_not_handed_in_again(void **state)
{
	struct asked asked;

	(void)state;
	nb_up(1, true);
	nb_nic.query = IM_STATUS_PENDING;
	assert_int_equal(im_request(nb_tops[0].binding, query(&asked)), IM_STATUS_PENDING);
	assert_int_equal(im_request(nb_tops[0].binding, &asked.request), IM_STATUS_FAILURE);
	nb_expect_violation("6.13");
	complete_query();
	nb_expect("nic:query(10107) t0:complete(10107,0)");
	nb_nic.query = IM_STATUS_SUCCESS;
	assert_int_equal(im_request(nb_tops[0].binding, &asked.request), IM_STATUS_SUCCESS); /* used again */
	assert_int_equal(im_request(nb_tops[0].binding, &asked.request), IM_STATUS_SUCCESS);
	nb_down();
}

/* ---- One at a time ------------------------------------------------------------------------------------- */

static void requests_wait_in_order_for_each_other(void **state)
{
	struct asked first, second, third;

	(void)state;
	nb_up(2, true);
	nb_nic.query = IM_STATUS_PENDING;
	nb_nic.set = IM_STATUS_PENDING;
	assert_int_equal(im_request(nb_tops[0].binding, query(&first)), IM_STATUS_PENDING);
	assert_int_equal(im_request(nb_tops[1].binding, set(&second, LOOKAHEAD, 2)), IM_STATUS_PENDING);
	assert_int_equal(im_request(nb_tops[0].binding, query(&third)), IM_STATUS_PENDING);
	nb_turn();
	nb_expect("nic:query(10107)"); /* 6.14 */
	nb_dispatch(complete_query);
	nb_expect("t0:complete(10107,0)"); /* at DISPATCH no handler for PASSIVE runs (9.7) ... */
	nb_turn();
	nb_expect("nic:set(1010f,2)"); /* ... but on a control thread */
	*nb_nic.pended_written = 0;
	second.request.done = 4;
	nb_dispatch(complete_set);
	nb_turn();
	nb_expect("t1:complete(1010f,0) nic:query(10107)");
	nb_dispatch(complete_query);
	nb_turn();
	nb_expect("t0:complete(10107,0)");
	nb_down();
}

static uint32_t depth, deepest;

static void complete_inside(void)
{
	depth++;
	deepest = depth > deepest ? depth : deepest;
	complete_query();
	depth--;
}

static void handlers_that_complete_inside_are_called_in_a_loop(void **state)
{
	struct asked asked[100];

	(void)state;
	nb_up(1, true);
	nb_nic.query = IM_STATUS_PENDING;
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(im_request(nb_tops[0].binding, query(&asked[i])), IM_STATUS_PENDING);
	nb_nic.in_query = complete_inside;
	deepest = 0;
	complete_query();
	nb_turn();
	assert_int_equal(nb_tops[0].completions, 100);
	assert_int_equal(deepest, 1);
	nb_down();
}

static struct asked again;

static void ask_again(struct nb_top *top)
{
	top->in_complete = NULL;
	assert_int_equal(im_request(nb_tops[1].binding, query(&again)), IM_STATUS_SUCCESS);
}

static void ask_later(struct im_work *work)
{
	(void)work;
	ask_again(&nb_tops[0]);
}

static void schedule_asking(struct nb_top *top)
{
	static struct im_work work = {.run = ask_later};

	(void)top;
	im_schedule_work(&work);
}

/* Whoever learns of a completion may ask again at once, from where it may: the miniport is free. */
static void a_completed_request_makes_room_for_the_next(void **state)
{
	struct asked asked;

	(void)state;
	nb_up(2, true);
	nb_nic.query = IM_STATUS_PENDING;
	nb_tops[0].in_complete = schedule_asking;
	assert_int_equal(im_request(nb_tops[0].binding, query(&asked)), IM_STATUS_PENDING);
	nb_nic.query = IM_STATUS_SUCCESS;
	complete_query();
	nb_turn();
	nb_expect("nic:query(10107) t0:complete(10107,0) nic:query(10107)");
	nb_down();
}

static void another_instance_is_asked_meanwhile(void **state)
{
	struct asked first, second;
	struct nb_top *above;

	(void)state;
	nb_up(1, true);
	nb_start_vnic();
	above = nb_bind("vnic");
	nb_nic.query = IM_STATUS_PENDING;
	assert_int_equal(im_request(nb_tops[0].binding, query(&first)), IM_STATUS_PENDING);
	assert_int_equal(im_request(above->binding, query(&second)), IM_STATUS_SUCCESS); /* 6.15 */
	nb_expect("nic:query(10107) vnic:query(10107)");
	complete_query();
	nb_down();
}

static struct asked below;

static void ask_below(void)
{
	assert_int_equal(im_request(nb_tops[0].binding, query(&below)), IM_STATUS_SUCCESS);
}

static void a_driver_asks_below_before_it_answers_above(void **state)
{
	struct asked asked;
	struct nb_top *above;

	(void)state;
	nb_up(1, true);
	nb_start_vnic();
	above = nb_bind("vnic");
	nb_vnic.in_query = ask_below;
	assert_int_equal(im_request(above->binding, query(&asked)), IM_STATUS_SUCCESS); /* 6.16 */
	nb_expect("vnic:query(10107) nic:query(10107)");
	nb_down();
}

/* ---- Wrong byte counts --------------------------------------------------------------------------------- */

static void more_bytes_than_the_buffer_has_are_cut_off(void **state)
{
	struct asked asked;

	(void)state;
	nb_up(1, true);
	nb_nic.written = 5;
	assert_int_equal(im_request(nb_tops[0].binding, query(&asked)), IM_STATUS_SUCCESS);
	nb_expect_violation("6.3");
	assert_int_equal(asked.request.done, 4);
	assert_int_equal(im_request(nb_tops[0].binding, set(&asked, LOOKAHEAD, 1)), IM_STATUS_SUCCESS);
	nb_expect_violation("6.3");
	nb_nic.query = IM_STATUS_PENDING;
	assert_int_equal(im_request(nb_tops[0].binding, query(&asked)), IM_STATUS_PENDING);
	complete_query();
	nb_expect_violation("6.3");
	assert_int_equal(asked.request.done, 4);
	nb_down();
}

static void counts_that_belie_the_status_are_named(void **state)
{
	struct asked asked;

	(void)state;
	nb_up(1, true);
	nb_nic.query = IM_STATUS_BUFFER_TOO_SHORT;
	nb_nic.written = 2;
	assert_int_equal(im_request(nb_tops[0].binding, query(&asked)), IM_STATUS_BUFFER_TOO_SHORT);
	nb_expect_violation("6.4");
	assert_int_equal(asked.request.done, 0);
	nb_nic.written = 0;
	nb_nic.set = IM_STATUS_PENDING;
	assert_int_equal(im_request(nb_tops[0].binding, set(&asked, LOOKAHEAD, 1)), IM_STATUS_PENDING);
	complete_set(); /* with nothing read */
	nb_expect_violation("6.9");
	nb_down();
}

/* ---- Cancelling ---------------------------------------------------------------------------------------- */

static void a_queued_request_is_aborted_at_once(void **state)
{
	struct asked first, second, third;

	(void)state;
	nb_up(1, true);
	nb_nic.query = IM_STATUS_PENDING;
	im_request(nb_tops[0].binding, query(&first));
	im_request(nb_tops[0].binding, query(&second));
	im_request(nb_tops[0].binding, query(&third));
	im_cancel_request(nb_tops[0].binding, &second.request);
	nb_expect("nic:query(10107) t0:complete(10107,17)");
	assert_ptr_equal(nb_tops[0].completed, &second.request);
	assert_int_equal(second.request.done, 0);
	complete_query();
	nb_turn();
	complete_query();
	nb_expect("t0:complete(10107,0) nic:query(10107) t0:complete(10107,0)");
	assert_ptr_equal(nb_tops[0].completed, &third.request);
	nb_down();
}

static void a_request_at_the_miniport_is_cancelled_by_it(void **state)
{
	struct asked asked;

	(void)state;
	nb_up(1, true);
	nb_nic.query = IM_STATUS_PENDING;
	im_request(nb_tops[0].binding, query(&asked));
	im_cancel_request(nb_tops[0].binding, &asked.request);
	nb_expect("nic:query(10107) nic:cancel"); /* it takes its time */
	im_cancel_request(nb_tops[0].binding, &asked.request);
	nb_nic.in_cancel = abort_query;
	im_cancel_request(nb_tops[0].binding, &asked.request);
	nb_expect("nic:cancel nic:cancel t0:complete(10107,17)");
	im_cancel_request(nb_tops[0].binding, &asked.request); /* it is complete: nothing (6.23) */
	im_cancel_request(nb_tops[0].binding, NULL);
	nb_expect("");
	nb_down();
}

static void abort_and_turn(void)
{
	abort_query();
	nb_turn(); /* as another control thread may, before the handler returns */
	nb_say("(returns)");
}

/* cancel_request names no request: the next one must not be the one that it finds. */
static void the_next_request_is_not_hit_by_a_cancel(void **state)
{
	struct asked first, second;

	(void)state;
	nb_up(1, true);
	nb_nic.query = IM_STATUS_PENDING;
	nb_nic.in_cancel = abort_and_turn;
	im_request(nb_tops[0].binding, query(&first));
	im_request(nb_tops[0].binding, query(&second));
	im_cancel_request(nb_tops[0].binding, &first.request);
	nb_turn();
	nb_expect("nic:query(10107) nic:cancel t0:complete(10107,17) (returns) nic:query(10107)");
	complete_query();
	nb_down();
}

/* ---- Refused ------------------------------------------------------------------------------------------- */

static void an_adapter_asleep_is_asked_nothing(void **state)
{
	struct asked asked;

	(void)state;
	nb_up(1, true);
	assert_int_equal(im_set_power(nb_nic.instance, IM_POWER_D3), IM_STATUS_SUCCESS);
	nb_expect("t0:event(0,4) nic:set(fd010101,4)");
	assert_int_equal(im_request(nb_tops[0].binding, query(&asked)), IM_STATUS_LOW_POWER_STATE);
	assert_int_equal(im_request_instance(nb_nic.instance, query(&asked)), IM_STATUS_LOW_POWER_STATE);
	nb_expect(""); /* 6.19 */
	assert_int_equal(im_set_power(nb_nic.instance, IM_POWER_D0), IM_STATUS_SUCCESS);
	assert_int_equal(im_request(nb_tops[0].binding, query(&asked)), IM_STATUS_SUCCESS);
	nb_down();
}

static void power_is_set_by_the_core_and_the_operator_alone(void **state)
{
	struct asked asked;

	(void)state;
	nb_up(1, true);
	assert_int_equal(im_request(nb_tops[0].binding, set(&asked, SLUICE_OID_PNP_SET_POWER, 4)),
			 IM_STATUS_NOT_ACCEPTED);
	nb_expect("");
	assert_int_equal(im_request_instance(nb_nic.instance, set(&asked, SLUICE_OID_PNP_SET_POWER, 4)),
			 IM_STATUS_SUCCESS);
	assert_int_equal(asked.request.done, 4);
	nb_expect("t0:event(0,4) nic:set(fd010101,4)"); /* in the order of 7.22 */
	assert_int_equal(im_request_instance(nb_nic.instance, set(&asked, SLUICE_OID_PNP_SET_POWER, 1)),
			 IM_STATUS_SUCCESS);
	nb_expect("nic:set(fd010101,1) t0:event(0,1)");
	set(&asked, SLUICE_OID_PNP_SET_POWER, 4)->length = 3; /* the driver's to refuse (6.28) */
	assert_int_equal(im_request_instance(nb_nic.instance, &asked.request), IM_STATUS_INVALID_LENGTH);
	assert_int_equal(asked.request.needed, 4);
	assert_int_equal(nb_nic.instance->power, IM_POWER_D0);
	nb_down();
}

static im_status_t early;

static void ask_early(struct im_instance *instance)
{
	struct asked asked;

	early = im_request_instance(instance, query(&asked));
}

static void an_instance_is_asked_nothing_before_it_is_there(void **state)
{
	(void)state;
	nb_up(0, true);
	nb_vnic.in_initialize = ask_early;
	nb_start_vnic();
	assert_int_equal(early, IM_STATUS_NOT_READY); /* 6.26 */
	nb_expect("");
	nb_down();
}

/* ---- Closing and halting ------------------------------------------------------------------------------- */

static im_status_t clear_status;

static void clear_filter(struct nb_top *top)
{
	struct asked asked;

	clear_status = im_request(top->binding, set(&asked, FILTER, 0));
}

static void a_binding_that_goes_clears_its_filter_first(void **state)
{
	(void)state;
	nb_up(1, true);
	nb_tops[0].in_unbind = clear_filter;
	im_unbind(nb_tops[0].binding);
	assert_int_equal(clear_status, IM_STATUS_SUCCESS); /* 1.38 */
	nb_expect("nic:set(1010e,0) t0:unbind");
	nb_down();
}

static void a_close_waits_for_its_requests(void **state)
{
	struct asked first, second;

	(void)state;
	nb_up(2, true);
	nb_nic.query = IM_STATUS_PENDING;
	nb_nic.in_cancel = abort_query;
	im_request(nb_tops[0].binding, query(&first));
	im_request(nb_tops[0].binding, query(&second));
	im_unbind(nb_tops[0].binding);
	/* queued, then at the miniport; closed only after both (3.6) */
	nb_expect("nic:query(10107) t0:unbind t0:complete(10107,17) nic:cancel t0:complete(10107,17)");
	nb_down();
}

static void complete_first(struct im_work *work)
{
	(void)work;
	nb_say("(later)");
	complete_query();
}

static void a_close_pends_until_the_miniport_is_done(void **state)
{
	static struct im_work work = {.run = complete_first};
	struct asked asked;

	(void)state;
	nb_up(1, true);
	nb_nic.query = IM_STATUS_PENDING;
	im_request(nb_tops[0].binding, query(&asked));
	im_schedule_work(&work);
	im_unbind(nb_tops[0].binding);
	nb_expect("nic:query(10107) t0:unbind nic:cancel (later) t0:complete(10107,0) t0:closed");
	nb_down();
}

static void requests_of_others_survive_a_close(void **state)
{
	struct asked first, second, third;

	(void)state;
	nb_up(2, true);
	nb_nic.query = IM_STATUS_PENDING;
	im_request(nb_tops[0].binding, query(&first));
	im_request(nb_tops[1].binding, query(&second));
	im_request(nb_tops[0].binding, query(&third));
	im_unbind(nb_tops[1].binding);
	nb_expect("nic:query(10107) t1:unbind t1:complete(10107,17)");
	complete_query();
	nb_turn();
	complete_query();
	nb_expect("t0:complete(10107,0) nic:query(10107) t0:complete(10107,0)");
	nb_down();
}

static struct im_binding *closing;
static im_status_t late;

static void ask_while_it_closes(void)
{
	struct asked asked;

	late = im_request(closing, query(&asked));
	abort_query();
}

static void a_binding_that_is_closed_asks_nothing(void **state)
{
	struct asked asked;

	(void)state;
	nb_up(1, false);
	nb_nic.query = IM_STATUS_PENDING;
	nb_nic.in_cancel = ask_while_it_closes;
	closing = nb_tops[0].binding;
	im_request(closing, query(&asked));
	im_unbind(closing);
	assert_int_equal(late, IM_STATUS_CLOSING);
	nb_expect("nic:query(10107) t0:unbind nic:cancel t0:complete(10107,17)");
	nb_down();
}

/* What the operator asks on another thread. */
static im_status_t operator_status;
static uint32_t operator_asks;

static void *operate(void *context)
{
	struct im_instance *instance;
	struct asked asked;

	(void)context;
	assert_int_equal(im_thread_attach(), 0);
	instance = im_hold_instance("nic");
	operator_status = im_request_instance(instance, query(&asked));
	im_release_instance(instance);
	im_thread_detach();
	return NULL;
}

static void operator_has_asked(void)
{
	__atomic_store_n(&operator_asks, 1, __ATOMIC_RELEASE);
}

static void a_halt_brings_a_request_to_its_end_first(void **state)
{
	pthread_t thread;

	(void)state;
	nb_up(0, true);
	nb_nic.query = IM_STATUS_PENDING;
	nb_nic.in_query = operator_has_asked;
	nb_nic.in_cancel = abort_query;
	operator_asks = 0;
	assert_int_equal(pthread_create(&thread, NULL, operate, NULL), 0);
	while (!__atomic_load_n(&operator_asks, __ATOMIC_ACQUIRE))
		sched_yield();
	nb_halt_nic();
	nb_expect("nic:query(10107) nic:cancel nic:halt"); /* 6.25 */
	pthread_join(thread, NULL);
	assert_int_equal(operator_status, IM_STATUS_REQUEST_ABORTED);
	nb_down();
}

static struct im_instance *halting;

static void ask_while_it_halts(void)
{
	struct asked asked;

	late = im_request_instance(halting, query(&asked));
	abort_query();
}

static void an_instance_that_halts_is_asked_nothing(void **state)
{
	pthread_t thread;

	(void)state;
	nb_up(0, false);
	nb_nic.query = IM_STATUS_PENDING;
	nb_nic.in_query = operator_has_asked;
	nb_nic.in_cancel = ask_while_it_halts;
	halting = nb_nic.instance;
	operator_asks = 0;
	assert_int_equal(pthread_create(&thread, NULL, operate, NULL), 0);
	while (!__atomic_load_n(&operator_asks, __ATOMIC_ACQUIRE))
		sched_yield();
	nb_halt_nic();
	pthread_join(thread, NULL);
	assert_int_equal(late, IM_STATUS_CLOSING); /* 6.25 */
	nb_expect("nic:query(10107) nic:cancel nic:halt");
	nb_down();
}

static void complete_by_work(struct im_work *work)
{
	(void)work;
	complete_query();
}

static struct im_work completion = {.run = complete_by_work};

static void schedule_completion(void)
{
	im_schedule_work(&completion);
}

static struct im_request held_by_nobody;

static void forget(struct im_request *request, im_status_t status)
{
	(void)request;
	nb_say("(ended %d)", (int)status);
}

/* Requests of the core's own are held by nothing but the queue. */
static void a_halt_waits_for_the_miniport(void **state)
{
	(void)state;
	nb_up(0, true);
	nb_nic.query = IM_STATUS_PENDING;
	nb_nic.in_cancel = schedule_completion;
	held_by_nobody = (struct im_request){.oid = SPEED, .core.completed = forget};
	assert_int_equal(im_core_request(nb_nic.instance, &held_by_nobody), IM_STATUS_PENDING);
	nb_halt_nic();
	nb_expect("nic:query(10107) nic:cancel (ended 0) nic:halt");
	nb_down();
}

/* One control thread is enough: it does the work that it waits for. */
static void the_operator_waits_for_a_pended_request(void **state)
{
	struct asked asked;

	(void)state;
	nb_up(0, true);
	nb_nic.query = IM_STATUS_PENDING;
	nb_nic.in_query = schedule_completion;
	assert_int_equal(im_request_instance(nb_nic.instance, query(&asked)), IM_STATUS_SUCCESS);
	nb_expect("nic:query(10107)");
	nb_down();
}

/* With the verifier's schedule a request comes later: who asks must stand that (12.61). */
static void a_later_schedule_pends_what_would_not(void **state)
{
	struct asked asked;

	(void)state;
	nb_up(1, true);
	im_verify_now.schedule = IM_SCHEDULE_LATER;
	assert_int_equal(im_request(nb_tops[0].binding, query(&asked)), IM_STATUS_PENDING);
	nb_expect("");
	nb_turn();
	nb_expect("nic:query(10107)"); /* and so does its completion */
	nb_turn();
	nb_expect("t0:complete(10107,0)");
	im_verify_now.schedule = IM_SCHEDULE_INLINE;
	nb_down();
}

/* ---- What all protocols want, together ------------------------------------------------------------------ */

static void filters_of_several_protocols_are_put_together(void **state)
{
	struct asked asked;

	(void)state;
	nb_up(2, true);
	assert_int_equal(im_request(nb_tops[0].binding, set(&asked, FILTER, 0x1)), IM_STATUS_SUCCESS);
	assert_int_equal(im_request(nb_tops[1].binding, set(&asked, FILTER, 0x28)), IM_STATUS_SUCCESS);
	assert_int_equal(asked.request.done, 4);
	assert_int_equal(im_request(nb_tops[1].binding, set(&asked, FILTER, 0)), IM_STATUS_SUCCESS);
	nb_expect("nic:set(1010e,1) nic:set(1010e,29) nic:set(1010e,1)"); /* the other one keeps its own */
	nb_nic.set = IM_STATUS_INVALID_DATA;
	assert_int_equal(im_request(nb_tops[1].binding, set(&asked, FILTER, 4)), IM_STATUS_INVALID_DATA);
	nb_nic.set = IM_STATUS_SUCCESS;
	assert_int_equal(im_request(nb_tops[0].binding, set(&asked, FILTER, 2)), IM_STATUS_SUCCESS);
	nb_expect("nic:set(1010e,5) nic:set(1010e,2)"); /* what was refused does not count */
	assert_int_equal(im_request_instance(nb_nic.instance, set(&asked, FILTER, 0x20)), IM_STATUS_SUCCESS);
	nb_expect("nic:set(1010e,20)"); /* the operator's goes as it is */
	nb_down();
}

static im_status_t set_addresses(struct nb_top *top, uint8_t first, uint32_t count)
{
	uint8_t list[40 * 6] = {0};
	struct im_request request = {.set = true, .oid = MULTICAST, .buffer = list, .length = count * 6};
	im_status_t status;

	for (uint32_t i = 0; i < count; i++) {
		list[i * 6] = 1;
		list[i * 6 + 5] = (uint8_t)(first + i);
	}
	status = im_request(top->binding, &request);
	assert_int_equal(request.done, status == IM_STATUS_SUCCESS ? count * 6 : 0);
	return status;
}

static void addresses_of_several_protocols_are_put_together(void **state)
{
	(void)state;
	nb_up(2, true);
	assert_int_equal(set_addresses(&nb_tops[0], 0, 20), IM_STATUS_SUCCESS);
	assert_int_equal(set_addresses(&nb_tops[1], 10, 20), IM_STATUS_SUCCESS); /* ten are the same */
	nb_expect("nic:set(1010103,20 addresses) nic:set(1010103,30 addresses)");
	assert_int_equal(set_addresses(&nb_tops[1], 10, 23), IM_STATUS_RESOURCES); /* 33 */
	nb_expect("");
	assert_int_equal(set_addresses(&nb_tops[1], 0, 0), IM_STATUS_SUCCESS);
	nb_expect("nic:set(1010103,20 addresses)");
	nb_down();
}

/* contract: 5.9 */
static void without_a_filter_nothing_is_indicated(void **state)
{
	struct asked asked;

	(void)state;
	nb_up(1, true);
	nb_start_vnic();
	assert_int_equal(nb_vnic.instance->gate & IM_GATE_NO_FILTER, IM_GATE_NO_FILTER); /* nobody has set one yet */
	im_request(nb_tops[0].binding, set(&asked, FILTER, 1));
	assert_int_equal(nb_nic.instance->gate & IM_GATE_NO_FILTER, 0);
	im_request(nb_tops[0].binding, set(&asked, FILTER, 0));
	assert_int_equal(nb_nic.instance->gate & IM_GATE_NO_FILTER, IM_GATE_NO_FILTER); /* 5.9 */
	nb_nic.set = IM_STATUS_INVALID_DATA;
	im_request(nb_tops[0].binding, set(&asked, FILTER, 1));
	assert_int_equal(nb_nic.instance->gate & IM_GATE_NO_FILTER, IM_GATE_NO_FILTER);
	nb_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_binding_that_goes_clears_its_filter_first),
		cmocka_unit_test(a_binding_that_is_closed_asks_nothing),
		cmocka_unit_test(a_close_pends_until_the_miniport_is_done),
		cmocka_unit_test(a_close_waits_for_its_requests),
		cmocka_unit_test(a_completed_request_makes_room_for_the_next),
		cmocka_unit_test(a_completion_may_come_before_the_handler_returns),
		cmocka_unit_test(a_counter_has_eight_bytes_or_four),
		cmocka_unit_test(a_driver_asks_below_before_it_answers_above),
		cmocka_unit_test(a_final_answer_completes_nothing_later),
		cmocka_unit_test(a_halt_brings_a_request_to_its_end_first),
		cmocka_unit_test(a_halt_waits_for_the_miniport),
		cmocka_unit_test(a_later_schedule_pends_what_would_not),
		cmocka_unit_test(a_pended_request_completes_once_with_its_counts),
		cmocka_unit_test(a_queued_request_is_aborted_at_once),
		cmocka_unit_test(a_request_at_the_miniport_is_cancelled_by_it),
		cmocka_unit_test(a_request_that_is_out_is_not_handed_in_again),
		cmocka_unit_test(a_set_says_what_it_has_read),
		cmocka_unit_test(a_value_is_taken_at_its_right_size_alone),
		cmocka_unit_test(addresses_of_several_protocols_are_put_together),
		cmocka_unit_test(an_adapter_asleep_is_asked_nothing),
		cmocka_unit_test(an_answer_is_stored_whole_or_not_at_all),
		cmocka_unit_test(an_empty_answer_needs_no_buffer),
		cmocka_unit_test(an_instance_is_asked_nothing_before_it_is_there),
		cmocka_unit_test(an_instance_that_halts_is_asked_nothing),
		cmocka_unit_test(another_instance_is_asked_meanwhile),
		cmocka_unit_test(byte_counts_are_zero_when_the_handler_begins),
		cmocka_unit_test(counts_that_belie_the_status_are_named),
		cmocka_unit_test(filters_of_several_protocols_are_put_together),
		cmocka_unit_test(handlers_that_complete_inside_are_called_in_a_loop),
		cmocka_unit_test(more_bytes_than_the_buffer_has_are_cut_off),
		cmocka_unit_test(only_what_pends_is_completed_and_once),
		cmocka_unit_test(power_is_set_by_the_core_and_the_operator_alone),
		cmocka_unit_test(requests_of_others_survive_a_close),
		cmocka_unit_test(requests_wait_in_order_for_each_other),
		cmocka_unit_test(the_next_request_is_not_hit_by_a_cancel),
		cmocka_unit_test(the_operator_waits_for_a_pended_request),
		cmocka_unit_test(without_a_filter_nothing_is_indicated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
