/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers that are kept for a replay, and answers that come later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <errno.h>

#include "mailbox_rig.h"

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

/* It is under way, and answered by nobody yet. */
static struct mailbox_call begin_deferred(struct rig *rig, struct sluice_command command)
{
	ring_submit(&rig->ring, command);
	assert_int_equal(mailbox_serve(&rig->mailbox, 8), 0);
	return mailbox_prepare(&rig->mailbox, &kept, NULL, rig->mailbox.scratch.out);
}

static void test_deferred_answer_is_stored_for_its_replay(void **state)
{
	struct rig *rig = *state;
	struct mailbox_ops ops = commits_are_slow(rig, 0);
	const struct sluice_command commit = {.opcode = SLUICE_OP_POLICY_COMMIT, .token = 31};
	struct sluice_completion completion;
	struct mailbox_call call;

	rig->mailbox.ops = &ops;
	call = begin_deferred(rig, commit);
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
	call = begin_deferred(rig, commit);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(replay_gets_the_stored_answer),
		CASE(only_the_last_answers_are_kept),
		CASE(replay_gives_the_payload_again),
		CASE(token_of_another_command),
		CASE(answers_are_the_users),
		CASE(users_have_their_share_of_answers),
		CASE(replay_of_a_refusal),
		CASE(busy_is_not_stored),
		CASE(deferred_command_holds_back_those_behind_it),
		CASE(deferred_command_without_memory_is_refused),
		CASE(deferred_answer_is_stored_for_its_replay),
		CASE(replay_while_the_first_one_runs),
		CASE(token_of_a_command_that_was_not_deferred),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
