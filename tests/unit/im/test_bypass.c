/* SPDX-License-Identifier: BSD-3-Clause */
/* A driver in quarantine: kept out of the packet path, and, where that is wanted, relayed past. */
#include "rig.h"

/* The driver of r0 is put into quarantine as the verifier does it: gates closed, with a way past it or without. */
static void quarantine(bool open)
{
	struct im_instance *instance = im_find_instance("r0");
	struct im_binding *binding;

	pthread_mutex_lock(&im_core.lock);
	if (open)
		im_find_bypass(instance);
	im_close_gate(&instance->gate, IM_GATE_QUARANTINE);
	TAILQ_FOREACH(binding, &im_core.bindings, link)
	{
		if (binding->protocol->wrapper == instance->miniport->wrapper)
			im_close_gate(&binding->gate, IM_GATE_QUARANTINE);
	}
	pthread_mutex_unlock(&im_core.lock);
}

/* What the driver is asked for all the same. */
static uint32_t asked;

static void ask_send(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context, (void)packets;
	asked += count;
}

static void ask_receive(void *context, struct im_packet **packets, uint16_t count, uint16_t *references)
{
	(void)context, (void)packets, (void)references;
	asked += count;
}

static im_status_t ask_look(void *context, const struct im_lookahead *lookahead)
{
	(void)context, (void)lookahead;
	asked++;
	return IM_STATUS_SUCCESS;
}

/* A driver that passes nothing on, and whose every call is counted. */
static void deafen(void)
{
	struct im_wrapper *driver = im_find_driver("relay")->wrapper;

	asked = 0;
	driver->miniport->handlers.send_packets = ask_send;
	driver->miniport->handlers.return_packets = ask_send;
	driver->protocol->handlers.send_complete = ask_send;
	driver->protocol->handlers.receive_packets = ask_receive;
	driver->protocol->handlers.receive = ask_look;
}

static void up(bool open)
{
	rig_up("nic", 1);
	deafen();
	quarantine(open);
}

static void expect_nothing_out(void)
{
	assert_int_equal(asked, 0);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	assert_int_equal(im_outstanding(im_find_instance("r0")), 0);
	assert_int_equal(im_binding_outstanding(rig_top.binding), 0);
}

/* ---- Closed ----------------------------------------------------------------------------------------------- */

static void closed_nothing_goes_through(void **state)
{
	struct im_packet *packets[4];

	(void)state;
	up(false);
	rig_packets(packets, 4);
	im_send_packets(rig_top.binding, packets, 2);
	rig_expect(&rig_top.done, packets, 2);
	rig_expect_status(&rig_top.done, IM_STATUS_FAILURE, 2);
	im_indicate_receive_packets(rig_nic.instance, packets + 2, 2);
	rig_expect(&rig_nic.home, packets + 2, 2);
	assert_int_equal(rig_top.received.count, 0);
	assert_int_equal(rig_account("r0").drops[SLUICE_OUT][SLUICE_DROP_QUARANTINE], 2);
	assert_int_equal(rig_account("nic").drops[SLUICE_IN][SLUICE_DROP_QUARANTINE], 2);
	expect_nothing_out();
	rig_packets_free(packets, 4);
	rig_down();
}

/* ---- Open ------------------------------------------------------------------------------------------------- */

static void open_sends_go_past_it_and_come_back(void **state)
{
	struct im_packet *packets[2 * IM_BURST];

	(void)state;
	up(true);
	rig_nic.when = RIG_LATER;
	rig_packets(packets, RTE_DIM(packets));
	im_send_packets(rig_top.binding, packets, RTE_DIM(packets));
	rig_expect(&rig_nic.sent, packets, RTE_DIM(packets));
	assert_int_equal(packets[0]->depth, 2); /* as if the driver had passed it on */
	rig_complete(0, RTE_DIM(packets), IM_STATUS_SUCCESS);
	rig_expect(&rig_top.done, packets, RTE_DIM(packets));
	rig_expect_status(&rig_top.done, IM_STATUS_SUCCESS, RTE_DIM(packets));
	assert_int_equal(rig_account("r0").sends_good, RTE_DIM(packets));
	expect_nothing_out();
	rig_packets_free(packets, RTE_DIM(packets));
	rig_down();
}

static void open_receives_go_past_it_and_home(void **state)
{
	struct im_packet *packets[5];

	(void)state;
	up(true);
	rig_top.references = 2;
	rig_top.when = RIG_LATER;
	rig_packets(packets, 5);
	im_indicate_receive_packets(rig_nic.instance, packets, 5);
	rig_expect(&rig_top.received, packets, 5);
	im_return_packets(rig_top.binding, packets, 5);
	assert_int_equal(rig_nic.home.count, 0);
	im_return_packets(rig_top.binding, packets, 5);
	rig_expect(&rig_nic.home, packets, 5);
	rig_top.when = RIG_INLINE;
	im_indicate_receive_packets(rig_nic.instance, packets, 5);
	assert_int_equal(rig_nic.home.count, 10);
	expect_nothing_out();
	rig_packets_free(packets, 5);
	rig_down();
}

static void open_what_is_for_the_call_only_is_shown(void **state)
{
	struct im_packet *packets[3];

	(void)state;
	up(true);
	rig_packets(packets, 3);
	packets[0]->status = IM_STATUS_RESOURCES;
	im_indicate_receive_packets(rig_nic.instance, packets, 3);
	assert_int_equal(rig_top.looked.calls, 3);
	assert_int_equal(rig_top.received.count + rig_nic.home.count, 0);
	expect_nothing_out();
	rig_packets_free(packets, 3);
	rig_down();
}

/* Shared with others, or at its last slot: nobody can push the way back, so it is shown. */
static void open_what_has_no_slot_is_shown(void **state)
{
	struct im_packet *packets[2];

	(void)state;
	up(true);
	packets[0] = rig_packet(1, 60);
	packets[1] = rig_packet(2, 61);
	im_indicate_receive_packets(rig_nic.instance, packets, 2);
	rig_expect(&rig_top.received, &packets[1], 1);
	assert_int_equal(rig_top.looked.calls, 1);
	assert_int_equal(rig_top.looked.lengths[0], 60);
	assert_int_equal(rig_nic.home.count, 2);
	im_send_packets(rig_top.binding, packets, 2);
	rig_expect(&rig_nic.sent, &packets[1], 1);
	assert_int_equal(rig_top.done.count, 2);
	assert_int_equal(rig_top.done.statuses[0], IM_STATUS_RESOURCES);
	expect_nothing_out();
	rig_packets_free(packets, 2);
	rig_down();
}

static im_status_t pull(struct rig_top *top, const struct im_lookahead *lookahead)
{
	static struct im_packet *rest;
	uint32_t pulled;

	rest = rig_packet(4, 40);
	assert_int_equal(im_transfer_data(top->binding, lookahead->receive_context, 20, 40, rest, &pulled),
			 rig_nic.when == RIG_LATER ? IM_STATUS_PENDING : IM_STATUS_SUCCESS);
	if (rig_nic.when == RIG_LATER)
		im_transfer_data_complete(rig_nic.instance, rest, IM_STATUS_SUCCESS, 40);
	assert_int_equal(*rig_byte(rest, 39), 14 + 20 + 39);
	free(rest);
	return IM_STATUS_SUCCESS;
}

static void open_look_ahead_and_transfers_go_past_it(void **state)
{
	uint8_t frame[74];
	const struct im_lookahead lookahead = {.receive_context = &rig_nic,
					       .header = frame,
					       .data = frame + 14,
					       .header_length = 14,
					       .data_length = 20,
					       .packet_length = 60};

	(void)state;
	for (uint32_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)i;
	up(true);
	rig_nic.frame = frame + 14;
	rig_nic.frame_length = 60;
	rig_top.in_receive = pull;
	im_indicate_receive(rig_nic.instance, &lookahead);
	rig_nic.when = RIG_LATER;
	im_indicate_receive(rig_nic.instance, &lookahead);
	im_indicate_receive_complete(rig_nic.instance);
	assert_int_equal(rig_top.looked.calls, 2);
	assert_int_equal(rig_top.transfers, 1);
	assert_int_equal(rig_top.complete, 1);
	expect_nothing_out();
	rig_down();
}

static void open_a_cancel_goes_past_it(void **state)
{
	(void)state;
	up(true);
	im_find_driver("relay")->wrapper->miniport->handlers.cancel_send_packets = NULL;
	im_cancel_send_packets(rig_top.binding, 7);
	assert_int_equal(rig_nic.cancelled, 7);
	rig_down();
}

static void open_closed_gates_stay_closed(void **state)
{
	struct im_packet *packets[3];

	(void)state;
	up(true);
	rig_packets(packets, 3);
	im_close_gate(&rig_nic.instance->gate, IM_GATE_LOW_POWER);
	im_send_packets(rig_top.binding, packets, 3);
	rig_expect_status(&rig_top.done, IM_STATUS_LOW_POWER_STATE, 3); /* of the adapter below */
	im_open_gate(&rig_nic.instance->gate, IM_GATE_LOW_POWER);
	for (uint32_t i = 0; i < 3; i++)
		packets[i]->status = IM_STATUS_SUCCESS;
	im_close_gate(&im_find_instance("r0")->gate, IM_GATE_NO_FILTER);
	im_indicate_receive_packets(rig_nic.instance, packets, 3);
	rig_expect(&rig_nic.home, packets, 3); /* of the VNIC */
	assert_int_equal(rig_account("r0").drops[SLUICE_IN][SLUICE_DROP_PACKET_FILTER], 3);
	assert_int_equal(rig_top.received.count, 0);
	im_open_gate(&im_find_instance("r0")->gate, IM_GATE_NO_FILTER);
	expect_nothing_out();
	rig_packets_free(packets, 3);
	rig_down();
}

/* ---- What the driver has ------------------------------------------------------------------------------------ */

/* What was inside the driver is its debt: it gets it back, and may give it back. */
static void what_the_driver_passed_on_comes_back_to_it(void **state)
{
	struct im_packet *packets[4];

	(void)state;
	rig_up("nic", 1);
	rig_nic.when = RIG_LATER;
	rig_top.references = 1;
	rig_top.when = RIG_LATER;
	rig_packets(packets, 4);
	im_send_packets(rig_top.binding, packets, 1); /* through the driver */
	im_indicate_receive_packets(rig_nic.instance, packets + 2, 1);
	quarantine(true);
	im_send_packets(rig_top.binding, packets + 1, 1); /* past it */
	im_indicate_receive_packets(rig_nic.instance, packets + 3, 1);
	rig_complete(0, 2, IM_STATUS_SUCCESS);
	im_return_packets(rig_top.binding, packets + 2, 2);
	assert_int_equal(rig_top.done.count, 2);
	assert_int_equal(rig_nic.home.count, 2);
	assert_int_equal(im_outstanding(rig_nic.instance), 0);
	assert_int_equal(im_outstanding(im_find_instance("r0")), 0);
	rig_packets_free(packets, 4);
	rig_down();
}

static void a_driver_in_quarantine_sends_and_indicates_nothing(void **state)
{
	struct im_binding *below;
	struct im_packet *packets[2];

	(void)state;
	for (int open = 0; open <= 1; open++) {
		rig_up("nic", 1);
		below = rig_nic.instance->upper;
		deafen();
		quarantine(open);
		rig_packets(packets, 2);
		im_send_packets(below, &packets[0], 1);
		assert_int_equal(rig_nic.sent.count, 0);
		assert_int_equal(packets[0]->status, IM_STATUS_FAILURE);
		im_indicate_receive_packets(im_find_instance("r0"), &packets[1], 1);
		assert_int_equal(rig_top.received.count, 0);
		assert_int_equal(asked, 2); /* it has both back */
		rig_packets_free(packets, 2);
		rig_down();
	}
}

/* ---- Ways ---------------------------------------------------------------------------------------------------- */

/* Two of them, one over the other. */
static void open_goes_past_several_levels(void **state)
{
	struct im_packet *packets[3];

	(void)state;
	rig_up("nic", 2);
	deafen();
	pthread_mutex_lock(&im_core.lock);
	im_find_bypass(im_lookup_instance("r1"));
	im_close_gate(&im_lookup_instance("r1")->gate, IM_GATE_QUARANTINE);
	pthread_mutex_unlock(&im_core.lock);
	quarantine(true); /* r0, and the driver's bindings */
	rig_packets(packets, 3);
	im_send_packets(rig_top.binding, packets, 3);
	rig_expect(&rig_nic.sent, packets, 3);
	rig_expect(&rig_top.done, packets, 3);
	im_indicate_receive_packets(rig_nic.instance, packets, 3);
	rig_expect(&rig_top.received, packets, 3);
	rig_expect(&rig_nic.home, packets, 3);
	expect_nothing_out();
	assert_int_equal(im_outstanding(im_find_instance("r1")), 0);
	rig_packets_free(packets, 3);
	rig_down();
}

/* What a serialised miniport holds is known as the core's all the same. */
static void open_goes_past_to_a_serialised_miniport(void **state)
{
	struct im_packet *packets[3];

	(void)state;
	rig_up("serial", 1);
	deafen();
	quarantine(true);
	rig_nic.when = RIG_LATER;
	rig_nic.room = 2;
	rig_packets(packets, 3);
	im_send_packets(rig_top.binding, packets, 3);
	rig_nic.when = RIG_INLINE;
	rig_nic.room = 1;
	rig_complete(0, 2, IM_STATUS_SUCCESS);
	rig_expect(&rig_top.done, packets, 3);
	expect_nothing_out();
	rig_packets_free(packets, 3);
	rig_down();
}

/* There is one way past a driver that presents one VNIC over one binding, and none past another. */
static void there_is_no_way_past_a_mux(void **state)
{
	struct im_edge second = {.vnic = "m1"};

	(void)state;
	rig_up("nic", 1);
	second.binding = rig_nic.instance->upper;
	pthread_mutex_lock(&im_core.lock);
	LIST_INSERT_HEAD(&im_core.edges, &second, link);
	im_find_bypass(im_lookup_instance("r0"));
	LIST_REMOVE(&second, link);
	assert_null(im_lookup_instance("r0")->below);
	im_find_bypass(im_lookup_instance("r0"));
	assert_non_null(im_lookup_instance("r0")->below);
	pthread_mutex_unlock(&im_core.lock);
	rig_down();
}

static void the_way_ends_with_the_vnic(void **state)
{
	struct im_binding *below;
	struct im_packet *packet;

	(void)state;
	up(true);
	below = rig_nic.instance->upper;
	assert_ptr_equal(below->above, im_find_instance("r0"));
	im_deinitialize_device_instance(im_find_instance("r0"));
	assert_null(below->above);
	packet = rig_packet(4, 60);
	im_indicate_receive_packets(rig_nic.instance, &packet, 1);
	rig_expect(&rig_nic.home, &packet, 1);
	free(packet);
	rig_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_nothing_goes_through),
		cmocka_unit_test(open_sends_go_past_it_and_come_back),
		cmocka_unit_test(open_receives_go_past_it_and_home),
		cmocka_unit_test(open_what_is_for_the_call_only_is_shown),
		cmocka_unit_test(open_what_has_no_slot_is_shown),
		cmocka_unit_test(open_look_ahead_and_transfers_go_past_it),
		cmocka_unit_test(open_a_cancel_goes_past_it),
		cmocka_unit_test(open_closed_gates_stay_closed),
		cmocka_unit_test(what_the_driver_passed_on_comes_back_to_it),
		cmocka_unit_test(a_driver_in_quarantine_sends_and_indicates_nothing),
		cmocka_unit_test(open_goes_past_several_levels),
		cmocka_unit_test(open_goes_past_to_a_serialised_miniport),
		cmocka_unit_test(there_is_no_way_past_a_mux),
		cmocka_unit_test(the_way_ends_with_the_vnic),
	};

	return rig_run(tests);
}
