/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the control plane keeps for one client, and the handlers of its commands. A client that dies leaves
 * nothing but an upload with a lease: its pinned configs lose their reference, its handles are closed.
 *
 * One command of a client runs at a time, so its session is in one thread's hands; that of slow commands is a control
 * thread, that of the others the one that serves the mailboxes.
 */
#ifndef CTRLPLANE_SESSION_H
#define CTRLPLANE_SESSION_H

#include "control.h"
#include "mailbox.h"

#define SESSION_HANDLES 16u

/* An open control device. The client's number for it is made of the place and of how often that was used. */
struct session_handle {
	struct im_handle *handle; /* NULL: free */
	char device[SLUICE_NAME_SIZE];
	uint32_t uses;
};

struct session {
	struct control_pin listed; /* while a list goes over several pages */
	struct control_pin dumped; /* while POLICY_READ goes on */
	struct upload *upload;	   /* NULL: none in progress */
	struct session_handle handles[SESSION_HANDLES];
};

/** The handlers of all opcodes; their context is the struct control. */
extern const struct mailbox_ops session_ops;

/* By file: */
enum sluice_status list_info(void *control, struct mailbox_call *call);
enum sluice_status list_ports(void *control, struct mailbox_call *call);
enum sluice_status list_workers(void *control, struct mailbox_call *call);
enum sluice_status list_rules(void *control, struct mailbox_call *call);

enum sluice_status list_devices(void *control, struct mailbox_call *call);
enum sluice_status list_drivers(void *control, struct mailbox_call *call);
enum sluice_status list_drops(void *control, struct mailbox_call *call);
enum sluice_status list_stacks(void *control, struct mailbox_call *call);

enum sluice_status upload_begin(void *control, struct mailbox_call *call);
enum sluice_status upload_chunk(void *control, struct mailbox_call *call);
enum sluice_status upload_validate(void *control, struct mailbox_call *call);
enum sluice_status upload_commit(void *control, struct mailbox_call *call);
enum sluice_status upload_abort(void *control, struct mailbox_call *call);
enum sluice_status upload_status(void *control, struct mailbox_call *call);
enum sluice_status upload_resume(void *control, struct mailbox_call *call);
enum sluice_status upload_read(void *control, struct mailbox_call *call);

enum sluice_status oid_list(void *control, struct mailbox_call *call);
enum sluice_status oid_get(void *control, struct mailbox_call *call);
enum sluice_status oid_set(void *control, struct mailbox_call *call);

enum sluice_status device_open(void *control, struct mailbox_call *call);
enum sluice_status device_call(void *control, struct mailbox_call *call);
enum sluice_status device_close(void *control, struct mailbox_call *call);

enum sluice_status driver_load(void *control, struct mailbox_call *call);
enum sluice_status driver_unload(void *control, struct mailbox_call *call);

enum sluice_status reset_datapath(void *control, struct mailbox_call *call);
enum sluice_status reset_device(void *control, struct mailbox_call *call);

enum sluice_status stack_insert(void *control, struct mailbox_call *call);
enum sluice_status stack_remove(void *control, struct mailbox_call *call);

enum sluice_status list_operations(void *control, struct mailbox_call *call);
enum sluice_status operation_status(void *control, struct mailbox_call *call);
enum sluice_status operation_cancel(void *control, struct mailbox_call *call);

/** The open handle that a client calls @p number, or NULL. */
struct session_handle *session_find_handle(struct session *session, uint64_t number);

/** Close every open handle. May wait for drivers. */
void session_close_handles(struct session *session);

/** What a driver's status means for a command: OK, a status of its own, or REQUEST_FAILED. */
enum sluice_status session_status_of(im_status_t status);

#endif
