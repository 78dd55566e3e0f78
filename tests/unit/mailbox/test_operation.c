/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations: they are begun by a command that is answered at once, and go on without their client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>

#include "mailbox/client.h"
#include "operation_rig.h"

/* ---- Begun  ----------------------------------------------------------------------------------------- */

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
		CASE(a_token_brings_the_same_one_back),
		CASE(the_library_begins_and_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
