/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands of the mailbox. For each: the least and most bytes of its payload in STAGE_IN, and the
 * role that may give it. The dispatcher checks both before any handler sees the command.
 */
#ifndef SLUICE_ABI_OPCODE_H
#define SLUICE_ABI_OPCODE_H

#include "mailbox.h"
#include "policy.h"
#include "record.h"

/* Who is on the other side, from SO_PEERCRED; a role includes those before it. */
enum sluice_role {
	SLUICE_ROLE_TENANT = 0,
	SLUICE_ROLE_HOST_ADMIN = 1,
	SLUICE_ROLE_OPERATOR = 2,
};

/*
 * A command that changes something may come with a token, a number that its user gives to no other command (a random
 * one will do). Its answer is kept, with at most SLUICE_ANSWER_BYTES of payload, longer ones without, and a command of
 * the same user with the same opcode, token, arguments and payload gets that answer and is not run again, also over
 * another connection: so a client that lost its connection before it heard the answer asks once more. TOKEN_UNDER_WAY:
 * the first one still runs, and goes on running though its client has gone. TOKEN_REUSED: arguments or payload are
 * others. An answer of class RETRY is not kept. Of a user the last SLUICE_ANSWERS are kept, until the firmware starts
 * anew. Commands about the connection itself (POLICY_BEGIN, CHUNK, VALIDATE, ABORT, STATUS, RESUME, DEVICE_OPEN, CLOSE)
 * are known by their token over that connection alone; of DEVICE_CALL the handle is not compared, since another
 * connection has others.
 */
#define SLUICE_ANSWERS	    32u
#define SLUICE_ANSWER_BYTES 512u

/*
 * Commands that may take long. With SLUICE_FLAG_OPERATION one of them is answered at once: result = id of an operation,
 * which carries it out without its client, so that the client can give other commands, or go. How far the operation
 * has come, and how it ended, is in its record (record.h), for its user and for operators, and in events. Of a user the
 * last SLUICE_OPERATIONS are kept, those under way among them, until the firmware ends. One whose record was read while
 * it was under way is kept until its end was told, or for 10 s after it. TOO_MANY_OPERATIONS: none of them may be
 * forgotten. An operation of POLICY_COMMIT takes the upload with it. Other commands with this flag are NOT_SUPPORTED.
 *
 * OPERATION_CANCEL ends one with CANCELLED, and nothing is changed: any that has not begun, and one that builds until
 * what it builds is in force. X(name, 1: it builds)
 */
#define SLUICE_OPERATIONS 8u

#define SLUICE_OPERATION_TABLE(X)                                                                                      \
	X(POLICY_COMMIT, 1)                                                                                            \
	X(DRIVER_LOAD, 0)                                                                                              \
	X(DRIVER_UNLOAD, 0)                                                                                            \
	X(STACK_INSERT, 0)                                                                                             \
	X(STACK_REMOVE, 0)                                                                                             \
	X(RESET_DATAPATH, 0)

/*
 * X(name, number, least payload, most payload, role)
 *
 * Lists (…_LIST, STATS, DROPS) take the first index in arg[0] and answer in STAGE_OUT with
 * struct sluice_list and its records; a cursor of 0 pins the generation that the following pages show. A change that
 * wants its room takes it from whoever has not come to the end: the next page is GENERATION_MISMATCH, likewise of a
 * read.
 *
 *   INFO           -> struct sluice_info
 *   PORT_LIST      -> struct sluice_port_record[]
 *   DRIVER_LIST    -> struct sluice_driver_record[]
 *   STACK_LIST     -> struct sluice_stack_record[]      one for each instance, host side first
 *   WORKER_LIST    -> struct sluice_worker_record[]
 *   RULE_LIST      -> struct sluice_rule_record[]       payload: instance name, all zero for every instance
 *   DROP_LIST      -> struct sluice_drop_record[]       only reasons that have happened
 *   OID_LIST       -> struct sluice_oid_record[]        payload: instance or port name
 *   POLICY_BEGIN   arg[0] = bytes of the image to come, arg[1] = lease in milliseconds, at most SLUICE_LEASE_MAX_MS;
 *                  result = id of the upload. For so long it outlives its client: another one of the same user may
 *                  resume it. 0: it goes with its client
 *   POLICY_CHUNK   arg[0] = offset in the image; payload = the bytes; chunks come in order
 *   POLICY_VALIDATE arg[0] as for COMMIT; builds what COMMIT would publish and throws it away
 *   POLICY_COMMIT  arg[0] = generation that must still be in force, 0 for any; result = new generation
 *   POLICY_ABORT   forgets the upload
 *   POLICY_STATUS  arg[0] = id of an upload of the same user, 0 for this client's; -> struct sluice_upload_record;
 *                  result = bytes received
 *   POLICY_RESUME  arg[0] = id of an upload of the same user that no client has: this client has it from here on;
 *                  result = bytes received, where the next chunk goes on
 *   POLICY_READ    arg[0] = offset; -> bytes of the running policy's image; result = its whole length;
 *                  offset 0 pins the image that the following reads show
 *   OID_GET        payload struct sluice_oid_command; -> value; result = IM status
 *   OID_SET        payload struct sluice_oid_command + value; result = IM status
 *
 * Rules are changed through the control device of the driver that takes them: abi/filter.h.
 *
 *   DEVICE_LIST    -> struct sluice_device_record[]
 *   DEVICE_OPEN    payload: name of the device; result = a handle, which is this mailbox's alone
 *   DEVICE_CALL    arg[0] = handle, arg[1] = code, both of 32 bits; payload: the driver's business; -> likewise, also
 *                  where the driver refuses; result = IM status
 *   DEVICE_CLOSE   arg[0] = handle; calls that the driver has pended are completed with CANCELLED
 *   DRIVER_LOAD    payload: path of a shared object (it holds a slash), or the name of a built-in driver;
 *                  -> struct sluice_change_answer; result = IM status
 *   DRIVER_UNLOAD  payload: name; arg[0] = flags, SLUICE_UNLOAD_...; -> as above. Is complete when no handle of its
 *                  control device is open any more
 *   STACK_INSERT   payload struct sluice_stack_command; -> struct sluice_change_answer; result = new generation where
 *                  it is OK, and otherwise IM status
 *   STACK_REMOVE   likewise
 *   RESET_DATAPATH payload struct sluice_reset_command; pauses and restarts every stack, one after the other;
 *                  -> struct sluice_change_answer; result = the reset's generation
 *   RESET_DEVICE   likewise; is complete before it is done: then the firmware goes down and starts anew, with the
 * policy that it is configured with
 *   OPERATION_LIST -> struct sluice_operation_record[]  oldest first
 *   OPERATION_STATUS arg[0] = id of an operation; -> struct sluice_operation_record; NOT_FOUND: there is none of this
 *                  id that this user may see
 *   OPERATION_CANCEL arg[0] = id of an operation; OK: it ends, with CANCELLED unless something else was wrong with it,
 * and changes nothing. TOO_LATE: it has ended, or must come to its end
 *
 * Commands that wait for a driver (DEVICE, DRIVER, STACK, OID and POLICY_COMMIT among them) are completed later, while
 * other mailboxes are served. A mailbox has one such command under way: those behind it wait in its ring, so that
 * completions come in the order of the commands.
 */
#define SLUICE_OPCODE_TABLE(X)                                                                                         \
	X(INFO, 0x01, 0, 0, TENANT)                                                                                    \
	X(PORT_LIST, 0x02, 0, 0, TENANT)                                                                               \
	X(DRIVER_LIST, 0x03, 0, 0, TENANT)                                                                             \
	X(STACK_LIST, 0x04, 0, 0, TENANT)                                                                              \
	X(WORKER_LIST, 0x05, 0, 0, TENANT)                                                                             \
	X(DROP_LIST, 0x06, 0, 0, TENANT)                                                                               \
	X(RULE_LIST, 0x10, SLUICE_NAME_SIZE, SLUICE_NAME_SIZE, TENANT)                                                 \
	X(POLICY_BEGIN, 0x20, 0, 0, OPERATOR)                                                                          \
	X(POLICY_CHUNK, 0x21, 1, SLUICE_STAGE_SIZE, OPERATOR)                                                          \
	X(POLICY_VALIDATE, 0x22, 0, 0, OPERATOR)                                                                       \
	X(POLICY_COMMIT, 0x23, 0, 0, OPERATOR)                                                                         \
	X(POLICY_ABORT, 0x24, 0, 0, OPERATOR)                                                                          \
	X(POLICY_READ, 0x25, 0, 0, TENANT)                                                                             \
	X(POLICY_STATUS, 0x26, 0, 0, OPERATOR)                                                                         \
	X(POLICY_RESUME, 0x27, 0, 0, OPERATOR)                                                                         \
	X(OID_LIST, 0x30, SLUICE_NAME_SIZE, SLUICE_NAME_SIZE, TENANT)                                                  \
	X(OID_GET, 0x31, sizeof(struct sluice_oid_command), sizeof(struct sluice_oid_command), TENANT)                 \
	X(OID_SET, 0x32, sizeof(struct sluice_oid_command), sizeof(struct sluice_oid_command) + SLUICE_OID_VALUE_MAX,  \
	  OPERATOR)                                                                                                    \
	X(DEVICE_LIST, 0x40, 0, 0, TENANT)                                                                             \
	X(DEVICE_OPEN, 0x41, SLUICE_NAME_SIZE, SLUICE_NAME_SIZE, OPERATOR)                                             \
	X(DEVICE_CALL, 0x42, 0, SLUICE_DEVICE_INPUT_MAX, OPERATOR)                                                     \
	X(DEVICE_CLOSE, 0x43, 0, 0, OPERATOR)                                                                          \
	X(DRIVER_LOAD, 0x50, 1, SLUICE_PATH_MAX, OPERATOR)                                                             \
	X(DRIVER_UNLOAD, 0x51, SLUICE_NAME_SIZE, SLUICE_NAME_SIZE, OPERATOR)                                           \
	X(STACK_INSERT, 0x52, sizeof(struct sluice_stack_command), sizeof(struct sluice_stack_command), OPERATOR)      \
	X(STACK_REMOVE, 0x53, sizeof(struct sluice_stack_command), sizeof(struct sluice_stack_command), OPERATOR)      \
	X(RESET_DATAPATH, 0x60, sizeof(struct sluice_reset_command), sizeof(struct sluice_reset_command), OPERATOR)    \
	X(RESET_DEVICE, 0x61, sizeof(struct sluice_reset_command), sizeof(struct sluice_reset_command), OPERATOR)      \
	X(OPERATION_LIST, 0x68, 0, 0, TENANT)                                                                          \
	X(OPERATION_STATUS, 0x69, 0, 0, TENANT)                                                                        \
	X(OPERATION_CANCEL, 0x6a, 0, 0, OPERATOR)

enum sluice_opcode {
#define X(name, number, least, most, role) SLUICE_OP_##name = number,
	SLUICE_OPCODE_TABLE(X)
#undef X
};

/*
 * Records of lists that have grown, at their ends. A card sends those that the minor in the HELLO has, since hosts of
 * minors 0 and 1 take no others; a host takes those of any card. Of one list the rows are in the order of their minors.
 *
 * X(list, record, minor that made it longer, its bytes before)
 */
#define SLUICE_GROWN_TABLE(X) X(PORT_LIST, struct sluice_port_record, 2, 688)

SLUICE_ASSERT_OFFSET(struct sluice_port_record, host_lent, 688);

/** Bytes of a record in the answer to @p opcode, now @p size, as @p minor had it. */
static inline uint32_t sluice_record_size(uint16_t opcode, uint32_t size, uint16_t minor)
{
#define X(name, record, grown, before)                                                                                 \
	if (opcode == SLUICE_OP_##name && minor < (grown))                                                             \
		return before;
	SLUICE_GROWN_TABLE(X)
#undef X
	return size;
}

#endif
