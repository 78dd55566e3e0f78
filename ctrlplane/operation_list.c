/* SPDX-License-Identifier: BSD-3-Clause */
/* What clients ask about operations, and ask of them. */
#include <string.h>

#include "broker.h"
#include "list.h"

#define ARG0_OFFSET (SLUICE_ERROR_IN_COMMAND | (uint32_t)offsetof(struct sluice_command, arg))

static void fill(struct list *list, uint32_t index, void *record)
{
	const struct sluice_operation_record *records = list->extra;

	memcpy(record, &records[index], sizeof(records[index]));
}

enum sluice_status list_operations(void *context, struct mailbox_call *call)
{
	static struct sluice_operation_record records[OPERATIONS_MAX]; /* one thread serves the mailboxes */
	struct control *control = context;
	struct list list = {
		.control = control,
		.record_size = sizeof(records[0]),
		.fill = fill,
		.extra = records,
	};

	list.total = operations_collect(&control->operations, call->user, call->role, records);
	return list_reply_current(&list, call);
}

enum sluice_status operation_status(void *context, struct mailbox_call *call)
{
	struct control *control = context;
	struct sluice_operation_record record;

	if (call->reply_room < sizeof(record))
		return SLUICE_STATUS_BAD_LENGTH;
	if (!operations_find(&control->operations, call->command->arg[0], call->user, call->role, &record)) {
		call->error_offset = ARG0_OFFSET;
		return SLUICE_STATUS_NOT_FOUND;
	}
	memcpy(call->reply, &record, sizeof(record));
	call->reply_length = sizeof(record);
	return SLUICE_STATUS_OK;
}

/* Where it waits for its turn it ends now, and otherwise where who carries it out looks. */
enum sluice_status operation_cancel(void *context, struct mailbox_call *call)
{
	struct control *control = context;
	uint64_t id = call->command->arg[0];
	enum sluice_status status = operations_cancel(&control->operations, id, call->user, call->role);

	if (status != SLUICE_STATUS_OK)
		call->error_offset = ARG0_OFFSET;
	else if (control->broker != NULL)
		broker_withdraw_operation(control->broker, id);
	return status;
}
