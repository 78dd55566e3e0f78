/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "verify_options.h"

struct word {
	const char *word;
	const char *text;
};

static const struct word actions[] = {
#define X(name, option, text) {option, text},
	IM_VERIFY_ACTION_TABLE(X)
#undef X
};

static const struct word schedules[] = {
#define X(name, option, text) {option, text},
	IM_VERIFY_SCHEDULE_TABLE(X)
#undef X
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

IM_INIT static int find(const char *option, const struct word *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i].word, word) == 0)
			return (int)i;
	fprintf(stderr, "sluice-fw: --%s '%s': expected one of", option, word);
	for (size_t i = 0; i < count; i++)
		fprintf(stderr, " %s", words[i].word);
	fprintf(stderr, ", such as: --%s=%s\n", option, words[0].word);
	return -EINVAL;
}

int verify_action(const char *word, enum im_verify_action *action)
{
	int found = word != NULL ? find("verifier", actions, COUNT(actions), word) : 0;

	if (found >= 0)
		*action = (enum im_verify_action)found;
	return found < 0 ? found : 0;
}

int verify_schedule(const char *word, enum im_verify_schedule *schedule)
{
	int found = find("verifier-schedule", schedules, COUNT(schedules), word);

	if (found >= 0)
		*schedule = (enum im_verify_schedule)found;
	return found < 0 ? found : 0;
}

IM_INIT static void print_words(const struct word *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		printf("  %-12s %s%s\n", words[i].word, words[i].text, i == 0 ? " (default)" : "");
}

void verify_help(void)
{
	puts("\nACTION: what happens when a driver breaks the contract");
	print_words(actions, COUNT(actions));
	puts("\nWHEN: completions, returns, opens and closes that the core hands on come");
	print_words(schedules, COUNT(schedules));
}
