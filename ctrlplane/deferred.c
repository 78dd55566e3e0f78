/* SPDX-License-Identifier: BSD-3-Clause */
#include "deferred.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What comes back: a job or an end. Its first member. */
struct deferred_item {
	bool is_end;
	STAILQ_ENTRY(deferred_item) link;
};

struct deferred_end {
	struct deferred_item item;
	struct threads_job work;
	struct deferred *deferred;
	void *session;
};

struct deferred_job {
	struct deferred_item item;
	struct threads_job work;
	struct deferred *deferred;
	struct sluice_command command;
	struct mailbox_call call;
	uint64_t tag;
	uint64_t operation;		  /* 0: it is a client's */
	LIST_ENTRY(deferred_job) started; /* where it is an operation's */
	/* under the lock */
	enum sluice_status status;
	bool returned;		      /* from the handler, and ... */
	bool complete;		      /* ... it said, or call->complete() did, how it ended: then it is done */
	struct deferred_end *end;     /* of the session, once it has returned */
	_Alignas(16) uint8_t bytes[]; /* payload, then reply: records are read in place */
};

#define ALIGNED(length) (((size_t)(length) + 15) / 16 * 16)

#define JOB_OF(member, at) ((struct deferred_job *)(void *)((char *)(at)-offsetof(struct deferred_job, member)))
#define END_OF(member, at) ((struct deferred_end *)(void *)((char *)(at)-offsetof(struct deferred_end, member)))

int deferred_create(struct deferred *deferred, struct threads *threads, const struct mailbox_ops *ops, void *context)
{
	*deferred = (struct deferred){.threads = threads, .ops = ops, .context = context};
	STAILQ_INIT(&deferred->done);
	LIST_INIT(&deferred->operations_started);
	deferred->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (deferred->event_fd < 0) {
		*deferred = (struct deferred){0};
		return -errno;
	}
	pthread_mutex_init(&deferred->lock, NULL);
	return 0;
}

void deferred_destroy(struct deferred *deferred)
{
	if (deferred->threads == NULL)
		return;
	pthread_mutex_destroy(&deferred->lock);
	close(deferred->event_fd);
	*deferred = (struct deferred){0};
}

/* With the lock held: the broker may free @p item as soon as it is let go. */
static void give_back(struct deferred *deferred, struct deferred_item *item)
{
	const uint64_t one = 1;

	STAILQ_INSERT_TAIL(&deferred->done, item, link);
	if (write(deferred->event_fd, &one, sizeof(one)) < 0) {
		/* it is full, and so it is readable: that is all that is asked of it */
	}
}

/* ---- The end of a session -------------------------------------------------------------------------- */

struct deferred_end *deferred_reserve(void)
{
	return calloc(1, sizeof(struct deferred_end));
}

void deferred_unreserve(struct deferred_end *end)
{
	free(end);
}

static void run_end(struct threads_job *work)
{
	struct deferred_end *end = END_OF(work, work);
	struct deferred *deferred = end->deferred;

	deferred->ops->session_close(deferred->context, end->session);
	pthread_mutex_lock(&deferred->lock);
	give_back(deferred, &end->item);
	pthread_mutex_unlock(&deferred->lock);
}

void deferred_end(struct deferred *deferred, struct deferred_end *end, void *session, struct deferred_job *job)
{
	bool now;

	*end = (struct deferred_end){
		.item.is_end = true,
		.work = {.run = run_end, .line = {"ends of sessions", 2}}, /* leave threads to those who live */
		.deferred = deferred,
		.session = session,
	};
	deferred->outstanding++;
	pthread_mutex_lock(&deferred->lock);
	now = job == NULL || job->returned;
	if (!now)
		job->end = end;
	pthread_mutex_unlock(&deferred->lock);
	if (now)
		threads_post(deferred->threads, &end->work);
}

/* ---- Commands -------------------------------------------------------------------------------------- */

/* With the lock held. The handler may still be about to return when the command is complete. */
static void give_back_if_done(struct deferred_job *job)
{
	if (job->returned && job->complete)
		give_back(job->deferred, &job->item);
}

static void complete(struct mailbox_call *call, enum sluice_status status)
{
	struct deferred_job *job = JOB_OF(call, call);
	struct deferred *deferred = job->deferred;

	pthread_mutex_lock(&deferred->lock);
	job->status = status;
	job->complete = true;
	give_back_if_done(job);
	pthread_mutex_unlock(&deferred->lock);
}

static void run_job(struct threads_job *work)
{
	struct deferred_job *job = JOB_OF(work, work);
	struct deferred *deferred = job->deferred;
	enum sluice_status status;
	struct deferred_end *end;

	status = SLUICE_STATUS_CANCELLED;
	if (operation_enter(deferred->operations, job->operation))
		status = deferred->ops->handlers[job->command.opcode](deferred->context, &job->call);
	operation_leave();
	pthread_mutex_lock(&deferred->lock);
	end = job->end;
	job->returned = true;
	if (status != MAILBOX_LATER) {
		job->status = status;
		job->complete = true;
	}
	give_back_if_done(job);
	pthread_mutex_unlock(&deferred->lock);
	if (end != NULL)
		threads_post(deferred->threads, &end->work);
}

static struct deferred_job *make(struct deferred *deferred, const struct mailbox *mailbox,
				 const struct sluice_command *command)
{
	struct deferred_job *job = calloc(1, sizeof(*job) + ALIGNED(command->in_length) + command->out_length);

	if (job == NULL)
		return NULL;
	job->deferred = deferred;
	job->work.run = run_job;
	job->command = *command;
	memcpy(job->bytes, mailbox->scratch.in, command->in_length);
	job->call = mailbox_prepare(mailbox, &job->command, job->bytes, job->bytes + ALIGNED(command->in_length));
	job->call.complete = complete;
	return job;
}

static void post(struct deferred *deferred, struct deferred_job *job)
{
	if (deferred->ops->line != NULL)
		deferred->ops->line(deferred->context, &job->call, &job->work.line);
	deferred->outstanding++;
	threads_post(deferred->threads, &job->work);
}

struct deferred_job *deferred_start(struct deferred *deferred, const struct mailbox *mailbox,
				    const struct sluice_command *command, uint64_t tag)
{
	struct deferred_job *job = make(deferred, mailbox, command);

	if (job == NULL)
		return NULL;
	job->tag = tag;
	post(deferred, job);
	return job;
}

struct deferred_job *deferred_prepare_operation(struct deferred *deferred, const struct mailbox *mailbox,
						const struct sluice_command *command, uint64_t operation)
{
	struct deferred_job *job = make(deferred, mailbox, command);

	if (job != NULL)
		job->operation = operation;
	return job;
}

void deferred_start_operation(struct deferred_job *job, void *session)
{
	job->call.session = session;
	LIST_INSERT_HEAD(&job->deferred->operations_started, job, started);
	post(job->deferred, job);
}

void deferred_withdraw_operation(struct deferred *deferred, uint64_t operation)
{
	struct deferred_job *job;

	LIST_FOREACH(job, &deferred->operations_started, started)
	{
		if (job->operation == operation)
			break;
	}
	if (job == NULL || !threads_withdraw(deferred->threads, &job->work))
		return;
	job->returned = true;
	complete(&job->call, SLUICE_STATUS_CANCELLED);
}

void deferred_discard(struct deferred_job *job)
{
	free(job);
}

/* ---- What has come to its end ---------------------------------------------------------------------- */

static struct deferred_item *take(struct deferred *deferred)
{
	struct deferred_item *item;
	uint64_t signals;

	pthread_mutex_lock(&deferred->lock);
	item = STAILQ_FIRST(&deferred->done);
	if (item != NULL)
		STAILQ_REMOVE_HEAD(&deferred->done, link);
	else if (read(deferred->event_fd, &signals, sizeof(signals)) < 0) {
		/* nothing was signalled either */
	}
	pthread_mutex_unlock(&deferred->lock);
	return item;
}

bool deferred_next(struct deferred *deferred, struct deferred_result *result)
{
	struct deferred_item *item = take(deferred);

	if (item == NULL)
		return false;
	deferred->outstanding--;
	*result = (struct deferred_result){.session_ended = item->is_end};
	if (item->is_end) {
		free(END_OF(item, item));
	} else {
		struct deferred_job *job = JOB_OF(item, item);

		if (job->operation != 0)
			LIST_REMOVE(job, started);
		result->tag = job->tag;
		result->operation = job->operation;
		result->call = &job->call;
		result->status = job->status;
	}
	return true;
}

void deferred_free(struct mailbox_call *call)
{
	free(JOB_OF(call, call));
}

uint32_t deferred_wait(struct deferred *deferred)
{
	struct pollfd source = {.fd = deferred->event_fd, .events = POLLIN};

	if (deferred->outstanding > 0)
		poll(&source, 1, -1);
	return deferred->outstanding;
}
