/* SPDX-License-Identifier: BSD-3-Clause */
/* The handlers of the mailbox's commands, called as the mailbox calls them: lists and OIDs. */
#include <string.h>

#include "../edge/eal.h"
#include "client.h"

#define IN_COMMAND (SLUICE_ERROR_IN_COMMAND | (uint32_t)offsetof(struct sluice_command, arg))

/* ---- Lists ------------------------------------------------------------------------------------------- */

static const struct sluice_list *const header = (const void *)client.reply;
#define record_of(type, index) ((const type *)(const void *)((const uint8_t *)client.reply + sizeof(*header)) + (index))

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
	assert_int_equal(client.call.reply_length, sizeof(*header) + 5 * sizeof(struct sluice_rule_record));
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
	assert_int_equal(client.call.error_offset, 0);
}

/* One record a page; between the pages the policy changes, and the list goes on with what it began. */
static void pages_show_one_generation_whatever_happens_between_them(void **state)
{
	static const char *const expected[] = {"a0", "a1", "a2", "b0", "b1"};
	char name[SLUICE_NAME_SIZE] = "";
	uint32_t next = 0;

	(void)state;
	client.room = sizeof(*header) + sizeof(struct sluice_rule_record);
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
	client.room = sizeof(*header) + sizeof(struct sluice_rule_record);
	expect(RULE_LIST, 0, name, sizeof(name), OK);
	machine_commit(image_usual(1, 0), SLUICE_STATUS_OK);
	control_tick(&machine.control);
	assert_int_equal(machine.control.statistics.retired, 0); /* pinned */
	expect(RULE_LIST, 0, name, sizeof(name), OK);		 /* a new list: the old pin is gone, one record fits */
	assert_int_equal(header->generation, 2);
	assert_int_equal(machine.control.statistics.retired, 1);
}

/* All rules of the budget, under names that no other generation has. */
static struct policy_image image_of_generation(uint32_t generation)
{
	struct policy_image image = image_usual(MACHINE_BUDGET / 2, MACHINE_BUDGET / 2);

	for (uint32_t i = 0; i < image.header->rules; i++) {
		char text[SLUICE_NAME_SIZE];

		snprintf(text, sizeof(text), "g%u-%u", generation, i);
		image_name(policy_rules(&image)[i].name, text);
	}
	return image;
}

/* A tenant may read; what it has begun to read must not use up the counters that the next policies need. */
static void readers_that_never_end_keep_nobody_from_a_change(void **state)
{
	enum { READERS = 128 };
	static void *readers[READERS];
	void *own = client.session;
	char name[SLUICE_NAME_SIZE] = "";

	(void)state;
	client.room = sizeof(*header) + sizeof(struct sluice_rule_record);
	for (uint32_t i = 0; i < READERS; i++) {
		machine_commit(image_of_generation(i), SLUICE_STATUS_OK);
		assert_int_equal(session_ops.session_open(&machine.control, i, &readers[i]), 0);
		client.session = readers[i];
		expect(RULE_LIST, 0, name, sizeof(name), OK);
		expect(POLICY_READ, 0, NULL, 0, OK);
	}
	expect(RULE_LIST, 1, name, sizeof(name), OK); /* the last one reads what is in force */
	client.session = readers[0];
	expect(RULE_LIST, 1, name, sizeof(name), GENERATION_MISMATCH);
	expect(STACK_LIST, 1, NULL, 0, GENERATION_MISMATCH);
	expect(POLICY_READ, 16, NULL, 0, GENERATION_MISMATCH);
	expect(RULE_LIST, 0, name, sizeof(name), OK); /* from the beginning */
	expect(RULE_LIST, 1, name, sizeof(name), OK);
	expect(POLICY_READ, 0, NULL, 0, OK);
	expect(POLICY_READ, 16, NULL, 0, OK);
	for (uint32_t i = 0; i < READERS; i++)
		session_ops.session_close(&machine.control, readers[i]);
	client.session = own;
}

static void a_page_outside_the_list_is_refused(void **state)
{
	char name[SLUICE_NAME_SIZE] = "";

	(void)state;
	expect(RULE_LIST, 6, name, sizeof(name), BAD_VALUE);
	assert_int_equal(client.call.error_offset, IN_COMMAND);
	expect(RULE_LIST, UINT64_MAX, name, sizeof(name), BAD_VALUE);
	expect(RULE_LIST, 1ull << 32, name, sizeof(name), BAD_VALUE);
	expect(RULE_LIST, 5, name, sizeof(name), OK); /* its end */
	assert_int_equal(header->count, 0);
	client.room = sizeof(*header) + sizeof(struct sluice_rule_record) - 1;
	expect(RULE_LIST, 0, name, sizeof(name), BAD_LENGTH);
	client.room = 0;
	expect(RULE_LIST, 0, name, sizeof(name), BAD_LENGTH);
	expect(INFO, 0, NULL, 0, BAD_LENGTH);
	assert_int_equal(client.call.reply_length, 0);
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
	const struct sluice_info *info = (const void *)client.reply;

	(void)state;
	machine_commit(image_usual(17, 0), SLUICE_STATUS_OVER_BUDGET);
	expect(INFO, 0, NULL, 0, OK);
	assert_int_equal(client.call.reply_length, sizeof(*info));
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

/* An older host has less room, a newer one more. */
static void info_is_cut_to_the_room_that_there_is(void **state)
{
	struct sluice_info info;

	(void)state;
	client.room = sizeof(info) + 64;
	expect(INFO, 0, NULL, 0, OK);
	assert_int_equal(client.call.reply_length, sizeof(info));
	client.room = SLUICE_INFO_LEAST;
	expect(INFO, 0, NULL, 0, OK);
	assert_int_equal(client.call.reply_length, SLUICE_INFO_LEAST);
	memcpy(&info, client.reply, SLUICE_INFO_LEAST);
	assert_int_equal(info.policy_generation, 1);
	client.room = SLUICE_INFO_LEAST - 1;
	expect(INFO, 0, NULL, 0, BAD_LENGTH);
}

/* ---- The end ------------------------------------------------------------------------------------- */

static void a_client_that_goes_leaves_nothing(void **state)
{
	char name[SLUICE_NAME_SIZE] = "";
	int64_t allocations = machine_allocations;
	void *first = client.session;

	(void)state;
	assert_int_equal(session_ops.session_open(&machine.control, 2, &client.session), 0);
	client.room = sizeof(*header) + sizeof(struct sluice_rule_record);
	expect(RULE_LIST, 0, name, sizeof(name), OK);
	expect(POLICY_READ, 0, NULL, 0, OK);
	expect(POLICY_BEGIN, 4096, NULL, 0, OK);
	assert_int_equal(machine.control.current->block.reference.count, 3);
	session_ops.session_close(&machine.control, client.session);
	client.session = first;
	assert_int_equal(machine.control.current->block.reference.count, 1);
	assert_int_equal(machine_allocations, allocations);
	machine_fail_allocation = 1;
	assert_int_not_equal(session_ops.session_open(&machine.control, 3, &client.session), 0);
	client.session = first;
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
	assert_int_equal(client.call.result, IM_STATUS_SUCCESS);
	assert_int_equal(client.call.reply_length, 4);
	assert_int_equal((uint32_t)client.reply[0], 250000);
	expect_get("fw", SLUICE_OID_GEN_VENDOR_DESCRIPTION, OK);
	assert_memory_equal(client.reply, "Sluice stateless packet filter", 30);
	assert_int_equal(client.call.reply_length, 30);
}

static void an_oid_that_is_refused_says_why(void **state)
{
	struct sluice_oid_command bad = {.instance = "fw", .reserved = 1};

	(void)state;
	expect_get("fw", 0x00ff0000, REQUEST_FAILED);
	assert_int_equal(client.call.result, IM_STATUS_NOT_SUPPORTED);
	assert_int_equal(client.call.error_offset, offsetof(struct sluice_oid_command, oid));
	assert_int_equal(client.call.reply_length, 0);
	expect_get("nobody", SLUICE_OID_GEN_LINK_SPEED, NOT_FOUND);
	assert_int_equal(client.call.error_offset, 0);
	expect_get("", SLUICE_OID_GEN_LINK_SPEED, BAD_NAME);
	expect_get("a b", SLUICE_OID_GEN_LINK_SPEED, BAD_NAME);
	expect(OID_GET, 0, &bad, sizeof(bad), BAD_RESERVED);
	assert_int_equal(client.call.error_offset, offsetof(struct sluice_oid_command, reserved));
	client.room = 2;
	expect_get("wire0", SLUICE_OID_GEN_LINK_SPEED, REQUEST_FAILED);
	assert_int_equal(client.call.result, IM_STATUS_BUFFER_TOO_SHORT);
	assert_int_equal(client.call.reply_length, 0);
}

static void an_oid_is_set_through_the_stack(void **state)
{
	uint32_t value = 128;
	uint32_t length = sizeof(struct sluice_oid_command) + sizeof(value);

	(void)state;
	expect(OID_SET, 0, oid_command("fw", SLUICE_OID_GEN_CURRENT_LOOKAHEAD, &value, 4), length, OK);
	assert_int_equal(client.call.result, IM_STATUS_SUCCESS);
	expect(OID_SET, 0, oid_command("fw", SLUICE_OID_GEN_LINK_SPEED, &value, 4), length, REQUEST_FAILED);
	assert_int_equal(client.call.result, IM_STATUS_NOT_SUPPORTED);
}

static void the_oids_of_an_instance_are_listed(void **state)
{
	char name[SLUICE_NAME_SIZE] = "fw";
	bool speed = false;
	uint32_t count;

	(void)state;
	expect(OID_LIST, 0, name, sizeof(name), OK);
	count = header->total;
	assert_true(count >= 2);
	assert_int_equal(header->count, count);
	assert_int_equal(header->record_size, sizeof(struct sluice_oid_record));
	for (uint32_t i = 0; i < count; i++)
		speed |= record_of(struct sluice_oid_record, i)->oid == SLUICE_OID_GEN_LINK_SPEED;
	assert_true(speed);
	assert_int_equal(client.call.reply_length, sizeof(*header) + count * sizeof(struct sluice_oid_record));
	client.room = (uint32_t)(sizeof(*header) + count * sizeof(struct sluice_oid_record) - 1);
	expect(OID_LIST, 0, name, sizeof(name), BAD_LENGTH);
	image_name(name, "nobody");
	expect(OID_LIST, 0, name, sizeof(name), NOT_FOUND);
	assert_int_equal(client.call.error_offset, 0);
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
	const struct CMUnitTest tests[] = {
		ON_MACHINE(rules_are_listed_with_their_counters),
		ON_MACHINE(pages_show_one_generation_whatever_happens_between_them),
		ON_MACHINE(a_list_that_is_broken_off_keeps_nothing),
		ON_MACHINE(readers_that_never_end_keep_nobody_from_a_change),
		ON_MACHINE(a_page_outside_the_list_is_refused),
		ON_MACHINE(stacks_are_listed_from_the_host_side),
		ON_MACHINE(drivers_ports_workers_and_drops_are_listed),
		ON_MACHINE(the_firmware_tells_about_itself),
		ON_MACHINE(info_is_cut_to_the_room_that_there_is),
		ON_MACHINE(a_client_that_goes_leaves_nothing),
		ON_MACHINE(an_oid_is_asked_of_an_instance),
		ON_MACHINE(an_oid_that_is_refused_says_why),
		ON_MACHINE(an_oid_is_set_through_the_stack),
		ON_MACHINE(the_oids_of_an_instance_are_listed),
		cmocka_unit_test(every_command_has_its_handler),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
