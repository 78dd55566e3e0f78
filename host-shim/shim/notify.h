/* SPDX-License-Identifier: BSD-3-Clause */
/* What a service manager is told: sd_notify(3), by hand, so that the shim needs no library of systemd's. */
#ifndef SLUICE_SHIM_NOTIFY_H
#define SLUICE_SHIM_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/** Sends @p state, such as "READY=1", to $NOTIFY_SOCKET. True where somebody listens there. */
bool notify(const char *state);

/** How often WATCHDOG=1 is to be sent, in ms: half of what the manager waits. 0: never. */
uint64_t notify_watchdog_ms(void);

#endif
