/* SPDX-License-Identifier: BSD-3-Clause */
/* A firmware that breaks the protocol: it welcomes one client and answers one command, as it is told. */
#ifndef TESTS_MAILBOX_FAKE_H
#define TESTS_MAILBOX_FAKE_H

#include <stdbool.h>
#include <sys/types.h>

#include "abi/mailbox.h"
#include "abi/status.h"

struct fake {
	bool hang_up; /* instead of a welcome */
	bool bad_magic;
	uint16_t abi_major;	   /* 0: the right one */
	uint16_t status;	   /* of the welcome */
	uint32_t ring_entries;	   /* 0: the right number */
	unsigned welcome_length;   /* bytes sent; 0: the right number */
	unsigned descriptors;	   /* sent; 0: the right number */
	bool unsealed;		   /* regions without seals */
	bool writable;		   /* only FUTURE_WRITE is missing */
	bool short_region;	   /* the last region has a page less */
	uint16_t wrong_command_id; /* added to the right one */
	uint32_t wrong_crc;	   /* xored to the right one */
	uint32_t out_length;	   /* of the completion */
};

/** Listens in @p dir in a process of its own, which ends with its only client; returns its pid. */
pid_t fake_start(const char *dir, const struct fake *fake);

#endif
