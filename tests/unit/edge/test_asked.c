/* SPDX-License-Identifier: BSD-3-Clause */
/* What a host's port says in flags is asked for on the wire. */
#include "eal.h"
#include "large.h"

#define ASKED                                                                                                          \
	(RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG |              \
	 RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6)

static struct wires wires;

static int up(void **state)
{
	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1, .asks = EDGE_OFFLOADS});
	return 0;
}

static int down(void **state)
{
	(void)state;
	wires_down(&wires);
	return 0;
}

static struct rte_mbuf *through(struct rte_mbuf *mbuf, struct edge_port *from, struct edge_port *to,
				struct rte_ring *in, struct rte_ring *out)
{
	assert_int_equal(rte_ring_enqueue(in, mbuf), 0);
	wires_poll(from);
	edge_port_flush(to);
	mbuf = NULL;
	rte_ring_dequeue(out, (void **)&mbuf);
	return mbuf;
}

static struct rte_mbuf *to_wire(struct rte_mbuf *mbuf)
{
	return through(mbuf, wires.host, wires.wire, wires.from_host, wires.to_wire);
}

static void a_checksum_is_filled_in(void **state)
{
	static const struct {
		struct large_kind kind;
		uint64_t flags;
	} cases[] = {
		{{false, IPPROTO_TCP}, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM},
		{{false, IPPROTO_UDP}, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM},
		{{true, IPPROTO_TCP}, RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_CKSUM},
		{{true, IPPROTO_UDP}, RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_UDP_CKSUM},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct rte_mbuf *mbuf = large_make(&wires, cases[i].kind, 77);

		mbuf->ol_flags |= cases[i].flags;
		mbuf = to_wire(mbuf);
		assert_non_null(mbuf);
		large_expect_sums(rte_pktmbuf_mtod_offset(mbuf, uint8_t *, 14), cases[i].kind);
		assert_int_equal(mbuf->ol_flags & ASKED, 0); /* the device would sum it up again */
		rte_pktmbuf_free(mbuf);
	}
}

static void a_frame_that_asks_for_nothing_stays_as_it_is(void **state)
{
	const struct large_kind kind = {false, IPPROTO_TCP};
	struct rte_mbuf *mbuf = large_make(&wires, kind, 77);
	uint8_t before[131];

	(void)state;
	memcpy(before, rte_pktmbuf_mtod(mbuf, void *), sizeof(before));
	mbuf->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	mbuf = to_wire(mbuf);
	assert_memory_equal(rte_pktmbuf_mtod(mbuf, void *), before, sizeof(before));
	rte_pktmbuf_free(mbuf);
}

static void a_large_send_is_cut(void **state)
{
	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		const struct large_kind kind = {udp, udp ? IPPROTO_UDP : IPPROTO_TCP};
		struct rte_mbuf *mbuf = large_make(&wires, kind, 5000);

		mbuf->ol_flags |= udp ? RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV6
				      : RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4;
		mbuf->tso_segsz = 1200;
		assert_int_equal(rte_ring_enqueue(wires.from_host, mbuf), 0);
		wires_poll(wires.host);
		edge_port_flush(wires.wire);
		large_expect_all(&wires, kind, 5000, 1200);
	}
}

/* From the wire nobody asks: the flags are some driver's, and say nothing. */
static void a_frame_from_the_wire_asks_for_nothing(void **state)
{
	const struct large_kind kind = {false, IPPROTO_TCP};
	struct rte_mbuf *mbuf = large_make(&wires, kind, 77);
	uint8_t before[131];

	(void)state;
	memcpy(before, rte_pktmbuf_mtod(mbuf, void *), sizeof(before));
	mbuf->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM;
	mbuf = through(mbuf, wires.wire, wires.host, wires.from_wire, wires.to_host);
	assert_memory_equal(rte_pktmbuf_mtod(mbuf, void *), before, sizeof(before));
	rte_pktmbuf_free(mbuf);
}

static uint32_t switched_on(uint32_t asks)
{
	uint32_t offloads;

	wires_up(&wires, &(struct wires_config){.levels = 2, .asks = asks});
	offloads = wires.wire->offloads;
	wires_down(&wires);
	return offloads;
}

/* Through the stack, when the port is bound over it; a port whose host asks for nothing leaves the setting alone. */
static void what_a_host_may_ask_for_is_switched_on(void **state)
{
	(void)state;
	assert_int_equal(switched_on(0), 0);
	assert_int_equal(switched_on(EDGE_OFFLOADS), EDGE_OFFLOADS);
	assert_int_equal(switched_on(SLUICE_OFFLOAD_TCP_CHECKSUM), SLUICE_OFFLOAD_TCP_CHECKSUM);
}

static void what_it_may_not_ask_for_is_refused(void **state)
{
	struct rte_mbuf *mbuf;

	(void)state;
	wires_up(&wires, &(struct wires_config){.levels = 1});
	mbuf = large_make(&wires, (struct large_kind){false, IPPROTO_TCP}, 77);
	mbuf->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM;
	assert_null(to_wire(mbuf));
	assert_int_equal(wires_dropped(wires.wire, SLUICE_OUT, SLUICE_DROP_OFFLOAD), 1);
	wires_down(&wires);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_checksum_is_filled_in),
		CASE(a_frame_that_asks_for_nothing_stays_as_it_is),
		CASE(a_large_send_is_cut),
		CASE(a_frame_from_the_wire_asks_for_nothing),
		cmocka_unit_test(what_a_host_may_ask_for_is_switched_on),
		cmocka_unit_test(what_it_may_not_ask_for_is_refused),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
