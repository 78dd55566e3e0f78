/* SPDX-License-Identifier: BSD-3-Clause */
/* OIDs of an instance or a port: listing, reading, setting. */
#include "handlers.h"
#include "number.h"
#include "oid_value.h"

#include "abi/im_status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A value as the firmware sent it. */
struct answer {
	uint8_t bytes[SLUICE_OID_VALUE_MAX];
	size_t length;
	bool given; /* false: the driver did not answer */
};

/* struct oid_spec *r, or NULL where abi/oid.h does not know the OID; its value in `answer`. Values come last: some are
 * long */
#define OID_TABLE(X)                                                                                                   \
	X("oid", TEXT, oid_cell(t, oid))                                                                               \
	X("name", TEXT, table_text(t, r ? r->name : NULL))                                                             \
	X("type", TEXT, table_text(t, r ? oid_type_word(r->type) : NULL))                                              \
	X("access", TEXT, table_text(t, r ? (r->settable ? "rw" : "ro") : NULL))                                       \
	X("description", TEXT, table_text(t, r ? r->text : NULL))                                                      \
	X("value", ANY, value_cell(t, r, answer))

static const struct table_column oid_columns[] = {OID_TABLE(TABLE_AS_COLUMN)};

static void oid_cell(struct table *t, uint32_t oid)
{
	char text[16];

	snprintf(text, sizeof(text), "0x%08x", oid);
	table_text(t, text);
}

static void text_cell(struct table *t, const struct oid_spec *r, const struct answer *answer)
{
	char *text = r ? oid_value_text(r->type, answer->bytes, answer->length)
		       : oid_value_hex(answer->bytes, answer->length);

	table_text(t, text);
	free(text);
}

static void value_cell(struct table *t, const struct oid_spec *r, const struct answer *answer)
{
	uint64_t number;

	if (!answer->given)
		table_none(t);
	else if (r && oid_value_number(r->type, answer->bytes, answer->length, &number))
		table_number(t, number);
	else
		text_cell(t, r, answer);
}

static void oid_row(struct table *t, uint32_t oid, const struct answer *answer)
{
	const struct oid_spec *r = oid_find_number(oid);

	table_row(t);
	OID_TABLE(TABLE_AS_CELL)
}

/* @return 0, or -1 with @p fault filled in and the driver's own status in @p reply. */
static int get_value(struct session *session, const char name[SLUICE_NAME_SIZE], uint32_t oid, struct answer *answer,
		     struct sluice_reply *reply, struct sluice_fault *fault)
{
	struct sluice_oid_command command = {.oid = oid};
	const struct request request = {
		.opcode = SLUICE_OP_OID_GET,
		.in = &command,
		.in_length = sizeof(command),
		.out = answer->bytes,
		.out_capacity = sizeof(answer->bytes),
	};
	int error;

	memcpy(command.instance, name, sizeof(command.instance));
	error = session_call(session, &request, reply, fault);
	answer->given = error == 0;
	answer->length = error == 0 ? reply->out_length : 0;
	return error;
}

static int refuse_oid(struct session *session, const struct sluice_fault *fault, const struct sluice_reply *reply,
		      const char *name, const char *oid)
{
	char about[160];
	char message[320];

	if (fault->kind != SLUICE_FAULT_COMMAND || fault->status != SLUICE_STATUS_REQUEST_FAILED) {
		snprintf(about, sizeof(about), "driver or port \"%.31s\"", name);
		return session_fault(session, fault, about, "sluicectl stack show");
	}
	snprintf(message, sizeof(message), "%.31s: %.64s: the driver refused the request: %s", name, oid,
		 im_status_text((uint32_t)reply->result));
	return session_complain(session, &(struct complaint){
						 .code = EXIT_REFUSED,
						 .status = sluice_status_name(fault->status),
						 .message = message,
						 .example = "sluicectl oid list NAME",
					 });
}

/* One driver's refusal leaves an empty cell; anything else ends the list. */
static int list_rows(struct session *session, struct table *t, const char *name, const struct records *records)
{
	const struct sluice_oid_record *record = records->data;
	char wire_name[SLUICE_NAME_SIZE];
	struct answer answer;
	struct sluice_reply reply;
	struct sluice_fault fault;
	int code = session_name(session, "driver or port", name, wire_name);

	for (uint32_t i = 0; i < records->count && code == 0; i++) {
		if (get_value(session, wire_name, record[i].oid, &answer, &reply, &fault) &&
		    (fault.kind != SLUICE_FAULT_COMMAND || fault.status != SLUICE_STATUS_REQUEST_FAILED))
			code = refuse_oid(session, &fault, &reply, name, "");
		oid_row(t, record[i].oid, &answer);
	}
	return code;
}

int run_oid_list(struct session *session)
{
	const char *name = session->words[0];
	struct records records;
	struct table *table;
	int code = session_list(session, SLUICE_OP_OID_LIST, name, sizeof(struct sluice_oid_record), &records);

	if (code)
		return code;
	table = table_new("OIDs", TABLE_COLUMNS(oid_columns));
	code = list_rows(session, table, name, &records);
	free(records.data);
	if (code == 0)
		return session_print(session, table);
	table_free(table);
	return code;
}

/* The OID on the command line. Numbers that abi/oid.h does not know can be asked for, drivers may have their own. */
static int parse_oid(struct session *session, const char *word, uint32_t *oid)
{
	const struct oid_spec *spec = oid_find(word);
	uint64_t number = 0;

	if (!spec && !number_parse(word, UINT32_MAX, &number))
		return session_fail(session, EXIT_INPUT, "sluicectl oid get NAME gen-link-speed",
				    "\"%s\" is not the name or number of an OID", word);
	*oid = spec ? spec->oid : (uint32_t)number;
	return 0;
}

int run_oid_get(struct session *session)
{
	const char *name = session->words[0];
	char wire_name[SLUICE_NAME_SIZE];
	struct answer answer;
	struct sluice_reply reply;
	struct sluice_fault fault;
	struct table *table;
	uint32_t oid = 0;
	int code = session_name(session, "driver or port", name, wire_name);

	if (code == 0)
		code = parse_oid(session, session->words[1], &oid);
	if (code)
		return code;
	if (get_value(session, wire_name, oid, &answer, &reply, &fault))
		return refuse_oid(session, &fault, &reply, name, session->words[1]);
	table = table_new_record("oid", TABLE_COLUMNS(oid_columns));
	oid_row(table, oid, &answer);
	return session_print(session, table);
}

/* What OID_SET takes: the value follows the command. */
struct set_command {
	struct sluice_oid_command command;
	uint8_t value[SLUICE_OID_VALUE_MAX];
};

static int parse_value(struct session *session, const struct oid_spec *spec, const char *text, uint8_t *value,
		       size_t *length)
{
	char error[160];
	char example[160];

	if (oid_value_parse(spec->type, text, value, SLUICE_OID_VALUE_MAX, length, error, sizeof(error)) == 0)
		return 0;
	if (spec->type == SLUICE_OID_STATISTICS)
		snprintf(example, sizeof(example), "sluicectl oid get %s %s", session->words[0], session->words[1]);
	else
		snprintf(example, sizeof(example), "sluicectl oid set %s %s %s", session->words[0], session->words[1],
			 oid_value_example(spec->type));
	return session_fail(session, EXIT_INPUT, example, "%s: %s", session->words[1], error);
}

static int set_value(struct session *session, const struct oid_spec *spec, struct set_command *set, size_t length)
{
	const struct request request = {
		.opcode = SLUICE_OP_OID_SET,
		.in = set,
		.in_length = (uint32_t)(sizeof(set->command) + length),
	};
	struct answer answer = {.length = length, .given = true};
	const char *name = session->words[0];
	struct sluice_reply reply;
	struct sluice_fault fault;
	struct table *table;

	if (session_call(session, &request, &reply, &fault))
		return refuse_oid(session, &fault, &reply, name, spec->name);
	memcpy(answer.bytes, set->value, length);
	table = table_new_record("oid", TABLE_COLUMNS(oid_columns));
	oid_row(table, spec->oid, &answer);
	return session_done(session, table, "set %s of %s to %s", spec->name, name, session->words[2]);
}

int run_oid_set(struct session *session)
{
	const struct oid_spec *spec = oid_find(session->words[1]);
	struct set_command set = {0};
	size_t length = 0;
	int code = session_name(session, "driver or port", session->words[0], set.command.instance);

	if (code)
		return code;
	if (!spec)
		return session_fail(session, EXIT_INPUT, "sluicectl oid list NAME",
				    "\"%s\" is not the name or number of an OID", session->words[1]);
	set.command.oid = spec->oid;
	code = parse_value(session, spec, session->words[2], set.value, &length);
	return code ? code : set_value(session, spec, &set, length);
}
