/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core's own state, and the calls by which the firmware drives it. Drivers include im.h alone.
 *
 * One core in a process. Everything here is written by the control thread while no worker runs, and read by
 * workers, except for an instance's state and a binding's, which are single words.
 */
#ifndef IM_CORE_H
#define IM_CORE_H

#include <sys/queue.h>

#include "im.h"

#define IM_BUILTIN_DRIVERS_MAX 64

struct im_driver_object {
	char name[SLUICE_NAME_SIZE];
	const char *description;
	struct im_wrapper *wrapper;
	TAILQ_ENTRY(im_driver_object) link;
};

struct im_wrapper {
	struct im_driver_object *object;
	struct im_miniport *miniport;
	struct im_protocol *protocol;
	void (*unload)(void);
};

struct im_miniport {
	struct im_wrapper *wrapper;
	struct im_miniport_characteristics handlers;
	const struct im_config_handlers *config;
	bool layered;
	uint32_t instances;
};

struct im_protocol {
	struct im_wrapper *wrapper;
	struct im_protocol_characteristics handlers;
	bool associated;
	uint32_t bindings;
};

struct im_instance {
	char name[SLUICE_NAME_SIZE];
	struct im_miniport *miniport;
	void *context;		  /* the driver's, from im_set_attributes() */
	struct im_binding *upper; /* the overlying protocol's open, or NULL */
	uint32_t attributes;
	uint16_t id;   /* account, and index into a block's parts */
	uint8_t state; /* enum sluice_instance_state; writer: control thread */
	TAILQ_ENTRY(im_instance) link;
};

struct im_binding {
	struct im_protocol *protocol;
	void *context; /* the driver's, from im_open_adapter() */
	struct im_instance *lower;
	uint16_t id;  /* account */
	bool closing; /* writer: control thread */
	TAILQ_ENTRY(im_binding) link;
};

TAILQ_HEAD(im_driver_list, im_driver_object);
TAILQ_HEAD(im_instance_list, im_instance);
TAILQ_HEAD(im_binding_list, im_binding);

struct im_core {
	struct im_driver_list drivers;
	struct im_instance_list instances;
	struct im_binding_list bindings;
	struct im_worker *workers; /* [0] is the control thread */
	uint32_t worker_count;
	uint16_t accounts; /* ids given out */
	struct im_block_slot block;
};

extern struct im_core im_core;

#define FOREACH_INSTANCE(instance) TAILQ_FOREACH(instance, &im_core.instances, link)

/** Make the core for @p workers workers (control thread not counted), and @p counters rule counters in each. -ENOMEM.
 */
IM_PASSIVE int im_core_create(uint32_t workers, uint32_t counters);

/** Free it. Whatever driver, instance or binding is left is reported as a leak; returns how many there were. */
IM_PASSIVE unsigned im_core_destroy(void);

/**
 * Load a driver by running its entry. NOT_ACCEPTED: the name is in use; INVALID_PARAMETER: it is too long; RESOURCES;
 * otherwise what the entry returned. A failed entry leaves nothing, and its unload handler is not called [1.12-1.15].
 */
IM_PASSIVE im_status_t im_load_driver(const char *name, im_driver_entry_t entry, const char *description);

/** Load every built-in driver. Returns the first failure, with its name in *failed. */
IM_PASSIVE im_status_t im_load_builtin_drivers(const char **failed);

/** Run the unload handlers, latest loaded first [1.19, 1.20]. */
IM_PASSIVE void im_unload_drivers(void);

IM_PASSIVE struct im_driver_object *im_find_driver(const char *name);
IM_PASSIVE struct im_instance *im_find_instance(const char *name);

/** Initialise an instance of a plain miniport [2.34], as the core does by itself for a port. */
IM_PASSIVE im_status_t im_start_plain_instance(struct im_driver_object *driver, const char *name, void *device_context);

/** Bind @p driver over the adapter that @p config names. */
IM_PASSIVE im_status_t im_bind(struct im_driver_object *driver, const struct im_bind_config *config);

/** Unbind one binding: the driver's unbind_adapter runs, and has closed it when this returns [1.37, 1.38]. */
IM_PASSIVE void im_unbind(struct im_binding *binding);

/** Restart: data may flow [10.21]. Bottom up over a stack [10.27]. */
IM_PASSIVE void im_restart(struct im_instance *instance);

/** Pause: new sends come back with PAUSED, indications are returned. Top down [10.25-10.27]. */
IM_PASSIVE void im_pause(struct im_instance *instance);

/** Run a request on an instance: what im_request() does from above, and what an operator asks. */
IM_PASSIVE im_status_t im_request_instance(struct im_instance *instance, struct im_request *request);

/** Add up an account over all workers. */
IM_PASSIVE void im_read_account(uint16_t account, struct im_account *sum);

/** Add up a rule counter over all workers. */
IM_PASSIVE struct im_traffic im_read_rule(uint32_t slot);

/** Zero a rule counter that no block uses any more. */
IM_PASSIVE void im_clear_rule(uint32_t slot);

/** Sends, or packets lent, that are out on an instance, over all workers: 0 before it may halt [4.31, 5.29]. */
IM_PASSIVE uint64_t im_outstanding(const struct im_instance *instance);

/**
 * The contract is broken, by a driver or by the core: say which statement, and stop. Going on would mean a packet
 * freed twice or touched after it was given away. Level: any; it does not return.
 */
_Noreturn void im_violation(const char *statement, const char *driver, const char *what);

/* For the core's files. */
uint16_t im_new_account(void);
struct im_wrapper *im_wrapper_of(const struct im_instance *instance);

#endif
