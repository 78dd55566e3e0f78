/* SPDX-License-Identifier: BSD-3-Clause */
/* Several protocols over one adapter: one packet lent to all of them, and home after the last return (5.12-5.20). */
#include "rig.h"

static void fan_up(uint16_t first, uint16_t second, enum rig_when when)
{
	rig_up("nic", 0);
	assert_int_equal(rig_bind("top2", "nic", "top2"), IM_STATUS_SUCCESS);
	rig_top.references = first;
	rig_top2.references = second;
	rig_top.when = rig_top2.when = when;
}

static void indicate(struct im_packet **packets, uint16_t count)
{
	im_indicate_receive_packets(rig_nic.instance, packets, count);
}

static void expect_all_home(void)
{
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	assert_int_equal(im_binding_outstanding(rig_top.binding), 0);
	assert_int_equal(im_binding_outstanding(rig_top2.binding), 0);
}

/* contract: 5.11 12.56 */
static void every_receiver_gets_all_in_order(void **state)
{
	struct im_packet *packets[2 * IM_BURST + 3];

	(void)state;
	fan_up(0, 0, RIG_INLINE);
	rig_packets(packets, RTE_DIM(packets));
	indicate(packets, RTE_DIM(packets));
	rig_expect(&rig_top.received, packets, RTE_DIM(packets)); /* 5.11 */
	rig_expect(&rig_top2.received, packets, RTE_DIM(packets));
	rig_expect(&rig_nic.home, packets, RTE_DIM(packets)); /* nobody kept one: home at once, and once */
	assert_int_equal(rig_top2.received.largest, IM_BURST);
	assert_int_equal(rig_account("nic").indicated, RTE_DIM(packets));
	assert_int_equal(rig_binding_account(&rig_top2).handled[SLUICE_IN].packets, RTE_DIM(packets));
	expect_all_home();
	rig_packets_free(packets, RTE_DIM(packets));
	rig_down();
}

/* contract: 5.12 5.13 */
static void a_packet_is_home_after_the_returns_of_all(void **state)
{
	struct im_packet *packets[4];

	(void)state;
	fan_up(2, 3, RIG_LATER);
	rig_packets(packets, 4);
	indicate(packets, 4);
	assert_int_equal(im_binding_outstanding(rig_top.binding), 8);
	assert_int_equal(im_binding_outstanding(rig_top2.binding), 12);
	for (int i = 0; i < 2; i++)
		im_return_packets(rig_top2.binding, packets, 4);
	im_return_packets(rig_top.binding, packets, 4);
	im_return_packets(rig_top.binding, packets, 4);
	assert_int_equal(rig_nic.home.count, 0); /* four of five (5.13) */
	assert_int_equal(im_outstanding(rig_nic.instance), 4);
	im_return_packets(rig_top2.binding, packets, 4);
	rig_expect(&rig_nic.home, packets, 4); /* once, after the last (5.20) */
	expect_all_home();
	rig_packets_free(packets, 4);
	rig_down();
}

/* contract: 5.14 11.14 */
static void returns_from_inside_survive(void **state)
{
	struct im_packet *packets[5];

	(void)state;
	fan_up(1, 2, RIG_INLINE);
	rig_packets(packets, 5);
	indicate(packets, 5);
	rig_expect(&rig_top.received, packets, 5);
	rig_expect(&rig_top2.received, packets, 5); /* the first one's returns have not sent it home (5.14) */
	rig_expect(&rig_nic.home, packets, 5);
	expect_all_home();
	rig_packets_free(packets, 5);
	rig_down();
}

/* contract: 5.12 5.13 */
static void one_may_keep_what_another_does_not(void **state)
{
	struct im_packet *packets[3];

	(void)state;
	fan_up(0, 1, RIG_LATER);
	rig_packets(packets, 3);
	indicate(packets, 3);
	assert_int_equal(rig_nic.home.count, 0);
	assert_int_equal(im_binding_outstanding(rig_top.binding), 0);
	im_return_packets(rig_top2.binding, packets, 3);
	rig_expect(&rig_nic.home, packets, 3);
	expect_all_home();
	rig_packets_free(packets, 3);
	rig_down();
}

/* ---- None may use the slots, or the buffers ----------------------------------------------------------- */

static bool was_shared;

static void look_at_slots(struct rig_top *top, struct im_packet **packets, uint16_t count)
{
	(void)top;
	for (uint16_t i = 0; i < count; i++)
		was_shared &= (packets[i]->flags & IM_PACKET_SHARED) && im_packet_words(packets[i]) == NULL;
}

static void a_shared_packet_offers_no_slot_until_it_is_home(void **state)
{
	struct im_packet *packet;

	(void)state;
	fan_up(1, 1, RIG_LATER);
	packet = rig_packet(5, 60);
	rig_top.in_received = rig_top2.in_received = look_at_slots;
	was_shared = true;
	indicate(&packet, 1);
	assert_true(was_shared); /* 2.54 */
	assert_int_equal(packet->slots, 1);
	im_return_packets(rig_top.binding, &packet, 1);
	im_return_packets(rig_top2.binding, &packet, 1);
	assert_int_equal(packet->slots, 5);
	assert_int_equal(packet->flags, 0);
	assert_int_equal(packet->depth, 0);
	im_packet_words(packet)[0] = 1;
	free(packet);
	rig_down();
}

static void one_receiver_shares_with_nobody(void **state)
{
	struct im_packet *packet;

	(void)state;
	rig_up("nic", 0);
	packet = rig_packet(5, 60);
	rig_top.references = 1;
	rig_top.when = RIG_LATER;
	indicate(&packet, 1);
	assert_int_equal(packet->flags, 0);
	assert_non_null(im_packet_words(packet));
	im_return_packets(rig_top.binding, &packet, 1);
	free(packet);
	rig_down();
}

/* An intermediate driver among the receivers lends a descriptor of its own further up (2.54, 5.19). */
/* contract: 5.19 */
static void a_driver_among_them_passes_it_on_in_its_own_descriptor(void **state)
{
	struct im_packet *packets[3];

	(void)state;
	rig_up("nic", 1); /* top over r0 over nic */
	assert_int_equal(rig_bind("top2", "nic", "top2"), IM_STATUS_SUCCESS);
	rig_top.references = rig_top2.references = 1;
	rig_top.when = rig_top2.when = RIG_LATER;
	rig_packets(packets, 3);
	indicate(packets, 3);
	rig_expect(&rig_top2.received, packets, 3);
	assert_int_equal(rig_top.received.count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_ptr_not_equal(rig_top.received.packets[i], packets[i]);
		assert_ptr_equal(rig_top.received.packets[i]->mbuf, packets[i]->mbuf);
	}
	im_return_packets(rig_top.binding, rig_top.received.packets, 3);
	assert_int_equal(rig_nic.home.count, 0);
	im_return_packets(rig_top2.binding, packets, 3);
	rig_expect(&rig_nic.home, packets, 3);
	assert_int_equal(im_outstanding(im_find_instance("r0")), 0);
	rig_packets_free(packets, 3);
	rig_down();
}

/* ---- For the call only --------------------------------------------------------------------------------- */

/* contract: 5.7 */
static void every_receiver_is_shown_what_is_for_the_call_only(void **state)
{
	struct im_packet *packets[4];

	(void)state;
	fan_up(1, 1, RIG_LATER);
	rig_packets(packets, 4);
	packets[1]->status = IM_STATUS_RESOURCES;
	indicate(packets, 4);
	rig_expect(&rig_top.received, packets, 1);
	rig_expect(&rig_top2.received, packets, 1);
	assert_int_equal(rig_top.looked.calls, 3); /* 5.7 */
	assert_int_equal(rig_top2.looked.calls, 3);
	assert_int_equal(rig_top.complete, 1);
	assert_int_equal(rig_nic.home.count, 0);
	im_return_packets(rig_top.binding, packets, 1);
	im_return_packets(rig_top2.binding, packets, 1);
	rig_expect(&rig_nic.home, packets, 1);
	rig_packets_free(packets, 4);
	rig_down();
}

/* ---- Coming and going ---------------------------------------------------------------------------------- */

static void a_receiver_that_goes_leaves_the_others_theirs(void **state)
{
	struct im_packet *packets[4];

	(void)state;
	fan_up(1, 0, RIG_LATER);
	rig_packets(packets, 4);
	indicate(packets, 2);
	im_unbind(rig_top2.binding);
	indicate(packets + 2, 2); /* there is one receiver now */
	rig_expect(&rig_top.received, packets, 4);
	rig_expect(&rig_top2.received, packets, 2);
	im_return_packets(rig_top.binding, packets, 4); /* of two kinds: shared, and not */
	rig_expect(&rig_nic.home, packets, 4);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	rig_packets_free(packets, 4);
	rig_down();
}

static void a_receiver_whose_gate_is_shut_is_passed_by(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	fan_up(0, 0, RIG_LATER);
	rig_packets(packets, 2);
	im_close_gate(&rig_top.binding->gate, IM_GATE_QUARANTINE);
	indicate(packets, 2);
	im_open_gate(&rig_top.binding->gate, IM_GATE_QUARANTINE);
	assert_int_equal(rig_top.received.count, 0);
	rig_expect(&rig_top2.received, packets, 2);
	rig_expect(&rig_nic.home, packets, 2);
	rig_packets_free(packets, 2);
	rig_down();
}

static void with_all_gates_shut_packets_go_home(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	fan_up(0, 0, RIG_LATER);
	rig_packets(packets, 2);
	im_close_gate(&rig_top.binding->gate, IM_GATE_QUARANTINE);
	im_close_gate(&rig_top2.binding->gate, IM_GATE_QUARANTINE);
	indicate(packets, 2);
	im_open_gate(&rig_top.binding->gate, IM_GATE_QUARANTINE);
	im_open_gate(&rig_top2.binding->gate, IM_GATE_QUARANTINE);
	rig_expect(&rig_nic.home, packets, 2);
	assert_int_equal(rig_account("nic").drops[SLUICE_IN][SLUICE_DROP_NOT_RUNNING], 2);
	rig_packets_free(packets, 2);
	rig_down();
}

/* A protocol over two adapters, one of which it shares, returns what both lent in one call (5.18). */
/* contract: 5.18 */
static void shared_packets_of_another_adapter_can_be_returned(void **state)
{
	struct im_packet *packets[4];

	(void)state;
	fan_up(1, 0, RIG_LATER); /* top, top2 over nic */
	rig_second_nic("nic");
	assert_int_equal(rig_bind("top", "nic2", "top"), IM_STATUS_SUCCESS);
	rig_top3.references = 1;
	rig_top3.when = RIG_LATER;
	rig_packets(packets, 4);
	indicate(packets, 2);
	im_indicate_receive_packets(rig_nic2.instance, packets + 2, 2);
	im_return_packets(rig_top3.binding, packets, 4);
	rig_expect(&rig_nic.home, packets, 2);
	rig_expect(&rig_nic2.home, packets + 2, 2);
	expect_all_home();
	assert_int_equal(im_binding_outstanding(rig_top3.binding), 0);
	rig_packets_free(packets, 4);
	rig_down();
}

/* ---- What aborts --------------------------------------------------------------------------------------- */

static void return_twice(struct rig_top *top, struct im_packet **packets, uint16_t count)
{
	im_return_packets(top->binding, packets, count);
	im_return_packets(top->binding, packets, count);
}

static void one_returns_more_than_it_promised(void)
{
	struct im_packet *packet = rig_packet(4, 60);

	fan_up(0, 1, RIG_LATER);
	rig_top2.in_received = return_twice;
	indicate(&packet, 1);
}

static void the_last_return_is_made_twice(void)
{
	struct im_packet *packet = rig_packet(4, 60);

	fan_up(1, 1, RIG_LATER);
	indicate(&packet, 1);
	im_return_packets(rig_top.binding, &packet, 1);
	im_return_packets(rig_top2.binding, &packet, 1);
	im_return_packets(rig_top2.binding, &packet, 1);
}

static void lend_on_a_shared_packet(void)
{
	struct im_packet *packet = rig_packet(4, 60);

	rig_up("nic", 1);
	assert_int_equal(rig_bind("top2", "nic", "top2"), IM_STATUS_SUCCESS);
	rig_top2.references = 1;
	rig_top2.when = RIG_LATER;
	indicate(&packet, 1);
	im_indicate_receive_packets(im_find_instance("r0"), &packet, 1); /* not in a descriptor of its own */
}

static void keep_what_is_for_the_call_only(void)
{
	struct im_packet *packet = rig_packet(4, 60);

	fan_up(0, 1, RIG_LATER);
	rig_without_lookahead();
	packet->status = IM_STATUS_RESOURCES;
	indicate(&packet, 1);
}

/* contract: 5.15 5.16 */
static void breaches_abort_with_their_statement(void **state)
{
	(void)state;
	rig_expect_violation("5.16", one_returns_more_than_it_promised);
	rig_expect_violation("5.16", the_last_return_is_made_twice);
	rig_expect_violation("2.54", lend_on_a_shared_packet);
	rig_expect_violation("5.15", keep_what_is_for_the_call_only);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_receiver_gets_all_in_order),
		cmocka_unit_test(a_packet_is_home_after_the_returns_of_all),
		cmocka_unit_test(returns_from_inside_survive),
		cmocka_unit_test(one_may_keep_what_another_does_not),
		cmocka_unit_test(a_shared_packet_offers_no_slot_until_it_is_home),
		cmocka_unit_test(one_receiver_shares_with_nobody),
		cmocka_unit_test(a_driver_among_them_passes_it_on_in_its_own_descriptor),
		cmocka_unit_test(every_receiver_is_shown_what_is_for_the_call_only),
		cmocka_unit_test(a_receiver_that_goes_leaves_the_others_theirs),
		cmocka_unit_test(a_receiver_whose_gate_is_shut_is_passed_by),
		cmocka_unit_test(with_all_gates_shut_packets_go_home),
		cmocka_unit_test(shared_packets_of_another_adapter_can_be_returned),
		cmocka_unit_test(breaches_abort_with_their_statement),
	};

	return rig_run(tests);
}
