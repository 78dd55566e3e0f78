/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends that cannot go: the gates and their statuses, and what breaks the contract. */
#include "rig.h"

static uint64_t refused_by(const char *instance)
{
	return rig_account(instance).drops[SLUICE_OUT][SLUICE_DROP_NOT_RUNNING];
}

/* ---- Gates ------------------------------------------------------------------------------------------- */

/* contract: 4.32 */
static void a_paused_adapter_refuses_and_counts(void **state)
{
	struct im_packet *packets[3];

	(void)state;
	rig_up("nic", 0);
	im_pause(im_find_instance("nic"));
	rig_packets(packets, 3);
	im_send_packets(rig_top.binding, packets, 3);
	assert_int_equal(rig_nic.sent.count, 0);
	rig_expect(&rig_top.done, packets, 3);
	assert_int_equal(rig_top.done.statuses[0], IM_STATUS_PAUSED);
	assert_int_equal(refused_by("nic"), 3);
	im_restart(im_find_instance("nic"));
	rig_nic.when = RIG_INLINE;
	im_send_packets(rig_top.binding, packets, 3);
	assert_int_equal(rig_top.done.statuses[5], IM_STATUS_SUCCESS);
	rig_packets_free(packets, 3);
	rig_down();
}

/* 4.32: what each closed gate means for a send. */
/* contract: 4.32 */
static void each_gate_has_its_status(void **state)
{
	static const struct {
		bool of_binding;
		uint32_t gate;
		im_status_t status;
		uint32_t drop;
	} gates[] = {
		{false, IM_GATE_STOPPED, IM_STATUS_PAUSED, SLUICE_DROP_NOT_RUNNING},
		{false, IM_GATE_LOW_POWER, IM_STATUS_LOW_POWER_STATE, SLUICE_DROP_NOT_RUNNING},
		{false, IM_GATE_RESETTING, IM_STATUS_RESET_IN_PROGRESS, SLUICE_DROP_NOT_RUNNING},
		{false, IM_GATE_QUARANTINE, IM_STATUS_FAILURE, SLUICE_DROP_QUARANTINE},
		{false, IM_GATE_STOPPED | IM_GATE_LOW_POWER, IM_STATUS_LOW_POWER_STATE, SLUICE_DROP_NOT_RUNNING},
		{true, IM_GATE_STOPPED, IM_STATUS_PAUSED, SLUICE_DROP_NOT_RUNNING},
		{true, IM_GATE_CLOSING, IM_STATUS_CLOSING, SLUICE_DROP_NOT_RUNNING},
		{true, IM_GATE_CLOSING | IM_GATE_STOPPED, IM_STATUS_CLOSING, SLUICE_DROP_NOT_RUNNING},
	};
	struct im_packet *packets[3];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(gates); i++) {
		uint32_t *gate;

		rig_up("nic", 0);
		gate = gates[i].of_binding ? &rig_top.binding->gate : &rig_nic.instance->gate;
		rig_packets(packets, 3);
		im_close_gate(gate, gates[i].gate);
		im_send_packets(rig_top.binding, packets, 3);
		im_open_gate(gate, gates[i].gate);
		assert_int_equal(rig_nic.sent.count, 0);
		rig_expect(&rig_top.done, packets, 3);
		rig_expect_status(&rig_top.done, gates[i].status, 3);
		assert_int_equal(rig_account("nic").drops[SLUICE_OUT][gates[i].drop], 3);
		rig_packets_free(packets, 3);
		rig_down();
	}
}

/* A gate for receives alone, and marks of the longer way, are in no send's way. */
static void other_marks_stop_no_send(void **state)
{
	struct im_packet *packet;

	(void)state;
	rig_up("nic", 0);
	packet = rig_packet(2, 60);
	im_close_gate(&rig_nic.instance->gate, IM_GATE_NO_FILTER | IM_GATE_LOOPBACK);
	im_send_packets(rig_top.binding, &packet, 1);
	rig_expect(&rig_nic.sent, &packet, 1);
	rig_expect_status(&rig_top.done, IM_STATUS_SUCCESS, 1);
	im_open_gate(&rig_nic.instance->gate, IM_GATE_NO_FILTER | IM_GATE_LOOPBACK);
	rig_packets_free(&packet, 1);
	rig_down();
}

static void more_than_a_burst_is_refused_in_bursts(void **state)
{
	struct im_packet *packets[2 * IM_BURST + 1];

	(void)state;
	rig_up("nic", 0);
	im_pause(rig_nic.instance);
	rig_packets(packets, RTE_DIM(packets));
	im_send_packets(rig_top.binding, packets, RTE_DIM(packets));
	rig_expect(&rig_top.done, packets, RTE_DIM(packets));
	rig_expect_status(&rig_top.done, IM_STATUS_PAUSED, RTE_DIM(packets));
	assert_int_equal(rig_top.done.largest, IM_BURST);
	assert_int_equal(refused_by("nic"), RTE_DIM(packets));
	rig_packets_free(packets, RTE_DIM(packets));
	rig_down();
}

static struct im_packet *while_closing;

static im_status_t send_while_closing(void *context, void *unbind_context)
{
	struct rig_top *top = context;
	struct im_binding *binding = top->binding;

	(void)unbind_context;
	im_send_packets(binding, &while_closing, 1);
	top->binding = NULL;
	im_close_adapter(binding);
	return IM_STATUS_SUCCESS;
}

/* contract: 4.32 */
static void a_closing_binding_refuses_and_counts(void **state)
{
	(void)state;
	rig_up("nic", 1);
	while_closing = rig_packet(3, 60);
	rig_top.binding->protocol->handlers.unbind_adapter = send_while_closing;
	im_unbind(rig_top.binding);
	assert_int_equal(rig_nic.sent.count, 0); /* 1.39 */
	rig_expect(&rig_top.done, &while_closing, 1);
	assert_int_equal(rig_top.done.statuses[0], IM_STATUS_CLOSING);
	assert_int_equal(refused_by("r0"), 1);
	rig_packets_free(&while_closing, 1);
	rig_down();
}

/* ---- What aborts ------------------------------------------------------------------------------------- */

static struct im_packet *sent_one(uint32_t levels)
{
	struct im_packet *packet = rig_packet(RIG_LEVELS_MAX + 2, 60);

	rig_up("nic", levels);
	rig_nic.when = RIG_LATER;
	im_send_packets(rig_top.binding, &packet, 1);
	packet->status = IM_STATUS_SUCCESS;
	return packet;
}

static void complete_twice(void)
{
	struct im_packet *packet = sent_one(1);

	im_send_complete(rig_nic.instance, &packet, 1);
	im_send_complete(rig_nic.instance, &packet, 1);
}

static void complete_twice_at_once(void)
{
	struct im_packet *packet = sent_one(3);
	struct im_packet *twice[] = {packet, packet};

	im_send_complete(rig_nic.instance, twice, 2);
}

static void complete_never_sent(void)
{
	struct im_packet *packet = rig_packet(4, 60);

	rig_up("nic", 1);
	im_send_complete(rig_nic.instance, &packet, 1);
}

static void complete_from_the_wrong_level(void)
{
	struct im_packet *packet = sent_one(3);

	im_send_complete(im_find_instance("r1"), &packet, 1); /* it is the nic's */
}

static void complete_what_was_lent(void)
{
	struct im_packet *packet = rig_packet(4, 60);

	rig_up("nic", 0);
	rig_top.references = 1;
	rig_top.when = RIG_LATER;
	im_indicate_receive_packets(rig_nic.instance, &packet, 1);
	im_send_complete(rig_nic.instance, &packet, 1);
}

static void complete_as_pending(void)
{
	struct im_packet *packet = sent_one(1);

	packet->status = IM_STATUS_PENDING;
	im_send_complete(rig_nic.instance, &packet, 1);
}

static void send_what_is_out(void)
{
	struct im_packet *packet = sent_one(0);

	im_send_packets(rig_top.binding, &packet, 1);
}

static void send_without_a_slot(void)
{
	struct im_packet *packet = rig_packet(0, 60);

	rig_up("nic", 0);
	im_send_packets(rig_top.binding, &packet, 1);
}

static void close_with_a_send_out(void)
{
	struct im_binding *binding;

	sent_one(0);
	binding = rig_top.binding;
	binding->unbinding = true;
	im_close_adapter(binding);
}

static void complete_what_the_other_nic_has(void)
{
	struct im_packet *packet = sent_one(0);

	rig_second_nic("nic");
	im_send_complete(rig_nic2.instance, &packet, 1);
}

static void complete_with_what_is_not_ones_own_among_it(void)
{
	struct im_packet *packets[2] = {sent_one(0), rig_packet(4, 60)};

	im_send_complete(rig_nic.instance, packets, 2);
}

/* contract: 4.12 4.13 4.14 */
static void breaches_of_the_send_path_abort_with_their_statement(void **state)
{
	(void)state;
	rig_expect_violation("4.12", complete_twice);
	rig_expect_violation("4.12", complete_twice_at_once);
	rig_expect_violation("4.12", complete_never_sent);
	rig_expect_violation("4.12", complete_from_the_wrong_level);
	rig_expect_violation("4.12", complete_what_was_lent);
	rig_expect_violation("4.13", complete_as_pending);
	rig_expect_violation("4.14", send_what_is_out);
	rig_expect_violation("2.54", send_without_a_slot);
	rig_expect_violation("3.21", close_with_a_send_out);
	rig_expect_violation("4.12", complete_what_the_other_nic_has);
	rig_expect_violation("4.12", complete_with_what_is_not_ones_own_among_it);
}

/* Where a violation is only counted, what is illegal is left out and the others go on, each once. */
/* contract: 4.12 4.14 */
static void what_is_illegal_is_left_out(void **state)
{
	struct im_packet *packets[4], *never;

	(void)state;
	rig_count_violations(true);
	rig_up("nic", 0);
	rig_nic.when = RIG_LATER;
	rig_packets(packets, 4);
	never = rig_packet(4, 60);
	im_send_packets(rig_top.binding, packets, 3);
	for (uint32_t i = 0; i < 3; i++)
		packets[i]->status = IM_STATUS_SUCCESS;
	im_send_complete(rig_nic.instance, (struct im_packet *[]){packets[0], never, packets[1], packets[0]}, 4);
	assert_int_equal(im_violations(), 2);
	rig_expect(&rig_top.done, packets, 2);
	im_send_packets(rig_top.binding, (struct im_packet *[]){packets[2], packets[3]}, 2); /* the first is out */
	assert_int_equal(im_violations(), 3);
	rig_expect(&rig_nic.sent, packets, 4);
	rig_complete(2, 2, IM_STATUS_SUCCESS);
	rig_expect(&rig_top.done, packets, 4);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	rig_packets_free(packets, 4);
	free(never);
	rig_down();
	rig_count_violations(false);
}

/* One that cannot be sent for want of a slot comes straight back (2.54). */
/* contract: 2.54 */
static void without_a_slot_a_packet_comes_straight_back(void **state)
{
	struct im_packet *packets[3];

	(void)state;
	rig_count_violations(true);
	rig_up("nic", 0);
	rig_nic.when = RIG_INLINE;
	packets[0] = rig_packet(2, 60);
	packets[1] = rig_packet(0, 61);
	packets[2] = rig_packet(2, 62);
	im_send_packets(rig_top.binding, packets, 3);
	assert_int_equal(im_violations(), 1);
	assert_int_equal(rig_nic.sent.count, 2);
	rig_expect(&rig_top.done, packets, 3);
	assert_int_equal(rig_top.done.statuses[1], IM_STATUS_RESOURCES);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	rig_packets_free(packets, 3);
	rig_down();
	rig_count_violations(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_paused_adapter_refuses_and_counts),
		cmocka_unit_test(each_gate_has_its_status),
		cmocka_unit_test(other_marks_stop_no_send),
		cmocka_unit_test(more_than_a_burst_is_refused_in_bursts),
		cmocka_unit_test(a_closing_binding_refuses_and_counts),
		cmocka_unit_test(breaches_of_the_send_path_abort_with_their_statement),
		cmocka_unit_test(what_is_illegal_is_left_out),
		cmocka_unit_test(without_a_slot_a_packet_comes_straight_back),
	};

	return rig_run(tests);
}
