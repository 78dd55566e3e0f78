/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control devices that outlive their miniport: handles over halt, initialize and deregistration, alone and all at once
 * (contract 8.5 to 8.16). The second half is for the thread sanitizer.
 */
#include <sched.h>
#include <string.h>

#include "guarded.h"
#include "neighbours.h"

static void initialize(struct im_instance *instance)
{
	(void)instance;
	assert_true(guarded_initialize(nb_wrapper));
}

static int up(void **state)
{
	(void)state;
	nb_up(0, false);
	nb_vnic.in_initialize = initialize;
	nb_vnic.in_halt = guarded_halt;
	guarded_stale = 0;
	return 0;
}

static int down(void **state)
{
	(void)state;
	assert_int_equal(guarded_alive, 0); /* freed exactly by their last holders (8.8) */
	assert_int_equal(guarded_stale, 0);
	assert_int_equal(nb_wrapper->devices, 0);
	nb_down();
	return 0;
}

static im_status_t read_number(struct im_handle *handle, uint32_t *number)
{
	struct im_device_call call = {.code = GUARDED_READ, .output = number, .output_room = sizeof(*number)};

	return im_call_device(handle, &call);
}

static struct im_handle *open_handle(void)
{
	struct im_handle *handle;

	assert_int_equal(im_open_device("guarded", &handle), IM_STATUS_SUCCESS);
	return handle;
}

static void expect(struct im_handle *handle, im_status_t status)
{
	uint32_t number = 0;

	assert_int_equal(read_number(handle, &number), status);
}

/* ---- One after the other ------------------------------------------------------------------------------- */

/* 8.11, 8.12 */
/* contract: 8.8 8.10 8.11 8.12 11.28 */
static void a_handle_outlives_halt_initialize_and_halt(void **state)
{
	struct im_handle *old, *young, *none;

	(void)state;
	nb_start_vnic();
	old = open_handle();
	expect(old, IM_STATUS_SUCCESS);
	nb_halt_vnic();
	expect(old, IM_STATUS_DEVICE_REMOVED); /* and not stale data */
	assert_int_equal(im_open_device("guarded", &none), IM_STATUS_NO_SUCH_DEVICE);
	assert_int_equal(guarded_alive, 1);
	nb_start_vnic();
	young = open_handle();
	expect(old, IM_STATUS_DEVICE_REMOVED);
	expect(young, IM_STATUS_SUCCESS);
	nb_halt_vnic();
	expect(young, IM_STATUS_DEVICE_REMOVED);
	im_close_handle(old); /* always succeeds */
	assert_int_equal(guarded_alive, 1);
	im_close_handle(young);
}

static uint32_t completions;
static im_status_t completed_with;

static void completed(struct im_device_call *call, im_status_t status)
{
	(void)call;
	completed_with = status;
	__atomic_add_fetch(&completions, 1, __ATOMIC_RELEASE);
}

/* contract: 8.11 8.16 */
static void halt_brings_pended_calls_to_their_end(void **state)
{
	struct im_device_call call = {.code = GUARDED_WAIT, .core.completed = completed};
	struct im_handle *handle;

	(void)state;
	nb_start_vnic();
	handle = open_handle();
	completions = 0;
	assert_int_equal(im_call_device(handle, &call), IM_STATUS_PENDING);
	nb_halt_vnic();
	assert_int_equal(completions, 1);
	assert_int_equal(completed_with, IM_STATUS_DEVICE_REMOVED); /* 8.16 */
	assert_int_equal(im_call_device(handle, &call), IM_STATUS_DEVICE_REMOVED);
	im_close_handle(handle);
	assert_int_equal(completions, 1);
}

/* ---- All at once ---------------------------------------------------------------------------------------- */

#define CALLERS	   3u
#define MIN_CALLS  20000u
#define MIN_CYCLES 200u
#define CALLS_EACH 8u /* on one handle */

static bool stop;
static uint32_t calls, wrong, pended, answered;

static void answer(struct im_device_call *call, im_status_t status)
{
	if (status != IM_STATUS_CANCELLED && status != IM_STATUS_DEVICE_REMOVED)
		__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&answered, 1, __ATOMIC_RELAXED);
	free(call); /* nobody has it any more: a second completion would be one of freed memory */
}

static void wait_on(struct im_handle *handle)
{
	struct im_device_call *call = calloc(1, sizeof(*call));
	im_status_t status;

	if (call == NULL)
		return;
	call->code = GUARDED_WAIT;
	call->core.completed = answer;
	status = im_call_device(handle, call);
	if (status == IM_STATUS_PENDING)
		__atomic_add_fetch(&pended, 1, __ATOMIC_RELAXED);
	else
		free(call);
	if (status != IM_STATUS_PENDING && status != IM_STATUS_DEVICE_REMOVED)
		__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
}

static void use(struct im_handle *handle)
{
	uint32_t first = 0, number = 0;
	bool dead = false;

	for (uint32_t i = 0; i < CALLS_EACH; i++) {
		im_status_t status = read_number(handle, &number);

		first = first == 0 ? number : first;
		/* the same block to the end, and once dead for ever dead */
		if ((status == IM_STATUS_SUCCESS && (dead || number != first)) ||
		    (status != IM_STATUS_SUCCESS && status != IM_STATUS_DEVICE_REMOVED))
			__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
		dead |= status == IM_STATUS_DEVICE_REMOVED;
		__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
		if (i == CALLS_EACH / 2)
			wait_on(handle);
	}
}

static void *keep_calling(void *context)
{
	struct im_handle *handle;
	im_status_t status;

	(void)context;
	if (im_thread_attach() != 0)
		return NULL;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		status = im_open_device("guarded", &handle);
		if (status == IM_STATUS_SUCCESS) {
			use(handle);
			im_close_handle(handle);
		} else if (status != IM_STATUS_NO_SUCH_DEVICE) {
			__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
		} else {
			sched_yield();
		}
	}
	im_thread_detach();
	return NULL;
}

/* contract: 8.5 8.8 8.11 8.13 11.27 */
static void callers_race_with_halt_and_initialize(void **state)
{
	pthread_t threads[CALLERS];
	uint32_t cycles = 0;

	(void)state;
	calls = wrong = pended = answered = 0;
	stop = false;
	for (uint32_t i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, keep_calling, NULL), 0);
	while (cycles < MIN_CYCLES || __atomic_load_n(&calls, __ATOMIC_RELAXED) < MIN_CALLS) {
		nb_start_vnic();
		sched_yield();
		nb_halt_vnic();
		cycles++;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < CALLERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(wrong, 0);
	assert_int_equal(answered, pended); /* each exactly once */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
		TEST(a_handle_outlives_halt_initialize_and_halt),
		TEST(callers_race_with_halt_and_initialize),
		TEST(halt_brings_pended_calls_to_their_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
