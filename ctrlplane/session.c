/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "session.h"

void session_pin(struct config **pin, struct config *config)
{
	struct config *before = *pin;

	*pin = config != NULL && im_block_hold(&config->block) ? config : NULL;
	if (before != NULL)
		im_block_drop(&before->block);
}

static int session_open(void *context, uint32_t client_id, void **session)
{
	(void)context;
	(void)client_id;
	*session = calloc(1, sizeof(struct session));
	return *session != NULL ? 0 : -ENOMEM;
}

static void session_close(void *context, void *opaque)
{
	struct session *session = opaque;

	(void)context;
	session_pin(&session->listed, NULL);
	session_pin(&session->dumped, NULL);
	free(session->upload);
	free(session);
}

const struct mailbox_ops session_ops = {
	.session_open = session_open,
	.session_close = session_close,
	.handlers =
		{
			[SLUICE_OP_INFO] = list_info,
			[SLUICE_OP_PORT_LIST] = list_ports,
			[SLUICE_OP_DRIVER_LIST] = list_drivers,
			[SLUICE_OP_STACK_LIST] = list_stacks,
			[SLUICE_OP_WORKER_LIST] = list_workers,
			[SLUICE_OP_DROP_LIST] = list_drops,
			[SLUICE_OP_RULE_LIST] = list_rules,
			[SLUICE_OP_RULE_ADD] = rule_add,
			[SLUICE_OP_RULE_DELETE] = rule_delete,
			[SLUICE_OP_RULE_REPLACE] = rule_replace,
			[SLUICE_OP_RULE_FLUSH] = rule_flush,
			[SLUICE_OP_POLICY_BEGIN] = upload_begin,
			[SLUICE_OP_POLICY_CHUNK] = upload_chunk,
			[SLUICE_OP_POLICY_VALIDATE] = upload_validate,
			[SLUICE_OP_POLICY_COMMIT] = upload_commit,
			[SLUICE_OP_POLICY_ABORT] = upload_abort,
			[SLUICE_OP_POLICY_READ] = upload_read,
			[SLUICE_OP_OID_LIST] = oid_list,
			[SLUICE_OP_OID_GET] = oid_get,
			[SLUICE_OP_OID_SET] = oid_set,
		},
};
