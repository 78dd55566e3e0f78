/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The status of a mailbox command: class (who has to do what), canonical code, do-not-retry.
 * This table makes the enum, the texts that people read, the documentation and the tests.
 */
#ifndef SLUICE_ABI_STATUS_H
#define SLUICE_ABI_STATUS_H

#include <stdint.h>

enum sluice_class {
	SLUICE_CLASS_OK = 0,
	SLUICE_CLASS_CALLER = 1,   /* the caller's bug: the same command fails again */
	SLUICE_CLASS_RETRY = 2,	   /* nothing is wrong: try again later */
	SLUICE_CLASS_RESOURCE = 3, /* memory or a budget is used up */
	SLUICE_CLASS_STATE = 4,	   /* right command, wrong moment */
	SLUICE_CLASS_SECURITY = 5, /* not with this role */
	SLUICE_CLASS_DEVICE = 6,   /* the card failed */
};

/* X(name, number, class, do not retry, text) */
#define SLUICE_STATUS_TABLE(X)                                                                                         \
	X(OK, 0, OK, 0, "success")                                                                                     \
	X(BAD_OPCODE, 1, CALLER, 1, "unknown opcode")                                                                  \
	X(BAD_LENGTH, 2, CALLER, 1, "length does not fit the command")                                                 \
	X(BAD_CRC, 3, RETRY, 0, "checksum does not match")                                                             \
	X(BAD_RESERVED, 4, CALLER, 1, "reserved field is not zero")                                                    \
	X(BAD_VALUE, 5, CALLER, 1, "value out of range")                                                               \
	X(BAD_NAME, 6, CALLER, 1, "name is empty, too long or holds other characters than A-Z a-z 0-9 _ . -")          \
	X(BAD_VERSION, 7, CALLER, 1, "version not supported")                                                          \
	X(BAD_MAGIC, 8, CALLER, 1, "not a policy image")                                                               \
	X(NOT_FOUND, 9, CALLER, 1, "no such object")                                                                   \
	X(DUPLICATE_NAME, 10, CALLER, 1, "name is used twice")                                                         \
	X(UNKNOWN_DRIVER, 11, CALLER, 1, "unknown driver")                                                             \
	X(UNKNOWN_PORT, 12, CALLER, 1, "unknown port")                                                                 \
	X(PORT_IN_USE, 13, CALLER, 1, "port is used by two edges")                                                     \
	X(NO_RULES_HERE, 14, CALLER, 1, "this driver takes no rules")                                                  \
	X(IMPOSSIBLE_RULE, 15, CALLER, 1, "no packet can match this combination")                                      \
	X(BAD_RANGE, 16, CALLER, 1, "lower end of the range is above its upper end")                                   \
	X(HOST_BITS, 17, CALLER, 1, "address has bits set beyond its prefix length")                                   \
	X(AMBIGUOUS, 18, CALLER, 1, "several instances take rules: name one")                                          \
	X(TOPOLOGY_CHANGE, 19, STATE, 1, "ports and stacks differ from the running ones: restart to change them")      \
	X(GENERATION_MISMATCH, 20, STATE, 0, "policy has changed since it was read")                                   \
	X(NO_TRANSACTION, 21, STATE, 0, "no upload is in progress")                                                    \
	X(TRANSACTION_OPEN, 22, STATE, 0, "an upload is already in progress on this mailbox")                          \
	X(INCOMPLETE, 23, STATE, 0, "upload is not complete")                                                          \
	X(BUSY, 24, RETRY, 0, "earlier changes are still being retired")                                               \
	X(NO_MEMORY, 25, RESOURCE, 0, "out of memory")                                                                 \
	X(OVER_BUDGET, 26, RESOURCE, 1,                                                                                \
	  "more rules than the budget allows (rule-budget in sluicectl info, --max-rules of sluice-fw)")               \
	X(TOO_MANY_CLIENTS, 27, RESOURCE, 0, "too many clients")                                                       \
	X(NOT_PERMITTED, 28, SECURITY, 1, "not permitted for this role")                                               \
	X(NOT_SUPPORTED, 29, CALLER, 1, "not supported")                                                               \
	X(REQUEST_FAILED, 30, DEVICE, 0, "the driver refused the request")                                             \
	X(SHUTTING_DOWN, 31, STATE, 1, "firmware is shutting down")                                                    \
	X(INTERNAL, 32, DEVICE, 0, "internal error")                                                                   \
	X(DEVICE_NOT_FOUND, 33, CALLER, 0, "no such control device")                                                   \
	X(HANDLE_INVALID, 34, CALLER, 1, "no such open handle of a control device")                                    \
	X(TOO_MANY_HANDLES, 35, RESOURCE, 0, "too many open handles on this mailbox: close one")                       \
	X(DEVICE_REMOVED, 36, STATE, 1, "what the handle was opened for is gone: close it, and open the device anew")  \
	X(DEVICE_NOT_READY, 37, RETRY, 0, "the control device is not ready")                                           \
	X(CANCELLED, 38, STATE, 0, "cancelled")                                                                        \
	X(DRIVER_IN_USE, 39, STATE, 0, "driver is in use")                                                             \
	X(DRIVER_LOADED, 40, STATE, 0, "a driver of this name is loaded")                                              \
	X(DRIVER_REFUSED, 41, DEVICE, 0, "the driver refused")                                                         \
	X(NOT_A_DRIVER, 42, CALLER, 1, "no driver that this firmware can load")                                        \
	X(UNSAFE_PATH, 43, CALLER, 0, "others than root could change this file, so that it is not loaded")             \
	X(LAST_DRIVER, 44, STATE, 0, "a stack has at least one driver: insert another one, such as passthru, first")   \
	X(STACK_DOWN, 45, DEVICE, 0, "the stack is down: its drivers could not be bound as they were")                 \
	X(STACK_ASLEEP, 46, STATE, 0, "the stack sleeps: set pnp-set-power to 1 first")                                \
	X(NOT_A_HOST_PORT, 47, CALLER, 1, "no host can attach to this port: its device is not of net_host")            \
	X(PORT_TAKEN, 48, STATE, 0, "a host is attached to this port already")                                         \
	X(BAD_QUEUES, 49, CALLER, 1, "a host has 1 to 16 queue pairs of a port, and none without one")                 \
	X(TOO_FEW_QUEUES, 50, CALLER, 1,                                                                               \
	  "the port has more queue pairs than the host wants to serve (see queues in sluicectl port list)")            \
	X(BAD_ENTRIES, 51, CALLER, 1, "entries of a data ring are a power of two, 64 to 4096, and 0 without a port")   \
	X(TOO_MANY_UPLOADS, 52, RESOURCE, 0, "this user has too many uploads under way, or they are too large")        \
	X(UNKNOWN_UPLOAD, 53, STATE, 1, "no such upload: it was committed or aborted, or its lease ran out")           \
	X(UPLOAD_TAKEN, 54, STATE, 0, "another client has this upload")                                                \
	X(TOKEN_UNDER_WAY, 55, RETRY, 0, "the command with this token is still under way")                             \
	X(TOKEN_REUSED, 56, CALLER, 1, "this token came with other arguments before")                                  \
	X(TOO_MANY_OPERATIONS, 57, RETRY, 0, "all operations that this user may have are under way or waited for")     \
	X(TOO_LATE, 58, STATE, 1, "too late to cancel it: it has ended, or must come to its end")

enum sluice_status {
#define X(name, number, class, dnr, text) SLUICE_STATUS_##name = number,
	SLUICE_STATUS_TABLE(X)
#undef X
};

/** Name of @p status without its prefix, or "UNKNOWN". */
static inline const char *sluice_status_name(uint16_t status)
{
	switch (status) {
#define X(name, number, class, dnr, text)                                                                              \
	case number:                                                                                                   \
		return #name;
		SLUICE_STATUS_TABLE(X)
#undef X
	default:
		return "UNKNOWN";
	}
}

/** Text of @p status for people. */
static inline const char *sluice_status_text(uint16_t status)
{
	switch (status) {
#define X(name, number, class, dnr, text)                                                                              \
	case number:                                                                                                   \
		return text;
		SLUICE_STATUS_TABLE(X)
#undef X
	default:
		return "unknown status";
	}
}

/** Class of @p status; what is unknown is the device's fault. */
static inline enum sluice_class sluice_status_class(uint16_t status)
{
	switch (status) {
#define X(name, number, class, dnr, text)                                                                              \
	case number:                                                                                                   \
		return SLUICE_CLASS_##class;
		SLUICE_STATUS_TABLE(X)
#undef X
	default:
		return SLUICE_CLASS_DEVICE;
	}
}

/** 1 where the same command can never succeed. */
static inline uint8_t sluice_status_do_not_retry(uint16_t status)
{
	switch (status) {
#define X(name, number, class, dnr, text)                                                                              \
	case number:                                                                                                   \
		return dnr;
		SLUICE_STATUS_TABLE(X)
#undef X
	default:
		return 0;
	}
}

#endif
