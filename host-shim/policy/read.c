/* SPDX-License-Identifier: BSD-3-Clause */
/* Documents into images: syntax, size, members, and the check that the card makes too. */
#include "policy/explain.h"
#include "policy/parse.h"
#include "policy/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PORTS  "sluice:ports"
#define STACKS "sluice:stacks"
#define ACLS   "ietf-access-control-list:acls"

/* How many records a document has. What is not a list counts nothing here: reading it refuses it. */
static void count(const json_t *document, bool has_stacks, uint64_t counts[4])
{
	const json_t *stacks = json_object_get(json_object_get(document, STACKS), "stack");
	const json_t *acls = json_object_get(json_object_get(document, ACLS), "acl");
	json_t *item;
	size_t i;

	counts[0] = json_array_size(json_object_get(json_object_get(document, PORTS), "port"));
	counts[1] = json_array_size(stacks);
	json_array_foreach (stacks, i, item)
		counts[2] += json_array_size(json_object_get(item, "driver"));
	json_array_foreach (acls, i, item)
		counts[3] += json_array_size(json_object_get(json_object_get(item, "aces"), "ace"));
	if (!has_stacks)
		counts[2] = json_array_size(acls);
}

static int refuse_many(struct reader *r, uint64_t number, uint32_t most, const char *what, const char *member)
{
	place_enter_member(&r->place, member);
	reader_refuse(r, "%" PRIu64 " %s; at most %u", number, what, most);
	place_leave(&r->place);
	return -EINVAL;
}

static int check_counts(struct reader *r, const uint64_t counts[4])
{
	if (counts[0] > SLUICE_POLICY_MAX_PORTS)
		return refuse_many(r, counts[0], SLUICE_POLICY_MAX_PORTS, "ports", PORTS);
	if (counts[1] > SLUICE_POLICY_MAX_STACKS)
		return refuse_many(r, counts[1], SLUICE_POLICY_MAX_STACKS, "stacks", STACKS);
	if (counts[2] > SLUICE_POLICY_MAX_INSTANCES)
		return refuse_many(r, counts[2], SLUICE_POLICY_MAX_INSTANCES, r->has_stacks ? "drivers" : "acls",
				   r->has_stacks ? STACKS : ACLS);
	if (counts[3] > SLUICE_POLICY_MAX_RULES)
		return refuse_many(r, counts[3], SLUICE_POLICY_MAX_RULES, "rules", ACLS);
	return 0;
}

static int allocate(struct policy_image *image, const uint64_t counts[4], struct policy_error *err)
{
	size_t length = sizeof(struct sluice_policy_header) + counts[0] * sizeof(struct sluice_port) +
			counts[1] * sizeof(struct sluice_stack) + counts[2] * sizeof(struct sluice_instance) +
			counts[3] * sizeof(struct sluice_rule);
	struct sluice_policy_header *header = calloc(1, length);

	if (header == NULL) {
		policy_error_set(err, "out of memory");
		return -ENOMEM;
	}
	header->magic = SLUICE_POLICY_MAGIC;
	header->version = SLUICE_POLICY_VERSION;
	header->length = (uint32_t)length;
	header->ports = (uint32_t)counts[0];
	header->stacks = (uint32_t)counts[1];
	header->instances = (uint32_t)counts[2];
	header->rules = (uint32_t)counts[3];
	image->header = header;
	image->length = length;
	return 0;
}

/* Ports and stacks come together or not at all; a document of nothing is more likely a mistake than a wish. */
static int check_parts(struct reader *r, const json_t *document)
{
	bool has_ports = json_object_get(document, PORTS) != NULL,
	     has_stacks = json_object_get(document, STACKS) != NULL;

	if (has_ports != has_stacks)
		return reader_refuse_missing(r, has_ports ? STACKS : PORTS);
	if (!has_ports && json_object_get(document, ACLS) == NULL)
		return reader_refuse_missing(r, ACLS);
	return 0;
}

static int read_document(struct reader *r, const json_t *document)
{
	static const struct member members[] = {
		{PORTS, reader_ports, false},
		{STACKS, reader_stacks, false},
		{ACLS, reader_acls, false},
	};
	uint64_t counts[4] = {0};
	int rc;

	r->has_stacks = json_object_get(document, STACKS) != NULL;
	count(document, r->has_stacks, counts);
	if (check_counts(r, counts) != 0)
		return -EINVAL;
	rc = allocate(&r->image, counts, r->err);
	if (rc == 0)
		rc = reader_object(r, document, MEMBERS(members), NULL);
	return rc == 0 ? check_parts(r, document) : rc;
}

static int check(const struct reader *r, const json_t *document)
{
	enum sluice_status status;
	uint32_t offset;
	int rc = policy_check(r->image.header, r->image.length, &offset, &status);

	if (rc == -ENOMEM)
		policy_error_set(r->err, "out of memory");
	else if (rc != 0)
		policy_explain_parsed(r->text, r->length, document, &r->image, offset, status, r->err);
	return rc;
}

int policy_read_text(const char *text, size_t length, struct policy_image *out, struct policy_error *err)
{
	struct reader r = {.text = text, .length = length, .err = err};
	json_t *document = NULL;
	int rc = policy_parse_text(text, length, &document, err);

	*out = (struct policy_image){0};
	if (rc != 0)
		return rc;
	rc = read_document(&r, document);
	if (rc == 0)
		rc = check(&r, document);
	json_decref(document);
	if (rc == 0)
		*out = r.image;
	else
		policy_image_clear(&r.image);
	return rc;
}
