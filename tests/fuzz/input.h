/* SPDX-License-Identifier: BSD-3-Clause */
/* An input that is a list of steps, and what its harness demands. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct input {
	const uint8_t *at, *end;
};

static inline void require(bool condition)
{
	if (!condition)
		abort();
}

/** What the input does not have is 0. */
static inline void take(struct input *input, void *to, size_t bytes)
{
	size_t left = (size_t)(input->end - input->at);
	size_t part = bytes < left ? bytes : left;

	memset(to, 0, bytes);
	memcpy(to, input->at, part);
	input->at += part;
}

static inline uint8_t take_byte(struct input *input)
{
	uint8_t byte;

	take(input, &byte, 1);
	return byte;
}

#endif
