/* SPDX-License-Identifier: BSD-3-Clause */
#include "mailbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/crc32c.h"

#define PHASE_MASK 1u

#define COMMAND_FIELD(member) (SLUICE_ERROR_IN_COMMAND | (uint32_t)offsetof(struct sluice_command, member))

/* The last 8 bytes of an entry, which publish it; little-endian, so the crc is the low half. */
#define COMMIT_WORD(crc, phase) ((uint64_t)(crc) | (uint64_t)(phase) << 32)
#define COMMIT_CRC(word)	((uint32_t)(word))
#define COMMIT_PHASE(word)	((uint32_t)((word) >> 32))

/* What SLUICE_OPCODE_TABLE says of one opcode. */
struct opcode_rule {
	uint32_t least; /* bytes of payload */
	uint32_t most;
	uint8_t role;
	uint8_t known;
};

static const struct opcode_rule opcode_rules[MAILBOX_OPCODES] = {
#define X(name, number, least, most, role) [number] = {least, most, SLUICE_ROLE_##role, 1},
	SLUICE_OPCODE_TABLE(X)
#undef X
};

#define X(name, bit, text) | bit
static const uint32_t known_flags = 0 SLUICE_FLAG_TABLE(X);
#undef X

static const bool may_be_operation[MAILBOX_OPCODES] = {
#define X(name, builds) [SLUICE_OP_##name] = true,
	SLUICE_OPERATION_TABLE(X)
#undef X
};

static bool is_operation(const struct sluice_command *command)
{
	return (command->flags & SLUICE_FLAG_OPERATION) != 0;
}

/* One command between the ring and its completion. */
struct verdict {
	enum sluice_status status;
	uint32_t error_offset;
};

static const struct verdict accepted = {SLUICE_STATUS_OK, SLUICE_NO_OFFSET};

int mailbox_scratch_create(struct mailbox_scratch *scratch)
{
	scratch->in = malloc(SLUICE_STAGE_SIZE);
	scratch->out = malloc(SLUICE_STAGE_SIZE);
	if (scratch->in != NULL && scratch->out != NULL)
		return 0;
	mailbox_scratch_destroy(scratch);
	return -ENOMEM;
}

void mailbox_scratch_destroy(struct mailbox_scratch *scratch)
{
	free(scratch->in);
	free(scratch->out);
	*scratch = (struct mailbox_scratch){0};
}

/* Phase of the lap in which entry number @p index (modulo 2^32) is: 1 on the first, 0 on the second, ... */
static uint32_t lap_phase(uint32_t index)
{
	return (index / SLUICE_RING_ENTRIES & 1) ^ 1;
}

static bool lies_within_stage(uint32_t offset, uint32_t length)
{
	return offset <= SLUICE_STAGE_SIZE && length <= SLUICE_STAGE_SIZE - offset;
}

/*
 * Whether the completion ring has room. A head is possible where it lies between the last one that we
 * believed and what we posted; any other would let the host choose how far we run, so it counts as no room.
 */
static bool has_room(struct mailbox *mailbox)
{
	uint32_t head = __atomic_load_n(&mailbox->regions.doorbell->cq_head, __ATOMIC_ACQUIRE);
	uint32_t outstanding = mailbox->posted - mailbox->cq_head;

	if (head - mailbox->cq_head > outstanding) {
		mailbox->counters->bad_doorbells++;
		return false;
	}
	mailbox->cq_head = head;
	return mailbox->posted - head < SLUICE_RING_ENTRIES;
}

/* Copies the next entry, once; false where none is published. */
static bool take(struct mailbox *mailbox, struct sluice_command *command)
{
	const volatile struct sluice_command *entry =
		&mailbox->regions.submission[mailbox->taken % SLUICE_RING_ENTRIES];
	uint64_t word = __atomic_load_n((const volatile uint64_t *)&entry->crc, __ATOMIC_ACQUIRE);

	if ((COMMIT_PHASE(word) & PHASE_MASK) != lap_phase(mailbox->taken))
		return false;
	memcpy(command, (const void *)entry, offsetof(struct sluice_command, crc));
	/* The compiler must not come back to shared memory for what it could read again from there. */
	__asm__ volatile("" : : "r"(command) : "memory");
	command->crc = COMMIT_CRC(word);
	command->phase = COMMIT_PHASE(word);
	mailbox->taken++;
	return true;
}

/* Copies the payload, once; what lies outside the stage cannot be copied, nor its checksum be judged. */
static struct verdict fetch_payload(struct mailbox *mailbox, const struct sluice_command *command)
{
	if (command->in_offset > SLUICE_STAGE_SIZE)
		return (struct verdict){SLUICE_STATUS_BAD_LENGTH, COMMAND_FIELD(in_offset)};
	if (!lies_within_stage(command->in_offset, command->in_length))
		return (struct verdict){SLUICE_STATUS_BAD_LENGTH, COMMAND_FIELD(in_length)};
	memcpy(mailbox->scratch.in, mailbox->regions.stage_in + command->in_offset, command->in_length);
	__asm__ volatile("" : : "r"(mailbox->scratch.in) : "memory");
	return accepted;
}

static struct verdict check_crc(const struct mailbox *mailbox, const struct sluice_command *command)
{
	uint32_t crc = sluice_crc32c(0, command, offsetof(struct sluice_command, crc));

	if (sluice_crc32c(crc, mailbox->scratch.in, command->in_length) != command->crc)
		return (struct verdict){SLUICE_STATUS_BAD_CRC, COMMAND_FIELD(crc)};
	return accepted;
}

static struct verdict check_fields(const struct sluice_command *command)
{
	if ((command->phase & ~PHASE_MASK) != 0)
		return (struct verdict){SLUICE_STATUS_BAD_RESERVED, COMMAND_FIELD(phase)};
	if ((command->flags & ~known_flags) != 0)
		return (struct verdict){SLUICE_STATUS_BAD_RESERVED, COMMAND_FIELD(flags)};
	if (command->reserved != 0)
		return (struct verdict){SLUICE_STATUS_BAD_RESERVED, COMMAND_FIELD(reserved)};
	if (command->out_offset > SLUICE_STAGE_SIZE)
		return (struct verdict){SLUICE_STATUS_BAD_LENGTH, COMMAND_FIELD(out_offset)};
	if (!lies_within_stage(command->out_offset, command->out_length))
		return (struct verdict){SLUICE_STATUS_BAD_LENGTH, COMMAND_FIELD(out_length)};
	return accepted;
}

static struct verdict check_opcode(const struct mailbox *mailbox, const struct sluice_command *command)
{
	const struct opcode_rule *rule;

	if (command->opcode >= MAILBOX_OPCODES || !opcode_rules[command->opcode].known)
		return (struct verdict){SLUICE_STATUS_BAD_OPCODE, COMMAND_FIELD(opcode)};
	rule = &opcode_rules[command->opcode];
	if (mailbox->role < rule->role)
		return (struct verdict){SLUICE_STATUS_NOT_PERMITTED, COMMAND_FIELD(opcode)};
	if (command->in_length < rule->least || command->in_length > rule->most)
		return (struct verdict){SLUICE_STATUS_BAD_LENGTH, COMMAND_FIELD(in_length)};
	if (mailbox->ops->handlers[command->opcode] == NULL)
		return (struct verdict){SLUICE_STATUS_NOT_SUPPORTED, COMMAND_FIELD(opcode)};
	if (is_operation(command) && (!may_be_operation[command->opcode] || mailbox->begin == NULL))
		return (struct verdict){SLUICE_STATUS_NOT_SUPPORTED, COMMAND_FIELD(flags)};
	return accepted;
}

static struct verdict check(struct mailbox *mailbox, const struct sluice_command *command)
{
	struct verdict verdict = fetch_payload(mailbox, command);

	if (verdict.status == SLUICE_STATUS_OK)
		verdict = check_crc(mailbox, command);
	if (verdict.status == SLUICE_STATUS_OK)
		verdict = check_fields(command);
	if (verdict.status == SLUICE_STATUS_OK)
		verdict = check_opcode(mailbox, command);
	return verdict;
}

static void set_status(struct sluice_completion *completion, enum sluice_status status, uint32_t error_offset)
{
	completion->status = (uint16_t)status;
	completion->status_class = (uint8_t)sluice_status_class((uint16_t)status);
	completion->do_not_retry = sluice_status_do_not_retry((uint16_t)status);
	completion->error_offset = status == SLUICE_STATUS_OK ? SLUICE_NO_OFFSET : error_offset;
}

struct mailbox_call mailbox_prepare(const struct mailbox *mailbox, const struct sluice_command *command,
				    const uint8_t *payload, uint8_t *reply)
{
	return (struct mailbox_call){
		.command = command,
		.payload = payload,
		.payload_length = command->in_length,
		.reply = reply,
		.reply_room = command->out_length,
		.session = mailbox->session,
		.role = mailbox->role,
		.user = mailbox->user,
		.client = mailbox->client,
		.abi_minor = mailbox->abi_minor,
		.error_offset = SLUICE_NO_OFFSET,
	};
}

/* ---- Tokens ---------------------------------------------------------------------------------------- */

/* Who may read may read again. Reading is what the table opens to tenants. */
static bool answer_is_kept(const struct answers *answers, const struct sluice_command *command)
{
	return answers != NULL && command->token != 0 && opcode_rules[command->opcode].role != SLUICE_ROLE_TENANT;
}

static bool is_about_its_connection(uint16_t opcode)
{
	switch (opcode) {
	case SLUICE_OP_POLICY_BEGIN:
	case SLUICE_OP_POLICY_CHUNK:
	case SLUICE_OP_POLICY_VALIDATE:
	case SLUICE_OP_POLICY_ABORT:
	case SLUICE_OP_POLICY_STATUS:
	case SLUICE_OP_POLICY_RESUME:
	case SLUICE_OP_DEVICE_OPEN:
	case SLUICE_OP_DEVICE_CLOSE:
		return true;
	default:
		return false;
	}
}

static struct answer_key key_of(const struct mailbox_call *call)
{
	return (struct answer_key){
		.token = call->command->token,
		.user = call->user,
		.client = is_about_its_connection(call->command->opcode) ? call->client : 0,
		.opcode = call->command->opcode,
	};
}

/* A handle is its connection's, and no part of what is asked for. */
static uint32_t fingerprint_of(const struct mailbox_call *call)
{
	const struct sluice_command *command = call->command;
	uint64_t argument = command->opcode == SLUICE_OP_DEVICE_CALL ? 0 : command->arg[0];
	uint32_t crc = sluice_crc32c(0, &argument, sizeof(argument));

	crc = sluice_crc32c(crc, &command->arg[1], sizeof(command->arg[1]));
	crc = sluice_crc32c(crc, &command->flags, sizeof(command->flags));
	return sluice_crc32c(crc, call->payload, call->payload_length);
}

/* All of the room is written: the answer, where it was kept and fits, and zeros behind it. */
static void hand_over_kept(struct mailbox *mailbox, const struct mailbox_call *call, const struct answer *answer,
			   struct sluice_completion *completion)
{
	const struct sluice_command *command = call->command;

	set_status(completion, answer->status, answer->error_offset);
	completion->result = answer->result;
	completion->out_length = answer->length <= command->out_length ? answer->length : 0;
	memset(call->reply, 0, command->out_length);
	memcpy(call->reply, answer->bytes, completion->out_length);
	memcpy(mailbox->regions.stage_out + command->out_offset, call->reply, command->out_length);
}

/* True: the command has its answer, and is not to be run. */
static bool replay(struct mailbox *mailbox, const struct mailbox_call *call, struct sluice_completion *completion)
{
	const struct answer *answer = NULL;
	struct answer_key key = key_of(call);

	switch (answers_begin(mailbox->answers, &key, fingerprint_of(call), &answer)) {
	case ANSWER_NEW:
		return false;
	case ANSWER_KEPT:
		hand_over_kept(mailbox, call, answer, completion);
		return true;
	case ANSWER_UNDER_WAY:
		set_status(completion, SLUICE_STATUS_TOKEN_UNDER_WAY, COMMAND_FIELD(token));
		return true;
	case ANSWER_OTHER:
		set_status(completion, SLUICE_STATUS_TOKEN_REUSED, COMMAND_FIELD(token));
		return true;
	case ANSWER_NO_ROOM:
		break;
	}
	set_status(completion, SLUICE_STATUS_NO_MEMORY, COMMAND_FIELD(token));
	return true;
}

/* ---- Execution ------------------------------------------------------------------------------------- */

static void conclude(struct answers *answers, struct mailbox_call *call, enum sluice_status status,
		     struct sluice_completion *completion)
{
	if (call->reply_length > call->command->out_length) { /* a handler's bug; the host must not see whose bytes */
		status = SLUICE_STATUS_INTERNAL;
		call->reply_length = 0;
	}
	set_status(completion, status, call->error_offset);
	completion->out_length = call->reply_length;
	completion->result = call->result;
	if (answer_is_kept(answers, call->command)) {
		const struct answer_key key = key_of(call);

		answers_end(answers, &key, completion, call->reply);
	}
}

/*
 * The whole room that the command offered is written, answer first and zeros behind it, so that nothing in
 * it is older than this command.
 */
static void hand_over(struct mailbox *mailbox, struct mailbox_call *call, enum sluice_status status,
		      struct sluice_completion *completion)
{
	const struct sluice_command *command = call->command;

	conclude(mailbox->answers, call, status, completion);
	memset(call->reply + call->reply_length, 0, command->out_length - call->reply_length);
	memcpy(mailbox->regions.stage_out + command->out_offset, call->reply, command->out_length);
}

static void run_handler(struct mailbox *mailbox, struct mailbox_call *call, struct sluice_completion *completion)
{
	enum sluice_status status;

	memset(call->reply, 0, call->reply_room);
	status = mailbox->ops->handlers[call->command->opcode](mailbox->context, call);
	hand_over(mailbox, call, status, completion);
}

/* Returns whether somebody has taken it over. */
static bool defer(struct mailbox *mailbox, const struct mailbox_call *call, struct sluice_completion *completion)
{
	const struct answer_key key = key_of(call);

	mailbox->deferred = mailbox->defer(mailbox, call->command) == 0;
	if (mailbox->deferred)
		return true;
	set_status(completion, SLUICE_STATUS_NO_MEMORY, SLUICE_NO_OFFSET);
	if (answer_is_kept(mailbox->answers, call->command))
		answers_forget(mailbox->answers, &key);
	return false;
}

/* False: it is complete later. */
static bool execute(struct mailbox *mailbox, const struct sluice_command *command, struct sluice_completion *completion)
{
	struct mailbox_call call = mailbox_prepare(mailbox, command, mailbox->scratch.in, mailbox->scratch.out);

	if (answer_is_kept(mailbox->answers, command) && replay(mailbox, &call, completion))
		return true;
	if (is_operation(command)) {
		hand_over(mailbox, &call, mailbox->begin(mailbox, &call), completion);
		return true;
	}
	if (mailbox->defer != NULL && mailbox->ops->slow[command->opcode])
		return !defer(mailbox, &call, completion);
	run_handler(mailbox, &call, completion);
	return true;
}

/* The checksum covers the private copy of the answer: the host cannot make the card vouch for other bytes. */
static void post(struct mailbox *mailbox, const struct sluice_completion *completion, const uint8_t *answer)
{
	struct sluice_completion *entry = &mailbox->regions.completion[mailbox->posted % SLUICE_RING_ENTRIES];
	uint32_t crc = sluice_crc32c(0, completion, offsetof(struct sluice_completion, crc));
	uint64_t word;

	crc = sluice_crc32c(crc, answer, completion->out_length);
	word = COMMIT_WORD(crc, lap_phase(mailbox->posted));
	memcpy(entry, completion, offsetof(struct sluice_completion, crc));
	__atomic_store_n((uint64_t *)&entry->crc, word, __ATOMIC_RELEASE);
	mailbox->posted++;
}

static struct sluice_completion begin_completion(const struct mailbox *mailbox, const struct sluice_command *command)
{
	return (struct sluice_completion){.command_id = command->command_id, .sq_head = (uint16_t)mailbox->taken};
}

/* Returns the completions posted: 0 where it comes later. */
static unsigned complete(struct mailbox *mailbox, const struct sluice_command *command)
{
	struct sluice_completion completion = begin_completion(mailbox, command);
	struct verdict verdict = check(mailbox, command);

	mailbox->counters->commands++;
	if (verdict.status == SLUICE_STATUS_OK) {
		if (!execute(mailbox, command, &completion))
			return 0;
	} else {
		mailbox->counters->bad_commands++;
		set_status(&completion, verdict.status, verdict.error_offset);
	}
	post(mailbox, &completion, mailbox->scratch.out);
	return 1;
}

unsigned mailbox_serve(struct mailbox *mailbox, unsigned budget)
{
	struct sluice_command command;
	unsigned served = 0;

	while (served < budget && !mailbox->deferred && has_room(mailbox) && take(mailbox, &command))
		served += complete(mailbox, &command);
	return served;
}

/* There is room for the completion: there was when the command was taken, and none was posted since. */
void mailbox_finish(struct mailbox *mailbox, struct mailbox_call *call, enum sluice_status status)
{
	struct sluice_completion completion = begin_completion(mailbox, call->command);

	hand_over(mailbox, call, status, &completion);
	post(mailbox, &completion, call->reply);
	mailbox->deferred = false;
}

void mailbox_forsake(struct answers *answers, struct mailbox_call *call, enum sluice_status status)
{
	struct sluice_completion completion = {0};

	conclude(answers, call, status, &completion);
}
