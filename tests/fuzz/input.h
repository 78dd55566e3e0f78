/* SPDX-License-Identifier: BSD-3-Clause */
/* An input that is a list of steps, and what its harness demands. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct input {
	const uint8_t *at, *end;
};

static inline void require(bool condition)
{
	if (!condition)
		abort();
}

/** What the input does not have is 0. */
static inline uint8_t take_byte(struct input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

static inline void take(struct input *input, void *to, size_t bytes)
{
	uint8_t *byte = to;

	for (size_t i = 0; i < bytes; i++)
		byte[i] = take_byte(input);
}

#endif
