/* SPDX-License-Identifier: BSD-3-Clause */
/* Slow commands: they run on control threads while the broker serves others, and outlive their clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include "broker.h"
#include "fixture.h"

/* A driver of sorts: it is entered, and goes on when the test says so. */
static struct {
	sem_t entered, go;
	uint32_t opened, closed, runs;	/* atomic */
	uint32_t returned_before_close; /* handlers that had returned when the session was closed; atomic */
	uint32_t returned;
	struct mailbox_call *pended;
} driver;

static uint32_t look(const uint32_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static void count(uint32_t *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_ACQ_REL);
}

/* ---- Handlers -------------------------------------------------------------------------------------- */

static enum sluice_status tell(void *context, struct mailbox_call *call)
{
	(void)context;
	call->result = call->command->arg[0];
	return SLUICE_STATUS_OK;
}

/* DEVICE_CALL: waits, then echoes. */
static enum sluice_status wait_here(void *context, struct mailbox_call *call)
{
	(void)context;
	count(&driver.runs);
	sem_post(&driver.entered);
	sem_wait(&driver.go);
	memcpy(call->reply, call->payload, call->payload_length);
	call->reply_length = call->payload_length;
	call->result = call->payload_length;
	count(&driver.returned);
	return SLUICE_STATUS_OK;
}

/* DEVICE_OPEN: is completed by somebody else. */
static enum sluice_status pend(void *context, struct mailbox_call *call)
{
	(void)context;
	driver.pended = call;
	count(&driver.returned);
	sem_post(&driver.entered);
	return MAILBOX_LATER;
}

/* DEVICE_CLOSE: is complete before the handler returns. */
static enum sluice_status complete_early(void *context, struct mailbox_call *call)
{
	(void)context;
	call->result = 17;
	call->complete(call, SLUICE_STATUS_CANCELLED);
	sem_post(&driver.entered);
	sem_wait(&driver.go);
	return MAILBOX_LATER;
}

static int open_session(void *context, uint32_t client_id, void **session)
{
	(void)context, (void)client_id;
	count(&driver.opened);
	*session = &driver;
	return 0;
}

/* As a session with handles does: what the driver has pended is complete afterwards. */
static void close_session(void *context, void *session)
{
	(void)context;
	assert_ptr_equal(session, &driver);
	__atomic_store_n(&driver.returned_before_close, look(&driver.returned), __ATOMIC_RELEASE);
	if (driver.pended != NULL)
		driver.pended->complete(driver.pended, SLUICE_STATUS_CANCELLED);
	driver.pended = NULL;
	count(&driver.closed);
}

static void one_line(void *context, const struct mailbox_call *call, struct threads_line *line)
{
	(void)context, (void)call;
	*line = (struct threads_line){.name = "all", .most = 3};
}

static const struct mailbox_ops ops = {
	.session_open = open_session,
	.session_close = close_session,
	.line = one_line,
	.handlers = {[SLUICE_OP_INFO] = tell,
		     [SLUICE_OP_DEVICE_CALL] = wait_here,
		     [SLUICE_OP_DEVICE_OPEN] = pend,
		     [SLUICE_OP_DEVICE_CLOSE] = complete_early},
	.slow = {[SLUICE_OP_DEVICE_CALL] = true, [SLUICE_OP_DEVICE_OPEN] = true, [SLUICE_OP_DEVICE_CLOSE] = true},
};

/* ---- The rig --------------------------------------------------------------------------------------- */

static int up(void **state)
{
	memset(&driver, 0, sizeof(driver));
	sem_init(&driver.entered, 0, 0);
	sem_init(&driver.go, 0, 0);
	*state = fixture_open_threaded(&ops, &driver);
	return 0;
}

static int down(void **state)
{
	fixture_close_threaded(*state);
	assert_int_equal(driver.opened, driver.closed);
	sem_destroy(&driver.entered);
	sem_destroy(&driver.go);
	return 0;
}

static void submit(struct peer *peer, enum sluice_opcode opcode, uint16_t id, uint32_t payload)
{
	ring_submit(&peer->ring, (struct sluice_command){.opcode = (uint16_t)opcode,
							 .command_id = id,
							 .arg = {id},
							 .in_length = payload,
							 .out_length = 256});
	peer_kick(peer);
}

static void expect_next(struct fixture *fixture, struct peer *peer, uint16_t id, enum sluice_status status)
{
	struct sluice_completion completion = await_completion(fixture, peer);

	assert_int_equal(completion.command_id, id);
	assert_string_equal(sluice_status_name(completion.status), sluice_status_name(status));
}

static void poll_until(struct fixture *fixture, const uint32_t *counter, uint32_t value)
{
	while (look(counter) < value)
		assert_true(broker_poll(fixture->broker, 10) >= 0);
}

/* ---- Tests ----------------------------------------------------------------------------------------- */

static void test_others_are_served_while_a_command_waits(void **state)
{
	struct fixture *fixture = *state;
	struct peer slow, other;
	struct sluice_completion completion;

	join(fixture, &slow);
	join(fixture, &other);
	memcpy(slow.ring.stage_in, "payload", 8);
	submit(&slow, SLUICE_OP_DEVICE_CALL, 1, 8);
	pump(fixture);
	sem_wait(&driver.entered);
	memset(slow.ring.stage_in, 0, 8); /* the command has copies of its own */
	for (uint16_t i = 2; i < 20; i++) {
		submit(&other, SLUICE_OP_INFO, i, 0);
		expect_next(fixture, &other, i, SLUICE_STATUS_OK);
	}
	assert_false(ring_take(&slow.ring, &completion));
	sem_post(&driver.go);
	completion = await_completion(fixture, &slow);
	assert_int_equal(completion.command_id, 1);
	assert_int_equal(completion.result, 8);
	assert_int_equal(completion.out_length, 8);
	assert_string_equal((const char *)slow.ring.stage_out, "payload");
	peer_close(&slow);
	peer_close(&other);
}

static void test_completions_come_in_the_order_of_the_commands(void **state)
{
	struct fixture *fixture = *state;
	struct peer peer;

	join(fixture, &peer);
	submit(&peer, SLUICE_OP_INFO, 1, 0);
	submit(&peer, SLUICE_OP_DEVICE_CALL, 2, 0);
	submit(&peer, SLUICE_OP_INFO, 3, 0);
	submit(&peer, SLUICE_OP_DEVICE_CALL, 4, 0);
	submit(&peer, SLUICE_OP_INFO, 5, 0);
	sem_post(&driver.go);
	sem_post(&driver.go);
	for (uint16_t i = 1; i <= 5; i++)
		expect_next(fixture, &peer, i, SLUICE_STATUS_OK);
	peer_close(&peer);
}

static void test_a_command_may_be_completed_by_anybody(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_completion completion;
	struct peer peer;

	join(fixture, &peer);
	submit(&peer, SLUICE_OP_DEVICE_OPEN, 1, SLUICE_NAME_SIZE);
	pump(fixture);
	sem_wait(&driver.entered);
	pump(fixture);
	assert_false(ring_take(&peer.ring, &completion));
	driver.pended->result = 42;
	driver.pended->complete(driver.pended, SLUICE_STATUS_OK);
	driver.pended = NULL;
	completion = await_completion(fixture, &peer);
	assert_int_equal(completion.result, 42);
	peer_close(&peer);
}

static void test_a_command_may_be_complete_before_its_handler_returns(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_completion completion;
	struct peer peer;

	join(fixture, &peer);
	submit(&peer, SLUICE_OP_DEVICE_CLOSE, 1, 0);
	pump(fixture);
	sem_wait(&driver.entered);
	pump(fixture);
	assert_false(ring_take(&peer.ring, &completion)); /* the handler may still look at it */
	sem_post(&driver.go);
	completion = await_completion(fixture, &peer);
	assert_int_equal(completion.result, 17);
	assert_int_equal(completion.status, SLUICE_STATUS_CANCELLED);
	peer_close(&peer);
}

static void test_a_client_that_goes_leaves_its_command_to_its_end(void **state)
{
	struct fixture *fixture = *state;
	struct peer gone, other;

	join(fixture, &gone);
	join(fixture, &other);
	submit(&gone, SLUICE_OP_DEVICE_CALL, 1, 0);
	pump(fixture);
	sem_wait(&driver.entered);
	peer_close(&gone);
	pump(fixture);
	assert_int_equal(broker_clients(fixture->broker), 1);
	assert_int_equal(look(&driver.closed), 0); /* the handler still runs */
	submit(&other, SLUICE_OP_INFO, 2, 0);
	expect_next(fixture, &other, 2, SLUICE_STATUS_OK);
	sem_post(&driver.go);
	poll_until(fixture, &driver.closed, 1);
	assert_int_equal(look(&driver.returned_before_close), 1);
	peer_close(&other);
}

static void submit_once(struct peer *peer, uint16_t id)
{
	/* The handle in arg[0] is another one over each connection. */
	ring_submit(&peer->ring, (struct sluice_command){.opcode = SLUICE_OP_DEVICE_CALL,
							 .command_id = id,
							 .token = 7,
							 .arg = {id},
							 .in_length = 8,
							 .out_length = 256});
	peer_kick(peer);
}

/* Its command is done once, and who comes back with its token hears first that it runs, and then what it answered. */
static void test_a_client_that_went_asks_for_its_answer(void **state)
{
	struct fixture *fixture = *state;
	struct sluice_completion completion;
	struct peer gone, back;

	join(fixture, &gone);
	memcpy(gone.ring.stage_in, "payload", 8);
	submit_once(&gone, 1);
	pump(fixture);
	sem_wait(&driver.entered);
	peer_close(&gone);
	pump(fixture);
	join(fixture, &back);
	memcpy(back.ring.stage_in, "payload", 8);
	submit_once(&back, 2);
	expect_next(fixture, &back, 2, SLUICE_STATUS_TOKEN_UNDER_WAY);
	sem_post(&driver.go);
	poll_until(fixture, &driver.closed, 1);
	do {
		submit_once(&back, 3);
		completion = await_completion(fixture, &back);
	} while (completion.status == SLUICE_STATUS_TOKEN_UNDER_WAY); /* the broker may not have looked yet */
	assert_int_equal(completion.status, SLUICE_STATUS_OK);
	assert_int_equal(completion.result, 8);
	assert_int_equal(completion.out_length, 8);
	assert_string_equal((const char *)back.ring.stage_out, "payload");
	assert_int_equal(look(&driver.runs), 1);
	peer_close(&back);
}

static void test_a_client_that_goes_ends_what_was_pended(void **state)
{
	struct fixture *fixture = *state;
	struct peer peer;

	join(fixture, &peer);
	submit(&peer, SLUICE_OP_DEVICE_OPEN, 1, SLUICE_NAME_SIZE);
	pump(fixture);
	sem_wait(&driver.entered);
	peer_close(&peer);
	poll_until(fixture, &driver.closed, 1); /* nobody but the session's end completes it */
}

static void test_the_end_of_the_broker_waits_for_commands(void **state)
{
	struct fixture *fixture = *state;
	struct peer peers[2];

	for (unsigned i = 0; i < 2; i++)
		join(fixture, &peers[i]);
	submit(&peers[0], SLUICE_OP_DEVICE_CALL, 1, 0);
	submit(&peers[1], SLUICE_OP_DEVICE_OPEN, 1, SLUICE_NAME_SIZE);
	pump(fixture);
	sem_wait(&driver.entered);
	sem_wait(&driver.entered);
	sem_post(&driver.go);
	peer_close(&peers[0]);
	peer_close(&peers[1]); /* down() expects that both sessions have been closed */
}

/* Else a client could have any number of commands wait in a driver that hangs. */
static void test_a_client_that_has_gone_keeps_its_place_until_its_command_ends(void **state)
{
	static struct peer peers[BROKER_MAX_CLIENTS];
	struct fixture *fixture = *state;
	struct peer one_more;

	join(fixture, &peers[0]);
	submit(&peers[0], SLUICE_OP_DEVICE_CALL, 1, 0);
	pump(fixture);
	sem_wait(&driver.entered);
	peer_close(&peers[0]);
	pump(fixture);
	for (unsigned i = 1; i < BROKER_MAX_CLIENTS; i++)
		join(fixture, &peers[i]);
	join(fixture, &one_more);
	assert_string_equal(sluice_status_name(one_more.welcome.status), "TOO_MANY_CLIENTS");
	peer_close(&one_more);
	sem_post(&driver.go);
	poll_until(fixture, &driver.closed, 1);
	do { /* the session's end comes back to the broker a moment after it */
		join(fixture, &one_more);
		if (one_more.welcome.status == SLUICE_STATUS_OK)
			break;
		peer_close(&one_more);
	} while (true);
	peer_close(&one_more);
	for (unsigned i = 1; i < BROKER_MAX_CLIENTS; i++)
		peer_close(&peers[i]);
}

#undef CASE
#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(others_are_served_while_a_command_waits),
		CASE(completions_come_in_the_order_of_the_commands),
		CASE(a_command_may_be_completed_by_anybody),
		CASE(a_command_may_be_complete_before_its_handler_returns),
		CASE(a_client_that_goes_leaves_its_command_to_its_end),
		CASE(a_client_that_went_asks_for_its_answer),
		CASE(a_client_that_goes_ends_what_was_pended),
		CASE(the_end_of_the_broker_waits_for_commands),
		CASE(a_client_that_has_gone_keeps_its_place_until_its_command_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
