/* SPDX-License-Identifier: BSD-3-Clause */
/* The handlers of the mailbox's commands, called as the mailbox calls them: lists, uploads, OIDs. */
#include <string.h>

#include "../edge/eal.h"
#include "client.h"

#define IN_COMMAND (SLUICE_ERROR_IN_COMMAND | (uint32_t)offsetof(struct sluice_command, arg))

static int up(void **state)
{
	(void)state;
	machine_up(3, 2);
	client_up();
	return 0;
}

static int down(void **state)
{
	(void)state;
	client_down();
	machine_down();
	return 0;
}

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

		assert_string_equal(client_rules(0), "a0 a1 a2");
		expect(POLICY_CHUNK, at, (const uint8_t *)image.header + at, piece, OK);
	}
	expect(POLICY_VALIDATE, 0, NULL, 0, OK);
	assert_int_equal(machine.control.generation, 1);
	expect(POLICY_COMMIT, 1, NULL, 0, OK);
	assert_int_equal(client.call.result, 2);
	assert_string_equal(client_rules(0), "a0");
	assert_string_equal(client_rules(1), "b0 b1 b2 b3");
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
	assert_int_equal(client.call.error_offset, IN_COMMAND);
	expect(POLICY_CHUNK, 0, image.header, 10, OK);
	expect(POLICY_CHUNK, 0, image.header, 10, BAD_VALUE);				/* again */
	expect(POLICY_CHUNK, 10, image.header, (uint32_t)image.length - 9, BAD_LENGTH); /* one byte too many */
	assert_int_equal(client.call.error_offset, IN_COMMAND);
	expect(POLICY_VALIDATE, 0, NULL, 0, INCOMPLETE);
	expect(POLICY_COMMIT, 0, NULL, 0, INCOMPLETE);
	expect(POLICY_CHUNK, 10, (const uint8_t *)image.header + 10, (uint32_t)image.length - 10, OK);
	expect(POLICY_CHUNK, image.length, &byte, 1, BAD_LENGTH);
	expect(POLICY_COMMIT, 0, NULL, 0, OK); /* none of the mistakes spoilt it */
	assert_string_equal(client_rules(0), "a0");
	policy_image_clear(&image);
}

static void lengths_are_bounded(void **state)
{
	(void)state;
	expect(POLICY_BEGIN, 0, NULL, 0, BAD_LENGTH);
	expect(POLICY_BEGIN, sizeof(struct sluice_policy_header) - 1, NULL, 0, BAD_LENGTH);
	assert_int_equal(client.call.error_offset, IN_COMMAND);
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

static const struct sluice_upload_record *describe(uint64_t id)
{
	expect(POLICY_STATUS, id, NULL, 0, OK);
	assert_int_equal(client.call.reply_length, sizeof(struct sluice_upload_record));
	return (const struct sluice_upload_record *)client.reply;
}

/* Another connection: what it left is @p last, for close_session(). */
static void *reconnect(void)
{
	void *last = client.session;

	assert_int_equal(session_ops.session_open(&machine.control, 2, &client.session), 0);
	return last;
}

static void close_session(void *session)
{
	session_ops.session_close(&machine.control, session);
}

static uint64_t begin(uint64_t length, uint64_t lease_ms)
{
	client_expect(__LINE__, SLUICE_OP_POLICY_BEGIN, length, lease_ms, NULL, 0, SLUICE_STATUS_OK);
	return client.call.result;
}

static void another_client_goes_on_with_an_upload(void **state)
{
	struct policy_image image = image_usual(1, 4);
	const struct sluice_upload_record *record;
	uint64_t id = begin(image.length, 1000);
	void *first;

	(void)state;
	expect(POLICY_STATUS, 0, NULL, 0, OK);
	expect(POLICY_CHUNK, 0, image.header, 100, OK);
	first = reconnect();
	expect(POLICY_STATUS, 0, NULL, 0, NO_TRANSACTION);
	expect(POLICY_RESUME, id, NULL, 0, UPLOAD_TAKEN);
	record = describe(id);
	assert_int_equal(record->id, id);
	assert_int_equal(record->taken, 1);
	close_session(first);
	record = describe(id);
	assert_int_equal(client.call.result, 100);
	assert_int_equal(record->received, 100);
	assert_int_equal(record->length, image.length);
	assert_int_equal(record->lease_ms, 1000);
	assert_int_equal(record->taken, 0);
	expect(POLICY_RESUME, id + 1, NULL, 0, UNKNOWN_UPLOAD);
	assert_int_equal(client.call.error_offset, IN_COMMAND);
	expect(POLICY_RESUME, id, NULL, 0, OK);
	assert_int_equal(client.call.result, 100);
	expect(POLICY_RESUME, id, NULL, 0, TRANSACTION_OPEN);
	expect(POLICY_CHUNK, 0, image.header, 100, BAD_VALUE); /* that is there already */
	expect(POLICY_CHUNK, 100, (const uint8_t *)image.header + 100, (uint32_t)image.length - 100, OK);
	expect(POLICY_VALIDATE, 0, NULL, 0, OK);
	expect(POLICY_COMMIT, 1, NULL, 0, OK);
	assert_string_equal(client_rules(1), "b0 b1 b2 b3");
	expect(POLICY_STATUS, id, NULL, 0, UNKNOWN_UPLOAD);
	policy_image_clear(&image);
}

static void an_upload_is_its_users_alone(void **state)
{
	uint64_t id = begin(4096, 1000);
	void *first = reconnect();

	(void)state;
	close_session(first);
	client.user = 1;
	expect(POLICY_STATUS, id, NULL, 0, UNKNOWN_UPLOAD);
	expect(POLICY_RESUME, id, NULL, 0, UNKNOWN_UPLOAD);
	client.user = 0;
	expect(POLICY_RESUME, id, NULL, 0, OK);
	expect(POLICY_ABORT, 0, NULL, 0, OK);
	expect(POLICY_RESUME, id, NULL, 0, UNKNOWN_UPLOAD);
}

/* ---- Operations --------------------------------------------------------------------------------------- */

/* The session of an operation that the client begins now. */
static enum sluice_status branch(enum sluice_opcode opcode, void **session)
{
	const struct sluice_command command = {.opcode = (uint16_t)opcode};
	struct mailbox_call call = {.command = &command, .session = client.session};

	return session_ops.session_branch(&machine.control, &call, session);
}

/* The client may begin another one, and go; nothing but a whole upload becomes an operation's. */
static void an_operation_takes_the_upload_with_it(void **state)
{
	struct policy_image image = image_usual(1, 4);
	void *session = NULL, *own = client.session;

	(void)state;
	assert_int_equal(branch(SLUICE_OP_POLICY_COMMIT, &session), SLUICE_STATUS_NO_TRANSACTION);
	expect(POLICY_BEGIN, image.length, NULL, 0, OK);
	assert_int_equal(branch(SLUICE_OP_POLICY_COMMIT, &session), SLUICE_STATUS_INCOMPLETE);
	expect(POLICY_CHUNK, 0, image.header, (uint32_t)image.length, OK);
	assert_int_equal(branch(SLUICE_OP_POLICY_COMMIT, &session), SLUICE_STATUS_OK);
	expect(POLICY_COMMIT, 0, NULL, 0, NO_TRANSACTION);
	expect(POLICY_BEGIN, image.length, NULL, 0, OK);
	client.session = session;
	expect(POLICY_COMMIT, 1, NULL, 0, OK);
	assert_string_equal(client_rules(1), "b0 b1 b2 b3");
	close_session(session);
	client.session = own;
	assert_int_equal(branch(SLUICE_OP_DRIVER_LOAD, &session), SLUICE_STATUS_OK);
	close_session(session);
	expect(POLICY_CHUNK, 0, image.header, 10, OK); /* that one stayed the client's */
	policy_image_clear(&image);
}

static const struct sluice_operation_record *ask(uint64_t id)
{
	expect(OPERATION_STATUS, id, NULL, 0, OK);
	assert_int_equal(client.call.reply_length, sizeof(struct sluice_operation_record));
	return (const struct sluice_operation_record *)client.reply;
}

static void a_commit_tells_how_far_it_is(void **state)
{
	struct operations *operations = &machine.control.operations;
	struct policy_image image = image_usual(1, 3);
	const struct sluice_list *list = (const struct sluice_list *)client.reply;
	const struct sluice_operation_record *record;
	struct event_log log;
	uint32_t cursor = 0;
	uint64_t id;

	(void)state;
	assert_int_equal(event_log_create(&log), 0);
	operations->events = &log;
	upload(&image);
	assert_int_equal(operations_begin(operations, 0, SLUICE_OP_POLICY_COMMIT, &id), SLUICE_STATUS_OK);
	assert_int_equal(ask(id)->state, SLUICE_OPERATION_WAITING);
	operation_enter(operations, id);
	expect(POLICY_COMMIT, 0, NULL, 0, OK);
	operation_leave();
	record = ask(id);
	assert_int_equal(record->state, SLUICE_OPERATION_RUNNING);
	assert_string_equal(record->step, "building rules");
	for (uint32_t i = 0; i < 3; i++) { /* before each instance, which have 1, 3 and no rules */
		struct sluice_event event;

		assert_true(event_log_next(&log, &cursor, &event));
		assert_int_equal(event.kind, SLUICE_EVENT_OPERATION_PROGRESS);
		assert_int_equal(event.value, id);
		assert_string_equal(event.subject, ((const char *[]){"0% building rules", "25% building rules",
								     "100% building rules"})[i]);
	}
	upload(&image);
	expect(POLICY_COMMIT, 0, NULL, 0, OK); /* nobody's: it does not move the operation */
	operations_end(operations, id, &client.call, SLUICE_STATUS_OK);
	record = ask(id);
	assert_int_equal(record->state, SLUICE_OPERATION_DONE);
	assert_int_equal(record->percent, 100);
	expect(OPERATION_LIST, 0, NULL, 0, OK);
	assert_int_equal(list->count, 1);
	assert_int_equal(list->record_size, sizeof(*record));
	expect(OPERATION_STATUS, id + 1, NULL, 0, NOT_FOUND);
	assert_int_equal(client.call.error_offset, IN_COMMAND);
	client.room = sizeof(*record) - 1;
	expect(OPERATION_STATUS, id, NULL, 0, BAD_LENGTH);
	operations->events = NULL;
	event_log_destroy(&log);
	policy_image_clear(&image);
}

static void a_lease_that_runs_out_frees_its_upload(void **state)
{
	struct uploads *uploads = &machine.control.uploads;
	struct sluice_event event;
	struct event_log log;
	uint32_t cursor = 0;
	uint64_t id = begin(4096, 1000);

	(void)state;
	assert_int_equal(event_log_create(&log), 0);
	uploads_tick(uploads, 5000, &log); /* it does not run while a client has it */
	uploads_tick(uploads, 15000, &log);
	close_session(reconnect());
	uploads_tick(uploads, 20000, &log);
	uploads_tick(uploads, 20400, &log);
	assert_int_equal(describe(id)->lease_ms, 600);
	expect(POLICY_RESUME, id, NULL, 0, OK); /* and begins anew when that one goes */
	uploads_tick(uploads, 30000, &log);
	close_session(reconnect());
	uploads_tick(uploads, 30001, &log);
	uploads_tick(uploads, 31000, &log);
	assert_false(event_log_next(&log, &cursor, &event));
	uploads_tick(uploads, 31001, &log);
	assert_true(event_log_next(&log, &cursor, &event));
	assert_int_equal(event.kind, SLUICE_EVENT_UPLOAD_EXPIRED);
	assert_string_equal(event.subject, "user 0");
	assert_int_equal(event.value, id);
	expect(POLICY_RESUME, id, NULL, 0, UNKNOWN_UPLOAD);
	expect(INFO, 0, NULL, 0, OK);
	assert_int_equal(((const struct sluice_info *)client.reply)->uploads_expired, 1);
	assert_int_equal(((const struct sluice_info *)client.reply)->uploads, 0);
	client_expect(__LINE__, SLUICE_OP_POLICY_BEGIN, 4096, SLUICE_LEASE_MAX_MS + 1, NULL, 0,
		      SLUICE_STATUS_BAD_VALUE);
	assert_int_equal(client.call.error_offset, IN_COMMAND + sizeof(uint64_t));
	event_log_destroy(&log);
}

/* By number and by bytes; another user still can, and what was left takes room until its lease has run out. */
static void uploads_of_a_user_are_bounded(void **state)
{
	struct uploads *uploads = &machine.control.uploads;
	uint64_t largest = 1 << 20;

	(void)state;
	for (uint32_t i = 0; i < UPLOADS_PER_USER; i++) {
		begin(4096, 1000);
		close_session(reconnect());
	}
	expect(POLICY_BEGIN, 4096, NULL, 0, TOO_MANY_UPLOADS);
	client.user = 1;
	expect(POLICY_BEGIN, 4096, NULL, 0, OK);
	close_session(reconnect());
	client.user = 0;
	expect(POLICY_BEGIN, 4096, NULL, 0, TOO_MANY_UPLOADS);
	expect(INFO, 0, NULL, 0, OK);
	assert_int_equal(((const struct sluice_info *)client.reply)->uploads, UPLOADS_PER_USER);
	assert_int_equal(((const struct sluice_info *)client.reply)->uploads_refused, 2);
	uploads_tick(uploads, 1, NULL);
	uploads_tick(uploads, 1001, NULL);
	while (client_run(SLUICE_OP_POLICY_BEGIN, largest, 0, NULL, 0) == SLUICE_STATUS_OVER_BUDGET)
		largest -= 64;
	for (uint32_t i = 1; i < UPLOAD_USER_IMAGES; i++) {
		expect(POLICY_ABORT, 0, NULL, 0, OK);
		begin(largest, 1000);
		close_session(reconnect());
	}
	expect(POLICY_BEGIN, largest, NULL, 0, OK);
	expect(POLICY_ABORT, 0, NULL, 0, OK);
	begin(largest, 1000);
	close_session(reconnect());
	expect(POLICY_BEGIN, 4096, NULL, 0, TOO_MANY_UPLOADS);
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
	assert_int_equal(client.call.error_offset,
			 image.length - sizeof(struct sluice_rule) + offsetof(struct sluice_rule, dst_port));
	expect(POLICY_COMMIT, 0, NULL, 0, IMPOSSIBLE_RULE);
	assert_int_equal(client.call.error_offset,
			 image.length - sizeof(struct sluice_rule) + offsetof(struct sluice_rule, dst_port));
	policy_image_clear(&image);
	image = image_rules_only(tap, 2); /* the merged policy has it at another place than what was uploaded */
	upload(&image);
	expect(POLICY_COMMIT, 0, NULL, 0, NO_RULES_HERE);
	assert_int_equal(client.call.error_offset,
			 (const char *)policy_instances(&image)[1].name - (const char *)image.header);
	policy_image_clear(&image);
	image = image_rules_only(many, 2);
	upload(&image);
	expect(POLICY_COMMIT, 0, NULL, 0, OVER_BUDGET);
	assert_int_equal(client.call.error_offset, offsetof(struct sluice_policy_header, rules));
	policy_image_clear(&image);
	image = image_usual(1, 1);
	policy_ports(&image)[0].mtu = 9000;
	upload(&image);
	expect(POLICY_COMMIT, 0, NULL, 0, TOPOLOGY_CHANGE);
	assert_int_equal(client.call.error_offset,
			 sizeof(struct sluice_policy_header) + offsetof(struct sluice_port, mtu));
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
	assert_int_equal(client.call.result, 2); /* what is in force */
	assert_string_equal(client_rules(0), "a0 a1");
	policy_image_clear(&image);
}

static void rules_alone_replace_the_rules(void **state)
{
	const struct image_instance only[] = {{.name = "fw2", .rules = 3}};
	struct policy_image image = image_rules_only(only, 1);

	(void)state;
	upload(&image);
	expect(POLICY_COMMIT, 0, NULL, 0, OK);
	assert_string_equal(client_rules(0), "");
	assert_string_equal(client_rules(1), "a0 a1 a2");
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
	client.room = 77;
	do {
		expect(POLICY_READ, at, NULL, 0, OK);
		assert_int_equal(client.call.result, image.length);
		assert_true(client.call.reply_length > 0);
		memcpy(back + at, client.reply, client.call.reply_length);
		at += client.call.reply_length;
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
	assert_int_equal(client.call.error_offset, IN_COMMAND);
	client.room = 10;
	expect(POLICY_READ, 0, NULL, 0, OK);
	expect(POLICY_READ, 1u << 20, NULL, 0, BAD_VALUE);
	expect(POLICY_READ, UINT64_MAX, NULL, 0, BAD_VALUE);
	expect(POLICY_READ, 10, NULL, 0, OK); /* it goes on all the same */
}

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
#define WITH_CLIENT(test) cmocka_unit_test_setup_teardown(test, up, down)
	const struct CMUnitTest tests[] = {
		WITH_CLIENT(rules_are_listed_with_their_counters),
		WITH_CLIENT(pages_show_one_generation_whatever_happens_between_them),
		WITH_CLIENT(a_list_that_is_broken_off_keeps_nothing),
		WITH_CLIENT(readers_that_never_end_keep_nobody_from_a_change),
		WITH_CLIENT(a_page_outside_the_list_is_refused),
		WITH_CLIENT(stacks_are_listed_from_the_host_side),
		WITH_CLIENT(drivers_ports_workers_and_drops_are_listed),
		WITH_CLIENT(the_firmware_tells_about_itself),
		WITH_CLIENT(an_upload_in_pieces_comes_into_force_as_a_whole),
		WITH_CLIENT(chunks_come_in_order_and_fit),
		WITH_CLIENT(lengths_are_bounded),
		WITH_CLIENT(an_aborted_upload_is_forgotten),
		WITH_CLIENT(another_client_goes_on_with_an_upload),
		WITH_CLIENT(an_upload_is_its_users_alone),
		WITH_CLIENT(an_operation_takes_the_upload_with_it),
		WITH_CLIENT(a_commit_tells_how_far_it_is),
		WITH_CLIENT(a_lease_that_runs_out_frees_its_upload),
		WITH_CLIENT(uploads_of_a_user_are_bounded),
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
