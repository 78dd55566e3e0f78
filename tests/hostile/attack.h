/* SPDX-License-Identifier: BSD-3-Clause */
/* The attacks that need speed, a second thread or the host's own mappings. Each fails where the card does not stand it.
 */
#ifndef TESTS_HOSTILE_ATTACK_H
#define TESTS_HOSTILE_ATTACK_H

#include <pthread.h>

#include "host.h"

#define ATTACK_ENTRIES 128
#define ATTACK_LIMIT_MS                                                                                                \
	60000u /* for what has to happen at some time, on a machine that does something else besides                   \
		*/

struct attack {
	const char *dir;
	const char *upper, *lower; /* ports at the two ends of a stack */
	uint64_t random;
	uint64_t end_ms;
};

/* X(name, function, what the host does) */
#define ATTACK_TABLE(X)                                                                                                \
	X("flip-descriptors", attack_flip_descriptors, "changes descriptors of sends while the card looks at them")    \
	X("flip-returns", attack_flip_returns, "changes returns while the card takes them")                            \
	X("flip-commands", attack_flip_commands, "changes commands and their payload while the card judges them")      \
	X("descriptor-bounds", attack_descriptor_bounds, "sends from everywhere but its own buffers")                  \
	X("indices", attack_indices, "publishes indices that cannot be")                                               \
	X("run-ahead", attack_run_ahead, "moves indices on as fast as the card follows")                               \
	X("seals", attack_seals, "resizes regions, and writes to those of the card")                                   \
	X("command-bounds", attack_command_bounds, "offsets, lengths and numbers at and beyond every limit")           \
	X("privileges", attack_privileges, "gives every command as another user than the firmware's")                  \
	X("silent", attack_silent, "consumes no completion, no event and no frame")                                    \
	X("floods", attack_floods, "kicks, doorbells and connections without end")                                     \
	X("commits", attack_commits, "goes in the middle of a commit")                                                 \
	X("resets", attack_resets, "resets the datapath in the middle of commits")                                     \
	X("stale", attack_stale, "looks for what others left in its regions")

#define X(name, function, text) void function(struct attack *attack);
ATTACK_TABLE(X)
#undef X

bool attack_goes_on(const struct attack *attack);

/** Fails unless a client of its own is served. */
void attack_expect_service(const struct attack *attack);

/** A thread that changes @p count words from @p words on, any bit at a time, until it is stopped; but not the last word
 * of each @p entry of them. 0: all. */
struct attack_flipper {
	uint32_t *words;
	uint32_t count, entry;
	uint64_t random;
	uint32_t stop;
	pthread_t thread;
};

void attack_flip(struct attack_flipper *flipper, void *words, uint32_t bytes, uint32_t entry_bytes, uint64_t random);
void attack_stop_flipping(struct attack_flipper *flipper);

#endif
