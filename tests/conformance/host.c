/* SPDX-License-Identifier: BSD-3-Clause */
/* The core itself: made, driven, destroyed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "../unit/edge/eal.h"
#include "host.h"
#include "host_threads.h"
#include "im/core.h"

#define SETTLE_TURNS 24u /* a step of a stack of eight, down and up, may take one each */

static uint64_t skew_ns;	 /* time that passed because a test said so */
static uint64_t violations_seen; /* by host_expect_counted() */
static bool is_up;
static struct im_packet_pool pool; /* of the card's buffers */

/* ---- Coming and going ---------------------------------------------------------------------------- */

/* SLUICE_SCHEDULE in the environment runs a whole program under another schedule (12.61). */
static enum im_verify_schedule schedule(enum im_verify_schedule wanted)
{
	static const char *const names[] = {
#define X(name, option, text) [IM_SCHEDULE_##name] = (option),
		IM_VERIFY_SCHEDULE_TABLE(X)
#undef X
	};
	const char *said = getenv("SLUICE_SCHEDULE");

	for (size_t i = 0; said != NULL && i < RTE_DIM(names); i++)
		if (strcmp(said, names[i]) == 0)
			return (enum im_verify_schedule)i;
	if (said != NULL)
		fail_msg("SLUICE_SCHEDULE=%s: there is no such schedule; example: SLUICE_SCHEDULE=later", said);
	return wanted;
}

static void verify(const struct im_verify_options *wanted)
{
	static const struct im_verify_options unset;
	struct im_verify_options options = *wanted;

	if (memcmp(wanted, &unset, sizeof(unset)) == 0)
		options = im_verify_defaults;
	options.schedule = schedule(options.schedule);
	assert_int_equal(im_verify(&options), 0);
}

/* Buffers come out of a DPDK pool, which the EAL must be up for; once in a program. It ties the thread to a core, which
 * those that it starts later would have from it. */
static void start_eal(void)
{
	static bool started;
	cpu_set_t cores;

	if (started)
		return;
	started = true;
	assert_int_equal(sched_getaffinity(0, sizeof(cores), &cores), 0);
	assert_int_equal(eal_up(NULL), 0);
	assert_int_equal(sched_setaffinity(0, sizeof(cores), &cores), 0);
}

static void make_buffers(uint32_t buffers)
{
	if (buffers > 0)
		start_eal();
	im_packet_pool_destroy(&pool); /* of a test that failed */
	if (buffers == 0)
		return;
	assert_int_equal(im_packet_pool_create(&pool, 1023, 1, buffers), 0);
	im_core.buffers = pool.buffers;
}

void host_up(const struct host_options *options)
{
	static const struct host_options defaults;

	if (options == NULL)
		options = &defaults;
	if (is_up) /* the test before failed, and left its core behind */
		host_threads_abandon();
	is_up = true;
	skew_ns = 0;
	assert_int_equal(im_core_create(options->workers, options->counters > 0 ? options->counters : 4), 0);
	make_buffers(options->buffers);
	if (!options->unverified)
		verify(&options->verify);
	violations_seen = im_violations();
	host_threads_start(options->workers);
	host_tick(0);
}

unsigned host_down_leaking(void)
{
	host_join();
	im_register_rule_service(NULL);
	im_unload_drivers();
	host_threads_stop();
	is_up = false;
	assert_true(pool.buffers == NULL || im_packet_pool_full(&pool));
	im_packet_pool_destroy(&pool);
	return im_core_destroy();
}

void host_down(void)
{
	assert_int_equal(host_down_leaking(), 0);
}

/* ---- Time ---------------------------------------------------------------------------------------- */

/* Real time goes on as well: what the core dates by its own look at the clock is never later than the next tick. */
void host_tick(uint32_t ms)
{
	struct timespec now;

	skew_ns += ms * UINT64_C(1000000);
	clock_gettime(CLOCK_MONOTONIC, &now);
	im_tick((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec + skew_ns);
}

void host_settle(void)
{
	for (uint32_t turn = 0; turn < SETTLE_TURNS; turn++) {
		host_tick(0);
		host_threads_turn();
	}
}

/* ---- Drivers, instances, bindings ---------------------------------------------------------------- */

im_status_t host_load(const char *name, im_driver_entry_t entry)
{
	return im_load_driver(name, entry, "made by a test");
}

im_status_t host_unload(const char *name, bool uninstall)
{
	return im_unload_driver(name, uninstall);
}

bool host_is_loaded(const char *name)
{
	return im_find_driver(name) != NULL;
}

im_status_t host_load_module(const struct im_module *module)
{
	return im_load_module(module, NULL);
}

im_status_t host_load_builtin(const char *name)
{
	return im_load_builtin_driver(name);
}

static struct im_driver_object *driver(const char *name)
{
	struct im_driver_object *found = im_find_driver(name);

	if (found == NULL)
		fail_msg("there is no driver '%s'", name);
	return found;
}

unsigned host_objects(const char *name)
{
	const struct im_wrapper *wrapper = driver(name)->wrapper;
	unsigned count = wrapper->owned.count + wrapper->devices;

	if (wrapper->miniport != NULL)
		count += wrapper->miniport->instances;
	if (wrapper->protocol != NULL)
		/* a bind that is under way may have none yet, one that is unbound has one still */
		count += RTE_MAX(wrapper->protocol->bindings, wrapper->protocol->binds);
	return count;
}

static struct im_instance *instance_called(const char *name)
{
	struct im_instance *found = im_find_instance(name);

	if (found == NULL)
		fail_msg("there is no instance '%s'", name);
	return found;
}

im_status_t host_start(const char *name_of_driver, const char *name, void *device_context)
{
	return im_start_plain_instance(driver(name_of_driver), name, device_context);
}

im_status_t host_stop(const char *name)
{
	return im_deinitialize_device_instance(instance_called(name));
}

void host_stop_if_there(const char *name)
{
	struct im_instance *instance = im_find_instance(name);

	if (instance != NULL)
		im_deinitialize_device_instance(instance);
}

im_status_t host_bind(const char *name, const char *adapter, const char *const *vnics)
{
	return host_bind_with(name, adapter, vnics, NULL);
}

im_status_t host_bind_with(const char *name, const char *adapter, const char *const *vnics,
			   const char *const *parameters)
{
	struct im_bind_config config = {.adapter = adapter, .vnic_names = vnics, .vnic_parameters = parameters};

	while (vnics != NULL && vnics[config.vnic_count] != NULL)
		config.vnic_count++;
	return im_bind(driver(name), &config);
}

static struct im_waiting_bind waiting;

void host_bind_when_registered(const char *name, const char *adapter, const char *const *vnics)
{
	waiting = (struct im_waiting_bind){.driver = name, .config = {.adapter = adapter, .vnic_names = vnics}};
	while (vnics[waiting.config.vnic_count] != NULL)
		waiting.config.vnic_count++;
	im_bind_when_registered(&waiting);
}

im_status_t host_waiting_bind(void)
{
	return waiting.status;
}

void host_forget_waiting_bind(void)
{
	im_forget_waiting_bind(&waiting);
}

im_status_t host_unbind_over(const char *adapter)
{
	return im_unbind_over(adapter);
}

void host_unbind(struct im_binding *binding)
{
	im_unbind(binding);
}

bool host_exists(const char *instance)
{
	return im_find_instance(instance) != NULL;
}

uint8_t host_state(const char *instance)
{
	return instance_called(instance)->state;
}

uint64_t host_outstanding(const char *instance)
{
	return im_outstanding(instance_called(instance));
}

im_status_t host_restart(const char *instance)
{
	return im_restart(instance_called(instance));
}

void host_pause(const char *instance)
{
	im_pause(instance_called(instance));
}

im_status_t host_reset(const char *instance)
{
	return im_reset_instance(instance_called(instance));
}

im_status_t host_set_power(const char *instance, enum im_power_state power)
{
	return im_set_power(instance_called(instance), power);
}

im_status_t host_pnp_event(const char *instance, struct im_pnp_event *event)
{
	return im_pnp_event(instance != NULL ? instance_called(instance) : NULL, event);
}

void host_shutdown(void)
{
	im_shutdown();
}

static im_status_t request(const char *instance, struct im_request *request, uint32_t *done, uint32_t *needed)
{
	im_status_t status = im_request_instance(instance_called(instance), request);

	*done = request->done;
	*needed = request->needed;
	return status;
}

im_status_t host_query(const char *instance, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
		       uint32_t *needed)
{
	struct im_request query = {.oid = oid, .buffer = buffer, .length = length};

	return request(instance, &query, written, needed);
}

im_status_t host_set(const char *instance, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
		     uint32_t *needed)
{
	struct im_request set = {.set = true, .oid = oid, .buffer = (void *)(uintptr_t)buffer, .length = length};

	return request(instance, &set, read, needed);
}

struct im_account host_account(const char *instance)
{
	struct im_account sum;

	im_read_account(im_instance_account(instance_called(instance)), &sum);
	return sum;
}

/* ---- Control devices ----------------------------------------------------------------------------- */

im_status_t host_open(const char *device, struct im_handle **handle)
{
	return im_open_device(device, handle);
}

im_status_t host_call(struct im_handle *handle, struct im_device_call *call)
{
	return im_call_device(handle, call);
}

void host_close(struct im_handle *handle)
{
	im_close_handle(handle);
}

struct wanted {
	const char *name;
	bool found;
};

static void look(void *context, const struct im_device *device, uint32_t handles)
{
	struct wanted *wanted = context;

	(void)handles;
	wanted->found = wanted->found || strcmp(im_device_name(device), wanted->name) == 0;
}

bool host_has_device(const char *device)
{
	struct wanted wanted = {.name = device};

	im_list_devices(look, &wanted);
	return wanted.found;
}

static void (*serve)(const char *driver, struct im_rule_change *change);

static void change_rules(void *context, const char *driver_name, struct im_rule_change *change)
{
	(void)context;
	serve(driver_name, change);
}

void host_serve_rules(void (*change)(const char *driver, struct im_rule_change *change))
{
	static const struct im_rule_service service = {.change = change_rules};

	serve = change;
	im_register_rule_service(change != NULL ? &service : NULL);
}

/* ---- Violations and faults ----------------------------------------------------------------------- */

void host_expect_counted_at(const char *file, int line, const char *statement)
{
	uint64_t count = im_violations() - violations_seen;
	char expected[32];

	violations_seen += count;
	if (statement == NULL && count == 0)
		return;
	snprintf(expected, sizeof(expected), "[%s]", statement != NULL ? statement : "none");
	if (count != 1 || strstr(im_last_violation(), expected) == NULL)
		fail_msg("%s:%d: expected one violation of %s, got %u, the last: '%s'", file, line, expected,
			 (unsigned)count, count > 0 ? im_last_violation() : "");
}

void host_fail(uint32_t call, uint32_t allocation)
{
	im_verify_fail(call, allocation);
}

void host_filter_tests(void)
{
	const char *filter = getenv("CMOCKA_TEST_FILTER");

	if (filter != NULL)
		cmocka_set_test_filter(filter);
}
