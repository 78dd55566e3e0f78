/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The resources of a PCI device, as Linux shows them in a directory:
 *
 *   vendor, device    numbers, "0x1af4"
 *   enable            0: its memory cannot be reached; pci_open() writes 1
 *   resource          a line for each BAR: start, end, flags
 *   resource0 ...     what BAR 0 ... holds, to be mapped
 *
 * What is mapped is there: its size was compared with the file's. What goes away later turns into zeros
 * (memory/guard.h), as on a bus where nobody answers it turns into ones.
 */
#ifndef SLUICE_MAILBOX_PCI_H
#define SLUICE_MAILBOX_PCI_H

#include <stdbool.h>

#include "abi/bar.h"

struct sluice_client;

struct pci {
	char directory[256];
	uint8_t first_bar;
	int fd[SLUICE_BAR_COUNT];	 /* -1: not opened yet */
	uint64_t size[SLUICE_BAR_COUNT]; /* bytes, as `resource` has them; 0: there is none */
};

/** By address or directory; it must be a card, which is switched on. 0 or -errno with client->fault set. pci_close() in
 * either case. */
int pci_open(struct pci *pci, struct sluice_client *client, const char *place);
void pci_close(struct pci *pci);

/** Take the card for this process, until pci_close() or its death. 0, or -errno with the fault set. */
int pci_lock(struct pci *pci, struct sluice_client *client);

/** Whether all that was opened is still as long as it was: a file can be cut, and a region behind the cut is zeros. */
bool pci_is_whole(const struct pci *pci);

/** Map a part of a BAR; NULL with the fault set. */
void *pci_map(struct pci *pci, struct sluice_client *client, const struct sluice_bar_region *part, const char *name);

#endif
