/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that wait for a slow port while something else happens: pause, cancel, threads that do not own the queue. */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "eal.h"
#include "wires.h"

static struct wires wires;

/* ---- Pause ----------------------------------------------------------------------------------------- */

static void take_all(struct edge_port *port, struct rte_ring *ring, uint32_t first, uint32_t count)
{
	for (uint32_t taken = 0; taken < count;) {
		uint32_t some = wires_take(ring, first + taken, count - taken);

		assert_true(some > 0);
		taken += some;
		edge_port_flush(port);
	}
	assert_false(edge_port_waits(port, 0));
}

/* The packets go home, the frames leave in their place: before what comes after the pause. */
/* contract: 11.1 */
static void a_pause_of_a_slow_wire_loses_nothing(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 2, .to_wire = 4});
	wires_put(&wires, wires.from_host, 0, 20, 64, 1);
	wires_poll(wires.host);
	edge_port_flush(wires.wire);
	assert_int_equal(wires.wire->queues[0].pending, 16);
	edge_port_clear(wires.wire); /* what its pause does */
	assert_int_equal(wires_told_status(&wires, IM_STATUS_SUCCESS), 20);
	assert_int_equal(im_outstanding(im_find_instance("wire0")), 0);
	assert_true(edge_port_waits(wires.wire, 0));
	im_pause(im_find_instance("p0"));
	im_pause(im_find_instance("p1"));
	im_pause(im_find_instance("wire0"));
	assert_int_equal(edge_port_poll(wires.wire), 0);
	assert_int_equal(im_restart(im_find_instance("wire0")), IM_STATUS_SUCCESS);
	assert_int_equal(im_restart(im_find_instance("p1")), IM_STATUS_SUCCESS);
	assert_int_equal(im_restart(im_find_instance("p0")), IM_STATUS_SUCCESS);
	wires_put(&wires, wires.from_host, 20, 10, 64, 1);
	wires_poll(wires.host);
	take_all(wires.wire, wires.to_wire, 0, 30);
	assert_int_equal(wires.wire->queues[0].tx_packets, 30);
	assert_int_equal(wires.wire->queues[0].tx_bytes, 30 * 64);
	wires_down(&wires);
}

/* What the host-side port keeps of the stack goes home when the VNIC below it pauses. */
static void a_pause_of_the_top_loses_nothing(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1, .to_host = 4});
	wires_put(&wires, wires.from_wire, 0, 20, 64, 1);
	wires_poll(wires.wire);
	edge_port_flush(wires.host);
	im_pause(im_find_instance("p0"));
	assert_int_equal(im_outstanding(im_find_instance("wire0")), 0);
	take_all(wires.host, wires.to_host, 0, 20);
	assert_int_equal(wires_dropped(wires.host, SLUICE_IN, SLUICE_DROP_TX_REFUSED), 0);
	wires_down(&wires);
}

static void an_unbind_of_the_top_loses_nothing(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1, .to_host = 4});
	wires_put(&wires, wires.from_wire, 0, 9, 64, 1);
	wires_poll(wires.wire);
	edge_port_flush(wires.host);
	assert_int_equal(im_unbind_over("p0"), IM_STATUS_SUCCESS);
	assert_null(wires.host->binding);
	wires_expect(wires.to_host, 0, 4);
	edge_port_flush(wires.host);
	wires_expect(wires.to_host, 4, 4);
	assert_int_equal(edge_port_poll(wires.host), 0); /* bound to nothing, it is not polled */
	edge_port_flush(wires.host);
	wires_expect(wires.to_host, 8, 1);
	wires_down(&wires);
}

/* ---- Cancel ---------------------------------------------------------------------------------------- */

static void send_tagged(uint32_t first, uint16_t count, uint32_t cancel_id)
{
	struct rte_mbuf *mbufs[EDGE_BURST];
	struct im_packet *packets[EDGE_BURST];

	wires_put(&wires, wires.from_host, first, count, 64, 1);
	assert_int_equal(rte_ring_dequeue_bulk(wires.from_host, (void **)mbufs, count, NULL), count);
	assert_int_equal(im_packet_wrap(&wires.pool, mbufs, packets, count), 0);
	for (uint16_t i = 0; i < count; i++)
		packets[i]->info.cancel_id = cancel_id;
	im_send_packets(wires.host->binding, packets, count);
}

/* contract: 4.24 */
static void a_cancel_takes_out_what_waits_with_the_id(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1, .to_wire = 4});
	send_tagged(0, 6, 0);
	send_tagged(100, 3, 7);
	send_tagged(6, 2, 0);
	edge_port_flush(wires.wire); /* 0 to 3 are out */
	im_cancel_send_packets(wires.host->binding, 7);
	wires_expect(wires.to_wire, 0, 4);
	edge_port_flush(wires.wire);
	wires_expect(wires.to_wire, 4, 4); /* the others keep their order */
	assert_int_equal(wires_told_status(&wires, IM_STATUS_SEND_ABORTED), 3);
	assert_int_equal(wires_told_status(&wires, IM_STATUS_SUCCESS), 8);
	wires_down(&wires);
}

/* ---- A port that takes nothing any more -------------------------------------------------------------- */

/* contract: 4.35 11.25 */
static void what_waits_for_a_dead_port_is_given_up(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1, .to_wire = 4});
	wires_put(&wires, wires.from_host, 0, 10, 64, 1);
	wires_poll(wires.host);
	edge_port_flush(wires.wire);
	edge_port_flush(wires.wire); /* takes nothing */
	assert_int_equal(wires.wire->queues[0].pending, 6);
	assert_int_not_equal(wires.wire->queues[0].stuck_since, 0);
	wires.wire->queues[0].stuck_since -= (EDGE_STUCK_SECONDS + 1) * rte_get_tsc_hz();
	edge_port_flush(wires.wire);
	assert_int_equal(wires.wire->queues[0].pending, 0);
	assert_int_equal(wires_told_status(&wires, IM_STATUS_FAILURE), 6);
	assert_int_equal(wires_dropped(wires.wire, SLUICE_OUT, SLUICE_DROP_TX_REFUSED), 6);
	wires_down(&wires);
}

/* Nothing is offered to the device meanwhile, frames without packets neither, and nothing is lost. */
static void what_waits_for_a_device_that_looks_for_its_peer_leaves_later(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1});
	__atomic_or_fetch(&wires.wire->stopped, EDGE_STOP_AWAY, __ATOMIC_RELEASE);
	wires_put(&wires, wires.from_host, 0, 5, 64, 1);
	wires_poll(wires.host);
	assert_int_equal(edge_port_flush(wires.wire), 0);
	edge_port_clear(wires.wire);
	wires_put(&wires, wires.from_host, 5, 5, 64, 1);
	wires_poll(wires.host);
	assert_int_equal(edge_port_flush(wires.wire), 0);
	assert_int_equal(edge_port_poll(wires.wire), 0);
	wires_expect(wires.to_wire, 0, 0);
	__atomic_and_fetch(&wires.wire->stopped, ~(uint32_t)EDGE_STOP_AWAY, __ATOMIC_RELEASE);
	assert_int_equal(edge_port_flush(wires.wire), 10);
	wires_expect(wires.to_wire, 0, 10);
	wires_down(&wires);
}

static uint32_t ended; /* atomic */

static void *stop_elsewhere(void *stop)
{
	assert_int_equal(im_thread_attach(), 0);
	(*(void (**)(void))stop)();
	im_thread_detach();
	__atomic_store_n(&ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void pause_the_wire(void)
{
	im_pause(im_find_instance("wire0"));
}

static void pause_the_top(void)
{
	im_pause(im_find_instance("p0"));
}

static void unbind_from_the_wire(void)
{
	assert_int_equal(im_unbind_over("wire0"), IM_STATUS_SUCCESS);
}

static bool is_pausing(const struct im_instance *instance)
{
	bool pausing;

	pthread_mutex_lock(&im_core.lock);
	pausing = TAILQ_FIRST(&instance->uppers)->state == IM_BINDING_PAUSING;
	pthread_mutex_unlock(&im_core.lock);
	return pausing;
}

/* The core waits for as long as it takes (5.29): that it ends, in time and as a failure, is up to the port. */
static void stop_over_a_dead_port(void (*stop)(void), const char *adapter)
{
	pthread_t thread;

	wires_up(&wires, &(struct wires_config){.levels = 1, .to_wire = 4});
	wires_put(&wires, wires.from_host, 0, 10, 64, 1);
	wires_poll(wires.host);
	edge_port_flush(wires.wire);
	edge_port_flush(wires.wire); /* takes nothing any more */
	ended = 0;
	assert_int_equal(pthread_create(&thread, NULL, stop_elsewhere, &stop), 0);
	while (!is_pausing(im_find_instance(adapter)))
		usleep(100);
	edge_port_flush(wires.wire);
	assert_int_equal(wires.wire->queues[0].pending, 6);
	assert_int_equal(__atomic_load_n(&ended, __ATOMIC_ACQUIRE), 0);
	wires.wire->queues[0].stuck_since -= (EDGE_STUCK_SECONDS + 1) * rte_get_tsc_hz();
	edge_port_flush(wires.wire);
	pthread_join(thread, NULL);
	assert_int_equal(ended, 1);
	assert_int_equal(wires_told_status(&wires, IM_STATUS_FAILURE), 6);
	assert_int_equal(im_outstanding(im_find_instance("wire0")), 0);
	wires_down(&wires);
}

/* contract: 11.25 */
static void a_pause_or_an_unbind_over_a_dead_port_ends(void **state)
{
	(void)state;
	stop_over_a_dead_port(pause_the_wire, "wire0");
	stop_over_a_dead_port(pause_the_top, "p0");
	stop_over_a_dead_port(unbind_from_the_wire, "wire0");
}

static void a_port_that_takes_a_little_is_not_dead(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1, .to_wire = 4});
	wires_put(&wires, wires.from_host, 0, 10, 64, 1);
	wires_poll(wires.host);
	edge_port_flush(wires.wire);
	edge_port_flush(wires.wire);
	wires_expect(wires.to_wire, 0, 4);
	edge_port_flush(wires.wire);
	assert_int_equal(wires.wire->queues[0].stuck_since, 0);
	wires_expect(wires.to_wire, 4, 4);
	wires_down(&wires);
}

/* ---- Threads that do not own the queue --------------------------------------------------------------- */

static void *send_from_elsewhere(void *argument)
{
	const uint16_t *count = argument;

	assert_int_equal(im_thread_attach(), 0);
	for (uint16_t sent = 0; sent < *count; sent += 8)
		send_tagged(1000u + sent, 8, 0);
	im_thread_detach();
	return NULL;
}

static void run_elsewhere(uint16_t count)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, send_from_elsewhere, &count), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void packets_of_another_thread_are_left_to_the_owner(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1});
	run_elsewhere(16);
	assert_int_equal(wires.wire->queues[0].pending, 0);
	assert_true(edge_port_waits(wires.wire, 0));
	assert_int_equal(wires_told(&wires), 0);
	edge_port_flush(wires.wire);
	wires_expect(wires.to_wire, 1000, 16);
	assert_int_equal(wires_told_status(&wires, IM_STATUS_SUCCESS), 16);
	wires_down(&wires);
}

static void another_threads_packets_that_find_no_room_fail(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1});
	run_elsewhere(EDGE_INBOX_MAX + 8);
	assert_int_equal(wires_told_status(&wires, IM_STATUS_RESOURCES), 8);
	assert_int_equal(wires_dropped(wires.wire, SLUICE_OUT, SLUICE_DROP_TX_QUEUE_FULL), 8);
	edge_port_flush(wires.wire);
	wires_expect(wires.to_wire, 1000, EDGE_INBOX_MAX);
	wires_down(&wires);
}

static void a_pause_takes_another_threads_packets_along(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 0});
	run_elsewhere(16);
	edge_port_clear(wires.wire);
	im_pause(im_find_instance("wire0"));
	assert_int_equal(wires_told_status(&wires, IM_STATUS_SUCCESS), 16);
	edge_port_flush(wires.wire);
	wires_expect(wires.to_wire, 1000, 16);
	wires_down(&wires);
}

/* A worker serves the queue: the control side leaves the pause to it. */
static void a_worker_clears_its_own_queue(void **state)
{
	struct im_worker *self;

	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 0, .to_wire = 4});
	self = im_this_worker;
	wires_put(&wires, wires.from_host, 0, 10, 64, 1);
	wires_poll(wires.host);
	edge_port_flush(wires.wire);
	edge_port_serve(wires.wire, 0, 5);
	edge_port_clear(wires.wire);
	assert_int_equal(wires_told(&wires), 4);
	assert_int_equal(edge_port_flush(wires.wire), 0); /* not this thread's any more */
	im_this_worker = &im_core.workers[5];
	edge_port_flush(wires.wire);
	im_this_worker = self;
	assert_int_equal(wires_told_status(&wires, IM_STATUS_SUCCESS), 10);
	assert_int_equal(wires.wire->queues[0].frames, 6);
	edge_port_serve(wires.wire, 0, 0);
	wires_expect(wires.to_wire, 0, 4);
	edge_port_flush(wires.wire);
	wires_expect(wires.to_wire, 4, 4);
	wires_down(&wires); /* and gives up the rest, counted */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pause_of_a_slow_wire_loses_nothing),
		cmocka_unit_test(a_pause_of_the_top_loses_nothing),
		cmocka_unit_test(an_unbind_of_the_top_loses_nothing),
		cmocka_unit_test(a_cancel_takes_out_what_waits_with_the_id),
		cmocka_unit_test(what_waits_for_a_dead_port_is_given_up),
		cmocka_unit_test(a_pause_or_an_unbind_over_a_dead_port_ends),
		cmocka_unit_test(a_port_that_takes_a_little_is_not_dead),
		cmocka_unit_test(what_waits_for_a_device_that_looks_for_its_peer_leaves_later),
		cmocka_unit_test(packets_of_another_thread_are_left_to_the_owner),
		cmocka_unit_test(another_threads_packets_that_find_no_room_fail),
		cmocka_unit_test(a_pause_takes_another_threads_packets_along),
		cmocka_unit_test(a_worker_clears_its_own_queue),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
