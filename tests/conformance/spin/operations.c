/* SPDX-License-Identifier: BSD-3-Clause */
/* What control threads do to the stacks: one operation at a time each, drawn at random. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "spin.h"

/* ---- Two drivers that come and go ---------------------------------------------------------------- */

static im_status_t device_open(struct im_device *device, void **handle_context)
{
	*handle_context = device;
	return IM_STATUS_SUCCESS;
}

static im_status_t device_call(void *handle_context, struct im_device_call *call)
{
	(void)handle_context;
	memcpy(call->output, call->input, call->input_length);
	call->output_length = call->input_length;
	return IM_STATUS_SUCCESS;
}

static void device_close(void *handle_context)
{
	(void)handle_context;
}

static const struct im_device_operations operations = {
	.open = device_open,
	.call = device_call,
	.close = device_close,
};

static pthread_mutex_t devices = PTHREAD_MUTEX_INITIALIZER; /* their first and last VNICs, one at a time (8.3) */

#define RELAYS(X)                                                                                                      \
	X(steady)                                                                                                      \
	X(fleeting)

#define X(name)                                                                                                        \
	static struct im_relay_driver name;                                                                            \
	static struct im_device *name##_device; /* under `devices`, as the next one */                                 \
	static unsigned name##_vnics;                                                                                  \
	static im_status_t name##_start(struct im_relay *relay)                                                        \
	{                                                                                                              \
		(void)relay;                                                                                           \
		pthread_mutex_lock(&devices);                                                                          \
		if (name##_vnics++ == 0)                                                                               \
			im_register_device(name.wrapper, #name, &operations, &name##_device); /* or does without */    \
		pthread_mutex_unlock(&devices);                                                                        \
		return IM_STATUS_SUCCESS;                                                                              \
	}                                                                                                              \
	static void name##_stop(struct im_relay *relay)                                                                \
	{                                                                                                              \
		(void)relay;                                                                                           \
		pthread_mutex_lock(&devices);                                                                          \
		if (--name##_vnics == 0)                                                                               \
			im_deregister_device(name##_device);                                                           \
		pthread_mutex_unlock(&devices);                                                                        \
	}                                                                                                              \
	static struct im_relay_driver name = {.description = #name, .start = name##_start, .stop = name##_stop};       \
	static im_status_t name##_bind(const struct im_bind_config *config)                                            \
	{                                                                                                              \
		return im_relay_bind(&name, config);                                                                   \
	}                                                                                                              \
	static void name##_unload(void)                                                                                \
	{                                                                                                              \
		im_relay_unload(&name);                                                                                \
	}                                                                                                              \
	static im_status_t name##_entry(struct im_driver_object *object)                                               \
	{                                                                                                              \
		static const struct im_miniport_characteristics miniport;                                              \
		static const struct im_protocol_characteristics protocol = {.bind_adapter = name##_bind};              \
                                                                                                                       \
		return im_relay_register(&name, object, &miniport, &protocol, name##_unload);                          \
	}

RELAYS(X)
#undef X

/* ---- Helpers ------------------------------------------------------------------------------------- */

static const struct spin_port *any_port(uint64_t *random)
{
	return &spin_ports[spin_random(random) % SPIN_PORTS];
}

/* The nic, or one of the VNICs that may stand over it: "0a" over the nic, "0b" over that. */
static void any_name(uint64_t *random, char name[16])
{
	uint32_t port = spin_random(random) % SPIN_PORTS;

	switch (spin_random(random) % 3) {
	case 0:
		snprintf(name, 16, "%s", spin_ports[port].name);
		break;
	case 1:
		snprintf(name, 16, "%ua", port);
		break;
	default:
		snprintf(name, 16, "%ub", port);
	}
}

static bool bind(const char *driver, const char *adapter, const char *presents)
{
	struct im_bind_config config = {.adapter = adapter, .vnic_count = 1, .vnic_names = &presents};
	struct im_instance *instance;
	im_status_t status = im_bind_driver(driver, &config);

	if (status != IM_STATUS_SUCCESS)
		return false;
	instance = im_hold_instance(presents);
	if (instance == NULL)
		return true; /* a top presents nothing; a VNIC may come later */
	im_restart(instance);
	im_release_instance(instance);
	return true;
}

/* Run @p change on an instance that is held meanwhile. */
static bool on_any(uint64_t *random, bool (*change)(struct im_instance *instance))
{
	struct im_instance *instance;
	char name[16];
	bool done;

	any_name(random, name);
	instance = im_hold_instance(name);
	if (instance == NULL)
		return false;
	done = change(instance);
	im_release_instance(instance);
	return done;
}

/* ---- Operations ---------------------------------------------------------------------------------- */

static bool restart_one(struct im_instance *instance)
{
	return im_restart(instance) == IM_STATUS_SUCCESS;
}

static bool op_restart(uint64_t *random)
{
	return on_any(random, restart_one);
}

static bool pause_one(struct im_instance *instance)
{
	im_pause(instance);
	return true;
}

static bool op_pause(uint64_t *random)
{
	return on_any(random, pause_one);
}

static bool reset_one(struct im_instance *instance)
{
	return im_reset_instance(instance) == IM_STATUS_SUCCESS;
}

static bool op_reset(uint64_t *random)
{
	return on_any(random, reset_one);
}

static bool query_one(struct im_instance *instance)
{
	uint8_t buffer[256];
	struct im_request request = {
		.oid = SLUICE_OID_GEN_VENDOR_ID,
		.buffer = buffer,
		.length = sizeof(buffer),
	};

	return im_request_instance(instance, &request) == IM_STATUS_SUCCESS;
}

static bool op_query(uint64_t *random)
{
	return on_any(random, query_one);
}

static bool set_one(struct im_instance *instance)
{
	uint32_t filter = 0x2f;
	struct im_request request = {
		.set = true,
		.oid = SLUICE_OID_GEN_CURRENT_PACKET_FILTER,
		.buffer = &filter,
		.length = sizeof(filter),
	};

	return im_request_instance(instance, &request) == IM_STATUS_SUCCESS;
}

static bool op_set(uint64_t *random)
{
	return on_any(random, set_one);
}

static bool sleep_one(struct im_instance *instance)
{
	bool slept = im_set_power(instance, IM_POWER_D3) == IM_STATUS_SUCCESS;

	return im_set_power(instance, IM_POWER_D0) == IM_STATUS_SUCCESS && slept;
}

static bool op_power(uint64_t *random)
{
	return on_any(random, sleep_one);
}

static bool reconfigure_one(struct im_instance *instance)
{
	struct im_pnp_event event = {.code = IM_PNP_RECONFIGURE};

	return im_pnp_event(instance, &event) == IM_STATUS_SUCCESS;
}

static bool op_reconfigure(uint64_t *random)
{
	return on_any(random, reconfigure_one);
}

static bool indicate_one(struct im_instance *instance)
{
	if (__atomic_load_n(&instance->state, __ATOMIC_ACQUIRE) != SLUICE_INSTANCE_RUNNING)
		return false;
	im_indicate_status(instance, IM_INDICATION_MEDIA_CONNECT, NULL, 0);
	im_indicate_status_complete(instance);
	return true;
}

/* Of the nic alone: a driver tells of its own instances (7.18). */
static bool op_indicate(uint64_t *random)
{
	struct im_instance *instance = im_hold_instance(any_port(random)->name);
	bool done = instance != NULL && indicate_one(instance);

	if (instance != NULL)
		im_release_instance(instance);
	return done;
}

static bool op_unbind(uint64_t *random)
{
	char name[16];

	any_name(random, name);
	return im_unbind_over(name) == IM_STATUS_SUCCESS;
}

/* Over the nic or over what stands there: one relay, or two, then the top. */
static bool op_bind(uint64_t *random)
{
	uint32_t port = (uint32_t)(any_port(random) - spin_ports);
	const char *driver = spin_random(random) % 2 ? "steady" : "fleeting";
	char first[16], second[16], top[16];

	snprintf(first, sizeof(first), "%ua", port);
	snprintf(second, sizeof(second), "%ub", port);
	snprintf(top, sizeof(top), "%utop", port);
	switch (spin_random(random) % 4) {
	case 0:
		return bind(driver, spin_ports[port].name, first);
	case 1:
		return bind(driver, first, second);
	case 2:
		return bind("top", second, top);
	default:
		return bind("top", first, top);
	}
}

/* The whole stack of a port, top to bottom and up again. */
static bool op_rebuild(uint64_t *random)
{
	uint32_t port = (uint32_t)(any_port(random) - spin_ports);
	char first[16], second[16], top[16];

	snprintf(first, sizeof(first), "%ua", port);
	snprintf(second, sizeof(second), "%ub", port);
	snprintf(top, sizeof(top), "%utop", port);
	im_unbind_over(spin_ports[port].name);
	return bind("steady", spin_ports[port].name, first) && bind("fleeting", first, second) &&
	       bind("top", second, top);
}

/* As a change of a stack does it: what is above is unbound, and bound again over the new one. */
static bool op_insert(uint64_t *random)
{
	uint32_t port = (uint32_t)(any_port(random) - spin_ports);
	const char *driver = spin_random(random) % 2 ? "steady" : "fleeting";
	char first[16], second[16], top[16];

	snprintf(first, sizeof(first), "%ua", port);
	snprintf(second, sizeof(second), "%ub", port);
	snprintf(top, sizeof(top), "%utop", port);
	return im_unbind_over(first) == IM_STATUS_SUCCESS && bind(driver, first, second) && bind("top", second, top);
}

static bool op_remove(uint64_t *random)
{
	uint32_t port = (uint32_t)(any_port(random) - spin_ports);
	char first[16], top[16];

	snprintf(first, sizeof(first), "%ua", port);
	snprintf(top, sizeof(top), "%utop", port);
	return im_unbind_over(first) == IM_STATUS_SUCCESS && bind("top", first, top);
}

/* The port itself: its protocols unbind, it halts, and comes again. */
static bool op_halt(uint64_t *random)
{
	const struct spin_port *port = any_port(random);
	struct im_instance *instance = im_find_instance(port->name);
	bool halted = instance != NULL && im_deinitialize_device_instance(instance) == IM_STATUS_SUCCESS;

	im_start_plain_instance(im_find_driver("nic"), port->name, (void *)(uintptr_t)port);
	instance = im_hold_instance(port->name);
	if (instance != NULL) {
		im_restart(instance);
		im_release_instance(instance);
	}
	return halted;
}

/* Only a VNIC: the unbind that comes later must not halt it again (1.41). */
static bool op_deinitialize(uint64_t *random)
{
	struct im_instance *instance;
	char name[16];

	snprintf(name, sizeof(name), "%u%c", spin_random(random) % SPIN_PORTS, spin_random(random) % 2 ? 'a' : 'b');
	instance = im_find_instance(name);
	return instance != NULL && im_deinitialize_device_instance(instance) == IM_STATUS_SUCCESS;
}

static bool op_unload(uint64_t *random)
{
	(void)random;
	return im_unload_driver("fleeting", true) == IM_STATUS_SUCCESS;
}

static bool op_load(uint64_t *random)
{
	(void)random;
	return im_load_driver("fleeting", fleeting_entry, "comes and goes") == IM_STATUS_SUCCESS;
}

/* ---- Handles: opened by one thread, called and closed by others, over halts and unloads in between ------------- */

#define HANDLES 16u

static _Atomic(struct im_handle *) handles[HANDLES]; /* whoever takes one out has it alone */

static _Atomic(struct im_handle *) *any_place(uint64_t *random)
{
	return &handles[spin_random(random) % HANDLES];
}

static bool op_open(uint64_t *random)
{
	struct im_handle *handle, *before;

	if (im_open_device(spin_random(random) % 2 ? "steady" : "fleeting", &handle) != IM_STATUS_SUCCESS)
		return false;
	before = atomic_exchange(any_place(random), handle);
	if (before != NULL)
		im_close_handle(before);
	return true;
}

/* Put back, unless another one stands there by now. */
static void put_back(_Atomic(struct im_handle *) *place, struct im_handle *handle)
{
	struct im_handle *none = NULL;

	if (!atomic_compare_exchange_strong(place, &none, handle))
		im_close_handle(handle);
}

static bool op_call(uint64_t *random)
{
	uint8_t in[16] = {1, 2, 3}, out[16] = {0};
	struct im_device_call call = {
		.input = in,
		.input_length = sizeof(in),
		.output = out,
		.output_room = sizeof(out),
	};
	_Atomic(struct im_handle *) *place = any_place(random);
	struct im_handle *handle = atomic_exchange(place, NULL);
	im_status_t status;

	if (handle == NULL)
		return false;
	status = im_call_device(handle, &call);
	put_back(place, handle);
	return status == IM_STATUS_SUCCESS && memcmp(in, out, sizeof(in)) == 0;
}

static bool op_close(uint64_t *random)
{
	struct im_handle *handle = atomic_exchange(any_place(random), NULL);

	if (handle != NULL)
		im_close_handle(handle);
	return handle != NULL;
}

/* One may wait for them in an unload. */
void spin_close_handles(void)
{
	for (uint32_t i = 0; i < HANDLES; i++) {
		struct im_handle *handle = atomic_exchange(&handles[i], NULL);

		if (handle != NULL)
			im_close_handle(handle);
	}
}

/* X(name, weight, percent of those tried that succeed at least: a test in which all fails is none) */
#define OPERATIONS(X)                                                                                                  \
	X(restart, 14, 3)                                                                                              \
	X(pause, 6, 15)                                                                                                \
	X(reset, 4, 8)                                                                                                 \
	X(query, 8, 15)                                                                                                \
	X(set, 4, 15)                                                                                                  \
	X(power, 2, 10)                                                                                                \
	X(reconfigure, 2, 15)                                                                                          \
	X(indicate, 2, 20)                                                                                             \
	X(unbind, 3, 15)                                                                                               \
	X(bind, 6, 5)                                                                                                  \
	X(rebuild, 6, 4)                                                                                               \
	X(insert, 4, 2)                                                                                                \
	X(remove, 4, 2)                                                                                                \
	X(halt, 2, 25)                                                                                                 \
	X(deinitialize, 2, 5)                                                                                          \
	X(unload, 2, 10)                                                                                               \
	X(load, 4, 2)                                                                                                  \
	X(open, 4, 10)                                                                                                 \
	X(call, 6, 10)                                                                                                 \
	X(close, 4, 10)

enum operation {
#define X(name, weight, least) OP_##name,
	OPERATIONS(X)
#undef X
		OP_COUNT,
};

static const struct {
	const char *name;
	bool (*run)(uint64_t *random);
	uint32_t weight;
	uint32_t least;
} table[] = {
#define X(name, weight, least) {#name, op_##name, weight, least},
	OPERATIONS(X)
#undef X
};

static _Atomic uint64_t tried[OP_COUNT], succeeded[OP_COUNT];

void spin_operate(uint64_t *random, const char **doing)
{
	uint32_t total = 0, pick;
	uint32_t operation = 0;

	for (uint32_t i = 0; i < OP_COUNT; i++)
		total += table[i].weight;
	pick = spin_random(random) % total;
	while (pick >= table[operation].weight)
		pick -= table[operation++].weight;
	__atomic_store_n(doing, table[operation].name, __ATOMIC_RELAXED);
	atomic_fetch_add(&tried[operation], 1);
	if (table[operation].run(random))
		atomic_fetch_add(&succeeded[operation], 1);
	__atomic_store_n(doing, "nothing", __ATOMIC_RELAXED);
}

uint64_t spin_operations(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < OP_COUNT; i++)
		sum += atomic_load(&tried[i]);
	return sum;
}

/* ---- Beginning and end --------------------------------------------------------------------------- */

static void must(im_status_t status, const char *what)
{
	if (status == IM_STATUS_SUCCESS)
		return;
	fprintf(stderr, "spin: %s: %s\n", what, im_status_text(status));
	abort();
}

void spin_build(void)
{
	uint64_t random = 1;

	must(im_load_driver("nic", spin_nic_entry, "ports"), "nic");
	must(im_load_driver("steady", steady_entry, "stays"), "steady");
	must(im_load_driver("fleeting", fleeting_entry, "comes and goes"), "fleeting");
	must(im_load_driver("top", spin_top_entry, "protocol"), "top");
	for (uint32_t p = 0; p < SPIN_PORTS; p++) {
		snprintf(spin_ports[p].name, sizeof(spin_ports[p].name), "nic%u", p);
		must(im_start_plain_instance(im_find_driver("nic"), spin_ports[p].name, &spin_ports[p]),
		     spin_ports[p].name);
		must(im_restart(im_find_instance(spin_ports[p].name)), "restart");
	}
	for (uint32_t i = 0; i < 4 * SPIN_PORTS; i++)
		op_rebuild(&random);
}

void spin_unbuild(void)
{
	for (uint32_t p = 0; p < SPIN_PORTS; p++) {
		struct im_instance *instance = im_find_instance(spin_ports[p].name);

		if (instance != NULL)
			im_deinitialize_device_instance(instance);
	}
	im_unload_drivers();
}

bool spin_report(void)
{
	bool enough = true;

	printf("%-14s %10s %10s %10s\n", "operation", "tried", "succeeded", "at least");
	for (uint32_t i = 0; i < OP_COUNT; i++) {
		uint64_t least = RTE_MAX(tried[i] * table[i].least / 100, 1u);
		bool ok = atomic_load(&succeeded[i]) >= least;

		printf("%-14s %10llu %10llu %10llu%s\n", table[i].name, (unsigned long long)tried[i],
		       (unsigned long long)succeeded[i], (unsigned long long)least, ok ? "" : "  TOO FEW");
		enough &= ok;
	}
	return enough;
}
