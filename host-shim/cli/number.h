/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole numbers as people type them: decimal, or hexadecimal after 0x. */
#ifndef SLUICE_CLI_NUMBER_H
#define SLUICE_CLI_NUMBER_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/** Whether the whole of @p text is a number of at most @p most. A sign, a blank or an octal zero is refused. */
static inline bool number_parse(const char *text, uint64_t most, uint64_t *number)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? text + 2 : text;
	unsigned long long value;
	char *end;

	/* strtoull would take blanks, signs and a second 0x. */
	if (!((digits[0] >= '0' && digits[0] <= '9') || (hex && digits[0] >= 'A' && digits[0] <= 'F') ||
	      (hex && digits[0] >= 'a' && digits[0] <= 'f')))
		return false;
	if (hex && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'))
		return false;
	errno = 0;
	value = strtoull(digits, &end, hex ? 16 : 10);
	if (errno || *end != '\0' || value > most)
		return false;
	*number = value;
	return true;
}

#endif
