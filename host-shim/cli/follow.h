/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands that may take long: carried out as operations, which go on when this program ends.
 *
 *   follow_request()  begins one ──┬── --background: tells its id
 *                                  └── waits, with a line of progress on a terminal ── an interrupt tells its id
 *
 * A card that knows no operations, or has as many as this user may have under way, gets a plain command.
 */
#ifndef SLUICE_CLI_FOLLOW_H
#define SLUICE_CLI_FOLLOW_H

#include "session.h"

enum follow_end {
	FOLLOW_DONE,   /* it ended well */
	FOLLOW_FAILED, /* it was refused or failed, or that cannot be learned: `fault`, not told yet */
	FOLLOW_LEFT,   /* it goes on: told, `code` is the exit code */
};

struct follow {
	struct sluice_reply reply;	    /* as of a plain command */
	struct sluice_change_answer answer; /* likewise: all zero where there was none */
	struct sluice_fault fault;
	int code;
};

/** Gives @p request (without room for its answer), connecting if need be, and waits for its end as the options say. */
enum follow_end follow_request(struct session *session, const struct request *request, struct follow *follow);

/** Waits for operation @p id, whoever began it; @p record is how it ended. */
enum follow_end follow_operation(struct session *session, uint64_t id, struct sluice_operation_record *record,
				 struct follow *follow);

#endif
