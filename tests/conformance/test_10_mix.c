/* SPDX-License-Identifier: BSD-3-Clause */
/* Drivers of all shapes over each other (contract 10A): a relay over a mux over a team. */
#include <string.h>

#include "mux.h"
#include "team.h"

static struct rig_binding *tops[2];

static struct rig_binding *bind_over(const char *adapter, const char *name)
{
	uint32_t filter = ALL;
	struct im_request request = {.set = true, .oid = FILTER, .buffer = &filter, .length = sizeof(filter)};

	assert_int_equal(rig_bind("top", adapter, name), IM_STATUS_SUCCESS);
	assert_int_equal(rig_request(rig_binding(name), &request), IM_STATUS_SUCCESS);
	return rig_binding(name);
}

static void restart(const char *instance)
{
	host_settle(); /* where the core initialises later */
	assert_int_equal(host_restart(instance), IM_STATUS_SUCCESS);
}

/*
 *      top0
 *       m0     top1
 *       v0      v1      mux: VLAN 100, and none
 *           t0          team
 *       nic0  nic1
 */
static void build(void)
{
	static const char *const vnics[] = {"v0", "v1", NULL}, *const texts[] = {"vlan=100", NULL};

	team_load(2, 0);
	assert_int_equal(host_load_builtin("mux"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_load(rig.mid), IM_STATUS_SUCCESS);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(team_bind(i, NULL), IM_STATUS_SUCCESS);
	restart("t0");
	assert_int_equal(host_bind_with("mux", "t0", vnics, texts), IM_STATUS_SUCCESS);
	restart("v0");
	restart("v1");
	assert_int_equal(rig_bind("mid", "v0", "m0"), IM_STATUS_SUCCESS);
	restart("m0");
	tops[0] = bind_over("m0", "top0");
	tops[1] = bind_over("v1", "top1");
	host_settle();
	rig_forget();
}

static void send_over(uint32_t nic)
{
	struct im_packet *packet = mux_frame(mux_stranger, UNTAGGED);

	im_send_packets(tops[0]->binding, &packet, 1);
	host_settle();
	assert_int_equal(team_nics[nic]->held_count, 1);
	mux_expect_frame(team_nics[nic]->held[0], mux_stranger, 100);
	team_complete_all(nic);
	assert_int_equal(packet->status, IM_STATUS_SUCCESS);
	mux_expect_frame(packet, mux_stranger, UNTAGGED);
	rig_packets_free(&packet, 1);
}

static void receive_over(uint32_t nic)
{
	struct im_packet *packet = mux_frame(mux_everybody, 100);

	rig_indicate(team_nics[nic], &packet, 1, IM_STATUS_SUCCESS);
	host_settle();
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(tops[i]->held_count, 1);
		mux_expect_frame(tops[i]->held[0], mux_everybody, UNTAGGED);
		rig_return(tops[i], 1);
	}
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_return_packets, team_names[nic]), 1);
	rig_packets_free(&packet, 1);
	rig_forget();
}

static void c10_1_c10_2_c10_3_all_shapes_stand_over_each_other(void **state)
{
	(void)state;
	build();
	send_over(0);
	receive_over(0);
	team_lose_link(0);
	send_over(1);
	receive_over(1);
	assert_int_equal(host_unbind_over("nic0"), IM_STATUS_SUCCESS);
	send_over(1);
	receive_over(1);
	assert_int_equal(host_unbind_over("nic1"), IM_STATUS_SUCCESS);
	assert_string_equal(rig_story(RIG_LIFE),
			    "unbind_adapter:m0 unbind_adapter:top0 halt:m0 unbind_adapter:top1"); /* top down */
	for (size_t i = 0; i < 4; i++)
		assert_false(host_exists((const char *const[]){"t0", "v0", "v1", "m0"}[i]));
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c10_1_c10_2_c10_3_all_shapes_stand_over_each_other),
	};

	return host_run_tests(tests);
}
