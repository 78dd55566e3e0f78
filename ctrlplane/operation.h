/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Operations: commands that were answered at once and are carried out without their client. Of each user the last
 * SLUICE_OPERATIONS are kept. What is under way is never forgotten, nor for a while what ended while somebody waits for
 * the end: who looks from time to time hears of it. Of the others those whose end was told make room first.
 *
 *   broker            operations_begin() ──> a control thread ──> operations_end()
 *   control thread    operation_enter(), operation_tell() ... operation_fix() ... operation_leave()
 *
 * From its beginning to operation_fix(), the point of no return, it can be cancelled. Whoever carries it out asks for
 * that where it costs nothing to stop. Most cannot stop once they have begun: they are fixed as they are entered.
 *
 * What a handler calls to say how far it has come knows the operation by the thread: so it may be called from deep
 * inside a change, and does nothing where the change is no operation's.
 */
#ifndef CTRLPLANE_OPERATION_H
#define CTRLPLANE_OPERATION_H

#include <pthread.h>
#include <sys/types.h>

#include "event_log.h"
#include "mailbox.h"

/** Of all users together. */
#define OPERATIONS_MAX 64u

/** Who asked about an operation that was under way asks again within this time after its end, or waits no more. */
#define OPERATIONS_AWAITED_MS 10000u

/** Whom an end is told: that one has heard it does not mean that the other has. */
enum operation_asker { OPERATION_ITS_USER, OPERATION_AN_OPERATOR, OPERATION_ASKERS };

struct operation {
	struct sluice_operation_record record; /* id 0: free */
	bool cancelled;			       /* it is to end */
	bool fixed;			       /* it comes to its end */
	bool told;			       /* its user, how it ended: it makes room before others do */
	bool awaited[OPERATION_ASKERS];	       /* was asked about, and has not told its end since */
	uint64_t ended_ms;		       /* by the monotonic clock */
};

struct operations {
	struct event_log *events; /* NULL: nobody is told */
	pthread_mutex_t lock;
	uint64_t next_id;
	uint64_t refused; /* for want of memory or of a place */
	struct operation place[OPERATIONS_MAX];
};

/** The first operation is called @p first_id; an id is never used again. */
void operations_create(struct operations *operations, uint64_t first_id, struct event_log *events);

/** None may be under way. */
void operations_destroy(struct operations *operations);

/* ---- The broker ------------------------------------------------------------------------------------ */

/** OK with *@p id set, or TOO_MANY_OPERATIONS: of those that are kept none may be forgotten. */
enum sluice_status operations_begin(struct operations *operations, uid_t user, uint16_t opcode, uint64_t *id);

/** It was refused after all, with @p status. */
void operations_refuse(struct operations *operations, uint64_t id, enum sluice_status status);

/** It ended like this: keeps result, offset and answer of @p call, and raises OPERATION_DONE. */
void operations_end(struct operations *operations, uint64_t id, const struct mailbox_call *call,
		    enum sluice_status status);

/* ---- Who carries it out ---------------------------------------------------------------------------- */

/**
 * From here on this thread carries out operation @p id; 0: none.
 *
 * @return false: it was cancelled before it began
 */
bool operation_enter(struct operations *operations, uint64_t id);
void operation_leave(void);

/** Whether the operation of this thread, if it has one, is to end. */
bool operation_is_cancelled(void);

/** The point of no return of this thread's operation, if it has one. False: it was cancelled before. */
bool operation_fix(void);

/**
 * Says how far the operation of this thread, if it has one, has come: @p step (at most 31 bytes, without a control
 * character) and percent of it, or SLUICE_PERCENT_UNKNOWN. Raises OPERATION_PROGRESS with each step and each tenth.
 */
void operation_tell(const char *step, uint32_t percent);

/* ---- Who asks -------------------------------------------------------------------------------------- */

/** A copy of its record. False: there is none, or it is another user's and @p role no operator. Who hears that it is
 * under way is expected to ask for its end. */
bool operations_find(struct operations *operations, uint64_t id, uid_t user, enum sluice_role role,
		     struct sluice_operation_record *record);

/** Copies all that @p user and @p role may see, oldest first, to @p records of OPERATIONS_MAX. Returns how many. */
uint32_t operations_collect(struct operations *operations, uid_t user, enum sluice_role role,
			    struct sluice_operation_record *records);

/** It is to end, if it still can; who cancels is expected to ask for its end. OK, NOT_FOUND (as operations_find()) or
 * TOO_LATE. */
enum sluice_status operations_cancel(struct operations *operations, uint64_t id, uid_t user, enum sluice_role role);

/** What was counted since the start. */
void operations_count(struct operations *operations, struct sluice_info *info);

#endif
