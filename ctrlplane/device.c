/* SPDX-License-Identifier: BSD-3-Clause */
/* Control devices, opened, called and closed by a client. Its session holds its handles. */
#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "topology.h"

enum sluice_status session_status_of(im_status_t status)
{
	switch (status) {
	case IM_STATUS_SUCCESS:
		return SLUICE_STATUS_OK;
	case IM_STATUS_RESOURCES:
		return SLUICE_STATUS_NO_MEMORY;
	case IM_STATUS_NO_SUCH_DEVICE:
		return SLUICE_STATUS_DEVICE_NOT_FOUND;
	case IM_STATUS_DEVICE_REMOVED:
		return SLUICE_STATUS_DEVICE_REMOVED;
	case IM_STATUS_NOT_READY:
		return SLUICE_STATUS_DEVICE_NOT_READY;
	case IM_STATUS_CANCELLED:
		return SLUICE_STATUS_CANCELLED;
	default:
		return SLUICE_STATUS_REQUEST_FAILED;
	}
}

/* ---- Handles --------------------------------------------------------------------------------------- */

/* A place that is used again has another number, so that a number of before finds nothing. */
static uint64_t number_of(const struct session *session, const struct session_handle *handle)
{
	return (uint64_t)handle->uses * SESSION_HANDLES + (uint64_t)(handle - session->handles);
}

struct session_handle *session_find_handle(struct session *session, uint64_t number)
{
	struct session_handle *handle = &session->handles[number % SESSION_HANDLES];

	return handle->handle != NULL && number_of(session, handle) == number ? handle : NULL;
}

static struct session_handle *find_free(struct session *session)
{
	for (uint32_t i = 0; i < SESSION_HANDLES; i++)
		if (session->handles[i].handle == NULL)
			return &session->handles[i];
	return NULL;
}

static void close_handle(struct session_handle *handle)
{
	im_close_handle(handle->handle);
	handle->handle = NULL;
}

void session_close_handles(struct session *session)
{
	for (uint32_t i = 0; i < SESSION_HANDLES; i++)
		if (session->handles[i].handle != NULL)
			close_handle(&session->handles[i]);
}

static enum sluice_status bad_argument(struct mailbox_call *call, uint32_t index, enum sluice_status status)
{
	call->error_offset = SLUICE_ERROR_IN_COMMAND | ((uint32_t)offsetof(struct sluice_command, arg) + index * 8);
	return status;
}

/* While a stack changes, the devices of its drivers may be away for a moment: look again when it is over. */
static im_status_t open_patiently(struct control *control, const char *name, struct im_handle **handle)
{
	im_status_t status = im_open_device(name, handle);

	if (status != IM_STATUS_NO_SUCH_DEVICE)
		return status;
	topology_begin(control);
	topology_end(control);
	return im_open_device(name, handle);
}

enum sluice_status device_open(void *context, struct mailbox_call *call)
{
	struct session *session = call->session;
	struct session_handle *handle = find_free(session);
	const char *name = (const char *)call->payload;
	im_status_t status;

	if (!policy_name_is_valid(name, &call->error_offset))
		return SLUICE_STATUS_BAD_NAME;
	call->error_offset = 0;
	if (handle == NULL)
		return SLUICE_STATUS_TOO_MANY_HANDLES;
	status = open_patiently(context, name, &handle->handle);
	if (status != IM_STATUS_SUCCESS) {
		call->result = status;
		return session_status_of(status);
	}
	memcpy(handle->device, name, sizeof(handle->device));
	handle->uses++;
	call->result = number_of(session, handle);
	return SLUICE_STATUS_OK;
}

enum sluice_status device_close(void *context, struct mailbox_call *call)
{
	struct session_handle *handle = session_find_handle(call->session, call->command->arg[0]);

	(void)context;
	if (handle == NULL)
		return bad_argument(call, 0, SLUICE_STATUS_HANDLE_INVALID);
	close_handle(handle);
	return SLUICE_STATUS_OK;
}

/* ---- Calls ----------------------------------------------------------------------------------------- */

/* A call on its way: it lives until the driver has completed it. */
struct device_job {
	struct im_device_call call;
	struct im_work work; /* the driver may complete it at any level, the mailbox only at PASSIVE */
	struct mailbox_call *command;
	im_status_t status;
};

#define JOB_OF(member, at) ((struct device_job *)(void *)((char *)(at)-offsetof(struct device_job, member)))

static enum sluice_status answer(struct device_job *job, im_status_t status)
{
	job->command->reply_length = job->call.output_length;
	job->command->result = status;
	return session_status_of(status);
}

static void complete(struct im_work *work)
{
	struct device_job *job = JOB_OF(work, work);
	struct mailbox_call *command = job->command;
	enum sluice_status status = answer(job, job->status);

	free(job);
	command->complete(command, status);
}

static void completed(struct im_device_call *call, im_status_t status)
{
	struct device_job *job = JOB_OF(call, call);

	job->status = status;
	im_schedule_work(&job->work);
}

static struct device_job *make_job(struct mailbox_call *command)
{
	struct device_job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->command = command;
	job->work.run = complete;
	job->call = (struct im_device_call){
		.code = (uint32_t)command->command->arg[1],
		.input = command->payload,
		.input_length = command->payload_length,
		.output = command->reply,
		.output_room = command->reply_room,
		.core.completed = completed,
	};
	return job;
}

enum sluice_status device_call(void *context, struct mailbox_call *call)
{
	struct session_handle *handle = session_find_handle(call->session, call->command->arg[0]);
	enum sluice_status status;
	struct device_job *job;
	im_status_t result;

	(void)context;
	if (handle == NULL)
		return bad_argument(call, 0, SLUICE_STATUS_HANDLE_INVALID);
	if (call->command->arg[1] > UINT32_MAX)
		return bad_argument(call, 1, SLUICE_STATUS_BAD_VALUE);
	if (call->complete == NULL) /* a call that the driver pends could not be completed */
		return SLUICE_STATUS_NOT_SUPPORTED;
	job = make_job(call);
	if (job == NULL)
		return SLUICE_STATUS_NO_MEMORY;
	result = im_call_device(handle->handle, &job->call);
	if (result == IM_STATUS_PENDING)
		return MAILBOX_LATER;
	status = answer(job, result);
	free(job);
	return status;
}
