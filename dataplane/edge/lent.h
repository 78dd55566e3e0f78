/* SPDX-License-Identifier: BSD-3-Clause */
/* What a port's device has lent to a host. */
#ifndef EDGE_LENT_H
#define EDGE_LENT_H

#include "im/core.h"
#include "port.h"

/** The account of buffers that the device keeps (hostport/hostport.h), in its extended statistics. Level: PASSIVE.
 * False: it lends none. */
IM_PASSIVE bool edge_read_lent(const struct edge_port *port, struct im_lent *lent);

/** Before the port goes: tell the verifier, for which there is no other way to know. Level: PASSIVE. */
IM_PASSIVE void edge_report_lent(const struct edge_port *port);

#endif
