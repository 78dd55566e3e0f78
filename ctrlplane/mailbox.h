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
 * counted. Level: PASSIVE (the control thread), which owns every member here.
 */
#ifndef CTRLPLANE_MAILBOX_H
#define CTRLPLANE_MAILBOX_H

#include <stdbool.h>

#include "abi/mailbox.h"
#include "abi/opcode.h"
#include "abi/status.h"

/** One command on its way through its handler. All pointers are to private memory of the server. */
struct mailbox_call {
	const struct sluice_command *command;
	const uint8_t *payload; /* payload_length bytes, within the bounds of SLUICE_OPCODE_TABLE */
	uint32_t payload_length;
	uint8_t *reply; /* reply_room bytes, all zero */
	uint32_t reply_room;
	void *session; /* from session_open */
	enum sluice_role role;
	/* set by the handler; before: 0, 0, SLUICE_NO_OFFSET */
	uint32_t reply_length; /* bytes of reply to hand over, also with an error status */
	uint64_t result;
	uint32_t error_offset; /* of the bad field, where the status is not OK */
};

/** Runs one command; opcode, payload length and role have been checked. Must not block. */
typedef enum sluice_status (*mailbox_handler)(void *context, struct mailbox_call *call);

#define MAILBOX_OPCODES 256u

struct mailbox_ops {
	mailbox_handler handlers[MAILBOX_OPCODES]; /* by opcode; NULL: NOT_SUPPORTED */
	/** A client has come; sets *session. 0 or -errno (the client is refused). May be NULL. */
	int (*session_open)(void *context, uint32_t client_id, void **session);
	/** The client has gone: forget its upload, its pins. May be NULL. */
	void (*session_close)(void *context, void *session);
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

/* A state-changing command that was answered, so that its replay gets the same answer. */
struct mailbox_answer {
	uint64_t token; /* 0: free */
	uint64_t result;
	uint32_t error_offset;
	uint16_t opcode;
	uint16_t status;
};

#define MAILBOX_ANSWERS 16u

struct mailbox {
	struct mailbox_regions regions;
	struct mailbox_scratch scratch;
	const struct mailbox_ops *ops;
	void *context;
	void *session;
	struct mailbox_counters *counters;
	enum sluice_role role;
	uint32_t taken;	  /* commands, modulo 2^32 */
	uint32_t posted;  /* completions, modulo 2^32 */
	uint32_t cq_head; /* the last possible one that the doorbell showed */
	uint32_t next_answer;
	struct mailbox_answer answers[MAILBOX_ANSWERS]; /* the last ones, oldest overwritten */
};

/** 0 or -ENOMEM. */
int mailbox_scratch_create(struct mailbox_scratch *scratch);

void mailbox_scratch_destroy(struct mailbox_scratch *scratch);

/**
 * Takes and completes at most @p budget commands.
 *
 * A mailbox starts as a zeroed struct with regions, scratch, ops, context, session, counters and role set.
 *
 * @return completions posted. Where it equals @p budget, more commands may be waiting; where it is less,
 *         nothing happens until the client kicks again.
 */
unsigned mailbox_serve(struct mailbox *mailbox, unsigned budget);

#endif
