/* SPDX-License-Identifier: BSD-3-Clause */
/* Counter slots: one for each identity, for as long as anybody uses it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <stdio.h>

#include "../edge/eal.h"
#include "counter.h"
#include "im/core.h"

#define SLOTS 100u

static struct counter_table *table;
static uint32_t fail_calloc;
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	return fail_calloc > 0 && --fail_calloc == 0 ? NULL : __real_calloc(count, size);
}

static int up(void **state)
{
	(void)state;
	assert_int_equal(im_core_create(1, SLOTS), 0);
	table = counter_table_create(SLOTS);
	assert_non_null(table);
	return 0;
}

static int down(void **state)
{
	(void)state;
	counter_table_destroy(table);
	return im_core_destroy() == 0 ? 0 : -1;
}

static uint32_t take(const char *instance, const char *rule)
{
	char names[2][SLUICE_NAME_SIZE] = {""};

	snprintf(names[0], sizeof(names[0]), "%s", instance);
	snprintf(names[1], sizeof(names[1]), "%s", rule);
	return counter_take(table, names[0], names[1]);
}

static void a_name_has_one_slot(void **state)
{
	uint32_t slot = take("fw", "a");

	(void)state;
	assert_true(slot < SLOTS);
	assert_int_equal(take("fw", "a"), slot);
	assert_int_not_equal(take("fw", "b"), slot);
	assert_int_not_equal(take("fw2", "a"), slot); /* the same name in another driver */
	assert_int_not_equal(take("fwa", ""), slot);
}

static void defaults_have_slots_of_their_own(void **state)
{
	char name[SLUICE_NAME_SIZE] = "fw";
	uint32_t in = counter_take_default(table, name, 0), out = counter_take_default(table, name, 1);

	(void)state;
	assert_int_not_equal(in, out);
	assert_int_equal(counter_take_default(table, name, 0), in);
	assert_int_not_equal(take("fw", "default"), in);
}

static void numbers_live_as_long_as_anybody_uses_the_name(void **state)
{
	uint32_t slot = take("fw", "a");

	(void)state;
	im_count_rule(slot, 3, 300);
	assert_int_equal(take("fw", "a"), slot);
	counter_release(table, slot);
	assert_int_equal(im_read_rule(slot).packets, 3); /* one user is left */
	assert_int_equal(im_read_rule(slot).bytes, 300);
	assert_int_equal(take("fw", "a"), slot);
	counter_release(table, slot);
	counter_release(table, slot);
	slot = take("fw", "a");
	assert_int_equal(im_read_rule(slot).packets, 0); /* everybody was gone: it begins anew */
}

/* Whoever still reads the old policy keeps its numbers, and does not give them to the rule that comes after. */
static void a_name_that_is_not_in_force_begins_anew(void **state)
{
	uint32_t old = take("fw", "a"), new;

	(void)state;
	counter_enter(table, old);
	im_count_rule(old, 3, 300);
	assert_int_equal(take("fw", "a"), old); /* the next policy, which has it too */
	counter_enter(table, old);
	counter_leave(table, old);
	assert_int_equal(take("fw", "a"), old);
	counter_leave(table, old); /* another one has it not */
	new = take("fw", "a");
	assert_int_not_equal(new, old);
	assert_int_equal(im_read_rule(new).packets, 0);
	assert_int_equal(im_read_rule(old).packets, 3);
	for (uint32_t i = 0; i < 3; i++)
		counter_release(table, old);
	assert_int_equal(take("fw", "a"), new); /* it has not lost its name with the old one */
	assert_int_equal(take("fw", "b"), old);
	assert_int_equal(im_read_rule(old).packets, 0);
}

static void numbers_of_all_workers_are_added_up_and_cleared(void **state)
{
	uint32_t slot = take("fw", "a");
	struct im_worker *self = im_this_worker;

	(void)state;
	im_count_rule(slot, 1, 10);
	im_this_worker = &im_core.workers[1];
	im_count_rule(slot, 2, 20);
	im_this_worker = self;
	assert_int_equal(im_read_rule(slot).packets, 3);
	assert_int_equal(im_read_rule(slot).bytes, 30);
	counter_release(table, slot);
	slot = take("fw", "other");
	assert_int_equal(im_read_rule(slot).packets, 0);
}

static void every_slot_can_be_used_and_no_more(void **state)
{
	bool used[SLOTS] = {false};
	uint32_t slot;
	char rule[16];

	(void)state;
	for (uint32_t i = 0; i < SLOTS; i++) {
		snprintf(rule, sizeof(rule), "r%u", i);
		slot = take("fw", rule);
		assert_true(slot < SLOTS);
		assert_false(used[slot]);
		used[slot] = true;
	}
	assert_int_equal(take("fw", "one-more"), COUNTER_NONE);
	assert_true(take("fw", "r7") < SLOTS); /* known names still have theirs */
	slot = take("fw", "r50");
	counter_release(table, slot);
	counter_release(table, slot);
	assert_int_equal(take("fw", "one-more"), slot);
}

static void releasing_nothing_is_nothing(void **state)
{
	(void)state;
	counter_release(table, COUNTER_NONE);
}

static void slots_are_enough_for_a_whole_replacement(void **state)
{
	(void)state;
	/* old and new rules, and the defaults of as many instances as a policy has */
	assert_int_equal(counter_slots(1000), 2 * (1000 + 2 * SLUICE_POLICY_MAX_INSTANCES));
}

static void without_memory_there_is_no_table(void **state)
{
	(void)state;
	for (uint32_t step = 1; step <= 3; step++) {
		fail_calloc = step;
		assert_null(counter_table_create(SLOTS));
		assert_int_equal(fail_calloc, 0);
	}
	counter_table_destroy(NULL);
}

int main(void)
{
#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, up, down)
	const struct CMUnitTest tests[] = {
		WITH_TABLE(a_name_has_one_slot),
		WITH_TABLE(defaults_have_slots_of_their_own),
		WITH_TABLE(numbers_live_as_long_as_anybody_uses_the_name),
		WITH_TABLE(a_name_that_is_not_in_force_begins_anew),
		WITH_TABLE(numbers_of_all_workers_are_added_up_and_cleared),
		WITH_TABLE(every_slot_can_be_used_and_no_more),
		WITH_TABLE(releasing_nothing_is_nothing),
		cmocka_unit_test(slots_are_enough_for_a_whole_replacement),
		cmocka_unit_test(without_memory_there_is_no_table),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
