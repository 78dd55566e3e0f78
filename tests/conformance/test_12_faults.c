/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fault plan (contract 12.62): of everything that brings a driver, its binding or its VNIC to life, the n-th call
 * of the core fails, or the n-th allocation, for n = 1, 2, ... until nothing fails any more. After each failure nothing
 * of it is left, and the next time it goes well.
 */
#include <string.h>

#include <rte_version.h>

#include "shipped.h"

/* ---- What fails ---------------------------------------------------------------------------------- */

enum kind {
	CALLS,	     /* of the core, that can fail */
	ALLOCATIONS, /* of the core, by its own count */
	HEAP,	     /* whatever asks the C library, the core or a driver */
	KINDS,
};

static struct {
	uint32_t at; /* 0: none */
	uint32_t count;
} heap;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static bool heap_fails(void)
{
	uint32_t at = __atomic_load_n(&heap.at, __ATOMIC_RELAXED);

	return at != 0 && __atomic_add_fetch(&heap.count, 1, __ATOMIC_RELAXED) == at;
}

void *__wrap_malloc(size_t size)
{
	return heap_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return heap_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return heap_fails() ? NULL : __real_aligned_alloc(alignment, size);
}

static void arm(enum kind kind, uint32_t nth)
{
	heap.count = 0;
	__atomic_store_n(&heap.at, kind == HEAP ? nth : 0, __ATOMIC_RELAXED);
	host_fail(kind == CALLS ? nth : 0, kind == ALLOCATIONS ? nth : 0);
}

/* Whether it came to that. */
static bool disarm(void)
{
	bool failed = im_verify_failed() > 0 || (heap.at != 0 && heap.count >= heap.at);

	arm(KINDS, 0);
	return failed;
}

/* ---- What is tried ------------------------------------------------------------------------------- */

struct target {
	const char *driver; /* whose life it is */
	const char *vnic;   /* that there is afterwards, or NULL */
	const char *device; /* without which it does, where it must (8.2), or NULL */
	void (*begin)(void);
	im_status_t (*step)(void);
	im_status_t (*undo)(void);
	uint32_t points[KINDS]; /* that there are at the least */
};

static const struct target *target; /* that is tried now */

/* All that is there of the driver. */
static unsigned live(void)
{
	unsigned count = host_is_loaded(target->driver) ? 1 + host_objects(target->driver) : 0;

	count += target->vnic != NULL && host_exists(target->vnic);
	count += target->device != NULL && host_has_device(target->device);
	return count;
}

static bool is_whole(void)
{
	return (target->vnic == NULL || host_exists(target->vnic)) &&
	       (target->device == NULL || host_has_device(target->device));
}

static void expect_nothing_new(unsigned before)
{
	if (live() != before)
		fail_msg("'%s': %u objects are left, there were %u", target->driver, live(), before);
}

/* Where the VNIC initialises later (12.61) the step itself can succeed, and what fails is that it comes to life. */
static void expect_a_clean_refusal(im_status_t status, uint32_t nth)
{
	if (status == IM_STATUS_SUCCESS) {
		if (is_whole())
			fail_msg("'%s': failure %u made no difference", target->driver, nth);
		target->undo();
		return;
	}
	if (status != IM_STATUS_RESOURCES)
		fail_msg("'%s': failure %u gave '%s'", target->driver, nth, im_status_text(status));
	assert_int_equal(rig_calls(RIG_unload, target->driver), 0); /* 1.13 */
	assert_int_equal(shipped_unloads, 0);
}

static void go_well(void)
{
	assert_int_equal(target->step(), IM_STATUS_SUCCESS);
	host_settle();
	assert_true(is_whole());
	assert_int_equal(target->undo(), IM_STATUS_SUCCESS);
	host_settle();
}

static uint32_t fail_each(enum kind kind)
{
	for (uint32_t nth = 1;; nth++) {
		unsigned before = live();
		im_status_t status;

		arm(kind, nth);
		status = target->step();
		host_settle();
		if (!disarm()) {
			assert_int_equal(status, IM_STATUS_SUCCESS);
			assert_int_equal(target->undo(), IM_STATUS_SUCCESS);
			return nth - 1;
		}
		expect_a_clean_refusal(status, nth);
		host_settle();
		expect_nothing_new(before);
		go_well();
		expect_nothing_new(before);
		rig_forget();
		shipped_unloads = 0;
	}
}

static void try_each(const struct target *targets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		target = &targets[i];
		for (enum kind kind = CALLS; kind < KINDS; kind++) {
			uint32_t points;

			target->begin();
			rig_forget();
			points = fail_each(kind);
			if (points < target->points[kind])
				fail_msg("'%s': only %u points of kind %u", target->driver, points, kind);
			rig_end();
		}
	}
}

/* ---- Loading ------------------------------------------------------------------------------------- */

static void begin_core(void)
{
	shipped_begin(NULL);
}

static im_status_t load_module(void)
{
	static const struct im_module module = {.interface = IM_INTERFACE,
						.dpdk = RTE_VERSION,
						.name = "relay",
						.description = "as a shared object says it",
						.entry = shipped_entry};

	return host_load_module(&module);
}

static im_status_t load_nic(void)
{
	return rig_load(rig.nic);
}

static im_status_t load_mid(void)
{
	return rig_load(rig.mid);
}

static im_status_t load_top(void)
{
	return rig_load(rig.top);
}

static im_status_t load_filter(void)
{
	return host_load_builtin("filter");
}

static im_status_t load_passthru(void)
{
	return host_load_builtin("passthru");
}

static im_status_t unload(void)
{
	return host_unload(target->driver, true);
}

static void c12_62_c12_43_c12_39_c11_10_c1_12_c1_13_every_point_of_a_load(void **state)
{
	static const struct target targets[] = {
		{"relay", NULL, NULL, begin_core, shipped_load, unload, {4, 1, 4}},
		{"relay", NULL, NULL, begin_core, load_module, unload, {4, 1, 4}},
		{"filter", NULL, NULL, begin_core, load_filter, unload, {4, 1, 4}},
		{"passthru", NULL, NULL, begin_core, load_passthru, unload, {4, 1, 4}},
		{"mid", NULL, NULL, begin_core, load_mid, unload, {4, 1, 4}},
		{"top", NULL, NULL, begin_core, load_top, unload, {2, 1, 3}},
		{"nic", NULL, NULL, begin_core, load_nic, unload, {2, 1, 3}},
	};

	(void)state;
	try_each(targets, RTE_DIM(targets));
}

/* ---- Binding ------------------------------------------------------------------------------------- */

static void begin_bound_over(im_status_t (*load)(void))
{
	shipped_begin(NULL);
	assert_int_equal(rig_load(rig.nic), IM_STATUS_SUCCESS);
	rig_start_nic("nic");
	assert_int_equal(load(), IM_STATUS_SUCCESS);
}

static void begin_relay(void)
{
	begin_bound_over(shipped_load);
}

static void begin_filter(void)
{
	begin_bound_over(load_filter);
}

static void begin_mid(void)
{
	begin_bound_over(load_mid);
}

static void begin_top(void)
{
	begin_bound_over(load_top);
}

static im_status_t bind_one(void)
{
	return rig_bind(target->driver, "nic", target->vnic);
}

static im_status_t bind_three(void)
{
	static const char *const names[] = {"a", "b", "c", NULL};

	return host_bind("mid", "nic", names);
}

static im_status_t bind_top(void)
{
	return rig_bind("top", "nic", "top");
}

static im_status_t unbind(void)
{
	return host_unbind_over("nic");
}

/* contract: 11.44 */
static void c12_62_c12_39_c11_10_c1_36_every_point_of_a_bind(void **state)
{
	static const struct target targets[] = {
		{"relay", "v", NULL, begin_relay, bind_one, unbind, {4, 6, 10}},
		{"filter", "v", "filter", begin_filter, bind_one, unbind, {5, 9, 13}},
		{"mid", "c", NULL, begin_mid, bind_three, unbind, {4, 7, 7}},
		{"top", NULL, NULL, begin_top, bind_top, unbind, {1, 2, 2}},
	};

	(void)state;
	try_each(targets, RTE_DIM(targets));
}

/* A bind that comes inside the load: whichever of the two fails. */
static im_status_t load_and_bind(void)
{
	static const char *const names[] = {"v", NULL};
	im_status_t status;

	host_bind_when_registered("relay", "nic", names);
	status = shipped_load();
	host_forget_waiting_bind();
	return status;
}

static void begin_nic(void)
{
	shipped_begin(NULL);
	assert_int_equal(rig_load(rig.nic), IM_STATUS_SUCCESS);
	rig_start_nic("nic");
}

static void c12_62_c12_43_c1_16_every_point_of_a_load_with_a_bind_inside(void **state)
{
	static const struct target targets[] = {
		{"relay", "v", NULL, begin_nic, load_and_bind, unload, {8, 7, 14}},
	};

	(void)state;
	try_each(targets, RTE_DIM(targets));
}

/* ---- Initialising alone -------------------------------------------------------------------------- */

/* The VNIC has been halted by itself; a reconfiguration starts it again (7.27). */
static void begin_halted(im_status_t (*load)(void), const char *driver)
{
	begin_bound_over(load);
	assert_int_equal(rig_bind(driver, "nic", "v"), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(host_stop("v"), IM_STATUS_SUCCESS);
}

static void begin_halted_relay(void)
{
	begin_halted(shipped_load, "relay");
}

static void begin_halted_filter(void)
{
	begin_halted(load_filter, "filter");
}

static im_status_t start_again(void)
{
	struct im_pnp_event event = {.code = IM_PNP_RECONFIGURE};

	return host_pnp_event("nic", &event);
}

static im_status_t stop(void)
{
	return host_exists(target->vnic) ? host_stop(target->vnic) : IM_STATUS_SUCCESS;
}

static void begin_unstarted(void)
{
	shipped_begin(NULL);
	assert_int_equal(rig_load(rig.nic), IM_STATUS_SUCCESS);
}

static void begin_serialised(void)
{
	rig_begin(NULL, RIG_SERIALISED);
	assert_int_equal(rig_load(rig.nic), IM_STATUS_SUCCESS);
}

static im_status_t start_nic(void)
{
	return host_start("nic", "nic", rig_new_vnic(rig.nic, "nic"));
}

static im_status_t ask_for_a_vnic(void)
{
	return im_initialize_device_instance(rig.mid->miniport_handle, "v", rig_new_vnic(rig.mid, "v"));
}

static void c12_62_c12_39_c2_5_c2_51_every_point_of_an_initialisation(void **state)
{
	static const struct target targets[] = {
		{"relay", "v", NULL, begin_halted_relay, start_again, stop, {1, 1, 1}},
		{"filter", "v", "filter", begin_halted_filter, start_again, stop, {2, 4, 4}},
		{"mid", "v", NULL, begin_mid, ask_for_a_vnic, stop, {1, 1, 1}},
		{"nic", "nic", NULL, begin_unstarted, start_nic, stop, {0, 1, 1}},
		{"nic", "nic", NULL, begin_serialised, start_nic, stop, {0, 2, 2}},
	};

	(void)state;
	try_each(targets, RTE_DIM(targets));
}

/* ---- While it runs ------------------------------------------------------------------------------- */

static struct im_packet *filled;
static im_status_t transfer_status;
static uint32_t transferred;

static im_status_t ask_for_the_rest(void *context, const struct im_lookahead *lookahead)
{
	struct rig_binding *binding = context;

	transferred = 1;
	transfer_status = im_transfer_data(binding->binding, lookahead->receive_context, 0, lookahead->packet_length,
					   filled, &transferred);
	return IM_STATUS_SUCCESS;
}

static void show_a_frame(void)
{
	static const uint8_t frame[100] = {2};

	rig_forget();
	rig_indicate_lookahead(rig.port, frame, sizeof(frame), 20);
	im_indicate_receive_complete(rig.port->instance);
	host_settle();
	assert_int_equal(rig_calls(RIG_transfer_data_complete, "top"), 0);
}

/* That of the top, then that of the mid: it is final, the packet is the top's again, and the next one goes well. */
static void c12_62_c5_25_a_transfer_that_fails_is_over(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.top->protocol.receive = ask_for_the_rest;
	rig_build(1);
	filled = rig_packet(8, 100, 0);
	for (uint32_t nth = 1; nth <= 2; nth++) {
		host_fail(nth, 0);
		show_a_frame();
		assert_int_equal(im_verify_failed(), 1);
		assert_int_equal(transfer_status, IM_STATUS_FAILURE);
		assert_int_equal(transferred, 0);
		assert_int_equal(rig_calls(RIG_transfer_data, "m0"), nth - 1);
		assert_int_equal(rig_calls(RIG_transfer_data, "nic"), 0);
		host_fail(0, 0);
		show_a_frame();
		assert_int_equal(transfer_status, IM_STATUS_SUCCESS);
		assert_int_equal(transferred, 86);
	}
	rig_packets_free(&filled, 1);
	rig_end();
}

static void c12_62_a_reset_that_fails_is_refused_and_can_be_asked_for_again(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig_build(0);
	rig_forget();
	host_fail(1, 0);
	assert_int_equal(im_reset(rig.top_binding->binding), IM_STATUS_NOT_RESETTABLE);
	host_settle();
	assert_int_equal(im_verify_failed(), 1);
	assert_int_equal(rig_calls(RIG_reset, "nic") + rig_calls(RIG_reset_complete, "top"), 0);
	assert_int_equal(im_reset(rig.top_binding->binding), IM_STATUS_PENDING);
	host_settle();
	assert_int_equal(rig_calls(RIG_reset, "nic"), 1);
	assert_int_equal(rig_calls(RIG_reset_complete, "top"), 1);
	host_fail(0, 0);
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c12_62_c12_43_c12_39_c11_10_c1_12_c1_13_every_point_of_a_load),
		cmocka_unit_test(c12_62_c12_39_c11_10_c1_36_every_point_of_a_bind),
		cmocka_unit_test(c12_62_c12_43_c1_16_every_point_of_a_load_with_a_bind_inside),
		cmocka_unit_test(c12_62_c12_39_c2_5_c2_51_every_point_of_an_initialisation),
		cmocka_unit_test(c12_62_c5_25_a_transfer_that_fails_is_over),
		cmocka_unit_test(c12_62_a_reset_that_fails_is_refused_and_can_be_asked_for_again),
	};

	return host_run_tests(tests);
}
