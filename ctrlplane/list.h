/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lists: what the card answers to "what is there, and what has it done". Each list is a count and a way to fill in one
 * record. They run on the thread that serves the mailboxes: they take locks for moments only, and ask no driver.
 */
#ifndef CTRLPLANE_LIST_H
#define CTRLPLANE_LIST_H

#include "session.h"

struct list {
	struct control *control;
	struct config *config; /* that is shown */
	uint32_t record_size;
	uint32_t total;
	void (*fill)(struct list *list, uint32_t index, void *record);
	void *extra;
};

/** The page that the call asks for, of list->config. */
enum sluice_status list_reply_page(struct list *list, struct mailbox_call *call);

/** The same, of what is in force now: it is held for the length of the answer. */
enum sluice_status list_reply_current(struct list *list, struct mailbox_call *call);

/**
 * The config that all pages of a list show: the first page pins it, and list_reply_pinned() lets it go with the last.
 * Held for the length of the answer. NULL: it was revoked, as a change wanted its room.
 */
struct config *list_pinned(struct control *control, struct mailbox_call *call);
enum sluice_status list_reply_pinned(struct list *list, struct mailbox_call *call);

#endif
