/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the two files of the card. */
#ifndef TESTS_MINIPORT_CARD_MAILBOX_H
#define TESTS_MINIPORT_CARD_MAILBOX_H

#include "card.h"

/** The thread: clients, one after another, until a byte comes on card->quit. */
void *card_serve(void *card);

/** With the lock. */
void card_store(struct card *card, uint32_t oid, const void *value, uint32_t length, unsigned sets);
const struct card_setting *card_lookup(struct card *card, uint32_t oid);

#endif
