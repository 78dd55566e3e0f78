/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>
#include <dirent.h>
#include <unistd.h>

#include "fixture.h"

#define TEST_LIMIT_S 60

unsigned open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

int fixture_set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	char error[256] = "";

	assert_non_null(fixture);
	alarm(TEST_LIMIT_S);
	strcpy(fixture->dir, "/tmp/test_broker.XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	fixture->fds_before = open_fds();
	fixture->broker = broker_create(fixture->dir, &toy_ops, &fixture->toy, error, sizeof(error));
	assert_string_equal(error, "");
	assert_non_null(fixture->broker);
	*state = fixture;
	return 0;
}

int fixture_tear_down(void **state)
{
	struct fixture *fixture = *state;

	broker_destroy(fixture->broker);
	assert_int_equal(fixture->toy.sessions_opened, fixture->toy.sessions_closed);
	assert_false(fixture->toy.attached);
	assert_int_equal(fixture->toy.detached, fixture->toy.released);
	assert_int_equal(open_fds(), fixture->fds_before);
	assert_int_equal(rmdir(fixture->dir), 0);
	free(fixture);
	return 0;
}

struct fixture *fixture_open_threaded(const struct mailbox_ops *ops, void *context)
{
	static const struct threads_hooks none;
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	char error[256] = "";
	int code;

	assert_non_null(fixture);
	alarm(TEST_LIMIT_S);
	strcpy(fixture->dir, "/tmp/test_broker.XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	fixture->fds_before = open_fds();
	fixture->threads = threads_create(&none, 4, &code);
	assert_non_null(fixture->threads);
	fixture->broker = broker_create(fixture->dir, ops, context, error, sizeof(error));
	assert_string_equal(error, "");
	assert_int_equal(broker_use_threads(fixture->broker, fixture->threads), 0);
	return fixture;
}

void fixture_close_threaded(struct fixture *fixture)
{
	broker_destroy(fixture->broker);
	threads_destroy(fixture->threads);
	assert_int_equal(open_fds(), fixture->fds_before);
	assert_int_equal(rmdir(fixture->dir), 0);
	free(fixture);
}

struct sluice_completion await_completion(struct fixture *fixture, struct peer *peer)
{
	struct sluice_completion completion;

	while (!ring_take(&peer->ring, &completion)) /* the alarm ends a test that waits in vain */
		assert_true(broker_poll(fixture->broker, 100) >= 0);
	peer->ring.doorbell->cq_head = peer->ring.consumed;
	return completion;
}

void pump(struct fixture *fixture)
{
	int count = 1;

	for (int i = 0; i < 10000 && count > 0; i++)
		count = broker_poll(fixture->broker, 0);
	assert_int_equal(count, 0);
}

void join(struct fixture *fixture, struct peer *peer)
{
	const struct sluice_hello hello = peer_hello();

	*peer = (struct peer){.socket = peer_connect(fixture->dir)};
	assert_true(peer->socket >= 0);
	assert_int_equal(peer_send(peer->socket, &hello, sizeof(hello), -1, 0), sizeof(hello));
	pump(fixture);
	assert_int_equal(peer_receive(peer), sizeof(peer->welcome));
}

void expect_served(struct fixture *fixture, struct peer *peer)
{
	struct sluice_completion completion;

	ring_submit(&peer->ring, (struct sluice_command){.opcode = SLUICE_OP_INFO,
							 .command_id = 99,
							 .out_length = sizeof(struct sluice_info)});
	peer_kick(peer);
	pump(fixture);
	assert_true(ring_take(&peer->ring, &completion));
	peer->ring.doorbell->cq_head = peer->ring.consumed;
	assert_int_equal(completion.command_id, 99);
	assert_int_equal(completion.status, SLUICE_STATUS_OK);
	assert_string_equal((const char *)peer->ring.stage_out, "toy");
}
