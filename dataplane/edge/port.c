/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports brought up and taken down. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include "im/core.h"
#include "lent.h"

#define RX_DESCRIPTORS 512
#define TX_DESCRIPTORS 512
#define LINK_OVERHEAD  22u /* Ethernet header and two VLAN tags */
/* What prepare.c and offload.c leave to a device that can do it. */
#define TX_OFFLOADS                                                                                                    \
	(RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_VLAN_INSERT | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM |              \
	 RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO)

/* What a device does not say of itself. */
struct trait {
	const char *driver;
	uint32_t max_frame;    /* bytes; 0: as the port's MTU says */
	uint64_t tx_offloads;  /* that it does not do well */
	uint32_t may_be_asked; /* what its host may ask of its frames, in their flags: enum sluice_offload */
	bool reconnects;       /* it is a client, and looks for its server when it is started, and only then */
	bool collects;	       /* returned buffers, when it is called with nothing to send */
};

static const struct trait traits[] = {
	{.driver = "net_host", .may_be_asked = EDGE_OFFLOADS, .collects = true},
	{.driver = "net_vhost", .may_be_asked = EDGE_OFFLOADS}, /* large sends, with tso=1; sums it makes itself */
	{.driver = "net_memif", .reconnects = true},
	{.driver = "net_pcap", .max_frame = 16128}, /* cuts a longer one of several buffers, and does not say so */
	/* sends a large send over IPv6 as it is; takes no longer frame, and none behind one */
	{.driver = "net_tap", .max_frame = 1522, .tx_offloads = RTE_ETH_TX_OFFLOAD_TCP_TSO},
};

static struct edge_port *ports[SLUICE_POLICY_MAX_PORTS]; /* control thread */
static unsigned port_count;

struct edge_port *edge_port_find(const char *name)
{
	for (unsigned i = 0; i < port_count; i++)
		if (strcmp(ports[i]->config.name, name) == 0)
			return ports[i];
	return NULL;
}

uint16_t edge_port_account(const struct edge_port *port)
{
	return port->account;
}

void edge_port_hold(struct edge_port *port)
{
	__atomic_or_fetch(&port->stopped, EDGE_STOP_HELD, __ATOMIC_RELEASE);
	im_synchronize();
}

void edge_port_release(struct edge_port *port)
{
	__atomic_and_fetch(&port->stopped, ~(uint32_t)EDGE_STOP_HELD, __ATOMIC_RELEASE);
}

void edge_port_serve(struct edge_port *port, uint16_t queue, uint32_t worker)
{
	__atomic_store_n(&port->queues[queue].owner, worker, __ATOMIC_RELEASE);
}

/* "net_null0,copy=1" -> "net_null0" */
static void device_name(const char *devargs, char *name, size_t size)
{
	snprintf(name, size, "%.*s", (int)strcspn(devargs, ","), devargs);
}

static bool is_ours(uint16_t port_id)
{
	for (unsigned i = 0; i < port_count; i++)
		if (ports[i]->port_id == port_id)
			return true;
	return false;
}

/* A device that the EAL has probed already (-a) is taken as it is. */
static bool is_taken(uint16_t port_id)
{
	for (unsigned i = 0; i < port_count; i++)
		if (ports[i]->port_id == port_id)
			return true;
	return false;
}

/* A device that the EAL was told to take, such as a PCI address behind -a, is there already. */
static int probe(struct edge_port *port, char *error, size_t size)
{
	const char *name = port->config.name;
	char device[RTE_ETH_NAME_MAX_LEN];

	device_name(port->config.devargs, device, sizeof(device));
	if (rte_eth_dev_get_port_by_name(device, &port->port_id) == 0) {
		if (!is_taken(port->port_id))
			return 0;
		if (!is_ours(port->port_id))
			return 0;
		snprintf(error, size,
			 "port '%s': device '%s' is used by another port already; give each its own, such as net_null1",
			 name, device);
		return -EEXIST;
	}
	if (rte_eth_dev_count_total() == RTE_MAX_ETHPORTS) {
		snprintf(error, size, "port '%s': this DPDK has room for %d ports, and they are all in use", name,
			 RTE_MAX_ETHPORTS);
		return -ENOSPC;
	}
	if (rte_dev_probe(port->config.devargs) == 0 && rte_eth_dev_get_port_by_name(device, &port->port_id) == 0)
		return 0;
	snprintf(
		error, size,
		"port '%s': cannot create '%s': no such device, or it does not accept its arguments or find its files; "
		"example: \"net_pcap0,rx_pcap=/path/in.pcap,tx_pcap=/path/out.pcap\"",
		name, port->config.devargs);
	return -ENODEV;
}

static int setup_queues(struct edge_port *port)
{
	int socket = rte_eth_dev_socket_id(port->port_id);
	uint16_t rx = RX_DESCRIPTORS, tx = TX_DESCRIPTORS;
	int adjusted = rte_eth_dev_adjust_nb_rx_tx_desc(port->port_id, &rx, &tx);

	if (adjusted != 0)
		return adjusted;
	for (uint16_t q = 0; q < port->config.queues; q++) {
		int result = rte_eth_rx_queue_setup(port->port_id, q, rx, (unsigned)socket, NULL, port->pool->buffers);

		if (result == 0)
			result = rte_eth_tx_queue_setup(port->port_id, q, tx, (unsigned)socket, NULL);
		if (result != 0)
			return result;
	}
	return 0;
}

/* "master" is what older releases call it. */
static bool is_server(const char *devargs)
{
	return strstr(devargs, "role=server") != NULL || strstr(devargs, "role=master") != NULL;
}

static void apply_trait(struct edge_port *port, const char *driver)
{
	for (size_t i = 0; i < RTE_DIM(traits); i++) {
		const struct trait *trait = &traits[i];

		if (strcmp(driver, trait->driver) != 0)
			continue;
		if (trait->max_frame != 0)
			port->max_frame = RTE_MIN(port->max_frame, trait->max_frame);
		port->tx_offloads &= ~trait->tx_offloads;
		port->may_be_asked = trait->may_be_asked;
		port->collects = trait->collects;
		port->reconnects = trait->reconnects && !is_server(port->config.devargs);
	}
}

static int configure(struct edge_port *port, char *error, size_t size)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {0};
	uint16_t queues = port->config.queues;
	struct rte_ether_addr mac;
	int result = rte_eth_dev_info_get(port->port_id, &info);

	if (result == 0 && (queues > info.max_rx_queues || queues > info.max_tx_queues)) {
		snprintf(error, size, "port '%s': %u queues wanted, the device has %u to receive and %u to send",
			 port->config.name, queues, info.max_rx_queues, info.max_tx_queues);
		return -EINVAL;
	}
	if (queues > 1 && info.flow_type_rss_offloads != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS; /* a flow stays on one queue */
		conf.rx_adv_conf.rss_conf.rss_hf =
			info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
	}
	conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	port->tx_offloads = info.tx_offload_capa & TX_OFFLOADS;
	if (result == 0)
		apply_trait(port, info.driver_name);
	conf.txmode.offloads = port->tx_offloads;
	if (result == 0)
		result = rte_eth_dev_configure(port->port_id, queues, queues, &conf);
	if (result == 0)
		result = setup_queues(port);
	if (result == 0)
		result = rte_eth_macaddr_get(port->port_id, &mac);
	if (result == 0)
		memcpy(port->mac, mac.addr_bytes, sizeof(port->mac));
	else
		snprintf(error, size, "port '%s': cannot configure '%s': %s%s", port->config.name, port->config.devargs,
			 strerror(-result), result == -ENOMEM ? " (give more mbufs with --mbufs N)" : "");
	rte_eth_dev_set_mtu(port->port_id,
			    port->config.mtu); /* many virtual devices have none: the edge checks it itself */
	return result;
}

static void close_device(struct edge_port *port)
{
	struct rte_eth_dev_info info;
	struct rte_device *device = rte_eth_dev_info_get(port->port_id, &info) == 0 ? info.device : NULL;

	rte_eth_dev_close(port->port_id);
	if (device != NULL)
		rte_dev_remove(device);
}

static struct edge_port *allocate(const struct sluice_port *config, struct im_packet_pool *pool)
{
	struct edge_port *port = calloc(1, sizeof(*port));

	if (port == NULL)
		return NULL;
	port->config = *config;
	port->pool = pool;
	port->max_frame = config->mtu + LINK_OVERHEAD;
	port->lookahead = config->mtu;
	port->encapsulation = SLUICE_ENCAPSULATION_PLAIN | SLUICE_ENCAPSULATION_TAGGED;
	port->stopped = EDGE_STOP_PAUSED; /* until its edge is restarted */
	if (config->rx_pps != 0)	  /* each queue its part of the port's rate */
		port->cycles_per_packet = rte_get_tsc_hz() * config->queues / config->rx_pps;
	port->queues = aligned_alloc(64, config->queues * sizeof(*port->queues));
	if (port->queues == NULL) {
		free(port);
		return NULL;
	}
	memset(port->queues, 0, config->queues * sizeof(*port->queues));
	return port;
}

static void release(struct edge_port *port)
{
	if (port == NULL)
		return;
	free(port->queues);
	free(port);
}

int edge_port_create(const struct sluice_port *config, struct im_packet_pool *pool, struct edge_port **out, char *error,
		     size_t size)
{
	struct edge_port *port = allocate(config, pool);
	int result;

	if (port == NULL || port_count == SLUICE_POLICY_MAX_PORTS) {
		snprintf(error, size, "port '%s': out of memory", config->name);
		release(port);
		return -ENOMEM;
	}
	result = probe(port, error, size);
	if (result == 0) {
		result = configure(port, error, size);
		if (result != 0)
			close_device(port);
	}
	if (result != 0) {
		release(port);
		return result;
	}
	ports[port_count++] = port;
	*out = port;
	return 0;
}

int edge_port_start(struct edge_port *port, char *error, size_t size)
{
	int result = rte_eth_dev_start(port->port_id);

	if (result != 0) {
		snprintf(error, size, "port '%s': cannot start '%s': %s", port->config.name, port->config.devargs,
			 strerror(-result));
		return result;
	}
	port->started = true;
	edge_port_met_peer(port);
	return 0;
}

static void forget(const struct edge_port *port)
{
	unsigned at = 0;

	while (ports[at] != port)
		at++;
	ports[at] = ports[--port_count];
}

/* A device that a thread is still at is nobody's to close. */
void edge_port_destroy(struct edge_port *port)
{
	if (port == NULL)
		return;
	edge_report_lent(port);
	forget(port);
	if (!edge_port_stop_seeking(port))
		return;
	if (port->started)
		rte_eth_dev_stop(port->port_id);
	close_device(port);
	release(port);
}
