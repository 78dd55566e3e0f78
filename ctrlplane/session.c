/* SPDX-License-Identifier: BSD-3-Clause */
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Life ------------------------------------------------------------------------------------------ */

static int session_open(void *context, uint32_t client_id, void **session)
{
	(void)context;
	(void)client_id;
	*session = calloc(1, sizeof(struct session));
	return *session != NULL ? 0 : -ENOMEM;
}

static void session_close(void *context, void *opaque)
{
	struct session *session = opaque;
	struct control *control = context;

	session_close_handles(session);
	control_unpin(control, &session->listed);
	control_unpin(control, &session->dumped);
	uploads_leave(&control->uploads, session->upload);
	free(session);
}

static bool has_handles(void *context, const void *opaque)
{
	const struct session *session = opaque;
	bool any = false;

	(void)context;
	for (uint32_t i = 0; i < SESSION_HANDLES; i++)
		any |= session->handles[i].handle != NULL;
	return any;
}

static enum sluice_status check_upload(const struct upload *upload)
{
	if (upload == NULL)
		return SLUICE_STATUS_NO_TRANSACTION;
	return upload->received < upload->length ? SLUICE_STATUS_INCOMPLETE : SLUICE_STATUS_OK;
}

/* What an operation needs of its client's session is an upload that is whole; then that is the operation's. */
static enum sluice_status session_branch(void *context, struct mailbox_call *call, void **out)
{
	bool commits = call->command->opcode == SLUICE_OP_POLICY_COMMIT;
	struct session *session = call->session;
	enum sluice_status status = commits ? check_upload(session->upload) : SLUICE_STATUS_OK;
	struct session *branch;

	(void)context;
	if (status != SLUICE_STATUS_OK)
		return status;
	branch = calloc(1, sizeof(*branch));
	if (branch == NULL)
		return SLUICE_STATUS_NO_MEMORY;
	if (commits) {
		branch->upload = session->upload;
		session->upload = NULL;
	}
	*out = branch;
	return SLUICE_STATUS_OK;
}

/* ---- Lines ----------------------------------------------------------------------------------------- */

/*
 * Who waits for whom: changes of the policy for each other, changes of drivers and stacks likewise, requests to one
 * instance as the contract has it (6.14). Calls of a device may run at the same time (8.5), but not so many that a
 * driver that hangs has all control threads.
 */
enum line {
	LINE_POLICY,
	LINE_TOPOLOGY,
	LINE_UNLOAD,   /* waits for clients that have the driver's device open */
	LINE_INSTANCE, /* whose name the payload begins with */
	LINE_DEVICE,   /* likewise */
	LINE_HANDLE,   /* the device of the handle in arg[0] */
};

static const char *device_of(const struct mailbox_call *call)
{
	const struct session_handle *handle = session_find_handle(call->session, call->command->arg[0]);

	return handle != NULL ? handle->device : "";
}

static void name_line(const struct mailbox_call *call, enum line kind, struct threads_line *line)
{
	const char *payload = (const char *)call->payload;

	switch (kind) {
	case LINE_POLICY:
		*line = (struct threads_line){"policy", 1};
		break;
	case LINE_TOPOLOGY:
		*line = (struct threads_line){"drivers and stacks", 1};
		break;
	case LINE_UNLOAD:
		*line = (struct threads_line){"unloads", 2};
		break;
	case LINE_INSTANCE:
		snprintf(line->name, sizeof(line->name), "instance %.31s", payload);
		line->most = 1;
		break;
	case LINE_DEVICE:
	case LINE_HANDLE:
		snprintf(line->name, sizeof(line->name), "device %.31s",
			 kind == LINE_DEVICE ? payload : device_of(call));
		line->most = 2;
		break;
	}
}

/* ---- Commands -------------------------------------------------------------------------------------- */

/* X(opcode, handler): answered at once */
#define QUICK(X)                                                                                                       \
	X(INFO, list_info)                                                                                             \
	X(PORT_LIST, list_ports)                                                                                       \
	X(DRIVER_LIST, list_drivers)                                                                                   \
	X(STACK_LIST, list_stacks)                                                                                     \
	X(WORKER_LIST, list_workers)                                                                                   \
	X(DROP_LIST, list_drops)                                                                                       \
	X(RULE_LIST, list_rules)                                                                                       \
	X(POLICY_BEGIN, upload_begin)                                                                                  \
	X(POLICY_CHUNK, upload_chunk)                                                                                  \
	X(POLICY_ABORT, upload_abort)                                                                                  \
	X(POLICY_STATUS, upload_status)                                                                                \
	X(POLICY_RESUME, upload_resume)                                                                                \
	X(POLICY_READ, upload_read)                                                                                    \
	X(DEVICE_LIST, list_devices)                                                                                   \
	X(RESET_DEVICE, reset_device)                                                                                  \
	X(OPERATION_LIST, list_operations)                                                                             \
	X(OPERATION_STATUS, operation_status)                                                                          \
	X(OPERATION_CANCEL, operation_cancel)

/* X(opcode, handler, line): may wait for a driver */
#define SLOW(X)                                                                                                        \
	X(POLICY_VALIDATE, upload_validate, POLICY)                                                                    \
	X(POLICY_COMMIT, upload_commit, POLICY)                                                                        \
	X(OID_LIST, oid_list, INSTANCE)                                                                                \
	X(OID_GET, oid_get, INSTANCE)                                                                                  \
	X(OID_SET, oid_set, INSTANCE)                                                                                  \
	X(DEVICE_OPEN, device_open, DEVICE)                                                                            \
	X(DEVICE_CALL, device_call, HANDLE)                                                                            \
	X(DEVICE_CLOSE, device_close, HANDLE)                                                                          \
	X(DRIVER_LOAD, driver_load, TOPOLOGY)                                                                          \
	X(DRIVER_UNLOAD, driver_unload, UNLOAD)                                                                        \
	X(STACK_INSERT, stack_insert, TOPOLOGY)                                                                        \
	X(STACK_REMOVE, stack_remove, TOPOLOGY)                                                                        \
	X(RESET_DATAPATH, reset_datapath, TOPOLOGY)

static void choose_line(void *context, const struct mailbox_call *call, struct threads_line *line)
{
	(void)context;
	switch (call->command->opcode) {
#define X(opcode, handler, kind)                                                                                       \
	case SLUICE_OP_##opcode:                                                                                       \
		name_line(call, LINE_##kind, line);                                                                    \
		break;
		SLOW(X)
#undef X
	}
}

const struct mailbox_ops session_ops = {
	.data = &data_ports,
	.session_open = session_open,
	.session_close = session_close,
	.session_branch = session_branch,
	.session_is_slow = has_handles,
	.line = choose_line,
	.handlers =
		{
#define X(opcode, handler, ...) [SLUICE_OP_##opcode] = handler,
			QUICK(X) SLOW(X)
#undef X
		},
	.slow =
		{
#define X(opcode, handler, kind) [SLUICE_OP_##opcode] = true,
			SLOW(X)
#undef X
		},
};
