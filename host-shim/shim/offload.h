/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel leaves to the card is what it may and what the card's port does at all. */
#ifndef SLUICE_SHIM_OFFLOAD_H
#define SLUICE_SHIM_OFFLOAD_H

#include "miniport/miniport.h"

/** What of @p wanted (TUN_F_...) goes with @p offered (enum sluice_offload). */
unsigned offload_common(unsigned wanted, uint32_t offered);

/** The same, with what the port says; @p before where it does not answer. Level: PASSIVE. */
unsigned offload_ask(struct sluice_miniport *miniport, unsigned wanted, unsigned before);

#endif
