/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hosts that do at random what they may and what they may not. Each has a stack of its own, of which it is both ends,
 * and knows what must come of each legal step, whatever others do meanwhile: what comes otherwise ends the program. An
 * illegal step leaves it as it was, or cuts it off; then it attaches anew.
 */
#ifndef TESTS_HOSTILE_RANDOM_H
#define TESTS_HOSTILE_RANDOM_H

#include "host.h"

#define ACTOR_ENTRIES 128
#define ACTOR_FRAMES  32u /* at once: half of what finds room everywhere */

struct actor {
	const char *dir;
	unsigned number;
	uint64_t random;
	const char *doing;
	char upper_port[SLUICE_NAME_SIZE], lower_port[SLUICE_NAME_SIZE], filter[SLUICE_NAME_SIZE];
	bool attached;
	struct host upper, lower;
	uint64_t epoch; /* in each frame: of this time of being attached */
	uint64_t frames;
	/* the upload on the upper end's mailbox */
	uint8_t *policy;
	uint32_t policy_length;
	bool open;
	uint32_t uploaded;
};

/* What came of a step. */
enum outcome {
	STEP_DONE,
	STEP_BUSY,	 /* the card was, as it may be at times */
	STEP_IMPOSSIBLE, /* not in this state: it was not tried */
};

/* X(name, weight, least successes in a hundred tries, what is done) */
#define LEGAL_TABLE(X)                                                                                                 \
	X(attach, 40, 100, "connect both ends")                                                                        \
	X(detach, 1, 100, "hang up")                                                                                   \
	X(send, 12, 100, "frames from the upper end to the lower one")                                                 \
	X(receive, 12, 100, "and back")                                                                                \
	X(keep, 6, 100, "keep what was received, and return it in another order")                                      \
	X(ask, 12, 100, "a question")                                                                                  \
	X(list_oids, 2, 100, "a question that a control thread answers")                                               \
	X(read_policy, 2, 100, "in pieces")                                                                            \
	X(begin, 3, 100, "an upload")                                                                                  \
	X(chunk, 12, 100, "of it")                                                                                     \
	X(validate, 3, 60, "what was uploaded")                                                                        \
	X(commit, 2, 60, "what was uploaded")                                                                          \
	X(abort_upload, 1, 100, "forget it")

/* X(name, weight, what is done) */
#define CRIME_TABLE(X)                                                                                                 \
	X(bad_descriptors, 6, "sends that are malformed: each is refused")                                             \
	X(metas, 4, "sums and segments of what is none, and chains without an end")                                    \
	X(bad_index, 1, "an index that cannot be: the queue is given up")                                              \
	X(bad_return, 1, "a return of what it does not have: likewise")                                                \
	X(bad_command, 6, "refused, each for its own reason")                                                          \
	X(bad_doorbell, 2, "no completion comes, until it is right again")                                             \
	X(kicks, 2, "without a command")                                                                               \
	X(stranger, 3, "a connection that says anything, with descriptors")                                            \
	X(second_host, 2, "a port that is taken")                                                                      \
	X(resize, 1, "of the regions")                                                                                 \
	X(message, 1, "on a connection where none is due: hung up")                                                    \
	X(scribble, 1, "over all that it can write")                                                                   \
	X(go_with_command, 1, "hang up while it runs")                                                                 \
	X(go_with_buffers, 1, "hang up with frames and buffers under way")                                             \
	X(never_consume, 1, "more commands than there is room for, and hang up")

#define X(name, ...) enum outcome legal_##name(struct actor *actor);
LEGAL_TABLE(X)
#undef X
#define X(name, ...) enum outcome crime_##name(struct actor *actor);
CRIME_TABLE(X)
#undef X

/** A number below @p limit. */
static inline uint32_t actor_choose(struct actor *actor, uint32_t limit)
{
	return (uint32_t)(host_random(&actor->random) >> 32) % limit;
}

/** Ends the program: says who did what, for the seed to find it again. */
void actor_fail(const struct actor *actor, const char *what, ...) __attribute__((format(printf, 2, 3), noreturn));

/** Both ends hang up; nothing is left of this time. */
void actor_detach(struct actor *actor);

/** One command of the upper end; there must be a completion. */
struct sluice_completion actor_call(struct actor *actor, struct sluice_command command);

/** Waits until nothing of former steps is under way to the lower end any more. */
void actor_flush(struct actor *actor);

/** Sends @p count frames and sees all of them come, in order. */
void actor_pass(struct actor *actor, struct host *from, struct host *to, uint32_t count);

#endif
