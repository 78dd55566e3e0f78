/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends: what the card sees of them, and how each comes back. */
#include <errno.h>

#include "rig.h"

static uint8_t wire[SLUICE_DATA_FRAME_MAX + 1];
static struct sluice_frame_meta wire_meta;

static void send_one(struct note *note, unsigned queue, struct sluice_send *send)
{
	sluice_miniport_send(note->protocol, queue, &send, 1);
}

static void expect_taken(struct rig *rig, unsigned queue, uint32_t length, uint8_t first)
{
	assert_int_equal(card_take(&rig->card, queue, wire, &wire_meta), length);
	for (uint32_t i = 0; i < length; i++)
		assert_int_equal(wire[i], frame_byte(first, i));
}

static void test_a_send_is_complete_when_the_card_has_taken_it(void **state)
{
	struct rig *rig = *state;
	struct sluice_send *send = send_make(60, 1);
	struct sluice_miniport_counters counters;

	rig_start(rig);
	send_one(&rig->a, 0, send);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 0);
	assert_int_equal(rig->a.completions, 0);
	sluice_miniport_get_counters(rig->miniport, 0, &counters);
	assert_int_equal(counters.sends_out, 1);
	expect_taken(rig, 0, 60, 1);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1);
	assert_int_equal(rig->a.completions, 1);
	assert_ptr_equal(rig->a.completed[0], send);
	assert_int_equal(send->status, IM_STATUS_SUCCESS);
	sluice_miniport_get_counters(rig->miniport, 0, &counters);
	assert_int_equal(counters.sends_out, 0);
	assert_int_equal(counters.sent, 1);
	send_free(send);
}

static void test_frames_of_all_sizes(void **state)
{
	static const uint32_t sizes[] = {14, 15, 1514, 2031, 2032, 2033, 2047, 2048, 2049, 4096, 9018, 65534, 65535};
	struct rig *rig = *state;

	rig->card.mtu = 65535;
	rig_start(rig);
	for (unsigned round = 0; round < 20; round++) { /* enough to go around the ring, at every place of it */
		for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			struct sluice_send *send = send_make(sizes[i], (uint8_t)i);
			bool with_meta = (round & 1) != 0;

			send->meta.csum_start = with_meta ? 14 : 0;
			send_one(&rig->a, 1, send);
			expect_taken(rig, 1, sizes[i], (uint8_t)i);
			assert_int_equal(wire_meta.csum_start, with_meta ? 14 : 0);
			assert_int_equal(sluice_miniport_poll(rig->miniport, 1, 64), 1);
			assert_int_equal(send->status, IM_STATUS_SUCCESS);
			send_free(send);
		}
	}
}

static void test_pieces_are_joined(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[3000];
	const struct iovec pieces[] = {{frame, 3}, {frame + 3, 0}, {frame + 3, 2045}, {frame + 2048, 952}};
	struct sluice_send send = {.pieces = pieces, .piece_count = 4, .meta = {.vlan = 5}}, *sends = &send;

	frame_make(frame, sizeof(frame), 9);
	rig->card.mtu = 9000;
	rig_start(rig);
	sluice_miniport_send(rig->a.protocol, 0, &sends, 1);
	expect_taken(rig, 0, sizeof(frame), 9);
	assert_int_equal(wire_meta.vlan, 5);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1);
}

static void test_what_the_ring_has_no_room_for_waits_in_order(void **state)
{
	struct rig *rig = *state;
	struct sluice_send *sends[200];
	unsigned taken = 0;

	rig_start(rig);
	for (unsigned i = 0; i < 200; i++)
		sends[i] = send_make(60, (uint8_t)i);
	sluice_miniport_send(rig->a.protocol, 0, sends, 200);
	while (taken < 200) {
		unsigned before = taken;

		while (taken < 200 && taken - before < 64) {
			expect_taken(rig, 0, 60, (uint8_t)taken);
			taken++;
		}
		assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), taken - before);
	}
	for (unsigned i = 0; i < 200; i++) {
		assert_ptr_equal(rig->a.completed[i], sends[i]);
		assert_int_equal(sends[i]->status, IM_STATUS_SUCCESS);
		send_free(sends[i]);
	}
}

static void test_each_protocol_gets_its_own_back(void **state)
{
	struct rig *rig = *state;
	struct sluice_send *sends[12];

	rig_start(rig);
	rig_attach(rig, &rig->b);
	for (unsigned i = 0; i < 12; i++) {
		sends[i] = send_make(60, (uint8_t)i);
		send_one(i % 3 == 0 ? &rig->a : &rig->b, 0, sends[i]);
		expect_taken(rig, 0, 60, (uint8_t)i);
	}
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 12);
	assert_int_equal(rig->a.completions, 4);
	assert_int_equal(rig->b.completions, 8);
	for (unsigned i = 0; i < 4; i++)
		assert_ptr_equal(rig->a.completed[i], sends[i * 3]);
	assert_ptr_equal(rig->b.completed[0], sends[1]);
	assert_ptr_equal(rig->b.completed[7], sends[11]);
	for (unsigned i = 0; i < 12; i++)
		send_free(sends[i]);
}

static void test_sends_that_cannot_be(void **state)
{
	static const struct {
		uint32_t length;
		uint8_t gso_type;
		uint8_t reserved;
		im_status_t status;
	} cases[] = {
		{0, 0, 0, IM_STATUS_INVALID_LENGTH},	 {13, 0, 0, IM_STATUS_INVALID_LENGTH},
		{1518, 0, 0, IM_STATUS_SUCCESS},	 {1519, 0, 0, IM_STATUS_INVALID_LENGTH},
		{1519, 1, 0, IM_STATUS_SUCCESS},	 {65535, 4, 0, IM_STATUS_SUCCESS},
		{65536, 1, 0, IM_STATUS_INVALID_LENGTH}, {60, 0, 1, IM_STATUS_INVALID_DATA},
	};
	struct rig *rig = *state;

	rig_start(rig);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sluice_send *send = send_make(cases[i].length, 0);
		bool good = cases[i].status == IM_STATUS_SUCCESS;

		send->meta.gso_type = cases[i].gso_type;
		send->meta.reserved[3] = cases[i].reserved;
		send_one(&rig->a, 0, send);
		assert_int_equal(rig->a.completions, i); /* never inside the call */
		assert_int_equal(card_take(&rig->card, 0, wire, &wire_meta), good ? cases[i].length : 0);
		assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1);
		assert_int_equal(send->status, cases[i].status);
		send_free(send);
	}
}

static void test_cancel_takes_what_is_not_published(void **state)
{
	struct rig *rig = *state;
	struct sluice_send *sends[80], *other = send_make(60, 200);
	unsigned aborted = 0;

	rig_start(rig);
	rig_attach(rig, &rig->b);
	for (unsigned i = 0; i < 80; i++) {
		sends[i] = send_make(60, (uint8_t)i);
		sends[i]->cancel_id = i % 2 == 0 ? 7 : 8;
	}
	other->cancel_id = 7;
	sluice_miniport_send(rig->a.protocol, 0, sends, 80); /* 64 are published, 16 wait */
	send_one(&rig->b, 0, other);
	sluice_miniport_cancel(rig->a.protocol, 7);
	sluice_miniport_cancel(rig->a.protocol, 9);
	assert_int_equal(rig->a.completions, 0);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 8);
	for (unsigned i = 0; i < 80; i++)
		aborted += sends[i]->status == IM_STATUS_SEND_ABORTED && i >= 64 && i % 2 == 0;
	assert_int_equal(aborted, 8);
	for (unsigned i = 0; i < 64; i++)
		expect_taken(rig, 0, 60, (uint8_t)i);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 64);
	for (unsigned i = 65; i < 80; i += 2)
		expect_taken(rig, 0, 60, (uint8_t)i);
	expect_taken(rig, 0, 60, 200);
	assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 9);
	assert_int_equal(rig->a.completions, 80);
	assert_int_equal(rig->b.completions, 1);
	for (unsigned i = 0; i < 80; i++)
		send_free(sends[i]);
	send_free(other);
}

static void send_again(struct note *note, struct sluice_send *send)
{
	if (note->completions < 10)
		sluice_miniport_send(note->protocol, 0, &send, 1);
	assert_int_equal(sluice_miniport_detach(note->protocol), -EDEADLK);
}

static void test_a_handler_may_send(void **state)
{
	struct rig *rig = *state;
	struct sluice_send *send = send_make(60, 3);

	rig_start(rig);
	rig->a.on_complete = send_again;
	send_one(&rig->a, 0, send);
	for (unsigned i = 1; i <= 10; i++) {
		expect_taken(rig, 0, 60, 3);
		assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1);
		assert_int_equal(rig->a.completions, i);
	}
	assert_int_equal(card_take(&rig->card, 0, wire, &wire_meta), 0);
	send_free(send);
}

/* The ring may be at any place when a card says nonsense about it. */
static void test_a_head_that_cannot_be(void **state)
{
	static const uint32_t heads[] = {3, 0xffffffff, 0x80000000, 66};
	struct rig *rig = *state;

	rig_start(rig);
	for (unsigned i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct sluice_send *sends[2] = {send_make(60, 1), send_make(60, 2)}, *late = send_make(60, 3);
		unsigned before = rig->a.completions, told = rig->a.indicated;

		sluice_miniport_send(rig->a.protocol, 0, sends, 2);
		card_line(&rig->card, 0)->send_head = heads[i];
		sluice_miniport_poll(rig->miniport, 0, 64);
		assert_int_equal(rig->a.completions, before + 2);
		assert_int_equal(sends[0]->status, IM_STATUS_SEND_ABORTED);
		assert_int_equal(rig->a.indicated, told + 1);
		assert_int_equal(rig->a.indications[told], SLUICE_INDICATION_QUEUE_BROKEN);
		send_one(&rig->a, 0, late);
		assert_int_equal(sluice_miniport_poll(rig->miniport, 0, 64), 1);
		assert_int_equal(late->status, IM_STATUS_NOT_READY);
		assert_int_equal(rig->a.indicated, told + 1);
		assert_true(sluice_miniport_check_for_hang(rig->miniport, 0));
		assert_int_equal(sluice_miniport_reset(rig->miniport), IM_STATUS_SUCCESS);
		assert_false(sluice_miniport_check_for_hang(rig->miniport, 0));
		send_free(sends[0]);
		send_free(sends[1]);
		send_free(late);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_send_is_complete_when_the_card_has_taken_it),
		CASE(frames_of_all_sizes),
		CASE(pieces_are_joined),
		CASE(what_the_ring_has_no_room_for_waits_in_order),
		CASE(each_protocol_gets_its_own_back),
		CASE(sends_that_cannot_be),
		CASE(cancel_takes_what_is_not_published),
		CASE(a_handler_may_send),
		CASE(a_head_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
