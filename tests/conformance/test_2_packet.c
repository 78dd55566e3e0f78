/* SPDX-License-Identifier: BSD-3-Clause */
/* Per-packet info and the packet stack (contract section 2F): relays on packets with more, as many and fewer slots than
 * there are drivers. */
#include <string.h>

#include "shipped.h"

#define PACKETS 6u
#define LEVELS	3u

static void make(struct im_packet **packets, uint16_t slots)
{
	for (uint16_t i = 0; i < PACKETS; i++) {
		packets[i] = rig_packet(slots, 60u + i, 0);
		packets[i]->info = (struct im_packet_info){
			.vlan = (uint16_t)(0x6000 + i), .checksum = IM_CHECKSUM_IPV4, .mss = (uint16_t)(1000 + i)};
	}
}

/* The descriptors that the nic has of them, in order. */
static void expect_below(struct im_packet *const *packets, bool same)
{
	assert_int_equal(rig_packets_seen(RIG_send_packets, "nic"), PACKETS);
	for (uint16_t i = 0; i < PACKETS; i++) {
		const struct im_packet *below = rig.port->held[i];

		assert_int_equal(below == packets[i], same);
		assert_ptr_equal(below->mbuf, packets[i]->mbuf);
		assert_int_equal(below->length, 60 + i);
		assert_int_equal(below->info.vlan, 0x6000 + i); /* 2.52 */
		assert_int_equal(below->info.checksum, IM_CHECKSUM_IPV4);
		assert_int_equal(below->info.mss, 1000 + i);
	}
}

/* The nic took the buffers of every second one, and says what a large send became. */
static void complete_all(struct rte_mbuf **mbufs)
{
	for (uint16_t i = 0; i < PACKETS; i++) {
		struct im_packet *below = rig.port->held[i];

		mbufs[i] = below->mbuf;
		below->mbuf = i % 2 ? below->mbuf : NULL;
		below->info.segments = (uint16_t)(3 + i);
	}
	rig_complete(rig.port, PACKETS, IM_STATUS_SUCCESS);
	host_settle();
}

static void c2_52_c2_53_c2_54_c2_55_c2_56_sends_through_fewer_slots_than_drivers(void **state)
{
	struct im_packet *packets[PACKETS];
	struct rte_mbuf *mbufs[PACKETS];

	(void)state;
	for (uint16_t slots = 1; slots <= LEVELS + 2; slots++) {
		shipped_begin(NULL);
		rig.nic->script.sends = RIG_LATER;
		shipped_build(LEVELS);
		make(packets, slots);
		rig_forget();
		im_send_packets(rig.top_binding->binding, packets, PACKETS);
		host_settle();
		expect_below(packets, slots > LEVELS); /* one for the top and each relay: the same all the way */
		complete_all(mbufs);
		assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_SUCCESS), PACKETS);
		for (uint16_t i = 0; i < PACKETS; i++) {
			assert_ptr_equal(packets[i]->mbuf, i % 2 ? mbufs[i] : NULL); /* 4.17, by 2.56 */
			assert_int_equal(packets[i]->info.segments, 3 + i);	     /* 2.53 */
			assert_int_equal(packets[i]->info.vlan, 0x6000 + i);
			packets[i]->mbuf = mbufs[i];
		}
		rig_packets_free(packets, PACKETS); /* nothing is left in their stacks */
		rig_end();
	}
}

static void c2_54_c2_55_c2_56_receives_through_fewer_slots_than_drivers(void **state)
{
	struct im_packet *packets[PACKETS];

	(void)state;
	for (uint16_t slots = 1; slots <= LEVELS + 2; slots++) {
		shipped_begin(NULL);
		rig.top->script.references = 1;
		rig.top->script.returns = RIG_LATER;
		shipped_build(LEVELS);
		make(packets, slots);
		rig_forget();
		rig_indicate(rig.port, packets, PACKETS, IM_STATUS_SUCCESS);
		host_settle();
		assert_int_equal(rig.top_binding->held_count, PACKETS);
		for (uint16_t i = 0; i < PACKETS; i++) {
			const struct im_packet *above = rig.top_binding->held[i];

			assert_int_equal(above == packets[i], slots > LEVELS);
			assert_ptr_equal(above->mbuf, packets[i]->mbuf);
			assert_int_equal(above->info.vlan, 0x6000 + i);
		}
		assert_int_equal(rig_calls(RIG_return_packets, "nic"), 0);
		rig_return(rig.top_binding, PACKETS);
		host_settle();
		rig_expect_packets(RIG_return_packets, "nic", packets, PACKETS); /* its own, not another */
		rig_packets_free(packets, PACKETS);
		rig_end();
	}
}

/* What goes down empties one pool; what comes up, and another binding, have pools of their own. */
static void c2_55_each_binding_and_direction_has_its_own_descriptors(void **state)
{
	static struct im_packet *sent[RIG_HELD_MAX + 1], *others[PACKETS], *received[PACKETS];
	uint32_t count = 0;

	(void)state;
	shipped_begin(NULL);
	rig.nic->script.sends = RIG_LATER;
	rig.top->script.references = 1;
	rig.top->script.returns = RIG_LATER;
	shipped_load_all();
	rig_start_nic("other");
	assert_int_equal(host_restart("other"), IM_STATUS_SUCCESS);
	shipped_bind("other", "r9");
	shipped_bind("nic", "r0");
	assert_int_equal(rig_bind("top", "r9", "over r9"), IM_STATUS_SUCCESS);
	shipped_bind_top("r0");
	while (count < RTE_DIM(sent) && rig_calls(RIG_send_complete, "top") == 0) {
		sent[count] = rig_packet(1, 60, 0); /* no slot but the top's */
		im_send_packets(rig.top_binding->binding, &sent[count++], 1);
		if (count % 32 == 0)
			rig_forget();
		host_tick(0);
	}
	assert_int_equal(rig_packets_with(RIG_send_complete, "top", IM_STATUS_RESOURCES), 1); /* it is empty */
	make(received, 1);
	rig_indicate(rig.port, received, PACKETS, IM_STATUS_SUCCESS);
	host_settle();
	assert_int_equal(rig.top_binding->held_count, PACKETS);
	make(others, 1);
	im_send_packets(rig_binding("over r9")->binding, others, PACKETS);
	host_settle();
	assert_int_equal(rig_vnic("other")->held_count, PACKETS);
	rig_complete(rig_vnic("other"), PACKETS, IM_STATUS_SUCCESS);
	rig_complete(rig.port, count - 1, IM_STATUS_SUCCESS);
	rig_return(rig.top_binding, PACKETS);
	host_settle();
	rig_packets_free(sent, (uint16_t)count);
	rig_packets_free(received, PACKETS);
	rig_packets_free(others, PACKETS);
	rig_end();
}

static void send_without_a_slot(void)
{
	struct im_packet *packet = rig_packet(2, 60, 0);

	rig_begin(NULL, 0); /* mids, which have no descriptors of their own */
	rig_build(2);
	im_send_packets(rig.top_binding->binding, &packet, 1);
}

static void c2_54_who_hands_on_a_packet_without_a_slot_is_stopped(void **state)
{
	(void)state;
	host_expect_stop("2.54", send_without_a_slot);
}

/* ---- The words of a slot ------------------------------------------------------------------------- */

static uintptr_t seen_by_nic[2], seen_by_top[2];

static void look_at_words(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_vnic *vnic = context;
	const struct im_packet *packet = packets[0];
	const uintptr_t *of_top = packet->stack[0].words;

	seen_by_nic[0] = of_top[0];
	seen_by_nic[1] = of_top[1];
	packets[0]->status = IM_STATUS_SUCCESS;
	im_send_complete(vnic->instance, packets, count);
}

static void look_at_own_words(void *context, struct im_packet **packets, uint16_t count)
{
	(void)context;
	(void)count;
	memcpy(seen_by_top, im_packet_words(packets[0]), sizeof(seen_by_top));
}

static void c2_57_nobody_reads_another_driver_s_words(void **state)
{
	struct im_packet *packet = rig_packet(4, 60, 0);
	uintptr_t *words = im_packet_words(packet);

	(void)state;
	rig_begin(NULL, 0);
	rig.nic->miniport.send_packets = look_at_words;
	rig.top->protocol.send_complete = look_at_own_words;
	rig_build(0);
	words[0] = 0x1111;
	words[1] = 0x2222;
	im_send_packets(rig.top_binding->binding, &packet, 1);
	host_settle();
	assert_int_not_equal(seen_by_nic[0], 0x1111);
	assert_int_not_equal(seen_by_nic[1], 0x2222);
	assert_int_equal(seen_by_top[0], 0x1111); /* as it had left them */
	assert_int_equal(seen_by_top[1], 0x2222);
	rig_packets_free(&packet, 1);
	rig_end();
}

static void send_and_write(void)
{
	struct im_packet *packet = rig_packet(4, 60, 0);
	uintptr_t *words = im_packet_words(packet);

	rig_begin(NULL, 0);
	rig.nic->script.sends = RIG_LATER;
	rig_build(0);
	im_send_packets(rig.top_binding->binding, &packet, 1);
	words[0] = 5;
	rig_complete(rig.port, 1, IM_STATUS_SUCCESS);
}

static void c2_57_nor_writes_its_own_while_the_packet_is_away(void **state)
{
	(void)state;
	host_expect_stop("4.14", send_and_write);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c2_52_c2_53_c2_54_c2_55_c2_56_sends_through_fewer_slots_than_drivers),
		cmocka_unit_test(c2_54_c2_55_c2_56_receives_through_fewer_slots_than_drivers),
		cmocka_unit_test(c2_55_each_binding_and_direction_has_its_own_descriptors),
		cmocka_unit_test(c2_54_who_hands_on_a_packet_without_a_slot_is_stopped),
		cmocka_unit_test(c2_57_nobody_reads_another_driver_s_words),
		cmocka_unit_test(c2_57_nor_writes_its_own_while_the_packet_is_away),
	};

	return host_run_tests(tests);
}
