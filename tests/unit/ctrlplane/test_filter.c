/* SPDX-License-Identifier: BSD-3-Clause */
/* The filter under a policy in force: what passes, what is dropped, and who counts it. */
#include <netinet/in.h>
#include <string.h>

#include "../edge/eal.h"
#include "machine.h"

#define BURST 6u

/* A UDP frame over IPv4 to @p port; shorter than its header says where @p malformed. */
static struct rte_mbuf *frame(uint16_t port, bool malformed)
{
	static const uint8_t headers[42] = {[12] = 0x08, 0x00, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, IPPROTO_UDP, [39] = 8};
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(machine.pool.buffers);
	uint8_t *bytes;

	assert_non_null(mbuf);
	bytes = (uint8_t *)rte_pktmbuf_append(mbuf, malformed ? 20 : sizeof(headers));
	memcpy(bytes, headers, rte_pktmbuf_data_len(mbuf));
	if (!malformed) {
		bytes[36] = (uint8_t)(port >> 8);
		bytes[37] = (uint8_t)port;
	}
	return mbuf;
}

/* One packet for each port of the list; 0 stands for a malformed one. */
static void make(struct im_packet **packets, const uint16_t *ports, uint16_t count)
{
	struct rte_mbuf *mbufs[BURST];

	for (uint16_t i = 0; i < count; i++)
		mbufs[i] = frame(ports[i], ports[i] == 0);
	assert_int_equal(im_packet_wrap(&machine.pool, mbufs, packets, count), 0);
}

static void unmake(struct im_packet **packets, uint16_t count)
{
	im_packet_release(&machine.pool, packets, count);
}

static struct im_account account_of(const char *instance)
{
	struct im_account sum;

	im_read_account(im_instance_account(im_find_instance(instance)), &sum);
	return sum;
}

static uint64_t hits(uint32_t rule)
{
	return im_read_rule(machine.control.current->slots[rule]).packets;
}

/* The rules of `fw`: a<k> denies UDP to port k + 1 in its direction. `fw2` lets all through. */
static void up(uint32_t rules, uint8_t direction)
{
	struct policy_image image = image_usual(rules, 0);

	machine_up(0, 0);
	for (uint32_t i = 0; i < rules; i++)
		policy_rules(&image)[i].direction = direction;
	policy_instances(&image)[1].default_action[SLUICE_IN] = SLUICE_ALLOW;
	machine_commit(image, SLUICE_STATUS_OK);
	machine_judge();
}

/* contract: 4.2 4.6 */
static void what_is_denied_is_completed_and_what_passes_keeps_its_order(void **state)
{
	static const uint16_t ports[BURST] = {9, 1, 8, 0, 2, 7};
	struct im_packet *packets[BURST];
	struct im_account sum;

	(void)state;
	up(2, SLUICE_OUT);
	make(packets, ports, BURST);
	im_send_packets(machine.top, packets, BURST);
	assert_int_equal(machine.sent, 3);
	assert_ptr_equal(machine.on_wire[0], packets[0]);
	assert_ptr_equal(machine.on_wire[1], packets[2]);
	assert_ptr_equal(machine.on_wire[2], packets[5]);
	assert_int_equal(machine.completed, BURST); /* each exactly once (4.6) */
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(machine.statuses[i], IM_STATUS_FAILURE);
	sum = account_of("fw");
	assert_int_equal(sum.drops[SLUICE_OUT][SLUICE_DROP_RULE], 2);
	assert_int_equal(sum.drops[SLUICE_OUT][SLUICE_DROP_IPV4_TRUNCATED], 1);
	assert_int_equal(sum.drop_generation[SLUICE_OUT][SLUICE_DROP_RULE], 2); /* of the policy that decided */
	assert_int_equal(hits(0), 1);
	assert_int_equal(hits(1), 1);
	assert_int_equal(im_read_rule(machine.control.current->default_slots[0][SLUICE_OUT]).packets, 3);
	unmake(packets, BURST);
	machine_down();
}

/* contract: 5.12 */
static void what_is_denied_on_the_way_up_goes_home(void **state)
{
	static const uint16_t ports[4] = {1, 5, 2, 6};
	struct im_packet *packets[4];

	(void)state;
	up(2, SLUICE_IN);
	make(packets, ports, 4);
	im_indicate_receive_packets(machine.wire, packets, 4);
	assert_int_equal(machine.received, 2);
	assert_ptr_equal(machine.at_top[0], packets[1]);
	assert_ptr_equal(machine.at_top[1], packets[3]);
	assert_int_equal(machine.returned, 4);
	assert_int_equal(account_of("fw").drops[SLUICE_IN][SLUICE_DROP_RULE], 2);
	unmake(packets, 4);
	machine_down();
}

/* contract: 5.2 5.6 */
static void packets_for_the_call_only_are_judged_and_never_returned(void **state)
{
	static const uint16_t ports[3] = {1, 5, 6};
	struct im_packet *packets[3];

	(void)state;
	up(1, SLUICE_IN);
	make(packets, ports, 3);
	packets[0]->status = IM_STATUS_RESOURCES; /* the one that is denied; it stands for all behind it (5.2) */
	im_indicate_receive_packets(machine.wire, packets, 3);
	assert_int_equal(machine.received, 2);
	assert_int_equal(machine.returned, 0); /* 5.6 */
	assert_int_equal(packets[1]->status, IM_STATUS_RESOURCES);
	unmake(packets, 3);
	machine_down();
}

static void rules_hold_in_their_direction_alone(void **state)
{
	static const uint16_t ports[2] = {1, 2};
	struct im_packet *packets[2];

	(void)state;
	up(2, SLUICE_IN);
	make(packets, ports, 2);
	im_send_packets(machine.top, packets, 2);
	assert_int_equal(machine.sent, 2);
	assert_int_equal(hits(0), 0);
	unmake(packets, 2);
	machine_down();
}

static void the_default_action_judges_what_no_rule_matches(void **state)
{
	static const uint16_t ports[2] = {7, 8};
	struct im_packet *packets[2];

	(void)state;
	machine_up(1, 0); /* fw2 denies by default what comes in */
	machine_judge();
	make(packets, ports, 2);
	im_indicate_receive_packets(machine.wire, packets, 2);
	assert_int_equal(machine.received, 0);
	assert_int_equal(machine.returned, 2);
	assert_int_equal(account_of("fw2").drops[SLUICE_IN][SLUICE_DROP_DEFAULT], 2);
	assert_int_equal(account_of("fw").handled[SLUICE_IN].packets, 0);
	assert_int_equal(im_read_rule(machine.control.current->default_slots[1][SLUICE_IN]).packets, 2);
	unmake(packets, 2);
	machine_down();
}

static void a_count_rule_counts_and_goes_on(void **state)
{
	static const uint16_t ports[2] = {1, 3};
	struct policy_image image;
	struct im_packet *packets[2];

	(void)state;
	up(0, SLUICE_OUT);
	image = image_usual(2, 0);
	policy_rules(&image)[0].direction = policy_rules(&image)[1].direction = SLUICE_OUT;
	policy_rules(&image)[0].action = SLUICE_COUNT;
	policy_rules(&image)[1].dst_port[0] = 1; /* a1 denies ports 1 and 2, behind a0 */
	machine_commit(image, SLUICE_STATUS_OK);
	machine_judge();
	make(packets, ports, 2);
	im_send_packets(machine.top, packets, 2);
	assert_int_equal(machine.sent, 1);
	assert_int_equal(hits(0), 1);
	assert_int_equal(hits(1), 1);
	unmake(packets, 2);
	machine_down();
}

/* A burst that began under a policy is judged by it to its end; the next one by the new policy. */
static void a_burst_is_judged_by_one_policy(void **state)
{
	static const uint16_t ports[1] = {1};
	struct im_packet *packets[1];

	(void)state;
	up(1, SLUICE_OUT);
	machine_grace_blocked = true;
	machine_commit(image_usual(0, 0), SLUICE_STATUS_OK);
	make(packets, ports, 1);
	im_send_packets(machine.top, packets, 1); /* the thread has not looked again */
	assert_int_equal(machine.sent, 0);
	machine_judge();
	im_send_packets(machine.top, packets, 1);
	assert_int_equal(machine.sent, 1);
	unmake(packets, 1);
	machine_down();
}

static void without_a_policy_nothing_passes(void **state)
{
	static const uint16_t ports[2] = {7, 8};
	struct im_packet *packets[2];

	(void)state;
	up(0, SLUICE_OUT);
	im_this_worker->block = NULL;
	make(packets, ports, 2);
	im_send_packets(machine.top, packets, 2);
	im_indicate_receive_packets(machine.wire, packets, 2);
	assert_int_equal(machine.sent, 0);
	assert_int_equal(machine.received, 0);
	assert_int_equal(account_of("fw").drops[SLUICE_OUT][SLUICE_DROP_NOT_RUNNING], 2);
	unmake(packets, 2);
	machine_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_denied_is_completed_and_what_passes_keeps_its_order),
		cmocka_unit_test(what_is_denied_on_the_way_up_goes_home),
		cmocka_unit_test(packets_for_the_call_only_are_judged_and_never_returned),
		cmocka_unit_test(rules_hold_in_their_direction_alone),
		cmocka_unit_test(the_default_action_judges_what_no_rule_matches),
		cmocka_unit_test(a_count_rule_counts_and_goes_on),
		cmocka_unit_test(a_burst_is_judged_by_one_policy),
		cmocka_unit_test(without_a_policy_nothing_passes),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
