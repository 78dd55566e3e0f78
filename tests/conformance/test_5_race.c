/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of several threads at once: the order of each flow, and counts that two threads take down together. */
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "shipped.h"

#define WORKERS 2u

static const struct host_options with_workers = {.workers = WORKERS};
static const struct host_options unverified = {.workers = WORKERS, .unverified = true};

static uint32_t waiting; /* atomic: threads that are not there yet */

/* All of them begin together. */
static void meet(void)
{
	__atomic_sub_fetch(&waiting, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&waiting, __ATOMIC_ACQUIRE) > 0)
		sched_yield();
}

static void on_both(void (*run)(void *argument), void *const *arguments)
{
	waiting = WORKERS;
	for (uint32_t i = 0; i < WORKERS; i++)
		host_begin(i + 1, run, arguments[i]);
}

/* ---- Order --------------------------------------------------------------------------------------- */

#define PHASES 3u
#define EACH   120u /* packets of a flow in a phase: those of two are fewer than a relay holds */

/* A worker's. */
static struct flow {
	struct im_packet *packets[PHASES * EACH];
	uint32_t sent;	  /* atomic: the test looks meanwhile */
	uint32_t arrived; /* at the nic, in order */
	bool mixed;
} flows[WORKERS];

/* In bursts of different sizes. */
static void send_a_phase(void *argument)
{
	struct flow *flow = argument;
	uint32_t end = flow->sent + EACH;

	meet();
	for (uint32_t burst = 1; flow->sent < end; burst = burst % 17 + 1) {
		uint32_t count = RTE_MIN(burst, end - flow->sent), sent = flow->sent + count;

		im_send_packets(rig.top_binding->binding, flow->packets + flow->sent, (uint16_t)count);
		__atomic_store_n(&flow->sent, sent, __ATOMIC_RELEASE);
	}
}

static uint32_t sent_in_all(void)
{
	uint32_t sum = 0;

	for (uint32_t f = 0; f < WORKERS; f++)
		sum += __atomic_load_n(&flows[f].sent, __ATOMIC_ACQUIRE);
	return sum;
}

static void reset_nic(void *argument)
{
	(void)argument;
	host_reset("nic");
}

static void check_order(void)
{
	const struct rig_call *call;

	for (unsigned nth = 0; (call = rig_call(RIG_send_packets, "nic", nth)) != NULL; nth++)
		for (uint16_t i = 0; i < call->count; i++) {
			struct flow *flow = &flows[call->packets[i]->info.vlan];

			flow->mixed |= flow->packets[flow->arrived] != call->packets[i];
			flow->arrived++;
		}
	for (uint32_t i = 0; i < WORKERS; i++) {
		assert_int_equal(flows[i].arrived, PHASES * EACH);
		assert_false(flows[i].mixed);
	}
}

/* Before a reset below, during it, and while what was held meanwhile is let go. */
static void c4_20_c4_22_each_worker_s_flow_keeps_its_order(void **state)
{
	void *const arguments[WORKERS] = {&flows[0], &flows[1]};

	(void)state;
	memset(flows, 0, sizeof(flows));
	shipped_begin(&with_workers);
	rig.nic->script.resets = RIG_LATER;
	shipped_build(2);
	for (uint32_t f = 0; f < WORKERS; f++)
		for (uint32_t i = 0; i < PHASES * EACH; i++) {
			flows[f].packets[i] = rig_packet(8, 60, 0);
			flows[f].packets[i]->info.vlan = (uint16_t)f;
		}
	rig_forget();
	on_both(send_a_phase, arguments);
	host_join();
	host_begin(HOST_IDLE, reset_nic, NULL);
	while (rig_calls(RIG_reset, "nic") == 0)
		usleep(100);
	on_both(send_a_phase, arguments);
	while (sent_in_all() < WORKERS * 2 * EACH)
		usleep(100);
	assert_int_equal(rig_packets_seen(RIG_send_packets, "nic"), WORKERS * EACH);
	im_reset_complete(rig.port->instance, IM_STATUS_SUCCESS, false);
	on_both(send_a_phase, arguments);
	host_settle();
	check_order();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), WORKERS * PHASES * EACH);
	for (uint32_t f = 0; f < WORKERS; f++)
		rig_packets_free(flows[f].packets, PHASES * EACH);
	rig_end();
}

/* ---- Counts -------------------------------------------------------------------------------------- */

#define ROUNDS 300u

/* Each packet is promised once for each worker, and they return it at the same time. */
static void return_mine(void *argument)
{
	meet();
	for (uint32_t i = 0; i < IM_BURST; i++)
		im_return_packets(rig.top_binding->binding, (struct im_packet **)argument + i, 1);
}

static void returned_together(const struct host_options *options)
{
	struct im_packet *packets[IM_BURST];

	shipped_begin(options);
	rig.top->script.references = WORKERS;
	rig.top->script.returns = RIG_LATER;
	shipped_build(1);
	rig_packets(packets, IM_BURST);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		void *const arguments[WORKERS] = {packets, packets};

		rig_forget();
		rig.top_binding->held_count = 0;
		rig_indicate(rig.port, packets, IM_BURST, IM_STATUS_SUCCESS);
		on_both(return_mine, arguments);
		host_join();
		assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), IM_BURST); /* each, and once */
		assert_int_equal(host_outstanding("nic"), 0);
	}
	rig_packets_free(packets, IM_BURST);
	rig_end();
}

static void c5_13_c5_16_c11_13_returns_of_two_threads_are_both_counted(void **state)
{
	(void)state;
	returned_together(&unverified);
	returned_together(&with_workers);
}

/* ---- Queues -------------------------------------------------------------------------------------- */

static struct im_packet *tagged[WORKERS][IM_BURST];

static void send_and_cancel(void *argument)
{
	struct im_packet **mine = argument;

	meet();
	for (uint32_t i = 0; i < IM_BURST; i++) {
		im_send_packets(rig.top_binding->binding, mine + i, 1);
		im_cancel_send_packets(rig.top_binding->binding, 0x07000001);
	}
}

/* Two threads put packets in and take each other's out, so that each finds the queue as the other leaves it. */
static void c4_26_c11_16_cancels_against_a_queue_that_another_thread_empties(void **state)
{
	void *const arguments[WORKERS] = {tagged[0], tagged[1]};

	(void)state;
	for (uint32_t round = 0; round < 20; round++) {
		shipped_begin(&with_workers);
		rig.nic->script.resets = RIG_LATER;
		shipped_build(1);
		for (uint32_t w = 0; w < WORKERS; w++) {
			rig_packets(tagged[w], IM_BURST);
			for (uint32_t i = 0; i < IM_BURST; i++)
				tagged[w][i]->info.cancel_id = i % 3 == 0 ? 0 : 0x07000001;
		}
		rig_forget();
		host_begin(HOST_IDLE, reset_nic, NULL);
		while (rig_calls(RIG_reset, "nic") == 0)
			usleep(100);
		on_both(send_and_cancel, arguments);
		while (rig_packets_with(RIG_send_complete, "top", IM_STATUS_SEND_ABORTED) < WORKERS * 42)
			usleep(100);
		im_reset_complete(rig.port->instance, IM_STATUS_SUCCESS, false);
		host_settle();
		assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SEND_ABORTED), WORKERS * 42);
		assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), WORKERS * 22);
		assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), WORKERS * IM_BURST);
		for (uint32_t w = 0; w < WORKERS; w++)
			rig_packets_free(tagged[w], IM_BURST);
		rig_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c4_20_c4_22_each_worker_s_flow_keeps_its_order),
		cmocka_unit_test(c5_13_c5_16_c11_13_returns_of_two_threads_are_both_counted),
		cmocka_unit_test(c4_26_c11_16_cancels_against_a_queue_that_another_thread_empties),
	};

	return host_run_tests(tests);
}
