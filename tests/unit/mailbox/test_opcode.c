/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of opcodes: lengths, and who may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those, which it needs */
#include <cmocka.h>

#include "mailbox_rig.h"

static const struct {
	uint16_t opcode;
	uint32_t least, most;
	uint8_t role;
} table[] = {
#define X(name, number, least, most, role) {number, least, most, SLUICE_ROLE_##role},
	SLUICE_OPCODE_TABLE(X)
#undef X
};
#define TABLE_LENGTH (sizeof(table) / sizeof(table[0]))

static bool in_table(uint32_t opcode)
{
	for (size_t i = 0; i < TABLE_LENGTH; i++) {
		if (table[i].opcode == opcode)
			return true;
	}
	return false;
}

static void test_every_opcode_that_is_not_in_the_table_is_refused(void **state)
{
	struct rig *rig = *state;

	for (uint32_t opcode = 0; opcode <= UINT16_MAX; opcode++) {
		struct sluice_completion completion;

		if (in_table(opcode))
			continue;
		completion = run(rig, (struct sluice_command){.opcode = (uint16_t)opcode});
		expect(&completion, SLUICE_STATUS_BAD_OPCODE, IN_COMMAND(opcode));
	}
	assert_int_equal(rig->toy.handled, 0);
}

static enum sluice_status succeed(void *context, struct mailbox_call *call)
{
	(void)call;
	(*(unsigned *)context)++;
	return SLUICE_STATUS_OK;
}

static struct mailbox_ops all_succeed(void)
{
	struct mailbox_ops ops = {0};

	for (unsigned i = 0; i < MAILBOX_OPCODES; i++)
		ops.handlers[i] = succeed;
	return ops;
}

static struct sluice_completion run_of_length(struct rig *rig, uint16_t opcode, uint32_t length)
{
	return run(rig, (struct sluice_command){.opcode = opcode, .in_length = length});
}

static void test_every_opcode_has_bounds(void **state)
{
	struct rig *rig = *state;
	struct mailbox_ops ops = all_succeed();
	unsigned handled = 0;

	rig->mailbox.ops = &ops;
	rig->mailbox.context = &handled;
	for (size_t i = 0; i < TABLE_LENGTH; i++) {
		struct sluice_completion completion = run_of_length(rig, table[i].opcode, table[i].least);

		expect(&completion, SLUICE_STATUS_OK, SLUICE_NO_OFFSET);
		completion = run_of_length(rig, table[i].opcode, table[i].most);
		expect(&completion, SLUICE_STATUS_OK, SLUICE_NO_OFFSET);
		completion = run_of_length(rig, table[i].opcode, table[i].most + 1);
		expect(&completion, SLUICE_STATUS_BAD_LENGTH, IN_COMMAND(in_length));
		if (table[i].least == 0)
			continue;
		completion = run_of_length(rig, table[i].opcode, table[i].least - 1);
		expect(&completion, SLUICE_STATUS_BAD_LENGTH, IN_COMMAND(in_length));
	}
	assert_int_equal(handled, 2 * TABLE_LENGTH);
}

/*
 * What others than operators may do, written down a second time: a command that comes to the table is an operator's
 * until somebody thought about it here as well.
 */
static void test_privileges_are_those_that_were_decided(void **state)
{
	static const uint16_t tenants[] = {
		SLUICE_OP_INFO,
		SLUICE_OP_PORT_LIST,
		SLUICE_OP_DRIVER_LIST,
		SLUICE_OP_STACK_LIST,
		SLUICE_OP_WORKER_LIST,
		SLUICE_OP_DROP_LIST,
		SLUICE_OP_RULE_LIST,
		SLUICE_OP_POLICY_READ,
		SLUICE_OP_OID_LIST,
		SLUICE_OP_OID_GET,
		SLUICE_OP_DEVICE_LIST,
		SLUICE_OP_OPERATION_LIST,
		SLUICE_OP_OPERATION_STATUS,
	};
	size_t open_to_tenants = 0;

	(void)state;
	for (size_t i = 0; i < TABLE_LENGTH; i++) {
		bool decided = false;

		for (size_t t = 0; t < sizeof(tenants) / sizeof(tenants[0]); t++)
			decided |= tenants[t] == table[i].opcode;
		open_to_tenants += decided;
		if (table[i].role != (decided ? SLUICE_ROLE_TENANT : SLUICE_ROLE_OPERATOR))
			fail_msg("opcode 0x%02x has role %d, which nobody decided", table[i].opcode, table[i].role);
	}
	assert_int_equal(open_to_tenants, sizeof(tenants) / sizeof(tenants[0]));
}

static void test_every_opcode_has_a_role(void **state)
{
	struct rig *rig = *state;
	struct mailbox_ops ops = all_succeed();
	unsigned handled = 0, expected = 0;

	rig->mailbox.ops = &ops;
	rig->mailbox.context = &handled;
	for (int role = SLUICE_ROLE_TENANT; role <= SLUICE_ROLE_OPERATOR; role++) {
		rig->mailbox.role = (enum sluice_role)role;
		for (size_t i = 0; i < TABLE_LENGTH; i++) {
			struct sluice_completion completion = run_of_length(rig, table[i].opcode, table[i].least);

			assert_in_range(table[i].role, SLUICE_ROLE_TENANT, SLUICE_ROLE_OPERATOR);
			if (role >= table[i].role)
				expect(&completion, SLUICE_STATUS_OK, SLUICE_NO_OFFSET);
			else
				expect(&completion, SLUICE_STATUS_NOT_PERMITTED, IN_COMMAND(opcode));
			expected += role >= table[i].role;
		}
	}
	assert_int_equal(handled, expected);
	assert_true(expected < 3 * TABLE_LENGTH); /* some are not for everyone */
}

/* What changes the card is the operator's alone; written out, so that a slip in the table is seen. */
static void test_what_changes_state_is_not_for_tenants(void **state)
{
	static const uint16_t changing[] = {
		SLUICE_OP_DEVICE_OPEN,	 SLUICE_OP_DEVICE_CALL,	    SLUICE_OP_DEVICE_CLOSE,  SLUICE_OP_DRIVER_LOAD,
		SLUICE_OP_DRIVER_UNLOAD, SLUICE_OP_STACK_INSERT,    SLUICE_OP_STACK_REMOVE,  SLUICE_OP_POLICY_BEGIN,
		SLUICE_OP_POLICY_CHUNK,	 SLUICE_OP_POLICY_VALIDATE, SLUICE_OP_POLICY_COMMIT, SLUICE_OP_POLICY_ABORT,
		SLUICE_OP_OID_SET,	 SLUICE_OP_RESET_DATAPATH,  SLUICE_OP_RESET_DEVICE,  SLUICE_OP_POLICY_STATUS,
		SLUICE_OP_POLICY_RESUME,
	};
	struct rig *rig = *state;

	rig->mailbox.role = SLUICE_ROLE_TENANT;
	for (size_t i = 0; i < sizeof(changing) / sizeof(changing[0]); i++) {
		struct sluice_completion completion = run_of_length(rig, changing[i], 0);

		expect(&completion, SLUICE_STATUS_NOT_PERMITTED, IN_COMMAND(opcode));
	}
	assert_int_equal(rig->toy.handled, 0);
	assert_int_equal(rig->counters.bad_commands, sizeof(changing) / sizeof(changing[0]));
}

static void test_opcode_without_handler(void **state)
{
	struct rig *rig = *state;
	struct sluice_completion completion = run_of_length(rig, SLUICE_OP_WORKER_LIST, 0);

	expect(&completion, SLUICE_STATUS_NOT_SUPPORTED, IN_COMMAND(opcode));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(every_opcode_that_is_not_in_the_table_is_refused),
		CASE(every_opcode_has_bounds),
		CASE(privileges_are_those_that_were_decided),
		CASE(every_opcode_has_a_role),
		CASE(what_changes_state_is_not_for_tenants),
		CASE(opcode_without_handler),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
