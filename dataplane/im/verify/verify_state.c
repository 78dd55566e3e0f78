/* SPDX-License-Identifier: BSD-3-Clause */
/* The state machines of instances and bindings as tables (contract 10.21-10.23). */
#include "im/inside.h"
#include "verifier.h"

struct change {
	uint8_t from;
	uint8_t to;
};

struct machine {
	const char *statement;
	const char *const *names; /* of the states */
	uint32_t state_count;
	const struct change *legal;
	uint32_t legal_count;
};

static const char *const instance_states[] = {
#define X(name, number, text) text,
	SLUICE_INSTANCE_STATE_TABLE(X)
#undef X
};

#define INSTANCE(from, to)                                                                                             \
	{                                                                                                              \
		SLUICE_INSTANCE_##from, SLUICE_INSTANCE_##to                                                           \
	}
static const struct change instance_changes[] = {
	INSTANCE(HALTED, INITIALIZING), INSTANCE(INITIALIZING, HALTED), /* initialize failed */
	INSTANCE(INITIALIZING, PAUSED), INSTANCE(PAUSED, RESTARTING),
	INSTANCE(RESTARTING, PAUSED), /* restart failed */
	INSTANCE(RESTARTING, RUNNING),	INSTANCE(RUNNING, PAUSING),
	INSTANCE(PAUSING, PAUSED),	INSTANCE(PAUSED, HALTED),
};

static const char *const binding_states[] = {"opening", "paused",  "restarting", "running",
					     "pausing", "closing", "gone"};

#define BINDING(from, to)                                                                                              \
	{                                                                                                              \
		IM_BINDING_##from, IM_BINDING_##to                                                                     \
	}
static const struct change binding_changes[] = {
	BINDING(OPENING, PAUSED),    BINDING(OPENING, GONE), /* closed by a bind that fails */
	BINDING(PAUSED, RESTARTING), BINDING(RESTARTING, RUNNING), BINDING(RUNNING, PAUSING), BINDING(PAUSING, PAUSED),
	BINDING(PAUSED, CLOSING),    BINDING(PAUSED, GONE), /* closed by a bind that fails */
	BINDING(CLOSING, GONE),
};

static const struct machine instances = {
	"10.21", instance_states, RTE_DIM(instance_states), instance_changes, RTE_DIM(instance_changes),
};

static const struct machine bindings = {
	"10.23", binding_states, RTE_DIM(binding_states), binding_changes, RTE_DIM(binding_changes),
};

static bool is_legal(const struct machine *machine, uint8_t from, uint8_t to)
{
	for (uint32_t i = 0; i < machine->legal_count; i++)
		if (machine->legal[i].from == from && machine->legal[i].to == to)
			return true;
	return false;
}

static const char *name_of(const struct machine *machine, uint8_t state)
{
	return state < machine->state_count ? machine->names[state] : "?";
}

static void check(const struct machine *machine, const char *driver, const char *object, uint8_t from, uint8_t to)
{
	if (!is_legal(machine, from, to))
		im_violation_text(machine->statement, driver, "'%s' goes from %s to %s", object, name_of(machine, from),
				  name_of(machine, to));
}

/* What is out at the end is not zero: 12.59. */
static void check_end(const char *driver, const char *object, uint64_t packets, uint32_t requests)
{
	if (packets != 0)
		im_violation_text("12.59", driver, "'%s' is gone with %lu packets out", object, packets);
	if (requests != 0)
		im_violation_text("12.59", driver, "'%s' is gone with %u requests out", object, requests);
}

/* Hardware that nobody stops goes on writing to memory, and only it can lose what it was given. */
void im_verify_hardware(const struct im_instance *instance)
{
	if (!im_is_verified())
		return;
	if (instance->miniport->handlers.adapter_shutdown == NULL)
		im_violation("12.36", im_driver_of(instance),
			     "has hardware, and no adapter_shutdown handler to stop it");
	if (instance->attributes & IM_ATTRIBUTE_IGNORE_TIMEOUTS)
		im_violation("12.37", im_driver_of(instance), "has hardware, and does not want to be timed");
}

void im_verify_instance_state(const struct im_instance *instance, uint8_t from, uint8_t to)
{
	if (!im_is_verified())
		return;
	check(&instances, im_driver_of(instance), instance->name, from, to);
	if (to == SLUICE_INSTANCE_INITIALIZING)
		im_handle_made(instance);
	if (to != SLUICE_INSTANCE_HALTED)
		return;
	check_end(im_driver_of(instance), instance->name, im_outstanding(instance), instance->requests.active != NULL);
	im_handle_gone(instance);
	im_watch_forget(instance->id);
}

void im_verify_binding_state(const struct im_binding *binding, uint8_t from, uint8_t to)
{
	if (!im_is_verified())
		return;
	check(&bindings, im_driver_over(binding), binding->lower->name, from, to);
	if (from == IM_BINDING_OPENING)
		im_handle_made(binding);
	if (to != IM_BINDING_GONE)
		return;
	check_end(im_driver_over(binding), binding->lower->name, im_binding_outstanding(binding),
		  __atomic_load_n(&binding->requests, __ATOMIC_ACQUIRE));
	im_handle_gone(binding);
}
