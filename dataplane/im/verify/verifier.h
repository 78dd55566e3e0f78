/* SPDX-License-Identifier: BSD-3-Clause */
/* The verifier's own files to each other; the rest of the core includes verify.h alone. */
#ifndef IM_VERIFIER_H
#define IM_VERIFIER_H

#include <stddef.h>
#include <stdint.h>

#include "im/packet.h"
#include "im/verify.h"

struct im_packet;
struct im_timer;

#define IM_POISON_BYTE 0xdb

/** The options in force. */
extern struct im_verify_options im_verify_now;

/** The clock of the last im_tick(). Level: any. */
uint64_t im_verify_clock(void);

/** As im_violation(), with the text made from a format. Level: any. */
void im_violation_text(const char *statement, const char *driver, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** As im_violation(), with a code address that tells where it began. Level: any. */
void im_violation_at(const char *statement, const char *driver, const char *what, const void *site);

/** Add to the string in @p text as far as there is room. Level: any. */
void im_append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** A driver's name that stays good when the driver has gone: for histories. NULL: the core's. Level: any. */
const char *im_kept_name(const struct im_wrapper *wrapper);

/** Have a driver quarantined, as the options say; once. Level: any. */
void im_quarantine(const char *driver);
IM_PASSIVE void im_quarantine_reset(void);

/* ---- Threads ------------------------------------------------------------------------------------- */

const char *im_handler_name(uint16_t handler);

/* What a handler is called for, for people. Read by another thread than the one that writes it: word by word. */
#define IM_SUBJECT_WORDS (SLUICE_NAME_SIZE / sizeof(uint64_t))

struct im_subject {
	uint64_t name[IM_SUBJECT_WORDS]; /* of a driver, an instance, an adapter or a device; or none, and ... */
	const void *code;		 /* ... the function of a work item, a timer or a deferred call */
};

/** Note what a handler is called for, while that is there; tell it. Level: any. */
void im_subject_note(struct im_subject *subject, enum im_subject_kind kind, const void *object);
void im_subject_append(const struct im_subject *subject, char *text, size_t size);

enum im_subject_kind im_handler_subject(uint16_t handler);

/** The calling thread is in a handler of @p driver, a kept name, for @p object; has left it. Level: any. */
void im_watch_enter(enum im_handler handler, const char *driver, const void *object);
void im_watch_leave(void);
IM_PASSIVE void im_watch_reset(void);

/** Where the lock that the calling thread has held for the shortest time was acquired; NULL: it holds none. Level: any.
 */
const void *im_held_site(void);

/** Have the calling thread hold @p wanted locks, after a violation. Level: any. */
void im_restore_locks(uint16_t wanted);
IM_PASSIVE void im_forget_orders(void);

/** An instance or a binding is gone: from now on its address in a call is a violation, until another one has it. */
void im_handle_gone(const void *handle);
void im_handle_made(const void *handle);
bool im_handle_is_gone(const void *handle);
void im_handles_reset(void);

/** What was known of the progress on an account belongs to an instance that is gone. Under the core's lock. */
void im_watch_forget(uint16_t account);

/** A code address for people. Level: any. */
void im_append_site(char *text, size_t size, const void *site);

/* ---- Packets ------------------------------------------------------------------------------------- */

#define IM_TRACK_LEVELS 12u /* drivers that a packet has gone through and will come back by */
#define IM_TRACK_EDGES	6u  /* of its history that are kept */

#define IM_TRACK_RECEIVERS 16u

#define IM_POISON_STATUS 0xdeadu
#define IM_POISON_WORD	 ((uintptr_t)0xdbdbdbdbdbdbdbdbu)

/* X(name, text) */
#define IM_EDGE_TABLE(X)                                                                                               \
	X(SENT, "sent")                                                                                                \
	X(COMPLETED, "completed")                                                                                      \
	X(INDICATED, "indicated")                                                                                      \
	X(RETURNED, "returned")                                                                                        \
	X(HOME, "back home")                                                                                           \
	X(ALLOCATED, "allocated")                                                                                      \
	X(FREED, "freed")

enum im_edge_kind {
#define X(name, text) IM_EDGE_##name,
	IM_EDGE_TABLE(X)
#undef X
};

/* Bytes behind the end of a frame, as they were before the guard stood there; `length` 0: none. */
struct im_guard {
	struct rte_mbuf *last;
	uint8_t *at;
	uint8_t before[8];
	uint8_t length;
};

/* One handing over: who gave the packet to whom, and what must be as it was when it comes back. */
struct im_handover {
	const void *object; /* the binding that sent, the instance that indicated */
	const void *lower;  /* of a send: the instance that has it */
	const char *giver;  /* kept names */
	const char *holder;
	uint64_t since_ns;
	uintptr_t words[2]; /* the giver's: poison stands in their place meanwhile */
	struct rte_mbuf *mbuf;
	uint32_t length;
	struct im_packet_info info;
	struct im_guard guard;
	uint16_t slot;
	uint8_t kind;  /* IM_EDGE_SENT or IM_EDGE_INDICATED */
	bool for_call; /* indicated with status RESOURCES */
	bool reported; /* it has taken too long */
};

struct im_past {
	const char *driver; /* kept name */
	const void *site;
	uint64_t at_ns;
	enum im_edge_kind kind;
};

/* What one of several receivers of a packet owes. */
struct im_debt {
	const void *binding;
	const char *driver; /* kept name */
	uint16_t promised;
	uint16_t returned;
	bool said; /* `promised` is: its receive handler has returned */
};

/* What is known of one packet. */
struct im_track {
	const struct im_packet *packet;
	struct im_track *next;	       /* of its bucket, or of the free ones */
	TAILQ_ENTRY(im_track) resting; /* those that nobody has, oldest first */
	bool rests;
	const struct im_wrapper *pool; /* whose pool it is of, or NULL */
	const char *owner;	       /* kept name of who began with it */
	bool freed;		       /* in its pool */
	uint16_t level_count;
	uint32_t past_count;
	struct im_past past[IM_TRACK_EDGES]; /* a ring */
	uint32_t debt_count;		     /* where the packet is shared: then nobody hands it on */
	struct im_debt debts[IM_TRACK_RECEIVERS];
	uint32_t guarded_slot;		   /* whose beginning is a guard behind the words before it; 0: none */
	const char *left[IM_TRACK_LEVELS]; /* by slot: who had the words there last; they are poison now */
	struct im_handover levels[IM_TRACK_LEVELS];
};

struct im_shard;

/** The place of a packet, locked. */
struct im_shard *im_shard_lock(const struct im_packet *packet);
void im_shard_unlock(struct im_shard *shard);

/** Its track: NULL where it is not known, or, with @p make, where there is no room for it any more. In the locked
 * shard. */
struct im_track *im_track_find(struct im_shard *shard, const struct im_packet *packet, bool make);

/** Nobody has it now: its history stays until the room is needed; somebody has it again. In the locked shard. */
void im_track_rest(struct im_shard *shard, struct im_track *track);
void im_track_wake(struct im_shard *shard, struct im_track *track);

/** Whether there have been packets without a track: then one that is not known proves nothing. Level: any. */
bool im_tracks_are_short(void);

/** Call @p each for every track that somebody has, in its locked shard. Level: PASSIVE. */
IM_PASSIVE void im_tracks_each(void (*each)(struct im_track *track, void *context), void *context);

void im_track_note(struct im_track *track, enum im_edge_kind kind, const char *driver, const void *site);

/** Add the packet's history, latest first. */
void im_track_append(const struct im_track *track, char *text, size_t size);

/** Get the table of packets; give it back. 0 or -ENOMEM. */
IM_PASSIVE int im_packets_watch(void);
IM_PASSIVE void im_packets_unwatch(void);

/* The edges: whether each is legal. Where not, that has been said and the packet is to be left out. */
IM_DISPATCH bool im_edge_send(const struct im_binding *binding, struct im_packet *packet, const void *site);
IM_DISPATCH bool im_edge_complete(const struct im_instance *instance, struct im_packet *packet, const void *site);
IM_DISPATCH bool im_edge_indicate(const struct im_instance *instance, struct im_packet *packet, bool for_call,
				  const void *site);
IM_DISPATCH bool im_edge_return(const struct im_binding *binding, struct im_packet *packet, const void *site);

/** The call is over that a packet was indicated for: it is the indicator's again. */
IM_DISPATCH void im_edge_end(const struct im_instance *instance, struct im_packet *packet);

/** Add the history of one packet that a driver has, or has handed on and not got back; if there is one. Level: PASSIVE.
 */
IM_PASSIVE void im_packets_append_one(const char *driver, char *text, size_t size);

/** Who has a packet now that was handed on over @p object, a binding or an instance: a kept name, or NULL. Level:
 * PASSIVE. */
IM_PASSIVE const char *im_packets_holder(const void *object);

/** Sends that are out for too long [12.18]. Level: PASSIVE. */
IM_PASSIVE void im_packets_check(uint64_t now_ns);

/* ---- Handing on later ---------------------------------------------------------------------------- */

enum im_defer_kind {
	IM_DEFER_COMPLETE, /* object: the instance */
	IM_DEFER_RETURN,   /* object: the binding */
	IM_DEFER_REQUEST,  /* object: the request */
};

/** Hand packets on now, later or on another thread, as the schedule says. At most IM_BURST. */
IM_DISPATCH void im_defer_packets(enum im_defer_kind kind, void *object, struct im_packet **packets, uint16_t count);

/* ---- What a driver leaves behind ----------------------------------------------------------------- */

/** Take away timers that are set, without a call of their functions: those that lie in memory that is being freed,
 * those of a wrapper, those that the handlers of an object have set. Returns how many. Level: any. */
uint32_t im_drop_timers_in(const void *memory, size_t size);
uint32_t im_drop_timers_of(const struct im_wrapper *wrapper);
uint32_t im_drop_timers_for(const void *object);

/** Forget the locks in memory that is being freed; one that the caller holds is a violation. Level: any. */
void im_forget_locks(const void *memory, size_t size, const char *driver);

/** Free memory that its driver has left; free what was kept of freed memory. Level: PASSIVE. */
IM_PASSIVE void im_reclaim_memory(struct im_object *object);
IM_PASSIVE void im_forget_freed(void);

#endif
