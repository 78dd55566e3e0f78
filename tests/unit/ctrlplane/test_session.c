/* SPDX-License-Identifier: BSD-3-Clause */
/* The handlers of the mailbox's commands, called as the mailbox calls them. */
#include <string.h>

#include "../edge/eal.h"
#include "machine.h"
#include "session.h"

#define IN_COMMAND	(SLUICE_ERROR_IN_COMMAND | (uint32_t)offsetof(struct sluice_command, arg))
#define RULE_AT(member) ((uint32_t)(offsetof(struct sluice_rule_command, rule) + offsetof(struct sluice_rule, member)))

/* A client: its session, and the call that it is making. */
static void *session;
static struct sluice_command command;
static struct mailbox_call call;
static uint64_t reply[8192]; /* aligned as records are */
static uint32_t room;

static int up(void **state)
{
	(void)state;
	machine_up(3, 2);
	room = sizeof(reply);
	return session_ops.session_open(&machine.control, 1, &session);
}

static int down(void **state)
{
	(void)state;
	session_ops.session_close(&machine.control, session);
	machine_down();
	return 0;
}

static enum sluice_status run(enum sluice_opcode opcode, uint64_t argument, const void *payload, uint32_t length)
{
	command = (struct sluice_command){.opcode = (uint16_t)opcode, .arg = {argument}};
	call = (struct mailbox_call){
		.command = &command,
		.payload = payload,
		.payload_length = length,
		.reply = (uint8_t *)reply,
		.reply_room = room,
		.session = session,
		.role = SLUICE_ROLE_OPERATOR,
		.error_offset = SLUICE_NO_OFFSET,
	};
	memset(reply, 0, sizeof(reply));
	return session_ops.handlers[opcode](&machine.control, &call);
}

#define expect(opcode, argument, payload, length, status)                                                              \
	expect_at(__LINE__, SLUICE_OP_##opcode, argument, payload, length, SLUICE_STATUS_##status)

static void expect_at(int line, enum sluice_opcode opcode, uint64_t argument, const void *payload, uint32_t length,
		      enum sluice_status expected)
{
	enum sluice_status status = run(opcode, argument, payload, length);

	if (status != expected)
		fail_msg("line %d: got %s, expected %s", line, sluice_status_name((uint16_t)status),
			 sluice_status_name((uint16_t)expected));
}

static const char *rules_of(uint32_t index)
{
	return image_rule_names(&machine.control.current->image, index);
}

/* ---- Rules ------------------------------------------------------------------------------------------- */

static struct sluice_rule_command rule_command(const char *instance, const char *name)
{
	struct sluice_rule_command made = {.rule = image_rule(name, 4242)};

	image_name(made.instance, instance);
	return made;
}

static void a_rule_is_added_behind_the_others(void **state)
{
	struct sluice_rule_command add = rule_command("fw", "new");
	const struct sluice_rule_record *record = (const void *)reply;

	(void)state;
	expect(RULE_ADD, 0, &add, sizeof(add), OK);
	assert_string_equal(rules_of(0), "a0 a1 a2 new");
	assert_string_equal(rules_of(1), "b0 b1");
	assert_int_equal(call.result, 2);
	assert_int_equal(machine.control.generation, 2);
	assert_int_equal(call.reply_length, sizeof(*record));
	assert_string_equal(record->instance, "fw");
	assert_memory_equal(&record->rule, &add.rule, sizeof(add.rule));
}

static void a_rule_without_a_name_is_given_one(void **state)
{
	struct sluice_rule_command add = rule_command("fw2", "");
	const struct sluice_rule_record *record = (const void *)reply;

	(void)state;
	expect(RULE_ADD, 0, &add, sizeof(add), OK);
	assert_string_equal(record->rule.name, "rule-3");
	assert_string_equal(rules_of(1), "b0 b1 rule-3");
}

static void expect_rule_error(int line, enum sluice_opcode opcode, const struct sluice_rule_command *payload,
			      enum sluice_status status, uint32_t offset)
{
	expect_at(line, opcode, 0, payload, sizeof(*payload), status);
	if (call.error_offset != offset)
		fail_msg("line %d: the error is said to be at %u, expected %u", line, call.error_offset, offset);
	assert_string_equal(rules_of(0), "a0 a1 a2");
	assert_string_equal(rules_of(1), "b0 b1");
	assert_int_equal(machine.control.generation, 1);
	assert_int_equal(call.reply_length, 0);
}

#define expect_error(opcode, payload, status, offset)                                                                  \
	expect_rule_error(__LINE__, SLUICE_OP_##opcode, payload, SLUICE_STATUS_##status, offset)

static void a_rule_that_cannot_be_added_is_refused_at_its_fault(void **state)
{
	struct sluice_rule_command add = rule_command("fw", "a1");

	(void)state;
	expect_error(RULE_ADD, &add, DUPLICATE_NAME, RULE_AT(name));
	add = rule_command("nobody", "x");
	expect_error(RULE_ADD, &add, NOT_FOUND, 0);
	add = rule_command("tap", "x");
	expect_error(RULE_ADD, &add, NO_RULES_HERE, 0);
	add = rule_command("wire0", "x"); /* an instance, but none of the policy's */
	expect_error(RULE_ADD, &add, NOT_FOUND, 0);
	add = rule_command("", "x");
	expect_error(RULE_ADD, &add, AMBIGUOUS, 0);
	add = rule_command("fw", "bad name");
	expect_error(RULE_ADD, &add, BAD_NAME, RULE_AT(name) + 3);
	add = rule_command("fw", "x");
	add.rule.action = SLUICE_ACTIONS;
	expect_error(RULE_ADD, &add, BAD_VALUE, RULE_AT(action));
	add = rule_command("fw", "x");
	add.rule.protocol = 1;
	expect_error(RULE_ADD, &add, IMPOSSIBLE_RULE, RULE_AT(dst_port));
	add = rule_command("fw", "x");
	add.rule.dst_port[0] = 9000;
	expect_error(RULE_ADD, &add, BAD_RANGE, RULE_AT(dst_port));
	add = rule_command("fw", "x");
	add.rule.reserved[9] = 1;
	assert_int_not_equal(run(SLUICE_OP_RULE_ADD, 0, &add, sizeof(add)), SLUICE_STATUS_OK);
	assert_int_equal(machine.control.generation, 1);
}

static void rules_over_the_budget_are_refused(void **state)
{
	struct sluice_rule_command add = rule_command("fw", "");

	(void)state;
	for (uint32_t rules = 5; rules < MACHINE_BUDGET; rules++)
		expect(RULE_ADD, 0, &add, sizeof(add), OK);
	expect(RULE_ADD, 0, &add, sizeof(add), OVER_BUDGET);
	assert_int_equal(machine.control.current->image.header->rules, MACHINE_BUDGET);
	add = rule_command("fw", "a1"); /* one for one still goes */
	expect(RULE_REPLACE, 0, &add, sizeof(add), OK);
}

static void a_rule_is_deleted_by_name(void **state)
{
	struct sluice_rule_command gone = {0};
	const struct sluice_rule_record *record = (const void *)reply;

	(void)state;
	image_name(gone.instance, "fw");
	image_name(gone.rule.name, "a1");
	expect(RULE_DELETE, 0, &gone, sizeof(gone), OK);
	assert_string_equal(rules_of(0), "a0 a2");
	assert_string_equal(rules_of(1), "b0 b1");
	assert_int_equal(call.result, 2);
	assert_string_equal(record->rule.name, "a1"); /* what it was */
	assert_int_equal(record->rule.dst_port[0], 2);
	expect(RULE_DELETE, 0, &gone, sizeof(gone), NOT_FOUND);
	assert_int_equal(call.error_offset, RULE_AT(name));
	image_name(gone.instance, "nobody");
	expect(RULE_DELETE, 0, &gone, sizeof(gone), NOT_FOUND);
	assert_int_equal(call.error_offset, 0);
	assert_int_equal(machine.control.generation, 2);
}

static void a_replaced_rule_keeps_its_place_and_its_counters(void **state)
{
	struct sluice_rule_command changed = rule_command("fw", "a1");
	const struct sluice_rule_record *record = (const void *)reply;

	(void)state;
	im_count_rule(machine.control.current->slots[1], 9, 900);
	changed.rule.action = SLUICE_ALLOW;
	expect(RULE_REPLACE, 0, &changed, sizeof(changed), OK);
	assert_string_equal(rules_of(0), "a0 a1 a2");
	assert_memory_equal(&policy_rules(&machine.control.current->image)[1], &changed.rule, sizeof(changed.rule));
	assert_int_equal(record->hits.packets, 9);
	assert_int_equal(record->hits.bytes, 900);
}

static void a_rule_that_cannot_be_replaced_is_refused_at_its_fault(void **state)
{
	struct sluice_rule_command changed = rule_command("fw", "nobody");

	(void)state;
	expect_error(RULE_REPLACE, &changed, NOT_FOUND, RULE_AT(name));
	changed = rule_command("fw", "");
	expect_error(RULE_REPLACE, &changed, BAD_NAME, RULE_AT(name)); /* whose rule would it replace? */
	changed = rule_command("fw", "a1");
	changed.rule.direction = 2;
	expect_error(RULE_REPLACE, &changed, BAD_VALUE, RULE_AT(direction));
	changed = rule_command("", "a1");
	expect_error(RULE_REPLACE, &changed, AMBIGUOUS, 0);
}

static void a_flush_is_of_one_instance_or_of_all(void **state)
{
	char name[SLUICE_NAME_SIZE] = "fw";

	(void)state;
	expect(RULE_FLUSH, 0, name, sizeof(name), OK);
	assert_string_equal(rules_of(0), "");
	assert_string_equal(rules_of(1), "b0 b1");
	assert_int_equal(call.result, 2);
	machine_commit(image_usual(3, 2), SLUICE_STATUS_OK);
	image_name(name, "");
	expect(RULE_FLUSH, 0, name, sizeof(name), OK);
	assert_int_equal(machine.control.current->image.header->rules, 0);
	assert_int_equal(call.result, 4); /* one change, one generation */
	assert_int_equal(policy_instances(&machine.control.current->image)[1].default_action[SLUICE_IN], SLUICE_DENY);
	expect(RULE_FLUSH, 0, name, sizeof(name), OK); /* nothing to do is no change */
	assert_int_equal(call.result, 4);
	image_name(name, "nobody");
	expect(RULE_FLUSH, 0, name, sizeof(name), NOT_FOUND);
	assert_int_equal(call.error_offset, 0);
	image_name(name, "tap");
	expect(RULE_FLUSH, 0, name, sizeof(name), NO_RULES_HERE);
}

static void without_memory_a_rule_change_is_refused(void **state)
{
	struct sluice_rule_command add = rule_command("fw", "new");
	char all[SLUICE_NAME_SIZE] = "";
	uint32_t refused = 0;

	(void)state;
	for (uint32_t step = 1;; step++) {
		int64_t allocations = machine_allocations;
		enum sluice_status status;

		machine_fail_allocation = step;
		status = step % 2 == 0 ? run(SLUICE_OP_RULE_ADD, 0, &add, sizeof(add))
				       : run(SLUICE_OP_RULE_FLUSH, 0, all, sizeof(all));
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

/* ---- Lists ------------------------------------------------------------------------------------------- */

static const struct sluice_list *header = (const void *)reply;
#define record_of(type, index) ((const type *)(const void *)((const uint8_t *)reply + sizeof(*header)) + (index))

static void rules_are_listed_with_their_counters(void **state)
{
	char name[SLUICE_NAME_SIZE] = "";

	(void)state;
	im_count_rule(machine.control.current->slots[4], 2, 200);
	expect(RULE_LIST, 0, name, sizeof(name), OK);
	assert_int_equal(header->count, 5);
	assert_int_equal(header->total, 5);
	assert_int_equal(header->next, 0);
	assert_int_equal(header->generation, 1);
	assert_int_equal(header->record_size, sizeof(struct sluice_rule_record));
	assert_int_equal(call.reply_length, sizeof(*header) + 5 * sizeof(struct sluice_rule_record));
	assert_string_equal(record_of(struct sluice_rule_record, 2)->instance, "fw");
	assert_string_equal(record_of(struct sluice_rule_record, 4)->instance, "fw2");
	assert_string_equal(record_of(struct sluice_rule_record, 4)->rule.name, "b1");
	assert_int_equal(record_of(struct sluice_rule_record, 4)->hits.packets, 2);
	image_name(name, "fw2");
	expect(RULE_LIST, 0, name, sizeof(name), OK);
	assert_int_equal(header->total, 2);
	assert_string_equal(record_of(struct sluice_rule_record, 0)->rule.name, "b0");
	image_name(name, "nobody");
	expect(RULE_LIST, 0, name, sizeof(name), NOT_FOUND);
	assert_int_equal(call.error_offset, 0);
}

/* One record a page; between the pages the policy changes, and the list goes on with what it began. */
static void pages_show_one_generation_whatever_happens_between_them(void **state)
{
	static const char *const expected[] = {"a0", "a1", "a2", "b0", "b1"};
	char name[SLUICE_NAME_SIZE] = "";
	uint32_t next = 0;

	(void)state;
	room = sizeof(*header) + sizeof(struct sluice_rule_record);
	for (uint32_t i = 0; i < 5; i++) {
		expect(RULE_LIST, next, name, sizeof(name), OK);
		assert_int_equal(header->count, 1);
		assert_int_equal(header->total, 5);
		assert_int_equal(header->generation, 1);
		assert_string_equal(record_of(struct sluice_rule_record, 0)->rule.name, expected[i]);
		next = header->next;
		assert_int_equal(next, i < 4 ? i + 1 : 0);
		machine_commit(image_usual(i, 0), SLUICE_STATUS_OK);
		control_tick(&machine.control);
	}
	assert_int_equal(machine.control.statistics.retired, 5); /* the last page let go of the first policy */
	expect(RULE_LIST, 0, name, sizeof(name), OK);
	assert_int_equal(header->generation, 6);
}

static void a_list_that_is_broken_off_keeps_nothing(void **state)
{
	char name[SLUICE_NAME_SIZE] = "";

	(void)state;
	room = sizeof(*header) + sizeof(struct sluice_rule_record);
	expect(RULE_LIST, 0, name, sizeof(name), OK);
	machine_commit(image_usual(1, 0), SLUICE_STATUS_OK);
	control_tick(&machine.control);
	assert_int_equal(machine.control.statistics.retired, 0); /* pinned */
	expect(RULE_LIST, 0, name, sizeof(name), OK);		 /* a new list: the old pin is gone, one record fits */
	assert_int_equal(header->generation, 2);
	assert_int_equal(machine.control.statistics.retired, 1);
}

static void a_page_outside_the_list_is_refused(void **state)
{
	char name[SLUICE_NAME_SIZE] = "";

	(void)state;
	expect(RULE_LIST, 6, name, sizeof(name), BAD_VALUE);
	assert_int_equal(call.error_offset, IN_COMMAND);
	expect(RULE_LIST, UINT64_MAX, name, sizeof(name), BAD_VALUE);
	expect(RULE_LIST, 1ull << 32, name, sizeof(name), BAD_VALUE);
	expect(RULE_LIST, 5, name, sizeof(name), OK); /* its end */
	assert_int_equal(header->count, 0);
	room = sizeof(*header) + sizeof(struct sluice_rule_record) - 1;
	expect(RULE_LIST, 0, name, sizeof(name), BAD_LENGTH);
	room = 0;
	expect(RULE_LIST, 0, name, sizeof(name), BAD_LENGTH);
	expect(INFO, 0, NULL, 0, BAD_LENGTH);
	assert_int_equal(call.reply_length, 0);
}

static void stacks_are_listed_from_the_host_side(void **state)
{
	const struct sluice_stack_record *record;

	(void)state;
	im_count_drop(im_find_instance("fw2")->id, SLUICE_IN, SLUICE_DROP_RULE, 3);
	expect(STACK_LIST, 0, NULL, 0, OK);
	assert_int_equal(header->total, 3);
	record = record_of(struct sluice_stack_record, 1);
	assert_string_equal(record->stack, "main");
	assert_string_equal(record->upper_port, "host0");
	assert_string_equal(record->lower_port, "wire0");
	assert_string_equal(record->instance, "fw2");
	assert_string_equal(record->driver, "filter");
	assert_int_equal(record->position, 1);
	assert_int_equal(record->state, SLUICE_INSTANCE_RUNNING);
	assert_int_equal(record->rules, 2);
	assert_int_equal(record->takes_rules, 1);
	assert_int_equal(record->default_action[SLUICE_IN], SLUICE_DENY);
	assert_int_equal(record->dropped[SLUICE_IN], 3);
	assert_int_equal(record_of(struct sluice_stack_record, 2)->takes_rules, 0);
}

static void drivers_ports_workers_and_drops_are_listed(void **state)
{
	(void)state;
	expect(DRIVER_LIST, 0, NULL, 0, OK);
	assert_int_equal(header->total, 6); /* filter, passthru, both edges, and the test's two */
	for (uint32_t i = 0; i < header->count; i++) {
		const struct sluice_driver_record *record = record_of(struct sluice_driver_record, i);
		bool filter = strcmp(record->name, "filter") == 0;

		assert_int_equal(record->takes_rules, filter);
		if (filter)
			assert_int_equal(record->instances, 2);
	}
	expect(PORT_LIST, 0, NULL, 0, OK);
	assert_int_equal(header->total, 2);
	assert_string_equal(record_of(struct sluice_port_record, 0)->port.name, "host0");
	assert_string_equal(record_of(struct sluice_port_record, 0)->stack, "main");
	assert_int_equal(record_of(struct sluice_port_record, 0)->edge, 1);
	assert_int_equal(record_of(struct sluice_port_record, 1)->edge, 2);
	expect(WORKER_LIST, 0, NULL, 0, OK);
	assert_int_equal(header->total, 1);
	expect(DROP_LIST, 0, NULL, 0, OK);
	assert_int_equal(header->total, 0);
	machine_judge();
	im_count_drop(im_find_instance("fw")->id, SLUICE_OUT, SLUICE_DROP_RULE, 4);
	expect(DROP_LIST, 0, NULL, 0, OK);
	assert_int_equal(header->total, 1);
	assert_string_equal(record_of(struct sluice_drop_record, 0)->where, "fw");
	assert_int_equal(record_of(struct sluice_drop_record, 0)->reason, SLUICE_DROP_RULE);
	assert_int_equal(record_of(struct sluice_drop_record, 0)->direction, SLUICE_OUT);
	assert_int_equal(record_of(struct sluice_drop_record, 0)->packets, 4);
	assert_int_equal(record_of(struct sluice_drop_record, 0)->generation, 1);
}

static void the_firmware_tells_about_itself(void **state)
{
	const struct sluice_info *info = (const void *)reply;

	(void)state;
	machine_commit(image_usual(17, 0), SLUICE_STATUS_OVER_BUDGET);
	expect(INFO, 0, NULL, 0, OK);
	assert_int_equal(call.reply_length, sizeof(*info));
	assert_string_equal(info->version, SLUICE_VERSION);
	assert_int_equal(info->policy_generation, 1);
	assert_int_equal(info->changes_applied, 1);
	assert_int_equal(info->changes_rejected, 1);
	assert_int_equal(info->workers, 1);
	assert_int_equal(info->rules, 5);
	assert_int_equal(info->rule_budget, MACHINE_BUDGET);
	assert_int_equal(info->mbufs, 1023);
	assert_int_equal(info->mbufs_free, 1023);
}

/* ---- Uploads ------------------------------------------------------------------------------------------ */

static void upload(const struct policy_image *image)
{
	expect(POLICY_BEGIN, image->length, NULL, 0, OK);
	expect(POLICY_CHUNK, 0, image->header, (uint32_t)image->length, OK);
}

static void an_upload_in_pieces_comes_into_force_as_a_whole(void **state)
{
	struct policy_image image = image_usual(1, 4);

	(void)state;
	expect(POLICY_BEGIN, image.length, NULL, 0, OK);
	for (uint32_t at = 0; at < image.length; at += 100) {
		uint32_t piece = image.length - at < 100 ? (uint32_t)image.length - at : 100;

		assert_string_equal(rules_of(0), "a0 a1 a2");
		expect(POLICY_CHUNK, at, (const uint8_t *)image.header + at, piece, OK);
	}
	expect(POLICY_VALIDATE, 0, NULL, 0, OK);
	assert_int_equal(machine.control.generation, 1);
	expect(POLICY_COMMIT, 1, NULL, 0, OK);
	assert_int_equal(call.result, 2);
	assert_string_equal(rules_of(0), "a0");
	assert_string_equal(rules_of(1), "b0 b1 b2 b3");
	expect(POLICY_COMMIT, 0, NULL, 0, NO_TRANSACTION); /* it is spent */
	policy_image_clear(&image);
}

static void chunks_come_in_order_and_fit(void **state)
{
	struct policy_image image = image_usual(1, 1);
	uint8_t byte = 0;

	(void)state;
	expect(POLICY_CHUNK, 0, &byte, 1, NO_TRANSACTION);
	expect(POLICY_VALIDATE, 0, NULL, 0, NO_TRANSACTION);
	expect(POLICY_COMMIT, 0, NULL, 0, NO_TRANSACTION);
	expect(POLICY_BEGIN, image.length, NULL, 0, OK);
	expect(POLICY_BEGIN, image.length, NULL, 0, TRANSACTION_OPEN);
	expect(POLICY_CHUNK, 1, &byte, 1, BAD_VALUE); /* a gap */
	assert_int_equal(call.error_offset, IN_COMMAND);
	expect(POLICY_CHUNK, 0, image.header, 10, OK);
	expect(POLICY_CHUNK, 0, image.header, 10, BAD_VALUE);				/* again */
	expect(POLICY_CHUNK, 10, image.header, (uint32_t)image.length - 9, BAD_LENGTH); /* one byte too many */
	assert_int_equal(call.error_offset, IN_COMMAND);
	expect(POLICY_VALIDATE, 0, NULL, 0, INCOMPLETE);
	expect(POLICY_COMMIT, 0, NULL, 0, INCOMPLETE);
	expect(POLICY_CHUNK, 10, (const uint8_t *)image.header + 10, (uint32_t)image.length - 10, OK);
	expect(POLICY_CHUNK, image.length, &byte, 1, BAD_LENGTH);
	expect(POLICY_COMMIT, 0, NULL, 0, OK); /* none of the mistakes spoilt it */
	assert_string_equal(rules_of(0), "a0");
	policy_image_clear(&image);
}

static void lengths_are_bounded(void **state)
{
	(void)state;
	expect(POLICY_BEGIN, 0, NULL, 0, BAD_LENGTH);
	expect(POLICY_BEGIN, sizeof(struct sluice_policy_header) - 1, NULL, 0, BAD_LENGTH);
	assert_int_equal(call.error_offset, IN_COMMAND);
	expect(POLICY_BEGIN, UINT64_MAX, NULL, 0, OVER_BUDGET);
	expect(POLICY_BEGIN, 1ull << 32, NULL, 0, OVER_BUDGET);
	machine_fail_allocation = 1;
	expect(POLICY_BEGIN, 4096, NULL, 0, NO_MEMORY);
	expect(POLICY_BEGIN, 4096, NULL, 0, OK); /* none of those was begun */
}

static void an_aborted_upload_is_forgotten(void **state)
{
	struct policy_image image = image_usual(1, 1);

	(void)state;
	expect(POLICY_ABORT, 0, NULL, 0, OK);
	upload(&image);
	expect(POLICY_ABORT, 0, NULL, 0, OK);
	expect(POLICY_COMMIT, 0, NULL, 0, NO_TRANSACTION);
	upload(&image);
	expect(POLICY_COMMIT, 0, NULL, 0, OK);
	policy_image_clear(&image);
}

static void what_is_wrong_in_an_upload_is_told_by_its_place(void **state)
{
	const struct image_instance tap[] = {{.name = "fw", .rules = 1}, {.name = "tap", .rules = 1}};
	const struct image_instance many[] = {{.name = "fw2", .rules = 9}, {.name = "fw", .rules = 8}};
	struct policy_image image = image_usual(1, 1);

	(void)state;
	policy_rules(&image)[1].protocol = 1;
	upload(&image);
	expect(POLICY_VALIDATE, 0, NULL, 0, IMPOSSIBLE_RULE);
	assert_int_equal(call.error_offset,
			 image.length - sizeof(struct sluice_rule) + offsetof(struct sluice_rule, dst_port));
	expect(POLICY_COMMIT, 0, NULL, 0, IMPOSSIBLE_RULE);
	assert_int_equal(call.error_offset,
			 image.length - sizeof(struct sluice_rule) + offsetof(struct sluice_rule, dst_port));
	policy_image_clear(&image);
	image = image_rules_only(tap, 2); /* the merged policy has it at another place than what was uploaded */
	upload(&image);
	expect(POLICY_COMMIT, 0, NULL, 0, NO_RULES_HERE);
	assert_int_equal(call.error_offset,
			 (const char *)policy_instances(&image)[1].name - (const char *)image.header);
	policy_image_clear(&image);
	image = image_rules_only(many, 2);
	upload(&image);
	expect(POLICY_COMMIT, 0, NULL, 0, OVER_BUDGET);
	assert_int_equal(call.error_offset, offsetof(struct sluice_policy_header, rules));
	policy_image_clear(&image);
	image = image_usual(1, 1);
	policy_ports(&image)[0].mtu = 9000;
	upload(&image);
	expect(POLICY_COMMIT, 0, NULL, 0, TOPOLOGY_CHANGE);
	assert_int_equal(call.error_offset, sizeof(struct sluice_policy_header) + offsetof(struct sluice_port, mtu));
	policy_image_clear(&image);
	assert_int_equal(machine.control.generation, 1);
}

static void a_commit_against_a_stale_read_is_refused(void **state)
{
	struct policy_image image = image_usual(1, 1);

	(void)state;
	machine_commit(image_usual(2, 2), SLUICE_STATUS_OK);
	upload(&image);
	expect(POLICY_COMMIT, 1, NULL, 0, GENERATION_MISMATCH);
	assert_int_equal(call.result, 2); /* what is in force */
	assert_string_equal(rules_of(0), "a0 a1");
	policy_image_clear(&image);
}

static void rules_alone_replace_the_rules(void **state)
{
	const struct image_instance only[] = {{.name = "fw2", .rules = 3}};
	struct policy_image image = image_rules_only(only, 1);

	(void)state;
	upload(&image);
	expect(POLICY_COMMIT, 0, NULL, 0, OK);
	assert_string_equal(rules_of(0), "");
	assert_string_equal(rules_of(1), "a0 a1 a2");
	policy_image_clear(&image);
}

/* ---- The way back ------------------------------------------------------------------------------------- */

static void what_is_read_back_is_what_was_uploaded(void **state)
{
	struct policy_image image = image_usual(4, 3);
	uint8_t *back = malloc(image.length);
	uint64_t at = 0;

	(void)state;
	upload(&image);
	expect(POLICY_COMMIT, 0, NULL, 0, OK);
	room = 77;
	do {
		expect(POLICY_READ, at, NULL, 0, OK);
		assert_int_equal(call.result, image.length);
		assert_true(call.reply_length > 0);
		memcpy(back + at, reply, call.reply_length);
		at += call.reply_length;
		if (at < 200) /* a change in between does not show */
			machine_commit(image_usual(1, 0), SLUICE_STATUS_OK);
	} while (at < image.length);
	assert_int_equal(at, image.length);
	assert_memory_equal(back, image.header, image.length);
	expect(POLICY_READ, at, NULL, 0, BAD_VALUE); /* the read is over */
	free(back);
	policy_image_clear(&image);
}

static void a_read_begins_at_the_beginning(void **state)
{
	(void)state;
	expect(POLICY_READ, 5, NULL, 0, BAD_VALUE);
	assert_int_equal(call.error_offset, IN_COMMAND);
	room = 10;
	expect(POLICY_READ, 0, NULL, 0, OK);
	expect(POLICY_READ, 1u << 20, NULL, 0, BAD_VALUE);
	expect(POLICY_READ, UINT64_MAX, NULL, 0, BAD_VALUE);
	expect(POLICY_READ, 10, NULL, 0, OK); /* it goes on all the same */
}

static void a_client_that_goes_leaves_nothing(void **state)
{
	char name[SLUICE_NAME_SIZE] = "";
	int64_t allocations = machine_allocations;
	void *first = session;

	(void)state;
	assert_int_equal(session_ops.session_open(&machine.control, 2, &session), 0);
	room = sizeof(*header) + sizeof(struct sluice_rule_record);
	expect(RULE_LIST, 0, name, sizeof(name), OK);
	expect(POLICY_READ, 0, NULL, 0, OK);
	expect(POLICY_BEGIN, 4096, NULL, 0, OK);
	assert_int_equal(machine.control.current->block.references, 3);
	session_ops.session_close(&machine.control, session);
	session = first;
	assert_int_equal(machine.control.current->block.references, 1);
	assert_int_equal(machine_allocations, allocations);
	machine_fail_allocation = 1;
	assert_int_not_equal(session_ops.session_open(&machine.control, 3, &session), 0);
	session = first;
}

/* ---- OIDs --------------------------------------------------------------------------------------------- */

static const void *oid_command(const char *instance, uint32_t oid, const void *value, uint32_t length)
{
	static uint64_t buffer[16];
	struct sluice_oid_command made = {.oid = oid};

	image_name(made.instance, instance);
	memcpy(buffer, &made, sizeof(made));
	if (length > 0)
		memcpy((uint8_t *)buffer + sizeof(made), value, length);
	return buffer;
}

#define expect_get(instance, oid, status)                                                                              \
	expect(OID_GET, 0, oid_command(instance, oid, NULL, 0), sizeof(struct sluice_oid_command), status)

static void an_oid_is_asked_of_an_instance(void **state)
{
	(void)state;
	expect_get("tap", SLUICE_OID_GEN_LINK_SPEED, OK); /* forwarded to the wire */
	assert_int_equal(call.result, IM_STATUS_SUCCESS);
	assert_int_equal(call.reply_length, 4);
	assert_int_equal((uint32_t)reply[0], 250000);
	expect_get("fw", SLUICE_OID_GEN_VENDOR_DESCRIPTION, OK);
	assert_memory_equal(reply, "Sluice stateless packet filter", 30);
	assert_int_equal(call.reply_length, 30);
}

static void an_oid_that_is_refused_says_why(void **state)
{
	struct sluice_oid_command bad = {.instance = "fw", .reserved = 1};

	(void)state;
	expect_get("fw", 0x00ff0000, REQUEST_FAILED);
	assert_int_equal(call.result, IM_STATUS_NOT_SUPPORTED);
	assert_int_equal(call.error_offset, offsetof(struct sluice_oid_command, oid));
	assert_int_equal(call.reply_length, 0);
	expect_get("nobody", SLUICE_OID_GEN_LINK_SPEED, NOT_FOUND);
	assert_int_equal(call.error_offset, 0);
	expect_get("", SLUICE_OID_GEN_LINK_SPEED, BAD_NAME);
	expect_get("a b", SLUICE_OID_GEN_LINK_SPEED, BAD_NAME);
	expect(OID_GET, 0, &bad, sizeof(bad), BAD_RESERVED);
	assert_int_equal(call.error_offset, offsetof(struct sluice_oid_command, reserved));
	room = 2;
	expect_get("wire0", SLUICE_OID_GEN_LINK_SPEED, REQUEST_FAILED);
	assert_int_equal(call.result, IM_STATUS_BUFFER_TOO_SHORT);
	assert_int_equal(call.reply_length, 0);
}

static void an_oid_is_set_through_the_stack(void **state)
{
	uint32_t value = 128;
	uint32_t length = sizeof(struct sluice_oid_command) + sizeof(value);

	(void)state;
	expect(OID_SET, 0, oid_command("fw", SLUICE_OID_GEN_CURRENT_LOOKAHEAD, &value, 4), length, OK);
	assert_int_equal(call.result, IM_STATUS_SUCCESS);
	expect(OID_SET, 0, oid_command("fw", SLUICE_OID_GEN_LINK_SPEED, &value, 4), length, REQUEST_FAILED);
	assert_int_equal(call.result, IM_STATUS_NOT_SUPPORTED);
}

static void the_oids_of_an_instance_are_listed(void **state)
{
	char name[SLUICE_NAME_SIZE] = "fw";

	(void)state;
	expect(OID_LIST, 0, name, sizeof(name), OK);
	assert_int_equal(header->total, 2);
	assert_int_equal(header->record_size, sizeof(struct sluice_oid_record));
	assert_int_equal(record_of(struct sluice_oid_record, 1)->oid, SLUICE_OID_GEN_LINK_SPEED);
	assert_int_equal(call.reply_length, sizeof(*header) + 2 * sizeof(struct sluice_oid_record));
	room = sizeof(*header) + 2 * sizeof(struct sluice_oid_record) - 1;
	expect(OID_LIST, 0, name, sizeof(name), BAD_LENGTH);
	image_name(name, "nobody");
	expect(OID_LIST, 0, name, sizeof(name), NOT_FOUND);
	assert_int_equal(call.error_offset, 0);
}

static void every_command_has_its_handler(void **state)
{
	(void)state;
#define X(name, number, least, most, role) assert_non_null(session_ops.handlers[number]);
	SLUICE_OPCODE_TABLE(X)
#undef X
}

int main(void)
{
#define WITH_CLIENT(test) cmocka_unit_test_setup_teardown(test, up, down)
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
		WITH_CLIENT(rules_are_listed_with_their_counters),
		WITH_CLIENT(pages_show_one_generation_whatever_happens_between_them),
		WITH_CLIENT(a_list_that_is_broken_off_keeps_nothing),
		WITH_CLIENT(a_page_outside_the_list_is_refused),
		WITH_CLIENT(stacks_are_listed_from_the_host_side),
		WITH_CLIENT(drivers_ports_workers_and_drops_are_listed),
		WITH_CLIENT(the_firmware_tells_about_itself),
		WITH_CLIENT(an_upload_in_pieces_comes_into_force_as_a_whole),
		WITH_CLIENT(chunks_come_in_order_and_fit),
		WITH_CLIENT(lengths_are_bounded),
		WITH_CLIENT(an_aborted_upload_is_forgotten),
		WITH_CLIENT(what_is_wrong_in_an_upload_is_told_by_its_place),
		WITH_CLIENT(a_commit_against_a_stale_read_is_refused),
		WITH_CLIENT(rules_alone_replace_the_rules),
		WITH_CLIENT(what_is_read_back_is_what_was_uploaded),
		WITH_CLIENT(a_read_begins_at_the_beginning),
		WITH_CLIENT(a_client_that_goes_leaves_nothing),
		WITH_CLIENT(an_oid_is_asked_of_an_instance),
		WITH_CLIENT(an_oid_that_is_refused_says_why),
		WITH_CLIENT(an_oid_is_set_through_the_stack),
		WITH_CLIENT(the_oids_of_an_instance_are_listed),
		cmocka_unit_test(every_command_has_its_handler),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
