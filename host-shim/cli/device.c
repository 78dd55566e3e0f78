/* SPDX-License-Identifier: BSD-3-Clause */
/* Control devices: what a driver offers past its miniports. */
#include "device.h"

#include "bytes.h"
#include "command.h"
#include "handlers.h"
#include "number.h"

#include "abi/im_status.h"

#include <stdlib.h>
#include <string.h>

/* ---- One call ------------------------------------------------------------------------------------------ */

static int open_device(struct session *session, const char *name, uint64_t *handle, struct sluice_reply *reply,
		       struct sluice_fault *fault)
{
	char wire_name[SLUICE_NAME_SIZE] = {0};
	const struct request request = {
		.opcode = SLUICE_OP_DEVICE_OPEN, .in = wire_name, .in_length = sizeof(wire_name)};

	memcpy(wire_name, name, strnlen(name, sizeof(wire_name) - 1));
	if (session_call(session, &request, reply, fault))
		return -1;
	*handle = reply->result;
	return 0;
}

static int close_device(struct session *session, uint64_t handle, struct sluice_reply *reply,
			struct sluice_fault *fault)
{
	const struct request request = {.opcode = SLUICE_OP_DEVICE_CLOSE, .arg0 = handle};

	return session_call(session, &request, reply, fault);
}

/* The handle is closed whatever the call came to, but where the connection is of no use any more: its end does that. */
int device_give(struct session *session, const struct device_call *call, struct sluice_reply *reply,
		struct sluice_fault *fault)
{
	struct request request = {
		.opcode = SLUICE_OP_DEVICE_CALL,
		.arg1 = call->code,
		.in = call->in,
		.in_length = call->in_length,
		.out = call->out,
		.out_capacity = call->out_capacity,
	};
	struct sluice_reply closed;
	struct sluice_fault ignored;

	if (open_device(session, call->device, &request.arg0, reply, fault))
		return -1;
	if (session_call(session, &request, reply, fault) == 0)
		return close_device(session, request.arg0, &closed, fault);
	if (fault->kind == SLUICE_FAULT_COMMAND)
		close_device(session, request.arg0, &closed, &ignored);
	return -1;
}

int device_fault(struct session *session, const struct device_call *call, const struct sluice_reply *reply,
		 const struct sluice_fault *fault)
{
	char message[160];

	if (fault->kind != SLUICE_FAULT_COMMAND || fault->status != SLUICE_STATUS_REQUEST_FAILED) {
		snprintf(message, sizeof(message), "control device \"%.31s\"", call->device);
		return session_fault(session, fault, message, "sluicectl device list");
	}
	snprintf(message, sizeof(message), "control device \"%.31s\": the driver refused: %s", call->device,
		 im_status_text((uint32_t)reply->result));
	return session_complain(session, &(struct complaint){
						 .code = EXIT_REFUSED,
						 .status = sluice_status_name(fault->status),
						 .message = message,
					 });
}

/* ---- device list --------------------------------------------------------------------------------------- */

/* struct sluice_device_record *r */
#define DEVICE_TABLE(X)                                                                                                \
	X("name", TEXT, table_name(t, r->name, sizeof(r->name)))                                                       \
	X("driver", TEXT, table_name(t, r->driver, sizeof(r->driver)))                                                 \
	X("handles", NUMBER, table_number(t, r->handles))

static const struct table_column device_columns[] = {DEVICE_TABLE(TABLE_AS_COLUMN)};

int run_device_list(struct session *session)
{
	const struct sluice_device_record *r;
	struct records records;
	int code = session_list(session, SLUICE_OP_DEVICE_LIST, SESSION_NO_NAME, sizeof(*r), &records);
	struct table *t;

	if (code)
		return code;
	t = table_new("control devices", TABLE_COLUMNS(device_columns));
	r = records.data;
	for (uint32_t i = 0; i < records.count; i++, r++) {
		table_row(t);
		DEVICE_TABLE(TABLE_AS_CELL)
	}
	free(records.data);
	return session_print(session, t);
}

/* ---- device open --------------------------------------------------------------------------------------- */

#define OPEN_TABLE(X) X("device", TEXT, table_text(t, call.device))

static const struct table_column open_columns[] = {OPEN_TABLE(TABLE_AS_COLUMN)};

int run_device_open(struct session *session)
{
	const struct device_call call = {.device = session->words[0]};
	char name[SLUICE_NAME_SIZE];
	struct sluice_reply reply;
	struct sluice_fault fault;
	uint64_t handle = 0;
	struct table *t;

	if (session_name(session, "control device", call.device, name))
		return EXIT_INPUT;
	if (open_device(session, call.device, &handle, &reply, &fault) || close_device(session, handle, &reply, &fault))
		return device_fault(session, &call, &reply, &fault);
	t = table_new_record("device", TABLE_COLUMNS(open_columns));
	table_row(t);
	OPEN_TABLE(TABLE_AS_CELL)
	return session_done(session, t, "opened %s, and closed it again", call.device);
}

/* ---- device call --------------------------------------------------------------------------------------- */

#define CALL_TABLE(X)                                                                                                  \
	X("device", TEXT, table_text(t, call->device))                                                                 \
	X("code", NUMBER, table_number(t, call->code))                                                                 \
	X("bytes", NUMBER, table_number(t, length))                                                                    \
	X("hex", TEXT, table_text(t, hex))

static const struct table_column call_columns[] = {CALL_TABLE(TABLE_AS_COLUMN)};

static int print_answer(struct session *session, const struct device_call *call, uint32_t length)
{
	struct table *t;
	char *hex;

	if (!session->options.json) {
		fprintf(session->out, "%s answered %u bytes\n", call->device, length);
		bytes_dump(call->out, length, session->out);
		return 0;
	}
	hex = bytes_to_hex(call->out, length);
	t = hex ? table_new_record("answer", TABLE_COLUMNS(call_columns)) : NULL;
	table_row(t);
	CALL_TABLE(TABLE_AS_CELL)
	free(hex);
	return session_print(session, t);
}

/* What a driver says with a refusal is as good as any other answer. */
static int give_call(struct session *session, const struct device_call *call)
{
	struct sluice_reply reply;
	struct sluice_fault fault;
	bool answered = device_give(session, call, &reply, &fault) == 0;
	int code = 0;

	if (answered || (fault.status == SLUICE_STATUS_REQUEST_FAILED && reply.out_length > 0))
		code = print_answer(session, call, reply.out_length);
	return answered ? code : device_fault(session, call, &reply, &fault);
}

static int parse_code(struct session *session, const char *word, uint32_t *code)
{
	uint64_t number;

	if (!number_parse(word, UINT32_MAX, &number))
		return session_fail(
			session, EXIT_INPUT, session->command->example,
			"\"%s\" is not a code: a number from 0 to 4294967295, decimal or hexadecimal after 0x", word);
	*code = (uint32_t)number;
	return 0;
}

int run_device_call(struct session *session)
{
	static uint8_t in[SLUICE_DEVICE_INPUT_MAX], out[SLUICE_STAGE_SIZE];
	struct device_call call = {.device = session->words[0], .in = in, .out = out, .out_capacity = sizeof(out)};
	char name[SLUICE_NAME_SIZE], error[256];
	int code = session_name(session, "control device", call.device, name);

	if (code == 0)
		code = parse_code(session, session->words[1], &call.code);
	if (code)
		return code;
	if (session->word_count > 2 &&
	    bytes_read(session->words[2], in, sizeof(in), &call.in_length, error, sizeof(error)))
		return session_fail(session, EXIT_INPUT, session->command->example, "%s", error);
	return give_call(session, &call);
}
