/* SPDX-License-Identifier: BSD-3-Clause */
/* A toy firmware behind the real mailbox server: handlers whose answers a test can foretell. */
#ifndef TESTS_MAILBOX_TOY_H
#define TESTS_MAILBOX_TOY_H

#include "abi/crc32c.h"
#include "broker.h"

/*
 * What the handlers do:
 *   OID_SET, RULE_LIST, POLICY_CHUNK  echo the payload; result = the payload's length
 *   POLICY_CHUNK that starts with TOY_BAD_CHUNK  BAD_VALUE at its offset + TOY_BAD_FIELD
 *   INFO         "toy" as struct sluice_info
 *   DRIVER_LIST  TOY_DRIVERS records, TOY_PAGE a page, instances = their index
 *   DROP_LIST    TOY_TINY_PAGES pages full of records of one byte
 *   PORT_LIST    claims a longer answer than there is room (a handler's bug)
 *   STACK_INSERT DUPLICATE_NAME at TOY_BAD_FIELD
 *   DRIVER_UNLOAD BUSY the first time, then OK
 *   POLICY_BEGIN, POLICY_COMMIT  count themselves; result = the count
 *   POLICY_ABORT    counts itself
 *   POLICY_VALIDATE result = aborts
 *   POLICY_STATUS   a record of the upload arg[0], of which TOY_RECEIVED bytes are there; result = these
 *   POLICY_RESUME   result = TOY_RECEIVED; UNKNOWN_UPLOAD where arg[0] is 0
 *   POLICY_READ  TOY_IMAGE bytes, byte i = i % 251
 *   OID_LIST     sleeps for toy.sleep_ms
 *   STACK_LIST   ends the process
 *   everything else has no handler
 *
 * It has one port for hosts, TOY_PORT, and one that is none, TOY_WIRE.
 */
#define TOY_PORT       "host0"
#define TOY_WIRE       "wire0"
#define TOY_QUEUES     2u
#define TOY_ENTRIES    256u
#define TOY_DRIVERS    25000u
#define TOY_PAGE       9000u
#define TOY_TINY_PAGES 3u
#define TOY_IMAGE      (2u * SLUICE_STAGE_SIZE + 12345u)
#define TOY_RECEIVED   1000u
#define TOY_BAD_FIELD  32u
#define TOY_BAD_CHUNK  0xfbu

struct toy {
	unsigned sessions_opened;
	unsigned sessions_closed;
	unsigned handled; /* all handlers */
	unsigned begins;
	unsigned commits;
	unsigned unloads;
	unsigned aborts;
	unsigned sleep_ms;
	unsigned torn;		  /* commands whose private copies do not match their checksum */
	int refuse_sessions_with; /* -errno; 0: they are opened */
	bool attached;		  /* a client has TOY_PORT ... */
	struct data_grant grant;  /* ... with this */
	struct data_regions regions;
	unsigned detached;
	unsigned released;
	bool in_use; /* what has been detached is not released */
	enum sluice_status refuse_attach_with;
};

/** The handlers; their context is a struct toy. */
extern const struct mailbox_ops toy_ops;

#endif
