/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a driver synchronises and allocates with. It uses these, and not the C library's, so that the level and the
 * locks held are known at every call (9.22-9.25), and what it takes is known to be its own until it is back (1.22).
 */
#ifndef IM_SYNC_H
#define IM_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/im_status.h"
#include "level.h"

struct im_wrapper;

/* ---- Spin locks ---------------------------------------------------------------------------------- */

/** A spin lock: taken for moments, released before any call to the core [9.18-9.24]. Zero it to begin with. */
struct im_lock {
	uint32_t held;
};

/** Take @p lock, which the thread has not taken yet [9.24], in a fixed order with others [9.23]: it is at DISPATCH
 * until it has released all its locks. Level: any. */
void im_acquire_spin_lock(struct im_lock *lock);

/** Release @p lock, in the reverse order of taking [9.23]. Level: DISPATCH. */
void im_release_spin_lock(struct im_lock *lock);

/** Wait for at most 50 microseconds without giving the core away [9.30]. Level: any. */
void im_stall_execution(uint32_t microseconds);

/* ---- Events -------------------------------------------------------------------------------------- */

/** Something that one thread waits for and another sets. Zeroed: not set. */
struct im_event {
	uint32_t set;
};

/** Set @p event, or make it not set. Neither waits, nor wakes by a system call: DISPATCH code may [9.12]. Who waited
 * may free the event as soon as it is set. Level: any. */
void im_set_event(struct im_event *event);
void im_reset_event(struct im_event *event);

/** Wait until @p event is set, at most @p timeout_ms (0: for ever). False: it was not. Level: PASSIVE [9.12]. */
IM_PASSIVE bool im_wait_event(struct im_event *event, uint32_t timeout_ms);

/* ---- Work items and timers ----------------------------------------------------------------------- */

/** Work for a control thread, handed over from any level. Embedded in what it is about; zero it to begin with. */
struct im_work {
	/** Once for each time that it was queued [1.23]; may queue it again, or free it. Level: PASSIVE. */
	void (*run)(struct im_work *work);
	struct im_wrapper *wrapper; /* whose it is: unload waits for it [1.23] */
	struct im_work *next;	    /* core */
	uint32_t queued;	    /* core */
	bool core;		    /* core: not the driver's own item, only in its name */
};

/** Have @p work run once on a control thread: what DISPATCH code wants done that may wait [9.12]. It stays where it is
 * until it runs, and unload waits for it [1.23]. False: it is queued already. Level: any. */
bool im_schedule_work(struct im_work *work);

/** A deferred call on a worker: how the control side gets something done in the worker's own data. */
struct im_dpc {
	/** On the worker, whose own data needs no lock there [9.27]; may queue it again. Level: DISPATCH. */
	void (*run)(struct im_dpc *dpc);
	struct im_wrapper *wrapper; /* whose it is */
	struct im_dpc *next;	    /* core */
	uint32_t queued;	    /* core */
};

/** Have @p dpc run once on worker @p index (1 to im_worker_count()), soon [9.27]. It stays where it is until it runs,
 * and unload waits for it [1.23]. False: it is queued already. Level: any. */
bool im_queue_dpc(struct im_dpc *dpc, uint32_t index);

/** Workers there are, each with data of its own [9.27]. Level: any. */
uint32_t im_worker_count(void);

/** Threads that may call the core, control threads included: im_this_worker->index is less, so that each can have a
 * copy of a counter [9.27]. Level: any. */
uint32_t im_thread_count(void);

/** Wait until none of the driver's work items, deferred calls and timer functions is queued or running: what unload,
 * and whoever frees one of them, needs [1.23, 9.28]. Not from inside one of them. Level: PASSIVE. */
IM_PASSIVE void im_flush_work(struct im_wrapper *wrapper);

/** Wait until every call of the packet path that is running now is through, on all threads: what was changed before is
 * seen by all that follow. Not from inside one [9.27]. Level: PASSIVE. */
IM_PASSIVE void im_synchronize(void);

struct im_timer {
	/** On a control thread, which whoever cancels the timer meanwhile waits for [9.28]; may set it again. Level:
	 * DISPATCH. */
	void (*expired)(struct im_timer *timer);
	struct im_wrapper *wrapper;
	uint64_t due_ns;    /* core */
	uint64_t period_ns; /* core; 0: once */
	uint32_t state;	    /* core */
	struct im_timer *next;
	const void *object; /* core: whose handler set it, where the verifier is on */
};

/** Set @p timer, which must not be set [9.28]: once after @p delay_ms, or every @p delay_ms. Level: any. */
void im_set_timer(struct im_timer *timer, uint32_t delay_ms);
void im_set_periodic_timer(struct im_timer *timer, uint32_t period_ms);

/**
 * Cancel @p timer. False: it has expired, or its function is running now, which the caller has to wait for before it
 * frees the timer [9.28]. Level: any; a periodic one: PASSIVE [9.29].
 */
bool im_cancel_timer(struct im_timer *timer);

/* ---- Memory -------------------------------------------------------------------------------------- */

/** Allocate @p size zeroed bytes under a tag [12.32], freed before the wrapper's driver is unloaded [1.22]. NULL: none
 * left. Level: PASSIVE. */
IM_PASSIVE void *im_allocate_memory(struct im_wrapper *wrapper, size_t size, const char *tag);

/** Free what im_allocate_memory() gave, once [12.30]; NULL is a no-op. Level: PASSIVE. */
IM_PASSIVE void im_free_memory(void *memory);

#endif
