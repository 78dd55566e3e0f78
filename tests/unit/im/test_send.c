/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends: down through stacks of one, three and eight relays, and back up to whoever sent. */
#include <stdio.h>
#include <string.h>

#include "rig.h"

static const uint32_t heights[] = {1, 3, 8};

static struct im_account account_of(const char *instance)
{
	struct im_account sum;

	im_read_account(im_instance_account(im_find_instance(instance)), &sum);
	return sum;
}

static uint64_t refused_by(const char *instance)
{
	return account_of(instance).drops[SLUICE_OUT][SLUICE_DROP_NOT_RUNNING];
}

/* What came to the nic goes back: packets from..from+count of its log, with a status each. */
static void complete(uint32_t from, uint32_t count, im_status_t status)
{
	for (uint32_t i = from; i < from + count; i++)
		rig_nic.sent.packets[i]->status = (uint16_t)status;
	im_send_complete(rig_nic.instance, &rig_nic.sent.packets[from], (uint16_t)count);
}

/* ---- Once, in order, with its status ---------------------------------------------------------------- */

static void inline_completions_come_back_once_with_their_status(void **state)
{
	struct im_packet *packets[16];

	(void)state;
	for (size_t h = 0; h < RTE_DIM(heights); h++) {
		rig_up("nic", heights[h]);
		rig_nic.when = RIG_INLINE;
		rig_nic.status = IM_STATUS_INVALID_LENGTH;
		rig_packets(packets, 16);
		im_send_packets(rig_top.binding, packets, 16);
		rig_expect(&rig_nic.sent, packets, 16);
		assert_int_equal(rig_nic.sent.calls, 1); /* one batch all the way down */
		rig_expect(&rig_top.done, packets, 16);
		for (int i = 0; i < 16; i++)
			assert_int_equal(rig_top.done.statuses[i], IM_STATUS_INVALID_LENGTH);
		rig_packets_free(packets, 16);
		rig_down();
	}
}

static void later_completions_come_back_once_in_any_batches(void **state)
{
	struct im_packet *packets[24];

	(void)state;
	for (size_t h = 0; h < RTE_DIM(heights); h++) {
		rig_up("nic", heights[h]);
		rig_nic.when = RIG_LATER;
		rig_packets(packets, 24);
		im_send_packets(rig_top.binding, packets, 5);
		im_send_packets(rig_top.binding, packets + 5, 1);
		im_send_packets(rig_top.binding, packets + 6, 18);
		rig_expect(&rig_nic.sent, packets, 24); /* order of the calls and in the calls (4.2) */
		assert_int_equal(rig_top.done.count, 0);
		assert_int_equal(im_outstanding(im_find_instance("nic")), 24);
		assert_int_equal(im_outstanding(im_find_instance("r0")), 24);
		complete(0, 3, IM_STATUS_SUCCESS);  /* a part of the first call */
		complete(3, 10, IM_STATUS_FAILURE); /* of three calls (4.19) */
		complete(13, 11, IM_STATUS_SUCCESS);
		rig_expect(&rig_top.done, packets, 24);
		assert_int_equal(rig_top.done.calls, 3);
		assert_int_equal(rig_top.done.statuses[2], IM_STATUS_SUCCESS);
		assert_int_equal(rig_top.done.statuses[3], IM_STATUS_FAILURE);
		assert_int_equal(rig_top.done.statuses[12], IM_STATUS_FAILURE);
		assert_int_equal(rig_top.done.statuses[23], IM_STATUS_SUCCESS);
		assert_int_equal(im_outstanding(im_find_instance("nic")), 0);
		assert_int_equal(im_outstanding(im_find_instance("r0")), 0);
		rig_packets_free(packets, 24);
		rig_down();
	}
}

static void completions_in_reverse_reach_the_sender(void **state)
{
	struct im_packet *packets[8];

	(void)state;
	rig_up("nic", 3);
	rig_nic.when = RIG_LATER;
	rig_packets(packets, 8);
	im_send_packets(rig_top.binding, packets, 8);
	for (uint32_t i = 8; i-- > 0;)
		complete(i, 1, IM_STATUS_SUCCESS); /* completion order is free (4.21) */
	for (uint32_t i = 0; i < 8; i++)
		assert_ptr_equal(rig_top.done.packets[i], packets[7 - i]);
	assert_int_equal(rig_top.done.count, 8);
	rig_packets_free(packets, 8);
	rig_down();
}

/* A driver that splits a burst completes its part, and what it passes on keeps its order. */
static void what_a_driver_denies_is_completed_by_it_alone(void **state)
{
	struct im_packet *packets[10];

	(void)state;
	rig_core_up("nic");
	assert_int_equal(rig_bind(RIG_PICKY, "nic", "p"), IM_STATUS_SUCCESS);
	assert_int_equal(rig_bind("top", "p", "top"), IM_STATUS_SUCCESS);
	im_restart(im_find_instance("nic"));
	im_restart(im_find_instance("p"));
	rig_nic.when = RIG_LATER;
	rig_packets(packets, 10); /* lengths 60, 61, ...: odd ones pass */
	im_send_packets(rig_top.binding, packets, 10);
	assert_int_equal(rig_nic.sent.count, 5);
	assert_int_equal(rig_top.done.count, 5);
	for (uint32_t i = 0; i < 5; i++) {
		assert_ptr_equal(rig_nic.sent.packets[i], packets[2 * i + 1]);
		assert_ptr_equal(rig_top.done.packets[i], packets[2 * i]);
		assert_int_equal(rig_top.done.statuses[i], IM_STATUS_FAILURE);
	}
	complete(0, 5, IM_STATUS_SUCCESS);
	assert_int_equal(rig_top.done.count, 10);
	rig_packets_free(packets, 10);
	rig_down();
}

static void no_packets_are_no_call(void **state)
{
	(void)state;
	rig_up("nic", 1);
	im_send_packets(rig_top.binding, NULL, 0);
	im_send_complete(rig_nic.instance, NULL, 0);
	assert_int_equal(rig_nic.sent.calls, 0); /* n is 1 or more (4.1) */
	assert_int_equal(rig_top.done.calls, 0);
	rig_down();
}

/* ---- A miniport with `send` alone -------------------------------------------------------------------- */

static void send_alone_gets_single_packets(void **state)
{
	struct im_packet *packets[7];

	(void)state;
	rig_up("nic1", 1);
	rig_nic.when = RIG_INLINE;
	rig_nic.status = IM_STATUS_RESOURCES;
	rig_packets(packets, 7);
	im_send_packets(rig_top.binding, packets, 7);
	rig_expect(&rig_nic.sent, packets, 7);
	assert_int_equal(rig_nic.sent.calls, 7); /* one each (2.32) */
	rig_expect(&rig_top.done, packets, 7);
	for (int i = 0; i < 7; i++)
		assert_int_equal(rig_top.done.statuses[i], IM_STATUS_RESOURCES);
	rig_packets_free(packets, 7);
	rig_down();
}

static void send_that_pends_is_completed_later_and_once(void **state)
{
	struct im_packet *packets[4];

	(void)state;
	rig_up("nic1", 1);
	rig_nic.when = RIG_LATER;
	rig_packets(packets, 4);
	im_send_packets(rig_top.binding, packets, 4);
	rig_expect(&rig_nic.sent, packets, 4);
	assert_int_equal(rig_top.done.count, 0);
	complete(0, 4, IM_STATUS_SUCCESS);
	rig_expect(&rig_top.done, packets, 4);
	rig_packets_free(packets, 4);
	rig_down();
}

/* A miniport that gave both handlers. */
static uint32_t singles, batches;

static im_status_t count_single(void *context, struct im_packet *packet, uint32_t flags)
{
	(void)context, (void)packet, (void)flags;
	singles++;
	return IM_STATUS_SUCCESS;
}

static void count_batch(void *context, struct im_packet **packets, uint16_t count)
{
	struct rig_nic *nic = context;

	batches++;
	im_send_complete(nic->instance, packets, count);
}

static void send_packets_wins_over_send_for_one_packet_too(void **state)
{
	struct im_packet *packet;
	struct im_miniport *nic;

	(void)state;
	rig_up("nic", 0);
	nic = rig_nic.instance->miniport;
	nic->handlers.send = count_single;
	nic->handlers.send_packets = count_batch;
	singles = batches = 0;
	packet = rig_packet(1, 60);
	im_send_packets(rig_top.binding, &packet, 1);
	assert_int_equal(batches, 1); /* 2.31 */
	assert_int_equal(singles, 0);
	assert_int_equal(rig_top.done.count, 1);
	free(packet);
	rig_down();
}

/* ---- Gates ------------------------------------------------------------------------------------------- */

static void a_paused_adapter_refuses_and_counts(void **state)
{
	struct im_packet *packets[3];

	(void)state;
	rig_up("nic", 3);
	im_pause(im_find_instance("nic"));
	rig_packets(packets, 3);
	im_send_packets(rig_top.binding, packets, 3);
	assert_int_equal(rig_nic.sent.count, 0);
	rig_expect(&rig_top.done, packets, 3);
	assert_int_equal(rig_top.done.statuses[0], IM_STATUS_PAUSED);
	assert_int_equal(refused_by("nic"), 3);
	assert_int_equal(refused_by("r0"), 0); /* counted where it happened, once */
	im_restart(im_find_instance("nic"));
	rig_nic.when = RIG_INLINE;
	im_send_packets(rig_top.binding, packets, 3);
	assert_int_equal(rig_top.done.statuses[5], IM_STATUS_SUCCESS);
	rig_packets_free(packets, 3);
	rig_down();
}

static struct im_packet *while_closing;

static void send_while_closing(void *context)
{
	struct rig_top *top = context;
	struct im_binding *binding = top->binding;

	im_send_packets(binding, &while_closing, 1);
	im_close_adapter(binding);
	top->binding = NULL;
}

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

/* ---- Bookkeeping ------------------------------------------------------------------------------------- */

static void a_send_is_outstanding_until_its_completion_is_through(void **state)
{
	struct im_packet *packet;

	(void)state;
	rig_up("nic", 1);
	rig_nic.when = RIG_LATER;
	packet = rig_packet(3, 60);
	im_send_packets(rig_top.binding, &packet, 1);
	complete(0, 1, IM_STATUS_SUCCESS);
	assert_int_equal(rig_top.outstanding, 1); /* inside send_complete (4.31) */
	assert_int_equal(im_outstanding(im_find_instance("r0")), 0);
	free(packet);
	rig_down();
}

static void packets_and_bytes_are_counted_where_they_go_through(void **state)
{
	struct im_packet *packets[5];

	(void)state;
	rig_up("nic", 3);
	rig_nic.when = RIG_INLINE;
	rig_packets(packets, 5);
	im_send_packets(rig_top.binding, packets, 5);
	for (int level = 0; level < 3; level++) {
		char name[16];
		struct im_account sum;

		snprintf(name, sizeof(name), "r%d", level);
		sum = account_of(name);
		assert_int_equal(sum.handled[SLUICE_OUT].packets, 5);
		assert_int_equal(sum.handled[SLUICE_OUT].bytes, 60 + 61 + 62 + 63 + 64);
		assert_int_equal(sum.sends_good, 5);
	}
	rig_packets_free(packets, 5);
	rig_down();
}

/* ---- Words ------------------------------------------------------------------------------------------- */

/* Each level writes its own words before it hands on, and finds them when the packet is back (2.54, 2.57). */
static void words_of_each_level_are_kept_apart(void **state)
{
	struct im_packet *packet;
	struct im_binding *bindings[3];

	(void)state;
	rig_up("nic", 2);
	rig_nic.when = RIG_LATER;
	packet = rig_packet(4, 60);
	bindings[0] = rig_top.binding;
	im_packet_words(packet)[0] = 0x1111;
	im_packet_words(packet)[1] = 0x2222;
	im_send_packets(bindings[0], &packet, 1);
	/* r0 and r1 have handed on; the nic's own slot is the fourth */
	assert_int_equal(packet->depth, 3);
	im_packet_words(packet)[0] = 0x7777;
	for (int level = 1; level < 3; level++)
		packet->stack[level].words[0] = 0x1000u * (unsigned)level;
	complete(0, 1, IM_STATUS_SUCCESS);
	assert_int_equal(packet->depth, 0);
	assert_int_equal(im_packet_words(packet)[0], 0x1111);
	assert_int_equal(im_packet_words(packet)[1], 0x2222);
	free(packet);
	rig_down();
}

static void there_are_no_words_beyond_the_last_slot(void **state)
{
	struct im_packet *packet = rig_packet(0, 60);

	(void)state;
	assert_null(im_packet_words(packet)); /* none left: the driver needs a descriptor of its own (2.54) */
	free(packet);
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

static void send_through_too_many_levels(void)
{
	struct im_packet *packet = rig_packet(2, 60); /* top and r0 have slots, r1 has none */

	rig_up("nic", 2);
	im_send_packets(rig_top.binding, &packet, 1);
}

static void halt_with_a_send_out(void)
{
	sent_one(0);
	im_deinitialize_device_instance(rig_nic.instance);
}

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
	rig_expect_violation("2.54", send_through_too_many_levels);
	rig_expect_violation("3.21", halt_with_a_send_out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inline_completions_come_back_once_with_their_status),
		cmocka_unit_test(later_completions_come_back_once_in_any_batches),
		cmocka_unit_test(completions_in_reverse_reach_the_sender),
		cmocka_unit_test(what_a_driver_denies_is_completed_by_it_alone),
		cmocka_unit_test(no_packets_are_no_call),
		cmocka_unit_test(send_alone_gets_single_packets),
		cmocka_unit_test(send_that_pends_is_completed_later_and_once),
		cmocka_unit_test(send_packets_wins_over_send_for_one_packet_too),
		cmocka_unit_test(a_paused_adapter_refuses_and_counts),
		cmocka_unit_test(a_closing_binding_refuses_and_counts),
		cmocka_unit_test(a_send_is_outstanding_until_its_completion_is_through),
		cmocka_unit_test(packets_and_bytes_are_counted_where_they_go_through),
		cmocka_unit_test(words_of_each_level_are_kept_apart),
		cmocka_unit_test(there_are_no_words_beyond_the_last_slot),
		cmocka_unit_test(breaches_of_the_send_path_abort_with_their_statement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
