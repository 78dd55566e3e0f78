/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the control plane keeps for one client, and the handlers of its commands. A client that dies leaves
 * nothing: its upload is forgotten, its pinned configs lose their reference.
 */
#ifndef CTRLPLANE_SESSION_H
#define CTRLPLANE_SESSION_H

#include "control.h"
#include "mailbox.h"

struct session {
	struct config *listed;	/* held while a list goes over several pages */
	struct config *dumped;	/* held while POLICY_READ goes on */
	uint8_t *upload;	/* NULL: none in progress */
	uint32_t upload_length; /* announced */
	uint32_t upload_received;
};

/** The handlers of all opcodes; their context is the struct control. */
extern const struct mailbox_ops session_ops;

/* By file: */
enum sluice_status list_info(void *control, struct mailbox_call *call);
enum sluice_status list_ports(void *control, struct mailbox_call *call);
enum sluice_status list_drivers(void *control, struct mailbox_call *call);
enum sluice_status list_stacks(void *control, struct mailbox_call *call);
enum sluice_status list_workers(void *control, struct mailbox_call *call);
enum sluice_status list_drops(void *control, struct mailbox_call *call);
enum sluice_status list_rules(void *control, struct mailbox_call *call);
enum sluice_status rule_add(void *control, struct mailbox_call *call);
enum sluice_status rule_delete(void *control, struct mailbox_call *call);
enum sluice_status rule_replace(void *control, struct mailbox_call *call);
enum sluice_status rule_flush(void *control, struct mailbox_call *call);
enum sluice_status upload_begin(void *control, struct mailbox_call *call);
enum sluice_status upload_chunk(void *control, struct mailbox_call *call);
enum sluice_status upload_validate(void *control, struct mailbox_call *call);
enum sluice_status upload_commit(void *control, struct mailbox_call *call);
enum sluice_status upload_abort(void *control, struct mailbox_call *call);
enum sluice_status upload_read(void *control, struct mailbox_call *call);
enum sluice_status oid_list(void *control, struct mailbox_call *call);
enum sluice_status oid_get(void *control, struct mailbox_call *call);
enum sluice_status oid_set(void *control, struct mailbox_call *call);

/** Hold @p config in *pin in place of what was held there. @p config may be NULL. */
void session_pin(struct config **pin, struct config *config);

#endif
