/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of a rule that is being read, and how to complain about one of them. */
#ifndef SLUICE_POLICY_RULE_WORDS_H
#define SLUICE_POLICY_RULE_WORDS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define RULE_WORDS_MOST 64u
#define RULE_BYTES_MOST 2048u

struct rule_words {
	char storage[RULE_BYTES_MOST]; /* all words, each ended by NUL */
	const char *word[RULE_WORDS_MOST];
	unsigned count;
	unsigned next;
	char *error;
	size_t error_size;
};

/** Splits the arguments at blanks. @return 0, or -EINVAL with the error filled in where there are too many */
int rule_words_init(struct rule_words *words, int argc, char *const *argv, char *error, size_t error_size);

/** The next word, taken or not; NULL at the end. */
const char *rule_words_take(struct rule_words *words);
const char *rule_words_peek(const struct rule_words *words);

/**
 * Refuses the word at @p index (from 0), or the rule as a whole where there is no such word.
 *
 * @param example a whole rule
 * @return -EINVAL
 */
int rule_words_refuse(struct rule_words *words, unsigned index, const char *example, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
