/* SPDX-License-Identifier: BSD-3-Clause */
#include "follow.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How long the library waits before we look at the clock and at signals, and draw. */
#define SLICE_MS 200
/* What ends sooner is not worth a line. */
#define QUIET_MS 1000u
/* Of the line: no terminal is narrower, so that it stays one. */
#define COLUMNS 79

/* ---- Interrupts -------------------------------------------------------------------------------------- */

static const int signals[] = {SIGINT, SIGTERM};

#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

/* Once: who interrupts again, of a firmware that does not even answer, ends this program. What our parent ignores for
 * us stays ignored. */
static void catch_signals(void)
{
	const struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	struct sigaction before;

	caught = 0;
	for (size_t i = 0; i < SIGNALS; i++)
		if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
}

static void release_signals(void)
{
	struct sigaction before;

	for (size_t i = 0; i < SIGNALS; i++)
		if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler == on_signal)
			signal(signals[i], SIG_DFL);
}

/* ---- Progress ---------------------------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A wait that is under way. */
struct wait {
	struct session *session;
	uint64_t id;
	uint64_t start_ms;
	bool shows; /* on a terminal, for people */
	bool drawn; /* a line stands there */
};

static void draw(struct wait *wait, const struct sluice_operation_record *record)
{
	uint64_t elapsed_ms = now_ms() - wait->start_ms;
	char step[SLUICE_NAME_SIZE + 1] = "waiting", line[160], percent[8] = "";

	if (!wait->shows || elapsed_ms < QUIET_MS)
		return;
	if (record->step[0] != '\0')
		snprintf(step, sizeof(step), "%.32s", record->step);
	for (char *at = step; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || (unsigned char)*at > '~') /* the card does not steer our terminal */
			*at = '?';
	if (record->percent <= 100)
		snprintf(percent, sizeof(percent), " %u%%", record->percent);
	snprintf(line, sizeof(line), "operation %llu: %s%s, %llu s", (unsigned long long)wait->id, step, percent,
		 (unsigned long long)(elapsed_ms / 1000));
	fprintf(wait->session->err, "\r%-*.*s", COLUMNS, COLUMNS, line);
	fflush(wait->session->err);
	wait->drawn = true;
}

static void erase(struct wait *wait)
{
	if (wait->drawn)
		fprintf(wait->session->err, "\r%*s\r", COLUMNS, "");
	wait->drawn = false;
}

/* ---- Waiting ----------------------------------------------------------------------------------------- */

/* How one goes on: told with a refusal, as the end is what was asked for. */
static enum follow_end leave(struct session *session, uint64_t id, const char *why, struct follow *follow)
{
	const struct options *options = &session->options;
	bool is_device = options->runtime_dir == options->device;
	char message[160], place[400] = "", example[500];

	if (is_device)
		snprintf(place, sizeof(place), " --device %.300s", options->device + strlen(SLUICE_DEVICE_PREFIX));
	else if (strcmp(options->runtime_dir, SLUICE_RUNTIME_DIR) != 0)
		snprintf(place, sizeof(place), " --runtime-dir %.300s", options->runtime_dir);
	snprintf(message, sizeof(message), "%s: operation %llu goes on", why, (unsigned long long)id);
	snprintf(example, sizeof(example), "sluicectl%s operation wait %llu", place, (unsigned long long)id);
	follow->code = session_complain(
		session,
		&(struct complaint){.code = EXIT_RETRY, .operation = id, .message = message, .example = example});
	return FOLLOW_LEFT;
}

/* Whether to go on with waiting; else why not. */
static const char *reason_to_leave(const struct wait *wait, char *out, size_t size)
{
	const struct options *options = &wait->session->options;

	if (caught != 0)
		return "interrupted";
	if (!(options->given & OPTION_BIT(TIMEOUT)) || now_ms() - wait->start_ms < options->timeout_ms)
		return NULL;
	snprintf(out, size, "not done within %g s", options->timeout_ms / 1000.0);
	return out;
}

/* 0, 1 where the wait ended before it, or what sluice_wait() returns. */
static int wait_for(struct wait *wait, struct sluice_operation_record *record, struct follow *follow, const char **why,
		    char *room, size_t size)
{
	int error;

	do {
		error = sluice_wait(wait->session->client, wait->id, SLICE_MS, NULL, NULL, record, &follow->fault);
		if (error != -EINPROGRESS)
			break;
		draw(wait, record);
		*why = reason_to_leave(wait, room, size);
	} while (*why == NULL);
	erase(wait);
	return error == -EINPROGRESS ? 1 : error;
}

/* Its record as the completion of a plain command. */
static enum follow_end conclude(const struct sluice_operation_record *record, struct follow *follow)
{
	follow->answer = record->answer;
	follow->reply = (struct sluice_reply){
		.status = record->status,
		.status_class = (uint8_t)sluice_status_class(record->status),
		.do_not_retry = sluice_status_do_not_retry(record->status),
		.error_offset = record->error_offset,
		.result = record->result,
	};
	if (record->status == SLUICE_STATUS_OK)
		return FOLLOW_DONE;
	follow->fault = (struct sluice_fault){
		.kind = SLUICE_FAULT_COMMAND, .status = record->status, .error_offset = record->error_offset};
	snprintf(follow->fault.text, sizeof(follow->fault.text), "%s", sluice_status_text(record->status));
	return FOLLOW_FAILED;
}

static enum follow_end wait_in(struct session *session, uint64_t id, struct sluice_operation_record *record,
			       struct follow *follow)
{
	struct wait wait = {
		.session = session,
		.id = id,
		.start_ms = now_ms(),
		.shows = !session->options.json && isatty(fileno(session->err)),
	};
	const char *why = NULL;
	char room[64];
	int error = wait_for(&wait, record, follow, &why, room, sizeof(room));

	if (error == 0)
		return conclude(record, follow);
	if (error < 0)
		return FOLLOW_FAILED;
	session->interrupted = caught;
	return leave(session, id, why, follow);
}

enum follow_end follow_operation(struct session *session, uint64_t id, struct sluice_operation_record *record,
				 struct follow *follow)
{
	enum follow_end end;

	memset(follow, 0, sizeof(*follow));
	catch_signals();
	end = wait_in(session, id, record, follow);
	release_signals();
	return end;
}

/* ---- Beginning --------------------------------------------------------------------------------------- */

static bool may_be_operation(uint16_t opcode)
{
	switch (opcode) {
#define X(name, builds)                                                                                                \
	case SLUICE_OP_##name:                                                                                         \
		return true;
		SLUICE_OPERATION_TABLE(X)
#undef X
	default:
		return false;
	}
}

static enum follow_end give_plainly(struct session *session, const struct request *request, struct follow *follow)
{
	struct request plain = *request;
	int error;

	plain.out = &follow->answer;
	plain.out_capacity = sizeof(follow->answer);
	error = session_call(session, &plain, &follow->reply, &follow->fault);
	return error ? FOLLOW_FAILED : FOLLOW_DONE;
}

#define BEGUN_TABLE(X) X("operation", NUMBER, table_number(t, id))

static const struct table_column begun_columns[] = {BEGUN_TABLE(TABLE_AS_COLUMN)};

static enum follow_end tell_begun(struct session *session, uint64_t id, struct follow *follow)
{
	struct table *t = table_new_record("operation", TABLE_COLUMNS(begun_columns));

	table_row(t);
	BEGUN_TABLE(TABLE_AS_CELL)
	follow->code = session_done(session, t, "operation %llu goes on: see sluicectl operation wait %llu",
				    (unsigned long long)id, (unsigned long long)id);
	return FOLLOW_LEFT;
}

/* The answer to our wait was lost, or it is told no more: neither says anything about the change. */
static enum follow_end wait_begun(struct session *session, uint64_t id, struct follow *follow)
{
	struct sluice_operation_record record;
	enum follow_end end = wait_in(session, id, &record, follow);
	struct sluice_fault fault = follow->fault;

	if (end != FOLLOW_FAILED || (fault.kind == SLUICE_FAULT_COMMAND && follow->reply.status != SLUICE_STATUS_OK))
		return end;
	if (fault.kind == SLUICE_FAULT_COMMAND) {
		fault.kind = SLUICE_FAULT_SYSTEM;
		snprintf(fault.text, sizeof(fault.text), "operation %llu has ended and is forgotten",
			 (unsigned long long)id);
	}
	session_lose(&fault, &follow->fault);
	return FOLLOW_FAILED;
}

/* What cannot be an operation after all has no wait that could end alone: an interrupt ends this program again, also
 * one that has come already. Nothing has begun. */
static enum follow_end give_interruptibly(struct session *session, const struct request *request, struct follow *follow)
{
	release_signals();
	if (caught != 0)
		raise(caught);
	return give_plainly(session, request, follow);
}

/* The card is older than operations. */
static enum follow_end do_without(struct session *session, const struct request *request, struct follow *follow)
{
	const struct sluice_info_region *info = sluice_info(session->client);

	if (!session->options.background)
		return give_interruptibly(session, request, follow);
	follow->code =
		session_fail(session, EXIT_REFUSED, NULL,
			     "the firmware speaks version %u.%u of the mailbox, and knows no operations before %u.%u: "
			     "without --background the command waits",
			     info->abi_major, info->abi_minor, SLUICE_ABI_MAJOR, SLUICE_MINOR_OF_OPERATIONS);
	return FOLLOW_LEFT;
}

static enum follow_end begin(struct session *session, const struct request *request, struct follow *follow)
{
	struct request operation = *request;

	if (sluice_info(session->client)->abi_minor < SLUICE_MINOR_OF_OPERATIONS)
		return do_without(session, request, follow);
	operation.begins = true;
	if (session_call(session, &operation, &follow->reply, &follow->fault) != 0) {
		bool full = follow->fault.kind == SLUICE_FAULT_COMMAND &&
			    follow->fault.status == SLUICE_STATUS_TOO_MANY_OPERATIONS;

		return full && !session->options.background ? give_interruptibly(session, request, follow)
							    : FOLLOW_FAILED;
	}
	if (session->options.background)
		return tell_begun(session, follow->reply.result, follow);
	return wait_begun(session, follow->reply.result, follow);
}

enum follow_end follow_request(struct session *session, const struct request *request, struct follow *follow)
{
	enum follow_end end;

	memset(follow, 0, sizeof(*follow));
	follow->code = session_connect(session);
	if (follow->code)
		return FOLLOW_LEFT;
	if (!may_be_operation(request->opcode))
		return give_plainly(session, request, follow);
	catch_signals();
	end = begin(session, request, follow);
	release_signals();
	return end;
}
