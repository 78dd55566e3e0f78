/* SPDX-License-Identifier: BSD-3-Clause */
/* Which operations are remembered, and for whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <time.h>

#include "operation.h"

#define FIRST_ID 1000u

static struct operations operations;
static struct event_log events;

static int up(void **state)
{
	(void)state;
	assert_int_equal(event_log_create(&events), 0);
	operations_create(&operations, FIRST_ID, &events);
	return 0;
}

static int down(void **state)
{
	(void)state;
	operations_destroy(&operations);
	event_log_destroy(&events);
	return 0;
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

/* ---- Tests ----------------------------------------------------------------------------------------- */

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

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_store_is_bounded),
		CASE(who_waits_hears_the_end),
		CASE(an_end_that_is_waited_for_is_kept),
		CASE(an_operator_hears_the_end_too),
		CASE(many_users_share_the_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
