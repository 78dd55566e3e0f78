/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>

#include "ring.h"
#include "toy.h"

#define IN_COMMAND(member) (SLUICE_ERROR_IN_COMMAND | offsetof(struct sluice_command, member))

/* A mailbox over plain memory, and the host's end of it. */
struct rig {
	struct ring ring;
	struct toy toy;
	struct mailbox_counters counters;
	struct mailbox mailbox;
	struct answers *answers;
	struct sluice_completion *cq;
	uint8_t *stage_out;
};

static void *zeroed(size_t size)
{
	void *memory = aligned_alloc(64, size);

	assert_non_null(memory);
	return memset(memory, 0, size);
}

static int set_up(void **state)
{
	struct rig *rig = zeroed((sizeof(*rig) + 63) / 64 * 64);

	rig->ring.doorbell = zeroed(sizeof(struct sluice_doorbell));
	rig->ring.submission = zeroed(SLUICE_RING_ENTRIES * sizeof(struct sluice_command));
	rig->cq = zeroed(SLUICE_RING_ENTRIES * sizeof(struct sluice_completion));
	rig->ring.stage_in = zeroed(SLUICE_STAGE_SIZE);
	rig->stage_out = zeroed(SLUICE_STAGE_SIZE);
	rig->ring.completion = rig->cq;
	rig->ring.stage_out = rig->stage_out;
	rig->mailbox.regions = (struct mailbox_regions){rig->ring.doorbell, rig->ring.submission, rig->cq,
							rig->ring.stage_in, rig->stage_out};
	rig->mailbox.ops = &toy_ops;
	rig->mailbox.context = &rig->toy;
	rig->mailbox.counters = &rig->counters;
	rig->mailbox.role = SLUICE_ROLE_OPERATOR;
	rig->mailbox.client = 1;
	rig->answers = calloc(1, sizeof(*rig->answers));
	assert_non_null(rig->answers);
	rig->mailbox.answers = rig->answers;
	assert_int_equal(mailbox_scratch_create(&rig->mailbox.scratch), 0);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	mailbox_scratch_destroy(&rig->mailbox.scratch);
	free(rig->ring.doorbell);
	free(rig->ring.submission);
	free(rig->cq);
	free(rig->ring.stage_in);
	free(rig->stage_out);
	free(rig->answers);
	free(rig);
	return 0;
}

/* Serves what was published and consumes its one completion, whose checksum must hold. */
static struct sluice_completion finish(struct rig *rig)
{
	struct sluice_completion completion;
	uint32_t crc;

	assert_int_equal(mailbox_serve(&rig->mailbox, 8), 1);
	assert_true(ring_take(&rig->ring, &completion));
	crc = sluice_crc32c(0, &completion, 24);
	if (completion.out_length == 0)
		assert_int_equal(completion.crc, crc);
	rig->ring.doorbell->cq_head = rig->ring.consumed;
	return completion;
}

static struct sluice_completion run(struct rig *rig, struct sluice_command command)
{
	ring_submit(&rig->ring, command);
	return finish(rig);
}

static void expect(const struct sluice_completion *completion, enum sluice_status status, uint32_t error_offset)
{
	assert_string_equal(sluice_status_name(completion->status), sluice_status_name(status));
	assert_int_equal(completion->status_class, sluice_status_class(status));
	assert_int_equal(completion->do_not_retry, sluice_status_do_not_retry(status));
	assert_int_equal(completion->error_offset, error_offset);
}

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

static const struct {
	uint16_t opcode;
	uint32_t least, most;
	uint8_t role;
} table[] = {
#define X(name, number, least, most, role) {number, least, most, SLUICE_ROLE_##role},
	SLUICE_OPCODE_TABLE(X)
#undef X
};
#define TABLE_LENGTH (sizeof(table) / sizeof(table[0]))

static bool in_table(uint32_t opcode)
{
	for (size_t i = 0; i < TABLE_LENGTH; i++) {
		if (table[i].opcode == opcode)
			return true;
	}
	return false;
}

static void test_every_opcode_that_is_not_in_the_table_is_refused(void **state)
{
	struct rig *rig = *state;

	for (uint32_t opcode = 0; opcode <= UINT16_MAX; opcode++) {
		struct sluice_completion completion;

		if (in_table(opcode))
			continue;
		completion = run(rig, (struct sluice_command){.opcode = (uint16_t)opcode});
		expect(&completion, SLUICE_STATUS_BAD_OPCODE, IN_COMMAND(opcode));
	}
	assert_int_equal(rig->toy.handled, 0);
}

static enum sluice_status succeed(void *context, struct mailbox_call *call)
{
	(void)call;
	(*(unsigned *)context)++;
	return SLUICE_STATUS_OK;
}

static struct mailbox_ops all_succeed(void)
{
	struct mailbox_ops ops = {0};

	for (unsigned i = 0; i < MAILBOX_OPCODES; i++)
		ops.handlers[i] = succeed;
	return ops;
}

static struct sluice_completion run_of_length(struct rig *rig, uint16_t opcode, uint32_t length)
{
	return run(rig, (struct sluice_command){.opcode = opcode, .in_length = length});
}

static void test_every_opcode_has_bounds(void **state)
{
	struct rig *rig = *state;
	struct mailbox_ops ops = all_succeed();
	unsigned handled = 0;

	rig->mailbox.ops = &ops;
	rig->mailbox.context = &handled;
	for (size_t i = 0; i < TABLE_LENGTH; i++) {
		struct sluice_completion completion = run_of_length(rig, table[i].opcode, table[i].least);

		expect(&completion, SLUICE_STATUS_OK, SLUICE_NO_OFFSET);
		completion = run_of_length(rig, table[i].opcode, table[i].most);
		expect(&completion, SLUICE_STATUS_OK, SLUICE_NO_OFFSET);
		completion = run_of_length(rig, table[i].opcode, table[i].most + 1);
		expect(&completion, SLUICE_STATUS_BAD_LENGTH, IN_COMMAND(in_length));
		if (table[i].least == 0)
			continue;
		completion = run_of_length(rig, table[i].opcode, table[i].least - 1);
		expect(&completion, SLUICE_STATUS_BAD_LENGTH, IN_COMMAND(in_length));
	}
	assert_int_equal(handled, 2 * TABLE_LENGTH);
}

/*
 * What others than operators may do, written down a second time: a command that comes to the table is an operator's
 * until somebody thought about it here as well.
 */
static void test_privileges_are_those_that_were_decided(void **state)
{
	static const uint16_t tenants[] = {
		SLUICE_OP_INFO,
		SLUICE_OP_PORT_LIST,
		SLUICE_OP_DRIVER_LIST,
		SLUICE_OP_STACK_LIST,
		SLUICE_OP_WORKER_LIST,
		SLUICE_OP_DROP_LIST,
		SLUICE_OP_RULE_LIST,
		SLUICE_OP_POLICY_READ,
		SLUICE_OP_OID_LIST,
		SLUICE_OP_OID_GET,
		SLUICE_OP_DEVICE_LIST,
		SLUICE_OP_OPERATION_LIST,
		SLUICE_OP_OPERATION_STATUS,
	};
	size_t open_to_tenants = 0;

	(void)state;
	for (size_t i = 0; i < TABLE_LENGTH; i++) {
		bool decided = false;

		for (size_t t = 0; t < sizeof(tenants) / sizeof(tenants[0]); t++)
			decided |= tenants[t] == table[i].opcode;
		open_to_tenants += decided;
		if (table[i].role != (decided ? SLUICE_ROLE_TENANT : SLUICE_ROLE_OPERATOR))
			fail_msg("opcode 0x%02x has role %d, which nobody decided", table[i].opcode, table[i].role);
	}
	assert_int_equal(open_to_tenants, sizeof(tenants) / sizeof(tenants[0]));
}

static void test_every_opcode_has_a_role(void **state)
{
	struct rig *rig = *state;
	struct mailbox_ops ops = all_succeed();
	unsigned handled = 0, expected = 0;

	rig->mailbox.ops = &ops;
	rig->mailbox.context = &handled;
	for (int role = SLUICE_ROLE_TENANT; role <= SLUICE_ROLE_OPERATOR; role++) {
		rig->mailbox.role = (enum sluice_role)role;
		for (size_t i = 0; i < TABLE_LENGTH; i++) {
			struct sluice_completion completion = run_of_length(rig, table[i].opcode, table[i].least);

			assert_in_range(table[i].role, SLUICE_ROLE_TENANT, SLUICE_ROLE_OPERATOR);
			if (role >= table[i].role)
				expect(&completion, SLUICE_STATUS_OK, SLUICE_NO_OFFSET);
			else
				expect(&completion, SLUICE_STATUS_NOT_PERMITTED, IN_COMMAND(opcode));
			expected += role >= table[i].role;
		}
	}
	assert_int_equal(handled, expected);
	assert_true(expected < 3 * TABLE_LENGTH); /* some are not for everyone */
}

/* What changes the card is the operator's alone; written out, so that a slip in the table is seen. */
static void test_what_changes_state_is_not_for_tenants(void **state)
{
	static const uint16_t changing[] = {
		SLUICE_OP_DEVICE_OPEN,	 SLUICE_OP_DEVICE_CALL,	    SLUICE_OP_DEVICE_CLOSE,  SLUICE_OP_DRIVER_LOAD,
		SLUICE_OP_DRIVER_UNLOAD, SLUICE_OP_STACK_INSERT,    SLUICE_OP_STACK_REMOVE,  SLUICE_OP_POLICY_BEGIN,
		SLUICE_OP_POLICY_CHUNK,	 SLUICE_OP_POLICY_VALIDATE, SLUICE_OP_POLICY_COMMIT, SLUICE_OP_POLICY_ABORT,
		SLUICE_OP_OID_SET,	 SLUICE_OP_RESET_DATAPATH,  SLUICE_OP_RESET_DEVICE,  SLUICE_OP_POLICY_STATUS,
		SLUICE_OP_POLICY_RESUME,
	};
	struct rig *rig = *state;

	rig->mailbox.role = SLUICE_ROLE_TENANT;
	for (size_t i = 0; i < sizeof(changing) / sizeof(changing[0]); i++) {
		struct sluice_completion completion = run_of_length(rig, changing[i], 0);

		expect(&completion, SLUICE_STATUS_NOT_PERMITTED, IN_COMMAND(opcode));
	}
	assert_int_equal(rig->toy.handled, 0);
	assert_int_equal(rig->counters.bad_commands, sizeof(changing) / sizeof(changing[0]));
}

static void test_opcode_without_handler(void **state)
{
	struct rig *rig = *state;
	struct sluice_completion completion = run_of_length(rig, SLUICE_OP_WORKER_LIST, 0);

	expect(&completion, SLUICE_STATUS_NOT_SUPPORTED, IN_COMMAND(opcode));
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

static void test_replay_gets_the_stored_answer(void **state)
{
	struct rig *rig = *state;
	const struct sluice_command commit = {.opcode = SLUICE_OP_POLICY_COMMIT, .token = 77};

	assert_int_equal(run(rig, commit).result, 1);
	assert_int_equal(run(rig, commit).result, 1);
	assert_int_equal(rig->toy.commits, 1);
	/* another command with the same token is not a replay, and no token means no replay */
	assert_int_equal(run(rig, (struct sluice_command){.opcode = SLUICE_OP_POLICY_BEGIN, .token = 77}).result, 1);
	assert_int_equal(run(rig, (struct sluice_command){.opcode = SLUICE_OP_POLICY_COMMIT}).result, 2);
	assert_int_equal(run(rig, (struct sluice_command){.opcode = SLUICE_OP_POLICY_COMMIT}).result, 3);
}

static void test_only_the_last_answers_are_kept(void **state)
{
	struct rig *rig = *state;

	for (unsigned i = 1; i <= SLUICE_ANSWERS + 1; i++)
		run(rig, (struct sluice_command){.opcode = SLUICE_OP_POLICY_COMMIT, .token = i});
	assert_int_equal(run(rig, (struct sluice_command){.opcode = SLUICE_OP_POLICY_COMMIT, .token = 2}).result, 2);
	assert_int_equal(run(rig, (struct sluice_command){.opcode = SLUICE_OP_POLICY_COMMIT, .token = 1}).result,
			 SLUICE_ANSWERS + 2);
}

/* What the answer said beside its status is given again, into a room that holds nothing else. */
static void test_replay_gives_the_payload_again(void **state)
{
	struct rig *rig = *state;
	struct sluice_command set = {.opcode = SLUICE_OP_OID_SET,
				     .token = 9,
				     .in_length = sizeof(struct sluice_oid_command) + 100,
				     .out_length = 200};
	struct sluice_completion first;
	const uint8_t zeros[64] = {0};

	memset(rig->ring.stage_in, 0x11, set.in_length);
	first = run(rig, set);
	assert_int_equal(first.out_length, set.in_length);
	set.out_offset = 4096;
	memset(rig->stage_out, 0x77, 8192);
	assert_int_equal(run(rig, set).out_length, set.in_length);
	assert_int_equal(rig->toy.handled, 1);
	assert_memory_equal(rig->stage_out + 4096, rig->ring.stage_in, set.in_length);
	assert_memory_equal(rig->stage_out + 4096 + set.in_length, zeros, 200 - set.in_length);
	set.out_length = set.in_length - 1; /* it does not fit */
	assert_int_equal(run(rig, set).out_length, 0);
	assert_int_equal(rig->toy.handled, 1);
	/* longer than what is kept */
	set = (struct sluice_command){
		.opcode = SLUICE_OP_OID_SET, .token = 10, .in_length = SLUICE_ANSWER_BYTES + 1, .out_length = 1024};
	assert_int_equal(run(rig, set).out_length, SLUICE_ANSWER_BYTES + 1);
	first = run(rig, set);
	assert_int_equal(first.out_length, 0);
	assert_int_equal(first.result, SLUICE_ANSWER_BYTES + 1);
	assert_int_equal(rig->toy.handled, 2);
}

/* A token is one command's: with other arguments or another payload it is refused, and what was kept stays. */
static void test_token_of_another_command(void **state)
{
	struct rig *rig = *state;
	struct sluice_command commit = {.opcode = SLUICE_OP_POLICY_COMMIT, .token = 77};
	struct sluice_command set = {
		.opcode = SLUICE_OP_OID_SET, .token = 77, .in_length = sizeof(struct sluice_oid_command)};
	struct sluice_completion completion;

	run(rig, commit);
	commit.arg[0] = 1;
	completion = run(rig, commit);
	expect(&completion, SLUICE_STATUS_TOKEN_REUSED, IN_COMMAND(token));
	commit.arg[0] = 0;
	commit.arg[1] = 1;
	completion = run(rig, commit);
	expect(&completion, SLUICE_STATUS_TOKEN_REUSED, IN_COMMAND(token));
	commit.arg[1] = 0;
	assert_int_equal(run(rig, commit).result, 1);
	completion = run(rig, set);
	expect(&completion, SLUICE_STATUS_OK, SLUICE_NO_OFFSET);
	rig->ring.stage_in[3] ^= 1;
	completion = run(rig, set);
	expect(&completion, SLUICE_STATUS_TOKEN_REUSED, IN_COMMAND(token));
}

/* Whose answer it is: the user's over any connection, another user's never; what is about a connection is its alone. */
static void test_answers_are_the_users(void **state)
{
	struct rig *rig = *state;
	const struct sluice_command commit = {.opcode = SLUICE_OP_POLICY_COMMIT, .token = 77};
	const struct sluice_command begin = {.opcode = SLUICE_OP_POLICY_BEGIN, .token = 77};

	assert_int_equal(run(rig, commit).result, 1);
	assert_int_equal(run(rig, begin).result, 1);
	rig->mailbox.client = 2;
	assert_int_equal(run(rig, commit).result, 1);
	assert_int_equal(run(rig, begin).result, 2);
	rig->mailbox.user = 1;
	assert_int_equal(run(rig, commit).result, 2);
	rig->mailbox.user = 0;
	assert_int_equal(run(rig, commit).result, 1);
}

/* One user's many answers leave those of others alone; when all places are taken, the oldest of all makes room. */
static void test_users_have_their_share_of_answers(void **state)
{
	struct rig *rig = *state;
	struct sluice_command commit = {.opcode = SLUICE_OP_POLICY_COMMIT, .token = 1};
	const unsigned users = ANSWERS_MAX / SLUICE_ANSWERS;

	for (unsigned user = 0; user < users; user++) {
		rig->mailbox.user = user;
		for (commit.token = 1; commit.token <= SLUICE_ANSWERS; commit.token++)
			run(rig, commit);
	}
	assert_int_equal(rig->toy.commits, ANSWERS_MAX);
	run(rig, commit); /* the last user's oldest one goes */
	rig->mailbox.user = 0;
	commit.token = 1;
	assert_int_equal(run(rig, commit).result, 1);
	rig->mailbox.user = users;
	assert_int_equal(run(rig, commit).result, ANSWERS_MAX + 2);
	rig->mailbox.user = 0;
	assert_int_equal(run(rig, commit).result, ANSWERS_MAX + 3);
}

static void test_replay_of_a_refusal(void **state)
{
	struct rig *rig = *state;
	const struct sluice_command insert = {
		.opcode = SLUICE_OP_STACK_INSERT, .token = 5, .in_length = sizeof(struct sluice_stack_command)};
	struct sluice_completion first = run(rig, insert), second = run(rig, insert);

	expect(&first, SLUICE_STATUS_DUPLICATE_NAME, TOY_BAD_FIELD);
	expect(&second, SLUICE_STATUS_DUPLICATE_NAME, TOY_BAD_FIELD);
	assert_int_equal(rig->toy.handled, 1);
}

static void test_busy_is_not_stored(void **state)
{
	struct rig *rig = *state;
	const struct sluice_command unload = {
		.opcode = SLUICE_OP_DRIVER_UNLOAD, .token = 5, .in_length = SLUICE_NAME_SIZE};
	struct sluice_completion completion = run(rig, unload);

	expect(&completion, SLUICE_STATUS_BUSY, SLUICE_NO_OFFSET);
	completion = run(rig, unload);
	expect(&completion, SLUICE_STATUS_OK, SLUICE_NO_OFFSET);
}

/* A defer() that keeps the command until the test finishes it, or has no memory for it. */
static struct sluice_command kept;
static int defer_with;

static int defer(struct mailbox *mailbox, const struct sluice_command *command)
{
	(void)mailbox;
	kept = *command;
	return defer_with;
}

static struct mailbox_ops commits_are_slow(struct rig *rig, int result)
{
	struct mailbox_ops ops = toy_ops;

	ops.slow[SLUICE_OP_POLICY_COMMIT] = true;
	rig->mailbox.defer = defer;
	defer_with = result;
	return ops;
}

static void test_deferred_command_holds_back_those_behind_it(void **state)
{
	struct rig *rig = *state;
	struct mailbox_ops ops = commits_are_slow(rig, 0);
	struct sluice_completion first, second;
	uint8_t reply[64] = "answer";
	struct mailbox_call call;

	rig->mailbox.ops = &ops;
	ring_submit(&rig->ring, (struct sluice_command){.opcode = SLUICE_OP_POLICY_COMMIT,
							.command_id = 7,
							.out_length = sizeof(reply)});
	ring_submit(&rig->ring, (struct sluice_command){.opcode = SLUICE_OP_INFO, .command_id = 8});
	assert_int_equal(mailbox_serve(&rig->mailbox, 8), 0);
	assert_int_equal(kept.command_id, 7);
	assert_int_equal(mailbox_serve(&rig->mailbox, 8), 0);
	assert_int_equal(rig->toy.handled, 0);
	call = mailbox_prepare(&rig->mailbox, &kept, NULL, reply);
	call.reply_length = 6;
	call.result = 99;
	mailbox_finish(&rig->mailbox, &call, SLUICE_STATUS_OK);
	assert_true(ring_take(&rig->ring, &first));
	assert_int_equal(first.command_id, 7);
	assert_int_equal(first.sq_head, 1);
	assert_int_equal(first.result, 99);
	assert_int_equal(first.crc, sluice_crc32c(sluice_crc32c(0, &first, 24), "answer", 6));
	assert_string_equal((const char *)rig->stage_out, "answer");
	assert_int_equal(mailbox_serve(&rig->mailbox, 8), 1);
	assert_true(ring_take(&rig->ring, &second));
	assert_int_equal(second.command_id, 8);
}

static void test_deferred_command_without_memory_is_refused(void **state)
{
	struct rig *rig = *state;
	struct mailbox_ops ops = commits_are_slow(rig, -ENOMEM);
	struct sluice_completion completion;

	rig->mailbox.ops = &ops;
	completion = run(rig, (struct sluice_command){.opcode = SLUICE_OP_POLICY_COMMIT});
	expect(&completion, SLUICE_STATUS_NO_MEMORY, SLUICE_NO_OFFSET);
	completion = run(rig, (struct sluice_command){.opcode = SLUICE_OP_POLICY_ABORT});
	expect(&completion, SLUICE_STATUS_OK, SLUICE_NO_OFFSET);
}

static void test_deferred_answer_is_stored_for_its_replay(void **state)
{
	struct rig *rig = *state;
	struct mailbox_ops ops = commits_are_slow(rig, 0);
	const struct sluice_command commit = {.opcode = SLUICE_OP_POLICY_COMMIT, .token = 31};
	struct sluice_completion completion;
	struct mailbox_call call;

	rig->mailbox.ops = &ops;
	ring_submit(&rig->ring, commit);
	assert_int_equal(mailbox_serve(&rig->mailbox, 8), 0);
	call = mailbox_prepare(&rig->mailbox, &kept, NULL, rig->mailbox.scratch.out);
	call.result = 5;
	mailbox_finish(&rig->mailbox, &call, SLUICE_STATUS_OK);
	assert_true(ring_take(&rig->ring, &completion));
	rig->ring.doorbell->cq_head = rig->ring.consumed;
	defer_with = -ENOMEM; /* and so it is not asked again */
	completion = run(rig, commit);
	expect(&completion, SLUICE_STATUS_OK, SLUICE_NO_OFFSET);
	assert_int_equal(completion.result, 5);
}

/* The client is cut off while its command runs: over the next connection it is told to wait, and then the answer. */
static void test_replay_while_the_first_one_runs(void **state)
{
	struct rig *rig = *state;
	struct mailbox_ops ops = commits_are_slow(rig, 0);
	const struct sluice_command commit = {.opcode = SLUICE_OP_POLICY_COMMIT, .token = 31};
	struct sluice_completion completion;
	struct mailbox_call call;

	rig->mailbox.ops = &ops;
	ring_submit(&rig->ring, commit);
	assert_int_equal(mailbox_serve(&rig->mailbox, 8), 0);
	call = mailbox_prepare(&rig->mailbox, &kept, NULL, rig->mailbox.scratch.out);
	rig->mailbox.deferred = false; /* as the next connection's mailbox is */
	rig->mailbox.client = 2;
	completion = run(rig, commit);
	expect(&completion, SLUICE_STATUS_TOKEN_UNDER_WAY, IN_COMMAND(token));
	call.result = 5;
	mailbox_forsake(rig->answers, &call, SLUICE_STATUS_OK);
	completion = run(rig, commit);
	expect(&completion, SLUICE_STATUS_OK, SLUICE_NO_OFFSET);
	assert_int_equal(completion.result, 5);
}

/* Nobody ran it, so that nothing is known of its token. */
static void test_token_of_a_command_that_was_not_deferred(void **state)
{
	struct rig *rig = *state;
	struct mailbox_ops ops = commits_are_slow(rig, -ENOMEM);
	const struct sluice_command commit = {.opcode = SLUICE_OP_POLICY_COMMIT, .token = 31};
	struct sluice_completion completion;

	rig->mailbox.ops = &ops;
	completion = run(rig, commit);
	expect(&completion, SLUICE_STATUS_NO_MEMORY, SLUICE_NO_OFFSET);
	rig->mailbox.defer = NULL;
	assert_int_equal(run(rig, commit).result, 1);
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

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

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
		CASE(every_opcode_that_is_not_in_the_table_is_refused),
		CASE(every_opcode_has_bounds),
		CASE(privileges_are_those_that_were_decided),
		CASE(every_opcode_has_a_role),
		CASE(what_changes_state_is_not_for_tenants),
		CASE(opcode_without_handler),
		CASE(budget),
		CASE(full_completion_ring_stops_the_client),
		CASE(impossible_doorbell_is_no_room),
		CASE(replay_gets_the_stored_answer),
		CASE(only_the_last_answers_are_kept),
		CASE(replay_gives_the_payload_again),
		CASE(token_of_another_command),
		CASE(answers_are_the_users),
		CASE(users_have_their_share_of_answers),
		CASE(replay_while_the_first_one_runs),
		CASE(token_of_a_command_that_was_not_deferred),
		CASE(replay_of_a_refusal),
		CASE(busy_is_not_stored),
		CASE(deferred_command_holds_back_those_behind_it),
		CASE(deferred_command_without_memory_is_refused),
		CASE(deferred_answer_is_stored_for_its_replay),
		CASE(bytes_flipped_during_validation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
