/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The answers of commands that came with a token, so that one that comes again, because its client never heard the
 * answer, gets that answer and is not done twice. They are a user's, not a connection's: whoever lost its connection
 * asks over the next one. Commands that are about their connection (uploads, handles) are that connection's alone.
 *
 *   answers_begin() ── ANSWER_NEW ── the command runs ── answers_end()
 *                  ├── ANSWER_KEPT: here is what it was answered
 *                  ├── ANSWER_UNDER_WAY: it still runs; ask again
 *                  └── ANSWER_OTHER: the token is that of another command
 *
 * Level: PASSIVE, the thread that serves the mailboxes.
 */
#ifndef CTRLPLANE_ANSWERS_H
#define CTRLPLANE_ANSWERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "abi/opcode.h"

/** In all. Of one user SLUICE_ANSWERS: its oldest ones make room. */
#define ANSWERS_MAX 256u

/** Which command is meant. */
struct answer_key {
	uint64_t token; /* not 0 */
	uid_t user;
	uint32_t client; /* whose connection alone counts; 0: any of the user's */
	uint16_t opcode;
};

struct answer {
	struct answer_key key; /* token 0: free */
	uint32_t fingerprint;  /* of arguments and payload */
	bool running;
	uint64_t age; /* number of its beginning */
	uint16_t status;
	uint32_t error_offset;
	uint64_t result;
	uint32_t length;
	uint8_t bytes[SLUICE_ANSWER_BYTES];
};

struct answers {
	uint64_t begun;
	struct answer place[ANSWERS_MAX];
};

enum answer_look { ANSWER_NEW, ANSWER_KEPT, ANSWER_UNDER_WAY, ANSWER_OTHER, ANSWER_NO_ROOM };

/** Looks for the answer; where there is none, a place is kept for it. *@p answer is set where it is ANSWER_KEPT. */
enum answer_look answers_begin(struct answers *answers, const struct answer_key *key, uint32_t fingerprint,
			       const struct answer **answer);

/** The command was not run after all. */
void answers_forget(struct answers *answers, const struct answer_key *key);

/** Keeps what a command was answered, or forgets that it came: "try again" is no answer to keep. */
void answers_end(struct answers *answers, const struct answer_key *key, const struct sluice_completion *completion,
		 const uint8_t *bytes);

#endif
