/* SPDX-License-Identifier: BSD-3-Clause */
/* Registration of a driver's edges (contract sections 2A-2D and 3). */
#include <stdlib.h>

#include "inside.h"

#define CANCEL_SHIFT 24u
#define CANCEL_IDS   (1u << CANCEL_SHIFT) /* of one driver */

/* A high byte that no other driver has; 0, which stands for "no id" (4.23), is nobody's. False: there is none left. */
static bool take_cancel_base(struct im_wrapper *wrapper)
{
	const struct im_driver_object *other;
	bool taken[256] = {true};
	uint32_t base = 0;

	pthread_mutex_lock(&im_core.lock);
	TAILQ_FOREACH(other, &im_core.drivers, link)
	if (other->wrapper != NULL)
		taken[other->wrapper->cancel_base] = true;
	while (base < RTE_DIM(taken) && taken[base])
		base++;
	wrapper->cancel_base = (uint8_t)base;
	if (base < RTE_DIM(taken))
		__atomic_store_n(&wrapper->object->wrapper, wrapper, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&im_core.lock);
	return base < RTE_DIM(taken);
}

uint32_t im_generate_cancel_id(struct im_wrapper *wrapper)
{
	uint32_t count = __atomic_fetch_add(&wrapper->cancel_ids, 1, __ATOMIC_RELAXED);

	return (uint32_t)wrapper->cancel_base << CANCEL_SHIFT | count % CANCEL_IDS;
}

im_status_t im_initialize_wrapper(struct im_wrapper **out, struct im_driver_object *object)
{
	struct im_wrapper *wrapper;

	if (out == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	*out = NULL;
	if (object == NULL || object->wrapper != NULL)
		return IM_STATUS_INVALID_PARAMETER;
	if (!im_passive_call("im_initialize_wrapper"))
		return IM_STATUS_FAILURE;
	wrapper = im_fault_call() ? NULL : calloc(1, sizeof(*wrapper));
	if (wrapper == NULL)
		return IM_STATUS_RESOURCES;
	wrapper->object = object;
	LIST_INIT(&wrapper->owned.objects);
	if (!take_cancel_base(wrapper)) {
		free(wrapper);
		return IM_STATUS_RESOURCES;
	}
	*out = wrapper;
	return IM_STATUS_SUCCESS;
}

void im_terminate_wrapper(struct im_wrapper *wrapper)
{
	if (wrapper == NULL || !im_passive_call("im_terminate_wrapper"))
		return;
	if (wrapper->miniport != NULL && !wrapper->miniport->layered)
		im_deregister_layered_miniport(wrapper->miniport); /* a plain one has no call of its own (2.33) */
	if (wrapper->miniport != NULL || wrapper->protocol != NULL) {
		im_violation("1.15", wrapper->object->name, "wrapper terminated with an edge still registered");
		im_deregister_protocol(wrapper->protocol);
		im_deregister_layered_miniport(wrapper->miniport);
	}
	im_drain_work(wrapper);
	im_report_leaks(wrapper);
	pthread_mutex_lock(&im_core.lock);
	wrapper->object->wrapper = NULL;
	pthread_mutex_unlock(&im_core.lock);
	free(wrapper);
}

/* ---- Miniport edge ------------------------------------------------------------------------------- */

static bool supplies_forbidden(const struct im_miniport_characteristics *c)
{
	return c->isr != NULL || c->handle_interrupt != NULL || c->enable_interrupt != NULL ||
	       c->disable_interrupt != NULL || c->allocate_complete != NULL || c->reconfigure != NULL ||
	       c->co_create_vc != NULL || c->co_delete_vc != NULL || c->co_activate_vc != NULL ||
	       c->co_deactivate_vc != NULL || c->co_send_packets != NULL || c->co_request != NULL;
}

static bool lacks_mandatory(const struct im_miniport_characteristics *c, bool intermediate)
{
	return c->initialize == NULL || c->halt == NULL || c->query_information == NULL || c->set_information == NULL ||
	       (!intermediate && c->reset == NULL) || (c->send_packets == NULL && c->send == NULL);
}

/* In the order of 2.8, so that each breach has one answer. */
static im_status_t check_miniport(const struct im_miniport_characteristics *c, uint32_t length, bool intermediate)
{
	bool current = c->major_version == IM_MAJOR_VERSION && c->minor_version == IM_MINOR_VERSION;

	if (!current && (intermediate || c->major_version != 3)) /* 3.x is for others alone (2.2) */
		return IM_STATUS_BAD_VERSION;
	if (length < sizeof(*c) || c->reserved != 0)
		return IM_STATUS_BAD_CHARACTERISTICS;
	if (intermediate && supplies_forbidden(c))
		return IM_STATUS_BAD_CHARACTERISTICS;
	if (lacks_mandatory(c, intermediate))
		return IM_STATUS_BAD_CHARACTERISTICS;
	return IM_STATUS_SUCCESS;
}

static im_status_t register_miniport(struct im_wrapper *wrapper, const struct im_miniport_characteristics *c,
				     uint32_t length, bool layered)
{
	struct im_miniport *miniport;
	im_status_t status;

	if (wrapper == NULL || c == NULL || wrapper->miniport != NULL)
		return IM_STATUS_INVALID_PARAMETER;
	if (!im_passive_call("im_register_miniport"))
		return IM_STATUS_FAILURE;
	status = check_miniport(c, length, layered);
	if (status != IM_STATUS_SUCCESS)
		return status;
	miniport = im_fault_call() ? NULL : calloc(1, sizeof(*miniport));
	if (miniport == NULL)
		return IM_STATUS_RESOURCES;
	miniport->wrapper = wrapper;
	miniport->handlers = *c;
	miniport->layered = layered;
	wrapper->miniport = miniport;
	return IM_STATUS_SUCCESS;
}

im_status_t im_register_layered_miniport(struct im_wrapper *wrapper, const struct im_miniport_characteristics *c,
					 uint32_t length, struct im_miniport **handle)
{
	im_status_t status;

	if (handle == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	*handle = NULL;
	status = register_miniport(wrapper, c, length, true);
	if (status == IM_STATUS_SUCCESS)
		*handle = wrapper->miniport;
	return status;
}

im_status_t im_register_miniport(struct im_wrapper *wrapper, const struct im_miniport_characteristics *c,
				 uint32_t length)
{
	return register_miniport(wrapper, c, length, false);
}

/* Blocks that wait for their grace period may still hold what the driver built: its code must stay until they go. */
void im_deregister_layered_miniport(struct im_miniport *handle)
{
	struct im_wait wait = {0};

	if (handle == NULL || !im_passive_call("im_deregister_layered_miniport"))
		return;
	pthread_mutex_lock(&im_core.lock);
	if (handle->instances != 0)
		im_violation("1.20", handle->wrapper->object->name, "miniport deregistered with instances alive");
	while (handle->instances != 0 || __atomic_load_n(&handle->parts, __ATOMIC_ACQUIRE) != 0) {
		im_verify_wait(&wait, "1.20", handle->wrapper->object->name, handle->wrapper->object->name,
			       "instances or configurations are left of a miniport that is deregistered");
		im_core_wait();
	}
	handle->wrapper->miniport = NULL;
	pthread_mutex_unlock(&im_core.lock);
	free(handle);
}

void im_register_config_handlers(struct im_miniport *miniport, const struct im_config_handlers *handlers)
{
	miniport->config = handlers;
}

/* ---- Protocol edge ------------------------------------------------------------------------------- */

static im_status_t check_protocol(const struct im_protocol_characteristics *c, uint32_t length, bool intermediate)
{
	if ((c->major_version != 3 && c->major_version != IM_MAJOR_VERSION) || c->minor_version != IM_MINOR_VERSION)
		return IM_STATUS_BAD_VERSION;
	if (length < sizeof(*c) || c->reserved != 0)
		return IM_STATUS_BAD_CHARACTERISTICS;
	if (c->bind_adapter == NULL || c->unbind_adapter == NULL || c->open_adapter_complete == NULL ||
	    c->close_adapter_complete == NULL || c->send_complete == NULL || c->request_complete == NULL ||
	    c->receive == NULL || c->receive_complete == NULL || c->status == NULL || c->status_complete == NULL)
		return IM_STATUS_BAD_CHARACTERISTICS;
	if (intermediate && (c->receive_packets == NULL || c->reset_complete == NULL || c->pnp_event == NULL))
		return IM_STATUS_BAD_CHARACTERISTICS; /* 3.7, 3.12, 3.15 */
	return IM_STATUS_SUCCESS;
}

im_status_t im_register_protocol(struct im_wrapper *wrapper, const struct im_protocol_characteristics *c,
				 uint32_t length, struct im_protocol **handle)
{
	struct im_protocol *protocol;
	im_status_t status;

	if (handle == NULL)
		return IM_STATUS_INVALID_PARAMETER;
	*handle = NULL;
	if (wrapper == NULL || c == NULL || wrapper->protocol != NULL)
		return IM_STATUS_INVALID_PARAMETER;
	if (!im_passive_call("im_register_protocol"))
		return IM_STATUS_FAILURE;
	status = check_protocol(c, length, wrapper->miniport != NULL && wrapper->miniport->layered);
	if (status != IM_STATUS_SUCCESS)
		return status;
	protocol = im_fault_call() ? NULL : calloc(1, sizeof(*protocol));
	if (protocol == NULL)
		return IM_STATUS_RESOURCES;
	protocol->wrapper = wrapper;
	protocol->handlers = *c;
	__atomic_store_n(&wrapper->protocol, protocol, __ATOMIC_RELEASE); /* whole: a bind may find it at once */
	*handle = protocol;						  /* before the first bind_adapter (1.5) */
	im_bind_waiting(protocol);
	return IM_STATUS_SUCCESS;
}

IM_PASSIVE static struct im_binding *first_binding(const struct im_protocol *protocol)
{
	struct im_binding *binding;

	TAILQ_FOREACH(binding, &im_core.bindings, link)
	if (binding->protocol == protocol)
		return binding;
	return NULL;
}

/* A bind that is under way may yet leave a binding; an unbind by another thread is in the driver after the close. */
void im_unbind_all(struct im_protocol *protocol)
{
	struct im_binding *binding;
	struct im_wait wait = {0};

	while (protocol->binds > 0 || protocol->bindings > 0) {
		binding = first_binding(protocol);
		if (binding != NULL) {
			im_unbind_locked(binding);
			continue;
		}
		im_verify_wait(&wait, "1.24", protocol->wrapper->object->name, protocol->wrapper->object->name,
			       "a bind or an unbind does not end");
		im_core_wait();
	}
}

/* From any other handler it could wait for itself (1.25). */
static void check_place(const struct im_protocol *handle)
{
	const struct im_frame *frame = im_this_worker->frame;

	if (frame != NULL && frame->handler != IM_HANDLER_unload && frame->handler != IM_HANDLER_uninstall &&
	    frame->handler != IM_HANDLER_driver_entry)
		im_violation("1.25", handle->wrapper->object->name, "protocol deregistered from inside a handler");
}

/* Unbinding inside the call, once for each open binding (1.24). */
void im_deregister_protocol(struct im_protocol *handle)
{
	if (handle == NULL || !im_passive_call("im_deregister_protocol"))
		return;
	check_place(handle);
	pthread_mutex_lock(&im_core.lock);
	handle->closing = true;
	im_unbind_all(handle);
	handle->wrapper->protocol = NULL;
	pthread_mutex_unlock(&im_core.lock);
	free(handle);
}

im_status_t im_associate_miniport(struct im_miniport *miniport, struct im_protocol *protocol)
{
	if (miniport == NULL || protocol == NULL || miniport->wrapper != protocol->wrapper)
		return IM_STATUS_INVALID_PARAMETER;
	if (!im_passive_call("im_associate_miniport"))
		return IM_STATUS_FAILURE;
	if (im_fault_call())
		return IM_STATUS_RESOURCES;
	protocol->associated = true;
	return IM_STATUS_SUCCESS;
}

void im_register_unload_handler(struct im_wrapper *wrapper, void (*unload)(void))
{
	if (wrapper->miniport == NULL && wrapper->protocol == NULL)
		im_violation("1.8", wrapper->object->name, "unload handler registered before an edge");
	wrapper->unload = unload;
}
