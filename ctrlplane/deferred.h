/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands that are completed later, and sessions that end later: between the broker's thread and the control threads.
 *
 *   broker                                control thread
 *     deferred_start()  ──────────────>     handler
 *     deferred_next()   <── eventfd ───     returned a status, or call->complete() was called
 *
 *     deferred_end()    ──────────────>     session_close, once no handler of the session runs any more
 *     deferred_next()   <── eventfd ───
 *
 * A client that hangs up in the middle does not stop its command: that runs to its end, its result is dropped, and then
 * the session ends. Where the command waits for the driver's call->complete(), the session ends at once: that closes
 * its handles, and so makes the driver complete.
 *
 * All functions belong to the broker's thread; call->complete() to any.
 */
#ifndef CTRLPLANE_DEFERRED_H
#define CTRLPLANE_DEFERRED_H

#include <pthread.h>
#include <sys/queue.h>

#include "mailbox.h"
#include "operation.h"
#include "threads.h"

struct deferred_item;

/** Where the two sides meet. */
struct deferred {
	struct threads *threads;
	const struct mailbox_ops *ops;
	void *context;
	struct operations *operations;		      /* NULL: there are none */
	int event_fd;				      /* readable where deferred_next() has something */
	uint32_t outstanding;			      /* items that deferred_next() has not given back; the broker's */
	LIST_HEAD(, deferred_job) operations_started; /* of those, jobs of operations; the broker's */
	pthread_mutex_t lock;
	STAILQ_HEAD(, deferred_item) done; /* under the lock */
};

struct deferred_job;

/** What deferred_next() gives back. */
struct deferred_result {
	bool session_ended;	   /* of a client that has gone; otherwise a command is complete */
	uint64_t tag;		   /* whose command: as given to deferred_start() */
	uint64_t operation;	   /* not 0: of this operation, and so nobody's */
	struct mailbox_call *call; /* of the command, good until deferred_free() */
	enum sluice_status status;
};

/** 0 or -errno. */
int deferred_create(struct deferred *deferred, struct threads *threads, const struct mailbox_ops *ops, void *context);

/** After deferred_wait() has said that nothing is outstanding. */
void deferred_destroy(struct deferred *deferred);

/** Has a control thread run @p command, whose payload lies in the mailbox's scratch. A job, or NULL: out of memory. */
struct deferred_job *deferred_start(struct deferred *deferred, const struct mailbox *mailbox,
				    const struct sluice_command *command, uint64_t tag);

/**
 * The same for an operation, in two steps: what can fail comes before its client's session gives anything away.
 * A job for one of the two functions below, or NULL: out of memory.
 */
struct deferred_job *deferred_prepare_operation(struct deferred *deferred, const struct mailbox *mailbox,
						const struct sluice_command *command, uint64_t operation);
/** Has a control thread run it, with a session of its own. */
void deferred_start_operation(struct deferred_job *job, void *session);
void deferred_discard(struct deferred_job *job);

/** Ends an operation that waits for its turn with CANCELLED; deferred_next() has it. Others are left alone. */
void deferred_withdraw_operation(struct deferred *deferred, uint64_t operation);

/** The client of @p session has gone, perhaps in the middle of @p job (NULL: not). @p end is of deferred_reserve(). */
struct deferred_end;
void deferred_end(struct deferred *deferred, struct deferred_end *end, void *session, struct deferred_job *job);

/** Memory for the end of a session, taken at its beginning: an end cannot be refused. NULL: out of memory. */
struct deferred_end *deferred_reserve(void);
void deferred_unreserve(struct deferred_end *end);

/** What has come to its end, if anything has. False: nothing. */
bool deferred_next(struct deferred *deferred, struct deferred_result *result);

/** Frees what a result's call lies in. */
void deferred_free(struct mailbox_call *call);

/** Waits until something comes to its end. Returns what is outstanding. */
uint32_t deferred_wait(struct deferred *deferred);

#endif
