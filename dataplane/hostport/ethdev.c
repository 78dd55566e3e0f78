/* SPDX-License-Identifier: BSD-3-Clause */
/* The driver net_host, as DPDK has drivers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_devargs.h>
#include <rte_ether.h>
#include <rte_kvargs.h>
#include <rte_malloc.h>
#include <rte_version.h>

#include "driver.h"
#include "port.h"

#define TX_OFFLOADS                                                                                                    \
	(RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_VLAN_INSERT | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |               \
	 RTE_ETH_TX_OFFLOAD_UDP_CKSUM)

static struct hostport *port_of(const struct rte_eth_dev *dev)
{
	return dev->data->dev_private;
}

/* ---- Life ------------------------------------------------------------------------------------------ */

IM_PASSIVE static int configure(struct rte_eth_dev *dev)
{
	if (dev->data->nb_rx_queues != dev->data->nb_tx_queues)
		return -EINVAL; /* a host has pairs */
	port_of(dev)->configured = dev->data->nb_rx_queues;
	return 0;
}

IM_PASSIVE static int start(struct rte_eth_dev *dev)
{
	hostport_set_started(port_of(dev), true);
	return 0;
}

IM_PASSIVE static int stop(struct rte_eth_dev *dev)
{
	hostport_set_started(port_of(dev), false);
	return 0;
}

/* The rest DPDK frees: what it has from dev_private and mac_addrs; the address lies within the port. */
IM_PASSIVE static int close_port(struct rte_eth_dev *dev)
{
	hostport_unregister(port_of(dev));
	dev->data->mac_addrs = NULL;
	return 0;
}

IM_PASSIVE static int set_up_rx(struct rte_eth_dev *dev, uint16_t queue, uint16_t descriptors, unsigned int socket,
				const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	struct hostport *port = port_of(dev);

	(void)descriptors, (void)socket, (void)conf;
	if (pool == NULL)
		return -EINVAL;
	port->queue[queue].pool = pool;
	dev->data->rx_queues[queue] = &port->queue[queue];
	return 0;
}

IM_PASSIVE static int set_up_tx(struct rte_eth_dev *dev, uint16_t queue, uint16_t descriptors, unsigned int socket,
				const struct rte_eth_txconf *conf)
{
	(void)descriptors, (void)socket, (void)conf;
	dev->data->tx_queues[queue] = &port_of(dev)->queue[queue];
	return 0;
}

/* ---- What it says and is told ---------------------------------------------------------------------- */

IM_PASSIVE static int get_info(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
	const struct hostport *port = port_of(dev);

	info->max_rx_queues = port->queues;
	info->max_tx_queues = port->queues;
	info->max_mac_addrs = 1;
	info->min_mtu = RTE_ETHER_MIN_MTU;
	info->max_mtu = HOSTPORT_MTU_MAX;
	info->max_rx_pktlen = HOSTPORT_MTU_MAX + HOSTPORT_OVERHEAD;
	info->rx_offload_capa = RTE_ETH_RX_OFFLOAD_SCATTER;
	info->tx_offload_capa = TX_OFFLOADS;
	info->min_rx_bufsize = 0;
	return 0;
}

/* It is up while a host is there. */
IM_PASSIVE static int update_link(struct rte_eth_dev *dev, int wait)
{
	const struct hostport *port = port_of(dev);
	bool up = port->link != NULL && port->started;
	const struct rte_eth_link link = {
		.link_speed = RTE_ETH_SPEED_NUM_10G,
		.link_duplex = RTE_ETH_LINK_FULL_DUPLEX,
		.link_autoneg = RTE_ETH_LINK_FIXED,
		.link_status = up ? RTE_ETH_LINK_UP : RTE_ETH_LINK_DOWN,
	};
	uint64_t word;

	(void)wait;
	static_assert(sizeof(link) == sizeof(word), "a link is one word, read by others at any time");
	memcpy(&word, &link, sizeof(word));
	__atomic_store_n((uint64_t *)(void *)&dev->data->dev_link, word, __ATOMIC_RELEASE);
	return 0;
}

/* The host's stack filters: it gets what comes here. */
IM_PASSIVE static int accept_mode(struct rte_eth_dev *dev)
{
	(void)dev;
	return 0;
}

IM_PASSIVE static int set_multicast(struct rte_eth_dev *dev, struct rte_ether_addr *list, uint32_t count)
{
	(void)dev, (void)list, (void)count;
	return 0;
}

IM_PASSIVE static int set_mac(struct rte_eth_dev *dev, struct rte_ether_addr *mac)
{
	memcpy(port_of(dev)->mac, mac->addr_bytes, sizeof(mac->addr_bytes));
	return 0;
}

IM_PASSIVE static int set_mtu(struct rte_eth_dev *dev, uint16_t mtu)
{
	struct hostport *port = port_of(dev);

	port->mtu = mtu;
	__atomic_store_n(&port->max_frame, mtu + HOSTPORT_OVERHEAD, __ATOMIC_RELAXED);
	return 0;
}

IM_PASSIVE static int get_stats(struct rte_eth_dev *dev, struct rte_eth_stats *stats)
{
	const struct hostport *port = port_of(dev);
	struct hostport_counters sum;

	for (uint16_t q = 0; hostport_read(port->device, q, &sum); q++) {
		stats->ipackets += sum.send_frames - sum.send_refused;
		stats->ibytes += sum.send_bytes;
		stats->ierrors += sum.send_refused;
		stats->rx_nombuf += sum.no_mbufs;
		stats->opackets += sum.receive_frames;
		stats->obytes += sum.receive_bytes;
		stats->oerrors += sum.receive_short + sum.receive_refused + sum.receive_no_host;
	}
	return 0;
}

/* ---- Extended statistics: the account of receive buffers ------------------------------------------- */

#define XSTATS(X) X(lent) X(returned) X(forfeited) X(held)

enum {
#define X(name) XSTAT_##name,
	XSTATS(X)
#undef X
		XSTAT_COUNT
};

/* Both say how many there are, and fill in where there is room for all of them. */
IM_PASSIVE static int get_xstat_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int count)
{
	(void)dev;
	if (names == NULL || count < XSTAT_COUNT)
		return XSTAT_COUNT;
#define X(member) strcpy(names[XSTAT_##member].name, HOSTPORT_XSTAT(#member));
	XSTATS(X)
#undef X
	return XSTAT_COUNT;
}

IM_PASSIVE static int get_xstats(struct rte_eth_dev *dev, struct rte_eth_xstat *stats, unsigned int count)
{
	struct hostport_account account;

	if (stats == NULL || count < XSTAT_COUNT)
		return XSTAT_COUNT;
	if (!hostport_account(port_of(dev)->device, &account))
		return -ENODEV;
#define X(member) stats[XSTAT_##member] = (struct rte_eth_xstat){.id = XSTAT_##member, .value = account.member};
	XSTATS(X)
#undef X
	return XSTAT_COUNT;
}

static const struct eth_dev_ops operations = {
	.dev_configure = configure,
	.dev_start = start,
	.dev_stop = stop,
	.dev_close = close_port,
	.link_update = update_link,
	.promiscuous_enable = accept_mode,
	.promiscuous_disable = accept_mode,
	.allmulticast_enable = accept_mode,
	.allmulticast_disable = accept_mode,
	.mac_addr_set = set_mac,
	.set_mc_addr_list = set_multicast,
	.mtu_set = set_mtu,
	.stats_get = get_stats,
	.xstats_get = get_xstats,
	.xstats_get_names = get_xstat_names,
	.dev_infos_get = get_info,
	.rx_queue_setup = set_up_rx,
	.tx_queue_setup = set_up_tx,
};

/* ---- Its arguments --------------------------------------------------------------------------------- */

static bool read_number(const char *text, unsigned long least, unsigned long most, uint16_t *number)
{
	char *end;
	unsigned long value;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || value < least || value > most)
		return false;
	*number = (uint16_t)value;
	return true;
}

static bool read_argument(struct hostport *port, const char *key, const char *value)
{
	struct rte_ether_addr mac;

	if (value == NULL)
		return false;
	if (strcmp(key, "queues") == 0)
		return read_number(value, 1, SLUICE_DATA_QUEUES_MAX, &port->queues);
	if (strcmp(key, "entries") == 0)
		return read_number(value, SLUICE_DATA_ENTRIES_MIN, SLUICE_DATA_ENTRIES_MAX, &port->entries) &&
		       (port->entries & (port->entries - 1)) == 0;
	if (strcmp(key, "mtu") == 0)
		return read_number(value, RTE_ETHER_MIN_MTU, HOSTPORT_MTU_MAX, &port->mtu);
	if (rte_ether_unformat_addr(value, &mac) != 0 || !rte_is_valid_assigned_ether_addr(&mac))
		return false;
	memcpy(port->mac, mac.addr_bytes, sizeof(port->mac));
	return true;
}

IM_PASSIVE static int take_argument(const char *key, const char *value, void *port)
{
	return read_argument(port, key, value) ? 0 : -EINVAL;
}

IM_PASSIVE static int read_arguments(struct hostport *port, const char *text)
{
	static const char *const keys[] = {"queues", "entries", "mtu", "mac", NULL};
	struct rte_kvargs *arguments = rte_kvargs_parse(text != NULL ? text : "", keys);
	int result;

	if (arguments == NULL)
		return -EINVAL;
	result = rte_kvargs_process(arguments, NULL, take_argument, port);
	rte_kvargs_free(arguments);
	return result == 0 ? 0 : -EINVAL;
}

/* ---- Devices --------------------------------------------------------------------------------------- */

IM_PASSIVE static struct hostport *create(const char *name, const char *arguments)
{
	struct hostport *port = rte_zmalloc(name, sizeof(*port), RTE_CACHE_LINE_SIZE);

	if (port == NULL)
		return NULL;
	port->queues = 1;
	port->entries = 1024;
	port->mtu = RTE_ETHER_MTU;
	rte_eth_random_addr(port->mac);
	if (strlen(name) >= sizeof(port->device) || read_arguments(port, arguments) != 0) {
		rte_free(port);
		return NULL;
	}
	strcpy(port->device, name);
	port->max_frame = port->mtu + HOSTPORT_OVERHEAD;
	return port;
}

IM_PASSIVE static int probe(struct rte_vdev_device *vdev)
{
	struct rte_device *device = (struct rte_device *)(void *)&vdev->device;
	const struct rte_devargs *arguments = rte_dev_devargs(device);
	const char *name = rte_dev_name(device);
	struct hostport *port = create(name, arguments != NULL ? arguments->args : NULL);
	struct rte_eth_dev *dev = port != NULL ? rte_eth_dev_allocate(name) : NULL;

	if (dev == NULL) {
		rte_free(port);
		return -EINVAL;
	}
	dev->device = device;
	dev->dev_ops = &operations;
	dev->rx_pkt_burst = hostport_receive;
	dev->tx_pkt_burst = hostport_transmit;
	dev->data->dev_private = port;
	dev->data->mac_addrs = (struct rte_ether_addr *)port->mac;
	dev->data->mtu = port->mtu;
	hostport_register(port);
	rte_eth_dev_probing_finish(dev);
	return 0;
}

IM_PASSIVE static int remove_device(struct rte_vdev_device *vdev)
{
	struct rte_eth_dev *dev = rte_eth_dev_allocated(rte_dev_name((struct rte_device *)(void *)&vdev->device));

	if (dev == NULL)
		return 0; /* it was closed before */
	close_port(dev);
	return rte_eth_dev_release_port(dev);
}

static struct rte_vdev_driver driver = {
	.driver.name = HOSTPORT_DRIVER,
	.probe = probe,
	.remove = remove_device,
};

/* Before main(), as DPDK's own drivers do. */
__attribute__((constructor)) static void register_driver(void)
{
	if (strncmp(rte_version(), DRIVER_DPDK, strlen(DRIVER_DPDK)) == 0)
		rte_vdev_register(&driver);
}
