/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests that are cancelled or refused, and those that are out when something closes or halts (contract 6B). */
#include <sched.h>

#include "asked.h"

/* ---- Cancelling ---------------------------------------------------------------------------------------- */

/* contract: 6.23 */
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

/* contract: 6.23 */
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
/* contract: 6.23 */
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

/* contract: 6.19 */
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

/* contract: 6.19 6.28 */
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

/* contract: 6.26 */
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

/* contract: 11.38 */
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

/* contract: 11.38 */
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

/* contract: 6.25 */
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

/* contract: 6.25 */
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
/* contract: 6.25 */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_binding_that_goes_clears_its_filter_first),
		cmocka_unit_test(a_binding_that_is_closed_asks_nothing),
		cmocka_unit_test(a_close_pends_until_the_miniport_is_done),
		cmocka_unit_test(a_close_waits_for_its_requests),
		cmocka_unit_test(a_halt_brings_a_request_to_its_end_first),
		cmocka_unit_test(a_halt_waits_for_the_miniport),
		cmocka_unit_test(a_queued_request_is_aborted_at_once),
		cmocka_unit_test(a_request_at_the_miniport_is_cancelled_by_it),
		cmocka_unit_test(an_adapter_asleep_is_asked_nothing),
		cmocka_unit_test(an_instance_is_asked_nothing_before_it_is_there),
		cmocka_unit_test(an_instance_that_halts_is_asked_nothing),
		cmocka_unit_test(power_is_set_by_the_core_and_the_operator_alone),
		cmocka_unit_test(requests_of_others_survive_a_close),
		cmocka_unit_test(the_next_request_is_not_hit_by_a_cancel),
		cmocka_unit_test(the_operator_waits_for_a_pended_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
