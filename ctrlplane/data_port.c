/* SPDX-License-Identifier: BSD-3-Clause */
/* Which port a client may have, and how it comes to it. */
#include "data_port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "control.h"
#include "edge/port.h"
#include "hostport/hostport.h"
#include "worker.h"

struct attached {
	struct hostport_link *link;
	char port[SLUICE_NAME_SIZE];
	uint16_t queues;
	uint64_t grace; /* set when it is detached */
};

/* The device of a port; "" where there is none. */
static void device_of(const char *port_name, char device[RTE_ETH_NAME_MAX_LEN])
{
	const struct edge_port *port = edge_port_find(port_name);

	device[0] = '\0';
	if (port != NULL && rte_eth_dev_get_name_by_port(port->port_id, device) != 0)
		device[0] = '\0';
}

/* ---- Events ---------------------------------------------------------------------------------------- */

static struct event_log *log_of(void *context)
{
	const struct control *control = context;

	return control != NULL ? control->events : NULL;
}

void data_port_tell_faults(struct event_log *log, const char *port)
{
	char device[RTE_ETH_NAME_MAX_LEN];

	device_of(port, device);
	for (uint16_t q = 0; q < SLUICE_DATA_QUEUES_MAX; q++) {
		enum ring_fault fault = hostport_take_fault(device, q);

		if (fault != RING_FAULT_NONE)
			event_log_raise(log, SLUICE_EVENT_HOST_BROKEN, port, (uint64_t)q << 8 | fault);
	}
}

/* ---- Clients --------------------------------------------------------------------------------------- */

static enum sluice_status grant(void *context, struct data_grant *grant)
{
	struct hostport_description description;
	char device[RTE_ETH_NAME_MAX_LEN];

	(void)context;
	device_of(grant->port, device);
	if (device[0] == '\0')
		return SLUICE_STATUS_UNKNOWN_PORT;
	if (hostport_describe(device, &description) != 0)
		return SLUICE_STATUS_NOT_A_HOST_PORT;
	if (description.draining)
		return SLUICE_STATUS_SHUTTING_DOWN;
	if (description.taken)
		return SLUICE_STATUS_PORT_TAKEN;
	if (grant->queues < description.queues)
		return SLUICE_STATUS_TOO_FEW_QUEUES;
	grant->queues = description.queues;
	grant->entries = RTE_MIN(grant->entries, description.entries);
	grant->mtu = description.mtu;
	memcpy(grant->mac, description.mac, sizeof(grant->mac));
	return SLUICE_STATUS_OK;
}

static enum sluice_status status_of(int error)
{
	switch (error) {
	case 0:
		return SLUICE_STATUS_OK;
	case -EBUSY:
		return SLUICE_STATUS_PORT_TAKEN;
	case -ENOMEM:
		return SLUICE_STATUS_NO_MEMORY;
	default:
		return SLUICE_STATUS_INTERNAL;
	}
}

static enum sluice_status attach(void *context, const struct data_grant *grant, const struct data_regions *regions,
				 void **link)
{
	const struct hostport_client client = {
		.card = regions->card,
		.host = regions->host,
		.queues = grant->queues,
		.entries = grant->entries,
		.signals = regions->signals,
		.large_receives = grant->large_receives,
	};
	struct attached *attached = calloc(1, sizeof(*attached));
	char device[RTE_ETH_NAME_MAX_LEN];
	int error;

	if (attached == NULL)
		return SLUICE_STATUS_NO_MEMORY;
	device_of(grant->port, device);
	error = hostport_attach(device, &client, &attached->link);
	if (error != 0) {
		free(attached);
		return status_of(error);
	}
	memcpy(attached->port, grant->port, sizeof(attached->port));
	attached->queues = grant->queues;
	event_log_raise(log_of(context), SLUICE_EVENT_HOST_ATTACHED, attached->port, attached->queues);
	*link = attached;
	return SLUICE_STATUS_OK;
}

static void detach(void *context, void *link)
{
	struct attached *attached = link;

	hostport_detach(attached->link);
	data_port_tell_faults(log_of(context), attached->port);
	event_log_raise(log_of(context), SLUICE_EVENT_HOST_DETACHED, attached->port, attached->queues);
	attached->grace = workers_grace_begin();
}

static bool release(void *context, void *link)
{
	struct attached *attached = link;

	(void)context;
	if (!workers_grace_passed(attached->grace))
		return false;
	hostport_free(attached->link);
	free(attached);
	return true;
}

/* ---- Buffers that hosts have -------------------------------------------------------------------------- */

bool data_port_account(const char *port, struct data_port_account *account)
{
	struct hostport_account found;
	char device[RTE_ETH_NAME_MAX_LEN];

	device_of(port, device);
	if (!hostport_account(device, &found))
		return false;
	*account = (struct data_port_account){
		.lent = found.lent,
		.returned = found.returned,
		.forfeited = found.forfeited,
		.held = found.held,
		.awaited = found.awaited,
	};
	return true;
}

uint64_t data_port_joined(const char *port)
{
	struct hostport_counters counters;
	char device[RTE_ETH_NAME_MAX_LEN];
	uint64_t joined = 0;

	device_of(port, device);
	for (uint16_t q = 0; hostport_read(device, q, &counters); q++)
		joined += counters.receive_joined;
	return joined;
}

void data_port_drain(const char *port)
{
	char device[RTE_ETH_NAME_MAX_LEN];

	device_of(port, device);
	hostport_drain(device);
}

/* ---- What became of frames ------------------------------------------------------------------------- */

void data_port_drops(const char *port, uint64_t drops[SLUICE_DIRECTIONS][SLUICE_DROP_LIMIT])
{
	struct hostport_counters counters;
	char device[RTE_ETH_NAME_MAX_LEN];

	device_of(port, device);
	for (uint16_t q = 0; hostport_read(device, q, &counters); q++) {
		drops[SLUICE_OUT][SLUICE_DROP_HOST_MALFORMED] += counters.send_refused;
		drops[SLUICE_IN][SLUICE_DROP_HOST_ABSENT] += counters.receive_no_host;
		drops[SLUICE_IN][SLUICE_DROP_HOST_SHORT] += counters.receive_short;
		drops[SLUICE_IN][SLUICE_DROP_FRAME_TOO_LONG] += counters.receive_refused;
	}
}

const struct data_port_ops data_ports = {
	.grant = grant,
	.attach = attach,
	.detach = detach,
	.release = release,
};
