/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole policies: `apply` and `show config` are each other's inverse. */
#include "command.h"
#include "follow.h"
#include "handlers.h"

#include "policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A policy on its way to the card, and the text that it was made from. */
struct upload {
	const char *file;
	char *text;
	size_t length;
	struct policy_image image;
};

static int refuse_document(struct session *session, enum exit_code code, const struct upload *upload,
			   const char *status, const struct policy_error *error)
{
	const struct complaint complaint = {
		.code = code,
		.status = status,
		.file = strcmp(upload->file, "-") == 0 ? "<stdin>" : upload->file,
		.line = error->line,
		.column = error->column,
		.path = error->path,
		.message = error->message,
		.example = error->example,
	};

	return session_complain(session, &complaint);
}

static void upload_clear(struct upload *upload)
{
	free(upload->text);
	policy_image_clear(&upload->image);
}

static int read_document(struct session *session, struct upload *upload)
{
	struct policy_error error = {0};
	int result = policy_load_file(upload->file, &upload->text, &upload->length, &error);

	if (result == 0)
		result = policy_read_text(upload->text, upload->length, &upload->image, &error);
	return result ? refuse_document(session, EXIT_INPUT, upload, NULL, &error) : 0;
}

/* Where the firmware blames a place in the image, says which place in the file that is. */
static int refuse_upload(struct session *session, const struct upload *upload, const struct sluice_fault *fault)
{
	struct policy_error error = {0};

	if (fault->kind != SLUICE_FAULT_COMMAND || (fault->error_offset & SLUICE_ERROR_IN_COMMAND) ||
	    fault->status == SLUICE_STATUS_GENERATION_MISMATCH)
		return session_fault(session, fault, upload->file, NULL);
	policy_explain(upload->text, upload->length, &upload->image, fault->error_offset, fault->status, &error);
	return refuse_document(session, session_fault_code(fault), upload, sluice_status_name(fault->status), &error);
}

#define APPLY_TABLE(X)                                                                                                 \
	X("generation", NUMBER, table_number(t, generation))                                                           \
	X("rules", NUMBER, table_number(t, header->rules))                                                             \
	X("instances", NUMBER, table_number(t, header->instances))                                                     \
	X("dry-run", BOOL, table_bool(t, session->options.dry_run))

static const struct table_column apply_columns[] = {APPLY_TABLE(TABLE_AS_COLUMN)};

static int tell_applied(struct session *session, const struct upload *upload, uint64_t generation)
{
	const struct sluice_policy_header *header = upload->image.header;
	struct table *t = table_new_record("policy", TABLE_COLUMNS(apply_columns));

	table_row(t);
	APPLY_TABLE(TABLE_AS_CELL)
	if (session->options.dry_run)
		return session_done(session, t, "valid: %u rules in %u instances; generation %llu stays in force",
				    header->rules, header->instances, (unsigned long long)generation);
	return session_done(session, t, "generation %llu: %u rules in %u instances", (unsigned long long)generation,
			    header->rules, header->instances);
}

static int send_image(struct session *session, const struct upload *upload)
{
	const struct request request = {
		.opcode = session->options.dry_run ? SLUICE_OP_POLICY_VALIDATE : SLUICE_OP_POLICY_COMMIT,
		.arg0 = session->options.expect_generation,
	};
	struct sluice_fault fault = {0};
	struct follow follow;
	enum follow_end end;

	if (sluice_upload(session->client, upload->image.header, upload->image.length, &fault))
		return refuse_upload(session, upload, &fault);
	end = follow_request(session, &request, &follow);
	if (end == FOLLOW_LEFT)
		return follow.code;
	if (end == FOLLOW_FAILED)
		return refuse_upload(session, upload, &follow.fault);
	/* An upload that was only validated goes when this client hangs up. */
	return tell_applied(session, upload,
			    session->options.dry_run ? sluice_info(session->client)->policy_generation
						     : follow.reply.result);
}

int run_apply(struct session *session)
{
	struct upload upload = {.file = session->words[0]};
	int code;

	if (session->options.dry_run && session->options.background)
		return session_fail(session, EXIT_USAGE, session->command->example,
				    "apply: --dry-run changes nothing that could go on in the background");
	code = read_document(session, &upload);
	if (code == 0)
		code = session_connect(session);
	if (code == 0)
		code = send_image(session, &upload);
	upload_clear(&upload);
	return code;
}

/* The card's image is not trusted more than any other input. */
static int print_image(struct session *session, void *bytes, size_t length)
{
	const struct policy_image image = {.header = bytes, .length = length};
	enum sluice_status status = SLUICE_STATUS_OK;
	uint32_t offset;
	char *text;

	if (policy_check(bytes, length, &offset, &status))
		return session_fail(session, EXIT_REFUSED, NULL,
				    "the firmware sent a policy with an error at byte %u: %s", offset,
				    sluice_status_text(status));
	text = policy_write(&image);
	if (!text)
		return session_no_memory(session);
	fputs(text, session->out);
	free(text);
	return 0;
}

int run_show_config(struct session *session)
{
	struct sluice_fault fault = {0};
	void *bytes = NULL;
	size_t length = 0;
	int code = session_connect(session);

	if (code)
		return code;
	if (sluice_read_policy(session->client, &bytes, &length, &fault))
		return session_fault(session, &fault, "policy", NULL);
	code = print_image(session, bytes, length);
	free(bytes);
	return code;
}
