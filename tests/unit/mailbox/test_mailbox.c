/* SPDX-License-Identifier: BSD-3-Clause */
/* Entries and payloads of the rings, and what a host may do to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <pthread.h>

#include "mailbox_rig.h"

static const struct sluice_command echo_command = {
	.opcode = SLUICE_OP_POLICY_CHUNK,
	.command_id = 0xbeef,
	.in_offset = 100,
	.in_length = 1000,
	.out_offset = 300,
	.out_length = 2000,
};

static void test_echo(void **state)
{
	struct rig *rig = *state;
	struct sluice_completion completion;
	uint32_t crc;

	for (unsigned i = 0; i < 1000; i++)
		rig->ring.stage_in[100 + i] = (uint8_t)(i * 7);
	completion = run(rig, echo_command);
	expect(&completion, SLUICE_STATUS_OK, SLUICE_NO_OFFSET);
	assert_int_equal(completion.command_id, 0xbeef);
	assert_int_equal(completion.sq_head, 1);
	assert_int_equal(completion.out_length, 1000);
	assert_int_equal(completion.result, 1000);
	assert_memory_equal(rig->stage_out + 300, rig->ring.stage_in + 100, 1000);
	crc = sluice_crc32c(0, &completion, 24);
	assert_int_equal(completion.crc, sluice_crc32c(crc, rig->stage_out + 300, 1000));
	assert_int_equal(rig->counters.commands, 1);
	assert_int_equal(rig->counters.bad_commands, 0);
}

static void test_answer_is_zero_to_the_last_byte_of_its_room(void **state)
{
	struct rig *rig = *state;

	memset(rig->stage_out, 0xee, SLUICE_STAGE_SIZE);
	run(rig, echo_command);
	assert_int_equal(rig->stage_out[299], 0xee);
	for (unsigned i = 1300; i < 2300; i++)
		assert_int_equal(rig->stage_out[i], 0);
	assert_int_equal(rig->stage_out[2300], 0xee);
}

/* What a former command left in the private buffers must not come out of a later one. */
static void test_handler_that_overruns_hands_over_nothing(void **state)
{
	struct rig *rig = *state;
	struct sluice_completion completion =
		run(rig, (struct sluice_command){.opcode = SLUICE_OP_PORT_LIST, .out_length = 64});

	expect(&completion, SLUICE_STATUS_INTERNAL, SLUICE_NO_OFFSET);
	assert_int_equal(completion.out_length, 0);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(rig->stage_out[i], 0);
}

static void test_handler_error_names_the_field(void **state)
{
	struct rig *rig = *state;
	struct sluice_completion completion =
		run(rig, (struct sluice_command){.opcode = SLUICE_OP_STACK_INSERT,
						 .in_length = sizeof(struct sluice_stack_command)});

	expect(&completion, SLUICE_STATUS_DUPLICATE_NAME, TOY_BAD_FIELD);
	assert_int_equal(rig->counters.bad_commands, 0); /* well-formed: the handler refused it */
}

static void test_phases_over_many_laps(void **state)
{
	struct rig *rig = *state;

	for (unsigned i = 0; i < 5 * SLUICE_RING_ENTRIES + 3; i++) {
		struct sluice_completion completion =
			run(rig, (struct sluice_command){.opcode = SLUICE_OP_INFO, .command_id = (uint16_t)i});

		assert_int_equal(completion.command_id, i);
		assert_int_equal(completion.sq_head, i + 1);
	}
	assert_int_equal(mailbox_serve(&rig->mailbox, 8), 0); /* entries of the former lap are not taken again */
}

static void test_indices_wrap_at_2_to_the_32(void **state)
{
	struct rig *rig = *state;
	uint32_t start = UINT32_MAX - 20;

	rig->mailbox.taken = rig->mailbox.posted = rig->mailbox.cq_head = start;
	rig->ring.submitted = rig->ring.consumed = rig->ring.doorbell->cq_head = start;
	/* that lap's phase is 0; the entries ahead still hold the 1 of the lap before it */
	for (unsigned i = start % SLUICE_RING_ENTRIES; i < SLUICE_RING_ENTRIES; i++) {
		rig->ring.submission[i].phase = 1;
		rig->cq[i].phase = 1;
	}
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(run(rig, (struct sluice_command){.opcode = SLUICE_OP_INFO, .command_id = (uint16_t)i})
					 .command_id,
				 i);
}

static void test_wrong_phase_is_not_taken(void **state)
{
	struct rig *rig = *state;
	struct sluice_command command = {.opcode = SLUICE_OP_INFO, .phase = 0};

	command.crc = ring_crc(&rig->ring, &command);
	ring_publish(&rig->ring, &command);
	assert_int_equal(mailbox_serve(&rig->mailbox, 8), 0);
	assert_int_equal(rig->counters.commands, 0);
}

static void test_bad_checksum_uses_up_its_slot(void **state)
{
	struct rig *rig = *state;
	struct sluice_command command = echo_command;
	struct sluice_completion completion;

	command.phase = 1;
	command.crc = ring_crc(&rig->ring, &command) ^ 1;
	ring_publish(&rig->ring, &command);
	completion = finish(rig);
	expect(&completion, SLUICE_STATUS_BAD_CRC, IN_COMMAND(crc));
	assert_int_equal(completion.command_id, 0xbeef);
	completion = run(rig, echo_command);
	expect(&completion, SLUICE_STATUS_OK, SLUICE_NO_OFFSET);
	assert_int_equal(completion.sq_head, 2);
	assert_int_equal(rig->counters.commands, 2);
	assert_int_equal(rig->counters.bad_commands, 1);
	assert_int_equal(rig->toy.handled, 1);
}

static void test_checksum_covers_the_payload(void **state)
{
	struct rig *rig = *state;
	struct sluice_completion completion;

	ring_submit(&rig->ring, echo_command);
	rig->ring.stage_in[100 + 999] ^= 0x80;
	completion = finish(rig);
	expect(&completion, SLUICE_STATUS_BAD_CRC, IN_COMMAND(crc));
	assert_int_equal(rig->toy.handled, 0);
}

static void test_reserved_members_are_zero(void **state)
{
	struct rig *rig = *state;
	struct sluice_completion completion;
	struct sluice_command command = {.opcode = SLUICE_OP_INFO, .phase = 1 | 1u << 31};

	completion = run(rig, (struct sluice_command){.opcode = SLUICE_OP_INFO, .flags = 1u << 31});
	expect(&completion, SLUICE_STATUS_BAD_RESERVED, IN_COMMAND(flags));
	completion = run(rig, (struct sluice_command){.opcode = SLUICE_OP_INFO, .reserved = 1});
	expect(&completion, SLUICE_STATUS_BAD_RESERVED, IN_COMMAND(reserved));
	command.crc = ring_crc(&rig->ring, &command);
	ring_publish(&rig->ring, &command);
	completion = finish(rig);
	expect(&completion, SLUICE_STATUS_BAD_RESERVED, IN_COMMAND(phase));
	assert_int_equal(rig->toy.handled, 0);
	assert_int_equal(rig->counters.bad_commands, 3);
}

/* Offsets and lengths at every border, among them pairs whose sum is 2^32 - 1, 2^32 and 2^32 + 1. */
static void test_payload_lies_within_the_stage(void **state)
{
	static const struct {
		uint32_t offset, length;
		enum sluice_status status;
		uint32_t error_offset;
	} cases[] = {
		{0, 1, SLUICE_STATUS_OK, SLUICE_NO_OFFSET},
		{0, 65535, SLUICE_STATUS_OK, SLUICE_NO_OFFSET},
		{0, 65536, SLUICE_STATUS_OK, SLUICE_NO_OFFSET},
		{65537, 65537, SLUICE_STATUS_OK, SLUICE_NO_OFFSET},
		{0, SLUICE_STAGE_SIZE, SLUICE_STATUS_OK, SLUICE_NO_OFFSET},
		{SLUICE_STAGE_SIZE - 1, 1, SLUICE_STATUS_OK, SLUICE_NO_OFFSET},
		{0, SLUICE_STAGE_SIZE + 1, SLUICE_STATUS_BAD_LENGTH, IN_COMMAND(in_length)},
		{1, SLUICE_STAGE_SIZE, SLUICE_STATUS_BAD_LENGTH, IN_COMMAND(in_length)},
		{SLUICE_STAGE_SIZE, 1, SLUICE_STATUS_BAD_LENGTH, IN_COMMAND(in_length)},
		{SLUICE_STAGE_SIZE, 0, SLUICE_STATUS_BAD_LENGTH,
		 IN_COMMAND(in_length)}, /* a chunk has a byte at least */
		{SLUICE_STAGE_SIZE + 1, 0, SLUICE_STATUS_BAD_LENGTH, IN_COMMAND(in_offset)},
		{UINT32_MAX, 0, SLUICE_STATUS_BAD_LENGTH, IN_COMMAND(in_offset)},
		{UINT32_MAX, 1, SLUICE_STATUS_BAD_LENGTH, IN_COMMAND(in_offset)},
		{UINT32_MAX, 2, SLUICE_STATUS_BAD_LENGTH, IN_COMMAND(in_offset)},
		{0, UINT32_MAX, SLUICE_STATUS_BAD_LENGTH, IN_COMMAND(in_length)},
		{1, UINT32_MAX, SLUICE_STATUS_BAD_LENGTH, IN_COMMAND(in_length)},
		{2, UINT32_MAX, SLUICE_STATUS_BAD_LENGTH, IN_COMMAND(in_length)},
		{UINT32_MAX, UINT32_MAX, SLUICE_STATUS_BAD_LENGTH, IN_COMMAND(in_offset)},
	};
	struct rig *rig = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sluice_completion completion = run(rig, (struct sluice_command){.opcode = SLUICE_OP_POLICY_CHUNK,
										       .in_offset = cases[i].offset,
										       .in_length = cases[i].length});

		expect(&completion, cases[i].status, cases[i].error_offset);
	}
}

static void test_answer_room_lies_within_the_stage(void **state)
{
	static const struct {
		uint32_t offset, length;
		uint32_t error_offset; /* SLUICE_NO_OFFSET: accepted */
	} cases[] = {
		{0, 0, SLUICE_NO_OFFSET},
		{65535, 65537, SLUICE_NO_OFFSET},
		{0, SLUICE_STAGE_SIZE, SLUICE_NO_OFFSET},
		{SLUICE_STAGE_SIZE, 0, SLUICE_NO_OFFSET},
		{1, SLUICE_STAGE_SIZE, IN_COMMAND(out_length)},
		{SLUICE_STAGE_SIZE, 1, IN_COMMAND(out_length)},
		{SLUICE_STAGE_SIZE + 1, 0, IN_COMMAND(out_offset)},
		{1, UINT32_MAX, IN_COMMAND(out_length)},
		{2, UINT32_MAX, IN_COMMAND(out_length)},
		{UINT32_MAX, 1, IN_COMMAND(out_offset)},
		{UINT32_MAX, 2, IN_COMMAND(out_offset)},
	};
	struct rig *rig = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sluice_completion completion = run(rig, (struct sluice_command){.opcode = SLUICE_OP_RULE_LIST,
										       .in_length = SLUICE_NAME_SIZE,
										       .out_offset = cases[i].offset,
										       .out_length = cases[i].length});

		expect(&completion,
		       cases[i].error_offset == SLUICE_NO_OFFSET ? SLUICE_STATUS_OK : SLUICE_STATUS_BAD_LENGTH,
		       cases[i].error_offset);
	}
}

static void submit_infos(struct rig *rig, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		ring_submit(&rig->ring, (struct sluice_command){.opcode = SLUICE_OP_INFO});
}

static void test_budget(void **state)
{
	struct rig *rig = *state;

	submit_infos(rig, 10);
	assert_int_equal(mailbox_serve(&rig->mailbox, 0), 0);
	assert_int_equal(mailbox_serve(&rig->mailbox, 8), 8);
	assert_int_equal(mailbox_serve(&rig->mailbox, 8), 2);
}

static void test_full_completion_ring_stops_the_client(void **state)
{
	struct rig *rig = *state;

	submit_infos(rig, SLUICE_RING_ENTRIES);
	assert_int_equal(mailbox_serve(&rig->mailbox, 1000), SLUICE_RING_ENTRIES);
	submit_infos(rig, SLUICE_RING_ENTRIES);
	assert_int_equal(mailbox_serve(&rig->mailbox, 1000), 0);
	rig->ring.doorbell->cq_head = 3;
	assert_int_equal(mailbox_serve(&rig->mailbox, 1000), 3);
	assert_int_equal(rig->counters.bad_doorbells, 0);
}

static void test_impossible_doorbell_is_no_room(void **state)
{
	static const uint32_t impossible[] = {6,	4 + SLUICE_RING_ENTRIES, 3,	   0,	      UINT16_MAX,
					      1u << 16, (1u << 16) + 1,		 1u << 31, UINT32_MAX};
	const uint32_t cases = sizeof(impossible) / sizeof(impossible[0]);
	struct rig *rig = *state;

	submit_infos(rig, 5);
	rig->ring.doorbell->cq_head = 0;
	assert_int_equal(mailbox_serve(&rig->mailbox, 1000), 5);
	rig->ring.doorbell->cq_head = 4;
	assert_int_equal(mailbox_serve(&rig->mailbox, 1000), 0); /* believed: 4 of 5 are consumed */
	submit_infos(rig, 1);
	for (uint32_t i = 0; i < cases; i++) { /* beyond what was posted, or behind what was consumed */
		rig->ring.doorbell->cq_head = impossible[i];
		assert_int_equal(mailbox_serve(&rig->mailbox, 1000), 0);
		assert_int_equal(rig->counters.bad_doorbells, i + 1);
	}
	rig->ring.doorbell->cq_head = 5;
	assert_int_equal(mailbox_serve(&rig->mailbox, 1000), 1);
}

struct flipper {
	struct rig *rig;
	bool stop;
};

/* Flips bits of the entries and of the payload for as long as the server runs, phase and checksum excepted. */
static void *flip(void *argument)
{
	struct flipper *flipper = argument;
	uint8_t *entries = (uint8_t *)flipper->rig->ring.submission;
	uint8_t *payload = flipper->rig->ring.stage_in;

	for (uint32_t i = 1; !__atomic_load_n(&flipper->stop, __ATOMIC_RELAXED); i = i * 1664525 + 1013904223) {
		uint32_t entry = (i >> 8) % SLUICE_RING_ENTRIES * 64;

		__atomic_xor_fetch(&entries[entry + (i >> 16) % 56], (uint8_t)(1u << (i >> 29)), __ATOMIC_RELAXED);
		__atomic_xor_fetch(&payload[(i >> 12) % 4096], (uint8_t)(1u << (i >> 29)), __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Either the command is what was signed, or it is refused; the handler checks that (toy.torn). */
static void test_bytes_flipped_during_validation(void **state)
{
	struct rig *rig = *state;
	struct flipper flipper = {.rig = rig};
	struct sluice_completion completion;
	unsigned ok = 0, refused = 0;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, flip, &flipper), 0);
	for (unsigned i = 0; i < 20000 && (i < 2000 || ok == 0 || refused == 0); i++) {
		ring_submit(&rig->ring, (struct sluice_command){.opcode = SLUICE_OP_POLICY_CHUNK,
								.in_length = i % 2 == 0 ? 1 : 4096,
								.out_length = 64});
		assert_int_equal(mailbox_serve(&rig->mailbox, 1), 1);
		assert_true(ring_take(&rig->ring, &completion));
		rig->ring.doorbell->cq_head = rig->ring.consumed;
		if (completion.status == SLUICE_STATUS_OK)
			ok++;
		else
			refused++;
	}
	__atomic_store_n(&flipper.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_int_equal(rig->toy.torn, 0);
	assert_int_equal(rig->toy.handled, ok);
	assert_int_equal(rig->counters.bad_commands, refused);
	assert_true(ok > 0); /* or the handler's check proved nothing */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(echo),
		CASE(answer_is_zero_to_the_last_byte_of_its_room),
		CASE(handler_that_overruns_hands_over_nothing),
		CASE(handler_error_names_the_field),
		CASE(phases_over_many_laps),
		CASE(indices_wrap_at_2_to_the_32),
		CASE(wrong_phase_is_not_taken),
		CASE(bad_checksum_uses_up_its_slot),
		CASE(checksum_covers_the_payload),
		CASE(reserved_members_are_zero),
		CASE(payload_lies_within_the_stage),
		CASE(answer_room_lies_within_the_stage),
		CASE(budget),
		CASE(full_completion_ring_stops_the_client),
		CASE(impossible_doorbell_is_no_room),
		CASE(bytes_flipped_during_validation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
