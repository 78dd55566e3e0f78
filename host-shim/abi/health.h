/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the card is, in the INFO region: it stays readable for who has it mapped when the mailbox answers no more.
 *
 * Reporters say of one thing each whether it is well. The card writes them between two steps of health.sequence, which
 * is odd meanwhile: who reads an even number before and the same one behind has read what belongs together.
 */
#ifndef SLUICE_ABI_HEALTH_H
#define SLUICE_ABI_HEALTH_H

#include "base.h"

/* X(name, number, word, text) */
#define SLUICE_HEALTH_STATE_TABLE(X)                                                                                   \
	X(WELL, 0, "well", "nothing is wrong")                                                                         \
	X(DEGRADED, 1, "degraded", "it does its work, not as it should")                                               \
	X(FAILED, 2, "failed", "it does not do its work")

enum sluice_health_state {
#define X(name, number, word, text) SLUICE_HEALTH_##name = number,
	SLUICE_HEALTH_STATE_TABLE(X)
#undef X
};

/* What a reporter is about. X(name, number, word, text) */
#define SLUICE_REPORTER_TABLE(X)                                                                                       \
	X(FIRMWARE, 0, "firmware", "violations of the contract by drivers")                                            \
	X(MAILBOX, 1, "mailbox", "whether its thread goes on")                                                         \
	X(WORKERS, 2, "workers", "whether each of them goes on")                                                       \
	X(PORT, 3, "port", "the link of a wire-side port; the rings of a host")                                        \
	X(DRIVER, 4, "driver", "whether it is in quarantine")

enum sluice_reporter_kind {
#define X(name, number, word, text) SLUICE_REPORTER_##name = number,
	SLUICE_REPORTER_TABLE(X)
#undef X
};

struct sluice_reporter {
	char name[SLUICE_NAME_SIZE]; /* of the port or driver; else the kind's word */
	uint16_t kind;		     /* enum sluice_reporter_kind */
	uint16_t state;		     /* enum sluice_health_state */
	uint32_t errors;	     /* how often it was not well, since the start */
	uint64_t since_ms;	     /* of this state, since 1970 */
	char text[48];		     /* what is wrong; "" where nothing is */
};
SLUICE_ASSERT_SIZE(struct sluice_reporter, 96);

#define SLUICE_REPORTERS 31u

struct sluice_health {
	uint32_t sequence;
	uint32_t state;	  /* of the worst reporter */
	uint32_t count;	  /* reporters that follow: those that are not well come first */
	uint32_t omitted; /* there was no room for them */
	uint8_t reserved0[16];
	struct sluice_reporter reporter[SLUICE_REPORTERS];
	uint8_t reserved1[64];
};
SLUICE_ASSERT_SIZE(struct sluice_health, 3072);
SLUICE_ASSERT_OFFSET(struct sluice_health, reporter, 32);

/* Word by word, each ordered behind the sequence that was written before it, and before the one that is read after it:
 * no fence is needed, and none of the words is torn. */
#define SLUICE_HEALTH_WORDS (sizeof(struct sluice_health) / sizeof(uint32_t))

/** All but the sequence, which the writer has made odd. */
static inline void sluice_health_write(struct sluice_health *shared, const struct sluice_health *health)
{
	const uint32_t *from = (const uint32_t *)(const void *)health;
	uint32_t *to = (uint32_t *)(void *)shared;

	for (uint32_t i = 1; i < SLUICE_HEALTH_WORDS; i++)
		__atomic_store_n(&to[i], from[i], __ATOMIC_RELEASE);
}

/** All but the sequence, which the reader looks at before and behind. */
static inline void sluice_health_read(struct sluice_health *health, const struct sluice_health *shared)
{
	const uint32_t *from = (const uint32_t *)(const void *)shared;
	uint32_t *to = (uint32_t *)(void *)health;

	for (uint32_t i = 1; i < SLUICE_HEALTH_WORDS; i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_ACQUIRE);
}

/* Why the firmware ended. X(name, number, word, text) */
#define SLUICE_SYNDROME_TABLE(X)                                                                                       \
	X(NONE, 0, "none", "it has not ended")                                                                         \
	X(VIOLATION, 1, "violation", "a driver broke the contract, and the firmware stops for that")                   \
	X(CRASH, 2, "crash", "a signal that ends a program")                                                           \
	X(MAILBOX, 3, "mailbox", "the mailbox could not be served any more")

enum sluice_syndrome {
#define X(name, number, word, text) SLUICE_SYNDROME_##name = number,
	SLUICE_SYNDROME_TABLE(X)
#undef X
};

/* Bytes of last words, NUL padded. */
#define SLUICE_WORDS_SIZE 256u

/** The file in the runtime directory in which the last words of a firmware that is gone stand, as one line. */
#define SLUICE_WORDS_FILE "last-words"

SLUICE_WORD_FUNCTION(sluice_health_word, SLUICE_HEALTH_STATE_TABLE)
SLUICE_WORD_FUNCTION(sluice_reporter_word, SLUICE_REPORTER_TABLE)
SLUICE_WORD_FUNCTION(sluice_syndrome_word, SLUICE_SYNDROME_TABLE)

#endif
