/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client of the machine: its session, and the call that it is making. Handlers are called as the mailbox calls them;
 * what one completes later is waited for.
 */
#ifndef TEST_CLIENT_H
#define TEST_CLIENT_H

#include "machine.h"
#include "session.h"

struct client {
	void *session;
	struct sluice_command command;
	struct mailbox_call call;
	uint64_t reply[8192]; /* aligned as records are */
	uid_t user;	      /* 0 at first */
	uint32_t room;	      /* for the next answer; at first all of it */
	bool complete;	      /* a call that was to be completed later is */
	enum sluice_status status;
};

extern struct client client;

/** Begins and ends its session. */
void client_up(void);
void client_down(void);

/** cmocka set-up and tear-down: a machine whose filter has rules, and its client. */
int client_and_machine_up(void **state);
int client_and_machine_down(void **state);

#define ON_MACHINE(test) cmocka_unit_test_setup_teardown(test, client_and_machine_up, client_and_machine_down)

/** Gives a command and returns its status; client.call tells the rest. */
enum sluice_status client_run(enum sluice_opcode opcode, uint64_t argument, uint64_t second, const void *payload,
			      uint32_t length);

/** The same, without waiting: true where it is complete. */
bool client_begin(enum sluice_opcode opcode, uint64_t argument, uint64_t second, const void *payload, uint32_t length);

/** Waits until what client_begin() began is complete; returns its status. */
enum sluice_status client_wait(void);

/** Gives a command, and expects its status. */
#define expect(opcode, argument, payload, length, status)                                                              \
	client_expect(__LINE__, SLUICE_OP_##opcode, argument, 0, payload, length, SLUICE_STATUS_##status)
void client_expect(int line, enum sluice_opcode opcode, uint64_t argument, uint64_t second, const void *payload,
		   uint32_t length, enum sluice_status expected);

/** The rules of instance @p index of the policy in force. */
const char *client_rules(uint32_t index);

#endif
