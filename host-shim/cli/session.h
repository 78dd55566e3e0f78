/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One run of sluicectl: its options, the words of its command, the connection to the firmware, and how
 * answers and errors leave it. Handlers return an exit code; whoever makes it other than 0 has told why.
 */
#ifndef SLUICE_CLI_SESSION_H
#define SLUICE_CLI_SESSION_H

#include "mailbox/client.h"
#include "options.h"
#include "table.h"

#include <stdio.h>

/* X(name, number, word in JSON, text) */
#define EXIT_CODE_TABLE(X)                                                                                             \
	X(OK, 0, "ok", "Success.")                                                                                     \
	X(REFUSED, 1, "refused", "The firmware refused the command or failed, or the output could not be written.")    \
	X(USAGE, 2, "usage", "The command line is wrong.")                                                             \
	X(INPUT, 3, "input", "A file, a rule, a name or a value that was given is wrong. Nothing was changed.")        \
	X(GONE, 4, "not-running", "The firmware is not running, or it went away.")                                     \
	X(DENIED, 5, "not-permitted", "This user may not do that.")                                                    \
	X(RETRY, 6, "temporary", "Nothing is wrong, or no answer came in time: try again later.")                      \
	X(UNWELL, 7, "unwell", "The firmware runs, and something is not well (health).")

enum exit_code {
#define X(name, number, word, text) EXIT_##name = number,
	EXIT_CODE_TABLE(X)
#undef X
};

struct command;

struct session {
	const struct command *command;
	struct options options;
	int word_count; /* words after those of the command */
	char **words;
	FILE *out;
	FILE *err;
	struct sluice_client *client; /* NULL until the first call */
	bool quiet;		      /* errors are not told: for completion */
	int interrupted;	      /* the signal that ended a wait for what goes on; 0: none did */
};

/* What went wrong, for session_complain(). Members that are NULL or 0 are left out. */
struct complaint {
	enum exit_code code;
	const char *status; /* name of the firmware's status */
	const char *file;
	unsigned line;
	unsigned column;
	const char *path; /* in the document */
	const char *message;
	const char *example; /* of what would be right */
	uint64_t operation;  /* that it is about, and that goes on */
};

/** Tells @p complaint on the error stream, as text or JSON. @return its code. */
int session_complain(struct session *session, const struct complaint *complaint);

/** The same of what needs no more than an example, which may be NULL, and a message. */
int session_fail(struct session *session, enum exit_code code, const char *example, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/** Tells that memory ran out. @return EXIT_REFUSED. */
int session_no_memory(struct session *session);

/** The exit code that stands for @p fault. */
enum exit_code session_fault_code(const struct sluice_fault *fault);

/** Tells @p fault; @p about names what was asked for, such as a rule's name, and may be NULL. @return its exit code. */
int session_fault(struct session *session, const struct sluice_fault *fault, const char *about, const char *example);

/** Makes of @p last, with which the answer to a change was lost, a fault that says so. */
void session_lose(const struct sluice_fault *last, struct sluice_fault *fault);

/** Connects, where that has not been done. @return 0 or an exit code, told. */
int session_connect(struct session *session);

/** Hangs up, where there is a connection. */
void session_close(struct session *session);

/** What a command goes with; members not set are 0. */
struct request {
	uint16_t opcode;
	uint64_t arg0;
	uint64_t arg1;
	const void *in;
	uint32_t in_length;
	void *out;
	uint32_t out_capacity;
	bool begins; /* an operation, whose id is the result; there is no room for an answer then */
};

/**
 * Connects if need be, and gives one command.
 *
 * @param[out] reply valid where a completion came: where it returns 0, or -1 with a fault of kind COMMAND
 * @param[out] fault what was wrong, not told yet; kind NONE where nothing was
 * @return 0; or -1 with @p fault filled in, where no completion came or its status is not OK
 */
int session_call(struct session *session, const struct request *request, struct sluice_reply *reply,
		 struct sluice_fault *fault);

/** Records of a list, from session_list(). */
struct records {
	void *data; /* for free() */
	uint32_t count;
	uint64_t generation; /* of the policy that they show */
};

/**
 * Connects if need be, and fetches the list of @p opcode.
 *
 * @param name for lists that take one: an instance or port, NULL for every; SESSION_NO_NAME for other lists
 * @return 0, or an exit code, told
 */
int session_list(struct session *session, uint16_t opcode, const char *name, uint32_t record_size,
		 struct records *records);
extern const char SESSION_NO_NAME[];

/**
 * Copies a name of the command line into a member of the wire format.
 *
 * @param what it is, such as "instance"
 * @return 0, or EXIT_INPUT, told
 */
int session_name(struct session *session, const char *what, const char *name, char out[SLUICE_NAME_SIZE]);

/** Prints @p table as asked for, and frees it. NULL stands for out of memory. @return an exit code, told. */
int session_print(struct session *session, struct table *table);

/** Tells why a table could not be printed. @return an exit code. */
int session_table_failed(struct session *session, int error);

/** Says @p sentence to people, or prints @p record to programs; frees it. @return an exit code, told. */
int session_done(struct session *session, struct table *record, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
