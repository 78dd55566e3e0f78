/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy/rule_words.h"

#include "policy/value.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_SIZE 320u /* with an example behind it, it still fits in 512 bytes */

int rule_words_refuse(struct rule_words *words, unsigned index, const char *example, const char *format, ...)
{
	char message[MESSAGE_SIZE];
	size_t used = 0;
	va_list arguments;

	if (index < words->count)
		used = (size_t)snprintf(message, sizeof(message), "word %u, \"%.64s\": ", index + 1,
					words->word[index]);
	va_start(arguments, format);
	vsnprintf(message + used, sizeof(message) - used, format, arguments);
	va_end(arguments);
	value_make_printable(message);
	snprintf(words->error, words->error_size, "%s\n  example: %s", message, example);
	return -EINVAL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Copies one argument and cuts it in words; false where there is no room. */
static bool add(struct rule_words *words, size_t *used, const char *argument)
{
	size_t length = strlen(argument);
	char *copy = words->storage + *used;
	bool in_word = false;

	if (length >= sizeof(words->storage) - *used)
		return false;
	memcpy(copy, argument, length + 1);
	*used += length + 1;
	for (; *copy != '\0'; copy++) {
		if (is_blank(*copy)) {
			*copy = '\0';
			in_word = false;
		} else if (!in_word) {
			if (words->count == RULE_WORDS_MOST)
				return false;
			words->word[words->count++] = copy;
			in_word = true;
		}
	}
	return true;
}

int rule_words_init(struct rule_words *words, int argc, char *const *argv, char *error, size_t error_size)
{
	size_t used = 0;

	words->count = 0;
	words->next = 0;
	words->error = error;
	words->error_size = error_size;
	for (int i = 0; i < argc; i++)
		if (!add(words, &used, argv[i]))
			return rule_words_refuse(words, RULE_WORDS_MOST, "in tcp from any to any port 22 deny",
						 "rule is too long: at most %u words and %u characters",
						 RULE_WORDS_MOST, RULE_BYTES_MOST - 1);
	return 0;
}

const char *rule_words_peek(const struct rule_words *words)
{
	return words->next < words->count ? words->word[words->next] : NULL;
}

const char *rule_words_take(struct rule_words *words)
{
	return words->next < words->count ? words->word[words->next++] : NULL;
}
