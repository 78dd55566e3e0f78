/* SPDX-License-Identifier: BSD-3-Clause */
#include "operation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static _Thread_local struct {
	struct operations *operations;
	uint64_t id; /* 0: this thread carries out none */
} carried;

static uint64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void operations_create(struct operations *operations, uint64_t first_id, struct event_log *events)
{
	*operations = (struct operations){.next_id = first_id, .events = events};
	pthread_mutex_init(&operations->lock, NULL);
}

void operations_destroy(struct operations *operations)
{
	pthread_mutex_destroy(&operations->lock);
}

/* ---- Places, with the lock held -------------------------------------------------------------------- */

static struct operation *find(struct operations *operations, uint64_t id)
{
	for (uint32_t i = 0; id != 0 && i < OPERATIONS_MAX; i++)
		if (operations->place[i].record.id == id)
			return &operations->place[i];
	return NULL;
}

/* Whether it may be forgotten. */
static bool may_go(const struct operation *operation, uint64_t now_ms)
{
	bool awaited = operation->awaited[OPERATION_ITS_USER] || operation->awaited[OPERATION_AN_OPERATOR];

	if (operation->record.state != SLUICE_OPERATION_DONE)
		return false;
	return !awaited || now_ms - operation->ended_ms >= OPERATIONS_AWAITED_MS;
}

/* Which of two that may go does so first: one that was told before one that somebody may ask for, then the older. */
static struct operation *sooner(struct operation *a, struct operation *b)
{
	if (a == NULL || a->told != b->told)
		return a == NULL || b->told ? b : a;
	return b->record.id < a->record.id ? b : a;
}

/* A free place while the user has less than its share; else that of one of its own that may go, or, where all places
 * are taken, of one of all. */
static struct operation *find_place(struct operations *operations, uid_t user)
{
	struct operation *empty = NULL, *own = NULL, *any = NULL;
	uint64_t now_ms = clock_ms(CLOCK_MONOTONIC);
	uint32_t owned = 0;

	for (uint32_t i = 0; i < OPERATIONS_MAX; i++) {
		struct operation *operation = &operations->place[i];

		if (operation->record.id == 0) {
			empty = operation;
			continue;
		}
		owned += operation->record.user == user;
		if (!may_go(operation, now_ms))
			continue;
		any = sooner(any, operation);
		if (operation->record.user == user)
			own = sooner(own, operation);
	}
	if (owned >= SLUICE_OPERATIONS)
		return own;
	return empty != NULL ? empty : any;
}

/* ---- The broker ------------------------------------------------------------------------------------ */

enum sluice_status operations_begin(struct operations *operations, uid_t user, uint16_t opcode, uint64_t *id)
{
	struct operation *operation;

	pthread_mutex_lock(&operations->lock);
	operation = find_place(operations, user);
	if (operation != NULL) {
		*id = operations->next_id++;
		*operation = (struct operation){
			.record.id = *id,
			.record.begun_ms = clock_ms(CLOCK_REALTIME),
			.record.user = user,
			.record.opcode = opcode,
			.record.percent = SLUICE_PERCENT_UNKNOWN,
		};
	}
	operations->refused += operation == NULL;
	pthread_mutex_unlock(&operations->lock);
	return operation != NULL ? SLUICE_STATUS_OK : SLUICE_STATUS_TOO_MANY_OPERATIONS;
}

void operations_refuse(struct operations *operations, uint64_t id, enum sluice_status status)
{
	struct operation *operation;

	pthread_mutex_lock(&operations->lock);
	operation = find(operations, id);
	if (operation != NULL)
		*operation = (struct operation){0};
	operations->refused += status == SLUICE_STATUS_NO_MEMORY;
	pthread_mutex_unlock(&operations->lock);
}

static void conclude(struct sluice_operation_record *record, const struct mailbox_call *call, enum sluice_status status)
{
	record->state = SLUICE_OPERATION_DONE;
	record->ended_ms = clock_ms(CLOCK_REALTIME);
	record->status = (uint16_t)status;
	record->result = call->result;
	record->error_offset = status == SLUICE_STATUS_OK ? SLUICE_NO_OFFSET : call->error_offset;
	if (status == SLUICE_STATUS_OK)
		record->percent = 100;
	if (call->reply_length == sizeof(record->answer))
		memcpy(&record->answer, call->reply, sizeof(record->answer));
}

void operations_end(struct operations *operations, uint64_t id, const struct mailbox_call *call,
		    enum sluice_status status)
{
	struct operation *operation;

	pthread_mutex_lock(&operations->lock);
	operation = find(operations, id);
	if (operation != NULL) {
		conclude(&operation->record, call, status);
		operation->ended_ms = clock_ms(CLOCK_MONOTONIC);
	}
	pthread_mutex_unlock(&operations->lock);
	event_log_raise(operations->events, SLUICE_EVENT_OPERATION_DONE, sluice_status_name((uint16_t)status), id);
}

/* ---- Who carries it out ---------------------------------------------------------------------------- */

static bool builds(uint16_t opcode)
{
	switch (opcode) {
#define X(name, builds)                                                                                                \
	case SLUICE_OP_##name:                                                                                         \
		return builds;
		SLUICE_OPERATION_TABLE(X)
#undef X
	default:
		return false;
	}
}

bool operation_enter(struct operations *operations, uint64_t id)
{
	struct operation *operation;
	bool cancelled = false;

	carried.operations = operations;
	carried.id = id;
	if (id == 0)
		return true;
	pthread_mutex_lock(&operations->lock);
	operation = find(operations, id);
	if (operation != NULL) {
		cancelled = operation->cancelled;
		operation->fixed = !builds(operation->record.opcode);
		operation->record.state = SLUICE_OPERATION_RUNNING;
	}
	pthread_mutex_unlock(&operations->lock);
	return !cancelled;
}

void operation_leave(void)
{
	carried.operations = NULL;
	carried.id = 0;
}

/* Whether the operation of this thread is cancelled; else it may be fixed. */
static bool look(bool fix)
{
	struct operation *operation;
	bool cancelled = false;

	if (carried.id == 0)
		return false;
	pthread_mutex_lock(&carried.operations->lock);
	operation = find(carried.operations, carried.id);
	if (operation != NULL) {
		cancelled = operation->cancelled;
		operation->fixed |= fix && !cancelled;
	}
	pthread_mutex_unlock(&carried.operations->lock);
	return cancelled;
}

bool operation_is_cancelled(void)
{
	return look(false);
}

bool operation_fix(void)
{
	return !look(true);
}

/* Whether it is worth an event. */
static bool note(struct sluice_operation_record *record, const char *step, uint32_t percent)
{
	bool other = strncmp(record->step, step, sizeof(record->step) - 1) != 0 || record->percent / 10 != percent / 10;

	memset(record->step, 0, sizeof(record->step));
	memcpy(record->step, step, strnlen(step, sizeof(record->step) - 1));
	record->percent = (uint8_t)percent;
	return other;
}

void operation_tell(const char *step, uint32_t percent)
{
	struct operation *operation;
	char subject[SLUICE_NAME_SIZE];
	bool tell;

	if (carried.id == 0)
		return;
	pthread_mutex_lock(&carried.operations->lock);
	operation = find(carried.operations, carried.id);
	tell = operation != NULL && note(&operation->record, step, percent);
	pthread_mutex_unlock(&carried.operations->lock);
	if (percent == SLUICE_PERCENT_UNKNOWN)
		snprintf(subject, sizeof(subject), "%.31s", step);
	else
		snprintf(subject, sizeof(subject), "%u%% %.26s", percent, step);
	if (tell)
		event_log_raise(carried.operations->events, SLUICE_EVENT_OPERATION_PROGRESS, subject, carried.id);
}

/* ---- Who asks -------------------------------------------------------------------------------------- */

static bool may_see(const struct sluice_operation_record *record, uid_t user, enum sluice_role role)
{
	return record->id != 0 && (record->user == user || role >= SLUICE_ROLE_OPERATOR);
}

static enum operation_asker asker_of(const struct operation *operation, uid_t user)
{
	return operation->record.user == user ? OPERATION_ITS_USER : OPERATION_AN_OPERATOR;
}

/* It is kept for who was told that it is under way, until that one was told how it ended. */
static void note_told(struct operation *operation, enum operation_asker asker)
{
	bool done = operation->record.state == SLUICE_OPERATION_DONE;

	operation->awaited[asker] = !done;
	operation->told |= done && asker == OPERATION_ITS_USER;
}

bool operations_find(struct operations *operations, uint64_t id, uid_t user, enum sluice_role role,
		     struct sluice_operation_record *out)
{
	struct operation *operation;
	bool found;

	pthread_mutex_lock(&operations->lock);
	operation = find(operations, id);
	found = operation != NULL && may_see(&operation->record, user, role);
	if (found) {
		*out = operation->record;
		note_told(operation, asker_of(operation, user));
	}
	pthread_mutex_unlock(&operations->lock);
	return found;
}

static int by_age(const void *left, const void *right)
{
	const struct sluice_operation_record *a = left, *b = right;

	return a->id < b->id ? -1 : a->id > b->id;
}

uint32_t operations_collect(struct operations *operations, uid_t user, enum sluice_role role,
			    struct sluice_operation_record *records)
{
	uint32_t count = 0;

	pthread_mutex_lock(&operations->lock);
	for (uint32_t i = 0; i < OPERATIONS_MAX; i++)
		if (may_see(&operations->place[i].record, user, role))
			records[count++] = operations->place[i].record;
	pthread_mutex_unlock(&operations->lock);
	qsort(records, count, sizeof(*records), by_age);
	return count;
}

enum sluice_status operations_cancel(struct operations *operations, uint64_t id, uid_t user, enum sluice_role role)
{
	enum sluice_status status = SLUICE_STATUS_OK;
	struct operation *operation;

	pthread_mutex_lock(&operations->lock);
	operation = find(operations, id);
	if (operation == NULL || !may_see(&operation->record, user, role))
		status = SLUICE_STATUS_NOT_FOUND;
	else if (operation->fixed || operation->record.state == SLUICE_OPERATION_DONE)
		status = SLUICE_STATUS_TOO_LATE;
	else
		operation->cancelled = operation->awaited[asker_of(operation, user)] = true;
	pthread_mutex_unlock(&operations->lock);
	return status;
}

void operations_count(struct operations *operations, struct sluice_info *info)
{
	pthread_mutex_lock(&operations->lock);
	info->operations_refused = operations->refused;
	pthread_mutex_unlock(&operations->lock);
}
