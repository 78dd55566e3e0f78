/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a client's regions come from: a broker on this machine hands descriptors over (attach.c), or a card has them in
 * its BARs (bar.c). All else in this library knows only this.
 *
 *   place                            source
 *   "/run/sluice"                    the broker that listens in this directory
 *   "pci:0000:01:00.0"               the device of this address
 *   "pci:/sys/bus/pci/devices/..."   the same by the directory of its resources
 */
#ifndef SLUICE_MAILBOX_SOURCE_H
#define SLUICE_MAILBOX_SOURCE_H

#include <stdbool.h>

struct sluice_client;
struct sluice_port_wish;

struct client_source {
	/** Map the regions, with those of the port of @p wish unless that is NULL. On failure client->fault is set;
	 * detach() frees what there is. */
	int (*attach)(struct sluice_client *client, const char *place, const struct sluice_port_wish *wish);
	/** Let the card look at the submission ring. 0 or -EPROTO. */
	int (*kick)(struct sluice_client *client);
	/** Whether the card still knows this client. */
	bool (*is_connected)(const struct sluice_client *client);
	/** Hang up. The regions are unmapped by the caller. */
	void (*detach)(struct sluice_client *client);
};

extern const struct client_source client_source_broker;
extern const struct client_source client_source_bar;

#endif
