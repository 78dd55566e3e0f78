/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules, changed through the filter's control device as a client does it. */
#include <string.h>

#include "../edge/eal.h"
#include "abi/filter.h"
#include "client.h"

#define RULE_AT(member) ((uint32_t)(offsetof(struct sluice_rule_command, rule) + offsetof(struct sluice_rule, member)))

static uint64_t handle;
static const struct sluice_filter_answer *const answer = (const void *)client.reply;

static int up(void **state)
{
	static const char device[SLUICE_NAME_SIZE] = SLUICE_FILTER_DEVICE;

	(void)state;
	machine_up(3, 2);
	client_up();
	expect(DEVICE_OPEN, 0, device, sizeof(device), OK);
	handle = client.call.result;
	return 0;
}

/* What the driver says; where it says nothing, what the mailbox does. */
static enum sluice_status change(enum sluice_filter_code code, const struct sluice_rule_command *command)
{
	enum sluice_status status = client_run(SLUICE_OP_DEVICE_CALL, handle, code, command, sizeof(*command));

	if (client.call.reply_length != sizeof(*answer))
		return status;
	assert_int_equal(status, answer->status == SLUICE_STATUS_OK ? SLUICE_STATUS_OK : SLUICE_STATUS_REQUEST_FAILED);
	return (enum sluice_status)answer->status;
}

static void expect_change_at(int line, enum sluice_filter_code code, const struct sluice_rule_command *command,
			     enum sluice_status expected)
{
	enum sluice_status status = change(code, command);

	if (status != expected)
		fail_msg("line %d: got %s, expected %s", line, sluice_status_name((uint16_t)status),
			 sluice_status_name((uint16_t)expected));
}

#define expect_change(code, command, status)                                                                           \
	expect_change_at(__LINE__, SLUICE_FILTER_##code, command, SLUICE_STATUS_##status)

static struct sluice_rule_command rule_command(const char *instance, const char *name)
{
	struct sluice_rule_command made = {.rule = image_rule(name, 4242)};

	image_name(made.instance, instance);
	return made;
}

static void a_rule_is_added_behind_the_others(void **state)
{
	struct sluice_rule_command add = rule_command("fw", "new");
	const struct sluice_rule_record *record = &answer->rule;

	(void)state;
	expect_change(ADD, &add, OK);
	assert_string_equal(client_rules(0), "a0 a1 a2 new");
	assert_string_equal(client_rules(1), "b0 b1");
	assert_int_equal(answer->generation, 2);
	assert_int_equal(machine.control.generation, 2);
	assert_string_equal(record->instance, "fw");
	assert_memory_equal(&record->rule, &add.rule, sizeof(add.rule));
}

static void a_rule_without_a_name_is_given_one(void **state)
{
	struct sluice_rule_command add = rule_command("fw2", "");
	const struct sluice_rule_record *record = &answer->rule;

	(void)state;
	expect_change(ADD, &add, OK);
	assert_string_equal(record->rule.name, "rule-3");
	assert_string_equal(client_rules(1), "b0 b1 rule-3");
}

static void expect_error_at(int line, enum sluice_filter_code code, const struct sluice_rule_command *command,
			    enum sluice_status status, uint32_t offset)
{
	expect_change_at(line, code, command, status);
	if (answer->error_offset != offset)
		fail_msg("line %d: the error is said to be at %u, expected %u", line, answer->error_offset, offset);
	assert_string_equal(client_rules(0), "a0 a1 a2");
	assert_string_equal(client_rules(1), "b0 b1");
	assert_int_equal(machine.control.generation, 1);
	assert_int_equal(answer->generation, 1);
}

#define expect_error(code, command, status, offset)                                                                    \
	expect_error_at(__LINE__, SLUICE_FILTER_##code, command, SLUICE_STATUS_##status, offset)

static void a_rule_that_cannot_be_added_is_refused_at_its_fault(void **state)
{
	struct sluice_rule_command add = rule_command("fw", "a1");

	(void)state;
	expect_error(ADD, &add, DUPLICATE_NAME, RULE_AT(name));
	add = rule_command("nobody", "x");
	expect_error(ADD, &add, NOT_FOUND, 0);
	add = rule_command("tap", "x");
	expect_error(ADD, &add, NO_RULES_HERE, 0);
	add = rule_command("wire0", "x"); /* an instance, but none of the policy's */
	expect_error(ADD, &add, NOT_FOUND, 0);
	add = rule_command("", "x");
	expect_error(ADD, &add, AMBIGUOUS, 0);
	add = rule_command("fw", "bad name");
	expect_error(ADD, &add, BAD_NAME, RULE_AT(name) + 3);
	add = rule_command("fw", "x");
	add.rule.action = SLUICE_ACTIONS;
	expect_error(ADD, &add, BAD_VALUE, RULE_AT(action));
	add = rule_command("fw", "x");
	add.rule.protocol = 1;
	expect_error(ADD, &add, IMPOSSIBLE_RULE, RULE_AT(dst_port));
	add = rule_command("fw", "x");
	add.rule.dst_port[0] = 9000;
	expect_error(ADD, &add, BAD_RANGE, RULE_AT(dst_port));
	add = rule_command("fw", "x");
	add.rule.reserved[9] = 1;
	assert_int_not_equal(change(SLUICE_FILTER_ADD, &add), SLUICE_STATUS_OK);
	assert_int_equal(machine.control.generation, 1);
}

static void rules_over_the_budget_are_refused(void **state)
{
	struct sluice_rule_command add = rule_command("fw", "");

	(void)state;
	for (uint32_t rules = 5; rules < MACHINE_BUDGET; rules++)
		expect_change(ADD, &add, OK);
	expect_change(ADD, &add, OVER_BUDGET);
	assert_int_equal(machine.control.current->image.header->rules, MACHINE_BUDGET);
	add = rule_command("fw", "a1"); /* one for one still goes */
	expect_change(REPLACE, &add, OK);
}

static void a_rule_is_deleted_by_name(void **state)
{
	struct sluice_rule_command gone = {0};
	const struct sluice_rule_record *record = &answer->rule;

	(void)state;
	image_name(gone.instance, "fw");
	image_name(gone.rule.name, "a1");
	expect_change(DELETE, &gone, OK);
	assert_string_equal(client_rules(0), "a0 a2");
	assert_string_equal(client_rules(1), "b0 b1");
	assert_int_equal(answer->generation, 2);
	assert_string_equal(record->rule.name, "a1"); /* what it was */
	assert_int_equal(record->rule.dst_port[0], 2);
	expect_change(DELETE, &gone, NOT_FOUND);
	assert_int_equal(answer->error_offset, RULE_AT(name));
	image_name(gone.instance, "nobody");
	expect_change(DELETE, &gone, NOT_FOUND);
	assert_int_equal(answer->error_offset, 0);
	assert_int_equal(machine.control.generation, 2);
}

static void a_replaced_rule_keeps_its_place_and_its_counters(void **state)
{
	struct sluice_rule_command changed = rule_command("fw", "a1");
	const struct sluice_rule_record *record = &answer->rule;

	(void)state;
	im_count_rule(machine.control.current->slots[1], 9, 900);
	changed.rule.action = SLUICE_ALLOW;
	expect_change(REPLACE, &changed, OK);
	assert_string_equal(client_rules(0), "a0 a1 a2");
	assert_memory_equal(&policy_rules(&machine.control.current->image)[1], &changed.rule, sizeof(changed.rule));
	assert_int_equal(record->hits.packets, 9);
	assert_int_equal(record->hits.bytes, 900);
}

static void a_rule_that_cannot_be_replaced_is_refused_at_its_fault(void **state)
{
	struct sluice_rule_command changed = rule_command("fw", "nobody");

	(void)state;
	expect_error(REPLACE, &changed, NOT_FOUND, RULE_AT(name));
	changed = rule_command("fw", "");
	expect_error(REPLACE, &changed, BAD_NAME, RULE_AT(name)); /* whose rule would it replace? */
	changed = rule_command("fw", "a1");
	changed.rule.direction = 2;
	expect_error(REPLACE, &changed, BAD_VALUE, RULE_AT(direction));
	changed = rule_command("", "a1");
	expect_error(REPLACE, &changed, AMBIGUOUS, 0);
}

static void a_flush_is_of_one_instance_or_of_all(void **state)
{
	struct sluice_rule_command flush = {.instance = "fw"};

	(void)state;
	expect_change(FLUSH, &flush, OK);
	assert_string_equal(client_rules(0), "");
	assert_string_equal(client_rules(1), "b0 b1");
	assert_int_equal(answer->generation, 2);
	machine_commit(image_usual(3, 2), SLUICE_STATUS_OK);
	image_name(flush.instance, "");
	expect_change(FLUSH, &flush, OK);
	assert_int_equal(machine.control.current->image.header->rules, 0);
	assert_int_equal(answer->generation, 4); /* one change, one generation */
	assert_int_equal(policy_instances(&machine.control.current->image)[1].default_action[SLUICE_IN], SLUICE_DENY);
	expect_change(FLUSH, &flush, OK); /* nothing to do is no change */
	assert_int_equal(answer->generation, 4);
	image_name(flush.instance, "nobody");
	expect_change(FLUSH, &flush, NOT_FOUND);
	assert_int_equal(answer->error_offset, 0);
	image_name(flush.instance, "tap");
	expect_change(FLUSH, &flush, NO_RULES_HERE);
}

static void without_memory_a_rule_change_is_refused(void **state)
{
	struct sluice_rule_command add = rule_command("fw", "new");
	struct sluice_rule_command all = {0};
	uint32_t refused = 0;

	(void)state;
	for (uint32_t step = 1;; step++) {
		int64_t allocations = machine_allocations;
		enum sluice_status status;

		machine_fail_allocation = step;
		status = step % 2 == 0 ? change(SLUICE_FILTER_ADD, &add) : change(SLUICE_FILTER_FLUSH, &all);
		if (machine_fail_allocation > 0)
			break;
		assert_int_equal(status, SLUICE_STATUS_NO_MEMORY);
		assert_int_equal(machine_allocations, allocations);
		assert_int_equal(machine.control.generation, 1);
		refused++;
	}
	machine_fail_allocation = 0;
	assert_true(refused > 10);
}

/* ---- The device itself ------------------------------------------------------------------------------- */

static void a_call_that_is_malformed_is_refused(void **state)
{
	struct sluice_rule_command add = rule_command("fw", "new");
	uint8_t longer[sizeof(add) + 1] = {0};

	(void)state;
	client_expect(__LINE__, SLUICE_OP_DEVICE_CALL, handle, 0, &add, sizeof(add), SLUICE_STATUS_REQUEST_FAILED);
	assert_int_equal(client.call.result, IM_STATUS_NOT_SUPPORTED);
	client_expect(__LINE__, SLUICE_OP_DEVICE_CALL, handle, 5, &add, sizeof(add), SLUICE_STATUS_REQUEST_FAILED);
	assert_int_equal(client.call.result, IM_STATUS_NOT_SUPPORTED);
	client_expect(__LINE__, SLUICE_OP_DEVICE_CALL, handle, SLUICE_FILTER_ADD, &add, sizeof(add) - 1,
		      SLUICE_STATUS_REQUEST_FAILED);
	assert_int_equal(client.call.result, IM_STATUS_INVALID_LENGTH);
	client_expect(__LINE__, SLUICE_OP_DEVICE_CALL, handle, SLUICE_FILTER_ADD, longer, sizeof(longer),
		      SLUICE_STATUS_REQUEST_FAILED);
	assert_int_equal(client.call.result, IM_STATUS_INVALID_LENGTH);
	client.room = sizeof(*answer) - 1;
	client_expect(__LINE__, SLUICE_OP_DEVICE_CALL, handle, SLUICE_FILTER_ADD, &add, sizeof(add),
		      SLUICE_STATUS_REQUEST_FAILED);
	assert_int_equal(client.call.result, IM_STATUS_INVALID_LENGTH);
	assert_int_equal(client.call.reply_length, 0);
	assert_int_equal(machine.control.generation, 1);
}

static void without_a_policy_the_device_is_not_ready(void **state)
{
	struct sluice_rule_command add = rule_command("fw", "new");

	(void)state;
	rules_stop();
	assert_int_equal(change(SLUICE_FILTER_ADD, &add), SLUICE_STATUS_DEVICE_NOT_READY);
	rules_serve(&machine.control);
	expect_change(ADD, &add, OK);
}

/* Halted instances are still in the policy here: nobody has taken them out. */
static void rules_of_an_instance_that_is_down_wait_for_it(void **state)
{
	struct sluice_rule_command add = rule_command("fw", "new");

	(void)state;
	assert_int_equal(im_unbind_over("fw2"), IM_STATUS_SUCCESS);
	assert_null(im_find_instance("fw"));
	assert_int_equal(change(SLUICE_FILTER_ADD, &add), SLUICE_STATUS_DEVICE_NOT_READY);
	add = rule_command("fw2", "new"); /* the others go on */
	expect_change(ADD, &add, OK);
	assert_string_equal(client_rules(1), "b0 b1 new");
}

static void a_handle_outlives_every_instance(void **state)
{
	static const char device[SLUICE_NAME_SIZE] = SLUICE_FILTER_DEVICE;
	struct sluice_rule_command add = rule_command("fw", "new");

	(void)state;
	assert_int_equal(im_unbind_over("tap"), IM_STATUS_SUCCESS);
	assert_int_equal(change(SLUICE_FILTER_ADD, &add), SLUICE_STATUS_DEVICE_REMOVED);
	expect(DEVICE_OPEN, 0, device, sizeof(device), DEVICE_NOT_FOUND);
	machine_bind("filter", "tap", "fw2");
	machine_bind("filter", "fw2", "fw");
	assert_int_equal(change(SLUICE_FILTER_ADD, &add), SLUICE_STATUS_DEVICE_REMOVED); /* that was another time */
	expect(DEVICE_CLOSE, handle, NULL, 0, OK);
	expect(DEVICE_OPEN, 0, device, sizeof(device), OK);
	handle = client.call.result;
	expect_change(ADD, &add, OK);
}

int main(void)
{
#define WITH_CLIENT(test) cmocka_unit_test_setup_teardown(test, up, client_and_machine_down)
	const struct CMUnitTest tests[] = {
		WITH_CLIENT(a_rule_is_added_behind_the_others),
		WITH_CLIENT(a_rule_without_a_name_is_given_one),
		WITH_CLIENT(a_rule_that_cannot_be_added_is_refused_at_its_fault),
		WITH_CLIENT(rules_over_the_budget_are_refused),
		WITH_CLIENT(a_rule_is_deleted_by_name),
		WITH_CLIENT(a_replaced_rule_keeps_its_place_and_its_counters),
		WITH_CLIENT(a_rule_that_cannot_be_replaced_is_refused_at_its_fault),
		WITH_CLIENT(a_flush_is_of_one_instance_or_of_all),
		WITH_CLIENT(without_memory_a_rule_change_is_refused),
		WITH_CLIENT(a_call_that_is_malformed_is_refused),
		WITH_CLIENT(without_a_policy_the_device_is_not_ready),
		WITH_CLIENT(rules_of_an_instance_that_is_down_wait_for_it),
		WITH_CLIENT(a_handle_outlives_every_instance),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
