/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations: they are begun by a command that is answered at once, and go on without their client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>
#include <unistd.h>

#include "broker.h"
#include "fixture.h"
#include "mailbox/client.h"

#define FIRST_ID 1000u

/* A driver of sorts: it is entered, and goes on when the test says so. */
static struct {
	sem_t entered, go;
	uint32_t sessions; /* of clients and operations; atomic */
	uint32_t runs;	   /* atomic */
	enum sluice_status refuse_branch_with;
	bool has_upload; /* the client's session; a load takes it with it */
} driver;

static struct operations operations;
static struct event_log events;
static struct broker *broker;

/* ---- Memory ---------------------------------------------------------------------------------------- */

/* Of this thread, which is the broker's; -1: none fails. */
static _Thread_local int calls_before_failure = -1;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	if (calls_before_failure >= 0 && calls_before_failure-- == 0)
		return NULL;
	return __real_calloc(count, size);
}

/* ---- Time ------------------------------------------------------------------------------------------ */

/* By which the clock of everything here is before the system's. */
static time_t later_s; /* atomic */

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = __real_clock_gettime(clock, now);

	if (clock == CLOCK_MONOTONIC)
		now->tv_sec += __atomic_load_n(&later_s, __ATOMIC_RELAXED);
	return result;
}

/* ---- Handlers -------------------------------------------------------------------------------------- */

static enum sluice_status tell(void *context, struct mailbox_call *call)
{
	(void)context;
	call->result = call->command->arg[0];
	return SLUICE_STATUS_OK;
}

static void answer_in_words(struct mailbox_call *call, const char *name, const char *text)
{
	struct sluice_change_answer answer = {0};

	assert_int_equal(call->reply_room, sizeof(answer));
	strcpy(answer.name, name);
	strcpy(answer.text, text);
	memcpy(call->reply, &answer, sizeof(answer));
	call->reply_length = sizeof(answer);
}

/* DRIVER_LOAD: hangs in driver_entry. Its session is the operation's own. */
static enum sluice_status load(void *context, struct mailbox_call *call)
{
	(void)context;
	__atomic_add_fetch(&driver.runs, 1, __ATOMIC_ACQ_REL);
	assert_ptr_equal(call->session, &operations);
	operation_tell("entry", 10);
	sem_post(&driver.entered);
	sem_wait(&driver.go);
	operation_tell("entry", 15); /* the same tenth: no event */
	operation_tell("binding", SLUICE_PERCENT_UNKNOWN);
	assert_memory_equal(call->payload, "payload", 8);
	answer_in_words(call, "mirror", "");
	call->result = 7;
	return SLUICE_STATUS_OK;
}

/* DRIVER_UNLOAD: is refused. */
static enum sluice_status unload(void *context, struct mailbox_call *call)
{
	(void)context;
	operation_tell("asking", 40);
	answer_in_words(call, "mirror", "it has instances");
	call->error_offset = 3;
	return SLUICE_STATUS_DRIVER_IN_USE;
}

/* POLICY_COMMIT: builds, which can be stopped, and then puts in force. */
static enum sluice_status commit(void *context, struct mailbox_call *call)
{
	(void)context;
	sem_post(&driver.entered);
	sem_wait(&driver.go);
	if (!operation_fix())
		return SLUICE_STATUS_CANCELLED;
	sem_post(&driver.entered);
	sem_wait(&driver.go);
	call->result = 9;
	return SLUICE_STATUS_OK;
}

static enum sluice_status cancel(void *context, struct mailbox_call *call)
{
	enum sluice_status result = operations_cancel(&operations, call->command->arg[0], call->user, call->role);

	(void)context;
	if (result == SLUICE_STATUS_OK)
		broker_withdraw_operation(broker, call->command->arg[0]);
	return result;
}

static enum sluice_status status(void *context, struct mailbox_call *call)
{
	struct sluice_operation_record record;

	(void)context;
	if (!operations_find(&operations, call->command->arg[0], call->user, call->role, &record))
		return SLUICE_STATUS_NOT_FOUND;
	memcpy(call->reply, &record, sizeof(record));
	call->reply_length = sizeof(record);
	return SLUICE_STATUS_OK;
}

/* One load at a time. */
static void choose_line(void *context, const struct mailbox_call *call, struct threads_line *line)
{
	(void)context;
	if (call->command->opcode == SLUICE_OP_DRIVER_LOAD)
		*line = (struct threads_line){.name = "loads", .most = 1};
}

static int open_session(void *context, uint32_t client_id, void **session)
{
	(void)context, (void)client_id;
	__atomic_add_fetch(&driver.sessions, 1, __ATOMIC_ACQ_REL);
	*session = &driver;
	return 0;
}

static enum sluice_status branch_session(void *context, struct mailbox_call *call, void **session)
{
	(void)context;
	assert_ptr_equal(call->session, &driver);
	if (driver.refuse_branch_with != SLUICE_STATUS_OK)
		return driver.refuse_branch_with;
	driver.has_upload = false;
	__atomic_add_fetch(&driver.sessions, 1, __ATOMIC_ACQ_REL);
	*session = &operations;
	return SLUICE_STATUS_OK;
}

static void close_session(void *context, void *session)
{
	(void)context;
	assert_true(session == &driver || session == &operations);
	__atomic_sub_fetch(&driver.sessions, 1, __ATOMIC_ACQ_REL);
}

static const struct mailbox_ops ops = {
	.session_open = open_session,
	.session_branch = branch_session,
	.session_close = close_session,
	.line = choose_line,
	.handlers = {[SLUICE_OP_INFO] = tell,
		     [SLUICE_OP_DRIVER_LOAD] = load,
		     [SLUICE_OP_DRIVER_UNLOAD] = unload,
		     [SLUICE_OP_POLICY_COMMIT] = commit,
		     [SLUICE_OP_DEVICE_CALL] = tell,
		     [SLUICE_OP_OPERATION_CANCEL] = cancel,
		     [SLUICE_OP_OPERATION_STATUS] = status},
	.slow = {[SLUICE_OP_DRIVER_LOAD] = true,
		 [SLUICE_OP_DRIVER_UNLOAD] = true,
		 [SLUICE_OP_POLICY_COMMIT] = true,
		 [SLUICE_OP_DEVICE_CALL] = true},
};

/* ---- The rig --------------------------------------------------------------------------------------- */

static int up(void **state)
{
	struct fixture *fixture;

	memset(&driver, 0, sizeof(driver));
	sem_init(&driver.entered, 0, 0);
	sem_init(&driver.go, 0, 0);
	assert_int_equal(event_log_create(&events), 0);
	operations_create(&operations, FIRST_ID, &events);
	fixture = fixture_open_threaded(&ops, &driver);
	broker = fixture->broker;
	broker_use_operations(broker, &operations);
	*state = fixture;
	return 0;
}

/* Nothing is left of what is under way. */
static int down(void **state)
{
	fixture_close_threaded(*state);
	assert_int_equal(driver.sessions, 0);
	operations_destroy(&operations);
	event_log_destroy(&events);
	sem_destroy(&driver.entered);
	sem_destroy(&driver.go);
	return 0;
}

static struct sluice_completion give(struct fixture *fixture, struct peer *peer, struct sluice_command command)
{
	ring_submit(&peer->ring, command);
	peer_kick(peer);
	return await_completion(fixture, peer);
}

static void expect_status(const struct sluice_completion *completion, enum sluice_status expected)
{
	assert_string_equal(sluice_status_name(completion->status), sluice_status_name(expected));
}

static struct sluice_command operation_of(enum sluice_opcode opcode)
{
	return (struct sluice_command){
		.opcode = (uint16_t)opcode,
		.flags = SLUICE_FLAG_OPERATION,
		.in_length = opcode == SLUICE_OP_DRIVER_UNLOAD ? SLUICE_NAME_SIZE
			     : opcode == SLUICE_OP_DRIVER_LOAD ? 8
							       : 0,
	};
}

static uint64_t begin(struct fixture *fixture, struct peer *peer, enum sluice_opcode opcode)
{
	struct sluice_completion completion;

	memcpy(peer->ring.stage_in, "payload", 8);
	completion = give(fixture, peer, operation_of(opcode));
	expect_status(&completion, SLUICE_STATUS_OK);
	memset(peer->ring.stage_in, 0, 8); /* it has a copy of its own */
	return completion.result;
}

static struct sluice_operation_record look(struct fixture *fixture, struct peer *peer, uint64_t id)
{
	struct sluice_operation_record record;
	struct sluice_completion completion =
		give(fixture, peer,
		     (struct sluice_command){
			     .opcode = SLUICE_OP_OPERATION_STATUS, .arg = {id}, .out_length = sizeof(record)});

	expect_status(&completion, SLUICE_STATUS_OK);
	memcpy(&record, peer->ring.stage_out, sizeof(record));
	assert_int_equal(record.id, id);
	return record;
}

static struct sluice_operation_record wait_done(struct fixture *fixture, struct peer *peer, uint64_t id)
{
	struct sluice_operation_record record;

	do
		record = look(fixture, peer, id);
	while (record.state != SLUICE_OPERATION_DONE);
	return record;
}

static void expect_event(uint32_t *cursor, enum sluice_event_kind kind, const char *subject, uint64_t value)
{
	struct sluice_event event = {0};

	assert_true(event_log_next(&events, cursor, &event));
	assert_int_equal(event.kind, kind);
	assert_string_equal(event.subject, subject);
	assert_int_equal(event.value, value);
}

/* ---- Tests ----------------------------------------------------------------------------------------- */

static void test_its_client_gives_other_commands_meanwhile(void **state)
{
	struct sluice_operation_record record;
	struct fixture *fixture = *state;
	struct peer peer;
	uint64_t id;

	join(fixture, &peer);
	id = begin(fixture, &peer, SLUICE_OP_DRIVER_LOAD);
	assert_int_equal(id, FIRST_ID);
	sem_wait(&driver.entered);
	for (uint16_t i = 0; i < 20; i++) {
		struct sluice_completion completion =
			give(fixture, &peer, (struct sluice_command){.opcode = SLUICE_OP_INFO, .arg = {i}});

		expect_status(&completion, SLUICE_STATUS_OK);
		assert_int_equal(completion.result, i);
	}
	record = look(fixture, &peer, id);
	assert_int_equal(record.state, SLUICE_OPERATION_RUNNING);
	assert_int_equal(record.opcode, SLUICE_OP_DRIVER_LOAD);
	assert_int_equal(record.percent, 10);
	assert_string_equal(record.step, "entry");
	assert_int_equal(record.ended_ms, 0);
	sem_post(&driver.go);
	record = wait_done(fixture, &peer, id);
	assert_int_equal(record.status, SLUICE_STATUS_OK);
	assert_int_equal(record.result, 7);
	assert_int_equal(record.percent, 100);
	assert_int_equal(record.error_offset, SLUICE_NO_OFFSET);
	assert_string_equal(record.answer.name, "mirror");
	assert_true(record.begun_ms > 0 && record.ended_ms >= record.begun_ms);
	peer_close(&peer);
}

static void test_events_tell_how_far_it_is(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_event event;
	uint32_t cursor = 0;
	struct peer peer;
	uint64_t id;

	join(fixture, &peer);
	id = begin(fixture, &peer, SLUICE_OP_DRIVER_LOAD);
	sem_post(&driver.go);
	wait_done(fixture, &peer, id);
	expect_event(&cursor, SLUICE_EVENT_OPERATION_PROGRESS, "10% entry", id);
	expect_event(&cursor, SLUICE_EVENT_OPERATION_PROGRESS, "binding", id);
	expect_event(&cursor, SLUICE_EVENT_OPERATION_DONE, "OK", id);
	assert_false(event_log_next(&events, &cursor, &event));
	peer_close(&peer);
}

static void test_one_that_fails_says_why(void **state)
{
	struct sluice_operation_record record;
	struct fixture *fixture = *state;
	uint32_t cursor = 0;
	struct peer peer;
	uint64_t id;

	join(fixture, &peer);
	id = begin(fixture, &peer, SLUICE_OP_DRIVER_UNLOAD);
	record = wait_done(fixture, &peer, id);
	assert_int_equal(record.status, SLUICE_STATUS_DRIVER_IN_USE);
	assert_int_equal(record.error_offset, 3);
	assert_int_equal(record.percent, 40); /* where it was */
	assert_string_equal(record.answer.text, "it has instances");
	expect_event(&cursor, SLUICE_EVENT_OPERATION_PROGRESS, "40% asking", id);
	expect_event(&cursor, SLUICE_EVENT_OPERATION_DONE, "DRIVER_IN_USE", id);
	peer_close(&peer);
}

static void test_it_outlives_its_client(void **state)
{
	struct fixture *fixture = *state;
	struct peer gone, other;
	uint64_t id;

	join(fixture, &gone);
	join(fixture, &other);
	id = begin(fixture, &gone, SLUICE_OP_DRIVER_LOAD);
	sem_wait(&driver.entered);
	peer_close(&gone);
	pump(fixture);
	assert_int_equal(broker_clients(fixture->broker), 1);
	assert_int_equal(look(fixture, &other, id).state, SLUICE_OPERATION_RUNNING);
	sem_post(&driver.go);
	assert_int_equal(wait_done(fixture, &other, id).status, SLUICE_STATUS_OK);
	peer_close(&other);
}

static void test_the_end_of_the_broker_waits_for_it(void **state)
{
	struct fixture *fixture = *state;
	struct peer peer;

	join(fixture, &peer);
	begin(fixture, &peer, SLUICE_OP_DRIVER_LOAD);
	sem_wait(&driver.entered);
	peer_close(&peer);
	sem_post(&driver.go); /* down() expects that no session is left */
}

static void test_what_cannot_be_one_is_refused(void **state)
{
	struct sluice_command command = operation_of(SLUICE_OP_DEVICE_CALL);
	struct fixture *fixture = *state;
	struct sluice_completion completion;
	struct peer peer;

	join(fixture, &peer);
	completion = give(fixture, &peer, command);
	expect_status(&completion, SLUICE_STATUS_NOT_SUPPORTED);
	assert_int_equal(completion.error_offset, SLUICE_ERROR_IN_COMMAND | offsetof(struct sluice_command, flags));
	command = operation_of(SLUICE_OP_DRIVER_LOAD);
	command.flags |= 2;
	completion = give(fixture, &peer, command);
	expect_status(&completion, SLUICE_STATUS_BAD_RESERVED);
	driver.refuse_branch_with = SLUICE_STATUS_INCOMPLETE;
	completion = give(fixture, &peer, operation_of(SLUICE_OP_DRIVER_LOAD));
	expect_status(&completion, SLUICE_STATUS_INCOMPLETE);
	assert_int_equal(completion.result, 0);
	completion = give(fixture, &peer,
			  (struct sluice_command){.opcode = SLUICE_OP_OPERATION_STATUS,
						  .arg = {FIRST_ID},
						  .out_length = sizeof(struct sluice_operation_record)});
	expect_status(&completion, SLUICE_STATUS_NOT_FOUND);
	assert_int_equal(driver.runs, 0);
	peer_close(&peer);
}

/* ---- Cancelling ------------------------------------------------------------------------------------ */

static void expect_cancel(struct fixture *fixture, struct peer *peer, uint64_t id, enum sluice_status expected)
{
	struct sluice_completion completion =
		give(fixture, peer, (struct sluice_command){.opcode = SLUICE_OP_OPERATION_CANCEL, .arg = {id}});

	expect_status(&completion, expected);
}

/* The one before it hangs: it ends all the same, is never run, and its session is closed. */
static void test_one_that_waits_is_cancelled(void **state)
{
	struct sluice_operation_record record;
	struct fixture *fixture = *state;
	uint32_t cursor = 0;
	uint64_t ids[3];
	struct peer peer;

	join(fixture, &peer);
	for (uint32_t i = 0; i < 3; i++)
		ids[i] = begin(fixture, &peer, SLUICE_OP_DRIVER_LOAD);
	sem_wait(&driver.entered);
	expect_cancel(fixture, &peer, ids[1], SLUICE_STATUS_OK);
	record = wait_done(fixture, &peer, ids[1]);
	assert_string_equal(sluice_status_name(record.status), "CANCELLED");
	assert_int_equal(record.result, 0);
	assert_int_equal(record.error_offset, SLUICE_NO_OFFSET);
	assert_int_equal(driver.sessions, 3); /* of the client and two operations */
	expect_event(&cursor, SLUICE_EVENT_OPERATION_PROGRESS, "10% entry", ids[0]);
	expect_event(&cursor, SLUICE_EVENT_OPERATION_DONE, "CANCELLED", ids[1]);
	expect_cancel(fixture, &peer, ids[1], SLUICE_STATUS_TOO_LATE);
	sem_post(&driver.go);
	sem_post(&driver.go);
	assert_int_equal(wait_done(fixture, &peer, ids[0]).status, SLUICE_STATUS_OK);
	assert_int_equal(wait_done(fixture, &peer, ids[2]).status, SLUICE_STATUS_OK);
	assert_int_equal(driver.runs, 2);
	peer_close(&peer);
}

/* What has begun and does not build comes to its end, and what has ended stays as it ended. */
static void test_one_that_has_begun_is_too_late_to_cancel(void **state)
{
	struct fixture *fixture = *state;
	struct peer peer;
	uint64_t id;

	join(fixture, &peer);
	id = begin(fixture, &peer, SLUICE_OP_DRIVER_LOAD);
	sem_wait(&driver.entered);
	expect_cancel(fixture, &peer, id, SLUICE_STATUS_TOO_LATE);
	expect_cancel(fixture, &peer, id + 1, SLUICE_STATUS_NOT_FOUND);
	assert_int_equal(operations_cancel(&operations, id, getuid() + 1, SLUICE_ROLE_HOST_ADMIN),
			 SLUICE_STATUS_NOT_FOUND); /* of another user */
	sem_post(&driver.go);
	assert_int_equal(wait_done(fixture, &peer, id).status, SLUICE_STATUS_OK);
	expect_cancel(fixture, &peer, id, SLUICE_STATUS_TOO_LATE);
	assert_int_equal(look(fixture, &peer, id).status, SLUICE_STATUS_OK);
	peer_close(&peer);
}

static void test_one_that_builds_is_cancelled_until_it_is_in_force(void **state)
{
	struct sluice_operation_record record;
	struct fixture *fixture = *state;
	struct peer peer;
	uint64_t id;

	join(fixture, &peer);
	id = begin(fixture, &peer, SLUICE_OP_POLICY_COMMIT);
	sem_wait(&driver.entered);
	expect_cancel(fixture, &peer, id, SLUICE_STATUS_OK);
	expect_cancel(fixture, &peer, id, SLUICE_STATUS_OK); /* it is to end still */
	assert_int_equal(look(fixture, &peer, id).state, SLUICE_OPERATION_RUNNING);
	sem_post(&driver.go);
	record = wait_done(fixture, &peer, id);
	assert_string_equal(sluice_status_name(record.status), "CANCELLED");
	id = begin(fixture, &peer, SLUICE_OP_POLICY_COMMIT);
	sem_wait(&driver.entered);
	sem_post(&driver.go);
	sem_wait(&driver.entered);
	expect_cancel(fixture, &peer, id, SLUICE_STATUS_TOO_LATE);
	sem_post(&driver.go);
	record = wait_done(fixture, &peer, id);
	assert_int_equal(record.status, SLUICE_STATUS_OK);
	assert_int_equal(record.result, 9);
	peer_close(&peer);
}

/* A thread has taken it, and has not entered it yet. */
static void test_cancelled_before_it_is_entered(void **state)
{
	uint64_t id;

	(void)state;
	assert_int_equal(operations_begin(&operations, 1, SLUICE_OP_DRIVER_LOAD, &id), SLUICE_STATUS_OK);
	assert_int_equal(operations_cancel(&operations, id, 1, SLUICE_ROLE_TENANT), SLUICE_STATUS_OK);
	assert_false(operation_enter(&operations, id));
	operation_leave();
	assert_true(operation_enter(&operations, 0));
	assert_false(operation_is_cancelled()); /* who carries out none is not concerned */
	assert_true(operation_fix());
	operation_leave();
}

/* ---- Memory ---------------------------------------------------------------------------------------- */

static uint64_t refused(void)
{
	struct sluice_info info = {0};

	operations_count(&operations, &info);
	return info.operations_refused;
}

/* Wherever memory runs out: it is counted, nothing is under way, and the client has what it had. */
static void test_no_memory_leaves_all_with_its_client(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_completion completion;
	uint32_t failed = 0;
	struct peer peer;

	join(fixture, &peer);
	memcpy(peer.ring.stage_in, "payload", 8);
	driver.has_upload = true;
	for (;;) {
		calls_before_failure = failed;
		completion = give(fixture, &peer, operation_of(SLUICE_OP_DRIVER_LOAD));
		if (calls_before_failure >= 0)
			break; /* all of it was there */
		expect_status(&completion, SLUICE_STATUS_NO_MEMORY);
		assert_int_equal(completion.result, 0);
		assert_true(driver.has_upload);
		assert_int_equal(driver.sessions, 1);
		assert_int_equal(refused(), ++failed);
	}
	calls_before_failure = -1;
	assert_true(failed > 0);
	expect_status(&completion, SLUICE_STATUS_OK);
	assert_false(driver.has_upload);
	sem_post(&driver.go);
	wait_done(fixture, &peer, completion.result);
	assert_int_equal(driver.runs, 1);
	assert_int_equal(refused(), failed);
	peer_close(&peer);
}

/* Else a lost answer would leave a client with an operation that it does not know. */
static void test_a_token_brings_the_same_one_back(void **state)
{
	struct sluice_command command = operation_of(SLUICE_OP_DRIVER_LOAD);
	struct fixture *fixture = *state;
	struct sluice_completion completion;
	struct peer peers[2];

	command.token = 77;
	for (unsigned i = 0; i < 2; i++) {
		join(fixture, &peers[i]);
		memcpy(peers[i].ring.stage_in, "payload", 8);
		completion = give(fixture, &peers[i], command);
		expect_status(&completion, SLUICE_STATUS_OK);
		assert_int_equal(completion.result, FIRST_ID);
		if (i == 0)
			sem_wait(&driver.entered);
	}
	command.flags = 0; /* another question */
	completion = give(fixture, &peers[1], command);
	expect_status(&completion, SLUICE_STATUS_TOKEN_REUSED);
	sem_post(&driver.go);
	wait_done(fixture, &peers[0], FIRST_ID);
	assert_int_equal(driver.runs, 1);
	for (unsigned i = 0; i < 2; i++)
		peer_close(&peers[i]);
}

/* ---- The library ----------------------------------------------------------------------------------- */

static bool serving; /* atomic */

static void *serve(void *broker)
{
	while (__atomic_load_n(&serving, __ATOMIC_ACQUIRE))
		broker_poll(broker, 5);
	return NULL;
}

/* The driver goes on when its client has seen it run. */
static void let_go(void *context, const struct sluice_operation_record *record)
{
	uint32_t *calls = context;

	++*calls;
	if (record->percent == 10)
		sem_post(&driver.go);
}

static void test_the_library_begins_and_waits(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_operation_record record;
	struct sluice_client *client;
	struct sluice_reply reply;
	struct sluice_fault fault;
	uint32_t calls = 0;
	pthread_t thread;

	__atomic_store_n(&serving, true, __ATOMIC_RELEASE);
	assert_int_equal(pthread_create(&thread, NULL, serve, fixture->broker), 0);
	client = sluice_open(fixture->dir, &fault);
	assert_non_null(client);
	assert_int_equal(sluice_begin(client, 0, SLUICE_OP_DRIVER_LOAD, 0, 0, "payload", 8, &reply), 0);
	assert_int_equal(reply.status, SLUICE_STATUS_OK);
	assert_int_equal(sluice_wait(client, reply.result, 10, NULL, NULL, &record, &fault), -EINPROGRESS);
	assert_int_not_equal(record.state, SLUICE_OPERATION_DONE);
	assert_int_equal(sluice_wait(client, reply.result, -1, let_go, &calls, &record, &fault), 0);
	assert_int_equal(record.state, SLUICE_OPERATION_DONE);
	assert_int_equal(record.result, 7);
	assert_true(calls >= 2); /* at 10 percent, and at the end */
	assert_int_equal(sluice_wait(client, 1, -1, NULL, NULL, &record, &fault), -EREMOTEIO);
	assert_int_equal(fault.status, SLUICE_STATUS_NOT_FOUND);
	sluice_close(client);
	__atomic_store_n(&serving, false, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
}

/* ---- The store ------------------------------------------------------------------------------------- */

/* Users have their shares; what is under way stays, and of the others the oldest leaves. */
static void test_the_store_is_bounded(void **state)
{
	const struct mailbox_call call = {.error_offset = SLUICE_NO_OFFSET};
	struct sluice_operation_record record, all[OPERATIONS_MAX];
	uint64_t id, first;

	(void)state;
	for (uint32_t i = 0; i < SLUICE_OPERATIONS; i++) {
		assert_int_equal(operations_begin(&operations, 1, SLUICE_OP_DRIVER_LOAD, &id), SLUICE_STATUS_OK);
		first = i == 0 ? id : first;
	}
	assert_int_equal(operations_begin(&operations, 1, SLUICE_OP_DRIVER_LOAD, &id),
			 SLUICE_STATUS_TOO_MANY_OPERATIONS);
	operations_end(&operations, first + 3, &call, SLUICE_STATUS_OK);
	operations_end(&operations, first + 2, &call, SLUICE_STATUS_OK);
	assert_int_equal(operations_begin(&operations, 1, SLUICE_OP_DRIVER_LOAD, &id), SLUICE_STATUS_OK);
	assert_int_equal(operations_begin(&operations, 2, SLUICE_OP_DRIVER_LOAD, &id), SLUICE_STATUS_OK);
	assert_false(operations_find(&operations, first + 2, 1, SLUICE_ROLE_TENANT, &record));
	assert_true(operations_find(&operations, first + 3, 1, SLUICE_ROLE_TENANT, &record));
	assert_false(operations_find(&operations, first + 3, 2, SLUICE_ROLE_HOST_ADMIN, &record));
	assert_true(operations_find(&operations, first + 3, 2, SLUICE_ROLE_OPERATOR, &record));
	assert_int_equal(operations_collect(&operations, 1, SLUICE_ROLE_TENANT, all), SLUICE_OPERATIONS);
	assert_int_equal(operations_collect(&operations, 9, SLUICE_ROLE_TENANT, all), 0);
	assert_int_equal(operations_collect(&operations, 9, SLUICE_ROLE_OPERATOR, all), SLUICE_OPERATIONS + 1);
	for (uint32_t i = 1; i <= SLUICE_OPERATIONS; i++)
		assert_true(all[i - 1].id < all[i].id);
}

/* Many short ones of one user: who waits for the first of them hears how it ended. */
static void test_who_waits_hears_the_end(void **state)
{
	const struct mailbox_call call = {.error_offset = SLUICE_NO_OFFSET};
	struct sluice_operation_record record;
	uint64_t id;

	(void)state;
	for (uint32_t i = 0; i < 5 * SLUICE_OPERATIONS; i++) {
		assert_int_equal(operations_begin(&operations, 1, SLUICE_OP_STACK_INSERT, &id), SLUICE_STATUS_OK);
		operations_end(&operations, id, &call, SLUICE_STATUS_OK);
		if (i > 0) /* all others are asked for at once */
			assert_true(operations_find(&operations, id, 1, SLUICE_ROLE_TENANT, &record));
	}
	assert_true(operations_find(&operations, FIRST_ID, 1, SLUICE_ROLE_TENANT, &record));
	assert_false(operations_find(&operations, FIRST_ID + 1, 1, SLUICE_ROLE_TENANT, &record));
	assert_int_equal(operations_begin(&operations, 1, SLUICE_OP_STACK_INSERT, &id), SLUICE_STATUS_OK);
	assert_false(operations_find(&operations, FIRST_ID, 1, SLUICE_ROLE_TENANT, &record)); /* it was told */
}

static uint64_t begin_one(uid_t user)
{
	uint64_t id = 0;

	assert_int_equal(operations_begin(&operations, user, SLUICE_OP_STACK_INSERT, &id), SLUICE_STATUS_OK);
	return id;
}

static bool ask(uint64_t id, uid_t user, enum sluice_role role)
{
	struct sluice_operation_record record;

	return operations_find(&operations, id, user, role, &record);
}

static void expect_full(uid_t user)
{
	uint64_t id;

	assert_int_equal(operations_begin(&operations, user, SLUICE_OP_STACK_INSERT, &id),
			 SLUICE_STATUS_TOO_MANY_OPERATIONS);
}

/* As many as are kept, all waited for: the next is refused until one has told its end, or nobody has come to hear. */
static void test_an_end_that_is_waited_for_is_kept(void **state)
{
	const struct mailbox_call call = {.error_offset = SLUICE_NO_OFFSET};

	(void)state;
	for (uint32_t i = 0; i < SLUICE_OPERATIONS; i++)
		assert_true(ask(begin_one(1), 1, SLUICE_ROLE_TENANT));
	for (uint32_t i = 0; i < SLUICE_OPERATIONS; i++)
		operations_end(&operations, FIRST_ID + i, &call, SLUICE_STATUS_OK);
	expect_full(1);
	begin_one(2);
	assert_true(ask(FIRST_ID + 3, 1, SLUICE_ROLE_TENANT));
	begin_one(1);
	assert_false(ask(FIRST_ID + 3, 1, SLUICE_ROLE_TENANT)); /* it was told */
	expect_full(1);
	__atomic_add_fetch(&later_s, OPERATIONS_AWAITED_MS / 1000 - 1, __ATOMIC_RELAXED);
	expect_full(1);
	__atomic_add_fetch(&later_s, 1, __ATOMIC_RELAXED);
	begin_one(1);
	assert_false(ask(FIRST_ID, 1, SLUICE_ROLE_TENANT)); /* the oldest */
	assert_true(ask(FIRST_ID + 1, 1, SLUICE_ROLE_TENANT));
}

/* An operator that waits for another user's operation, or has cancelled it, hears its end though its user has. */
static void test_an_operator_hears_the_end_too(void **state)
{
	const struct mailbox_call call = {.error_offset = SLUICE_NO_OFFSET};

	(void)state;
	assert_true(ask(begin_one(1), 9, SLUICE_ROLE_OPERATOR));
	begin_one(1);
	assert_int_equal(operations_cancel(&operations, FIRST_ID + 1, 9, SLUICE_ROLE_OPERATOR), SLUICE_STATUS_OK);
	for (uint32_t i = 0; i < 2 * SLUICE_OPERATIONS; i++) {
		uint64_t id = i < 2 ? FIRST_ID + i : begin_one(1);

		operations_end(&operations, id, &call, SLUICE_STATUS_OK);
		assert_true(ask(id, 1, SLUICE_ROLE_TENANT));
	}
	assert_true(ask(FIRST_ID, 9, SLUICE_ROLE_OPERATOR));
	assert_true(ask(FIRST_ID + 1, 9, SLUICE_ROLE_OPERATOR));
	begin_one(1);
	begin_one(1);
	assert_false(ask(FIRST_ID, 9, SLUICE_ROLE_OPERATOR)); /* all were told */
	assert_false(ask(FIRST_ID + 1, 9, SLUICE_ROLE_OPERATOR));
}

/* Where every place is taken, by many users, the oldest one that is done makes room. */
static void test_many_users_share_the_store(void **state)
{
	const struct mailbox_call call = {.error_offset = SLUICE_NO_OFFSET};
	struct sluice_operation_record record;
	uint64_t id;

	(void)state;
	for (uid_t user = 0; user < OPERATIONS_MAX; user++)
		assert_int_equal(operations_begin(&operations, user, SLUICE_OP_DRIVER_LOAD, &id), SLUICE_STATUS_OK);
	assert_int_equal(operations_begin(&operations, 1000, SLUICE_OP_DRIVER_LOAD, &id),
			 SLUICE_STATUS_TOO_MANY_OPERATIONS);
	operations_end(&operations, FIRST_ID + 5, &call, SLUICE_STATUS_OK);
	assert_int_equal(operations_begin(&operations, 1000, SLUICE_OP_DRIVER_LOAD, &id), SLUICE_STATUS_OK);
	assert_false(operations_find(&operations, FIRST_ID + 5, 5, SLUICE_ROLE_TENANT, &record));
	assert_true(operations_find(&operations, FIRST_ID + 4, 4, SLUICE_ROLE_TENANT, &record));
}

#undef CASE
#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(its_client_gives_other_commands_meanwhile),
		CASE(events_tell_how_far_it_is),
		CASE(one_that_fails_says_why),
		CASE(it_outlives_its_client),
		CASE(the_end_of_the_broker_waits_for_it),
		CASE(what_cannot_be_one_is_refused),
		CASE(no_memory_leaves_all_with_its_client),
		CASE(one_that_waits_is_cancelled),
		CASE(one_that_has_begun_is_too_late_to_cancel),
		CASE(one_that_builds_is_cancelled_until_it_is_in_force),
		CASE(cancelled_before_it_is_entered),
		CASE(a_token_brings_the_same_one_back),
		CASE(the_library_begins_and_waits),
		CASE(the_store_is_bounded),
		CASE(who_waits_hears_the_end),
		CASE(an_end_that_is_waited_for_is_kept),
		CASE(an_operator_hears_the_end_too),
		CASE(many_users_share_the_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
