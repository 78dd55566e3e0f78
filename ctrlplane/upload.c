/* SPDX-License-Identifier: BSD-3-Clause */
/* A policy goes up in chunks and into force as a whole; the one in force comes down in pieces of one generation. */
#include <string.h>

#include "edit.h"
#include "session.h"

#define ARG0_OFFSET (SLUICE_ERROR_IN_COMMAND | (uint32_t)offsetof(struct sluice_command, arg))
#define ARG1_OFFSET (SLUICE_ERROR_IN_COMMAND | (uint32_t)offsetof(struct sluice_command, arg[1]))

static enum sluice_status bad_argument(struct mailbox_call *call, enum sluice_status status)
{
	call->error_offset = ARG0_OFFSET;
	return status;
}

static void forget(struct control *control, struct session *session)
{
	uploads_drop(&control->uploads, session->upload);
	session->upload = NULL;
}

/* No client can make the card keep more than what a policy within the budget could need, twice over. */
static uint64_t upload_limit(const struct control *control)
{
	return sizeof(struct sluice_policy_header) + SLUICE_POLICY_MAX_PORTS * sizeof(struct sluice_port) +
	       SLUICE_POLICY_MAX_STACKS * sizeof(struct sluice_stack) +
	       SLUICE_POLICY_MAX_INSTANCES * sizeof(struct sluice_instance) +
	       2 * (uint64_t)(control->rule_budget + 1024) * sizeof(struct sluice_rule);
}

enum sluice_status upload_begin(void *context, struct mailbox_call *call)
{
	struct control *control = context;
	struct session *session = call->session;
	uint64_t length = call->command->arg[0], lease_ms = call->command->arg[1];
	struct upload wanted = {.user = call->user};
	enum sluice_status status;

	if (session->upload != NULL)
		return SLUICE_STATUS_TRANSACTION_OPEN;
	if (length < sizeof(struct sluice_policy_header))
		return bad_argument(call, SLUICE_STATUS_BAD_LENGTH);
	if (length > upload_limit(control))
		return bad_argument(call, SLUICE_STATUS_OVER_BUDGET);
	if (lease_ms > SLUICE_LEASE_MAX_MS) {
		call->error_offset = ARG1_OFFSET;
		return SLUICE_STATUS_BAD_VALUE;
	}
	wanted.length = (uint32_t)length;
	wanted.lease_ms = (uint32_t)lease_ms;
	status = uploads_begin(&control->uploads, &wanted, upload_limit(control), &session->upload);
	if (status == SLUICE_STATUS_OK)
		call->result = session->upload->id;
	return status;
}

enum sluice_status upload_chunk(void *context, struct mailbox_call *call)
{
	struct upload *upload = ((struct session *)call->session)->upload;

	(void)context;
	if (upload == NULL)
		return SLUICE_STATUS_NO_TRANSACTION;
	if (call->command->arg[0] != upload->received)
		return bad_argument(call, SLUICE_STATUS_BAD_VALUE);
	if (call->payload_length > upload->length - upload->received)
		return bad_argument(call, SLUICE_STATUS_BAD_LENGTH);
	memcpy(upload->bytes + upload->received, call->payload, call->payload_length);
	__atomic_store_n(&upload->received, upload->received + call->payload_length, __ATOMIC_RELAXED);
	return SLUICE_STATUS_OK;
}

/* ---- After a client has gone ------------------------------------------------------------------------ */

enum sluice_status upload_status(void *context, struct mailbox_call *call)
{
	struct control *control = context;
	const struct session *session = call->session;
	struct sluice_upload_record record;
	uint64_t id = call->command->arg[0];
	enum sluice_status status;

	if (id == 0 && session->upload == NULL)
		return SLUICE_STATUS_NO_TRANSACTION;
	if (call->reply_room < sizeof(record))
		return SLUICE_STATUS_BAD_LENGTH;
	status = uploads_describe(&control->uploads, id != 0 ? id : session->upload->id, call->user, &record);
	if (status != SLUICE_STATUS_OK)
		return bad_argument(call, status);
	memcpy(call->reply, &record, sizeof(record));
	call->reply_length = sizeof(record);
	call->result = record.received;
	return SLUICE_STATUS_OK;
}

enum sluice_status upload_resume(void *context, struct mailbox_call *call)
{
	struct control *control = context;
	struct session *session = call->session;
	enum sluice_status status;

	if (session->upload != NULL)
		return SLUICE_STATUS_TRANSACTION_OPEN;
	status = uploads_take(&control->uploads, call->command->arg[0], call->user, &session->upload);
	if (status != SLUICE_STATUS_OK)
		return bad_argument(call, status);
	call->result = session->upload->received;
	return SLUICE_STATUS_OK;
}

/* ---- Into force ------------------------------------------------------------------------------------- */

/* The build's offset is in the merged image; say it in terms of the one that the client knows. */
static void translate(const struct policy_image *merged, const struct policy_image *uploaded, uint32_t *offset)
{
	const struct sluice_instance *instances = policy_instances(merged);
	const struct sluice_instance *named = policy_instances(uploaded);
	uint32_t at = (uint32_t)((const char *)instances - (const char *)merged->header);

	if (*offset == SLUICE_NO_OFFSET || *offset < at)
		return; /* in the header, which is the same in both */
	at = (*offset - at) / (uint32_t)sizeof(*instances);
	*offset = SLUICE_NO_OFFSET;
	for (uint32_t i = 0; at < merged->header->instances && i < uploaded->header->instances; i++)
		if (memcmp(named[i].name, instances[at].name, sizeof(named[i].name)) == 0)
			*offset = (uint32_t)((const char *)named[i].name - (const char *)uploaded->header);
}

typedef enum sluice_status (*image_action)(struct control *control, struct policy_image *image, uint64_t expected,
					   uint32_t *offset);

static enum sluice_status validate(struct control *control, struct policy_image *image, uint64_t expected,
				   uint32_t *offset)
{
	if (expected != 0 && expected != control_generation(control))
		return SLUICE_STATUS_GENERATION_MISMATCH;
	return control_validate(control, image, offset);
}

/* What is in force does not change between the look at it and the action. */
static enum sluice_status with_merged(struct control *control, struct mailbox_call *call,
				      const struct policy_image *uploaded, image_action action)
{
	struct policy_image merged = {0};
	enum sluice_status status = edit_apply(&control->current->image, uploaded, &merged, &call->error_offset);

	if (status != SLUICE_STATUS_OK) {
		control_count_rejected(control);
		return status;
	}
	status = action(control, &merged, call->command->arg[0], &call->error_offset);
	if (status != SLUICE_STATUS_OK && uploaded->header->stacks == 0 && merged.header != NULL)
		translate(&merged, uploaded, &call->error_offset);
	policy_image_clear(&merged);
	return status;
}

/* Check what came, make of it and the running policy what is wanted, and do @p action with that. */
static enum sluice_status with_upload(struct control *control, struct mailbox_call *call, image_action action)
{
	struct upload *upload = ((struct session *)call->session)->upload;
	struct policy_image uploaded;
	enum sluice_status status = SLUICE_STATUS_OK;

	if (upload == NULL)
		return SLUICE_STATUS_NO_TRANSACTION;
	if (upload->received < upload->length)
		return SLUICE_STATUS_INCOMPLETE;
	uploaded = (struct policy_image){(struct sluice_policy_header *)(void *)upload->bytes, upload->length};
	if (policy_check(uploaded.header, uploaded.length, &call->error_offset, &status) != 0) {
		control_count_rejected(control);
		return status;
	}
	control_begin(control);
	status = with_merged(control, call, &uploaded, action);
	control_end(control);
	return status;
}

enum sluice_status upload_validate(void *context, struct mailbox_call *call)
{
	return with_upload(context, call, validate);
}

enum sluice_status upload_commit(void *context, struct mailbox_call *call)
{
	struct control *control = context;
	enum sluice_status status = with_upload(control, call, control_commit);

	if (status != SLUICE_STATUS_INCOMPLETE && status != SLUICE_STATUS_CANCELLED)
		forget(control, call->session);
	call->result = control_generation(control);
	return status;
}

enum sluice_status upload_abort(void *context, struct mailbox_call *call)
{
	forget(context, call->session);
	return SLUICE_STATUS_OK;
}

static enum sluice_status read_image(const struct policy_image *image, struct mailbox_call *call)
{
	uint64_t offset = call->command->arg[0];

	if (offset > image->length)
		return bad_argument(call, SLUICE_STATUS_BAD_VALUE);
	call->reply_length = (uint32_t)RTE_MIN(image->length - offset, (uint64_t)call->reply_room);
	memcpy(call->reply, (const char *)image->header + offset, call->reply_length);
	call->result = image->length;
	return SLUICE_STATUS_OK;
}

enum sluice_status upload_read(void *context, struct mailbox_call *call)
{
	struct control *control = context;
	struct control_pin *pin = &((struct session *)call->session)->dumped;
	struct config *config;
	enum sluice_status status;

	if (call->command->arg[0] == 0)
		config = control_pin(control, pin);
	else if (!control_hold_pinned(control, pin, &config))
		return SLUICE_STATUS_GENERATION_MISMATCH;
	if (config == NULL)
		return bad_argument(call, SLUICE_STATUS_BAD_VALUE);
	status = read_image(&config->image, call);
	if (status == SLUICE_STATUS_OK && call->command->arg[0] + call->reply_length == call->result)
		control_unpin(control, pin);
	im_block_drop(&config->block);
	return status;
}
