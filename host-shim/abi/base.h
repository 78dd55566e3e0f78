/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every part of the wire format between host and card rests on.
 *
 * The wire format is little-endian and naturally aligned, and so is every machine that Sluice runs on
 * (amd64, arm64): a record is read and written in place. Each record asserts its size and the offsets
 * that clients depend on. Reserved members are zero, and a reader refuses anything else, so that they
 * stay usable later.
 */
#ifndef SLUICE_ABI_BASE_H
#define SLUICE_ABI_BASE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "records are used in place");

#define SLUICE_ABI_MAJOR 2u
#define SLUICE_ABI_MINOR 1u

/** Bytes of a name member, NUL padded. A name holds 1 to 31 of [A-Za-z0-9_.-]. */
#define SLUICE_NAME_SIZE 32u

/** The name of the broker's socket in the runtime directory. */
#define SLUICE_SOCKET_NAME "mailbox.sock"

/** Where firmware and clients meet unless they are told another place. */
#define SLUICE_RUNTIME_DIR "/run/sluice"

#define SLUICE_ASSERT_SIZE(type, size) static_assert(sizeof(type) == (size), #type " is " #size " bytes on the wire")
#define SLUICE_ASSERT_OFFSET(type, member, offset)                                                                     \
	static_assert(offsetof(type, member) == (offset), #type "." #member " is at " #offset)

/* Makes a function that gives the word that people and programs read for a number, or NULL, of a table whose rows begin
 * with X(name, number, word, ...). */
#define SLUICE_WORD_CASE(name, number, word, ...)                                                                      \
	case number:                                                                                                   \
		return word;
#define SLUICE_WORD_FUNCTION(function, TABLE)                                                                          \
	static inline const char *function(uint32_t number)                                                            \
	{                                                                                                              \
		switch (number) {                                                                                      \
			TABLE(SLUICE_WORD_CASE)                                                                        \
		default:                                                                                               \
			return NULL;                                                                                   \
		}                                                                                                      \
	}

#endif
