/* SPDX-License-Identifier: BSD-3-Clause */
/* What a relay passes upward of what it is told from below, and what it keeps (contract sections 7C and 7D). */
#include <string.h>

#include "../edge/eal.h"
#include "bed.h"

static void tell(uint32_t indication)
{
	const uint32_t speed = 10000;

	im_indicate_status(bed_nic.instance, indication, &speed, sizeof(speed));
	im_indicate_status_complete(bed_nic.instance);
}

/* ---- Status ------------------------------------------------------------------------------------------ */

/* contract: 7.14 7.17 */
static void link_changes_go_up_with_their_end(void **state)
{
	(void)state;
	bed_up(2);
	tell(IM_INDICATION_MEDIA_DISCONNECT);
	bed_expect_said("status:4/4 status-complete");
	tell(IM_INDICATION_LINK_SPEED_CHANGE);
	bed_expect_said("status:5/4 status-complete");
	bed_down();
}

/* 7.14, 7.17: the VNIC goes on taking packets; a status that stays below has no end above. */
/* contract: 7.14 7.17 */
static void a_reset_is_kept(void **state)
{
	(void)state;
	bed_up(1);
	bed_nic.reset = IM_STATUS_SUCCESS;
	assert_int_equal(im_reset_instance(bed_nic.instance), IM_STATUS_SUCCESS);
	bed_expect_said("");
	bed_down();
}

/* contract: 7.18 */
static void nothing_goes_up_where_there_is_no_vnic(void **state)
{
	(void)state;
	bed_up(1);
	assert_int_equal(im_deinitialize_device_instance(im_find_instance("r0")), IM_STATUS_SUCCESS);
	bed_expect_said("unbind-top");
	tell(IM_INDICATION_MEDIA_CONNECT); /* 7.18 */
	bed_expect_said("");
	bed_down();
}

/* 7.18: initialize has to be through; the relay learns that by the restart. */
/* contract: 7.18 */
static void a_link_change_before_the_first_restart_is_told_then(void **state)
{
	const char *vnic = "r1";
	struct im_bind_config config = {.adapter = "nic", .vnic_count = 1, .vnic_names = &vnic};

	(void)state;
	bed_core_up(IM_SCHEDULE_INLINE);
	assert_int_equal(im_bind(im_find_driver("relay"), &config), IM_STATUS_SUCCESS);
	assert_int_equal(bed_bind("top", vnic, "top"), IM_STATUS_SUCCESS);
	tell(IM_INDICATION_MEDIA_CONNECT);
	tell(IM_INDICATION_MEDIA_DISCONNECT);
	bed_expect_said("");
	assert_int_equal(im_restart(im_find_instance(vnic)), IM_STATUS_SUCCESS);
	bed_expect_said("status:4/0 status-complete");
	tell(IM_INDICATION_MEDIA_CONNECT);
	bed_expect_said("status:3/4 status-complete");
	bed_down();
}

/* 7.16: the newest, once, and only if it is news. */
/* contract: 7.16 */
static void a_sleeping_vnic_remembers_the_newest(void **state)
{
	struct im_instance *vnic;

	(void)state;
	bed_up(1);
	vnic = im_find_instance("r0");
	tell(IM_INDICATION_MEDIA_CONNECT);
	assert_int_equal(im_set_power(vnic, IM_POWER_D3), IM_STATUS_SUCCESS);
	bed_expect_said("status:3/4 status-complete pnp:0");
	tell(IM_INDICATION_MEDIA_DISCONNECT);
	tell(IM_INDICATION_MEDIA_CONNECT);
	assert_int_equal(im_set_power(vnic, IM_POWER_D0), IM_STATUS_SUCCESS);
	bed_expect_said("pnp:0"); /* as it was before */
	assert_int_equal(im_set_power(vnic, IM_POWER_D3), IM_STATUS_SUCCESS);
	tell(IM_INDICATION_MEDIA_CONNECT);
	tell(IM_INDICATION_MEDIA_DISCONNECT);
	assert_int_equal(im_set_power(vnic, IM_POWER_D0), IM_STATUS_SUCCESS);
	bed_expect_said("pnp:0 pnp:0 status:4/0 status-complete");
	bed_down();
}

/* 3.19 */
static void an_adapter_that_closes_is_unbound(void **state)
{
	(void)state;
	bed_up(1);
	tell(IM_INDICATION_CLOSING);
	im_run_work();
	im_run_work();
	assert_null(im_find_instance("r0"));
	bed_down();
}

/* ---- Events ------------------------------------------------------------------------------------------ */

/* 7.21: the adapter's sleep is not the VNIC's. */
/* contract: 7.21 7.26 */
static void the_adapters_power_does_not_go_up(void **state)
{
	struct im_pnp_event query = {.code = IM_PNP_QUERY_POWER, .power = IM_POWER_D3};

	(void)state;
	bed_up(1);
	assert_int_equal(im_pnp_event(bed_nic.instance, &query), IM_STATUS_SUCCESS); /* always (7.26) */
	assert_int_equal(im_set_power(bed_nic.instance, IM_POWER_D3), IM_STATUS_SUCCESS);
	assert_int_equal(im_set_power(bed_nic.instance, IM_POWER_D0), IM_STATUS_SUCCESS);
	bed_expect_said("");
	assert_int_equal(im_find_instance("r0")->power, IM_POWER_D0);
	bed_down();
}

/* contract: 7.26 7.28 */
static void a_query_for_removal_is_the_protocols_above_to_answer(void **state)
{
	struct im_pnp_event query = {.code = IM_PNP_QUERY_REMOVE}, cancel = {.code = IM_PNP_CANCEL_REMOVE};

	(void)state;
	bed_up(2);
	assert_int_equal(im_pnp_event(bed_nic.instance, &query), IM_STATUS_SUCCESS);
	bed_expect_said("pnp:2");
	bed_top.pnp = IM_STATUS_FAILURE;
	assert_int_equal(im_pnp_event(bed_nic.instance, &query), IM_STATUS_FAILURE); /* 7.28 */
	bed_expect_said("pnp:2");
	assert_int_equal(im_pnp_event(bed_nic.instance, &cancel), IM_STATUS_SUCCESS);
	bed_expect_said("pnp:3");
	bed_down();
}

static struct im_packet *packets[4];
static bool slept;

static void complete_later(struct im_work *work)
{
	(void)work;
	assert_false(slept);
	bed_complete(0, 4, IM_STATUS_SUCCESS);
}

/* 7.23: the event waits for the sends that are below, and no new one goes down meanwhile. */
/* contract: 4.31 4.32 7.23 */
static void a_sleep_below_waits_for_the_sends_there(void **state)
{
	struct im_work work = {.run = complete_later};

	(void)state;
	bed_up(1);
	bed_nic.keeps = true;
	bed_make(packets, 0, 4, 8);
	im_send_packets(bed_top.binding, packets, 4);
	slept = false;
	im_schedule_work(&work);
	assert_int_equal(im_set_power(bed_nic.instance, IM_POWER_D3), IM_STATUS_SUCCESS);
	slept = true;
	bed_expect(&bed_top.done, 0, packets, 4);
	im_send_packets(bed_top.binding, packets, 4);
	assert_int_equal(bed_nic.sent.count, 4);
	assert_int_equal(bed_top.done.statuses[4], IM_STATUS_LOW_POWER_STATE);
	bed_unmake(packets, 4);
	bed_down();
}

/* A pause is over when everything is home. */
/* contract: 4.31 10.25 10.29 */
static void a_pause_waits_for_what_is_out(void **state)
{
	struct im_work work = {.run = complete_later};

	(void)state;
	bed_up(1);
	bed_nic.keeps = true;
	bed_make(packets, 0, 4, 8);
	im_send_packets(bed_top.binding, packets, 4);
	slept = false;
	im_schedule_work(&work);
	im_pause(im_find_instance("r0"));
	slept = true;
	bed_expect(&bed_top.done, 0, packets, 4);
	assert_int_equal(im_find_instance("r0")->state, SLUICE_INSTANCE_PAUSED);
	bed_unmake(packets, 4);
	bed_down();
}

/* 7.29: it calls nothing, frees nothing, and lets nothing through. */
/* contract: 7.29 */
static void after_a_shutdown_nothing_passes(void **state)
{
	(void)state;
	bed_up(1);
	bed_make(packets, 0, 2, 8);
	im_shutdown();
	im_indicate_receive_packets(bed_nic.instance, packets, 2);
	assert_int_equal(bed_top.received.count, 0);
	im_send_packets(bed_top.binding, packets, 2);
	assert_int_equal(bed_nic.sent.count, 0);
	assert_int_equal(bed_top.done.statuses[0], IM_STATUS_PAUSED);
	bed_unmake(packets, 2);
	bed_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(link_changes_go_up_with_their_end),
		cmocka_unit_test(a_reset_is_kept),
		cmocka_unit_test(nothing_goes_up_where_there_is_no_vnic),
		cmocka_unit_test(a_link_change_before_the_first_restart_is_told_then),
		cmocka_unit_test(a_sleeping_vnic_remembers_the_newest),
		cmocka_unit_test(an_adapter_that_closes_is_unbound),
		cmocka_unit_test(the_adapters_power_does_not_go_up),
		cmocka_unit_test(a_query_for_removal_is_the_protocols_above_to_answer),
		cmocka_unit_test(a_sleep_below_waits_for_the_sends_there),
		cmocka_unit_test(a_pause_waits_for_what_is_out),
		cmocka_unit_test(after_a_shutdown_nothing_passes),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
