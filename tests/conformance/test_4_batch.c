/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrays of sends of any mix and any length (contract sections 4A, 4B and 4D). */
#include "shipped.h"

#define MIXED 8u
#define MANY  (3 * IM_BURST + 5)

static void send(struct im_packet **packets, uint16_t count)
{
	im_send_packets(rig.top_binding->binding, packets, count);
	host_settle();
}

/* Every other one goes on under a descriptor of the relay's. */
static void c4_2_c4_20_packets_with_and_without_a_slot_keep_their_order(void **state)
{
	struct im_packet *packets[MIXED];

	(void)state;
	shipped_begin(NULL);
	rig.nic->script.sends = RIG_LATER;
	shipped_build(2);
	for (uint32_t i = 0; i < MIXED; i++)
		packets[i] = rig_packet(i % 2 == 0 ? 1 : RIG_LEVELS_MAX, 60 + i, 0);
	send(packets, MIXED);
	assert_int_equal(rig.port->held_count, MIXED);
	for (uint32_t i = 0; i < MIXED; i++)
		assert_ptr_equal(rig.port->held[i]->mbuf, packets[i]->mbuf);
	rig_complete(rig.port, MIXED, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), MIXED);
	rig_packets_free(packets, MIXED);
	rig_end();
}

static void complete_at_once(void)
{
	struct im_packet *all[MANY];

	for (uint32_t i = 0; i < MANY; i++) {
		all[i] = rig.port->held[i];
		all[i]->status = IM_STATUS_SUCCESS;
	}
	rig.port->held_count = 0;
	im_send_complete(rig.port->instance, all, MANY);
}

/* More than a burst in one call: the core parts it by itself where no verifier has done so. */
static void c4_6_c4_19_any_number_is_completed_in_one_call(void **state)
{
	static const struct host_options kinds[] = {{.workers = 0}, {.unverified = true}};
	struct im_packet *packets[MANY];

	(void)state;
	for (size_t kind = 0; kind < RTE_DIM(kinds); kind++) {
		rig_begin(&kinds[kind], 0);
		rig.nic->script.sends = RIG_LATER;
		rig_build(1);
		rig_packets(packets, MANY);
		send(packets, MANY);
		assert_int_equal(rig.port->held_count, MANY);
		complete_at_once();
		host_settle();
		assert_int_equal(rig_packets_seen(RIG_send_complete, "top"), MANY);
		assert_int_equal(host_outstanding("nic"), 0);
		rig_packets_free(packets, MANY); /* nobody has one of them any more */
		rig_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c4_2_c4_20_packets_with_and_without_a_slot_keep_their_order),
		cmocka_unit_test(c4_6_c4_19_any_number_is_completed_in_one_call),
	};

	return host_run_tests(tests);
}
