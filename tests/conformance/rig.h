/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbours of the core, written against the drivers' header alone, that do what a test tells them and write down what
 * they were given.
 *
 *      top                a protocol           struct rig_binding
 *       |  m0, m1, ...    IM drivers           struct rig_vnic above, struct rig_binding below
 *      nic                a plain miniport     struct rig_vnic
 *
 * A driver's tables hold what its handlers do. A test replaces any of them, before loading or after; one that is NULL
 * when the driver is loaded is not registered. What the core calls writes the call down first, then calls that.
 *
 *      rig_begin(NULL, 0);                   core and drivers, not loaded
 *      rig.nic->script.sends = RIG_LATER;    how they behave
 *      rig_build(2);                         load, start, bind: nic, m1, m0, top; all running
 *      im_send_packets(rig.top_binding->binding, packets, 4);
 *      assert_int_equal(rig_calls(RIG_send_packets, "nic"), 1);
 *      rig_complete(rig.port, 4, IM_STATUS_SUCCESS);
 *      rig_end();                            unload; nothing may be left
 */
#ifndef CONFORMANCE_RIG_H
#define CONFORMANCE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>

#include "host.h"

#define RIG_DRIVERS_MAX	 8u
#define RIG_OBJECTS_MAX	 64u /* VNICs, and bindings, in all */
#define RIG_LEVELS_MAX	 8u
#define RIG_HELD_MAX	 512u
#define RIG_CALLS_MAX	 4096u
#define RIG_CALL_PACKETS IM_BURST

/* ---- The log ------------------------------------------------------------------------------------- */

/* X(name): handlers as in im.h */
#define RIG_MINIPORT_TABLE(X)                                                                                          \
	X(initialize)                                                                                                  \
	X(halt)                                                                                                        \
	X(query_information)                                                                                           \
	X(set_information)                                                                                             \
	X(cancel_request)                                                                                              \
	X(reset)                                                                                                       \
	X(send_packets)                                                                                                \
	X(send)                                                                                                        \
	X(cancel_send_packets)                                                                                         \
	X(transfer_data)                                                                                               \
	X(return_packets)                                                                                              \
	X(check_for_hang)                                                                                              \
	X(pause)                                                                                                       \
	X(restart)                                                                                                     \
	X(pnp_event_notify)                                                                                            \
	X(adapter_shutdown)

#define RIG_PROTOCOL_TABLE(X)                                                                                          \
	X(unbind_adapter)                                                                                              \
	X(open_adapter_complete)                                                                                       \
	X(close_adapter_complete)                                                                                      \
	X(send_complete)                                                                                               \
	X(receive_packets)                                                                                             \
	X(receive)                                                                                                     \
	X(receive_complete)                                                                                            \
	X(transfer_data_complete)                                                                                      \
	X(request_complete)                                                                                            \
	X(reset_complete)                                                                                              \
	X(status)                                                                                                      \
	X(status_complete)                                                                                             \
	X(pnp_event)

/* ... and what a driver does by itself */
#define RIG_HANDLER_TABLE(X)                                                                                           \
	X(driver_entry)                                                                                                \
	X(unload)                                                                                                      \
	X(uninstall)                                                                                                   \
	RIG_MINIPORT_TABLE(X)                                                                                          \
	X(bind_adapter)                                                                                                \
	RIG_PROTOCOL_TABLE(X)

enum rig_handler {
#define X(name) RIG_##name,
	RIG_HANDLER_TABLE(X)
#undef X
		RIG_HANDLERS,
};

#define RIG_BIT(handler) (UINT64_C(1) << RIG_##handler)
/** Handlers of coming and going. */
#define RIG_LIFE                                                                                                       \
	(RIG_BIT(driver_entry) | RIG_BIT(unload) | RIG_BIT(uninstall) | RIG_BIT(initialize) | RIG_BIT(halt) |          \
	 RIG_BIT(bind_adapter) | RIG_BIT(unbind_adapter))
#define RIG_ALL ((UINT64_C(1) << RIG_HANDLERS) - 1)

/** One call of a handler. What its table in im.h names otherwise: */
struct rig_call {
	enum rig_handler handler;
	const char *name; /* of the VNIC, the binding or the driver */
	uint32_t thread;  /* index of the thread that called */
	uint8_t level;	  /* enum im_level that it was called at */
	uint16_t count;	  /* packets */
	struct im_packet *packets[RIG_CALL_PACKETS];
	uint16_t statuses[RIG_CALL_PACKETS]; /* of the packets, as they came */
	const void *buffer; /* of requests and status; the request of request_complete; a receive or device context */
	uint32_t length;    /* of that; of the packet behind a look-ahead; of a transfer */
	uint32_t value;	    /* OID, cancel id, indication, event, status of a completion, offset of a transfer */
	uint32_t power;	    /* of an event */
	im_status_t result; /* that it returned, once it has */
	bool returned;
};

/** The @p nth call (from 0) of @p handler for @p name; NULL: any name. NULL: there was none. */
const struct rig_call *rig_call(enum rig_handler handler, const char *name, unsigned nth);
/** How many there were. */
unsigned rig_calls(enum rig_handler handler, const char *name);
/** How many packets came in all of them, how many with @p status. */
unsigned rig_packets_seen(enum rig_handler handler, const char *name);
unsigned rig_packets_with(enum rig_handler handler, const char *name, im_status_t status);
/** What came in those calls, in order, is exactly this. */
#define rig_expect_packets(handler, name, packets, count)                                                              \
	rig_expect_packets_at(__FILE__, __LINE__, handler, name, packets, count)
void rig_expect_packets_at(const char *file, int line, enum rig_handler handler, const char *name,
			   struct im_packet *const *packets, unsigned count);
/** The calls of @p handlers (RIG_BIT() or RIG_LIFE) as a text: "bind_adapter:m0 initialize:m0". */
const char *rig_story(uint64_t handlers);
void rig_forget(void);

/** Called at the beginning of each handler, on its thread; NULL: nothing is. rig_begin() takes it away. */
extern void (*rig_at_call)(enum rig_handler handler, const char *name);

/* ---- Drivers ------------------------------------------------------------------------------------- */

enum rig_kind {
	RIG_NIC, /* a plain miniport */
	RIG_MID, /* both edges: passes everything on */
	RIG_TOP, /* a protocol */
};

/* Variants of a nic. */
#define RIG_SERIALISED	0x01u /* its instances are not deserialised */
#define RIG_SINGLE	0x02u /* it has send instead of send_packets */
#define RIG_NO_RETURN	0x04u /* it has no return_packets */
#define RIG_NO_TRANSFER 0x08u /* it has no transfer_data */

/* When what a handler began is done. */
enum rig_when {
	RIG_INLINE, /* inside the handler */
	RIG_BEFORE, /* before the handler returns, on another thread */
	RIG_AFTER,  /* at any time, on another thread */
	RIG_LATER,  /* when the test says so */
};
#define RIG_WHENS 4u

/* How the handlers that no test has replaced behave. Zeroed: inline, successful. */
struct rig_script {
	enum rig_when sends;   /* completed */
	enum rig_when returns; /* packets received, each `references` times */
	enum rig_when requests;
	enum rig_when resets;
	enum rig_when pauses;
	enum rig_when transfers;
	enum rig_when events; /* pnp_event */
	enum rig_when binds;  /* bind_adapter pends, and completes ... */
	enum rig_when unbinds;
	uint16_t references;
	uint32_t room; /* packets that a serialised nic takes before it refuses; 0: all */
	im_status_t send_status;
	im_status_t reset_status;
	bool addressing_reset;
	im_status_t event_status;
	im_status_t restart_status;
	im_status_t initialize_status;
	bool hung;	     /* check_for_hang says */
	uint32_t attributes; /* set besides those of the kind */
};

struct rig_driver {
	const char *name;
	enum rig_kind kind;
	unsigned variant;
	struct rig_script script;
	struct im_miniport_characteristics miniport; /* what its handlers do */
	struct im_protocol_characteristics protocol;
	im_status_t (*entry)(struct rig_driver *driver, struct im_driver_object *object);
	void (*unload)(struct rig_driver *driver);
	/* once it is loaded */
	struct im_wrapper *wrapper;
	struct im_miniport *miniport_handle;
	struct im_protocol *protocol_handle;
	uint32_t slot;
};

/* A value that a nic answers with, and takes. */
struct rig_value {
	uint32_t oid;
	uint32_t length;
	bool settable;
	uint8_t bytes[64];
};

/* A VNIC of a mid, or a nic. */
struct rig_vnic {
	char name[SLUICE_NAME_SIZE];
	struct rig_driver *driver;
	struct rig_binding *below; /* of a mid */
	struct im_instance *instance;
	void *device_context;
	struct im_event initialized;
	bool asked; /* for its initialisation */
	struct rig_value values[8];
	struct im_packet *held[RIG_HELD_MAX]; /* sends that wait for rig_complete() */
	uint32_t held_count;
	struct { /* the request that is out */
		uint32_t oid, length;
		void *buffer;
		uint32_t *done, *needed;
		bool set;
	} request;
	struct im_request forwarded; /* a mid's, below */
	uint32_t taken;		     /* packets, by a serialised nic: see script.room */
};

/* A binding of a top or a mid. */
struct rig_binding {
	char name[SLUICE_NAME_SIZE]; /* its first VNIC's, or what the host called it */
	char adapter[SLUICE_NAME_SIZE];
	struct rig_driver *driver;
	struct im_binding *binding;
	struct im_open open;
	const struct im_bind_config *config; /* while the bind pends */
	void *unbind_context;		     /* while the unbind pends */
	struct rig_vnic *vnics[RIG_OBJECTS_MAX];
	uint32_t vnic_count;
	struct im_packet *held[RIG_HELD_MAX]; /* received, to be returned by rig_return() */
	uint32_t held_count;
	struct im_pnp_event *event; /* that pends */
	struct im_request *waited;  /* by rig_request(), which wants to know ... */
	im_status_t waited_status;  /* ... this */
	struct im_event answered;
	struct im_event closed;
	bool forward_status; /* of a mid: the next status_complete goes up */
	bool clears_filter;  /* of a mid: before it closes */
};

/** Make a driver; it is not loaded. @p name is kept. */
struct rig_driver *rig_driver(const char *name, enum rig_kind kind, unsigned variant);

/** Load it with its entry. */
im_status_t rig_load(struct rig_driver *driver);
/** What rig_driver() set as entry: registers in the order of the contract, clears up where a step fails. */
im_status_t rig_default_entry(struct rig_driver *driver, struct im_driver_object *object);
void rig_default_unload(struct rig_driver *driver);
/** The tables of trampolines for what the driver's own tables hold: for a test's own entry. */
void rig_fill(const struct rig_driver *driver, struct im_miniport_characteristics *miniport,
	      struct im_protocol_characteristics *protocol);

struct rig_vnic *rig_vnic(const char *name);	   /* NULL: there is none */
struct rig_binding *rig_binding(const char *name); /* that is open; NULL: there is none */
struct rig_binding *rig_newest_binding(void);	   /* open, or its bind pends */

/** Inside a handler that has no context: the driver whose it is. */
struct rig_driver *rig_current(void);

/* ---- Stacks -------------------------------------------------------------------------------------- */

extern struct rig {
	struct rig_driver *nic, *mid, *top;
	struct rig_vnic *port;		 /* "nic" */
	struct rig_binding *top_binding; /* "top" */
} rig;

/** The core with @p options, and drivers nic (of this variant), mid and top, not loaded. */
void rig_begin(const struct host_options *options, unsigned nic_variant);

/** Load them, start "nic", bind @p levels mids ("m0" uppermost) and "top"; restart all; set a packet filter. */
void rig_build(unsigned levels);

/** The parts of rig_build(). */
void rig_load_all(void);
void rig_start_nic(const char *name);
struct rig_vnic *rig_start_nic_of(struct rig_driver *driver, const char *name); /* a nic of another kind */
im_status_t rig_bind(const char *driver, const char *adapter, const char *name);

/** Take everything down and fail where something is left. */
void rig_end(void);

/* ---- What a test makes its neighbours do --------------------------------------------------------- */

/** Complete the first @p count sends that a nic holds, or one of them. */
void rig_complete(struct rig_vnic *vnic, uint32_t count, im_status_t status);
void rig_complete_one(struct rig_vnic *vnic, struct im_packet *packet, im_status_t status);

/** Return, once each, the first @p count packets that a binding holds. */
void rig_return(struct rig_binding *binding, uint32_t count);

/** Answer the request that is out at a nic: with its value, or with an error. */
void rig_complete_request(struct rig_vnic *vnic, im_status_t status);

/** Complete the bind, unbind or event of a binding that pends. */
void rig_complete_bind(struct rig_binding *binding, im_status_t status);
void rig_complete_unbind(struct rig_binding *binding);
void rig_complete_event(struct rig_binding *binding, im_status_t status);

/** Indicate packets, each with @p status. */
void rig_indicate(struct rig_vnic *vnic, struct im_packet **packets, uint16_t count, im_status_t status);

/** Indicate a frame by its first @p lookahead bytes behind the 14 of its header; transfers come from the same bytes. */
void rig_indicate_lookahead(struct rig_vnic *vnic, const void *frame, uint32_t length, uint32_t lookahead);

/** What a nic answers for @p oid; made where it is new. */
struct rig_value *rig_value(struct rig_vnic *vnic, uint32_t oid);

/** A request from a protocol that waits for its end. */
im_status_t rig_request(struct rig_binding *binding, struct im_request *request);

/* ---- Packets ------------------------------------------------------------------------------------- */

/** A packet with @p length bytes of data of its own, 0x00 0x01 ..., in segments of at most @p segment bytes (0: one).
 */
struct im_packet *rig_packet(uint16_t slots, uint32_t length, uint32_t segment);
struct im_packet *rig_packet_of(const void *frame, uint32_t length);
/** @p count packets of 60, 61, ... bytes. */
void rig_packets(struct im_packet **packets, uint16_t count);
/** Free them; each must be nobody's. */
void rig_packets_free(struct im_packet **packets, uint16_t count);
/** Copy what a packet holds. Returns its bytes. */
uint32_t rig_packet_read(const struct im_packet *packet, void *bytes, uint32_t room);

/* ---- For the rig's files ------------------------------------------------------------------------- */

struct rig_call *rig_note(enum rig_handler handler, const char *name);
void rig_note_packets(struct rig_call *call, struct im_packet **packets, uint16_t count);
im_status_t rig_noted(struct rig_call *call, im_status_t result);
/** Run @p run when it is time, on another thread where that says so. RIG_LATER: nothing. The argument is freed by run.
 */
void rig_do(enum rig_when when, bool passive, void (*run)(void *argument), void *argument);
/** A test's asserts jump back to the test; in a handler, which may be on another thread, there is no way but out. */
_Noreturn void rig_broken(const char *what);
void *rig_allocate(size_t size);

void rig_nic_defaults(struct rig_driver *driver);
void rig_mid_defaults(struct rig_driver *driver);
void rig_top_defaults(struct rig_driver *driver);
im_status_t rig_nic_query(void *context, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
			  uint32_t *needed);
im_status_t rig_nic_set(void *context, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
			uint32_t *needed);
void rig_nic_cancel_request(void *context);
void rig_nic_values(struct rig_vnic *vnic);
/** Both kinds of protocol edge bind and unbind alike. */
im_status_t rig_bind_adapter(const struct im_bind_config *config);
im_status_t rig_initialize_vnic(struct rig_vnic *vnic, struct im_instance *instance, uint32_t attributes);
void rig_halt_vnic(void *context);
im_status_t rig_unbind_adapter(void *context, void *unbind_context);
void rig_open_complete(void *context, im_status_t status);
void rig_close_complete(void *context);
struct rig_vnic *rig_new_vnic(struct rig_driver *driver, const char *name);
struct rig_binding *rig_new_binding(struct rig_driver *driver, const struct im_bind_config *config);
void rig_objects_reset(void);
void rig_drivers_reset(void);
void rig_stop_nics(void);
void rig_fill_tables(const struct rig_driver *driver, struct im_miniport_characteristics *miniport,
		     struct im_protocol_characteristics *protocol);
void rig_register_unload(struct rig_driver *driver);
const char *rig_handler_text(enum rig_handler handler);
void rig_set_current(struct rig_driver *driver);

#endif
