/* SPDX-License-Identifier: BSD-3-Clause */
/* Status indications: to whom they go, when, and what is kept of them (contract section 7C). */
#include <string.h>

#include "neighbours.h"

#define CONNECT	   IM_INDICATION_MEDIA_CONNECT	   /* 3 */
#define DISCONNECT IM_INDICATION_MEDIA_DISCONNECT  /* 4 */
#define SPEED	   IM_INDICATION_LINK_SPEED_CHANGE /* 5 */
#define OTHER	   7u				   /* that the core does not know */

static void indicate(uint32_t indication)
{
	im_indicate_status(nb_nic.instance, indication, NULL, 0);
	im_indicate_status_complete(nb_nic.instance);
}

static void connect_link(void)
{
	indicate(CONNECT);
}

/* ---- To whom ------------------------------------------------------------------------------------------- */

/* contract: 7.20 */
static void every_binding_is_told_a_status_and_its_end(void **state)
{
	uint32_t speed = 100000;

	(void)state;
	nb_up(2, true);
	im_indicate_status(nb_nic.instance, SPEED, &speed, sizeof(speed));
	nb_expect("t0:status(5,4 bytes,100000) t1:status(5,4 bytes,100000)"); /* 3.14, 7.20 */
	im_indicate_status_complete(nb_nic.instance);
	nb_expect("t0:end t1:end");
	nb_down();
}

static void a_status_may_come_at_any_level(void **state)
{
	(void)state;
	nb_up(2, true);
	nb_dispatch(connect_link);
	nb_expect("t0:status(3) t1:status(3) t0:end t1:end");
	nb_down();
}

static void a_binding_that_is_paused_is_told_too(void **state)
{
	(void)state;
	nb_up(1, true);
	im_pause(nb_nic.instance);
	indicate(DISCONNECT);
	nb_expect("t0:status(4) t0:end");
	assert_int_equal(im_restart(nb_nic.instance), IM_STATUS_SUCCESS);
	nb_down();
}

static void a_binding_that_is_closed_is_told_no_more(void **state)
{
	struct nb_top *third;

	(void)state;
	nb_up(2, true);
	im_unbind(nb_tops[0].binding);
	nb_expect("t0:unbind");
	indicate(CONNECT);
	nb_expect("t1:status(3) t1:end");
	third = nb_bind("nic");
	indicate(DISCONNECT);
	nb_expect("t1:status(4) t2:status(4) t1:end t2:end");
	im_unbind(nb_tops[1].binding);
	im_unbind(third->binding);
	nb_expect("t1:unbind t2:unbind");
	indicate(CONNECT);
	nb_expect("");
	nb_down();
}

static void pass_up(uint32_t indication)
{
	im_indicate_status(nb_vnic.instance, indication, NULL, 0);
}

/* 7.19: who is told by a VNIC knows nothing of the adapter below. */
/* contract: 7.19 */
static void a_vnic_tells_its_own_protocols(void **state)
{
	(void)state;
	nb_up(1, true);
	nb_start_vnic();
	nb_bind("vnic");
	nb_tops[0].in_status = pass_up;
	im_indicate_status(nb_nic.instance, DISCONNECT, NULL, 0);
	nb_expect("t0:status(4) t1:status(4)");
	nb_down();
}

/* ---- What a driver may not ------------------------------------------------------------------------------- */

/* contract: 7.6 */
static void resets_are_the_cores_to_tell(void **state)
{
	(void)state;
	nb_up(1, true);
	im_indicate_status(nb_nic.instance, IM_INDICATION_RESET_START, NULL, 0);
	nb_expect_violation("7.6");
	im_indicate_status(nb_nic.instance, IM_INDICATION_RESET_END, NULL, 0);
	nb_expect_violation("7.6");
	nb_expect("");
	nb_down();
}

static void indicate_early(struct im_instance *instance)
{
	im_indicate_status(instance, CONNECT, NULL, 0);
}

/* contract: 7.18 */
static void nothing_is_told_before_initialize_has_succeeded(void **state)
{
	(void)state;
	nb_up(0, true);
	nb_vnic.in_initialize = indicate_early;
	nb_start_vnic();
	nb_expect_violation("7.18");
	nb_down();
}

/* contract: 7.20 */
static void a_payload_has_a_buffer(void **state)
{
	(void)state;
	nb_up(1, true);
	im_indicate_status(nb_nic.instance, SPEED, NULL, 4);
	nb_expect_violation("7.20");
	im_indicate_status(nb_nic.instance, 0, NULL, 0);
	nb_expect_violation("7.20");
	nb_expect("");
	nb_down();
}

/* ---- Asleep ---------------------------------------------------------------------------------------------- */

static void put_to_sleep(void)
{
	assert_int_equal(im_set_power(nb_nic.instance, IM_POWER_D3), IM_STATUS_SUCCESS);
	nb_expect("t0:event(0,4) nic:set(fd010101,4)");
}

static void wake_up(const char *then)
{
	char expected[128] = "nic:set(fd010101,1) t0:event(0,1)";

	assert_int_equal(im_set_power(nb_nic.instance, IM_POWER_D0), IM_STATUS_SUCCESS);
	nb_expect(strcat(expected, then));
}

/* 7.16: the newest alone, once, and only if it differs from what was told last. */
/* contract: 7.16 */
static void a_link_that_changed_in_its_sleep_is_told_once(void **state)
{
	(void)state;
	nb_up(1, true);
	indicate(CONNECT);
	nb_expect("t0:status(3) t0:end");
	put_to_sleep();
	indicate(DISCONNECT);
	indicate(CONNECT);
	indicate(DISCONNECT);
	nb_expect(""); /* 7.22, and no end of what was not told (7.17) */
	wake_up(" t0:status(4) t0:end");
	put_to_sleep();
	indicate(CONNECT);
	indicate(DISCONNECT);
	wake_up(""); /* as it was */
	put_to_sleep();
	wake_up("");
	nb_down();
}

/* To what, they ask: a payload is gone by then (7.20). */
/* contract: 7.16 7.20 */
static void a_speed_that_changed_in_its_sleep_is_told_once(void **state)
{
	uint32_t speed = 100000;

	(void)state;
	nb_up(1, true);
	put_to_sleep();
	im_indicate_status(nb_nic.instance, SPEED, &speed, sizeof(speed));
	indicate(SPEED);
	wake_up(" t0:status(5) t0:end");
	put_to_sleep();
	wake_up("");
	nb_down();
}

static void other_statuses_are_not_kept(void **state)
{
	(void)state;
	nb_up(1, true);
	put_to_sleep();
	indicate(OTHER);
	wake_up("");
	indicate(OTHER);
	nb_expect("t0:status(7) t0:end");
	nb_down();
}

/* contract: 7.17 */
static void the_end_goes_up_where_its_status_did(void **state)
{
	(void)state;
	nb_up(1, true);
	put_to_sleep();
	im_indicate_status(nb_nic.instance, OTHER, NULL, 0);
	wake_up("");
	im_indicate_status_complete(nb_nic.instance);
	nb_expect(""); /* 7.17 */
	nb_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_binding_that_is_closed_is_told_no_more),
		cmocka_unit_test(a_binding_that_is_paused_is_told_too),
		cmocka_unit_test(a_link_that_changed_in_its_sleep_is_told_once),
		cmocka_unit_test(a_payload_has_a_buffer),
		cmocka_unit_test(a_speed_that_changed_in_its_sleep_is_told_once),
		cmocka_unit_test(a_status_may_come_at_any_level),
		cmocka_unit_test(a_vnic_tells_its_own_protocols),
		cmocka_unit_test(every_binding_is_told_a_status_and_its_end),
		cmocka_unit_test(nothing_is_told_before_initialize_has_succeeded),
		cmocka_unit_test(other_statuses_are_not_kept),
		cmocka_unit_test(resets_are_the_cores_to_tell),
		cmocka_unit_test(the_end_goes_up_where_its_status_did),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
