/* SPDX-License-Identifier: BSD-3-Clause */
/* The one way to change the policy in force: committed whole, or refused with everything as it was. */
#include <string.h>

#include "../edge/eal.h"
#include "machine.h"

static struct control *const control = &machine.control;

/* Everything that a refused change must leave alone. */
struct snapshot {
	struct config *current;
	struct im_block *block;
	uint64_t generation;
	uint64_t applied;
	uint64_t retired;
	uint32_t waiting;
	struct policy_image image;
};

static struct snapshot take_snapshot(void)
{
	return (struct snapshot){
		.current = control->current,
		.block = im_block_current(&im_core.block),
		.generation = control->generation,
		.applied = control->statistics.applied,
		.retired = control->statistics.retired,
		.waiting = control->waiting_count,
		.image = image_copy(&control->current->image),
	};
}

static void expect_untouched(struct snapshot *before)
{
	assert_ptr_equal(control->current, before->current);
	assert_ptr_equal(im_block_current(&im_core.block), before->block);
	assert_int_equal(control->generation, before->generation);
	assert_int_equal(before->block->generation, before->generation);
	assert_int_equal(control->statistics.applied, before->applied);
	assert_int_equal(control->statistics.retired, before->retired);
	assert_int_equal(control->waiting_count, before->waiting);
	assert_int_equal(control->current->image.length, before->image.length);
	assert_memory_equal(control->current->image.header, before->image.header, before->image.length);
	policy_image_clear(&before->image);
}

static uint32_t slot_of(uint32_t rule)
{
	return control->current->slots[rule];
}

/* ---- Into force -------------------------------------------------------------------------------------- */

static void a_commit_puts_the_policy_in_force(void **state)
{
	struct policy_image image = image_usual(2, 3);
	uint32_t offset;

	(void)state;
	machine_up(0, 0);
	assert_int_equal(control->generation, 1);
	assert_int_equal(control_commit(control, &image, 1, &offset), SLUICE_STATUS_OK);
	assert_null(image.header); /* taken over */
	assert_int_equal(control->generation, 2);
	assert_ptr_equal(im_block_current(&im_core.block), &control->current->block);
	assert_int_equal(control->current->block.generation, 2);
	assert_int_equal(control->current->image.header->rules, 5);
	assert_int_equal(control->statistics.applied, 2);
	assert_int_equal(control->waiting_count, 1);
	control_tick(control);
	assert_int_equal(control->waiting_count, 0);
	assert_int_equal(control->statistics.retired, 1);
	machine_down();
}

static void a_commit_for_another_generation_is_refused(void **state)
{
	struct policy_image image = image_usual(1, 0);
	struct snapshot before;
	uint32_t offset = 0;

	(void)state;
	machine_up(0, 0);
	before = take_snapshot();
	assert_int_equal(control_commit(control, &image, 7, &offset), SLUICE_STATUS_GENERATION_MISMATCH);
	assert_int_equal(offset, SLUICE_NO_OFFSET);
	assert_non_null(image.header); /* still the caller's */
	assert_int_equal(control->statistics.rejected, 1);
	expect_untouched(&before);
	policy_image_clear(&image);
	machine_down();
}

static void expect_refused(struct policy_image image, enum sluice_status status, const void *at)
{
	uint32_t expected = at != NULL ? (uint32_t)((const char *)at - (const char *)image.header) : SLUICE_NO_OFFSET;
	struct snapshot before = take_snapshot();
	uint64_t rejected = control->statistics.rejected;

	assert_int_equal(machine_commit(image, status), expected);
	assert_int_equal(control->statistics.rejected, rejected + 1);
	expect_untouched(&before);
}

static void what_is_wrong_is_refused_and_changes_nothing(void **state)
{
	const struct image_instance rules_for_tap[] = {{"tap", "passthru", 1, true, SLUICE_ALLOW}};
	const struct image_instance unknown[] = {{"fw", "filter", 1, true, SLUICE_ALLOW},
						 {"who", "filter", 0, true, SLUICE_ALLOW}};
	struct policy_image image;

	(void)state;
	machine_up(2, 1);
	image = image_usual(1, 1);
	image.header->magic++;
	expect_refused(image, SLUICE_STATUS_BAD_MAGIC, &image.header->magic);
	image = image_usual(1, 1);
	policy_rules(&image)[1].action = 9;
	expect_refused(image, SLUICE_STATUS_BAD_VALUE, &policy_rules(&image)[1].action);
	image = image_usual(9, 8);
	expect_refused(image, SLUICE_STATUS_OVER_BUDGET, &image.header->rules);
	image = image_full(rules_for_tap, 1);
	expect_refused(image, SLUICE_STATUS_NO_RULES_HERE, &policy_instances(&image)[0].takes_rules);
	image = image_full(unknown, 2);
	expect_refused(image, SLUICE_STATUS_NOT_FOUND, policy_instances(&image)[1].name);
	image = image_usual(8, 8); /* as many as the budget allows */
	assert_int_equal(machine_commit(image, SLUICE_STATUS_OK), SLUICE_NO_OFFSET);
	machine_down();
}

/* ---- Validation --------------------------------------------------------------------------------------- */

static void a_validation_changes_nothing(void **state)
{
	struct policy_image good = image_usual(3, 3), bad = image_usual(9, 9);
	struct snapshot before;
	int64_t allocations;
	uint32_t offset;

	(void)state;
	machine_up(2, 1);
	before = take_snapshot();
	allocations = machine_allocations;
	assert_int_equal(control_validate(control, &good, &offset), SLUICE_STATUS_OK);
	assert_int_equal(control_validate(control, &bad, &offset), SLUICE_STATUS_OVER_BUDGET);
	assert_int_equal(offset, offsetof(struct sluice_policy_header, rules));
	assert_non_null(bad.header); /* it was refused: still the caller's */
	policy_image_clear(&bad);
	assert_null(good.header); /* it was built, and went with what was built */
	assert_true(machine_allocations <= allocations - 2);
	expect_untouched(&before);
	machine_down();
}

/* ---- Counters ----------------------------------------------------------------------------------------- */

static void counters_survive_every_change_that_keeps_the_name(void **state)
{
	uint32_t a1, default_in;

	(void)state;
	machine_up(2, 0);
	a1 = slot_of(1);
	default_in = control->current->default_slots[0][SLUICE_IN];
	im_count_rule(a1, 5, 500);
	im_count_rule(default_in, 7, 700);
	machine_commit(image_usual(6, 2), SLUICE_STATUS_OK);
	assert_int_equal(slot_of(1), a1);
	assert_int_equal(im_read_rule(slot_of(1)).packets, 5);
	control_tick(control); /* the old one goes */
	assert_int_equal(im_read_rule(slot_of(1)).packets, 5);
	assert_int_equal(im_read_rule(slot_of(1)).bytes, 500);
	assert_int_equal(im_read_rule(control->current->default_slots[0][SLUICE_IN]).packets, 7);
	machine_down();
}

static void a_rule_that_went_and_came_again_begins_at_zero(void **state)
{
	(void)state;
	machine_up(2, 0);
	im_count_rule(slot_of(1), 5, 500);
	machine_commit(image_usual(1, 0), SLUICE_STATUS_OK);
	control_tick(control);
	machine_commit(image_usual(2, 0), SLUICE_STATUS_OK);
	assert_int_equal(im_read_rule(slot_of(1)).packets, 0);
	machine_down();
}

/* Also where the policy that had it is still read, and where its grace period is not over. */
static void a_holder_keeps_the_numbers_and_gives_them_to_nobody(void **state)
{
	struct config *held;

	(void)state;
	for (uint32_t blocked = 0; blocked < 2; blocked++) {
		machine_up(2, 0);
		held = control->current;
		assert_true(im_block_hold(&held->block));
		machine_grace_blocked = blocked;
		im_count_rule(slot_of(0), 2, 200);
		im_count_rule(slot_of(1), 5, 500);
		machine_commit(image_usual(1, 0), SLUICE_STATUS_OK);
		control_tick(control);
		machine_commit(image_usual(2, 0), SLUICE_STATUS_OK);
		assert_int_equal(im_read_rule(slot_of(0)).packets, 2); /* it never went */
		assert_int_equal(im_read_rule(slot_of(1)).packets, 0);
		im_count_rule(slot_of(1), 1, 100);
		assert_int_equal(im_read_rule(held->slots[1]).packets, 5);
		machine_grace_blocked = false;
		im_block_drop(&held->block);
		control_tick(control);
		machine_commit(image_usual(2, 1), SLUICE_STATUS_OK);
		assert_int_equal(im_read_rule(slot_of(1)).packets, 1);
		machine_down();
	}
}

static void a_refused_change_leaves_the_counters(void **state)
{
	(void)state;
	machine_up(2, 0);
	im_count_rule(slot_of(1), 5, 500);
	machine_commit(image_usual(17, 0), SLUICE_STATUS_OVER_BUDGET);
	for (uint32_t step = 1; step < 12; step++) {
		struct policy_image image = image_usual(3, 0);
		uint32_t offset;

		machine_fail_allocation = step;
		control_validate(control, &image, &offset);
		machine_fail_allocation = 0;
		policy_image_clear(&image);
	}
	assert_int_equal(im_read_rule(slot_of(1)).packets, 5);
	machine_down();
}

/* ---- Retiring ----------------------------------------------------------------------------------------- */

static void nothing_goes_before_its_grace_period(void **state)
{
	(void)state;
	machine_up(1, 0);
	machine_grace_blocked = true;
	for (uint32_t i = 0; i < 5; i++)
		machine_commit(image_usual(i, 0), SLUICE_STATUS_OK);
	control_tick(control);
	assert_int_equal(control->waiting_count, 5);
	assert_int_equal(control->statistics.retired, 0);
	machine_grace_blocked = false;
	control_tick(control);
	assert_int_equal(control->waiting_count, 0);
	assert_int_equal(control->statistics.retired, 5);
	machine_down();
}

static void changes_wait_when_too_many_are_being_retired(void **state)
{
	struct snapshot before;

	(void)state;
	machine_up(1, 0);
	machine_grace_blocked = true;
	for (uint32_t i = 0; i < CONTROL_WAITING_MAX; i++)
		machine_commit(image_usual(1, 0), SLUICE_STATUS_OK);
	before = take_snapshot();
	machine_commit(image_usual(2, 0), SLUICE_STATUS_BUSY);
	expect_untouched(&before);
	machine_grace_blocked = false;
	machine_commit(image_usual(2, 0), SLUICE_STATUS_OK); /* it makes room by itself */
	assert_int_equal(control->statistics.retired, CONTROL_WAITING_MAX);
	machine_down();
}

/* Rules under new names need new slots while the old ones wait; when all are in use a change is asked to wait. */
static void changes_wait_when_all_counters_are_in_use(void **state)
{
	enum sluice_status status = SLUICE_STATUS_OK;
	uint32_t rounds = 0;

	(void)state;
	machine_up(0, 0);
	machine_grace_blocked = true;
	while (status == SLUICE_STATUS_OK && rounds < 200) {
		struct policy_image image = image_usual(8, 8);
		uint32_t offset;

		for (uint32_t i = 0; i < 16; i++)
			policy_rules(&image)[i].name[2] = (char)('A' + rounds % 26);
		for (uint32_t i = 0; i < 16; i++)
			policy_rules(&image)[i].name[3] = (char)('A' + rounds / 26);
		status = control_commit(control, &image, 0, &offset);
		policy_image_clear(&image);
		rounds++;
	}
	assert_int_equal(status, SLUICE_STATUS_BUSY);
	assert_int_equal(rounds, counter_slots(MACHINE_BUDGET) / 16); /* all but the slots of the defaults */
	machine_grace_blocked = false;
	machine_commit(image_usual(8, 8), SLUICE_STATUS_OK);
	machine_down();
}

static void a_holder_keeps_a_config_beyond_its_grace_period(void **state)
{
	struct config *held;

	(void)state;
	machine_up(3, 0);
	held = control->current;
	assert_true(im_block_hold(&held->block));
	machine_commit(image_usual(0, 0), SLUICE_STATUS_OK);
	control_tick(control);
	assert_int_equal(control->waiting_count, 0);
	assert_int_equal(control->statistics.retired, 0);
	assert_int_equal(held->image.header->rules, 3); /* still all there */
	im_block_drop(&held->block);			/* the last holder destroys it (8.8) */
	assert_int_equal(control->statistics.retired, 1);
	machine_down();
}

/* ---- Memory ------------------------------------------------------------------------------------------- */

static void a_commit_that_runs_out_of_memory_anywhere_leaves_all_alone(void **state)
{
	uint32_t step = 0;

	(void)state;
	machine_up(2, 1);
	for (;;) {
		struct policy_image image = image_usual(4, 3);
		struct snapshot before = take_snapshot();
		int64_t allocations = machine_allocations;
		enum sluice_status status;
		uint32_t offset;

		machine_fail_allocation = ++step;
		status = control_commit(control, &image, 0, &offset);
		if (machine_fail_allocation > 0) { /* there were not so many: this one went through */
			machine_fail_allocation = 0;
			assert_int_equal(status, SLUICE_STATUS_OK);
			policy_image_clear(&before.image);
			break;
		}
		assert_int_equal(status, SLUICE_STATUS_NO_MEMORY);
		assert_int_equal(machine_allocations, allocations); /* no leak, no double free */
		assert_non_null(image.header);
		expect_untouched(&before);
		policy_image_clear(&image);
	}
	assert_true(step > 10);
	assert_int_equal(control->current->image.header->rules, 7);
	machine_down();
}

/* ---- What a driver is given --------------------------------------------------------------------------- */

static char given[256];
static im_status_t build_status;

static im_status_t spy_build(const struct im_config_source *source, void **config)
{
	if (build_status != IM_STATUS_SUCCESS)
		return build_status;
	for (uint32_t i = 0; i < source->count; i++) {
		strcat(given, source->rules[i]->name);
		strcat(given, " ");
		/* each rule with its own slot: a0 has that of the image's rule 0 and so on */
		if (source->rules[i]->name[0] == 'a')
			im_count_rule(source->counters[i], (uint64_t)(source->rules[i]->name[1] - '0') + 1, 0);
	}
	strcat(given, "| ");
	*config = given;
	return IM_STATUS_SUCCESS;
}

static void spy_destroy(void *config)
{
	assert_ptr_equal(config, given);
}

static const struct im_config_handlers spy = {.build = spy_build, .destroy = spy_destroy};

static void with_spy(void)
{
	machine_up(0, 0);
	machine_commit(image_usual(0, 0), SLUICE_STATUS_OK);
	control_tick(control);
	given[0] = '\0';
	build_status = IM_STATUS_SUCCESS;
}

static void a_driver_gets_its_rules_in_order_of_precedence(void **state)
{
	struct im_miniport *filter;
	const struct im_config_handlers *real;
	struct policy_image image = image_usual(4, 2);

	(void)state;
	with_spy();
	filter = im_find_driver("filter")->wrapper->miniport;
	real = filter->config;
	policy_rules(&image)[0].priority = 30; /* a0 */
	policy_rules(&image)[1].priority = 10; /* a1 */
	policy_rules(&image)[2].priority = 30; /* a2: as a0, and after it */
	policy_rules(&image)[3].priority = 0;
	filter->config = &spy;
	machine_grace_blocked = true; /* what the real one built must not reach the spy */
	machine_commit(image, SLUICE_STATUS_OK);
	assert_string_equal(given, "a3 a1 a0 a2 | b0 b1 | ");
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(im_read_rule(slot_of(i)).packets, i + 1);
	/* the spy's config goes by the spy, then the real one's by the real one */
	{
		struct config *spied = control->current;

		for (uint32_t i = 0; i < spied->block.part_count; i++)
			if (spied->block.parts[i] == given)
				spied->block.parts[i] = NULL;
	}
	filter->config = real;
	machine_down();
}

static void a_driver_that_cannot_build_refuses_the_change(void **state)
{
	struct im_miniport *filter;
	const struct im_config_handlers *real;

	(void)state;
	with_spy();
	filter = im_find_driver("filter")->wrapper->miniport;
	real = filter->config;
	filter->config = &spy;
	build_status = IM_STATUS_RESOURCES;
	machine_commit(image_usual(1, 1), SLUICE_STATUS_NO_MEMORY);
	build_status = IM_STATUS_INVALID_DATA;
	machine_commit(image_usual(1, 1), SLUICE_STATUS_INTERNAL);
	filter->config = real;
	assert_int_equal(control->generation, 2);
	machine_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_commit_puts_the_policy_in_force),
		cmocka_unit_test(a_commit_for_another_generation_is_refused),
		cmocka_unit_test(what_is_wrong_is_refused_and_changes_nothing),
		cmocka_unit_test(a_validation_changes_nothing),
		cmocka_unit_test(counters_survive_every_change_that_keeps_the_name),
		cmocka_unit_test(a_rule_that_went_and_came_again_begins_at_zero),
		cmocka_unit_test(a_holder_keeps_the_numbers_and_gives_them_to_nobody),
		cmocka_unit_test(a_refused_change_leaves_the_counters),
		cmocka_unit_test(nothing_goes_before_its_grace_period),
		cmocka_unit_test(changes_wait_when_too_many_are_being_retired),
		cmocka_unit_test(changes_wait_when_all_counters_are_in_use),
		cmocka_unit_test(a_holder_keeps_a_config_beyond_its_grace_period),
		cmocka_unit_test(a_commit_that_runs_out_of_memory_anywhere_leaves_all_alone),
		cmocka_unit_test(a_driver_gets_its_rules_in_order_of_precedence),
		cmocka_unit_test(a_driver_that_cannot_build_refuses_the_change),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
