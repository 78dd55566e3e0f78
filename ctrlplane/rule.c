/* SPDX-License-Identifier: BSD-3-Clause */
/* Single rules: each command is one splice of the image in force, committed like any other policy. */
#include <string.h>

#include "edit.h"
#include "session.h"

#define INSTANCE_OFFSET ((uint32_t)offsetof(struct sluice_rule_command, instance))
#define RULE_OFFSET	((uint32_t)offsetof(struct sluice_rule_command, rule))
#define NAME_OFFSET	(RULE_OFFSET + (uint32_t)offsetof(struct sluice_rule, name))

static enum sluice_status refuse(struct mailbox_call *call, enum sluice_status status, uint32_t offset)
{
	call->error_offset = offset;
	return status;
}

static bool takes_rules(const struct sluice_instance *instance)
{
	const struct im_instance *vnic = im_find_instance(instance->name);

	return vnic != NULL && vnic->miniport->config != NULL;
}

/* The instance of this name; without one, the only one that takes rules. */
static enum sluice_status find_instance(struct control *control, const char name[SLUICE_NAME_SIZE], uint32_t *index)
{
	const struct policy_image *image = &control->current->image;
	const struct sluice_instance *instances = policy_instances(image);
	enum sluice_status status = SLUICE_STATUS_NOT_FOUND;

	for (uint32_t i = 0; i < image->header->instances; i++) {
		if (name[0] != '\0' && memcmp(instances[i].name, name, SLUICE_NAME_SIZE) != 0)
			continue;
		if (!takes_rules(&instances[i])) {
			if (name[0] != '\0')
				return SLUICE_STATUS_NO_RULES_HERE;
			continue;
		}
		if (status == SLUICE_STATUS_OK)
			return SLUICE_STATUS_AMBIGUOUS;
		status = SLUICE_STATUS_OK;
		*index = i;
	}
	return status;
}

/* The rule as it stands now, with its counters: what the client is told. */
static void answer(struct control *control, struct mailbox_call *call, uint32_t index, const struct sluice_rule *rule)
{
	const struct config *config = control->current;
	const struct sluice_instance *instance = &policy_instances(&config->image)[index];
	struct sluice_rule_record record = {.rule = *rule};
	int64_t at = edit_find_rule(&config->image, instance, rule->name);

	memcpy(record.instance, instance->name, sizeof(record.instance));
	if (at >= 0) {
		struct im_traffic hits = im_read_rule(config->slots[instance->first_rule + at]);

		record.hits = (struct sluice_traffic){hits.packets, hits.bytes};
	}
	if (call->reply_room >= sizeof(record)) {
		memcpy(call->reply, &record, sizeof(record));
		call->reply_length = sizeof(record);
	}
	call->result = control->generation;
}

static enum sluice_status splice(struct control *control, uint32_t index, uint32_t at, uint32_t removed,
				 const struct sluice_rule *rule, uint32_t added)
{
	struct policy_image changed = {0};
	enum sluice_status status = SLUICE_STATUS_NO_MEMORY;
	uint32_t offset; /* in an image that the client never saw */

	if (control->current->image.header->rules - removed + added > control->rule_budget)
		return SLUICE_STATUS_OVER_BUDGET;
	if (edit_splice(&control->current->image, index, at, removed, rule, added, &changed) == 0)
		status = control_commit(control, &changed, 0, &offset);
	policy_image_clear(&changed);
	return status;
}

enum sluice_status rule_add(void *context, struct mailbox_call *call)
{
	struct control *control = context;
	const struct sluice_rule_command *command = (const void *)call->payload;
	struct sluice_rule rule = command->rule;
	const struct sluice_instance *instance;
	enum sluice_status status;
	uint32_t index, offset;

	status = find_instance(control, command->instance, &index);
	if (status != SLUICE_STATUS_OK)
		return refuse(call, status, INSTANCE_OFFSET);
	status = policy_check_rule(&rule, false, &offset);
	if (status != SLUICE_STATUS_OK)
		return refuse(call, status, RULE_OFFSET + offset);
	instance = &policy_instances(&control->current->image)[index];
	if (rule.name[0] == '\0')
		edit_pick_name(&control->current->image, instance, &rule);
	else if (edit_find_rule(&control->current->image, instance, rule.name) >= 0)
		return refuse(call, SLUICE_STATUS_DUPLICATE_NAME, NAME_OFFSET);
	status = splice(control, index, instance->rules, 0, &rule, 1);
	if (status == SLUICE_STATUS_OK)
		answer(control, call, index, &rule);
	return status;
}

/* Instance and place of the rule that the command names. */
static enum sluice_status find_rule(struct control *control, struct mailbox_call *call, uint32_t *index, uint32_t *at)
{
	const struct sluice_rule_command *command = (const void *)call->payload;
	const struct policy_image *image = &control->current->image;
	enum sluice_status status = find_instance(control, command->instance, index);
	int64_t found;

	if (status != SLUICE_STATUS_OK)
		return refuse(call, status, INSTANCE_OFFSET);
	found = edit_find_rule(image, &policy_instances(image)[*index], command->rule.name);
	if (found < 0)
		return refuse(call, SLUICE_STATUS_NOT_FOUND, NAME_OFFSET);
	*at = (uint32_t)found;
	return SLUICE_STATUS_OK;
}

enum sluice_status rule_delete(void *context, struct mailbox_call *call)
{
	struct control *control = context;
	const struct policy_image *image = &control->current->image;
	struct sluice_rule gone;
	uint32_t index, at;
	enum sluice_status status = find_rule(control, call, &index, &at);

	if (status != SLUICE_STATUS_OK)
		return status;
	gone = policy_rules(image)[policy_instances(image)[index].first_rule + at];
	status = splice(control, index, at, 1, NULL, 0);
	if (status == SLUICE_STATUS_OK)
		answer(control, call, index, &gone);
	return status;
}

enum sluice_status rule_replace(void *context, struct mailbox_call *call)
{
	struct control *control = context;
	const struct sluice_rule_command *command = (const void *)call->payload;
	uint32_t index, at, offset;
	enum sluice_status status = policy_check_rule(&command->rule, true, &offset);

	if (status != SLUICE_STATUS_OK)
		return refuse(call, status, RULE_OFFSET + offset);
	status = find_rule(control, call, &index, &at);
	if (status != SLUICE_STATUS_OK)
		return status;
	status = splice(control, index, at, 1, &command->rule, 1);
	if (status == SLUICE_STATUS_OK)
		answer(control, call, index, &command->rule);
	return status;
}

/* All rules of one instance, or of every instance: one change, one generation. */
enum sluice_status rule_flush(void *context, struct mailbox_call *call)
{
	struct control *control = context;
	struct policy_image changed = {0}, next = {0};
	const struct policy_image *image = &control->current->image;
	const char *name = (const char *)call->payload;
	enum sluice_status status;
	uint32_t index = 0, offset;

	if (name[0] != '\0') {
		status = find_instance(control, name, &index);
		if (status != SLUICE_STATUS_OK)
			return refuse(call, status, 0);
	}
	for (uint32_t i = 0; i < image->header->instances; i++) {
		const struct policy_image *from = changed.header != NULL ? &changed : image;
		const struct sluice_instance *instance = &policy_instances(from)[i];

		if ((name[0] != '\0' && i != index) || instance->rules == 0)
			continue;
		if (edit_splice(from, i, 0, instance->rules, NULL, 0, &next) != 0) {
			policy_image_clear(&changed);
			return SLUICE_STATUS_NO_MEMORY;
		}
		policy_image_clear(&changed);
		changed = next;
	}
	status = SLUICE_STATUS_OK;
	if (changed.header != NULL)
		status = control_commit(control, &changed, 0, &offset);
	policy_image_clear(&changed);
	call->result = control->generation;
	return status;
}
