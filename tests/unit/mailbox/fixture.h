/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The broker and its clients in one process: the broker moves only when broker_poll() is called, so each
 * test knows what has happened and what has not. Nothing here may block: an alarm ends a test that does.
 */
#ifndef TESTS_MAILBOX_FIXTURE_H
#define TESTS_MAILBOX_FIXTURE_H

#include "peer.h"
#include "toy.h"

struct fixture {
	char dir[64];
	struct toy toy;
	struct broker *broker;
	struct threads *threads; /* NULL: the broker runs all handlers itself */
	unsigned fds_before;
};

/** cmocka set-up: a broker with the toy's handlers in a directory of its own. */
int fixture_set_up(void **state);

/** cmocka tear-down: all sessions must have been closed, no descriptor be left, and the directory be empty. */
int fixture_tear_down(void **state);

/** A broker with a test's own handlers, the slow ones of which run on control threads. */
struct fixture *fixture_open_threaded(const struct mailbox_ops *ops, void *context);

/** Its end waits for what is under way; no descriptor must be left, and the directory be empty. */
void fixture_close_threaded(struct fixture *fixture);

/** Lets the broker run until @p peer has a completion. */
struct sluice_completion await_completion(struct fixture *fixture, struct peer *peer);

/** Descriptors of this process. */
unsigned open_fds(void);

/** Lets the broker run until it has nothing to do. */
void pump(struct fixture *fixture);

/** Makes @p peer a client. */
void join(struct fixture *fixture, struct peer *peer);

/** One command of @p peer, from ring to completion: whatever others did, this one is served. */
void expect_served(struct fixture *fixture, struct peer *peer);

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, fixture_set_up, fixture_tear_down)

#endif
