/* SPDX-License-Identifier: BSD-3-Clause */
/* Receives that cannot go up: the gates, and what breaks the contract. */
#include "rig.h"

static uint64_t dropped_by(const char *instance)
{
	return rig_account(instance).drops[SLUICE_IN][SLUICE_DROP_NOT_RUNNING];
}

static void indicate(struct im_packet **packets, uint16_t count)
{
	im_indicate_receive_packets(rig_nic.instance, packets, count);
}

/* ---- Gates ------------------------------------------------------------------------------------------- */

/* contract: 5.10 5.32 */
static void an_instance_that_does_not_run_indicates_nothing(void **state)
{
	struct im_packet *packets[3];

	(void)state;
	rig_up("nic", 1);
	rig_packets(packets, 3);
	im_pause(rig_nic.instance);
	indicate(packets, 3);
	assert_int_equal(rig_top.received.count, 0);
	rig_expect(&rig_nic.home, packets, 3); /* at once, unprocessed (5.32) */
	assert_int_equal(dropped_by("nic"), 3);
	im_restart(rig_nic.instance);
	im_pause(im_find_instance("r0"));
	indicate(packets, 3); /* now the level above stands in the way */
	assert_int_equal(rig_top.received.count, 0);
	assert_int_equal(rig_nic.home.count, 6);
	assert_int_equal(dropped_by("r0"), 3);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	rig_packets_free(packets, 3);
	rig_down();
}

/* What is for the call only does not come through return_packets, whatever stands in the way (5.6). */
/* contract: 5.6 5.9 5.10 12.35 */
static void each_gate_turns_indications_away(void **state)
{
	static const struct {
		uint32_t gate;
		uint32_t drop;
	} gates[] = {
		{IM_GATE_STOPPED, SLUICE_DROP_NOT_RUNNING},
		{IM_GATE_LOW_POWER, SLUICE_DROP_NOT_RUNNING},
		{IM_GATE_QUARANTINE, SLUICE_DROP_QUARANTINE},
		{IM_GATE_NO_FILTER, SLUICE_DROP_PACKET_FILTER},
		{IM_GATE_NO_FILTER | IM_GATE_STOPPED, SLUICE_DROP_NOT_RUNNING},
	};
	struct im_packet *packets[5];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(gates); i++) {
		rig_up("nic", 0);
		rig_packets(packets, 5);
		packets[3]->status = IM_STATUS_RESOURCES;
		im_close_gate(&rig_nic.instance->gate, gates[i].gate);
		indicate(packets, 5);
		im_open_gate(&rig_nic.instance->gate, gates[i].gate);
		assert_int_equal(rig_top.received.count + rig_top.looked.calls, 0); /* 5.9, 5.10 */
		rig_expect(&rig_nic.home, packets, 3);
		assert_int_equal(rig_account("nic").drops[SLUICE_IN][gates[i].drop], 5);
		assert_int_equal(im_outstanding(rig_nic.instance), 0);
		rig_packets_free(packets, 5);
		rig_down();
	}
}

static void a_reset_stops_sends_alone(void **state)
{
	struct im_packet *packet = rig_packet(2, 60);

	(void)state;
	rig_up("nic", 0);
	im_close_gate(&rig_nic.instance->gate, IM_GATE_RESETTING);
	indicate(&packet, 1);
	im_open_gate(&rig_nic.instance->gate, IM_GATE_RESETTING);
	rig_expect(&rig_top.received, &packet, 1); /* 7.4 */
	free(packet);
	rig_down();
}

static void a_receiver_in_quarantine_gets_nothing(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	rig_up("nic", 0);
	rig_packets(packets, 2);
	im_close_gate(&rig_top.binding->gate, IM_GATE_QUARANTINE);
	indicate(packets, 2);
	im_open_gate(&rig_top.binding->gate, IM_GATE_QUARANTINE);
	assert_int_equal(rig_top.received.count, 0);
	rig_expect(&rig_nic.home, packets, 2);
	assert_int_equal(rig_account("nic").drops[SLUICE_IN][SLUICE_DROP_QUARANTINE], 2);
	rig_packets_free(packets, 2);
	rig_down();
}

static void without_a_protocol_above_packets_go_home(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	rig_core_up("nic");
	im_restart(rig_nic.instance);
	rig_want_packets("nic");
	rig_packets(packets, 2);
	indicate(packets, 2);
	rig_expect(&rig_nic.home, packets, 2);
	assert_int_equal(dropped_by("nic"), 2);
	rig_packets_free(packets, 2);
	rig_down();
}

static struct im_packet *while_closing;

static im_status_t receive_while_closing(void *context, void *unbind_context)
{
	struct rig_top *top = context;
	struct im_binding *binding = top->binding;

	(void)unbind_context;
	indicate(&while_closing, 1);
	top->binding = NULL;
	im_close_adapter(binding);
	return IM_STATUS_SUCCESS;
}

/* contract: 5.32 */
static void a_closing_binding_receives_nothing(void **state)
{
	(void)state;
	rig_up("nic", 0);
	while_closing = rig_packet(2, 60);
	rig_top.binding->protocol->handlers.unbind_adapter = receive_while_closing;
	im_unbind(rig_top.binding);
	assert_int_equal(rig_top.received.count, 0); /* 5.32, 10.26 */
	rig_expect(&rig_nic.home, &while_closing, 1);
	free(while_closing);
	rig_down();
}

/* ---- What aborts ------------------------------------------------------------------------------------- */

static struct im_packet *lent_one(uint32_t levels, uint16_t references)
{
	struct im_packet *packet = rig_packet(RIG_LEVELS_MAX + 2, 60);

	rig_up("nic", levels);
	rig_top.references = references;
	rig_top.when = RIG_LATER;
	indicate(&packet, 1);
	return packet;
}

static void return_too_often(void)
{
	struct im_packet *packet = lent_one(1, 1);

	im_return_packets(rig_top.binding, &packet, 1);
	im_return_packets(rig_top.binding, &packet, 1);
}

static void return_too_often_at_once(void)
{
	struct im_packet *packet = lent_one(0, 1);
	struct im_packet *twice[] = {packet, packet};

	im_return_packets(rig_top.binding, twice, 2);
}

static void receive_and_return_too_often(void *context, struct im_packet **packets, uint16_t count,
					 uint16_t *references)
{
	struct rig_top *top = context;

	im_return_packets(top->binding, packets, count);
	im_return_packets(top->binding, packets, count);
	for (uint16_t i = 0; i < count; i++)
		references[i] = 1;
}

static void return_too_often_from_inside(void)
{
	struct im_packet *packet = rig_packet(2, 60);

	rig_up("nic", 0);
	rig_top.binding->protocol->handlers.receive_packets = receive_and_return_too_often;
	indicate(&packet, 1);
}

static void return_what_was_not_lent(void)
{
	struct im_packet *packet = rig_packet(2, 60);

	rig_up("nic", 0);
	im_return_packets(rig_top.binding, &packet, 1);
}

static void return_to_the_wrong_adapter(void)
{
	struct im_packet *packet = lent_one(1, 1);

	/* the relay's binding, while the packet is with the protocol above the relay */
	im_return_packets(rig_nic.instance->upper, &packet, 1);
}

static void return_what_was_sent(void)
{
	struct im_packet *packet = rig_packet(2, 60);

	rig_up("nic", 0);
	rig_nic.when = RIG_LATER;
	im_send_packets(rig_top.binding, &packet, 1);
	im_return_packets(rig_top.binding, &packet, 1);
}

static void keep_resources(void)
{
	struct im_packet *packet = rig_packet(2, 60);

	rig_up("nic", 0);
	rig_without_lookahead();
	rig_top.references = 1;
	rig_top.when = RIG_LATER;
	packet->status = IM_STATUS_RESOURCES;
	indicate(&packet, 1);
}

static void keep_what_follows_resources(void)
{
	struct im_packet *packets[2];

	rig_up("nic", 0);
	rig_without_lookahead();
	rig_packets(packets, 2);
	rig_top.references = 1;
	rig_top.when = RIG_LATER;
	packets[0]->status = IM_STATUS_RESOURCES;
	indicate(packets, 2);
}

static void indicate_what_is_out(void)
{
	struct im_packet *packet = lent_one(0, 1);

	indicate(&packet, 1);
}

static void indicate_what_is_out_further_up(void)
{
	struct im_packet *packet = lent_one(3, 1);

	indicate(&packet, 1);
}

static void lend_without_return_handler(void)
{
	struct im_packet *packet = rig_packet(2, 60);

	rig_up("nic", 0);
	rig_nic.instance->miniport->handlers.return_packets = NULL;
	indicate(&packet, 1);
}

static void indicate_what_is_out_for_the_call(void)
{
	struct im_packet *packet = lent_one(0, 1);

	packet->status = IM_STATUS_RESOURCES;
	indicate(&packet, 1);
}

static void indicate_without_a_slot(void)
{
	struct im_packet *packet = rig_packet(0, 60);

	rig_up("nic", 0);
	indicate(&packet, 1);
}

static void return_to_an_adapter_that_one_is_not_over(void)
{
	struct im_packet *packet = rig_packet(4, 60);

	rig_up("nic", 0);
	rig_second_nic("nic");
	assert_int_equal(rig_bind("top2", "nic2", "top2"), IM_STATUS_SUCCESS);
	rig_top.references = 1;
	rig_top.when = RIG_LATER;
	indicate(&packet, 1);
	im_return_packets(rig_top2.binding, &packet, 1); /* top's, which is another protocol */
}

static void close_with_a_packet_kept(void)
{
	struct im_binding *binding;

	lent_one(0, 1);
	binding = rig_top.binding;
	binding->unbinding = true;
	im_close_adapter(binding);
}

/* contract: 2.17 2.30 5.8 5.15 5.16 */
static void breaches_of_the_receive_path_abort_with_their_statement(void **state)
{
	(void)state;
	rig_expect_violation("5.16", return_too_often);
	rig_expect_violation("5.16", return_too_often_at_once);
	rig_expect_violation("5.16", return_too_often_from_inside);
	rig_expect_violation("5.16", return_what_was_not_lent);
	rig_expect_violation("5.16", return_to_the_wrong_adapter);
	rig_expect_violation("5.16", return_what_was_sent);
	rig_expect_violation("5.15", keep_resources);
	rig_expect_violation("5.15", keep_what_follows_resources);
	rig_expect_violation("5.8", indicate_what_is_out);
	rig_expect_violation("5.8", indicate_what_is_out_further_up);
	rig_expect_violation("2.30", lend_without_return_handler);
	rig_expect_violation("5.8", indicate_what_is_out_for_the_call);
	rig_expect_violation("2.54", indicate_without_a_slot);
	rig_expect_violation("5.16", return_to_an_adapter_that_one_is_not_over);
	rig_expect_violation("3.21", close_with_a_packet_kept);
}

/* Where a violation is only counted, what is illegal is left out and the others go on, each once. */
/* contract: 5.8 5.16 */
static void what_is_illegal_is_left_out(void **state)
{
	struct im_packet *packets[4], *foreign;

	(void)state;
	rig_count_violations(true);
	rig_up("nic", 0);
	rig_top.references = 1;
	rig_top.when = RIG_LATER;
	rig_packets(packets, 4);
	packets[3]->slots = 0;
	foreign = rig_packet(4, 60);
	indicate((struct im_packet *[]){packets[0], packets[1]}, 2);
	indicate((struct im_packet *[]){packets[0], packets[3], packets[2]}, 3);
	assert_int_equal(im_violations(), 2); /* 5.8, 2.54 */
	rig_expect(&rig_top.received, packets, 3);
	rig_expect(&rig_nic.home, &packets[3], 1);
	im_return_packets(rig_top.binding, (struct im_packet *[]){packets[0], foreign, packets[0], packets[1]}, 4);
	assert_int_equal(im_violations(), 4); /* 5.16, twice */
	im_return_packets(rig_top.binding, &packets[2], 1);
	assert_int_equal(rig_nic.home.count, 4);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	assert_int_equal(im_binding_outstanding(rig_top.binding), 0);
	rig_packets_free(packets, 4);
	free(foreign);
	rig_down();
	rig_count_violations(false);
}

/* A driver that always says RESOURCES needs no return_packets (2.17). */
/* contract: 2.17 */
static void resources_needs_no_return_handler(void **state)
{
	struct im_packet *packet;
	struct im_miniport *nic;

	(void)state;
	rig_up("nic", 0);
	nic = rig_nic.instance->miniport;
	nic->handlers.return_packets = NULL;
	packet = rig_packet(2, 60);
	packet->status = IM_STATUS_RESOURCES;
	indicate(&packet, 1);
	assert_int_equal(rig_top.looked.calls, 1);
	free(packet);
	rig_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_instance_that_does_not_run_indicates_nothing),
		cmocka_unit_test(each_gate_turns_indications_away),
		cmocka_unit_test(a_reset_stops_sends_alone),
		cmocka_unit_test(a_receiver_in_quarantine_gets_nothing),
		cmocka_unit_test(without_a_protocol_above_packets_go_home),
		cmocka_unit_test(a_closing_binding_receives_nothing),
		cmocka_unit_test(breaches_of_the_receive_path_abort_with_their_statement),
		cmocka_unit_test(what_is_illegal_is_left_out),
		cmocka_unit_test(resources_needs_no_return_handler),
	};

	return rig_run(tests);
}
