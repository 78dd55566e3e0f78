/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The intermediate-driver interface: everything that a driver includes.
 *
 * A driver has a miniport edge above (it presents a virtual NIC, a VNIC) and a protocol edge below (it binds
 * to an adapter: a port, or another driver's VNIC). The core stands between any two drivers: a driver never
 * calls its neighbour's handlers (3.23).
 *
 *          overlying protocols
 *   send_packets |   ^ im_indicate_receive_packets         VNIC (struct im_instance)        miniport.h
 *                v   |
 *          [ miniport edge | protocol edge ]               the driver                       im.h, device.h, sync.h
 *                |   ^
 *  im_send_packets   | receive_packets                     binding (struct im_binding)      protocol.h
 *                v   |
 *          underlying adapter
 *
 * Life: driver_entry registers the miniport, then the protocol, then associates the two (1.2). The core calls
 * bind_adapter for each adapter of each stack; the driver opens it and asks for its VNICs to be initialised.
 * On the way out: unbind_adapter for each binding, then the unload handler.
 *
 * A number such as [4.6] is the statement of the contract (docs/contract.md) that a rule comes from. Each call and each
 * handler says its level: PASSIVE may sleep; DISPATCH never does; "any" is written as if it were DISPATCH. What it
 * returns stands in capitals, without IM_STATUS_. A PASSIVE call that is made at DISPATCH, or with a spin lock held,
 * breaks the contract: where the core notices, it does nothing, and returns FAILURE, NULL or false [9.3, 9.22].
 */
#ifndef IM_IM_H
#define IM_IM_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_version.h>

#include "abi/im_status.h"
#include "abi/oid.h"
#include "abi/policy.h"
#include "abi/record.h"
#include "device.h"
#include "level.h"
#include "miniport.h"
#include "packet.h"
#include "protocol.h"
#include "reference.h"
#include "request.h"
#include "rules.h"
#include "sync.h"
#include "worker.h"

struct im_driver_object; /* a driver that is being loaded: what driver_entry gets */

/* ---- Loading ------------------------------------------------------------------------------------- */

/**
 * A driver's entry: the one name that the loader knows [1.1]. On an error, RESOURCES or what the call that failed
 * returned, it has released all that it had, in reverse order, and nothing of the driver is called after it
 * [1.12, 1.13]. PENDING is not legal [1.7]. Level: PASSIVE.
 */
typedef im_status_t (*im_driver_entry_t)(struct im_driver_object *object);

/** The number of this interface. A driver that was built against another one is refused. */
#define IM_INTERFACE 2u

/** What a driver tells of itself. */
struct im_module {
	uint32_t interface; /* IM_INTERFACE */
	uint32_t dpdk;	    /* RTE_VERSION that it was built with: mbufs must look the same */
	const char *name;   /* in a policy */
	const char *description;
	im_driver_entry_t entry;
	struct im_module *next; /* the core's */
};

/** Announce a built-in driver before main: used by IM_DRIVER() alone [1.1]. @p module stays where it is. Level:
 * PASSIVE. */
void im_add_builtin_driver(struct im_module *module);

/**
 * At the bottom of a driver's file: its name, a line for people, and its function driver_entry. A driver that is built
 * as a shared object (IM_SHARED is defined) exports the same as `sluice_driver` [1.1].
 */
#ifdef IM_SHARED
#define IM_DRIVER(name_, description_)                                                                                 \
	__attribute__((visibility("default"))) struct im_module sluice_driver = {                                      \
		.interface = IM_INTERFACE,                                                                             \
		.dpdk = RTE_VERSION,                                                                                   \
		.name = (name_),                                                                                       \
		.description = (description_),                                                                         \
		.entry = driver_entry,                                                                                 \
	};
#else
#define IM_DRIVER(name_, description_)                                                                                 \
	__attribute__((constructor)) static void im_announce_driver(void)                                              \
	{                                                                                                              \
		static struct im_module module = {                                                                     \
			.interface = IM_INTERFACE,                                                                     \
			.dpdk = RTE_VERSION,                                                                           \
			.name = (name_),                                                                               \
			.description = (description_),                                                                 \
			.entry = driver_entry,                                                                         \
		};                                                                                                     \
		im_add_builtin_driver(&module);                                                                        \
	}
#endif

/** Get the wrapper that every registration needs [1.3]. It goes with the driver, or by im_terminate_wrapper().
 * RESOURCES; INVALID_PARAMETER: a NULL, or the driver has one. Level: PASSIVE. */
IM_PASSIVE im_status_t im_initialize_wrapper(struct im_wrapper **wrapper, struct im_driver_object *object);

/** Give the wrapper back after a failed start [1.3, 1.15], with a plain miniport that was registered through it. Level:
 * PASSIVE. */
IM_PASSIVE void im_terminate_wrapper(struct im_wrapper *wrapper);

/** Register the unload handler, after the miniport [1.8]. It deregisters protocol, then miniport, then frees [1.19].
 * Level: PASSIVE. */
IM_PASSIVE void im_register_unload_handler(struct im_wrapper *wrapper, void (*unload)(void));

/* ---- Configuration ------------------------------------------------------------------------------- */

/** What a driver that takes rules builds its configuration from. Valid during the call. */
struct im_config_source {
	const struct sluice_rule *const *rules; /* in order of precedence, both directions */
	const uint32_t *counters;		/* slot of each rule for im_count_rule() */
	uint32_t count;
	uint8_t default_action[SLUICE_DIRECTIONS];
	uint32_t default_counter[SLUICE_DIRECTIONS];
};

struct im_config_handlers {
	/** Build an immutable configuration, which workers read without a lock [9.27]; the core has it until `destroy`.
	 * RESOURCES where memory is short. Level: PASSIVE. */
	im_status_t (*build)(const struct im_config_source *source, void **config);
	/** Free one. No worker sees it any more [9.27]. Level: PASSIVE. */
	void (*destroy)(void *config);
};

/** Say that instances of this driver take rules: the handlers for them come in a table, as all do [1.1]. It is not
 * copied, and stays until the miniport is deregistered. Level: PASSIVE. */
IM_PASSIVE void im_register_config_handlers(struct im_miniport *miniport, const struct im_config_handlers *handlers);

#endif
