/* SPDX-License-Identifier: BSD-3-Clause */
/* What the core's files have of each other; who hosts the core needs core.h alone. */
#ifndef IM_INSIDE_H
#define IM_INSIDE_H

#include "core.h"

/** An account for an object called @p name: the one that it had before, with its counts, or one that nobody uses.
 * UINT16_MAX: none. Under the lock. */
uint16_t im_take_account(const char *name);
void im_give_account(uint16_t account);
void im_accounts_reset(void);

struct im_wrapper *im_wrapper_of(const struct im_instance *instance);

/** Whether @p name can be a driver's: 1 to 31 of [A-Za-z0-9_.-]. Level: any. */
bool im_is_driver_name(const char *name);

/** Find by name, under the lock. */
struct im_driver_object *im_lookup_driver(const char *name);
struct im_instance *im_lookup_instance(const char *name);

/** Keep an instance, a binding, in its list while the lock is released; let it go, under the same @p tag. Under the
 * lock.
 */
void im_keep_instance(struct im_instance *instance, const char *tag);
void im_let_go_instance(struct im_instance *instance, const char *tag);
void im_keep_binding(struct im_binding *binding, const char *tag);
void im_let_go_binding(struct im_binding *binding, const char *tag);

/** Change a state; only what the tables of 10.21 and 10.23 allow. Under the lock. */
void im_set_instance_state(struct im_instance *instance, enum sluice_instance_state state);
void im_set_binding_state(struct im_binding *binding, enum im_binding_state state);

/** Wait until no send and no lent packet of @p instance is out; not under the lock. */
IM_PASSIVE void im_wait_for_packets(struct im_instance *instance, const char *statement, const char *what);

/** Begin a change of a binding that is in state @p wanted, when no other runs. Under the lock, released meanwhile. */
IM_PASSIVE bool im_begin_binding_change(struct im_binding *binding, enum im_binding_state wanted);
IM_PASSIVE void im_end_binding_change(struct im_binding *binding);

/** Pause and restart one binding, where it is in the state for it. Under the lock, released meanwhile. */
IM_PASSIVE void im_pause_binding(struct im_binding *binding);
IM_PASSIVE void im_restart_binding(struct im_binding *binding);

/** Show workers the receivers that run now. Under the lock. */
IM_PASSIVE void im_publish_receivers(struct im_instance *instance);

/** Unbind until no binding of @p protocol is left and no bind or unbind is under way. Under the lock, released
 * meanwhile. */
IM_PASSIVE void im_unbind_all(struct im_protocol *protocol);

/** im_unbind() for one that holds the lock; it is released meanwhile. */
IM_PASSIVE void im_unbind_locked(struct im_binding *binding);

/** Give a protocol that has just been registered the bindings that wait for it [1.4]. */
IM_PASSIVE void im_bind_waiting(struct im_protocol *protocol);

/** Wait until no work item of @p wrapper is queued or running [1.23]. */
IM_PASSIVE void im_drain_work(struct im_wrapper *wrapper);

/** Something under the lock has changed: wake who waits. */
IM_PASSIVE void im_core_changed(void);

/** Open or close a gate. */
void im_open_gate(uint32_t *gate, uint32_t bits);
void im_close_gate(uint32_t *gate, uint32_t bits);

/** Timers that are due. */
IM_PASSIVE void im_run_timers(uint64_t now_ns);

/** Begin a change of an instance, when no other runs. Under the lock, released meanwhile. */
IM_PASSIVE void im_begin_change(struct im_instance *instance);
IM_PASSIVE void im_end_change(struct im_instance *instance);

/** The instance goes: complete what is queued with @p status, take no more, cancel what the miniport has [6.25]. Not
 * under the lock. */
IM_PASSIVE void im_close_requests(struct im_instance *instance, im_status_t status);

/** Then wait until the miniport has none, no reset runs, and nobody holds the instance. Not under the lock. */
IM_PASSIVE void im_stop_requests(struct im_instance *instance);

/** Let only the core's own requests go on, and the others again [7.4]. Not under the lock. */
IM_PASSIVE void im_hold_requests(struct im_instance *instance);
IM_PASSIVE void im_resume_requests(struct im_instance *instance);

/** A binding closes: complete what it has queued with REQUEST_ABORTED, cancel what the miniport has of it, and the
 * reset that it waits for [7.10]. Not under the lock. */
IM_PASSIVE void im_abort_requests(struct im_binding *binding);

/** Complete with @p status what the miniport has, where its driver does not [7.5]. Level: any. */
void im_abort_active_request(struct im_instance *instance, im_status_t status);

/** When the miniport got the request that it has now, or UINT64_MAX: it has none. Level: any. */
uint64_t im_request_begun(struct im_instance *instance);

/** A request of the core itself: before all others, and where they are held. request->core.completed follows if this
 * is PENDING. Not under the lock. */
IM_PASSIVE im_status_t im_core_request(struct im_instance *instance, struct im_request *request);

/** The same, and wait. Not under the lock. */
IM_PASSIVE im_status_t im_core_request_wait(struct im_instance *instance, struct im_request *request);

/** What the protocols above want, together (addressing.c). Whether @p request sets a part of it. Level: any. */
bool im_is_addressing(const struct im_request *request);
/** What goes down for such a request. RESOURCES: too many addresses. Not under the lock. */
IM_PASSIVE im_status_t im_merge_addressing(struct im_instance *instance, const struct im_request *request,
					   struct im_addressing *merged);
/** Such a request has succeeded, with @p merged if that went down instead. Level: any. */
void im_remember_addressing(struct im_instance *instance, const struct im_request *request,
			    const struct im_addressing *merged);

/** Offloads and wake-up patterns, for a reset (settings.c). Whether what @p request sets could be given back: else it
 * is not for the miniport. Level: any. */
bool im_has_room_for_setting(struct im_instance *instance, const struct im_request *request);
/** Such a request, or any other set, has succeeded. Under the lock of its queue. Level: any. */
void im_remember_setting(struct im_instance *instance, const struct im_request *request);

/** Begin a reset. @p asked_by, or NULL: the core. RESET_IN_PROGRESS, NOT_RESETTABLE, CLOSING; otherwise the caller has
 * im_run_reset() run, here or as work. Level: any. */
im_status_t im_begin_reset(struct im_instance *instance, struct im_binding *asked_by);
IM_PASSIVE void im_run_reset(struct im_work *work);

/** The protocol that waits for a reset, and the instance, go. Not under the lock. */
IM_PASSIVE void im_abort_reset(struct im_binding *binding);
IM_PASSIVE void im_stop_resets(struct im_instance *instance);

/** Tell all bindings a status and its end, as the core itself does [7.6]. Level: any. */
void im_tell_status(struct im_instance *instance, uint32_t indication, const void *buffer, uint32_t length);

/** Show readers the bindings that are told a status. Under the lock. */
IM_PASSIVE void im_publish_audience(struct im_instance *instance);

/** Back in D0: tell the link's newest state, if it changed meanwhile [7.16]. Level: any. */
void im_tell_slept_indication(struct im_instance *instance);

/** Hang checks that are due [7.11]. */
IM_PASSIVE void im_check_for_hang(uint64_t now_ns);

/** Give @p event to one binding and wait for its answer. The caller holds the binding. Not under the lock. */
IM_PASSIVE im_status_t im_pnp_event_to(struct im_binding *binding, struct im_pnp_event *event);

/** The same to all bindings over @p instance (NULL: to all there are). The first refusal. Not under the lock. */
IM_PASSIVE im_status_t im_tell_pnp_event(struct im_instance *instance, struct im_pnp_event *event);

/** Serialised miniports (serial.c): a queue in the core for what they refuse [4.7, 4.8]. */
IM_PASSIVE struct im_serial *im_serial_create(void);
IM_PASSIVE void im_serial_destroy(struct im_serial *serial);
IM_DISPATCH void im_serial_send(struct im_instance *instance, struct im_packet **packets, uint16_t count);
IM_DISPATCH void im_serial_completed(struct im_instance *instance);
IM_DISPATCH void im_serial_answer(struct im_instance *instance, struct im_packet **packets, uint16_t count,
				  im_status_t status);
IM_DISPATCH void im_serial_cancel(struct im_instance *instance, uint32_t cancel_id);
/** Once a gate is closed: complete with @p status what the core still queues for @p instance, of @p sender or, with
 * NULL, of all [10.25, 10.26]. */
void im_serial_refuse(struct im_instance *instance, const struct im_binding *sender, im_status_t status);
/** The same, and what the miniport itself had, and has lost in a reset [7.5]. */
void im_serial_abort(struct im_instance *instance, im_status_t status);

/** Ask the miniport for its address, where it leaves loopback to the core [4.29]. Before it restarts. */
IM_PASSIVE void im_restart_loopback(struct im_instance *instance);

/** Have the core relay past a driver in quarantine, where @p instance is the one VNIC over one binding; and not any
 * more, before one of the two goes. Either may be NULL. Under the lock. */
void im_find_bypass(struct im_instance *instance);
void im_forget_bypass(struct im_instance *instance, struct im_binding *binding);

#endif
