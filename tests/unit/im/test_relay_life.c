/* SPDX-License-Identifier: BSD-3-Clause */
/* How a relay's binding and VNIC come and go, whatever pends (contract section 1E). */
#include <string.h>

#include "../edge/eal.h"
#include "bed.h"

static const enum im_verify_schedule schedules[] = {IM_SCHEDULE_INLINE, IM_SCHEDULE_LATER};

/* Opening, initialising and closing pend, or do not: it comes and goes the same (1.33, 1.40, 2.40). */
static void it_comes_and_goes_whatever_pends(void **state)
{
	struct im_packet *packets[3];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(schedules); i++) {
		bed_up_as(2, schedules[i]);
		bed_make(packets, 0, 3, 8);
		im_send_packets(bed_top.binding, packets, 3);
		for (int turn = 0; turn < 100 && bed_top.done.count < 3; turn++)
			im_run_work();
		bed_expect(&bed_nic.sent, 0, packets, 3);
		bed_expect(&bed_top.done, 0, packets, 3);
		bed_unmake(packets, 3);
		bed_down();
	}
}

/* 1.38: the protocols above go, then the VNIC, then the filters below are cleared, then the binding. */
static void an_unbind_goes_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(schedules); i++) {
		bed_up_as(1, schedules[i]);
		im_unbind(bed_relay("r0")->below);
		bed_expect_said("unbind-top set:01010103/0 set:0001010e/4");
		assert_null(im_find_instance("r0"));
		assert_int_equal(im_core.bindings.tqh_first == NULL, 1);
		bed_down();
	}
}

static void a_second_relay_cannot_have_the_same_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(schedules); i++) {
		bed_up_as(1, schedules[i]);
		assert_int_equal(bed_bind("relay", "nic", "r0"), IM_STATUS_NOT_ACCEPTED); /* 2.38 */
		assert_non_null(im_find_instance("r0"));
		assert_null(TAILQ_NEXT(TAILQ_FIRST(&bed_nic.instance->uppers), upper)); /* closed again (1.36) */
		bed_down();
	}
}

static void a_bind_without_an_adapter_or_with_too_many_vnics_fails(void **state)
{
	const char *const names[] = {"a", "b"};
	struct im_bind_config two = {.adapter = "nic", .vnic_count = 2, .vnic_names = names};

	(void)state;
	bed_core_up(IM_SCHEDULE_INLINE);
	assert_int_equal(bed_bind("relay", "nowhere", "r0"), IM_STATUS_ADAPTER_NOT_FOUND);
	assert_int_equal(im_bind(im_find_driver("relay"), &two), IM_STATUS_INVALID_PARAMETER);
	assert_null(im_find_instance("a"));
	bed_down();
}

/* ---- VNICs on their own ------------------------------------------------------------------------------ */

/* 1.41, 2.47: halted on its own, then unbound, which does not deinitialise again; and back by RECONFIGURE (7.27). */
static void a_vnic_halted_on_its_own_can_come_back(void **state)
{
	struct im_pnp_event reconfigure = {.code = IM_PNP_RECONFIGURE};

	(void)state;
	bed_up(1);
	assert_int_equal(im_deinitialize_device_instance(im_find_instance("r0")), IM_STATUS_SUCCESS);
	assert_null(im_find_instance("r0"));
	assert_non_null(TAILQ_FIRST(&bed_nic.instance->uppers)); /* the binding stays */
	assert_int_equal(im_pnp_event(bed_nic.instance, &reconfigure), IM_STATUS_SUCCESS);
	assert_int_equal(im_pnp_event(bed_nic.instance, &reconfigure), IM_STATUS_SUCCESS); /* starts nothing twice */
	assert_int_equal(im_restart(im_find_instance("r0")), IM_STATUS_SUCCESS);
	assert_int_equal(im_deinitialize_device_instance(im_find_instance("r0")), IM_STATUS_SUCCESS);
	bed_down();
}

static void receives_without_a_vnic_stay_behind(void **state)
{
	static const uint8_t frame[60];
	struct im_packet *packets[2];

	(void)state;
	bed_up(1);
	bed_make(packets, 0, 2, 8);
	assert_int_equal(im_deinitialize_device_instance(im_find_instance("r0")), IM_STATUS_SUCCESS);
	im_indicate_receive_packets(bed_nic.instance, packets, 2);
	bed_show(frame, sizeof(frame), 46);
	bed_expect(&bed_nic.home, 0, packets, 2);
	bed_unmake(packets, 2);
	bed_down();
}

/* 2.43: asked for and not begun, it is taken back; initialize never runs. */
static void a_vnic_that_was_never_started_is_taken_back(void **state)
{
	const char *vnic = "r0";
	struct im_bind_config config = {.adapter = "nic", .vnic_count = 1, .vnic_names = &vnic};
	struct im_binding *binding;

	(void)state;
	bed_core_up(IM_SCHEDULE_INLINE);
	assert_int_equal(bed_bind("relay", "nic", vnic), IM_STATUS_SUCCESS);
	binding = bed_relay(vnic)->below;
	im_unbind(binding);
	bed_down();
	bed_core_up(IM_SCHEDULE_LATER);
	assert_int_equal(im_bind(im_find_driver("relay"), &config), IM_STATUS_SUCCESS);
	im_unbind(TAILQ_FIRST(&bed_nic.instance->uppers));
	assert_null(im_find_instance(vnic));
	bed_down();
}

/* ---- A driver's part --------------------------------------------------------------------------------- */

static uint32_t started, stopped;

static im_status_t start(struct im_relay *relay)
{
	const uint8_t *own = relay->own;

	for (uint32_t i = 0; i < relay->driver->own_size; i++)
		assert_int_equal(own[i], 0);
	memset(relay->own, 0, relay->driver->own_size);
	assert_non_null(relay->instance);
	started++;
	return IM_STATUS_SUCCESS;
}

static void stop(struct im_relay *relay)
{
	assert_non_null(relay->instance);
	stopped++;
}

static im_status_t refuse(struct im_relay *relay)
{
	(void)relay;
	return IM_STATUS_RESOURCES;
}

static void a_driver_starts_and_stops_with_its_vnic(void **state)
{
	(void)state;
	started = stopped = 0;
	bed_core_up(IM_SCHEDULE_INLINE);
	bed_start = start;
	bed_stop = stop;
	assert_int_equal(bed_bind("relay", "nic", "r0"), IM_STATUS_SUCCESS);
	assert_int_equal(started, 1);
	im_unbind(bed_relay("r0")->below);
	assert_int_equal(stopped, 1);
	bed_down();
}

/* 2.51: initialize fails, the bind with it, and stop is not called. */
static void a_driver_that_cannot_start_leaves_nothing(void **state)
{
	(void)state;
	stopped = 0;
	bed_core_up(IM_SCHEDULE_INLINE);
	bed_start = refuse;
	bed_stop = stop;
	assert_int_equal(bed_bind("relay", "nic", "r0"), IM_STATUS_RESOURCES);
	assert_null(im_find_instance("r0"));
	assert_true(TAILQ_EMPTY(&bed_nic.instance->uppers));
	assert_int_equal(stopped, 0);
	bed_down();
}

/* ---- Without memory ---------------------------------------------------------------------------------- */

/* Every call and every allocation of a bind fails once: the bind fails, and leaves nothing (12.62). */
/* contract: 11.10 */
static void a_bind_that_fails_anywhere_leaves_nothing(void **state)
{
	uint32_t bound = 0;

	(void)state;
	for (uint32_t kind = 0; kind < 2; kind++) {
		for (uint32_t n = 1; n < 100; n++) {
			bed_core_up(IM_SCHEDULE_INLINE);
			im_verify_fail(kind == 0 ? n : 0, kind == 1 ? n : 0);
			bound = bed_bind("relay", "nic", "r0") == IM_STATUS_SUCCESS;
			im_verify_fail(0, 0);
			if (!bound) {
				assert_null(im_find_instance("r0"));
				assert_true(TAILQ_EMPTY(&bed_nic.instance->uppers));
				assert_int_equal(bed_bind("relay", "nic", "r0"), IM_STATUS_SUCCESS);
			}
			bed_down();
			if (bound) {
				assert_true(n > 1);
				break;
			}
		}
		assert_true(bound);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_comes_and_goes_whatever_pends),
		cmocka_unit_test(an_unbind_goes_in_order),
		cmocka_unit_test(a_second_relay_cannot_have_the_same_name),
		cmocka_unit_test(a_bind_without_an_adapter_or_with_too_many_vnics_fails),
		cmocka_unit_test(a_vnic_halted_on_its_own_can_come_back),
		cmocka_unit_test(receives_without_a_vnic_stay_behind),
		cmocka_unit_test(a_vnic_that_was_never_started_is_taken_back),
		cmocka_unit_test(a_driver_starts_and_stops_with_its_vnic),
		cmocka_unit_test(a_driver_that_cannot_start_leaves_nothing),
		cmocka_unit_test(a_bind_that_fails_anywhere_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
