/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The intermediate-driver interface: everything that a driver includes.
 *
 * A driver has a miniport edge above (it presents a virtual NIC, a VNIC) and a protocol edge below (it binds
 * to an adapter: a port, or another driver's VNIC). The core stands between any two drivers: a driver never
 * calls its neighbour's handlers (3.23).
 *
 *          overlying protocol
 *   send_packets |   ^ im_indicate_receive_packets         VNIC (struct im_instance)
 *                v   |
 *          [ miniport edge | protocol edge ]               the driver
 *                |   ^
 *  im_send_packets   | receive_packets                     binding (struct im_binding)
 *                v   |
 *          underlying adapter
 *
 * Life: driver_entry registers the miniport, then the protocol, then associates the two (1.2). The core calls
 * bind_adapter for each adapter of each stack; the driver opens it and asks for its VNICs to be initialised.
 * On the way out: unbind_adapter for each binding, then the unload handler.
 *
 * A number such as [4.6] is the statement of the contract that a rule comes from.
 */
#ifndef IM_IM_H
#define IM_IM_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/im_status.h"
#include "abi/oid.h"
#include "abi/policy.h"
#include "abi/record.h"
#include "level.h"
#include "packet.h"
#include "worker.h"

struct im_driver_object; /* a driver that is being loaded: what driver_entry gets */
struct im_wrapper;	 /* its registrations */
struct im_miniport;	 /* a registered miniport edge, "driver handle" */
struct im_protocol;	 /* a registered protocol edge */
struct im_instance;	 /* a miniport instance: a VNIC or a port */
struct im_binding;	 /* an open adapter, seen from the protocol that opened it */

/* ---- Miniport edge ------------------------------------------------------------------------------- */

#define IM_MAJOR_VERSION 4 /* [2.2] */
#define IM_MINOR_VERSION 0

/** A handler that an intermediate driver never supplies [2.19-2.24]. */
typedef void (*im_never_supplied_t)(void);

/**
 * Zero it, fill it in, register it; it is copied [1.9, 2.1].
 * Handlers marked (m) are mandatory. @p context is what im_set_attributes() gave [2.50].
 */
struct im_miniport_characteristics {
	uint8_t major_version;
	uint8_t minor_version;
	uint16_t reserved; /* 0 */

	/** (m) Bring the instance to life: call im_set_attributes(), take what it needs. On an error free all of it;
	 * halt is not called then [2.51]. Level: PASSIVE. */
	im_status_t (*initialize)(struct im_instance *instance, void *device_context);

	/** (m) The instance goes. All its sends are complete and its packets back [4.34, 5.29]. Level: PASSIVE. */
	void (*halt)(void *context);

	/** (m) Answer an OID [6.1-6.10]: @p written <= @p length, or 0 with @p needed = the whole size. Level: PASSIVE.
	 */
	im_status_t (*query_information)(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
					 uint32_t *needed);

	/** (m) Set an OID [6.1-6.10]: @p read = bytes consumed, or @p needed. Level: PASSIVE. */
	im_status_t (*set_information)(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
				       uint32_t *needed);

	/** NULL for an intermediate driver, mandatory otherwise [2.13, C1]. */
	im_status_t (*reset)(bool *addressing_reset, void *context);

	/** (m, unless send is given) Send @p count packets in this order [4.1-4.3]. Every packet is completed exactly
	 * once with im_send_complete(), perhaps before this returns; the array is dead afterwards [4.4, 4.6]. Level:
	 * DISPATCH. */
	void (*send_packets)(void *context, struct im_packet **packets, uint16_t count);

	/** Single-packet form [4.11]: PENDING, and one im_send_complete() later, or the final status and none. Never
	 * called when send_packets is given [2.31]; the core splits batches for it [2.32]. Level: DISPATCH. */
	im_status_t (*send)(void *context, struct im_packet *packet, uint32_t flags);

	/** Mandatory iff the driver indicates by look-ahead [2.16]. */
	im_status_t (*transfer_data)(struct im_packet *packet, uint32_t *transferred, void *context,
				     void *receive_context, uint32_t offset, uint32_t length);

	/** Packets lent with status SUCCESS come back, each exactly once [2.17, 5.4]. Level: DISPATCH. */
	void (*return_packets)(void *context, struct im_packet **packets, uint16_t count);

	/** NULL for an intermediate driver [2.18, 7.13]. */
	bool (*check_for_hang)(void *context);

	/** Optional [4.24]. Level: DISPATCH. */
	void (*cancel_send_packets)(void *context, uint32_t cancel_id);

	/* Never supplied: no interrupting device, no allocation at raised level, no reconfiguration, no connections. */
	im_never_supplied_t isr;
	im_never_supplied_t handle_interrupt;
	im_never_supplied_t enable_interrupt;
	im_never_supplied_t disable_interrupt;
	im_never_supplied_t allocate_complete;
	im_never_supplied_t reconfigure;
	im_never_supplied_t co_create_vc;
	im_never_supplied_t co_delete_vc;
	im_never_supplied_t co_activate_vc;
	im_never_supplied_t co_deactivate_vc;
	im_never_supplied_t co_send_packets;
	im_never_supplied_t co_request;
};

/* ---- Protocol edge ------------------------------------------------------------------------------- */

/** What the core tells bind_adapter about the binding. Valid during the call. */
struct im_bind_config {
	const char *adapter; /* to open */
	uint32_t vnic_count; /* VNICs that the driver shall present over it [1.33] */
	const char *const *vnic_names;
};

/**
 * Zero it, fill it in, register it; it is copied. Opens, closes and requests finish inside the call, so that there are
 * no completion handlers for them; nor look-ahead, status and PnP events yet (contract sections 5C, 6 and 7).
 */
struct im_protocol_characteristics {
	uint8_t major_version; /* 4 (or 3) [3.1] */
	uint8_t minor_version;
	uint16_t reserved; /* 0 */

	/** (m) Open the adapter, start the VNICs [1.33]. On an error close what was opened [1.36]. Level: PASSIVE. */
	im_status_t (*bind_adapter)(const struct im_bind_config *config);

	/** (m) Cannot fail [1.37]: deinitialise the VNICs, then im_close_adapter(), then free [1.38]. Level: PASSIVE.
	 */
	void (*unbind_adapter)(void *context);

	/** (m) Packets this protocol sent are its own again; status tells how each fared [3.9, 4.15]. Level: DISPATCH.
	 */
	void (*send_complete)(void *context, struct im_packet **packets, uint16_t count);

	/** (m) Packets from below, lent. references[i], 0 on entry, is how often this protocol will return
	 * packet i with im_return_packets() [5.12]; 0 for a packet with status RESOURCES [5.15]. Level: DISPATCH. */
	void (*receive_packets)(void *context, struct im_packet **packets, uint16_t count, uint16_t *references);

	/** Optional: before unload, when a user uninstalls the driver [1.27-1.29]. Level: PASSIVE. */
	void (*uninstall)(void);
};

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
	/** Build an immutable configuration. Level: PASSIVE. RESOURCES where memory is short. */
	im_status_t (*build)(const struct im_config_source *source, void **config);
	/** Free one. No worker sees it any more. Level: PASSIVE. */
	void (*destroy)(void *config);
};

/* ---- Loading ------------------------------------------------------------------------------------- */

/** A driver's entry: the one name that the loader knows [1.1]. Level: PASSIVE (init). PENDING is not legal [1.7]. */
typedef im_status_t (*im_driver_entry_t)(struct im_driver_object *object);

struct im_builtin_driver {
	const char *name;
	const char *description;
	im_driver_entry_t entry;
	struct im_builtin_driver *next;
};

/** Announce a built-in driver before main: used by IM_DRIVER() alone. */
void im_add_builtin_driver(struct im_builtin_driver *driver);

/** At the bottom of a built-in driver's file: its name in a policy, a line for people, and its driver_entry. */
#define IM_DRIVER(name_, description_)                                                                                 \
	__attribute__((constructor)) static void im_announce_driver(void)                                              \
	{                                                                                                              \
		static struct im_builtin_driver driver = {                                                             \
			.name = (name_), .description = (description_), .entry = driver_entry};                        \
		im_add_builtin_driver(&driver);                                                                        \
	}

/** Get the wrapper that every registration needs [1.3]. RESOURCES, INVALID_PARAMETER. Level: PASSIVE. */
IM_PASSIVE im_status_t im_initialize_wrapper(struct im_wrapper **wrapper, struct im_driver_object *object);

/** Give the wrapper back after a failed start [1.3, 1.15], with a plain miniport that was registered through it. Level:
 * PASSIVE. */
IM_PASSIVE void im_terminate_wrapper(struct im_wrapper *wrapper);

/**
 * Register the miniport edge of an intermediate driver [2.33]. @p length is sizeof(*characteristics).
 * Checked in this order [2.8]: NULL arguments (INVALID_PARAMETER), version (BAD_VERSION), length, reserved and
 * never-supplied entries, mandatory entries (BAD_CHARACTERISTICS each), allocation (RESOURCES). On an error *handle is
 * NULL [2.6]. Level: PASSIVE.
 */
IM_PASSIVE im_status_t im_register_layered_miniport(struct im_wrapper *wrapper,
						    const struct im_miniport_characteristics *characteristics,
						    uint32_t length, struct im_miniport **handle);

/** Register a plain miniport, whose instances the core initialises by itself [2.34]. Otherwise as above; version 3 is
 * legal. */
IM_PASSIVE im_status_t im_register_miniport(struct im_wrapper *wrapper,
					    const struct im_miniport_characteristics *characteristics, uint32_t length);

/** The reciprocal of im_register_layered_miniport() [2.36]. Level: PASSIVE. */
IM_PASSIVE void im_deregister_layered_miniport(struct im_miniport *handle);

/** Register the protocol edge [3.1-3.16]. The handle is valid before the first bind_adapter [1.5]. Level: PASSIVE. */
IM_PASSIVE im_status_t im_register_protocol(struct im_wrapper *wrapper,
					    const struct im_protocol_characteristics *characteristics, uint32_t length,
					    struct im_protocol **handle);

/** Unbinds what is bound, then deregisters [1.24]. NULL is a no-op, so that it can be called twice [1.26]. Level:
 * PASSIVE. */
IM_PASSIVE void im_deregister_protocol(struct im_protocol *handle);

/** Tell that the two edges belong together [1.2]. INVALID_PARAMETER if they are not of one driver. Level: PASSIVE. */
IM_PASSIVE im_status_t im_associate_miniport(struct im_miniport *miniport, struct im_protocol *protocol);

/** Register the unload handler, after the miniport [1.8]. It deregisters protocol, then miniport, then frees [1.19]. */
IM_PASSIVE void im_register_unload_handler(struct im_wrapper *wrapper, void (*unload)(void));

/** Say that instances of this driver take rules. Level: PASSIVE. */
IM_PASSIVE void im_register_config_handlers(struct im_miniport *miniport, const struct im_config_handlers *handlers);

/* ---- Bindings and instances ---------------------------------------------------------------------- */

/**
 * Open @p adapter from inside bind_adapter [1.34]. @p context is what every later protocol handler of the binding gets.
 * SUCCESS; ADAPTER_NOT_FOUND; OPEN_FAILED (it has an overlying protocol already); RESOURCES. Level: PASSIVE.
 */
IM_PASSIVE im_status_t im_open_adapter(struct im_binding **binding, struct im_protocol *protocol, void *context,
				       const char *adapter);

/** Close from inside unbind_adapter or a failing bind_adapter. From this call on the handle is invalid [3.22]. Level:
 * PASSIVE. */
IM_PASSIVE im_status_t im_close_adapter(struct im_binding *binding);

/**
 * Ask for the VNIC @p name to be initialised [2.37-2.42]. SUCCESS: initiated, initialize may have run inside.
 * NOT_ACCEPTED: the name is in use [2.38]. Otherwise what initialize returned. Level: PASSIVE.
 */
IM_PASSIVE im_status_t im_initialize_device_instance(struct im_miniport *miniport, const char *name,
						     void *device_context);

/** Reverse it [2.46]: overlying protocols unbind, then halt runs. FAILURE: no such instance. Level: PASSIVE. */
IM_PASSIVE im_status_t im_deinitialize_device_instance(struct im_instance *instance);

#define IM_ATTRIBUTE_INTERMEDIATE_DRIVER 0x01u
#define IM_ATTRIBUTE_DESERIALIZE	 0x02u
#define IM_ATTRIBUTE_NO_HALT_ON_SUSPEND	 0x04u
#define IM_ATTRIBUTE_IGNORE_TIMEOUTS	 0x08u

/** From inside initialize: the context for every later handler, and what the instance is [2.49, 2.50]. Level: PASSIVE.
 */
IM_PASSIVE void im_set_attributes(struct im_instance *instance, void *context, uint32_t attributes);

/** Name of an instance. Level: any. */
const char *im_instance_name(const struct im_instance *instance);

/** Where an instance or binding counts: for im_count_drop(). Level: any. */
uint16_t im_instance_account(const struct im_instance *instance);
uint16_t im_binding_account(const struct im_binding *binding);

/* ---- Packets ------------------------------------------------------------------------------------- */

/** Send down [4.1-4.4]: ownership goes with the call, and each packet comes back through send_complete. Level:
 * DISPATCH. */
IM_DISPATCH void im_send_packets(struct im_binding *binding, struct im_packet **packets, uint16_t count);

/**
 * Complete packets that came through send_packets, each with its final status in packet->status (never PENDING)
 * [4.12, 4.13]. Do not touch them afterwards [4.15]. Packets of one call may have come from several. Level: DISPATCH.
 */
IM_DISPATCH void im_send_complete(struct im_instance *instance, struct im_packet **packets, uint16_t count);

/**
 * Indicate packets upward [5.1-5.6], each with status SUCCESS (lent: comes back through return_packets exactly once,
 * perhaps before this returns) or RESOURCES (it and all after it are the caller's again when this returns). Level:
 * DISPATCH.
 */
IM_DISPATCH void im_indicate_receive_packets(struct im_instance *instance, struct im_packet **packets, uint16_t count);

/** Give back packets that came through receive_packets and were kept [5.12-5.18]. Level: DISPATCH. */
IM_DISPATCH void im_return_packets(struct im_binding *binding, struct im_packet **packets, uint16_t count);

/** The driver's two words in the slot that it will use by handing @p packet on next, good until it is back [2.54]. */
static inline uintptr_t *im_packet_words(struct im_packet *packet)
{
	return packet->depth < packet->slots ? packet->stack[packet->depth].words : NULL;
}

/** What the driver built for this instance, of the block that judges this burst. Level: DISPATCH. */
IM_DISPATCH const void *im_config(const struct im_instance *instance);

/* ---- Requests ------------------------------------------------------------------------------------ */

struct im_request {
	bool set;
	uint32_t oid;
	void *buffer; /* read only where `set` */
	uint32_t length;
	uint32_t done; /* bytes written or read */
	uint32_t needed;
};

/** Query or set an OID of the adapter below. Returns its status; never PENDING here. Level: PASSIVE. */
IM_PASSIVE im_status_t im_request(struct im_binding *binding, struct im_request *request);

/** Answer a query with @p size bytes at @p value under the rules of 6.3-6.6. For query_information. */
im_status_t im_answer(const void *value, uint32_t size, void *buffer, uint32_t length, uint32_t *written,
		      uint32_t *needed);

/** Answer a query for a 64-bit counter: 8 bytes, or 4 with needed = 8 [6.6]. */
im_status_t im_answer_counter(uint64_t value, void *buffer, uint32_t length, uint32_t *written, uint32_t *needed);

#endif
