/* SPDX-License-Identifier: BSD-3-Clause */
/* One VNIC over several adapters: what all members are told, and can (contract 6C, right column, and 10.36). */
#include <string.h>

#include "team.h"

/* ---- What all members are told, and can ---------------------------------------------------------- */

static void c6_36_c6_37_a_set_is_answered_when_all_members_have_it(void **state)
{
	uint32_t value = DIRECTED;
	struct im_request request = {.set = true, .oid = FILTER, .buffer = &value, .length = sizeof(value)};

	(void)state;
	team_build(2);
	for (uint32_t i = 0; i < 2; i++)
		team_nics[i]->driver->script.requests = RIG_LATER;
	assert_int_equal(im_request(rig.top_binding->binding, &request), IM_STATUS_PENDING);
	host_settle();
	rig_complete_request(team_nics[1], IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_calls(RIG_request_complete, "top"), 0);
	rig_complete_request(team_nics[0], IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_calls(RIG_request_complete, "top"), 1);
	assert_int_equal(rig_call(RIG_request_complete, "top", 0)->value, IM_STATUS_SUCCESS);
	assert_int_equal(request.done, 4);
	for (uint32_t i = 0; i < 2; i++)
		team_nics[i]->driver->script.requests = RIG_INLINE;
	team_down();
}

static void c6_7_what_one_member_refuses_the_others_take_back(void **state)
{
	uint32_t value = DIRECTED;
	struct im_request request = {.set = true, .oid = FILTER, .buffer = &value, .length = sizeof(value)};

	(void)state;
	team_build(2);
	team_nics[1]->driver->script.requests = RIG_LATER;
	assert_int_equal(im_request(rig.top_binding->binding, &request), IM_STATUS_PENDING);
	host_settle();
	assert_int_equal(team_value_of(team_nics[0], FILTER), DIRECTED);
	team_nics[1]->driver->script.requests = RIG_INLINE;
	rig_complete_request(team_nics[1], IM_STATUS_INVALID_DATA);
	host_settle();
	assert_int_equal(rig_call(RIG_request_complete, "top", 0)->value, IM_STATUS_INVALID_DATA);
	assert_int_equal(request.done, 0);
	assert_int_equal(team_value_of(team_nics[0], FILTER), ALL);
	assert_int_equal(team_ask(FILTER), ALL);
	team_down();
}

/* One that sleeps is not waited for, and is told when it wakes up (6.24). */
static void c6_24_a_member_that_slept_gets_what_was_set_meanwhile(void **state)
{
	(void)state;
	team_build(2);
	assert_int_equal(host_set_power("nic1", IM_POWER_D3), IM_STATUS_SUCCESS);
	assert_int_equal(team_set(FILTER, DIRECTED), IM_STATUS_SUCCESS);
	assert_int_equal(team_value_of(team_nics[1], FILTER), ALL);
	assert_int_equal(host_set_power("nic1", IM_POWER_D0), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(team_value_of(team_nics[1], FILTER), DIRECTED | 0x20);
	team_down();
}

static unsigned announcements(void)
{
	unsigned found = 0;

	for (unsigned i = 0; i < rig_calls(RIG_pnp_event, "top"); i++)
		found += rig_call(RIG_pnp_event, "top", i)->value == IM_PNP_RECONFIGURE;
	return found;
}

static void c10_36_a_team_can_what_all_its_members_can_and_says_when_that_changes(void **state)
{
	(void)state;
	team_load(3, 0);
	team_set_value(team_nics[0], OFFLOAD, 0x07, true);
	team_set_value(team_nics[1], OFFLOAD, 0x05, true);
	team_set_value(team_nics[2], OFFLOAD, 0x0c, true);
	team_set_value(team_nics[0], SIZE, 1500, false);
	team_set_value(team_nics[1], SIZE, 9000, false);
	team_set_value(team_nics[2], SIZE, 1400, false);
	assert_int_equal(team_bind(0, NULL), IM_STATUS_SUCCESS);
	team_bind_top(ALL);
	assert_int_equal(team_ask(OFFLOAD), 0x07);
	assert_int_equal(team_ask(SIZE), 1500);
	assert_int_equal(team_bind(1, NULL), IM_STATUS_SUCCESS);
	assert_int_equal(team_ask(OFFLOAD), 0x05);
	assert_int_equal(team_ask(SIZE), 1500);
	assert_int_equal(announcements(), 1);
	assert_int_equal(team_bind(2, NULL), IM_STATUS_SUCCESS);
	assert_int_equal(team_ask(OFFLOAD), 0x04);
	assert_int_equal(team_ask(SIZE), 1400);
	assert_int_equal(announcements(), 2);
	assert_int_equal(host_unbind_over("nic2"), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(team_ask(OFFLOAD), 0x05);
	assert_int_equal(announcements(), 3);
	assert_int_equal(host_unbind_over("nic0"), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(team_ask(OFFLOAD), 0x05);
	assert_int_equal(team_ask(SIZE), 9000);
	assert_int_equal(announcements(), 4);
	rig_end();
}

/* 10.37: whoever takes over, or joins, has what was team_set. */
static void c10_36_c10_37_offloads_are_set_for_all_and_for_who_joins(void **state)
{
	(void)state;
	team_build(1);
	assert_int_equal(team_set(OFFLOAD, 0x03), IM_STATUS_SUCCESS);
	team_start_nic(1);
	assert_int_equal(team_bind(1, NULL), IM_STATUS_SUCCESS);
	assert_int_equal(team_value_of(team_nics[1], OFFLOAD), 0x03);
	assert_int_equal(team_ask(OFFLOAD), 0x03);
	assert_int_equal(announcements(), 0);
	assert_int_equal(team_set(OFFLOAD, 0x01), IM_STATUS_SUCCESS);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(team_value_of(team_nics[i], OFFLOAD), 0x01);
	assert_int_equal(team_ask(OFFLOAD), 0x01);
	assert_int_equal(announcements(), 0); /* who team_set it knows */
	team_down();
}

#define FAULTS 32u /* more than a bind makes calls, or allocations; some it can do without */

/* ---- Faults -------------------------------------------------------------------------------------- */

/* Each call and each allocation of the second member's bind fails once: the team stays as it was. */
static void fail_each(bool allocations)
{
	for (uint32_t n = 1; n <= FAULTS; n++) {
		im_status_t status;

		team_build(1);
		team_start_nic(1);
		host_fail(allocations ? 0 : n, allocations ? n : 0);
		status = team_bind(1, NULL);
		host_fail(0, 0);
		host_settle();
		team_expect_carrier(0);
		assert_int_equal(team_value_of(team_nics[1], FILTER), status == IM_STATUS_SUCCESS ? ALL : 0);
		team_down();
	}
}

/* The same of the first one's: there is no team afterwards. */
static void fail_each_of_the_first(bool allocations)
{
	for (uint32_t n = 1; n <= FAULTS; n++) {
		im_status_t status;

		team_load(1, 0);
		host_fail(allocations ? 0 : n, allocations ? n : 0);
		status = team_bind(0, NULL);
		host_fail(0, 0);
		host_settle();
		if (status != IM_STATUS_SUCCESS) {
			assert_int_equal(host_objects("team"), 0);
			assert_false(host_exists("t0"));
		}
		rig_end();
	}
}

static void c1_36_a_member_that_cannot_join_leaves_the_team_as_it_was(void **state)
{
	(void)state;
	fail_each_of_the_first(false);
	fail_each_of_the_first(true);
	fail_each(false);
	fail_each(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c6_36_c6_37_a_set_is_answered_when_all_members_have_it),
		cmocka_unit_test(c6_7_what_one_member_refuses_the_others_take_back),
		cmocka_unit_test(c6_24_a_member_that_slept_gets_what_was_set_meanwhile),
		cmocka_unit_test(c10_36_a_team_can_what_all_its_members_can_and_says_when_that_changes),
		cmocka_unit_test(c10_36_c10_37_offloads_are_set_for_all_and_for_who_joins),
		cmocka_unit_test(c1_36_a_member_that_cannot_join_leaves_the_team_as_it_was),
	};

	return host_run_tests(tests);
}
