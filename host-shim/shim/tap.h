/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's network device: one descriptor for each queue pair. */
#ifndef SLUICE_SHIM_TAP_H
#define SLUICE_SHIM_TAP_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/data.h"

struct tap {
	char name[IFNAMSIZ];
	int index;
	unsigned queues;
	int fd[SLUICE_DATA_QUEUES_MAX];
	bool was_there; /* a device of this name that outlived another shim */
};

/** Makes the device, or takes the one that is there, without carrier. -errno where it cannot, which has been said. */
int tap_open(struct tap *tap, const char *name, unsigned queues, unsigned offloads, bool persist);

/** Lets it go. The kernel deletes it unless it persists. */
void tap_close(struct tap *tap);

/** 0 or -errno. @p offloads: TUN_F_... */
int tap_set_offloads(const struct tap *tap, unsigned offloads);
int tap_set_segments(const struct tap *tap, uint32_t segments); /* that the kernel leaves to the card in one frame */
int tap_set_carrier(const struct tap *tap, bool up);
int tap_set_mtu(const struct tap *tap, uint32_t mtu);
int tap_set_mac(const struct tap *tap, const uint8_t mac[6]);

#endif
