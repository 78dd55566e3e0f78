/* SPDX-License-Identifier: BSD-3-Clause */
/* Receives: who gets a packet, who may keep it, and when its buffers are the card's again. */
#include "rig.h"

#define JUMBO 9000u /* bytes of MTU */

static uint8_t frame[SLUICE_DATA_FRAME_MAX];

static void give(struct rig *rig, unsigned queue, uint32_t length, uint8_t first, uint16_t flags)
{
	frame_make(frame, length, first);
	assert_true(card_give(&rig->card, queue, frame, length, NULL, flags));
}

static unsigned free_buffers(struct rig *rig)
{
	return card_collect(&rig->card, 0);
}

static struct sluice_miniport_counters counters_of(struct rig *rig)
{
	struct sluice_miniport_counters counters;

	sluice_miniport_get_counters(rig->miniport, 0, &counters);
	return counters;
}

static void test_a_packet_that_nobody_keeps_goes_back_at_once(void **state)
{
	struct rig *rig = *state;

	rig_start(rig);
	give(rig, 0, 60, 1, 0);
	assert_int_equal(free_buffers(rig), 63);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 1, 64), 0); /* the other queue */
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1);
	assert_int_equal(rig->a.received, 1);
	assert_int_equal(rig->a.packet_length[0], 60);
	assert_int_equal(rig->a.first_byte[0], 1);
	assert_int_equal(free_buffers(rig), 64);
	assert_int_equal(card_host_line(&rig->card, 0)->receive_head, 1);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 0);
}

static void test_a_kept_packet_stays_until_it_is_returned(void **state)
{
	struct rig *rig = *state;

	rig->card.mtu = JUMBO;
	rig_start(rig);
	rig->a.keep = true;
	give(rig, 0, 5000, 1, 0);
	give(rig, 0, 60, 2, 0);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 2);
	assert_int_equal(free_buffers(rig), 60);
	assert_int_equal(counters_of(rig).packets_out, 2);
	assert_int_equal(rig->a.packets[0]->piece_count, 3);
	assert_int_equal(rig->a.packets[0]->queue, 0);
	sluice_miniport_return(&rig->a.packets[0], 1);
	assert_int_equal(free_buffers(rig), 63);
	assert_int_equal(rig->a.packets[1]->length, 60);
	sluice_miniport_return(&rig->a.packets[1], 1);
	assert_int_equal(free_buffers(rig), 64);
	assert_int_equal(counters_of(rig).packets_out, 0);
	assert_int_equal(counters_of(rig).returned, 4);
}

static void test_two_receivers_and_the_last_return(void **state)
{
	struct rig *rig = *state;

	rig_start(rig);
	rig_attach(rig, &rig->b);
	rig->a.keep = rig->b.keep = true;
	give(rig, 0, 60, 1, 0);
	sluice_miniport_poll(rig->miniport, 0, 64);
	assert_ptr_equal(rig->a.packets[0], rig->b.packets[0]);
	sluice_miniport_return(&rig->b.packets[0], 1);
	assert_int_equal(free_buffers(rig), 63);
	sluice_miniport_return(&rig->a.packets[0], 1);
	assert_int_equal(free_buffers(rig), 64);
	/* one keeps it, the other does not */
	rig->b.keep = false;
	give(rig, 0, 60, 2, 0);
	sluice_miniport_poll(rig->miniport, 0, 64);
	assert_int_equal(rig->b.received, 2);
	assert_int_equal(free_buffers(rig), 63);
	sluice_miniport_return(&rig->a.packets[1], 1);
	assert_int_equal(free_buffers(rig), 64);
}

static void return_it(struct note *note, struct sluice_packet *packet)
{
	if (note->keep)
		sluice_miniport_return(&packet, 1);
}

static void test_a_return_inside_the_handler(void **state)
{
	struct rig *rig = *state;

	rig_start(rig);
	rig_attach(rig, &rig->b);
	rig->a.keep = true;
	rig->a.on_receive = return_it;
	give(rig, 0, 60, 1, 0);
	sluice_miniport_poll(rig->miniport, 0, 64);
	assert_int_equal(rig->b.first_byte[0], 1); /* it was still there for the other */
	assert_int_equal(free_buffers(rig), 64);
	assert_int_equal(counters_of(rig).violations, 0);
}

static void return_twice(struct note *note, struct sluice_packet *packet)
{
	(void)note;
	sluice_miniport_return(&packet, 1);
	sluice_miniport_return(&packet, 1);
}

static void test_a_return_too_many_is_counted(void **state)
{
	struct rig *rig = *state;

	rig_start(rig);
	rig->a.keep = true;
	give(rig, 0, 60, 1, 0);
	sluice_miniport_poll(rig->miniport, 0, 64);
	sluice_miniport_return(&rig->a.packets[0], 1);
	sluice_miniport_return(&rig->a.packets[0], 1);
	assert_int_equal(counters_of(rig).violations, 1);
	assert_int_equal(free_buffers(rig), 64);
	rig->a.on_receive = return_twice; /* while it is handed out */
	give(rig, 0, 60, 1, 0);
	sluice_miniport_poll(rig->miniport, 0, 64);
	assert_int_equal(counters_of(rig).violations, 2);
	assert_int_equal(free_buffers(rig), 64);
}

static void test_resources(void **state)
{
	struct rig *rig = *state;

	rig->card.mtu = JUMBO;
	rig_start(rig);
	rig->a.keep = true;
	give(rig, 0, 60, 1, 0);
	give(rig, 0, 60, 2, SLUICE_DESC_RESOURCES);
	give(rig, 0, 3000, 3, SLUICE_DESC_RESOURCES);
	give(rig, 0, 60, 4, 0);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 4);
	assert_int_equal(rig->a.packet_status[0], IM_STATUS_SUCCESS);
	assert_int_equal(rig->a.packet_status[1], IM_STATUS_RESOURCES);
	assert_int_equal(rig->a.packet_status[2], IM_STATUS_RESOURCES);
	assert_int_equal(rig->a.packet_status[3], IM_STATUS_SUCCESS);
	/* the status holds for all that follow in one call */
	assert_int_equal(rig->a.batch[0], rig->a.batch[2]);
	assert_int_not_equal(rig->a.batch[2], rig->a.batch[3]);
	/* they were never lent, so that none of them comes back */
	assert_int_equal(counters_of(rig).returned, 0);
	assert_int_equal(counters_of(rig).resources, 2);
	assert_int_equal(free_buffers(rig), 62);
	sluice_miniport_return(&rig->a.packets[0], 1);
	sluice_miniport_return(&rig->a.packets[3], 1);
	assert_int_equal(free_buffers(rig), 64);
}

static void claim_it(struct note *note, struct sluice_packet *packet)
{
	struct rig *rig = (struct rig *)((char *)note - offsetof(struct rig, b));

	(void)packet;
	/* the buffer is the card's as soon as the head moves: not while a handler reads it */
	assert_int_equal(card_host_line(&rig->card, 0)->receive_head, 0);
}

static void test_the_head_moves_after_the_handlers(void **state)
{
	struct rig *rig = *state;

	rig_start(rig);
	rig_attach(rig, &rig->b);
	rig->b.on_receive = claim_it;
	give(rig, 0, 60, 1, SLUICE_DESC_RESOURCES);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1);
	assert_int_equal(card_host_line(&rig->card, 0)->receive_head, 1);
}

static void test_meta_and_transfer_data(void **state)
{
	const struct sluice_frame_meta meta = {.flags = 1, .csum_start = 34, .csum_offset = 16, .vlan = 9};
	struct rig *rig = *state;
	uint8_t copy[6000];

	rig->card.mtu = JUMBO;
	rig_start(rig);
	rig->a.keep = true;
	frame_make(frame, 5000, 5);
	assert_true(card_give(&rig->card, 0, frame, 5000, &meta, 0));
	sluice_miniport_poll(rig->miniport, 0, 64);
	assert_memory_equal(&rig->a.packets[0]->meta, &meta, sizeof(meta));
	assert_int_equal(rig->a.packet_length[0], 5000);
	assert_int_equal(sluice_miniport_transfer_data(rig->a.packets[0], 0, copy, 5000), 5000);
	assert_memory_equal(copy, frame, 5000);
	for (uint32_t offset = 2000; offset < 2060; offset++) { /* across the pieces */
		assert_int_equal(sluice_miniport_transfer_data(rig->a.packets[0], offset, copy, 2100), 2100);
		assert_memory_equal(copy, frame + offset, 2100);
	}
	assert_int_equal(sluice_miniport_transfer_data(rig->a.packets[0], 4990, copy, 100), 10);
	assert_int_equal(sluice_miniport_transfer_data(rig->a.packets[0], 5000, copy, 100), 0);
	assert_int_equal(sluice_miniport_transfer_data(rig->a.packets[0], UINT32_MAX, copy, 100), 0);
	sluice_miniport_return(&rig->a.packets[0], 1);
}

static void test_many_laps_with_a_budget(void **state)
{
	struct rig *rig = *state;
	unsigned given = 0;

	rig_start(rig);
	while (given < 1000) {
		for (unsigned i = 0; i < 50; i++)
			give(rig, 0, 14 + given % 1500, (uint8_t)given, 0), given++;
		assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 7), 7);
		while (sluice_miniport_poll(rig->miniport, 0, 64) > 0)
			;
		assert_int_equal(free_buffers(rig), 64);
	}
	assert_int_equal(rig->a.received, 1000);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(rig->a.first_byte[i], (uint8_t)i);
}

static void test_every_buffer_may_be_kept(void **state)
{
	struct rig *rig = *state;

	rig_start(rig);
	rig->a.keep = true;
	for (unsigned i = 0; i < 64; i++)
		give(rig, 0, 60, (uint8_t)i, 0);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 1000), 64);
	assert_int_equal(free_buffers(rig), 0);
	assert_false(card_give(&rig->card, 0, frame, 60, NULL, 0));
	sluice_miniport_return(rig->a.packets, 64);
	assert_int_equal(free_buffers(rig), 64);
}

static void test_a_frame_whose_end_is_not_there_yet(void **state)
{
	struct rig *rig = *state;
	uint32_t start;

	rig->card.mtu = JUMBO;
	rig_start(rig);
	start = (uint32_t)sluice_receive_buffer_at(2, 64, 0, 0);
	card_give_raw(&rig->card, 0,
		      (struct sluice_desc){.offset = start, .length = 2048, .flags = SLUICE_DESC_MORE, .id = 0});
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 0);
	card_give_raw(&rig->card, 0, (struct sluice_desc){.offset = start + 2048, .length = 52, .id = 1});
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1);
	assert_int_equal(rig->a.packet_length[0], 2100);
}

static void test_frames_that_are_none(void **state)
{
	struct rig *rig = *state;

	rig_start(rig);
	give(rig, 0, 13, 1, 0);
	give(rig, 0, 14, 2, 0);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 2);
	assert_int_equal(rig->a.received, 1);
	assert_int_equal(rig->a.first_byte[0], 2);
	assert_int_equal(counters_of(rig).malformed, 1);
	assert_int_equal(free_buffers(rig), 64);
}

static void test_descriptors_that_break_the_rules(void **state)
{
	/* offset is from where buffer `id` begins */
	static const struct sluice_desc cases[] = {
		{.length = 60, .id = 64},
		{.length = 60, .id = UINT32_MAX},
		{.length = 0, .id = 9},
		{.length = 2049, .id = 9},
		{.length = 60, .offset = 1989, .id = 9},
		{.length = 60, .offset = (uint32_t)-1, .id = 9},
		{.length = 60, .offset = 2048, .id = 9},
		{.length = 60, .flags = 0x8, .id = 9},
		{.length = 60, .flags = 0x8000, .id = 9},
		{.length = 15, .flags = SLUICE_DESC_META, .id = 9},
		{.length = 60, .reserved = 1, .id = 9},
	};
	struct rig *rig = *state;
	unsigned faults = 0;

	rig_start(rig);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sluice_desc desc = cases[i];

		give(rig, 0, 60, (uint8_t)i, 0);
		desc.offset += (uint32_t)sluice_receive_buffer_at(2, 64, 0, desc.id <= 64 ? desc.id : 9);
		card_give_raw(&rig->card, 0, desc);
		assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1); /* what came before it is delivered */
		assert_int_equal(rig->a.received, i + 1);
		assert_int_equal(counters_of(rig).faults, ++faults);
		assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 0);
		assert_int_equal(sluice_miniport_reset(rig->miniport), IM_STATUS_SUCCESS);
	}
}

static void expect_broken(struct rig *rig)
{
	uint64_t before = counters_of(rig).faults;

	sluice_miniport_poll(rig->miniport, 0, 64);
	assert_int_equal(counters_of(rig).faults, before + 1);
	assert_int_equal(rig->a.indications[rig->a.indicated - 1], SLUICE_INDICATION_QUEUE_BROKEN);
	assert_int_equal(sluice_miniport_reset(rig->miniport), IM_STATUS_SUCCESS);
}

static void test_a_buffer_that_the_host_has_already(void **state)
{
	struct rig *rig = *state;
	struct sluice_desc desc = {.length = 60, .id = 5};

	rig_start(rig);
	desc.offset = (uint32_t)sluice_receive_buffer_at(2, 64, 0, 5);
	rig->a.keep = true;
	card_give_raw(&rig->card, 0, desc);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1);
	card_give_raw(&rig->card, 0, desc);
	expect_broken(rig);
	sluice_miniport_return(&rig->a.packets[0], 1);
	/* in one batch, and in one chain */
	card_give_raw(&rig->card, 0, desc);
	card_give_raw(&rig->card, 0, desc);
	expect_broken(rig);
	sluice_miniport_return(&rig->a.packets[1], 1);
	desc.flags = SLUICE_DESC_MORE;
	card_give_raw(&rig->card, 0, desc);
	desc.flags = 0;
	card_give_raw(&rig->card, 0, desc);
	expect_broken(rig);
	assert_int_equal(rig->a.received, 2);
	/* even where it is not lent */
	desc.flags = SLUICE_DESC_RESOURCES;
	card_give_raw(&rig->card, 0, desc);
	card_give_raw(&rig->card, 0, desc);
	expect_broken(rig);
	assert_int_equal(rig->a.received, 3);
}

static void test_a_chain_without_end(void **state)
{
	struct rig *rig = *state;

	rig_start(rig);
	for (uint32_t i = 0; i <= SLUICE_DATA_CHAIN_MAX; i++)
		card_give_raw(&rig->card, 0,
			      (struct sluice_desc){.offset = (uint32_t)sluice_receive_buffer_at(2, 64, 0, i),
						   .length = 100,
						   .flags = SLUICE_DESC_MORE,
						   .id = i});
	expect_broken(rig);
	assert_int_equal(rig->a.received, 0);
}

static void test_tails_that_cannot_be(void **state)
{
	static const uint32_t tails[] = {65, UINT32_MAX, 0x80000000};
	struct rig *rig = *state;

	rig_start(rig);
	for (unsigned i = 0; i < 3; i++) {
		card_line(&rig->card, 0)->receive_tail = tails[i];
		expect_broken(rig);
	}
	/* a card that never sees what is returned, and lends it again */
	for (unsigned i = 0; i < 65; i++) {
		card_give_raw(&rig->card, 0,
			      (struct sluice_desc){.offset = (uint32_t)sluice_receive_buffer_at(2, 64, 0, i % 64),
						   .length = 60,
						   .id = i % 64});
		sluice_miniport_poll(rig->miniport, 0, 64);
	}
	assert_int_equal(rig->a.received, 65);
	assert_int_equal(counters_of(rig).faults, 4);
	assert_true(sluice_miniport_check_for_hang(rig->miniport, 0));
}

static void test_a_queue_that_the_card_calls_broken(void **state)
{
	struct rig *rig = *state;
	struct sluice_send *send = send_make(60, 1), *sends = send;

	rig_start(rig);
	sluice_miniport_send(rig->a.protocol, 0, &sends, 1);
	card_line(&rig->card, 0)->status = SLUICE_QUEUE_BROKEN;
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1);
	assert_int_equal(send->status, IM_STATUS_SEND_ABORTED);
	assert_int_equal(rig->a.indications[0], SLUICE_INDICATION_QUEUE_BROKEN);
	assert_int_equal(counters_of(rig).faults, 0);
	/* the other queue goes on */
	give(rig, 1, 60, 1, 0);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 1, 64), 1);
	send_free(send);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_packet_that_nobody_keeps_goes_back_at_once),
		CASE(a_kept_packet_stays_until_it_is_returned),
		CASE(two_receivers_and_the_last_return),
		CASE(a_return_inside_the_handler),
		CASE(a_return_too_many_is_counted),
		CASE(resources),
		CASE(the_head_moves_after_the_handlers),
		CASE(meta_and_transfer_data),
		CASE(many_laps_with_a_budget),
		CASE(every_buffer_may_be_kept),
		CASE(a_frame_whose_end_is_not_there_yet),
		CASE(frames_that_are_none),
		CASE(descriptors_that_break_the_rules),
		CASE(a_buffer_that_the_host_has_already),
		CASE(a_chain_without_end),
		CASE(tails_that_cannot_be),
		CASE(a_queue_that_the_card_calls_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
