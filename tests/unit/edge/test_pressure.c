/* SPDX-License-Identifier: BSD-3-Clause */
/* Back-pressure: what a host sends stays in its port while the wire is behind. */
#include <rte_cycles.h>

#include "eal.h"
#include "wires.h"

#define FLOOD 1000u

static struct wires wires;

/* Of a worker. Returns how many came from the host. */
static uint16_t turn(void)
{
	uint16_t came = 0;

	if (!edge_port_is_held_back(wires.host, wires.wire, 0))
		came = edge_port_poll(wires.host);
	edge_port_poll(wires.wire);
	edge_port_flush(wires.wire);
	edge_port_flush(wires.host);
	return came;
}

static void turns(uint32_t count)
{
	while (count-- > 0)
		turn();
}

static uint64_t lost(void)
{
	return wires_dropped(wires.wire, SLUICE_OUT, SLUICE_DROP_TX_QUEUE_FULL);
}

static void a_host_that_is_faster_than_the_wire_loses_nothing(void **state)
{
	uint32_t taken = 0;

	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 2, .to_wire = 7});
	wires_put(&wires, wires.from_host, 0, FLOOD, 64, 1);
	for (uint32_t i = 0; i < FLOOD; i++) {
		turn();
		taken += wires_take(wires.to_wire, taken, 1 + i % 7);
		assert_true(wires.wire->queues[0].pending <= EDGE_BURST);
	}
	assert_int_equal(taken, FLOOD);
	assert_int_equal(wires_told_status(&wires, IM_STATUS_SUCCESS), FLOOD);
	assert_int_equal(lost(), 0);
	wires_down(&wires);
}

/* They stand in the port's own ring, not in the card. */
static void what_is_held_back_is_still_the_hosts(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1, .to_wire = 4});
	wires_put(&wires, wires.from_host, 0, FLOOD, 64, 1);
	turns(50);
	assert_int_equal(rte_ring_count(wires.from_host), FLOOD - EDGE_BURST);
	assert_int_equal(wires.host->queues[0].rx_packets, EDGE_BURST);
	wires_expect(wires.to_wire, 0, 4);
	wires_down(&wires);
}

/* A driver may have sent it since the last flush. */
static void what_was_not_offered_yet_holds_nobody_back(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1});
	wires_put(&wires, wires.from_host, 0, 3, 64, 1);
	assert_int_equal(edge_port_poll(wires.host), 3);
	assert_int_equal(wires.wire->queues[0].pending, 3);
	wires_put(&wires, wires.from_host, 3, 5, 64, 1);
	assert_int_equal(turn(), 5);
	assert_int_equal(wires.host->queues[0].holds, 0);
	wires_expect(wires.to_wire, 0, 8);
	wires_down(&wires);
}

/* Once for each time, whatever the number of looks; its time goes on with each look, and ends. */
static void each_time_is_counted(void **state)
{
	const struct edge_queue *host;
	uint64_t cycles;

	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1, .to_wire = 20});
	host = &wires.host->queues[0];
	wires_put(&wires, wires.from_host, 0, 10, 64, 1);
	turns(5);
	assert_int_equal(host->holds, 0); /* the wire took all */
	assert_int_equal(host->held_cycles, 0);
	wires_put(&wires, wires.from_host, 10, 20, 64, 1);
	turns(5);
	assert_int_equal(host->holds, 1);
	cycles = host->held_cycles;
	assert_true(cycles > 0);
	turns(1);
	assert_true(host->held_cycles > cycles);
	wires_expect(wires.to_wire, 0, 20);
	turns(2); /* they leave, and it is seen */
	cycles = host->held_cycles;
	turns(5);
	assert_int_equal(host->held_cycles, cycles);
	assert_int_equal(host->holds, 1);
	wires_expect(wires.to_wire, 20, 10);
	wires_put(&wires, wires.from_host, 30, 25, 64, 1);
	turns(5);
	assert_int_equal(host->holds, 2);
	wires_down(&wires);
}

static void the_wire_is_polled_all_the_same(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1, .to_wire = 4});
	wires_put(&wires, wires.from_host, 0, FLOOD, 64, 1);
	turns(5);
	wires_put(&wires, wires.from_wire, 5000, 60, 64, 1);
	turns(5);
	wires_expect(wires.to_host, 5000, 60);
	wires_down(&wires);
}

/* Frames whose packets have gone home count like packets: what comes behind them must not find the queue full. */
static void frames_that_a_pause_has_left_hold_back_too(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1, .to_wire = 4});
	wires_put(&wires, wires.from_host, 0, FLOOD, 64, 1);
	turns(3);
	edge_port_clear(wires.wire);
	assert_int_equal(wires.wire->queues[0].pending, 0);
	assert_int_equal(wires.wire->queues[0].frames, EDGE_BURST - 4);
	turns(20);
	assert_int_equal(wires.host->queues[0].rx_packets, EDGE_BURST);
	wires_down(&wires);
}

static void the_port_is_stuck_for_too_long(void)
{
	assert_int_not_equal(wires.wire->queues[0].stuck_since, 0);
	wires.wire->queues[0].stuck_since -= (EDGE_STUCK_SECONDS + 1) * rte_get_tsc_hz();
	turns(1);
}

/* A host does not wait for ever: what it sends is lost and counted, as long as the port is found dead. */
/* contract: 4.35 */
static void a_dead_port_holds_nobody_back(void **state)
{
	const struct edge_queue *host;
	uint64_t holds;

	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1, .to_wire = 4});
	host = &wires.host->queues[0];
	wires_put(&wires, wires.from_host, 0, FLOOD, 64, 1);
	turns(20);
	assert_int_equal(host->rx_packets, EDGE_BURST);
	the_port_is_stuck_for_too_long();
	assert_int_equal(wires_dropped(wires.wire, SLUICE_OUT, SLUICE_DROP_TX_REFUSED), EDGE_BURST - 4);
	holds = host->holds;
	turns(FLOOD / EDGE_BURST);
	assert_int_equal(host->rx_packets, FLOOD);
	assert_int_equal(host->holds, holds);
	assert_int_equal(lost(), FLOOD - EDGE_BURST - EDGE_PENDING_MAX);
	the_port_is_stuck_for_too_long(); /* again: it stays so */
	wires_put(&wires, wires.from_host, FLOOD, 2 * EDGE_BURST, 64, 1);
	turns(2);
	assert_int_equal(host->rx_packets, FLOOD + 2 * EDGE_BURST);
	wires_down(&wires);
}

static void a_port_that_takes_again_holds_back_again(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1, .to_wire = 4});
	wires_put(&wires, wires.from_host, 0, EDGE_BURST, 64, 1);
	turns(3);
	the_port_is_stuck_for_too_long();
	wires_expect(wires.to_wire, 0, 4);
	wires_put(&wires, wires.from_host, 0, FLOOD, 64, 1);
	turns(20);
	assert_int_equal(wires.host->queues[0].rx_packets, 2 * EDGE_BURST);
	assert_int_equal(lost(), 0);
	wires_expect(wires.to_wire, 0, 4);
	wires_down(&wires);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_that_is_faster_than_the_wire_loses_nothing),
		cmocka_unit_test(what_is_held_back_is_still_the_hosts),
		cmocka_unit_test(what_was_not_offered_yet_holds_nobody_back),
		cmocka_unit_test(each_time_is_counted),
		cmocka_unit_test(the_wire_is_polled_all_the_same),
		cmocka_unit_test(frames_that_a_pause_has_left_hold_back_too),
		cmocka_unit_test(a_dead_port_holds_nobody_back),
		cmocka_unit_test(a_port_that_takes_again_holds_back_again),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
