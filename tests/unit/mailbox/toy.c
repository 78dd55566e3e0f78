/* SPDX-License-Identifier: BSD-3-Clause */
#include "toy.h"

#include <string.h>
#include <unistd.h>

/* Counts the call, and notes when the copies are not what the client signed: then they were read twice. */
static struct toy *enter(void *context, const struct mailbox_call *call)
{
	struct toy *toy = context;
	uint32_t crc = sluice_crc32c(0, call->command, offsetof(struct sluice_command, crc));

	toy->handled++;
	toy->torn += sluice_crc32c(crc, call->payload, call->payload_length) != call->command->crc;
	return toy;
}

static enum sluice_status echo(void *context, struct mailbox_call *call)
{
	enter(context, call);
	call->reply_length = call->payload_length < call->reply_room ? call->payload_length : call->reply_room;
	memcpy(call->reply, call->payload, call->reply_length);
	call->result = call->payload_length;
	return SLUICE_STATUS_OK;
}

static enum sluice_status chunk(void *context, struct mailbox_call *call)
{
	if (call->payload[0] != TOY_BAD_CHUNK)
		return echo(context, call);
	enter(context, call);
	call->error_offset = (uint32_t)call->command->arg[0] + TOY_BAD_FIELD;
	return SLUICE_STATUS_BAD_VALUE;
}

static enum sluice_status info(void *context, struct mailbox_call *call)
{
	const struct sluice_info answer = {.version = "toy"};

	enter(context, call);
	if (call->reply_room < sizeof(answer))
		return SLUICE_STATUS_BAD_LENGTH;
	memcpy(call->reply, &answer, sizeof(answer));
	call->reply_length = sizeof(answer);
	return SLUICE_STATUS_OK;
}

static enum sluice_status list_drivers(void *context, struct mailbox_call *call)
{
	uint32_t first = (uint32_t)call->command->arg[0];
	uint32_t count = TOY_DRIVERS - first < TOY_PAGE ? TOY_DRIVERS - first : TOY_PAGE;
	struct sluice_list list = {.count = count,
				   .record_size = sizeof(struct sluice_driver_record),
				   .total = TOY_DRIVERS,
				   .generation = 7};

	enter(context, call);
	if (call->reply_room < sizeof(list) + count * sizeof(struct sluice_driver_record))
		return SLUICE_STATUS_BAD_LENGTH;
	list.next = first + count < TOY_DRIVERS ? first + count : 0;
	memcpy(call->reply, &list, sizeof(list));
	call->reply_length = sizeof(list);
	for (uint32_t i = 0; i < count; i++) {
		const struct sluice_driver_record record = {.name = "driver", .instances = first + i};

		memcpy(call->reply + call->reply_length, &record, sizeof(record));
		call->reply_length += sizeof(record);
	}
	return SLUICE_STATUS_OK;
}

static enum sluice_status list_tiny(void *context, struct mailbox_call *call)
{
	struct sluice_list list = {.count = call->reply_room - (uint32_t)sizeof(list), .record_size = 1};
	uint32_t next = (uint32_t)call->command->arg[0] + list.count;

	enter(context, call);
	list.total = TOY_TINY_PAGES * list.count;
	list.next = next < list.total ? next : 0;
	memcpy(call->reply, &list, sizeof(list));
	call->reply_length = call->reply_room;
	return SLUICE_STATUS_OK;
}

static enum sluice_status overrun(void *context, struct mailbox_call *call)
{
	enter(context, call);
	memset(call->reply, 0x5a, call->reply_room);
	call->reply_length = call->reply_room + 1;
	return SLUICE_STATUS_OK;
}

static enum sluice_status reject_name(void *context, struct mailbox_call *call)
{
	enter(context, call);
	call->error_offset = TOY_BAD_FIELD;
	return SLUICE_STATUS_DUPLICATE_NAME;
}

static enum sluice_status busy_once(void *context, struct mailbox_call *call)
{
	return enter(context, call)->unloads++ == 0 ? SLUICE_STATUS_BUSY : SLUICE_STATUS_OK;
}

static enum sluice_status begin(void *context, struct mailbox_call *call)
{
	call->result = ++enter(context, call)->begins;
	return SLUICE_STATUS_OK;
}

static enum sluice_status commit(void *context, struct mailbox_call *call)
{
	call->result = ++enter(context, call)->commits;
	return SLUICE_STATUS_OK;
}

static enum sluice_status forget(void *context, struct mailbox_call *call)
{
	enter(context, call)->aborts++;
	return SLUICE_STATUS_OK;
}

static enum sluice_status describe_upload(void *context, struct mailbox_call *call)
{
	const struct sluice_upload_record record = {.id = call->command->arg[0], .received = TOY_RECEIVED};

	enter(context, call);
	memcpy(call->reply, &record, sizeof(record));
	call->reply_length = sizeof(record);
	call->result = TOY_RECEIVED;
	return SLUICE_STATUS_OK;
}

static enum sluice_status resume(void *context, struct mailbox_call *call)
{
	enter(context, call);
	call->result = TOY_RECEIVED;
	return call->command->arg[0] != 0 ? SLUICE_STATUS_OK : SLUICE_STATUS_UNKNOWN_UPLOAD;
}

static enum sluice_status count_aborts(void *context, struct mailbox_call *call)
{
	call->result = enter(context, call)->aborts;
	return SLUICE_STATUS_OK;
}

static enum sluice_status read_image(void *context, struct mailbox_call *call)
{
	uint64_t offset = call->command->arg[0];

	enter(context, call);
	if (offset > TOY_IMAGE)
		return SLUICE_STATUS_BAD_VALUE;
	while (call->reply_length < call->reply_room && offset < TOY_IMAGE)
		call->reply[call->reply_length++] = (uint8_t)(offset++ % 251);
	call->result = TOY_IMAGE;
	return SLUICE_STATUS_OK;
}

static enum sluice_status sleep_now(void *context, struct mailbox_call *call)
{
	usleep(enter(context, call)->sleep_ms * 1000);
	return SLUICE_STATUS_OK;
}

static enum sluice_status end_process(void *context, struct mailbox_call *call)
{
	(void)context;
	(void)call;
	_exit(0);
}

static int open_session(void *context, uint32_t client_id, void **session)
{
	struct toy *toy = context;

	(void)client_id;
	if (toy->refuse_sessions_with != 0)
		return toy->refuse_sessions_with;
	toy->sessions_opened++;
	*session = toy;
	return 0;
}

static void close_session(void *context, void *session)
{
	struct toy *toy = context;

	toy->sessions_closed += session == toy;
}

static enum sluice_status grant(void *context, struct data_grant *grant)
{
	const struct toy *toy = context;

	if (strcmp(grant->port, TOY_WIRE) == 0)
		return SLUICE_STATUS_NOT_A_HOST_PORT;
	if (strcmp(grant->port, TOY_PORT) != 0)
		return SLUICE_STATUS_UNKNOWN_PORT;
	if (toy->attached)
		return SLUICE_STATUS_PORT_TAKEN;
	if (grant->queues < TOY_QUEUES)
		return SLUICE_STATUS_TOO_FEW_QUEUES;
	grant->queues = TOY_QUEUES;
	grant->entries = grant->entries < TOY_ENTRIES ? grant->entries : TOY_ENTRIES;
	grant->mtu = 1600;
	memcpy(grant->mac, "\2\0\0\0\0\5", sizeof(grant->mac));
	return SLUICE_STATUS_OK;
}

static enum sluice_status attach(void *context, const struct data_grant *grant, const struct data_regions *regions,
				 void **link)
{
	struct toy *toy = context;

	if (toy->refuse_attach_with != SLUICE_STATUS_OK)
		return toy->refuse_attach_with;
	toy->attached = true;
	toy->grant = *grant;
	toy->regions = *regions;
	*link = toy;
	return SLUICE_STATUS_OK;
}

static void detach(void *context, void *link)
{
	struct toy *toy = context;

	toy->attached = false;
	toy->detached += link == toy;
}

static bool release(void *context, void *link)
{
	struct toy *toy = context;

	if (toy->in_use)
		return false;
	toy->released += link == toy;
	return true;
}

static const struct data_port_ops toy_ports = {
	.grant = grant,
	.attach = attach,
	.detach = detach,
	.release = release,
};

const struct mailbox_ops toy_ops = {
	.data = &toy_ports,
	.handlers =
		{
			[SLUICE_OP_INFO] = info,
			[SLUICE_OP_PORT_LIST] = overrun,
			[SLUICE_OP_DRIVER_LIST] = list_drivers,
			[SLUICE_OP_DROP_LIST] = list_tiny,
			[SLUICE_OP_STACK_LIST] = end_process,
			[SLUICE_OP_RULE_LIST] = echo,
			[SLUICE_OP_STACK_INSERT] = reject_name,
			[SLUICE_OP_DRIVER_UNLOAD] = busy_once,
			[SLUICE_OP_POLICY_BEGIN] = begin,
			[SLUICE_OP_POLICY_CHUNK] = chunk,
			[SLUICE_OP_POLICY_VALIDATE] = count_aborts,
			[SLUICE_OP_POLICY_COMMIT] = commit,
			[SLUICE_OP_POLICY_ABORT] = forget,
			[SLUICE_OP_POLICY_READ] = read_image,
			[SLUICE_OP_POLICY_STATUS] = describe_upload,
			[SLUICE_OP_POLICY_RESUME] = resume,
			[SLUICE_OP_OID_LIST] = sleep_now,
			[SLUICE_OP_OID_SET] = echo,
		},
	.session_open = open_session,
	.session_close = close_session,
};
