/* SPDX-License-Identifier: BSD-3-Clause */
/* A mailbox over plain memory, and the host's end of it. */
#ifndef TESTS_MAILBOX_RIG_H
#define TESTS_MAILBOX_RIG_H

#include "ring.h"
#include "toy.h"

#define IN_COMMAND(member) (SLUICE_ERROR_IN_COMMAND | offsetof(struct sluice_command, member))

struct rig {
	struct ring ring;
	struct toy toy;
	struct mailbox_counters counters;
	struct mailbox mailbox;
	struct answers *answers;
	struct sluice_completion *cq;
	uint8_t *stage_out;
};

/** cmocka set-up and tear-down: an operator's mailbox with the toy's handlers. */
int mailbox_rig_up(void **state);
int mailbox_rig_down(void **state);

/** Serve what was published and consume its one completion, whose checksum must hold. */
struct sluice_completion finish(struct rig *rig);

/** The same with @p command, which is published first. */
struct sluice_completion run(struct rig *rig, struct sluice_command command);

void expect(const struct sluice_completion *completion, enum sluice_status status, uint32_t error_offset);

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, mailbox_rig_up, mailbox_rig_down)

#endif
