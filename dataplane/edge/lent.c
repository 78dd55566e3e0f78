/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buffers that a device has lent beyond itself, to a host. No driver sees them: frames are copied, and a packet is home
 * long before the host has looked at it. So the ledgers of the core know nothing of them, and the device is asked.
 */
#include <rte_ethdev.h>

#include "lent.h"

static bool read_xstat(const struct edge_port *port, const char *name, uint64_t *value)
{
	uint64_t id;

	return rte_eth_xstats_get_id_by_name(port->port_id, name, &id) == 0 &&
	       rte_eth_xstats_get_by_id(port->port_id, &id, value, 1) == 1;
}

bool edge_read_lent(const struct edge_port *port, struct im_lent *lent)
{
	return read_xstat(port, "host_lent", &lent->lent) && read_xstat(port, "host_returned", &lent->returned) &&
	       read_xstat(port, "host_forfeited", &lent->forfeited);
}

void edge_report_lent(const struct edge_port *port)
{
	const char *driver = port->edge == EDGE_LOWER ? EDGE_LOWER_DRIVER : EDGE_UPPER_DRIVER;
	struct im_lent lent;

	if (edge_read_lent(port, &lent))
		im_report_lent(driver, port->config.name, &lent);
}
