/* SPDX-License-Identifier: BSD-3-Clause */
/* Resets, and how the count of them outlives the program. */
#ifndef CTRLPLANE_RESET_H
#define CTRLPLANE_RESET_H

#include "abi/mailbox.h"
#include "control.h"

/** Takes over what the firmware that reset itself left for this one, and shows it in @p info. Once, at the start. */
void reset_inherit(struct control *control, struct sluice_info_region *info);

/** Leaves it for the program that is to be started in place of this one. */
void reset_bequeath(const struct control *control);

#endif
