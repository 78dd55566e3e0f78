/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests at the miniport: one at a time, pended, completed once, their byte counts (contract 6A, 6B). */
#include "asked.h"
#include "im/verify/verifier.h"

/* ---- Answered at once -------------------------------------------------------------------------------- */

/* contract: 6.11 */
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

/* contract: 6.2 */
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

/* contract: 6.9 */
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

/* contract: 6.11 6.12 */
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
/* contract: 6.11 */
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

/* contract: 6.13 */
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

/* contract: 6.14 12.22 */
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

/* contract: 6.15 */
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

/* contract: 6.16 */
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

/* ---- Wrong byte counts --------------------------------------------------------------------------------- */

/* contract: 6.3 */
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

/* contract: 6.4 6.9 */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_completed_request_makes_room_for_the_next),
		cmocka_unit_test(a_completion_may_come_before_the_handler_returns),
		cmocka_unit_test(a_driver_asks_below_before_it_answers_above),
		cmocka_unit_test(a_final_answer_completes_nothing_later),
		cmocka_unit_test(a_later_schedule_pends_what_would_not),
		cmocka_unit_test(a_pended_request_completes_once_with_its_counts),
		cmocka_unit_test(a_request_that_is_out_is_not_handed_in_again),
		cmocka_unit_test(a_set_says_what_it_has_read),
		cmocka_unit_test(another_instance_is_asked_meanwhile),
		cmocka_unit_test(byte_counts_are_zero_when_the_handler_begins),
		cmocka_unit_test(counts_that_belie_the_status_are_named),
		cmocka_unit_test(handlers_that_complete_inside_are_called_in_a_loop),
		cmocka_unit_test(more_bytes_than_the_buffer_has_are_cut_off),
		cmocka_unit_test(only_what_pends_is_completed_and_once),
		cmocka_unit_test(requests_wait_in_order_for_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
