/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Resets: of the datapath, stack by stack while the others go on, and of the device, by a new start of the program.
 *
 * A device reset leaves nothing of what was: the mailbox's thread only notes it here, answers, and ends; then the
 * firmware goes down in order and starts itself anew in the same process, with the policy that it is configured with.
 */
#include "reset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "session.h"
#include "topology.h"

/* "17 the reason" */
#define HERITAGE "SLUICE_RESET"

static void show(const struct control *control, struct sluice_info_region *info)
{
	memcpy(info->reset_reason, control->reset_reason, sizeof(info->reset_reason));
	__atomic_store_n(&info->reset_generation, control->resets, __ATOMIC_RELEASE);
}

static uint32_t note(struct control *control, const char *reason)
{
	uint32_t generation;

	pthread_mutex_lock(&control->lock);
	generation = ++control->resets;
	snprintf(control->reset_reason, sizeof(control->reset_reason), "%s", reason);
	if (control->broker != NULL)
		show(control, broker_info(control->broker));
	pthread_mutex_unlock(&control->lock);
	event_log_raise(control->events, SLUICE_EVENT_RESET, reason, generation);
	return generation;
}

void reset_bequeath(const struct control *control)
{
	char heritage[SLUICE_REASON_SIZE + 16];

	snprintf(heritage, sizeof(heritage), "%u %s", control->resets, control->reset_reason);
	setenv(HERITAGE, heritage, 1);
}

void reset_inherit(struct control *control, struct sluice_info_region *info)
{
	const char *heritage = getenv(HERITAGE);
	char *reason;

	if (heritage == NULL)
		return;
	control->resets = (uint32_t)strtoul(heritage, &reason, 10);
	snprintf(control->reset_reason, sizeof(control->reset_reason), "%s", *reason == ' ' ? reason + 1 : reason);
	unsetenv(HERITAGE);
	show(control, info);
	event_log_raise(control->events, SLUICE_EVENT_RESET, control->reset_reason, control->resets);
}

/* ---- Commands -------------------------------------------------------------------------------------- */

/* It is shown to people and stands in logs: one line of printable text. */
static const char *read_reason(struct mailbox_call *call)
{
	const struct sluice_reset_command *command = (const void *)call->payload;
	size_t length = strnlen(command->reason, sizeof(command->reason));

	for (size_t i = 0; i < length; i++) {
		call->error_offset = (uint32_t)i;
		if ((unsigned char)command->reason[i] < ' ' || command->reason[i] == 0x7f)
			return NULL;
	}
	call->error_offset = 0;
	return length > 0 && length < sizeof(command->reason) ? command->reason : NULL;
}

static void tell_progress(struct control *control, uint32_t done, uint32_t stacks)
{
	event_log_raise(control->events, SLUICE_EVENT_PROGRESS, "reset", (uint64_t)done * 100 / stacks);
	operation_tell("restarting stacks", done * 100 / stacks);
}

/* All are tried; the first that does not come up again is told. */
static enum sluice_status restart_stacks(struct control *control, struct topology_refusal *refusal)
{
	struct config *config = control_hold(control);
	uint32_t stacks = config->image.header->stacks;
	enum sluice_status first = SLUICE_STATUS_OK;

	im_block_drop(&config->block);
	for (uint32_t i = 0; i < stacks; i++) {
		struct topology_refusal one;
		enum sluice_status status = topology_restart(control, i, &one);

		if (first == SLUICE_STATUS_OK && status != SLUICE_STATUS_OK) {
			first = status;
			*refusal = one;
		}
		tell_progress(control, i + 1, stacks);
	}
	return first;
}

enum sluice_status reset_datapath(void *context, struct mailbox_call *call)
{
	struct control *control = context;
	const char *reason = read_reason(call);
	struct topology_refusal refusal = {.text = ""};
	struct sluice_change_answer answer = {0};
	enum sluice_status status;

	if (reason == NULL)
		return SLUICE_STATUS_BAD_VALUE;
	topology_begin(control);
	call->result = note(control, reason);
	status = restart_stacks(control, &refusal);
	topology_end(control);
	call->error_offset = SLUICE_NO_OFFSET;
	memcpy(answer.text, refusal.text, sizeof(answer.text));
	if (call->reply_room >= sizeof(answer)) {
		memcpy(call->reply, &answer, sizeof(answer));
		call->reply_length = sizeof(answer);
	}
	return status;
}

/* It must not wait for what it is to end: a stack that changes, or a reset of the datapath that hangs in a driver. */
enum sluice_status reset_device(void *context, struct mailbox_call *call)
{
	struct control *control = context;
	const char *reason = read_reason(call);

	if (reason == NULL)
		return SLUICE_STATUS_BAD_VALUE;
	call->result = note(control, reason);
	__atomic_store_n(&control->reset_wanted, true, __ATOMIC_RELEASE);
	return SLUICE_STATUS_OK;
}
