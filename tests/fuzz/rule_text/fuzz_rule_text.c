/* SPDX-License-Identifier: BSD-3-Clause */
/* Any words as a rule. What is read survives being written; what is refused gives an example that is not. */
#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool right, const char *what)
{
	if (!right) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

static int parse(char *text, struct sluice_rule_command *out, char error[512])
{
	char *words[] = {text};

	error[0] = '\0';
	return policy_parse_rule(1, words, out, error, 512);
}

static void check_accepted(struct sluice_rule_command *command)
{
	struct sluice_rule_command again;
	char text[POLICY_RULE_TEXT_SIZE], error[512];

	memset(command->rule.name, 0, sizeof(command->rule.name));
	expect(policy_format_rule(&command->rule, text, sizeof(text)) == 0, "an accepted rule's text is too long");
	expect(parse(text, &again, error) == 0, "the text of an accepted rule is refused");
	expect(memcmp(&again.rule, &command->rule, sizeof(again.rule)) == 0, "writing and reading makes another rule");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), error[512], *example;
	struct sluice_rule_command command;

	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	if (parse(text, &command, error) == 0) {
		check_accepted(&command);
	} else {
		example = strstr(error, "\n  example: ");
		expect(example != NULL, "a refusal without an example");
		expect(parse(example + strlen("\n  example: "), &command, error) == 0, "the example is refused");
	}
	free(text);
	return 0;
}
