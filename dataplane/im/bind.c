/* SPDX-License-Identifier: BSD-3-Clause */
/* Binding a driver over an adapter, and what stands over what (contract sections 1E and 10A). */
#include <stdlib.h>
#include <string.h>

#include "bind.h"

/* ---- The graph ----------------------------------------------------------------------------------- */

static bool presents(const struct im_bind_config *config, const char *name)
{
	for (uint32_t i = 0; i < config->vnic_count; i++)
		if (strcmp(config->vnic_names[i], name) == 0)
			return true;
	return false;
}

/* Whether going down from @p name leads to a VNIC that the bind presents. The graph so far has no cycle. */
static bool leads_back(const char *name, const struct im_bind_config *config)
{
	const struct im_edge *edge;

	if (presents(config, name))
		return true;
	LIST_FOREACH(edge, &im_core.edges, link)
	if (strcmp(edge->vnic, name) == 0 && leads_back(edge->adapter, config))
		return true;
	return false;
}

void im_forget_edges(struct im_binding *binding)
{
	struct im_edge *edge, *next;

	for (edge = LIST_FIRST(&im_core.edges); edge != NULL; edge = next) {
		next = LIST_NEXT(edge, link);
		if (edge->binding != binding)
			continue;
		LIST_REMOVE(edge, link);
		free(edge);
	}
}

/* Edges of a bind that is under way carry no binding yet: two binds at the same time see each other's. */
static im_status_t add_edges(const struct im_bind *bind)
{
	const struct im_bind_config *config = &bind->config;

	for (uint32_t i = 0; i < config->vnic_count; i++) {
		struct im_edge *edge = im_fault_allocation() ? NULL : calloc(1, sizeof(*edge));

		if (edge == NULL)
			return IM_STATUS_RESOURCES;
		strncpy(edge->vnic, config->vnic_names[i], sizeof(edge->vnic) - 1);
		strncpy(edge->adapter, config->adapter, sizeof(edge->adapter) - 1);
		edge->bind = bind;
		LIST_INSERT_HEAD(&im_core.edges, edge, link);
	}
	return IM_STATUS_SUCCESS;
}

static void settle_edges(const struct im_bind *bind)
{
	struct im_edge *edge, *next;

	for (edge = LIST_FIRST(&im_core.edges); edge != NULL; edge = next) {
		next = LIST_NEXT(edge, link);
		if (edge->bind != bind)
			continue;
		edge->bind = NULL;
		edge->binding = bind->opened;
		if (bind->opened != NULL)
			continue;
		LIST_REMOVE(edge, link);
		free(edge);
	}
}

/* ---- Binding ------------------------------------------------------------------------------------- */

static im_status_t begin(struct im_bind *bind, struct im_driver_object *driver)
{
	/* its entry may register on another thread */
	struct im_wrapper *wrapper = __atomic_load_n(&driver->wrapper, __ATOMIC_ACQUIRE);
	struct im_protocol *protocol = wrapper != NULL ? __atomic_load_n(&wrapper->protocol, __ATOMIC_ACQUIRE) : NULL;
	im_status_t status;

	if (protocol == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	if (protocol->closing || driver->state == IM_DRIVER_UNLOADING)
		return IM_STATUS_CLOSING;
	if (leads_back(bind->config.adapter, &bind->config))
		return IM_STATUS_CYCLE;
	bind->protocol = protocol;
	status = add_edges(bind);
	if (status != IM_STATUS_SUCCESS) {
		settle_edges(bind);
		return status;
	}
	protocol->binds++;
	return IM_STATUS_SUCCESS;
}

static im_status_t call_bind(struct im_bind *bind)
{
	struct im_frame frame;
	im_status_t status;

	pthread_mutex_unlock(&im_core.lock);
	im_enter(&frame, IM_HANDLER_bind_adapter, bind->protocol->wrapper, bind);
	status = bind->protocol->handlers.bind_adapter(&bind->config);
	im_leave(&frame);
	pthread_mutex_lock(&im_core.lock);
	return status;
}

static im_status_t run(struct im_bind *bind)
{
	const char *driver = bind->protocol->wrapper->object->name;
	im_status_t status = call_bind(bind);
	struct im_wait wait = {0};

	while (status == IM_STATUS_PENDING && !bind->complete) {
		im_verify_wait(&wait, "3.3", driver, bind->config.adapter, "a bind that pended is not completed");
		im_core_wait();
	}
	if (status == IM_STATUS_PENDING)
		status = bind->status;
	bind->complete = true;
	return status;
}

/* On a failure the driver has closed what it opened (1.36); a close that pends is on its way. */
static im_status_t judge(struct im_bind *bind, im_status_t status)
{
	const char *driver = bind->protocol->wrapper->object->name;
	struct im_wait wait = {0};

	if (status == IM_STATUS_SUCCESS && bind->opened == NULL) {
		im_violation("1.33", driver, "bind_adapter succeeded without opening the adapter");
		return IM_STATUS_FAILURE;
	}
	if (status == IM_STATUS_SUCCESS)
		return status;
	if (bind->opened != NULL && !bind->opened->closed) {
		im_violation("1.36", driver, "failed bind_adapter left the adapter open");
		bind->opened->bind = NULL;
		im_unbind_locked(bind->opened);
		bind->opened = NULL;
		return status;
	}
	while (bind->opened != NULL) {
		im_verify_wait(&wait, "1.36", driver, bind->config.adapter, "the close of a failed bind does not end");
		im_core_wait();
	}
	return status;
}

/* Data may flow as soon as the adapter below runs; a change of its state that is under way comes first. */
static void start(struct im_binding *binding)
{
	struct im_wait wait = {0};

	binding->bind = NULL;
	im_keep_binding(binding, "bind");
	while (binding->lower->changing) {
		im_verify_wait(&wait, "10.22", im_driver_of(binding->lower), binding->lower->name,
			       "a change of state does not end");
		im_core_wait();
	}
	if (binding->lower->state == SLUICE_INSTANCE_RUNNING && !binding->lower->going)
		im_restart_binding(binding);
	im_let_go_binding(binding, "bind");
}

static void end(struct im_bind *bind)
{
	settle_edges(bind);
	if (bind->opened != NULL)
		start(bind->opened);
	bind->protocol->binds--;
	im_core_changed();
}

/* Under the lock, which is released while the driver is called. */
static im_status_t bind_locked(struct im_driver_object *driver, const struct im_bind_config *config)
{
	struct im_bind bind = {.config = *config};
	im_status_t status;

	bind.config.core = &bind;
	status = begin(&bind, driver);
	if (status != IM_STATUS_SUCCESS)
		return status;
	status = judge(&bind, run(&bind));
	end(&bind);
	return status;
}

im_status_t im_bind(struct im_driver_object *driver, const struct im_bind_config *config)
{
	im_status_t status;

	if (driver == NULL || config->adapter == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	if (!im_passive_call("im_bind"))
		return IM_STATUS_FAILURE;
	pthread_mutex_lock(&im_core.lock);
	status = bind_locked(driver, config);
	pthread_mutex_unlock(&im_core.lock);
	return status;
}

im_status_t im_bind_driver(const char *name, const struct im_bind_config *config)
{
	struct im_driver_object *driver;
	im_status_t status = IM_STATUS_FAILURE;

	if (!im_passive_call("im_bind_driver"))
		return IM_STATUS_FAILURE;
	pthread_mutex_lock(&im_core.lock);
	driver = im_lookup_driver(name);
	if (driver != NULL)
		status = bind_locked(driver, config);
	pthread_mutex_unlock(&im_core.lock);
	return status;
}

void im_complete_bind_adapter(const struct im_bind_config *config, im_status_t status)
{
	struct im_bind *bind = config->core;

	if (!im_passive_call("im_complete_bind_adapter"))
		return;
	pthread_mutex_lock(&im_core.lock);
	if (bind->complete)
		im_violation("3.3", bind->protocol->wrapper->object->name, "a bind completed that does not pend");
	bind->status = status;
	bind->complete = true;
	im_core_changed();
	pthread_mutex_unlock(&im_core.lock);
}

/* ---- Binds that wait for their driver ------------------------------------------------------------ */

/* One stands for itself: whoever asked keeps it alive until it is done or taken back. */
static LIST_HEAD(, im_waiting_bind) waiting = LIST_HEAD_INITIALIZER(waiting);

void im_bind_when_registered(struct im_waiting_bind *bind)
{
	bind->status = IM_STATUS_PENDING;
	pthread_mutex_lock(&im_core.lock);
	LIST_INSERT_HEAD(&waiting, bind, link);
	pthread_mutex_unlock(&im_core.lock);
}

void im_forget_waiting_bind(struct im_waiting_bind *bind)
{
	pthread_mutex_lock(&im_core.lock);
	if (bind->status == IM_STATUS_PENDING)
		LIST_REMOVE(bind, link);
	pthread_mutex_unlock(&im_core.lock);
}

static struct im_waiting_bind *take_waiting(const char *driver)
{
	struct im_waiting_bind *bind;

	pthread_mutex_lock(&im_core.lock);
	LIST_FOREACH(bind, &waiting, link)
	if (strcmp(bind->driver, driver) == 0)
		break;
	if (bind != NULL)
		LIST_REMOVE(bind, link);
	pthread_mutex_unlock(&im_core.lock);
	return bind;
}

/* Inside the registration: the driver must be ready for it (1.4). */
void im_bind_waiting(struct im_protocol *protocol)
{
	struct im_driver_object *driver = protocol->wrapper->object;
	struct im_waiting_bind *bind;

	while ((bind = take_waiting(driver->name)) != NULL)
		bind->status = im_bind(driver, &bind->config);
}
