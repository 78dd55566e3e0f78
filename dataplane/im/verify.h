/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The verifier: watches that drivers, and the core, keep the contract.
 *
 * It is off until im_verify() and then costs one test of a word of the thread's own (worker->careful) at each call and
 * at each handler of the packet path. What is on:
 *   - the level, the locks held and the handlers entered of each thread (9.1-9.24, 12.24-12.26, 12.60);
 *   - the owner, the state and the last call sites of each packet (12.58);
 *   - the states of instances, bindings and requests (12.59), and watchdogs over each call-out and each wait
 * (12.17-12.20);
 *   - poison over what a driver may no longer look at (2.57);
 *   - on request: the n-th core call or allocation fails (12.62), completions take another way (12.61).
 *
 * Always on, because they cost nothing: what each driver has taken and not given back (1.22, 12.30-12.32), and the
 * checks without which memory would be freed twice.
 */
#ifndef IM_VERIFY_H
#define IM_VERIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "level.h"
#include "sync.h"
#include "worker.h"

struct im_binding;
struct im_instance;
struct im_packet;
struct im_request;
struct im_request_queue;
struct im_wrapper;

/** Whether the verifier watches what this thread does. A build without it is for the benchmark of what it costs. Level:
 * any. */
static inline bool im_is_watched(const struct im_worker *worker)
{
#ifdef IM_WITHOUT_VERIFIER
	(void)worker;
	return false;
#else
	return worker->careful & IM_CAREFUL_VERIFY;
#endif
}

/* ---- Violations ---------------------------------------------------------------------------------- */

/* What happens on a violation. X(name, option text, text) */
#define IM_VERIFY_ACTION_TABLE(X)                                                                                      \
	X(STOP, "stop", "say so and stop the firmware")                                                                \
	X(FAIL_CLOSED, "fail-closed", "quarantine the driver: its instances let nothing through")                      \
	X(FAIL_OPEN, "fail-open", "quarantine the driver: its instances let everything through")                       \
	X(COUNT, "count", "count it, leave out the call that broke the contract, and go on")

enum im_verify_action {
#define X(name, option, text) IM_VERIFY_##name,
	IM_VERIFY_ACTION_TABLE(X)
#undef X
};

/* When a completion, a return or an initialisation that the core hands on arrives (12.61). X(name, option text, text)
 */
#define IM_VERIFY_SCHEDULE_TABLE(X)                                                                                    \
	X(INLINE, "inline", "at once, inside the call")                                                                \
	X(LATER, "later", "after the call has returned, on the same thread")                                           \
	X(OTHER, "other-core", "on another thread")                                                                    \
	X(RANDOM, "random", "one or the other, drawn for each")

enum im_verify_schedule {
#define X(name, option, text) IM_SCHEDULE_##name,
	IM_VERIFY_SCHEDULE_TABLE(X)
#undef X
};

struct im_verify_options {
	enum im_verify_action action;
	enum im_verify_schedule schedule;
	uint64_t seed;	    /* of RANDOM */
	uint32_t fail_call; /* the n-th core call that can fail fails; 0: none */
	uint32_t fail_allocation;
	uint32_t send_limit_ms;	    /* 30 000 [12.18] */
	uint32_t progress_limit_ms; /* 22 000 [12.19] */
	uint32_t request_limit_ms;  /* 12 000 [12.20] */
	uint32_t handler_limit_ms;  /* of one call-out [12.17] */
	uint32_t wait_limit_ms;	    /* of halt, pause, unbind for packets that are out [12.17] */
};

/** The limits of the contract, STOP, INLINE. */
extern const struct im_verify_options im_verify_defaults;

/** Switch the verifier on. After im_core_create(), before a driver is loaded. -ENOMEM; -ENOTSUP: this
 * build is without it. Level: PASSIVE. */
IM_PASSIVE int im_verify(const struct im_verify_options *options);

/** Whether it is on. Level: any. */
bool im_is_verified(void);

/** Switch it off and free what it has. im_core_destroy() calls it. The last violation stays. Level: PASSIVE. */
IM_PASSIVE void im_verify_end(void);

/** Set fail_call and fail_allocation anew, counted from now. Level: PASSIVE. */
IM_PASSIVE void im_verify_fail(uint32_t fail_call, uint32_t fail_allocation);

/** Violations since the start. Level: any. */
uint64_t im_violations(void);

/** The last violation as it was printed, or "". Level: any. */
const char *im_last_violation(void);

/**
 * The contract is broken, by @p driver or by the core: say which statement. Without the verifier, or where its action
 * is STOP, it does not return: going on would mean a packet freed twice or touched after it was given away. Otherwise
 * the driver is quarantined or the violation counted, and the caller leaves out what would have broken the contract.
 * Level: any.
 */
void im_violation(const char *statement, const char *driver, const char *what);

/** IM_GATE_QUARANTINE where a driver is quarantined, otherwise 0: for what it initialises or opens then. Level: any. */
uint32_t im_quarantine_gate(const struct im_wrapper *wrapper);

/** Whether a driver of this name is in quarantine. Level: any. */
bool im_is_quarantined(const char *driver);

/** A driver is unloaded: the next one of its name is another one. Level: any. */
void im_unquarantine(const char *driver);

/* ---- What drivers own ---------------------------------------------------------------------------- */

/* X(name, text) */
#define IM_OBJECT_TABLE(X)                                                                                             \
	X(MEMORY, "memory")                                                                                            \
	X(POOL, "packet pool")                                                                                         \
	X(TIMER, "timer")                                                                                              \
	X(WORK, "work item")                                                                                           \
	X(DPC, "deferred call")                                                                                        \
	X(DEVICE, "control device")

enum im_object_kind {
#define X(name, text) IM_OBJECT_##name,
	IM_OBJECT_TABLE(X)
#undef X
};

/* Something that a driver has taken: embedded in it. */
struct im_object {
	LIST_ENTRY(im_object) link;
	struct im_wrapper *owner;
	const char *tag;
	uint64_t since_ns;
	enum im_object_kind kind;
};

/* All that one driver has. */
struct im_owned {
	struct im_lock lock;
	LIST_HEAD(, im_object) objects;
	uint32_t count;
	uint32_t deferred; /* work items, deferred calls, timer functions: queued or running [1.23]; of those, ... */
	uint32_t lent;	   /* ... the core's own */
	const char *name;  /* of the driver, good for ever: see im_kept_name() */
};

/** Level: any. */
void im_own(struct im_wrapper *wrapper, struct im_object *object, enum im_object_kind kind, const char *tag);
void im_disown(struct im_object *object);

/** Report what @p wrapper's driver still has, with kind, tag and age, as a violation of 1.22. Returns how much. Level:
 * PASSIVE. */
IM_PASSIVE uint32_t im_report_leaks(struct im_wrapper *wrapper);

/** Buffers that a port has lent to whoever is at its far end, which is no driver: the port counts them itself. */
struct im_lent {
	uint64_t lent; /* ever */
	uint64_t returned;
	uint64_t forfeited; /* by those that are gone */
};

/** The port @p port of @p driver goes, and what it has lent should be back. What is out is a violation of 12.16; the
 * verifier tells the account in any case. Returns how many are out. Level: PASSIVE. */
IM_PASSIVE uint64_t im_report_lent(const char *driver, const char *port, const struct im_lent *lent);

/* ---- Levels, locks, handlers --------------------------------------------------------------------- */

/* What a handler is called for: the object of its frame. */
enum im_subject_kind {
	IM_SUBJECT_DRIVER,
	IM_SUBJECT_INSTANCE,
	IM_SUBJECT_BINDING,
	IM_SUBJECT_BIND, /* one that is under way: there is no binding yet */
	IM_SUBJECT_HANDLE,
	IM_SUBJECT_WORK,
	IM_SUBJECT_TIMER,
	IM_SUBJECT_DPC,
};

/* Handlers that the core calls. X(name, level, statement of that level, enum im_subject_kind) */
#define IM_HANDLER_TABLE(X)                                                                                            \
	X(driver_entry, PASSIVE, "9.1", DRIVER)                                                                        \
	X(unload, PASSIVE, "9.1", DRIVER)                                                                              \
	X(uninstall, PASSIVE, "9.1", DRIVER)                                                                           \
	X(initialize, PASSIVE, "9.2", INSTANCE)                                                                        \
	X(halt, PASSIVE, "9.2", INSTANCE)                                                                              \
	X(pause, PASSIVE, "9.2", INSTANCE)                                                                             \
	X(restart, PASSIVE, "9.2", INSTANCE)                                                                           \
	X(reset, PASSIVE, "9.6", INSTANCE)                                                                             \
	X(query_information, PASSIVE, "9.7", INSTANCE)                                                                 \
	X(set_information, PASSIVE, "9.7", INSTANCE)                                                                   \
	X(cancel_request, DISPATCH, "9.6", INSTANCE)                                                                   \
	X(check_for_hang, PASSIVE, "9.8", INSTANCE)                                                                    \
	X(pnp_event_notify, PASSIVE, "9.1", INSTANCE)                                                                  \
	X(adapter_shutdown, DISPATCH, "9.9", INSTANCE)                                                                 \
	X(send_packets, DISPATCH, "9.5", INSTANCE)                                                                     \
	X(send, DISPATCH, "9.5", INSTANCE)                                                                             \
	X(cancel_send_packets, DISPATCH, "9.5", INSTANCE)                                                              \
	X(transfer_data, DISPATCH, "9.5", INSTANCE)                                                                    \
	X(return_packets, DISPATCH, "9.5", INSTANCE)                                                                   \
	X(bind_adapter, PASSIVE, "9.1", BIND)                                                                          \
	X(unbind_adapter, PASSIVE, "9.1", BINDING)                                                                     \
	X(open_adapter_complete, PASSIVE, "9.1", BINDING)                                                              \
	X(close_adapter_complete, PASSIVE, "9.1", BINDING)                                                             \
	X(send_complete, DISPATCH, "9.5", BINDING)                                                                     \
	X(receive_packets, DISPATCH, "9.5", BINDING)                                                                   \
	X(receive, DISPATCH, "9.5", BINDING)                                                                           \
	X(receive_complete, DISPATCH, "9.5", BINDING)                                                                  \
	X(transfer_data_complete, DISPATCH, "9.5", BINDING)                                                            \
	X(request_complete, DISPATCH, "9.5", BINDING)                                                                  \
	X(reset_complete, DISPATCH, "9.6", BINDING)                                                                    \
	X(status, DISPATCH, "9.5", BINDING)                                                                            \
	X(status_complete, DISPATCH, "9.5", BINDING)                                                                   \
	X(pnp_event, PASSIVE, "9.1", BINDING)                                                                          \
	X(device_open, PASSIVE, "8.19", HANDLE)                                                                        \
	X(device_call, PASSIVE, "8.19", HANDLE)                                                                        \
	X(device_cleanup, PASSIVE, "8.19", HANDLE)                                                                     \
	X(device_close, PASSIVE, "8.19", HANDLE)                                                                       \
	X(work, PASSIVE, "9.1", WORK)                                                                                  \
	X(timer, DISPATCH, "9.5", TIMER)                                                                               \
	X(dpc, DISPATCH, "9.5", DPC)

enum im_handler {
#define X(name, level, statement, subject) IM_HANDLER_##name,
	IM_HANDLER_TABLE(X)
#undef X
};

/* One handler that a thread is inside of: on its stack, linked to the one outside. */
struct im_frame {
	struct im_frame *outer;
	const struct im_wrapper *wrapper; /* whose handler it is */
	const void *object;		  /* what it is called for: see IM_HANDLER_TABLE */
	uint64_t begun_ns;
	uint16_t handler; /* enum im_handler */
	uint16_t locks;	  /* held by the thread when it began */
	uint8_t level;	  /* of the thread when it began */
	bool entered;	  /* false: the verifier was off */
};

void im_enter_slow(struct im_frame *frame, enum im_handler handler, const struct im_wrapper *wrapper,
		   const void *object);
void im_leave_slow(struct im_frame *frame);

/** Around each call of a driver's handler. Level: any. */
static inline void im_enter(struct im_frame *frame, enum im_handler handler, const struct im_wrapper *wrapper,
			    const void *object)
{
	frame->entered = im_is_watched(im_this_worker);
	if (unlikely(frame->entered))
		im_enter_slow(frame, handler, wrapper, object);
}

static inline void im_leave(struct im_frame *frame)
{
	if (unlikely(frame->entered))
		im_leave_slow(frame);
}

/** The driver whose handler the calling thread is in, or "the core"; what that handler is for, or NULL. Known where the
 * verifier is on. Level: any. */
const char *im_running_driver(void);
const void *im_running_object(void);

/** A lock is to be taken, to be released: whether that is legal [9.23, 9.24]. Where the verifier is on. Level: any. */
bool im_verify_acquire(const struct im_lock *lock, const void *site);
bool im_verify_release(const struct im_lock *lock);

/**
 * Raise a thread to DISPATCH, and make a control thread a reader of the grace period, for as long as it is in the
 * packet path or a deferred function. Returns what im_lower() needs. Level: any.
 */
uint8_t im_raise(struct im_worker *worker);
void im_lower(struct im_worker *worker, uint8_t before);

/** At the entry of a core call that is for PASSIVE alone: whether it may go on [9.3]. Level: any. */
bool im_passive_call(const char *call);

/** At the entry of a core call that a driver's lock may not be held over [9.22]: checked where the verifier is on. */
void im_unlocked_call(const char *call);

/** Whether the instance or the binding that a core call names is still there; where not, that has been said as a
 * violation of @p statement, and the call looks at nothing behind it. Checked where the verifier is on. Level: any. */
bool im_usable_handle(const void *handle, const char *call, const char *statement);

/** Whether this core call, or this allocation, is the one that is to fail [12.62]. Level: any. */
bool im_fault_call(void);
bool im_fault_allocation(void);

/** Whether the core is to let the next thing that may come later come later: an open, a close, an initialize [12.61].
 */
bool im_verify_later(void);

/** The same as one of INLINE, LATER and OTHER. Level: any. */
enum im_verify_schedule im_verify_choose(void);

/** Packets for which there was no room in the table: they were not watched. Level: any. */
uint64_t im_verify_untracked(void);

/** Calls and allocations that were made to fail since im_verify() or im_verify_fail(). Level: any. */
uint32_t im_verify_failed(void);

/* ---- Packets ------------------------------------------------------------------------------------- */

/*
 * The calls of the packet path for a careful thread: the verifier is on, or it is a control thread, which must become a
 * reader of the grace period for the length of the call. They check, then do what the plain ones do (send.c,
 * receive.c).
 */
IM_DISPATCH void im_careful_send(struct im_binding *binding, struct im_packet **packets, uint16_t count,
				 const void *site);
IM_DISPATCH void im_careful_send_complete(struct im_instance *instance, struct im_packet **packets, uint16_t count,
					  const void *site);
IM_DISPATCH void im_careful_indicate(struct im_instance *instance, struct im_packet **packets, uint16_t count,
				     const void *site);
IM_DISPATCH void im_careful_return(struct im_binding *binding, struct im_packet **packets, uint16_t count,
				   const void *site);

/* The plain ones. */
IM_DISPATCH void im_plain_send(struct im_binding *binding, struct im_packet **packets, uint16_t count);
IM_DISPATCH void im_plain_send_complete(struct im_instance *instance, struct im_packet **packets, uint16_t count);
IM_DISPATCH void im_plain_indicate(struct im_instance *instance, struct im_packet **packets, uint16_t count);
IM_DISPATCH void im_plain_return(struct im_binding *binding, struct im_packet **packets, uint16_t count);

/** A packet goes home to the instance that lent it: its last return was made. Where the verifier is on. Level:
 * DISPATCH. */
IM_DISPATCH void im_verify_home(const struct im_instance *owner, struct im_packet **packets, uint16_t count);

/** One of several receivers has said how often it will return each packet [5.12]. Where the verifier is on. Level:
 * DISPATCH. */
IM_DISPATCH void im_verify_promised(const struct im_binding *receiver, struct im_packet **packets,
				    const uint16_t *references, uint16_t count);

/** Put bytes that nobody may write to behind something, where there is room for them; whether they still are as they
 * were put there [12.40]. Level: any. */
void im_guard_memory(void *behind, size_t size);
bool im_is_guarded(const void *behind, size_t size);

/** A packet leaves or enters a driver's pool. Level: DISPATCH. */
IM_DISPATCH void im_verify_allocated(struct im_packet *packet, const struct im_wrapper *owner);
IM_DISPATCH void im_verify_freed(struct im_packet *packet, const struct im_wrapper *owner);

/** Sends go back to their sender over @p binding, whoever completes them. Where the verifier is on. Level: DISPATCH. */
IM_DISPATCH void im_verify_back(const struct im_binding *binding, struct im_packet **packets, uint16_t count);

/** The core sends, or lends upward, packets in place of a quarantined driver. Where the verifier is on. Level:
 * DISPATCH. */
IM_DISPATCH void im_verify_relayed_send(const struct im_binding *binding, struct im_packet **packets, uint16_t count);
IM_DISPATCH void im_verify_relayed_loan(const struct im_instance *instance, struct im_packet **packets, uint16_t count);

/* ---- States -------------------------------------------------------------------------------------- */

/** An instance, a binding goes from one state to another: whether that is legal [10.21-10.23]. Under the core's lock.
 */
void im_verify_instance_state(const struct im_instance *instance, uint8_t from, uint8_t to);
void im_verify_binding_state(const struct im_binding *binding, uint8_t from, uint8_t to);

/** A plain miniport, which has hardware, has initialised: what it must not do without [12.36, 12.37]. Level: PASSIVE.
 */
IM_PASSIVE void im_verify_hardware(const struct im_instance *instance);

/** An initialize has failed, and halt does not follow: its timers are gone [12.2]. Level: PASSIVE. */
IM_PASSIVE void im_verify_initialize_failed(const struct im_instance *instance);

/** A request has been given to the miniport; has been completed by it. Level: any. */
void im_verify_request_begun(const struct im_request *request);
/**
 * The buffer that a miniport answers a query in: the asker's, or a copy with bytes behind it that nobody may touch
 * [6.3]. Level: PASSIVE.
 */
void *im_verify_lend_buffer(struct im_request_queue *queue, struct im_request *request);

/** Bring what was answered to the asker. False: it wrote past the end. Under the queue's lock. Level: any. */
bool im_verify_take_buffer(struct im_request_queue *queue, struct im_request *request);

void im_verify_request_done(const struct im_request *request, im_status_t status);

/** Give a request that is over back to the protocol that asked: now, later or on another thread, as the schedule says;
 * and how that is done. Where the verifier is on. Level: any. */
void im_verify_deliver_request(struct im_request *request, im_status_t status);
void im_plain_deliver_request(struct im_request *request, im_status_t status);

/* One wait of the core for others. All zero: it has not begun. */
struct im_wait {
	uint64_t begun_ns;
	uint64_t since_ns; /* of the time that is being measured: it begins anew with each report */
};

/** A wait for packets, requests or a handler that pended, in the interest of @p object: pass the same @p wait each time
 * round. After the limit it is a violation of @p statement, told with start, limit, object and thread [12.17]. Level:
 * PASSIVE. */
IM_PASSIVE void im_verify_wait(struct im_wait *wait, const char *statement, const char *driver, const char *object,
			       const char *what);

/** The same for packets that were handed on over @p object, a binding or an instance called @p name: whoever has one is
 * to blame, and @p driver only where nobody is known to. */
IM_PASSIVE void im_verify_wait_packets(struct im_wait *wait, const char *statement, const void *object,
				       const char *driver, const char *name, const char *what);

/** The same for whoever holds @p object, a binding or an instance called @p name: each is told, with where it took it
 * [12.10]. */
IM_PASSIVE void im_verify_wait_holds(struct im_wait *wait, const char *statement, const void *object,
				     const char *driver, const char *name, const char *what);

/** Watchdogs that are due. Level: PASSIVE. */
IM_PASSIVE void im_verify_tick(uint64_t now_ns);

#endif
