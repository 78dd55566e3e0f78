/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core's own state, and the calls by which the firmware drives it. Drivers include im.h alone.
 *
 * One core in a process. Two locks' worth of rules:
 *   - im_core.lock, a mutex, guards every list and every PASSIVE state here. It is never held while a driver's handler
 *     runs (9.25); whoever needs an object longer than it holds the lock takes a hold on it (im_hold_instance).
 *   - Workers take no lock. They read `gate`, `upper` and `fan`, which change by single stores; who changes them waits
 *     with im_synchronize() until no worker can be in the middle of what it read before.
 */
#ifndef IM_CORE_H
#define IM_CORE_H

#include <pthread.h>
#include <stddef.h>
#include <sys/queue.h>

#include "grace.h"
#include "im.h"
#include "ledger.h"
#include "packet_pool.h"
#include "verify.h"

/** Control threads that can call the core at the same time, the first one included. */
#define IM_CONTROL_THREADS_MAX 12u

/** Packet-stack slots of a driver's own descriptors, where the firmware says nothing else. */
#define IM_PACKET_SLOTS 8u

/* ---- Drivers ------------------------------------------------------------------------------------- */

enum im_driver_state {
	IM_DRIVER_LOADING,
	IM_DRIVER_LOADED,
	IM_DRIVER_UNLOADING, /* nothing new begins: no bind, no open of its devices */
};

struct im_driver_object {
	char name[SLUICE_NAME_SIZE];
	char description[96];
	struct im_wrapper *wrapper;
	void *library; /* of dlopen(), or NULL: built in */
	enum im_driver_state state;
	TAILQ_ENTRY(im_driver_object) link;
};

struct im_wrapper {
	struct im_driver_object *object;
	struct im_miniport *miniport;
	struct im_protocol *protocol;
	void (*unload)(void);  /* Level: PASSIVE. */
	struct im_owned owned; /* what the driver has taken and not given back (verify.h) */
	uint32_t devices;      /* its control devices, registered or still open: unload waits for them [1.30] */
	uint32_t cancel_ids;   /* given out, and ... */
	uint8_t cancel_base;   /* ... the high byte of all of them */
};

struct im_miniport {
	struct im_wrapper *wrapper;
	struct im_miniport_characteristics handlers;
	const struct im_config_handlers *config;
	bool layered;
	uint32_t instances;
	uint32_t parts; /* configurations built by the driver that blocks still hold */
};

struct im_protocol {
	struct im_wrapper *wrapper;
	struct im_protocol_characteristics handlers;
	bool associated;
	bool closing;
	uint32_t bindings;
	uint32_t binds; /* binds and unbinds that are under way */
};

/* ---- Instances and bindings ---------------------------------------------------------------------- */

/* Why packets do not flow: bits of a gate. 0: they do. */
enum im_gate {
	IM_GATE_STOPPED = 1,	 /* not running [4.32, 5.10] */
	IM_GATE_LOW_POWER = 2,	 /* not in D0 [4.32] */
	IM_GATE_RESETTING = 4,	 /* sends alone [7.4] */
	IM_GATE_CLOSING = 8,	 /* a binding that goes [1.39] */
	IM_GATE_QUARANTINE = 16, /* the driver has broken the contract */
	IM_GATE_NO_FILTER = 32,	 /* indications alone: nobody asked for packets [5.9] */
	/* sends flow, but not the shortest way */
	IM_GATE_SERIALIZED = 64, /* through the core's queue [4.7] */
	IM_GATE_LOOPBACK = 128,	 /* past the core, which loops some back [4.29] */
};

enum im_pause_state {
	IM_PAUSE_NONE,
	IM_PAUSE_PENDED, /* from before the handler is called */
	IM_PAUSE_COMPLETE,
};

enum im_initialization {
	IM_INITIALIZATION_WANTED, /* asked for; may be cancelled */
	IM_INITIALIZATION_RUNNING,
	IM_INITIALIZATION_DONE,
};

/** Most protocols over one instance. */
#define IM_RECEIVERS_MAX 16u

/* Several receivers of one instance. Not changed while a worker may read it (binding.c). */
struct im_fan {
	uint32_t count;
	struct im_binding *bindings[IM_RECEIVERS_MAX];
};

/* Which packets somebody wants. */
struct im_addressing {
	uint32_t packet_filter;
	uint32_t multicast_length; /* bytes */
	uint8_t multicast[32 * 6];
};

/* Something that is a number. */
struct im_setting {
	uint32_t value;
	bool is_set;
};

struct im_wake_pattern {
	uint32_t length; /* bytes */
	uint8_t bytes[256];
};

/* What else somebody has set. Written as a request ends, read while a reset keeps requests away. */
struct im_settings {
	struct im_setting offloads, wake_up;
	uint32_t pattern_count;
	struct im_wake_pattern patterns[16];
};

/* Requests for an instance: one at the miniport, the others wait in order [6.14]. All under the lock. */
struct im_request_queue {
	struct im_lock lock;
	struct im_request *first, *last; /* waiting */
	struct im_request *active;	 /* the miniport has it */
	struct im_worker *runner;	 /* the thread that starts the next ones, or NULL */
	bool calling;			 /* the miniport's handler has not returned yet */
	bool held;			 /* a reset is in progress: only the core's own go on [7.4] */
	bool closed;			 /* the instance is going: nothing comes in any more [6.25] */
	bool kicked;			 /* `work` is on its way */
	uint32_t cancelling;		 /* calls of cancel_request that run */
	struct im_work work;		 /* goes on where a completion came while nobody ran */
	bool merging;			 /* the active one sets what all protocols above want, in ... */
	struct im_addressing merged;
	uint8_t *guarded; /* where the active one is answered while the verifier watches, and ... */
	uint32_t guarded_room;
	bool guarding; /* ... whether it is */
};

/* A reset; `running`, `refused` and `pended` under the lock of the requests. */
struct im_reset_state {
	bool running;
	bool refused;	       /* the instance is going */
	bool pended;	       /* the miniport is to complete it ... */
	bool returned;	       /* ... and its handler has returned */
	bool addressing_reset; /* of the completion */
	uint8_t step;	       /* that comes next (reset.c) */
	uint32_t pattern;      /* that is given back next */
	uint32_t ended;	       /* resets until now; under the core's lock */
	im_status_t status;
	struct im_binding *asked_by; /* gets reset_complete */
	struct im_request restore;
	struct im_work work;
};

/* A bind that is wanted as soon as the driver registers its protocol [1.4]. Owner: who asked for it. */
struct im_waiting_bind {
	const char *driver;
	struct im_bind_config config;
	im_status_t status; /* PENDING until it was made */
	LIST_ENTRY(im_waiting_bind) link;
};

struct im_instance {
	/* what workers read */
	uint32_t gate; /* enum im_gate; changed under the core's lock */
	uint16_t id;   /* account, and index into a block's parts */
	bool deserialized;
	struct im_binding *upper; /* the one receiver, or NULL */
	struct im_fan *fan;	  /* the receivers where there are several, or NULL */
	void *never_lower;	  /* NULL, where a binding has `lower`: tells the two apart in a packet's slot */
	struct im_miniport *miniport;
	void *context;		  /* the driver's, from im_set_attributes() */
	struct im_serial *serial; /* of a serialised miniport (serial.c), or NULL */
	struct im_binding *below; /* that the core relays to in place of a quarantined driver (bypass.c), or NULL */

	/* under the core's lock */
	char name[SLUICE_NAME_SIZE];
	uint8_t state;	/* enum sluice_instance_state */
	uint8_t power;	/* enum im_power_state */
	bool going;	/* deinitialise has begun */
	bool changing;	/* a pause, restart, reset or power change runs; others wait */
	uint32_t pause; /* enum im_pause_state; atomic, not under the lock */
	enum im_initialization initialization;
	uint32_t attributes;
	uint32_t holds; /* of threads that use it without the lock */
	void *device_context;
	struct im_work initialize_work;
	TAILQ_HEAD(, im_binding) uppers; /* all bindings over it */
	struct im_fan fans[2];		 /* one of them may be `fan` */
	uint64_t fan_token;		 /* of the grace period since the last change of receivers */
	struct im_request_queue requests;
	struct im_reset_state reset;
	struct im_addressing addressing; /* that the miniport has; for 7.2 */
	struct im_settings settings;	 /* likewise */
	uint8_t address[6];		 /* MAC, where IM_GATE_LOOPBACK is set; changes while the instance is paused */
	uint32_t hang_period_s;
	uint64_t next_hang_check_ns;
	uint32_t carrier;	   /* the last link indication that went up (indication.c), ... */
	uint32_t slept_indication; /* ... and the newest that came while it was not in D0, or 0; both atomic */
	bool slept_speed;	   /* the speed changed meanwhile; atomic */
	bool indicated;		   /* the last status went up: its end does too */
	struct im_fan *audience;   /* the bindings that are told a status, for readers (indication.c) */
	struct im_fan audiences[2];
	uint64_t audience_token;
	TAILQ_ENTRY(im_instance) link;
};

enum im_binding_state { /* 10.23 */
			IM_BINDING_OPENING,
			IM_BINDING_PAUSED,
			IM_BINDING_RESTARTING,
			IM_BINDING_RUNNING,
			IM_BINDING_PAUSING,
			IM_BINDING_CLOSING,
			IM_BINDING_GONE,
};

struct im_binding {
	/* what workers read */
	uint32_t gate; /* enum im_gate */
	uint16_t id;   /* account */
	struct im_protocol *protocol;
	void *context; /* the driver's, from im_open_adapter() */
	struct im_instance *lower;
	struct im_instance *above; /* that the core relays to in place of a quarantined driver (bypass.c), or NULL */

	/* under the core's lock */
	char adapter[SLUICE_NAME_SIZE]; /* the name of `lower`, which may be gone before this memory is; set once */
	enum im_binding_state state;
	bool unbinding;	    /* unbind_adapter has been, or is being called */
	bool unbind_pended; /* it returned PENDING ... */
	bool unbind_complete;
	bool closed; /* im_close_adapter() was called */
	bool changing;
	bool close_pended;
	uint32_t holds;			 /* it stays in the lists while there are any */
	uint32_t waiters;		 /* its memory stays while there are any; atomic */
	uint32_t requests;		 /* of this binding that are not complete; atomic */
	struct im_addressing addressing; /* that it has set (addressing.c) */
	struct im_bind *bind;		 /* that opened it, while that runs */
	struct im_work open_work;
	struct im_work unbind_work;
	struct im_work close_work;
	TAILQ_ENTRY(im_binding) link;  /* of im_core.bindings */
	TAILQ_ENTRY(im_binding) upper; /* of the instance below */
};

_Static_assert(offsetof(struct im_binding, lower) == offsetof(struct im_instance, never_lower), "see never_lower");

/* Which VNIC stands over which adapter, as the core was told to bind them: for 10.4. */
struct im_edge {
	char vnic[SLUICE_NAME_SIZE];
	char adapter[SLUICE_NAME_SIZE];
	struct im_binding *binding; /* NULL while it is being bound, by ... */
	const struct im_bind *bind;
	LIST_ENTRY(im_edge) link;
};

TAILQ_HEAD(im_driver_list, im_driver_object);
TAILQ_HEAD(im_instance_list, im_instance);
TAILQ_HEAD(im_binding_list, im_binding);
LIST_HEAD(im_edge_list, im_edge);

struct im_core {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* some state under the lock has */
	struct im_driver_list drivers;
	struct im_instance_list instances;
	struct im_binding_list bindings;
	struct im_edge_list edges;
	struct im_worker *workers; /* [0] the first control thread, then the workers, then other control threads */
	uint32_t worker_count;	   /* the first control thread and the workers */
	uint32_t thread_count;	   /* all */
	struct im_grace *grace;
	struct im_block_slot block;
	struct im_binding *by_account[IM_ACCOUNTS_MAX]; /* open bindings; read by workers [5.18] */
	struct rte_mempool *buffers;			/* for im_allocate_buffer() */
	uint16_t packet_slots;				/* of a driver's own descriptors */
	uint64_t now_ns;				/* of the last im_tick() */
	int (*load_begins)(void); /* make init code, as driver_entry is, be there: 0 or -errno. Level: PASSIVE. */
	int (*load_ends)(void);	  /* ... and let it go; or NULL, both. Level: PASSIVE. */
};

extern struct im_core im_core;

#define FOREACH_INSTANCE(instance) TAILQ_FOREACH(instance, &im_core.instances, link)

/* ---- The core ------------------------------------------------------------------------------------ */

/** Make the core for @p workers workers, and @p counters rule counters in each. The caller becomes the first control
 * thread. -ENOMEM. */
IM_PASSIVE int im_core_create(uint32_t workers, uint32_t counters);

/** Free it. Whatever driver, instance or binding is left is reported as a leak; returns how many there were. */
IM_PASSIVE unsigned im_core_destroy(void);

/** Make the calling thread a control thread, so that it may call the core. -EAGAIN: there are too many. */
IM_PASSIVE int im_thread_attach(void);
IM_PASSIVE void im_thread_detach(void);

/** What a control thread does again and again: queued work, timers, hang checks, watchdogs. @p now_ns: monotonic. */
IM_PASSIVE void im_tick(uint64_t now_ns);

/** What a worker does once a turn: deferred calls. */
IM_DISPATCH void im_run_dpcs(struct im_worker *worker);

/** Wait, with the lock held, until something under it may have changed or a moment has passed; runs queued work. */
IM_PASSIVE void im_core_wait(void);

/** Run the work that is queued now. */
IM_PASSIVE void im_run_work(void);

/** What drivers that went had not given back, since the start. Level: any. */
uint32_t im_leaked(void);

/* ---- Loading ------------------------------------------------------------------------------------- */

/**
 * Load a driver by running its entry. NOT_ACCEPTED: the name is in use; INVALID_PARAMETER: it is too long; BAD_VERSION:
 * it was built for another interface or DPDK; RESOURCES; otherwise what the entry returned. A failed entry leaves
 * nothing, and its unload handler is not called [1.12-1.15].
 */
IM_PASSIVE im_status_t im_load_driver(const char *name, im_driver_entry_t entry, const char *description);
IM_PASSIVE im_status_t im_load_module(const struct im_module *module, void *library);

/** Load the shared object at @p path. On a failure @p error says why. */
IM_PASSIVE im_status_t im_load_shared_driver(const char *path, char *error, size_t size);

/** Load the built-in driver @p name. FAILURE: there is none. */
IM_PASSIVE im_status_t im_load_builtin_driver(const char *name);

/** Load every built-in driver. Returns the first failure, with its name in *failed. */
IM_PASSIVE im_status_t im_load_builtin_drivers(const char **failed);

/**
 * Unload a driver: with @p uninstall its bindings are unbound and its uninstall handler runs first [1.28]; then its
 * unload handler, once no control device of it is open any more [1.30]. NOT_ACCEPTED: instances or bindings of it are
 * in use and @p uninstall is false, or it is being unloaded; FAILURE: there is none.
 */
IM_PASSIVE im_status_t im_unload_driver(const char *name, bool uninstall);

/** Unload all, latest loaded first [1.19, 1.20]. */
IM_PASSIVE void im_unload_drivers(void);

/** Find by name; the object is good as long as nobody unloads, halts or unbinds it: hold instances for longer. */
IM_PASSIVE struct im_driver_object *im_find_driver(const char *name);
IM_PASSIVE struct im_instance *im_find_instance(const char *name);

/** Find and hold: the memory stays until im_release_instance(), even where the instance is gone by then. NULL. */
IM_PASSIVE struct im_instance *im_hold_instance(const char *name);
IM_PASSIVE void im_release_instance(struct im_instance *instance);

/* ---- Instances and bindings ---------------------------------------------------------------------- */

/** Initialise an instance of a plain miniport [2.34], as the core does by itself for a port. */
IM_PASSIVE im_status_t im_start_plain_instance(struct im_driver_object *driver, const char *name, void *device_context);

/** Bind @p driver over the adapter that @p config names; returns when it is complete. CYCLE [10.4]. */
IM_PASSIVE im_status_t im_bind(struct im_driver_object *driver, const struct im_bind_config *config);

/** The same by the driver's name, which may be unloaded at any time. FAILURE: there is none. */
IM_PASSIVE im_status_t im_bind_driver(const char *driver, const struct im_bind_config *config);

/** Bind as soon as the driver registers its protocol, from inside that call [1.4]; take that back. */
IM_PASSIVE void im_bind_when_registered(struct im_waiting_bind *bind);
IM_PASSIVE void im_forget_waiting_bind(struct im_waiting_bind *bind);

/** Unbind one binding: the driver's unbind_adapter has run, and has closed it, when this returns [1.37, 1.38]. */
IM_PASSIVE void im_unbind(struct im_binding *binding);

/** Unbind whatever is bound over @p adapter. FAILURE: no such instance. */
IM_PASSIVE im_status_t im_unbind_over(const char *adapter);

/** Restart: data may flow [10.21]. Bottom up over a stack [10.27]. What the driver's restart handler said, or
 * NOT_ACCEPTED: it is not paused. */
IM_PASSIVE im_status_t im_restart(struct im_instance *instance);

/** Pause: the protocols above stop sending, new sends come back with PAUSED, indications are returned; all packets are
 * home when this returns. Top down [10.25-10.27]. Cannot fail. */
IM_PASSIVE void im_pause(struct im_instance *instance);

/** Reset an instance [7.1-7.6]. */
IM_PASSIVE im_status_t im_reset_instance(struct im_instance *instance);

/** Change the power state: the protocols above are told in order [7.22, 7.23]. */
IM_PASSIVE im_status_t im_set_power(struct im_instance *instance, enum im_power_state power);

/** Give an event to every protocol over @p instance, or with NULL to every binding there is. The first refusal. */
IM_PASSIVE im_status_t im_pnp_event(struct im_instance *instance, struct im_pnp_event *event);

/** Tell every miniport that the card goes down [7.29]. */
IM_PASSIVE void im_shutdown(void);

/** Run a request on an instance and wait for it: what an operator asks. */
IM_PASSIVE im_status_t im_request_instance(struct im_instance *instance, struct im_request *request);

/** The name of the driver whose instance it is; that of the protocol of a binding. Level: any. */
const char *im_driver_of(const struct im_instance *instance);
const char *im_driver_over(const struct im_binding *binding);

/* ---- Control devices ----------------------------------------------------------------------------- */

struct im_handle; /* one open of a device */

/** Open the device @p name. NO_SUCH_DEVICE, RESOURCES, what the driver's open said. */
IM_PASSIVE im_status_t im_open_device(const char *name, struct im_handle **handle);

/** Call it. PENDING: call->core.completed() runs later, once, on any thread. */
IM_PASSIVE im_status_t im_call_device(struct im_handle *handle, struct im_device_call *call);

/** Cleanup, wait for the calls that run, close [8.11, 8.16]. */
IM_PASSIVE void im_close_handle(struct im_handle *handle);

/** Name of the device that it is open on. Level: any. */
const char *im_handle_name(const struct im_handle *handle);

/** Name of the driver that registered it. Level: any. */
const char *im_device_driver(const struct im_device *device);

/** Call @p each for every registered device, with the number of its open handles. */
IM_PASSIVE void im_list_devices(void (*each)(void *context, const struct im_device *device, uint32_t handles),
				void *context);

/* ---- Rules --------------------------------------------------------------------------------------- */

/* Who keeps the policy: what im_change_rules() calls. */
struct im_rule_service {
	/** @p driver asks for @p change, which is filled in. Level: PASSIVE. */
	void (*change)(void *context, const char *driver, struct im_rule_change *change);
	void *context;
};

/** From now on changes of rules go to @p service; NULL: to nobody. */
IM_PASSIVE void im_register_rule_service(const struct im_rule_service *service);

/* ---- Counters ------------------------------------------------------------------------------------ */

/** Add up an account over all threads. */
IM_PASSIVE void im_read_account(uint16_t account, struct im_account *sum);

/** Add up a rule counter over all threads. */
IM_PASSIVE struct im_traffic im_read_rule(uint32_t slot);

/** Zero a rule counter that no block uses any more. */
IM_PASSIVE void im_clear_rule(uint32_t slot);

/** Sends, or packets lent, that are out on an account (an instance's or a binding's), over all threads. */
IM_PASSIVE uint64_t im_outstanding(const struct im_instance *instance);
IM_PASSIVE uint64_t im_binding_outstanding(const struct im_binding *binding);

#endif
