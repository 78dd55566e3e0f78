/* SPDX-License-Identifier: BSD-3-Clause */
/* Taking back what was asked, while it begins (contract 2.43, 2.44): one thread asks and takes back, another starts
 * what it finds, 10^5 times. */
#include <sched.h>
#include <string.h>

#include "rig.h"

#define ROUNDS 100000u
#define ALONE  1000u /* rounds before the other thread begins: each outcome is certain there */

/* What became of each request: its device context points here. */
static struct outcome {
	uint8_t cancelled, initialized; /* how often; atomic */
} outcomes[ROUNDS];

static struct im_instance *instance_now;
static unsigned halts;
static bool stopping;

static im_status_t initialize(struct im_instance *instance, void *device_context)
{
	struct outcome *outcome = device_context;

	im_set_attributes(instance, device_context, IM_ATTRIBUTE_INTERMEDIATE_DRIVER | IM_ATTRIBUTE_DESERIALIZE);
	__atomic_store_n(&instance_now, instance, __ATOMIC_RELAXED);
	__atomic_add_fetch(&outcome->initialized, 1, __ATOMIC_RELEASE);
	return IM_STATUS_SUCCESS;
}

static void halt(void *context)
{
	(void)context;
	halts++;
}

static im_status_t entry(struct rig_driver *driver, struct im_driver_object *object)
{
	struct im_miniport_characteristics miniport;
	struct im_protocol_characteristics protocol;

	rig_fill(driver, &miniport, &protocol);
	miniport.initialize = initialize; /* as it is: its log would be full */
	miniport.halt = halt;
	assert_int_equal(im_initialize_wrapper(&driver->wrapper, object), IM_STATUS_SUCCESS);
	assert_int_equal(
		im_register_layered_miniport(driver->wrapper, &miniport, sizeof(miniport), &driver->miniport_handle),
		IM_STATUS_SUCCESS);
	rig_register_unload(driver);
	return IM_STATUS_SUCCESS; /* over nothing that is an adapter: it has no protocol edge */
}

/* The core's own thread, which starts what was asked for. */
static void start_what_is_there(void *argument)
{
	(void)argument;
	while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED))
		host_tick(0);
}

static void idle(uint32_t loops)
{
	for (uint32_t i = 0; i < loops; i++)
		__asm__ volatile("");
}

/* It runs, or has run: wait for it, then deinitialise it, which alone reverses it (2.43, 2.45). */
static void take_down(struct outcome *outcome)
{
	unsigned before = halts;
	im_status_t status = IM_STATUS_FAILURE; /* until initialize has returned */

	while (__atomic_load_n(&outcome->initialized, __ATOMIC_ACQUIRE) == 0)
		sched_yield();
	while (status != IM_STATUS_SUCCESS) {
		assert_true(host_exists("v"));
		status = im_deinitialize_device_instance(__atomic_load_n(&instance_now, __ATOMIC_RELAXED));
	}
	assert_int_equal(halts, before + 1);
}

/* Who is let through first. */
enum first {
	CANCEL,
	START,
	IN_BETWEEN, /* the loops decide */
	YIELD,	    /* the same, after the other thread could have its turn on this core */
};

static void play(struct outcome *outcome, enum first first, uint32_t loops)
{
	struct im_miniport *miniport = rig.mid->miniport_handle;

	assert_int_equal(im_initialize_device_instance(miniport, "v", outcome), IM_STATUS_SUCCESS);
	if (first == START)
		host_tick(0);
	if (first == YIELD)
		sched_yield();
	idle(loops);
	if (im_cancel_initialize_device_instance(miniport, "v") == IM_STATUS_SUCCESS) {
		outcome->cancelled++;
		assert_false(host_exists("v"));
	} else {
		take_down(outcome);
	}
}

static void set_up(void)
{
	static const struct host_options later = {.verify = {.schedule = IM_SCHEDULE_LATER,
							     .send_limit_ms = 30000,
							     .progress_limit_ms = 22000,
							     .request_limit_ms = 12000,
							     .handler_limit_ms = 100000,
							     .wait_limit_ms = 100000}};

	rig_begin(&later, 0);
	memset(outcomes, 0, sizeof(outcomes));
	halts = 0;
	stopping = false;
	rig.mid->entry = entry;
	assert_int_equal(rig_load(rig.mid), IM_STATUS_SUCCESS);
}

static uint32_t count_initialized(uint32_t from, uint32_t to)
{
	uint32_t count = 0;

	for (uint32_t round = from; round < to; round++)
		count += outcomes[round].initialized;
	return count;
}

static void c2_43_c2_44_c2_45_each_request_is_cancelled_or_initialised_and_never_both(void **state)
{
	uint32_t random = 1;

	(void)state;
	set_up();
	for (uint32_t round = 0; round < ALONE; round++)
		play(&outcomes[round], round % 2 == 0 ? CANCEL : START, 0);
	assert_int_equal(count_initialized(0, ALONE), ALONE / 2);
	host_begin(HOST_CONTROL, start_what_is_there, NULL);
	for (uint32_t round = ALONE; round < ROUNDS; round++) {
		random = random * 1664525u + 1013904223u;
		play(&outcomes[round], random >> 30 == 0 ? YIELD : IN_BETWEEN, (random >> 8) % 8192);
	}
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	host_join();
	host_settle(); /* what would come late, comes */
	for (uint32_t round = 0; round < ROUNDS; round++)
		if (outcomes[round].cancelled + outcomes[round].initialized != 1)
			fail_msg("request %u: cancelled %u times, initialised %u times", round,
				 outcomes[round].cancelled, outcomes[round].initialized);
	assert_int_equal(halts, count_initialized(0, ROUNDS));
	print_message("%u of %u were initialised\n", halts, ROUNDS);
	assert_int_equal(host_objects("mid"), 0);
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c2_43_c2_44_c2_45_each_request_is_cancelled_or_initialised_and_never_both),
	};

	return host_run_tests(tests);
}
