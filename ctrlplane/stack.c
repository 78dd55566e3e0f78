/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that change stacks. */
#include <string.h>

#include "session.h"
#include "topology.h"

static enum sluice_status answer(struct control *control, struct mailbox_call *call, enum sluice_status status,
				 const struct topology_refusal *refusal)
{
	const struct sluice_stack_command *command = (const void *)call->payload;
	struct sluice_change_answer answer = {0};

	memcpy(answer.name, command->instance, sizeof(answer.name));
	memcpy(answer.text, refusal->text, sizeof(answer.text));
	call->result = status == SLUICE_STATUS_OK ? control_generation(control) : refusal->im_status;
	call->error_offset = refusal->offset;
	if (call->reply_room >= sizeof(answer)) {
		memcpy(call->reply, &answer, sizeof(answer));
		call->reply_length = sizeof(answer);
	}
	return status;
}

enum sluice_status stack_insert(void *context, struct mailbox_call *call)
{
	struct topology_refusal refusal;
	enum sluice_status status;

	topology_begin(context);
	status = topology_insert(context, (const void *)call->payload, &refusal);
	topology_end(context);
	return answer(context, call, status, &refusal);
}

enum sluice_status stack_remove(void *context, struct mailbox_call *call)
{
	struct topology_refusal refusal;
	enum sluice_status status;

	topology_begin(context);
	status = topology_remove(context, (const void *)call->payload, &refusal);
	topology_end(context);
	return answer(context, call, status, &refusal);
}
