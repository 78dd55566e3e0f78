/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#include <string.h>

struct client client;

void client_up(void)
{
	memset(&client, 0, sizeof(client));
	client.room = sizeof(client.reply);
	assert_int_equal(session_ops.session_open(&machine.control, 1, &client.session), 0);
}

void client_down(void)
{
	session_ops.session_close(&machine.control, client.session);
}

int client_and_machine_up(void **state)
{
	(void)state;
	machine_up(3, 2);
	client_up();
	return 0;
}

int client_and_machine_down(void **state)
{
	(void)state;
	client_down();
	machine_down();
	return 0;
}

static void complete(struct mailbox_call *call, enum sluice_status status)
{
	assert_ptr_equal(call, &client.call);
	assert_false(client.complete);
	client.status = status;
	client.complete = true;
}

bool client_begin(enum sluice_opcode opcode, uint64_t argument, uint64_t second, const void *payload, uint32_t length)
{
	enum sluice_status status;

	client.command = (struct sluice_command){.opcode = (uint16_t)opcode, .arg = {argument, second}};
	client.call = (struct mailbox_call){
		.command = &client.command,
		.payload = payload,
		.payload_length = length,
		.reply = (uint8_t *)client.reply,
		.reply_room = client.room,
		.session = client.session,
		.role = SLUICE_ROLE_OPERATOR,
		.user = client.user,
		.abi_minor = SLUICE_ABI_MINOR,
		.error_offset = SLUICE_NO_OFFSET,
		.complete = complete,
	};
	memset(client.reply, 0, sizeof(client.reply));
	client.complete = false;
	status = session_ops.handlers[opcode](&machine.control, &client.call);
	if (status == MAILBOX_LATER)
		return client.complete;
	assert_false(client.complete);
	client.status = status;
	client.complete = true;
	return true;
}

enum sluice_status client_wait(void)
{
	for (int i = 0; i < 10000 && !client.complete; i++)
		im_run_work();
	assert_true(client.complete);
	return client.status;
}

enum sluice_status client_run(enum sluice_opcode opcode, uint64_t argument, uint64_t second, const void *payload,
			      uint32_t length)
{
	client_begin(opcode, argument, second, payload, length);
	return client_wait();
}

void client_expect(int line, enum sluice_opcode opcode, uint64_t argument, uint64_t second, const void *payload,
		   uint32_t length, enum sluice_status expected)
{
	enum sluice_status status = client_run(opcode, argument, second, payload, length);

	if (status != expected)
		fail_msg("line %d: got %s, expected %s", line, sluice_status_name((uint16_t)status),
			 sluice_status_name((uint16_t)expected));
}

const char *client_rules(uint32_t index)
{
	return image_rule_names(&machine.control.current->image, index);
}
