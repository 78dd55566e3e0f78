/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "topology_private.h"

#define AT(member) ((uint32_t)offsetof(struct sluice_stack_command, member))

enum sluice_status topology_refuse(struct change *change, enum sluice_status status, uint32_t offset)
{
	change->refusal->status = status;
	change->refusal->offset = offset;
	return status;
}

/* ---- One change at a time -------------------------------------------------------------------------- */

void topology_begin(struct control *control)
{
	pthread_mutex_lock(&control->topology);
}

void topology_end(struct control *control)
{
	pthread_mutex_unlock(&control->topology);
}

/* The entry with this name; an empty name finds a free one. */
static char *find_retired(struct control *control, const char name[SLUICE_NAME_SIZE])
{
	for (uint32_t i = 0; i < CONTROL_UNLOADING_MAX; i++)
		if (strncmp(control->unloading[i], name, SLUICE_NAME_SIZE) == 0)
			return control->unloading[i];
	return NULL;
}

bool topology_retire_driver(struct control *control, const char driver[SLUICE_NAME_SIZE])
{
	static const char nobody[SLUICE_NAME_SIZE];
	char *entry = find_retired(control, nobody);

	if (entry != NULL)
		memcpy(entry, driver, SLUICE_NAME_SIZE);
	return entry != NULL;
}

void topology_forget_driver(struct control *control, const char driver[SLUICE_NAME_SIZE])
{
	char *entry = find_retired(control, driver);

	if (entry != NULL)
		memset(entry, 0, SLUICE_NAME_SIZE);
}

/* ---- Plans ----------------------------------------------------------------------------------------- */

static enum sluice_status find_stack(struct change *change, const struct policy_image *image, const char *name)
{
	const struct sluice_stack *stacks = policy_stacks(image);

	for (uint32_t i = 0; i < image->header->stacks; i++) {
		if (memcmp(stacks[i].name, name, SLUICE_NAME_SIZE) != 0)
			continue;
		change->stack = stacks[i];
		change->stack_index = i;
		return SLUICE_STATUS_OK;
	}
	return topology_refuse(change, SLUICE_STATUS_NOT_FOUND, AT(stack));
}

/* The levels of the stack, and the index of the first one among all instances. */
static uint32_t read_levels(struct change *change, const struct policy_image *image)
{
	const struct sluice_instance *instances = policy_instances(image);
	uint32_t first = 0;

	while (instances[first].stack != change->stack_index)
		first++;
	for (uint32_t i = first; i < image->header->instances && instances[i].stack == change->stack_index; i++) {
		struct level *level = &change->old.level[change->old.count++];

		memcpy(level->driver, instances[i].driver, sizeof(level->driver));
		memcpy(level->name, instances[i].name, sizeof(level->name));
	}
	return first;
}

/* Its place among the levels, or their count. */
static uint32_t find_level(const struct levels *levels, const char *name)
{
	uint32_t i = 0;

	while (i < levels->count && memcmp(levels->level[i].name, name, SLUICE_NAME_SIZE) != 0)
		i++;
	return i;
}

static enum sluice_status choose_place(struct change *change, const struct sluice_stack_command *command)
{
	static const char nobody[SLUICE_NAME_SIZE];
	bool beside = command->place == SLUICE_PLACE_ABOVE || command->place == SLUICE_PLACE_BELOW;
	uint32_t neighbour = find_level(&change->old, command->neighbour);

	if (command->place > SLUICE_PLACE_BELOW)
		return topology_refuse(change, SLUICE_STATUS_BAD_VALUE, AT(place));
	if (!beside && memcmp(command->neighbour, nobody, sizeof(nobody)) != 0)
		return topology_refuse(change, SLUICE_STATUS_BAD_VALUE, AT(neighbour));
	if (beside && neighbour == change->old.count)
		return topology_refuse(change, SLUICE_STATUS_NOT_FOUND, AT(neighbour));
	change->place = command->place == SLUICE_PLACE_TOP	? 0
			: command->place == SLUICE_PLACE_BOTTOM ? change->old.count
								: neighbour + (command->place == SLUICE_PLACE_BELOW);
	return SLUICE_STATUS_OK;
}

/* Instances and ports have one space of names. */
static bool is_taken(const struct policy_image *image, const char *name)
{
	bool taken = false;

	for (uint32_t i = 0; i < image->header->instances; i++)
		taken |= memcmp(policy_instances(image)[i].name, name, SLUICE_NAME_SIZE) == 0;
	for (uint32_t i = 0; i < image->header->ports; i++)
		taken |= memcmp(policy_ports(image)[i].name, name, SLUICE_NAME_SIZE) == 0;
	return taken;
}

static enum sluice_status check_newcomer(struct change *change, const struct policy_image *image,
					 const struct sluice_stack_command *command)
{
	bool takes_rules;
	uint32_t bad;

	if (!policy_name_is_valid(command->instance, &bad))
		return topology_refuse(change, SLUICE_STATUS_BAD_NAME, AT(instance) + bad);
	if (!policy_name_is_valid(command->driver, &bad))
		return topology_refuse(change, SLUICE_STATUS_BAD_NAME, AT(driver) + bad);
	if (is_taken(image, command->instance))
		return topology_refuse(change, SLUICE_STATUS_DUPLICATE_NAME, AT(instance));
	if (find_retired(change->control, command->driver) != NULL) {
		snprintf(change->refusal->text, sizeof(change->refusal->text), "it is being unloaded");
		return topology_refuse(change, SLUICE_STATUS_DRIVER_IN_USE, AT(driver));
	}
	if (topology_find_driver(command->driver, &takes_rules) == NULL)
		return topology_refuse(change, SLUICE_STATUS_UNKNOWN_DRIVER, AT(driver));
	if (image->header->instances == SLUICE_POLICY_MAX_INSTANCES) {
		snprintf(change->refusal->text, sizeof(change->refusal->text),
			 "there are %u instances, which is the most", SLUICE_POLICY_MAX_INSTANCES);
		return topology_refuse(change, SLUICE_STATUS_BAD_VALUE, AT(instance));
	}
	return SLUICE_STATUS_OK;
}

static enum sluice_status plan_insert(struct change *change, const struct policy_image *image,
				      const struct sluice_stack_command *command)
{
	enum sluice_status status = check_newcomer(change, image, command);

	if (status == SLUICE_STATUS_OK)
		status = choose_place(change, command);
	if (status != SLUICE_STATUS_OK)
		return status;
	memcpy(change->subject.driver, command->driver, sizeof(change->subject.driver));
	memcpy(change->subject.name, command->instance, sizeof(change->subject.name));
	change->new = change->old;
	memmove(&change->new.level[change->place + 1], &change->new.level[change->place],
		(change->old.count - change->place) * sizeof(struct level));
	change->new.level[change->place] = change->subject;
	change->new.count++;
	return SLUICE_STATUS_OK;
}

static enum sluice_status plan_remove(struct change *change, const struct sluice_stack_command *command)
{
	change->place = find_level(&change->old, command->instance);
	if (change->place == change->old.count)
		return topology_refuse(change, SLUICE_STATUS_NOT_FOUND, AT(instance));
	if (change->old.count == 1)
		return topology_refuse(change, SLUICE_STATUS_LAST_DRIVER, AT(instance));
	change->subject = change->old.level[change->place];
	change->new = change->old;
	change->new.count--;
	memmove(&change->new.level[change->place], &change->new.level[change->place + 1],
		(change->new.count - change->place) * sizeof(struct level));
	return SLUICE_STATUS_OK;
}

static bool is_asleep(const char *name)
{
	struct im_instance *instance = im_hold_instance(name);
	bool asleep = instance != NULL && instance->power != IM_POWER_D0;

	if (instance != NULL)
		im_release_instance(instance);
	return asleep;
}

/* What is asked of a sleeping adapter, as a bind does, waits until it wakes (6.24): so long would the change. */
static enum sluice_status check_awake(struct change *change)
{
	const char *sleeper = is_asleep(change->stack.lower_port) ? change->stack.lower_port : NULL;

	for (uint32_t i = 0; i < change->old.count && sleeper == NULL; i++)
		if (is_asleep(change->old.level[i].name))
			sleeper = change->old.level[i].name;
	if (sleeper == NULL)
		return SLUICE_STATUS_OK;
	snprintf(change->refusal->text, sizeof(change->refusal->text), "it is %.31s that does", sleeper);
	return topology_refuse(change, SLUICE_STATUS_STACK_ASLEEP, SLUICE_NO_OFFSET);
}

static enum sluice_status plan(struct change *change, const struct policy_image *image,
			       const struct sluice_stack_command *command)
{
	enum sluice_status status = find_stack(change, image, command->stack);
	uint32_t first;

	if (status != SLUICE_STATUS_OK)
		return status;
	if (command->reserved != 0)
		return topology_refuse(change, SLUICE_STATUS_BAD_RESERVED, AT(reserved));
	first = read_levels(change, image);
	status = change->insert ? plan_insert(change, image, command) : plan_remove(change, command);
	change->index = first + change->place;
	return status == SLUICE_STATUS_OK ? check_awake(change) : status;
}

static enum sluice_status make(struct control *control, const struct sluice_stack_command *command, bool insert,
			       struct topology_refusal *refusal)
{
	static struct change change; /* large, and one at a time */
	struct config *config = control_hold(control);
	enum sluice_status status;

	*refusal = (struct topology_refusal){.offset = SLUICE_NO_OFFSET};
	change = (struct change){.control = control, .refusal = refusal, .insert = insert};
	status = plan(&change, &config->image, command);
	im_block_drop(&config->block);
	return status == SLUICE_STATUS_OK ? topology_run(&change) : status;
}

enum sluice_status topology_insert(struct control *control, const struct sluice_stack_command *command,
				   struct topology_refusal *refusal)
{
	return make(control, command, true, refusal);
}

enum sluice_status topology_remove(struct control *control, const struct sluice_stack_command *command,
				   struct topology_refusal *refusal)
{
	return make(control, command, false, refusal);
}

enum sluice_status topology_restart(struct control *control, uint32_t stack, struct topology_refusal *refusal)
{
	static struct change change; /* large, and one at a time */
	struct config *config = control_hold(control);
	enum sluice_status status;

	*refusal = (struct topology_refusal){.offset = SLUICE_NO_OFFSET};
	change = (struct change){.control = control, .refusal = refusal, .stack_index = stack};
	change.stack = policy_stacks(&config->image)[stack];
	read_levels(&change, &config->image);
	im_block_drop(&config->block);
	status = check_awake(&change);
	return status == SLUICE_STATUS_OK ? topology_run_restart(&change) : status;
}
