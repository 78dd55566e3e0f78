/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card's end of one client's mailbox: takes commands from the submission ring, checks them, runs their
 * handlers and posts completions. It knows no sockets: the broker gives it mapped regions, a test or a
 * fuzzer gives it plain memory.
 *
 *   SQ entry --one copy--> command      \
 *   STAGE_IN --one copy--> scratch.in    > checks -> handler -> scratch.out --> STAGE_OUT --> CQ entry
 *
 * Everything the host can write is read once, into private memory, and only the private copy is looked at:
 * a host thread that flips bytes meanwhile gets either a checksum error or the command that it published.
 * A command that fails a check is completed as well, with the status and the offset of the bad field, and
 * counted.
 *
 * Commands that may wait for a driver are handed to defer(), with private copies of their own, and completed by
 * mailbox_finish(). Until then nothing more is taken from this mailbox: completions come in the order of the commands,
 * and a client has one such command under way. With SLUICE_FLAG_OPERATION they are handed to begin(), and complete.
 *
 * Level: PASSIVE (the thread that serves the mailboxes), which owns every member here.
 */
#ifndef CTRLPLANE_MAILBOX_H
#define CTRLPLANE_MAILBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "abi/mailbox.h"
#include "abi/opcode.h"
#include "abi/status.h"
#include "answers.h"
#include "data_port.h"
#include "threads.h"

/** One command on its way through its handler. All pointers are to private memory of the server. */
struct mailbox_call {
	const struct sluice_command *command;
	const uint8_t *payload; /* payload_length bytes, within the bounds of SLUICE_OPCODE_TABLE */
	uint32_t payload_length;
	uint8_t *reply; /* reply_room bytes, all zero */
	uint32_t reply_room;
	void *session; /* from session_open */
	enum sluice_role role;
	uid_t user;
	uint32_t client;    /* the connection's number */
	uint16_t abi_minor; /* that the client speaks */
	/* set by the handler; before: 0, 0, SLUICE_NO_OFFSET */
	uint32_t reply_length; /* bytes of reply to hand over, also with an error status */
	uint64_t result;
	uint32_t error_offset; /* of the bad field, where the status is not OK */
	/** What a handler that returned MAILBOX_LATER calls, once, on any thread that may sleep, perhaps before it
	 * returns. NULL where the command was not deferred. */
	void (*complete)(struct mailbox_call *call, enum sluice_status status);
};

/** From a handler of a deferred command: it is not complete yet, call->complete() follows. */
#define MAILBOX_LATER ((enum sluice_status)0xffff)

/** Runs one command; opcode, payload length and role have been checked. Waits only where the opcode is slow. */
typedef enum sluice_status (*mailbox_handler)(void *context, struct mailbox_call *call);

#define MAILBOX_OPCODES 256u

struct mailbox_ops {
	mailbox_handler handlers[MAILBOX_OPCODES]; /* by opcode; NULL: NOT_SUPPORTED */
	bool slow[MAILBOX_OPCODES];		   /* it may wait for a driver: its handler runs on a control thread */
	/** Which line a slow command stands in; at first any number run at a time. May be NULL. */
	void (*line)(void *context, const struct mailbox_call *call, struct threads_line *line);
	/** A client has come; sets *session. 0 or -errno (the client is refused). May be NULL. */
	int (*session_open)(void *context, uint32_t client_id, void **session);
	/** The client has gone, and none of its handlers runs: forget its upload, its pins, its handles. May be NULL.
	 */
	void (*session_close)(void *context, void *session);
	/** Makes a session for an operation, and moves what the command is about into it from call->session. OK, or why
	 * the operation is refused. Its session_close() waits for no driver. NULL: there are no operations. */
	enum sluice_status (*session_branch)(void *context, struct mailbox_call *call, void **session);
	/** Whether session_close() may wait for a driver. NULL: it never does. */
	bool (*session_is_slow)(void *context, const void *session);
	/** The ports whose data rings a client can have, with the same context. NULL: none. */
	const struct data_port_ops *data;
};

/** Totals since the start, of all clients that share the struct. */
struct mailbox_counters {
	uint64_t commands;	/* taken */
	uint64_t bad_commands;	/* of those, malformed or not permitted: no handler ran */
	uint64_t bad_doorbells; /* looks at a cq_head that cannot be */
};

/** Private copies of payload and reply, SLUICE_STAGE_SIZE bytes each; shared by the mailboxes of one thread. */
struct mailbox_scratch {
	uint8_t *in;
	uint8_t *out;
};

/** The regions as the card has them mapped, of the sizes in SLUICE_FD_TABLE. */
struct mailbox_regions {
	const volatile struct sluice_doorbell *doorbell;
	const volatile struct sluice_command *submission;
	struct sluice_completion *completion;
	const uint8_t *stage_in;
	uint8_t *stage_out;
};

struct mailbox {
	/** Takes over a slow command: its payload lies in scratch.in. 0 or -ENOMEM. NULL: it is run at once. */
	int (*defer)(struct mailbox *mailbox, const struct sluice_command *command);
	/** Begins the operation that carries out the command, whose payload lies in scratch.in, and sets call->result
	 * to its id. OK, or why it is refused. NULL: there are no operations. */
	enum sluice_status (*begin)(struct mailbox *mailbox, struct mailbox_call *call);
	bool deferred; /* one is under way */
	struct mailbox_regions regions;
	struct mailbox_scratch scratch;
	const struct mailbox_ops *ops;
	void *context;
	void *session;
	struct mailbox_counters *counters;
	enum sluice_role role;
	uid_t user;
	uint32_t taken;		 /* commands, modulo 2^32 */
	uint32_t posted;	 /* completions, modulo 2^32 */
	uint32_t cq_head;	 /* the last possible one that the doorbell showed */
	uint32_t client;	 /* not 0: the connection's number */
	uint16_t abi_minor;	 /* that the client speaks */
	struct answers *answers; /* of all mailboxes; NULL: tokens mean nothing */
};

/** 0 or -ENOMEM. */
int mailbox_scratch_create(struct mailbox_scratch *scratch);

void mailbox_scratch_destroy(struct mailbox_scratch *scratch);

/**
 * Takes and completes at most @p budget commands.
 *
 * A mailbox starts as a zeroed struct with regions, scratch, ops, context, session, counters, role and abi_minor
 * set.
 *
 * @return completions posted. Where it equals @p budget, more commands may be waiting; where it is less,
 *         nothing happens until the client kicks again or the command that was deferred is finished.
 */
unsigned mailbox_serve(struct mailbox *mailbox, unsigned budget);

/** What a handler is called with: @p payload and @p reply are copies that stay as long as it runs. */
struct mailbox_call mailbox_prepare(const struct mailbox *mailbox, const struct sluice_command *command,
				    const uint8_t *payload, uint8_t *reply);

/** Keeps the answer of a deferred command whose client has gone: it may ask for it over another connection. */
void mailbox_forsake(struct answers *answers, struct mailbox_call *call, enum sluice_status status);

/** Completes the command that defer() took over. More commands may be waiting behind it. */
void mailbox_finish(struct mailbox *mailbox, struct mailbox_call *call, enum sluice_status status);

#endif
