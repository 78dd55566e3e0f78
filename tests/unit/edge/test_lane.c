/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker does with a port's packets: receive, wait, transmit, refuse. On real ethdevs over rings. */
#include <rte_cycles.h>
#include <string.h>

#include "eal.h"
#include "wires.h"

static struct wires wires;

/* ---- Through --------------------------------------------------------------------------------------- */

/* contract: 4.2 5.11 */
static void frames_pass_in_order_both_ways(void **state)
{
	(void)state;
	for (uint32_t levels = 0; levels <= 4; levels += 2) {
		wires_up(&wires, &(struct wires_config){.levels = levels});
		wires_put(&wires, wires.from_host, 0, 100, 64, 1);
		wires_put(&wires, wires.from_wire, 1000, 70, 64, 1);
		wires_poll(wires.host);
		wires_poll(wires.wire);
		edge_port_flush(wires.wire);
		edge_port_flush(wires.host);
		wires_expect(wires.to_wire, 0, 100);
		wires_expect(wires.to_host, 1000, 70);
		assert_int_equal(wires_told_status(&wires, IM_STATUS_SUCCESS), 100);
		assert_int_equal(wires.host->queues[0].rx_packets, 100);
		assert_int_equal(wires.wire->queues[0].tx_packets, 100);
		assert_int_equal(wires.wire->queues[0].tx_bytes, 100 * 64);
		assert_int_equal(wires.host->queues[0].tx_packets, 70);
		wires_down(&wires);
	}
}

static void a_poll_takes_no_more_than_a_burst(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1});
	wires_put(&wires, wires.from_host, 0, EDGE_BURST + 5, 64, 1);
	assert_int_equal(edge_port_poll(wires.host), EDGE_BURST);
	assert_int_equal(edge_port_poll(wires.host), 5);
	assert_int_equal(edge_port_poll(wires.host), 0);
	wires_down(&wires);
}

/* contract: 11.5 */
static void partial_bursts_leave_with_the_flush(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1});
	wires_put(&wires, wires.from_host, 0, 3, 64, 1);
	wires_poll(wires.host);
	assert_int_equal(wires.wire->queues[0].pending, 3);
	assert_int_equal(wires_told(&wires), 0);
	assert_int_equal(edge_port_flush(wires.wire), 3);
	assert_int_equal(wires.wire->queues[0].pending, 0);
	wires_expect(wires.to_wire, 0, 3);
	wires_down(&wires);
}

/* contract: 11.7 */
static void segments_stay_together(void **state)
{
	struct rte_mbuf *mbuf = NULL;

	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1});
	wires_put(&wires, wires.from_host, 5, 1, 100, 3);
	wires_poll(wires.host);
	edge_port_flush(wires.wire);
	assert_int_equal(rte_ring_dequeue(wires.to_wire, (void **)&mbuf), 0);
	assert_int_equal(mbuf->nb_segs, 3);
	assert_int_equal(rte_pktmbuf_pkt_len(mbuf), 100);
	assert_int_equal(wires.wire->queues[0].tx_bytes, 100);
	rte_pktmbuf_free(mbuf);
	wires_down(&wires);
}

/* ---- A port that is slow --------------------------------------------------------------------------- */

/* The port takes 7 at a time; what it does not take waits, and leaves in order. */
/* contract: 4.2 4.20 */
static void a_slow_port_keeps_the_order(void **state)
{
	uint32_t taken = 0;

	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 3, .to_wire = 7});
	wires_put(&wires, wires.from_host, 0, 240, 64, 1);
	for (int turn = 0; turn < 100; turn++) {
		edge_port_poll(wires.host);
		edge_port_flush(wires.wire);
		taken += wires_take(wires.to_wire, taken, 1u + (uint32_t)turn % 7);
	}
	assert_int_equal(taken, 240);
	assert_int_equal(wires_told_status(&wires, IM_STATUS_SUCCESS), 240);
	assert_int_equal(wires_dropped(wires.wire, SLUICE_OUT, SLUICE_DROP_TX_QUEUE_FULL), 0);
	wires_down(&wires);
}

/* contract: 5.11 */
static void a_slow_host_keeps_the_order(void **state)
{
	uint32_t taken = 0;

	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 3, .to_host = 5});
	wires_put(&wires, wires.from_wire, 0, 200, 64, 1);
	for (int turn = 0; turn < 100; turn++) {
		edge_port_poll(wires.wire);
		edge_port_flush(wires.host);
		taken += wires_take(wires.to_host, taken, 5);
	}
	assert_int_equal(taken, 200);
	assert_int_equal(wires_dropped(wires.host, SLUICE_IN, SLUICE_DROP_TX_QUEUE_FULL), 0);
	wires_down(&wires);
}

/* Where no more can wait, the newest are refused (4.10); what waits is not touched. */
/* contract: 4.10 */
static void overflow_refuses_the_newest_and_counts(void **state)
{
	const uint32_t room = 7 + EDGE_PENDING_MAX;

	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 2, .to_wire = 7});
	wires_put(&wires, wires.from_host, 0, room + 37, 64, 1);
	wires_poll(wires.host);
	assert_int_equal(wires.wire->queues[0].pending, EDGE_PENDING_MAX);
	assert_int_equal(wires_told_status(&wires, IM_STATUS_RESOURCES), 37);
	assert_int_equal(wires_told_status(&wires, IM_STATUS_SUCCESS), 7);
	assert_int_equal(wires_dropped(wires.wire, SLUICE_OUT, SLUICE_DROP_TX_QUEUE_FULL), 37);
	for (uint32_t taken = 0; taken < room;) {
		uint32_t some = wires_take(wires.to_wire, taken, room);

		assert_true(some > 0);
		taken += some;
		edge_port_flush(wires.wire);
	}
	assert_int_equal(wires_told(&wires), room + 37); /* each exactly once */
	assert_int_equal(wires_told_status(&wires, IM_STATUS_RESOURCES), 37);
	wires_down(&wires);
}

/* contract: 5.17 */
static void overflow_towards_the_host_returns_what_is_refused(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1, .to_host = 4});
	wires_put(&wires, wires.from_wire, 0, 4 + EDGE_PENDING_MAX + 11, 64, 1);
	wires_poll(wires.wire);
	assert_int_equal(wires_dropped(wires.host, SLUICE_IN, SLUICE_DROP_TX_QUEUE_FULL), 11);
	assert_int_equal(im_outstanding(im_find_instance("wire0")), EDGE_PENDING_MAX);
	wires_down(&wires);
}

static void what_waits_at_the_end_is_given_back(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 2, .to_wire = 7, .to_host = 3});
	wires_put(&wires, wires.from_host, 0, 27, 64, 1);
	wires_put(&wires, wires.from_wire, 0, 13, 64, 1);
	wires_poll(wires.host);
	wires_poll(wires.wire);
	edge_port_flush(wires.wire);
	edge_port_flush(wires.host);
	edge_port_abandon(wires.host, 0);
	edge_port_abandon(wires.wire, 0);
	assert_int_equal(wires.wire->queues[0].pending, 0);
	assert_int_equal(wires_told_status(&wires, IM_STATUS_SUCCESS), 7);
	assert_int_equal(wires_told_status(&wires, IM_STATUS_SEND_ABORTED), 20);
	assert_int_equal(wires_dropped(wires.wire, SLUICE_OUT, SLUICE_DROP_TX_REFUSED), 20);
	assert_int_equal(wires_dropped(wires.host, SLUICE_IN, SLUICE_DROP_TX_REFUSED), 10);
	assert_int_equal(im_outstanding(im_find_instance("wire0")), 0);
	assert_int_equal(im_outstanding(im_find_instance("p0")), 0);
	wires_down(&wires);
}

/* A sender may send again from its completion, while the port is in the middle of a flush. */
static uint32_t sent_again;
static void (*send_complete)(void *context, struct im_packet **packets, uint16_t count);

static void send_again(void *context, struct im_packet **packets, uint16_t count)
{
	for (uint16_t i = 0; i < count && sent_again > 0; i++) {
		sent_again--;
		wires_put(&wires, wires.from_host, 20 + 49 - sent_again, 1, 64, 1);
		assert_int_equal(edge_port_poll(wires.host), 1);
	}
	send_complete(context, packets, count);
}

/* contract: 11.15 */
static void sends_from_a_completion_keep_their_place(void **state)
{
	struct im_protocol *edge;

	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 2});
	edge = im_find_driver(EDGE_UPPER_DRIVER)->wrapper->protocol;
	send_complete = edge->handlers.send_complete;
	edge->handlers.send_complete = send_again;
	sent_again = 50;
	wires_put(&wires, wires.from_host, 0, 20, 64, 1);
	wires_poll(wires.host);
	edge_port_flush(wires.wire); /* takes along what comes during it */
	assert_int_equal(sent_again, 0);
	assert_int_equal(wires_told(&wires), 70);
	wires_expect(wires.to_wire, 0, 70);
	wires_down(&wires);
}

/* ---- What is refused -------------------------------------------------------------------------------- */

/* contract: 4.13 */
static void a_frame_that_is_too_long_is_not_sent(void **state)
{
	(void)state;
	wires_up(&wires,
		 &(struct wires_config){.levels = 1, .mtu = 100}); /* and 22 bytes of Ethernet header and two tags */
	wires_put(&wires, wires.from_host, 0, 1, 123, 1);
	wires_put(&wires, wires.from_host, 1, 1, 122, 1);
	wires_put(&wires, wires.from_host, 2, 1, 123, 3); /* its segments are short, it is not */
	wires_poll(wires.host);
	edge_port_flush(wires.wire);
	wires_expect(wires.to_wire, 1, 1);
	assert_int_equal(wires_told_status(&wires, IM_STATUS_INVALID_LENGTH), 2);
	assert_int_equal(wires_told_status(&wires, IM_STATUS_SUCCESS), 1);
	assert_int_equal(wires_dropped(wires.wire, SLUICE_OUT, SLUICE_DROP_FRAME_TOO_LONG), 2);
	wires_put(&wires, wires.from_wire, 0, 1, 123, 1);
	wires_poll(wires.wire);
	edge_port_flush(wires.host);
	wires_expect(wires.to_host, 0, 0);
	assert_int_equal(wires_dropped(wires.host, SLUICE_IN, SLUICE_DROP_FRAME_TOO_LONG), 1);
	wires_down(&wires);
}

static void set_packet_filter(const char *instance, uint32_t filter)
{
	struct im_request request = {
		.set = true, .oid = SLUICE_OID_GEN_CURRENT_PACKET_FILTER, .buffer = &filter, .length = sizeof(filter)};

	assert_int_equal(im_request_instance(im_find_instance(instance), &request), IM_STATUS_SUCCESS);
}

/* contract: 5.9 12.35 */
static void nothing_is_indicated_while_the_packet_filter_is_zero(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 2});
	set_packet_filter("p0", 0); /* forwarded to the port (6.36) */
	wires_put(&wires, wires.from_wire, 0, 9, 64, 1);
	wires_poll(wires.wire);
	edge_port_flush(wires.host);
	wires_expect(wires.to_host, 0, 0); /* 5.9 */
	assert_int_equal(wires_dropped(wires.wire, SLUICE_IN, SLUICE_DROP_PACKET_FILTER), 9);
	set_packet_filter("p0", 0x2f);
	wires_put(&wires, wires.from_wire, 9, 2, 64, 1);
	wires_poll(wires.wire);
	edge_port_flush(wires.host);
	wires_expect(wires.to_host, 9, 2);
	wires_down(&wires);
}

/* contract: 5.22 */
static void without_descriptors_frames_are_dropped_and_counted(void **state)
{
	void *all[1023];

	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1});
	assert_int_equal(rte_mempool_get_bulk(wires.pool.descriptors, all, RTE_DIM(all)), 0);
	wires_put(&wires, wires.from_wire, 0, 6, 64, 1);
	wires_put(&wires, wires.from_host, 0, 4, 64, 1);
	wires_poll(wires.wire);
	wires_poll(wires.host);
	assert_int_equal(wires_dropped(wires.wire, SLUICE_IN, SLUICE_DROP_NO_DESCRIPTOR), 6);
	assert_int_equal(wires_dropped(wires.host, SLUICE_OUT, SLUICE_DROP_NO_DESCRIPTOR), 4);
	rte_mempool_put_bulk(wires.pool.descriptors, all, RTE_DIM(all));
	wires_down(&wires);
}

/* The host-side port is not polled while its adapter does not run: its frames wait in the device. */
static void a_stack_that_does_not_run_leaves_frames_in_the_port(void **state)
{
	struct im_account sum;

	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1});
	im_pause(im_find_instance("p0"));
	wires_put(&wires, wires.from_host, 0, 3, 64, 1);
	wires_put(&wires, wires.from_wire, 0, 3, 64, 1);
	assert_int_equal(edge_port_poll(wires.host), 0);
	wires_poll(wires.wire); /* that one runs: what comes finds nobody, and is counted */
	edge_port_flush(wires.host);
	wires_expect(wires.to_host, 0, 0);
	im_read_account(im_instance_account(im_find_instance("p0")), &sum);
	assert_int_equal(sum.drops[SLUICE_IN][SLUICE_DROP_NOT_RUNNING], 3);
	assert_int_equal(wires_told(&wires), 0);
	im_restart(im_find_instance("p0"));
	wires_poll(wires.host);
	edge_port_flush(wires.wire);
	wires_expect(wires.to_wire, 0, 3);
	wires_down(&wires);
}

static void a_port_that_is_held_is_not_polled(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1});
	edge_port_hold(wires.host);
	edge_port_hold(wires.wire);
	wires_put(&wires, wires.from_host, 0, 3, 64, 1);
	wires_put(&wires, wires.from_wire, 10, 3, 64, 1);
	assert_int_equal(edge_port_poll(wires.host) + edge_port_poll(wires.wire), 0);
	edge_port_release(wires.host);
	edge_port_release(wires.wire);
	wires_poll(wires.host);
	wires_poll(wires.wire);
	edge_port_flush(wires.wire);
	edge_port_flush(wires.host);
	wires_expect(wires.to_wire, 0, 3);
	wires_expect(wires.to_host, 10, 3);
	wires_down(&wires);
}

/* ---- Rate ------------------------------------------------------------------------------------------- */

static void a_port_with_a_rate_receives_no_faster(void **state)
{
	uint64_t begin, elapsed, most;
	uint32_t received = 0;

	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 0, .rx_pps = 2000});
	wires_put(&wires, wires.from_host, 0, 500, 64, 1);
	begin = rte_rdtsc();
	do {
		received += edge_port_poll(wires.host);
		elapsed = rte_rdtsc() - begin;
	} while (elapsed < rte_get_tsc_hz() / 20); /* 50 ms: 100 packets */
	most = elapsed / wires.host->cycles_per_packet + 2;
	assert_true(received <= most);
	assert_true(received >= 20); /* even where the machine is busy with other things */
	wires_down(&wires);
}

static void a_port_that_was_idle_does_not_make_up_for_it(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 0, .rx_pps = 1000});
	wires_put(&wires, wires.from_host, 0, 1, 64, 1);
	assert_int_equal(edge_port_poll(wires.host), 1);
	wires.host->queues[0].next_rx -= rte_get_tsc_hz(); /* a second ago */
	wires_put(&wires, wires.from_host, 1, 40, 64, 1);
	assert_int_equal(edge_port_poll(wires.host), 1);
	wires_down(&wires);
}

/* ---- Copies ----------------------------------------------------------------------------------------- */

/* Lent for the call only: who wants them copies, and the buffers stay the lender's (5.7). */
static void indicate_for_the_call(struct wires *w, uint32_t first, uint16_t count, uint32_t length, uint32_t segments)
{
	struct rte_mbuf *mbufs[EDGE_BURST];
	struct im_packet *packets[EDGE_BURST];

	wires_put(w, w->from_wire, first, count, length, segments);
	assert_int_equal(rte_ring_dequeue_bulk(w->from_wire, (void **)mbufs, count, NULL), count);
	assert_int_equal(im_packet_wrap(&w->pool, mbufs, packets, count), 0);
	packets[0]->status = IM_STATUS_RESOURCES;
	im_indicate_receive_packets(w->wire->instance, packets, count);
	for (uint16_t i = 0; i < count; i++) {
		assert_ptr_equal(packets[i]->mbuf, mbufs[i]);
		assert_int_equal(packets[i]->depth, 0);
	}
	im_packet_release(&w->pool, packets, count);
}

/* With drivers between, the lowest copies; without, the host-side edge does. */
/* contract: 5.6 5.7 */
static void packets_for_the_call_only_are_copied(void **state)
{
	(void)state;
	for (uint32_t levels = 0; levels <= 2; levels += 2) {
		wires_up(&wires, &(struct wires_config){.levels = levels});
		indicate_for_the_call(&wires, 40, 8, 64, 1);
		indicate_for_the_call(&wires, 48, 2, 3000, 2); /* a frame longer than the MTU */
		indicate_for_the_call(&wires, 48, 2, 1400, 4);
		edge_port_flush(wires.host);
		wires_expect(wires.to_host, 40, 10);
		assert_int_equal(wires_dropped(wires.host, SLUICE_IN, SLUICE_DROP_FRAME_TOO_LONG), 2);
		assert_int_equal(wires.host->queues[0].tx_packets, 10);
		assert_int_equal(wires.host->queues[0].tx_bytes, 8 * 64 + 2 * 1400);
		wires_down(&wires);
	}
}

static void copies_wait_behind_what_waits(void **state)
{
	(void)state;
	for (uint32_t levels = 0; levels <= 1; levels++) {
		wires_up(&wires, &(struct wires_config){.levels = levels, .to_host = 4});
		wires_put(&wires, wires.from_wire, 0, 6, 64, 1);
		wires_poll(wires.wire);
		edge_port_flush(wires.host); /* 4 are out, 2 wait */
		indicate_for_the_call(&wires, 6, 3, 64, 1);
		wires_expect(wires.to_host, 0, 4);
		edge_port_flush(wires.host);
		wires_expect(wires.to_host, 4, 4);
		edge_port_flush(wires.host);
		wires_expect(wires.to_host, 8, 1);
		wires_down(&wires);
	}
}

/* contract: 5.22 */
static void copies_without_a_buffer_are_dropped_and_counted(void **state)
{
	struct rte_mbuf *frame[1], *all[2048];
	struct im_packet *packet[1];
	unsigned count;

	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 0});
	wires_put(&wires, wires.from_wire, 0, 1, 64, 1);
	assert_int_equal(rte_ring_dequeue(wires.from_wire, (void **)frame), 0);
	assert_int_equal(im_packet_wrap(&wires.pool, frame, packet, 1), 0);
	count = rte_mempool_avail_count(wires.pool.buffers);
	assert_int_equal(rte_pktmbuf_alloc_bulk(wires.pool.buffers, all, count), 0);
	packet[0]->status = IM_STATUS_RESOURCES;
	im_indicate_receive_packets(wires.wire->instance, packet, 1);
	assert_int_equal(wires_dropped(wires.host, SLUICE_IN, SLUICE_DROP_NO_DESCRIPTOR), 1);
	rte_pktmbuf_free_bulk(all, count);
	im_packet_release(&wires.pool, packet, 1);
	wires_down(&wires);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_pass_in_order_both_ways),
		cmocka_unit_test(a_poll_takes_no_more_than_a_burst),
		cmocka_unit_test(partial_bursts_leave_with_the_flush),
		cmocka_unit_test(segments_stay_together),
		cmocka_unit_test(a_slow_port_keeps_the_order),
		cmocka_unit_test(a_slow_host_keeps_the_order),
		cmocka_unit_test(overflow_refuses_the_newest_and_counts),
		cmocka_unit_test(overflow_towards_the_host_returns_what_is_refused),
		cmocka_unit_test(what_waits_at_the_end_is_given_back),
		cmocka_unit_test(sends_from_a_completion_keep_their_place),
		cmocka_unit_test(a_frame_that_is_too_long_is_not_sent),
		cmocka_unit_test(nothing_is_indicated_while_the_packet_filter_is_zero),
		cmocka_unit_test(without_descriptors_frames_are_dropped_and_counted),
		cmocka_unit_test(a_stack_that_does_not_run_leaves_frames_in_the_port),
		cmocka_unit_test(a_port_that_is_held_is_not_polled),
		cmocka_unit_test(a_port_with_a_rate_receives_no_faster),
		cmocka_unit_test(a_port_that_was_idle_does_not_make_up_for_it),
		cmocka_unit_test(packets_for_the_call_only_are_copied),
		cmocka_unit_test(copies_wait_behind_what_waits),
		cmocka_unit_test(copies_without_a_buffer_are_dropped_and_counted),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
