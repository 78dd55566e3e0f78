/* SPDX-License-Identifier: BSD-3-Clause */
/* A broker with operations that go on when the test says so. */
#ifndef TESTS_OPERATION_RIG_H
#define TESTS_OPERATION_RIG_H

#include <semaphore.h>

#include "broker.h"
#include "fixture.h"

#define FIRST_ID 1000u

/* A driver of sorts: it is entered, and goes on when the test says so. */
struct operation_driver {
	sem_t entered, go;
	uint32_t sessions; /* of clients and operations; atomic */
	uint32_t runs;	   /* atomic */
	enum sluice_status refuse_branch_with;
	bool has_upload; /* the client's session; a load takes it with it */
};

extern struct operation_driver driver;
extern struct operations operations;
extern struct event_log events;

/** cmocka set-up and tear-down: the state is a fixture with a thread of its own. Nothing may be left under way. */
int operation_rig_up(void **state);
int operation_rig_down(void **state);

/** Give a command, and wait for its completion. */
struct sluice_completion give(struct fixture *fixture, struct peer *peer, struct sluice_command command);

void expect_status(const struct sluice_completion *completion, enum sluice_status expected);

/** The command that begins one: DRIVER_LOAD is entered and waits, DRIVER_UNLOAD is refused, POLICY_COMMIT builds and
 * waits, then puts in force and waits. */
struct sluice_command operation_of(enum sluice_opcode opcode);

/** Begin one. Returns its id. */
uint64_t begin(struct fixture *fixture, struct peer *peer, enum sluice_opcode opcode);

/** Ask how it is, once or until it is done. */
struct sluice_operation_record look(struct fixture *fixture, struct peer *peer, uint64_t id);
struct sluice_operation_record wait_done(struct fixture *fixture, struct peer *peer, uint64_t id);

/** The next event behind @p cursor. */
void expect_event(uint32_t *cursor, enum sluice_event_kind kind, const char *subject, uint64_t value);

#undef CASE /* the fixture's */
#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, operation_rig_up, operation_rig_down)

#endif
