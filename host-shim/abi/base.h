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
#define SLUICE_ABI_MINOR 2u

/*
 * What each minor version added. The minor grows with the first release that adds something the other side can do
 * without: commands, statuses, events, flags, features, capabilities, members at the end of a record, meaning for what
 * was reserved. Whatever else changes makes a new major version, and two majors do not talk.
 *
 * Either side may be the older one. A card refuses what it does not know (BAD_OPCODE, BAD_RESERVED) and does not grant
 * it; a host that needs it looks at the card's minor first, and says what is missing. A host leaves out events and
 * capabilities that it does not know, goes by the class of a status that it does not know, and takes members of records
 * that do not come for zero, and leaves alone those beyond what it knows. Hosts of minors 0 and 1 took records of lists
 * in their own size alone: by the minor in the HELLO a card sends each host what it knows (SLUICE_GROWN_TABLE).
 *
 * X(minor, commands, statuses, events, what was added): the numbers are those that the version has
 */
#define SLUICE_MINOR_TABLE(X)                                                                                                    \
	X(0, 24, 52, 0, "the first of major 2")                                                                                  \
	X(1, 24, 52, 5, "events in the COMPLETION region, and features, of which they are the first")                            \
	X(2, 31, 59, 15,                                                                                                         \
	  "capabilities; health, syndrome and last words in the INFO region; resets with a reason; uploads with a lease, that "  \
	  "another client resumes; tokens; operations, and their cancelling; large receives; host buffers, joined segments and " \
	  "held back frames in port records, uploads and operations in INFO")

/* The first minor version with SLUICE_FLAG_OPERATION. */
#define SLUICE_MINOR_OF_OPERATIONS 2u

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
