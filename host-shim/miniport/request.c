/* SPDX-License-Identifier: BSD-3-Clause */
/* OIDs, over the mailbox. */
#include <stdlib.h>
#include <string.h>

#include "inside.h"

static const uint32_t remembered_oids[REMEMBERED_COUNT] = {
#define X(name) [REMEMBERED_##name] = SLUICE_OID_##name,
	REMEMBERED_TABLE(X)
#undef X
};

/* ---- Whom to ask --------------------------------------------------------------------------------- */

/* The instance at the top of the port's stack; the port, where it has none. Stacks change: it is looked up each time.
 */
static void find_top(struct sluice_miniport *miniport, char name[SLUICE_NAME_SIZE])
{
	void *memory = NULL;
	uint32_t number = 0;
	struct sluice_stack_record *records;

	memcpy(name, miniport->port, SLUICE_NAME_SIZE);
	if (sluice_list(miniport->client, SLUICE_OP_STACK_LIST, NULL, 0, sizeof(*records), &memory, &number, NULL,
			NULL) != 0)
		return;
	records = memory;
	for (uint32_t i = 0; i < number; i++) {
		if (records[i].position == 0 && strncmp(records[i].upper_port, miniport->port, SLUICE_NAME_SIZE) == 0)
			memcpy(name, records[i].instance, SLUICE_NAME_SIZE);
	}
	free(memory);
}

static im_status_t translate(const struct sluice_reply *reply)
{
	switch (reply->status) {
	case SLUICE_STATUS_OK:
		return IM_STATUS_SUCCESS;
	case SLUICE_STATUS_REQUEST_FAILED:
		return reply->result > IM_STATUS_PENDING && reply->result <= UINT16_MAX ? (im_status_t)reply->result
											: IM_STATUS_FAILURE;
	case SLUICE_STATUS_NOT_FOUND:
		return IM_STATUS_ADAPTER_NOT_FOUND;
	case SLUICE_STATUS_NOT_PERMITTED:
		return IM_STATUS_NOT_ACCEPTED;
	case SLUICE_STATUS_NOT_SUPPORTED:
		return IM_STATUS_NOT_SUPPORTED;
	case SLUICE_STATUS_BAD_LENGTH:
		return IM_STATUS_INVALID_LENGTH;
	case SLUICE_STATUS_SHUTTING_DOWN:
		return IM_STATUS_NOT_READY;
	default:
		return IM_STATUS_FAILURE;
	}
}

/* One command; @p payload begins with the struct sluice_oid_command to be filled in. */
static im_status_t ask(struct sluice_miniport *miniport, uint16_t opcode, uint32_t oid, uint8_t *payload,
		       uint32_t payload_length, uint8_t *answer, uint32_t *answer_length)
{
	struct sluice_oid_command command = {.oid = oid};
	struct sluice_reply reply = {0};

	if (miniport->client == NULL || miniport->mailbox_lost)
		return IM_STATUS_NOT_READY;
	find_top(miniport, command.instance);
	memcpy(payload, &command, sizeof(command));
	if (sluice_call(miniport->client, opcode, 0, 0, payload, payload_length, answer, SLUICE_OID_VALUE_MAX,
			&reply) != 0) {
		miniport->mailbox_lost = true;
		return IM_STATUS_NOT_READY;
	}
	*answer_length = reply.out_length;
	return translate(&reply);
}

/* ---- Query --------------------------------------------------------------------------------------- */

static bool is_counter(uint32_t oid)
{
	switch (oid) {
#define X(name, number, type, settable, text)                                                                          \
	case number:                                                                                                   \
		return SLUICE_OID_##type == SLUICE_OID_COUNTER;
		SLUICE_OID_TABLE(X)
#undef X
	default:
		return false;
	}
}

/* The card is asked with room for everything, so that the whole size is known also where the caller has less [6.4]. */
im_status_t request_query(struct sluice_miniport *miniport, uint32_t oid, void *buffer, uint32_t length,
			  uint32_t *written, uint32_t *needed)
{
	uint8_t payload[sizeof(struct sluice_oid_command)], value[SLUICE_OID_VALUE_MAX];
	uint32_t size = 0;
	im_status_t status;

	*written = *needed = 0;
	status = ask(miniport, SLUICE_OP_OID_GET, oid, payload, sizeof(payload), value, &size);
	if (status != IM_STATUS_SUCCESS)
		return status;
	if (size > length && size == sizeof(uint64_t) && length >= sizeof(uint32_t) && is_counter(oid)) {
		*needed = size; /* the low half is the short form [6.6] */
		size = sizeof(uint32_t);
	}
	if (size > length) {
		*needed = size;
		return IM_STATUS_BUFFER_TOO_SHORT;
	}
	if (size > 0)
		memcpy(buffer, value, size);
	*written = size;
	return IM_STATUS_SUCCESS;
}

im_status_t sluice_miniport_query(struct sluice_miniport *miniport, uint32_t oid, void *buffer, uint32_t length,
				  uint32_t *written, uint32_t *needed)
{
	im_status_t status;

	*written = *needed = 0;
	if (inside_handler())
		return IM_STATUS_NOT_ACCEPTED;
	pthread_mutex_lock(&miniport->control);
	status = request_query(miniport, oid, buffer, length, written, needed);
	pthread_mutex_unlock(&miniport->control);
	return status;
}

/* ---- Set ----------------------------------------------------------------------------------------- */

/* The right length of a set that came with @p length: the card does not tell. */
static uint32_t right_length(uint32_t oid, uint32_t length)
{
	switch (oid) {
#define X(name, number, type, settable, text)                                                                          \
	case number:                                                                                                   \
		return SLUICE_OID_##type == SLUICE_OID_U16	  ? 2                                                  \
		       : SLUICE_OID_##type == SLUICE_OID_U32	  ? 4                                                  \
		       : SLUICE_OID_##type == SLUICE_OID_MAC	  ? 6                                                  \
		       : SLUICE_OID_##type == SLUICE_OID_MAC_LIST ? length - length % 6                                \
								  : 0;
		SLUICE_OID_TABLE(X)
#undef X
	default:
		return 0;
	}
}

static im_status_t set(struct sluice_miniport *miniport, uint32_t oid, const void *buffer, uint32_t length)
{
	uint8_t payload[sizeof(struct sluice_oid_command) + SLUICE_OID_VALUE_MAX], nothing[SLUICE_OID_VALUE_MAX];
	uint32_t size;

	if (length > 0)
		memcpy(payload + sizeof(struct sluice_oid_command), buffer, length);
	return ask(miniport, SLUICE_OP_OID_SET, oid, payload, (uint32_t)sizeof(struct sluice_oid_command) + length,
		   nothing, &size);
}

static void remember(struct sluice_miniport *miniport, uint32_t oid, const void *buffer, uint32_t length)
{
	for (unsigned i = 0; i < REMEMBERED_COUNT; i++) {
		struct setting *setting = &miniport->settings[i];

		if (remembered_oids[i] != oid)
			continue;
		setting->is_set = true;
		setting->length = length;
		if (length > 0)
			memcpy(setting->value, buffer, length);
	}
}

/* After a reset, or for a new firmware [7.2]. What it refuses now it will refuse again when a protocol asks. */
void request_restore(struct sluice_miniport *miniport)
{
	for (unsigned i = 0; i < REMEMBERED_COUNT; i++) {
		const struct setting *setting = &miniport->settings[i];

		if (setting->is_set)
			set(miniport, remembered_oids[i], setting->value, setting->length);
	}
}

im_status_t sluice_miniport_set(struct sluice_miniport *miniport, uint32_t oid, const void *buffer, uint32_t length,
				uint32_t *read, uint32_t *needed)
{
	im_status_t status;

	*read = *needed = 0;
	if (inside_handler())
		return IM_STATUS_NOT_ACCEPTED;
	if (length > SLUICE_OID_VALUE_MAX) {
		*needed = right_length(oid, SLUICE_OID_VALUE_MAX);
		return IM_STATUS_INVALID_LENGTH;
	}
	pthread_mutex_lock(&miniport->control);
	status = set(miniport, oid, buffer, length);
	if (status == IM_STATUS_SUCCESS) {
		remember(miniport, oid, buffer, length);
		*read = length;
	} else if (status == IM_STATUS_INVALID_LENGTH || status == IM_STATUS_BUFFER_TOO_SHORT) {
		*needed = right_length(oid, length);
	}
	pthread_mutex_unlock(&miniport->control);
	return status;
}
