/* SPDX-License-Identifier: BSD-3-Clause */
/* An operation is cancelled until it is in force. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <unistd.h>

#include "operation_rig.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(one_that_waits_is_cancelled),
		CASE(one_that_has_begun_is_too_late_to_cancel),
		CASE(one_that_builds_is_cancelled_until_it_is_in_force),
		CASE(cancelled_before_it_is_entered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
