/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two clients that upload, validate, commit, abort, read and die in any order, against the card's own handlers and the
 * whole stack below them. An input is a list of steps: a byte that says what is done and by whom, then what the step
 * takes. What must come of a step is known; where the image was tampered with, that it comes into force as a whole or
 * not at all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../unit/ctrlplane/machine.h"
#include "../../unit/edge/eal.h"
#include "../input.h"
#include "session.h"

enum { CLIENTS = 2, STEPS_MAX = 128, RULES_MAX = 8, ROOM = 4096 };

enum step {
	LOAD,	    /* which image is uploaded from now on: rules of either filter, and whether of rules alone */
	TAMPER,	    /* offset (2), byte */
	BEGIN,	    /* of as many bytes as the image has */
	BEGIN_ANY,  /* of how many (8) */
	CHUNK,	    /* all that is missing */
	CHUNK_SOME, /* of how many bytes (2) */
	CHUNK_ANY,  /* at which offset (8), of how many bytes (2) */
	VALIDATE,   /* by which the expected generation differs from the one in force, 255: 0 */
	COMMIT,	    /* the same */
	ABORT,
	READ, /* from which offset (4), room (2) */
	READ_ALL,
	DIE,
	STEPS
};

static struct client {
	void *session;
	struct policy_image image; /* that it uploads */
	bool good;		   /* as it was made: it can come into force */
	bool open;
	uint64_t announced, received;
	bool whole; /* what was received is the image as it was made */
	uint8_t reply[ROOM];
} clients[CLIENTS];

static uint64_t take_number(struct input *input, size_t bytes)
{
	uint64_t number = 0;

	require(bytes <= sizeof(number));
	take(input, &number, bytes);
	return number;
}

/* ---- Calls ----------------------------------------------------------------------------------------- */

struct outcome {
	enum sluice_status status;
	uint32_t length;
	uint64_t result;
};

static struct outcome call(struct client *client, enum sluice_opcode opcode, uint64_t argument, const void *payload,
			   uint32_t length, uint32_t room)
{
	const struct sluice_command command = {.opcode = (uint16_t)opcode, .arg = {argument}, .out_length = room};
	struct mailbox_call made = {
		.command = &command,
		.payload = payload,
		.payload_length = length,
		.reply = client->reply,
		.reply_room = room,
		.session = client->session,
		.role = SLUICE_ROLE_OPERATOR,
		.abi_minor = SLUICE_ABI_MINOR,
		.error_offset = SLUICE_NO_OFFSET,
	};
	struct outcome answer;

	memset(client->reply, 0, sizeof(client->reply));
	answer.status = session_ops.handlers[opcode](&machine.control, &made);
	require(answer.status != MAILBOX_LATER && made.reply_length <= room);
	answer.length = made.reply_length;
	answer.result = made.result;
	return answer;
}

static void load(struct client *client, uint8_t how)
{
	const struct image_instance filters[] = {{"fw", "filter", how % RULES_MAX, true, SLUICE_ALLOW},
						 {"fw2", "filter", how / RULES_MAX % RULES_MAX, true, SLUICE_ALLOW}};

	policy_image_clear(&client->image);
	client->image =
		how & 0x80 ? image_rules_only(filters, 2) : image_usual(how % RULES_MAX, how / RULES_MAX % RULES_MAX);
	client->good = true;
	client->whole = false; /* what was received is of another one */
}

static void tamper(struct client *client, struct input *input)
{
	uint64_t at = take_number(input, 2) % client->image.length;

	((uint8_t *)client->image.header)[at] = take_byte(input);
	client->good = client->whole = false;
}

/* ---- An upload ------------------------------------------------------------------------------------- */

static void begin(struct client *client, uint64_t length)
{
	enum sluice_status status = call(client, SLUICE_OP_POLICY_BEGIN, length, NULL, 0, 0).status;

	if (client->open) {
		require(status == SLUICE_STATUS_TRANSACTION_OPEN);
		return;
	}
	if (length < sizeof(struct sluice_policy_header))
		require(status == SLUICE_STATUS_BAD_LENGTH);
	else if (length > 1u << 30)
		require(status == SLUICE_STATUS_OVER_BUDGET);
	else if (length == client->image.length)
		require(status == SLUICE_STATUS_OK);
	else
		require(status == SLUICE_STATUS_OK || status == SLUICE_STATUS_OVER_BUDGET);
	client->open = status == SLUICE_STATUS_OK;
	client->announced = length;
	client->received = 0;
	client->whole = client->good && length == client->image.length;
}

/* The bytes of the image that belong there; behind its end, as there are no others, those of its beginning. */
static void chunk(struct client *client, uint64_t offset, uint32_t length)
{
	enum sluice_status wanted = SLUICE_STATUS_OK, status;
	uint64_t from = offset < client->image.length && client->image.length - offset >= length ? offset : 0;

	if (length == 0)
		return; /* the mailbox lets none through */
	if (length > client->image.length)
		length = (uint32_t)client->image.length;
	if (!client->open)
		wanted = SLUICE_STATUS_NO_TRANSACTION;
	else if (offset != client->received)
		wanted = SLUICE_STATUS_BAD_VALUE;
	else if (length > client->announced - client->received)
		wanted = SLUICE_STATUS_BAD_LENGTH;
	status = call(client, SLUICE_OP_POLICY_CHUNK, offset, (const uint8_t *)client->image.header + from, length, 0)
			 .status;
	require(status == wanted);
	if (status != SLUICE_STATUS_OK)
		return;
	client->received += length;
	client->whole &= from == offset;
}

static uint64_t expected_generation(uint8_t by)
{
	return by == 255 ? 0 : control_generation(&machine.control) + by;
}

/* Of a command that wants a whole upload. False: it must have been refused, and was. */
static bool may_succeed(const struct client *client, enum sluice_status status, uint64_t expected)
{
	if (!client->open) {
		require(status == SLUICE_STATUS_NO_TRANSACTION);
		return false;
	}
	if (client->received < client->announced) {
		require(status == SLUICE_STATUS_INCOMPLETE);
		return false;
	}
	if (expected != 0 && expected != control_generation(&machine.control)) {
		require(status != SLUICE_STATUS_OK && (!client->whole || status == SLUICE_STATUS_GENERATION_MISMATCH));
		return false;
	}
	require(!client->whole || status == SLUICE_STATUS_OK || status == SLUICE_STATUS_BUSY);
	return true;
}

static void validate(struct client *client, uint8_t by)
{
	const struct config *before = machine.control.current;
	uint64_t expected = expected_generation(by);

	may_succeed(client, call(client, SLUICE_OP_POLICY_VALIDATE, expected, NULL, 0, 0).status, expected);
	require(machine.control.current == before);
}

static void commit(struct client *client, uint8_t by)
{
	uint64_t generation = control_generation(&machine.control), expected = expected_generation(by);
	const struct config *before = machine.control.current;
	struct outcome answer = call(client, SLUICE_OP_POLICY_COMMIT, expected, NULL, 0, 0);
	bool done = answer.status == SLUICE_STATUS_OK;

	if (done) {
		require(client->open && client->received == client->announced);
		require(expected == 0 || expected == generation);
	} else {
		may_succeed(client, answer.status, expected);
	}
	require(control_generation(&machine.control) == generation + done && answer.result == generation + done);
	require((machine.control.current == before) == !done);
	if (answer.status != SLUICE_STATUS_INCOMPLETE)
		client->open = false;
	control_tick(&machine.control);
}

/* ---- What is in force ------------------------------------------------------------------------------ */

static void check_policy(void)
{
	const struct policy_image *image = &machine.control.current->image;

	require(image_is_good(image));
	require(image->header->stacks == 1 && image->header->instances == 3 && image->header->rules <= MACHINE_BUDGET);
}

static void read_all(struct client *client)
{
	const struct policy_image *image = &machine.control.current->image;
	uint64_t at = 0;

	while (at < image->length) {
		struct outcome answer = call(client, SLUICE_OP_POLICY_READ, at, NULL, 0, ROOM);

		require(answer.status == SLUICE_STATUS_OK && answer.result == image->length && answer.length > 0);
		require(memcmp(client->reply, (const uint8_t *)image->header + at, answer.length) == 0);
		at += answer.length;
	}
	require(at == image->length);
}

static void be_born(struct client *client)
{
	require(session_ops.session_open(&machine.control, 1, &client->session) == 0);
	client->open = false;
}

static void die(struct client *client)
{
	session_ops.session_close(&machine.control, client->session);
	client->open = client->whole = false;
}

static void take_step(struct input *input)
{
	uint8_t byte = take_byte(input);
	struct client *client = &clients[byte / STEPS % CLIENTS];
	uint64_t number;

	switch ((enum step)(byte % STEPS)) {
	case LOAD:
		load(client, take_byte(input));
		break;
	case TAMPER:
		tamper(client, input);
		break;
	case BEGIN:
		begin(client, client->image.length);
		break;
	case BEGIN_ANY:
		begin(client, take_number(input, 8));
		break;
	case CHUNK:
		chunk(client, client->received, (uint32_t)(client->announced - client->received));
		break;
	case CHUNK_SOME:
		chunk(client, client->received, (uint32_t)take_number(input, 2));
		break;
	case CHUNK_ANY:
		number = take_number(input, 8);
		chunk(client, number, (uint32_t)take_number(input, 2));
		break;
	case VALIDATE:
		validate(client, take_byte(input));
		break;
	case COMMIT:
		commit(client, take_byte(input));
		break;
	case ABORT:
		require(call(client, SLUICE_OP_POLICY_ABORT, 0, NULL, 0, 0).status == SLUICE_STATUS_OK);
		client->open = false;
		break;
	case READ:
		number = take_number(input, 4);
		call(client, SLUICE_OP_POLICY_READ, number, NULL, 0, (uint32_t)take_number(input, 2) % ROOM);
		break;
	case READ_ALL:
		read_all(client);
		break;
	case DIE:
		die(client);
		be_born(client);
		break;
	case STEPS:
		break;
	}
	check_policy();
}

/* ---- Machine --------------------------------------------------------------------------------------- */

static void clean_up(void)
{
	machine_down();
}

static void set_up_once(void)
{
	static bool up;

	if (up)
		return;
	up = true;
	require(eal_up(NULL) == 0);
	machine_up(3, 2);
	require(atexit(clean_up) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The generation goes on from one input to the next; what steps say of it is relative. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, data + size};

	set_up_once();
	machine_commit(image_usual(3, 2), SLUICE_STATUS_OK);
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = (struct client){.image = {0}};
		be_born(&clients[i]);
		load(&clients[i], (uint8_t)(i + 3));
	}
	for (int steps = 0; steps < STEPS_MAX && input.at < input.end; steps++)
		take_step(&input);
	for (int i = 0; i < CLIENTS; i++) {
		die(&clients[i]);
		policy_image_clear(&clients[i].image);
	}
	control_tick(&machine.control);
	require(control_waiting(&machine.control) == 0); /* nothing holds what has been in force */
	return 0;
}
