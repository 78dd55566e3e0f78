/* SPDX-License-Identifier: BSD-3-Clause */
/* Receives: packets are lent upward and come home, or are shown for the call. */
#include "rig.h"

static const uint32_t heights[] = {1, 3, 8};

static void indicate(struct im_packet **packets, uint16_t count)
{
	im_indicate_receive_packets(rig_nic.instance, packets, count);
}

/* ---- Lent and returned ------------------------------------------------------------------------------- */

/* contract: 5.4 5.11 */
static void what_is_kept_comes_home_when_it_is_returned(void **state)
{
	struct im_packet *packets[12];

	(void)state;
	for (size_t h = 0; h < RTE_DIM(heights); h++) {
		rig_up("nic", heights[h]);
		rig_top.references = 1;
		rig_top.when = RIG_LATER;
		rig_packets(packets, 12);
		indicate(packets, 12);
		rig_expect(&rig_top.received, packets, 12);
		assert_int_equal(rig_top.received.calls, 1);
		assert_int_equal(rig_nic.home.count, 0);
		assert_int_equal(im_outstanding(rig_nic.instance), 12);
		im_return_packets(rig_top.binding, packets, 5);
		rig_expect(&rig_nic.home, packets, 5);
		im_return_packets(rig_top.binding, packets + 5, 7);
		rig_expect(&rig_nic.home, packets, 12); /* each exactly once (5.4) */
		assert_int_equal(im_outstanding(rig_nic.instance), 0);
		assert_int_equal(im_outstanding(im_find_instance("r0")), 0);
		rig_packets_free(packets, 12);
		rig_down();
	}
}

/* contract: 5.4 5.12 */
static void what_nobody_keeps_is_home_at_once(void **state)
{
	struct im_packet *packets[6];

	(void)state;
	for (size_t h = 0; h < RTE_DIM(heights); h++) {
		rig_up("nic", heights[h]);
		rig_top.references = 0;
		rig_packets(packets, 6);
		indicate(packets, 6);
		rig_expect(&rig_top.received, packets, 6);
		rig_expect(&rig_nic.home, packets, 6); /* also if no protocol wanted it (5.4) */
		rig_packets_free(packets, 6);
		rig_down();
	}
}

/* contract: 5.12 5.13 */
static void a_packet_is_home_after_the_sum_of_references(void **state)
{
	struct im_packet *packets[3];

	(void)state;
	rig_up("nic", 1);
	rig_top.references = 3;
	rig_top.when = RIG_LATER;
	rig_packets(packets, 3);
	indicate(packets, 3);
	im_return_packets(rig_top.binding, packets, 3);
	im_return_packets(rig_top.binding, packets, 3);
	assert_int_equal(rig_nic.home.count, 0); /* two of three (5.13) */
	im_return_packets(rig_top.binding, packets, 3);
	rig_expect(&rig_nic.home, packets, 3);
	rig_packets_free(packets, 3);
	rig_down();
}

/* contract: 5.14 11.14 */
static void a_return_from_inside_receive_survives(void **state)
{
	struct im_packet *packets[8];

	(void)state;
	for (size_t h = 0; h < RTE_DIM(heights); h++) {
		rig_up("nic", heights[h]);
		rig_top.references = 2;
		rig_top.when = RIG_INLINE; /* both returns are made before the handler says 2 (5.14) */
		rig_packets(packets, 8);
		indicate(packets, 8);
		rig_expect(&rig_nic.home, packets, 8);
		assert_int_equal(im_outstanding(rig_nic.instance), 0);
		rig_packets_free(packets, 8);
		rig_down();
	}
}

/* contract: 5.2 5.6 5.11 */
static void more_than_a_burst_is_indicated_in_bursts_and_in_order(void **state)
{
	struct im_packet *packets[3 * IM_BURST + 7];
	uint16_t lent = 2 * IM_BURST + 3;

	(void)state;
	rig_up("nic", 0);
	rig_without_lookahead();
	rig_packets(packets, RTE_DIM(packets));
	packets[lent]->status = IM_STATUS_RESOURCES; /* and so do all that follow (5.2) */
	indicate(packets, RTE_DIM(packets));
	rig_expect(&rig_top.received, packets, RTE_DIM(packets)); /* 5.11 */
	assert_int_equal(rig_top.received.largest, IM_BURST);
	rig_expect(&rig_nic.home, packets, lent);
	assert_int_equal(rig_nic.home.largest, IM_BURST);
	for (uint32_t i = 0; i < RTE_DIM(packets); i++)
		assert_int_equal(rig_top.received.statuses[i], i < lent ? IM_STATUS_SUCCESS : IM_STATUS_RESOURCES);
	rig_packets_free(packets, RTE_DIM(packets));
	rig_down();
}

static void more_than_a_burst_can_be_returned_at_once(void **state)
{
	struct im_packet *packets[2 * IM_BURST + 3];

	(void)state;
	rig_up("nic", 1);
	rig_top.references = 1;
	rig_top.when = RIG_LATER;
	rig_packets(packets, RTE_DIM(packets));
	indicate(packets, IM_BURST);
	indicate(packets + IM_BURST, IM_BURST);
	indicate(packets + 2 * IM_BURST, 3);
	im_return_packets(rig_top.binding, packets, RTE_DIM(packets));
	rig_expect(&rig_nic.home, packets, RTE_DIM(packets));
	assert_int_equal(rig_nic.home.largest, IM_BURST);
	rig_packets_free(packets, RTE_DIM(packets));
	rig_down();
}

/* contract: 5.29 */
static void a_loan_is_outstanding_until_its_return_is_through(void **state)
{
	struct im_packet *packet;

	(void)state;
	rig_up("nic", 1);
	packet = rig_packet(2, 60);
	indicate(&packet, 1);
	assert_int_equal(rig_nic.outstanding, 1); /* inside return_packets (5.29) */
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	free(packet);
	rig_down();
}

static void a_binding_knows_how_many_returns_it_owes(void **state)
{
	struct im_packet *packets[4];

	(void)state;
	rig_up("nic", 0);
	rig_top.references = 3;
	rig_top.when = RIG_LATER;
	rig_packets(packets, 4);
	indicate(packets, 4);
	assert_int_equal(im_binding_outstanding(rig_top.binding), 12);
	im_return_packets(rig_top.binding, packets, 4);
	assert_int_equal(im_binding_outstanding(rig_top.binding), 8);
	im_return_packets(rig_top.binding, packets, 4);
	im_return_packets(rig_top.binding, packets, 4);
	assert_int_equal(im_binding_outstanding(rig_top.binding), 0);
	rig_top.when = RIG_INLINE; /* returned before they were promised: the same in the end */
	indicate(packets, 4);
	assert_int_equal(im_binding_outstanding(rig_top.binding), 0);
	rig_packets_free(packets, 4);
	rig_down();
}

/* ---- Of several adapters ------------------------------------------------------------------------------ */

/* One protocol over two nics gives back what both lent in one call (5.18). */
/* contract: 5.18 */
static void a_return_may_hold_packets_of_several_adapters(void **state)
{
	struct im_packet *packets[6], *mixed[6];

	(void)state;
	rig_up("nic", 0);
	rig_second_nic("nic");
	assert_int_equal(rig_bind("top", "nic2", "top"), IM_STATUS_SUCCESS);
	rig_top.references = rig_top2.references = 1;
	rig_top.when = rig_top2.when = RIG_LATER;
	rig_packets(packets, 6);
	indicate(packets, 3);
	im_indicate_receive_packets(rig_nic2.instance, packets + 3, 3);
	for (uint32_t i = 0; i < 6; i++)
		mixed[i] = packets[(i % 2) * 3 + i / 2];
	im_return_packets(rig_top.binding, mixed, 6);
	rig_expect(&rig_nic.home, packets, 3); /* each to its own */
	rig_expect(&rig_nic2.home, packets + 3, 3);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	assert_int_equal(im_outstanding(rig_nic2.instance), 0);
	assert_int_equal(im_binding_outstanding(rig_top.binding), 0);
	assert_int_equal(im_binding_outstanding(rig_top2.binding), 0);
	rig_packets_free(packets, 6);
	rig_down();
}

static void what_a_driver_declines_goes_home_at_once(void **state)
{
	struct im_packet *packets[8];

	(void)state;
	rig_core_up("nic");
	assert_int_equal(rig_bind(RIG_PICKY, "nic", "p"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("top", "p", "top"), IM_STATUS_SUCCESS);
	im_restart(im_find_instance("nic"));
	im_restart(im_find_instance("p"));
	rig_top.references = 1;
	rig_top.when = RIG_LATER;
	rig_packets(packets, 8); /* lengths 60, 61, ...: odd ones pass */
	indicate(packets, 8);
	assert_int_equal(rig_top.received.count, 4);
	assert_int_equal(rig_nic.home.count, 4);
	for (uint32_t i = 0; i < 4; i++) {
		assert_ptr_equal(rig_top.received.packets[i], packets[2 * i + 1]);
		assert_ptr_equal(rig_nic.home.packets[i], packets[2 * i]);
	}
	im_return_packets(rig_top.binding, rig_top.received.packets, 4);
	assert_int_equal(rig_nic.home.count, 8);
	rig_packets_free(packets, 8);
	rig_down();
}

/* ---- For the call only ------------------------------------------------------------------------------- */

/* contract: 5.2 5.6 */
static void resources_applies_to_all_that_follow(void **state)
{
	struct im_packet *packets[6];

	(void)state;
	for (size_t h = 0; h < RTE_DIM(heights); h++) {
		rig_up("nic", heights[h]);
		rig_without_lookahead();
		rig_top.references = 0;
		rig_packets(packets, 6);
		packets[2]->status = IM_STATUS_RESOURCES;
		indicate(packets, 6);
		rig_expect(&rig_top.received, packets, 6);
		for (uint32_t i = 0; i < 6; i++)
			assert_int_equal(rig_top.received.statuses[i],
					 i < 2 ? IM_STATUS_SUCCESS : IM_STATUS_RESOURCES); /* 5.2 */
		rig_expect(&rig_nic.home, packets, 2); /* the others never come through return_packets (5.6) */
		rig_packets_free(packets, 6);
		rig_down();
	}
}

/* The driver between drops the one that says RESOURCES; those behind it are no loans all the same. */
/* contract: 5.2 5.6 11.6 */
static void resources_holds_where_a_driver_parts_the_burst(void **state)
{
	struct im_packet *packets[4];

	(void)state;
	rig_core_up("nic");
	assert_int_equal(rig_bind(RIG_PICKY, "nic", "p"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("top", "p", "top"), IM_STATUS_SUCCESS);
	im_restart(im_find_instance("nic"));
	im_restart(im_find_instance("p"));
	rig_without_lookahead();
	rig_packets(packets, 4);
	packets[0]->status = IM_STATUS_RESOURCES;
	indicate(packets, 4);
	assert_int_equal(rig_top.received.count, 2);
	assert_int_equal(rig_top.received.statuses[0], IM_STATUS_RESOURCES);
	assert_int_equal(rig_top.received.statuses[1], IM_STATUS_RESOURCES);
	assert_int_equal(rig_nic.home.count, 0);
	rig_packets_free(packets, 4);
	rig_down();
}

/* Who has a receive handler is shown the beginning of what it cannot keep (5.7). */
/* contract: 5.1 5.6 5.7 */
static void what_cannot_be_kept_comes_by_lookahead(void **state)
{
	struct im_packet *packets[5];

	(void)state;
	rig_up("nic", 0);
	rig_packets(packets, 5);
	packets[2]->status = IM_STATUS_RESOURCES;
	indicate(packets, 5);
	rig_expect(&rig_top.received, packets, 2);
	assert_int_equal(rig_top.looked.calls, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(rig_top.looked.lengths[i], packets[2 + i]->length);
	assert_int_equal(rig_top.complete, 1); /* 5.27 */
	rig_expect(&rig_nic.home, packets, 2); /* 5.6 */
	assert_int_equal(rig_account("nic").indicated, 5);
	rig_packets_free(packets, 5);
	rig_down();
}

/* A protocol without receive_packets, which no intermediate driver is, gets all in this way. */
static void without_receive_packets_all_comes_by_lookahead(void **state)
{
	struct im_packet *packets[3];

	(void)state;
	rig_up("nic", 0);
	rig_top.binding->protocol->handlers.receive_packets = NULL;
	rig_packets(packets, 3);
	indicate(packets, 3);
	assert_int_equal(rig_top.looked.calls, 3);
	rig_expect(&rig_nic.home, packets, 3); /* nobody kept them (5.4) */
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	rig_packets_free(packets, 3);
	rig_down();
}

/* ---- Words ------------------------------------------------------------------------------------------- */

static void words_of_each_level_are_kept_apart(void **state)
{
	struct im_packet *packet;

	(void)state;
	rig_unverified(); /* it writes what only a driver may */
	rig_up("nic", 2);
	rig_top.references = 1;
	rig_top.when = RIG_LATER;
	packet = rig_packet(4, 60);
	im_packet_words(packet)[0] = 0xaaaa;
	indicate(&packet, 1);
	assert_int_equal(packet->depth, 3);
	packet->stack[1].words[0] = 0xbbbb;
	packet->stack[2].words[0] = 0xcccc;
	im_packet_words(packet)[0] = 0xdddd; /* the receiver's own, beyond the others */
	im_return_packets(rig_top.binding, &packet, 1);
	assert_int_equal(packet->depth, 0);
	assert_int_equal(im_packet_words(packet)[0], 0xaaaa);
	free(packet);
	rig_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_kept_comes_home_when_it_is_returned),
		cmocka_unit_test(what_nobody_keeps_is_home_at_once),
		cmocka_unit_test(a_packet_is_home_after_the_sum_of_references),
		cmocka_unit_test(a_return_from_inside_receive_survives),
		cmocka_unit_test(more_than_a_burst_is_indicated_in_bursts_and_in_order),
		cmocka_unit_test(more_than_a_burst_can_be_returned_at_once),
		cmocka_unit_test(a_loan_is_outstanding_until_its_return_is_through),
		cmocka_unit_test(a_binding_knows_how_many_returns_it_owes),
		cmocka_unit_test(a_return_may_hold_packets_of_several_adapters),
		cmocka_unit_test(what_a_driver_declines_goes_home_at_once),
		cmocka_unit_test(resources_applies_to_all_that_follow),
		cmocka_unit_test(resources_holds_where_a_driver_parts_the_burst),
		cmocka_unit_test(what_cannot_be_kept_comes_by_lookahead),
		cmocka_unit_test(without_receive_packets_all_comes_by_lookahead),
		cmocka_unit_test(words_of_each_level_are_kept_apart),
	};

	return rig_run(tests);
}
