/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events: what happens on the card without being asked for. A client that was granted SLUICE_FEATURE_EVENTS gets them
 * in the second half of its COMPLETION region, from SLUICE_EVENT_OFFSET on: a ring of SLUICE_RING_ENTRIES, published,
 * signalled and consumed as the completion ring is, with struct sluice_doorbell.event_head.
 *
 * The card keeps the last SLUICE_EVENT_LOG events. A client gets first those that are kept, then what happens. While
 * its ring is full, events wait for it in the log; those that fall out of the log before there is room are lost to this
 * client, and the next one that it gets says how many were. A client that has made room kicks.
 */
#ifndef SLUICE_ABI_EVENT_H
#define SLUICE_ABI_EVENT_H

#include "base.h"

#define SLUICE_EVENT_LOG 256u

/* X(name, number, word, what the subject is, what the value is) */
#define SLUICE_EVENT_TABLE(X)                                                                                          \
	X(LINK, 1, "link", "port", "1: the link is up, 0: it is down")                                                 \
	X(DRIVER_LOADED, 2, "driver-loaded", "driver", "none")                                                         \
	X(DRIVER_UNLOADED, 3, "driver-unloaded", "driver", "none")                                                     \
	X(POLICY, 4, "policy", "none", "generation of the policy that came into force")                                \
	X(VIOLATION, 5, "violation", "none", "violations of the contract by drivers since the start")                  \
	X(HEALTH, 6, "health", "port, driver or part of the firmware",                                                 \
	  "bits 0 to 7: its state, 8 to 15: what it is (abi/health.h)")                                                \
	X(RESET, 7, "reset", "the reason, cut", "generation of the reset")                                             \
	X(PROGRESS, 8, "progress", "what is under way", "percent that is done")                                        \
	X(HOST_ATTACHED, 9, "host-attached", "port", "queue pairs that the host has")                                  \
	X(HOST_DETACHED, 10, "host-detached", "port", "queue pairs that it had")                                       \
	X(HOST_BROKEN, 11, "host-broken", "port",                                                                      \
	  "bits 0 to 7: what the host broke (abi/data.h), 8 to 15: the queue pair that it has lost by that")           \
	X(UPLOAD_EXPIRED, 12, "upload-expired", "user and its number", "id of an upload whose lease ran out")          \
	X(OPERATION_PROGRESS, 13, "operation-progress", "the step that it is at, with percent where known",            \
	  "id of the operation")                                                                                       \
	X(OPERATION_DONE, 14, "operation-done", "name of its status", "id of the operation")                           \
	X(BAR_LOST, 15, "bar-lost", "name of the file that was the card's memory", "bytes that it has left")

enum sluice_event_kind {
#define X(name, number, word, subject, value) SLUICE_EVENT_##name = number,
	SLUICE_EVENT_TABLE(X)
#undef X
};

struct sluice_event {
	uint16_t kind;	  /* enum sluice_event_kind; a client leaves out what it does not know */
	uint16_t lost;	  /* events since the one before that this client did not get; 65535: that many or more */
	uint32_t number;  /* of this event since the start, modulo 2^32; the first is 1 */
	uint64_t time_ms; /* since 1970 */
	uint64_t value;
	char subject[SLUICE_NAME_SIZE];
	uint32_t crc; /* CRC32C of bytes 0 to 55 */
	uint32_t phase;
};
SLUICE_ASSERT_SIZE(struct sluice_event, 64);
SLUICE_ASSERT_OFFSET(struct sluice_event, crc, 56);

SLUICE_WORD_FUNCTION(sluice_event_word, SLUICE_EVENT_TABLE)

#endif
