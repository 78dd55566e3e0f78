/* SPDX-License-Identifier: BSD-3-Clause */
/* Power: who is told, who stops and who goes on, of a VNIC and of the adapter below it (contract section 7D). */
#include <unistd.h>

#include "shipped.h"

static struct im_packet *packets[8];

static void up(void)
{
	shipped_begin(NULL);
	shipped_build(1);
	rig_packets(packets, 8);
	rig_forget();
}

static void down(void)
{
	host_settle();
	rig_packets_free(packets, 8);
	rig_end();
}

static void set_power(const char *instance, enum im_power_state power)
{
	assert_int_equal(host_set_power(instance, power), IM_STATUS_SUCCESS);
	host_settle();
}

/* Whether sends go out and come back, or are refused for power's sake; nothing else may happen to them. */
static bool do_sends_flow(void)
{
	unsigned sent = rig_packets_seen(RIG_send_packets, "nic");
	unsigned good = rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS);
	unsigned refused = rig_packets_with(RIG_send_complete, "top", IM_STATUS_LOW_POWER_STATE);

	im_send_packets(rig.top_binding->binding, packets, 2);
	host_settle();
	sent = rig_packets_seen(RIG_send_packets, "nic") - sent;
	good = rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS) - good;
	refused = rig_packets_with(RIG_send_complete, "top", IM_STATUS_LOW_POWER_STATE) - refused;
	assert_int_equal(good, sent);
	assert_int_equal(good + refused, 2);
	return good == 2;
}

/* ---- Two states ------------------------------------------------------------------------------------ */

struct change {
	const char *instance;
	enum im_power_state power;
};

static void c7_21_either_one_asleep_is_standing_by(void **state)
{
	static const struct change orders[][4] = {
		{{"r0", IM_POWER_D3}, {"nic", IM_POWER_D3}, {"r0", IM_POWER_D0}, {"nic", IM_POWER_D0}},
		{{"r0", IM_POWER_D3}, {"nic", IM_POWER_D1}, {"nic", IM_POWER_D0}, {"r0", IM_POWER_D0}},
		{{"nic", IM_POWER_D3}, {"r0", IM_POWER_D2}, {"nic", IM_POWER_D0}, {"r0", IM_POWER_D0}},
		{{"nic", IM_POWER_D2}, {"r0", IM_POWER_D3}, {"r0", IM_POWER_D0}, {"nic", IM_POWER_D0}},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(orders); i++) {
		up();
		assert_true(do_sends_flow());
		for (size_t step = 0; step < 4; step++) {
			const struct change *change = &orders[i][step];

			rig_forget();
			set_power(change->instance, change->power);
			/* neither follows from the other */
			assert_int_equal(rig_calls(RIG_pnp_event, "top"), change->instance[0] == 'r');
			assert_int_equal(rig_calls(RIG_set_information, "nic"), change->instance[0] == 'n');
			assert_int_equal(do_sends_flow(), step == 3);
		}
		down();
	}
}

/* ---- A VNIC to sleep -------------------------------------------------------------------------------- */

static void expect_nothing_goes_up(void)
{
	rig_forget();
	rig_indicate(rig.port, packets, 2, IM_STATUS_SUCCESS);
	rig_indicate(rig.port, packets + 2, 2, IM_STATUS_RESOURCES);
	im_indicate_status(rig.port->instance, IM_INDICATION_MEDIA_DISCONNECT, NULL, 0);
	im_indicate_status_complete(rig.port->instance);
	host_settle();
	assert_int_equal(rig_calls(RIG_receive_packets, "top") + rig_calls(RIG_receive, "top"), 0);
	assert_int_equal(rig_calls(RIG_status, "top") + rig_calls(RIG_status_complete, "top"), 0);
	rig_expect_packets(RIG_return_packets, "nic", packets, 2);
}

/* Those above stop before the VNIC is set, and are told after it is awake. A mid passes all on, and the core keeps it;
 * the relay keeps it itself. */
static void c7_22_a_vnic_asleep_tells_nothing_upward(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	rig_build(1);
	rig_packets(packets, 8);
	rig_forget();
	set_power("m0", IM_POWER_D3);
	assert_string_equal(rig_story(RIG_BIT(pnp_event) | RIG_BIT(set_information)),
			    "pnp_event:top set_information:m0");
	assert_int_equal(rig_call(RIG_pnp_event, "top", 0)->value, IM_PNP_SET_POWER);
	assert_int_equal(rig_call(RIG_pnp_event, "top", 0)->power, IM_POWER_D3);
	expect_nothing_goes_up();
	rig_forget();
	set_power("m0", IM_POWER_D0);
	assert_string_equal(rig_story(RIG_BIT(pnp_event) | RIG_BIT(set_information)),
			    "set_information:m0 pnp_event:top");
	down();
}

static void c7_22_so_does_a_relay(void **state)
{
	(void)state;
	shipped_begin(NULL);
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	shipped_build(2);
	rig_packets(packets, 8);
	set_power("r0", IM_POWER_D3);
	expect_nothing_goes_up();
	set_power("r0", IM_POWER_D0);
	rig_indicate(rig.port, packets + 4, 2, IM_STATUS_SUCCESS);
	host_settle();
	rig_expect_packets(RIG_receive_packets, "top", packets + 4, 2);
	rig_return(rig.top_binding, 2);
	down();
}

/* ---- The adapter to sleep, and awake ------------------------------------------------------------------ */

static uint32_t speeds[2];
static struct im_request queries[2];

static void ask(unsigned which)
{
	queries[which] = (struct im_request){
		.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &speeds[which], .length = sizeof(speeds[which])};
	speeds[which] = 0;
	assert_int_equal(im_request(rig.top_binding->binding, &queries[which]), IM_STATUS_PENDING);
}

static void put_the_nic_to_sleep(void *argument)
{
	*(im_status_t *)argument = host_set_power("nic", IM_POWER_D3);
}

/* As host_settle(), which would wait for the thread that waits. */
static void turn(void)
{
	for (int i = 0; i < 24; i++)
		host_tick(0);
}

/* Of two protocols that stand beside the relay one is told before it, and one when it has answered. */
static void begin_sleep(im_status_t *status)
{
	host_begin(HOST_IDLE, put_the_nic_to_sleep, status);
	while (rig_calls(RIG_pnp_event, "before") == 0)
		usleep(100);
	turn();
	usleep(3000);
	turn();
	assert_int_equal(rig_calls(RIG_pnp_event, "after"), 0);
	assert_int_equal(rig_calls(RIG_set_information, "nic"), 0);
}

static void build_between(void)
{
	static const char *const names[] = {"before", "after"};

	shipped_begin(NULL);
	shipped_load_all();
	for (size_t i = 0; i < RTE_DIM(names); i++) {
		assert_int_equal(rig_load(rig_driver(names[i], RIG_TOP, 0)), IM_STATUS_SUCCESS);
		assert_int_equal(rig_bind(names[i], "nic", names[i]), IM_STATUS_SUCCESS);
		if (i == 0)
			shipped_bind("nic", "r0");
	}
	shipped_bind_top("r0");
	rig_packets(packets, 8);
	rig_forget();
}

static void c7_23_c7_24_a_sleep_waits_for_the_request_and_the_next_one_for_its_end(void **state)
{
	im_status_t slept = IM_STATUS_PENDING;

	(void)state;
	build_between();
	rig.nic->script.requests = RIG_LATER;
	ask(0);
	host_settle();
	assert_int_equal(rig_calls(RIG_query_information, "nic"), 1);
	begin_sleep(&slept);
	ask(1);
	rig.nic->script.requests = RIG_INLINE;
	rig_complete_request(rig.port, IM_STATUS_SUCCESS);
	host_join();
	host_settle();
	assert_int_equal(slept, IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_pnp_event, "after"), 1);
	assert_int_equal(rig_calls(RIG_request_complete, "top"), 1);
	assert_int_equal(rig_calls(RIG_query_information, "nic"), 1); /* the other one is parked */
	assert_false(do_sends_flow());
	set_power("nic", IM_POWER_D0);
	assert_int_equal(rig_calls(RIG_query_information, "nic"), 2);
	assert_int_equal(rig_calls(RIG_request_complete, "top"), 2);
	assert_int_equal(speeds[1], 10000);
	assert_true(do_sends_flow());
	down();
}

static void c7_23_a_sleep_waits_for_the_sends_and_takes_no_new_ones(void **state)
{
	im_status_t slept = IM_STATUS_PENDING;

	(void)state;
	build_between();
	rig.nic->script.sends = RIG_LATER;
	im_send_packets(rig.top_binding->binding, packets, 4);
	host_settle();
	begin_sleep(&slept);
	im_send_packets(rig.top_binding->binding, packets + 4, 4);
	turn();
	assert_int_equal(rig_packets_seen(RIG_send_packets, "nic"), 4);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_LOW_POWER_STATE), 4);
	rig_complete(rig.port, 4, IM_STATUS_SUCCESS);
	host_join();
	host_settle();
	assert_int_equal(slept, IM_STATUS_SUCCESS);
	assert_int_equal(rig_calls(RIG_pnp_event, "after"), 1);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 4);
	down();
}

/* ---- The whole card ----------------------------------------------------------------------------------- */

/* The nic knows no power states, and is kept quiet all the same. The VNICs and all bindings are the same after it as
 * before. */
static void c7_25_suspend_halts_and_unbinds_nothing(void **state)
{
	static const char *const downward[] = {"r0", "r1", "nic"};
	struct im_binding *binding;

	(void)state;
	shipped_begin(NULL);
	shipped_build(2);
	rig_packets(packets, 8);
	binding = rig.top_binding->binding;
	rig_forget();
	for (size_t i = 0; i < RTE_DIM(downward); i++)
		set_power(downward[i], IM_POWER_D3);
	for (size_t i = 0; i < RTE_DIM(downward); i++) {
		assert_true(host_exists(downward[i]));
		assert_int_equal(host_state(downward[i]), SLUICE_INSTANCE_RUNNING);
	}
	for (size_t i = RTE_DIM(downward); i-- > 0;)
		set_power(downward[i], IM_POWER_D0);
	assert_string_equal(rig_story(RIG_LIFE | RIG_BIT(pause) | RIG_BIT(restart)), "");
	assert_ptr_equal(rig_binding("top")->binding, binding);
	assert_true(do_sends_flow());
	down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c7_21_either_one_asleep_is_standing_by),
		cmocka_unit_test(c7_22_a_vnic_asleep_tells_nothing_upward),
		cmocka_unit_test(c7_22_so_does_a_relay),
		cmocka_unit_test(c7_23_c7_24_a_sleep_waits_for_the_request_and_the_next_one_for_its_end),
		cmocka_unit_test(c7_23_a_sleep_waits_for_the_sends_and_takes_no_new_ones),
		cmocka_unit_test(c7_25_suspend_halts_and_unbinds_nothing),
	};

	return host_run_tests(tests);
}
