/* SPDX-License-Identifier: BSD-3-Clause */
/* Hang checks: how often, and what they lead to (contract section 7B, 6.18). */
#include <sched.h>
#include <string.h>

#include "neighbours.h"

#define ASK   "nic:hang?"
#define RESET " t0:status(1) t0:end nic:reset t0:status(2) t0:end"

static struct im_request asked;
static uint32_t value;

static void ask(void)
{
	asked = (struct im_request){.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &value, .length = sizeof(value)};
	nb_nic.query = IM_STATUS_PENDING;
	assert_int_equal(im_request(nb_tops[0].binding, &asked), IM_STATUS_PENDING);
	nb_expect("nic:query(10107)");
}

static void answer(void)
{
	im_query_information_complete(nb_nic.instance, IM_STATUS_SUCCESS);
	nb_expect("t0:complete(10107,0)");
}

/* contract: 2.18 7.11 */
static void a_miniport_is_asked_every_two_seconds(void **state)
{
	(void)state;
	nb_up(1, false);
	nb_tick_at(100); /* its period begins */
	nb_tick_at(101);
	nb_expect("");
	nb_tick_at(102);
	nb_expect(ASK); /* 7.11 */
	nb_tick_at(103);
	nb_expect("");
	nb_tick_at(104);
	nb_expect(ASK);
	nb_down();
}

/* contract: 2.18 7.11 */
static void a_driver_sets_its_own_period(void **state)
{
	(void)state;
	nb_up(1, false);
	im_set_check_for_hang_time(nb_nic.instance, 5);
	nb_tick_at(100);
	nb_tick_at(104);
	nb_expect("");
	nb_tick_at(105);
	nb_expect(ASK);
	nb_down();
}

/* contract: 7.11 */
static void one_that_hangs_is_reset(void **state)
{
	(void)state;
	nb_up(1, false);
	nb_tick_at(100);
	nb_nic.hangs = true;
	nb_tick_at(102);
	nb_expect(ASK RESET);
	nb_nic.hangs = false;
	nb_tick_at(104);
	nb_expect(ASK);
	nb_down();
}

static void it_is_not_asked_while_it_is_reset(void **state)
{
	(void)state;
	nb_up(1, false);
	nb_tick_at(100);
	nb_nic.reset = IM_STATUS_PENDING;
	nb_nic.hangs = true;
	nb_tick_at(102);
	nb_expect(ASK " t0:status(1) t0:end nic:reset");
	nb_tick_at(104);
	nb_tick_at(110);
	nb_expect("");
	nb_nic.hangs = false;
	im_reset_complete(nb_nic.instance, IM_STATUS_SUCCESS, false);
	nb_tick_at(111);
	nb_expect("t0:status(2) t0:end " ASK);
	nb_down();
}

static void tick_early(struct im_instance *instance)
{
	(void)instance;
	nb_tick_at(200);
	nb_tick_at(300);
}

/* contract: 7.12 */
static void nobody_is_asked_while_it_initialises(void **state)
{
	(void)state;
	nb_up(0, false);
	nb_halt_nic();
	nb_expect("nic:halt");
	nb_nic.in_initialize = tick_early;
	assert_int_equal(im_start_plain_instance(im_find_driver("nic"), "nic", &nb_nic), IM_STATUS_SUCCESS);
	nb_expect(""); /* 7.12 */
	nb_down();
}

static void nobody_is_asked_in_its_sleep(void **state)
{
	(void)state;
	nb_up(1, false);
	nb_tick_at(100);
	assert_int_equal(im_set_power(nb_nic.instance, IM_POWER_D3), IM_STATUS_SUCCESS);
	nb_expect("t0:event(0,4) nic:set(fd010101,4)");
	nb_tick_at(110);
	nb_expect("");
	nb_down();
}

/* contract: 7.13 */
static void an_intermediate_driver_is_neither_asked_nor_reset(void **state)
{
	struct nb_top *above;

	(void)state;
	nb_up(0, false);
	nb_halt_nic();
	nb_start_vnic();
	nb_vnic.instance->attributes &= ~IM_ATTRIBUTE_IGNORE_TIMEOUTS;
	above = nb_bind("vnic");
	nb_vnic.query = IM_STATUS_PENDING;
	asked = (struct im_request){.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &value, .length = sizeof(value)};
	nb_tick_at(100);
	assert_int_equal(im_request(above->binding, &asked), IM_STATUS_PENDING);
	nb_tick_at(102);
	nb_tick_at(120);
	nb_expect("nic:halt vnic:query(10107)"); /* 7.13 */
	im_query_information_complete(nb_vnic.instance, IM_STATUS_SUCCESS);
	nb_down();
}

/* 6.18: two periods, counted from when the miniport got it. */
/* contract: 6.18 */
static void a_request_that_is_out_for_two_periods_means_a_reset(void **state)
{
	(void)state;
	nb_up(1, false);
	nb_tick_at(100);
	nb_tick_at(101);
	ask();
	nb_tick_at(102);
	nb_expect(ASK);
	nb_tick_at(104);
	nb_expect(ASK);
	nb_tick_at(106); /* five seconds */
	nb_expect(ASK RESET);
	answer();
	nb_tick_at(108);
	nb_expect(ASK);
	nb_down();
}

static void who_does_its_own_timing_is_left_alone(void **state)
{
	(void)state;
	nb_up(1, false);
	nb_nic.instance->attributes |= IM_ATTRIBUTE_IGNORE_TIMEOUTS;
	nb_tick_at(100);
	ask();
	nb_tick_at(102);
	nb_tick_at(200);
	nb_expect(ASK " " ASK);
	answer();
	nb_down();
}

/* A send that only a reset brings home, while the instance halts. */
static uint16_t account;
static uint64_t sends_done; /* by the thread that resets */

static void complete_reset(struct im_work *work)
{
	(void)work;
	nb_say("(reset)");
	im_reset_complete(nb_nic.instance, IM_STATUS_SUCCESS, false);
}

static struct im_work completion = {.run = complete_reset};

static void bring_it_home(void)
{
	__atomic_store_n(&im_this_worker->accounts[account].sends_done, ++sends_done, __ATOMIC_RELEASE);
	im_schedule_work(&completion);
}

static void *tick(void *context)
{
	(void)context;
	assert_int_equal(im_thread_attach(), 0);
	while (__atomic_load_n(&nb_nic.instance->state, __ATOMIC_ACQUIRE) != SLUICE_INSTANCE_PAUSING)
		sched_yield();
	nb_tick_at(102);
	im_thread_detach();
	return NULL;
}

static void one_that_hangs_when_it_halts_is_reset_first(void **state)
{
	pthread_t thread;

	(void)state;
	nb_up(0, false);
	nb_tick_at(100);
	account = nb_nic.instance->id;
	im_this_worker->accounts[account].sends_begun++;
	nb_nic.hangs = true;
	nb_nic.reset = IM_STATUS_PENDING;
	nb_nic.in_reset = bring_it_home;
	assert_int_equal(pthread_create(&thread, NULL, tick, NULL), 0);
	nb_halt_nic();
	pthread_join(thread, NULL);
	nb_expect(ASK " nic:reset (reset) nic:halt");
	nb_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_driver_sets_its_own_period),
		cmocka_unit_test(a_miniport_is_asked_every_two_seconds),
		cmocka_unit_test(a_request_that_is_out_for_two_periods_means_a_reset),
		cmocka_unit_test(an_intermediate_driver_is_neither_asked_nor_reset),
		cmocka_unit_test(it_is_not_asked_while_it_is_reset),
		cmocka_unit_test(nobody_is_asked_in_its_sleep),
		cmocka_unit_test(nobody_is_asked_while_it_initialises),
		cmocka_unit_test(one_that_hangs_is_reset),
		cmocka_unit_test(one_that_hangs_when_it_halts_is_reset_first),
		cmocka_unit_test(who_does_its_own_timing_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
