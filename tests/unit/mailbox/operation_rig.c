/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers that take their time, and who gives them their commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>

#include "operation_rig.h"

struct operation_driver driver;
struct operations operations;
struct event_log events;
static struct broker *broker;

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

int operation_rig_up(void **state)
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
int operation_rig_down(void **state)
{
	fixture_close_threaded(*state);
	assert_int_equal(driver.sessions, 0);
	operations_destroy(&operations);
	event_log_destroy(&events);
	sem_destroy(&driver.entered);
	sem_destroy(&driver.go);
	return 0;
}

struct sluice_completion give(struct fixture *fixture, struct peer *peer, struct sluice_command command)
{
	ring_submit(&peer->ring, command);
	peer_kick(peer);
	return await_completion(fixture, peer);
}

void expect_status(const struct sluice_completion *completion, enum sluice_status expected)
{
	assert_string_equal(sluice_status_name(completion->status), sluice_status_name(expected));
}

struct sluice_command operation_of(enum sluice_opcode opcode)
{
	return (struct sluice_command){
		.opcode = (uint16_t)opcode,
		.flags = SLUICE_FLAG_OPERATION,
		.in_length = opcode == SLUICE_OP_DRIVER_UNLOAD ? SLUICE_NAME_SIZE
			     : opcode == SLUICE_OP_DRIVER_LOAD ? 8
							       : 0,
	};
}

uint64_t begin(struct fixture *fixture, struct peer *peer, enum sluice_opcode opcode)
{
	struct sluice_completion completion;

	memcpy(peer->ring.stage_in, "payload", 8);
	completion = give(fixture, peer, operation_of(opcode));
	expect_status(&completion, SLUICE_STATUS_OK);
	memset(peer->ring.stage_in, 0, 8); /* it has a copy of its own */
	return completion.result;
}

struct sluice_operation_record look(struct fixture *fixture, struct peer *peer, uint64_t id)
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

struct sluice_operation_record wait_done(struct fixture *fixture, struct peer *peer, uint64_t id)
{
	struct sluice_operation_record record;

	do
		record = look(fixture, peer, id);
	while (record.state != SLUICE_OPERATION_DONE);
	return record;
}

void expect_event(uint32_t *cursor, enum sluice_event_kind kind, const char *subject, uint64_t value)
{
	struct sluice_event event = {0};

	assert_true(event_log_next(&events, cursor, &event));
	assert_int_equal(event.kind, kind);
	assert_string_equal(event.subject, subject);
	assert_int_equal(event.value, value);
}
