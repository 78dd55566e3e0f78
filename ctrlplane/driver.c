/* SPDX-License-Identifier: BSD-3-Clause */
/* Drivers come and go at run time. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "session.h"
#include "topology.h"
#include "trust.h"

#define ARG0_OFFSET (SLUICE_ERROR_IN_COMMAND | (uint32_t)offsetof(struct sluice_command, arg))

/* What the command answers, while it is being worked out. */
struct outcome {
	struct sluice_change_answer answer;
	im_status_t im_status;
};

static enum sluice_status finish(struct mailbox_call *call, enum sluice_status status, const struct outcome *outcome)
{
	call->result = outcome->im_status;
	if (call->reply_room >= sizeof(outcome->answer)) {
		memcpy(call->reply, &outcome->answer, sizeof(outcome->answer));
		call->reply_length = sizeof(outcome->answer);
	}
	return status;
}

/* ---- Loading --------------------------------------------------------------------------------------- */

static enum sluice_status status_of_load(im_status_t status)
{
	switch (status) {
	case IM_STATUS_SUCCESS:
		return SLUICE_STATUS_OK;
	case IM_STATUS_RESOURCES:
		return SLUICE_STATUS_NO_MEMORY;
	case IM_STATUS_NOT_ACCEPTED:
		return SLUICE_STATUS_DRIVER_LOADED;
	case IM_STATUS_BAD_VERSION:
		return SLUICE_STATUS_NOT_A_DRIVER;
	default:
		return SLUICE_STATUS_DRIVER_REFUSED;
	}
}

/* One is loaded at a time, and stands behind all others. */
static void name_newest(struct outcome *outcome)
{
	const struct im_driver_object *driver;

	pthread_mutex_lock(&im_core.lock);
	driver = TAILQ_LAST(&im_core.drivers, im_driver_list);
	if (driver != NULL)
		memcpy(outcome->answer.name, driver->name, sizeof(outcome->answer.name));
	pthread_mutex_unlock(&im_core.lock);
}

static enum sluice_status load_file(const char *path, struct outcome *outcome)
{
	char resolved[PATH_MAX];
	int code = trust_check(path, resolved, outcome->answer.text, sizeof(outcome->answer.text));
	enum sluice_status status;

	if (code != 0)
		return code == -EPERM ? SLUICE_STATUS_UNSAFE_PATH : SLUICE_STATUS_NOT_FOUND;
	outcome->im_status = im_load_shared_driver(resolved, outcome->answer.text, sizeof(outcome->answer.text));
	status = status_of_load(outcome->im_status);
	if (outcome->im_status == IM_STATUS_FAILURE) /* no shared object, or one without a driver in it */
		status = SLUICE_STATUS_NOT_A_DRIVER;
	if (status == SLUICE_STATUS_OK)
		name_newest(outcome);
	return status;
}

static enum sluice_status load_builtin(const char name[SLUICE_NAME_SIZE], struct outcome *outcome)
{
	outcome->im_status = im_load_builtin_driver(name);
	if (outcome->im_status == IM_STATUS_FAILURE) {
		snprintf(outcome->answer.text, sizeof(outcome->answer.text),
			 "'%.31s' is not built in; the path of a shared object holds a slash", name);
		return SLUICE_STATUS_UNKNOWN_DRIVER;
	}
	memcpy(outcome->answer.name, name, sizeof(outcome->answer.name));
	return status_of_load(outcome->im_status);
}

enum sluice_status driver_load(void *context, struct mailbox_call *call)
{
	const struct control *control = context;
	char path[SLUICE_PATH_MAX + 1] = {0};
	char name[SLUICE_NAME_SIZE] = {0};
	struct outcome outcome = {0};
	enum sluice_status status;

	memcpy(path, call->payload, call->payload_length);
	call->error_offset = 0;
	if (strlen(path) != call->payload_length)
		return finish(call, SLUICE_STATUS_BAD_VALUE, &outcome);
	memcpy(name, path, strnlen(path, sizeof(name)));
	if (strchr(path, '/') == NULL && !policy_name_is_valid(name, &call->error_offset))
		return finish(call, SLUICE_STATUS_BAD_NAME, &outcome);
	topology_begin(context);
	operation_tell("loading the driver", SLUICE_PERCENT_UNKNOWN);
	status = strchr(path, '/') != NULL ? load_file(path, &outcome) : load_builtin(name, &outcome);
	topology_end(context);
	if (status == SLUICE_STATUS_OK)
		event_log_raise(control->events, SLUICE_EVENT_DRIVER_LOADED, outcome.answer.name, 0);
	return finish(call, status, &outcome);
}

/* ---- Unloading ------------------------------------------------------------------------------------- */

/* The next instance of @p driver in any stack, as what takes it out. */
static bool find_use(struct control *control, const char *driver, struct sluice_stack_command *use)
{
	struct config *config = control_hold(control);
	const struct sluice_instance *instances = policy_instances(&config->image);
	bool found = false;

	*use = (struct sluice_stack_command){0};
	for (uint32_t i = 0; !found && i < config->image.header->instances; i++) {
		found = memcmp(instances[i].driver, driver, SLUICE_NAME_SIZE) == 0;
		if (!found)
			continue;
		memcpy(use->stack, policy_stacks(&config->image)[instances[i].stack].name, sizeof(use->stack));
		memcpy(use->instance, instances[i].name, sizeof(use->instance));
	}
	im_block_drop(&config->block);
	return found;
}

/* "it is fw in stack main, fw2 in stack main" */
static void say_uses(struct control *control, const char *driver, struct outcome *outcome)
{
	struct config *config = control_hold(control);
	const struct sluice_instance *instances = policy_instances(&config->image);
	const struct sluice_stack *stacks = policy_stacks(&config->image);
	char *text = outcome->answer.text;
	size_t size = sizeof(outcome->answer.text), used = 0;

	for (uint32_t i = 0; i < config->image.header->instances && used < size; i++)
		if (memcmp(instances[i].driver, driver, SLUICE_NAME_SIZE) == 0)
			used += (size_t)snprintf(text + used, size - used, "%s%.31s in stack %.31s",
						 used > 0 ? ", " : "it is ", instances[i].name,
						 stacks[instances[i].stack].name);
	im_block_drop(&config->block);
}

static enum sluice_status take_out(struct control *control, const char *driver, struct outcome *outcome)
{
	struct sluice_stack_command use;
	struct topology_refusal refusal;

	while (find_use(control, driver, &use)) {
		enum sluice_status status = topology_remove(control, &use, &refusal);

		if (status == SLUICE_STATUS_OK)
			continue;
		outcome->im_status = refusal.im_status;
		snprintf(outcome->answer.text, sizeof(outcome->answer.text), "%.31s in stack %.31s%s%.120s",
			 use.instance, use.stack, refusal.text[0] != '\0' ? ": " : "", refusal.text);
		return status;
	}
	return SLUICE_STATUS_OK;
}

/* Whether a driver of this name is there, and is one for stacks. */
static enum sluice_status check_driver(const char *name, struct outcome *outcome)
{
	const struct im_driver_object *driver;
	enum sluice_status status = SLUICE_STATUS_UNKNOWN_DRIVER;

	pthread_mutex_lock(&im_core.lock);
	TAILQ_FOREACH(driver, &im_core.drivers, link)
	{
		if (strcmp(driver->name, name) != 0)
			continue;
		status = SLUICE_STATUS_OK;
		if (driver->state != IM_DRIVER_LOADED) {
			status = SLUICE_STATUS_DRIVER_IN_USE;
			snprintf(outcome->answer.text, sizeof(outcome->answer.text), "it is being loaded or unloaded");
		} else if (driver->wrapper->miniport == NULL || !driver->wrapper->miniport->layered) {
			status = SLUICE_STATUS_NOT_SUPPORTED;
			snprintf(outcome->answer.text, sizeof(outcome->answer.text), "it is an edge of the firmware");
		}
	}
	pthread_mutex_unlock(&im_core.lock);
	return status;
}

/* From here on the driver has no instance in any stack, and gets none. */
static enum sluice_status begin_unload(struct control *control, const char *name, bool uninstall,
				       struct outcome *outcome)
{
	enum sluice_status status = check_driver(name, outcome);
	struct sluice_stack_command use;

	if (status == SLUICE_STATUS_OK && uninstall)
		status = take_out(control, name, outcome);
	if (status != SLUICE_STATUS_OK)
		return status;
	if (find_use(control, name, &use)) {
		say_uses(control, name, outcome);
		return SLUICE_STATUS_DRIVER_IN_USE;
	}
	return topology_retire_driver(control, name) ? SLUICE_STATUS_OK : SLUICE_STATUS_BUSY;
}

/*
 * It may wait, for those who have its control device open and for what blocks hold that workers still judge by: other
 * drivers and stacks can be changed meanwhile.
 */
static enum sluice_status run_unload(const char *name, bool uninstall, struct outcome *outcome)
{
	outcome->im_status = im_unload_driver(name, uninstall);
	if (outcome->im_status == IM_STATUS_SUCCESS)
		return SLUICE_STATUS_OK;
	if (outcome->im_status != IM_STATUS_NOT_ACCEPTED)
		return SLUICE_STATUS_DRIVER_REFUSED;
	snprintf(outcome->answer.text, sizeof(outcome->answer.text), "it has instances or bindings outside the stacks");
	return SLUICE_STATUS_DRIVER_IN_USE;
}

static enum sluice_status unload(struct control *control, const char *name, bool uninstall, struct outcome *outcome)
{
	enum sluice_status status;

	topology_begin(control);
	operation_tell("taking it out of stacks", SLUICE_PERCENT_UNKNOWN);
	status = begin_unload(control, name, uninstall, outcome);
	topology_end(control);
	if (status != SLUICE_STATUS_OK)
		return status;
	operation_tell("waiting for its users", SLUICE_PERCENT_UNKNOWN);
	status = run_unload(name, uninstall, outcome);
	topology_begin(control);
	topology_forget_driver(control, name);
	topology_end(control);
	if (status == SLUICE_STATUS_OK)
		event_log_raise(control->events, SLUICE_EVENT_DRIVER_UNLOADED, name, 0);
	return status;
}

enum sluice_status driver_unload(void *context, struct mailbox_call *call)
{
	const char *name = (const char *)call->payload;
	struct outcome outcome = {0};

	if (call->command->arg[0] & ~(uint64_t)SLUICE_UNLOAD_UNINSTALL) {
		call->error_offset = ARG0_OFFSET;
		return finish(call, SLUICE_STATUS_BAD_VALUE, &outcome);
	}
	if (!policy_name_is_valid(name, &call->error_offset))
		return finish(call, SLUICE_STATUS_BAD_NAME, &outcome);
	call->error_offset = 0;
	memcpy(outcome.answer.name, name, sizeof(outcome.answer.name));
	return finish(call, unload(context, name, call->command->arg[0] & SLUICE_UNLOAD_UNINSTALL, &outcome), &outcome);
}
