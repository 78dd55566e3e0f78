/* SPDX-License-Identifier: BSD-3-Clause */
#include "rule.h"

#include <string.h>

#include "edit.h"

#define INSTANCE_OFFSET ((uint32_t)offsetof(struct sluice_rule_command, instance))
#define RULE_OFFSET	((uint32_t)offsetof(struct sluice_rule_command, rule))
#define NAME_OFFSET	(RULE_OFFSET + (uint32_t)offsetof(struct sluice_rule, name))

/* A change on its way. The policy in force stays what it is meanwhile, but for what the change itself does. */
struct changer {
	struct control *control;
	const char *driver;
	struct im_rule_change *change;
};

static const struct policy_image *image_of(const struct changer *changer)
{
	return &changer->control->current->image;
}

static enum sluice_status refuse(struct changer *changer, enum sluice_status status, uint32_t offset)
{
	changer->change->error_offset = offset;
	return status;
}

/* ---- Which instance -------------------------------------------------------------------------------- */

static bool is_of(const struct changer *changer, const struct sluice_instance *instance)
{
	return strncmp(instance->driver, changer->driver, sizeof(instance->driver)) == 0;
}

static bool takes_rules(const struct changer *changer, uint32_t index)
{
	return changer->control->current->parts[index].takes_rules;
}

static enum sluice_status find_named(const struct changer *changer, const char *name, uint32_t *index)
{
	const struct policy_image *image = image_of(changer);
	const struct sluice_instance *instances = policy_instances(image);

	for (uint32_t i = 0; i < image->header->instances; i++) {
		if (memcmp(instances[i].name, name, SLUICE_NAME_SIZE) != 0)
			continue;
		*index = i;
		if (!takes_rules(changer, i))
			return SLUICE_STATUS_NO_RULES_HERE;
		return is_of(changer, &instances[i]) ? SLUICE_STATUS_OK : SLUICE_STATUS_NOT_FOUND;
	}
	return SLUICE_STATUS_NOT_FOUND;
}

static enum sluice_status find_only(const struct changer *changer, uint32_t *index)
{
	const struct policy_image *image = image_of(changer);
	enum sluice_status status = SLUICE_STATUS_NOT_FOUND;

	for (uint32_t i = 0; i < image->header->instances; i++) {
		if (!is_of(changer, &policy_instances(image)[i]) || !takes_rules(changer, i))
			continue;
		if (status == SLUICE_STATUS_OK)
			return SLUICE_STATUS_AMBIGUOUS;
		status = SLUICE_STATUS_OK;
		*index = i;
	}
	return status;
}

/* The instance of the command; without one, the driver's only one. */
static enum sluice_status find_instance(struct changer *changer, uint32_t *index)
{
	const char *name = changer->change->command.instance;
	enum sluice_status status = name[0] != '\0' ? find_named(changer, name, index) : find_only(changer, index);

	return status == SLUICE_STATUS_OK ? status : refuse(changer, status, INSTANCE_OFFSET);
}

/* ---- One rule -------------------------------------------------------------------------------------- */

/* The rule as it stands now, with its counters: what the client is told. */
static void answer(struct changer *changer, uint32_t index, const struct sluice_rule *rule)
{
	const struct config *config = changer->control->current;
	const struct sluice_instance *instance = &policy_instances(&config->image)[index];
	struct sluice_rule_record *record = &changer->change->rule;
	int64_t at = edit_find_rule(&config->image, instance, rule->name);

	record->rule = *rule;
	memcpy(record->instance, instance->name, sizeof(record->instance));
	if (at >= 0) {
		struct im_traffic hits = im_read_rule(config->slots[instance->first_rule + at]);

		record->hits = (struct sluice_traffic){hits.packets, hits.bytes};
	}
}

static enum sluice_status splice(struct changer *changer, uint32_t index, uint32_t at, uint32_t removed,
				 const struct sluice_rule *rule, uint32_t added)
{
	struct control *control = changer->control;
	struct policy_image changed = {0};
	enum sluice_status status = SLUICE_STATUS_NO_MEMORY;
	uint32_t offset; /* in an image that the client never saw */

	if (image_of(changer)->header->rules - removed + added > control->rule_budget)
		return SLUICE_STATUS_OVER_BUDGET;
	if (edit_splice(image_of(changer), index, at, removed, rule, added, &changed) == 0)
		status = control_commit(control, &changed, 0, &offset);
	policy_image_clear(&changed);
	return status;
}

static enum sluice_status add(struct changer *changer)
{
	struct sluice_rule rule = changer->change->command.rule;
	const struct sluice_instance *instance;
	enum sluice_status status;
	uint32_t index, offset;

	status = find_instance(changer, &index);
	if (status != SLUICE_STATUS_OK)
		return status;
	status = policy_check_rule(&rule, false, &offset);
	if (status != SLUICE_STATUS_OK)
		return refuse(changer, status, RULE_OFFSET + offset);
	instance = &policy_instances(image_of(changer))[index];
	if (rule.name[0] == '\0')
		edit_pick_name(image_of(changer), instance, &rule);
	else if (edit_find_rule(image_of(changer), instance, rule.name) >= 0)
		return refuse(changer, SLUICE_STATUS_DUPLICATE_NAME, NAME_OFFSET);
	status = splice(changer, index, instance->rules, 0, &rule, 1);
	if (status == SLUICE_STATUS_OK)
		answer(changer, index, &rule);
	return status;
}

/* Instance and place of the rule that the command names. */
static enum sluice_status find_rule(struct changer *changer, uint32_t *index, uint32_t *at)
{
	const struct policy_image *image = image_of(changer);
	enum sluice_status status = find_instance(changer, index);
	int64_t found;

	if (status != SLUICE_STATUS_OK)
		return status;
	found = edit_find_rule(image, &policy_instances(image)[*index], changer->change->command.rule.name);
	if (found < 0)
		return refuse(changer, SLUICE_STATUS_NOT_FOUND, NAME_OFFSET);
	*at = (uint32_t)found;
	return SLUICE_STATUS_OK;
}

static enum sluice_status delete (struct changer *changer) {
	const struct policy_image *image = image_of(changer); struct sluice_rule gone; uint32_t index, at;
	enum sluice_status status = find_rule(changer, &index, &at);

	if (status != SLUICE_STATUS_OK) return status;
	gone = policy_rules(image)[policy_instances(image)[index].first_rule + at];
	status = splice(changer, index, at, 1, NULL, 0);
	if (status == SLUICE_STATUS_OK) answer(changer, index, &gone);
	return status;
}

static enum sluice_status replace(struct changer *changer)
{
	const struct sluice_rule *rule = &changer->change->command.rule;
	uint32_t index, at, offset;
	enum sluice_status status = policy_check_rule(rule, true, &offset);

	if (status != SLUICE_STATUS_OK)
		return refuse(changer, status, RULE_OFFSET + offset);
	status = find_rule(changer, &index, &at);
	if (status != SLUICE_STATUS_OK)
		return status;
	status = splice(changer, index, at, 1, rule, 1);
	if (status == SLUICE_STATUS_OK)
		answer(changer, index, rule);
	return status;
}

/* ---- All rules ------------------------------------------------------------------------------------- */

/* @p image without the rules of one instance, in its place. */
static int drop_rules(struct policy_image *image, const struct policy_image *from, uint32_t index)
{
	struct policy_image next = {0};

	if (edit_splice(from, index, 0, policy_instances(from)[index].rules, NULL, 0, &next) != 0)
		return -1;
	policy_image_clear(image);
	*image = next;
	return 0;
}

/* Of one instance, or of each that the driver has: one change, one generation. */
static enum sluice_status flush(struct changer *changer)
{
	const struct policy_image *image = image_of(changer);
	bool all = changer->change->command.instance[0] == '\0';
	struct policy_image changed = {0};
	enum sluice_status status = SLUICE_STATUS_OK;
	uint32_t only = 0, offset;

	if (!all)
		status = find_instance(changer, &only);
	for (uint32_t i = 0; status == SLUICE_STATUS_OK && i < image->header->instances; i++) {
		const struct policy_image *from = changed.header != NULL ? &changed : image;
		const struct sluice_instance *instance = &policy_instances(from)[i];

		if (instance->rules == 0 || (all ? !is_of(changer, instance) : i != only))
			continue;
		if (drop_rules(&changed, from, i) != 0)
			status = SLUICE_STATUS_NO_MEMORY;
	}
	if (status == SLUICE_STATUS_OK && changed.header != NULL)
		status = control_commit(changer->control, &changed, 0, &offset);
	policy_image_clear(&changed);
	return status;
}

/* ---- Changes --------------------------------------------------------------------------------------- */

static enum sluice_status look(struct changer *changer)
{
	uint32_t index;

	return find_instance(changer, &index);
}

void rules_change(struct control *control, const char *driver, struct im_rule_change *change)
{
	static enum sluice_status (*const actions[])(struct changer *) = {
		[IM_RULE_ADD] = add,	 [IM_RULE_DELETE] = delete, [IM_RULE_REPLACE] = replace,
		[IM_RULE_FLUSH] = flush, [IM_RULE_NONE] = look,
	};
	struct changer changer = {.control = control, .driver = driver, .change = change};

	change->error_offset = SLUICE_NO_OFFSET;
	memset(&change->rule, 0, sizeof(change->rule));
	control_begin(control);
	change->status = actions[change->kind](&changer);
	change->generation = control_generation(control);
	control_end(control);
}

static void serve(void *context, const char *driver, struct im_rule_change *change)
{
	rules_change(context, driver, change);
}

void rules_serve(struct control *control)
{
	const struct im_rule_service service = {.change = serve, .context = control};

	im_register_rule_service(&service);
}

void rules_stop(void)
{
	im_register_rule_service(NULL);
}
