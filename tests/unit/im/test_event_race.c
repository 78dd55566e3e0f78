/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Resets, power changes, pauses, requests and indications on several threads at once: all of them come to their end, in
 * whatever order (contract 7.8, 7.21), and a protocol hears begin and end of each reset in turn. For the thread
 * sanitizer too. Whoever waits for ever here, the test's time limit ends.
 */
#include <sched.h>
#include <string.h>

#include "neighbours.h"

#define ROUNDS 150u

static bool stop;
static uint32_t in_reset; /* the miniport has a reset to complete */
static uint32_t resets, begun, ended, out_of_turn, wrong;
static uint32_t said, heard; /* of the link, last */

static void take_reset(void)
{
	__atomic_store_n(&in_reset, 1, __ATOMIC_RELEASE);
}

static void hear(uint32_t indication)
{
	if (indication >= IM_INDICATION_MEDIA_CONNECT)
		__atomic_store_n(&heard, indication, __ATOMIC_RELAXED);
	if (indication == IM_INDICATION_RESET_START &&
	    __atomic_add_fetch(&begun, 1, __ATOMIC_RELAXED) != __atomic_load_n(&ended, __ATOMIC_RELAXED) + 1)
		out_of_turn = 1;
	if (indication == IM_INDICATION_RESET_END &&
	    __atomic_add_fetch(&ended, 1, __ATOMIC_RELAXED) != __atomic_load_n(&begun, __ATOMIC_RELAXED))
		out_of_turn = 1;
}

/* As a worker would: at DISPATCH. */
static void *work(void *context)
{
	uint32_t indication = IM_INDICATION_MEDIA_CONNECT;
	uint8_t level;

	(void)context;
	if (im_thread_attach() != 0)
		return NULL;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		level = im_raise(im_this_worker);
		if (__atomic_exchange_n(&in_reset, 0, __ATOMIC_ACQ_REL) != 0)
			im_reset_complete(nb_nic.instance, IM_STATUS_SUCCESS, true);
		im_indicate_status(nb_nic.instance, indication, NULL, 0);
		im_indicate_status_complete(nb_nic.instance);
		im_lower(im_this_worker, level);
		said = indication;
		indication ^= IM_INDICATION_MEDIA_CONNECT ^ IM_INDICATION_MEDIA_DISCONNECT;
		sched_yield();
	}
	im_thread_detach();
	return NULL;
}

static void expect(bool condition)
{
	if (!condition)
		__atomic_store_n(&wrong, 1, __ATOMIC_RELAXED);
}

static void change_power(void)
{
	expect(im_set_power(nb_nic.instance, IM_POWER_D3) == IM_STATUS_SUCCESS);
	expect(im_set_power(nb_nic.instance, IM_POWER_D0) == IM_STATUS_SUCCESS);
}

static void pause_and_restart(void)
{
	im_pause(nb_nic.instance);
	expect(im_restart(nb_nic.instance) == IM_STATUS_SUCCESS);
}

static void ask(void)
{
	uint32_t filter = 1;
	struct im_request request = {
		.set = true, .oid = SLUICE_OID_GEN_CURRENT_PACKET_FILTER, .buffer = &filter, .length = sizeof(filter)};
	im_status_t status = im_request_instance(nb_nic.instance, &request);

	expect(status == IM_STATUS_SUCCESS || status == IM_STATUS_LOW_POWER_STATE);
}

static void *repeat(void *context)
{
	void (*what)(void) = *(void (**)(void))context;

	if (im_thread_attach() != 0)
		return NULL;
	for (uint32_t i = 0; i < ROUNDS; i++)
		what();
	im_thread_detach();
	return NULL;
}

static void reset(void)
{
	im_status_t status = im_reset_instance(nb_nic.instance);

	expect(status == IM_STATUS_SUCCESS || status == IM_STATUS_LOW_POWER_STATE);
	resets += status == IM_STATUS_SUCCESS;
}

static void everything_at_once_comes_to_its_end(void **state)
{
	static void (*const what[])(void) = {change_power, pause_and_restart, ask};
	pthread_t threads[RTE_DIM(what)], worker;

	(void)state;
	nb_up(2, false);
	nb_nic.reset = IM_STATUS_PENDING;
	nb_nic.in_reset = take_reset;
	nb_tops[0].in_status = hear;
	stop = false;
	assert_int_equal(pthread_create(&worker, NULL, work, NULL), 0);
	for (uint32_t i = 0; i < RTE_DIM(what); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, repeat, (void *)(uintptr_t)&what[i]), 0);
	while (resets < ROUNDS)
		reset();
	for (uint32_t i = 0; i < RTE_DIM(what); i++)
		pthread_join(threads[i], NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(worker, NULL);
	assert_int_equal(wrong, 0);
	assert_int_equal(out_of_turn, 0);
	assert_int_equal(begun, resets);
	assert_int_equal(ended, resets);
	assert_int_equal(heard, said); /* 7.16: no news is lost, nor told before what is older */
	assert_int_equal(nb_nic.instance->power, IM_POWER_D0);
	assert_int_equal(nb_nic.instance->state, SLUICE_INSTANCE_RUNNING);
	assert_int_equal(nb_nic.instance->gate, 0);
	nb_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(everything_at_once_comes_to_its_end)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
