/* SPDX-License-Identifier: BSD-3-Clause */
/* What a host may do, and what must come of it. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "random.h"

#define PAUSE_US 100

struct sluice_completion actor_call(struct actor *actor, struct sluice_command command)
{
	struct sluice_completion completion;

	if (!host_call(&actor->upper, command, &completion))
		actor_fail(actor, "command 0x%x: no completion", command.opcode);
	if (completion.command_id != actor->upper.next_id)
		actor_fail(actor, "command %u: the completion of %u", actor->upper.next_id, completion.command_id);
	return completion;
}

static enum outcome expect(const struct actor *actor, uint16_t status, uint16_t wanted)
{
	if (status == wanted)
		return STEP_DONE;
	if (status == SLUICE_STATUS_BUSY)
		return STEP_BUSY;
	actor_fail(actor, "'%s', and not '%s'", sluice_status_text(status), sluice_status_text(wanted));
}

/* ---- Coming and going ------------------------------------------------------------------------------ */

enum outcome legal_attach(struct actor *actor)
{
	if (actor->attached)
		return STEP_IMPOSSIBLE;
	host_open_now(&actor->upper, actor->dir, actor->upper_port, ACTOR_ENTRIES);
	host_open_now(&actor->lower, actor->dir, actor->lower_port, ACTOR_ENTRIES);
	if (host_status(&actor->upper) != SLUICE_QUEUE_UP || host_status(&actor->lower) != SLUICE_QUEUE_UP)
		actor_fail(actor, "queues with status %u and %u", host_status(&actor->upper),
			   host_status(&actor->lower));
	actor->epoch = host_random(&actor->random);
	actor->attached = true;
	return STEP_DONE;
}

void actor_detach(struct actor *actor)
{
	host_close(&actor->upper);
	host_close(&actor->lower);
	actor->attached = actor->open = false;
}

enum outcome legal_detach(struct actor *actor)
{
	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	actor_detach(actor);
	return STEP_DONE;
}

/* ---- Frames ---------------------------------------------------------------------------------------- */

struct head {
	uint8_t ethernet[14];
	uint64_t epoch;
	uint64_t number;
} __attribute__((packed));

static uint32_t make(const struct actor *actor, uint8_t *frame, uint64_t number)
{
	struct head head = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5}, actor->epoch, number};
	uint32_t length = HOST_FRAME_LEAST + (uint32_t)(number * 41 % (HOST_FRAME_MAX - HOST_FRAME_LEAST + 1));

	memset(frame, (int)(number * 7), length);
	memcpy(frame, &head, sizeof(head));
	return length;
}

/* Frames of former times may still come: they are not this one's. */
static bool is_mine(const struct actor *actor, const uint8_t *frame, uint32_t length)
{
	struct head head;

	if (length < sizeof(head))
		return false;
	memcpy(&head, frame, sizeof(head));
	return head.epoch == actor->epoch;
}

static void send_all(struct actor *actor, struct host *from, uint64_t first, uint32_t count)
{
	uint64_t limit = host_now_ms() + HOST_WAIT_MS;
	uint8_t frame[HOST_FRAME_MAX];

	from->line->want_event = actor_choose(actor, 4); /* its events are never read */
	for (uint32_t i = 0; i < count;) {
		uint32_t length = make(actor, frame, first + i);

		if (host_send(from, frame, length)) {
			i++;
			continue;
		}
		if (host_now_ms() > limit)
			actor_fail(actor, "no room in the send ring: status %u", host_status(from));
		usleep(PAUSE_US);
	}
	if (!host_sent(from))
		actor_fail(actor, "the card does not take frames: status %u", host_status(from));
}

static void expect_frames(struct actor *actor, struct host *to, uint64_t first, uint32_t count, uint32_t *kept,
			  uint32_t *kept_count)
{
	uint64_t limit = host_now_ms() + HOST_WAIT_MS;
	uint8_t frame[1 << 16], expected[HOST_FRAME_MAX];

	for (uint32_t came = 0; came < count;) {
		uint32_t length = host_receive_and_keep(to, frame, sizeof(frame), kept, kept_count);

		if (is_mine(actor, frame, length)) {
			if (length != make(actor, expected, first + came) || memcmp(frame, expected, length) != 0)
				actor_fail(actor, "frame %llu is another one", (unsigned long long)(first + came));
			came++;
			continue;
		}
		if (length > 0)
			continue;
		if (host_now_ms() > limit)
			actor_fail(actor, "frame %llu of %u did not come: status %u",
				   (unsigned long long)(first + came), count, host_status(to));
		usleep(PAUSE_US);
	}
}

void actor_pass(struct actor *actor, struct host *from, struct host *to, uint32_t count)
{
	uint32_t kept[ACTOR_ENTRIES], kept_count = 0;
	uint64_t refused = host_refused(from);

	send_all(actor, from, actor->frames, count);
	expect_frames(actor, to, actor->frames, count, kept, &kept_count);
	actor->frames += count;
	while (kept_count > 0)
		host_give_back(to, kept[--kept_count]);
	if (host_refused(from) != refused)
		actor_fail(actor, "%llu good frames were refused", (unsigned long long)(host_refused(from) - refused));
}

/* What is on its way may fill all buffers, so that what comes last is lost: then another one follows. */
void actor_flush(struct actor *actor)
{
	uint64_t limit = host_now_ms() + HOST_WAIT_MS, again = 0;
	uint8_t frame[1 << 16];
	uint32_t length;

	actor->epoch = host_random(&actor->random);
	do {
		length = host_receive(&actor->lower, frame, sizeof(frame));
		if (length == 0 && host_now_ms() > again) {
			send_all(actor, &actor->upper, 0, 1);
			again = host_now_ms() + 50;
		}
		if (host_now_ms() > limit)
			actor_fail(actor, "nothing comes any more: status %u", host_status(&actor->lower));
	} while (!is_mine(actor, frame, length));
	actor->epoch = host_random(&actor->random);
}

enum outcome legal_send(struct actor *actor)
{
	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	actor_pass(actor, &actor->upper, &actor->lower, 1 + actor_choose(actor, ACTOR_FRAMES));
	return STEP_DONE;
}

enum outcome legal_receive(struct actor *actor)
{
	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	actor_pass(actor, &actor->lower, &actor->upper, 1 + actor_choose(actor, ACTOR_FRAMES));
	return STEP_DONE;
}

/* Others go by while it keeps them. */
enum outcome legal_keep(struct actor *actor)
{
	uint32_t kept[ACTOR_ENTRIES], count = 0, number = 1 + actor_choose(actor, ACTOR_FRAMES);

	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	send_all(actor, &actor->lower, actor->frames, number);
	expect_frames(actor, &actor->upper, actor->frames, number, kept, &count);
	actor->frames += number;
	actor_pass(actor, &actor->lower, &actor->upper, ACTOR_FRAMES);
	while (count > 0) {
		uint32_t which = actor_choose(actor, count);

		host_give_back(&actor->upper, kept[which]);
		kept[which] = kept[--count];
	}
	return STEP_DONE;
}

/* ---- Questions ------------------------------------------------------------------------------------- */

enum outcome legal_ask(struct actor *actor)
{
	static const uint16_t questions[] = {SLUICE_OP_INFO,	    SLUICE_OP_PORT_LIST, SLUICE_OP_DRIVER_LIST,
					     SLUICE_OP_STACK_LIST,  SLUICE_OP_DROP_LIST, SLUICE_OP_WORKER_LIST,
					     SLUICE_OP_DEVICE_LIST, SLUICE_OP_RULE_LIST};
	struct sluice_command command = {
		.opcode = questions[actor_choose(actor, sizeof(questions) / sizeof(questions[0]))],
		.out_offset = actor_choose(actor, SLUICE_STAGE_SIZE / 2),
		.out_length = SLUICE_STAGE_SIZE / 2,
	};

	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	if (command.opcode == SLUICE_OP_RULE_LIST) {
		command.in_length = SLUICE_NAME_SIZE;
		memset(actor->upper.peer.ring.stage_in, 0, SLUICE_NAME_SIZE);
	}
	return expect(actor, actor_call(actor, command).status, SLUICE_STATUS_OK);
}

enum outcome legal_list_oids(struct actor *actor)
{
	const struct sluice_command command = {
		.opcode = SLUICE_OP_OID_LIST, .in_length = SLUICE_NAME_SIZE, .out_length = 65536};

	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	memcpy(actor->upper.peer.ring.stage_in, actor->filter, SLUICE_NAME_SIZE);
	return expect(actor, actor_call(actor, command).status, SLUICE_STATUS_OK);
}

/* ---- The policy ------------------------------------------------------------------------------------ */

/* It is everybody's: what is committed is what was read. */
enum outcome legal_read_policy(struct actor *actor)
{
	uint32_t at = 0, length = UINT32_MAX;

	if (!actor->attached || actor->open)
		return STEP_IMPOSSIBLE;
	while (at < length) {
		struct sluice_completion completion =
			actor_call(actor, (struct sluice_command){.opcode = SLUICE_OP_POLICY_READ,
								  .arg = {at},
								  .out_length = 1 + actor_choose(actor, 4096)});

		expect(actor, completion.status, SLUICE_STATUS_OK);
		if (at == 0)
			actor->policy = realloc(actor->policy, length = (uint32_t)completion.result);
		if (actor->policy == NULL || completion.out_length > length - at || completion.result != length)
			actor_fail(actor, "%u bytes of a policy of %u", completion.out_length, length);
		memcpy(actor->policy + at, actor->upper.peer.ring.stage_out, completion.out_length);
		at += completion.out_length;
	}
	actor->policy_length = length;
	return STEP_DONE;
}

enum outcome legal_begin(struct actor *actor)
{
	struct sluice_completion completion;
	uint16_t wanted = actor->open ? SLUICE_STATUS_TRANSACTION_OPEN : SLUICE_STATUS_OK;

	if (!actor->attached || actor->policy == NULL)
		return STEP_IMPOSSIBLE;
	completion = actor_call(
		actor, (struct sluice_command){.opcode = SLUICE_OP_POLICY_BEGIN, .arg = {actor->policy_length}});
	if (!actor->open)
		actor->uploaded = 0;
	actor->open = true;
	return expect(actor, completion.status, wanted);
}

enum outcome legal_chunk(struct actor *actor)
{
	uint32_t at = actor_choose(actor, SLUICE_STAGE_SIZE / 2), left = actor->policy_length - actor->uploaded, length;
	struct sluice_completion completion;

	if (!actor->attached || !actor->open || left == 0)
		return STEP_IMPOSSIBLE;
	length = actor_choose(actor, 2) == 0 ? left : 1 + actor_choose(actor, left);
	memcpy(actor->upper.peer.ring.stage_in + at, actor->policy + actor->uploaded, length);
	completion = actor_call(actor, (struct sluice_command){.opcode = SLUICE_OP_POLICY_CHUNK,
							       .arg = {actor->uploaded},
							       .in_offset = at,
							       .in_length = length});
	actor->uploaded += length;
	return expect(actor, completion.status, SLUICE_STATUS_OK);
}

/* What a command that wants a whole upload must answer. */
static uint16_t of_upload(const struct actor *actor)
{
	if (!actor->open)
		return SLUICE_STATUS_NO_TRANSACTION;
	return actor->uploaded < actor->policy_length ? SLUICE_STATUS_INCOMPLETE : SLUICE_STATUS_OK;
}

enum outcome legal_validate(struct actor *actor)
{
	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	return expect(actor, actor_call(actor, (struct sluice_command){.opcode = SLUICE_OP_POLICY_VALIDATE}).status,
		      of_upload(actor));
}

enum outcome legal_commit(struct actor *actor)
{
	uint16_t wanted = of_upload(actor);

	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	actor->open = wanted == SLUICE_STATUS_INCOMPLETE;
	return expect(actor, actor_call(actor, (struct sluice_command){.opcode = SLUICE_OP_POLICY_COMMIT}).status,
		      wanted);
}

enum outcome legal_abort_upload(struct actor *actor)
{
	if (!actor->attached)
		return STEP_IMPOSSIBLE;
	actor->open = false;
	return expect(actor, actor_call(actor, (struct sluice_command){.opcode = SLUICE_OP_POLICY_ABORT}).status,
		      SLUICE_STATUS_OK);
}
