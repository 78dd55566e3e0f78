/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands over what (contract sections 10A and 10D): shapes, depth, cycles, and whose a packet is. */

#include "shipped.h"

#define PACKETS 8u

static struct im_packet *packets[PACKETS];

/* ---- Any shape ----------------------------------------------------------------------------------- */

/*
 * A driver that spreads the packets of one VNIC over two adapters, as it likes:
 *
 *       top    top2
 *        |      |
 *      relay    |
 *        f      |
 *        └ a   b┘    mux: two VNICs over one adapter
 *          └ t ┘     team: one VNIC over two adapters
 *          ┌─┴─┐
 *         nic  nic2
 */
static struct rig_binding *members[2];
static bool swapped; /* of the team: which packets go where */

static void spread(void *context, struct im_packet **sent, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		im_packet_words(sent[i])[0] = (uintptr_t)context;
		im_send_packets(members[(sent[i]->length % 2 == 0) == swapped]->binding, &sent[i], 1);
	}
}

/* All of them come up the one VNIC; which adapter they go home to stands in the packet. */
static void gather(void *context, struct im_packet **received, uint16_t count, uint16_t *references)
{
	for (uint16_t i = 0; i < count; i++) {
		im_packet_words(received[i])[0] = (uintptr_t)context;
		references[i] = 1;
	}
	im_indicate_receive_packets(rig_vnic("t")->instance, received, count);
}

static void give_back(void *context, struct im_packet **home, uint16_t count)
{
	(void)context;
	for (uint16_t i = 0; i < count; i++) {
		const struct rig_binding *from = (const struct rig_binding *)im_packet_words(home[i])[0];

		im_return_packets(from->binding, &home[i], 1);
	}
}

static struct rig_binding *bind_top_over(const char *adapter, const char *name)
{
	uint32_t filter = 0x2f;
	struct im_request request = {
		.set = true, .oid = SLUICE_OID_GEN_CURRENT_PACKET_FILTER, .buffer = &filter, .length = sizeof(filter)};

	assert_int_equal(rig_bind("top", adapter, name), IM_STATUS_SUCCESS);
	assert_int_equal(rig_request(rig_binding(name), &request), IM_STATUS_SUCCESS);
	return rig_binding(name);
}

static void build_team(void)
{
	static const char *const none[] = {NULL};
	uint32_t filter = 0x2f;
	struct im_request request = {
		.set = true, .oid = SLUICE_OID_GEN_CURRENT_PACKET_FILTER, .buffer = &filter, .length = sizeof(filter)};

	rig.mid->miniport.send_packets = spread;
	rig.mid->miniport.return_packets = give_back;
	rig.mid->protocol.receive_packets = gather;
	shipped_load_all();
	assert_int_equal(rig_load(rig.mid), IM_STATUS_SUCCESS);
	rig_start_nic("nic2");
	assert_int_equal(host_restart("nic2"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("mid", "nic", "t"), IM_STATUS_SUCCESS);
	members[0] = rig_newest_binding();
	assert_int_equal(host_bind("mid", "nic2", none), IM_STATUS_SUCCESS);
	members[1] = rig_newest_binding();
	assert_int_equal(rig_request(members[1], &request), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(host_restart("t"), IM_STATUS_SUCCESS);
}

static void build_mux(void)
{
	static const char *const names[] = {"a", "b", NULL};
	struct rig_driver *mux = rig_driver("mux", RIG_MID, 0);

	assert_int_equal(rig_load(mux), IM_STATUS_SUCCESS);
	assert_int_equal(host_bind("mux", "t", names), IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(host_restart("a"), IM_STATUS_SUCCESS);
	assert_int_equal(host_restart("b"), IM_STATUS_SUCCESS);
}

/* The packets are 60, 61, ... bytes long. */
static void expect_spread(const struct rig_binding *sender, const char *even, const char *odd)
{
	rig_forget();
	im_send_packets(sender->binding, packets, PACKETS);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, sender->name, IM_STATUS_SUCCESS), PACKETS);
	assert_int_equal(rig_packets_seen(RIG_send_packets, even), PACKETS / 2);
	assert_int_equal(rig_packets_seen(RIG_send_packets, odd), PACKETS / 2);
	for (unsigned nth = 0; nth < rig_calls(RIG_send_packets, even); nth++)
		assert_int_equal(rig_call(RIG_send_packets, even, nth)->packets[0]->length % 2, 0);
}

/* In any order. */
static void expect_home(const char *name, struct im_packet *const *lent, unsigned count)
{
	assert_int_equal(rig_packets_seen(RIG_return_packets, name), count);
	for (unsigned nth = 0; nth < rig_calls(RIG_return_packets, name); nth++) {
		const struct rig_call *call = rig_call(RIG_return_packets, name, nth);

		for (uint16_t i = 0; i < call->count; i++)
			assert_in_range(call->packets[i]->length, lent[0]->length, lent[count - 1]->length);
	}
}

static void c10_1_c10_2_any_shape_stands_and_who_serves_whom_is_the_drivers(void **state)
{
	struct rig_binding *top, *top2;

	(void)state;
	shipped_begin(NULL);
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	build_team();
	build_mux();
	shipped_bind("a", "f");
	top = bind_top_over("f", "top");
	top2 = bind_top_over("b", "top2");
	rig_packets(packets, PACKETS);
	swapped = false;
	expect_spread(top, "nic", "nic2");
	expect_spread(top2, "nic", "nic2");
	swapped = true;
	expect_spread(top, "nic2", "nic");
	rig_forget();
	rig_indicate(rig_vnic("nic"), packets, 4, IM_STATUS_SUCCESS);
	rig_indicate(rig_vnic("nic2"), packets + 4, 4, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(top->held_count, PACKETS);
	rig_return(top, PACKETS);
	host_settle();
	expect_home("nic", packets, 4);
	expect_home("nic2", packets + 4, 4);
	rig_packets_free(packets, PACKETS);
	rig_end();
}

/* ---- Any depth ----------------------------------------------------------------------------------- */

#define DEPTH 24u /* three times the slots of a packet */

static void c10_3_a_stack_of_any_depth_carries_packets_and_requests(void **state)
{
	uint32_t speed = 0;
	struct im_request request = {.oid = SLUICE_OID_GEN_LINK_SPEED, .buffer = &speed, .length = sizeof(speed)};

	(void)state;
	shipped_begin(NULL);
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	shipped_build(DEPTH);
	rig_packets(packets, PACKETS);
	rig_forget();
	im_send_packets(rig.top_binding->binding, packets, PACKETS);
	for (int i = 0; i < 4; i++)
		host_settle();
	assert_int_equal(rig_packets_seen(RIG_send_packets, "nic"), PACKETS);
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), PACKETS);
	rig_indicate(rig.port, packets, PACKETS, IM_STATUS_SUCCESS);
	for (int i = 0; i < 4; i++)
		host_settle();
	rig_return(rig.top_binding, PACKETS);
	for (int i = 0; i < 4; i++)
		host_settle();
	expect_home("nic", packets, PACKETS);
	assert_int_equal(rig_request(rig.top_binding, &request), IM_STATUS_SUCCESS);
	assert_int_equal(speed, 10000);
	rig_packets_free(packets, PACKETS);
	rig_end();
}

/* Of which each driver takes one: more than the verifier keeps a record of. */
static void c10_3_so_do_packets_with_a_slot_for_each_level(void **state)
{
	(void)state;
	shipped_begin(NULL);
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	shipped_build(DEPTH);
	for (uint16_t i = 0; i < PACKETS; i++)
		packets[i] = rig_packet(DEPTH + 2, 60, 0);
	rig_forget();
	for (int round = 0; round < 2; round++) {
		im_send_packets(rig.top_binding->binding, packets, PACKETS);
		for (int i = 0; i < 4; i++)
			host_settle();
		rig_indicate(rig.port, packets, PACKETS, IM_STATUS_SUCCESS);
		for (int i = 0; i < 4; i++)
			host_settle();
		rig_return(rig.top_binding, PACKETS);
		for (int i = 0; i < 4; i++)
			host_settle();
	}
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), 2 * PACKETS);
	assert_int_equal(rig_packets_seen(RIG_return_packets, "nic"), 2 * PACKETS);
	rig_packets_free(packets, PACKETS);
	rig_end();
	assert_int_equal(im_violations(), 0);
}

static void c10_3_an_unbind_goes_from_the_top_down(void **state)
{
	(void)state;
	rig_begin(NULL, 0);
	rig_build(3);
	rig_forget();
	assert_int_equal(host_stop("nic"), IM_STATUS_SUCCESS);
	assert_string_equal(rig_story(RIG_LIFE),
			    "unbind_adapter:m2 unbind_adapter:m1 unbind_adapter:m0 unbind_adapter:top "
			    "halt:m0 halt:m1 halt:m2 halt:nic"); /* each goes on when those above it are gone */
	rig_end();
}

/* ---- No circle ----------------------------------------------------------------------------------- */

/* Over its own VNIC, or over what stands on it. Nobody is asked; and nothing binds over a new VNIC by itself. */
static void c10_4_c10_5_no_driver_is_bound_to_its_own_vnics(void **state)
{
	static const char *const several[] = {"b", "m0", NULL}, *const both[] = {"p", "q", NULL};

	(void)state;
	rig_begin(NULL, 0);
	rig_build(2);
	assert_int_equal(rig_calls(RIG_bind_adapter, NULL), 3);
	rig_forget();
	assert_int_equal(rig_bind("mid", "m0", "m0"), IM_STATUS_CYCLE);
	assert_int_equal(rig_bind("mid", "m0", "m1"), IM_STATUS_CYCLE);
	assert_int_equal(rig_bind("mid", "m0", "nic"), IM_STATUS_CYCLE);
	assert_int_equal(host_bind("mid", "m0", several), IM_STATUS_CYCLE);
	assert_int_equal(host_bind("mid", "p", both), IM_STATUS_CYCLE); /* though neither is there yet */
	assert_string_equal(rig_story(RIG_LIFE), "");
	assert_int_equal(host_objects("mid"), 4); /* two bindings, two VNICs */
	rig_end();
}

/* ---- Whose a packet is --------------------------------------------------------------------------- */

/* In one call: some still have a slot for the relay, some go under descriptors of its own. Each comes back as it was,
 * in any order. */
static void c10_31_a_driver_knows_its_own_packets_on_completion(void **state)
{
	(void)state;
	shipped_begin(NULL);
	rig.nic->script.sends = RIG_LATER;
	shipped_build(1);
	for (uint32_t i = 0; i < PACKETS; i++)
		packets[i] = rig_packet(i % 3 == 0 ? 1 : 8, 60 + i, 0);
	rig_forget();
	im_send_packets(rig.top_binding->binding, packets, PACKETS);
	host_settle();
	assert_int_equal(rig.port->held_count, PACKETS);
	for (uint32_t i = 0; i < PACKETS; i++) {
		const struct im_packet *below = rig.port->held[i];

		assert_int_equal(below->length, 60 + i);
		assert_int_equal(below == packets[i], i % 3 != 0);
	}
	while (rig.port->held_count > 0)
		rig_complete_one(rig.port, rig.port->held[rig.port->held_count - 1], IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), PACKETS);
	for (uint32_t i = 0; i < PACKETS; i++)
		assert_int_equal(packets[i]->depth, 0);
	rig_packets_free(packets, PACKETS); /* each is whole, and nobody's */
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c10_1_c10_2_any_shape_stands_and_who_serves_whom_is_the_drivers),
		cmocka_unit_test(c10_3_a_stack_of_any_depth_carries_packets_and_requests),
		cmocka_unit_test(c10_3_so_do_packets_with_a_slot_for_each_level),
		cmocka_unit_test(c10_3_an_unbind_goes_from_the_top_down),
		cmocka_unit_test(c10_4_c10_5_no_driver_is_bound_to_its_own_vnics),
		cmocka_unit_test(c10_31_a_driver_knows_its_own_packets_on_completion),
	};

	return host_run_tests(tests);
}
