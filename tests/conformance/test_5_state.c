/* SPDX-License-Identifier: BSD-3-Clause */
/* Received packets and the states of what they go through: what is turned away, and what waits for them (contract 5A,
 * 5D). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shipped.h"

#define LOOK_AGAIN_US 200
#define GO_WRONG_US   3000 /* for what must not happen */

static const struct host_options with_workers = {.workers = 2};

static struct im_packet *packets[8];

static void indicate(uint16_t first, uint16_t count)
{
	rig_indicate(rig.port, packets + first, count, IM_STATUS_SUCCESS);
}

static void down(void)
{
	host_settle();
	rig_packets_free(packets, 8);
	rig_end();
}

/* ---- Turned away --------------------------------------------------------------------------------- */

/* Nothing reaches the top, all is back with the nic. */
static void expect_turned_away(void)
{
	rig_forget();
	indicate(0, 8);
	host_settle();
	assert_int_equal(rig_calls(RIG_receive_packets, "top"), 0);
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 8);
	rig_indicate(rig.port, packets, 8, IM_STATUS_RESOURCES);
	host_settle();
	assert_int_equal(rig_calls(RIG_receive_packets, "top") + rig_calls(RIG_receive, "top"), 0);
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 8);
	assert_int_equal(host_outstanding("nic"), 0);
}

/* Whichever of three levels it is that is paused or asleep. */
static void c5_10_c5_32_nothing_goes_up_through_what_does_not_run(void **state)
{
	static const char *const levels[] = {"nic", "r1", "r0"};

	(void)state;
	shipped_begin(NULL);
	shipped_build(2);
	rig_packets(packets, 8);
	for (size_t i = 0; i < RTE_DIM(levels); i++) {
		host_pause(levels[i]);
		expect_turned_away();
		assert_int_equal(host_restart(levels[i]), IM_STATUS_SUCCESS);
		assert_int_equal(host_set_power(levels[i], IM_POWER_D3), IM_STATUS_SUCCESS);
		expect_turned_away();
		assert_int_equal(host_set_power(levels[i], IM_POWER_D0), IM_STATUS_SUCCESS);
		rig_forget();
		indicate(0, 8);
		host_settle();
		rig_expect_packets(RIG_receive_packets, "top", packets, 8);
	}
	down();
}

static void indicate_by(struct im_instance *instance)
{
	for (uint32_t i = 0; i < 8; i++)
		packets[i]->status = IM_STATUS_SUCCESS;
	im_indicate_receive_packets(instance, packets, 8);
}

static im_status_t initialize_and_indicate(struct im_instance *instance, void *device_context)
{
	rig_initialize_vnic(device_context, instance, IM_ATTRIBUTE_INTERMEDIATE_DRIVER | IM_ATTRIBUTE_DESERIALIZE);
	indicate_by(instance);
	return IM_STATUS_SUCCESS;
}

static void halt_and_indicate(void *context)
{
	struct rig_vnic *vnic = context;

	indicate_by(vnic->instance);
	rig_halt_vnic(context);
}

static void take_no_packet(void *context, struct im_packet **home, uint16_t count)
{
	(void)context, (void)home, (void)count;
}

/* A VNIC's packets are the test's own here, so that they do not go further down. */
static void c5_10_nothing_goes_up_while_a_vnic_initialises_or_halts(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig_packets(packets, 8);
	rig.mid->miniport.initialize = initialize_and_indicate;
	rig.mid->miniport.halt = halt_and_indicate;
	rig.mid->miniport.return_packets = take_no_packet;
	rig_build(1);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_return_packets, "m0"), 8);
	rig_forget();
	assert_int_equal(host_stop("m0"), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_return_packets, "m0"), 8);
	assert_int_equal(rig_calls(RIG_receive_packets, NULL), 0);
	down();
}

/* ---- What waits for packets ---------------------------------------------------------------------- */

static char adapter[SLUICE_NAME_SIZE];

static void pause_now(void *argument)
{
	host_pause(argument);
}

static void stop_now(void *argument)
{
	host_stop(argument);
}

static void unbind_now(void *argument)
{
	host_unbind_over(argument);
}

/* On another thread; the protocol @p above hears of it first. */
static void begin(void (*what)(void *), const char *name, const char *above)
{
	snprintf(adapter, sizeof(adapter), "%s", name);
	host_begin(HOST_IDLE, what, adapter);
	while (rig_calls(RIG_pnp_event, above) == 0)
		usleep(LOOK_AGAIN_US);
	usleep(GO_WRONG_US);
}

static void up_with_packets_held(void)
{
	rig_begin(NULL, 0);
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	rig_build(1);
	rig_packets(packets, 8);
	indicate(0, 4);
	host_settle();
	assert_int_equal(rig.top_binding->held_count, 4);
	rig_forget();
}

static void c5_29_a_halt_waits_until_every_packet_is_back(void **state)
{
	(void)state;
	up_with_packets_held();
	begin(stop_now, "nic", "m0");
	rig_return(rig.top_binding, 3);
	usleep(GO_WRONG_US);
	assert_int_equal(rig_calls(RIG_halt, NULL), 0); /* not even one may be out */
	rig_return(rig.top_binding, 1);
	host_join();
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 4);
	assert_int_equal(rig_calls(RIG_halt, "nic"), 1);
	down();
}

static void c5_30_a_binding_closes_when_its_packets_are_returned(void **state)
{
	(void)state;
	up_with_packets_held();
	begin(unbind_now, "m0", "top");
	assert_int_equal(rig_calls(RIG_unbind_adapter, "top"), 0); /* where it would close */
	assert_int_equal(host_outstanding("m0"), 4);
	rig_return(rig.top_binding, 4);
	host_join();
	assert_int_equal(rig_calls(RIG_unbind_adapter, "top"), 1);
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 4);
	down();
}

/* The pause lasts, as the top holds what it got before. */
static void c5_32_what_comes_during_a_pause_is_home_at_once(void **state)
{
	(void)state;
	up_with_packets_held();
	begin(pause_now, "m0", "top");
	indicate(4, 4);
	while (rig_packets_seen(RIG_return_packets, "nic") < 4)
		usleep(LOOK_AGAIN_US); /* what the schedule has put off is run by whoever waits */
	rig_expect_packets(RIG_return_packets, "nic", packets + 4, 4);
	assert_int_equal(rig_calls(RIG_receive_packets, "top"), 0);
	assert_int_not_equal(host_state("m0"), SLUICE_INSTANCE_PAUSED);
	rig_return(rig.top_binding, 4);
	host_join();
	assert_int_equal(host_state("m0"), SLUICE_INSTANCE_PAUSED);
	down();
}

/* ---- What waits for a driver that looks ---------------------------------------------------------- */

static bool looking, was_looking; /* atomic */

/* It inspects them until after the pause has begun, and passes them on then. */
static void look_for_long(void *context, struct im_packet **lent, uint16_t count, uint16_t *references)
{
	struct rig_binding *binding = context;

	__atomic_store_n(&looking, true, __ATOMIC_SEQ_CST);
	while (rig_calls(RIG_pnp_event, "m0") == 0)
		usleep(LOOK_AGAIN_US);
	usleep(GO_WRONG_US);
	for (uint16_t i = 0; i < count; i++)
		references[i] = 1;
	im_indicate_receive_packets(binding->vnics[0]->instance, lent, count);
	__atomic_store_n(&looking, false, __ATOMIC_SEQ_CST);
}

static im_status_t note_and_pause(void *context)
{
	(void)context;
	was_looking = __atomic_load_n(&looking, __ATOMIC_SEQ_CST);
	return IM_STATUS_SUCCESS;
}

static void indicate_all(void *unused)
{
	(void)unused;
	indicate(0, 8);
}

static void c5_29_c11_2_a_pause_waits_for_the_indication_that_a_driver_looks_into(void **state)
{
	(void)state;
	rig_begin(&with_workers, 0);
	rig.mid->protocol.receive_packets = look_for_long;
	rig.nic->miniport.pause = note_and_pause;
	rig_build(1);
	rig_packets(packets, 8);
	rig_forget();
	looking = was_looking = false;
	host_begin(1, indicate_all, NULL);
	while (!__atomic_load_n(&looking, __ATOMIC_SEQ_CST))
		usleep(LOOK_AGAIN_US);
	host_pause("nic");
	assert_int_equal(rig_calls(RIG_pause, "nic"), 1);
	assert_false(was_looking);
	assert_false(looking);
	assert_int_equal(host_outstanding("nic"), 0);
	host_settle();
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 8);
	down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c5_10_c5_32_nothing_goes_up_through_what_does_not_run),
		cmocka_unit_test(c5_10_nothing_goes_up_while_a_vnic_initialises_or_halts),
		cmocka_unit_test(c5_29_a_halt_waits_until_every_packet_is_back),
		cmocka_unit_test(c5_30_a_binding_closes_when_its_packets_are_returned),
		cmocka_unit_test(c5_32_what_comes_during_a_pause_is_home_at_once),
		cmocka_unit_test(c5_29_c11_2_a_pause_waits_for_the_indication_that_a_driver_looks_into),
	};

	return host_run_tests(tests);
}
