/* SPDX-License-Identifier: BSD-3-Clause */
/* Policies that a client uploads, commits and reads back. */
#include <string.h>

#include "../edge/eal.h"
#include "client.h"

#define IN_COMMAND (SLUICE_ERROR_IN_COMMAND | (uint32_t)offsetof(struct sluice_command, arg))

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
	machine_fail_allocation = 1;
	assert_int_equal(branch(SLUICE_OP_POLICY_COMMIT, &session), SLUICE_STATUS_NO_MEMORY);
	assert_int_equal(machine_fail_allocation, 0);
	expect(POLICY_STATUS, 0, NULL, 0, OK); /* it has it still */
	assert_int_equal(client.call.result, image.length);
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

/* An upload of it, as that of an operation which this thread carries out. */
static uint64_t begin_commit(struct policy_image *image)
{
	struct operations *operations = &machine.control.operations;
	uint64_t id;

	upload(image);
	assert_int_equal(operations_begin(operations, 0, SLUICE_OP_POLICY_COMMIT, &id), SLUICE_STATUS_OK);
	assert_true(operation_enter(operations, id));
	return id;
}

/* Nothing of it is in force or counted, and its upload is not used up: what has a lease can be committed again. */
static void a_commit_that_is_cancelled_changes_nothing(void **state)
{
	struct policy_image image = image_usual(1, 3);
	uint64_t rejected = machine.control.statistics.rejected;
	uint64_t id;

	(void)state;
	id = begin_commit(&image);
	expect(OPERATION_CANCEL, id, NULL, 0, OK);
	expect(POLICY_COMMIT, 0, NULL, 0, CANCELLED);
	operation_leave();
	assert_int_equal(client.call.result, 1);
	assert_int_equal(control_generation(&machine.control), 1);
	assert_int_equal(machine.control.statistics.rejected, rejected);
	expect(POLICY_COMMIT, 0, NULL, 0, OK);
	assert_int_equal(client.call.result, 2);
	policy_image_clear(&image);
}

static void a_commit_in_force_is_too_late_to_cancel(void **state)
{
	struct policy_image image = image_usual(1, 3);
	uint64_t id;

	(void)state;
	id = begin_commit(&image);
	expect(POLICY_COMMIT, 0, NULL, 0, OK);
	expect(OPERATION_CANCEL, id, NULL, 0, TOO_LATE);
	assert_int_equal(client.call.error_offset, IN_COMMAND);
	operation_leave();
	assert_int_equal(control_generation(&machine.control), 2);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_MACHINE(an_upload_in_pieces_comes_into_force_as_a_whole),
		ON_MACHINE(chunks_come_in_order_and_fit),
		ON_MACHINE(lengths_are_bounded),
		ON_MACHINE(an_aborted_upload_is_forgotten),
		ON_MACHINE(another_client_goes_on_with_an_upload),
		ON_MACHINE(an_upload_is_its_users_alone),
		ON_MACHINE(an_operation_takes_the_upload_with_it),
		ON_MACHINE(a_commit_that_is_cancelled_changes_nothing),
		ON_MACHINE(a_commit_in_force_is_too_late_to_cancel),
		ON_MACHINE(a_commit_tells_how_far_it_is),
		ON_MACHINE(a_lease_that_runs_out_frees_its_upload),
		ON_MACHINE(uploads_of_a_user_are_bounded),
		ON_MACHINE(what_is_wrong_in_an_upload_is_told_by_its_place),
		ON_MACHINE(a_commit_against_a_stale_read_is_refused),
		ON_MACHINE(rules_alone_replace_the_rules),
		ON_MACHINE(what_is_read_back_is_what_was_uploaded),
		ON_MACHINE(a_read_begins_at_the_beginning),
	};

	return cmocka_run_group_tests(tests, eal_up, eal_down);
}
