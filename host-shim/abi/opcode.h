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
 * X(name, number, least payload, most payload, role)
 *
 * Lists (…_LIST, STATS, DROPS) take the first index in arg[0] and answer in STAGE_OUT with
 * struct sluice_list and its records; a cursor of 0 pins the generation that the following pages show.
 *
 *   INFO           -> struct sluice_info
 *   PORT_LIST      -> struct sluice_port_record[]
 *   DRIVER_LIST    -> struct sluice_driver_record[]
 *   STACK_LIST     -> struct sluice_stack_record[]      one for each instance, host side first
 *   WORKER_LIST    -> struct sluice_worker_record[]
 *   RULE_LIST      -> struct sluice_rule_record[]       payload: instance name, all zero for every instance
 *   DROP_LIST      -> struct sluice_drop_record[]       only reasons that have happened
 *   OID_LIST       -> struct sluice_oid_record[]        payload: instance or port name
 *   RULE_ADD       payload struct sluice_rule_command; result = new generation
 *   RULE_DELETE    payload struct sluice_rule_command, of which instance and rule.name count
 *   RULE_REPLACE   payload struct sluice_rule_command; the rule of the same name changes, its counters stay
 *   RULE_FLUSH     payload instance name, all zero for every instance; result = new generation
 *   POLICY_BEGIN   arg[0] = bytes of the image to come
 *   POLICY_CHUNK   arg[0] = offset in the image; payload = the bytes; chunks come in order
 *   POLICY_VALIDATE arg[0] as for COMMIT; builds what COMMIT would publish and throws it away
 *   POLICY_COMMIT  arg[0] = generation that must still be in force, 0 for any; result = new generation
 *   POLICY_ABORT   forgets the upload
 *   POLICY_READ    arg[0] = offset; -> bytes of the running policy's image; result = its whole length;
 *                  offset 0 pins the image that the following reads show
 *   OID_GET        payload struct sluice_oid_command; -> value; result = IM status
 *   OID_SET        payload struct sluice_oid_command + value; result = IM status
 */
#define SLUICE_OPCODE_TABLE(X)                                                                                         \
	X(INFO, 0x01, 0, 0, TENANT)                                                                                    \
	X(PORT_LIST, 0x02, 0, 0, TENANT)                                                                               \
	X(DRIVER_LIST, 0x03, 0, 0, TENANT)                                                                             \
	X(STACK_LIST, 0x04, 0, 0, TENANT)                                                                              \
	X(WORKER_LIST, 0x05, 0, 0, TENANT)                                                                             \
	X(DROP_LIST, 0x06, 0, 0, TENANT)                                                                               \
	X(RULE_LIST, 0x10, SLUICE_NAME_SIZE, SLUICE_NAME_SIZE, TENANT)                                                 \
	X(RULE_ADD, 0x11, sizeof(struct sluice_rule_command), sizeof(struct sluice_rule_command), OPERATOR)            \
	X(RULE_DELETE, 0x12, sizeof(struct sluice_rule_command), sizeof(struct sluice_rule_command), OPERATOR)         \
	X(RULE_REPLACE, 0x13, sizeof(struct sluice_rule_command), sizeof(struct sluice_rule_command), OPERATOR)        \
	X(RULE_FLUSH, 0x14, SLUICE_NAME_SIZE, SLUICE_NAME_SIZE, OPERATOR)                                              \
	X(POLICY_BEGIN, 0x20, 0, 0, OPERATOR)                                                                          \
	X(POLICY_CHUNK, 0x21, 1, SLUICE_STAGE_SIZE, OPERATOR)                                                          \
	X(POLICY_VALIDATE, 0x22, 0, 0, OPERATOR)                                                                       \
	X(POLICY_COMMIT, 0x23, 0, 0, OPERATOR)                                                                         \
	X(POLICY_ABORT, 0x24, 0, 0, OPERATOR)                                                                          \
	X(POLICY_READ, 0x25, 0, 0, TENANT)                                                                             \
	X(OID_LIST, 0x30, SLUICE_NAME_SIZE, SLUICE_NAME_SIZE, TENANT)                                                  \
	X(OID_GET, 0x31, sizeof(struct sluice_oid_command), sizeof(struct sluice_oid_command), TENANT)                 \
	X(OID_SET, 0x32, sizeof(struct sluice_oid_command), sizeof(struct sluice_oid_command) + SLUICE_OID_VALUE_MAX,  \
	  OPERATOR)

enum sluice_opcode {
#define X(name, number, least, most, role) SLUICE_OP_##name = number,
	SLUICE_OPCODE_TABLE(X)
#undef X
};

#endif
