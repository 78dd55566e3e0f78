/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lists that are walked by some threads while another one pauses, restarts, binds and unbinds (contract 11.23): sends
 * and cancels, the receivers of a packet, requests, and what a serialised adapter has refused. A walk that does not end
 * is stopped by the alarm, a wait that does not by the verifier.
 */
#include <sched.h>
#include <unistd.h>

#include "rig.h"

#define ROUNDS	   40u
#define PACKETS	   24u
#define BURST	   4u
#define ASKS	   8u
#define PATIENCE_S 120u
#define CANCEL_ID  0x01000007u

static struct im_packet *sends[PACKETS], *receives[PACKETS];
static uint32_t waiting; /* atomic: threads that are not there yet */

static void meet(void)
{
	__atomic_sub_fetch(&waiting, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&waiting, __ATOMIC_ACQUIRE) > 0)
		sched_yield();
}

static void send_and_cancel(void *unused)
{
	(void)unused;
	meet();
	for (uint32_t i = 0; i < PACKETS; i += BURST) {
		im_send_packets(rig.top_binding->binding, sends + i, BURST);
		im_cancel_send_packets(rig.top_binding->binding, CANCEL_ID);
	}
}

static void receive(void *unused)
{
	(void)unused;
	meet();
	for (uint32_t i = 0; i < PACKETS; i += BURST)
		rig_indicate(rig.port, receives + i, BURST, IM_STATUS_SUCCESS);
}

static void ask(void *unused)
{
	uint32_t written, needed, speed;

	(void)unused;
	meet();
	for (uint32_t i = 0; i < ASKS; i++)
		assert_int_equal(host_query("m0", SLUICE_OID_GEN_LINK_SPEED, &speed, sizeof(speed), &written, &needed),
				 IM_STATUS_SUCCESS);
}

static void disturb(void)
{
	meet();
	host_pause("m0");
	assert_int_equal(host_restart("m0"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("top", "m0", "beside"), IM_STATUS_SUCCESS);
	host_unbind(rig_binding("beside")->binding);
	host_pause("nic");
	assert_int_equal(host_restart("nic"), IM_STATUS_SUCCESS);
}

static void play_round(uint32_t round)
{
	for (uint32_t i = 0; i < PACKETS; i++)
		sends[i]->info.cancel_id = i % 3 == 0 ? CANCEL_ID : 0;
	rig_forget();
	waiting = 4;
	host_begin(1, send_and_cancel, NULL);
	host_begin(2, receive, NULL);
	host_begin(HOST_CONTROL, ask, NULL);
	disturb();
	host_join();
	host_settle();
	if (host_outstanding("m0") != 0 || host_outstanding("nic") != 0)
		fail_msg("round %u: packets are out", round);
	assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), PACKETS);
	if (rig.port->driver->variant != RIG_SERIALISED) /* which has them again by their status */
		assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), PACKETS);
}

static void play(unsigned nic_variant)
{
	static const struct host_options options = {.workers = 2};

	alarm(PATIENCE_S);
	rig_begin(&options, nic_variant);
	rig.nic->script.sends = RIG_AFTER;
	rig.nic->script.room = 2; /* where it is serialised: the core queues the others */
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_AFTER;
	rig_build(1);
	rig_packets(sends, PACKETS);
	rig_packets(receives, PACKETS);
	for (uint32_t round = 0; round < ROUNDS; round++)
		play_round(round);
	rig_packets_free(sends, PACKETS);
	rig_packets_free(receives, PACKETS);
	rig_end();
	assert_int_equal(im_violations(), 0);
	alarm(0);
}

static void c11_23_lists_are_walked_while_somebody_pauses_and_unbinds(void **state)
{
	(void)state;
	play(0);
}

static void c11_23_so_is_the_queue_of_a_serialised_adapter(void **state)
{
	(void)state;
	play(RIG_SERIALISED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c11_23_lists_are_walked_while_somebody_pauses_and_unbinds),
		cmocka_unit_test(c11_23_so_is_the_queue_of_a_serialised_adapter),
	};

	return host_run_tests(tests);
}
