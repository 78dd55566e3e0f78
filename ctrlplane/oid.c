/* SPDX-License-Identifier: BSD-3-Clause */
/* OIDs, asked by an operator of a driver's instance or of a port. */
#include <string.h>

#include "edge/port.h"
#include "session.h"

#define OID_OFFSET ((uint32_t)offsetof(struct sluice_oid_command, oid))

/* A name is that of an instance, wire-side ports included, or of a host-side port, which has no instance. */
static enum sluice_status request(const char name[SLUICE_NAME_SIZE], struct im_request *request, im_status_t *result)
{
	struct im_instance *instance;
	struct edge_port *port;

	if (!policy_name_is_valid(name, NULL))
		return SLUICE_STATUS_BAD_NAME;
	instance = im_hold_instance(name);
	port = edge_port_find(name);
	if (instance != NULL) {
		*result = im_request_instance(instance, request);
		im_release_instance(instance);
	} else if (port == NULL)
		return SLUICE_STATUS_NOT_FOUND;
	else if (request->set)
		*result = edge_port_set(port, request->oid, request->buffer, request->length, &request->done,
					&request->needed);
	else
		*result = edge_port_query(port, request->oid, request->buffer, request->length, &request->done,
					  &request->needed);
	return *result == IM_STATUS_SUCCESS ? SLUICE_STATUS_OK : SLUICE_STATUS_REQUEST_FAILED;
}

enum sluice_status oid_list(void *context, struct mailbox_call *call)
{
	uint32_t oids[SLUICE_OID_VALUE_MAX / sizeof(uint32_t)];
	struct im_request query = {.oid = SLUICE_OID_GEN_SUPPORTED_LIST, .buffer = oids, .length = sizeof(oids)};
	struct sluice_list header = {.record_size = sizeof(struct sluice_oid_record)};
	struct sluice_oid_record record = {0};
	im_status_t result;
	enum sluice_status status = request((const char *)call->payload, &query, &result);

	(void)context;
	if (status != SLUICE_STATUS_OK) {
		call->error_offset = 0;
		return status;
	}
	header.count = header.total = query.done / (uint32_t)sizeof(uint32_t);
	if (call->reply_room < sizeof(header) + header.count * sizeof(record))
		return SLUICE_STATUS_BAD_LENGTH;
	memcpy(call->reply, &header, sizeof(header));
	call->reply_length = sizeof(header);
	for (uint32_t i = 0; i < header.count; i++) {
		record.oid = oids[i];
		memcpy(call->reply + call->reply_length, &record, sizeof(record));
		call->reply_length += (uint32_t)sizeof(record);
	}
	return SLUICE_STATUS_OK;
}

static enum sluice_status run(struct mailbox_call *call, struct im_request *asked)
{
	const struct sluice_oid_command *command = (const void *)call->payload;
	im_status_t result = IM_STATUS_SUCCESS;
	enum sluice_status status;

	if (command->reserved != 0) {
		call->error_offset = (uint32_t)offsetof(struct sluice_oid_command, reserved);
		return SLUICE_STATUS_BAD_RESERVED;
	}
	status = request(command->instance, asked, &result);
	call->result = result;
	if (status == SLUICE_STATUS_REQUEST_FAILED)
		call->error_offset = OID_OFFSET;
	else if (status != SLUICE_STATUS_OK)
		call->error_offset = 0;
	return status;
}

enum sluice_status oid_get(void *context, struct mailbox_call *call)
{
	struct im_request query = {
		.oid = ((const struct sluice_oid_command *)call->payload)->oid,
		.buffer = call->reply,
		.length = call->reply_room,
	};
	enum sluice_status status = run(call, &query);

	(void)context;
	call->reply_length = status == SLUICE_STATUS_OK ? query.done : 0;
	return status;
}

enum sluice_status oid_set(void *context, struct mailbox_call *call)
{
	struct im_request set = {
		.set = true,
		.oid = ((const struct sluice_oid_command *)call->payload)->oid,
		.buffer = (void *)(uintptr_t)(call->payload + sizeof(struct sluice_oid_command)),
		.length = call->payload_length - (uint32_t)sizeof(struct sluice_oid_command),
	};

	(void)context;
	return run(call, &set);
}
