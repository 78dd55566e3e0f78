/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The firmware's side of the core, as small as the tests need it: it makes the core, its threads and its clock, loads
 * drivers, binds them, and asks for what an operator asks for. Only host.c knows im/core.h; a test and the neighbours
 * in rig.h do with the drivers' header.
 *
 *   thread 0          the test itself: a control thread
 *   1 ... workers     workers: they run what a test gives them, and deferred calls
 *   HOST_CONTROL ...  more control threads, which start with their first job
 */
#ifndef CONFORMANCE_HOST_H
#define CONFORMANCE_HOST_H

#include "im/im.h"
#include "im/verify.h"

#define HOST_CONTROL	  100u
#define HOST_CONTROLS_MAX 8u
#define HOST_IDLE	  255u /* a control thread that has nothing to do */

struct im_handle;

struct host_options {
	uint32_t workers;
	uint32_t counters;		 /* rule counters; 0: 4 */
	uint32_t buffers;		 /* that drivers can get of the card, all back at the end; 0: none */
	bool unverified;		 /* the verifier stays off */
	struct im_verify_options verify; /* if it is on; all zero: the defaults */
};

/** Make the core. NULL: no workers, the verifier on with its defaults. */
void host_up(const struct host_options *options);

/** Unload what is loaded, destroy the core, and fail where anything is left. */
void host_down(void);

/** The same, but only say how much is left. */
unsigned host_down_leaking(void);

/* ---- Threads and time ---------------------------------------------------------------------------- */

/** Run @p run on another thread and wait for its end. */
void host_on(uint32_t thread, void (*run)(void *argument), void *argument);

/** Have it run there, after what was asked before; host_join() waits. From any thread. */
void host_begin(uint32_t thread, void (*run)(void *argument), void *argument);

/** Wait until all threads have done what they were asked for. */
void host_join(void);

/** A thread other than the calling one: for @p passive work HOST_IDLE, else a worker where there is one. */
uint32_t host_other(bool passive);

/** Let @p ms milliseconds pass for the core's clock, and run what is due. */
void host_tick(uint32_t ms);

/** Run queued work and deferred calls until each thread had many turns: a test that calls it after each step does not
 * depend on the schedule (SLUICE_SCHEDULE=later in the environment sets another one). */
void host_settle(void);

/* ---- Drivers, instances, bindings ---------------------------------------------------------------- */

im_status_t host_load(const char *name, im_driver_entry_t entry);
im_status_t host_unload(const char *name, bool uninstall);
bool host_is_loaded(const char *name);
/** The same by what a driver tells of itself: what becomes of a built-in one and of a shared object. */
im_status_t host_load_module(const struct im_module *module);
im_status_t host_load_builtin(const char *name);
/** What a driver has taken and not given back, its instances, its bindings and its open devices. */
unsigned host_objects(const char *driver);

/** An instance of a plain miniport. */
im_status_t host_start(const char *driver, const char *name, void *device_context);
im_status_t host_stop(const char *name);
/** The same, where another thread may be taking it away just now. */
void host_stop_if_there(const char *name);

/** Bind @p driver over @p adapter, with these VNICs; @p vnics ends with NULL. */
im_status_t host_bind(const char *driver, const char *adapter, const char *const *vnics);

/** The same with a text for each VNIC. */
im_status_t host_bind_with(const char *driver, const char *adapter, const char *const *vnics,
			   const char *const *parameters);

/** Have @p driver bind as soon as it registers its protocol (1.4). One at a time; @p vnics stays until it is done. */
void host_bind_when_registered(const char *driver, const char *adapter, const char *const *vnics);
/** What became of that. PENDING: not yet. */
im_status_t host_waiting_bind(void);
void host_forget_waiting_bind(void);

/** Unbind whatever is bound over an adapter. */
im_status_t host_unbind_over(const char *adapter);
void host_unbind(struct im_binding *binding);

bool host_exists(const char *instance);
/** The state of an instance (enum sluice_instance_state); it must exist. */
uint8_t host_state(const char *instance);
/** Sends and loans that the core counts as out. */
uint64_t host_outstanding(const char *instance);

im_status_t host_restart(const char *instance);
void host_pause(const char *instance);
im_status_t host_reset(const char *instance);
im_status_t host_set_power(const char *instance, enum im_power_state power);
im_status_t host_pnp_event(const char *instance, struct im_pnp_event *event); /* NULL: everybody's */
void host_shutdown(void);

/** An operator's request; waits for its end. */
im_status_t host_query(const char *instance, uint32_t oid, void *buffer, uint32_t length, uint32_t *written,
		       uint32_t *needed);
im_status_t host_set(const char *instance, uint32_t oid, const void *buffer, uint32_t length, uint32_t *read,
		     uint32_t *needed);

/** What the accounts of an instance say. */
struct im_account host_account(const char *instance);

/* ---- Control devices ----------------------------------------------------------------------------- */

im_status_t host_open(const char *device, struct im_handle **handle);
im_status_t host_call(struct im_handle *handle, struct im_device_call *call);
void host_close(struct im_handle *handle);
bool host_has_device(const char *device);

/** Who keeps the policy: gets what drivers ask for with im_change_rules(), on their thread. NULL: nobody. Forgotten by
 * host_down(). */
void host_serve_rules(void (*change)(const char *driver, struct im_rule_change *change));

/* ---- Violations and faults ----------------------------------------------------------------------- */

/** Expect that @p run, in a child that makes its own core, breaks @p statement and is stopped. */
#define host_expect_stop(statement, run) host_expect_stop_at(__FILE__, __LINE__, statement, NULL, run)
/** The same, with @p driver to blame. */
#define host_expect_stop_by(statement, driver, run) host_expect_stop_at(__FILE__, __LINE__, statement, driver, run)
void host_expect_stop_at(const char *file, int line, const char *statement, const char *driver, void (*run)(void));

/** Expect that since the last look exactly this was violated once, where the verifier only counts. NULL: nothing was.
 */
#define host_expect_counted(statement) host_expect_counted_at(__FILE__, __LINE__, statement)
void host_expect_counted_at(const char *file, int line, const char *statement);

/** Make the @p call-th call of the core, or the @p allocation-th allocation, from now on fail. 0: none. */
void host_fail(uint32_t call, uint32_t allocation);

/** At the end of a test program: CMOCKA_TEST_FILTER in the environment chooses tests by name. */
#define host_run_tests(tests) (host_filter_tests(), cmocka_run_group_tests(tests, NULL, NULL))
void host_filter_tests(void);

#endif
