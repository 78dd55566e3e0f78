/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The regions of mailbox.h and data.h in the memory of a PCI device, for one client at a time.
 *
 *   start of the first BAR   struct sluice_bar: which region is where, and the card's answer to the last HELLO
 *   region HOST_WORDS        struct sluice_bar_host: HELLO, and the host's kicks
 *   all others               as their headers say
 *
 *   host                                    card
 *     |   write hello, then asked + 1        |  ends the session of the last client, if there is one; zeroes what it
 *     |                                      |  writes itself: COMPLETION, the lines of CARD_DATA
 *     |   wait for answered == asked         |  writes welcome, then answered
 *     |   ... commands: kick + 1 each ...    |
 *     |   zero hello, then asked + 1         |  the client has gone
 *
 * Before it asks, the host zeroes what it writes itself: DOORBELL, SUBMISSION, the lines of HOST_DATA. There are no
 * interrupts: who waits looks again and again, at bounded intervals. A card that starts writes an `answered` that is
 * not the one before, and `magic` last of all, so a host whose number is not there any more has lost its card.
 */
#ifndef SLUICE_ABI_BAR_H
#define SLUICE_ABI_BAR_H

#include "data.h"
#include "mailbox.h"

#define SLUICE_BAR_MAGIC       0x5241424543554c53ull /* "SLUCEBAR" read as bytes */
#define SLUICE_BAR_REGIONS_MAX 32u
#define SLUICE_BAR_COUNT       6u    /* of a PCI device */
#define SLUICE_BAR_ALIGN       4096u /* offsets and lengths of regions are multiples of it */

/* Which devices are cards, and where they begin. X(vendor, device, first BAR, what it is) */
#define SLUICE_BAR_DEVICE_TABLE(X) X(0x1af4, 0x1110, 2, "shared memory of a virtual machine (ivshmem)")

/* The regions that the table names. X(name, id, writer) */
#define SLUICE_BAR_REGION_TABLE(X)                                                                                     \
	X(INFO, 1, CARD)                                                                                               \
	X(DOORBELL, 2, HOST)                                                                                           \
	X(SUBMISSION, 3, HOST)                                                                                         \
	X(COMPLETION, 4, CARD)                                                                                         \
	X(STAGE_IN, 5, HOST)                                                                                           \
	X(STAGE_OUT, 6, CARD)                                                                                          \
	X(HOST_WORDS, 7, HOST)                                                                                         \
	X(CARD_DATA, 8, CARD)                                                                                          \
	X(HOST_DATA, 9, HOST)

enum sluice_bar_region_id {
#define X(name, id, writer) SLUICE_BAR_##name = id,
	SLUICE_BAR_REGION_TABLE(X)
#undef X
};

enum sluice_bar_writer {
	SLUICE_BAR_WRITER_CARD = 1,
	SLUICE_BAR_WRITER_HOST = 2,
};

struct sluice_bar_region {
	uint16_t id;	/* enum sluice_bar_region_id; those that a host does not know it passes over */
	uint8_t bar;	/* 0 to 5 */
	uint8_t writer; /* enum sluice_bar_writer */
	uint32_t reserved;
	uint64_t offset; /* bytes from the BAR's start */
	uint64_t length; /* at least what is needed */
	uint64_t reserved1;
};
SLUICE_ASSERT_SIZE(struct sluice_bar_region, 32);

/* Written by the card. */
struct sluice_bar {
	uint64_t magic; /* the last that is written */
	uint16_t abi_major;
	uint16_t abi_minor;
	uint32_t regions; /* entries of the table */
	struct sluice_bar_region table[SLUICE_BAR_REGIONS_MAX];
	uint32_t answered; /* `asked` of the HELLO that `welcome` answers */
	uint32_t reserved;
	struct sluice_welcome welcome;
	uint8_t reserved1[2920];
};
SLUICE_ASSERT_SIZE(struct sluice_bar, 4096);
SLUICE_ASSERT_OFFSET(struct sluice_bar, answered, 1040);

/* Written by the host. */
struct sluice_bar_host {
	uint32_t asked;
	uint8_t reserved0[60];
	struct sluice_hello hello; /* all zero: the client has gone */
	uint32_t kick;		   /* counts commands, on from client to client */
	uint8_t reserved1[3964];
};
SLUICE_ASSERT_SIZE(struct sluice_bar_host, 4096);

#endif
