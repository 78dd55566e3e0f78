/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host that writes anything into its mailbox. An input is a role and then turns of
 *
 *   control byte | command, 64 bytes | doorbell, 4 bytes (DOORBELL) | payload length, 2 bytes, and payload (PAYLOAD)
 *
 * Every other opcode is slow: its command is put aside, and completed before the next turn that consumes. A command
 * that asks to be an operation becomes one; the oldest is carried out before the next turn that consumes. Their ids
 * begin with 1, so that OPERATION_STATUS and OPERATION_CANCEL find them.
 *
 * The control bits let the fuzzer get past the checksum and the phase, which it could not guess, and keep
 * offsets small where it wants to reach the handlers rather than the bounds.
 */
#include <stdlib.h>

#include "mailbox.h"
#include "operation.h"
#include "ring.h"

enum control {
	FIX_CRC = 1,
	FIX_PHASE = 2,
	CONSUME = 4,  /* the doorbell follows what was posted */
	DOORBELL = 8, /* the doorbell says what the input says */
	PAYLOAD = 16,
	SERVE = 32,
	SMALL = 64,  /* offsets and lengths modulo 4096 */
	KNOWN = 128, /* the opcode is one of the table */
};

struct input {
	const uint8_t *data;
	size_t left;
};

struct begun {
	struct sluice_command command;
	uint64_t id;
	bool cancelled;
};

static struct {
	struct mailbox mailbox;
	struct mailbox_counters counters;
	struct answers answers;
	struct ring ring;
	struct sluice_completion cq[SLUICE_RING_ENTRIES];
	struct sluice_command sq[SLUICE_RING_ENTRIES];
	struct sluice_doorbell doorbell;
	uint8_t *stage_in;
	uint8_t *stage_out;
	uint64_t handled;
	uint64_t sum;
	/* a command that was put aside, with its copies */
	struct sluice_command deferred;
	uint8_t *payload;
	uint8_t *reply;
	struct operations operations;
	struct begun begun[SLUICE_OPERATIONS]; /* under way, oldest first */
	uint32_t begun_count;
} world;

static const uint16_t known[] = {
#define X(name, number, least, most, role) number,
	SLUICE_OPCODE_TABLE(X)
#undef X
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Reads every byte of the payload, writes every byte of the room, and checks that both are what was signed. */
static enum sluice_status handle(void *context, struct mailbox_call *call)
{
	uint32_t crc = sluice_crc32c(0, call->command, offsetof(struct sluice_command, crc));

	(void)context;
	world.handled++;
	for (uint32_t i = 0; i < call->payload_length; i++)
		world.sum += call->payload[i];
	require(sluice_crc32c(crc, call->payload, call->payload_length) == call->command->crc);
	for (uint32_t i = 0; i < call->reply_room; i++)
		require(call->reply[i] == 0);
	memset(call->reply, 0xc3, call->reply_room);
	call->reply_length = (uint32_t)call->command->arg[0]; /* which may be a lie */
	call->result = call->command->arg[1];
	call->error_offset = (uint32_t)call->command->arg[0];
	return (enum sluice_status)(call->command->arg[1] % (SLUICE_STATUS_INTERNAL + 1));
}

/* ---- Operations ------------------------------------------------------------------------------------ */

static enum sluice_status begin(struct mailbox *mailbox, struct mailbox_call *call)
{
	enum sluice_status status;

	require((call->command->flags & SLUICE_FLAG_OPERATION) != 0);
	require(call->payload == mailbox->scratch.in && call->payload_length <= SLUICE_PATH_MAX);
	status = operations_begin(&world.operations, call->user, call->command->opcode, &call->result);
	require((status == SLUICE_STATUS_OK) == (world.begun_count < SLUICE_OPERATIONS));
	if (status != SLUICE_STATUS_OK)
		return status;
	if (call->command->arg[0] % 8 == 7) { /* sometimes there is no memory */
		operations_refuse(&world.operations, call->result, SLUICE_STATUS_NO_MEMORY);
		call->result = 0;
		return SLUICE_STATUS_NO_MEMORY;
	}
	world.begun[world.begun_count++] = (struct begun){.command = *call->command, .id = call->result};
	return SLUICE_STATUS_OK;
}

/* What is cancelled ends as that, and what is not ends as its handler says. */
static void carry_out(void)
{
	struct sluice_operation_record record;
	enum sluice_status status;
	struct mailbox_call call;
	struct begun begun;
	bool entered;

	if (world.begun_count == 0)
		return;
	begun = world.begun[0];
	call = mailbox_prepare(&world.mailbox, &begun.command, world.payload, world.reply);
	status = (enum sluice_status)(begun.command.arg[1] % (SLUICE_STATUS_INTERNAL + 1));
	entered = operation_enter(&world.operations, begun.id);
	require(entered == !begun.cancelled);
	if (entered) {
		operation_tell("building rules", (uint32_t)begun.command.arg[0] % 101);
		require(!operation_is_cancelled() && operation_fix());
	}
	operation_leave();
	status = entered ? status : SLUICE_STATUS_CANCELLED;
	operations_end(&world.operations, begun.id, &call, status);
	require(operations_find(&world.operations, begun.id, call.user, SLUICE_ROLE_TENANT, &record));
	require(record.state == SLUICE_OPERATION_DONE && record.status == status);
	require(record.opcode == begun.command.opcode);
	world.begun_count--;
	memmove(world.begun, world.begun + 1, world.begun_count * sizeof(world.begun[0]));
}

static enum sluice_status status_of(void *context, struct mailbox_call *call)
{
	struct sluice_operation_record record;

	(void)context;
	world.handled++;
	if (call->reply_room < sizeof(record))
		return SLUICE_STATUS_BAD_LENGTH;
	if (!operations_find(&world.operations, call->command->arg[0], call->user, call->role, &record))
		return SLUICE_STATUS_NOT_FOUND;
	require(record.id == call->command->arg[0]);
	memcpy(call->reply, &record, sizeof(record));
	call->reply_length = sizeof(record);
	return SLUICE_STATUS_OK;
}

static enum sluice_status cancel(void *context, struct mailbox_call *call)
{
	uint64_t id = call->command->arg[0];
	enum sluice_status status = operations_cancel(&world.operations, id, call->user, call->role);
	bool waits = false;

	(void)context;
	world.handled++;
	for (uint32_t i = 0; i < world.begun_count; i++) {
		if (world.begun[i].id != id)
			continue;
		world.begun[i].cancelled = waits = true;
	}
	require((status == SLUICE_STATUS_OK) == waits);
	return status;
}

static struct mailbox_ops ops;

static int defer(struct mailbox *mailbox, const struct sluice_command *command)
{
	require(!mailbox->deferred);
	require(command->in_length <= SLUICE_STAGE_SIZE && command->out_length <= SLUICE_STAGE_SIZE);
	world.deferred = *command;
	memcpy(world.payload, mailbox->scratch.in, command->in_length);
	return command->arg[0] % 8 == 7 ? -1 : 0; /* sometimes there is no memory */
}

static void finish(void)
{
	struct mailbox_call call;

	if (!world.mailbox.deferred)
		return;
	call = mailbox_prepare(&world.mailbox, &world.deferred, world.payload, world.reply);
	memset(world.reply, 0, call.reply_room);
	mailbox_finish(&world.mailbox, &call, ops.handlers[world.deferred.opcode](NULL, &call));
	require(!world.mailbox.deferred);
}

static void set_up_once(void)
{
	if (world.stage_in != NULL)
		return;
	world.stage_in = calloc(1, SLUICE_STAGE_SIZE); /* on the heap, where the sanitizer guards both ends */
	world.stage_out = calloc(1, SLUICE_STAGE_SIZE);
	world.payload = malloc(SLUICE_STAGE_SIZE);
	world.reply = malloc(SLUICE_STAGE_SIZE);
	require(world.stage_in != NULL && world.stage_out != NULL && world.payload != NULL && world.reply != NULL);
	require(mailbox_scratch_create(&world.mailbox.scratch) == 0);
	for (unsigned i = 0; i < MAILBOX_OPCODES; i++) {
		ops.handlers[i] = handle;
		ops.slow[i] = i % 2 == 1;
	}
	ops.handlers[SLUICE_OP_OPERATION_STATUS] = status_of;
	ops.handlers[SLUICE_OP_OPERATION_CANCEL] = cancel;
}

static void start(enum sluice_role role)
{
	struct mailbox_scratch scratch = world.mailbox.scratch;

	memset(world.cq, 0, sizeof(world.cq));
	memset(world.sq, 0, sizeof(world.sq));
	world.doorbell.cq_head = 0;
	world.counters = (struct mailbox_counters){0};
	world.handled = 0;
	world.answers = (struct answers){0};
	world.begun_count = 0;
	operations_create(&world.operations, 1, NULL);
	world.ring = (struct ring){.doorbell = &world.doorbell,
				   .submission = world.sq,
				   .completion = world.cq,
				   .stage_in = world.stage_in,
				   .stage_out = world.stage_out};
	world.mailbox = (struct mailbox){
		.defer = defer,
		.begin = begin,
		.regions = {&world.doorbell, world.sq, world.cq, world.stage_in, world.stage_out},
		.scratch = scratch,
		.ops = &ops,
		.counters = &world.counters,
		.role = role,
		.client = 1,
		.answers = &world.answers,
	};
}

static bool take(struct input *input, void *bytes, size_t length)
{
	if (input->left < length)
		return false;
	memcpy(bytes, input->data, length);
	input->data += length;
	input->left -= length;
	return true;
}

/* Copies the payload to where the command says, as far as there is both stage and input. */
static uint32_t place_payload(struct input *input, uint32_t offset)
{
	uint16_t length = 0;

	if (!take(input, &length, sizeof(length)) || offset >= SLUICE_STAGE_SIZE)
		return 0;
	if (length > input->left)
		length = (uint16_t)input->left;
	if (length > SLUICE_STAGE_SIZE - offset)
		length = (uint16_t)(SLUICE_STAGE_SIZE - offset);
	return take(input, world.stage_in + offset, length) ? length : 0;
}

/* Each completion must be whole, and what it hands over must be in the room that the command gave. */
static void check_completions(void)
{
	struct sluice_completion completion;

	while (ring_take(&world.ring, &completion)) {
		require(strcmp(sluice_status_name(completion.status), "UNKNOWN") != 0);
		require(completion.status_class == sluice_status_class(completion.status));
		require(completion.out_length <= SLUICE_STAGE_SIZE);
		if (completion.out_length == 0)
			require(completion.crc == sluice_crc32c(0, &completion, 24));
	}
	require(world.ring.consumed == world.mailbox.posted);
	require(world.counters.commands == world.mailbox.taken);
	require(world.mailbox.taken == world.mailbox.posted + world.mailbox.deferred);
	require(world.counters.bad_commands <= world.counters.commands);
	/* the rest ran, but for replays, which have a stored answer */
	require(world.handled <= world.counters.commands - world.counters.bad_commands);
}

static void shape(struct sluice_command *command, uint8_t control)
{
	if (control & KNOWN)
		command->opcode = known[command->opcode % (sizeof(known) / sizeof(known[0]))];
	if (control & SMALL) {
		command->flags &= SLUICE_FLAG_OPERATION;
		command->reserved = 0;
		command->in_offset %= 4096;
		command->in_length %= 4096;
		command->out_offset %= 4096;
		command->out_length %= 4096;
	}
	if (control & FIX_PHASE)
		command->phase = ring_phase(world.ring.submitted);
}

static bool turn(struct input *input)
{
	struct sluice_command command;
	uint32_t payload = 0;
	uint8_t control;

	if (!take(input, &control, 1) || !take(input, &command, sizeof(command)))
		return false;
	shape(&command, control);
	if (control & CONSUME) {
		finish();
		carry_out();
		check_completions();
		world.doorbell.cq_head = world.ring.consumed;
	}
	if ((control & DOORBELL) && !take(input, &world.doorbell.cq_head, sizeof(world.doorbell.cq_head)))
		return false;
	if (control & PAYLOAD)
		payload = place_payload(input, command.in_offset);
	if ((control & FIX_CRC) && (uint64_t)command.in_offset + command.in_length <= SLUICE_STAGE_SIZE)
		command.crc = ring_crc(&world.ring, &command);
	ring_publish(&world.ring, &command);
	if (control & SERVE) {
		require(mailbox_serve(&world.mailbox, 8) <= 8);
		check_completions();
	}
	if (payload > 0) /* the next input must find what this one found */
		memset(world.stage_in + command.in_offset, 0, payload);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	uint8_t role = 0;

	set_up_once();
	take(&input, &role, 1);
	start((enum sluice_role)(role % (SLUICE_ROLE_OPERATOR + 1)));
	while (turn(&input))
		;
	finish();
	mailbox_serve(&world.mailbox, SLUICE_RING_ENTRIES);
	finish();
	while (world.begun_count > 0)
		carry_out();
	check_completions();
	operations_destroy(&world.operations);
	return 0;
}
