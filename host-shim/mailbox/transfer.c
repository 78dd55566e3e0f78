/* SPDX-License-Identifier: BSD-3-Clause */
/* What takes more than one command: lists of several pages, policy images. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client_private.h"

/* The largest image that the format allows: what the firmware says is not what we allocate. */
#define IMAGE_LIMIT                                                                                                    \
	(sizeof(struct sluice_policy_header) + SLUICE_POLICY_MAX_PORTS * sizeof(struct sluice_port) +                  \
	 SLUICE_POLICY_MAX_STACKS * sizeof(struct sluice_stack) +                                                      \
	 SLUICE_POLICY_MAX_INSTANCES * sizeof(struct sluice_instance) +                                                \
	 SLUICE_POLICY_MAX_RULES * sizeof(struct sluice_rule))

/* Bytes that a list takes here at most: the longest is that of the rules. A card whose records are short has us make
 * much more of them than it sends. */
#define LIST_LIMIT ((uint64_t)SLUICE_POLICY_MAX_RULES * sizeof(struct sluice_rule_record))

/* A list that is being fetched. */
struct fetch {
	uint32_t record_size; /* the caller's */
	uint32_t card_size;   /* as the pages have them */
	uint32_t cursor;
	uint32_t count;
	uint64_t generation;
	uint8_t *records;
	uint8_t *page; /* SLUICE_STAGE_SIZE bytes */
};

static int report(struct sluice_client *client, int error, struct sluice_fault *fault)
{
	if (fault != NULL)
		*fault = client->fault;
	return error;
}

static int no_memory(struct sluice_client *client)
{
	return client_fail(client, -ENOMEM, SLUICE_FAULT_SYSTEM, "out of memory");
}

static int malformed(struct sluice_client *client, const char *what)
{
	return client_fail(client, -EPROTO, SLUICE_FAULT_PROTOCOL, "the firmware's answer is malformed: %s", what);
}

static int check_status(struct sluice_client *client, const struct sluice_reply *reply)
{
	if (reply->status == SLUICE_STATUS_OK)
		return 0;
	client->fault.status = reply->status;
	client->fault.error_offset = reply->error_offset;
	return client_fail(client, -EREMOTEIO, SLUICE_FAULT_COMMAND, "%s", sluice_status_text(reply->status));
}

/* The next page's cursor must be beyond this one's, so that every list ends. */
static int check_page(struct sluice_client *client, const struct fetch *fetch, const struct sluice_list *list,
		      uint32_t length)
{
	if (length < sizeof(*list) || list->record_size == 0 ||
	    length - sizeof(*list) != (uint64_t)list->count * list->record_size)
		return malformed(client, "a list has another length, or other records");
	if (fetch->cursor != 0 && list->record_size != fetch->card_size)
		return malformed(client, "pages of a list have different records");
	if (list->next != 0 && (list->next <= fetch->cursor || list->count == 0))
		return malformed(client, "a list does not end");
	if (fetch->cursor != 0 && list->generation != fetch->generation)
		return malformed(client, "pages of a list show different policies");
	if (((uint64_t)fetch->count + list->count) * fetch->record_size > LIST_LIMIT)
		return malformed(client, "a list is too long");
	return 0;
}

/* Records grow at their ends: of an older card the rest is zero, of a newer one it is left out. */
static int append(struct sluice_client *client, struct fetch *fetch, const struct sluice_list *list)
{
	size_t size = fetch->record_size, sent = list->record_size;
	size_t common = size < sent ? size : sent;
	uint8_t *records;

	if (list->count == 0)
		return 0;
	records = realloc(fetch->records, ((size_t)fetch->count + list->count) * size);
	if (records == NULL)
		return no_memory(client);
	memset(records + fetch->count * size, 0, list->count * size);
	for (uint32_t i = 0; i < list->count; i++)
		memcpy(records + (fetch->count + i) * size, fetch->page + sizeof(*list) + i * sent, common);
	fetch->records = records;
	fetch->count += list->count;
	return 0;
}

/* 0 when it was the last page, 1 when there is another, or -errno. */
static int fetch_page(struct sluice_client *client, struct fetch *fetch, uint16_t opcode, const void *payload,
		      uint32_t payload_length)
{
	struct sluice_reply reply;
	struct sluice_list list = {0};
	int error = sluice_call(client, opcode, fetch->cursor, 0, payload, payload_length, fetch->page,
				SLUICE_STAGE_SIZE, &reply);

	if (error == 0)
		error = check_status(client, &reply);
	if (error != 0)
		return error;
	memcpy(&list, fetch->page, sizeof(list));
	error = check_page(client, fetch, &list, reply.out_length);
	if (error == 0)
		error = append(client, fetch, &list);
	if (error != 0)
		return error;
	fetch->generation = list.generation;
	fetch->card_size = list.record_size;
	fetch->cursor = list.next;
	return list.next != 0;
}

int sluice_list(struct sluice_client *client, uint16_t opcode, const void *payload, uint32_t payload_length,
		uint32_t record_size, void **records, uint32_t *count, uint64_t *generation, struct sluice_fault *fault)
{
	struct fetch fetch = {.record_size = record_size, .page = malloc(SLUICE_STAGE_SIZE)};
	int more = fetch.page != NULL ? 1 : no_memory(client);

	while (more == 1)
		more = fetch_page(client, &fetch, opcode, payload, payload_length);
	free(fetch.page);
	if (more < 0) {
		free(fetch.records);
		return report(client, more, fault);
	}
	*records = fetch.records;
	*count = fetch.count;
	if (generation != NULL)
		*generation = fetch.generation;
	return report(client, 0, fault);
}

static int send_command(struct sluice_client *client, uint16_t opcode, uint64_t arg0, const void *in, uint32_t length)
{
	struct sluice_reply reply;
	int error = sluice_call(client, opcode, arg0, 0, in, length, NULL, 0, &reply);

	return error != 0 ? error : check_status(client, &reply);
}

static int send_chunks(struct sluice_client *client, const uint8_t *image, size_t length, size_t offset)
{
	while (offset < length) {
		size_t left = length - offset;
		uint32_t bytes = left < SLUICE_STAGE_SIZE ? (uint32_t)left : SLUICE_STAGE_SIZE;
		int error = send_command(client, SLUICE_OP_POLICY_CHUNK, offset, image + offset, bytes);

		if (error != 0)
			return error;
		offset += bytes;
	}
	return 0;
}

/* What the card does not want more of is aborted; where the connection broke, the lease keeps it. */
static int finish_upload(struct sluice_client *client, const void *image, size_t length, size_t offset,
			 struct sluice_fault *fault)
{
	struct sluice_fault chunk_fault;
	int error = send_chunks(client, image, length, offset);

	if (error == 0)
		return report(client, 0, fault);
	chunk_fault = client->fault;
	send_command(client, SLUICE_OP_POLICY_ABORT, 0, NULL, 0); /* where it fails, hanging up aborts as well */
	client->fault = chunk_fault;
	return report(client, error, fault);
}

int sluice_upload_leased(struct sluice_client *client, const void *image, size_t length, uint32_t lease_ms,
			 uint64_t *id, struct sluice_fault *fault)
{
	struct sluice_reply reply;
	int error = sluice_call(client, SLUICE_OP_POLICY_BEGIN, length, lease_ms, NULL, 0, NULL, 0, &reply);

	if (error == 0)
		error = check_status(client, &reply);
	if (error != 0)
		return report(client, error, fault);
	*id = reply.result;
	return finish_upload(client, image, length, 0, fault);
}

int sluice_upload(struct sluice_client *client, const void *image, size_t length, struct sluice_fault *fault)
{
	uint64_t id;

	return sluice_upload_leased(client, image, length, 0, &id, fault);
}

int sluice_upload_resume(struct sluice_client *client, uint64_t id, const void *image, size_t length,
			 struct sluice_fault *fault)
{
	struct sluice_reply reply;
	int error = sluice_call(client, SLUICE_OP_POLICY_RESUME, id, 0, NULL, 0, NULL, 0, &reply);

	if (error == 0)
		error = check_status(client, &reply);
	if (error == 0 && reply.result > length)
		error = malformed(client, "an upload is longer than its image");
	if (error != 0)
		return report(client, error, fault);
	return finish_upload(client, image, length, reply.result, fault);
}

int sluice_upload_status(struct sluice_client *client, uint64_t id, struct sluice_upload_record *record,
			 struct sluice_fault *fault)
{
	struct sluice_reply reply;
	int error = sluice_call(client, SLUICE_OP_POLICY_STATUS, id, 0, NULL, 0, record, sizeof(*record), &reply);

	if (error == 0)
		error = check_status(client, &reply);
	if (error == 0 && reply.out_length != sizeof(*record))
		error = malformed(client, "an upload's record has another length");
	return report(client, error, fault);
}

/* The first answer tells the length of the whole. */
static int size_image(struct sluice_client *client, uint8_t **image, size_t *length, uint64_t whole)
{
	if (*image != NULL)
		return whole == *length ? 0 : malformed(client, "the policy changed its length while it was read");
	if (whole == 0 || whole > IMAGE_LIMIT)
		return malformed(client, "a policy of impossible length");
	*image = malloc(whole);
	*length = whole;
	return *image != NULL ? 0 : no_memory(client);
}

static int read_chunks(struct sluice_client *client, uint8_t *page, uint8_t **image, size_t *length)
{
	size_t offset = 0;

	do {
		struct sluice_reply reply;
		int error =
			sluice_call(client, SLUICE_OP_POLICY_READ, offset, 0, NULL, 0, page, SLUICE_STAGE_SIZE, &reply);

		if (error == 0)
			error = check_status(client, &reply);
		if (error == 0)
			error = size_image(client, image, length, reply.result);
		if (error != 0)
			return error;
		if (reply.out_length == 0 || reply.out_length > *length - offset)
			return malformed(client, "a piece of the policy has an impossible length");
		memcpy(*image + offset, page, reply.out_length);
		offset += reply.out_length;
	} while (offset < *length);
	return 0;
}

int sluice_read_policy(struct sluice_client *client, void **image, size_t *length, struct sluice_fault *fault)
{
	uint8_t *page = malloc(SLUICE_STAGE_SIZE);
	uint8_t *bytes = NULL;
	int error = page != NULL ? read_chunks(client, page, &bytes, length) : no_memory(client);

	free(page);
	if (error != 0) {
		free(bytes);
		return report(client, error, fault);
	}
	*image = bytes;
	return report(client, 0, fault);
}
