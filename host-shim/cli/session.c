/* SPDX-License-Identifier: BSD-3-Clause */
#include "session.h"

#include "policy/policy.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char SESSION_NO_NAME[] = "";

void session_close(struct session *session)
{
	sluice_close(session->client);
	session->client = NULL;
}

/* How the firmware is started, for people who have just learned that it is not. */
static void start_hint(const struct session *session, char *out, size_t size)
{
	const char *directory = session->options.runtime_dir;

	if (strcmp(directory, SLUICE_RUNTIME_DIR) == 0)
		snprintf(out, size, "sluice-fw --config sluice.json");
	else
		snprintf(out, size, "sluice-fw --config sluice.json --runtime-dir %s", directory);
}

static enum exit_code status_code(uint16_t status)
{
	if (status == SLUICE_STATUS_SHUTTING_DOWN)
		return EXIT_GONE;
	switch (sluice_status_class(status)) {
	case SLUICE_CLASS_SECURITY:
		return EXIT_DENIED;
	case SLUICE_CLASS_RETRY:
		return EXIT_RETRY;
	case SLUICE_CLASS_CALLER:
		return EXIT_INPUT;
	default:
		return EXIT_REFUSED;
	}
}

enum exit_code session_fault_code(const struct sluice_fault *fault)
{
	switch (fault->kind) {
	case SLUICE_FAULT_NONE:
		return EXIT_OK;
	case SLUICE_FAULT_NOT_RUNNING:
	case SLUICE_FAULT_GONE:
		return EXIT_GONE;
	case SLUICE_FAULT_PERMISSION:
		return EXIT_DENIED;
	case SLUICE_FAULT_TIMEOUT:
		return EXIT_RETRY;
	case SLUICE_FAULT_REFUSED:
	case SLUICE_FAULT_COMMAND:
		return status_code(fault->status);
	default:
		return EXIT_REFUSED;
	}
}

/* What the firmware's status means here; to a card that is older than this program a command may be unknown. */
static const char *text_of(const struct session *session, const struct sluice_fault *fault, char *out, size_t size)
{
	const struct sluice_info_region *info = session->client ? sluice_info(session->client) : NULL;

	if (fault->kind != SLUICE_FAULT_COMMAND)
		return fault->text;
	if (fault->status != SLUICE_STATUS_BAD_OPCODE || !info || info->abi_minor >= SLUICE_ABI_MINOR)
		return sluice_status_text(fault->status);
	snprintf(out, size,
		 "the firmware speaks version %u.%u of the mailbox, this program %u.%u: it does not know this command",
		 info->abi_major, info->abi_minor, SLUICE_ABI_MAJOR, SLUICE_ABI_MINOR);
	return out;
}

int session_fault(struct session *session, const struct sluice_fault *fault, const char *about, const char *example)
{
	bool answered = fault->kind == SLUICE_FAULT_COMMAND || fault->kind == SLUICE_FAULT_REFUSED;
	char message[1024];
	char start[600];
	char older[160];
	const char *text = text_of(session, fault, older, sizeof(older));
	const char *place = answered && about ? about : "";
	struct complaint complaint = {.code = session_fault_code(fault), .example = example, .message = message};

	snprintf(message, sizeof(message), "%s%s%s", place, place[0] ? ": " : "", text);
	if (fault->kind == SLUICE_FAULT_NOT_RUNNING && session->options.runtime_dir != session->options.device) {
		start_hint(session, start, sizeof(start));
		complaint.example = start;
	}
	complaint.status = answered ? sluice_status_name(fault->status) : NULL;
	return session_complain(session, &complaint);
}

static int connect_to(struct session *session, struct sluice_fault *fault)
{
	if (session->client)
		return 0;
	session->client = sluice_open_within(session->options.runtime_dir, session->options.timeout_ms, fault);
	return session->client ? 0 : -1;
}

int session_connect(struct session *session)
{
	struct sluice_fault fault = {0};

	return connect_to(session, &fault) ? session_fault(session, &fault, NULL, NULL) : 0;
}

/* Commands that change something are those that only an operator may give. */
static bool changes_something(uint16_t opcode)
{
	switch (opcode) {
#define X(name, number, least, most, role)                                                                             \
	case number:                                                                                                   \
		return SLUICE_ROLE_##role == SLUICE_ROLE_OPERATOR;
		SLUICE_OPCODE_TABLE(X)
#undef X
	default:
		return false;
	}
}

void session_lose(const struct sluice_fault *last, struct sluice_fault *fault)
{
	*fault = *last;
	snprintf(fault->text, sizeof(fault->text), "%.200s; whether the change was made is not known: look first",
		 last->text);
}

/* The answer was lost, which says nothing about the change. */
static void copy_fault(const struct session *session, uint16_t opcode, struct sluice_fault *fault)
{
	const struct sluice_fault *last = sluice_last_fault(session->client);

	if (changes_something(opcode))
		session_lose(last, fault);
	else
		*fault = *last;
}

static int give(struct sluice_client *client, const struct request *request, struct sluice_reply *reply)
{
	if (request->begins)
		return sluice_begin(client, 0, request->opcode, request->arg0, request->arg1, request->in,
				    request->in_length, reply);
	return sluice_call(client, request->opcode, request->arg0, request->arg1, request->in, request->in_length,
			   request->out, request->out_capacity, reply);
}

int session_call(struct session *session, const struct request *request, struct sluice_reply *reply,
		 struct sluice_fault *fault)
{
	memset(fault, 0, sizeof(*fault));
	fault->error_offset = SLUICE_NO_OFFSET;
	if (connect_to(session, fault))
		return -1;
	if (give(session->client, request, reply) < 0) {
		copy_fault(session, request->opcode, fault);
		return -1;
	}
	if (reply->status == SLUICE_STATUS_OK)
		return 0;
	fault->kind = SLUICE_FAULT_COMMAND;
	fault->status = reply->status;
	fault->error_offset = reply->error_offset;
	snprintf(fault->text, sizeof(fault->text), "%s", sluice_status_text(reply->status));
	return -1;
}

int session_list(struct session *session, uint16_t opcode, const char *name, uint32_t record_size,
		 struct records *records)
{
	bool takes_name = name != SESSION_NO_NAME;
	char payload[SLUICE_NAME_SIZE] = {0};
	char about[SLUICE_NAME_SIZE + 24];
	struct sluice_fault fault = {0};
	int code = 0;

	memset(records, 0, sizeof(*records));
	if (takes_name && name)
		code = session_name(session, "driver or port", name, payload);
	if (code == 0)
		code = session_connect(session);
	if (code)
		return code;
	if (sluice_list(session->client, opcode, takes_name ? payload : NULL, takes_name ? sizeof(payload) : 0,
			record_size, &records->data, &records->count, &records->generation, &fault) == 0)
		return 0;
	snprintf(about, sizeof(about), "driver or port \"%.31s\"", payload);
	return session_fault(session, &fault, payload[0] ? about : NULL, payload[0] ? "sluicectl stack show" : NULL);
}

int session_name(struct session *session, const char *what, const char *name, char out[SLUICE_NAME_SIZE])
{
	size_t length = strlen(name);

	memset(out, 0, SLUICE_NAME_SIZE);
	if (length < SLUICE_NAME_SIZE)
		memcpy(out, name, length);
	if (length < SLUICE_NAME_SIZE && policy_name_is_valid(out, NULL))
		return 0;
	return session_fail(session, EXIT_INPUT, NULL,
			    "\"%s\" is not the name of a %s: names are 1 to 31 of A-Z a-z 0-9 _ . -", name, what);
}

int session_print(struct session *session, struct table *table)
{
	int error = table_error(table);

	if (error == 0 && session->options.json) {
		error = table_print_json(table, session->out, "\n ");
		fputc('\n', session->out);
	} else if (error == 0) {
		error = table_print_text(table, session->out);
	}
	table_free(table);
	return error ? session_table_failed(session, error) : 0;
}

int session_table_failed(struct session *session, int error)
{
	if (error == -ENOMEM)
		return session_no_memory(session);
	return session_fail(session, EXIT_REFUSED, NULL, "internal error: a table does not fit its columns");
}

int session_done(struct session *session, struct table *record, const char *format, ...)
{
	va_list arguments;

	if (session->options.json)
		return session_print(session, record);
	table_free(record);
	va_start(arguments, format);
	vfprintf(session->out, format, arguments);
	va_end(arguments);
	fputc('\n', session->out);
	return 0;
}
