/* SPDX-License-Identifier: BSD-3-Clause */
/* References that do not balance: which one it is, of whom, and where it was taken and given back (contract 12.10). */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "im/ledger.h"
#include "im/verify/verifier.h"
#include "watched.h"

static const struct im_verify_options limits = {.wait_limit_ms = 1};

static struct im_reference reference;
static uint32_t destroyed;

static void count_destroyed(struct im_reference *gone)
{
	assert_ptr_equal(gone, &reference);
	destroyed++;
}

static void make(void)
{
	destroyed = 0;
	im_reference_init(&reference, count_destroyed);
}

static void expect_text(const char *text)
{
	if (strstr(im_last_violation(), text) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", im_last_violation(), text);
}

/* ---- Given back too often ---------------------------------------------------------------------------- */

static void drop_open(void)
{
	im_reference_drop_as(&reference, "open");
}

static void hold_both(void)
{
	assert_true(im_reference_hold_as(&reference, "open"));
	assert_true(im_reference_hold_as(&reference, "call"));
}

/* The sum alone would be right until the last one is dropped, by somebody else. */
/* contract: 12.10 */
static void given_back_twice(void **state)
{
	char given[128] = "";

	(void)state;
	make();
	watched_in_handler(IM_HANDLER_initialize, hold_both);
	watched_in_handler(IM_HANDLER_halt, drop_open);
	watched_expect_none();
	watched_in_handler(IM_HANDLER_halt, drop_open);
	watched_expect("12.10", "mad", "gave back 'open' of reference");
	snprintf(given, sizeof(given), "given back by 'mad' on thread %u, 0 ms ago, at ", im_this_worker->index);
	expect_text(given);
	expect_text("'call' is out 1 times:\n    taken by 'mad' on thread 0");
	expect_text("(no tag) is out 1 times:\n    taken by 'the core'");
	im_reference_drop_as(&reference, "call");
	assert_int_equal(destroyed, 0); /* the one too many was left out */
	im_reference_drop(&reference);
	assert_int_equal(destroyed, 1);
	watched_expect_none();
}

/* contract: 12.10 */
static void given_back_under_another_tag(void **state)
{
	(void)state;
	make();
	assert_true(im_reference_hold_as(&reference, "call"));
	drop_open();
	watched_expect("12.10", "the core", "gave back 'open' of reference");
	expect_text("'call' is out 1 times");
	im_reference_drop_as(&reference, "call");
	im_reference_drop(&reference);
	assert_int_equal(destroyed, 1);
}

/* It does not look at what may be freed by then. */
/* contract: 12.10 */
static void given_back_when_it_is_gone(void **state)
{
	(void)state;
	make();
	im_reference_drop(&reference);
	assert_int_equal(destroyed, 1);
	reference.count = 77;
	im_reference_drop(&reference);
	watched_expect("12.10", "the core", "gave back (no tag) of reference");
	assert_int_equal(reference.count, 77);
	assert_int_equal(destroyed, 1);
}

static void keep_block(struct im_block *block)
{
	(void)block;
}

/* contract: 12.10 */
static void block_given_back_twice(void **state)
{
	struct im_block block = {0};

	(void)state;
	im_block_init(&block, keep_block);
	im_block_drop(&block);
	im_block_drop(&block);
	watched_expect("12.10", "the core", "gave back (no tag) of config block");
}

/* contract: 12.10 */
static void instance_given_back_twice(void **state)
{
	struct im_instance *held;

	(void)state;
	held = im_hold_instance("nic");
	assert_ptr_equal(held, watched.nic);
	im_release_instance(held);
	im_release_instance(held);
	watched_expect("12.10", "the core", "gave back 'found by name' of instance");
	assert_int_equal(held->holds, 0);
}

/* contract: 12.10 */
static void binding_given_back_under_another_tag(void **state)
{
	(void)state;
	im_keep_binding(watched.top_binding, "event");
	im_let_go_binding(watched.top_binding, "bind");
	watched_expect("12.10", "the core", "gave back 'bind' of binding");
	expect_text("'event' is out 1 times");
	im_let_go_binding(watched.top_binding, "event");
	assert_int_equal(watched.top_binding->holds, 0);
}

/* ---- Not given back ---------------------------------------------------------------------------------- */

static void hold_open(void)
{
	assert_true(im_reference_hold_as(&reference, "open"));
}

static void hold_call(void)
{
	assert_true(im_reference_hold_as(&reference, "call"));
}

static void drop_call(void)
{
	im_reference_drop_as(&reference, "call");
}

/* contract: 12.10 */
static void not_given_back_at_unload(void **state)
{
	(void)state;
	make();
	watched_in_handler(IM_HANDLER_query_information, hold_call);
	watched_in_handler(IM_HANDLER_initialize, hold_open);
	watched_in_handler(IM_HANDLER_query_information, drop_call);
	im_reference_drop(&reference);
	assert_int_equal(im_report_leaks(&watched_wrapper), 1);
	watched_expect("12.10", "mad", "not given back: 1 references\n  'open' is out 1 times:\n    taken by 'mad'");
	assert_null(strstr(im_last_violation(), "'call'"));
	im_reference_drop_as(&reference, "open");
	assert_int_equal(im_report_leaks(&watched_wrapper), 0);
	watched_expect_none();
}

/* Each of several under one tag has its own taker, whoever came last. */
/* contract: 12.10 */
static void others_take_and_give_back_under_the_same_tag(void **state)
{
	(void)state;
	make();
	watched_in_handler(IM_HANDLER_initialize, hold_open);
	hold_open(); /* the core */
	assert_int_equal(im_report_leaks(&watched_wrapper), 3);
	watched_expect("12.10", "mad", "not given back: 3 references\n  (no tag) is out 1 times");
	expect_text("taken by 'mad'");
	make();
	hold_open();
	watched_in_handler(IM_HANDLER_initialize, hold_open);
	drop_open(); /* what the core took, though it was not the last */
	assert_int_equal(im_report_leaks(&watched_wrapper), 2);
	watched_expect("12.10", "mad", "'open' is out 1 times:\n    taken by 'mad'");
	make();
	watched_in_handler(IM_HANDLER_initialize, hold_open);
	hold_open();
	watched_in_handler(IM_HANDLER_halt, drop_open);
	assert_int_equal(im_report_leaks(&watched_wrapper), 0);
	watched_expect_none();
}

/* More than are remembered: the oldest taker is forgotten, and the count stays right. */
static void many_are_out_under_one_tag(void **state)
{
	(void)state;
	make();
	for (int i = 0; i < 20; i++)
		hold_open();
	for (int i = 0; i < 20; i++)
		drop_open();
	watched_expect_none();
	drop_open();
	watched_expect("12.10", "the core", "gave back 'open' of reference");
}

/* There is room for some of the tags. Those are judged as ever, and what was given back is no leak. */
/* contract: 12.10 */
static void more_tags_than_there_is_room_for(void **state)
{
	static const char *const tags[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n"};

	(void)state;
	make();
	watched_in_handler(IM_HANDLER_initialize, hold_both);
	for (uint32_t i = 0; i < RTE_DIM(tags); i++)
		assert_true(im_reference_hold_as(&reference, tags[i]));
	for (uint32_t i = 0; i < RTE_DIM(tags); i++)
		im_reference_drop_as(&reference, tags[i]);
	watched_in_handler(IM_HANDLER_halt, drop_open);
	watched_in_handler(IM_HANDLER_halt, drop_call);
	watched_expect_none();
	assert_int_equal(im_report_leaks(&watched_wrapper), 0);
	watched_expect_none();
	drop_open();
	watched_expect("12.10", "the core", "gave back 'open' of reference");
}

/* Nor is the next one of its name to blame, which has taken none. */
/* contract: 12.10 */
static void not_given_back_is_said_once(void **state)
{
	(void)state;
	make();
	watched_in_handler(IM_HANDLER_initialize, hold_open);
	assert_int_equal(im_report_leaks(&watched_wrapper), 2);
	watched_expect("12.10", "mad", "not given back: 2 references");
	assert_int_equal(im_report_leaks(&watched_wrapper), 0);
	watched_expect_none();
	make();
	im_reference_drop(&reference);
	assert_int_equal(destroyed, 1);
	watched_expect_none();
}

/* What a driver makes the core do is not its own. */
static void make_block(void)
{
	static struct im_block block;

	im_block_init(&block, keep_block);
}

static void block_of_the_core_is_no_leak(void **state)
{
	(void)state;
	watched_in_handler(IM_HANDLER_initialize, make_block);
	assert_int_equal(im_report_leaks(&watched_wrapper), 0);
	watched_expect_none();
}

/* Whom a halt waits for. */
/* contract: 12.10 */
static void wait_names_who_holds(void **state)
{
	const struct timespec moment = {.tv_nsec = 2000000};
	struct im_instance *held = im_hold_instance("nic");
	struct im_wait wait = {0};

	(void)state;
	im_keep_instance(held, "hang check");
	im_let_go_instance(held, "hang check");
	im_verify_wait_holds(&wait, "2.46", held, "nic", "nic", "it halts");
	nanosleep(&moment, NULL);
	im_verify_wait_holds(&wait, "2.46", held, "nic", "nic", "it halts");
	watched_expect("2.46", "nic",
		       "it halts\n  'found by name' is out 1 times:\n    taken by 'the core' on thread 0");
	assert_null(strstr(im_last_violation(), "hang check"));
	im_release_instance(held);
}

/* ---- Room ---------------------------------------------------------------------------------------------- */

/* What there is no room for is not judged; what has gone makes room. */
static void as_many_as_there_is_room_for(void **state)
{
	static uint64_t objects[2048];

	(void)state;
	for (uint32_t i = 0; i < RTE_DIM(objects); i++)
		im_ledger_begin(&objects[i], IM_COUNTED_REFERENCE);
	assert_true(im_ledger_give(&objects[RTE_DIM(objects) - 1], "open", NULL));
	watched_expect_none();
	assert_false(im_ledger_give(&objects[0], "open", NULL));
	watched_expect("12.10", "the core", "gave back 'open'");
	im_ledger_end(&objects[0]);
	im_ledger_begin(&objects[RTE_DIM(objects) - 1], IM_COUNTED_REFERENCE);
	assert_false(im_ledger_give(&objects[RTE_DIM(objects) - 1], "open", NULL));
	watched_expect("12.10", "the core", "gave back 'open'");
	assert_true(im_ledger_give(&objects[0], "open", NULL));
}

static int up(void **state)
{
	(void)state;
	watched_up(&limits);
	return 0;
}

static int down(void **state)
{
	(void)state;
	im_verify_now.wait_limit_ms = 30000;
	watched_down();
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(as_many_as_there_is_room_for),
		TEST(binding_given_back_under_another_tag),
		TEST(block_given_back_twice),
		TEST(block_of_the_core_is_no_leak),
		TEST(given_back_twice),
		TEST(given_back_under_another_tag),
		TEST(given_back_when_it_is_gone),
		TEST(instance_given_back_twice),
		TEST(not_given_back_at_unload),
		TEST(not_given_back_is_said_once),
		TEST(others_take_and_give_back_under_the_same_tag),
		TEST(many_are_out_under_one_tag),
		TEST(more_tags_than_there_is_room_for),
		TEST(wait_names_who_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
