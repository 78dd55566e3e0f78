/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "edge/port.h"
#include "edit.h"
#include "operation.h"
#include "topology_private.h"

/* ---- What is there --------------------------------------------------------------------------------- */

/* Under the core's lock. */
static const struct im_instance *look_up(const char *name)
{
	const struct im_instance *instance;

	FOREACH_INSTANCE (instance)
		if (strcmp(instance->name, name) == 0)
			return instance;
	return NULL;
}

/* Whether @p driver is bound over @p adapter. */
static bool is_bound(const char *adapter, const char *driver)
{
	const struct im_instance *instance;
	const struct im_binding *binding;
	bool bound = false;

	pthread_mutex_lock(&im_core.lock);
	instance = look_up(adapter);
	if (instance != NULL) {
		TAILQ_FOREACH(binding, &instance->uppers, upper)
		bound |= strcmp(im_driver_over(binding), driver) == 0;
	}
	pthread_mutex_unlock(&im_core.lock);
	return bound;
}

static bool is_running(const char *name)
{
	struct im_instance *instance = im_hold_instance(name);
	bool running = instance != NULL && instance->state == SLUICE_INSTANCE_RUNNING;

	if (instance != NULL)
		im_release_instance(instance);
	return running;
}

/* A driver for a stack: an edge's name is none. */
struct im_driver_object *topology_find_driver(const char *name, bool *takes_rules)
{
	struct im_driver_object *driver, *found = NULL;

	pthread_mutex_lock(&im_core.lock);
	TAILQ_FOREACH(driver, &im_core.drivers, link)
	{
		if (driver->state != IM_DRIVER_LOADED || strcmp(driver->name, name) != 0)
			continue;
		if (driver->wrapper->miniport == NULL || !driver->wrapper->miniport->layered)
			continue;
		found = driver;
		*takes_rules = driver->wrapper->miniport->config != NULL;
	}
	pthread_mutex_unlock(&im_core.lock);
	return found;
}

/* What the level @p index of @p levels stands over. */
static const char *below(const struct change *change, const struct levels *levels, uint32_t index)
{
	return index + 1 < levels->count ? levels->level[index + 1].name : change->stack.lower_port;
}

/* ---- Down and up ----------------------------------------------------------------------------------- */

/* Top down, the wire's edge last (10.27). What is not there, or not running, is passed over. */
static void pause_all(const struct change *change, const struct levels *levels)
{
	for (uint32_t i = 0; i <= levels->count; i++) {
		const char *name = i < levels->count ? levels->level[i].name : change->stack.lower_port;
		struct im_instance *instance = im_hold_instance(name);

		if (instance == NULL)
			continue;
		im_pause(instance);
		im_release_instance(instance);
	}
}

static im_status_t restart_one(const char *name)
{
	struct im_instance *instance = im_hold_instance(name);
	im_status_t status;

	if (instance == NULL)
		return IM_STATUS_ADAPTER_NOT_FOUND;
	status = instance->state == SLUICE_INSTANCE_RUNNING ? IM_STATUS_SUCCESS : im_restart(instance);
	im_release_instance(instance);
	return status;
}

static void say(struct change *change, const char *what, const char *name, im_status_t status)
{
	struct topology_refusal *refusal = change->refusal;
	size_t used = strlen(refusal->text);

	snprintf(refusal->text + used, sizeof(refusal->text) - used, "%s%s '%.31s': %s", used > 0 ? "; " : "", what,
		 name, im_status_text(status));
}

/* Bottom up (10.27). */
static im_status_t restart_all(struct change *change, const struct levels *levels)
{
	for (uint32_t i = levels->count + 1; i-- > 0;) {
		const char *name = i < levels->count ? levels->level[i].name : change->stack.lower_port;
		im_status_t status = restart_one(name);

		if (status == IM_STATUS_SUCCESS)
			continue;
		say(change, "cannot restart", name, status);
		return status;
	}
	return IM_STATUS_SUCCESS;
}

static im_status_t wait_for_vnic(const char *driver, const char *name)
{
	const struct im_instance *instance;
	struct im_wait wait = {0};

	pthread_mutex_lock(&im_core.lock);
	while ((instance = look_up(name)) != NULL && instance->initialization != IM_INITIALIZATION_DONE) {
		im_verify_wait(&wait, "2.40", driver, name, "a VNIC that was asked for is not initialised");
		im_core_wait();
	}
	pthread_mutex_unlock(&im_core.lock);
	return instance != NULL ? IM_STATUS_SUCCESS : IM_STATUS_FAILURE;
}

im_status_t topology_bind(const char *driver, const char *adapter, const char *presents)
{
	const struct im_bind_config config = {.adapter = adapter, .vnic_count = 1, .vnic_names = &presents};
	bool takes_rules;
	im_status_t status = im_bind(im_find_driver(driver), &config);

	if (status != IM_STATUS_SUCCESS || topology_find_driver(driver, &takes_rules) == NULL)
		return status; /* an edge has no VNIC */
	return wait_for_vnic(driver, presents);
}

static bool is_up(const char *name)
{
	const struct im_instance *instance;
	bool up;

	pthread_mutex_lock(&im_core.lock);
	instance = look_up(name);
	up = instance != NULL && instance->initialization == IM_INITIALIZATION_DONE;
	pthread_mutex_unlock(&im_core.lock);
	return up;
}

/* A binding without its VNIC is what a bind left whose VNIC could not be initialised: away with it. */
static im_status_t bind_one(struct change *change, const char *driver, const char *adapter, const char *presents)
{
	bool edge = strcmp(driver, EDGE_UPPER_DRIVER) == 0;
	im_status_t status;

	if (is_bound(adapter, driver)) {
		if (edge || is_up(presents))
			return IM_STATUS_SUCCESS;
		im_unbind_over(adapter);
	}
	status = topology_bind(driver, adapter, presents);
	if (status != IM_STATUS_SUCCESS)
		say(change, "cannot bind", presents, status);
	return status;
}

/* Bind what is not bound, bottom up, and the host's edge over the top. */
static im_status_t bind_all(struct change *change, const struct levels *levels)
{
	im_status_t status = IM_STATUS_SUCCESS;

	for (uint32_t i = levels->count; i-- > 0 && status == IM_STATUS_SUCCESS;)
		status = bind_one(change, levels->level[i].driver, below(change, levels, i), levels->level[i].name);
	if (status == IM_STATUS_SUCCESS)
		status = bind_one(change, EDGE_UPPER_DRIVER, levels->level[0].name, change->stack.upper_port);
	return status;
}

/* ---- The policy ------------------------------------------------------------------------------------ */

static enum sluice_status commit_with(struct change *change)
{
	struct sluice_instance instance = {.stack = change->stack_index};
	struct policy_image image = {0};
	enum sluice_status status;
	uint32_t offset;
	bool takes_rules = false;

	topology_find_driver(change->subject.driver, &takes_rules);
	instance.takes_rules = takes_rules;
	memcpy(instance.name, change->subject.name, sizeof(instance.name));
	memcpy(instance.driver, change->subject.driver, sizeof(instance.driver));
	if (edit_insert_instance(&change->control->current->image, change->index, &instance, &image) != 0)
		return SLUICE_STATUS_NO_MEMORY;
	status = control_commit(change->control, &image, 0, &offset);
	policy_image_clear(&image);
	return status;
}

static enum sluice_status commit_without(struct change *change)
{
	struct policy_image image = {0};
	enum sluice_status status;
	uint32_t offset;

	if (edit_remove_instance(&change->control->current->image, change->index, &image) != 0)
		return SLUICE_STATUS_NO_MEMORY;
	status = control_commit(change->control, &image, 0, &offset);
	policy_image_clear(&image);
	return status;
}

static enum sluice_status commit_again(struct control *control, const struct policy_image *before)
{
	struct policy_image image = {0};
	enum sluice_status status;
	uint32_t offset;

	if (edit_copy(before, &image) != 0)
		return SLUICE_STATUS_NO_MEMORY;
	status = control_commit(control, &image, 0, &offset);
	policy_image_clear(&image);
	return status;
}

/* ---- The change ------------------------------------------------------------------------------------ */

static enum sluice_status status_of(im_status_t status)
{
	return status == IM_STATUS_RESOURCES ? SLUICE_STATUS_NO_MEMORY : SLUICE_STATUS_DRIVER_REFUSED;
}

/* Everything above the place goes; what was below it stays bound. */
static void take_apart(struct change *change, const struct levels *levels)
{
	const char *adapter = change->insert ? below(change, &change->new, change->place)
					     : below(change, &change->old, change->place);

	pause_all(change, levels);
	im_unbind_over(adapter);
}

/*
 * Back to what it was. The policy is that of before again where another one came into force, or where rules were
 * changed while instances were not there.
 */
static enum sluice_status go_back(struct change *change, const struct policy_image *before)
{
	struct control *control = change->control;
	enum sluice_status status = SLUICE_STATUS_OK;
	im_status_t result;

	operation_tell("taking it back", SLUICE_PERCENT_UNKNOWN);
	take_apart(change, &change->new);
	result = bind_all(change, &change->old);
	if (before != &control->current->image || !config_is_whole(control->current))
		status = commit_again(control, before);
	im_synchronize();
	if (result == IM_STATUS_SUCCESS && status == SLUICE_STATUS_OK)
		result = restart_all(change, &change->old);
	if (result == IM_STATUS_SUCCESS && status == SLUICE_STATUS_OK)
		return change->refusal->status;
	if (status != SLUICE_STATUS_OK && change->refusal->text[0] == '\0')
		snprintf(change->refusal->text, sizeof(change->refusal->text), "its policy: %s",
			 sluice_status_text((uint16_t)status));
	return topology_refuse(change, SLUICE_STATUS_STACK_DOWN, SLUICE_NO_OFFSET);
}

/* Nobody else changes the policy between the commit and the moment when it is known whether it stays. */
static enum sluice_status put_in_force(struct change *change)
{
	struct control *control = change->control;
	struct config *before;
	enum sluice_status status;
	im_status_t result;

	control_begin(control);
	before = control_hold(control);
	status = change->insert ? commit_with(change) : commit_without(change);
	if (status == SLUICE_STATUS_OK) {
		im_synchronize(); /* no worker judges by the block of before, where the instance's place is another's */
		operation_tell("restarting", SLUICE_PERCENT_UNKNOWN);
		result = restart_all(change, &change->new);
		change->refusal->im_status = result;
		status = result == IM_STATUS_SUCCESS ? SLUICE_STATUS_OK : status_of(result);
	}
	if (status != SLUICE_STATUS_OK) {
		topology_refuse(change, status, SLUICE_NO_OFFSET);
		status = go_back(change, &before->image);
	}
	im_block_drop(&before->block);
	control_end(control);
	return status;
}

static enum sluice_status go_back_unpublished(struct change *change)
{
	enum sluice_status status;

	control_begin(change->control);
	status = go_back(change, &change->control->current->image);
	control_end(change->control);
	return status;
}

/* From both ends, so that what is under way in either direction comes to its end before anything is paused. */
static void hold_ports(const struct change *change)
{
	edge_port_hold(edge_port_find(change->stack.upper_port));
	edge_port_hold(edge_port_find(change->stack.lower_port));
}

static void release_ports(const struct change *change)
{
	edge_port_release(edge_port_find(change->stack.lower_port));
	edge_port_release(edge_port_find(change->stack.upper_port));
}

/* Stacks that are down are not polled: there is nobody who would take their packets. */
enum sluice_status topology_run(struct change *change)
{
	enum sluice_status status;
	im_status_t result;

	operation_tell("pausing", SLUICE_PERCENT_UNKNOWN);
	hold_ports(change);
	take_apart(change, &change->old);
	operation_tell("binding", SLUICE_PERCENT_UNKNOWN);
	result = bind_all(change, &change->new);
	if (result == IM_STATUS_SUCCESS) {
		status = put_in_force(change);
	} else {
		topology_refuse(change, status_of(result), SLUICE_NO_OFFSET);
		change->refusal->im_status = result;
		status = go_back_unpublished(change);
	}
	if (is_running(change->new.level[0].name) || is_running(change->old.level[0].name))
		release_ports(change);
	return status;
}

enum sluice_status topology_run_restart(struct change *change)
{
	im_status_t result;

	hold_ports(change);
	pause_all(change, &change->old);
	result = restart_all(change, &change->old);
	change->refusal->im_status = result;
	if (result != IM_STATUS_SUCCESS)
		return topology_refuse(change, SLUICE_STATUS_STACK_DOWN, SLUICE_NO_OFFSET);
	release_ports(change);
	return SLUICE_STATUS_OK;
}
