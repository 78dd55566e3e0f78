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
	/* of the data rings of a port: */
	uint16_t queues;       /* granted; 0: no port */
	uint16_t entries;      /* granted; 0: 64 */
	uint64_t size_off[2];  /* added to the right sizes in the welcome, by enum sluice_data_fd */
	int region_off[2];     /* pages added to the right sizes of the regions */
	uint32_t mtu;	       /* 0: 1500 */
	uint8_t mac;	       /* xored to the first byte of a right one */
	bool data_unsealed[2]; /* a region without seals */
	bool data_writable;    /* only FUTURE_WRITE is missing, of CARD_DATA */
};

/** Listens in @p dir in a process of its own, which ends with its only client; returns its pid. */
pid_t fake_start(const char *dir, const struct fake *fake);

#endif
