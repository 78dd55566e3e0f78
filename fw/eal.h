/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's EAL brought up with Sluice's defaults. */
#ifndef FW_EAL_H
#define FW_EAL_H

#include "options.h"

/**
 * Start the EAL for @p workers workers. Arguments behind -- win over the defaults.
 * Returns 0 with *hugepages telling whether they are used, or -1 with the reason printed.
 * Level: PASSIVE (init).
 */
IM_INIT int eal_start(const struct options *options, uint32_t workers, bool *hugepages);

#endif
